/* One variant of the basis in one norm: its tables, arrays and decoding; and the run on a chosen input. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "model/engine.h"
#include "num/linalg.h"
#include "tool/varmem_tables.h"

static void set_which(struct rnn_table *t, const struct vm_job *j, enum rnn_vm_variant v,
                      enum rnn_vm_norm norm)
{
    rnn_table_set_str(t, "variant", rnn_vm_variant_names[v]);
    rnn_table_set_str(t, "norm", rnn_vm_norm_names[norm]);
    rnn_table_set_int(t, "projected", v == RNN_VM_DUAL || (j->plan->project && v != RNN_VM_CODE));
    rnn_table_set(t, "alpha", v == RNN_VM_MIXED ? j->plan->alpha : NAN);
}

/* The basis; with the activity norm it is made plain first, to measure by. */
static int make(const struct vm_job *j, enum rnn_vm_variant v, enum rnn_vm_norm norm, struct rnn_vm_basis *b,
                struct rnn_err *err)
{
    struct rnn_vm_options opt = {.variant = v,
                                 .norm = norm == RNN_VM_NORM_ACTIVITY ? RNN_VM_NORM_NONE : norm,
                                 .alpha = j->plan->alpha,
                                 .project = j->plan->project};
    RNN_TRY(rnn_vm_basis_make(&j->lin, &j->t->op, &j->proj, &opt, NULL, b, err));
    if (norm != RNN_VM_NORM_ACTIVITY) return RNN_OK;
    const size_t last = j->tr.T - j->t->op.s, late = last < 50 ? last : 50;
    double *sd = NULL;
    int rc = rnn_alloc_into(&sd, b->kept, sizeof *sd, err);
    if (rc >= 0) rc = rnn_vm_activity(b, &j->t->op, &j->tr, late, sd, err);
    rnn_vm_basis_release(b);
    opt.norm = norm;
    if (rc >= 0) rc = rnn_vm_basis_make(&j->lin, &j->t->op, &j->proj, &opt, sd, b, err);
    free(sd);
    return rc;
}

static int dual_error(const struct rnn_vm_basis *b, double *worst, struct rnn_err *err)
{
    double *G = NULL;
    RNN_TRY(rnn_alloc_into(&G, b->kept * b->kept, sizeof *G, err));
    rnn_gemm(0, 0, b->kept, b->kept, b->N, 1, b->dual, b->Psi, 0, G);
    *worst = 0;
    for (size_t i = 0; i < b->kept * b->kept; i++)
        *worst = fmax(*worst, fabs(G[i] - (i % (b->kept + 1) == 0)));
    free(G);
    return RNN_OK;
}

/* b NULL: state and why say what is missing. */
static int basis_row(struct vm_job *j, enum rnn_vm_variant v, enum rnn_vm_norm norm,
                     const struct rnn_vm_basis *b, const char *state, const char *why, struct rnn_err *err)
{
    double worst = NAN;
    struct rnn_table *t;
    if (b) RNN_TRY(dual_error(b, &worst, err));
    RNN_TRY(vm_row(j, VM_BASIS, &t, err));
    set_which(t, j, v, norm);
    rnn_table_set_str(t, "state", state);
    rnn_table_set_str(t, "reason", why);
    rnn_table_set_int(t, "kept", (int64_t)j->t->kept);
    rnn_table_set_int(t, "rank", b ? (int64_t)b->rank : 0);
    rnn_table_set(t, "cond", b ? b->cond : NAN);
    rnn_table_set(t, "dual_error", worst);
    rnn_table_set_int(t, "modes", (int64_t)j->proj.k);
    rnn_table_set(t, "projector_rcond", j->proj.rcond);
    rnn_table_row(t);
    return RNN_OK;
}

/* phi NULL as above. */
static int phi_row(struct vm_job *j, enum rnn_vm_variant v, enum rnn_vm_norm norm,
                   const struct rnn_vm_phi *phi, double norms[2][2], double reduced, const char *state,
                   const char *why, struct rnn_err *err)
{
    struct rnn_table *t;
    RNN_TRY(vm_row(j, VM_PHI, &t, err));
    set_which(t, j, v, norm);
    rnn_table_set_str(t, "state", state);
    rnn_table_set_str(t, "reason", why);
    rnn_table_set_int(t, "kept", (int64_t)j->t->kept);
    if (phi) {
        const struct {
            const char *name;
            double v;
        } cells[] = {
            {"relative_error", phi->relative_error},
            {"on_min", phi->on_min},
            {"on_mean", phi->on_mean},
            {"on_max", phi->on_max},
            {"off_max", phi->off_max},
            {"match", phi->match},
            {"informative_error", phi->informative_error},
            {"informative_norm", phi->informative_norm},
            {"exact_error", phi->exact_error},
            {"leak", phi->leak},
            {"W_mm", norms[0][0]},
            {"W_mr", norms[0][1]},
            {"W_rm", norms[1][0]},
            {"W_rr", norms[1][1]},
            {"reduced_accuracy", reduced},
        };
        for (size_t i = 0; i < RNN_LEN(cells); i++) rnn_table_set(t, cells[i].name, cells[i].v);
    }
    rnn_table_row(t);
    return RNN_OK;
}

