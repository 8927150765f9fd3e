/* rnn-geometry: the geometry of population states. */
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "base/pool.h"
#include "cli/cli.h"
#include "codec/codec.h"
#include "io/pipe.h"
#include "tool/geometry.h"
#include "tool/items.h"
#include "tool/ranges.h"
#include "tool/tool.h"

enum { LEARN_AUTO, LEARN_TRAIN, LEARN_VALIDATION, LEARN_TEST, LEARN_HALVES };

static struct options {
    struct cli_strs measures, by, steps, dims;
    char *prefix;
    int split, learn, metric, linkage, leaves;
    bool keep_activity;
    struct tool_geometry_opts g;
} opt = { .split = RNN_TEST,
          .g = { .n_modes = 5, .n_components = 10, .per_group = 20, .max_levels = 32, .triplets = 20000, .shuffles = 100, .width = 1,
                 .share = 0.9, .lambda = 0.01 } };

static struct cli_common common = CLI_COMMON_DEFAULT;

static const char *const measure_names[] = { "dimension", "pca", "separability", "similarity", "tree", "ultrametric", "modes", "dendrogram",
                                             "sequence", NULL }; /* bit i of enum tool_measure */
#define DEFAULT_MEASURES (TOOL_DIMENSION | TOOL_SEPARABILITY | TOOL_SIMILARITY | TOOL_TREE | TOOL_ULTRAMETRIC | TOOL_MODES)

static const struct cli_opt options[] = {
    { .name = "What is measured", .type = CLI_SECTION },
    { 'm', "measures", CLI_STRS, &opt.measures, "NAMES", 0, 0, "of dimension pca separability similarity tree ultrametric modes dendrogram sequence; all: every one", CLI_COMMA, NULL },
    { 0, "by", CLI_STRS, &opt.by, "NAMES", 0, 0, "trial parameters that make groups, instead of all that do", CLI_COMMA, NULL },
    { 0, "prefix", CLI_STR, &opt.prefix, "NAME", 0, 0, "trial parameter whose letters, one a step, spell the path through the tree; none: no paths", 0, NULL },
    { 0, "max-levels", CLI_SIZE, &opt.g.max_levels, "N", 2, 1e6, "a parameter with more values than this makes no groups", 0, NULL },
    { 0, "split", CLI_CHOICE, &opt.split, "train|validation|test", 0, 0, "which trials are measured", 0, NULL },
    { 0, "learn-from", CLI_CHOICE, &opt.learn, "auto|train|validation|test|halves", 0, 0, "trials that decoders learn from; auto: train, or halves when it is not there", 0, NULL },
    { 0, "steps", CLI_STRS, &opt.steps, "STEPS", 0, 0, "only these steps of the trial: numbers from 0 and ranges, as 3,8-15", CLI_COMMA, NULL },
    { 0, "arrays", CLI_FLAG, &opt.g.arrays, NULL, 0, 0, "write cosines and projections of single trials too", 0, NULL },
    { .name = "How", .type = CLI_SECTION },
    { 0, "share", CLI_REAL, &opt.g.share, "SHARE", 0, 1, "dimension: share of the sum of squares that the counted dimensions exceed", CLI_EXCL_MIN, NULL },
    { 0, "components", CLI_SIZE, &opt.g.n_components, "N", 1, 1e6, "pca: components", 0, NULL },
    { 0, "lambda", CLI_REAL, &opt.g.lambda, "LAMBDA", 0, 1e6, "separability: ridge penalty in units of the variance per unit", 0, NULL },
    { 0, "modes", CLI_SIZE, &opt.g.n_modes, "N", 1, 1e6, "modes: leading singular modes of the recurrent weights to project on", 0, NULL },
    { 0, "dims", CLI_STRS, &opt.dims, "LIST", 0, 0, "ultrametric: numbers of leading modes to look through, besides the whole space [2,3,4,6,8,10]", CLI_COMMA, NULL },
    { 0, "triplets", CLI_SIZE, &opt.g.triplets, "N", 1, 1e9, "ultrametric: triangles drawn for the Gaussian reference", 0, NULL },
    { 0, "metric", CLI_CHOICE, &opt.metric, "euclidean|cosine|angle", 0, 0, "distance of similarity, ultrametric and dendrogram", 0, NULL },
    { 0, "per-group", CLI_SIZE, &opt.g.per_group, "N", 0, 1e9, "trials per path (or level of the first parameter) that pairs and triplets are made of; 0: all", 0, NULL },
    { 0, "linkage", CLI_CHOICE, &opt.linkage, "complete|average|single", 0, 0, "dendrogram: distance between clusters", 0, NULL },
    { 0, "leaves", CLI_CHOICE, &opt.leaves, "trials|groups", 0, 0, "dendrogram: its leaves are the sampled trials, or the means of the paths", 0, NULL },
    { 0, "width", CLI_SIZE, &opt.g.width, "STEPS", 0, 1e6, "sequence: kept steps on either side of a peak that belong to it", 0, NULL },
    { 0, "shuffles", CLI_SIZE, &opt.g.shuffles, "N", 1, 1e6, "sequence: time-shuffled controls", 0, NULL },
    { .name = "Stream", .type = CLI_SECTION },
    { 0, "keep-activity", CLI_FLAG, &opt.keep_activity, NULL, 0, 0, "pass the activity on", 0, NULL },
    CLI_LAST
};

