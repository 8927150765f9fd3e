/* Figures of many networks: phases over two labels, scaling laws, claims, and plots that need a column made first. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "num/stats.h"
#include "report/conditions.h"
#include "report/figures_draw.h"

enum { MOST_LINES = 8, MOST_CONDITIONS = 24 /* in a panel */, MOST_PANELS = 30 };

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
    return n == 2 ? RNN_OK : rnn_fail(err, RNN_ERR_ARG, "figure phase-diagram: fewer than two labels vary over the rows of table %s: cat streams of networks that were "
                                                        "trained with different --label KEY=VALUE or parameters of the task", t->name);
}

static int tics(const struct rnn_gcol *c, const size_t *value, size_t n, char ***out, struct rnn_err *err)
{
    char buf[40];
    RNN_TRY(rnn_alloc_into(out, n + 1, sizeof **out, err));
    for (size_t i = 0; i < n; i++)
        if (!((*out)[i] = rnn_strdup(rnn_gcol_text(c, value[i], buf)))) return memory(err);
    return RNN_OK;
}

enum { WORDS_X = 4, WORDS_Y = 10 }; /* cells of a grid that have room for a share and its interval */

struct grid { const struct rnn_gtable *t; const struct rnn_gcol *x, *y, *category; size_t *xs, *ys, nx, ny; };

static int draw_category(const struct grid *d, size_t at, struct rnn_figure *f, struct rnn_err *err)
{
    char *names[2] = {rnn_axis_name(d->x), rnn_axis_name(d->y)};
    struct rnn_panel *p = rnn_figure_panel(f, d->category->s[at], names[0], names[1]);
    free(names[0]);
    free(names[1]);
    if (!p) return memory(err);
    RNN_TRY(tics(d->x, d->xs, d->nx, &p->xtic, err));
    RNN_TRY(tics(d->y, d->ys, d->ny, &p->ytic, err));
    size_t letters = 0;
    for (size_t a = 0; a < d->nx; a++) letters += strlen(p->xtic[a]) + 1;
    p->xtic_rotate = letters > 44;
    struct rnn_layer *l = rnn_panel_layer(p, RNN_LAYER_IMAGE, NULL, 0);
    const size_t word_layer = d->nx <= WORDS_X && d->ny <= WORDS_Y;
    if (!l || (word_layer && !rnn_panel_layer(p, RNN_LAYER_TEXT, NULL, -2))) return memory(err);
    for (size_t a = 0; a < d->nx; a++)
        for (size_t b = 0; b < d->ny; b++) {
            uint64_t hits = 0, n = 0;
            double lo, hi;
            char words[60];
            for (size_t i = 0; i < d->t->rows; i++)
                if (rnn_gcol_same(d->x, i, d->xs[a]) && rnn_gcol_same(d->y, i, d->ys[b])) n++, hits += rnn_gcol_same(d->category, i, at);
            rnn_wilson(hits, n, 1.959964, &lo, &hi);
            RNN_TRY(rnn_layer_add(&p->layer[0], (double[]){(double)a, (double)b, n ? (double)hits / (double)n : NAN}, err));
            snprintf(words, sizeof words, "%.2f (%.2f-%.2f)", (double)hits / (double)n, lo, hi);
            if (n && word_layer) RNN_TRY(rnn_layer_word(&p->layer[1], (double)a, (double)b, words, err));
        }
    p->c_min = 0, p->c_max = 1, p->palette = RNN_PALETTE_SHARE, p->holes = true;
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
    rnn_figure_title(f, "Share of networks%s in each category", d.nx <= WORDS_X && d.ny <= WORDS_Y ? " (Wilson 95 % interval)" : "");
    if (rc >= 0) {
        char *words = rnn_plot_caption(g, d.t, keep), *pooled = rnn_pooled_labels(d.t, keep, axes, 2, d.category);
        rnn_figure_caption(f, "grey: no networks; %s%s", pooled ? pooled : "", words ? words : "");
        free(words);
        free(pooled);
    }
    free(keep);
    free(categories);
    free(d.xs);
    free(d.ys);
    return rc;
}

/* ---- scaling laws ---- */

/* "limit-cycle: beta 2.72 [2.6, 2.9]" from table exponent; NaN when it has no such row, no exponent could be fitted, or resamples do not
 * agree even on its sign: then the words give the interval alone. */
