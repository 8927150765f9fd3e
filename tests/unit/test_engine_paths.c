/* What must agree: precisions, pieces of a run, steps by hand, single states and batches, the fused update and the general one,
 * truncation and runs cut by hand, the Jacobian and differences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "every_kernel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/engine.h"
#include "num/kernels.h"
#include "num/optim.h"
#include "num/rng.h"

#define OK(expr)                                                                                                     \
    do {                                                                                                             \
        struct rnn_err err = {0};                                                                                    \
        if ((expr) < 0) fail_msg("%s", err.msg);                                                                     \
    } while (0)

enum { K = 5, T = 9, N = 19, N_IN = 3, N_OUT = 2 };

static struct rnn_spec spec_of(enum rnn_cell cell, enum rnn_act act, size_t rank)
{
    struct rnn_spec s;
    rnn_spec_default(&s);
    s.cell = cell;
    s.act = act;
    s.N = N;
    s.n_in = N_IN;
    s.n_out = N_OUT;
    s.rank = rank;
    s.rank_scale = RNN_RANK_PER_UNIT;
    s.h0 = RNN_H0_TRAINED;
    s.read_latent = rank == 2 && cell != RNN_GRU;
    s.readout = rank ? RNN_OUT_SOFTMAX : RNN_OUT_SIGMOID;
    if (cell == RNN_LEAKY || cell == RNN_LEAKY_CURRENT) {
        s.alpha = 0.4;
        s.alpha_per_unit = rank == 1;
    }
    return s;
}

static struct rnn_net *net_of(const struct rnn_spec *s, double size)
{
    struct rnn_net *net;
    struct rnn_rng g;
    OK(rnn_net_new(&net, s, &err));
    OK(rnn_rng_at(&g, 11, RNN_RNG_TEST, 0, 0, 0, &err));
    for (size_t i = 0; i < net->params.total; i++) net->theta[i] = (float) (size * (2 * rnn_rng_uniform(&g) - 1));
    double *alpha = rnn_net_param(net, "alpha");
    for (size_t i = 0; alpha && i < s->N; i++) alpha[i] = (float) (0.1 + 0.8 * rnn_rng_uniform(&g));
    return net;
}

static struct rnn_trials trials_of_steps(size_t k, size_t steps, size_t n_in, size_t n_out)
{
    struct rnn_trials tr = {.K = k, .T = steps, .n_in = n_in, .n_out = n_out, .u = rnn_alloc(k * steps * n_in, sizeof(float)),
                            .y = rnn_alloc(k * steps * n_out, sizeof(float)), .w = rnn_alloc(k * steps, sizeof(double))};
    struct rnn_rng g;
    OK(rnn_rng_at(&g, 12, RNN_RNG_TEST, 0, 0, 0, &err));
    for (size_t i = 0; i < k * steps * n_in; i++) tr.u[i] = (float) (2 * rnn_rng_uniform(&g) - 1);
    for (size_t i = 0; i < k * steps * n_out; i++) tr.y[i] = i % n_out == 0 ? 1 : 0;
    for (size_t i = 0; i < k * steps; i++) tr.w[i] = 1;
    return tr;
}

static struct rnn_trials trials_of(size_t k, size_t n_in, size_t n_out)
{
    return trials_of_steps(k, T, n_in, n_out);
}

static void release(struct rnn_trials *tr)
{
    free(tr->u);
    free(tr->y);
    free(tr->w);
}

#define EACH_NET(cell, act, rank)                                                                                    \
    for (int cell = 0; cell < RNN_N_CELLS; cell++)                                                                   \
        for (int act = 0; act < RNN_N_ACTS; act++)                                                                   \
            for (size_t rank = 0; rank < 3; rank++)

/* float32 against float64 on the same parameters, trials, noise addresses. */
static void precisions_agree(void **state)
{
    (void) state;
    EACH_NET(cell, act, rank)
    {
        struct rnn_spec s = spec_of((enum rnn_cell) cell, (enum rnn_act) act, rank);
        struct rnn_net *net = net_of(&s, 0.4);
        struct rnn_trials tr = trials_of(K, N_IN, N_OUT);
        struct rnn_engine_f32 *e32;
        struct rnn_engine_f64 *e64;
        const size_t n = net->params.total;
        float *theta = rnn_alloc(n, sizeof *theta), *g32 = rnn_alloc(n, sizeof *g32);
        double *g64 = rnn_alloc(n, sizeof *g64), L32, L64, worst = 0, size = 0;
        for (size_t i = 0; i < n; i++) theta[i] = (float) net->theta[i];
        OK(rnn_engine_new_f32(&e32, &s, K + 1, T, true, &err));
        OK(rnn_engine_new_f64(&e64, &s, K + 1, T, true, &err));
        OK(rnn_engine_batch_f32(e32, &tr, &err));
        OK(rnn_engine_batch_f64(e64, &tr, &err));
        OK(rnn_engine_forward_f32(e32, theta, &(struct rnn_pass){0}, RNN_LOSS_MSE, RNN_NORM_POSITIONS, &L32, &err));
        OK(rnn_engine_forward_f64(e64, net->theta, &(struct rnn_pass){0}, RNN_LOSS_MSE, RNN_NORM_POSITIONS, &L64, &err));
        OK(rnn_engine_backward_f32(e32, theta, NULL, g32, &err));
        OK(rnn_engine_backward_f64(e64, net->theta, NULL, g64, &err));
        assert_true(fabs(L32 - L64) <= 1e-5 * L64);
        for (size_t i = 0; i < n; i++) {
            worst = fmax(worst, fabs((double) g32[i] - g64[i]));
            size = fmax(size, fabs(g64[i]));
        }
        if (!(worst <= 2e-5 * size)) fail_msg("%s %s rank %zu: gradients differ by %g of %g", rnn_cell_names[cell], rnn_act_names[act], rank, worst, size);
        rnn_engine_free_f32(e32);
        rnn_engine_free_f64(e64);
        free(theta);
        free(g32);
        free(g64);
        release(&tr);
        rnn_net_free(net);
    }
}

