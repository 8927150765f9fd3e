/* Building the bytes of a body: msgpack in its shortest form, one key after the other. */
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "io/frame.h"
#include "io/text.h"

static bool failed(const struct rnn_body *b)
{
    return b->err.code != RNN_OK;
}

/* n more bytes, or NULL with the error stuck. */
static unsigned char *more(struct rnn_body *b, size_t n)
{
    size_t need;
    if (failed(b)) return NULL;
    if (!rnn_add_size(b->len, n, &need)) {
        rnn_fail(&b->err, RNN_ERR_NOMEM, "body size overflows");
        return NULL;
    }
    if (need > b->cap && rnn_grow(&b->p, &b->cap, need, 1, &b->err) < 0) return NULL;
    unsigned char *p = b->p + b->len;
    b->len = need;
    return p;
}

static void bytes(struct rnn_body *b, const void *src, size_t n)
{
    unsigned char *p = more(b, n);
    if (p && n) memcpy(p, src, n);
}

/* A marker byte and an unsigned number of n bytes, big-endian. */
static void marked(struct rnn_body *b, unsigned char marker, uint64_t v, size_t n)
{
    unsigned char *p = more(b, n + 1);
    if (!p) return;
    *p++ = marker;
    for (size_t i = 0; i < n; i++) p[i] = (unsigned char)(v >> 8 * (n - 1 - i));
}

static void byte(struct rnn_body *b, unsigned char v)
{
    marked(b, v, 0, 0);
}

static bool fits_length(struct rnn_body *b, size_t n)
{
    if (n > UINT32_MAX) rnn_fail(&b->err, RNN_ERR_LIMIT, "%zu bytes or elements are more than msgpack can count", n);
    return n <= UINT32_MAX;
}

static bool fits_depth(struct rnn_body *b, int depth)
{
    if (depth > RNN_MAX_DEPTH) rnn_fail(&b->err, RNN_ERR_ARG, "containers nested deeper than %d", RNN_MAX_DEPTH);
    return depth <= RNN_MAX_DEPTH;
}

static void str_value(struct rnn_body *b, const char *s, size_t len)
{
    if (failed(b) || !fits_length(b, len)) return;
    if (!rnn_is_text(s, len)) {
        rnn_fail(&b->err, RNN_ERR_ARG, "text that is not UTF-8, or has a NUL in it: '%.*s'", len < 80 ? (int)len : 80, s);
        return;
    }
    if (len < 32) byte(b, (unsigned char)(0xa0 | len));
    else if (len <= UINT8_MAX) marked(b, 0xd9, len, 1);
    else if (len <= UINT16_MAX) marked(b, 0xda, len, 2);
    else marked(b, 0xdb, len, 4);
    bytes(b, s, len);
}

static void bin_value(struct rnn_body *b, const void *p, size_t len)
{
    if (failed(b) || !fits_length(b, len)) return;
    if (len <= UINT8_MAX) marked(b, 0xc4, len, 1);
    else if (len <= UINT16_MAX) marked(b, 0xc5, len, 2);
    else marked(b, 0xc6, len, 4);
    bytes(b, p, len);
}

static void uint_value(struct rnn_body *b, uint64_t v)
{
    if (v < 0x80) byte(b, (unsigned char)v);
    else if (v <= UINT8_MAX) marked(b, 0xcc, v, 1);
    else if (v <= UINT16_MAX) marked(b, 0xcd, v, 2);
    else if (v <= UINT32_MAX) marked(b, 0xce, v, 4);
    else marked(b, 0xcf, v, 8);
}

static void int_value(struct rnn_body *b, int64_t v)
{
    if (v >= 0) uint_value(b, (uint64_t)v);
    else if (v >= -32) byte(b, (unsigned char)v);
    else if (v >= INT8_MIN) marked(b, 0xd0, (uint8_t)v, 1);
    else if (v >= INT16_MIN) marked(b, 0xd1, (uint16_t)v, 2);
    else if (v >= INT32_MIN) marked(b, 0xd2, (uint32_t)v, 4);
    else marked(b, 0xd3, (uint64_t)v, 8);
}

static void real_value(struct rnn_body *b, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    marked(b, 0xcb, bits, 8);
}

static void list_header(struct rnn_body *b, size_t n)
{
    if (failed(b) || !fits_length(b, n)) return;
    if (n < 16) byte(b, (unsigned char)(0x90 | n));
    else if (n <= UINT16_MAX) marked(b, 0xdc, n, 2);
    else marked(b, 0xdd, n, 4);
}

static void map_header(struct rnn_body *b, size_t n)
{
    if (failed(b) || !fits_length(b, n)) return;
    if (n < 16) byte(b, (unsigned char)(0x80 | n));
    else if (n <= UINT16_MAX) marked(b, 0xde, n, 2);
    else marked(b, 0xdf, n, 4);
}

