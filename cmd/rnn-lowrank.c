/* rnn-lowrank: singular modes of networks, and networks without some of them. */
#include <msgpack.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "cli/cli.h"
#include "codec/codec.h"
#include "num/linalg.h"
#include "tool/arena.h"
#include "tool/each_net.h"
#include "tool/lowrank.h"
#include "tool/tool.h"

static char w_rec[] = "W_rec", value[] = "value", *default_param[] = { w_rec }, *default_part[] = { value };

static struct options {
    struct cli_strs params, parts, ranks, components, units, ablate;
    size_t modes, n_random, overlap_rank, signed_rows, block, truncate, count;
    char *of, *selective, *task, *trials;
    double selective_least;
    bool eigenvalues, change, truncation, ablation, overlaps, random_rank_one, has_truncate;
    int split, align, align_split, filtered;
} opt = { .params = { default_param, 1 }, .parts = { default_part, 1 }, .of = w_rec, .n_random = 1, .overlap_rank = 3,
          .signed_rows = 10, .block = 5, .truncate = SIZE_MAX, .selective_least = 1e-3, .split = RNN_TEST };

static struct cli_common common = CLI_COMMON_DEFAULT;

static const struct cli_opt options[] = {
    { .name = "Spectra", .type = CLI_SECTION },
    { 0, "param", CLI_STRS, &opt.params, "NAMES", 0, 0, "parameters to decompose: W_rec, W_in, W_out, ...", CLI_COMMA, NULL },
    { 0, "part", CLI_STRS, &opt.parts, "NAMES", 0, 0, "value, change (since initialisation), initial", CLI_COMMA, NULL },
    { 0, "modes", CLI_SIZE, &opt.modes, "N", 0, 1e6, "largest singular values and eigenvalues to write; 0: all", 0, NULL },
    { 0, "eigenvalues", CLI_FLAG, &opt.eigenvalues, NULL, 0, 0, "of the recurrent matrix, too", 0, NULL },
    { .name = "Performance of changed networks", .type = CLI_SECTION },
    { 0, "of", CLI_STR, &opt.of, "NAME", 0, 0, "the parameter whose modes are changed", 0, NULL },
    { 0, "change", CLI_FLAG, &opt.change, NULL, 0, 0, "modes of its change since initialisation, which is kept", 0, NULL },
    { 0, "truncation", CLI_FLAG, &opt.truncation, NULL, 0, 0, "run each network with only its leading modes", 0, NULL },
    { 0, "ranks", CLI_STRS, &opt.ranks, "LIST", 0, 0, "how many, as 0-10,20; unsaid: 0 1 2 3 4 5 6 8 10 15 20 40 80 ... all", CLI_COMMA, NULL },
    { 0, "ablation", CLI_FLAG, &opt.ablation, NULL, 0, 0, "run each network without single modes, and controls", 0, NULL },
    { 0, "components", CLI_STRS, &opt.components, "LIST", 0, 0, "which, as 1-5,1+2,4:9 (sets go together); unsaid: 1 2 3 4 5 10 20", CLI_COMMA, NULL },
    { 0, "random", CLI_SIZE, &opt.n_random, "N", 0, 1e6, "controls with a random rank-one matrix of norm s1 taken away", 0, NULL },
    { 0, "units", CLI_STRS, &opt.units, "LIST", 0, 0, "units to hold silent, from 0, as 0-9 (each alone) or 0:9 (together)", CLI_COMMA, NULL },
    { 0, "selective", CLI_STR, &opt.selective, "NAME", 0, 0, "which units prefer which class of this trial parameter; ablate them", 0, NULL },
    { 0, "selective-least", CLI_REAL, &opt.selective_least, "V", 0, 1e9, "units whose variances sum to no more prefer none", 0, NULL },
    { 0, "split", CLI_CHOICE, &opt.split, "train|validation|test", 0, 0, "which trials of the task", 0, NULL },
    { 0, "count", CLI_SIZE, &opt.count, "N", 0, 1e9, "how many; 0: all that are given, or as many as taskgen would emit", 0, NULL },
    { 0, "task", CLI_STR, &opt.task, "FILE", 0, 0, "run every network on the task of FILE instead of its own", CLI_FILE, NULL },
    { 0, "trials", CLI_STR, &opt.trials, "FILE", 0, 0, "run on the trials of FILE, which holds their task too", CLI_FILE, NULL },
    { .name = "Directions", .type = CLI_SECTION },
    { 0, "overlaps", CLI_FLAG, &opt.overlaps, NULL, 0, 0, "cosines and principal angles of input, recurrent and read-out directions", 0, NULL },
    { 0, "overlap-rank", CLI_SIZE, &opt.overlap_rank, "R", 1, 1e6, "leading recurrent modes that take part", 0, NULL },
    { .name = "Across networks", .type = CLI_SECTION },
    { 0, "align", CLI_CHOICE, &opt.align, "none|hidden|weights", 0, 0, "common coordinates: by last states, or by W_rec", 0, NULL },
    { 0, "align-split", CLI_CHOICE, &opt.align_split, "train|validation|test", 0, 0, "trials whose states (or whose first state, for signs) are used", 0, NULL },
    { 0, "signed-rows", CLI_SIZE, &opt.signed_rows, "N", 0, 1e6, "leading directions whose sign is fixed by the first trial", 0, NULL },
    { 0, "block", CLI_SIZE, &opt.block, "N", 1, 1e4, "rows and columns of rotated matrices that are written and compared", 0, NULL },
    { .name = "Filters: networks in place of tables", .type = CLI_SECTION },
    { 0, "truncate", CLI_SIZE, &opt.truncate, "R", 0, 1e6, "keep the R leading modes", 0, &opt.has_truncate },
    { 0, "ablate", CLI_STRS, &opt.ablate, "LIST", 0, 0, "take these modes out, all of them", CLI_COMMA, NULL },
    { 0, "random-rank-one", CLI_FLAG, &opt.random_rank_one, NULL, 0, 0, "take a random rank-one matrix of norm s1 away", 0, NULL },
    { 0, "filtered", CLI_CHOICE, &opt.filtered, "none|rotated|spectrum", 0, 0, "W_rec as all networks share it, in each one's own coordinates", 0, NULL },
    CLI_LAST
};

