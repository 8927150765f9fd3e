/* rnn-fixedpts: fixed points, slow points and cycles of networks, and what they do after their trials. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "cli/cli.h"
#include "tool/activity.h"
#include "tool/fp.h"
#include "tool/ranges.h"
#include "tool/tool.h"

static struct options {
    int starts;
    size_t count, blend, levels, trials, max_starts, batch, max_iterations, cycles, field, exponents, exponent_steps, phase_trials, rollout, rollout_tail;
    double noise, reach, until, fixed_speed, slow_speed, merge, margin, match, rollout_speed;
    char *file, *period, *where, *task;
    struct cli_strs inputs, arrays;
    bool reduced, exhaustive, flow_cycle, phase;
} opt = {.count = 1024, .blend = 8, .levels = 3, .max_starts = 65536, .batch = 128, .max_iterations = 300, .exponent_steps = 5000, .phase_trials = 2, .rollout = 6000,
         .rollout_tail = 2000, .noise = 0.1, .reach = 1, .until = NAN, .fixed_speed = 1e-12, .slow_speed = 0.1, .merge = 1e-7, .margin = 1e-3,
         .rollout_speed = 1e-3};

static struct cli_common common = CLI_COMMON_DEFAULT;

static const struct cli_opt options[] = {
    {.name = "Starts", .type = CLI_SECTION},
    {0, "starts", CLI_CHOICE, &opt.starts, "trajectory|uniform|grid|file", 0, 0, "states of trials plus noise, a box, a grid in it, or a file", 0, NULL},
    {0, "count", CLI_SIZE, &opt.count, "N", 1, 1e8, "starts (of a round, with --until-coverage)", 0, NULL},
    {0, "noise", CLI_REAL, &opt.noise, "SD", 0, 1e6, "Gaussian noise added to states of trials", 0, NULL},
    {0, "blend", CLI_SIZE, &opt.blend, "M", 1, 1024, "starts are random blends of 1, 2, 4, ... up to M states, in turns; 1: states only", 0, NULL},
    {0, "reach", CLI_REAL, &opt.reach, "X", 0, 1e6, "the box is [-X, X] in every dimension", CLI_EXCL_MIN, NULL},
    {0, "levels", CLI_SIZE, &opt.levels, "N", 1, 1e6, "grid points per dimension", 0, NULL},
    {0, "starts-file", CLI_STR, &opt.file, "FILE", 0, 0, "a start a line, numbers separated by blanks, tabs or commas", CLI_FILE, NULL},
    {0, "until-coverage", CLI_REAL, &opt.until, "P", 0, 1, "more rounds until the next start finds a new point with at most this probability", 0, NULL},
    {0, "max-starts", CLI_SIZE, &opt.max_starts, "N", 1, 1e9, "but no more starts than these", 0, NULL},
    {.name = "Trials and inputs", .type = CLI_SECTION},
    {0, "task", CLI_STR, &opt.task, "FILE", 0, 0, "run every network on the task of FILE instead of its own", CLI_FILE, NULL},
    {0, "trials", CLI_SIZE, &opt.trials, "N", 0, 1e7, "test trials to run when no activity came along; 0: all given, or as many as taskgen would emit", 0, NULL},
    {0, "period", CLI_STR, &opt.period, "NAME", 0, 0, "only states of this period of the task", 0, NULL},
    {0, "where", CLI_STR, &opt.where, "PARAM=VALUE", 0, 0, "only trials with this parameter", 0, NULL},
    {0, "input", CLI_STRS, &opt.inputs, "U,U,...|@PERIOD|zero", 0, 0, "constant input: numbers, the mean of a period, or none; several times", 0, NULL},
    {.name = "Search", .type = CLI_SECTION},
    {0, "max-iterations", CLI_SIZE, &opt.max_iterations, "N", 1, 1e6, "steps of a start", 0, NULL},
    {0, "fixed-speed", CLI_REAL, &opt.fixed_speed, "X", 0, 1e-3, "a point is fixed when no unit moves more in a step, after polishing", CLI_EXCL_MIN, NULL},
    {0, "slow-speed", CLI_REAL, &opt.slow_speed, "X", 0, INFINITY, "minima of q that are faster, per time constant, are not told", 0, NULL},
    {0, "merge", CLI_REAL, &opt.merge, "X", 0, 1, "points nearer than this are one where no proof decides", 0, NULL},
    {0, "margin", CLI_REAL, &opt.margin, "X", 0, 1, "multipliers this near to the unit circle are near-neutral", 0, NULL},
    {0, "batch", CLI_SIZE, &opt.batch, "N", 1, 1e6, "starts searched side by side; bounds memory", 0, NULL},
    {0, "reduced", CLI_FLAG, &opt.reduced, NULL, 0, 0, "search the exact low-dimensional dynamics of factorised networks", 0, NULL},
    {0, "field", CLI_SIZE, &opt.field, "N", 0, 4096, "with --reduced: table flow_field, N points per axis; 0: none", 0, NULL},
    {0, "exhaustive", CLI_FLAG, &opt.exhaustive, NULL, 0, 0, "small relu networks: enumerate every region instead of searching", 0, NULL},
    {.name = "Cycles and exponents", .type = CLI_SECTION},
    {0, "cycles", CLI_SIZE, &opt.cycles, "K", 0, 10000, "cycles of the map of period 2 to K; 0: none", 0, NULL},
    {0, "flow-cycle", CLI_FLAG, &opt.flow_cycle, NULL, 0, 0, "the limit cycle of the flow that a trial ends on", 0, NULL},
    {0, "lyapunov", CLI_SIZE, &opt.exponents, "M", 0, 1e6, "the M largest Lyapunov exponents; 0: none", 0, NULL},
    {0, "lyapunov-steps", CLI_SIZE, &opt.exponent_steps, "STEPS", 10, 1e9, "steps that they are averaged over", 0, NULL},
    {.name = "What a network does after its trial", .type = CLI_SECTION},
    {0, "phase", CLI_FLAG, &opt.phase, NULL, 0, 0, "table phase: slow point or limit cycle, by three criteria", 0, NULL},
    {0, "phase-trials", CLI_SIZE, &opt.phase_trials, "N", 1, 1e6, "trials whose ends are compared, of those run", 0, NULL},
    {0, "rollout", CLI_SIZE, &opt.rollout, "STEPS", 1, 1e9, "steps rolled out", 0, NULL},
    {0, "rollout-tail", CLI_SIZE, &opt.rollout_tail, "STEPS", 1, 1e9, "last steps of these in which speed is looked at", 0, NULL},
    {0, "rollout-speed", CLI_REAL, &opt.rollout_speed, "X", 0, 1, "a rate that changes more in a step is turning", 0, NULL},
    {.name = "Output", .type = CLI_SECTION},
    {0, "match", CLI_REAL, &opt.match, "X", 0, 1e6, "table matches: points of consecutive snapshots no farther apart than this; 0: none", 0, NULL},
    {0, "arrays", CLI_STRS, &opt.arrays, "NAME,...", 0, 0, "states, eigenvalues, eigenvectors, input-jacobian, outputs, pca, orbits, starts; all; none; default states, eigenvalues, pca", CLI_COMMA, NULL},
    CLI_LAST};

static const struct cli_tool tool = {
    .name = "rnn-fixedpts", .synopsis = "[options] [FILE]",
    .summary = "Finds fixed points, slow points and cycles of networks.",
    .opts = options, .max_args = 1, .version = tool_version,
};

static struct state {
    struct tool_fp_plan plan;
    struct tool_arenas arenas;
    double *file;
    struct tool_fp_own *previous; /* the snapshot before, for matching */
    char *previous_id;
    uint64_t previous_index;
} st;

