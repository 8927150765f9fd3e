/* The gnuplot script of a figure.  Every margin is computed here, in pixels at 96 per inch, from the words that must fit: gnuplot's own
 * guesses let long tics push a label over the edge.  So are ranges and tics. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "report/figure.h"

/* Okabe and Ito's, darkest contrast first, with purple and brown for their yellow and black; grey and black stand beside them. */
static const char *const COLORS[] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F3C8D", "#8C6D31"};
static const int POINTS[] = {7, 5, 9, 13, 11, 6, 4, 8};

/* Pixels.  LETTER is what gnuplot reckons for one of its 12 pixel font, TEXT what a wide font needs on average. */
static const double LETTER = 8.4, TEXT = 7.3, LINE = 18, AXIS_BELOW = 60, EDGE = 10;

enum { MOST_TICS = 64 };
struct axis {
    double lo, hi;
    double at[MOST_TICS];
    char word[MOST_TICS][16];
    size_t n, letters; /* tics with words, letters of the longest */
    size_t every;      /* of names of categories, only so many have room: the first of each so many */
    double minor[MOST_TICS];
    size_t n_minor;
};

struct keyed { const struct rnn_layer **v; size_t n, cap; }; /* what a key explains, each label once */

struct layout {
    size_t rows, cols;
    double w, h, area_w, area_h;            /* the picture; the area of data of a panel */
    double left, right, top, bottom, gap_x, gap_y;
    char *title, *caption, **panel_title;   /* in lines */
    struct axis *axis;                      /* [panel][x y colour] */
    bool shared;                            /* one key serves all panels */
    struct keyed key;                       /* when shared */
};

/* ---- ranges and tics ---- */

/* Distance of neighbours on a grid of cells. */
static double pitch_of(const struct rnn_layer *l, size_t c)
{
    double least = INFINITY;
    for (size_t i = 1; i < l->n; i++) {
        const double d = fabs(l->data[i * l->cols + c] - l->data[(i - 1) * l->cols + c]);
        if (d > 0) least = fmin(least, d);
    }
    return isfinite(least) ? least : 1;
}

static void reach(double v, bool log, double *lo, double *hi)
{
    if (!isfinite(v) || (log && v <= 0)) return;
    *lo = fmin(*lo, v), *hi = fmax(*hi, v);
}

/* Extends lo, hi by what layer l has along axis c (0: x, 1: y, 2: colour). */
static void reach_layer(const struct rnn_layer *l, size_t c, bool log, double *lo, double *hi)
{
    const bool cells = l->kind == RNN_LAYER_IMAGE || l->kind == RNN_LAYER_RGB;
    const double half = cells && c < 2 ? pitch_of(l, c) / 2 : 0;
    if (c == 2 && l->kind != RNN_LAYER_IMAGE && l->kind != RNN_LAYER_COLORED) return;
    for (size_t i = 0; i < l->n; i++) {
        const double *v = l->data + i * l->cols;
        reach(v[c] - half, log, lo, hi);
        reach(v[c] + half, log, lo, hi);
        if (c == 1 && (l->kind == RNN_LAYER_BAND || l->kind == RNN_LAYER_ERRORBARS)) reach(v[2], log, lo, hi);
        if (c == 1 && l->kind == RNN_LAYER_ERRORBARS) reach(v[3], log, lo, hi);
        if (c == 1 && l->kind == RNN_LAYER_BARS) reach(0, log, lo, hi);
        if (l->kind == RNN_LAYER_SEGMENTS) reach(v[c + 2], log, lo, hi);
        if (l->kind == RNN_LAYER_ARROWS) reach(v[c] + v[c + 2], log, lo, hi);
    }
}

static bool has_kind(const struct rnn_panel *p, unsigned kinds)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->layer[i].n && kinds & 1u << p->layer[i].kind) return true;
    return false;
}

enum { IMAGES = 1u << RNN_LAYER_IMAGE | 1u << RNN_LAYER_RGB, COLORED = 1u << RNN_LAYER_IMAGE | 1u << RNN_LAYER_COLORED,
       MARKS = 1u << RNN_LAYER_POINTS | 1u << RNN_LAYER_COLORED | 1u << RNN_LAYER_ERRORBARS | 1u << RNN_LAYER_ARROWS };

