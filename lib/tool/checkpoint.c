#include "tool/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>
#include "base/mem.h"
#include "cli/cli.h"
#include "codec/codec.h"
#include "io/outfile.h"
#include "io/reader.h"

#define STATE_PIECE ((size_t)32 << 20) /* bytes of state per frame, far below the frame limit */
#define MAX_FRAME ((size_t)1 << 30)

struct slot { /* one net of lo .. hi-1 */
    off_t at;
    size_t len;            /* of its frames in FILE; 0: not finished */
    unsigned char *state;
    size_t n_state;
};

struct tool_checkpoint {
    pthread_mutex_t lock;
    char *path, *state_path;
    char identity[2 * RNN_ID_SIZE];
    uint64_t lo, hi;
    double every_s;
    int fd;
    off_t end;             /* bytes of FILE that count */
    struct slot *slot;     /* [hi - lo] */
};

static int fail_sys(const char *what, const char *path, struct rnn_err *err)
{
    return rnn_fail(err, RNN_ERR_IO, "%s '%s': %s", what, path, strerror(errno));
}

/* What both files begin with: a head, and a frame that names the run. */
static int begin_stream(const struct tool_checkpoint *c, struct rnn_writer *w, struct rnn_err *err)
{
    struct rnn_body b = { 0 };
    RNN_TRY(rnn_writer_head(w, NULL, NULL, NULL, NULL, err));
    rnn_body_start(&b);
    rnn_put_str(&b, "identity", c->identity);
    const int rc = rnn_writer_frame(w, "checkpoint", &b, err);
    rnn_body_release(&b);
    return rc;
}

static int check_identity(const struct tool_checkpoint *c, const struct rnn_frame *f, const char *path, struct rnn_err *err)
{
    char *id = NULL;
    if (strcmp(f->kind, "checkpoint")) return rnn_fail(err, RNN_ERR_ARG, "--checkpoint: '%s' is a stream but not a checkpoint", path);
    RNN_TRY(rnn_want_str(f->body, "identity", &id, err));
    const bool same = !strcmp(id, c->identity);
    free(id);
    if (same) return RNN_OK;
    return rnn_fail(err, RNN_ERR_ARG, "--checkpoint: '%s' belongs to a run with other options, input or build", path);
}

/* ---- FILE ---- */

static int take_mark(struct tool_checkpoint *c, const struct rnn_frame *f, off_t from, off_t to, struct rnn_err *err)
{
    uint64_t net;
    RNN_TRY(rnn_want_uint(f->body, "net", &net, err));
    if (net < c->lo || net >= c->hi) return RNN_OK;
    c->slot[net - c->lo].at = from;
    c->slot[net - c->lo].len = (size_t)(to - from);
    return RNN_OK;
}

/* Notes the finished nets of FILE and where its good part ends (0: nothing of it is good).  What follows the last mark is a
 * torn tail: no failure. */
static int scan(struct tool_checkpoint *c, struct rnn_err *err)
{
    struct rnn_reader *r;
    struct rnn_frame f;
    struct rnn_err torn;
    off_t at = 0, from = 0;
    if (lseek(c->fd, 0, SEEK_SET) < 0) return fail_sys("cannot read", c->path, err);
    RNN_TRY(rnn_reader_open_fd(&r, c->fd, c->path, MAX_FRAME, err));
    int rc = RNN_OK;
    while (rc >= 0 && rnn_reader_next(r, &f, &torn) == RNN_OK) {
        at += (off_t)f.raw_len;
        if (f.index == 0) continue;
        if (f.index == 1) rc = check_identity(c, &f, c->path, err);
        else if (!strcmp(f.kind, "mark")) rc = take_mark(c, &f, from, at - (off_t)f.raw_len, err);
        else continue;
        c->end = from = at;
    }
    rnn_reader_close(r);
    return rc;
}

/* Starts FILE.  Bytes that are there already must be a beginning of what is written: a start cut short, not another file. */
static int begin_file(struct tool_checkpoint *c, struct rnn_err *err)
{
    struct rnn_writer *w;
    unsigned char there[512];
    size_t n = 0;
    RNN_TRY(rnn_writer_open_mem(&w, err));
    int rc = begin_stream(c, w, err);
    const unsigned char *start = rnn_writer_mem(w, &n);
    const ssize_t had = pread(c->fd, there, sizeof there, 0);
    if (rc >= 0 && (had < 0 || (size_t)had >= n || memcmp(there, start, (size_t)had))) {
        rc = rnn_fail(err, RNN_ERR_ARG, "--checkpoint: '%s' exists and is not a checkpoint", c->path);
    }
    if (rc >= 0 && (lseek(c->fd, 0, SEEK_SET) < 0 || rnn_write_fully(c->fd, start, n) != 0)) rc = fail_sys("cannot write", c->path, err);
    c->end = (off_t)n;
    rnn_writer_abandon(w);
    return rc;
}

