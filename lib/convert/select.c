#include "convert/select.h"

#include <stdlib.h>
#include <string.h>
#include "base/mem.h"

/* A frame that others may refer to (several with one key are blocks of one item), held back until one does. */
struct held {
    char *key;    /* "net:ID" */
    char *needs;  /* key of what it refers to, or NULL */
    struct rnn_bytes raw;
    bool is_out;
};

/* What frames of a net are judged by. */
struct owner { char *id; struct rnn_kvs labels; uint64_t index; };

struct rnn_selector {
    const struct rnn_select_rule *rule;
    struct held *held; size_t n_held, cap_held;
    struct owner *owners; size_t n_owners, cap_owners;
    uint64_t frames, nets; /* chosen so far, over all segments */
    bool is_full;
};

int rnn_selector_new(struct rnn_selector **s, const struct rnn_select_rule *rule, struct rnn_err *err)
{
    RNN_TRY(rnn_alloc_into(s, 1, sizeof **s, err));
    (*s)->rule = rule;
    return RNN_OK;
}

void rnn_selector_segment(struct rnn_selector *s)
{
    for (size_t i = 0; i < s->n_held; i++) {
        free(s->held[i].key);
        free(s->held[i].needs);
        rnn_bytes_release(&s->held[i].raw);
    }
    for (size_t i = 0; i < s->n_owners; i++) {
        free(s->owners[i].id);
        rnn_kvs_release(&s->owners[i].labels);
    }
    s->n_held = s->n_owners = 0;
    const struct rnn_select_rule *r = s->rule; /* a further segment must not begin with what only led to the next net */
    s->is_full |= (r->head_frames && s->frames >= r->head_frames) || (r->head_nets && s->nets >= r->head_nets);
}

void rnn_selector_free(struct rnn_selector *s)
{
    if (!s) return;
    rnn_selector_segment(s);
    free(s->held);
    free(s->owners);
    free(s);
}

/* ---- what is held ---- */

static struct held *find_held(struct rnn_selector *s, const char *key)
{
    for (size_t i = s->n_held; i-- > 0;) {
        if (strcmp(s->held[i].key, key) == 0) return &s->held[i];
    }
    return NULL;
}

/* Lets an item go out, after what it needs itself. */
static int let_out(struct rnn_selector *s, const char *key, struct rnn_bytes *out, struct rnn_err *err)
{
    struct held *h = key ? find_held(s, key) : NULL;
    if (!h || h->is_out) return RNN_OK; /* a dangling id is the reader's to refuse */
    h->is_out = true;
    RNN_TRY(let_out(s, h->needs, out, err));
    RNN_TRY(rnn_bytes_append(out, h->raw.p, h->raw.len, err));
    rnn_bytes_release(&h->raw);
    return RNN_OK;
}

/* "kind:" and the str under `key`; NULL in *out when there is none. */
static int key_of(const msgpack_object *body, const char *kind, const char *key, char **out, struct rnn_err *err)
{
    const msgpack_object *o = rnn_find(body, key);
    *out = NULL;
    if (!o || o->type != MSGPACK_OBJECT_STR) return RNN_OK;
    *out = rnn_asprintf("%s:%.*s", kind, (int)o->via.str.size, o->via.str.ptr);
    return *out ? RNN_OK : rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
}

static bool is_kind(const struct rnn_frame *f, const char *kind)
{
    return strcmp(f->kind, kind) == 0;
}

static bool wants_kind(const struct rnn_select_rule *r, const char *kind)
{
    for (size_t i = 0; i < r->n_kinds; i++) {
        if (strcmp(r->kinds[i], kind) == 0) return true;
    }
    return r->n_kinds == 0;
}

/* Keeps an item that others may refer to; its bytes only when something that refers to it can still be chosen. */
static int hold(struct rnn_selector *s, const struct rnn_frame *f, bool chosen, bool needed, struct rnn_err *err)
{
    char *key;
    if (!is_kind(f, "task") && !is_kind(f, "net") && !is_kind(f, "trials")) return RNN_OK;
    RNN_TRY(key_of(f->body, f->kind, "id", &key, err));
    if (!key) return RNN_OK;
    struct held *h = find_held(s, key);
    if (h) {
        free(key);
    } else {
        int rc = rnn_grow(&s->held, &s->cap_held, s->n_held + 1, sizeof *s->held, err);
        if (rc < 0) {
            free(key);
            return rc;
        }
        h = &s->held[s->n_held++];
        *h = (struct held){.key = key};
        RNN_TRY(key_of(f->body, "task", "task", &h->needs, err));
    }
    if (chosen) h->is_out = true;
    return chosen || !needed ? RNN_OK : rnn_bytes_append(&h->raw, f->raw, f->raw_len, err);
}

/* ---- judging ---- */

static bool same_value(const struct rnn_kv *a, const struct rnn_kv *b)
{
    const struct rnn_kvs one = {(struct rnn_kv *)a, 1, 1}, two = {(struct rnn_kv *)b, 1, 1};
    const double x = rnn_kvs_get_real(&one, a->key, 0), y = rnn_kvs_get_real(&two, b->key, 0);
    const bool numbers = a->type != RNN_KV_STR && b->type != RNN_KV_STR && a->type != RNN_KV_NULL && b->type != RNN_KV_NULL;
    char *s = rnn_kv_text(a), *t = rnn_kv_text(b);
    const bool same = s && t && strcmp(s, t) == 0;
    free(s);
    free(t);
    /* as text first: integers beyond 2^53 are not told apart as doubles */
    return same || (numbers && x == y && (a->type == RNN_KV_REAL || b->type == RNN_KV_REAL));
}

