#include "convert/look.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "convert/text.h"

/* Control bytes must neither break the line nor drive the terminal. */
static void put_text(FILE *f, const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) putc((unsigned char)s[i] < 0x20 || s[i] == 0x7f ? '?' : s[i], f);
}

static void put_str(FILE *f, const char *before, const msgpack_object *o)
{
    if (!o || o->type != MSGPACK_OBJECT_STR || o->via.str.size == 0) return;
    fputs(before, f);
    put_text(f, o->via.str.ptr, o->via.str.size);
}

static void put_int(FILE *f, const char *before, const msgpack_object *o)
{
    if (o && o->type == MSGPACK_OBJECT_POSITIVE_INTEGER) fprintf(f, "%s%" PRIu64, before, o->via.u64);
}

static void put_shape(FILE *f, const msgpack_object *o)
{
    struct rnn_array a;
    struct rnn_err ignored;
    if (!o || !rnn_is_array(o) || rnn_view_array(o, &a, &ignored) < 0) return;
    fprintf(f, " %s[", rnn_dtype_name(a.dtype));
    for (int d = 0; d < a.ndim; d++) fprintf(f, "%s%zu", d ? "," : "", a.shape[d]);
    putc(']', f);
}

static void put_labels(FILE *f, const msgpack_object *body)
{
    struct rnn_kvs m = {0};
    struct rnn_err ignored;
    const msgpack_object *o = rnn_find(body, "labels");
    if (o && o->type == MSGPACK_OBJECT_MAP && rnn_want_kvs(body, "labels", &m, &ignored) >= 0) {
        for (size_t i = 0; i < m.n; i++) {
            char *s = rnn_kv_text(&m.v[i]);
            putc(' ', f);
            put_text(f, m.v[i].key, strlen(m.v[i].key));
            putc('=', f);
            put_text(f, s ? s : "?", s ? strlen(s) : 1);
            free(s);
        }
    }
    rnn_kvs_release(&m);
}

static void look_head(FILE *f, const msgpack_object *b)
{
    const msgpack_object *prov = rnn_find(b, "prov");
    for (uint32_t i = 0; prov && prov->type == MSGPACK_OBJECT_ARRAY && i < prov->via.array.size; i++) {
        put_str(f, i ? " | " : "by ", rnn_find(&prov->via.array.ptr[i], "tool"));
    }
}

static void look_task(FILE *f, const msgpack_object *b)
{
    put_str(f, "", rnn_find(b, "name"));
    put_str(f, " ", rnn_find(b, "id"));
    put_int(f, ", inputs ", rnn_find(b, "n_in"));
    put_int(f, ", outputs ", rnn_find(b, "n_out"));
    put_int(f, ", steps ", rnn_find(b, "steps"));
    put_int(f, ", seed ", rnn_find(b, "seed"));
}

static void look_trials(FILE *f, const msgpack_object *b)
{
    put_str(f, "", rnn_find(b, "id"));
    put_str(f, ", ", rnn_find(b, "split"));
    put_int(f, ", from trial ", rnn_find(b, "first"));
    fputs(", inputs", f);
    put_shape(f, rnn_find(b, "inputs"));
    fputs(", targets", f);
    put_shape(f, rnn_find(b, "targets"));
}

static void look_net(FILE *f, const msgpack_object *b)
{
    const msgpack_object *rank = rnn_find(b, "rank");
    put_str(f, "", rnn_find(b, "id"));
    put_str(f, ", ", rnn_find(b, "cell"));
    put_str(f, " ", rnn_find(b, "activation"));
    put_int(f, ", units ", rnn_find(b, "N"));
    if (rank && rank->type == MSGPACK_OBJECT_POSITIVE_INTEGER && rank->via.u64) put_int(f, ", rank ", rank);
    put_int(f, ", inputs ", rnn_find(b, "n_in"));
    put_int(f, ", outputs ", rnn_find(b, "n_out"));
    put_str(f, ", ", rnn_find(b, "status"));
    put_str(f, ": ", rnn_find(b, "reason"));
    put_labels(f, b);
}

