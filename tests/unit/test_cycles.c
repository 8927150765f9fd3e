/* Cycles of maps and flows, piecewise-linear enumeration, exponents (references 6.1, 6.2, 6.4, 6.9). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "analysis/limit_cycle.h"
#include "analysis/lyapunov.h"
#include "analysis/match.h"
#include "analysis/pwl.h"
#include "base/mem.h"
#include "num/linalg.h"
#include "num/rng.h"

static struct rnn_err err;

#define ok_close(a, b, tol)                                                                                                        \
    do {                                                                                                                           \
        const double got_ = (a), want_ = (b);                                                                                      \
        if (!(fabs(got_ - want_) <= (tol))) fail_msg("%s is %.17g, not %.17g (+- %g)", #a, got_, want_, (double)(tol));            \
    } while (0)

static void map_of(enum rnn_cell cell, enum rnn_act act, size_t N, const double *W, const double *b, const double *alpha, double dt,
                   struct rnn_map *map)
{
    struct rnn_net *net;
    struct rnn_spec s;
    rnn_spec_default(&s);
    s.cell = cell, s.act = act, s.N = N, s.n_in = s.n_out = 1, s.bias_in = false, s.alpha_per_unit = alpha != NULL;
    s.dt_ms = dt;
    assert_int_equal(rnn_net_new(&net, &s, &err), RNN_OK);
    memcpy(rnn_net_param(net, "W_rec"), W, N * N * sizeof *W);
    if (b) memcpy(rnn_net_param(net, "b_rec"), b, N * sizeof *b);
    if (alpha) memcpy(rnn_net_param(net, "alpha"), alpha, N * sizeof *alpha);
    assert_int_equal(rnn_map_of_net(net, NULL, map, &err), RNN_OK);
    rnn_net_free(net);
}

static double *grid2(size_t levels, double reach)
{
    double *x = rnn_alloc(levels * levels * 2, sizeof *x);
    for (size_t k = 0; k < levels * levels; k++)
        for (size_t i = 0; i < 2; i++) x[2 * k + i] = reach * (2 * (double)((i ? k / levels : k % levels)) / (double)(levels - 1) - 1);
    return x;
}

/* ---- smooth maps ---- */

static void test_rotation(void **state)
{
    (void)state;
    static const double W[4] = {0, -2, 2, 0}, a = 0.957504024077, mu = 0.16637209;
    struct rnn_map map;
    struct rnn_cycle_set set;
    struct rnn_fp_options o;
    double *starts = grid2(21, 1);
    rnn_fp_options_default(&o);
    map_of(RNN_ELMAN, RNN_TANH, 2, W, NULL, NULL, 1, &map);
    rnn_cycle_set_init(&set, 2);
    assert_int_equal(rnn_cycles_from_starts(&map, 2, &o, 441, starts, &set, &err), RNN_OK);
    assert_int_equal(set.n, 1); /* zero is no 2-cycle */
    assert_int_equal(set.c[0].period, 1);
    ok_close(fabs(cimag(set.c[0].lambda[0])), 2, 1e-12);
    assert_int_equal(rnn_cycles_from_starts(&map, 4, &o, 441, starts, &set, &err), RNN_OK);
    rnn_cycle_set_sort(&set);
    assert_int_equal(set.n, 3);
    const struct rnn_cycle *stable = &set.c[1], *saddle = &set.c[2];
    assert_int_equal(stable->period, 4);
    assert_true(stable->stable && !saddle->stable);
    ok_close(fabs(stable->x[0]), a, 1e-11);
    ok_close(fabs(stable->x[1]), a, 1e-11);
    for (int i = 0; i < 2; i++) ok_close(creal(stable->lambda[i]), pow(mu, 4), 1e-9);
    ok_close(fabs(saddle->x[0]) + fabs(saddle->x[1]), a, 1e-11);
    ok_close(creal(saddle->lambda[0]), 16, 1e-9);
    ok_close(creal(saddle->lambda[1]), pow(mu, 4), 1e-9);
    rnn_cycle_set_release(&set);
    rnn_map_release(&map);
    free(starts);
}

