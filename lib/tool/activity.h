/* `activity` frames of one network, made while it runs. */
#ifndef RNN_TOOL_ACTIVITY_H
#define RNN_TOOL_ACTIVITY_H

#include "codec/codec.h"
#include "io/writer.h"
#include "model/run.h"

struct tool_activity {
    struct rnn_bytes *out;
    const struct rnn_net *net;
    const struct rnn_trials *tr;
    const char *trials_id;
    const struct rnn_run_opts *opts; /* units, thin, see */
    size_t count;                    /* only the first so many trials; 0: all */
};

/* The rnn_run_sink that appends them; arg is a struct tool_activity. */
int tool_activity_sink(void *arg, const struct rnn_run_seen *seen, struct rnn_err *err);
/* Decodes an `activity` frame that must belong to `net`, behind which it stands (NULL: behind none); released by the caller.
 * RNN_ERR_FORMAT when it is another's. */
int tool_own_activity(const struct rnn_net *net, const struct rnn_frame *f, struct rnn_activity *a, struct rnn_err *err);
/* Appends the `trials` frames that the activity refers to. */
int tool_trials_append(struct rnn_bytes *out, const struct rnn_trials *tr, const char *id, const char *task_id, struct rnn_err *err);

#endif
