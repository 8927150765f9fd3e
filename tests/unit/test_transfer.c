/* Blocks, donors of other shapes, control donors, and what a learning curve says. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/transfer.h"
#include "base/mem.h"
#include "num/linalg.h"

static struct rnn_err err;
#define OK(expr) do { if ((expr) < 0) fail_msg("%s: %s", #expr, err.msg); } while (0)

static void close_to(double a, double b, double tol)
{
    if (!(fabs(a - b) <= tol)) fail_msg("%.17g is not %.17g", a, b);
}

static struct rnn_net *make_net(enum rnn_cell cell, size_t N, size_t n_in, size_t n_out, uint64_t seed)
{
    struct rnn_spec s;
    struct rnn_net *net;
    struct rnn_init_plan plan = { .W_rec = { RNN_INIT_UNIFORM, 1 }, .W_in = { RNN_INIT_UNIFORM, 1 }, .W_out = { RNN_INIT_UNIFORM, 1 },
                                   .bias = { RNN_INIT_UNIFORM, 1 }, .b_out_sd = -1 };
    rnn_spec_default(&s);
    s.cell = cell;
    s.N = N;
    s.n_in = n_in;
    s.n_out = n_out;
    OK(rnn_net_new(&net, &s, &err));
    net->precision_bits = 64;
    net->id = rnn_strdup("net-0000");
    OK(rnn_net_init(net, &plan, seed, &err));
    return net;
}

static void blocks_are_the_parameters_that_there_are(void **state)
{
    (void)state;
    struct rnn_net *net = make_net(RNN_ELMAN, 3, 2, 2, 0);
    const char *names[RNN_MAX_PARAMS];
    size_t n;
    OK(rnn_transfer_block(&net->params, "h2h", names, &n, &err));
    assert_int_equal(n, 2);
    assert_string_equal(names[0], "W_rec");
    assert_string_equal(names[1], "b_rec");
    OK(rnn_transfer_block(&net->params, "W_out", names, &n, &err));
    assert_int_equal(n, 1);
    assert_int_equal(rnn_transfer_block(&net->params, "h0", names, &n, &err), RNN_ERR_ARG); /* a zero initial state is no parameter */
    assert_int_equal(rnn_transfer_block(&net->params, "o2h", names, &n, &err), RNN_ERR_ARG);
    assert_non_null(strstr(err.msg, "W_rec"));
    rnn_net_free(net);
}

static void loading_copies_the_named_parameters_only(void **state)
{
    (void)state;
    static const char *const names[] = { "W_rec", "b_rec" };
    struct rnn_net *donor = make_net(RNN_ELMAN, 4, 3, 5, 1), *to = make_net(RNN_ELMAN, 4, 3, 2, 2), *fresh = make_net(RNN_ELMAN, 4, 3, 2, 2);
    OK(rnn_transfer_load(to, donor, names, 2, NULL, &err));
    for (size_t i = 0; i < to->params.n; i++) {
        const struct rnn_param *p = &to->params.p[i];
        const bool loaded = !strcmp(p->name, "W_rec") || !strcmp(p->name, "b_rec");
        assert_memory_equal(to->theta + p->offset, loaded ? rnn_net_param(donor, p->name) : fresh->theta + p->offset, p->rows * p->cols * sizeof(double));
    }
    static const char *const out[] = { "W_out" };
    assert_int_equal(rnn_transfer_load(to, donor, out, 1, NULL, &err), RNN_ERR_ARG);
    assert_non_null(strstr(err.msg, "W_out is 5 x 4, not 2 x 4: --map out=LIST"));
    rnn_net_free(donor);
    rnn_net_free(to);
    rnn_net_free(fresh);
}

