#include "model/net.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "num/linalg.h"

const char *const rnn_cell_names[] = {"elman", "leaky", "leaky-current", "gru", NULL};
const char *const rnn_act_names[] = {"tanh", "relu", "sigmoid", "softplus", "linear", NULL};
const char *const rnn_readout_names[] = {"linear", "sigmoid", "softmax", NULL};
const char *const rnn_read_when_names[] = {"after", "before", NULL};
const char *const rnn_noise_where_names[] = {"inside", "outside", NULL};
const char *const rnn_noise_scale_names[] = {"plain", "sqrt-2-over-alpha", "sqrt-2-alpha", "sqrt-dt", NULL};
const char *const rnn_rank_scale_names[] = {"plain", "per-unit", NULL};
const char *const rnn_h0_law_names[] = {"zero", "fixed", "trained", "normal", NULL};
const char *const rnn_h0_transform_names[] = {"plain", "tanh", NULL};
const char *const rnn_net_status_names[] = {"trained", "not-learned", "unstable", "diverged", "untrained", "built", NULL};

bool rnn_name_index(const char *const *names, const char *name, int *out)
{
    for (int i = 0; names[i]; i++) {
        if (strcmp(names[i], name) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

void rnn_spec_default(struct rnn_spec *s)
{
    *s = (struct rnn_spec){
        .cell = RNN_ELMAN, .act = RNN_TANH, .readout = RNN_OUT_LINEAR, .read = RNN_READ_AFTER,
        .bias_rec = true, .bias_in = true, .bias_out = true, .dt_ms = 1, .tau_ms = 1, .alpha = 1,
    };
}

static bool is_leaky(const struct rnn_spec *s)
{
    return s->cell == RNN_LEAKY || s->cell == RNN_LEAKY_CURRENT;
}

static bool not_negative(double x)
{
    return isfinite(x) && x >= 0;
}

static int check_names(const struct rnn_spec *s, struct rnn_err *err)
{
#define IN_RANGE(field, n)                                                                                           \
    if ((unsigned) s->field >= (n)) return rnn_fail(err, RNN_ERR_ARG, "unknown " #field " (%u)", (unsigned) s->field)
    IN_RANGE(cell, RNN_N_CELLS);
    IN_RANGE(act, RNN_N_ACTS);
    IN_RANGE(readout, RNN_N_READOUTS);
    IN_RANGE(read, 2u);
    IN_RANGE(noise_where, 2u);
    IN_RANGE(noise_scale, 4u);
    IN_RANGE(rank_scale, 2u);
    IN_RANGE(h0, 4u);
    IN_RANGE(h0_transform, 2u);
#undef IN_RANGE
    return RNN_OK;
}

/* Heads and decoder. */
static int check_outputs(const struct rnn_spec *s, struct rnn_err *err)
{
    RNN_TRY(rnn_heads_check(&s->heads, s->n_out, err));
    if (s->heads.n && s->readout != RNN_OUT_LINEAR)
        return rnn_fail(err, RNN_ERR_ARG, "heads have a softmax each, in the loss: the read-out must be linear, not %s", rnn_readout_names[s->readout]);
    if (s->n_latent == 0) return RNN_OK;
    size_t rows;
    if (!rnn_add_size(s->n_out, s->n_latent, &rows)) return rnn_fail(err, RNN_ERR_LIMIT, "%zu latent variables are too many", s->n_latent);
    if (s->read != RNN_READ_AFTER) return rnn_fail(err, RNN_ERR_ARG, "a decoder gets what is read after the last step, not before it");
    if (s->noise_rec > 0) return rnn_fail(err, RNN_ERR_ARG, "recurrent noise is not defined for a network with a decoder");
    if (s->alpha_per_unit) return rnn_fail(err, RNN_ERR_ARG, "time constants per unit are not defined for a network with a decoder");
    return RNN_OK;
}

static int check_spec(const struct rnn_spec *s, struct rnn_err *err)
{
    RNN_TRY(check_names(s, err));
    if (s->N == 0) return rnn_fail(err, RNN_ERR_ARG, "a network needs at least one unit");
    if (s->n_out == 0) return rnn_fail(err, RNN_ERR_ARG, "a network needs at least one output");
    if (s->rank > s->N) return rnn_fail(err, RNN_ERR_ARG, "rank %zu exceeds %zu units", s->rank, s->N);
    if (s->read_latent && s->rank == 0) return rnn_fail(err, RNN_ERR_ARG, "reading latent variables needs factorised weights");
    if (s->read_latent && s->cell == RNN_GRU)
        return rnn_fail(err, RNN_ERR_ARG, "a gru has latent variables per gate: none to read");
    if (s->cell == RNN_ELMAN && s->alpha != 1)
        return rnn_fail(err, RNN_ERR_ARG, "an elman cell has alpha 1, not %g: use a leaky cell", s->alpha);
    if (is_leaky(s) && !(s->alpha > 0 && s->alpha <= 1))
        return rnn_fail(err, RNN_ERR_ARG, "alpha %g is not in (0, 1]", s->alpha);
    if (s->alpha_per_unit && !is_leaky(s))
        return rnn_fail(err, RNN_ERR_ARG, "time constants per unit need a leaky cell, not %s", rnn_cell_names[s->cell]);
    if (!not_negative(s->noise_rec)) return rnn_fail(err, RNN_ERR_ARG, "noise %g is not a standard deviation", s->noise_rec);
    const bool by_alpha = s->noise_scale == RNN_NOISE_SQRT_2_OVER_ALPHA || s->noise_scale == RNN_NOISE_SQRT_2_ALPHA;
    if (s->noise_rec > 0 && by_alpha && s->cell == RNN_GRU)
        return rnn_fail(err, RNN_ERR_ARG, "a gru has no alpha to scale its noise by");
    if (s->noise_rec > 0 && s->noise_scale == RNN_NOISE_SQRT_DT && !(s->dt_ms > 0 && isfinite(s->dt_ms)))
        return rnn_fail(err, RNN_ERR_ARG, "noise scaled by sqrt(dt) needs a time step, not %g ms", s->dt_ms);
    if (!not_negative(s->h0_sd))
        return rnn_fail(err, RNN_ERR_ARG, "initial state: %g is not a standard deviation", s->h0_sd);
    if (s->h0 == RNN_H0_ZERO && s->h0_sd > 0)
        return rnn_fail(err, RNN_ERR_ARG, "initial state: law zero has no standard deviation; use normal");
    return check_outputs(s, err);
}

static int add_param(struct rnn_params *ps, const char *base, const char *suffix, size_t rows, size_t cols, struct rnn_err *err)
{
    char name[sizeof ps->p[0].name];
    size_t n, total;
    snprintf(name, sizeof name, "%s%s", base, suffix);
    if (!rnn_mul_size(rows, cols, &n) || !rnn_add_size(ps->total, n, &total) || total > PTRDIFF_MAX / sizeof(double))
        return rnn_fail(err, RNN_ERR_LIMIT, "parameter %s [%zu][%zu] is too large", name, rows, cols);
    struct rnn_param *p = &ps->p[ps->n++];
    *p = (struct rnn_param){.rows = rows, .cols = cols, .offset = ps->total};
    memcpy(p->name, name, strlen(name) + 1);
    p->is_vector = cols == 1 && (name[0] == 'b' || name[0] == 'h' || name[0] == 'a');
    ps->total = total;
    return RNN_OK;
}

static int list_params(const struct rnn_spec *s, const char *suffix, struct rnn_params *out, struct rnn_err *err)
{
    const size_t gates = s->cell == RNN_GRU ? 3 : 1, R = s->rank;
    size_t GN, GR;
    if (!rnn_mul_size(gates, s->N, &GN) || !rnn_mul_size(gates, R, &GR))
        return rnn_fail(err, RNN_ERR_LIMIT, "%zu units are too many", s->N);
    if (R == 0) {
        RNN_TRY(add_param(out, "W_rec", suffix, GN, s->N, err));
    } else {
        RNN_TRY(add_param(out, "m", suffix, GN, R, err));
        RNN_TRY(add_param(out, "n", suffix, GR, s->N, err));
    }
    if (s->n_in) RNN_TRY(add_param(out, "W_in", suffix, GN, s->n_in, err));
    if (s->bias_rec) RNN_TRY(add_param(out, "b_rec", suffix, GN, 1, err));
    if (s->bias_in && s->n_in) RNN_TRY(add_param(out, "b_in", suffix, GN, 1, err));
    if (s->h0 == RNN_H0_FIXED || s->h0 == RNN_H0_TRAINED) {
        RNN_TRY(add_param(out, "h0", suffix, s->N, 1, err));
        out->p[out->n - 1].is_fixed = s->h0 == RNN_H0_FIXED;
    }
    if (s->alpha_per_unit) {
        RNN_TRY(add_param(out, "alpha", suffix, s->N, 1, err));
        out->p[out->n - 1].is_fixed = true;
    }
    RNN_TRY(add_param(out, "W_out", suffix, rnn_spec_n_read(s), s->read_latent ? R : s->N, err));
    if (s->bias_out) RNN_TRY(add_param(out, "b_out", suffix, rnn_spec_n_read(s), 1, err));
    return RNN_OK;
}

int rnn_spec_params(const struct rnn_spec *s, struct rnn_params *out, struct rnn_err *err)
{
    struct rnn_spec decoder;
    RNN_TRY(check_spec(s, err));
    memset(out, 0, sizeof *out);
    RNN_TRY(list_params(s, "", out, err));
    if (s->n_latent == 0) return RNN_OK;
    rnn_spec_decoder(s, &decoder);
    return list_params(&decoder, "_dec", out, err);
}

const struct rnn_param *rnn_param_find(const struct rnn_params *ps, const char *name)
{
    for (size_t i = 0; i < ps->n; i++)
        if (strcmp(ps->p[i].name, name) == 0) return &ps->p[i];
    return NULL;
}

double rnn_noise_factor(const struct rnn_spec *s, double alpha)
{
    switch (s->noise_scale) {
    case RNN_NOISE_SQRT_2_OVER_ALPHA: return sqrt(2 / alpha);
    case RNN_NOISE_SQRT_2_ALPHA: return sqrt(2 * alpha);
    case RNN_NOISE_SQRT_DT: return sqrt(s->dt_ms / 1000);
    case RNN_NOISE_PLAIN: break;
    }
    return 1;
}

double rnn_noise_sd(const struct rnn_spec *s)
{
    return s->noise_rec > 0 ? s->noise_rec * rnn_noise_factor(s, s->alpha) : 0;
}

int rnn_net_new(struct rnn_net **net, const struct rnn_spec *s, struct rnn_err *err)
{
    *net = NULL;
    struct rnn_net *n = rnn_alloc(1, sizeof *n);
    if (!n) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory (a network)");
    n->spec = *s;
    n->precision_bits = 64;
    n->status = RNN_NET_UNTRAINED;
    int rc = rnn_spec_params(s, &n->params, err);
    if (rc == RNN_OK) rc = rnn_alloc_into(&n->theta, n->params.total, sizeof *n->theta, err);
    if (rc < 0) {
        rnn_net_free(n);
        return rc;
    }
    *net = n;
    return RNN_OK;
}

static int copy_text(char **out, const char *in, struct rnn_err *err)
{
    if (!in) return RNN_OK;
    *out = rnn_strdup(in);
    return *out ? RNN_OK : rnn_fail(err, RNN_ERR_NOMEM, "out of memory (a network's name)");
}

static int copy_contents(struct rnn_net *to, const struct rnn_net *from, struct rnn_err *err)
{
    const size_t bytes = from->params.total * sizeof *from->theta;
    memcpy(to->theta, from->theta, bytes);
    if (from->theta0) {
        RNN_TRY(rnn_alloc_into(&to->theta0, from->params.total, sizeof *to->theta0, err));
        memcpy(to->theta0, from->theta0, bytes);
    }
    RNN_TRY(copy_text(&to->id, from->id, err));
    RNN_TRY(copy_text(&to->task, from->task, err));
    RNN_TRY(copy_text(&to->reason, from->reason, err));
    RNN_TRY(rnn_kvs_merge(&to->labels, &from->labels, err));
    RNN_TRY(rnn_kvs_merge(&to->summary, &from->summary, err));
    RNN_TRY(rnn_kvs_merge(&to->training, &from->training, err));
    to->index = from->index;
    to->precision_bits = from->precision_bits;
    to->status = from->status;
    return RNN_OK;
}

int rnn_net_copy(struct rnn_net **out, const struct rnn_net *in, struct rnn_err *err)
{
    struct rnn_net *n;
    *out = NULL;
    RNN_TRY(rnn_net_new(&n, &in->spec, err));
    const int rc = copy_contents(n, in, err);
    if (rc < 0) {
        rnn_net_free(n);
        return rc;
    }
    *out = n;
    return RNN_OK;
}

void rnn_net_free(struct rnn_net *net)
{
    if (!net) return;
    free(net->id);
    free(net->task);
    free(net->reason);
    free(net->theta);
    free(net->theta0);
    rnn_kvs_release(&net->labels);
    rnn_kvs_release(&net->summary);
    rnn_kvs_release(&net->training);
    free(net);
}

double *rnn_net_param(const struct rnn_net *net, const char *name)
{
    const struct rnn_param *p = rnn_param_find(&net->params, name);
    return p ? net->theta + p->offset : NULL;
}

double *rnn_net_param0(const struct rnn_net *net, const char *name)
{
    const struct rnn_param *p = rnn_param_find(&net->params, name);
    return p && net->theta0 ? net->theta0 + p->offset : NULL;
}

int rnn_net_W(const struct rnn_net *net, double *W, struct rnn_err *err)
{
    const struct rnn_spec *s = &net->spec;
    const size_t N = s->N, R = s->rank, gates = s->cell == RNN_GRU ? 3 : 1;
    if (R == 0) {
        const double *W_rec = rnn_net_param(net, "W_rec");
        if (!W_rec) return rnn_fail(err, RNN_ERR_ARG, "the network has no recurrent weights");
        memcpy(W, W_rec, gates * N * N * sizeof *W);
        return RNN_OK;
    }
    const double *m = rnn_net_param(net, "m"), *n = rnn_net_param(net, "n");
    const double scale = s->rank_scale == RNN_RANK_PER_UNIT ? 1.0 / (double) N : 1;
    memset(W, 0, gates * N * N * sizeof *W);
    for (size_t g = 0; g < gates; g++)
        for (size_t i = g * N; i < (g + 1) * N; i++)
            for (size_t k = 0; k < R; k++)
                for (size_t j = 0; j < N; j++) W[i * N + j] += scale * m[i * R + k] * n[(g * R + k) * N + j];
    return RNN_OK;
}

bool rnn_net_finite(const struct rnn_net *net)
{
    return rnn_all_finite(net->params.total, net->theta);
}

bool rnn_net_can_run(const struct rnn_net *net)
{
    return net->status != RNN_NET_DIVERGED && rnn_net_finite(net);
}
