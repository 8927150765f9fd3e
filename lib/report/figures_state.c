/* Figures of trials, states, flows and fixed points. */
#include <complex.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "num/linalg.h"
#include "num/stats.h"
#include "report/figures_draw.h"

static int memory(struct rnn_err *err)
{
    return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
}

/* ---- trials: input, target, mask, periods ---- */

enum { CHANNELS_AS_LINES = 6 };

/* One panel of x [T][n]: lines a channel, or an image when they are many.  low: NaN, or the level to which lines shrink. */
static int draw_channels(struct rnn_figure *f, const char *title, const char *ylabel, const float *x, size_t T, size_t n, double dt, char **names, struct rnn_err *err)
{
    struct rnn_panel *p = rnn_figure_panel(f, title, dt > 0 ? "time (ms)" : "step", n > CHANNELS_AS_LINES ? "channel" : ylabel);
    char label[40];
    if (!p) return memory(err);
    const double unit = dt > 0 ? dt : 1;
    if (n > CHANNELS_AS_LINES) {
        struct rnn_layer *l = rnn_panel_layer(p, RNN_LAYER_IMAGE, NULL, 0);
        if (!l) return memory(err);
        for (size_t t = 0; t < T; t++)
            for (size_t i = 0; i < n; i++) RNN_TRY(rnn_layer_add(l, (double[]){((double)t + 0.5) * unit, (double)i, (double)x[t * n + i]}, err));
        p->flip_y = true, p->y_min = -0.5, p->y_max = (double)n - 0.5, p->x_min = 0, p->x_max = (double)T * unit;
        p->palette = RNN_PALETTE_GREY;
        p->cblabel = rnn_strdup(ylabel);
        return RNN_OK;
    }
    double lo = INFINITY, hi = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        snprintf(label, sizeof label, "%zu", i + 1);
        struct rnn_layer *l = rnn_panel_layer(p, RNN_LAYER_STEPS, n > 1 ? names && names[i] ? names[i] : label : NULL, (int)i);
        if (!l) return memory(err);
        l->width = 2.4 - 0.3 * (double)i; /* lines that coincide stay visible */
        l->dash = (int)i;
        for (size_t t = 0; t <= T; t++) {
            const double v = (double)x[(t < T ? t : T - 1) * n + i];
            lo = fmin(lo, v), hi = fmax(hi, v);
            RNN_TRY(rnn_layer_add(l, (double[]){(double)t * unit, v}, err));
        }
    }
    const double room = hi > lo ? 0.08 * (hi - lo) : 1;
    p->x_min = 0, p->x_max = (double)T * unit, p->y_min = lo - room, p->y_max = hi + 3 * room;
    p->key_outside = true;
    return RNN_OK;
}

static int draw_weights(struct rnn_figure *f, const struct rnn_task *task, const struct rnn_trials *tr, size_t k, struct rnn_err *err)
{
    const double unit = task->dt_ms > 0 ? task->dt_ms : 1;
    struct rnn_panel *p = rnn_figure_panel(f, "weight in the loss, and periods", task->dt_ms > 0 ? "time (ms)" : "step", "weight");
    struct rnn_layer *l = p ? rnn_panel_layer(p, RNN_LAYER_STEPS, NULL, 0) : NULL;
    double most = 0;
    if (!l) return memory(err);
    for (size_t t = 0; t <= tr->T; t++) {
        const double w = tr->w[k * tr->T + (t < tr->T ? t : tr->T - 1)];
        most = fmax(most, w);
        RNN_TRY(rnn_layer_add(l, (double[]){(double)t * unit, w}, err));
    }
    if (!(most > 0)) most = 1;
    for (size_t i = 0; i < task->n_periods; i++) {
        const struct rnn_period *q = &task->periods[i];
        const double stop = i + 1 == task->n_periods || q->stop > tr->T ? (double)tr->T : (double)q->stop;
        struct rnn_layer *edge = rnn_panel_layer(p, RNN_LAYER_SEGMENTS, NULL, -1);
        if (!edge) return memory(err);
        edge->dash = 1, edge->width = 1;
        RNN_TRY(rnn_layer_add(edge, (double[]){(double)q->start * unit, 0, (double)q->start * unit, 1.4 * most}, err));
        struct rnn_layer *name = rnn_panel_layer(p, RNN_LAYER_TEXT, NULL, -2);
        if (!name) return memory(err);
        RNN_TRY(rnn_layer_word(name, ((double)q->start + stop) / 2 * unit, (i % 2 ? 1.18 : 1.32) * most, q->name, err));
    }
    p->x_min = 0, p->x_max = (double)tr->T * unit, p->y_min = 0, p->y_max = 1.4 * most;
    return RNN_OK;
}

