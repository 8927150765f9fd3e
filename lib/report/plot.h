/* A figure from a tidy table: y against x, a line per group, a panel per facet, mean and spread over rows that share x.
 * Serves our own tables and any that a user's tool adds. */
#ifndef RNN_REPORT_PLOT_H
#define RNN_REPORT_PLOT_H

#include "report/figure.h"
#include "report/gather.h"

enum rnn_plot_style {
    RNN_PLOT_LINES,   /* mean line with a band from lo to hi quantile where several rows share x, of single rows by their own columns y_lo, y_hi (lo, hi of value) */
    RNN_PLOT_POINTS,  /* every row a point */
    RNN_PLOT_BARS,    /* mean per category of x, with interval */
    RNN_PLOT_SHARES,  /* y is text: share of rows in each category of y, Wilson 95 % interval, against x; a line per category */
    RNN_PLOT_HEAT,    /* x, y columns numeric, z coloured: mean over rows that share both */
    RNN_PLOT_HISTOGRAM /* share of y in each of `bins` bins; x unused */
};

struct rnn_plot {
    const char *name, *title;
    const char *table, *x, *y, *z;   /* columns; z for HEAT */
    const char *group, *facet;       /* columns or NULL */
    const char *filter;              /* see report/gather.h, or NULL */
    enum rnn_plot_style style;
    bool log_x, log_y;
    double lo, hi;                   /* quantiles of the band; 0, 0: 0.05 and 0.95 */
    size_t bins;
    double bin_lo, bin_hi;           /* the bins reach at least so far; 0, 0: as far as the data */
    const char *reference;           /* LINES: a column whose mean is drawn dashed, or NULL */
    bool no_band;                    /* LINES: means alone */
    bool held;                       /* LINES over training: a network that stopped before others counts with its last value, so that no mean jumps where one ends */
    bool optional;                   /* group, facet and reference are left out where the table lacks them */
    const char *xlabel, *ylabel;     /* NULL: column name and unit */
};

/* Adds the plot's panels to f (rnn_figure_init'ed).  A column delay_ms may also be called delay-ms.  RNN_ERR_ARG: no such table or column,
 * no value to draw, too many panels.  The caption says how many values a
 * mark sums up and which labels differ among them, how many rows and, where the table has them, nets are drawn, and the commands they came from. */
int rnn_plot_draw(const struct rnn_plot *p, const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err);

/* Distinct values of a column among the kept rows, numbers ascending, texts by first appearance. value[i] is a row that has it. */
int rnn_distinct(const struct rnn_gcol *c, size_t rows, const bool *keep, size_t **value, size_t *n, struct rnn_err *err);
/* "n = 20 networks, 400 rows of phase; taskgen | ...", of snapshots "n = 4 networks (32 with snapshots), ...", of rows that have an n "n = 20 rows of shared_spectrum, each with n = 10; ...": for captions of figures drawn from a table (malloc'd; NULL: memory). */
char *rnn_plot_caption(const struct rnn_gathered *g, const struct rnn_gtable *t, const bool *keep);
/* "pooled over delay_ms, pair; ": labels in which kept rows differ that agree in the columns `apart` (NULLs allowed, at most 3; numbers that are no
 * labels do not count) and so are summed up in one mark of y; "" when none is (malloc'd; NULL: memory). */
char *rnn_pooled_labels(const struct rnn_gtable *t, const bool *keep, const struct rnn_gcol *const *apart, size_t n_apart, const struct rnn_gcol *y);
/* A column's name and unit as an axis shows them: "delay (ms)" (malloc'd; NULL: memory). */
char *rnn_axis_name(const struct rnn_gcol *c);
/* A pipeline as gather keeps it, without its settings: "taskgen repeat-copy | rnn-train | rnn-varmem" (malloc'd; NULL: memory). */
char *rnn_pipeline_brief(const char *pipeline);

#endif
