/* Elementary functions of vectors and the normal generators, for every instruction set.  Included after the
 * primitives (see kernels_simd.h) and, besides those, in f32_ and partly f64_:
 *   f32_abs, f32_sign (sign bit alone), f32_or, f32_max and f32_min (second operand when one is NaN), f32_round
 *   (to nearest even), f32_pow2 (2^k for integral k > -127, 0 for -127), f32_select_ge0(x, a, b) (x >= 0 ? a : b);
 *   i32: vectors of 32-bit integers: i32_vec, i32_set1, i32_srl, i32_sra, i32_sll, i32_and, i32_add, i32_sub, i32_to_f32 (signed),
 *   f32_bits, f32_from_bits, f32_swap_where(flag bit 30 of bits, &a, &b);
 *   u64: vectors of half as many 64-bit lanes in the same type: u64_set1, u64_add, u64_mul32 (low halves), u64_srl32, u64_sll32,
 *   u64_xor3, u64_even (0, 2, 4, ...), u64_pack(a, b) (low halves of a to even, of b to odd 32-bit lanes);
 *   f32_SETS: how many groups of 64 normals are made at once; f32_MANY: how many vectors a function works on at once (both as
 *   registers allow).
 * A function of m vectors does each operation to all of them before the next: its chain is longer than a processor looks ahead, and
 * one vector after the other leaves half of the units waiting.  m is a compile-time constant, at most 8.
 * Polynomials: weighted Chebyshev fits of our own (relative error below 4e-8 unless said), Horner form, FMA. */

/* q = q x + c */
INLINE void f32_horner(int m, f32_vec *q, const f32_vec *x, float c)
{
    EACH(m) q[j] = f32_fma(q[j], x[j], f32_set1(c));
}

INLINE void f32_fill(int m, f32_vec *q, float c)
{
    EACH(m) q[j] = f32_set1(c);
}

/* e^y - 1 = 2^k (1 + p) - 1: sets scale = 2^k and p, |p| <= 0.42, relative error of p about 1 ulp. */
INLINE void f32_exp_parts(int m, const f32_vec *y, f32_vec *p, f32_vec *scale)
{
    f32_vec k[8], r[8], q[8];
    EACH(m) k[j] = f32_round(y[j] * f32_set1(0x1.715476p+0f));
    EACH(m) r[j] = f32_fnma(k[j], f32_set1(0x1.62e430p-1f), y[j]); /* ln 2 in two parts */
    EACH(m) r[j] = f32_fnma(k[j], f32_set1(-0x1.05c610p-29f), r[j]);
    f32_fill(m, q, 0x1.6d75e8p-10f);
    f32_horner(m, q, r, 0x1.120be6p-7f);
    f32_horner(m, q, r, 0x1.5554b8p-5f);
    EACH(m) scale[j] = f32_pow2(k[j]);
    f32_horner(m, q, r, 0x1.5554dcp-3f);
    f32_horner(m, q, r, 0.5f);
    EACH(m) p[j] = f32_fma(r[j] * r[j], q[j], r[j]);
}

/* tanh x = t / (t + 2), t = e^(2|x|) - 1: no cancellation at small x; beyond 10 the result rounds to 1. */
INLINE void f32_tanh(int m, f32_vec *x)
{
    f32_vec y[8], p[8], scale[8];
    EACH(m) y[j] = f32_min(f32_set1(10), f32_abs(x[j]));
    EACH(m) y[j] = y[j] + y[j];
    f32_exp_parts(m, y, p, scale);
    EACH(m) p[j] = f32_fma(scale[j], p[j], scale[j] - f32_set1(1));
    EACH(m) x[j] = f32_or(p[j] / (p[j] + f32_set1(2)), f32_sign(x[j]));
}

/* e^-|x|; zero where that would be subnormal. */
INLINE void f32_exp_minus_abs(int m, const f32_vec *x, f32_vec *e)
{
    f32_vec p[8], scale[8];
    EACH(m) e[j] = f32_max(f32_set1(-88), f32_set1(0) - f32_abs(x[j]));
    f32_exp_parts(m, e, p, scale);
    EACH(m) e[j] = f32_fma(scale[j], p[j], scale[j]);
}

INLINE void f32_sigmoid(int m, f32_vec *x)
{
    f32_vec e[8];
    f32_exp_minus_abs(m, x, e);
    EACH(m) x[j] = f32_select_ge0(x[j], f32_set1(1), e[j]) / (f32_set1(1) + e[j]);
}

