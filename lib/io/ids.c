#include "io/ids.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "base/hash.h"
#include "base/mem.h"

static const char *const item_kinds[] = {"task", "trials", "net", "activity"};

static const struct {
    const char *kind, *key; /* body[key] of a frame of this kind names an item of kind `key` */
} references[] = {{"net", "task"}, {"trials", "task"}, {"activity", "net"}, {"activity", "trials"}, {"param", "net"}};

void rnn_ids_clear(struct rnn_ids *ids)
{
    for (size_t i = 0; i < ids->cap; i++) {
        free(ids->slot[i]);
        ids->slot[i] = NULL;
    }
    ids->n = 0;
}

void rnn_ids_release(struct rnn_ids *ids)
{
    rnn_ids_clear(ids);
    free(ids->slot);
    *ids = (struct rnn_ids){0};
}

/* The slot that holds the name, or the empty one where it belongs. */
static char **probe(char **slot, size_t cap, const char *name)
{
    size_t i = (size_t)rnn_hash(name, strlen(name), 0) & (cap - 1);
    while (slot[i] && strcmp(slot[i], name) != 0) i = (i + 1) & (cap - 1);
    return &slot[i];
}

static bool has(const struct rnn_ids *ids, const char *name)
{
    return ids->cap > 0 && *probe(ids->slot, ids->cap, name);
}

/* Takes the name over.  The table stays at most half full. */
static int add(struct rnn_ids *ids, char *name, struct rnn_err *err)
{
    if (2 * (ids->n + 1) > ids->cap) {
        size_t cap = ids->cap ? 2 * ids->cap : 64;
        char **slot = calloc(cap, sizeof *slot);
        if (!slot) {
            free(name);
            return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
        }
        for (size_t i = 0; i < ids->cap; i++) {
            if (ids->slot[i]) *probe(slot, cap, ids->slot[i]) = ids->slot[i];
        }
        free(ids->slot);
        ids->slot = slot;
        ids->cap = cap;
    }
    *probe(ids->slot, ids->cap, name) = name;
    ids->n++;
    return RNN_OK;
}

/* "kind:id" (malloc'd) for the id under body[key]; *name NULL when there is none. */
static int id_name(const struct rnn_frame *f, const char *kind, const char *key, char **name, struct rnn_err *err)
{
    const msgpack_object *o = rnn_find(f->body, key);
    *name = NULL;
    if (!o || o->type == MSGPACK_OBJECT_NIL) return RNN_OK;
    if (o->type == MSGPACK_OBJECT_POSITIVE_INTEGER) *name = rnn_asprintf("%s:%" PRIu64, kind, o->via.u64);
    else if (o->type == MSGPACK_OBJECT_NEGATIVE_INTEGER) *name = rnn_asprintf("%s:%" PRId64, kind, o->via.i64);
    else if (o->type == MSGPACK_OBJECT_STR) *name = rnn_asprintf("%s:%.*s", kind, (int)o->via.str.size, o->via.str.ptr);
    else return rnn_fail(err, RNN_ERR_FORMAT, "%s.%s is neither a str nor an integer", f->kind, key);
    return *name ? RNN_OK : rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
}

static int check_reference(const struct rnn_ids *ids, const struct rnn_frame *f, const char *key, struct rnn_err *err)
{
    char *name;
    RNN_TRY(id_name(f, key, key, &name, err));
    int rc = RNN_OK;
    if (name && !has(ids, name)) {
        rc = rnn_fail(err, RNN_ERR_FORMAT, "%s refers to %s '%.80s', which has not come before it in this segment", f->kind, key,
                      name + strlen(key) + 1);
    }
    free(name);
    return rc;
}

/* Registers the item, and its block so that a doubled block is seen too. */
static int register_item(struct rnn_ids *ids, const struct rnn_frame *f, struct rnn_err *err)
{
    char *name;
    uint64_t first;
    RNN_TRY(rnn_get_uint(f->body, "first", &first, 0, err));
    RNN_TRY(id_name(f, f->kind, "id", &name, err));
    if (!name) return RNN_OK;
    char *block = rnn_asprintf("%s:%" PRIu64, name, first);
    if (!block) {
        free(name);
        return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    }
    if (has(ids, block)) {
        int rc = rnn_fail(err, RNN_ERR_FORMAT, "%s '%.80s' comes twice in this segment", f->kind, name + strlen(f->kind) + 1);
        free(name);
        free(block);
        return rc;
    }
    int rc = has(ids, name) ? (free(name), RNN_OK) : add(ids, name, err);
    if (rc < 0) {
        free(block);
        return rc;
    }
    return add(ids, block, err);
}

int rnn_ids_frame(struct rnn_ids *ids, const struct rnn_frame *f, struct rnn_err *err)
{
    if (strcmp(f->kind, "head") == 0) rnn_ids_clear(ids);
    for (size_t i = 0; i < RNN_LEN(references); i++) {
        if (strcmp(f->kind, references[i].kind) == 0) RNN_TRY(check_reference(ids, f, references[i].key, err));
    }
    for (size_t i = 0; i < RNN_LEN(item_kinds); i++) {
        if (strcmp(f->kind, item_kinds[i]) == 0) return register_item(ids, f, err);
    }
    return RNN_OK;
}
