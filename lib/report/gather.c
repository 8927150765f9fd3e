#include "report/gather.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/hash.h"
#include "base/mem.h"
#include "codec/codec.h"
#include "convert/look.h"

static struct rnn_gsegment *here(const struct rnn_gathered *g)
{
    return &g->segment[g->n_segments - 1];
}

/* ---- tables ---- */

const struct rnn_gtable *rnn_gathered_table(const struct rnn_gathered *g, const char *name)
{
    for (size_t i = 0; i < g->n_tables; i++)
        if (!strcmp(g->table[i].name, name) && g->table[i].rows) return &g->table[i];
    return NULL;
}

const struct rnn_gcol *rnn_gtable_col(const struct rnn_gtable *t, const char *name)
{
    for (size_t c = 0; c < t->n_cols; c++)
        if (!strcmp(t->col[c].name, name)) return &t->col[c];
    return NULL;
}

bool rnn_gcol_missing(const struct rnn_gcol *c, size_t row)
{
    return c->is_text ? !*c->s[row] : isnan(c->v[row]);
}

bool rnn_gcol_same(const struct rnn_gcol *c, size_t a, size_t b)
{
    return c->is_text ? !strcmp(c->s[a], c->s[b]) : c->v[a] == c->v[b] || (isnan(c->v[a]) && isnan(c->v[b]));
}

const char *rnn_gcol_text(const struct rnn_gcol *c, size_t row, char buf[40])
{
    if (c->is_text) return c->s[row];
    if (isnan(c->v[row])) return strcpy(buf, "NaN");
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(buf, 40, "%.*g", digits, c->v[row]);
        if (strtod(buf, NULL) == c->v[row]) break;
    }
    return buf;
}

static char *copy_str(const msgpack_object *o)
{
    char *s = o && o->type == MSGPACK_OBJECT_STR ? malloc(o->via.str.size + 1) : NULL;
    if (!s) return rnn_strdup("");
    memcpy(s, o->via.str.ptr, o->via.str.size);
    s[o->via.str.size] = 0;
    return s;
}

static struct rnn_gtable *table_of(struct rnn_gathered *g, const char *name, struct rnn_err *err)
{
    for (size_t i = 0; i < g->n_tables; i++)
        if (!strcmp(g->table[i].name, name)) return &g->table[i];
    if (rnn_grow(&g->table, &g->cap_tables, g->n_tables + 1, sizeof *g->table, err) < 0) return NULL;
    struct rnn_gtable *t = &g->table[g->n_tables];
    *t = (struct rnn_gtable){.name = rnn_strdup(name)};
    if (!t->name) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory"), NULL;
    g->n_tables++;
    return t;
}

/* Makes rows [from, to) of a column missing. */
static int blank(struct rnn_gcol *c, size_t from, size_t to, struct rnn_err *err)
{
    if (c->is_text) RNN_TRY(rnn_grow(&c->s, &c->cap_s, to ? to : 1, sizeof *c->s, err));
    else RNN_TRY(rnn_grow(&c->v, &c->cap_v, to ? to : 1, sizeof *c->v, err));
    for (size_t i = from; i < to; i++) {
        if (!c->is_text) c->v[i] = NAN;
        else if (!(c->s[i] = rnn_strdup(""))) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    }
    return RNN_OK;
}

/* A column of numbers that meets text becomes text. */
static int to_text(struct rnn_gcol *c, size_t rows, struct rnn_err *err)
{
    char buf[40];
    RNN_TRY(rnn_grow(&c->s, &c->cap_s, rows ? rows : 1, sizeof *c->s, err));
    for (size_t i = 0; i < rows; i++) {
        c->s[i] = rnn_strdup(isnan(c->v[i]) ? "" : rnn_gcol_text(c, i, buf));
        if (!c->s[i]) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    }
    free(c->v);
    c->v = NULL;
    c->is_text = true;
    return RNN_OK;
}

