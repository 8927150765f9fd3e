/* Running networks: against single-trial dynamics in float64, and properties that every run must have. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "model/run.h"

static struct rnn_err err;
#define OK(expr) do { if ((expr) < 0) fail_msg("%s: %s", #expr, err.msg); } while (0)

static void close_to(double a, double b, double tol)
{
    if (!(fabs(a - b) <= tol)) fail_msg("%.17g is not %.17g", a, b);
}

/* key and value, then --suffix 3: only the next-token task has both. */
static struct rnn_task *make_task(const char *name, const char *key, const char *value)
{
    struct rnn_task *t;
    struct rnn_kvs params = { 0 };
    if (key) OK(rnn_kvs_from_text(&params, key, value, &err));
    if (key) OK(rnn_kvs_uint(&params, "suffix", 3, &err));
    OK(rnn_task_make(&t, name, &params, 7, &err));
    rnn_kvs_release(&params);
    return t;
}

static struct rnn_net *make_net(const struct rnn_task *t, enum rnn_cell cell, size_t N, size_t rank, int bits)
{
    struct rnn_spec s;
    struct rnn_net *net;
    struct rnn_init_plan plan = { .W_rec = { RNN_INIT_GAUSS, 1.2 }, .factor = { RNN_INIT_GAUSS, 1.2 },
                                   .W_in = { RNN_INIT_UNIFORM, 1 }, .W_out = { RNN_INIT_UNIFORM, 1 }, .bias = { RNN_INIT_UNIFORM, 1 }, .b_out_sd = -1, .h0_sd = 0.1 };
    rnn_spec_default(&s);
    s.cell = cell;
    s.N = N;
    s.n_in = t->n_in;
    s.n_out = t->n_out;
    s.rank = rank;
    if (cell == RNN_LEAKY || cell == RNN_LEAKY_CURRENT) s.alpha = 0.3;
    OK(rnn_net_new(&net, &s, &err));
    net->precision_bits = bits;
    net->id = rnn_strdup("net-0003");
    net->index = 3;
    OK(rnn_net_init(net, &plan, 11, &err));
    return net;
}

static void draw(const struct rnn_task *t, size_t K, struct rnn_trials *tr)
{
    OK(rnn_task_trials(t, RNN_TEST, 0, NULL, 0, K, 0, tr, &err));
}

/* The largest difference between a run and the same steps taken one by one. */
static double against_steps(const struct rnn_net *net, const struct rnn_trials *tr, const struct rnn_run_result *r)
{
    const size_t N = net->spec.N, n = tr->n_out;
    double x[64], next[64], u[8], o[8], worst = 0;
    for (size_t k = 0; k < tr->K; k++) {
        memset(x, 0, sizeof x);
        for (size_t t = 0; t < r->T; t++) {
            for (size_t i = 0; i < tr->n_in; i++) u[i] = t < tr->T ? tr->u[(k * tr->T + t) * tr->n_in + i] : 0;
            if (net->spec.read == RNN_READ_BEFORE) OK(rnn_net_readout(net, x, NULL, o, &err));
            OK(rnn_net_step(net, x, u, next, &err));
            memcpy(x, next, N * sizeof *x);
            if (net->spec.read == RNN_READ_AFTER) OK(rnn_net_readout(net, x, NULL, o, &err));
            for (size_t c = 0; c < n; c++) worst = fmax(worst, fabs(o[c] - r->o[(k * r->T + t) * n + c]));
        }
        for (size_t i = 0; i < N; i++) worst = fmax(worst, fabs(x[i] - r->last[k * N + i]));
    }
    return worst;
}

static void runs_equal_steps(void **state)
{
    (void)state;
    struct rnn_task *t = make_task("flip-flop", NULL, NULL);
    struct rnn_trials tr;
    draw(t, 5, &tr);
    for (int cell = 0; cell < RNN_N_CELLS; cell++)
        for (size_t rank = 0; rank <= 2; rank += 2)
            for (int bits = 32; bits <= 64; bits += 32) {
                struct rnn_net *net = make_net(t, (enum rnn_cell)cell, 24, rank, bits);
                struct rnn_run_opts opts = RNN_RUN_DEFAULT;
                struct rnn_run_result r;
                net->spec.read = bits == 64 ? RNN_READ_BEFORE : RNN_READ_AFTER;
                opts.extra_steps = 3;
                OK(rnn_run_score(net, t, &tr, &opts, &r, &err));
                /* outputs are float32; rounding grows with the steps of a network of gain 1.2 */
                assert_true(against_steps(net, &tr, &r) < (bits == 64 ? 1e-6 : 2e-3));
                rnn_run_release(&r);
                rnn_net_free(net);
            }
    rnn_trials_release(&tr);
    rnn_task_free(t);
}

