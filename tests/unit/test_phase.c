/* The published mechanism index: reference values for n = 324 time points, and the O(n) form against the definition (correlation
 * matrix, two-dimensional DFT). */
#include <complex.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reference_values), cmocka_unit_test(linear_form_is_the_definition)};
    return cmocka_run_group_tests_name("phase", tests, NULL, NULL);
}
