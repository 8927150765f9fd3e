/* Limit cycles of the flow behind a leaky network, dx_i/dt = (F_i(x) - x_i) / dt: with a_i = dt / tau_i this is
 * tau_i dx_i/dt = -x_i + ..., each unit with its own time constant, whatever step the network was trained with.  For a cell without a
 * time step (dt NaN or not leaky) the unit of time is one step.
 *
 * A trajectory is followed until it comes back to where it was, moving the same way; Newton's method on (x, T) then solves
 * phi_T(x) = x with the variational equation integrated alongside (single shooting), and the monodromy matrix gives the Floquet
 * multipliers.  Fourth-order Runge-Kutta; the error of the period is estimated from half the steps. */
#ifndef RNN_ANALYSIS_LIMIT_CYCLE_H
#define RNN_ANALYSIS_LIMIT_CYCLE_H

#include <complex.h>
#include <stdbool.h>
#include "analysis/map.h"

struct rnn_limit_cycle_options {
    double transient;        /* time constants (the slowest unit's) before looking, 200 */
    double patience;         /* and to look for a return, 500 */
    double step;             /* of the search, in the fastest unit's time constants, 0.05 */
    size_t steps_per_period; /* of the shooting, 1000 */
    double still;            /* |dx/dt| tau below which the trajectory has settled, 1e-6 */
    double tolerance;        /* |phi_T(x) - x|_inf, 1e-9 */
};
void rnn_limit_cycle_options_default(struct rnn_limit_cycle_options *o);

enum rnn_limit_cycle_status { RNN_LC_CYCLE, RNN_LC_SETTLES, RNN_LC_NO_RETURN, RNN_LC_NOT_CONVERGED };
extern const char *const rnn_limit_cycle_status_names[]; /* "cycle", "settles", "no-return", "not-converged" */

struct rnn_limit_cycle {
    enum rnn_limit_cycle_status status;
    double period, period_error; /* in the unit of dt; for an elman or gru cell in steps */
    double *orbit;               /* [n_orbit][N], equally spaced in time, the first state not repeated; owned */
    size_t n_orbit;
    double *low, *high;          /* [N] extremes of each coordinate over a period (parabolic between samples), owned */
    double residual;             /* |phi_T(x) - x|_inf */
    double _Complex *floquet;    /* [N] owned; the trivial multiplier is floquet[trivial] */
    size_t trivial;
    bool stable;                 /* all others inside the unit circle */
    double speed;                /* |dx/dt| tau at the end of the transient */
};
/* From x [N] (unchanged).  RNN_OK with a status, also when no cycle is found (no-return: it ran away, or turns elsewhere). */
int rnn_limit_cycle_find(const struct rnn_map *map, const double *x, const struct rnn_limit_cycle_options *o, struct rnn_limit_cycle *out,
                         struct rnn_err *err);
void rnn_limit_cycle_release(struct rnn_limit_cycle *c);

#endif
