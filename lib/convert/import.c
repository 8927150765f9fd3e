#include "convert/import.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "codec/codec.h"

enum { W_REC, M, N_FACTOR, W_IN, W_OUT, B_REC, B_IN, B_OUT, H0, ALPHA, N_NAMES };
static const struct { const char *ours, *torch; } names[N_NAMES] = {
    [W_REC] = {"W_rec", "weight_hh"}, [M] = {"m", NULL}, [N_FACTOR] = {"n", NULL}, [W_IN] = {"W_in", "weight_ih"},
    [W_OUT] = {"W_out", NULL}, [B_REC] = {"b_rec", "bias_hh"}, [B_IN] = {"b_in", "bias_ih"}, [B_OUT] = {"b_out", NULL},
    [H0] = {"h0", NULL}, [ALPHA] = {"alpha", NULL}};
#define INITIAL "params0/"

struct found {
    const struct rnn_named *at[N_NAMES], *initial[N_NAMES];
    bool *used; /* [l->n] */
};

/* ---- finding arrays by their names ---- */

/* PyTorch's name of it, after a dot or not: nn.RNN ends its names with the layer, nn.RNNCell does not. */
static bool is_torch(const char *name, const char *torch)
{
    const char *dot = strrchr(name, '.'), *last = dot ? dot + 1 : name;
    if (!torch || strncmp(last, torch, strlen(torch)) != 0) return false;
    last += strlen(torch);
    return !*last || strcmp(last, "_l0") == 0;
}

static int find_one(const struct rnn_named_list *l, const struct rnn_kvs *map, int which, struct found *f, struct rnn_err *err)
{
    const char *mapped = map ? rnn_kvs_get_str(map, names[which].ours, NULL) : NULL;
    char initial[32];
    snprintf(initial, sizeof initial, INITIAL "%s", names[which].ours);
    for (size_t i = 0; i < l->n; i++) {
        const struct rnn_named *e = &l->v[i];
        const bool is_initial = strcmp(e->name, initial) == 0;
        const bool is_it = mapped ? strcmp(e->name, mapped) == 0 : strcmp(e->name, names[which].ours) == 0 || is_torch(e->name, names[which].torch);
        if (!is_it && !is_initial) continue;
        if (e->why) return rnn_fail(err, RNN_ERR_FORMAT, "'%s': %s", e->name, e->why);
        if (e->s || e->a.dtype == RNN_C128) return rnn_fail(err, RNN_ERR_FORMAT, "'%s' does not hold real numbers", e->name);
        const struct rnn_named **to = is_initial ? &f->initial[which] : &f->at[which];
        if (*to) return rnn_fail(err, RNN_ERR_FORMAT, "both '%s' and '%s' could be %s: choose with --map", (*to)->name, e->name, names[which].ours);
        *to = e;
        f->used[i] = true;
    }
    if (mapped && !f->at[which]) return rnn_fail(err, RNN_ERR_ARG, "--map %s=%s: the file has no such array", names[which].ours, mapped);
    return RNN_OK;
}

/* Layers and directions that one recurrent layer has no place for. */
static int refuse_layers(const struct rnn_named_list *l, struct rnn_err *err)
{
    for (size_t i = 0; i < l->n; i++) {
        const char *p = strstr(l->v[i].name, "weight_hh_l");
        if (p && strcmp(p, "weight_hh_l0")) {
            return rnn_fail(err, RNN_ERR_FORMAT, "'%s': only one layer in one direction makes a net", l->v[i].name);
        }
    }
    return RNN_OK;
}

static int find_all(const struct rnn_named_list *l, const struct rnn_kvs *map, struct found *f, struct rnn_err *err)
{
    for (size_t i = 0; map && i < map->n; i++) {
        bool known = false;
        for (int w = 0; w < N_NAMES; w++) known |= strcmp(map->v[i].key, names[w].ours) == 0;
        if (!known) return rnn_fail(err, RNN_ERR_ARG, "--map %s: a net has no such parameter", map->v[i].key);
    }
    for (int w = 0; w < N_NAMES; w++) RNN_TRY(find_one(l, map, w, f, err));
    return refuse_layers(l, err);
}

/* Names of arrays, of those only that were not used when used is given. */
static int list_names(const struct rnn_named_list *l, const bool *used, char **out, struct rnn_err *err)
{
    *out = NULL;
    for (size_t i = 0; i < l->n; i++) {
        if (used && used[i]) continue;
        char *more = rnn_asprintf("%s%s%s", *out ? *out : "", *out ? ", " : "", l->v[i].name);
        free(*out);
        *out = more;
        if (!more) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    }
    return RNN_OK;
}

