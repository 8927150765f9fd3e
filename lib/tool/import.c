#include "tool/import.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <libdeflate.h>
#include "base/mem.h"
#include "codec/codec.h"
#include "convert/import.h"
#include "convert/mat.h"
#include "convert/npz.h"
#include "convert/safetensors.h"
#include "tool/internal.h"

static const char *const its_options[] = { "from", "task", "map", "cell", "activation", "alpha", "dt", "tau", "readout", "read", "read-latent",
    "rank-scale", "noise", "noise-where", "noise-scale", "h0", "h0-sd", "h0-transform" };

void tool_import_refuse(const struct cli_parse *p)
{
    for (size_t i = 0; i < RNN_LEN(its_options); i++) cli_refuse(p, its_options[i], "without --from");
}

/* Options that say nothing about the net that is being made. */
static void check_options(const struct tool_import *x, const struct cli_parse *p)
{
    const bool leaks = x->cell == RNN_LEAKY || x->cell == RNN_LEAKY_CURRENT;
    if (!leaks) cli_refuse(p, "alpha", "on cells without a leak (--cell leaky, leaky-current)");
    if (!leaks) cli_refuse(p, "tau", "on cells without a leak (--cell leaky, leaky-current)");
    if (!leaks && x->noise_scale != RNN_NOISE_SQRT_DT) cli_refuse(p, "dt", "on cells without a leak, unless noise scales by it");
    if (x->noise == 0) cli_refuse(p, "noise-where", "without --noise");
    if (x->noise == 0) cli_refuse(p, "noise-scale", "without --noise");
    cli_exclusive(p, "alpha", "tau");
    if (cli_n_args(p) > 1) cli_die(2, "--from reads one FILE, and here are %zu", cli_n_args(p));
}

static struct rnn_spec spec_of(const struct tool_import *x, const struct rnn_task *task)
{
    struct rnn_spec s;
    rnn_spec_default(&s);
    s.cell = (enum rnn_cell)x->cell;
    s.act = (enum rnn_act)x->act;
    s.readout = (enum rnn_readout)x->readout;
    s.read = (enum rnn_read_when)x->read;
    s.rank_scale = (enum rnn_rank_scale)x->rank_scale;
    s.read_latent = x->read_latent;
    s.noise_rec = x->noise;
    s.noise_where = (enum rnn_noise_where)x->noise_where;
    s.noise_scale = (enum rnn_noise_scale)x->noise_scale;
    s.h0 = (enum rnn_h0_law)x->h0;
    s.h0_sd = x->h0_sd;
    s.h0_transform = (enum rnn_h0_transform)x->h0_transform;
    s.dt_ms = s.tau_ms = x->dt_ms > 0 ? x->dt_ms : task && task->dt_ms > 0 ? task->dt_ms : 1;
    if (s.cell == RNN_LEAKY || s.cell == RNN_LEAKY_CURRENT) {
        s.alpha = x->alpha > 0 ? x->alpha : x->tau_ms > 0 ? s.dt_ms / x->tau_ms : NAN; /* NaN: an array must say */
        s.tau_ms = x->tau_ms > 0 ? x->tau_ms : s.dt_ms / s.alpha;
    }
    return s;
}

/* The one task of a stream, its frame and where it comes from. */
struct side { struct rnn_task *task; struct rnn_bytes raw; struct rnn_reader *r; struct rnn_prov_input prov; };

static int open_task(struct side *s, const char *path, const struct cli_common *c, struct rnn_err *err)
{
    struct rnn_frame f;
    int rc;
    RNN_TRY(rnn_reader_open(&s->r, path, c->max_frame, err));
    while ((rc = rnn_reader_next(s->r, &f, err)) == RNN_OK) {
        if (strcmp(f.kind, "task")) continue;
        if (s->task) return rnn_fail(err, RNN_ERR_FORMAT, "%s holds more than one task", path);
        RNN_TRY(rnn_task_decode(f.body, &s->task, err));
        RNN_TRY(rnn_bytes_append(&s->raw, f.raw, f.raw_len, err));
    }
    if (rc < 0) return rc;
    if (!s->task) return rnn_fail(err, RNN_ERR_FORMAT, "%s holds no task", path);
    s->prov = (struct rnn_prov_input){ "task", rnn_reader_digest(s->r), rnn_reader_head(s->r) };
    return RNN_OK;
}

