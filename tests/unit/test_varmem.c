/* Variable memories found in networks whose memories are known because they were built: every variant is exact where the theory says
 * so and only there; controls are as bad as they must be. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "analysis/varmem.h"
#include "base/mem.h"
#include "model/engine.h"
#include "model/operator.h"
#include "num/linalg.h"
#include "num/rng.h"
#include "theory/memory_net.h"

static struct rnn_err err;

static double *operator_of(const char *text, size_t s)
{
    struct rnn_select *sel;
    size_t lags, d;
    assert_int_equal(rnn_operator_from_text(text, &lags, &d, &sel, &err), RNN_OK);
    double *F = rnn_alloc(d * s * d, sizeof *F);
    rnn_operator_matrix(s, d, sel, F);
    free(sel);
    return F;
}

static const char *const RC4 = "+ 1 1; + 1 2; + 1 3; + 1 4";
static const char *const CC8 = "+ 1 1; + 2 2; + 3 3; + 4 4; + 5 5; + 6 6; + 7 7; + 8 8";
static const char *const T2 = "- 5 5; + 4 4; - 3 3; - 1 1; - 2 2; - 6 6; + 8 8; - 7 7"; /* (9241421688590303745, 262676, 189) */

struct built {
    struct rnn_operator op;
    double *F, *Psi;
    struct rnn_net *net;
    struct rnn_linear lin;
    struct rnn_projector proj;
};

static struct built build(const char *text, size_t s, size_t d, size_t N, enum rnn_memory_form form, double theta)
{
    struct built b = {.F = operator_of(text, s)};
    b.op = (struct rnn_operator){s, d, b.F};
    b.Psi = rnn_alloc(N * s * d, sizeof *b.Psi);
    const struct rnn_memory_build how = {.form = form, .N = N, .amplitude = 0.9, .input_gain = NAN, .epsilon = 0.1, .gain = 1, .seed = 4};
    assert_int_equal(rnn_memory_net(&b.op, &how, 0, &b.net, b.Psi, NULL, &err), RNN_OK);
    assert_int_equal(rnn_linearise(b.net, NULL, &b.lin, &err), RNN_OK);
    assert_int_equal(rnn_projector_make(N, b.lin.J, theta, &b.proj, &err), RNN_OK);
    return b;
}

static void release(struct built *b)
{
    rnn_projector_release(&b->proj);
    rnn_linear_release(&b->lin);
    rnn_net_free(b->net);
    free(b->F);
    free(b->Psi);
}

static struct rnn_vm_phi phi_of(const struct built *b, const struct rnn_vm_options *opt, struct rnn_vm_basis *basis)
{
    struct rnn_vm_basis own = {0};
    struct rnn_vm_phi phi;
    struct rnn_vm_basis *to = basis ? basis : &own;
    assert_int_equal(rnn_vm_basis_make(&b->lin, &b->op, &b->proj, opt, NULL, to, &err), RNN_OK);
    assert_int_equal(rnn_vm_phi_make(&b->lin, &b->op, to, &phi, &err), RNN_OK);
    rnn_vm_basis_release(&own);
    return phi;
}

/* The dual basis recovers every operator, the input basis those where no dimension is used at two lags. */
static void exact_on_linear_networks(void **state)
{
    (void)state;
    const struct { const char *text; size_t d, kept; } of[] = {{RC4, 4, 32}, {CC8, 8, 36}, {T2, 8, 36}};
    for (size_t i = 0; i < RNN_LEN(of); i++) {
        struct built b = build(of[i].text, 8, of[i].d, 128, RNN_MEMORY_LINEAR, 0.5);
        assert_int_equal(b.proj.k, of[i].kept);
        for (int v = 0; v < 2; v++) {
            const struct rnn_vm_options opt = {.variant = v ? RNN_VM_DUAL : RNN_VM_INPUT, .project = true};
            struct rnn_vm_phi phi = phi_of(&b, &opt, NULL);
            assert_int_equal(phi.kept, of[i].kept);
            assert_true(phi.relative_error < 1e-11 && phi.off_max < 1e-11 && phi.match == 1 && phi.leak < 1e-11);
            assert_true(phi.exact_error < 1e-11 && phi.informative_error < 1e-11 && phi.informative_norm > 1);
            rnn_vm_phi_release(&phi);
        }
        release(&b);
    }
}

