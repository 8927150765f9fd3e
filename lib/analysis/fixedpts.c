#include "analysis/fixedpts.h"

#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "num/linalg.h"

const char *const rnn_fp_status_names[] = {"fixed", "slow", "failed", NULL};

static const double NEAR_ROOT = 1e-6; /* |f|_inf below which Newton's quadratic convergence takes over */

void rnn_fp_options_default(struct rnn_fp_options *o)
{
    *o = (struct rnn_fp_options){.max_iterations = 300, .fixed_speed = 1e-12, .slow_gradient = 1e-10, .slow_speed = INFINITY, .max_norm = 1e6};
}

int rnn_fp_problem_make(const struct rnn_map *map, size_t period, const struct rnn_fp_options *opt, struct rnn_fp_problem *p,
                        struct rnn_err *err)
{
    double K1, L1, L = 1;
    if (period < 1) return rnn_fail(err, RNN_ERR_ARG, "a cycle has at least one state");
    *p = (struct rnn_fp_problem){.map = map, .period = period, .opt = *opt};
    RNN_TRY(rnn_map_bounds(map, &K1, &L1, err));
    /* d(F o G) changes by at most K_F L_G^2 + L_F K_G per distance. */
    for (size_t j = 0; j < period; j++) p->K = K1 * L * L + L1 * p->K, L *= L1;
    if (!isfinite(p->K)) p->K = NAN;
    return RNN_OK;
}

/* ---- the descent of many starts side by side ---- */

enum phase { DESCEND, POLISH, REST, DONE };

struct start {
    size_t index, iterations, stalled, halvings;
    enum phase phase;
    bool has_direction, is_newton;
    double q, mu, step, slope; /* mu 0: Newton's direction first */
};

struct descent {
    const struct rnn_fp_problem *p;
    size_t N, B;
    struct start *start;
    double *x, *f, *delta, *g;      /* [B][N] each */
    double *trial, *next, *scratch; /* [B][N] of the starts that are under way, close together */
    double *one;                    /* [N] a direction of who has come to rest */
    size_t *row;                    /* which start each of them is */
    double *A, *M, *JJ, *work;      /* [N][N], [N][N], [2][N][N] (or what the curvature needs) */
    int *pivot;
};

static int descent_new(struct descent *d, const struct rnn_fp_problem *p, size_t B, struct rnn_err *err)
{
    const size_t N = p->map->N, wide = p->map->units > 2 * N ? p->map->units : 2 * N;
    *d = (struct descent){.p = p, .N = N, .B = B};
    int rc = rnn_alloc_into(&d->start, B, sizeof *d->start, err);
    if (rc >= 0) rc = rnn_alloc_into(&d->x, 7 * B * N + N, sizeof *d->x, err);
    if (rc >= 0) rc = rnn_alloc_into(&d->A, 2 * N * N + wide * N, sizeof *d->A, err);
    if (rc >= 0) rc = rnn_alloc_into(&d->work, rnn_map_work(p->map, B), sizeof *d->work, err);
    if (rc >= 0) rc = rnn_alloc_into(&d->row, B, sizeof *d->row, err);
    if (rc >= 0) rc = rnn_alloc_into(&d->pivot, N, sizeof *d->pivot, err);
    if (rc < 0) return rc;
    const size_t n = B * N;
    d->f = d->x + n, d->delta = d->f + n, d->g = d->delta + n, d->trial = d->g + n, d->next = d->trial + n, d->scratch = d->next + n, d->one = d->scratch + n;
    d->M = d->A + N * N, d->JJ = d->M + N * N;
    return RNN_OK;
}

static void descent_free(struct descent *d)
{
    free(d->start);
    free(d->x);
    free(d->A);
    free(d->work);
    free(d->row);
    free(d->pivot);
}

static double half_square(size_t n, const double *f)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += f[i] * f[i];
    return sum / 2;
}

static double max_abs(size_t n, const double *x)
{
    double m = 0;
    for (size_t i = 0; i < n; i++) m = fabs(x[i]) > m || isnan(x[i]) ? fabs(x[i]) : m;
    return m;
}

static double dot(size_t n, const double *a, const double *b)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

