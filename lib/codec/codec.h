/* Frames <-> structs, and nothing else. */
#ifndef RNN_CODEC_CODEC_H
#define RNN_CODEC_CODEC_H

#include "io/frame.h"
#include "io/writer.h"
#include "model/net.h"
#include "model/task.h"

/* task: {id, name, seed, params, n_in, n_out, steps, horizon_base, horizon, dt_ms, loss, norm, readout, periods: [{name, start, stop}],
 * n_split, closed_loop, cue_steps, operator: {lags, dims, F} | nil, channels_in, channels_out}. */
int rnn_task_encode(const struct rnn_task *t, struct rnn_body *b, struct rnn_err *err);
/* Rebuilds a task; a registered name is remade from (name, params, seed) and must give the same id, else RNN_ERR_FORMAT. */
int rnn_task_decode(const msgpack_object *body, struct rnn_task **t, struct rnn_err *err);
void rnn_task_set_id(struct rnn_task *t); /* hash of the body without id, hex */

/* trials: {id, task, split, stream, first, total?, inputs "<f4" [K][T][n_in], targets "<f4" [K][T][n_out], weights "<f8" [K][T] (or [T] when all
 * trials agree), params: {name: array or list of str}}. */
int rnn_trials_encode(const struct rnn_trials *tr, const char *id, const char *task_id, uint64_t total, struct rnn_body *b, struct rnn_err *err);
int rnn_trials_decode(const msgpack_object *body, struct rnn_trials *tr, struct rnn_err *err);

/* net: {id, task, index, labels, cell, activation, readout, read, N, n_in, n_out, rank, rank_scale, read_latent, bias_*, dt_ms, tau_ms, alpha,
 * noise: {...}, h0: {...}, params: {name: array}, params0, status, reason, summary, training}.  Too large a net is followed by `param`
 * frames {net, set: "params"|"params0", name, first, value}. */
int rnn_net_write(struct rnn_writer *w, const struct rnn_net *net, struct rnn_err *err);
int rnn_net_append(struct rnn_bytes *out, const struct rnn_net *net, struct rnn_err *err); /* net and its param frames */
/* Decodes a net frame; *missing gets true when param frames must follow (feed them to rnn_net_param_frame until it says done). */
int rnn_net_decode(const msgpack_object *body, struct rnn_net **net, bool *missing, struct rnn_err *err);
int rnn_net_param_frame(struct rnn_net *net, const msgpack_object *body, bool *done, struct rnn_err *err);

/* activity: {id, net, trials, split, first, what: "rates"|"states", thin, units (indices) | nil, value "<f4" [K][T'][n], state0?, outputs "<f4" [K][T][n_out]}. */
struct rnn_activity {
    char *id, *net, *trials;
    uint64_t first; size_t K, T, n, n_out, thin;
    float *value;    /* [K][T][n] */
    float *outputs;  /* [K][T_out][n_out] or NULL */
    size_t T_out;
    size_t *units;   /* [n] or NULL = all */
    enum rnn_split split;
};
int rnn_activity_encode(const struct rnn_activity *a, uint64_t total, struct rnn_body *b, struct rnn_err *err);
int rnn_activity_decode(const msgpack_object *body, struct rnn_activity *a, struct rnn_err *err);
void rnn_activity_release(struct rnn_activity *a);

#endif