/* A dimension used at several lags: columns of the input basis branch before their last memory, rows of the dual do not. */
static void only_dual_is_exact_for_branching_operators(void **state)
{
    (void)state;
    struct built b = build("+ 1 1; + 1 2; + 1 3", 4, 3, 40, RNN_MEMORY_LINEAR, 1e-3);
    struct rnn_rng g;
    assert_int_equal(rnn_rng_at(&g, 1, RNN_RNG_TEST, 0, 0, 0, &err), RNN_OK);
    for (size_t i = 0; i < 3; i++)
        for (size_t j = 0; j < 3; j++) {
            b.F[i * 12 + 6 + j] = 0.3 * rnn_rng_normal(&g);
            b.F[i * 12 + 9 + j] = i == j ? 0.3 : 0;
        }
    const struct rnn_memory_build how = {.form = RNN_MEMORY_LINEAR, .N = 40, .seed = 4};
    rnn_net_free(b.net);
    rnn_linear_release(&b.lin);
    rnn_projector_release(&b.proj);
    assert_int_equal(rnn_memory_net(&b.op, &how, 0, &b.net, NULL, NULL, &err), RNN_OK);
    assert_int_equal(rnn_linearise(b.net, NULL, &b.lin, &err), RNN_OK);
    assert_int_equal(rnn_projector_make(40, b.lin.J, 0.1, &b.proj, &err), RNN_OK);
    struct rnn_vm_options opt = {.variant = RNN_VM_DUAL, .project = true};
    struct rnn_vm_phi phi = phi_of(&b, &opt, NULL);
    assert_true(phi.relative_error < 1e-12);
    rnn_vm_phi_release(&phi);
    opt.variant = RNN_VM_INPUT;
    phi = phi_of(&b, &opt, NULL);
    assert_true(phi.relative_error > 0.05 && phi.off_max > 0.1);
    rnn_vm_phi_release(&phi);
    release(&b);
}

/* (J')^k R+ is the basis of repeat copy when Psi is orthonormal, (J')^(s-k) R+ never is. */
static void backward_power(void **state)
{
    (void)state;
    struct built b = build(RC4, 8, 4, 64, RNN_MEMORY_ROTATED, 0.5);
    struct rnn_vm_options opt = {.variant = RNN_VM_MIXED, .alpha = 0, .project = true};
    struct rnn_vm_phi phi = phi_of(&b, &opt, NULL);
    assert_true(phi.relative_error < 1e-11);
    rnn_vm_phi_release(&phi);
    opt.variant = RNN_VM_BACKWARD;
    phi = phi_of(&b, &opt, NULL);
    assert_true(phi.relative_error > 0.5);
    rnn_vm_phi_release(&phi);
    release(&b);
}

static void variants_refuse_what_they_cannot_do(void **state)
{
    (void)state;
    struct rnn_vm_basis basis;
    struct built b = build("+ 1 1; - 2 1; + 1 3", 3, 3, 20, RNN_MEMORY_LINEAR, 0.5);
    struct rnn_vm_options opt = {.variant = RNN_VM_DUAL, .project = true};
    assert_int_equal(rnn_vm_basis_make(&b.lin, &b.op, &b.proj, &opt, NULL, &basis, &err), RNN_ERR_ARG);
    assert_non_null(strstr(err.msg, "permutes"));
    opt.variant = RNN_VM_INPUT;
    opt.norm = RNN_VM_NORM_ACTIVITY;
    assert_int_equal(rnn_vm_basis_make(&b.lin, &b.op, &b.proj, &opt, NULL, &basis, &err), RNN_ERR_ARG);
    release(&b);
    b = build(RC4, 8, 4, 40, RNN_MEMORY_LINEAR, 1.5); /* nothing is that slow */
    assert_int_equal(b.proj.k, 0);
    opt = (struct rnn_vm_options){.variant = RNN_VM_DUAL, .project = true};
    assert_int_equal(rnn_vm_basis_make(&b.lin, &b.op, &b.proj, &opt, NULL, &basis, &err), RNN_ERR_NUMERIC);
    opt.variant = RNN_VM_INPUT;
    assert_int_equal(rnn_vm_basis_make(&b.lin, &b.op, &b.proj, &opt, NULL, &basis, &err), RNN_ERR_NUMERIC);
    release(&b);
}

