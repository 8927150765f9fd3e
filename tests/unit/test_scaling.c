/* The published fractions (tests/golden/stm_fractions.tsv) through our fits give the published exponents: Kurtkaya et al. 2025,
 * figures 4C, 4F, S3F, S6 (their uncertainties are OLS standard errors). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "theory/scaling_grid.h"

static struct rnn_err err;
enum { MAX_LR = 40, MAX_T = 32 };
struct curves { size_t n_lr, n_T; double log10_lr[MAX_LR], T[MAX_T], y[MAX_LR][MAX_T]; };

static void load(const char *set, const char *category, struct curves *c)
{
    const char *dir = getenv("RNN_GOLDEN");
    char path[512], line[256], s[32], cat[32];
    double lr, T, percent;
    snprintf(path, sizeof path, "%s/stm_fractions.tsv", dir ? dir : "tests/golden");
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    memset(c, 0, sizeof *c);
    while (fgets(line, sizeof line, f)) {
        if (sscanf(line, "%31s %31s %lf %lf %lf", s, cat, &lr, &T, &percent) != 5 || strcmp(s, set) || strcmp(cat, category)) continue;
        if (!c->n_lr || c->log10_lr[c->n_lr - 1] != lr) c->log10_lr[c->n_lr++] = lr, c->n_T = 0;
        c->T[c->n_T] = T;
        c->y[c->n_lr - 1][c->n_T++] = percent / 100;
    }
    fclose(f);
    assert_true(c->n_lr > 5 && c->n_T > 10);
}

static double largest(const double *y, size_t n)
{
    double m = 0;
    for (size_t i = 0; i < n; i++) m = fmax(m, y[i]);
    return m;
}

/* Exponent over the curves that pass the skip rule; kind 0 onset from start, 1 onset global, 2 logistic, 3 10 % crossing. */
static struct rnn_line exponent(const struct curves *c, int kind, const double start[2], double skip_below, double lr_from, double drop)
{
    double T0[MAX_LR], lr[MAX_LR];
    size_t used = 0;
    for (size_t i = 0; i < c->n_lr; i++) {
        struct rnn_curve_fit fit = {0};
        if (largest(c->y[i], c->n_T) < skip_below || c->log10_lr[i] < lr_from || fabs(c->log10_lr[i] - drop) < 1e-9) continue;
        if (kind == 0) rnn_fit_onset(c->n_T, c->T, c->y[i], start, &fit, &err);
        if (kind == 1) rnn_fit_onset_global(c->n_T, c->T, c->y[i], 1, &fit, &err);
        if (kind == 2) rnn_fit_logistic(c->n_T, c->T, c->y[i], start, &fit, &err);
        if (kind == 3) fit.at = rnn_first_crossing(c->n_T, c->T, c->y[i], 0.1);
        lr[used] = pow(10, c->log10_lr[i]);
        T0[used++] = fit.at;
    }
    struct rnn_line line;
    assert_int_equal(rnn_fit_exponent(used, T0, lr, &line, &err), RNN_OK);
    return line;
}

static void near(double got, double want, double tol)
{
    if (fabs(got - want) > tol) fail_msg("%g, not %g within %g", got, want, tol);
}

static void published_exponents(void **state)
{
    (void)state;
    struct curves c;
    const double small[2] = {0.1, 0.1}, post[2] = {0.5, 0.1};
    load("no-post", "not-learned", &c);
    struct rnn_line l = exponent(&c, 0, small, 0.1, -9, 9);
    assert_int_equal(l.n, 30);
    near(-l.slope, 2.721, 0.002), near(l.se_slope, 0.068, 0.001), near(l.r2, 0.983, 0.001);
    near(-exponent(&c, 1, small, 0.1, -9, 9).slope, 2.721, 0.01);
    near(-exponent(&c, 3, small, 0.1, -9, 9).slope, 3.00, 0.02);
    load("no-post", "slow-point", &c);
    l = exponent(&c, 2, small, 0.1, -2.29, 9);
    assert_int_equal(l.n, 25);
    near(-l.slope, 4.053, 0.002), near(l.se_slope, 0.103, 0.001);
    near(-exponent(&c, 2, small, 0.1, -9, 9).slope, 4.776, 0.003);
    load("post", "not-learned", &c);
    l = exponent(&c, 0, post, 0.2, -9, -1.143);
    assert_int_equal(l.n, 12);
    near(-l.slope, 2.651, 0.002), near(l.se_slope, 0.230, 0.001);
}