/* States of a batch against the single-state functions, in float64; steps by hand against the pass. */
static void steps_agree(void **state)
{
    (void) state;
    EACH_NET(cell, act, rank)
    {
        struct rnn_spec s = spec_of((enum rnn_cell) cell, (enum rnn_act) act, rank);
        s.read = rank == 1 ? RNN_READ_BEFORE : RNN_READ_AFTER;
        struct rnn_net *net = net_of(&s, 0.4);
        struct rnn_trials tr = trials_of(K, N_IN, N_OUT);
        struct rnn_engine_f64 *e;
        float o[K * T * N_OUT], r[K * T * N];
        double last[K * N], hand[K * N], u[K * N_IN], o_hand[K * N_OUT], x[N], x1[N], r1[N], o1[N_OUT], L;
        OK(rnn_engine_new_f64(&e, &s, K, T, false, &err));
        OK(rnn_engine_batch_f64(e, &tr, &err));
        OK(rnn_engine_forward_f64(e, net->theta, &(struct rnn_pass){0}, RNN_LOSS_MSE, RNN_NORM_POSITIONS, &L, &err));
        rnn_engine_outputs_f64(e, o);
        rnn_engine_states_f64(e, 0, NULL, 0, 1, r);
        rnn_engine_last_f64(e, last);
        rnn_engine_first_f64(e, hand);
        memcpy(x, hand, sizeof x);
        for (size_t t = 0; t < T; t++) {
            for (size_t i = 0; i < K * N_IN; i++) u[i] = (double) tr.u[(i / N_IN * T + t) * N_IN + i % N_IN];
            if (s.read == RNN_READ_BEFORE) OK(rnn_net_readout(net, x, NULL, o1, &err));
            OK(rnn_net_step(net, x, u, x1, &err));
            memcpy(x, x1, sizeof x);
            if (s.read == RNN_READ_AFTER) OK(rnn_net_readout(net, x, r1, o1, &err));
            else OK(rnn_net_readout(net, x, r1, NULL, &err));
            for (size_t i = 0; i < N; i++) assert_true(fabs(r1[i] - (double) r[t * N + i]) <= 1e-6 * (1 + fabs(r1[i])));
            for (size_t i = 0; i < N_OUT; i++) assert_true(fabs(o1[i] - (double) o[t * N_OUT + i]) <= 1e-6);
            OK(rnn_engine_step_f64(e, net->theta, hand, u, o_hand, &err));
            for (size_t i = 0; i < K * N_OUT; i++)
                assert_true(fabs(o_hand[i] - (double) o[(i / N_OUT * T + t) * N_OUT + i % N_OUT]) <= 1e-6);
        }
        for (size_t i = 0; i < N; i++) assert_true(fabs(x[i] - last[i]) <= 1e-12 * (1 + fabs(x[i])));
        assert_memory_equal(hand, last, sizeof last); /* the same products: the same bits */
        rnn_engine_free_f64(e);
        release(&tr);
        rnn_net_free(net);
    }
}

