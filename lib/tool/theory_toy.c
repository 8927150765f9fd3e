/* rnn-theory slow-point, limit-cycle: the two one-parameter models of short-term memory. */
#include <math.h>
#include <stdlib.h>
#include "base/mem.h"
#include "io/table.h"
#include "num/stats.h"
#include "theory/scaling.h"
#include "theory/toy.h"
#include "tool/theory.h"
#include "tool/tool.h"

static struct options {
    struct cli_reals delays;
    double from, to, response, response_share, r_min, r_max, dt, spread, field_r, reach;
    size_t count, points, starts, steps, field;
    bool descent;
} opt = {.from = 10, .to = 400, .count = 100, .response = 5, .r_min = NAN, .r_max = NAN, .points = 300, .dt = 0.01, .field_r = 0.1, .reach = 1.5, .starts = 10,
         .spread = 1e-3, .steps = 4000};

static const struct cli_opt options[] = {
    {.name = "Times (any one unit)", .type = CLI_SECTION},
    {0, "delays", CLI_REALS, &opt.delays, "T,...", 0, 1e9, "delays T_d; default: --count of them, log-spaced from --from to --to", CLI_EXCL_MIN, NULL},
    {0, "from", CLI_REAL, &opt.from, "T", 0, 1e9, "shortest delay", CLI_EXCL_MIN, NULL},
    {0, "to", CLI_REAL, &opt.to, "T", 0, 1e9, "longest delay", CLI_EXCL_MIN, NULL},
    {0, "count", CLI_SIZE, &opt.count, "N", 1, 1e6, "how many delays", 0, NULL},
    {0, "response", CLI_REAL, &opt.response, "T", 0, 1e9, "response T_r <= T_d", CLI_EXCL_MIN, NULL},
    {0, "response-share", CLI_REAL, &opt.response_share, "X", 0, 1, "response as a share of the delay instead (1: T_r = T_d); 0: not so", 0, NULL},
    {.name = "Loss curve (of the first delay)", .type = CLI_SECTION},
    {0, "points", CLI_SIZE, &opt.points, "N", 2, 1e7, "values of r", 0, NULL},
    {0, "r-min", CLI_REAL, &opt.r_min, "R", 0, 0, "smallest r; default: 0", 0, NULL},
    {0, "r-max", CLI_REAL, &opt.r_max, "R", 0, 0, "largest r; default: twice the optimum", 0, NULL},
    {0, "dt", CLI_REAL, &opt.dt, "T", 0, 1e3, "step of the numeric loss beside the exact one", CLI_EXCL_MIN, NULL},
    {.name = "Flow", .type = CLI_SECTION},
    {0, "field", CLI_SIZE, &opt.field, "N", 0, 4096, "table flow_field: the model's velocity on N points per axis; 0: none", 0, NULL},
    {0, "field-r", CLI_REAL, &opt.field_r, "R", 0, 0, "at this value of r", 0, NULL},
    {0, "reach", CLI_REAL, &opt.reach, "X", 0, 1e9, "from -X to X", CLI_EXCL_MIN, NULL},
    {.name = "Critical learning rates", .type = CLI_SECTION},
    {0, "descent", CLI_FLAG, &opt.descent, NULL, 0, 0, "find them by gradient descent and bisection too", 0, NULL},
    {0, "starts", CLI_SIZE, &opt.starts, "N", 1, 1e6, "runs of descent, right of the optimum", 0, NULL},
    {0, "spread", CLI_REAL, &opt.spread, "X", 0, 1, "how far right, relative", CLI_EXCL_MIN, NULL},
    {0, "steps", CLI_SIZE, &opt.steps, "N", 1, 1e9, "steps of each run", 0, NULL},
    CLI_LAST};

static const struct tool_column loss_columns[] = {
    {"model", RNN_KV_STR, NULL, "slow-point or limit-cycle"},
    {"delay", RNN_KV_REAL, "T", "T_d"},
    {"response", RNN_KV_REAL, "T", "T_r"},
    {"r", RNN_KV_REAL, NULL, "the model's parameter"},
    {"loss", RNN_KV_REAL, NULL, "time active in the delay / T_d + time silent in the response / T_r"},
    {"gradient", RNN_KV_REAL, NULL, "dL/dr, right derivative"},
    {"loss_numeric", RNN_KV_REAL, NULL, "the loss by Riemann sums of step --dt"},
    {NULL, RNN_KV_NULL, NULL, NULL}};
