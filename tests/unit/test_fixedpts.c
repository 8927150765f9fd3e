/* The finder against networks whose points are known: closed forms, published digits, counting theorems (references 6.1-6.3, 6.6, 6.9). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "analysis/fixedpts.h"
#include "base/mem.h"
#include "model/engine.h"
#include "num/linalg.h"
#include "num/rng.h"

static struct rnn_err err;

#define ok_close(a, b, tol)                                                                                                        \
    do {                                                                                                                           \
        const double got_ = (a), want_ = (b);                                                                                      \
        if (!(fabs(got_ - want_) <= (tol))) fail_msg("%s is %.17g, not %.17g (+- %g)", #a, got_, want_, (double)(tol));            \
    } while (0)

static struct rnn_net *net_of(enum rnn_cell cell, enum rnn_act act, size_t N, const double *W, const double *b, double alpha)
{
    struct rnn_net *net;
    struct rnn_spec s;
    rnn_spec_default(&s);
    s.cell = cell, s.act = act, s.N = N, s.n_in = s.n_out = 1, s.alpha = alpha, s.dt_ms = alpha, s.tau_ms = 1, s.bias_in = false;
    assert_int_equal(rnn_net_new(&net, &s, &err), RNN_OK);
    memcpy(rnn_net_param(net, "W_rec"), W, N * N * (cell == RNN_GRU ? 3 : 1) * sizeof *W);
    if (b) memcpy(rnn_net_param(net, "b_rec"), b, N * (cell == RNN_GRU ? 3 : 1) * sizeof *b);
    return net;
}

/* levels^N starts on a grid of [-reach, reach]^N */
static double *grid(size_t N, size_t levels, double reach, size_t *count)
{
    *count = 1;
    for (size_t i = 0; i < N; i++) *count *= levels;
    double *x = rnn_alloc(*count * N, sizeof *x);
    for (size_t k = 0; k < *count; k++)
        for (size_t i = 0, rest = k; i < N; i++, rest /= levels) x[k * N + i] = reach * (2 * (double)(rest % levels) / (double)(levels - 1) - 1);
    return x;
}

static void search(const struct rnn_map *map, size_t period, size_t levels, double reach, struct rnn_fp_set *set)
{
    struct rnn_fp_options o;
    struct rnn_fp_problem p;
    size_t n;
    double *x = grid(map->N, levels, reach, &n);
    rnn_fp_options_default(&o);
    assert_int_equal(rnn_fp_problem_make(map, period, &o, &p, &err), RNN_OK);
    rnn_fp_set_init(set, map->N);
    for (size_t k = 0; k < n; k += 64)
        assert_int_equal(rnn_fp_from_starts(&p, n - k < 64 ? n - k : 64, x + k * map->N, k, k ? set : NULL, set, &err), RNN_OK);
    assert_int_equal(set->starts, n);
    rnn_fp_set_sort(set);
    free(x);
}

static size_t count_status(const struct rnn_fp_set *s, enum rnn_fp_status status)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) n += s->p[i].status == status;
    return n;
}

/* The fixed points of W (elman tanh) by index of instability; also that each is exact and proven. */
static size_t census(const double *W, size_t N, const double *b, size_t levels, double reach, size_t *by_index)
{
    struct rnn_net *net = net_of(RNN_ELMAN, RNN_TANH, N, W, b, 1);
    struct rnn_map map;
    struct rnn_fp_set set;
    assert_int_equal(rnn_map_of_net(net, NULL, &map, &err), RNN_OK);
    search(&map, 1, levels, reach, &set);
    for (size_t i = 0; i <= N; i++) by_index[i] = 0;
    for (size_t i = 0; i < set.n; i++) {
        struct rnn_fp_stability st;
        if (set.p[i].status != RNN_FP_FIXED) continue;
        assert_int_equal(rnn_fp_stability(&map, 1, set.p[i].x, 1e-3, false, &st, &err), RNN_OK);
        by_index[st.n_unstable]++;
        assert_true(set.p[i].q <= 1e-24);
        assert_true(set.p[i].radius < 1e-12 && set.p[i].unique > set.p[i].radius);
        rnn_fp_stability_release(&st);
    }
    const size_t n = count_status(&set, RNN_FP_FIXED);
    rnn_fp_set_release(&set);
    rnn_map_release(&map);
    rnn_net_free(net);
    return n;
}

