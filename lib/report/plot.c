#include "report/plot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "num/stats.h"

enum { MOST_PANELS = 30, MOST_KEYS = 40, MOST_BANDS = 5 /* in a panel */, MOST_BRIEF = 200 /* letters */ };

struct view { /* the rows and columns of one plot */
    const struct rnn_plot *p;
    const struct rnn_gtable *t;
    const struct rnn_gcol *x, *y, *z, *group, *facet, *reference;
    bool *keep;
    bool *means, *bands; /* set when lines are means of several rows, and when bands are drawn */
    size_t *outside;      /* values that a histogram's axis does not reach */
    size_t groups;
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

/* One past the bracket that closes the one at c. */
static char *behind_bracket(char *c)
{
    int depth = 0;
    for (; *c; c++) {
        depth += *c == '(';
        depth -= *c == ')';
        if (!depth) return c + 1;
    }
    return c;
}

/* " --donors <(a | b) --donors <(a | b)" needs to be said once. */
static void drop_twins(char *brief)
{
    for (char *at = brief; (at = strstr(at, " --"));) {
        char *open = strstr(at, " <("), *next = strchr(at + 1, ' ');
        if (!open || open != next) {
            at++;
            continue;
        }
        char *end = behind_bracket(open + 2);
        const size_t n = (size_t)(end - at);
        if (!strncmp(at, end, n)) memmove(at, end, strlen(end) + 1);
        else at = open + 3; /* inputs have inputs of their own */
    }
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
    if (brief) drop_twins(brief);
    if (brief && strlen(brief) > MOST_BRIEF) { /* many inputs of their own pipelines: the methods of a page have them all */
        size_t n = MOST_BRIEF - 4;
        while (n > 0 && brief[n] != ' ') n--;
        strcpy(brief + n, " ...");
    }
    return brief;
}

/* The commands of the segments that hold marked rows, each once; beyond two only how many more. */
static char *commands_of(const struct rnn_gathered *g, const struct rnn_gtable *t, const bool *keep)
{
    bool *seen = rnn_alloc(g->n_segments + 1, sizeof *seen);
    char *all = rnn_strdup(""), *last[2] = {0};
    size_t n = 0;
    for (size_t i = 0; seen && i < t->rows; i++)
        if (keep[i] && t->segment[i] < g->n_segments) seen[t->segment[i]] = true;
    for (size_t s = 0; seen && all && s < g->n_segments; s++) {
        char *brief = seen[s] ? rnn_pipeline_brief(g->segment[s].pipeline) : NULL;
        if (!brief || (last[0] && !strcmp(last[0], brief)) || (last[1] && !strcmp(last[1], brief))) {
            free(brief);
            continue;
        }
        if (n < 2) last[n] = brief;
        else free(brief);
        n++;
    }
    if (all && n) {
        free(all);
        all = n == 1 ? rnn_strdup(last[0]) : n == 2 ? rnn_asprintf("%s; %s", last[0], last[1]) : rnn_asprintf("%s; %s; and %zu more", last[0], last[1], n - 2);
    }
    free(last[0]);
    free(last[1]);
    free(seen);
    return all;
}

/* A net is told by its id and segment; shards and cells of a sweep may repeat ids. */
static size_t count_nets(const struct rnn_gathered *g, const struct rnn_gtable *t, const bool *keep)
{
    const struct rnn_gcol *net = rnn_gtable_col(t, "net");
    size_t nets = 0;
    struct rnn_err err;
    for (size_t s = 0; net && s < g->n_segments; s++) {
        bool *here = rnn_alloc(t->rows + 1, sizeof *here);
        size_t n = 0, *ids = NULL;
        for (size_t i = 0; here && i < t->rows; i++) here[i] = keep[i] && t->segment[i] == s;
        if (here && rnn_distinct(net, t->rows, here, &ids, &n, &err) >= 0) nets += n;
        free(ids);
        free(here);
    }
    return nets;
}

char *rnn_plot_caption(const struct rnn_gathered *g, const struct rnn_gtable *t, const bool *keep)
{
    size_t rows = 0;
    for (size_t i = 0; i < t->rows; i++) rows += keep[i];
    const size_t nets = count_nets(g, t, keep);
    char *commands = commands_of(g, t, keep), *out;
    const char *words = commands ? commands : "", *plural = rows == 1 ? "" : "s";
    if (nets) out = rnn_asprintf("n = %zu network%s, %zu row%s of %s; %s", nets, nets == 1 ? "" : "s", rows, plural, t->name, words);
    else out = rnn_asprintf("n = %zu row%s of %s; %s", rows, plural, t->name, words);
    free(commands);
    return out;
}

/* ---- drawing ---- */

char *rnn_axis_name(const struct rnn_gcol *c)
{
    const size_t n = strlen(c->name);
    const bool in_ms = n > 3 && (!strcmp(c->name + n - 3, "_ms") || !strcmp(c->name + n - 3, "-ms"));
    const bool says_more = c->unit && *c->unit && strncmp(c->unit, c->name, n); /* "update (updates)" does not */
    const int shown = (int)(in_ms ? n - 3 : n);
    char *words = says_more || in_ms ? rnn_asprintf("%.*s (%s)", shown, c->name, says_more ? c->unit : "ms") : rnn_strdup(c->name);
    for (int i = 0; words && i < shown; i++)
        if (words[i] == '_' || words[i] == '-') words[i] = ' ';
    return words;
}

static void set_axis(char **to, const struct rnn_gcol *c, const char *words)
{
    free(*to);
    *to = words ? rnn_strdup(words) : rnn_axis_name(c);
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
        const bool marked = n <= 24;
        struct rnn_layer *l = rnn_panel_layer(panel, pass ? (marked ? RNN_LAYER_LINEPOINTS : RNN_LAYER_LINES) : RNN_LAYER_BAND, pass ? label : NULL, color);
        if (l && color >= 0) l->dash = marked ? color / 8 : color; /* told apart without colour, too */
        for (size_t k = 0; rc >= 0 && l && k < n; k++) {
            const size_t m = collect(v, in, v->x, xs[k], ys);
            if (!m) continue;
            spread |= m > 1;
            if (!pass && (v->groups > MOST_BANDS || v->p->no_band)) continue; /* they would hide each other */
            const double x = v->x->v[xs[k]];
            if (pass) rc = rnn_layer_add(l, (double[]){x, rnn_mean(m, ys)}, err);
            else rc = rnn_layer_add(l, (double[]){x, rnn_quantile(m, ys, lo, err), rnn_quantile(m, ys, hi, err)}, err);
        }
        if (!pass && !spread && l) l->n = 0;
        if (!pass) *v->bands |= l && l->n, *v->means |= spread;
    }
    free(xs);
    free(ys);
    return rc;
}

