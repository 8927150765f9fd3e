#include "convert/tidy.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "convert/text.h"

/* ---- collecting ---- */

const struct rnn_tidy *rnn_tidies_find(const struct rnn_tidies *t, const char *name)
{
    for (size_t i = 0; i < t->n; i++) {
        if (strcmp(t->v[i].name, name) == 0) return &t->v[i];
    }
    return NULL;
}

static void release_piece(struct rnn_tidy_piece *p)
{
    rnn_named_release(&p->cols);
    rnn_kvs_release(&p->labels);
    free(p->net);
}

void rnn_tidy_release(struct rnn_tidy *t)
{
    for (size_t j = 0; j < t->n; j++) release_piece(&t->p[j]);
    free(t->p);
    free(t->name);
    *t = (struct rnn_tidy){0};
}

void rnn_tidies_release(struct rnn_tidies *t)
{
    for (size_t i = 0; i < t->n; i++) rnn_tidy_release(&t->v[i]);
    free(t->v);
    *t = (struct rnn_tidies){0};
}

static int take_strings(const char *name, const msgpack_object *o, struct rnn_named_list *out, struct rnn_err *err)
{
    const size_t n = o->via.array.size;
    char **s;
    RNN_TRY(rnn_alloc_into(&s, n, sizeof *s, err));
    for (size_t i = 0; i < n; i++) {
        const msgpack_object *e = &o->via.array.ptr[i];
        const bool is_str = e->type == MSGPACK_OBJECT_STR;
        s[i] = is_str ? rnn_asprintf("%.*s", (int)e->via.str.size, e->via.str.ptr) : NULL;
        if (s[i]) continue;
        rnn_strs_free(s, n);
        return is_str ? rnn_fail(err, RNN_ERR_NOMEM, "out of memory")
                      : rnn_fail(err, RNN_ERR_FORMAT, "column '%s' holds something that is not a str", name);
    }
    return rnn_named_add_strs(out, name, s, n, err);
}

static int take_column(const char *name, const msgpack_object *columns, const msgpack_object *o, struct rnn_named_list *out,
                       struct rnn_err *err)
{
    struct rnn_array a;
    if (o->type == MSGPACK_OBJECT_ARRAY) return take_strings(name, o, out, err);
    RNN_TRY(rnn_want_array(columns, name, &a, err));
    if (a.ndim != 1) {
        rnn_array_release(&a);
        return rnn_fail(err, RNN_ERR_FORMAT, "column '%s' has %d axes", name, a.ndim);
    }
    return rnn_named_add(out, name, &a, err);
}

static size_t length_of(const struct rnn_named *c)
{
    return c->s ? c->n_s : c->a.shape[0];
}

static int take_piece(const msgpack_object *body, struct rnn_tidy_piece *p, struct rnn_err *err)
{
    const msgpack_object *columns;
    RNN_TRY(rnn_want_map(body, "columns", &columns, err));
    for (size_t i = 0; i < columns->via.map.size; i++) {
        const msgpack_object *k = &columns->via.map.ptr[i].key;
        if (k->type != MSGPACK_OBJECT_STR) return rnn_fail(err, RNN_ERR_FORMAT, "a column's name is not a str");
        char *name = rnn_asprintf("%.*s", (int)k->via.str.size, k->via.str.ptr);
        if (!name) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
        const int rc = take_column(name, columns, &columns->via.map.ptr[i].val, &p->cols, err);
        free(name);
        RNN_TRY(rc);
        const size_t rows = length_of(&p->cols.v[i]);
        if (i == 0) p->rows = rows;
        if (rows != p->rows) {
            return rnn_fail(err, RNN_ERR_FORMAT, "column '%s' has %zu rows, '%s' has %zu", p->cols.v[i].name, rows, p->cols.v[0].name, p->rows);
        }
    }
    const msgpack_object *labels = rnn_find(body, "labels"), *net = rnn_find(body, "net");
    if (labels && labels->type != MSGPACK_OBJECT_NIL) RNN_TRY(rnn_want_kvs(body, "labels", &p->labels, err));
    if (net && net->type != MSGPACK_OBJECT_NIL) RNN_TRY(rnn_want_str(body, "net", &p->net, err));
    return RNN_OK;
}

/* A column holds numbers in every piece that has it, or text. */
static int check_columns(const struct rnn_tidy *t, const struct rnn_tidy_piece *b, struct rnn_err *err)
{
    for (size_t i = 0; i < b->cols.n; i++) {
        const struct rnn_named *c = &b->cols.v[i], *d = NULL;
        for (size_t j = 0; j < t->n && !d; j++) d = rnn_named_find(&t->p[j].cols, c->name);
        if (d && !c->s != !d->s) return rnn_fail(err, RNN_ERR_FORMAT, "column '%s' holds numbers in one piece and text in another", c->name);
    }
    return RNN_OK;
}

