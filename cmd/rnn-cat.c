/* rnn-cat: looks into streams, checks, selects from, concatenates and converts them. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/mem.h"
#include "cli/cli.h"
#include "codec/codec.h"
#include "convert/look.h"
#include "convert/relabel.h"
#include "convert/select.h"
#include "convert/tidy.h"
#include "tool/convert.h"
#include "tool/import.h"
#include "tool/tool.h"

enum mode { CAT, INFO, NETS, CHECK, HEAD, SELECT, TO, PROV, FROM };
static const char *const commands[] = { [INFO] = "info", [NETS] = "nets", [CHECK] = "check", [HEAD] = "head", [SELECT] = "select" };

static struct options {
    size_t count, nets, expect, expect_nets;
    struct cli_strs kind, name, index;
    struct rnn_kvs label, add_label;
    bool prov;
    char *to, *table, *array;
} opt = { .count = 10 };
static struct tool_import from = TOOL_IMPORT_DEFAULT;
static struct cli_common common = CLI_COMMON_DEFAULT;

static const struct cli_opt options[] = {
    { .name = "Concatenation", .type = CLI_SECTION },
    { 0, "expect", CLI_SIZE, &opt.expect, "N", 0, 1e9, "fail unless N segments arrive (N shards make N segments)", CLI_NEUTRAL, NULL },
    { 0, "expect-nets", CLI_SIZE, &opt.expect_nets, "N", 0, 1e9, "fail unless N nets arrive", CLI_NEUTRAL, NULL },
    { 0, "add-label", CLI_KVS, &opt.add_label, "KEY=VALUE", 0, 0, "mark tasks, nets, tables and arrays; may be repeated", 0, NULL },
    { .name = "head", .type = CLI_SECTION },
    { 'n', "count", CLI_SIZE, &opt.count, "N", 1, 1e12, "the first N frames", CLI_NEUTRAL, NULL },
    { 0, "nets", CLI_SIZE, &opt.nets, "N", 1, 1e12, "the first N nets and what comes with them", CLI_NEUTRAL, NULL },
    { .name = "select", .type = CLI_SECTION },
    { 0, "kind", CLI_STRS, &opt.kind, "KIND", 0, 0, "frames of these kinds", CLI_NEUTRAL | CLI_COMMA, NULL },
    { 0, "name", CLI_STRS, &opt.name, "NAME", 0, 0, "tables, arrays and tasks of these names", CLI_NEUTRAL | CLI_COMMA, NULL },
    { 0, "index", CLI_STRS, &opt.index, "I", 0, 0, "nets of these numbers and what is theirs: numbers and ranges, as 0,3-5", CLI_NEUTRAL | CLI_COMMA, NULL },
    { 0, "label", CLI_KVS, &opt.label, "KEY=VALUE", 0, 0, "frames so labelled, or of nets so labelled; with --from, labels of the net", 0, NULL },
    { .name = "Conversion", .type = CLI_SECTION },
    { 0, "prov", CLI_FLAG, &opt.prov, NULL, 0, 0, "print the pipeline that made each segment, as shell text", CLI_NEUTRAL, NULL },
    { 0, "to", CLI_STR, &opt.to, "FORMAT", 0, 0, "write jsonl, tsv, npz, npy, mat or safetensors", CLI_NEUTRAL, NULL },
    { 0, "table", CLI_STR, &opt.table, "NAME", 0, 0, "the table to write as TSV", CLI_NEUTRAL, NULL },
    { 0, "array", CLI_STR, &opt.array, "NAME", 0, 0, "the array to write", CLI_NEUTRAL, NULL },
    TOOL_IMPORT_OPTIONS(from)
    CLI_LAST
};

static const struct cli_tool tool = {
    .name = "rnn-cat", .synopsis = "[info | nets | check | head | select] [options] [FILE ...]",
    .summary = "Looks into streams, checks, selects from, concatenates and converts them.",
    .details = "Without a command and without --to, --prov or --from, the streams are copied one after the other.",
    .opts = options, .max_args = SIZE_MAX, .version = tool_version,
};

/* Options that belong to some modes only; 1 << mode. */
static const struct { const char *name; unsigned modes; const char *why; } belongs[] = {
    { "expect", 1u << CAT | 1u << CHECK, "outside concatenation and check" }, { "expect-nets", 1u << CAT | 1u << CHECK, "outside concatenation and check" },
    { "add-label", 1u << CAT, "outside concatenation" },
    { "count", 1u << HEAD, "without head" }, { "nets", 1u << HEAD, "without head" },
    { "kind", 1u << SELECT, "without select" }, { "name", 1u << SELECT, "without select" }, { "index", 1u << SELECT, "without select" },
    { "label", 1u << SELECT | 1u << FROM, "without select or --from" },
    { "table", 1u << TO, "without --to tsv" }, { "array", 1u << TO, "without --to" },
};

