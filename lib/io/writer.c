#include "io/writer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <libdeflate.h>
#include "base/mem.h"
#include "io/check.h"
#include "io/outfile.h"
#include "io/walk.h"

#define BUFFER ((size_t)256 << 10)

enum state { OUTSIDE, INSIDE, ENDED_IN_ERROR };

struct rnn_writer {
    struct rnn_outfile out; /* its fd is -1: memory */
    char *name;
    struct rnn_bytes buf;     /* what is not yet written; with memory: everything */
    struct rnn_body body;     /* of the frames that the writer makes itself */
    enum state state;
    uint64_t frames, segments;
    uint32_t digest;
    uint64_t failed_segment, failed_total;
    size_t block;
    struct rnn_err failure;
};

/* ---- opening ---- */

static int new_writer(struct rnn_writer **out, const char *name, struct rnn_err *err)
{
    *out = NULL;
    struct rnn_writer *w = calloc(1, sizeof *w);
    if (!w || !(w->name = rnn_strdup(name))) {
        free(w);
        return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    }
    w->out.fd = -1;
    *out = w;
    return RNN_OK;
}

static void free_writer(struct rnn_writer *w)
{
    rnn_body_release(&w->body);
    rnn_bytes_release(&w->buf);
    free(w->name);
    free(w);
}

int rnn_writer_open_mem(struct rnn_writer **w, struct rnn_err *err)
{
    return new_writer(w, "memory", err);
}

int rnn_writer_open(struct rnn_writer **w, const char *path, struct rnn_err *err)
{
    const bool is_stdout = !path || strcmp(path, "-") == 0;
    RNN_TRY(new_writer(w, is_stdout ? "standard output" : path, err));
    const int rc = rnn_outfile_open(&(*w)->out, path, err);
    if (rc >= 0) return rc;
    free_writer(*w);
    *w = NULL;
    return rc;
}

const char *rnn_writer_temp(const struct rnn_writer *w)
{
    return w->out.temp;
}

/* ---- bytes ---- */

static int stick(struct rnn_writer *w, int rc, struct rnn_err *err)
{
    if (rc < 0 && w->failure.code == 0) w->failure = *err;
    return rc;
}

static int write_all(struct rnn_writer *w, const unsigned char *p, size_t n, struct rnn_err *err)
{
    if (rnn_write_fully(w->out.fd, p, n) == 0) return RNN_OK;
    return stick(w, rnn_fail_sys(err, RNN_ERR_IO, errno, "writing %s failed", w->name), err);
}

int rnn_writer_flush(struct rnn_writer *w, struct rnn_err *err)
{
    if (w->failure.code) {
        *err = w->failure;
        return err->code;
    }
    if (w->out.fd < 0 || w->buf.len == 0) return RNN_OK;
    size_t n = w->buf.len;
    w->buf.len = 0;
    return write_all(w, w->buf.p, n, err);
}

static int emit(struct rnn_writer *w, const void *p, size_t n, struct rnn_err *err)
{
    size_t need;
    if (w->out.fd >= 0 && w->buf.len + n > BUFFER) RNN_TRY(rnn_writer_flush(w, err));
    if (w->out.fd >= 0 && n > BUFFER) return write_all(w, p, n, err);
    if (!rnn_add_size(w->buf.len, n, &need)) return stick(w, rnn_fail(err, RNN_ERR_NOMEM, "out of memory"), err);
    RNN_TRY(stick(w, rnn_grow(&w->buf.p, &w->buf.cap, need, 1, err), err));
    if (n) memcpy(w->buf.p + w->buf.len, p, n);
    w->buf.len = need;
    return RNN_OK;
}

static void count_frame(struct rnn_writer *w, uint32_t crc)
{
    unsigned char be[4] = {(unsigned char)(crc >> 24), (unsigned char)(crc >> 16), (unsigned char)(crc >> 8), (unsigned char)crc};
    w->digest = libdeflate_crc32(w->digest, be, sizeof be);
    w->frames++;
}

/* ---- frames ---- */

