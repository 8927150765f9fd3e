/* Training against values that others computed: the full-rank traces (an independent autograd run) and the rank-2 histories of
 * the short-term memory study, and against itself: pieces, saved states, shared addresses. */
#include <complex.h>
#include "training.h"

#include <stdio.h>
#include <stdlib.h>
#include "base/mem.h"
#include "model/reduced.h"
#include "model/train_state.h"
#include "num/kernels.h"
#include "num/linalg.h"

enum { UNITS = 100 };

static double loss_at(const struct rnn_trainer *t, uint64_t u)
{
    return cell_at(t, u, "loss");
}

/* ---- the full-rank traces ---- */

struct trace {
    const char *delay, *post, *response;
    bool no_memory;
    uint64_t updates;
    double tol32, tol64;
    struct { uint64_t u; double loss; } at[10];
};

static struct rnn_train_config full_rank(const struct trace *c, int bits)
{
    struct rnn_train_config k;
    rnn_train_config_default(&k);
    k.spec = (struct rnn_spec){ .cell = RNN_LEAKY, .act = RNN_TANH, .readout = c->no_memory ? RNN_OUT_LINEAR : RNN_OUT_SIGMOID,
                                .read = RNN_READ_BEFORE, .N = UNITS, .bias_rec = true, .bias_in = true, .bias_out = true, .dt_ms = 5, .tau_ms = 10,
                                .alpha = 0.5 };
    k.optim = (struct rnn_optim){ .kind = RNN_SGD, .momentum = 0.9, .weight_decay = 1e-7 };
    k.lr = 0.01;
    k.batch = 2;
    k.updates = c->updates;
    k.log_every = 1;
    k.precision_bits = bits;
    return k;
}

/* The stated weights: sines of the indices. */
static struct rnn_net *stated_net(const struct rnn_spec *spec)
{
    struct rnn_net *n;
    struct rnn_spec s = *spec;
    s.n_in = s.n_out = 2;
    ok(rnn_net_new(&n, &s, &err));
    double *W = rnn_net_param(n, "W_rec"), *W_in = rnn_net_param(n, "W_in"), *W_out = rnn_net_param(n, "W_out");
    for (int i = 0; i < UNITS; i++) {
        for (int j = 0; j < UNITS; j++) W[i * UNITS + j] = i == j ? 0 : 0.1732 * sin(12.9898 * i + 78.233 * j + 1);
        for (int c = 0; c < 2; c++) {
            W_in[i * 2 + c] = 0.2425 * sin(3.7 * i + 5.1 * c + 2);
            W_out[c * UNITS + i] = 0.2425 * sin(1.9 * i + 4.3 * c + 0.4);
        }
        rnn_net_param(n, "b_in")[i] = 0.7071 * sin(1.3 * i + 0.5);
        rnn_net_param(n, "b_rec")[i] = 0.1 * sin(2.1 * i + 0.9);
    }
    for (int c = 0; c < 2; c++) rnn_net_param(n, "b_out")[c] = 0.1 * sin(c + 0.2);
    return n;
}

static void check_trace(const struct trace *c, int bits)
{
    struct rnn_task *task = TASK("cue-discrimination", "delay-ms", c->delay, "post-ms", c->post, "response-ms", c->response, "no-memory",
                                 c->no_memory ? "true" : "false");
    double r0[2 * UNITS];
    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < UNITS; i++) r0[k * UNITS + i] = tanh(0.1 * sin(0.37 * i + 2.3 * k));
    }
    struct rnn_train_config k = full_rank(c, bits);
    const struct rnn_train_data d = { .task = task, .state0 = r0 };
    struct rnn_net *net = stated_net(&k.spec);
    struct rnn_trainer *t;
    ok(rnn_train_resolve(&k, &d, &err));
    ok(rnn_trainer_new(&t, &k, &d, net, 0, &err));
    run(t, 7);
    for (size_t i = 0; i < RNN_LEN(c->at) && c->at[i].loss > 0; i++) {
        const double tol = bits == 64 ? (c->at[i].u <= 100 ? 1e-10 : c->tol64) : c->at[i].u <= 300 && !c->no_memory ? 1e-7 : c->tol32;
        const double got = loss_at(t, c->at[i].u);
        if (fabs(got - c->at[i].loss) > tol) {
            fail_msg("delay %s post %s, %d bits, epoch %llu: loss %.12f, not %.12f", c->delay, c->post, bits, (unsigned long long)c->at[i].u, got,
                     c->at[i].loss);
        }
    }
    rnn_trainer_free(t);
    rnn_net_free(net);
    rnn_train_config_release(&k);
    rnn_task_free(task);
}