static void trials_do_not_depend_on_count(void **state)
{
    (void)state;
    struct rnn_task *t = make_task("cue-discrimination", NULL, NULL);
    struct rnn_net *net = make_net(t, RNN_LEAKY, 50, 0, 32);
    struct rnn_trials few, many;
    struct rnn_run_opts opts = RNN_RUN_DEFAULT;
    struct rnn_run_result a, b;
    net->spec.noise_rec = 0.1;
    net->spec.h0 = RNN_H0_NORMAL;
    net->spec.h0_sd = 0.5;
    draw(t, 131, &few);
    draw(t, 300, &many);
    OK(rnn_run_score(net, t, &few, &opts, &a, &err));
    OK(rnn_run_score(net, t, &many, &opts, &b, &err));
    assert_memory_equal(a.o, b.o, few.K * a.T * a.n_out * sizeof *a.o);
    assert_memory_not_equal(b.o, b.o + 128 * b.T * b.n_out, b.T * b.n_out * sizeof *b.o); /* another block, other noise */
    rnn_run_release(&a);
    rnn_run_release(&b);
    rnn_trials_release(&few);
    rnn_trials_release(&many);
    rnn_net_free(net);
    rnn_task_free(t);
}

/* A run in pieces (more than 1024 steps) is the run whose start was a part of it, noise included. */
static void long_runs_continue(void **state)
{
    (void)state;
    struct rnn_task *t = make_task("cue-discrimination", NULL, NULL);
    struct rnn_net *net = make_net(t, RNN_LEAKY_CURRENT, 16, 0, 32);
    struct rnn_trials tr;
    struct rnn_run_opts opts = RNN_RUN_DEFAULT;
    struct rnn_run_result a, b;
    net->spec.noise_rec = 0.2;
    draw(t, 4, &tr);
    opts.extra_steps = 1500;
    OK(rnn_run_score(net, t, &tr, &opts, &a, &err));
    opts.extra_steps = 900;
    OK(rnn_run_score(net, t, &tr, &opts, &b, &err));
    for (size_t k = 0; k < tr.K; k++)
        for (size_t i = 0; i < b.T * b.n_out; i++) assert_true(fabsf(a.o[k * a.T * a.n_out + i] - b.o[k * b.T * b.n_out + i]) < 1e-3F);
    rnn_run_release(&a);
    rnn_run_release(&b);
    rnn_net_free(net);
    /* without memory and input a step is its noise: that of the second piece is not the first one's again */
    net = make_net(t, RNN_ELMAN, 16, 0, 32);
    memset(rnn_net_param(net, "W_rec"), 0, 16 * 16 * sizeof(double));
    net->spec.noise_rec = 0.2;
    opts.extra_steps = 1500;
    OK(rnn_run_score(net, t, &tr, &opts, &a, &err));
    for (size_t step = 10; step < 400; step++) assert_true(a.o[step * a.n_out] != a.o[(step + 1024) * a.n_out]);
    rnn_run_release(&a);
    rnn_trials_release(&tr);
    rnn_net_free(net);
    rnn_task_free(t);
}

/* Loss and scores against sums written out. */
static void losses_add_up(void **state)
{
    (void)state;
    float o[] = { 1, 0, 3, -1 }, y[] = { 0, 0, 1, 0 };
    double w[] = { 2, 0.5 };
    struct rnn_trials tr = { .K = 1, .T = 2, .n_in = 1, .n_out = 2, .y = y, .w = w };
    close_to(rnn_run_loss(&tr, o, RNN_LOSS_MSE, RNN_NORM_POSITIONS, RNN_OUT_LINEAR, 0, 2), (2 * 1 + 0.5 * 5) / 4, 1e-12);
    close_to(rnn_run_loss(&tr, o, RNN_LOSS_MSE, RNN_NORM_WEIGHTS, RNN_OUT_LINEAR, 0, 2), (2 * 1 + 0.5 * 5) / 5, 1e-12);
    close_to(rnn_run_loss(&tr, o, RNN_LOSS_MSE, RNN_NORM_POSITIONS, RNN_OUT_LINEAR, 1, 2), 0.5 * 5 / 2, 1e-12);
    /* log(1 + exp(-4)) */
    close_to(rnn_run_loss(&tr, o, RNN_LOSS_CE, RNN_NORM_WEIGHTS, RNN_OUT_LINEAR, 1, 2), log1p(exp(-4)), 1e-9);
    double m[RNN_N_GENERIC];
    rnn_generic_score(&tr, o, m);
    close_to(m[RNN_GENERIC_ACCURACY], 1, 0); /* the first step has no single largest target */
    close_to(m[RNN_GENERIC_MSE], 4.5 / 5, 1e-12);
    float hole[] = { 1, 0, 3, NAN };
    rnn_generic_score(&tr, hole, m);
    close_to(m[RNN_GENERIC_ACCURACY], 0, 0); /* a largest output beside one that is no number */
    rnn_generic_score(&tr, o, m);
    /* channel 0: mean 0.2, sum w (y - mean)^2 = 2 x 0.04 + 0.5 x 0.64 = 0.4; channel 1: 0 */
    close_to(m[RNN_GENERIC_R2], 1 - 4.5 / 0.4, 1e-6);
}

