#include "report/figure.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/mem.h"

/* Okabe and Ito's eight, darkest contrast first; grey and black beside them. */
static const char *const COLORS[] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F3C8D", "#8C6D31"};
static const int POINTS[] = {7, 5, 9, 13, 11, 6, 4, 8};
static const size_t COLUMNS[] = {
    [RNN_LAYER_LINES] = 2,     [RNN_LAYER_POINTS] = 2, [RNN_LAYER_LINEPOINTS] = 2, [RNN_LAYER_BAND] = 3, [RNN_LAYER_ERRORBARS] = 4,
    [RNN_LAYER_BARS] = 2,      [RNN_LAYER_IMAGE] = 3,  [RNN_LAYER_COLORED] = 3,    [RNN_LAYER_RGB] = 5,  [RNN_LAYER_ARROWS] = 4,
    [RNN_LAYER_SEGMENTS] = 4,  [RNN_LAYER_TEXT] = 2,   [RNN_LAYER_STEPS] = 2};

void rnn_figure_init(struct rnn_figure *f, const char *name)
{
    *f = (struct rnn_figure){.name = rnn_strdup(name)};
}

static void release_layer(struct rnn_layer *l)
{
    for (size_t i = 0; l->words && i < l->n; i++) free(l->words[i]);
    free(l->words);
    free(l->label);
    free(l->data);
}

static void release_words(char **w)
{
    for (size_t i = 0; w && w[i]; i++) free(w[i]);
    free(w);
}

void rnn_figure_release(struct rnn_figure *f)
{
    for (size_t i = 0; i < f->n; i++) {
        struct rnn_panel *p = &f->panel[i];
        for (size_t k = 0; k < p->n; k++) release_layer(&p->layer[k]);
        free(p->layer);
        free(p->title);
        free(p->xlabel);
        free(p->ylabel);
        free(p->cblabel);
        release_words(p->xtic);
        release_words(p->ytic);
    }
    free(f->panel);
    free(f->name);
    free(f->title);
    free(f->caption);
    memset(f, 0, sizeof *f);
}

static void set_words(char **to, const char *fmt, va_list args)
{
    free(*to);
    if (vasprintf(to, fmt, args) < 0) *to = NULL;
}

void rnn_figure_title(struct rnn_figure *f, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    set_words(&f->title, fmt, args);
    va_end(args);
}

void rnn_figure_caption(struct rnn_figure *f, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    set_words(&f->caption, fmt, args);
    va_end(args);
}

struct rnn_panel *rnn_figure_panel(struct rnn_figure *f, const char *title, const char *xlabel, const char *ylabel)
{
    struct rnn_err err;
    if (rnn_grow(&f->panel, &f->cap, f->n + 1, sizeof *f->panel, &err) < 0) return NULL;
    struct rnn_panel *p = &f->panel[f->n++];
    *p = (struct rnn_panel){.title = rnn_strdup(title ? title : ""), .xlabel = rnn_strdup(xlabel ? xlabel : ""),
                            .ylabel = rnn_strdup(ylabel ? ylabel : ""), .x_min = NAN, .x_max = NAN, .y_min = NAN, .y_max = NAN,
                            .c_min = NAN, .c_max = NAN};
    return p;
}

struct rnn_layer *rnn_panel_layer(struct rnn_panel *p, enum rnn_layer_kind kind, const char *label, int color)
{
    struct rnn_err err;
    if (rnn_grow(&p->layer, &p->cap, p->n + 1, sizeof *p->layer, &err) < 0) return NULL;
    struct rnn_layer *l = &p->layer[p->n++];
    *l = (struct rnn_layer){.kind = kind, .label = label ? rnn_strdup(label) : NULL, .color = color, .cols = COLUMNS[kind]};
    return l;
}

int rnn_layer_add(struct rnn_layer *l, const double *row, struct rnn_err *err)
{
    RNN_TRY(rnn_grow(&l->data, &l->cap, (l->n + 1) * l->cols, sizeof *l->data, err));
    memcpy(l->data + l->n++ * l->cols, row, l->cols * sizeof *row);
    return RNN_OK;
}

