/* A network's spectrum is its own, its memories are not. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "theory/isospectral.h"
#include "num/linalg.h"
#include "theory/memory_net.h"

enum { NF = 40, NH = 12 };
static struct rnn_err err;
static double Xi[NF * NH], Xi_pinv[NH * NF], Phi[NH * NH], V0[NF], W[NF * NF], t[NF * NH];

static void decompositions(void **state)
{
    (void)state;
    double first = 0, Phi_k[NH * NH];
    assert_int_equal(rnn_gsemm_draw(NF, NH, 3, 0, 0, Xi, Xi_pinv, Phi, V0, &err), RNN_OK);
    for (uint64_t k = 0; k < 10; k++) {
        struct rnn_isospectral d;
        assert_int_equal(rnn_isospectral_make(NF, NH, Xi, Xi_pinv, Phi, 3, 0, k, Phi_k, &d, &err), RNN_OK);
        assert_true(d.network_error < 1e-14 * d.cond * d.cond + 1e-12 && d.spectrum_error < 1e-14 * d.cond * d.cond + 1e-10);
        assert_true(d.phi_distance > 0.5 && d.phi_distance != first && d.cond > 1);
        first = d.phi_distance;
    }
}

/* The model's network has the spectrum of Phi and zeros, whatever its norm; another matrix has not. */
static void spectrum_of_the_network(void **state)
{
    (void)state;
    double worst, rest;
    for (uint64_t i = 0; i < 5; i++) {
        assert_int_equal(rnn_gsemm_draw(NF, NH, 4, i, 0, Xi, Xi_pinv, Phi, V0, &err), RNN_OK);
        rnn_gemm(0, 0, NF, NH, NH, 1, Xi, Phi, 0, t);
        rnn_gemm(0, 0, NF, NF, NH, 1, t, Xi_pinv, 0, W);
        assert_int_equal(rnn_spectra_differ(NH, Phi, NF, W, &worst, &rest, &err), RNN_OK);
        assert_true(worst < 1e-12 && rest < 1e-12 && rnn_spectral_norm(NF, NF, W, &err) > 1.05);
    }
    Phi[0] += 0.5;
    assert_int_equal(rnn_spectra_differ(NH, Phi, NF, W, &worst, &rest, &err), RNN_OK);
    assert_true(worst > 1e-3);
    assert_int_equal(rnn_gsemm_draw(NH - 1, NH, 4, 0, 0, Xi, Xi_pinv, Phi, V0, &err), RNN_ERR_ARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(decompositions), cmocka_unit_test(spectrum_of_the_network)};
    return cmocka_run_group_tests_name("isospectral", tests, NULL, NULL);
}
