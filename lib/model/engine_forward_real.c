/* The forward pass. */
#include <math.h>
#include <string.h>

#include "model/engine_real.h"

void RN(engine_activate)(enum rnn_act f, size_t n, const real *z, real *out)
{
    const struct rnn_kernels *k = rnn_kernels();
    switch (f) {
    case RNN_TANH: k->RN(tanh)(n, z, out); break;
    case RNN_SIGMOID: k->RN(sigmoid)(n, z, out); break;
    case RNN_SOFTPLUS: k->RN(softplus)(n, z, out); break;
    case RNN_RELU: rnn_dense()->RN(relu)(n, z, out); break;
    case RNN_LINEAR:
    case RNN_N_ACTS:
        if (out != z) memcpy(out, z, n * sizeof *out);
        break;
    }
}

void RN(engine_slope)(enum rnn_act f, size_t n, const real *value, real a, const real *ds, real *d)
{
    switch (f) {
    case RNN_TANH: rnn_dense()->RN(slope_tanh)(n, a, value, ds, d); break;
    case RNN_SIGMOID:
        for (size_t i = 0; i < n; i++) d[i] = a * ds[i] * (value[i] * (1 - value[i]));
        break;
    case RNN_SOFTPLUS: /* f' = sigmoid(z) = 1 - exp(-f) */
        for (size_t i = 0; i < n; i++) d[i] = a * ds[i] * (real) -expm1(-(double) value[i]);
        break;
    case RNN_RELU: rnn_dense()->RN(slope_relu)(n, a, value, ds, d); break;
    case RNN_LINEAR:
    case RNN_N_ACTS:
        for (size_t i = 0; i < n; i++) d[i] = a * ds[i];
        break;
    }
}

static const real *block(const struct RN(rnn_engine) *e, const real *theta, const char *name)
{
    const struct rnn_param *p = rnn_param_find(&e->ps, name);
    return p ? theta + p->offset : NULL;
}

/* out [cols][rows] = scale times the transpose of in, in squares that stay in the first-level cache */
static void turn(size_t rows, size_t cols, real scale, const real *in, real *out)
{
    enum { SIDE = 16 };
    for (size_t i0 = 0; i0 < rows; i0 += SIDE) {
        for (size_t j0 = 0; j0 < cols; j0 += SIDE) {
            const size_t i1 = rows < i0 + SIDE ? rows : i0 + SIDE, j1 = cols < j0 + SIDE ? cols : j0 + SIDE;
            for (size_t j = j0; j < j1; j++)
                for (size_t i = i0; i < i1; i++) out[j * rows + i] = scale * in[i * cols + j];
        }
    }
}

void RN(engine_bind)(struct RN(rnn_engine) *e, const real *theta)
{
    struct RN(engine_theta) *th = &e->th;
    const size_t GN = e->GN, n_in = e->s.n_in;
    th->W_rec = block(e, theta, "W_rec");
    th->W_in = block(e, theta, "W_in");
    th->m = block(e, theta, "m");
    th->n = block(e, theta, "n");
    th->W_out = block(e, theta, "W_out");
    th->b_out = block(e, theta, "b_out");
    th->h0 = block(e, theta, "h0");
    th->b_rec = block(e, theta, "b_rec");
    th->b_in = block(e, theta, "b_in");
    th->alpha = block(e, theta, "alpha");
    for (size_t i = 0; i < GN; i++) {
        const real b_rec = th->b_rec ? th->b_rec[i] : 0, b_in = th->b_in ? th->b_in[i] : 0;
        th->bias[i] = th->bias_in ? b_rec : b_rec + b_in;
        if (th->bias_in) th->bias_in[i] = b_in;
    }
    if (th->W_in_t) turn(GN, n_in, 1, th->W_in, th->W_in_t);
    if (th->W_rec_t) turn(GN, e->s.N, 1, th->W_rec, th->W_rec_t);
    for (size_t g = 0; g < e->G && e->s.rank; g++)
        turn(e->s.N, e->s.rank, e->rank_scale, th->m + g * e->s.N * e->s.rank, th->m_t + g * e->s.rank * e->s.N);
    if (th->sd)
        for (size_t i = 0; i < e->s.N; i++)
            th->sd[i] = (real) (e->s.noise_rec * rnn_noise_factor(&e->s, (double) th->alpha[i]));
}

void RN(engine_latent)(const struct RN(rnn_engine) *e, const real *r, real *kappa)
{
    e->k->RN(dots)(e->B, e->GR, e->s.N, r, e->s.N, e->th.n, e->s.N, NULL, kappa, e->GR);
}