static int blame(struct rnn_err *err, const char *name)
{
    char old[sizeof err->msg];
    memcpy(old, err->msg, sizeof old);
    return rnn_fail(err, err->code, "table '%s': %s", name, old);
}

int rnn_tidies_add(struct rnn_tidies *t, const msgpack_object *body, struct rnn_err *err)
{
    char *name;
    struct rnn_tidy_piece p = {0};
    RNN_TRY(rnn_want_str(body, "name", &name, err));
    struct rnn_tidy *to = (struct rnn_tidy *)rnn_tidies_find(t, name);
    int rc = take_piece(body, &p, err);
    if (rc >= 0 && to) rc = check_columns(to, &p, err);
    if (rc < 0) blame(err, name);
    if (rc >= 0 && !to && (rc = rnn_grow(&t->v, &t->cap, t->n + 1, sizeof *t->v, err)) >= 0) {
        to = &t->v[t->n++];
        *to = (struct rnn_tidy){.name = name};
        name = NULL;
    }
    if (rc >= 0) rc = rnn_grow(&to->p, &to->cap, to->n + 1, sizeof *to->p, err);
    if (rc >= 0) to->p[to->n++] = p;
    else release_piece(&p);
    free(name);
    return rc;
}

/* ---- networks as a table ---- */

static int add_number(struct rnn_named_list *l, const char *name, double v, enum rnn_dtype dtype, struct rnn_err *err)
{
    struct rnn_array a;
    RNN_TRY(rnn_array_new(&a, dtype, 1, &(size_t){1}, err));
    if (dtype == RNN_F64) *(double *)a.data = v;
    else *(int64_t *)a.data = (int64_t)v;
    return rnn_named_add(l, name, &a, err);
}

static int add_word(struct rnn_named_list *l, const msgpack_object *body, const char *name, struct rnn_err *err)
{
    const msgpack_object *o = rnn_find(body, name);
    char **s;
    RNN_TRY(rnn_alloc_into(&s, 1, sizeof *s, err));
    s[0] = o && o->type == MSGPACK_OBJECT_STR ? rnn_asprintf("%.*s", (int)o->via.str.size, o->via.str.ptr) : rnn_strdup("");
    return s[0] ? rnn_named_add_strs(l, name, s, 1, err) : rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
}

static int take_net(const struct rnn_frame *f, struct rnn_tidy_piece *p, struct rnn_err *err)
{
    static const char *const words[] = {"status", "reason", "cell", "activation", "task"}, *const numbers[] = {"index", "N", "rank", "n_in", "n_out"};
    const msgpack_object *labels = rnn_find(f->body, "labels");
    p->rows = 1;
    RNN_TRY(rnn_want_str(f->body, "id", &p->net, err));
    if (labels && labels->type == MSGPACK_OBJECT_MAP) RNN_TRY(rnn_want_kvs(f->body, "labels", &p->labels, err));
    RNN_TRY(add_number(&p->cols, "segment", (double)f->segment, RNN_I64, err));
    RNN_TRY(add_number(&p->cols, "frame", (double)f->index, RNN_I64, err));
    for (size_t i = 0; i < RNN_LEN(numbers); i++) {
        const msgpack_object *o = rnn_find(f->body, numbers[i]);
        RNN_TRY(add_number(&p->cols, numbers[i], o && o->type == MSGPACK_OBJECT_POSITIVE_INTEGER ? (double)o->via.u64 : 0, RNN_I64, err));
    }
    for (size_t i = 0; i < RNN_LEN(words); i++) RNN_TRY(add_word(&p->cols, f->body, words[i], err));
    return add_number(&p->cols, "bytes", (double)f->raw_len, RNN_I64, err);
}

int rnn_tidy_net(struct rnn_tidy *t, const struct rnn_frame *f, struct rnn_err *err)
{
    struct rnn_tidy_piece p = {0};
    int rc = take_net(f, &p, err);
    if (rc >= 0) rc = rnn_grow(&t->p, &t->cap, t->n + 1, sizeof *t->p, err);
    if (rc >= 0) t->p[t->n++] = p;
    else release_piece(&p);
    return rc;
}

/* ---- the columns of the whole ---- */

enum source { FROM_LABEL, FROM_NET, FROM_COLUMN };
struct column {
    enum source from;
    const char *key; /* of the label or column */
    bool is_text;
};
struct columns { struct column *v; size_t n, cap; };

static bool is_number(const struct rnn_kv *e)
{
    return e->type == RNN_KV_BOOL || e->type == RNN_KV_INT || e->type == RNN_KV_UINT || e->type == RNN_KV_REAL;
}

