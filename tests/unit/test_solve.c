/* Solvers against certified fits (NIST), closed forms and convergence orders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "num/solve.h"

static struct rnn_err err;

static void assert_near(double got, double want, double tol)
{
    if (!(fabs(got - want) <= tol)) fail_msg("got %.17g, expected %.17g (tolerance %.2g)", got, want, tol);
}

/* NIST StRD Misra1a: y = b1 (1 - exp(-b2 x)), starts (500, 0.0001) and (250, 0.0005). */
static const double misra_x[14] = {77.6, 114.9, 141.1, 190.8, 239.9, 289, 332.8, 378.4, 434.8, 477.3, 536.8, 593.1, 689.1, 760};
static const double misra_y[14] = {10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02, 44.82, 50.76, 55.05, 61.01, 66.4, 75.47, 81.78};

static int misra(size_t n, const double *b, size_t m, double *f, void *ctx)
{
    (void) n, (void) ctx;
    for (size_t i = 0; i < m; i++) f[i] = b[0] * (1 - exp(-b[1] * misra_x[i])) - misra_y[i];
    return 0;
}

static int misra_jacobian(size_t n, const double *b, size_t m, double *J, void *ctx)
{
    (void) ctx;
    for (size_t i = 0; i < m; i++) {
        J[i * n] = 1 - exp(-b[1] * misra_x[i]);
        J[i * n + 1] = b[0] * misra_x[i] * exp(-b[1] * misra_x[i]);
    }
    return 0;
}

static void lm_meets_the_certified_fit(void **state)
{
    (void) state;
    for (int k = 0; k < 4; k++) {
        double b[2] = {k % 2 ? 500 : 250, k % 2 ? .0001 : .0005}, cov[4];
        struct rnn_lm_result r;
        assert_int_equal(rnn_lm(2, b, 14, misra, k / 2 ? misra_jacobian : NULL, NULL, NULL, cov, &r, &err), RNN_OK);
        assert_near(b[0], 2.3894212918E+02, 2.4e-7 * 100);
        assert_near(b[1], 5.5015643181E-04, 5.5e-13 * 100);
        assert_near(2 * r.cost, 1.2455138894E-01, 1e-11);
        assert_near(sqrt(cov[0]), 2.7070075241E+00, 1e-4);
        assert_near(sqrt(cov[3]), 7.2668688436E-06, 1e-9);
        assert_true(r.rcond > 1e-4 && r.n_iter > 1);
    }
}

static int rosenbrock(size_t n, const double *x, size_t m, double *f, void *ctx)
{
    (void) n, (void) m;
    if (ctx && x[0] < -1.5) return 1; /* outside the domain */
    f[0] = 10 * (x[1] - x[0] * x[0]);
    f[1] = 1 - x[0];
    return 0;
}

static int two_as_one(size_t n, const double *x, size_t m, double *f, void *ctx)
{
    (void) n, (void) ctx;
    for (size_t i = 0; i < m; i++) f[i] = x[0] + x[1] - 3 - .1 * (i % 2 ? 1 : -1);
    return 0;
}

static int refuses(size_t n, const double *x, size_t m, double *f, void *ctx)
{
    (void) n, (void) x, (void) m, (void) f, (void) ctx;
    return RNN_ERR_INTERRUPTED;
}

static void lm_other_ends(void **state)
{
    (void) state;
    struct rnn_lm_result r;
    double x[2] = {-1.2, 1}, y[2] = {0, 0}, cov[4], far[2] = {-2, 1};
    int restricted = 1;
    assert_int_equal(rnn_lm(2, x, 2, rosenbrock, NULL, &restricted, NULL, NULL, &r, &err), RNN_OK);
    assert_near(x[0], 1, 1e-9);
    assert_near(x[1], 1, 1e-9);
    assert_int_equal(rnn_lm(2, y, 4, two_as_one, NULL, NULL, NULL, cov, &r, &err), RNN_OK); /* only the sum is determined */
    assert_near(y[0] + y[1], 3, 1e-7);
    assert_true(r.rcond < 1e-6 && isnan(cov[0]));
    assert_int_equal(rnn_lm(2, far, 2, rosenbrock, NULL, &restricted, NULL, NULL, &r, &err), RNN_ERR_NUMERIC);
    assert_int_equal(rnn_lm(2, x, 2, refuses, NULL, NULL, NULL, NULL, &r, &err), RNN_ERR_INTERRUPTED);
    assert_int_equal(rnn_lm(3, x, 2, refuses, NULL, NULL, NULL, NULL, &r, &err), RNN_ERR_ARG);
    const struct rnn_lm_options hasty = {1e-14, 1e-12, 1e-14, 3, 1e-3};
    x[0] = -1.2, x[1] = 1;
    assert_int_equal(rnn_lm(2, x, 2, rosenbrock, NULL, NULL, &hasty, NULL, &r, &err), RNN_NOT_CONVERGED);
}

struct counted {
    double (*f)(double);
    int n;
};
static double call(double x, void *ctx)
{
    struct counted *c = ctx;
    c->n++;
    return c->f(x);
}
static double cubic(double x) { return x * (x * x - 2) - 5; } /* Wallis' equation, 1685 */
static double flat(double x) { return pow(x - .3, 9); }
static double step(double x) { return x < .7 ? -1 : 1; }
static double dottie(double x) { return cos(x) - x; }
static double negative(double x) { return -x; }
static double bowl(double x) { return (x - 2) * (x - 2) * (x - 2) * (x - 2) + (x - 2) * (x - 2) + 7; }
static double minus_sine(double x) { return -sin(x); }
static double vee(double x) { return fabs(x - .25); }

