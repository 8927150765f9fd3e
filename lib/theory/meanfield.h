/* Mean-field theory of networks with a random part and a few planned directions (Mastrogiuseppe & Ostojic 2018; higher ranks as in
 * Beiran et al. 2021):  tau dx/dt = -x + (g J + m n' / N) f(x) + b, J_ij ~ N(0, 1/N), loadings and biases (m, n, b) jointly gaussian over
 * units; b is one more direction along which the state lies 1 (their external input).
 * At a fixed point x_i = m_i . kappa + b_i + gaussian(0, g^2 <f^2>), so with mu = M_m . kappa + M_b and
 *   Delta   = g^2 <f(x)^2> + kappa' S_mm kappa + 2 S_mb . kappa + S_bb,
 *   kappa_r = M_n[r] <f(x)> + (sum_s S_nm[r][s] kappa_s + S_nb[r]) <f'(x)>,     x ~ N(mu, Delta).
 * Covariances S_nm [R][R] (n rows, m columns), S_mm [R][R], S_mb, S_nb [R], S_bb; means M_m, M_n [R], M_b.  Dimensionless. */
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
    double M_b, S_bb;          /* of biases; 0 and NULL: there are none */
    const double *S_mb, *S_nb;
};

/* The right-hand side at kappa [R]: next [R], and the variance that goes with it (*Delta; its own fixed point is solved). */
int rnn_meanfield_map(const struct rnn_meanfield *f, const double *kappa, double *next, double *Delta, struct rnn_err *err);
/* Solves kappa = map(kappa) from start [R] by damped Newton; kappa [R] out.  slopes [R] (complex moduli sorted descending, NULL ok):
 * eigenvalue moduli of the map's Jacobian: all below 1 means that iterating it converges there.  RNN_NOT_CONVERGED when it does not. */
int rnn_meanfield_solve(const struct rnn_meanfield *f, const double *start, double *kappa, double *Delta, double *slopes, struct rnn_err *err);
/* All solutions met from 0 and from a grid of starts over [-range, range]^R (per_axis points each), merged within 1e-7 and ordered by norm, then
 * lexicographically; *n of at most `room` kappas [room][R].  Always contains 0 when the means vanish. */
int rnn_meanfield_all(const struct rnn_meanfield *f, double range, size_t per_axis, size_t room, double *kappas, double *Deltas,
                      double *slopes, size_t *n, struct rnn_err *err);
/* Empirical means and covariances (over N) of a factorised network's loadings and of the sum of its biases, with the factor N of
 * W = m n / N taken into n: everything of out but g, which is 0.  v [rnn_meanfield_room(R)] holds the arrays. */
size_t rnn_meanfield_room(size_t R);
int rnn_meanfield_from_net(const struct rnn_net *net, double *v, struct rnn_meanfield *out, struct rnn_err *err);

#endif
