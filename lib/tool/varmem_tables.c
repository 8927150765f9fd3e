#include "tool/varmem_tables.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"

struct column { const char *name; enum rnn_kv_type type; const char *unit, *doc; };
#define REAL(n, u, d) {n, RNN_KV_REAL, u, d}
#define INT(n, u, d) {n, RNN_KV_INT, u, d}
#define STR(n, d) {n, RNN_KV_STR, NULL, d}
#define BOOL(n, d) {n, RNN_KV_BOOL, NULL, d}
#define END {NULL, RNN_KV_NULL, NULL, NULL}

static const struct column common[] = {
    INT("index", NULL, "number of the network within its ensemble"),
    STR("status", "status of the network after training"),
    REAL("accuracy", NULL, "task accuracy over all outputs of the test trials"),
    END,
};
#define STATE STR("state", "ok, or why there are no numbers: not-applicable, too-few-modes, too-small, skipped, failed"), \
    STR("reason", "the same in words")
static const struct column spectrum[] = {
    STR("stage", "trained or initial parameters; weights: W_rec of an elman network with biases, in place of its Jacobian"), STATE,
    INT("variables", NULL, "variables s of the operator"), INT("dimensions", NULL, "dimensions of each"), INT("units", NULL, "units N"),
    REAL("theta", NULL, "modulus from which on a mode counts as long-term"),
    INT("n_theory", "modes", "non-zero eigenvalues of the operator"), INT("n_ge_one", "modes", "|lambda| >= 1"),
    INT("n_ge_theta", "modes", "|lambda| >= theta"), BOOL("counts_agree", "n_ge_theta == n_theory"),
    REAL("angle_mean", "rad", "angular error over the optimal assignment of the n_theory largest modes"), REAL("angle_max", "rad", NULL),
    REAL("angle_greedy", "rad", "mean error by the released code's greedy matching"),
    REAL("modulus_min", NULL, "smallest |lambda| of the matched modes"), REAL("modulus_max", NULL, NULL),
    REAL("next_modulus", NULL, "largest |lambda| left over"), INT("n_directions", NULL, "distinct arguments of the theory"),
    BOOL("directions_agree", "as many modes >= theta as the theory has in every direction"),
    STR("per_direction", "modes >= theta in each direction, from argument 0 on"),
    REAL("residual", NULL, "|F(x*) - x*|, largest component"), REAL("x_star_max", NULL, "|x*|, largest component"),
    INT("test_horizon", "steps", "outputs per test trial"), INT("trained_horizon", "steps", "outputs per trial at the end of training; 0: not known"),
    REAL("accuracy_trained", NULL, "accuracy over the first trained_horizon outputs of the same trials"), REAL("loss", NULL, "task loss on the test trials"),
    END,
};
static const struct column direction[] = {
    STR("stage", "as in spectrum"), REAL("angle", "rad", "argument of the theory's modes"),
    INT("expected", "modes", NULL), INT("found", "modes", "|lambda| >= theta, nearest direction"), END,
};
#define WHICH STR("variant", "how the basis is made"), STR("norm", "scale of its columns"), BOOL("projected", "onto the long-term subspace"), \
    REAL("alpha", NULL, "weight of the input side (mixed)")
