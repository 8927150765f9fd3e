/* The set of distinct points, and the stability of one. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/fixedpts.h"
#include "base/mem.h"
#include "num/linalg.h"

void rnn_fp_set_init(struct rnn_fp_set *s, size_t N)
{
    *s = (struct rnn_fp_set){.N = N, .merge = 1e-7};
}

static bool same_point(const struct rnn_fp_set *s, const struct rnn_fp_point *a, const struct rnn_fp_point *b)
{
    double sum = 0, worst = 0, size = 1;
    if (a->status != b->status) return false;
    for (size_t i = 0; i < s->N; i++) {
        const double gap = a->x[i] - b->x[i];
        sum += gap * gap;
        worst = fmax(worst, fabs(gap));
        size = fmax(size, fabs(a->x[i]));
    }
    if (a->status == RNN_FP_FIXED && !isnan(a->radius) && !isnan(b->radius)) {
        const double gap = sqrt(sum);
        if (gap + b->radius < fmax(a->unique, a->basin) || gap + a->radius < fmax(b->unique, b->basin)) return true;
        if (gap > a->radius + b->radius) return false;
    }
    return worst <= (a->status == RNN_FP_SLOW ? 10 : 1) * s->merge * size;
}

/* The better approximation stays; ties go to the earlier start, so that the outcome does not hang on the order of arrival. */
static void absorb(struct rnn_fp_point *old, struct rnn_fp_point *p)
{
    const uint64_t hits = old->hits + p->hits;
    const bool is_earlier = p->start < old->start;
    const size_t first = is_earlier ? p->start : old->start, rounds = is_earlier ? p->iterations : old->iterations;
    if (p->residual < old->residual || (p->residual == old->residual && is_earlier)) {
        free(old->x);
        *old = *p;
    } else {
        free(p->x);
    }
    p->x = NULL;
    old->hits = hits, old->start = first, old->iterations = rounds;
}

int rnn_fp_set_add(struct rnn_fp_set *s, struct rnn_fp_point *p, struct rnn_err *err)
{
    s->starts += p->hits;
    if (p->status == RNN_FP_FAILED) {
        s->failed += p->hits;
        free(p->x);
        p->x = NULL;
        return RNN_OK;
    }
    for (size_t i = 0; i < s->n; i++)
        if (same_point(s, &s->p[i], p)) return absorb(&s->p[i], p), RNN_OK;
    RNN_TRY(rnn_grow(&s->p, &s->cap, s->n + 1, sizeof *s->p, err));
    s->p[s->n++] = *p;
    p->x = NULL;
    return RNN_OK;
}

int rnn_fp_set_merge(struct rnn_fp_set *s, struct rnn_fp_set *from, struct rnn_err *err)
{
    for (size_t i = 0; i < from->n; i++) RNN_TRY(rnn_fp_set_add(s, &from->p[i], err));
    s->starts += from->failed;
    s->failed += from->failed;
    from->n = 0, from->starts = from->failed = 0;
    return RNN_OK;
}

void rnn_fp_set_release(struct rnn_fp_set *s)
{
    for (size_t i = 0; i < s->n; i++) free(s->p[i].x);
    free(s->p);
    memset(s, 0, sizeof *s);
}

static _Thread_local size_t sort_N; /* qsort hands nothing to its comparison */

static int compare_points(const void *pa, const void *pb)
{
    const struct rnn_fp_point *a = pa, *b = pb;
    if (a->status != b->status) return a->status < b->status ? -1 : 1;
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < sort_N; i++) {
            const double x = pass ? a->x[i] : round(a->x[i] * 1e6), y = pass ? b->x[i] : round(b->x[i] * 1e6);
            if (x != y) return x < y ? -1 : 1;
        }
    return 0;
}

void rnn_fp_set_sort(struct rnn_fp_set *s)
{
    sort_N = s->N;
    if (s->n) qsort(s->p, s->n, sizeof *s->p, compare_points);
}

double rnn_fp_unseen(const struct rnn_fp_set *s)
{
    uint64_t once = 0, hits = 0;
    for (size_t i = 0; i < s->n; i++) once += s->p[i].hits == 1, hits += s->p[i].hits;
    return hits ? (double)once / (double)hits : NAN;
}

/* ---- stability ---- */

int rnn_fp_stability(const struct rnn_map *map, size_t period, const double *x, double margin, bool vectors, struct rnn_fp_stability *s,
                     struct rnn_err *err)
{
    const size_t N = map->N;
    double *J = NULL, *work = NULL;
    *s = (struct rnn_fp_stability){.N = N, .margin = margin};
    int rc = rnn_alloc_into(&J, 3 * N * N + N, sizeof *J, err);
    if (rc >= 0) rc = rnn_alloc_into(&work, rnn_map_work(map, 1), sizeof *work, err);
    if (rc >= 0) rc = rnn_alloc_into(&s->lambda, N, sizeof *s->lambda, err);
    if (rc >= 0 && vectors) rc = rnn_alloc_into(&s->right, N * N, sizeof *s->right, err);
    if (rc >= 0 && vectors) rc = rnn_alloc_into(&s->left, N * N, sizeof *s->left, err);
    if (rc >= 0) {
        rnn_map_jacobian_k(map, period, x, J + 3 * N * N, J, J + N * N, work);
        rc = rnn_eig(N, J, s->lambda, s->right, s->left, err);
    }
    for (size_t i = 0; rc >= 0 && i < N; i++) {
        const double modulus = cabs(s->lambda[i]);
        s->n_unstable += modulus > 1;
        s->n_unstable_flow += creal(s->lambda[i]) > 1; /* the sign does not depend on alpha */
        s->n_near_neutral += fabs(modulus - 1) <= margin;
    }
    s->near_neutral = s->n_near_neutral > 0;
    s->stable = rc >= 0 && cabs(s->lambda[0]) < 1;
    s->stable_flow = rc >= 0;
    for (size_t i = 0; rc >= 0 && i < N; i++) s->stable_flow &= creal(s->lambda[i]) < 1;
    free(J);
    free(work);
    if (rc < 0) rnn_fp_stability_release(s);
    return rc < 0 ? rc : RNN_OK;
}

void rnn_fp_stability_release(struct rnn_fp_stability *s)
{
    free(s->lambda);
    free(s->right);
    free(s->left);
    memset(s, 0, sizeof *s);
}