static double exponent_of(const struct rnn_gathered *g, uint64_t segment, const char *boundary, const char *fit, const char *shown, char *words, size_t size)
{
    const struct rnn_gtable *e = rnn_gathered_table(g, "exponent");
    const struct rnn_gcol *b = e ? rnn_gtable_col(e, "boundary") : NULL, *how = e ? rnn_gtable_col(e, "fit") : NULL, *beta = e ? rnn_gtable_col(e, "beta") : NULL;
    const struct rnn_gcol *lo = e ? rnn_gtable_col(e, "lo") : NULL, *hi = e ? rnn_gtable_col(e, "hi") : NULL;
    const struct rnn_gcol *determined = e ? rnn_gtable_col(e, "determined") : NULL;
    snprintf(words, size, "%s: no exponent", shown);
    for (size_t i = 0; b && beta && b->is_text && !beta->is_text && i < e->rows; i++) {
        if (e->segment[i] != segment || strcmp(b->s[i], boundary) || (how && how->is_text && *fit && strcmp(how->s[i], fit))) continue;
        if (!isfinite(beta->v[i])) return NAN;
        const bool has_interval = lo && hi && isfinite(lo->v[i]) && isfinite(hi->v[i]);
        if (determined && determined->is_text && !strcmp(determined->s[i], "no")) {
            if (has_interval) snprintf(words, size, "%s: beta not determined [%.2f, %.2f]", shown, lo->v[i], hi->v[i]);
            else snprintf(words, size, "%s: beta not determined", shown);
            return NAN;
        }
        if (has_interval) snprintf(words, size, "%s: beta %.2f [%.2f, %.2f]", shown, beta->v[i], lo->v[i], hi->v[i]);
        else snprintf(words, size, "%s: beta %.2f", shown, beta->v[i]);
        return beta->v[i];
    }
    return NAN;
}

struct boundaries { const struct rnn_gtable *t; const struct rnn_gcol *lr, *delay, *name, *lo, *hi; };

/* Points of one boundary with the intervals of their delays, and the line of its exponent through their middle. */
static int draw_boundary(struct rnn_panel *p, const struct boundaries *d, size_t first, double beta, const char *words, int color, struct rnn_err *err)
{
    double x = 0, y = 0, least = INFINITY, most = 0;
    size_t m = 0;
    if (!rnn_panel_layer(p, RNN_LAYER_SEGMENTS, NULL, color) || !rnn_panel_layer(p, RNN_LAYER_POINTS, words, color)) return memory(err);
    struct rnn_layer *l = &p->layer[p->n - 2];
    for (size_t i = 0; i < d->t->rows; i++) {
        const double at = d->delay->v[i], lr = d->lr->v[i];
        if (d->t->segment[i] != d->t->segment[first] || strcmp(d->name->s[i], d->name->s[first]) || !(at > 0) || !(lr > 0)) continue;
        const double aside = lr * pow(1.05, color); /* intervals at one rate stand over each other */
        if (d->lo && d->hi && d->lo->v[i] > 0 && isfinite(d->hi->v[i])) RNN_TRY(rnn_layer_add(&l[0], (double[]){d->lo->v[i], aside, d->hi->v[i], aside}, err));
        RNN_TRY(rnn_layer_add(&l[1], (double[]){at, aside}, err));
        x += log(at), y += log(lr), m++;
        least = fmin(least, at), most = fmax(most, at);
    }
    l = isnan(beta) || !(most > least) ? NULL : rnn_panel_layer(p, RNN_LAYER_LINES, NULL, color);
    if (l) l->dash = color;
    for (int e = 0; l && e < 2; e++) {
        const double at = e ? most : least;
        RNN_TRY(rnn_layer_add(l, (double[]){at, exp(y / (double)m - beta * (log(at) - x / (double)m))}, err));
    }
    return RNN_OK;
}

/* The boundaries of the rows of condition `shown`, told apart by name: the same look in all panels. */
static int draw_boundaries(const struct rnn_gathered *g, const struct boundaries *d, char **condition, size_t first, const char *title, struct rnn_figure *f, struct rnn_err *err)
{
    const struct rnn_gcol *fit = rnn_gtable_col(d->t, "fit");
    struct rnn_panel *p = rnn_figure_panel(f, title, "delay (ms)", "learning rate at the boundary");
    if (!p) return memory(err);
    p->log_x = p->log_y = true;
    for (size_t k = first; k < d->t->rows; k++) {
        char words[240];
        bool known = strcmp(condition[k], condition[first]);
        int color = 0;
        for (size_t i = 0; i < k; i++) known |= d->t->segment[i] == d->t->segment[k] && !strcmp(d->name->s[i], d->name->s[k]);
        if (known) continue;
        for (size_t i = 0; i < d->t->rows && strcmp(d->name->s[i], d->name->s[k]); i++) { /* names before this one */
            bool again = false;
            for (size_t j = 0; j < i && !again; j++) again = !strcmp(d->name->s[j], d->name->s[i]);
            color += !again;
        }
        const double beta = exponent_of(g, d->t->segment[k], d->name->s[k], fit && fit->is_text ? fit->s[k] : "", d->name->s[k], words, sizeof words);
        RNN_TRY(draw_boundary(p, d, k, beta, words, color, err));
    }
    return RNN_OK;
}

