/* Mean-field theory of networks with a random part and a few planned directions (Mastrogiuseppe & Ostojic 2018; higher ranks as in
 * Beiran et al. 2021):  tau dx/dt = -x + (g J + m n' / N) f(x), J_ij ~ N(0, 1/N), loadings (m, n) jointly gaussian over units.
 * At a fixed point x_i = m_i . kappa + gaussian(0, g^2 <f^2>), so with mu = M_m . kappa and
 *   Delta   = g^2 <f(x)^2> + kappa' S_mm kappa,
 *   kappa_r = M_n[r] <f(x)> + sum_s S_nm[r][s] kappa_s <f'(x)>,     x ~ N(mu, Delta).
 * Covariances S_nm [R][R] (n rows, m columns), S_mm [R][R]; means M_m, M_n [R].  Dimensionless. */
#ifndef RNN_THEORY_MEANFIELD_H
#define RNN_THEORY_MEANFIELD_H

#include <stddef.h>
#include "base/err.h"
#include "model/net.h"

struct rnn_meanfield {
    size_t rank;
    enum rnn_act act;
    double g;
    const double *M_m, *M_n, *S_mm, *S_nm;
};

/* The right-hand side at kappa [R]: next [R], and the variance that goes with it (*Delta; its own fixed point is solved). */
int rnn_meanfield_map(const struct rnn_meanfield *f, const double *kappa, double *next, double *Delta, struct rnn_err *err);
/* Solves kappa = map(kappa) from start [R] by damped Newton; kappa [R] out.  slopes [R] (complex moduli sorted descending, NULL ok):
 * eigenvalue moduli of the map's Jacobian: all below 1 means that iterating it converges there.  RNN_NOT_CONVERGED when it does not. */
int rnn_meanfield_solve(const struct rnn_meanfield *f, const double *start, double *kappa, double *Delta, double *slopes, struct rnn_err *err);
/* All solutions met from a grid of starts over [-range, range]^R (per_axis points each), merged within 1e-7 and ordered by norm, then
 * lexicographically; *n of at most `room` kappas [room][R].  Always contains 0 when the means vanish. */
int rnn_meanfield_all(const struct rnn_meanfield *f, double range, size_t per_axis, size_t room, double *kappas, double *Deltas,
                      double *slopes, size_t *n, struct rnn_err *err);
/* Empirical means and covariances of a factorised network's loadings, with the factor N of W = m n / N taken into n.
 * Arrays [R], [R], [R][R], [R][R]. */
int rnn_meanfield_from_net(const struct rnn_net *net, double *M_m, double *M_n, double *S_mm, double *S_nm, struct rnn_err *err);

#endif