/* Where the data lie, with room so that no mark is cut; what begins near 0 begins at 0. */
static void range_of(const struct rnn_figure *f, const struct rnn_panel *p, size_t c, bool log, double *lo, double *hi)
{
    *lo = INFINITY, *hi = -INFINITY;
    for (size_t k = 0; k < f->n; k++)
        for (size_t i = 0; i < f->panel[k].n && (p == &f->panel[k] || (c == 0 && f->same_x) || (c == 1 && f->same_y)); i++) reach_layer(&f->panel[k].layer[i], c, log, lo, hi);
    if (!(*lo <= *hi)) {
        *lo = log ? 0.1 : 0, *hi = 1;
        return;
    }
    if (*hi - *lo < 1e-9 * fmax(fabs(*lo), fabs(*hi))) *lo = *hi = (*lo + *hi) / 2; /* equal but for rounding */
    const double room = c == 2 || has_kind(p, IMAGES) ? 0 : c == 1 ? 0.05 : has_kind(p, MARKS) ? 0.03 : 0;
    if (log) {
        const double factor = *hi > 1.02 * *lo ? pow(*hi / *lo, room) : 1.1;
        *lo /= factor, *hi *= factor;
        return;
    }
    const bool positive = *lo >= 0;
    const double more = *hi > *lo ? room * (*hi - *lo) : *hi != 0 ? 0.1 * fabs(*hi) : 1;
    const bool from_zero = c == 1 && room > 0 && positive && *lo <= 0.25 * *hi;
    *lo = from_zero || (positive && *lo < more) ? 0 : *lo - more;
    *hi += more;
}

/* Only whole numbers along axis c: centres of cells, or their edges. */
static bool is_whole(const struct rnn_panel *p, size_t c)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct rnn_layer *l = &p->layer[i];
        const double half = l->n && l->kind == RNN_LAYER_IMAGE && l->data[c] != rint(l->data[c]) ? pitch_of(l, c) / 2 : 0;
        for (size_t k = 0; k < l->n && l->kind != RNN_LAYER_TEXT; k++) {
            const double v = l->data[k * l->cols + c] - half;
            if (isfinite(v) && v != rint(v)) return false;
        }
    }
    return true;
}

static double nice_above(double x)
{
    const double power = pow(10, floor(log10(x))), m = x / power;
    return (m <= 1 + 1e-9 ? 1 : m <= 2 + 1e-9 ? 2 : m <= 5 + 1e-9 ? 5 : 10) * power;
}

static void add_tic(struct axis *a, double v)
{
    if (a->n == MOST_TICS) return;
    a->at[a->n] = v;
    snprintf(a->word[a->n], sizeof a->word[0], "%g", v);
    if (strlen(a->word[a->n]) > a->letters) a->letters = strlen(a->word[a->n]);
    a->n++;
}

/* Tics at multiples of 1, 2 or 5 times a power of ten, as many as `pixels` have room for. */
static void linear_tics(struct axis *a, bool whole, bool upright, double pixels)
{
    for (size_t most = upright ? (size_t)fmax(2, fmin(8, pixels / 28)) : 10; most >= 1; most--) {
        double step = nice_above((a->hi - a->lo) / (double)most);
        if (whole && step < 1) step = 1;
        const double slack = 1e-9 * (a->hi - a->lo);
        a->n = a->letters = 0;
        const double from = ceil((a->lo - slack) / step);
        for (int k = 0; k < MOST_TICS && (from + k) * step <= a->hi + slack; k++) add_tic(a, (from + k) * step + 0.0);
        if (upright || (double)a->n * ((double)a->letters * TEXT + 12) <= pixels) return;
    }
}

/* Decades, or 1, 2, 5 within few of them; unnamed tics at the rest. */
static void log_tics(struct axis *a, bool whole, bool upright, double pixels)
{
    const double decades = log10(a->hi / a->lo), fits = upright ? pixels / 24 : pixels / (6 * TEXT + 12);
    if (decades < 0.7) {
        linear_tics(a, whole, upright, pixels);
        return;
    }
    const bool between = decades * 3 <= fmin(fits, 9);
    const long every = (long)fmax(1, ceil(decades / fits));
    for (long e = (long)floor(log10(a->lo)); pow(10, (double)e) <= a->hi; e++)
        for (int m = 1; m < 10; m++) {
            const double v = m * pow(10, (double)e);
            if (v < a->lo * (1 - 1e-9) || v > a->hi * (1 + 1e-9)) continue;
            if ((m == 1 && e % every == 0) || (between && (m == 2 || m == 5))) add_tic(a, v);
            else if (decades <= 6 && a->n_minor < MOST_TICS) a->minor[a->n_minor++] = v;
        }
}

