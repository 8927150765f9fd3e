/* The loop that every filter runs: read a stream, copy or answer its frames, write a stream.  It keeps the promises of
 * rnn-stream(5) that are the same for all tools: one segment in is one segment out, provenance grows by one entry, errors
 * and truncation travel downstream in an `error` frame, and what is ready is sent before waiting for more. */
#ifndef RNN_IO_PIPE_H
#define RNN_IO_PIPE_H

#include "io/reader.h"
#include "io/writer.h"

/* Each returns RNN_OK or a failure (which ends the run; the driver writes the `error` frame).  Any may be NULL. */
struct rnn_pipe_ops {
    /* After the head was written; head is the input's. */
    int (*segment_start)(void *user, const msgpack_object *head, struct rnn_writer *w, struct rnn_err *err);
    /* Every frame but head, end and error.  Must take care of the frame: rnn_writer_copy(w, f, err) passes it on.
     * NULL copies all. */
    int (*frame)(void *user, const struct rnn_frame *f, struct rnn_writer *w, struct rnn_err *err);
    /* Before `end` is written: what was held back goes out here. */
    int (*segment_end)(void *user, struct rnn_writer *w, struct rnn_err *err);
    /* Before an `error` frame goes out, whatever its reason: what is held back goes out here, so that everything that was done comes
     * before it.  A failure returned here (of something earlier in the stream) is told instead. */
    int (*settle)(void *user, struct rnn_writer *w, struct rnn_err *err);
    const struct rnn_prov_input *inputs; /* further inputs (--task FILE, ...) for the provenance entry */
    size_t n_inputs;
};

/* Runs r to its end.  tool, options, build: the provenance entry (tool NULL adds none).  ops may be NULL.
 * Items that could not be computed: call rnn_writer_count_failed(w, n) in a callback; afterwards rnn_writer_failed(w) tells
 * how many there were (exit status 3).  `end.failed` is their number plus that of the input's `end`.
 * RNN_OK, or: RNN_ERR_UPSTREAM when an `error` frame came (copied, none added); the reader's failure, after an `error` frame
 * that names the last tool of the head that was read, or says that the command before wrote nothing; a callback's failure,
 * after an `error` frame that names this tool and the item (the frame's `id`) it happened at.  The caller closes w. */
int rnn_pipe_run(struct rnn_reader *r, struct rnn_writer *w, const char *tool, const struct rnn_kvs *options,
                 const struct rnn_kvs *build, const struct rnn_pipe_ops *ops, void *user, struct rnn_err *err);

/* For tools with a loop of their own: writes the `error` frame that answers the failure rc/err of reading r (opening a
 * segment first when none is open), unless an `error` frame was copied already.  Keeps rc and err: returns rc. */
int rnn_pipe_relay(struct rnn_reader *r, struct rnn_writer *w, const char *tool, const struct rnn_kvs *options,
                   const struct rnn_kvs *build, int rc, struct rnn_err *err);
/* The same for a failure of the tool's own at an item (its id, or NULL). */
int rnn_pipe_fail(struct rnn_writer *w, const char *tool, const char *item, int rc, struct rnn_err *err);

#endif
