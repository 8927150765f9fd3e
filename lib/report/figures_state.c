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

enum { MOST_LANES = 8 };

static char **channel_names(char *const *names, size_t n)
{
    struct rnn_err err;
    char **out;
    if (rnn_alloc_into(&out, n + 1, sizeof *out, &err) < 0) return NULL;
    for (size_t i = 0; i < n; i++) out[i] = names && names[i] ? rnn_strdup(names[i]) : rnn_asprintf("%zu", i);
    return out;
}

/* Many channels of x [T][n] as an image. */
static int draw_image(struct rnn_panel *p, const float *x, size_t T, size_t n, double unit, const char *what, struct rnn_err *err)
{
    struct rnn_layer *l = rnn_panel_layer(p, RNN_LAYER_IMAGE, NULL, 0);
    if (!l) return memory(err);
    for (size_t t = 0; t < T; t++)
        for (size_t i = 0; i < n; i++) RNN_TRY(rnn_layer_add(l, (double[]){((double)t + 0.5) * unit, (double)i, (double)x[t * n + i]}, err));
    p->palette = RNN_PALETTE_GREY;
    p->cblabel = rnn_strdup(what);
    return RNN_OK;
}

/* Few channels as lines one above the other, from least to largest value in a lane each. */
static int draw_lanes(struct rnn_panel *p, const float *x, size_t T, size_t n, double unit, double lo, double hi, struct rnn_err *err)
{
    for (size_t i = 0; i < n; i++) {
        struct rnn_layer *l = rnn_panel_layer(p, RNN_LAYER_STEPS, NULL, (int)i);
        if (!l) return memory(err);
        for (size_t t = 0; t <= T; t++) {
            const double v = (double)x[(t < T ? t : T - 1) * n + i], up = hi > lo ? (v - lo) / (hi - lo) - 0.5 : 0;
            RNN_TRY(rnn_layer_add(l, (double[]){(double)t * unit, n == 1 ? v : (double)i - 0.76 * up}, err));
        }
    }
    return RNN_OK;
}

/* One panel of x [T][n]. */
static int draw_channels(struct rnn_figure *f, const char *what, size_t trial, const float *x, size_t T, size_t n, double dt, char *const *names, struct rnn_err *err)
{
    const double unit = dt > 0 ? dt : 1;
    double lo = INFINITY, hi = -INFINITY;
    char title[40], lanes[80];
    for (size_t i = 0; i < T * n; i++)
        if (isfinite(x[i])) lo = fmin(lo, (double)x[i]), hi = fmax(hi, (double)x[i]);
    snprintf(title, sizeof title, "%s of trial %zu", what, trial);
    if (n == 1 || n > MOST_LANES || !(hi > lo)) snprintf(lanes, sizeof lanes, "%s", n > 1 ? "channel" : what);
    else snprintf(lanes, sizeof lanes, "%s, each %.3g to %.3g", what, lo, hi);
    struct rnn_panel *p = rnn_figure_panel(f, title, dt > 0 ? "time (ms)" : "step", lanes);
    if (!p) return memory(err);
    RNN_TRY(n > MOST_LANES ? draw_image(p, x, T, n, unit, what, err) : draw_lanes(p, x, T, n, unit, lo, hi, err));
    p->x_min = 0, p->x_max = (double)T * unit;
    if (n == 1) return RNN_OK;
    p->flip_y = true, p->y_min = -0.5, p->y_max = (double)n - 0.5;
    if (n <= 26 && !(p->ytic = channel_names(names, n))) return memory(err);
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
    const size_t levels = task->n_periods < 6 ? task->n_periods : 6;
    for (size_t i = 0; i < task->n_periods; i++) { /* a name begins where its period does, each lower than the one before, whose name it must not cross */
        const double start = (double)task->periods[i].start * unit, height = 1.25 + 0.2 * (double)(levels - 1 - i % levels);
        if (task->periods[i].start >= tr->T) continue;
        struct rnn_layer *edge = rnn_panel_layer(p, RNN_LAYER_SEGMENTS, NULL, -1);
        if (!edge) return memory(err);
        edge->dash = 1, edge->width = 1;
        RNN_TRY(rnn_layer_add(edge, (double[]){start, 0, start, (height + 0.06) * most}, err));
        struct rnn_layer *name = rnn_panel_layer(p, RNN_LAYER_TEXT, NULL, -2);
        if (!name) return memory(err);
        name->align = 1;
        RNN_TRY(rnn_layer_word(name, start + 0.006 * (double)tr->T * unit, height * most, task->periods[i].name, err));
    }
    p->x_min = 0, p->x_max = (double)tr->T * unit, p->y_min = 0, p->y_max = (1.25 + 0.2 * (double)levels) * most;
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
    for (size_t k = 0; rc >= 0 && tr->n_in && k < K; k++) rc = draw_channels(f, "input", k, tr->u + k * tr->T * tr->n_in, tr->T, tr->n_in, task->dt_ms, task->channel_in, err);
    for (size_t k = 0; rc >= 0 && k < K; k++) rc = draw_channels(f, "target", k, tr->y + k * tr->T * tr->n_out, tr->T, tr->n_out, task->dt_ms, task->channel_out, err);
    for (size_t k = 0; rc >= 0 && k < K; k++) rc = draw_weights(f, task, tr, k, err);
    f->width = 520, f->height = 270;
    rnn_figure_title(f, "Task %s: %zu input%s, %zu output%s, %zu steps", task->name, task->n_in, task->n_in == 1 ? "" : "s", task->n_out, task->n_out == 1 ? "" : "s", tr->T);
    char *brief = rnn_pipeline_brief(g->n_segments ? g->segment[0].pipeline : "");
    rnn_figure_caption(f, "n = %zu trial%s; %s", K, K == 1 ? "" : "s", brief ? brief : "");
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
    }
    f->columns = f->n > 2 ? (f->n + 1) / 2 : f->n;
    f->width = 440, f->height = 330;
    rnn_figure_title(f, "States seen by the two leading read directions of the recurrent weights");
    rnn_draw_caption(f, g, first, 1);
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

