/* rnn-run: runs networks on trials and scores them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "cli/cli.h"
#include "codec/codec.h"
#include "model/run.h"
#include "tool/activity.h"
#include "tool/arena.h"
#include "tool/direction.h"
#include "tool/each_net.h"
#include "tool/performance.h"
#include "tool/ranges.h"
#include "tool/tool.h"

static struct options {
    char *task, *trials, *along;
    int precision, what;
    size_t count, horizon, extra, kick_step, thin, activity_count;
    double noise, kick;
    bool no_noise, open_loop, activity;
    struct cli_strs silent, units, split;
    bool has_horizon, has_noise, has_kick_step;
} opt = { .split = { .v = (char *[]){ (char[]){ "test" } }, .n = 1 }, .thin = 1, .noise = NAN };

static struct cli_common common = CLI_COMMON_DEFAULT;

static const struct cli_opt options[] = {
    { .name = "Trials", .type = CLI_SECTION },
    { 0, "task", CLI_STR, &opt.task, "FILE", 0, 0, "run every network on the task of FILE instead of its own", CLI_FILE, NULL },
    { 0, "trials", CLI_STR, &opt.trials, "FILE", 0, 0, "run on the trials of FILE, which holds their task too", CLI_FILE, NULL },
    { 0, "split", CLI_STRS, &opt.split, "SPLIT,...", 0, 0, "which trials of the task: train, validation, test; several are run one after another", CLI_COMMA, NULL },
    { 0, "count", CLI_SIZE, &opt.count, "N", 0, 1e9, "trials to run; 0: all that are given, or as many as taskgen would emit", 0, NULL },
    { 0, "horizon", CLI_SIZE, &opt.horizon, "STEPS", 0, 1e7, "steps after the input of a history task; 0: those of the trials", 0, &opt.has_horizon },
    { 0, "steps", CLI_SIZE, &opt.extra, "STEPS", 0, 1e8, "run this many steps on, without input, after each trial (not scored)", 0, NULL },
    { 0, "open-loop", CLI_FLAG, &opt.open_loop, NULL, 0, 0, "feed true inputs to tasks that are scored in free run", 0, NULL },
    { .name = "Changes to the network", .type = CLI_SECTION },
    { 0, "noise", CLI_REAL, &opt.noise, "SIGMA", 0, 1e6, "recurrent noise in the network's own scaling, instead of its own", 0, &opt.has_noise },
    { 0, "no-noise", CLI_FLAG, &opt.no_noise, NULL, 0, 0, "the same as --noise 0", 0, NULL },
    { 0, "perturb", CLI_REAL, &opt.kick, "SD", 0, 1e6, "add a Gaussian kick of this standard deviation to the state, once", 0, NULL },
    { 0, "perturb-step", CLI_SIZE, &opt.kick_step, "STEP", 0, 1e8, "the step before which it is added, counted from 0", 0, &opt.has_kick_step },
    { 0, "perturb-along", CLI_STR, &opt.along, "[-]KIND:K", 0, 0, "make it a step of this length along read:K or write:K, modes of W_rec, input:K, output:K or unit:K", 0, NULL },
    { 0, "silence", CLI_STRS, &opt.silent, "UNITS", 0, 0, "hold the rates of units at zero: numbers from 0 and ranges, as 3,8-15", CLI_COMMA, NULL },
    { 0, "precision", CLI_CHOICE, &opt.precision, "net|double", 0, 0, "arithmetic: that of the network's training, or float64", 0, NULL },
    { .name = "Activity", .type = CLI_SECTION },
    { 0, "activity", CLI_FLAG, &opt.activity, NULL, 0, 0, "write the activity of the population after each network", 0, NULL },
    { 0, "what", CLI_CHOICE, &opt.what, "rates|states|latent", 0, 0, "what of it: rates and states differ in leaky-current cells; latent: what a decoder would be given", 0, NULL },
    { 0, "units", CLI_STRS, &opt.units, "UNITS", 0, 0, "only these units", CLI_COMMA, NULL },
    { 0, "thin", CLI_SIZE, &opt.thin, "N", 1, 1e6, "only every N-th step, the first included", 0, NULL },
    { 0, "activity-count", CLI_SIZE, &opt.activity_count, "N", 0, 1e9, "only the first N trials; 0: all", 0, NULL },
    CLI_LAST
};

static const struct cli_tool tool = {
    .name = "rnn-run", .synopsis = "[options] [FILE]",
    .summary = "Runs networks on trials of their task and scores them.",
    .opts = options, .max_args = 1, .version = tool_version,
};

/* What is said of the trials of one task and split, beside the trials themselves. */
struct run {
    const struct tool_arena *on;
    char *trials_id;
    struct tool_run_facts facts;
};

