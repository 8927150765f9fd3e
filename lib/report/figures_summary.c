/* Figures of many networks: phases over two labels, scaling laws, claims, and plots that need a column made first. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "num/stats.h"
#include "report/figures_draw.h"

static int memory(struct rnn_err *err)
{
    return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
}

static int all_rows(const struct rnn_gtable *t, bool **keep, struct rnn_err *err)
{
    RNN_TRY(rnn_alloc_into(keep, t->rows + 1, sizeof **keep, err));
    for (size_t i = 0; i < t->rows; i++) (*keep)[i] = true;
    return RNN_OK;
}

static void caption(struct rnn_figure *f, const struct rnn_gathered *g, const struct rnn_gtable *t, const bool *keep)
{
    char *words = rnn_plot_caption(g, t, keep);
    rnn_figure_caption(f, "%s", words ? words : "");
    free(words);
}

static bool same(const struct rnn_gcol *c, size_t a, size_t b)
{
    return c->is_text ? !strcmp(c->s[a], c->s[b]) : c->v[a] == c->v[b];
}

/* ---- phase diagram ---- */

/* The two labels (or columns) that vary: delay and learning rate where they are, else the first two. */
static int varying(const struct rnn_gtable *t, const bool *keep, const struct rnn_gcol *out[2], struct rnn_err *err)
{
    static const char *const preferred[] = {"delay_ms", "delay-ms", "learning_rate"};
    size_t n = 0;
    for (int pass = 0; pass < 2; pass++)
        for (size_t c = 0; c < t->n_cols && n < 2; c++) {
            const struct rnn_gcol *col = &t->col[c];
            size_t *value = NULL, k;
            bool liked = false;
            for (size_t p = 0; p < RNN_LEN(preferred); p++) liked |= !strcmp(col->name, preferred[p]);
            if (liked != !pass || (pass && !col->is_label) || !strcmp(col->name, "net") || !strcmp(col->name, "seed")) continue;
            if (n && !strncmp(out[0]->name, "delay", 5) && !strncmp(col->name, "delay", 5)) continue; /* the same thing by another name */
            RNN_TRY(rnn_distinct(col, t->rows, keep, &value, &k, err));
            free(value);
            if (k > 1) out[n++] = col;
        }
    if (n == 2 && !strcmp(out[0]->name, "learning_rate")) {
        const struct rnn_gcol *swap = out[0];
        out[0] = out[1], out[1] = swap;
    }
    return n == 2 ? RNN_OK : rnn_fail(err, RNN_ERR_ARG, "figure phase-diagram: fewer than two labels vary over the rows of table %s", t->name);
}

static int tics(const struct rnn_gcol *c, const size_t *value, size_t n, char ***out, struct rnn_err *err)
{
    char buf[40];
    RNN_TRY(rnn_alloc_into(out, n + 1, sizeof **out, err));
    for (size_t i = 0; i < n; i++)
        if (!((*out)[i] = rnn_strdup(rnn_gcol_text(c, value[i], buf)))) return memory(err);
    return RNN_OK;
}

struct grid { const struct rnn_gtable *t; const struct rnn_gcol *x, *y, *category; size_t *xs, *ys, nx, ny; };

