/* Lyapunov exponents of a map by QR (Benettin et al. 1980; Eckmann & Ruelle 1985). */
#ifndef RNN_ANALYSIS_LYAPUNOV_H
#define RNN_ANALYSIS_LYAPUNOV_H

#include "analysis/map.h"

/* The m <= N largest exponents of the orbit of x [N] (overwritten by its last state), per step, natural logarithm, in descending order: after
 * `transient` steps (the frame is aligned during the second half of them) the mean growth over `steps` steps, orthonormalised every `every` steps.
 * error [m] or NULL: standard error of that mean from ten consecutive blocks (correlations shorter than a block).
 * -INFINITY where the map contracts to nothing.  RNN_ERR_NUMERIC when the orbit leaves the finite numbers. */
int rnn_lyapunov(const struct rnn_map *map, double *x, size_t transient, size_t steps, size_t every, size_t m, double *exponent,
                 double *error, struct rnn_err *err);
/* Kaplan-Yorke dimension of a spectrum in descending order: NaN when the m exponents given do not decide it. */
double rnn_kaplan_yorke(size_t m, const double *exponent, size_t N);

#endif