static void test_two_cycles(void **state)
{
    (void)state;
    double W[9], starts[343 * 3];
    struct rnn_map map;
    struct rnn_cycle_set set;
    struct rnn_fp_options o;
    for (int i = 0; i < 9; i++) W[i] = -(-1 + (double)((i / 3 + i % 3) % 3));
    for (int k = 0; k < 343; k++)
        for (int i = 0, rest = k; i < 3; i++, rest /= 7) starts[k * 3 + i] = (rest % 7) / 3.0 - 1;
    rnn_fp_options_default(&o);
    map_of(RNN_ELMAN, RNN_TANH, 3, W, NULL, NULL, 1, &map);
    rnn_cycle_set_init(&set, 3);
    assert_int_equal(rnn_cycles_from_starts(&map, 2, &o, 343, starts, &set, &err), RNN_OK);
    size_t two = 0, stable = 0;
    for (size_t i = 0; i < set.n; i++) {
        two += set.c[i].period == 2;
        stable += set.c[i].period == 2 && set.c[i].stable;
        assert_true(set.c[i].residual < 1e-14);
    }
    assert_int_equal(set.n, 14);
    assert_int_equal(two, 11);
    assert_int_equal(stable, 6);
    rnn_cycle_set_release(&set);
    rnn_map_release(&map);
}

/* ---- piecewise-linear maps: z' = A z + W relu(z) + h is the current form with 1 - a = A ---- */

static double h2 = -0.97931491; /* one of SCYFI's systems has another */

static void scyfi(double a1, double a2, double w1, double w2, struct rnn_map *map)
{
    const double h[2] = {0.37298253, h2};
    const double alpha[2] = {1 - a1, 1 - a2}, W[4] = {0, w1 / alpha[0], w2 / alpha[1], 0}, b[2] = {h[0] / alpha[0], h[1] / alpha[1]};
    map_of(RNN_LEAKY_CURRENT, RNN_RELU, 2, W, b, alpha, 1, map);
}

static void cycles_of(const struct rnn_map *map, size_t k, struct rnn_cycle_set *set)
{
    struct rnn_pwl_options o;
    rnn_pwl_options_default(&o);
    rnn_cycle_set_init(set, map->N);
    assert_int_equal(rnn_pwl_cycles(map, k, &o, set, NULL, &err), RNN_OK);
    rnn_cycle_set_sort(set);
    for (size_t i = 0; i < set->n; i++) assert_int_equal(set->c[i].period, k);
}

static void expect_pair(double a1, double a2, double w1, double w2, size_t k, double re, double im, double saddle)
{
    struct rnn_map map;
    struct rnn_cycle_set set;
    scyfi(a1, a2, w1, w2, &map);
    cycles_of(&map, k, &set);
    assert_int_equal(set.n, 2);
    const struct rnn_cycle *s = set.c[0].stable ? &set.c[0] : &set.c[1], *u = set.c[0].stable ? &set.c[1] : &set.c[0];
    assert_true(s->stable && !u->stable);
    ok_close(creal(s->lambda[0]), re, 1e-8);
    ok_close(fabs(cimag(s->lambda[0])), im, 1e-8);
    ok_close(creal(u->lambda[0]), saddle, 1e-8);
    rnn_cycle_set_release(&set);
    rnn_map_release(&map);
}

static void expect_count(double a1, double a2, double w1, double w2, size_t k, size_t n)
{
    struct rnn_map map;
    struct rnn_cycle_set set;
    scyfi(a1, a2, w1, w2, &map);
    cycles_of(&map, k, &set);
    assert_int_equal(set.n, n);
    rnn_cycle_set_release(&set);
    rnn_map_release(&map);
}