static void test_full_rank_traces(void **state)
{
    static const struct trace cases[] = {
        { "60", "0", "50", false, 401, 2e-6, 1e-8,
          { { 0, .122973347669 }, { 1, .122250328629 }, { 2, .120906798470 }, { 10, .101923803133 }, { 50, .091511213398 },
            { 100, .089804413455 }, { 200, .086067353391 }, { 300, .067707501815 }, { 400, .059641024652 } } },
        { "60", "30", "50", false, 301, 1e-7, 1e-8,
          { { 0, .136807822155 }, { 1, .135171159084 }, { 2, .132134211202 }, { 10, .091158943727 }, { 50, .072555949179 },
            { 100, .071486424052 }, { 200, .069530733521 }, { 300, .065379396714 } } },
        { "0", "0", "100", true, 51, 1e-6, 1e-10,
          { { 0, .388243743506 }, { 1, .306340981354 }, { 2, .262022282321 }, { 10, .257881796312 }, { 50, .060543169555 } } },
    };
    (void)state;
    for (size_t i = 0; i < RNN_LEN(cases); i++) {
        check_trace(&cases[i], 64);
        check_trace(&cases[i], 32);
    }
}

/* ---- rank 2 ---- */

static void read_block(FILE *f, const char *name, size_t n, double *out, size_t stride)
{
    char got[32];
    long long sum, v, total = 0;
    if (fscanf(f, " %31s sum %lld", got, &sum) != 2 || strcmp(got, name)) fail_msg("rank2_seed30.txt: expected %s", name);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(fscanf(f, " %lld", &v), 1);
        total += v;
        out[i * stride] = (double)v * 1e-7;
    }
    if (total != sum) fail_msg("rank2_seed30.txt: %s sums to %lld, not %lld", name, total, sum);
}

static struct rnn_net *seed_30(const struct rnn_spec *spec)
{
    struct rnn_net *n;
    struct rnn_spec s = *spec;
    char line[400];
    s.n_in = 0;
    s.n_out = 1;
    ok(rnn_net_new(&n, &s, &err));
    FILE *f = fopen("tests/golden/rank2_seed30.txt", "r");
    assert_non_null(f);
    for (int i = 0; i < 3; i++) assert_non_null(fgets(line, sizeof line, f));
    read_block(f, "m_column_0", UNITS, rnn_net_param(n, "m"), 2);
    read_block(f, "m_column_1", UNITS, rnn_net_param(n, "m") + 1, 2);
    read_block(f, "n_row_0", UNITS, rnn_net_param(n, "n"), 1);
    read_block(f, "n_row_1", UNITS, rnn_net_param(n, "n") + UNITS, 1);
    read_block(f, "w", 2, rnn_net_param(n, "W_out"), 1);
    read_block(f, "b_o", 1, rnn_net_param(n, "b_out"), 1);
    read_block(f, "x_0", UNITS, rnn_net_param(n, "h0"), 1);
    fclose(f);
    return n;
}

static struct rnn_train_config rank_2(double lr, uint64_t updates, int bits)
{
    struct rnn_train_config k;
    rnn_train_config_default(&k);
    k.spec = (struct rnn_spec){ .cell = RNN_LEAKY, .act = RNN_TANH, .readout = RNN_OUT_SIGMOID, .read = RNN_READ_AFTER, .N = UNITS, .rank = 2,
                                .read_latent = true, .bias_rec = true, .bias_out = true, .dt_ms = 5, .tau_ms = 10, .alpha = 0.5,
                                .h0 = RNN_H0_FIXED };
    k.optim = (struct rnn_optim){ .kind = RNN_SGD };
    k.lr = lr;
    k.batch = 1;
    k.updates = updates;
    k.log_every = 1;
    k.reduced = true;
    k.learned_ratio = 0.1;
    k.precision_bits = bits;
    return k;
}

static struct rnn_trainer *train_rank_2(const char *delay, const char *response, const char *post, struct rnn_train_config *k,
                                        struct rnn_train_data *d)
{
    d->task = TASK("delayed-activation", "delay-ms", delay, "response-ms", response, "post-ms", post);
    struct rnn_net *net = seed_30(&k->spec);
    struct rnn_trainer *t;
    ok(rnn_train_resolve(k, d, &err));
    ok(rnn_trainer_new(&t, k, d, net, 0, &err));
    run(t, 100000);
    rnn_net_free(net);
    return t;
}

static uint64_t first_below(const struct rnn_trainer *t, double ratio)
{
    const struct rnn_learning *l = rnn_trainer_learning(t);
    for (size_t i = 0; i < l->n_rows; i++) {
        if (l->v[i * l->n_cols + 2] < ratio * l->v[2]) return (uint64_t)l->v[i * l->n_cols];
    }
    return UINT64_MAX;
}

static void free_rank_2(struct rnn_trainer *t, struct rnn_train_data *d)
{
    rnn_trainer_free(t);
    rnn_task_free((struct rnn_task *)d->task);
}