/* A13: without the network, the shift is there just the same; the rest is not. */
static void vacuity(void **state)
{
    (void)state;
    struct built b = build(RC4, 8, 4, 128, RNN_MEMORY_LINEAR, 0.5);
    for (uint64_t i = 0; i < 5; i++) {
        double shift, info, norm;
        assert_int_equal(rnn_vm_vacuity(&b.lin, &b.op, 7, i, &shift, &info, &norm, &err), RNN_OK);
        assert_true(shift < 1e-12 && info >= norm && fabs(norm - 2) < 1e-12);
    }
    release(&b);
}

static void spectrum(void **state)
{
    (void)state;
    struct built b = build("+ 1 1; + 1 2; + 1 3; + 1 4; + 1 5", 16, 5, 128, RNN_MEMORY_LINEAR, 0.5);
    double _Complex w[128], theory[80];
    size_t n;
    struct rnn_spectrum_match m;
    assert_int_equal(rnn_operator_spectrum(&b.op, theory, &n, NULL, &err), RNN_OK);
    assert_true(rnn_eig(128, b.lin.J, w, NULL, NULL, &err) >= 0);
    assert_int_equal(rnn_spectrum_compare(128, w, n, theory, 0.9, &m, &err), RNN_OK);
    assert_true(m.n_theory == 80 && m.n_ge_theta == 80 && m.counts_agree && m.directions_agree && m.n_directions == 16);
    assert_true(m.angle_mean < 1e-9 && m.angle_max < 1e-9 && m.angle_greedy < 1e-9 && m.next_modulus < 1e-6);
    for (size_t k = 0; k < 16; k++) {
        assert_true(m.found[k] == 5 && m.expected[k] == 5);
        assert_true(fabs(m.direction[k] - 2 * M_PI * (double)k / 16) < 1e-12);
    }
    rnn_spectrum_match_release(&m);
    for (size_t i = 0; i < 80; i++) w[i] *= cexp(I * 0.01); /* every mode turned by 0.01 rad */
    assert_int_equal(rnn_spectrum_compare(128, w, n, theory, 0.9, &m, &err), RNN_OK);
    assert_true(fabs(m.angle_mean - 0.01) < 1e-9 && fabs(m.angle_max - 0.01) < 1e-9);
    rnn_spectrum_match_release(&m);
    assert_int_equal(rnn_spectrum_compare(60, w, n, theory, 0.9, &m, &err), RNN_OK); /* fewer units than modes */
    assert_true(isnan(m.angle_mean) && !m.counts_agree && m.n_theory == 80);
    rnn_spectrum_match_release(&m);
    release(&b);
}

/* A14: the initial law has no slow modes, and angles that agree no better than chance. */
static void untrained_network(void **state)
{
    (void)state;
    const struct { size_t s, d, N; double at_least; } of[] = {{4, 3, 64, 0.1}, {8, 4, 64, 0.15}, {8, 4, 128, 0.15}};
    for (size_t i = 0; i < RNN_LEN(of); i++) {
        struct rnn_spec spec;
        struct rnn_net *net;
        double *F = rnn_alloc(of[i].d * of[i].s * of[i].d, sizeof *F);
        for (size_t k = 0; k < of[i].d; k++) F[k * of[i].s * of[i].d + k] = 1;
        const struct rnn_operator op = {of[i].s, of[i].d, F};
        rnn_spec_default(&spec);
        spec.N = of[i].N, spec.n_in = spec.n_out = of[i].d;
        spec.bias_rec = spec.bias_in = spec.bias_out = false;
        assert_int_equal(rnn_net_new(&net, &spec, &err), RNN_OK);
        const struct rnn_init_law law = {RNN_INIT_UNIFORM, 1};
        const struct rnn_init_plan plan = {.W_rec = law, .W_in = law, .W_out = law, .bias = law, .rnn_fan = true, .b_out_sd = -1};
        assert_int_equal(rnn_net_init(net, &plan, 6, &err), RNN_OK);
        double _Complex w[128], theory[32];
        size_t n;
        struct rnn_spectrum_match m;
        assert_true(rnn_eig(spec.N, rnn_net_param(net, "W_rec"), w, NULL, NULL, &err) >= 0);
        assert_int_equal(rnn_operator_spectrum(&op, theory, &n, NULL, &err), RNN_OK);
        assert_int_equal(rnn_spectrum_compare(spec.N, w, n, theory, 0.9, &m, &err), RNN_OK);
        assert_int_equal(m.n_ge_theta, 0);
        assert_true(m.angle_mean >= of[i].at_least && m.angle_mean < 0.6);
        rnn_spectrum_match_release(&m);
        rnn_net_free(net);
        free(F);
    }
}