/* No recurrent weights: says what is there instead. */
static int fail_without_weights(const struct rnn_named_list *l, struct rnn_err *err)
{
    char *there;
    for (size_t i = 0; i < l->n; i++) {
        const char *slash = strrchr(l->v[i].name, '/');
        if (!strcmp(slash ? slash + 1 : l->v[i].name, "data.pkl")) {
            return rnn_fail(err, RNN_ERR_FORMAT, "a file of torch.save: save its arrays, numpy.savez(FILE, **{k: v.numpy() for k, v in model.state_dict().items()})");
        }
    }
    RNN_TRY(list_names(l, NULL, &there, err));
    const int rc = rnn_fail(err, RNN_ERR_FORMAT, "there is neither an array W_rec (or weight_hh_l0) nor factors m and n: name it with --map W_rec=NAME; there is %.300s",
                            there ? there : "nothing");
    free(there);
    return rc;
}

/* ---- what the shapes say ---- */

static size_t extent(const struct rnn_named *e, int axis)
{
    return axis < e->a.ndim ? e->a.shape[axis] : 1;
}

static int want_matrix(const struct rnn_named *e, const char *ours, struct rnn_err *err)
{
    return e->a.ndim == 2 ? RNN_OK : rnn_fail(err, RNN_ERR_FORMAT, "'%s' has %d axes where %s is a matrix", e->name, e->a.ndim, ours);
}

static int read_recurrent(const struct found *f, struct rnn_spec *s, struct rnn_err *err)
{
    const size_t gates = s->cell == RNN_GRU ? 3 : 1;
    const struct rnn_named *W = f->at[W_REC], *m = f->at[M], *n = f->at[N_FACTOR];
    if (W && (m || n)) return rnn_fail(err, RNN_ERR_FORMAT, "there are both W_rec and factors m, n: leave one out");
    RNN_TRY(want_matrix(W ? W : m, W ? "W_rec" : "m", err));
    if (n) RNN_TRY(want_matrix(n, "n", err));
    s->N = extent(W ? W : n, 1);
    s->rank = m ? extent(m, 1) : 0;
    if (W && extent(W, 0) != gates * s->N) {
        const char *hint = extent(W, 0) == 3 * s->N ? ": say --cell gru" : extent(W, 0) == 4 * s->N ? ": there is no cell with four gates, such as an LSTM" : "";
        return rnn_fail(err, RNN_ERR_FORMAT, "'%s' is [%zu][%zu]: the recurrent weights of a cell %s are [%sN][N]%s", W->name, extent(W, 0), extent(W, 1),
                        rnn_cell_names[s->cell], gates == 3 ? "3" : "", hint);
    }
    return RNN_OK;
}

/* A leaky cell must be told its leak; per unit, the one number that some formulas want is the mean. */
static int settle_alpha(const struct found *f, struct rnn_spec *s, struct rnn_err *err)
{
    if (!isnan(s->alpha)) {
        if (isnan(s->tau_ms)) s->tau_ms = s->dt_ms / s->alpha;
        return RNN_OK;
    }
    if (!f->at[ALPHA]) return rnn_fail(err, RNN_ERR_ARG, "a %s cell needs --alpha, or --dt and --tau, or an array alpha", rnn_cell_names[s->cell]);
    const size_t n = rnn_array_count(&f->at[ALPHA]->a);
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += rnn_array_get(&f->at[ALPHA]->a, i);
    s->alpha = sum / (double)n;
    s->tau_ms = s->dt_ms / s->alpha;
    return RNN_OK;
}

static int read_sizes(const struct found *f, const struct rnn_import *o, struct rnn_spec *s, struct rnn_err *err)
{
    RNN_TRY(read_recurrent(f, s, err));
    if (f->at[W_IN]) RNN_TRY(want_matrix(f->at[W_IN], "W_in", err));
    if (f->at[W_OUT]) RNN_TRY(want_matrix(f->at[W_OUT], "W_out", err));
    if (f->at[B_IN] && !f->at[W_IN]) return rnn_fail(err, RNN_ERR_FORMAT, "there is b_in but no W_in");
    s->n_in = f->at[W_IN] ? extent(f->at[W_IN], 1) : 0;
    s->n_out = f->at[W_OUT] ? extent(f->at[W_OUT], 0) : f->at[B_OUT] ? rnn_array_count(&f->at[B_OUT]->a) : o->task ? o->task->n_out : 1;
    s->read_latent = s->rank && f->at[W_OUT] && (s->read_latent || (extent(f->at[W_OUT], 1) == s->rank && s->rank != s->N));
    s->bias_rec = f->at[B_REC] != NULL;
    s->bias_in = f->at[B_IN] != NULL;
    s->bias_out = f->at[B_OUT] != NULL;
    if (f->at[ALPHA] && rnn_array_count(&f->at[ALPHA]->a) == 1 && s->N != 1) {
        s->alpha = rnn_array_get(&f->at[ALPHA]->a, 0);
    } else {
        s->alpha_per_unit = f->at[ALPHA] != NULL;
    }
    RNN_TRY(settle_alpha(f, s, err));
    const bool law_has_h0 = s->h0 == RNN_H0_FIXED || s->h0 == RNN_H0_TRAINED;
    if (f->at[H0] && !o->h0_given) s->h0 = RNN_H0_FIXED;
    else if (f->at[H0] && !law_has_h0) return rnn_fail(err, RNN_ERR_FORMAT, "there is an array h0, but the law of initial states is %s", rnn_h0_law_names[s->h0]);
    else if (!f->at[H0] && law_has_h0) return rnn_fail(err, RNN_ERR_FORMAT, "the law of initial states is %s, but there is no array h0", rnn_h0_law_names[s->h0]);
    if (o->task && (o->task->n_in != s->n_in || o->task->n_out != s->n_out)) {
        return rnn_fail(err, RNN_ERR_FORMAT, "the arrays make a net with %zu inputs and %zu outputs; task '%s' has %zu and %zu", s->n_in, s->n_out,
                        o->task->name, o->task->n_in, o->task->n_out);
    }
    return RNN_OK;
}