static void jacobian_is_the_derivative(void **state)
{
    (void) state;
    EACH_NET(cell, act, rank)
    {
        const struct rnn_spec s = spec_of((enum rnn_cell) cell, (enum rnn_act) act, rank);
        struct rnn_net *net = net_of(&s, 0.7);
        double x[N], u[N_IN] = {0.3, -0.2, 0.9}, J[N * N], Ju[N * N_IN], up[N], down[N];
        for (int i = 0; i < N; i++) x[i] = 0.6 * sin(1.7 * i + 1);
        OK(rnn_net_jacobian(net, x, u, J, Ju, &err));
        const double h = 1e-5;
        for (int j = 0; j < N + N_IN; j++) {
            double *at = j < N ? &x[j] : &u[j - N];
            const double was = *at;
            *at = was + h;
            OK(rnn_net_step(net, x, u, up, &err));
            *at = was - h;
            OK(rnn_net_step(net, x, u, down, &err));
            *at = was;
            for (int i = 0; i < N; i++) {
                const double d = (up[i] - down[i]) / (2 * h), got = j < N ? J[i * N + j] : Ju[i * N_IN + j - N];
                if (!(fabs(d - got) <= 1e-8)) fail_msg("%s %s rank %zu: %g against %g", rnn_cell_names[cell], rnn_act_names[act], rank, got, d);
            }
        }
        rnn_net_free(net);
    }
}

/* A run in pieces is the run: states, outputs and noise, bit for bit. */
static void pieces_make_the_run(void **state)
{
    enum { HALF = 4 };
    (void) state;
    for (int cell = 0; cell < RNN_N_CELLS; cell++) {
        struct rnn_spec s = spec_of((enum rnn_cell) cell, RNN_TANH, 0);
        s.noise_rec = 0.3;
        s.noise_where = cell % 2 ? RNN_NOISE_INSIDE : RNN_NOISE_OUTSIDE;
        s.h0 = RNN_H0_NORMAL;
        s.h0_sd = 0.5;
        struct rnn_net *net = net_of(&s, 0.4);
        struct rnn_trials tr = trials_of(K, N_IN, N_OUT), part = trials_of(K, N_IN, N_OUT);
        struct rnn_engine_f64 *e;
        double whole[K * N], last[K * N];
        OK(rnn_engine_new_f64(&e, &s, K, T, false, &err));
        struct rnn_pass pass = {.seed = 3, .net = 2, .update = 7, .running = true, .noise = true};
        OK(rnn_engine_batch_f64(e, &tr, &err));
        OK(rnn_engine_forward_f64(e, net->theta, &pass, RNN_LOSS_MSE, RNN_NORM_POSITIONS, NULL, &err));
        rnn_engine_last_f64(e, whole);
        for (size_t at = 0; at < T; at += part.T) {
            part.T = at ? T - HALF : HALF;
            for (size_t k = 0; k < K; k++) memcpy(part.u + k * part.T * N_IN, tr.u + (k * T + at) * N_IN, part.T * N_IN * sizeof *tr.u);
            OK(rnn_engine_batch_f64(e, &part, &err));
            pass.step0 = at;
            pass.state0 = at ? last : NULL;
            OK(rnn_engine_forward_f64(e, net->theta, &pass, RNN_LOSS_MSE, RNN_NORM_POSITIONS, NULL, &err));
            rnn_engine_last_f64(e, last);
        }
        assert_memory_equal(whole, last, sizeof whole);
        pass.update = 8;
        pass.state0 = NULL;
        OK(rnn_engine_forward_f64(e, net->theta, &pass, RNN_LOSS_MSE, RNN_NORM_POSITIONS, NULL, &err));
        rnn_engine_last_f64(e, last);
        assert_memory_not_equal(whole, last, sizeof whole);
        rnn_engine_free_f64(e);
        release(&tr);
        release(&part);
        rnn_net_free(net);
    }
}