/* K trials of +-1 through the input phase and T-s outputs: states and contents. */
static void run(const struct built *b, size_t K, size_t T, double *h, double *full)
{
    const size_t s = b->op.s, d = b->op.d, n = s * d, N = b->net->spec.N;
    struct rnn_rng g;
    assert_int_equal(rnn_rng_at(&g, 2, RNN_RNG_TEST, 0, 0, 0, &err), RNN_OK);
    double *zero = rnn_alloc(N, sizeof *zero);
    for (size_t k = 0; k < K; k++) {
        double *f = full + k * T * d, *x = h + k * T * N;
        for (size_t i = 0; i < s * d; i++) f[i] = rnn_rng_u32(&g) & 1 ? 1 : -1;
        for (size_t t = s; t < T; t++) rnn_gemv(0, d, n, 1, b->op.F, f + (t - s) * d, 0, f + t * d);
        for (size_t t = 0; t < T; t++)
            assert_int_equal(rnn_net_step(b->net, t ? x + (t - 1) * N : zero, t < s ? f + t * d : NULL, x + t * N, &err), RNN_OK);
    }
    free(zero);
}

static void decoding(void **state)
{
    (void)state;
    enum { K = 30, T = 40, S = 8, N = 64 };
    struct built b = build(RC4, S, 4, N, RNN_MEMORY_LINEAR, 0.5);
    double *h = rnn_alloc(K * T * N, sizeof *h), *full = rnn_alloc(K * T * 4, sizeof *full), accuracy[S], r2[S], reduced;
    run(&b, K, T, h, full);
    const struct rnn_vm_trajectories tr = {K, T, h, full, 0};
    struct rnn_vm_basis basis;
    for (int v = 0; v < RNN_VM_N_VARIANTS; v++) {
        const struct rnn_vm_options opt = {.variant = v, .alpha = 0.5, .project = true};
        struct rnn_vm_phi phi = phi_of(&b, &opt, &basis);
        const bool exact = v == RNN_VM_INPUT || v == RNN_VM_DUAL;
        double mean = 0;
        for (size_t offset = 0; offset <= 32; offset += 4) {
            assert_int_equal(rnn_vm_decode(&basis, &b.op, &tr, offset, accuracy, r2, &err), RNN_OK);
            for (size_t m = 0; m < S; m++) {
                mean += accuracy[m] / (9 * S);
                if (exact) assert_true(accuracy[m] == 1 && r2[m] > 1 - 1e-12);
            }
        }
        if (v == RNN_VM_BACKWARD) assert_true(mean < 0.8);
        assert_int_equal(rnn_vm_decode(&basis, &b.op, &tr, 33, accuracy, NULL, &err), RNN_ERR_ARG);
        assert_int_equal(rnn_vm_reduced_accuracy(&basis, &phi, &b.op, &tr, &reduced, &err), RNN_OK);
        if (exact) assert_true(reduced == 1);
        rnn_vm_phi_release(&phi);
        rnn_vm_basis_release(&basis);
    }
    /* contents that never vary have no variance to explain */
    const struct rnn_vm_options opt = {.variant = RNN_VM_DUAL, .project = true};
    for (size_t i = 0; i < K * T * 4; i++) full[i] = 1;
    assert_int_equal(rnn_vm_basis_make(&b.lin, &b.op, &b.proj, &opt, NULL, &basis, &err), RNN_OK);
    assert_int_equal(rnn_vm_decode(&basis, &b.op, &tr, 4, accuracy, r2, &err), RNN_OK);
    for (size_t m = 0; m < S; m++) assert_true(isnan(r2[m]) && !isnan(accuracy[m]));
    rnn_vm_basis_release(&basis);
    free(h), free(full);
    release(&b);
}

/* Saturating network: |lambda| = g = atanh(a)/a.  In a basis without scale the loop's gain g^s gathers in the informative block; scaled by
 * each variable's own activity it spreads evenly. */
