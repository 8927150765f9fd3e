/* Dense linear algebra in float64, row-major, through LAPACKE and CBLAS; results in canonical order and sign.
 * Matrices are [rows][cols] without padding.  Inputs are not modified unless said.
 * NaN or infinity in an input gives RNN_ERR_NUMERIC, never a hang. */
#ifndef RNN_NUM_LINALG_H
#define RNN_NUM_LINALG_H

#include <complex.h>
#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"

/* Which BLAS runs, for provenance: "SkylakeX", and OpenBLAS' line of build facts.  Every tool asks for one thread, which also ends
 * those that OpenBLAS starts when it is loaded, one a core: they would spin for 25 ms and then sleep. */
void rnn_blas_set_threads(int n);
int rnn_blas_takes_threads(void); /* 0: a serial build, whose buffers several threads would share and spoil */
const char *rnn_blas_core(void);
const char *rnn_blas_config(void);

/* C [m][n] = alpha op(A) op(B) + beta C, op(A) [m][k], op(B) [k][n]; ta, tb: A, B are stored transposed, [k][m] and [n][k].  With beta 0
 * what C held does not matter. */
void rnn_gemm(int ta, int tb, size_t m, size_t n, size_t k, double alpha, const double *A, const double *B, double beta,
              double *C);
/* y = alpha op(A) x + beta y, A [m][n] with m, n > 0; ta: op(A) = A', y [n]. */
void rnn_gemv(int ta, size_t m, size_t n, double alpha, const double *A, const double *x, double beta, double *y);

/* Thin SVD A [m][n] = U diag(s) Vt: U [m][k], s [k] descending, Vt [k][n], k = min(m,n); U, Vt may be NULL.
 * Sign: the entry of largest modulus in each row of Vt is positive (first one on ties). */
int rnn_svd(size_t m, size_t n, const double *A, double *U, double *s, double *Vt, struct rnn_err *err);

/* Eigenvalues w [n] of a general A [n][n], by modulus descending; equal moduli (within 1e-10, relative) by |argument|
 * ascending, so that conjugates are adjacent, positive imaginary part first, and +1 comes before -1.
 * VR [n][n]: right eigenvectors as columns, unit norm, entry of largest modulus (first on ties) real positive; VL: left ones
 * (VL^H A = diag(w) VL^H), as columns, scaled so that VL^H VR = I, also for repeated eigenvalues while the eigenvectors span
 * the space (condition < 1e8); otherwise vector by vector, and unit norm where an eigenvalue is defective.
 * VR, VL may be NULL. */
int rnn_eig(size_t n, const double *A, double _Complex *w, double _Complex *VR, double _Complex *VL, struct rnn_err *err);
/* Symmetric A: eigenvalues descending, eigenvectors as rows of V (largest entry positive). */
int rnn_eig_sym(size_t n, const double *A, double *w, double *V, struct rnn_err *err);

/* X [n][nrhs] solves A X = B; RNN_ERR_NUMERIC when A is singular to working precision.  rcond may be NULL. */
int rnn_solve(size_t n, size_t nrhs, const double *A, const double *B, double *X, double *rcond, struct rnn_err *err);
int rnn_inverse(size_t n, const double *A, double *Ai, double *rcond, struct rnn_err *err);
/* Moore-Penrose inverse P [n][m] of A [m][n]; singular values below rtol * s_max count as zero. *rank, *cond may be NULL
 * (cond = s_max / smallest kept). */
int rnn_pinv(size_t m, size_t n, const double *A, double rtol, double *P, size_t *rank, double *cond, struct rnn_err *err);
/* Orthonormal basis Q [m][k] (k = min(m,n)) of the columns of A by Householder QR, diagonal of R positive; R [k][n] or NULL. */
int rnn_qr(size_t m, size_t n, const double *A, double *Q, double *R, struct rnn_err *err);
/* Least squares: X [n][nrhs] of minimum norm among those that minimise |A X - B|, A [m][n], B [m][nrhs]. */
int rnn_lstsq(size_t m, size_t n, size_t nrhs, const double *A, const double *B, double *X, struct rnn_err *err);
double rnn_norm2(size_t n, const double *x);       /* Euclidean */
bool rnn_all_finite(size_t n, const double *x);    /* true for n = 0 */
bool rnn_all_finite_f32(size_t n, const float *x);
double rnn_spectral_norm(size_t m, size_t n, const double *A, struct rnn_err *err);

/* Optimal assignment (Hungarian / shortest augmenting path, O(n^3)): minimises sum cost[i][match[i]], n <= m. */
int rnn_assign(size_t n, size_t m, const double *cost, size_t *match, double *total, struct rnn_err *err);

#endif
