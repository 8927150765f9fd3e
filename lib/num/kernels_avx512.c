/* AVX-512 kernels: the primitives that kernels_simd.h and kernels_simd_math.h are written in. */
#include "num/kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <sleef.h>
#include <string.h>

enum { f32_W = 16, f64_W = 8, f32_SETS = 3, f32_MANY = 8 };
typedef __m512 f32_vec;
typedef __m512d f64_vec;
typedef __m512i i32_vec;

#define P static inline __attribute__((always_inline))
#define FIRST16(n) ((__mmask16) ((1u << (n)) - 1))
#define FIRST8(n) ((__mmask8) ((1u << (n)) - 1))

P f32_vec f32_load(const float *p) { return _mm512_loadu_ps(p); }
P f32_vec f32_load_n(const float *p, size_t n) { return _mm512_maskz_loadu_ps(FIRST16(n), p); }
P void f32_store(float *p, f32_vec x) { _mm512_storeu_ps(p, x); }
P void f32_store_n(float *p, size_t n, f32_vec x) { _mm512_mask_storeu_ps(p, FIRST16(n), x); }
P f32_vec f32_set1(float x) { return _mm512_set1_ps(x); }
P f32_vec f32_fma(f32_vec a, f32_vec b, f32_vec c) { return _mm512_fmadd_ps(a, b, c); }
P f32_vec f32_fnma(f32_vec a, f32_vec b, f32_vec c) { return _mm512_fnmadd_ps(a, b, c); }
P f32_vec f32_sqrt(f32_vec x) { return _mm512_sqrt_ps(x); }
P f32_vec f32_min(f32_vec a, f32_vec b) { return _mm512_min_ps(a, b); }
P f32_vec f32_max(f32_vec a, f32_vec b) { return _mm512_max_ps(a, b); }
P f32_vec f32_abs(f32_vec x) { return _mm512_abs_ps(x); }
P f32_vec f32_sign(f32_vec x) { return _mm512_and_ps(x, _mm512_set1_ps(-0.f)); }
P f32_vec f32_or(f32_vec a, f32_vec b) { return _mm512_or_ps(a, b); }
P f32_vec f32_round(f32_vec x) { return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
P f32_vec f32_pow2(f32_vec k)
{
    const __m512i biased = _mm512_add_epi32(_mm512_cvtps_epi32(k), _mm512_set1_epi32(127));
    return _mm512_castsi512_ps(_mm512_slli_epi32(biased, 23));
}
P f32_vec f32_select_ge0(f32_vec x, f32_vec a, f32_vec b)
{
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_GE_OQ), b, a);
}
P void f32_sumsq(f64_vec acc[2], f32_vec x)
{
    const f64_vec lo = _mm512_cvtps_pd(_mm512_castps512_ps256(x)), hi = _mm512_cvtps_pd(_mm512_extractf32x8_ps(x, 1));
    acc[0] = _mm512_fmadd_pd(lo, lo, acc[0]);
    acc[1] = _mm512_fmadd_pd(hi, hi, acc[1]);
}

P i32_vec i32_set1(int x) { return _mm512_set1_epi32(x); }
P i32_vec i32_add(i32_vec a, i32_vec b) { return _mm512_add_epi32(a, b); }
P i32_vec i32_sub(i32_vec a, i32_vec b) { return _mm512_sub_epi32(a, b); }
P i32_vec i32_and(i32_vec a, i32_vec b) { return _mm512_and_si512(a, b); }
P i32_vec i32_srl(i32_vec a, unsigned s) { return _mm512_srli_epi32(a, s); }
P i32_vec i32_sra(i32_vec a, unsigned s) { return _mm512_srai_epi32(a, s); }
P i32_vec i32_sll(i32_vec a, unsigned s) { return _mm512_slli_epi32(a, s); }
P f32_vec i32_to_f32(i32_vec a) { return _mm512_cvtepi32_ps(a); }
P i32_vec f32_bits(f32_vec x) { return _mm512_castps_si512(x); }
P f32_vec f32_from_bits(i32_vec a) { return _mm512_castsi512_ps(a); }
P void f32_swap_where(i32_vec bit30, f32_vec *a, f32_vec *b)
{
    const __mmask16 swap = _mm512_test_epi32_mask(bit30, _mm512_set1_epi32(1 << 30));
    const f32_vec a0 = *a;
    *a = _mm512_mask_blend_ps(swap, *a, *b);
    *b = _mm512_mask_blend_ps(swap, *b, a0);
}

