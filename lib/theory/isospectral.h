/* One network, many memories: the decomposition W = Xi Phi Xi+ of a network is not unique.  Any invertible B
 * gives Xi B and B^-1 Phi B, the same W and the same spectrum, and another interaction of other memories
 * (Karuvally et al. 2023, appendix A). */
#ifndef RNN_THEORY_ISOSPECTRAL_H
#define RNN_THEORY_ISOSPECTRAL_H

#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

/* A model drawn at (seed, index): Xi [Nf][Nh] standard normal, its pseudoinverse Xi_pinv [Nh][Nf], and Phi
 * [Nh][Nh] orthogonal unless phi_given, when Phi is read; V0 [Nf] standard normal. */
int rnn_gsemm_draw(size_t Nf, size_t Nh, uint64_t seed, uint64_t index, int phi_given, double *Xi,
                   double *Xi_pinv, double *Phi, double *V0, struct rnn_err *err);

struct rnn_isospectral {
    double network_error;  /* largest |Xi_k Phi_k Xi_k+ - W| */
    double spectrum_error; /* largest |difference| of the eigenvalues of Phi_k and Phi, optimal assignment */
    double phi_distance;   /* |Phi_k - Phi| / |Phi|, Frobenius */
    double cond;           /* of B */
};
/* Decomposition number k of the model: B standard normal, drawn at (seed, index, k + 1).  Phi_k [Nh][Nh],
 * NULL ok. */
int rnn_isospectral_make(size_t Nf, size_t Nh, const double *Xi, const double *Xi_pinv, const double *Phi,
                         uint64_t seed, uint64_t index, uint64_t k, double *Phi_k,
                         struct rnn_isospectral *out, struct rnn_err *err);
/* Largest |difference| between the eigenvalues of A [n][n] and the n of largest modulus of W [N][N], optimal
 * assignment; *rest, the largest modulus left over in W. */
int rnn_spectra_differ(size_t n, const double *A, size_t N, const double *W, double *worst, double *rest,
                       struct rnn_err *err);

#endif
