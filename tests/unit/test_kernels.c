/* Element-wise kernels: error in ulp over all exponents, specials, every n up to 67 at every alignment, guard bytes, and
 * agreement of the fast sets with the plain one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "num/kernels.h"
#include "num/rng.h"

static struct rnn_err err;

/* The sets this processor runs. */
static size_t runnable(const struct rnn_kernels *sets[3])
{
    const char *names[] = {"ref", "avx2", "avx512"};
    size_t n = 0;
    for (size_t i = 0; i < 3; i++)
        if (rnn_kernels_select(names[i], &err) == RNN_OK) sets[n++] = rnn_kernels();
    rnn_kernels_select("ref", &err);
    return n;
}
#define FOR_SETS(k)                                                                                                  \
    const struct rnn_kernels *sets_[3], *k;                                                                          \
    for (size_t i_ = 0, n_ = runnable(sets_); i_ < n_ && (k = sets_[i_], 1); i_++)

static long double true_tanh(long double x) { return tanhl(x); }
static long double true_sigmoid(long double x) { return x >= 0 ? 1 / (1 + expl(-x)) : expl(x) / (1 + expl(x)); }
static long double true_softplus(long double x) { return fmaxl(x, 0) + log1pl(expl(-fabsl(x))); }

/* Distance in ulp of the correctly rounded value.  A float's truth in double is exact enough, and quick. */
static double ulp_f32(float got, double truth)
{
    const float want = (float) truth;
    if (isnan(truth) || isnan(got)) return isnan(truth) && isnan(got) ? 0 : INFINITY;
    if (got == want) return 0;
    if (fabs(truth) < 2 * FLT_MIN && fabsf(got) < 2 * FLT_MIN) return fabs(got - truth) / FLT_MIN / 2; /* may be zero */
    return fabs(got - (double) want) / (double) (nextafterf(fabsf(want), INFINITY) - fabsf(want));
}

static double ulp_f64(double got, long double truth)
{
    const double want = (double) truth;
    if (isnan(want) || isnan(got)) return isnan(want) && isnan(got) ? 0 : INFINITY;
    if (got == want) return 0;
    if (fabs(want) < 2 * DBL_MIN && fabs(got) < 2 * DBL_MIN) return fabs(got - want) / DBL_MIN / 2;
    return fabs(got - want) / (nextafter(fabs(want), INFINITY) - fabs(want));
}

struct function {
    const char *name;
    size_t f32, f64; /* where in struct rnn_kernels */
    double (*quick)(double);
    long double (*truth)(long double);
};
static double quick_sigmoid(double x) { return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x)); }
static double quick_softplus(double x) { return (x > 0 ? x : 0) + log1p(exp(-fabs(x))); }
static const struct function functions[] = {
    {"tanh", offsetof(struct rnn_kernels, tanh_f32), offsetof(struct rnn_kernels, tanh_f64), tanh, true_tanh},
    {"sigmoid", offsetof(struct rnn_kernels, sigmoid_f32), offsetof(struct rnn_kernels, sigmoid_f64), quick_sigmoid, true_sigmoid},
    {"softplus", offsetof(struct rnn_kernels, softplus_f32), offsetof(struct rnn_kernels, softplus_f64), quick_softplus, true_softplus},
};
typedef void map_f32(size_t, const float *, float *);
typedef void map_f64(size_t, const double *, double *);
static map_f32 *get_f32(const struct rnn_kernels *k, size_t at)
{
    map_f32 *f;
    memcpy(&f, (const char *) k + at, sizeof f);
    return f;
}
static map_f64 *get_f64(const struct rnn_kernels *k, size_t at)
{
    map_f64 *f;
    memcpy(&f, (const char *) k + at, sizeof f);
    return f;
}

enum { CHUNK = 4096 };

/* Every `stride`-th of all 2^32 bit patterns: every exponent, both signs, subnormals, infinities and NaNs. */
static double worst_f32(map_f32 *f, double (*truth)(double), float *at)
{
    const uint32_t stride = 2039; /* prime */
    static float x[CHUNK], y[CHUNK];
    double worst = 0;
    for (uint64_t base = 0; base < UINT64_C(1) << 32; base += (uint64_t) stride * CHUNK) {
        size_t n = 0;
        for (uint64_t b = base; n < CHUNK && b < UINT64_C(1) << 32; b += stride, n++) {
            const uint32_t bits = (uint32_t) b;
            memcpy(x + n, &bits, sizeof bits);
        }
        f(n, x, y);
        for (size_t i = 0; i < n; i++) {
            const double u = ulp_f32(y[i], truth((double) x[i]));
            if (u > worst) worst = u, *at = x[i];
        }
    }
    return worst;
}

