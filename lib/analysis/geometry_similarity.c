/* Distances and cosines between population states: see geometry.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/geometry.h"
#include "base/mem.h"
#include "num/linalg.h"

/* Rows of unit length; those of zero states become NaN. */
static int directions(size_t n, size_t d, const double *X, double **Y, struct rnn_err *err)
{
    RNN_TRY(rnn_alloc_into(Y, n * d, sizeof **Y, err));
    for (size_t i = 0; i < n; i++) {
        const double norm = rnn_norm2(d, X + i * d);
        for (size_t u = 0; u < d; u++) (*Y)[i * d + u] = norm > 0 ? X[i * d + u] / norm : NAN;
    }
    return RNN_OK;
}

int rnn_cosines(size_t n, size_t d, const double *X, double *C, struct rnn_err *err)
{
    double *Y;
    RNN_TRY(directions(n, d, X, &Y, err));
    for (size_t i = 0; i < n; i++) {
        C[i * n + i] = isnan(Y[i * d]) ? NAN : 1;
        for (size_t j = 0; j < i; j++) {
            double c = 0;
            for (size_t u = 0; u < d; u++) c += Y[i * d + u] * Y[j * d + u];
            C[i * n + j] = C[j * n + i] = isnan(c) ? NAN : fmax(-1, fmin(1, c));
        }
    }
    free(Y);
    return RNN_OK;
}

/* The angle between unit vectors from the lengths of their sum and difference: exact for small angles, where arccos is not. */
static double unit_angle(size_t d, const double *x, const double *y)
{
    double apart = 0, together = 0;
    for (size_t u = 0; u < d; u++) {
        apart += (x[u] - y[u]) * (x[u] - y[u]);
        together += (x[u] + y[u]) * (x[u] + y[u]);
    }
    return isnan(apart) ? NAN : 2 * atan2(sqrt(apart), sqrt(together));
}

static double distance(size_t d, const double *x, const double *y, enum rnn_metric metric)
{
    double s = 0;
    if (metric == RNN_ANGLE) return unit_angle(d, x, y);
    for (size_t u = 0; u < d; u++) s += (x[u] - y[u]) * (x[u] - y[u]);
    return metric == RNN_COSINE ? s / 2 : sqrt(s); /* of unit vectors |x - y|^2 = 2 (1 - cos) */
}

int rnn_distances(size_t n, size_t d, const double *X, enum rnn_metric metric, double *D, struct rnn_err *err)
{
    double *Y = NULL;
    if (metric != RNN_EUCLIDEAN) RNN_TRY(directions(n, d, X, &Y, err));
    for (size_t i = 0; i < n; i++) {
        D[i * n + i] = 0;
        for (size_t j = 0; j < i; j++) D[i * n + j] = D[j * n + i] = distance(d, (Y ? Y : X) + i * d, (Y ? Y : X) + j * d, metric);
    }
    free(Y);
    return RNN_OK;
}

void rnn_pair_means(size_t n, const double *M, const size_t *g, struct rnn_pair_means *out)
{
    double within = 0, between = 0;
    *out = (struct rnn_pair_means){ 0 };
    for (size_t i = 0; i < n; i++) {
        for (size_t j = i + 1; j < n; j++) {
            if (isnan(M[i * n + j]) || g[i] == RNN_NO_GROUP || g[j] == RNN_NO_GROUP) continue;
            if (g[i] == g[j]) { within += M[i * n + j]; out->n_within++; }
            else { between += M[i * n + j]; out->n_between++; }
        }
    }
    out->within = out->n_within ? within / (double)out->n_within : NAN;
    out->between = out->n_between ? between / (double)out->n_between : NAN;
}