static void activity_norm_spreads_the_gain(void **state)
{
    (void)state;
    enum { K = 40, T = 60, S = 8, N = 64 };
    const double g = atanh(0.9) / 0.9;
    struct built b = build(RC4, S, 4, N, RNN_MEMORY_TANH, 0.5);
    double *h = rnn_alloc(K * T * N, sizeof *h), *full = rnn_alloc(K * T * 4, sizeof *full), sd[32];
    run(&b, K, T, h, full);
    const struct rnn_vm_trajectories tr = {K, T, h, full, 0};
    for (int v = 0; v < 2; v++) {
        struct rnn_vm_options opt = {.variant = v ? RNN_VM_DUAL : RNN_VM_INPUT, .project = true};
        struct rnn_vm_basis basis;
        struct rnn_vm_phi phi = phi_of(&b, &opt, &basis);
        assert_true(fabs(phi.on_max / pow(g, S) - 1) < 1e-9 && fabs(phi.on_min - 1) < 1e-9);
        rnn_vm_phi_release(&phi);
        assert_int_equal(rnn_vm_activity(&basis, &b.op, &tr, 50, sd, &err), RNN_OK);
        rnn_vm_basis_release(&basis);
        opt.norm = RNN_VM_NORM_ACTIVITY;
        assert_int_equal(rnn_vm_basis_make(&b.lin, &b.op, &b.proj, &opt, sd, &basis, &err), RNN_OK);
        assert_int_equal(rnn_vm_phi_make(&b.lin, &b.op, &basis, &phi, &err), RNN_OK);
        assert_true(fabs(phi.on_mean - g) < 0.05 && phi.on_min > 0.8 * g && phi.on_max < 1.3 * g && isnan(phi.exact_error));
        rnn_vm_phi_release(&phi);
        rnn_vm_basis_release(&basis);
    }
    free(h), free(full);
    release(&b);
}

static void ports_and_impulses(void **state)
{
    (void)state;
    struct built b = build(RC4, 8, 4, 64, RNN_MEMORY_LINEAR, 0.5);
    struct rnn_vm_ports p;
    assert_int_equal(rnn_vm_ports_make(&b.lin, &b.proj, &p, &err), RNN_OK);
    assert_true(fabs(p.RU_diag_mean - 1) < 1e-10 && p.RU_off_max < 1e-10 && fabs(p.RPU_diag_min - 1) < 1e-10);
    assert_true(fabs(p.RPU_diag_max - 1) < 1e-10 && p.RPU_off_max < 1e-10);
    assert_true(p.angle_U_R_max > p.angle_U_R_min && p.angle_U_R_max < 90);
    double diag[20], off[20];
    assert_int_equal(rnn_vm_impulse(&b.lin, 20, diag, off, &err), RNN_OK);
    for (size_t tau = 1; tau <= 20; tau++) assert_true(fabs(diag[tau - 1] - (tau % 8 == 0)) < 1e-9 && off[tau - 1] < 1e-9);
    release(&b);
    b = build(RC4, 8, 4, 64, RNN_MEMORY_ROTATED, 0.5); /* U is the transpose of R up to scale */
    assert_int_equal(rnn_vm_ports_make(&b.lin, &b.proj, &p, &err), RNN_OK);
    assert_true(p.angle_U_R_max < 1e-10 && p.angle_PU_PR_max < 1e-10);
    /* of three long-term modes four directions cannot be read: no angle is made up for the fourth */
    memset(b.proj.P, 0, 64 * 64 * sizeof *b.proj.P);
    for (size_t i = 0; i < 3; i++) b.proj.P[i * 65] = 1;
    assert_int_equal(rnn_vm_ports_make(&b.lin, &b.proj, &p, &err), RNN_OK);
    assert_true(p.angle_U_R_max < 1e-10 && isnan(p.angle_PU_PR_min) && isnan(p.angle_PU_PR_max));
    release(&b);
}

