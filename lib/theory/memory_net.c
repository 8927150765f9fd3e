#include "theory/memory_net.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "num/linalg.h"
#include "num/rng.h"

const char *const rnn_memory_form_names[] = {"linear", "tanh", "rotated", "overwrite", NULL};

static int check_build(const struct rnn_operator *op, const struct rnn_memory_build *b, struct rnn_err *err)
{
    const size_t n = op->s * op->d;
    if (b->N < n) return rnn_fail(err, RNN_ERR_ARG, "%zu units cannot hold %zu x %zu variable elements: needs at least %zu", b->N, op->s, op->d, n);
    const bool saturating = b->form == RNN_MEMORY_TANH || b->form == RNN_MEMORY_OVERWRITE;
    if (saturating && !(b->amplitude > 0 && b->amplitude < 1))
        return rnn_fail(err, RNN_ERR_ARG, "amplitude %g must lie strictly between 0 and 1", b->amplitude);
    if (saturating && !rnn_operator_selection(op, NULL, NULL, NULL))
        return rnn_fail(err, RNN_ERR_ARG, "the %s form needs an operator that copies signed single elements", rnn_memory_form_names[b->form]);
    if (b->form == RNN_MEMORY_ROTATED && !(b->epsilon > 0 && b->gain > 0))
        return rnn_fail(err, RNN_ERR_ARG, "epsilon %g and gain %g must be positive", b->epsilon, b->gain);
    return RNN_OK;
}

/* Psi [N][n] and its dual [n][N] for the form: gaussian and pinv, a signed selection of units, or orthonormal columns. */
static int make_basis(const struct rnn_memory_build *b, size_t n, uint64_t index, double *Psi, double *dual, struct rnn_err *err)
{
    struct rnn_rng g;
    RNN_TRY(rnn_rng_at(&g, b->seed, RNN_RNG_INIT, index, 0, 0, err));
    if (b->form == RNN_MEMORY_TANH || b->form == RNN_MEMORY_OVERWRITE) {
        size_t *unit = NULL;
        RNN_TRY(rnn_alloc_into(&unit, b->N, sizeof *unit, err));
        for (size_t i = 0; i < b->N; i++) unit[i] = i;
        rnn_rng_shuffle(&g, b->N, unit);
        memset(Psi, 0, b->N * n * sizeof *Psi);
        for (size_t i = 0; i < n; i++) Psi[unit[i] * n + i] = rnn_rng_u32(&g) & 1 ? 1 : -1;
        free(unit);
    } else {
        for (size_t i = 0; i < b->N * n; i++) Psi[i] = rnn_rng_normal(&g) / sqrt((double)b->N);
    }
    if (b->form == RNN_MEMORY_LINEAR) return rnn_pinv(b->N, n, Psi, 1e-10, dual, NULL, NULL, err);
    if (b->form == RNN_MEMORY_ROTATED) {
        double *Q = NULL;
        RNN_TRY(rnn_alloc_into(&Q, b->N * n, sizeof *Q, err));
        const int rc = rnn_qr(b->N, n, Psi, Q, NULL, err);
        memcpy(Psi, Q, b->N * n * sizeof *Psi);
        free(Q);
        RNN_TRY(rc);
    }
    for (size_t i = 0; i < n; i++)
        for (size_t u = 0; u < b->N; u++) dual[i * b->N + u] = Psi[u * n + i];
    return RNN_OK;
}

/* W = gain Psi Phi dual; U = in Psi_s; R = out dual_s. */
static int fill_weights(const struct rnn_operator *op, struct rnn_net *net, const double *Psi, const double *dual, double gain,
                        double in, double out, struct rnn_err *err)
{
    const size_t n = op->s * op->d, N = net->spec.N, last = n - op->d;
    double *Phi = NULL, *tmp = NULL;
    RNN_TRY(rnn_alloc_into(&Phi, n * n, sizeof *Phi, err));
    if (rnn_alloc_into(&tmp, N * n, sizeof *tmp, err) < 0) return free(Phi), err->code;
    rnn_operator_phi(op, Phi);
    rnn_gemm(0, 0, N, n, n, gain, Psi, Phi, 0, tmp);
    rnn_gemm(0, 0, N, N, n, 1, tmp, dual, 0, rnn_net_param(net, "W_rec"));
    double *W_in = rnn_net_param(net, "W_in"), *W_out = rnn_net_param(net, "W_out");
    for (size_t u = 0; u < N; u++)
        for (size_t i = 0; i < op->d; i++) {
            W_in[u * op->d + i] = in * Psi[u * n + last + i];
            W_out[i * N + u] = out * dual[(last + i) * N + u];
        }
    free(Phi);
    free(tmp);
    return RNN_OK;
}

