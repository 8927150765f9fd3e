/* The engine against published and independently computed numbers, and against itself: precisions, pieces, steps by hand,
 * truncation, the fused update, Jacobians. */
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

static void close_to(double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance)) fail_msg("got %.15g, want %.15g within %g", got, want, tolerance);
}

static struct rnn_trials new_trials(size_t K, size_t T, size_t n_in, size_t n_out)
{
    return (struct rnn_trials){.K = K, .T = T, .n_in = n_in, .n_out = n_out, .u = rnn_alloc(K * T * n_in, sizeof(float)),
                               .y = rnn_alloc(K * T * n_out, sizeof(float)), .w = rnn_alloc(K * T, sizeof(double))};
}

static void free_trials(struct rnn_trials *tr)
{
    free(tr->u);
    free(tr->y);
    free(tr->w);
}

/* ---- one unit: complex-step derivatives computed independently ---- */

struct one_unit { enum rnn_cell cell; double alpha, loss, dw, du, db, dwo, dbo; };

static void one_unit_matches_complex_steps(void **state)
{
    static const struct one_unit known[] = {
        {RNN_ELMAN, 1, 0.492698035533293, 0.249726666229005, -0.00251737205986211, 0.295641796559838, 0.202641765293299, 0.443030316484218},
        {RNN_LEAKY, 0.2, 0.541603086696509, -0.000880601487001363, -0.0370269174711327, -0.033536889298687, -0.0807067748921833, -0.263578867013265},
        {RNN_LEAKY_CURRENT, 0.2, 0.528476338092426, 0.00282664078018636, -0.0430745688291393, -0.0228378802104843, -0.0616793694819103, -0.1308089634588},
    };
    const float u[] = {1, 0.5f, -0.25f, 0}, y[] = {0, 1, -1, 0.5f};
    (void) state;
    for (size_t i = 0; i < RNN_LEN(known); i++) {
        const struct one_unit *k = &known[i];
        struct rnn_spec s;
        rnn_spec_default(&s);
        s.cell = k->cell;
        s.N = s.n_in = s.n_out = 1;
        s.alpha = k->alpha;
        s.bias_in = false;
        struct rnn_trials tr = new_trials(1, 4, 1, 1);
        memcpy(tr.u, u, sizeof u);
        memcpy(tr.y, y, sizeof y);
        for (int t = 0; t < 4; t++) tr.w[t] = 1;
        const double theta[] = {0.7, 1.1, 0.1, 0.9, -0.2}; /* W_rec, W_in, b_rec, W_out, b_out */
        const double want[] = {k->dw, k->du, k->db, k->dwo, k->dbo};
        double grad[5], L;
        struct rnn_engine_f64 *e;
        const struct rnn_pass pass = {0};
        OK(rnn_engine_new_f64(&e, &s, 1, 4, true, &err));
        OK(rnn_engine_batch_f64(e, &tr, &err));
        OK(rnn_engine_forward_f64(e, theta, &pass, RNN_LOSS_MSE, RNN_NORM_POSITIONS, &L, &err));
        OK(rnn_engine_backward_f64(e, theta, NULL, grad, &err));
        close_to(L, k->loss, 2e-15);
        for (int j = 0; j < 5; j++) close_to(grad[j], want[j], 2e-15);
        rnn_engine_free_f64(e);
        free_trials(&tr);
    }
}

/* ---- two relu units on the sequence 0 0 1 1: classification and next-token prediction, and one Adam step ---- */

static struct rnn_spec schema_spec(size_t n_out)
{
    struct rnn_spec s;
    rnn_spec_default(&s);
    s.act = RNN_RELU;
    s.readout = RNN_OUT_SOFTMAX;
    s.N = 2;
    s.n_in = 3;
    s.n_out = n_out;
    s.bias_in = false;
    return s;
}

static void fill_tokens(struct rnn_trials *tr, bool predict)
{
    static const size_t token[] = {0, 0, 1, 1};
    for (size_t t = 0; t < 4; t++) {
        tr->u[t * 3 + token[t]] = 1;
        if (predict && t < 3) tr->y[t * 3 + token[t + 1]] = 1;
        tr->w[t] = predict ? t < 3 : t == 3;
    }
    if (!predict) tr->y[3 * 2 + 1] = 1;
}

