/* net and param frames. */
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "codec/internal.h"

/* Largest number of parameters that a frame may announce without bringing them (2 GiB of float64): a few hostile bytes must not
 * make us fill memory. */
#define MAX_ANNOUNCED ((size_t)1 << 28)

/* Every key of a net that is ours; the others are somebody else's and survive a rewrite. */
static const char *const net_keys[] = {"id", "task", "index", "labels", "cell", "activation", "readout", "read", "N", "n_in", "n_out", "rank",
    "rank_scale", "read_latent", "heads", "n_latent", "bias_rec", "bias_in", "bias_out", "dt_ms", "tau_ms", "alpha", "alpha_per_unit", "noise", "h0", "precision_bits",
    "status", "reason", "summary", "training", "params", "params0"};

/* ---- writing ---- */

/* Frames go to a writer or to a buffer. */
struct sink { struct rnn_writer *w; struct rnn_bytes *out; };

/* Bytes of body that one frame may have. */
static size_t block_of(const struct sink *to)
{
    return to->w ? rnn_writer_block(to->w) : RNN_FRAME_TARGET;
}

static int put_frame(const struct sink *to, const char *kind, struct rnn_body *b, struct rnn_err *err)
{
    return to->w ? rnn_writer_frame(to->w, kind, b, err) : rnn_frame_append(to->out, kind, b, err);
}

/* n values as the net's precision says. */
static int put_values(struct rnn_body *b, const char *key, int bits, int ndim, const size_t *shape, const double *v, struct rnn_err *err)
{
    size_t n = 1;
    float *f;
    for (int i = 0; i < ndim; i++) n *= shape[i];
    if (bits == 64) {
        rnn_put_array(b, key, RNN_F64, ndim, shape, v);
        return RNN_OK;
    }
    RNN_TRY(rnn_alloc_into(&f, n, sizeof *f, err));
    for (size_t i = 0; i < n; i++) f[i] = (float)v[i];
    rnn_put_array(b, key, RNN_F32, ndim, shape, f);
    free(f);
    return RNN_OK;
}

static int put_set(struct rnn_body *b, const char *key, const struct rnn_net *net, const double *theta, bool split, struct rnn_err *err)
{
    rnn_put_map(b, key);
    for (size_t i = 0; i < net->params.n && !split; i++) {
        const struct rnn_param *p = &net->params.p[i];
        RNN_TRY(put_values(b, p->name, net->precision_bits, p->is_vector ? 1 : 2, (size_t[]){p->rows, p->cols}, theta + p->offset, err));
    }
    rnn_put_close(b);
    return RNN_OK;
}

static void put_spec(struct rnn_body *b, const struct rnn_spec *s)
{
    rnn_put_str(b, "cell", rnn_cell_names[s->cell]);
    rnn_put_str(b, "activation", rnn_act_names[s->act]);
    rnn_put_str(b, "readout", rnn_readout_names[s->readout]);
    rnn_put_str(b, "read", rnn_read_when_names[s->read]);
    rnn_put_uint(b, "N", s->N);
    rnn_put_uint(b, "n_in", s->n_in);
    rnn_put_uint(b, "n_out", s->n_out);
    rnn_put_uint(b, "rank", s->rank);
    rnn_put_str(b, "rank_scale", rnn_rank_scale_names[s->rank_scale]);
    rnn_put_bool(b, "read_latent", s->read_latent);
    rnn_put_heads(b, &s->heads);
    if (s->n_latent) rnn_put_uint(b, "n_latent", s->n_latent);
    rnn_put_bool(b, "bias_rec", s->bias_rec);
    rnn_put_bool(b, "bias_in", s->bias_in);
    rnn_put_bool(b, "bias_out", s->bias_out);
    rnn_put_real(b, "dt_ms", s->dt_ms);
    rnn_put_real(b, "tau_ms", s->tau_ms);
    rnn_put_real(b, "alpha", s->alpha);
    rnn_put_bool(b, "alpha_per_unit", s->alpha_per_unit);
    rnn_put_map(b, "noise");
    rnn_put_real(b, "sd", s->noise_rec);
    rnn_put_str(b, "where", rnn_noise_where_names[s->noise_where]);
    rnn_put_str(b, "scale", rnn_noise_scale_names[s->noise_scale]);
    rnn_put_close(b);
    rnn_put_map(b, "h0");
    rnn_put_str(b, "law", rnn_h0_law_names[s->h0]);
    rnn_put_real(b, "sd", s->h0_sd);
    rnn_put_str(b, "transform", rnn_h0_transform_names[s->h0_transform]);
    rnn_put_close(b);
}

