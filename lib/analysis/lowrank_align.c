/* Directions within a net, and common coordinates for many. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/lowrank.h"
#include "base/mem.h"
#include "num/linalg.h"

static double dot(size_t n, const double *x, const double *y)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += x[i] * y[i];
    return sum;
}

double rnn_cosine(size_t n, const double *x, const double *y)
{
    const double xx = rnn_norm2(n, x), yy = rnn_norm2(n, y);
    return xx > 0 && yy > 0 ? dot(n, x, y) / xx / yy : NAN;
}

/* Orthonormal basis of the columns of A [n][a] as rows of Q [min(n,a)][n]; *rank of them are used. */
static int column_basis(size_t n, size_t a, const double *A, double *Q, size_t *rank, struct rnn_err *err)
{
    const size_t k = n < a ? n : a;
    double *U = NULL, *s = NULL;
    int rc = rnn_alloc_into(&U, n * k, sizeof *U, err);
    if (rc >= 0) rc = rnn_alloc_into(&s, k, sizeof *s, err);
    if (rc >= 0) rc = rnn_svd(n, a, A, U, s, NULL, err);
    *rank = 0;
    for (size_t j = 0; rc >= 0 && j < k && s[j] > 1e-10 * s[0]; j++, ++*rank)
        for (size_t i = 0; i < n; i++) Q[j * n + i] = U[i * k + j];
    free(U);
    free(s);
    return rc;
}

/* QA [a][n], QB [b][n], b <= a: cosines descending into c [b], sines ascending into s [b]. */
static int cosines_and_sines(size_t n, size_t a, const double *QA, size_t b, const double *QB, double *c, double *s, struct rnn_err *err)
{
    double *M = NULL, *rest = NULL;
    int rc = rnn_alloc_into(&M, b * a, sizeof *M, err);
    if (rc >= 0) rc = rnn_alloc_into(&rest, b * n, sizeof *rest, err);
    if (rc >= 0) {
        rnn_gemm(0, 1, b, a, n, 1, QB, QA, 0, M);
        memcpy(rest, QB, b * n * sizeof *rest);
        rnn_gemm(0, 0, b, n, a, -1, M, QA, 1, rest);
        rc = rnn_svd(b, a, M, NULL, c, NULL, err);
    }
    if (rc >= 0) rc = rnn_svd(b, n, rest, NULL, s, NULL, err);
    for (size_t i = 0; rc >= 0 && i < b / 2; i++) {
        const double t = s[i];
        s[i] = s[b - 1 - i];
        s[b - 1 - i] = t;
    }
    free(M);
    free(rest);
    return rc;
}

int rnn_principal_angles(size_t n, size_t a, const double *A, size_t b, const double *B, double *angle, size_t *n_angles, struct rnn_err *err)
{
    double *QA = NULL, *QB = NULL, *cs = NULL;
    size_t ra = 0, rb = 0;
    *n_angles = 0;
    int rc = rnn_alloc_into(&QA, (n < a ? n : a) * n, sizeof *QA, err);
    if (rc >= 0) rc = rnn_alloc_into(&QB, (n < b ? n : b) * n, sizeof *QB, err);
    if (rc >= 0) rc = column_basis(n, a, A, QA, &ra, err);
    if (rc >= 0) rc = column_basis(n, b, B, QB, &rb, err);
    const size_t k = ra < rb ? ra : rb;
    if (rc >= 0) rc = rnn_alloc_into(&cs, 2 * k, sizeof *cs, err);
    if (rc >= 0 && k) rc = ra < rb ? cosines_and_sines(n, rb, QB, ra, QA, cs, cs + k, err) : cosines_and_sines(n, ra, QA, rb, QB, cs, cs + k, err);
    if (rc >= 0) {
        for (size_t i = 0; i < k; i++) angle[i] = cs[i] * cs[i] > 0.5 ? asin(fmin(cs[k + i], 1)) : acos(fmin(cs[i], 1));
        *n_angles = k;
    }
    free(QA);
    free(QB);
    free(cs);
    return rc;
}