/* The column, made (missing in all earlier rows) when new.  The pointer holds until the next column is made. */
static struct rnn_gcol *column_of(struct rnn_gtable *t, const char *name, bool is_text, struct rnn_err *err)
{
    for (size_t i = 0; i < t->n_cols; i++) {
        struct rnn_gcol *c = &t->col[i];
        if (strcmp(c->name, name)) continue;
        if (is_text && !c->is_text && to_text(c, t->rows, err) < 0) return NULL;
        return c;
    }
    if (rnn_grow(&t->col, &t->cap_cols, t->n_cols + 1, sizeof *t->col, err) < 0) return NULL;
    struct rnn_gcol *c = &t->col[t->n_cols];
    *c = (struct rnn_gcol){.name = rnn_strdup(name), .unit = rnn_strdup(""), .doc = rnn_strdup(""), .is_text = is_text};
    t->n_cols++;
    if (!c->name || !c->unit || !c->doc) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory"), NULL;
    return blank(c, 0, t->rows, err) < 0 ? NULL : c;
}

/* Stores a number or a text into one cell of a column whose row exists. */
static int put_cell(struct rnn_gcol *c, size_t row, double v, const char *s, size_t len, struct rnn_err *err)
{
    char buf[40];
    if (!c->is_text) return c->v[row] = v, RNN_OK;
    if (!s) {
        struct rnn_gcol one = {.v = &v};
        s = isnan(v) ? "" : rnn_gcol_text(&one, 0, buf);
        len = strlen(s);
    }
    free(c->s[row]);
    c->s[row] = malloc(len + 1);
    if (!c->s[row]) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    memcpy(c->s[row], s, len);
    c->s[row][len] = 0;
    return RNN_OK;
}

static int put_column(struct rnn_gtable *t, const char *name, const msgpack_object *o, size_t from, size_t n, struct rnn_err *err)
{
    const bool text = o->type == MSGPACK_OBJECT_ARRAY;
    struct rnn_array a = {0};
    if (!text) RNN_TRY(rnn_view_array(o, &a, err));
    const size_t have = text ? o->via.array.size : rnn_array_count(&a);
    if (have != n) return rnn_fail(err, RNN_ERR_FORMAT, "table %s: column '%s' has %zu rows, others %zu", t->name, name, have, n);
    struct rnn_gcol *c = column_of(t, name, text, err);
    if (!c) return err->code;
    for (size_t i = 0; i < n; i++) {
        const msgpack_object *e = text ? &o->via.array.ptr[i] : NULL;
        if (e && e->type != MSGPACK_OBJECT_STR) return rnn_fail(err, RNN_ERR_FORMAT, "table %s: column '%s' mixes types", t->name, name);
        RNN_TRY(put_cell(c, from + i, e ? NAN : rnn_array_get(&a, i), e ? e->via.str.ptr : NULL, e ? e->via.str.size : 0, err));
    }
    return RNN_OK;
}

static size_t rows_of(const msgpack_object *o)
{
    struct rnn_array a;
    struct rnn_err ignored;
    if (o->type == MSGPACK_OBJECT_ARRAY) return o->via.array.size;
    return rnn_view_array(o, &a, &ignored) < 0 ? 0 : rnn_array_count(&a);
}

static int extend_rows(struct rnn_gtable *t, size_t n, uint64_t segment, uint64_t home, struct rnn_err *err)
{
    for (size_t i = 0; i < t->n_cols; i++) RNN_TRY(blank(&t->col[i], t->rows, t->rows + n, err));
    RNN_TRY(rnn_grow(&t->segment, &t->cap_segment, t->rows + n, sizeof *t->segment, err));
    RNN_TRY(rnn_grow(&t->home, &t->cap_home, t->rows + n, sizeof *t->home, err));
    for (size_t i = 0; i < n; i++) t->segment[t->rows + i] = segment, t->home[t->rows + i] = home;
    t->rows += n;
    return RNN_OK;
}