static const struct cli_tool tool = {
    .name = "rnn-lowrank", .synopsis = "[options] [FILE]",
    .summary = "Takes networks apart into singular modes, and runs or emits them without some.",
    .opts = options, .max_args = 1, .version = tool_version,
};

static struct state {
    struct tool_lowrank c;
    struct tool_sets ranks, components, units, ablate;
    struct tool_arenas arenas;
    struct tool_lowrank_trials **jobs; size_t n_jobs, cap_jobs;
    struct tool_pooled *pooled;
    bool is_filter, needs_trials;
} st;

/* What work hands to emit and to the second pass. */
struct made { struct tool_net_spectra spectra; double *R; struct rnn_rotated rotated; };

/* ---- what was asked ---- */

static void set_parts(void)
{
    for (size_t i = 0; i < opt.parts.n; i++) {
        int part;
        if (!rnn_name_index(rnn_part_names, opt.parts.v[i], &part)) cli_die(2, "--part: '%s': not one of value, change, initial", opt.parts.v[i]);
        st.c.parts[part] = true;
    }
}

static void refuse_idle(const struct cli_parse *p)
{
    const bool runs = opt.truncation || opt.ablation || opt.selective;
    static const char *const tables[] = { "param", "part", "modes", "eigenvalues", "truncation", "ablation", "selective", "overlaps" };
    for (size_t i = 0; st.is_filter && i < RNN_LEN(tables); i++) cli_refuse(p, tables[i], "with a filter, which writes networks instead of tables");
    if (!opt.truncation) cli_refuse(p, "ranks", "without --truncation");
    static const char *const ablation[] = { "components", "random", "units" };
    for (size_t i = 0; !opt.ablation && i < RNN_LEN(ablation); i++) cli_refuse(p, ablation[i], "without --ablation");
    if (!opt.selective) cli_refuse(p, "selective-least", "without --selective");
    if (!runs) cli_refuse(p, "split", "without --truncation, --ablation or --selective");
    if (!opt.overlaps) cli_refuse(p, "overlap-rank", "without --overlaps");
    static const char *const align[] = { "align-split", "signed-rows", "block" };
    for (size_t i = 0; !opt.align && i < RNN_LEN(align); i++) cli_refuse(p, align[i], "without --align");
    if (st.is_filter) cli_refuse(p, "block", "with --filtered");
    if (!st.needs_trials) {
        static const char *const trials[] = { "count", "task", "trials" };
        for (size_t i = 0; i < RNN_LEN(trials); i++) cli_refuse(p, trials[i], "where no network is run");
    }
    if (!opt.truncation && !opt.ablation && !st.is_filter) cli_refuse(p, "of", "without --truncation, --ablation or a filter");
    if (!opt.truncation && !opt.ablation && !opt.overlaps && !st.is_filter) cli_refuse(p, "change", "without --truncation, --ablation, --overlaps or a filter");
    if (opt.filtered) cli_refuse(p, "of", "with --filtered, which is about W_rec");
    if (opt.filtered || opt.random_rank_one) cli_refuse(p, "change", "with --filtered and --random-rank-one");
}

