/* trials and activity frames: blocks of [trial][step][channel] numbers. */
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "codec/internal.h"

size_t rnn_rows_per_frame(size_t bytes_per_row)
{
    const size_t n = RNN_BLOCK_TARGET / (bytes_per_row ? bytes_per_row : 1);
    return n ? n : 1;
}

static bool weights_agree(const struct rnn_trials *tr)
{
    for (size_t k = 1; k < tr->K; k++) {
        if (memcmp(tr->w, tr->w + k * tr->T, tr->T * sizeof *tr->w)) return false;
    }
    return tr->K > 0;
}

int rnn_trials_encode(const struct rnn_trials *tr, const char *id, const char *task_id, uint64_t total, struct rnn_body *b,
                      struct rnn_err *err)
{
    rnn_body_start(b);
    rnn_put_str(b, "id", id);
    rnn_put_str(b, "task", task_id);
    rnn_put_str(b, "split", rnn_split_names[tr->split]);
    rnn_put_uint(b, "stream", tr->stream);
    rnn_put_uint(b, "first", tr->first);
    if (total) rnn_put_uint(b, "total", total);
    rnn_put_array(b, "inputs", RNN_F32, 3, (size_t[]){tr->K, tr->T, tr->n_in}, tr->u);
    rnn_put_array(b, "targets", RNN_F32, 3, (size_t[]){tr->K, tr->T, tr->n_out}, tr->y);
    if (weights_agree(tr)) rnn_put_array(b, "weights", RNN_F64, 1, &tr->T, tr->w);
    else rnn_put_array(b, "weights", RNN_F64, 2, (size_t[]){tr->K, tr->T}, tr->w);
    rnn_put_map(b, "params");
    for (size_t i = 0; i < tr->n_cols; i++) {
        const struct rnn_trial_col *c = &tr->cols[i];
        if (c->s) rnn_put_strs(b, c->name, (const char *const *)c->s, tr->K);
        else rnn_put_array(b, c->name, RNN_F64, 1, &tr->K, c->v);
    }
    rnn_put_close(b);
    return rnn_body_finish(b, err);
}

/* Weights are [K][T], or [T] when all trials agree; absent ones count as 1. */
static int take_weights(const msgpack_object *body, struct rnn_trials *tr, struct rnn_err *err)
{
    const msgpack_object *o = rnn_find(body, "weights");
    struct rnn_array v;
    size_t n;
    if (!rnn_mul_size(tr->K, tr->T, &n)) return rnn_fail(err, RNN_ERR_FORMAT, "too many steps");
    if (!rnn_is_nil(o)) {
        if (rnn_is_array(o)) RNN_TRY(rnn_view_array(o, &v, err));
        if (!rnn_is_array(o) || v.ndim != 1) return rnn_take_f64(body, "weights", 2, (size_t[]){tr->K, tr->T}, &tr->w, err);
    }
    RNN_TRY(rnn_alloc_into(&tr->w, n, sizeof *tr->w, err));
    if (rnn_is_nil(o)) {
        for (size_t i = 0; i < n; i++) tr->w[i] = 1;
        return RNN_OK;
    }
    if (tr->K == 0) return RNN_OK;
    RNN_TRY(rnn_view_into_f64(o, "weights", 1, &tr->T, tr->w, err));
    for (size_t k = 1; k < tr->K; k++) memcpy(tr->w + k * tr->T, tr->w, tr->T * sizeof *tr->w);
    return RNN_OK;
}

static int take_strs(const msgpack_object *o, const char *name, size_t K, char ***out, struct rnn_err *err)
{
    if (o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size != K) {
        return rnn_fail(err, RNN_ERR_FORMAT, "params: '%s' is neither an array nor a list of %zu str", name, K);
    }
    RNN_TRY(rnn_alloc_into(out, K, sizeof **out, err));
    for (size_t k = 0; k < K; k++) {
        const msgpack_object *s = &o->via.array.ptr[k];
        if (s->type != MSGPACK_OBJECT_STR) return rnn_fail(err, RNN_ERR_FORMAT, "params: '%s' holds something that is not a str", name);
        if (!((*out)[k] = rnn_asprintf("%.*s", (int)s->via.str.size, s->via.str.ptr))) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    }
    return RNN_OK;
}

