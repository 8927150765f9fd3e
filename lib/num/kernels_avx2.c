/* AVX2 kernels: the primitives that kernels_simd.h and kernels_simd_math.h are written in. */
#include "num/kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <sleef.h>
#include <string.h>

enum { f32_W = 8, f64_W = 4, f32_SETS = 2, f32_MANY = 6 };
typedef __m256 f32_vec;
typedef __m256d f64_vec;
typedef __m256i i32_vec;

#define P static inline __attribute__((always_inline))

/* All ones in the first n lanes, for masked loads and stores: a window into ones followed by zeros. */
P __m256i first8(size_t n)
{
    static const int32_t ones[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
    return _mm256_loadu_si256((const __m256i *) (ones + 8 - n));
}

P f32_vec f32_load(const float *p) { return _mm256_loadu_ps(p); }
P f32_vec f32_load_n(const float *p, size_t n) { return _mm256_maskload_ps(p, first8(n)); }
P void f32_store(float *p, f32_vec x) { _mm256_storeu_ps(p, x); }
P void f32_store_n(float *p, size_t n, f32_vec x) { _mm256_maskstore_ps(p, first8(n), x); }
P f32_vec f32_set1(float x) { return _mm256_set1_ps(x); }
P f32_vec f32_fma(f32_vec a, f32_vec b, f32_vec c) { return _mm256_fmadd_ps(a, b, c); }
P f32_vec f32_fnma(f32_vec a, f32_vec b, f32_vec c) { return _mm256_fnmadd_ps(a, b, c); }
P f32_vec f32_sqrt(f32_vec x) { return _mm256_sqrt_ps(x); }
P f32_vec f32_min(f32_vec a, f32_vec b) { return _mm256_min_ps(a, b); }
P f32_vec f32_max(f32_vec a, f32_vec b) { return _mm256_max_ps(a, b); }
P f32_vec f32_abs(f32_vec x) { return _mm256_andnot_ps(_mm256_set1_ps(-0.f), x); }
P f32_vec f32_sign(f32_vec x) { return _mm256_and_ps(x, _mm256_set1_ps(-0.f)); }
P f32_vec f32_or(f32_vec a, f32_vec b) { return _mm256_or_ps(a, b); }
P f32_vec f32_round(f32_vec x) { return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
P f32_vec f32_pow2(f32_vec k)
{
    const __m256i biased = _mm256_add_epi32(_mm256_cvtps_epi32(k), _mm256_set1_epi32(127));
    return _mm256_castsi256_ps(_mm256_slli_epi32(biased, 23));
}
P f32_vec f32_select_ge0(f32_vec x, f32_vec a, f32_vec b)
{
    return _mm256_blendv_ps(b, a, _mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_GE_OQ));
}
P void f32_sumsq(f64_vec acc[2], f32_vec x)
{
    const f64_vec lo = _mm256_cvtps_pd(_mm256_castps256_ps128(x)), hi = _mm256_cvtps_pd(_mm256_extractf128_ps(x, 1));
    acc[0] = _mm256_fmadd_pd(lo, lo, acc[0]);
    acc[1] = _mm256_fmadd_pd(hi, hi, acc[1]);
}

P i32_vec i32_set1(int x) { return _mm256_set1_epi32(x); }
P i32_vec i32_add(i32_vec a, i32_vec b) { return _mm256_add_epi32(a, b); }
P i32_vec i32_sub(i32_vec a, i32_vec b) { return _mm256_sub_epi32(a, b); }
P i32_vec i32_and(i32_vec a, i32_vec b) { return _mm256_and_si256(a, b); }
P i32_vec i32_srl(i32_vec a, int s) { return _mm256_srli_epi32(a, s); }
P i32_vec i32_sra(i32_vec a, int s) { return _mm256_srai_epi32(a, s); }
P i32_vec i32_sll(i32_vec a, int s) { return _mm256_slli_epi32(a, s); }
P f32_vec i32_to_f32(i32_vec a) { return _mm256_cvtepi32_ps(a); }
P i32_vec f32_bits(f32_vec x) { return _mm256_castps_si256(x); }
P f32_vec f32_from_bits(i32_vec a) { return _mm256_castsi256_ps(a); }
P void f32_swap_where(i32_vec bit30, f32_vec *a, f32_vec *b)
{
    const f32_vec swap = f32_from_bits(i32_sll(bit30, 1)), a0 = *a; /* a blend looks at the sign bit */
    *a = _mm256_blendv_ps(*a, *b, swap);
    *b = _mm256_blendv_ps(*b, a0, swap);
}

P i32_vec u64_set1(uint32_t x) { return _mm256_set1_epi64x(x); }
P i32_vec u64_add(i32_vec a, i32_vec b) { return _mm256_add_epi64(a, b); }
P i32_vec u64_mul32(i32_vec a, i32_vec b) { return _mm256_mul_epu32(a, b); }
P i32_vec u64_srl32(i32_vec a) { return _mm256_srli_epi64(a, 32); }
P i32_vec u64_half(i32_vec a) { return _mm256_srli_epi64(a, 1); }
P i32_vec u64_xor3(i32_vec a, i32_vec b, i32_vec c) { return _mm256_xor_si256(_mm256_xor_si256(b, c), a); }
P i32_vec u64_even(void) { return _mm256_set_epi64x(6, 4, 2, 0); }
P i32_vec u64_pack(i32_vec a, i32_vec b) { return _mm256_blend_epi32(a, _mm256_slli_epi64(b, 32), 0xaa); }

P __m256i first4(size_t n)
{
    static const int64_t ones[8] = {-1, -1, -1, -1};
    return _mm256_loadu_si256((const __m256i *) (ones + 4 - n));
}

P f64_vec f64_load(const double *p) { return _mm256_loadu_pd(p); }
P f64_vec f64_load_n(const double *p, size_t n) { return _mm256_maskload_pd(p, first4(n)); }
P void f64_store(double *p, f64_vec x) { _mm256_storeu_pd(p, x); }
P void f64_store_n(double *p, size_t n, f64_vec x) { _mm256_maskstore_pd(p, first4(n), x); }
P f64_vec f64_set1(double x) { return _mm256_set1_pd(x); }
P f64_vec f64_fma(f64_vec a, f64_vec b, f64_vec c) { return _mm256_fmadd_pd(a, b, c); }
P f64_vec f64_fnma(f64_vec a, f64_vec b, f64_vec c) { return _mm256_fnmadd_pd(a, b, c); }
P f64_vec f64_sqrt(f64_vec x) { return _mm256_sqrt_pd(x); }
P f64_vec f64_max(f64_vec a, f64_vec b) { return _mm256_max_pd(a, b); }
P f64_vec f64_abs(f64_vec x) { return _mm256_andnot_pd(_mm256_set1_pd(-0.), x); }
P f64_vec f64_select_ge0(f64_vec x, f64_vec a, f64_vec b)
{
    return _mm256_blendv_pd(b, a, _mm256_cmp_pd(x, _mm256_setzero_pd(), _CMP_GE_OQ));
}
P void f64_sumsq(f64_vec acc[2], f64_vec x) { acc[0] = _mm256_fmadd_pd(x, x, acc[0]); }
P f64_vec f64_tanh_of(f64_vec x) { return Sleef_tanhd4_u10avx2(x); }
P f64_vec f64_exp(f64_vec x) { return Sleef_expd4_u10avx2(x); }
P f64_vec f64_log(f64_vec x) { return Sleef_logd4_u10avx2(x); }
P f64_vec f64_log1p(f64_vec x) { return Sleef_log1pd4_u10avx2(x); }
P void f64_sincospi(f64_vec x, f64_vec *s, f64_vec *c)
{
    const Sleef___m256d_2 sc = Sleef_sincospid4_u05avx2(x);
    *s = sc.x;
    *c = sc.y;
}
/* The upper 52 of the 64 bits hi:lo (low halves of both lanes), as a double: placed behind the exponent of 2^52. */
P f64_vec f64_top52(i32_vec lo, i32_vec hi)
{
    const i32_vec exponent = _mm256_set1_epi64x(0x4330000000000000), bits = _mm256_srli_epi64(u64_pack(lo, hi), 12);
    return _mm256_castsi256_pd(_mm256_or_si256(bits, exponent)) - _mm256_set1_pd(0x1p52);
}

#include "num/kernels_simd_all.h"

const struct rnn_kernels rnn_kernels_avx2 = RNN_KERNEL_SET("avx2");

#else
typedef int rnn_no_avx2; /* ISO C wants something in every file */
#endif
