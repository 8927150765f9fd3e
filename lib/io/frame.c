/* Typed access to a received body. */
#include "io/frame.h"

#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "io/check.h"

const msgpack_object *rnn_find(const msgpack_object *map, const char *key)
{
    if (!map || map->type != MSGPACK_OBJECT_MAP) return NULL;
    for (uint32_t i = 0; i < map->via.map.size; i++) {
        if (rnn_key_is(&map->via.map.ptr[i].key, key)) return &map->via.map.ptr[i].val;
    }
    return NULL;
}

static const char *type_name(const msgpack_object *o)
{
    switch (o->type) {
    case MSGPACK_OBJECT_NIL: return "nil";
    case MSGPACK_OBJECT_BOOLEAN: return "a boolean";
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
    case MSGPACK_OBJECT_NEGATIVE_INTEGER: return "an integer";
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64: return "a real number";
    case MSGPACK_OBJECT_STR: return "a str";
    case MSGPACK_OBJECT_BIN: return "bytes";
    case MSGPACK_OBJECT_EXT: return "an extension";
    case MSGPACK_OBJECT_ARRAY: return "a list";
    case MSGPACK_OBJECT_MAP: return rnn_is_array(o) ? "an array" : "a map";
    }
    return "something else";
}

static int missing(const char *key, struct rnn_err *err)
{
    return rnn_fail(err, RNN_ERR_FORMAT, "key '%s' is missing", key);
}

static int wrong(const char *key, const char *want, const msgpack_object *o, struct rnn_err *err)
{
    return rnn_fail(err, RNN_ERR_FORMAT, "key '%s' should hold %s, not %s", key, want, type_name(o));
}

static int required(const msgpack_object *map, const char *key, const msgpack_object **o, struct rnn_err *err)
{
    *o = rnn_find(map, key);
    return *o ? RNN_OK : missing(key, err);
}

/* A key that is absent, or nil as Python's None says it. */
static bool is_absent(const msgpack_object *map, const char *key)
{
    const msgpack_object *o = rnn_find(map, key);
    return !o || o->type == MSGPACK_OBJECT_NIL;
}

/* ---- arrays ---- */

bool rnn_is_array(const msgpack_object *o)
{
    const msgpack_object *nd = rnn_find(o, "nd");
    return nd && nd->type == MSGPACK_OBJECT_BOOLEAN && nd->via.boolean && rnn_find(o, "type") && rnn_find(o, "data");
}

static bool as_bytes(const msgpack_object *o, const char **p, size_t *n)
{
    if (o && o->type == MSGPACK_OBJECT_STR) {
        *p = o->via.str.ptr;
        *n = o->via.str.size;
        return true;
    }
    if (o && o->type == MSGPACK_OBJECT_BIN) {
        *p = o->via.bin.ptr;
        *n = o->via.bin.size;
        return true;
    }
    return false;
}

static int view_shape(const msgpack_object *shape, struct rnn_array *view, size_t *count, struct rnn_err *err)
{
    if (!shape || shape->type != MSGPACK_OBJECT_ARRAY) return rnn_fail(err, RNN_ERR_FORMAT, "an array without shape");
    if (shape->via.array.size > RNN_MAX_DIMS) {
        return rnn_fail(err, RNN_ERR_FORMAT, "an array of %u dimensions (at most %d)", shape->via.array.size, RNN_MAX_DIMS);
    }
    size_t others = 1; /* extents that are not 0: nothing bounds them where one is, and loops run over them */
    view->ndim = (int)shape->via.array.size;
    *count = 1;
    for (int d = 0; d < view->ndim; d++) {
        const msgpack_object *n = &shape->via.array.ptr[d];
        if (n->type != MSGPACK_OBJECT_POSITIVE_INTEGER) return rnn_fail(err, RNN_ERR_FORMAT, "an array whose shape is not of integers");
        view->shape[d] = n->via.u64;
        if (!rnn_mul_size(*count, n->via.u64, count)) return rnn_fail(err, RNN_ERR_FORMAT, "an array whose shape overflows");
        if (n->via.u64 && !rnn_mul_size(others, n->via.u64, &others)) others = SIZE_MAX;
    }
    if (*count == 0 && others > UINT32_MAX) return rnn_fail(err, RNN_ERR_FORMAT, "an array of no numbers whose shape is too large");
    return RNN_OK;
}

