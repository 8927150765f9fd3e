#include "num/linalg.h"

#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cblas.h>
#include <lapacke.h>

#include "base/mem.h"

/* Two moduli closer than this, relative to the larger, count as a tie when an order or a sign is chosen: rounding must not
 * decide.  Far above the rounding of a backward stable method (n eps ~ 1e-13 at n = 500), far below any spacing of interest. */
static const double TIE = 1e-10;

/* Of OpenBLAS's threaded build; what its own handlers of fork and exit call. */
extern int blas_thread_shutdown_(void) __attribute__((weak));

void rnn_blas_set_threads(int n)
{
    openblas_set_num_threads(n);
    if (n == 1 && blas_thread_shutdown_) blas_thread_shutdown_();
}

int rnn_blas_takes_threads(void)
{
    return openblas_get_parallel() != 0;
}

const char *rnn_blas_core(void)
{
    return openblas_get_corename();
}

const char *rnn_blas_config(void)
{
    return openblas_get_config();
}

/* LAPACK may loop for ever, or answer nonsense, on NaN and infinity: none gets through. */
static int check(const char *what, size_t m, size_t n, const double *A, struct rnn_err *err)
{
    size_t count;
    if (m > INT_MAX || n > INT_MAX || !rnn_mul_size(m, n, &count))
        return rnn_fail(err, RNN_ERR_LIMIT, "%s: a matrix of %zu x %zu is too large for LAPACK", what, m, n);
    for (size_t i = 0; i < count; i++)
        if (!isfinite(A[i]))
            return rnn_fail(err, RNN_ERR_NUMERIC, "%s: element (%zu, %zu) is not finite", what, i / n, i % n);
    return RNN_OK;
}

static int copy_of(double **out, size_t m, size_t n, const double *A, struct rnn_err *err)
{
    RNN_TRY(rnn_alloc_into(out, m * n, sizeof **out, err));
    memcpy(*out, A, m * n * sizeof *A);
    return RNN_OK;
}

static int lapack_rc(const char *what, lapack_int info, struct rnn_err *err)
{
    if (info == 0) return RNN_OK;
    if (info == LAPACK_WORK_MEMORY_ERROR || info == LAPACK_TRANSPOSE_MEMORY_ERROR)
        return rnn_fail(err, RNN_ERR_NOMEM, "%s: out of memory", what);
    if (info < 0) return rnn_fail(err, RNN_ERR_ARG, "%s: LAPACK refused argument %d", what, -(int) info);
    return rnn_fail(err, RNN_ERR_NUMERIC, "%s: LAPACK did not converge (info %d)", what, (int) info);
}

static int ld(size_t n)
{
    return n ? (int) n : 1;
}

void rnn_gemm(int ta, int tb, size_t m, size_t n, size_t k, double alpha, const double *A, const double *B, double beta,
              double *C)
{
    if (m == 0 || n == 0) return;
    cblas_dgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, (int) m, (int) n, (int) k,
                alpha, A, ld(ta ? m : k), B, ld(tb ? k : n), beta, C, ld(n));
}

void rnn_gemv(int ta, size_t m, size_t n, double alpha, const double *A, const double *x, double beta, double *y)
{
    cblas_dgemv(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, (int) m, (int) n, alpha, A, ld(n), x, 1, beta, y, 1);
}

bool rnn_all_finite(size_t n, const double *x)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i])) return false;
    return true;
}

bool rnn_all_finite_f32(size_t n, const float *x)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i])) return false;
    return true;
}

double rnn_norm2(size_t n, const double *x)
{
    return cblas_dnrm2((int) n, x, 1);
}

/* Index of the entry of largest modulus, the first of those that tie; entries `stride` apart. */
static size_t leading(size_t n, const double *x, size_t stride)
{
    double top = 0;
    for (size_t i = 0; i < n; i++) top = fmax(top, fabs(x[i * stride]));
    for (size_t i = 0; i < n; i++)
        if (fabs(x[i * stride]) >= top * (1 - TIE)) return i;
    return 0;
}

static void negate(size_t n, double *x, size_t stride)
{
    for (size_t i = 0; i < n; i++) x[i * stride] = -x[i * stride];
}

/* Divide and conquer first; QR iteration in the rare case that it gives up. */
static lapack_int svd_lapack(size_t m, size_t n, double *work, const double *A, double *U, double *s, double *Vt)
{
    const size_t k = m < n ? m : n;
    const char job = U ? 'S' : 'N';
    const lapack_int ldu = ld(k), ldvt = ld(n);
    lapack_int info = LAPACKE_dgesdd(LAPACK_ROW_MAJOR, job, (int) m, (int) n, work, ld(n), s, U, ldu, Vt, ldvt);
    if (info <= 0) return info;
    double *superb = rnn_alloc(k, sizeof *superb);
    if (!superb) return LAPACK_WORK_MEMORY_ERROR;
    memcpy(work, A, m * n * sizeof *A);
    info = LAPACKE_dgesvd(LAPACK_ROW_MAJOR, job, job, (int) m, (int) n, work, ld(n), s, U, ldu, Vt, ldvt, superb);
    free(superb);
    return info;
}

