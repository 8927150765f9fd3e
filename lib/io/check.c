#include "io/check.h"

#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "io/text.h"

bool rnn_key_is(const msgpack_object *key, const char *name)
{
    size_t n = strlen(name);
    if (key->type == MSGPACK_OBJECT_STR) return key->via.str.size == n && memcmp(key->via.str.ptr, name, n) == 0;
    return key->type == MSGPACK_OBJECT_BIN && key->via.bin.size == n && memcmp(key->via.bin.ptr, name, n) == 0;
}

/* str and bin have the same layout in msgpack_object, but say so through one accessor rather than by luck. */
static const char *key_bytes(const msgpack_object *key, size_t *len)
{
    bool str = key->type == MSGPACK_OBJECT_STR;
    *len = str ? key->via.str.size : key->via.bin.size;
    return str ? key->via.str.ptr : key->via.bin.ptr;
}

static int compare_keys(const void *a, const void *b)
{
    size_t n, m;
    const char *p = key_bytes(&(*(const msgpack_object_kv *const *)a)->key, &n);
    const char *q = key_bytes(&(*(const msgpack_object_kv *const *)b)->key, &m);
    int order = memcmp(p, q, n < m ? n : m);
    return order ? order : (n > m) - (n < m);
}

static int fail_twice(const msgpack_object *key, struct rnn_err *err)
{
    size_t n;
    const char *p = key_bytes(key, &n);
    return rnn_fail(err, RNN_ERR_FORMAT, "key '%.*s' stands twice in one map", n < 80 ? (int)n : 80, p);
}

/* Sorts, because a hostile map may hold millions of keys; the usual small one needs no memory for that. */
static int check_unique(const msgpack_object_map *m, struct rnn_err *err)
{
    const msgpack_object_kv *few[16], **order = few;
    if (m->size > RNN_LEN(few) && !(order = malloc(m->size * sizeof *order))) {
        return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    }
    for (uint32_t i = 0; i < m->size; i++) order[i] = &m->ptr[i];
    qsort(order, m->size, sizeof *order, compare_keys);
    int rc = RNN_OK;
    for (uint32_t i = 1; i < m->size && rc == RNN_OK; i++) {
        if (compare_keys(&order[i - 1], &order[i]) == 0) rc = fail_twice(&order[i]->key, err);
    }
    if (order != few) free(order);
    return rc;
}

static int check_str(const msgpack_object *o, struct rnn_err *err)
{
    if (rnn_is_text(o->via.str.ptr, o->via.str.size)) return RNN_OK;
    return rnn_fail(err, RNN_ERR_FORMAT, "a str that is not UTF-8, or has a NUL in it");
}

static int check_key(const msgpack_object *key, struct rnn_err *err)
{
    static const char *const numpy[] = {"nd", "type", "kind", "shape", "data", "complex"};
    if (key->type == MSGPACK_OBJECT_STR) return check_str(key, err);
    for (size_t i = 0; i < RNN_LEN(numpy); i++) {
        if (rnn_key_is(key, numpy[i])) return RNN_OK;
    }
    return rnn_fail(err, RNN_ERR_FORMAT, "a map key that is not a str");
}

static int check_value(const msgpack_object *o, struct rnn_err *err);

static int check_map(const msgpack_object *o, struct rnn_err *err)
{
    const msgpack_object_map *m = &o->via.map;
    for (uint32_t i = 0; i < m->size; i++) {
        RNN_TRY(check_key(&m->ptr[i].key, err));
        RNN_TRY(check_value(&m->ptr[i].val, err));
    }
    RNN_TRY(check_unique(m, err));
    struct rnn_array view;
    return rnn_is_array(o) ? rnn_view_array(o, &view, err) : RNN_OK;
}

/* Recursion is bounded: the walk has refused anything deeper than RNN_MAX_DEPTH. */
static int check_value(const msgpack_object *o, struct rnn_err *err)
{
    if (o->type == MSGPACK_OBJECT_STR) return check_str(o, err);
    if (o->type == MSGPACK_OBJECT_MAP) return check_map(o, err);
    if (o->type != MSGPACK_OBJECT_ARRAY) return RNN_OK;
    for (uint32_t i = 0; i < o->via.array.size; i++) RNN_TRY(check_value(&o->via.array.ptr[i], err));
    return RNN_OK;
}

int rnn_check_body(const msgpack_object *body, struct rnn_err *err)
{
    if (body->type != MSGPACK_OBJECT_MAP) return rnn_fail(err, RNN_ERR_FORMAT, "the body is not a map");
    return check_value(body, err);
}