static int describe(struct rnn_net *net, const struct rnn_memory_build *b, uint64_t index, double in_gain, struct rnn_err *err)
{
    net->status = RNN_NET_BUILT;
    net->index = index;
    net->precision_bits = 64;
    if (!(net->id = rnn_asprintf("net-%04llu", (unsigned long long)index))) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    RNN_TRY(rnn_kvs_str(&net->labels, "form", rnn_memory_form_names[b->form], err));
    RNN_TRY(rnn_kvs_uint(&net->labels, "seed", b->seed, err));
    if (b->form == RNN_MEMORY_TANH || b->form == RNN_MEMORY_OVERWRITE) {
        RNN_TRY(rnn_kvs_real(&net->summary, "amplitude", b->amplitude, err));
        RNN_TRY(rnn_kvs_real(&net->summary, "input_gain", in_gain, err));
    }
    return RNN_OK;
}

int rnn_memory_net(const struct rnn_operator *op, const struct rnn_memory_build *b, uint64_t index, struct rnn_net **net, double *Psi_out,
                   double *dual_out, struct rnn_err *err)
{
    RNN_TRY(check_build(op, b, err));
    const size_t n = op->s * op->d;
    struct rnn_spec spec;
    rnn_spec_default(&spec);
    spec.act = b->form == RNN_MEMORY_LINEAR ? RNN_LINEAR : RNN_TANH;
    spec.N = b->N;
    spec.n_in = spec.n_out = op->d;
    spec.bias_rec = spec.bias_in = spec.bias_out = false;
    RNN_TRY(rnn_net_new(net, &spec, err));
    double *Psi = NULL, *dual = NULL;
    int rc = rnn_alloc_into(&Psi, b->N * n, sizeof *Psi, err);
    if (rc >= 0) rc = rnn_alloc_into(&dual, b->N * n, sizeof *dual, err);
    if (rc >= 0) rc = make_basis(b, n, index, Psi, dual, err);
    const double a = b->amplitude;
    double gain = 1, in = 1, out = 1;
    if (b->form == RNN_MEMORY_TANH) gain = atanh(a) / a, in = isnan(b->input_gain) ? atanh(a) : b->input_gain, out = 1 / a;
    if (b->form == RNN_MEMORY_OVERWRITE) gain = atanh(a) / a, in = isnan(b->input_gain) ? 3 : b->input_gain, out = 1 / a;
    if (b->form == RNN_MEMORY_ROTATED) gain = b->gain, in = b->epsilon, out = 1 / b->epsilon;
    if (rc >= 0) rc = fill_weights(op, *net, Psi, dual, gain, in, out, err);
    if (rc >= 0) rc = describe(*net, b, index, in, err);
    if (rc >= 0 && Psi_out) memcpy(Psi_out, Psi, b->N * n * sizeof *Psi);
    if (rc >= 0 && dual_out) memcpy(dual_out, dual, b->N * n * sizeof *dual);
    free(Psi);
    free(dual);
    if (rc < 0) rnn_net_free(*net), *net = NULL;
    return rc < 0 ? rc : RNN_OK;
}

/* One Euler step of a state towards its target, or the target itself when the time constant is zero. */
static void relax(size_t n, double *v, const double *target, double T, double dt)
{
    for (size_t i = 0; i < n; i++) v[i] = T > 0 ? v[i] + dt / T * (target[i] - v[i]) : target[i];
}

