/* Labels for what is in a stream already. */
#ifndef RNN_CONVERT_RELABEL_H
#define RNN_CONVERT_RELABEL_H

#include "io/writer.h"

/* Appends the frame with these labels added to its own, in place of those of the same names; everything else of it stays, unknown keys
 * included.  Only tasks, nets, tables and arrays have labels: *done is false, and nothing appended, for other kinds.  Labels are no part
 * of the identity of a task. */
int rnn_relabel_append(struct rnn_bytes *out, const struct rnn_frame *f, const struct rnn_kvs *labels, bool *done, struct rnn_err *err);

#endif
