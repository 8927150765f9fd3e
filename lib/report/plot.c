#include "report/plot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "num/stats.h"
#include "report/conditions.h"

enum { MOST_PANELS = 30, MOST_KEYS = 40, MOST_BANDS = 5 /* in a panel */, MOST_BRIEF = 200 /* letters */ };

struct tally { /* what the caption has to say */
    bool bands, own, held; /* bands are drawn, of quantiles or of the table's own intervals; networks stopped before others and keep their last value */
    size_t outside;       /* values that a histogram's axis does not reach */
    size_t least, most;   /* values that a mean or a share rests on */
};

struct view { /* the rows and columns of one plot */
    const struct rnn_plot *p;
    const struct rnn_gtable *t;
    const struct rnn_gcol *x, *y, *z, *group, *facet, *reference;
    const struct rnn_gcol *lo, *hi; /* interval of y in the table itself, or NULL */
    bool *keep;
    size_t *net_of, nets; /* [rows], when lines are held: whose value a row is */
    double *last_x, *last_y; /* [nets] */
    struct tally *tally;
    size_t groups;
};

static void count_mark(const struct view *v, size_t values)
{
    struct tally *y = v->tally;
    y->least = y->most ? values < y->least ? values : y->least : values;
    y->most = values > y->most ? values : y->most;
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
            bool known = !keep[i] || rnn_gcol_missing(c, i);
            for (size_t k = 0; !known && k < *n; k++) known = rnn_gcol_same(c, i, (*value)[k]);
            if (!known) (*value)[(*n)++] = i;
        }
        return RNN_OK;
    }
    size_t all = 0;
    for (size_t i = 0; i < rows; i++)
        if (keep[i] && !rnn_gcol_missing(c, i)) (*value)[all++] = i;
    order_by = c;
    qsort(*value, all, sizeof **value, by_number);
    for (size_t i = 0; i < all; i++)
        if (!*n || !rnn_gcol_same(c, (*value)[i], (*value)[*n - 1])) (*value)[(*n)++] = (*value)[i];
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

/* ", each with n = 2 to 20": what rows say they rest on. */
static const char *own_n(const struct rnn_gtable *t, const bool *keep, char *out, size_t size)
{
    const struct rnn_gcol *n = rnn_gtable_col(t, "n");
    double least = INFINITY, most = -INFINITY;
    for (size_t i = 0; n && !n->is_text && i < t->rows; i++)
        if (keep[i] && isfinite(n->v[i])) least = fmin(least, n->v[i]), most = fmax(most, n->v[i]);
    *out = 0;
    if (least < most) snprintf(out, size, ", each with n = %g to %g", least, most);
    if (least == most) snprintf(out, size, ", each with n = %g", least);
    return out;
}

char *rnn_plot_caption(const struct rnn_gathered *g, const struct rnn_gtable *t, const bool *keep)
{
    size_t rows = 0;
    struct rnn_net_count n;
    struct rnn_err err;
    if (rnn_count_nets(t, keep, &n, &err) < 0) return NULL;
    for (size_t i = 0; i < t->rows; i++) rows += keep[i];
    char *commands = commands_of(g, t, keep), *out, many[80] = "";
    const char *words = commands ? commands : "", *plural = rows == 1 ? "" : "s";
    if (n.all > n.nets) snprintf(many, sizeof many, " (%zu with %s%s%s)", n.all, n.with_snapshots > n.nets ? "snapshots" : "", n.with_snapshots > n.nets && n.all > n.with_snapshots ? " and " : "",
                                 n.all > n.with_snapshots ? "changed copies" : "");
    if (n.nets) out = rnn_asprintf("n = %zu network%s%s, %zu row%s of %s; %s", n.nets, n.nets == 1 ? "" : "s", many, rows, plural, t->name, words);
    else out = rnn_asprintf("n = %zu row%s of %s%s; %s", rows, plural, t->name, own_n(t, keep, many, sizeof many), words);
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
        if (in[i] && !rnn_gcol_missing(v->y, i) && (!x || rnn_gcol_same(x, i, at))) out[n++] = v->y->v[i];
    return n;
}

/* The interval that the table gives of the one value at x. */
static bool own_interval(const struct view *v, const size_t *row, size_t rows, double x, double *lo, double *hi)
{
    for (size_t i = 0; v->lo && v->hi && i < rows; i++) {
        if (v->x->v[row[i]] != x || isnan(v->y->v[row[i]])) continue;
        *lo = v->lo->v[row[i]], *hi = v->hi->v[row[i]];
        return isfinite(*lo) && isfinite(*hi);
    }
    return false;
}

