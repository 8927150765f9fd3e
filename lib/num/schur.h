/* Invariant subspaces of a general matrix, by ordered Schur decomposition: sound where eigenvectors are not (repeated and
 * defective eigenvalues). */
#ifndef RNN_NUM_SCHUR_H
#define RNN_NUM_SCHUR_H

#include <stddef.h>
#include "base/err.h"

/* Orthonormal basis Q [n][k] (leading k columns written row-major with stride k) of the invariant subspace of A [n][n] that belongs to
 * the eigenvalues |lambda| >= theta, with A Q = Q T, T [k][k] upper quasi-triangular.  Q has room for n*n, T for n*n (or NULL). */
int rnn_dominant_subspace(size_t n, const double *A, double theta, double *Q, double *T, size_t *k, struct rnn_err *err);

/* The oblique spectral projector on that subspace along the other invariant subspace, P = Q (Z' Q)^-1 Z', Z the dominant subspace of
 * A'.  Also dual [k][n] = (Z' Q)^-1 Z', so that P = Q dual and dual Q = I.  Any of P [n][n], Q, T, dual may be NULL.
 * rcond of Z' Q in *rcond (NULL ok): near 0 means the two subspaces nearly touch. */
struct rnn_projector {
    size_t n, k;
    double *P, *Q, *T, *dual; /* owned: [n][n], [n][k], [k][k], [k][n] */
    double rcond;
};
int rnn_projector_make(size_t n, const double *A, double theta, struct rnn_projector *out, struct rnn_err *err);
void rnn_projector_release(struct rnn_projector *p);

/* Cosines of the principal angles between the column spans of A [n][p] and B [n][q]: c [min(p,q)], descending. */
int rnn_principal_cosines(size_t n, size_t p, const double *A, size_t q, const double *B, double *c, struct rnn_err *err);

#endif
