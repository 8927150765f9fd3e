/* Singular modes against closed forms, and what a change of coordinates must leave alone. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/lowrank.h"
#include "base/mem.h"
#include "model/run.h"
#include "num/linalg.h"
#include "num/rng.h"

static struct rnn_err err;
#define OK(expr) do { if ((expr) < 0) fail_msg("%s: %s", #expr, err.msg); } while (0)

static void close_to(double a, double b, double tol)
{
    if (!(fabs(a - b) <= tol)) fail_msg("%.17g is not %.17g", a, b);
}

static double distance(size_t n, const double *a, const double *b)
{
    double d = 0;
    for (size_t i = 0; i < n; i++) d = fmax(d, fabs(a[i] - b[i]));
    return d;
}

static struct rnn_net *make_net(size_t N, size_t rank, bool read_latent, int bits, uint64_t index)
{
    struct rnn_spec s;
    struct rnn_net *net;
    struct rnn_init_plan plan = { .W_rec = { RNN_INIT_UNIFORM, 1 }, .factor = { RNN_INIT_GAUSS, 1 }, .W_in = { RNN_INIT_UNIFORM, 1 },
                                   .W_out = { RNN_INIT_UNIFORM, 1 }, .bias = { RNN_INIT_UNIFORM, 1 }, .b_out_sd = -1 };
    rnn_spec_default(&s);
    s.act = RNN_RELU;
    s.N = N;
    s.n_in = 4;
    s.n_out = 3;
    s.rank = rank;
    s.read_latent = read_latent;
    OK(rnn_net_new(&net, &s, &err));
    net->precision_bits = bits;
    net->index = index;
    net->id = rnn_strdup("net");
    OK(rnn_net_init(net, &plan, 5, &err));
    return net;
}

/* As if it had been trained: every parameter moves. */
static void move(struct rnn_net *net)
{
    struct rnn_rng g;
    OK(rnn_rng_at(&g, 3, RNN_RNG_TEST, net->index, 0, 0, &err));
    for (size_t i = 0; i < net->params.total; i++) {
        net->theta[i] += 0.3 * rnn_rng_normal(&g);
        if (net->precision_bits == 32) net->theta[i] = (float)net->theta[i];
    }
}

static double *recurrent(const struct rnn_net *net)
{
    double *W;
    OK(rnn_alloc_into(&W, net->spec.N * net->spec.N, sizeof *W, &err));
    OK(rnn_net_W(net, W, &err));
    return W;
}

/* ---- modes ---- */

static void modes_of_a_known_matrix(void **state)
{
    (void)state;
    /* a two-unit net: W'W has trace .30 and |W| = .14, so s1^2 + s2^2 = .30 and s1 s2 = .14 */
    static const double W[] = { .1, -.4, .3, .2 };
    struct rnn_net *net = make_net(2, 0, false, 64, 0), *cut;
    struct rnn_modes m;
    bool keep[2] = { true, false };
    memcpy(rnn_net_param(net, "W_rec"), W, sizeof W);
    OK(rnn_modes_of(net, "W_rec", RNN_PART_VALUE, &m, &err));
    close_to(m.s[0] * m.s[0] + m.s[1] * m.s[1], .30, 1e-15);
    close_to(m.s[0] * m.s[1], .14, 1e-15);
    const double s1 = sqrt(.15 + sqrt(.15 * .15 - .14 * .14));
    close_to(m.s[0], s1, 1e-15);
    close_to(rnn_modes_share(&m, keep), s1 * s1 / .30, 1e-14);
    close_to(rnn_modes_participation(2, m.s), .09 / (.09 - 2 * .14 * .14), 1e-13);
    OK(rnn_net_keep_modes(net, &m, keep, &cut, &err));
    const double *C = rnn_net_param(cut, "W_rec");
    close_to(C[0] * C[3] - C[1] * C[2], 0, 1e-16); /* rank one */
    close_to(rnn_norm2(4, C), s1, 1e-15);
    rnn_net_free(cut);
    rnn_net_free(net);
    rnn_modes_release(&m);
}