int rnn_view_array(const msgpack_object *o, struct rnn_array *view, struct rnn_err *err)
{
    const msgpack_object *kind = rnn_find(o, "kind");
    const char *p;
    size_t n, count, bytes;
    *view = (struct rnn_array){0};
    if (!rnn_is_array(o)) return rnn_fail(err, RNN_ERR_FORMAT, "not an array but %s", o ? type_name(o) : "nothing");
    if (kind && (!as_bytes(kind, &p, &n) || n > 0)) {
        return rnn_fail(err, RNN_ERR_FORMAT, "an array of objects or records: only plain numbers are read");
    }
    if (!as_bytes(rnn_find(o, "type"), &p, &n)) return rnn_fail(err, RNN_ERR_FORMAT, "an array whose type is not a str");
    if (!rnn_dtype_from_name(p, n, &view->dtype)) {
        return rnn_fail(err, RNN_ERR_FORMAT, "an array of type '%.*s', which no stream holds", n < 20 ? (int)n : 20, p);
    }
    RNN_TRY(view_shape(rnn_find(o, "shape"), view, &count, err));
    const msgpack_object *data = rnn_find(o, "data");
    if (data->type != MSGPACK_OBJECT_BIN) return rnn_fail(err, RNN_ERR_FORMAT, "an array whose data is not bytes");
    if (!rnn_mul_size(count, rnn_dtype_size(view->dtype), &bytes) || bytes != data->via.bin.size) {
        return rnn_fail(err, RNN_ERR_FORMAT, "an array whose shape and length of data disagree");
    }
    view->data = (void *)(uintptr_t)data->via.bin.ptr; /* a view: the caller must not write or free */
    return RNN_OK;
}

int rnn_want_array(const msgpack_object *map, const char *key, struct rnn_array *a, struct rnn_err *err)
{
    const msgpack_object *o;
    struct rnn_array view;
    *a = (struct rnn_array){0};
    RNN_TRY(required(map, key, &o, err));
    if (!rnn_is_array(o)) return wrong(key, "an array", o, err);
    int rc = rnn_view_array(o, &view, err);
    if (rc < 0) return rnn_fail(err, rc, "key '%s': %s", key, err->msg);
    RNN_TRY(rnn_array_new(a, view.dtype, view.ndim, view.shape, err));
    if (rnn_array_bytes(&view)) memcpy(a->data, view.data, rnn_array_bytes(&view));
    return RNN_OK;
}

/* ---- scalars ---- */

/* numpy's own scalars (np.float64(3)) arrive as {nd: false, type, data}: the one element as a view without axes. */
static bool numpy_scalar(const msgpack_object *o, struct rnn_array *view)
{
    const msgpack_object *nd = rnn_find(o, "nd"), *data = rnn_find(o, "data");
    const char *p;
    size_t n;
    if (!nd || nd->type != MSGPACK_OBJECT_BOOLEAN || nd->via.boolean || !data || data->type != MSGPACK_OBJECT_BIN) return false;
    if (!as_bytes(rnn_find(o, "type"), &p, &n)) return false;
    *view = (struct rnn_array){.data = (void *)(uintptr_t)data->via.bin.ptr};
    return rnn_dtype_from_name(p, n, &view->dtype) && rnn_dtype_size(view->dtype) == data->via.bin.size;
}

static bool is_real(enum rnn_dtype t)
{
    return t == RNN_F32 || t == RNN_F64 || t == RNN_C128;
}

