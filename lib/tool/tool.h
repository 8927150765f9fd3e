/* What every executable does around its job: start and end, signals, files, build facts, shards.  These functions are for
 * cmd/ only and end the program with the right status when something is wrong.  A tool's main reads:
 *
 *     struct cli_parse *p = tool_start(&tool, with, &common, argc, argv);
 *     struct rnn_reader *r = tool_open_input(&tool, cli_arg(p, 0), &common);
 *     struct rnn_writer *w = tool_open_output(&common);
 *     ... rc < 0 ? tool_fail(w, r, &err) ...
 *     tool_close_output(w);
 *     return tool_end(failed);
 */
#ifndef RNN_TOOL_TOOL_H
#define RNN_TOOL_TOOL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "base/err.h"
#include "base/kv.h"
#include "cli/cli.h"
#include "io/reader.h"
#include "io/writer.h"

/* First thing in main: keeps closed standard streams from becoming files, names the tool in messages, selects kernels from
 * RNN_KERNEL (exit 2 when unusable), one BLAS thread, denormals flushed, signals: SIGPIPE kills silently whatever was inherited;
 * SIGINT, SIGTERM and SIGHUP remove temporary files and kill. */
void tool_begin(const char *name);

/* The opening lines of a tool without presets: tool_begin, and the command line read, applied, and printed where
 * --print-config asks for it. */
struct cli_parse *tool_start(const struct cli_tool *tool, int with, struct cli_common *c, int argc, char **argv);

/* A line for standard error when a signal ends the program: what to do to go on. */
void tool_last_words(const char *text);

void tool_thread_begin(void *unused);     /* flushes denormals, for rnn_pool_calls.thread_begin */

/* The main stream: file, or standard input when NULL or "-".  A terminal there is refused with the usage
 * (exit 2), and so is the file that standard output writes to. */
struct rnn_reader *tool_open_input(const struct cli_tool *tool, const char *file, const struct cli_common *c);
/* For tools whose first word may be a command: ends the program (exit 1) when `given` (may be NULL) looks like a word and is no
 * file either, naming the commands. */
void tool_file_or_word(const char *given, const char *commands);
/* Where the stream goes: -o FILE (which appears when closed), or standard output; a terminal only with -f (exit 2). */
struct rnn_writer *tool_open_output(const struct cli_common *c);
void tool_close_output(struct rnn_writer *w);
/* The same for text (TSV, JSON, HTML), which a terminal may show. */
FILE *tool_open_text(const struct cli_common *c);
void tool_close_text(FILE *f);
_Noreturn void tool_fail_text(const struct rnn_err *err); /* as cli_die_err; says which file it was that could not be written */
/* Ends a tool that cannot go on, with the message and the status of err.  If w's segment is still open, an `error` frame
 * ends it (rnn_pipe_run leaves none open; RNN_ERR_UPSTREAM adds none); -o FILE stays as it was.  w may be NULL.  r: the
 * reader whose failure this is, so that the frame names who stopped early; NULL when the failure is this tool's. */
_Noreturn void tool_fail(struct rnn_writer *w, struct rnn_reader *r, const struct rnn_err *err);
/* As tool_fail, naming the item ("net 3") in message and frame. */
_Noreturn void tool_fail_item(struct rnn_writer *w, struct rnn_reader *r, const char *item, const struct rnn_err *err);

/* Last thing in main: looks at the last write to standard output and closes it (exit 1), then 0, or 3 when items failed or a --require
 * was not met. */
int tool_end(uint64_t failed);

/* {version, precision, blas, core, kernels} for provenance.  precision: "single" or "double". */
int tool_build(struct rnn_kvs *out, const char *precision, struct rnn_err *err);
void tool_version(FILE *out); /* for cli_tool.version */

/* Contiguous block i of N of items 0..n-1: [*lo, *hi).  Blocks differ by at most one item. */
void tool_shard_range(uint64_t n, uint64_t i, uint64_t N, uint64_t *lo, uint64_t *hi);

#endif
