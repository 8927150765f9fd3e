#include "num/schur.h"

#include <lapacke.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "num/linalg.h"

/* LAPACK's selection callback carries no data; each thread keeps its own threshold. */
static _Thread_local double select_theta;

static lapack_logical modulus_at_least(const double *re, const double *im)
{
    return hypot(*re, *im) >= select_theta;
}

/* Q and T of schur.h: leading k columns, row-major with stride k.  Q has room for n*n, T for n*n (or NULL). */
static int dominant_subspace(size_t n, const double *A, double theta, double *Q, double *T, size_t *k, struct rnn_err *err)
{
    for (size_t i = 0; i < n * n; i++)
        if (!isfinite(A[i])) return rnn_fail(err, RNN_ERR_NUMERIC, "matrix has non-finite entries");
    double *S = NULL, *vs = NULL;
    RNN_TRY(rnn_alloc_into(&S, n * n + 2 * n, sizeof *S, err));
    if (rnn_alloc_into(&vs, n * n, sizeof *vs, err) < 0) return free(S), err->code;
    memcpy(S, A, n * n * sizeof *S);
    select_theta = theta;
    lapack_int sdim = 0;
    const lapack_int info = LAPACKE_dgees(LAPACK_ROW_MAJOR, 'V', 'S', modulus_at_least, (lapack_int)n, S, (lapack_int)n, &sdim, S + n * n,
                                          S + n * n + n, vs, (lapack_int)n);
    /* info n+2: after reordering, rounding moved an eigenvalue across the threshold; the subspace is still invariant. */
    const bool ok = info == 0 || info == (lapack_int)n + 2;
    *k = ok ? (size_t)sdim : 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < *k; j++) Q[i * *k + j] = vs[i * n + j];
    for (size_t i = 0; T && i < *k; i++)
        for (size_t j = 0; j < *k; j++) T[i * *k + j] = S[i * n + j];
    free(S);
    free(vs);
    return ok ? RNN_OK : rnn_fail(err, RNN_ERR_NUMERIC, "Schur decomposition failed (dgees %d)", (int)info);
}

static int projector_fill(struct rnn_projector *p, const double *Z, struct rnn_err *err)
{
    const size_t n = p->n, k = p->k;
    double *M = NULL, *Zt = NULL;
    RNN_TRY(rnn_alloc_into(&M, k * k, sizeof *M, err));
    if (rnn_alloc_into(&Zt, k * n, sizeof *Zt, err) < 0) return free(M), err->code;
    rnn_gemm(1, 0, k, k, n, 1, Z, p->Q, 0, M);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < k; j++) Zt[j * n + i] = Z[i * k + j];
    const int rc = rnn_solve(k, n, M, Zt, p->dual, &p->rcond, err);
    if (rc >= 0) rnn_gemm(0, 0, n, n, k, 1, p->Q, p->dual, 0, p->P);
    free(M);
    free(Zt);
    return rc;
}

int rnn_projector_make(size_t n, const double *A, double theta, struct rnn_projector *out, struct rnn_err *err)
{
    memset(out, 0, sizeof *out);
    out->n = n;
    out->rcond = 1;
    double *At = NULL, *Z = NULL;
    size_t kz = 0;
    int rc = rnn_alloc_into(&out->P, n * n, sizeof *out->P, err);
    if (rc >= 0) rc = rnn_alloc_into(&out->Q, n * n, sizeof *out->Q, err);
    if (rc >= 0) rc = rnn_alloc_into(&out->T, n * n, sizeof *out->T, err);
    if (rc >= 0) rc = rnn_alloc_into(&out->dual, n * n, sizeof *out->dual, err);
    if (rc >= 0) rc = rnn_alloc_into(&At, n * n, sizeof *At, err);
    if (rc >= 0) rc = rnn_alloc_into(&Z, n * n, sizeof *Z, err);
    if (rc >= 0) rc = dominant_subspace(n, A, theta, out->Q, out->T, &out->k, err);
    if (rc >= 0) {
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++) At[j * n + i] = A[i * n + j];
        rc = dominant_subspace(n, At, theta, Z, NULL, &kz, err);
    }
    if (rc >= 0 && kz != out->k)
        rc = rnn_fail(err, RNN_ERR_NUMERIC, "an eigenvalue lies on the threshold %g: right and left counts are %zu and %zu", theta, out->k, kz);
    if (rc >= 0 && out->k) rc = projector_fill(out, Z, err);
    free(At);
    free(Z);
    if (rc < 0) rnn_projector_release(out);
    return rc < 0 ? rc : RNN_OK;
}

void rnn_projector_release(struct rnn_projector *p)
{
    free(p->P);
    free(p->Q);
    free(p->T);
    free(p->dual);
    memset(p, 0, sizeof *p);
}
