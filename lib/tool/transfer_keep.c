/* Outcomes in a checkpoint: a frame `outcome` {input, is_void, curve [6][n]}, then the frames that are written for the recipient. */
#include <msgpack.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "io/frame.h"
#include "io/reader.h"
#include "tool/transfer.h"

enum { CURVES = 6 };

static void curves_of(struct tool_curve *c, double **cols[CURVES])
{
    double **const all[CURVES] = { &c->epoch, &c->update, &c->train_loss, &c->train_accuracy, &c->test_loss, &c->test_accuracy };
    memcpy(cols, all, sizeof all);
}

int tool_outcome_keep(const struct tool_outcome *o, const char *input, struct rnn_bytes *out, struct rnn_err *err)
{
    const size_t n = o->curve.n, shape[2] = { CURVES, n };
    struct tool_curve curve = o->curve;
    struct rnn_body b = { 0 };
    double **cols[CURVES], *all;
    curves_of(&curve, cols);
    RNN_TRY(rnn_alloc_into(&all, CURVES * n, sizeof *all, err));
    for (size_t i = 0; i < CURVES && n; i++) memcpy(all + i * n, *cols[i], n * sizeof *all);
    rnn_body_start(&b);
    rnn_put_str(&b, "input", input);
    rnn_put_bool(&b, "is_void", o->is_void);
    rnn_put_array(&b, "curve", RNN_F64, 2, shape, all);
    int rc = rnn_frame_append(out, "outcome", &b, err);
    if (rc >= 0) rc = rnn_bytes_append(out, o->out.p, o->out.len, err);
    rnn_body_release(&b);
    free(all);
    return rc;
}

static int take_curve(const msgpack_object *body, struct tool_curve *c, struct rnn_err *err)
{
    struct rnn_array a;
    double **cols[CURVES];
    RNN_TRY(rnn_want_array(body, "curve", &a, err));
    int rc = RNN_OK;
    if (a.dtype != RNN_F64 || a.ndim != 2 || a.shape[0] != CURVES) rc = rnn_fail(err, RNN_ERR_FORMAT, "the curve of an outcome is not %d by n numbers", CURVES);
    curves_of(c, cols);
    for (size_t i = 0; rc >= 0 && i < CURVES; i++) {
        rc = rnn_alloc_into(cols[i], a.shape[1], sizeof(double), err);
        if (rc >= 0) memcpy(*cols[i], (const double *)a.data + i * a.shape[1], a.shape[1] * sizeof(double));
    }
    if (rc >= 0) c->n = c->cap = a.shape[1];
    rnn_array_release(&a);
    return rc;
}

static int read_outcome(const msgpack_object *body, const char *input, struct tool_outcome *o, struct rnn_err *err)
{
    char *of = NULL;
    RNN_TRY(rnn_want_str(body, "input", &of, err));
    const bool same = !strcmp(of, input);
    free(of);
    if (!same) return rnn_fail(err, RNN_ERR_ARG, "--checkpoint: it belongs to a run with another input");
    RNN_TRY(rnn_want_bool(body, "is_void", &o->is_void, err));
    return take_curve(body, &o->curve, err);
}

int tool_outcome_kept(const struct rnn_bytes *kept, const char *input, struct tool_outcome **out, struct rnn_err *err)
{
    msgpack_unpacked m;
    size_t used = 0, at = 0;
    struct tool_outcome *o;
    const int walked = rnn_walk(kept->p, kept->len, kept->len, &used, err);
    if (walked != RNN_OK) return walked < 0 ? walked : rnn_fail(err, RNN_ERR_FORMAT, "--checkpoint: an outcome is cut short");
    RNN_TRY(rnn_alloc_into(&o, 1, sizeof *o, err));
    msgpack_unpacked_init(&m);
    int rc = msgpack_unpack_next(&m, (const char *)kept->p, used, &at) == MSGPACK_UNPACK_SUCCESS && m.data.type == MSGPACK_OBJECT_ARRAY &&
             m.data.via.array.size == 3 ? RNN_OK : rnn_fail(err, RNN_ERR_FORMAT, "--checkpoint: an outcome is no frame");
    if (rc >= 0) rc = read_outcome(&m.data.via.array.ptr[1], input, o, err);
    if (rc >= 0) rc = rnn_bytes_append(&o->out, kept->p + used, kept->len - used, err);
    msgpack_unpacked_destroy(&m);
    if (rc < 0) tool_outcome_free(o);
    else *out = o;
    return rc;
}