/* ---- what was asked ---- */

/* Numbers of a text, a start a line; '#' begins a remark. */
static void read_starts(const char *path)
{
    struct rnn_err err;
    size_t cap = 0, n = 0;
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t room = 0;
    if (!f) cli_die(1, "--starts-file: cannot open '%s': %s", path, strerror(errno));
    for (size_t number = 1; getline(&line, &room, f) >= 0; number++) {
        size_t on_line = 0;
        line[strcspn(line, "#\r\n")] = 0;
        for (char *p = line + strspn(line, " \t,"); *p; p += strspn(p, " \t,")) {
            char *end;
            const double v = strtod(p, &end);
            if (end == p || !isfinite(v)) cli_die(1, "--starts-file: %s: line %zu: '%s' is not a finite number", path, number, p);
            if (rnn_grow(&st.file, &cap, n + 1, sizeof *st.file, &err) < 0) cli_die_err(&err);
            st.file[n++] = v;
            on_line++, p = end;
        }
        if (!on_line) continue;
        if (st.plan.file_cols && on_line != st.plan.file_cols)
            cli_die(1, "--starts-file: %s: line %zu has %zu numbers, the first had %zu", path, number, on_line, st.plan.file_cols);
        st.plan.file_cols = on_line;
        st.plan.file_rows++;
    }
    if (ferror(f)) cli_die(1, "--starts-file: cannot read '%s': %s", path, strerror(errno));
    if (!n) cli_die(1, "--starts-file: '%s' holds no start", path);
    free(line);
    fclose(f);
    st.plan.file = st.file;
}