/* Values of y for a point of a line at x: those of the rows that are there, or, of lines that are held, the last of each network so far. */
static size_t collect_line(const struct view *v, const size_t *row, size_t rows, double x, bool is_end, double *out)
{
    size_t n = 0;
    for (size_t k = 0; v->net_of && k < v->nets; k++) v->last_x[k] = -INFINITY;
    for (size_t i = 0; i < rows; i++) {
        const double at = v->x->v[row[i]], y = v->y->v[row[i]];
        if (isnan(y)) continue;
        if (!v->net_of && at == x) out[n++] = y;
        const size_t k = v->net_of ? v->net_of[row[i]] : 0;
        if (v->net_of && at <= x && at >= v->last_x[k]) v->last_x[k] = at, v->last_y[k] = y;
    }
    for (size_t k = 0; v->net_of && k < v->nets; k++) {
        if (v->last_x[k] > -INFINITY) out[n++] = v->last_y[k];
        v->tally->held |= is_end && v->last_x[k] > -INFINITY && v->last_x[k] < x;
    }
    return n;
}

static int draw_lines(const struct view *v, const bool *in, struct rnn_panel *panel, const char *label, int color, struct rnn_err *err)
{
    const double lo = v->p->hi > 0 ? v->p->lo : 0.05, hi = v->p->hi > 0 ? v->p->hi : 0.95;
    const bool no_band = v->groups > MOST_BANDS || v->p->no_band; /* they would hide each other */
    size_t *xs = NULL, *row = NULL, rows = 0, n, most = 0;
    double *ys = NULL;
    int rc = rnn_distinct(v->x, v->t->rows, in, &xs, &n, err);
    if (rc >= 0) rc = rnn_alloc_into(&ys, v->t->rows, sizeof *ys, err);
    if (rc >= 0) rc = rnn_alloc_into(&row, v->t->rows, sizeof *row, err);
    for (size_t i = 0; rc >= 0 && i < v->t->rows; i++)
        if (in[i]) row[rows++] = i;
    const bool marked = rc >= 0 && n <= 24;
    bool own = false;
    if (rc >= 0 && n && (!rnn_panel_layer(panel, RNN_LAYER_BAND, NULL, color) || !rnn_panel_layer(panel, marked ? RNN_LAYER_LINEPOINTS : RNN_LAYER_LINES, label, color)))
        rc = rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    struct rnn_layer *band = rc >= 0 && n ? &panel->layer[panel->n - 2] : NULL, *line = band + (band != NULL); /* the band first, the line over it */
    if (band && color >= 0) line->dash = marked ? color / 8 : color; /* told apart without colour, too */
    for (size_t k = 0; rc >= 0 && band && k < n; k++) {
        const double x = v->x->v[xs[k]];
        const size_t m = collect_line(v, row, rows, x, k + 1 == n, ys);
        if (!m) continue;
        most = m > most ? m : most;
        count_mark(v, m);
        rc = rnn_layer_add(line, (double[]){x, rnn_mean(m, ys)}, err);
        double from = m > 1 ? rnn_quantile(m, ys, lo, err) : ys[0], to = m > 1 ? rnn_quantile(m, ys, hi, err) : ys[0];
        own |= m == 1 && own_interval(v, row, rows, x, &from, &to);
        if (rc >= 0 && !no_band) rc = rnn_layer_add(band, (double[]){x, from, to}, err);
    }
    if (band && most <= 1 && !own) band->n = 0;
    v->tally->bands |= band && band->n && most > 1;
    v->tally->own |= band && band->n && own;
    free(xs);
    free(row);
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
            if (in[i] && rnn_gcol_same(v->x, i, xs[k]) && !rnn_gcol_missing(v->reference, i)) sum += v->reference->v[i], m++;
        if (m) rc = rnn_layer_add(l, (double[]){v->x->v[xs[k]], sum / (double)m}, err);
    }
    free(xs);
    return rc;
}

static int draw_points(const struct view *v, const bool *in, struct rnn_panel *panel, const char *label, int color, struct rnn_err *err)
{
    struct rnn_layer *l = rnn_panel_layer(panel, RNN_LAYER_POINTS, label, color);
    for (size_t i = 0; l && i < v->t->rows; i++)
        if (in[i] && !rnn_gcol_missing(v->x, i) && !rnn_gcol_missing(v->y, i)) RNN_TRY(rnn_layer_add(l, (double[]){v->x->v[i], v->y->v[i]}, err));
    return RNN_OK;
}

