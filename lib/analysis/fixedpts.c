#include "analysis/fixedpts.h"

#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "model/engine.h"
#include "num/linalg.h"

const char *const rnn_fp_status_names[] = {"fixed", "slow", "failed", NULL};

void rnn_fp_options_default(struct rnn_fp_options *o)
{
    *o = (struct rnn_fp_options){.max_iterations = 200, .fixed_speed = 1e-12, .slow_gradient = 1e-10, .slow_speed = INFINITY, .max_norm = 1e6};
}

/* ---- the bound on the Jacobian's change ---- */

/* Largest |f''| of the activation; NaN where there is none (relu is handled by its caller). */
static double max_curvature(enum rnn_act act)
{
    switch (act) {
    case RNN_TANH: return 4 / (3 * sqrt(3));    /* at tanh^2 = 1/3 */
    case RNN_SIGMOID: return 1 / (6 * sqrt(3)); /* at s = (3 +- sqrt 3) / 6 */
    case RNN_SOFTPLUS: return 0.25;
    default: return 0;
    }
}

static double row_norm(const double *W, size_t N, size_t i)
{
    return rnn_norm2(N, W + i * N);
}

/* f(W x + b): the change of row i is at most c |w_i| |dx| |w_i|. */
static int lipschitz_rate(const struct rnn_net *net, const double *W, double *K, struct rnn_err *err)
{
    const size_t N = net->spec.N;
    const double *alpha = net->spec.alpha_per_unit ? rnn_net_param(net, "alpha") : NULL;
    double largest = 0, sum = 0, step = alpha ? 0 : net->spec.alpha;
    for (size_t i = 0; alpha && i < N; i++) step = fmax(step, alpha[i]);
    if (net->spec.cell == RNN_ELMAN) step = 1;
    for (size_t i = 0; i < N; i++) {
        const double w = row_norm(W, N, i);
        largest = fmax(largest, w);
        sum += w * w * w * w;
    }
    const double norm = rnn_spectral_norm(N, N, W, err), c = step * max_curvature(net->spec.act);
    *K = net->spec.cell == RNN_LEAKY_CURRENT ? c * norm : c * fmin(norm * largest, sqrt(sum));
    return isnan(*K) ? rnn_fail(err, RNN_ERR_NUMERIC, "no norm of W") : RNN_OK;
}

/* h' = n + z (h - n), n = f(a + g (W_n h + b_n)), over |h|_inf <= 1: bounds on first and second derivatives of each factor, row by row. */
static void lipschitz_gru(const struct rnn_net *net, const double *W, double *K)
{
    const size_t N = net->spec.N;
    const double curve = 1 / (6 * sqrt(3)), *b = rnn_net_param(net, "b_rec");
    double sum = 0;
    for (size_t i = 0; i < N; i++) {
        const double wr = row_norm(W, N, i), wz = row_norm(W, N, N + i), wn = row_norm(W, N, 2 * N + i);
        double reach = b ? fabs(b[2 * N + i]) : 0;
        for (size_t j = 0; j < N; j++) reach += fabs(W[(2 * N + i) * N + j]);
        const double s1 = wr * reach / 4 + wn, s2 = curve * wr * wr * reach + wr * wn / 2;
        const double n2 = max_curvature(net->spec.act) * s1 * s1 + s2;
        const double row = n2 + 2 * curve * wz * wz + wz / 2 * (1 + s1);
        sum += row * row;
    }
    *K = sqrt(sum);
}