int rnn_layer_word(struct rnn_layer *l, double x, double y, const char *word, struct rnn_err *err)
{
    RNN_TRY(rnn_grow(&l->words, &l->cap_words, l->n + 1, sizeof *l->words, err));
    l->words[l->n] = rnn_strdup(word);
    return rnn_layer_add(l, (double[]){x, y}, err);
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

static bool has_holes(const struct rnn_layer *l)
{
    for (size_t i = 0; i < l->n; i++)
        if (!isfinite(l->data[i * l->cols + l->cols - 1])) return true;
    return false;
}

static const char *color_of(int color)
{
    return color == -2 ? "#000000" : color < 0 ? "#888888" : COLORS[color % (int)RNN_LEN(COLORS)];
}

/* One element of a plot command. */
static void put_layer(FILE *out, const struct rnn_layer *l, size_t panel, size_t index)
{
    const char *c = color_of(l->color);
    const double w = l->width > 0 ? l->width : 1.6, size = l->width > 0 ? l->width : 0.7;
    const int point = l->point ? l->point : l->color >= 0 ? POINTS[l->color % (int)RNN_LEN(POINTS)] : 7;
    fprintf(out, "$d%zu_%zu ", panel, index);
    switch (l->kind) {
    case RNN_LAYER_LINES: fprintf(out, "using 1:2 with lines lw %g dt %d lc rgb '%s'", w, l->dash + 1, c); break;
    case RNN_LAYER_STEPS: fprintf(out, "using 1:2 with steps lw %g dt %d lc rgb '%s'", w, l->dash + 1, c); break;
    case RNN_LAYER_POINTS: fprintf(out, "using 1:2 with points pt %d ps %g lc rgb '%s'", point, size, c); break;
    case RNN_LAYER_LINEPOINTS:
        fprintf(out, "using 1:2 with linespoints lw 1.6 dt %d pt %d ps %g lc rgb '%s'", l->dash + 1, point, size, c);
        break;
    case RNN_LAYER_BAND: fprintf(out, "using 1:2:3 with filledcurves fs transparent solid 0.22 noborder lc rgb '%s'", c); break;
    case RNN_LAYER_ERRORBARS: fprintf(out, "using 1:2:3:4 with yerrorbars pt %d ps %g lw 1.2 lc rgb '%s'", point, size, c); break;
    case RNN_LAYER_BARS: fprintf(out, "using 1:2 with boxes fs solid 0.75 border lc rgb '%s'", c); break;
    case RNN_LAYER_IMAGE: /* gnuplot's images cannot have holes */
        if (has_holes(l)) fputs("using 1:2:($1-0.5):($1+0.5):($2-0.5):($2+0.5):3 with boxxyerror fs solid 1 noborder lc palette", out);
        else fputs("using 1:2:3 with image pixels", out);
        break;
    case RNN_LAYER_COLORED: fprintf(out, "using 1:2:3 with points pt 7 ps %g palette", size); break;
    case RNN_LAYER_RGB: fputs("using 1:2:3:4:5 with rgbimage pixels", out); break;
    case RNN_LAYER_ARROWS: fprintf(out, "using 1:2:3:4 with vectors head size screen 0.006,20 filled lw 0.9 lc rgb '%s'", c); break;
    case RNN_LAYER_SEGMENTS: fprintf(out, "using 1:2:($3-$1):($4-$2) with vectors nohead lw %g dt %d lc rgb '%s'", w, l->dash + 1, c); break;
    case RNN_LAYER_TEXT: fprintf(out, "using 1:2:3 with labels font ',9' tc rgb '%s'", c); break;
    }
    if (l->label && *l->label) fputs(" title ", out), put_text(out, l->label);
    else fputs(" notitle", out);
}

static void put_range(FILE *out, const char *axis, double lo, double hi)
{
    fprintf(out, "set %srange [", axis);
    if (!isnan(lo)) fprintf(out, "%.9g", lo);
    else putc('*', out);
    putc(':', out);
    if (!isnan(hi)) fprintf(out, "%.9g", hi);
    else putc('*', out);
    fputs("]\n", out);
}

/* Whether column c of every layer holds small whole numbers only: then tics stand at whole numbers. */
static bool is_whole(const struct rnn_panel *p, size_t c)
{
    double lo = INFINITY, hi = -INFINITY;
    for (size_t i = 0; i < p->n; i++) {
        const struct rnn_layer *l = &p->layer[i];
        for (size_t k = 0; k < l->n; k++) {
            const double v = l->data[k * l->cols + c];
            if (isfinite(v) && v != rint(v)) return false;
            lo = fmin(lo, v), hi = fmax(hi, v);
        }
    }
    return hi - lo <= 12;
}

static void put_tics(FILE *out, const struct rnn_panel *p, size_t c)
{
    const char *axis = c ? "y" : "x";
    char **names = c ? p->ytic : p->xtic;
    const bool rotate = !c && p->xtic_rotate;
    if (!names) {
        fprintf(out, "set %stics %s norotate\n", axis, is_whole(p, c) && !(c ? p->log_y : p->log_x) ? "1" : "auto");
        return;
    }
    fprintf(out, "set %stics %s(", axis, rotate ? "rotate by -40 " : "");
    for (size_t i = 0; names[i]; i++) {
        if (i) putc(',', out);
        put_text(out, names[i]);
        fprintf(out, " %zu", i);
    }
    fputs(")\n", out);
}

static bool has_kind(const struct rnn_panel *p, enum rnn_layer_kind a, enum rnn_layer_kind b)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->layer[i].kind == a || p->layer[i].kind == b) return true;
    return false;
}

