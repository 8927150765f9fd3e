/* task frames. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "codec/internal.h"

static const char *const hint_names[] = {"linear", "sigmoid", "softmax", NULL};

static void put_periods(struct rnn_body *b, const struct rnn_task *t)
{
    rnn_put_list(b, "periods");
    for (size_t i = 0; i < t->n_periods; i++) {
        rnn_put_map(b, NULL);
        rnn_put_str(b, "name", t->periods[i].name);
        rnn_put_uint(b, "start", t->periods[i].start);
        rnn_put_uint(b, "stop", t->periods[i].stop);
        rnn_put_close(b);
    }
    rnn_put_close(b);
}

static void put_operator(struct rnn_body *b, const struct rnn_task *t)
{
    if (!t->F) {
        rnn_put_nil(b, "operator");
        return;
    }
    rnn_put_map(b, "operator");
    rnn_put_uint(b, "lags", t->lags);
    rnn_put_uint(b, "dims", t->dims);
    rnn_put_array(b, "F", RNN_F64, 2, (size_t[]){t->dims, t->lags * t->dims}, t->F);
    rnn_put_close(b);
}

static void put_channels(struct rnn_body *b, const char *key, char *const *names, size_t n)
{
    if (names) rnn_put_strs(b, key, (const char *const *)names, n);
    else rnn_put_nil(b, key);
}

/* Everything but the id, which is a hash of exactly these bytes. */
static void put_fields(struct rnn_body *b, const struct rnn_task *t)
{
    rnn_put_str(b, "name", t->name);
    rnn_put_uint(b, "seed", t->seed);
    rnn_put_kvs(b, "params", &t->params);
    rnn_put_uint(b, "n_in", t->n_in);
    rnn_put_uint(b, "n_out", t->n_out);
    rnn_put_uint(b, "steps", t->steps);
    rnn_put_uint(b, "horizon_base", t->horizon_base);
    rnn_put_uint(b, "horizon", t->horizon);
    if (isnan(t->dt_ms)) rnn_put_nil(b, "dt_ms");
    else rnn_put_real(b, "dt_ms", t->dt_ms);
    rnn_put_str(b, "loss", rnn_loss_names[t->loss]);
    rnn_put_str(b, "norm", rnn_loss_norm_names[t->norm]);
    rnn_put_str(b, "readout", hint_names[t->readout]);
    put_periods(b, t);
    rnn_put_bool(b, "finite", t->is_finite);
    rnn_put_map(b, "n_split");
    for (int s = 0; s < RNN_N_SPLITS; s++) rnn_put_uint(b, rnn_split_names[s], t->n_split[s]);
    rnn_put_close(b);
    rnn_put_bool(b, "closed_loop", t->closed_loop);
    rnn_put_uint(b, "cue_steps", t->cue_steps);
    put_operator(b, t);
    put_channels(b, "channels_in", t->channel_in, t->n_in);
    put_channels(b, "channels_out", t->channel_out, t->n_out);
    rnn_put_heads(b, &t->heads);
    if (t->is_decoded) rnn_put_bool(b, "decoded", true);
}

void rnn_task_set_id(struct rnn_task *t)
{
    struct rnn_body b = {0};
    struct rnn_err ignored;
    rnn_body_start(&b);
    put_fields(&b, t);
    _Static_assert(sizeof t->id >= RNN_ID_SIZE, "a task's id holds a hash");
    if (rnn_body_finish(&b, &ignored) < 0) t->id[0] = '\0'; /* out of memory: encoding will say so */
    else rnn_id_of(b.p, b.len, t->id);
    rnn_body_release(&b);
}

int rnn_task_encode(const struct rnn_task *t, struct rnn_body *b, struct rnn_err *err)
{
    if (!t->id[0]) return rnn_fail(err, RNN_ERR_ARG, "task '%s' has no id", t->name);
    rnn_body_start(b);
    rnn_put_str(b, "id", t->id);
    put_fields(b, t);
    if (t->labels.n) rnn_put_kvs(b, "labels", &t->labels);
    return rnn_body_finish(b, err);
}

static int take_periods(const msgpack_object *body, struct rnn_task *t, struct rnn_err *err)
{
    const msgpack_object *l = rnn_find(body, "periods");
    if (rnn_is_nil(l)) return RNN_OK;
    if (l->type != MSGPACK_OBJECT_ARRAY) return rnn_fail(err, RNN_ERR_FORMAT, "'periods' is not a list");
    RNN_TRY(rnn_alloc_into(&t->periods, l->via.array.size, sizeof *t->periods, err));
    t->n_periods = l->via.array.size;
    for (size_t i = 0; i < t->n_periods; i++) {
        struct rnn_period *p = &t->periods[i];
        const msgpack_object *o = &l->via.array.ptr[i];
        RNN_TRY(rnn_take_short(o, "name", p->name, sizeof p->name, err));
        RNN_TRY(rnn_want_size(o, "start", &p->start, err));
        RNN_TRY(rnn_want_size(o, "stop", &p->stop, err));
        if (p->start > p->stop) return rnn_fail(err, RNN_ERR_FORMAT, "period '%s' stops before it starts", p->name);
    }
    return RNN_OK;
}

static int take_channels(const msgpack_object *body, const char *key, size_t n, char ***out, struct rnn_err *err)
{
    const msgpack_object *l = rnn_find(body, key);
    if (rnn_is_nil(l)) return RNN_OK;
    if (l->type != MSGPACK_OBJECT_ARRAY || l->via.array.size != n) {
        return rnn_fail(err, RNN_ERR_FORMAT, "'%s' is not a list of %zu names", key, n);
    }
    RNN_TRY(rnn_alloc_into(out, n, sizeof **out, err));
    for (size_t i = 0; i < n; i++) {
        const msgpack_object *o = &l->via.array.ptr[i];
        if (o->type != MSGPACK_OBJECT_STR) return rnn_fail(err, RNN_ERR_FORMAT, "'%s' holds something that is not a str", key);
        (*out)[i] = rnn_asprintf("%.*s", (int)o->via.str.size, o->via.str.ptr);
        if (!(*out)[i]) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    }
    return RNN_OK;
}