static void complement(void **state)
{
    (void)state;
    enum { N = 48, S = 8, KEPT = 32, Q = N - KEPT, COUNT = 200 };
    struct built b = build(RC4, S, 4, N, RNN_MEMORY_LINEAR, 0.5);
    const struct rnn_vm_options opt = {.variant = RNN_VM_DUAL, .project = true};
    struct rnn_vm_basis basis;
    struct rnn_vm_phi phi = phi_of(&b, &opt, &basis);
    double h[COUNT * N], perp[N * Q], variance[Q], full[N * N], norms[2][2], cross[KEPT * Q], gram[Q * Q];
    struct rnn_rng g;
    assert_int_equal(rnn_rng_at(&g, 3, RNN_RNG_TEST, 0, 0, 0, &err), RNN_OK);
    for (size_t i = 0; i < COUNT * N; i++) h[i] = rnn_rng_normal(&g);
    assert_int_equal(rnn_vm_complement(&basis, COUNT, h, perp, variance, &err), RNN_OK);
    rnn_gemm(1, 0, KEPT, Q, N, 1, basis.Psi, perp, 0, cross);
    rnn_gemm(1, 0, Q, Q, N, 1, perp, perp, 0, gram);
    for (size_t i = 0; i < KEPT * Q; i++) assert_true(fabs(cross[i]) < 1e-10);
    for (size_t i = 0; i < Q * Q; i++) assert_true(fabs(gram[i] - (i % (Q + 1) == 0)) < 1e-10);
    for (size_t i = 1; i < Q; i++) assert_true(variance[i] <= variance[i - 1] && variance[i] > 0);
    assert_int_equal(rnn_vm_full_matrix(&b.lin, &basis, perp, full, norms, &err), RNN_OK);
    for (size_t i = 0; i < KEPT; i++) /* the memory block is Phi_learned itself */
        for (size_t j = 0; j < KEPT; j++) assert_true(fabs(full[i * N + j] - phi.learned[i * KEPT + j]) < 1e-10);
    /* W = Psi Phi Psi* has its range in span(Psi), so nothing arrives in the rest */
    assert_true(norms[0][0] > 1 && norms[1][0] < 1e-10 && norms[1][1] < 1e-10);
    rnn_vm_phi_release(&phi);
    rnn_vm_basis_release(&basis);
    release(&b);
}

/* P is a projector, commutes with A, and is the one along the other eigenvectors, also for a non-normal matrix. */
static void spectral_projector(void **state)
{
    (void)state;
    enum { N = 20, K = 7 };
    double V[N * N], Vi[N * N], A[N * N], D[N * N] = {0}, P[N * N], t[N * N];
    struct rnn_rng g;
    struct rnn_projector p;
    assert_int_equal(rnn_rng_at(&g, 6, RNN_RNG_TEST, 0, 0, 0, &err), RNN_OK);
    for (size_t i = 0; i < N * N; i++) V[i] = rnn_rng_normal(&g) + 0.3;
    assert_true(rnn_inverse(N, V, Vi, NULL, &err) >= 0);
    for (size_t i = 0; i < N; i++) D[i * N + i] = i < K ? 1 + 0.05 * (double)i : 0.02 * (double)i;
    rnn_gemm(0, 0, N, N, N, 1, V, D, 0, t);
    rnn_gemm(0, 0, N, N, N, 1, t, Vi, 0, A);
    for (size_t i = 0; i < N; i++) D[i * N + i] = i < K;
    rnn_gemm(0, 0, N, N, N, 1, V, D, 0, t);
    rnn_gemm(0, 0, N, N, N, 1, t, Vi, 0, P);
    assert_int_equal(rnn_projector_make(N, A, 0.9, &p, &err), RNN_OK);
    assert_int_equal(p.k, K);
    for (size_t i = 0; i < N * N; i++) assert_true(fabs(p.P[i] - P[i]) < 1e-9);
    rnn_gemm(0, 0, K, K, N, 1, p.dual, p.Q, 0, t); /* dual Q = I */
    for (size_t i = 0; i < K * K; i++) assert_true(fabs(t[i] - (i % (K + 1) == 0)) < 1e-10);
    rnn_projector_release(&p);
    A[3] = NAN;
    assert_int_equal(rnn_projector_make(N, A, 0.9, &p, &err), RNN_ERR_NUMERIC);
}

