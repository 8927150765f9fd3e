#include "theory/meanfield.h"

#include <complex.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "num/linalg.h"

/* The trapezoidal rule converges exponentially for integrands analytic in a strip and decaying like a gaussian: at this step the
 * error of tanh averages is below 1e-15 for Delta < 100.  Kinked activations (relu) get O(h^2) = 1e-4 of the curvature at the kink. */
static const double STEP = 1.0 / 64, REACH = 9;

static double activate(enum rnn_act act, double x, double *slope)
{
    double y;
    switch (act) {
    case RNN_TANH: y = tanh(x), *slope = 1 - y * y; return y;
    case RNN_RELU: *slope = x > 0; return x > 0 ? x : 0;
    case RNN_SIGMOID: y = 1 / (1 + exp(-x)), *slope = y * (1 - y); return y;
    case RNN_SOFTPLUS: *slope = 1 / (1 + exp(-x)); return x > 30 ? x : log1p(exp(x));
    default: *slope = 1; return x;
    }
}

/* <f>, <f^2>, <f'> over x ~ N(mu, Delta). */
static void averages(enum rnn_act act, double mu, double Delta, double out[3])
{
    const double sd = sqrt(fmax(Delta, 0));
    out[0] = out[1] = out[2] = 0;
    for (double z = -REACH; z <= REACH; z += STEP) {
        double slope;
        const double w = STEP * exp(-z * z / 2) / sqrt(2 * M_PI), y = activate(act, mu + sd * z, &slope);
        out[0] += w * y, out[1] += w * y * y, out[2] += w * slope;
    }
}

int rnn_meanfield_map(const struct rnn_meanfield *f, const double *kappa, double *next, double *Delta, struct rnn_err *err)
{
    const size_t R = f->rank;
    double mu = 0, fixed = 0, avg[3];
    for (size_t r = 0; r < R; r++) {
        mu += f->M_m[r] * kappa[r];
        for (size_t s = 0; s < R; s++) fixed += kappa[r] * f->S_mm[r * R + s] * kappa[s];
    }
    /* Delta = g^2 <f^2>(Delta) + fixed: iterate from above, where the map is monotone; saturating f converges fast. */
    double d = fixed + f->g * f->g;
    for (int i = 0; f->g > 0 && i < 100000; i++) {
        averages(f->act, mu, d, avg);
        const double to = f->g * f->g * avg[1] + fixed;
        if (!isfinite(to) || to > 1e12) return rnn_fail(err, RNN_ERR_NUMERIC, "variance grows without bound at g = %g", f->g);
        if (fabs(to - d) <= 1e-14 * (1 + d)) break;
        d = to;
    }
    if (!(f->g > 0)) d = fixed;
    averages(f->act, mu, d, avg);
    for (size_t r = 0; r < R; r++) {
        next[r] = f->M_n[r] * avg[0];
        for (size_t s = 0; s < R; s++) next[r] += f->S_nm[r * R + s] * kappa[s] * avg[2];
    }
    *Delta = d;
    return RNN_OK;
}

/* Central differences: the map is smooth and cheap, and Delta's implicit dependence comes along. */
static int map_jacobian(const struct rnn_meanfield *f, const double *kappa, double *J, double *work, struct rnn_err *err)
{
    const size_t R = f->rank;
    const double h = 1e-5;
    double *at = work, *hi = at + R, *lo = hi + R, Delta;
    memcpy(at, kappa, R * sizeof *at);
    for (size_t s = 0; s < R; s++) {
        at[s] = kappa[s] + h;
        RNN_TRY(rnn_meanfield_map(f, at, hi, &Delta, err));
        at[s] = kappa[s] - h;
        RNN_TRY(rnn_meanfield_map(f, at, lo, &Delta, err));
        at[s] = kappa[s];
        for (size_t r = 0; r < R; r++) J[r * R + s] = (hi[r] - lo[r]) / (2 * h);
    }
    return RNN_OK;
}

static double worst_gap(size_t R, const double *a, const double *b)
{
    double gap = 0;
    for (size_t r = 0; r < R; r++) gap = fmax(gap, fabs(a[r] - b[r]));
    return gap;
}

static int solve_in(const struct rnn_meanfield *f, double *kappa, double *Delta, double *J, double *work, struct rnn_err *err)
{
    const size_t R = f->rank;
    double *next = work, *res = next + R, *delta = res + R, *trial = delta + R, *more = trial + R, unused;
    RNN_TRY(rnn_meanfield_map(f, kappa, next, Delta, err));
    double gap = worst_gap(R, next, kappa);
    for (int i = 0; gap > 1e-13 && i < 200; i++) {
        RNN_TRY(map_jacobian(f, kappa, J, more, err));
        for (size_t j = 0; j < R * R; j++) J[j] = -J[j];
        for (size_t r = 0; r < R; r++) J[r * R + r] += 1, res[r] = next[r] - kappa[r];
        struct rnn_err singular;
        if (rnn_solve(R, 1, J, res, delta, NULL, &singular) < 0) memcpy(delta, res, R * sizeof *res);
        double step = 1, g = INFINITY;
        for (; step > 1e-9; step /= 2) {
            for (size_t r = 0; r < R; r++) trial[r] = kappa[r] + step * delta[r];
            RNN_TRY(rnn_meanfield_map(f, trial, next, &unused, err));
            if ((g = worst_gap(R, next, trial)) < gap) break;
        }
        if (!(g < gap)) break;
        memcpy(kappa, trial, R * sizeof *trial);
        gap = g;
    }
    RNN_TRY(rnn_meanfield_map(f, kappa, next, Delta, err));
    return gap < 1e-10 ? RNN_OK : RNN_NOT_CONVERGED;
}

