/* Figures of matrices and spectra. */
#include <complex.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "report/figures_draw.h"

/* ---- what they share ---- */

const struct rnn_garray *rnn_draw_array(const struct rnn_gathered *g, const char *name, const struct rnn_garray *after, bool same_net)
{
    for (size_t i = after ? (size_t)(after - g->array) + 1 : 0; i < g->n_arrays; i++) {
        const struct rnn_garray *a = &g->array[i];
        if (strcmp(a->name, name)) continue;
        if (same_net && after && (a->segment != after->segment || strcmp(a->net ? a->net : "", after->net ? after->net : ""))) return NULL;
        return a;
    }
    return NULL;
}

const double *rnn_draw_block(const struct rnn_garray *a, size_t at, size_t *rows, size_t *cols)
{
    const int d = a->value.ndim;
    *rows = d > 1 ? a->value.shape[d - 2] : 1;
    *cols = d > 0 ? a->value.shape[d - 1] : 1;
    return a->value.dtype == RNN_F64 && rnn_array_count(&a->value) >= (at + 1) * *rows * *cols ? (const double *)a->value.data + at * *rows * *cols : NULL;
}

void rnn_draw_caption(struct rnn_figure *f, const struct rnn_gathered *g, const struct rnn_garray *a, size_t nets)
{
    const bool known = a->segment < g->n_segments;
    char *pipeline = rnn_pipeline_brief(known ? g->segment[a->segment].pipeline : "");
    const char *words = pipeline ? pipeline : "";
    size_t all = 0;
    for (size_t s = 0; s < g->n_segments; s++) all += g->segment[s].nets;
    const bool named = a->net && *a->net; /* rnn-rollout pools networks of several segments and names none */
    if (!a->net) rnn_figure_caption(f, "%s", words);
    else if (!named) rnn_figure_caption(f, "n = %zu network%s; %s", nets, nets == 1 ? "" : "s", words);
    else if (nets != 1) rnn_figure_caption(f, "n = %zu networks%s; %s", nets, nets < all ? rnn_draw_of(all, (char[32]){""}) : "", words);
    else rnn_figure_caption(f, "n = 1 network: %s%s; %s", a->net, all > 1 ? rnn_draw_of(all, (char[32]){""}) : "", words);
    free(pipeline);
}

const char *rnn_draw_of(size_t all, char buf[32])
{
    snprintf(buf, 32, " of %zu", all);
    return buf;
}

size_t rnn_draw_nets(const struct rnn_garray *const *shown, size_t n)
{
    size_t nets = 0;
    for (size_t i = 0; i < n; i++) {
        bool known = false;
        for (size_t k = 0; k < i; k++) known |= shown[k]->segment == shown[i]->segment && !strcmp(shown[k]->net ? shown[k]->net : "", shown[i]->net ? shown[i]->net : "");
        nets += !known;
    }
    return nets;
}

void rnn_draw_title(const struct rnn_gathered *g, const struct rnn_garray *a, char *out, size_t size)
{
    size_t used = 0;
    *out = 0;
    for (size_t k = 0; k < a->labels.n; k++) {
        const struct rnn_kv *l = &a->labels.v[k];
        char *mine = rnn_kv_text(l);
        bool shared = true;
        for (size_t i = 0; mine && i < g->n_arrays && shared; i++) {
            const struct rnn_kv *other = strcmp(g->array[i].name, a->name) ? NULL : rnn_kvs_find(&g->array[i].labels, l->key);
            char *theirs = other ? rnn_kv_text(other) : NULL;
            if (theirs && strcmp(theirs, mine)) shared = false;
            free(theirs);
        }
        if (!shared && used < size) used += (size_t)snprintf(out + used, size - used, "%s%s %s", used ? ", " : "", l->key, mine);
        free(mine);
    }
}