static void no_memory_exponent(void **state)
{
    (void)state;
    struct curves c;
    load("no-memory", "not-learned", &c);
    const double start[2] = {-5, 10};
    double lr[MAX_T], x[MAX_LR + 20], y[MAX_LR + 20];
    for (size_t j = 0; j < c.n_T; j++) {
        struct rnn_curve_fit fit;
        size_t n = 0;
        for (int k = 0; k < 20; k++) { /* the whole grid 1..1e-3: rows not listed are all 1 above and all 0 below */
            const double log10_lr = -3.0 * k / 19;
            double frac = log10_lr > -0.63 + 0.05 ? 1 : 0;
            for (size_t i = 0; i < c.n_lr; i++)
                if (fabs(c.log10_lr[i] - log10_lr) < 0.02) frac = c.y[i][j];
            x[n] = log10_lr * log(10);
            y[n++] = frac;
        }
        rnn_fit_logistic(n, x, y, start, &fit, &err);
        lr[j] = exp(fit.at);
    }
    struct rnn_line l;
    assert_int_equal(rnn_fit_exponent(c.n_T, c.T, lr, &l, &err), RNN_OK);
    near(-l.slope, 0.384, 0.002), near(l.se_slope, 0.016, 0.001), near(l.r2, 0.970, 0.002);
}

static void crossings(void **state)
{
    (void)state;
    const double x[4] = {0, 10, 20, 30}, y[4] = {0, 0, 0.2, 1};
    near(rnn_first_crossing(4, x, y, 0.1), 15, 1e-12);
    assert_true(isnan(rnn_first_crossing(3, x, y, 0.5)));
    assert_true(isnan(rnn_first_crossing(4, x, y, 0)));
    assert_true(isnan(rnn_first_crossing(2, x + 2, y + 2, 0.1))); /* above it from the first delay on: no delay was found */
}

/* A sweep of rates 1e-1 .. 1e-3, delays 5 .. 400 ms and 20 seeds, in which seed s (0 .. 19) fails from the delay T0(rate) (1/2 + s/20) on. */
enum { RATES = 5, DELAYS = 80, SEEDS = 20 };

static struct rnn_boundary swept(double (*T0)(double rate, size_t r, size_t s), size_t draws)
{
    static double rate[RATES], delay[DELAYS], hit[RATES * DELAYS * SEEDS];
    const struct rnn_scaling_grid g = {RATES, DELAYS, SEEDS, rate, delay, hit};
    struct rnn_boundary_method m;
    struct rnn_boundary b;
    for (size_t r = 0; r < RATES; r++) rate[r] = pow(10, -3 + 0.5 * (double)r);
    for (size_t d = 0; d < DELAYS; d++) delay[d] = 5 * (double)(d + 1);
    for (size_t i = 0; i < RATES * DELAYS * SEEDS; i++) {
        const size_t r = i / SEEDS / DELAYS, d = i / SEEDS % DELAYS, s = i % SEEDS;
        hit[i] = delay[d] >= T0(rate[r], r, s) * (0.5 + (double)s / SEEDS);
    }
    rnn_boundary_method_default(&m, RNN_FIT_CROSSING);
    m.level = 0.5;
    assert_true(rnn_boundary_measure(&g, &m, draws, 3, &b, &err) >= 0);
    return b;
}

static double cubic(double rate, size_t r, size_t s)
{
    (void)r, (void)s;
    return 20 * pow(rate / 0.1, -1. / 3);
}

/* The delay has nothing to do with the rate: every network has a delay of its own. */
static double scattered(double rate, size_t r, size_t s)
{
    (void)rate;
    return 60 + 40 * sin(12.9898 * (double)(r * SEEDS + s) + 78.233);
}

static void an_exponent_is_determined_or_not(void **state)
{
    (void)state;
    struct rnn_boundary b = swept(cubic, 200);
    near(-b.line.slope, 3, 0.3);
    assert_true(b.beta_lo < 3 && 3 < b.beta_hi && b.beta_lo > 2 && b.beta_hi < 4.5);
    assert_int_equal(b.n_beta, 200);
    assert_int_equal(b.determined, RNN_DETERMINED);
    rnn_boundary_release(&b);
    b = swept(scattered, 200);
    assert_true(isfinite(b.line.slope) && b.beta_lo < 0 && b.beta_hi > 0);
    assert_int_equal(b.determined, RNN_UNDETERMINED);
    rnn_boundary_release(&b);
    b = swept(cubic, 0);
    assert_true(isnan(b.beta_lo));
    assert_int_equal(b.determined, RNN_UNTOLD);
    rnn_boundary_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(an_exponent_is_determined_or_not), cmocka_unit_test(published_exponents), cmocka_unit_test(no_memory_exponent), cmocka_unit_test(crossings)};
    return cmocka_run_group_tests_name("scaling", tests, NULL, NULL);
}
