#include "report/plot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "num/stats.h"

struct view { /* the rows and columns of one plot */
    const struct rnn_plot *p;
    const struct rnn_gtable *t;
    const struct rnn_gcol *x, *y, *z, *group, *facet;
    bool *keep;
};

static bool same_value(const struct rnn_gcol *c, size_t a, size_t b)
{
    return c->is_text ? !strcmp(c->s[a], c->s[b]) : c->v[a] == c->v[b];
}

static bool is_missing(const struct rnn_gcol *c, size_t row)
{
    return c->is_text ? !*c->s[row] : isnan(c->v[row]);
}

static _Thread_local const struct rnn_gcol *order_by;

static int by_number(const void *a, const void *b)
{
    const double x = order_by->v[*(const size_t *)a], y = order_by->v[*(const size_t *)b];
    return (x > y) - (x < y);
}

int rnn_distinct(const struct rnn_gcol *c, size_t rows, const bool *keep, size_t **value, size_t *n, struct rnn_err *err)
{
    RNN_TRY(rnn_alloc_into(value, rows + 1, sizeof **value, err));
    *n = 0;
    if (c->is_text) {
        for (size_t i = 0; i < rows; i++) {
            bool known = !keep[i] || is_missing(c, i);
            for (size_t k = 0; !known && k < *n; k++) known = same_value(c, i, (*value)[k]);
            if (!known) (*value)[(*n)++] = i;
        }
        return RNN_OK;
    }
    size_t all = 0;
    for (size_t i = 0; i < rows; i++)
        if (keep[i] && !is_missing(c, i)) (*value)[all++] = i;
    order_by = c;
    qsort(*value, all, sizeof **value, by_number);
    for (size_t i = 0; i < all; i++)
        if (!*n || !same_value(c, (*value)[i], (*value)[*n - 1])) (*value)[(*n)++] = (*value)[i];
    return RNN_OK;
}

/* Cuts every " --config <(... ')" and joins the lines of the pipeline. */
char *rnn_pipeline_brief(const char *pipeline)
{
    char *brief = rnn_strdup(pipeline);
    for (char *from = brief, *to = brief; brief; from++) {
        char *config = strstr(from, " --config <(");
        const size_t keep = config ? (size_t)(config - from) : strlen(from) + 1;
        memmove(to, from, keep);
        to += keep;
        if (!config) break;
        from = strstr(config, "')");
        if (!from) {
            *to = 0;
            break;
        }
        from++;
    }
    for (char *from = brief, *to = brief; brief; from++) { /* one space for any run of them */
        const bool space = *from == ' ' || *from == '\n';
        if (!space) *to++ = *from;
        else if (to > brief && to[-1] != ' ') *to++ = ' ';
        if (!*from) break;
    }
    for (size_t n = brief ? strlen(brief) : 0; n && brief[n - 1] == ' '; n--) brief[n - 1] = 0;
    return brief;
}

char *rnn_plot_caption(const struct rnn_gathered *g, const struct rnn_gtable *t, const bool *keep)
{
    const struct rnn_gcol *net = rnn_gtable_col(t, "net");
    size_t rows = 0, nets = 0, first = t->rows, *ids = NULL;
    for (size_t i = 0; i < t->rows; i++)
        if (keep[i]) rows++, first = i < first ? i : first;
    struct rnn_err err;
    /* A net is told by its id and segment; shards and cells of a sweep may repeat ids. */
    for (size_t s = 0; net && s < g->n_segments; s++) {
        bool *here = rnn_alloc(t->rows + 1, sizeof *here);
        size_t n = 0;
        for (size_t i = 0; here && i < t->rows; i++) here[i] = keep[i] && t->segment[i] == s;
        if (here && rnn_distinct(net, t->rows, here, &ids, &n, &err) >= 0) nets += n;
        free(ids);
        ids = NULL;
        free(here);
    }
    const char *pipeline = first < t->rows && t->segment[first] < g->n_segments ? g->segment[t->segment[first]].pipeline : "";
    char *brief = rnn_pipeline_brief(pipeline), *out;
    if (nets) out = rnn_asprintf("n = %zu nets, %zu rows of %s; %s", nets, rows, t->name, brief ? brief : "");
    else out = rnn_asprintf("n = %zu rows of %s; %s", rows, t->name, brief ? brief : "");
    free(brief);
    return out;
}