/* Biases move the fixed point: J, D and R are those there. */
static void linearised_about_its_fixed_point(void **state)
{
    (void)state;
    enum { N = 12, D = 2 };
    struct rnn_spec spec;
    struct rnn_net *net;
    rnn_spec_default(&spec);
    spec.N = N, spec.n_in = spec.n_out = D;
    assert_int_equal(rnn_net_new(&net, &spec, &err), RNN_OK);
    const struct rnn_init_law law = {RNN_INIT_UNIFORM, 1};
        const struct rnn_init_plan plan = {.W_rec = law, .W_in = law, .W_out = law, .bias = law, .rnn_fan = true, .b_out_sd = -1};
    assert_int_equal(rnn_net_init(net, &plan, 6, &err), RNN_OK);
    for (size_t i = 0; i < N; i++) rnn_net_param(net, "b_rec")[i] = 0.5 * sin((double)i);
    struct rnn_linear l;
    double next[N];
    assert_int_equal(rnn_linearise(net, NULL, &l, &err), RNN_OK);
    assert_int_equal(rnn_net_step(net, l.x_star, NULL, next, &err), RNN_OK);
    const double *W = rnn_net_param(net, "W_rec"), *U = rnn_net_param(net, "W_in");
    double far = 0;
    for (size_t i = 0; i < N; i++) {
        assert_true(fabs(next[i] - l.x_star[i]) < 1e-12);
        far = fmax(far, fabs(l.x_star[i]));
        const double slope = 1 - l.x_star[i] * l.x_star[i]; /* 1 - h*^2, as the slope of tanh at the pre-activation is */
        for (size_t j = 0; j < N; j++) assert_true(fabs(l.J[i * N + j] - slope * W[i * N + j]) < 1e-12);
        for (size_t j = 0; j < D; j++) assert_true(fabs(l.D[i * D + j] - slope * U[i * D + j]) < 1e-12);
    }
    assert_true(far > 0.1);
    rnn_linear_release(&l);
    rnn_net_free(net);
}

static void pictures(void **state)
{
    (void)state;
    double u[16 * 8];
    /* the released code's "315", given as on-pixels per step */
    static const char *const on[8] = {"246", "23456", "", "23456", "", "2346", "2456", ""};
    assert_int_equal(rnn_vm_picture("315", 8, 8, u, &err), RNN_OK);
    for (size_t t = 0; t < 8; t++)
        for (size_t i = 0; i < 8; i++) assert_true(u[t * 8 + i] == (strchr(on[t], (int)('0' + i)) && i ? 1 : -1));
    assert_int_equal(rnn_vm_picture("3141", 16, 5, u, &err), RNN_OK);
    size_t lit = 0;
    for (size_t i = 0; i < 80; i++) lit += u[i] > 0;
    assert_int_equal(lit, 11 + 8 + 9 + 8);
    for (size_t i = 0; i < 5; i++) assert_true(u[3 * 5 + i] < 0 && u[15 * 5 + i] < 0); /* an empty column after each digit */
    assert_int_equal(rnn_vm_picture("3141", 16, 4, u, &err), RNN_ERR_ARG);
    assert_int_equal(rnn_vm_picture("31415", 8, 5, u, &err), RNN_ERR_ARG);
    assert_int_equal(rnn_vm_picture("80", 5, 5, u, &err), RNN_ERR_ARG);
    assert_int_equal(rnn_vm_picture("pi", 16, 5, u, &err), RNN_ERR_ARG);
    assert_int_equal(rnn_vm_picture_text("#.\n.5 -2\n", 2, 2, u, &err), RNN_OK);
    assert_true(u[0] == 1 && u[2] == -1 && u[1] == 0.5 && u[3] == -2);
    assert_int_equal(rnn_vm_picture_text("#.\n", 2, 2, u, &err), RNN_ERR_ARG);
    assert_int_equal(rnn_vm_picture_text("#.\n1 2 3\n", 2, 2, u, &err), RNN_ERR_ARG);
    assert_int_equal(rnn_vm_picture_text("#.\n1 x\n", 2, 2, u, &err), RNN_ERR_ARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_on_linear_networks),
        cmocka_unit_test(only_dual_is_exact_for_branching_operators),
        cmocka_unit_test(backward_power),
        cmocka_unit_test(variants_refuse_what_they_cannot_do),
        cmocka_unit_test(vacuity),
        cmocka_unit_test(spectrum),
        cmocka_unit_test(untrained_network),
        cmocka_unit_test(decoding),
        cmocka_unit_test(activity_norm_spreads_the_gain),
        cmocka_unit_test(ports_and_impulses),
        cmocka_unit_test(complement),
        cmocka_unit_test(spectral_projector),
        cmocka_unit_test(linearised_about_its_fixed_point),
        cmocka_unit_test(pictures),
    };
    return cmocka_run_group_tests_name("varmem", tests, NULL, NULL);
}