/* 6.1: W_i = -roll(linspace(-1, 1, n), -i), symmetric. */
static void rolled(size_t n, double *W)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) W[i * n + j] = -(-1 + 2 * (double)((j + i) % n) / (double)(n - 1));
}

static const struct rnn_fp_point *nearest(const struct rnn_fp_set *s, const double *x, double tol)
{
    for (size_t i = 0; i < s->n; i++) {
        double worst = 0;
        for (size_t j = 0; j < s->N; j++) worst = fmax(worst, fabs(s->p[i].x[j] - x[j]));
        if (worst <= tol) return &s->p[i];
    }
    return NULL;
}

static void multipliers(const struct rnn_map *map, size_t period, const double *x, double _Complex *lambda)
{
    struct rnn_fp_stability st;
    assert_int_equal(rnn_fp_stability(map, period, x, 1e-3, true, &st, &err), RNN_OK);
    memcpy(lambda, st.lambda, map->N * sizeof *lambda);
    rnn_fp_stability_release(&st);
}

static void test_rolled_two(void **state)
{
    (void)state;
    double W[4];
    double _Complex l[2];
    struct rnn_map map;
    struct rnn_fp_set set;
    rolled(2, W);
    struct rnn_net *net = net_of(RNN_ELMAN, RNN_TANH, 2, W, NULL, 1);
    assert_int_equal(rnn_map_of_net(net, NULL, &map, &err), RNN_OK);
    search(&map, 1, 3, 1, &set);
    assert_int_equal(set.n, 3);
    const double a = 0.957504024077;
    const struct rnn_fp_point *zero = nearest(&set, (double[]){0, 0}, 1e-12), *plus = nearest(&set, (double[]){a, -a}, 1e-12);
    assert_non_null(zero);
    assert_non_null(plus);
    assert_non_null(nearest(&set, (double[]){-a, a}, 1e-12));
    multipliers(&map, 1, zero->x, l);
    ok_close(creal(l[0]), 2, 1e-12);
    ok_close(cabs(l[1]), 0, 1e-12);
    multipliers(&map, 1, plus->x, l);
    ok_close(creal(l[0]), 0.16637209, 1e-8);
    rnn_fp_set_release(&set);
    rnn_map_release(&map);
    rnn_net_free(net);
}

static void test_rolled_three(void **state)
{
    (void)state;
    double W[9];
    double _Complex l[3];
    struct rnn_map map;
    struct rnn_fp_set set;
    rolled(3, W);
    struct rnn_net *net = net_of(RNN_ELMAN, RNN_TANH, 3, W, NULL, 1);
    assert_int_equal(rnn_map_of_net(net, NULL, &map, &err), RNN_OK);
    search(&map, 1, 3, 1, &set);
    assert_int_equal(set.n, 3);
    const struct rnn_fp_point *p = nearest(&set, (double[]){0.949795711387, -0.425502295113, -0.879894003155}, 1e-12);
    assert_non_null(p);
    multipliers(&map, 1, p->x, l);
    ok_close(creal(l[0]), -1.00640617, 1e-8);
    ok_close(creal(l[1]), 0.28534648, 1e-8);
    struct rnn_fp_stability st;
    assert_int_equal(rnn_fp_stability(&map, 1, p->x, 1e-2, false, &st, &err), RNN_OK);
    assert_false(st.stable); /* by 6e-3 */
    assert_true(st.near_neutral);
    assert_true(st.stable_flow); /* -1.006 leaves the circle, not the left half plane */
    rnn_fp_stability_release(&st);
    rnn_fp_set_release(&set);
    search(&map, 2, 7, 1, &set);
    assert_int_equal(count_status(&set, RNN_FP_FIXED), 25);
    size_t stable = 0;
    for (size_t i = 0; i < set.n; i++) {
        multipliers(&map, 2, set.p[i].x, l);
        if (cabs(l[0]) >= 1) continue;
        stable++;
        ok_close(creal(l[0]), 0.98714974, 1e-8);
        ok_close(creal(l[1]), 0.08297166, 1e-8);
    }
    assert_int_equal(stable, 12);
    rnn_fp_set_release(&set);
    rnn_map_release(&map);
    rnn_net_free(net);
}

