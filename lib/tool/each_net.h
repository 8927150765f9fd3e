/* The loop of tools that look at one network at a time: every frame passes, networks are worked on by --jobs
 * threads, and what was made of each is written right after it, in the order of the stream. */
#ifndef RNN_TOOL_EACH_NET_H
#define RNN_TOOL_EACH_NET_H

#include "io/pipe.h"
#include "model/net.h"
#include "tool/items.h"

/* One network in its turn. */
struct tool_each_item {
    struct rnn_net *net;
    const struct tool_task *task; /* its own, when it stands in the segment; else NULL */
    void *with;                   /* whatever prepare found for it; borrowed */
    struct rnn_bytes out;         /* whole frames, written after the network */
    bool replaced;                /* they stand in the network's place: it is not written itself */
    const unsigned char *raw;
    size_t raw_len;  /* the network as it came, its param frames included */
    void *made;      /* what after and work leave for later calls; freed by whoever takes it, or by drop */
    size_t jobs;     /* threads that work may use inside: all when `after` shows this to be the segment's only
                        network; else 1 */
    uint64_t failed; /* items of it that could not be computed: counted in `end` and in the exit status */
    char *note;      /* malloc'd: a warning, said when the network's turn comes; or NULL */
};

struct tool_each {
    size_t jobs;
    /* Calling thread: a frame that follows the network, up to the next network, task or trials (its activity,
     * say; it passes whatever this makes of it).  When given, the network is prepared and worked on only
     * after the last of them, and what was made of it is written behind them.  NULL ok. */
    int (*after)(void *user, struct tool_each_item *it, const struct rnn_frame *f, struct rnn_err *err);
    /* Calling thread, in stream order, once the network is complete; seen: tasks and trials of the segment so
     * far.  NULL ok. */
    int (*prepare)(void *user, struct tool_each_item *it, const struct tool_items *seen, struct rnn_err *err);
    /* A worker thread; a failure ends the stream with an `error` frame that names the network. */
    int (*work)(void *user, struct tool_each_item *it, struct rnn_err *err);
    /* Calling thread, in stream order, before what was made is written.  NULL ok. */
    int (*emit)(void *user, struct tool_each_item *it, struct rnn_err *err);
    /* For what needs all networks of a segment first: when given, nothing is written until every one went
     * through work and emit (they are held in memory); then each goes through this, on a worker thread. */
    int (*second)(void *user, struct tool_each_item *it, struct rnn_err *err);
    /* Frees it->made of an item that ends.  NULL ok. */
    void (*drop)(void *user, struct tool_each_item *it);
    /* Everything of the segment was written but its `end`: what is said of all networks together.  NULL ok.
     */
    int (*finish)(void *user, struct rnn_writer *w, struct rnn_err *err);
    /* All networks of the segment are done: what prepare made from its tasks can go.  Also called after a
     * failure.  NULL ok. */
    void (*forget)(void *user);
    const struct rnn_prov_input *inputs;
    size_t n_inputs; /* further inputs, for the provenance entry */
    void *user;
};

/* rnn_pipe_run with the loop above in it: the same returns, and the caller closes w. */
int tool_each_net(struct rnn_reader *r, struct rnn_writer *w, const char *tool, const struct rnn_kvs *options,
                  const struct rnn_kvs *build, const struct tool_each *e, struct rnn_err *err);

#endif
