/* The plain set: products by CBLAS, loops in C. */
#include "num/dense.h"

#include <cblas.h>
#include <string.h>

#define DEFINE(T, S, B_)                                                                                             \
    static void gemm_##S(size_t m, size_t n, size_t k, const T *A, size_t rs, size_t cs, const T *B, size_t ldb,     \
                         const T *init, size_t ldi, T *C, size_t ldc)                                                \
    {                                                                                                                \
        const int turned = cs != 1; /* one row or column has no stride of its own: k or m will do */                \
        const size_t lda = turned ? (cs > m ? cs : m) : (rs > k ? rs : k);                                           \
        for (size_t i = 0; i < m && init != C; i++) {                                                                \
            if (init) memcpy(C + i * ldc, init + i * ldi, n * sizeof *C);                                            \
            else memset(C + i * ldc, 0, n * sizeof *C);                                                              \
        }                                                                                                            \
        if (m == 0 || n == 0 || k == 0) return;                                                                      \
        cblas_##B_##gemm(CblasRowMajor, turned ? CblasTrans : CblasNoTrans, CblasNoTrans, (int) m, (int) n, (int) k, \
                         1, A, (int) lda, B, (int) ldb, 1, C, (int) ldc);                                            \
    }                                                                                                                \
    static void dots_##S(size_t m, size_t n, size_t k, const T *A, size_t lda, const T *B, size_t ldb,               \
                         const T *bias, T *C, size_t ldc)                                                            \
    {                                                                                                                \
        for (size_t i = 0; i < m; i++)                                                                               \
            for (size_t j = 0; j < n; j++) C[i * ldc + j] = bias ? bias[j] : 0;                                      \
        if (m == 0 || n == 0 || k == 0) return;                                                                      \
        cblas_##B_##gemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int) m, (int) n, (int) k, 1, A, (int) lda, B,     \
                         (int) ldb, 1, C, (int) ldc);                                                                \
    }                                                                                                                \
    static void add_rows_##S(size_t rows, size_t n, const T *d, T *x)                                                \
    {                                                                                                                \
        for (size_t j = 0; j < n; j++) {                                                                             \
            T sum = 0;                                                                                               \
            for (size_t i = 0; i < rows; i++) sum += d[i * n + j];                                                   \
            x[j] += sum;                                                                                             \
        }                                                                                                            \
    }                                                                                                                \
    static void slope_tanh_##S(size_t n, T a, const T *value, const T *ds, T *d)                                     \
    {                                                                                                                \
        for (size_t i = 0; i < n; i++) d[i] = a * ds[i] * (1 - value[i] * value[i]);                                 \
    }                                                                                                                \
    static void slope_relu_##S(size_t n, T a, const T *value, const T *ds, T *d)                                     \
    {                                                                                                                \
        for (size_t i = 0; i < n; i++) d[i] = value[i] > 0 ? a * ds[i] : 0;                                          \
    }                                                                                                                \
    static void axpby_##S(size_t n, T a, const T *x, T b, T *y)                                                      \
    {                                                                                                                \
        for (size_t i = 0; i < n; i++) y[i] = a * x[i] + b * y[i];                                                   \
    }                                                                                                                \
    static void relu_##S(size_t n, const T *z, T *out)                                                               \
    {                                                                                                                \
        for (size_t i = 0; i < n; i++) out[i] = z[i] < 0 ? 0 : z[i];                                                 \
    }

DEFINE(float, f32, s)
DEFINE(double, f64, d)

#define SET(S)                                                                                                       \
    .gemm_##S = gemm_##S, .dots_##S = dots_##S, .add_rows_##S = add_rows_##S, .slope_tanh_##S = slope_tanh_##S,      \
    .slope_relu_##S = slope_relu_##S, .axpby_##S = axpby_##S, .relu_##S = relu_##S

const struct rnn_dense rnn_dense_ref = {.name = "ref", SET(f32), SET(f64)};
