/* An n-dimensional array in C order: the unit in which numbers travel between streams, files and code. */
#ifndef RNN_BASE_ARRAY_H
#define RNN_BASE_ARRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

#define RNN_MAX_DIMS 8

enum rnn_dtype { RNN_F32, RNN_F64, RNN_I32, RNN_I64, RNN_U8, RNN_U64, RNN_BOOL, RNN_C128, RNN_N_DTYPES };

struct rnn_array {
    enum rnn_dtype dtype;
    int ndim;
    size_t shape[RNN_MAX_DIMS];
    void *data; /* C order, native little-endian; owned unless the maker says otherwise */
};

size_t rnn_dtype_size(enum rnn_dtype t);
const char *rnn_dtype_name(enum rnn_dtype t);                 /* numpy's: "<f4" "<f8" "<i4" "<i8" "|u1" "<u8" "|b1" "<c16" */
bool rnn_dtype_from_name(const char *name, size_t len, enum rnn_dtype *out);
size_t rnn_array_count(const struct rnn_array *a);            /* product of shape; 1 for a scalar */
size_t rnn_array_bytes(const struct rnn_array *a);
/* A zeroed array of the given shape. */
int rnn_array_new(struct rnn_array *a, enum rnn_dtype t, int ndim, const size_t *shape, struct rnn_err *err);
void rnn_array_release(struct rnn_array *a);
/* Element i (flat) as double; complex gives its real part. */
double rnn_array_get(const struct rnn_array *a, size_t i);
/* All elements converted to double into out [rnn_array_count]; complex gives real parts. */
void rnn_array_to_f64(const struct rnn_array *a, double *out);

#endif
