#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "convert/text.h"

const char *rnn_real_text(double v, bool single, char out[RNN_REAL_TEXT])
{
    if (isnan(v)) return strcpy(out, "NaN");
    if (isinf(v)) return strcpy(out, v > 0 ? "Inf" : "-Inf");
    for (int digits = single ? 6 : 15; digits < 18; digits++) {
        snprintf(out, RNN_REAL_TEXT, "%.*g", digits, v);
        const double back = strtod(out, NULL);
        if (single ? (float)back == (float)v : back == v) break;
    }
    return out;
}

static void put_string(FILE *f, const char *s, size_t len)
{
    putc('"', f);
    for (size_t i = 0; i < len; i++) {
        const unsigned char c = (unsigned char)s[i];
        if (c == '"' || c == '\\') fprintf(f, "\\%c", c);
        else if (c == '\n') fputs("\\n", f);
        else if (c == '\t') fputs("\\t", f);
        else if (c < 0x20 || c == 0x7f) fprintf(f, "\\u%04x", c);
        else putc(c, f);
    }
    putc('"', f);
}

static void put_hex(FILE *f, const char *p, size_t len)
{
    fputs("{\"hex\":\"", f);
    for (size_t i = 0; i < len; i++) fprintf(f, "%02x", (unsigned char)p[i]);
    fputs("\"}", f);
}

static void put_real(FILE *f, double v, bool single)
{
    char text[RNN_REAL_TEXT];
    fputs(isfinite(v) ? rnn_real_text(v, single, text) : "null", f);
}

static void put_element(FILE *f, const struct rnn_array *a, size_t i)
{
    const char *p = (const char *)a->data + i * rnn_dtype_size(a->dtype);
    double z[2];
    int64_t n;
    uint64_t u;
    switch (a->dtype) {
    case RNN_BOOL: fputs(*p ? "true" : "false", f); break;
    case RNN_I64: memcpy(&n, p, sizeof n); fprintf(f, "%" PRId64, n); break;
    case RNN_U64: memcpy(&u, p, sizeof u); fprintf(f, "%" PRIu64, u); break;
    case RNN_C128:
        memcpy(z, p, sizeof z);
        putc('[', f);
        put_real(f, z[0], false);
        putc(',', f);
        put_real(f, z[1], false);
        putc(']', f);
        break;
    default: put_real(f, rnn_array_get(a, i), a->dtype == RNN_F32);
    }
}

static void put_array(FILE *f, const struct rnn_array *a)
{
    const size_t n = rnn_array_count(a);
    fprintf(f, "{\"dtype\":\"%s\",\"shape\":[", rnn_dtype_name(a->dtype));
    for (int d = 0; d < a->ndim; d++) fprintf(f, "%s%zu", d ? "," : "", a->shape[d]);
    fputs("],\"data\":[", f);
    for (size_t i = 0; i < n; i++) {
        if (i) putc(',', f);
        put_element(f, a, i);
    }
    fputs("]}", f);
}

static void put_object(FILE *f, const msgpack_object *o);

static void put_map(FILE *f, const msgpack_object_map *m)
{
    putc('{', f);
    for (uint32_t i = 0; i < m->size; i++) {
        const msgpack_object *k = &m->ptr[i].key;
        if (i) putc(',', f);
        if (k->type == MSGPACK_OBJECT_STR) put_string(f, k->via.str.ptr, k->via.str.size);
        else if (k->type == MSGPACK_OBJECT_BIN) put_string(f, k->via.bin.ptr, k->via.bin.size);
        else put_string(f, "?", 1); /* the reader lets no other key through */
        putc(':', f);
        put_object(f, &m->ptr[i].val);
    }
    putc('}', f);
}

/* Depth is bounded by the reader (RNN_MAX_DEPTH). */
static void put_object(FILE *f, const msgpack_object *o)
{
    struct rnn_array a;
    struct rnn_err ignored;
    switch (o->type) {
    case MSGPACK_OBJECT_BOOLEAN: fputs(o->via.boolean ? "true" : "false", f); break;
    case MSGPACK_OBJECT_POSITIVE_INTEGER: fprintf(f, "%" PRIu64, o->via.u64); break;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER: fprintf(f, "%" PRId64, o->via.i64); break;
    case MSGPACK_OBJECT_FLOAT32: put_real(f, o->via.f64, true); break;
    case MSGPACK_OBJECT_FLOAT64: put_real(f, o->via.f64, false); break;
    case MSGPACK_OBJECT_STR: put_string(f, o->via.str.ptr, o->via.str.size); break;
    case MSGPACK_OBJECT_BIN: put_hex(f, o->via.bin.ptr, o->via.bin.size); break;
    case MSGPACK_OBJECT_EXT: put_hex(f, o->via.ext.ptr, o->via.ext.size); break;
    case MSGPACK_OBJECT_ARRAY:
        putc('[', f);
        for (uint32_t i = 0; i < o->via.array.size; i++) {
            if (i) putc(',', f);
            put_object(f, &o->via.array.ptr[i]);
        }
        putc(']', f);
        break;
    case MSGPACK_OBJECT_MAP:
        if (rnn_is_array(o) && rnn_view_array(o, &a, &ignored) >= 0) put_array(f, &a);
        else put_map(f, &o->via.map);
        break;
    default: fputs("null", f);
    }
}

int rnn_json_line(FILE *f, const struct rnn_frame *frame, struct rnn_err *err)
{
    errno = 0;
    fprintf(f, "{\"segment\":%" PRIu64 ",\"index\":%" PRIu64 ",\"kind\":", frame->segment, frame->index);
    put_string(f, frame->kind, strlen(frame->kind));
    fputs(",\"body\":", f);
    put_object(f, frame->body);
    fprintf(f, ",\"crc\":\"%08" PRIx32 "\"}\n", frame->crc);
    return ferror(f) ? rnn_fail(err, RNN_ERR_IO, "cannot write: %s", strerror(errno ? errno : EIO)) : RNN_OK;
}