static bool labels_fit(const struct rnn_select_rule *r, const struct rnn_kvs *own, const struct rnn_kvs *nets)
{
    for (size_t i = 0; i < r->labels.n; i++) {
        const struct rnn_kv *want = &r->labels.v[i], *have = rnn_kvs_find(own, want->key);
        if (!have && nets) have = rnn_kvs_find(nets, want->key);
        if (!have || !same_value(want, have)) return false;
    }
    return true;
}

static const struct owner *find_owner(const struct rnn_selector *s, const msgpack_object *id)
{
    if (!id || id->type != MSGPACK_OBJECT_STR) return NULL;
    for (size_t i = s->n_owners; i-- > 0;) {
        if (strlen(s->owners[i].id) == id->via.str.size && memcmp(s->owners[i].id, id->via.str.ptr, id->via.str.size) == 0) return &s->owners[i];
    }
    return NULL;
}

static int add_owner(struct rnn_selector *s, const msgpack_object *body, struct rnn_err *err)
{
    RNN_TRY(rnn_grow(&s->owners, &s->cap_owners, s->n_owners + 1, sizeof *s->owners, err));
    struct owner *o = &s->owners[s->n_owners];
    *o = (struct owner){0};
    RNN_TRY(rnn_want_str(body, "id", &o->id, err));
    s->n_owners++;
    RNN_TRY(rnn_get_uint(body, "index", &o->index, 0, err));
    const msgpack_object *l = rnn_find(body, "labels");
    return l && l->type == MSGPACK_OBJECT_MAP ? rnn_want_kvs(body, "labels", &o->labels, err) : RNN_OK;
}

static bool name_fits(const struct rnn_select_rule *r, const msgpack_object *body)
{
    const msgpack_object *o = rnn_find(body, "name");
    for (size_t i = 0; i < r->n_names && o && o->type == MSGPACK_OBJECT_STR; i++) {
        if (strlen(r->names[i]) == o->via.str.size && memcmp(r->names[i], o->via.str.ptr, o->via.str.size) == 0) return true;
    }
    return r->n_names == 0;
}

/* Whether the frame is its own or another's that --index and --label ask for. */
static int owner_fits(const struct rnn_selector *s, const struct rnn_frame *f, bool *out, struct rnn_err *err)
{
    const struct rnn_select_rule *r = s->rule;
    const struct owner *o = find_owner(s, rnn_find(f->body, is_kind(f, "net") ? "id" : "net"));
    const msgpack_object *l = rnn_find(f->body, "labels");
    struct rnn_kvs own = {0};
    *out = r->n_index == 0;
    for (size_t i = 0; i < r->n_index && o; i++) *out |= o->index >= r->index[i].lo && o->index <= r->index[i].hi;
    if (!*out || !r->labels.n) return RNN_OK;
    if (l && l->type == MSGPACK_OBJECT_MAP) RNN_TRY(rnn_want_kvs(f->body, "labels", &own, err));
    *out = labels_fit(r, &own, o ? &o->labels : NULL);
    rnn_kvs_release(&own);
    return RNN_OK;
}

/* Whether a frame to come that refers to this one may be chosen.  Nets and trials are referred to by activity, which has no name; tasks by
 * all of them. */
static bool may_be_needed(const struct rnn_selector *s, const struct rnn_frame *f, bool owner)
{
    if (s->is_full) return false;
    if (is_kind(f, "task")) return true;
    return wants_kind(s->rule, "activity") && !s->rule->n_names && (owner || !is_kind(f, "net"));
}

/* A param frame goes where its net went. */
static int follow_net(struct rnn_selector *s, const struct rnn_frame *f, struct rnn_bytes *out, struct rnn_err *err)
{
    char *key;
    RNN_TRY(key_of(f->body, "net", "net", &key, err));
    struct held *h = key ? find_held(s, key) : NULL;
    free(key);
    if (!h) return RNN_OK;
    if (h->is_out) return rnn_bytes_append(out, f->raw, f->raw_len, err);
    return h->raw.len ? rnn_bytes_append(&h->raw, f->raw, f->raw_len, err) : RNN_OK;
}

int rnn_selector_frame(struct rnn_selector *s, const struct rnn_frame *f, struct rnn_bytes *out, struct rnn_err *err)
{
    const struct rnn_select_rule *r = s->rule;
    bool owner = false;
    char *net = NULL, *trials = NULL, *task = NULL;
    if (is_kind(f, "param")) return follow_net(s, f, out, err);
    if (is_kind(f, "net")) RNN_TRY(add_owner(s, f->body, err));
    s->is_full |= (r->head_frames && s->frames == r->head_frames) || (r->head_nets && s->nets == r->head_nets && is_kind(f, "net"));
    const bool asked = !s->is_full && wants_kind(r, f->kind) && name_fits(r, f->body);
    if (asked || is_kind(f, "net")) RNN_TRY(owner_fits(s, f, &owner, err));
    const bool chosen = asked && owner;
    RNN_TRY(hold(s, f, chosen, may_be_needed(s, f, owner), err));
    if (!chosen) return RNN_OK;
    s->frames++;
    s->nets += is_kind(f, "net");
    int rc = key_of(f->body, "task", "task", &task, err);
    if (rc >= 0 && is_kind(f, "activity")) rc = key_of(f->body, "net", "net", &net, err);
    if (rc >= 0 && is_kind(f, "activity")) rc = key_of(f->body, "trials", "trials", &trials, err);
    if (rc >= 0) rc = let_out(s, task, out, err);
    if (rc >= 0) rc = let_out(s, trials, out, err);
    if (rc >= 0) rc = let_out(s, net, out, err);
    free(task);
    free(trials);
    free(net);
    return rc < 0 ? rc : rnn_bytes_append(out, f->raw, f->raw_len, err);
}