static int take_operator(const msgpack_object *body, struct rnn_task *t, struct rnn_err *err)
{
    const msgpack_object *o = rnn_find(body, "operator");
    if (rnn_is_nil(o)) return RNN_OK;
    RNN_TRY(rnn_want_size(o, "lags", &t->lags, err));
    RNN_TRY(rnn_want_size(o, "dims", &t->dims, err));
    size_t shape[2] = {t->dims, 0};
    if (!rnn_mul_size(t->lags, t->dims, &shape[1])) return rnn_fail(err, RNN_ERR_FORMAT, "'operator' is too large");
    return rnn_take_f64(o, "F", 2, shape, &t->F, err);
}

/* The fields of a task that no registered generator knows: it can be learned from its trials, not drawn. */
static int take_fields(const msgpack_object *body, struct rnn_task *t, struct rnn_err *err)
{
    const msgpack_object *split;
    int loss, norm, hint;
    bool any = false;
    RNN_TRY(rnn_get_map(body, "n_split", &split, err));
    RNN_TRY(rnn_want_size(body, "n_in", &t->n_in, err));
    RNN_TRY(rnn_want_size(body, "n_out", &t->n_out, err));
    RNN_TRY(rnn_get_size(body, "steps", &t->steps, 0, err));
    RNN_TRY(rnn_get_size(body, "horizon_base", &t->horizon_base, 0, err));
    RNN_TRY(rnn_get_size(body, "horizon", &t->horizon, 0, err));
    RNN_TRY(rnn_get_ms(body, "dt_ms", &t->dt_ms, NAN, err));
    RNN_TRY(rnn_get_name(body, "loss", rnn_loss_names, RNN_LOSS_MSE, &loss, err));
    RNN_TRY(rnn_get_name(body, "norm", rnn_loss_norm_names, RNN_NORM_POSITIONS, &norm, err));
    RNN_TRY(rnn_get_name(body, "readout", hint_names, RNN_HINT_LINEAR, &hint, err));
    t->loss = (enum rnn_loss)loss;
    t->norm = (enum rnn_loss_norm)norm;
    t->readout = (enum rnn_readout_hint)hint;
    RNN_TRY(take_periods(body, t, err));
    for (int s = 0; s < RNN_N_SPLITS; s++) {
        RNN_TRY(rnn_get_uint(split, rnn_split_names[s], &t->n_split[s], 0, err));
        t->n_emit[s] = t->n_split[s];
        any |= t->n_split[s] > 0;
    }
    RNN_TRY(rnn_get_bool(body, "finite", &t->is_finite, any, err));
    RNN_TRY(rnn_get_bool(body, "closed_loop", &t->closed_loop, false, err));
    RNN_TRY(rnn_get_size(body, "cue_steps", &t->cue_steps, 0, err));
    RNN_TRY(take_operator(body, t, err));
    RNN_TRY(take_channels(body, "channels_in", t->n_in, &t->channel_in, err));
    RNN_TRY(take_channels(body, "channels_out", t->n_out, &t->channel_out, err));
    RNN_TRY(rnn_get_heads(body, &t->heads, err));
    if (rnn_heads_check(&t->heads, t->n_out, err) < 0) return err->code = RNN_ERR_FORMAT; /* the data is wrong, not a caller */
    return rnn_get_bool(body, "decoded", &t->is_decoded, false, err);
}

static int remake(const char *name, const char *id, const struct rnn_kvs *params, uint64_t seed, struct rnn_task **t,
                  struct rnn_err *err)
{
    RNN_TRY(rnn_task_make(t, name, params, seed, err));
    rnn_task_set_id(*t);
    if (strcmp((*t)->id, id) == 0) return RNN_OK;
    rnn_fail(err, RNN_ERR_FORMAT, "these parameters make a '%s' with id %s: the frame was changed, or made by another version", name,
             (*t)->id);
    rnn_task_free(*t);
    *t = NULL;
    return err->code;
}

int rnn_task_decode(const msgpack_object *body, struct rnn_task **out, struct rnn_err *err)
{
    struct rnn_task head = {0}, *t = NULL;
    int rc = rnn_take_short(body, "id", head.id, sizeof head.id, err);
    *out = NULL;
    if (rc >= 0) rc = rnn_take_short(body, "name", head.name, sizeof head.name, err);
    if (rc >= 0) rc = rnn_get_uint(body, "seed", &head.seed, 0, err);
    if (rc >= 0 && !rnn_is_nil(rnn_find(body, "params"))) rc = rnn_want_kvs(body, "params", &head.params, err);
    if (rc >= 0 && rnn_task_def_find(head.name)) {
        rc = remake(head.name, head.id, &head.params, head.seed, &t, err);
        rnn_kvs_release(&head.params);
    } else if (rc >= 0 && (rc = rnn_alloc_into(&t, 1, sizeof *t, err)) >= 0) {
        *t = head; /* params move along */
        rc = take_fields(body, t, err);
    } else {
        rnn_kvs_release(&head.params);
    }
    if (rc >= 0 && !rnn_is_nil(rnn_find(body, "labels"))) rc = rnn_want_kvs(body, "labels", &t->labels, err);
    if (rc < 0) {
        if (t) rnn_task_free(t);
        return rnn_blame(err, "task", head.id);
    }
    *out = t;
    return RNN_OK;
}
