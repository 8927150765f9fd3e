/* Every number of a stream as a named array, for files that hold arrays and nothing else.
 *
 * Names: a net's parameters are W_rec, W_in, ... and params0/W_rec, ..., after NET/ when there is more than one net; an array frame has
 * its own name, after NET/ when several have that name; a table's columns are TABLE/COLUMN (convert/tidy.h); trials/inputs, trials/targets,
 * trials/weights, trials/COLUMN and activity/value, activity/outputs, activity/state0, activity/units have the frame's id in the middle
 * (trials/ID/inputs) when there are several; a task's operator is task/F.  Frames that carry blocks of one item are joined along
 * the first axis.  A name that is still not alone gets ~2, ~3, ... */
#ifndef RNN_CONVERT_GATHER_H
#define RNN_CONVERT_GATHER_H

#include "convert/named.h"
#include "convert/tidy.h"
#include "io/frame.h"

struct rnn_gather;
int rnn_gather_new(struct rnn_gather **g, struct rnn_err *err);
/* Takes what a frame holds; kinds it does not know are left out.  RNN_ERR_FORMAT: a body that breaks its kind's rules, a missing block. */
int rnn_gather_frame(struct rnn_gather *g, const struct rnn_frame *f, struct rnn_err *err);
/* Moves everything out, named. */
int rnn_gather_finish(struct rnn_gather *g, struct rnn_named_list *out, struct rnn_err *err);
void rnn_gather_free(struct rnn_gather *g);

#endif
