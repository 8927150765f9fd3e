/* rnn-run: runs networks on trials and scores them. */
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "base/pool.h"
#include "cli/cli.h"
#include "codec/codec.h"
#include "io/pipe.h"
#include "model/run.h"
#include "tool/activity.h"
#include "tool/items.h"
#include "tool/performance.h"
#include "tool/ranges.h"
#include "tool/tool.h"

static struct options {
    char *task, *trials;
    int precision, what;
    size_t count, horizon, extra, kick_step, thin, activity_count;
    double noise, kick;
    bool no_noise, open_loop, activity;
    struct cli_strs silent, units, split;
    bool has_horizon, has_noise, has_kick_step;
} opt = { .split = { .v = (char *[]){ (char[]){ "test" } }, .n = 1 }, .thin = 1 };

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
    { 0, "silence", CLI_STRS, &opt.silent, "UNITS", 0, 0, "hold the rates of units at zero: numbers from 0 and ranges, as 3,8-15", CLI_COMMA, NULL },
    { 0, "precision", CLI_CHOICE, &opt.precision, "net|double", 0, 0, "arithmetic: that of the network's training, or float64", 0, NULL },
    { .name = "Activity", .type = CLI_SECTION },
    { 0, "activity", CLI_FLAG, &opt.activity, NULL, 0, 0, "write the activity of the population after each network", 0, NULL },
    { 0, "what", CLI_CHOICE, &opt.what, "rates|states", 0, 0, "what of it (they differ in leaky-current cells)", 0, NULL },
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

/* Trials of one task, made once and run by every network. */
struct arena {
    const struct tool_task *of;
    enum rnn_split split;
    struct rnn_trials tr;
    char *trials_id;
    struct tool_run_facts facts;
};

/* Something of the output in its turn: a network to run, or frames that only pass. */
struct item {
    struct rnn_bytes raw;
    struct rnn_net *net;
    bool is_partial; /* more param frames belong to it */
    const struct arena *arena[RNN_N_SPLITS]; /* one per split asked for */
};

static struct state {
    struct tool_items seen, side; /* of the segment; of --task or --trials */
    struct arena **arenas; size_t n_arenas, cap_arenas;
    struct rnn_run_opts run;
    int split[RNN_N_SPLITS]; size_t n_splits;
    size_t *silent, *units;
    struct rnn_pool *pool;
    struct item *open;            /* a network whose param frames are still coming */
    struct rnn_writer *w;
    double done;
    uint64_t n_drawn;
} st;

/* ---- what was asked ---- */

static void parse_splits(void)
{
    for (size_t i = 0; i < opt.split.n; i++) {
        int split;
        if (!rnn_name_index(rnn_split_names, opt.split.v[i], &split)) cli_die(2, "--split: '%s': must be train, validation or test", opt.split.v[i]);
        for (size_t k = 0; k < st.n_splits; k++)
            if (st.split[k] == split) cli_die(2, "--split: '%s' is listed twice", opt.split.v[i]);
        st.split[st.n_splits++] = split;
    }
    if (!st.n_splits) cli_die(2, "--split: '': must be train, validation or test");
}

static void check_options(void)
{
    if (opt.no_noise && opt.has_noise) cli_die(2, "--noise and --no-noise contradict each other");
    if (opt.task && opt.trials) cli_die(2, "--task and --trials contradict each other: the file of the trials holds their task");
    if (opt.horizon && opt.trials) cli_die(2, "--horizon has no effect on the trials of --trials");
    if (opt.has_kick_step && opt.kick == 0) cli_die(2, "--perturb-step has no effect without --perturb");
    if (!opt.activity && (opt.units.n || opt.thin != 1 || opt.what || opt.activity_count || opt.extra))
        cli_die(2, "--what, --units, --thin, --activity-count and --steps have no effect without --activity");
    parse_splits();
    st.silent = tool_ranges("silence", "unit", &opt.silent, &st.run.n_silent);
    st.units = tool_ranges("units", "unit", &opt.units, &st.run.n_units);
    st.run.silent = st.silent;
    st.run.units = st.units;
    st.run.seed = common.seed;
    st.run.replace_noise = opt.has_noise || opt.no_noise;
    st.run.noise = opt.no_noise ? 0 : opt.noise;
    st.run.kick_sd = opt.kick;
    st.run.kick_step = opt.kick_step;
    st.run.extra_steps = opt.extra;
    st.run.open_loop = opt.open_loop;
    st.run.use_double = opt.precision == 1;
    st.run.want_states = opt.what == 1;
    st.run.thin = opt.thin;
}