/* 6.2: x' = tanh(g x) */
static void test_scalar(void **state)
{
    (void)state;
    static const double g[] = {1.05, 1.1, 1.25, 1.5, 2, 3},
                        a[] = {0.370705732570, 0.502940574945, 0.710411783488, 0.858559636640, 0.957504024077, 0.994901528453};
    for (size_t i = 0; i < RNN_LEN(g); i++) {
        struct rnn_net *net = net_of(RNN_ELMAN, RNN_TANH, 1, &g[i], NULL, 1);
        struct rnn_map map;
        struct rnn_fp_set set;
        double _Complex l;
        assert_int_equal(rnn_map_of_net(net, NULL, &map, &err), RNN_OK);
        search(&map, 1, 5, 1, &set);
        assert_int_equal(set.n, 3);
        ok_close(set.p[2].x[0], a[i], 1e-12);
        ok_close(set.p[0].x[0], -a[i], 1e-12);
        multipliers(&map, 1, set.p[2].x, &l);
        ok_close(creal(l), g[i] * (1 - a[i] * a[i]), 1e-11);
        rnn_fp_set_release(&set);
        rnn_map_release(&map);
        rnn_net_free(net);
    }
}

static void test_bits(void **state)
{
    (void)state;
    static const size_t want[3][5] = {{4, 4, 1}, {8, 12, 6, 1}, {16, 32, 24, 8, 1}};
    for (size_t n = 2; n <= 4; n++)
        for (int coupled = 0; coupled <= (n == 3); coupled++) {
            double W[16] = {0};
            size_t by_index[5], total = 1;
            for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j < n; j++) W[i * n + j] = i == j ? 2 : coupled * 0.1;
            for (size_t i = 0; i < n; i++) total *= 3;
            assert_int_equal(census(W, n, NULL, 5, 1, by_index), total);
            for (size_t k = 0; k <= n; k++) assert_int_equal(by_index[k], want[n - 2][k]);
        }
}

/* The leak moves no point, and turns a multiplier mu into 1 - a + a mu. */
static void test_leaky(void **state)
{
    (void)state;
    static const double W[4] = {2, 0, 0, 2}, alpha = 0.2, mu = 0.16637209;
    for (int form = 0; form < 2; form++) {
        struct rnn_net *net = net_of(form ? RNN_LEAKY_CURRENT : RNN_LEAKY, RNN_TANH, 2, W, NULL, alpha);
        struct rnn_map map;
        struct rnn_fp_set set;
        struct rnn_fp_stability st;
        assert_int_equal(rnn_map_of_net(net, NULL, &map, &err), RNN_OK);
        search(&map, 1, 5, 2, &set);
        assert_int_equal(count_status(&set, RNN_FP_FIXED), 9);
        const double a = form ? 2 * 0.957504024077 : 0.957504024077; /* the current is W r */
        const struct rnn_fp_point *p = nearest(&set, (double[]){a, a}, 3e-12), *saddle = nearest(&set, (double[]){a, 0}, 3e-12);
        assert_true(p && saddle);
        assert_int_equal(rnn_fp_stability(&map, 1, p->x, 1e-3, false, &st, &err), RNN_OK);
        ok_close(creal(st.lambda[0]), 1 - alpha + alpha * mu, 1e-8);
        assert_true(st.stable && st.stable_flow);
        rnn_fp_stability_release(&st);
        assert_int_equal(rnn_fp_stability(&map, 1, saddle->x, 1e-3, false, &st, &err), RNN_OK);
        ok_close(creal(st.lambda[0]), 1 + alpha, 1e-12);
        assert_true(st.n_unstable == 1 && st.n_unstable_flow == 1);
        rnn_fp_stability_release(&st);
        rnn_fp_set_release(&set);
        rnn_map_release(&map);
        rnn_net_free(net);
    }
}