/* 0x93 and the kind as a fixstr; returns its length. */
static int frame_start(const char *kind, unsigned char head[33], size_t *len, struct rnn_err *err)
{
    size_t n = strlen(kind);
    if (n < 1 || n > 31) return rnn_fail(err, RNN_ERR_ARG, "a kind has 1 to 31 bytes, unlike '%.60s'", kind);
    head[0] = 0x93;
    head[1] = (unsigned char)(0xa0 | n);
    memcpy(head + 2, kind, n);
    *len = n + 2;
    return RNN_OK;
}

static uint32_t frame_end(const unsigned char *head, size_t head_len, const struct rnn_body *b, unsigned char tail[5])
{
    uint32_t crc = libdeflate_crc32(libdeflate_crc32(0, head, head_len), b->p, b->len);
    tail[0] = 0xce;
    for (int i = 0; i < 4; i++) tail[1 + i] = (unsigned char)(crc >> (24 - 8 * i));
    return crc;
}

static int check_size(const char *kind, const struct rnn_body *b, struct rnn_err *err)
{
    if (b->len <= RNN_FRAME_MAX_DEFAULT - 64) return RNN_OK;
    return rnn_fail(err, RNN_ERR_LIMIT, "a %s frame of %zu bytes is more than readers take (%zu)", kind, b->len, RNN_FRAME_MAX_DEFAULT);
}

static int put_frame(struct rnn_writer *w, const char *kind, struct rnn_body *b, struct rnn_err *err)
{
    unsigned char head[33], tail[5];
    size_t n = 0;
    if (w->failure.code) {
        *err = w->failure;
        return err->code;
    }
    RNN_TRY(rnn_body_finish(b, err));
    RNN_TRY(frame_start(kind, head, &n, err));
    RNN_TRY(check_size(kind, b, err));
    uint32_t crc = frame_end(head, n, b, tail);
    RNN_TRY(emit(w, head, n, err));
    RNN_TRY(emit(w, b->p, b->len, err));
    RNN_TRY(emit(w, tail, sizeof tail, err));
    count_frame(w, crc);
    return RNN_OK;
}

static bool is_structural(const char *kind)
{
    return strcmp(kind, "head") == 0 || strcmp(kind, "end") == 0 || strcmp(kind, "error") == 0;
}

static int want_inside(struct rnn_writer *w, const char *kind, struct rnn_err *err)
{
    if (w->failure.code) {
        *err = w->failure;
        return err->code;
    }
    if (w->state == INSIDE) return RNN_OK;
    return rnn_fail(err, RNN_ERR_ARG, "a %s frame was to be written outside a segment", kind);
}

int rnn_writer_frame(struct rnn_writer *w, const char *kind, struct rnn_body *b, struct rnn_err *err)
{
    if (is_structural(kind)) return rnn_fail(err, RNN_ERR_ARG, "'%s' frames have calls of their own", kind);
    RNN_TRY(want_inside(w, kind, err));
    return put_frame(w, kind, b, err);
}

int rnn_writer_copy(struct rnn_writer *w, const struct rnn_frame *f, struct rnn_err *err)
{
    RNN_TRY(want_inside(w, f->kind, err));
    bool is_error = strcmp(f->kind, "error") == 0;
    if (is_structural(f->kind) && !is_error) return rnn_fail(err, RNN_ERR_ARG, "'%s' frames are made, not copied", f->kind);
    RNN_TRY(emit(w, f->raw, f->raw_len, err));
    count_frame(w, f->crc);
    if (!is_error) return RNN_OK;
    w->state = ENDED_IN_ERROR;
    return rnn_writer_flush(w, err);
}

int rnn_writer_raw(struct rnn_writer *w, const void *frame, size_t len, struct rnn_err *err)
{
    const unsigned char *p = frame;
    RNN_TRY(want_inside(w, "raw", err));
    for (size_t at = 0; at < len;) {
        struct rnn_scan s = {0};
        size_t need;
        int rc = rnn_scan_frame(&s, p + at, len - at, RNN_FRAME_MAX_DEFAULT, &need, err);
        if (rc == RNN_EOS) rc = rnn_fail(err, RNN_ERR_ARG, "raw bytes end inside a frame");
        if (rc == RNN_OK && is_structural(s.kind)) rc = rnn_fail(err, RNN_ERR_ARG, "raw bytes hold a '%s' frame", s.kind);
        RNN_TRY(rc);
        RNN_TRY(emit(w, p + at, s.len, err));
        count_frame(w, s.crc);
        at += s.len;
    }
    return RNN_OK;
}

