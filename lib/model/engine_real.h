/* Inside the engine: one precision's types, memory and passes.  Included by engine*_real.c only, which are compiled once with
 * RNN_REAL_BITS 32 and once with 64. */
#ifndef RNN_MODEL_ENGINE_REAL_H
#define RNN_MODEL_ENGINE_REAL_H

#include "model/engine.h"
#include "num/dense.h"
#include "num/kernels.h"
#include "num/rng.h"

#if RNN_REAL_BITS == 32
typedef float real;
#define RN(name) name##_f32
#else
typedef double real;
#define RN(name) name##_f64
#endif

/* The parameters of the pass at hand as the loops want them; pointers into theta, or into the engine. */
struct RN(engine_theta) {
    const real *W_rec, *W_in, *m, *n, *W_out, *b_out, *h0; /* NULL when absent */
    const real *b_rec, *b_in;                       /* NULL when absent */
    const real *alpha;                              /* [N] per unit, or NULL: the scalar */
    real *bias;     /* [GN] b_rec + b_in (gru: b_rec) */
    real *bias_in;  /* [GN] gru: b_in */
    real *W_rec_t;  /* [N][GN], for batches */
    real *m_t;      /* [G][R][N] scaled by s */
    real *W_in_t;   /* [n_in][GN], for batches */
    real *sd;       /* [N] noise per unit, set when alpha is per unit */
};

/* Sizes in the letters of the comments: B trials, T steps, N units, G gates (gru 3, else 1), R rank, Q what is read (N or R).
 * [step][trial][unit] throughout; index i of a state counts from 0 (initial) to T. */
struct RN(rnn_engine) {
    struct rnn_spec s;    /* s.n_out counts what is read out: rows of W_out.  With a decoder its heads are the encoder's own */
    struct rnn_params ps;
    size_t n_given;       /* outputs as others see them: s.n_out without a decoder */
    size_t B, T_max, G, GN, GR, Q;
    bool train, has_noise, split_rates, keeps_act;
    const struct rnn_dense *k; /* chosen when made */
    real alpha, rank_scale, noise_sd;

    /* the batch */
    size_t K, T;
    real *u, *y, *w;  /* [T][B][n_in], [T][B][n_out], [T][B] */
    bool *has_u;      /* [T] is any input of the step different from zero? */
    bool *has_w;      /* [T] any loss weight? */
    double weight_sum;

    /* the forward pass */
    real *state;      /* [T+1][B][N] */
    real *rate;       /* [T+1][B][N]: the states themselves, apart from the current form */
    real *act;        /* [T][B][N] f of the pre-activations, where the states do not hold it */
    real *gates, *hn; /* gru: [T][B][3N] reset, update, candidate; [T][B][N] W_n h + b_rec_n */
    real *kappa;      /* [T+1][B][GR] latent variables of the rates */
    real *out, *dout; /* [T][B][n_out] outputs; dL/d(pre-nonlinearity) */
    real *pre, *pre_in, *xi; /* one step: [B][GN], [B][GN] (gru), [B][N] */
    struct rnn_pass pass;
    enum rnn_loss loss_kind;
    bool starts_at_zero; /* rates of index 0 are all zero */

    /* the backward pass, in chunks of C steps that stay in the L2 cache */
    size_t C;
    real *dstate;     /* [B][N] dL/d(state after the step) */
    real *drate;      /* [B][N] current form */
    real *dpre;       /* [C][B][GN] dL/d(recurrent part of the pre-activation) */
    real *dpre_in;    /* [C][B][GN] gru: of the input part */
    real *dkappa;     /* [C][B][GR] */
    real *dW_in_t;    /* [n_in][GN] */
    real *db, *db_in; /* [GN], gru: [GN] */
    real *dm_t;       /* [G][R][N] */
    real *gram;       /* [R][R] */
    real *drive_sum;  /* [B][GN] of a decoder: sum over steps of dL/d(input part of the pre-activation) */
    real *buffer;     /* [room] rows of a gradient on their way into the fused update */
    size_t room;

    struct RN(rnn_engine) *dec; /* the decoder, or NULL; its parameters begin at number dec_at */
    size_t dec_at;
    bool is_decoder;

    struct RN(engine_theta) th;
    void *arena;
};

/* One step of the dynamics: what goes in and where the results go. */
struct RN(engine_io) {
    const real *s, *r;  /* state and rates before [B][N] */
    const real *u;      /* [B][n_in], NULL: all zero */
    const real *xi;     /* [B][N] standard normal, NULL: none */
    real *s1, *r1;      /* state and rates after; r1 == s1 apart from the current form */
    real *act;          /* [B][N] f(pre-activation); s1 where the new state is worked out in place */
    bool r_is_zero;     /* nothing to multiply */
    real *gates, *hn;   /* gru: [B][3N], [B][N] */
    real *kappa;        /* [B][GR] of the rates before: computed here */
};

/* out = f(z), and d = a * ds * f'(z) from the value f = f(z); relu'(0) = 0. */
void RN(engine_activate)(enum rnn_act f, size_t n, const real *z, real *out);
void RN(engine_slope)(enum rnn_act f, size_t n, const real *value, real a, const real *ds, real *d);
/* Below this many trials the rows of W_rec are multiplied as they stand; a turned copy would cost more than the product. */
enum { RN(TURN_FROM) = 4 };
void RN(engine_bind)(struct RN(rnn_engine) *e, const real *theta);
/* kappa [B][GR] = n r */
void RN(engine_latent)(const struct RN(rnn_engine) *e, const real *r, real *kappa);
void RN(engine_step_forward)(struct RN(rnn_engine) *e, const struct RN(engine_io) *io);
/* o [rows][n_out] before the nonlinearity, of what is read: rates [rows][N] or latent variables [rows][R] */
void RN(engine_read)(const struct RN(rnn_engine) *e, size_t rows, const real *q, real *o);
/* -sum_c y_c log softmax(z)_c of one position, z [n] before its nonlinearity; d [n] gets g times its gradient, or is NULL. */
double RN(engine_cross_entropy)(size_t n, const real *z, const real *y, double g, real *d);
/* Outputs in place, and, when dout is given, loss and dL/d(pre-nonlinearity). */
double RN(engine_loss)(struct RN(rnn_engine) *e, enum rnn_loss kind, enum rnn_loss_norm norm);
/* engine_decoder_real.c.  Has the engine a loss per head, or a decoder? */
bool RN(engine_is_composed)(const struct RN(rnn_engine) *e);
/* The decoder's part of a batch, and which steps of the encoder bear a loss. */
void RN(engine_decoder_batch)(struct RN(rnn_engine) *e, const struct rnn_trials *tr);
/* From the encoder's read-out on: runs the decoder; outputs, loss and dL/d(pre-nonlinearity) of both. */
int RN(engine_decoder_forward)(struct RN(rnn_engine) *e, const real *theta, enum rnn_loss kind, enum rnn_loss_norm norm, double *loss,
                               struct rnn_err *err);
/* Gradient of the decoder's parameters into their place in grad, and dL/dz into dout of the encoder's last step. */
int RN(engine_decoder_backward)(struct RN(rnn_engine) *e, const real *theta, const struct rnn_penalty *pen, real *grad, struct rnn_err *err);
void RN(engine_softmax)(size_t rows, size_t n, const real *z, real *p);
void RN(engine_sigmoid)(size_t n, const real *z, real *p);

#endif
