#include "tool/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <lapacke.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/mem.h"
#include "io/outfile.h"
#include "io/pipe.h"
#include "num/kernels.h"
#include "num/linalg.h"
#include "tool/internal.h"

#ifndef RNN_SUITE_VERSION
#define RNN_SUITE_VERSION "unknown"
#endif

/* A closed standard stream would be given to the next file that is opened, and messages would end up in an output.  What takes its
 * place cannot be used the way the stream is, so that reading and writing fail as they would have. */
static void hold_standard_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) >= 0) continue;
        if (open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd) _exit(1); /* the lowest that is free is fd */
    }
}

void tool_begin(const char *name)
{
    struct rnn_err err = { 0 };
    hold_standard_streams();
    cli_tool_name = name;
    tool_catch_signals();
    rnn_blas_set_threads(1);
    if (!rnn_blas_takes_threads()) cli_one_thread = "OpenBLAS is here in its serial build, which must not be called by several";
    rnn_flush_denormals();
    if (rnn_kernels_select(getenv("RNN_KERNEL"), &err) < 0) cli_die(2, "RNN_KERNEL: %s", err.msg);
}

struct cli_parse *tool_start(const struct cli_tool *tool, int with, struct cli_common *c, int argc, char **argv)
{
    tool_begin(tool->name);
    struct cli_parse *p = cli_begin(tool, with, c, argc, argv);
    cli_apply(p, NULL);
    cli_print_config_if_asked(p);
    return p;
}

static bool is_standard(const char *path)
{
    return !path || !strcmp(path, "-");
}

void tool_file_or_word(const char *given, const char *commands)
{
    if (is_standard(given) || strpbrk(given, "./") || access(given, F_OK) == 0) return;
    cli_die(1, "cannot open '%s': %s, nor is it one of %s", given, strerror(errno), commands);
}

/* A tool that reads what it writes never comes to an end ('>>' onto the input), or has lost its input already ('>'). */
static void refuse_own_output(const char *file, const struct cli_common *c)
{
    struct stat in, out;
    if (!is_standard(c->output) || fstat(STDOUT_FILENO, &out) != 0 || !S_ISREG(out.st_mode)) return;
    if ((is_standard(file) ? fstat(STDIN_FILENO, &in) : stat(file, &in)) != 0) return;
    if (in.st_dev != out.st_dev || in.st_ino != out.st_ino) return;
    cli_die(2, "%s: is standard output, too: write to another file, or with -o, which replaces it at the end", is_standard(file) ? "standard input" : file);
}

struct rnn_reader *tool_open_input(const struct cli_tool *tool, const char *file, const struct cli_common *c)
{
    struct rnn_reader *r;
    struct rnn_err err;
    if (is_standard(file) && isatty(STDIN_FILENO)) {
        cli_die(2, "no FILE, and standard input is a terminal: usage: %s %s", tool->name, tool->synopsis);
    }
    refuse_own_output(file, c);
    if (rnn_reader_open(&r, file, c->max_frame, &err) < 0) cli_die_err(&err);
    return r;
}

/* Whether a temporary may be made for path.  Opening a FIFO makes none, and waits for a reader: that must stay interruptible. */
static bool may_have_temp(const char *path)
{
    struct stat st;
    return !is_standard(path) && !(stat(path, &st) == 0 && S_ISFIFO(st.st_mode));
}

struct rnn_writer *tool_open_output(const struct cli_common *c)
{
    struct rnn_writer *w;
    struct rnn_err err;
    sigset_t signals;
    if (is_standard(c->output) && isatty(STDOUT_FILENO) && !c->force) {
        cli_die(2, "standard output is a terminal: a stream is binary: redirect it, use -o FILE, pipe it into rnn-cat, or force it with -f");
    }
    const bool hold = may_have_temp(c->output);
    if (hold) tool_block_signals(true, &signals);
    const int rc = rnn_writer_open(&w, c->output, &err);
    if (rc >= 0 && rnn_writer_temp(w)) tool_remember_temp(rnn_writer_temp(w));
    if (hold) tool_block_signals(false, &signals);
    if (rc < 0) cli_die_err(&err);
    return w;
}

/* Frees w; the name of its temporary goes with it. */
static int close_writer(struct rnn_writer *w, struct rnn_err *err)
{
    char *temp = rnn_writer_temp(w) ? rnn_strdup(rnn_writer_temp(w)) : NULL;
    const int rc = rnn_writer_close(w, err);
    if (temp) tool_forget_temp(temp);
    free(temp);
    return rc;
}

void tool_close_output(struct rnn_writer *w)
{
    struct rnn_err err;
    if (close_writer(w, &err) < 0) cli_die_err(&err);
}

/* ---- text ---- */

static struct {
    FILE *f;
    struct rnn_outfile out;
    const char *path;
} text;

int tool_make_temp(char **temp)
{
    const char *folder = getenv("TMPDIR");
    sigset_t signals;
    *temp = rnn_asprintf("%s/%s.XXXXXX", folder && *folder ? folder : "/tmp", cli_tool_name);
    if (!*temp) cli_die(1, "out of memory");
    tool_block_signals(true, &signals);
    const int fd = mkstemp(*temp), why = errno;
    if (fd >= 0) tool_remember_temp(*temp);
    tool_block_signals(false, &signals);
    if (fd < 0) cli_die(1, "cannot write '%s': %s", *temp, strerror(why));
    return fd;
}

