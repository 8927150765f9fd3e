/* The inside of a trainer; shared by train*.c only. */
#ifndef RNN_MODEL_TRAIN_STATE_H
#define RNN_MODEL_TRAIN_STATE_H

#include "model/train_core.h"

enum rnn_stop { RNN_STOP_NONE, RNN_STOP_UPDATES, RNN_STOP_ACCURACY, RNN_STOP_LOSS, RNN_STOP_PLATEAU, RNN_STOP_RATIO, RNN_STOP_DIVERGED };
extern const char *const rnn_stop_names[];

#define RNN_TRAIN_METRICS 8 /* most metrics of a task that are kept */

/* Everything that changes while training and is plain data: written as it stands by rnn_trainer_save. */
struct rnn_train_counters {
    uint64_t update;          /* done */
    uint64_t stage;           /* of the curriculum */
    uint64_t since_row;       /* updates in loss_sum */
    uint64_t best_update;
    uint64_t n_snapshots;     /* taken */
    uint64_t stop;            /* enum rnn_stop */
    double loss, loss_0, loss_sum, best_loss, grad_norm;
    double metric[RNN_TRAIN_METRICS]; /* of the last scored batch or set */
    double val_loss, val_metric[RNN_TRAIN_METRICS];
};

struct rnn_trainer {
    const struct rnn_train_config *c;
    const struct rnn_train_data *d;
    uint64_t net, total, set, per_epoch; /* total: updates planned */
    enum rnn_loss loss_kind;
    enum rnn_loss_norm norm;
    struct rnn_net *model;      /* spec, params, theta0; theta is scratch */
    struct rnn_core *core;
    struct rnn_train_counters now;
    size_t n_metrics;           /* of the task, at most RNN_TRAIN_METRICS */
    size_t rule_metrics;        /* kept for every update in `history` */
    bool score_batches;         /* the batch's own outputs are scored */
    bool evaluates_set;         /* rows describe the whole training set */
    float *history;             /* [total][rule_metrics] */
    struct rnn_learning curve;
    double *snapshots;          /* [n_snapshots][params.total] */
    /* the batch */
    struct rnn_trials set_own;  /* finite set drawn from the task */
    const struct rnn_trials *set_trials;
    struct rnn_trials batch;    /* own arrays, or views (batch_is_view) */
    struct rnn_trials rollout;  /* its trials from every start, where the network runs on its own draws */
    bool batch_is_view;
    struct rnn_trials shown;    /* with heads: the batch with the targets of the head that this update trains, and no others */
    size_t *order; uint64_t order_epoch; /* permutation of order_epoch (UINT64_MAX: none yet) */
    struct rnn_trials validation; bool validation_is_own;
    float *outputs;             /* [largest of batch, set, validation] */
    uint64_t next_row;          /* update of the next row */
};

const struct rnn_core_ops *rnn_train_core_ops(const struct rnn_train_config *c);
/* Most trials of one update: a batch larger than a finite set is that set. */
size_t rnn_train_batch(const struct rnn_train_config *c, const struct rnn_train_data *d);
/* Fills B, T, eval_B, eval_T. */
void rnn_train_sizes(const struct rnn_train_config *c, const struct rnn_train_data *d, struct rnn_core_setup *s);
bool rnn_train_evaluates_set(const struct rnn_train_config *c, const struct rnn_train_data *d);
size_t rnn_train_rule_metrics(const struct rnn_train_config *c, const struct rnn_train_data *d);
size_t rnn_train_columns(const struct rnn_task *task, char (*names)[32]); /* number of columns; names may be NULL */
size_t rnn_train_rows(const struct rnn_train_config *c, const struct rnn_train_data *d); /* at most */

/* train_feed.c: where trials come from.  prepare once; next makes t->batch the batch of the coming update. */
int rnn_feed_prepare(struct rnn_trainer *t, struct rnn_err *err);
int rnn_feed_next(struct rnn_trainer *t, struct rnn_err *err);
/* The coming update's batch with the targets that it trains on: all, or those of the head that it drew. */
const struct rnn_trials *rnn_feed_shown(const struct rnn_trainer *t);
int rnn_feed_stage(struct rnn_trainer *t, struct rnn_err *err); /* after a change of t->now.stage */
void rnn_feed_release(struct rnn_trainer *t);
size_t rnn_feed_steps(const struct rnn_trainer *t); /* T of the current stage */

/* train_rollout.c: a closed-loop task's batch with the network's own tokens in it. */
int rnn_rollout_check(const struct rnn_train_config *c, const struct rnn_train_data *d, struct rnn_err *err);
size_t rnn_rollout_rows(const struct rnn_train_config *c, size_t T); /* most rows that a trial of T steps becomes */
size_t rnn_rollout_depth(const struct rnn_train_config *c, uint64_t per_epoch, uint64_t total, uint64_t update); /* k of an update */
int rnn_rollout_prepare(struct rnn_trainer *t, struct rnn_err *err);
/* Makes s->batch of t->batch for depth > 1; the tokens are drawn with the parameters, noise and initial states of the step to come. */
int rnn_rollout_batch(struct rnn_trainer *t, size_t depth, struct rnn_step *s, struct rnn_err *err);

/* train_judge.c: status and reason of a finished net. */
int rnn_train_judge(const struct rnn_trainer *t, struct rnn_net *net, struct rnn_err *err);

#endif