enum { TREE_W = 660, TREE_H = 370 }; /* pixels of data */

struct box { double x, y, w, h; }; /* centre and size, in pixels */

static bool overlap(const struct box *a, const struct box *b)
{
    return fabs(a->x - b->x) < (a->w + b->w) / 2 && fabs(a->y - b->y) < (a->h + b->h) / 2;
}

/* A place beside each point where its name hides neither marks nor names; far ones are tried last. */
static int place_names(struct rnn_panel *p, struct rnn_layer *word, const struct prefix *v, size_t n, const double *xy, struct rnn_err *err)
{
    static const double around[][2] = {{0, -1}, {0, 1}, {1, 0}, {-1, 0}, {1, -1}, {-1, -1}, {1, 1}, {-1, 1}};
    double lo[2] = {INFINITY, INFINITY}, hi[2] = {-INFINITY, -INFINITY}, scale[2];
    struct box *taken;
    for (size_t i = 0; i < 2 * n; i++) lo[i % 2] = fmin(lo[i % 2], xy[i]), hi[i % 2] = fmax(hi[i % 2], xy[i]);
    for (int c = 0; c < 2; c++) {
        const double room = 0.09 * (hi[c] > lo[c] ? hi[c] - lo[c] : 1);
        lo[c] -= room, hi[c] += room;
        scale[c] = (c ? TREE_H : TREE_W) / (hi[c] - lo[c]);
    }
    RNN_TRY(rnn_alloc_into(&taken, 2 * n, sizeof *taken, err));
    for (size_t i = 0; i < n; i++) taken[i] = (struct box){xy[2 * i] * scale[0], xy[2 * i + 1] * scale[1], 8, 8};
    int rc = RNN_OK;
    for (size_t i = 0; rc >= 0 && i < n; i++) {
        struct box *b = &taken[n + i];
        const double w = 6.5 * (double)strlen(v[i].name) + 2, h = 12;
        bool free_place = false;
        for (size_t k = 0; !free_place && k < 4 * RNN_LEN(around); k++) {
            const double *to = around[k % RNN_LEN(around)], far = 1 + 0.8 * (double)(k / RNN_LEN(around));
            *b = (struct box){taken[i].x + far * to[0] * (w / 2 + 6), taken[i].y + far * to[1] * 12, w, h};
            free_place = true;
            for (size_t j = 0; j < n + i && free_place; j++) free_place = !overlap(b, &taken[j]);
        }
        rc = rnn_layer_word(word, b->x / scale[0], b->y / scale[1], v[i].name, err);
    }
    free(taken);
    p->x_min = lo[0], p->x_max = hi[0], p->y_min = lo[1], p->y_max = hi[1];
    return rc;
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
    struct rnn_layer *word = rnn_panel_layer(p, RNN_LAYER_TEXT, NULL, -2);
    return word ? place_names(p, word, v, n, xy, err) : memory(err);
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
    f->width = TREE_W + 100, f->height = TREE_H + 110;
    rnn_figure_title(f, "Tree of prefixes: mean states within the %zu leading read directions", modes);
    rnn_draw_caption(f, g, rnn_draw_array(g, "projections", NULL, false), 1);
    free(v);
    free(xy);
    return rc;
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
        struct rnn_layer *l = rnn_panel_layer(p, RNN_LAYER_LINES, k ? NULL : "trajectories", 5);
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
    const struct rnn_garray *shown[4], *first = rnn_draw_array(g, "pca_points", NULL, false);
    for (const struct rnn_garray *a = first; a && f->n < RNN_LEN(shown); a = rnn_draw_array(g, "pca_points", a, false)) {
        char title[120], more[100];
        if (a->value.ndim != 2 || a->value.shape[1] < 2 || a->value.dtype != RNN_F64) return rnn_fail(err, RNN_ERR_FORMAT, "array pca_points is not <f8 [point][axis]");
        rnn_draw_title(g, a, more, sizeof more);
        snprintf(title, sizeof title, "%.20s%s%.95s", a->net ? a->net : "", *more ? ", " : "", more);
        shown[f->n] = a;
        struct rnn_panel *p = rnn_figure_panel(f, title, "principal component 1 (activity)", "principal component 2 (activity)");
        if (!p) return memory(err);
        double span = 0;
        const struct rnn_garray *tr = beside(g, "pca_trajectories", a);
        if (tr && tr->value.ndim == 3 && tr->value.shape[2] >= 2 && tr->value.dtype == RNN_F64) {
            RNN_TRY(add_trajectories(p, tr, err));
            for (size_t i = 0; i < rnn_array_count(&tr->value); i++) span = fmax(span, fabs(((const double *)tr->value.data)[i]));
        }
        RNN_TRY(add_unstable(p, g, a, 0.15 * (span > 0 ? span : 1), err));
        RNN_TRY(add_points(p, g, a, err));
    }
    f->columns = f->n > 1 ? 2 : 1;
    f->width = 560, f->height = 360;
    rnn_figure_title(f, "Fixed and slow points among trajectories, in the plane of most variance");
    rnn_draw_caption(f, g, first, rnn_draw_nets(shown, f->n));
    return RNN_OK;
}

