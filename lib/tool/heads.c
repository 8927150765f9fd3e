#include "tool/heads.h"

#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "io/writer.h"

/* A reader that stands behind the head whose bytes these are. */
static int read_head(struct tool_head *h, const unsigned char *bytes, size_t len, struct rnn_err *err)
{
    struct rnn_frame f;
    RNN_TRY(rnn_alloc_into(&h->bytes, len, 1, err));
    memcpy(h->bytes, bytes, len);
    RNN_TRY(rnn_reader_open_mem(&h->reader, h->bytes, len, 0, err));
    return rnn_reader_next(h->reader, &f, err);
}

int tool_heads_take(struct tool_heads *h, const struct rnn_reader *r, const struct rnn_frame *f, struct rnn_err *err)
{
    if (!strcmp(f->kind, "end") && h->n) h->v[h->n - 1].digest = rnn_reader_digest(r);
    if (strcmp(f->kind, "head")) return RNN_OK;
    RNN_TRY(rnn_grow(&h->v, &h->cap, h->n + 1, sizeof *h->v, err));
    h->v[h->n] = (struct tool_head){.bytes = NULL};
    return read_head(&h->v[h->n++], f->raw, f->raw_len, err);
}

static int join(struct tool_heads *h, struct rnn_err *err)
{
    const struct rnn_kvs none = {0};
    struct rnn_prov_input *in = NULL;
    struct rnn_writer *w = NULL;
    size_t len;
    RNN_TRY(rnn_alloc_into(&in, h->n, sizeof *in, err));
    for (size_t i = 0; i < h->n; i++) in[i] = (struct rnn_prov_input){.option = "", .digest = h->v[i].digest, .head = rnn_reader_head(h->v[i].reader)};
    int rc = rnn_writer_open_mem(&w, err);
    if (rc >= 0) rc = rnn_writer_head_inputs(w, NULL, "rnn-cat", &none, &none, in, h->n, err);
    if (rc >= 0) {
        const unsigned char *bytes = rnn_writer_mem(w, &len);
        rc = read_head(&h->joined, bytes, len, err);
    }
    if (w) rnn_writer_abandon(w);
    free(in);
    return rc;
}

int tool_heads_join(struct tool_heads *h, const msgpack_object **head, struct rnn_err *err)
{
    if (h->n > 1 && !h->joined.reader) RNN_TRY(join(h, err));
    *head = h->n ? rnn_reader_head(h->n > 1 ? h->joined.reader : h->v[0].reader) : NULL;
    return RNN_OK;
}

static void release(struct tool_head *h)
{
    if (h->reader) rnn_reader_close(h->reader);
    free(h->bytes);
}

void tool_heads_release(struct tool_heads *h)
{
    for (size_t i = 0; i < h->n; i++) release(&h->v[i]);
    release(&h->joined);
    free(h->v);
    *h = (struct tool_heads){0};
}
