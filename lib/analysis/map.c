#include "analysis/map.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "model/activation.h"
#include "num/linalg.h"

/* ---- what model/activation.h does not have ---- */

/* f''(z) */
static double bend(enum rnn_act act, double z)
{
    switch (act) {
    case RNN_TANH: { const double t = tanh(z); return -2 * t * (1 - t * t); }
    case RNN_SIGMOID: { const double p = rnn_sigmoid(z); return p * (1 - p) * (1 - 2 * p); }
    case RNN_SOFTPLUS: { const double p = rnn_sigmoid(z); return p * (1 - p); }
    default: return 0;
    }
}

/* Largest |f'| and |f''|. */
static double max_slope(enum rnn_act act)
{
    return act == RNN_SIGMOID ? 0.25 : 1;
}

static double max_bend(enum rnn_act act)
{
    switch (act) {
    case RNN_TANH: return 4 / (3 * sqrt(3));    /* at tanh^2 = 1/3 */
    case RNN_SIGMOID: return 1 / (6 * sqrt(3)); /* at s = (3 +- sqrt 3) / 6 */
    case RNN_SOFTPLUS: return 0.25;
    default: return 0;
    }
}

/* ---- making one ---- */

static void add(size_t n, const double *v, double *sum)
{
    for (size_t i = 0; v && i < n; i++) sum[i] += v[i];
}

/* W_in u + b_in into c, b_rec into b (one vector for cells without gates). */
static int absorb_input(const struct rnn_net *net, const double *u, size_t rows, double *b, double *c, struct rnn_err *err)
{
    const double *W_in = rnn_net_param(net, "W_in");
    for (size_t j = 0; u && j < net->spec.n_in; j++)
        if (!isfinite(u[j])) return rnn_fail(err, RNN_ERR_NUMERIC, "input channel %zu is not finite", j);
    if (u && W_in && net->spec.n_in) rnn_gemv(0, rows, net->spec.n_in, 1, W_in, u, 1, c);
    add(rows, rnn_net_param(net, "b_in"), c);
    add(rows, rnn_net_param(net, "b_rec"), b);
    return RNN_OK;
}

static bool is_leaky(const struct rnn_net *net)
{
    return net->spec.cell == RNN_LEAKY || net->spec.cell == RNN_LEAKY_CURRENT;
}

static int fill_alpha(const struct rnn_net *net, struct rnn_map *map, struct rnn_err *err)
{
    const double *each = net->spec.alpha_per_unit ? rnn_net_param(net, "alpha") : NULL;
    RNN_TRY(rnn_alloc_into(&map->alpha, map->N, sizeof *map->alpha, err));
    for (size_t i = 0; i < map->N; i++) map->alpha[i] = !is_leaky(net) ? 1 : each && !map->m ? each[i] : net->spec.alpha;
    map->alpha_scale = is_leaky(net) && !each ? net->spec.alpha : 1;
    map->dt_ms = net->spec.dt_ms;
    return RNN_OK;
}

int rnn_map_of_net(const struct rnn_net *net, const double *u, struct rnn_map *map, struct rnn_err *err)
{
    const size_t N = net->spec.N, rows = net->spec.cell == RNN_GRU ? 3 * N : N;
    const bool gru = net->spec.cell == RNN_GRU;
    if (!rnn_net_finite(net)) return rnn_fail(err, RNN_ERR_NUMERIC, "network has non-finite weights");
    *map = (struct rnn_map){.form = gru ? RNN_MAP_GRU : net->spec.cell == RNN_LEAKY_CURRENT ? RNN_MAP_CURRENT : RNN_MAP_ACTIVITY,
                            .act = net->spec.act, .N = N, .units = N};
    int rc = rnn_alloc_into(&map->W, rows * N, sizeof *map->W, err);
    if (rc >= 0) rc = rnn_alloc_into(&map->b, rows, sizeof *map->b, err);
    if (rc >= 0 && gru) rc = rnn_alloc_into(&map->c, rows, sizeof *map->c, err);
    if (rc >= 0) rc = rnn_net_W(net, map->W, err);
    if (rc >= 0) rc = absorb_input(net, u, rows, map->b, gru ? map->c : map->b, err);
    if (rc >= 0) rc = fill_alpha(net, map, err);
    if (rc < 0) rnn_map_release(map);
    return rc < 0 ? rc : RNN_OK;
}