/* ---- containers whose size is known only when they close: one byte is kept free for the header ---- */

static void open_container(struct rnn_body *b, bool is_list)
{
    if (failed(b)) return;
    if (!fits_depth(b, b->depth + 1)) return;
    b->open[b->depth] = b->len;
    b->count[b->depth] = 0;
    b->is_list[b->depth++] = is_list;
    byte(b, 0);
}

/* Writes the header over the byte kept for it, making room when more than 15 elements need a longer one. */
static void close_container(struct rnn_body *b)
{
    size_t at = b->open[b->depth - 1], end = b->len;
    size_t n = b->count[b->depth - 1], size = n < 16 ? 1 : n <= UINT16_MAX ? 3 : 5;
    if (!more(b, size - 1)) return;
    memmove(b->p + at + size, b->p + at + 1, end - at - 1);
    size_t total = b->len;
    b->len = at;
    if (b->is_list[b->depth - 1]) list_header(b, n);
    else map_header(b, n);
    b->len = total;
    b->depth--;
}

void rnn_body_start(struct rnn_body *b)
{
    b->len = 0;
    b->depth = 0;
    b->err.code = RNN_OK;
    open_container(b, false);
}

int rnn_body_finish(struct rnn_body *b, struct rnn_err *err)
{
    if (!failed(b) && b->depth > 1) rnn_fail(&b->err, RNN_ERR_ARG, "a body was finished with a container open");
    if (!failed(b) && b->depth == 0 && b->len == 0) rnn_fail(&b->err, RNN_ERR_ARG, "a body was finished before it was started");
    if (!failed(b) && b->depth == 1) close_container(b);
    if (failed(b)) *err = b->err;
    return b->err.code;
}

void rnn_body_release(struct rnn_body *b)
{
    free(b->p);
    *b = (struct rnn_body){0};
}

/* Before a value: counts it, and writes its key when the open container is a map. */
static void key_of(struct rnn_body *b, const char *key)
{
    if (failed(b)) return;
    if (b->depth == 0) {
        rnn_fail(&b->err, RNN_ERR_ARG, "a value was added to a body that is not open");
        return;
    }
    if (b->is_list[b->depth - 1] != (key == NULL)) {
        rnn_fail(&b->err, RNN_ERR_ARG, "%s", key ? "a key inside a list" : "a value without key inside a map");
        return;
    }
    b->count[b->depth - 1]++;
    if (key) str_value(b, key, strlen(key));
}

void rnn_put_map(struct rnn_body *b, const char *key)
{
    key_of(b, key);
    open_container(b, false);
}

void rnn_put_list(struct rnn_body *b, const char *key)
{
    key_of(b, key);
    open_container(b, true);
}

void rnn_put_close(struct rnn_body *b)
{
    if (failed(b)) return;
    if (b->depth < 2) rnn_fail(&b->err, RNN_ERR_ARG, "a container was closed that is not open");
    else close_container(b);
}

/* ---- values ---- */

void rnn_put_nil(struct rnn_body *b, const char *key)
{
    key_of(b, key);
    byte(b, 0xc0);
}

void rnn_put_bool(struct rnn_body *b, const char *key, bool v)
{
    key_of(b, key);
    byte(b, v ? 0xc3 : 0xc2);
}

void rnn_put_int(struct rnn_body *b, const char *key, int64_t v)
{
    key_of(b, key);
    int_value(b, v);
}

void rnn_put_uint(struct rnn_body *b, const char *key, uint64_t v)
{
    key_of(b, key);
    uint_value(b, v);
}

void rnn_put_real(struct rnn_body *b, const char *key, double v)
{
    key_of(b, key);
    real_value(b, v);
}

void rnn_put_strn(struct rnn_body *b, const char *key, const char *s, size_t len)
{
    key_of(b, key);
    str_value(b, s, len);
}

void rnn_put_str(struct rnn_body *b, const char *key, const char *s)
{
    rnn_put_strn(b, key, s, strlen(s));
}

void rnn_put_strs(struct rnn_body *b, const char *key, const char *const *s, size_t n)
{
    key_of(b, key);
    list_header(b, n);
    for (size_t i = 0; i < n; i++) str_value(b, s[i], strlen(s[i]));
}

