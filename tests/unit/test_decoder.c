/* Networks with a decoder and with heads: outputs against the two networks stepped one by one, losses against the outputs, gradients
 * against central differences, all in double. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "every_kernel.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/transfer.h"
#include "base/mem.h"
#include "model/engine.h"
#include "model/run.h"
#include "num/kernels.h"
#include "num/rng.h"

enum { B = 4, K = 3, T = 4, N = 5, N_IN = 2, N_LATENT = 2, ROOM = 9 };

struct problem {
    struct rnn_net *net;
    struct rnn_trials tr;
    float u[K * T * N_IN], y[K * T * ROOM];
    double w[K * T];
    struct rnn_engine_f64 *e;
    enum rnn_loss loss;
    struct rnn_penalty pen;
    struct rnn_err err;
};

static struct rnn_spec base_spec(enum rnn_cell cell, size_t n_out)
{
    struct rnn_spec s;
    rnn_spec_default(&s);
    s.cell = cell;
    s.N = N;
    s.n_in = N_IN;
    s.n_out = n_out;
    s.n_latent = N_LATENT;
    if (cell == RNN_LEAKY || cell == RNN_LEAKY_CURRENT) s.alpha = 0.4;
    return s;
}

static void three_heads(struct rnn_spec *s)
{
    rnn_heads_add(&s->heads, "class", 3);
    rnn_heads_add(&s->heads, "next", 2);
    rnn_heads_add(&s->heads, "auto", 4);
    s->n_out = 9;
}

/* Targets one-hot per head; the first head is asked at the last step only, the second not at the last. */
static void fill_targets(struct problem *p, struct rnn_rng *g)
{
    const struct rnn_heads *h = &p->net->spec.heads;
    const size_t n = p->tr.n_out;
    for (size_t i = 0; i < K * T; i++) {
        float *y = p->y + i * n;
        if (!h->n && p->loss == RNN_LOSS_CE) y[rnn_rng_below(g, n)] = 1;
        for (size_t c = 0; !h->n && p->loss == RNN_LOSS_MSE && c < n; c++) y[c] = (float) rnn_rng_normal(g);
        size_t at = 0;
        for (size_t k = 0; k < h->n; at += h->v[k++].size) {
            const bool is_last = i % T == T - 1;
            if (k == 0 ? is_last : k == 1 ? !is_last : true) y[at + rnn_rng_below(g, h->v[k].size)] = 1;
        }
    }
}

static void set_up(struct problem *p, const struct rnn_spec *s, enum rnn_loss loss)
{
    struct rnn_rng g;
    memset(p, 0, sizeof *p);
    p->loss = loss;
    if (rnn_net_new(&p->net, s, &p->err) < 0) fail_msg("%s", p->err.msg);
    assert_int_equal(rnn_rng_at(&g, 7, RNN_RNG_TEST, 0, 0, 0, &p->err), 0);
    for (size_t i = 0; i < p->net->params.total; i++) p->net->theta[i] = 0.6 * rnn_rng_normal(&g);
    for (size_t i = 0; i < K * T * N_IN; i++) p->u[i] = (float) rnn_rng_normal(&g);
    for (size_t i = 0; i < K * T; i++) p->w[i] = i % 5 == 2 ? 0 : 0.5 + rnn_rng_uniform(&g);
    p->tr = (struct rnn_trials){.K = K, .T = T, .n_in = N_IN, .n_out = s->n_out, .u = p->u, .y = p->y, .w = p->w};
    fill_targets(p, &g);
    if (rnn_engine_new_f64(&p->e, s, B, T + 1, true, &p->err) < 0) fail_msg("%s", p->err.msg);
    assert_int_equal(rnn_engine_batch_f64(p->e, &p->tr, &p->err), 0);
}

static void tear_down(struct problem *p)
{
    rnn_engine_free_f64(p->e);
    rnn_net_free(p->net);
}

static double forward(struct problem *p)
{
    double L;
    const struct rnn_pass pass = {0};
    if (rnn_engine_forward_f64(p->e, p->net->theta, &pass, p->loss, RNN_NORM_WEIGHTS, &L, &p->err) < 0) fail_msg("%s", p->err.msg);
    return L;
}

