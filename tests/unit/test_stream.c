/* The stream's promises: bytes that anyone can write and read, and no damage that goes unseen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include "base/mem.h"
#include "io/outfile.h"
#include "io/reader.h"
#include "io/table.h"
#include "io/writer.h"

/* head, array {name: x, value: float32 [[0,1,2],[3,4,5]]}, end: made by msgpack 1.0.3, msgpack-numpy 0.4.8 and Python's zlib. */
static const unsigned char golden[] =
    "\x93\xa4\x68\x65\x61\x64\x83\xa6\x66\x6f\x72\x6d\x61\x74\xaa\x72\x6e\x6e\x2d\x73\x74\x72\x65\x61\x6d\xa7\x76\x65\x72\x73"
    "\x69\x6f\x6e\x92\x01\x00\xa4\x70\x72\x6f\x76\x90\xce\x4b\x62\xcf\x00\x93\xa5\x61\x72\x72\x61\x79\x82\xa4\x6e\x61\x6d\x65"
    "\xa1\x78\xa5\x76\x61\x6c\x75\x65\x85\xc4\x02\x6e\x64\xc3\xc4\x04\x74\x79\x70\x65\xa3\x3c\x66\x34\xc4\x04\x6b\x69\x6e\x64"
    "\xc4\x00\xc4\x05\x73\x68\x61\x70\x65\x92\x02\x03\xc4\x04\x64\x61\x74\x61\xc4\x18\x00\x00\x00\x00\x00\x00\x80\x3f\x00\x00"
    "\x00\x40\x00\x00\x40\x40\x00\x00\x80\x40\x00\x00\xa0\x40\xce\x18\xa0\x24\x58\x93\xa3\x65\x6e\x64\x83\xa6\x66\x72\x61\x6d"
    "\x65\x73\x02\xa6\x66\x61\x69\x6c\x65\x64\x00\xa6\x64\x69\x67\x65\x73\x74\xce\x35\xcf\xea\x0f\xce\xd0\xc2\xc8\xff";
#define GOLDEN_LEN (sizeof golden - 1)

static struct rnn_err err;

static void ok(int rc)
{
    if (rc != RNN_OK) fail_msg("%s: %s", rnn_rc_name(rc), err.msg);
}

/* Reads to the end or the first failure. */
static int drain(const void *p, size_t len)
{
    struct rnn_reader *r;
    struct rnn_frame f;
    int rc;
    /* an exact copy, so that a sanitizer sees every read past the end */
    unsigned char *copy = malloc(len ? len : 1);
    if (len) memcpy(copy, p, len);
    ok(rnn_reader_open_mem(&r, copy, len, 0, &err));
    while ((rc = rnn_reader_next(r, &f, &err)) == RNN_OK) {}
    rnn_reader_close(r);
    free(copy);
    return rc;
}

static struct rnn_bytes take(struct rnn_writer *w)
{
    struct rnn_bytes b = {0};
    size_t n;
    const unsigned char *p = rnn_writer_mem(w, &n);
    ok(rnn_grow(&b.p, &b.cap, n, 1, &err));
    memcpy(b.p, p, n);
    b.len = n;
    ok(rnn_writer_close(w, &err));
    return b;
}

/* A small stream of every shape of body: nested maps, arrays, lists of str, reals, unsigned 64-bit. */
static struct rnn_bytes sample(void)
{
    struct rnn_writer *w;
    struct rnn_kvs options = {0};
    struct rnn_body b = {0};
    ok(rnn_kvs_uint(&options, "seed", UINT64_MAX, &err));
    ok(rnn_kvs_real(&options, "lr", 1e-3, &err));
    ok(rnn_writer_open_mem(&w, &err));
    ok(rnn_writer_head(w, NULL, "taskgen", &options, NULL, &err));
    rnn_body_start(&b);
    rnn_put_str(&b, "id", "t1");
    rnn_put_kvs(&b, "params", &options);
    ok(rnn_writer_frame(w, "task", &b, &err));
    for (int k = 0; k < 2; k++) {
        double v[] = {k, 2, 3};
        rnn_body_start(&b);
        rnn_put_str(&b, "id", k ? "n1" : "n0");
        rnn_put_str(&b, "task", "t1");
        rnn_put_array(&b, "W_rec", RNN_F64, 1, (size_t[]){3}, v);
        rnn_put_strs(&b, "names", (const char *const[]){"a", "b"}, 2);
        ok(rnn_writer_frame(w, "net", &b, &err));
    }
    ok(rnn_writer_end(w, 0, &err));
    rnn_body_release(&b);
    rnn_kvs_release(&options);
    return take(w);
}

/* Offsets of the frames of a good stream; n+1 of them. */
static size_t frame_offsets(const struct rnn_bytes *s, size_t *at)
{
    struct rnn_reader *r;
    struct rnn_frame f;
    size_t n = 0;
    at[0] = 0;
    ok(rnn_reader_open_mem(&r, s->p, s->len, 0, &err));
    while (rnn_reader_next(r, &f, &err) == RNN_OK) {
        at[n + 1] = at[n] + f.raw_len;
        n++;
    }
    rnn_reader_close(r);
    assert_int_equal(at[n], s->len);
    return n;
}