/* ---- items in and out ---- */

static void free_item(struct item *it)
{
    if (!it) return;
    free(it->raw.p);
    rnn_net_free(it->net);
    free(it);
}

static int new_item(struct item **it, struct rnn_err *err)
{
    return rnn_alloc_into(it, 1, sizeof **it, err);
}

static int add_raw(struct item *it, const struct rnn_frame *f, struct rnn_err *err)
{
    RNN_TRY(rnn_grow(&it->raw.p, &it->raw.cap, it->raw.len + f->raw_len, 1, err));
    memcpy(it->raw.p + it->raw.len, f->raw, f->raw_len);
    it->raw.len += f->raw_len;
    return RNN_OK;
}

/* One network on the trials of one split. */
static int run_on(const struct item *it, const struct arena *a, struct rnn_bytes *out, struct rnn_err *err)
{
    struct rnn_run_result r = { 0 };
    struct rnn_run_opts run = st.run;
    struct tool_activity activity = { .out = out, .net = it->net, .tr = &a->tr, .trials_id = a->trials_id, .opts = &st.run,
                                      .count = opt.activity_count };
    run.sink = opt.activity ? tool_activity_sink : NULL;
    run.sink_arg = &activity;
    const bool can_run = it->net->status != RNN_NET_DIVERGED && rnn_net_finite(it->net);
    int rc = can_run ? rnn_run_score(it->net, a->of->task, &a->tr, &run, &r, err) : RNN_OK;
    if (rc >= 0) rc = tool_performance_append(out, it->net, &a->facts, can_run ? &r : NULL, err);
    rnn_run_release(&r);
    return rc;
}

static int run_net(void *item, size_t worker, void *user, void **result, struct rnn_err *err)
{
    struct item *it = item;
    struct rnn_bytes *out;
    int rc = RNN_OK;
    (void)worker, (void)user;
    RNN_TRY(rnn_alloc_into(&out, 1, sizeof *out, err));
    for (size_t i = 0; i < st.n_splits && rc >= 0; i++) rc = run_on(it, it->arena[i], out, err);
    if (rc < 0) {
        char why[sizeof err->msg];
        memcpy(why, err->msg, sizeof why);
        rnn_bytes_release(out);
        free(out);
        return rnn_fail(err, rc, "%s: %.400s", it->net->id, why);
    }
    *result = out;
    return RNN_OK;
}

static int emit(void *item, void *result, void *user, struct rnn_err *err)
{
    struct item *it = item;
    struct rnn_bytes *made = result;
    (void)user;
    int rc = rnn_writer_raw(st.w, it->raw.p, it->raw.len, err);
    if (made && rc >= 0) rc = rnn_writer_raw(st.w, made->p, made->len, err);
    if (made && rc >= 0) rc = rnn_writer_flush(st.w, err);
    if (made) {
        rnn_bytes_release(made);
        free(made);
        cli_progress(++st.done, NULL);
    }
    free_item(it);
    return rc;
}

static void discard(void *item, void *result, void *user)
{
    struct rnn_bytes *made = result;
    (void)user;
    if (made) rnn_bytes_release(made);
    free(made);
    free_item(item);
}

/* ---- which trials a network runs on ---- */

/* --task or --trials decide for all; else the network's own task, or the only one there is. */
static int task_for(const struct rnn_net *net, const struct tool_task **out, struct rnn_err *err)
{
    const struct tool_items *m = opt.task || opt.trials ? &st.side : &st.seen;
    *out = net->task ? tool_items_find(m, net->task) : NULL;
    if (!*out && m->n == 1 && (m == &st.side || !net->task)) *out = m->v[0];
    if (*out) return RNN_OK;
    if (m == &st.side) return rnn_fail(err, RNN_ERR_ARG, "%s: the file of --%s holds %zu tasks and none of them is its own", net->id, opt.task ? "task" : "trials", m->n);
    return rnn_fail(err, RNN_ERR_ARG, "%s has no task in the stream: say --task FILE", net->id);
}