static void test_hopfield(void **state)
{
    (void)state;
    static const double gains[] = {1.5, 2, 3}, xi[2][8] = {{1, 1, 1, 1, -1, -1, -1, -1}, {1, -1, 1, -1, 1, -1, 1, -1}};
    for (size_t c = 0; c < 3; c++) {
        double W[64];
        for (size_t i = 0; i < 64; i++) W[i] = gains[c] / 8 * (xi[0][i / 8] * xi[0][i % 8] + xi[1][i / 8] * xi[1][i % 8]);
        size_t by_index[9];
        assert_int_equal(census(W, 8, NULL, 3, 1, by_index), 9);
        assert_true(by_index[0] == 4 && by_index[1] == 4 && by_index[2] == 1);
    }
}

/* Saddle-node: on one side two close points, on the other a ghost that is slow and never fixed. */
static void test_saddle_node(void **state)
{
    (void)state;
    const double W = 2, b_c = 0.532839975353552;
    struct rnn_map map;
    struct rnn_fp_set set;
    double b = b_c - 1e-2;
    double _Complex l;
    struct rnn_net *net = net_of(RNN_ELMAN, RNN_TANH, 1, &W, &b, 1);
    assert_int_equal(rnn_map_of_net(net, NULL, &map, &err), RNN_OK);
    search(&map, 1, 21, 1, &set);
    static const double x[] = {-0.7624988920, -0.6433792120, 0.9865034009}, mu[] = {0.83719088, 1.17212638, 0.05362208};
    assert_int_equal(set.n, 3);
    for (size_t i = 0; i < 3; i++) {
        ok_close(set.p[i].x[0], x[i], 1e-10);
        multipliers(&map, 1, set.p[i].x, &l);
        ok_close(creal(l), mu[i], 1e-8);
    }
    rnn_fp_set_release(&set);
    rnn_map_release(&map);
    rnn_net_free(net);
    for (int k = 2; k <= 9; k++) {
        const double d = pow(10, -k);
        b = b_c + d;
        net = net_of(RNN_ELMAN, RNN_TANH, 1, &W, &b, 1);
        assert_int_equal(rnn_map_of_net(net, NULL, &map, &err), RNN_OK);
        search(&map, 1, 21, 1, &set);
        assert_int_equal(set.n, 2); /* the far point, and the ghost: one, not several */
        assert_true(set.p[0].status == RNN_FP_FIXED && set.p[0].x[0] > 0.9);
        assert_true(set.p[1].status == RNN_FP_SLOW);
        /* q = d^2 / 8 for small d: f = (1 - x^2) d = d / 2 */
        ok_close(set.p[1].q / (d * d / 8), 1, 3 * d + 1e-5);
        ok_close(set.p[1].x[0], -0.7071067811865476, 3 * d + 2e-7);
        multipliers(&map, 1, set.p[1].x, &l);
        ok_close(creal(l), 1, 1e-5 + (k == 2 ? 1e-2 : 0));
        rnn_fp_set_release(&set);
        rnn_map_release(&map);
        rnn_net_free(net);
    }
}

/* Passage past the ghost takes pi / sqrt(d f'' ...) steps: 37, 118, 373, 1181 from -1 to 0.9. */
static void test_passage(void **state)
{
    (void)state;
    static const int steps[] = {37, 118, 373, 1181};
    for (int k = 0; k < 4; k++) {
        const double W = 2, b = 0.532839975353552 + pow(10, -2 - k);
        struct rnn_net *net = net_of(RNN_ELMAN, RNN_TANH, 1, &W, &b, 1);
        struct rnn_map map;
        double x = -1, next, work[8];
        int n = 0;
        assert_int_equal(rnn_map_of_net(net, NULL, &map, &err), RNN_OK);
        assert_true(rnn_map_work(&map, 1) <= RNN_LEN(work));
        for (; x < 0.9; n++) rnn_map_iterate(&map, 1, 1, &x, &next, work);
        assert_int_equal(n, steps[k]);
        rnn_map_release(&map);
        rnn_net_free(net);
    }
}