static void writes_the_golden_bytes(void **state)
{
    (void)state;
    struct rnn_writer *w;
    struct rnn_body b = {0};
    const float v[] = {0, 1, 2, 3, 4, 5};
    ok(rnn_writer_open_mem(&w, &err));
    ok(rnn_writer_head(w, NULL, NULL, NULL, NULL, &err));
    rnn_body_start(&b);
    rnn_put_str(&b, "name", "x");
    rnn_put_array(&b, "value", RNN_F32, 2, (size_t[]){2, 3}, v);
    ok(rnn_writer_frame(w, "array", &b, &err));
    ok(rnn_writer_end(w, 0, &err));
    struct rnn_bytes s = take(w);
    assert_int_equal(s.len, GOLDEN_LEN);
    assert_memory_equal(s.p, golden, s.len);
    rnn_bytes_release(&s);
    rnn_body_release(&b);
}

static void reads_the_golden_bytes(void **state)
{
    (void)state;
    struct rnn_reader *r;
    struct rnn_frame f;
    struct rnn_array a;
    ok(rnn_reader_open_mem(&r, golden, GOLDEN_LEN, 0, &err));
    ok(rnn_reader_next(r, &f, &err));
    assert_string_equal(f.kind, "head");
    ok(rnn_reader_next(r, &f, &err));
    ok(rnn_want_array(f.body, "value", &a, &err));
    assert_int_equal(a.ndim, 2);
    assert_int_equal(a.shape[1], 3);
    for (size_t i = 0; i < 6; i++) assert_true(rnn_array_get(&a, i) == (double)i);
    rnn_array_release(&a);
    ok(rnn_reader_next(r, &f, &err));
    assert_int_equal(rnn_reader_digest(r), 0x35cfea0f);
    assert_int_equal(rnn_reader_next(r, &f, &err), RNN_EOS);
    assert_int_equal(rnn_reader_next(r, &f, &err), RNN_EOS);
    rnn_reader_close(r);
}

static void every_prefix_is_truncated(void **state)
{
    (void)state;
    struct rnn_bytes s = sample();
    for (size_t cut = 0; cut < s.len; cut++) {
        int rc = drain(s.p, cut);
        if (rc != RNN_ERR_TRUNCATED) fail_msg("cut at %zu: %s", cut, rnn_rc_name(rc));
    }
    assert_int_equal(drain(s.p, s.len), RNN_EOS);
    rnn_bytes_release(&s);
}

