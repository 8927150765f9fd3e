/* Reading a stream, one frame at a time, with every promise of rnn-stream(5) checked: crc per frame, frame count and
 * digest per segment, an `end` for every `head`, nothing after `end` but another `head`.  A frame is walked and
 * bound-checked without allocating before msgpack-c sees it (its issue 1013: five hostile bytes ask for 100 GB). */
#ifndef RNN_IO_READER_H
#define RNN_IO_READER_H

#include <stdbool.h>
#include <stdio.h>
#include "io/frame.h"

struct rnn_reader;

/* path NULL or "-" reads standard input.  max_frame 0 means RNN_FRAME_MAX_DEFAULT.  _fd: fd stays the caller's to close;
 * _mem: p is borrowed for the life of the reader. */
int rnn_reader_open(struct rnn_reader **r, const char *path, size_t max_frame, struct rnn_err *err);
int rnn_reader_open_fd(struct rnn_reader **r, int fd, const char *name, size_t max_frame, struct rnn_err *err);
int rnn_reader_open_mem(struct rnn_reader **r, const void *p, size_t len, size_t max_frame, struct rnn_err *err);

/* Zero bytes of input are RNN_ERR_TRUNCATED.  Three outcomes: RNN_OK and a frame (`head`, `end` and `error` frames included), RNN_EOS after the last segment's `end`,
 * or a failure: RNN_ERR_TRUNCATED, _CHECKSUM, _FORMAT, _VERSION, _LIMIT, _IO.  A failure repeats on further calls.
 * An `error` frame is given as RNN_OK with kind "error"; the call after it returns RNN_ERR_UPSTREAM naming its tool. */
int rnn_reader_next(struct rnn_reader *r, struct rnn_frame *f, struct rnn_err *err);

/* The name of the last tool in the provenance of the segment being read; "" before the first head. */
const char *rnn_reader_last_tool(const struct rnn_reader *r);
/* Body of the current segment's head (owned by the reader, lives until the next head); NULL before the first. */
const msgpack_object *rnn_reader_head(const struct rnn_reader *r);
/* Digest and failed count of the last `end` read (0 before one): what rnn_prov_input.digest wants. */
uint64_t rnn_reader_digest(const struct rnn_reader *r);
uint64_t rnn_reader_failed(const struct rnn_reader *r);
/* Asks that references by id (io/ids.h) be checked too: a dangling or doubled id is then RNN_ERR_FORMAT. */
void rnn_reader_check_ids(struct rnn_reader *r, bool on);
/* Whether the next call has a whole frame (or its failure) at hand and will not wait for the writer of a pipe.
 * Ends the life of the frame given last, as that next call would. */
bool rnn_reader_pending(struct rnn_reader *r);
void rnn_reader_close(struct rnn_reader *r);

/* Walks one msgpack value at p[0..len): depth <= RNN_MAX_DEPTH, every size <= bytes present, no allocation.
 * *used gets its length.  RNN_EOS: more bytes are needed to tell (*used = a lower bound on the total needed). */
int rnn_walk(const unsigned char *p, size_t len, size_t max, size_t *used, struct rnn_err *err);

#endif