static const struct tool_column critical_columns[] = {
    {"model", RNN_KV_STR, NULL, "slow-point or limit-cycle"},
    {"delay", RNN_KV_REAL, "T", "T_d"},
    {"response", RNN_KV_REAL, "T", "T_r"},
    {"r_optimum", RNN_KV_REAL, NULL, "r*: loss 0"},
    {"r_no_learning", RNN_KV_REAL, NULL, "r_z: at or below it the gradient is zero"},
    {"lr_exact", RNN_KV_REAL, NULL, "(r* - r_z) / L'(r*+)"},
    {"lr_asymptotic", RNN_KV_REAL, NULL, "its leading order in 1/T_d"},
    {"lr_descent", RNN_KV_REAL, NULL, "largest rate at which gradient descent survives; NaN without --descent"},
    {NULL, RNN_KV_NULL, NULL, NULL}};
static const struct tool_column exponent_columns[] = {
    {"boundary", RNN_KV_STR, NULL, "which curve"},
    {"fit", RNN_KV_STR, NULL, "exact, asymptotic or descent"},
    {"beta", RNN_KV_REAL, NULL, "critical learning rate ~ delay^-beta"},
    {"se", RNN_KV_REAL, NULL, "standard error of the least-squares line"},
    {"lo", RNN_KV_REAL, NULL, "95 % interval by resampling, where there is one"},
    {"hi", RNN_KV_REAL, NULL, "95 % interval by resampling, where there is one"},
    {"r2", RNN_KV_REAL, NULL, "share of variance explained"},
    {"n", RNN_KV_INT, NULL, "points on the line"},
    {NULL, RNN_KV_NULL, NULL, NULL}};

static size_t n_delays(void)
{
    return opt.delays.n ? opt.delays.n : opt.count;
}

static double delay_of(size_t i)
{
    if (opt.delays.n) return opt.delays.v[i];
    return opt.count == 1 ? opt.from : opt.from * pow(opt.to / opt.from, (double)i / (double)(opt.count - 1));
}

static void check(const struct cli_parse *p, const struct cli_common *c)
{
    (void)c;
    cli_exclusive(p, "delays", "from");
    cli_exclusive(p, "delays", "to");
    cli_exclusive(p, "delays", "count");
    cli_exclusive(p, "response", "response-share");
    if (!opt.field) cli_refuse(p, "field-r", "without --field"), cli_refuse(p, "reach", "without --field");
    if (!opt.descent)
        for (const char *const *o = (const char *const[]){"starts", "spread", "steps", NULL}; *o; o++) cli_refuse(p, *o, "without --descent");
    if (!opt.delays.n && opt.to < opt.from) cli_die(2, "--to (%g) must not be below --from (%g)", opt.to, opt.from);
    for (size_t i = 0; i < n_delays(); i++)
        if (opt.response_share <= 0 && opt.response > delay_of(i))
            cli_die(2, "--response (%g) must not be longer than the delay %g", opt.response, delay_of(i));
}

static struct rnn_toy toy_of(enum rnn_toy_kind kind, size_t i)
{
    const double T = delay_of(i);
    return (struct rnn_toy){kind, T, opt.response_share > 0 ? opt.response_share * T : opt.response};
}

static void name_row(struct rnn_table *t, const struct rnn_toy *toy)
{
    rnn_table_set_str(t, "model", rnn_toy_names[toy->kind]);
    rnn_table_set(t, "delay", toy->T_d);
    rnn_table_set(t, "response", toy->T_r);
}