int rnn_map_reduced(const struct rnn_net *net, const double *u, struct rnn_map *map, struct rnn_err *err)
{
    const size_t N = net->spec.N, R = net->spec.rank;
    if (!R) return rnn_fail(err, RNN_ERR_ARG, "only a network with factorised recurrent weights has a reduced form");
    if (net->spec.cell == RNN_GRU) return rnn_fail(err, RNN_ERR_ARG, "a gru has no reduced form: its gates act on every unit by itself");
    if (net->spec.alpha_per_unit) return rnn_fail(err, RNN_ERR_ARG, "units with time constants of their own have no reduced form");
    if (!rnn_net_finite(net)) return rnn_fail(err, RNN_ERR_NUMERIC, "network has non-finite weights");
    const double s = net->spec.rank_scale == RNN_RANK_PER_UNIT ? 1 / (double)N : 1;
    *map = (struct rnn_map){.form = RNN_MAP_REDUCED, .act = net->spec.act, .N = R, .units = N};
    int rc = rnn_alloc_into(&map->W, R * N, sizeof *map->W, err);
    if (rc >= 0) rc = rnn_alloc_into(&map->m, R * N, sizeof *map->m, err);
    if (rc >= 0) rc = rnn_alloc_into(&map->b, N, sizeof *map->b, err);
    if (rc >= 0) rc = absorb_input(net, u, N, map->b, map->b, err);
    if (rc >= 0) rc = fill_alpha(net, map, err);
    if (rc < 0) return rnn_map_release(map), rc;
    const double *n = rnn_net_param(net, "n");
    memcpy(map->m, rnn_net_param(net, "m"), R * N * sizeof *map->m);
    for (size_t i = 0; i < R * N; i++) map->W[i] = s * n[i];
    return RNN_OK;
}

void rnn_map_release(struct rnn_map *map)
{
    free(map->W);
    free(map->m);
    free(map->b);
    free(map->c);
    free(map->alpha);
    memset(map, 0, sizeof *map);
}

/* ---- evaluating it ---- */

static size_t width(const struct rnn_map *map)
{
    return map->form == RNN_MAP_GRU ? 3 * map->N : map->units > map->N ? map->units : map->N;
}

size_t rnn_map_work(const struct rnn_map *map, size_t B)
{
    return (B < 2 ? 2 : B) * (width(map) + map->N); /* the curvature of a gru needs two rows */
}

/* out [B][rows] = X [B][cols] A' ; rows of out stay together */
static void times(size_t B, size_t rows, size_t cols, const double *A, const double *X, double *out)
{
    if (B == 1) rnn_gemv(0, rows, cols, 1, A, X, 0, out);
    else rnn_gemm(0, 1, B, rows, cols, 1, X, A, 0, out);
}

static void step_gru(const struct rnn_map *map, size_t B, const double *X, double *Y, double *pre)
{
    const size_t N = map->N;
    times(B, 3 * N, N, map->W, X, pre);
    for (size_t k = 0; k < B; k++) {
        const double *p = pre + k * 3 * N;
        for (size_t i = 0; i < N; i++) {
            const double g = rnn_sigmoid(p[i] + map->b[i] + map->c[i]), z = rnn_sigmoid(p[N + i] + map->b[N + i] + map->c[N + i]);
            const double n = rnn_activate(map->act, map->c[2 * N + i] + g * (p[2 * N + i] + map->b[2 * N + i]));
            Y[k * N + i] = (1 - z) * n + z * X[k * N + i];
        }
    }
}

static void step_reduced(const struct rnn_map *map, size_t B, const double *X, double *Y, double *pre)
{
    const size_t N = map->N, U = map->units;
    times(B, U, N, map->m, X, pre);
    for (size_t k = 0; k < B; k++)
        for (size_t i = 0; i < U; i++) pre[k * U + i] = rnn_activate(map->act, pre[k * U + i] + map->b[i]);
    times(B, N, U, map->W, pre, Y);
    for (size_t k = 0; k < B; k++)
        for (size_t i = 0; i < N; i++) Y[k * N + i] = (1 - map->alpha[i]) * X[k * N + i] + map->alpha[i] * Y[k * N + i];
}