/* z [B][GN] = b + W_in u, u NULL: zero. */
static void drive(const struct RN(rnn_engine) *e, const real *b, const real *u, real *z)
{
    const size_t GN = e->GN, n_in = e->s.n_in;
    if (u && e->th.W_in_t) e->k->RN(gemm)(e->B, GN, n_in, u, n_in, 1, e->th.W_in_t, GN, b, 0, z, GN);
    else if (u) e->k->RN(dots)(e->B, GN, n_in, u, n_in, e->th.W_in, n_in, b, z, GN);
    else for (size_t k = 0; k < e->B; k++) memcpy(z + k * GN, b, GN * sizeof *z);
}

/* z [B][GN] = b + W_in u + W r, through the latent variables when factorised. */
static void recur(struct RN(rnn_engine) *e, const struct RN(engine_io) *io, const real *u, real *z)
{
    const size_t B = e->B, N = e->s.N, R = e->s.rank, GN = e->GN;
    if (R == 0 && !io->r_is_zero && !u && e->th.W_rec_t) { /* the product starts from the bias itself */
        e->k->RN(gemm)(B, GN, N, io->r, N, 1, e->th.W_rec_t, GN, e->th.bias, 0, z, GN);
        return;
    }
    drive(e, e->th.bias, u, z);
    if (R) {
        RN(engine_latent)(e, io->r, io->kappa);
        for (size_t g = 0; g < e->G; g++)
            e->k->RN(gemm)(B, N, R, io->kappa + g * R, e->GR, 1, e->th.m_t + g * R * N, N, z + g * N, GN, z + g * N, GN);
    } else if (io->r_is_zero) {
        return;
    } else if (e->th.W_rec_t) {
        e->k->RN(gemm)(B, GN, N, io->r, N, 1, e->th.W_rec_t, GN, z, GN, z, GN);
    } else {
        for (size_t k = 0; k < B; k++)
            e->k->RN(dots)(1, GN, N, io->r + k * N, N, e->th.W_rec, N, z + k * GN, z + k * GN, GN);
    }
}

/* x [B][ld] += sd xi, in the first N columns */
static void add_noise(const struct RN(rnn_engine) *e, const real *xi, real *x, size_t ld)
{
    const size_t N = e->s.N;
    for (size_t k = 0; k < e->B; k++, x += ld, xi += N) {
        if (!e->th.sd) e->k->RN(axpby)(N, e->noise_sd, xi, 1, x);
        for (size_t i = 0; e->th.sd && i < N; i++) x[i] += e->th.sd[i] * xi[i];
    }
}

/* s1 = (1-a) s + a s1 */
static void leak(const struct RN(rnn_engine) *e, const real *s, real *s1)
{
    const size_t N = e->s.N, n = e->B * N;
    const real *alpha = e->th.alpha;
    if (!alpha) {
        e->k->RN(axpby)(n, 1 - e->alpha, s, e->alpha, s1);
        return;
    }
    for (size_t k = 0; k < n; k += N)
        for (size_t i = 0; i < N; i++) s1[k + i] = (1 - alpha[i]) * s[k + i] + alpha[i] * s1[k + i];
}

static void step_gru(struct RN(rnn_engine) *e, const struct RN(engine_io) *io, const real *inside)
{
    const struct rnn_kernels *k = rnn_kernels();
    const size_t N = e->s.N, GN = e->GN;
    recur(e, io, NULL, e->pre);
    drive(e, e->th.bias_in, io->u, e->pre_in);
    if (inside) add_noise(e, inside, e->pre_in + 2 * N, GN);
    for (size_t b = 0; b < e->B; b++) {
        const real *pr = e->pre + b * GN, *pi = e->pre_in + b * GN, *h = io->s + b * N;
        real *q = io->gates + b * GN, *hn = io->hn + b * N, *h1 = io->s1 + b * N;
        for (size_t i = 0; i < 2 * N; i++) q[i] = pr[i] + pi[i];
        k->RN(sigmoid)(2 * N, q, q);
        for (size_t i = 0; i < N; i++) {
            hn[i] = pr[2 * N + i];
            q[2 * N + i] = pi[2 * N + i] + q[i] * hn[i];
        }
        RN(engine_activate)(e->s.act, N, q + 2 * N, q + 2 * N);
        for (size_t i = 0; i < N; i++) h1[i] = (1 - q[N + i]) * q[2 * N + i] + q[N + i] * h[i];
    }
}