static void look_param(FILE *f, const msgpack_object *b)
{
    put_str(f, "of ", rnn_find(b, "net"));
    put_str(f, ", ", rnn_find(b, "set"));
    put_str(f, " ", rnn_find(b, "name"));
    put_int(f, " from row ", rnn_find(b, "first"));
    put_shape(f, rnn_find(b, "value"));
}

static void look_activity(FILE *f, const msgpack_object *b)
{
    put_str(f, "of ", rnn_find(b, "net"));
    put_str(f, ", ", rnn_find(b, "what"));
    put_str(f, ", ", rnn_find(b, "split"));
    put_int(f, " from trial ", rnn_find(b, "first"));
    put_shape(f, rnn_find(b, "value"));
}

static void look_table(FILE *f, const msgpack_object *b)
{
    const msgpack_object *c = rnn_find(b, "columns");
    struct rnn_array a;
    struct rnn_err ignored;
    size_t rows = 0;
    put_str(f, "", rnn_find(b, "name"));
    put_str(f, " of ", rnn_find(b, "net"));
    if (!c || c->type != MSGPACK_OBJECT_MAP) return;
    if (c->via.map.size && c->via.map.ptr[0].val.type == MSGPACK_OBJECT_ARRAY) rows = c->via.map.ptr[0].val.via.array.size;
    else if (c->via.map.size && rnn_view_array(&c->via.map.ptr[0].val, &a, &ignored) >= 0 && a.ndim) rows = a.shape[0];
    fprintf(f, ", %zu row%s:", rows, rows == 1 ? "" : "s");
    for (uint32_t i = 0; i < c->via.map.size; i++) put_str(f, " ", &c->via.map.ptr[i].key);
}

static void look_array(FILE *f, const msgpack_object *b)
{
    const msgpack_object *dims = rnn_find(b, "dims");
    put_str(f, "", rnn_find(b, "name"));
    put_str(f, " of ", rnn_find(b, "net"));
    put_int(f, ", from ", rnn_find(b, "first"));
    put_shape(f, rnn_find(b, "value"));
    for (uint32_t i = 0; dims && dims->type == MSGPACK_OBJECT_ARRAY && i < dims->via.array.size; i++) {
        put_str(f, i ? " x " : " ", &dims->via.array.ptr[i]);
    }
}

static void look_end(FILE *f, const msgpack_object *b)
{
    const msgpack_object *d = rnn_find(b, "digest");
    put_int(f, "frames ", rnn_find(b, "frames"));
    put_int(f, ", failed ", rnn_find(b, "failed"));
    if (d && d->type == MSGPACK_OBJECT_POSITIVE_INTEGER) fprintf(f, ", digest %08" PRIx64, d->via.u64);
}

static void look_error(FILE *f, const msgpack_object *b)
{
    put_str(f, "", rnn_find(b, "tool"));
    put_str(f, ": ", rnn_find(b, "status"));
    put_str(f, ": ", rnn_find(b, "message"));
    put_str(f, " at ", rnn_find(b, "item"));
}

static void look_other(FILE *f, const msgpack_object *b)
{
    fputs("keys", f);
    for (uint32_t i = 0; b->type == MSGPACK_OBJECT_MAP && i < b->via.map.size; i++) put_str(f, " ", &b->via.map.ptr[i].key);
}

int rnn_look_line(FILE *f, const struct rnn_frame *frame, struct rnn_err *err)
{
    static const struct { const char *kind; void (*look)(FILE *, const msgpack_object *); } kinds[] = {
        {"head", look_head}, {"task", look_task}, {"trials", look_trials}, {"net", look_net}, {"param", look_param}, {"activity", look_activity},
        {"table", look_table}, {"array", look_array}, {"end", look_end}, {"error", look_error}};
    void (*look)(FILE *, const msgpack_object *) = look_other;
    for (size_t i = 0; i < RNN_LEN(kinds); i++) {
        if (strcmp(kinds[i].kind, frame->kind) == 0) look = kinds[i].look;
    }
    errno = 0;
    fprintf(f, "%" PRIu64 ":%-5" PRIu64 " %-8s %9zu  ", frame->segment, frame->index, frame->kind, frame->raw_len);
    look(f, frame->body);
    putc('\n', f);
    return ferror(f) ? rnn_fail(err, RNN_ERR_IO, "cannot write: %s", strerror(errno ? errno : EIO)) : RNN_OK;
}
