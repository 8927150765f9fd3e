/* Linear history operators of the episodic-memory theory and what they predict (Karuvally, DelMastro & Siegelmann 2023).
 *
 * A history task asks for u(t) = sum_{m=1..s} C_m u(t-s-1+m) with C_m [d][d] (eq 5); F = [C_1 .. C_s] is [d][s d].  In variable
 * coordinates c = (c_1; ..; c_s), variable 1 the oldest, the step is c' = Phi c with Phi [n][n], n = s d, block companion (eq 9):
 * identity blocks on the first block superdiagonal and F as the last block row. */
#ifndef RNN_MODEL_PHI_H
#define RNN_MODEL_PHI_H

#include <complex.h>
#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"

struct rnn_operator {
    size_t s, d;     /* variables (lags) and dimensions of each; n = s d */
    const double *F; /* [d][s d], borrowed */
};

/* Phi [n][n]. */
void rnn_operator_phi(const struct rnn_operator *op, double *Phi);

/* True when every row of F has exactly one non-zero entry, +1 or -1 (a signed selection: each output copies one element of the
 * history). var[i], dim[i] (0-based) and sign[i] of output i; any may be NULL. */
bool rnn_operator_selection(const struct rnn_operator *op, size_t *var, size_t *dim, int *sign);
/* True when the operator is a signed selection whose dimensions i -> dim[i] are a permutation (what the dual basis needs). */
bool rnn_operator_permutes(const struct rnn_operator *op);

/* Non-zero eigenvalues of Phi, w [n] at most, *count of them, by argument ascending in (-pi, pi].
 * Signed selections use the cycle rule, exactly: every cycle of i -> dim[i] with total lag L = sum (s - var) and sign product g
 * contributes the L roots of lambda^L = g.  Other operators: numerically, |lambda| > 1e-9 (1 + |F|). *exact (or NULL) tells which. */
int rnn_operator_spectrum(const struct rnn_operator *op, double _Complex *w, size_t *count, bool *exact, struct rnn_err *err);

/* Elements of the history that carry long-term memory: keep[i] is true when row i and column i of |Phi|^(2n) are both non-zero. */
int rnn_operator_essential(const struct rnn_operator *op, bool *keep, size_t *count, struct rnn_err *err);

#endif
