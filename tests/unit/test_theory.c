/* Closed forms of lib/theory: operators (cycle rule, references 6.8), hand-built memory networks (A1-A5), toy models. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/mem.h"
#include "model/engine.h"
#include "num/linalg.h"
#include "num/rng.h"
#include "theory/meanfield.h"
#include "theory/memory_net.h"
#include "model/phi.h"
#include "theory/toy.h"

static struct rnn_err err;

/* Signed selection from "sign variable dim" triples, 1-based as published. */
static double *selection(size_t s, size_t d, const int (*rows)[3])
{
    double *F = rnn_alloc(d * s * d, sizeof *F);
    for (size_t i = 0; i < d; i++) F[i * s * d + (size_t)(rows[i][1] - 1) * d + (size_t)rows[i][2] - 1] = rows[i][0];
    return F;
}

static double *repeat_copy(size_t s, size_t d)
{
    double *F = rnn_alloc(d * s * d, sizeof *F);
    for (size_t i = 0; i < d; i++) F[i * s * d + i] = 1;
    return F;
}

static double *compose_copy(size_t s)
{
    double *F = rnn_alloc(s * s * s, sizeof *F);
    for (size_t i = 0; i < s; i++) F[i * s * s + i * s + i] = 1;
    return F;
}

static const int T2[8][3] = {{-1, 5, 5}, {1, 4, 4}, {-1, 3, 3}, {-1, 1, 1}, {-1, 2, 2}, {-1, 6, 6}, {1, 8, 8}, {-1, 7, 7}};
static const int T4[8][3] = {{-1, 6, 6}, {1, 7, 7}, {1, 1, 1}, {1, 2, 2}, {-1, 3, 3}, {1, 4, 4}, {1, 5, 5}, {-1, 8, 8}};

static size_t count_modes(size_t s, size_t d, double *F, size_t *essential)
{
    const struct rnn_operator op = {s, d, F};
    double _Complex *w = rnn_alloc(s * d, sizeof *w);
    bool *keep = rnn_alloc(s * d, sizeof *keep), exact;
    size_t n;
    assert_int_equal(rnn_operator_spectrum(&op, w, &n, &exact, &err), RNN_OK);
    assert_true(exact);
    for (size_t i = 0; i < n; i++) assert_true(fabs(cabs(w[i]) - 1) < 1e-15);
    assert_int_equal(rnn_operator_essential(&op, keep, essential, &err), RNN_OK);
    free(w);
    free(keep);
    free(F);
    return n;
}

static void cycle_rule_counts(void **state)
{
    (void)state;
    size_t kept;
    assert_int_equal(count_modes(8, 8, repeat_copy(8, 8), &kept), 64);
    assert_int_equal(kept, 64);
    assert_int_equal(count_modes(8, 8, compose_copy(8), &kept), 36);
    assert_int_equal(kept, 36);
    assert_int_equal(count_modes(8, 8, selection(8, 8, T2), &kept), 36);
    assert_int_equal(kept, 36);
    assert_int_equal(count_modes(8, 8, selection(8, 8, T4), &kept), 36);
    assert_int_equal(kept, 36);
    assert_int_equal(count_modes(4, 4, compose_copy(4), &kept), 10);
    assert_int_equal(count_modes(6, 6, compose_copy(6), &kept), 21);
}

/* Every eigenvalue by the rule annihilates det(Phi - lambda I): its smallest singular value vanishes. */
static void cycle_rule_is_a_spectrum(void **state)
{
    (void)state;
    double *F = selection(8, 8, T4);
    const struct rnn_operator op = {8, 8, F};
    const size_t n = 64;
    double *Phi = rnn_alloc(n * n, sizeof *Phi), *A = rnn_alloc(4 * n * n, sizeof *A), *s = rnn_alloc(2 * n, sizeof *s);
    double _Complex w[64];
    size_t count;
    rnn_operator_phi(&op, Phi);
    assert_int_equal(rnn_operator_spectrum(&op, w, &count, NULL, &err), RNN_OK);
    for (size_t k = 0; k < count; k++) {
        /* the real form [[P - a, b], [-b, P - a]] of the complex matrix P - (a + i b) */
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++) {
                const double p = Phi[i * n + j] - (i == j) * creal(w[k]), q = (i == j) * cimag(w[k]);
                A[i * 2 * n + j] = A[(i + n) * 2 * n + j + n] = p;
                A[i * 2 * n + j + n] = q;
                A[(i + n) * 2 * n + j] = -q;
            }
        assert_true(rnn_svd(2 * n, 2 * n, A, NULL, s, NULL, &err) >= 0);
        assert_true(s[2 * n - 1] < 1e-12);
    }
    free(F);
    free(Phi);
    free(A);
    free(s);
}