/* Learning rate 1, 75 ms: the history of the authors and, in their precision, the saturated end, 30/289 = a constant output.  Training is
 * chaotic from about epoch 300 on: in double precision this start happens to escape saturation and learns. */
static void check_lr_1(int bits)
{
    struct rnn_train_config k = rank_2(1, bits == 32 ? 10001 : 400, bits);
    struct rnn_train_data d = { 0 };
    struct rnn_trainer *t = train_rank_2("75", "10", "0", &k, &d);
    struct rnn_net *net;
    const double first = loss_at(t, 0);
    assert_true(fabs(first / 0.0526946709 - 1) < (bits == 64 ? 2e-7 : 1e-7)); /* theirs is a float32 sum */
    assert_true(fabs(loss_at(t, 10) / first - .992) < 1e-3);
    assert_true(fabs(loss_at(t, 100) / first - .9777) < 1e-4);
    assert_in_range(first_below(t, .9), 193, 197);
    assert_in_range(first_below(t, .5), 371, 373);
    if (bits == 32) assert_true(fabs(loss_at(t, 10000) / first - 1.97) < 5e-4);
    ok(rnn_trainer_finish(t, &net, &err));
    assert_int_equal(net->status, RNN_NET_NOT_LEARNED);
    rnn_net_free(net);
    free_rank_2(t, &d);
}

static void test_rank_2_lr_1(void **state)
{
    (void)state;
    check_lr_1(64);
    check_lr_1(32);
}

static void test_rank_2_lr_01(void **state)
{
    struct rnn_train_config k = rank_2(0.1, 14000, 64);
    struct rnn_train_data d = { 0 };
    (void)state;
    struct rnn_trainer *t = train_rank_2("75", "10", "0", &k, &d);
    const double first = loss_at(t, 0);
    assert_true(fabs(loss_at(t, 10) / first - .9990) < 1e-4);
    assert_true(fabs(loss_at(t, 100) / first - .9921) < 1e-4);
    assert_true(fabs(loss_at(t, 1000) / first - .9777) < 1e-4);
    assert_in_range(first_below(t, .9), 1930, 1934);
    assert_in_range(first_below(t, .5), 2000, 2150); /* chaotic from here on: 2087 was seen, and 6892 and 7.4k for the next */
    assert_in_range(first_below(t, .1), 6000, 8000);
    free_rank_2(t, &d);
}

static void test_rank_2_long(void **state)
{
    static const struct { uint64_t u; double ratio; } at[] = { { 100, .9983 }, { 1000, .9887 }, { 10000, .9805 }, { 20000, .9659 } };
    struct rnn_train_config k = rank_2(0.01, 21500, 64);
    struct rnn_train_data d = { 0 };
    (void)state;
    struct rnn_trainer *t = train_rank_2("150", "50", "0", &k, &d);
    assert_true(fabs(loss_at(t, 0) / 0.0952846706 - 1) < 2e-7);
    for (size_t i = 0; i < RNN_LEN(at); i++) assert_true(fabs(loss_at(t, at[i].u) / loss_at(t, 0) - at[i].ratio) < 1e-4);
    assert_in_range(first_below(t, .9), 21215, 21219);
    free_rank_2(t, &d);
}

static void test_rank_2_first_losses(void **state)
{
    struct rnn_train_config k = rank_2(1e-3, 1, 64);
    struct rnn_train_data d = { 0 };
    (void)state;
    struct rnn_trainer *t = train_rank_2("30", "10", "0", &k, &d);
    assert_true(fabs(loss_at(t, 0) - 0.0948954) < 6e-8);
    free_rank_2(t, &d);
    t = train_rank_2("30", "10", "30", &k, &d);
    assert_true(fabs(loss_at(t, 0) - 0.0996304) < 6e-8);
    free_rank_2(t, &d);
}

/* The reduced form is exact: the same nets trained through the general path, which forms every x_t, agree. */
static void reduced_against_general(size_t rank, enum rnn_rank_scale scale, enum rnn_act act, enum rnn_read_when read, enum rnn_h0_law h0)
{
    struct rnn_train_config k = rank_2(0.05, 40, 64);
    struct rnn_train_data d = { .task = TASK("delayed-activation", "delay-ms", "30", "response-ms", "20", "post-ms", "10") };
    double *theta[2];
    k.spec.rank = rank;
    k.spec.rank_scale = scale;
    k.spec.act = act;
    k.spec.read = read;
    k.spec.h0 = h0;
    k.spec.h0_transform = RNN_H0_TANH;
    k.spec.N = 37;
    k.init.factor = (struct rnn_init_law){ RNN_INIT_GAUSS, scale == RNN_RANK_PER_UNIT ? 4 : 1 };
    k.init.h0_sd = 0.5;
    k.optim.momentum = 0.5;
    k.clip = 0.05;
    for (int reduced = 0; reduced < 2; reduced++) {
        struct rnn_trainer *t;
        k.reduced = reduced;
        ok(rnn_train_resolve(&k, &d, &err));
        ok(rnn_trainer_new(&t, &k, &d, NULL, 3, &err));
        run(t, 9);
        theta[reduced] = calloc(4096, sizeof(double));
        rnn_trainer_theta(t, theta[reduced]);
        rnn_trainer_free(t);
    }
    struct rnn_params ps;
    ok(rnn_spec_params(&k.spec, &ps, &err));
    for (size_t i = 0; i < ps.total; i++) {
        if (fabs(theta[0][i] - theta[1][i]) > 1e-11) fail_msg("rank %zu: parameter %zu: %.15g against %.15g", rank, i, theta[1][i], theta[0][i]);
    }
    free(theta[0]);
    free(theta[1]);
    rnn_task_free((struct rnn_task *)d.task);
}

