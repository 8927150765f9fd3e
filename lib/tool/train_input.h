/* What the tools that train have in common where they read: a segment's task and trials, and how a failure of reading is told. */
#ifndef RNN_TOOL_TRAIN_INPUT_H
#define RNN_TOOL_TRAIN_INPUT_H

#include "model/train.h"
#include "tool/items.h"
#include "tool/tool.h"

struct tool_train_input {
    const struct tool_task *task;
    struct rnn_trials train, validation; /* that were given; K is 0 where there are none */
    struct rnn_train_data data;          /* points at the above: the struct must not move */
};

/* The one task of a segment and its given trials; borrows from items.  RNN_ERR_FORMAT when there is not one task. */
int tool_train_input(struct tool_train_input *in, const struct tool_items *items, struct rnn_err *err);
void tool_train_input_release(struct tool_train_input *in);

/* Nets are numbered from 0 here and elsewhere: one of the input (frame f, of any kind) would share its id with one to come.  RNN_ERR_FORMAT, naming
 * the option that starts from nets. */
int tool_refuse_numbered_net(const struct rnn_frame *f, const char *option, struct rnn_err *err);

/* Ends the tool after the failure rc/err of reading r, or after the `error` frame (not NULL) that r gave: what is told
 * goes on downstream in a segment of w (NULL: the output is opened for it).  Options need not have been applied. */
_Noreturn void tool_relay(struct cli_parse *p, const struct cli_common *c, struct rnn_reader *r, struct rnn_writer *w,
                          const struct rnn_kvs *build, const struct rnn_frame *error, int rc, struct rnn_err *err);

#endif