static void put_or_nil(struct rnn_body *b, const char *key, const char *s)
{
    if (s) rnn_put_str(b, key, s);
    else rnn_put_nil(b, key);
}

static void put_foreign(struct rnn_body *b, const msgpack_object *in)
{
    if (!in || in->type != MSGPACK_OBJECT_MAP) return;
    for (size_t i = 0; i < in->via.map.size; i++) {
        const msgpack_object *k = &in->via.map.ptr[i].key;
        bool ours = k->type != MSGPACK_OBJECT_STR;
        for (size_t j = 0; j < RNN_LEN(net_keys) && !ours; j++) ours = rnn_key_is(k, net_keys[j]);
        if (ours) continue;
        char *key = rnn_asprintf("%.*s", (int)k->via.str.size, k->via.str.ptr);
        if (!key) rnn_fail(&b->err, RNN_ERR_NOMEM, "out of memory");
        else rnn_put_object(b, key, &in->via.map.ptr[i].val);
        free(key);
    }
}

static int put_body(struct rnn_body *b, const struct rnn_net *net, const msgpack_object *in, bool split, struct rnn_err *err)
{
    rnn_body_start(b);
    put_or_nil(b, "id", net->id);
    put_or_nil(b, "task", net->task);
    rnn_put_uint(b, "index", net->index);
    rnn_put_kvs(b, "labels", &net->labels);
    put_spec(b, &net->spec);
    rnn_put_int(b, "precision_bits", net->precision_bits);
    rnn_put_str(b, "status", rnn_net_status_names[net->status]);
    put_or_nil(b, "reason", net->reason);
    rnn_put_kvs(b, "summary", &net->summary);
    rnn_put_kvs(b, "training", &net->training);
    RNN_TRY(put_set(b, "params", net, net->theta, split, err));
    if (net->theta0) RNN_TRY(put_set(b, "params0", net, net->theta0, split, err));
    else rnn_put_nil(b, "params0");
    put_foreign(b, in);
    return RNN_OK;
}

/* The param frames of one set, in blocks of rows. */
static int put_param_frames(const struct sink *to, struct rnn_body *b, const struct rnn_net *net, const char *set, const double *theta,
                            struct rnn_err *err)
{
    for (size_t i = 0; i < net->params.n; i++) {
        const struct rnn_param *p = &net->params.p[i];
        const size_t row = p->cols * (size_t)(net->precision_bits / 8), fit = block_of(to) / row, block = fit ? fit : 1;
        for (size_t first = 0; first < p->rows; first += block) {
            const size_t rows = p->rows - first < block ? p->rows - first : block;
            rnn_body_start(b);
            rnn_put_str(b, "net", net->id);
            rnn_put_str(b, "set", set);
            rnn_put_str(b, "name", p->name);
            rnn_put_uint(b, "first", first);
            RNN_TRY(put_values(b, "value", net->precision_bits, p->is_vector ? 1 : 2, (size_t[]){rows, p->cols},
                               theta + p->offset + first * p->cols, err));
            RNN_TRY(put_frame(to, "param", b, err));
        }
    }
    return RNN_OK;
}

