/* Whether units are active one after another: see geometry.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/geometry.h"
#include "base/mem.h"
#include "num/rng.h"
#include "num/stats.h"

#define TURNS 0x67656f31u /* the step of our random addresses, apart from those of other analyses */

static size_t peak_of(size_t T, const double *r)
{
    size_t best = 0;
    for (size_t t = 1; t < T; t++)
        if (r[t] > r[best]) best = t;
    return best;
}

void rnn_peak_order(size_t N, size_t T, const double *R, size_t *peak, size_t *order)
{
    size_t at = 0;
    for (size_t i = 0; i < N; i++) peak[i] = peak_of(T, R + i * T);
    for (size_t t = 0; t < T; t++)
        for (size_t i = 0; i < N; i++)
            if (peak[i] == t) order[at++] = i;
}

/* Each unit scaled to 0 .. 1 over time, units that never change left out; returns how many are left. */
static size_t scale_units(size_t N, size_t T, const double *R, double *S)
{
    size_t m = 0;
    for (size_t i = 0; i < N; i++) {
        const double *r = R + i * T;
        double lo = INFINITY, hi = -INFINITY;
        for (size_t t = 0; t < T; t++) {
            lo = fmin(lo, r[t]);
            hi = fmax(hi, r[t]);
        }
        if (!(hi > lo)) continue;
        for (size_t t = 0; t < T; t++) S[m * T + t] = (r[t] - lo) / (hi - lo);
        m++;
    }
    return m;
}

static double peak_entropy(size_t N, size_t T, const double *S, size_t *at)
{
    double h = 0;
    memset(at, 0, T * sizeof *at);
    for (size_t i = 0; i < N; i++) at[peak_of(T, S + i * T)]++;
    for (size_t t = 0; t < T; t++) {
        const double p = (double)at[t] / (double)N;
        if (p > 0) h -= p * log(p);
    }
    return h / log((double)(T < N ? T : N));
}

static double sparsity(size_t N, size_t T, const double *S)
{
    double sum = 0;
    size_t steps = 0;
    for (size_t t = 0; t < T; t++) {
        double all = 0, h = 0;
        for (size_t i = 0; i < N; i++) all += S[i * T + t];
        if (!(all > 0)) continue; /* nobody is active: nothing to be sparse */
        for (size_t i = 0; i < N; i++) {
            const double q = S[i * T + t] / all;
            if (q > 0) h -= q * log(q);
        }
        sum += 1 - h / log((double)N);
        steps++;
    }
    return steps ? fmax(0, sum / (double)steps) : NAN;
}

/* ln of mean rate near the peak over mean rate elsewhere; half a per cent of the range keeps silence finite. */
static double ridge_of(size_t T, const double *s, size_t width)
{
    const size_t p = peak_of(T, s);
    double near = 0, far = 0;
    size_t n_near = 0, n_far = 0;
    for (size_t t = 0; t < T; t++) {
        if ((t > p ? t - p : p - t) <= width) { near += s[t]; n_near++; }
        else { far += s[t]; n_far++; }
    }
    return n_far ? log((near / (double)n_near + 0.005) / (far / (double)n_far + 0.005)) : NAN;
}

int rnn_sequence_index(size_t N, size_t T, const double *R, size_t width, struct rnn_sequence *out, struct rnn_err *err)
{
    double *S = NULL, ridge = 0;
    size_t *at = NULL;
    *out = (struct rnn_sequence){ .peak_entropy = NAN, .sparsity = NAN, .index = NAN, .ridge = NAN };
    int rc = rnn_alloc_into(&S, N * T, sizeof *S, err);
    if (rc >= 0) rc = rnn_alloc_into(&at, T, sizeof *at, err);
    const size_t m = rc < 0 ? 0 : scale_units(N, T, R, S);
    out->n_active = m;
    if (m >= 2 && T >= 2) {
        out->peak_entropy = peak_entropy(m, T, S, at);
        out->sparsity = sparsity(m, T, S);
        out->index = sqrt(out->peak_entropy * out->sparsity);
        for (size_t i = 0; i < m; i++) ridge += ridge_of(T, S + i * T, width);
        out->ridge = ridge / (double)m;
    }
    free(S);
    free(at);
    return rc < 0 ? rc : RNN_OK;
}