/* A boundary of one run of rnn-theory is a line; runs that labels tell apart have panels. */
int rnn_draw_scaling(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err)
{
    const struct rnn_gtable *t = rnn_gathered_table(g, "boundary");
    const struct boundaries d = {t, rnn_gtable_col(t, "learning_rate"), rnn_gtable_col(t, "delay_ms"), rnn_gtable_col(t, "boundary"), rnn_gtable_col(t, "lo"), rnn_gtable_col(t, "hi")};
    if (!d.lr || !d.delay || !d.name || !d.name->is_text) return rnn_fail(err, RNN_ERR_FORMAT, "table boundary lacks learning_rate, delay_ms or boundary");
    bool *keep = NULL;
    size_t conditions = 0, drawn = 0;
    char **condition = NULL;
    int rc = all_rows(t, &keep, err);
    if (rc >= 0) rc = rnn_condition_words(t, NULL, NULL, 0, MOST_PANELS, false, &condition, &conditions, err);
    for (size_t k = 0; rc >= 0 && k < t->rows; k++) {
        bool known = false;
        for (size_t i = 0; i < k && !known; i++) known = !strcmp(condition[i], condition[k]);
        if (!known) rc = draw_boundaries(g, &d, condition, k, conditions > 1 ? condition[k] : "", f, err);
    }
    rnn_release_words(condition, t->rows);
    for (size_t i = 0; rc >= 0 && i < f->n; i++)
        for (size_t k = 0; k < f->panel[i].n; k++) drawn += f->panel[i].layer[k].n;
    if (rc >= 0 && !drawn) rc = rnn_fail(err, RNN_ERR_ARG, "figure scaling-law: no boundary was found in table boundary: rnn-theory scaling needs a sweep over learning rates and delays");
    f->width = 560, f->height = 400;
    f->columns = 1; /* keys are long */
    f->same_x = f->same_y = f->own_keys = true;
    rnn_figure_title(f, "Boundaries between behaviours (95 %% interval): learning rate ~ delay^-beta");
    if (rc >= 0) caption(f, g, t, keep);
    free(keep);
    return rc;
}

/* ---- claims ---- */

/* Told apart by colour and by mark. */
static const struct { const char *verdict; int color, point; } VERDICTS[] = {{"pass", 2, 9}, {"fail", 1, 5}, {"measured", 0, 7}, {"not-tested", -1, 6}};

enum { MOST_IN_COLUMN = 70, ONE_COLUMN = 40, ROW = 18 /* pixels */ };

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
    if (v[3] == v[4]) snprintf(out + used, size - used, "expected %.4g", v[3]);
    else if (!isnan(v[3]) && !isnan(v[4])) snprintf(out + used, size - used, "expected %.4g to %.4g", v[3], v[4]);
    else if (!isnan(v[3])) snprintf(out + used, size - used, "expected at least %.4g", v[3]);
    else if (!isnan(v[4])) snprintf(out + used, size - used, "expected at most %.4g", v[4]);
    else snprintf(out + used, size - used, "no expectation");
}

/* Letters and digits that an id begins with: A7 of A7.angle and A7b. */
static bool same_group(const char *a, const char *b)
{
    const char *const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    size_t n = strspn(a, letters);
    n += strspn(a + n, "0123456789");
    size_t m = strspn(b, letters);
    m += strspn(b + m, "0123456789");
    return n == m && !strncmp(a, b, n);
}

/* One past the last claim of a column that begins at `from` and should have `rows`: where a group ends, if one ends near. */
static size_t end_of_column(const struct rnn_gcol *id, size_t from, size_t rows, size_t all)
{
    const size_t end = from + rows;
    if (end >= all) return all;
    for (size_t off = 0; off <= rows / 8; off++) {
        if (end + off < all && !same_group(id->s[end + off - 1], id->s[end + off])) return end + off;
        if (!same_group(id->s[end - off - 1], id->s[end - off])) return end - off;
    }
    return end;
}