static const struct cli_tool tool = {
    .name = "rnn-geometry", .synopsis = "[options] [FILE]",
    .summary = "Measures dimensionality, separability, tree structure and sequences of population states.",
    .opts = options, .max_args = 1, .version = tool_version,
};

/* A network with what came after it, until the next one. */
struct item {
    struct rnn_bytes raw;
    struct rnn_net *net;       /* NULL: frames before the first network */
    bool is_partial;
    struct rnn_activity *act; size_t n_act, cap_act;
    struct tool_states states;
    struct rnn_trials *tr;     /* shallow copies: the reader's own may move while workers look */
};

static struct state {
    struct tool_items seen;
    struct rnn_pool *pool;
    struct rnn_writer *w;
    struct item *open;
    size_t n_activity;
    double done;
} st;

/* ---- what was asked ---- */

static unsigned parse_measures(void)
{
    unsigned m = 0;
    int at;
    for (size_t i = 0; i < opt.measures.n; i++) {
        if (!strcmp(opt.measures.v[i], "all")) m |= (1u << (RNN_LEN(measure_names) - 1)) - 1;
        else if (rnn_name_index(measure_names, opt.measures.v[i], &at)) m |= 1u << at;
        else cli_die(2, "--measures: '%s': must be dimension, pca, separability, similarity, tree, ultrametric, modes, dendrogram, sequence or all", opt.measures.v[i]);
    }
    return m;
}

static void check_options(const struct cli_parse *p)
{
    static const struct { const char *name; unsigned needs; } tied[] = {
        { "share", TOOL_DIMENSION }, { "components", TOOL_PCA }, { "lambda", TOOL_SEPARABILITY }, { "modes", TOOL_MODES }, { "dims", TOOL_ULTRAMETRIC },
        { "triplets", TOOL_ULTRAMETRIC }, { "metric", TOOL_SIMILARITY | TOOL_ULTRAMETRIC | TOOL_DENDROGRAM },
        { "per-group", TOOL_SIMILARITY | TOOL_ULTRAMETRIC | TOOL_DENDROGRAM }, { "linkage", TOOL_DENDROGRAM }, { "leaves", TOOL_DENDROGRAM },
        { "width", TOOL_SEQUENCE }, { "shuffles", TOOL_SEQUENCE }, { "learn-from", TOOL_SEPARABILITY | TOOL_MODES },
        { "arrays", TOOL_SIMILARITY | TOOL_MODES },
        { "prefix", TOOL_SIMILARITY | TOOL_TREE | TOOL_ULTRAMETRIC | TOOL_MODES | TOOL_DENDROGRAM },
        { "by", ~(unsigned)(TOOL_TREE | TOOL_SEQUENCE | TOOL_PCA) },
    };
    static const size_t usual_dims[] = { 2, 3, 4, 6, 8, 10 };
    opt.g.wanted = parse_measures();
    opt.g.measures = opt.measures.n ? opt.g.wanted : DEFAULT_MEASURES;
    for (size_t i = 0; i < RNN_LEN(tied); i++)
        if (!(opt.g.measures & tied[i].needs)) cli_refuse(p, tied[i].name, "on the measures asked for");
    if (opt.learn > LEARN_AUTO && opt.learn < LEARN_HALVES && opt.learn - 1 == opt.split)
        cli_die(2, "--learn-from and --split are both %s: a decoder must not be tested on what it learned (--learn-from halves)", rnn_split_names[opt.split]);
    opt.g.steps = tool_ranges("steps", "step", &opt.steps, &opt.g.n_steps);
    opt.g.dims = tool_ranges("dims", "mode", &opt.dims, &opt.g.n_dims);
    for (size_t i = 0; i < opt.g.n_dims; i++)
        if (!opt.g.dims[i]) cli_die(2, "--dims: '0': the whole space is always looked at");
    if (!opt.g.n_dims) {
        opt.g.dims = usual_dims;
        opt.g.n_dims = RNN_LEN(usual_dims);
    }
    opt.g.by = (const char *const *)opt.by.v;
    opt.g.n_by = opt.by.n;
    opt.g.prefix = opt.prefix ? opt.prefix : "";
    opt.g.split = (enum rnn_split)opt.split;
    opt.g.metric = (enum rnn_metric)opt.metric;
    opt.g.linkage = (enum rnn_linkage)opt.linkage;
    opt.g.leaves_are_groups = opt.leaves == 1;
    opt.g.seed = common.seed;
}

