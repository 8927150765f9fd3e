/* Training on a network's own continuations, against the branching graph that defines it: from every true state h(t) a branch of its own,
 * drawn here once more from the documented addresses and differentiated by central differences with the draws held. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "model/train.h"
#include "model/train_state.h"
#include "num/kernels.h"
#include "num/rng.h"

enum { UNITS = 5, TOKENS = 4, STEPS = 6, TRIALS = 3 };

static struct rnn_err err;

static void ok(int rc)
{
    if (rc < 0) fail_msg("%s", err.msg);
}

static struct rnn_task *make_task(const char *objective, const char *suffix)
{
    const char *const kv[] = { "tokens", "4", "pattern-length", "4", "suffix", suffix, "objective", objective };
    struct rnn_kvs p = { 0 };
    struct rnn_task *t;
    for (size_t i = 0; i < 8; i += 2) ok(rnn_kvs_from_text(&p, kv[i], kv[i + 1], &err));
    ok(rnn_task_make(&t, "sequence", &p, 3, &err));
    rnn_kvs_release(&p);
    return t;
}

/* One update of plain gradient descent at rate 1: the parameters move by the gradient. */
static struct rnn_train_config one_update(size_t k)
{
    struct rnn_train_config c;
    rnn_train_config_default(&c);
    c.spec = (struct rnn_spec){ .cell = RNN_ELMAN, .act = RNN_TANH, .readout = RNN_OUT_LINEAR, .N = UNITS, .bias_rec = true, .bias_out = true,
                                .dt_ms = 1, .tau_ms = 1, .alpha = 1 };
    c.optim = (struct rnn_optim){ .kind = RNN_SGD };
    c.lr = 1;
    c.batch = TRIALS;
    c.updates = 1;
    c.shuffle = false;
    c.rollout = k;
    c.init.W_rec.gain = c.init.W_out.gain = 3; /* far from uniform predictions */
    c.precision_bits = 64;
    c.seed = 11;
    return c;
}

/* h = tanh(W h + W_in e(token) + b) */
static void step(const struct rnn_net *n, const double *h, size_t token, double *next)
{
    const double *W = rnn_net_param(n, "W_rec"), *W_in = rnn_net_param(n, "W_in"), *b = rnn_net_param(n, "b_rec");
    for (size_t i = 0; i < UNITS; i++) {
        double z = b[i] + W_in[i * TOKENS + token];
        for (size_t j = 0; j < UNITS; j++) z += W[i * UNITS + j] * h[j];
        next[i] = tanh(z);
    }
}

static void softmax(const struct rnn_net *n, const double *h, double *p)
{
    const double *W = rnn_net_param(n, "W_out"), *c = rnn_net_param(n, "b_out");
    double sum = 0;
    for (size_t i = 0; i < TOKENS; i++) {
        p[i] = c[i];
        for (size_t j = 0; j < UNITS; j++) p[i] += W[i * UNITS + j] * h[j];
        sum += p[i] = exp(p[i]);
    }
    for (size_t i = 0; i < TOKENS; i++) p[i] /= sum;
}

static size_t token_of(const float *u)
{
    size_t i = 0;
    while (i < TOKENS - 1 && !(u[i] > 0)) i++;
    return i;
}

static size_t draw(const struct rnn_train_config *c, size_t trial, size_t start, size_t at, const double *p)
{
    struct rnn_rng g;
    ok(rnn_rng_at(&g, c->seed, RNN_RNG_ROLLOUT, 0, 0, (trial * STEPS + start) * STEPS + at, &err));
    double u = rnn_rng_uniform(&g);
    size_t i = 0;
    while (i < TOKENS - 1 && u >= p[i]) u -= p[i++];
    return i;
}