/* ---- rotations ---- */

/* Rows k .. N-1 of Q [N][N] made orthonormal to the k given ones: each from the unit vector that the rows so far cover least. */
static void complete_basis(size_t N, size_t k, double *Q)
{
    for (; k < N; k++) {
        size_t best = 0;
        double least = INFINITY;
        for (size_t j = 0; j < N; j++) {
            double covered = 0;
            for (size_t i = 0; i < k; i++) covered += Q[i * N + j] * Q[i * N + j];
            if (covered < least) {
                least = covered;
                best = j;
            }
        }
        double *row = Q + k * N;
        memset(row, 0, N * sizeof *row);
        row[best] = 1;
        for (int pass = 0; pass < 2; pass++) { /* twice is enough (Kahan; Parlett 1980) */
            for (size_t i = 0; i < k; i++) {
                const double c = dot(N, row, Q + i * N);
                for (size_t j = 0; j < N; j++) row[j] -= c * Q[i * N + j];
            }
        }
        const double norm = rnn_norm2(N, row);
        for (size_t j = 0; j < N; j++) row[j] /= norm;
    }
}

static int rotation(size_t K, size_t N, const double *A, const double *h_ref, size_t n_signed, double *R, struct rnn_err *err)
{
    const size_t k = K < N ? K : N;
    double *s;
    RNN_TRY(rnn_alloc_into(&s, k, sizeof *s, err));
    const int rc = rnn_svd(K, N, A, NULL, s, R, err);
    free(s);
    RNN_TRY(rc);
    complete_basis(N, k, R);
    for (size_t i = 0; i < n_signed && i < N; i++) {
        if (!(dot(N, R + i * N, h_ref) < 0)) continue;
        for (size_t j = 0; j < N; j++) R[i * N + j] = -R[i * N + j];
    }
    return RNN_OK;
}

int rnn_rotation_hidden(size_t K, size_t N, const double *H, const double *h_ref, size_t n_signed, double *R, struct rnn_err *err)
{
    return rotation(K, N, H, h_ref, n_signed, R, err);
}

int rnn_rotation_weights(size_t N, const double *W, const double *h_ref, size_t n_signed, double *R, struct rnn_err *err)
{
    return rotation(N, N, W, h_ref, n_signed, R, err);
}

void rnn_rotated_release(struct rnn_rotated *r)
{
    free(r->W);
    free(r->W_in);
    free(r->W_out);
    free(r->b);
    *r = (struct rnn_rotated){ 0 };
}

static int rotate(const struct rnn_net *net, const double *R, struct rnn_rotated *out, double *W, double *RW, struct rnn_err *err)
{
    const size_t N = out->N;
    double *b = W; /* after use */
    RNN_TRY(rnn_net_W(net, W, err));
    rnn_gemm(0, 0, N, N, N, 1, R, W, 0, RW);
    rnn_gemm(0, 1, N, N, N, 1, RW, R, 0, out->W);
    rnn_gemm(0, 0, N, out->n_in, N, 1, R, rnn_net_param(net, "W_in"), 0, out->W_in);
    rnn_gemm(0, 1, out->n_out, N, N, 1, rnn_net_param(net, "W_out"), R, 0, out->W_out);
    memset(b, 0, N * sizeof *b);
    static const char *const biases[] = { "b_rec", "b_in" };
    for (size_t i = 0; i < RNN_LEN(biases); i++) {
        const double *p = rnn_net_param(net, biases[i]);
        for (size_t j = 0; p && j < N; j++) b[j] += p[j];
    }
    rnn_gemv(0, N, N, 1, R, b, 0, out->b);
    return RNN_OK;
}