static void every_flipped_bit_is_seen(void **state)
{
    (void)state;
    struct rnn_bytes s = sample();
    for (size_t bit = 0; bit < 8 * s.len; bit++) {
        s.p[bit / 8] ^= (unsigned char)(1 << bit % 8);
        int rc = drain(s.p, s.len);
        if (rc >= 0) fail_msg("bit %zu of byte %zu: %s", bit % 8, bit / 8, rnn_rc_name(rc));
        s.p[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    rnn_bytes_release(&s);
}

/* The frames of s in the given order; returns what a reader makes of it. */
static int drain_order(const struct rnn_bytes *s, const size_t *at, const size_t *order, size_t n)
{
    struct rnn_bytes t = {0};
    for (size_t k = 0; k < n; k++) {
        size_t len = at[order[k] + 1] - at[order[k]];
        ok(rnn_grow(&t.p, &t.cap, t.len + len, 1, &err));
        memcpy(t.p + t.len, s->p + at[order[k]], len);
        t.len += len;
    }
    int rc = drain(t.p, t.len);
    rnn_bytes_release(&t);
    return rc;
}

static void every_dropped_doubled_swapped_frame_is_seen(void **state)
{
    (void)state;
    struct rnn_bytes s = sample();
    size_t at[16], order[17], n = frame_offsets(&s, at);
    assert_int_equal(n, 5);
    for (size_t x = 0; x < n; x++) {
        size_t m = 0;
        for (size_t k = 0; k < n; k++) if (k != x) order[m++] = k;
        assert_true(drain_order(&s, at, order, m) < 0);
        m = 0;
        for (size_t k = 0; k < n; k++) {
            order[m++] = k;
            if (k == x) order[m++] = k;
        }
        assert_true(drain_order(&s, at, order, m) < 0);
        for (size_t y = x + 1; y < n; y++) {
            for (size_t k = 0; k < n; k++) order[k] = k == x ? y : k == y ? x : k;
            assert_true(drain_order(&s, at, order, n) < 0);
        }
    }
    for (size_t k = 0; k < n; k++) order[k] = k;
    assert_int_equal(drain_order(&s, at, order, n), RNN_EOS);
    rnn_bytes_release(&s);
}

static void segments_concatenate(void **state)
{
    (void)state;
    struct rnn_bytes s = sample();
    unsigned char *two = malloc(2 * s.len + 1);
    memcpy(two, s.p, s.len);
    memcpy(two + s.len, s.p, s.len);
    assert_int_equal(drain(two, 2 * s.len), RNN_EOS);
    for (int byte = 0; byte < 256; byte++) {
        two[2 * s.len] = (unsigned char)byte;
        assert_true(drain(two, 2 * s.len + 1) < 0);
    }
    for (size_t cut = s.len + 1; cut < 2 * s.len; cut++) assert_int_equal(drain(two, cut), RNN_ERR_TRUNCATED);
    free(two);
    rnn_bytes_release(&s);
}

/* ---- hostile and foreign bytes ---- */

/* A frame with a correct crc around any body bytes. */
static struct rnn_bytes framed(const char *kind, const void *body, size_t len)
{
    struct rnn_bytes out = {0};
    struct rnn_body b = {.p = (unsigned char *)(uintptr_t)body, .len = len};
    ok(rnn_frame_append(&out, kind, &b, &err));
    return out;
}

/* head + one frame `kind` with this body: what the reader says to the frame. */
static int read_body(const char *kind, const void *body, size_t len)
{
    static const char head[] = "\x82\xa6" "format\xaarnn-stream\xa7version\x92\x01\x00";
    struct rnn_bytes s = framed("head", head, sizeof head - 1), f = framed(kind, body, len);
    ok(rnn_grow(&s.p, &s.cap, s.len + f.len, 1, &err));
    memcpy(s.p + s.len, f.p, f.len);
    struct rnn_reader *r;
    struct rnn_frame out;
    ok(rnn_reader_open_mem(&r, s.p, s.len + f.len, 0, &err));
    ok(rnn_reader_next(r, &out, &err));
    int rc = rnn_reader_next(r, &out, &err);
    rnn_reader_close(r);
    rnn_bytes_release(&s);
    rnn_bytes_release(&f);
    return rc;
}
#define READ_BODY(bytes) read_body("x", bytes, sizeof(bytes) - 1)

static void bodies_that_break_the_rules_are_refused(void **state)
{
    (void)state;
    assert_int_equal(READ_BODY("\x80"), RNN_OK);
    assert_int_equal(READ_BODY("\x81\xa1" "a\x01"), RNN_OK);
    assert_int_equal(READ_BODY("\x90"), RNN_ERR_FORMAT);                        /* not a map */
    assert_int_equal(READ_BODY("\x81\x01\x02"), RNN_ERR_FORMAT);                /* int key */
    assert_int_equal(READ_BODY("\x81\xc4\x01" "a\x02"), RNN_ERR_FORMAT);        /* bin key that is not numpy's */
    assert_int_equal(READ_BODY("\x82\xa1" "a\x01\xa1" "a\x02"), RNN_ERR_FORMAT); /* twice */
    assert_int_equal(READ_BODY("\x81\xa1" "m\x82\xa1" "a\x01\xa1" "a\x02"), RNN_ERR_FORMAT);
    assert_int_equal(READ_BODY("\x81\xa1\xff\x01"), RNN_ERR_FORMAT);            /* not UTF-8 */
    assert_int_equal(READ_BODY("\x81\xa1" "a\xa2\xc0\x80"), RNN_ERR_FORMAT);    /* overlong */
    assert_int_equal(READ_BODY("\x81\xa1" "a\xc1"), RNN_ERR_FORMAT);            /* not msgpack */
    assert_int_equal(READ_BODY("\x81\xa1" "a\xa2\xc3\xa4"), RNN_OK);
    assert_int_equal(READ_BODY("\x82\xa1" "a\x01\xa3" "a\0b\x02"), RNN_ERR_FORMAT); /* cut at its NUL the second key is the first */
    assert_int_equal(READ_BODY("\x81\xa1" "a\xa3" "b\0c"), RNN_ERR_FORMAT);
}

static void arrays_that_break_the_rules_are_refused(void **state)
{
    (void)state;
#define ARRAY(n, type, kind, shape, data) "\x81\xa1" "v" n "\xa2nd\xc3\xa4type" type kind "\xa5shape" shape "\xa4" "data" data
    assert_int_equal(READ_BODY(ARRAY("\x84", "\xa3<f4", "", "\x91\x01", "\xc4\x04" "abcd")), RNN_OK); /* str keys, no kind */
    assert_int_equal(READ_BODY(ARRAY("\x85", "\xa3<f4", "\xa4kind\xa0", "\x91\x01", "\xc4\x04" "abcd")), RNN_OK);
    assert_int_equal(READ_BODY(ARRAY("\x85", "\xa3<f4", "\xa4kind\xa1O", "\x91\x01", "\xc4\x04" "abcd")), RNN_ERR_FORMAT);
    assert_int_equal(READ_BODY(ARRAY("\x85", "\xa3<f4", "\xa4kind\xc4\x01O", "\x91\x01", "\xc4\x04" "abcd")), RNN_ERR_FORMAT);
    assert_int_equal(READ_BODY(ARRAY("\x84", "\xa3>f4", "", "\x91\x01", "\xc4\x04" "abcd")), RNN_ERR_FORMAT); /* big-endian */
    assert_int_equal(READ_BODY(ARRAY("\x84", "\xa3<f4", "", "\x91\x02", "\xc4\x04" "abcd")), RNN_ERR_FORMAT); /* too short */
    assert_int_equal(READ_BODY(ARRAY("\x84", "\xa3<f4", "", "\x91\xff", "\xc4\x04" "abcd")), RNN_ERR_FORMAT); /* -1 */
    assert_int_equal(READ_BODY(ARRAY("\x84", "\xa3<f4", "", "\x01", "\xc4\x04" "abcd")), RNN_ERR_FORMAT);
    assert_int_equal(READ_BODY(ARRAY("\x84", "\xa3<f4", "", "\x91\x01", "\xa4" "abcd")), RNN_ERR_FORMAT); /* data a str */
    /* 2^33 * 2^31 elements: 0 bytes if the product wraps */
    assert_int_equal(READ_BODY(ARRAY("\x84", "\xa3|u1", "", "\x92\xcf\0\0\0\2\0\0\0\0\xce\x80\0\0\0", "\xc4\x00")), RNN_ERR_FORMAT);
    assert_int_equal(READ_BODY(ARRAY("\x84", "\xa3|u1", "", "\x99\1\1\1\1\1\1\1\1\1", "\xc4\x01" "a")), RNN_ERR_FORMAT); /* 9 axes */
}

/* Address space in use, and a lid on it: what is only reserved does not show in resident memory. */
static void limit_address_space(size_t more, struct rlimit *old)
{
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%lu", &pages), 1);
    fclose(f);
    assert_int_equal(getrlimit(RLIMIT_AS, old), 0);
    struct rlimit lid = *old;
    lid.rlim_cur = pages * (size_t)sysconf(_SC_PAGESIZE) + more;
#ifndef __SANITIZE_ADDRESS__ /* whose shadow lives in address space too */
    assert_int_equal(setrlimit(RLIMIT_AS, &lid), 0);
#else
    (void)lid;
#endif
}

static void announced_sizes_are_not_believed(void **state)
{
    (void)state;
#define BOMB(bytes, rc) {bytes, sizeof(bytes) - 1, rc}
    static const struct {
        const char *p;
        size_t len;
        int rc;
    } bombs[] = {
        BOMB("\x93\xa1x\xdf\xff\xff\xff\xff", RNN_ERR_LIMIT), /* a map of 2^32 - 1 */
        BOMB("\x93\xa1x\xde\xff\xff", RNN_ERR_TRUNCATED),
        BOMB("\x93\xa1x\x81\xa1" "a\xdd\xff\x00\x00\x00", RNN_ERR_LIMIT),
        BOMB("\x93\xa1x\x81\xa1" "a\xdb\xff\xff\xff\xff", RNN_ERR_LIMIT),
        BOMB("\x93\xa1x\x81\xa1" "a\xc6\xff\xff\xff\xff", RNN_ERR_LIMIT),
        BOMB("\x93\xa1x\x81\xa1" "a\xc9\xff\xff\xff\xff\x01", RNN_ERR_LIMIT),
        BOMB("\x93\xa1x\x81\xa1" "a\xc6\x3f\xff\x00\x00z", RNN_ERR_TRUNCATED), /* within --max-frame, but not there */
        BOMB("\x93\xa1x\x81\xa1" "a\xdd\x00\xff\x00\x00z", RNN_ERR_TRUNCATED),
        BOMB("\x93\xa1x\x81\xa1" "a\xdd\x01\x00\x00\x00z", RNN_ERR_LIMIT), /* 2^24 values */
        BOMB("\xdd\xff\x00\x00\x00", RNN_ERR_FORMAT), BOMB("\xdf\xff\xff\xff\xff", RNN_ERR_FORMAT),
        BOMB("\x93\xbf", RNN_ERR_TRUNCATED), BOMB("\x93\xa0", RNN_ERR_FORMAT), BOMB("\x93\xd9\x20", RNN_ERR_FORMAT),
        BOMB("\x93\x01", RNN_ERR_FORMAT), BOMB("\x93\xa1\n", RNN_ERR_FORMAT), BOMB("\x93\xa1x\x90", RNN_ERR_FORMAT),
        BOMB("\x1f\x8b", RNN_ERR_FORMAT), BOMB("", RNN_ERR_TRUNCATED),
    };
    struct rlimit old;
    limit_address_space((size_t)16 << 20, &old);
    for (size_t k = 0; k < RNN_LEN(bombs); k++) {
        int rc = drain(bombs[k].p, bombs[k].len), fd[2];
        if (rc != bombs[k].rc) fail_msg("bomb %zu: %s", k, rnn_rc_name(rc));
        struct rnn_reader *r;
        struct rnn_frame f;
        assert_int_equal(pipe(fd), 0);
        assert_int_equal(write(fd[1], bombs[k].p, bombs[k].len), (ssize_t)bombs[k].len);
        close(fd[1]);
        ok(rnn_reader_open_fd(&r, fd[0], "pipe", 0, &err));
        assert_int_equal(rnn_reader_next(r, &f, &err), rc);
        assert_int_equal(rnn_reader_next(r, &f, &err), rc); /* a failure repeats */
        rnn_reader_close(r);
        close(fd[0]);
    }
    assert_int_equal(setrlimit(RLIMIT_AS, &old), 0);
}

static void depth_is_bounded(void **state)
{
    (void)state;
    unsigned char body[64];
    for (int depth = 1; depth < 40; depth++) {
        /* {"a": [[[...]]]} with `depth` containers in all */
        size_t n = 0;
        memcpy(body, "\x81\xa1" "a", 3);
        n = 3;
        for (int d = 1; d < depth; d++) body[n++] = 0x91;
        body[n++] = 0xc0;
        assert_int_equal(read_body("x", body, n), depth <= RNN_MAX_DEPTH ? RNN_OK : RNN_ERR_FORMAT);
    }
}

/* The walk must agree with itself however the bytes arrive, and never ask for more than there will be. */
static void the_walk_resumes_anywhere(void **state)
{
    (void)state;
    struct rnn_bytes s = sample();
    size_t used, at[16];
    frame_offsets(&s, at);
    for (size_t cut = 0; cut < at[1] - 11; cut++) {
        assert_int_equal(rnn_walk(s.p + 6, cut, 1 << 20, &used, &err), RNN_EOS);
        assert_true(used > cut && used <= at[1] - 11);
    }
    assert_int_equal(rnn_walk(s.p + 6, s.len, 1 << 20, &used, &err), RNN_OK);
    assert_int_equal(used, at[1] - 11);
    assert_int_equal(rnn_walk(s.p + 6, s.len, used - 1, &used, &err), RNN_ERR_LIMIT);
    rnn_bytes_release(&s);
}

static void max_frame_is_kept(void **state)
{
    (void)state;
    struct rnn_reader *r;
    struct rnn_frame f;
    ok(rnn_reader_open_mem(&r, golden, GOLDEN_LEN, 47, &err)); /* the head has 47 bytes, the array more */
    ok(rnn_reader_next(r, &f, &err));
    assert_int_equal(f.raw_len, 47);
    assert_int_equal(rnn_reader_next(r, &f, &err), RNN_ERR_LIMIT);
    rnn_reader_close(r);
}

/* ---- head, end, error ---- */

static int read_head(const char *body, size_t len)
{
    struct rnn_bytes s = framed("head", body, len);
    struct rnn_reader *r;
    struct rnn_frame f;
    ok(rnn_reader_open_mem(&r, s.p, s.len, 0, &err));
    int rc = rnn_reader_next(r, &f, &err);
    rnn_reader_close(r);
    rnn_bytes_release(&s);
    return rc;
}
#define READ_HEAD(bytes) read_head(bytes, sizeof(bytes) - 1)

static void versions_are_told_apart(void **state)
{
    (void)state;
    assert_int_equal(READ_HEAD("\x82\xa6" "format\xaarnn-stream\xa7version\x92\x01\x00"), RNN_OK);
    assert_int_equal(READ_HEAD("\x82\xa6" "format\xaarnn-stream\xa7version\x92\x01\x09"), RNN_OK); /* newer minor */
    assert_int_equal(READ_HEAD("\x82\xa6" "format\xaarnn-stream\xa7version\x92\x02\x00"), RNN_ERR_VERSION);
    assert_int_equal(READ_HEAD("\x83\xa6" "format\xaarnn-stream\xa7version\x92\x02\x00\xa4prov\x01"), RNN_ERR_VERSION);
    assert_int_equal(READ_HEAD("\x83\xa6" "format\xaarnn-stream\xa7version\x92\x01\x00\xa4prov\x01"), RNN_ERR_FORMAT);
    assert_int_equal(READ_HEAD("\x82\xa6" "format\xaarnn_stream\xa7version\x92\x01\x00"), RNN_ERR_FORMAT);
    assert_int_equal(READ_HEAD("\x81\xa6" "format\xaarnn-stream"), RNN_ERR_FORMAT);
    assert_int_equal(READ_HEAD("\x80"), RNN_ERR_FORMAT);
}

/* What digests cannot tell from a careless writer's own bytes. */
static void segments_have_their_shape(void **state)
{
    (void)state;
    static const char head[] = "\x82\xa6" "format\xaarnn-stream\xa7version\x92\x01\x00";
    struct rnn_bytes h = framed("head", head, sizeof head - 1), x = framed("x", "\x80", 1);
    struct rnn_reader *r;
    struct rnn_frame f;
    ok(rnn_reader_open_mem(&r, x.p, x.len, 0, &err));
    assert_int_equal(rnn_reader_next(r, &f, &err), RNN_ERR_FORMAT); /* at once, not at the end */
    rnn_reader_close(r);

    unsigned char end[] = "\x83\xa6" "frames\x01\xa6" "failed\x00\xa6" "digest\xce\0\0\0\0";
    unsigned long digest = crc32(0, h.p + h.len - 4, 4);
    for (int k = 0; k < 4; k++) end[sizeof end - 5 + k] = (unsigned char)(digest >> (24 - 8 * k));
    for (int frames = 0; frames < 3; frames++) {
        end[8] = (unsigned char)frames;
        struct rnn_bytes e = framed("end", end, sizeof end - 1), s = {0};
        ok(rnn_grow(&s.p, &s.cap, h.len + e.len, 1, &err));
        memcpy(s.p, h.p, h.len);
        memcpy(s.p + h.len, e.p, e.len);
        assert_int_equal(drain(s.p, h.len + e.len), frames == 1 ? RNN_EOS : RNN_ERR_CHECKSUM);
        rnn_bytes_release(&e);
        rnn_bytes_release(&s);
    }
    rnn_bytes_release(&h);
    rnn_bytes_release(&x);
}

static void an_error_frame_ends_the_stream(void **state)
{
    (void)state;
    struct rnn_writer *w;
    struct rnn_reader *r;
    struct rnn_frame f;
    ok(rnn_writer_open_mem(&w, &err));
    ok(rnn_writer_head(w, NULL, "rnn-train", NULL, NULL, &err));
    ok(rnn_writer_error(w, "rnn-train", "numeric", "loss is nan", "n7", &err));
    assert_int_equal(rnn_writer_end(w, 0, &err), RNN_ERR_ARG);
    assert_int_equal(rnn_writer_head(w, NULL, NULL, NULL, NULL, &err), RNN_ERR_ARG);
    struct rnn_bytes s = take(w);
    ok(rnn_grow(&s.p, &s.cap, s.len + GOLDEN_LEN, 1, &err));
    memcpy(s.p + s.len, golden, GOLDEN_LEN);
    for (int more = 0; more < 2; more++) { /* a good segment after it changes nothing */
        ok(rnn_reader_open_mem(&r, s.p, s.len + (more ? GOLDEN_LEN : 0), 0, &err));
        ok(rnn_reader_next(r, &f, &err));
        ok(rnn_reader_next(r, &f, &err));
        assert_string_equal(f.kind, "error");
        assert_int_equal(rnn_reader_next(r, &f, &err), RNN_ERR_UPSTREAM);
        assert_non_null(strstr(err.msg, "rnn-train"));
        assert_non_null(strstr(err.msg, "loss is nan"));
        rnn_reader_close(r);
    }
    rnn_bytes_release(&s);
}

static void provenance_grows_and_unknown_keys_stay(void **state)
{
    (void)state;
    static const char head[] = "\x84\xa6" "format\xaarnn-stream\xa6" "author\xa2me\xa7version\x92\x01\x07\xa4prov\x91\x82"
                               "\xa4tool\xa7taskgen\xa5" "extra\xca\x3f\x80\x00\x00";
    struct rnn_bytes s = framed("head", head, sizeof head - 1);
    struct rnn_reader *r;
    struct rnn_frame f;
    struct rnn_writer *w;
    struct rnn_kvs options = {0};
    ok(rnn_kvs_int(&options, "rank", 2, &err));
    ok(rnn_reader_open_mem(&r, s.p, s.len, 0, &err));
    ok(rnn_reader_next(r, &f, &err));
    assert_string_equal(rnn_reader_last_tool(r), "taskgen");
    ok(rnn_writer_open_mem(&w, &err));
    const struct rnn_prov_input in = {"task", 7, f.body};
    ok(rnn_writer_head_inputs(w, f.body, "rnn-lowrank", &options, NULL, &in, 1, &err));
    ok(rnn_writer_end(w, 0, &err));
    struct rnn_bytes t = take(w);
    rnn_reader_close(r);
    ok(rnn_reader_open_mem(&r, t.p, t.len, 0, &err));
    ok(rnn_reader_next(r, &f, &err));
    assert_string_equal(rnn_reader_last_tool(r), "rnn-lowrank");
    assert_non_null(rnn_find(f.body, "author"));
    const msgpack_object *prov = rnn_find(f.body, "prov");
    assert_int_equal(prov->via.array.size, 2);
    /* the entry of the earlier tool, byte for byte, its float32 included */
    assert_non_null(memmem(t.p, t.len, head + sizeof head - 28, 27));
    const msgpack_object *inputs = rnn_find(&prov->via.array.ptr[1], "inputs");
    assert_int_equal(inputs->via.array.size, 1);
    rnn_reader_close(r);
    rnn_kvs_release(&options);
    rnn_bytes_release(&s);
    rnn_bytes_release(&t);
}

/* ---- files and pipes ---- */

struct feed {
    int fd;
    const unsigned char *p;
    size_t len, step;
};

static void *feed_slowly(void *arg)
{
    struct feed *f = arg;
    for (size_t at = 0; at < f->len;) {
        size_t n = f->len - at < f->step ? f->len - at : f->step;
        ssize_t k = write(f->fd, f->p + at, n);
        if (k <= 0) break;
        at += (size_t)k;
    }
    close(f->fd);
    return NULL;
}

/* A frame of 200,000 strings and 3 MB of numbers through a pipe in odd pieces: the same as from memory. */
static void pipes_give_what_memory_gives(void **state)
{
    (void)state;
    struct rnn_writer *w;
    struct rnn_body b = {0};
    size_t n = 400000;
    double *v = rnn_alloc(n, sizeof *v);
    ok(rnn_writer_open_mem(&w, &err));
    ok(rnn_writer_head(w, NULL, "taskgen", NULL, NULL, &err));
    for (int k = 0; k < 3; k++) {
        rnn_body_start(&b);
        rnn_put_list(&b, "strs");
        for (int i = 0; i < 200000; i++) rnn_put_str(&b, NULL, i % 2 ? "odd" : "");
        rnn_put_close(&b);
        rnn_put_array(&b, "v", RNN_F64, 1, &n, v);
        ok(rnn_writer_frame(w, "x", &b, &err));
    }
    ok(rnn_writer_end(w, 0, &err));
    struct rnn_bytes s = take(w);
    const size_t steps[] = {1013, 65536, 1 << 20};
    for (size_t k = 0; k < RNN_LEN(steps); k++) {
        struct rnn_reader *r;
        struct rnn_frame f;
        pthread_t th;
        int fd[2], rc;
        size_t at = 0;
        assert_int_equal(pipe(fd), 0);
        struct feed feed = {fd[1], s.p, s.len, steps[k]};
        pthread_create(&th, NULL, feed_slowly, &feed);
        ok(rnn_reader_open_fd(&r, fd[0], "pipe", 0, &err));
        while ((rc = rnn_reader_next(r, &f, &err)) == RNN_OK) {
            assert_memory_equal(f.raw, s.p + at, f.raw_len);
            at += f.raw_len;
        }
        assert_int_equal(rc, RNN_EOS);
        assert_int_equal(at, s.len);
        rnn_reader_close(r);
        pthread_join(th, NULL);
        close(fd[0]);
    }
    rnn_bytes_release(&s);
    rnn_body_release(&b);
    free(v);
}

static void files_appear_whole_or_not_at_all(bool named)
{
    const char *base = getenv("TMPDIR");
    char dir[512], path[600], link[600];
    struct rnn_writer *w;
    struct stat st;
    snprintf(dir, sizeof dir, "%s/stream-test-XXXXXX", base ? base : P_tmpdir);
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/a.rnn", dir);
    snprintf(link, sizeof link, "%s/link", dir);
    ok(rnn_writer_open(&w, path, &err));
    ok(rnn_writer_head(w, NULL, "taskgen", NULL, NULL, &err));
    assert_true(rnn_writer_temp(w) ? stat(rnn_writer_temp(w), &st) == 0 : !named);
    assert_int_not_equal(stat(path, &st), 0);
    ok(rnn_writer_end(w, 0, &err));
    ok(rnn_writer_close(w, &err));
    assert_int_equal(stat(path, &st), 0);
    off_t size = st.st_size;
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(symlink("a.rnn", link), 0);

    ok(rnn_writer_open(&w, link, &err)); /* closed too early: the old file stays */
    ok(rnn_writer_head(w, NULL, "rnn-train", NULL, NULL, &err));
    assert_int_equal(rnn_writer_close(w, &err), RNN_ERR_ARG);
    ok(rnn_writer_open(&w, link, &err));
    ok(rnn_writer_head(w, NULL, "rnn-train", NULL, NULL, &err));
    rnn_writer_abandon(w);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, size);

    ok(rnn_writer_open(&w, link, &err)); /* replaced through the link, permissions kept */
    ok(rnn_writer_head(w, NULL, "rnn-train-longer-name", NULL, NULL, &err));
    ok(rnn_writer_end(w, 0, &err));
    ok(rnn_writer_close(w, &err));
    assert_int_equal(lstat(link, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_true(st.st_size > size);
    unlink(link);
    unlink(path);
    assert_int_equal(rmdir(dir), 0); /* no temporary is left */
}

static void files_appear_whole_or_not_at_all_by_link(void **state)
{
    (void)state;
    files_appear_whole_or_not_at_all(false);
}

static void files_appear_whole_or_not_at_all_by_rename(void **state)
{
    (void)state;
    rnn_outfile_always_named(true);
    files_appear_whole_or_not_at_all(true);
    rnn_outfile_always_named(false);
}

static void touch(const char *dir, const char *name)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fclose(f);
}

/* Removes it; false when it was not there. */
static bool take_away(const char *dir, const char *name)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return unlink(path) == 0;
}

static void what_killed_programs_left_goes_and_what_is_written_stays(void **state)
{
    (void)state;
    char dir[] = "/tmp/rnn-stale-XXXXXX", path[100];
    static const char *const others[] = {".x.rnn.0123abcg", ".x.rnn.0123abcd5", ".y.rnn.0123abcd", "x.rnn.0123abcd"};
    struct rnn_outfile first, second;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/x.rnn", dir);
    for (size_t i = 0; i < RNN_LEN(others); i++) touch(dir, others[i]);
    touch(dir, ".x.rnn.0123abcd");
    rnn_outfile_always_named(true);
    ok(rnn_outfile_open(&first, path, &err));
    assert_false(take_away(dir, ".x.rnn.0123abcd"));
    ok(rnn_outfile_open(&second, path, &err)); /* the first is held: not stale */
    ok(rnn_outfile_keep(&first, &err));
    ok(rnn_outfile_keep(&second, &err));
    rnn_outfile_always_named(false);
    for (size_t i = 0; i < RNN_LEN(others); i++) assert_true(take_away(dir, others[i]));
    assert_true(take_away(dir, "x.rnn"));
    assert_int_equal(rmdir(dir), 0);
}

static void a_failing_disk_and_a_leaving_reader_are_told(void **state)
{
    (void)state;
    struct rnn_writer *w;
    struct rnn_body b = {0};
    size_t n = 1 << 20;
    void *v = rnn_alloc(n, 1);
    ok(rnn_writer_open(&w, "/dev/full", &err));
    ok(rnn_writer_head(w, NULL, "taskgen", NULL, NULL, &err));
    assert_int_equal(rnn_writer_end(w, 0, &err), RNN_ERR_IO);
    assert_int_equal(err.sys, ENOSPC);
    assert_non_null(strstr(err.msg, "No space left on device"));
    assert_int_equal(rnn_writer_close(w, &err), RNN_ERR_IO);

    int fd[2];
    char path[32];
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(fd), 0);
    snprintf(path, sizeof path, "/dev/fd/%d", fd[1]);
    ok(rnn_writer_open(&w, path, &err));
    close(fd[0]);
    ok(rnn_writer_head(w, NULL, "taskgen", NULL, NULL, &err));
    rnn_body_start(&b);
    rnn_put_array(&b, "v", RNN_U8, 1, &n, v);
    assert_int_equal(rnn_writer_frame(w, "x", &b, &err), RNN_ERR_IO);
    assert_int_equal(err.sys, EPIPE);
    assert_int_equal(rnn_writer_end(w, 0, &err), RNN_ERR_IO);
    assert_int_equal(err.sys, EPIPE);
    rnn_writer_abandon(w);
    close(fd[1]);
    rnn_body_release(&b);
    free(v);
}

