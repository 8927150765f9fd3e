#include "convert/gather.h"

#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "codec/codec.h"

enum group { NET, ARRAY, TRIALS, TRIAL_PARAM, ACTIVITY, TASK, N_GROUPS };

struct item {
    enum group group;
    char *owner, *path;
    uint64_t segment, next; /* next: the row that a further block begins with */
    struct rnn_named e;     /* its name is set at the end */
    size_t cap;             /* bytes, or strings */
};

struct rnn_gather {
    struct item *v;
    size_t n, cap;
    struct rnn_tidies tables;
    uint64_t segment;
};

/* One block: numbers (a view) or strings. */
struct block { enum group group; const char *owner, *path; uint64_t first; const struct rnn_array *a; char *const *s; size_t n_s; };

int rnn_gather_new(struct rnn_gather **g, struct rnn_err *err)
{
    return rnn_alloc_into(g, 1, sizeof **g, err);
}

static struct item *find_started(struct rnn_gather *g, const struct block *b)
{
    for (size_t i = g->n; i-- > 0;) {
        struct item *it = &g->v[i];
        if (it->segment != g->segment) break;
        if (it->group == b->group && strcmp(it->owner, b->owner) == 0 && strcmp(it->path, b->path) == 0) return it->next == b->first ? it : NULL;
    }
    return NULL;
}

static int start_item(struct rnn_gather *g, const struct block *b, struct item **out, struct rnn_err *err)
{
    RNN_TRY(rnn_grow(&g->v, &g->cap, g->n + 1, sizeof *g->v, err));
    struct item *it = &g->v[g->n];
    *it = (struct item){.group = b->group, .owner = rnn_strdup(b->owner), .path = rnn_strdup(b->path), .segment = g->segment, .next = b->first};
    g->n++; /* so that it is freed */
    if (!it->owner || !it->path) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    if (b->a) {
        it->e.a = *b->a;
        it->e.a.data = NULL;
        if (b->a->ndim) it->e.a.shape[0] = 0;
    }
    *out = it;
    return RNN_OK;
}

static int append_numbers(struct item *it, const struct block *b, struct rnn_err *err)
{
    struct rnn_array *to = &it->e.a;
    bool fits = to->dtype == b->a->dtype && to->ndim == b->a->ndim && !it->e.s;
    for (int d = 1; fits && d < to->ndim; d++) fits = to->shape[d] == b->a->shape[d];
    if (!fits) return rnn_fail(err, RNN_ERR_FORMAT, "'%s': blocks of one array differ in dtype or shape", b->path);
    const size_t have = to->ndim ? rnn_array_bytes(to) : 0, more = rnn_array_bytes(b->a);
    RNN_TRY(rnn_grow(&to->data, &it->cap, have + more + 1, 1, err));
    if (more) memcpy((char *)to->data + have, b->a->data, more);
    if (to->ndim) to->shape[0] += b->a->shape[0];
    it->next += to->ndim ? b->a->shape[0] : 1;
    return RNN_OK;
}

static int append_strings(struct item *it, const struct block *b, struct rnn_err *err)
{
    RNN_TRY(rnn_grow(&it->e.s, &it->cap, it->e.n_s + b->n_s + 1, sizeof *it->e.s, err));
    for (size_t i = 0; i < b->n_s; i++) {
        if (!(it->e.s[it->e.n_s] = rnn_strdup(b->s[i]))) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
        it->e.n_s++;
    }
    it->next += b->n_s;
    return RNN_OK;
}

static int add(struct rnn_gather *g, const struct block *b, struct rnn_err *err)
{
    struct item *it = b->first ? find_started(g, b) : NULL;
    const bool from_zero = b->group == NET || b->group == ARRAY; /* trials may begin at any address */
    if (!it && b->first && from_zero) {
        return rnn_fail(err, RNN_ERR_FORMAT, "'%s': a block begins at row %llu and the rows before it did not come", b->path,
                        (unsigned long long)b->first);
    }
    if (!it) RNN_TRY(start_item(g, b, &it, err));
    return b->a ? append_numbers(it, b, err) : append_strings(it, b, err);
}

/* ---- kinds ---- */

static int add_value(struct rnn_gather *g, enum group group, const char *owner, const char *path, uint64_t first, const msgpack_object *o,
                     struct rnn_err *err)
{
    struct rnn_array a;
    if (!o || !rnn_is_array(o)) return rnn_fail(err, RNN_ERR_FORMAT, "'%s' is not an array", path);
    RNN_TRY(rnn_view_array(o, &a, err));
    return add(g, &(struct block){group, owner, path, first, &a, NULL, 0}, err);
}

/* As add_value; takes over path, which is NULL when memory was out. */
static int add_value_at(struct rnn_gather *g, enum group group, const char *owner, char *path, uint64_t first, const msgpack_object *o,
                        struct rnn_err *err)
{
    const int rc = path ? add_value(g, group, owner, path, first, o, err) : rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    free(path);
    return rc;
}