static int draw_category(const struct grid *d, size_t at, struct rnn_figure *f, struct rnn_err *err)
{
    struct rnn_panel *p = rnn_figure_panel(f, d->category->s[at], d->x->name, d->y->name);
    if (!p) return memory(err);
    RNN_TRY(tics(d->x, d->xs, d->nx, &p->xtic, err));
    RNN_TRY(tics(d->y, d->ys, d->ny, &p->ytic, err));
    p->xtic_rotate = d->nx > 8;
    struct rnn_layer *l = rnn_panel_layer(p, RNN_LAYER_IMAGE, NULL, 0);
    const size_t word_layer = d->nx <= 6 && d->ny <= 10 ? 1 : 0;
    if (!l || (word_layer && !rnn_panel_layer(p, RNN_LAYER_TEXT, NULL, -2))) return memory(err);
    for (size_t a = 0; a < d->nx; a++)
        for (size_t b = 0; b < d->ny; b++) {
            uint64_t hits = 0, n = 0;
            double lo, hi;
            char words[60];
            for (size_t i = 0; i < d->t->rows; i++)
                if (same(d->x, i, d->xs[a]) && same(d->y, i, d->ys[b])) n++, hits += same(d->category, i, at);
            rnn_wilson(hits, n, 1.959964, &lo, &hi);
            RNN_TRY(rnn_layer_add(&p->layer[0], (double[]){(double)a, (double)b, n ? (double)hits / (double)n : NAN}, err));
            snprintf(words, sizeof words, "%.2f (%.2f-%.2f)", (double)hits / (double)n, lo, hi);
            if (n && word_layer) RNN_TRY(rnn_layer_word(&p->layer[1], (double)a, (double)b, words, err));
        }
    p->c_min = 0, p->c_max = 1, p->palette = RNN_PALETTE_SHARE;
    p->cblabel = rnn_strdup("share of networks");
    p->x_min = p->y_min = -0.5, p->x_max = (double)d->nx - 0.5, p->y_max = (double)d->ny - 0.5;
    return RNN_OK;
}

/* Share of networks in each category, with its Wilson 95 % interval, over two labels. */
int rnn_draw_phase_diagram(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err)
{
    const struct rnn_gtable *phase = rnn_gathered_table(g, "phase");
    struct grid d = {.t = phase ? phase : rnn_gathered_table(g, "performance")};
    const struct rnn_gcol *axes[2];
    bool *keep = NULL;
    size_t *categories = NULL, n = 0;
    if (!d.t) return rnn_fail(err, RNN_ERR_ARG, "figure phase-diagram: no table phase (rnn-fixedpts) and none performance (rnn-run) in the input");
    d.category = rnn_gtable_col(d.t, phase ? "mechanism" : "status");
    if (!d.category || !d.category->is_text) return rnn_fail(err, RNN_ERR_FORMAT, "table %s has no text of the category", d.t->name);
    int rc = all_rows(d.t, &keep, err);
    if (rc >= 0) rc = varying(d.t, keep, axes, err);
    if (rc >= 0) d.x = axes[0], d.y = axes[1];
    if (rc >= 0) rc = rnn_distinct(d.x, d.t->rows, keep, &d.xs, &d.nx, err);
    if (rc >= 0) rc = rnn_distinct(d.y, d.t->rows, keep, &d.ys, &d.ny, err);
    if (rc >= 0) rc = rnn_distinct(d.category, d.t->rows, keep, &categories, &n, err);
    for (size_t k = 0; rc >= 0 && k < n; k++) rc = draw_category(&d, categories[k], f, err);
    f->columns = n > 1 ? 2 : 1;
    f->width = 520, f->height = 320;
    rnn_figure_title(f, "Share of networks (Wilson 95 %% interval) by %s and %s", rc >= 0 ? d.x->name : "", rc >= 0 ? d.y->name : "");
    if (rc >= 0) caption(f, g, d.t, keep);
    free(keep);
    free(categories);
    free(d.xs);
    free(d.ys);
    return rc;
}

/* ---- scaling laws ---- */