/* An id that no trials of the segment have. */
static char *fresh_trials_id(void)
{
    for (;; st.n_drawn++) {
        char *id = rnn_asprintf("run-%llu", (unsigned long long)st.n_drawn);
        bool is_taken = false;
        for (size_t i = 0; id && i < st.seen.n; i++)
            for (size_t b = 0; b < st.seen.v[i]->n_blocks; b++) is_taken |= !strcmp(st.seen.v[i]->blocks[b].id, id);
        if (!is_taken) { st.n_drawn++; return id; }
        free(id);
    }
}

/* Makes the trials; those that are not in the stream already go into it before the first activity that refers to them. */
static int make_arena(const struct tool_task *of, enum rnn_split split, struct arena **out, struct rnn_err *err)
{
    const struct rnn_task *t = of->task;
    const struct tool_choice want = { .split = split, .count = opt.count, .horizon = opt.horizon };
    const char *given;
    struct arena *a;
    RNN_TRY(rnn_grow(&st.arenas, &st.cap_arenas, st.n_arenas + 1, sizeof *st.arenas, err));
    RNN_TRY(rnn_alloc_into(&a, 1, sizeof *a, err));
    st.arenas[st.n_arenas++] = *out = a;
    a->of = of;
    a->split = split;
    RNN_TRY(tool_choose_trials(of, &want, &a->tr, &given, err));
    a->facts = (struct tool_run_facts){ .task = t, .split = want.split, .n = a->tr.K, .steps = a->tr.T, .has_horizon = t->horizon_base > 0,
                                        .horizon = a->tr.T - t->horizon_base };
    const bool is_here = given && !opt.task && !opt.trials;
    if (!(a->trials_id = is_here ? rnn_strdup(given) : fresh_trials_id())) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    if (!opt.activity || is_here) return RNN_OK;
    struct item *it;
    RNN_TRY(new_item(&it, err));
    int rc = RNN_OK;
    bool is_new = !tool_items_find(&st.seen, t->id); /* the trials of --task, --trials refer to a task that is not in this stream */
    for (size_t i = 0; i + 1 < st.n_arenas; i++) is_new &= st.arenas[i]->of != of;
    if (is_new) {
        struct rnn_body b = { 0 };
        rc = rnn_task_encode(t, &b, err);
        if (rc >= 0) rc = rnn_frame_append(&it->raw, "task", &b, err);
        rnn_body_release(&b);
    }
    if (rc >= 0) rc = tool_trials_append(&it->raw, &a->tr, a->trials_id, t->id, err);
    if (rc < 0) free_item(it);
    return rc < 0 ? rc : rnn_pool_pass(st.pool, it, err);
}

static int arena_for(const struct rnn_net *net, enum rnn_split split, const struct arena **out, struct rnn_err *err)
{
    const struct tool_task *of;
    struct arena *made;
    RNN_TRY(task_for(net, &of, err));
    for (size_t i = 0; i < st.n_arenas; i++)
        if (st.arenas[i]->of == of && st.arenas[i]->split == split) { *out = st.arenas[i]; return RNN_OK; }
    RNN_TRY(make_arena(of, split, &made, err));
    *out = made;
    return RNN_OK;
}

/* ---- the stream ---- */

static int start_segment(void *user, const msgpack_object *head, struct rnn_writer *w, struct rnn_err *err)
{
    static const struct rnn_pool_calls calls = { .work = run_net, .emit = emit, .discard = discard, .thread_begin = tool_thread_begin };
    (void)user, (void)head;
    st.w = w;
    return rnn_pool_start(&st.pool, common.jobs, opt.activity ? common.jobs : 0, &calls, err);
}

static int push_net(struct item *it, struct rnn_err *err)
{
    int rc = RNN_OK;
    for (size_t i = 0; i < st.n_splits && rc >= 0; i++) rc = arena_for(it->net, (enum rnn_split)st.split[i], &it->arena[i], err);
    if (rc < 0) { free_item(it); return rc; }
    return rnn_pool_push(st.pool, it, err);
}

