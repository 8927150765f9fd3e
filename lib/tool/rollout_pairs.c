/* Networks against each other: how alike within the trial, how far apart after it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "io/table.h"
#include "num/rng.h"
#include "num/stats.h"
#include "tool/rollout.h"
#include "tool/theory.h"

static const struct tool_column pair_columns[] = {
    {"group_a", RNN_KV_STR, NULL, "group of the first network"},
    {"group_b", RNN_KV_STR, NULL, "group of the second"},
    {"start", RNN_KV_STR, NULL, "same or other: whether the two began with the same weights"},
    {"net_a", RNN_KV_STR, NULL, NULL},
    {"net_b", RNN_KV_STR, NULL, NULL},
    {"rho_peaks", RNN_KV_REAL, NULL, "rank correlation of the units' peak times within the trial, mean over trials"},
    {"r_outputs", RNN_KV_REAL, NULL, "correlation of the outputs within the trial"},
    {"distance_trial", RNN_KV_REAL, NULL, "root mean square distance of the rates, mean within the trial"},
    {"distance_after", RNN_KV_REAL, NULL, "the same after it"},
    {0}};
static const struct tool_column mean_columns[] = {
    {"group_a", RNN_KV_STR, NULL, "one group"},
    {"group_b", RNN_KV_STR, NULL, "the other, or the same"},
    {"start", RNN_KV_STR, NULL, "same or other: whether the two began with the same weights"},
    {"what", RNN_KV_STR, NULL, "rho_peaks, r_outputs, distance_trial or distance_after"},
    {"n", RNN_KV_INT, NULL, "pairs"},
    {"value", RNN_KV_REAL, NULL, "mean over pairs"},
    {"lo", RNN_KV_REAL, NULL, "95 % interval, bootstrap over starts"},
    {"hi", RNN_KV_REAL, NULL, NULL},
    {0}};
static const struct tool_column apart_columns[] = {
    {"group_a", RNN_KV_STR, NULL, "one group"},
    {"group_b", RNN_KV_STR, NULL, "the other, or the same"},
    {"step", RNN_KV_INT, "steps", "from the start of the trial"},
    {"trials", RNN_KV_REAL, NULL, "the same in trial lengths"},
    {"n", RNN_KV_INT, NULL, "pairs of networks that began with the same weights"},
    {"distance", RNN_KV_REAL, NULL, "root mean square distance of their rates, mean over pairs"},
    {"lo", RNN_KV_REAL, NULL, "95 % interval, bootstrap over starts"},
    {"hi", RNN_KV_REAL, NULL, NULL},
    {0}};

enum { MEASURES = 4 };
static const char *const measure_names[MEASURES] = {"rho_peaks", "r_outputs", "distance_trial", "distance_after"};

struct pair { size_t a, b, start_a, start_b, kind; double m[MEASURES]; float *apart; };
struct pairs {
    const struct tool_rollout_nets *all;
    struct pair *v; size_t n, cap;
    size_t *first; size_t n_kinds, cap_first; /* a pair of each kind: two groups and whether the start is the same */
    size_t n_starts;
    double *weight; /* [n_starts] of a resample */
};

static bool same_start(const struct tool_rollout_net *a, const struct tool_rollout_net *b)
{
    return a->index == b->index && a->seed == b->seed;
}

static void compare(const struct tool_rollout_net *a, const struct tool_rollout_net *b, struct pair *p, struct rnn_err *err)
{
    const size_t N = a->N, T = a->T, L = a->L, n_out = a->n_out;
    double *x = NULL;
    for (size_t m = 0; m < MEASURES; m++) p->m[m] = 0;
    for (size_t k = 0; k < a->K; k++) {
        p->m[0] += rnn_spearman(N, a->peak + k * N, b->peak + k * N, err) / (double)a->K;
        for (size_t t = 0; t < L; t++) {
            const double apart = tool_rms(N, a->r + (k * L + t) * N, b->r + (k * L + t) * N);
            p->m[t < T ? 2 : 3] += apart / (double)(a->K * (t < T ? T : L - T));
            if (p->apart) p->apart[t] += (float)(apart / (double)a->K);
        }
    }
    if (L == T) p->m[3] = NAN;
    p->m[1] = NAN;
    if (rnn_alloc_into(&x, 2 * a->K * T * n_out, sizeof *x, err) < 0) return;
    for (size_t k = 0, s = 0; k < a->K; k++)
        for (size_t i = 0; i < T * n_out; i++, s++) x[s] = a->o[k * L * n_out + i], x[a->K * T * n_out + s] = b->o[k * L * n_out + i];
    p->m[1] = rnn_pearson(a->K * T * n_out, x, x + a->K * T * n_out);
    free(x);
}