/* "limit-cycle: beta 2.72 [2.6, 2.9]" from table exponent; beta NaN when it has no such row. */
static double exponent_of(const struct rnn_gathered *g, const char *boundary, const char *fit, char *words, size_t size)
{
    const struct rnn_gtable *e = rnn_gathered_table(g, "exponent");
    const struct rnn_gcol *b = e ? rnn_gtable_col(e, "boundary") : NULL, *how = e ? rnn_gtable_col(e, "fit") : NULL, *beta = e ? rnn_gtable_col(e, "beta") : NULL;
    const struct rnn_gcol *lo = e ? rnn_gtable_col(e, "lo") : NULL, *hi = e ? rnn_gtable_col(e, "hi") : NULL;
    snprintf(words, size, "%s", boundary);
    for (size_t i = 0; b && beta && b->is_text && !beta->is_text && i < e->rows; i++) {
        if (strcmp(b->s[i], boundary) || (how && how->is_text && *fit && strcmp(how->s[i], fit))) continue;
        if (lo && hi && !isnan(lo->v[i])) snprintf(words, size, "%s: beta %.2f [%.2f, %.2f]", boundary, beta->v[i], lo->v[i], hi->v[i]);
        else snprintf(words, size, "%s: beta %.2f", boundary, beta->v[i]);
        return beta->v[i];
    }
    return NAN;
}

int rnn_draw_scaling(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err)
{
    const struct rnn_gtable *t = rnn_gathered_table(g, "boundary");
    const struct rnn_gcol *lr = rnn_gtable_col(t, "learning_rate"), *delay = rnn_gtable_col(t, "delay_ms"), *b = rnn_gtable_col(t, "boundary"), *fit = rnn_gtable_col(t, "fit");
    if (!lr || !delay || !b || !b->is_text) return rnn_fail(err, RNN_ERR_FORMAT, "table boundary lacks learning_rate, delay_ms or boundary");
    struct rnn_panel *p = rnn_figure_panel(f, "", "delay (ms)", "critical learning rate");
    bool *keep = NULL;
    size_t *names = NULL, n = 0;
    int rc = p ? all_rows(t, &keep, err) : memory(err);
    if (rc >= 0) rc = rnn_distinct(b, t->rows, keep, &names, &n, err);
    for (size_t k = 0; rc >= 0 && k < n; k++) {
        char words[120];
        double x = 0, y = 0, lo = INFINITY, hi = 0;
        size_t m = 0;
        const double beta = exponent_of(g, b->s[names[k]], fit && fit->is_text ? fit->s[names[k]] : "", words, sizeof words);
        struct rnn_layer *l = rnn_panel_layer(p, RNN_LAYER_POINTS, words, (int)k);
        for (size_t i = 0; rc >= 0 && l && i < t->rows; i++) {
            if (!same(b, i, names[k]) || !(delay->v[i] > 0) || !(lr->v[i] > 0)) continue;
            rc = rnn_layer_add(l, (double[]){delay->v[i], lr->v[i]}, err);
            x += log(delay->v[i]), y += log(lr->v[i]), m++;
            lo = fmin(lo, delay->v[i]), hi = fmax(hi, delay->v[i]);
        }
        l = isnan(beta) || !m ? NULL : rnn_panel_layer(p, RNN_LAYER_LINES, NULL, (int)k);
        for (int e = 0; rc >= 0 && l && e < 2; e++) {
            const double at = e ? hi : lo;
            rc = rnn_layer_add(l, (double[]){at, exp(y / (double)m - beta * (log(at) - x / (double)m))}, err);
        }
    }
    if (p) p->log_x = p->log_y = true, p->key_outside = true;
    f->width = 720, f->height = 400;
    rnn_figure_title(f, "Largest learning rate that still learns, against the delay: learning rate ~ delay^-beta");
    if (rc >= 0) caption(f, g, t, keep);
    free(keep);
    free(names);
    return rc;
}

/* ---- claims ---- */

static const struct { const char *verdict; int color; } VERDICTS[] = {{"pass", 2}, {"fail", 1}, {"measured", 0}, {"not-tested", -1}};

