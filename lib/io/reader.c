#include "io/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <msgpack/unpack.h>
#include <msgpack/zone.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <libdeflate.h>
#include "base/mem.h"
#include "io/check.h"
#include "io/ids.h"
#include "io/walk.h"

enum state { AT_START, IN_SEGMENT, BETWEEN, AFTER_ERROR };

#define READ_CHUNK ((size_t)256 << 10)
#define ZONE_CHUNK ((size_t)32 << 10)

struct rnn_reader {
    int fd; /* -1: memory */
    bool owns_fd, eof, check_ids;
    char *name;
    size_t max_frame;
    unsigned char *buf; /* owned when fd >= 0 */
    size_t cap, start, end; /* bytes [start, end) are read and not consumed */
    size_t consumed;        /* length of the frame given last, dropped by the next call */
    uint32_t crc;           /* of the bytes [start, start + crc_at): follows the bytes in while they are in cache */
    size_t crc_at;
    struct rnn_scan scan; /* of the frame at start */
    msgpack_zone zone, head_zone;
    unsigned char *head_bytes;
    msgpack_object body, head;
    bool has_head;
    enum state state;
    char *last_tool;
    uint32_t digest;
    uint64_t frames, segments, end_digest, end_failed;
    struct rnn_ids ids;
    struct rnn_err failure; /* code 0 until a failure, which then repeats */
};

/* ---- opening and closing ---- */

static int new_reader(struct rnn_reader **out, int fd, const char *name, size_t max_frame, struct rnn_err *err)
{
    *out = NULL;
    struct rnn_reader *r = calloc(1, sizeof *r);
    if (!r || !(r->name = rnn_strdup(name)) || !(r->last_tool = rnn_strdup(""))) {
        rnn_reader_close(r);
        return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    }
    r->fd = fd;
    r->max_frame = max_frame ? max_frame : RNN_FRAME_MAX_DEFAULT;
    if (r->max_frame > SIZE_MAX / 4) r->max_frame = SIZE_MAX / 4; /* sums of sizes cannot wrap below this */
    if (!msgpack_zone_init(&r->zone, ZONE_CHUNK) || !msgpack_zone_init(&r->head_zone, ZONE_CHUNK)) {
        rnn_reader_close(r);
        return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    }
    *out = r;
    return RNN_OK;
}

int rnn_reader_open_fd(struct rnn_reader **r, int fd, const char *name, size_t max_frame, struct rnn_err *err)
{
    RNN_TRY(new_reader(r, fd, name, max_frame, err));
#ifdef F_SETPIPE_SZ
    fcntl(fd, F_SETPIPE_SZ, 1 << 20); /* a pipe three times as fast; anything else refuses, and that is fine */
#endif
    return RNN_OK;
}

int rnn_reader_open(struct rnn_reader **r, const char *path, size_t max_frame, struct rnn_err *err)
{
    if (!path || strcmp(path, "-") == 0) return rnn_reader_open_fd(r, STDIN_FILENO, "standard input", max_frame, err);
    *r = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return rnn_fail_sys(err, RNN_ERR_IO, errno, "cannot open '%s'", path);
    int rc = rnn_reader_open_fd(r, fd, path, max_frame, err);
    if (rc < 0) close(fd);
    else (*r)->owns_fd = true;
    return rc;
}

int rnn_reader_open_mem(struct rnn_reader **r, const void *p, size_t len, size_t max_frame, struct rnn_err *err)
{
    RNN_TRY(new_reader(r, -1, "memory", max_frame, err));
    (*r)->buf = (void *)(uintptr_t)p; /* borrowed, never written or freed */
    (*r)->end = len;
    (*r)->eof = true;
    return RNN_OK;
}

void rnn_reader_close(struct rnn_reader *r)
{
    if (!r) return;
    if (r->owns_fd) close(r->fd);
    if (r->fd >= 0) free(r->buf);
    if (r->zone.chunk_list.head) msgpack_zone_destroy(&r->zone);
    if (r->head_zone.chunk_list.head) msgpack_zone_destroy(&r->head_zone);
    rnn_ids_release(&r->ids);
    free(r->head_bytes);
    free(r->last_tool);
    free(r->name);
    free(r);
}

const char *rnn_reader_last_tool(const struct rnn_reader *r)
{
    return r->last_tool;
}

const msgpack_object *rnn_reader_head(const struct rnn_reader *r)
{
    return r->has_head ? &r->head : NULL;
}