int rnn_draw_matrix(struct rnn_figure *f, const char *title, const char *xlabel, const char *ylabel, size_t rows, size_t cols, const double *v,
                    bool signs, struct rnn_err *err)
{
    struct rnn_panel *p = rnn_figure_panel(f, title, xlabel, ylabel);
    struct rnn_layer *l = p ? rnn_panel_layer(p, RNN_LAYER_IMAGE, NULL, 0) : NULL;
    double most = 0;
    if (!l) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++) {
            RNN_TRY(rnn_layer_add(l, (double[]){(double)j, (double)i, v[i * cols + j]}, err));
            if (isfinite(v[i * cols + j])) most = fmax(most, fabs(v[i * cols + j]));
        }
    p->flip_y = true;
    p->x_min = p->y_min = -0.5;
    p->x_max = (double)cols - 0.5, p->y_max = (double)rows - 0.5;
    if (signs) p->palette = RNN_PALETTE_DIVERGING, p->c_min = -most, p->c_max = most;
    return RNN_OK;
}

static int no_data(const char *what, struct rnn_err *err)
{
    return rnn_fail(err, RNN_ERR_FORMAT, "%s is not an array of <f8 with two axes or more", what);
}

/* ---- eigenvalues on the complex plane ---- */

static int add_complex(struct rnn_layer *l, const struct rnn_garray *a, struct rnn_err *err)
{
    const double _Complex *w = a->value.data;
    if (a->value.dtype != RNN_C128) return rnn_fail(err, RNN_ERR_FORMAT, "array %s is not <c16", a->name);
    for (size_t i = 0; l && i < rnn_array_count(&a->value); i++) RNN_TRY(rnn_layer_add(l, (double[]){creal(w[i]), cimag(w[i])}, err));
    return l ? RNN_OK : rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
}

static int add_circle(struct rnn_panel *p, struct rnn_err *err)
{
    struct rnn_layer *l = rnn_panel_layer(p, RNN_LAYER_LINES, NULL, -1);
    if (!l) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    l->width = 0.8;
    for (int k = 0; k <= 180; k++) RNN_TRY(rnn_layer_add(l, (double[]){cos(k * M_PI / 90), sin(k * M_PI / 90)}, err));
    return RNN_OK;
}

/* How many eigenvalues lie outside |lambda| >= theta in each direction of the theory, written beside the circle. */
static int add_counts(struct rnn_panel *p, const struct rnn_garray *a, const struct rnn_garray *theory, double theta, struct rnn_err *err)
{
    const double _Complex *w = a->value.data, *t = theory->value.data;
    const size_t n = rnn_array_count(&a->value), m = rnn_array_count(&theory->value);
    struct rnn_layer *l = rnn_panel_layer(p, RNN_LAYER_TEXT, NULL, -2);
    for (size_t k = 0; l && k < m; k++) {
        size_t count = 0;
        bool first = true;
        for (size_t j = 0; j < k; j++) first &= fabs(carg(t[j] * conj(t[k]))) > 1e-6;
        for (size_t i = 0; first && i < n; i++) {
            double best = INFINITY;
            for (size_t j = 0; j < m; j++) best = fmin(best, fabs(carg(w[i] * conj(t[j]))));
            count += cabs(w[i]) >= theta && fabs(carg(w[i] * conj(t[k]))) <= best + 1e-9;
        }
        char words[24];
        snprintf(words, sizeof words, "%zu", count);
        const double _Complex at = 1.24 * t[k] / cabs(t[k]);
        if (first) RNN_TRY(rnn_layer_word(l, creal(at), cimag(at), words, err));
    }
    return l ? RNN_OK : rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
}

