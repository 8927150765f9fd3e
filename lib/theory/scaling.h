/* Boundaries between behaviours and their exponents: fits of fraction-against-delay curves and of critical rates against delay
 * (Kurtkaya et al. 2025, figure 4C and S3; section "Boundary and exponent fits" of their code).  Delays T in ms, fractions in [0, 1]. */
#ifndef RNN_THEORY_SCALING_H
#define RNN_THEORY_SCALING_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"
#include "num/stats.h"

/* A fitted curve of two parameters: position (T0 in ms, or x0 = ln lr) and steepness. */
struct rnn_curve_fit {
    double at, steep, cost; /* cost: sum of squared residuals */
    bool converged;
    int evaluations;
};

/* Onset: y = 0 for T < T0, 1 - exp(-c (T - T0)) above.  Levenberg-Marquardt (MINPACK lmdif with the settings of scipy's curve_fit)
 * from (T0, c) = start, as published: it may stop in a local minimum, and does for the post-response data, where the published
 * exponent depends on it. */
int rnn_fit_onset(size_t n, const double *T, const double *y, const double start[2], struct rnn_curve_fit *out, struct rnn_err *err);
/* The same curve by global search: T0 on a grid of `step_ms` between the smallest and largest T, c by bounded minimisation, then polished. */
int rnn_fit_onset_global(size_t n, const double *T, const double *y, double step_ms, struct rnn_curve_fit *out, struct rnn_err *err);
/* y = 1 / (1 + exp(-k (x - x0))), parameters (x0, k) from start. */
int rnn_fit_logistic(size_t n, const double *x, const double *y, const double start[2], struct rnn_curve_fit *out, struct rnn_err *err);
/* First x, by linear interpolation, where y rises to `level` (x ascending); NaN when it never does, or lies there from the
 * first x on: where it rose is then not to be seen. */
double rnn_first_crossing(size_t n, const double *x, const double *y, double level);
/* lr_c ~ T^-beta: least squares of ln lr on ln T; beta = -slope.  Points that are not finite and positive are left out. */
int rnn_fit_exponent(size_t n, const double *T, const double *lr, struct rnn_line *out, struct rnn_err *err);

#endif
