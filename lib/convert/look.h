/* Looking into streams: a line a frame, a verdict, the pipeline that made it. */
#ifndef RNN_CONVERT_LOOK_H
#define RNN_CONVERT_LOOK_H

#include <stdio.h>
#include "io/frame.h"
#include "model/net.h"

/* One line: segment:index, kind, bytes, and what the frame is (a net's cell and sizes, a table's columns, an array's shape). */
int rnn_look_line(FILE *f, const struct rnn_frame *frame, struct rnn_err *err);

/* The pipeline recorded in a head, as bash reads it: a stage a line, every option that can change a number in a --config <(...), further
 * inputs as <(...).  Files that were no streams stand as FILE (provenance holds no file names). */
int rnn_look_prov(FILE *f, const msgpack_object *head, struct rnn_err *err);

/* Deeper than a reader looks: bodies of known kinds are decoded (shapes against specifications, tasks made again from their parameters,
 * tables' columns), and every param frame that a net announced must come. */
struct rnn_checker { struct rnn_net *open; /* a net whose param frames are still coming */ uint64_t n_task, n_trials, n_net, n_table, n_other; };
int rnn_checker_frame(struct rnn_checker *c, const struct rnn_frame *f, struct rnn_err *err); /* any frame; head starts afresh */
void rnn_checker_release(struct rnn_checker *c);

#endif