static void silenced_units_are_not_heard(void **state)
{
    (void)state;
    struct rnn_task *t = make_task("flip-flop", NULL, NULL);
    struct rnn_trials tr;
    draw(t, 3, &tr);
    for (int cell = 0; cell < RNN_N_CELLS; cell++) {
        struct rnn_net *net = make_net(t, (enum rnn_cell)cell, 20, cell == RNN_ELMAN ? 2 : 0, 64);
        struct rnn_run_opts opts = RNN_RUN_DEFAULT;
        const size_t silent[] = { 4, 11 };
        struct rnn_run_result a, b, c;
        OK(rnn_run_score(net, t, &tr, &opts, &c, &err));
        opts.silent = silent;
        opts.n_silent = 2;
        OK(rnn_run_score(net, t, &tr, &opts, &a, &err));
        /* what drives the silent units makes no difference to the outputs */
        double *W_in = rnn_net_param(net, "W_in");
        const size_t gates = cell == RNN_GRU ? 3 : 1;
        for (size_t g = 0; g < gates; g++)
            for (size_t i = 0; i < t->n_in; i++) W_in[(g * 20 + 11) * t->n_in + i] = 5;
        OK(rnn_run_score(net, t, &tr, &opts, &b, &err));
        assert_memory_equal(a.o, b.o, tr.K * a.T * a.n_out * sizeof *a.o);
        assert_memory_not_equal(a.o, c.o, tr.K * a.T * a.n_out * sizeof *a.o);
        rnn_run_release(&a);
        rnn_run_release(&b);
        rnn_run_release(&c);
        rnn_net_free(net);
    }
    rnn_trials_release(&tr);
    rnn_task_free(t);
}

/* arg: the unit that must be at zero from the beginning, and no other with it. */
static int see_silence(void *arg, const struct rnn_run_seen *seen, struct rnn_err *e)
{
    const size_t N = 5, unit = *(const size_t *)arg;
    (void)e;
    for (size_t i = 0; i < seen->K * N; i++) assert_true((seen->r0[i] == 0) == (i % N == unit));
    for (size_t i = 0; i < seen->K * seen->n_steps * N; i++) assert_true((seen->x[i] == 0) == (i % N == unit));
    return RNN_OK;
}

/* As many latent variables as units: columns of W_out are latent variables then, and a unit is silenced through n alone. */
static void silence_spares_latent_variables(void **state)
{
    (void)state;
    enum { N = 5, UNIT = 2, K = 3 };
    struct rnn_task *t = make_task("flip-flop", NULL, NULL);
    struct rnn_net *full = make_net(t, RNN_ELMAN, N, N, 64), *net;
    struct rnn_spec s = full->spec;
    struct rnn_trials tr;
    struct rnn_run_opts opts = RNN_RUN_DEFAULT;
    struct rnn_run_result a, b;
    size_t silent[] = { UNIT };
    double state0[K * N];
    for (size_t i = 0; i < RNN_LEN(state0); i++) state0[i] = 0.5;
    s.read_latent = true;
    OK(rnn_net_new(&net, &s, &err));
    assert_int_equal(net->params.total, full->params.total);
    memcpy(net->theta, full->theta, full->params.total * sizeof *net->theta);
    draw(t, K, &tr);
    opts.state0 = state0;
    opts.silent = opts.sink_arg = silent;
    opts.n_silent = 1;
    opts.sink = see_silence;
    OK(rnn_run_score(net, t, &tr, &opts, &a, &err));
    double *n = rnn_net_param(net, "n");
    for (size_t i = 0; i < N; i++) n[i * N + UNIT] = 0;
    opts.n_silent = 0;
    opts.sink = NULL;
    OK(rnn_run_score(net, t, &tr, &opts, &b, &err));
    assert_memory_equal(a.o, b.o, tr.K * a.T * a.n_out * sizeof *a.o);
    rnn_run_release(&a);
    rnn_run_release(&b);
    rnn_net_free(net);
    rnn_net_free(full);
    rnn_trials_release(&tr);
    rnn_task_free(t);
}

