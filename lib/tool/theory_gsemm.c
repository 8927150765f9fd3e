/* rnn-theory gsemm: the continuous model behind the variable-memory networks, and how far memories are a
 * matter of choice. */
#include <math.h>
#include <stdlib.h>
#include "base/mem.h"
#include "io/table.h"
#include "num/linalg.h"
#include "theory/isospectral.h"
#include "theory/memory_net.h"
#include "tool/operator.h"
#include "tool/theory.h"
#include "tool/tool.h"

static struct options {
    size_t units, memories, steps, runs, bases;
    double T_f, T_h, T_d, alpha_s, alpha_c, dt;
    char *operator;
    uint64_t length;
    bool arrays;
} opt = {.units = 40, .memories = 12, .steps = 100, .runs = 1, .T_f = 1, .alpha_s = 1, .alpha_c = 1, .dt = 1};

static const struct cli_opt options[] = {
    {.name = "Model", .type = CLI_SECTION},
    {'H', "units", CLI_SIZE, &opt.units, "N", 1, 1e4, "feature units", 0, NULL},
    {0, "memories", CLI_SIZE, &opt.memories, "N", 1, 1e4,
     "hidden units, one per memory; Phi is random orthogonal", 0, NULL},
    {0, "operator", CLI_STR, &opt.operator, "TEXT|@FILE", 0, 0,
     "Phi is that of this history operator instead", 0, NULL},
    {0, "length", CLI_UINT64, &opt.length, "N", 0, 65536, "its variables; 0: the largest that it names", 0,
     NULL},
    {0, "tau-feature", CLI_REAL, &opt.T_f, "T", 0, 1e6, "time constant T_f of the features", CLI_EXCL_MIN,
     NULL},
    {0, "tau-hidden", CLI_REAL, &opt.T_h, "T", 0, 1e6, "time constant T_h of the hidden units; 0: at once", 0,
     NULL},
    {0, "tau-delay", CLI_REAL, &opt.T_d, "T", 0, 1e6, "time constant T_d of the delayed signal; 0: at once",
     0, NULL},
    {0, "alpha-s", CLI_REAL, &opt.alpha_s, "A", 0, 1e6, "strength of the interaction with the memories",
     CLI_EXCL_MIN, NULL},
    {0, "alpha-c", CLI_REAL, &opt.alpha_c, "A", 0, 1e6, "strength of the interaction between memories", 0,
     NULL},
    {0, "dt", CLI_REAL, &opt.dt, "T", 0, 1e6, "Euler step", CLI_EXCL_MIN, NULL},
    {0, "steps", CLI_SIZE, &opt.steps, "N", 1, 1e7, "steps to integrate", 0, NULL},
    {0, "runs", CLI_SIZE, &opt.runs, "N", 1, 1e6, "models, each with memories and a start of its own", 0,
     NULL},
    {.name = "Decompositions", .type = CLI_SECTION},
    {0, "random-basis", CLI_SIZE, &opt.bases, "K", 0, 1e6,
     "K decompositions of each model's network in random bases", 0, NULL},
    {0, "arrays", CLI_FLAG, &opt.arrays, NULL, 0, 0, "write trajectories, and Phi of every decomposition", 0,
     NULL},
    CLI_LAST};

static const struct tool_column gsemm_columns[] = {
    {"run", RNN_KV_INT, NULL, "number of the model"},
    {"elman_gap", RNN_KV_REAL, NULL,
     "largest |tanh V_f(t) - h(t)| of the discrete limit against the Elman orbit"},
    {"spectrum_error", RNN_KV_REAL, NULL,
     "largest difference between the network's leading eigenvalues and those of Phi"},
    {"next_modulus", RNN_KV_REAL, NULL, "largest |lambda| of the network beyond those of Phi"},
    {"norm", RNN_KV_REAL, NULL, "spectral norm of the network"},
    {"model_gap", RNN_KV_REAL, NULL,
     "largest |tanh V_f(t)| difference of the model as given from its discrete limit, at whole T_f"},
    {NULL, RNN_KV_NULL, NULL, NULL}};
static const struct tool_column basis_columns[] = {
    {"run", RNN_KV_INT, NULL, "number of the model"},
    {"basis", RNN_KV_INT, NULL, "number of the decomposition"},
    {"network_error", RNN_KV_REAL, NULL, "largest difference between the networks of the two decompositions"},
    {"spectrum_error", RNN_KV_REAL, NULL, "largest difference between the eigenvalues of the two Phi"},
    {"phi_distance", RNN_KV_REAL, NULL, "|Phi_k - Phi| / |Phi|, Frobenius"},
    {"cond", RNN_KV_REAL, NULL, "condition number of the change of basis"},
    {NULL, RNN_KV_NULL, NULL, NULL}};