static const struct column basis[] = {
    WHICH, STATE, INT("kept", NULL, "essential elements, columns of Psi"), INT("rank", NULL, NULL),
    REAL("cond", NULL, "condition number of the matrix that is inverted"), REAL("dual_error", NULL, "largest |Psi* Psi - I|"),
    INT("modes", "modes", "dimension of the long-term subspace"), REAL("projector_rcond", NULL, "near 0: long- and short-term subspaces nearly touch"),
    END,
};
static const struct column phi[] = {
    WHICH, STATE, INT("kept", NULL, "essential elements"), REAL("relative_error", NULL, "|learned - theory| / |theory|, Frobenius"),
    REAL("on_min", NULL, "entries on the theory's structure, times their sign"), REAL("on_mean", NULL, NULL), REAL("on_max", NULL, NULL),
    REAL("off_max", NULL, "largest modulus off the structure"), REAL("match", NULL, "share of entries right after rounding at 0.5"),
    REAL("informative_error", NULL, "Frobenius error of the block that does not hold by construction"),
    REAL("informative_norm", NULL, "Frobenius norm of the theory there"),
    REAL("exact_error", NULL, "largest error where it holds by construction"), REAL("leak", NULL, "|J Psi - Psi Phi| / |J Psi|"),
    REAL("W_mm", NULL, "norm of the memory-to-memory block of W in [Psi, complement]"), REAL("W_mr", NULL, "rest to memory"),
    REAL("W_rm", NULL, "memory to rest"), REAL("W_rr", NULL, "rest to rest"),
    REAL("reduced_accuracy", NULL, "share of right outputs of the linear reduced model"), END,
};
static const struct column decode[] = {
    WHICH, INT("offset", "steps", "steps since the last input"), INT("variable", NULL, "from 1, the oldest"),
    REAL("decode_accuracy", NULL, "share of contents on the right side"), REAL("r2", NULL, "1 - residual / total"), END,
};
static const struct column ports[] = {
    REAL("RU_diag", NULL, "mean diagonal of R U"), REAL("RU_off", NULL, "largest modulus off it"),
    REAL("RPU_diag_min", NULL, "diagonal of R P U"), REAL("RPU_diag_max", NULL, NULL), REAL("RPU_off", NULL, "largest modulus off it"),
    REAL("angle_U_R_min", "deg", "principal angles between the spans of U and R'"), REAL("angle_U_R_max", "deg", NULL),
    REAL("angle_PU_PR_min", "deg", "principal angles between the spans of P U and P R+; missing: fewer long-term modes than dimensions"), REAL("angle_PU_PR_max", "deg", NULL), END,
};
static const struct column impulse[] = {
    INT("tau", "steps", "steps since the impulse"), REAL("diag_mean", NULL, "mean diagonal of R W^tau U"), REAL("off_max", NULL, "largest modulus off it"), END,
};
static const struct column control[] = {
    STR("control", "what was put in place of the network"), REAL("exact_error", NULL, "largest error where it holds by construction"),
    REAL("informative_error", NULL, "Frobenius error of the rest"), REAL("informative_norm", NULL, "Frobenius norm of the theory there"),
    REAL("informative_ratio", NULL, "error / norm"), END,
};
static const struct { const char *name; const struct column *columns; } tables[VM_N_TABLES] = {
    [VM_SPECTRUM] = {"spectrum", spectrum}, [VM_DIRECTION] = {"direction", direction}, [VM_BASIS] = {"basis", basis}, [VM_PHI] = {"phi", phi},
    [VM_DECODE] = {"decode", decode},       [VM_PORTS] = {"ports", ports},             [VM_IMPULSE] = {"impulse", impulse},
    [VM_CONTROL] = {"control", control},
};

static int table_new(enum vm_table which, struct rnn_table **t, struct rnn_err *err)
{
    const struct column *const lists[] = {common, tables[which].columns};
    RNN_TRY(rnn_table_new(t, tables[which].name, err));
    for (size_t l = 0; l < RNN_LEN(lists); l++)
        for (const struct column *c = lists[l]; c->name; c++) RNN_TRY(rnn_table_col(*t, c->name, c->type, c->unit, c->doc, err));
    return RNN_OK;
}

int vm_row(struct vm_job *j, enum vm_table which, struct rnn_table **t, struct rnn_err *err)
{
    if (!j->table[which]) RNN_TRY(table_new(which, &j->table[which], err));
    *t = j->table[which];
    rnn_table_set_int(*t, "index", (int64_t)j->net->index);
    rnn_table_set_str(*t, "status", rnn_net_status_names[j->net->status]);
    rnn_table_set(*t, "accuracy", j->accuracy);
    return RNN_OK;
}