/* Runs a hand-built net over the input phase and `steps` outputs of trials of +-1; returns the largest |y - target| and the share of
 * right signs; late: the largest error after 100 outputs.  preset: the history is placed into the state directly, by Psi. */
static double run_memory(const struct rnn_operator *op, const struct rnn_memory_build *b, size_t steps, bool preset, double *share, double *late)
{
    const int trials = getenv("RNN_TEST_SMALL") ? 10 : 40;
    const size_t n = op->s * op->d, d = op->d, s = op->s;
    double *Psi = rnn_alloc(b->N * n, sizeof *Psi), *full = rnn_alloc((s + steps) * d, sizeof *full);
    double *h = rnn_alloc(b->N, sizeof *h), *h2 = rnn_alloc(b->N, sizeof *h2), *o = rnn_alloc(d, sizeof *o);
    struct rnn_net *net;
    assert_int_equal(rnn_memory_net(op, b, 0, &net, Psi, NULL, &err), RNN_OK);
    struct rnn_rng g;
    assert_int_equal(rnn_rng_at(&g, 5, RNN_RNG_TEST, 0, 0, 0, &err), RNN_OK);
    double worst = 0, right = 0;
    *late = 0;
    for (int trial = 0; trial < trials; trial++) {
        for (size_t i = 0; i < s * d; i++) full[i] = rnn_rng_u32(&g) & 1 ? 1 : -1;
        for (size_t t = s; t < s + steps; t++) rnn_gemv(0, d, n, 1, op->F, full + (t - s) * d, 0, full + t * d);
        memset(h, 0, b->N * sizeof *h);
        if (preset) rnn_gemv(0, b->N, n, 1, Psi, full, 0, h);
        for (size_t t = preset ? s : 0; t < s + steps; t++) {
            rnn_net_step(net, h, t < s ? full + t * d : NULL, h2, &err);
            memcpy(h, h2, b->N * sizeof *h);
            rnn_net_readout(net, h, NULL, o, &err);
            for (size_t i = 0; t >= s && i < d; i++) {
                const double e = fabs(o[i] - full[t * d + i]);
                worst = fmax(worst, e);
                if (t - s > 100) *late = fmax(*late, e);
                right += (o[i] >= 0) == (full[t * d + i] > 0);
            }
        }
    }
    *share = right / ((double)trials * (double)(steps * d));
    rnn_net_free(net);
    free(Psi), free(full), free(h), free(h2), free(o);
    return worst;
}

static void hand_built_networks(void **state)
{
    (void)state;
    double share, late, *F = repeat_copy(16, 5);
    struct rnn_operator op = {16, 5, F};
    struct rnn_memory_build b = {.form = RNN_MEMORY_LINEAR, .N = 128, .amplitude = 0.9, .input_gain = NAN, .seed = 1};
    assert_true(run_memory(&op, &b, 200, false, &share, &late) < 1e-9); /* A1 */
    b.form = RNN_MEMORY_TANH;
    assert_true(run_memory(&op, &b, 1000, false, &share, &late) < 1e-12); /* A2 */
    free(F);
    double *Fs[3] = {compose_copy(8), selection(8, 8, T2), selection(8, 8, T4)};
    for (int k = 0; k < 3; k++) {
        op = (struct rnn_operator){8, 8, Fs[k]};
        b = (struct rnn_memory_build){.form = RNN_MEMORY_OVERWRITE, .N = 128, .amplitude = 0.9, .input_gain = 2, .seed = 2};
        run_memory(&op, &b, 200, false, &share, &late);
        assert_true(share == 1 && late < 1e-9); /* A2b */
        b.input_gain = atanh(0.9);
        run_memory(&op, &b, 200, false, &share, &late);
        assert_true(share < 0.9); /* A2c */
        b.form = RNN_MEMORY_LINEAR;
        run_memory(&op, &b, 200, false, &share, &late);
        assert_true(share > 0.78 && share < 0.88); /* A3: inputs are added to what F writes: fails */
        assert_true(run_memory(&op, &b, 200, true, &share, &late) < 1e-10); /* A3: preset passes */
        free(Fs[k]);
    }
}