static void put_notes(struct rnn_gtable *t, const msgpack_object *map, bool units)
{
    for (size_t i = 0; map && map->type == MSGPACK_OBJECT_MAP && i < map->via.map.size; i++) {
        char *key = copy_str(&map->via.map.ptr[i].key);
        for (size_t c = 0; key && c < t->n_cols; c++) {
            if (strcmp(t->col[c].name, key)) continue;
            char **note = units ? &t->col[c].unit : &t->col[c].doc;
            free(*note);
            *note = copy_str(&map->via.map.ptr[i].val);
        }
        free(key);
    }
}

/* A constant column from a label, unless a real column of that name is there. */
static int put_label(struct rnn_gtable *t, const struct rnn_kv *l, size_t from, const msgpack_object *columns, struct rnn_err *err)
{
    if (rnn_find(columns, l->key) || l->type == RNN_KV_NULL) return RNN_OK;
    const bool text = l->type == RNN_KV_STR || l->type == RNN_KV_REALS;
    struct rnn_gcol *c = column_of(t, l->key, text, err);
    if (!c) return err->code;
    c->is_label = true;
    char *words = rnn_kv_text(l);
    if (!words) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    const struct rnn_kvs one = {.v = (struct rnn_kv *)l, .n = 1};
    int rc = RNN_OK;
    for (size_t i = from; rc >= 0 && i < t->rows; i++)
        rc = put_cell(c, i, rnn_kvs_get_real(&one, l->key, NAN), text ? words : NULL, strlen(words), err);
    free(words);
    return rc;
}

static int add_table(struct rnn_gathered *g, const struct rnn_frame *f, const char *name, struct rnn_err *err)
{
    const msgpack_object *columns;
    RNN_TRY(rnn_want_map(f->body, "columns", &columns, err));
    struct rnn_gtable *t = table_of(g, name, err);
    if (!t) return err->code;
    const size_t n = columns->via.map.size ? rows_of(&columns->via.map.ptr[0].val) : 0, from = t->rows;
    RNN_TRY(extend_rows(t, n, g->n_segments - 1, here(g)->home, err));
    for (size_t i = 0; i < columns->via.map.size; i++) {
        char *key = copy_str(&columns->via.map.ptr[i].key);
        const int rc = put_column(t, key, &columns->via.map.ptr[i].val, from, n, err);
        free(key);
        RNN_TRY(rc);
    }
    struct rnn_kvs labels = {0};
    int rc = RNN_OK;
    const msgpack_object *l = rnn_find(f->body, "labels"), *net = rnn_find(f->body, "net");
    if (l && l->type == MSGPACK_OBJECT_MAP) rc = rnn_want_kvs(f->body, "labels", &labels, err);
    if (rc >= 0 && net && net->type == MSGPACK_OBJECT_STR) {
        char *id = copy_str(net);
        rc = rnn_kvs_str(&labels, "net", id, err);
        free(id);
    }
    for (size_t i = 0; rc >= 0 && i < labels.n; i++) rc = put_label(t, &labels.v[i], from, columns, err);
    put_notes(t, rnn_find(f->body, "units"), true);
    put_notes(t, rnn_find(f->body, "doc"), false);
    rnn_kvs_release(&labels);
    return rc;
}

/* ---- arrays ---- */

static int copy_names(const msgpack_object *o, char *out[RNN_MAX_DIMS])
{
    for (size_t i = 0; o && o->type == MSGPACK_OBJECT_ARRAY && i < o->via.array.size && i < RNN_MAX_DIMS; i++) out[i] = copy_str(&o->via.array.ptr[i]);
    return RNN_OK;
}

/* The next block of the array given last: same name and net, and it begins where that one ends. */
static int continue_array(struct rnn_garray *a, const struct rnn_array *more, struct rnn_err *err)
{
    bool fits = a->value.ndim == more->ndim && a->value.dtype == more->dtype;
    for (int d = 1; fits && d < more->ndim; d++) fits = a->value.shape[d] == more->shape[d];
    if (!fits)
        return rnn_fail(err, RNN_ERR_FORMAT, "array %s: its pieces differ in type or dimensions", a->name);
    const size_t old = rnn_array_bytes(&a->value), add = rnn_array_bytes(more);
    char *p = rnn_alloc(old + add, 1);
    if (!p) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory for array %s", a->name);
    memcpy(p, a->value.data, old);
    memcpy(p + old, more->data, add);
    free(a->value.data);
    a->value.data = p;
    a->value.shape[0] += more->shape[0];
    return RNN_OK;
}