uint64_t rnn_reader_digest(const struct rnn_reader *r)
{
    return r->end_digest;
}

uint64_t rnn_reader_failed(const struct rnn_reader *r)
{
    return r->end_failed;
}

void rnn_reader_check_ids(struct rnn_reader *r, bool on)
{
    r->check_ids = on;
}

/* ---- bytes ---- */

/* Room to read on, when the frame at start needs `need` bytes.  Grows by doubling what has really arrived, so that five
 * hostile bytes that announce a gigabyte cost a chunk. */
static int make_room(struct rnn_reader *r, size_t need, struct rnn_err *err)
{
    size_t have = r->end - r->start, missing = need - have;
    size_t least = missing < READ_CHUNK ? missing : READ_CHUNK;
    if (r->cap - r->end >= least) return RNN_OK;
    if (have && r->start) memmove(r->buf, r->buf + r->start, have);
    r->start = 0;
    r->end = have;
    if (r->cap - have >= least) return RNN_OK;
    size_t want = need + READ_CHUNK, doubled = 2 * have + 2 * READ_CHUNK;
    if (want > doubled) want = doubled;
    unsigned char *p = realloc(r->buf, want);
    if (!p) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory for a frame of %zu bytes or more", need);
    r->buf = p;
    r->cap = want;
    return RNN_OK;
}

/* Reads once, knowing that the frame at start needs `need` bytes.  Sets eof. */
static int read_some(struct rnn_reader *r, size_t need, struct rnn_err *err)
{
    RNN_TRY(make_room(r, need, err));
    size_t missing = need - (r->end - r->start), room = r->cap - r->end;
    size_t ask = missing < READ_CHUNK ? READ_CHUNK : missing;
    if (ask > 4 * READ_CHUNK) ask = 4 * READ_CHUNK; /* the crc of what came is taken while it is in cache */
    ssize_t n;
    do n = read(r->fd, r->buf + r->end, ask < room ? ask : room);
    while (n < 0 && errno == EINTR);
    if (n < 0) return rnn_fail_sys(err, RNN_ERR_IO, errno, "reading failed");
    r->eof = n == 0;
    r->end += (size_t)n;
    return RNN_OK;
}

/* Takes the crc along up to `upto` bytes of the frame. */
static void follow_crc(struct rnn_reader *r, size_t upto)
{
    if (upto <= r->crc_at) return;
    r->crc = libdeflate_crc32(r->crc, r->buf + r->start + r->crc_at, upto - r->crc_at);
    r->crc_at = upto;
}

/* Drops the frame given last. */
static void consume(struct rnn_reader *r)
{
    if (!r->consumed) return;
    r->start += r->consumed;
    r->consumed = 0;
    r->scan = (struct rnn_scan){0};
    r->crc = 0;
    r->crc_at = 0;
}

/* ---- the failures, each said once and well ---- */

static int fail_end(struct rnn_reader *r, struct rnn_err *err)
{
    if (r->state == AT_START && r->end == r->start) {
        return rnn_fail(err, RNN_ERR_TRUNCATED, r->owns_fd ? "the file is empty" : "no bytes: the command before wrote nothing, or FILE was forgotten");
    }
    if (r->state != IN_SEGMENT) return rnn_fail(err, RNN_ERR_TRUNCATED, "the stream ends inside a frame");
    return rnn_fail(err, RNN_ERR_TRUNCATED, "the stream ends early, after %" PRIu64 " whole frames%s%s", r->frames,
                    *r->last_tool ? " from " : "", r->last_tool);
}

/* Adds where: the input's name, and the frame when it is known. */
static int fail_here(struct rnn_reader *r, int rc, struct rnn_err *err)
{
    if (err->code == RNN_ERR_FORMAT && r->scan.at == 0 && r->state == AT_START) {
        rnn_fail(err, rc, "%s: not an %s: %s", r->name, RNN_FORMAT, err->msg);
    } else if (err->code == RNN_ERR_FORMAT && r->scan.at == 0 && r->state == BETWEEN) {
        rnn_fail(err, rc, "%s: bytes after the end that are not another segment: %s", r->name, err->msg);
    } else if (rc == RNN_ERR_TRUNCATED || rc == RNN_ERR_UPSTREAM || rc == RNN_ERR_IO) {
        int sys = err->sys;
        rnn_fail(err, rc, "%s: %s", r->name, err->msg);
        err->sys = sys;
    } else {
        rnn_fail(err, rc, "%s: frame %" PRIu64 "%s%s: %s", r->name, r->frames, *r->scan.kind ? " " : "", r->scan.kind, err->msg);
    }
    r->failure = *err;
    return rc;
}