/* ---- drawing ---- */

static void set_axis(char **to, const struct rnn_gcol *c, const char *words)
{
    free(*to);
    const bool says_more = c->unit && *c->unit && strncmp(c->unit, c->name, strlen(c->name)); /* "update (updates)" does not */
    *to = words ? rnn_strdup(words) : says_more ? rnn_asprintf("%s (%s)", c->name, c->unit) : rnn_strdup(c->name);
    for (char *s = *to; !words && s && *s; s++)
        if (*s == '_') *s = ' ';
}

/* Values of y in rows that are kept, of this group and facet, with x equal to that of row `at` (any when x is NULL). */
static size_t collect(const struct view *v, const bool *in, const struct rnn_gcol *x, size_t at, double *out)
{
    size_t n = 0;
    for (size_t i = 0; i < v->t->rows; i++)
        if (in[i] && !is_missing(v->y, i) && (!x || same_value(x, i, at))) out[n++] = v->y->v[i];
    return n;
}

static int draw_lines(const struct view *v, const bool *in, struct rnn_panel *panel, const char *label, int color, struct rnn_err *err)
{
    const double lo = v->p->hi > 0 ? v->p->lo : 0.05, hi = v->p->hi > 0 ? v->p->hi : 0.95;
    size_t *xs = NULL, n;
    double *ys = NULL;
    int rc = rnn_distinct(v->x, v->t->rows, in, &xs, &n, err);
    if (rc >= 0) rc = rnn_alloc_into(&ys, v->t->rows, sizeof *ys, err);
    bool spread = false;
    for (int pass = 0; rc >= 0 && pass < 2; pass++) { /* the band first, the line over it */
        if (pass == 0 && n == 0) break;
        struct rnn_layer *l = rnn_panel_layer(panel, pass ? (n > 24 ? RNN_LAYER_LINES : RNN_LAYER_LINEPOINTS) : RNN_LAYER_BAND, pass ? label : NULL, color);
        for (size_t k = 0; rc >= 0 && l && k < n; k++) {
            const size_t m = collect(v, in, v->x, xs[k], ys);
            if (!m) continue;
            spread |= m > 1;
            const double x = v->x->v[xs[k]];
            if (pass) rc = rnn_layer_add(l, (double[]){x, rnn_mean(m, ys)}, err);
            else rc = rnn_layer_add(l, (double[]){x, rnn_quantile(m, ys, lo, err), rnn_quantile(m, ys, hi, err)}, err);
        }
        if (!pass && !spread && l) l->n = 0;
    }
    free(xs);
    free(ys);
    return rc;
}

static int draw_points(const struct view *v, const bool *in, struct rnn_panel *panel, const char *label, int color, struct rnn_err *err)
{
    struct rnn_layer *l = rnn_panel_layer(panel, RNN_LAYER_POINTS, label, color);
    for (size_t i = 0; l && i < v->t->rows; i++)
        if (in[i] && !is_missing(v->x, i) && !is_missing(v->y, i)) RNN_TRY(rnn_layer_add(l, (double[]){v->x->v[i], v->y->v[i]}, err));
    return RNN_OK;
}

/* Category names under the axis; shared by all layers of the panel. */
static int name_tics(const struct rnn_gcol *c, const size_t *value, size_t n, char ***tics, bool *rotate, struct rnn_err *err)
{
    char buf[40];
    size_t longest = 0;
    RNN_TRY(rnn_alloc_into(tics, n + 1, sizeof **tics, err));
    for (size_t i = 0; i < n; i++) {
        (*tics)[i] = rnn_strdup(rnn_gcol_text(c, value[i], buf));
        longest = strlen((*tics)[i]) > longest ? strlen((*tics)[i]) : longest;
    }
    *rotate = n * (longest + 1) > 44;
    return RNN_OK;
}