static void brent_root_finds_roots(void **state)
{
    (void) state;
    const struct { double (*f)(double); double a, b, root; int calls; } rows[] = {
        {cubic, 2, 3, 2.0945514815423265, 12}, {dottie, 0, 1, .7390851332151607, 12}, {negative, -1, 2, 0, 12},
        {step, 0, 1, .7, 70}, {cubic, 3, 2, 2.0945514815423265, 12}, {flat, -1, 4, .3, 200}};
    for (int i = 0; i < 6; i++) {
        struct counted c = {rows[i].f, 0};
        double x = NAN;
        assert_int_equal(rnn_brent_root(call, &c, rows[i].a, rows[i].b, 1e-15, &x, &err), RNN_OK);
        assert_near(x, rows[i].root, 3e-15);
        assert_true(c.n <= rows[i].calls);
    }
    struct counted c = {bowl, 0};
    double x;
    assert_int_equal(rnn_brent_root(call, &c, 0, 1, 0, &x, &err), RNN_ERR_ARG);
    c.f = log;
    assert_int_equal(rnn_brent_root(call, &c, 0, 2, 0, &x, &err), RNN_ERR_NUMERIC);
}

static void brent_min_finds_minima(void **state)
{
    (void) state;
    const struct { double (*f)(double); double a, b, x, fx; int calls; } rows[] = {
        {bowl, -10, 10, 2, 7, 17}, {minus_sine, 0, 3, M_PI / 2, -1, 10}, {vee, -1, 1, .25, 0, 30}, {negative, 0, 1, 1, -1, 40}};
    for (int i = 0; i < 4; i++) {
        struct counted c = {rows[i].f, 0};
        double x, fx;
        assert_int_equal(rnn_brent_min(call, &c, rows[i].a, rows[i].b, 1e-8, &x, &fx, &err), RNN_OK);
        assert_near(x, rows[i].x, 6e-8);
        assert_near(fx, rows[i].fx, 6e-8);
        assert_true(c.n <= rows[i].calls);
    }
}

static int oscillator(double t, size_t n, const double *x, double *dx, void *ctx)
{
    (void) t, (void) n, (void) ctx;
    dx[0] = x[1];
    dx[1] = -x[0];
    return 0;
}

static int blow_up(double t, size_t n, const double *x, double *dx, void *ctx)
{
    (void) t, (void) n, (void) ctx;
    dx[0] = x[0] * x[0];
    return 0;
}

static double turn_error(size_t steps)
{
    double x[2] = {1, 0};
    assert_int_equal(rnn_rk4(oscillator, NULL, 0, 2 * M_PI, steps, 2, x, NULL, &err), RNN_OK);
    return hypot(x[0] - 1, x[1]);
}

static void rk4_has_order_four(void **state)
{
    (void) state;
    assert_near(log2(turn_error(40) / turn_error(80)), 4, .1);
    double x[2] = {1, 0}, traj[11][2], up = 1;
    assert_int_equal(rnn_rk4(oscillator, NULL, 0, 1, 10, 2, x, &traj[0][0], &err), RNN_OK);
    for (int i = 0; i <= 10; i++) assert_near(traj[i][0], cos(i * .1), 1e-6);
    assert_true(traj[0][0] == 1 && traj[10][0] == x[0]);
    assert_int_equal(rnn_rk4(blow_up, NULL, 0, 3, 300, 1, &up, NULL, &err), RNN_ERR_NUMERIC);
}

/* E X^2k = (2k-1)!!, exact up to degree 2n-1; E cos X = exp(-1/2); nodes of n = 3 are 0 and +-sqrt 3, weights 2/3 and 1/6. */
static void gauss_hermite_averages(void **state)
{
    (void) state;
    double x[1001], w[1001];
    assert_int_equal(rnn_gauss_hermite(3, x, w, &err), RNN_OK);
    assert_near(x[0], -sqrt(3), 1e-15);
    assert_near(w[1], 2. / 3, 1e-15);
    assert_near(w[2], 1. / 6, 1e-15);
    const size_t ns[] = {1, 2, 5, 20, 64, 200, 1001};
    for (int i = 0; i < 7; i++) {
        const size_t n = ns[i];
        double cosine = 0, moment = 1;
        assert_int_equal(rnn_gauss_hermite(n, x, w, &err), RNN_OK);
        for (size_t k = 0; k <= n - 1 && k <= 8; k++) {
            double sum = 0;
            for (size_t j = 0; j < n; j++) sum += w[j] * pow(x[j], 2 * (double) k);
            assert_near(sum / moment, 1, 3e-13);
            moment *= 2 * (double) k + 1;
        }
        for (size_t j = 0; j < n; j++) {
            cosine += w[j] * cos(x[j]);
            assert_true(x[j] == -x[n - 1 - j] && w[j] >= 0 && (j == 0 || x[j] > x[j - 1]));
        }
        if (n >= 20) assert_near(cosine, exp(-.5), 1e-14);
    }
    assert_int_equal(rnn_gauss_hermite(0, x, w, &err), RNN_ERR_ARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lm_meets_the_certified_fit), cmocka_unit_test(lm_other_ends),
        cmocka_unit_test(brent_root_finds_roots),     cmocka_unit_test(brent_min_finds_minima),
        cmocka_unit_test(rk4_has_order_four),         cmocka_unit_test(gauss_hermite_averages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
