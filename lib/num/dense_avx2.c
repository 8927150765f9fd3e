/* 16 registers of 32 bytes: tiles of up to 12 sums.  Products have the bits of the AVX-512 set. */
#if defined(__AVX2__)
#include "num/dense.h"
#include "num/unroll.h"

#include <immintrin.h>
#include <string.h>

#define TILES(X)                                                                                                     \
    X(1, 1) X(2, 1) X(3, 1) X(4, 1) X(5, 1) X(6, 1) X(7, 1) X(8, 1) X(1, 2) X(2, 2) X(3, 2) X(4, 2) X(5, 2) X(6, 2)
#define NR_MAX 2
#define MASKS_COST
#define ROWS_MAX 8
#define ROWS_OF {0, 8, 6}

typedef float vec_f32 __attribute__((vector_size(32)));
typedef int ivec_f32 __attribute__((vector_size(32)));
typedef long long ivec_f64 __attribute__((vector_size(32)));
typedef double vec_f64 __attribute__((vector_size(32)));

/* Lanes below n, as the masked moves of AVX2 want them. */
static inline __m256i lanes32(size_t n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int) n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

static inline __m256i lanes64(size_t n)
{
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x((long long) n), _mm256_setr_epi64x(0, 1, 2, 3));
}

static inline float sum_f32(__m256 v)
{
    __m128 q = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    q = _mm_add_ps(q, _mm_movehl_ps(q, q));
    return _mm_cvtss_f32(_mm_add_ss(q, _mm_movehdup_ps(q)));
}

static inline double sum_f64(__m256d v)
{
    const __m128d q = _mm_add_pd(_mm256_castpd256_pd128(v), _mm256_extractf128_pd(v, 1));
    return _mm_cvtsd_f64(_mm_add_sd(q, _mm_unpackhi_pd(q, q)));
}

#define T float
#define FEW_COLUMNS(...) 0
#define S f32
#define W 8
#define VEC vec_f32
#define IVEC ivec_f32
#define MASK __m256i
#define mask_of(n) lanes32(n)
#define load(p) ((VEC) _mm256_loadu_ps(p))
#define store(p, v) _mm256_storeu_ps(p, (__m256) (v))
#define load_mask(p, mask) ((VEC) _mm256_maskload_ps(p, mask))
#define store_mask(p, mask, v) _mm256_maskstore_ps(p, mask, (__m256) (v))
#define spread(x) ((VEC) _mm256_set1_ps(x))
#define fma(a, b, c) ((VEC) _mm256_fmadd_ps((__m256) (a), (__m256) (b), (__m256) (c)))
#define sum_lanes(v) sum_f32((__m256) (v))
#include "num/dense_body.h"
#include "num/dense_undef.h"

#define T double
#define FEW_COLUMNS(...) 0
#define S f64
#define W 4
#define VEC vec_f64
#define IVEC ivec_f64
#define MASK __m256i
#define mask_of(n) lanes64(n)
#define load(p) ((VEC) _mm256_loadu_pd(p))
#define store(p, v) _mm256_storeu_pd(p, (__m256d) (v))
#define load_mask(p, mask) ((VEC) _mm256_maskload_pd(p, mask))
#define store_mask(p, mask, v) _mm256_maskstore_pd(p, mask, (__m256d) (v))
#define spread(x) ((VEC) _mm256_set1_pd(x))
#define fma(a, b, c) ((VEC) _mm256_fmadd_pd((__m256d) (a), (__m256d) (b), (__m256d) (c)))
#define sum_lanes(v) sum_f64((__m256d) (v))
#include "num/dense_body.h"

#define SET(X)                                                                                                       \
    .gemm_##X = gemm_##X, .dots_##X = dots_##X, .add_rows_##X = add_rows_##X, .slope_tanh_##X = slope_tanh_##X,      \
    .slope_relu_##X = slope_relu_##X, .axpby_##X = axpby_##X, .relu_##X = relu_##X
const struct rnn_dense rnn_dense_avx2 = {.name = "avx2", SET(f32), SET(f64)};
#endif