void tool_end_temp(char *temp)
{
    unlink(temp);
    tool_forget_temp(temp);
    free(temp);
}

FILE *tool_open_text(const struct cli_common *c)
{
    sigset_t signals;
    struct rnn_err err;
    if (is_standard(c->output)) return stdout;
    const bool hold = may_have_temp(c->output);
    if (hold) tool_block_signals(true, &signals);
    const int rc = rnn_outfile_open(&text.out, c->output, &err);
    if (rc >= 0 && text.out.temp) tool_remember_temp(text.out.temp);
    if (hold) tool_block_signals(false, &signals);
    if (rc < 0) cli_die_err(&err);
    const int fd = fcntl(text.out.fd, F_DUPFD_CLOEXEC, 0);
    text.path = c->output;
    text.f = fd < 0 ? NULL : fdopen(fd, "w");
    if (!text.f) cli_die(1, "cannot write: %s: %s", text.path, strerror(errno));
    return text.f;
}

/* stdio remembers that a write failed, not why: the reason is lost when it was not the last one. */
static const char *reason(int sys)
{
    return sys ? strerror(sys) : "an earlier write failed";
}

_Noreturn void tool_fail_text(const struct rnn_err *err)
{
    if (err->code == RNN_ERR_IO) cli_die(1, "%s: %s", text.f ? text.path : "standard output", err->msg);
    cli_die_err(err);
}

void tool_close_text(FILE *f)
{
    const bool is_file = f == text.f;
    struct rnn_err err;
    errno = 0;
    bool bad = fflush(f) != 0 || ferror(f) != 0;
    const int why = errno;
    if (is_file) bad |= fclose(f) != 0; /* standard output stays open: tool_end looks at it once more */
    if (bad) cli_die(1, "cannot write: %s: %s", is_file ? text.path : "standard output", reason(why ? why : errno));
    if (!is_file) return;
    char *temp = text.out.temp ? rnn_strdup(text.out.temp) : NULL;
    if (rnn_outfile_keep(&text.out, &err) < 0) cli_die_err(&err);
    if (temp) tool_forget_temp(temp);
    free(temp);
    text.f = NULL;
}

/* ---- ends ---- */

_Noreturn void tool_fail_item(struct rnn_writer *w, struct rnn_reader *r, const char *item, const struct rnn_err *why)
{
    struct rnn_err err = *why;
    if (w && rnn_writer_in_segment(w)) {
        if (r) rnn_pipe_relay(r, w, cli_tool_name, NULL, NULL, err.code, &err);
        else rnn_pipe_fail(w, cli_tool_name, item, err.code, &err);
    }
    if (w) rnn_writer_abandon(w);
    if (item) cli_die(cli_status_of(err.code), "%s: %s", item, err.msg);
    cli_die_err(&err);
}

_Noreturn void tool_fail(struct rnn_writer *w, struct rnn_reader *r, const struct rnn_err *err)
{
    tool_fail_item(w, r, NULL, err);
}

int tool_end(uint64_t failed)
{
    errno = 0;
    bool bad = fflush(stdout) || ferror(stdout);
    if (!bad) bad = close(STDOUT_FILENO) != 0 && errno != EBADF; /* NFS and quotas may speak up as late as here; closed before: fine */
    if (bad) cli_die(1, "cannot write: standard output: %s", reason(errno));
    return failed ? 3 : 0;
}

/* ---- facts ---- */

/* "OpenBLAS 0.3.21" from "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH ..." */
static void blas_name(char out[64])
{
    const char *config = rnn_blas_config();
    size_t n = strcspn(config, " ");
    if (config[n]) n += 1 + strcspn(config + n + 1, " ");
    snprintf(out, 64, "%.*s", (int)n, config);
}

int tool_build(struct rnn_kvs *out, const char *precision, struct rnn_err *err)
{
    char blas[64];
    blas_name(blas);
    RNN_TRY(rnn_kvs_str(out, "version", RNN_SUITE_VERSION, err));
    RNN_TRY(rnn_kvs_str(out, "precision", precision, err));
    RNN_TRY(rnn_kvs_str(out, "blas", blas, err));
    RNN_TRY(rnn_kvs_str(out, "core", rnn_blas_core(), err));
    return rnn_kvs_str(out, "kernels", rnn_kernels()->name, err);
}

void tool_version(FILE *out)
{
    char blas[64];
    lapack_int major, minor, patch;
    blas_name(blas);
    LAPACKE_ilaver(&major, &minor, &patch);
    fprintf(out, "stream   %s %d.%d\n", RNN_FORMAT, RNN_FORMAT_MAJOR, RNN_FORMAT_MINOR);
    fprintf(out, "BLAS     %s, core %s\n", blas, rnn_blas_core());
    fprintf(out, "LAPACK   %d.%d.%d\n", (int)major, (int)minor, (int)patch);
    fprintf(out, "kernels  %s\n", rnn_kernels()->name);
}

void tool_shard_range(uint64_t n, uint64_t i, uint64_t N, uint64_t *lo, uint64_t *hi)
{
    *lo = (uint64_t)((unsigned __int128)n * i / N);
    *hi = (uint64_t)((unsigned __int128)n * (i + 1) / N);
}