struct model {
    struct rnn_gsemm g;
    double *Xi, *Xi_pinv, *Phi, *V0, *W, *Vf, *Vd; /* Vf of the model as given, Vd of the discrete limit */
};

static void check(const struct cli_parse *p, const struct cli_common *c)
{
    (void)c;
    cli_exclusive(p, "operator", "memories");
    if (!opt.operator) cli_refuse(p, "length", "without --operator");
}

static int allocate(struct model *m, size_t Nf, size_t Nh, struct rnn_err *err)
{
    const struct {
        double **v;
        size_t n;
    } of[] = {{&m->Xi, Nf * Nh},
              {&m->Xi_pinv, Nf * Nh},
              {&m->Phi, Nh * Nh},
              {&m->V0, Nf},
              {&m->W, Nf * Nf},
              {&m->Vf, (opt.steps + 1) * Nf},
              {&m->Vd, (opt.steps + 1) * Nf}};
    for (size_t i = 0; i < RNN_LEN(of); i++) RNN_TRY(rnn_alloc_into(of[i].v, of[i].n, sizeof(double), err));
    m->g = (struct rnn_gsemm){.Nf = Nf,
                              .Nh = Nh,
                              .Xi = m->Xi,
                              .Xi_pinv = m->Xi_pinv,
                              .Phi = m->Phi,
                              .T_f = opt.T_f,
                              .T_h = opt.T_h,
                              .T_d = opt.T_d,
                              .alpha_s = opt.alpha_s,
                              .alpha_c = opt.alpha_c,
                              .dt = opt.dt};
    return RNN_OK;
}

static void release(struct model *m)
{
    double *const all[] = {m->Xi, m->Xi_pinv, m->Phi, m->V0, m->W, m->Vf, m->Vd};
    for (size_t i = 0; i < RNN_LEN(all); i++) free(all[i]);
}

/* The model as given against the discrete limit, where both have a value: every T_f / dt-th step. */
static int model_gap(struct model *m, double *gap, struct rnn_err *err)
{
    const double ratio = opt.T_f / opt.dt;
    const size_t every = (size_t)llround(ratio), Nf = m->g.Nf;
    struct rnn_gsemm limit = m->g;
    limit.T_h = limit.T_d = 0, limit.dt = limit.T_f, limit.alpha_s = limit.alpha_c = 1;
    *gap = NAN;
    RNN_TRY(rnn_gsemm_run(&m->g, m->V0, opt.steps, m->Vf, err));
    RNN_TRY(rnn_gsemm_run(&limit, m->V0, opt.steps, m->Vd, err));
    if (!every || fabs(ratio - (double)every) > 1e-9) return RNN_OK;
    *gap = 0;
    for (size_t t = 0; t * every <= opt.steps; t++)
        for (size_t i = 0; i < Nf; i++)
            *gap = fmax(*gap, fabs(tanh(m->Vf[t * every * Nf + i]) - tanh(m->Vd[t * Nf + i])));
    return RNN_OK;
}

static int one_run(struct rnn_writer *w, struct model *m, struct rnn_table *t, uint64_t run,
                   struct rnn_err *err)
{
    static const char *const dims[] = {"step", "unit"};
    const size_t Nf = m->g.Nf, Nh = m->g.Nh;
    double gap, worst, rest, model, *XiPhi = NULL;
    RNN_TRY(rnn_gsemm_elman_gap(&m->g, m->V0, opt.steps, &gap, err));
    RNN_TRY(rnn_alloc_into(&XiPhi, Nf * Nh, sizeof *XiPhi, err));
    rnn_gemm(0, 0, Nf, Nh, Nh, 1, m->Xi, m->Phi, 0, XiPhi);
    rnn_gemm(0, 0, Nf, Nf, Nh, 1, XiPhi, m->Xi_pinv, 0, m->W);
    free(XiPhi);
    RNN_TRY(rnn_spectra_differ(Nh, m->Phi, Nf, m->W, &worst, &rest, err));
    RNN_TRY(model_gap(m, &model, err));
    rnn_table_set_int(t, "run", (int64_t)run);
    rnn_table_set(t, "elman_gap", gap);
    rnn_table_set(t, "spectrum_error", worst);
    rnn_table_set(t, "next_modulus", rest);
    rnn_table_set(t, "norm", rnn_spectral_norm(Nf, Nf, m->W, err));
    rnn_table_set(t, "model_gap", model);
    rnn_table_row(t);
    if (!opt.arrays) return RNN_OK;
    struct rnn_kvs labels = {0};
    int rc = rnn_kvs_uint(&labels, "run", run, err);
    if (rc >= 0)
        rc = rnn_array_write(w, "V_f", dims, NULL, RNN_F64, 2, (size_t[]){opt.steps + 1, Nf}, m->Vf, &labels,
                             NULL, err);
    rnn_kvs_release(&labels);
    return rc;
}

