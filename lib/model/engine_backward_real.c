/* Back-propagation through time.  Going down from the last step, dstate holds dL/d(state) of the index reached; each step turns it
 * into dL/d(pre-activation) and hands on what flows to the state before.  Weight gradients are formed per chunk of C steps, one
 * GEMM over (step, trial) pairs, while both factors are still in the L2 cache: over the whole trial at once they leave it, and the
 * gradient of a long trial then costs as much as both other passes (measured: 1.4 times the time at 96 steps of 128 x 100). */
#include <math.h>
#include <string.h>

#include "model/engine_real.h"

static real *block(const struct RN(rnn_engine) *e, real *grad, const char *name)
{
    const struct rnn_param *p = rnn_param_find(&e->ps, name);
    return p ? grad + p->offset : NULL;
}

/* Where the gradients of the blocks go; NULL when absent. */
struct grads { real *W_rec, *m, *n, *W_in, *b_rec, *b_in, *h0, *W_out, *b_out; };

static struct grads find_grads(const struct RN(rnn_engine) *e, real *grad)
{
    return (struct grads){block(e, grad, "W_rec"), block(e, grad, "m"),     block(e, grad, "n"),
                          block(e, grad, "W_in"),  block(e, grad, "b_rec"), block(e, grad, "b_in"),
                          block(e, grad, "h0"),    block(e, grad, "W_out"), block(e, grad, "b_out")};
}

/* The step whose read-out sees the rates of index i, or T when none does. */
static size_t step_reading(const struct RN(rnn_engine) *e, size_t i)
{
    return e->s.read == RNN_READ_BEFORE ? i : i ? i - 1 : e->T;
}

/* dq [B][Q] += dout W_out for what the read-out saw at index i; false when nothing flows. */
static bool read_backward(const struct RN(rnn_engine) *e, size_t i, real *dq)
{
    const size_t t = step_reading(e, i), n = e->s.n_out, Q = e->Q;
    if (t >= e->T || !e->has_w[t]) return false;
    const real *d = e->dout + t * e->B * n;
    e->k->RN(gemm)(e->B, Q, n, d, n, 1, e->th.W_out, Q, dq, Q, dq, Q);
    return true;
}

/* dr [B][N] += gradient of rate_l2 * mean r^2 (trials, steps after the update, units) */
static void rate_penalty_backward(const struct RN(rnn_engine) *e, double l2, size_t i, real *dr)
{
    if (l2 == 0 || i == 0) return;
    const size_t N = e->s.N;
    const real g = (real) (2 * l2 / ((double) e->K * (double) e->T * (double) N));
    const real *r = e->rate + i * e->B * N;
    for (size_t k = 0; k < e->K * N; k++) dr[k] += g * r[k];
}

/* dW_in_t [n_in][GN] += u' d */
static void input_backward(struct RN(rnn_engine) *e, size_t t, const real *d)
{
    const size_t B = e->B, GN = e->GN, n_in = e->s.n_in;
    if (e->has_u[t]) e->k->RN(gemm)(n_in, GN, B, e->u + t * B * n_in, 1, n_in, d, GN, e->dW_in_t, GN, e->dW_in_t, GN);
}

/* leaky and elman: d = a dstate f'(act); dstate keeps (1-a) of itself.  Current form: d = a dstate. */
static void leaky_step_backward(struct RN(rnn_engine) *e, size_t t, real *d)
{
    const size_t N = e->s.N, n = e->B * N;
    const real *alpha = e->th.alpha, a = e->alpha;
    const real *act = e->act ? e->act + t * n : e->state + (t + 1) * n;
    const enum rnn_act f = e->s.cell == RNN_LEAKY_CURRENT ? RNN_LINEAR : e->s.act;
    RN(engine_slope)(f, n, act, alpha ? 1 : a, e->dstate, d);
    if (alpha) {
        for (size_t k = 0; k < n; k += N) {
            for (size_t i = 0; i < N; i++) {
                d[k + i] *= alpha[i];
                e->dstate[k + i] *= 1 - alpha[i];
            }
        }
    } else if (e->s.cell == RNN_ELMAN) {
        memset(e->dstate, 0, n * sizeof *e->dstate);
    } else {
        e->k->RN(axpby)(n, 0, e->dstate, 1 - a, e->dstate);
    }
}

