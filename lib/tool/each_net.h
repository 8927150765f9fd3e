/* The loop of tools that look at one network at a time: every frame passes, networks are worked on by --jobs
 * threads, and what was made of each is written right after it, in the order of the stream. */
#ifndef RNN_TOOL_EACH_NET_H
#define RNN_TOOL_EACH_NET_H

#include "cli/cli.h"
#include "io/pipe.h"
#include "model/net.h"
#include "tool/items.h"

/* One network in its turn. */
struct tool_each_item {
    struct rnn_net *net;
    const struct tool_task *task; /* its own, when it stands in the segment; else NULL */
    void *with;                   /* whatever prepare found for it; borrowed */
    struct rnn_bytes before;      /* whole frames that it refers to, from prepare: written before the network */
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

enum { TOOL_EACH_DROP = 1 };

struct tool_each {
    const char *precision; /* of the arithmetic, for provenance; NULL: "double" */
    size_t jobs;
    size_t window; /* the most networks taken and not yet written; 0: 4 jobs.  For results that are large */
    /* Calling thread: a frame that follows the network, up to the next network or task (its activity, say); it
     * NULL: a frame that follows none.  When given, the network is prepared and worked on only after the last
     * of them, and what was made of it is written behind them.  Returns RNN_OK: the frame passes,
     * TOOL_EACH_DROP: it does not, or a failure.  NULL ok. */
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
    const struct tool_side *side; /* a further input, for the provenance entry; NULL ok */
    void *user;
};

/* Opens the streams (file NULL: standard input), runs the loop, closes them; ends the program when it cannot go on.
 * options: the tool's provenance entry.  Returns how many items could not be computed, for tool_end. */
uint64_t tool_each_net(const struct cli_tool *tool, const struct cli_common *c, const char *file,
                       const struct rnn_kvs *options, const struct tool_each *e);

#endif