/* W = artanh(V) V^-1 (Katz & Reggia 2017): the columns of V are fixed. */
static void test_constructed(void **state)
{
    (void)state;
    static const double V[9] = {.5, -.3, .8, .2, .7, -.4, -.6, .1, .3};
    double inverse[9], T[9], W[9];
    size_t by_index[4];
    for (int i = 0; i < 9; i++) T[i] = atanh(V[i]);
    assert_int_equal(rnn_inverse(3, V, inverse, NULL, &err), RNN_OK);
    rnn_gemm(0, 0, 3, 3, 3, 1, T, inverse, 0, W);
    ok_close(W[0], 1.3357031072, 1e-10);
    assert_int_equal(census(W, 3, NULL, 11, 1, by_index), 15);
    assert_true(by_index[0] == 2 && by_index[1] == 6 && by_index[2] == 6 && by_index[3] == 1);
}

/* 6.3: the network of Katz & Reggia's README */
static void test_readme(void **state)
{
    (void)state;
    static const double W[4] = {1.24980837, -0.01702046, 0.16869383, 1.23345761};
    struct rnn_net *net = net_of(RNN_ELMAN, RNN_TANH, 2, W, NULL, 1);
    struct rnn_map map;
    struct rnn_fp_set set;
    double _Complex l[2];
    assert_int_equal(rnn_map_of_net(net, NULL, &map, &err), RNN_OK);
    search(&map, 1, 9, 1, &set);
    assert_int_equal(count_status(&set, RNN_FP_FIXED), 5); /* and two minima of q beside */
    const struct rnn_fp_point *saddle = nearest(&set, (double[]){0.0482341560, 0.7057293080}, 1e-10),
                              *stable = nearest(&set, (double[]){-0.6911242592, -0.8030335696}, 1e-10), *zero = nearest(&set, (double[]){0, 0}, 1e-14);
    assert_true(saddle && stable && zero);
    multipliers(&map, 1, saddle->x, l);
    ok_close(creal(l[0]), 1.244602, 1e-6);
    ok_close(creal(l[1]), 0.621428, 1e-6);
    multipliers(&map, 1, stable->x, l);
    ok_close(creal(l[0]), 0.650325, 1e-6);
    ok_close(creal(l[1]), 0.440556, 1e-6);
    multipliers(&map, 1, zero->x, l);
    ok_close(creal(l[0]), 1.241633, 1e-6);
    ok_close(fabs(cimag(l[0])), 0.052957, 1e-6);
    rnn_fp_set_release(&set);
    rnn_map_release(&map);
    rnn_net_free(net);
}

/* 6.9 (fixed points): Wilson-Cowan as a leaky sigmoid network with time constants per unit, each rate shifted by c. */
struct rnn_net *wilson_cowan(const double w[4], double I_E, double dt, double c[2]);
struct rnn_net *wilson_cowan(const double w[4], double I_E, double dt, double c[2])
{
    static const double a[2] = {1.2, 1.0}, theta[2] = {2.8, 4.0}, tau[2] = {1, 2};
    double W[4] = {w[0], -w[1], w[2], -w[3]}, b[2];
    struct rnn_net *net;
    struct rnn_spec s;
    for (int i = 0; i < 2; i++) c[i] = 1 / (1 + exp(a[i] * theta[i]));
    for (int i = 0; i < 2; i++) {
        b[i] = a[i] * ((i == 0 ? I_E : 0) - theta[i]);
        for (int j = 0; j < 2; j++) W[i * 2 + j] *= a[i], b[i] -= W[i * 2 + j] * c[j];
    }
    rnn_spec_default(&s);
    s.cell = RNN_LEAKY, s.act = RNN_SIGMOID, s.N = 2, s.n_in = s.n_out = 1, s.alpha = dt, s.alpha_per_unit = true, s.dt_ms = dt, s.tau_ms = 1, s.bias_in = false;
    assert_int_equal(rnn_net_new(&net, &s, &err), RNN_OK);
    memcpy(rnn_net_param(net, "W_rec"), W, sizeof W);
    memcpy(rnn_net_param(net, "b_rec"), b, sizeof b);
    for (int i = 0; i < 2; i++) rnn_net_param(net, "alpha")[i] = dt / tau[i];
    return net;
}