/* d and d_in [B][3N]; dstate keeps z of itself.  With dn = dL/d(pre-activation of n): it reaches the recurrent part through the
 * reset gate, the input part directly. */
static void gru_step_backward(struct RN(rnn_engine) *e, size_t t, real *d, real *d_in)
{
    const size_t N = e->s.N, B = e->B, GN = e->GN;
    for (size_t k = 0; k < B; k++) {
        const real *q = e->gates + (t * B + k) * GN, *hn = e->hn + (t * B + k) * N, *h = e->state + (t * B + k) * N;
        real *dr = d + k * GN, *di = d_in + k * GN, *ds = e->dstate + k * N, *dn = di + 2 * N;
        for (size_t i = 0; i < N; i++) dn[i] = ds[i] * (1 - q[N + i]);
        RN(engine_slope)(e->s.act, N, q + 2 * N, 1, dn, dn);
        for (size_t i = 0; i < N; i++) {
            const real g = q[i], z = q[N + i], n = q[2 * N + i];
            dr[i] = di[i] = dn[i] * hn[i] * (g * (1 - g));
            dr[N + i] = di[N + i] = ds[i] * (h[i] - n) * (z * (1 - z));
            dr[2 * N + i] = dn[i] * g;
            ds[i] *= z;
        }
    }
}

/* dkappa [B][GR] = s m' d, which the gradient of n needs even where the flow is cut. */
static void latent_backward(struct RN(rnn_engine) *e, const real *d, real *dkappa)
{
    const size_t N = e->s.N, R = e->s.rank;
    for (size_t g = 0; g < e->G && R; g++)
        e->k->RN(dots)(e->B, R, N, d + g * N, e->GN, e->th.m_t + g * R * N, N, NULL, dkappa + g * R, e->GR);
}

/* dL/d(rates) of index i into dr [B][N]: from the recurrent part of step i unless cut, from the read-out, from the penalty.
 * A cut before step i also cuts a read-out of step i that sees the state it starts from. */
static void rates_backward(struct RN(rnn_engine) *e, size_t i, bool cut, const real *d, real *dkappa, double l2_rate, real *dr)
{
    const size_t N = e->s.N, B = e->B;
    real *dread = e->dkappa ? e->dkappa + e->C * B * e->GR : NULL;
    const bool read_passes = !cut || e->s.read == RNN_READ_AFTER;
    if (!e->s.read_latent) {
        if (read_passes) read_backward(e, i, dr);
    } else {
        memset(dread, 0, B * e->GR * sizeof *dread);
        if (read_backward(e, i, dread)) {
            for (size_t k = 0; k < B * e->GR; k++) dkappa[k] += dread[k];
            if (cut && read_passes) e->k->RN(gemm)(B, N, e->GR, dread, e->GR, 1, e->th.n, N, dr, N, dr, N);
        }
    }
    if (!cut && e->s.rank) e->k->RN(gemm)(B, N, e->GR, dkappa, e->GR, 1, e->th.n, N, dr, N, dr, N);
    if (!cut && !e->s.rank && d) e->k->RN(gemm)(B, N, e->GN, d, e->GN, 1, e->th.W_rec, N, dr, N, dr, N);
    rate_penalty_backward(e, l2_rate, i, dr);
}

/* dW_out and db_out of steps t0 .. t0 + steps. */
static void readout_backward(struct RN(rnn_engine) *e, const struct grads *g, size_t t0, size_t steps)
{
    const size_t n = e->s.n_out, Q = e->Q, B = e->B, first = e->s.read == RNN_READ_AFTER;
    const real *q = e->s.read_latent ? e->kappa : e->rate, *d = e->dout + t0 * B * n;
    e->k->RN(gemm)(n, Q, steps * B, d, 1, n, q + (t0 + first) * B * Q, Q, g->W_out, Q, g->W_out, Q);
    for (size_t t = 0; g->b_out && t < steps; t++) e->k->RN(add_rows)(B, n, d + t * B * n, g->b_out);
}