int rnn_bytes_append(struct rnn_bytes *out, const void *p, size_t len, struct rnn_err *err)
{
    if (len == 0) return RNN_OK;
    RNN_TRY(rnn_grow(&out->p, &out->cap, out->len + len, 1, err));
    memcpy(out->p + out->len, p, len);
    out->len += len;
    return RNN_OK;
}

int rnn_frame_append(struct rnn_bytes *out, const char *kind, struct rnn_body *b, struct rnn_err *err)
{
    unsigned char head[33], tail[5];
    size_t n = 0;
    RNN_TRY(rnn_body_finish(b, err));
    RNN_TRY(frame_start(kind, head, &n, err));
    RNN_TRY(check_size(kind, b, err));
    frame_end(head, n, b, tail);
    RNN_TRY(rnn_grow(&out->p, &out->cap, out->len + n + b->len + sizeof tail, 1, err)); /* all of it or nothing */
    RNN_TRY(rnn_bytes_append(out, head, n, err));
    RNN_TRY(rnn_bytes_append(out, b->p, b->len, err));
    return rnn_bytes_append(out, tail, sizeof tail, err);
}

void rnn_bytes_release(struct rnn_bytes *b)
{
    free(b->p);
    *b = (struct rnn_bytes){0};
}

/* ---- head, end, error ---- */

static void put_prov_list(struct rnn_body *b, const msgpack_object *head)
{
    const msgpack_object *prov = rnn_find(head, "prov");
    for (uint32_t i = 0; prov && prov->type == MSGPACK_OBJECT_ARRAY && i < prov->via.array.size; i++) {
        rnn_put_object(b, NULL, &prov->via.array.ptr[i]);
    }
}

static void put_prov_entry(struct rnn_body *b, const char *tool, const struct rnn_kvs *options, const struct rnn_kvs *build,
                           const struct rnn_prov_input *in, size_t n_in)
{
    rnn_put_map(b, NULL);
    rnn_put_str(b, "tool", tool);
    rnn_put_str(b, "version", RNN_SUITE_VERSION);
    rnn_put_kvs(b, "options", options);
    rnn_put_kvs(b, "build", build);
    if (n_in) rnn_put_list(b, "inputs");
    for (size_t i = 0; i < n_in; i++) {
        rnn_put_map(b, NULL);
        rnn_put_str(b, "option", in[i].option);
        rnn_put_uint(b, "digest", in[i].digest);
        rnn_put_list(b, "prov");
        put_prov_list(b, in[i].head);
        rnn_put_close(b);
        rnn_put_close(b);
    }
    if (n_in) rnn_put_close(b);
    rnn_put_close(b);
}

/* The keys of the input's head that this suite does not know. */
static void put_unknown(struct rnn_body *b, const msgpack_object *head)
{
    for (uint32_t i = 0; head && i < head->via.map.size; i++) {
        const msgpack_object_kv *e = &head->via.map.ptr[i];
        if (e->key.type != MSGPACK_OBJECT_STR || rnn_key_is(&e->key, "format") || rnn_key_is(&e->key, "version") ||
            rnn_key_is(&e->key, "prov")) continue;
        char *key = rnn_asprintf("%.*s", (int)e->key.via.str.size, e->key.via.str.ptr);
        if (key) rnn_put_object(b, key, &e->val);
        else rnn_fail(&b->err, RNN_ERR_NOMEM, "out of memory");
        free(key);
    }
}