static int decode_rows(struct vm_job *j, const struct rnn_vm_basis *b, struct rnn_err *err)
{
    const size_t s = j->t->op.s, last = j->tr.T - s, offsets[] = {0, 1, s / 2, s, 2 * s, 5 * s, 150};
    double *accuracy = NULL;
    struct rnn_table *t;
    RNN_TRY(rnn_alloc_into(&accuracy, 2 * s, sizeof *accuracy, err));
    int rc = RNN_OK;
    for (size_t i = 0; rc >= 0 && i < RNN_LEN(offsets); i++) {
        bool is_new = offsets[i] <= last;
        for (size_t k = 0; k < i; k++) is_new &= offsets[k] != offsets[i];
        if (is_new) rc = rnn_vm_decode(b, &j->t->op, &j->tr, offsets[i], accuracy, accuracy + s, err);
        for (size_t m = 0; rc >= 0 && is_new && m < s; m++) {
            if (isnan(accuracy[m])) continue; /* nothing of this variable is kept */
            if ((rc = vm_row(j, VM_DECODE, &t, err)) < 0) break;
            set_which(t, j, b->variant, b->norm);
            rnn_table_set_int(t, "offset", (int64_t)offsets[i]);
            rnn_table_set_int(t, "variable", (int64_t)m + 1);
            rnn_table_set(t, "decode_accuracy", accuracy[m]);
            rnn_table_set(t, "r2", accuracy[s + m]);
            rnn_table_row(t);
        }
    }
    free(accuracy);
    return rc;
}

static int arrays(struct vm_job *j, const struct rnn_vm_basis *b, const struct rnn_vm_phi *phi,
                  const double *perp, const double *variance, const double *full, struct rnn_err *err)
{
    static const char *const ue[] = {"unit", "element"}, *const eu[] = {"element", "unit"},
                             *const ee[] = {"element", "element"}, *const uc[] = {"unit", "component"},
                             *const c[] = {"component"}, *const bb[] = {"basis", "basis"},
                             *const e[] = {"element"};
    const size_t N = b->N, k = b->kept;
    const bool *want = j->plan->array;
    if (want[TOOL_VM_BASIS]) {
        int64_t *element;
        RNN_TRY(rnn_alloc_into(&element, k, sizeof *element, err));
        for (size_t i = 0; i < k; i++) element[i] = (int64_t)b->element[i];
        const int rc = vm_array(j, "element", e, RNN_I64, 1, &k, element, b, NULL, err);
        free(element);
        RNN_TRY(rc);
        RNN_TRY(vm_array(j, "Psi", ue, RNN_F64, 2, (size_t[]){N, k}, b->Psi, b, NULL, err));
        RNN_TRY(vm_array(j, "Psi_dual", eu, RNN_F64, 2, (size_t[]){k, N}, b->dual, b, NULL, err));
        RNN_TRY(vm_array(j, "complement", uc, RNN_F64, 2, (size_t[]){N, N - k}, perp, b, NULL, err));
        RNN_TRY(vm_array(j, "complement_variance", c, RNN_F64, 1, (size_t[]){N - k}, variance, b, NULL, err));
    }
    if (want[TOOL_VM_PHI]) {
        RNN_TRY(vm_array(j, "Phi_learned", ee, RNN_F64, 2, (size_t[]){k, k}, phi->learned, b, NULL, err));
        RNN_TRY(vm_array(j, "Phi_theory", ee, RNN_F64, 2, (size_t[]){k, k}, phi->theory, b, NULL, err));
    }
    return want[TOOL_VM_FULL] ? vm_array(j, "W_full", bb, RNN_F64, 2, (size_t[]){N, N}, full, b, NULL, err)
                              : RNN_OK;
}

/* The run on the chosen input as states about x* and outputs: x [T][N], o [T][d]. */
struct vm_run {
    size_t T;
    double *x, *o;
};

static int run_input(const struct vm_job *j, struct vm_run *run, struct rnn_err *err)
{
    const size_t N = j->net->spec.N, d = j->t->op.d, s = j->t->op.s;
    const double *h0 = j->net->spec.h0 == RNN_H0_FIXED || j->net->spec.h0 == RNN_H0_TRAINED
                           ? rnn_net_param(j->net, "h0")
                           : NULL;
    double *x = NULL;
    run->T = 3 * s;
    RNN_TRY(rnn_alloc_into(&x, (run->T + 1) * N + run->T * d, sizeof *x, err));
    run->x = x;
    run->o = x + (run->T + 1) * N;
    for (size_t u = 0; h0 && u < N; u++)
        x[u] = j->net->spec.h0_transform == RNN_H0_TANH ? tanh(h0[u]) : h0[u];
    int rc = RNN_OK;
    for (size_t t = 0; t < run->T && rc >= 0; t++) {
        rc = rnn_net_step(j->net, x + t * N, t < s ? j->t->picture + t * d : NULL, x + (t + 1) * N, err);
        if (rc >= 0)
            rc = rnn_net_readout(j->net, x + (t + (j->net->spec.read == RNN_READ_AFTER)) * N, NULL,
                                 run->o + t * d, err);
    }
    memmove(x, x + N, run->T * N * sizeof *x);
    for (size_t i = 0; i < run->T * N; i++) x[i] -= j->lin.x_star[i % N];
    if (rc < 0) free(x);
    return rc;
}

