/* The tasks and trials that have gone by in a stream (or stand in a file of their own), kept so that networks can be run on them. */
#ifndef RNN_TOOL_ITEMS_H
#define RNN_TOOL_ITEMS_H

#include "io/frame.h"
#include "io/writer.h"
#include "model/task.h"

struct tool_block { char *id; struct rnn_trials tr; }; /* one `trials` frame */
struct tool_task {
    struct rnn_task *task;
    struct tool_block *blocks; size_t n_blocks, cap_blocks;
};
struct tool_items { struct tool_task **v; size_t n, cap; }; /* pointers, so that a task keeps its place */

void tool_items_clear(struct tool_items *m);
/* Takes a copy of a `task` or `trials` frame; other kinds are ignored. */
int tool_items_frame(struct tool_items *m, const struct rnn_frame *f, struct rnn_err *err);
struct tool_task *tool_items_find(const struct tool_items *m, const char *id); /* NULL when absent */

/* The given trials of one split and stream, in the order they came: at most `count` of them (0: all).  out->K is 0 when there
 * are none.  *id is the id of the first block (borrowed), *is_one whether all came under that id. */
int tool_given_trials(const struct tool_task *t, enum rnn_split split, size_t count, struct rnn_trials *out, const char **id,
                      bool *is_one, struct rnn_err *err);

/* Which trials of a task a tool works on.  horizon 0: the given or default one; count 0: all given, or what taskgen would emit. */
struct tool_choice { enum rnn_split split; size_t count, horizon; };
/* Trials that were given serve when they are of the split, are as many as asked for, and no horizon is asked for; else the
 * task draws them (stream 0).  *given_id gets the id under which all of them stand in the stream, or NULL when there is no such. */
int tool_choose_trials(const struct tool_task *t, const struct tool_choice *want, struct rnn_trials *out, const char **given_id,
                       struct rnn_err *err);

/* A file beside the main stream.  All zero: there is none. */
struct tool_side {
    struct rnn_reader *reader;
    struct rnn_prov_input prov; /* option: "task" or "trials", whichever named the file */
    struct tool_items items;
};
/* Reads the whole file (every check included) that --task or --trials named; both NULL: none.  Ends the program when it
 * cannot be read. */
void tool_side_open(struct tool_side *s, const char *task, const char *trials, size_t max_frame);
void tool_side_close(struct tool_side *s);

#endif
