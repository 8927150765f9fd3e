/* Fixed points, slow points and k-cycles of a map x -> F(x) (analysis/map.h), in float64.
 *
 * f(x) = F^k(x) - x, A = dF^k/dx - I, q(x) = |f|^2 / 2; k = 1 for fixed points.  For leaky cells the step carries alpha, so the speed
 * per time constant is |f| / alpha and q of the flow is q / alpha^2: both can be had from what is stored, and networks of different dt
 * compare.  Starts go downhill on q side by side: Newton's direction where it helps, Levenberg and Marquardt's where it does not, each
 * start with a damping and an end of its own, all evaluations of a round in one matrix product.  Where f can reach zero Newton's
 * method polishes to rounding; where it cannot the full Hessian of q does, so a slow point is a true local minimum of q and not a
 * place where an iteration was stopped. */
#ifndef RNN_ANALYSIS_FIXEDPTS_H
#define RNN_ANALYSIS_FIXEDPTS_H

#include <complex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "analysis/map.h"
#include "base/err.h"

enum rnn_fp_status { RNN_FP_FIXED, RNN_FP_SLOW, RNN_FP_FAILED };
extern const char *const rnn_fp_status_names[]; /* "fixed", "slow", "failed" */

struct rnn_fp_options {
    size_t max_iterations;   /* rounds per start, 300 */
    double fixed_speed;      /* a point is fixed only when |f|_inf is below this (times max(1, |x|_inf)) after polishing, 1e-12 */
    double slow_gradient;    /* a slow point is a minimum when |A'f| <= this * max(1, |x|_inf), 1e-10 */
    double slow_speed;       /* minima of q faster than this (|f| / alpha) fail; INFINITY keeps all */
    double max_norm;         /* starts that run beyond this |x|_inf fail, 1e6 */
};
void rnn_fp_options_default(struct rnn_fp_options *o);

struct rnn_fp_point {
    double *x;               /* [N], owned */
    enum rnn_fp_status status;
    double residual;         /* |f|_inf */
    double q;                /* |f|^2 / 2 */
    double speed;            /* |f| / alpha */
    double gradient;         /* |A' f| */
    /* Newton-Kantorovich: with beta = |A^-1|, eta = |A^-1 f| and Lipschitz constant K of dF^k/dx, beta K eta <= 1/2 proves exactly one
     * root within `radius` of x, and no other within `unique` (Ortega 1968).  NaN: not provable (singular A, or no bound K).
     * basin: Newton's method from within 2 / (3 beta K) of the root converges to it (Traub & Wozniakowski 1979); 0 when unknown. */
    double radius, unique, basin;
    size_t start;            /* index of the first start that led here */
    uint64_t hits;           /* starts that did */
    size_t iterations;       /* rounds of that start */
};

struct rnn_fp_problem {
    const struct rnn_map *map;
    size_t period;           /* k */
    double K;                /* Lipschitz constant of dF^k/dx; NaN when unknown */
    struct rnn_fp_options opt;
};
int rnn_fp_problem_make(const struct rnn_map *map, size_t period, const struct rnn_fp_options *opt, struct rnn_fp_problem *p,
                        struct rnn_err *err);

/* The points found so far, without duplicates.  Two fixed points are one when the proof says so (one lies in the other's ball of
 * uniqueness or basin), and two when their balls are disjoint; without proof, or for slow points, when |x - y|_inf <= merge max(1, |x|_inf). */
struct rnn_fp_set {
    struct rnn_fp_point *p;
    size_t n, cap, N;
    double merge;            /* 1e-7 for fixed points; ten times that for slow ones, which are known less sharply */
    uint64_t starts, failed; /* all starts, and those that led nowhere */
};
void rnn_fp_set_init(struct rnn_fp_set *s, size_t N);
int rnn_fp_set_add(struct rnn_fp_set *s, struct rnn_fp_point *p, struct rnn_err *err); /* takes p->x; counts p->hits starts */
/* Moves everything from `from` (which is left empty) into s. */
int rnn_fp_set_merge(struct rnn_fp_set *s, struct rnn_fp_set *from, struct rnn_err *err);
void rnn_fp_set_release(struct rnn_fp_set *s);
/* Canonical order: fixed before slow, then by states lexicographically on a grid of 1e-6, then in full (the same set comes in the same
 * order whatever the order of the starts). */
void rnn_fp_set_sort(struct rnn_fp_set *s);
/* Good-Turing estimate of the probability that the next successful start finds a new point: (points hit once) / (successful starts);
 * NaN before the first success.  Fixed and slow points count alike. */
double rnn_fp_unseen(const struct rnn_fp_set *s);

/* From B starts [B][N], numbered from `first`, into s.  Memory: 7 B N + 4 N^2 numbers.  known (NULL: nothing): roots found before; a start
 * that enters the basin of one is a hit of it without further work.  The result depends on starts and known alone, not on s. */
int rnn_fp_from_starts(const struct rnn_fp_problem *p, size_t B, const double *starts, size_t first, const struct rnn_fp_set *known,
                       struct rnn_fp_set *s, struct rnn_err *err);

/* Linear stability of the k-th power of the map at a state. */
struct rnn_fp_stability {
    size_t N;
    double _Complex *lambda;    /* [N] multipliers, by modulus */
    double _Complex *right, *left; /* [N][N] columns, or NULL */
    size_t n_unstable;          /* |lambda| > 1: saddle index in the discrete sense */
    size_t n_unstable_flow;     /* Re(lambda) > 1: saddle index of the flow dx/dt = (F(x) - x) / dt, whose eigenvalues are (lambda - 1) / dt */
    size_t n_near_neutral;      /* within the margin of the unit circle */
    double margin;              /* asked for */
    bool stable, stable_flow, near_neutral;
};
int rnn_fp_stability(const struct rnn_map *map, size_t period, const double *x, double margin, bool vectors, struct rnn_fp_stability *out,
                     struct rnn_err *err);
void rnn_fp_stability_release(struct rnn_fp_stability *s);

#endif
