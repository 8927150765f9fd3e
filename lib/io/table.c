#include "io/table.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"

/* One column.  A cell of a row that was never set is `missing`: NaN among numbers, "" among strings. */
struct column {
    char *name, *unit, *doc;
    enum rnn_kv_type type;
    union cell {
        double r;
        int64_t i;
        char *s; /* NULL: "" */
    } *cell;
    bool *set;
    size_t cap_cell, cap_set;
};

struct rnn_table {
    char *name;
    struct column *col;
    size_t n_cols, cap_cols, rows;
    struct rnn_body body;
    struct rnn_err failure; /* sticks until the table is written */
};

/* Where frames go: a writer or a worker's buffer. */
struct sink {
    struct rnn_writer *w;
    struct rnn_bytes *out;
    size_t block;
};

static int put(const struct sink *to, const char *kind, struct rnn_body *b, struct rnn_err *err)
{
    return to->w ? rnn_writer_frame(to->w, kind, b, err) : rnn_frame_append(to->out, kind, b, err);
}

/* ---- building a table ---- */

int rnn_table_new(struct rnn_table **t, const char *name, struct rnn_err *err)
{
    *t = calloc(1, sizeof **t);
    if (*t && ((*t)->name = rnn_strdup(name))) return RNN_OK;
    free(*t);
    *t = NULL;
    return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
}

static struct column *find(const struct rnn_table *t, const char *name)
{
    for (size_t c = 0; c < t->n_cols; c++) {
        if (strcmp(t->col[c].name, name) == 0) return &t->col[c];
    }
    return NULL;
}

int rnn_table_col(struct rnn_table *t, const char *name, enum rnn_kv_type type, const char *unit, const char *doc,
                  struct rnn_err *err)
{
    bool known = type == RNN_KV_REAL || type == RNN_KV_INT || type == RNN_KV_BOOL || type == RNN_KV_STR;
    if (!known) return rnn_fail(err, RNN_ERR_ARG, "table %s: column '%s' has a type no column can have", t->name, name);
    if (find(t, name)) return rnn_fail(err, RNN_ERR_ARG, "table %s: column '%s' is declared twice", t->name, name);
    if (t->rows) return rnn_fail(err, RNN_ERR_ARG, "table %s: column '%s' comes after rows", t->name, name);
    RNN_TRY(rnn_grow(&t->col, &t->cap_cols, t->n_cols + 1, sizeof *t->col, err));
    struct column *c = &t->col[t->n_cols++];
    *c = (struct column){.name = rnn_strdup(name), .unit = rnn_strdup(unit ? unit : ""), .doc = rnn_strdup(doc ? doc : ""), .type = type};
    return c->name && c->unit && c->doc ? RNN_OK : rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
}

/* The column's cell in the open row, made on first use; NULL with the error stuck. */
static union cell *cell_of(struct rnn_table *t, struct column *c)
{
    size_t have = c->cap_cell < c->cap_set ? c->cap_cell : c->cap_set;
    if (t->rows >= have) {
        if (rnn_grow(&c->cell, &c->cap_cell, t->rows + 1, sizeof *c->cell, &t->failure) < 0) return NULL;
        if (rnn_grow(&c->set, &c->cap_set, t->rows + 1, sizeof *c->set, &t->failure) < 0) return NULL;
        size_t now = c->cap_cell < c->cap_set ? c->cap_cell : c->cap_set;
        memset(c->cell + have, 0, (now - have) * sizeof *c->cell);
        memset(c->set + have, 0, (now - have) * sizeof *c->set);
    }
    return &c->cell[t->rows];
}

static union cell *open_cell(struct rnn_table *t, const char *name, struct column **out)
{
    if (t->failure.code) return NULL;
    struct column *c = find(t, name);
    if (!c) {
        rnn_fail(&t->failure, RNN_ERR_ARG, "table %s has no column '%s'", t->name, name);
        return NULL;
    }
    *out = c;
    return cell_of(t, c);
}

static void wrong_type(struct rnn_table *t, const char *col, const char *what)
{
    rnn_fail(&t->failure, RNN_ERR_ARG, "table %s: column '%s' does not hold %s", t->name, col, what);
}

void rnn_table_set(struct rnn_table *t, const char *col, double v)
{
    struct column *c;
    union cell *cell = open_cell(t, col, &c);
    if (!cell) return;
    if (c->type == RNN_KV_REAL) cell->r = v;
    else if (c->type == RNN_KV_BOOL && (v == 0 || v == 1)) cell->i = v == 1;
    else if (c->type == RNN_KV_INT && isnan(v)) return; /* stays missing */
    else if (c->type == RNN_KV_INT && v == trunc(v) && fabs(v) < 0x1p63) cell->i = (int64_t)v;
    else {
        wrong_type(t, col, "such a number");
        return;
    }
    c->set[t->rows] = true;
}