static bool same_kind(const struct pairs *q, const struct pair *x, const struct pair *y)
{
    const struct tool_rollout_net *v = q->all->v;
    return (x->start_a == x->start_b) == (y->start_a == y->start_b) && !strcmp(v[x->a].group, v[y->a].group) && !strcmp(v[x->b].group, v[y->b].group) &&
           v[x->a].T == v[y->a].T && v[x->a].L == v[y->a].L;
}

static int add_pair(struct pairs *q, size_t a, size_t b, const size_t *start, struct rnn_err *err)
{
    const struct tool_rollout_net *v = q->all->v;
    const bool swap = strcmp(v[a].group, v[b].group) > 0; /* groups in alphabetic order */
    RNN_TRY(rnn_grow(&q->v, &q->cap, q->n + 1, sizeof *q->v, err));
    struct pair *p = &q->v[q->n++];
    *p = (struct pair){.a = swap ? b : a, .b = swap ? a : b};
    p->start_a = start[p->a], p->start_b = start[p->b];
    if (p->start_a == p->start_b) RNN_TRY(rnn_alloc_into(&p->apart, v[a].L, sizeof *p->apart, err));
    compare(&v[p->a], &v[p->b], p, err);
    while (p->kind < q->n_kinds && !same_kind(q, p, &q->v[q->first[p->kind]])) p->kind++;
    if (p->kind < q->n_kinds) return RNN_OK;
    RNN_TRY(rnn_grow(&q->first, &q->cap_first, q->n_kinds + 1, sizeof *q->first, err));
    q->first[q->n_kinds++] = q->n - 1;
    return RNN_OK;
}

static int find_pairs(struct pairs *q, struct rnn_err *err)
{
    const struct tool_rollout_nets *all = q->all;
    size_t *start = NULL;
    int rc = rnn_alloc_into(&start, all->n, sizeof *start, err);
    for (size_t i = 0; rc >= 0 && i < all->n; i++) {
        size_t k = 0;
        while (k < i && !same_start(&all->v[k], &all->v[i])) k++;
        start[i] = k < i ? start[k] : q->n_starts++;
    }
    for (size_t b = 1; rc >= 0 && b < all->n; b++)
        for (size_t a = 0; rc >= 0 && a < b; a++) {
            const struct tool_rollout_net *x = &all->v[a], *y = &all->v[b];
            if (x->N == y->N && x->T == y->T && x->L == y->L && x->K == y->K && x->n_out == y->n_out) rc = add_pair(q, a, b, start, err);
        }
    if (rc >= 0) rc = rnn_alloc_into(&q->weight, q->n_starts, sizeof *q->weight, err);
    free(start);
    return rc;
}

static double number_of(const struct pair *p, int measure, size_t step)
{
    return measure < MEASURES ? p->m[measure] : (double)p->apart[step];
}

/* Mean of a measure (or, at MEASURES, of the distance at a step) over the pairs of a kind, and its interval: starts are drawn with
 * replacement, and a pair counts as often as both of its starts were drawn. */
static int interval(struct pairs *q, size_t kind, int measure, size_t step, size_t draws, uint64_t seed, double out[3], size_t *n, struct rnn_err *err)
{
    double sum = 0, *mean;
    size_t m = 0, kept = 0;
    bool has_starts = false; /* one start alone tells nothing about others */
    for (size_t i = 0; i < q->n; i++) {
        const struct pair *p = &q->v[i], *first = &q->v[q->first[kind]];
        if (p->kind != kind || isnan(number_of(p, measure, step))) continue;
        sum += number_of(p, measure, step), m++;
        has_starts |= p->start_a != p->start_b || p->start_a != first->start_a;
    }
    *n = m, out[0] = m ? sum / (double)m : NAN, out[1] = out[2] = NAN;
    if (m < 2 || !has_starts || !draws) return RNN_OK;
    RNN_TRY(rnn_alloc_into(&mean, draws, sizeof *mean, err));
    for (size_t d = 0; d < draws; d++) {
        struct rnn_rng g;
        double total = 0;
        const int rc = rnn_rng_at(&g, seed, RNN_RNG_ANALYSIS, 0, d, 0x726f6c6c, err);
        if (rc < 0) return free(mean), rc;
        memset(q->weight, 0, q->n_starts * sizeof *q->weight);
        for (size_t k = 0; k < q->n_starts; k++) q->weight[rnn_rng_below(&g, q->n_starts)] += 1;
        sum = 0;
        for (size_t i = 0; i < q->n; i++) {
            const struct pair *p = &q->v[i];
            const double value = p->kind == kind ? number_of(p, measure, step) : NAN;
            const double w = p->start_a == p->start_b ? q->weight[p->start_a] : q->weight[p->start_a] * q->weight[p->start_b];
            if (!isnan(value)) sum += w * value, total += w;
        }
        if (total > 0) mean[kept++] = sum / total;
    }
    out[1] = rnn_quantile(kept, mean, 0.025, err), out[2] = rnn_quantile(kept, mean, 0.975, err);
    free(mean);
    return RNN_OK;
}