/* next [n][N] = F^k(trial) - trial */
static void evaluate(struct descent *d, size_t n, const double *trial, double *next)
{
    double *at = d->scratch;
    rnn_map_step(d->p->map, n, trial, next, d->work);
    for (size_t j = 1; j < d->p->period; j++) {
        memcpy(at, next, n * d->N * sizeof *at);
        rnn_map_step(d->p->map, n, at, next, d->work);
    }
    for (size_t i = 0; i < n * d->N; i++) next[i] -= trial[i];
}

/* A = dF^k/dx - I and g = A' f at x. */
static void linearise(struct descent *d, const double *x, const double *f, double *g)
{
    const size_t N = d->N;
    if (d->p->period == 1) rnn_map_jacobian(d->p->map, x, d->A, d->work);
    else rnn_map_jacobian_k(d->p->map, d->p->period, x, d->scratch, d->A, d->JJ, d->work);
    for (size_t i = 0; i < N; i++) d->A[i * N + i] -= 1;
    rnn_gemv(1, N, N, 1, d->A, f, 0, g);
}

/* delta of A delta = -f by LU (M is overwritten); false when A is singular. */
static bool newton_direction(struct descent *d, const double *f, double *delta)
{
    const lapack_int n = (lapack_int)d->N;
    memcpy(d->M, d->A, d->N * d->N * sizeof *d->M);
    for (size_t i = 0; i < d->N; i++) delta[i] = -f[i];
    /* M is row-major, hence A' to LAPACK: factor that and solve with the transpose. */
    if (LAPACKE_dgetrf_work(LAPACK_COL_MAJOR, n, n, d->M, n, d->pivot) != 0) return false;
    LAPACKE_dgetrs_work(LAPACK_COL_MAJOR, 'T', n, 1, d->M, n, d->pivot, delta, n);
    return isfinite(max_abs(d->N, delta));
}

/* delta of M delta = -g by Cholesky, M symmetric; false when M is not positive definite. */
static bool cholesky_direction(struct descent *d, const double *g, double *delta)
{
    const lapack_int n = (lapack_int)d->N;
    for (size_t i = 0; i < d->N; i++) delta[i] = -g[i];
    if (LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'L', n, d->M, n) != 0) return false;
    LAPACKE_dpotrs_work(LAPACK_COL_MAJOR, 'L', n, 1, d->M, n, delta, n);
    return isfinite(max_abs(d->N, delta));
}

/* delta of (A'A + mu scale I) delta = -g, scale the largest diagonal entry; raises mu until it can be solved. */
static bool damped_direction(struct descent *d, struct start *s, const double *g, double *delta)
{
    const size_t N = d->N;
    for (; s->mu < 1e8; s->mu *= 10) {
        double scale = 0;
        rnn_gemm(1, 0, N, N, N, 1, d->A, d->A, 0, d->M);
        for (size_t i = 0; i < N; i++) scale = fmax(scale, d->M[i * N + i]);
        for (size_t i = 0; i < N; i++) d->M[i * N + i] += s->mu * scale;
        if (scale > 0 && cholesky_direction(d, g, delta)) return true;
    }
    return false;
}

/* Looks at where a start stands and gives it a direction, or another phase. */
static void aim(struct descent *d, size_t k)
{
    struct start *s = &d->start[k];
    const size_t N = d->N;
    double *x = d->x + k * N, *f = d->f + k * N, *g = d->g + k * N, *delta = d->delta + k * N;
    const double size = fmax(1, max_abs(N, x));
    if (s->phase == DESCEND && max_abs(N, f) < NEAR_ROOT) s->phase = POLISH;
    if (++s->iterations > d->p->opt.max_iterations) { s->phase = REST; return; }
    linearise(d, x, f, g);
    s->step = 1, s->halvings = 0;
    if (s->phase == POLISH) {
        /* A root this near asks for small steps; a ghost for large ones. */
        s->is_newton = newton_direction(d, f, delta) && max_abs(N, delta) <= 0.05 * size;
        s->has_direction = s->is_newton;
        if (!s->is_newton) s->phase = REST;
        return;
    }
    if (rnn_norm2(N, g) <= 1e-7 * sqrt(2 * s->q) * fmax(rnn_norm2(N * N, d->A) / sqrt((double)N), 1e-300)) { s->phase = REST; return; }
    s->is_newton = s->mu == 0 && newton_direction(d, f, delta) && max_abs(N, delta) <= size;
    if (!s->is_newton) {
        if (s->mu == 0) s->mu = 1e-3;
        if (!damped_direction(d, s, g, delta)) { s->phase = REST; return; }
    }
    s->slope = dot(N, delta, g);
    s->has_direction = true;
}

