/* Philox against its published known answers, addresses that never collide or wrap, and the laws of what is drawn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "num/kernels.h"
#include "num/rng.h"

static struct rnn_err err;

static struct rnn_rng at(uint64_t item)
{
    struct rnn_rng g;
    assert_int_equal(rnn_rng_at(&g, 2024, RNN_RNG_TEST, 0, item, 0, &err), RNN_OK);
    return g;
}

/* The vectors for philox4x32-10 in the file kat_vectors of Random123: zeros, ones, digits of pi. */
static void known_answers(void **state)
{
    (void) state;
    static const uint32_t kat[3][10] = {
        {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
        {~0u, ~0u, ~0u, ~0u, ~0u, ~0u, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
        {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
    };
    for (int i = 0; i < 3; i++) {
        uint32_t out[4];
        rnn_philox4x32_10(kat[i], kat[i] + 4, out);
        assert_memory_equal(out, kat[i] + 6, sizeof out);
    }
}

static void address_layout_and_limits(void **state)
{
    (void) state;
    struct rnn_rng g;
    const uint64_t big = UINT64_C(1) << 32;
    assert_int_equal(rnn_rng_at(&g, 0x0123456789abcdef, RNN_RNG_TRIAL, 5, 7, 9, &err), RNN_OK);
    assert_true(g.key[0] == 0x89abcdef && g.key[1] == 0x01234567);
    assert_true(g.ctr[0] == 0 && g.ctr[1] == 9 && g.ctr[2] == 7 && g.ctr[3] == (3u << 26 | 5u));
    assert_int_equal(rnn_rng_at(&g, 1, 63, (1 << 26) - 1, big - 1, big - 1, &err), RNN_OK);
    assert_int_equal(rnn_rng_at(&g, 1, 64, 0, 0, 0, &err), RNN_ERR_LIMIT);
    assert_int_equal(rnn_rng_at(&g, 1, 0, 1 << 26, 0, 0, &err), RNN_ERR_LIMIT);
    assert_int_equal(rnn_rng_at(&g, 1, 0, 0, big, 0, &err), RNN_ERR_LIMIT);
    assert_int_equal(rnn_rng_at(&g, 1, 0, 0, 0, big, &err), RNN_ERR_LIMIT);
    assert_true(RNN_RNG_N_PURPOSES <= 64);
}

static void the_last_block_is_not_followed_by_the_first(void **state)
{
    (void) state;
    struct rnn_rng g = at(1), first = at(1);
    g.ctr[0] = UINT32_MAX;
    for (int i = 0; i < 4; i++) rnn_rng_u32(&g);
    assert_false(rnn_rng_ok(&g));
    assert_true(rnn_rng_ok(&first));
    assert_true(rnn_rng_u64(&g) != rnn_rng_u64(&first));
    assert_false(rnn_rng_ok(&g));
}

static void below_is_unbiased(void **state)
{
    (void) state;
    struct rnn_rng g = at(2);
    enum { N = 120000 };
    int count[6] = {0};
    for (int i = 0; i < N; i++) count[rnn_rng_below(&g, 6)]++;
    double chi2 = 0;
    for (int k = 0; k < 6; k++) chi2 += pow(count[k] - N / 6., 2) / (N / 6.);
    assert_true(chi2 < 20.5); /* 0.1 % point of 5 degrees of freedom */
    assert_int_equal(rnn_rng_below(&g, 1), 0);
    assert_int_equal(rnn_rng_below(&g, 0), 0);
    const uint64_t n = (UINT64_C(3) << 62) + 1; /* unless the excess is rejected, multiples of 3 come twice as often */
    int low = 0;
    for (int i = 0; i < 30000; i++) {
        const uint64_t x = rnn_rng_below(&g, n);
        assert_true(x < n);
        low += x % 3 == 0;
    }
    assert_true(fabs(low - 10000.) < 5 * sqrt(30000 * 2 / 9.));
}

static void shuffles_are_uniform(void **state)
{
    (void) state;
    int count[4][4] = {{0}}, seen[256] = {0};
    enum { N = 24000 };
    for (uint64_t k = 0; k < N; k++) {
        struct rnn_rng g = at(100 + k);
        size_t x[4] = {0, 1, 2, 3};
        rnn_rng_shuffle(&g, 4, x);
        for (int i = 0; i < 4; i++) count[i][x[i]]++;
        seen[x[0] | x[1] << 2 | x[2] << 4 | x[3] << 6]++;
    }
    int orders = 0;
    for (int i = 0; i < 256; i++) {
        if (!seen[i]) continue;
        orders++;
        assert_true(abs(seen[i] - N / 24) < 5 * sqrt(N / 24.));
    }
    assert_int_equal(orders, 24);
    for (int i = 0; i < 16; i++) assert_true(abs(count[i / 4][i % 4] - N / 4) < 5 * sqrt(N * 3 / 16.));
}

/* Moments, and counts in the tails out to 4.5, against the normal law; each within 5 standard errors. */
static void check_normal_law(size_t n, double (*get)(const void *, size_t), const void *x)
{
    double s[5] = {0};
    double tail[2][6] = {{0}};
    for (size_t i = 0; i < n; i++) {
        const double v = get(x, i);
        assert_true(fabs(v) < 9);
        for (int k = 1; k <= 4; k++) s[k] += pow(v, k);
        for (int k = 0; k < 6; k++) tail[v < 0][k] += fabs(v) > .25 + .85 * k;
    }
    const double N = (double) n;
    assert_true(fabs(s[1] / N) < 5 * sqrt(1 / N));
    assert_true(fabs(s[2] / N - 1) < 5 * sqrt(2 / N));
    assert_true(fabs(s[3] / N) < 5 * sqrt(15 / N));
    assert_true(fabs(s[4] / N - 3) < 5 * sqrt(96 / N));
    for (int side = 0; side < 2; side++) {
        for (int k = 0; k < 6; k++) {
            const double p = erfc((.25 + .85 * k) / sqrt(2)) / 2;
            assert_true(fabs(tail[side][k] - N * p) < 5 * sqrt(N * p * (1 - p)) + 1);
        }
    }
}

static double get_f32(const void *x, size_t i) { return (double) ((const float *) x)[i]; }
static double get_f64(const void *x, size_t i) { return ((const double *) x)[i]; }

static void normals_follow_their_law(void **state)
{
    (void) state;
    enum { N = 1 << 21 };
    float *x = malloc(N * sizeof *x);
    double *y = malloc(N * sizeof *y);
    struct rnn_rng g = at(3);
    rnn_kernels_select("auto", &err);
    rnn_rng_normals_f32(&g, N, x);
    rnn_rng_normals_f64(&g, N, y);
    check_normal_law(N, get_f32, x);
    check_normal_law(N, get_f64, y);
    for (int i = 0; i < N / 8; i++) y[i] = rnn_rng_normal(&g);
    check_normal_law(N / 8, get_f64, y);
    double lag[65] = {0}; /* components of a pair are 16 apart, blocks 1, groups 64 */
    for (int i = 0; i + 64 < N; i++)
        for (int l = 1; l <= 64; l += l < 3 ? 1 : l) lag[l] += (double) x[i] * (double) x[i + l];
    for (int l = 1; l <= 64; l++) assert_true(fabs(lag[l]) < 5 * sqrt(N));
    free(x);
    free(y);
}

/* What was drawn from the generator before does not move the numbers of the address. */
static void normals_start_at_the_address(void **state)
{
    (void) state;
    struct rnn_rng g = at(4), used = at(4);
    float a[100], b[100];
    for (int i = 0; i < 11; i++) rnn_rng_u32(&used);
    rnn_rng_normals_f32(&g, 100, a);
    rnn_rng_normals_f32(&used, 100, b);
    assert_memory_equal(a, b, sizeof a);
}

/* Tails to 5.5 in many numbers: Poisson counts within 5 standard errors of the normal law. */
static void tails_follow_the_law_to_five_and_a_half(void **state)
{
    (void) state;
    enum { BLOCK = 1 << 12, N_BLOCKS = 1 << 14 };
    static float x[BLOCK];
    const double limits[3] = {4.5, 5, 5.5}, N = (double) BLOCK * N_BLOCKS;
    double count[3] = {0};
    rnn_kernels_select("auto", &err);
    for (uint64_t b = 0; b < N_BLOCKS; b++) {
        const struct rnn_rng g = at(b);
        rnn_rng_normals_f32(&g, BLOCK, x);
        for (int i = 0; i < BLOCK; i++)
            if (fabsf(x[i]) > 4.5f)
                for (int k = 0; k < 3; k++) count[k] += fabs((double) x[i]) > limits[k];
    }
    for (int k = 0; k < 3; k++) {
        const double want = N * erfc(limits[k] / sqrt(2));
        if (fabs(count[k] - want) > 5 * sqrt(want)) fail_msg("beyond %g: %g, expected %g", limits[k], count[k], want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(address_layout_and_limits),
        cmocka_unit_test(the_last_block_is_not_followed_by_the_first),
        cmocka_unit_test(below_is_unbiased),
        cmocka_unit_test(shuffles_are_uniform),
        cmocka_unit_test(normals_follow_their_law),
        cmocka_unit_test(normals_start_at_the_address),
        cmocka_unit_test(tails_follow_the_law_to_five_and_a_half),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
