/* Statistics used in every claim: moments, quantiles, intervals, permutation tests, least squares lines. */
#ifndef RNN_NUM_STATS_H
#define RNN_NUM_STATS_H

#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

double rnn_mean(size_t n, const double *x);                /* NaN for n = 0 */
double rnn_quantile(size_t n, const double *x, double p, struct rnn_err *err); /* numpy's default (linear); copies; NaN for
                                                                                  n = 0, a NaN in x, p outside 0..1, no memory */
void rnn_wilson(uint64_t k, uint64_t n, double z, double *lo, double *hi);     /* Wilson score interval of k/n; n=0: 0..1 */
/* Percentile bootstrap of the mean: B resamples from address (seed, ANALYSIS, item, step = resample).  item must be the
 * caller's own among its analyses.  A NaN in x gives NaN for both ends. */
int rnn_bootstrap_mean(size_t n, const double *x, size_t B, double level, uint64_t seed, uint64_t item, double *lo,
                       double *hi, struct rnn_err *err);
/* Two-sided paired permutation (sign-flip) test of mean(d) = 0: exact for n <= 20 (2^n patterns, seed and B unused),
 * else B random flips and p = (extreme + 1) / (B + 1). */
int rnn_paired_permutation(size_t n, const double *d, size_t B, uint64_t seed, uint64_t item, double *p, struct rnn_err *err);
/* Holm's correction of n probabilities (else RNN_ERR_ARG): out[i] = adjusted p[i], at most 1; out may be p. */
int rnn_holm(size_t n, const double *p, double *out, struct rnn_err *err);
/* y = intercept + slope x by ordinary least squares, with standard errors (NaN for n = 2) and R^2 (NaN when
 * y is constant). */
struct rnn_line { double slope, intercept, se_slope, se_intercept, r2; size_t n; };
int rnn_fit_line(size_t n, const double *x, const double *y, struct rnn_line *out, struct rnn_err *err);
/* Rank and linear correlation; ties share their mean rank; NaN when n < 2 or either side is constant. */
double rnn_spearman(size_t n, const double *x, const double *y, struct rnn_err *err);
double rnn_pearson(size_t n, const double *x, const double *y);

#endif