static void step_leaky(struct RN(rnn_engine) *e, const struct RN(engine_io) *io, const real *inside)
{
    const size_t n = e->B * e->s.N;
    recur(e, io, io->u, io->act);
    if (e->s.cell == RNN_LEAKY && e->s.act == RNN_TANH && !e->th.alpha) {
        rnn_kernels()->RN(leak_tanh)(n, e->alpha, io->s, io->act, inside ? e->noise_sd : 0, inside, io->act, io->s1);
        return;
    }
    if (inside) add_noise(e, inside, io->act, e->s.N);
    if (e->s.cell != RNN_LEAKY_CURRENT) RN(engine_activate)(e->s.act, n, io->act, io->act);
    if (io->s1 != io->act) memcpy(io->s1, io->act, n * sizeof *io->s1);
    if (e->s.cell != RNN_ELMAN) leak(e, io->s, io->s1);
}

void RN(engine_step_forward)(struct RN(rnn_engine) *e, const struct RN(engine_io) *io)
{
    const bool is_inside = e->s.noise_where == RNN_NOISE_INSIDE;
    const real *inside = is_inside ? io->xi : NULL, *outside = is_inside ? NULL : io->xi;
    if (e->s.cell == RNN_GRU) step_gru(e, io, inside);
    else step_leaky(e, io, inside);
    if (outside) add_noise(e, outside, io->s1, e->s.N);
    if (e->split_rates) RN(engine_activate)(e->s.act, e->B * e->s.N, io->s1, io->r1);
}

static int initial_state(struct RN(rnn_engine) *e, struct rnn_err *err)
{
    const size_t N = e->s.N, n = e->B * N;
    const struct rnn_pass *p = &e->pass;
    real *s = e->state;
    if (p->state0) {
        for (size_t i = 0; i < n; i++) s[i] = i < e->K * N ? (real) p->state0[i] : 0;
    } else if (e->s.h0 == RNN_H0_ZERO) {
        memset(s, 0, n * sizeof *s);
    } else {
        if (e->s.h0_sd > 0) {
            struct rnn_rng g;
            RNN_TRY(rnn_rng_at(&g, p->seed, p->running ? RNN_RNG_RUN_STATE0 : RNN_RNG_STATE0, p->net, p->update, 0, err));
            RN(rnn_rng_normals)(&g, n, s);
        }
        const real sd = (real) e->s.h0_sd;
        if (!(sd > 0)) memset(s, 0, n * sizeof *s);
        for (size_t k = 0; k < n; k += N) {
            if (sd > 0) e->k->RN(axpby)(N, 0, s + k, sd, s + k);
            if (e->th.h0) e->k->RN(axpby)(N, 1, e->th.h0, 1, s + k);
        }
        if (e->s.h0_transform == RNN_H0_TANH) rnn_kernels()->RN(tanh)(n, s, s);
    }
    if (e->split_rates) RN(engine_activate)(e->s.act, n, s, e->rate);
    const bool zero_stays = !e->split_rates || e->s.act == RNN_TANH || e->s.act == RNN_RELU || e->s.act == RNN_LINEAR;
    e->starts_at_zero = !p->state0 && e->s.h0 == RNN_H0_ZERO && zero_stays;
    return RNN_OK;
}

static int draw_noise(struct RN(rnn_engine) *e, size_t t, struct rnn_err *err)
{
    const struct rnn_pass *p = &e->pass;
    struct rnn_rng g;
    RNN_TRY(rnn_rng_at(&g, p->seed, p->running ? RNN_RNG_RUN_NOISE : RNN_RNG_NOISE_REC, p->net, p->update, p->step0 + t, err));
    RN(rnn_rng_normals)(&g, e->B * e->s.N, e->xi);
    return RNN_OK;
}

static void io_of_step(const struct RN(rnn_engine) *e, size_t t, const real *xi, struct RN(engine_io) *io)
{
    const size_t n = e->B * e->s.N, kept = e->train ? t : 0;
    *io = (struct RN(engine_io)){
        .s = e->state + t * n, .r = e->rate + t * n, .xi = xi,
        .u = e->has_u[t] ? e->u + t * e->B * e->s.n_in : NULL,
        .s1 = e->state + (t + 1) * n, .r1 = e->rate + (t + 1) * n,
        .kappa = e->kappa ? e->kappa + t * e->B * e->GR : NULL,
    };
    io->act = e->act ? e->act + t * n : e->s.cell == RNN_LEAKY ? e->pre : io->s1;
    io->r_is_zero = t == 0 && e->starts_at_zero;
    if (e->gates) io->gates = e->gates + kept * n * 3;
    if (e->hn) io->hn = e->hn + kept * n;
}

