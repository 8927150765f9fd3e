/* delayed-activation: no input; stay off for a delay, then switch on.  Source: Kurtkaya et al. 2025 (rank-2
 * networks). */
#include <math.h>
#include <stdlib.h>

#include "model/task_impl.h"

static const struct rnn_task_param params[] = {
    {"delay-ms", RNN_KV_REAL, "75", 0, INFINITY, NULL, "ms", "time before the output must switch on"},
    {"response-ms", RNN_KV_REAL, "10", 0, INFINITY, NULL, "ms", "time that it must stay on"},
    {"post-ms", RNN_KV_REAL, "0", 0, INFINITY, NULL, "ms",
     "time that it must be off again (30 in the study)"},
    {"dt-ms", RNN_KV_REAL, "5", 1e-6, 1e6, NULL, "ms", "one step"},
    {NULL, RNN_KV_NULL, NULL, 0, 0, NULL, NULL, NULL}};

static const char *const metrics[] = {"accuracy", "mse", NULL};

static int prepare(struct rnn_task *t, struct rnn_err *err)
{
    size_t delay, response, post;
    t->dt_ms = task_real(t, "dt-ms");
    RNN_TRY(task_steps_of(t, "delay-ms", task_real(t, "delay-ms"), t->dt_ms, &delay, err));
    RNN_TRY(task_steps_of(t, "response-ms", task_real(t, "response-ms"), t->dt_ms, &response, err));
    RNN_TRY(task_steps_of(t, "post-ms", task_real(t, "post-ms"), t->dt_ms, &post, err));
    if (!delay) return rnn_fail(err, RNN_ERR_ARG, "--delay-ms (0) must be at least one step");
    if (!response) return rnn_fail(err, RNN_ERR_ARG, "--response-ms (0) must be at least one step");
    t->n_in = 0;
    t->n_out = 1;
    t->steps = delay + response + post;
    t->loss = RNN_LOSS_MSE;
    t->norm = RNN_NORM_POSITIONS;
    t->readout = RNN_HINT_SIGMOID;
    t->is_static = true;
    t->n_emit[RNN_VALIDATION] = t->n_emit[RNN_TEST] = 1;
    RNN_TRY(task_channels(&t->channel_out, "active", 1, err));
    RNN_TRY(task_period(t, "delay", 0, delay, err));
    RNN_TRY(task_period(t, "response", delay, delay + response, err));
    return task_period(t, "post", delay + response, t->steps, err);
}

/* Weights: delay steps 1 - T_d/L, later ones T_d/L, so that both sides weigh the same in total. */
static int trials(const struct rnn_task *t, enum rnn_split split, uint64_t stream, const uint64_t *index,
                  struct rnn_trials *out, struct rnn_err *err)
{
    (void)split, (void)stream, (void)index, (void)err;
    const size_t L = t->steps, delay = t->periods[0].stop, off = t->periods[1].stop;
    const double share = (double)delay / (double)L;
    for (size_t k = 0; k < out->K; k++)
        for (size_t s = 0; s < L; s++) {
            out->y[k * L + s] = s >= delay && s < off;
            out->w[k * L + s] = s < delay ? 1 - share : share;
        }
    return RNN_OK;
}

/* accuracy: share of steps on the right side of 0.5, weighted as the loss is (0.5 is what a constant output
 * earns); mse: weighted mean over steps, the published loss. */
static int score(const struct rnn_task *t, const struct rnn_trials *tr, const float *o, double *out,
                 struct rnn_err *err)
{
    (void)t, (void)err;
    double right = 0, weight = 0, sq = 0;
    for (size_t i = 0; i < tr->K * tr->T; i++) {
        const double d = (double)o[i] - tr->y[i];
        right += tr->w[i] * (!isnan(o[i]) && (o[i] > 0.5f) == (tr->y[i] > 0.5f));
        sq += tr->w[i] * d * d;
        weight += tr->w[i];
    }
    out[0] = right / weight;
    out[1] = sq / (double)(tr->K * tr->T);
    return RNN_OK;
}

const struct rnn_task_def rnn_task_activation = {
    .name = "delayed-activation",
    .summary = "without any input, switch on after a delay in ms",
    .about = "The network gets no input.  Its one output must be 0 for the delay, 1 for the response, and 0 "
             "again in the post-response "
             "period where there is one.  All trials are equal.  Loss weights give the steps of the delay "
             "and those after it the same total.",
    .params = params,
    .preset = "short-term-memory",
    .metrics = metrics,
    .prepare = prepare,
    .trials = trials,
    .score = score};
