#include "analysis/phase.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/lyapunov.h"
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
    bool is_finite = true;
    *speed = 0;
    for (size_t t = 0; rc >= 0 && is_finite && t < steps; t++) {
        rc = rnn_net_step(net, x, NULL, next, err);
        if (rc >= 0) rc = rnn_net_readout(net, next, r_next, NULL, err);
        for (size_t i = 0; t + tail >= steps && i < N; i++) *speed = fmax(*speed, fabs(r_next[i] - r[i]));
        for (size_t i = 0; i < N; i++) is_finite &= isfinite(next[i]);
        memcpy(x, next, N * sizeof *x);
        memcpy(r, r_next, N * sizeof *r);
    }
    if (!is_finite) *speed = INFINITY; /* fmax passes over what is not a number: it would read as rest */
    free(next);
    return rc < 0 ? rc : RNN_OK;
}

/* ---- turning ---- */

/* What one pass over an orbit leaves: the unit that moves most, the middle of its range, and the variance summed over units. */
struct orbit { size_t lead; double middle, variance; };

/* v [4 N]: lowest, highest, sums and squares. */
static struct orbit survey(const struct rnn_map *map, double *x, double *next, size_t steps, double *v, double *work)
{
    const size_t N = map->N;
    double *low = v, *high = v + N, *sum = v + 2 * N, *square = v + 3 * N;
    struct orbit o = {.lead = 0};
    for (size_t i = 0; i < N; i++) low[i] = INFINITY, high[i] = -INFINITY, sum[i] = square[i] = 0;
    for (size_t t = 0; t < steps; t++) {
        for (size_t i = 0; i < N; i++) low[i] = fmin(low[i], x[i]), high[i] = fmax(high[i], x[i]), sum[i] += x[i], square[i] += x[i] * x[i];
        rnn_map_iterate(map, 1, 1, x, next, work);
    }
    for (size_t i = 0; i < N; i++) {
        if (high[i] - low[i] > high[o.lead] - low[o.lead]) o.lead = i;
        o.variance += square[i] / (double)steps - sum[i] / (double)steps * (sum[i] / (double)steps);
    }
    o.middle = (low[o.lead] + high[o.lead]) / 2;
    return o;
}

/* Passages of the lead upward through the middle: when, and the states there. */
struct passages { double *when, *state; size_t n, cap_when, cap_state; };

static int find_passages(const struct rnn_map *map, const struct orbit *o, double *x, double *before, size_t steps, double *next, double *work,
                         struct passages *p, struct rnn_err *err)
{
    const size_t N = map->N;
    for (size_t t = 0; t < steps; t++) {
        memcpy(before, x, N * sizeof *x);
        rnn_map_iterate(map, 1, 1, x, next, work);
        if (!(before[o->lead] < o->middle && x[o->lead] >= o->middle)) continue;
        const double part = (o->middle - before[o->lead]) / (x[o->lead] - before[o->lead]);
        RNN_TRY(rnn_grow(&p->when, &p->cap_when, p->n + 1, sizeof *p->when, err));
        RNN_TRY(rnn_grow(&p->state, &p->cap_state, (p->n + 1) * N, sizeof *p->state, err));
        for (size_t i = 0; i < N; i++) p->state[p->n * N + i] = before[i] + part * (x[i] - before[i]);
        p->when[p->n++] = (double)t + part;
    }
    return RNN_OK;
}

static double time_per_turn(const struct passages *p, size_t N, double variance)
{
    if (p->n < 2) return NAN;
    size_t per_turn = 1;
    for (size_t m = 1; m <= p->n / 2; m++) {
        double miss = 0;
        for (size_t k = 0; k + m < p->n; k++)
            for (size_t i = 0; i < N; i++) {
                const double d = p->state[(k + m) * N + i] - p->state[k * N + i];
                miss += d * d / (double)(p->n - m);
            }
        if (miss > 0.05 * variance) continue;
        per_turn = m;
        break;
    }
    return (double)per_turn * (p->when[p->n - 1] - p->when[0]) / (double)(p->n - 1);
}

int rnn_phase_turning(const struct rnn_map *map, const double *start, size_t steps, struct rnn_phase_turn *out, struct rnn_err *err)
{
    const size_t N = map->N;
    struct passages p = {0};
    double *x = NULL;
    RNN_TRY(rnn_alloc_into(&x, 7 * N + rnn_map_work(map, 1), sizeof *x, err));
    double *next = x + N, *before = next + N, *v = before + N, *work = v + 4 * N;
    memcpy(x, start, N * sizeof *x);
    int rc = rnn_lyapunov(map, x, steps / 5, steps, 1, 1, &out->exponent, &out->error, err);
    out->is_chaotic = rc >= 0 && out->exponent > 3 * out->error && out->exponent > 1e-3;
    memcpy(x, start, N * sizeof *x);
    const struct orbit o = survey(map, x, next, steps, v, work);
    memcpy(x, start, N * sizeof *x);
    if (rc >= 0) rc = find_passages(map, &o, x, before, steps, next, work, &p, err);
    out->period = time_per_turn(&p, N, o.variance);
    free(p.when);
    free(p.state);
    free(x);
    return rc < 0 ? rc : RNN_OK;
}
