/* Training on given trials: which of them, which of their steps, and what the learning curve says about the set. */
#include "training.h"

#include "model/run.h"
#include "model/train_state.h"

/* A curriculum goes by its batches, cut to the horizon; a row shows the whole set, as the row at the end does. */
static void test_curriculum_on_a_set(void **state)
{
    size_t horizons[] = { 4, 9 };
    struct rnn_train_config k;
    struct rnn_train_data d = { .task = TASK("repeat-copy", "length", "3", "dims", "2", "horizon", "20") };
    struct rnn_trials given;
    double accuracy[2];
    (void)state;
    ok(rnn_task_trials(d.task, RNN_TRAIN, 0, NULL, 0, 40, 0, &given, &err));
    d.train = &given;
    rnn_train_config_default(&k);
    k.spec.N = 16;
    k.batch = 8;
    k.curriculum = horizons;
    k.n_curriculum = 2;
    for (uint64_t updates = 0; updates < 2; updates++) {
        struct rnn_trainer *t;
        k.updates = updates;
        ok(rnn_train_resolve(&k, &d, &err));
        ok(rnn_trainer_new(&t, &k, &d, NULL, 0, &err));
        run(t, 1);
        accuracy[updates] = cell_at(t, 0, "accuracy");
        rnn_trainer_free(t);
    }
    assert_true(accuracy[0] > 0 && accuracy[1] == accuracy[0]);
    rnn_trials_release(&given);
    rnn_task_free((struct rnn_task *)d.task);
}

static void test_steps_that_count(void **state)
{
    const double task[2][4] = { { 0, 2, 0.5, 0 }, { 0 } }, last[2][4] = { { 0, 0, 1, 0 }, { 0 } };
    struct rnn_train_config k;
    struct rnn_train_data d = { .task = TASK("flip-flop", "bits", "1", "steps", "4") };
    struct rnn_trials given;
    struct rnn_trainer *t;
    (void)state;
    ok(rnn_task_trials(d.task, RNN_TRAIN, 0, NULL, 0, 2, 0, &given, &err));
    memcpy(given.w, task, sizeof task);
    d.train = &given;
    rnn_train_config_default(&k);
    k.spec.N = 3;
    k.batch = 2;
    k.updates = 1;
    k.loss_steps = RNN_STEPS_LAST;
    ok(rnn_train_resolve(&k, &d, &err));
    ok(rnn_trainer_new(&t, &k, &d, NULL, 0, &err));
    run(t, 1);
    assert_memory_equal(t->batch.w, last, sizeof last); /* a trial without a scored step stays without */
    rnn_trainer_free(t);
    rnn_trials_release(&given);
    rnn_task_free((struct rnn_task *)d.task);
}

/* A batch larger than the set is the set: nothing is made, or worked out, for the rest. */
static void test_batch_beyond_the_set(void **state)
{
    struct rnn_train_config k;
    struct rnn_train_data d = { .task = TASK("flip-flop", "bits", "2", "steps", "9") };
    struct rnn_trials given;
    struct rnn_train_memory m[2];
    double theta[2][256];
    (void)state;
    ok(rnn_task_trials(d.task, RNN_TRAIN, 0, NULL, 0, 5, 0, &given, &err));
    d.train = &given;
    for (int i = 0; i < 2; i++) {
        struct rnn_trainer *t;
        rnn_train_config_default(&k);
        k.spec.N = 7;
        k.batch = i ? 1000 : 5;
        k.updates = 3;
        ok(rnn_train_resolve(&k, &d, &err));
        ok(rnn_train_memory(&k, &d, &m[i], &err));
        ok(rnn_trainer_new(&t, &k, &d, NULL, 0, &err));
        run(t, 2);
        rnn_trainer_theta(t, theta[i]);
        assert_int_equal(t->model->params.total, 93);
        rnn_trainer_free(t);
    }
    assert_memory_equal(theta[0], theta[1], 93 * sizeof theta[0][0]);
    assert_int_equal(m[0].total, m[1].total);
    rnn_trials_release(&given);
    rnn_task_free((struct rnn_task *)d.task);
}

/* Heads that are asked in some of the trials only: every head's loss is a mean over all of its own, whatever blocks they are run in. */
static void test_validation_of_heads(void **state)
{
    struct rnn_train_data d = { .task = TASK("sequence", "objective", "multi", "types", "abba,abab", "tokens", "14", "validation-fraction", "0.3") };
    struct rnn_train_config k;
    struct rnn_trials given;
    struct rnn_trainer *t;
    struct rnn_net *net;
    struct rnn_run_result r;
    (void)state;
    ok(rnn_task_trials(d.task, RNN_VALIDATION, 0, NULL, 0, 80, 0, &given, &err));
    for (size_t i = 10 * given.T; i < 80 * given.T; i++) memset(given.y + i * given.n_out, 0, 2 * sizeof *given.y); /* the first ten name their class */
    d.validation = &given;
    rnn_train_config_default(&k);
    k.spec.N = 6;
    k.spec.n_latent = 3;
    k.batch = 4;
    k.updates = 5;
    k.validate_every = 5;
    ok(rnn_train_resolve(&k, &d, &err));
    ok(rnn_trainer_new(&t, &k, &d, NULL, 0, &err));
    run(t, 9);
    ok(rnn_trainer_finish(t, &net, &err));
    ok(rnn_run_score(net, d.task, &given, &(struct rnn_run_opts)RNN_RUN_DEFAULT, &r, &err));
    if (!(fabs(r.loss - t->now.val_loss) < 1e-6)) fail_msg("%.9g while training, %.9g run afterwards", t->now.val_loss, r.loss);
    rnn_run_release(&r);
    rnn_net_free(net);
    rnn_trainer_free(t);
    rnn_trials_release(&given);
    rnn_task_free((struct rnn_task *)d.task);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_curriculum_on_a_set),
        cmocka_unit_test(test_steps_that_count),
        cmocka_unit_test(test_batch_beyond_the_set),
        cmocka_unit_test(test_validation_of_heads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