/* ---- filling ---- */

static int fill(const struct rnn_named *e, const struct rnn_param *p, double *theta, struct rnn_err *err)
{
    bool fits = rnn_array_count(&e->a) == p->rows * p->cols;
    size_t long_axes = 0;
    for (int d = 0; d < e->a.ndim; d++) long_axes += e->a.shape[d] != 1;
    if (p->is_vector) fits = fits && long_axes <= 1;
    else fits = fits && e->a.ndim == 2 && e->a.shape[0] == p->rows;
    if (!fits && p->is_vector) return rnn_fail(err, RNN_ERR_FORMAT, "'%s' is not a vector of %zu numbers, as %s must be", e->name, p->rows, p->name);
    if (!fits) {
        return rnn_fail(err, RNN_ERR_FORMAT, "'%s' is [%zu][%zu] where %s must be [%zu][%zu]", e->name, extent(e, 0), extent(e, 1), p->name, p->rows,
                        p->cols);
    }
    rnn_array_to_f64(&e->a, theta + p->offset);
    return RNN_OK;
}

static int fill_all(struct rnn_net *net, const struct found *f, struct rnn_err *err)
{
    size_t initial = 0;
    net->precision_bits = 32;
    for (int w = 0; w < N_NAMES; w++) {
        const struct rnn_param *p = rnn_param_find(&net->params, names[w].ours);
        if (p && f->at[w]) RNN_TRY(fill(f->at[w], p, net->theta, err));
        if (f->at[w] && f->at[w]->a.dtype != RNN_F32) net->precision_bits = 64;
        initial += f->initial[w] && p;
    }
    if (initial == 0) return RNN_OK;
    if (initial < net->params.n) return rnn_fail(err, RNN_ERR_FORMAT, "there are %zu of %zu initial parameters (" INITIAL "...)", initial, net->params.n);
    RNN_TRY(rnn_alloc_into(&net->theta0, net->params.total, sizeof *net->theta0, err));
    for (int w = 0; w < N_NAMES; w++) {
        const struct rnn_param *p = rnn_param_find(&net->params, names[w].ours);
        if (p) RNN_TRY(fill(f->initial[w], p, net->theta0, err));
    }
    return RNN_OK;
}

/* The id is a hash of everything else. */
static int set_identity(struct rnn_net *net, const struct rnn_import *o, struct rnn_err *err)
{
    struct rnn_bytes bytes = {0};
    char id[RNN_ID_SIZE];
    net->status = RNN_NET_BUILT;
    if (o->labels) RNN_TRY(rnn_kvs_merge(&net->labels, o->labels, err));
    if (o->task && !(net->task = rnn_strdup(o->task->id))) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    if (!(net->id = rnn_strdup("net"))) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    const int rc = rnn_net_append(&bytes, net, err);
    if (rc >= 0) rnn_id_of(bytes.p, bytes.len, id);
    rnn_bytes_release(&bytes);
    RNN_TRY(rc);
    free(net->id);
    net->id = rnn_asprintf("net-%s", id);
    return net->id ? RNN_OK : rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
}

int rnn_import_net(const struct rnn_named_list *l, const struct rnn_import *o, struct rnn_net **net, char **unused, struct rnn_err *err)
{
    struct found f = {0};
    struct rnn_spec s = o->spec;
    *net = NULL;
    *unused = NULL;
    RNN_TRY(rnn_alloc_into(&f.used, l->n, sizeof *f.used, err));
    int rc = find_all(l, o->map, &f, err);
    if (rc >= 0 && !f.at[W_REC] && (!f.at[M] || !f.at[N_FACTOR])) rc = fail_without_weights(l, err);
    if (rc >= 0) rc = read_sizes(&f, o, &s, err);
    if (rc >= 0) rc = rnn_net_new(net, &s, err);
    if (rc >= 0) rc = fill_all(*net, &f, err);
    if (rc >= 0) rc = set_identity(*net, o, err);
    if (rc >= 0) rc = list_names(l, f.used, unused, err);
    free(f.used);
    if (rc < 0) {
        rnn_net_free(*net);
        *net = NULL;
    }
    return rc;
}
