/* The geometry of population states: how many dimensions they fill, what can be read from them, whether they lie like a tree.
 *
 * X [n][d] holds n states (trials at one step) of d units, row-major; g [n] their groups, 0 .. G-1, or RNN_NO_GROUP for states
 * that do not count.  All of it is float64, allocates what it needs and frees it; RNN_ERR_NUMERIC when a state is not finite.
 * The definitions are those of Boboeva, Pezzotta, Dimitriadis and Akrami 2026 (bioRxiv 2026.04.10.717706) and their released code
 * where these exist; elsewhere the source stands beside. */
#ifndef RNN_ANALYSIS_GEOMETRY_H
#define RNN_ANALYSIS_GEOMETRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

#define RNN_NO_GROUP ((size_t)-1)

/* ---- dimensionality (geometry_dimension.c) ---- */

/* Smallest k with l_1 + .. + l_k > share * sum(l), strictly; l [n] >= 0, descending (squared singular values).  0 when their sum is
 * 0 or n is 0, n when even all of them do not exceed it (share 1).  (8, 1, 1) at 0.9 gives 3. */
size_t rnn_dims_for_share(size_t n, const double *l, double share);
/* (sum l)^2 / sum l^2, between 1 and n; NaN when all are 0.  Of the spectrum of a covariance: Gao et al. 2017. */
double rnn_participation_ratio(size_t n, const double *l);

struct rnn_dimension {
    size_t n;            /* states */
    size_t dims;         /* for `share` of the uncentred sum of squares (the published D90) */
    size_t dims_centred; /* the same about the mean state */
    double participation; /* ratio of the centred spectrum; NaN when all states are equal */
};
/* Of the states of group `only` (RNN_NO_GROUP: of all, g may be NULL).  No states: all zero, participation NaN. */
int rnn_dimension(size_t n, size_t d, const double *X, const size_t *g, size_t only, double share, struct rnn_dimension *out,
                  struct rnn_err *err);

/* Principal axes about the mean: explained [k] shares of the variance, axes [k][d] (rows, unit norm, largest entry positive), scores
 * [n][k].  k <= min(n, d); axes and scores may be NULL.  States that are all equal explain NaN. */
int rnn_pca(size_t n, size_t d, const double *X, size_t k, double *explained, double *axes, double *scores, struct rnn_err *err);

/* ---- separability (geometry_decode.c) ---- */

/* sum_g n_g |mean_g - mean|^2 / sum_i |x_i - mean|^2: the share of the variance that lies between groups, 0 to 1.  NaN when fewer
 * than two groups have states or nothing varies. */
int rnn_eta2(size_t n, size_t d, const double *X, const size_t *g, size_t G, double *eta2, struct rnn_err *err);

/* What a decoder reached on the states it was tested on. */
struct rnn_decoded {
    double accuracy; /* share of right answers; NaN without test states */
    double balanced; /* mean over groups of the share right: chance is 1 / groups whatever their sizes */
    size_t n;        /* states tested: those of groups that the decoder learned about */
};
/* Nearest class mean (Euclid; the first of equally near ones): means of (X, g), tested on (Xt, gt).  For d = 1 and two groups this is
 * the threshold half way between the means. */
int rnn_nearest_mean(size_t d, size_t n, const double *X, const size_t *g, size_t nt, const double *Xt, const size_t *gt, size_t G,
                     struct rnn_decoded *out, struct rnn_err *err);
/* Ridge, labels +-1, one against the rest, largest score wins: for each group minimises over (w, b)
 *   sum_i c_i (w . (x_i - m) + b - y_i)^2 + lambda s |w|^2,  sum_i c_i = 1,  s = mean |x_i - m|^2 / d,  m the mean state.
 * Two groups are one problem with c_i = 1/(2 n_g); more have c_i = 1/n.  lambda >= 0 is dimensionless (0.01 in the study). */
int rnn_ridge_decode(size_t d, size_t n, const double *X, const size_t *g, size_t nt, const double *Xt, const size_t *gt, size_t G,
                     double lambda, struct rnn_decoded *out, struct rnn_err *err);
/* The same for a number y per state: *r2 = 1 - sum (y - fit)^2 / sum (y - mean yt)^2 over the test states. */
int rnn_ridge_regress(size_t d, size_t n, const double *X, const double *y, size_t nt, const double *Xt, const double *yt,
                      double lambda, double *r2, struct rnn_err *err);

/* ---- similarity (geometry_similarity.c) ---- */

enum rnn_metric { RNN_EUCLIDEAN, RNN_COSINE, RNN_ANGLE }; /* cosine: 1 - cos; angle: arccos cos, rad */
/* D [n][n], symmetric, zero diagonal.  Differences are formed before squaring, so that equal states are at distance 0 exactly.  A
 * zero state has no direction: cosine and angle to it are NaN. */
int rnn_distances(size_t n, size_t d, const double *X, enum rnn_metric metric, double *D, struct rnn_err *err);
/* Cosine of every pair into C [n][n], diagonal 1; NaN for zero states. */
int rnn_cosines(size_t n, size_t d, const double *X, double *C, struct rnn_err *err);
/* Mean of the pairs i < j of M [n][n] within groups and between groups, NaN pairs left out; NaN when there are none. */
struct rnn_pair_means { double within, between; size_t n_within, n_between; };
void rnn_pair_means(size_t n, const double *M, const size_t *g, struct rnn_pair_means *out);
/* Means of the groups: C [G][d], count [G]; a group without states gets NaN. */
void rnn_group_means(size_t n, size_t d, const double *X, const size_t *g, size_t G, double *C, size_t *count);

