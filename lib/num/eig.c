/* Eigenvalues and both sets of eigenvectors of a general real matrix, in an order and scale that do not depend on the
 * processor LAPACK was tuned for. */
#include "num/linalg.h"

#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <lapacke.h>

#include "base/mem.h"

static const double TIE = 1e-10; /* as in linalg.c: closer moduli tie */

struct mode {
    double modulus, angle; /* |w|, |arg w| */
    int below;             /* the conjugate with negative imaginary part */
    size_t index;          /* where LAPACK put it */
};

static int by_modulus(const void *pa, const void *pb)
{
    const struct mode *a = pa, *b = pb;
    if (a->modulus != b->modulus) return a->modulus > b->modulus ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

static int by_angle(const void *pa, const void *pb)
{
    const struct mode *a = pa, *b = pb;
    if (a->angle != b->angle) return a->angle < b->angle ? -1 : 1; /* conjugates are exact, so is their tie */
    if (a->modulus != b->modulus) return a->modulus > b->modulus ? -1 : 1;
    if (a->below != b->below) return a->below - b->below;
    return a->index < b->index ? -1 : a->index > b->index;
}

/* Modulus descending; runs of equal modulus (within TIE) by |argument| ascending, conjugates adjacent, upper one first. */
static void canonical_order(size_t n, const double *re, const double *im, struct mode *order)
{
    for (size_t i = 0; i < n; i++)
        order[i] = (struct mode){hypot(re[i], im[i]), fabs(atan2(im[i], re[i])), im[i] < 0, i};
    qsort(order, n, sizeof *order, by_modulus);
    for (size_t i = 0, j; i < n; i = j) {
        for (j = i + 1; j < n && order[j - 1].modulus - order[j].modulus <= TIE * order[j - 1].modulus;) j++;
        qsort(order + i, j - i, sizeof *order, by_angle);
    }
}

/* CMPLX, which not every compiler has. */
static double _Complex complex_of(double re, double im)
{
    const double parts[2] = {re, im}; /* its layout, C11 6.2.5 */
    double _Complex z;
    memcpy(&z, parts, sizeof z);
    return z;
}

/* Column `to` of V [n][n] from LAPACK's packing: a conjugate pair is stored as its real and imaginary part. */
static void unpack(size_t n, const double *packed, const double *im, size_t from, double _Complex *V, size_t to)
{
    const size_t first = im[from] < 0 ? from - 1 : from; /* the upper one comes first in LAPACK's order too */
    for (size_t i = 0; i < n; i++) {
        const double re = packed[i * n + first], part = im[from] == 0 ? 0 : packed[i * n + first + 1];
        V[i * n + to] = complex_of(re, im[from] < 0 ? -part : part);
    }
}

/* Unit norm, entry of largest modulus (first of those that tie) real positive. */
static void normalise(size_t n, double _Complex *V, size_t col)
{
    double sum = 0, top = 0;
    for (size_t i = 0; i < n; i++) {
        const double a = cabs(V[i * n + col]);
        sum += a * a;
        top = fmax(top, a);
    }
    if (top == 0) return;
    size_t lead = 0;
    while (cabs(V[lead * n + col]) < top * (1 - TIE)) lead++;
    const double _Complex scale = conj(V[lead * n + col]) / (cabs(V[lead * n + col]) * sqrt(sum));
    for (size_t i = 0; i < n; i++) V[i * n + col] *= scale;
    V[lead * n + col] = creal(V[lead * n + col]);
}

/* VL = (VR^-1)^H: biorthogonal to VR also where eigenvalues repeat, as long as the eigenvectors span the space. */
static int left_by_inverse(size_t n, const double _Complex *VR, double _Complex *VL, double *rcond, struct rnn_err *err)
{
    double _Complex *inv = NULL;
    int *pivot = NULL;
    *rcond = 0;
    int rc = rnn_alloc_into(&inv, n * n, sizeof *inv, err);
    if (rc == RNN_OK) rc = rnn_alloc_into(&pivot, n, sizeof *pivot, err);
    if (rc == RNN_OK) {
        const int N = (int) n;
        memcpy(inv, VR, n * n * sizeof *inv);
        const double norm = LAPACKE_zlange(LAPACK_ROW_MAJOR, '1', N, N, inv, N);
        if (LAPACKE_zgetrf(LAPACK_ROW_MAJOR, N, N, inv, N, pivot) == 0) {
            LAPACKE_zgecon(LAPACK_ROW_MAJOR, '1', N, inv, N, norm, rcond);
            if (LAPACKE_zgetri(LAPACK_ROW_MAJOR, N, inv, N, pivot) != 0) *rcond = 0;
        }
        for (size_t i = 0; i < n && *rcond > 0; i++)
            for (size_t j = 0; j < n; j++) VL[j * n + i] = conj(inv[i * n + j]);
    }
    free(pivot);
    free(inv);
    return rc;
}

/* Scales column `col` of VL so that VL^H VR = 1 there; left as it is where the two are orthogonal (a defective eigenvalue). */
static void scale_left(size_t n, const double _Complex *VR, double _Complex *VL, size_t col)
{
    double _Complex dot = 0;
    for (size_t i = 0; i < n; i++) dot += conj(VL[i * n + col]) * VR[i * n + col];
    if (cabs(dot) < (double) n * DBL_EPSILON) return;
    for (size_t i = 0; i < n; i++) VL[i * n + col] /= conj(dot);
}

struct space {
    double *A, *re, *im, *vr, *vl;
    double _Complex *right;
    struct mode *order;
};

static int space_alloc(struct space *s, size_t n, const double *A, int vectors, int left, struct rnn_err *err)
{
    RNN_TRY(rnn_alloc_into(&s->A, n * n, sizeof *s->A, err));
    RNN_TRY(rnn_alloc_into(&s->re, n, sizeof *s->re, err));
    RNN_TRY(rnn_alloc_into(&s->im, n, sizeof *s->im, err));
    RNN_TRY(rnn_alloc_into(&s->order, n, sizeof *s->order, err));
    if (vectors) RNN_TRY(rnn_alloc_into(&s->vr, n * n, sizeof *s->vr, err));
    if (vectors) RNN_TRY(rnn_alloc_into(&s->right, n * n, sizeof *s->right, err));
    if (left) RNN_TRY(rnn_alloc_into(&s->vl, n * n, sizeof *s->vl, err));
    memcpy(s->A, A, n * n * sizeof *A);
    return RNN_OK;
}

static void space_release(struct space *s)
{
    free(s->A);
    free(s->re);
    free(s->im);
    free(s->order);
    free(s->vr);
    free(s->vl);
    free(s->right);
}

static int eig_vectors(size_t n, struct space *s, double _Complex *VR, double _Complex *VL, struct rnn_err *err)
{
    for (size_t j = 0; j < n; j++) {
        unpack(n, s->vr, s->im, s->order[j].index, s->right, j);
        normalise(n, s->right, j);
    }
    if (VR) memcpy(VR, s->right, n * n * sizeof *VR);
    if (!VL) return RNN_OK;
    double rcond;
    RNN_TRY(left_by_inverse(n, s->right, VL, &rcond, err));
    if (rcond > sqrt(DBL_EPSILON)) return RNN_OK;
    for (size_t j = 0; j < n; j++) { /* eigenvectors (nearly) dependent: what LAPACK found, one by one */
        unpack(n, s->vl, s->im, s->order[j].index, VL, j);
        normalise(n, VL, j);
        scale_left(n, s->right, VL, j);
    }
    return RNN_OK;
}

int rnn_eig(size_t n, const double *A, double _Complex *w, double _Complex *VR, double _Complex *VL, struct rnn_err *err)
{
    size_t count;
    if (n > INT_MAX || !rnn_mul_size(n, n, &count))
        return rnn_fail(err, RNN_ERR_LIMIT, "eigenvalues: a matrix of %zu x %zu is too large for LAPACK", n, n);
    for (size_t i = 0; i < count; i++) /* LAPACK may loop for ever on these */
        if (!isfinite(A[i]))
            return rnn_fail(err, RNN_ERR_NUMERIC, "eigenvalues: element (%zu, %zu) is not finite", i / n, i % n);
    if (n == 0) return RNN_OK;
    struct space s = {0};
    const int vectors = VR || VL;
    int rc = space_alloc(&s, n, A, vectors, VL != NULL, err);
    if (rc == RNN_OK) {
        const lapack_int N = (lapack_int) n, info = LAPACKE_dgeev(LAPACK_ROW_MAJOR, VL ? 'V' : 'N', vectors ? 'V' : 'N', N,
                                                                  s.A, N, s.re, s.im, s.vl, N, s.vr, N);
        if (info > 0) rc = rnn_fail(err, RNN_ERR_NUMERIC, "eigenvalues: the QR iteration did not converge");
        else if (info < 0) rc = rnn_fail(err, RNN_ERR_NOMEM, "eigenvalues: LAPACK failed (info %d)", (int) info);
    }
    if (rc == RNN_OK) {
        canonical_order(n, s.re, s.im, s.order);
        for (size_t j = 0; j < n; j++) w[j] = complex_of(s.re[s.order[j].index], s.im[s.order[j].index]);
        if (vectors) rc = eig_vectors(n, &s, VR, VL, err);
    }
    space_release(&s);
    return rc;
}