int rnn_fp_lipschitz(const struct rnn_net *net, double *K, struct rnn_err *err)
{
    const size_t N = net->spec.N, rows = net->spec.cell == RNN_GRU ? 3 * N : N;
    double *W = NULL;
    RNN_TRY(rnn_alloc_into(&W, rows * N, sizeof *W, err));
    int rc = rnn_net_W(net, W, err);
    /* Piecewise-linear states bounded by 1 do not hold for a relu gru: no bound is claimed. */
    if (rc >= 0 && net->spec.cell == RNN_GRU && net->spec.act != RNN_TANH) *K = NAN;
    else if (rc >= 0 && net->spec.cell == RNN_GRU) lipschitz_gru(net, W, K);
    else if (rc >= 0) rc = lipschitz_rate(net, W, K, err);
    free(W);
    return rc < 0 ? rc : RNN_OK;
}

/* ---- one start ---- */

int rnn_fp_problem_make(const struct rnn_net *net, const double *u, const struct rnn_fp_options *opt, struct rnn_fp_problem *p,
                        struct rnn_err *err)
{
    if (!rnn_net_finite(net)) return rnn_fail(err, RNN_ERR_NUMERIC, "network has non-finite weights");
    *p = (struct rnn_fp_problem){.net = net, .u = u, .alpha = 1, .opt = *opt};
    const bool leaky = net->spec.cell == RNN_LEAKY || net->spec.cell == RNN_LEAKY_CURRENT;
    if (leaky && !net->spec.alpha_per_unit) p->alpha = net->spec.alpha;
    return rnn_fp_lipschitz(net, &p->K, err);
}

/* Everything one descent needs, in one allocation. */
struct descent {
    size_t N;
    double *x, *f, *trial, *f_trial, *g, *delta, *A, *M;
    int *pivot;
    double q, mu;
};

static int descent_new(struct descent *d, size_t N, struct rnn_err *err)
{
    memset(d, 0, sizeof *d);
    d->N = N;
    RNN_TRY(rnn_alloc_into(&d->x, 6 * N + 2 * N * N, sizeof *d->x, err));
    d->f = d->x + N, d->trial = d->f + N, d->f_trial = d->trial + N, d->g = d->f_trial + N, d->delta = d->g + N;
    d->A = d->delta + N, d->M = d->A + N * N;
    if (rnn_alloc_into(&d->pivot, N, sizeof *d->pivot, err) < 0) return free(d->x), err->code;
    return RNN_OK;
}

static void descent_free(struct descent *d)
{
    free(d->x);
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

/* f = F(x) - x and q. */
static int evaluate(const struct rnn_fp_problem *p, const double *x, double *f, double *q, struct rnn_err *err)
{
    RNN_TRY(rnn_net_step(p->net, x, p->u, f, err));
    for (size_t i = 0; i < p->net->spec.N; i++) f[i] -= x[i];
    *q = half_square(p->net->spec.N, f);
    return RNN_OK;
}

/* A = dF/dx - I and g = A' f at x. */
static int linearise(const struct rnn_fp_problem *p, struct descent *d, const double *x, const double *f, double *g, struct rnn_err *err)
{
    RNN_TRY(rnn_net_jacobian(p->net, x, p->u, d->A, NULL, err));
    for (size_t i = 0; i < d->N; i++) d->A[i * d->N + i] -= 1;
    rnn_gemv(1, d->N, d->N, 1, d->A, f, 0, g);
    return RNN_OK;
}

/* delta of A delta = -f by LU (M is overwritten); false when A is singular. */
static bool newton_direction(struct descent *d)
{
    memcpy(d->M, d->A, d->N * d->N * sizeof *d->M);
    for (size_t i = 0; i < d->N; i++) d->delta[i] = -d->f[i];
    const lapack_int n = (lapack_int)d->N;
    /* M is row-major, hence A' to LAPACK: factor that and solve with the transpose. */
    if (LAPACKE_dgetrf_work(LAPACK_COL_MAJOR, n, n, d->M, n, d->pivot) != 0) return false;
    LAPACKE_dgetrs_work(LAPACK_COL_MAJOR, 'T', n, 1, d->M, n, d->pivot, d->delta, n);
    return isfinite(max_abs(d->N, d->delta));
}

/* delta of (A'A + mu I) delta = -g by Cholesky. */
static bool damped_direction(struct descent *d)
{
    rnn_gemm(1, 0, d->N, d->N, d->N, 1, d->A, d->A, 0, d->M);
    for (size_t i = 0; i < d->N; i++) d->M[i * d->N + i] += d->mu, d->delta[i] = -d->g[i];
    const lapack_int n = (lapack_int)d->N;
    if (LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'L', n, d->M, n) != 0) return false;
    LAPACKE_dpotrs_work(LAPACK_COL_MAJOR, 'L', n, 1, d->M, n, d->delta, n);
    return isfinite(max_abs(d->N, d->delta));
}

