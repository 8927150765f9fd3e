/* General solvers for analyses and theory: least squares fits, roots and minima in one dimension, initial value problems,
 * Gaussian averages.  All in float64, deterministic, no global state.
 * Callbacks return 0, or a positive number where the function has no finite value (the solver then tries a shorter step), or
 * a negative enum rnn_rc, which ends the solver and is returned. */
#ifndef RNN_NUM_SOLVE_H
#define RNN_NUM_SOLVE_H

#include <stddef.h>
#include "base/err.h"

/* Residuals f [m] at x [n]; and their Jacobian J [m][n] = df_i / dx_j. */
typedef int rnn_residual_fn(size_t n, const double *x, size_t m, double *f, void *ctx);
typedef int rnn_jacobian_fn(size_t n, const double *x, size_t m, double *J, void *ctx);

struct rnn_lm_options {
    double ftol, xtol, gtol;  /* relative fall of the sum of squares; relative step; largest cosine of f with a column of J */
    size_t max_eval;          /* evaluations of f, those of forward differences not counted */
    double initial_damping;   /* of the scaled normal equations */
};
#define RNN_LM_DEFAULT {1e-14, 1e-12, 1e-14, 2000, 1e-3}

struct rnn_lm_result {
    double cost;   /* sum of squares / 2 at x */
    size_t n_eval, n_iter;
    double rcond;  /* smallest / largest singular value of J at x, columns scaled to unit norm; 0: a direction is undetermined */
};

/* Minimises 1/2 sum f_i(x)^2 from x [n] (overwritten by the best point found) by Levenberg-Marquardt with Marquardt's scaling
 * and Nielsen's (1999) damping; m >= n.  jac NULL: forward differences.  cov [n][n] or NULL: (J'J)^-1 2 cost / (m - n), the
 * covariance of the fit (NaN when m = n or J is rank deficient).  opt NULL: RNN_LM_DEFAULT.
 * RNN_NOT_CONVERGED after max_eval; RNN_ERR_NUMERIC when f has no finite value at the start. */
int rnn_lm(size_t n, double *x, size_t m, rnn_residual_fn *f, rnn_jacobian_fn *jac, void *ctx, const struct rnn_lm_options *opt,
           double *cov, struct rnn_lm_result *result, struct rnn_err *err);

typedef double rnn_scalar_fn(double x, void *ctx);

/* A root of f in [a, b], f(a) f(b) <= 0 (else RNN_ERR_ARG), within xtol + 4 eps |x|, by Brent (1973, ch. 4).
 * RNN_ERR_NUMERIC when f is not finite on the way. */
int rnn_brent_root(rnn_scalar_fn *f, void *ctx, double a, double b, double xtol, double *x, struct rnn_err *err);
/* A local minimum of f in [a, b] by Brent (1973, ch. 5), within xtol + sqrt(eps) |x|; *fx its value, may be NULL.  Only f at
 * the ends themselves is never evaluated. */
int rnn_brent_min(rnn_scalar_fn *f, void *ctx, double a, double b, double xtol, double *x, double *fx, struct rnn_err *err);

/* dx [n] = F(t, x). */
typedef int rnn_ode_fn(double t, size_t n, const double *x, double *dx, void *ctx);
/* Classical Runge-Kutta of order 4, n_steps equal steps from t0 to t1; x [n] is the state, overwritten.  traj NULL or
 * [n_steps + 1][n], the start included.  RNN_ERR_NUMERIC when the state leaves the finite numbers. */
int rnn_rk4(rnn_ode_fn *F, void *ctx, double t0, double t1, size_t n_steps, size_t n, double *x, double *traj,
            struct rnn_err *err);

/* Nodes x [n] ascending and weights w [n] (sum 1) with sum w_i g(x_i) = E g(X), X ~ N(0, 1), exact for polynomials of degree
 * 2n - 1 (Golub & Welsch 1969); symmetric to the last bit.  Weights below 1e-308 come out as 0. */
int rnn_gauss_hermite(size_t n, double *x, double *w, struct rnn_err *err);

#endif