static int open_file(struct tool_checkpoint *c, struct rnn_err *err)
{
    c->fd = open(c->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (c->fd < 0) return fail_sys("cannot open", c->path, err);
    if (flock(c->fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) return rnn_fail(err, RNN_ERR_ARG, "--checkpoint: '%s' is in use by another process", c->path);
        cli_warn("--checkpoint: '%s' cannot be locked (%s): nothing keeps another process from using it, too", c->path, strerror(errno));
    }
    RNN_TRY(scan(c, err));
    if (c->end == 0) return begin_file(c, err);
    if (ftruncate(c->fd, c->end) != 0) return fail_sys("cannot cut", c->path, err);
    return RNN_OK;
}

/* ---- FILE.state ---- */

static int take_state(struct tool_checkpoint *c, const struct rnn_frame *f, struct rnn_err *err)
{
    uint64_t net, first, total;
    struct rnn_array bytes;
    RNN_TRY(rnn_want_uint(f->body, "net", &net, err));
    RNN_TRY(rnn_want_uint(f->body, "first", &first, err));
    RNN_TRY(rnn_want_uint(f->body, "total", &total, err));
    RNN_TRY(rnn_view_array(rnn_find(f->body, "bytes"), &bytes, err));
    if (net < c->lo || net >= c->hi || c->slot[net - c->lo].len) return RNN_OK;
    struct slot *s = &c->slot[net - c->lo];
    const size_t n = rnn_array_bytes(&bytes);
    if (first == 0) {
        free(s->state);
        s->n_state = (size_t)total;
        RNN_TRY(rnn_alloc_into(&s->state, s->n_state, 1, err));
    }
    if (!s->state || total != s->n_state || first > total || n > total - first) return rnn_fail(err, RNN_ERR_FORMAT, "pieces of a state do not fit");
    memcpy(s->state + first, bytes.data, n);
    return RNN_OK;
}

static int read_state(struct tool_checkpoint *c, struct rnn_err *err)
{
    struct rnn_reader *r;
    struct rnn_frame f;
    if (access(c->state_path, F_OK) != 0) return RNN_OK;
    RNN_TRY(rnn_reader_open(&r, c->state_path, MAX_FRAME, err));
    int rc;
    while ((rc = rnn_reader_next(r, &f, err)) == RNN_OK) {
        if (f.index == 1) rc = check_identity(c, &f, c->state_path, err);
        else if (!strcmp(f.kind, "state")) rc = take_state(c, &f, err);
        if (rc < 0) break;
    }
    rnn_reader_close(r);
    return rc < 0 ? rc : RNN_OK;
}

static int append_state(struct rnn_writer *w, uint64_t net, const struct slot *s, struct rnn_err *err)
{
    struct rnn_body b = { 0 };
    int rc = RNN_OK;
    for (size_t at = 0; rc >= 0 && at < s->n_state; at += STATE_PIECE) {
        const size_t n = s->n_state - at < STATE_PIECE ? s->n_state - at : STATE_PIECE;
        rnn_body_start(&b);
        rnn_put_uint(&b, "net", net);
        rnn_put_uint(&b, "first", at);
        rnn_put_uint(&b, "total", s->n_state);
        rnn_put_array(&b, "bytes", RNN_U8, 1, &n, s->state + at);
        rc = rnn_writer_frame(w, "state", &b, err);
    }
    rnn_body_release(&b);
    return rc;
}

static int states_as_stream(const struct tool_checkpoint *c, struct rnn_writer *w, struct rnn_err *err)
{
    RNN_TRY(begin_stream(c, w, err));
    for (uint64_t i = 0; i < c->hi - c->lo; i++) {
        if (c->slot[i].state) RNN_TRY(append_state(w, c->lo + i, &c->slot[i], err));
    }
    return rnn_writer_end(w, 0, err);
}

static int write_states(struct tool_checkpoint *c, struct rnn_err *err)
{
    struct rnn_writer *w;
    size_t n;
    RNN_TRY(rnn_writer_open_mem(&w, err));
    int rc = states_as_stream(c, w, err);
    if (rc >= 0) {
        const unsigned char *p = rnn_writer_mem(w, &n);
        rc = rnn_outfile_put(c->state_path, p, n, err);
    }
    rnn_writer_abandon(w);
    return rc;
}

/* ---- the calls ---- */

void tool_checkpoint_free(struct tool_checkpoint *c)
{
    if (!c) return;
    for (uint64_t i = 0; c->slot && i < c->hi - c->lo; i++) free(c->slot[i].state);
    free(c->slot);
    if (c->fd >= 0) close(c->fd);
    free(c->path);
    free(c->state_path);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

int tool_checkpoint_open(struct tool_checkpoint **out, const char *path, const void *identity, size_t n, uint64_t lo, uint64_t hi,
                         double every_s, struct rnn_err *err)
{
    struct tool_checkpoint *c;
    RNN_TRY(rnn_alloc_into(&c, 1, sizeof *c, err));
    pthread_mutex_init(&c->lock, NULL);
    c->fd = -1;
    c->lo = lo;
    c->hi = hi;
    c->every_s = every_s;
    rnn_id_of(identity, n, c->identity);
    c->path = rnn_strdup(path);
    c->state_path = rnn_asprintf("%s.state", path);
    int rc = c->path && c->state_path ? RNN_OK : rnn_fail(err, RNN_ERR_NOMEM, "no memory for a checkpoint");
    if (rc >= 0) rc = rnn_alloc_into(&c->slot, (size_t)(hi - lo), sizeof *c->slot, err);
    if (rc >= 0) rc = open_file(c, err);
    if (rc >= 0) rc = read_state(c, err);
    if (rc < 0) {
        tool_checkpoint_free(c);
        return rc;
    }
    *out = c;
    return RNN_OK;
}

int tool_checkpoint_find(struct tool_checkpoint *c, uint64_t net, struct rnn_bytes *out, bool *found, struct rnn_err *err)
{
    pthread_mutex_lock(&c->lock);
    const struct slot s = c->slot[net - c->lo];
    pthread_mutex_unlock(&c->lock);
    *found = s.len > 0;
    if (!*found) return RNN_OK;
    RNN_TRY(rnn_grow(&out->p, &out->cap, out->len + s.len, 1, err));
    for (size_t at = 0; at < s.len;) {
        const ssize_t k = pread(c->fd, out->p + out->len + at, s.len - at, s.at + (off_t)at);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) return fail_sys("cannot read", c->path, err);
        at += (size_t)k;
    }
    out->len += s.len;
    return RNN_OK;
}

const unsigned char *tool_checkpoint_state(struct tool_checkpoint *c, uint64_t net, size_t *len)
{
    pthread_mutex_lock(&c->lock);
    const struct slot *s = &c->slot[net - c->lo];
    const unsigned char *p = s->state;
    *len = s->n_state;
    pthread_mutex_unlock(&c->lock);
    return p;
}

bool tool_checkpoint_due(const struct tool_checkpoint *c, double *last)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    const double now = (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
    if (now - *last < c->every_s) return false;
    *last = now;
    return true;
}

int tool_checkpoint_save(struct tool_checkpoint *c, uint64_t net, const unsigned char *state, size_t len, struct rnn_err *err)
{
    struct slot *s = &c->slot[net - c->lo];
    unsigned char *copy;
    RNN_TRY(rnn_alloc_into(&copy, len, 1, err));
    memcpy(copy, state, len);
    pthread_mutex_lock(&c->lock);
    free(s->state);
    s->state = copy;
    s->n_state = len;
    const int rc = write_states(c, err);
    pthread_mutex_unlock(&c->lock);
    return rc;
}

static int append_mark(struct rnn_bytes *out, uint64_t net, size_t bytes, struct rnn_err *err)
{
    struct rnn_body b = { 0 };
    rnn_body_start(&b);
    rnn_put_uint(&b, "net", net);
    rnn_put_uint(&b, "bytes", bytes);
    const int rc = rnn_frame_append(out, "mark", &b, err);
    rnn_body_release(&b);
    return rc;
}

int tool_checkpoint_done(struct tool_checkpoint *c, uint64_t net, const struct rnn_bytes *frames, struct rnn_err *err)
{
    struct slot *s = &c->slot[net - c->lo];
    struct rnn_bytes mark = { 0 };
    int rc = append_mark(&mark, net, frames->len, err);
    pthread_mutex_lock(&c->lock);
    if (rc >= 0 && (lseek(c->fd, c->end, SEEK_SET) < 0 || rnn_write_fully(c->fd, frames->p, frames->len) != 0 ||
                    rnn_write_fully(c->fd, mark.p, mark.len) != 0)) {
        rc = fail_sys("cannot write", c->path, err);
    }
    if (rc >= 0) {
        s->at = c->end;
        s->len = frames->len;
        c->end += (off_t)(frames->len + mark.len);
        free(s->state);
        s->state = NULL;
        s->n_state = 0;
    }
    pthread_mutex_unlock(&c->lock);
    rnn_bytes_release(&mark);
    return rc;
}

int tool_checkpoint_finish(struct tool_checkpoint *c, struct rnn_err *err)
{
    if (fsync(c->fd) != 0) return fail_sys("cannot write", c->path, err);
    if (unlink(c->state_path) != 0 && errno != ENOENT) return fail_sys("cannot remove", c->state_path, err);
    return RNN_OK;
}