static int take_net(const struct rnn_frame *f, struct rnn_err *err)
{
    struct item *it;
    RNN_TRY(new_item(&it, err));
    int rc = add_raw(it, f, err);
    if (rc >= 0) rc = rnn_net_decode(f->body, &it->net, &it->is_partial, err);
    if (rc < 0) { free_item(it); return rc; }
    if (!it->is_partial) return push_net(it, err);
    st.open = it;
    return RNN_OK;
}

static int take_param(const struct rnn_frame *f, struct rnn_err *err)
{
    struct item *it = st.open;
    bool done;
    RNN_TRY(add_raw(it, f, err));
    RNN_TRY(rnn_net_param_frame(it->net, f->body, &done, err));
    if (!done) return RNN_OK;
    st.open = NULL;
    return push_net(it, err);
}

static int take_frame(void *user, const struct rnn_frame *f, struct rnn_writer *w, struct rnn_err *err)
{
    struct item *it;
    (void)user, (void)w;
    if (st.open && !strcmp(f->kind, "param")) return take_param(f, err);
    if (st.open) return rnn_fail(err, RNN_ERR_FORMAT, "%s: the rest of its parameters does not follow", st.open->net->id);
    if (!strcmp(f->kind, "net")) return take_net(f, err);
    RNN_TRY(tool_items_frame(&st.seen, f, err));
    RNN_TRY(new_item(&it, err));
    const int rc = add_raw(it, f, err);
    if (rc < 0) { free_item(it); return rc; }
    return rnn_pool_pass(st.pool, it, err);
}

static void forget_segment(void)
{
    for (size_t i = 0; i < st.n_arenas; i++) {
        rnn_trials_release(&st.arenas[i]->tr);
        free(st.arenas[i]->trials_id);
        free(st.arenas[i]);
    }
    st.n_arenas = 0;
    st.n_drawn = 0;
    tool_items_clear(&st.seen);
    free_item(st.open);
    st.open = NULL;
}

/* Everything pushed so far goes out. */
static int settle(void *user, struct rnn_writer *w, struct rnn_err *err)
{
    struct rnn_pool *pool = st.pool;
    (void)user, (void)w;
    st.pool = NULL;
    return pool ? rnn_pool_finish(pool, err) : RNN_OK;
}

static int end_segment(void *user, struct rnn_writer *w, struct rnn_err *err)
{
    if (st.open) return rnn_fail(err, RNN_ERR_FORMAT, "%s: the rest of its parameters does not follow", st.open->net->id);
    RNN_TRY(settle(user, w, err));
    forget_segment();
    return RNN_OK;
}

int main(int argc, char **argv)
{
    struct rnn_err err;
    struct rnn_kvs given = { 0 }, build = { 0 };
    struct tool_side side = { 0 };
    struct rnn_pipe_ops ops = { .segment_start = start_segment, .frame = take_frame, .segment_end = end_segment, .settle = settle };
    tool_begin(tool.name);
    struct cli_parse *p = cli_begin(&tool, CLI_WITH_JOBS | CLI_WITH_SEED, &common, argc, argv);
    cli_apply(p, NULL);
    cli_print_config_if_asked(p);
    check_options();
    const char *beside = opt.task ? opt.task : opt.trials;
    if (beside) {
        if (tool_side_open(&side, opt.task ? "task" : "trials", beside, common.max_frame, &st.side, &err) < 0) cli_die_err(&err);
        ops.inputs = &side.prov;
        ops.n_inputs = 1;
    }
    if (cli_options(p, &given, &err) < 0 || tool_build(&build, opt.precision ? "double" : "net", &err) < 0) cli_die_err(&err);
    struct rnn_reader *r = tool_open_input(&tool, cli_n_args(p) ? cli_arg(p, 0) : NULL, &common);
    struct rnn_writer *w = tool_open_output(&common);
    cli_progress_start("nets", 0);
    const int rc = rnn_pipe_run(r, w, tool.name, &given, &build, &ops, NULL, &err);
    cli_progress_end();
    if (rc < 0) tool_fail(w, NULL, &err);
    const uint64_t failed = rnn_writer_failed(w);
    tool_close_output(w);
    rnn_reader_close(r);
    tool_side_close(&side);
    forget_segment();
    tool_items_clear(&st.side);
    free(st.arenas);
    free(st.silent);
    free(st.units);
    rnn_kvs_release(&given);
    rnn_kvs_release(&build);
    cli_end(p);
    return tool_end(failed);
}