static void keeping_all_changes_no_bit(void **state)
{
    (void)state;
    for (int bits = 32; bits <= 64; bits += 32) {
        for (int part = RNN_PART_VALUE; part <= RNN_PART_CHANGE; part++) {
            struct rnn_net *net = make_net(9, 0, false, bits, 1), *same;
            struct rnn_modes m;
            bool keep[9];
            move(net);
            memset(keep, true, sizeof keep);
            OK(rnn_modes_of(net, "W_rec", (enum rnn_part)part, &m, &err));
            OK(rnn_net_keep_modes(net, &m, keep, &same, &err));
            assert_memory_equal(same->theta, net->theta, net->params.total * sizeof(double));
            rnn_net_free(same);
            /* none: nothing, or what there was at the start, to the last bit */
            memset(keep, false, sizeof keep);
            OK(rnn_net_keep_modes(net, &m, keep, &same, &err));
            for (size_t i = 0; i < 81; i++)
                assert_true(rnn_net_param(same, "W_rec")[i] == (part == RNN_PART_CHANGE ? rnn_net_param0(net, "W_rec")[i] : 0));
            rnn_net_free(same);
            rnn_net_free(net);
            rnn_modes_release(&m);
        }
    }
}

/* Taking out a mode whose singular value is zero changes nothing that a float32 network computes. */
static void a_mode_of_no_weight_is_not_missed(void **state)
{
    (void)state;
    struct rnn_net *net = make_net(8, 0, false, 32, 2), *cut;
    struct rnn_modes m;
    bool keep[8];
    double *W = rnn_net_param(net, "W_rec");
    for (size_t i = 0; i < 64; i++) W[i] = (double)((i / 8 + 1) % 3) * (double)(i % 8) / 8; /* rank one */
    OK(rnn_modes_of(net, "W_rec", RNN_PART_VALUE, &m, &err));
    close_to(m.s[7], 0, 1e-15);
    for (size_t k = 0; k < 8; k++) keep[k] = k != 7;
    OK(rnn_net_keep_modes(net, &m, keep, &cut, &err));
    assert_memory_equal(cut->theta, net->theta, net->params.total * sizeof(double));
    rnn_net_free(cut);
    rnn_net_free(net);
    rnn_modes_release(&m);
}

/* W - s_k u_k v_k' and the sum of the kept modes are the same matrix, whichever list is shorter. */
static void both_ways_of_adding_agree(void **state)
{
    (void)state;
    struct rnn_net *net = make_net(7, 0, false, 64, 3);
    struct rnn_modes m;
    move(net);
    OK(rnn_modes_of(net, "W_rec", RNN_PART_CHANGE, &m, &err));
    const double *W0 = rnn_net_param0(net, "W_rec");
    for (size_t r = 0; r <= 7; r++) {
        struct rnn_net *cut;
        bool keep[7];
        double want[49];
        memcpy(want, W0, sizeof want);
        for (size_t k = 0; k < 7; k++) keep[k] = k < r;
        for (size_t k = 0; k < r; k++)
            for (size_t i = 0; i < 49; i++) want[i] += m.s[k] * m.U[i / 7 * 7 + k] * m.Vt[k * 7 + i % 7];
        OK(rnn_net_keep_modes(net, &m, keep, &cut, &err));
        close_to(distance(49, want, rnn_net_param(cut, "W_rec")), 0, 1e-14);
        rnn_net_free(cut);
    }
    rnn_net_free(net);
    rnn_modes_release(&m);
}

