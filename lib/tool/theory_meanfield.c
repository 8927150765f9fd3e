/* rnn-theory mean-field: what low-rank theory predicts, from stated statistics or from those of networks. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "io/table.h"
#include "theory/meanfield.h"
#include "tool/each_net.h"
#include "tool/theory.h"
#include "tool/tool.h"

static struct options {
    struct cli_reals overlap, m_cov, m_mean, n_mean;
    double gain, range;
    size_t per_axis;
    int act;
} opt = {.range = 10, .per_axis = 9};

static const struct cli_opt options[] = {
    {.name = "Statistics of the loadings", .type = CLI_SECTION},
    {0, "overlap", CLI_REALS, &opt.overlap, "S,...", 0, 0, "covariances of n (rows) and m (columns), R x R by rows; without it networks are read", 0, NULL},
    {0, "m-cov", CLI_REALS, &opt.m_cov, "S,...", 0, 0, "covariances of m, R x R by rows; default: the identity", 0, NULL},
    {0, "m-mean", CLI_REALS, &opt.m_mean, "M,...", 0, 0, "means of m; default: 0", 0, NULL},
    {0, "n-mean", CLI_REALS, &opt.n_mean, "M,...", 0, 0, "means of n; default: 0", 0, NULL},
    {0, "gain", CLI_REAL, &opt.gain, "G", 0, 1e3, "of the random part beside the planned directions", 0, NULL},
    {0, "activation", CLI_CHOICE, &opt.act, "tanh|relu|sigmoid|softplus|linear", 0, 0, "of the units", 0, NULL},
    {.name = "Search", .type = CLI_SECTION},
    {0, "range", CLI_REAL, &opt.range, "X", 0, 1e6, "starts lie in [-X, X] in every kappa", CLI_EXCL_MIN, NULL},
    {0, "per-axis", CLI_SIZE, &opt.per_axis, "N", 1, 1000, "starts per kappa", 0, NULL},
    CLI_LAST};

static const struct tool_column columns[] = {
    {"solution", RNN_KV_INT, NULL, "number of the solution, by norm"},
    {"direction", RNN_KV_INT, NULL, "which kappa, from 0"},
    {"kappa", RNN_KV_REAL, NULL, "kappa = n f(x) / N at the fixed point"},
    {"variance", RNN_KV_REAL, NULL, "Delta, the variance of x over units about its mean"},
    {"slope_max", RNN_KV_REAL, NULL, "largest multiplier of the reduced map at it: below 1 it is stable in kappa"},
    {"stable", RNN_KV_BOOL, NULL, "slope_max is below 1"},
    {"gain", RNN_KV_REAL, NULL, "of the random part"},
    {0}};

enum { ROOM = 4096 };

static int solve_into(const struct rnn_meanfield *f, struct rnn_table *t, struct rnn_err *err)
{
    const size_t R = f->rank;
    double *kappa;
    size_t n;
    RNN_TRY(rnn_alloc_into(&kappa, ROOM * (2 * R + 1), sizeof *kappa, err));
    double *slopes = kappa + ROOM * R, *Delta = slopes + ROOM * R;
    const int rc = rnn_meanfield_all(f, opt.range, opt.per_axis, ROOM, kappa, Delta, slopes, &n, err);
    for (size_t i = 0; rc >= 0 && i < n; i++)
        for (size_t r = 0; r < R; r++) {
            rnn_table_set_int(t, "solution", (int64_t)i);
            rnn_table_set_int(t, "direction", (int64_t)r);
            rnn_table_set(t, "kappa", kappa[i * R + r]);
            rnn_table_set(t, "variance", Delta[i]);
            rnn_table_set(t, "slope_max", slopes[i * R]);
            rnn_table_set_int(t, "stable", slopes[i * R] < 1);
            rnn_table_set(t, "gain", f->g);
            rnn_table_row(t);
        }
    free(kappa);
    return rc < 0 ? rc : RNN_OK;
}

/* ---- stated statistics ---- */

static size_t rank_of(void)
{
    size_t R = 1;
    while (R * R < opt.overlap.n) R++;
    return R;
}