/* ---- outputs ---- */

/* The decoder as a network of its own. */
static struct rnn_net *decoder_of(const struct rnn_net *net)
{
    struct rnn_spec s;
    struct rnn_net *d;
    struct rnn_err err;
    rnn_spec_decoder(&net->spec, &s);
    assert_int_equal(rnn_net_new(&d, &s, &err), 0);
    for (size_t i = 0; i < d->params.n; i++) {
        char name[32];
        const struct rnn_param *q = &d->params.p[i];
        snprintf(name, sizeof name, "%s_dec", q->name);
        const double *from = rnn_net_param(net, name);
        assert_non_null(from);
        memcpy(d->theta + q->offset, from, q->rows * q->cols * sizeof(double));
    }
    return d;
}

static void check_outputs(const struct rnn_spec *s)
{
    struct problem p;
    set_up(&p, s, RNN_LOSS_CE);
    forward(&p);
    const size_t n_read = rnn_spec_n_read(s), direct = n_read - N_LATENT, decoded = rnn_spec_n_decoded(s), n = s->n_out;
    assert_int_equal(direct + decoded, n);
    float o[K * T * ROOM], z[K * T * N_LATENT];
    rnn_engine_outputs_f64(p.e, o);
    rnn_engine_states_f64(p.e, RNN_SEE_LATENT, NULL, 0, 1, z);
    struct rnn_net *d = decoder_of(p.net);
    for (size_t k = 0; k < K; k++) {
        double x[N] = {0}, read[ROOM + N_LATENT], out[ROOM];
        for (size_t t = 0; t < T; t++) {
            double u[N_IN];
            for (size_t i = 0; i < N_IN; i++) u[i] = p.u[(k * T + t) * N_IN + i];
            assert_int_equal(rnn_net_step(p.net, x, u, x, &p.err), 0);
            assert_int_equal(rnn_net_readout(p.net, x, NULL, read, &p.err), 0);
            for (size_t c = 0; c < direct; c++) assert_float_equal(o[(k * T + t) * n + c], read[c], 1e-6);
            for (size_t c = 0; c < N_LATENT; c++) assert_float_equal(z[(k * T + t) * N_LATENT + c], read[direct + c], 1e-6);
        }
        memset(x, 0, sizeof x);
        for (size_t t = 0; t < T; t++) {
            assert_int_equal(rnn_net_step(d, x, read + direct, x, &p.err), 0);
            assert_int_equal(rnn_net_readout(d, x, NULL, out, &p.err), 0);
            for (size_t c = 0; c < decoded; c++) assert_float_equal(o[(k * T + t) * n + direct + c], out[c], 1e-6);
        }
    }
    rnn_net_free(d);
    tear_down(&p);
}

static void outputs_are_those_of_two_networks(void **state)
{
    (void) state;
    for (int cell = 0; cell < RNN_N_CELLS; cell++)
        for (size_t rank = 0; rank < 3; rank += 2)
            for (int heads = 0; heads < 2; heads++) {
                struct rnn_spec s = base_spec((enum rnn_cell) cell, 4);
                s.rank = rank;
                s.bias_out = cell != RNN_LEAKY;
                if (heads) three_heads(&s);
                check_outputs(&s);
                if (heads) continue;
                s.readout = RNN_OUT_SOFTMAX;
                check_outputs(&s);
            }
}

/* ---- losses ---- */