static enum mode choose_mode(const struct cli_parse *p, size_t *first_file)
{
    enum mode mode = CAT;
    *first_file = 0;
    for (enum mode m = INFO; m <= SELECT; m++) {
        if (cli_n_args(p) && strcmp(cli_arg(p, 0), commands[m]) == 0) mode = m;
    }
    if (mode != CAT) *first_file = 1;
    else if (!opt.to && !opt.prov && !from.format) tool_file_or_word(cli_arg(p, 0), "info, nets, check, head, select");
    const enum mode others[] = { opt.to ? TO : CAT, opt.prov ? PROV : CAT, from.format ? FROM : CAT };
    const char *const names[] = { "--to", "--prov", "--from" };
    const char *chosen = mode != CAT ? commands[mode] : NULL;
    for (int i = 0; i < 3; i++) {
        if (others[i] == CAT) continue;
        if (chosen) cli_die(2, "%s and %s do not go together: connect two rnn-cat by a pipe", chosen, names[i]);
        chosen = names[i];
        mode = others[i];
    }
    for (size_t i = 0; i < RNN_LEN(belongs); i++) {
        if (!(belongs[i].modes & 1u << mode)) cli_refuse(p, belongs[i].name, belongs[i].why);
    }
    if (mode == HEAD) cli_exclusive(p, "count", "nets");
    if (mode != FROM) tool_import_refuse(p);
    return mode;
}

/* ---- the files, as one stream ---- */

struct source {
    const struct cli_parse *p;
    size_t next, n_open; /* position of the next file; how many were opened */
    struct rnn_reader *r;
    uint64_t base, segments, nets; /* segments before this file; so far in all */
};

static bool open_next(struct source *s)
{
    const size_t n = cli_n_args(s->p);
    if (s->n_open && s->next >= n) return false;
    if (s->r) rnn_reader_close(s->r);
    s->r = tool_open_input(&tool, s->next < n ? cli_arg(s->p, s->next) : NULL, &common);
    rnn_reader_check_ids(s->r, true);
    s->next++;
    s->n_open++;
    s->base = s->segments;
    return true;
}

/* The next frame, from the next file when one has ended; frames are numbered over all files. */
static int next_frame(struct source *s, struct rnn_frame *f, struct rnn_err *err)
{
    int rc = RNN_EOS;
    while ((s->r && (rc = rnn_reader_next(s->r, f, err)) != RNN_EOS) || open_next(s)) {
        if (rc == RNN_EOS) continue;
        if (rc < 0) return rc;
        f->segment += s->base;
        s->segments = f->segment + 1;
        s->nets += strcmp(f->kind, "net") == 0;
        return RNN_OK;
    }
    return RNN_EOS;
}

/* Ends a mode that writes no stream. */
static _Noreturn void die_reading(const struct source *s, struct rnn_err *err)
{
    const char *culprit = rnn_reader_last_tool(s->r);
    if (err->code == RNN_ERR_TRUNCATED && *culprit) cli_die(1, "%s: %s stopped early", err->msg, culprit);
    cli_die_err(err);
}

static void check_expected(const struct source *s, struct rnn_writer *w)
{
    struct rnn_err err = { 0 };
    if (opt.expect && s->segments != opt.expect) rnn_fail(&err, RNN_ERR_TRUNCATED, "--expect: %zu segments expected, %" PRIu64 " came", opt.expect, s->segments);
    else if (opt.expect_nets && s->nets != opt.expect_nets) rnn_fail(&err, RNN_ERR_TRUNCATED, "--expect-nets: %zu nets expected, %" PRIu64 " came", opt.expect_nets, s->nets);
    if (!err.code) return;
    struct rnn_err second;
    if (w) rnn_writer_head(w, NULL, NULL, NULL, NULL, &second); /* a segment that says so, for who reads this from a pipe */
    tool_fail(w, NULL, &err);
}

/* ---- streams out ---- */

/* A head that says what labels were added, and frames with them. */
static int relabel_frame(struct source *s, const struct rnn_frame *f, struct rnn_writer *w, struct rnn_bytes *out, struct rnn_err *err)
{
    struct rnn_kvs given = { 0 }, build = { 0 }, said = { .n = 1 }; /* the other options are about --from */
    bool done = false;
    out->len = 0;
    if (strcmp(f->kind, "head")) {
        RNN_TRY(rnn_relabel_append(out, f, &opt.add_label, &done, err));
        return done ? rnn_writer_raw(w, out->p, out->len, err) : rnn_writer_copy(w, f, err);
    }
    int rc = cli_options(s->p, &given, err);
    if (rc >= 0) rc = tool_build(&build, "double", err);
    for (size_t i = 0; i < given.n; i++)
        if (!strcmp(given.v[i].key, "add-label")) said.v = &given.v[i];
    if (rc >= 0) rc = rnn_writer_head(w, rnn_reader_head(s->r), tool.name, &said, &build, err);
    rnn_kvs_release(&given);
    rnn_kvs_release(&build);
    return rc;
}

