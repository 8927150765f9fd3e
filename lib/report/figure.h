/* Figures: panels of layers of numbers, drawn by gnuplot.  The same figure gives the same SVG bytes.
 *
 * Colours are those of Okabe and Ito (safe for colour-blind readers, apart in grey), told apart by line and point style too; images use
 * perceptually ordered palettes.  Every figure carries a caption line: what n is and which command made it. */
#ifndef RNN_REPORT_FIGURE_H
#define RNN_REPORT_FIGURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include "base/err.h"

enum rnn_layer_kind {
    RNN_LAYER_LINES,       /* x y */
    RNN_LAYER_POINTS,      /* x y */
    RNN_LAYER_LINEPOINTS,  /* x y */
    RNN_LAYER_BAND,        /* x lo hi */
    RNN_LAYER_ERRORBARS,   /* x y lo hi */
    RNN_LAYER_BARS,        /* x height */
    RNN_LAYER_IMAGE,       /* x y value: one cell each, on a regular grid */
    RNN_LAYER_COLORED,     /* x y value: points coloured by value */
    RNN_LAYER_RGB,         /* x y red green blue (0..255), one cell each */
    RNN_LAYER_ARROWS,      /* x y dx dy */
    RNN_LAYER_SEGMENTS,    /* x0 y0 x1 y1 */
    RNN_LAYER_TEXT,        /* x y, with `words` */
    RNN_LAYER_STEPS        /* x y */
};

struct rnn_layer {
    enum rnn_layer_kind kind;
    char *label;           /* in the key, or NULL */
    int color;             /* 0..7; -1 grey; -2 black */
    int dash;              /* 0 solid, 1.. */
    int point;             /* gnuplot's number of the mark; 0: that of the colour */
    int align;             /* TEXT: 0 centred on its place, 1 right of it, -1 left of it */
    double width;          /* of lines, or size of points; 0: the default */
    size_t n, cols, cap;
    double *data;          /* [n][cols] */
    char **words;          /* [n], TEXT only */
    size_t cap_words;
};

enum rnn_palette { RNN_PALETTE_SEQUENTIAL, RNN_PALETTE_DIVERGING, RNN_PALETTE_GREY, RNN_PALETTE_SHARE /* light to mid blue: dark words stay legible on it */ };

struct rnn_panel {
    char *title, *xlabel, *ylabel, *cblabel;
    bool log_x, log_y, equal, no_key, flip_y;
    bool holes;            /* grey where an image has no value, so that this is not taken for one */
    double x_min, x_max, y_min, y_max, c_min, c_max; /* NaN: from the data */
    enum rnn_palette palette;
    char **xtic;           /* names at 0, 1, 2, ... instead of numbers; NULL-terminated, or NULL */
    char **ytic;
    bool xtic_rotate;
    struct rnn_layer *layer;
    size_t n, cap;
};

struct rnn_figure {
    char *name, *title, *caption;
    size_t columns;        /* of the grid of panels; 0: as square as possible */
    double width, height;  /* of one panel, in pixels at 96 per inch, of which 100 and 110 go to its labels; 0: 480 x 340.  Long labels and the key come on top */
    bool same_x, same_y;   /* all panels share the range, so that they can be compared */
    bool own_keys;         /* a key beside each panel, also where labels agree */
    struct rnn_panel *panel;
    size_t n, cap;
};

void rnn_figure_init(struct rnn_figure *f, const char *name);
void rnn_figure_release(struct rnn_figure *f);
void rnn_figure_title(struct rnn_figure *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void rnn_figure_caption(struct rnn_figure *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Pointers to panels and layers hold until the next one is added; NULL: out of memory. */
struct rnn_panel *rnn_figure_panel(struct rnn_figure *f, const char *title, const char *xlabel, const char *ylabel);
struct rnn_layer *rnn_panel_layer(struct rnn_panel *p, enum rnn_layer_kind kind, const char *label, int color);
/* One row of as many numbers as the kind has. */
int rnn_layer_add(struct rnn_layer *l, const double *row, struct rnn_err *err);
int rnn_layer_word(struct rnn_layer *l, double x, double y, const char *word, struct rnn_err *err);

enum rnn_figure_format { RNN_FIGURE_SVG, RNN_FIGURE_PDF, RNN_FIGURE_PNG };
/* The gnuplot script, data inside. output: the file gnuplot shall write, or NULL for its standard output. */
int rnn_figure_script(const struct rnn_figure *f, enum rnn_figure_format format, const char *output, FILE *out, struct rnn_err *err);
/* Runs gnuplot and gives the bytes of the picture (malloc'd). RNN_ERR_IO when gnuplot is missing or fails, with its first words.
 * SVG: the line that names gnuplot's version is removed and ids are made unique by the figure's name, so that several fit into one page. */
int rnn_figure_render(const struct rnn_figure *f, enum rnn_figure_format format, unsigned char **bytes, size_t *len, struct rnn_err *err);

#endif