static int take_cols(const msgpack_object *body, struct rnn_trials *tr, struct rnn_err *err)
{
    const msgpack_object *p = rnn_find(body, "params");
    if (rnn_is_nil(p)) return RNN_OK;
    if (p->type != MSGPACK_OBJECT_MAP) return rnn_fail(err, RNN_ERR_FORMAT, "'params' is not a map");
    RNN_TRY(rnn_alloc_into(&tr->cols, p->via.map.size, sizeof *tr->cols, err));
    for (size_t i = 0; i < p->via.map.size; i++) {
        const msgpack_object *k = &p->via.map.ptr[i].key, *o = &p->via.map.ptr[i].val;
        struct rnn_trial_col *c = &tr->cols[i];
        if (k->type != MSGPACK_OBJECT_STR) return rnn_fail(err, RNN_ERR_FORMAT, "params: a key is not a str");
        tr->n_cols = i + 1; /* so that a failure releases it */
        if (!(c->name = rnn_asprintf("%.*s", (int)k->via.str.size, k->via.str.ptr))) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
        if (!rnn_is_array(o)) {
            RNN_TRY(take_strs(o, c->name, tr->K, &c->s, err));
            continue;
        }
        RNN_TRY(rnn_alloc_into(&c->v, tr->K, sizeof *c->v, err));
        RNN_TRY(rnn_view_into_f64(o, c->name, 1, &tr->K, c->v, err));
    }
    return RNN_OK;
}

static int take_trials(const msgpack_object *body, struct rnn_trials *tr, struct rnn_err *err)
{
    size_t in[3] = {RNN_ANY, RNN_ANY, RNN_ANY};
    int split;
    RNN_TRY(rnn_get_name(body, "split", rnn_split_names, -1, &split, err));
    tr->split = (enum rnn_split)split;
    RNN_TRY(rnn_get_uint(body, "stream", &tr->stream, 0, err));
    RNN_TRY(rnn_get_uint(body, "first", &tr->first, 0, err));
    RNN_TRY(rnn_take_f32(body, "inputs", 3, in, &tr->u, err));
    tr->K = in[0];
    tr->T = in[1];
    tr->n_in = in[2];
    size_t out[3] = {tr->K, tr->T, RNN_ANY};
    RNN_TRY(rnn_take_f32(body, "targets", 3, out, &tr->y, err));
    tr->n_out = out[2];
    /* Counts are bounded by the bytes behind them: an extent of 0 would let the others be anything. */
    if (tr->K && !(tr->T && tr->n_out)) return rnn_fail(err, RNN_ERR_FORMAT, "%zu trials without steps or outputs", tr->K);
    RNN_TRY(take_weights(body, tr, err));
    return take_cols(body, tr, err);
}

static int blame_body(const msgpack_object *body, const char *kind, struct rnn_err *err)
{
    const msgpack_object *id = rnn_find(body, "id");
    char text[64] = "?";
    if (id && id->type == MSGPACK_OBJECT_STR && id->via.str.size < sizeof text) {
        memcpy(text, id->via.str.ptr, id->via.str.size);
        text[id->via.str.size] = '\0';
    }
    return rnn_blame(err, kind, text);
}

int rnn_trials_decode(const msgpack_object *body, struct rnn_trials *tr, struct rnn_err *err)
{
    *tr = (struct rnn_trials){0};
    if (take_trials(body, tr, err) >= 0) return RNN_OK;
    rnn_trials_release(tr);
    *tr = (struct rnn_trials){0};
    return blame_body(body, "trials", err);
}

/* ---- activity ---- */

static const char *const what_names[] = {"rates", "states", "latent", NULL};

