/* Writing a stream.  Only rnn_writer_end() writes the frame that makes a segment complete, so a killed program cannot
 * look like one that had little to say. */
#ifndef RNN_IO_WRITER_H
#define RNN_IO_WRITER_H

#include "io/frame.h"

struct rnn_writer;

/* Failures: RNN_ERR_IO carries the errno in err->sys; EPIPE there means that our reader left (exit quietly).  The first
 * failed write sticks: later calls repeat it.  RNN_ERR_ARG: frames out of order (a frame outside a segment, a head inside). */

/* path NULL or "-": standard output.  Any other path appears when rnn_writer_close keeps it (io/outfile.h), so that no reader
 * ever sees half a file; a symbolic link is followed, a device or FIFO written to directly. */
int rnn_writer_open(struct rnn_writer **w, const char *path, struct rnn_err *err);
int rnn_writer_open_mem(struct rnn_writer **w, struct rnn_err *err); /* bytes with rnn_writer_mem */
/* Name of the hidden file to unlink on a signal, or NULL where there is none. */
const char *rnn_writer_temp(const struct rnn_writer *w);

/* Starts a segment: writes {format, version, prov, ...}.  in_head: the head body of the segment being answered (its prov is copied, unknown keys kept), or
 * NULL.  tool/options/build: this tool's entry; pass tool NULL to add none (viewers). */
int rnn_writer_head(struct rnn_writer *w, const msgpack_object *in_head, const char *tool, const struct rnn_kvs *options,
                    const struct rnn_kvs *build, struct rnn_err *err);
/* As above with further inputs: each is {option, digest, prov}: the option that named the file, the digest of its `end`
 * and its own chain. */
struct rnn_prov_input { const char *option; uint64_t digest; const msgpack_object *head; };
int rnn_writer_head_inputs(struct rnn_writer *w, const msgpack_object *in_head, const char *tool,
                           const struct rnn_kvs *options, const struct rnn_kvs *build,
                           const struct rnn_prov_input *in, size_t n_in, struct rnn_err *err);
/* One frame from a finished or unfinished body (finishes it). */
int rnn_writer_frame(struct rnn_writer *w, const char *kind, struct rnn_body *b, struct rnn_err *err);
/* One frame's bytes verbatim. */
int rnn_writer_copy(struct rnn_writer *w, const struct rnn_frame *f, struct rnn_err *err);
int rnn_writer_raw(struct rnn_writer *w, const void *frame, size_t len, struct rnn_err *err); /* many whole frames */
/* Counts items that could not be computed (a status record stands in their place); `end` reports them. */
void rnn_writer_count_failed(struct rnn_writer *w, uint64_t n);
uint64_t rnn_writer_failed(const struct rnn_writer *w); /* counted so far, over all segments */
/* Ends the segment properly; failed: items that could not be computed, besides those counted in this segment. */
int rnn_writer_end(struct rnn_writer *w, uint64_t failed, struct rnn_err *err);
/* Ends the segment with an `error` frame (no `end`) and flushes: for whoever meets truncation or fails midway. */
int rnn_writer_error(struct rnn_writer *w, const char *tool, const char *status, const char *message, const char *item,
                     struct rnn_err *err);
/* Flush to the reader of a pipe (called after each item so that pipelines stream). */
int rnn_writer_flush(struct rnn_writer *w, struct rnn_err *err);
bool rnn_writer_in_segment(const struct rnn_writer *w);
/* Bytes written so far to memory (borrowed). */
const unsigned char *rnn_writer_mem(const struct rnn_writer *w, size_t *len);
/* Bytes of body that rnn_table_write and rnn_array_write put into one frame; 0 restores RNN_FRAME_TARGET. */
void rnn_writer_set_block(struct rnn_writer *w, size_t bytes);
size_t rnn_writer_block(const struct rnn_writer *w);
/* Flush, fsync when a file, close, name.  Looks at the last write.  Frees w whatever happens.  A file whose last segment
 * has no `end` is not kept: RNN_ERR_ARG, or RNN_OK when rnn_writer_error ended it (the caller knows). */
int rnn_writer_close(struct rnn_writer *w, struct rnn_err *err);
/* Gives up: closes, forgets what was written, frees.  Keeps errno. */
void rnn_writer_abandon(struct rnn_writer *w);

/* Frames serialised outside a writer (a worker thread's buffer): appends the bytes of one frame to b's memory. */
struct rnn_bytes { unsigned char *p; size_t len, cap; };
int rnn_bytes_append(struct rnn_bytes *out, const void *p, size_t len, struct rnn_err *err);
int rnn_frame_append(struct rnn_bytes *out, const char *kind, struct rnn_body *b, struct rnn_err *err);
void rnn_bytes_release(struct rnn_bytes *b);

#endif
