/* Singular modes of a net's parameters, and nets without some of them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/lowrank.h"
#include "base/mem.h"
#include "num/linalg.h"
#include "num/rng.h"

const char *const rnn_part_names[] = { "value", "change", "initial", NULL };

/* A view of the net with its initial values in place of the trained ones. */
static struct rnn_net at_start(const struct rnn_net *net)
{
    struct rnn_net view = *net;
    view.theta = net->theta0;
    return view;
}

static bool is_formed(const struct rnn_net *net, const char *param)
{
    return !strcmp(param, "W_rec") && net->spec.rank > 0;
}

static int shape_of(const struct rnn_net *net, const char *param, size_t *rows, size_t *cols, struct rnn_err *err)
{
    const struct rnn_param *p = rnn_param_find(&net->params, param);
    if (is_formed(net, param)) {
        *rows = *cols = net->spec.N;
        return RNN_OK;
    }
    if (!p) return rnn_fail(err, RNN_ERR_ARG, "there is no parameter %s", param);
    *rows = p->rows;
    *cols = p->cols;
    return RNN_OK;
}

static int copy_values(const struct rnn_net *net, const char *param, size_t n, double *A, struct rnn_err *err)
{
    if (is_formed(net, param)) return rnn_net_W(net, A, err);
    memcpy(A, rnn_net_param(net, param), n * sizeof *A);
    return RNN_OK;
}

/* The matrix of a part into A [rows * cols]. */
static int read_part(const struct rnn_net *net, const char *param, enum rnn_part part, size_t n, double *A, struct rnn_err *err)
{
    double *A0 = NULL;
    if (part != RNN_PART_VALUE && !net->theta0)
        return rnn_fail(err, RNN_ERR_ARG, "the net does not carry its initial parameters, which its change since then needs");
    if (part == RNN_PART_VALUE) return copy_values(net, param, n, A, err);
    const struct rnn_net start = at_start(net);
    if (part == RNN_PART_INITIAL) return copy_values(&start, param, n, A, err);
    RNN_TRY(rnn_alloc_into(&A0, n, sizeof *A0, err));
    int rc = copy_values(net, param, n, A, err);
    if (rc >= 0) rc = copy_values(&start, param, n, A0, err);
    for (size_t i = 0; rc >= 0 && i < n; i++) A[i] -= A0[i];
    free(A0);
    return rc;
}

int rnn_modes_of(const struct rnn_net *net, const char *param, enum rnn_part part, struct rnn_modes *m, struct rnn_err *err)
{
    *m = (struct rnn_modes){ .part = part };
    snprintf(m->param, sizeof m->param, "%s", param);
    RNN_TRY(shape_of(net, param, &m->rows, &m->cols, err));
    m->n = m->rows < m->cols ? m->rows : m->cols;
    RNN_TRY(rnn_alloc_into(&m->A, m->rows * m->cols, sizeof *m->A, err));
    RNN_TRY(rnn_alloc_into(&m->U, m->rows * m->n, sizeof *m->U, err));
    RNN_TRY(rnn_alloc_into(&m->s, m->n, sizeof *m->s, err));
    RNN_TRY(rnn_alloc_into(&m->Vt, m->n * m->cols, sizeof *m->Vt, err));
    RNN_TRY(read_part(net, param, part, m->rows * m->cols, m->A, err));
    return rnn_svd(m->rows, m->cols, m->A, m->U, m->s, m->Vt, err);
}

void rnn_modes_release(struct rnn_modes *m)
{
    free(m->A);
    free(m->U);
    free(m->s);
    free(m->Vt);
    *m = (struct rnn_modes){ 0 };
}

double rnn_modes_share(const struct rnn_modes *m, const bool *keep)
{
    double kept = 0, all = 0;
    for (size_t k = 0; k < m->n; k++) {
        all += m->s[k] * m->s[k];
        if (keep[k]) kept += m->s[k] * m->s[k];
    }
    return all > 0 ? kept / all : 1;
}

double rnn_modes_participation(size_t n, const double *s)
{
    double s2 = 0, s4 = 0;
    for (size_t k = 0; k < n && s[0] > 0; k++) { /* relative to the first, so that squares of squares stay in range */
        const double q = s[k] / s[0] * (s[k] / s[0]);
        s2 += q;
        s4 += q * q;
    }
    return s2 * s2 / s4;
}

