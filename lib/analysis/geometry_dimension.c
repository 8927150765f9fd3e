/* How many dimensions population states fill: see geometry.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/geometry.h"
#include "base/mem.h"
#include "num/linalg.h"

/* Sums of squares are sums of rounded numbers: a share that equals the wanted one exactly must not pass as larger. */
#define SHARE_SLACK 1e-12

size_t rnn_dims_for_share(size_t n, const double *l, double share)
{
    double total = 0, sum = 0;
    for (size_t i = 0; i < n; i++) total += l[i];
    if (!(total > 0)) return 0;
    for (size_t i = 0; i < n; i++) {
        sum += l[i];
        if (sum > (share + SHARE_SLACK) * total) return i + 1;
    }
    return n;
}

double rnn_participation_ratio(size_t n, const double *l)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        sum += l[i];
        squares += l[i] * l[i];
    }
    return squares > 0 ? sum * sum / squares : NAN;
}

/* Rows of the group, packed into Y; returns how many. */
static size_t pick(size_t n, size_t d, const double *X, const size_t *g, size_t only, double *Y)
{
    size_t m = 0;
    for (size_t i = 0; i < n; i++) {
        if (only != RNN_NO_GROUP && g[i] != only) continue;
        memcpy(Y + m++ * d, X + i * d, d * sizeof *Y);
    }
    return m;
}

static void centre(size_t n, size_t d, double *Y)
{
    for (size_t u = 0; u < d; u++) {
        double mean = 0;
        for (size_t i = 0; i < n; i++) mean += Y[i * d + u];
        mean /= (double)n;
        for (size_t i = 0; i < n; i++) Y[i * d + u] -= mean;
    }
}

/* l [min(n, d)]: squared singular values, those that rounding alone makes set to zero. */
static int spectrum(size_t n, size_t d, const double *Y, double *l, struct rnn_err *err)
{
    const size_t k = n < d ? n : d;
    RNN_TRY(rnn_svd(n, d, Y, NULL, l, NULL, err));
    const double noise = k ? l[0] * 2.3e-16 * (double)(n + d) : 0;
    for (size_t i = 0; i < k; i++) l[i] = l[i] > noise ? l[i] * l[i] : 0;
    return RNN_OK;
}

/* Centring leaves rounding errors of the mean's size: without spread beyond them, the states are equal. */
static bool is_spread(size_t n, size_t d, const double *X, const double *Y)
{
    double size = 0, spread = 0;
    for (size_t i = 0; i < n * d; i++) {
        size = fmax(size, fabs(X[i]));
        spread = fmax(spread, fabs(Y[i]));
    }
    return spread > 1e-14 * size;
}

int rnn_dimension(size_t n, size_t d, const double *X, const size_t *g, size_t only, double share, struct rnn_dimension *out,
                  struct rnn_err *err)
{
    double *Y = NULL, *Z = NULL, *l = NULL;
    *out = (struct rnn_dimension){ .participation = NAN };
    int rc = rnn_alloc_into(&Y, n * d, sizeof *Y, err);
    if (rc >= 0) rc = rnn_alloc_into(&Z, n * d, sizeof *Z, err);
    if (rc >= 0) rc = rnn_alloc_into(&l, n < d ? n : d, sizeof *l, err);
    const size_t m = rc < 0 ? 0 : pick(n, d, X, g, only, Y), k = m < d ? m : d;
    if (m) {
        out->n = m;
        rc = spectrum(m, d, Y, l, err);
        if (rc >= 0) out->dims = rnn_dims_for_share(k, l, share);
        memcpy(Z, Y, m * d * sizeof *Z);
        centre(m, d, Z);
        if (rc >= 0 && is_spread(m, d, Y, Z)) {
            rc = spectrum(m, d, Z, l, err);
            out->dims_centred = rnn_dims_for_share(k, l, share);
            out->participation = rnn_participation_ratio(k, l);
        }
    }
    free(Y);
    free(Z);
    free(l);
    return rc < 0 ? rc : RNN_OK;
}

int rnn_pca(size_t n, size_t d, const double *X, size_t k, double *explained, double *axes, double *scores, struct rnn_err *err)
{
    const size_t r = n < d ? n : d;
    double *Y = NULL, *Vt = NULL, *l = NULL, total = 0;
    if (k > r) return rnn_fail(err, RNN_ERR_ARG, "%zu components of %zu states of %zu units", k, n, d);
    int rc = rnn_alloc_into(&Y, n * d, sizeof *Y, err);
    if (rc >= 0) rc = rnn_alloc_into(&Vt, r * d, sizeof *Vt, err);
    if (rc >= 0) rc = rnn_alloc_into(&l, r, sizeof *l, err);
    if (rc >= 0) {
        memcpy(Y, X, n * d * sizeof *Y);
        centre(n, d, Y);
        rc = rnn_svd(n, d, Y, NULL, l, Vt, err);
    }
    if (rc >= 0) {
        const bool varies = is_spread(n, d, X, Y);
        for (size_t i = 0; i < r; i++) total += l[i] * l[i];
        for (size_t i = 0; i < k; i++) explained[i] = varies ? l[i] * l[i] / total : NAN;
        if (axes) memcpy(axes, Vt, k * d * sizeof *axes);
        if (scores) rnn_gemm(0, 1, n, k, d, 1, Y, Vt, 0, scores);
    }
    free(Y);
    free(Vt);
    free(l);
    return rc < 0 ? rc : RNN_OK;
}