/* Vh* = sqrt(a_s) Xi+ s_f(Vf) + a_c (Phi - I) Xi+ Vd. */
static void hidden_target(const struct rnn_gsemm *g, const double *sf, const double *Vd, double *x, double *out)
{
    rnn_gemv(0, g->Nh, g->Nf, 1, g->Xi_pinv, Vd, 0, x);
    rnn_gemv(0, g->Nh, g->Nh, g->alpha_c, g->Phi, x, 0, out);
    for (size_t i = 0; i < g->Nh; i++) out[i] -= g->alpha_c * x[i];
    rnn_gemv(0, g->Nh, g->Nf, sqrt(g->alpha_s), g->Xi_pinv, sf, 1, out);
}

int rnn_gsemm_run(const struct rnn_gsemm *g, const double *Vf0, size_t steps, double *Vf, struct rnn_err *err)
{
    if (!(g->T_f > 0) || g->T_h < 0 || g->T_d < 0 || !(g->dt > 0) || !(g->alpha_s > 0))
        return rnn_fail(err, RNN_ERR_ARG, "GSEMM needs T_f > 0, T_h >= 0, T_d >= 0, dt > 0 and alpha_s > 0");
    const size_t Nf = g->Nf, Nh = g->Nh;
    double *work = NULL;
    RNN_TRY(rnn_alloc_into(&work, 3 * Nf + 3 * Nh, sizeof *work, err));
    double *sf = work, *Vd = sf + Nf, *to_f = Vd + Nf, *Vh = to_f + Nf, *to_h = Vh + Nh, *x = to_h + Nh;
    memcpy(Vf, Vf0, Nf * sizeof *Vf);
    for (size_t i = 0; i < Nf; i++) Vd[i] = sf[i] = tanh(Vf0[i]);
    hidden_target(g, sf, Vd, x, Vh);
    for (size_t t = 0; t < steps; t++) {
        double *now = Vf + t * Nf, *next = now + Nf;
        for (size_t i = 0; i < Nf; i++) sf[i] = tanh(now[i]);
        relax(Nf, Vd, sf, g->T_d, g->dt);
        hidden_target(g, sf, Vd, x, to_h);
        relax(Nh, Vh, to_h, g->T_h, g->dt);
        rnn_gemv(0, Nf, Nh, sqrt(g->alpha_s), g->Xi, Vh, 0, to_f);
        memcpy(next, now, Nf * sizeof *next);
        relax(Nf, next, to_f, g->T_f, g->dt);
    }
    free(work);
    return RNN_OK;
}

int rnn_gsemm_elman_gap(const struct rnn_gsemm *g, const double *Vf0, size_t steps, double *gap, struct rnn_err *err)
{
    struct rnn_gsemm limit = *g;
    limit.T_h = limit.T_d = 0;
    limit.dt = limit.T_f;
    limit.alpha_s = limit.alpha_c = 1;
    const size_t Nf = g->Nf, Nh = g->Nh;
    double *Vf = NULL, *h = NULL;
    RNN_TRY(rnn_alloc_into(&Vf, (steps + 1) * Nf, sizeof *Vf, err));
    if (rnn_alloc_into(&h, 2 * Nf + 2 * Nh, sizeof *h, err) < 0) return free(Vf), err->code;
    double *z = h + Nf, *x = z + Nf, *y = x + Nh;
    const int rc = rnn_gsemm_run(&limit, Vf0, steps, Vf, err);
    for (size_t i = 0; i < Nf; i++) h[i] = tanh(Vf0[i]);
    *gap = 0;
    for (size_t t = 1; rc >= 0 && t <= steps; t++) {
        rnn_gemv(0, Nh, Nf, 1, g->Xi_pinv, h, 0, x);
        rnn_gemv(0, Nh, Nh, 1, g->Phi, x, 0, y);
        rnn_gemv(0, Nf, Nh, 1, g->Xi, y, 0, z);
        for (size_t i = 0; i < Nf; i++) {
            h[i] = tanh(z[i]);
            *gap = fmax(*gap, fabs(tanh(Vf[t * Nf + i]) - h[i]));
        }
    }
    free(Vf);
    free(h);
    return rc;
}
