/* rnn-train: trains an ensemble of networks on the task of a stream. */
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "cli/cli.h"
#include "codec/codec.h"
#include "tool/ensemble.h"
#include "tool/train_input.h"
#include "tool/train_options.h"

static struct options {
    size_t nets;
    char *init_from, *checkpoint;
    double checkpoint_every;
    bool keep_trials;
} opt = { .nets = 1, .checkpoint_every = 30 };

static struct cli_common common = CLI_COMMON_DEFAULT;

static const struct cli_opt own_options[] = {
    { .name = "Ensemble", .type = CLI_SECTION },
    { 'n', "nets", CLI_SIZE, &opt.nets, "N", 1, 67108863, "networks to train; they differ in their random addresses", 0, NULL },
    { 0, "init-from", CLI_STR, &opt.init_from, "FILE", 0, 0, "start from the nets of FILE: one for all, or each from that of its index", CLI_FILE, NULL },
    { 0, "keep-trials", CLI_FLAG, &opt.keep_trials, NULL, 0, 0, "pass the trials of the input on", 0, NULL },
    { 0, "checkpoint", CLI_STR, &opt.checkpoint, "FILE", 0, 0, "keep finished nets in FILE and nets in training in FILE.state, and go on from them", CLI_FILE, NULL },
    { 0, "checkpoint-every", CLI_REAL, &opt.checkpoint_every, "S", 0, 86400, "seconds between writes of FILE.state", CLI_NEUTRAL, NULL },
};

/* One segment of the input, read to its end before training starts: its trials may follow its task. */
struct segment {
    struct tool_items items;
    struct rnn_bytes pass; /* frames to be passed on */
};

static struct state {
    struct cli_parse *p;
    struct rnn_reader *r;
    struct rnn_writer *w;
    struct rnn_reader *donor_reader;
    struct rnn_net **donors; size_t n_donors, cap_donors;
    struct rnn_kvs build;
    uint64_t failed;
} st;

static _Noreturn void fail(const struct rnn_err *err)
{
    tool_fail(st.w, NULL, err);
}

/* ---- donors ---- */

/* Snapshots are earlier states of a net that follows: they are no donors. */
static void add_donor(struct rnn_net *net)
{
    struct rnn_err err;
    if (rnn_kvs_find(&net->training, "snapshot")) {
        rnn_net_free(net);
        return;
    }
    if (rnn_grow(&st.donors, &st.cap_donors, st.n_donors + 1, sizeof *st.donors, &err) < 0) cli_die_err(&err);
    st.donors[st.n_donors++] = net;
}

static void read_donors(void)
{
    struct rnn_err err;
    struct rnn_frame f;
    struct rnn_net *open = NULL, *whole;
    if (rnn_reader_open(&st.donor_reader, opt.init_from, common.max_frame, &err) < 0) cli_die_err(&err);
    int rc;
    while ((rc = rnn_reader_next(st.donor_reader, &f, &err)) == RNN_OK) {
        if (rnn_net_take(&open, &f, &whole, &err) < 0) cli_die(1, "--init-from: %s: %s", opt.init_from, err.msg);
        if (whole) add_donor(whole);
    }
    if (rc < 0) cli_die(1, "--init-from: %s", err.msg);
    if (!st.n_donors) cli_die(1, "--init-from: %s: holds no nets", opt.init_from);
}

/* ---- options, once the task is known ---- */

static void apply_options(const struct rnn_train_data *d)
{
    struct rnn_err err;
    if (!train_options_apply(st.p, d)) return;
    if (!opt.init_from) cli_refuse(st.p, "load", "without --init-from");
    if (!opt.checkpoint) cli_refuse(st.p, "checkpoint-every", "without --checkpoint");
    if (opt.init_from) read_donors();
    train_options_resolve(st.p, &common, d);
    if (tool_build(&st.build, train_opt.precision ? "double" : "single", &err) < 0) cli_die_err(&err);
    if (common.print_config) {
        train_options_print_memory(stdout, d, common.jobs);
        cli_print_config_if_asked(st.p);
    }
}

/* ---- one segment ---- */

static int write_head(struct rnn_writer *w, struct rnn_err *err)
{
    struct rnn_kvs given = { 0 };
    const struct rnn_prov_input donors = { "init-from", st.donor_reader ? rnn_reader_digest(st.donor_reader) : 0,
                                           st.donor_reader ? rnn_reader_head(st.donor_reader) : NULL };
    int rc = cli_options(st.p, &given, err);
    if (rc >= 0) {
        rc = rnn_writer_head_inputs(w, rnn_reader_head(st.r), cli_tool_name, &given, &st.build, &donors, st.donor_reader != NULL, err);
    }
    rnn_kvs_release(&given);
    return rc;
}