static void flow_eigenvalue(const struct rnn_map *map, const double *x, double re, double im, double tol)
{
    double _Complex l[2];
    multipliers(map, 1, x, l);
    for (int i = 0; i < 2; i++) {
        const double _Complex rate = (l[i] - 1) / map->dt_ms;
        if (fabs(creal(rate) - re) <= tol && fabs(fabs(cimag(rate)) - im) <= tol) return;
    }
    fail_msg("no eigenvalue %g +- %gi among %g%+gi, %g%+gi", re, im, (creal(l[0]) - 1) / map->dt_ms, cimag(l[0]) / map->dt_ms,
             (creal(l[1]) - 1) / map->dt_ms, cimag(l[1]) / map->dt_ms);
}

static void test_wilson_cowan(void **state)
{
    (void)state;
    double c[2];
    struct rnn_map map;
    struct rnn_fp_set set;
    struct rnn_net *net = wilson_cowan((double[]){9, 4, 13, 11}, 0, 0.01, c);
    assert_int_equal(rnn_map_of_net(net, NULL, &map, &err), RNN_OK);
    search(&map, 1, 15, 1, &set);
    assert_int_equal(count_status(&set, RNN_FP_FIXED), 3);
    const struct rnn_fp_point *zero = nearest(&set, (double[]){c[0], c[1]}, 1e-10),
                              *saddle = nearest(&set, (double[]){0.3368524079 + c[0], 0.1684196759 + c[1]}, 1e-9),
                              *high = nearest(&set, (double[]){0.9384304717 + c[0], 0.6724810433 + c[1]}, 1e-9);
    assert_true(zero && saddle && high);
    flow_eigenvalue(&map, zero->x, -0.6234, 0.1311, 1e-4);
    flow_eigenvalue(&map, saddle->x, 1.05720797, 0, 1e-7);
    flow_eigenvalue(&map, saddle->x, -0.87266898, 0, 1e-7);
    flow_eigenvalue(&map, high->x, -0.95956219, 0, 1e-7);
    flow_eigenvalue(&map, high->x, -1.42197414, 0, 1e-7);
    rnn_fp_set_release(&set);
    rnn_map_release(&map);
    rnn_net_free(net);
    net = wilson_cowan((double[]){6.4, 4.8, 6, 1.2}, 0.8, 0.01, c);
    assert_int_equal(rnn_map_of_net(net, NULL, &map, &err), RNN_OK);
    search(&map, 1, 15, 1, &set);
    assert_int_equal(count_status(&set, RNN_FP_FIXED), 1);
    const struct rnn_fp_point *focus = nearest(&set, (double[]){0.5704188053 + c[0], 0.2706087655 + c[1]}, 1e-9);
    assert_non_null(focus);
    flow_eigenvalue(&map, focus->x, 0.10688375, 0.56175339, 1e-7);
    rnn_fp_set_release(&set);
    rnn_map_release(&map);
    rnn_net_free(net);
}

/* Every form of the map equals the engine's own step and Jacobian; second derivatives equal differences of first ones. */
static void random_net(struct rnn_net **net, enum rnn_cell cell, size_t N, size_t rank, uint64_t seed)
{
    struct rnn_spec s;
    const struct rnn_init_plan plan = {.W_rec = {RNN_INIT_GAUSS, 1.2}, .W_in = {RNN_INIT_GAUSS, 1}, .W_out = {RNN_INIT_GAUSS, 1},
                                       .bias = {RNN_INIT_UNIFORM, 1}, .factor = {RNN_INIT_GAUSS, 1.5}, .b_out_sd = -1};
    rnn_spec_default(&s);
    s.cell = cell, s.N = N, s.n_in = 2, s.n_out = 1, s.rank = rank;
    if (cell == RNN_LEAKY || cell == RNN_LEAKY_CURRENT) s.alpha = 0.3, s.dt_ms = 0.3, s.tau_ms = 1;
    assert_int_equal(rnn_net_new(net, &s, &err), RNN_OK);
    (*net)->precision_bits = 64;
    assert_int_equal(rnn_net_init(*net, &plan, seed, &err), RNN_OK);
}