/* Before the kick nothing changes; after it the state does, by a kick that is the trial's own. */
static void kicks_come_when_told(void **state)
{
    (void)state;
    struct rnn_task *t = make_task("cue-discrimination", NULL, NULL);
    struct rnn_net *net = make_net(t, RNN_LEAKY, 16, 0, 32);
    struct rnn_trials tr;
    struct rnn_run_opts opts = RNN_RUN_DEFAULT;
    struct rnn_run_result a, b;
    net->spec.noise_rec = 0.01;
    draw(t, 2, &tr);
    OK(rnn_run_score(net, t, &tr, &opts, &a, &err));
    for (size_t step = 0; step < 10; step += 9) {
        opts.kick_sd = 0.5;
        opts.kick_step = step;
        OK(rnn_run_score(net, t, &tr, &opts, &b, &err));
        assert_true(step == 0 || !memcmp(a.o, b.o, step * a.n_out * sizeof *a.o));
        assert_memory_not_equal(a.o + step * a.n_out, b.o + step * a.n_out, a.n_out * sizeof *a.o);
        rnn_run_release(&b);
    }
    opts.kick_step = a.T;
    assert_int_equal(rnn_run_score(net, t, &tr, &opts, &b, &err), RNN_ERR_ARG);
    rnn_run_release(&a);
    rnn_trials_release(&tr);
    rnn_net_free(net);
    rnn_task_free(t);
}

static int keep_first(void *arg, const struct rnn_run_seen *seen, struct rnn_err *e)
{
    (void)e;
    memcpy(arg, seen->x, 3 * seen->n_steps * sizeof(float));
    assert_int_equal(seen->first, 0);
    return RNN_OK;
}

/* Thinned activity of some units is part of the full one. */
static void activity_is_thinned(void **state)
{
    (void)state;
    struct rnn_task *t = make_task("flip-flop", NULL, NULL);
    struct rnn_net *net = make_net(t, RNN_ELMAN, 16, 0, 32);
    struct rnn_trials tr;
    struct rnn_run_opts opts = RNN_RUN_DEFAULT;
    struct rnn_run_result r;
    const size_t units[] = { 9, 2, 5 };
    float all[3 * 128], some[3 * 128];
    draw(t, 1, &tr);
    opts.sink = keep_first;
    opts.units = units;
    opts.n_units = 3;
    opts.sink_arg = all;
    OK(rnn_run_score(net, t, &tr, &opts, &r, &err));
    for (size_t j = 0; j < 3; j++) assert_true(all[(r.T - 1) * 3 + j] == (float)r.last[units[j]]);
    rnn_run_release(&r);
    opts.thin = 5;
    opts.sink_arg = some;
    OK(rnn_run_score(net, t, &tr, &opts, &r, &err));
    for (size_t s = 0; s * 5 < r.T; s++) assert_memory_equal(some + s * 3, all + s * 15, 3 * sizeof *all);
    rnn_run_release(&r);
    rnn_trials_release(&tr);
    rnn_net_free(net);
    rnn_task_free(t);
}

/* A network that repeats its input's token for ever: free running must feed back its own choices. */
static void free_runs_feed_back(void **state)
{
    (void)state;
    struct rnn_task *t = make_task("sequence", "objective", "next-token");
    struct rnn_trials tr;
    draw(t, 6, &tr);
    struct rnn_net *net = make_net(t, RNN_ELMAN, t->n_in, 0, 32);
    memset(net->theta, 0, net->params.total * sizeof *net->theta);
    for (size_t i = 0; i < t->n_in; i++) {
        rnn_net_param(net, "W_in")[i * t->n_in + i] = 1;
        rnn_net_param(net, "W_out")[(i + 1) % t->n_in * t->n_in + i] = 1; /* the next token is this one plus one */
    }
    struct rnn_run_opts opts = RNN_RUN_DEFAULT;
    struct rnn_run_result r;
    assert_true(t->closed_loop);
    OK(rnn_run_score(net, t, &tr, &opts, &r, &err));
    for (size_t k = 0; k < tr.K; k++) {
        size_t token = 0;
        while (tr.u[(k * tr.T + t->cue_steps - 1) * tr.n_in + token] == 0) token++;
        for (size_t s = t->cue_steps - 1; s < tr.T; s++) {
            token = (token + 1) % t->n_in;
            assert_true(r.o_free[(k * tr.T + s) * tr.n_out + token] > 0.5F);
        }
    }
    rnn_run_release(&r);
    rnn_trials_release(&tr);
    rnn_net_free(net);
    rnn_task_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_equal_steps), cmocka_unit_test(trials_do_not_depend_on_count), cmocka_unit_test(long_runs_continue),
        cmocka_unit_test(losses_add_up), cmocka_unit_test(silenced_units_are_not_heard), cmocka_unit_test(silence_spares_latent_variables),
        cmocka_unit_test(kicks_come_when_told),
        cmocka_unit_test(activity_is_thinned), cmocka_unit_test(free_runs_feed_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
