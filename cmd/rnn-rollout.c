/* rnn-rollout: what networks do through a trial and after it, and how alike they are. */
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "cli/cli.h"
#include "codec/codec.h"
#include "tool/arena.h"
#include "tool/heads.h"
#include "tool/rollout.h"
#include "tool/tool.h"

enum { ARRAYS_FIRST, ARRAYS_ALL, ARRAYS_NONE };
static struct options {
    size_t trials, lengths, draws;
    char *table, *by;
    int arrays;
    bool pairs;
} opt = {.trials = 2, .lengths = 9, .draws = 1000, .pairs = true};

static struct cli_common common = CLI_COMMON_DEFAULT;

static const struct cli_opt options[] = {
    {.name = "Runs", .type = CLI_SECTION},
    {0, "trials", CLI_SIZE, &opt.trials, "N", 1, 1e6, "test trials of each network's task", 0, NULL},
    {0, "lengths", CLI_SIZE, &opt.lengths, "N", 1, 1e4, "trial lengths to run for, the trial itself included", 0, NULL},
    {.name = "Groups and pairs", .type = CLI_SECTION},
    {0, "table", CLI_STR, &opt.table, "NAME", 0, 0, "table behind each network that has --by [phase]", 0, NULL},
    {0, "by", CLI_STR, &opt.by, "COLUMN", 0, 0, "its column of words that makes groups; networks without it are grouped by status [mechanism]", 0, NULL},
    {0, "pairs", CLI_FLAG, &opt.pairs, NULL, 0, 0, "compare every two networks", 0, NULL},
    {0, "draws", CLI_SIZE, &opt.draws, "N", 0, 1e6, "resamples for intervals; 0: none", 0, NULL},
    {.name = "Output", .type = CLI_SECTION},
    {0, "arrays", CLI_CHOICE, &opt.arrays, "first|all|none", 0, 0, "rasters, outputs and orbits of the first network of each group, of all, of none", 0, NULL},
    CLI_LAST};

static const struct cli_tool tool = {
    .name = "rnn-rollout", .synopsis = "[options] [FILE]",
    .summary = "Runs networks through their trials and on, and compares them.",
    .details = "Reads all segments of a stream of networks, such as rnn-fixedpts --phase writes, and writes one segment of tables and arrays.",
    .opts = options, .max_args = 1, .version = tool_version,
};

static struct state {
    struct tool_rollout_nets nets;
    struct tool_items seen;
    struct tool_arenas arenas;
    struct tool_heads heads;
    struct rnn_net *open; /* its param frames are still coming */
    size_t n_skipped;
} st;

static int run_net(struct rnn_net *net, struct rnn_err *err)
{
    const struct tool_choice want = {.split = RNN_TEST, .count = opt.trials};
    const struct tool_arena *a;
    if (!rnn_net_can_run(net)) return st.n_skipped++, RNN_OK;
    st.arenas.seen = &st.seen;
    RNN_TRY(tool_arena_for(&st.arenas, net, &want, &a, err));
    const struct rnn_spec *s = &net->spec;
    if (a->tr.n_in != s->n_in || a->tr.n_out != s->n_out) return rnn_fail(err, RNN_ERR_ARG, "%s does not fit its task", net->id);
    const int rc = tool_rollout_run(&st.nets, net, &a->tr, opt.lengths, common.seed, err);
    st.n_skipped += rc == RNN_NOT_CONVERGED;
    return rc < 0 ? rc : RNN_OK;
}