static int one_basis(struct rnn_writer *w, const struct model *m, struct rnn_table *t, uint64_t seed,
                     uint64_t run, uint64_t k, struct rnn_err *err)
{
    static const char *const dims[] = {"element", "element"};
    const size_t Nh = m->g.Nh;
    struct rnn_isospectral d;
    struct rnn_kvs labels = {0};
    double *Phi_k = NULL;
    RNN_TRY(rnn_alloc_into(&Phi_k, Nh * Nh, sizeof *Phi_k, err));
    int rc = rnn_isospectral_make(m->g.Nf, Nh, m->Xi, m->Xi_pinv, m->Phi, seed, run, k, Phi_k, &d, err);
    if (rc >= 0) {
        rnn_table_set_int(t, "run", (int64_t)run);
        rnn_table_set_int(t, "basis", (int64_t)k);
        rnn_table_set(t, "network_error", d.network_error);
        rnn_table_set(t, "spectrum_error", d.spectrum_error);
        rnn_table_set(t, "phi_distance", d.phi_distance);
        rnn_table_set(t, "cond", d.cond);
        rnn_table_row(t);
    }
    if (rc >= 0 && opt.arrays) rc = rnn_kvs_uint(&labels, "run", run, err);
    if (rc >= 0 && opt.arrays) rc = rnn_kvs_uint(&labels, "basis", k, err);
    if (rc >= 0 && opt.arrays)
        rc = rnn_array_write(w, "Phi_k", dims, NULL, RNN_F64, 2, (size_t[]){Nh, Nh}, Phi_k, &labels, NULL,
                             err);
    rnn_kvs_release(&labels);
    free(Phi_k);
    return rc;
}

static int all_runs(struct rnn_writer *w, const struct rnn_task *task, const struct cli_common *c,
                    struct rnn_err *err)
{
    struct rnn_operator op = {0};
    struct model m = {0};
    struct rnn_table *runs = NULL, *bases = NULL;
    if (task) tool_operator_of(task, &op);
    const size_t Nh = task ? op.s * op.d : opt.memories;
    int rc = allocate(&m, opt.units, Nh, err);
    if (rc >= 0) rc = tool_table_new(&runs, "gsemm", gsemm_columns, err);
    if (rc >= 0) rc = tool_table_new(&bases, "isospectral", basis_columns, err);
    if (rc >= 0 && task) rnn_operator_phi(&op, m.Phi);
    for (uint64_t i = 0; rc >= 0 && i < opt.runs; i++) {
        rc = rnn_gsemm_draw(opt.units, Nh, c->seed, i, task != NULL, m.Xi, m.Xi_pinv, m.Phi, m.V0, err);
        if (rc >= 0) rc = one_run(w, &m, runs, i, err);
        for (uint64_t k = 0; rc >= 0 && k < opt.bases; k++) rc = one_basis(w, &m, bases, c->seed, i, k, err);
    }
    if (rc >= 0) rc = rnn_table_write(runs, w, &c->labels, NULL, err);
    if (rc >= 0 && opt.bases) rc = rnn_table_write(bases, w, &c->labels, NULL, err);
    rnn_table_free(runs);
    rnn_table_free(bases);
    release(&m);
    return rc;
}

static void run(const struct tool_theory *m, const struct cli_parse *p, const struct cli_common *c,
                const char *file)
{
    struct rnn_err err;
    struct rnn_task *task = NULL;
    struct rnn_kvs resolved = {0};
    (void)file;
    if (opt.operator&& tool_operator_task(opt.operator, opt.length, c->seed, &task, &err) < 0)
        cli_die(cli_status_of(err.code), "--operator: %s", err.msg);
    if (task && tool_operator_prov(task, &resolved, &err) < 0) cli_die_err(&err);
    struct rnn_writer *w = tool_theory_open_with(m, p, c, &resolved, &err);
    rnn_kvs_release(&resolved);
    const int rc = all_runs(w, task, c, &err);
    rnn_task_free(task);
    tool_theory_close(w, rc, &err);
}

const struct tool_theory tool_theory_gsemm = {
    .name = "gsemm",
    .summary = "the General Sequential Episodic Memory Model, and its discrete limit",
    .details = "Integrates the continuous model, compares its discrete limit with the Elman network W = Xi "
               "Phi Xi+, and with --random-basis "
               "shows that the same network has other memories in every other basis.",
    .opts = options,
    .with = CLI_WITH_SEED | CLI_WITH_LABEL,
    .check = check,
    .run = run};