/* Given trials with weights of their own: one weighs more than the others, one nothing, and what is validated counts by weight. */
static void test_reduced_weighs_trials(void **state)
{
    struct rnn_train_data d = { .task = TASK("delayed-activation", "delay-ms", "30", "response-ms", "20") };
    struct rnn_trials given;
    double theta[2][4096], val[2] = { 0 };
    (void)state;
    ok(rnn_task_trials(d.task, RNN_TRAIN, 0, NULL, 0, 3, 0, &given, &err));
    for (size_t s = 0; s < given.T; s++) {
        given.w[s] = 5;
        given.y[s] = 0.5F;
        given.w[given.T + s] = 0;
    }
    d.train = d.validation = &given;
    for (int reduced = 0; reduced < 2; reduced++) {
        struct rnn_train_config k = rank_2(0.05, 9, 64);
        struct rnn_trainer *t;
        k.reduced = reduced;
        k.norm = RNN_NORM_WEIGHTS;
        k.validate_every = 9;
        k.init.factor = (struct rnn_init_law){ RNN_INIT_GAUSS, 1 };
        k.init.h0_sd = 0.1;
        ok(rnn_train_resolve(&k, &d, &err));
        ok(rnn_trainer_new(&t, &k, &d, NULL, 0, &err));
        run(t, 9);
        assert_int_equal(rnn_trainer_update(t), 9);
        rnn_trainer_theta(t, theta[reduced]);
        val[reduced] = t->now.val_loss;
        for (size_t i = 0; reduced && i < t->model->params.total; i++) assert_true(fabs(theta[0][i] - theta[1][i]) < 1e-12);
        rnn_trainer_free(t);
    }
    assert_true(val[0] > 0 && fabs(val[0] - val[1]) < 1e-12);
    rnn_trials_release(&given);
    rnn_task_free((struct rnn_task *)d.task);
}

static void test_reduced_is_exact(void **state)
{
    (void)state;
    reduced_against_general(2, RNN_RANK_PLAIN, RNN_TANH, RNN_READ_AFTER, RNN_H0_FIXED);
    reduced_against_general(3, RNN_RANK_PER_UNIT, RNN_SIGMOID, RNN_READ_BEFORE, RNN_H0_TRAINED);
    reduced_against_general(1, RNN_RANK_PLAIN, RNN_SOFTPLUS, RNN_READ_AFTER, RNN_H0_TRAINED);
    reduced_against_general(5, RNN_RANK_PER_UNIT, RNN_LINEAR, RNN_READ_AFTER, RNN_H0_FIXED);
}

static void test_reduced_refuses(void **state)
{
    struct rnn_train_config k = rank_2(0.1, 10, 64);
    struct rnn_task *task = TASK("delayed-activation", "delay-ms", "30", "response-ms", "20", "post-ms", "10");
    (void)state;
    ok(rnn_reduced_check(&k, task, &err));
    k.spec.noise_rec = 0.1;
    assert_int_equal(rnn_reduced_check(&k, task, &err), RNN_ERR_ARG);
    k.spec.noise_rec = 0;
    k.spec.rank = 0;
    assert_int_equal(rnn_reduced_check(&k, task, &err), RNN_ERR_ARG);
    rnn_task_free(task);
}

/* ---- properties ---- */

/* A configuration in which everything that has state is in use. */
static struct rnn_train_config busy(int bits)
{
    struct rnn_train_config k;
    static uint64_t snapshots[] = { 0, 5, 12 };
    rnn_train_config_default(&k);
    k.spec.N = 16;
    k.spec.h0 = RNN_H0_NORMAL;
    k.spec.h0_sd = 0.1;
    k.spec.noise_rec = 0.01;
    k.batch = 8;
    k.updates = 24;
    k.clip = 1;
    k.sparsity = 0.3;
    k.dale = 0.75;
    k.snapshots = malloc(sizeof snapshots);
    memcpy(k.snapshots, snapshots, sizeof snapshots);
    k.n_snapshots = 3;
    k.curriculum = malloc(2 * sizeof *k.curriculum);
    k.curriculum[0] = 4;
    k.curriculum[1] = 9;
    k.n_curriculum = 2;
    k.curriculum_at = 0.5;
    k.validate_every = 6;
    k.validate_trials = 10;
    k.count_modes = true;
    k.learned_at = 0.4;
    k.log_every = 3;
    k.precision_bits = bits;
    return k;
}

