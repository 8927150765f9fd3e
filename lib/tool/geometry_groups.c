/* Trials into groups by their parameters: see geometry.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "tool/geometry.h"

void tool_states_release(struct tool_states *s)
{
    free(s->x);
    free(s->trial);
    free(s->tr);
    free(s->row);
    *s = (struct tool_states){ 0 };
}

void tool_groups_release(struct tool_groups *g)
{
    for (size_t i = 0; i < g->G && g->name; i++) free(g->name[i]);
    free(g->by);
    free(g->name);
    free(g->g);
    free(g->y);
    *g = (struct tool_groups){ 0 };
}

static const struct rnn_trial_col *column(const struct rnn_trials *tr, const char *name)
{
    for (size_t c = 0; c < tr->n_cols; c++)
        if (!strcmp(tr->cols[c].name, name)) return &tr->cols[c];
    return NULL;
}

bool tool_states_have(const struct tool_states *s, const char *parameter, bool *is_text)
{
    const struct rnn_trial_col *c = s->tr && s->K ? column(s->tr[0], parameter) : NULL;
    if (c) *is_text = c->s != NULL;
    return c != NULL;
}

/* ---- levels ---- */

struct level { const char *s; double v; size_t at; }; /* of one trial */

static int by_level(const void *p, const void *q)
{
    const struct level *a = p, *b = q;
    if (a->s) return strcmp(a->s, b->s);
    if (isnan(a->v) || isnan(b->v)) return isnan(a->v) - isnan(b->v);
    return (a->v > b->v) - (a->v < b->v);
}

/* Reads the parameter of every trial; a NaN or an empty text is no level. */
static int read_levels(const struct tool_states *s, const char *by, struct level **out, struct rnn_err *err)
{
    const size_t K = s->K + s->K_learn;
    if (!s->tr) return rnn_fail(err, RNN_ERR_ARG, "the activity refers to no trials: they cannot be grouped by '%s'", by);
    RNN_TRY(rnn_alloc_into(out, K, sizeof **out, err));
    for (size_t k = 0; k < K; k++) {
        const struct rnn_trial_col *c = column(s->tr[k], by);
        if (!c || (k && !c->s != !(*out)[0].s)) {
            free(*out);
            return rnn_fail(err, RNN_ERR_ARG, "the trials have no parameter '%s' to group by", by);
        }
        (*out)[k] = (struct level){ .s = c->s ? c->s[s->row[k]] : NULL, .v = c->v ? c->v[s->row[k]] : 0, .at = k };
    }
    return RNN_OK;
}

static bool is_missing(const struct level *l)
{
    return l->s ? !*l->s : isnan(l->v);
}

static char *level_name(const struct level *l)
{
    struct rnn_kv kv = { .type = RNN_KV_REAL, .r = l->v };
    return l->s ? rnn_strdup(l->s) : rnn_kv_text(&kv);
}

/* Sorted levels become groups; l is reordered. */
static int number_levels(struct level *l, size_t K, struct tool_groups *out, struct rnn_err *err)
{
    size_t cap = 0;
    RNN_TRY(rnn_alloc_into(&out->g, K, sizeof *out->g, err));
    qsort(l, K, sizeof *l, by_level);
    for (size_t i = 0; i < K; i++) {
        out->g[l[i].at] = RNN_NO_GROUP;
        if (is_missing(&l[i])) continue;
        if (!out->G || by_level(&l[i], &l[i - 1])) {
            RNN_TRY(rnn_grow(&out->name, &cap, out->G + 1, sizeof *out->name, err));
            if (!(out->name[out->G] = level_name(&l[i]))) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
            out->G++;
        }
        out->g[l[i].at] = out->G - 1;
    }
    return RNN_OK;
}

static size_t count_levels(struct level *l, size_t K)
{
    size_t n = 0;
    qsort(l, K, sizeof *l, by_level);
    for (size_t i = 0; i < K; i++) n += !is_missing(&l[i]) && (!i || by_level(&l[i], &l[i - 1]));
    return n;
}

static int start(struct tool_groups *out, const char *by, struct rnn_err *err)
{
    *out = (struct tool_groups){ .by = rnn_strdup(by) };
    return out->by ? RNN_OK : rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
}