static double worst_f64(map_f64 *f, long double (*truth)(long double), double *at)
{
    static double x[CHUNK], y[CHUNK];
    double worst = 0;
    for (uint64_t base = 0; base < 40; base++) {
        for (size_t i = 0; i < CHUNK; i++) {
            const uint64_t bits = (base * CHUNK + i) * UINT64_C(0x9e3779b97f4a7c15); /* equidistributed */
            if (i % 2) x[i] = 40 * ((double) (bits >> 11) * 0x1p-53 - 0.5);
            else memcpy(x + i, &bits, sizeof bits);
        }
        f(CHUNK, x, y);
        for (size_t i = 0; i < CHUNK; i++) {
            const double u = ulp_f64(y[i], truth((long double) x[i]));
            if (u > worst) worst = u, *at = x[i];
        }
    }
    return worst;
}

static void functions_are_within_their_ulp(void **state)
{
    (void) state;
    FOR_SETS(k) {
        for (size_t i = 0; i < 3; i++) {
            float at32 = 0;
            double at64 = 0, worst = worst_f32(get_f32(k, functions[i].f32), functions[i].quick, &at32);
            if (getenv("RNN_TEST_VERBOSE")) print_message("%s %s f32 %.3f ulp\n", k->name, functions[i].name, worst);
            if (worst > RNN_TANH_ULP) fail_msg("%s %s f32: %g ulp at %a", k->name, functions[i].name, worst, (double) at32);
            worst = worst_f64(get_f64(k, functions[i].f64), functions[i].truth, &at64);
            if (getenv("RNN_TEST_VERBOSE")) print_message("%s %s f64 %.3f ulp\n", k->name, functions[i].name, worst);
            if (worst > RNN_TANH_ULP) fail_msg("%s %s f64: %g ulp at %a", k->name, functions[i].name, worst, at64);
        }
    }
}

static void specials(void **state)
{
    (void) state;
    FOR_SETS(k) {
        const float x[6] = {INFINITY, -INFINITY, NAN, 0.f, -0.f, 0x1p-149f};
        const double x64[6] = {INFINITY, -INFINITY, NAN, 0., -0., 0x1p-1074};
        float y[6];
        double y64[6];
        k->tanh_f32(6, x, y);
        k->tanh_f64(6, x64, y64);
        assert_true(y[0] == 1 && y[1] == -1 && isnan(y[2]) && y[3] == 0 && !signbit(y[3]) && signbit(y[4]));
        assert_true(y64[0] == 1 && y64[1] == -1 && isnan(y64[2]) && y64[3] == 0);
        assert_true(y[5] == 0 || y[5] == x[5]);
        k->sigmoid_f32(6, x, y);
        k->sigmoid_f64(6, x64, y64);
        assert_true(y[0] == 1 && y[1] == 0 && isnan(y[2]) && y[3] == .5f && y[4] == .5f && y[5] == .5f);
        assert_true(y64[0] == 1 && y64[1] == 0 && isnan(y64[2]) && y64[3] == .5 && y64[4] == .5);
        k->softplus_f32(6, x, y);
        k->softplus_f64(6, x64, y64);
        assert_true(isinf(y[0]) && y[0] > 0 && y[1] == 0 && isnan(y[2]));
        assert_true(isinf(y64[0]) && y64[0] > 0 && y64[1] == 0 && isnan(y64[2]));
        assert_true(fabs(y[3] - M_LN2) < 1e-7 && fabs(y64[3] - M_LN2) < 1e-15);
    }
}

/* Every n at every offset gives the elements that one long call gives, bit for bit, and touches nothing beside them. */
static void tails_and_alignment(void **state)
{
    (void) state;
    enum { N = 283, ROOM = N + 40 };
    float z[ROOM], all[ROOM], out[ROOM];
    double z64[ROOM], all64[ROOM], out64[ROOM];
    for (int i = 0; i < ROOM; i++) z64[i] = z[i] = (float) (3 * sin(i * 1.7));
    FOR_SETS(k) {
        for (size_t f = 0; f < 3; f++) {
            get_f32(k, functions[f].f32)(ROOM, z, all);
            get_f64(k, functions[f].f64)(ROOM, z64, all64);
            for (size_t n = 0; n <= N; n++) {
                for (size_t off = 0; off < 17; off++) {
                    for (size_t i = 0; i < ROOM; i++) out64[i] = out[i] = -7;
                    get_f32(k, functions[f].f32)(n, z + off, out + off);
                    get_f64(k, functions[f].f64)(n, z64 + off, out64 + off);
                    for (size_t i = 0; i < ROOM; i++) {
                        const int inside = i >= off && i < off + n;
                        assert_true(out[i] == (inside ? all[i] : -7));
                        assert_true(out64[i] == (inside ? all64[i] : -7));
                    }
                }
            }
        }
    }
}