static void check(const struct cli_parse *p, const struct cli_common *c)
{
    const size_t R = rank_of();
    (void)c;
    if (!opt.overlap.n) {
        for (const char *const *o = (const char *const[]){"m-cov", "m-mean", "n-mean", "activation", NULL}; *o; o++) cli_refuse(p, *o, "without --overlap");
        return;
    }
    if (cli_n_args(p) > 1) cli_die(2, "--overlap states the network: no FILE is read");
    if (R * R != opt.overlap.n) cli_die(2, "--overlap: %zu numbers are no square matrix", opt.overlap.n);
    if (opt.m_cov.n && opt.m_cov.n != R * R) cli_die(2, "--m-cov: %zu numbers, not %zu", opt.m_cov.n, R * R);
    if (opt.m_mean.n && opt.m_mean.n != R) cli_die(2, "--m-mean: %zu numbers, not %zu", opt.m_mean.n, R);
    if (opt.n_mean.n && opt.n_mean.n != R) cli_die(2, "--n-mean: %zu numbers, not %zu", opt.n_mean.n, R);
}

static void run_stated(const struct tool_theory *m, const struct cli_parse *p, const struct cli_common *c)
{
    struct rnn_err err;
    struct rnn_table *t = NULL;
    const size_t R = rank_of();
    double *S_mm = rnn_alloc(R * R + 2 * R, sizeof *S_mm);
    if (!S_mm) cli_die(1, "out of memory");
    for (size_t i = 0; i < R * R; i++) S_mm[i] = opt.m_cov.n ? opt.m_cov.v[i] : i / R == i % R;
    const struct rnn_meanfield f = {.rank = R, .act = (enum rnn_act)opt.act, .g = opt.gain, .S_nm = opt.overlap.v, .S_mm = S_mm,
                                    .M_m = opt.m_mean.n ? opt.m_mean.v : S_mm + R * R, .M_n = opt.n_mean.n ? opt.n_mean.v : S_mm + R * R + R};
    struct rnn_writer *w = tool_theory_open(m, p, c, &err);
    int rc = tool_table_new(&t, "mean_field", columns, &err);
    if (rc >= 0) rc = solve_into(&f, t, &err);
    if (rc >= 0) rc = rnn_table_write(t, w, &c->labels, NULL, &err);
    rnn_table_free(t);
    free(S_mm);
    tool_theory_close(w, rc, &err);
}

/* ---- statistics of networks ---- */

static int predict(void *user, struct tool_each_item *it, struct rnn_err *err)
{
    const size_t R = it->net->spec.rank;
    struct rnn_table *t = NULL;
    struct rnn_meanfield f;
    double *v;
    (void)user;
    if (!R || it->net->spec.cell == RNN_GRU) return RNN_OK; /* no prediction for others: they pass */
    if (!rnn_net_can_run(it->net)) return RNN_OK;
    RNN_TRY(rnn_alloc_into(&v, rnn_meanfield_room(R), sizeof *v, err));
    int rc = rnn_meanfield_from_net(it->net, v, &f, err);
    f.g = opt.gain;
    if (rc >= 0) rc = tool_table_new(&t, "mean_field", columns, err);
    if (rc >= 0) rc = solve_into(&f, t, err);
    if (rc >= 0) rc = rnn_table_append(t, &it->out, &it->net->labels, it->net->id, err);
    rnn_table_free(t);
    free(v);
    return rc;
}

static size_t n_nets, n_predicted;

static int count(void *user, struct tool_each_item *it, struct rnn_err *err)
{
    (void)user, (void)err;
    n_nets++, n_predicted += it->out.len > 0;
    return RNN_OK;
}

static void run_nets(const struct tool_theory *m, const struct cli_parse *p, const struct cli_common *c, const char *file)
{
    static const struct cli_tool usage = {.name = "rnn-theory", .synopsis = "mean-field [options] [FILE]"};
    struct rnn_err err;
    struct rnn_kvs given = {0};
    const struct tool_each each = {.jobs = c->jobs, .work = predict, .emit = count};
    if (tool_theory_options(m, p, &given, &err) < 0) cli_die_err(&err);
    tool_each_net(&usage, c, file, &given, &each);
    if (n_nets && !n_predicted) cli_warn("no network has factorised recurrent weights (rnn-train --rank) and finite parameters: nothing was predicted");
    rnn_kvs_release(&given);
}

static void run(const struct tool_theory *m, const struct cli_parse *p, const struct cli_common *c, const char *file)
{
    if (opt.overlap.n) run_stated(m, p, c);
    else run_nets(m, p, c, file);
}

const struct tool_theory tool_theory_mean_field = {
    .name = "mean-field", .summary = "fixed points that mean-field theory predicts of low-rank networks",
    .details = "With --overlap from stated statistics of Gaussian loadings; else a stream is read, and after each factorised network comes the "
               "prediction from the empirical statistics of its own.  Table mean_field, to be set beside rnn-fixedpts --reduced.",
    .opts = options, .with = CLI_WITH_LABEL | CLI_WITH_JOBS, .max_files = 1, .check = check, .run = run};
