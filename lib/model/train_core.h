/* The arithmetic of one update, behind one table of functions for each precision and for the reduced form.  Shared by
 * train*.c and reduced*.c only. */
#ifndef RNN_MODEL_TRAIN_CORE_H
#define RNN_MODEL_TRAIN_CORE_H

#include "model/train.h"

struct rnn_step {
    const struct rnn_trials *batch;
    struct rnn_pass pass;
    enum rnn_loss loss_kind;
    enum rnn_loss_norm norm;
    uint64_t t;         /* number of this update, from 1 */
    double lr;          /* already scheduled */
    float *outputs;     /* [K][T][n_out] of the forward pass, when wanted; else NULL */
    bool outputs_only;  /* stop there: no loss, nothing is updated (general path only) */
    /* results */
    double loss;        /* of the batch, before the update */
    double grad_norm;   /* before clipping, of what is trained; NaN on the fused path, which never holds a gradient */
    bool is_finite;     /* false: loss or gradient was not, and nothing was updated */
};

struct rnn_core_setup {
    const struct rnn_train_config *c;
    const struct rnn_params *params;
    size_t B, T;                /* largest batch, most steps */
    size_t eval_B, eval_T;      /* block of evaluations; 0: none are made */
    const double *theta;        /* [total] start */
    const unsigned char *mask;  /* [W_rec] 1: free, 0: held at zero; NULL: all free */
};

struct rnn_core { const struct rnn_core_ops *ops; }; /* first member of each kind */

struct rnn_core_ops {
    int (*make)(struct rnn_core **out, const struct rnn_core_setup *s, struct rnn_err *err);
    void (*release)(struct rnn_core *core);
    int (*step)(struct rnn_core *core, struct rnn_step *s, struct rnn_err *err);
    /* Loss and outputs [K][T][n_out] of any number of trials, in blocks of eval_B. */
    int (*eval)(struct rnn_core *core, const struct rnn_trials *tr, const struct rnn_pass *pass, enum rnn_loss loss_kind,
                enum rnn_loss_norm norm, double *loss, float *outputs, struct rnn_err *err);
    void (*theta)(const struct rnn_core *core, double *out);
    /* Parameters and moments as raw numbers. */
    size_t (*state_bytes)(const struct rnn_core *core);
    void (*save)(const struct rnn_core *core, unsigned char *out);
    void (*load)(struct rnn_core *core, const unsigned char *in);
    /* What make allocates (theta may be NULL in s). */
    size_t (*bytes)(const struct rnn_core_setup *s);
    size_t (*engine_bytes)(const struct rnn_core_setup *s);
};

extern const struct rnn_core_ops rnn_core_f32, rnn_core_f64, rnn_core_reduced_f32, rnn_core_reduced_f64;

/* The trainable blocks of the flat parameter vector, neighbours joined. */
struct rnn_runs { struct { size_t at, n; } run[RNN_MAX_PARAMS]; size_t n; };
void rnn_trainable_runs(const struct rnn_train_config *c, const struct rnn_params *ps, struct rnn_runs *out);
bool rnn_is_frozen(const struct rnn_train_config *c, const struct rnn_param *p);
/* True when training takes the fused batch-1 path. */
bool rnn_train_is_fused(const struct rnn_train_config *c);

#endif