/* Truncation after three steps: the sum of the gradients of the segments, each started from a constant state. */
static void truncation_cuts_the_run(void **state)
{
    enum { STEPS = 3 };
    (void) state;
    for (int when = 0; when < 2; when++)
        for (int cell = 0; cell < RNN_N_CELLS; cell++)
            for (size_t rank = 0; rank < 3; rank++) {
                struct rnn_spec s = spec_of((enum rnn_cell) cell, RNN_TANH, rank);
                s.read = (enum rnn_read_when) when;
                struct rnn_net *net = net_of(&s, 0.5);
                struct rnn_trials tr = trials_of(K, N_IN, N_OUT), part = trials_of(K, N_IN, N_OUT);
                struct rnn_engine_f64 *e;
                const size_t n = net->params.total;
                double *want = rnn_alloc(n, sizeof *want), *g = rnn_alloc(n, sizeof *g), last[K * N], size = 0;
                OK(rnn_engine_new_f64(&e, &s, K, T, true, &err));
                for (size_t at = 0; at < T; at += STEPS) {
                    part.T = STEPS;
                    for (size_t k = 0; k < K; k++) {
                        memcpy(part.u + k * STEPS * N_IN, tr.u + (k * T + at) * N_IN, STEPS * N_IN * sizeof *tr.u);
                        memcpy(part.y + k * STEPS * N_OUT, tr.y + (k * T + at) * N_OUT, STEPS * N_OUT * sizeof *tr.y);
                    }
                    const struct rnn_pass pass = {.state0 = at ? last : NULL};
                    OK(rnn_engine_batch_f64(e, &part, &err));
                    OK(rnn_engine_forward_f64(e, net->theta, &pass, RNN_LOSS_MSE, RNN_NORM_POSITIONS, NULL, &err));
                    OK(rnn_engine_backward_f64(e, net->theta, NULL, g, &err));
                    rnn_engine_last_f64(e, last);
                    for (size_t i = 0; i < n; i++) want[i] += g[i] * STEPS / T;
                }
                OK(rnn_engine_batch_f64(e, &tr, &err));
                OK(rnn_engine_forward_f64(e, net->theta, &(struct rnn_pass){.bptt = STEPS}, RNN_LOSS_MSE, RNN_NORM_POSITIONS, NULL, &err));
                OK(rnn_engine_backward_f64(e, net->theta, NULL, g, &err));
                for (size_t i = 0; i < n; i++) size = fmax(size, fabs(want[i]));
                for (size_t i = 0; i < n; i++)
                    if (!(fabs(g[i] - want[i]) <= 1e-12 * size))
                        fail_msg("%s rank %zu %s: parameter %zu %g against %g", rnn_cell_names[cell], rank, rnn_read_when_names[when], i, g[i], want[i]);
                rnn_engine_free_f64(e);
                free(want);
                free(g);
                release(&tr);
                release(&part);
                rnn_net_free(net);
            }
}