/* ---- the states of one network ---- */

/* The first activity of the split; false when there is none. */
static const struct rnn_activity *activity_of(const struct item *it, int split)
{
    for (size_t i = 0; i < it->n_act; i++)
        if ((int)it->act[i].split == split) return &it->act[i];
    return NULL;
}

static int check_activity(const struct item *it, const struct rnn_activity *like, struct rnn_err *err)
{
    for (size_t i = 0; i < it->n_act; i++) {
        const struct rnn_activity *a = &it->act[i];
        if (a->split == like->split && strcmp(a->id, like->id))
            return rnn_fail(err, RNN_ERR_ARG, "%s: two sets of %s trials, '%s' and '%s': which is meant?", it->net->id, rnn_split_names[a->split], like->id, a->id);
        if (a->T != like->T || a->n != like->n || a->thin != like->thin || a->what != like->what)
            return rnn_fail(err, RNN_ERR_FORMAT, "%s: '%s' and '%s' differ in steps or units", it->net->id, like->id, a->id);
    }
    return RNN_OK;
}

/* The trials that row k of an activity block belongs to. */
static int find_trial(const struct rnn_activity *a, size_t k, const struct rnn_trials **tr, size_t *row, struct rnn_err *err)
{
    const uint64_t at = a->first + k;
    for (size_t i = 0; i < st.seen.n; i++) {
        for (size_t b = 0; b < st.seen.v[i]->n_blocks; b++) {
            const struct tool_block *block = &st.seen.v[i]->blocks[b];
            if (strcmp(block->id, a->trials) || at < block->tr.first || at - block->tr.first >= block->tr.K) continue;
            *tr = &block->tr;
            *row = (size_t)(at - block->tr.first);
            return RNN_OK;
        }
    }
    return rnn_fail(err, RNN_ERR_FORMAT, "%s: trial %llu of '%s' is not in the stream", a->id, (unsigned long long)at, a->trials);
}

/* Rows of one split go to the states from row k on; n_tr counts the shallow copies of trials made. */
static int add_split(struct item *it, int split, size_t k, size_t *n_tr, struct rnn_err *err)
{
    struct tool_states *s = &it->states;
    for (size_t i = 0; i < it->n_act; i++) {
        const struct rnn_activity *a = &it->act[i];
        if ((int)a->split != split) continue;
        memcpy(s->x + k * s->T * s->n, a->value, a->K * s->T * s->n * sizeof *s->x);
        const struct rnn_trials *last = NULL, *tr = NULL;
        for (size_t r = 0; r < a->K; r++, k++) {
            s->trial[k] = a->first + r;
            if (!s->tr) continue;
            RNN_TRY(find_trial(a, r, &tr, &s->row[k], err));
            if (tr != last) it->tr[(*n_tr)++] = *(last = tr);
            s->tr[k] = &it->tr[*n_tr - 1];
        }
    }
    return RNN_OK;
}

