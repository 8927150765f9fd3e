#include "num/dense.h"

#include <string.h>

const struct rnn_dense *rnn_dense(void)
{
#if defined(__x86_64__)
    const char *name = rnn_kernels()->name;
    if (strcmp(name, rnn_dense_avx512.name) == 0) return &rnn_dense_avx512;
    if (strcmp(name, rnn_dense_avx2.name) == 0) return &rnn_dense_avx2;
#endif
    return &rnn_dense_ref;
}
