/* rnn-varmem: do networks hold the variable memories of their history task? */
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "cli/cli.h"
#include "tool/each_net.h"
#include "tool/operator.h"
#include "tool/ranges.h"
#include "tool/tool.h"
#include "tool/varmem.h"

static struct options {
    double theta, alpha;
    bool project;
    char *operator, * task, *input;
    uint64_t length;
    size_t count, horizon;
    struct cli_strs variants, norms, arrays;
} opt = {.theta = 0.9, .alpha = 0.5, .project = true, .count = 128, .horizon = 200};

static struct cli_common common = CLI_COMMON_DEFAULT;

static const struct cli_opt options[] = {
    {.name = "Operator", .type = CLI_SECTION},
    {0, "operator", CLI_STR, &opt.operator, "TEXT|@FILE", 0, 0,
     "the operator, a piece 'sign variable dim' per output, instead of the networks' tasks", 0, NULL},
    {0, "length", CLI_UINT64, &opt.length, "N", 0, 65536, "its variables; 0: the largest that it names", 0,
     NULL},
    {0, "task", CLI_STR, &opt.task, "FILE", 0, 0, "take operator and trials from the task of FILE", CLI_FILE,
     NULL},
    {.name = "Spectrum and basis", .type = CLI_SECTION},
    {0, "theta", CLI_REAL, &opt.theta, "MODULUS", 0, 10, "modes from this modulus on are long-term",
     CLI_EXCL_MIN, NULL},
    {0, "variants", CLI_STRS, &opt.variants, "NAME,...", 0, 0,
     "input, mixed, code, dual, backward; default all", CLI_COMMA, NULL},
    {0, "alpha", CLI_REAL, &opt.alpha, "A", 0, 1, "weight of the input side in the mixed basis", 0, NULL},
    {0, "norm", CLI_STRS, &opt.norms, "NAME,...", 0, 0,
     "scale of the columns: none, unit, activity; default none", CLI_COMMA, NULL},
    {0, "projector", CLI_FLAG, &opt.project, NULL, 0, 0,
     "project the input, mixed and backward bases onto the long-term subspace", 0, NULL},
    {.name = "Trajectories", .type = CLI_SECTION},
    {0, "count", CLI_SIZE, &opt.count, "N", 2, 1e6, "test trials to decode", 0, NULL},
    {0, "horizon", CLI_SIZE, &opt.horizon, "STEPS", 1, 1e6, "outputs per trial", 0, NULL},
    {0, "input", CLI_STR, &opt.input, "DIGITS|@FILE", 0, 0,
     "project the run on this picture or these contents too", 0, NULL},
    {.name = "Arrays", .type = CLI_SECTION},
    {0, "arrays", CLI_STRS, &opt.arrays, "NAME,...", 0, 0,
     "eigenvalues, basis, phi, full, linear; all; none; default eigenvalues", CLI_COMMA, NULL},
    CLI_LAST};

static const struct cli_tool tool = {
    .name = "rnn-varmem",
    .synopsis = "[options] [FILE]",
    .summary = "Looks for the variable memories of history tasks in networks.",
    .opts = options,
    .max_args = 1,
    .version = tool_version,
};

static struct state {
    struct tool_vm_plan plan;
    struct rnn_task *stated; /* --operator */
    struct tool_side side;   /* --task */
    struct tool_vm_task **v; /* made so far */
    size_t n, cap;
    const struct tool_task **of; /* which task each was made of */
    size_t cap_of;
    char *picture;
} st;

static void make_plan(const struct cli_parse *p)
{
    struct tool_vm_plan *plan = &st.plan;
    *plan = (struct tool_vm_plan){.theta = opt.theta,
                                  .alpha = opt.alpha,
                                  .project = opt.project,
                                  .count = opt.count,
                                  .horizon = opt.horizon,
                                  .seed = common.seed};
    tool_pick("variants", &opt.variants, rnn_vm_variant_names, false, plan->variant);
    for (int v = 0; !opt.variants.n && v < RNN_VM_N_VARIANTS; v++) plan->variant[v] = true;
    tool_pick("norm", &opt.norms, rnn_vm_norm_names, false, plan->norm);
    if (!opt.norms.n) plan->norm[RNN_VM_NORM_NONE] = true;
    tool_pick("arrays", &opt.arrays, tool_vm_array_names, true, plan->array);
    if (!opt.arrays.n) plan->array[TOOL_VM_EIGENVALUES] = true;
    cli_exclusive(p, "operator", "task");
    if (!opt.operator) cli_refuse(p, "length", "without --operator");
    if (!plan->variant[RNN_VM_MIXED]) cli_refuse(p, "alpha", "without the mixed variant");
    if (!plan->variant[RNN_VM_INPUT] && !plan->variant[RNN_VM_MIXED] && !plan->variant[RNN_VM_BACKWARD])
        cli_refuse(p, "projector", "on the variants code and dual");
    if (cli_given(p, "norm") && !plan->variant[RNN_VM_INPUT] && !plan->variant[RNN_VM_MIXED] &&
        !plan->variant[RNN_VM_DUAL] && !plan->variant[RNN_VM_BACKWARD])
        cli_refuse(p, "norm", "on the variant code, whose columns are unit vectors");
}