static int make_states(struct item *it, struct rnn_err *err)
{
    const struct rnn_activity *like = activity_of(it, opt.split);
    struct tool_states *s = &it->states;
    int learn = opt.learn == LEARN_AUTO ? RNN_TRAIN : opt.learn == LEARN_HALVES ? -1 : opt.learn - 1;
    if (!like) return rnn_fail(err, RNN_ERR_ARG, "%s: no activity on %s trials", it->net->id, rnn_split_names[opt.split]);
    RNN_TRY(check_activity(it, like, err));
    if (learn == opt.split) learn = -1;
    if (learn >= 0 && !activity_of(it, learn)) {
        if (opt.learn != LEARN_AUTO)
            return rnn_fail(err, RNN_ERR_ARG, "%s: no activity on %s trials to learn from: rnn-run --split %s,%s --activity writes both", it->net->id,
                            rnn_split_names[learn], rnn_split_names[learn], rnn_split_names[opt.split]);
        learn = -1;
    }
    *s = (struct tool_states){ .T = like->T, .n = like->n, .thin = like->thin, .is_all_units = !like->units && like->n == it->net->spec.N,
                               .is_rates = like->what == 0 || it->net->spec.cell != RNN_LEAKY_CURRENT };
    bool has_trials = true;
    for (size_t i = 0; i < it->n_act; i++) {
        if ((int)it->act[i].split == opt.split) s->K += it->act[i].K;
        if ((int)it->act[i].split == learn) s->K_learn += it->act[i].K;
        has_trials &= it->act[i].trials != NULL;
    }
    const size_t K = s->K + s->K_learn;
    size_t n_tr = 0;
    if (!s->K || !s->T || !s->n) return rnn_fail(err, RNN_ERR_ARG, "%s: its activity on %s trials is empty", it->net->id, rnn_split_names[opt.split]);
    RNN_TRY(rnn_alloc_into(&s->x, K * s->T * s->n, sizeof *s->x, err));
    RNN_TRY(rnn_alloc_into(&s->trial, K, sizeof *s->trial, err));
    RNN_TRY(rnn_alloc_into(&s->row, K, sizeof *s->row, err));
    if (has_trials) {
        RNN_TRY(rnn_alloc_into(&s->tr, K, sizeof *s->tr, err));
        RNN_TRY(rnn_alloc_into(&it->tr, K, sizeof *it->tr, err));
    }
    RNN_TRY(add_split(it, opt.split, 0, &n_tr, err));
    return learn < 0 ? RNN_OK : add_split(it, learn, s->K, &n_tr, err);
}

/* ---- items in and out ---- */

static void release_activity(struct item *it)
{
    for (size_t i = 0; i < it->n_act; i++) rnn_activity_release(&it->act[i]);
    free(it->act);
    it->act = NULL;
    it->n_act = 0;
}

static void free_item(struct item *it)
{
    if (!it) return;
    release_activity(it);
    tool_states_release(&it->states);
    free(it->tr);
    free(it->raw.p);
    rnn_net_free(it->net);
    free(it);
}

