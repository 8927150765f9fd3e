/* Building `table` and `array` frames (tidy results): see rnn-stream(5). */
#ifndef RNN_IO_TABLE_H
#define RNN_IO_TABLE_H

#include "io/writer.h"

/* A table under construction, column by column.  Rows are appended with rnn_table_* in any order of columns, then
 * rnn_table_row() closes the row (columns not set become NaN or ""). */
struct rnn_table;
int rnn_table_new(struct rnn_table **t, const char *name, struct rnn_err *err);
/* Declares a column; type is one of RNN_KV_REAL, _INT, _BOOL, _STR.  unit and doc may be NULL. */
int rnn_table_col(struct rnn_table *t, const char *name, enum rnn_kv_type type, const char *unit, const char *doc,
                  struct rnn_err *err);
void rnn_table_set(struct rnn_table *t, const char *col, double v);       /* unknown column: sticks as an error */
void rnn_table_set_int(struct rnn_table *t, const char *col, int64_t v);
void rnn_table_set_str(struct rnn_table *t, const char *col, const char *s);
void rnn_table_row(struct rnn_table *t);
size_t rnn_table_rows(const struct rnn_table *t);
void rnn_table_clear(struct rnn_table *t); /* rows only */
/* Writes the rows as one or more `table` frames {name, columns, units, doc, labels, first}; then clears them.
 * labels may be NULL. `net`: the id the rows belong to, or NULL. */
int rnn_table_write(struct rnn_table *t, struct rnn_writer *w, const struct rnn_kvs *labels, const char *net,
                    struct rnn_err *err);
int rnn_table_append(struct rnn_table *t, struct rnn_bytes *out, const struct rnn_kvs *labels, const char *net,
                     struct rnn_err *err);
void rnn_table_free(struct rnn_table *t);

/* Writes {name, dims, units, labels, net, value} as one or more `array` frames blocked along the first axis.
 * dims: one name per axis, e.g. {"mode", "unit"}. */
int rnn_array_write(struct rnn_writer *w, const char *name, const char *const *dims, const char *const *units,
                    enum rnn_dtype t, int ndim, const size_t *shape, const void *data, const struct rnn_kvs *labels,
                    const char *net, struct rnn_err *err);
int rnn_array_append(struct rnn_bytes *out, const char *name, const char *const *dims, const char *const *units,
                     enum rnn_dtype t, int ndim, const size_t *shape, const void *data, const struct rnn_kvs *labels,
                     const char *net, struct rnn_err *err);

#endif