/* The gradient of a batch is the mean of those of its trials.  A batch of this size turns its weights and forms the gradient of them
 * in several chunks of steps; a trial alone does neither. */
static void a_batch_is_its_trials(void **state)
{
    enum { TRIALS = 37, STEPS = 60 };
    static const struct rnn_penalty pen = {.l2_rec = 0.01, .l2_rate = 0.02};
    (void) state;
    struct rnn_trials tr = trials_of_steps(TRIALS, STEPS, N_IN, N_OUT);
    for (size_t i = 0; i < TRIALS * STEPS; i++) tr.w[i] = i % 3 ? 0.5 + (double) (i % 5) : 0;
    for (int when = 0; when < 2; when++)
        for (int cell = 0; cell < RNN_N_CELLS; cell++)
            for (size_t rank = 0; rank < 3; rank++) {
                struct rnn_spec s = spec_of((enum rnn_cell) cell, RNN_TANH, rank);
                s.read = (enum rnn_read_when) when;
                s.h0_transform = (enum rnn_h0_transform) when;
                struct rnn_net *net = net_of(&s, 0.5);
                const struct rnn_pass pass = {.bptt = when ? 7 : 0};
                const size_t n = net->params.total;
                double *want = rnn_alloc(n, sizeof *want), *g = rnn_alloc(n, sizeof *g), size = 0;
                for (size_t B = 1; B <= TRIALS; B += TRIALS - 1) {
                    struct rnn_engine_f64 *e;
                    OK(rnn_engine_new_f64(&e, &s, B == 1 ? 1 : B + 3, STEPS, true, &err));
                    for (size_t k = 0; k < TRIALS; k += B) {
                        struct rnn_trials part = tr;
                        part.K = B;
                        part.u += k * STEPS * N_IN;
                        part.y += k * STEPS * N_OUT;
                        part.w += k * STEPS;
                        OK(rnn_engine_batch_f64(e, &part, &err));
                        OK(rnn_engine_forward_f64(e, net->theta, &pass, RNN_LOSS_MSE, RNN_NORM_POSITIONS, NULL, &err));
                        OK(rnn_engine_backward_f64(e, net->theta, &pen, g, &err));
                        for (size_t i = 0; B == 1 && i < n; i++) want[i] += g[i] / TRIALS;
                    }
                    rnn_engine_free_f64(e);
                }
                for (size_t i = 0; i < n; i++) size = fmax(size, fabs(want[i]));
                for (size_t i = 0; i < n; i++)
                    if (!(fabs(g[i] - want[i]) <= 1e-12 * size))
                        fail_msg("%s rank %zu %s: parameter %zu %g against %g", rnn_cell_names[cell], rank, rnn_read_when_names[when], i, g[i], want[i]);
                free(want);
                free(g);
                rnn_net_free(net);
            }
    release(&tr);
}

/* Each of twenty updates by the fused path and by the general one, from the same parameters and moments (left alone, a relu
 * unit at its kink would soon part them). */