static void same_bytes(const struct rnn_trainer *a, const struct rnn_trainer *b)
{
    unsigned char *x = NULL, *y = NULL;
    size_t cx = 0, cy = 0, nx, ny;
    ok(rnn_trainer_save(a, &x, &cx, &nx, &err));
    ok(rnn_trainer_save(b, &y, &cy, &ny, &err));
    assert_int_equal(nx, ny);
    assert_memory_equal(x, y, nx);
    free(x);
    free(y);
}

/* Stopped after any number of updates, saved, loaded into a fresh trainer: the same bytes at the end. */
static void test_state_round_trip(void **state)
{
    (void)state;
    for (int bits = 32; bits <= 64; bits += 32) {
        struct rnn_train_config k = busy(bits);
        const struct rnn_train_data d = { .task = TASK("repeat-copy", "length", "3", "dims", "2") };
        struct rnn_trainer *whole;
        ok(rnn_train_resolve(&k, &d, &err));
        ok(rnn_trainer_new(&whole, &k, &d, NULL, 2, &err));
        run(whole, 1000);
        for (uint64_t cut = 0; cut <= 24; cut++) {
            struct rnn_trainer *a, *b;
            unsigned char *buf = NULL;
            size_t cap = 0, len;
            ok(rnn_trainer_new(&a, &k, &d, NULL, 2, &err));
            if (cut) ok(rnn_trainer_advance(a, cut, &err));
            ok(rnn_trainer_save(a, &buf, &cap, &len, &err));
            ok(rnn_trainer_new(&b, &k, &d, NULL, 2, &err));
            ok(rnn_trainer_load(b, buf, len, &err));
            run(b, 5);
            same_bytes(whole, b);
            assert_true(rnn_trainer_load(b, buf, len - 1, &err) < 0);
            rnn_trainer_free(a);
            rnn_trainer_free(b);
            free(buf);
        }
        rnn_trainer_free(whole);
        rnn_task_free((struct rnn_task *)d.task);
        rnn_train_config_release(&k);
    }
}

static void test_masks_and_signs_hold(void **state)
{
    struct rnn_train_config k = busy(32);
    const struct rnn_train_data d = { .task = TASK("repeat-copy", "length", "3", "dims", "2") };
    struct rnn_trainer *t;
    struct rnn_net *net;
    (void)state;
    ok(rnn_train_resolve(&k, &d, &err));
    ok(rnn_trainer_new(&t, &k, &d, NULL, 0, &err));
    run(t, 100);
    ok(rnn_trainer_finish(t, &net, &err));
    const double *W = rnn_net_param(net, "W_rec"), *W0 = rnn_net_param0(net, "W_rec");
    size_t zeros = 0, moved = 0;
    for (size_t i = 0; i < 256; i++) {
        assert_true(i % 16 < 12 ? W[i] >= 0 : W[i] <= 0);
        if (W0[i] == 0) assert_true(W[i] == 0);
        zeros += W0[i] == 0;
        moved += W[i] != W0[i];
    }
    assert_in_range(zeros, 50, 105); /* 0.3 of 256, five standard deviations either way at most */
    assert_true(moved > 100);
    rnn_net_free(net);
    rnn_trainer_free(t);
    rnn_task_free((struct rnn_task *)d.task);
    rnn_train_config_release(&k);
}

/* The initial W_rec of 400 units under Dale's law; the caller frees. */
static double *signed_start(bool is_balanced)
{
    const size_t n = 400 * 400;
    struct rnn_train_config k;
    const struct rnn_train_data d = { .task = TASK("flip-flop", "bits", "1", "steps", "8") };
    struct rnn_trainer *t;
    struct rnn_net *net;
    double *W = malloc(n * sizeof *W);
    rnn_train_config_default(&k);
    k.spec.N = 400;
    k.updates = 0;
    k.dale = 0.8;
    k.dale_balance = is_balanced;
    ok(rnn_train_resolve(&k, &d, &err));
    ok(rnn_trainer_new(&t, &k, &d, NULL, 0, &err));
    run(t, 1);
    ok(rnn_trainer_finish(t, &net, &err));
    memcpy(W, rnn_net_param(net, "W_rec"), n * sizeof *W);
    rnn_net_free(net);
    rnn_trainer_free(t);
    rnn_task_free((struct rnn_task *)d.task);
    rnn_train_config_release(&k);
    return W;
}

