/* rnn-rollout's job: networks run through their trials and on for several trial lengths, alone and against each other.
 *
 * With r_i(t) the rate of unit i after step t, N units, T steps in a trial and steps t = 0 .. L-1, L = lengths T:
 *   speed(t)     sqrt(mean_i (r_i(t+1) - r_i(t))^2)           per step; missing at t = L-1
 *   distance(t)  sqrt(mean_i (r_i(t) - r_i(T-1))^2)           from where the trial ended
 *   peak_i       the step of the trial at which |r_i| is largest, the first of several
 * averaged over trials. */
#ifndef RNN_TOOL_ROLLOUT_H
#define RNN_TOOL_ROLLOUT_H

#include "io/writer.h"
#include "model/net.h"
#include "model/task.h"

/* What is kept of one network; owned. */
struct tool_rollout_net {
    char *id, *group;           /* group: what it is compared by */
    struct rnn_kvs labels;
    size_t index;
    int64_t seed;               /* of training: networks of equal seed and index share their initial weights */
    size_t K, T, L, N, n_out, rank;
    double dt_ms;
    float *r;                   /* [K][L][N] rates */
    float *o;                   /* [K][L][n_out] */
    float *latent;              /* [K][L][rank] kappa = n r, or NULL */
    double *speed, *distance;   /* [L] */
    double *peak;               /* [K][N] */
};
struct tool_rollout_nets { struct tool_rollout_net *v; size_t n, cap; };

/* Root mean square of a - b over N units. */
double tool_rms(size_t N, const float *a, const float *b);

/* Appends what net does on the trials and for lengths - 1 trial lengths after them, with its own noise.
 * RNN_NOT_CONVERGED: it left the finite numbers on the way, and is not appended. */
int tool_rollout_run(struct tool_rollout_nets *all, const struct rnn_net *net, const struct rnn_trials *tr, size_t lengths, uint64_t seed,
                     struct rnn_err *err);
void tool_rollout_release(struct tool_rollout_nets *all);

/* Tables rollout (a row per network and step) and rollout_mean (per group and step, percentile bootstrap over networks). */
int tool_rollout_write(struct rnn_writer *w, const struct tool_rollout_nets *all, size_t draws, uint64_t seed, struct rnn_err *err);
/* Arrays of one network: raster [unit][step] of the first trial, sorted by peak; raster_units; outputs, orbit (three principal axes of
 * all rates) and, of factorised networks, latent. */
int tool_rollout_arrays(struct rnn_writer *w, const struct tool_rollout_net *n, struct rnn_err *err);
/* Tables alike (a row per pair of networks), alike_mean (per pair of groups) and apart (the distance between networks of one start
 * against time); intervals from resampling starts, which several pairs share. */
int tool_rollout_pairs(struct rnn_writer *w, const struct tool_rollout_nets *all, size_t draws, uint64_t seed, struct rnn_err *err);

#endif