/* From trials in the stream, or made from the task: two test trials. */
int rnn_draw_trials(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err)
{
    const struct rnn_task *task = g->task[0];
    struct rnn_trials made = {0};
    const bool own = g->trials.K && g->trials_task && !strcmp(g->trials_task, task->id);
    if (!own && !task->def) return rnn_fail(err, RNN_ERR_ARG, "figure trials: task %s is nobody's here: its trials must be in the input", task->name);
    if (!own) {
        const uint64_t n = task->is_finite ? task->n_split[RNN_TEST] : 2;
        if (!n) return rnn_fail(err, RNN_ERR_ARG, "figure trials: task %s has no test trials", task->name);
        RNN_TRY(rnn_task_trials(task, RNN_TEST, 0, NULL, 0, n < 2 ? (size_t)n : 2, 0, &made, err));
    }
    const struct rnn_trials *tr = own ? &g->trials : &made;
    const size_t K = tr->K < 2 ? tr->K : 2;
    int rc = RNN_OK;
    f->columns = K;
    for (size_t k = 0; rc >= 0 && k < K; k++) {
        char title[40];
        snprintf(title, sizeof title, "input of trial %zu", k);
        rc = draw_channels(f, title, "input", tr->u + k * tr->T * tr->n_in, tr->T, tr->n_in, task->dt_ms, task->channel_in, err);
    }
    for (size_t k = 0; rc >= 0 && k < K; k++) rc = draw_channels(f, "target", "target", tr->y + k * tr->T * tr->n_out, tr->T, tr->n_out, task->dt_ms, task->channel_out, err);
    for (size_t k = 0; rc >= 0 && k < K; k++) rc = draw_weights(f, task, tr, k, err);
    f->width = 520, f->height = 270;
    rnn_figure_title(f, "Task %s: %zu inputs, %zu outputs, %zu steps", task->name, task->n_in, task->n_out, tr->T);
    char *brief = rnn_pipeline_brief(g->n_segments ? g->segment[0].pipeline : "");
    rnn_figure_caption(f, "n = %zu of its trials; %s", K, brief ? brief : "");
    free(brief);
    if (!own) rnn_trials_release(&made);
    return rc;
}

/* ---- states by path ---- */

/* A text column of table `states` by trial number: names [K], NULL where a trial is not listed. */
static int trial_names(const struct rnn_gathered *g, const struct rnn_garray *a, const char *column, size_t K, const char ***names, struct rnn_err *err)
{
    const struct rnn_gtable *t = rnn_gathered_table(g, "states");
    const struct rnn_gcol *trial = rnn_gtable_col(t, "trial"), *c = rnn_gtable_col(t, column), *net = rnn_gtable_col(t, "net");
    RNN_TRY(rnn_alloc_into(names, K + 1, sizeof **names, err));
    if (!trial || trial->is_text || !c || !c->is_text) return rnn_fail(err, RNN_ERR_FORMAT, "table states has no texts '%s' by trial", column);
    for (size_t i = 0; i < t->rows; i++) {
        const bool mine = t->segment[i] == a->segment && (!net || !a->net || !strcmp(net->s[i], a->net));
        if (mine && trial->v[i] >= 0 && trial->v[i] < (double)K) (*names)[(size_t)trial->v[i]] = c->s[i];
    }
    return RNN_OK;
}

