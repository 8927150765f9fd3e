#include "num/solve.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <lapacke.h>

#include "base/mem.h"

int rnn_brent_root(rnn_scalar_fn *f, void *ctx, double a, double b, double xtol, double *x, struct rnn_err *err)
{
    double fa = f(a, ctx), fb = f(b, ctx);
    if (!isfinite(fa) || !isfinite(fb))
        return rnn_fail(err, RNN_ERR_NUMERIC, "root: the function is not finite at an end of [%g, %g]", a, b);
    if (fa != 0 && fb != 0 && signbit(fa) == signbit(fb))
        return rnn_fail(err, RNN_ERR_ARG, "root: no change of sign on [%g, %g]", a, b);
    double c = a, fc = fa, step = b - a, before = step; /* b: best; c: other side of the root; before: the step before last */
    for (int i = 0; i < 10000; i++) {
        if (fabs(fc) < fabs(fb)) {
            a = b, b = c, c = a;
            fa = fb, fb = fc, fc = fa;
        }
        const double tol = 2 * DBL_EPSILON * fabs(b) + xtol / 2, half = (c - b) / 2;
        if (fabs(half) <= tol || fb == 0) {
            *x = b;
            return RNN_OK;
        }
        if (fabs(before) >= tol && fabs(fa) > fabs(fb)) { /* secant, or inverse quadratic through three points */
            const double s = fb / fa, q0 = fa / fc, r = fb / fc;
            double p = a == c ? 2 * half * s : s * (2 * half * q0 * (q0 - r) - (b - a) * (r - 1));
            double q = a == c ? 1 - s : (q0 - 1) * (r - 1) * (s - 1);
            if (p > 0) q = -q;
            p = fabs(p);
            const int inside = 2 * p < fmin(3 * half * q - fabs(tol * q), fabs(before * q));
            before = inside ? step : half;
            step = inside ? p / q : half;
        } else {
            before = step = half;
        }
        a = b, fa = fb;
        b += fabs(step) > tol ? step : copysign(tol, half);
        fb = f(b, ctx);
        if (!isfinite(fb)) return rnn_fail(err, RNN_ERR_NUMERIC, "root: the function is not finite at %.17g", b);
        if (signbit(fb) == signbit(fc) && fb != 0) {
            c = a, fc = fa;
            before = step = b - a;
        }
    }
    *x = b;
    return RNN_NOT_CONVERGED;
}

int rnn_brent_min(rnn_scalar_fn *f, void *ctx, double a, double b, double xtol, double *x_out, double *fx_out, struct rnn_err *err)
{
    if (!(a <= b)) return rnn_fail(err, RNN_ERR_ARG, "minimum: [%g, %g] is not an interval", a, b);
    const double golden = (3 - sqrt(5)) / 2, eps = sqrt(DBL_EPSILON);
    double x = a + golden * (b - a), w = x, v = x, step = 0, before = 0;
    double fx = f(x, ctx), fw = fx, fv = fx;
    int rc = RNN_NOT_CONVERGED;
    for (int i = 0; i < 10000 && rc == RNN_NOT_CONVERGED; i++) {
        if (!isfinite(fx)) return rnn_fail(err, RNN_ERR_NUMERIC, "minimum: the function is not finite at %.17g", x);
        const double mid = (a + b) / 2, tol = eps * fabs(x) + xtol / 3;
        if (fabs(x - mid) <= 2 * tol - (b - a) / 2) {
            rc = RNN_OK;
            break;
        }
        int parabola = 0;
        if (fabs(before) > tol) {
            const double r = (x - w) * (fx - fv), q0 = (x - v) * (fx - fw);
            double p = (x - v) * q0 - (x - w) * r, q = 2 * (q0 - r);
            if (q > 0) p = -p;
            q = fabs(q);
            if (fabs(p) < fabs(q * before / 2) && p > q * (a - x) && p < q * (b - x)) {
                parabola = 1;
                before = step;
                step = p / q;
                if (x + step - a < 2 * tol || b - x - step < 2 * tol) step = x < mid ? tol : -tol;
            }
        }
        if (!parabola) {
            before = x < mid ? b - x : a - x;
            step = golden * before;
        }
        const double u = x + (fabs(step) >= tol ? step : copysign(tol, step)), fu = f(u, ctx);
        if (fu <= fx) {
            if (u < x) b = x;
            else a = x;
            v = w, fv = fw;
            w = x, fw = fx;
            x = u, fx = fu;
        } else {
            if (u < x) a = u;
            else b = u;
            if (fu <= fw || w == x) {
                v = w, fv = fw;
                w = u, fw = fu;
            } else if (fu <= fv || v == x || v == w) {
                v = u, fv = fu;
            }
        }
    }
    *x_out = x;
    if (fx_out) *fx_out = fx;
    return rc;
}