static int add_column(struct columns *c, enum source from, const char *key, bool is_text, struct rnn_err *err)
{
    for (size_t i = 0; i < c->n; i++) {
        if (c->v[i].from == from && strcmp(c->v[i].key, key) == 0) {
            c->v[i].is_text |= is_text;
            return RNN_OK;
        }
    }
    RNN_TRY(rnn_grow(&c->v, &c->cap, c->n + 1, sizeof *c->v, err));
    c->v[c->n++] = (struct column){from, key, is_text};
    return RNN_OK;
}

static int columns_of(const struct rnn_tidy *t, struct columns *c, struct rnn_err *err)
{
    bool any_net = false, has_net = false;
    for (size_t i = 0; i < t->n; i++) {
        const struct rnn_kvs *l = &t->p[i].labels;
        for (size_t j = 0; j < l->n; j++) RNN_TRY(add_column(c, FROM_LABEL, l->v[j].key, !is_number(&l->v[j]), err));
        any_net |= t->p[i].net != NULL;
        has_net |= rnn_named_find(&t->p[i].cols, "net") != NULL;
    }
    if (any_net && !has_net) RNN_TRY(add_column(c, FROM_NET, "net", true, err));
    for (size_t i = 0; i < t->n; i++) {
        const struct rnn_named_list *l = &t->p[i].cols;
        for (size_t j = 0; j < l->n; j++) RNN_TRY(add_column(c, FROM_COLUMN, l->v[j].name, l->v[j].s != NULL, err));
    }
    return RNN_OK;
}

/* "label." when a label would be headed like another column. */
static const char *prefix_of(const struct columns *c, const struct column *of)
{
    for (size_t i = 0; i < c->n && of->from == FROM_LABEL; i++) {
        if (c->v[i].from != FROM_LABEL && strcmp(c->v[i].key, of->key) == 0) return "label.";
    }
    return "";
}

/* ---- TSV ---- */

static void put_text(FILE *f, const char *s)
{
    for (; *s; s++) {
        switch (*s) {
        case '\t': fputs("\\t", f); break;
        case '\n': fputs("\\n", f); break;
        case '\r': fputs("\\r", f); break;
        case '\\': fputs("\\\\", f); break;
        default: putc(*s, f);
        }
    }
}

static void put_number(FILE *f, const struct rnn_array *a, size_t row)
{
    char text[RNN_REAL_TEXT];
    switch (a->dtype) {
    case RNN_I64: fprintf(f, "%" PRId64, ((const int64_t *)a->data)[row]); break;
    case RNN_U64: fprintf(f, "%" PRIu64, ((const uint64_t *)a->data)[row]); break;
    case RNN_C128:
        fputs(rnn_real_text(((const double *)a->data)[2 * row], false, text), f);
        const double im = ((const double *)a->data)[2 * row + 1];
        if (!signbit(im)) putc('+', f);
        fprintf(f, "%sj", rnn_real_text(im, false, text));
        break;
    default: fputs(rnn_real_text(rnn_array_get(a, row), a->dtype == RNN_F32, text), f);
    }
}

static int put_label(FILE *f, const struct column *c, const struct rnn_kv *e, struct rnn_err *err)
{
    char text[RNN_REAL_TEXT];
    if (!e || e->type == RNN_KV_NULL) {
        if (!c->is_text) fputs("NaN", f);
    } else if (e->type == RNN_KV_STR) {
        put_text(f, e->s);
    } else if (e->type == RNN_KV_REAL) {
        fputs(rnn_real_text(e->r, false, text), f);
    } else {
        char *s = rnn_kv_text(e);
        if (!s) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
        if (e->type == RNN_KV_BOOL) fputs(e->b ? "1" : "0", f);
        else put_text(f, s);
        free(s);
    }
    return RNN_OK;
}

static int put_row(FILE *f, const struct columns *c, const struct rnn_tidy_piece *p, size_t row, struct rnn_err *err)
{
    for (size_t j = 0; j < c->n; j++) {
        const struct rnn_named *col = c->v[j].from == FROM_COLUMN ? rnn_named_find(&p->cols, c->v[j].key) : NULL;
        if (j) putc('\t', f);
        if (col && col->s) put_text(f, col->s[row]);
        else if (col) put_number(f, &col->a, row);
        else if (c->v[j].from == FROM_COLUMN) fputs(c->v[j].is_text ? "" : "NaN", f);
        else if (c->v[j].from == FROM_NET) put_text(f, p->net ? p->net : "");
        else RNN_TRY(put_label(f, &c->v[j], rnn_kvs_find(&p->labels, c->v[j].key), err));
    }
    putc('\n', f);
    return RNN_OK;
}

