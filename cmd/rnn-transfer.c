/* rnn-transfer: trains recipients that start from parts of donors, and compares them with recipients that do not. */
#include <math.h>
#include <msgpack.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "base/pool.h"
#include "cli/cli.h"
#include "codec/codec.h"
#include "tool/checkpoint.h"
#include "tool/train_input.h"
#include "tool/train_options.h"
#include "tool/transfer.h"

static char both[] = "i2h+h2h", *default_conditions[] = { both };
static char accuracy[] = "accuracy", to_criterion[] = "epochs_to_criterion", *default_endpoints[] = { accuracy, to_criterion };
static double default_at[] = { 2, 5, 10, 20, 40 };

static struct options {
    size_t pairs, resamples;
    uint64_t eval_every;
    struct cli_strs donors, conditions, factorial, controls, map, endpoints;
    struct cli_reals at;
    char *primary, *checkpoint;
    double primary_at, criterion, level;
    bool keep_nets, number_on;
} opt = { .pairs = 1, .resamples = 10000, .conditions = { default_conditions, 1 }, .endpoints = { default_endpoints, 2 },
          .at = { default_at, RNN_LEN(default_at) }, .primary_at = 20, .criterion = 0.9, .level = 0.95, .keep_nets = true };

static struct cli_common common = CLI_COMMON_DEFAULT;

static const struct cli_opt own_options[] = {
    { .name = "Design", .type = CLI_SECTION },
    { 0, "donors", CLI_STRS, &opt.donors, "[NAME=]FILE", 0, 0, "nets to start from: one for all, or each from that of its index; may be repeated", CLI_FILE, NULL },
    { 'n', "nets", CLI_SIZE, &opt.pairs, "N", 1, 67108863, "recipients of each condition; N-th ones share start, data and order", 0, NULL },
    { 0, "number-on", CLI_FLAG, &opt.number_on, NULL, 0, 0, "recipients of a further segment have further numbers, and so other starts", 0, NULL },
    { 0, "conditions", CLI_STRS, &opt.conditions, "LIST", 0, 0, "[DONOR/]BLOCK[:frozen|:random][+...] of i2h h2h h2o h0 or parameters; scratch is always there", CLI_COMMA, NULL },
    { 0, "factorial", CLI_STRS, &opt.factorial, "BLOCKS", 0, 0, "every combination of fresh, loaded, and loaded and frozen of these, instead", CLI_COMMA, NULL },
    { 0, "controls", CLI_STRS, &opt.controls, "NAMES", 0, 0, "more donors from the first: spectrum (its singular values only), rotated", CLI_COMMA, NULL },
    { 0, "map", CLI_STRS, &opt.map, "AXIS=LIST", 0, 0, "for in, units or out: the donor's number for each of the recipient's, x: none; or leading", 0, NULL },
    { .name = "Measures", .type = CLI_SECTION },
    { 0, "eval-every", CLI_UINT64, &opt.eval_every, "UPDATES", 0, 0, "between measurements; 0: every epoch, or 50 in all", 0, NULL },
    { 0, "criterion", CLI_REAL, &opt.criterion, "ACC", 0, 1, "training accuracy that counts as learned", 0, NULL },
    { 0, "at", CLI_REALS, &opt.at, "E,E,...", 0, 1e9, "epochs at which conditions are compared", 0, NULL },
    { 0, "primary", CLI_STR, &opt.primary, "CONDITION", 0, 0, "its test accuracy minus that of scratch is the primary endpoint", 0, NULL },
    { 0, "primary-at", CLI_REAL, &opt.primary_at, "E", 0, 1e9, "at this epoch", 0, NULL },
    { 0, "endpoints", CLI_STRS, &opt.endpoints, "NAMES", 0, 0, "secondary ones: accuracy train_accuracy loss final_accuracy area jump_start epochs_to_criterion", CLI_COMMA, NULL },
    { 0, "level", CLI_REAL, &opt.level, "P", 0.5, 0.9999, "of the intervals", 0, NULL },
    { 0, "resamples", CLI_SIZE, &opt.resamples, "B", 100, 1e7, "bootstrap resamples, and permutations beyond 20 pairs", 0, NULL },
    { 0, "keep-nets", CLI_FLAG, &opt.keep_nets, NULL, 0, 0, "write the trained recipients", 0, NULL },
    { 0, "checkpoint", CLI_STR, &opt.checkpoint, "FILE", 0, 0, "keep finished recipients in FILE, and go on from them", CLI_FILE, NULL },
};