static int add_set(struct rnn_gather *g, const char *net, const char *prefix, const msgpack_object *set, struct rnn_err *err)
{
    if (!set || set->type != MSGPACK_OBJECT_MAP) return RNN_OK;
    for (size_t i = 0; i < set->via.map.size; i++) {
        const msgpack_object *k = &set->via.map.ptr[i].key;
        if (k->type != MSGPACK_OBJECT_STR) return rnn_fail(err, RNN_ERR_FORMAT, "a parameter's name is not a str");
        RNN_TRY(add_value_at(g, NET, net, rnn_asprintf("%s%.*s", prefix, (int)k->via.str.size, k->via.str.ptr), 0, &set->via.map.ptr[i].val, err));
    }
    return RNN_OK;
}

static int add_net(struct rnn_gather *g, const msgpack_object *body, const char *id, struct rnn_err *err)
{
    RNN_TRY(add_set(g, id, "", rnn_find(body, "params"), err));
    return add_set(g, id, "params0/", rnn_find(body, "params0"), err);
}

static int add_param(struct rnn_gather *g, const msgpack_object *body, const char *net, struct rnn_err *err)
{
    char *set = NULL, *name = NULL;
    uint64_t first = 0;
    int rc = rnn_want_str(body, "set", &set, err);
    if (rc >= 0) rc = rnn_want_str(body, "name", &name, err);
    if (rc >= 0) rc = rnn_want_uint(body, "first", &first, err);
    if (rc >= 0) rc = add_value_at(g, NET, net, rnn_asprintf("%s%s", strcmp(set, "params") ? "params0/" : "", name), first, rnn_find(body, "value"), err);
    free(set);
    free(name);
    return rc;
}

static int add_array(struct rnn_gather *g, const msgpack_object *body, const char *net, struct rnn_err *err)
{
    char *name = NULL;
    uint64_t first;
    RNN_TRY(rnn_get_uint(body, "first", &first, 0, err));
    RNN_TRY(rnn_want_str(body, "name", &name, err));
    const int rc = add_value(g, ARRAY, net, name, first, rnn_find(body, "value"), err);
    free(name);
    return rc;
}

static int add_trials(struct rnn_gather *g, const msgpack_object *body, const char *id, struct rnn_err *err)
{
    struct rnn_trials t;
    RNN_TRY(rnn_trials_decode(body, &t, err));
    const struct rnn_array u = {RNN_F32, 3, {t.K, t.T, t.n_in}, t.u}, y = {RNN_F32, 3, {t.K, t.T, t.n_out}, t.y}, w = {RNN_F64, 2, {t.K, t.T}, t.w};
    int rc = add(g, &(struct block){TRIALS, id, "inputs", t.first, &u, NULL, 0}, err);
    if (rc >= 0) rc = add(g, &(struct block){TRIALS, id, "targets", t.first, &y, NULL, 0}, err);
    if (rc >= 0) rc = add(g, &(struct block){TRIALS, id, "weights", t.first, &w, NULL, 0}, err);
    for (size_t i = 0; rc >= 0 && i < t.n_cols; i++) {
        const struct rnn_array v = {RNN_F64, 1, {t.K}, t.cols[i].v};
        rc = add(g, &(struct block){TRIAL_PARAM, id, t.cols[i].name, t.first, t.cols[i].s ? NULL : &v, t.cols[i].s, t.K}, err);
    }
    rnn_trials_release(&t);
    return rc;
}

static int add_activity(struct rnn_gather *g, const msgpack_object *body, const char *id, struct rnn_err *err)
{
    uint64_t first;
    RNN_TRY(rnn_get_uint(body, "first", &first, 0, err));
    RNN_TRY(add_value(g, ACTIVITY, id, "value", first, rnn_find(body, "value"), err));
    if (rnn_find(body, "state0")) RNN_TRY(add_value(g, ACTIVITY, id, "state0", first, rnn_find(body, "state0"), err));
    if (rnn_find(body, "outputs")) RNN_TRY(add_value(g, ACTIVITY, id, "outputs", first, rnn_find(body, "outputs"), err));
    const msgpack_object *units = rnn_find(body, "units");
    if (first == 0 && units && rnn_is_array(units)) RNN_TRY(add_value(g, ACTIVITY, id, "units", 0, units, err));
    return RNN_OK;
}

static int add_task(struct rnn_gather *g, const msgpack_object *body, const char *id, struct rnn_err *err)
{
    const msgpack_object *op = rnn_find(body, "operator");
    return op && op->type == MSGPACK_OBJECT_MAP ? add_value(g, TASK, id, "F", 0, rnn_find(op, "F"), err) : RNN_OK;
}