static int work(void *item, size_t worker, void *user, void **result, struct rnn_err *err)
{
    struct item *it = item;
    struct rnn_bytes *out;
    (void)worker, (void)user;
    RNN_TRY(rnn_alloc_into(&out, 1, sizeof *out, err));
    int rc;
    if (it->states.K) rc = tool_geometry_append(out, &opt.g, it->net, &it->states, err);
    else rc = tool_geometry_skip(out, &opt.g, it->net, rnn_net_status_names[it->net->status], err);
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

/* ---- the stream ---- */

static int start_segment(void *user, const msgpack_object *head, struct rnn_writer *w, struct rnn_err *err)
{
    static const struct rnn_pool_calls calls = { .work = work, .emit = emit, .discard = discard, .thread_begin = tool_thread_begin };
    (void)user, (void)head;
    st.w = w;
    st.n_activity = 0;
    return rnn_pool_start(&st.pool, common.jobs, common.jobs, &calls, err);
}

/* Nothing more belongs to the open network. */
static int close_item(struct rnn_err *err)
{
    struct item *it = st.open;
    if (!it) return RNN_OK;
    st.open = NULL;
    if (it->is_partial) {
        const int rc = rnn_fail(err, RNN_ERR_FORMAT, "%s: the rest of its parameters does not follow", it->net->id);
        free_item(it);
        return rc;
    }
    const int rc = it->n_act ? make_states(it, err) : RNN_OK;
    if (rc < 0) { free_item(it); return rc; }
    release_activity(it);
    return it->net ? rnn_pool_push(st.pool, it, err) : rnn_pool_pass(st.pool, it, err);
}

static int add_raw(struct item *it, const struct rnn_frame *f, struct rnn_err *err)
{
    RNN_TRY(rnn_grow(&it->raw.p, &it->raw.cap, it->raw.len + f->raw_len, 1, err));
    memcpy(it->raw.p + it->raw.len, f->raw, f->raw_len);
    it->raw.len += f->raw_len;
    return RNN_OK;
}

static int take_activity(const struct rnn_frame *f, struct rnn_err *err)
{
    struct item *it = st.open;
    struct rnn_activity a;
    RNN_TRY(rnn_activity_decode(f->body, &a, err));
    int rc = RNN_OK;
    if (!it || !it->net || strcmp(a.net, it->net->id))
        rc = rnn_fail(err, RNN_ERR_FORMAT, "activity of network '%s' does not stand between it and the next network", a.net);
    if (rc >= 0) rc = rnn_grow(&it->act, &it->cap_act, it->n_act + 1, sizeof *it->act, err);
    if (rc < 0) { rnn_activity_release(&a); return rc; }
    free(a.outputs); /* not looked at here */
    free(a.state0);
    a.outputs = a.state0 = NULL;
    st.n_activity++;
    it->act[it->n_act++] = a;
    return opt.keep_activity ? add_raw(it, f, err) : RNN_OK;
}

static int take_frame(void *user, const struct rnn_frame *f, struct rnn_writer *w, struct rnn_err *err)
{
    (void)user, (void)w;
    if (!strcmp(f->kind, "net")) RNN_TRY(close_item(err));
    if (!st.open) RNN_TRY(rnn_alloc_into(&st.open, 1, sizeof *st.open, err));
    if (!strcmp(f->kind, "activity")) return take_activity(f, err);
    RNN_TRY(add_raw(st.open, f, err));
    if (!strcmp(f->kind, "net")) return rnn_net_decode(f->body, &st.open->net, &st.open->is_partial, err);
    if (st.open->is_partial && !strcmp(f->kind, "param")) {
        bool done;
        RNN_TRY(rnn_net_param_frame(st.open->net, f->body, &done, err));
        st.open->is_partial = !done;
    }
    return tool_items_frame(&st.seen, f, err);
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
    RNN_TRY(close_item(err));
    RNN_TRY(settle(user, w, err));
    tool_items_clear(&st.seen);
    return st.n_activity ? RNN_OK : rnn_fail(err, RNN_ERR_FORMAT, "no activity in the stream: rnn-run --activity writes it");
}

int main(int argc, char **argv)
{
    struct rnn_err err;
    struct rnn_kvs given = { 0 }, build = { 0 };
    const struct rnn_pipe_ops ops = { .segment_start = start_segment, .frame = take_frame, .segment_end = end_segment, .settle = settle };
    tool_begin(tool.name);
    struct cli_parse *p = cli_begin(&tool, CLI_WITH_JOBS | CLI_WITH_SEED, &common, argc, argv);
    cli_apply(p, NULL);
    cli_print_config_if_asked(p);
    check_options(p);
    if (cli_options(p, &given, &err) < 0 || tool_build(&build, "double", &err) < 0) cli_die_err(&err);
    struct rnn_reader *r = tool_open_input(&tool, cli_n_args(p) ? cli_arg(p, 0) : NULL, &common);
    struct rnn_writer *w = tool_open_output(&common);
    cli_progress_start("nets", 0);
    const int rc = rnn_pipe_run(r, w, tool.name, &given, &build, &ops, NULL, &err);
    cli_progress_end();
    if (rc < 0) tool_fail(w, NULL, &err);
    const uint64_t failed = rnn_writer_failed(w);
    tool_close_output(w);
    rnn_reader_close(r);
    free_item(st.open);
    tool_items_clear(&st.seen);
    free((void *)opt.g.steps);
    if (opt.dims.n) free((void *)opt.g.dims);
    rnn_kvs_release(&given);
    rnn_kvs_release(&build);
    cli_end(p);
    return tool_end(failed);
}