int vm_tables_out(struct vm_job *j, struct rnn_err *err)
{
    for (int i = 0; i < VM_N_TABLES; i++)
        if (j->table[i] && rnn_table_rows(j->table[i])) RNN_TRY(rnn_table_append(j->table[i], j->out, &j->net->labels, j->net->id, err));
    return RNN_OK;
}

void vm_tables_free(struct vm_job *j)
{
    for (int i = 0; i < VM_N_TABLES; i++) rnn_table_free(j->table[i]);
}

static double largest(size_t n, const double *x)
{
    double m = 0;
    for (size_t i = 0; i < n; i++) m = fmax(m, fabs(x[i]));
    return m;
}

static void spectrum_numbers(struct rnn_table *t, const struct rnn_linear *lin, const struct rnn_spectrum_match *m)
{
    char counts[2048] = "";
    size_t at = 0;
    for (size_t k = 0; k < m->n_directions && at + 24 < sizeof counts; k++)
        at += (size_t)snprintf(counts + at, sizeof counts - at, "%s%zu", k ? " " : "", m->found[k]);
    rnn_table_set_int(t, "n_ge_one", (int64_t)m->n_ge_one);
    rnn_table_set_int(t, "n_ge_theta", (int64_t)m->n_ge_theta);
    rnn_table_set_int(t, "counts_agree", m->counts_agree);
    rnn_table_set(t, "angle_mean", m->angle_mean);
    rnn_table_set(t, "angle_max", m->angle_max);
    rnn_table_set(t, "angle_greedy", m->angle_greedy);
    rnn_table_set(t, "modulus_min", m->modulus_min);
    rnn_table_set(t, "modulus_max", m->modulus_max);
    rnn_table_set(t, "next_modulus", m->next_modulus);
    rnn_table_set_int(t, "n_directions", (int64_t)m->n_directions);
    rnn_table_set_int(t, "directions_agree", m->directions_agree);
    rnn_table_set_str(t, "per_direction", counts);
    rnn_table_set(t, "residual", lin->residual);
    rnn_table_set(t, "x_star_max", largest(lin->N, lin->x_star));
}

static int direction_rows(struct vm_job *j, const char *stage, const struct rnn_spectrum_match *m, struct rnn_err *err)
{
    struct rnn_table *t;
    for (size_t k = 0; k < m->n_directions; k++) {
        RNN_TRY(vm_row(j, VM_DIRECTION, &t, err));
        rnn_table_set_str(t, "stage", stage);
        rnn_table_set(t, "angle", m->direction[k]);
        rnn_table_set_int(t, "expected", (int64_t)m->expected[k]);
        rnn_table_set_int(t, "found", (int64_t)m->found[k]);
        rnn_table_row(t);
    }
    return RNN_OK;
}

int vm_spectrum_rows(struct vm_job *j, const char *stage, const struct rnn_linear *lin, const struct rnn_spectrum_match *m, const char *state,
                     const char *why, struct rnn_err *err)
{
    const bool is_trained = strcmp(stage, "initial") != 0;
    struct rnn_table *t;
    RNN_TRY(vm_row(j, VM_SPECTRUM, &t, err));
    if (!is_trained) rnn_table_set(t, "accuracy", NAN);
    rnn_table_set_str(t, "stage", stage);
    rnn_table_set_str(t, "state", state);
    rnn_table_set_str(t, "reason", why ? why : "");
    rnn_table_set_int(t, "variables", (int64_t)j->t->op.s);
    rnn_table_set_int(t, "dimensions", (int64_t)j->t->op.d);
    rnn_table_set_int(t, "units", (int64_t)j->net->spec.N);
    rnn_table_set(t, "theta", j->plan->theta);
    rnn_table_set_int(t, "n_theory", (int64_t)j->t->n_theory);
    rnn_table_set_int(t, "test_horizon", (int64_t)(j->t->tr.T - j->t->op.s));
    rnn_table_set_int(t, "trained_horizon", j->trained_horizon);
    if (is_trained) rnn_table_set(t, "accuracy_trained", j->accuracy_trained), rnn_table_set(t, "loss", j->loss);
    if (m) spectrum_numbers(t, lin, m);
    rnn_table_row(t);
    return m ? direction_rows(j, stage, m, err) : RNN_OK;
}