static void normals_agree_and_do_not_depend_on_n(void **state)
{
    (void) state;
    enum { N = 1 << 14 };
    static float ref[N], got[N], part[600];
    static double ref64[N], got64[N], part64[600];
    const uint32_t key[2] = {17, 4}, ctr[4] = {0, 5, 6, 7};
    rnn_kernels_ref.normal_f32(key, ctr, N, ref);
    rnn_kernels_ref.normal_f64(key, ctr, N, ref64);
    FOR_SETS(k) {
        k->normal_f32(key, ctr, N, got);
        k->normal_f64(key, ctr, N, got64);
        double worst = 0, worst64 = 0;
        for (size_t i = 0; i < N; i++) {
            worst = fmax(worst, fabs((double) (got[i] - ref[i])));
            worst64 = fmax(worst64, fabs(got64[i] - ref64[i]));
        }
        if (getenv("RNN_TEST_VERBOSE")) print_message("%s normal %.3g %.3g\n", k->name, worst, worst64);
        assert_true(worst <= RNN_NORMAL_TOL);
        assert_true(worst64 <= RNN_NORMAL_TOL_F64);
        for (size_t n = 0; n < 520; n++) {
            part[n] = 99, part64[n] = 99;
            k->normal_f32(key, ctr, n, part);
            k->normal_f64(key, ctr, n, part64);
            assert_memory_equal(part, got, n * sizeof *part);
            assert_memory_equal(part64, got64, n * sizeof *part64);
            assert_true(part[n] == 99 && part64[n] == 99);
        }
    }
}

enum { N = 203 };
struct bench {
    float p[N + 1], g[N + 1], m[N + 1], v[N + 1];
    double p64[N + 1], g64[N + 1], m64[N + 1], v64[N + 1];
};

static void fill(struct bench *b)
{
    for (int i = 0; i <= N; i++) {
        b->p64[i] = b->p[i] = (float) sin(i);
        b->g64[i] = b->g[i] = (float) cos(3 * i) * .1f;
        b->m64[i] = b->m[i] = (float) sin(2 * i) * .1f;
        b->v64[i] = b->v[i] = (float) pow(cos(i), 2) * .01f;
    }
}

static void assert_close(size_t n, const float *a, const float *b, double tol)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double) a[i] - (double) b[i]) <= tol)) fail_msg("element %zu: %.9g against %.9g", i, (double) a[i], (double) b[i]);
}

static void assert_close64(size_t n, const double *a, const double *b, double tol)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabs(a[i] - b[i]) <= tol)) fail_msg("element %zu: %.17g against %.17g", i, a[i], b[i]);
}

static void assert_same(size_t n, const struct bench *a, const struct bench *b)
{
    assert_close(n, a->p, b->p, 4e-7);
    assert_close(n, a->m, b->m, 1e-7);
    assert_close(n, a->v, b->v, 1e-8);
    assert_close64(n, a->p64, b->p64, 1e-15);
    assert_close64(n, a->m64, b->m64, 1e-16);
    assert_close64(n, a->v64, b->v64, 1e-17);
    assert_memory_equal(a->p + n, b->p + n, (N + 1 - n) * sizeof *a->p); /* untouched */
    assert_memory_equal(a->v64 + n, b->v64 + n, (N + 1 - n) * sizeof *a->v64);
}