/* Claims from .. end of the table: id, verdict, numbers; a line below each group. */
static int claims_column(struct rnn_figure *f, const struct rnn_gtable *t, size_t from, size_t end, const size_t count[], struct rnn_err *err)
{
    const struct rnn_gcol *id = rnn_gtable_col(t, "id"), *verdict = rnn_gtable_col(t, "verdict");
    struct rnn_panel *p = rnn_figure_panel(f, "", "measured value [95 % interval] (n); expected range", "");
    if (!p) return memory(err);
    RNN_TRY(rnn_alloc_into(&p->xtic, 1, sizeof *p->xtic, err));
    RNN_TRY(rnn_alloc_into(&p->ytic, end - from + 1, sizeof *p->ytic, err));
    for (size_t i = from; i < end; i++)
        if (!(p->ytic[i - from] = rnn_strdup(id->s[i]))) return memory(err);
    for (size_t k = 0; k < RNN_LEN(VERDICTS); k++) {
        char label[60];
        snprintf(label, sizeof label, "%s (%zu)", VERDICTS[k].verdict, count[k]);
        struct rnn_layer *l = rnn_panel_layer(p, RNN_LAYER_POINTS, label, VERDICTS[k].color);
        if (!l) return memory(err);
        l->width = 1.1, l->point = VERDICTS[k].point;
        for (size_t i = from; i < end; i++)
            if (!strcmp(verdict->s[i], VERDICTS[k].verdict)) RNN_TRY(rnn_layer_add(l, (double[]){0.04, (double)(i - from)}, err));
    }
    struct rnn_layer *words = rnn_panel_layer(p, RNN_LAYER_TEXT, NULL, -2), *line = words ? rnn_panel_layer(p, RNN_LAYER_SEGMENTS, NULL, -1) : NULL;
    if (!line) return memory(err);
    words = line - 1;
    words->align = 1;
    line->width = 0.6;
    for (size_t i = from; i < end; i++) {
        const double y = (double)(i - from);
        char text[160];
        claim_words(t, i, text, sizeof text);
        RNN_TRY(rnn_layer_word(words, 0.09, y, text, err));
        if (i + 1 < end && !same_group(id->s[i], id->s[i + 1])) RNN_TRY(rnn_layer_add(line, (double[]){0, y + 0.5, 1, y + 0.5}, err));
    }
    return RNN_OK;
}

/* In as many columns as keep them within a screen or two. */
int rnn_draw_claims(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err)
{
    const struct rnn_gtable *t = rnn_gathered_table(g, "claims");
    const struct rnn_gcol *id = rnn_gtable_col(t, "id"), *verdict = rnn_gtable_col(t, "verdict");
    size_t count[RNN_LEN(VERDICTS)] = {0}, most = 0;
    if (!id || !id->is_text || !verdict || !verdict->is_text) return rnn_fail(err, RNN_ERR_FORMAT, "table claims has no texts id and verdict");
    for (size_t i = 0; i < t->rows; i++)
        for (size_t k = 0; k < RNN_LEN(VERDICTS); k++) count[k] += !strcmp(verdict->s[i], VERDICTS[k].verdict);
    const size_t columns = t->rows <= ONE_COLUMN ? 1 : t->rows <= 2 * MOST_IN_COLUMN ? 2 : (t->rows + MOST_IN_COLUMN - 1) / MOST_IN_COLUMN;
    for (size_t from = 0, end; from < t->rows; from = end) {
        const size_t left = columns > f->n ? columns - f->n : 1;
        end = left == 1 ? t->rows : end_of_column(id, from, (t->rows - from + left - 1) / left, t->rows);
        most = end - from > most ? end - from : most;
        RNN_TRY(claims_column(f, t, from, end, count, err));
    }
    for (size_t k = 0; k < f->n; k++) {
        struct rnn_panel *p = &f->panel[k];
        p->x_min = 0, p->x_max = 1, p->y_min = -0.6, p->y_max = (double)most - 0.4, p->flip_y = true;
    }
    f->columns = f->n;
    f->width = 480, f->height = 110 + ROW * (double)most;
    rnn_figure_title(f, "Claims and their verdicts");
    char *brief = rnn_pipeline_brief(g->segment[t->segment[0]].pipeline);
    rnn_figure_caption(f, "n = %zu claims; %s", t->rows, brief ? brief : "");
    free(brief);
    return RNN_OK;
}

/* ---- plots of a table with one more column of text ---- */

typedef int drawer(const struct rnn_plot *plot, const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err);

/* words [rows] becomes the column, for `draw` to use. */
static int plot_with_words(const struct rnn_gathered *g, const struct rnn_plot *plot, const char *column, char **words, drawer *draw, struct rnn_figure *f, struct rnn_err *err)
{
    struct rnn_gtable t = *rnn_gathered_table(g, plot->table);
    struct rnn_gathered with = *g;
    struct rnn_gcol *col = NULL;
    char *name = rnn_strdup(column);
    int rc = rnn_alloc_into(&col, t.n_cols + 1, sizeof *col, err);
    if (rc >= 0 && !name) rc = memory(err);
    if (rc >= 0) {
        memcpy(col, t.col, t.n_cols * sizeof *col);
        col[t.n_cols] = (struct rnn_gcol){.name = name, .unit = (char[]){""}, .doc = (char[]){""}, .is_text = true, .s = words};
        t.col = col, t.n_cols++;
        with.table = &t, with.n_tables = 1;
        rc = draw(plot, &with, f, err);
    }
    free(name);
    free(col);
    return rc;
}

typedef const char *maker(const struct rnn_gathered *g, const struct rnn_gtable *t, size_t row, char buf[80]);

