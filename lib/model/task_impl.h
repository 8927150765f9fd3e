/* What the task files share: parameters, periods, per-trial columns, addresses.  For lib/model/task*.c only.
 */
#ifndef RNN_MODEL_TASK_IMPL_H
#define RNN_MODEL_TASK_IMPL_H

#include "model/task.h"
#include "num/rng.h"

extern const struct rnn_task_def rnn_task_sequence, rnn_task_cue, rnn_task_activation, rnn_task_repeat_copy,
    rnn_task_compose_copy, rnn_task_history, rnn_task_flipflop;

/* Items of purpose TASK: what a piece of a task's structure is.  Append only. */
enum task_structure { TASK_SUFFIX, TASK_ALPHABET, TASK_TUPLES, TASK_SETS, TASK_KEEP, TASK_LABELS };

/* Parameters by name, after rnn_task_make has given every one its declared type. */
double task_real(const struct rnn_task *t, const char *name);
size_t task_size(const struct rnn_task *t, const char *name);
bool task_bool(const struct rnn_task *t, const char *name);
const char *task_str(const struct rnn_task *t, const char *name);
int task_choice(const struct rnn_task *t, const char *name); /* place among the parameter's choices */

/* A duration in whole steps; RNN_ERR_ARG when it is not a multiple of dt. */
int task_steps_of(const struct rnn_task *t, const char *name, double ms, double dt_ms, size_t *steps,
                  struct rnn_err *err);
int task_period(struct rnn_task *t, const char *name, size_t start, size_t stop,
                struct rnn_err *err); /* empty ones are left out */
/* Channel names "prefix-0", "prefix-1", ...; *names gets a list of n. */
int task_channels(char ***names, const char *prefix, size_t n, struct rnn_err *err);

/* Adds a column of numbers, or of strings of at most len characters. */
int task_col_num(struct rnn_trials *tr, const char *name, struct rnn_err *err);
int task_col_str(struct rnn_trials *tr, const char *name, size_t len, struct rnn_err *err);

/* Address of row k of a block. */
static inline uint64_t task_row(const struct rnn_trials *tr, const uint64_t *index, size_t k)
{
    return index ? index[k] : tr->first + k;
}
/* The generator of one trial's contents. */
int task_trial_rng(struct rnn_rng *g, const struct rnn_task *t, enum rnn_split split, uint64_t stream,
                   uint64_t k, struct rnn_err *err);
int task_structure_rng(struct rnn_rng *g, const struct rnn_task *t, enum task_structure what, uint64_t step,
                       struct rnn_err *err);

size_t task_argmax(const float *v, size_t n); /* the first of equals */

#endif