static int loss_curve(struct rnn_writer *w, const struct rnn_toy *toy, const struct rnn_kvs *labels, struct rnn_err *err)
{
    struct rnn_table *t;
    const double lo = isnan(opt.r_min) ? 0 : opt.r_min, hi = isnan(opt.r_max) ? 2 * rnn_toy_optimum(toy) : opt.r_max;
    RNN_TRY(tool_table_new(&t, "toy_loss", loss_columns, err));
    for (size_t i = 0; i < opt.points; i++) {
        const double r = lo + (hi - lo) * (double)i / (double)(opt.points - 1);
        name_row(t, toy);
        rnn_table_set(t, "r", r);
        rnn_table_set(t, "loss", rnn_toy_loss(toy, r));
        rnn_table_set(t, "gradient", rnn_toy_gradient(toy, r));
        rnn_table_set(t, "loss_numeric", rnn_toy_loss_numeric(toy, r, opt.dt));
        rnn_table_row(t);
    }
    const int rc = rnn_table_write(t, w, labels, NULL, err);
    rnn_table_free(t);
    return rc;
}

/* As rnn-fixedpts has it for networks, so that the same figure draws both. */
static int flow_field(struct rnn_writer *w, enum rnn_toy_kind kind, const struct rnn_kvs *labels, struct rnn_err *err)
{
    static const struct tool_column columns[] = {
        {"model", RNN_KV_STR, NULL, "slow-point or limit-cycle"}, {"r", RNN_KV_REAL, NULL, "the model's parameter"},
        {"kappa_1", RNN_KV_REAL, NULL, "x"}, {"kappa_2", RNN_KV_REAL, NULL, "y; the slow point has none"},
        {"flow_1", RNN_KV_REAL, "1/T", "dx/dt"}, {"flow_2", RNN_KV_REAL, "1/T", "dy/dt"}, {"speed", RNN_KV_REAL, "1/T", NULL}, {0}};
    const bool is_plane = kind == RNN_TOY_LIMIT_CYCLE;
    const size_t N = opt.field;
    struct rnn_table *t;
    RNN_TRY(tool_table_new(&t, "flow_field", columns, err));
    for (size_t i = 0; i < (is_plane ? N * N : N); i++) {
        const double step = N > 1 ? 2 * opt.reach / (double)(N - 1) : 0, low = N > 1 ? -opt.reach : 0;
        const double x[2] = {low + step * (double)(i % N), is_plane ? low + step * (double)(i / N) : 0};
        double v[2];
        rnn_toy_velocity(kind, opt.field_r, x, v);
        rnn_table_set_str(t, "model", rnn_toy_names[kind]);
        rnn_table_set(t, "r", opt.field_r);
        rnn_table_set(t, "kappa_1", x[0]);
        rnn_table_set(t, "kappa_2", is_plane ? x[1] : NAN);
        rnn_table_set(t, "flow_1", v[0]);
        rnn_table_set(t, "flow_2", is_plane ? v[1] : NAN);
        rnn_table_set(t, "speed", hypot(v[0], v[1]));
        rnn_table_row(t);
    }
    const int rc = rnn_table_write(t, w, labels, NULL, err);
    rnn_table_free(t);
    return rc;
}

static int exponent_row(struct rnn_table *t, enum rnn_toy_kind kind, const char *fit, size_t n, const double *T, const double *lr, struct rnn_err *err)
{
    struct rnn_line line;
    if (n < 3) return RNN_OK;
    RNN_TRY(rnn_fit_exponent(n, T, lr, &line, err));
    rnn_table_set_str(t, "boundary", rnn_toy_names[kind]);
    rnn_table_set_str(t, "fit", fit);
    rnn_table_set(t, "beta", -line.slope);
    rnn_table_set(t, "se", line.se_slope);
    rnn_table_set(t, "r2", line.r2);
    rnn_table_set_int(t, "n", (int64_t)line.n);
    rnn_table_row(t);
    return RNN_OK;
}