int rnn_tidy_tsv(const struct rnn_tidy *t, FILE *f, struct rnn_err *err)
{
    struct columns c = {0};
    int rc = columns_of(t, &c, err);
    errno = 0;
    for (size_t j = 0; rc >= 0 && j < c.n; j++) {
        fprintf(f, "%s%s", j ? "\t" : "", prefix_of(&c, &c.v[j]));
        put_text(f, c.v[j].key);
    }
    if (rc >= 0) putc('\n', f);
    for (size_t i = 0; rc >= 0 && i < t->n; i++) {
        for (size_t row = 0; rc >= 0 && row < t->p[i].rows; row++) rc = put_row(f, &c, &t->p[i], row, err);
    }
    free(c.v);
    if (rc >= 0 && ferror(f)) rc = rnn_fail(err, RNN_ERR_IO, "cannot write: %s", strerror(errno ? errno : EIO));
    return rc;
}

/* ---- arrays ---- */

/* The dtype that all pieces of a column share; float64 when they differ or one lacks it. */
static enum rnn_dtype common_dtype(const struct rnn_tidy *t, const struct column *c)
{
    if (c->from != FROM_COLUMN) return RNN_F64;
    const struct rnn_named *first = rnn_named_find(&t->p[0].cols, c->key);
    for (size_t i = 0; i < t->n; i++) {
        const struct rnn_named *col = rnn_named_find(&t->p[i].cols, c->key);
        if (!col || !first || col->a.dtype != first->a.dtype) return RNN_F64; /* where it is missing stands NaN */
    }
    return first->a.dtype;
}

static int numbers_of(const struct rnn_tidy *t, const struct column *c, size_t rows, struct rnn_array *a, struct rnn_err *err)
{
    size_t at = 0;
    RNN_TRY(rnn_array_new(a, common_dtype(t, c), 1, &rows, err));
    for (size_t i = 0; i < t->n; i++) {
        const struct rnn_tidy_piece *p = &t->p[i];
        const struct rnn_named *col = c->from == FROM_COLUMN ? rnn_named_find(&p->cols, c->key) : NULL;
        if (col && col->a.dtype == a->dtype) {
            const size_t size = rnn_dtype_size(a->dtype);
            if (p->rows) memcpy((char *)a->data + at * size, col->a.data, p->rows * size);
        } else {
            for (size_t r = 0; r < p->rows; r++) {
                ((double *)a->data)[at + r] = col                      ? rnn_array_get(&col->a, r)
                                                    : c->from == FROM_LABEL ? rnn_kvs_get_real(&p->labels, c->key, NAN)
                                                                            : NAN;
            }
        }
        at += p->rows;
    }
    return RNN_OK;
}

static char *text_of(const struct rnn_tidy_piece *p, const struct column *c, size_t row)
{
    const struct rnn_named *col = c->from == FROM_COLUMN ? rnn_named_find(&p->cols, c->key) : NULL;
    if (c->from == FROM_COLUMN) return rnn_strdup(col ? col->s[row] : "");
    if (c->from == FROM_NET) return rnn_strdup(p->net ? p->net : "");
    const struct rnn_kv *e = rnn_kvs_find(&p->labels, c->key);
    if (!e || e->type == RNN_KV_NULL) return rnn_strdup("");
    return e->type == RNN_KV_STR ? rnn_strdup(e->s) : rnn_kv_text(e);
}

static int texts_of(const struct rnn_tidy *t, const struct column *c, size_t rows, char ***out, struct rnn_err *err)
{
    size_t at = 0;
    RNN_TRY(rnn_alloc_into(out, rows, sizeof **out, err));
    for (size_t i = 0; i < t->n; i++) {
        for (size_t r = 0; r < t->p[i].rows; r++) {
            if (((*out)[at++] = text_of(&t->p[i], c, r))) continue;
            rnn_strs_free(*out, rows);
            return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
        }
    }
    return RNN_OK;
}

int rnn_tidy_arrays(const struct rnn_tidy *t, struct rnn_named_list *out, struct rnn_err *err)
{
    struct columns c = {0};
    size_t rows = 0;
    int rc = columns_of(t, &c, err);
    for (size_t i = 0; i < t->n; i++) rows += t->p[i].rows;
    for (size_t j = 0; rc >= 0 && j < c.n; j++) {
        char *name = rnn_asprintf("%s/%s%s", t->name, prefix_of(&c, &c.v[j]), c.v[j].key), **s;
        struct rnn_array a;
        if (!name) rc = rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
        else if (c.v[j].is_text) rc = (rc = texts_of(t, &c.v[j], rows, &s, err)) < 0 ? rc : rnn_named_add_strs(out, name, s, rows, err);
        else rc = (rc = numbers_of(t, &c.v[j], rows, &a, err)) < 0 ? rc : rnn_named_add(out, name, &a, err);
        free(name);
    }
    free(c.v);
    return rc;
}
