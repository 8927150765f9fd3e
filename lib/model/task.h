/* Tasks: what a network is asked to do.  A task is a name, parameters and a seed; its trials are functions of an address
 * (seed, split, stream, k), so that trial k is the same whatever the batch or the count.  One file per task; the registry
 * below knows them all. */
#ifndef RNN_MODEL_TASK_H
#define RNN_MODEL_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "base/kv.h"
#include "base/array.h"
#include "model/heads.h"

enum rnn_split { RNN_TRAIN, RNN_VALIDATION, RNN_TEST, RNN_N_SPLITS };
extern const char *const rnn_split_names[]; /* "train", "validation", "test" */

enum rnn_loss { RNN_LOSS_MSE, RNN_LOSS_CE };
/* What the weighted sum of errors is divided by: all (trial, step[, channel]) positions, or the sum of weights (x channels for MSE). */
enum rnn_loss_norm { RNN_NORM_POSITIONS, RNN_NORM_WEIGHTS };
extern const char *const rnn_loss_names[], *const rnn_loss_norm_names[];

/* A block of trials, [trial][step][channel] in C order.  w is the loss weight of each step ([K][T]), 0 where padding or unscored. */
struct rnn_trials {
    size_t K, T, n_in, n_out;
    uint64_t first;            /* address of trial 0 of the block; the rest follow when contiguous */
    enum rnn_split split;
    uint64_t stream;
    float *u, *y;              /* [K][T][n_in], [K][T][n_out] */
    double *w;                 /* [K][T] */
    /* named per-trial parameters (columns): labels, classes, transitions, cue side, ... */
    struct rnn_trial_col { char *name; double *v; char **s; } *cols; /* v [K] or s [K], the other NULL */
    size_t n_cols;
};
void rnn_trials_release(struct rnn_trials *t);

struct rnn_period { char name[24]; size_t start, stop; }; /* steps [start, stop) */

/* One parameter of a task, as `taskgen --help` and the page show it. */
struct rnn_task_param {
    const char *name;          /* long option, e.g. "delay-ms" */
    enum rnn_kv_type type;     /* BOOL, INT, UINT, REAL, STR */
    const char *dflt;          /* as text */
    double min, max;           /* numbers */
    const char *choices;       /* STR: "a|b|c" or NULL */
    const char *unit, *help;
};

struct rnn_task;
/* What a kind of task can do.  All functions are pure. */
struct rnn_task_def {
    const char *name, *summary; /* one line */
    const char *about;          /* a paragraph */
    const struct rnn_task_param *params; /* ends with name NULL */
    const char *preset;         /* training recipe used when nothing is said */
    const char *const *metrics; /* names of what `score` returns, unless the task has its own, ends with NULL; metrics[0] is the accuracy of the study (or its closest) */
    /* Fills the fields of rnn_task from params; may set priv, and may replace a parameter left open ("auto") by its resolved value:
     * making the task again from the resolved parameters gives the same task. */
    int (*prepare)(struct rnn_task *t, struct rnn_err *err);
    void (*release)(struct rnn_task *t);
    int (*columns)(const struct rnn_task *t, struct rnn_trials *out, struct rnn_err *err); /* allocates out->cols; NULL: none */
    /* Writes trials with the addresses index[0..K) (or first..first+K when index is NULL) into out, T = rnn_task_steps(). */
    int (*trials)(const struct rnn_task *t, enum rnn_split split, uint64_t stream, const uint64_t *index, struct rnn_trials *out,
                  struct rnn_err *err);
    /* Scores outputs o (float or double given as double) [K][T][n_out] against the trials: metrics[i] into out[i]. */
    int (*score)(const struct rnn_task *t, const struct rnn_trials *tr, const float *o, double *out, struct rnn_err *err);
};