static int critical_rates(struct rnn_writer *w, enum rnn_toy_kind kind, const struct rnn_kvs *labels, struct rnn_err *err)
{
    const size_t n = n_delays();
    struct rnn_table *t = NULL, *e = NULL;
    double *v = NULL;
    int rc = tool_table_new(&t, "toy_critical", critical_columns, err);
    if (rc >= 0) rc = tool_table_new(&e, "exponent", exponent_columns, err);
    if (rc >= 0) rc = rnn_alloc_into(&v, 4 * n, sizeof *v, err);
    for (size_t i = 0; rc >= 0 && i < n; i++) {
        const struct rnn_toy toy = toy_of(kind, i);
        v[i] = toy.T_d;
        v[n + i] = rnn_toy_critical_lr(&toy);
        v[2 * n + i] = rnn_toy_critical_lr_asymptotic(&toy);
        v[3 * n + i] = opt.descent ? rnn_toy_critical_lr_descent(&toy, opt.starts, opt.spread, opt.steps) : NAN;
        name_row(t, &toy);
        rnn_table_set(t, "r_optimum", rnn_toy_optimum(&toy));
        rnn_table_set(t, "r_no_learning", rnn_toy_no_learning(&toy));
        rnn_table_set(t, "lr_exact", v[n + i]);
        rnn_table_set(t, "lr_asymptotic", v[2 * n + i]);
        rnn_table_set(t, "lr_descent", v[3 * n + i]);
        rnn_table_row(t);
    }
    if (rc >= 0) rc = exponent_row(e, kind, "exact", n, v, v + n, err);
    if (rc >= 0) rc = exponent_row(e, kind, "asymptotic", n, v, v + 2 * n, err);
    if (rc >= 0 && opt.descent) rc = exponent_row(e, kind, "descent", n, v, v + 3 * n, err);
    if (rc >= 0) rc = rnn_table_write(t, w, labels, NULL, err);
    if (rc >= 0 && rnn_table_rows(e)) rc = rnn_table_write(e, w, labels, NULL, err);
    free(v);
    rnn_table_free(t);
    rnn_table_free(e);
    return rc;
}

/* The cycle's loss is a sum over its turns within the trial. */
static void check_range(const struct rnn_toy *toy, const char *option, double r)
{
    const double most = 1e6;
    if (isinf(r)) cli_die(2, "--%s (%g): must be finite", option, r);
    if (toy->kind == RNN_TOY_LIMIT_CYCLE && fabs(r) * (toy->T_d + toy->T_r) > most)
        cli_die(2, "--%s (%g): must not turn more than %g times within the %g of a trial", option, r, most, toy->T_d + toy->T_r);
}

static void run_kind(enum rnn_toy_kind kind, const struct tool_theory *m, const struct cli_parse *p, const struct cli_common *c)
{
    struct rnn_err err;
    const struct rnn_toy first = toy_of(kind, 0);
    check_range(&first, "r-min", opt.r_min);
    check_range(&first, "r-max", opt.r_max);
    struct rnn_writer *w = tool_theory_open(m, p, c, &err);
    int rc = loss_curve(w, &first, &c->labels, &err);
    if (rc >= 0 && opt.field) rc = flow_field(w, kind, &c->labels, &err);
    if (rc >= 0) rc = critical_rates(w, kind, &c->labels, &err);
    tool_theory_close(w, rc, &err);
}

static void run_slow_point(const struct tool_theory *m, const struct cli_parse *p, const struct cli_common *c, const char *file)
{
    (void)file;
    run_kind(RNN_TOY_SLOW_POINT, m, p, c);
}

static void run_limit_cycle(const struct tool_theory *m, const struct cli_parse *p, const struct cli_common *c, const char *file)
{
    (void)file;
    run_kind(RNN_TOY_LIMIT_CYCLE, m, p, c);
}

const struct tool_theory tool_theory_slow_point = {
    .name = "slow-point",
    .summary = "loss, no-learning zone and critical learning rates of the slow-point model dx/dt = x^2 + r",
    .details = "A unit that must stay silent for T_d and then be active for T_r, by the time it takes to pass a slow point.  Tables toy_loss, "
               "toy_critical, exponent and, with --field, flow_field.",
    .opts = options, .with = CLI_WITH_LABEL, .check = check, .run = run_slow_point};
const struct tool_theory tool_theory_limit_cycle = {
    .name = "limit-cycle",
    .summary = "the same of the limit-cycle model x = sin(2 pi r t)",
    .details = "As slow-point, but by the time of half a turn.",
    .opts = options, .with = CLI_WITH_LABEL, .check = check, .run = run_limit_cycle};