/* Means of column `reference` in rows that share x, dashed. */
static int draw_reference(const struct view *v, const bool *in, struct rnn_panel *panel, int color, struct rnn_err *err)
{
    size_t *xs = NULL, n;
    int rc = rnn_distinct(v->x, v->t->rows, in, &xs, &n, err);
    struct rnn_layer *l = rc >= 0 ? rnn_panel_layer(panel, RNN_LAYER_LINES, NULL, color) : NULL;
    if (l) l->dash = 1, l->width = 1;
    for (size_t k = 0; rc >= 0 && l && k < n; k++) {
        double sum = 0;
        size_t m = 0;
        for (size_t i = 0; i < v->t->rows; i++)
            if (in[i] && same_value(v->x, i, xs[k]) && !is_missing(v->reference, i)) sum += v->reference->v[i], m++;
        if (m) rc = rnn_layer_add(l, (double[]){v->x->v[xs[k]], sum / (double)m}, err);
    }
    free(xs);
    return rc;
}

static int draw_points(const struct view *v, const bool *in, struct rnn_panel *panel, const char *label, int color, struct rnn_err *err)
{
    struct rnn_layer *l = rnn_panel_layer(panel, RNN_LAYER_POINTS, label, color);
    for (size_t i = 0; l && i < v->t->rows; i++)
        if (in[i] && !is_missing(v->x, i) && !is_missing(v->y, i)) RNN_TRY(rnn_layer_add(l, (double[]){v->x->v[i], v->y->v[i]}, err));
    return RNN_OK;
}

/* Category names beside the axis; shared by all layers of the panel. */
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

static int draw_share(const struct view *v, const bool *in, size_t category, const size_t *xs, size_t n, double aside, struct rnn_layer *line, struct rnn_layer *mark, struct rnn_err *err)
{
    for (size_t k = 0; k < n; k++) {
        uint64_t hits = 0, all = 0;
        double lo, hi;
        for (size_t i = 0; i < v->t->rows; i++) {
            if (!in[i] || !same_value(v->x, i, xs[k]) || is_missing(v->y, i)) continue;
            all++;
            hits += same_value(v->y, i, category);
        }
        if (!all) continue;
        rnn_wilson(hits, all, 1.959964, &lo, &hi);
        const double x = v->x->v[xs[k]] + aside, share = (double)hits / (double)all;
        RNN_TRY(rnn_layer_add(line, (double[]){x, share}, err));
        RNN_TRY(rnn_layer_add(mark, (double[]){x, share, lo, hi}, err));
    }
    return RNN_OK;
}

