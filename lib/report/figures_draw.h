/* What the figures of several files share.  For lib/report/figures*.c only. */
#ifndef RNN_REPORT_FIGURES_DRAW_H
#define RNN_REPORT_FIGURES_DRAW_H

#include "report/figures.h"

/* The first array of this name, or the next one after `after` (of the same network when same_net); NULL: none. */
const struct rnn_garray *rnn_draw_array(const struct rnn_gathered *g, const char *name, const struct rnn_garray *after, bool same_net);
/* Rows and columns of its last two axes, and where block `at` of the axes before them begins. */
const double *rnn_draw_block(const struct rnn_garray *a, size_t at, size_t *rows, size_t *cols);
/* Caption: how many networks are shown (the one that a belongs to is named), of how many, and the command that made a. */
void rnn_draw_caption(struct rnn_figure *f, const struct rnn_gathered *g, const struct rnn_garray *a, size_t nets);
/* " of 20" */
const char *rnn_draw_of(size_t all, char buf[32]);
/* How many networks n arrays belong to. */
size_t rnn_draw_nets(const struct rnn_garray *const *shown, size_t n);
/* One panel: value v(row, column) [rows][cols] as colours, row 0 on top; diverging about 0 and symmetric when `signs`. */
int rnn_draw_matrix(struct rnn_figure *f, const char *title, const char *xlabel, const char *ylabel, size_t rows, size_t cols, const double *v,
                    bool signs, struct rnn_err *err);
/* "variant input, norm none": labels of an array that others of its name do not share. */
void rnn_draw_title(const struct rnn_gathered *g, const struct rnn_garray *a, char *out, size_t size);

/* A panel for each condition that labels tell apart, such as networks whole and without a mode; of a plot with panels of its own for each of those. */
int rnn_draw_by_condition(const struct rnn_plot *plot, const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err);

/* The makers, by file. */
int rnn_draw_spectrum(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err);
int rnn_draw_phi(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err);
int rnn_draw_weights_in_basis(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err);
int rnn_draw_weights(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err);
int rnn_draw_aligned(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err);
int rnn_draw_similarity(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err);
int rnn_draw_raster(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err);
int rnn_draw_memories(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err);
int rnn_draw_dendrogram(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err);

int rnn_draw_trials(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err);
int rnn_draw_projections(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err);
int rnn_draw_tree(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err);
int rnn_draw_fixedpoints(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err);
int rnn_draw_flow(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err);

int rnn_draw_phase_diagram(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err);
int rnn_draw_scaling(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err);
int rnn_draw_claims(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err);
int rnn_draw_ablation(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err);
int rnn_draw_shared(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err);
int rnn_draw_dimension(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err);
int rnn_draw_decoding(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err);
int rnn_draw_ultrametric(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err);
int rnn_draw_curves(const char *name, const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err);
int rnn_draw_fractions(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err);
int rnn_draw_transfer(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err);
int rnn_draw_separability(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err);
int rnn_draw_loss_by_class(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err);

#endif