static void built_spectrum(void **state)
{
    (void)state;
    double *F = repeat_copy(16, 5);
    const struct rnn_operator op = {16, 5, F};
    struct rnn_memory_build b = {.form = RNN_MEMORY_LINEAR, .N = 128, .seed = 3};
    struct rnn_net *net;
    double _Complex w[128];
    size_t per_direction[16] = {0};
    assert_int_equal(rnn_memory_net(&op, &b, 0, &net, NULL, NULL, &err), RNN_OK);
    assert_true(rnn_eig(128, rnn_net_param(net, "W_rec"), w, NULL, NULL, &err) >= 0);
    for (size_t i = 0; i < 80; i++) {
        const double turn = 16 * carg(w[i]) / (2 * M_PI);
        assert_true(fabs(cabs(w[i]) - 1) < 1e-9 && fabs(turn - round(turn)) < 1e-8);
        per_direction[(size_t)(lround(turn) + 16) % 16]++;
    }
    for (size_t k = 0; k < 16; k++) assert_int_equal(per_direction[k], 5);
    assert_true(cabs(w[80]) < 1e-9);
    rnn_net_free(net);
    b.N = 79;
    assert_int_equal(rnn_memory_net(&op, &b, 0, &net, NULL, NULL, &err), RNN_ERR_ARG);
    free(F);
}

/* A5: the discrete limit of the continuous model is the Elman network, also for ||M|| > 1. */
static void gsemm_is_elman(void **state)
{
    (void)state;
    enum { NF = 40, NH = 12 };
    double Xi[NF * NH], Xi_pinv[NH * NF], A[NH * NH], Q[NH * NH], V0[NF], gap;
    struct rnn_rng g;
    assert_int_equal(rnn_rng_at(&g, 9, RNN_RNG_TEST, 0, 0, 0, &err), RNN_OK);
    for (size_t i = 0; i < NF * NH; i++) Xi[i] = rnn_rng_normal(&g);
    for (size_t i = 0; i < NH * NH; i++) A[i] = rnn_rng_normal(&g);
    for (size_t i = 0; i < NF; i++) V0[i] = rnn_rng_normal(&g);
    assert_true(rnn_pinv(NF, NH, Xi, 1e-12, Xi_pinv, NULL, NULL, &err) >= 0 && rnn_qr(NH, NH, A, Q, NULL, &err) >= 0);
    const struct rnn_gsemm m = {.Nf = NF, .Nh = NH, .Xi = Xi, .Xi_pinv = Xi_pinv, .Phi = Q, .T_f = 1, .alpha_s = 1, .alpha_c = 1, .dt = 1};
    assert_int_equal(rnn_gsemm_elman_gap(&m, V0, 100, &gap, &err), RNN_OK);
    assert_true(gap < 1e-12);
}

