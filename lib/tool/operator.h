/* Operators of history tasks as options: --operator TEXT or @FILE, --length N. */
#ifndef RNN_TOOL_OPERATOR_H
#define RNN_TOOL_OPERATOR_H

#include "model/phi.h"
#include "model/task.h"

/* The contents of a file as a string, malloc'd.  RNN_ERR_IO names it; RNN_ERR_FORMAT: it holds a NUL. */
int tool_read_text(const char *path, char **text, struct rnn_err *err);
/* A `history` task with this operator ("+ 1 1; - 2 3", or @FILE) over `length` variables (0: the largest that
 * is named) of +-1. */
int tool_operator_task(const char *text, uint64_t length, uint64_t seed, struct rnn_task **out,
                       struct rnn_err *err);
/* Sets --operator and --length in a provenance entry as the task has them, so that it names no file. */
int tool_operator_prov(const struct rnn_task *t, struct rnn_kvs *options, struct rnn_err *err);
/* The operator of a task, borrowed from it; false when it has none. */
bool tool_operator_of(const struct rnn_task *t, struct rnn_operator *op);

#endif