/* Uniform within 1/sqrt(N), share p excitatory: signs alone leave an eigenvalue of sqrt(N) (2p - 1) / 2 outside the others; balanced
 * weights have the radius sqrt((n_exc (f s)^2 + n_inh (s/f)^2)) = sqrt(1/12), s^2 = 1/(12 N), and row sums that still differ push the
 * outermost a little beyond it (Rajan & Abbott 2006). */
static void test_signs_are_balanced(void **state)
{
    enum { N = 400 };
    double *signs = signed_start(false), *both = signed_start(true), square[2] = { 0, 0 };
    double _Complex w[N];
    (void)state;
    for (size_t i = 0; i < N * N; i++) {
        assert_true(i % N < 320 ? both[i] >= 0 : both[i] <= 0);
        assert_float_equal(both[i], signs[i] * (i % N < 320 ? 0.5 : 2), 1e-7);
        square[0] += signs[i] * signs[i];
        square[1] += both[i] * both[i];
    }
    assert_float_equal(square[1] / square[0], 1, 0.02);
    ok(rnn_eig(N, signs, w, NULL, NULL, &err));
    assert_float_equal(cabs(w[0]), sqrt(N) * 0.6 / 2, 0.1);
    assert_true(cabs(w[1]) < 0.35);
    ok(rnn_eig(N, both, w, NULL, NULL, &err));
    assert_true(cabs(w[0]) > sqrt(1 / 12.) && cabs(w[0]) < 1.6 * sqrt(1 / 12.));
    free(signs);
    free(both);
}

static void test_frozen_blocks_stay(void **state)
{
    char rec[] = "W_rec", out[] = "b_out", *names[] = { rec, out };
    struct rnn_train_config k;
    const struct rnn_train_data d = { .task = TASK("flip-flop", "bits", "2", "steps", "12") };
    struct rnn_trainer *t;
    struct rnn_net *net;
    (void)state;
    rnn_train_config_default(&k);
    k.spec.N = 8;
    k.updates = 20;
    k.optim.weight_decay = 0.1;
    k.freeze = names;
    k.n_freeze = 2;
    ok(rnn_train_resolve(&k, &d, &err));
    ok(rnn_trainer_new(&t, &k, &d, NULL, 0, &err));
    run(t, 100);
    ok(rnn_trainer_finish(t, &net, &err));
    for (size_t i = 0; i < net->params.n; i++) {
        const struct rnn_param *p = &net->params.p[i];
        const bool frozen = !strcmp(p->name, "W_rec") || !strcmp(p->name, "b_out");
        const int differ = memcmp(net->theta + p->offset, net->theta0 + p->offset, p->rows * p->cols * sizeof(double));
        if (frozen == (differ != 0)) fail_msg("%s: frozen %d, differs %d", p->name, frozen, differ);
    }
    rnn_net_free(net);
    rnn_trainer_free(t);
    rnn_task_free((struct rnn_task *)d.task);
}

static void test_schedules(void **state)
{
    struct rnn_train_config k;
    (void)state;
    rnn_train_config_default(&k);
    k.lr = 2;
    k.lr_gamma = 0.5;
    k.lr_every = 10;
    k.schedule = RNN_LR_STEP;
    assert_true(rnn_train_lr(&k, 100, 9) == 2 && rnn_train_lr(&k, 100, 10) == 1 && rnn_train_lr(&k, 100, 35) == 0.25);
    k.schedule = RNN_LR_EXPONENTIAL;
    assert_true(fabs(rnn_train_lr(&k, 100, 5) - 2 * sqrt(0.5)) < 1e-15);
    k.schedule = RNN_LR_COSINE;
    k.lr_end = 0.1;
    assert_true(rnn_train_lr(&k, 100, 0) == 2 && fabs(rnn_train_lr(&k, 100, 50) - 1.1) < 1e-15 && fabs(rnn_train_lr(&k, 100, 100) - 0.2) < 1e-15);
    k.schedule = RNN_LR_LINEAR;
    assert_true(fabs(rnn_train_lr(&k, 100, 50) - 1.1) < 1e-15);
    k.schedule = RNN_LR_CONSTANT;
    k.warmup = 4;
    assert_true(rnn_train_lr(&k, 100, 0) == 0.5 && rnn_train_lr(&k, 100, 3) == 2 && rnn_train_lr(&k, 100, 4) == 2);
}