int rnn_draw_spectrum(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err)
{
    const struct rnn_garray *first = rnn_draw_array(g, "eigenvalues", NULL, false);
    const struct rnn_garray *theory = rnn_draw_array(g, "eigenvalues_theory", NULL, false);
    size_t panels = 0;
    double reach = 1.45;
    while (theory && theory->segment != first->segment) theory = rnn_draw_array(g, "eigenvalues_theory", theory, false);
    for (const struct rnn_garray *a = first; a && panels < 4; a = rnn_draw_array(g, "eigenvalues", a, true), panels++) {
        const char *stage = rnn_kvs_get_str(&a->labels, "stage", "");
        struct rnn_panel *p = rnn_figure_panel(f, *stage ? stage : a->net, "real part", "imaginary part");
        if (!p) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
        RNN_TRY(add_circle(p, err));
        if (theory) RNN_TRY(add_complex(rnn_panel_layer(p, RNN_LAYER_POINTS, "theory", 1), theory, err));
        RNN_TRY(add_complex(rnn_panel_layer(p, RNN_LAYER_POINTS, "network", 0), a, err));
        if (theory) p->layer[1].width = 1.5, p->layer[1].point = 6; /* rings, so that what they hold is seen */
        p->layer[p->n - 1].width = 0.55;
        if (theory) RNN_TRY(add_counts(p, a, theory, 0.9, err));
        p->equal = true;
        for (size_t i = 0; i < rnn_array_count(&a->value); i++) reach = fmax(reach, 1.1 * cabs(((const double _Complex *)a->value.data)[i]));
    }
    for (size_t k = 0; k < f->n; k++) f->panel[k].x_min = f->panel[k].y_min = -reach, f->panel[k].x_max = f->panel[k].y_max = reach;
    f->columns = panels;
    f->width = 400, f->height = 410; /* a square of data */
    rnn_figure_title(f, "Eigenvalues%s", theory ? "; numbers: how many of modulus 0.9 or more in each direction of the theory" : "");
    rnn_draw_caption(f, g, first, 1);
    return RNN_OK;
}

/* ---- matrices ---- */

int rnn_draw_phi(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err)
{
    const struct rnn_garray *theory = rnn_draw_array(g, "Phi_theory", NULL, false), *a = rnn_draw_array(g, "Phi_learned", NULL, false), *first = a;
    size_t rows, cols;
    const double *v = theory ? rnn_draw_block(theory, 0, &rows, &cols) : NULL;
    if (theory && !v) return no_data("Phi_theory", err);
    if (v) RNN_TRY(rnn_draw_matrix(f, "theory", "from element", "to element", rows, cols, v, true, err));
    for (size_t k = 0; a && k < 5; a = rnn_draw_array(g, "Phi_learned", a, true), k++) {
        char title[120];
        v = rnn_draw_block(a, 0, &rows, &cols);
        if (!v) return no_data("Phi_learned", err);
        rnn_draw_title(g, a, title, sizeof title);
        RNN_TRY(rnn_draw_matrix(f, *title ? title : "learned", "from element", "to element", rows, cols, v, true, err));
    }
    for (size_t k = 0; k < f->n; k++) f->panel[k].cblabel = rnn_strdup("weight");
    f->columns = f->n > 3 ? 3 : f->n;
    f->width = 400, f->height = 330;
    rnn_figure_title(f, "Interaction of variable memories: theory and what was learned, by how the basis is made");
    rnn_draw_caption(f, g, first, 1);
    return RNN_OK;
}

int rnn_draw_weights_in_basis(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err)
{
    const struct rnn_garray *a = rnn_draw_array(g, "W_full", NULL, false), *first = a;
    for (size_t k = 0; a && k < 2; a = rnn_draw_array(g, "W_full", a, true), k++) {
        size_t rows, cols;
        char title[120];
        const double *v = rnn_draw_block(a, 0, &rows, &cols);
        if (!v) return no_data("W_full", err);
        rnn_draw_title(g, a, title, sizeof title);
        RNN_TRY(rnn_draw_matrix(f, title, "from basis vector", "to basis vector", rows, cols, v, true, err));
        f->panel[f->n - 1].cblabel = rnn_strdup("weight");
    }
    f->columns = f->n;
    f->width = 460, f->height = 400;
    rnn_figure_title(f, "Recurrent weights in the basis of variable memories, then the rest");
    rnn_draw_caption(f, g, first, 1);
    return RNN_OK;
}

/* Parameter `name` of a network as it is stored, if it has it. */
static int draw_param(struct rnn_figure *f, const struct rnn_net *net, const char *name, const char *xlabel, const char *ylabel, struct rnn_err *err)
{
    const struct rnn_param *q = rnn_param_find(&net->params, name);
    return q && q->rows && q->cols ? rnn_draw_matrix(f, name, xlabel, ylabel, q->rows, q->cols, net->theta + q->offset, true, err) : RNN_OK;
}

