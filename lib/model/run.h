/* Running a network on trials, outside training: outputs, states, loss and the scores of its task.
 *
 * Trials go through the engine in blocks of RNN_RUN_BLOCK rows: trial k is row k mod B of block k div B and the last block
 * is padded, so that a trial's numbers do not depend on how many others were asked for (GEMM results depend on shape and
 * row).  Long runs go in pieces of a fixed number of steps that depends on N only; the state is carried over exactly. */
#ifndef RNN_MODEL_RUN_H
#define RNN_MODEL_RUN_H

#include "model/engine.h"

#define RNN_RUN_BLOCK ((size_t)128)

/* Called once per block, in order, with the states of its K trials: x [K][T'][n], n units or numbers of z, T' = ceil(T / thin)
 * steps 0, thin, ...;
 * r0 [K][N] are the rates they started from and o [K][T][n_out] their outputs; first = position of the first trial among those
 * run.  Negative: stop. */
struct rnn_run_seen { size_t first, K, n_steps, T; const float *x, *r0, *o; };
typedef int rnn_run_sink(void *arg, const struct rnn_run_seen *seen, struct rnn_err *err);

struct rnn_run_opts {
    uint64_t seed;           /* of noise, initial states and kicks (RUN_ purposes; address: net->index, split, block or trial) */
    bool replace_noise;      /* run with recurrent noise `noise` (sigma, in the net's own scaling) instead of the net's */
    double noise;
    double kick_sd;          /* > 0: adds kick_sd * N(0,1) to every number of the state before step kick_step */
    size_t kick_step;
    const double *kick_along; /* [N] adds kick_sd times this instead, the same for every trial; or NULL */
    const size_t *silent; size_t n_silent; /* units whose rate is held at zero for everything that listens to them */
    size_t extra_steps;      /* zero-input steps after the end of each trial */
    const double *state0;    /* [K][n_state] initial states instead of the net's law, or NULL */
    bool open_loop;          /* do not free-run tasks that are scored in closed loop: true inputs throughout */
    bool use_double;         /* float64 whatever the net's precision */
    rnn_run_sink *sink; void *sink_arg; /* NULL: states are not collected */
    enum rnn_see see;        /* what the sink gets: rates, states, or the z of a network with a decoder */
    const size_t *units; size_t n_units; /* the units (numbers of z) it gets, or NULL for all */
    size_t thin;             /* every thin-th step; 0 means 1 */
};
#define RNN_RUN_DEFAULT { .thin = 1 }
/* Numbers per trial and step that the sink gets. */
size_t rnn_run_width(const struct rnn_spec *s, const struct rnn_run_opts *o);

/* Generic metrics, for tasks that bring no score of their own; weights are those of the loss, steps of weight 0 do not count.
 *   accuracy  share of steps whose largest output is where the one largest target is; with one output, share of
 *             steps on the right side of the middle of the targets' range.  NaN when no step tells.
 *   mse       sum w (o - y)^2 / (sum w x n_out)
 *   r2        1 - sum w (o - y)^2 / sum w (y - mean y)^2, the mean per channel */
enum { RNN_GENERIC_ACCURACY, RNN_GENERIC_MSE, RNN_GENERIC_R2, RNN_N_GENERIC };
extern const char *const rnn_generic_metrics[]; /* ends with NULL */
void rnn_generic_score(const struct rnn_trials *tr, const float *o, double out[RNN_N_GENERIC]);

#define RNN_RUN_MAX_METRICS 24
struct rnn_run_result {
    size_t K, T, n_out;      /* trials; steps with extra_steps */
    float *o;                /* [K][T][n_out], after the read-out nonlinearity; true inputs at every step */
    float *o_free;           /* [K][trial steps][n_out] of the free run, or NULL */
    double *last;            /* [K][n_state] states after the last step */
    double loss;             /* the task's, over all trials, true inputs; without penalties */
    double *period_loss;     /* [task->n_periods] the same restricted to the steps of a period, divided by its own positions */
    const char *const *metrics; /* names of metric[], ends with NULL; borrowed from the task's definition */
    size_t n_metrics;
    double metric[RNN_RUN_MAX_METRICS]; /* metric[0] is the accuracy */
    double noise;            /* sigma of the recurrent noise used */
};
void rnn_run_release(struct rnn_run_result *r);

/* Runs net on all trials of tr and scores them once over all of them.  task may be NULL (then no loss and the generic metrics only).
 * A task that is scored in closed loop is run twice: with true inputs (loss, o) and freely (o_free, metrics); the free run
 * has no noise.  RNN_ERR_ARG when net and trials do not fit each other. */
int rnn_run_score(const struct rnn_net *net, const struct rnn_task *task, const struct rnn_trials *tr, const struct rnn_run_opts *opts,
                  struct rnn_run_result *out, struct rnn_err *err);

/* The same with the engine kept from call to call (validation while training): a runner belongs to one thread. */
struct rnn_runner;
int rnn_runner_new(struct rnn_runner **r, const struct rnn_spec *spec, int precision_bits, struct rnn_err *err);
void rnn_runner_free(struct rnn_runner *r);
/* theta [params.total], index: the net's random address.  opts->replace_noise and use_double are the runner's own: they must be unset. */
int rnn_runner_score(struct rnn_runner *r, const double *theta, uint64_t index, const struct rnn_task *task, const struct rnn_trials *tr,
                     const struct rnn_run_opts *opts, struct rnn_run_result *out, struct rnn_err *err);

/* Loss of outputs o [K][T][n_out] against trials, over steps [start, stop): see enum rnn_loss_norm.  Cross-entropy takes logits of
 * a linear read-out, probabilities of a softmax one, and the binary form (a mean over channels too) for sigmoid ones. */
double rnn_run_loss(const struct rnn_trials *tr, const float *o, enum rnn_loss loss, enum rnn_loss_norm norm, enum rnn_readout readout,
                    size_t start, size_t stop);
/* The steps [*start, *stop) of period i in trials of T steps: what ends with the task's own trial ends with these. */
void rnn_run_period(const struct rnn_task *task, size_t i, size_t T, size_t *start, size_t *stop);

#endif