static int add_array(struct rnn_gathered *g, const struct rnn_frame *f, const char *name, struct rnn_err *err)
{
    struct rnn_array value = {0};
    uint64_t first;
    RNN_TRY(rnn_get_uint(f->body, "first", &first, 0, err));
    RNN_TRY(rnn_want_array(f->body, "value", &value, err));
    struct rnn_garray *last = g->n_arrays ? &g->array[g->n_arrays - 1] : NULL;
    if (first && last && !strcmp(last->name, name) && last->value.shape[0] == first) {
        const int rc = continue_array(last, &value, err);
        rnn_array_release(&value);
        return rc;
    }
    if (rnn_grow(&g->array, &g->cap_arrays, g->n_arrays + 1, sizeof *g->array, err) < 0) return rnn_array_release(&value), err->code;
    struct rnn_garray *a = &g->array[g->n_arrays++];
    *a = (struct rnn_garray){.name = rnn_strdup(name), .net = copy_str(rnn_find(f->body, "net")), .value = value, .segment = g->n_segments - 1};
    copy_names(rnn_find(f->body, "dims"), a->dims);
    copy_names(rnn_find(f->body, "units"), a->units);
    const msgpack_object *l = rnn_find(f->body, "labels");
    return l && l->type == MSGPACK_OBJECT_MAP ? rnn_want_kvs(f->body, "labels", &a->labels, err) : RNN_OK;
}

/* ---- tasks and provenance ---- */

static int add_task(struct rnn_gathered *g, const struct rnn_frame *f, struct rnn_err *err)
{
    struct rnn_task *t;
    RNN_TRY(rnn_task_decode(f->body, &t, err));
    for (size_t i = 0; i < g->n_tasks; i++)
        if (!strcmp(g->task[i]->id, t->id)) return rnn_task_free(t), RNN_OK;
    if (rnn_grow(&g->task, &g->cap_tasks, g->n_tasks + 1, sizeof *g->task, err) < 0) return rnn_task_free(t), err->code;
    g->task[g->n_tasks++] = t;
    return RNN_OK;
}

/* ---- what comes again ---- */

static struct rnn_gmark *slot(struct rnn_gmark *v, size_t cap, const struct rnn_gmark *m)
{
    size_t i = m->hash & (cap - 1);
    while (v[i].hash && (v[i].hash != m->hash || v[i].len != m->len)) i = (i + 1) & (cap - 1);
    return &v[i];
}

/* The segment in which a frame of these bytes came first: this one, when it is new. */
static int came_before(struct rnn_gathered *g, const struct rnn_frame *f, uint64_t *segment, struct rnn_err *err)
{
    struct rnn_gseen *s = &g->seen;
    const uint64_t hash = rnn_hash(f->raw, f->raw_len, 0);
    const struct rnn_gmark m = {.hash = hash ? hash : 1 /* 0 marks a free slot */, .len = f->raw_len, .segment = g->n_segments - 1};
    if (2 * (s->n + 1) > s->cap) {
        const size_t cap = s->cap ? 2 * s->cap : 64;
        struct rnn_gmark *v;
        RNN_TRY(rnn_alloc_into(&v, cap, sizeof *v, err));
        for (size_t i = 0; i < s->cap; i++)
            if (s->v[i].hash) *slot(v, cap, &s->v[i]) = s->v[i];
        free(s->v);
        s->v = v, s->cap = cap;
    }
    struct rnn_gmark *at = slot(s->v, s->cap, &m);
    if (!at->hash) *at = m, s->n++;
    *segment = at->segment;
    return RNN_OK;
}

/* Weights tell networks apart; one that comes in pieces has none of its own. */
static bool has_weights(const struct rnn_frame *net)
{
    const msgpack_object *params = rnn_find(net->body, "params");
    return params && params->type == MSGPACK_OBJECT_MAP && params->via.map.size;
}