static void factorised_nets_lose_the_same_mode(void **state)
{
    (void)state;
    for (int latent = 0; latent < 2; latent++) {
        struct rnn_net *net = make_net(10, 3, latent, 64, 4), *cut;
        struct rnn_modes m;
        bool keep[10];
        move(net);
        double *W = recurrent(net);
        for (size_t k = 0; k < 10; k++) keep[k] = k != 1;
        OK(rnn_modes_of(net, "W_rec", RNN_PART_VALUE, &m, &err));
        close_to(m.s[3], 0, 1e-13);
        OK(rnn_net_keep_modes(net, &m, keep, &cut, &err));
        assert_int_equal(cut->spec.rank, latent ? 3 : 0);
        if (latent) assert_memory_equal(rnn_net_param(cut, "n"), rnn_net_param(net, "n"), 30 * sizeof(double));
        double *V = recurrent(cut);
        for (size_t i = 0; i < 100; i++) W[i] -= m.s[1] * m.U[i / 10 * 10 + 1] * m.Vt[10 + i % 10];
        close_to(distance(100, W, V), 0, 1e-13);
        assert_memory_equal(rnn_net_param(cut, "W_out"), rnn_net_param(net, "W_out"), (latent ? 9 : 30) * sizeof(double));
        if (!latent) { /* the initial weights are those of the factors, formed */
            struct rnn_net start = *net;
            start.theta = net->theta0;
            OK(rnn_net_W(&start, V, &err));
            close_to(distance(100, V, rnn_net_param0(cut, "W_rec")), 0, 0);
        }
        free(V);
        free(W);
        rnn_net_free(cut);
        rnn_net_free(net);
        rnn_modes_release(&m);
    }
}

static void the_random_control_has_norm_s1(void **state)
{
    (void)state;
    struct rnn_net *net = make_net(20, 0, false, 64, 5), *a, *b;
    struct rnn_modes m;
    double D[400], s[20];
    OK(rnn_modes_of(net, "W_rec", RNN_PART_VALUE, &m, &err));
    OK(rnn_net_minus_random(net, &m, 1, 0, &a, &err));
    OK(rnn_net_minus_random(net, &m, 1, 1, &b, &err));
    assert_true(distance(400, rnn_net_param(a, "W_rec"), rnn_net_param(b, "W_rec")) > 0.01);
    for (size_t i = 0; i < 400; i++) D[i] = rnn_net_param(net, "W_rec")[i] - rnn_net_param(a, "W_rec")[i];
    OK(rnn_svd(20, 20, D, NULL, s, NULL, &err));
    close_to(s[0], m.s[0], 1e-14);
    close_to(s[1], 0, 1e-14);
    rnn_net_free(a);
    rnn_net_free(b);
    rnn_net_free(net);
    rnn_modes_release(&m);
}

static void what_is_missing_is_said(void **state)
{
    (void)state;
    struct rnn_net *net = make_net(4, 0, false, 64, 6);
    struct rnn_modes m;
    assert_int_equal(rnn_modes_of(net, "W_none", RNN_PART_VALUE, &m, &err), RNN_ERR_ARG);
    rnn_modes_release(&m);
    free(net->theta0);
    net->theta0 = NULL;
    assert_int_equal(rnn_modes_of(net, "W_rec", RNN_PART_CHANGE, &m, &err), RNN_ERR_ARG);
    rnn_modes_release(&m);
    rnn_net_param(net, "W_rec")[3] = NAN;
    assert_int_equal(rnn_modes_of(net, "W_rec", RNN_PART_VALUE, &m, &err), RNN_ERR_NUMERIC);
    rnn_modes_release(&m);
    rnn_net_free(net);
}

/* ---- directions ---- */

