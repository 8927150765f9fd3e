/* Named arrays: what goes into and comes out of the files of other programs. */
#ifndef RNN_CONVERT_NAMED_H
#define RNN_CONVERT_NAMED_H

#include <stdio.h>
#include "base/array.h"

/* Numbers (a), or a list of n_s strings (s, then a is unused), or something that could not be read (why, NULL otherwise). */
struct rnn_named {
    char *name;
    struct rnn_array a;
    char **s;
    size_t n_s;
    char *why;
};

struct rnn_named_list {
    struct rnn_named *v;
    size_t n, cap;
};

/* Each appends an entry and takes over what it is given (the array's data, the strings), also when it fails. */
int rnn_named_add(struct rnn_named_list *l, const char *name, struct rnn_array *a, struct rnn_err *err);
int rnn_named_add_strs(struct rnn_named_list *l, const char *name, char **s, size_t n, struct rnn_err *err);
int rnn_named_add_unread(struct rnn_named_list *l, const char *name, const char *why, struct rnn_err *err);
const struct rnn_named *rnn_named_find(const struct rnn_named_list *l, const char *name); /* NULL when absent */
void rnn_named_release(struct rnn_named_list *l);
void rnn_strs_free(char **s, size_t n);

/* Writes all of p or reports the system's reason. */
int rnn_put_bytes(FILE *f, const void *p, size_t len, struct rnn_err *err);
/* A whole file in memory (malloc'd); path NULL or "-": standard input. */
int rnn_slurp(const char *path, unsigned char **p, size_t *len, struct rnn_err *err);

#endif