static void maps_say_which_goes_where(void **state)
{
    (void)state;
    static const char *const names[] = { "W_in", "W_rec", "W_out", "b_out" };
    static const size_t in[] = { 2, RNN_MAP_FRESH }, units[] = { 4, 0, RNN_MAP_FRESH, 1, 2, 3 }, out[] = { RNN_MAP_FRESH, 0, 1 };
    const struct rnn_transfer_map map = { in, units, out };
    struct rnn_net *donor = make_net(RNN_ELMAN, 5, 3, 2, 1), *to = make_net(RNN_ELMAN, 6, 2, 3, 2), *fresh = make_net(RNN_ELMAN, 6, 2, 3, 2);
    OK(rnn_transfer_load(to, donor, names, 4, &map, &err));
    for (size_t i = 0; i < 6; i++) {
        for (size_t j = 0; j < 6; j++) {
            const bool taken = units[i] != RNN_MAP_FRESH && units[j] != RNN_MAP_FRESH;
            close_to(rnn_net_param(to, "W_rec")[i * 6 + j], taken ? rnn_net_param(donor, "W_rec")[units[i] * 5 + units[j]] : rnn_net_param(fresh, "W_rec")[i * 6 + j], 0);
        }
        for (size_t j = 0; j < 2; j++) {
            const bool taken = units[i] != RNN_MAP_FRESH && in[j] != RNN_MAP_FRESH;
            close_to(rnn_net_param(to, "W_in")[i * 2 + j], taken ? rnn_net_param(donor, "W_in")[units[i] * 3 + in[j]] : rnn_net_param(fresh, "W_in")[i * 2 + j], 0);
        }
    }
    close_to(rnn_net_param(to, "b_out")[0], rnn_net_param(fresh, "b_out")[0], 0);
    close_to(rnn_net_param(to, "b_out")[2], rnn_net_param(donor, "b_out")[1], 0);
    close_to(rnn_net_param(to, "W_out")[1 * 6 + 3], rnn_net_param(donor, "W_out")[0 * 5 + 1], 0);
    static const size_t beyond[] = { 3, 0 };
    const struct rnn_transfer_map wrong = { beyond, units, out };
    assert_int_equal(rnn_transfer_load(to, donor, names, 4, &wrong, &err), RNN_ERR_ARG);
    rnn_net_free(donor);
    rnn_net_free(to);
    rnn_net_free(fresh);
}

/* The three gates of a gru are three stacks of units. */
static void maps_go_through_every_gate(void **state)
{
    (void)state;
    static const char *const names[] = { "W_rec", "b_rec" };
    static const size_t units[] = { 1, 0, RNN_MAP_FRESH };
    const struct rnn_transfer_map map = { .units = units };
    struct rnn_net *donor = make_net(RNN_GRU, 2, 2, 1, 1), *to = make_net(RNN_GRU, 3, 2, 1, 2);
    OK(rnn_transfer_load(to, donor, names, 2, &map, &err));
    for (size_t g = 0; g < 3; g++) {
        close_to(rnn_net_param(to, "W_rec")[(g * 3 + 0) * 3 + 1], rnn_net_param(donor, "W_rec")[(g * 2 + 1) * 2 + 0], 0);
        close_to(rnn_net_param(to, "b_rec")[g * 3 + 1], rnn_net_param(donor, "b_rec")[g * 2 + 0], 0);
    }
    rnn_net_free(donor);
    rnn_net_free(to);
}