/* A net that blows up is a result. */
static void test_divergence_is_a_result(void **state)
{
    struct rnn_train_config k;
    const struct rnn_train_data d = { .task = TASK("flip-flop", "bits", "2", "steps", "12") };
    struct rnn_trainer *t;
    struct rnn_net *net;
    (void)state;
    rnn_train_config_default(&k);
    k.spec.N = 8;
    k.spec.act = RNN_RELU;
    k.optim.kind = RNN_SGD;
    k.lr = 1e6;
    k.updates = 50;
    ok(rnn_train_resolve(&k, &d, &err));
    ok(rnn_trainer_new(&t, &k, &d, NULL, 0, &err));
    run(t, 7);
    ok(rnn_trainer_finish(t, &net, &err));
    assert_int_equal(net->status, RNN_NET_DIVERGED);
    assert_true(rnn_trainer_update(t) < 50);
    assert_non_null(net->reason);
    rnn_net_free(net);
    rnn_trainer_free(t);
    rnn_task_free((struct rnn_task *)d.task);
}

/* Loss and gradient may be finite where the step is not: the update that overflows is found at the next one, or at the end.  Whoever
 * looks at the parameters in between (count_modes) must live with them. */
static void test_overflow_is_divergence(void **state)
{
    struct rnn_train_config k;
    const struct rnn_train_data d = { .task = TASK("flip-flop", "bits", "2", "steps", "3") };
    (void)state;
    for (uint64_t updates = 2; updates <= 4; updates++) {
        struct rnn_trainer *t;
        struct rnn_net *net;
        rnn_train_config_default(&k);
        k.spec.N = 4;
        k.spec.act = RNN_LINEAR;
        k.spec.bias_in = false;
        k.optim.kind = RNN_SGD;
        k.lr = 1e6;
        k.batch = 4;
        k.updates = updates;
        k.log_every = 1;
        k.count_modes = true;
        ok(rnn_train_resolve(&k, &d, &err));
        ok(rnn_trainer_new(&t, &k, &d, NULL, 0, &err));
        run(t, 7);
        ok(rnn_trainer_finish(t, &net, &err));
        assert_int_equal(rnn_trainer_update(t), 2);
        assert_false(rnn_net_finite(net));
        assert_int_equal(net->status, RNN_NET_DIVERGED);
        assert_string_equal(net->reason, updates == 2 ? "parameters not finite at update 2" : "loss not finite at update 2");
        assert_string_equal(rnn_kvs_get_str(&net->summary, "stop", ""), "diverged");
        rnn_net_free(net);
        rnn_trainer_free(t);
    }
    rnn_task_free((struct rnn_task *)d.task);
}

static void test_presets_fit_their_tasks(void **state)
{
    struct rnn_task *seq = make_task("sequence", NULL), *flip = make_task("flip-flop", NULL);
    struct rnn_kvs out = { 0 };
    const char *chosen;
    (void)state;
    ok(rnn_preset(NULL, seq, 0, &out, &chosen, &err));
    assert_string_equal(chosen, "schemas");
    assert_string_equal(rnn_kvs_get_str(&out, "hidden", ""), "160");
    assert_int_equal(rnn_preset("schemas", flip, 0, &out, &chosen, &err), RNN_ERR_ARG);
    assert_int_equal(rnn_preset("nonsense", flip, 0, &out, &chosen, &err), RNN_ERR_ARG);
    assert_non_null(strstr(err.msg, "variable-memory-fast"));
    rnn_kvs_release(&out);
    rnn_task_free(seq);
    rnn_task_free(flip);
}

/* ---- curriculum, ends, verdicts ---- */

static void test_curriculum(void **state)
{
    struct rnn_train_config k = busy(32);
    const struct rnn_train_data d = { .task = TASK("repeat-copy", "length", "3", "dims", "2") };
    (void)state;
    for (int passes = 0; passes < 2; passes++) { /* any accuracy exceeds -1, none exceeds 1 */
        struct rnn_trainer *t;
        k.curriculum_at = passes ? -1 : 1;
        ok(rnn_train_resolve(&k, &d, &err));
        ok(rnn_trainer_new(&t, &k, &d, NULL, 0, &err));
        run(t, 100);
        assert_true(cell_at(t, 0, "horizon") == 4);
        assert_true(cell_at(t, 3, "horizon") == (passes ? 9 : 4));
        assert_true(cell_at(t, 23, "horizon") == (passes ? 9 : 4));
        rnn_trainer_free(t);
    }
    rnn_task_free((struct rnn_task *)d.task);
    rnn_train_config_release(&k);
}

/* Updates until the end, and why. */
static uint64_t ends_at(struct rnn_train_config *k, const struct rnn_train_data *d, const char *why)
{
    struct rnn_trainer *t;
    struct rnn_net *net;
    ok(rnn_train_resolve(k, d, &err));
    ok(rnn_trainer_new(&t, k, d, NULL, 0, &err));
    run(t, 7);
    ok(rnn_trainer_finish(t, &net, &err));
    assert_string_equal(rnn_kvs_get_str(&net->summary, "stop", ""), why);
    const uint64_t n = rnn_trainer_update(t);
    rnn_net_free(net);
    rnn_trainer_free(t);
    return n;
}