/* Contents of every variable element over the chosen input, NaN where an element is not kept: [T][s][d]. */
static int projection(struct vm_job *j, const struct rnn_vm_basis *b, struct rnn_err *err)
{
    static const char *const dims[] = {"step", "variable", "dimension"};
    const size_t n = b->n, s = j->t->op.s, d = j->t->op.d;
    struct vm_run run;
    double *c = NULL;
    if (!j->t->picture) return RNN_OK;
    RNN_TRY(run_input(j, &run, err));
    int rc = rnn_alloc_into(&c, run.T * n + b->kept, sizeof *c, err);
    for (size_t t = 0; rc >= 0 && t < run.T; t++) {
        double *now = c + run.T * n;
        rnn_gemv(0, b->kept, b->N, 1, b->dual, run.x + t * b->N, 0, now);
        for (size_t i = 0; i < n; i++) c[t * n + i] = NAN;
        for (size_t i = 0; i < b->kept; i++) c[t * n + b->element[i]] = now[i];
    }
    if (rc >= 0) rc = vm_array(j, "projection", dims, RNN_F64, 3, (size_t[]){run.T, s, d}, c, b, NULL, err);
    free(c);
    free(run.x);
    return rc;
}

int vm_picture(struct vm_job *j, struct rnn_err *err)
{
    static const char *const ti[] = {"step", "input"}, *const tu[] = {"step", "unit"},
                             *const to[] = {"step", "output"};
    struct vm_run run;
    if (!j->t->picture) return RNN_OK;
    RNN_TRY(run_input(j, &run, err));
    int rc = vm_array(j, "projection_input", ti, RNN_F64, 2, (size_t[]){j->t->op.s, j->t->op.d},
                      j->t->picture, NULL, NULL, err);
    if (rc >= 0)
        rc = vm_array(j, "projection_states", tu, RNN_F64, 2, (size_t[]){run.T, j->net->spec.N}, run.x, NULL,
                      NULL, err);
    if (rc >= 0)
        rc = vm_array(j, "projection_outputs", to, RNN_F64, 2, (size_t[]){run.T, j->t->op.d}, run.o, NULL,
                      NULL, err);
    free(run.x);
    return rc;
}

static int with_basis(struct vm_job *j, const struct rnn_vm_basis *b, bool decode, struct rnn_err *err)
{
    const size_t N = b->N, q = N - b->kept;
    struct rnn_vm_phi phi = {0};
    double *perp = NULL, *variance = NULL, *full = NULL, norms[2][2], reduced = NAN;
    int rc = rnn_vm_phi_make(&j->lin, &j->t->op, b, &phi, err);
    if (rc >= 0) rc = rnn_alloc_into(&perp, N * q, sizeof *perp, err);
    if (rc >= 0) rc = rnn_alloc_into(&variance, q, sizeof *variance, err);
    if (rc >= 0) rc = rnn_alloc_into(&full, N * N, sizeof *full, err);
    if (rc >= 0) rc = rnn_vm_complement(b, j->tr.K * j->tr.T, j->h, perp, variance, err);
    if (rc >= 0) rc = rnn_vm_full_matrix(&j->lin, b, perp, full, norms, err);
    if (rc >= 0) rc = rnn_vm_reduced_accuracy(b, &phi, &j->t->op, &j->tr, &reduced, err);
    if (rc >= 0) rc = basis_row(j, b->variant, b->norm, b, "ok", "", err);
    if (rc >= 0) rc = phi_row(j, b->variant, b->norm, &phi, norms, reduced, "ok", "", err);
    if (rc >= 0 && decode) rc = decode_rows(j, b, err);
    if (rc >= 0) rc = arrays(j, b, &phi, perp, variance, full, err);
    if (rc >= 0) rc = projection(j, b, err);
    rnn_vm_phi_release(&phi);
    free(perp);
    free(variance);
    free(full);
    return rc;
}

int vm_variant(struct vm_job *j, enum rnn_vm_variant variant, enum rnn_vm_norm norm, bool decode,
               struct rnn_err *err)
{
    struct rnn_vm_basis b;
    struct rnn_err why;
    int rc = make(j, variant, norm, &b, &why);
    if (rc == RNN_ERR_ARG || rc == RNN_ERR_NUMERIC) {
        const char *state = rc == RNN_ERR_ARG        ? "not-applicable"
                            : j->proj.k < j->t->kept ? "too-few-modes"
                                                     : "failed";
        RNN_TRY(basis_row(j, variant, norm, NULL, state, why.msg, err));
        return phi_row(j, variant, norm, NULL, NULL, NAN, state, why.msg, err);
    }
    if (rc < 0) return *err = why, rc;
    rc = with_basis(j, &b, decode, err);
    rnn_vm_basis_release(&b);
    return rc;
}