/* The trial of start k gave f_trial: takes it, or shortens the step. */
static void judge(struct descent *d, size_t k, const double *trial, const double *f_trial)
{
    struct start *s = &d->start[k];
    const size_t N = d->N;
    const double q = half_square(N, f_trial);
    const bool is_better = s->phase == POLISH ? q < s->q : isfinite(q) && q <= s->q + 1e-4 * s->step * s->slope && q < s->q;
    if (is_better) {
        s->stalled = q > 0.999 * s->q ? s->stalled + 1 : 0;
        memcpy(d->x + k * N, trial, N * sizeof *trial);
        memcpy(d->f + k * N, f_trial, N * sizeof *f_trial);
        s->q = q;
        s->has_direction = false;
        if (!s->is_newton) s->mu = s->mu < 1e-6 ? 0 : s->mu / 5;
        if (q == 0 || s->stalled >= 8 || max_abs(N, trial) > d->p->opt.max_norm) s->phase = REST;
    } else if (s->phase == POLISH) {
        s->phase = REST; /* as near as rounding lets it, or a ghost */
    } else if (s->is_newton && s->halvings < 2) {
        s->step /= 2, s->halvings++;
    } else {
        s->has_direction = false;
        s->mu = s->mu == 0 ? 1e-3 : s->mu * 5;
        if (s->mu > 1e8) s->phase = REST;
    }
}

/* ---- ends ---- */

static int known_root(const struct rnn_fp_set *s, const double *x)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct rnn_fp_point *p = &s->p[i];
        double sum = 0;
        const double reach = p->basin * p->basin;
        for (size_t j = 0; j < s->N && sum < reach; j++) sum += (x[j] - p->x[j]) * (x[j] - p->x[j]);
        if (p->status == RNN_FP_FIXED && sum < reach) return (int)i;
    }
    return -1;
}

/* Newton on the gradient of q from x, kept downhill by a shift of the Hessian: ends at a minimum (true), or where it gave up.  The last
 * steps follow the fall of |g|, because q is flat to rounding there. */
static bool minimise(struct descent *d, struct start *s, double *x, double *f, double *g)
{
    const size_t N = d->N;
    double *delta = d->one, *trial = d->trial, *f_trial = d->next, shift = 0;
    for (int it = 0; it < 60; it++) {
        linearise(d, x, f, g);
        const double before = rnn_norm2(N, g), scale = fmax(1, max_abs(N, x));
        if (max_abs(N, f) < NEAR_ROOT * 1e-4) return false; /* a root after all */
        bool moved = false, definite = false;
        for (shift = 0; !moved && shift < 1e8; shift = shift > 0 ? shift * 10 : 1e-9) {
            linearise(d, x, f, g);
            rnn_gemm(1, 0, N, N, N, 1, d->A, d->A, 0, d->M);
            rnn_map_curvature(d->p->map, x, f, d->M, d->work, d->JJ);
            for (size_t i = 0; i < N; i++) d->M[i * N + i] += shift;
            if (!cholesky_direction(d, g, delta)) continue;
            definite |= shift <= 1e-9;
            for (size_t i = 0; i < N; i++) trial[i] = x[i] + delta[i];
            evaluate(d, 1, trial, f_trial);
            const double q = half_square(N, f_trial);
            moved = isfinite(q) && q < s->q - 1e-12 * s->q;
            if (!moved && definite && before < 1e-5) { /* q is flat here */
                linearise(d, trial, f_trial, g);
                moved = rnn_norm2(N, g) < 0.5 * before;
                if (!moved) break;
            }
            if (!moved) continue;
            memcpy(x, trial, N * sizeof *x);
            memcpy(f, f_trial, N * sizeof *f);
            s->q = q;
        }
        if (moved) continue;
        linearise(d, x, f, g);
        return definite && rnn_norm2(N, g) <= d->p->opt.slow_gradient * scale;
    }
    return false;
}

