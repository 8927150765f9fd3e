/* What a short-term-memory network does after its trial: settles (slow point) or goes on turning (limit cycle).
 * Kurtkaya et al. 2025: their index, and two criteria free of its limits. */
#ifndef RNN_ANALYSIS_PHASE_H
#define RNN_ANALYSIS_PHASE_H

#include <stdbool.h>
#include <stddef.h>
#include "analysis/map.h"

/* Their "mechanism discrimination index" of a roll-out R [n][N] (rates, n = 9 trial lengths): two principal axes of the
 * column-centred R, scores of the uncentred R, correlation between time points, two-dimensional Fourier transform, share of the power
 * within distance 3 of zero frequency; below 0.5 is a limit cycle.
 * A correlation across two numbers is +-1, so the matrix is s s' with s_t = sign(p1_t - p2_t), and with P(f) = |DFT(s)_f|^2 / n^2
 *   index = sum over integers f, g with f^2 + g^2 <= 9 of P(f) P(g):
 * O(n), no matrix.  The axes' signs are arbitrary: index[0] uses largest entry positive on both, index[1] flips the second.
 * NaN (p1 = p2 somewhere) counts as slow point, as in their code. */
int rnn_phase_index(size_t n, size_t N, const double *R, double index[2], struct rnn_err *err);
/* The index of a sign series s [n] of +1, -1. */
double rnn_phase_index_of_signs(size_t n, const double *s);

/* How an orbit that does not settle goes on, from a state x [N] on it and over `steps` steps of the map (at least 10).
 *   exponent, error  the largest Lyapunov exponent per step, and its standard error from ten blocks: 0 on a closed curve that the steps
 *                    fill (a limit cycle whose period is no whole number of them), below 0 on a cycle of the map, above 0 in chaos
 *   is_chaotic       exponent > 3 error and > 1e-3: neighbours part e-fold within a thousand steps
 *   period           steps per turn: upward passages of the widest unit through the middle of its range, with the state (interpolated
 *                    between steps) where it was at the passage before; as many passages to a turn as that takes, and one where the state
 *                    never returns to within a twentieth of the orbit's variance.  NaN with fewer than two passages. */
struct rnn_phase_turn { double exponent, error, period; bool is_chaotic; };
int rnn_phase_turning(const struct rnn_map *map, const double *x, size_t steps, struct rnn_phase_turn *out, struct rnn_err *err);

/* Roll-out criterion: from x [N] (changed), `steps` noise-free steps without input; speed = max |r_{t+1} - r_t| over units and over the
 * last `tail` steps; INFINITY when a state leaves the finite numbers (relu networks may).  Their follow-up uses 6000 and 2000 steps and calls speed > 1e-3 rotating. */
int rnn_phase_speed(const struct rnn_net *net, double *x, size_t steps, size_t tail, double *speed, struct rnn_err *err);

#endif
