/* Products and loops of every set against plain sums in double; the vector sets against each other, bit for bit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "num/dense.h"

enum { MOST = 80, PAD = 3 };

static const struct rnn_dense *sets[3];
static size_t n_sets;

static int find_sets(void **state)
{
    static const char *const names[] = {"ref", "avx2", "avx512"};
    struct rnn_err err;
    (void) state;
    for (size_t i = 0; i < RNN_LEN(names); i++)
        if (rnn_kernels_select(names[i], &err) == RNN_OK) sets[n_sets++] = rnn_dense();
    return 0;
}

static double noise(void)
{
    static uint64_t x = 88172645463325252ull;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return (double) (x >> 11) * 0x1p-52 - 1;
}

/* C = init + A B on every set: values against double, guard numbers around every row of C untouched. */
#define DEFINE_GEMM_TEST(T, S, EPS)                                                                                  \
    static void check_gemm_##S(size_t m, size_t n, size_t k, int turned, int init_kind)                              \
    {                                                                                                                \
        const size_t ldb = n + PAD, ldc = n + PAD, rs = turned ? 1 : k + PAD, cs = turned ? m + PAD : 1;             \
        T *A = rnn_alloc((m + PAD) * (k + PAD), sizeof *A), *B = rnn_alloc(k * ldb + 1, sizeof *B);                  \
        T *C = rnn_alloc(m * ldc + 1, sizeof *C), *first = rnn_alloc(m * ldc + 1, sizeof *C), *bias = rnn_alloc(n + 1, sizeof *C); \
        for (size_t i = 0; i < (m + PAD) * (k + PAD); i++) A[i] = (T) noise();                                       \
        for (size_t i = 0; i < k * ldb; i++) B[i] = (T) noise();                                                     \
        for (size_t i = 0; i < n; i++) bias[i] = (T) noise();                                                        \
        for (size_t s = 0; s < n_sets; s++) {                                                                        \
            for (size_t i = 0; i < m * ldc; i++) C[i] = (T) 0.5;                                                     \
            sets[s]->gemm_##S(m, n, k, A, rs, cs, B, ldb, init_kind == 0 ? NULL : init_kind == 1 ? C : bias,         \
                              init_kind == 1 ? ldc : 0, C, ldc);                                                     \
            for (size_t i = 0; i < m; i++) {                                                                         \
                for (size_t j = 0; j < ldc; j++) {                                                                   \
                    double sum = init_kind == 0 ? 0 : init_kind == 1 ? 0.5 : j < n ? (double) bias[j] : 0;           \
                    double size = fabs(sum); /* a chain of k roundings errs by at most k eps sum |a b| */            \
                    for (size_t p = 0; p < k && j < n; p++) {                                                        \
                        const double ab = (double) A[i * rs + p * cs] * (double) B[p * ldb + j];                     \
                        sum += ab;                                                                                   \
                        size += fabs(ab);                                                                            \
                    }                                                                                                \
                    if (j >= n) assert_true(C[i * ldc + j] == (T) 0.5);                                              \
                    else assert_true(fabs((double) C[i * ldc + j] - sum) <= (EPS) * (double) (k + 2) * size);        \
                }                                                                                                    \
            }                                                                                                        \
            if (s == 1) memcpy(first, C, m * ldc * sizeof *C);                                                       \
            if (s == 2) assert_memory_equal(first, C, m * ldc * sizeof *C);                                          \
        }                                                                                                            \
        free(A);                                                                                                     \
        free(B);                                                                                                     \
        free(C);                                                                                                     \
        free(first);                                                                                                 \
        free(bias);                                                                                                  \
    }                                                                                                                \
    static void check_dots_##S(size_t m, size_t n, size_t k)                                                         \
    {                                                                                                                \
        const size_t ld = k + PAD;                                                                                   \
        T *A = rnn_alloc(m * ld + 1, sizeof *A), *B = rnn_alloc(n * ld + 1, sizeof *B);                              \
        T *C = rnn_alloc(m * n + 1, sizeof *C), *bias = rnn_alloc(n + 1, sizeof *C);                                 \
        for (size_t i = 0; i < m * ld; i++) A[i] = (T) noise();                                                      \
        for (size_t i = 0; i < n * ld; i++) B[i] = (T) noise();                                                      \
        for (size_t i = 0; i < n; i++) bias[i] = (T) noise();                                                        \
        for (size_t s = 0; s < n_sets; s++) {                                                                        \
            sets[s]->dots_##S(m, n, k, A, ld, B, ld, k % 2 ? bias : NULL, C, n);                                     \
            for (size_t i = 0; i < m; i++) {                                                                         \
                for (size_t j = 0; j < n; j++) {                                                                     \
                    double sum = k % 2 ? (double) bias[j] : 0;                                                       \
                    for (size_t p = 0; p < k; p++) sum += (double) A[i * ld + p] * (double) B[j * ld + p];           \
                    assert_true(fabs((double) C[i * n + j] - sum) <= (EPS) * (double) (k + 2));                      \
                }                                                                                                    \
            }                                                                                                        \
        }                                                                                                            \
        free(A);                                                                                                     \
        free(B);                                                                                                     \
        free(C);                                                                                                     \
        free(bias);                                                                                                  \
    }                                                                                                                \
    static void check_loops_##S(size_t n)                                                                            \
    {                                                                                                                \
        enum { ROWS = 5 };                                                                                           \
        T x[MOST + 1], f[MOST + 1], d[MOST + 1], want[MOST + 1], rows[ROWS * MOST];                                  \
        for (size_t s = 0; s < n_sets; s++) {                                                                        \
            const struct rnn_dense *k = sets[s];                                                                     \
            for (size_t i = 0; i <= n; i++) {                                                                        \
                x[i] = (T) noise();                                                                                  \
                f[i] = i % 3 ? (T) noise() : 0;                                                                      \
                d[i] = 7;                                                                                            \
            }                                                                                                        \
            k->slope_tanh_##S(n, (T) 0.5, f, x, d);                                                                  \
            for (size_t i = 0; i < n; i++) assert_true(fabs((double) (d[i] - (T) 0.5 * x[i] * (1 - f[i] * f[i]))) <= (EPS)); \
            assert_true(d[n] == 7);                                                                                  \
            k->slope_relu_##S(n, (T) 0.5, f, x, d);                                                                  \
            for (size_t i = 0; i < n; i++) assert_true(d[i] == (f[i] > 0 ? (T) 0.5 * x[i] : 0));                     \
            assert_true(d[n] == 7);                                                                                  \
            if (n) x[n - 1] = (T) NAN;                                                                               \
            k->relu_##S(n, x, d);                                                                                    \
            for (size_t i = 0; i + 1 < n; i++) assert_true(d[i] == (x[i] > 0 ? x[i] : 0));                           \
            if (n) assert_true(isnan((double) d[n - 1]));                                                            \
            assert_true(d[n] == 7);                                                                                  \
            memcpy(d, f, sizeof d);                                                                                  \
            for (size_t i = 0; i < n; i++) x[i] = (T) noise();                                                       \
            k->axpby_##S(n, 2, x, 3, d);                                                                             \
            for (size_t i = 0; i < n; i++) assert_true(fabs((double) (d[i] - (2 * x[i] + 3 * f[i]))) <= 8 * (EPS));  \
            assert_true(d[n] == f[n]);                                                                               \
            for (size_t i = 0; i < ROWS * n; i++) rows[i] = (T) noise();                                             \
            memcpy(d, f, sizeof d);                                                                                  \
            k->add_rows_##S(ROWS, n, rows, d);                                                                       \
            for (size_t i = 0; i < n; i++) {                                                                         \
                want[i] = f[i];                                                                                      \
                for (size_t r = 0; r < ROWS; r++) want[i] += rows[r * n + i];                                        \
                assert_true(fabs((double) (d[i] - want[i])) <= 8 * (EPS));                                           \
            }                                                                                                        \
            assert_true(d[n] == f[n]);                                                                               \
        }                                                                                                            \
    }