/* One segment of the input, read to its end before training starts. */
struct segment {
    struct rnn_bytes head, pass;
    msgpack_unpacked unpacked; /* of head */
    struct tool_items items;
    uint64_t failed, digest;
    bool is_open;
};

static struct state {
    struct cli_parse *p;
    struct rnn_reader *r;
    struct rnn_writer *w;
    struct rnn_kvs build;
    struct tool_donors donors;
    struct tool_conditions conditions;
    struct tool_results *results;
    struct rnn_prov_input *inputs;
    size_t *maps[3]; /* in, units, out */
    size_t n_segments;
    double done;
} st;

static _Noreturn void fail(const struct rnn_err *err)
{
    tool_fail(st.w, NULL, err);
}

/* ---- options, once the task is known ---- */

static void read_donors(void)
{
    struct rnn_err err;
    for (size_t i = 0; i < opt.donors.n; i++)
        if (tool_donors_add(&st.donors, opt.donors.v[i], common.max_frame, &err) < 0) cli_die_err(&err);
    if (!st.donors.n) cli_die(2, "--donors FILE is missing: without donors there is nothing to transfer");
    st.inputs = calloc(st.donors.n, sizeof *st.inputs);
    if (!st.inputs) cli_die(1, "out of memory");
    for (size_t i = 0; i < st.donors.n; i++)
        st.inputs[i] = (struct rnn_prov_input){ "donors", st.donors.v[i].digest, rnn_reader_head(st.donors.v[i].reader) };
    for (size_t i = 0; i < opt.controls.n; i++) {
        const char *name = opt.controls.v[i];
        const bool spectrum = !strcmp(name, "spectrum");
        if (!spectrum && strcmp(name, "rotated") != 0) cli_die(2, "--controls: '%s': not one of spectrum, rotated", name);
        if (tool_donors_control(&st.donors, spectrum ? TOOL_CONTROL_SPECTRUM : TOOL_CONTROL_ROTATED, &err) < 0) cli_die_err(&err);
    }
}

/* The list of one axis, n numbers for the recipient; n_from: of the first donor. */
static size_t *parse_map(const char *axis, const char *list, size_t n, size_t n_from)
{
    size_t *map = calloc(n + 1, sizeof *map), k = 0;
    if (!map) cli_die(1, "out of memory");
    if (!strcmp(list, "leading")) {
        for (size_t i = 0; i < n; i++) map[i] = i < n_from ? i : RNN_MAP_FRESH;
        return map;
    }
    for (const char *p = list;; p++) {
        char *end = (char *)(uintptr_t)p;
        unsigned long lo = strtoul(p, &end, 10), hi = lo;
        const bool is_none = *p == 'x';
        if (is_none) end = (char *)(uintptr_t)(p + 1);
        else if (end != p && *end == '-' && end[1] >= '0' && end[1] <= '9') hi = strtoul(end + 1, &end, 10);
        if (end == p || (!is_none && (*p < '0' || *p > '9')) || (*end && *end != ',') || hi < lo)
            cli_die(2, "--map: %s: '%s': neither 'leading' nor a list of numbers, ranges and x", axis, list);
        for (; lo <= hi && k <= n; lo++, k++)
            if (k < n) map[k] = is_none ? RNN_MAP_FRESH : lo;
        if (k > n || !*end) break;
        p = end;
    }
    if (k != n) cli_die(2, "--map: %s: '%s' has %s than the %zu entries of the recipient", axis, list, k > n ? "more" : "fewer", n);
    return map;
}

