/* The same points in two networks, or in one network at two moments of its training. */
#ifndef RNN_ANALYSIS_MATCH_H
#define RNN_ANALYSIS_MATCH_H

#include <stddef.h>
#include "base/err.h"

/* Pairs points A [n_a][N] with points B [n_b][N] so that the sum of Euclidean distances is least, a point of A that stays alone
 * costing `reach`: no pair is farther apart than `reach`.  match [n_a]: the partner in B, or SIZE_MAX (a death); points of B that nobody
 * is matched to are births.  distance [n_a] or NULL: NaN for deaths. */
int rnn_match_points(size_t N, size_t n_a, const double *A, size_t n_b, const double *B, double reach, size_t *match, double *distance,
                     struct rnn_err *err);

#endif
