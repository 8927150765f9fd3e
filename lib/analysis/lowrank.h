/* Low-rank structure of networks: singular modes of a parameter or of its change in training, networks without some of them,
 * what is shared between networks once they are turned into common coordinates, and how input, recurrent and read-out
 * directions lie to each other.
 *
 * A matrix A [rows][cols] = sum_k s_k u_k v_k', s descending.  In W_rec, v_k reads (it acts on the rates r) and u_k writes.
 * Modes are counted from 0 here and from 1 in every table and option.  Row-major float64 throughout. */
#ifndef RNN_ANALYSIS_LOWRANK_H
#define RNN_ANALYSIS_LOWRANK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "model/net.h"
#include "model/task.h"

/* ---- singular modes ---- */

/* A parameter as it is, as it was before training, or the difference of the two. */
enum rnn_part { RNN_PART_VALUE, RNN_PART_CHANGE, RNN_PART_INITIAL };
extern const char *const rnn_part_names[]; /* "value", "change", "initial"; ends with NULL */

struct rnn_modes {
    char param[16];
    enum rnn_part part;
    size_t rows, cols, n; /* n = min(rows, cols) modes */
    double *A;            /* [rows][cols] the matrix that was decomposed */
    double *U, *s, *Vt;   /* [rows][n], [n], [n][cols] */
};

/* Modes of a parameter.  "W_rec" is the matrix of the dynamics, formed when the weights are factorised (gru: [3N][N]); a vector is
 * a matrix of one column.  RNN_ERR_ARG: no such parameter, or no initial values for part change or initial; RNN_ERR_NUMERIC:
 * not finite.  Release in every case. */
int rnn_modes_of(const struct rnn_net *net, const char *param, enum rnn_part part, struct rnn_modes *m, struct rnn_err *err);
void rnn_modes_release(struct rnn_modes *m);

/* The kept share of a decomposition, sum s_k^2 over keep / sum s_k^2; 1 for a zero matrix. */
double rnn_modes_share(const struct rnn_modes *m, const bool *keep);
/* Participation ratio of singular values, (sum s^2)^2 / sum s^4, between 1 and n; NaN when all are zero. */
double rnn_modes_participation(size_t n, const double *s);

/* The net with the modes that keep [n] leaves out taken from the parameter m was made of (of the same net): part value leaves
 * sum_kept s u v', part change A_0 + sum_kept.  Sums the shorter of the two lists, so that keeping all changes no bit.
 * Factorised weights become full ones, except where the read-out uses the factors: then m <- U_kept U_kept' m, which gives
 * the same W.  float32 nets are rounded to float32.  RNN_ERR_ARG: part initial; part change with such a read-out. */
int rnn_net_keep_modes(const struct rnn_net *net, const struct rnn_modes *m, const bool *keep, struct rnn_net **out, struct rnn_err *err);
/* The control: s_0 a b' taken away, a and b uniform on the unit spheres, from address (seed, ANALYSIS, net index, item = `draw`). */
int rnn_net_minus_random(const struct rnn_net *net, const struct rnn_modes *m, uint64_t seed, uint64_t draw, struct rnn_net **out, struct rnn_err *err);
/* The net with another recurrent matrix W [N][N] (gru: [3N][N]). */
int rnn_net_with_W(const struct rnn_net *net, const double *W, struct rnn_net **out, struct rnn_err *err);

/* ---- directions ---- */

/* Cosine of x and y [n]; NaN when either is zero. */
double rnn_cosine(size_t n, const double *x, const double *y);
/* Principal angles (rad, ascending) between the spans of the columns of A [n][a] and B [n][b]: *n_angles = min of their
 * ranks (relative tolerance 1e-10) of them into angle [min(a, b)].  Small angles from sines, large ones from cosines
 * (Bjoerck & Golub 1973), so that all are accurate to rounding. */
int rnn_principal_angles(size_t n, size_t a, const double *A, size_t b, const double *B, double *angle, size_t *n_angles, struct rnn_err *err);

/* ---- common coordinates (Boboeva et al. 2026, released code) ---- */

/* Orthogonal R [N][N] whose rows are the right singular vectors of the uncentred states H [K][N], completed to a basis where
 * there are fewer.  Of the first n_signed rows, those with row . h_ref < 0 are flipped; h_ref [N]. */
int rnn_rotation_hidden(size_t K, size_t N, const double *H, const double *h_ref, size_t n_signed, double *R, struct rnn_err *err);
/* The same from the right singular vectors of W [N][N]. */
int rnn_rotation_weights(size_t N, const double *W, const double *h_ref, size_t n_signed, double *R, struct rnn_err *err);

/* A net's parameters in its own rotated coordinates: W' = R W R', W_in' = R W_in, W_out' = W_out R', b' = R b.  Only a change of
 * coordinates: elementwise nonlinearities must not be run in it. */
struct rnn_rotated {
    size_t N, n_in, n_out;
    double *W, *W_in, *W_out, *b; /* [N][N], [N][n_in], [n_out][N], [N] (all recurrent biases together) */
};
/* RNN_ERR_ARG for cells whose W_rec is not square, and where the read-out is not taken from the units. */
int rnn_rotate_net(const struct rnn_net *net, const double *R, struct rnn_rotated *out, struct rnn_err *err);
void rnn_rotated_release(struct rnn_rotated *r);

/* W_filt = R' W_bar R: the shared matrix in the coordinates of one net. */
int rnn_unrotate_W(size_t N, const double *R, const double *W_bar, double *W, struct rnn_err *err);
/* The other variant: U diag(s) V' with the net's own directions and the singular values of the shared matrix, s [N]. */
int rnn_filtered_by_spectrum(size_t N, const double *W, const double *s, double *W_filt, struct rnn_err *err);

/* ---- what units prefer (same source) ---- */

/* var [N][C]: variance of unit i's last rate over the trials of class c that the network got right (0 with fewer than two); preferred [N]: the
 * class of largest variance, or C for a unit whose variances sum to at most `least` (the source: 1e-3).  h [K][N]; cls [K] < C. */
int rnn_unit_preference(size_t K, size_t N, const double *h, size_t C, const size_t *cls, const bool *is_right, double least, double *var,
                        size_t *preferred, struct rnn_err *err);

#endif
