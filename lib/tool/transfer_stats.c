/* What the curves of all recipients say together: paired comparisons. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "io/table.h"
#include "num/stats.h"
#include "tool/transfer.h"

struct pair { size_t segment; uint64_t index; struct tool_curve *curves; }; /* [n_conditions] */
struct tool_results { size_t n_conditions, n, cap; struct pair *v; };

int tool_results_new(struct tool_results **r, const struct tool_conditions *c, struct rnn_err *err)
{
    RNN_TRY(rnn_alloc_into(r, 1, sizeof **r, err));
    (*r)->n_conditions = c->n;
    return RNN_OK;
}

static void free_curve(struct tool_curve *c)
{
    free(c->epoch);
    free(c->update);
    free(c->train_loss);
    free(c->train_accuracy);
    free(c->test_loss);
    free(c->test_accuracy);
}

void tool_results_free(struct tool_results *r)
{
    for (size_t i = 0; r && i < r->n; i++) {
        for (size_t k = 0; k < r->n_conditions; k++) free_curve(&r->v[i].curves[k]);
        free(r->v[i].curves);
    }
    if (r) free(r->v);
    free(r);
}

int tool_results_add(struct tool_results *r, size_t segment, struct tool_outcome *o, struct rnn_err *err)
{
    size_t i = 0;
    while (i < r->n && !(r->v[i].segment == segment && r->v[i].index == o->index)) i++;
    if (i == r->n) {
        RNN_TRY(rnn_grow(&r->v, &r->cap, r->n + 1, sizeof *r->v, err));
        r->v[i] = (struct pair){ .segment = segment, .index = o->index };
        RNN_TRY(rnn_alloc_into(&r->v[i].curves, r->n_conditions, sizeof *r->v[i].curves, err));
        r->n++;
    }
    r->v[i].curves[o->condition] = o->curve;
    o->curve = (struct tool_curve){ 0 };
    return RNN_OK;
}

/* ---- endpoints ---- */

enum endpoint { TEST_ACCURACY, TRAIN_ACCURACY, TEST_LOSS, FINAL_ACCURACY, AREA, JUMP_START, TO_CRITERION };
const char *const tool_endpoint_names[] = { "accuracy", "train_accuracy", "loss", "final_accuracy", "area", "jump_start", "epochs_to_criterion", NULL };

/* The longest course of a pair's recipients: one that diverged stopped early, and did not get there sooner for it. */
static double whole_course(const struct pair *p, size_t n_conditions)
{
    double last = 0;
    for (size_t k = 0; k < n_conditions; k++)
        if (p->curves[k].n) last = fmax(last, p->curves[k].epoch[p->curves[k].n - 1]);
    return last;
}

static double value_of(const struct pair *p, size_t condition, size_t n_conditions, enum endpoint e, double at, double criterion)
{
    const struct tool_curve *c = &p->curves[condition];
    switch (e) {
    case TEST_ACCURACY: return rnn_curve_at(c->n, c->epoch, c->test_accuracy, at);
    case TRAIN_ACCURACY: return rnn_curve_at(c->n, c->epoch, c->train_accuracy, at);
    case TEST_LOSS: return rnn_curve_at(c->n, c->epoch, c->test_loss, at);
    case FINAL_ACCURACY: return c->n ? c->test_accuracy[c->n - 1] : NAN;
    case AREA: return rnn_curve_area(c->n, c->epoch, c->test_accuracy);
    case JUMP_START: return c->n ? c->test_accuracy[0] : NAN;
    case TO_CRITERION: break;
    }
    if (!c->n || isnan(c->train_accuracy[0])) return NAN;
    const double first = rnn_curve_first_at_least(c->n, c->epoch, c->train_accuracy, criterion);
    return isnan(first) ? whole_course(p, n_conditions) : first; /* never: a lower bound */
}

struct comparison { size_t a, b; enum endpoint e; double at; bool primary; struct rnn_paired r; double p_holm; };
struct family { struct comparison *v; size_t n, cap; };

static int compare(const struct tool_results *r, const struct tool_endpoints *e, struct family *f, struct comparison c, struct rnn_err *err)
{
    double *x;
    RNN_TRY(rnn_alloc_into(&x, 2 * r->n, sizeof *x, err));
    for (size_t i = 0; i < r->n; i++) {
        x[i] = value_of(&r->v[i], c.a, r->n_conditions, c.e, c.at, e->criterion);
        x[r->n + i] = value_of(&r->v[i], c.b, r->n_conditions, c.e, c.at, e->criterion);
    }
    int rc = rnn_compare_paired(r->n, x, x + r->n, e->level, e->B, e->seed, f->n, &c.r, err);
    free(x);
    if (rc >= 0) rc = rnn_grow(&f->v, &f->cap, f->n + 1, sizeof *f->v, err);
    if (rc >= 0) f->v[f->n++] = c;
    return rc;
}

/* Every endpoint of condition a against b. */
static int compare_all(const struct tool_results *r, const struct tool_conditions *c, const struct tool_endpoints *e, size_t a, size_t b, struct family *f,
                       struct rnn_err *err)
{
    const bool is_primary = b == 0 && e->primary && !strcmp(c->v[a].name, e->primary);
    for (int k = TEST_ACCURACY; k <= TEST_LOSS; k++) {
        for (size_t i = 0; i < e->n_at; i++) {
            const struct comparison one = { .a = a, .b = b, .e = (enum endpoint)k, .at = e->at[i],
                                            .primary = is_primary && k == TEST_ACCURACY && fabs(e->at[i] - e->primary_at) < 1e-9 };
            RNN_TRY(compare(r, e, f, one, err));
        }
    }
    for (int k = FINAL_ACCURACY; k <= TO_CRITERION; k++) {
        const struct comparison one = { .a = a, .b = b, .e = (enum endpoint)k, .at = NAN };
        RNN_TRY(compare(r, e, f, one, err));
    }
    return RNN_OK;
}