static int put_net(const struct sink *to, const struct rnn_net *net, const msgpack_object *in, struct rnn_err *err)
{
    struct rnn_body b = {0};
    size_t bytes;
    if (!net->id) return rnn_fail(err, RNN_ERR_ARG, "a net without id");
    if (net->precision_bits != 32 && net->precision_bits != 64) {
        return rnn_fail(err, RNN_ERR_ARG, "net '%s': precision of %d bits", net->id, net->precision_bits);
    }
    if (!rnn_mul_size(net->params.total, (size_t)(net->precision_bits / 8) * (net->theta0 ? 2 : 1), &bytes)) {
        return rnn_fail(err, RNN_ERR_LIMIT, "net '%s' is too large", net->id);
    }
    const bool split = bytes > block_of(to); /* RNN_FRAME_TARGET leaves 4 MiB for what else it carries */
    int rc = put_body(&b, net, in, split, err);
    if (rc >= 0) rc = put_frame(to, "net", &b, err);
    if (rc >= 0 && split) rc = put_param_frames(to, &b, net, "params", net->theta, err);
    if (rc >= 0 && split && net->theta0) rc = put_param_frames(to, &b, net, "params0", net->theta0, err);
    rnn_body_release(&b);
    return rc;
}

int rnn_net_write(struct rnn_writer *w, const struct rnn_net *net, struct rnn_err *err)
{
    return put_net(&(struct sink){.w = w}, net, NULL, err);
}

int rnn_net_append(struct rnn_bytes *out, const struct rnn_net *net, struct rnn_err *err)
{
    return put_net(&(struct sink){.out = out}, net, NULL, err);
}

int rnn_net_rewrite_append(struct rnn_bytes *out, const msgpack_object *in_body, const struct rnn_net *net, struct rnn_err *err)
{
    return put_net(&(struct sink){.out = out}, net, in_body, err);
}

/* ---- reading ---- */

static int take_choices(const msgpack_object *body, struct rnn_spec *s, struct rnn_err *err)
{
    const msgpack_object *noise, *h0;
    int cell, act, readout, read, scale, where, noise_scale, law, transform;
    RNN_TRY(rnn_get_map(body, "noise", &noise, err));
    RNN_TRY(rnn_get_map(body, "h0", &h0, err));
    RNN_TRY(rnn_get_name(body, "cell", rnn_cell_names, -1, &cell, err));
    RNN_TRY(rnn_get_name(body, "activation", rnn_act_names, -1, &act, err));
    RNN_TRY(rnn_get_name(body, "readout", rnn_readout_names, (int)s->readout, &readout, err));
    RNN_TRY(rnn_get_name(body, "read", rnn_read_when_names, (int)s->read, &read, err));
    RNN_TRY(rnn_get_name(body, "rank_scale", rnn_rank_scale_names, (int)s->rank_scale, &scale, err));
    RNN_TRY(rnn_get_name(noise, "where", rnn_noise_where_names, (int)s->noise_where, &where, err));
    RNN_TRY(rnn_get_name(noise, "scale", rnn_noise_scale_names, (int)s->noise_scale, &noise_scale, err));
    RNN_TRY(rnn_get_real(noise, "sd", &s->noise_rec, s->noise_rec, err));
    RNN_TRY(rnn_get_name(h0, "law", rnn_h0_law_names, (int)s->h0, &law, err));
    RNN_TRY(rnn_get_name(h0, "transform", rnn_h0_transform_names, (int)s->h0_transform, &transform, err));
    RNN_TRY(rnn_get_real(h0, "sd", &s->h0_sd, s->h0_sd, err));
    s->cell = (enum rnn_cell)cell;
    s->act = (enum rnn_act)act;
    s->readout = (enum rnn_readout)readout;
    s->read = (enum rnn_read_when)read;
    s->rank_scale = (enum rnn_rank_scale)scale;
    s->noise_where = (enum rnn_noise_where)where;
    s->noise_scale = (enum rnn_noise_scale)noise_scale;
    s->h0 = (enum rnn_h0_law)law;
    s->h0_transform = (enum rnn_h0_transform)transform;
    return RNN_OK;
}

