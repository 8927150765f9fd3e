#include "analysis/pwl.h"

#include <float.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "num/linalg.h"
#include "num/rng.h"

bool rnn_pwl_applies(const struct rnn_map *map)
{
    return map->act == RNN_RELU && map->form != RNN_MAP_GRU;
}

void rnn_pwl_options_default(struct rnn_pwl_options *o)
{
    *o = (struct rnn_pwl_options){.tries = 200, .solves = 40, .reach = 2, .transient = 500};
}

/* One sequence of regions at a time. */
struct solver {
    const struct rnn_map *map;
    size_t N, U, k;
    unsigned char *D, *visited; /* [k][U] */
    double *orbit;              /* [k][N] */
    double *M, *P, *PP, *scratch; /* [N][N], [N][N], [N][N], [N][U] */
    double *c, *p, *x, *z, *work; /* [N], [N], [N], [U] */
    int *pivot;
    double margin;              /* of the last orbit */
    bool is_singular;
};

static int solver_new(struct solver *s, const struct rnn_map *map, size_t k, struct rnn_err *err)
{
    const size_t N = map->N, U = map->units;
    *s = (struct solver){.map = map, .N = N, .U = U, .k = k};
    int rc = rnn_alloc_into(&s->D, 2 * k * U, 1, err);
    if (rc >= 0) rc = rnn_alloc_into(&s->orbit, k * N + 3 * N * N + N * U + 3 * N + U, sizeof *s->orbit, err);
    if (rc >= 0) rc = rnn_alloc_into(&s->work, rnn_map_work(map, 1), sizeof *s->work, err);
    if (rc >= 0) rc = rnn_alloc_into(&s->pivot, N, sizeof *s->pivot, err);
    if (rc < 0) return rc;
    s->visited = s->D + k * U;
    s->M = s->orbit + k * N, s->P = s->M + N * N, s->PP = s->P + N * N, s->scratch = s->PP + N * N;
    s->c = s->scratch + N * U, s->p = s->c + N, s->x = s->p + N, s->z = s->x + N;
    return RNN_OK;
}

static void solver_free(struct solver *s)
{
    free(s->D);
    free(s->orbit);
    free(s->work);
    free(s->pivot);
}

/* What relu is applied to at x: z [U]. */
static void pre_activation(struct solver *s, const double *x)
{
    if (s->map->form == RNN_MAP_CURRENT) {
        memcpy(s->z, x, s->N * sizeof *x);
        return;
    }
    rnn_gemv(0, s->U, s->N, 1, s->map->form == RNN_MAP_REDUCED ? s->map->m : s->map->W, x, 0, s->z);
    for (size_t u = 0; u < s->U; u++) s->z[u] += s->map->b[u];
}

/* The region of x, and how far from its border x is. */
static double region(struct solver *s, const double *x, unsigned char *D)
{
    double least = INFINITY;
    pre_activation(s, x);
    for (size_t u = 0; u < s->U; u++) {
        D[u] = s->z[u] > 0;
        least = fmin(least, fabs(s->z[u]));
    }
    return least;
}

/* x' = M x + c within region D. */
static void affine(struct solver *s, const unsigned char *D)
{
    const struct rnn_map *map = s->map;
    const size_t N = s->N, U = s->U;
    if (map->form == RNN_MAP_REDUCED) {
        for (size_t i = 0; i < N; i++)
            for (size_t u = 0; u < U; u++) s->scratch[i * U + u] = D[u] ? map->alpha[i] * map->W[i * U + u] : 0;
        rnn_gemm(0, 0, N, N, U, 1, s->scratch, map->m, 0, s->M);
        rnn_gemv(0, N, U, 1, s->scratch, map->b, 0, s->c);
    }
    for (size_t i = 0; i < N; i++) {
        const double a = map->alpha[i];
        if (map->form == RNN_MAP_ACTIVITY) {
            for (size_t j = 0; j < N; j++) s->M[i * N + j] = D[i] ? a * map->W[i * N + j] : 0;
            s->c[i] = D[i] ? a * map->b[i] : 0;
        } else if (map->form == RNN_MAP_CURRENT) {
            for (size_t j = 0; j < N; j++) s->M[i * N + j] = D[j] ? a * map->W[i * N + j] : 0;
            s->c[i] = a * map->b[i];
        }
        s->M[i * N + i] += 1 - a;
    }
}

