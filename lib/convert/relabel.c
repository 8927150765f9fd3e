#include "convert/relabel.h"

#include <stdlib.h>
#include <string.h>
#include "base/mem.h"

int rnn_relabel_append(struct rnn_bytes *out, const struct rnn_frame *f, const struct rnn_kvs *labels, bool *done, struct rnn_err *err)
{
    static const char *const kinds[] = { "task", "net", "table", "array" };
    struct rnn_kvs all = { 0 };
    struct rnn_body b = { 0 };
    const msgpack_object *old = rnn_find(f->body, "labels");
    *done = false;
    for (size_t i = 0; i < RNN_LEN(kinds); i++) *done |= !strcmp(f->kind, kinds[i]);
    if (!*done) return RNN_OK;
    int rc = old && old->type == MSGPACK_OBJECT_MAP ? rnn_want_kvs(f->body, "labels", &all, err) : RNN_OK;
    if (rc >= 0) rc = rnn_kvs_merge(&all, labels, err);
    rnn_body_start(&b);
    for (size_t i = 0; rc >= 0 && i < f->body->via.map.size; i++) {
        const msgpack_object_kv *kv = &f->body->via.map.ptr[i];
        char *key = rnn_asprintf("%.*s", (int)kv->key.via.str.size, kv->key.via.str.ptr);
        if (!key) rc = rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
        else if (&kv->val == old) rnn_put_kvs(&b, key, &all);
        else rnn_put_object(&b, key, &kv->val);
        free(key);
    }
    if (rc >= 0 && !old) rnn_put_kvs(&b, "labels", &all);
    if (rc >= 0) rc = rnn_frame_append(out, f->kind, &b, err);
    rnn_body_release(&b);
    rnn_kvs_release(&all);
    return rc;
}
