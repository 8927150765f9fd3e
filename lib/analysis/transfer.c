#include "analysis/transfer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "num/linalg.h"
#include "num/rng.h"
#include "num/stats.h"

/* ---- blocks ---- */

static const struct { const char *name, *params[4]; } blocks[] = {
    { "i2h", { "W_in", "b_in" } }, { "h2h", { "W_rec", "m", "n", "b_rec" } }, { "h2o", { "W_out", "b_out" } }, { "h0", { "h0" } } };

static int nothing_there(const struct rnn_params *ps, const char *block, struct rnn_err *err)
{
    char have[200] = "";
    const bool has_h0 = rnn_param_find(ps, "h0") != NULL;
    for (size_t i = 0; i < ps->n; i++) snprintf(have + strlen(have), sizeof have - strlen(have), "%s%s", i ? " " : "", ps->p[i].name);
    return rnn_fail(err, RNN_ERR_ARG, "block '%s' does not exist (blocks: i2h h2h h2o%s; parameters: %s)", block, has_h0 ? " h0" : "", have);
}

int rnn_transfer_block(const struct rnn_params *ps, const char *block, const char **out, size_t *n, struct rnn_err *err)
{
    const struct rnn_param *p = rnn_param_find(ps, block);
    *n = 0;
    for (size_t i = 0; i < RNN_LEN(blocks); i++) {
        if (strcmp(blocks[i].name, block) != 0) continue;
        for (size_t j = 0; j < 4 && blocks[i].params[j]; j++) {
            const struct rnn_param *q = rnn_param_find(ps, blocks[i].params[j]);
            if (q) out[(*n)++] = q->name;
        }
    }
    if (!*n && p) out[(*n)++] = p->name;
    return *n ? RNN_OK : nothing_there(ps, block, err);
}

/* ---- donors that fit ---- */

enum axis { ONE, IN, UNITS, OUT, RANK };

/* What the rows and columns of a parameter are.  A decoder has units and inputs of its own, and what is read for it is no output. */
static void axes_of(const struct rnn_net *net, const char *name, enum axis *rows, enum axis *cols)
{
    const char *suffix = strstr(name, "_dec");
    *rows = suffix ? ONE : UNITS;
    *cols = ONE;
    if (suffix) return;
    if (!strcmp(name, "W_rec")) *cols = UNITS;
    else if (!strcmp(name, "m")) *cols = RANK;
    else if (!strcmp(name, "n")) *rows = RANK, *cols = UNITS;
    else if (!strcmp(name, "W_in")) *cols = IN;
    else if (!strcmp(name, "W_out")) *rows = OUT, *cols = net->spec.read_latent ? RANK : UNITS;
    else if (!strcmp(name, "b_out")) *rows = OUT;
    if (*rows == OUT && net->spec.n_latent) *rows = ONE;
}

static const size_t *map_of(const struct rnn_transfer_map *map, enum axis a)
{
    return !map ? NULL : a == IN ? map->in : a == UNITS ? map->units : a == OUT ? map->out : NULL;
}

static const char *axis_name(enum axis a)
{
    return a == IN ? "in" : a == UNITS ? "units" : "out";
}

/* Index i of the recipient's axis (in `gates` stacks of equal size) in the donor's. */
static size_t source(const size_t *map, size_t i, size_t n_to, size_t n_from, size_t gates)
{
    if (!map) return i;
    const size_t per_to = n_to / gates, per_from = n_from / gates, at = map[i % per_to];
    return at == RNN_MAP_FRESH ? at : i / per_to * per_from + at;
}

static int check_axis(const struct rnn_net *donor, const struct rnn_param *to, const struct rnn_param *from, enum axis a, size_t n_to, size_t n_from,
                      size_t gates, const size_t *map, struct rnn_err *err)
{
    if (!map && n_to == n_from) return RNN_OK;
    if (!map && (a == ONE || a == RANK))
        return rnn_fail(err, RNN_ERR_ARG, "donor %s: %s is %zu x %zu, not %zu x %zu", donor->id, to->name, from->rows, from->cols, to->rows, to->cols);
    if (!map)
        return rnn_fail(err, RNN_ERR_ARG, "donor %s: %s is %zu x %zu, not %zu x %zu: --map %s=LIST says which goes where", donor->id, to->name, from->rows,
                        from->cols, to->rows, to->cols, axis_name(a));
    for (size_t i = 0; i < n_to / gates; i++) {
        if (map[i] != RNN_MAP_FRESH && map[i] >= n_from / gates)
            return rnn_fail(err, RNN_ERR_ARG, "donor %s: --map %s names %zu, but %s has only %zu", donor->id, axis_name(a), map[i], to->name, n_from / gates);
    }
    return RNN_OK;
}