static const double schema_recurrent[] = {.1, -.4, .3, .2, .5, -.2, .1, -.3, .4, .2, .05, -.02}; /* W_rec, W_in, b_rec */

static void sequence_is_classified(void **state)
{
    const struct rnn_spec s = schema_spec(2);
    const double out[] = {.6, -.1, -.5, .7, 0, .1};
    const double want[] = {-.010005, 0, -.036686, -.170242, -.020011, 0, 0, 0, -.363830, 0, -.020011, -.363830,
                           0, .186576, 0, -.186576, .378989, -.378989};
    double theta[18], grad[18], m[18] = {0}, v[18] = {0}, L;
    float rates[8];
    struct rnn_engine_f64 *e;
    struct rnn_trials tr = new_trials(1, 4, 3, 2);
    (void) state;
    memcpy(theta, schema_recurrent, sizeof schema_recurrent);
    memcpy(theta + 12, out, sizeof out);
    fill_tokens(&tr, false);
    OK(rnn_engine_new_f64(&e, &s, 1, 4, true, &err));
    OK(rnn_engine_batch_f64(e, &tr, &err));
    OK(rnn_engine_forward_f64(e, theta, &(struct rnn_pass){0}, RNN_LOSS_CE, RNN_NORM_WEIGHTS, &L, &err));
    OK(rnn_engine_backward_f64(e, theta, NULL, grad, &err));
    close_to(L, .476407096, 5e-10);
    for (int i = 0; i < 18; i++) close_to(grad[i], want[i], 5.1e-7);
    rnn_engine_states_f64(e, 0, NULL, 0, 1, rates);
    const double h[] = {.55, 0, .605, 0, 0, .5615, 0, .4923};
    for (int i = 0; i < 8; i++) close_to((double) rates[i], h[i], 1e-7);
    const struct rnn_optim adam = {.kind = RNN_ADAM, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8};
    rnn_optim_step_f64(&adam, 1, 1e-3, 18, theta, grad, m, v);
    const double after[] = {.101, -.4, .301, .201};
    for (int i = 0; i < 4; i++) close_to(theta[i], after[i], 1e-8);
    rnn_engine_free_f64(e);
    free_trials(&tr);
}

static void next_token_is_predicted(void **state)
{
    const struct rnn_spec s = schema_spec(3);
    const double out[] = {.6, -.1, -.5, .7, .2, .3, 0, .1, -.1};
    const double want_rec[] = {.110689, 0, -.065390, 0}, want_b[] = {.084831, -.108083};
    const double want_out[] = {-.016126, .048432, -.103892, -.103290, .120019, .054858};
    double theta[21], grad[21], L;
    struct rnn_engine_f64 *e;
    struct rnn_trials tr = new_trials(1, 4, 3, 3);
    (void) state;
    memcpy(theta, schema_recurrent, sizeof schema_recurrent);
    memcpy(theta + 12, out, sizeof out);
    fill_tokens(&tr, true);
    OK(rnn_engine_new_f64(&e, &s, 1, 4, true, &err));
    OK(rnn_engine_batch_f64(e, &tr, &err));
    OK(rnn_engine_forward_f64(e, theta, &(struct rnn_pass){0}, RNN_LOSS_CE, RNN_NORM_WEIGHTS, &L, &err));
    OK(rnn_engine_backward_f64(e, theta, NULL, grad, &err));
    close_to(L, 1.012450840, 5.1e-10);
    for (int i = 0; i < 4; i++) close_to(grad[i], want_rec[i], 5.1e-7);
    for (int i = 0; i < 2; i++) close_to(grad[10 + i], want_b[i], 5.1e-7);
    for (int i = 0; i < 6; i++) close_to(grad[12 + i], want_out[i], 5.1e-7);
    rnn_engine_free_f64(e);
    free_trials(&tr);
}

/* ---- short-term-memory nets with given weights: losses made with PyTorch's autograd in float64 ---- */

enum { STM_N = 100 };

struct stm_case {
    const char *name;
    size_t T, post, response; /* response: steps of the task without memory, 0 otherwise */
    size_t n;
    struct { unsigned epoch; double loss; } loss[9];
    double norms[3], last[2];
    unsigned exact_to;        /* float32: the epoch up to which its tolerance is `tight` */
    double tight;
};