struct rnn_task {
    const struct rnn_task_def *def; /* NULL: a user's task, known by its trials only */
    char name[32];
    char id[24];                    /* hash of the task frame's body without id */
    struct rnn_kvs params;          /* every parameter, defaults included */
    struct rnn_kvs labels;          /* --label of who stated it; passed on to nets; no part of the id */
    uint64_t seed;
    size_t n_in, n_out, steps;      /* steps: of a full trial at the default horizon */
    size_t horizon_base;            /* history tasks: steps = horizon_base + horizon; 0: no horizon */
    size_t horizon;                 /* default horizon */
    double dt_ms;                   /* NaN when time has no unit */
    enum rnn_loss loss;
    enum rnn_loss_norm norm;
    enum rnn_readout_hint { RNN_HINT_LINEAR, RNN_HINT_SIGMOID, RNN_HINT_SOFTMAX } readout;
    struct rnn_period *periods; size_t n_periods; /* at the default horizon; a longer trial prolongs the last period */
    bool is_finite;                 /* every split is a list of n_split trials, and 0 means empty; else n_split is 0: drawn afresh */
    uint64_t n_split[RNN_N_SPLITS]; /* number of distinct trials per split; 0: unlimited, unless is_finite */
    uint64_t n_emit[RNN_N_SPLITS];  /* how many taskgen emits by default */
    bool is_static;                 /* every batch of a given size is the same (cue-discrimination): generate once */
    /* Closed loop (sequence --objective next-token): the study scores free runs.  Who runs one feeds the true inputs of steps
     * 0 .. cue_steps-1 and from then on, as input of step t, the one-hot of argmax o(t-1); n_in == n_out.  score() takes the outputs of
     * such a run or of an ordinary (teacher-forced) one: its first metric, the share of trials completed without error, is the same
     * for both, because the two runs part only after the first wrong token.  The other metrics differ. */
    bool closed_loop;
    size_t cue_steps;               /* closed loop: steps fed before it runs on its own output */
    struct rnn_heads heads;         /* what the outputs answer, when they answer several questions; cross-entropy of a linear read-out */
    bool is_decoded;                /* the last head (without heads: every output) is to be given by a decoder (net.h) from the end of the
                                       trial: read at the step of its target, it would only have to repeat its input */
    const char *const *metrics;     /* names of what score() returns for this task, ends with NULL; NULL: those of the definition */
    /* history operator: u(t) = sum_m C_m u(t-s-1+m), F = [C_1 .. C_s] [dims][lags*dims] row-major; NULL otherwise */
    size_t lags, dims; double *F;
    char **channel_in, **channel_out; /* names of channels, may be NULL */
    void *priv;
};

/* Random addresses (num/rng.h).  Structure (splits, suffixes): purpose TASK.  Contents of trial k: purpose TRIAL, net = stream,
 * item = k, step = split; token noise likewise under TOKEN_NOISE.  stream >= 2^26 or k >= 2^32 is RNN_ERR_LIMIT. */

/* Names of what is measured, ending with NULL: the task's, its definition's, or NULL: the generic ones (model/run.h). */
const char *const *rnn_task_metrics(const struct rnn_task *t);

const struct rnn_task_def *const *rnn_task_defs(size_t *n);
const struct rnn_task_def *rnn_task_def_find(const char *name); /* NULL when unknown */
/* Makes a task from its name and parameters (missing ones take their defaults; unknown keys and values out of range are errors that
 * name them). */
int rnn_task_make(struct rnn_task **t, const char *name, const struct rnn_kvs *params, uint64_t seed, struct rnn_err *err);
void rnn_task_free(struct rnn_task *t);
size_t rnn_task_steps(const struct rnn_task *t, size_t horizon); /* horizon 0: the default */
/* Allocates and fills K trials (first .. first+K, or index[]).  horizon 0: default; for a task without horizon anything else is
 * RNN_ERR_ARG, as is a trial beyond n_split.  Nothing is left to release on failure. */
int rnn_task_trials(const struct rnn_task *t, enum rnn_split split, uint64_t stream, const uint64_t *index, uint64_t first,
                    size_t K, size_t horizon, struct rnn_trials *out, struct rnn_err *err);
/* Refills trials allocated by the call above with other addresses: no allocation. */
int rnn_task_refill(const struct rnn_task *t, const uint64_t *index, uint64_t first, struct rnn_trials *tr, struct rnn_err *err);

#endif