static struct state {
    struct tool_arenas arenas;
    struct run **runs; size_t n_runs, cap_runs;
    struct rnn_run_opts run;
    struct tool_direction along;
    enum rnn_split split[RNN_N_SPLITS]; size_t n_splits;
    size_t *silent, *units;
    uint64_t n_drawn;
} st;

/* ---- what was asked ---- */

static void check_options(void)
{
    if (opt.no_noise && opt.has_noise) cli_die(2, "--noise and --no-noise contradict each other");
    if (opt.task && opt.trials) cli_die(2, "--task and --trials contradict each other: the file of the trials holds their task");
    if (opt.horizon && opt.trials) cli_die(2, "--horizon has no effect on the trials of --trials");
    if (opt.has_kick_step && opt.kick == 0) cli_die(2, "--perturb-step has no effect without --perturb");
    struct rnn_err err;
    if (opt.along && opt.kick == 0) cli_die(2, "--perturb-along has no effect without --perturb");
    if (opt.along && tool_direction_parse(opt.along, &st.along, &err) < 0) cli_die(2, "--perturb-along: %s", err.msg);
    if (!opt.activity && (opt.units.n || opt.thin != 1 || opt.what || opt.activity_count || opt.extra))
        cli_die(2, "--what, --units, --thin, --activity-count and --steps have no effect without --activity");
    st.n_splits = tool_splits(&opt.split, st.split);
    if (!st.n_splits) cli_die(2, "--split: '': must be train, validation or test");
    st.silent = tool_ranges("silence", "unit", &opt.silent, &st.run.n_silent);
    st.units = tool_ranges("units", "unit", &opt.units, &st.run.n_units);
    st.run.silent = st.silent;
    st.run.units = st.units;
    st.run.seed = common.seed;
    st.run.replace_noise = opt.has_noise || opt.no_noise;
    st.run.noise = opt.has_noise ? opt.noise : 0;
    st.run.kick_sd = opt.kick;
    st.run.kick_step = opt.kick_step;
    st.run.extra_steps = opt.extra;
    st.run.open_loop = opt.open_loop;
    st.run.use_double = opt.precision == 1;
    st.run.see = (enum rnn_see)opt.what;
    st.run.thin = opt.thin;
}

/* ---- which trials a network runs on ---- */

/* An id that no trials of the segment have; NULL: out of memory. */
static char *fresh_trials_id(const struct tool_items *seen)
{
    for (;;) {
        char *id = rnn_asprintf("run-%llu", (unsigned long long)st.n_drawn++);
        bool is_taken = false;
        for (size_t i = 0; id && i < seen->n; i++)
            for (size_t b = 0; b < seen->v[i]->n_blocks; b++) is_taken |= !strcmp(seen->v[i]->blocks[b].id, id);
        if (!is_taken) return id;
        free(id);
    }
}

/* The trials, and their task where the segment lacks it: activity refers to both. */
static int append_trials(const struct run *r, struct rnn_bytes *out, struct rnn_err *err)
{
    const struct rnn_task *t = r->on->of->task;
    bool is_new = !tool_items_find(st.arenas.seen, t->id);
    for (size_t i = 0; st.runs[i] != r; i++) is_new &= st.runs[i]->on->of != r->on->of;
    if (is_new) {
        struct rnn_body b = { 0 };
        int rc = rnn_task_encode(t, &b, err);
        if (rc >= 0) rc = rnn_frame_append(out, "task", &b, err);
        rnn_body_release(&b);
        RNN_TRY(rc);
    }
    return tool_trials_append(out, &r->on->tr, r->trials_id, t->id, err);
}

/* Trials that are not in the stream already go into it before the first network whose activity refers to them. */
static int new_run(const struct tool_arena *on, struct tool_each_item *it, struct run **out, struct rnn_err *err)
{
    const struct rnn_task *t = on->of->task;
    const bool is_here = on->given_id && !st.arenas.side.reader;
    struct run *r;
    RNN_TRY(rnn_grow(&st.runs, &st.cap_runs, st.n_runs + 1, sizeof *st.runs, err));
    RNN_TRY(rnn_alloc_into(&r, 1, sizeof *r, err));
    st.runs[st.n_runs++] = *out = r;
    r->on = on;
    r->facts = (struct tool_run_facts){ .task = t, .split = on->want.split, .n = on->tr.K, .steps = on->tr.T, .has_horizon = t->horizon_base > 0,
                                        .horizon = on->tr.T - t->horizon_base };
    if (!(r->trials_id = is_here ? rnn_strdup(on->given_id) : fresh_trials_id(st.arenas.seen))) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    return opt.activity && !is_here ? append_trials(r, &it->before, err) : RNN_OK;
}