/* ---- flow of reduced networks ---- */

/* Least distance of two values of c among marked rows: how far points of the grid lie apart. */
static double grid_step(const struct rnn_gtable *t, const struct rnn_gcol *c, const bool *shown, struct rnn_err *err)
{
    size_t *v = NULL, n = 0;
    double step = INFINITY;
    if (rnn_distinct(c, t->rows, shown, &v, &n, err) < 0) return 1;
    for (size_t i = 1; i < n; i++) step = fmin(step, c->v[v[i]] - c->v[v[i - 1]]);
    free(v);
    return isfinite(step) ? step : 1;
}

/* Speed as colour, and arrows of one length in the direction of flow. */
static int draw_field(struct rnn_figure *f, const char *title, const struct rnn_gtable *t, const struct rnn_gcol *const c[5], const bool *shown, struct rnn_err *err)
{
    struct rnn_panel *p = rnn_figure_panel(f, title, "kappa 1", "kappa 2");
    struct rnn_layer *color = p ? rnn_panel_layer(p, RNN_LAYER_IMAGE, NULL, 0) : NULL, *arrows = color ? rnn_panel_layer(p, RNN_LAYER_ARROWS, NULL, -2) : NULL;
    if (!arrows) return memory(err);
    color = &p->layer[0];
    p->palette = RNN_PALETTE_SHARE;
    p->cblabel = rnn_strdup("log10 speed (1/tau)");
    const double dx = 0.4 * grid_step(t, c[0], shown, err), dy = 0.4 * grid_step(t, c[1], shown, err);
    for (size_t i = 0; i < t->rows; i++) {
        if (!shown[i]) continue;
        const double x = c[0]->v[i], y = c[1]->v[i], norm = hypot(c[2]->v[i] / dx, c[3]->v[i] / dy);
        RNN_TRY(rnn_layer_add(color, (double[]){x, y, c[4]->v[i] > 0 ? log10(c[4]->v[i]) : NAN}, err));
        if (!(norm > 0)) continue;
        const double u = c[2]->v[i] / norm, v = c[3]->v[i] / norm;
        RNN_TRY(rnn_layer_add(arrows, (double[]){x - u, y - v, 2 * u, 2 * v}, err));
    }
    return RNN_OK;
}

int rnn_draw_flow(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err)
{
    const struct rnn_gtable *t = rnn_gathered_table(g, "flow_field");
    const char *const names[] = {"kappa_1", "kappa_2", "flow_1", "flow_2", "speed"};
    const struct rnn_gcol *c[5], *net = rnn_gtable_col(t, "net");
    for (size_t i = 0; i < 5; i++)
        if (!(c[i] = rnn_gtable_col(t, names[i])) || c[i]->is_text) return rnn_fail(err, RNN_ERR_FORMAT, "table flow_field has no numbers '%s'", names[i]);
    bool *keep = NULL, *shown;
    size_t *nets = NULL, n = 1;
    if (net && !net->is_text) net = NULL;
    RNN_TRY(rnn_alloc_into(&keep, 2 * t->rows + 1, sizeof *keep, err));
    shown = keep + t->rows;
    for (size_t i = 0; i < t->rows; i++) shown[i] = true;
    int rc = net ? rnn_distinct(net, t->rows, shown, &nets, &n, err) : RNN_OK;
    while (n > 4 && t->segment[nets[n - 1]] != t->segment[nets[0]]) n--;
    for (size_t k = 0; rc >= 0 && k < n && k < 4; k++) { /* of many (snapshots of the first training) the first, the last, and two between */
        const size_t at = n > 4 ? k * (n - 1) / 3 : k;
        for (size_t i = 0; i < t->rows; i++) shown[i] = !net || (!strcmp(net->s[i], net->s[nets[at]]) && t->segment[i] == t->segment[nets[at]]);
        rc = draw_field(f, net ? net->s[nets[at]] : "", t, c, shown, err);
        for (size_t i = 0; i < t->rows; i++) keep[i] |= shown[i];
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