void rnn_map_step(const struct rnn_map *map, size_t B, const double *X, double *Y, double *work)
{
    const size_t N = map->N;
    if (map->form == RNN_MAP_GRU) { step_gru(map, B, X, Y, work); return; }
    if (map->form == RNN_MAP_REDUCED) { step_reduced(map, B, X, Y, work); return; }
    const double *in = X;
    if (map->form == RNN_MAP_CURRENT) {
        for (size_t i = 0; i < B * N; i++) work[i] = rnn_activate(map->act, X[i]);
        in = work;
    }
    times(B, N, N, map->W, in, Y);
    for (size_t k = 0; k < B; k++)
        for (size_t i = 0; i < N; i++) {
            const double a = map->alpha[i], z = Y[k * N + i] + map->b[i];
            Y[k * N + i] = (1 - a) * X[k * N + i] + a * (map->form == RNN_MAP_CURRENT ? z : rnn_activate(map->act, z));
        }
}

static void jacobian_gru(const struct rnn_map *map, const double *x, double *J, double *pre)
{
    const size_t N = map->N;
    const double *W = map->W;
    times(1, 3 * N, N, W, x, pre);
    for (size_t i = 0; i < N; i++) {
        const double g = rnn_sigmoid(pre[i] + map->b[i] + map->c[i]), z = rnn_sigmoid(pre[N + i] + map->b[N + i] + map->c[N + i]);
        const double hn = pre[2 * N + i] + map->b[2 * N + i], a = map->c[2 * N + i] + g * hn;
        const double dn = (1 - z) * rnn_activation_slope(map->act, a), dg = dn * hn * g * (1 - g);
        const double dz = (x[i] - rnn_activate(map->act, a)) * z * (1 - z);
        for (size_t j = 0; j < N; j++)
            J[i * N + j] = dg * W[i * N + j] + dz * W[(N + i) * N + j] + dn * g * W[(2 * N + i) * N + j] + (i == j ? z : 0);
    }
}

/* s n diag(f') m, without a further matrix: rank and units are unequal enough that a plain loop over units is a rank-one update each. */
static void jacobian_reduced(const struct rnn_map *map, const double *x, double *J, double *pre)
{
    const size_t N = map->N, U = map->units;
    times(1, U, N, map->m, x, pre);
    memset(J, 0, N * N * sizeof *J);
    for (size_t u = 0; u < U; u++) {
        const double d = rnn_activation_slope(map->act, pre[u] + map->b[u]);
        for (size_t i = 0; i < N; i++)
            for (size_t j = 0; j < N; j++) J[i * N + j] += map->W[i * U + u] * d * map->m[u * N + j];
    }
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < N; j++) J[i * N + j] = map->alpha[i] * J[i * N + j] + (i == j ? 1 - map->alpha[i] : 0);
}

void rnn_map_jacobian(const struct rnn_map *map, const double *x, double *J, double *work)
{
    const size_t N = map->N;
    if (map->form == RNN_MAP_GRU) { jacobian_gru(map, x, J, work); return; }
    if (map->form == RNN_MAP_REDUCED) { jacobian_reduced(map, x, J, work); return; }
    const bool current = map->form == RNN_MAP_CURRENT;
    if (current) for (size_t j = 0; j < N; j++) work[j] = rnn_activation_slope(map->act, x[j]);
    else times(1, N, N, map->W, x, work);
    for (size_t i = 0; i < N; i++) {
        const double a = map->alpha[i], c = current ? a : a * rnn_activation_slope(map->act, work[i] + map->b[i]);
        const double *w = map->W + i * N;
        double *row = J + i * N;
        if (current) for (size_t j = 0; j < N; j++) row[j] = c * w[j] * work[j];
        else for (size_t j = 0; j < N; j++) row[j] = c * w[j];
        row[i] += 1 - a;
    }
}

/* ---- second derivatives ---- */