/* The loss of one trial, its tokens x: from h(t) on, the next K tokens.  Draws are made (and kept in `drawn`) or taken from there. */
static double branches(const struct rnn_train_config *c, const struct rnn_net *n, size_t trial, const size_t *x, bool make, size_t (*drawn)[STEPS])
{
    double h[UNITS] = { 0 }, sum = 0;
    for (size_t t = 0; t + c->rollout < STEPS; t++) {
        double branch[UNITS], next[UNITS], p[TOKENS];
        step(n, h, x[t], next);
        memcpy(h, next, sizeof h);
        memcpy(branch, h, sizeof h);
        for (size_t j = 0; j < c->rollout; j++) {
            softmax(n, branch, p);
            sum -= log(p[x[t + j + 1]]);
            if (make) drawn[t][j] = draw(c, trial, t, t + j + 1, p);
            step(n, branch, drawn[t][j], next);
            memcpy(branch, next, sizeof branch);
        }
    }
    return sum / (double)(c->rollout * (STEPS - c->rollout));
}

static double graph_loss(const struct rnn_train_config *c, const struct rnn_net *n, const struct rnn_trials *tr, bool make,
                         size_t (*drawn)[STEPS][STEPS])
{
    double sum = 0;
    for (size_t k = 0; k < TRIALS; k++) {
        size_t x[STEPS];
        for (size_t s = 0; s < STEPS; s++) x[s] = token_of(tr->u + (k * STEPS + s) * TOKENS);
        sum += branches(c, n, k, x, make, drawn[k]);
    }
    return sum / TRIALS;
}

static void check_gradient(size_t k)
{
    struct rnn_task *task = make_task("next-token", "2");
    struct rnn_train_config c = one_update(k);
    const struct rnn_train_data d = { .task = task };
    struct rnn_trainer *t;
    struct rnn_trials tr;
    struct rnn_net *n;
    static size_t drawn[TRIALS][STEPS][STEPS];
    ok(rnn_train_resolve(&c, &d, &err));
    ok(rnn_trainer_new(&t, &c, &d, NULL, 0, &err));
    assert_int_equal(rnn_trainer_advance(t, 2, &err), RNN_EOS);
    ok(rnn_trainer_finish(t, &n, &err));
    ok(rnn_task_trials(task, RNN_TRAIN, 0, NULL, 0, TRIALS, 0, &tr, &err));
    double *after = malloc(n->params.total * sizeof *after);
    assert_non_null(after);
    memcpy(after, n->theta, n->params.total * sizeof *after);
    memcpy(n->theta, n->theta0, n->params.total * sizeof *after);
    assert_true(fabs(graph_loss(&c, n, &tr, true, drawn) - rnn_trainer_loss(t)) < 1e-12);
    for (size_t i = 0; i < n->params.total; i++) {
        const double x = n->theta[i], h = 1e-5;
        n->theta[i] = x + h;
        const double up = graph_loss(&c, n, &tr, false, drawn);
        n->theta[i] = x - h;
        const double down = graph_loss(&c, n, &tr, false, drawn);
        n->theta[i] = x;
        const double want = (up - down) / (2 * h), got = x - after[i];
        if (fabs(got - want) > 1e-8) fail_msg("K %zu, parameter %zu: gradient %.12f, not %.12f", k, i, got, want);
    }
    free(after);
    rnn_trials_release(&tr);
    rnn_net_free(n);
    rnn_trainer_free(t);
    rnn_task_free(task);
}

static void test_gradient_of_the_branching_graph(void **state)
{
    (void)state;
    for (size_t k = 1; k < STEPS; k++) check_gradient(k);
}

/* Spec of the released code: k(epoch) = 1 + floor(epoch / epochs * k_max). */
static void test_schedule(void **state)
{
    (void)state;
    struct rnn_train_config c = one_update(3);
    assert_int_equal(rnn_rollout_depth(&c, 7, 350, 0), 3);
    c.rollout_schedule = RNN_ROLLOUT_LINEAR;
    for (uint64_t epoch = 0; epoch < 50; epoch++) {
        const size_t want = epoch < 17 ? 1 : epoch < 34 ? 2 : 3;
        assert_int_equal(rnn_rollout_depth(&c, 7, 350, 7 * epoch), want);
        assert_int_equal(rnn_rollout_depth(&c, 7, 350, 7 * epoch + 6), want);
    }
}