static void check_options(const struct cli_parse *p)
{
    const bool draws = opt.starts == TOOL_FP_TRAJECTORY || opt.starts == TOOL_FP_UNIFORM;
    if (opt.starts != TOOL_FP_TRAJECTORY) cli_refuse(p, "noise", "without --starts trajectory"), cli_refuse(p, "blend", "without --starts trajectory");
    if (opt.starts != TOOL_FP_GRID) cli_refuse(p, "levels", "without --starts grid");
    if (!draws) cli_refuse(p, "count", "with --starts grid or file"), cli_refuse(p, "until-coverage", "with --starts grid or file");
    if (isnan(opt.until)) cli_refuse(p, "max-starts", "without --until-coverage");
    if (opt.starts == TOOL_FP_FILE && !opt.file) cli_die(2, "--starts file needs --starts-file FILE");
    if (opt.starts != TOOL_FP_FILE && opt.file) cli_die(2, "--starts-file has no effect without --starts file");
    if (opt.field && !opt.reduced) cli_die(2, "--field has no effect without --reduced");
    if (opt.starts != TOOL_FP_UNIFORM && opt.starts != TOOL_FP_GRID && !opt.field) cli_refuse(p, "reach", "without --starts uniform or grid, or --field");
    if (!opt.exponents) cli_refuse(p, "lyapunov-steps", "without --lyapunov");
    if (!opt.phase) cli_refuse(p, "phase-trials", "without --phase"), cli_refuse(p, "rollout", "without --phase"), cli_refuse(p, "rollout-tail", "without --phase"), cli_refuse(p, "rollout-speed", "without --phase");
    if (opt.rollout_tail > opt.rollout) cli_die(2, "--rollout-tail (%zu) must not exceed --rollout (%zu)", opt.rollout_tail, opt.rollout);
    if (opt.exhaustive) cli_refuse(p, "until-coverage", "with --exhaustive"), cli_refuse(p, "max-iterations", "with --exhaustive");
    if (opt.where && (!strchr(opt.where, '=') || *opt.where == '=')) cli_die(2, "--where: '%s' is not PARAM=VALUE", opt.where);
}

static void make_plan(const struct cli_parse *p)
{
    struct tool_fp_plan *plan = &st.plan;
    check_options(p);
    *plan = (struct tool_fp_plan){
        .starts = (enum tool_fp_starts)opt.starts, .count = opt.count, .blend = opt.blend, .levels = opt.levels, .run_trials = opt.trials, .max_starts = opt.max_starts,
        .batch = opt.batch, .noise = opt.noise, .reach = opt.reach, .until = opt.until, .period = opt.period, .inputs = opt.inputs.v,
        .n_inputs = opt.inputs.n, .merge = opt.merge, .margin = opt.margin, .reduced = opt.reduced, .exhaustive = opt.exhaustive, .cycles = opt.cycles,
        .field = opt.field, .flow_cycle = opt.flow_cycle, .phase = opt.phase, .exponents = opt.exponents, .exponent_steps = opt.exponent_steps,
        .phase_trials = opt.phase_trials, .rollout = opt.rollout, .rollout_tail = opt.rollout_tail, .rollout_speed = opt.rollout_speed, .match = opt.match, .seed = common.seed};
    rnn_fp_options_default(&plan->search);
    plan->search.max_iterations = opt.max_iterations;
    plan->search.fixed_speed = opt.fixed_speed;
    plan->search.slow_speed = opt.slow_speed;
    tool_pick("arrays", &opt.arrays, tool_fp_array_names, true, plan->array);
    if (!opt.arrays.n) plan->array[TOOL_FP_STATES] = plan->array[TOOL_FP_EIGENVALUES] = plan->array[TOOL_FP_PCA] = true;
    if (opt.file) read_starts(opt.file);
    if (!opt.where) return;
    plan->where_key = rnn_strdup(opt.where);
    if (!plan->where_key) cli_die(1, "out of memory");
    plan->where_value = strchr(plan->where_key, '=');
    *plan->where_value++ = 0;
}

/* ---- one network after another ---- */