static void fused_update_is_the_update(void **state)
{
    (void) state;
    for (int variant = 0; variant < 8; variant++) {
        struct rnn_spec s = spec_of(RNN_ELMAN, variant & 1 ? RNN_RELU : RNN_TANH, 0);
        s.read = variant & 2 ? RNN_READ_BEFORE : RNN_READ_AFTER;
        s.readout = variant & 4 ? RNN_OUT_SOFTMAX : RNN_OUT_LINEAR;
        s.h0_transform = variant & 1 ? RNN_H0_TANH : RNN_H0_PLAIN;
        const enum rnn_loss loss = variant & 4 ? RNN_LOSS_CE : RNN_LOSS_MSE;
        const struct rnn_optim adam = {.kind = variant & 2 ? RNN_ADAMW : RNN_ADAM, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8,
                                       .weight_decay = variant & 4 ? 0.01 : 0};
        struct rnn_net *net = net_of(&s, 0.5);
        struct rnn_trials tr = trials_of(1, N_IN, N_OUT);
        for (size_t t = 0; t < T; t++) tr.w[t] = t >= T - 2;
        const size_t n = net->params.total;
        float *a = rnn_alloc(6 * n, sizeof *a), *b = a + n, *ma = b + n, *va = ma + n, *mb = va + n, *vb = mb + n;
        float *g = rnn_alloc(n, sizeof *g);
        unsigned char frozen[RNN_MAX_PARAMS] = {0};
        const struct rnn_param *held = rnn_param_find(&net->params, "W_in");
        frozen[held - net->params.p] = 1;
        struct rnn_engine_f32 *e;
        assert_true(rnn_fused_applies(&s, 1, &adam));
        for (size_t i = 0; i < n; i++) a[i] = b[i] = (float) net->theta[i];
        OK(rnn_engine_new_f32(&e, &s, 1, T, true, &err));
        OK(rnn_engine_batch_f32(e, &tr, &err));
        for (uint64_t t = 1; t <= 20; t++) {
            double La, Lb;
            memcpy(a, b, n * sizeof *a);
            memcpy(ma, mb, 2 * n * sizeof *ma);
            OK(rnn_fused_update_f32(e, a, ma, va, &adam, t, 1e-3, frozen, loss, RNN_NORM_WEIGHTS, &La, &err));
            OK(rnn_engine_forward_f32(e, b, &(struct rnn_pass){0}, loss, RNN_NORM_WEIGHTS, &Lb, &err));
            OK(rnn_engine_backward_f32(e, b, NULL, g, &err));
            assert_true(fabs(La - Lb) <= 1e-6 * (1 + Lb));
            for (size_t i = 0; i < net->params.n; i++) {
                const struct rnn_param *p = &net->params.p[i];
                if (!frozen[i])
                    rnn_optim_step_f32(&adam, t, 1e-3, p->rows * p->cols, b + p->offset, g + p->offset, mb + p->offset, vb + p->offset);
            }
            for (size_t i = 0; i < n; i++) {
                assert_true(fabs((double) (a[i] - b[i])) <= 2e-6);
                assert_true(fabs((double) (ma[i] - mb[i])) <= 1e-6 && fabs((double) (va[i] - vb[i])) <= 1e-6);
            }
        }
        double moved = 0;
        for (size_t i = 0; i < n; i++) moved = fmax(moved, fabs((double) a[i] - net->theta[i]));
        assert_true(moved > 5e-3);
        for (size_t i = held->offset; i < held->offset + held->rows * held->cols; i++) assert_true(a[i] == (float) net->theta[i]);
        rnn_engine_free_f32(e);
        free(a);
        free(g);
        release(&tr);
        rnn_net_free(net);
    }
}

/* Rows without a trial: they may overflow, the gradient must not know.  And a batch that fills its engine gives the same bits. */
static void padding_is_silent(void **state)
{
    (void) state;
    struct rnn_spec s = spec_of(RNN_ELMAN, RNN_LINEAR, 0);
    s.h0 = RNN_H0_ZERO;
    s.readout = RNN_OUT_LINEAR;
    struct rnn_net *net = net_of(&s, 0.5);
    struct rnn_trials tr = trials_of(K, N_IN, N_OUT);
    const size_t n = net->params.total;
    double *g[2], L[2];
    double *b_rec = rnn_net_param(net, "b_rec");
    for (int wide = 0; wide < 2; wide++) {
        struct rnn_engine_f64 *e;
        g[wide] = rnn_alloc(n, sizeof **g);
        b_rec[0] = 1e300; /* overflows as soon as it is fed back */
        OK(rnn_engine_new_f64(&e, &s, wide ? 16 : K, T, true, &err));
        OK(rnn_engine_batch_f64(e, &tr, &err));
        OK(rnn_engine_forward_f64(e, net->theta, &(struct rnn_pass){0}, RNN_LOSS_MSE, RNN_NORM_POSITIONS, &L[0], &err));
        assert_false(isfinite(L[0])); /* told, not hidden */
        b_rec[0] = 0.1;
        OK(rnn_engine_forward_f64(e, net->theta, &(struct rnn_pass){0}, RNN_LOSS_MSE, RNN_NORM_POSITIONS, &L[wide], &err));
        OK(rnn_engine_backward_f64(e, net->theta, NULL, g[wide], &err));
        rnn_engine_free_f64(e);
    }
    for (size_t i = 0; i < n; i++) assert_true(fabs(g[0][i] - g[1][i]) <= 1e-12 * (1 + fabs(g[0][i])));
    free(g[0]);
    free(g[1]);
    release(&tr);
    rnn_net_free(net);
}