static int load_one(struct rnn_net *to, const struct rnn_net *donor, const struct rnn_param *p, const struct rnn_param *q,
                    const struct rnn_transfer_map *map, struct rnn_err *err)
{
    enum axis ra, ca;
    axes_of(to, p->name, &ra, &ca);
    const bool stacked = to->spec.cell == RNN_GRU && ra == UNITS && strcmp(p->name, "h0") != 0;
    const size_t gates = stacked ? 3 : 1, *rows = map_of(map, ra), *cols = map_of(map, ca);
    RNN_TRY(check_axis(donor, p, q, ra, p->rows, q->rows, gates, rows, err));
    RNN_TRY(check_axis(donor, p, q, ca, p->cols, q->cols, 1, cols, err));
    for (size_t i = 0; i < p->rows; i++) {
        const size_t si = source(rows, i, p->rows, q->rows, gates);
        for (size_t j = 0; j < p->cols; j++) {
            const size_t sj = source(cols, j, p->cols, q->cols, 1);
            if (si == RNN_MAP_FRESH || sj == RNN_MAP_FRESH) continue;
            to->theta[p->offset + i * p->cols + j] = donor->theta[q->offset + si * q->cols + sj];
        }
    }
    return RNN_OK;
}

int rnn_transfer_load(struct rnn_net *to, const struct rnn_net *donor, const char *const *names, size_t n_names, const struct rnn_transfer_map *map,
                      struct rnn_err *err)
{
    if (to->spec.cell != donor->spec.cell && (to->spec.cell == RNN_GRU || donor->spec.cell == RNN_GRU))
        return rnn_fail(err, RNN_ERR_ARG, "donor %s: the parameters of a gru and of another cell are not the same things", donor->id);
    for (size_t i = 0; i < n_names; i++) {
        const struct rnn_param *p = rnn_param_find(&to->params, names[i]), *q = rnn_param_find(&donor->params, names[i]);
        if (!p) return rnn_fail(err, RNN_ERR_ARG, "the recipient has no parameter %s", names[i]);
        if (!q) return rnn_fail(err, RNN_ERR_ARG, "donor %s has no parameter %s", donor->id, names[i]);
        RNN_TRY(load_one(to, donor, p, q, map, err));
    }
    return RNN_OK;
}

/* ---- control donors ---- */

/* Q [n][n] orthogonal, uniform (Haar): QR of a Gaussian matrix with positive diagonal of R. */
static int random_orthogonal(struct rnn_rng *g, size_t n, double *Q, struct rnn_err *err)
{
    double *G;
    RNN_TRY(rnn_alloc_into(&G, n * n, sizeof *G, err));
    for (size_t i = 0; i < n * n; i++) G[i] = rnn_rng_normal(g);
    const int rc = rnn_qr(n, n, G, Q, NULL, err);
    free(G);
    return rc;
}

static void round_to_precision(struct rnn_net *net)
{
    for (size_t i = 0; net->precision_bits == 32 && i < net->params.total; i++) net->theta[i] = (float)net->theta[i];
}

/* A [rows][cols] <- L A R', L or R NULL for the identity. */
static void both_sides(size_t rows, size_t cols, const double *L, double *A, const double *R, double *tmp)
{
    if (L) {
        rnn_gemm(0, 0, rows, cols, rows, 1, L, A, 0, tmp);
        memcpy(A, tmp, rows * cols * sizeof *A);
    }
    if (R) {
        rnn_gemm(0, 1, rows, cols, cols, 1, A, R, 0, tmp);
        memcpy(A, tmp, rows * cols * sizeof *A);
    }
}

int rnn_transfer_rotated(const struct rnn_net *donor, uint64_t seed, struct rnn_net **out, struct rnn_err *err)
{
    const size_t N = donor->spec.N;
    struct rnn_rng g;
    double *R = NULL, *tmp = NULL;
    if (donor->spec.cell == RNN_GRU) return rnn_fail(err, RNN_ERR_ARG, "donor %s: a gru cannot be rotated", donor->id);
    RNN_TRY(rnn_rng_at(&g, seed, RNN_RNG_TRANSFER, donor->index, 0, 0, err));
    RNN_TRY(rnn_net_copy(out, donor, err));
    int rc = rnn_alloc_into(&R, N * N, sizeof *R, err);
    if (rc >= 0) rc = rnn_alloc_into(&tmp, (*out)->params.total, sizeof *tmp, err);
    if (rc >= 0) rc = random_orthogonal(&g, N, R, err);
    for (size_t i = 0; rc >= 0 && i < (*out)->params.n; i++) {
        const struct rnn_param *p = &(*out)->params.p[i];
        enum axis rows, cols;
        if (!strcmp(p->name, "alpha")) continue; /* a rate of each unit, not a direction */
        axes_of(donor, p->name, &rows, &cols);
        both_sides(p->rows, p->cols, rows == UNITS ? R : NULL, (*out)->theta + p->offset, cols == UNITS ? R : NULL, tmp);
    }
    free(R);
    free(tmp);
    if (rc < 0) rnn_net_free(*out);
    else round_to_precision(*out);
    return rc;
}