static void check_options(const struct cli_parse *p)
{
    static const char *const filters[] = { "truncate", "ablate", "random-rank-one", "filtered" };
    for (size_t i = 0; i < RNN_LEN(filters); i++)
        for (size_t j = 0; j < i; j++) cli_exclusive(p, filters[j], filters[i]);
    cli_exclusive(p, "task", "trials");
    st.is_filter = opt.has_truncate || opt.ablate.n || opt.random_rank_one || opt.filtered;
    st.needs_trials = opt.truncation || opt.ablation || opt.selective || opt.align;
    if (opt.filtered && !opt.align) cli_die(2, "--filtered needs --align hidden or --align weights");
    if (st.is_filter && opt.align && !opt.filtered) cli_die(2, "--align has no effect with --truncate, --ablate and --random-rank-one");
    refuse_idle(p);
}

static void parse_lists(void)
{
    struct rnn_err err;
    if (tool_sets_parse("ranks", &opt.ranks, 0, &st.ranks, &err) < 0 || tool_sets_parse("components", &opt.components, 1, &st.components, &err) < 0 ||
        tool_sets_parse("units", &opt.units, 0, &st.units, &err) < 0 || tool_sets_parse("ablate", &opt.ablate, 1, &st.ablate, &err) < 0) {
        cli_die_err(&err);
    }
    for (size_t i = 0; i < st.ranks.n; i++)
        if (st.ranks.v[i].n != 1) cli_die(2, "--ranks: '%s': a set has no meaning here", st.ranks.v[i].text);
}

static void configure(const struct cli_parse *p)
{
    check_options(p);
    parse_lists();
    st.c = (struct tool_lowrank){ .params = &opt.params, .n_modes = opt.modes, .eigenvalues = opt.eigenvalues, .target = opt.of,
                                  .part = opt.change ? RNN_PART_CHANGE : RNN_PART_VALUE, .truncation = opt.truncation, .ablation = opt.ablation,
                                  .ranks = &st.ranks, .components = &st.components, .units = &st.units, .n_random = opt.n_random, .seed = common.seed,
                                  .split = (enum rnn_split)opt.split, .selective = opt.selective, .selective_least = opt.selective_least,
                                  .overlaps = opt.overlaps, .overlap_rank = opt.overlap_rank, .align = (enum tool_align)opt.align,
                                  .n_signed = opt.signed_rows, .block = opt.block, .align_split = (enum rnn_split)opt.align_split };
    set_parts();
}

/* ---- the trials of a net ---- */