/* y = x + h k */
static void shifted(size_t n, const double *x, double h, const double *k, double *y)
{
    for (size_t i = 0; i < n; i++) y[i] = x[i] + h * k[i];
}

static int rk4_step(rnn_ode_fn *F, void *ctx, double t, double h, size_t n, double *x, double *space)
{
    double *k1 = space, *k2 = k1 + n, *k3 = k2 + n, *k4 = k3 + n, *y = k4 + n;
    int rc;
    if ((rc = F(t, n, x, k1, ctx)) != 0) return rc;
    shifted(n, x, h / 2, k1, y);
    if ((rc = F(t + h / 2, n, y, k2, ctx)) != 0) return rc;
    shifted(n, x, h / 2, k2, y);
    if ((rc = F(t + h / 2, n, y, k3, ctx)) != 0) return rc;
    shifted(n, x, h, k3, y);
    if ((rc = F(t + h, n, y, k4, ctx)) != 0) return rc;
    for (size_t i = 0; i < n; i++) {
        x[i] += h / 6 * (k1[i] + 2 * (k2[i] + k3[i]) + k4[i]);
        if (!isfinite(x[i])) return 1;
    }
    return 0;
}

int rnn_rk4(rnn_ode_fn *F, void *ctx, double t0, double t1, size_t n_steps, size_t n, double *x, double *traj,
            struct rnn_err *err)
{
    double *space;
    const double h = n_steps ? (t1 - t0) / (double) n_steps : 0;
    int rc = 0;
    RNN_TRY(rnn_alloc_into(&space, 5 * n, sizeof *space, err));
    if (traj) memcpy(traj, x, n * sizeof *x);
    for (size_t s = 0; s < n_steps && rc == 0; s++) {
        const double t = t0 + h * (double) s;
        rc = rk4_step(F, ctx, t, h, n, x, space);
        if (rc > 0) rc = rnn_fail(err, RNN_ERR_NUMERIC, "integration: no finite state after t = %g", t);
        if (traj) memcpy(traj + (s + 1) * n, x, n * sizeof *x);
    }
    free(space);
    return rc;
}

/* Orthonormal Hermite functions h_k(x) exp(-x^2/4) (2 pi)^-1/4 at k = n-1 and n: bounded, so nothing overflows for large x. */
static void hermite_pair(size_t n, double x, double *below, double *top)
{
    double a = 0, b = exp(-x * x / 4);
    for (size_t k = 0; k < n; k++) {
        const double c = (x * b - sqrt((double) k) * a) / sqrt((double) k + 1);
        a = b;
        b = c;
    }
    *below = a;
    *top = b;
}

int rnn_gauss_hermite(size_t n, double *x, double *w, struct rnn_err *err)
{
    double *sub;
    if (n == 0) return rnn_fail(err, RNN_ERR_ARG, "Gauss-Hermite: no nodes asked for");
    if (n > 1 << 15) return rnn_fail(err, RNN_ERR_LIMIT, "Gauss-Hermite: %zu nodes", n);
    RNN_TRY(rnn_alloc_into(&sub, n, sizeof *sub, err));
    for (size_t k = 0; k < n; k++) {
        x[k] = 0;
        sub[k] = sqrt((double) k + 1);
    }
    const lapack_int info = LAPACKE_dsterf((lapack_int) n, x, sub); /* nodes: eigenvalues of the Jacobi matrix */
    free(sub);
    if (info != 0) return rnn_fail(err, RNN_ERR_NUMERIC, "Gauss-Hermite: LAPACK did not converge (info %d)", (int) info);
    double sum = 0;
    for (size_t k = 0; k < n; k++) { /* weights: 1 / (n h_{n-1}^2), more exact in the tail than eigenvectors */
        const size_t mirror = n - 1 - k;
        double below, top;
        if (mirror <= k) x[k] = mirror == k ? 0 : -x[mirror];
        hermite_pair(n, x[k], &below, &top);
        w[k] = mirror < k ? w[mirror] : exp(-x[k] * x[k] / 2) / (below * below) / (double) n;
        if (!isfinite(w[k])) w[k] = 0;
        sum += w[k];
    }
    for (size_t k = 0; k < n; k++) w[k] /= sum;
    return RNN_OK;
}