/* What the run depends on: its head (options, build, where the input came from) and the digest of the input itself. */
static int open_checkpoint(struct tool_checkpoint **c, uint64_t lo, uint64_t hi, struct rnn_err *err)
{
    struct rnn_writer *w;
    size_t n;
    RNN_TRY(rnn_writer_open_mem(&w, err));
    int rc = write_head(w, err);
    if (rc >= 0) {
        const unsigned char *head = rnn_writer_mem(w, &n);
        char *identity = rnn_asprintf("%016llx", (unsigned long long)rnn_reader_digest(st.r));
        unsigned char *all = identity ? malloc(n + 16) : NULL;
        if (!all) cli_die(1, "out of memory");
        memcpy(all, identity, 16);
        memcpy(all + 16, head, n);
        rc = tool_checkpoint_open(c, opt.checkpoint, all, n + 16, lo, hi, opt.checkpoint_every, err);
        free(identity);
        free(all);
    }
    rnn_writer_abandon(w);
    return rc;
}

static void train_segment(struct segment *s)
{
    struct rnn_err err;
    struct tool_train_input in;
    uint64_t lo, hi;
    struct tool_checkpoint *checkpoint = NULL;
    if (tool_train_input(&in, &s->items, &err) < 0) fail(&err);
    apply_options(&in.data);
    tool_shard_range(opt.nets, common.shard_i, common.shard_n, &lo, &hi);
    if (opt.checkpoint && open_checkpoint(&checkpoint, lo, hi, &err) < 0) cli_die_err(&err);
    if (opt.checkpoint && !common.quiet) tool_last_words("interrupted: the same command goes on from its checkpoint");
    if (!st.w) st.w = tool_open_output(&common);
    const struct tool_ensemble e = { .config = &train_opt.c, .data = &in.data, .donors = st.donors, .n_donors = st.n_donors, .labels = &common.labels,
                                     .lo = lo, .hi = hi, .jobs = common.jobs, .checkpoint = checkpoint };
    int rc = write_head(st.w, &err);
    if (rc >= 0) rc = rnn_writer_raw(st.w, s->pass.p, s->pass.len, &err);
    if (rc >= 0) rc = rnn_writer_flush(st.w, &err);
    if (rc >= 0) rc = tool_ensemble_run(&e, st.w, &err);
    if (rc >= 0) rc = rnn_writer_end(st.w, st.failed, &err);
    if (rc >= 0 && checkpoint) rc = tool_checkpoint_finish(checkpoint, &err);
    if (rc < 0) fail(&err);
    tool_checkpoint_free(checkpoint);
    tool_train_input_release(&in);
}

/* A checkpoint is of one run: a second segment is looked for before the first is trained. */
static void refuse_second_segment(void)
{
    struct rnn_frame f;
    struct rnn_err err;
    if (cli_given(st.p, "checkpoint") && rnn_reader_next(st.r, &f, &err) == RNN_OK) {
        cli_die(2, "--checkpoint: the input has more than one segment");
    }
}

static int take(struct segment *s, const struct rnn_frame *f, struct rnn_err *err)
{
    const bool is_trials = !strcmp(f->kind, "trials");
    RNN_TRY(tool_refuse_numbered_net(f, "--init-from", err));
    RNN_TRY(tool_items_frame(&s->items, f, err));
    if (is_trials && !(cli_given(st.p, "keep-trials") && strcmp(cli_value(st.p, "keep-trials"), "false"))) return RNN_OK;
    return rnn_bytes_append(&s->pass, f->raw, f->raw_len, err);
}

static void read_and_train(void)
{
    struct segment s = { 0 };
    struct rnn_frame f;
    struct rnn_err err;
    int rc;
    while ((rc = rnn_reader_next(st.r, &f, &err)) == RNN_OK) {
        if (!strcmp(f.kind, "error")) tool_relay(st.p, &common, st.r, st.w, &st.build, &f, rc, &err);
        if (!strcmp(f.kind, "end")) {
            st.failed = rnn_reader_failed(st.r);
            refuse_second_segment();
            train_segment(&s);
            tool_items_clear(&s.items);
            s.pass.len = 0;
        } else if (strcmp(f.kind, "head") && take(&s, &f, &err) < 0) {
            fail(&err);
        }
    }
    if (rc < 0) tool_relay(st.p, &common, st.r, st.w, &st.build, NULL, rc, &err);
    rnn_bytes_release(&s.pass);
    tool_items_clear(&s.items);
}

int main(int argc, char **argv)
{
    tool_begin("rnn-train");
    struct cli_opt *options = train_options_with(own_options, RNN_LEN(own_options), NULL);
    const struct cli_tool tool = {
        .name = "rnn-train", .synopsis = "[options] [FILE]", .summary = "Trains an ensemble of networks on the task of a stream.",
        .opts = options, .max_args = 1, .version = tool_version,
    };
    struct cli_parse *p = cli_begin(&tool, CLI_WITH_JOBS | CLI_WITH_SEED | CLI_WITH_LABEL | CLI_WITH_SHARD, &common, argc, argv);
    st.p = p;
    st.r = tool_open_input(&tool, cli_arg(p, 0), &common);
    read_and_train();
    tool_close_output(st.w);
    rnn_reader_close(st.r);
    if (st.donor_reader) rnn_reader_close(st.donor_reader);
    for (size_t i = 0; i < st.n_donors; i++) rnn_net_free(st.donors[i]);
    free(st.donors);
    train_options_release();
    rnn_kvs_release(&st.build);
    cli_end(p);
    free(options);
    return tool_end(0);
}
