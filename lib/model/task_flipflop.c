/* flip-flop: n bits, each set by the sign of the last pulse on its channel.  After Sussillo & Barak 2013. */
#include <math.h>
#include <stdlib.h>

#include "model/task_impl.h"

static const struct rnn_task_param params[] = {
    {"bits", RNN_KV_UINT, "3", 1, 4096, NULL, "channels", "independent bits"},
    {"steps", RNN_KV_UINT, "64", 1, 1e6, NULL, "steps", "length of a trial"},
    {"pulse-probability", RNN_KV_REAL, "0.1", 0, 1, NULL, "per step", "chance of a pulse, for each bit"},
    {"start", RNN_KV_STR, "pulse", 0, 0, "pulse|zero", NULL,
     "first step: a pulse on every channel, or none and target 0 until the first pulse"},
    {NULL, RNN_KV_NULL, NULL, 0, 0, NULL, NULL, NULL}};

static const char *const metrics[] = {"accuracy", "mse", NULL};

static int prepare(struct rnn_task *t, struct rnn_err *err)
{
    t->n_in = t->n_out = task_size(t, "bits");
    t->steps = task_size(t, "steps");
    t->loss = RNN_LOSS_MSE;
    t->norm = RNN_NORM_POSITIONS;
    t->readout = RNN_HINT_LINEAR;
    t->n_emit[RNN_VALIDATION] = 128;
    t->n_emit[RNN_TEST] = 1000;
    RNN_TRY(task_channels(&t->channel_in, "pulse", t->n_in, err));
    RNN_TRY(task_channels(&t->channel_out, "bit", t->n_out, err));
    return task_period(t, "trial", 0, t->steps, err);
}

static int trials(const struct rnn_task *t, enum rnn_split split, uint64_t stream, const uint64_t *index,
                  struct rnn_trials *out, struct rnn_err *err)
{
    const double p = task_real(t, "pulse-probability");
    const bool pulse_first = task_choice(t, "start") == 0;
    const size_t n = t->n_in;
    for (size_t k = 0; k < out->K; k++) {
        struct rnn_rng g;
        RNN_TRY(task_trial_rng(&g, t, split, stream, task_row(out, index, k), err));
        for (size_t s = 0; s < out->T; s++) {
            const size_t at = (k * out->T + s) * n;
            out->w[k * out->T + s] = 1;
            for (size_t b = 0; b < n; b++) {
                /* one uniform number decides both: below p/2 a negative pulse, below p a positive one */
                const double x = rnn_rng_uniform(&g), chance = s == 0 ? (pulse_first ? 1 : 0) : p;
                if (x < chance) out->u[at + b] = x < chance / 2 ? -1 : 1;
                out->y[at + b] = out->u[at + b] != 0 ? out->u[at + b] : s > 0 ? out->y[at + b - n] : 0;
            }
        }
    }
    return RNN_OK;
}

/* accuracy: share of (trial, step, bit) whose output is nearest to its target among -1, 0 and 1 (0 only where
 * a target can be 0); mse: mean square over them. */
static int score(const struct rnn_task *t, const struct rnn_trials *tr, const float *o, double *out,
                 struct rnn_err *err)
{
    (void)err;
    const double edge = task_choice(t, "start") == 0 ? 0 : 0.5;
    const size_t n = tr->K * tr->T * tr->n_out;
    double right = 0, sq = 0;
    for (size_t i = 0; i < n; i++) {
        const double d = (double)o[i] - tr->y[i];
        const int level = o[i] >= edge ? 1 : o[i] < -edge ? -1 : 0;
        right += !isnan(o[i]) && level == (int)tr->y[i];
        sq += d * d;
    }
    out[0] = right / (double)n;
    out[1] = sq / (double)n;
    return RNN_OK;
}

const struct rnn_task_def rnn_task_flipflop = {
    .name = "flip-flop",
    .summary = "remember the sign of the last pulse on each of n channels",
    .about = "Every channel carries occasional pulses of +1 or -1, one step long; the output of the same "
             "number must hold the sign of the "
             "last one, from the very step of the pulse.  Unless --start zero, every channel has a pulse at "
             "the first step, so that the "
             "target is never open.",
    .params = params,
    .preset = "flip-flop",
    .metrics = metrics,
    .prepare = prepare,
    .trials = trials,
    .score = score};