static bool is_in(const unsigned char *half, size_t k, unsigned char which)
{
    return (half ? half[k] : k % 2) == which;
}

/* Mean over the trials of one half, of which there are n: R [N][T]. */
static void half_mean(size_t K, size_t T, size_t N, const float *V, const unsigned char *half, unsigned char which, size_t n, double *R)
{
    memset(R, 0, N * T * sizeof *R);
    for (size_t k = 0; k < K; k++)
        for (size_t t = 0; is_in(half, k, which) && t < T; t++)
            for (size_t i = 0; i < N; i++) R[i * T + t] += (double)V[(k * T + t) * N + i] / (double)n;
}

static bool changes(size_t T, const double *r)
{
    for (size_t t = 1; t < T; t++)
        if (r[t] != r[0]) return true;
    return false;
}

static int peak_correlation(size_t N, size_t T, const double *A, const double *B, double *rho, struct rnn_err *err)
{
    double *x = NULL;
    size_t m = 0;
    RNN_TRY(rnn_alloc_into(&x, 2 * N, sizeof *x, err));
    for (size_t i = 0; i < N; i++) {
        if (!changes(T, A + i * T) || !changes(T, B + i * T)) continue;
        x[m] = (double)peak_of(T, A + i * T);
        x[N + m++] = (double)peak_of(T, B + i * T);
    }
    *rho = rnn_spearman(m, x, x + N, err);
    free(x);
    return RNN_OK;
}

int rnn_sequentiality(size_t K, size_t T, size_t N, const float *V, const unsigned char *half, size_t width, double *raster, size_t *order,
                      struct rnn_sequentiality *out, struct rnn_err *err)
{
    double *A = NULL, *B = NULL;
    size_t *peak = NULL, *sorted = NULL, n[2] = { 0, 0 };
    for (size_t k = 0; k < K; k++) n[is_in(half, k, 1)]++;
    if (!n[0] || !n[1]) return rnn_fail(err, RNN_ERR_ARG, "sequentiality needs trials in both halves, not %zu and %zu", n[0], n[1]);
    int rc = rnn_alloc_into(&A, N * T, sizeof *A, err);
    if (rc >= 0) rc = rnn_alloc_into(&B, N * T, sizeof *B, err);
    if (rc >= 0) rc = rnn_alloc_into(&peak, N, sizeof *peak, err);
    if (rc >= 0) rc = rnn_alloc_into(&sorted, N, sizeof *sorted, err);
    if (rc >= 0) {
        half_mean(K, T, N, V, half, 0, n[0], A);
        half_mean(K, T, N, V, half, 1, n[1], B);
        rnn_peak_order(N, T, A, peak, sorted);
        for (size_t i = 0; i < N && raster; i++) memcpy(raster + i * T, B + sorted[i] * T, T * sizeof *raster);
        if (order) memcpy(order, sorted, N * sizeof *order);
        rc = peak_correlation(N, T, A, B, &out->rho, err);
    }
    if (rc >= 0) rc = rnn_sequence_index(N, T, B, width, &out->seen, err);
    free(A);
    free(B);
    free(peak);
    free(sorted);
    return rc < 0 ? rc : RNN_OK;
}

int rnn_time_shuffle(size_t K, size_t T, size_t N, const float *V, uint64_t seed, uint64_t net, uint64_t shuffle, float *W,
                     struct rnn_err *err)
{
    struct rnn_rng g;
    RNN_TRY(rnn_rng_at(&g, seed, RNN_RNG_ANALYSIS, net, shuffle, TURNS, err));
    for (size_t k = 0; k < K; k++) {
        for (size_t i = 0; i < N; i++) {
            const size_t by = (size_t)rnn_rng_below(&g, T);
            for (size_t t = 0; t < T; t++) W[(k * T + (t + by) % T) * N + i] = V[(k * T + t) * N + i];
        }
    }
    return RNN_OK;
}