/* Recurrent weights of the first network, as the dynamics see them, and its input and output weights. */
int rnn_draw_weights(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err)
{
    const struct rnn_net *net = g->net[0];
    const size_t N = net->spec.N, rows = net->spec.cell == RNN_GRU ? 3 * N : N;
    const char *to = net->spec.cell == RNN_GRU ? "to gate and unit (reset, update, new)" : "to unit", *name = net->spec.rank ? "W_rec = m n" : "W_rec";
    double *W;
    RNN_TRY(rnn_alloc_into(&W, rows * N, sizeof *W, err));
    int rc = rnn_net_W(net, W, err);
    if (rc >= 0) rc = rnn_draw_matrix(f, name, "from unit", to, rows, N, W, true, err);
    free(W);
    RNN_TRY(rc);
    RNN_TRY(draw_param(f, net, "W_in", "from input", to, err));
    RNN_TRY(draw_param(f, net, "W_out", net->spec.read_latent ? "from latent variable" : "from unit", "to output", err));
    for (size_t k = 0; k < f->n; k++) f->panel[k].cblabel = rnn_strdup("weight");
    f->columns = f->n;
    f->width = 400, f->height = 340;
    rnn_figure_title(f, "Weights of %s", net->id);
    size_t all = 0, at = 0;
    while (at + 1 < g->n_segments && !g->segment[at].nets) at++; /* the first network's */
    for (size_t s = 0; s < g->n_segments; s++) all += g->segment[s].nets;
    char *brief = rnn_pipeline_brief(at < g->n_segments ? g->segment[at].pipeline : "");
    rnn_figure_caption(f, "n = 1 network%s; %s", all > 1 ? rnn_draw_of(all, (char[32]){""}) : "", brief ? brief : "");
    free(brief);
    return RNN_OK;
}

/* What the columns and rows of an aligned parameter are. */
static const char *axis_of(const char *param, bool to)
{
    if (!strcmp(param, "W_in") && !to) return "from input";
    if (!strcmp(param, "W_out") && to) return "to output";
    return to ? "to direction" : "from direction";
}

/* Leading blocks of rotated weights, one panel per network and parameter; a parameter has one scale in all networks. */
int rnn_draw_aligned(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err)
{
    const struct rnn_garray *shown[12], *first = rnn_draw_array(g, "aligned_block", NULL, false);
    for (const struct rnn_garray *a = first; a && f->n < RNN_LEN(shown); a = rnn_draw_array(g, "aligned_block", a, false)) {
        const char *param = rnn_kvs_get_str(&a->labels, "param", "");
        size_t rows, cols;
        char title[80];
        const double *v = rnn_draw_block(a, 0, &rows, &cols);
        if (!v) return no_data("aligned_block", err);
        snprintf(title, sizeof title, "%s of %s", param, a->net ? a->net : "");
        shown[f->n] = a;
        RNN_TRY(rnn_draw_matrix(f, title, axis_of(param, false), axis_of(param, true), rows, cols, v, true, err));
        f->panel[f->n - 1].cblabel = rnn_strdup("weight");
    }
    for (size_t i = 0; i < f->n; i++)
        for (size_t k = 0; k < f->n; k++)
            if (!strcmp(rnn_kvs_get_str(&shown[i]->labels, "param", ""), rnn_kvs_get_str(&shown[k]->labels, "param", "")) && f->panel[k].c_max > f->panel[i].c_max)
                f->panel[i].c_max = f->panel[k].c_max, f->panel[i].c_min = -f->panel[k].c_max;
    f->columns = f->n < 3 ? f->n : 3;
    f->width = 330, f->height = 270;
    rnn_figure_title(f, "Weights in the coordinates that networks share");
    rnn_draw_caption(f, g, first, rnn_draw_nets(shown, f->n));
    return RNN_OK;
}