DEFINE_GEMM_TEST(float, f32, 6e-8)
DEFINE_GEMM_TEST(double, f64, 2e-16)

static void products_of_every_shape(void **state)
{
    static const size_t rows[] = {0, 1, 2, 3, 5, 6, 7, 8, 11, 12, 13, 25, 31, 32, 67}, depths[] = {0, 1, 2, 17, 39, 300};
    (void) state;
    for (size_t i = 0; i < RNN_LEN(rows); i++)
        for (size_t n = 0; n <= 67; n += n < 20 ? 1 : 5)
            for (size_t d = 0; d < RNN_LEN(depths); d++) {
                const int kind = (int) (i + n + d) % 6;
                check_gemm_f32(rows[i], n, depths[d], kind & 1, kind / 2);
                check_gemm_f64(rows[i], n, depths[d], kind & 1, kind / 2);
            }
    for (int kind = 0; kind < 6; kind++) { /* more rows and depth than a block */
        check_gemm_f32(600, 33, 700, kind & 1, kind / 2);
        check_gemm_f64(600, 33, 700, kind & 1, kind / 2);
    }
}

static void dots_of_every_shape(void **state)
{
    (void) state;
    for (size_t m = 0; m < 8; m++)
        for (size_t n = 0; n < 10; n++)
            for (size_t k = 0; k < 70; k += 1 + k / 9) {
                check_dots_f32(m, n, k);
                check_dots_f64(m, n, k);
            }
}

static void loops_of_every_length(void **state)
{
    (void) state;
    for (size_t n = 0; n < MOST; n++) {
        check_loops_f32(n);
        check_loops_f64(n);
    }
}

/* A row's result does not depend on where it stands or on how many rows there are: what blocks of trials rest on. */
static void rows_do_not_feel_their_position(void **state)
{
    enum { M = 73, N = 100, D = 77 };
    static float A[M * D], B[D * N], all[M * N], one[N];
    (void) state;
    for (size_t i = 0; i < M * D; i++) A[i] = (float) noise();
    for (size_t i = 0; i < D * N; i++) B[i] = (float) noise();
    for (size_t s = 1; s < n_sets; s++) {
        sets[s]->gemm_f32(M, N, D, A, D, 1, B, N, NULL, 0, all, N);
        for (size_t i = 0; i < M; i++) {
            sets[s]->gemm_f32(1, N, D, A + i * D, D, 1, B, N, NULL, 0, one, N);
            assert_memory_equal(one, all + i * N, sizeof one);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_of_every_shape),
        cmocka_unit_test(dots_of_every_shape),
        cmocka_unit_test(loops_of_every_length),
        cmocka_unit_test(rows_do_not_feel_their_position),
    };
    return cmocka_run_group_tests(tests, find_sets, NULL);
}