int rnn_want_int(const msgpack_object *map, const char *key, int64_t *v, struct rnn_err *err)
{
    const msgpack_object *o;
    struct rnn_array s;
    RNN_TRY(required(map, key, &o, err));
    if (o->type == MSGPACK_OBJECT_NEGATIVE_INTEGER) *v = o->via.i64;
    else if (o->type == MSGPACK_OBJECT_POSITIVE_INTEGER && o->via.u64 <= INT64_MAX) *v = (int64_t)o->via.u64;
    else if (numpy_scalar(o, &s) && s.dtype == RNN_I64) memcpy(v, s.data, sizeof *v);
    else if (numpy_scalar(o, &s) && !is_real(s.dtype) && s.dtype != RNN_U64) *v = (int64_t)rnn_array_get(&s, 0);
    else return wrong(key, "an integer below 2^63", o, err);
    return RNN_OK;
}

int rnn_want_uint(const msgpack_object *map, const char *key, uint64_t *v, struct rnn_err *err)
{
    const msgpack_object *o;
    struct rnn_array s;
    int64_t i;
    RNN_TRY(required(map, key, &o, err));
    if (o->type == MSGPACK_OBJECT_POSITIVE_INTEGER) *v = o->via.u64;
    else if (numpy_scalar(o, &s) && s.dtype == RNN_U64) memcpy(v, s.data, sizeof *v);
    else if (rnn_want_int(map, key, &i, err) == RNN_OK && i >= 0) *v = (uint64_t)i;
    else return wrong(key, "an integer not below 0", o, err);
    return RNN_OK;
}

static bool to_real(const msgpack_object *o, double *v)
{
    struct rnn_array s;
    switch (o->type) {
    case MSGPACK_OBJECT_POSITIVE_INTEGER: *v = (double)o->via.u64; return true;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER: *v = (double)o->via.i64; return true;
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64: *v = o->via.f64; return true;
    default: break;
    }
    if (!numpy_scalar(o, &s)) return false;
    *v = rnn_array_get(&s, 0);
    return true;
}

int rnn_want_real(const msgpack_object *map, const char *key, double *v, struct rnn_err *err)
{
    const msgpack_object *o;
    RNN_TRY(required(map, key, &o, err));
    return to_real(o, v) ? RNN_OK : wrong(key, "a number", o, err);
}

int rnn_want_bool(const msgpack_object *map, const char *key, bool *v, struct rnn_err *err)
{
    const msgpack_object *o;
    struct rnn_array s;
    RNN_TRY(required(map, key, &o, err));
    if (o->type == MSGPACK_OBJECT_BOOLEAN) *v = o->via.boolean;
    else if (numpy_scalar(o, &s) && s.dtype == RNN_BOOL) *v = rnn_array_get(&s, 0) != 0;
    else return wrong(key, "true or false", o, err);
    return RNN_OK;
}

/* A malloc'd C string of a str object, in which the reader has let no NUL through. */
static int to_str(const char *key, const msgpack_object *o, char **v, struct rnn_err *err)
{
    if (o->type != MSGPACK_OBJECT_STR) return wrong(key, "a str", o, err);
    size_t n = o->via.str.size;
    char *s = malloc(n + 1);
    if (!s) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    if (n) memcpy(s, o->via.str.ptr, n);
    s[n] = '\0';
    *v = s;
    return RNN_OK;
}

int rnn_want_str(const msgpack_object *map, const char *key, char **v, struct rnn_err *err)
{
    const msgpack_object *o;
    *v = NULL;
    RNN_TRY(required(map, key, &o, err));
    return to_str(key, o, v, err);
}

int rnn_want_map(const msgpack_object *map, const char *key, const msgpack_object **v, struct rnn_err *err)
{
    RNN_TRY(required(map, key, v, err));
    return (*v)->type == MSGPACK_OBJECT_MAP ? RNN_OK : wrong(key, "a map", *v, err);
}