static void optimiser_kernels_agree(void **state)
{
    (void) state;
    static struct bench want, got;
    const struct rnn_kernels *r = &rnn_kernels_ref;
    FOR_SETS(k) {
        for (size_t n = 0; n <= N; n++) {
            fill(&want), fill(&got);
            r->adam_f32(n, want.p, want.g, want.m, want.v, .01f, .9, .999, 1e-8f, 1.5f, .01f, .002);
            k->adam_f32(n, got.p, got.g, got.m, got.v, .01f, .9, .999, 1e-8f, 1.5f, .01f, .002);
            r->adam_f64(n, want.p64, want.g64, want.m64, want.v64, .01, .9, .999, 1e-8, 1.5, .01, .002);
            k->adam_f64(n, got.p64, got.g64, got.m64, got.v64, .01, .9, .999, 1e-8, 1.5, .01, .002);
            assert_same(n, &want, &got);
            for (int mode = 0; mode < 3; mode++) { /* plain, first, later */
                fill(&want), fill(&got);
                r->sgd_f32(n, want.p, want.g, mode ? want.m : NULL, .01f, .9f, .1f, mode == 1);
                k->sgd_f32(n, got.p, got.g, mode ? got.m : NULL, .01f, .9f, .1f, mode == 1);
                r->sgd_f64(n, want.p64, want.g64, mode ? want.m64 : NULL, .01, .9, .1, mode == 1);
                k->sgd_f64(n, got.p64, got.g64, mode ? got.m64 : NULL, .01, .9, .1, mode == 1);
                assert_same(n, &want, &got);
            }
            const double s = r->sumsq_f32(n, want.p);
            assert_true(fabs(k->sumsq_f32(n, want.p) - s) <= 1e-14 * s);
            assert_true(fabs(k->sumsq_f64(n, want.g64) - r->sumsq_f64(n, want.g64)) <= 1e-14 * (s + 1));
        }
    }
}

static void leak_tanh_is_its_formula(void **state)
{
    (void) state;
    enum { ROOM = 284 }; /* two of the widest groups of vectors, and vectors and a tail beside them */
    FOR_SETS(k) {
        for (size_t n = 0; n < ROOM; n++) {
            for (int noisy = 0; noisy < 2; noisy++) {
                float r[ROOM], z[ROOM], xi[ROOM], t[ROOM], next[ROOM];
                double r64[ROOM], z64[ROOM], xi64[ROOM], t64[ROOM], next64[ROOM];
                for (int i = 0; i < ROOM; i++) {
                    r64[i] = r[i] = (float) sin(i), z64[i] = z[i] = (float) (2 * cos(i)), xi64[i] = xi[i] = (float) sin(5 * i);
                    t64[i] = t[i] = next64[i] = next[i] = -7;
                }
                k->leak_tanh_f32(n, .2f, r, z, .5f, noisy ? xi : NULL, t, next);
                k->leak_tanh_f64(n, .2, r64, z64, .5, noisy ? xi64 : NULL, t64, next64);
                for (size_t i = 0; i < n; i++) {
                    const double want = tanh(z64[i] + .5 * noisy * xi64[i]);
                    assert_true(fabs(t[i] - want) < 3e-7 && fabs(t64[i] - want) < 4e-16);
                    assert_true(fabs(next[i] - (.8 * r64[i] + .2 * want)) < 2e-7);
                    assert_true(fabs(next64[i] - (.8 * r64[i] + .2 * want)) < 4e-16);
                }
                assert_true(t[n] == -7 && next[n] == -7 && t64[n] == -7 && next64[n] == -7);
                memcpy(t, z, sizeof z);
                k->leak_tanh_f32(n, .2f, r, t, 0, NULL, t, r); /* in place */
                k->tanh_f32(n, z, next);
                assert_memory_equal(t, next, n * sizeof *t);
            }
        }
    }
}

static void selection(void **state)
{
    (void) state;
    assert_int_equal(rnn_kernels_select("mmx", &err), RNN_ERR_ARG);
    assert_int_equal(rnn_kernels_select("ref", &err), RNN_OK);
    assert_string_equal(rnn_kernels()->name, "ref");
    assert_int_equal(rnn_kernels_select(NULL, &err), RNN_OK);
    assert_int_equal(rnn_kernels_select("auto", &err), RNN_OK);
}

static void subnormals_flush_when_asked(void **state)
{
    (void) state;
#if defined(__x86_64__) || defined(__aarch64__)
    volatile float tiny = FLT_MIN;
    rnn_flush_denormals();
    assert_true(tiny * .5f == 0);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_are_within_their_ulp),
        cmocka_unit_test(specials),
        cmocka_unit_test(tails_and_alignment),
        cmocka_unit_test(normals_agree_and_do_not_depend_on_n),
        cmocka_unit_test(optimiser_kernels_agree),
        cmocka_unit_test(leak_tanh_is_its_formula),
        cmocka_unit_test(selection),
        cmocka_unit_test(subnormals_flush_when_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
