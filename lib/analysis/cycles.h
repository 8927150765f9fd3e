/* Periodic orbits of a map: k-cycles of smooth networks by the finder of fixedpts.h on F^k, and the set that holds them.
 * An orbit is one item whatever state of it was met; its period is the least one. */
#ifndef RNN_ANALYSIS_CYCLES_H
#define RNN_ANALYSIS_CYCLES_H

#include <complex.h>
#include "analysis/fixedpts.h"

struct rnn_cycle {
    size_t period;              /* least */
    double *x;                  /* [period][N], owned; begins at the lexicographically smallest state */
    double residual;            /* |F^k(x) - x|_inf at the first state */
    double radius;              /* Newton-Kantorovich at the first state; NaN: no proof.  Piecewise linear: distance at which it is exact */
    double margin;              /* piecewise linear: least |pre-activation| over units and states (how far from a border); else NaN */
    double _Complex *lambda;    /* [N] multipliers of the orbit, owned */
    bool stable;                /* all inside the unit circle */
    uint64_t hits;
};

struct rnn_cycle_set {
    struct rnn_cycle *c;
    size_t n, cap, N;
    double merge;               /* states of one orbit lie within merge * max(1, |x|_inf), 1e-7 */
};
void rnn_cycle_set_init(struct rnn_cycle_set *s, size_t N);
void rnn_cycle_set_release(struct rnn_cycle_set *s);
/* The orbit of x [N] under `period` steps: finds the least period, the canonical start and the multipliers, and adds it unless it is
 * there (then only hits grows by `hits`).  radius, margin: as above.  *is_new may be NULL. */
int rnn_cycle_set_add(struct rnn_cycle_set *s, const struct rnn_map *map, size_t period, const double *x, double radius, double margin,
                      uint64_t hits, bool *is_new, struct rnn_err *err);
/* By period, then by first state. */
void rnn_cycle_set_sort(struct rnn_cycle_set *s);

/* Every orbit of least period dividing `period` (1 included) that Newton's method on F^period - x meets from B starts [B][N], into s.
 * Long periods of strongly expanding maps are ill-conditioned: an orbit is taken only when its residual is below `opt`'s fixed_speed. */
int rnn_cycles_from_starts(const struct rnn_map *map, size_t period, const struct rnn_fp_options *opt, size_t B, const double *starts,
                           struct rnn_cycle_set *s, struct rnn_err *err);

#endif