/* A table of a network that is here already, and the table too. */
static int is_known(struct rnn_gathered *g, const struct rnn_frame *table, bool *known, struct rnn_err *err)
{
    uint64_t before;
    *known = false;
    if (!rnn_find(table->body, "net")) return RNN_OK;
    RNN_TRY(came_before(g, table, &before, err));
    *known = before < g->n_segments - 1 && here(g)->home == g->segment[before].home;
    return RNN_OK;
}

static int add_segment(struct rnn_gathered *g, const struct rnn_frame *f, struct rnn_err *err)
{
    RNN_TRY(rnn_grow(&g->segment, &g->cap_segments, g->n_segments + 1, sizeof *g->segment, err));
    struct rnn_gsegment *s = &g->segment[g->n_segments++];
    *s = (struct rnn_gsegment){.home = g->n_segments - 1};
    size_t len;
    FILE *out = open_memstream(&s->pipeline, &len);
    if (!out) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    const int rc = rnn_look_prov(out, f->body, err);
    fclose(out);
    return rc;
}

/* ---- networks and runs ---- */

/* Takes net over. */
static int keep_net(struct rnn_gathered *g, struct rnn_net *net, struct rnn_err *err)
{
    const int rc = rnn_grow(&g->net, &g->cap_nets, g->n_nets + 1, sizeof *g->net, err);
    if (rc < 0) {
        rnn_net_free(net);
        return rc;
    }
    free(net->theta0);
    net->theta0 = NULL;
    g->net[g->n_nets++] = net;
    return RNN_OK;
}

/* Those beyond `most` are counted only; so their param frames find none open. */
static int add_net(struct rnn_gathered *g, const struct rnn_frame *f, size_t most, struct rnn_err *err)
{
    struct rnn_net *whole;
    const bool is_net = !strcmp(f->kind, "net");
    if (is_net) {
        uint64_t before;
        RNN_TRY(came_before(g, f, &before, err));
        if (before < g->n_segments - 1 && has_weights(f)) return here(g)->home = g->segment[before].home, RNN_OK;
        here(g)->nets++;
    }
    if (!g->open && (!is_net || g->n_nets >= most)) return RNN_OK;
    RNN_TRY(rnn_net_take(&g->open, f, &whole, err));
    return whole ? keep_net(g, whole, err) : RNN_OK;
}

static int add_run(struct rnn_gathered *g, const struct rnn_frame *f, struct rnn_err *err)
{
    if (!strcmp(f->kind, "activity")) return g->activity.K ? RNN_OK : rnn_activity_decode(f->body, &g->activity, err);
    if (g->trials.K) return RNN_OK;
    RNN_TRY(rnn_trials_decode(f->body, &g->trials, err));
    return rnn_want_str(f->body, "task", &g->trials_task, err);
}

/* ---- the loop ---- */

static bool wanted(const char *const *names, const char *name)
{
    if (!names) return true;
    for (; *names; names++)
        if (!strcmp(*names, name)) return true;
    return false;
}

static int add_frame(struct rnn_gathered *g, const struct rnn_frame *f, const struct rnn_gather_want *want, struct rnn_err *err)
{
    if (!strcmp(f->kind, "head")) return add_segment(g, f, err);
    if (!strcmp(f->kind, "task")) return add_task(g, f, err);
    if (g->open || !strcmp(f->kind, "net") || !strcmp(f->kind, "param")) return add_net(g, f, want ? want->nets : 0, err);
    if (!strcmp(f->kind, "trials") || !strcmp(f->kind, "activity")) return want && want->runs ? add_run(g, f, err) : RNN_OK;
    const bool table = !strcmp(f->kind, "table");
    if (!table && strcmp(f->kind, "array")) return RNN_OK;
    char *name;
    RNN_TRY(rnn_want_str(f->body, "name", &name, err));
    bool known = false;
    int rc = table ? is_known(g, f, &known, err) : RNN_OK;
    if (rc >= 0 && !known && wanted(table ? (want ? want->tables : NULL) : (want ? want->arrays : NULL), name))
        rc = table ? add_table(g, f, name, err) : add_array(g, f, name, err);
    free(name);
    return rc;
}