void rnn_table_set_int(struct rnn_table *t, const char *col, int64_t v)
{
    struct column *c;
    union cell *cell = open_cell(t, col, &c);
    if (!cell) return;
    if (c->type == RNN_KV_INT) cell->i = v;
    else if (c->type == RNN_KV_REAL) cell->r = (double)v;
    else if (c->type == RNN_KV_BOOL && (v == 0 || v == 1)) cell->i = v;
    else {
        wrong_type(t, col, "such a number");
        return;
    }
    c->set[t->rows] = true;
}

void rnn_table_set_str(struct rnn_table *t, const char *col, const char *s)
{
    struct column *c;
    union cell *cell = open_cell(t, col, &c);
    if (!cell) return;
    if (c->type != RNN_KV_STR) {
        wrong_type(t, col, "text");
        return;
    }
    char *copy = rnn_strdup(s ? s : "");
    if (!copy) {
        rnn_fail(&t->failure, RNN_ERR_NOMEM, "out of memory");
        return;
    }
    free(cell->s);
    cell->s = copy;
    c->set[t->rows] = true;
}

void rnn_table_row(struct rnn_table *t)
{
    for (size_t i = 0; i < t->n_cols && !t->failure.code; i++) cell_of(t, &t->col[i]); /* cells never set exist from now on */
    if (!t->failure.code) t->rows++;
}

size_t rnn_table_rows(const struct rnn_table *t)
{
    return t->rows;
}

void rnn_table_clear(struct rnn_table *t)
{
    for (size_t i = 0; i < t->n_cols; i++) {
        struct column *c = &t->col[i];
        size_t n = c->cap_cell < c->cap_set ? c->cap_cell : c->cap_set;
        for (size_t k = 0; k < n && c->type == RNN_KV_STR; k++) free(c->cell[k].s);
        if (n) {
            memset(c->cell, 0, n * sizeof *c->cell);
            memset(c->set, 0, n * sizeof *c->set);
        }
    }
    t->rows = 0;
    t->failure.code = RNN_OK;
}

void rnn_table_free(struct rnn_table *t)
{
    if (!t) return;
    rnn_table_clear(t);
    for (size_t i = 0; i < t->n_cols; i++) {
        free(t->col[i].name);
        free(t->col[i].unit);
        free(t->col[i].doc);
        free(t->col[i].cell);
        free(t->col[i].set);
    }
    free(t->col);
    free(t->name);
    rnn_body_release(&t->body);
    free(t);
}

/* ---- writing a table ---- */

static size_t row_bytes(const struct rnn_table *t, size_t row)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n_cols; i++) {
        const struct column *c = &t->col[i];
        n += c->type == RNN_KV_STR ? 5 + (c->cell[row].s ? strlen(c->cell[row].s) : 0) : 8;
    }
    return n;
}

/* Rows [first, n) of one column: float64 with NaN for what is missing; integers and booleans keep their type when
 * nothing is missing in the block. */
static int put_column(struct rnn_body *b, const struct column *c, size_t first, size_t n, struct rnn_err *err)
{
    if (c->type == RNN_KV_STR) {
        rnn_put_list(b, c->name);
        for (size_t k = first; k < first + n; k++) rnn_put_str(b, NULL, c->cell[k].s ? c->cell[k].s : "");
        rnn_put_close(b);
        return RNN_OK;
    }
    bool whole = c->type != RNN_KV_REAL;
    for (size_t k = first; k < first + n && whole; k++) whole = c->set[k];
    enum rnn_dtype t = !whole ? RNN_F64 : c->type == RNN_KV_INT ? RNN_I64 : RNN_BOOL;
    struct rnn_array a;
    RNN_TRY(rnn_array_new(&a, t, 1, &n, err));
    for (size_t k = 0; k < n; k++) {
        const union cell *cell = &c->cell[first + k];
        if (t == RNN_I64) ((int64_t *)a.data)[k] = cell->i;
        else if (t == RNN_BOOL) ((uint8_t *)a.data)[k] = cell->i != 0;
        else if (!c->set[first + k]) ((double *)a.data)[k] = NAN;
        else ((double *)a.data)[k] = c->type == RNN_KV_REAL ? cell->r : (double)cell->i;
    }
    rnn_put_array(b, c->name, t, 1, &n, a.data);
    rnn_array_release(&a);
    return RNN_OK;
}

static void put_texts(struct rnn_body *b, const char *key, const struct rnn_table *t, bool units)
{
    rnn_put_map(b, key);
    for (size_t i = 0; i < t->n_cols; i++) {
        const char *text = units ? t->col[i].unit : t->col[i].doc;
        if (*text) rnn_put_str(b, t->col[i].name, text);
    }
    rnn_put_close(b);
}

static int put_block(struct rnn_table *t, const struct sink *to, size_t first, size_t n, const struct rnn_kvs *labels,
                     const char *net, struct rnn_err *err)
{
    struct rnn_body *b = &t->body;
    rnn_body_start(b);
    rnn_put_str(b, "name", t->name);
    rnn_put_map(b, "columns");
    for (size_t i = 0; i < t->n_cols; i++) RNN_TRY(put_column(b, &t->col[i], first, n, err));
    rnn_put_close(b);
    put_texts(b, "units", t, true);
    put_texts(b, "doc", t, false);
    rnn_put_kvs(b, "labels", labels);
    if (net) rnn_put_str(b, "net", net);
    rnn_put_uint(b, "first", first);
    rnn_put_uint(b, "total", t->rows);
    return put(to, "table", b, err);
}