/* Gradients of the recurrent weights, and of the read-out, of steps t0 .. t0 + steps. */
static void chunk_backward(struct RN(rnn_engine) *e, const struct grads *g, size_t t0, size_t steps)
{
    const size_t N = e->s.N, GN = e->GN, R = e->s.rank, GR = e->GR, rows = steps * e->B;
    const real *rate = e->rate + t0 * e->B * N;
    readout_backward(e, g, t0, steps);
    if (R == 0) {
        e->k->RN(gemm)(GN, N, rows, e->dpre, 1, GN, rate, N, g->W_rec, N, g->W_rec, N);
        return;
    }
    const real *kappa = e->kappa + t0 * e->B * GR;
    for (size_t k = 0; k < e->G; k++) {
        real *dm_t = e->dm_t + k * R * N;
        e->k->RN(gemm)(R, N, rows, kappa + k * R, 1, GR, e->dpre + k * N, GN, dm_t, N, dm_t, N);
    }
    e->k->RN(gemm)(GR, N, rows, e->dkappa, 1, GR, rate, N, g->n, N, g->n, N);
}

/* From dL/d(state t+1) to dL/d(state t), both in dstate. */
static void step_backward(struct RN(rnn_engine) *e, size_t t, size_t t0, double l2_rate)
{
    const size_t B = e->B, n = B * e->s.N, slot = t - t0;
    real *d = e->dpre + slot * B * e->GN, *d_in = d, *dkappa = e->dkappa ? e->dkappa + slot * B * e->GR : NULL;
    const bool cut = e->pass.bptt && t && t % e->pass.bptt == 0;
    if (e->s.cell == RNN_GRU) {
        d_in = e->dpre_in + slot * B * e->GN;
        gru_step_backward(e, t, d, d_in);
        e->k->RN(add_rows)(B, e->GN, d_in, e->db_in);
    } else {
        leaky_step_backward(e, t, d);
    }
    e->k->RN(add_rows)(B, e->GN, d, e->db);
    input_backward(e, t, d_in);
    if (e->drive_sum) e->k->RN(axpby)(B * e->GN, 1, d_in, 1, e->drive_sum);
    latent_backward(e, d, dkappa);
    if (cut) memset(e->dstate, 0, n * sizeof *e->dstate);
    real *dr = e->dstate;
    if (e->split_rates) {
        dr = e->drate;
        memset(dr, 0, n * sizeof *dr);
    }
    const bool ends_here = t == 0 && (e->s.h0 != RNN_H0_TRAINED || e->pass.state0); /* nobody asks for dL/d(state 0) */
    rates_backward(e, t, cut, ends_here ? NULL : d, dkappa, l2_rate, dr);
    if (e->split_rates) {
        RN(engine_slope)(e->s.act, n, e->rate + t * n, 1, dr, dr);
        for (size_t i = 0; i < n; i++) e->dstate[i] += dr[i];
    }
}

/* dL/d(state T), which only a read-out after the update and the penalty see. */
static void last_backward(struct RN(rnn_engine) *e, const struct grads *g, double l2_rate)
{
    const size_t N = e->s.N, n = e->B * N;
    real *dkappa = e->dkappa;
    memset(e->dstate, 0, n * sizeof *e->dstate);
    if (dkappa) memset(dkappa, 0, e->B * e->GR * sizeof *dkappa);
    rates_backward(e, e->T, false, NULL, dkappa, l2_rate, e->dstate);
    if (e->s.read_latent)
        e->k->RN(gemm)(e->GR, N, e->B, dkappa, 1, e->GR, e->rate + e->T * n, N, g->n, N, g->n, N);
    if (e->split_rates) RN(engine_slope)(e->s.act, n, e->rate + e->T * n, 1, e->dstate, e->dstate);
}

static void h0_backward(struct RN(rnn_engine) *e, const struct grads *g)
{
    const size_t N = e->s.N;
    if (!g->h0 || e->s.h0 != RNN_H0_TRAINED || e->pass.state0) return;
    if (e->s.h0_transform == RNN_H0_TANH) RN(engine_slope)(RNN_TANH, e->B * N, e->state, 1, e->dstate, e->dstate);
    e->k->RN(add_rows)(e->B, N, e->dstate, g->h0);
}

static real sign(real x)
{
    return (real) ((x > 0) - (x < 0));
}