static bool is_secondary(const struct comparison *c, const struct tool_endpoints *e)
{
    return e->secondary[c->e] && !c->primary && c->r.n > 0;
}

/* Holm over the secondary tests that have pairs. */
static int correct(const struct tool_endpoints *e, struct family *f, struct rnn_err *err)
{
    double *p;
    size_t n = 0;
    RNN_TRY(rnn_alloc_into(&p, 2 * f->n, sizeof *p, err));
    for (size_t i = 0; i < f->n; i++)
        if (is_secondary(&f->v[i], e)) p[n++] = f->v[i].r.p;
    const int rc = n ? rnn_holm(n, p, p + f->n, err) : RNN_OK;
    n = 0;
    for (size_t i = 0; i < f->n; i++) f->v[i].p_holm = is_secondary(&f->v[i], e) ? p[f->n + n++] : NAN;
    free(p);
    return rc;
}

static bool same_treatment(const struct tool_condition *a, const struct tool_condition *b)
{
    return !strcmp(a->blocks, b->blocks) && !strcmp(a->frozen, b->frozen);
}

static int make_family(const struct tool_results *r, const struct tool_conditions *c, const struct tool_endpoints *e, struct family *f, struct rnn_err *err)
{
    for (size_t a = 1; a < c->n; a++) RNN_TRY(compare_all(r, c, e, a, 0, f, err));
    for (size_t a = 1; a < c->n; a++) {
        for (size_t b = 1; b < c->n && c->v[a].donor == 0; b++)
            if (c->v[b].donor != 0 && c->v[b].donor != TOOL_SCRATCH && same_treatment(&c->v[a], &c->v[b])) RNN_TRY(compare_all(r, c, e, a, b, f, err));
    }
    return correct(e, f, err);
}

static int columns(struct rnn_table *t, struct rnn_err *err)
{
    static const struct { const char *name; enum rnn_kv_type type; const char *unit, *doc; } cols[] = {
        { "condition", RNN_KV_STR, NULL, "a" },
        { "reference", RNN_KV_STR, NULL, "b" },
        { "endpoint", RNN_KV_STR, NULL, "accuracy and loss are those of test trials" },
        { "epoch", RNN_KV_REAL, "epochs", "when; NaN: an endpoint of the whole course" },
        { "primary", RNN_KV_BOOL, NULL, "the one test that is not corrected" },
        { "n", RNN_KV_INT, "pairs", NULL },
        { "mean", RNN_KV_REAL, NULL, "of a" },
        { "reference_mean", RNN_KV_REAL, NULL, "of b" },
        { "difference", RNN_KV_REAL, NULL, "mean of a - b" },
        { "lo", RNN_KV_REAL, NULL, "percentile bootstrap interval" },
        { "hi", RNN_KV_REAL, NULL, NULL },
        { "p", RNN_KV_REAL, NULL, "two-sided paired permutation" },
        { "p_holm", RNN_KV_REAL, NULL, "the same after Holm over the secondary endpoints; NaN: not one of them" },
    };
    for (size_t i = 0; i < RNN_LEN(cols); i++) RNN_TRY(rnn_table_col(t, cols[i].name, cols[i].type, cols[i].unit, cols[i].doc, err));
    return RNN_OK;
}

static void put(struct rnn_table *t, const struct tool_conditions *c, const struct comparison *x)
{
    rnn_table_set_str(t, "condition", c->v[x->a].name);
    rnn_table_set_str(t, "reference", c->v[x->b].name);
    rnn_table_set_str(t, "endpoint", tool_endpoint_names[x->e]);
    rnn_table_set(t, "epoch", x->at);
    rnn_table_set_int(t, "primary", x->primary);
    rnn_table_set_int(t, "n", (int64_t)x->r.n);
    rnn_table_set(t, "mean", x->r.mean_a);
    rnn_table_set(t, "reference_mean", x->r.mean_b);
    rnn_table_set(t, "difference", x->r.diff);
    rnn_table_set(t, "lo", x->r.lo);
    rnn_table_set(t, "hi", x->r.hi);
    rnn_table_set(t, "p", x->r.p);
    rnn_table_set(t, "p_holm", x->p_holm);
    rnn_table_row(t);
}

int tool_results_append(const struct tool_results *r, const struct tool_conditions *c, const struct tool_endpoints *e,
                        const struct rnn_kvs *labels, struct rnn_bytes *out, struct rnn_err *err)
{
    struct family f = { 0 };
    struct rnn_table *t;
    if (c->n < 2) return RNN_OK;
    RNN_TRY(rnn_table_new(&t, "transfer_test", err));
    int rc = columns(t, err);
    if (rc >= 0) rc = make_family(r, c, e, &f, err);
    for (size_t i = 0; rc >= 0 && i < f.n; i++) put(t, c, &f.v[i]);
    if (rc >= 0) rc = rnn_table_append(t, out, labels, NULL, err);
    free(f.v);
    rnn_table_free(t);
    return rc;
}