static void read_input(struct rnn_err *err)
{
    if (!opt.input) return;
    st.plan.picture = opt.input;
    if (*opt.input != '@') return;
    if (tool_read_text(opt.input + 1, &st.picture, err) < 0)
        cli_die(cli_status_of(err->code), "--input: %s", err->msg);
    st.plan.picture = st.picture;
    st.plan.picture_is_text = true;
}

/* ---- which task a network is held against ---- */

static int task_of(const struct tool_each_item *it, const struct tool_items *seen,
                   const struct tool_task **out, struct rnn_err *err)
{
    static struct tool_task stated;
    stated.task = st.stated;
    *out = st.stated ? &stated : NULL;
    if (!*out && opt.task) {
        *out = it->net->task ? tool_items_find(&st.side.items, it->net->task) : NULL;
        if (!*out && st.side.items.n == 1) *out = st.side.items.v[0];
        if (!*out)
            return rnn_fail(err, RNN_ERR_ARG,
                            "%s: the file of --task holds %zu tasks and none of them is its own", it->net->id,
                            st.side.items.n);
    }
    if (!*out) *out = it->task;
    if (!*out && !it->net->task && seen->n == 1) *out = seen->v[0];
    return *out ? RNN_OK
                : rnn_fail(
                      err, RNN_ERR_ARG,
                      "%s has no task in the stream, hence no operator: say --operator TEXT or --task FILE",
                      it->net->id);
}

static int prepare(void *user, struct tool_each_item *it, const struct tool_items *seen, struct rnn_err *err)
{
    const struct tool_task *of;
    (void)user;
    RNN_TRY(task_of(it, seen, &of, err));
    size_t i = 0;
    while (i < st.n && st.of[i] != of) i++;
    if (i == st.n) {
        RNN_TRY(rnn_grow(&st.v, &st.cap, st.n + 1, sizeof *st.v, err));
        RNN_TRY(rnn_grow(&st.of, &st.cap_of, st.n + 1, sizeof *st.of, err));
        RNN_TRY(tool_vm_task_make(&st.plan, of, &st.v[st.n], err));
        st.of[st.n++] = of;
    }
    const struct rnn_spec *s = &it->net->spec;
    it->with = st.v[i];
    if (s->n_latent) return rnn_fail(err, RNN_ERR_ARG, "%s reads out through a decoder: its activity has no one linear read-out", it->net->id);
    if (s->n_in == st.v[i]->op.d && s->n_out == st.v[i]->op.d) return RNN_OK;
    return rnn_fail(err, RNN_ERR_ARG, "%s has %zu inputs and %zu outputs, the operator %zu dimensions",
                    it->net->id, s->n_in, s->n_out, st.v[i]->op.d);
}

static int work(void *user, struct tool_each_item *it, struct rnn_err *err)
{
    (void)user;
    return tool_vm_analyse(&st.plan, it->with, it, err);
}

static void forget(void *user)
{
    (void)user;
    while (st.n) tool_vm_task_free(st.v[--st.n]);
}

int main(int argc, char **argv)
{
    struct rnn_err err;
    struct rnn_kvs given = {0};
    struct cli_parse *p = tool_start(&tool, CLI_WITH_JOBS | CLI_WITH_SEED, &common, argc, argv);
    make_plan(p);
    read_input(&err);
    if (opt.operator&& tool_operator_task(opt.operator, opt.length, common.seed, &st.stated, &err) < 0)
        cli_die(cli_status_of(err.code), "--operator: %s", err.msg);
    tool_side_open(&st.side, opt.task, NULL, common.max_frame);
    if (cli_options(p, &given, &err) < 0) cli_die_err(&err);
    if (st.stated && tool_operator_prov(st.stated, &given, &err) < 0) cli_die_err(&err);
    if (st.picture && rnn_kvs_str(&given, "input", st.picture, &err) < 0)
        cli_die_err(&err); /* contents, not the name of the file */
    const struct tool_each each = {
        .jobs = common.jobs, .prepare = prepare, .work = work, .forget = forget, .side = &st.side};
    const uint64_t failed = tool_each_net(&tool, &common, cli_arg(p, 0), &given, &each);
    tool_side_close(&st.side);
    rnn_task_free(st.stated);
    free(st.v);
    free(st.of);
    free(st.picture);
    rnn_kvs_release(&given);
    cli_release_values(p);
    cli_end(p);
    return tool_end(failed);
}