static int run_for(struct tool_each_item *it, enum rnn_split split, struct run **out, struct rnn_err *err)
{
    const struct tool_choice want = { .split = split, .count = opt.count, .horizon = opt.horizon };
    const struct tool_arena *on;
    RNN_TRY(tool_arena_for(&st.arenas, it->net, &want, &on, err));
    for (size_t i = 0; i < st.n_runs; i++)
        if (st.runs[i]->on == on) { *out = st.runs[i]; return RNN_OK; }
    return new_run(on, it, out, err);
}

/* ---- one network after another ---- */

/* An option without effect is an error, and this one's shows with the task only. */
static int check_open_loop(const struct rnn_net *net, struct rnn_err *err)
{
    const struct tool_task *of;
    RNN_TRY(tool_arena_task(&st.arenas, net, &of, err));
    if (of->task->closed_loop) return RNN_OK;
    return rnn_fail(err, RNN_ERR_ARG, "%s: --open-loop has no effect on task '%s', whose inputs do not come from the network", net->id, of->task->name);
}

static int prepare(void *user, struct tool_each_item *it, const struct tool_items *seen, struct rnn_err *err)
{
    struct run **runs;
    (void)user;
    st.arenas.seen = seen;
    if (opt.open_loop) RNN_TRY(check_open_loop(it->net, err));
    RNN_TRY(rnn_alloc_into(&runs, st.n_splits, sizeof *runs, err));
    it->made = runs;
    for (size_t i = 0; i < st.n_splits; i++) RNN_TRY(run_for(it, st.split[i], &runs[i], err));
    return RNN_OK;
}

static int run_on(struct tool_each_item *it, const struct run *on, bool can, const double *along, struct rnn_err *err)
{
    struct rnn_run_result r = { 0 };
    struct rnn_run_opts run = st.run;
    run.kick_along = along;
    struct tool_activity activity = { .out = &it->out, .net = it->net, .tr = &on->on->tr, .trials_id = on->trials_id, .opts = &st.run,
                                      .count = opt.activity_count };
    run.sink = opt.activity ? tool_activity_sink : NULL;
    run.sink_arg = &activity;
    int rc = can ? rnn_run_score(it->net, on->facts.task, &on->on->tr, &run, &r, err) : RNN_OK;
    if (rc >= 0) rc = tool_performance_append(&it->out, it->net, &on->facts, can ? &r : NULL, err);
    rnn_run_release(&r);
    return rc;
}

static int work(void *user, struct tool_each_item *it, struct rnn_err *err)
{
    struct run **runs = it->made;
    const bool can = rnn_net_can_run(it->net);
    double *along = NULL;
    int rc = RNN_OK;
    (void)user;
    if (opt.along && can) {
        rc = rnn_alloc_into(&along, it->net->spec.N, sizeof *along, err);
        if (rc >= 0) rc = tool_direction_of(&st.along, it->net, along, err);
    }
    for (size_t i = 0; i < st.n_splits && rc >= 0; i++) rc = run_on(it, runs[i], can, along, err);
    free(along);
    return rc;
}

static void drop(void *user, struct tool_each_item *it)
{
    (void)user;
    free(it->made);
    it->made = NULL;
}

static void forget(void *user)
{
    (void)user;
    for (size_t i = 0; i < st.n_runs; i++) {
        free(st.runs[i]->trials_id);
        free(st.runs[i]);
    }
    st.n_runs = 0;
    st.n_drawn = 0;
    tool_arenas_clear(&st.arenas);
}

int main(int argc, char **argv)
{
    struct rnn_err err;
    struct rnn_kvs given = { 0 };
    struct cli_parse *p = tool_start(&tool, CLI_WITH_JOBS | CLI_WITH_SEED, &common, argc, argv);
    check_options();
    tool_side_open(&st.arenas.side, opt.task, opt.trials, common.max_frame);
    if (cli_options(p, &given, &err) < 0) cli_die_err(&err);
    const struct tool_each each = { .precision = opt.precision ? "double" : "net", .jobs = common.jobs, .window = opt.activity ? common.jobs : 0,
                                    .prepare = prepare, .work = work, .drop = drop, .forget = forget, .side = &st.arenas.side };
    const uint64_t failed = tool_each_net(&tool, &common, cli_arg(p, 0), &given, &each);
    tool_arenas_release(&st.arenas);
    free(st.runs);
    free(st.silent);
    free(st.units);
    rnn_kvs_release(&given);
    cli_end(p);
    return tool_end(failed);
}