/* Parameters after `epochs` of 9 updates. */
static void after(size_t rollout, enum rnn_rollout_schedule schedule, uint64_t epochs, uint64_t of, double *theta)
{
    struct rnn_task *task = make_task("next-token", "2");
    struct rnn_train_config c = one_update(rollout);
    const struct rnn_train_data d = { .task = task };
    struct rnn_trainer *t;
    c.rollout_schedule = schedule;
    c.lr = 0.1;
    c.updates = 0;
    c.epochs = of;
    ok(rnn_train_resolve(&c, &d, &err));
    ok(rnn_trainer_new(&t, &c, &d, NULL, 0, &err));
    ok(rnn_trainer_advance(t, epochs * rnn_train_epoch_updates(&c, &d), &err));
    rnn_trainer_theta(t, theta);
    rnn_trainer_free(t);
    rnn_task_free(task);
}

/* While the schedule stands at 1, training is the usual one; after that it is not. */
static void test_schedule_begins_as_usual(void **state)
{
    (void)state;
    enum { TOTAL = UNITS * (UNITS + 2 * TOKENS + 1) + TOKENS };
    double usual[TOTAL], scheduled[TOTAL];
    after(1, RNN_ROLLOUT_CONSTANT, 2, 4, usual);
    after(2, RNN_ROLLOUT_LINEAR, 2, 4, scheduled);
    for (size_t i = 0; i < TOTAL; i++) assert_true(fabs(usual[i] - scheduled[i]) < 1e-12);
    double moved = 0;
    after(1, RNN_ROLLOUT_CONSTANT, 3, 4, usual);
    after(2, RNN_ROLLOUT_LINEAR, 3, 4, scheduled);
    for (size_t i = 0; i < TOTAL; i++) moved = fmax(moved, fabs(usual[i] - scheduled[i]));
    assert_true(moved > 1e-3);
}

/* A saved state goes on with the same draws. */
static void test_resumes(void **state)
{
    (void)state;
    struct rnn_task *task = make_task("next-token", "2");
    struct rnn_train_config c = one_update(3);
    const struct rnn_train_data d = { .task = task };
    struct rnn_trainer *t[2];
    unsigned char *buf = NULL;
    size_t cap = 0, len;
    double theta[2][UNITS * (UNITS + 2 * TOKENS + 1) + TOKENS];
    c.updates = 40;
    c.spec.noise_rec = 0.1;
    ok(rnn_train_resolve(&c, &d, &err));
    for (size_t i = 0; i < 2; i++) ok(rnn_trainer_new(&t[i], &c, &d, NULL, 1, &err));
    ok(rnn_trainer_advance(t[0], 15, &err));
    ok(rnn_trainer_save(t[0], &buf, &cap, &len, &err));
    ok(rnn_trainer_load(t[1], buf, len, &err));
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(rnn_trainer_advance(t[i], 40, &err), RNN_EOS);
        rnn_trainer_theta(t[i], theta[i]);
        rnn_trainer_free(t[i]);
    }
    assert_memory_equal(theta[0], theta[1], sizeof theta[0]);
    free(buf);
    rnn_task_free(task);
}

static void refuses(const char *objective, const char *suffix, struct rnn_train_config c, const char *why)
{
    struct rnn_task *task = make_task(objective, suffix);
    const struct rnn_train_data d = { .task = task };
    assert_int_equal(rnn_train_resolve(&c, &d, &err), RNN_ERR_ARG);
    if (!strstr(err.msg, why)) fail_msg("said: %s", err.msg);
    rnn_task_free(task);
}

static void test_refuses(void **state)
{
    (void)state;
    struct rnn_train_config c = one_update(2);
    refuses("classify", "2", c, "next-token");
    refuses("next-token", "0", c, "with a suffix");
    c.loss_steps = RNN_STEPS_LAST;
    refuses("next-token", "2", c, "--loss-steps");
    c = one_update(2);
    c.loss = RNN_LOSS_MSE;
    refuses("next-token", "2", c, "--loss cross-entropy");
    c = one_update(2);
    c.norm = RNN_NORM_POSITIONS;
    refuses("next-token", "2", c, "--loss-norm weights");
    c = one_update(STEPS);
    refuses("next-token", "2", c, "below the 6 steps");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradient_of_the_branching_graph), cmocka_unit_test(test_schedule), cmocka_unit_test(test_schedule_begins_as_usual),
        cmocka_unit_test(test_resumes), cmocka_unit_test(test_refuses),
    };
    ok(rnn_kernels_select(NULL, &err));
    rnn_flush_denormals();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