static void read_maps(const struct rnn_task *task)
{
    static const char *const axes[] = { "in", "units", "out" };
    const struct rnn_spec *from = &st.donors.v[0].segments[0].nets[0]->spec;
    const size_t n[] = { task->n_in, train_opt.c.spec.N, task->n_out }, n_from[] = { from->n_in, from->N, from->n_out };
    for (size_t i = 0; i < opt.map.n; i++) {
        const char *eq = strchr(opt.map.v[i], '=');
        size_t a = 0;
        while (a < 3 && !(eq && strlen(axes[a]) == (size_t)(eq - opt.map.v[i]) && !strncmp(axes[a], opt.map.v[i], strlen(axes[a])))) a++;
        if (a == 3) cli_die(2, "--map: '%s': not of the form in=LIST, units=LIST or out=LIST", opt.map.v[i]);
        free(st.maps[a]);
        st.maps[a] = parse_map(axes[a], eq + 1, n[a], n_from[a]);
    }
}

static void check_design(void)
{
    bool has_primary = !opt.primary;
    for (size_t i = 0; i < st.conditions.n; i++) has_primary |= !strcmp(st.conditions.v[i].name, opt.primary ? opt.primary : "");
    if (!has_primary) cli_die(2, "--primary: there is no condition '%s'", opt.primary);
    for (size_t i = 0; i < opt.endpoints.n; i++) {
        int k;
        if (!rnn_name_index(tool_endpoint_names, opt.endpoints.v[i], &k)) cli_die(2, "--endpoints: '%s' is not an endpoint", opt.endpoints.v[i]);
    }
    bool is_compared = !opt.primary;
    for (size_t i = 0; i < opt.at.n; i++) is_compared |= fabs(opt.at.v[i] - opt.primary_at) < 1e-9;
    if (!is_compared) cli_die(2, "--primary-at (%g) must be one of --at", opt.primary_at);
}

static void first_segment(const struct rnn_train_data *d)
{
    static const char *const idle[] = { "snapshots", "snapshots-spaced" };
    struct rnn_err err;
    const struct cli_strs none = { 0 };
    cli_exclusive(st.p, "conditions", "factorial");
    if (!opt.primary) cli_refuse(st.p, "primary-at", "without --primary");
    for (size_t i = 0; i < RNN_LEN(idle); i++) cli_refuse(st.p, idle[i], "here: recipients are measured every epoch");
    train_options_resolve(st.p, &common, d);
    if (tool_build(&st.build, train_opt.precision ? "double" : "single", &err) < 0) cli_die_err(&err);
    cli_print_config_if_asked(st.p);
    read_donors();
    if (tool_conditions_make(&st.conditions, &train_opt.c, &st.donors, opt.factorial.n ? &none : &opt.conditions, &opt.factorial, &err) < 0) cli_die_err(&err);
    read_maps(d->task);
    check_design();
    if (tool_results_new(&st.results, &st.conditions, &err) < 0) cli_die_err(&err);
}

static void apply_options(const struct rnn_train_data *d)
{
    const struct rnn_spec before = train_opt.c.spec; /* which applying makes that of this task */
    if (train_options_apply(st.p, d)) first_segment(d);
    else if (d->task->n_in != before.n_in || d->task->n_out != before.n_out)
        cli_die(2, "the tasks of the input differ in their numbers of inputs or outputs");
}

/* ---- one segment ---- */

/* What was asked for must be measured: epochs at which recipients are, and test trials where they count. */
static void check_measured(const struct tool_transfer *t, uint64_t total)
{
    const double every = (double)t->eval_every / t->per_epoch, end = (double)total / t->per_epoch;
    for (size_t i = 0; i < opt.at.n; i++) {
        const double at = opt.at.v[i];
        const bool is_asked = cli_given(st.p, "at") || (opt.primary && fabs(at - opt.primary_at) < 1e-9);
        if (is_asked && fabs(at - end) > 1e-9 && (at > end || fabs(remainder(at, every)) > 1e-9))
            cli_die(2, "--at: %g: recipients are measured every %g epochs up to %g", at, every, end);
    }
    if (t->test->K) return;
    if (opt.primary) cli_die(2, "--primary: test accuracy is the endpoint, and task '%s' has no test trials", t->data->task->name);
    for (size_t i = 0; i < opt.endpoints.n && cli_given(st.p, "endpoints"); i++) {
        const char *name = opt.endpoints.v[i];
        if (strcmp(name, "train_accuracy") && strcmp(name, to_criterion)) cli_die(2, "--endpoints: %s: task '%s' has no test trials", name, t->data->task->name);
    }
    cli_warn("task '%s' has no test trials: only what training trials say is compared", t->data->task->name);
}

