/* 32 registers of 64 bytes: tiles of up to 24 sums. */
#if defined(__AVX512F__)
#include "num/dense.h"
#include "num/unroll.h"

#include <immintrin.h>
#include <string.h>

#define TILES(X)                                                                                                     \
    X(1, 1) X(2, 1) X(3, 1) X(4, 1) X(5, 1) X(6, 1) X(7, 1) X(8, 1) X(9, 1) X(10, 1) X(11, 1) X(12, 1)               \
    X(1, 2) X(2, 2) X(3, 2) X(4, 2) X(5, 2) X(6, 2) X(7, 2) X(8, 2) X(9, 2) X(10, 2) X(11, 2) X(12, 2)               \
    X(1, 3) X(2, 3) X(3, 3) X(4, 3) X(5, 3) X(6, 3) X(7, 3) X(8, 3) X(1, 4) X(2, 4) X(3, 4) X(4, 4) X(5, 4) X(6, 4)
#define NR_MAX 4
#define ROWS_MAX 12
#define ROWS_OF {0, 12, 12, 8, 6}

typedef float vec_f32 __attribute__((vector_size(64)));
typedef int ivec_f32 __attribute__((vector_size(64)));
typedef long long ivec_f64 __attribute__((vector_size(64)));
typedef double vec_f64 __attribute__((vector_size(64)));

static inline float sum_f32(__m512 v)
{
    const __m256 h = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    __m128 q = _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
    q = _mm_add_ps(q, _mm_movehl_ps(q, q));
    return _mm_cvtss_f32(_mm_add_ss(q, _mm_movehdup_ps(q)));
}

static inline double sum_f64(__m512d v)
{
    const __m256d h = _mm256_add_pd(_mm512_castpd512_pd256(v), _mm512_extractf64x4_pd(v, 1));
    const __m128d q = _mm_add_pd(_mm256_castpd256_pd128(h), _mm256_extractf128_pd(h, 1));
    return _mm_cvtsd_f64(_mm_add_sd(q, _mm_unpackhi_pd(q, q)));
}

/* Up to four columns that are left of a product fill a quarter of a vector: 100 columns would pay for 112.  Here a vector holds them
 * for four rows instead, [row][column].  Each element stays one chain over k in ascending order.  B is packed [k][4]. */
static inline __m512 four_rows(const float *p, size_t stride, __mmask8 mask)
{
    const __m256 lo = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_maskz_loadu_ps(mask, p)), _mm_maskz_loadu_ps(mask, p + stride), 1);
    const __m256 hi = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_maskz_loadu_ps(mask, p + 2 * stride)),
                                           _mm_maskz_loadu_ps(mask, p + 3 * stride), 1);
    return _mm512_insertf32x8(_mm512_castps256_ps512(lo), hi, 1);
}

static inline void put_four_rows(float *p, size_t stride, __mmask8 mask, __m512 v)
{
    _mm_mask_storeu_ps(p, mask, _mm512_castps512_ps128(v));
    _mm_mask_storeu_ps(p + stride, mask, _mm512_extractf32x4_ps(v, 1));
    _mm_mask_storeu_ps(p + 2 * stride, mask, _mm512_extractf32x4_ps(v, 2));
    _mm_mask_storeu_ps(p + 3 * stride, mask, _mm512_extractf32x4_ps(v, 3));
}

#define EACH RNN_UNROLL
/* q-th of the four steps of k that v holds for each of its rows */
#define SPREAD_STEP(q)                                                                                               \
    {                                                                                                                \
        const __m512 b = _mm512_broadcast_f32x4(_mm_load_ps(B + 4 * (p + (q))));                                     \
        EACH for (size_t g = 0; g < GROUPS; g++) acc[g] = _mm512_fmadd_ps(_mm512_permute_ps(v[g], 0x55 * (q)), b, acc[g]); \
    }

/* Rows of A contiguous along k (cs = 1): four steps at a time. */
#define GROUPS 8
static void quads_along_k(size_t k, const float *A, size_t rs, const float *B, const float *init, size_t ldi, float *C, size_t ldc,
                          __mmask8 mask)
{
    __m512 acc[GROUPS], v[GROUPS];
    size_t p = 0;
    EACH for (size_t g = 0; g < GROUPS; g++)
        acc[g] = init ? four_rows(init + 4 * g * ldi, ldi, mask) : _mm512_setzero_ps();
    for (; p + 4 <= k; p += 4) {
        EACH for (size_t g = 0; g < GROUPS; g++) v[g] = four_rows(A + 4 * g * rs + p, rs, 15);
        SPREAD_STEP(0) SPREAD_STEP(1) SPREAD_STEP(2) SPREAD_STEP(3)
    }
    if (p < k) {
        EACH for (size_t g = 0; g < GROUPS; g++) v[g] = four_rows(A + 4 * g * rs + p, rs, (__mmask8) ((1u << (k - p)) - 1));
        SPREAD_STEP(0)
        if (k - p > 1) SPREAD_STEP(1)
        if (k - p > 2) SPREAD_STEP(2)
    }
    EACH for (size_t g = 0; g < GROUPS; g++) put_four_rows(C + 4 * g * ldc, ldc, mask, acc[g]);
}

