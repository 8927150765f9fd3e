/* Statistics against closed forms and published values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "num/rng.h"
#include "num/stats.h"

static struct rnn_err err;

static void assert_near(double got, double want, double tol)
{
    if (!(fabs(got - want) <= tol)) fail_msg("got %.17g, expected %.17g (tolerance %.2g)", got, want, tol);
}

static void moments_and_quantiles(void **state)
{
    (void) state;
    const double x[5] = {1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16, 1e9 + 10}, y[4] = {4, 1, 3, 2};
    assert_near(rnn_mean(5, x), 1e9 + 10, 0);
    static double tenth[100000];
    for (int i = 0; i < 100000; i++) tenth[i] = .1; /* a plain sum is off by 2e-12 */
    assert_near(rnn_mean(100000, tenth), .1, 2e-17);
    assert_true(isnan(rnn_mean(0, x)));
    assert_near(rnn_quantile(4, y, .5, &err), 2.5, 0);
    assert_near(rnn_quantile(4, y, .25, &err), 1.75, 0); /* numpy.quantile([4, 1, 3, 2], .25) */
    assert_near(rnn_quantile(4, y, 0, &err), 1, 0);
    assert_near(rnn_quantile(4, y, 1, &err), 4, 0);
    assert_true(y[0] == 4 && isnan(rnn_quantile(0, y, .5, &err)));
}

/* Newcombe (1998), table I, method 3: 81/263, 15/148, 0/20, 1/29 at 95 %. */
static void wilson_matches_newcombe(void **state)
{
    (void) state;
    const struct { uint64_t k, n; double lo, hi; } rows[] = {
        {81, 263, .2553, .3662}, {15, 148, .0624, .1605}, {0, 20, 0, .1611}, {1, 29, .0061, .1718}, {20, 20, .8389, 1}};
    double lo, hi;
    for (int i = 0; i < 5; i++) {
        rnn_wilson(rows[i].k, rows[i].n, 1.959963984540054, &lo, &hi);
        assert_near(lo, rows[i].lo, 5e-5);
        assert_near(hi, rows[i].hi, 5e-5);
    }
    rnn_wilson(0, 0, 1.96, &lo, &hi);
    assert_true(lo == 0 && hi == 1);
}

/* Coverage of the percentile interval for normal samples of 40: near 95 %, a little less. */
static void bootstrap_covers(void **state)
{
    (void) state;
    int inside = 0;
    double lo, hi, lo2, hi2;
    for (uint64_t k = 0; k < 300; k++) {
        struct rnn_rng g;
        double x[40];
        assert_int_equal(rnn_rng_at(&g, 5, RNN_RNG_TEST, 0, k, 0, &err), RNN_OK);
        rnn_rng_normals_f64(&g, 40, x);
        assert_int_equal(rnn_bootstrap_mean(40, x, 400, .95, 1, k, &lo, &hi, &err), RNN_OK);
        assert_int_equal(rnn_bootstrap_mean(40, x, 400, .95, 1, k, &lo2, &hi2, &err), RNN_OK);
        assert_true(lo == lo2 && hi == hi2 && lo < hi);
        inside += lo < 0 && hi > 0;
    }
    assert_true(inside > 300 * .89 && inside < 300 * .98);
    const double hole[] = {1, 2, NAN, 3, 4, 5};
    for (uint64_t k = 0; k < 10; k++) {
        assert_int_equal(rnn_bootstrap_mean(6, hole, 100, .5, 1, k, &lo, &hi, &err), RNN_OK);
        assert_true(isnan(lo) && isnan(hi)); /* as the mean is */
    }
    assert_int_equal(rnn_bootstrap_mean(0, NULL, 10, .95, 1, 0, &lo, &hi, &err), RNN_ERR_ARG);
    assert_int_equal(rnn_bootstrap_mean(1, &lo, 10, 1, 1, 0, &lo, &hi, &err), RNN_ERR_ARG);
}

