/* Between run.c and run_real.c: one block of trials through the engine, in either precision. */
#ifndef RNN_MODEL_RUN_PIECE_H
#define RNN_MODEL_RUN_PIECE_H

#include "model/run.h"

/* Buffers of one runner; sizes are for B = RNN_RUN_BLOCK trials and `steps` steps. */
struct rnn_runner {
    struct rnn_spec spec;
    struct rnn_params params;
    int bits;
    size_t steps, n_state;
    struct rnn_engine_f32 *e32;
    struct rnn_engine_f64 *e64;
    void *theta;             /* [params.total] in the engine's precision, silent units applied */
    float *u, *y, *o, *x;    /* [B][steps][n_in], [n_out], [n_out], [N]; x only once a sink asks */
    double *w, *state;       /* [B][steps], [B][n_state] */
    void *step_x, *step_u, *step_o; /* [B][n_state], [n_in], [n_out] in the engine's precision, for closed loops */
};

/* One block: rows row0 .. row0+K of tr. */
struct rnn_run_job {
    struct rnn_runner *r;
    const struct rnn_trials *tr;
    const struct rnn_run_opts *opts;
    uint64_t net;            /* random address */
    size_t row0, K, T;       /* T: with extra steps */
    size_t cue_steps;        /* closed loop */
    float *o;                /* [tr->K][T][n_out] of the whole run */
    float *o_free;           /* [tr->K][tr->T][n_out] or NULL */
    double *last;            /* [tr->K][n_state] */
    float *x, *r0;           /* [K][ceil(T/thin)][n_units] and [K][N] of this block, or NULL */
};

int rnn_run_engine_f32(struct rnn_runner *r, struct rnn_err *err);
int rnn_run_engine_f64(struct rnn_runner *r, struct rnn_err *err);
void rnn_run_theta_f32(struct rnn_runner *r, const double *theta);
void rnn_run_theta_f64(struct rnn_runner *r, const double *theta);
int rnn_run_block_f32(const struct rnn_run_job *job, struct rnn_err *err);
int rnn_run_block_f64(const struct rnn_run_job *job, struct rnn_err *err);

#endif