static void measure_axis(const struct rnn_figure *f, const struct rnn_panel *p, size_t c, double pixels, struct axis *a)
{
    const bool log = c == 0 ? p->log_x : c == 1 && p->log_y;
    const double lo = c == 0 ? p->x_min : c == 1 ? p->y_min : p->c_min, hi = c == 0 ? p->x_max : c == 1 ? p->y_max : p->c_max;
    char **names = c == 0 ? p->xtic : c == 1 ? p->ytic : NULL;
    range_of(f, p, c, log, &a->lo, &a->hi);
    if (!isnan(lo)) a->lo = lo;
    if (!isnan(hi)) a->hi = hi;
    if (!(a->hi > a->lo)) a->hi = a->lo + 1;
    size_t n = 0;
    for (; names && names[n]; n++)
        if (strlen(names[n]) > a->letters) a->letters = strlen(names[n]);
    const double fits = c || p->xtic_rotate ? pixels / 16 : INFINITY; /* upright ones were turned where they did not fit */
    a->every = n > fits ? (size_t)ceil((double)n / fits) : 1;
    if (names) return;
    /* a single value that is whole by chance still wants a scale; cells are counted */
    const bool whole = c < 2 && is_whole(p, c) && (a->hi - a->lo > 1.5 || !isnan(lo));
    if (log) log_tics(a, whole, c > 0, pixels);
    else linear_tics(a, whole, c > 0, pixels);
}

/* ---- keys ---- */

static bool same_look(const struct rnn_layer *a, const struct rnn_layer *b)
{
    return a->kind == b->kind && a->color == b->color && a->dash == b->dash && a->point == b->point;
}

/* Adds what p's key explains; false when a label stands for something else already. */
static bool collect_key(const struct rnn_panel *p, struct keyed *k)
{
    struct rnn_err err;
    for (size_t i = 0; i < p->n && !p->no_key; i++) {
        const struct rnn_layer *l = &p->layer[i];
        size_t at = 0;
        if (!l->label || !*l->label || !l->n) continue;
        while (at < k->n && strcmp(k->v[at]->label, l->label)) at++;
        if (at < k->n && !same_look(k->v[at], l)) return false;
        if (at < k->n) continue;
        if (rnn_grow(&k->v, &k->cap, k->n + 1, sizeof *k->v, &err) < 0) return false;
        k->v[k->n++] = l;
    }
    return true;
}

/* room: the height of one panel; gnuplot begins a new column rather than go below the panel that it belongs to. */
static size_t key_columns(const struct keyed *k, double room)
{
    const size_t rows = (size_t)fmax(1, room / LINE);
    return (k->n + rows - 1) / rows;
}

static double key_width(const struct keyed *k, double room)
{
    size_t letters = 0;
    for (size_t i = 0; i < k->n; i++) letters = strlen(k->v[i]->label) > letters ? strlen(k->v[i]->label) : letters;
    if (!k->n) return 0;
    const size_t cols = key_columns(k, room);
    return 16 + (double)cols * (38 + (cols > 1 ? LETTER : TEXT) * (double)letters);
}

/* ---- layout ---- */

/* Breaks words into lines of at most n letters (malloc'd). */
static char *wrap(const char *words, double n)
{
    char *text = rnn_strdup(words ? words : ""), *space = NULL, *start = text;
    for (char *c = text; c && *c; c++) {
        if (*c == ' ') space = c;
        if (*c == '\n') start = c + 1, space = NULL;
        if ((double)(c - start) < n || !space) continue;
        *space = '\n';
        start = space + 1;
        space = NULL;
    }
    return text;
}

static double lines_of(const char *s)
{
    double n = s && *s ? 1 : 0;
    for (; s && *s; s++) n += *s == '\n';
    return n;
}

/* Rows and columns of panels. */
static void grid_of(const struct rnn_figure *f, struct layout *y)
{
    y->cols = f->columns ? f->columns : (size_t)ceil(sqrt((double)f->n));
    if (y->cols > f->n) y->cols = f->n;
    if (!y->cols) y->cols = 1;
    y->rows = (f->n + y->cols - 1) / y->cols;
    if (!y->rows) y->rows = 1;
}