static const struct stm_case stm_cases[] = {
    {"60 ms", 28, 0, 0, 9,
     {{0, .122973347669}, {1, .122250328629}, {2, .120906798470}, {10, .101923803133}, {50, .091511213398},
      {100, .089804413455}, {200, .086067353391}, {300, .067707501815}, {400, .059641024652}},
     {.1792549513, .0111533546, .1850666434}, {.519179765, .552892067}, 300, 1e-7},
    {"60 ms and 30 ms silence", 34, 6, 0, 8,
     {{0, .136807822155}, {1, .135171159084}, {2, .132134211202}, {10, .091158943727}, {50, .072555949179},
      {100, .071486424052}, {200, .069530733521}, {300, .065379396714}},
     {.2752665522, .0121026896, .2744709887}, {.519179673, .552892229}, 300, 1e-7},
    {"no memory", 26, 0, 20, 5,
     {{0, .388243743506}, {1, .306340981354}, {2, .262022282321}, {10, .257881796312}, {50, .060543169555}},
     {2.1927330492, .2124218835, 2.1502206790}, {.076756406, .212357870}, 50, 1e-6},
};

static struct rnn_spec stm_spec(const struct stm_case *c)
{
    struct rnn_spec s;
    rnn_spec_default(&s);
    s.cell = RNN_LEAKY;
    s.alpha = 0.5;
    s.dt_ms = 5;
    s.tau_ms = 10;
    s.N = STM_N;
    s.n_in = s.n_out = 2;
    s.read = RNN_READ_BEFORE;
    s.readout = c->response ? RNN_OUT_LINEAR : RNN_OUT_SIGMOID;
    return s;
}

static void stm_theta(const struct rnn_params *ps, double *theta)
{
    double *W = theta + rnn_param_find(ps, "W_rec")->offset, *W_in = theta + rnn_param_find(ps, "W_in")->offset;
    double *b_rec = theta + rnn_param_find(ps, "b_rec")->offset, *b_in = theta + rnn_param_find(ps, "b_in")->offset;
    double *W_out = theta + rnn_param_find(ps, "W_out")->offset, *b_out = theta + rnn_param_find(ps, "b_out")->offset;
    for (int i = 0; i < STM_N; i++) {
        for (int j = 0; j < STM_N; j++) W[i * STM_N + j] = i == j ? 0 : 0.1732 * sin(12.9898 * i + 78.233 * j + 1);
        for (int c = 0; c < 2; c++) {
            W_in[i * 2 + c] = 0.2425 * sin(3.7 * i + 5.1 * c + 2);
            W_out[c * STM_N + i] = 0.2425 * sin(1.9 * i + 4.3 * c + 0.4);
        }
        b_in[i] = 0.7071 * sin(1.3 * i + 0.5);
        b_rec[i] = 0.1 * sin(2.1 * i + 0.9);
    }
    for (int c = 0; c < 2; c++) b_out[c] = 0.1 * sin(c + 0.2);
}

/* Trial 0 has its cue on channel 1, trial 1 on channel 0, for six steps. */
static struct rnn_trials stm_trials(const struct stm_case *c)
{
    struct rnn_trials tr = new_trials(2, c->T, 2, 2);
    const size_t H = 10 + c->post, T = c->T;
    for (size_t k = 0; k < 2; k++) {
        for (size_t t = 0; t < T; t++) {
            const bool responds = c->response || (t >= T - H && t < T - c->post);
            if (t < 6) tr.u[(k * T + t) * 2 + (k == 0)] = 1;
            if (responds) tr.y[(k * T + t) * 2 + (k == 0)] = 1;
            tr.w[k * T + t] = c->response ? 1 : t >= T - H ? 1 - (double) H / (double) T : (double) H / (double) T;
        }
    }
    return tr;
}

static double norm_of(const struct rnn_params *ps, const char *name, const double *g)
{
    const struct rnn_param *p = rnn_param_find(ps, name);
    double sum = 0;
    for (size_t i = p->offset; i < p->offset + p->rows * p->cols; i++) sum += g[i] * g[i];
    return sqrt(sum);
}

static const struct rnn_optim stm_optim = {.kind = RNN_SGD, .momentum = 0.9, .weight_decay = 1e-7};