int rnn_draw_projections(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err)
{
    const struct rnn_garray *first = rnn_draw_array(g, "projections", NULL, false);
    for (const struct rnn_garray *a = first; a && f->n < 6; a = rnn_draw_array(g, "projections", a, true)) {
        size_t K, modes, n = 0;
        const char **names = NULL, *seen[64];
        char title[40];
        const double *v = rnn_draw_block(a, 0, &K, &modes);
        if (!v || modes < 2) return rnn_fail(err, RNN_ERR_FORMAT, "array projections has fewer than two modes");
        int rc = trial_names(g, a, "path", K, &names, err);
        snprintf(title, sizeof title, "step %g", rnn_kvs_get_real(&a->labels, "step", (double)f->n));
        struct rnn_panel *p = rnn_figure_panel(f, title, "projection on v_1", "projection on v_2");
        for (size_t k = 0; rc >= 0 && p && k < K; k++) {
            size_t c = 0;
            if (!names[k]) continue;
            while (c < n && strcmp(seen[c], names[k])) c++;
            if (c == n && n == RNN_LEN(seen)) continue;
            if (c == n) seen[n++] = names[k], rnn_panel_layer(p, RNN_LAYER_POINTS, names[k], (int)c);
            rc = c < p->n ? rnn_layer_add(&p->layer[c], (double[]){v[k * modes], v[k * modes + 1]}, err) : memory(err);
        }
        free(names);
        RNN_TRY(rc);
        p->key_outside = true;
    }
    f->columns = f->n > 2 ? (f->n + 1) / 2 : f->n;
    f->width = 440, f->height = 330;
    rnn_figure_title(f, "States seen by the two leading read directions of the recurrent weights");
    rnn_draw_caption(f, g, first);
    return RNN_OK;
}

struct prefix { char name[64]; double at[16]; size_t n, depth; };

static struct prefix *prefix_of(struct prefix **v, size_t *n, size_t *cap, const char *path, size_t len, struct rnn_err *err)
{
    for (size_t i = 0; i < *n; i++)
        if (strlen((*v)[i].name) == len && !strncmp((*v)[i].name, path, len)) return &(*v)[i];
    if (rnn_grow(v, cap, *n + 1, sizeof **v, err) < 0) return NULL;
    struct prefix *p = &(*v)[(*n)++];
    *p = (struct prefix){.depth = len};
    memcpy(p->name, path, len);
    return p;
}

/* Mean states of the prefixes that trials share, in the space of the read directions: every step adds a level to the tree. */
static int collect_prefixes(const struct rnn_gathered *g, struct prefix **v, size_t *n, size_t *modes, struct rnn_err *err)
{
    size_t cap = 0;
    for (const struct rnn_garray *a = rnn_draw_array(g, "projections", NULL, false); a; a = rnn_draw_array(g, "projections", a, true)) {
        size_t K, m;
        const char **names = NULL;
        const double *x = rnn_draw_block(a, 0, &K, &m);
        const size_t len = (size_t)rnn_kvs_get_int(&a->labels, "step", 0) + 1;
        if (!x) return rnn_fail(err, RNN_ERR_FORMAT, "array projections is not <f8 [step][trial][mode]");
        *modes = m < 16 ? m : 16;
        int rc = trial_names(g, a, "path", K, &names, err);
        for (size_t k = 0; rc >= 0 && k < K; k++) {
            if (!names[k] || strlen(names[k]) < len || len >= sizeof (*v)->name) continue;
            struct prefix *p = prefix_of(v, n, &cap, names[k], len, err);
            if (!p) rc = err->code;
            for (size_t i = 0; p && i < *modes; i++) p->at[i] += x[k * m + i];
            if (p) p->n++;
        }
        free(names);
        RNN_TRY(rc);
    }
    for (size_t i = 0; i < *n; i++)
        for (size_t k = 0; k < *modes; k++) (*v)[i].at[k] /= (double)(*v)[i].n;
    return *n ? RNN_OK : rnn_fail(err, RNN_ERR_FORMAT, "figure tree: table states has no paths for the trials of projections");
}

