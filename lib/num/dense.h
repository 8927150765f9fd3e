/* Matrix products of the sizes training makes (tens to a thousand rows and columns) and the loops around them.
 *
 * `avx512` and `avx2` need no packing: with one factor's rows contiguous along the columns of the product, the other is read one
 * number at a time and spread over a vector.  Each element of a product is then one chain of fused multiply-adds over k in
 * ascending order, whatever the shape, the position and the instruction set: bitwise the same in both.  OpenBLAS gives different bits for
 * another position or shape, and its 0.3.21 takes newer AMD processors for Haswell: it runs at half the speed there (on Zen 5, shape
 * 128 x 100 x 100 in float32: 105 GFLOP/s, with OPENBLAS_CORETYPE=SKYLAKEX 183, this kernel 207).  `ref` is CBLAS.
 * Nothing here allocates; matrices must not overlap unless said. */
#ifndef RNN_NUM_DENSE_H
#define RNN_NUM_DENSE_H

#include <stddef.h>

#include "num/kernels.h"

#define RNN_DENSE_API(T, S)                                                                                                        \
    /* C [m][n] = init + A B.  A is m x k with element (i, p) at A[i * rs + p * cs]; B [k][n] has rows of length ldb.  init has rows \
     * ldi apart: NULL for zero, C itself (ldi = ldc) to accumulate, ldi 0 to spread one row (a bias). */                           \
    void (*gemm_##S)(size_t m, size_t n, size_t k, const T *A, size_t rs, size_t cs, const T *B, size_t ldb, const T *init,         \
                     size_t ldi, T *C, size_t ldc);                                                                                \
    /* C [m][n] = bias + A B', A [m][k], B [n][k]: for few columns n.  bias [n] or NULL. */                                         \
    void (*dots_##S)(size_t m, size_t n, size_t k, const T *A, size_t lda, const T *B, size_t ldb, const T *bias, T *C, size_t ldc); \
    /* x [n] += sum over rows of d [rows][n]; the sum of the rows is rounded on its own. */                                         \
    void (*add_rows_##S)(size_t rows, size_t n, const T *d, T *x);                                                                 \
    /* d = a ds f'(z) from the value f = f(z); d may be ds. */                                                                      \
    void (*slope_tanh_##S)(size_t n, T a, const T *value, const T *ds, T *d);                                                       \
    void (*slope_relu_##S)(size_t n, T a, const T *value, const T *ds, T *d);                                                       \
    /* y = a x + b y */                                                                                                            \
    void (*axpby_##S)(size_t n, T a, const T *x, T b, T *y);                                                                        \
    void (*relu_##S)(size_t n, const T *z, T *out); /* NaN stays NaN */

struct rnn_dense {
    const char *name;
    RNN_DENSE_API(float, f32)
    RNN_DENSE_API(double, f64)
};

extern const struct rnn_dense rnn_dense_ref;
#if defined(__x86_64__)
extern const struct rnn_dense rnn_dense_avx2, rnn_dense_avx512;
#endif
/* The set that goes with the kernels selected (num/kernels.h). */
const struct rnn_dense *rnn_dense(void);

#endif