static int take_spec(const msgpack_object *body, struct rnn_spec *s, struct rnn_err *err)
{
    const msgpack_object *params = rnn_find(body, "params");
    rnn_spec_default(s);
    RNN_TRY(take_choices(body, s, err));
    RNN_TRY(rnn_want_size(body, "N", &s->N, err));
    RNN_TRY(rnn_want_size(body, "n_in", &s->n_in, err));
    RNN_TRY(rnn_want_size(body, "n_out", &s->n_out, err));
    RNN_TRY(rnn_get_size(body, "rank", &s->rank, 0, err));
    RNN_TRY(rnn_get_bool(body, "read_latent", &s->read_latent, false, err));
    RNN_TRY(rnn_get_heads(body, &s->heads, err));
    RNN_TRY(rnn_get_size(body, "n_latent", &s->n_latent, 0, err));
    RNN_TRY(rnn_get_bool(body, "bias_rec", &s->bias_rec, rnn_find(params, "b_rec") != NULL, err));
    RNN_TRY(rnn_get_bool(body, "bias_in", &s->bias_in, rnn_find(params, "b_in") != NULL, err));
    RNN_TRY(rnn_get_bool(body, "bias_out", &s->bias_out, rnn_find(params, "b_out") != NULL, err));
    RNN_TRY(rnn_get_ms(body, "dt_ms", &s->dt_ms, s->dt_ms, err));
    RNN_TRY(rnn_get_ms(body, "tau_ms", &s->tau_ms, s->tau_ms, err));
    const bool leaks = s->cell == RNN_LEAKY || s->cell == RNN_LEAKY_CURRENT;
    RNN_TRY(rnn_get_real(body, "alpha", &s->alpha, leaks ? s->dt_ms / s->tau_ms : 1, err));
    return rnn_get_bool(body, "alpha_per_unit", &s->alpha_per_unit, rnn_find(params, "alpha") != NULL, err);
}

/* The precision a net is written in: said, or that of its first array. */
static int take_precision(const msgpack_object *body, int *bits, struct rnn_err *err)
{
    const msgpack_object *params = rnn_find(body, "params");
    struct rnn_array v;
    int64_t n = 64;
    if (params && params->type == MSGPACK_OBJECT_MAP && params->via.map.size && rnn_is_array(&params->via.map.ptr[0].val)) {
        RNN_TRY(rnn_view_array(&params->via.map.ptr[0].val, &v, err));
        if (v.dtype == RNN_F32) n = 32;
    }
    RNN_TRY(rnn_get_int(body, "precision_bits", &n, n, err));
    if (n != 32 && n != 64) return rnn_fail(err, RNN_ERR_FORMAT, "'precision_bits' is %lld: expected 32 or 64", (long long)n);
    *bits = (int)n;
    return RNN_OK;
}

/* Whether a set is whole in this frame (RNN_OK, *here true), or empty because param frames follow. */
static int check_set(const msgpack_object *set, const char *what, const struct rnn_params *ps, bool *here, struct rnn_err *err)
{
    char want[RNN_SHAPE_TEXT], have[RNN_SHAPE_TEXT];
    if (set->type != MSGPACK_OBJECT_MAP) return rnn_fail(err, RNN_ERR_FORMAT, "'%s' is not a map", what);
    *here = set->via.map.size > 0;
    for (size_t i = 0; i < set->via.map.size; i++) {
        const msgpack_object *k = &set->via.map.ptr[i].key;
        if (k->type != MSGPACK_OBJECT_STR) return rnn_fail(err, RNN_ERR_FORMAT, "%s: a key is not a str", what);
        bool known = false;
        for (size_t j = 0; j < ps->n && !known; j++) known = rnn_key_is(k, ps->p[j].name);
        if (!known) {
            return rnn_fail(err, RNN_ERR_FORMAT, "%s: '%.*s' is no parameter of such a net", what, (int)k->via.str.size, k->via.str.ptr);
        }
    }
    for (size_t j = 0; j < ps->n && *here; j++) {
        const struct rnn_param *p = &ps->p[j];
        const msgpack_object *o = rnn_find(set, p->name);
        const size_t shape[2] = {p->rows, p->cols};
        const int ndim = p->is_vector ? 1 : 2;
        struct rnn_array v;
        if (!o || !rnn_is_array(o)) return rnn_fail(err, RNN_ERR_FORMAT, "%s: %s is %s", what, p->name, o ? "not an array" : "missing");
        RNN_TRY(rnn_view_array(o, &v, err));
        if (v.ndim != ndim || v.shape[0] != p->rows || (ndim == 2 && v.shape[1] != p->cols)) {
            return rnn_fail(err, RNN_ERR_FORMAT, "%s: %s has shape %s where %s is needed", what, p->name,
                            rnn_shape_text(v.ndim, v.shape, have), rnn_shape_text(ndim, shape, want));
        }
    }
    return RNN_OK;
}