static int draw_bars(const struct view *v, const bool *in, struct rnn_panel *panel, const char *label, int color, size_t index, size_t of, struct rnn_err *err)
{
    size_t *xs = NULL, n;
    double *ys = NULL;
    int rc = rnn_distinct(v->x, v->t->rows, v->keep, &xs, &n, err);
    if (rc >= 0) rc = rnn_alloc_into(&ys, v->t->rows, sizeof *ys, err);
    if (rc >= 0 && !panel->xtic) rc = name_tics(v->x, xs, n, &panel->xtic, &panel->xtic_rotate, err);
    struct rnn_layer *l = rnn_panel_layer(panel, RNN_LAYER_ERRORBARS, label, color);
    for (size_t k = 0; rc >= 0 && l && k < n; k++) {
        const size_t m = collect(v, in, v->x, xs[k], ys);
        if (!m) continue;
        double lo = ys[0], hi = ys[0];
        if (m > 1) rc = rnn_bootstrap_mean(m, ys, 2000, 0.95, 1, 9000 + k, &lo, &hi, err);
        const double x = (double)k + 0.7 * ((double)index + 0.5) / (double)of - 0.35;
        if (rc >= 0) rc = rnn_layer_add(l, (double[]){x, rnn_mean(m, ys), lo, hi}, err);
    }
    panel->x_min = -0.6, panel->x_max = (double)n - 0.4;
    free(xs);
    free(ys);
    return rc;
}

static int draw_shares(const struct view *v, const bool *in, struct rnn_panel *panel, struct rnn_err *err)
{
    size_t *xs = NULL, *cats = NULL, n, n_cats = 0;
    char buf[40];
    int rc = rnn_distinct(v->x, v->t->rows, in, &xs, &n, err);
    if (rc >= 0) rc = rnn_distinct(v->y, v->t->rows, v->keep, &cats, &n_cats, err);
    for (size_t c = 0; rc >= 0 && c < n_cats; c++) {
        struct rnn_layer *l[2] = {0};
        for (int pass = 0; pass < 2; pass++) {
            l[pass] = rnn_panel_layer(panel, pass ? RNN_LAYER_LINEPOINTS : RNN_LAYER_BAND, pass ? rnn_gcol_text(v->y, cats[c], buf) : NULL, (int)c);
            for (size_t k = 0; rc >= 0 && l[pass] && k < n; k++) {
                uint64_t hits = 0, all = 0;
                double lo, hi;
                for (size_t i = 0; i < v->t->rows; i++) {
                    if (!in[i] || !same_value(v->x, i, xs[k]) || is_missing(v->y, i)) continue;
                    all++;
                    hits += same_value(v->y, i, cats[c]);
                }
                if (!all) continue;
                rnn_wilson(hits, all, 1.959964, &lo, &hi);
                const double x = v->x->v[xs[k]];
                rc = rnn_layer_add(l[pass], pass ? (double[]){x, (double)hits / (double)all} : (double[]){x, lo, hi}, err);
            }
        }
    }
    panel->y_min = 0, panel->y_max = 1;
    free(xs);
    free(cats);
    return rc;
}