static const msgpack_object *head_of(const struct segment *s)
{
    return &s->unpacked.data.via.array.ptr[1];
}

static int write_head(const struct segment *s, struct rnn_err *err)
{
    struct rnn_kvs given = { 0 };
    int rc = cli_options(st.p, &given, err);
    if (rc >= 0) rc = rnn_writer_head_inputs(st.w, head_of(s), cli_tool_name, &given, &st.build, st.inputs, opt.donors.n, err);
    rnn_kvs_release(&given);
    return rc;
}

struct job {
    struct tool_transfer t;
    size_t segment;
    struct tool_checkpoint *checkpoint; /* or NULL */
    char input[RNN_ID_SIZE];            /* what the segment is, for the checkpoint */
};

/* The outcome of a checkpoint, or NULL. */
static int find_kept(const struct job *j, uint64_t at, struct tool_outcome **o, struct rnn_err *err)
{
    struct rnn_bytes kept = { 0 };
    bool found = false;
    *o = NULL;
    if (!j->checkpoint) return RNN_OK;
    int rc = tool_checkpoint_find(j->checkpoint, j->segment * opt.pairs * st.conditions.n + at, &kept, &found, err);
    if (rc >= 0 && found) rc = tool_outcome_kept(&kept, j->input, o, err);
    rnn_bytes_release(&kept);
    if (rc < 0 || !*o) return rc;
    (*o)->index = j->t.first + at / st.conditions.n;
    (*o)->condition = at % st.conditions.n;
    return rc;
}

static int work(void *item, size_t worker, void *user, void **result, struct rnn_err *err)
{
    const struct job *j = user;
    const uintptr_t at = (uintptr_t)item;
    struct tool_outcome *o;
    struct rnn_bytes keep = { 0 };
    (void)worker;
    RNN_TRY(find_kept(j, at, &o, err));
    if (o) {
        *result = o;
        return RNN_OK;
    }
    RNN_TRY(tool_transfer_run(&j->t, at % st.conditions.n, at / st.conditions.n, &o, err));
    int rc = j->checkpoint ? tool_outcome_keep(o, j->input, &keep, err) : RNN_OK;
    if (rc >= 0 && j->checkpoint) rc = tool_checkpoint_done(j->checkpoint, j->segment * opt.pairs * st.conditions.n + at, &keep, err);
    rnn_bytes_release(&keep);
    if (rc < 0) tool_outcome_free(o);
    else *result = o;
    return rc;
}

/* A run is its options, donors and build; what each segment is stands with its outcomes. */
static int open_checkpoint(const struct segment *s, struct job *j, struct rnn_err *err)
{
    struct rnn_writer *w;
    struct rnn_kvs given = { 0 };
    struct rnn_bytes what = { 0 };
    const uint64_t lo = j->segment * opt.pairs * st.conditions.n;
    size_t n;
    if (!opt.checkpoint) return RNN_OK;
    RNN_TRY(rnn_writer_open_mem(&w, err));
    int rc = cli_options(st.p, &given, err);
    if (rc >= 0) rc = rnn_writer_head_inputs(w, NULL, cli_tool_name, &given, &st.build, st.inputs, opt.donors.n, err);
    const unsigned char *run = rnn_writer_mem(w, &n);
    if (rc >= 0) rc = tool_checkpoint_open(&j->checkpoint, opt.checkpoint, run, n, lo, lo + opt.pairs * st.conditions.n, INFINITY, err);
    if (rc >= 0) rc = rnn_bytes_append(&what, s->head.p, s->head.len, err);
    if (rc >= 0) rc = rnn_bytes_append(&what, &s->digest, sizeof s->digest, err);
    if (rc >= 0) rnn_id_of(what.p, what.len, j->input);
    rnn_bytes_release(&what);
    rnn_kvs_release(&given);
    rnn_writer_abandon(w);
    return rc;
}