static void put_kind(struct rnn_table *t, const struct pairs *q, const struct pair *p)
{
    rnn_table_set_str(t, "group_a", q->all->v[p->a].group);
    rnn_table_set_str(t, "group_b", q->all->v[p->b].group);
}

static int write_pairs(struct rnn_writer *w, const struct pairs *q, struct rnn_err *err)
{
    struct rnn_table *t;
    RNN_TRY(tool_table_new(&t, "alike", pair_columns, err));
    for (size_t i = 0; i < q->n; i++) {
        const struct pair *p = &q->v[i];
        put_kind(t, q, p);
        rnn_table_set_str(t, "start", p->start_a == p->start_b ? "same" : "other");
        rnn_table_set_str(t, "net_a", q->all->v[p->a].id);
        rnn_table_set_str(t, "net_b", q->all->v[p->b].id);
        for (size_t m = 0; m < MEASURES; m++) rnn_table_set(t, measure_names[m], p->m[m]);
        rnn_table_row(t);
    }
    const int rc = rnn_table_write(t, w, NULL, NULL, err);
    rnn_table_free(t);
    return rc;
}

static int write_means(struct rnn_writer *w, struct pairs *q, size_t draws, uint64_t seed, struct rnn_err *err)
{
    struct rnn_table *t;
    RNN_TRY(tool_table_new(&t, "alike_mean", mean_columns, err));
    int rc = RNN_OK;
    for (size_t k = 0; k < q->n_kinds; k++)
        for (int m = 0; rc >= 0 && m < MEASURES; m++) {
            const struct pair *p = &q->v[q->first[k]];
            double v[3];
            size_t n;
            rc = interval(q, k, m, 0, draws, seed, v, &n, err);
            put_kind(t, q, p);
            rnn_table_set_str(t, "start", p->start_a == p->start_b ? "same" : "other");
            rnn_table_set_str(t, "what", measure_names[m]);
            rnn_table_set_int(t, "n", (int64_t)n);
            rnn_table_set(t, "value", v[0]), rnn_table_set(t, "lo", v[1]), rnn_table_set(t, "hi", v[2]);
            rnn_table_row(t);
        }
    if (rc >= 0) rc = rnn_table_write(t, w, NULL, NULL, err);
    rnn_table_free(t);
    return rc;
}

static int write_apart(struct rnn_writer *w, struct pairs *q, size_t draws, uint64_t seed, struct rnn_err *err)
{
    struct rnn_table *t;
    RNN_TRY(tool_table_new(&t, "apart", apart_columns, err));
    int rc = RNN_OK;
    for (size_t k = 0; k < q->n_kinds; k++) {
        const struct pair *p = &q->v[q->first[k]];
        const struct tool_rollout_net *of = &q->all->v[p->a];
        for (size_t s = 0; rc >= 0 && p->apart && s < of->L; s++) {
            double v[3];
            size_t n;
            rc = interval(q, k, MEASURES, s, draws, seed, v, &n, err);
            put_kind(t, q, p);
            rnn_table_set_int(t, "step", (int64_t)s);
            rnn_table_set(t, "trials", (double)s / (double)of->T);
            rnn_table_set_int(t, "n", (int64_t)n);
            rnn_table_set(t, "distance", v[0]), rnn_table_set(t, "lo", v[1]), rnn_table_set(t, "hi", v[2]);
            rnn_table_row(t);
        }
    }
    if (rc >= 0) rc = rnn_table_write(t, w, NULL, NULL, err);
    rnn_table_free(t);
    return rc;
}

int tool_rollout_pairs(struct rnn_writer *w, const struct tool_rollout_nets *all, size_t draws, uint64_t seed, struct rnn_err *err)
{
    struct pairs q = {.all = all};
    int rc = find_pairs(&q, err);
    if (rc >= 0) rc = write_pairs(w, &q, err);
    if (rc >= 0) rc = write_means(w, &q, draws, seed, err);
    if (rc >= 0) rc = write_apart(w, &q, draws, seed, err);
    for (size_t i = 0; i < q.n; i++) free(q.v[i].apart);
    free(q.v), free(q.first), free(q.weight);
    return rc;
}