static const char *palette_of(enum rnn_palette p)
{
    if (p == RNN_PALETTE_DIVERGING) return "set palette defined (-1 '#2166AC', -0.5 '#92C5DE', 0 '#F7F7F7', 0.5 '#F4A582', 1 '#B2182B')\n";
    if (p == RNN_PALETTE_GREY) return "set palette defined (0 '#FFFFFF', 1 '#000000')\n";
    if (p == RNN_PALETTE_SHARE) return "set palette defined (0 '#FFFFFF', 1 '#6BAED6')\n";
    return "set palette defined (0 '#440154', 0.25 '#3B528B', 0.5 '#21918C', 0.75 '#5EC962', 1 '#FDE725')\n";
}

static size_t keyed(const struct rnn_panel *p)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++) n += p->layer[i].label && *p->layer[i].label;
    return n;
}

static bool key_is_outside(const struct rnn_panel *p)
{
    return !p->no_key && keyed(p) && (p->key_outside || keyed(p) > 0);
}

/* Letters that a panel needs to its right (colour box, key) and below it (turned names). */
static void extra_room(const struct rnn_panel *p, double *right, double *below)
{
    size_t label = 0, name = 0;
    for (size_t i = 0; i < p->n && key_is_outside(p); i++)
        if (p->layer[i].label && strlen(p->layer[i].label) > label) label = strlen(p->layer[i].label);
    for (size_t i = 0; p->xtic && p->xtic_rotate && p->xtic[i]; i++) name = strlen(p->xtic[i]) > name ? strlen(p->xtic[i]) : name;
    const double box = has_kind(p, RNN_LAYER_IMAGE, RNN_LAYER_COLORED) ? 12 : 0, key = label ? 7 + (double)label : 0;
    *right = fmax(*right, box > key ? box : key);
    *below = fmax(*below, 0.42 * (double)name);
}

static void put_panel(FILE *out, const struct rnn_panel *p, size_t index)
{
    const bool colored = has_kind(p, RNN_LAYER_IMAGE, RNN_LAYER_COLORED);
    fputs("set title ", out), put_text(out, p->title);
    fputs("\nset xlabel ", out), put_text(out, p->xlabel);
    fputs("\nset ylabel ", out), put_text(out, p->ylabel);
    fputs("\nset cblabel ", out), put_text(out, p->cblabel ? p->cblabel : "");
    fprintf(out, "\n%sset logscale x\n%sset logscale y\n", p->log_x ? "" : "un", p->log_y ? "" : "un");
    fprintf(out, "set format x '%s'\nset format y '%s'\n", p->log_x ? "%g" : "%g", p->log_y ? "%g" : "%g");
    put_range(out, "x", p->x_min, p->x_max);
    if (p->flip_y && isnan(p->y_min)) fputs("set yrange [*:*] reverse\n", out);
    else put_range(out, "y", p->flip_y ? p->y_max : p->y_min, p->flip_y ? p->y_min : p->y_max), fputs("set yrange [] noreverse\n", out);
    if (colored) fputs(palette_of(p->palette), out), put_range(out, "cb", p->c_min, p->c_max), fputs("set colorbox\n", out);
    else fputs("unset colorbox\n", out);
    fputs(p->equal ? "set size ratio -1\n" : "set size noratio\n", out);
    put_tics(out, p, 0);
    put_tics(out, p, 1);
    if (p->no_key || !keyed(p)) fputs("unset key\n", out);
    else if (key_is_outside(p)) fputs("set key at graph 1.03,1 left top reverse Left samplen 1.5 spacing 1.05\n", out);
    else fputs("set key inside right top noreverse Right samplen 1.5 spacing 1.05 opaque\n", out);
    size_t drawn = 0;
    for (size_t i = 0; i < p->n; i++) {
        if (!p->layer[i].n) continue;
        fputs(drawn++ ? ", \\\n     " : "plot ", out);
        put_layer(out, &p->layer[i], index, i);
    }
    if (!drawn) fputs("set xrange [0:1]\nset yrange [0:1]\nset label 99 'no data' at 0.5,0.5 center\nplot NaN notitle", out);
    fputs(drawn ? "\n" : "\nunset label 99\n", out);
}