int rnn_rotate_net(const struct rnn_net *net, const double *R, struct rnn_rotated *out, struct rnn_err *err)
{
    const size_t N = net->spec.N;
    double *W = NULL, *RW = NULL;
    *out = (struct rnn_rotated){ .N = N, .n_in = net->spec.n_in, .n_out = rnn_spec_n_read(&net->spec) };
    if (net->spec.cell == RNN_GRU) return rnn_fail(err, RNN_ERR_ARG, "a gru has no single recurrent matrix to rotate");
    if (net->spec.read_latent) return rnn_fail(err, RNN_ERR_ARG, "the net reads out from its factors, which do not rotate");
    int rc = rnn_alloc_into(&out->W, N * N, sizeof(double), err);
    if (rc >= 0) rc = rnn_alloc_into(&out->W_in, N * out->n_in, sizeof(double), err);
    if (rc >= 0) rc = rnn_alloc_into(&out->W_out, N * out->n_out, sizeof(double), err);
    if (rc >= 0) rc = rnn_alloc_into(&out->b, N, sizeof(double), err);
    if (rc >= 0) rc = rnn_alloc_into(&W, N * N, sizeof *W, err);
    if (rc >= 0) rc = rnn_alloc_into(&RW, N * N, sizeof *RW, err);
    if (rc >= 0) rc = rotate(net, R, out, W, RW, err);
    free(W);
    free(RW);
    if (rc < 0) rnn_rotated_release(out);
    return rc;
}

/* ---- filtered weights ---- */

int rnn_unrotate_W(size_t N, const double *R, const double *W_bar, double *W, struct rnn_err *err)
{
    double *WR;
    RNN_TRY(rnn_alloc_into(&WR, N * N, sizeof *WR, err));
    rnn_gemm(0, 0, N, N, N, 1, W_bar, R, 0, WR);
    rnn_gemm(1, 0, N, N, N, 1, R, WR, 0, W);
    free(WR);
    return RNN_OK;
}

int rnn_filtered_by_spectrum(size_t N, const double *W, const double *s, double *W_filt, struct rnn_err *err)
{
    double *U = NULL, *Vt = NULL, *own = NULL;
    int rc = rnn_alloc_into(&U, N * N, sizeof *U, err);
    if (rc >= 0) rc = rnn_alloc_into(&Vt, N * N, sizeof *Vt, err);
    if (rc >= 0) rc = rnn_alloc_into(&own, N, sizeof *own, err);
    if (rc >= 0) rc = rnn_svd(N, N, W, U, own, Vt, err);
    if (rc >= 0) {
        for (size_t i = 0; i < N * N; i++) U[i] *= s[i % N];
        rnn_gemm(0, 0, N, N, N, 1, U, Vt, 0, W_filt);
    }
    free(U);
    free(Vt);
    free(own);
    return rc;
}

/* ---- preferences of units ---- */

int rnn_unit_preference(size_t K, size_t N, const double *h, size_t C, const size_t *cls, const bool *is_right, double least, double *var,
                        size_t *preferred, struct rnn_err *err)
{
    double *mean;
    size_t *n;
    RNN_TRY(rnn_alloc_into(&mean, C * N, sizeof *mean, err));
    if (rnn_alloc_into(&n, C, sizeof *n, err) < 0) {
        free(mean);
        return err->code;
    }
    memset(var, 0, N * C * sizeof *var);
    for (size_t k = 0; k < K; k++) {
        if (!is_right[k]) continue;
        n[cls[k]]++;
        for (size_t i = 0; i < N; i++) mean[cls[k] * N + i] += h[k * N + i];
    }
    for (size_t c = 0; c < C; c++)
        for (size_t i = 0; n[c] && i < N; i++) mean[c * N + i] /= (double)n[c];
    for (size_t k = 0; k < K; k++) {
        for (size_t i = 0; is_right[k] && i < N; i++) {
            const double d = h[k * N + i] - mean[cls[k] * N + i];
            var[i * C + cls[k]] += d * d / (double)n[cls[k]];
        }
    }
    for (size_t i = 0; i < N; i++) {
        double sum = 0;
        preferred[i] = 0;
        for (size_t c = 0; c < C; c++) {
            sum += var[i * C + c];
            if (var[i * C + c] > var[i * C + preferred[i]]) preferred[i] = c;
        }
        if (!(sum > least)) preferred[i] = C;
    }
    free(mean);
    free(n);
    return RNN_OK;
}