static int plot_with(const struct rnn_gathered *g, const struct rnn_plot *plot, const char *column, maker *make, drawer *draw, struct rnn_figure *f, struct rnn_err *err)
{
    const struct rnn_gtable *t = rnn_gathered_table(g, plot->table);
    char **words = NULL, buf[80];
    int rc = rnn_alloc_into(&words, t->rows + 1, sizeof *words, err);
    for (size_t i = 0; rc >= 0 && i < t->rows; i++)
        if (!(words[i] = rnn_strdup(make(g, t, i, buf)))) rc = memory(err);
    if (rc >= 0) rc = plot_with_words(g, plot, column, words, draw, f, err);
    rnn_release_words(words, t->rows);
    return rc;
}

/* ---- conditions that labels tell apart ---- */

#define BY_LABELS " by labels" /* no column of a table is called so */

static void keep_values(const struct rnn_gtable *t, const char *name, bool *keep)
{
    const struct rnn_gcol *c = name ? rnn_gtable_col(t, name) : NULL;
    for (size_t i = 0; c && i < t->rows; i++) keep[i] = keep[i] && !rnn_gcol_missing(c, i);
}

/* Conditions of the rows that `plot` draws, but for what it shows anyway. */
static int conditions_of(const struct rnn_plot *plot, const struct rnn_gtable *t, size_t most, bool else_net, char ***words, size_t *n, struct rnn_err *err)
{
    const char *const shown[] = {plot->x, plot->group, plot->facet}, *const drawn[] = {plot->x, plot->y, plot->group, plot->facet};
    bool *keep = NULL;
    *words = NULL;
    int rc = rnn_alloc_into(&keep, t->rows + 1, sizeof *keep, err);
    if (rc >= 0) rc = rnn_gtable_filter(t, plot->filter, keep, err);
    for (size_t k = 0; rc >= 0 && k < RNN_LEN(drawn); k++) keep_values(t, drawn[k], keep);
    if (rc >= 0) rc = rnn_condition_words(t, keep, shown, RNN_LEN(shown), most, else_net, words, n, err);
    free(keep);
    return rc;
}

/* A panel for each condition, such as networks whole and without a mode; of a plot with panels of its own for each of them. */
int rnn_draw_by_condition(const struct rnn_plot *plot, const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err)
{
    const struct rnn_gtable *t = rnn_gathered_table(g, plot->table);
    const struct rnn_gcol *own = plot->facet ? rnn_gtable_col(t, plot->facet) : NULL;
    struct rnn_plot with = *plot;
    char **words = NULL, buf[40];
    size_t n = 0, *value = NULL, panels = 1;
    bool *keep = NULL;
    int rc = rnn_alloc_into(&keep, t->rows + 1, sizeof *keep, err);
    if (rc >= 0) rc = rnn_gtable_filter(t, plot->filter, keep, err);
    keep_values(t, plot->x, keep);
    if (rc >= 0 && own) rc = rnn_distinct(own, t->rows, keep, &value, &panels, err);
    if (rc >= 0) rc = conditions_of(plot, t, MOST_PANELS / (panels ? panels : 1), false, &words, &n, err);
    for (size_t i = 0; rc >= 0 && n > 1 && own && i < t->rows; i++) {
        const char *mine = rnn_gcol_text(own, i, buf);
        char *both = !*mine ? rnn_strdup("") : panels < 2 ? rnn_strdup(words[i]) : rnn_asprintf("%s, %s%s%s", words[i], own->is_text ? "" : own->name, own->is_text ? "" : " ", mine);
        free(words[i]);
        if (!(words[i] = both)) rc = memory(err);
    }
    if (n > 1) with.facet = BY_LABELS;
    if (rc >= 0) rc = n > 1 ? plot_with_words(g, &with, BY_LABELS, words, rnn_plot_draw, f, err) : rnn_plot_draw(&with, g, f, err);
    rnn_release_words(words, t->rows);
    free(value);
    free(keep);
    return rc;
}