/* Two principal axes of the points, xy [n][2], and the share of variance each carries. */
static int principal(const struct prefix *v, size_t n, size_t modes, double *xy, double share[2], struct rnn_err *err)
{
    const size_t k = n < modes ? n : modes;
    double *A, *s, *Vt, all = 0;
    RNN_TRY(rnn_alloc_into(&A, n * modes + k + k * modes + modes, sizeof *A, err));
    s = A + n * modes, Vt = s + k;
    double *mean = Vt + k * modes;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < modes; j++) mean[j] += v[i].at[j] / (double)n;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < modes; j++) A[i * modes + j] = v[i].at[j] - mean[j];
    const int rc = rnn_svd(n, modes, A, NULL, s, Vt, err);
    for (size_t c = 0; rc >= 0 && c < k; c++) all += s[c] * s[c];
    for (size_t c = 0; rc >= 0 && c < 2; c++) {
        share[c] = c < k && all > 0 ? s[c] * s[c] / all : 0;
        for (size_t i = 0; i < n; i++) {
            xy[2 * i + c] = 0;
            for (size_t j = 0; c < k && j < modes; j++) xy[2 * i + c] += A[i * modes + j] * Vt[c * modes + j];
        }
    }
    free(A);
    return rc;
}

/* Which first transition: 0 the first letter comes again, 1 another; -1 before it. */
static int first_transition(const struct prefix *p)
{
    return p->depth < 2 ? -1 : p->name[1] == p->name[0] ? 0 : 1;
}

static int draw_tree_layers(struct rnn_panel *p, const struct prefix *v, size_t n, const double *xy, struct rnn_err *err)
{
    static const char *const names[] = {"second letter equals the first", "second letter differs", "first letter"};
    for (int c = 0; c < 3; c++) {
        const int want = c == 2 ? -1 : c;
        struct rnn_layer *edge = rnn_panel_layer(p, RNN_LAYER_SEGMENTS, NULL, want);
        if (!edge) return memory(err);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++) /* j is the parent of i */
                if (first_transition(&v[i]) == want && v[j].depth + 1 == v[i].depth && !strncmp(v[i].name, v[j].name, v[j].depth))
                    RNN_TRY(rnn_layer_add(edge, (double[]){xy[2 * j], xy[2 * j + 1], xy[2 * i], xy[2 * i + 1]}, err));
        struct rnn_layer *dot = rnn_panel_layer(p, RNN_LAYER_POINTS, names[c], want);
        if (!dot) return memory(err);
        dot->width = 0.9;
        for (size_t i = 0; i < n; i++)
            if (first_transition(&v[i]) == want) RNN_TRY(rnn_layer_add(dot, xy + 2 * i, err));
    }
    double lo = INFINITY, hi = -INFINITY, left = INFINITY, right = -INFINITY;
    for (size_t i = 0; i < n; i++) lo = fmin(lo, xy[2 * i + 1]), hi = fmax(hi, xy[2 * i + 1]), left = fmin(left, xy[2 * i]), right = fmax(right, xy[2 * i]);
    struct rnn_layer *word = rnn_panel_layer(p, RNN_LAYER_TEXT, NULL, -2);
    if (!word) return memory(err);
    for (size_t i = 0; i < n; i++) RNN_TRY(rnn_layer_word(word, xy[2 * i], xy[2 * i + 1] + (v[i].depth % 2 ? -0.04 : 0.04) * (hi - lo), v[i].name, err));
    p->y_min = lo - 0.1 * (hi - lo), p->y_max = hi + 0.1 * (hi - lo);
    p->x_min = left - 0.08 * (right - left), p->x_max = right + 0.08 * (right - left);
    return RNN_OK;
}

