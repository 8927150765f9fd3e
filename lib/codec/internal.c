#include "codec/internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"

const char *rnn_shape_text(int ndim, const size_t *shape, char out[RNN_SHAPE_TEXT])
{
    size_t n = (size_t)snprintf(out, RNN_SHAPE_TEXT, "[");
    for (int i = 0; i < ndim && n < RNN_SHAPE_TEXT - 24; i++) {
        const char *sep = i ? ", " : "";
        n += shape[i] == RNN_ANY ? (size_t)snprintf(out + n, RNN_SHAPE_TEXT - n, "%s*", sep)
                                 : (size_t)snprintf(out + n, RNN_SHAPE_TEXT - n, "%s%zu", sep, shape[i]);
    }
    snprintf(out + n, RNN_SHAPE_TEXT - n, "]");
    return out;
}

bool rnn_is_nil(const msgpack_object *o)
{
    return !o || o->type == MSGPACK_OBJECT_NIL;
}

int rnn_blame(struct rnn_err *err, const char *kind, const char *id)
{
    char old[sizeof err->msg];
    memcpy(old, err->msg, sizeof old);
    return rnn_fail(err, err->code, "%s '%s': %s", kind, id && *id ? id : "?", old);
}

/* A view of an array object whose shape is the wanted one; RNN_ANY extents are filled in. */
static int view_shaped(const msgpack_object *o, const char *what, int ndim, size_t *shape, struct rnn_array *v, struct rnn_err *err)
{
    char want[RNN_SHAPE_TEXT], have[RNN_SHAPE_TEXT];
    if (!o) return rnn_fail(err, RNN_ERR_FORMAT, "'%s' is missing: expected an array", what);
    if (!rnn_is_array(o)) return rnn_fail(err, RNN_ERR_FORMAT, "'%s' is not an array", what);
    if (rnn_view_array(o, v, err) < 0) return rnn_blame(err, "array", what);
    bool fits = v->ndim == ndim;
    for (int i = 0; fits && i < ndim; i++) fits = shape[i] == RNN_ANY || shape[i] == v->shape[i];
    if (!fits) {
        return rnn_fail(err, RNN_ERR_FORMAT, "'%s' has shape %s where %s is needed", what, rnn_shape_text(v->ndim, v->shape, have),
                        rnn_shape_text(ndim, shape, want));
    }
    if (v->dtype == RNN_C128) return rnn_fail(err, RNN_ERR_FORMAT, "'%s' holds complex numbers where real ones are needed", what);
    for (int i = 0; i < ndim; i++) shape[i] = v->shape[i];
    return RNN_OK;
}

int rnn_take_f32(const msgpack_object *map, const char *key, int ndim, size_t *shape, float **out, struct rnn_err *err)
{
    struct rnn_array v;
    RNN_TRY(view_shaped(rnn_find(map, key), key, ndim, shape, &v, err));
    const size_t n = rnn_array_count(&v);
    RNN_TRY(rnn_alloc_into(out, n, sizeof **out, err));
    if (v.dtype == RNN_F32) {
        if (n) memcpy(*out, v.data, n * sizeof **out);
    } else {
        for (size_t i = 0; i < n; i++) (*out)[i] = (float)rnn_array_get(&v, i);
    }
    return RNN_OK;
}

static void fill_f64(const struct rnn_array *v, double *out)
{
    const size_t n = rnn_array_count(v);
    if (v->dtype == RNN_F64) {
        if (n) memcpy(out, v->data, n * sizeof *out);
    } else {
        for (size_t i = 0; i < n; i++) out[i] = rnn_array_get(v, i);
    }
}

int rnn_take_f64(const msgpack_object *map, const char *key, int ndim, size_t *shape, double **out, struct rnn_err *err)
{
    struct rnn_array v;
    RNN_TRY(view_shaped(rnn_find(map, key), key, ndim, shape, &v, err));
    RNN_TRY(rnn_alloc_into(out, rnn_array_count(&v), sizeof **out, err));
    fill_f64(&v, *out);
    return RNN_OK;
}

int rnn_view_into_f64(const msgpack_object *o, const char *what, int ndim, const size_t *shape, double *out, struct rnn_err *err)
{
    struct rnn_array v;
    size_t want[RNN_MAX_DIMS];
    memcpy(want, shape, (size_t)ndim * sizeof *want);
    RNN_TRY(view_shaped(o, what, ndim, want, &v, err));
    fill_f64(&v, out);
    return RNN_OK;
}