int rnn_activity_encode(const struct rnn_activity *a, uint64_t total, struct rnn_body *b, struct rnn_err *err)
{
    rnn_body_start(b);
    rnn_put_str(b, "id", a->id);
    rnn_put_str(b, "net", a->net);
    if (a->trials) rnn_put_str(b, "trials", a->trials);
    else rnn_put_nil(b, "trials");
    rnn_put_str(b, "split", rnn_split_names[a->split]);
    rnn_put_uint(b, "first", a->first);
    if (total) rnn_put_uint(b, "total", total);
    rnn_put_str(b, "what", what_names[a->what]);
    rnn_put_uint(b, "thin", a->thin);
    if (a->units) {
        int64_t *units;
        RNN_TRY(rnn_alloc_into(&units, a->n, sizeof *units, err));
        for (size_t i = 0; i < a->n; i++) units[i] = (int64_t)a->units[i];
        rnn_put_array(b, "units", RNN_I64, 1, &a->n, units);
        free(units);
    } else {
        rnn_put_nil(b, "units");
    }
    rnn_put_array(b, "value", RNN_F32, 3, (size_t[]){a->K, a->T, a->n}, a->value);
    if (a->state0) rnn_put_array(b, "state0", RNN_F32, 2, (size_t[]){a->K, a->n_state0}, a->state0);
    if (a->outputs) rnn_put_array(b, "outputs", RNN_F32, 3, (size_t[]){a->K, a->T_out, a->n_out}, a->outputs);
    return rnn_body_finish(b, err);
}

static int take_units(const msgpack_object *body, struct rnn_activity *a, struct rnn_err *err)
{
    double *v = NULL;
    if (rnn_is_nil(rnn_find(body, "units"))) return RNN_OK;
    RNN_TRY(rnn_take_f64(body, "units", 1, &a->n, &v, err));
    int rc = rnn_alloc_into(&a->units, a->n, sizeof *a->units, err);
    for (size_t i = 0; rc >= 0 && i < a->n; i++) {
        if (v[i] >= 0 && v[i] < 4e9) a->units[i] = (size_t)v[i];
        else rc = rnn_fail(err, RNN_ERR_FORMAT, "'units' holds %g, which is no index", v[i]);
    }
    free(v);
    return rc;
}

static int take_activity(const msgpack_object *body, struct rnn_activity *a, struct rnn_err *err)
{
    size_t v[3] = {RNN_ANY, RNN_ANY, RNN_ANY};
    int split, what;
    RNN_TRY(rnn_get_str(body, "id", &a->id, "", err));
    RNN_TRY(rnn_want_str(body, "net", &a->net, err));
    if (!rnn_is_nil(rnn_find(body, "trials"))) RNN_TRY(rnn_want_str(body, "trials", &a->trials, err));
    RNN_TRY(rnn_get_name(body, "split", rnn_split_names, RNN_TEST, &split, err));
    RNN_TRY(rnn_get_name(body, "what", what_names, 0, &what, err));
    a->split = (enum rnn_split)split;
    a->what = what;
    RNN_TRY(rnn_get_uint(body, "first", &a->first, 0, err));
    RNN_TRY(rnn_get_size(body, "thin", &a->thin, 1, err));
    if (a->thin == 0) return rnn_fail(err, RNN_ERR_FORMAT, "'thin' must be at least 1");
    RNN_TRY(rnn_take_f32(body, "value", 3, v, &a->value, err));
    a->K = v[0];
    a->T = v[1];
    a->n = v[2];
    if (a->K && !(a->T && a->n)) return rnn_fail(err, RNN_ERR_FORMAT, "%zu trials without steps or units", a->K);
    RNN_TRY(take_units(body, a, err));
    if (!rnn_is_nil(rnn_find(body, "state0"))) {
        size_t s[2] = {a->K, RNN_ANY};
        RNN_TRY(rnn_take_f32(body, "state0", 2, s, &a->state0, err));
        a->n_state0 = s[1];
    }
    if (!rnn_is_nil(rnn_find(body, "outputs"))) {
        size_t o[3] = {a->K, RNN_ANY, RNN_ANY};
        RNN_TRY(rnn_take_f32(body, "outputs", 3, o, &a->outputs, err));
        a->T_out = o[1];
        a->n_out = o[2];
        if (a->K && a->T_out && !a->n_out) return rnn_fail(err, RNN_ERR_FORMAT, "%zu steps of no outputs", a->T_out);
    }
    return RNN_OK;
}

int rnn_activity_decode(const msgpack_object *body, struct rnn_activity *a, struct rnn_err *err)
{
    *a = (struct rnn_activity){0};
    if (take_activity(body, a, err) >= 0) return RNN_OK;
    rnn_activity_release(a);
    return blame_body(body, "activity", err);
}

void rnn_activity_release(struct rnn_activity *a)
{
    free(a->id);
    free(a->net);
    free(a->trials);
    free(a->value);
    free(a->state0);
    free(a->outputs);
    free(a->units);
    *a = (struct rnn_activity){0};
}