int rnn_draw_tree(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err)
{
    struct prefix *v = NULL;
    size_t n = 0, modes = 0;
    double *xy = NULL, share[2] = {0, 0};
    char labels[2][60];
    int rc = collect_prefixes(g, &v, &n, &modes, err);
    if (rc >= 0) rc = rnn_alloc_into(&xy, 2 * n, sizeof *xy, err);
    if (rc >= 0) rc = principal(v, n, modes, xy, share, err);
    for (int c = 0; c < 2; c++) snprintf(labels[c], sizeof labels[c], "principal component %d (%.0f %% of variance)", c + 1, 100 * share[c]);
    struct rnn_panel *p = rc >= 0 ? rnn_figure_panel(f, "", labels[0], labels[1]) : NULL;
    if (rc >= 0) rc = p ? draw_tree_layers(p, v, n, xy, err) : memory(err);
    if (p) p->key_outside = true;
    f->width = 760, f->height = 440;
    rnn_figure_title(f, "Tree of prefixes: mean states within the %zu leading read directions", modes);
    rnn_draw_caption(f, g, rnn_draw_array(g, "projections", NULL, false));
    free(v);
    free(xy);
    return rc;
}

/* Share of triangles that are ultrametric, or the like, through the leading modes and in the whole space, against the Gaussian reference. */
int rnn_draw_ultrametric(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err)
{
    const struct rnn_plot value = {.name = "ultrametric", .title = "Ultrametric content of distances between states, through so many leading modes (0: in the whole space)", .table = "geometry", .x = "step", .y = "value", .group = "item",
                                   .facet = "condition", .filter = "measure=ultrametric", .ylabel = "ultrametric content"};
    return rnn_plot_draw(&value, g, f, err);
}

/* ---- fixed points and trajectories ---- */

static const struct { const char *kind, *label; int color; } KINDS[] = {
    {"stable", "stable fixed point", 2}, {"saddle", "saddle", 1}, {"unstable", "unstable fixed point", 3}, {"slow", "slow point", 4}};

/* Kind of point i of array a in table fixedpoints; "" when it is not there. */
static const char *kind_of_point(const struct rnn_gathered *g, const struct rnn_garray *a, size_t point)
{
    const struct rnn_gtable *t = rnn_gathered_table(g, "fixedpoints");
    const struct rnn_gcol *number = t ? rnn_gtable_col(t, "point") : NULL, *kind = t ? rnn_gtable_col(t, "kind") : NULL;
    const struct rnn_gcol *net = t ? rnn_gtable_col(t, "net") : NULL, *input = t ? rnn_gtable_col(t, "input") : NULL;
    const char *mine = rnn_kvs_get_str(&a->labels, "input", "");
    for (size_t i = 0; number && !number->is_text && kind && kind->is_text && i < t->rows; i++) {
        if (number->v[i] != (double)point || t->segment[i] != a->segment) continue;
        if (net && net->is_text && a->net && strcmp(net->s[i], a->net)) continue;
        if (input && input->is_text && *mine && strcmp(input->s[i], mine)) continue;
        return kind->s[i];
    }
    return "";
}

static int add_trajectories(struct rnn_panel *p, const struct rnn_garray *tr, struct rnn_err *err)
{
    const size_t K = tr->value.shape[0], T = tr->value.shape[1], A = tr->value.shape[2], most = K < 12 ? K : 12;
    const double *x = tr->value.data;
    for (size_t k = 0; k < most; k++) {
        struct rnn_layer *l = rnn_panel_layer(p, RNN_LAYER_LINES, k ? NULL : "trajectories", k % 2 ? 5 : 0);
        if (!l) return memory(err);
        l->width = 0.9;
        for (size_t t = 0; t < T; t++) RNN_TRY(rnn_layer_add(l, x + (k * T + t) * A, err));
    }
    return RNN_OK;
}

/* The array of this name that belongs to the same network (and the same input, where both say one). */
static const struct rnn_garray *beside(const struct rnn_gathered *g, const char *name, const struct rnn_garray *a)
{
    const char *mine = rnn_kvs_get_str(&a->labels, "input", "");
    for (const struct rnn_garray *b = rnn_draw_array(g, name, NULL, false); b; b = rnn_draw_array(g, name, b, false)) {
        const char *theirs = rnn_kvs_get_str(&b->labels, "input", "");
        if (b->segment == a->segment && !strcmp(b->net ? b->net : "", a->net ? a->net : "") && (!*mine || !*theirs || !strcmp(mine, theirs))) return b;
    }
    return NULL;
}