static int emit(void *item, void *result, void *user, struct rnn_err *err)
{
    const struct job *j = user;
    struct tool_outcome *o = result;
    (void)item;
    int rc = rnn_writer_raw(st.w, o->out.p, o->out.len, err);
    if (rc >= 0) rc = rnn_writer_flush(st.w, err);
    if (rc >= 0) rc = tool_results_add(st.results, j->segment, o, err);
    tool_outcome_free(o);
    cli_progress(++st.done, NULL);
    return rc;
}

static void discard(void *item, void *result, void *user)
{
    (void)item, (void)user;
    tool_outcome_free(result);
}

static int run_pairs(struct job *j, struct rnn_err *err)
{
    const struct rnn_pool_calls calls = { .work = work, .emit = emit, .discard = discard, .thread_begin = tool_thread_begin, .user = j };
    st.done = 0;
    cli_progress_start("recipients", (double)(opt.pairs * st.conditions.n));
    const int rc = rnn_pool_run(opt.pairs * st.conditions.n, common.jobs, 0, &calls, err);
    cli_progress_end();
    return rc;
}

static int write_tests(struct rnn_err *err)
{
    struct tool_endpoints e = { .at = opt.at.v, .n_at = opt.at.n, .criterion = opt.criterion, .level = opt.level, .B = opt.resamples,
                                      .seed = common.seed, .primary = opt.primary, .primary_at = opt.primary_at };
    struct rnn_bytes out = { 0 };
    int k;
    for (size_t i = 0; i < opt.endpoints.n; i++)
        if (rnn_name_index(tool_endpoint_names, opt.endpoints.v[i], &k)) e.secondary[k] = true;
    int rc = tool_results_append(st.results, &st.conditions, &e, &common.labels, &out, err);
    if (rc >= 0) rc = rnn_writer_raw(st.w, out.p, out.len, err);
    rnn_bytes_release(&out);
    return rc;
}

/* Trials on which recipients are measured; K stays 0 where there are none. */
static int measured(const struct tool_task *t, enum rnn_split split, struct rnn_trials *out, struct rnn_err *err)
{
    const struct tool_choice want = { .split = split };
    const char *id;
    bool is_one;
    RNN_TRY(tool_given_trials(t, split, 0, out, &id, &is_one, err));
    if (out->K) return RNN_OK;
    const bool drawn_afresh = !t->task->is_finite && split == RNN_TRAIN;
    if (drawn_afresh || !t->task->def || (t->task->is_finite && !t->task->n_split[split])) return RNN_OK;
    return tool_choose_trials(t, &want, out, &id, err);
}

static void train_segment(struct segment *s, bool is_last)
{
    struct rnn_err err;
    struct tool_train_input in;
    struct rnn_trials set = { 0 }, test = { 0 };
    if (tool_train_input(&in, &s->items, &err) < 0 || measured(in.task, RNN_TRAIN, &set, &err) < 0 || measured(in.task, RNN_TEST, &test, &err) < 0) fail(&err);
    apply_options(&in.data);
    const uint64_t per_epoch = rnn_train_epoch_updates(&train_opt.c, &in.data), total = rnn_train_updates(&train_opt.c, &in.data);
    struct job j = { .segment = st.n_segments,
                     .t = { .conditions = &st.conditions, .donors = &st.donors, .data = &in.data, .train = &set, .test = &test, .labels = &common.labels,
                            .map = { st.maps[0], st.maps[1], st.maps[2] }, .has_map = opt.map.n > 0, .segment = st.n_segments, .seed = common.seed,
                            .first = opt.number_on ? st.n_segments * opt.pairs : 0,
                            .eval_every = opt.eval_every ? opt.eval_every : per_epoch ? per_epoch : (total + 49) / 50,
                            .per_epoch = per_epoch ? (double)per_epoch : 1,
                            .criterion = opt.criterion, .keep_nets = opt.keep_nets } };
    if (!j.t.eval_every) j.t.eval_every = 1;
    check_measured(&j.t, total);
    if (open_checkpoint(s, &j, &err) < 0) fail(&err);
    if (opt.checkpoint && !common.quiet) tool_last_words("interrupted: the same command goes on from its checkpoint");
    if (!st.w) st.w = tool_open_output(&common);
    int rc = write_head(s, &err);
    if (rc >= 0) rc = rnn_writer_raw(st.w, s->pass.p, s->pass.len, &err);
    if (rc >= 0) rc = run_pairs(&j, &err);
    if (rc >= 0 && is_last) rc = write_tests(&err);
    if (rc >= 0) rc = rnn_writer_end(st.w, s->failed, &err);
    if (rc >= 0 && j.checkpoint) rc = tool_checkpoint_finish(j.checkpoint, &err);
    if (rc < 0) fail(&err);
    tool_checkpoint_free(j.checkpoint);
    st.n_segments++;
    tool_train_input_release(&in);
    rnn_trials_release(&set);
    rnn_trials_release(&test);
}