/* Tries x + step delta; takes it when q falls enough. */
static int try_step(const struct rnn_fp_problem *p, struct descent *d, double step, bool *taken, struct rnn_err *err)
{
    double q;
    for (size_t i = 0; i < d->N; i++) d->trial[i] = d->x[i] + step * d->delta[i];
    RNN_TRY(evaluate(p, d->trial, d->f_trial, &q, err));
    double slope = 0; /* directional derivative of q */
    for (size_t i = 0; i < d->N; i++) slope += step * d->delta[i] * d->g[i];
    *taken = isfinite(q) && q <= d->q + 1e-4 * slope;
    if (!*taken) return RNN_OK;
    memcpy(d->x, d->trial, d->N * sizeof *d->x);
    memcpy(d->f, d->f_trial, d->N * sizeof *d->f);
    d->q = q;
    return RNN_OK;
}

/* One iteration: Newton's step (halved a few times), and a damped one where that fails. */
static int iterate(const struct rnn_fp_problem *p, struct descent *d, bool *moved, struct rnn_err *err)
{
    *moved = false;
    /* Newton first: far from a root it often points nowhere useful, so it must already help within two halvings. */
    if (d->mu < 1e-3 && newton_direction(d))
        for (double step = 1; step > 0.2 && !*moved; step /= 2) RNN_TRY(try_step(p, d, step, moved, err));
    if (*moved) return RNN_OK;
    if (d->mu == 0) d->mu = 1e-3;
    for (; d->mu < 1e12; d->mu *= 4) {
        if (!damped_direction(d)) continue;
        RNN_TRY(try_step(p, d, 1, moved, err));
        if (*moved) break;
    }
    d->mu = *moved ? d->mu / 10 : d->mu;
    if (d->mu < 1e-9) d->mu = 0;
    return RNN_OK;
}

/* Newton to rounding: full steps while the residual falls. */
static int polish_root(const struct rnn_fp_problem *p, struct descent *d, struct rnn_err *err)
{
    for (int i = 0; i < 20; i++) {
        double q;
        RNN_TRY(linearise(p, d, d->x, d->f, d->g, err));
        if (!newton_direction(d)) return RNN_OK;
        for (size_t j = 0; j < d->N; j++) d->trial[j] = d->x[j] + d->delta[j];
        RNN_TRY(evaluate(p, d->trial, d->f_trial, &q, err));
        if (!(q < d->q)) return RNN_OK;
        memcpy(d->x, d->trial, d->N * sizeof *d->x);
        memcpy(d->f, d->f_trial, d->N * sizeof *d->f);
        d->q = q;
        if (q == 0) return RNN_OK;
    }
    return RNN_OK;
}