static void toy_values(void **state)
{
    (void)state;
    struct rnn_toy c = {RNN_TOY_LIMIT_CYCLE, 60, 10};
    const double at[][2] = {{1.0 / 140, 1}, {.0075, .6667}, {1.0 / 120, 0}, {.01, .1667}, {1.0 / 70, .4167}, {1.0 / 60, 1.5}};
    for (size_t i = 0; i < RNN_LEN(at); i++) assert_true(fabs(rnn_toy_loss(&c, at[i][0]) - at[i][1]) < 5e-5);
    double worst = 0;
    for (size_t i = 0; i < 300; i++) {
        const double r = (double)i / 299 / 60;
        worst = fmax(worst, fabs(rnn_toy_loss(&c, r) - rnn_toy_loss_numeric(&c, r, 0.01)));
    }
    assert_true(worst < 1.3e-3);
    const double lr[][3] = {{10, 1.218e-3, 1.250e-3}, {40, 1.189e-6, 1.953e-5}, {100, 1.218e-8, 1.250e-6}, {400, 1.189e-11, 1.953e-8}};
    for (size_t i = 0; i < RNN_LEN(lr); i++) {
        const struct rnn_toy s = {RNN_TOY_SLOW_POINT, lr[i][0], 5};
        c = (struct rnn_toy){RNN_TOY_LIMIT_CYCLE, lr[i][0], 5};
        assert_true(fabs(rnn_toy_critical_lr_asymptotic(&s) / lr[i][1] - 1) < 5e-4);
        assert_true(fabs(rnn_toy_critical_lr_asymptotic(&c) / lr[i][2] - 1) < 5e-4);
    }
    const double ratio[][3] = {{10, .556, .667}, {20, .720, .800}, {50, .868, .909}, {100, .930, .952}, {400, .982, .988}};
    for (size_t i = 0; i < RNN_LEN(ratio); i++) {
        const struct rnn_toy s = {RNN_TOY_SLOW_POINT, ratio[i][0], 5};
        c = (struct rnn_toy){RNN_TOY_LIMIT_CYCLE, ratio[i][0], 5};
        assert_true(fabs(rnn_toy_critical_lr(&s) / rnn_toy_critical_lr_asymptotic(&s) - ratio[i][1]) < 6e-4);
        assert_true(fabs(rnn_toy_critical_lr(&c) / rnn_toy_critical_lr_asymptotic(&c) - ratio[i][2]) < 6e-4);
    }
    for (double T = 20; T <= 160; T *= 2) {
        const struct rnn_toy s = {RNN_TOY_SLOW_POINT, T, 5};
        c = (struct rnn_toy){RNN_TOY_LIMIT_CYCLE, T, 5};
        assert_true(fabs(rnn_toy_critical_lr_descent(&s, 10, 1e-3, 4000) / rnn_toy_critical_lr(&s) - 1) < 0.01);
        assert_true(fabs(rnn_toy_critical_lr_descent(&c, 10, 1e-3, 4000) / rnn_toy_critical_lr(&c) - 1) < 0.01);
    }
    assert_int_equal(rnn_toy_euler_switch(M_PI * M_PI / 40000, 0.1, 10, 100000), 1006);
    assert_int_equal(rnn_toy_euler_switch(M_PI * M_PI / 40000, 0.01, 10, 100000), 9997);
    c = (struct rnn_toy){RNN_TOY_LIMIT_CYCLE, 5, 6};
    assert_int_equal(rnn_toy_check(&c, &err), RNN_ERR_ARG);
}

/* The flow carries (0, -1) round the circle with x = sin(2 pi r t), and all else to the circle; the slow point's x = sqrt(r) tan(sqrt(r) t). */
static void toy_flows(void **state)
{
    (void)state;
    const double r = 0.1, h = 1e-3;
    double x[2] = {0, -1}, v[2], half[2];
    for (int i = 0; i < 2000; i++) { /* midpoints, to t = 2 */
        rnn_toy_velocity(RNN_TOY_LIMIT_CYCLE, r, x, v);
        half[0] = x[0] + h / 2 * v[0], half[1] = x[1] + h / 2 * v[1];
        rnn_toy_velocity(RNN_TOY_LIMIT_CYCLE, r, half, v);
        x[0] += h * v[0], x[1] += h * v[1];
    }
    assert_true(fabs(x[0] - sin(2 * M_PI * r * 2)) < 1e-6 && fabs(x[1] + cos(2 * M_PI * r * 2)) < 1e-6);
    rnn_toy_velocity(RNN_TOY_LIMIT_CYCLE, r, (double[]){0.5, 0}, v);
    assert_true(fabs(v[0] - 0.375) < 1e-15 && fabs(v[1] - 0.1 * M_PI) < 1e-15);
    rnn_toy_velocity(RNN_TOY_SLOW_POINT, r, (double[]){sqrt(r) * tan(sqrt(r)), 0}, v);
    assert_true(fabs(v[0] - r / (cos(sqrt(r)) * cos(sqrt(r)))) < 1e-15 && v[1] == 0);
}