/* Curves and scores of networks, a line (or a place) for each condition that labels tell apart; more conditions than a panel holds have one each. */
int rnn_draw_curves(const char *name, const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err)
{
    static const struct rnn_plot plots[] = {
        {.name = "learning-curves", .title = "Loss while learning", .table = "learning", .x = "update", .y = "loss", .log_y = true, .held = true},
        {.name = "accuracy-curves", .title = "Accuracy while learning", .table = "learning", .x = "update", .y = "accuracy", .held = true},
        {.name = "truncation", .title = "Performance with the leading modes only", .table = "truncation", .x = "rank", .y = "accuracy"},
        {.name = "impulse", .title = "Response of the outputs to an impulse", .table = "impulse", .x = "tau", .y = "diag_mean", .ylabel = "mean diagonal of R W^tau U"},
        {.name = "performance", .title = "Accuracy of networks (mean, 95 % interval)", .table = "performance", .x = BY_LABELS, .y = "accuracy", .style = RNN_PLOT_BARS, .xlabel = "condition"}};
    struct rnn_plot plot = {0};
    char **words = NULL;
    size_t n = 0;
    for (size_t i = 0; i < RNN_LEN(plots); i++)
        if (!strcmp(plots[i].name, name)) plot = plots[i];
    const struct rnn_gtable *t = rnn_gathered_table(g, plot.table);
    const bool bars = plot.style == RNN_PLOT_BARS;
    int rc = conditions_of(&plot, t, bars ? MOST_CONDITIONS : MOST_PANELS, bars, &words, &n, err);
    if (n > MOST_LINES && !bars) plot.facet = BY_LABELS;
    else if (n > 1 && !bars) plot.group = BY_LABELS;
    if (bars && n <= 1) plot.xlabel = "network", plot.title = "Accuracy of every network";
    if (rc >= 0) rc = plot_with_words(g, &plot, BY_LABELS, words, rnn_plot_draw, f, err);
    rnn_release_words(words, t->rows);
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
    return plot_with(g, &plot, "taken out", ablated, rnn_draw_by_condition, f, err);
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

/* Where a row's singular values come from, and by what its networks were aligned: means over both would mix unlike matrices. */
static const char *shared_source(const struct rnn_gathered *g, const struct rnn_gtable *t, size_t row, char buf[80])
{
    const struct rnn_gcol *source = rnn_gtable_col(t, "source"), *align = rnn_gtable_col(t, "align");
    (void)g;
    if (!source || !source->is_text) return "";
    if (!align || !align->is_text || strcmp(source->s[row], "aligned-mean")) return source->s[row];
    snprintf(buf, 80, "mean, aligned by %.40s", align->s[row]);
    return buf;
}

int rnn_draw_shared(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err)
{
    const struct rnn_plot plot = {.name = "shared-spectrum", .title = "Singular values of what networks share", .table = "shared_spectrum", .x = "mode", .y = "value",
                                  .group = "matrix", .log_x = true, .ylabel = "singular value"};
    return plot_with(g, &plot, "matrix", shared_source, rnn_draw_by_condition, f, err);
}

int rnn_draw_dimension(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err)
{
    const struct rnn_plot plot = {.name = "dimension", .title = "Dimensions that hold most of the sum of squares (D90)", .table = "geometry", .x = "step", .y = "value",
                                  .group = "states", .filter = "measure=dims", .ylabel = "dimensions"};
    return plot_with(g, &plot, "states", which_states, rnn_draw_by_condition, f, err);
}

int rnn_draw_separability(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err)
{
    const struct rnn_plot plot = {.name = "separability", .title = "Share of variance between groups", .table = "geometry", .x = "step", .y = "value", .group = "by",
                                  .filter = "measure=eta2", .ylabel = "eta squared"};
    return rnn_draw_by_condition(&plot, g, f, err);
}

/* Mechanism of the network of a row, from table phase; "" when it is not known. */
static const char *mechanism(const struct rnn_gathered *g, const struct rnn_gtable *t, size_t row, char buf[80])
{
    const struct rnn_gtable *p = rnn_gathered_table(g, "phase");
    const struct rnn_gcol *name = rnn_gtable_col(p, "mechanism"), *their = rnn_gtable_col(p, "net"), *mine = rnn_gtable_col(t, "net");
    const char *found = "";
    (void)buf;
    if (!name || !name->is_text || !their || !mine || !mine->is_text || !their->is_text) return "";
    for (size_t i = 0; i < p->rows; i++) {
        if (p->home[i] != t->home[row] || strcmp(their->s[i], mine->s[row])) continue;
        if (p->segment[i] == t->segment[row]) return name->s[i];
        if (!*found) found = name->s[i]; /* the phase of this network was asked for in another run */
    }
    return found;
}

int rnn_draw_loss_by_class(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err)
{
    const struct rnn_plot plot = {.name = "loss-by-class", .title = "Loss while learning, by the mechanism that a network ends with", .table = "learning", .x = "update", .y = "loss",
                                  .group = "mechanism", .log_y = true, .held = true};
    return plot_with(g, &plot, "mechanism", mechanism, rnn_draw_by_condition, f, err);
}

/* Of one condition every variable, a panel for each way to make the basis; of several their means over variables, a panel for each. */
int rnn_draw_decoding(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err)
{
    struct rnn_plot plot = {.name = "decoding", .title = "Contents read out of the state", .table = "decode", .x = "offset", .y = "decode_accuracy", .group = "variable",
                            .facet = "variant", .ylabel = "share right", .xlabel = "steps since the last input"};
    const struct rnn_gtable *t = rnn_gathered_table(g, plot.table);
    char **words = NULL;
    size_t n = 0;
    RNN_TRY(conditions_of(&plot, t, MOST_PANELS, false, &words, &n, err));
    rnn_release_words(words, t->rows);
    if (n > 1) plot.group = "variant", plot.facet = NULL, plot.title = "Contents read out of the state, by how the basis is made (means over variables)";
    return rnn_draw_by_condition(&plot, g, f, err);
}

/* ---- ultrametric content ---- */

static const char *looked_through(const struct rnn_gathered *g, const struct rnn_gtable *t, size_t row, char buf[80])
{
    const struct rnn_gcol *item = rnn_gtable_col(t, "item");
    (void)g;
    if (!item || item->is_text || isnan(item->v[row])) return "";
    if (item->v[row] == 0) return "whole space";
    snprintf(buf, 80, "%g modes", item->v[row]);
    return buf;
}

/* Of distances through so many leading modes, and what Gaussian points of the same dimension give. */
int rnn_draw_ultrametric(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err)
{
    const struct rnn_plot plot = {.name = "ultrametric", .title = "Ultrametric content of distances between states, through the leading modes (dashed: Gaussian points)", .table = "geometry",
                                  .x = "step", .y = "value", .group = "seen through", .facet = "condition", .filter = "measure=ultrametric", .reference = "reference",
                                  .ylabel = "ultrametric content"};
    return plot_with(g, &plot, "seen through", looked_through, rnn_draw_by_condition, f, err);
}

/* ---- fractions against the delay ---- */

/* Over the delay where there is one, else over the first label that varies; a panel for each learning rate, where several are. */
int rnn_draw_fractions(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err)
{
    static const char *const delays[] = {"delay_ms", "delay-ms", "delay"};
    const struct rnn_gtable *t = rnn_gathered_table(g, "phase");
    const struct rnn_gcol *x = NULL, *rate = rnn_gtable_col(t, "learning_rate");
    bool *keep = NULL;
    size_t *value = NULL, n = 0, rates = 0;
    int rc = all_rows(t, &keep, err);
    for (size_t k = 0; k < RNN_LEN(delays) && !x; k++) x = rnn_gtable_col(t, delays[k]);
    for (size_t c = 0; rc >= 0 && c < t->n_cols && !x; c++) {
        const struct rnn_gcol *col = &t->col[c];
        if (!col->is_label || col->is_text || col == rate || strstr(col->name, "seed")) continue;
        rc = rnn_distinct(col, t->rows, keep, &value, &n, err);
        free(value);
        if (n > 1) x = col;
    }
    if (rc >= 0 && rate && !rate->is_text) {
        rc = rnn_distinct(rate, t->rows, keep, &value, &rates, err);
        free(value);
    }
    free(keep);
    RNN_TRY(rc);
    if (!x) return rnn_fail(err, RNN_ERR_ARG, "figure fractions: no delay and no other label of table phase varies: cat streams of networks trained on different delays");
    char *xlabel = rnn_axis_name(x), *title = rnn_asprintf("Mechanisms against the %s (Wilson 95 %% interval)", strncmp(x->name, "delay", 5) ? x->name : "delay");
    const struct rnn_plot plot = {.name = "fractions", .title = title, .table = "phase", .x = x->name, .y = "mechanism", .xlabel = xlabel, .facet = rates > 1 ? "learning_rate" : NULL,
                                  .style = RNN_PLOT_SHARES};
    rc = title && xlabel ? rnn_draw_by_condition(&plot, g, f, err) : memory(err);
    free(title);
    free(xlabel);
    return rc;
}

/* ---- transfer ---- */

/* Row `row` in the panel of what was loaded: "from scratch", "class", "class, frozen i2h". */
static const char *recipient(const struct rnn_gtable *t, size_t row, char buf[300])
{
    const struct rnn_gcol *donor = rnn_gtable_col(t, "donor"), *control = rnn_gtable_col(t, "control"), *frozen = rnn_gtable_col(t, "frozen");
    const char *from = donor->s[row], *how = control ? control->s[row] : "";
    if (!*from && !*how) from = "from scratch";
    else if (!*from) from = how;
    if (frozen && *frozen->s[row]) snprintf(buf, 120, "%.60s, frozen %.40s", from, frozen->s[row]);
    else snprintf(buf, 120, "%.100s", from);
    return buf;
}

/* The same colour for the same label in all panels: its number among those met so far. */
static int color_by_label(struct rnn_panel *p, char ***labels, size_t *n, size_t *cap, struct rnn_err *err)
{
    for (size_t i = 0; i < p->n; i++) {
        struct rnn_layer *l = &p->layer[i];
        size_t k = 0;
        if (!l->label) continue;
        while (k < *n && strcmp((*labels)[k], l->label)) k++;
        if (k == *n) {
            RNN_TRY(rnn_grow(labels, cap, *n + 1, sizeof **labels, err));
            if (!((*labels)[*n] = rnn_strdup(l->label))) return memory(err);
            (*n)++;
        }
        l->color = (int)k;
        l->dash = l->kind == RNN_LAYER_LINES ? (int)k : (int)k / 8;
    }
    return RNN_OK;
}

/* One panel of recipients: its curves, for which plot_with_words draws a figure of their own, move over. */
static int add_recipients(const struct rnn_gathered *g, const struct rnn_plot *plot, char **words, const char *title, struct rnn_figure *f, struct rnn_err *err)
{
    struct rnn_figure one;
    rnn_figure_init(&one, "transfer");
    int rc = plot_with_words(g, plot, "recipient", words, rnn_plot_draw, &one, err);
    struct rnn_panel *p = rc >= 0 && one.n ? rnn_figure_panel(f, title, "", "") : NULL;
    if (p) {
        char *mine = p->title;
        free(p->xlabel);
        free(p->ylabel);
        free(one.panel[0].title);
        *p = one.panel[0];
        p->title = mine;
        one.n = 0;
    }
    rnn_figure_release(&one);
    return rc >= 0 && !p ? memory(err) : rc;
}

/* A panel for each condition, if labels tell some apart, and choice of blocks that recipients are given; those from scratch stand in each. */
int rnn_draw_transfer(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err)
{
    const struct rnn_gtable *t = rnn_gathered_table(g, "transfer");
    const struct rnn_gcol *blocks = rnn_gtable_col(t, "blocks"), *donor = rnn_gtable_col(t, "donor"), *control = rnn_gtable_col(t, "control"), *frozen = rnn_gtable_col(t, "frozen");
    const struct rnn_gcol *const texts[] = {blocks, donor, control, frozen};
    for (size_t i = 0; i < RNN_LEN(texts); i++)
        if (i < 2 ? !texts[i] || !texts[i]->is_text : texts[i] && !texts[i]->is_text) return rnn_fail(err, RNN_ERR_FORMAT, "table transfer lacks texts blocks and donor");
    const struct rnn_gcol *accuracy = rnn_gtable_col(t, "accuracy");
    bool scored = false; /* tasks that cannot be scored have a loss */
    for (size_t i = 0; accuracy && !accuracy->is_text && i < t->rows; i++) scored |= !isnan(accuracy->v[i]);
    const struct rnn_plot plot = {.name = "transfer", .table = "transfer", .x = "epoch", .y = scored ? "accuracy" : "loss", .group = "recipient",
                                  .ylabel = scored ? "accuracy on test trials" : "loss on test trials", .log_y = !scored, .no_band = true};
    bool *keep = NULL;
    size_t *panel = NULL, n = 0, n_labels = 0, cap = 0, conditions = 0;
    char **words = NULL, **labels = NULL, **condition = NULL, buf[300];
    int rc = all_rows(t, &keep, err);
    if (rc >= 0) rc = rnn_distinct(blocks, t->rows, keep, &panel, &n, err);
    if (rc >= 0) rc = rnn_alloc_into(&words, t->rows + 1, sizeof *words, err);
    if (rc >= 0) rc = rnn_condition_words(t, keep, (const char *const[]){"donor", "condition", "transfer"}, 3, MOST_PANELS / (n ? n : 1), false, &condition, &conditions, err);
    for (size_t first = 0; rc >= 0 && first < t->rows; first++) {
        bool known = false, has = false;
        for (size_t i = 0; i < first && !known; i++) known = !strcmp(condition[i], condition[first]);
        for (size_t k = 0; rc >= 0 && !known && k < (n ? n : 1); k++, has = false) {
            for (size_t i = 0; rc >= 0 && i < t->rows; i++) { /* rows of other panels have no recipient, and are not drawn */
                const bool here = !strcmp(condition[i], condition[first]) && (!*blocks->s[i] || (n && !strcmp(blocks->s[i], blocks->s[panel[k]])));
                has |= here && (*blocks->s[i] || !n);
                free(words[i]);
                if (!(words[i] = rnn_strdup(here ? recipient(t, i, buf) : ""))) rc = memory(err);
            }
            snprintf(buf, sizeof buf, "%.150s%sgiven %.100s", conditions > 1 ? condition[first] : "", conditions > 1 ? ", " : "", n ? blocks->s[panel[k]] : "nothing");
            if (rc >= 0 && has) rc = add_recipients(g, &plot, words, buf, f, err);
            if (rc >= 0 && has) rc = color_by_label(&f->panel[f->n - 1], &labels, &n_labels, &cap, err);
        }
    }
    rnn_release_words(condition, t->rows);
    rnn_release_words(labels, n_labels);
    f->columns = f->n <= 1 ? 1 : f->n <= 4 ? 2 : 3;
    f->same_y = true;
    rnn_figure_title(f, "Learning of recipients, by the weights they were given (means of networks)");
    if (rc >= 0) caption(f, g, t, keep);
    free(keep);
    free(panel);
    rnn_release_words(words, t->rows);
    return rc;
}