/* Rows and columns of panels. */
static void grid_of(const struct rnn_figure *f, size_t *rows, size_t *cols)
{
    *cols = f->columns ? f->columns : (size_t)ceil(sqrt((double)f->n));
    if (!*cols) *cols = 1;
    *rows = (f->n + *cols - 1) / *cols;
    if (!*rows) *rows = 1;
}

/* Breaks words into lines of at most n letters (malloc'd). */
static char *wrap(const char *words, size_t n)
{
    char *text = rnn_strdup(words), *space = NULL, *start = text;
    for (char *c = text; c && *c; c++) {
        if (*c == ' ') space = c;
        if ((size_t)(c - start) < n || !space) continue;
        *space = '\n';
        start = space + 1;
        space = NULL;
    }
    return text;
}

static size_t lines_of(const char *s)
{
    size_t n = 1;
    for (; s && *s; s++) n += *s == '\n';
    return n;
}

static void put_terminal(const struct rnn_figure *f, enum rnn_figure_format format, const char *output, FILE *out)
{
    enum { LETTER = 7, LINE = 16 }; /* pixels, of the axis font */
    size_t rows, cols;
    double right = 0, below = 0;
    grid_of(f, &rows, &cols);
    for (size_t i = 0; i < f->n; i++) extra_room(&f->panel[i], &right, &below);
    const double w = ((f->width > 0 ? f->width : 480) + LETTER * right) * (double)cols;
    char *title = wrap(f->title ? f->title : f->name, (size_t)(w / 9.8)), *caption = wrap(f->caption ? f->caption : "", (size_t)(w / 6.3));
    const double more = (double)(lines_of(title) - 1) * 20 + (double)(lines_of(caption) - 1) * 12;
    const double h = ((f->height > 0 ? f->height : 340) + LINE * below) * (double)rows + 46 + more;
    if (format == RNN_FIGURE_SVG) {
        fprintf(out, "set terminal svg size %.0f,%.0f dynamic font 'Helvetica,12' name '", w, h);
        for (const char *c = f->name; *c; c++) putc(isalnum((unsigned char)*c) ? *c : '_', out);
        fputs("' background '#ffffff'\n", out);
    }
    if (format == RNN_FIGURE_PDF) fprintf(out, "set terminal pdfcairo size %.3fin,%.3fin font 'Helvetica,10'\n", w / 96, h / 96);
    if (format == RNN_FIGURE_PNG) fprintf(out, "set terminal pngcairo size %.0f,%.0f font 'Helvetica,11'\n", w, h);
    if (output) fputs("set output ", out), put_text(out, output), putc('\n', out);
    fputs("set encoding utf8\nset datafile missing 'NaN'\nset border 3 lw 1.0 lc rgb '#444444'\nset tics nomirror out scale 0.6\n"
          "set grid lw 0.5 lc rgb '#e6e6e6'\nset termoption noenhanced\nset boxwidth 0.8 relative\n", out);
    fprintf(out, "set multiplot layout %zu,%zu margins char 9,char %.1f,char %.1f,char %.1f spacing char %.1f,char %.1f title ", rows, cols, 3 + right,
            5 + below + (double)lines_of(caption) * 0.6, 4 + (double)(lines_of(title) - 1) * 1.3, 13 + right, 7 + below);
    put_text(out, title);
    fputs(" font ',13'\n", out);
    if (f->caption) {
        fputs("set label 98 ", out);
        put_text(out, caption);
        fprintf(out, " at screen 0.01,%.4f left font ',8' tc rgb '#666666'\n", (6 + 11 * (double)lines_of(caption) - 6) / h);
    }
    free(title);
    free(caption);
}