static void test_ends(void **state)
{
    const struct rnn_train_data d = { .task = TASK("delayed-activation", "delay-ms", "30", "response-ms", "20") };
    struct rnn_train_config k;
    (void)state;
    k = rank_2(0.1, 50, 64);
    k.init.factor = (struct rnn_init_law){ RNN_INIT_GAUSS, 1 };
    k.init.h0_sd = 0.1;
    assert_int_equal(ends_at(&k, &d, "updates"), 50);
    k.lr = 0; /* every loss is the first one */
    k.stop_patience = 9;
    assert_int_equal(ends_at(&k, &d, "plateau"), 10);
    k.stop_patience = 0;
    k.stop_loss = 10;
    assert_int_equal(ends_at(&k, &d, "loss"), 1);
    k.stop_loss = 0;
    k.stop_accuracy = 0.01;
    assert_int_equal(ends_at(&k, &d, "accuracy"), 1);
    k.stop_accuracy = NAN;
    k.stop_ratio = 0.9;
    assert_int_equal(ends_at(&k, &d, "updates"), 50);
    k.lr = 0.5;
    k.updates = 100000;
    assert_in_range(ends_at(&k, &d, "ratio"), 2, 99999);
    k.stop_ratio = 0;
    k.diverged_at = 1e-9;
    assert_int_equal(ends_at(&k, &d, "diverged"), 0);
    rnn_task_free((struct rnn_task *)d.task);
}

/* accuracy and reliability over 100 updates: `low` of them at 0.5 after a first success, the last `tail` at `end`. */
static enum rnn_net_status verdict(size_t rise, size_t low, double end)
{
    struct rnn_train_config c;
    struct rnn_task *task = TASK("cue-discrimination", "delay-ms", "20");
    const struct rnn_train_data d = { .task = task };
    struct rnn_net net = { 0 };
    float history[200];
    rnn_train_config_default(&c);
    c.learned_at = 0.8;
    c.learned_stable = true;
    struct rnn_trainer t = { .c = &c, .d = &d, .rule_metrics = 2, .n_metrics = 2, .history = history };
    t.now = (struct rnn_train_counters){ .update = 100, .stop = RNN_STOP_UPDATES, .loss = 1, .loss_0 = 1 };
    for (size_t u = 0; u < 100; u++) {
        const double v = u >= 90 ? end : u < rise ? 0.5 : u < rise + 1 ? 0.9 : u < rise + 1 + low ? 0.5 : 0.9;
        history[2 * u] = history[2 * u + 1] = (float)v;
    }
    ok(rnn_train_judge(&t, &net, &err));
    assert_true((net.reason == NULL) == (net.status == RNN_NET_TRAINED));
    free(net.reason);
    rnn_task_free(task);
    return net.status;
}

static void test_verdicts(void **state)
{
    (void)state;
    assert_int_equal(verdict(20, 0, 0.9), RNN_NET_TRAINED);
    assert_int_equal(verdict(20, 7, 0.9), RNN_NET_TRAINED);      /* 7 low of 80: 7/73 < 0.1 */
    assert_int_equal(verdict(20, 8, 0.9), RNN_NET_UNSTABLE);     /* 8/72 > 0.1 */
    assert_int_equal(verdict(20, 0, 0.7), RNN_NET_NOT_LEARNED);  /* neither low nor good */
    assert_int_equal(verdict(20, 0, 0.5), RNN_NET_UNSTABLE);     /* the end itself is a collapse: 10/70 */
    assert_int_equal(verdict(90, 0, 0.5), RNN_NET_NOT_LEARNED);  /* no success at all */
    assert_int_equal(verdict(90, 0, 0.95), RNN_NET_TRAINED);     /* late, but learned */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_rank_traces), cmocka_unit_test(test_rank_2_lr_1), cmocka_unit_test(test_rank_2_lr_01),
        cmocka_unit_test(test_rank_2_long), cmocka_unit_test(test_rank_2_first_losses), cmocka_unit_test(test_reduced_is_exact),
        cmocka_unit_test(test_reduced_weighs_trials),
        cmocka_unit_test(test_reduced_refuses), cmocka_unit_test(test_state_round_trip), cmocka_unit_test(test_masks_and_signs_hold),
        cmocka_unit_test(test_signs_are_balanced),
        cmocka_unit_test(test_frozen_blocks_stay), cmocka_unit_test(test_schedules), cmocka_unit_test(test_divergence_is_a_result),
        cmocka_unit_test(test_overflow_is_divergence),
        cmocka_unit_test(test_presets_fit_their_tasks), cmocka_unit_test(test_curriculum),
        cmocka_unit_test(test_ends), cmocka_unit_test(test_verdicts),
    };
    ok(rnn_kernels_select(NULL, &err));
    rnn_flush_denormals();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
