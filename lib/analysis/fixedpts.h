/* Fixed points and slow points of a network's autonomous step F(x; u) under a constant input u, in float64.
 *
 * f(x) = F(x) - x, A = dF/dx - I, q(x) = |f|^2 / 2 (for leaky cells the step carries alpha, so speed per tau is |f| / alpha and q of the
 * flow is q / alpha^2: both are stored, and networks of different dt compare).  A start goes downhill on q by Levenberg-Marquardt with
 * the analytic Jacobian; where f can reach zero Newton's method polishes to rounding, where it cannot the full Hessian of q polishes
 * the minimum, so a slow point is a true local minimum of q and not a place where an iteration stopped. */
#ifndef RNN_ANALYSIS_FIXEDPTS_H
#define RNN_ANALYSIS_FIXEDPTS_H

#include <complex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "model/net.h"

enum rnn_fp_status { RNN_FP_FIXED, RNN_FP_SLOW, RNN_FP_FAILED };
extern const char *const rnn_fp_status_names[]; /* "fixed", "slow", "failed" */

struct rnn_fp_options {
    size_t max_iterations;   /* per start, 200 */
    double fixed_speed;      /* a point is called fixed only when |f|_inf is below this after polishing, 1e-12 */
    double slow_gradient;    /* a slow point is a minimum when |A'f| <= this * max(1, |x|), 1e-10 */
    double slow_speed;       /* minima of q faster than this (|f| / alpha) are failures, not slow points; INFINITY keeps all */
    double max_norm;         /* starts that run beyond this |x|_inf fail */
};
void rnn_fp_options_default(struct rnn_fp_options *o);

struct rnn_fp_point {
    double *x;               /* [N], owned */
    enum rnn_fp_status status;
    double residual;         /* |f|_inf */
    double q;                /* |f|^2 / 2 */
    double speed;            /* |f| / alpha */
    double gradient;         /* |A' f| */
    /* Newton-Kantorovich: with beta = |A^-1|, eta = |A^-1 f| and Lipschitz constant K of dF/dx, beta K eta <= 1/2 proves exactly one
     * fixed point within `radius` of x, and no other within `unique`.  radius NaN: not provable (singular A, no bound). */
    double radius, unique;
    size_t start;            /* index of the first start that led here */
    uint64_t hits;           /* starts that did */
    size_t iterations;
};

/* A bound K on |dF/dx(x) - dF/dx(y)|_2 / |x - y|_2 over all states (gru: over |h|_inf <= 1, where its states live); 0 for linear
 * and piecewise-linear cells inside a region; NaN when unknown. */
int rnn_fp_lipschitz(const struct rnn_net *net, double *K, struct rnn_err *err);

/* From one start [N]: fills p (x allocated).  work: see rnn_fp_work_size; one thread each. */
struct rnn_fp_problem {
    const struct rnn_net *net;
    const double *u;         /* [n_in] or NULL */
    double K;                /* rnn_fp_lipschitz */
    double alpha;
    struct rnn_fp_options opt;
};
int rnn_fp_problem_make(const struct rnn_net *net, const double *u, const struct rnn_fp_options *opt, struct rnn_fp_problem *p,
                        struct rnn_err *err);
int rnn_fp_from_start(const struct rnn_fp_problem *p, const double *start, size_t start_index, struct rnn_fp_point *out, struct rnn_err *err);

/* The points found so far, without duplicates.  Two fixed points are one when the proof says so (each root lies in the other's ball of
 * uniqueness), and two when their balls are disjoint; without proof, or for slow points, when |x - y|_inf <= `merge` max(1, |x|_inf). */
struct rnn_fp_set {
    struct rnn_fp_point *p;
    size_t n, cap, N;
    double merge;            /* 1e-7 */
    uint64_t starts, failed; /* all starts, and those that led nowhere */
};
void rnn_fp_set_init(struct rnn_fp_set *s, size_t N);
int rnn_fp_set_add(struct rnn_fp_set *s, struct rnn_fp_point *p, struct rnn_err *err); /* takes p->x */
void rnn_fp_set_release(struct rnn_fp_set *s);
/* Canonical order: fixed before slow, then by first state lexicographically on a grid of 1e-9 (the same set in the same order whatever
 * the starts' order). */
void rnn_fp_set_sort(struct rnn_fp_set *s);
/* Good-Turing estimate of the probability that the next successful start finds a new point: (points hit once) / (successful starts);
 * NaN before the first success.  Fixed and slow points count alike. */
double rnn_fp_unseen(const struct rnn_fp_set *s);

/* Linear stability at a state. */
struct rnn_fp_stability {
    size_t N;
    double _Complex *lambda;    /* [N] multipliers of the step, by modulus */
    double _Complex *right, *left; /* [N][N] columns, or NULL */
    size_t n_unstable;          /* |lambda| > 1 + margin: saddle index in the discrete sense */
    size_t n_unstable_flow;     /* Re((lambda - 1) / alpha) > margin / alpha: saddle index of the flow */
    size_t n_near_neutral;      /* within the margin of the unit circle */
    bool stable, stable_flow, near_neutral;
};
int rnn_fp_stability(const struct rnn_net *net, const double *x, const double *u, double margin, bool vectors, struct rnn_fp_stability *out,
                     struct rnn_err *err);
void rnn_fp_stability_release(struct rnn_fp_stability *s);

#endif