int rnn_figure_script(const struct rnn_figure *f, enum rnn_figure_format format, const char *output, FILE *out, struct rnn_err *err)
{
    for (size_t i = 0; i < f->n; i++)
        for (size_t k = 0; k < f->panel[i].n; k++)
            if (f->panel[i].layer[k].n) put_block(out, &f->panel[i].layer[k], i, k);
    put_terminal(f, format, output, out);
    for (size_t i = 0; i < f->n; i++) {
        put_panel(out, &f->panel[i], i);
        fputs("unset label 98\n", out);
    }
    fputs("unset multiplot\n", out);
    return ferror(out) ? rnn_fail(err, RNN_ERR_IO, "writing a gnuplot script failed") : RNN_OK;
}

/* ---- running gnuplot ---- */

static int read_file(FILE *in, unsigned char **bytes, size_t *len, struct rnn_err *err)
{
    size_t cap = 0;
    *bytes = NULL;
    *len = 0;
    for (;;) {
        RNN_TRY(rnn_grow(bytes, &cap, *len + 65536, 1, err));
        const size_t got = fread(*bytes + *len, 1, 65536, in);
        *len += got;
        if (got < 65536) break;
    }
    return ferror(in) ? rnn_fail(err, RNN_ERR_IO, "reading gnuplot's output failed") : RNN_OK;
}

/* Cuts the comment that names gnuplot's version, and gives ids and references of this figure a prefix of their own. */
static int tidy_svg(const struct rnn_figure *f, unsigned char **bytes, size_t *len, struct rnn_err *err)
{
    char *text = NULL, *from = (char *)*bytes;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    const char *end = from + *len;
    while (from < end) {
        char *stop;
        if (!strncmp(from, "<desc>", 6) && (stop = strstr(from, "</desc>"))) {
            from = stop + 7;
        } else if (!strncmp(from, " id='", 5) || !strncmp(from, " id=\"", 5)) {
            fprintf(out, " id=%c%s-", from[4], f->name), from += 5;
        } else if (!strncmp(from, "href='#", 7) || !strncmp(from, "href=\"#", 7)) {
            fprintf(out, "href=%c#%s-", from[5], f->name), from += 7;
        } else if (!strncmp(from, "url(#", 5)) {
            fprintf(out, "url(#%s-", f->name), from += 5;
        } else {
            putc(*from++, out);
        }
    }
    fclose(out);
    free(*bytes);
    *bytes = (unsigned char *)text;
    *len = size;
    return RNN_OK;
}

int rnn_figure_render(const struct rnn_figure *f, enum rnn_figure_format format, unsigned char **bytes, size_t *len, struct rnn_err *err)
{
    FILE *script = tmpfile(), *picture = tmpfile(), *words = tmpfile();
    int status = -1, rc = RNN_OK;
    *bytes = NULL;
    if (!script || !picture || !words) rc = rnn_fail(err, RNN_ERR_IO, "no temporary file: %s", strerror(errno));
    if (rc >= 0) rc = rnn_figure_script(f, format, NULL, script, err);
    if (rc >= 0 && (fflush(script) || fseek(script, 0, SEEK_SET))) rc = rnn_fail(err, RNN_ERR_IO, "temporary file: %s", strerror(errno));
    if (rc >= 0) {
        const pid_t pid = fork();
        if (pid == 0) {
            dup2(fileno(script), 0), dup2(fileno(picture), 1), dup2(fileno(words), 2);
            execlp("gnuplot", "gnuplot", (char *)NULL);
            _exit(127);
        }
        if (pid < 0 || waitpid(pid, &status, 0) < 0) rc = rnn_fail(err, RNN_ERR_IO, "cannot run gnuplot: %s", strerror(errno));
    }
    if (rc >= 0 && WIFEXITED(status) && WEXITSTATUS(status) == 127) rc = rnn_fail(err, RNN_ERR_IO, "gnuplot is not installed (package gnuplot-nox)");
    if (rc >= 0) {
        rewind(picture);
        rc = read_file(picture, bytes, len, err);
    }
    if (rc >= 0 && (status != 0 || !*len)) {
        char line[200] = "";
        rewind(words);
        while (fgets(line, sizeof line, words) && strspn(line, " \t\n^") == strlen(line)) {}
        line[strcspn(line, "\n")] = 0;
        rc = rnn_fail(err, RNN_ERR_IO, "gnuplot could not draw %s: %s", f->name, line);
    }
    if (rc >= 0 && format == RNN_FIGURE_SVG) rc = tidy_svg(f, bytes, len, err);
    if (script) fclose(script);
    if (picture) fclose(picture);
    if (words) fclose(words);
    if (rc < 0) free(*bytes), *bytes = NULL;
    return rc;
}
