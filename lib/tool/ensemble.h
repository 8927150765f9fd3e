/* Trains the nets lo .. hi-1 of an ensemble on worker threads and writes each, in order: its snapshots, the net, its learning curve. */
#ifndef RNN_TOOL_ENSEMBLE_H
#define RNN_TOOL_ENSEMBLE_H

#include "io/writer.h"
#include "model/train.h"
#include "tool/checkpoint.h"

struct tool_ensemble {
    const struct rnn_train_config *config;  /* resolved */
    const struct rnn_train_data *data;
    struct rnn_net *const *donors; size_t n_donors; /* one: for every net; more: the net of the same index */
    const struct rnn_kvs *labels;           /* of every net; may be NULL */
    uint64_t lo, hi;
    size_t jobs;
    struct tool_checkpoint *checkpoint;     /* or NULL */
};

/* The labels of a trained net: parameters of its task, seeds, size and learning rate, then its own, then `labels` (or NULL). */
int tool_net_labels(const struct rnn_train_config *c, const struct rnn_task *task, const struct rnn_kvs *labels, struct rnn_net *net,
                    struct rnn_err *err);

/* Progress goes to cli_progress, one unit per update. */
int tool_ensemble_run(const struct tool_ensemble *e, struct rnn_writer *w, struct rnn_err *err);

#endif