/* An upper bound on |M|_2, |(M'M)^4|_F^(1/8): at most N^(1/16) too large, and three products where a spectrum costs thirty times as much.
 * S [2][N][N] is scratch. */
static double norm_bound(size_t N, const double *M, double *S)
{
    double *T = S + N * N;
    rnn_gemm(1, 0, N, N, N, 1, M, M, 0, S);
    rnn_gemm(0, 0, N, N, N, 1, S, S, 0, T);
    rnn_gemm(0, 0, N, N, N, 1, T, T, 0, S);
    return pow(rnn_norm2(N * N, S), 0.125) * (1 + 1e-12);
}

/* beta, eta and what they prove, from the inverse of A at x. */
static void certify(struct descent *d, const double *x, const double *f, struct rnn_fp_point *out)
{
    const size_t N = d->N;
    const double K = d->p->K;
    double rcond;
    struct rnn_err singular;
    if (isnan(K) || rnn_inverse(N, d->A, d->M, &rcond, &singular) < 0) return;
    rnn_gemv(0, N, N, 1, d->M, f, 0, d->one);
    const double beta = norm_bound(N, d->M, d->JJ);
    /* rounding of f itself: a few units in the last place of every sum */
    const double eta = rnn_norm2(N, d->one) + beta * 4e-16 * sqrt((double)N) * fmax(1, max_abs(N, x)), h = beta * K * eta;
    if (!(h <= 0.5)) return;
    if (K == 0) { /* affine around x: one root in there */
        const double reach = d->p->period == 1 ? rnn_map_affine_radius(d->p->map, x, d->work) : eta;
        if (!(reach >= eta)) return;
        out->radius = eta;
        out->unique = out->basin = reach;
        return;
    }
    const double root = sqrt(1 - 2 * h);
    out->radius = 2 * eta / (1 + root);
    out->unique = (1 + root) / (beta * K);
    out->basin = 0.9 * 2 / (3 * beta * K) - out->radius;
    if (!(out->basin > 0)) out->basin = 0;
}

/* A start has come to rest: what is there? */
static int conclude(struct descent *d, size_t k, struct rnn_fp_set *set, struct rnn_err *err)
{
    struct start *s = &d->start[k];
    const size_t N = d->N;
    const struct rnn_fp_options *o = &d->p->opt;
    double *x = d->x + k * N, *f = d->f + k * N, *g = d->g + k * N;
    struct rnn_fp_point p = {.status = RNN_FP_FAILED, .start = s->index, .hits = 1, .radius = NAN, .unique = NAN, .iterations = s->iterations};
    const double alpha = d->p->map->alpha_scale;
    const bool is_lost = !isfinite(s->q) || max_abs(N, x) > o->max_norm;
    s->phase = DONE;
    if (!is_lost) {
        const double limit = o->fixed_speed * fmax(1, max_abs(N, x));
        bool is_minimum = false;
        if (max_abs(N, f) > limit && sqrt(2 * s->q) / alpha <= 4 * o->slow_speed && d->p->period == 1) {
            is_minimum = minimise(d, s, x, f, g);
            for (int i = 0; i < 30 && !is_minimum && max_abs(N, f) < NEAR_ROOT; i++) { /* a flat approach ended at a root */
                linearise(d, x, f, g);
                if (!newton_direction(d, f, d->one)) break;
                for (size_t j = 0; j < N; j++) d->trial[j] = x[j] + d->one[j];
                evaluate(d, 1, d->trial, d->next);
                const double q = half_square(N, d->next);
                if (!(q < s->q)) break;
                memcpy(x, d->trial, N * sizeof *x), memcpy(f, d->next, N * sizeof *f), s->q = q;
            }
        }
        if (max_abs(N, f) <= limit) p.status = RNN_FP_FIXED;
        else if (is_minimum && sqrt(2 * s->q) / alpha <= o->slow_speed) p.status = RNN_FP_SLOW;
    }
    if (p.status != RNN_FP_FAILED) {
        RNN_TRY(rnn_alloc_into(&p.x, N, sizeof *p.x, err));
        memcpy(p.x, x, N * sizeof *x);
        linearise(d, x, f, g);
        p.residual = max_abs(N, f), p.q = s->q, p.speed = sqrt(2 * s->q) / alpha, p.gradient = rnn_norm2(N, g);
        if (p.status == RNN_FP_FIXED) certify(d, x, f, &p);
    }
    const int rc = rnn_fp_set_add(set, &p, err);
    if (rc < 0) free(p.x);
    return rc;
}

