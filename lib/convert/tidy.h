/* `table` frames put together again: pieces of one name become one table, labels become constant columns. */
#ifndef RNN_CONVERT_TIDY_H
#define RNN_CONVERT_TIDY_H

#include "base/kv.h"
#include "convert/named.h"
#include "io/frame.h"

struct rnn_tidy_piece { /* one frame */
    size_t rows;
    struct rnn_named_list cols;
    struct rnn_kvs labels;
    char *net; /* the id its rows belong to, or NULL */
};
struct rnn_tidy {
    char *name;
    struct rnn_tidy_piece *p;
    size_t n, cap;
};
struct rnn_tidies {
    struct rnn_tidy *v;
    size_t n, cap;
};

/* Adds a `table` frame's body.  A column that a piece lacks is missing there.  RNN_ERR_FORMAT: columns of unequal
 * length, or one that holds numbers in one piece and text in another. */
int rnn_tidies_add(struct rnn_tidies *t, const msgpack_object *body, struct rnn_err *err);
const struct rnn_tidy *rnn_tidies_find(const struct rnn_tidies *t, const char *name);
void rnn_tidies_release(struct rnn_tidies *t);

/* Adds a `net` frame as a row: labels, id, where it stands (segment, frame), sizes, status.  RNN_ERR_FORMAT: no id. */
int rnn_tidy_net(struct rnn_tidy *t, const struct rnn_frame *f, struct rnn_err *err);
void rnn_tidy_release(struct rnn_tidy *t);

/* One header line, one line a row: labels, `net` (when a piece names one), columns.  A label with the name of a column is headed
 * `label.NAME`.  Missing numbers are NaN, missing strings empty; tab, line feed, carriage return and backslash are written as in C. */
int rnn_tidy_tsv(const struct rnn_tidy *t, FILE *f, struct rnn_err *err);
/* The same columns as arrays TABLE/COLUMN. */
int rnn_tidy_arrays(const struct rnn_tidy *t, struct rnn_named_list *out, struct rnn_err *err);

#endif
