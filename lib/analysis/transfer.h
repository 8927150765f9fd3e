/* Transfer between networks: which of a donor's parameters a recipient starts with, donors that control for what it is that
 * helps, and what a learning curve says.  (Boboeva et al. 2026; conditions of their released code.) */
#ifndef RNN_ANALYSIS_TRANSFER_H
#define RNN_ANALYSIS_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "model/net.h"

/* ---- blocks ---- */

/* Blocks by name: i2h = {W_in, b_in}, h2h = {W_rec or m n, b_rec}, h2o = {W_out, b_out}, h0 = {h0}; or a parameter by its own name.  Writes the
 * parameters of the block that the network has (borrowed from ps) to out [RNN_MAX_PARAMS] and their number to *n.
 * RNN_ERR_ARG, with what there is, when it has none or the name is unknown. */
int rnn_transfer_block(const struct rnn_params *ps, const char *block, const char **out, size_t *n, struct rnn_err *err);

/* ---- donors that fit ---- */

/* For each input, unit and output of the recipient the donor's, or RNN_MAP_FRESH where the recipient keeps its own start; NULL: the
 * same ones in the same order, and equally many. */
#define RNN_MAP_FRESH SIZE_MAX
struct rnn_transfer_map { const size_t *in, *units, *out; };

/* Writes the named parameters of the donor over those of a recipient `to` (its fresh start).  An entry is taken where both its
 * row and its column are mapped.  RNN_ERR_ARG: the donor lacks one, a shape differs on an axis without a map, or a map names what the
 * donor does not have.  Factorised: rank must agree. */
int rnn_transfer_load(struct rnn_net *to, const struct rnn_net *donor, const char *const *names, size_t n_names, const struct rnn_transfer_map *map,
                      struct rnn_err *err);

/* ---- control donors; addresses (seed, TRANSFER, donor's index) ---- */

/* The donor in randomly rotated coordinates: W_rec = R W R', W_in = R W_in, W_out = W_out R', biases R b.  Norms, spectra and the geometry of linear
 * dynamics stay; what the nonlinearity of single units makes of them does not.  RNN_ERR_ARG for gru. */
int rnn_transfer_rotated(const struct rnn_net *donor, uint64_t seed, struct rnn_net **out, struct rnn_err *err);
/* Every matrix with random singular vectors and its own singular values; every vector with its entries in random order. */
int rnn_transfer_spectrum_matched(const struct rnn_net *donor, uint64_t seed, struct rnn_net **out, struct rnn_err *err);

/* ---- learning curves ---- */

/* y [n] over ascending x [n]; NaN in y: not measured. */
double rnn_curve_first_at_least(size_t n, const double *x, const double *y, double criterion); /* first x; NaN: never */
double rnn_curve_at(size_t n, const double *x, const double *y, double at);     /* y where x == at (1e-9); NaN: not there */
double rnn_curve_area(size_t n, const double *x, const double *y);              /* trapezoids / (x_last - x_first); NaN: fewer than two */

/* ---- paired comparison ---- */

struct rnn_paired {
    size_t n;                /* pairs of which both are finite */
    double mean_a, mean_b, diff, lo, hi; /* diff = mean(a - b), with a percentile bootstrap interval of `level` */
    double p;                /* two-sided paired permutation */
};
/* item: the comparison's own random address.  n = 0: all NaN; n = 1: no interval (NaN). */
int rnn_compare_paired(size_t n, const double *a, const double *b, double level, size_t B, uint64_t seed, uint64_t item, struct rnn_paired *out,
                       struct rnn_err *err);

#endif
