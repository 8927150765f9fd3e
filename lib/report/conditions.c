#include "report/conditions.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/hash.h"
#include "base/mem.h"

static uint64_t hash_of(const struct rnn_gcol *c, size_t row, size_t class)
{
    if (!c) return rnn_hash(NULL, 0, class);
    if (c->is_text) return rnn_hash(c->s[row], strlen(c->s[row]), class);
    const double v = isnan(c->v[row]) ? NAN : c->v[row] + 0.0; /* -0 is 0 */
    return rnn_hash(&v, sizeof v, class);
}

int rnn_split_rows(const struct rnn_gtable *t, const bool *keep, const struct rnn_gcol *c, const size_t *class_of, size_t *out, size_t *n, struct rnn_err *err)
{
    size_t size = 16, *slot = NULL, *first = NULL, *was = NULL; /* slot: 1 + number of the pair */
    while (size < 2 * t->rows) size *= 2;
    int rc = rnn_alloc_into(&slot, size, sizeof *slot, err);
    if (rc >= 0) rc = rnn_alloc_into(&first, t->rows + 1, sizeof *first, err);
    if (rc >= 0) rc = rnn_alloc_into(&was, t->rows + 1, sizeof *was, err); /* class of each pair: out may be class_of */
    *n = 0;
    for (size_t i = 0; rc >= 0 && i < t->rows; i++) {
        if (keep && !keep[i]) continue;
        size_t at = (size_t)hash_of(c, i, class_of[i]) & (size - 1);
        while (slot[at] && !(was[slot[at] - 1] == class_of[i] && (!c || rnn_gcol_same(c, first[slot[at] - 1], i)))) at = (at + 1) & (size - 1);
        if (!slot[at]) first[*n] = i, was[*n] = class_of[i], slot[at] = ++*n;
        out[i] = slot[at] - 1;
    }
    free(slot);
    free(first);
    free(was);
    return rc;
}

size_t rnn_net_letters(const char *id)
{
    const char *at = strrchr(id, '@');
    return at && at[1] && strspn(at + 1, "0123456789") == strlen(at + 1) ? (size_t)(at - id) : strlen(id);
}

int rnn_number_nets(const struct rnn_gtable *t, const bool *keep, size_t *net_of, size_t *n, struct rnn_err *err)
{
    const struct rnn_gcol *net = rnn_gtable_col(t, "net");
    *n = 0;
    for (size_t i = 0; i < t->rows; i++) net_of[i] = net && net->is_text ? (size_t)t->home[i] : 0;
    return net && net->is_text ? rnn_split_rows(t, keep, net, net_of, net_of, n, err) : RNN_OK;
}

static bool marks_copy(const struct rnn_gcol *c)
{
    return c->is_label && (!strcmp(c->name, "lowrank") || !strcmp(c->name, "activity"));
}

/* Pairs of id and where the network came first; where there are copies, of id and labels, those that mark copies only if they count. */
static int count_by(const struct rnn_gtable *t, const bool *keep, const struct rnn_gcol *id, bool copies, bool snapshots, bool each_copy, size_t *class_of, size_t *n,
                    struct rnn_err *err)
{
    for (size_t i = 0; i < t->rows; i++) class_of[i] = copies ? 0 : (size_t)t->home[i];
    RNN_TRY(rnn_split_rows(t, keep, id, class_of, class_of, n, err));
    for (size_t c = 0; copies && c < t->n_cols; c++)
        if (t->col[c].is_label && strcmp(t->col[c].name, "net") && (snapshots || strcmp(t->col[c].name, "snapshot")) && (each_copy || !marks_copy(&t->col[c])))
            RNN_TRY(rnn_split_rows(t, keep, &t->col[c], class_of, class_of, n, err));
    return RNN_OK;
}

int rnn_count_nets(const struct rnn_gtable *t, const bool *keep, struct rnn_net_count *count, struct rnn_err *err)
{
    const struct rnn_gcol *net = rnn_gtable_col(t, "net");
    struct rnn_gcol whole = {.is_text = true};
    size_t *class_of = NULL;
    bool copies = false;
    *count = (struct rnn_net_count){0};
    if (!net || !net->is_text) return RNN_OK;
    for (size_t c = 0; c < t->n_cols && !copies; c++)
        for (size_t i = 0; marks_copy(&t->col[c]) && i < t->rows; i++) copies |= (!keep || keep[i]) && !rnn_gcol_missing(&t->col[c], i);
    int rc = rnn_alloc_into(&whole.s, t->rows + 1, sizeof *whole.s, err);
    if (rc >= 0) rc = rnn_alloc_into(&class_of, t->rows + 1, sizeof *class_of, err);
    for (size_t i = 0; rc >= 0 && i < t->rows; i++)
        if (!(whole.s[i] = rnn_asprintf("%.*s", (int)rnn_net_letters(net->s[i]), net->s[i]))) rc = rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    if (rc >= 0) rc = count_by(t, keep, &whole, copies, false, false, class_of, &count->nets, err);
    if (rc >= 0) rc = count_by(t, keep, net, copies, true, false, class_of, &count->with_snapshots, err);
    if (rc >= 0) rc = count_by(t, keep, net, copies, true, true, class_of, &count->all, err);
    rnn_release_words(whole.s, t->rows);
    free(class_of);
    return rc;
}