static void refuse(const struct rnn_spec *s, const char *about)
{
    struct rnn_params ps;
    struct rnn_err err = {0};
    assert_int_equal(rnn_spec_params(s, &ps, &err), RNN_ERR_ARG);
    if (!strstr(err.msg, about)) fail_msg("'%s' does not say '%s'", err.msg, about);
}

static void contradictions_are_refused(void **state)
{
    (void) state;
#define REFUSE(cell, about, ...)                                                                                     \
    do {                                                                                                             \
        struct rnn_spec s = spec_of(cell, RNN_TANH, 0);                                                              \
        __VA_ARGS__;                                                                                                 \
        refuse(&s, about);                                                                                           \
    } while (0)
    REFUSE(RNN_ELMAN, "unit", s.N = 0);
    REFUSE(RNN_ELMAN, "output", s.n_out = 0);
    REFUSE(RNN_ELMAN, "rank 20", s.rank = N + 1);
    REFUSE(RNN_ELMAN, "factorised", s.read_latent = true);
    REFUSE(RNN_GRU, "per gate", s.rank = 2; s.read_latent = true);
    REFUSE(RNN_ELMAN, "alpha", s.alpha = 0.5);
    REFUSE(RNN_LEAKY, "alpha", s.alpha = 0);
    REFUSE(RNN_LEAKY, "alpha", s.alpha = NAN);
    REFUSE(RNN_LEAKY_CURRENT, "alpha", s.alpha = 1.5);
    REFUSE(RNN_GRU, "leaky", s.alpha_per_unit = true);
    REFUSE(RNN_LEAKY, "noise", s.noise_rec = -1);
    REFUSE(RNN_GRU, "alpha", s.noise_rec = 1; s.noise_scale = RNN_NOISE_SQRT_2_ALPHA);
    REFUSE(RNN_LEAKY, "initial state", s.h0_sd = -1);
    REFUSE(RNN_LEAKY, "initial state", s.h0 = RNN_H0_ZERO; s.h0_sd = 1);
    REFUSE(RNN_LEAKY, "cell", s.cell = (enum rnn_cell) 9);
#undef REFUSE
    const struct rnn_spec s = spec_of(RNN_ELMAN, RNN_TANH, 0);
    struct rnn_engine_f32 *e;
    struct rnn_err err;
    struct rnn_trials tr = trials_of(K, N_IN + 1, N_OUT);
    assert_int_equal(rnn_engine_new_f32(&e, &s, 0, T, true, &err), RNN_ERR_ARG);
    assert_int_equal(rnn_engine_new_f32(&e, &s, K, T, false, &err), RNN_OK);
    assert_int_equal(rnn_engine_batch_f32(e, &tr, &err), RNN_ERR_ARG);
    assert_int_equal(rnn_engine_backward_f32(e, NULL, NULL, NULL, &err), RNN_ERR_ARG);
    rnn_engine_free_f32(e);
    release(&tr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(precisions_agree),
        cmocka_unit_test(steps_agree),
        cmocka_unit_test(jacobian_is_the_derivative),
        cmocka_unit_test(pieces_make_the_run),
        cmocka_unit_test(truncation_cuts_the_run),
        cmocka_unit_test(a_batch_is_its_trials),
        cmocka_unit_test(fused_update_is_the_update),
        cmocka_unit_test(padding_is_silent),
        cmocka_unit_test(contradictions_are_refused),
    };
    return EVERY_KERNEL(tests);
}
