/* Training that survives kill -9.  FILE is an append-only stream without `end`: a head, a `checkpoint` frame {identity: a digest of
 * what the run depends on: options, build, input}, then for each finished net, in the order they finished, the very frames that
 * were or will be written for it and a `mark` {net, bytes} that makes them count.  FILE.state begins alike and holds `state` frames {net,
 * first, total, bytes}, pieces of the nets in flight (rnn_trainer_save); it is replaced as a whole.  A torn tail of FILE is cut off
 * at its last mark.
 * Any thread may call the functions that take a net. */
#ifndef RNN_TOOL_CHECKPOINT_H
#define RNN_TOOL_CHECKPOINT_H

#include <stdbool.h>
#include "io/writer.h"

struct tool_checkpoint;

/* Opens or makes FILE for the nets lo .. hi-1 (those of other shards in it are left alone).  identity [n]: everything that must be
 * equal for the run to go on.  RNN_ERR_ARG: FILE or FILE.state belongs to another run, is another kind of file, or is in use. */
int tool_checkpoint_open(struct tool_checkpoint **c, const char *path, const void *identity, size_t n, uint64_t lo, uint64_t hi,
                         double every_s, struct rnn_err *err);
/* The frames of a finished net, appended to out; *found false when it is not in FILE. */
int tool_checkpoint_find(struct tool_checkpoint *c, uint64_t net, struct rnn_bytes *out, bool *found, struct rnn_err *err);
/* The saved state of a net in flight, or NULL; valid until the net's next call below. */
const unsigned char *tool_checkpoint_state(struct tool_checkpoint *c, uint64_t net, size_t *len);
/* True when `every` seconds have passed since *last (a monotonic time in seconds that the caller keeps). */
bool tool_checkpoint_due(const struct tool_checkpoint *c, double *last);
/* Replaces the state of a net in flight and rewrites FILE.state (temporary, fsync, rename). */
int tool_checkpoint_save(struct tool_checkpoint *c, uint64_t net, const unsigned char *state, size_t len, struct rnn_err *err);
/* Appends a finished net to FILE and forgets its state. */
int tool_checkpoint_done(struct tool_checkpoint *c, uint64_t net, const struct rnn_bytes *frames, struct rnn_err *err);
/* All nets are done: syncs FILE, removes FILE.state.  c stays to be freed. */
int tool_checkpoint_finish(struct tool_checkpoint *c, struct rnn_err *err);
void tool_checkpoint_free(struct tool_checkpoint *c);

#endif
