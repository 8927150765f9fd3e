#include "io/pipe.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"

/* The id of a frame's body as text, "" when it has none; malloc'd, NULL when memory is out. */
static char *item_of(const struct rnn_frame *f)
{
    const msgpack_object *id = rnn_find(f->body, "id");
    if (!id) id = rnn_find(f->body, "net");
    if (id && id->type == MSGPACK_OBJECT_STR) return rnn_asprintf("%.*s", (int)id->via.str.size, id->via.str.ptr);
    if (id && id->type == MSGPACK_OBJECT_POSITIVE_INTEGER) return rnn_asprintf("%" PRIu64, id->via.u64);
    return rnn_strdup("");
}

int rnn_pipe_fail(struct rnn_writer *w, const char *tool, const char *item, int rc, struct rnn_err *err)
{
    struct rnn_err second = {0}; /* that telling failed too (a full disk, say) adds nothing to what went wrong first */
    if (rnn_writer_in_segment(w)) rnn_writer_error(w, tool ? tool : "", rnn_rc_name(rc), err->msg, item, &second);
    return rc;
}

int rnn_pipe_relay(struct rnn_reader *r, struct rnn_writer *w, const char *tool, const struct rnn_kvs *options,
                   const struct rnn_kvs *build, int rc, struct rnn_err *err)
{
    struct rnn_err second = {0};
    if (rc == RNN_ERR_UPSTREAM) return rc;
    const char *culprit = rnn_reader_last_tool(r);
    if (!rnn_writer_in_segment(w) && rnn_writer_head(w, NULL, tool, options, build, &second) < 0) return rc;
    if (*culprit && rc == RNN_ERR_TRUNCATED) rnn_fail(err, rc, "%s: %s stopped early", err->msg, culprit);
    rnn_writer_error(w, culprit, rnn_rc_name(rc), err->msg, "", &second);
    return rc;
}

struct run {
    struct rnn_reader *r;
    struct rnn_writer *w;
    const char *tool;
    const struct rnn_kvs *options, *build;
    const struct rnn_pipe_ops *ops;
    void *user;
};

/* What is held back goes out; rc and err stay unless that fails. */
static int settle(const struct run *p, int rc, struct rnn_err *err)
{
    struct rnn_err earlier = {0};
    const int settled = p->ops->settle ? p->ops->settle(p->user, p->w, &earlier) : RNN_OK;
    if (settled >= 0) return rc;
    *err = earlier;
    return settled;
}

static int begin(const struct run *p, const struct rnn_frame *f, struct rnn_err *err)
{
    RNN_TRY(rnn_writer_head_inputs(p->w, f->body, p->tool, p->options, p->build, p->ops->inputs, p->ops->n_inputs, err));
    if (!p->ops->segment_start) return RNN_OK;
    int rc = p->ops->segment_start(p->user, f->body, p->w, err);
    return rc < 0 ? rnn_pipe_fail(p->w, p->tool, "", rc, err) : RNN_OK;
}

static int finish(const struct run *p, struct rnn_err *err)
{
    if (p->ops->segment_end) {
        int rc = p->ops->segment_end(p->user, p->w, err);
        if (rc < 0) return rnn_pipe_fail(p->w, p->tool, "", settle(p, rc, err), err);
    }
    return rnn_writer_end(p->w, rnn_reader_failed(p->r), err);
}

static int answer(const struct run *p, const struct rnn_frame *f, struct rnn_err *err)
{
    if (strcmp(f->kind, "head") == 0) return begin(p, f, err);
    if (strcmp(f->kind, "end") == 0) return finish(p, err);
    if (strcmp(f->kind, "error") == 0) {
        int rc = settle(p, RNN_OK, err);
        return rc < 0 ? rnn_pipe_fail(p->w, p->tool, "", rc, err) : rnn_writer_copy(p->w, f, err);
    }
    if (!p->ops->frame) return rnn_writer_copy(p->w, f, err);
    int rc = p->ops->frame(p->user, f, p->w, err);
    if (rc >= 0) return RNN_OK;
    rc = settle(p, rc, err);
    char *item = item_of(f);
    rnn_pipe_fail(p->w, p->tool, item, rc, err);
    free(item);
    return rc;
}

int rnn_pipe_run(struct rnn_reader *r, struct rnn_writer *w, const char *tool, const struct rnn_kvs *options,
                 const struct rnn_kvs *build, const struct rnn_pipe_ops *ops, void *user, struct rnn_err *err)
{
    static const struct rnn_pipe_ops copy_all;
    const struct run p = {r, w, tool, options, build, ops ? ops : &copy_all, user};
    struct rnn_frame f;
    int rc;
    while ((rc = rnn_reader_next(r, &f, err)) == RNN_OK) {
        RNN_TRY(answer(&p, &f, err));
        if (!rnn_reader_pending(r)) RNN_TRY(rnn_writer_flush(w, err));
    }
    if (rc == RNN_EOS) return RNN_OK;
    const int settled = rc == RNN_ERR_UPSTREAM ? rc : settle(&p, rc, err);
    return settled == rc ? rnn_pipe_relay(r, w, tool, options, build, rc, err) : rnn_pipe_fail(w, tool, "", settled, err);
}