/* max(x, 0) + log(1 + e), e = e^-|x|, by log(1 + e) = 2 artanh(s), s = e / (2 + e) <= 1/3. */
INLINE void f32_softplus(int m, f32_vec *x)
{
    f32_vec s[8], z[8], q[8];
    f32_exp_minus_abs(m, x, s);
    EACH(m) s[j] = s[j] / (f32_set1(2) + s[j]);
    EACH(m) z[j] = s[j] * s[j];
    f32_fill(m, q, 0x1.1349bep-2f);
    f32_horner(m, q, z, 0x1.21169cp-2f);
    f32_horner(m, q, z, 0x1.99ae00p-2f);
    f32_horner(m, q, z, 0x1.55554cp-1f);
    EACH(m) x[j] = f32_max(f32_set1(0), x[j]) + f32_fma(s[j] * z[j], q[j], s[j] + s[j]);
}

/* ln u for normal u > 0: u = 2^e m, m in [sqrt(1/2), sqrt 2). */
INLINE void f32_log(int m, f32_vec *u)
{
    const i32_vec root = i32_set1(0x3f3504f3);
    i32_vec i[8];
    f32_vec e[8], t[8], q[8];
    EACH(m) i[j] = i32_sub(f32_bits(u[j]), root);
    EACH(m) e[j] = i32_to_f32(i32_sra(i[j], 23));
    EACH(m) t[j] = f32_from_bits(i32_add(i32_and(i[j], i32_set1(0x7fffff)), root)) - f32_set1(1);
    f32_fill(m, q, 0x1.6d45bap-4f);
    f32_horner(m, q, t, -0x1.25e450p-3f);
    f32_horner(m, q, t, 0x1.30ae3cp-3f);
    f32_horner(m, q, t, -0x1.5343a4p-3f);
    f32_horner(m, q, t, 0x1.98e42ep-3f);
    f32_horner(m, q, t, -0x1.000494p-2f);
    f32_horner(m, q, t, 0x1.5556b6p-2f);
    f32_horner(m, q, t, -0.5f);
    EACH(m) u[j] = f32_fma(e[j], f32_set1(0x1.62e430p-1f), f32_fma(t[j] * t[j], q[j], t[j]));
}

/* Box-Muller pairs, one per lane, from words w and angle, as num/rng.h defines them. */
INLINE void f32_normal_pairs(int m, const i32_vec *w, const i32_vec *angle, f32_vec *x, f32_vec *y)
{
    f32_vec r[8], f[8], f2[8];
    EACH(m) r[j] = f32_fma(i32_to_f32(i32_srl(w[j], 1)), f32_set1(0x1p-31f), f32_set1(0x1p-32f));
    f32_log(m, r);
    EACH(m) r[j] = f32_sqrt(r[j] * f32_set1(-2));
    EACH(m) f[j] = i32_to_f32(i32_sll(angle[j], 2)) * f32_set1(0x1p-31f);
    EACH(m) f2[j] = f[j] * f[j];
    f32_fill(m, x, -0x1.4e5ed6p-12f);
    f32_fill(m, y, -0x1.2d9bb8p-15f);
    f32_horner(m, x, f2, 0x1.03af5cp-6f);
    f32_horner(m, y, f2, 0x1.465ec6p-9f);
    f32_horner(m, x, f2, -0x1.3bd392p-2f);
    f32_horner(m, y, f2, -0x1.4abbbap-4f);
    f32_horner(m, x, f2, 1);
    f32_horner(m, y, f2, 0x1.921fb6p-1f);
    EACH(m) r[j] = f32_or(r[j], f32_sign(f32_from_bits(angle[j])));
    EACH(m) x[j] = x[j] * r[j];
    EACH(m) y[j] = y[j] * (f[j] * r[j]);
    EACH(m) f32_swap_where(angle[j], &x[j], &y[j]);
}

struct philox_keys {
    i32_vec k0[10], k1[10];
};

INLINE void philox_schedule(const uint32_t key[2], struct philox_keys *ks)
{
    for (uint32_t r = 0; r < 10; r++) {
        ks->k0[r] = u64_set1(key[0] + r * 0x9e3779b9u);
        ks->k1[r] = u64_set1(key[1] + r * 0xbb67ae85u);
    }
}

/* Philox4x32-10 in 64-bit lanes: the widening product leaves both halves where the next round wants them, and what stands in
 * the high halves of w does not matter (on return neither).  Several chains side by side hide the latency of the product. */
INLINE void philox(const struct philox_keys *ks, int chains, i32_vec (*w)[4])
{
    const i32_vec m0 = u64_set1(0xd2511f53u), m1 = u64_set1(0xcd9e8d57u);
    RNN_UNROLL for (int r = 0; r < 10; r++) {
        EACH(chains) {
            const i32_vec p0 = u64_mul32(w[j][0], m0), p1 = u64_mul32(w[j][2], m1);
            w[j][0] = u64_xor3(u64_srl32(p1), w[j][1], ks->k0[r]);
            w[j][2] = u64_xor3(u64_srl32(p0), w[j][3], ks->k1[r]);
            w[j][1] = p1;
            w[j][3] = p0;
        }
    }
}