/* Intervals as bars, categories side by side: as bands they would hide each other. */
static int draw_shares(const struct view *v, const bool *in, struct rnn_panel *panel, struct rnn_err *err)
{
    size_t *xs = NULL, *cats = NULL, n, n_cats = 0;
    char buf[40];
    int rc = rnn_distinct(v->x, v->t->rows, in, &xs, &n, err);
    if (rc >= 0) rc = rnn_distinct(v->y, v->t->rows, v->keep, &cats, &n_cats, err);
    double least = INFINITY, most = -INFINITY;
    for (size_t i = 0; i < v->t->rows; i++)
        if (v->keep[i] && isfinite(v->x->v[i])) least = fmin(least, v->x->v[i]), most = fmax(most, v->x->v[i]);
    const double span = most > least ? most - least : 0.2 * fabs(least);
    for (size_t c = 0; rc >= 0 && c < n_cats; c++) {
        struct rnn_layer *mark = rnn_panel_layer(panel, RNN_LAYER_LINES, NULL, (int)c) ? rnn_panel_layer(panel, RNN_LAYER_ERRORBARS, rnn_gcol_text(v->y, cats[c], buf), (int)c) : NULL;
        if (!mark) {
            rc = rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
            break;
        }
        mark[-1].width = 1;
        const double aside = v->p->log_x ? 0 : 0.01 * span * ((double)c - 0.5 * (double)(n_cats - 1));
        rc = draw_share(v, in, cats[c], xs, n, aside, mark - 1, mark, err);
    }
    panel->y_min = -0.02, panel->y_max = 1.02;
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
    panel->x_max = (double)nx - 0.5, panel->y_max = (double)ny - 0.5, panel->holes = true;
    free(panel->cblabel);
    panel->cblabel = NULL;
    set_axis(&panel->cblabel, v->z, NULL);
    free(xs);
    free(ys);
    return rc;
}

/* From where to where bins reach: over all finite values, but for a few that lie so far out that the rest would be in one bin. */
static int bins_of(const struct view *v, double *lo, double *hi, struct rnn_err *err)
{
    double *y = NULL;
    size_t n = 0;
    RNN_TRY(rnn_alloc_into(&y, v->t->rows + 1, sizeof *y, err));
    for (size_t i = 0; i < v->t->rows; i++)
        if (v->keep[i] && isfinite(v->y->v[i])) y[n++] = v->y->v[i];
    const double a = rnn_quantile(n, y, 0.25, err), b = rnn_quantile(n, y, 0.75, err), room = 10 * (b - a);
    *lo = INFINITY, *hi = -INFINITY;
    for (size_t i = 0; i < n; i++)
        if (!(room > 0) || (y[i] >= a - room && y[i] <= b + room)) *lo = fmin(*lo, y[i]), *hi = fmax(*hi, y[i]);
    if (v->p->bin_hi > v->p->bin_lo) *lo = fmin(*lo, v->p->bin_lo), *hi = fmax(*hi, v->p->bin_hi);
    free(y);
    return RNN_OK;
}

/* Share of the group's values in each of the bins, which are the same for all groups and panels. */
static int draw_histogram(const struct view *v, const bool *in, struct rnn_panel *panel, const char *label, int color, struct rnn_err *err)
{
    double *ys = NULL, lo, hi;
    char words[140];
    RNN_TRY(bins_of(v, &lo, &hi, err));
    RNN_TRY(rnn_alloc_into(&ys, v->t->rows, sizeof *ys, err));
    const size_t all = collect(v, in, NULL, 0, ys), bins = v->p->bins ? v->p->bins : 40;
    size_t n = 0;
    for (size_t i = 0; i < all; i++) {
        const bool inside = ys[i] >= lo && ys[i] <= hi;
        *v->outside += !inside;
        if (inside) ys[n++] = ys[i];
    }
    const double width = hi > lo ? (hi - lo) / (double)bins : 1;
    snprintf(words, sizeof words, "%.100s (n = %zu)", label ? label : "", all);
    struct rnn_layer *l = n ? rnn_panel_layer(panel, RNN_LAYER_STEPS, label ? words : NULL, color) : NULL;
    if (l) l->dash = color;
    int rc = l ? rnn_layer_add(l, (double[]){lo, 0}, err) : RNN_OK;
    for (size_t b = 0; rc >= 0 && l && b <= bins; b++) {
        size_t count = 0;
        for (size_t i = 0; i < n; i++) {
            const size_t at = (size_t)((ys[i] - lo) / width);
            count += (at < bins ? at : bins - 1) == b;
        }
        rc = rnn_layer_add(l, (double[]){lo + width * (double)b, (double)count / (double)all}, err);
    }
    free(ys);
    return rc;
}