static void losses_are_those_of_the_outputs(void **state)
{
    (void) state;
    struct problem p;
    float o[K * T * ROOM];
    struct rnn_spec s = base_spec(RNN_ELMAN, 4);
    set_up(&p, &s, RNN_LOSS_CE);
    double L = forward(&p);
    rnn_engine_outputs_f64(p.e, o);
    assert_float_equal(L, rnn_run_loss(&p.tr, o, RNN_LOSS_CE, RNN_NORM_WEIGHTS, RNN_OUT_LINEAR, 0, T), 1e-6);
    tear_down(&p);
    three_heads(&s);
    set_up(&p, &s, RNN_LOSS_CE);
    L = forward(&p);
    rnn_engine_outputs_f64(p.e, o);
    assert_float_equal(L, rnn_heads_loss(&s.heads, &p.tr, o, 0, T), 1e-6);
    /* a batch that asks one head is that head's loss alone: the ordinary one of a task with its outputs only */
    float y[K * T * 2], part[K * T * 2];
    for (size_t i = 0; i < K * T; i++) {
        for (size_t c = 0; c < 9; c++) p.y[i * 9 + c] = c == 3 + i % 2 && i % T < T - 1;
        for (size_t c = 0; c < 2; c++) y[2 * i + c] = p.y[i * 9 + 3 + c], part[2 * i + c] = o[i * 9 + 3 + c];
        if (i % T == T - 1) p.w[i] = 0;
    }
    assert_int_equal(rnn_engine_batch_f64(p.e, &p.tr, &p.err), 0);
    const struct rnn_trials alone = {.K = K, .T = T, .n_out = 2, .y = y, .w = p.w};
    assert_float_equal(forward(&p), rnn_run_loss(&alone, part, RNN_LOSS_CE, RNN_NORM_WEIGHTS, RNN_OUT_LINEAR, 0, T), 1e-6);
    tear_down(&p);
}

/* ---- gradients ---- */

static double penalised(struct problem *p)
{
    double L = forward(p);
    static const char *const names[] = {"W_rec", "W_rec_dec"};
    for (size_t k = 0; k < 2 && p->pen.l2_rec > 0; k++) {
        const struct rnn_param *q = rnn_param_find(&p->net->params, names[k]);
        for (size_t i = 0; i < q->rows * q->cols; i++) L += p->pen.l2_rec * pow(p->net->theta[q->offset + i], 2);
    }
    return L;
}

/* Largest difference over the largest gradient of each block, so that a wrong small block is seen beside a large one. */
static void check_gradient(const struct rnn_spec *s, enum rnn_loss loss, double l2)
{
    struct problem p;
    const double h = 1e-4;
    set_up(&p, s, loss);
    p.pen.l2_rec = l2;
    double *grad = calloc(p.net->params.total, sizeof *grad);
    penalised(&p);
    assert_int_equal(rnn_engine_backward_f64(p.e, p.net->theta, &p.pen, grad, &p.err), 0);
    for (size_t b = 0; b < p.net->params.n; b++) {
        const struct rnn_param *q = &p.net->params.p[b];
        double worst = 0, scale = 0;
        for (size_t i = q->offset; i < q->offset + q->rows * q->cols; i++) {
            double d[2];
            const double x = p.net->theta[i];
            for (int k = 0; k < 2; k++) {
                p.net->theta[i] = x + h * (k + 1);
                d[k] = penalised(&p);
                p.net->theta[i] = x - h * (k + 1);
                d[k] = (d[k] - penalised(&p)) / (2 * h * (k + 1));
            }
            p.net->theta[i] = x;
            worst = fmax(worst, fabs((4 * d[0] - d[1]) / 3 - grad[i]));
            scale = fmax(scale, fabs(grad[i]));
        }
        if (!(scale > 1e-6) || !(worst <= 2e-7 * scale + 1e-10))
            fail_msg("%s, rank %zu, %zu heads, loss %d: %s: error %g of %g", rnn_cell_names[s->cell], s->rank, s->heads.n, (int) loss, q->name,
                     worst, scale);
    }
    free(grad);
    tear_down(&p);
}