static void controls_keep_what_they_promise(void **state)
{
    (void)state;
    const size_t N = 12;
    struct rnn_net *donor = make_net(RNN_ELMAN, N, 4, 3, 1), *rotated, *matched, *again;
    OK(rnn_transfer_rotated(donor, 5, &rotated, &err));
    OK(rnn_transfer_spectrum_matched(donor, 5, &matched, &err));
    OK(rnn_transfer_rotated(donor, 5, &again, &err));
    assert_memory_equal(rotated->theta, again->theta, donor->params.total * sizeof(double));
    for (size_t i = 0; i < donor->params.n; i++) {
        const struct rnn_param *p = &donor->params.p[i];
        double s[12], r[12], m[12];
        OK(rnn_svd(p->rows, p->cols, donor->theta + p->offset, NULL, s, NULL, &err));
        OK(rnn_svd(p->rows, p->cols, rotated->theta + p->offset, NULL, r, NULL, &err));
        OK(rnn_svd(p->rows, p->cols, matched->theta + p->offset, NULL, m, NULL, &err));
        for (size_t k = 0; k < (p->rows < p->cols ? p->rows : p->cols); k++) {
            close_to(r[k], s[k], 1e-13);
            close_to(m[k], s[k], 1e-13);
        }
    }
    /* W_out W_rec W_in does not depend on the coordinates of the units; with random singular vectors it does */
    double a[48], b[12], c[12], d[12];
    struct { const struct rnn_net *net; double *out; } all[] = { { donor, b }, { rotated, c }, { matched, d } };
    for (size_t i = 0; i < 3; i++) {
        rnn_gemm(0, 0, N, 4, N, 1, rnn_net_param(all[i].net, "W_rec"), rnn_net_param(all[i].net, "W_in"), 0, a);
        rnn_gemm(0, 0, 3, 4, N, 1, rnn_net_param(all[i].net, "W_out"), a, 0, all[i].out);
    }
    double change = 0;
    for (size_t i = 0; i < 12; i++) {
        close_to(c[i], b[i], 1e-14);
        change = fmax(change, fabs(d[i] - b[i]));
    }
    assert_true(change > 1e-2);
    assert_true(fabs(rnn_net_param(rotated, "W_rec")[0] - rnn_net_param(donor, "W_rec")[0]) > 1e-6);
    rnn_net_free(donor);
    rnn_net_free(rotated);
    rnn_net_free(matched);
    rnn_net_free(again);
}

static void curves(void **state)
{
    (void)state;
    static const double x[] = { 0, 1, 2, 4 }, y[] = { .1, .5, NAN, .9 };
    close_to(rnn_curve_first_at_least(4, x, y, .5), 1, 0);
    close_to(rnn_curve_first_at_least(4, x, y, .6), 4, 0);
    assert_true(isnan(rnn_curve_first_at_least(4, x, y, .95)));
    close_to(rnn_curve_at(4, x, y, 4), .9, 0);
    assert_true(isnan(rnn_curve_at(4, x, y, 3)));
    close_to(rnn_curve_area(4, x, y), (.3 * 1 + .7 * 3) / 4, 1e-15); /* trapezoids 0-1 and 1-4 */
    assert_true(isnan(rnn_curve_area(1, x, y)));
}

/* Four pairs, all differences positive: of the 16 sign patterns two are as extreme, p = 1/8. */
static void pairs_are_compared_within(void **state)
{
    (void)state;
    static const double a[] = { 1, 2, 3, 4, NAN, INFINITY }, b[] = { .5, 1, 2.5, 3, 0, 1 }; /* a loss may overflow */
    struct rnn_paired r;
    OK(rnn_compare_paired(6, a, b, .95, 1000, 1, 0, &r, &err));
    assert_int_equal(r.n, 4);
    close_to(r.mean_a, 2.5, 1e-15);
    close_to(r.diff, .75, 1e-15);
    close_to(r.p, .125, 1e-15);
    assert_true(r.lo >= .5 && r.lo <= .75 && r.hi >= .75 && r.hi <= 1);
    OK(rnn_compare_paired(1, a, b, .95, 1000, 1, 0, &r, &err));
    assert_true(r.diff == .5 && r.p == 1 && isnan(r.lo) && isnan(r.hi));
    OK(rnn_compare_paired(0, a, b, .95, 1000, 1, 0, &r, &err));
    assert_true(r.n == 0 && isnan(r.p));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_the_parameters_that_there_are),
        cmocka_unit_test(loading_copies_the_named_parameters_only),
        cmocka_unit_test(maps_say_which_goes_where),
        cmocka_unit_test(maps_go_through_every_gate),
        cmocka_unit_test(controls_keep_what_they_promise),
        cmocka_unit_test(curves),
        cmocka_unit_test(pairs_are_compared_within),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