static void test_scyfi_fixed(void **state)
{
    (void)state;
    static const double system[2][4] = {{-0.0222311, 0.96461297, -0.64375, 0.52505308}, {0.7, -0.7, -0.14375, 0.52505308}};
    static const double x[2][2] = {{0.3648710453, -22.2606487139}, {1.2432751, -0.1920761703}}, mu[2][2] = {{0.96461297, -0.0222311}, {0.7, -0.7}};
    for (int i = 0; i < 2; i++)
        for (int exhaustive = 0; exhaustive < 2; exhaustive++) {
            struct rnn_map map;
            struct rnn_cycle_set set;
            scyfi(system[i][0], system[i][1], system[i][2], system[i][3], &map);
            if (exhaustive) {
                uint64_t singular;
                rnn_cycle_set_init(&set, 2);
                assert_int_equal(rnn_pwl_enumerate(&map, 1, &set, &singular, &err), RNN_OK);
                assert_int_equal(singular, 0);
            } else {
                cycles_of(&map, 1, &set);
            }
            assert_int_equal(set.n, 1);
            for (int j = 0; j < 2; j++) {
                ok_close(set.c[0].x[j], x[i][j], 1e-9 * fmax(1, fabs(x[i][j])));
                ok_close(creal(set.c[0].lambda[j]), mu[i][j], 1e-12);
            }
            rnn_cycle_set_release(&set);
            rnn_map_release(&map);
        }
}

static void test_scyfi_cycles(void **state)
{
    (void)state;
    expect_pair(0.9777689, 0.96461297, -0.14375, 1.17505308, 31, -0.60698572, 0.05576458, 2.60477178);
    expect_count(0.9777689, 0.96461297, -0.14375, 1.17505308, 30, 0);
    expect_pair(0.9777689, 0.96461297, -0.64375, 0.52505308, 40, 0.47445644, 0.3204963, 2.46879802);
    expect_count(0.9777689, 0.96461297, -0.64375, 0.52505308, 38, 0);
}

/* Counts as SCYFI's own tests state them: two cycles of one length, none of another. */
static void test_scyfi_long(void **state)
{
    (void)state;
    expect_count(0.8377689, 0.96461297, -0.64375, 0.52505308, 16, 2);
    expect_count(0.9377689, 0.96461297, -0.64375, 0.52505308, 53, 2);
    expect_count(0.9377689, 0.96461297, -0.64375, 0.52505308, 50, 0);
    expect_count(0.9777689, 0.96461297, -0.14375, 1.32505308, 65, 2);
    expect_count(0.9777689, 0.96461297, -0.14375, 1.32505308, 60, 0);
    expect_count(0.9777689, 0.96461297, -0.14375, 0.67505308, 83, 2);
    expect_count(0.9777689, 0.96461297, -0.14375, 0.67505308, 80, 0);
    h2 = -0.77931491;
    expect_count(0.9777689, 0.96461297, -0.14375, 0.52505308, 80, 2);
    expect_count(0.9777689, 0.96461297, -0.14375, 0.52505308, 70, 0);
    h2 = -0.97931491;
}

/* 27-cycles exist in the third system; each must be one: its orbit closes, and no divisor of 27 does. */
static void test_scyfi_27(void **state)
{
    (void)state;
    struct rnn_map map;
    struct rnn_cycle_set set;
    double work[16], x[2], next[2];
    scyfi(0.9777689, 0.96461297, -0.14375, 0.52505308, &map);
    assert_true(rnn_map_work(&map, 1) <= RNN_LEN(work));
    cycles_of(&map, 27, &set);
    assert_int_equal(set.n, 2);
    for (size_t i = 0; i < set.n; i++) {
        memcpy(x, set.c[i].x, sizeof x);
        for (size_t t = 1; t <= 27; t++) {
            rnn_map_iterate(&map, 1, 1, x, next, work);
            const double gap = fmax(fabs(x[0] - set.c[i].x[0]), fabs(x[1] - set.c[i].x[1]));
            assert_true(t == 27 ? gap < 1e-10 : gap > 1e-6);
        }
        print_message("27-cycle: multipliers %.9g%+.9gi, %.9g%+.9gi, margin %g, hits %d\n", creal(set.c[i].lambda[0]), cimag(set.c[i].lambda[0]),
                      creal(set.c[i].lambda[1]), cimag(set.c[i].lambda[1]), set.c[i].margin, (int)set.c[i].hits);
    }
    rnn_cycle_set_release(&set);
    rnn_map_release(&map);
}

