/* Provenance of what is made from several segments of one input, as `rnn-cat A B | TOOL` gives them: the heads are kept, and joined into one
 * whose chain is an rnn-cat of them all. */
#ifndef RNN_TOOL_HEADS_H
#define RNN_TOOL_HEADS_H

#include "io/reader.h"

struct tool_head { unsigned char *bytes; struct rnn_reader *reader; uint64_t digest; };
struct tool_heads { struct tool_head *v; size_t n, cap; struct tool_head joined; };

/* A frame of kind head (copied), or the `end` of its segment, whose digest the reader r of the stream tells; other kinds are passed over. */
int tool_heads_take(struct tool_heads *h, const struct rnn_reader *r, const struct rnn_frame *f, struct rnn_err *err);
/* The head to answer: that of the only segment, or the joined one.  It lives as long as h. */
int tool_heads_join(struct tool_heads *h, const msgpack_object **head, struct rnn_err *err);
void tool_heads_release(struct tool_heads *h);

#endif