static void claim_words(const struct rnn_gtable *t, size_t i, char *out, size_t size)
{
    const char *const names[] = {"measured", "lo", "hi", "expected_lo", "expected_hi", "n"};
    double v[6];
    for (size_t k = 0; k < 6; k++) {
        const struct rnn_gcol *c = rnn_gtable_col(t, names[k]);
        v[k] = c && !c->is_text ? c->v[i] : NAN;
    }
    size_t used = 0;
    if (isnan(v[0])) used += (size_t)snprintf(out, size, "not measured; ");
    else if (isnan(v[1])) used += (size_t)snprintf(out, size, "%.4g (n = %g); ", v[0], v[5]);
    else used += (size_t)snprintf(out, size, "%.4g [%.4g, %.4g] (n = %g); ", v[0], v[1], v[2], v[5]);
    if (!isnan(v[3]) && !isnan(v[4])) snprintf(out + used, size - used, "expected %.4g to %.4g", v[3], v[4]);
    else if (!isnan(v[3])) snprintf(out + used, size - used, "expected at least %.4g", v[3]);
    else if (!isnan(v[4])) snprintf(out + used, size - used, "expected at most %.4g", v[4]);
    else snprintf(out + used, size - used, "no expectation");
}

int rnn_draw_claims(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err)
{
    const struct rnn_gtable *t = rnn_gathered_table(g, "claims");
    const struct rnn_gcol *id = rnn_gtable_col(t, "id"), *verdict = rnn_gtable_col(t, "verdict");
    if (!id || !id->is_text || !verdict || !verdict->is_text) return rnn_fail(err, RNN_ERR_FORMAT, "table claims has no texts id and verdict");
    struct rnn_panel *p = rnn_figure_panel(f, "", "measured value [95 % interval] (n); expected range", "");
    if (!p) return memory(err);
    RNN_TRY(rnn_alloc_into(&p->ytic, t->rows + 1, sizeof *p->ytic, err));
    for (size_t i = 0; i < t->rows; i++)
        if (!(p->ytic[i] = rnn_strdup(id->s[i]))) return memory(err);
    for (size_t k = 0; k < RNN_LEN(VERDICTS); k++) {
        struct rnn_layer *l = rnn_panel_layer(p, RNN_LAYER_POINTS, VERDICTS[k].verdict, VERDICTS[k].color);
        if (!l) return memory(err);
        l->width = 1.2;
        for (size_t i = 0; i < t->rows; i++)
            if (!strcmp(verdict->s[i], VERDICTS[k].verdict)) RNN_TRY(rnn_layer_add(l, (double[]){0.04, (double)i}, err));
    }
    struct rnn_layer *words = rnn_panel_layer(p, RNN_LAYER_TEXT, NULL, -2);
    for (size_t i = 0; words && i < t->rows; i++) {
        char text[160];
        claim_words(t, i, text, sizeof text);
        RNN_TRY(rnn_layer_word(words, 0.53, (double)i, text, err));
    }
    RNN_TRY(rnn_alloc_into(&p->xtic, 1, sizeof *p->xtic, err));
    p->x_min = 0, p->x_max = 1, p->y_min = -0.6, p->y_max = (double)t->rows - 0.4, p->flip_y = true, p->key_outside = true;
    f->width = 760, f->height = 130 + 24 * (double)t->rows;
    rnn_figure_title(f, "Claims and their verdicts");
    char *brief = rnn_pipeline_brief(g->segment[t->segment[0]].pipeline);
    rnn_figure_caption(f, "n = %zu claims; %s", t->rows, brief ? brief : "");
    free(brief);
    return RNN_OK;
}

/* ---- plots of a table with one more column of text ---- */

typedef const char *maker(const struct rnn_gathered *g, const struct rnn_gtable *t, size_t row, char buf[80]);

