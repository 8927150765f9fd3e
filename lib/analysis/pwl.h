/* Fixed points and k-cycles of piecewise-linear (relu) maps.  Within a region, the pattern D of active units, the map is affine, so the
 * fixed point of a sequence of regions D_1 ... D_k is one linear solve; it is real when its orbit visits these regions.  Region
 * iteration takes the regions that the virtual orbit visits as the next guess, which ends after a few solves (SCYFI: Eisenmann et al.
 * 2023); it is begun from regions of true orbits, from random ones, and from those of every cycle found with one unit of one state
 * flipped, because cycles are born in pairs at borders.  Enumeration of all regions is exact for small networks. */
#ifndef RNN_ANALYSIS_PWL_H
#define RNN_ANALYSIS_PWL_H

#include <stdint.h>
#include "analysis/cycles.h"

/* True when the map is piecewise linear: relu in a rate or current cell, full or reduced. */
bool rnn_pwl_applies(const struct rnn_map *map);

struct rnn_pwl_options {
    size_t tries;         /* first guesses per period */
    size_t solves;        /* per guess */
    uint64_t seed, net;   /* random address: (seed, ANALYSIS, net, item = period, step = guess) */
    const double *starts; /* [n_starts][N] states whose orbits give guesses; may be NULL */
    size_t n_starts;
    double reach;         /* else uniform in [-reach, reach]^N */
    size_t transient;     /* steps before an orbit's regions are taken */
};
void rnn_pwl_options_default(struct rnn_pwl_options *o); /* 200 tries, 40 solves, reach 2, transient 500 */

/* Orbits of least period exactly k (k = 1: fixed points) into s; residual of each below 1e-10 max(1, |x|), and none on a border
 * (closer than rounding).  *solves counts the linear solves (may be NULL). */
int rnn_pwl_cycles(const struct rnn_map *map, size_t k, const struct rnn_pwl_options *o, struct rnn_cycle_set *s, uint64_t *solves,
                   struct rnn_err *err);
/* The same by trying every sequence of regions: 2^(units k) of them, at most 2^24 (else RNN_ERR_LIMIT).  Complete, but for orbits on borders and
 * for sequences whose linear system is singular (*singular counts them; they may hold a continuum; may be NULL). */
int rnn_pwl_enumerate(const struct rnn_map *map, size_t k, struct rnn_cycle_set *s, uint64_t *singular, struct rnn_err *err);

#endif