/* Copies what the selector chooses (everything without one); a segment is begun by the first frame that is written in it. */
static int copy_frame(struct source *s, const struct rnn_frame *f, struct rnn_writer *w, struct rnn_selector *sel, struct rnn_bytes *chosen,
                      struct rnn_err *err)
{
    const bool is_head = strcmp(f->kind, "head") == 0, is_end = strcmp(f->kind, "end") == 0, is_error = strcmp(f->kind, "error") == 0;
    if (opt.add_label.n && !is_end && !is_error) return relabel_frame(s, f, w, chosen, err);
    if (is_head && sel) rnn_selector_segment(sel);
    chosen->len = 0;
    if (sel && !is_head && !is_end && !is_error) RNN_TRY(rnn_selector_frame(sel, f, chosen, err));
    const bool begins = !sel || chosen->len || is_error;
    if (begins && !rnn_writer_in_segment(w)) RNN_TRY(rnn_writer_head(w, rnn_reader_head(s->r), NULL, NULL, NULL, err));
    if (is_end) return rnn_writer_in_segment(w) ? rnn_writer_end(w, rnn_reader_failed(s->r), err) : RNN_OK;
    if (is_head) return RNN_OK;
    if (sel && !is_error && !chosen->len) return RNN_OK;
    return sel && !is_error ? rnn_writer_raw(w, chosen->p, chosen->len, err) : rnn_writer_copy(w, f, err);
}

static int copy_streams(struct source *s, const struct rnn_select_rule *rule)
{
    struct rnn_writer *w = tool_open_output(&common);
    struct rnn_selector *sel = NULL;
    struct rnn_bytes chosen = { 0 };
    struct rnn_frame f;
    struct rnn_err err;
    bool any = rule == NULL;
    int rc;
    if (rule && rnn_selector_new(&sel, rule, &err) < 0) cli_die_err(&err);
    while ((rc = next_frame(s, &f, &err)) == RNN_OK) {
        if (copy_frame(s, &f, w, sel, &chosen, &err) < 0) tool_fail(w, NULL, &err);
        any |= chosen.len > 0;
        if (!rnn_reader_pending(s->r) && rnn_writer_flush(w, &err) < 0) tool_fail(w, NULL, &err);
    }
    if (rc < 0 && !rnn_writer_in_segment(w) && rc != RNN_ERR_UPSTREAM) {
        struct rnn_err second;
        rnn_writer_head(w, rnn_reader_head(s->r), NULL, NULL, NULL, &second);
    }
    if (rc < 0) tool_fail(w, s->r, &err);
    if (!any) {
        rnn_fail(&err, RNN_ERR_FORMAT, "nothing was selected: no frame fits what was asked for");
        struct rnn_err second;
        rnn_writer_head(w, rnn_reader_head(s->r), NULL, NULL, NULL, &second);
        tool_fail(w, NULL, &err);
    }
    check_expected(s, w);
    rnn_selector_free(sel);
    rnn_bytes_release(&chosen);
    tool_close_output(w);
    return tool_end(0);
}

static int run_head(struct source *s)
{
    const struct rnn_select_rule rule = { .head_frames = opt.nets ? 0 : opt.count, .head_nets = opt.nets };
    return copy_streams(s, &rule);
}

static int run_select(struct source *s)
{
    struct rnn_select_range *index = NULL;
    size_t cap = 0;
    struct rnn_err err;
    for (size_t i = 0; i < opt.index.n; i++) {
        const char *text = opt.index.v[i];
        struct rnn_select_range range;
        int used = 0, used2 = 0;
        if (rnn_grow(&index, &cap, i + 1, sizeof *index, &err) < 0) cli_die_err(&err);
        const int n = sscanf(text, "%" SCNu64 "%n-%" SCNu64 "%n", &range.lo, &used, &range.hi, &used2);
        if (n == 1) range.hi = range.lo;
        if (n < 1 || text[n == 1 ? used : used2] || strspn(text, "0123456789-") != strlen(text) || *text == '-' || range.hi < range.lo) {
            cli_die(2, "--index: '%s' is neither a number nor a range such as 3-5", text);
        }
        index[i] = range;
    }
    const struct rnn_select_rule rule = { .kinds = opt.kind.v, .n_kinds = opt.kind.n, .names = opt.name.v, .n_names = opt.name.n,
                                          .labels = opt.label, .index = index, .n_index = opt.index.n };
    if (!opt.kind.n && !opt.name.n && !opt.label.n && !opt.index.n) cli_die(2, "select: say what, with --kind, --name, --label or --index");
    const int status = copy_streams(s, &rule);
    free(index);
    return status;
}