/* Hessian of q by central differences of its exact gradient, symmetrised, into M. */
static int hessian(const struct rnn_fp_problem *p, struct descent *d, struct rnn_err *err)
{
    const size_t N = d->N;
    double *gp = NULL, unused;
    RNN_TRY(rnn_alloc_into(&gp, 2 * N, sizeof *gp, err));
    double *gm = gp + N;
    int rc = RNN_OK;
    for (size_t j = 0; rc >= 0 && j < N; j++) {
        const double h = 1e-6 * fmax(1, fabs(d->x[j]));
        memcpy(d->trial, d->x, N * sizeof *d->x);
        d->trial[j] = d->x[j] + h;
        rc = evaluate(p, d->trial, d->f_trial, &unused, err);
        if (rc >= 0) rc = linearise(p, d, d->trial, d->f_trial, gp, err);
        d->trial[j] = d->x[j] - h;
        if (rc >= 0) rc = evaluate(p, d->trial, d->f_trial, &unused, err);
        if (rc >= 0) rc = linearise(p, d, d->trial, d->f_trial, gm, err);
        for (size_t i = 0; i < N; i++) d->M[i * N + j] = (gp[i] - gm[i]) / (2 * h);
    }
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < i; j++) d->M[i * N + j] = d->M[j * N + i] = (d->M[i * N + j] + d->M[j * N + i]) / 2;
    free(gp);
    return rc;
}

/* Newton on the gradient of q, kept downhill by a growing shift of the Hessian: ends at a true minimum. */
static int polish_minimum(const struct rnn_fp_problem *p, struct descent *d, double tol, struct rnn_err *err)
{
    const lapack_int n = (lapack_int)d->N;
    double *H = NULL;
    RNN_TRY(rnn_alloc_into(&H, d->N * d->N, sizeof *H, err));
    int rc = RNN_OK;
    for (int it = 0; rc >= 0 && it < 50; it++) {
        rc = linearise(p, d, d->x, d->f, d->g, err);
        if (rc < 0 || rnn_norm2(d->N, d->g) <= tol * fmax(1, max_abs(d->N, d->x))) break;
        rc = hessian(p, d, err);
        memcpy(H, d->M, d->N * d->N * sizeof *H);
        rc = rc < 0 ? rc : linearise(p, d, d->x, d->f, d->g, err);
        bool moved = false;
        for (double shift = 0; rc >= 0 && !moved && shift < 1e8; shift = shift > 0 ? shift * 10 : 1e-10) {
            memcpy(d->M, H, d->N * d->N * sizeof *H);
            for (size_t i = 0; i < d->N; i++) d->M[i * d->N + i] += shift, d->delta[i] = -d->g[i];
            if (LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'L', n, d->M, n) != 0) continue;
            LAPACKE_dpotrs_work(LAPACK_COL_MAJOR, 'L', n, 1, d->M, n, d->delta, n);
            rc = try_step(p, d, 1, &moved, err);
        }
        if (!moved) break;
    }
    free(H);
    return rc;
}

/* Newton-Kantorovich from the inverse of A at the final point. */
static int certify(const struct rnn_fp_problem *p, struct descent *d, struct rnn_fp_point *out, struct rnn_err *err)
{
    const size_t N = d->N;
    out->radius = out->unique = NAN;
    double rcond;
    struct rnn_err singular;
    if (isnan(p->K) || rnn_inverse(N, d->A, d->M, &rcond, &singular) < 0) return RNN_OK;
    rnn_gemv(0, N, N, 1, d->M, d->f, 0, d->delta);
    const double beta = rnn_spectral_norm(N, N, d->M, err);
    /* rounding of f itself: a few units in the last place of every sum */
    const double eta = rnn_norm2(N, d->delta) + beta * 4e-16 * (double)N * fmax(1, max_abs(N, d->x)), h = beta * p->K * eta;
    if (!(h <= 0.5)) return RNN_OK;
    if (p->K == 0) { /* linear: one root; piecewise linear: within the region, which the caller may know */
        out->radius = eta;
        out->unique = p->net->spec.act == RNN_RELU ? eta : INFINITY;
        return RNN_OK;
    }
    const double root = sqrt(1 - 2 * h);
    out->radius = 2 * eta / (1 + root);
    out->unique = (1 + root) / (beta * p->K);
    return RNN_OK;
}