static int plot_with(const struct rnn_gathered *g, const struct rnn_plot *plot, const char *column, maker *make, struct rnn_figure *f, struct rnn_err *err)
{
    struct rnn_gtable t = *rnn_gathered_table(g, plot->table);
    struct rnn_gathered with = *g;
    struct rnn_gcol *col = NULL;
    char **s = NULL, buf[80];
    int rc = rnn_alloc_into(&col, t.n_cols + 1, sizeof *col, err);
    if (rc >= 0) rc = rnn_alloc_into(&s, t.rows + 1, sizeof *s, err);
    for (size_t i = 0; rc >= 0 && i < t.rows; i++)
        if (!(s[i] = rnn_strdup(make(g, &t, i, buf)))) rc = memory(err);
    if (rc >= 0) {
        memcpy(col, t.col, t.n_cols * sizeof *col);
        col[t.n_cols] = (struct rnn_gcol){.unit = (char[]){""}, .doc = (char[]){""}, .is_text = true, .s = s};
        char *name = rnn_strdup(column);
        col[t.n_cols].name = name;
        t.col = col, t.n_cols++;
        with.table = &t, with.n_tables = 1;
        rc = name ? rnn_plot_draw(plot, &with, f, err) : memory(err);
        free(name);
    }
    for (size_t i = 0; s && i < t.rows; i++) free(s[i]);
    free(s);
    free(col);
    return rc;
}

static const char *ablated(const struct rnn_gathered *g, const struct rnn_gtable *t, size_t row, char buf[80])
{
    const struct rnn_gcol *what = rnn_gtable_col(t, "what"), *set = rnn_gtable_col(t, "set");
    char number[40];
    (void)g;
    if (!what || !what->is_text) return "";
    if (!strcmp(what->s[row], "intact") || !set) return what->s[row];
    snprintf(buf, 80, "%.30s %.40s", what->s[row], rnn_gcol_text(set, row, number));
    return buf;
}

int rnn_draw_ablation(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err)
{
    const struct rnn_plot plot = {.name = "ablation", .title = "Performance without single modes of the recurrent weights (mean, 95 % interval)", .table = "ablation",
                                  .x = "taken out", .y = "accuracy", .style = RNN_PLOT_BARS};
    RNN_TRY(plot_with(g, &plot, "taken out", ablated, f, err));
    f->width = 640, f->height = 360;
    return RNN_OK;
}

/* Which states: all, or the mean over groups of a parameter; "" for single groups, which are left out. */
static const char *which_states(const struct rnn_gathered *g, const struct rnn_gtable *t, size_t row, char buf[80])
{
    const struct rnn_gcol *by = rnn_gtable_col(t, "by"), *condition = rnn_gtable_col(t, "condition");
    (void)g;
    if (!by || !condition || !by->is_text || !condition->is_text) return "";
    if (!strcmp(condition->s[row], "all")) return "all states";
    if (strcmp(condition->s[row], "mean")) return "";
    snprintf(buf, 80, "within %.60s", by->s[row]);
    return buf;
}

int rnn_draw_dimension(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err)
{
    const struct rnn_plot plot = {.name = "dimension", .title = "Dimensions that hold most of the sum of squares (D90)", .table = "geometry", .x = "step", .y = "value",
                                  .group = "states", .filter = "measure=dims", .ylabel = "dimensions"};
    return plot_with(g, &plot, "states", which_states, f, err);
}

/* Mechanism of the network of a row, from table phase; "" when it is not known. */
static const char *mechanism(const struct rnn_gathered *g, const struct rnn_gtable *t, size_t row, char buf[80])
{
    const struct rnn_gtable *p = rnn_gathered_table(g, "phase");
    const struct rnn_gcol *name = rnn_gtable_col(p, "mechanism"), *their = rnn_gtable_col(p, "net"), *mine = rnn_gtable_col(t, "net");
    (void)buf;
    if (!name || !name->is_text || !their || !mine || !mine->is_text || !their->is_text) return "";
    for (size_t i = 0; i < p->rows; i++)
        if (p->segment[i] == t->segment[row] && !strcmp(their->s[i], mine->s[row])) return name->s[i];
    return "";
}

int rnn_draw_loss_by_class(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err)
{
    const struct rnn_plot plot = {.name = "loss-by-class", .title = "Loss while learning, by the mechanism that a network ends with", .table = "learning", .x = "update", .y = "loss",
                                  .group = "mechanism", .log_y = true};
    return plot_with(g, &plot, "mechanism", mechanism, f, err);
}
