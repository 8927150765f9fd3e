#include "theory/isospectral.h"

#include <complex.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "num/linalg.h"
#include "num/rng.h"

int rnn_gsemm_draw(size_t Nf, size_t Nh, uint64_t seed, uint64_t index, int phi_given, double *Xi,
                   double *Xi_pinv, double *Phi, double *V0, struct rnn_err *err)
{
    struct rnn_rng g;
    if (!Nh || Nh > Nf)
        return rnn_fail(err, RNN_ERR_ARG, "%zu memories need at least as many units, not %zu", Nh, Nf);
    RNN_TRY(rnn_rng_at(&g, seed, RNN_RNG_ANALYSIS, index, 0, 0, err));
    for (size_t i = 0; i < Nf * Nh; i++) Xi[i] = rnn_rng_normal(&g);
    for (size_t i = 0; i < Nf; i++) V0[i] = rnn_rng_normal(&g);
    RNN_TRY(rnn_pinv(Nf, Nh, Xi, 1e-12, Xi_pinv, NULL, NULL, err));
    if (phi_given) return RNN_OK;
    double *A = NULL;
    RNN_TRY(rnn_alloc_into(&A, Nh * Nh, sizeof *A, err));
    for (size_t i = 0; i < Nh * Nh; i++) A[i] = rnn_rng_normal(&g);
    const int rc = rnn_qr(Nh, Nh, A, Phi, NULL, err);
    free(A);
    return rc;
}

int rnn_spectra_differ(size_t n, const double *A, size_t N, const double *W, double *worst, double *rest,
                       struct rnn_err *err)
{
    double _Complex *w = NULL;
    double *cost = NULL;
    size_t *match = NULL;
    int rc = rnn_alloc_into(&w, n + N, sizeof *w, err);
    if (rc >= 0) rc = rnn_alloc_into(&cost, n * n, sizeof *cost, err);
    if (rc >= 0) rc = rnn_alloc_into(&match, n, sizeof *match, err);
    if (rc >= 0) rc = rnn_eig(n, A, w, NULL, NULL, err);
    if (rc >= 0) rc = rnn_eig(N, W, w + n, NULL, NULL, err);
    for (size_t i = 0; rc >= 0 && i < n * n; i++) cost[i] = cabs(w[i / n] - w[n + i % n]);
    if (rc >= 0) rc = rnn_assign(n, n, cost, match, NULL, err);
    *worst = 0;
    for (size_t i = 0; rc >= 0 && i < n; i++) *worst = fmax(*worst, cost[i * n + match[i]]);
    *rest = rc >= 0 && N > n ? cabs(w[2 * n]) : 0;
    free(w);
    free(cost);
    free(match);
    return rc < 0 ? rc : RNN_OK;
}

/* Phi_k = B^-1 Phi B; W and W_k by their factors, through scratch t [Nf][Nh]. */
static int compare(size_t Nf, size_t Nh, const double *Xi, const double *Xi_pinv, const double *Phi,
                   const double *B, const double *Bi, double *Phi_k, double *t, double *W,
                   struct rnn_isospectral *out, struct rnn_err *err)
{
    double *Xi_k = t + Nf * Nh, *pinv_k = Xi_k + Nf * Nh, diff = 0;
    rnn_gemm(0, 0, Nh, Nh, Nh, 1, Phi, B, 0, t);
    rnn_gemm(0, 0, Nh, Nh, Nh, 1, Bi, t, 0, Phi_k);
    rnn_gemm(0, 0, Nf, Nh, Nh, 1, Xi, B, 0, Xi_k);
    RNN_TRY(rnn_pinv(Nf, Nh, Xi_k, 1e-13, pinv_k, NULL, NULL, err));
    rnn_gemm(0, 0, Nf, Nh, Nh, 1, Xi, Phi, 0, t);
    rnn_gemm(0, 0, Nf, Nf, Nh, 1, t, Xi_pinv, 0, W);
    rnn_gemm(0, 0, Nf, Nh, Nh, 1, Xi_k, Phi_k, 0, t);
    rnn_gemm(0, 0, Nf, Nf, Nh, -1, t, pinv_k, 1, W);
    out->network_error = 0;
    for (size_t i = 0; i < Nf * Nf; i++) out->network_error = fmax(out->network_error, fabs(W[i]));
    for (size_t i = 0; i < Nh * Nh; i++) diff += (Phi_k[i] - Phi[i]) * (Phi_k[i] - Phi[i]);
    out->phi_distance = sqrt(diff) / rnn_norm2(Nh * Nh, Phi);
    double rest;
    return rnn_spectra_differ(Nh, Phi_k, Nh, Phi, &out->spectrum_error, &rest, err);
}

int rnn_isospectral_make(size_t Nf, size_t Nh, const double *Xi, const double *Xi_pinv, const double *Phi,
                         uint64_t seed, uint64_t index, uint64_t k, double *Phi_k,
                         struct rnn_isospectral *out, struct rnn_err *err)
{
    struct rnn_rng g;
    double *work = NULL, *scratch = NULL;
    RNN_TRY(rnn_rng_at(&g, seed, RNN_RNG_ANALYSIS, index, k + 1, 0, err));
    RNN_TRY(rnn_alloc_into(&work, 3 * Nh * Nh, sizeof *work, err));
    double *B = work, *Bi = B + Nh * Nh, *own = Bi + Nh * Nh, *s = NULL;
    int rc = rnn_alloc_into(&scratch, 3 * Nf * Nh + Nf * Nf, sizeof *scratch, err);
    if (rc >= 0) rc = rnn_alloc_into(&s, Nh, sizeof *s, err);
    for (size_t i = 0; i < Nh * Nh; i++) B[i] = rnn_rng_normal(&g);
    if (rc >= 0) rc = rnn_svd(Nh, Nh, B, NULL, s, NULL, err);
    if (rc >= 0) out->cond = s[0] / s[Nh - 1];
    if (rc >= 0) rc = rnn_inverse(Nh, B, Bi, NULL, err);
    if (rc >= 0)
        rc = compare(Nf, Nh, Xi, Xi_pinv, Phi, B, Bi, Phi_k ? Phi_k : own, scratch, scratch + 3 * Nf * Nh,
                     out, err);
    free(work);
    free(scratch);
    free(s);
    return rc < 0 ? rc : RNN_OK;
}