int rnn_draw_similarity(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err)
{
    const struct rnn_garray *first = rnn_draw_array(g, "cosine", NULL, false);
    for (const struct rnn_garray *a = first; a && f->n < 6; a = rnn_draw_array(g, "cosine", a, true)) {
        size_t rows, cols;
        char title[40];
        const double *v = rnn_draw_block(a, 0, &rows, &cols);
        if (!v) return no_data("cosine", err);
        snprintf(title, sizeof title, "step %lld", (long long)rnn_kvs_get_int(&a->labels, "step", (int64_t)f->n));
        RNN_TRY(rnn_draw_matrix(f, title, "trial, by path", "trial, by path", rows, cols, v, true, err));
        struct rnn_panel *p = &f->panel[f->n - 1];
        p->cblabel = rnn_strdup("cosine");
        p->c_min = -1, p->c_max = 1;
    }
    f->columns = f->n > 2 ? (f->n + 1) / 2 : f->n;
    f->width = 400, f->height = 340;
    rnn_figure_title(f, "Similarity of states");
    rnn_draw_caption(f, g, first, 1);
    return RNN_OK;
}

int rnn_draw_raster(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err)
{
    const struct rnn_garray *shown[4], *first = rnn_draw_array(g, "raster", NULL, false);
    for (const struct rnn_garray *a = first; a && f->n < RNN_LEN(shown); a = rnn_draw_array(g, "raster", a, false)) {
        size_t rows, cols;
        char title[120], more[100];
        const double *v = rnn_draw_block(a, 0, &rows, &cols);
        if (!v) return no_data("raster", err);
        rnn_draw_title(g, a, more, sizeof more);
        snprintf(title, sizeof title, "%.20s%s%.95s", a->net ? a->net : "", a->net && *a->net && *more ? ", " : "", more);
        shown[f->n] = a;
        RNN_TRY(rnn_draw_matrix(f, title, "step", "unit, by when it is most active", rows, cols, v, false, err));
        f->panel[f->n - 1].cblabel = rnn_strdup("activity");
    }
    f->columns = f->n > 2 ? 2 : f->n;
    rnn_figure_title(f, "Units in the order of their peaks");
    rnn_draw_caption(f, g, first, first->net && !*first->net ? f->n : rnn_draw_nets(shown, f->n));
    return RNN_OK;
}

/* States of the run on a picture: in units, and as contents of the variables. */
int rnn_draw_memories(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err)
{
    const struct rnn_garray *h = rnn_draw_array(g, "projection_states", NULL, false), *c = rnn_draw_array(g, "projection", NULL, false);
    size_t T, N;
    const double *v = rnn_draw_block(h, 0, &T, &N);
    const size_t m = c->value.ndim == 3 ? c->value.shape[1] * c->value.shape[2] : 0;
    if (!v || !m || c->value.dtype != RNN_F64 || c->value.shape[0] < T) return no_data("projection", err);
    double *turned;
    RNN_TRY(rnn_alloc_into(&turned, T * (N > m ? N : m), sizeof *turned, err));
    for (size_t t = 0; t < T; t++)
        for (size_t i = 0; i < N; i++) turned[i * T + t] = v[t * N + i];
    int rc = rnn_draw_matrix(f, "hidden state, unit by unit", "step", "unit", N, T, turned, true, err);
    for (size_t t = 0; t < T; t++)
        for (size_t i = 0; i < m; i++) turned[i * T + t] = ((const double *)c->value.data)[t * m + i];
    if (rc >= 0) rc = rnn_draw_matrix(f, "the same as contents of variables", "step", "variable and dimension", m, T, turned, true, err);
    free(turned);
    for (size_t k = 0; rc >= 0 && k < 2; k++) f->panel[k].cblabel = rnn_strdup(k ? "content" : "state");
    f->columns = 2;
    f->width = 520;
    rnn_figure_title(f, "What the state says, and what it says in the basis of variable memories");
    rnn_draw_caption(f, g, h, 1);
    return rc;
}

/* ---- dendrogram ---- */