/* Rows of A contiguous along m (rs = 1): two vectors of rows at each step. */
static void quads_along_m(size_t k, const float *A, size_t cs, const float *B, const float *init, size_t ldi, float *C, size_t ldc,
                          __mmask8 mask)
{
    __m512 acc[GROUPS];
    __m512i pick[4];
    EACH for (int g = 0; g < 4; g++)
        pick[g] = _mm512_srli_epi32(_mm512_add_epi32(_mm512_set1_epi32(16 * g),
                                                     _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)), 2);
    EACH for (size_t g = 0; g < GROUPS; g++)
        acc[g] = init ? four_rows(init + 4 * g * ldi, ldi, mask) : _mm512_setzero_ps();
    for (size_t p = 0; p < k; p++) {
        const __m512 b = _mm512_broadcast_f32x4(_mm_load_ps(B + 4 * p));
        const __m512 a[2] = {_mm512_loadu_ps(A + p * cs), _mm512_loadu_ps(A + p * cs + 16)};
        EACH for (size_t g = 0; g < GROUPS; g++)
            acc[g] = _mm512_fmadd_ps(_mm512_permutexvar_ps(pick[g % 4], a[g / 4]), b, acc[g]);
    }
    EACH for (size_t g = 0; g < GROUPS; g++) put_four_rows(C + 4 * g * ldc, ldc, mask, acc[g]);
}

/* The last `lanes` columns, 1 to 4, of as many rows as make whole groups; returns how many those are. */
static size_t quads_f32(size_t m, size_t lanes, size_t k, const float *A, size_t rs, size_t cs, const float *B, size_t ldb,
                        const float *init, size_t ldi, float *C, size_t ldc)
{
    enum { ROWS = 4 * GROUPS, DEPTH = 256 };
    float packed[4 * DEPTH] __attribute__((aligned(16)));
    const __mmask8 mask = (__mmask8) ((1u << lanes) - 1);
    size_t i = 0;
    if (lanes > 4 || m < ROWS || k > DEPTH || k < 8 || (rs != 1 && cs != 1)) return 0;
    for (size_t p = 0; p < k; p++) _mm_store_ps(packed + 4 * p, _mm_maskz_loadu_ps(mask, B + p * ldb));
    for (; i + ROWS <= m; i += ROWS) {
        const float *from = init ? init + i * ldi : NULL;
        if (cs == 1) quads_along_k(k, A + i * rs, rs, packed, from, ldi, C + i * ldc, ldc, mask);
        else quads_along_m(k, A + i, cs, packed, from, ldi, C + i * ldc, ldc, mask);
    }
    return i;
}
#undef GROUPS
#undef SPREAD_STEP
#undef EACH

#define T float
#define S f32
#define FEW_COLUMNS quads_f32
#define W 16
#define VEC vec_f32
#define IVEC ivec_f32
#define MASK __mmask16
#define mask_of(n) ((__mmask16) ((1u << (n)) - 1))
#define load(p) ((VEC) _mm512_loadu_ps(p))
#define store(p, v) _mm512_storeu_ps(p, (__m512) (v))
#define load_mask(p, mask) ((VEC) _mm512_maskz_loadu_ps(mask, p))
#define store_mask(p, mask, v) _mm512_mask_storeu_ps(p, mask, (__m512) (v))
#define spread(x) ((VEC) _mm512_set1_ps(x))
#define fma(a, b, c) ((VEC) _mm512_fmadd_ps((__m512) (a), (__m512) (b), (__m512) (c)))
#define sum_lanes(v) sum_f32((__m512) (v))
#include "num/dense_body.h"
#include "num/dense_undef.h"

#define T double
#define FEW_COLUMNS(...) 0
#define S f64
#define W 8
#define VEC vec_f64
#define IVEC ivec_f64
#define MASK __mmask8
#define mask_of(n) ((__mmask8) ((1u << (n)) - 1))
#define load(p) ((VEC) _mm512_loadu_pd(p))
#define store(p, v) _mm512_storeu_pd(p, (__m512d) (v))
#define load_mask(p, mask) ((VEC) _mm512_maskz_loadu_pd(mask, p))
#define store_mask(p, mask, v) _mm512_mask_storeu_pd(p, mask, (__m512d) (v))
#define spread(x) ((VEC) _mm512_set1_pd(x))
#define fma(a, b, c) ((VEC) _mm512_fmadd_pd((__m512d) (a), (__m512d) (b), (__m512d) (c)))
#define sum_lanes(v) sum_f64((__m512d) (v))
#include "num/dense_body.h"

#define SET(X)                                                                                                       \
    .gemm_##X = gemm_##X, .dots_##X = dots_##X, .add_rows_##X = add_rows_##X, .slope_tanh_##X = slope_tanh_##X,      \
    .slope_relu_##X = slope_relu_##X, .axpby_##X = axpby_##X, .relu_##X = relu_##X
const struct rnn_dense rnn_dense_avx512 = {.name = "avx512", SET(f32), SET(f64)};
#endif