/* Colour of value k of c: what networks do looks alike in all figures; others go by their order. */
static int color_of_value(const struct rnn_gcol *c, const size_t *value, size_t n, size_t k)
{
    static const char *const behaviours[] = {"slow-point", "limit-cycle", "not-learned", "unstable", "irregular", "diverged"};
    int color = (int)k;
    for (size_t i = 0; i < n; i++) {
        size_t at = 0;
        while (c && c->is_text && at < RNN_LEN(behaviours) && strcmp(c->s[value[i]], behaviours[at])) at++;
        if (!c || !c->is_text || at == RNN_LEN(behaviours)) return (int)k;
        if (i == k) color = (int)at;
    }
    return color;
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

/* Every name of a category has its place below the axis: 0 where the usual width has room for them. */
static double name_room(const struct rnn_panel *p)
{
    size_t n = 0;
    while (p->xtic && p->xtic[n]) n++;
    return p->xtic_rotate && n > 22 ? 102 + 16 * (double)n : 0;
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
        count_mark(v, m);
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

static int draw_share(const struct view *v, const bool *in, size_t category, const size_t *xs, size_t n, double aside, double times, struct rnn_layer *line, struct rnn_layer *mark, struct rnn_err *err)
{
    for (size_t k = 0; k < n; k++) {
        uint64_t hits = 0, all = 0;
        double lo, hi;
        for (size_t i = 0; i < v->t->rows; i++) {
            if (!in[i] || !rnn_gcol_same(v->x, i, xs[k]) || rnn_gcol_missing(v->y, i)) continue;
            all++;
            hits += rnn_gcol_same(v->y, i, category);
        }
        if (!all) continue;
        count_mark(v, all);
        rnn_wilson(hits, all, 1.959964, &lo, &hi);
        const double x = v->x->v[xs[k]] * times + aside, share = (double)hits / (double)all;
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
        const int color = color_of_value(v->y, cats, n_cats, c);
        struct rnn_layer *mark = rnn_panel_layer(panel, RNN_LAYER_LINES, NULL, color) ? rnn_panel_layer(panel, RNN_LAYER_ERRORBARS, rnn_gcol_text(v->y, cats[c], buf), color) : NULL;
        if (!mark) {
            rc = rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
            break;
        }
        mark[-1].width = 1;
        const double steps = 0.01 * ((double)c - 0.5 * (double)(n_cats - 1));
        const bool log = v->p->log_x && least > 0;
        rc = draw_share(v, in, cats[c], xs, n, log ? 0 : steps * span, log ? pow(most > least ? most / least : 2, steps) : 1, mark - 1, mark, err);
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
                if (in[i] && rnn_gcol_same(v->x, i, xs[a]) && rnn_gcol_same(v->y, i, ys[b]) && !rnn_gcol_missing(v->z, i)) sum += v->z->v[i], m++;
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
        v->tally->outside += !inside;
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

static int draw_group(const struct view *v, const bool *in, struct rnn_panel *panel, const char *label, int color, size_t index, size_t of, struct rnn_err *err)
{
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

/* Columns that a figure made for itself, whose texts speak for themselves; no column of a table begins with a space. */
static bool made(const struct rnn_gcol *c)
{
    return *c->name == ' ';
}

static int by_words(const void *a, const void *b)
{
    return strverscmp(order_by->s[*(const size_t *)a], order_by->s[*(const size_t *)b]);
}

/* As rnn_distinct; conditions go by their words, and by the numbers in them. */
static int distinct_sets(const struct rnn_gcol *c, size_t rows, const bool *keep, size_t **value, size_t *n, struct rnn_err *err)
{
    RNN_TRY(rnn_distinct(c, rows, keep, value, n, err));
    order_by = c;
    if (made(c)) qsort(*value, *n, sizeof **value, by_words);
    return RNN_OK;
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
    if (rc >= 0 && v->group) rc = distinct_sets(v->group, v->t->rows, v->keep, &groups, &n, err);
    v->groups = 0;
    for (size_t k = 0; rc >= 0 && k < n; k++) { /* those that this panel has */
        bool here = false;
        for (size_t i = 0; i < v->t->rows && !here; i++) here = in_facet[i] && (!v->group || rnn_gcol_same(v->group, i, groups[k]));
        v->groups += here;
    }
    for (size_t k = 0; rc >= 0 && k < n; k++) {
        for (size_t i = 0; i < v->t->rows; i++) in[i] = in_facet[i] && (!v->group || rnn_gcol_same(v->group, i, groups[k]));
        if (v->group) snprintf(label, sizeof label, v->group->is_text ? "%.0s%s" : "%s %s", v->group->name, rnn_gcol_text(v->group, groups[k], buf));
        rc = draw_group(v, in, panel, v->group && n <= MOST_KEYS ? label : NULL, color_of_value(v->group, groups, v->group ? n : 0, k), k, n, err);
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
        if (!*want[i].to) return rnn_gtable_fail_col(v->t, want[i].name, err);
        if (want[i].numeric && (*want[i].to)->is_text) return rnn_fail(err, RNN_ERR_ARG, "column '%s' of table %s is text, not numbers", want[i].name, p->table);
    }
    if (v->y && p->style == RNN_PLOT_LINES) { /* speed_lo, speed_hi of speed; lo, hi of value */
        const struct { const char *end; const struct rnn_gcol **to; } own[] = {{"lo", &v->lo}, {"hi", &v->hi}};
        for (size_t i = 0; i < RNN_LEN(own); i++) {
            char *name = rnn_asprintf(strcmp(v->y->name, "value") ? "%s_%s" : "%.0s%s", v->y->name, own[i].end);
            const struct rnn_gcol *c = name ? rnn_gtable_col(v->t, name) : NULL;
            *own[i].to = c && !c->is_text ? c : NULL;
            free(name);
        }
    }
    if (!v->y || (!v->x && p->style != RNN_PLOT_HISTOGRAM) || (!v->z && p->style == RNN_PLOT_HEAT))
        return rnn_fail(err, RNN_ERR_ARG, "plot %s: which columns are x, y%s?", p->name, p->style == RNN_PLOT_HEAT ? ", z" : "");
    return RNN_OK;
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

/* Rows that make a mark; a category that has no values keeps its place. */
static void keep_drawn(struct view *v)
{
    const bool all_y = v->p->style == RNN_PLOT_BARS;
    for (size_t i = 0; i < v->t->rows; i++)
        v->keep[i] = v->keep[i] && (all_y || !rnn_gcol_missing(v->y, i)) && (!v->x || v->p->style == RNN_PLOT_HISTOGRAM || !rnn_gcol_missing(v->x, i)) &&
                     (!v->group || !rnn_gcol_missing(v->group, i)) && (!v->facet || !rnn_gcol_missing(v->facet, i));
}

static int number_held(struct view *v, struct rnn_err *err)
{
    if (!v->p->held) return RNN_OK;
    RNN_TRY(rnn_alloc_into(&v->net_of, v->t->rows + 1, sizeof *v->net_of, err));
    RNN_TRY(rnn_number_nets(v->t, v->keep, v->net_of, &v->nets, err));
    if (!v->nets) v->nets = 1;
    RNN_TRY(rnn_alloc_into(&v->last_x, v->nets, sizeof *v->last_x, err));
    return rnn_alloc_into(&v->last_y, v->nets, sizeof *v->last_y, err);
}

char *rnn_pooled_labels(const struct rnn_gtable *t, const bool *keep, const struct rnn_gcol *const *apart, size_t n_apart, const struct rnn_gcol *y)
{
    enum { MOST_NAMED = 3, MOST_APART = 3 };
    const struct rnn_gcol *by[MOST_NAMED + 1];
    const char *shown[MOST_APART + 1] = {y->name};
    struct rnn_err err;
    size_t *class_of = NULL, n = 1, n_by = 0, size;
    char *out = NULL;
    FILE *words = open_memstream(&out, &size);
    int rc = words ? rnn_alloc_into(&class_of, t->rows + 1, sizeof *class_of, &err) : RNN_ERR_NOMEM;
    for (size_t k = 0; rc >= 0 && k < n_apart && k < MOST_APART; k++) {
        if (apart[k]) shown[k + 1] = apart[k]->name;
        if (apart[k] && (apart[k]->is_text || apart[k]->is_label)) rc = rnn_split_rows(t, keep, apart[k], class_of, class_of, &n, &err);
    }
    if (rc >= 0) rc = rnn_find_labels(t, keep, shown, RNN_LEN(shown), SIZE_MAX, class_of, &n, by, RNN_LEN(by), &n_by, &err);
    for (size_t k = 0; rc >= 0 && k < n_by; k++) fprintf(words, "%s%s", !k ? "pooled over " : k < MOST_NAMED ? ", " : " and ", k < MOST_NAMED ? by[k]->name : "more");
    if (rc >= 0 && n_by) fputs("; ", words);
    if (words) fclose(words);
    free(class_of);
    return out;
}

/* What marks stand for, and what was pooled for them; then as rnn_plot_caption. */
static void say_marks(const struct view *v, const struct rnn_gathered *g, struct rnn_figure *f)
{
    const struct rnn_plot *p = v->p;
    const struct tally *y = v->tally;
    const double lo = p->hi > 0 ? p->lo : 0.05, hi = p->hi > 0 ? p->hi : 0.95;
    const struct rnn_gcol *const apart[] = {v->facet, v->group, v->x};
    const bool sums = p->style != RNN_PLOT_POINTS && (y->most > 1 || p->style == RNN_PLOT_HISTOGRAM || p->style == RNN_PLOT_HEAT);
    char of[60] = "", marks[200] = "";
    snprintf(of, sizeof of, y->least < y->most ? "%zu to %zu" : "%zu", y->least, y->most);
    if (y->bands) snprintf(marks, sizeof marks, "lines: means of %s values, bands: %g to %g %%; ", of, 100 * lo, 100 * hi);
    else if (y->own) snprintf(marks, sizeof marks, "bands: %s to %s; ", v->lo->name, v->hi->name);
    else if (y->most > 1 && p->style == RNN_PLOT_LINES) snprintf(marks, sizeof marks, "lines: means of %s values; ", of);
    else if (y->most > 1 && p->style == RNN_PLOT_BARS) snprintf(marks, sizeof marks, "means of %s values, bootstrap 95 %% intervals; ", of);
    else if (y->most > 0 && p->style == RNN_PLOT_SHARES) snprintf(marks, sizeof marks, "shares of %s, Wilson 95 %% intervals; ", of);
    else if (y->outside) snprintf(marks, sizeof marks, "%zu value%s beyond the axis; ", y->outside, y->outside == 1 ? "" : "s");
    char *pooled = sums ? rnn_pooled_labels(v->t, v->keep, apart, RNN_LEN(apart), v->y) : NULL, *caption = rnn_plot_caption(g, v->t, v->keep);
    rnn_figure_caption(f, "%s%s%s%s", marks, y->held ? "networks that stopped keep their last value; " : "", pooled ? pooled : "", caption ? caption : "");
    free(pooled);
    free(caption);
}

int rnn_plot_draw(const struct rnn_plot *p, const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err)
{
    struct tally tally = {0};
    struct view v = {.p = p, .t = rnn_gathered_table(g, p->table), .tally = &tally};
    if (!v.t) return rnn_fail(err, RNN_ERR_ARG, "no table '%s' in the input", p->table);
    RNN_TRY(find_columns(&v, err));
    size_t *facets = NULL, n = 1;
    bool *in = NULL;
    char buf[40], title[160];
    int rc = rnn_alloc_into(&v.keep, v.t->rows + 1, sizeof *v.keep, err);
    if (rc >= 0) rc = rnn_alloc_into(&in, v.t->rows + 1, sizeof *in, err);
    if (rc >= 0) rc = rnn_gtable_filter(v.t, p->filter, v.keep, err);
    if (rc >= 0) keep_drawn(&v);
    if (rc >= 0) rc = number_held(&v, err);
    if (rc >= 0 && v.facet) rc = distinct_sets(v.facet, v.t->rows, v.keep, &facets, &n, err);
    if (rc >= 0 && n > MOST_PANELS) rc = rnn_fail(err, RNN_ERR_ARG, "%zu values of %s are too many for a panel each: at most %d", n, v.facet->name, (int)MOST_PANELS);
    f->columns = n <= 1 ? 1 : n <= 4 ? 2 : 3;
    f->same_y = n > 1 && p->style != RNN_PLOT_HEAT;
    f->same_x = f->same_y && p->style == RNN_PLOT_SHARES;
    for (size_t k = 0; rc >= 0 && k < n; k++) {
        for (size_t i = 0; i < v.t->rows; i++) in[i] = v.keep[i] && (!v.facet || rnn_gcol_same(v.facet, i, facets[k]));
        if (v.facet) snprintf(title, sizeof title, "%s%s%s", made(v.facet) ? "" : v.facet->name, made(v.facet) ? "" : " ", rnn_gcol_text(v.facet, facets[k], buf));
        rc = draw_panel(&v, in, v.facet ? title : "", f, err);
    }
    for (size_t k = 0; k < f->n && p->style == RNN_PLOT_BARS; k++) f->width = fmax(f->width, name_room(&f->panel[k]));
    if (rc >= 0) rc = check_plot(&v, f, err);
    if (rc >= 0) rnn_figure_title(f, "%s", p->title ? p->title : p->name);
    if (rc >= 0) say_marks(&v, g, f);
    free(facets);
    free(in);
    free(v.keep);
    free(v.net_of);
    free(v.last_x);
    free(v.last_y);
    return rc < 0 ? rc : RNN_OK;
}
