/* Invariant subspaces of a general matrix, by ordered Schur decomposition: sound where eigenvectors are not (repeated and
 * defective eigenvalues). */
#ifndef RNN_NUM_SCHUR_H
#define RNN_NUM_SCHUR_H

#include <stddef.h>
#include "base/err.h"

/* The oblique spectral projector P = Q (Z' Q)^-1 Z' onto the invariant subspace of A [n][n] of the eigenvalues |lambda| >= theta,
 * along the other invariant subspace.  Q: an orthonormal basis of it, A Q = Q T with T upper quasi-triangular; Z: one of the
 * same subspace of A'.  dual = (Z' Q)^-1 Z', so that P = Q dual and dual Q = I.  RNN_ERR_NUMERIC: A is not
 * finite, an eigenvalue lies on the threshold, or the two subspaces touch.  On failure nothing is left to release. */
struct rnn_projector {
    size_t n, k;
    double *P, *Q, *T, *dual; /* owned: [n][n], [n][k], [k][k], [k][n] */
    double rcond;             /* of Z' Q: near 0 means that the two subspaces nearly touch */
};
int rnn_projector_make(size_t n, const double *A, double theta, struct rnn_projector *out, struct rnn_err *err);
void rnn_projector_release(struct rnn_projector *p);

#endif