static int take_set(const msgpack_object *set, const struct rnn_params *ps, double *theta, struct rnn_err *err)
{
    for (size_t j = 0; j < ps->n; j++) {
        const struct rnn_param *p = &ps->p[j];
        RNN_TRY(rnn_view_into_f64(rnn_find(set, p->name), p->name, p->is_vector ? 1 : 2, (size_t[]){p->rows, p->cols}, theta + p->offset, err));
    }
    return RNN_OK;
}

static int take_facts(const msgpack_object *body, struct rnn_net *net, struct rnn_err *err)
{
    int status;
    RNN_TRY(rnn_want_str(body, "id", &net->id, err));
    if (!*net->id) return rnn_fail(err, RNN_ERR_FORMAT, "'id' is empty");
    if (!rnn_is_nil(rnn_find(body, "task"))) RNN_TRY(rnn_want_str(body, "task", &net->task, err));
    if (!rnn_is_nil(rnn_find(body, "reason"))) RNN_TRY(rnn_want_str(body, "reason", &net->reason, err));
    RNN_TRY(rnn_get_uint(body, "index", &net->index, 0, err));
    RNN_TRY(rnn_get_name(body, "status", rnn_net_status_names, RNN_NET_BUILT, &status, err));
    net->status = (enum rnn_net_status)status;
    RNN_TRY(take_precision(body, &net->precision_bits, err));
    if (!rnn_is_nil(rnn_find(body, "labels"))) RNN_TRY(rnn_want_kvs(body, "labels", &net->labels, err));
    if (!rnn_is_nil(rnn_find(body, "summary"))) RNN_TRY(rnn_want_kvs(body, "summary", &net->summary, err));
    if (!rnn_is_nil(rnn_find(body, "training"))) RNN_TRY(rnn_want_kvs(body, "training", &net->training, err));
    return RNN_OK;
}

/* Checks everything against the bytes present before making room for it. */
static int take_net(const msgpack_object *body, struct rnn_net **net, bool *missing, struct rnn_err *err)
{
    const msgpack_object *set, *set0 = rnn_find(body, "params0");
    struct rnn_spec s;
    struct rnn_params ps;
    bool here, here0 = false;
    RNN_TRY(take_spec(body, &s, err));
    if (rnn_spec_params(&s, &ps, err) < 0) return err->code = RNN_ERR_FORMAT; /* here it is the data that is wrong, not a caller */
    RNN_TRY(rnn_want_map(body, "params", &set, err));
    RNN_TRY(check_set(set, "params", &ps, &here, err));
    const bool has0 = !rnn_is_nil(set0);
    if (has0) RNN_TRY(check_set(set0, "params0", &ps, &here0, err));
    if (here0 && !here) return rnn_fail(err, RNN_ERR_FORMAT, "'params0' is here and 'params' is not");
    *missing = ps.total > 0 && (!here || (has0 && !here0));
    if (*missing && ps.total > MAX_ANNOUNCED) return rnn_fail(err, RNN_ERR_LIMIT, "%zu parameters are more than can follow", ps.total);
    RNN_TRY(rnn_net_new(net, &s, err));
    if (here) RNN_TRY(take_set(set, &ps, (*net)->theta, err));
    if (has0) RNN_TRY(rnn_alloc_into(&(*net)->theta0, ps.total, sizeof *(*net)->theta0, err));
    if (here0) RNN_TRY(take_set(set0, &ps, (*net)->theta0, err));
    (*net)->n_received = (here ? ps.total : 0) + (here0 ? ps.total : 0);
    return take_facts(body, *net, err);
}