static int trials_for(const struct rnn_net *net, const struct tool_lowrank_trials **out, struct rnn_err *err)
{
    const struct tool_choice main_want = { .split = st.c.split, .count = opt.count }, align_want = { .split = st.c.align_split, .count = opt.count };
    const struct tool_choice all = { .split = RNN_TRAIN };
    const struct tool_arena *tr = NULL, *align = NULL, *train = NULL;
    const struct tool_task *of;
    RNN_TRY(tool_arena_task(&st.arenas, net, &of, err));
    if (opt.truncation || opt.ablation || opt.selective) RNN_TRY(tool_arena_for(&st.arenas, net, &main_want, &tr, err));
    if (opt.align) RNN_TRY(tool_arena_for(&st.arenas, net, &align_want, &align, err));
    if (opt.selective && of->task->is_finite) RNN_TRY(tool_arena_for(&st.arenas, net, &all, &train, err));
    for (size_t i = 0; i < st.n_jobs; i++) {
        if (st.jobs[i]->task != of->task) continue;
        *out = st.jobs[i];
        return RNN_OK;
    }
    struct tool_lowrank_trials *job;
    RNN_TRY(rnn_grow(&st.jobs, &st.cap_jobs, st.n_jobs + 1, sizeof *st.jobs, err));
    RNN_TRY(rnn_alloc_into(&job, 1, sizeof *job, err));
    *job = (struct tool_lowrank_trials){ .task = of->task, .tr = tr ? &tr->tr : NULL, .align = align ? &align->tr : NULL, .train = train ? &train->tr : NULL };
    st.jobs[st.n_jobs++] = job;
    *out = job;
    return RNN_OK;
}

static int prepare(void *user, struct tool_each_item *it, const struct tool_items *seen, struct rnn_err *err)
{
    const struct tool_lowrank_trials *job = NULL;
    (void)user;
    st.arenas.seen = seen;
    if (st.needs_trials && rnn_net_can_run(it->net)) RNN_TRY(trials_for(it->net, &job, err));
    it->with = (void *)job;
    return RNN_OK;
}

/* ---- filters ---- */

/* The label that says what was done, after what earlier filters did. */
static int say_done(struct rnn_net *net, const char *what, struct rnn_err *err)
{
    const char *before = rnn_kvs_get_str(&net->labels, "lowrank", "");
    const bool usual = !strcmp(st.c.target, "W_rec") && !opt.change;
    char *text = rnn_asprintf("%s%s%s%s%s", before, *before ? "; " : "", what, usual ? "" : opt.change ? " of the change of " : " of ",
                              usual ? "" : st.c.target);
    if (!text) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    const int rc = rnn_kvs_str(&net->labels, "lowrank", text, err);
    free(text);
    return rc;
}

/* The changed net in the place of the one that was read, whose unknown keys stay. */
static int replace(struct tool_each_item *it, struct rnn_net *changed, const char *what, struct rnn_err *err)
{
    msgpack_unpacked u;
    size_t at = 0;
    RNN_TRY(say_done(changed, what, err));
    msgpack_unpacked_init(&u);
    int rc = msgpack_unpack_next(&u, (const char *)it->raw, it->raw_len, &at) == MSGPACK_UNPACK_SUCCESS
                 ? RNN_OK : rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    if (rc >= 0) rc = rnn_net_rewrite_append(&it->out, &u.data.via.array.ptr[1], changed, err);
    msgpack_unpacked_destroy(&u);
    it->replaced = true;
    return rc;
}

static int keep_of(const struct rnn_modes *m, bool *keep, struct rnn_err *err)
{
    const size_t asked = opt.has_truncate ? opt.truncate : tool_sets_max(&st.ablate);
    if (asked > m->n)
        return rnn_fail(err, RNN_ERR_ARG, "--%s (%zu) must not exceed the %zu modes of %s", opt.has_truncate ? "truncate" : "ablate", asked, m->n, m->param);
    for (size_t k = 0; k < m->n; k++) keep[k] = !opt.has_truncate || k < opt.truncate;
    for (size_t i = 0; i < st.ablate.n; i++)
        for (size_t j = 0; j < st.ablate.v[i].n; j++) keep[st.ablate.v[i].v[j] - 1] = false;
    return RNN_OK;
}