static void angles_of_planes_turned_by_known_ones(void **state)
{
    (void)state;
    static const double want[] = { 1e-9, 0.4, 1.3 };
    double A[8 * 3] = { 0 }, B[8 * 3] = { 0 }, mixed[8 * 3], angle[3];
    static const double mix[9] = { 1, 2, 0, -1, 1, 3, 0.5, 0, 1 }; /* another basis of the same span */
    size_t n;
    for (size_t k = 0; k < 3; k++) {
        A[k * 3 + k] = 1;
        B[k * 3 + k] = cos(want[k]);
        B[(k + 4) * 3 + k] = sin(want[k]);
    }
    rnn_gemm(0, 0, 8, 3, 3, 1, B, mix, 0, mixed);
    OK(rnn_principal_angles(8, 3, A, 3, mixed, angle, &n, &err));
    assert_int_equal(n, 3);
    for (size_t k = 0; k < 3; k++) close_to(angle[k], want[k], 2e-15);
    /* one direction against a plane that it leaves by 0.4; a dependent column counts for nothing */
    const double one[8] = { 0, cos(0.4), 0, 0, 0, sin(0.4) };
    double twice[16];
    for (size_t i = 0; i < 8; i++) twice[2 * i] = twice[2 * i + 1] = one[i];
    OK(rnn_principal_angles(8, 2, twice, 3, A, angle, &n, &err));
    assert_int_equal(n, 1);
    close_to(angle[0], 0.4, 2e-15);
    close_to(rnn_cosine(8, one, one), 1, 1e-15);
    const double zero[8] = { 0 };
    assert_true(isnan(rnn_cosine(8, one, zero)));
}

/* ---- common coordinates ---- */

/* Random states, fewer than units when K < N. */
static double *states(size_t K, size_t N, uint64_t item)
{
    struct rnn_rng g;
    double *H;
    OK(rnn_rng_at(&g, 8, RNN_RNG_TEST, 0, item, 0, &err));
    OK(rnn_alloc_into(&H, K * N, sizeof *H, &err));
    for (size_t i = 0; i < K * N; i++) H[i] = fmax(0, rnn_rng_normal(&g) + (double)(i % N % 3));
    return H;
}

static void rotations_are_orthogonal(void **state)
{
    (void)state;
    static const size_t sizes[] = { 4, 11, 30 };
    for (size_t i = 0; i < RNN_LEN(sizes); i++) {
        const size_t K = sizes[i], N = 11;
        double *H = states(K, N, i), R[121], RR[121];
        OK(rnn_rotation_hidden(K, N, H, H, 5, R, &err));
        rnn_gemm(0, 1, N, N, N, 1, R, R, 0, RR);
        for (size_t k = 0; k < N * N; k++) close_to(RR[k], k % (N + 1) == 0, 1e-14);
        for (size_t k = 0; k < 5 && k < K; k++) {
            double dot = 0;
            for (size_t j = 0; j < N; j++) dot += R[k * N + j] * H[j];
            assert_true(dot >= 0);
        }
        free(H);
    }
}

/* Spectra, distances and the share of variance between groups do not depend on coordinates. */
static double eta2(size_t K, size_t N, const double *h)
{
    double between = 0, total = 0;
    for (size_t j = 0; j < N; j++) {
        double mean[2] = { 0, 0 };
        for (size_t k = 0; k < K; k++) mean[k % 2] += h[k * N + j] / (double)(K / 2);
        const double all = (mean[0] + mean[1]) / 2;
        for (int g = 0; g < 2; g++) between += (double)(K / 2) * (mean[g] - all) * (mean[g] - all);
        for (size_t k = 0; k < K; k++) total += (h[k * N + j] - all) * (h[k * N + j] - all);
    }
    return between / total;
}