int rnn_writer_head_inputs(struct rnn_writer *w, const msgpack_object *in_head, const char *tool, const struct rnn_kvs *options,
                           const struct rnn_kvs *build, const struct rnn_prov_input *in, size_t n_in, struct rnn_err *err)
{
    struct rnn_body *b = &w->body;
    if (w->state != OUTSIDE) return rnn_fail(err, RNN_ERR_ARG, "a segment was begun inside a segment");
    rnn_body_start(b);
    rnn_put_str(b, "format", RNN_FORMAT);
    rnn_put_list(b, "version");
    rnn_put_int(b, NULL, RNN_FORMAT_MAJOR);
    rnn_put_int(b, NULL, RNN_FORMAT_MINOR);
    rnn_put_close(b);
    rnn_put_list(b, "prov");
    put_prov_list(b, in_head);
    if (tool) put_prov_entry(b, tool, options, build, in, n_in);
    rnn_put_close(b);
    put_unknown(b, in_head);
    w->frames = 0;
    w->digest = 0;
    w->failed_segment = 0;
    RNN_TRY(put_frame(w, "head", b, err));
    w->state = INSIDE;
    w->segments++;
    return RNN_OK;
}

int rnn_writer_head(struct rnn_writer *w, const msgpack_object *in_head, const char *tool, const struct rnn_kvs *options,
                    const struct rnn_kvs *build, struct rnn_err *err)
{
    return rnn_writer_head_inputs(w, in_head, tool, options, build, NULL, 0, err);
}

void rnn_writer_count_failed(struct rnn_writer *w, uint64_t n)
{
    w->failed_segment += n;
    w->failed_total += n;
}

uint64_t rnn_writer_failed(const struct rnn_writer *w)
{
    return w->failed_total;
}

int rnn_writer_end(struct rnn_writer *w, uint64_t failed, struct rnn_err *err)
{
    struct rnn_body *b = &w->body;
    RNN_TRY(want_inside(w, "end", err));
    rnn_body_start(b);
    rnn_put_uint(b, "frames", w->frames);
    rnn_put_uint(b, "failed", failed + w->failed_segment);
    rnn_put_uint(b, "digest", w->digest);
    RNN_TRY(put_frame(w, "end", b, err));
    w->state = OUTSIDE;
    return rnn_writer_flush(w, err);
}

int rnn_writer_error(struct rnn_writer *w, const char *tool, const char *status, const char *message, const char *item,
                     struct rnn_err *err)
{
    struct rnn_body *b = &w->body;
    RNN_TRY(want_inside(w, "error", err));
    rnn_body_start(b);
    rnn_put_str(b, "tool", tool);
    rnn_put_str(b, "status", status);
    rnn_put_str(b, "message", message);
    rnn_put_str(b, "item", item ? item : "");
    RNN_TRY(put_frame(w, "error", b, err));
    w->state = ENDED_IN_ERROR;
    return rnn_writer_flush(w, err);
}

/* ---- looking and closing ---- */

bool rnn_writer_in_segment(const struct rnn_writer *w)
{
    return w->state == INSIDE;
}

const unsigned char *rnn_writer_mem(const struct rnn_writer *w, size_t *len)
{
    *len = w->buf.len;
    return w->buf.p;
}

void rnn_writer_set_block(struct rnn_writer *w, size_t bytes)
{
    w->block = bytes;
}

size_t rnn_writer_block(const struct rnn_writer *w)
{
    return w->block ? w->block : RNN_FRAME_TARGET;
}

int rnn_writer_close(struct rnn_writer *w, struct rnn_err *err)
{
    const bool is_whole = w->state == OUTSIDE && w->segments > 0, is_file = w->out.path != NULL;
    int rc = rnn_writer_flush(w, err);
    if (rc == RNN_OK && is_file && !is_whole && w->state != ENDED_IN_ERROR)
        rc = rnn_fail(err, RNN_ERR_ARG, "'%s' was closed before its stream was complete", w->name);
    if (rc == RNN_OK && (is_whole || !is_file)) rc = rnn_outfile_keep(&w->out, err);
    else rnn_outfile_drop(&w->out);
    free_writer(w);
    return rc;
}

void rnn_writer_abandon(struct rnn_writer *w)
{
    if (!w) return;
    rnn_outfile_drop(&w->out);
    free_writer(w);
}
