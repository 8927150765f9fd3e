#include "analysis/phase.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "model/engine.h"
#include "num/linalg.h"

double rnn_phase_index_of_signs(size_t n, const double *s)
{
    double P[4];
    for (int f = 0; f <= 3; f++) {
        double re = 0, im = 0;
        for (size_t t = 0; t < n; t++) {
            const double angle = 2 * M_PI * (double)((size_t)f * t % n) / (double)n;
            re += s[t] * cos(angle), im -= s[t] * sin(angle);
        }
        P[f] = (re * re + im * im) / ((double)n * (double)n);
    }
    double index = 0;
    for (int f = -3; f <= 3; f++)
        for (int g = -3; g <= 3; g++)
            if (f * f + g * g <= 9) index += P[abs(f)] * P[abs(g)];
    return index;
}

/* Two leading principal axes [2][N] of the centred R, largest entry positive. */
static int two_axes(size_t n, size_t N, const double *R, double *axes, struct rnn_err *err)
{
    double *X = NULL, *C = NULL, *V = NULL, *w = NULL;
    int rc = rnn_alloc_into(&X, n * N, sizeof *X, err);
    if (rc >= 0) rc = rnn_alloc_into(&C, N * N, sizeof *C, err);
    if (rc >= 0) rc = rnn_alloc_into(&V, N * N, sizeof *V, err);
    if (rc >= 0) rc = rnn_alloc_into(&w, N, sizeof *w, err);
    if (rc >= 0) {
        for (size_t i = 0; i < N; i++) {
            double mean = 0;
            for (size_t t = 0; t < n; t++) mean += R[t * N + i] / (double)n;
            for (size_t t = 0; t < n; t++) X[t * N + i] = R[t * N + i] - mean;
        }
        rnn_gemm(1, 0, N, N, n, 1, X, X, 0, C);
        rc = rnn_eig_sym(N, C, w, V, err);
    }
    if (rc >= 0) memcpy(axes, V, 2 * N * sizeof *V);
    free(X);
    free(C);
    free(V);
    free(w);
    return rc;
}

int rnn_phase_index(size_t n, size_t N, const double *R, double index[2], struct rnn_err *err)
{
    if (N < 2 || n < 7) return rnn_fail(err, RNN_ERR_ARG, "the index needs two units and seven steps, not %zu and %zu", N, n);
    double *axes = NULL;
    RNN_TRY(rnn_alloc_into(&axes, 2 * N + 2 * n, sizeof *axes, err));
    double *s[2] = {axes + 2 * N, axes + 2 * N + n};
    const int rc = two_axes(n, N, R, axes, err);
    bool tie[2] = {false, false};
    for (size_t t = 0; rc >= 0 && t < n; t++) {
        double p1 = 0, p2 = 0;
        for (size_t i = 0; i < N; i++) p1 += R[t * N + i] * axes[i], p2 += R[t * N + i] * axes[N + i];
        const double d[2] = {p1 - p2, p1 + p2};
        for (int k = 0; k < 2; k++) s[k][t] = d[k] > 0 ? 1 : -1, tie[k] |= d[k] == 0 || isnan(d[k]);
    }
    for (int k = 0; rc >= 0 && k < 2; k++) index[k] = tie[k] ? NAN : rnn_phase_index_of_signs(n, s[k]);
    free(axes);
    return rc < 0 ? rc : RNN_OK;
}

int rnn_phase_speed(const struct rnn_net *net, double *x, size_t steps, size_t tail, double *speed, struct rnn_err *err)
{
    const size_t N = net->spec.N;
    double *next = NULL;
    RNN_TRY(rnn_alloc_into(&next, 3 * N, sizeof *next, err));
    double *r = next + N, *r_next = r + N;
    int rc = rnn_net_readout(net, x, r, NULL, err);
    *speed = 0;
    for (size_t t = 0; rc >= 0 && t < steps; t++) {
        rc = rnn_net_step(net, x, NULL, next, err);
        if (rc >= 0) rc = rnn_net_readout(net, next, r_next, NULL, err);
        for (size_t i = 0; t + tail >= steps && i < N; i++) *speed = fmax(*speed, fabs(r_next[i] - r[i]));
        memcpy(x, next, N * sizeof *x);
        memcpy(r, r_next, N * sizeof *r);
    }
    free(next);
    return rc < 0 ? rc : RNN_OK;
}