/* delay_ms is delay-ms: parameters of tasks are spelt as their options. */
static bool called(const char *a, const char *b)
{
    while (*a && (*a == *b || (strchr("-_", *a) && *b && strchr("-_", *b)))) a++, b++;
    return *a == *b;
}

/* Numbers that only tell runs of the same condition apart. */
static bool is_address(const struct rnn_gcol *c)
{
    static const char *const addresses[] = {"net", "index", "seed", "task_seed", "pair", "type-set"};
    for (size_t k = 0; k < RNN_LEN(addresses); k++)
        if (called(c->name, addresses[k])) return true;
    return false;
}

/* The label that splits classes furthest into no more than `most`; NULL: none does. */
static int best_label(const struct rnn_gtable *t, const bool *keep, const char *const *shown, size_t n_shown, size_t most, bool text, size_t *class_of, size_t *n,
                      size_t *now, size_t *best_of, const struct rnn_gcol **best, struct rnn_err *err)
{
    size_t at = *n;
    *best = NULL;
    for (size_t c = 0; c < t->n_cols; c++) {
        const struct rnn_gcol *col = &t->col[c];
        bool out = !col->is_label || col->is_text != text || is_address(col);
        size_t m;
        for (size_t k = 0; k < n_shown; k++) out |= shown[k] && called(col->name, shown[k]);
        if (out) continue;
        RNN_TRY(rnn_split_rows(t, keep, col, class_of, now, &m, err));
        if (m > most || m <= at) continue;
        *best = col, at = m;
        memcpy(best_of, now, t->rows * sizeof *now);
    }
    if (*best) memcpy(class_of, best_of, t->rows * sizeof *class_of), *n = at;
    return RNN_OK;
}

int rnn_find_labels(const struct rnn_gtable *t, const bool *keep, const char *const *shown, size_t n_shown, size_t most, size_t *class_of, size_t *n,
                    const struct rnn_gcol **by, size_t cap, size_t *n_by, struct rnn_err *err)
{
    size_t *now = NULL;
    *n_by = 0;
    RNN_TRY(rnn_alloc_into(&now, 2 * (t->rows + 1), sizeof *now, err));
    int rc = RNN_OK;
    for (int text = 1; rc >= 0 && text >= 0; text--)
        while (rc >= 0 && *n_by < cap) {
            const struct rnn_gcol *best;
            rc = best_label(t, keep, shown, n_shown, most, text, class_of, n, now, now + t->rows + 1, &best, err);
            if (rc < 0 || !best) break;
            by[(*n_by)++] = best;
        }
    free(now);
    return rc;
}

void rnn_release_words(char **words, size_t n)
{
    for (size_t i = 0; words && i < n; i++) free(words[i]);
    free(words);
}

int rnn_condition_words(const struct rnn_gtable *t, const bool *keep, const char *const *shown, size_t n_shown, size_t most, bool else_net,
                        char ***words, size_t *n, struct rnn_err *err)
{
    const struct rnn_gcol *by[4], *net = rnn_gtable_col(t, "net");
    size_t *class_of = NULL, n_by = 0;
    *n = 1;
    RNN_TRY(rnn_alloc_into(words, t->rows + 1, sizeof **words, err));
    int rc = rnn_alloc_into(&class_of, t->rows + 1, sizeof *class_of, err);
    if (rc >= 0) rc = rnn_find_labels(t, keep, shown, n_shown, most, class_of, n, by, RNN_LEN(by), &n_by, err);
    for (size_t i = 0; rc >= 0 && i < t->rows; i++) {
        char buf[200] = "", cell[40];
        size_t used = 0;
        for (size_t k = 0; k < n_by && used < sizeof buf; k++) {
            const bool text = by[k]->is_text;
            if (!rnn_gcol_missing(by[k], i))
                used += (size_t)snprintf(buf + used, sizeof buf - used, "%s%s%s%s", used ? ", " : "", text ? "" : by[k]->name, text ? "" : " ", rnn_gcol_text(by[k], i, cell));
        }
        if (n_by && !*buf) snprintf(buf, sizeof buf, "no %s", by[0]->name);
        if (!((*words)[i] = rnn_strdup(n_by || !else_net ? buf : net && net->is_text ? net->s[i] : "all"))) rc = rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    }
    free(class_of);
    return rc;
}
