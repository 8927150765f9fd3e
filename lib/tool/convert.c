#include "tool/convert.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/mem.h"
#include "convert/gather.h"
#include "convert/mat.h"
#include "convert/npz.h"
#include "convert/safetensors.h"
#include "convert/text.h"
#include "convert/tidy.h"
#include "tool/internal.h"

enum format { JSONL, TSV, NPZ, NPY, MAT, SAFETENSORS, N_FORMATS };
static const char *const formats[N_FORMATS] = { "jsonl", "tsv", "npz", "npy", "mat", "safetensors" };

struct tool_convert {
    enum format format;
    const char *table, *array;
    FILE *out;
    struct rnn_gather *all;
    struct rnn_tidies tables;
};

struct tool_convert *tool_convert_begin(const char *format, const char *table, const char *array, const struct cli_common *c)
{
    struct tool_convert *t;
    struct rnn_err err;
    int k = 0;
    while (k < N_FORMATS && strcmp(formats[k], format)) k++;
    if (k == N_FORMATS) cli_die(2, "--to %s: expected jsonl, tsv, npz, npy, mat or safetensors", format);
    if (table && k != TSV) cli_die(2, "--table: has no effect without --to tsv");
    if (array && (k == TSV || k == JSONL)) cli_die(2, "--array: has no effect with --to %s", format);
    const bool to_stdout = !c->output || !strcmp(c->output, "-");
    if (k >= NPZ && to_stdout && isatty(STDOUT_FILENO) && !c->force) {
        cli_die(2, "standard output is a terminal: %s is binary: redirect it, use -o FILE, or force it with -f", format);
    }
    if (rnn_alloc_into(&t, 1, sizeof *t, &err) < 0 || (k >= NPZ && rnn_gather_new(&t->all, &err) < 0)) cli_die_err(&err);
    t->format = (enum format)k;
    t->table = table;
    t->array = array;
    t->out = tool_open_text(c);
    return t;
}

void tool_convert_frame(struct tool_convert *t, const struct rnn_frame *f)
{
    struct rnn_err err;
    int rc = RNN_OK;
    if (t->format == JSONL) rc = rnn_json_line(t->out, f, &err);
    else if (t->format != TSV) rc = rnn_gather_frame(t->all, f, &err);
    else if (strcmp(f->kind, "table") == 0) rc = rnn_tidies_add(&t->tables, f->body, &err);
    if (rc < 0) tool_fail_text(&err);
}

void tool_convert_flush(struct tool_convert *t)
{
    fflush(t->out);
}

/* ---- choosing one of several by name ---- */

struct names { char *text; size_t n; };

static void add_name(struct names *to, const char *name)
{
    if (++to->n > 40) return; /* a message, not a catalogue */
    char *more = to->n == 40 ? rnn_asprintf("%s, ...", to->text) : rnn_asprintf("%s%s%s", to->text ? to->text : "", to->text ? ", " : "", name);
    free(to->text);
    to->text = more;
}

static _Noreturn void die_choosing(const char *what, const char *wanted, const struct names *there)
{
    const char *list = there->text ? there->text : "none";
    if (wanted) cli_die(1, "--%s: the stream holds no %s '%s'; it holds: %s", what, what, wanted, list);
    if (there->n == 0) cli_die(1, "the stream holds no %s", what);
    cli_die(2, "the stream holds %zu %ss: choose one with --%s: %s", there->n, what, what, list);
}

static void write_tsv(const struct tool_convert *t)
{
    struct names there = { 0 };
    struct rnn_err err;
    for (size_t i = 0; i < t->tables.n; i++) add_name(&there, t->tables.v[i].name);
    const struct rnn_tidy *one = t->table ? rnn_tidies_find(&t->tables, t->table) : t->tables.n == 1 ? &t->tables.v[0] : NULL;
    if (!one) die_choosing("table", t->table, &there);
    if (rnn_tidy_tsv(one, t->out, &err) < 0) tool_fail_text(&err);
    free(there.text);
}

/* Keeps the array that was asked for; for npy there must be one. */
static void keep_chosen(struct rnn_named_list *l, const struct tool_convert *t)
{
    struct names there = { 0 };
    if (!t->array && (t->format != NPY || l->n == 1)) return;
    for (size_t i = 0; i < l->n; i++) {
        add_name(&there, l->v[i].name);
        if (!t->array || strcmp(l->v[i].name, t->array)) continue;
        const struct rnn_named one = l->v[i];
        l->v[i] = l->v[0];
        l->v[0] = one;
        struct rnn_named_list rest = { .n = l->n - 1 };
        struct rnn_err err;
        if (rnn_grow(&rest.v, &rest.cap, rest.n + 1, sizeof *rest.v, &err) < 0) cli_die_err(&err);
        memcpy(rest.v, l->v + 1, rest.n * sizeof *rest.v);
        rnn_named_release(&rest);
        l->n = 1;
        free(there.text);
        return;
    }
    die_choosing("array", t->array, &there);
}

/* matio writes files by name only (and HDF5 below it wants one that realpath finds): a temporary one, then its bytes. */
static int write_mat(FILE *out, const struct rnn_named_list *l, struct rnn_err *err)
{
    char *temp, buf[1 << 16];
    const int fd = tool_make_temp(&temp);
    ssize_t n;
    int rc = rnn_mat_write(temp, l, err);
    while (rc >= 0 && (n = read(fd, buf, sizeof buf)) != 0) {
        if (n > 0) rc = rnn_put_bytes(out, buf, (size_t)n, err);
        else if (errno != EINTR) rc = rnn_fail_sys(err, RNN_ERR_IO, errno, "mat: cannot read %s", temp);
    }
    close(fd);
    tool_end_temp(temp);
    return rc;
}

static void write_arrays(struct tool_convert *t)
{
    struct rnn_named_list l = { 0 };
    struct rnn_err err;
    size_t skipped = 0;
    int rc = rnn_gather_finish(t->all, &l, &err);
    if (rc < 0) cli_die_err(&err);
    keep_chosen(&l, t);
    switch (t->format) {
    case NPZ: rc = rnn_npz_write(t->out, &l, &err); break;
    case NPY: rc = rnn_npy_write(t->out, &l.v[0], &err); break;
    case MAT: rc = write_mat(t->out, &l, &err); break;
    default: rc = rnn_safetensors_write(t->out, &l, &skipped, &err); break;
    }
    if (rc < 0) tool_fail_text(&err);
    if (skipped) cli_warn("safetensors has no strings: %zu column%s left out", skipped, skipped == 1 ? " was" : "s were");
    rnn_named_release(&l);
}

void tool_convert_end(struct tool_convert *t)
{
    if (t->format == TSV) write_tsv(t);
    else if (t->format != JSONL) write_arrays(t);
    tool_close_text(t->out);
    rnn_tidies_release(&t->tables);
    rnn_gather_free(t->all);
    free(t);
}