static char *describe(void)
{
    char *text = opt.has_truncate ? rnn_asprintf("truncate %zu", opt.truncate) : rnn_strdup(opt.random_rank_one ? "random rank one" : "ablate ");
    for (size_t i = 0; text && i < st.ablate.n; i++) {
        char *longer = rnn_asprintf("%s%s%s", text, i ? "+" : "", st.ablate.v[i].text);
        free(text);
        text = longer;
    }
    return text;
}

static int filter(struct tool_each_item *it, struct rnn_err *err)
{
    struct rnn_modes m = { 0 };
    struct rnn_net *changed = NULL;
    bool *keep = NULL;
    char *what = describe();
    int rc = what ? rnn_modes_of(it->net, st.c.target, st.c.part, &m, err) : rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    if (rc >= 0) rc = rnn_alloc_into(&keep, m.n, sizeof *keep, err);
    if (rc >= 0 && opt.random_rank_one) rc = rnn_net_minus_random(it->net, &m, common.seed, 0, &changed, err);
    else if (rc >= 0 && (rc = keep_of(&m, keep, err)) >= 0) rc = rnn_net_keep_modes(it->net, &m, keep, &changed, err);
    if (rc >= 0) rc = replace(it, changed, what, err);
    rnn_net_free(changed);
    rnn_modes_release(&m);
    free(keep);
    free(what);
    return rc;
}

/* Second pass of --filtered: the mean is known. */
static int filter_shared(void *user, struct tool_each_item *it, struct rnn_err *err)
{
    const struct made *made = it->made;
    const size_t N = it->net->spec.N;
    double *W_bar = NULL, *W = NULL, *s = NULL;
    struct rnn_net *changed = NULL;
    (void)user;
    if (!made || !made->R) return RNN_OK;
    int rc = tool_pooled_mean(st.pooled, it->net, &W_bar, err);
    if (rc >= 0) rc = rnn_alloc_into(&W, N * N, sizeof *W, err);
    if (rc >= 0) rc = rnn_alloc_into(&s, N, sizeof *s, err);
    if (rc >= 0 && opt.filtered == 1) {
        rc = rnn_unrotate_W(N, made->R, W_bar, W, err);
    } else if (rc >= 0) {
        struct rnn_modes own = { 0 };
        rc = rnn_modes_of(it->net, "W_rec", RNN_PART_VALUE, &own, err);
        if (rc >= 0) rc = rnn_svd(N, N, W_bar, NULL, s, NULL, err);
        if (rc >= 0) rc = rnn_filtered_by_spectrum(N, own.A, s, W, err);
        rnn_modes_release(&own);
    }
    if (rc >= 0) rc = rnn_net_with_W(it->net, W, &changed, err);
    if (rc >= 0) rc = replace(it, changed, opt.filtered == 1 ? (opt.align == 1 ? "filtered hidden" : "filtered weights")
                                                             : (opt.align == 1 ? "filtered spectrum hidden" : "filtered spectrum weights"), err);
    rnn_net_free(changed);
    free(W_bar);
    free(W);
    free(s);
    return rc;
}

/* ---- tables ---- */

static int align(struct tool_each_item *it, struct made *made, struct rnn_err *err)
{
    const int rc = tool_rotation(&st.c, it->net, it->with, &made->R, err);
    if (rc == RNN_ERR_NUMERIC) { /* relu units may run away */
        it->failed++;
        it->note = rnn_asprintf("it is not aligned: %s", err->msg);
        return it->note ? RNN_OK : rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    }
    RNN_TRY(rc);
    RNN_TRY(rnn_rotate_net(it->net, made->R, &made->rotated, err));
    return st.is_filter ? RNN_OK : tool_lowrank_block(&st.c, it->net, &made->rotated, &it->out, err);
}

