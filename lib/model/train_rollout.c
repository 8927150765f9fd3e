/* Training on a network's own continuations (--rollout K; Boboeva et al. 2026, their code).  From each start t of a trial of T steps, t = 1 .. T-K,
 * K next tokens are predicted: the first from the true prefix x(1) .. x(t), the others with tokens drawn from the network's own
 * softmax in place of x(t+1) .. x(t+K-1).  The loss is the cross-entropy against the true next tokens, averaged over the K steps, the starts
 * and the trials; no gradient flows through a draw.
 *
 * The starts of one trial are branches of one graph that share the true prefix.  Here each is a row of its own: prefix and draws as
 * inputs, weights on its last K steps.  The gradient is a sum over branches, so it is the same, and forward and backward pass are those of
 * every other batch. */
#include <math.h>
#include <string.h>
#include "base/mem.h"
#include "model/train_state.h"
#include "num/rng.h"

const char *const rnn_rollout_schedule_names[] = { "constant", "linear", NULL };

/* Most rows that a trial of T steps becomes: T - K; on the way to K from 1, where one row does, T - 2. */
size_t rnn_rollout_rows(const struct rnn_train_config *c, size_t T)
{
    if (c->rollout < 2) return 1;
    return T - (c->rollout_schedule == RNN_ROLLOUT_LINEAR ? 2 : c->rollout);
}

size_t rnn_rollout_depth(const struct rnn_train_config *c, uint64_t per_epoch, uint64_t total, uint64_t update)
{
    if (c->rollout < 2 || c->rollout_schedule == RNN_ROLLOUT_CONSTANT) return c->rollout;
    return 1 + (size_t)(update / per_epoch * per_epoch * c->rollout / total); /* below 2^32 10^6: no overflow */
}

int rnn_rollout_check(const struct rnn_train_config *c, const struct rnn_train_data *d, struct rnn_err *err)
{
    const struct rnn_task *task = d->task;
    const size_t T = d->train ? d->train->T : task->steps;
    if (c->rollout < 2) return RNN_OK;
    if (!task->closed_loop || task->n_in != task->n_out || !rnn_train_set_size(c, d)) {
        return rnn_fail(err, RNN_ERR_ARG, "--rollout: task '%s' is not one whose outputs are its next inputs (sequence --objective next-token, with a suffix)",
                        task->name);
    }
    if (c->rollout >= T) {
        return rnn_fail(err, RNN_ERR_ARG, "--rollout (%zu) must be below the %zu steps of a trial, of which the first is given", c->rollout, T);
    }
    if ((c->loss >= 0 ? (enum rnn_loss)c->loss : task->loss) != RNN_LOSS_CE) {
        return rnn_fail(err, RNN_ERR_ARG, "--rollout draws tokens from a softmax: it needs --loss cross-entropy");
    }
    if ((c->norm >= 0 ? (enum rnn_loss_norm)c->norm : task->norm) != RNN_NORM_WEIGHTS) {
        return rnn_fail(err, RNN_ERR_ARG, "--rollout averages over the predicted steps: it needs --loss-norm weights");
    }
    if (c->loss_steps != RNN_STEPS_TASK) return rnn_fail(err, RNN_ERR_ARG, "--rollout chooses the steps that count: it excludes --loss-steps");
    if (c->n_curriculum) return rnn_fail(err, RNN_ERR_ARG, "--rollout and --curriculum exclude each other");
    if (d->state0) return rnn_fail(err, RNN_ERR_ARG, "--rollout starts from the law of the initial state only");
    return RNN_OK;
}

int rnn_rollout_prepare(struct rnn_trainer *t, struct rnn_err *err)
{
    if (t->c->rollout < 2) return RNN_OK;
    const struct rnn_trials *from = t->set_trials;
    struct rnn_trials *b = &t->rollout;
    *b = (struct rnn_trials){ .T = from->T, .n_in = from->n_in, .n_out = from->n_out, .split = from->split, .stream = from->stream };
    b->K = rnn_train_batch(t->c, t->d) * rnn_rollout_rows(t->c, b->T);
    RNN_TRY(rnn_alloc_into(&b->u, b->K * b->T * b->n_in, sizeof *b->u, err));
    RNN_TRY(rnn_alloc_into(&b->y, b->K * b->T * b->n_out, sizeof *b->y, err));
    return rnn_alloc_into(&b->w, b->K * b->T, sizeof *b->w, err);
}

/* A row for each start of each trial: the true prefix, nothing after it yet, all targets, weights on the predicted steps. */
static void branch(const struct rnn_trials *from, size_t depth, struct rnn_trials *b)
{
    const size_t T = from->T, starts = T - depth;
    b->K = from->K * starts;
    memset(b->u, 0, b->K * T * b->n_in * sizeof *b->u);
    memset(b->w, 0, b->K * T * sizeof *b->w);
    for (size_t row = 0; row < b->K; row++) {
        const size_t k = row / starts, start = row % starts;
        memcpy(b->u + row * T * b->n_in, from->u + k * T * b->n_in, (start + 1) * b->n_in * sizeof *b->u);
        memcpy(b->y + row * T * b->n_out, from->y + k * T * b->n_out, T * b->n_out * sizeof *b->y);
        memcpy(b->w + row * T + start, from->w + k * T + start, depth * sizeof *b->w);
    }
}

/* The first i with u < (p_0 + .. + p_i) / sum p, where p are the outputs, or for logits exp(o). */
static size_t draw(const float *o, size_t n, bool is_logits, double u)
{
    double top = -INFINITY, sum = 0, below = 0;
    for (size_t i = 0; i < n; i++) top = o[i] > top ? o[i] : top;
    for (size_t i = 0; i < n; i++) sum += is_logits ? exp((double)o[i] - top) : (double)o[i];
    for (size_t i = 0; i + 1 < n; i++) {
        below += is_logits ? exp((double)o[i] - top) : (double)o[i];
        if (u * sum < below) return i;
    }
    return n - 1;
}

int rnn_rollout_batch(struct rnn_trainer *t, size_t depth, struct rnn_step *s, struct rnn_err *err)
{
    struct rnn_trials *b = &t->rollout;
    const size_t T = b->T, starts = T - depth;
    struct rnn_rng g;
    branch(&t->batch, depth, b);
    s->batch = b;
    struct rnn_step ahead = *s;
    ahead.outputs = t->outputs;
    ahead.outputs_only = true;
    for (size_t j = 1; j < depth; j++) {
        RNN_TRY(t->core->ops->step(t->core, &ahead, err));
        for (size_t row = 0; row < b->K; row++) {
            const size_t step = row % starts + j; /* whose input is drawn */
            RNN_TRY(rnn_rng_at(&g, t->c->seed, RNN_RNG_ROLLOUT, t->net, t->now.update, (row / starts * T + row % starts) * T + step, err));
            const float *o = t->outputs + (row * T + step - 1) * b->n_out;
            b->u[(row * T + step) * b->n_in + draw(o, b->n_out, t->c->spec.readout == RNN_OUT_LINEAR, rnn_rng_uniform(&g))] = 1;
        }
    }
    return RNN_OK;
}