/* What a panel needs left and right of its data, but for the key, and below them. */
static void room_of(const struct rnn_panel *p, const struct axis *a, double *left, double *right, double *below)
{
    const bool turned = p->xtic && p->xtic_rotate;
    *left = fmax(*left, EDGE + 12 + LETTER * (double)a[1].letters + (*p->ylabel ? 20 : 0));
    if (turned) *left = fmax(*left, 5.6 * (double)a[0].letters); /* the first name ends at the first tic */
    if (turned) *below = fmax(*below, 4.8 * (double)a[0].letters);
    *right = fmax(*right, has_kind(p, COLORED) ? 36 + LETTER * (double)a[2].letters + (p->cblabel ? 20 : 0) : TEXT * 1.5);
}

static int measure(const struct rnn_figure *f, struct layout *y, struct rnn_err *err)
{
    double inner = 0, below = 0, key = 0, titles = 0;
    *y = (struct layout){.area_w = (f->width > 0 ? f->width : 480) - 100, .area_h = (f->height > 0 ? f->height : 340) - 110};
    grid_of(f, y);
    RNN_TRY(rnn_alloc_into(&y->axis, 3 * f->n + 1, sizeof *y->axis, err));
    RNN_TRY(rnn_alloc_into(&y->panel_title, f->n + 1, sizeof *y->panel_title, err));
    y->shared = !f->own_keys;
    for (size_t i = 0; i < f->n; i++) {
        const struct rnn_panel *p = &f->panel[i];
        for (size_t c = 0; c < 3; c++) measure_axis(f, p, c, c ? y->area_h : y->area_w, &y->axis[3 * i + c]);
        room_of(p, &y->axis[3 * i], &y->left, &inner, &below);
        if (!(y->panel_title[i] = wrap(p->title, y->area_w / TEXT))) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
        titles = fmax(titles, lines_of(y->panel_title[i]));
        y->shared = y->shared && collect_key(p, &y->key);
    }
    y->gap_y = AXIS_BELOW + below + titles * 16 + 24;
    for (size_t i = 0; i < f->n && !y->shared; i++) {
        struct keyed own = {0};
        collect_key(&f->panel[i], &own);
        key = fmax(key, key_width(&own, y->area_h));
        free(own.v);
    }
    if (y->shared) key = key_width(&y->key, y->area_h);
    y->right = inner + key + EDGE;
    y->gap_x = y->left + inner + (y->shared ? 0 : key);
    y->w = y->left + (double)y->cols * y->area_w + (double)(y->cols - 1) * y->gap_x + y->right;
    y->title = wrap(f->title ? f->title : f->name, (y->w - 20) / 8.2);
    y->caption = wrap(f->caption, (y->w - 20) / 6);
    if (!y->title || !y->caption) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    y->top = 14 + 20 * lines_of(y->title) + (titles > 0 ? 14 + titles * 16 : 0);
    y->bottom = AXIS_BELOW + below + 12 + 13.5 * lines_of(y->caption);
    y->h = y->top + (double)y->rows * y->area_h + (double)(y->rows - 1) * y->gap_y + y->bottom;
    return RNN_OK;
}

static void release_layout(const struct rnn_figure *f, struct layout *y)
{
    for (size_t i = 0; y->panel_title && i < f->n; i++) free(y->panel_title[i]);
    free(y->panel_title);
    free(y->axis);
    free(y->key.v);
    free(y->title);
    free(y->caption);
}

/* ---- the script ---- */

/* A gnuplot string.  Double quotes run `commands` and single quotes may not begin with a quote, so everything that could mean
 * something goes as octal. */
static void put_text(FILE *out, const char *s)
{
    putc('"', out);
    for (; s && *s; s++) {
        const unsigned char c = (unsigned char)*s;
        if (c == '\n') fputs("\\n", out);
        else if (c < ' ') putc(' ', out);
        else if (strchr("\"'`\\$@", c)) fprintf(out, "\\%03o", c);
        else putc(c, out);
    }
    putc('"', out);
}