/* The word of the last row of the table's column becomes the group of the network that it belongs to. */
static int take_table(const struct rnn_frame *f, struct rnn_err *err)
{
    char *name = NULL, *net = NULL;
    struct tool_rollout_net *last = st.nets.n ? &st.nets.v[st.nets.n - 1] : NULL;
    int rc = rnn_get_str(f->body, "name", &name, "", err);
    if (rc >= 0) rc = rnn_get_str(f->body, "net", &net, "", err);
    if (rc >= 0 && last && !strcmp(name, opt.table ? opt.table : "phase") && !strcmp(net, last->id)) {
        const msgpack_object *columns = rnn_find(f->body, "columns"), *c = columns ? rnn_find(columns, opt.by ? opt.by : "mechanism") : NULL;
        const msgpack_object *word = c && c->type == MSGPACK_OBJECT_ARRAY && c->via.array.size ? &c->via.array.ptr[c->via.array.size - 1] : NULL;
        if (!word || word->type != MSGPACK_OBJECT_STR) {
            rc = rnn_fail(err, RNN_ERR_ARG, "--by: table %s of %s has no column of words '%s'", name, net, opt.by ? opt.by : "mechanism");
        } else {
            free(last->group);
            last->group = rnn_asprintf("%.*s", (int)word->via.str.size, word->via.str.ptr);
            if (!last->group) rc = rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
        }
    }
    free(name);
    free(net);
    return rc;
}

static int take(const struct rnn_frame *f, struct rnn_err *err)
{
    struct rnn_net *whole;
    if (!strcmp(f->kind, "head")) return tool_arenas_clear(&st.arenas), tool_items_clear(&st.seen), RNN_OK;
    RNN_TRY(rnn_net_take(&st.open, f, &whole, err));
    if (whole) {
        const int rc = run_net(whole, err);
        rnn_net_free(whole);
        return rc;
    }
    if (!strcmp(f->kind, "table")) return take_table(f, err);
    return tool_items_frame(&st.seen, f, err);
}

static bool is_first(size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (!strcmp(st.nets.v[k].group, st.nets.v[i].group)) return false;
    return true;
}

static int write_all(struct rnn_writer *w, struct rnn_err *err)
{
    RNN_TRY(tool_rollout_write(w, &st.nets, opt.draws, common.seed, err));
    for (size_t i = 0; i < st.nets.n; i++)
        if (opt.arrays == ARRAYS_ALL || (opt.arrays == ARRAYS_FIRST && is_first(i))) RNN_TRY(tool_rollout_arrays(w, &st.nets.v[i], err));
    if (opt.pairs) RNN_TRY(tool_rollout_pairs(w, &st.nets, opt.draws, common.seed, err));
    return rnn_writer_end(w, 0, err);
}

int main(int argc, char **argv)
{
    struct rnn_err err;
    struct rnn_kvs given = {0}, build = {0};
    struct rnn_frame f;
    struct cli_parse *p = tool_start(&tool, CLI_WITH_SEED, &common, argc, argv);
    if (cli_options(p, &given, &err) < 0 || tool_build(&build, "double", &err) < 0) cli_die_err(&err);
    struct rnn_reader *r = tool_open_input(&tool, cli_arg(p, 0), &common);
    int rc;
    while ((rc = rnn_reader_next(r, &f, &err)) == RNN_OK)
        if ((rc = tool_heads_take(&st.heads, r, &f, &err)) < 0 || (rc = take(&f, &err)) < 0) tool_fail(NULL, NULL, &err);
    if (rc < 0) tool_fail(NULL, r, &err);
    if (!st.nets.n) cli_die(1, "no networks that can be run in the input");
    if (st.n_skipped) cli_warn("%zu of %zu networks left out: they diverged, are not finite or run away", st.n_skipped, st.n_skipped + st.nets.n);
    const msgpack_object *head = NULL;
    rc = tool_heads_join(&st.heads, &head, &err);
    if (rc < 0) tool_fail(NULL, NULL, &err);
    struct rnn_writer *w = tool_open_output(&common);
    rc = rnn_writer_head(w, head, tool.name, &given, &build, &err);
    if (rc >= 0) rc = write_all(w, &err);
    if (rc < 0) tool_fail(w, NULL, &err);
    tool_close_output(w);
    rnn_reader_close(r);
    tool_rollout_release(&st.nets);
    tool_arenas_release(&st.arenas);
    tool_items_clear(&st.seen);
    tool_heads_release(&st.heads);
    rnn_kvs_release(&given);
    rnn_kvs_release(&build);
    cli_release_values(p);
    cli_end(p);
    return tool_end(0);
}