/* ---- nets with another matrix ---- */

static void round_to_precision(struct rnn_net *net)
{
    for (size_t i = 0; net->precision_bits == 32 && i < net->params.total; i++) net->theta[i] = (float)net->theta[i];
}

static int copy_kvs(struct rnn_net *to, const struct rnn_net *from, struct rnn_err *err)
{
    RNN_TRY(rnn_kvs_merge(&to->labels, &from->labels, err));
    RNN_TRY(rnn_kvs_merge(&to->summary, &from->summary, err));
    return rnn_kvs_merge(&to->training, &from->training, err);
}

static int copy_strings(struct rnn_net *to, const struct rnn_net *from, struct rnn_err *err)
{
    to->id = from->id ? rnn_strdup(from->id) : NULL;
    to->task = from->task ? rnn_strdup(from->task) : NULL;
    to->reason = from->reason ? rnn_strdup(from->reason) : NULL;
    const bool failed = (from->id && !to->id) || (from->task && !to->task) || (from->reason && !to->reason);
    return failed ? rnn_fail(err, RNN_ERR_NOMEM, "out of memory") : RNN_OK;
}

static void copy_others(const struct rnn_net *from, const double *src, const struct rnn_net *to, double *dst)
{
    for (size_t i = 0; i < from->params.n; i++) {
        const struct rnn_param *p = &from->params.p[i], *q = rnn_param_find(&to->params, p->name);
        if (q) memcpy(dst + q->offset, src + p->offset, p->rows * p->cols * sizeof *dst);
    }
}

/* The same net with the product of its factors as W_rec. */
static int make_full(const struct rnn_net *net, struct rnn_net **out, struct rnn_err *err)
{
    struct rnn_spec spec = net->spec;
    struct rnn_net *f;
    if (spec.read_latent)
        return rnn_fail(err, RNN_ERR_ARG, "the net reads out from its factors: its recurrent matrix cannot be replaced by a full one");
    if (spec.n_latent)
        return rnn_fail(err, RNN_ERR_ARG, "the net's decoder is factorised too: the recurrent matrix of one of them cannot be replaced by a full one");
    spec.rank = 0;
    spec.rank_scale = RNN_RANK_PLAIN;
    RNN_TRY(rnn_net_new(&f, &spec, err));
    f->index = net->index;
    f->precision_bits = net->precision_bits;
    f->status = net->status;
    int rc = copy_strings(f, net, err);
    if (rc >= 0) rc = copy_kvs(f, net, err);
    if (rc >= 0) rc = rnn_net_W(net, rnn_net_param(f, "W_rec"), err);
    if (rc >= 0) copy_others(net, net->theta, f, f->theta);
    if (rc >= 0 && net->theta0) {
        const struct rnn_net start = at_start(net);
        free(f->theta0);
        f->theta0 = NULL;
        rc = rnn_alloc_into(&f->theta0, f->params.total, sizeof *f->theta0, err);
        if (rc >= 0) rc = rnn_net_W(&start, f->theta0 + rnn_param_find(&f->params, "W_rec")->offset, err);
        if (rc >= 0) copy_others(net, net->theta0, f, f->theta0);
    }
    if (rc < 0) {
        rnn_net_free(f);
        return rc;
    }
    *out = f;
    return RNN_OK;
}

/* A copy of the net with parameter `param` = A. */
static int with_matrix(const struct rnn_net *net, const char *param, const double *A, size_t n, struct rnn_net **out, struct rnn_err *err)
{
    RNN_TRY(is_formed(net, param) ? make_full(net, out, err) : rnn_net_copy(out, net, err));
    memcpy(rnn_net_param(*out, param), A, n * sizeof *A);
    round_to_precision(*out);
    return RNN_OK;
}

int rnn_net_with_W(const struct rnn_net *net, const double *W, struct rnn_net **out, struct rnn_err *err)
{
    const size_t rows = net->spec.cell == RNN_GRU ? 3 * net->spec.N : net->spec.N;
    return with_matrix(net, "W_rec", W, rows * net->spec.N, out, err);
}