#define DEFINE_STM(T_, S)                                                                                            \
    static void stm_trace_##S(const struct stm_case *c, double *trace, double norms[3], double last[2])              \
    {                                                                                                                \
        const struct rnn_spec s = stm_spec(c);                                                                       \
        struct rnn_params ps;                                                                                        \
        struct rnn_engine_##S *e;                                                                                    \
        struct rnn_trials tr = stm_trials(c);                                                                        \
        double r0[2 * STM_N];                                                                                        \
        float o[2 * 40 * 2];                                                                                         \
        OK(rnn_spec_params(&s, &ps, &err));                                                                          \
        T_ *theta = rnn_alloc(ps.total, sizeof *theta), *g = rnn_alloc(ps.total, sizeof *g), *vel = rnn_alloc(ps.total, sizeof *vel); \
        double *start = rnn_alloc(ps.total, sizeof *start);                                                          \
        stm_theta(&ps, start);                                                                                       \
        for (size_t i = 0; i < ps.total; i++) theta[i] = (T_) start[i];                                              \
        for (int k = 0; k < 2; k++)                                                                                  \
            for (int i = 0; i < STM_N; i++) r0[k * STM_N + i] = tanh(0.1 * sin(0.37 * i + 2.3 * k));                 \
        const struct rnn_pass pass = {.state0 = r0};                                                                 \
        OK(rnn_engine_new_##S(&e, &s, 2, c->T, true, &err));                                                         \
        OK(rnn_engine_batch_##S(e, &tr, &err));                                                                      \
        for (unsigned epoch = 0, k = 0; k < c->n; epoch++) {                                                         \
            double L;                                                                                                \
            OK(rnn_engine_forward_##S(e, theta, &pass, RNN_LOSS_MSE, RNN_NORM_POSITIONS, &L, &err));                 \
            if (epoch == c->loss[k].epoch) trace[k++] = L;                                                           \
            OK(rnn_engine_backward_##S(e, theta, NULL, g, &err));                                                    \
            if (epoch == 0) {                                                                                        \
                for (size_t i = 0; i < ps.total; i++) start[i] = (double) g[i];                                      \
                norms[0] = norm_of(&ps, "W_rec", start);                                                             \
                norms[1] = norm_of(&ps, "W_in", start);                                                              \
                norms[2] = norm_of(&ps, "W_out", start);                                                             \
                rnn_engine_outputs_##S(e, o);                                                                        \
                last[0] = (double) o[(c->T - 1) * 2];                                                                \
                last[1] = (double) o[(c->T - 1) * 2 + 1];                                                            \
            }                                                                                                        \
            rnn_optim_step_##S(&stm_optim, epoch + 1, 0.01, ps.total, theta, g, vel, NULL);                          \
        }                                                                                                            \
        rnn_engine_free_##S(e);                                                                                      \
        free_trials(&tr);                                                                                            \
        free(theta);                                                                                                 \
        free(g);                                                                                                     \
        free(vel);                                                                                                   \
        free(start);                                                                                                 \
    }
DEFINE_STM(float, f32)
DEFINE_STM(double, f64)

static void short_term_memory_traces(void **state)
{
    (void) state;
    for (size_t i = 0; i < RNN_LEN(stm_cases); i++) {
        const struct stm_case *c = &stm_cases[i];
        double trace[9], norms[3], last[2];
        stm_trace_f64(c, trace, norms, last);
        for (size_t k = 0; k < c->n; k++) close_to(trace[k], c->loss[k].loss, c->loss[k].epoch <= 100 ? 1e-10 : 1e-8);
        for (int k = 0; k < 3; k++) close_to(norms[k], c->norms[k], 1e-10);
        for (int k = 0; k < 2; k++) close_to(last[k], c->last[k], 3e-8); /* outputs leave the engine in float32 */
        stm_trace_f32(c, trace, norms, last);
        for (size_t k = 0; k < c->n; k++) close_to(trace[k], c->loss[k].loss, c->loss[k].epoch <= c->exact_to ? c->tight : 2e-6);
        for (int k = 0; k < 3; k++) close_to(norms[k], c->norms[k], 2e-6);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_unit_matches_complex_steps),
        cmocka_unit_test(sequence_is_classified),
        cmocka_unit_test(next_token_is_predicted),
        cmocka_unit_test(short_term_memory_traces),
    };
    return EVERY_KERNEL(tests);
}