/* (dJ/dx_j)' f by central differences of J' f */
static void curvature_gru(const struct rnn_map *map, const double *x, const double *f, double *H, double *work, double *J)
{
    const size_t N = map->N;
    double *at = work + 3 * N, *g = at + N; /* work has two rows of 4N */
    memcpy(at, x, N * sizeof *at);
    for (size_t j = 0; j < N; j++) {
        const double h = 6e-6 * fmax(1, fabs(x[j]));
        for (int side = 1; side >= -1; side -= 2) {
            at[j] = x[j] + side * h;
            rnn_map_jacobian(map, at, J, work);
            rnn_gemv(1, N, N, side / (2 * h), J, f, 0, g);
            for (size_t i = 0; i < N; i++) H[i * N + j] += g[i] / 2, H[j * N + i] += g[i] / 2;
        }
        at[j] = x[j];
    }
}

void rnn_map_curvature(const struct rnn_map *map, const double *x, const double *f, double *H, double *work, double *scratch)
{
    const size_t N = map->N, U = map->units;
    const enum rnn_act act = map->act;
    if (act == RNN_RELU || act == RNN_LINEAR) { if (map->form != RNN_MAP_GRU) return; }
    if (map->form == RNN_MAP_GRU) { curvature_gru(map, x, f, H, work, scratch); return; }
    if (map->form == RNN_MAP_CURRENT) { /* diagonal: f''(x_j) sum_i a_i f_i W_ij */
        for (size_t i = 0; i < N; i++) scratch[i] = map->alpha[i] * f[i];
        rnn_gemv(1, N, N, 1, map->W, scratch, 0, work);
        for (size_t j = 0; j < N; j++) H[j * N + j] += work[j] * bend(act, x[j]);
        return;
    }
    /* M' diag(c) M with M the matrix inside f: W, or m */
    const bool reduced = map->form == RNN_MAP_REDUCED;
    const double *M = reduced ? map->m : map->W;
    times(1, U, N, M, x, work);
    for (size_t u = 0; u < U; u++) {
        double c = 0;
        if (reduced) for (size_t i = 0; i < N; i++) c += map->alpha[i] * f[i] * map->W[i * U + u];
        else c = map->alpha[u] * f[u];
        c *= bend(act, work[u] + map->b[u]);
        for (size_t j = 0; j < N; j++) scratch[u * N + j] = c * M[u * N + j];
    }
    rnn_gemm(1, 0, N, N, U, 1, M, scratch, 1, H);
}

/* ---- powers ---- */

void rnn_map_iterate(const struct rnn_map *map, size_t k, size_t B, double *X, double *next, double *work)
{
    for (; k > 0; k--) {
        rnn_map_step(map, B, X, next, work);
        memcpy(X, next, B * map->N * sizeof *X);
    }
}

void rnn_map_jacobian_k(const struct rnn_map *map, size_t k, const double *x, double *x_end, double *J, double *JJ, double *work)
{
    const size_t N = map->N;
    double *next = work + width(map); /* the N numbers that rnn_map_work has beyond one evaluation */
    rnn_map_jacobian(map, x, J, work);
    memcpy(x_end, x, N * sizeof *x_end);
    rnn_map_iterate(map, 1, 1, x_end, next, work);
    for (size_t j = 1; j < k; j++) {
        double *one = JJ, *product = JJ + N * N;
        rnn_map_jacobian(map, x_end, one, work);
        rnn_gemm(0, 0, N, N, N, 1, one, J, 0, product);
        memcpy(J, product, N * N * sizeof *J);
        rnn_map_iterate(map, 1, 1, x_end, next, work);
    }
}

void rnn_map_lift(const struct rnn_map *map, const struct rnn_net *net, const double *kappa, double *x)
{
    rnn_gemv(0, map->units, map->N, 1, map->m, kappa, 0, x);
    for (size_t u = 0; u < map->units; u++) {
        x[u] += map->b[u];
        if (net->spec.cell != RNN_LEAKY_CURRENT) x[u] = rnn_activate(map->act, x[u]);
    }
}

/* ---- bounds ---- */