/* One round: directions, one evaluation of every trial, judgement.  *left: starts still under way. */
static int round_of(struct descent *d, struct rnn_fp_set *set, size_t *left, struct rnn_err *err)
{
    const size_t N = d->N;
    size_t n = 0;
    for (size_t k = 0; k < d->B; k++) {
        struct start *s = &d->start[k];
        if (s->phase == DONE) continue;
        if (s->phase != REST && !s->has_direction) {
            const int known = known_root(set, d->x + k * N);
            if (known >= 0) {
                set->starts++, set->p[known].hits++, s->phase = DONE;
                continue;
            }
            aim(d, k);
        }
        if (s->phase == REST) {
            RNN_TRY(conclude(d, k, set, err));
            continue;
        }
        d->row[n++] = k;
    }
    /* the rows are filled only now: who concluded has used the room */
    for (size_t r = 0; r < n; r++)
        for (size_t i = 0; i < N; i++) {
            const size_t k = d->row[r];
            d->trial[r * N + i] = d->x[k * N + i] + d->start[k].step * d->delta[k * N + i];
        }
    evaluate(d, n, d->trial, d->next);
    for (size_t r = 0; r < n; r++) judge(d, d->row[r], d->trial + r * N, d->next + r * N);
    *left = n;
    return RNN_OK;
}

/* Copies of the known roots that have a basin, not hit yet. */
static int take_known(const struct rnn_fp_set *known, struct rnn_fp_set *own, struct rnn_err *err)
{
    for (size_t i = 0; known && i < known->n; i++) {
        struct rnn_fp_point p = known->p[i];
        if (p.status != RNN_FP_FIXED || !(p.basin > 0)) continue;
        RNN_TRY(rnn_grow(&own->p, &own->cap, own->n + 1, sizeof *own->p, err));
        p.hits = 0;
        RNN_TRY(rnn_alloc_into(&p.x, own->N, sizeof *p.x, err));
        memcpy(p.x, known->p[i].x, own->N * sizeof *p.x);
        own->p[own->n++] = p;
    }
    return RNN_OK;
}

static void drop_unhit(struct rnn_fp_set *own)
{
    size_t kept = 0;
    for (size_t i = 0; i < own->n; i++) {
        if (own->p[i].hits) own->p[kept++] = own->p[i];
        else free(own->p[i].x);
    }
    own->n = kept;
}

int rnn_fp_from_starts(const struct rnn_fp_problem *p, size_t B, const double *starts, size_t first, const struct rnn_fp_set *known,
                       struct rnn_fp_set *s, struct rnn_err *err)
{
    const size_t N = p->map->N;
    for (size_t i = 0; i < B * N; i++)
        if (!isfinite(starts[i])) return rnn_fail(err, RNN_ERR_ARG, "start %zu has an entry that is not finite", first + i / N);
    struct descent d;
    struct rnn_fp_set own;
    rnn_fp_set_init(&own, N);
    own.merge = s->merge;
    int rc = descent_new(&d, p, B, err);
    if (rc >= 0) rc = take_known(known, &own, err);
    if (rc >= 0 && B) {
        memcpy(d.x, starts, B * N * sizeof *starts);
        evaluate(&d, B, d.x, d.f);
        for (size_t k = 0; k < B; k++) {
            d.start[k] = (struct start){.index = first + k, .q = half_square(N, d.f + k * N)};
            if (!isfinite(d.start[k].q)) d.start[k].phase = REST;
        }
    }
    for (size_t left = B; rc >= 0 && left > 0;) rc = round_of(&d, &own, &left, err);
    drop_unhit(&own);
    if (rc >= 0) rc = rnn_fp_set_merge(s, &own, err);
    rnn_fp_set_release(&own);
    descent_free(&d);
    return rc < 0 ? rc : RNN_OK;
}
