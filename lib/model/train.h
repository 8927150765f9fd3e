/* Training an ensemble by back-propagation through time: configuration, one network's training as a resumable object, and
 * nothing about files or streams. */
#ifndef RNN_MODEL_TRAIN_H
#define RNN_MODEL_TRAIN_H

#include "model/engine.h"
#include "num/optim.h"

enum rnn_schedule { RNN_LR_CONSTANT, RNN_LR_STEP, RNN_LR_EXPONENTIAL, RNN_LR_COSINE, RNN_LR_LINEAR };

struct rnn_train_config {
    struct rnn_spec spec;            /* n_in, n_out are taken from the task */
    struct rnn_init_plan init;
    struct rnn_optim optim;
    double lr;
    enum rnn_schedule schedule; double lr_gamma; uint64_t lr_every; uint64_t warmup;
    double clip;                     /* global gradient norm; 0: off */
    struct rnn_penalty penalty;
    size_t batch;
    uint64_t updates, epochs;        /* exactly one is > 0 */
    size_t bptt;
    bool shuffle;                    /* finite training sets: a fresh permutation each epoch */
    bool drop_last;                  /* an incomplete last batch is dropped */
    bool same_trials;                /* every net sees stream 0 */
    int loss;                        /* enum rnn_loss, or -1: the task's */
    int norm;                        /* enum rnn_loss_norm, or -1 */
    enum { RNN_STEPS_TASK, RNN_STEPS_LAST, RNN_STEPS_ALL } loss_steps;
    /* horizon curriculum: advance one stage as soon as one training batch has accuracy > threshold */
    size_t *curriculum; size_t n_curriculum; double curriculum_at;
    /* masks */
    double sparsity;                 /* share of W_rec entries held at zero */
    double dale;                     /* share of excitatory units; < 0: off.  Columns keep their sign by projection after each update */
    char **freeze; size_t n_freeze;  /* parameter names that are not trained */
    /* when to stop early */
    double stop_accuracy, stop_loss; uint64_t stop_patience; double stop_min_delta; double stop_ratio; /* loss/loss_0 below */
    double diverged_at;              /* a loss above this (or not finite) ends the net as diverged */
    /* what counts as learned: mean of the scored metrics over the last tenth of updates above this (NaN: no rule) */
    double learned_at; bool learned_stable; /* the published stability rule of short-term-memory §7.1 */
    /* record keeping */
    uint64_t log_every; bool log_spaced; uint64_t *snapshots; size_t n_snapshots; bool count_modes; double modes_at;
    uint64_t validate_every; size_t validate_trials;
    bool reduced;                    /* exact reduced form of low-rank networks without input */
    int precision_bits;
    uint64_t seed;
};

void rnn_train_config_default(struct rnn_train_config *c);
void rnn_train_config_release(struct rnn_train_config *c);
/* Published recipes as option = value pairs (keys are long options of rnn-train): "schemas", "short-term-memory",
 * "variable-memory", "variable-memory-fast", "flip-flop".  RNN_ERR_ARG with the list of names when unknown, and when the task does not fit. */
int rnn_preset(const char *name, const struct rnn_task *task, struct rnn_kvs *out, struct rnn_err *err);

#endif