static void the_writer_keeps_its_order(void **state)
{
    (void)state;
    struct rnn_writer *w;
    struct rnn_body b = {0};
    ok(rnn_writer_open_mem(&w, &err));
    rnn_body_start(&b);
    assert_int_equal(rnn_writer_frame(w, "x", &b, &err), RNN_ERR_ARG); /* no segment */
    ok(rnn_writer_head(w, NULL, NULL, NULL, NULL, &err));
    assert_int_equal(rnn_writer_head(w, NULL, NULL, NULL, NULL, &err), RNN_ERR_ARG);
    assert_int_equal(rnn_writer_frame(w, "end", &b, &err), RNN_ERR_ARG);
    rnn_put_str(&b, "s", "\xff");
    assert_int_equal(rnn_writer_frame(w, "x", &b, &err), RNN_ERR_ARG); /* not UTF-8; the stream goes on */
    rnn_body_start(&b);
    rnn_put_map(&b, "m");
    assert_int_equal(rnn_writer_frame(w, "x", &b, &err), RNN_ERR_ARG); /* left open */
    assert_int_equal(rnn_writer_raw(w, golden, GOLDEN_LEN, &err), RNN_ERR_ARG); /* holds a head */
    ok(rnn_writer_raw(w, golden + 47, GOLDEN_LEN - 47 - 39, &err));
    rnn_writer_count_failed(w, 2);
    ok(rnn_writer_end(w, 1, &err));
    struct rnn_bytes s = take(w);
    struct rnn_reader *r;
    struct rnn_frame f;
    ok(rnn_reader_open_mem(&r, s.p, s.len, 0, &err));
    for (int k = 0; k < 3; k++) ok(rnn_reader_next(r, &f, &err));
    assert_int_equal(rnn_reader_failed(r), 3);
    rnn_reader_close(r);
    rnn_bytes_release(&s);
    rnn_body_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(announced_sizes_are_not_believed),
        cmocka_unit_test(writes_the_golden_bytes),
        cmocka_unit_test(reads_the_golden_bytes),
        cmocka_unit_test(every_prefix_is_truncated),
        cmocka_unit_test(every_flipped_bit_is_seen),
        cmocka_unit_test(every_dropped_doubled_swapped_frame_is_seen),
        cmocka_unit_test(segments_concatenate),
        cmocka_unit_test(bodies_that_break_the_rules_are_refused),
        cmocka_unit_test(arrays_that_break_the_rules_are_refused),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(the_walk_resumes_anywhere),
        cmocka_unit_test(max_frame_is_kept),
        cmocka_unit_test(versions_are_told_apart),
        cmocka_unit_test(segments_have_their_shape),
        cmocka_unit_test(an_error_frame_ends_the_stream),
        cmocka_unit_test(provenance_grows_and_unknown_keys_stay),
        cmocka_unit_test(pipes_give_what_memory_gives),
        cmocka_unit_test(files_appear_whole_or_not_at_all_by_link),
        cmocka_unit_test(files_appear_whole_or_not_at_all_by_rename),
        cmocka_unit_test(what_killed_programs_left_goes_and_what_is_written_stays),
        cmocka_unit_test(a_failing_disk_and_a_leaving_reader_are_told),
        cmocka_unit_test(the_writer_keeps_its_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