static int draw_group(const struct view *v, const bool *in, struct rnn_panel *panel, const char *label, size_t index, size_t of, struct rnn_err *err)
{
    const int color = (int)index;
    switch (v->p->style) {
    case RNN_PLOT_LINES:
        if (v->reference) RNN_TRY(draw_reference(v, in, panel, color, err));
        return draw_lines(v, in, panel, label, color, err);
    case RNN_PLOT_POINTS: return draw_points(v, in, panel, label, color, err);
    case RNN_PLOT_BARS: return draw_bars(v, in, panel, label, color, index, of, err);
    case RNN_PLOT_SHARES: return draw_shares(v, in, panel, err);
    case RNN_PLOT_HEAT: return draw_heat(v, in, panel, err);
    default: return draw_histogram(v, in, panel, label, color, err);
    }
}

static int draw_panel(struct view *v, const bool *in_facet, const char *title, struct rnn_figure *f, struct rnn_err *err)
{
    struct rnn_panel *panel = rnn_figure_panel(f, title, "", "");
    if (!panel) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    panel->log_x = v->p->log_x, panel->log_y = v->p->log_y;
    const bool histogram = v->p->style == RNN_PLOT_HISTOGRAM, shares = v->p->style == RNN_PLOT_SHARES;
    set_axis(&panel->xlabel, histogram ? v->y : v->x, v->p->xlabel);
    set_axis(&panel->ylabel, v->y, v->p->ylabel ? v->p->ylabel : histogram ? "share in each bin" : shares ? "share of networks" : NULL);
    size_t *groups = NULL, n = 1;
    bool *in = NULL;
    char buf[40], label[100];
    int rc = rnn_alloc_into(&in, v->t->rows + 1, sizeof *in, err);
    if (rc >= 0 && v->group) rc = rnn_distinct(v->group, v->t->rows, v->keep, &groups, &n, err);
    v->groups = 0;
    for (size_t k = 0; rc >= 0 && k < n; k++) { /* those that this panel has */
        bool here = false;
        for (size_t i = 0; i < v->t->rows && !here; i++) here = in_facet[i] && (!v->group || same_value(v->group, i, groups[k]));
        v->groups += here;
    }
    for (size_t k = 0; rc >= 0 && k < n; k++) {
        for (size_t i = 0; i < v->t->rows; i++) in[i] = in_facet[i] && (!v->group || same_value(v->group, i, groups[k]));
        if (v->group) snprintf(label, sizeof label, v->group->is_text ? "%.0s%s" : "%s %s", v->group->name, rnn_gcol_text(v->group, groups[k], buf));
        rc = draw_group(v, in, panel, v->group && n <= MOST_KEYS ? label : NULL, k, n, err);
    }
    free(groups);
    free(in);
    return rc;
}

/* delay_ms is also found as delay-ms: parameters of tasks are spelt as their options. */
static const struct rnn_gcol *column_called(const struct rnn_gtable *t, const char *name)
{
    const struct rnn_gcol *c = rnn_gtable_col(t, name);
    char *other = c ? NULL : rnn_strdup(name);
    for (char *u = other; u && *u; u++)
        if (*u == '_') *u = '-';
    if (other) c = rnn_gtable_col(t, other);
    free(other);
    return c;
}

static int find_columns(struct view *v, struct rnn_err *err)
{
    const struct rnn_plot *p = v->p;
    const struct { const char *name; const struct rnn_gcol **to; bool numeric, optional; } want[] = {
        {p->x, &v->x, p->style != RNN_PLOT_BARS, false}, {p->y, &v->y, p->style != RNN_PLOT_SHARES, false}, {p->z, &v->z, true, false},
        {p->group, &v->group, false, p->optional}, {p->facet, &v->facet, false, p->optional}, {p->reference, &v->reference, true, true}};
    for (size_t i = 0; i < RNN_LEN(want); i++) {
        if (!want[i].name) continue;
        *want[i].to = column_called(v->t, want[i].name);
        if (!*want[i].to && want[i].optional) continue;
        if (!*want[i].to) return rnn_fail(err, RNN_ERR_ARG, "table %s has no column '%s'", p->table, want[i].name);
        if (want[i].numeric && (*want[i].to)->is_text) return rnn_fail(err, RNN_ERR_ARG, "column '%s' of table %s is text, not numbers", want[i].name, p->table);
    }
    if (!v->y || (!v->x && p->style != RNN_PLOT_HISTOGRAM) || (!v->z && p->style == RNN_PLOT_HEAT))
        return rnn_fail(err, RNN_ERR_ARG, "plot %s: which columns are x, y%s?", p->name, p->style == RNN_PLOT_HEAT ? ", z" : "");
    return RNN_OK;
}