static void gradients(void **state)
{
    (void) state;
    for (int cell = 0; cell < RNN_N_CELLS; cell++)
        for (size_t rank = 0; rank < 3; rank += 2)
            for (int latent = 0; latent < (rank && cell != RNN_GRU ? 2 : 1); latent++) {
                struct rnn_spec s = base_spec((enum rnn_cell) cell, 4);
                s.rank = rank;
                s.read_latent = latent;
                check_gradient(&s, RNN_LOSS_CE, 0);
                check_gradient(&s, RNN_LOSS_MSE, rank ? 0 : 0.1);
                s.readout = RNN_OUT_SIGMOID;
                check_gradient(&s, RNN_LOSS_MSE, 0);
                s.readout = RNN_OUT_LINEAR;
                s.h0 = RNN_H0_TRAINED;
                three_heads(&s);
                check_gradient(&s, RNN_LOSS_CE, 0);
                s.n_latent = 0; /* heads alone */
                check_gradient(&s, RNN_LOSS_CE, 0);
            }
}

/* ---- a donor in other coordinates ---- */

/* Where units are linear a rotation of the encoder changes no output; the decoder has units of its own. */
static void rotated_encoder_says_the_same(void **state)
{
    (void) state;
    struct problem p;
    struct rnn_net *turned;
    float before[K * T * ROOM], after[K * T * ROOM];
    struct rnn_spec s = base_spec(RNN_ELMAN, 4);
    s.act = RNN_LINEAR;
    three_heads(&s);
    set_up(&p, &s, RNN_LOSS_CE);
    forward(&p);
    rnn_engine_outputs_f64(p.e, before);
    p.net->id = strdup("donor");
    assert_int_equal(rnn_transfer_rotated(p.net, 1, &turned, &p.err), 0);
    assert_true(fabs(rnn_net_param(turned, "W_rec")[0] - rnn_net_param(p.net, "W_rec")[0]) > 1e-3);
    memcpy(p.net->theta, turned->theta, p.net->params.total * sizeof(double));
    rnn_net_free(turned);
    forward(&p);
    rnn_engine_outputs_f64(p.e, after);
    for (size_t i = 0; i < K * T * s.n_out; i++) assert_float_equal(before[i], after[i], 1e-5 * (1 + fabs(before[i])));
    tear_down(&p);
}

/* ---- what is refused ---- */

static void refuses(void **state)
{
    (void) state;
    struct rnn_params ps;
    struct rnn_err err;
    struct rnn_spec s = base_spec(RNN_ELMAN, 4), t;
    assert_int_equal(rnn_spec_params(&s, &ps, &err), RNN_OK);
    t = s, t.read = RNN_READ_BEFORE;
    assert_int_equal(rnn_spec_params(&t, &ps, &err), RNN_ERR_ARG);
    t = s, t.noise_rec = 0.1;
    assert_int_equal(rnn_spec_params(&t, &ps, &err), RNN_ERR_ARG);
    t = s, t.n_latent = SIZE_MAX;
    assert_int_equal(rnn_spec_params(&t, &ps, &err), RNN_ERR_LIMIT);
    t = s, three_heads(&t);
    assert_int_equal(rnn_spec_params(&t, &ps, &err), RNN_OK);
    t.readout = RNN_OUT_SOFTMAX;
    assert_int_equal(rnn_spec_params(&t, &ps, &err), RNN_ERR_ARG);
    t.readout = RNN_OUT_LINEAR, t.n_out = 8;
    assert_int_equal(rnn_spec_params(&t, &ps, &err), RNN_ERR_ARG);
    t.n_out = 10;
    assert_int_equal(rnn_spec_params(&t, &ps, &err), RNN_ERR_ARG);
    t.n_out = 9, t.heads.v[1].name[0] = '\0';
    assert_int_equal(rnn_spec_params(&t, &ps, &err), RNN_ERR_ARG);
    struct rnn_engine_f64 *e;
    double x[N] = {0}, o[4];
    assert_int_equal(rnn_engine_new_f64(&e, &s, 1, 1, false, &err), RNN_OK);
    assert_int_equal(rnn_engine_step_f64(e, x, x, x, o, &err), RNN_ERR_ARG);
    rnn_engine_free_f64(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outputs_are_those_of_two_networks),
        cmocka_unit_test(losses_are_those_of_the_outputs),
        cmocka_unit_test(gradients),
        cmocka_unit_test(rotated_encoder_says_the_same),
        cmocka_unit_test(refuses),
    };
    return EVERY_KERNEL(tests);
}