/* Region iteration finds what enumeration does, for fixed points and 2-cycles of random relu networks. */
static void test_enumeration(void **state)
{
    (void)state;
    enum { N = 7 };
    size_t met = 0;
    for (size_t seed = 0; seed < 12; seed++)
        for (enum rnn_cell cell = RNN_ELMAN; cell <= RNN_LEAKY_CURRENT; cell += 2)
            for (size_t k = 1; k <= 2; k++) {
                double W[N * N], b[N];
                struct rnn_rng g;
                struct rnn_map map;
                struct rnn_cycle_set all, some;
                struct rnn_pwl_options o;
                assert_int_equal(rnn_rng_at(&g, 17, RNN_RNG_TEST, seed, cell, k, &err), RNN_OK);
                for (int i = 0; i < N * N; i++) W[i] = 1.1 * rnn_rng_normal(&g) / sqrt(N);
                for (int i = 0; i < N; i++) b[i] = 0.5 * rnn_rng_normal(&g);
                map_of(cell, RNN_RELU, N, W, b, NULL, 1, &map);
                rnn_pwl_options_default(&o);
                o.tries = 300;
                rnn_cycle_set_init(&all, N);
                rnn_cycle_set_init(&some, N);
                assert_int_equal(rnn_pwl_enumerate(&map, k, &all, NULL, &err), RNN_OK);
                assert_int_equal(rnn_pwl_cycles(&map, k, &o, &some, NULL, &err), RNN_OK);
                assert_int_equal(some.n, all.n);
                met += all.n;
                rnn_cycle_set_sort(&all);
                rnn_cycle_set_sort(&some);
                for (size_t i = 0; i < all.n; i++)
                    for (int j = 0; j < N; j++) ok_close(some.c[i].x[j], all.c[i].x[j], 1e-9 * fmax(1, fabs(all.c[i].x[j])));
                rnn_cycle_set_release(&all);
                rnn_cycle_set_release(&some);
                rnn_map_release(&map);
            }
    assert_true(met >= 20);
}

/* ---- large networks with a cycle that was put in ---- */

enum { BIG = 40, LONG = 6 };
struct planted { double z[LONG][BIG], r[LONG][BIG], W[BIG * BIG], b[BIG]; }; /* states before and after relu */

/* W takes r[t] to z[t + 1] - b (relu(W x + b): the activity form) or to (z[t + 1] - (1 - a) z[t]) / a - b (the current form): the
 * solution of least norm, plus g v u' with u orthogonal to every r[t], which leaves the orbit and changes what lies around it. */
static void plant(struct planted *p, double a, double g, uint64_t seed)
{
    double gram[LONG * LONG], Y[LONG * BIG], u[BIG], rcond;
    struct rnn_rng rng;
    assert_int_equal(rnn_rng_at(&rng, 23, RNN_RNG_TEST, seed, 0, 0, &err), RNN_OK);
    for (int t = 0; t < LONG; t++)
        for (int i = 0; i < BIG; i++) {
            const double v = 0.8 + rnn_rng_normal(&rng); /* 0.8 of it is b's: without b any multiple of an orbit were one too */
            p->z[t][i] = v + copysign(0.05, v); /* off the borders */
            p->r[t][i] = fmax(0, p->z[t][i]);
        }
    for (int i = 0; i < BIG; i++) p->b[i] = 0.8 + 0.2 * rnn_rng_normal(&rng), u[i] = rnn_rng_normal(&rng);
    for (int s = 0; s < LONG; s++)
        for (int t = 0; t < LONG; t++) {
            gram[s * LONG + t] = 0;
            for (int i = 0; i < BIG; i++) gram[s * LONG + t] += p->r[s][i] * p->r[t][i];
        }
    assert_int_equal(rnn_solve(LONG, BIG, gram, p->r[0], Y, &rcond, &err), RNN_OK);
    double on[LONG];
    for (int t = 0; t < LONG; t++) {
        on[t] = 0;
        for (int i = 0; i < BIG; i++) on[t] += Y[t * BIG + i] * u[i];
    }
    for (int t = 0; t < LONG; t++)
        for (int i = 0; i < BIG; i++) u[i] -= on[t] * p->r[t][i];
    for (int i = 0; i < BIG; i++) {
        const double v = rnn_rng_normal(&rng);
        for (int j = 0; j < BIG; j++) p->W[i * BIG + j] = g * v * u[j] / BIG;
        for (int t = 0; t < LONG; t++)
            for (int j = 0; j < BIG; j++) p->W[i * BIG + j] += ((p->z[(t + 1) % LONG][i] - (1 - a) * p->z[t][i]) / a - p->b[i]) * Y[t * BIG + j];
    }
}

