/* Running and differentiating one network on one batch: forward, loss, back-propagation through time.
 * Both precisions come from the same source (engine*_real.c, compiled twice); names end in _f32 or _f64.
 * Layout inside: [step][trial][unit], so that a step is one GEMM over the batch.  An engine belongs to one thread, allocates
 * everything when made, and nothing inside steps or updates. */
#ifndef RNN_MODEL_ENGINE_H
#define RNN_MODEL_ENGINE_H

#include "model/net.h"
#include "model/task.h"

struct rnn_engine_f32;
struct rnn_engine_f64;

/* Where the random numbers of a pass come from (num/rng.h addresses).  update, net: address; purposes differ between training and
 * running.  The initial-state and noise streams are addressed by (purpose, net, update, step). */
struct rnn_pass {
    uint64_t seed, net, update;
    bool running;           /* RUN_ purposes instead of training ones */
    bool noise;             /* false: no noise in the recurrence */
    const double *state0;   /* [B][n_state] initial states that replace the law, or NULL */
    size_t bptt;            /* the trial is cut into segments of this many steps, no gradient flows from one into the one before; 0: full */
    size_t step0;           /* number of the batch's first step in the addresses of the noise: a run continued in pieces */
};

/* What can be looked at after a step: rates r after its update; states (current form: x; else = r); z = W_out r + b_out, what a decoder
 * would get if this step were the last. */
enum rnn_see { RNN_SEE_RATES, RNN_SEE_STATES, RNN_SEE_LATENT };

/* Penalties whose gradients the backward pass adds (the loss of the forward pass is the data's alone): l1_rec * sum |W_rec|,
 * l2_rec * sum W_rec^2 (of factors: of their product), l2_rate * mean r^2 over trials, steps after the update and units.  A decoder bears
 * its own of each. */
struct rnn_penalty { double l1_rec, l2_rec, l2_rate; };

/* Losses, w the weight of a step: see enum rnn_loss_norm for n.
 *   MSE                             sum w (o - y)^2 / n, n positions x channels
 *   CE, linear or softmax read-out  sum w (-sum_c y_c log softmax(z)_c) / n, z before the nonlinearity (a linear read-out puts out z)
 *   CE, sigmoid read-out            sum w (softplus(z) - y z) / n, n positions x channels: a mean over elements, as PyTorch's
 *   CE, a network with heads        see model/heads.h; there is no other loss for one (MSE: NaN, and zero gradients) */
#define RNN_ENGINE_API(R, S)                                                                                                       \
    /* train: keep what the backward pass needs.  B trials, at most T steps. */                                                     \
    int rnn_engine_new_##S(struct rnn_engine_##S **e, const struct rnn_spec *s, size_t B, size_t T, bool train, struct rnn_err *err); \
    void rnn_engine_free_##S(struct rnn_engine_##S *e);                                                                             \
    size_t rnn_engine_bytes_##S(const struct rnn_spec *s, size_t B, size_t T, bool train); /* what _new allocates */                 \
    /* Sets the batch: tr->K trials (<= B; missing rows are padded and weightless), tr->T steps (<= T). Converts layout. */           \
    int rnn_engine_batch_##S(struct rnn_engine_##S *e, const struct rnn_trials *tr, struct rnn_err *err);                             \
    /* Forward pass over the batch with parameters theta [params.total]; returns the loss through *loss (NaN/Inf is returned, not an error). */ \
    int rnn_engine_forward_##S(struct rnn_engine_##S *e, const R *theta, const struct rnn_pass *pass, enum rnn_loss loss_kind,        \
                               enum rnn_loss_norm norm, double *loss, struct rnn_err *err);                                          \
    /* Gradient of the loss of the last forward pass (same theta) plus penalties: overwrites grad [params.total].  L1 on factors:      \
     * RNN_ERR_ARG. */                  \
    int rnn_engine_backward_##S(struct rnn_engine_##S *e, const R *theta, const struct rnn_penalty *pen, R *grad, struct rnn_err *err); \
    /* After forward: outputs [K][T][n_out] (after the read-out nonlinearity) and states/rates [K][T][N] copied out as float32. */    \
    void rnn_engine_outputs_##S(const struct rnn_engine_##S *e, float *o);                                                            \
    /* what: enum rnn_see; subset idx[n] of the units (of z: of its numbers) or NULL for all; every `thin`th step */                  \
    void rnn_engine_states_##S(const struct rnn_engine_##S *e, int what, const size_t *idx, size_t n, size_t thin, float *out);       \
    void rnn_engine_state0_##S(const struct rnn_engine_##S *e, float *out); /* [K][N] initial rates */                                \
    /* After forward: the states [B][n_state] before the first and after the last step.  Given as state0 to a pass with step0 = T,     \
     * last continues the run exactly. */                                                                                             \
    void rnn_engine_first_##S(const struct rnn_engine_##S *e, double *state);                                                         \
    void rnn_engine_last_##S(const struct rnn_engine_##S *e, double *state);                                                          \
    /* One step by hand, for closed loops: state [B][n_state] in place; u [B][n_in]; o [B][n_out] out. No noise.  RNN_ERR_ARG with a   \
     * decoder, whose outputs no single step gives. */                                                                                \
    int rnn_engine_step_##S(struct rnn_engine_##S *e, const R *theta, R *state, const R *u, R *o, struct rnn_err *err);

RNN_ENGINE_API(float, f32)
RNN_ENGINE_API(double, f64)

size_t rnn_spec_n_state(const struct rnn_spec *s); /* numbers that carry over a step: N */

/* Batch-1 training with one-hot or dense input and Adam, fused: gradient never stored (design: schemas shape).  Provided by the
 * engine for full-rank elman cells; the trainer uses it when rnn_fused_applies().  Same numbers as the general path within
 * float32 rounding, and bitwise deterministic. */
struct rnn_optim;
bool rnn_fused_applies(const struct rnn_spec *s, size_t B, const struct rnn_optim *o);
int rnn_fused_update_f32(struct rnn_engine_f32 *e, float *theta, float *m, float *v, const struct rnn_optim *o, uint64_t t, double lr,
                         const unsigned char *frozen /* [n params] or NULL */, enum rnn_loss loss_kind, enum rnn_loss_norm norm,
                         double *loss, struct rnn_err *err);

/* float64 single-trial dynamics for analyses: one autonomous step and its Jacobian. */
/* x' = F(x; u) for a state x [N] and constant input u [n_in] (NULL: zero), no noise. */
int rnn_net_step(const struct rnn_net *net, const double *x, const double *u, double *x_next, struct rnn_err *err);
/* J [N][N] = dF/dx, Ju [N][n_in] = dF/du (either may be NULL). relu'(0) = 0. */
int rnn_net_jacobian(const struct rnn_net *net, const double *x, const double *u, double *J, double *Ju, struct rnn_err *err);
/* Rates and outputs of a state: r [N] (NULL ok), o [rnn_spec_n_read] (NULL ok): of a network with a decoder the heads it does not give, and z. */
int rnn_net_readout(const struct rnn_net *net, const double *x, double *r, double *o, struct rnn_err *err);

#endif