/* ---- trees (geometry_tree.c) ---- */

/* The tree metric: mean distance of the means of two groups by where their names part.  name [G] are paths through the tree, one
 * letter per level; two names part at the first letter in which they differ.  sum and count [L], L the length of the longest name:
 * entry l is about pairs that part at letter l (counted from 0); mean [L] NaN where there are none. */
int rnn_tree_distances(size_t n, size_t d, const double *X, const size_t *g, size_t G, char *const *name, size_t L, double *mean,
                       size_t *count, struct rnn_err *err);

/* Of three distances, sorted a <= b <= c: [ln(a/c) - ln(b/c)] / [ln(a/c) + ln(b/c)], 1 when the two longest are equal (as in every
 * ultrametric tree), 0 when the two shortest are.  NaN when one is 0 or all are equal. */
double rnn_ultrametricity(double a, double b, double c);
/* Mean of that over all triplets of D [n][n] (NaN ones left out; *triplets counts the rest, may be NULL).  NaN when there are none. */
int rnn_ultrametric_content(size_t n, const double *D, double *content, size_t *triplets, struct rnn_err *err);
/* The same expected of n points from an isotropic Gaussian in d dimensions, to hold the former against.  A triangle of such points is
 * known from the Gram matrix of two of its sides, which is Wishart with d degrees of freedom and scale [[2,1],[1,2]]: by Bartlett's
 * decomposition two chi-square and one normal number, whatever d.  Mean over `triplets` triangles drawn from (seed, ANALYSIS, item = d);
 * standard error below 0.35 / sqrt(triplets). */
int rnn_gaussian_ultrametric(size_t d, size_t triplets, uint64_t seed, double *content, struct rnn_err *err);

/* ---- dendrograms (geometry_linkage.c) ---- */

enum rnn_linkage { RNN_COMPLETE, RNN_AVERAGE, RNN_SINGLE };
/* Agglomerative clustering of D [n][n] as scipy.cluster.hierarchy.linkage gives it: Z [n-1][4], row i joins clusters Z[i][0] < Z[i][1]
 * at distance Z[i][2] into cluster n + i of Z[i][3] leaves; distances ascend.  O(n^2) by the nearest-neighbour chain, which gives the
 * greedy result because all three laws are reducible.  RNN_ERR_NUMERIC when a distance is NaN. */
int rnn_linkage(size_t n, const double *D, enum rnn_linkage law, double *Z, struct rnn_err *err);
/* Leaves from left to right when of two joined clusters the one that stands first in the row is drawn left; order [n]. */
int rnn_linkage_order(size_t n, const double *Z, size_t *order, struct rnn_err *err);

/* ---- sequences of activity (geometry_sequence.c) ---- */

/* Rates R [unit N][step T], mean over trials.
 * peak [N]: step of the largest rate (the first); order [N]: units by peak, equal peaks by unit.
 * peak_entropy: -sum_t p_t ln p_t / ln min(T, N), p_t the share of units that peak at t;
 * sparsity: 1 - mean_t [-sum_i q_it ln q_it / ln N], q_it = rate of i at t over the sum of all, each unit scaled to 0 .. 1 over time;
 * index = sqrt(peak_entropy * sparsity), 1 for a perfect sequence (Zhou, Masmanidis and Buonomano 2020);
 * ridge: mean over units of ln (rate within `width` steps of the unit's peak / elsewhere), scaled rates (Harvey, Coen and Tank 2012;
 * Orhan and Ma 2019).  Units that never change count in none of them; NaN when fewer than two are left or T < 2. */
struct rnn_sequence { double peak_entropy, sparsity, index, ridge; size_t n_active; };
void rnn_peak_order(size_t N, size_t T, const double *R, size_t *peak, size_t *order);
int rnn_sequence_index(size_t N, size_t T, const double *R, size_t width, struct rnn_sequence *out, struct rnn_err *err);

/* Trials V [K][T][N] in two halves, half [K] 0 or 1 (NULL: even and odd trials).  Peaks found in half 0 order the units; half 1 is shown in
 * that order: raster [N][T] and order [N] (both may be NULL).  rho: Spearman's correlation of the two halves' peaks over units that change.
 * seen: indices of half 1.  RNN_ERR_ARG when a half is empty. */
struct rnn_sequentiality { double rho; struct rnn_sequence seen; };
int rnn_sequentiality(size_t K, size_t T, size_t N, const float *V, const unsigned char *half, size_t width, double *raster, size_t *order,
                      struct rnn_sequentiality *out, struct rnn_err *err);
/* The control: every unit of every trial is turned in time by a step of its own, drawn from (seed, ANALYSIS, net, item = shuffle): all
 * rates keep their sizes and autocorrelation, nothing keeps its time.  W [K][T][N] gets the turned trials. */
int rnn_time_shuffle(size_t K, size_t T, size_t N, const float *V, uint64_t seed, uint64_t net, uint64_t shuffle, float *W,
                     struct rnn_err *err);

#endif