static int own_of(struct tool_each_item *it, struct tool_fp_own **own, struct rnn_err *err)
{
    struct tool_fp_own *made;
    if (!it->made) {
        RNN_TRY(rnn_alloc_into(&made, 1, sizeof *made, err));
        it->made = made;
    }
    *own = it->made;
    return RNN_OK;
}

/* Activity that follows its network is kept until its turn. */
static int after(void *user, struct tool_each_item *it, const struct rnn_frame *f, struct rnn_err *err)
{
    struct tool_fp_own *own;
    (void)user;
    if (strcmp(f->kind, "activity") || opt.task) return RNN_OK;
    struct rnn_activity a;
    RNN_TRY(tool_own_activity(it ? it->net : NULL, f, &a, err));
    int rc = own_of(it, &own, err);
    if (rc >= 0) rc = rnn_grow(&own->frames, &own->cap_frames, own->n_frames + 1, sizeof *own->frames, err);
    if (rc >= 0) own->frames[own->n_frames++] = a;
    else rnn_activity_release(&a);
    return rc;
}

static int prepare(void *user, struct tool_each_item *it, const struct tool_items *seen, struct rnn_err *err)
{
    struct tool_fp_own *own;
    const struct tool_task *of;
    const struct tool_choice want = {.split = RNN_TEST, .count = opt.trials};
    struct rnn_err none;
    (void)user;
    RNN_TRY(own_of(it, &own, err));
    st.arenas.seen = seen;
    if (tool_arena_task(&st.arenas, it->net, &of, &none) < 0) return opt.task ? (*err = none, none.code) : RNN_OK; /* without one: as long as none is needed */
    const struct rnn_spec *s = &it->net->spec;
    if (of->task->n_in != s->n_in || of->task->n_out != s->n_out)
        return rnn_fail(err, RNN_ERR_ARG, "%s has %zu inputs and %zu outputs, its task %zu and %zu", it->net->id, s->n_in, s->n_out, of->task->n_in, of->task->n_out);
    RNN_TRY(tool_arena_for(&st.arenas, it->net, &want, &own->arena, err));
    return tool_fp_mask(&st.plan, own, of, err);
}

static int work(void *user, struct tool_each_item *it, struct rnn_err *err)
{
    (void)user;
    return tool_fp_analyse(&st.plan, it, err);
}

/* Points are matched from a snapshot to the network, or snapshot, that follows it. */
static int emit(void *user, struct tool_each_item *it, struct rnn_err *err)
{
    struct tool_fp_own *own = it->made, *before = st.previous;
    int rc = RNN_OK;
    (void)user;
    if (opt.match <= 0 || !own->points) return RNN_OK;
    if (before && st.previous_index == it->net->index && before->N == own->N)
        rc = tool_fp_report_matches(&st.plan, st.previous_id, before, it, own, err);
    tool_fp_own_free(before);
    free(st.previous_id);
    st.previous = NULL, st.previous_id = NULL;
    if (rc < 0 || !rnn_kvs_find(&it->net->training, "snapshot")) return rc;
    st.previous = own, st.previous_index = it->net->index;
    it->made = NULL;
    st.previous_id = rnn_strdup(it->net->id);
    return st.previous_id ? RNN_OK : rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
}

static void drop(void *user, struct tool_each_item *it)
{
    (void)user;
    tool_fp_own_free(it->made);
    it->made = NULL;
}

static void forget(void *user)
{
    (void)user;
    tool_arenas_clear(&st.arenas);
    tool_fp_own_free(st.previous);
    free(st.previous_id);
    st.previous = NULL, st.previous_id = NULL;
}

int main(int argc, char **argv)
{
    struct rnn_err err;
    struct rnn_kvs given = {0};
    struct cli_parse *p = tool_start(&tool, CLI_WITH_JOBS | CLI_WITH_SEED, &common, argc, argv);
    make_plan(p);
    tool_side_open(&st.arenas.side, opt.task, NULL, common.max_frame);
    if (cli_options(p, &given, &err) < 0) cli_die_err(&err);
    const struct tool_each each = {.jobs = common.jobs, .after = after, .prepare = prepare, .work = work, .emit = emit, .drop = drop, .forget = forget,
                                   .side = &st.arenas.side};
    const uint64_t failed = tool_each_net(&tool, &common, cli_arg(p, 0), &given, &each);
    tool_arenas_release(&st.arenas);
    free(st.file);
    free(st.plan.where_key);
    rnn_kvs_release(&given);
    cli_release_values(p);
    cli_end(p);
    return tool_end(failed);
}