#define MAX_BLOCK_ROWS ((size_t)1 << 19) /* with 16 columns of text still below the values that a reader allows */

static int write_blocks(struct rnn_table *t, const struct sink *to, const struct rnn_kvs *labels, const char *net,
                        struct rnn_err *err)
{
    if (t->failure.code) {
        *err = t->failure;
        return err->code;
    }
    size_t first = 0;
    do {
        size_t n = 0, bytes = 0;
        while (first + n < t->rows && n < MAX_BLOCK_ROWS) {
            bytes += row_bytes(t, first + n);
            if (n > 0 && bytes > to->block) break;
            n++;
        }
        RNN_TRY(put_block(t, to, first, n, labels, net, err));
        first += n;
    } while (first < t->rows);
    return RNN_OK;
}

static int write_table(struct rnn_table *t, const struct sink *to, const struct rnn_kvs *labels, const char *net,
                       struct rnn_err *err)
{
    int rc = write_blocks(t, to, labels, net, err);
    rnn_table_clear(t);
    return rc;
}

int rnn_table_write(struct rnn_table *t, struct rnn_writer *w, const struct rnn_kvs *labels, const char *net, struct rnn_err *err)
{
    const struct sink to = {.w = w, .block = rnn_writer_block(w)};
    return write_table(t, &to, labels, net, err);
}

int rnn_table_append(struct rnn_table *t, struct rnn_bytes *out, const struct rnn_kvs *labels, const char *net, struct rnn_err *err)
{
    const struct sink to = {.out = out, .block = RNN_FRAME_TARGET};
    return write_table(t, &to, labels, net, err);
}

/* ---- arrays ---- */

struct array_item {
    const char *name, *net;
    const char *const *dims, *const *units;
    enum rnn_dtype dtype;
    int ndim;
    const size_t *shape;
    const unsigned char *data;
    const struct rnn_kvs *labels;
};

static int put_array_block(struct rnn_body *b, const struct array_item *a, const struct sink *to, size_t first, size_t n,
                           size_t row, struct rnn_err *err)
{
    size_t shape[RNN_MAX_DIMS] = {0};
    for (int d = 0; d < a->ndim; d++) shape[d] = d == 0 ? n : a->shape[d];
    rnn_body_start(b);
    rnn_put_str(b, "name", a->name);
    rnn_put_strs(b, "dims", a->dims, a->dims ? (size_t)a->ndim : 0);
    rnn_put_strs(b, "units", a->units, a->units ? (size_t)a->ndim : 0);
    rnn_put_kvs(b, "labels", a->labels);
    if (a->net) rnn_put_str(b, "net", a->net);
    rnn_put_uint(b, "first", first);
    if (a->ndim > 0) rnn_put_uint(b, "total", a->shape[0]);
    rnn_put_array(b, "value", a->dtype, a->ndim, shape, a->data ? a->data + first * row : NULL);
    return put(to, "array", b, err);
}

static int write_array(const struct sink *to, const struct array_item *a, struct rnn_err *err)
{
    struct rnn_body b = {0};
    size_t row = rnn_dtype_size(a->dtype), rows = a->ndim > 0 ? a->shape[0] : 1, first = 0;
    if (a->ndim < 0 || a->ndim > RNN_MAX_DIMS) return rnn_fail(err, RNN_ERR_ARG, "array %s has %d axes", a->name, a->ndim);
    for (int d = 1; d < a->ndim; d++) {
        if (!rnn_mul_size(row, a->shape[d], &row)) return rnn_fail(err, RNN_ERR_LIMIT, "array %s: size overflows", a->name);
    }
    size_t per = row && row < to->block ? to->block / row : row ? 1 : rows;
    int rc;
    do {
        size_t n = rows - first < per ? rows - first : per;
        rc = put_array_block(&b, a, to, first, n, row, err);
        first += n;
    } while (rc == RNN_OK && first < rows);
    rnn_body_release(&b);
    return rc;
}

int rnn_array_write(struct rnn_writer *w, const char *name, const char *const *dims, const char *const *units, enum rnn_dtype t,
                    int ndim, const size_t *shape, const void *data, const struct rnn_kvs *labels, const char *net,
                    struct rnn_err *err)
{
    const struct sink to = {.w = w, .block = rnn_writer_block(w)};
    const struct array_item a = {name, net, dims, units, t, ndim, shape, data, labels};
    return write_array(&to, &a, err);
}

int rnn_array_append(struct rnn_bytes *out, const char *name, const char *const *dims, const char *const *units, enum rnn_dtype t,
                     int ndim, const size_t *shape, const void *data, const struct rnn_kvs *labels, const char *net,
                     struct rnn_err *err)
{
    const struct sink to = {.out = out, .block = RNN_FRAME_TARGET};
    const struct array_item a = {name, net, dims, units, t, ndim, shape, data, labels};
    return write_array(&to, &a, err);
}
