/* A sweep over learning rate and delay: boundaries of a behaviour, their exponent, and what resampling seeds says of both.
 * Networks of one seed share initial weights in every cell (a paired design), so seeds are resampled, not networks. */
#ifndef RNN_THEORY_SCALING_GRID_H
#define RNN_THEORY_SCALING_GRID_H

#include "theory/scaling.h"

struct rnn_scaling_grid {
    size_t n_rates, n_delays, n_seeds;
    const double *rate, *delay; /* distinct values, ascending */
    const double *hit;          /* [rate][delay][seed]: 1, 0, or NaN where the network is missing; fractions with n_seeds = 1 */
};

enum rnn_boundary_fit { RNN_FIT_ONSET, RNN_FIT_ONSET_GLOBAL, RNN_FIT_LOGISTIC, RNN_FIT_CROSSING };
extern const char *const rnn_boundary_fit_names[]; /* "onset", "onset-global", "logistic", "crossing" */

struct rnn_boundary_method {
    enum rnn_boundary_fit fit;
    bool along_rate;      /* a curve against ln rate for every delay (the control without memory) instead of one against delay for every rate */
    double start[2];      /* of onset and logistic */
    double skip_below;    /* curves whose largest fraction is below this have no boundary */
    double level;         /* of crossing */
    double step_ms;       /* of onset-global */
};
void rnn_boundary_method_default(struct rnn_boundary_method *m, enum rnn_boundary_fit fit);

/* Whether resamples agree on the sign of an exponent: its 95 % interval lies on one side of 0, and at least 95 % of them have one. */
enum rnn_determined { RNN_UNTOLD, RNN_UNDETERMINED, RNN_DETERMINED }; /* UNTOLD: without resamples */
extern const char *const rnn_determined_names[]; /* "", "no", "yes" */

/* Results over the curves (n_rates, or n_delays when along_rate). */
struct rnn_boundary {
    size_t n_curves, n_draws;
    double *at, *steep, *largest;  /* [n_curves] boundary (ms, or ln rate), NaN: none; steepness; largest fraction */
    double *lo, *hi;               /* [n_curves] 95 % over draws that have a boundary; NaN without draws */
    struct rnn_line line;          /* ln rate on ln delay; exponent beta = -slope */
    double *beta;                  /* [n_draws] exponents of the resamples (NaN where fewer than three boundaries) */
    double beta_lo, beta_hi;
    size_t n_beta;                 /* resamples that have an exponent */
    enum rnn_determined determined;
};
/* draws resamples of seeds; the same (seed, draws, n_seeds) resamples alike for every behaviour, so that exponents can be compared draw
 * by draw.  RNN_NOT_CONVERGED when fewer than three curves have a boundary (line is then NaN). */
int rnn_boundary_measure(const struct rnn_scaling_grid *g, const struct rnn_boundary_method *m, size_t draws, uint64_t seed,
                         struct rnn_boundary *out, struct rnn_err *err);
void rnn_boundary_release(struct rnn_boundary *b);

#endif
