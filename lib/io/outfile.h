/* Files that appear whole or not at all: what is written has no name until it is kept, so nothing stays behind when the
 * program dies, be it of SIGKILL.  File systems without unnamed files get a hidden one beside the name, to be renamed; one
 * that a killed program left there goes when the same name is written again. */
#ifndef RNN_IO_OUTFILE_H
#define RNN_IO_OUTFILE_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"

struct rnn_outfile {
    int fd;     /* to be written to */
    bool owns_fd;
    char *path; /* what will be replaced, links resolved; NULL: fd is standard output, a device or a FIFO, written directly */
    char *temp; /* the hidden file, for a signal handler to unlink, or NULL: there is none */
};

/* path NULL or "-": standard output.  A file that is there keeps its permissions, and must be one that the user may write to; a link stays
 * and leads to the new file.  RNN_ERR_IO. */
int rnn_outfile_open(struct rnn_outfile *f, const char *path, struct rnn_err *err);
/* fsync, the name, and close: path holds what was written, or, on RNN_ERR_IO, what it held before.  Releases f either way. */
int rnn_outfile_keep(struct rnn_outfile *f, struct rnn_err *err);
/* Closes and forgets what was written; releases f.  Keeps errno. */
void rnn_outfile_drop(struct rnn_outfile *f);
/* The three in one: path holds the n bytes at p, or on RNN_ERR_IO what it held before. */
int rnn_outfile_put(const char *path, const void *p, size_t n, struct rnn_err *err);
/* All n bytes, whatever signals say: 0, or -1 with errno. */
int rnn_write_fully(int fd, const void *p, size_t n);
/* For tests: true makes every folder look like one without unnamed files.  Before threads. */
void rnn_outfile_always_named(bool always);

#endif