/* msgpack-numpy's map of five, whose keys are bin: byte for byte what its encoder writes. */
void rnn_put_array(struct rnn_body *b, const char *key, enum rnn_dtype t, int ndim, const size_t *shape, const void *data)
{
    static const unsigned char empty[] = {0};
    size_t size = rnn_dtype_size(t);
    key_of(b, key);
    if (ndim < 0 || ndim > RNN_MAX_DIMS) rnn_fail(&b->err, RNN_ERR_ARG, "an array of %d dimensions", ndim);
    for (int d = 0; d < ndim && !failed(b); d++) {
        if (!rnn_mul_size(size, shape[d], &size)) rnn_fail(&b->err, RNN_ERR_LIMIT, "array size overflows");
    }
    if (failed(b) || !fits_depth(b, b->depth + 2)) return; /* the map and its list of axes */
    map_header(b, 5);
    bin_value(b, "nd", 2);
    byte(b, 0xc3);
    bin_value(b, "type", 4);
    str_value(b, rnn_dtype_name(t), strlen(rnn_dtype_name(t)));
    bin_value(b, "kind", 4);
    bin_value(b, empty, 0);
    bin_value(b, "shape", 5);
    list_header(b, (size_t)ndim);
    for (int d = 0; d < ndim; d++) uint_value(b, shape[d]);
    bin_value(b, "data", 4);
    bin_value(b, data, size);
}

static void put_kv(struct rnn_body *b, const struct rnn_kv *e)
{
    switch (e->type) {
    case RNN_KV_NULL: rnn_put_nil(b, e->key); break;
    case RNN_KV_BOOL: rnn_put_bool(b, e->key, e->b); break;
    case RNN_KV_INT: rnn_put_int(b, e->key, e->i); break;
    case RNN_KV_UINT: rnn_put_uint(b, e->key, e->u); break;
    case RNN_KV_REAL: rnn_put_real(b, e->key, e->r); break;
    case RNN_KV_STR: rnn_put_str(b, e->key, e->s); break;
    case RNN_KV_REALS:
        key_of(b, e->key);
        list_header(b, e->n);
        for (size_t i = 0; i < e->n; i++) real_value(b, e->list[i]);
        break;
    }
}

void rnn_put_kvs(struct rnn_body *b, const char *key, const struct rnn_kvs *m)
{
    rnn_put_map(b, key);
    for (size_t i = 0; m && i < m->n; i++) put_kv(b, &m->v[i]);
    rnn_put_close(b);
}

static void object(struct rnn_body *b, const msgpack_object *o, int depth);

static void map_object(struct rnn_body *b, const msgpack_object_map *m, int depth)
{
    map_header(b, m->size);
    for (uint32_t i = 0; i < m->size; i++) {
        object(b, &m->ptr[i].key, depth + 1);
        object(b, &m->ptr[i].val, depth + 1);
    }
}

static void ext_object(struct rnn_body *b, const msgpack_object_ext *e)
{
    static const unsigned char fix[] = {[1] = 0xd4, [2] = 0xd5, [4] = 0xd6, [8] = 0xd7, [16] = 0xd8};
    if (e->size < sizeof fix && fix[e->size]) byte(b, fix[e->size]);
    else if (e->size <= UINT8_MAX) marked(b, 0xc7, e->size, 1);
    else if (e->size <= UINT16_MAX) marked(b, 0xc8, e->size, 2);
    else marked(b, 0xc9, e->size, 4);
    byte(b, (unsigned char)e->type);
    bytes(b, e->ptr, e->size);
}

static void object(struct rnn_body *b, const msgpack_object *o, int depth)
{
    if (failed(b)) return;
    bool container = o->type == MSGPACK_OBJECT_MAP || o->type == MSGPACK_OBJECT_ARRAY;
    if (container && !fits_depth(b, b->depth + depth + 1)) return;
    switch (o->type) {
    case MSGPACK_OBJECT_NIL: byte(b, 0xc0); break;
    case MSGPACK_OBJECT_BOOLEAN: byte(b, o->via.boolean ? 0xc3 : 0xc2); break;
    case MSGPACK_OBJECT_POSITIVE_INTEGER: uint_value(b, o->via.u64); break;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER: int_value(b, o->via.i64); break;
    case MSGPACK_OBJECT_FLOAT32: {
        float v = (float)o->via.f64;
        uint32_t bits;
        memcpy(&bits, &v, sizeof bits);
        marked(b, 0xca, bits, 4);
        break;
    }
    case MSGPACK_OBJECT_FLOAT64: real_value(b, o->via.f64); break;
    case MSGPACK_OBJECT_STR: str_value(b, o->via.str.ptr, o->via.str.size); break;
    case MSGPACK_OBJECT_BIN: bin_value(b, o->via.bin.ptr, o->via.bin.size); break;
    case MSGPACK_OBJECT_EXT: ext_object(b, &o->via.ext); break;
    case MSGPACK_OBJECT_MAP: map_object(b, &o->via.map, depth); break;
    case MSGPACK_OBJECT_ARRAY:
        list_header(b, o->via.array.size);
        for (uint32_t i = 0; i < o->via.array.size; i++) object(b, &o->via.array.ptr[i], depth + 1);
        break;
    }
}

void rnn_put_object(struct rnn_body *b, const char *key, const msgpack_object *o)
{
    key_of(b, key);
    object(b, o, 0);
}