int rnn_gather(struct rnn_gathered *g, struct rnn_reader *r, const struct rnn_gather_want *want, struct rnn_err *err)
{
    struct rnn_frame f;
    int rc;
    while ((rc = rnn_reader_next(r, &f, err)) == RNN_OK) RNN_TRY(add_frame(g, &f, want, err));
    return rc < 0 ? rc : RNN_OK;
}

static void release_table(struct rnn_gtable *t)
{
    for (size_t i = 0; i < t->n_cols; i++) {
        struct rnn_gcol *c = &t->col[i];
        for (size_t k = 0; c->is_text && k < t->rows; k++) free(c->s[k]);
        free(c->s);
        free(c->v);
        free(c->name);
        free(c->unit);
        free(c->doc);
    }
    free(t->col);
    free(t->segment);
    free(t->home);
    free(t->name);
}

void rnn_gathered_release(struct rnn_gathered *g)
{
    for (size_t i = 0; i < g->n_tables; i++) release_table(&g->table[i]);
    for (size_t i = 0; i < g->n_arrays; i++) {
        struct rnn_garray *a = &g->array[i];
        for (int k = 0; k < RNN_MAX_DIMS; k++) free(a->dims[k]), free(a->units[k]);
        free(a->name);
        free(a->net);
        rnn_kvs_release(&a->labels);
        rnn_array_release(&a->value);
    }
    for (size_t i = 0; i < g->n_tasks; i++) rnn_task_free(g->task[i]);
    for (size_t i = 0; i < g->n_segments; i++) free(g->segment[i].pipeline);
    for (size_t i = 0; i < g->n_nets; i++) rnn_net_free(g->net[i]);
    rnn_net_free(g->open);
    if (g->trials.K) rnn_trials_release(&g->trials);
    if (g->activity.K) rnn_activity_release(&g->activity);
    free(g->trials_task);
    free(g->net);
    free(g->table);
    free(g->array);
    free(g->task);
    free(g->segment);
    free(g->seen.v);
    memset(g, 0, sizeof *g);
}

/* ---- filters ---- */

static bool compare(const struct rnn_gcol *c, size_t row, const char *op, const char *value)
{
    double d;
    if (c->is_text) {
        const int order = strcmp(c->s[row], value);
        d = order;
    } else {
        d = c->v[row] - strtod(value, NULL);
        if (fabs(d) <= 1e-12 * fabs(c->v[row])) d = 0; /* 0.1 read as text is the 0.1 that was stored */
    }
    if (isnan(d)) return !strcmp(op, "!=");
    if (!strcmp(op, "=")) return d == 0;
    if (!strcmp(op, "!=")) return d != 0;
    if (!strcmp(op, "<")) return d < 0;
    if (!strcmp(op, "<=")) return d <= 0;
    if (!strcmp(op, ">")) return d > 0;
    return d >= 0;
}

/* "column op value": cuts the text in place. */
static int split_term(char *term, char **column, char op[3], char **value, struct rnn_err *err)
{
    const size_t at = strcspn(term, "=!<>");
    const size_t len = term[at] ? (term[at + 1] == '=' ? 2 : 1) : 0;
    if (!at || !len || (term[at] == '!' && len == 1))
        return rnn_fail(err, RNN_ERR_ARG, "filter '%s' is not COLUMN=VALUE (or != < <= > >=)", term);
    memcpy(op, term + at, len);
    op[len] = 0;
    *column = term;
    *value = term + at + len;
    term[at] = 0;
    return RNN_OK;
}

int rnn_gtable_fail_col(const struct rnn_gtable *t, const char *name, struct rnn_err *err)
{
    char list[300] = "";
    size_t n = 0;
    for (size_t i = 0; i < t->n_cols && n < sizeof list; i++) n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", i ? ", " : "", t->col[i].name);
    return rnn_fail(err, RNN_ERR_ARG, "table %s has no column '%s'; it has: %s%s", t->name, name, list, n < sizeof list ? "" : "...");
}