/* ---- frames ---- */

/* Brings one whole frame to r->start.  RNN_EOS: none follows. */
static int fetch(struct rnn_reader *r, struct rnn_err *err)
{
    size_t need;
    for (;;) {
        size_t have = r->end - r->start;
        int rc = rnn_scan_frame(&r->scan, r->buf + r->start, have, r->max_frame, &need, err);
        if (rc != RNN_EOS) return rc;
        if (r->fd >= 0 && need > have) follow_crc(r, have < need - 5 ? have : need - 5);
        if (r->eof && have == 0 && r->state == BETWEEN) return RNN_EOS;
        if (r->eof) return fail_end(r, err);
        RNN_TRY(read_some(r, need, err));
    }
}

static int unpack(const unsigned char *p, size_t len, msgpack_zone *zone, msgpack_object *out, struct rnn_err *err)
{
    size_t off = 0;
    msgpack_zone_clear(zone);
    msgpack_unpack_return rc = msgpack_unpack((const char *)p, len, &off, zone, out);
    if (rc == MSGPACK_UNPACK_NOMEM_ERROR) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    if ((rc != MSGPACK_UNPACK_SUCCESS && rc != MSGPACK_UNPACK_EXTRA_BYTES) || off != len) {
        return rnn_fail(err, RNN_ERR_FORMAT, "the body is not well-formed msgpack");
    }
    return RNN_OK;
}

/* Format name and version first: a newer format may differ in everything else. */
static int check_version(const msgpack_object *head, struct rnn_err *err)
{
    const msgpack_object *format = rnn_find(head, "format"), *version = rnn_find(head, "version");
    if (!format || format->type != MSGPACK_OBJECT_STR || !rnn_key_is(format, RNN_FORMAT)) {
        return rnn_fail(err, RNN_ERR_FORMAT, "the head does not say format '%s'", RNN_FORMAT);
    }
    if (!version || version->type != MSGPACK_OBJECT_ARRAY || version->via.array.size < 2) {
        return rnn_fail(err, RNN_ERR_FORMAT, "the head has no version [major, minor]");
    }
    const msgpack_object *v = version->via.array.ptr;
    if (v[0].type != MSGPACK_OBJECT_POSITIVE_INTEGER || v[1].type != MSGPACK_OBJECT_POSITIVE_INTEGER) {
        return rnn_fail(err, RNN_ERR_FORMAT, "the version in the head is not of integers");
    }
    if (v[0].via.u64 == RNN_FORMAT_MAJOR) return RNN_OK;
    return rnn_fail(err, RNN_ERR_VERSION, "format version %" PRIu64 ".%" PRIu64 "; this suite reads version %d", v[0].via.u64,
                    v[1].via.u64, RNN_FORMAT_MAJOR);
}

/* The provenance, when there is any, is a list of maps that each name a tool. */
static int check_prov(struct rnn_reader *r, struct rnn_err *err)
{
    const msgpack_object *prov = rnn_find(&r->head, "prov");
    char *tool = NULL;
    if (prov && prov->type != MSGPACK_OBJECT_ARRAY) return rnn_fail(err, RNN_ERR_FORMAT, "prov is not a list");
    for (uint32_t i = 0; prov && i < prov->via.array.size; i++) {
        free(tool);
        int rc = rnn_want_str(&prov->via.array.ptr[i], "tool", &tool, err);
        if (rc < 0) return rnn_fail(err, rc, "prov: %s", err->msg);
    }
    if (!tool && !(tool = rnn_strdup(""))) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    free(r->last_tool);
    r->last_tool = tool;
    return RNN_OK;
}

/* Keeps a copy of the head for as long as its segment lasts. */
static int begin_segment(struct rnn_reader *r, const unsigned char *body, size_t len, struct rnn_err *err)
{
    if (r->state == IN_SEGMENT) return rnn_fail(err, RNN_ERR_TRUNCATED, "a segment without end: another head begins after %" PRIu64 " frames", r->frames);
    RNN_TRY(check_version(&r->body, err));
    r->has_head = false;
    unsigned char *copy = malloc(len);
    if (!copy) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    memcpy(copy, body, len);
    free(r->head_bytes);
    r->head_bytes = copy;
    RNN_TRY(unpack(copy, len, &r->head_zone, &r->head, err));
    RNN_TRY(check_prov(r, err));
    r->has_head = true;
    r->state = IN_SEGMENT;
    r->frames = 0;
    r->digest = 0;
    return RNN_OK;
}