/* The trace of the product of the steps' Jacobians, by hand: D W (activity) or (1 - a) I + a W D (current). */
static double trace_around(const struct planted *p, double a, bool current)
{
    static double P[BIG * BIG], Q[BIG * BIG];
    double trace = 0;
    memset(P, 0, sizeof P);
    for (int i = 0; i < BIG; i++) P[i * BIG + i] = 1;
    for (int t = 0; t < LONG; t++) {
        for (int i = 0; i < BIG; i++)
            for (int k = 0; k < BIG; k++) {
                double sum = 0;
                for (int j = 0; j < BIG; j++) {
                    const bool on = current ? p->z[t][j] > 0 : p->z[(t + 1) % LONG][i] > 0;
                    sum += (a * (on ? p->W[i * BIG + j] : 0) + (i == j ? 1 - a : 0)) * P[j * BIG + k];
                }
                Q[i * BIG + k] = sum;
            }
        memcpy(P, Q, sizeof P);
    }
    for (int i = 0; i < BIG; i++) trace += P[i * BIG + i];
    return trace;
}

/* From states beside it, in its regions and beyond their borders. */
static void find_planted(bool current, double g)
{
    static struct planted p;
    struct rnn_map map;
    struct rnn_pwl_options o;
    struct rnn_cycle_set set;
    const double a = current ? 0.7 : 1, alpha[BIG] = {[0 ... BIG - 1] = 0.7};
    plant(&p, a, g, current);
    map_of(current ? RNN_LEAKY_CURRENT : RNN_ELMAN, RNN_RELU, BIG, p.W, p.b, current ? alpha : NULL, 1, &map);
    double start[BIG];
    for (int i = 0; i < BIG; i++) start[i] = (current ? p.z : p.r)[0][i] + 0.05 * cos(i); /* other regions too */
    rnn_pwl_options_default(&o);
    o.tries = 20;
    o.starts = start, o.n_starts = 1, o.transient = 0;
    rnn_cycle_set_init(&set, BIG);
    assert_int_equal(rnn_pwl_cycles(&map, LONG, &o, &set, NULL, &err), RNN_OK);
    size_t met = 0;
    for (size_t c = 0; c < set.n; c++) {
        double nearest = INFINITY;
        for (int t = 0; t < LONG; t++) {
            double gap = 0;
            for (int i = 0; i < BIG; i++) gap = fmax(gap, fabs(set.c[c].x[i] - (current ? p.z : p.r)[t][i]));
            nearest = fmin(nearest, gap);
        }
        if (nearest > 1e-9) continue;
        double _Complex sum = 0;
        for (int i = 0; i < BIG; i++) sum += set.c[c].lambda[i];
        const double trace = trace_around(&p, a, current);
        ok_close(creal(sum), trace, 1e-9 * fmax(1, fabs(trace)));
        assert_true(set.c[c].margin > 0.04);
        met++;
    }
    assert_int_equal(met, 1);
    rnn_cycle_set_release(&set);
    rnn_map_release(&map);
}

static void test_planted(void **state)
{
    (void)state;
    for (int current = 0; current < 2; current++) {
        find_planted(current, 0);
        find_planted(current, 40); /* strongly repelling: no run of the network comes near it */
    }
}