int rnn_svd(size_t m, size_t n, const double *A, double *U, double *s, double *Vt, struct rnn_err *err)
{
    const size_t k = m < n ? m : n;
    RNN_TRY(check("svd", m, n, A, err));
    if (k == 0) return RNN_OK;
    double *work = NULL, *own = NULL, *u = U, *vt = Vt;
    int rc = copy_of(&work, m, n, A, err);
    if (rc == RNN_OK && (U || Vt) && !(U && Vt)) { /* LAPACK gives both or none */
        rc = rnn_alloc_into(&own, (U ? n : m) * k, sizeof *own, err);
        if (U) vt = own;
        else u = own;
    }
    if (rc == RNN_OK) rc = lapack_rc("svd", svd_lapack(m, n, work, A, u, s, vt), err);
    if (rc == RNN_OK && u) {
        for (size_t i = 0; i < k; i++) {
            double *row = vt + i * n;
            if (row[leading(n, row, 1)] >= 0) continue;
            negate(n, row, 1);
            negate(m, u + i, k);
        }
    }
    free(own);
    free(work);
    return rc;
}

double rnn_spectral_norm(size_t m, size_t n, const double *A, struct rnn_err *err)
{
    const size_t k = m < n ? m : n;
    double *s = NULL, top = k ? NAN : 0;
    if (k && rnn_alloc_into(&s, k, sizeof *s, err) == RNN_OK && rnn_svd(m, n, A, NULL, s, NULL, err) == RNN_OK) top = s[0];
    free(s);
    return top;
}

int rnn_eig_sym(size_t n, const double *A, double *w, double *V, struct rnn_err *err)
{
    RNN_TRY(check("symmetric eigenvalues", n, n, A, err));
    if (n == 0) return RNN_OK;
    double *work = NULL;
    RNN_TRY(rnn_alloc_into(&work, n * n, sizeof *work, err));
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) work[i * n + j] = A[i * n + j] / 2 + A[j * n + i] / 2;
    /* A symmetric matrix reads the same by columns, and then each eigenvector comes out as a row of ours. */
    int rc = lapack_rc("symmetric eigenvalues",
                       LAPACKE_dsyevd(LAPACK_COL_MAJOR, V ? 'V' : 'N', 'U', (int) n, work, (int) n, w), err);
    if (rc == RNN_OK) {
        for (size_t i = 0; i < n / 2; i++) { /* ascending to descending */
            const double t = w[i];
            w[i] = w[n - 1 - i];
            w[n - 1 - i] = t;
        }
        for (size_t i = 0; V && i < n; i++) {
            double *row = V + i * n;
            memcpy(row, work + (n - 1 - i) * n, n * sizeof *row);
            if (row[leading(n, row, 1)] < 0) negate(n, row, 1);
        }
    }
    free(work);
    return rc;
}

int rnn_solve(size_t n, size_t nrhs, const double *A, const double *B, double *X, double *rcond, struct rnn_err *err)
{
    RNN_TRY(check("solve", n, n, A, err));
    RNN_TRY(check("solve (right-hand side)", n, nrhs, B, err));
    if (rcond) *rcond = 1;
    if (n == 0) return RNN_OK;
    double *lu = NULL, rc_est = 0;
    int *pivot = NULL;
    int rc = copy_of(&lu, n, n, A, err);
    if (rc == RNN_OK) rc = rnn_alloc_into(&pivot, n, sizeof *pivot, err);
    if (rc == RNN_OK) {
        const double norm = LAPACKE_dlange(LAPACK_ROW_MAJOR, '1', (int) n, (int) n, lu, (int) n);
        const lapack_int info = LAPACKE_dgetrf(LAPACK_ROW_MAJOR, (int) n, (int) n, lu, (int) n, pivot);
        if (info == 0) LAPACKE_dgecon(LAPACK_ROW_MAJOR, '1', (int) n, lu, (int) n, norm, &rc_est);
        if (rcond) *rcond = rc_est;
        if (info < 0) rc = lapack_rc("solve", info, err);
        else if (!(rc_est >= DBL_EPSILON))
            rc = rnn_fail(err, RNN_ERR_NUMERIC, "solve: the matrix is singular (rcond %.2g)", rc_est);
    }
    if (rc == RNN_OK && nrhs) {
        if (X != B) memcpy(X, B, n * nrhs * sizeof *X);
        rc = lapack_rc("solve", LAPACKE_dgetrs(LAPACK_ROW_MAJOR, 'N', (int) n, (int) nrhs, lu, (int) n, pivot, X, (int) nrhs),
                       err);
    }
    free(pivot);
    free(lu);
    return rc;
}