P i32_vec u64_set1(uint32_t x) { return _mm512_set1_epi64(x); }
P i32_vec u64_add(i32_vec a, i32_vec b) { return _mm512_add_epi64(a, b); }
P i32_vec u64_mul32(i32_vec a, i32_vec b) { return _mm512_mul_epu32(a, b); }
P i32_vec u64_srl32(i32_vec a) { return _mm512_srli_epi64(a, 32); }
P i32_vec u64_half(i32_vec a) { return _mm512_srli_epi64(a, 1); }
P i32_vec u64_xor3(i32_vec a, i32_vec b, i32_vec c) { return _mm512_ternarylogic_epi64(a, b, c, 0x96); }
P i32_vec u64_even(void) { return _mm512_set_epi64(14, 12, 10, 8, 6, 4, 2, 0); }
P i32_vec u64_pack(i32_vec a, i32_vec b) { return _mm512_mask_blend_epi32(0xaaaa, a, _mm512_slli_epi64(b, 32)); }

P f64_vec f64_load(const double *p) { return _mm512_loadu_pd(p); }
P f64_vec f64_load_n(const double *p, size_t n) { return _mm512_maskz_loadu_pd(FIRST8(n), p); }
P void f64_store(double *p, f64_vec x) { _mm512_storeu_pd(p, x); }
P void f64_store_n(double *p, size_t n, f64_vec x) { _mm512_mask_storeu_pd(p, FIRST8(n), x); }
P f64_vec f64_set1(double x) { return _mm512_set1_pd(x); }
P f64_vec f64_fma(f64_vec a, f64_vec b, f64_vec c) { return _mm512_fmadd_pd(a, b, c); }
P f64_vec f64_fnma(f64_vec a, f64_vec b, f64_vec c) { return _mm512_fnmadd_pd(a, b, c); }
P f64_vec f64_sqrt(f64_vec x) { return _mm512_sqrt_pd(x); }
P f64_vec f64_max(f64_vec a, f64_vec b) { return _mm512_max_pd(a, b); }
P f64_vec f64_abs(f64_vec x) { return _mm512_abs_pd(x); }
P f64_vec f64_select_ge0(f64_vec x, f64_vec a, f64_vec b)
{
    return _mm512_mask_blend_pd(_mm512_cmp_pd_mask(x, _mm512_setzero_pd(), _CMP_GE_OQ), b, a);
}
P void f64_sumsq(f64_vec acc[2], f64_vec x) { acc[0] = _mm512_fmadd_pd(x, x, acc[0]); }
P f64_vec f64_tanh_of(f64_vec x) { return Sleef_tanhd8_u10avx512f(x); }
P f64_vec f64_exp(f64_vec x) { return Sleef_expd8_u10avx512f(x); }
P f64_vec f64_log(f64_vec x) { return Sleef_logd8_u10avx512f(x); }
P f64_vec f64_log1p(f64_vec x) { return Sleef_log1pd8_u10avx512f(x); }
P void f64_sincospi(f64_vec x, f64_vec *s, f64_vec *c)
{
    const Sleef___m512d_2 sc = Sleef_sincospid8_u05avx512f(x);
    *s = sc.x;
    *c = sc.y;
}
/* The upper 52 of the 64 bits hi:lo (low halves of both lanes), as a double: placed behind the exponent of 2^52. */
P f64_vec f64_top52(i32_vec lo, i32_vec hi)
{
    const i32_vec exponent = _mm512_set1_epi64(0x4330000000000000), bits = _mm512_srli_epi64(u64_pack(lo, hi), 12);
    return _mm512_castsi512_pd(_mm512_or_si512(bits, exponent)) - _mm512_set1_pd(0x1p52);
}

#include "num/kernels_simd_all.h"

const struct rnn_kernels rnn_kernels_avx512 = RNN_KERNEL_SET("avx512");

#else
typedef int rnn_no_avx512; /* ISO C wants something in every file */
#endif