static void put_block(FILE *out, const struct rnn_layer *l, size_t panel, size_t index)
{
    fprintf(out, "$d%zu_%zu << EOD\n", panel, index);
    for (size_t i = 0; i < l->n; i++) {
        for (size_t c = 0; c < l->cols; c++) {
            const double v = l->data[i * l->cols + c];
            if (isfinite(v)) fprintf(out, c ? " %.9g" : "%.9g", v);
            else fputs(c ? " NaN" : "NaN", out);
        }
        if (l->words) {
            fputs(" \"", out);
            for (const char *s = l->words[i]; *s; s++)
                if (*s != '"' && *s != '\\') putc(*s, out);
            putc('"', out);
        }
        putc('\n', out);
    }
    fputs("EOD\n", out);
}

/* As many cells are drawn one by one, sharp at any size.  More are a raster: similarities of 18 panels were 64,000 polygons of 7 MB. */
enum { MOST_CELLS = 400 };

/* gnuplot's images have no holes, and two cells or more along either axis. */
static bool fits_image(const struct rnn_layer *l)
{
    bool wide = false, high = false;
    for (size_t i = 0; i < l->n; i++) {
        const double *v = l->data + i * l->cols;
        if (!isfinite(v[2])) return false;
        wide |= v[0] != l->data[0], high |= v[1] != l->data[1];
    }
    return wide && high;
}

static const char *color_of(int color)
{
    return color == -2 ? "#000000" : color < 0 ? "#777777" : COLORS[color % (int)RNN_LEN(COLORS)];
}

static int point_of(const struct rnn_layer *l)
{
    return l->point ? l->point : l->color >= 0 ? POINTS[l->color % (int)RNN_LEN(POINTS)] : 7;
}

static double size_of(const struct rnn_layer *l, double usual)
{
    return l->width > 0 ? l->width : usual;
}

/* One element of a plot command. */
static void put_layer(FILE *out, const struct rnn_layer *l, size_t panel, size_t index)
{
    const char *c = color_of(l->color);
    const double w = size_of(l, 1.6), size = size_of(l, 0.7);
    const int point = point_of(l), dash = l->dash % 5 + 1;
    fprintf(out, "$d%zu_%zu ", panel, index);
    switch (l->kind) {
    case RNN_LAYER_LINES: fprintf(out, "using 1:2 with lines lw %g dt %d lc rgb '%s'", w, dash, c); break;
    case RNN_LAYER_STEPS: fprintf(out, "using 1:2 with steps lw %g dt %d lc rgb '%s'", w, dash, c); break;
    case RNN_LAYER_POINTS: fprintf(out, "using 1:2 with points pt %d ps %g lc rgb '%s'", point, size, c); break;
    case RNN_LAYER_LINEPOINTS: fprintf(out, "using 1:2 with linespoints lw 1.6 dt %d pt %d ps %g lc rgb '%s'", dash, point, size, c); break;
    case RNN_LAYER_BAND: fprintf(out, "using 1:2:3 with filledcurves fs transparent solid 0.22 noborder lc rgb '%s'", c); break;
    case RNN_LAYER_ERRORBARS: fprintf(out, "using 1:2:3:4 with yerrorbars pt %d ps %g lw 1.2 lc rgb '%s'", point, size, c); break;
    case RNN_LAYER_BARS: fprintf(out, "using 1:2 with boxes fs solid 0.75 border lc rgb '%s'", c); break;
    case RNN_LAYER_IMAGE: {
        const double x = pitch_of(l, 0) / 2, y = pitch_of(l, 1) / 2;
        if (fits_image(l)) fprintf(out, "using 1:2:3 with image%s", l->n > MOST_CELLS ? "" : " pixels");
        else fprintf(out, "using 1:2:($1-%.9g):($1+%.9g):($2-%.9g):($2+%.9g):3 with boxxyerror fs solid 1 noborder lc palette", x, x, y, y);
        break;
    }
    case RNN_LAYER_COLORED: fprintf(out, "using 1:2:3 with points pt 7 ps %g palette", size); break;
    case RNN_LAYER_RGB: fputs("using 1:2:3:4:5 with rgbimage pixels", out); break;
    case RNN_LAYER_ARROWS: fprintf(out, "using 1:2:3:4 with vectors head size screen 0.006,20 filled lw 0.9 lc rgb '%s'", c); break;
    case RNN_LAYER_SEGMENTS: fprintf(out, "using 1:2:($3-$1):($4-$2) with vectors nohead lw %g dt %d lc rgb '%s'", w, dash, c); break;
    case RNN_LAYER_TEXT: fprintf(out, "using 1:2:3 with labels %s font ',9' tc rgb '%s'", l->align > 0 ? "left" : l->align < 0 ? "right" : "center", c); break;
    }
    fputs(" notitle", out);
}