/* Columns that a figure made for itself, whose texts speak for themselves; no column of a table begins with a space. */
static bool made(const struct rnn_gcol *c)
{
    return *c->name == ' ';
}

/* Something is drawn. */
static int check_plot(const struct view *v, const struct rnn_figure *f, struct rnn_err *err)
{
    bool any = false;
    for (size_t i = 0; i < f->n; i++)
        for (size_t k = 0; k < f->panel[i].n; k++) {
            const struct rnn_layer *l = &f->panel[i].layer[k];
            any |= l->n > 0;
            for (size_t r = 0; r < l->n; r++)
                if ((!v->p->log_x || l->data[r * l->cols] > 0) && (!v->p->log_y || l->data[r * l->cols + 1] > 0)) return RNN_OK;
        }
    if (any) return rnn_fail(err, RNN_ERR_ARG, "table %s has no values above 0, which a logarithmic axis shows", v->p->table);
    return rnn_fail(err, RNN_ERR_ARG, "table %s has no rows with a value of %s%s%s", v->p->table, v->y->name, v->p->filter && *v->p->filter ? " and " : "",
                    v->p->filter && *v->p->filter ? v->p->filter : "");
}

int rnn_plot_draw(const struct rnn_plot *p, const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err)
{
    bool means = false, bands = false;
    size_t outside = 0;
    struct view v = {.p = p, .t = rnn_gathered_table(g, p->table), .means = &means, .bands = &bands, .outside = &outside};
    if (!v.t) return rnn_fail(err, RNN_ERR_ARG, "no table '%s' in the input", p->table);
    RNN_TRY(find_columns(&v, err));
    size_t *facets = NULL, n = 1;
    bool *in = NULL;
    char buf[40], title[160];
    int rc = rnn_alloc_into(&v.keep, v.t->rows + 1, sizeof *v.keep, err);
    if (rc >= 0) rc = rnn_alloc_into(&in, v.t->rows + 1, sizeof *in, err);
    if (rc >= 0) rc = rnn_gtable_filter(v.t, p->filter, v.keep, err);
    if (rc >= 0 && v.facet) rc = rnn_distinct(v.facet, v.t->rows, v.keep, &facets, &n, err);
    if (rc >= 0 && n > MOST_PANELS) rc = rnn_fail(err, RNN_ERR_ARG, "%zu values of %s are too many for a panel each: at most %d", n, v.facet->name, (int)MOST_PANELS);
    f->columns = n <= 1 ? 1 : n <= 4 ? 2 : 3;
    f->same_y = n > 1 && p->style != RNN_PLOT_HEAT;
    f->same_x = f->same_y && p->style == RNN_PLOT_SHARES;
    for (size_t k = 0; rc >= 0 && k < n; k++) {
        for (size_t i = 0; i < v.t->rows; i++) in[i] = v.keep[i] && (!v.facet || same_value(v.facet, i, facets[k]));
        if (v.facet) snprintf(title, sizeof title, "%s%s%s", made(v.facet) ? "" : v.facet->name, made(v.facet) ? "" : " ", rnn_gcol_text(v.facet, facets[k], buf));
        rc = draw_panel(&v, in, v.facet ? title : "", f, err);
    }
    if (rc >= 0) rc = check_plot(&v, f, err);
    if (rc >= 0) {
        char *caption = rnn_plot_caption(g, v.t, v.keep);
        rnn_figure_title(f, "%s", p->title ? p->title : p->name);
        const double lo = p->hi > 0 ? p->lo : 0.05, hi = p->hi > 0 ? p->hi : 0.95;
        if (bands) rnn_figure_caption(f, "lines: means, bands: %g to %g %%; %s", 100 * lo, 100 * hi, caption ? caption : "");
        else if (outside) rnn_figure_caption(f, "%zu value%s beyond the axis; %s", outside, outside == 1 ? "" : "s", caption ? caption : "");
        else rnn_figure_caption(f, "%s%s", means ? "lines: means; " : "", caption ? caption : "");
        free(caption);
    }
    free(facets);
    free(in);
    free(v.keep);
    return rc < 0 ? rc : RNN_OK;
}