/* ---- named values ---- */

static int reals_to_kv(struct rnn_kvs *m, const char *key, const msgpack_object_array *list, struct rnn_err *err)
{
    double *v;
    RNN_TRY(rnn_alloc_into(&v, list->size, sizeof *v, err));
    int rc = RNN_OK;
    for (uint32_t i = 0; i < list->size && rc == RNN_OK; i++) {
        if (!to_real(&list->ptr[i], &v[i])) rc = wrong(key, "a list of numbers", &list->ptr[i], err);
    }
    if (rc == RNN_OK) rc = rnn_kvs_reals(m, key, v, list->size, err);
    free(v);
    return rc;
}

static int value_to_kv(struct rnn_kvs *m, const char *key, const msgpack_object *o, struct rnn_err *err)
{
    char *s;
    double r;
    int rc;
    switch (o->type) {
    case MSGPACK_OBJECT_NIL: return rnn_kvs_null(m, key, err);
    case MSGPACK_OBJECT_BOOLEAN: return rnn_kvs_bool(m, key, o->via.boolean, err);
    case MSGPACK_OBJECT_NEGATIVE_INTEGER: return rnn_kvs_int(m, key, o->via.i64, err);
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        if (o->via.u64 > INT64_MAX) return rnn_kvs_uint(m, key, o->via.u64, err);
        return rnn_kvs_int(m, key, (int64_t)o->via.u64, err);
    case MSGPACK_OBJECT_ARRAY: return reals_to_kv(m, key, &o->via.array, err);
    case MSGPACK_OBJECT_STR:
        RNN_TRY(to_str(key, o, &s, err));
        rc = rnn_kvs_str(m, key, s, err);
        free(s);
        return rc;
    default:
        if (to_real(o, &r)) return rnn_kvs_real(m, key, r, err);
        return wrong(key, "a plain value", o, err);
    }
}

int rnn_want_kvs(const msgpack_object *map, const char *key, struct rnn_kvs *m, struct rnn_err *err)
{
    const msgpack_object *o;
    RNN_TRY(rnn_want_map(map, key, &o, err));
    for (uint32_t i = 0; i < o->via.map.size; i++) {
        char *name;
        RNN_TRY(to_str(key, &o->via.map.ptr[i].key, &name, err));
        int rc = value_to_kv(m, name, &o->via.map.ptr[i].val, err);
        free(name);
        RNN_TRY(rc);
    }
    return RNN_OK;
}

/* ---- with defaults ---- */

int rnn_get_int(const msgpack_object *map, const char *key, int64_t *v, int64_t dflt, struct rnn_err *err)
{
    *v = dflt;
    return is_absent(map, key) ? RNN_OK : rnn_want_int(map, key, v, err);
}

int rnn_get_uint(const msgpack_object *map, const char *key, uint64_t *v, uint64_t dflt, struct rnn_err *err)
{
    *v = dflt;
    return is_absent(map, key) ? RNN_OK : rnn_want_uint(map, key, v, err);
}

int rnn_get_real(const msgpack_object *map, const char *key, double *v, double dflt, struct rnn_err *err)
{
    *v = dflt;
    return is_absent(map, key) ? RNN_OK : rnn_want_real(map, key, v, err);
}

int rnn_get_bool(const msgpack_object *map, const char *key, bool *v, bool dflt, struct rnn_err *err)
{
    *v = dflt;
    return is_absent(map, key) ? RNN_OK : rnn_want_bool(map, key, v, err);
}

int rnn_get_str(const msgpack_object *map, const char *key, char **v, const char *dflt, struct rnn_err *err)
{
    *v = NULL;
    if (!is_absent(map, key)) return rnn_want_str(map, key, v, err);
    if (dflt && !(*v = rnn_strdup(dflt))) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    return RNN_OK;
}