int rnn_gather_frame(struct rnn_gather *g, const struct rnn_frame *f, struct rnn_err *err)
{
    static const struct {
        const char *kind, *owner;
        int (*add)(struct rnn_gather *, const msgpack_object *, const char *, struct rnn_err *);
    } kinds[] = {{"net", "id", add_net}, {"param", "net", add_param}, {"array", "net", add_array}, {"trials", "id", add_trials},
                 {"activity", "id", add_activity}, {"task", "id", add_task}};
    g->segment = f->segment;
    if (strcmp(f->kind, "table") == 0) return rnn_tidies_add(&g->tables, f->body, err);
    for (size_t i = 0; i < RNN_LEN(kinds); i++) {
        char *owner = NULL;
        if (strcmp(kinds[i].kind, f->kind)) continue;
        const msgpack_object *o = rnn_find(f->body, kinds[i].owner);
        if (o && o->type != MSGPACK_OBJECT_NIL) RNN_TRY(rnn_want_str(f->body, kinds[i].owner, &owner, err));
        const int rc = kinds[i].add(g, f->body, owner ? owner : "", err);
        free(owner);
        return rc;
    }
    return RNN_OK;
}

/* ---- names ---- */

static bool same_owner(const struct item *a, const struct item *b)
{
    return a->segment == b->segment && strcmp(a->owner, b->owner) == 0;
}

static int by_path(const void *a, const void *b)
{
    const struct item *x = *(struct item *const *)a, *y = *(struct item *const *)b;
    const int c = strcmp(x->path, y->path);
    return c ? c : x < y ? -1 : x > y; /* both point into one array: its order */
}

static int by_name(const void *a, const void *b)
{
    const struct item *x = *(struct item *const *)a, *y = *(struct item *const *)b;
    const int c = strcmp(x->e.name, y->e.name);
    return c ? c : x < y ? -1 : x > y;
}

static int set_name(struct item *it, bool with_owner, struct rnn_err *err)
{
    static const char *const prefix[N_GROUPS] = {[TRIALS] = "trials/", [TRIAL_PARAM] = "trials/", [ACTIVITY] = "activity/",
                                                [TASK] = "task/", [NET] = "", [ARRAY] = ""};
    const bool owned = with_owner && *it->owner;
    it->e.name = rnn_asprintf("%s%s%s%s", prefix[it->group], owned ? it->owner : "", owned ? "/" : "", it->path);
    return it->e.name ? RNN_OK : rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
}

static int name_all(struct rnn_gather *g, struct item **order, struct rnn_err *err)
{
    const struct item *first[N_GROUPS] = {NULL};
    bool several[N_GROUPS] = {false};
    for (size_t i = 0; i < g->n; i++) {
        struct item *it = order[i] = &g->v[i];
        if (!first[it->group]) first[it->group] = it;
        several[it->group] |= !same_owner(first[it->group], it);
    }
    qsort(order, g->n, sizeof *order, by_path);
    for (size_t i = 0; i < g->n; i++) {
        struct item *it = order[i];
        bool with_owner = several[it->group];
        if (it->group == ARRAY) { /* only where another array has this name */
            with_owner = false;
            for (size_t j = i; j-- > 0 && !with_owner && strcmp(order[j]->path, it->path) == 0;) with_owner |= order[j]->group == ARRAY;
            for (size_t j = i + 1; j < g->n && !with_owner && strcmp(order[j]->path, it->path) == 0; j++) with_owner |= order[j]->group == ARRAY;
        }
        RNN_TRY(set_name(it, with_owner, err));
    }
    qsort(order, g->n, sizeof *order, by_name);
    for (size_t i = 0, run = 1; i + 1 < g->n; i++) {
        char *base = order[i + 1 - run]->e.name;
        run = strcmp(base, order[i + 1]->e.name) ? 1 : run + 1;
        if (run == 1) continue;
        char *name = rnn_asprintf("%s~%zu", base, run);
        if (!name) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
        free(order[i + 1]->e.name);
        order[i + 1]->e.name = name;
    }
    return RNN_OK;
}

int rnn_gather_finish(struct rnn_gather *g, struct rnn_named_list *out, struct rnn_err *err)
{
    struct item **order;
    RNN_TRY(rnn_alloc_into(&order, g->n, sizeof *order, err));
    int rc = name_all(g, order, err);
    free(order);
    for (size_t i = 0; rc >= 0 && i < g->n; i++) {
        struct rnn_named *e = &g->v[i].e;
        rc = e->s ? rnn_named_add_strs(out, e->name, e->s, e->n_s, err) : rnn_named_add(out, e->name, &e->a, err);
        e->s = NULL;
        e->n_s = 0;
    }
    for (size_t i = 0; rc >= 0 && i < g->tables.n; i++) rc = rnn_tidy_arrays(&g->tables.v[i], out, err);
    return rc;
}

void rnn_gather_free(struct rnn_gather *g)
{
    if (!g) return;
    for (size_t i = 0; i < g->n; i++) {
        struct item *it = &g->v[i];
        free(it->owner);
        free(it->path);
        free(it->e.name);
        rnn_array_release(&it->e.a);
        rnn_strs_free(it->e.s, it->e.n_s);
    }
    rnn_tidies_release(&g->tables);
    free(g->v);
    free(g);
}