/* Keys are drawn by themselves, so that they also explain what only other panels have. */
static void put_key(FILE *out, const struct keyed *k)
{
    for (size_t i = 0; i < k->n; i++) {
        const struct rnn_layer *l = k->v[i];
        const char *c = color_of(l->color);
        const int dash = l->dash % 5 + 1;
        fputs(", \\\n     NaN ", out);
        switch (l->kind) {
        case RNN_LAYER_POINTS: case RNN_LAYER_ERRORBARS: fprintf(out, "with points pt %d ps %g lc rgb '%s'", point_of(l), size_of(l, 0.7), c); break;
        case RNN_LAYER_LINEPOINTS: fprintf(out, "with linespoints lw 1.6 dt %d pt %d ps %g lc rgb '%s'", dash, point_of(l), size_of(l, 0.7), c); break;
        case RNN_LAYER_BARS: case RNN_LAYER_BAND: fprintf(out, "with boxes fs solid 0.75 border lc rgb '%s'", c); break;
        default: fprintf(out, "with lines lw %g dt %d lc rgb '%s'", size_of(l, 1.6), dash, c);
        }
        fputs(" title ", out), put_text(out, l->label);
    }
}

static void put_tics(FILE *out, const char *name, const struct axis *a, char **names, bool rotate)
{
    if (names && !names[0]) {
        fprintf(out, "unset %stics\n", name);
        return;
    }
    fprintf(out, "set %stics %s(", name, rotate ? "rotate by 40 right " : *name == 'x' ? "norotate autojustify " : "norotate ");
    for (size_t i = 0; names && names[i]; i++) {
        if (i % a->every) continue;
        if (i) putc(',', out);
        put_text(out, names[i]);
        fprintf(out, " %zu", i);
    }
    for (size_t i = 0; !names && i < a->n; i++) fprintf(out, "%s\"%s\" %.9g", i ? "," : "", a->word[i], a->at[i]);
    for (size_t i = 0; !names && i < a->n_minor; i++) fprintf(out, "%s\"\" %.9g 1", i || a->n ? "," : "", a->minor[i]);
    fputs(")\n", out);
}

static const char *palette_of(enum rnn_palette p)
{
    if (p == RNN_PALETTE_DIVERGING) return "set palette defined (-1 '#2166AC', -0.5 '#92C5DE', 0 '#F7F7F7', 0.5 '#F4A582', 1 '#B2182B')\n";
    if (p == RNN_PALETTE_GREY) return "set palette defined (0 '#FFFFFF', 1 '#000000')\n";
    if (p == RNN_PALETTE_SHARE) return "set palette defined (0 '#FFFFFF', 1 '#6BAED6')\n";
    return "set palette defined (0 '#440154', 0.25 '#3B528B', 0.5 '#21918C', 0.75 '#5EC962', 1 '#FDE725')\n";
}