/* A number of too many levels stays a number. */
static int keep_numbers(const struct level *l, size_t K, struct tool_groups *out, struct rnn_err *err)
{
    RNN_TRY(rnn_alloc_into(&out->y, K, sizeof *out->y, err));
    for (size_t i = 0; i < K; i++) {
        if (!isfinite(l[i].v)) return rnn_fail(err, RNN_ERR_ARG, "parameter '%s' is a number that some trials lack: it cannot be regressed", out->by);
        out->y[l[i].at] = l[i].v;
    }
    return RNN_OK;
}

int tool_groups_by(const struct tool_states *s, const char *by, size_t max_levels, struct tool_groups *out, struct rnn_err *err)
{
    const size_t K = s->K + s->K_learn;
    struct level *l;
    *out = (struct tool_groups){ 0 };
    RNN_TRY(read_levels(s, by, &l, err));
    const bool is_text = K && l[0].s;
    const size_t n = count_levels(l, K);
    int rc = start(out, by, err);
    if (rc >= 0 && n <= max_levels) rc = number_levels(l, K, out, err);
    else if (rc >= 0 && is_text) rc = rnn_fail(err, RNN_ERR_ARG, "parameter '%s' is text of %zu levels, more than --max-levels (%zu)", by, n, max_levels);
    else if (rc >= 0) rc = keep_numbers(l, K, out, err);
    if (rc < 0) tool_groups_release(out);
    free(l);
    return rc;
}

static bool same_partition(const struct tool_groups *a, const struct tool_groups *b, size_t K)
{
    /* Levels need not be in the same order: a's group of every trial must decide b's and the other way round. */
    if (a->G != b->G) return false;
    for (size_t i = 0; i < K; i++)
        for (size_t j = 0; j < i; j++)
            if ((a->g[i] == a->g[j]) != (b->g[i] == b->g[j])) return false;
    return true;
}

int tool_groups_all(const struct tool_states *s, size_t max_levels, struct tool_groups **out, size_t *n, struct rnn_err *err)
{
    size_t cap = 0;
    *out = NULL;
    *n = 0;
    if (!s->tr || !s->K) return RNN_OK;
    for (size_t c = 0; c < s->tr[0]->n_cols; c++) {
        struct level *l;
        struct tool_groups one = { 0 };
        RNN_TRY(read_levels(s, s->tr[0]->cols[c].name, &l, err));
        const size_t levels = count_levels(l, s->K + s->K_learn);
        int rc = RNN_OK;
        if (levels >= 2 && levels <= max_levels && (rc = start(&one, s->tr[0]->cols[c].name, err)) >= 0)
            rc = number_levels(l, s->K + s->K_learn, &one, err);
        free(l);
        bool is_new = one.G >= 2;
        for (size_t i = 0; i < *n && is_new; i++) is_new = !same_partition(&(*out)[i], &one, s->K + s->K_learn);
        if (rc >= 0 && is_new) rc = rnn_grow(out, &cap, *n + 1, sizeof **out, err);
        if (rc >= 0 && is_new) (*out)[(*n)++] = one;
        else tool_groups_release(&one);
        RNN_TRY(rc);
    }
    return RNN_OK;
}

int tool_groups_prefix(const struct tool_states *s, const char *by, size_t letters, struct tool_groups *out, struct rnn_err *err)
{
    const size_t K = s->K + s->K_learn;
    struct level *l;
    char **cut = NULL;
    *out = (struct tool_groups){ 0 };
    RNN_TRY(read_levels(s, by, &l, err));
    int rc = rnn_alloc_into(&cut, K, sizeof *cut, err);
    if (rc >= 0 && K && !l[0].s) rc = rnn_fail(err, RNN_ERR_ARG, "parameter '%s' is a number: it spells no path", by);
    for (size_t k = 0; rc >= 0 && k < K; k++) {
        l[k].s = cut[k] = rnn_asprintf("%.*s", (int)letters, l[k].s);
        if (!cut[k]) rc = rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    }
    if (rc >= 0) rc = start(out, by, err);
    if (rc >= 0) rc = number_levels(l, K, out, err);
    for (size_t k = 0; k < K && cut; k++) free(cut[k]);
    free(cut);
    free(l);
    if (rc < 0) tool_groups_release(out);
    return rc;
}