static void test_map_is_the_network(void **state)
{
    (void)state;
    enum { N = 7 };
    for (enum rnn_cell cell = 0; cell < RNN_N_CELLS; cell++)
        for (size_t rank = 0; rank <= 2; rank += 2) {
            struct rnn_net *net;
            struct rnn_map map;
            const double u[2] = {0.7, -0.4};
            double x[3 * N], y[3 * N], want[N], J[N * N], J2[N * N], *work, scratch[N * N * 2], f[N], H[N * N] = {0}, g1[N], g2[N];
            random_net(&net, cell, N, rank, 5);
            assert_int_equal(rnn_map_of_net(net, u, &map, &err), RNN_OK);
            work = rnn_alloc(rnn_map_work(&map, 3), sizeof *work);
            for (int i = 0; i < 3 * N; i++) x[i] = sin(1 + 1.7 * i);
            for (int i = 0; i < N; i++) f[i] = cos(0.3 + i);
            rnn_map_step(&map, 3, x, y, work);
            for (int k = 0; k < 3; k++) {
                assert_int_equal(rnn_net_step(net, x + k * N, u, want, &err), RNN_OK);
                for (int i = 0; i < N; i++) ok_close(y[k * N + i], want[i], 1e-14);
            }
            assert_int_equal(rnn_net_jacobian(net, x, u, J, NULL, &err), RNN_OK);
            rnn_map_jacobian(&map, x, J2, work);
            for (int i = 0; i < N * N; i++) ok_close(J2[i], J[i], 1e-14);
            rnn_map_curvature(&map, x, f, H, work, scratch);
            for (int j = 0; j < N; j++) {
                const double h = 1e-5, keep = x[j];
                x[j] = keep + h;
                rnn_map_jacobian(&map, x, J, work);
                rnn_gemv(1, N, N, 1, J, f, 0, g1);
                x[j] = keep - h;
                rnn_map_jacobian(&map, x, J, work);
                rnn_gemv(1, N, N, 1, J, f, 0, g2);
                x[j] = keep;
                for (int i = 0; i < N; i++) ok_close(H[i * N + j], (g1[i] - g2[i]) / (2 * h), 1e-8);
            }
            free(work);
            rnn_map_release(&map);
            rnn_net_free(net);
        }
}

/* The bound K on the change of the Jacobian holds wherever one looks, and is not absurdly large. */
static void test_bound(void **state)
{
    (void)state;
    enum { N = 7 };
    for (enum rnn_cell cell = 0; cell < RNN_N_CELLS; cell++) {
        struct rnn_net *net;
        struct rnn_map map;
        struct rnn_rng g;
        double K, L, x[2 * N], J[2 * N * N], *work, largest = 0, steepest = 0;
        random_net(&net, cell, N, 0, 11);
        assert_int_equal(rnn_map_of_net(net, NULL, &map, &err), RNN_OK);
        assert_int_equal(rnn_map_bounds(&map, &K, &L, &err), RNN_OK);
        work = rnn_alloc(rnn_map_work(&map, 1), sizeof *work);
        assert_int_equal(rnn_rng_at(&g, 3, RNN_RNG_TEST, 0, 0, 0, &err), RNN_OK);
        for (int trial = 0; trial < 3000; trial++) {
            double gap = 0;
            for (int i = 0; i < N; i++) {
                const double wide = trial % 2 ? 1e-3 : 0.5;
                x[i] = 2 * rnn_rng_uniform(&g) - 1;
                x[N + i] = fmax(-1, fmin(1, x[i] + wide * (rnn_rng_uniform(&g) - 0.5)));
                gap += (x[i] - x[N + i]) * (x[i] - x[N + i]);
            }
            rnn_map_jacobian(&map, x, J, work);
            rnn_map_jacobian(&map, x + N, J + N * N, work);
            steepest = fmax(steepest, rnn_spectral_norm(N, N, J, &err));
            for (int i = 0; i < N * N; i++) J[i] -= J[N * N + i];
            largest = fmax(largest, rnn_spectral_norm(N, N, J, &err) / sqrt(gap));
        }
        assert_true(largest <= K && steepest <= L);
        assert_true(largest > (cell == RNN_GRU ? 0.01 : 0.1) * K);
        free(work);
        rnn_map_release(&map);
        rnn_net_free(net);
    }
}