/* Of factors W = s m n: |W|^2 = tr((s m)'(s m) n n') per gate, so that W is never formed. */
static void factored_l2_backward(struct RN(rnn_engine) *e, real c, real *dn)
{
    const size_t N = e->s.N, R = e->s.rank;
    real *gram = e->gram;
    for (size_t at = 0; at < e->GR * N; at += R * N) {
        const real *m_t = e->th.m_t + at, *n = e->th.n + at; /* m_t is scaled, and so will dm_t be */
        e->k->RN(dots)(R, R, N, n, N, n, N, NULL, gram, R);
        for (size_t i = 0; i < R * R; i++) gram[i] *= c;
        e->k->RN(gemm)(R, N, R, gram, R, 1, m_t, N, e->dm_t + at, N, e->dm_t + at, N);
        e->k->RN(dots)(R, R, N, m_t, N, m_t, N, NULL, gram, R);
        for (size_t i = 0; i < R * R; i++) gram[i] *= c;
        e->k->RN(gemm)(R, N, R, gram, R, 1, n, N, dn + at, N, dn + at, N);
    }
}

static void weight_penalty_backward(struct RN(rnn_engine) *e, const struct rnn_penalty *p, const struct grads *g)
{
    const real l1 = (real) p->l1_rec, l2 = (real) (2 * p->l2_rec), *W = e->th.W_rec;
    if (e->s.rank) {
        factored_l2_backward(e, l2, g->n);
        return;
    }
    for (size_t i = 0; i < e->GN * e->s.N; i++) g->W_rec[i] += l1 * sign(W[i]) + l2 * W[i];
}

/* Copies out what was gathered beside the gradient, or turned. */
static void finish(struct RN(rnn_engine) *e, const struct grads *g)
{
    const size_t GN = e->GN, n_in = e->s.n_in, N = e->s.N, R = e->s.rank;
    if (g->b_rec) memcpy(g->b_rec, e->db, GN * sizeof *e->db);
    if (g->b_in) memcpy(g->b_in, e->db_in ? e->db_in : e->db, GN * sizeof *e->db);
    for (size_t c = 0; c < n_in; c++)
        for (size_t i = 0; i < GN; i++) g->W_in[i * n_in + c] = e->dW_in_t[c * GN + i];
    for (size_t k = 0; k < e->GR; k++) /* row k of dm_t: gate k / R, column k % R of m */
        for (size_t i = 0; i < N; i++) g->m[(k / R * N + i) * R + k % R] = e->rank_scale * e->dm_t[k * N + i];
}

int RN(rnn_engine_backward)(struct RN(rnn_engine) *e, const real *theta, const struct rnn_penalty *pen, real *grad, struct rnn_err *err)
{
    static const struct rnn_penalty none = {0};
    const struct grads g = find_grads(e, grad);
    if (!e->train) return rnn_fail(err, RNN_ERR_ARG, "an engine made for running keeps nothing to differentiate");
    if (e->T == 0) return rnn_fail(err, RNN_ERR_ARG, "a backward pass without a forward pass");
    if (!pen) pen = &none;
    if (pen->l1_rec != 0 && e->s.rank)
        return rnn_fail(err, RNN_ERR_ARG, "an L1 penalty on W_rec would form the product of its factors: use L2");
    RN(engine_bind)(e, theta);
    memset(grad, 0, e->ps.total * sizeof *grad);
    memset(e->db, 0, e->GN * sizeof *e->db);
    if (e->db_in) memset(e->db_in, 0, e->GN * sizeof *e->db_in);
    if (e->dW_in_t) memset(e->dW_in_t, 0, e->s.n_in * e->GN * sizeof *e->dW_in_t);
    if (e->dm_t) memset(e->dm_t, 0, e->GR * e->s.N * sizeof *e->dm_t);
    if (e->drive_sum) memset(e->drive_sum, 0, e->B * e->GN * sizeof *e->drive_sum);
    if (e->dec) RNN_TRY(RN(engine_decoder_backward)(e, theta, pen, grad, err));
    last_backward(e, &g, pen->l2_rate);
    for (size_t t = e->T; t-- > 0;) {
        const size_t t0 = t / e->C * e->C, end = t0 + e->C < e->T ? t0 + e->C : e->T;
        step_backward(e, t, t0, pen->l2_rate);
        if (t == t0) chunk_backward(e, &g, t0, end - t0);
    }
    h0_backward(e, &g);
    if (pen->l1_rec != 0 || pen->l2_rec != 0) weight_penalty_backward(e, pen, &g);
    finish(e, &g);
    return RNN_OK;
}
