#include "model/reduced.h"

int rnn_reduced_check(const struct rnn_train_config *c, const struct rnn_task *task, struct rnn_err *err)
{
    const struct rnn_spec *s = &c->spec;
    const enum rnn_loss loss = c->loss >= 0 ? (enum rnn_loss)c->loss : task->loss;
    const char *why = NULL;
    if (s->rank == 0) why = "full-rank recurrent weights";
    else if (!s->read_latent) why = "a read-out from the units rather than from the latent state";
    else if (s->cell != RNN_ELMAN && s->cell != RNN_LEAKY) why = "a cell that is neither elman nor leaky";
    else if (s->alpha_per_unit) why = "time constants that differ between units";
    else if (task->n_in > 0) why = "a task with input";
    else if (s->noise_rec > 0) why = "noise in the recurrence";
    else if (s->h0 == RNN_H0_NORMAL || s->h0_sd > 0) why = "initial states drawn anew for each trial";
    else if (loss != RNN_LOSS_MSE || s->readout == RNN_OUT_SOFTMAX) why = "a loss other than the squared error";
    else if (c->penalty.l1_rec > 0 || c->penalty.l2_rec > 0 || c->penalty.l2_rate > 0) why = "penalties";
    else if (c->bptt > 0) why = "truncated back-propagation";
    else if (c->sparsity > 0 || c->dale >= 0) why = "masks";
    else if (c->batch > 1) why = "batches of more than one trial, which would all be the same";
    if (why) return rnn_fail(err, RNN_ERR_ARG, "the reduced form of a low-rank network does not exist with %s", why);
    return RNN_OK;
}
