#include "base/array.h"

#include <stdlib.h>
#include <string.h>
#include "base/mem.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "streams hold little-endian numbers; this machine needs byte swaps");

static const struct {
    const char *name;
    size_t size;
} dtypes[RNN_N_DTYPES] = {
    [RNN_F32] = {"<f4", 4}, [RNN_F64] = {"<f8", 8}, [RNN_I32] = {"<i4", 4},  [RNN_I64] = {"<i8", 8},
    [RNN_U8] = {"|u1", 1},  [RNN_U64] = {"<u8", 8}, [RNN_BOOL] = {"|b1", 1}, [RNN_C128] = {"<c16", 16},
};

size_t rnn_dtype_size(enum rnn_dtype t)
{
    return dtypes[t].size;
}

const char *rnn_dtype_name(enum rnn_dtype t)
{
    return dtypes[t].name;
}

bool rnn_dtype_from_name(const char *name, size_t len, enum rnn_dtype *out)
{
    for (int t = 0; t < RNN_N_DTYPES; t++) {
        if (strlen(dtypes[t].name) == len && memcmp(dtypes[t].name, name, len) == 0) {
            *out = (enum rnn_dtype)t;
            return true;
        }
    }
    return false;
}

size_t rnn_array_count(const struct rnn_array *a)
{
    size_t n = 1;
    for (int d = 0; d < a->ndim; d++) n *= a->shape[d];
    return n;
}

size_t rnn_array_bytes(const struct rnn_array *a)
{
    return rnn_array_count(a) * rnn_dtype_size(a->dtype);
}

int rnn_array_new(struct rnn_array *a, enum rnn_dtype t, int ndim, const size_t *shape, struct rnn_err *err)
{
    memset(a, 0, sizeof *a);
    if (ndim < 0 || ndim > RNN_MAX_DIMS) return rnn_fail(err, RNN_ERR_ARG, "%d dimensions (0 to %d allowed)", ndim, RNN_MAX_DIMS);
    size_t n = 1;
    for (int d = 0; d < ndim; d++) {
        if (!rnn_mul_size(n, shape[d], &n)) return rnn_fail(err, RNN_ERR_NOMEM, "array size overflows");
    }
    RNN_TRY(rnn_alloc_into(&a->data, n, rnn_dtype_size(t), err));
    a->dtype = t;
    a->ndim = ndim;
    for (int d = 0; d < ndim; d++) a->shape[d] = shape[d];
    return RNN_OK;
}

void rnn_array_release(struct rnn_array *a)
{
    free(a->data);
    memset(a, 0, sizeof *a);
}

/* Reads with memcpy because a view into a frame may lie at any address. */
#define GET(type)                                                                                                    \
    {                                                                                                                \
        type v;                                                                                                      \
        memcpy(&v, (const unsigned char *)a->data + i * dtypes[a->dtype].size, sizeof v);                            \
        return (double)v;                                                                                            \
    }

double rnn_array_get(const struct rnn_array *a, size_t i)
{
    switch (a->dtype) {
    case RNN_F32: GET(float)
    case RNN_F64: GET(double)
    case RNN_I32: GET(int32_t)
    case RNN_I64: GET(int64_t)
    case RNN_U64: GET(uint64_t)
    case RNN_U8: GET(uint8_t)
    case RNN_BOOL: return ((const uint8_t *)a->data)[i] != 0;
    case RNN_C128: GET(double) /* the real part comes first */
    case RNN_N_DTYPES: break;
    }
    return 0;
}

void rnn_array_to_f64(const struct rnn_array *a, double *out)
{
    size_t n = rnn_array_count(a);
    if (a->dtype == RNN_F64) {
        if (n) memcpy(out, a->data, n * sizeof *out);
        return;
    }
    for (size_t i = 0; i < n; i++) out[i] = rnn_array_get(a, i);
}