/* The fixed point of the composition of the regions D, its orbit through them, and the regions that it visits.  False: singular. */
static bool solve(struct solver *s)
{
    const size_t N = s->N;
    const lapack_int n = (lapack_int)N;
    affine(s, s->D);
    memcpy(s->P, s->M, N * N * sizeof *s->P);
    memcpy(s->p, s->c, N * sizeof *s->p);
    for (size_t t = 1; t < s->k; t++) {
        affine(s, s->D + t * s->U);
        rnn_gemm(0, 0, N, N, N, 1, s->M, s->P, 0, s->PP);
        memcpy(s->P, s->PP, N * N * sizeof *s->P);
        rnn_gemv(0, N, N, 1, s->M, s->p, 1, s->c);
        memcpy(s->p, s->c, N * sizeof *s->p);
    }
    double scale = 1;
    for (size_t i = 0; i < N * N; i++) s->PP[i] = -s->P[i], scale = fmax(scale, fabs(s->P[i]));
    for (size_t i = 0; i < N; i++) s->PP[i * N + i] += 1;
    if (!isfinite(scale) || LAPACKE_dgetrf_work(LAPACK_COL_MAJOR, n, n, s->PP, n, s->pivot) != 0) return false;
    for (size_t i = 0; i < N; i++) /* a pivot at the level of rounding: a continuum, or none */
        if (fabs(s->PP[i * N + i]) <= 8 * DBL_EPSILON * (double)N * scale) return false;
    memcpy(s->x, s->p, N * sizeof *s->x);
    LAPACKE_dgetrs_work(LAPACK_COL_MAJOR, 'T', n, 1, s->PP, n, s->pivot, s->x, n);
    memcpy(s->orbit, s->x, N * sizeof *s->x);
    s->margin = INFINITY;
    for (size_t t = 0; t < s->k; t++) {
        s->margin = fmin(s->margin, region(s, s->orbit + t * N, s->visited + t * s->U));
        if (t + 1 == s->k) break;
        affine(s, s->D + t * s->U);
        memcpy(s->orbit + (t + 1) * N, s->c, N * sizeof *s->c);
        rnn_gemv(0, N, N, 1, s->M, s->orbit + t * N, 1, s->orbit + (t + 1) * N);
    }
    return isfinite(s->orbit[0]);
}

/* |F^k(x) - x| under the true map, made small by correcting with the factors of the last solve (still in PP). */
static double refine(struct solver *s)
{
    const size_t N = s->N;
    double worst = INFINITY;
    for (int pass = 0; pass < 3; pass++) {
        double *next = s->c, *at = s->p;
        memcpy(at, s->x, N * sizeof *at);
        rnn_map_iterate(s->map, s->k, 1, at, next, s->work);
        double now = 0;
        for (size_t i = 0; i < N; i++) at[i] -= s->x[i], now = fmax(now, fabs(at[i]));
        if (!(now < worst)) break;
        worst = now;
        memcpy(s->orbit, s->x, N * sizeof *s->x);
        LAPACKE_dgetrs_work(LAPACK_COL_MAJOR, 'T', (lapack_int)N, 1, s->PP, (lapack_int)N, s->pivot, at, (lapack_int)N);
        for (size_t i = 0; i < N; i++) s->x[i] += at[i];
    }
    return worst;
}

/* Region iteration from the guess in D.  *found: an orbit was added or met again. */
static int iterate(struct solver *s, size_t max_solves, struct rnn_cycle_set *set, bool *is_new, uint64_t *solves, struct rnn_err *err)
{
    *is_new = false;
    for (size_t i = 0; i < max_solves; i++) {
        if (solves) ++*solves;
        s->is_singular = !solve(s);
        if (s->is_singular) return RNN_OK;
        double size = 1;
        for (size_t j = 0; j < s->N; j++) size = fmax(size, fabs(s->x[j]));
        if (!memcmp(s->D, s->visited, s->k * s->U)) {
            if (s->margin <= 1e-13 * size || refine(s) > 1e-10 * size) return RNN_OK;
            return rnn_cycle_set_add(set, s->map, s->k, s->orbit, s->margin, s->margin, 1, is_new, err);
        }
        memcpy(s->D, s->visited, s->k * s->U);
    }
    return RNN_OK;
}

