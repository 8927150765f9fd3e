/* The step x -> F(x) of a network under one constant input, as a dynamical system in its own right: weights formed and input absorbed
 * once, many states side by side.  Everything that looks for fixed points, cycles and exponents iterates one of these.
 *
 *   activity  x' = (1-a) x + a f(W x + b)                      elman (a = 1), leaky
 *   current   x' = (1-a) x + a (W f(x) + b)                    leaky-current
 *   gru       as in model/net.h
 *   reduced   k' = (1-a) k + a s n f(m k + b)                  the same network seen through kappa = s n r: exact for factorised
 *             W = s m n in the activity form and, on x = m k + b (which attracts at rate 1-a), in the current form
 * (s is 1, or 1/N where the network scales its factors so: kappa is of order one in both.)
 * a may differ between units (then there is no exact reduction).  Row = postsynaptic. */
#ifndef RNN_ANALYSIS_MAP_H
#define RNN_ANALYSIS_MAP_H

#include <stddef.h>
#include "base/err.h"
#include "model/net.h"

enum rnn_map_form { RNN_MAP_ACTIVITY, RNN_MAP_CURRENT, RNN_MAP_GRU, RNN_MAP_REDUCED };

struct rnn_map {
    enum rnn_map_form form;
    enum rnn_act act;
    size_t N;             /* numbers of a state: units, or the rank when reduced */
    size_t units;         /* units behind it */
    double *alpha;        /* [N] */
    double *W;            /* [N][N]; gru [3N][N]; reduced: s n [N][units] */
    double *m;            /* reduced: m [units][N]; else NULL */
    double *b;            /* [units] all that does not depend on the state; gru: [3N], on the recurrent side (b_rec) */
    double *c;            /* gru: [3N], on the input side (W_in u + b_in); else NULL */
    double alpha_scale;   /* |F(x) - x| / alpha_scale is the speed per time constant: alpha, or 1 when units differ, elman, gru */
    double dt_ms;         /* one step; NaN when time has no unit */
};

/* u [n_in] or NULL for none.  RNN_ERR_NUMERIC when weights or input are not finite. */
int rnn_map_of_net(const struct rnn_net *net, const double *u, struct rnn_map *map, struct rnn_err *err);
/* RNN_ERR_ARG: not factorised, gru, or units of different alpha. */
int rnn_map_reduced(const struct rnn_net *net, const double *u, struct rnn_map *map, struct rnn_err *err);
void rnn_map_release(struct rnn_map *map);

/* Scratch numbers for B states at once; enough for every function below. */
size_t rnn_map_work(const struct rnn_map *map, size_t B);
/* Y [B][N] = F(X [B][N]); Y must not be X.  work [rnn_map_work(map, B)]. */
void rnn_map_step(const struct rnn_map *map, size_t B, const double *X, double *Y, double *work);
/* J [N][N] = dF/dx at x.  relu'(0) = 0. */
void rnn_map_jacobian(const struct rnn_map *map, const double *x, double *J, double *work);
/* H [N][N] += sum_i f_i d2F_i/dx2, for the Hessian of |F(x) - x|^2 / 2.  Exact, but for gru by central differences of J'f.
 * work [rnn_map_work(map, 1)]; scratch [N][max(N, units)]. */
void rnn_map_curvature(const struct rnn_map *map, const double *x, const double *f, double *H, double *work, double *scratch);
/* F applied k times to X [B][N], in place; next [B][N] is scratch. */
void rnn_map_iterate(const struct rnn_map *map, size_t k, size_t B, double *X, double *next, double *work);
/* J = dF^k/dx at x; x_end [N] = F^k(x); JJ [2][N][N] is scratch. */
void rnn_map_jacobian_k(const struct rnn_map *map, size_t k, const double *x, double *x_end, double *J, double *JJ, double *work);

/* For reduced maps: the state of the network [units] at kappa [N] (activity: f(m k + b), which is on the orbit after a step with
 * a = 1 and at every fixed point; current: m k + b). */
void rnn_map_lift(const struct rnn_map *map, const struct rnn_net *net, const double *kappa, double *x);

/* Bounds over all states: K >= |dF(x) - dF(y)|_2 / |x - y|_2 and L >= |dF(x)|_2 (gru: over |h|_inf <= 1, where its states live).
 * K is 0 for linear maps and within one region of a piecewise-linear one; NaN when unknown. */
int rnn_map_bounds(const struct rnn_map *map, double *K, double *L, struct rnn_err *err);
/* relu: half-width of the ball around x (Euclidean) within which the map is affine; INFINITY for linear ones, 0 for smooth ones. */
double rnn_map_affine_radius(const struct rnn_map *map, const double *x, double *work);

#endif