/* A += sign * s_k u_k v_k' */
static void add_mode(const struct rnn_modes *m, size_t k, double sign, double *A)
{
    for (size_t i = 0; i < m->rows; i++) {
        const double c = sign * m->s[k] * m->U[i * m->n + k];
        for (size_t j = 0; j < m->cols; j++) A[i * m->cols + j] += c * m->Vt[k * m->cols + j];
    }
}

/* W' = U_kept U_kept' W through the left factor alone. */
static int project_factor(const struct rnn_net *net, const struct rnn_modes *m, const bool *keep, struct rnn_net **out, struct rnn_err *err)
{
    const size_t N = net->spec.N, R = net->spec.rank;
    const double *from = rnn_net_param(net, "m");
    if (m->part != RNN_PART_VALUE)
        return rnn_fail(err, RNN_ERR_ARG, "the net reads out from its factors: its change since initialisation is not of that form");
    RNN_TRY(rnn_net_copy(out, net, err));
    double *to = rnn_net_param(*out, "m");
    for (size_t k = 0; k < m->n; k++) {
        /* modes beyond the rank project to nothing: leaving them alone keeps what is kept exact */
        if (keep[k] || k >= R) continue;
        for (size_t j = 0; j < R; j++) {
            double dot = 0;
            for (size_t i = 0; i < N; i++) dot += m->U[i * m->n + k] * from[i * R + j];
            for (size_t i = 0; i < N; i++) to[i * R + j] -= dot * m->U[i * m->n + k];
        }
    }
    round_to_precision(*out);
    return RNN_OK;
}

int rnn_net_keep_modes(const struct rnn_net *net, const struct rnn_modes *m, const bool *keep, struct rnn_net **out, struct rnn_err *err)
{
    const size_t n = m->rows * m->cols;
    size_t n_keep = 0;
    double *A;
    if (m->part == RNN_PART_INITIAL) return rnn_fail(err, RNN_ERR_ARG, "modes of the initial parameters are not part of the trained net");
    if (is_formed(net, m->param) && net->spec.read_latent) return project_factor(net, m, keep, out, err);
    for (size_t k = 0; k < m->n; k++) n_keep += keep[k];
    const bool subtract = n_keep > m->n / 2;
    RNN_TRY(rnn_alloc_into(&A, n, sizeof *A, err));
    int rc = RNN_OK;
    if (subtract) rc = read_part(net, m->param, RNN_PART_VALUE, n, A, err);
    else if (m->part == RNN_PART_CHANGE) rc = read_part(net, m->param, RNN_PART_INITIAL, n, A, err);
    for (size_t k = 0; rc >= 0 && k < m->n; k++)
        if (keep[k] != subtract) add_mode(m, k, subtract ? -1 : 1, A);
    if (rc >= 0) rc = with_matrix(net, m->param, A, n, out, err);
    free(A);
    return rc;
}

/* x [n] uniform on the unit sphere. */
static void random_direction(struct rnn_rng *g, size_t n, double *x)
{
    for (size_t i = 0; i < n; i++) x[i] = rnn_rng_normal(g);
    const double norm = rnn_norm2(n, x);
    for (size_t i = 0; i < n; i++) x[i] /= norm;
}

int rnn_net_minus_random(const struct rnn_net *net, const struct rnn_modes *m, uint64_t seed, uint64_t draw, struct rnn_net **out, struct rnn_err *err)
{
    const size_t n = m->rows * m->cols;
    struct rnn_rng g;
    double *A = NULL, *ab = NULL;
    RNN_TRY(rnn_rng_at(&g, seed, RNN_RNG_ANALYSIS, net->index, draw, 0, err));
    int rc = rnn_alloc_into(&A, n, sizeof *A, err);
    if (rc >= 0) rc = rnn_alloc_into(&ab, m->rows + m->cols, sizeof *ab, err);
    if (rc >= 0) rc = read_part(net, m->param, RNN_PART_VALUE, n, A, err);
    if (rc >= 0) {
        double *b = ab + m->rows;
        random_direction(&g, m->rows, ab);
        random_direction(&g, m->cols, b);
        for (size_t i = 0; i < m->rows; i++)
            for (size_t j = 0; j < m->cols; j++) A[i * m->cols + j] -= m->s[0] * ab[i] * b[j];
        rc = with_matrix(net, m->param, A, n, out, err);
    }
    free(A);
    free(ab);
    return rc;
}