static void test_pwl_refusals(void **state)
{
    (void)state;
    double W[25 * 25] = {0};
    struct rnn_map map;
    struct rnn_cycle_set set;
    rnn_cycle_set_init(&set, 25);
    map_of(RNN_ELMAN, RNN_RELU, 25, W, NULL, NULL, 1, &map);
    assert_int_equal(rnn_pwl_enumerate(&map, 1, &set, NULL, &err), RNN_ERR_LIMIT);
    rnn_map_release(&map);
    map_of(RNN_ELMAN, RNN_TANH, 25, W, NULL, NULL, 1, &map);
    assert_int_equal(rnn_pwl_enumerate(&map, 1, &set, NULL, &err), RNN_ERR_ARG);
    rnn_map_release(&map);
    rnn_cycle_set_release(&set);
}

/* ---- the flow ---- */

static void wilson_cowan(const double w[4], double I_E, double dt, double c[2], struct rnn_map *map)
{
    static const double a[2] = {1.2, 1.0}, theta[2] = {2.8, 4.0}, tau[2] = {1, 2};
    double W[4] = {w[0], -w[1], w[2], -w[3]}, b[2], alpha[2];
    for (int i = 0; i < 2; i++) c[i] = 1 / (1 + exp(a[i] * theta[i])), alpha[i] = dt / tau[i];
    for (int i = 0; i < 2; i++) {
        b[i] = a[i] * ((i == 0 ? I_E : 0) - theta[i]);
        for (int j = 0; j < 2; j++) W[i * 2 + j] *= a[i], b[i] -= W[i * 2 + j] * c[j];
    }
    map_of(RNN_LEAKY, RNN_SIGMOID, 2, W, b, alpha, dt, map);
}

static void test_limit_cycle(void **state)
{
    (void)state;
    double c[2], x[2] = {0.3, 0.1};
    struct rnn_map map;
    struct rnn_limit_cycle_options o;
    struct rnn_limit_cycle lc;
    rnn_limit_cycle_options_default(&o);
    for (int k = 0; k < 2; k++) { /* whatever step the network was made with */
        wilson_cowan((double[]){6.4, 4.8, 6, 1.2}, 0.8, k ? 0.5 : 0.01, c, &map);
        assert_int_equal(rnn_limit_cycle_find(&map, x, &o, &lc, &err), RNN_OK);
        assert_int_equal(lc.status, RNN_LC_CYCLE);
        ok_close(lc.period, 21.520569, 2e-6);
        assert_true(lc.period_error < 1e-6);
        ok_close(lc.low[0] - c[0], 0.08718, 6e-6);
        ok_close(lc.high[0] - c[0], 0.76754, 6e-6);
        ok_close(lc.low[1] - c[1], 0.01952, 6e-6);
        ok_close(lc.high[1] - c[1], 0.41878, 6e-6);
        assert_true(lc.stable);
        ok_close(creal(lc.floquet[lc.trivial]), 1, 1e-6);
        /* Liouville: the product of the multipliers is exp of the integral of the divergence */
        double product = 1, integral = 0, J[4], *work = rnn_alloc(rnn_map_work(&map, 1), sizeof *work);
        for (size_t i = 0; i < lc.n_orbit; i++) {
            rnn_map_jacobian(&map, lc.orbit + 2 * i, J, work);
            integral += (J[0] + J[3] - 2) / map.dt_ms * lc.period / (double)lc.n_orbit;
        }
        for (int i = 0; i < 2; i++) product *= creal(lc.floquet[i]);
        ok_close(product / exp(integral), 1, 1e-5);
        free(work);
        rnn_limit_cycle_release(&lc);
        rnn_map_release(&map);
    }
    wilson_cowan((double[]){9, 4, 13, 11}, 0, 0.01, c, &map);
    assert_int_equal(rnn_limit_cycle_find(&map, x, &o, &lc, &err), RNN_OK);
    assert_int_equal(lc.status, RNN_LC_SETTLES);
    rnn_limit_cycle_release(&lc);
    rnn_map_release(&map);
}

