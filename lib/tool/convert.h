/* rnn-cat --to: streams as the files of other programs. */
#ifndef RNN_TOOL_CONVERT_H
#define RNN_TOOL_CONVERT_H

#include "cli/cli.h"
#include "io/frame.h"

struct tool_convert;
/* format: jsonl, tsv, npz, npy, mat or safetensors; table, array: what to write, or NULL.  Exits 2 when they do not fit together. */
struct tool_convert *tool_convert_begin(const char *format, const char *table, const char *array, const struct cli_common *c);
void tool_convert_frame(struct tool_convert *t, const struct rnn_frame *f);
void tool_convert_flush(struct tool_convert *t); /* before an end for other reasons: lines already made go out */
void tool_convert_end(struct tool_convert *t);   /* writes what there is to write, and frees t */

#endif