static void put_panel(FILE *out, const struct rnn_figure *f, size_t index, const struct layout *y)
{
    const struct rnn_panel *p = &f->panel[index];
    const struct axis *a = &y->axis[3 * index];
    struct keyed own = {0};
    if (!y->shared) collect_key(p, &own);
    const struct keyed *key = !y->shared ? &own : index + 1 == y->cols ? &y->key : NULL;
    fputs("set title ", out), put_text(out, y->panel_title[index]);
    fputs(" offset 0,-0.3\nset xlabel ", out), put_text(out, p->xlabel);
    fputs("\nset ylabel ", out), put_text(out, p->ylabel);
    fputs("\nset cblabel ", out), put_text(out, p->cblabel ? p->cblabel : "");
    fprintf(out, "\n%sset logscale x\n%sset logscale y\n", p->log_x ? "" : "un", p->log_y ? "" : "un");
    fprintf(out, "set xrange [%.9g:%.9g]\nset yrange [%.9g:%.9g]\n", a[0].lo, a[0].hi, p->flip_y ? a[1].hi : a[1].lo, p->flip_y ? a[1].lo : a[1].hi);
    if (has_kind(p, COLORED)) {
        fprintf(out, "%sset cbrange [%.9g:%.9g]\nset colorbox\n", palette_of(p->palette), a[2].lo, a[2].hi);
        put_tics(out, "cb", &a[2], NULL, false);
    } else {
        fputs("unset colorbox\n", out);
    }
    fputs(p->equal ? "set size ratio -1\n" : "set size noratio\n", out);
    fputs(p->holes ? "set object 1 rectangle from graph 0,0 to graph 1,1 behind fs solid 1 noborder fc rgb '#D9D9D9'\n" : "unset object 1\n", out);
    put_tics(out, "x", &a[0], p->xtic, p->xtic_rotate);
    put_tics(out, "y", &a[1], p->ytic, false);
    if (key && key->n)
        fprintf(out, "set key at graph %.4f,1 left top reverse Left samplen 1.5 spacing 1.05 width 0 maxrows %zu\n", 1 + 12 / y->area_w,
                (key->n + key_columns(key, y->area_h) - 1) / key_columns(key, y->area_h));
    else fputs("unset key\n", out);
    size_t drawn = 0;
    for (size_t i = 0; i < p->n; i++) {
        if (!p->layer[i].n) continue;
        fputs(drawn++ ? ", \\\n     " : "plot ", out);
        put_layer(out, &p->layer[i], index, i);
    }
    if (!drawn) fputs("set label 99 'no data' at graph 0.5,0.5 center\nplot NaN notitle", out);
    if (key) put_key(out, key);
    fputs(drawn ? "\n" : "\nunset label 99\n", out);
    free(own.v);
}

static void put_terminal(const struct rnn_figure *f, enum rnn_figure_format format, const char *output, const struct layout *y, FILE *out)
{
    if (format == RNN_FIGURE_SVG) {
        fprintf(out, "set terminal svg size %.0f,%.0f dynamic font 'Helvetica,12' name '", y->w, y->h);
        for (const char *c = f->name; *c; c++) putc(isalnum((unsigned char)*c) ? *c : '_', out);
        fputs("' background '#ffffff'\n", out);
    }
    if (format == RNN_FIGURE_PDF) fprintf(out, "set terminal pdfcairo size %.3fin,%.3fin font 'Helvetica,12'\n", y->w / 96, y->h / 96);
    if (format == RNN_FIGURE_PNG) fprintf(out, "set terminal pngcairo size %.0f,%.0f font 'Helvetica,12' fontscale 0.75\n", y->w, y->h);
    if (output) fputs("set output ", out), put_text(out, output), putc('\n', out);
    fputs("set encoding utf8\nset datafile missing 'NaN'\nset border 3 lw 1.0 lc rgb '#444444'\nset tics nomirror out scale 0.6\n"
          "set grid lw 0.5 lc rgb '#e6e6e6'\nset termoption noenhanced\nset boxwidth 0.8 relative\n", out);
    fprintf(out, "set multiplot layout %zu,%zu margins %.6f,%.6f,%.6f,%.6f spacing %.6f,%.6f title ", y->rows, y->cols, y->left / y->w,
            1 - y->right / y->w, y->bottom / y->h, 1 - y->top / y->h, y->gap_x / y->w, y->gap_y / y->h);
    put_text(out, y->title);
    fputs(" font ',13'\n", out);
    if (!f->caption) return;
    fputs("set label 98 ", out);
    put_text(out, y->caption);
    fprintf(out, " at screen %.6f,%.6f left font ',9' tc rgb '#555555'\n", EDGE / y->w, (10 + 13.5 * (lines_of(y->caption) - 1)) / y->h);
}

int rnn_figure_script(const struct rnn_figure *f, enum rnn_figure_format format, const char *output, FILE *out, struct rnn_err *err)
{
    struct layout y;
    const int rc = measure(f, &y, err);
    for (size_t i = 0; rc >= 0 && i < f->n; i++)
        for (size_t k = 0; k < f->panel[i].n; k++)
            if (f->panel[i].layer[k].n) put_block(out, &f->panel[i].layer[k], i, k);
    if (rc >= 0) put_terminal(f, format, output, &y, out);
    for (size_t i = 0; rc >= 0 && i < f->n; i++) {
        put_panel(out, f, i, &y);
        fputs("unset label 98\n", out);
    }
    fputs("unset multiplot\n", out);
    release_layout(f, &y);
    RNN_TRY(rc);
    return ferror(out) ? rnn_fail(err, RNN_ERR_IO, "writing a gnuplot script failed") : RNN_OK;
}
