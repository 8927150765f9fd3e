#include "analysis/cycles.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "num/linalg.h"

void rnn_cycle_set_init(struct rnn_cycle_set *s, size_t N)
{
    *s = (struct rnn_cycle_set){.N = N, .merge = 1e-7};
}

void rnn_cycle_set_release(struct rnn_cycle_set *s)
{
    for (size_t i = 0; i < s->n; i++) {
        free(s->c[i].x);
        free(s->c[i].lambda);
    }
    free(s->c);
    memset(s, 0, sizeof *s);
}

static bool is_close(const struct rnn_cycle_set *s, const double *a, const double *b)
{
    double worst = 0, size = 1;
    for (size_t i = 0; i < s->N; i++) {
        worst = fmax(worst, fabs(a[i] - b[i]));
        size = fmax(size, fabs(a[i]));
    }
    return worst <= s->merge * size;
}

static int compare_states(size_t N, const double *a, const double *b)
{
    for (size_t i = 0; i < N; i++) {
        const double x = round(a[i] * 1e6), y = round(b[i] * 1e6);
        if (x != y) return x < y ? -1 : 1;
    }
    return 0;
}

/* orbit [period][N] from its first state; returns the least period, which may be smaller. */
static size_t unroll(const struct rnn_cycle_set *s, const struct rnn_map *map, size_t period, double *orbit, double *next, double *work)
{
    const size_t N = s->N;
    for (size_t t = 1; t < period; t++) {
        memcpy(next, orbit + (t - 1) * N, N * sizeof *next);
        rnn_map_step(map, 1, next, orbit + t * N, work);
        if (period % t == 0 && is_close(s, orbit, orbit + t * N)) return t;
    }
    return period;
}

static void rotate_to_smallest(size_t N, size_t period, double *orbit, double *copy)
{
    size_t least = 0;
    for (size_t t = 1; t < period; t++)
        if (compare_states(N, orbit + t * N, orbit + least * N) < 0) least = t;
    memcpy(copy, orbit, period * N * sizeof *copy);
    for (size_t t = 0; t < period; t++) memcpy(orbit + t * N, copy + (t + least) % period * N, N * sizeof *orbit);
}

static struct rnn_cycle *find(const struct rnn_cycle_set *s, size_t period, const double *first)
{
    for (size_t i = 0; i < s->n; i++) {
        struct rnn_cycle *c = &s->c[i];
        if (c->period != period) continue;
        for (size_t t = 0; t < period; t++) /* near-ties may have chosen another first state */
            if (is_close(s, c->x + t * s->N, first)) return c;
    }
    return NULL;
}

static int multipliers(const struct rnn_map *map, struct rnn_cycle *c, double *next, double *work, struct rnn_err *err)
{
    const size_t N = map->N;
    double *J;
    RNN_TRY(rnn_alloc_into(&J, 3 * N * N + N, sizeof *J, err));
    rnn_map_jacobian_k(map, c->period, c->x, J + 3 * N * N, J, J + N * N, work);
    memcpy(next, J + 3 * N * N, N * sizeof *next);
    c->residual = 0;
    for (size_t i = 0; i < N; i++) c->residual = fmax(c->residual, fabs(next[i] - c->x[i]));
    const int rc = rnn_eig(N, J, c->lambda, NULL, NULL, err);
    c->stable = rc >= 0 && cabs(c->lambda[0]) < 1;
    free(J);
    return rc;
}

int rnn_cycle_set_add(struct rnn_cycle_set *s, const struct rnn_map *map, size_t period, const double *x, double radius, double margin,
                      uint64_t hits, bool *is_new, struct rnn_err *err)
{
    const size_t N = s->N;
    struct rnn_cycle c = {.radius = radius, .margin = margin, .hits = hits}, *old = NULL;
    double *work = NULL, *copy = NULL;
    int rc = rnn_alloc_into(&c.x, period * N, sizeof *c.x, err);
    if (rc >= 0) rc = rnn_alloc_into(&copy, (period + 1) * N, sizeof *copy, err);
    if (rc >= 0) rc = rnn_alloc_into(&work, rnn_map_work(map, 1), sizeof *work, err);
    if (rc >= 0) rc = rnn_alloc_into(&c.lambda, N, sizeof *c.lambda, err);
    if (rc >= 0) {
        memcpy(c.x, x, N * sizeof *x);
        c.period = unroll(s, map, period, c.x, copy, work);
        rotate_to_smallest(N, c.period, c.x, copy);
        old = find(s, c.period, c.x);
        if (old) old->hits += hits;
        else rc = multipliers(map, &c, copy, work, err);
    }
    if (rc >= 0 && !old) rc = rnn_grow(&s->c, &s->cap, s->n + 1, sizeof *s->c, err);
    if (rc >= 0 && !old) s->c[s->n++] = c;
    else free(c.x), free(c.lambda);
    if (is_new) *is_new = !old;
    free(copy);
    free(work);
    return rc < 0 ? rc : RNN_OK;
}

static _Thread_local size_t sort_N; /* qsort hands nothing to its comparison */

static int compare_cycles(const void *pa, const void *pb)
{
    const struct rnn_cycle *a = pa, *b = pb;
    if (a->period != b->period) return a->period < b->period ? -1 : 1;
    return compare_states(sort_N, a->x, b->x);
}

void rnn_cycle_set_sort(struct rnn_cycle_set *s)
{
    sort_N = s->N;
    if (s->n) qsort(s->c, s->n, sizeof *s->c, compare_cycles);
}

int rnn_cycles_from_starts(const struct rnn_map *map, size_t period, const struct rnn_fp_options *opt, size_t B, const double *starts,
                           struct rnn_cycle_set *s, struct rnn_err *err)
{
    struct rnn_fp_problem p;
    struct rnn_fp_set found;
    RNN_TRY(rnn_fp_problem_make(map, period, opt, &p, err));
    rnn_fp_set_init(&found, map->N);
    int rc = rnn_fp_from_starts(&p, B, starts, 0, NULL, &found, err);
    for (size_t i = 0; i < found.n && rc >= 0; i++)
        if (found.p[i].status == RNN_FP_FIXED)
            rc = rnn_cycle_set_add(s, map, period, found.p[i].x, found.p[i].radius, NAN, found.p[i].hits, NULL, err);
    rnn_fp_set_release(&found);
    return rc < 0 ? rc : RNN_OK;
}