static int descend(const struct rnn_fp_problem *p, struct descent *d, struct rnn_fp_point *out, struct rnn_err *err)
{
    const double near_root = 1e-8; /* below this Newton's quadratic convergence takes over */
    RNN_TRY(evaluate(p, d->x, d->f, &d->q, err));
    for (out->iterations = 0; out->iterations < p->opt.max_iterations; out->iterations++) {
        if (max_abs(d->N, d->f) < near_root || !isfinite(d->q) || max_abs(d->N, d->x) > p->opt.max_norm) break;
        bool moved;
        const double before = d->q;
        RNN_TRY(linearise(p, d, d->x, d->f, d->g, err));
        if (rnn_norm2(d->N, d->g) <= 1e-6 * sqrt(2 * d->q)) break; /* a minimum of q that is not a root, or nearly so */
        RNN_TRY(iterate(p, d, &moved, err));
        if (!moved || before - d->q <= 1e-14 * before) break;
    }
    if (!isfinite(d->q) || max_abs(d->N, d->x) > p->opt.max_norm) return out->status = RNN_FP_FAILED, RNN_OK;
    RNN_TRY(polish_root(p, d, err));
    if (max_abs(d->N, d->f) <= p->opt.fixed_speed * fmax(1, max_abs(d->N, d->x))) return out->status = RNN_FP_FIXED, RNN_OK;
    RNN_TRY(polish_minimum(p, d, p->opt.slow_gradient, err));
    RNN_TRY(polish_root(p, d, err)); /* a flat approach may end at a root after all */
    RNN_TRY(linearise(p, d, d->x, d->f, d->g, err));
    const double scale = fmax(1, max_abs(d->N, d->x));
    if (max_abs(d->N, d->f) <= p->opt.fixed_speed * scale) out->status = RNN_FP_FIXED;
    else if (rnn_norm2(d->N, d->g) <= p->opt.slow_gradient * scale && sqrt(2 * d->q) / p->alpha <= p->opt.slow_speed) out->status = RNN_FP_SLOW;
    else out->status = RNN_FP_FAILED;
    return RNN_OK;
}

int rnn_fp_from_start(const struct rnn_fp_problem *p, const double *start, size_t index, struct rnn_fp_point *out, struct rnn_err *err)
{
    const size_t N = p->net->spec.N;
    *out = (struct rnn_fp_point){.start = index, .hits = 1, .radius = NAN, .unique = NAN, .status = RNN_FP_FAILED};
    for (size_t i = 0; i < N; i++)
        if (!isfinite(start[i])) return rnn_fail(err, RNN_ERR_ARG, "start %zu has a non-finite entry", index);
    struct descent d;
    RNN_TRY(descent_new(&d, N, err));
    memcpy(d.x, start, N * sizeof *start);
    int rc = descend(p, &d, out, err);
    if (rc >= 0) rc = rnn_alloc_into(&out->x, N, sizeof *out->x, err);
    if (rc >= 0) {
        memcpy(out->x, d.x, N * sizeof *d.x);
        out->residual = max_abs(N, d.f);
        out->q = d.q;
        out->speed = sqrt(2 * d.q) / p->alpha;
        if (isfinite(d.q)) rc = linearise(p, &d, d.x, d.f, d.g, err);
        out->gradient = rnn_norm2(N, d.g);
        if (rc >= 0 && out->status == RNN_FP_FIXED) rc = certify(p, &d, out, err);
    }
    descent_free(&d);
    return rc < 0 ? rc : RNN_OK;
}

/* ---- the set of distinct points ---- */

void rnn_fp_set_init(struct rnn_fp_set *s, size_t N)
{
    *s = (struct rnn_fp_set){.N = N, .merge = 1e-7};
}

static double distance(size_t N, const double *a, const double *b)
{
    double sum = 0;
    for (size_t i = 0; i < N; i++) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sqrt(sum);
}