/* Rank 2: kappa runs as the network does, and lifts to its fixed points. */
static void test_reduced(void **state)
{
    (void)state;
    enum { N = 30, R = 2 };
    for (enum rnn_cell cell = RNN_ELMAN; cell <= RNN_LEAKY_CURRENT; cell++) {
        struct rnn_net *net;
        struct rnn_map map, full;
        struct rnn_fp_set set;
        random_net(&net, cell, N, R, 2);
        for (size_t i = 0; i < (size_t)(N * R); i++) rnn_net_param(net, "n")[i] += rnn_net_param(net, "m")[(i % N) * R + i / N] * 0.3; /* an overlap, so that there is more than zero */
        assert_int_equal(rnn_map_of_net(net, NULL, &full, &err), RNN_OK);
        assert_int_equal(rnn_map_reduced(net, NULL, &map, &err), RNN_OK);
        search(&map, 1, 9, 3, &set);
        assert_true(count_status(&set, RNN_FP_FIXED) >= 1);
        double x[N], y[N], *work = rnn_alloc(rnn_map_work(&full, 1), sizeof *work);
        double _Complex small[R], large[N];
        for (size_t i = 0; i < set.n; i++) {
            if (set.p[i].status != RNN_FP_FIXED) continue;
            rnn_map_lift(&map, net, set.p[i].x, x);
            rnn_map_step(&full, 1, x, y, work);
            for (int j = 0; j < N; j++) ok_close(y[j], x[j], 1e-12);
            multipliers(&map, 1, set.p[i].x, small);
            multipliers(&full, 1, x, large); /* the rest are 1 - a */
            size_t found = 0;
            for (int k = 0; k < R; k++)
                for (int j = 0; j < N; j++)
                    if (cabs(small[k] - large[j]) < 1e-9) { found++; break; }
            assert_int_equal(found, R);
        }
        free(work);
        rnn_fp_set_release(&set);
        rnn_map_release(&map);
        rnn_map_release(&full);
        rnn_net_free(net);
    }
    struct rnn_net *net;
    struct rnn_map map;
    random_net(&net, RNN_ELMAN, 5, 0, 1);
    assert_int_equal(rnn_map_reduced(net, NULL, &map, &err), RNN_ERR_ARG);
    rnn_net_free(net);
}

static void test_refusals(void **state)
{
    (void)state;
    const double W = 2;
    struct rnn_net *net = net_of(RNN_ELMAN, RNN_TANH, 1, &W, NULL, 1);
    struct rnn_map map;
    const double u = NAN;
    assert_int_equal(rnn_map_of_net(net, &u, &map, &err), RNN_ERR_NUMERIC);
    rnn_net_param(net, "W_rec")[0] = INFINITY;
    assert_int_equal(rnn_map_of_net(net, NULL, &map, &err), RNN_ERR_NUMERIC);
    rnn_net_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_map_is_the_network), cmocka_unit_test(test_bound), cmocka_unit_test(test_rolled_two),
        cmocka_unit_test(test_rolled_three), cmocka_unit_test(test_scalar), cmocka_unit_test(test_bits), cmocka_unit_test(test_leaky),
        cmocka_unit_test(test_hopfield), cmocka_unit_test(test_saddle_node), cmocka_unit_test(test_passage),
        cmocka_unit_test(test_constructed), cmocka_unit_test(test_readme), cmocka_unit_test(test_wilson_cowan),
        cmocka_unit_test(test_reduced), cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