/* `sets` times W blocks from `block`: their numbers stand at lanes 0..W-1 of the four rows of 16 at out, the next set's
 * 64 further. */
INLINE void f32_normal_rows(const struct philox_keys *ks, int sets, const uint32_t ctr[4], uint32_t block, float *out)
{
    i32_vec w[8][4], word[8], angle[8]; /* even and odd blocks of each set */
    f32_vec x[8], y[8];
    EACH(2 * sets) {
        w[j][0] = u64_add(u64_set1(block + 16 * (uint32_t) (j / 2) + (uint32_t) (j % 2)), u64_even());
        w[j][1] = u64_set1(ctr[1]);
        w[j][2] = u64_set1(ctr[2]);
        w[j][3] = u64_set1(ctr[3]);
    }
    philox(ks, 2 * sets, w);
    EACH(2 * sets) {
        i32_vec(*even)[4] = w + j / 2 * 2, (*odd)[4] = even + 1;
        const int p = 2 * (j % 2);
        word[j] = u64_pack((*even)[p], (*odd)[p]);
        angle[j] = u64_pack((*even)[p + 1], (*odd)[p + 1]);
    }
    f32_normal_pairs(2 * sets, word, angle, x, y);
    EACH(2 * sets) {
        f32_store(out + 32 * j, x[j]);
        f32_store(out + 32 * j + 16, y[j]);
    }
}

static void normal_f32(const uint32_t key[2], const uint32_t ctr[4], size_t n, float *out)
{
    struct philox_keys ks;
    uint32_t block = ctr[0];
    size_t i = 0;
    philox_schedule(key, &ks);
    for (; n - i >= 64 * f32_SETS; i += 64 * f32_SETS, block += 16 * f32_SETS)
        for (uint32_t l = 0; l < 16; l += f32_W) f32_normal_rows(&ks, f32_SETS, ctr, block + l, out + i + l);
    if (i < n) {
        float last[64 * f32_SETS];
        for (uint32_t l = 0; l < 16; l += f32_W) {
            if (n - i > 64) f32_normal_rows(&ks, f32_SETS, ctr, block + l, last + l);
            else f32_normal_rows(&ks, 1, ctr, block + l, last + l);
        }
        memcpy(out + i, last, (n - i) * sizeof *out);
    }
}

/* --- float64: accuracy before speed, the elementary functions are SLEEF's (1 ulp) --- */

INLINE f64_vec f64_exp_minus_abs(f64_vec x)
{
    return f64_exp(f64_set1(0) - f64_abs(x));
}

enum { f64_MANY = 1 }; /* calls of a library: nothing to gain side by side */

INLINE void f64_tanh(int m, f64_vec *x)
{
    EACH(m) x[j] = f64_tanh_of(x[j]);
}

INLINE void f64_sigmoid(int m, f64_vec *x)
{
    EACH(m) {
        const f64_vec e = f64_exp_minus_abs(x[j]);
        x[j] = f64_select_ge0(x[j], f64_set1(1), e) / (f64_set1(1) + e);
    }
}

INLINE void f64_softplus(int m, f64_vec *x)
{
    EACH(m) x[j] = f64_max(f64_set1(0), x[j]) + f64_log1p(f64_exp_minus_abs(x[j]));
}

static void normal_f64(const uint32_t key[2], const uint32_t ctr[4], size_t n, double *out)
{
    struct philox_keys ks;
    const i32_vec lane = u64_half(u64_even());
    philox_schedule(key, &ks);
    for (size_t start = 0; start < n; start += 16) {
        double last[16], *to = n - start >= 16 ? out + start : last;
        for (uint32_t l = 0; l < 8; l += f64_W) {
            i32_vec w[1][4] = {{u64_add(u64_set1(ctr[0] + (uint32_t) (start / 2) + l), lane), u64_set1(ctr[1]), u64_set1(ctr[2]),
                            u64_set1(ctr[3])}};
            philox(&ks, 1, w);
            const f64_vec u = (f64_top52(w[0][0], w[0][1]) + f64_set1(0.5)) * f64_set1(0x1p-52);
            const f64_vec r = f64_sqrt(f64_log(u) * f64_set1(-2));
            f64_vec sine, cosine;
            f64_sincospi(f64_top52(w[0][2], w[0][3]) * f64_set1(0x1p-51), &sine, &cosine);
            f64_store(to + l, r * cosine);
            f64_store(to + 8 + l, r * sine);
        }
        if (to == last) memcpy(out + start, last, (n - start) * sizeof *out);
    }
}