static int draw_heat(const struct view *v, const bool *in, struct rnn_panel *panel, struct rnn_err *err)
{
    size_t *xs = NULL, *ys = NULL, nx, ny = 0;
    int rc = rnn_distinct(v->x, v->t->rows, in, &xs, &nx, err);
    if (rc >= 0) rc = rnn_distinct(v->y, v->t->rows, in, &ys, &ny, err);
    /* cells at their rank: unequal steps (learning rates) stay equal squares, named on the axes */
    bool unused;
    if (rc >= 0) rc = name_tics(v->x, xs, nx, &panel->xtic, &panel->xtic_rotate, err);
    if (rc >= 0) rc = name_tics(v->y, ys, ny, &panel->ytic, &unused, err);
    struct rnn_layer *l = rnn_panel_layer(panel, RNN_LAYER_IMAGE, NULL, 0);
    for (size_t a = 0; rc >= 0 && l && a < nx; a++)
        for (size_t b = 0; rc >= 0 && b < ny; b++) {
            double sum = 0;
            size_t m = 0;
            for (size_t i = 0; i < v->t->rows; i++)
                if (in[i] && same_value(v->x, i, xs[a]) && same_value(v->y, i, ys[b]) && !is_missing(v->z, i)) sum += v->z->v[i], m++;
            rc = rnn_layer_add(l, (double[]){(double)a, (double)b, m ? sum / (double)m : NAN}, err);
        }
    panel->x_min = panel->y_min = -0.5;
    panel->x_max = (double)nx - 0.5, panel->y_max = (double)ny - 0.5;
    free(panel->cblabel);
    panel->cblabel = NULL;
    set_axis(&panel->cblabel, v->z, NULL);
    free(xs);
    free(ys);
    return rc;
}

static int draw_histogram(const struct view *v, const bool *in, struct rnn_panel *panel, const char *label, int color, struct rnn_err *err)
{
    double *ys = NULL;
    RNN_TRY(rnn_alloc_into(&ys, v->t->rows, sizeof *ys, err));
    const size_t n = collect(v, in, NULL, 0, ys), bins = v->p->bins ? v->p->bins : 40;
    double lo = INFINITY, hi = -INFINITY;
    for (size_t i = 0; i < v->t->rows; i++) /* the same bins for all groups */
        if (v->keep[i] && !is_missing(v->y, i)) lo = fmin(lo, v->y->v[i]), hi = fmax(hi, v->y->v[i]);
    const double width = hi > lo ? (hi - lo) / (double)bins : 1;
    struct rnn_layer *l = rnn_panel_layer(panel, RNN_LAYER_STEPS, label, color);
    int rc = RNN_OK;
    for (size_t b = 0; rc >= 0 && l && n && b <= bins; b++) {
        size_t count = 0;
        for (size_t i = 0; i < n; i++) {
            const size_t at = (size_t)((ys[i] - lo) / width);
            count += (at < bins ? at : bins - 1) == b;
        }
        rc = rnn_layer_add(l, (double[]){lo + width * (double)b, b < bins ? (double)count / ((double)n * width) : 0}, err);
    }
    free(ys);
    return rc;
}

static int draw_group(const struct view *v, const bool *in, struct rnn_panel *panel, const char *label, size_t index, size_t of, struct rnn_err *err)
{
    const int color = (int)index;
    switch (v->p->style) {
    case RNN_PLOT_LINES: return draw_lines(v, in, panel, label, color, err);
    case RNN_PLOT_POINTS: return draw_points(v, in, panel, label, color, err);
    case RNN_PLOT_BARS: return draw_bars(v, in, panel, label, color, index, of, err);
    case RNN_PLOT_SHARES: return draw_shares(v, in, panel, err);
    case RNN_PLOT_HEAT: return draw_heat(v, in, panel, err);
    default: return draw_histogram(v, in, panel, label, color, err);
    }
}

