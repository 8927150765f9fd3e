/* The published mechanism index: reference values for n = 324 time points, and the O(n) form against the definition (correlation
 * matrix, two-dimensional DFT).  Orbits that go on turning: exponents and periods that are known. */
#include <complex.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "analysis/phase.h"
#include "num/rng.h"

static struct rnn_err err;
enum { N_TIME = 324 };

static double square_wave(double cycles, double duty)
{
    double s[N_TIME];
    for (size_t t = 0; t < N_TIME; t++) {
        const double phase = fmod((double)t * cycles / N_TIME + 1e-12, 1);
        s[t] = phase < duty ? 1 : -1;
    }
    return rnn_phase_index_of_signs(N_TIME, s);
}

static double flipped_until(size_t k)
{
    double s[N_TIME];
    for (size_t t = 0; t < N_TIME; t++) s[t] = t < k ? -1 : 1;
    return rnn_phase_index_of_signs(N_TIME, s);
}

static void near(double got, double want, double tol)
{
    if (fabs(got - want) > tol) fail_msg("%.6f, not %.6f", got, want);
}

static void reference_values(void **state)
{
    (void)state;
    near(flipped_until(0), 1, 1e-12);
    near(flipped_until(36), 0.6956, 1e-4);
    near(flipped_until(72), 0.7475, 1e-4);
    near(square_wave(9, 0.5), 0, 1e-4);
    near(square_wave(3, 0.5), 0, 1e-4);
    near(square_wave(4.5, 0.5), 0.0073, 1e-4);
    near(square_wave(2, 0.5), 0.6572, 1e-4);
    near(square_wave(1, 0.5), 0.6571, 1e-4);
}

/* The definition, literally: C = corr between rows of [p1 p2], |fft2(C)|^2 within distance 3 of zero frequency over the total. */
static double by_definition(size_t n, const double *p1, const double *p2)
{
    double inside = 0, total = 0;
    for (size_t f = 0; f < n; f++)
        for (size_t g = 0; g < n; g++) {
            double _Complex F = 0;
            for (size_t t = 0; t < n; t++)
                for (size_t u = 0; u < n; u++) {
                    const double a = p1[t] - p2[t], b = p1[u] - p2[u];
                    F += a * b / (fabs(a) * fabs(b)) * cexp(-2 * M_PI * I * (double)(f * t + g * u) / (double)n);
                }
            const double df = f > n / 2 ? (double)f - (double)n : (double)f, dg = g > n / 2 ? (double)g - (double)n : (double)g;
            const double power = creal(F) * creal(F) + cimag(F) * cimag(F);
            total += power;
            if (df * df + dg * dg <= 9) inside += power;
        }
    return inside / total;
}

static void linear_form_is_the_definition(void **state)
{
    (void)state;
    struct rnn_rng g;
    assert_int_equal(rnn_rng_at(&g, 3, RNN_RNG_TEST, 0, 0, 0, &err), RNN_OK);
    double p1[17], p2[17], s[17];
    for (int k = 0; k < 3; k++) {
        for (size_t t = 0; t < 17; t++) p1[t] = rnn_rng_normal(&g), p2[t] = rnn_rng_normal(&g) * k, s[t] = p1[t] > p2[t] ? 1 : -1;
        near(rnn_phase_index_of_signs(17, s), by_definition(17, p1, p2), 1e-9);
    }
}

static struct rnn_phase_turn turn_of(enum rnn_act act, size_t N, const double *W, const double *b, const double *x, size_t steps)
{
    struct rnn_phase_turn out;
    struct rnn_net *net;
    struct rnn_map map;
    struct rnn_spec s;
    rnn_spec_default(&s);
    s.cell = RNN_ELMAN, s.act = act, s.N = N, s.n_in = s.n_out = 1, s.bias_in = false;
    assert_int_equal(rnn_net_new(&net, &s, &err), RNN_OK);
    memcpy(rnn_net_param(net, "W_rec"), W, N * N * sizeof *W);
    if (b) memcpy(rnn_net_param(net, "b_rec"), b, N * sizeof *b);
    assert_int_equal(rnn_map_of_net(net, NULL, &map, &err), RNN_OK);
    assert_int_equal(rnn_phase_turning(&map, x, steps, &out, &err), RNN_OK);
    rnn_map_release(&map);
    rnn_net_free(net);
    return out;
}