/* Directions in which a point repels: right vectors of multipliers outside the unit circle, projected on the axes. */
static int add_unstable(struct rnn_panel *p, const struct rnn_gathered *g, const struct rnn_garray *points, double length, struct rnn_err *err)
{
    const struct rnn_garray *axes = beside(g, "pca_axes", points), *w = beside(g, "fixedpoint_eigenvalues", points);
    const struct rnn_garray *right = beside(g, "fixedpoint_right_vectors", points);
    if (!axes || !w || !right || axes->value.dtype != RNN_F64 || w->value.dtype != RNN_C128 || right->value.dtype != RNN_C128) return RNN_OK;
    if (axes->value.ndim != 2 || w->value.ndim != 2 || right->value.ndim != 3 || axes->value.shape[0] < 2) return RNN_OK;
    const size_t n = points->value.shape[0], D = points->value.shape[1], N = right->value.shape[1], M = right->value.shape[2];
    if (axes->value.shape[1] != N || right->value.shape[0] != n || w->value.shape[0] != n || w->value.shape[1] != M) return RNN_OK;
    const double *P = axes->value.data, *at = points->value.data;
    const double _Complex *lambda = w->value.data, *V = right->value.data;
    struct rnn_layer *l = rnn_panel_layer(p, RNN_LAYER_SEGMENTS, "unstable directions", 1);
    if (!l) return memory(err);
    l->width = 1.3;
    for (size_t i = 0; i < n; i++)
        for (size_t m = 0; m < M; m++) {
            double d[2] = {0, 0};
            if (cabs(lambda[i * M + m]) <= 1) continue;
            for (size_t u = 0; u < N; u++)
                for (int c = 0; c < 2; c++) d[c] += P[(size_t)c * N + u] * creal(V[(i * N + u) * M + m]);
            const double *x = at + i * D;
            RNN_TRY(rnn_layer_add(l, (double[]){x[0] - length * d[0], x[1] - length * d[1], x[0] + length * d[0], x[1] + length * d[1]}, err));
        }
    return RNN_OK;
}

static int add_points(struct rnn_panel *p, const struct rnn_gathered *g, const struct rnn_garray *a, struct rnn_err *err)
{
    const size_t n = a->value.shape[0], D = a->value.shape[1];
    for (size_t k = 0; k < RNN_LEN(KINDS); k++) {
        struct rnn_layer *l = NULL;
        for (size_t i = 0; i < n; i++) {
            if (strcmp(kind_of_point(g, a, i), KINDS[k].kind)) continue;
            if (!l && !(l = rnn_panel_layer(p, RNN_LAYER_POINTS, KINDS[k].label, KINDS[k].color))) return memory(err);
            l->width = 1.1;
            RNN_TRY(rnn_layer_add(l, (const double *)a->value.data + i * D, err));
        }
    }
    return RNN_OK;
}

int rnn_draw_fixedpoints(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err)
{
    const struct rnn_garray *first = rnn_draw_array(g, "pca_points", NULL, false);
    for (const struct rnn_garray *a = first; a && f->n < 4; a = rnn_draw_array(g, "pca_points", a, false)) {
        char title[120], more[100];
        if (a->value.ndim != 2 || a->value.shape[1] < 2 || a->value.dtype != RNN_F64) return rnn_fail(err, RNN_ERR_FORMAT, "array pca_points is not <f8 [point][axis]");
        rnn_draw_title(g, a, more, sizeof more);
        snprintf(title, sizeof title, "%.20s%s%.95s", a->net ? a->net : "", *more ? ", " : "", more);
        struct rnn_panel *p = rnn_figure_panel(f, title, "principal component 1", "principal component 2");
        if (!p) return memory(err);
        double span = 0;
        const struct rnn_garray *tr = beside(g, "pca_trajectories", a);
        if (tr && tr->value.ndim == 3 && tr->value.shape[2] >= 2 && tr->value.dtype == RNN_F64) {
            RNN_TRY(add_trajectories(p, tr, err));
            for (size_t i = 0; i < rnn_array_count(&tr->value); i++) span = fmax(span, fabs(((const double *)tr->value.data)[i]));
        }
        RNN_TRY(add_unstable(p, g, a, 0.15 * (span > 0 ? span : 1), err));
        RNN_TRY(add_points(p, g, a, err));
        p->key_outside = true;
    }
    f->columns = f->n > 1 ? 2 : 1;
    f->width = 560, f->height = 360;
    rnn_figure_title(f, "Fixed and slow points among trajectories, in the plane of most variance");
    rnn_draw_caption(f, g, first);
    return RNN_OK;
}