int rnn_inverse(size_t n, const double *A, double *Ai, double *rcond, struct rnn_err *err)
{
    double *eye = NULL;
    RNN_TRY(check("inverse", n, n, A, err));
    RNN_TRY(rnn_alloc_into(&eye, n * n, sizeof *eye, err));
    for (size_t i = 0; i < n; i++) eye[i * n + i] = 1;
    const int rc = rnn_solve(n, n, A, eye, Ai, rcond, err);
    free(eye);
    return rc;
}

int rnn_pinv(size_t m, size_t n, const double *A, double rtol, double *P, size_t *rank, double *cond, struct rnn_err *err)
{
    const size_t k = m < n ? m : n;
    size_t kept = 0;
    RNN_TRY(check("pseudo-inverse", m, n, A, err));
    double *U = NULL, *s = NULL, *Vt = NULL;
    int rc = rnn_alloc_into(&U, m * k, sizeof *U, err);
    if (rc == RNN_OK) rc = rnn_alloc_into(&s, k, sizeof *s, err);
    if (rc == RNN_OK) rc = rnn_alloc_into(&Vt, k * n, sizeof *Vt, err);
    if (rc == RNN_OK) rc = rnn_svd(m, n, A, U, s, Vt, err);
    if (rc == RNN_OK) {
        while (kept < k && s[kept] > 0 && s[kept] >= rtol * s[0]) kept++;
        for (size_t i = 0; i < k; i++)
            for (size_t j = 0; j < n; j++) Vt[i * n + j] = i < kept ? Vt[i * n + j] / s[i] : 0;
        rnn_gemm(1, 1, n, m, k, 1, Vt, U, 0, P);
        if (rank) *rank = kept;
        if (cond) *cond = kept ? s[0] / s[kept - 1] : 0;
    }
    free(Vt);
    free(s);
    free(U);
    return rc;
}

int rnn_qr(size_t m, size_t n, const double *A, double *Q, double *R, struct rnn_err *err)
{
    const size_t k = m < n ? m : n;
    RNN_TRY(check("qr", m, n, A, err));
    if (k == 0) return RNN_OK;
    double *work = NULL, *tau = NULL, *sign = NULL;
    int rc = copy_of(&work, m, n, A, err);
    if (rc == RNN_OK) rc = rnn_alloc_into(&tau, k, sizeof *tau, err);
    if (rc == RNN_OK) rc = rnn_alloc_into(&sign, k, sizeof *sign, err);
    if (rc == RNN_OK) rc = lapack_rc("qr", LAPACKE_dgeqrf(LAPACK_ROW_MAJOR, (int) m, (int) n, work, (int) n, tau), err);
    if (rc == RNN_OK) {
        for (size_t i = 0; i < k; i++) sign[i] = work[i * n + i] < 0 ? -1 : 1;
        for (size_t i = 0; R && i < k; i++)
            for (size_t j = 0; j < n; j++) R[i * n + j] = j < i ? 0 : sign[i] * work[i * n + j];
        for (size_t i = 0; i < m; i++) memcpy(Q + i * k, work + i * n, k * sizeof *Q);
        rc = lapack_rc("qr", LAPACKE_dorgqr(LAPACK_ROW_MAJOR, (int) m, (int) k, (int) k, Q, (int) k, tau), err);
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < k; j++) Q[i * k + j] *= sign[j];
    }
    free(sign);
    free(tau);
    free(work);
    return rc;
}

int rnn_lstsq(size_t m, size_t n, size_t nrhs, const double *A, const double *B, double *X, struct rnn_err *err)
{
    const size_t k = m < n ? m : n, tall = m > n ? m : n;
    RNN_TRY(check("least squares", m, n, A, err));
    RNN_TRY(check("least squares (right-hand side)", m, nrhs, B, err));
    if (k == 0 || nrhs == 0) {
        for (size_t i = 0; i < n * nrhs; i++) X[i] = 0;
        return RNN_OK;
    }
    double *work = NULL, *rhs = NULL, *s = NULL;
    lapack_int rank;
    int rc = copy_of(&work, m, n, A, err);
    if (rc == RNN_OK) rc = rnn_alloc_into(&rhs, tall * nrhs, sizeof *rhs, err);
    if (rc == RNN_OK) rc = rnn_alloc_into(&s, k, sizeof *s, err);
    if (rc == RNN_OK) {
        memcpy(rhs, B, m * nrhs * sizeof *B);
        rc = lapack_rc("least squares", LAPACKE_dgelsd(LAPACK_ROW_MAJOR, (int) m, (int) n, (int) nrhs, work, (int) n, rhs,
                                                       (int) nrhs, s, -1, &rank), err);
    }
    if (rc == RNN_OK) memcpy(X, rhs, n * nrhs * sizeof *X);
    free(s);
    free(rhs);
    free(work);
    return rc;
}