int rnn_want_size(const msgpack_object *map, const char *key, size_t *v, struct rnn_err *err)
{
    uint64_t u;
    RNN_TRY(rnn_want_uint(map, key, &u, err));
    if (u > SIZE_MAX / 2) return rnn_fail(err, RNN_ERR_FORMAT, "'%s' (%llu) is too large", key, (unsigned long long)u);
    *v = (size_t)u;
    return RNN_OK;
}

int rnn_get_size(const msgpack_object *map, const char *key, size_t *v, size_t dflt, struct rnn_err *err)
{
    if (rnn_is_nil(rnn_find(map, key))) {
        *v = dflt;
        return RNN_OK;
    }
    return rnn_want_size(map, key, v, err);
}

int rnn_get_name(const msgpack_object *map, const char *key, const char *const *names, int dflt, int *v, struct rnn_err *err)
{
    char *s = NULL, list[256] = "";
    if (dflt >= 0 && rnn_is_nil(rnn_find(map, key))) {
        *v = dflt;
        return RNN_OK;
    }
    RNN_TRY(rnn_want_str(map, key, &s, err));
    for (int i = 0; names[i]; i++) {
        if (strcmp(names[i], s) == 0) {
            free(s);
            *v = i;
            return RNN_OK;
        }
        const size_t n = strlen(list);
        snprintf(list + n, sizeof list - n, "%s%s", i ? ", " : "", names[i]);
    }
    rnn_fail(err, RNN_ERR_FORMAT, "'%s' is '%.60s': expected one of %s", key, s, list);
    free(s);
    return err->code;
}

int rnn_get_map(const msgpack_object *map, const char *key, const msgpack_object **out, struct rnn_err *err)
{
    *out = NULL;
    return rnn_is_nil(rnn_find(map, key)) ? RNN_OK : rnn_want_map(map, key, out, err);
}

int rnn_get_ms(const msgpack_object *map, const char *key, double *v, double dflt, struct rnn_err *err)
{
    *v = dflt;
    if (rnn_is_nil(rnn_find(map, key))) return RNN_OK;
    RNN_TRY(rnn_want_real(map, key, v, err));
    return isfinite(*v) && *v > 0 ? RNN_OK : rnn_fail(err, RNN_ERR_FORMAT, "'%s' is %g: a time must be finite and greater than 0", key, *v);
}

int rnn_take_short(const msgpack_object *body, const char *key, char *out, size_t size, struct rnn_err *err)
{
    char *s = NULL;
    RNN_TRY(rnn_want_str(body, key, &s, err));
    const size_t n = strlen(s);
    const bool fits = n > 0 && n < size;
    if (fits) memcpy(out, s, n + 1);
    free(s);
    return fits ? RNN_OK : rnn_fail(err, RNN_ERR_FORMAT, "'%s' must have 1 to %zu bytes, it has %zu", key, size - 1, n);
}

void rnn_put_heads(struct rnn_body *b, const struct rnn_heads *h)
{
    if (!h->n) return;
    rnn_put_list(b, "heads");
    for (size_t i = 0; i < h->n; i++) {
        rnn_put_map(b, NULL);
        rnn_put_str(b, "name", h->v[i].name);
        rnn_put_uint(b, "n", h->v[i].size);
        rnn_put_close(b);
    }
    rnn_put_close(b);
}

int rnn_get_heads(const msgpack_object *map, struct rnn_heads *h, struct rnn_err *err)
{
    const msgpack_object *l = rnn_find(map, "heads");
    h->n = 0;
    if (rnn_is_nil(l)) return RNN_OK;
    if (l->type != MSGPACK_OBJECT_ARRAY || l->via.array.size > RNN_MAX_HEADS) {
        return rnn_fail(err, RNN_ERR_FORMAT, "'heads' is not a list of at most %d heads", RNN_MAX_HEADS);
    }
    for (; h->n < l->via.array.size; h->n++) {
        struct rnn_head *v = &h->v[h->n];
        RNN_TRY(rnn_take_short(&l->via.array.ptr[h->n], "name", v->name, sizeof v->name, err));
        RNN_TRY(rnn_want_size(&l->via.array.ptr[h->n], "n", &v->size, err));
    }
    return RNN_OK;
}