/* h' = n + z (h - n), n = f(c + g (W_n h + b_n)), over |h|_inf <= 1: bounds on first and second derivatives of each factor, row by row. */
static void bounds_gru(const struct rnn_map *map, double *K, double *L)
{
    const size_t N = map->N;
    const double curve = max_bend(RNN_SIGMOID);
    double sum = 0, first = 0;
    for (size_t i = 0; i < N; i++) {
        const double wr = rnn_norm2(N, map->W + i * N), wz = rnn_norm2(N, map->W + (N + i) * N), wn = rnn_norm2(N, map->W + (2 * N + i) * N);
        double reach = fabs(map->b[2 * N + i]);
        for (size_t j = 0; j < N; j++) reach += fabs(map->W[(2 * N + i) * N + j]);
        const double s1 = wr * reach / 4 + wn, s2 = curve * wr * wr * reach + wr * wn / 2;
        const double n2 = max_bend(map->act) * s1 * s1 + s2;
        /* |h - n| <= 2, |d(h - n)| <= 1 + s1, |dz| <= wz / 4, |d2z| <= curve wz^2; the cross term counts twice */
        const double row = n2 + 2 * curve * wz * wz + wz / 2 * (1 + s1), slope1 = s1 + wz / 2 + 1;
        sum += row * row;
        first += slope1 * slope1;
    }
    *K = sqrt(sum);
    *L = sqrt(first);
}

/* The Jacobian of A f(M x + b) changes by A diag(df') M: the norm of A and M times max |f''| |m_i| |dx|. */
static int bounds_rate(const struct rnn_map *map, double *K, double *L, struct rnn_err *err)
{
    const size_t N = map->N, U = map->units;
    const bool reduced = map->form == RNN_MAP_REDUCED, current = map->form == RNN_MAP_CURRENT;
    const double *M = reduced ? map->m : map->W;
    double a = 0, widest = current ? 1 : 0, quartic = 0, keep = 0;
    for (size_t i = 0; i < N; i++) a = fmax(a, fabs(map->alpha[i])), keep = fmax(keep, fabs(1 - map->alpha[i]));
    for (size_t u = 0; !current && u < U; u++) {
        const double w = rnn_norm2(N, M + u * N);
        widest = fmax(widest, w);
        quartic += w * w * w * w;
    }
    const double inner = reduced ? rnn_spectral_norm(U, N, M, err) : 1, outer = reduced ? rnn_spectral_norm(N, U, map->W, err) : rnn_spectral_norm(N, N, map->W, err);
    if (isnan(inner) || isnan(outer)) return rnn_fail(err, RNN_ERR_NUMERIC, "no norm of the recurrent weights");
    *K = a * max_bend(map->act) * inner * outer * widest;
    if (map->form == RNN_MAP_ACTIVITY) *K = fmin(*K, a * max_bend(map->act) * sqrt(quartic));
    *L = keep + a * max_slope(map->act) * inner * outer;
    return RNN_OK;
}

int rnn_map_bounds(const struct rnn_map *map, double *K, double *L, struct rnn_err *err)
{
    if (map->form != RNN_MAP_GRU) return bounds_rate(map, K, L, err);
    /* states bounded by 1 hold for tanh only: no bound is claimed for others */
    if (map->act == RNN_TANH) bounds_gru(map, K, L);
    else *K = *L = NAN;
    return RNN_OK;
}

double rnn_map_affine_radius(const struct rnn_map *map, const double *x, double *work)
{
    const size_t N = map->N, U = map->units;
    if (map->act == RNN_LINEAR && map->form != RNN_MAP_GRU) return INFINITY;
    if (map->act != RNN_RELU || map->form == RNN_MAP_GRU) return 0;
    const double *M = map->form == RNN_MAP_REDUCED ? map->m : map->W;
    double least = INFINITY;
    if (map->form == RNN_MAP_CURRENT) {
        for (size_t i = 0; i < N; i++) least = fmin(least, fabs(x[i]));
        return least;
    }
    times(1, U, N, M, x, work);
    for (size_t u = 0; u < U; u++) {
        const double w = rnn_norm2(N, M + u * N);
        if (w > 0) least = fmin(least, fabs(work[u] + map->b[u]) / w);
    }
    return least;
}