static bool same_point(const struct rnn_fp_set *s, const struct rnn_fp_point *a, const struct rnn_fp_point *b)
{
    if (a->status != b->status) return false;
    const double gap = distance(s->N, a->x, b->x);
    if (a->status == RNN_FP_FIXED && !isnan(a->radius) && !isnan(b->radius)) {
        if (gap + b->radius < a->unique || gap + a->radius < b->unique) return true;
        if (gap > a->radius + b->radius) return false;
    }
    double worst = 0;
    for (size_t i = 0; i < s->N; i++) worst = fmax(worst, fabs(a->x[i] - b->x[i]));
    return worst <= s->merge * fmax(1, max_abs(s->N, a->x));
}

int rnn_fp_set_add(struct rnn_fp_set *s, struct rnn_fp_point *p, struct rnn_err *err)
{
    s->starts++;
    if (p->status == RNN_FP_FAILED) {
        s->failed++;
        free(p->x);
        p->x = NULL;
        return RNN_OK;
    }
    for (size_t i = 0; i < s->n; i++) {
        struct rnn_fp_point *old = &s->p[i];
        if (!same_point(s, old, p)) continue;
        const uint64_t hits = old->hits + 1;
        const size_t first = old->start < p->start ? old->start : p->start;
        if (p->residual < old->residual) { /* keep the better approximation */
            free(old->x);
            *old = *p;
        } else {
            free(p->x);
        }
        p->x = NULL;
        old->hits = hits;
        old->start = first;
        return RNN_OK;
    }
    RNN_TRY(rnn_grow(&s->p, &s->cap, s->n + 1, sizeof *s->p, err));
    s->p[s->n++] = *p;
    p->x = NULL;
    return RNN_OK;
}

void rnn_fp_set_release(struct rnn_fp_set *s)
{
    for (size_t i = 0; i < s->n; i++) free(s->p[i].x);
    free(s->p);
    memset(s, 0, sizeof *s);
}

static _Thread_local size_t sort_N;

static int compare_points(const void *pa, const void *pb)
{
    const struct rnn_fp_point *a = pa, *b = pb;
    if (a->status != b->status) return a->status < b->status ? -1 : 1;
    for (size_t i = 0; i < sort_N; i++) {
        const double x = round(a->x[i] * 1e9), y = round(b->x[i] * 1e9);
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

int rnn_fp_stability(const struct rnn_net *net, const double *x, const double *u, double margin, bool vectors, struct rnn_fp_stability *s,
                     struct rnn_err *err)
{
    memset(s, 0, sizeof *s);
    const size_t N = s->N = net->spec.N;
    double *J = NULL;
    int rc = rnn_alloc_into(&J, N * N, sizeof *J, err);
    if (rc >= 0) rc = rnn_alloc_into(&s->lambda, N, sizeof *s->lambda, err);
    if (rc >= 0 && vectors) rc = rnn_alloc_into(&s->right, N * N, sizeof *s->right, err);
    if (rc >= 0 && vectors) rc = rnn_alloc_into(&s->left, N * N, sizeof *s->left, err);
    if (rc >= 0) rc = rnn_net_jacobian(net, x, u, J, NULL, err);
    if (rc >= 0) rc = rnn_eig(N, J, s->lambda, s->right, s->left, err);
    for (size_t i = 0; rc >= 0 && i < N; i++) {
        const double modulus = cabs(s->lambda[i]);
        s->n_unstable += modulus > 1 + margin;
        s->n_unstable_flow += creal(s->lambda[i]) - 1 > margin; /* the sign does not depend on alpha */
        s->n_near_neutral += fabs(modulus - 1) <= margin;
    }
    s->near_neutral = s->n_near_neutral > 0;
    s->stable = rc >= 0 && cabs(s->lambda[0]) < 1;
    s->stable_flow = rc >= 0;
    for (size_t i = 0; rc >= 0 && i < N; i++) s->stable_flow &= creal(s->lambda[i]) < 1;
    free(J);
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