int rnn_meanfield_solve(const struct rnn_meanfield *f, const double *start, double *kappa, double *Delta, double *slopes, struct rnn_err *err)
{
    const size_t R = f->rank;
    double *work = NULL;
    double _Complex *w = NULL;
    RNN_TRY(rnn_alloc_into(&work, R * R + 8 * R, sizeof *work, err));
    int rc = rnn_alloc_into(&w, R, sizeof *w, err);
    memcpy(kappa, start, R * sizeof *start);
    if (rc >= 0) rc = solve_in(f, kappa, Delta, work, work + R * R, err);
    if (rc >= 0 && slopes) {
        int rj = map_jacobian(f, kappa, work, work + R * R, err);
        if (rj >= 0) rj = rnn_eig(R, work, w, NULL, NULL, err);
        if (rj < 0) rc = rj;
        for (size_t r = 0; r < R; r++) slopes[r] = cabs(w[r]);
    }
    free(work);
    free(w);
    return rc;
}

static double norm_of(size_t R, const double *k)
{
    return rnn_norm2(R, k);
}

static bool comes_before(size_t R, const double *a, const double *b)
{
    const double na = norm_of(R, a), nb = norm_of(R, b);
    if (fabs(na - nb) > 1e-7 * (1 + na)) return na < nb;
    for (size_t r = 0; r < R; r++)
        if (fabs(a[r] - b[r]) > 1e-7) return a[r] < b[r];
    return false;
}

/* Inserts in order unless it is known; keeps the parallel arrays together. */
static void insert_solution(size_t R, size_t room, const double *k, double D, const double *sl, double *kappas, double *Deltas,
                            double *slopes, size_t *n)
{
    for (size_t i = 0; i < *n; i++)
        if (worst_gap(R, kappas + i * R, k) < 1e-7) return;
    if (*n == room) return;
    size_t at = (*n)++;
    for (; at && comes_before(R, k, kappas + (at - 1) * R); at--) {
        memcpy(kappas + at * R, kappas + (at - 1) * R, R * sizeof *kappas);
        memcpy(slopes + at * R, slopes + (at - 1) * R, R * sizeof *slopes);
        Deltas[at] = Deltas[at - 1];
    }
    memcpy(kappas + at * R, k, R * sizeof *k);
    memcpy(slopes + at * R, sl, R * sizeof *sl);
    Deltas[at] = D;
}

int rnn_meanfield_all(const struct rnn_meanfield *f, double range, size_t per_axis, size_t room, double *kappas, double *Deltas,
                      double *slopes, size_t *n, struct rnn_err *err)
{
    const size_t R = f->rank;
    size_t starts = 1;
    for (size_t r = 0; r < R; r++)
        if (!rnn_mul_size(starts, per_axis, &starts) || starts > 10000000)
            return rnn_fail(err, RNN_ERR_LIMIT, "a grid of %zu^%zu starts is too large", per_axis, R);
    double *work = NULL;
    RNN_TRY(rnn_alloc_into(&work, 3 * R, sizeof *work, err));
    double *start = work, *k = start + R, *sl = k + R, Delta;
    *n = 0;
    int rc = RNN_OK;
    for (size_t i = 0; rc >= 0 && i < starts; i++) {
        for (size_t r = 0, rest = i; r < R; r++, rest /= per_axis)
            start[r] = per_axis > 1 ? range * (2 * (double)(rest % per_axis) / (double)(per_axis - 1) - 1) : 0;
        rc = rnn_meanfield_solve(f, start, k, &Delta, sl, err);
        if (rc == RNN_OK) insert_solution(R, room, k, Delta, sl, kappas, Deltas, slopes, n);
    }
    free(work);
    return rc < 0 ? rc : RNN_OK;
}

int rnn_meanfield_from_net(const struct rnn_net *net, double *M_m, double *M_n, double *S_mm, double *S_nm, struct rnn_err *err)
{
    const size_t N = net->spec.N, R = net->spec.rank;
    if (!R || net->spec.cell == RNN_GRU) return rnn_fail(err, RNN_ERR_ARG, "mean-field theory needs a rate network with factorised recurrence (--rank)");
    const double *m = rnn_net_param(net, "m"), *nn = rnn_net_param(net, "n");
    /* W = m n (plain) is m (N n) / N; per-unit scaling already has the 1/N. */
    const double scale = net->spec.rank_scale == RNN_RANK_PER_UNIT ? 1 : (double)N;
    for (size_t r = 0; r < R; r++) {
        M_m[r] = M_n[r] = 0;
        for (size_t i = 0; i < N; i++) M_m[r] += m[i * R + r] / (double)N, M_n[r] += scale * nn[r * N + i] / (double)N;
    }
    for (size_t r = 0; r < R; r++)
        for (size_t s = 0; s < R; s++) {
            double mm = 0, nm = 0;
            for (size_t i = 0; i < N; i++) {
                mm += (m[i * R + r] - M_m[r]) * (m[i * R + s] - M_m[s]) / (double)N;
                nm += (scale * nn[r * N + i] - M_n[r]) * (m[i * R + s] - M_m[s]) / (double)N;
            }
            S_mm[r * R + s] = mm;
            S_nm[r * R + s] = nm;
        }
    return RNN_OK;
}