static void rotation_is_only_a_change_of_coordinates(void **state)
{
    (void)state;
    const size_t K = 12, N = 10;
    struct rnn_net *net = make_net(N, 0, false, 64, 7);
    struct rnn_rotated r;
    double *H = states(K, N, 9), R[100], Z[120], s[10], t[10];
    move(net);
    OK(rnn_rotation_hidden(K, N, H, H, N, R, &err));
    OK(rnn_rotate_net(net, R, &r, &err));
    OK(rnn_svd(N, N, r.W, NULL, s, NULL, &err));
    OK(rnn_svd(N, N, rnn_net_param(net, "W_rec"), NULL, t, NULL, &err));
    close_to(distance(N, s, t), 0, 1e-14);
    rnn_gemm(0, 1, K, N, N, 1, H, R, 0, Z);
    for (size_t a = 0; a < K; a++) {
        for (size_t b = 0; b < a; b++) {
            double dh[10], dz[10];
            for (size_t j = 0; j < N; j++) {
                dh[j] = H[a * N + j] - H[b * N + j];
                dz[j] = Z[a * N + j] - Z[b * N + j];
            }
            close_to(rnn_norm2(N, dz), rnn_norm2(N, dh), 1e-13);
            close_to(rnn_cosine(N, Z + a * N, Z + b * N), rnn_cosine(N, H + a * N, H + b * N), 1e-14);
        }
    }
    close_to(eta2(K, N, Z), eta2(K, N, H), 1e-14);
    /* W_out' h' = W_out h */
    double o[3], oz[3];
    rnn_gemv(0, 3, N, 1, rnn_net_param(net, "W_out"), H, 0, o);
    rnn_gemv(0, 3, N, 1, r.W_out, Z, 0, oz);
    close_to(distance(3, o, oz), 0, 1e-13);
    rnn_rotated_release(&r);
    rnn_net_free(net);
    free(H);
}

/* Two nets that differ in the order of their units only become one and the same. */
static void permuted_nets_align(void **state)
{
    (void)state;
    const size_t N = 6, K = 9;
    static const size_t at[] = { 3, 0, 5, 1, 4, 2 };
    struct rnn_net *a = make_net(N, 0, false, 64, 8), *b;
    double *H = states(K, N, 11), *G = states(K, N, 11), R[36], Q[36], back[36];
    struct rnn_rotated ra, rb;
    move(a);
    OK(rnn_net_copy(&b, a, &err));
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < N; j++) rnn_net_param(b, "W_rec")[i * N + j] = rnn_net_param(a, "W_rec")[at[i] * N + at[j]];
        for (size_t j = 0; j < 4; j++) rnn_net_param(b, "W_in")[i * 4 + j] = rnn_net_param(a, "W_in")[at[i] * 4 + j];
        for (size_t j = 0; j < 3; j++) rnn_net_param(b, "W_out")[j * N + i] = rnn_net_param(a, "W_out")[j * N + at[i]];
        rnn_net_param(b, "b_rec")[i] = rnn_net_param(a, "b_rec")[at[i]];
        rnn_net_param(b, "b_in")[i] = rnn_net_param(a, "b_in")[at[i]];
        for (size_t k = 0; k < K; k++) G[k * N + i] = H[k * N + at[i]];
    }
    for (int by_weights = 0; by_weights < 2; by_weights++) {
        if (by_weights) {
            OK(rnn_rotation_weights(N, rnn_net_param(a, "W_rec"), H, N, R, &err));
            OK(rnn_rotation_weights(N, rnn_net_param(b, "W_rec"), G, N, Q, &err));
        } else {
            OK(rnn_rotation_hidden(K, N, H, H, N, R, &err));
            OK(rnn_rotation_hidden(K, N, G, G, N, Q, &err));
        }
        OK(rnn_rotate_net(a, R, &ra, &err));
        OK(rnn_rotate_net(b, Q, &rb, &err));
        close_to(distance(36, ra.W, rb.W), 0, 1e-13);
        close_to(distance(24, ra.W_in, rb.W_in), 0, 1e-13);
        close_to(distance(18, ra.W_out, rb.W_out), 0, 1e-13);
        close_to(distance(6, ra.b, rb.b), 0, 1e-13);
        /* what they share, put back, is each of them; so is the other variant */
        OK(rnn_unrotate_W(N, Q, ra.W, back, &err));
        close_to(distance(36, back, rnn_net_param(b, "W_rec")), 0, 1e-13);
        double s[6];
        OK(rnn_svd(N, N, ra.W, NULL, s, NULL, &err));
        OK(rnn_filtered_by_spectrum(N, rnn_net_param(b, "W_rec"), s, back, &err));
        close_to(distance(36, back, rnn_net_param(b, "W_rec")), 0, 1e-13);
        rnn_rotated_release(&ra);
        rnn_rotated_release(&rb);
    }
    rnn_net_free(a);
    rnn_net_free(b);
    free(H);
    free(G);
}