static int write_stream(struct rnn_writer *w, const struct rnn_net *net, const struct side *side, const struct rnn_prov_input *in, size_t n_in,
                        const struct cli_parse *p, struct rnn_err *err)
{
    struct rnn_kvs opts = { 0 }, build = { 0 };
    int rc = cli_options(p, &opts, err);
    if (rc >= 0) rc = tool_build(&build, net->precision_bits == 32 ? "single" : "double", err);
    if (rc >= 0) rc = rnn_writer_head_inputs(w, NULL, "rnn-cat", &opts, &build, in, n_in, err);
    if (rc >= 0 && side->task) rc = rnn_writer_raw(w, side->raw.p, side->raw.len, err);
    if (rc >= 0) rc = rnn_net_write(w, net, err);
    if (rc >= 0) rc = rnn_writer_end(w, 0, err);
    rnn_kvs_release(&opts);
    rnn_kvs_release(&build);
    return rc;
}

/* matio reads files by name only: what came through a pipe becomes one. */
static int read_mat(const char *file, const unsigned char *p, size_t len, struct rnn_named_list *l, struct rnn_err *err)
{
    if (strcmp(file, "-") != 0) return rnn_mat_read(file, p, len, l, err);
    char *temp;
    FILE *f = fdopen(tool_make_temp(&temp), "wb");
    int rc = f ? rnn_put_bytes(f, p, len, err) : rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    if (f && fclose(f) != 0 && rc >= 0) rc = rnn_fail_sys(err, RNN_ERR_IO, errno, "cannot write '%s'", temp);
    if (rc >= 0) rc = rnn_mat_read(temp, p, len, l, err);
    tool_end_temp(temp);
    return rc;
}

/* The crc of a file's bytes stands for a digest: files that are not streams have none. */
static int read_arrays(const char *format, const char *file, struct rnn_named_list *l, uint64_t *crc, struct rnn_err *err)
{
    unsigned char *p = NULL;
    size_t len = 0;
    RNN_TRY(rnn_slurp(file, &p, &len, err));
    *crc = libdeflate_crc32(0, p, len);
    int rc;
    if (!len) rc = rnn_fail(err, RNN_ERR_TRUNCATED, "no bytes");
    else if (strcmp(format, "npz") == 0) rc = rnn_npz_parse(p, len, l, err);
    else if (strcmp(format, "mat") == 0) rc = read_mat(file, p, len, l, err);
    else rc = rnn_safetensors_parse(p, len, l, err);
    free(p);
    return rc;
}

int tool_import_run(const struct tool_import *x, const struct rnn_kvs *labels, const struct cli_parse *p, const struct cli_common *c)
{
    struct rnn_named_list l = { 0 };
    struct rnn_net *net = NULL;
    struct side side = { 0 };
    struct rnn_err err;
    char *unused = NULL;
    const char *file = cli_n_args(p) ? cli_arg(p, 0) : "-";
    struct rnn_prov_input in[2] = { { .option = "from" } };
    if (strcmp(x->format, "npz") && strcmp(x->format, "safetensors") && strcmp(x->format, "mat")) {
        cli_die(2, "--from %s: expected npz, safetensors or mat", x->format);
    }
    check_options(x, p);
    if (!strcmp(file, "-") && isatty(STDIN_FILENO)) cli_die(2, "--from: no FILE, and standard input is a terminal");
    int rc = read_arrays(x->format, file, &l, &in[0].digest, &err);
    const char *name = strcmp(file, "-") ? file : "standard input";
    if (rc < 0 && err.code == RNN_ERR_IO) cli_die(1, "--from: %s", err.msg); /* names the file */
    if (rc < 0) cli_die(1, "--from: %s: %s", name, err.msg);
    if (x->task && open_task(&side, x->task, c, &err) < 0) cli_die(1, "--task: %s", err.msg);
    if (side.task) in[1] = side.prov;
    const struct rnn_import import = { .spec = spec_of(x, side.task), .h0_given = cli_given(p, "h0"), .map = &x->map, .labels = labels, .task = side.task };
    if (rnn_import_net(&l, &import, &net, &unused, &err) < 0) cli_die(err.code == RNN_ERR_ARG ? 2 : 1, "--from: %s: %s", name, err.msg);
    if (unused) cli_warn("--from: %s: arrays without a place in the net: %s (give them one with --map)", name, unused);
    if (!rnn_named_find(&l, "W_out") && !rnn_kvs_find(&x->map, "W_out")) cli_warn("--from: %s: no W_out: the read-out is zero", name);
    struct rnn_writer *w = tool_open_output(c);
    if (write_stream(w, net, &side, in, side.task ? 2 : 1, p, &err) < 0) tool_fail(w, NULL, &err);
    tool_close_output(w);
    rnn_net_free(net);
    rnn_task_free(side.task);
    rnn_bytes_release(&side.raw);
    if (side.r) rnn_reader_close(side.r);
    rnn_named_release(&l);
    free(unused);
    return 0;
}