static int work(void *user, struct tool_each_item *it, struct rnn_err *err)
{
    const struct tool_lowrank *c = &st.c;
    struct made *made;
    (void)user;
    const bool can = rnn_net_can_run(it->net);
    if (st.is_filter && !opt.filtered) return can ? filter(it, err) : RNN_OK;
    RNN_TRY(rnn_alloc_into(&made, 1, sizeof *made, err));
    it->made = made;
    if (!st.is_filter) RNN_TRY(tool_lowrank_spectra(c, it->net, &it->out, &made->spectra, err));
    if (!can) return RNN_OK;
    if (c->eigenvalues) RNN_TRY(tool_lowrank_eigenvalues(c, it->net, &it->out, err));
    if (c->truncation) RNN_TRY(tool_lowrank_truncation(c, it->net, it->with, &it->out, err));
    if (c->ablation) RNN_TRY(tool_lowrank_ablation(c, it->net, it->with, &it->out, err));
    if (c->selective) RNN_TRY(tool_lowrank_selectivity(c, it->net, it->with, &it->out, err));
    if (c->overlaps) RNN_TRY(tool_lowrank_overlaps(c, it->net, &it->out, err));
    return c->align ? align(it, made, err) : RNN_OK;
}

static int emit(void *user, struct tool_each_item *it, struct rnn_err *err)
{
    struct made *made = it->made;
    double *W;
    (void)user;
    if (!made) return RNN_OK;
    RNN_TRY(tool_pooled_spectra(st.pooled, it->net, &made->spectra, err));
    if (!made->R) return RNN_OK;
    RNN_TRY(rnn_alloc_into(&W, it->net->spec.N * it->net->spec.N, sizeof *W, err));
    int rc = rnn_net_W(it->net, W, err);
    if (rc >= 0) rc = tool_pooled_aligned(st.pooled, &st.c, it->net, W, &made->rotated, err);
    free(W);
    rnn_rotated_release(&made->rotated);
    return rc;
}

static void drop(void *user, struct tool_each_item *it)
{
    struct made *made = it->made;
    (void)user;
    if (!made) return;
    tool_net_spectra_release(&made->spectra);
    rnn_rotated_release(&made->rotated);
    free(made->R);
    free(made);
    it->made = NULL;
}

static int finish(void *user, struct rnn_writer *w, struct rnn_err *err)
{
    struct rnn_bytes out = { 0 };
    (void)user;
    if (st.is_filter) return RNN_OK;
    int rc = tool_pooled_append(st.pooled, &st.c, &out, err);
    if (rc >= 0) rc = rnn_writer_raw(w, out.p, out.len, err);
    rnn_bytes_release(&out);
    return rc;
}

static void forget(void *user)
{
    struct rnn_err err;
    (void)user;
    for (size_t i = 0; i < st.n_jobs; i++) free(st.jobs[i]);
    st.n_jobs = 0;
    tool_arenas_clear(&st.arenas);
    tool_pooled_free(st.pooled);
    st.pooled = NULL;
    if (tool_pooled_new(&st.pooled, &err) < 0) cli_die_err(&err);
}

int main(int argc, char **argv)
{
    struct rnn_err err;
    struct rnn_kvs given = { 0 };
    struct cli_parse *p = tool_start(&tool, CLI_WITH_JOBS | CLI_WITH_SEED, &common, argc, argv);
    configure(p);
    tool_side_open(&st.arenas.side, opt.task, opt.trials, common.max_frame);
    if (cli_options(p, &given, &err) < 0) cli_die_err(&err);
    forget(NULL);
    const struct tool_each each = { .jobs = common.jobs, .prepare = prepare, .work = work, .emit = emit, .second = opt.filtered ? filter_shared : NULL,
                                    .drop = drop, .finish = finish, .forget = forget, .side = &st.arenas.side };
    const uint64_t failed = tool_each_net(&tool, &common, cli_arg(p, 0), &given, &each);
    tool_arenas_release(&st.arenas);
    tool_pooled_free(st.pooled);
    free(st.jobs);
    tool_sets_release(&st.ranks);
    tool_sets_release(&st.components);
    tool_sets_release(&st.units);
    tool_sets_release(&st.ablate);
    rnn_kvs_release(&given);
    cli_end(p);
    return tool_end(failed);
}