static int draw_panel(const struct view *v, const bool *in_facet, const char *title, struct rnn_figure *f, struct rnn_err *err)
{
    struct rnn_panel *panel = rnn_figure_panel(f, title, "", "");
    if (!panel) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    panel->log_x = v->p->log_x, panel->log_y = v->p->log_y;
    const bool histogram = v->p->style == RNN_PLOT_HISTOGRAM, shares = v->p->style == RNN_PLOT_SHARES;
    set_axis(&panel->xlabel, histogram ? v->y : v->x, v->p->xlabel);
    set_axis(&panel->ylabel, v->y, v->p->ylabel ? v->p->ylabel : histogram ? "density" : shares ? "share of networks" : NULL);
    size_t *groups = NULL, n = 1;
    bool *in = NULL;
    char buf[40], label[100];
    int rc = rnn_alloc_into(&in, v->t->rows + 1, sizeof *in, err);
    if (rc >= 0 && v->group) rc = rnn_distinct(v->group, v->t->rows, v->keep, &groups, &n, err);
    for (size_t k = 0; rc >= 0 && k < n; k++) {
        for (size_t i = 0; i < v->t->rows; i++) in[i] = in_facet[i] && (!v->group || same_value(v->group, i, groups[k]));
        if (v->group) snprintf(label, sizeof label, v->group->is_text ? "%.0s%s" : "%s %s", v->group->name, rnn_gcol_text(v->group, groups[k], buf));
        rc = draw_group(v, in, panel, v->group ? label : NULL, k, n, err);
    }
    free(groups);
    free(in);
    return rc;
}

static int find_columns(struct view *v, struct rnn_err *err)
{
    const struct rnn_plot *p = v->p;
    const struct { const char *name; const struct rnn_gcol **to; bool numeric; } want[] = {
        {p->x, &v->x, p->style != RNN_PLOT_BARS}, {p->y, &v->y, p->style != RNN_PLOT_SHARES}, {p->z, &v->z, true},
        {p->group, &v->group, false}, {p->facet, &v->facet, false}};
    for (size_t i = 0; i < RNN_LEN(want); i++) {
        if (!want[i].name) continue;
        *want[i].to = rnn_gtable_col(v->t, want[i].name);
        if (!*want[i].to) return rnn_fail(err, RNN_ERR_ARG, "table %s has no column '%s'", p->table, want[i].name);
        if (want[i].numeric && (*want[i].to)->is_text) return rnn_fail(err, RNN_ERR_ARG, "column '%s' of table %s is text, not numbers", want[i].name, p->table);
    }
    if (!v->y || (!v->x && p->style != RNN_PLOT_HISTOGRAM) || (!v->z && p->style == RNN_PLOT_HEAT))
        return rnn_fail(err, RNN_ERR_ARG, "plot %s: which columns are x, y%s?", p->name, p->style == RNN_PLOT_HEAT ? ", z" : "");
    return RNN_OK;
}

int rnn_plot_draw(const struct rnn_plot *p, const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err)
{
    struct view v = {.p = p, .t = rnn_gathered_table(g, p->table)};
    if (!v.t) return rnn_fail(err, RNN_ERR_ARG, "no table '%s' in the input", p->table);
    RNN_TRY(find_columns(&v, err));
    size_t *facets = NULL, n = 1;
    bool *in = NULL;
    char buf[40], title[160];
    int rc = rnn_alloc_into(&v.keep, v.t->rows + 1, sizeof *v.keep, err);
    if (rc >= 0) rc = rnn_alloc_into(&in, v.t->rows + 1, sizeof *in, err);
    if (rc >= 0) rc = rnn_gtable_filter(v.t, p->filter, v.keep, err);
    if (rc >= 0 && v.facet) rc = rnn_distinct(v.facet, v.t->rows, v.keep, &facets, &n, err);
    for (size_t k = 0; rc >= 0 && k < n; k++) {
        for (size_t i = 0; i < v.t->rows; i++) in[i] = v.keep[i] && (!v.facet || same_value(v.facet, i, facets[k]));
        if (v.facet) snprintf(title, sizeof title, "%s %s", v.facet->name, rnn_gcol_text(v.facet, facets[k], buf));
        rc = draw_panel(&v, in, v.facet ? title : "", f, err);
    }
    if (rc >= 0) {
        char *caption = rnn_plot_caption(g, v.t, v.keep);
        rnn_figure_title(f, "%s", p->title ? p->title : p->name);
        rnn_figure_caption(f, "%s", caption ? caption : "");
        free(caption);
    }
    free(facets);
    free(in);
    free(v.keep);
    return rc < 0 ? rc : RNN_OK;
}