static int random_modes(struct rnn_rng *g, size_t rows, size_t cols, double *A, struct rnn_err *err)
{
    const size_t k = rows < cols ? rows : cols;
    double *s = NULL, *P = NULL, *Q = NULL;
    int rc = rnn_alloc_into(&s, k, sizeof *s, err);
    if (rc >= 0) rc = rnn_alloc_into(&P, rows * rows, sizeof *P, err);
    if (rc >= 0) rc = rnn_alloc_into(&Q, cols * cols, sizeof *Q, err);
    if (rc >= 0) rc = rnn_svd(rows, cols, A, NULL, s, NULL, err);
    if (rc >= 0) rc = random_orthogonal(g, rows, P, err);
    if (rc >= 0) rc = random_orthogonal(g, cols, Q, err);
    if (rc >= 0) {
        memset(A, 0, rows * cols * sizeof *A);
        for (size_t m = 0; m < k; m++)
            for (size_t i = 0; i < rows; i++)
                for (size_t j = 0; j < cols; j++) A[i * cols + j] += s[m] * P[i * rows + m] * Q[j * cols + m];
    }
    free(s);
    free(P);
    free(Q);
    return rc;
}

int rnn_transfer_spectrum_matched(const struct rnn_net *donor, uint64_t seed, struct rnn_net **out, struct rnn_err *err)
{
    int rc = RNN_OK;
    RNN_TRY(rnn_net_copy(out, donor, err));
    for (size_t i = 0; rc >= 0 && i < (*out)->params.n; i++) {
        const struct rnn_param *p = &(*out)->params.p[i];
        if (!strcmp(p->name, "alpha")) continue; /* a rate of each unit, not a direction */
        double *A = (*out)->theta + p->offset;
        struct rnn_rng g;
        rc = rnn_rng_at(&g, seed, RNN_RNG_TRANSFER, donor->index, 1 + i, 0, err);
        if (rc >= 0 && !p->is_vector) rc = random_modes(&g, p->rows, p->cols, A, err);
        for (size_t k = p->rows; rc >= 0 && p->is_vector && k > 1; k--) {
            const size_t j = (size_t)rnn_rng_below(&g, k);
            const double t = A[k - 1];
            A[k - 1] = A[j];
            A[j] = t;
        }
    }
    if (rc < 0) rnn_net_free(*out);
    else round_to_precision(*out);
    return rc;
}

/* ---- learning curves ---- */

double rnn_curve_first_at_least(size_t n, const double *x, const double *y, double criterion)
{
    for (size_t i = 0; i < n; i++)
        if (y[i] >= criterion) return x[i];
    return NAN;
}

double rnn_curve_at(size_t n, const double *x, const double *y, double at)
{
    for (size_t i = 0; i < n; i++)
        if (fabs(x[i] - at) <= 1e-9) return y[i];
    return NAN;
}

double rnn_curve_area(size_t n, const double *x, const double *y)
{
    double area = 0, first = NAN, last = NAN, before = NAN;
    for (size_t i = 0; i < n; i++) {
        if (isnan(y[i])) continue;
        if (isnan(first)) first = x[i];
        else area += (x[i] - last) * (y[i] + before) / 2;
        last = x[i];
        before = y[i];
    }
    return last > first ? area / (last - first) : NAN;
}

/* ---- paired comparison ---- */

int rnn_compare_paired(size_t n, const double *a, const double *b, double level, size_t B, uint64_t seed, uint64_t item, struct rnn_paired *out,
                       struct rnn_err *err)
{
    double *d, sum_a = 0, sum_b = 0;
    *out = (struct rnn_paired){ .mean_a = NAN, .mean_b = NAN, .diff = NAN, .lo = NAN, .hi = NAN, .p = NAN };
    RNN_TRY(rnn_alloc_into(&d, n, sizeof *d, err));
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(a[i]) || !isfinite(b[i])) continue;
        sum_a += a[i];
        sum_b += b[i];
        d[out->n++] = a[i] - b[i];
    }
    int rc = RNN_OK;
    if (out->n) {
        out->mean_a = sum_a / (double)out->n;
        out->mean_b = sum_b / (double)out->n;
        out->diff = rnn_mean(out->n, d);
        if (out->n > 1) rc = rnn_bootstrap_mean(out->n, d, B, level, seed, item, &out->lo, &out->hi, err);
        if (rc >= 0) rc = rnn_paired_permutation(out->n, d, B, seed, item, &out->p, err);
    }
    free(d);
    return rc;
}
