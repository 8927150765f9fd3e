/* Training networks by back-propagation through time: configuration, one network's training as a resumable object, and
 * nothing about files or streams. */
#ifndef RNN_MODEL_TRAIN_H
#define RNN_MODEL_TRAIN_H

#include "model/engine.h"
#include "num/optim.h"

/* Learning rate of the update with number u (from 0), lr0 being --lr and U the number of updates; after `warmup`, in the
 * first w updates of which every schedule is multiplied by (u + 1) / w:
 *   step         lr0 gamma^floor(u / every)         exponential  lr0 gamma^(u / every)
 *   cosine       lr0 (end + (1 - end) (1 + cos(pi u / U)) / 2)    linear  lr0 (1 - (1 - end) u / U) */
enum rnn_schedule { RNN_LR_CONSTANT, RNN_LR_STEP, RNN_LR_EXPONENTIAL, RNN_LR_COSINE, RNN_LR_LINEAR };
extern const char *const rnn_schedule_names[], *const rnn_optim_names[];

enum rnn_loss_steps { RNN_STEPS_TASK, RNN_STEPS_LAST, RNN_STEPS_ALL };

/* Tokens that a network predicts in a row, all but the first from its own draws (train_rollout.c has the equation); `rollout` being --rollout:
 *   constant    k = rollout       linear    k = 1 + floor(epoch / epochs * rollout), epoch from 0 */
enum rnn_rollout_schedule { RNN_ROLLOUT_CONSTANT, RNN_ROLLOUT_LINEAR };
extern const char *const rnn_rollout_schedule_names[];

struct rnn_train_config {
    struct rnn_spec spec;            /* n_in, n_out are taken from the task */
    struct rnn_init_plan init;
    struct rnn_optim optim;
    double lr;
    enum rnn_schedule schedule; double lr_gamma; uint64_t lr_every; double lr_end; uint64_t warmup;
    double clip;                     /* global gradient norm, g *= min(1, clip / (|g| + 1e-6)) as PyTorch does; 0: off */
    struct rnn_penalty penalty;      /* added to the gradient; the loss that is logged is the data's alone */
    size_t batch;                    /* trials per update; 0: the whole of a finite training set */
    uint64_t updates, epochs;        /* exactly one is > 0; epochs need a finite training set */
    size_t bptt;
    bool shuffle;                    /* finite training sets: a fresh permutation each epoch */
    bool drop_last;                  /* an incomplete last batch of an epoch is dropped */
    bool same_trials;                /* every net sees stream 0, and the same order */
    int loss;                        /* enum rnn_loss, or -1: the task's */
    int norm;                        /* enum rnn_loss_norm, or -1 */
    enum rnn_loss_steps loss_steps;  /* LAST: each trial's last scored step alone; ALL: every step with weight 1 */
    size_t rollout;                  /* closed-loop tasks: predicted tokens in a row; 1: the true tokens throughout (teacher forcing) */
    enum rnn_rollout_schedule rollout_schedule;
    /* horizon curriculum: advance one stage as soon as one training batch has accuracy > threshold */
    size_t *curriculum; size_t n_curriculum; double curriculum_at;
    /* masks on W_rec */
    double sparsity;                 /* share of the entries held at zero, drawn per net */
    double tau_to;                   /* > 0: time constants that differ between units, tau_ms (tau_to / tau_ms)^(i / (N-1)) for
                                        unit i; spec.alpha_per_unit must be set */
    double dale;                     /* share of excitatory units, the first ones; < 0: off.  Columns keep their sign by projection
                                        after each update */
    bool dale_balance;               /* initial W_rec of law: columns of n_exc excitatory and n_inh inhibitory units times
                                        sqrt(n_inh / n_exc) and sqrt(n_exc / n_inh), so that rows sum to 0 in the mean and the mean square
                                        stays (Rajan & Abbott, PRL 97 (2006)) */
    char **freeze; size_t n_freeze;  /* names of parameters that are not trained */
    char **load; size_t n_load;      /* parameters taken from the donor; none named: all that it has */
    /* when to stop early; NaN or 0: off */
    double stop_accuracy, stop_loss; /* of the training batch, or of the validation trials when there are any */
    uint64_t stop_patience; double stop_min_delta; /* updates without a loss below best * (1 - min_delta) */
    double stop_ratio;               /* loss / loss_0 below */
    double diverged_at;              /* a loss above this (or not finite) ends the net as diverged; inf: only not finite */
    /* What counts as learned.  learned_at: mean over the last tenth of the updates of every rule metric above this (the first
     * metric of the task; the first two with learned_stable), finite training sets without scored batches: accuracy on the set at
     * the end.  NaN: no such rule.  learned_stable adds the stability rule of Kurtkaya et al. 2025 (code): with f the
     * first update where both metrics exceed 0.8, stable = (#<0.6) / (#>0.6) < 0.1 over the updates from f on.
     * learned_ratio: last loss / loss_0 at most this. */
    double learned_at; bool learned_stable; double learned_ratio;
    /* record keeping */
    uint64_t log_every;              /* updates between rows; 0: every epoch, or 200 rows */
    bool log_spaced;                 /* 20 rows per decade instead */
    uint64_t *snapshots; size_t n_snapshots; /* ascending numbers of updates done */
    bool count_modes; double modes_at;       /* eigenvalues of W_rec with modulus >= modes_at, with every row */
    uint64_t validate_every; size_t validate_trials; /* 0: off */
    bool reduced;                    /* exact reduced form of low-rank networks without input: model/reduced.h */
    int precision_bits;
    uint64_t seed;
};

