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
    double mu = f->M_b, fixed = f->S_bb, avg[3];
    for (size_t r = 0; r < R; r++) {
        mu += f->M_m[r] * kappa[r];
        if (f->S_mb) fixed += 2 * f->S_mb[r] * kappa[r];
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
        if (f->S_nb) next[r] += f->S_nb[r] * avg[2];
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
    for (size_t i = 0; rc >= 0 && i <= starts; i++) { /* the last: 0, which a grid of even points passes by */
        for (size_t r = 0, rest = i; r < R; r++, rest /= per_axis)
            start[r] = per_axis > 1 && i < starts ? range * (2 * (double)(rest % per_axis) / (double)(per_axis - 1) - 1) : 0;
        rc = rnn_meanfield_solve(f, start, k, &Delta, sl, err);
        if (rc == RNN_OK) insert_solution(R, room, k, Delta, sl, kappas, Deltas, slopes, n);
    }
    free(work);
    return rc < 0 ? rc : RNN_OK;
}

size_t rnn_meanfield_room(size_t R)
{
    return 2 * R * (R + 2);
}

/* sum_i (x_i - X) (y_i - Y) / N of entries a stride apart. */
static double covariance(size_t N, const double *x, size_t x_stride, double X, const double *y, size_t y_stride, double Y)
{
    double sum = 0;
    for (size_t i = 0; i < N; i++) sum += (x[i * x_stride] - X) * (y[i * y_stride] - Y) / (double)N;
    return sum;
}

static double mean(size_t N, const double *x, size_t stride)
{
    double sum = 0;
    for (size_t i = 0; i < N; i++) sum += x[i * stride] / (double)N;
    return sum;
}

int rnn_meanfield_from_net(const struct rnn_net *net, double *v, struct rnn_meanfield *out, struct rnn_err *err)
{
    const size_t N = net->spec.N, R = net->spec.rank;
    if (!R || net->spec.cell == RNN_GRU) return rnn_fail(err, RNN_ERR_ARG, "mean-field theory needs a rate network with factorised recurrence (--rank)");
    const double *m = rnn_net_param(net, "m"), *biases[2] = {rnn_net_param(net, "b_rec"), rnn_net_param(net, "b_in")};
    /* W = m n (plain) is m (N n) / N; per-unit scaling already has the 1/N. */
    const double scale = net->spec.rank_scale == RNN_RANK_PER_UNIT ? 1 : (double)N;
    double *M_m = v, *M_n = M_m + R, *S_mb = M_n + R, *S_nb = S_mb + R, *S_mm = S_nb + R, *S_nm = S_mm + R * R, *n = NULL;
    RNN_TRY(rnn_alloc_into(&n, (R + 1) * N, sizeof *n, err));
    double *b = n + R * N;
    for (size_t i = 0; i < R * N; i++) n[i] = scale * rnn_net_param(net, "n")[i];
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; biases[k] && i < N; i++) b[i] += biases[k][i];
    const double M_b = mean(N, b, 1);
    for (size_t r = 0; r < R; r++) M_m[r] = mean(N, m + r, R), M_n[r] = mean(N, n + r * N, 1);
    for (size_t r = 0; r < R; r++) {
        S_mb[r] = covariance(N, m + r, R, M_m[r], b, 1, M_b);
        S_nb[r] = covariance(N, n + r * N, 1, M_n[r], b, 1, M_b);
        for (size_t s = 0; s < R; s++) {
            S_mm[r * R + s] = covariance(N, m + r, R, M_m[r], m + s, R, M_m[s]);
            S_nm[r * R + s] = covariance(N, n + r * N, 1, M_n[r], m + s, R, M_m[s]);
        }
    }
    *out = (struct rnn_meanfield){.rank = R, .act = net->spec.act, .M_m = M_m, .M_n = M_n, .S_mm = S_mm, .S_nm = S_nm, .M_b = M_b,
                                  .S_bb = covariance(N, b, 1, M_b, b, 1, M_b), .S_mb = S_mb, .S_nb = S_nb};
    free(n);
    return RNN_OK;
}