/* ---- networks ---- */

/* Other names for the tokens, and columns of W_in in that order: the outputs stay. */
static void names_of_tokens_do_not_matter(void **state)
{
    (void)state;
    static const size_t at[] = { 2, 3, 1, 0 };
    struct rnn_task *t;
    struct rnn_trials tr, other;
    struct rnn_run_result r, q;
    struct rnn_run_opts opts = RNN_RUN_DEFAULT;
    struct rnn_kvs params = { 0 };
    OK(rnn_kvs_uint(&params, "tokens", 4, &err));
    OK(rnn_kvs_uint(&params, "n-types", 3, &err));
    OK(rnn_task_make(&t, "sequence", &params, 7, &err));
    struct rnn_net *a = make_net(16, 0, false, 32, 9), *b;
    OK(rnn_net_copy(&b, a, &err));
    OK(rnn_task_trials(t, RNN_TRAIN, 0, NULL, 0, 20, 0, &tr, &err));
    OK(rnn_task_trials(t, RNN_TRAIN, 0, NULL, 0, 20, 0, &other, &err));
    for (size_t i = 0; i < 16; i++)
        for (size_t c = 0; c < 4; c++) rnn_net_param(b, "W_in")[i * 4 + at[c]] = rnn_net_param(a, "W_in")[i * 4 + c];
    for (size_t i = 0; i < 20 * tr.T; i++)
        for (size_t c = 0; c < 4; c++) other.u[i * 4 + at[c]] = tr.u[i * 4 + c];
    OK(rnn_run_score(a, t, &tr, &opts, &r, &err));
    OK(rnn_run_score(b, t, &other, &opts, &q, &err));
    for (size_t i = 0; i < 20 * tr.T * 3; i++) close_to((double)r.o[i], (double)q.o[i], 1e-6);
    rnn_run_release(&r);
    rnn_run_release(&q);
    rnn_trials_release(&tr);
    rnn_trials_release(&other);
    rnn_kvs_release(&params);
    rnn_net_free(a);
    rnn_net_free(b);
    rnn_task_free(t);
}

static void units_prefer_where_they_vary(void **state)
{
    (void)state;
    /* unit 0 varies in class 1 (variance 4), unit 1 in class 0 (1) more than in class 1 (.25), unit 2 not; the wrong trial would
     * have made unit 2 vary */
    static const double h[] = { 0, 0, 1, 0, 2, 1, 1, 0, 1, 5, 1, 1, 9, 9, 9 };
    static const size_t cls[] = { 0, 0, 1, 1, 0 };
    static const bool right[] = { true, true, true, true, false };
    double var[6];
    size_t preferred[3];
    OK(rnn_unit_preference(5, 3, h, 2, cls, right, 1e-3, var, preferred, &err));
    static const double want[] = { 0, 4, 1, .25, 0, 0 };
    for (size_t i = 0; i < 6; i++) close_to(var[i], want[i], 1e-15);
    assert_int_equal(preferred[0], 1);
    assert_int_equal(preferred[1], 0);
    assert_int_equal(preferred[2], 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modes_of_a_known_matrix),
        cmocka_unit_test(keeping_all_changes_no_bit),
        cmocka_unit_test(a_mode_of_no_weight_is_not_missed),
        cmocka_unit_test(both_ways_of_adding_agree),
        cmocka_unit_test(factorised_nets_lose_the_same_mode),
        cmocka_unit_test(the_random_control_has_norm_s1),
        cmocka_unit_test(what_is_missing_is_said),
        cmocka_unit_test(angles_of_planes_turned_by_known_ones),
        cmocka_unit_test(rotations_are_orthogonal),
        cmocka_unit_test(rotation_is_only_a_change_of_coordinates),
        cmocka_unit_test(permuted_nets_align),
        cmocka_unit_test(names_of_tokens_do_not_matter),
        cmocka_unit_test(units_prefer_where_they_vary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