int rnn_net_decode(const msgpack_object *body, struct rnn_net **net, bool *missing, struct rnn_err *err)
{
    char *id = NULL;
    *net = NULL;
    RNN_TRY(rnn_want_str(body, "id", &id, err));
    if (take_net(body, net, missing, err) < 0) {
        if (*net) rnn_net_free(*net);
        *net = NULL;
        rnn_blame(err, "net", id);
        free(id);
        return err->code;
    }
    free(id);
    return RNN_OK;
}

/* The block and row that must come next. */
static const struct rnn_param *next_block(const struct rnn_net *net, double **theta, size_t *row)
{
    size_t at = net->n_received;
    *theta = net->theta;
    if (at >= net->params.total) {
        at -= net->params.total;
        *theta = net->theta0;
    }
    for (size_t i = 0; i < net->params.n && *theta; i++) {
        const struct rnn_param *p = &net->params.p[i];
        if (at >= p->offset && at < p->offset + p->rows * p->cols) {
            *row = (at - p->offset) / p->cols;
            return p;
        }
    }
    return NULL;
}

static int take_rows(struct rnn_net *net, const msgpack_object *body, const char *set, const char *name, struct rnn_err *err)
{
    double *theta, *v;
    size_t row = 0, first;
    const struct rnn_param *p = next_block(net, &theta, &row);
    if (!p) return rnn_fail(err, RNN_ERR_FORMAT, "a param frame for '%s' after its parameters were complete", name);
    const char *want = theta == net->theta ? "params" : "params0";
    RNN_TRY(rnn_want_size(body, "first", &first, err));
    if (strcmp(set, want) || strcmp(name, p->name) || first != row) {
        return rnn_fail(err, RNN_ERR_FORMAT, "a param frame brings %s %s from row %zu where %s %s from row %zu is due", set, name, first, want,
                        p->name, row);
    }
    size_t shape[2] = {RNN_ANY, p->cols};
    RNN_TRY(rnn_take_f64(body, "value", p->is_vector ? 1 : 2, shape, &v, err));
    if (shape[0] == 0 || shape[0] > p->rows - row) {
        free(v);
        return rnn_fail(err, RNN_ERR_FORMAT, "a param frame brings %zu rows of %s where %zu are due", shape[0], name, p->rows - row);
    }
    memcpy(theta + p->offset + row * p->cols, v, shape[0] * p->cols * sizeof *v);
    net->n_received += shape[0] * p->cols;
    free(v);
    return RNN_OK;
}

int rnn_net_param_frame(struct rnn_net *net, const msgpack_object *body, bool *done, struct rnn_err *err)
{
    char *id = NULL, *set = NULL, *name = NULL;
    int rc = rnn_want_str(body, "net", &id, err);
    if (rc >= 0) rc = rnn_want_str(body, "set", &set, err);
    if (rc >= 0) rc = rnn_want_str(body, "name", &name, err);
    if (rc >= 0 && strcmp(id, net->id)) rc = rnn_fail(err, RNN_ERR_FORMAT, "a param frame of net '%s' comes in between", id);
    if (rc >= 0) rc = take_rows(net, body, set, name, err);
    free(id);
    free(set);
    free(name);
    *done = net->n_received == net->params.total * (net->theta0 ? 2 : 1);
    return rc < 0 ? rnn_blame(err, "net", net->id) : RNN_OK;
}

int rnn_net_take(struct rnn_net **open, const struct rnn_frame *f, struct rnn_net **whole, struct rnn_err *err)
{
    const bool is_param = !strcmp(f->kind, "param");
    bool is_partial, done = true;
    *whole = NULL;
    if (!is_param && *open) {
        if (!strcmp(f->kind, "error")) return RNN_OK;
        return rnn_fail(err, RNN_ERR_FORMAT, "%s: the rest of its parameters does not follow", (*open)->id);
    }
    if (is_param) {
        if (!*open) return rnn_fail(err, RNN_ERR_FORMAT, "a param frame without a net that misses it");
        RNN_TRY(rnn_net_param_frame(*open, f->body, &done, err));
    } else if (!strcmp(f->kind, "net")) {
        RNN_TRY(rnn_net_decode(f->body, open, &is_partial, err));
        done = !is_partial;
    }
    if (!done) return RNN_OK;
    *whole = *open;
    *open = NULL;
    return RNN_OK;
}