/* Column 3 of a linkage row is the height; leaves stand at their place in leaf_order, joins at the middle of what they join. */
static int draw_joins(struct rnn_layer *l, const double *Z, size_t joins, const double *order, struct rnn_err *err)
{
    double *x, *y;
    RNN_TRY(rnn_alloc_into(&x, 2 * (2 * joins + 1), sizeof *x, err));
    y = x + 2 * joins + 1;
    int rc = RNN_OK;
    for (size_t k = 0; k <= joins; k++)
        if (order[k] >= 0 && order[k] <= (double)joins) x[(size_t)order[k]] = (double)k;
    for (size_t k = 0; rc >= 0 && k < joins; k++) {
        const size_t a = (size_t)Z[4 * k], b = (size_t)Z[4 * k + 1];
        const double h = Z[4 * k + 2];
        if (a > joins + k || b > joins + k) rc = rnn_fail(err, RNN_ERR_FORMAT, "linkage: join %zu names a later one", k);
        if (rc >= 0) rc = rnn_layer_add(l, (double[]){x[a], y[a], x[a], h}, err);
        if (rc >= 0) rc = rnn_layer_add(l, (double[]){x[b], y[b], x[b], h}, err);
        if (rc >= 0) rc = rnn_layer_add(l, (double[]){x[a], h, x[b], h}, err);
        if (rc >= 0) x[joins + 1 + k] = (x[a] + x[b]) / 2, y[joins + 1 + k] = h;
    }
    free(x);
    return rc;
}

/* Names of leaves: rows `measure leaf` of table geometry, value the number of the leaf. */
static int name_leaves(const struct rnn_gathered *g, const struct rnn_garray *a, const double *order, size_t n, struct rnn_panel *p, struct rnn_err *err)
{
    const struct rnn_gtable *t = rnn_gathered_table(g, "geometry");
    const struct rnn_gcol *measure = t ? rnn_gtable_col(t, "measure") : NULL, *condition = t ? rnn_gtable_col(t, "condition") : NULL;
    const struct rnn_gcol *step = t ? rnn_gtable_col(t, "step") : NULL, *value = t ? rnn_gtable_col(t, "value") : NULL, *net = t ? rnn_gtable_col(t, "net") : NULL;
    if (n > 40) return RNN_OK;
    RNN_TRY(rnn_alloc_into(&p->xtic, n + 1, sizeof *p->xtic, err));
    for (size_t k = 0; k < n; k++) {
        const char *name = NULL;
        char number[24];
        snprintf(number, sizeof number, "%.0f", order[k]);
        for (size_t i = 0; measure && condition && step && value && net && i < t->rows; i++) {
            if (!measure->is_text || strcmp(measure->s[i], "leaf") || value->is_text || value->v[i] != order[k]) continue;
            if (t->segment[i] != a->segment || !a->net || strcmp(net->s[i], a->net)) continue; /* other networks may bear its name elsewhere */
            if (step->v[i] == rnn_kvs_get_real(&a->labels, "step", -1)) name = condition->s[i];
        }
        if (!(p->xtic[k] = rnn_strdup(name ? name : number))) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    }
    p->xtic_rotate = n > 8;
    return RNN_OK;
}

int rnn_draw_dendrogram(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err)
{
    const struct rnn_garray *first = rnn_draw_array(g, "linkage", NULL, false), *o = NULL, *last = NULL, *last_o = NULL;
    /* the last step of the first network has the whole tree */
    for (const struct rnn_garray *a = first; a; a = rnn_draw_array(g, "linkage", a, true)) {
        o = rnn_draw_array(g, "leaf_order", o, false);
        last = a, last_o = o;
    }
    size_t joins, columns, one, n;
    const double *Z = rnn_draw_block(last, 0, &joins, &columns), *order = last_o ? rnn_draw_block(last_o, 0, &one, &n) : NULL;
    if (!Z || !order || columns != 4 || n != joins + 1) return no_data("linkage", err);
    struct rnn_panel *p = rnn_figure_panel(f, "", "group", "distance at which they join");
    struct rnn_layer *l = p ? rnn_panel_layer(p, RNN_LAYER_SEGMENTS, NULL, 0) : NULL;
    if (!l) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    RNN_TRY(draw_joins(l, Z, joins, order, err));
    RNN_TRY(name_leaves(g, last, order, n, p, err));
    p->x_min = -0.5, p->x_max = (double)n - 0.5, p->y_min = 0;
    f->width = 560, f->height = 380;
    rnn_figure_title(f, "Tree of states at step %g", rnn_kvs_get_real(&last->labels, "step", NAN));
    rnn_draw_caption(f, g, last, 1);
    return RNN_OK;
}