void rnn_train_config_default(struct rnn_train_config *c);
void rnn_train_config_release(struct rnn_train_config *c);

/* What the nets of an ensemble are trained on; borrowed, read-only, shared by the workers. */
struct rnn_train_data {
    const struct rnn_task *task;
    const struct rnn_trials *train;       /* given trials: a finite training set; NULL: drawn from the task */
    const struct rnn_trials *validation;  /* given; NULL: drawn from the task */
    const double *state0;                 /* [batch][n_state] initial states of every update instead of the law, or NULL */
};

/* Completes a configuration against a task and checks the whole of it: dimensions, combinations that have no meaning
 * (RNN_ERR_ARG, naming the options), horizons, names of parameters.  To be called once before any trainer is made. */
int rnn_train_resolve(struct rnn_train_config *c, const struct rnn_train_data *d, struct rnn_err *err);
/* After resolve: number of trials of a finite training set (0: drawn afresh), updates per epoch (0), updates in all. */
uint64_t rnn_train_set_size(const struct rnn_train_config *c, const struct rnn_train_data *d);
uint64_t rnn_train_epoch_updates(const struct rnn_train_config *c, const struct rnn_train_data *d);
uint64_t rnn_train_updates(const struct rnn_train_config *c, const struct rnn_train_data *d);
double rnn_train_lr(const struct rnn_train_config *c, uint64_t total, uint64_t update);

/* Bytes that one net in training holds at most, by part; the sum is what a trainer allocates, and in `result` the finished net (values and
 * initial values) with its frames, made while the trainer still lives. */
struct rnn_train_memory { size_t params, engine, batch, history, log, snapshots, result, total; };
int rnn_train_memory(const struct rnn_train_config *c, const struct rnn_train_data *d, struct rnn_train_memory *m, struct rnn_err *err);

/* A learning curve: one row per logged update, described by the parameters before that update.  Missing values are NaN. */
struct rnn_learning {
    size_t n_cols, n_rows, cap;
    char (*names)[32]; /* update, epoch, loss, loss_mean, <metrics>, val_loss, val_<metrics>, horizon, lr, grad_norm, modes */
    double *v;         /* [n_rows][n_cols] */
};

/* Names of the metrics in a curve, ending with NULL: the task's, or the generic ones (model/run.h) of a user's own task. */
const char *const *rnn_train_metrics(const struct rnn_task *task);

/* One net in training.  Belongs to one thread at a time; the configuration and data must outlive it. */
struct rnn_trainer;
/* donor: its parameters (c->load) replace the drawn ones before training; RNN_ERR_ARG when shapes differ, or a block has no place.
 * May be NULL. */
int rnn_trainer_new(struct rnn_trainer **t, const struct rnn_train_config *c, const struct rnn_train_data *d,
                    const struct rnn_net *donor, uint64_t net, struct rnn_err *err);
void rnn_trainer_free(struct rnn_trainer *t);
/* Up to k more updates.  RNN_OK: more to do; RNN_EOS: done (all updates, an early stop, or divergence).  How the updates
 * are cut into calls changes nothing. */
int rnn_trainer_advance(struct rnn_trainer *t, uint64_t k, struct rnn_err *err);
uint64_t rnn_trainer_update(const struct rnn_trainer *t); /* updates done */
double rnn_trainer_loss(const struct rnn_trainer *t);     /* of the last update; NaN before the first */
const struct rnn_learning *rnn_trainer_learning(const struct rnn_trainer *t);
/* Copies theta [params.total] as it stands. */
void rnn_trainer_theta(const struct rnn_trainer *t, double *theta);
/* The net as it stands with its status, reason, summary, theta0; id "net-%04u", labels empty.  The caller owns it. */
int rnn_trainer_finish(const struct rnn_trainer *t, struct rnn_net **net, struct rnn_err *err);
/* Snapshot i of those taken so far (RNN_EOS beyond), as a net with id "net-%04u@UPDATE", status untrained, reason "snapshot", label
 * `snapshot` = number of updates done. */
int rnn_trainer_snapshot(const struct rnn_trainer *t, size_t i, struct rnn_net **net, struct rnn_err *err);

/* The whole state (parameters, moments, counters, curve, snapshots, stop and curriculum state) as bytes, to be loaded into
 * a fresh trainer of the same configuration, data, donor and number on a machine of the same kind: training then goes on bit by bit
 * as if never interrupted.  *buf is grown as by rnn_grow.  Load fails with RNN_ERR_FORMAT on bytes that do not fit. */
int rnn_trainer_save(const struct rnn_trainer *t, unsigned char **buf, size_t *cap, size_t *len, struct rnn_err *err);
int rnn_trainer_load(struct rnn_trainer *t, const unsigned char *buf, size_t len, struct rnn_err *err);

/* Published recipes as option = value pairs (keys are long options of rnn-train): "schemas", "short-term-memory",
 * "variable-memory", "variable-memory-fast", "flip-flop"; NULL or "": the task's own (none: "adam").  RNN_ERR_ARG with the list of
 * names when unknown, and when the task does not fit.  given_rank > 0 asks for the recipe of networks of that rank, where the study has one. */
int rnn_preset(const char *name, const struct rnn_task *task, size_t given_rank, struct rnn_kvs *out, const char **chosen, struct rnn_err *err);
extern const char *const rnn_preset_names[];

#endif