int rnn_gtable_filter(const struct rnn_gtable *t, const char *filter, bool *keep, struct rnn_err *err)
{
    for (size_t i = 0; i < t->rows; i++) keep[i] = true;
    char *text = rnn_strdup(filter ? filter : ""), *rest = text;
    if (!text) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    int rc = RNN_OK;
    for (char *term; rc >= 0 && (term = strsep(&rest, ","));) {
        char *column = NULL, op[3], *value = NULL;
        if (!*term) continue;
        rc = split_term(term, &column, op, &value, err);
        if (rc < 0) break;
        const struct rnn_gcol *c = rnn_gtable_col(t, column);
        if (!c) rc = rnn_gtable_fail_col(t, column, err);
        for (size_t i = 0; c && i < t->rows; i++) keep[i] = keep[i] && compare(c, i, op, value);
    }
    free(text);
    return rc;
}

static void unfilter_table(struct rnn_gtable *t)
{
    for (size_t i = 0; i < t->n_cols; i++) free(t->col[i].v), free(t->col[i].s);
    free(t->col);
    free(t->segment);
    free(t->home);
}

/* Rows of `of` that are kept; names and texts stay those of `of`. */
static int filter_table(const struct rnn_gtable *of, const bool *keep, struct rnn_gtable *t, struct rnn_err *err)
{
    *t = (struct rnn_gtable){.name = of->name};
    RNN_TRY(rnn_alloc_into(&t->col, of->n_cols + 1, sizeof *t->col, err));
    RNN_TRY(rnn_alloc_into(&t->segment, of->rows + 1, sizeof *t->segment, err));
    RNN_TRY(rnn_alloc_into(&t->home, of->rows + 1, sizeof *t->home, err));
    for (; t->n_cols < of->n_cols; t->n_cols++) {
        const struct rnn_gcol *from = &of->col[t->n_cols];
        struct rnn_gcol *c = &t->col[t->n_cols];
        *c = *from;
        c->v = NULL, c->s = NULL;
        if (from->is_text ? rnn_alloc_into(&c->s, of->rows + 1, sizeof *c->s, err) < 0 : rnn_alloc_into(&c->v, of->rows + 1, sizeof *c->v, err) < 0) return err->code;
        for (size_t i = 0, k = 0; i < of->rows; i++) {
            if (!keep[i]) continue;
            if (from->is_text) c->s[k++] = from->s[i];
            else c->v[k++] = from->v[i];
        }
    }
    for (size_t i = 0; i < of->rows; i++)
        if (keep[i]) t->home[t->rows] = of->home[i], t->segment[t->rows++] = of->segment[i];
    return RNN_OK;
}

int rnn_gathered_filter(const struct rnn_gathered *g, const char *filter, struct rnn_gathered *out, struct rnn_err *err)
{
    size_t applied = 0;
    *out = *g;
    out->n_tables = 0;
    RNN_TRY(rnn_alloc_into(&out->table, g->n_tables + 1, sizeof *out->table, err));
    for (size_t i = 0; i < g->n_tables; i++) {
        bool *keep = rnn_alloc(g->table[i].rows + 1, sizeof *keep);
        if (!keep) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
        int rc = rnn_gtable_filter(&g->table[i], filter, keep, err);
        if (rc >= 0) applied++;
        else for (size_t k = 0; k < g->table[i].rows; k++) keep[k] = true; /* a table without these columns stays */
        rc = filter_table(&g->table[i], keep, &out->table[out->n_tables++], err);
        free(keep);
        if (rc < 0) return rc;
    }
    return applied ? RNN_OK : rnn_fail(err, RNN_ERR_ARG, "filter '%s': no table has these columns", filter);
}

void rnn_gathered_unfilter(struct rnn_gathered *out)
{
    for (size_t i = 0; i < out->n_tables; i++) unfilter_table(&out->table[i]);
    free(out->table);
    out->table = NULL, out->n_tables = 0;
}