/* Rows without a trial have no inputs and no weight, but a network that diverges would fill them with infinities, and zero
 * times infinity would spoil the gradient. */
static void clear_padding(const struct RN(rnn_engine) *e, const struct RN(engine_io) *io)
{
    const size_t used = e->K * e->s.N, n = e->B * e->s.N - used;
    memset(io->s1 + used, 0, n * sizeof *io->s1);
    memset(io->r1 + used, 0, n * sizeof *io->r1);
}

void RN(engine_read)(const struct RN(rnn_engine) *e, size_t rows, const real *q, real *o)
{
    const size_t n = e->s.n_out, Q = e->Q;
    e->k->RN(dots)(rows, n, Q, q, Q, e->th.W_out, Q, e->th.b_out, o, n);
}

/* The read-out of step t, while what it reads is still in the cache. */
static void read_step(struct RN(rnn_engine) *e, size_t t, bool after)
{
    const real *q = e->s.read_latent ? e->kappa : e->rate;
    RN(engine_read)(e, e->B, q + (t + after) * e->B * e->Q, e->out + t * e->B * e->s.n_out);
}

int RN(rnn_engine_forward)(struct RN(rnn_engine) *e, const real *theta, const struct rnn_pass *pass, enum rnn_loss loss_kind,
                           enum rnn_loss_norm norm, double *loss, struct rnn_err *err)
{
    if (e->T == 0) return rnn_fail(err, RNN_ERR_ARG, "a forward pass without a batch");
    const bool after = e->s.read == RNN_READ_AFTER;
    e->pass = *pass;
    e->loss_kind = loss_kind;
    RN(engine_bind)(e, theta);
    RNN_TRY(initial_state(e, err));
    for (size_t t = 0; t < e->T; t++) {
        struct RN(engine_io) io;
        const bool noisy = pass->noise && e->has_noise;
        if (noisy) RNN_TRY(draw_noise(e, t, err));
        io_of_step(e, t, noisy ? e->xi : NULL, &io);
        RN(engine_step_forward)(e, &io);
        clear_padding(e, &io);
        if (!after || !e->s.read_latent) read_step(e, t, after);
        else if (t) read_step(e, t - 1, after); /* the latent variables of a state are worked out in the step from it */
    }
    if (e->s.read_latent && after) {
        RN(engine_latent)(e, e->rate + e->T * e->B * e->s.N, e->kappa + e->T * e->B * e->GR);
        read_step(e, e->T - 1, after);
    }
    double L;
    if (RN(engine_is_composed)(e)) RNN_TRY(RN(engine_decoder_forward)(e, theta, loss_kind, norm, &L, err));
    else L = RN(engine_loss)(e, loss_kind, norm);
    if (loss) *loss = L;
    return RNN_OK;
}

int RN(rnn_engine_step)(struct RN(rnn_engine) *e, const real *theta, real *state, const real *u, real *o, struct rnn_err *err)
{
    const size_t n = e->B * e->s.N;
    if (e->dec) return rnn_fail(err, RNN_ERR_ARG, "a network with a decoder answers after the last step: it has no outputs of a step");
    RN(engine_bind)(e, theta);
    /* states 0 and 1 and latent variables 0 serve as scratch: T_max >= 1 */
    memcpy(e->state, state, n * sizeof *state);
    if (e->split_rates) RN(engine_activate)(e->s.act, n, e->state, e->rate);
    struct RN(engine_io) io = {
        .s = e->state, .r = e->rate, .u = e->s.n_in ? u : NULL, .s1 = e->state + n, .r1 = e->rate + n,
        .act = e->s.cell == RNN_LEAKY ? e->pre : e->state + n, .gates = e->gates, .hn = e->hn, .kappa = e->kappa,
    };
    RN(engine_step_forward)(e, &io);
    const size_t after = e->s.read == RNN_READ_AFTER;
    if (e->s.read_latent && after) RN(engine_latent)(e, e->rate + n, e->kappa + e->B * e->GR);
    const real *q = e->s.read_latent ? e->kappa : e->rate;
    RN(engine_read)(e, e->B, q + after * e->B * e->Q, o);
    if (e->s.readout == RNN_OUT_SIGMOID) RN(engine_sigmoid)(e->B * e->s.n_out, o, o);
    if (e->s.readout == RNN_OUT_SOFTMAX) RN(engine_softmax)(e->B, e->s.n_out, o, o);
    memcpy(state, e->state + n, n * sizeof *state);
    return RNN_OK;
}
