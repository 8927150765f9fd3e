/* rnn-geometry: the geometry of population states. */
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "cli/cli.h"
#include "codec/codec.h"
#include "num/linalg.h"
#include "tool/activity.h"
#include "tool/each_net.h"
#include "tool/geometry.h"
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

/* What came after a network, and what was made of it. */
struct own {
    struct rnn_activity *act; size_t n_act, cap_act; /* until its turn to be measured */
    struct tool_states states;
    struct rnn_trials *tr;     /* shallow copies: the reader's own may move while workers look */
};

static size_t n_activity, n_void, n_silent; /* of the segment: activities; networks that cannot run, that might have */

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
        { "by", ~(unsigned)(TOOL_TREE | TOOL_PCA) },
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
static const struct rnn_activity *activity_of(const struct own *own, int split)
{
    for (size_t i = 0; i < own->n_act; i++)
        if ((int)own->act[i].split == split) return &own->act[i];
    return NULL;
}

static int check_activity(const struct own *own, const char *net, const struct rnn_activity *like, struct rnn_err *err)
{
    for (size_t i = 0; i < own->n_act; i++) {
        const struct rnn_activity *a = &own->act[i];
        if (a->split == like->split && strcmp(a->id, like->id))
            return rnn_fail(err, RNN_ERR_ARG, "%s: two sets of %s trials, '%s' and '%s': which is meant?", net, rnn_split_names[a->split], like->id, a->id);
        if (a->T != like->T || a->n != like->n || a->thin != like->thin || a->what != like->what)
            return rnn_fail(err, RNN_ERR_FORMAT, "%s: '%s' and '%s' differ in steps or units", net, like->id, a->id);
    }
    return RNN_OK;
}

/* The trials that row k of an activity block belongs to. */
static int find_trial(const struct tool_items *seen, const struct rnn_activity *a, size_t k, const struct rnn_trials **tr, size_t *row, struct rnn_err *err)
{
    const uint64_t at = a->first + k;
    for (size_t i = 0; i < seen->n; i++) {
        for (size_t b = 0; b < seen->v[i]->n_blocks; b++) {
            const struct tool_block *block = &seen->v[i]->blocks[b];
            if (strcmp(block->id, a->trials) || at < block->tr.first || at - block->tr.first >= block->tr.K) continue;
            *tr = &block->tr;
            *row = (size_t)(at - block->tr.first);
            return RNN_OK;
        }
    }
    return rnn_fail(err, RNN_ERR_FORMAT, "%s: trial %llu of '%s' is not in the stream", a->id, (unsigned long long)at, a->trials);
}

/* Rows of one split go to the states from row k on; n_tr counts the shallow copies of trials made. */
static int add_split(struct own *own, const struct tool_items *seen, int split, size_t k, size_t *n_tr, struct rnn_err *err)
{
    struct tool_states *s = &own->states;
    for (size_t i = 0; i < own->n_act; i++) {
        const struct rnn_activity *a = &own->act[i];
        if ((int)a->split != split) continue;
        memcpy(s->x + k * s->T * s->n, a->value, a->K * s->T * s->n * sizeof *s->x);
        const struct rnn_trials *last = NULL, *tr = NULL;
        for (size_t r = 0; r < a->K; r++, k++) {
            s->trial[k] = a->first + r;
            if (!s->tr) continue;
            RNN_TRY(find_trial(seen, a, r, &tr, &s->row[k], err));
            if (tr != last) own->tr[(*n_tr)++] = *(last = tr);
            s->tr[k] = &own->tr[*n_tr - 1];
        }
    }
    return RNN_OK;
}

static int make_states(struct own *own, const struct rnn_net *net, const struct tool_items *seen, struct rnn_err *err)
{
    const struct rnn_activity *like = activity_of(own, opt.split);
    struct tool_states *s = &own->states;
    int learn = opt.learn == LEARN_AUTO ? RNN_TRAIN : opt.learn == LEARN_HALVES ? -1 : opt.learn - 1;
    if (!like) return rnn_fail(err, RNN_ERR_ARG, "%s: no activity on %s trials", net->id, rnn_split_names[opt.split]);
    RNN_TRY(check_activity(own, net->id, like, err));
    if (learn == opt.split) learn = -1;
    if (learn >= 0 && !activity_of(own, learn)) {
        if (opt.learn != LEARN_AUTO)
            return rnn_fail(err, RNN_ERR_ARG, "%s: no activity on %s trials to learn from: rnn-run --split %s,%s --activity writes both", net->id,
                            rnn_split_names[learn], rnn_split_names[learn], rnn_split_names[opt.split]);
        learn = -1;
    }
    const bool latent = like->what == RNN_SEE_LATENT;
    *s = (struct tool_states){ .T = like->T, .n = like->n, .thin = like->thin, .is_all_units = !latent && !like->units && like->n == net->spec.N,
                               .is_rates = !latent && (like->what == RNN_SEE_RATES || net->spec.cell != RNN_LEAKY_CURRENT) };
    bool has_trials = true;
    for (size_t i = 0; i < own->n_act; i++) {
        if ((int)own->act[i].split == opt.split) s->K += own->act[i].K;
        if ((int)own->act[i].split == learn) s->K_learn += own->act[i].K;
        has_trials &= own->act[i].trials != NULL;
    }
    const size_t K = s->K + s->K_learn;
    size_t n_tr = 0;
    if (!s->K || !s->T || !s->n) return rnn_fail(err, RNN_ERR_ARG, "%s: its activity on %s trials is empty", net->id, rnn_split_names[opt.split]);
    RNN_TRY(rnn_alloc_into(&s->x, K * s->T * s->n, sizeof *s->x, err));
    RNN_TRY(rnn_alloc_into(&s->trial, K, sizeof *s->trial, err));
    RNN_TRY(rnn_alloc_into(&s->row, K, sizeof *s->row, err));
    if (has_trials) {
        RNN_TRY(rnn_alloc_into(&s->tr, K, sizeof *s->tr, err));
        RNN_TRY(rnn_alloc_into(&own->tr, K, sizeof *own->tr, err));
    }
    RNN_TRY(add_split(own, seen, opt.split, 0, &n_tr, err));
    return learn < 0 ? RNN_OK : add_split(own, seen, learn, s->K, &n_tr, err);
}