/* ---- flow of reduced networks ---- */

int rnn_draw_flow(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err)
{
    const struct rnn_gtable *t = rnn_gathered_table(g, "flow_field");
    const char *const names[] = {"kappa_1", "kappa_2", "flow_1", "flow_2", "speed"};
    const struct rnn_gcol *c[5], *net = rnn_gtable_col(t, "net");
    for (size_t i = 0; i < 5; i++)
        if (!(c[i] = rnn_gtable_col(t, names[i])) || c[i]->is_text) return rnn_fail(err, RNN_ERR_FORMAT, "table flow_field has no numbers '%s'", names[i]);
    bool *keep = NULL;
    size_t *nets = NULL, n = 1;
    RNN_TRY(rnn_alloc_into(&keep, t->rows + 1, sizeof *keep, err));
    for (size_t i = 0; i < t->rows; i++) keep[i] = true;
    int rc = net ? rnn_distinct(net, t->rows, keep, &nets, &n, err) : RNN_OK;
    for (size_t k = 0; rc >= 0 && k < n && k < 4; k++) {
        struct rnn_panel *p = rnn_figure_panel(f, net && net->is_text ? net->s[nets[k]] : "", "kappa 1", "kappa 2");
        struct rnn_layer *color = p ? rnn_panel_layer(p, RNN_LAYER_COLORED, NULL, 0) : NULL;
        if (!color) { rc = memory(err); break; }
        color->width = 0.25;
        p->cblabel = rnn_strdup("log10 speed (1/tau)");
        struct rnn_layer *l = rnn_panel_layer(p, RNN_LAYER_ARROWS, NULL, -1);
        double lo = INFINITY, hi = -INFINITY;
        size_t mine = 0;
        for (size_t i = 0; i < t->rows; i++)
            if (!net || !strcmp(net->s[i], net->s[nets[k]])) lo = fmin(lo, c[0]->v[i]), hi = fmax(hi, c[0]->v[i]), mine++;
        const double step = mine > 1 ? 0.8 * (hi - lo) / sqrt((double)mine) : 1;
        for (size_t i = 0; rc >= 0 && l && i < t->rows; i++) {
            if (net && strcmp(net->s[i], net->s[nets[k]])) continue;
            const double norm = hypot(c[2]->v[i], c[3]->v[i]);
            if (!(norm > 0)) continue;
            rc = rnn_layer_add(l, (double[]){c[0]->v[i], c[1]->v[i], step * c[2]->v[i] / norm, step * c[3]->v[i] / norm}, err);
            if (rc >= 0) rc = rnn_layer_add(&p->layer[0], (double[]){c[0]->v[i], c[1]->v[i], log10(c[4]->v[i])}, err);
        }
        p->x_min = p->y_min = lo, p->x_max = p->y_max = hi;
    }
    f->columns = f->n > 1 ? 2 : 1;
    f->width = 480, f->height = 400;
    rnn_figure_title(f, "Flow of the reduced dynamics without input");
    char *caption = rnn_plot_caption(g, t, keep);
    rnn_figure_caption(f, "%s", caption ? caption : "");
    free(caption);
    free(keep);
    free(nets);
    return rc;
}
