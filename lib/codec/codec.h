/* Frames <-> structs, and nothing else.  Decoders check names, ranges and shapes and name what they refuse; numbers travel as
 * they are, NaN and infinities included.  Keys a decoder does not know are left alone. */
#ifndef RNN_CODEC_CODEC_H
#define RNN_CODEC_CODEC_H

#include "io/frame.h"
#include "io/writer.h"
#include "model/net.h"
#include "model/task.h"

/* An id made from bytes: 64-bit FNV-1a as 16 hexadecimal digits. */
#define RNN_ID_SIZE 17
void rnn_id_of(const void *bytes, size_t len, char out[RNN_ID_SIZE]);
/* How many rows (trials, say) of this many bytes go into one block of trials or activity (RNN_BLOCK_TARGET); at least 1. */
size_t rnn_rows_per_frame(size_t bytes_per_row);

/* task: {id, name, seed, params, n_in, n_out, steps, horizon_base, horizon, dt_ms, loss, norm, readout, periods: [{name, start, stop}],
 * finite, n_split: {train, validation, test}, closed_loop, cue_steps, operator: {lags, dims, F} | nil, channels_in, channels_out, labels?}.
 * The id leaves out itself and the labels. */
int rnn_task_encode(const struct rnn_task *t, struct rnn_body *b, struct rnn_err *err);
/* Rebuilds a task, freed with rnn_task_free; a registered name is remade from (name, params, seed) and must give the same id, else RNN_ERR_FORMAT.  Of a user's own task (any other name) only id, name, n_in and n_out must be there; def is NULL. */
int rnn_task_decode(const msgpack_object *body, struct rnn_task **t, struct rnn_err *err);
void rnn_task_set_id(struct rnn_task *t); /* hash of the body without id, hex */

/* trials: {id, task, split, stream, first, total?, inputs "<f4" [K][T][n_in], targets "<f4" [K][T][n_out], weights "<f8" [K][T] (or [T] when all
 * trials agree), params: {name: array or list of str}}. */
int rnn_trials_encode(const struct rnn_trials *tr, const char *id, const char *task_id, uint64_t total, struct rnn_body *b, struct rnn_err *err);
int rnn_trials_decode(const msgpack_object *body, struct rnn_trials *tr, struct rnn_err *err);

/* net: {id, task, index, labels, cell, activation, readout, read, N, n_in, n_out, rank, rank_scale, read_latent, bias_rec, bias_in, bias_out,
 * dt_ms, tau_ms, alpha, alpha_per_unit, noise: {sd, where, scale}, h0: {law, sd, transform}, precision_bits, status, reason, summary, training,
 * params: {name: array}, params0: {name: array} | nil}.  A low-rank net's factors are its parameters m [N][rank] and n [rank][N].  Arrays
 * are "<f4" or "<f8" by precision_bits.  Too large a net has empty params (and params0) and is followed by `param` frames {net, set: "params" |
 * "params0", name, first, value}, rows first, first+1, ... of one parameter each, in the order of rnn_spec_params, all of params before params0.
 * Decoding needs id, cell, activation, N, n_in, n_out and params; the rest has the defaults of rnn_spec_default, a bias being there when its
 * parameter is. */
int rnn_net_write(struct rnn_writer *w, const struct rnn_net *net, struct rnn_err *err);
int rnn_net_append(struct rnn_bytes *out, const struct rnn_net *net, struct rnn_err *err); /* net and its param frames */
/* As the last for a net that takes the place of a received one (in_body): keys of in_body that no net of ours has are kept, after ours.  The
 * received net's param frames are the caller's to drop. */
int rnn_net_rewrite_append(struct rnn_bytes *out, const msgpack_object *in_body, const struct rnn_net *net, struct rnn_err *err);
/* Decodes a net frame; *missing gets true when param frames must follow (feed them to rnn_net_param_frame until it says done). */
int rnn_net_decode(const msgpack_object *body, struct rnn_net **net, bool *missing, struct rnn_err *err);
/* The next param frame of a net that misses some; RNN_ERR_FORMAT when it is another net's or not the next one. */
int rnn_net_param_frame(struct rnn_net *net, const msgpack_object *body, bool *done, struct rnn_err *err);

/* Both of the above for the frames of a stream, in their order: *whole is the network that f completes (the caller's), or NULL.  *open,
 * NULL at first and the caller's when it ends, is one whose param frames are still coming.  RNN_ERR_FORMAT: another frame comes
 * before all of them (an `error` frame may), or a param frame that no network waits for. */
int rnn_net_take(struct rnn_net **open, const struct rnn_frame *f, struct rnn_net **whole, struct rnn_err *err);

/* activity: {id, net, trials, split, first, what: "rates"|"states"|"latent", thin, units (indices) | nil, value "<f4" [K][T'][n],
 * state0? "<f4" [K][N], outputs? "<f4" [K][T][n_out]}. */
struct rnn_activity {
    char *id, *net, *trials;
    uint64_t first; size_t K, T, n, n_out, thin;
    float *value;    /* [K][T][n] */
    float *outputs;  /* [K][T_out][n_out] or NULL */
    size_t T_out;
    float *state0;   /* [K][n_state0] initial rates, or NULL */
    size_t n_state0;
    int what;        /* enum rnn_see */
    size_t *units;   /* [n] or NULL = all */
    enum rnn_split split;
};
int rnn_activity_encode(const struct rnn_activity *a, uint64_t total, struct rnn_body *b, struct rnn_err *err);
int rnn_activity_decode(const msgpack_object *body, struct rnn_activity *a, struct rnn_err *err);
void rnn_activity_release(struct rnn_activity *a);

#endif
