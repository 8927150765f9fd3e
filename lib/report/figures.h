/* The named figures: each is called after what it shows and works on any stream that carries its data. */
#ifndef RNN_REPORT_FIGURES_H
#define RNN_REPORT_FIGURES_H

#include "report/figure.h"
#include "report/gather.h"
#include "report/plot.h"

struct rnn_named_figure {
    const char *name, *title;   /* title: what it shows, as a sentence without full stop */
    const char *needs;          /* tables, arrays and kinds of frames, each as "table phi", "array eigenvalues", "frame trials"; joined by "," */
    const char *maker;          /* the command that makes them, to be told when they are absent */
    const struct rnn_plot *plot;/* drawn from one table, or NULL: */
    int (*make)(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err);
};

size_t rnn_figures_n(void);
const struct rnn_named_figure *rnn_figures_at(size_t i);
const struct rnn_named_figure *rnn_figures_find(const char *name); /* NULL when there is none */
/* True when g has all it needs; else `missing` (NULL: not asked) gets the first thing that is not there, as in `needs`. */
bool rnn_figures_possible(const struct rnn_named_figure *n, const struct rnn_gathered *g, char missing[80]);
/* Draws it into f (initialised here).  RNN_ERR_ARG says what is missing and which tool makes it. */
int rnn_figures_draw(const struct rnn_named_figure *n, const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err);

#endif