/* Darwin's maize, 15 pairs: Fisher (1935) counted 863 of 16384 one-sided, so 1726 of 32768. */
static void permutation_finds_fishers_count(void **state)
{
    (void) state;
    const double darwin[15] = {49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48};
    double p, many[30];
    assert_int_equal(rnn_paired_permutation(15, darwin, 0, 0, 0, &p, &err), RNN_OK);
    assert_near(p, 1726. / 32768, 1e-15);
    const double equal[3] = {.1, .1, .1};
    assert_int_equal(rnn_paired_permutation(3, equal, 0, 0, 0, &p, &err), RNN_OK);
    assert_near(p, .25, 0);
    for (int i = 0; i < 30; i++) many[i] = darwin[i % 15];
    assert_int_equal(rnn_paired_permutation(30, many, 20000, 3, 0, &p, &err), RNN_OK);
    double sum = 0, sq = 0;
    for (int i = 0; i < 30; i++) sum += many[i], sq += many[i] * many[i];
    assert_near(p, erfc(sum / sqrt(2 * sq)), .004); /* normal approximation */
    for (int i = 0; i < 30; i++) many[i] = 1 + i; /* all of one sign: 2^-29 exactly, so the observed one alone counts */
    assert_int_equal(rnn_paired_permutation(30, many, 999, 3, 0, &p, &err), RNN_OK);
    assert_near(p, 1e-3, 0);
    assert_int_equal(rnn_paired_permutation(30, many, 0, 3, 0, &p, &err), RNN_ERR_ARG);
}

static void holm_steps_down(void **state)
{
    (void) state;
    const double p[4] = {.01, .04, .03, .005}, want[4] = {.03, .06, .06, .02};
    double out[4];
    assert_int_equal(rnn_holm(4, p, out, &err), RNN_OK);
    for (int i = 0; i < 4; i++) assert_near(out[i], want[i], 1e-15);
    assert_int_equal(rnn_holm(1, (double[]){NAN}, out, &err), RNN_ERR_ARG);
}

/* Anscombe's first set: slope 0.5001, intercept 3.0001, R^2 0.6665, standard errors 0.1179 and 1.1247. */
static void line_through_anscombe(void **state)
{
    (void) state;
    const double x[11] = {10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5};
    const double y[11] = {8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68};
    struct rnn_line l;
    assert_int_equal(rnn_fit_line(11, x, y, &l, &err), RNN_OK);
    assert_near(l.slope, .5001, 5e-5);
    assert_near(l.intercept, 3.0001, 5e-5);
    assert_near(l.se_slope, .1179, 5e-5);
    assert_near(l.se_intercept, 1.1247, 5e-5);
    assert_near(l.r2, .6665, 5e-5);
    assert_near(rnn_pearson(11, x, y), sqrt(l.r2), 1e-14);
    assert_int_equal(rnn_fit_line(1, x, y, &l, &err), RNN_ERR_ARG);
    assert_int_equal(rnn_fit_line(2, (double[]){1, 1}, y, &l, &err), RNN_ERR_NUMERIC);
}

static void spearman_with_ties(void **state)
{
    (void) state;
    const double x[10] = {106, 100, 86, 101, 99, 103, 97, 113, 112, 110}, tv[10] = {7, 27, 2, 50, 28, 29, 20, 12, 6, 17};
    assert_near(rnn_spearman(10, x, tv, &err), -29. / 165, 1e-14); /* 1 - 6*194/990 */
    const double a[4] = {1, 2, 2, 3}, b[4] = {1, 2, 3, 4};          /* ranks 1 2.5 2.5 4: 4.5 / sqrt(4.5 * 5) */
    assert_near(rnn_spearman(4, a, b, &err), sqrt(.9), 1e-14);
    assert_true(isnan(rnn_spearman(1, a, b, &err)) && isnan(rnn_pearson(2, (double[]){1, 1}, b)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moments_and_quantiles),
        cmocka_unit_test(wilson_matches_newcombe),
        cmocka_unit_test(bootstrap_covers),
        cmocka_unit_test(permutation_finds_fishers_count),
        cmocka_unit_test(holm_steps_down),
        cmocka_unit_test(line_through_anscombe),
        cmocka_unit_test(spearman_with_ties),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