/* ---- one network after another ---- */

static void release_activity(struct own *own)
{
    for (size_t i = 0; i < own->n_act; i++) rnn_activity_release(&own->act[i]);
    free(own->act);
    own->act = NULL;
    own->n_act = own->cap_act = 0;
}

static void drop(void *user, struct tool_each_item *it)
{
    struct own *own = it->made;
    (void)user;
    if (!own) return;
    release_activity(own);
    tool_states_release(&own->states);
    free(own->tr);
    free(own);
    it->made = NULL;
}

static int add_activity(struct tool_each_item *it, const struct rnn_activity *a, struct rnn_err *err)
{
    struct own *own = it->made;
    if (!own) {
        RNN_TRY(rnn_alloc_into(&own, 1, sizeof *own, err));
        it->made = own;
    }
    RNN_TRY(rnn_grow(&own->act, &own->cap_act, own->n_act + 1, sizeof *own->act, err));
    own->act[own->n_act++] = *a;
    n_activity++;
    return RNN_OK;
}

static int after(void *user, struct tool_each_item *it, const struct rnn_frame *f, struct rnn_err *err)
{
    struct rnn_activity a;
    (void)user;
    if (strcmp(f->kind, "activity") != 0) return RNN_OK;
    RNN_TRY(tool_own_activity(it ? it->net : NULL, f, &a, err));
    free(a.outputs); /* not looked at here */
    free(a.state0);
    a.outputs = a.state0 = NULL;
    const int rc = add_activity(it, &a, err);
    if (rc < 0) rnn_activity_release(&a);
    return rc < 0 || opt.keep_activity ? rc : TOOL_EACH_DROP;
}

static int prepare(void *user, struct tool_each_item *it, const struct tool_items *seen, struct rnn_err *err)
{
    struct own *own = it->made;
    (void)user;
    if (!own && !rnn_net_can_run(it->net)) n_void++;
    else if (!own) n_silent++;
    if (!own) return RNN_OK;
    RNN_TRY(make_states(own, it->net, seen, err));
    const bool latent = own->act[0].what == RNN_SEE_LATENT;
    release_activity(own);
    return latent ? rnn_kvs_str(&it->net->labels, "activity", "latent", err) : RNN_OK; /* set apart from what its units do */
}

static int work(void *user, struct tool_each_item *it, struct rnn_err *err)
{
    const struct own *own = it->made;
    const struct tool_states *s = own ? &own->states : NULL;
    (void)user;
    if (s && !rnn_all_finite_f32((s->K + s->K_learn) * s->T * s->n, s->x)) { /* relu units may run away within a trial */
        it->failed++;
        if (!(it->note = rnn_strdup("its activity leaves the finite numbers: nothing is measured"))) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
        return tool_geometry_skip(&it->out, &opt.g, it->net, "not-finite", err);
    }
    if (s) return tool_geometry_append(&it->out, &opt.g, it->net, s, err);
    return tool_geometry_skip(&it->out, &opt.g, it->net, rnn_net_status_names[it->net->status], err);
}

static int finish(void *user, struct rnn_writer *w, struct rnn_err *err)
{
    (void)user, (void)w;
    return n_activity || (n_void && !n_silent) ? RNN_OK : rnn_fail(err, RNN_ERR_FORMAT, "no activity in the stream: rnn-run --activity writes it");
}

static void forget(void *user)
{
    (void)user;
    n_activity = n_void = n_silent = 0;
}

int main(int argc, char **argv)
{
    struct rnn_err err;
    struct rnn_kvs given = { 0 };
    struct cli_parse *p = tool_start(&tool, CLI_WITH_JOBS | CLI_WITH_SEED, &common, argc, argv);
    check_options(p);
    if (cli_options(p, &given, &err) < 0) cli_die_err(&err);
    const struct tool_each each = { .jobs = common.jobs, .window = common.jobs, .after = after, .prepare = prepare, .work = work, .drop = drop,
                                    .finish = finish, .forget = forget };
    const uint64_t failed = tool_each_net(&tool, &common, cli_arg(p, 0), &given, &each);
    free((void *)opt.g.steps);
    if (opt.dims.n) free((void *)opt.g.dims);
    rnn_kvs_release(&given);
    cli_end(p);
    return tool_end(failed);
}