static int end_segment(struct rnn_reader *r, struct rnn_err *err)
{
    uint64_t frames, digest;
    RNN_TRY(rnn_want_uint(&r->body, "frames", &frames, err));
    RNN_TRY(rnn_want_uint(&r->body, "digest", &digest, err));
    RNN_TRY(rnn_get_uint(&r->body, "failed", &r->end_failed, 0, err));
    if (frames != r->frames) {
        return rnn_fail(err, RNN_ERR_CHECKSUM, "%" PRIu64 " frames came where %" PRIu64 " were written", r->frames, frames);
    }
    if (digest != r->digest) return rnn_fail(err, RNN_ERR_CHECKSUM, "frames are missing, doubled or out of order");
    r->end_digest = digest;
    r->state = BETWEEN;
    r->segments++;
    return RNN_OK;
}

/* What the call after an `error` frame will say. */
static int upstream_failure(struct rnn_reader *r, struct rnn_err *err)
{
    char *tool, *message;
    RNN_TRY(rnn_want_str(&r->body, "tool", &tool, err));
    int rc = rnn_get_str(&r->body, "message", &message, "", err);
    if (rc == RNN_OK) {
        rnn_fail(&r->failure, RNN_ERR_UPSTREAM, "%s: %s failed%s%s", r->name, *tool ? tool : "an earlier command",
                 *message ? ": " : "", message);
        free(message);
    }
    free(tool);
    if (rc == RNN_OK) r->state = AFTER_ERROR;
    return rc;
}

static int advance(struct rnn_reader *r, const unsigned char *body, size_t len, struct rnn_err *err)
{
    const char *kind = r->scan.kind;
    if (strcmp(kind, "head") == 0) return begin_segment(r, body, len, err);
    if (r->state != IN_SEGMENT) return rnn_fail(err, RNN_ERR_FORMAT, "a segment begins with head");
    if (strcmp(kind, "end") == 0) return end_segment(r, err);
    if (strcmp(kind, "error") == 0) return upstream_failure(r, err);
    return RNN_OK;
}

static int take_frame(struct rnn_reader *r, struct rnn_frame *f, struct rnn_err *err)
{
    const struct rnn_scan *s = &r->scan;
    const unsigned char *raw = r->buf + r->start;
    size_t body_len = s->len - 5 - s->at;
    follow_crc(r, s->len - 5);
    if (r->crc != s->crc) return rnn_fail(err, RNN_ERR_CHECKSUM, "the crc does not match: bytes were changed on the way");
    RNN_TRY(unpack(raw + s->at, body_len, &r->zone, &r->body, err));
    RNN_TRY(rnn_check_body(&r->body, err));
    uint64_t segment = r->segments;
    RNN_TRY(advance(r, raw + s->at, body_len, err));
    *f = (struct rnn_frame){.kind = s->kind, .body = &r->body, .raw = raw, .raw_len = s->len, .crc = s->crc,
                            .index = r->frames, .segment = segment};
    if (r->check_ids) RNN_TRY(rnn_ids_frame(&r->ids, f, err));
    unsigned char be[4] = {(unsigned char)(s->crc >> 24), (unsigned char)(s->crc >> 16), (unsigned char)(s->crc >> 8),
                           (unsigned char)s->crc};
    r->digest = libdeflate_crc32(r->digest, be, sizeof be);
    r->frames++;
    r->consumed = s->len;
    return RNN_OK;
}

int rnn_reader_next(struct rnn_reader *r, struct rnn_frame *f, struct rnn_err *err)
{
    if (r->failure.code) {
        *err = r->failure;
        return err->code;
    }
    consume(r);
    err->code = RNN_OK;
    int rc = fetch(r, err);
    if (rc == RNN_EOS) return rc;
    if (rc == RNN_OK) rc = take_frame(r, f, err);
    if (rc == RNN_OK && r->state == AFTER_ERROR) return rc; /* r->failure waits for the next call */
    return rc < 0 ? fail_here(r, rc, err) : rc;
}

bool rnn_reader_pending(struct rnn_reader *r)
{
    struct rnn_err ignored;
    size_t need;
    if (r->failure.code || r->eof) return true;
    consume(r);
    return rnn_scan_frame(&r->scan, r->buf + r->start, r->end - r->start, r->max_frame, &need, &ignored) != RNN_EOS;
}