/* A rotation by a, whose steps fill a circle: the exponent is 0.  With a second, wider one by 2 a beside it the widest unit passes twice in
 * a turn of the whole. */
static void turns_of_known_period(void **state)
{
    (void)state;
    const double a = 0.7, c = cos(a), s = sin(a), c2 = cos(2 * a), s2 = sin(2 * a);
    const struct rnn_phase_turn one = turn_of(RNN_LINEAR, 2, (double[]){c, -s, s, c}, NULL, (double[]){1, 0}, 1000);
    near(one.period, 2 * M_PI / a, 2e-3);
    near(one.exponent, 0, 1e-9);
    assert_false(one.is_chaotic);
    const double W[16] = {c, -s, 0, 0, s, c, 0, 0, 0, 0, c2, -s2, 0, 0, s2, c2};
    near(turn_of(RNN_LINEAR, 4, W, NULL, (double[]){1, 0, 1.5, 0}, 1000).period, 2 * M_PI / a, 2e-3);
    near(turn_of(RNN_LINEAR, 4, W, NULL, (double[]){0.01, 0, 1.5, 0}, 1000).period, M_PI / a, 2e-3);
}

/* The cycle of period 4 of x' = tanh(W x), W = 2 x a quarter turn, whose multiplier over a step is 0.16637 (test_cycles). */
static void cycle_of_the_map(void **state)
{
    (void)state;
    const double p = 0.957504024077;
    const struct rnn_phase_turn t = turn_of(RNN_TANH, 2, (double[]){0, -2, 2, 0}, NULL, (double[]){p, p}, 400);
    near(t.period, 4, 1e-9);
    near(t.exponent, log(0.16637209), 1e-6);
    assert_false(t.is_chaotic);
}

/* The tent map x' = 1.9 min(x, 1 - x) as two relu units, x = 1.9 h1 - 3.8 h2: its exponent is ln 1.9 on every orbit. */
static void tent_is_chaotic(void **state)
{
    (void)state;
    const double W[4] = {1.9, -3.8, 1.9, -3.8}, b[2] = {0, -0.5};
    const struct rnn_phase_turn t = turn_of(RNN_RELU, 2, W, b, (double[]){0.3, 0}, 2000);
    near(t.exponent, log(1.9), 1e-3);
    assert_true(t.is_chaotic);
}

/* x' = 2 x leaves the finite numbers after 1024 steps; inf - inf is no number, and must not read as rest. */
static void running_away_is_no_rest(void **state)
{
    (void)state;
    struct rnn_net *net;
    struct rnn_spec s;
    double x = 1, speed = 0;
    rnn_spec_default(&s);
    s.act = RNN_RELU, s.N = s.n_in = s.n_out = 1;
    s.bias_rec = s.bias_in = s.bias_out = false;
    assert_int_equal(rnn_net_new(&net, &s, &err), RNN_OK);
    *rnn_net_param(net, "W_rec") = 2;
    assert_int_equal(rnn_phase_speed(net, &x, 100, 10, &speed, &err), RNN_OK);
    assert_true(speed == 0x1p99); /* the last step doubles 2^99 */
    x = 1;
    assert_int_equal(rnn_phase_speed(net, &x, 3000, 1000, &speed, &err), RNN_OK);
    assert_true(speed == INFINITY);
    rnn_net_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reference_values), cmocka_unit_test(linear_form_is_the_definition),
                                       cmocka_unit_test(turns_of_known_period), cmocka_unit_test(cycle_of_the_map), cmocka_unit_test(tent_is_chaotic),
                                       cmocka_unit_test(running_away_is_no_rest)};
    return cmocka_run_group_tests_name("phase", tests, NULL, NULL);
}