/* Regions of a true orbit, from a start of the list or a random one. */
static int guess_orbit(struct solver *s, const struct rnn_pwl_options *o, struct rnn_rng *g, size_t trial)
{
    const double *start = o->n_starts ? o->starts + trial / 2 % o->n_starts * s->N : NULL;
    for (size_t i = 0; i < s->N; i++) s->x[i] = start ? start[i] : o->reach * (2 * rnn_rng_uniform(g) - 1);
    rnn_map_iterate(s->map, o->transient + (size_t)rnn_rng_below(g, s->k), 1, s->x, s->p, s->work);
    for (size_t t = 0; t < s->k; t++) {
        for (size_t i = 0; i < s->N; i++)
            if (!isfinite(s->x[i])) return 0;
        region(s, s->x, s->D + t * s->U);
        rnn_map_iterate(s->map, 1, 1, s->x, s->p, s->work);
    }
    return 1;
}

/* The partners of cycle c: its regions with one unit of one state flipped. */
static int try_partners(struct solver *s, const struct rnn_pwl_options *o, size_t c, struct rnn_cycle_set *set, uint64_t *solves, struct rnn_err *err)
{
    for (size_t flip = 0; flip < s->k * s->U; flip++) {
        bool is_new;
        const struct rnn_cycle *cycle = &set->c[c]; /* the set may have moved */
        for (size_t t = 0; t < s->k; t++) region(s, cycle->x + t % cycle->period * s->N, s->D + t * s->U);
        s->D[flip] ^= 1;
        RNN_TRY(iterate(s, o->solves, set, &is_new, solves, err));
    }
    return RNN_OK;
}

/* Keeps only orbits of least period k. */
static void drop_shorter(struct rnn_cycle_set *s, size_t first, size_t k)
{
    size_t kept = first;
    for (size_t i = first; i < s->n; i++) {
        if (s->c[i].period == k) s->c[kept++] = s->c[i];
        else free(s->c[i].x), free(s->c[i].lambda);
    }
    s->n = kept;
}

int rnn_pwl_cycles(const struct rnn_map *map, size_t k, const struct rnn_pwl_options *o, struct rnn_cycle_set *set, uint64_t *solves,
                   struct rnn_err *err)
{
    struct solver s;
    const size_t before = set->n;
    if (!rnn_pwl_applies(map)) return rnn_fail(err, RNN_ERR_ARG, "the network is not piecewise linear");
    if (k < 1) return rnn_fail(err, RNN_ERR_ARG, "a cycle has at least one state");
    int rc = solver_new(&s, map, k, err);
    for (size_t trial = 0; trial < o->tries && rc >= 0; trial++) {
        struct rnn_rng g;
        bool is_new, has_guess = true;
        rc = rnn_rng_at(&g, o->seed, RNN_RNG_ANALYSIS, o->net, k, trial, err);
        if (rc < 0) break;
        if (trial % 2 == 0) has_guess = guess_orbit(&s, o, &g, trial);
        else for (size_t i = 0; i < k * s.U; i++) s.D[i] = rnn_rng_u32(&g) & 1;
        if (has_guess) rc = iterate(&s, o->solves, set, &is_new, solves, err);
    }
    for (size_t c = before; c < set->n && rc >= 0; c++) rc = try_partners(&s, o, c, set, solves, err);
    drop_shorter(set, before, k);
    solver_free(&s);
    return rc < 0 ? rc : RNN_OK;
}

int rnn_pwl_enumerate(const struct rnn_map *map, size_t k, struct rnn_cycle_set *set, uint64_t *singular, struct rnn_err *err)
{
    struct solver s;
    const size_t before = set->n;
    uint64_t none = 0;
    if (!rnn_pwl_applies(map)) return rnn_fail(err, RNN_ERR_ARG, "the network is not piecewise linear");
    if (k < 1) return rnn_fail(err, RNN_ERR_ARG, "a cycle has at least one state");
    if (k > 24 || map->units > 24 / k) return rnn_fail(err, RNN_ERR_LIMIT, "%zu units have too many sequences of %zu regions to try each", map->units, k);
    int rc = solver_new(&s, map, k, err);
    for (uint64_t code = 0; rc >= 0 && code < (uint64_t)1 << (s.U * k); code++) {
        bool is_new;
        for (size_t i = 0; i < s.U * k; i++) s.D[i] = code >> i & 1;
        rc = iterate(&s, 1, set, &is_new, NULL, err);
        none += s.is_singular;
    }
    if (singular) *singular = none;
    drop_shorter(set, before, k);
    solver_free(&s);
    return rc < 0 ? rc : RNN_OK;
}
