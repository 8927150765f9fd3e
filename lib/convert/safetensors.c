#include "convert/safetensors.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"

static const char *const names[RNN_N_DTYPES] = {
    [RNN_F32] = "F32", [RNN_F64] = "F64", [RNN_I32] = "I32", [RNN_I64] = "I64", [RNN_U8] = "U8", [RNN_U64] = "U64", [RNN_BOOL] = "BOOL"};

/* ---- reading ---- */

static int bad(struct rnn_err *err, const char *name)
{
    return rnn_fail(err, RNN_ERR_FORMAT, "safetensors: entry '%s' cannot be read", name);
}

static int read_shape(const json_t *shape, int *ndim, size_t out[RNN_MAX_DIMS])
{
    if (!json_is_array(shape) || json_array_size(shape) > RNN_MAX_DIMS) return -1;
    *ndim = (int)json_array_size(shape);
    for (int i = 0; i < *ndim; i++) {
        const json_t *d = json_array_get(shape, (size_t)i);
        if (!json_is_integer(d) || json_integer_value(d) < 0) return -1;
        out[i] = (size_t)json_integer_value(d);
    }
    return 0;
}

/* data[0..len) are the numbers of the whole file. */
static int read_entry(const char *name, const json_t *e, const unsigned char *data, size_t len, struct rnn_named_list *out,
                      struct rnn_err *err)
{
    const char *type = json_string_value(json_object_get(e, "dtype"));
    const json_t *off = json_object_get(e, "data_offsets");
    struct rnn_array a = {0};
    size_t t = 0;
    if (!type || !json_is_array(off) || json_array_size(off) != 2 || read_shape(json_object_get(e, "shape"), &a.ndim, a.shape) < 0) {
        return bad(err, name);
    }
    while (t < RNN_N_DTYPES && (!names[t] || strcmp(names[t], type))) t++;
    if (t == RNN_N_DTYPES) {
        char why[80];
        snprintf(why, sizeof why, "dtype %.20s is none that streams have%s", type, strchr(type, 'F') ? ": save it as float32" : "");
        return rnn_named_add_unread(out, name, why, err);
    }
    const json_int_t lo = json_integer_value(json_array_get(off, 0)), hi = json_integer_value(json_array_get(off, 1));
    size_t n = rnn_dtype_size((enum rnn_dtype)t);
    for (int i = 0; i < a.ndim; i++) {
        if (!rnn_mul_size(n, a.shape[i], &n)) return bad(err, name);
    }
    if (lo < 0 || hi < lo || (uint64_t)hi > len || (size_t)(hi - lo) != n) return bad(err, name);
    RNN_TRY(rnn_array_new(&a, (enum rnn_dtype)t, a.ndim, (size_t[RNN_MAX_DIMS]){a.shape[0], a.shape[1], a.shape[2], a.shape[3], a.shape[4],
                                                                              a.shape[5], a.shape[6], a.shape[7]}, err));
    if (n) memcpy(a.data, data + lo, n);
    return rnn_named_add(out, name, &a, err);
}

static int read_image(const unsigned char *p, size_t len, struct rnn_named_list *out, struct rnn_err *err)
{
    uint64_t n = 0;
    json_error_t je;
    const char *name;
    json_t *e;
    for (size_t i = 0; i < 8 && len >= 8; i++) n |= (uint64_t)p[i] << 8 * i;
    if (len < 8 || n > len - 8) return rnn_fail(err, RNN_ERR_FORMAT, "not a safetensors file, or one cut short in its header");
    json_t *h = json_loadb((const char *)p + 8, (size_t)n, JSON_REJECT_DUPLICATES, &je);
    if (!json_is_object(h)) {
        json_decref(h);
        return rnn_fail(err, RNN_ERR_FORMAT, "safetensors: the header is not JSON: %s", je.text);
    }
    int rc = RNN_OK;
    json_object_foreach (h, name, e) {
        if (rc >= 0 && strcmp(name, "__metadata__")) rc = read_entry(name, e, p + 8 + n, len - 8 - (size_t)n, out, err);
    }
    json_decref(h);
    return rc;
}

int rnn_safetensors_parse(const void *p, size_t len, struct rnn_named_list *out, struct rnn_err *err)
{
    *out = (struct rnn_named_list){0};
    const int rc = read_image(p, len, out, err);
    if (rc < 0) rnn_named_release(out);
    return rc;
}

/* ---- writing ---- */

static json_t *entry(const struct rnn_array *a, size_t at)
{
    json_t *shape = json_array();
    for (int i = 0; i < a->ndim; i++) json_array_append_new(shape, json_integer((json_int_t)a->shape[i]));
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", names[a->dtype], "shape", shape, "data_offsets", (json_int_t)at,
                     (json_int_t)(at + rnn_array_bytes(a)));
}

static int header_of(const struct rnn_named_list *l, size_t *skipped, char **text, struct rnn_err *err)
{
    json_t *h = json_object();
    size_t at = 0;
    for (size_t i = 0; i < l->n; i++) {
        const struct rnn_named *e = &l->v[i];
        if (e->s) {
            ++*skipped;
            continue;
        }
        if (!names[e->a.dtype]) {
            json_decref(h);
            return rnn_fail(err, RNN_ERR_FORMAT, "safetensors has no complex numbers: '%s' cannot be written", e->name);
        }
        if (json_object_set_new(h, e->name, entry(&e->a, at)) < 0) {
            json_decref(h);
            return rnn_fail(err, RNN_ERR_NOMEM, "safetensors: '%s' cannot be described", e->name);
        }
        at += rnn_array_bytes(&e->a);
    }
    *text = json_dumps(h, JSON_COMPACT);
    json_decref(h);
    return *text ? RNN_OK : rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
}

int rnn_safetensors_write(FILE *f, const struct rnn_named_list *l, size_t *skipped, struct rnn_err *err)
{
    char *text = NULL;
    unsigned char size[8];
    *skipped = 0;
    RNN_TRY(header_of(l, skipped, &text, err));
    const size_t n = strlen(text), padded = (n + 7) / 8 * 8; /* numbers start at a multiple of 8 */
    for (size_t i = 0; i < 8; i++) size[i] = (unsigned char)((uint64_t)padded >> 8 * i);
    int rc = rnn_put_bytes(f, size, 8, err);
    if (rc >= 0) rc = rnn_put_bytes(f, text, n, err);
    if (rc >= 0) rc = rnn_put_bytes(f, "       ", padded - n, err);
    for (size_t i = 0; rc >= 0 && i < l->n; i++) {
        if (!l->v[i].s) rc = rnn_put_bytes(f, l->v[i].a.data, rnn_array_bytes(&l->v[i].a), err);
    }
    free(text);
    return rc;
}