/* ---- reading: a segment is trained once it is known whether it is the last ---- */

static void close_segment(struct segment *s)
{
    if (s->is_open) msgpack_unpacked_destroy(&s->unpacked);
    rnn_bytes_release(&s->head);
    rnn_bytes_release(&s->pass);
    tool_items_clear(&s->items);
    *s = (struct segment){ 0 };
}

static int open_segment(struct segment *s, const struct rnn_frame *head, struct rnn_err *err)
{
    size_t at = 0;
    close_segment(s);
    RNN_TRY(rnn_bytes_append(&s->head, head->raw, head->raw_len, err));
    msgpack_unpacked_init(&s->unpacked);
    s->is_open = true;
    if (msgpack_unpack_next(&s->unpacked, (const char *)s->head.p, s->head.len, &at) == MSGPACK_UNPACK_SUCCESS) return RNN_OK;
    return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
}

static int take(struct segment *s, const struct rnn_frame *f, struct rnn_err *err)
{
    RNN_TRY(tool_refuse_numbered_net(f, "--donors", err));
    RNN_TRY(tool_items_frame(&s->items, f, err));
    return strcmp(f->kind, "trials") ? rnn_bytes_append(&s->pass, f->raw, f->raw_len, err) : RNN_OK; /* as rnn-train, which drops them */
}

static void read_and_train(void)
{
    struct segment s = { 0 };
    struct rnn_frame f;
    struct rnn_err err;
    bool is_complete = false;
    int rc;
    while ((rc = rnn_reader_next(st.r, &f, &err)) == RNN_OK) {
        int done = RNN_OK;
        if (!strcmp(f.kind, "error")) tool_relay(st.p, &common, st.r, st.w, &st.build, &f, rc, &err);
        if (!strcmp(f.kind, "head")) {
            if (is_complete) train_segment(&s, false);
            is_complete = false;
            done = open_segment(&s, &f, &err);
        } else if (!strcmp(f.kind, "end")) {
            s.failed = rnn_reader_failed(st.r);
            s.digest = rnn_reader_digest(st.r);
            is_complete = true;
        } else {
            done = take(&s, &f, &err);
        }
        if (done < 0) fail(&err);
    }
    if (rc < 0) tool_relay(st.p, &common, st.r, st.w, &st.build, NULL, rc, &err);
    if (is_complete) train_segment(&s, true);
    close_segment(&s);
}

int main(int argc, char **argv)
{
    tool_begin("rnn-transfer");
    struct cli_opt *options = train_options_with(own_options, RNN_LEN(own_options), "load"); /* which the conditions replace */
    const struct cli_tool tool = {
        .name = "rnn-transfer", .synopsis = "--donors FILE [options] [FILE]",
        .summary = "Trains recipients that start from parts of donors, and compares them.",
        .opts = options, .max_args = 1, .version = tool_version,
    };
    struct cli_parse *p = cli_begin(&tool, CLI_WITH_JOBS | CLI_WITH_SEED | CLI_WITH_LABEL, &common, argc, argv);
    st.p = p;
    st.r = tool_open_input(&tool, cli_arg(p, 0), &common);
    read_and_train();
    tool_close_output(st.w);
    rnn_reader_close(st.r);
    tool_results_free(st.results);
    tool_conditions_release(&st.conditions);
    tool_donors_release(&st.donors);
    for (size_t i = 0; i < 3; i++) free(st.maps[i]);
    free(st.inputs);
    train_options_release();
    rnn_kvs_release(&st.build);
    cli_end(p);
    free(options);
    return tool_end(0);
}
