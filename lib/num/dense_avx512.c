/* 32 registers of 64 bytes: tiles of up to 24 sums. */
#if defined(__AVX512F__)
#include "num/dense.h"

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

#define T float
#define S f32
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