/* The gradient is the slope of the loss wherever there is no kink, also for rotation the other way and many turns. */
static void toy_gradients(void **state)
{
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        const struct rnn_toy t = {kind, 60, 23};
        for (double r = -0.071; r < 0.071; r += 0.00137) {
            const double h = 1e-9, slope = (rnn_toy_loss(&t, r + h) - rnn_toy_loss(&t, r - h)) / (2 * h);
            assert_true(fabs(slope - rnn_toy_gradient(&t, r)) <= 1e-3 * (1 + fabs(slope)));
        }
    }
}

/* Mastrogiuseppe & Ostojic 2018: digits of an independent solution of their equations. */
static void mean_field_values(void **state)
{
    (void)state;
    const double zero = 0, one = 1;
    const double gauss[][3] = {{1.05, 0.2289694314, 0.90886872}, {1.1, 0.3308710424, 0.83207151}, {1.2, 0.4862823197, 0.70858684},
                               {1.5, 0.8434173990, 0.47448475},  {2, 1.3371088959, 0.28294453},   {3, 2.2223140699, 0.13373468},
                               {5, 3.8865416565, 0.05021633}};
    double kappa, Delta, slope;
    for (size_t i = 0; i < RNN_LEN(gauss); i++) {
        const struct rnn_meanfield f = {.rank = 1, .act = RNN_TANH, .M_m = &zero, .M_n = &zero, .S_mm = &one, .S_nm = &gauss[i][0]};
        const double start = 4;
        assert_int_equal(rnn_meanfield_solve(&f, &start, &kappa, &Delta, &slope, &err), RNN_OK);
        assert_true(fabs(kappa - gauss[i][1]) < 1e-9 && fabs(slope - gauss[i][2]) < 2e-8);
    }
    const double mean[][6] = {{1, 1.5, 1, 0, 0.72603770, 0.52713075},     {1, 2, 1, 0, 1.14845439, 1.31894749},
                              {1, 2, 1, 0.5, 1.10089862, 1.35963481},     {1, 2, 1, 0.8, 1.02495648, 1.41998195},
                              {1.1, 2, 1, 0.8, 1.15440763, 1.74002280},   {2, 2, 1, 0.8, 1.81193184, 3.86546510}};
    for (size_t i = 0; i < RNN_LEN(mean); i++) {
        const double var = mean[i][2] * mean[i][2], start = 3;
        const struct rnn_meanfield f = {.rank = 1, .act = RNN_TANH, .g = mean[i][3], .M_m = &mean[i][0], .M_n = &mean[i][1], .S_mm = &var, .S_nm = &zero};
        assert_int_equal(rnn_meanfield_solve(&f, &start, &kappa, &Delta, &slope, &err), RNN_OK);
        assert_true(fabs(kappa - mean[i][4]) < 1e-7 && fabs(Delta - mean[i][5]) < 1e-7);
    }
    /* below the onset (overlap 1) only the quiescent state exists; above it a pair appears */
    double ks[8], Ds[8], sl[8], overlap = 0.95;
    size_t n;
    struct rnn_meanfield f = {.rank = 1, .act = RNN_TANH, .M_m = &zero, .M_n = &zero, .S_mm = &one, .S_nm = &overlap};
    assert_int_equal(rnn_meanfield_all(&f, 3, 9, 8, ks, Ds, sl, &n, &err), RNN_OK);
    assert_int_equal(n, 1);
    overlap = 1.5;
    assert_int_equal(rnn_meanfield_all(&f, 3, 9, 8, ks, Ds, sl, &n, &err), RNN_OK);
    assert_int_equal(n, 3);
    assert_true(fabs(sl[0] - 1.5) < 1e-8 && fabs(ks[1] + ks[2]) < 1e-8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cycle_rule_counts), cmocka_unit_test(cycle_rule_is_a_spectrum), cmocka_unit_test(hand_built_networks),
        cmocka_unit_test(built_spectrum),    cmocka_unit_test(gsemm_is_elman),           cmocka_unit_test(toy_values), cmocka_unit_test(toy_flows),
        cmocka_unit_test(toy_gradients),     cmocka_unit_test(mean_field_values),
    };
    return cmocka_run_group_tests_name("theory", tests, NULL, NULL);
}