/* ---- exponents ---- */

static void test_lyapunov(void **state)
{
    (void)state;
    static const double W[4] = {0, -2, 2, 0}, tent[4] = {1.9, -1.9, 3.8, -3.8}, b[2] = {0, -1.9}, A[9] = {0.9, 0.4, 0, 0, -0.5, 0.3, 0, 0, 0.1};
    double x[2] = {0.3, 0.2}, e[3], se[3], y[3] = {1, 1, 1};
    struct rnn_map map;
    /* a stable 4-cycle: a quarter of the logarithm of its multipliers */
    map_of(RNN_ELMAN, RNN_TANH, 2, W, NULL, NULL, 1, &map);
    assert_int_equal(rnn_lyapunov(&map, x, 200, 400, 1, 2, e, se, &err), RNN_OK);
    for (int i = 0; i < 2; i++) ok_close(e[i], log(0.16637209), 1e-7);
    ok_close(rnn_kaplan_yorke(2, e, 2), 0, 0);
    rnn_map_release(&map);
    /* y = r_1 - r_2 is the tent map of slope 1.9: ln 1.9 at every step, and a direction that dies at once */
    x[0] = 0.3, x[1] = 0;
    map_of(RNN_ELMAN, RNN_RELU, 2, tent, b, NULL, 1, &map);
    assert_int_equal(rnn_lyapunov(&map, x, 100, 20000, 1, 2, e, se, &err), RNN_OK);
    ok_close(e[0], log(1.9), 1e-3);
    assert_true(e[1] < -20);
    assert_int_equal(rnn_lyapunov(&map, x, 100, 5, 1, 2, e, se, &err), RNN_ERR_ARG);
    rnn_map_release(&map);
    /* a linear map: logarithms of its eigenvalues' moduli, however rarely the frame is straightened */
    map_of(RNN_ELMAN, RNN_LINEAR, 3, A, NULL, NULL, 1, &map);
    for (size_t every = 1; every <= 5; every += 4) {
        assert_int_equal(rnn_lyapunov(&map, y, 200, 1000, every, 3, e, se, &err), RNN_OK);
        ok_close(e[0], log(0.9), 1e-6);
        ok_close(e[1], log(0.5), 1e-6);
        ok_close(e[2], log(0.1), 1e-6);
    }
    rnn_map_release(&map);
}

static void test_match(void **state)
{
    (void)state;
    static const double A[] = {0, 0, 1, 1, 5, 5}, B[] = {1.1, 1, 0.4, 0, 9, 9, 0.1, 0};
    size_t match[3];
    double d[3];
    assert_int_equal(rnn_match_points(2, 3, A, 4, B, 1, match, d, &err), RNN_OK);
    assert_int_equal(match[0], 3);
    assert_int_equal(match[1], 0);
    assert_true(match[2] == SIZE_MAX && isnan(d[2]));
    ok_close(d[0], 0.1, 1e-15);
    /* the sum decides, not the first come: x=0 gives up the nearer partner */
    static const double P[] = {0, 0.3}, Q[] = {0.2, -0.5};
    assert_int_equal(rnn_match_points(1, 2, P, 2, Q, 1, match, d, &err), RNN_OK);
    assert_true(match[0] == 1 && match[1] == 0);
    assert_int_equal(rnn_match_points(1, 2, P, 0, Q, 1, match, d, &err), RNN_OK);
    assert_true(match[0] == SIZE_MAX && match[1] == SIZE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rotation), cmocka_unit_test(test_two_cycles), cmocka_unit_test(test_scyfi_fixed),
        cmocka_unit_test(test_scyfi_cycles), cmocka_unit_test(test_scyfi_27), cmocka_unit_test(test_scyfi_long), cmocka_unit_test(test_enumeration),
        cmocka_unit_test(test_planted), cmocka_unit_test(test_pwl_refusals), cmocka_unit_test(test_limit_cycle), cmocka_unit_test(test_lyapunov), cmocka_unit_test(test_match),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