/* ---- text out ---- */

static void flush(FILE *out)
{
    errno = 0;
    if (fflush(out)) cli_die(1, "cannot write: %s: %s", common.output ? common.output : "standard output", strerror(errno));
}

static int run_text(struct source *s, int (*line)(FILE *, const struct rnn_frame *, struct rnn_err *))
{
    FILE *out = tool_open_text(&common);
    struct rnn_frame f;
    struct rnn_err err;
    int rc;
    while ((rc = next_frame(s, &f, &err)) == RNN_OK) {
        if (line(out, &f, &err) < 0) tool_fail_text(&err);
        if (!rnn_reader_pending(s->r)) flush(out);
    }
    if (rc < 0) fflush(out);
    if (rc < 0) die_reading(s, &err);
    tool_close_text(out);
    return 0;
}

static int prov_line(FILE *f, const struct rnn_frame *frame, struct rnn_err *err)
{
    return strcmp(frame->kind, "head") == 0 ? rnn_look_prov(f, frame->body, err) : RNN_OK;
}

static int run_check(struct source *s)
{
    FILE *out = tool_open_text(&common);
    struct rnn_checker c = { 0 };
    struct rnn_frame f;
    struct rnn_err err;
    int rc;
    uint64_t at = 0; /* the segment being judged */
    while ((rc = next_frame(s, &f, &err)) == RNN_OK) {
        at = f.segment;
        if ((rc = rnn_checker_frame(&c, &f, &err)) < 0) break;
        if (strcmp(f.kind, "end")) continue;
        at = f.segment + 1;
        fprintf(out, "segment %" PRIu64 ": good: %" PRIu64 " frames (%" PRIu64 " task, %" PRIu64 " trials, %" PRIu64 " net, %" PRIu64 " table, %" PRIu64
                " other), %" PRIu64 " failed, digest %08" PRIx64 "\n", f.segment, f.index, c.n_task, c.n_trials, c.n_net, c.n_table, c.n_other,
                rnn_reader_failed(s->r), rnn_reader_digest(s->r));
    }
    rnn_checker_release(&c);
    if (rc < 0) {
        fprintf(out, "segment %" PRIu64 ": broken: %s\n", at, rnn_rc_name(rc));
        fflush(out);
        die_reading(s, &err);
    }
    check_expected(s, NULL);
    tool_close_text(out);
    return 0;
}

/* The index of a file of networks: a row for each. */
static int run_nets(struct source *s)
{
    FILE *out = tool_open_text(&common);
    struct rnn_tidy t = { 0 };
    struct rnn_frame f;
    struct rnn_err err;
    int rc;
    while ((rc = next_frame(s, &f, &err)) == RNN_OK) {
        if (!strcmp(f.kind, "net") && rnn_tidy_net(&t, &f, &err) < 0) cli_die_err(&err);
    }
    if (rc < 0) die_reading(s, &err);
    if (!t.n) cli_die(1, "no networks in the input");
    if (rnn_tidy_tsv(&t, out, &err) < 0) tool_fail_text(&err);
    rnn_tidy_release(&t);
    tool_close_text(out);
    return 0;
}

static int run_convert(struct source *s)
{
    struct tool_convert *c = tool_convert_begin(opt.to, opt.table, opt.array, &common);
    struct rnn_frame f;
    struct rnn_err err;
    int rc;
    while ((rc = next_frame(s, &f, &err)) == RNN_OK) tool_convert_frame(c, &f);
    if (rc < 0) tool_convert_flush(c);
    if (rc < 0) die_reading(s, &err);
    tool_convert_end(c);
    return 0;
}

int main(int argc, char **argv)
{
    tool_begin("rnn-cat");
    struct cli_parse *p = cli_begin(&tool, 0, &common, argc, argv);
    cli_apply(p, NULL);
    struct source s = { .p = p };
    const enum mode mode = choose_mode(p, &s.next);
    cli_print_config_if_asked(p);
    int status = 0;
    switch (mode) {
    case CAT: status = copy_streams(&s, NULL); break;
    case INFO: status = run_text(&s, rnn_look_line); break;
    case NETS: status = run_nets(&s); break;
    case PROV: status = run_text(&s, prov_line); break;
    case CHECK: status = run_check(&s); break;
    case HEAD: status = run_head(&s); break;
    case SELECT: status = run_select(&s); break;
    case TO: status = run_convert(&s); break;
    case FROM: status = tool_import_run(&from, &opt.label, p, &common); break;
    }
    if (s.r) rnn_reader_close(s.r);
    cli_release_values(p);
    cli_end(p);
    return status ? status : tool_end(0);
}