static int impulse_rows(struct vm_job *j, struct rnn_err *err)
{
    const size_t n = 2 * j->t->op.s;
    double *diag;
    struct rnn_table *t;
    RNN_TRY(rnn_alloc_into(&diag, 2 * n, sizeof *diag, err));
    int rc = rnn_vm_impulse(&j->lin, n, diag, diag + n, err);
    for (size_t i = 0; rc >= 0 && i < n; i++) {
        if ((rc = vm_row(j, VM_IMPULSE, &t, err)) < 0) break;
        rnn_table_set_int(t, "tau", (int64_t)i + 1);
        rnn_table_set(t, "diag_mean", diag[i]);
        rnn_table_set(t, "off_max", diag[n + i]);
        rnn_table_row(t);
    }
    free(diag);
    return rc;
}

int vm_ports_rows(struct vm_job *j, struct rnn_err *err)
{
    struct rnn_vm_ports p;
    struct rnn_table *t;
    RNN_TRY(rnn_vm_ports_make(&j->lin, &j->proj, &p, err));
    RNN_TRY(vm_row(j, VM_PORTS, &t, err));
    rnn_table_set(t, "RU_diag", p.RU_diag_mean);
    rnn_table_set(t, "RU_off", p.RU_off_max);
    rnn_table_set(t, "RPU_diag_min", p.RPU_diag_min);
    rnn_table_set(t, "RPU_diag_max", p.RPU_diag_max);
    rnn_table_set(t, "RPU_off", p.RPU_off_max);
    rnn_table_set(t, "angle_U_R_min", p.angle_U_R_min);
    rnn_table_set(t, "angle_U_R_max", p.angle_U_R_max);
    rnn_table_set(t, "angle_PU_PR_min", p.angle_PU_PR_min);
    rnn_table_set(t, "angle_PU_PR_max", p.angle_PU_PR_max);
    rnn_table_row(t);
    return impulse_rows(j, err);
}

int vm_control_rows(struct vm_job *j, struct rnn_err *err)
{
    double exact, error, norm;
    struct rnn_table *t;
    RNN_TRY(rnn_vm_vacuity(&j->lin, &j->t->op, j->plan->seed, j->net->index, &exact, &error, &norm, err));
    RNN_TRY(vm_row(j, VM_CONTROL, &t, err));
    rnn_table_set_str(t, "control", "random-matrix");
    rnn_table_set(t, "exact_error", exact);
    rnn_table_set(t, "informative_error", error);
    rnn_table_set(t, "informative_norm", norm);
    rnn_table_set(t, "informative_ratio", error / norm);
    rnn_table_row(t);
    return RNN_OK;
}

int vm_array(struct vm_job *j, const char *name, const char *const *dims, enum rnn_dtype type, int ndim, const size_t *shape, const void *data,
             const struct rnn_vm_basis *of, const char *stage, struct rnn_err *err)
{
    struct rnn_kvs labels = {0};
    int rc = rnn_kvs_merge(&labels, &j->net->labels, err);
    if (rc >= 0 && of) rc = rnn_kvs_str(&labels, "variant", rnn_vm_variant_names[of->variant], err);
    if (rc >= 0 && of) rc = rnn_kvs_str(&labels, "norm", rnn_vm_norm_names[of->norm], err);
    if (rc >= 0 && stage) rc = rnn_kvs_str(&labels, "stage", stage, err);
    if (rc >= 0) rc = rnn_array_append(j->out, name, dims, NULL, type, ndim, shape, data, &labels, j->net->id, err);
    rnn_kvs_release(&labels);
    return rc;
}
