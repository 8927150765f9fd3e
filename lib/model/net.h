/* A recurrent network: its specification (everything needed to run it, apart from the numbers) and its parameters.
 *
 * With r the rates [N], u the input [n_in], W = W_rec (or s m n when factorised), xi ~ N(0,1) and f the activation:
 *   elman          r' = f(W r + b_rec + W_in u + b_in [+ noise])
 *   leaky          r' = (1-a) r + a f(W r + b_rec + W_in u + b_in [+ noise])                  activity form
 *   leaky-current  x' = (1-a) x + a (W f(x) + b_rec + W_in u + b_in [+ noise]),  r = f(x)      current form; the state is x
 *   gru            PyTorch's: g = sigmoid(W_r. h + W_in_r. u + b), z likewise,
 *                  n = f(W_in_n u + b_in_n + g * (W_n h + b_rec_n)),  h' = (1-z) n + z h;  rows in the order reset, update, candidate
 * noise inside: sd * xi is added to the pre-activation (gru: of the candidate n); outside: to the new state, after f and leak.
 * Read-out: o = g(W_out r + b_out) from r before (read BEFORE) or after (AFTER) the update of the step; with read_latent,
 * from kappa = n r [rank] instead of r.
 * With n_latent > 0 the outputs, or those of the last head, come from a decoder (sequence autoencoder: Srivastava et al. 2015):
 * a second network of the same kind with parameters of its own (names ending in _dec), N units and h_0 = 0.  After the last step
 * T, W_out and b_out read z [n_latent] from the encoder; the decoder is fed z at each of T steps and its read-out (g is its own; z
 * is linear) gives output t at its step t:
 *   z = W_out r_T + b_out,    d_t = cell_dec(d_{t-1}, z),    o_t = g(W_out_dec d_t + b_out_dec),    t = 1..T
 * Heads that are not decoded are read from the encoder at every step; their rows of W_out come first, those of z last.
 * Convention everywhere: row = postsynaptic, column = presynaptic. */
#ifndef RNN_MODEL_NET_H
#define RNN_MODEL_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "base/kv.h"
#include "model/heads.h"

enum rnn_cell { RNN_ELMAN, RNN_LEAKY, RNN_LEAKY_CURRENT, RNN_GRU, RNN_N_CELLS };
enum rnn_act { RNN_TANH, RNN_RELU, RNN_SIGMOID, RNN_SOFTPLUS, RNN_LINEAR, RNN_N_ACTS };
enum rnn_readout { RNN_OUT_LINEAR, RNN_OUT_SIGMOID, RNN_OUT_SOFTMAX, RNN_N_READOUTS };
enum rnn_read_when { RNN_READ_AFTER, RNN_READ_BEFORE };
enum rnn_noise_where { RNN_NOISE_INSIDE, RNN_NOISE_OUTSIDE };
/* sd of the noise that enters: plain: sigma;  sqrt-2-over-alpha: sqrt(2/a) sigma (inside the leak; Song et al. 2016 eq 6);
 * sqrt-2-alpha: sqrt(2 a) sigma (outside the leak);  sqrt-dt: sqrt(dt_ms / 1000) sigma. */
enum rnn_noise_scale { RNN_NOISE_PLAIN, RNN_NOISE_SQRT_2_OVER_ALPHA, RNN_NOISE_SQRT_2_ALPHA, RNN_NOISE_SQRT_DT };
enum rnn_rank_scale { RNN_RANK_PLAIN, RNN_RANK_PER_UNIT }; /* W = m n, or W = m n / N */
enum rnn_h0_law { RNN_H0_ZERO, RNN_H0_FIXED, RNN_H0_TRAINED, RNN_H0_NORMAL }; /* fixed, trained: parameter h0; normal: fresh per trial */
enum rnn_h0_transform { RNN_H0_PLAIN, RNN_H0_TANH };

/* Names as they stand in options and streams; `from_name` gives false for an unknown one. */
extern const char *const rnn_cell_names[], *const rnn_act_names[], *const rnn_readout_names[], *const rnn_read_when_names[],
    *const rnn_noise_where_names[], *const rnn_noise_scale_names[], *const rnn_rank_scale_names[], *const rnn_h0_law_names[],
    *const rnn_h0_transform_names[];
bool rnn_name_index(const char *const *names, const char *name, int *out); /* lists end with NULL */

struct rnn_spec {
    enum rnn_cell cell;
    enum rnn_act act;
    enum rnn_readout readout;
    enum rnn_read_when read;
    size_t N, n_in, n_out;
    size_t rank; /* 0: full W_rec */
    enum rnn_rank_scale rank_scale;
    bool read_latent;
    bool bias_rec, bias_in, bias_out;
    double dt_ms, tau_ms; /* alpha = dt/tau for leaky cells; 1 for elman; unused by gru */
    double alpha;
    bool alpha_per_unit; /* then parameter `alpha` [N] holds it (never trained) */
    double noise_rec;    /* sigma */
    enum rnn_noise_where noise_where;
    enum rnn_noise_scale noise_scale;
    enum rnn_h0_law h0;
    double h0_sd;        /* RNN_H0_NORMAL: state = transform(h0_sd * z); TRAINED, FIXED: transform(h0 + h0_sd * z) */
    enum rnn_h0_transform h0_transform;
    struct rnn_heads heads; /* groups of outputs, each with a softmax of its own in the loss; a linear read-out */
    size_t n_latent;        /* > 0: a decoder gives the last head, or all outputs; no noise, no time constants per unit, read AFTER */
};

/* One named block of the flat parameter vector, [rows][cols] row-major; a vector has cols 1. */
struct rnn_param {
    char name[16]; /* W_rec | m n, W_in, W_out, b_rec, b_in, b_out, h0, alpha; of a decoder with _dec */
    size_t rows, cols, offset;
    bool is_vector;
    bool is_fixed; /* never trained (alpha; h0 under RNN_H0_FIXED) */
};
#define RNN_MAX_PARAMS 16

struct rnn_params {
    struct rnn_param p[RNN_MAX_PARAMS];
    size_t n, total; /* blocks, numbers */
};

/* Checks a specification (ranges, combinations) and lists its parameters in the canonical order
 * W_rec (or m, n), W_in, b_rec, b_in, h0, alpha, W_out, b_out; blocks that do not exist are left out.  A decoder's follow, in the order
 * of its own specification: a contiguous block of rnn_spec_params(decoder). */
int rnn_spec_params(const struct rnn_spec *s, struct rnn_params *out, struct rnn_err *err);
size_t rnn_spec_n_read(const struct rnn_spec *s);    /* rows of W_out: n_out without a decoder */
size_t rnn_spec_n_decoded(const struct rnn_spec *s); /* outputs that a decoder gives, the last ones; 0 without one */
void rnn_spec_decoder(const struct rnn_spec *s, struct rnn_spec *out); /* the decoder as a network of its own; n_latent must be > 0 */
const struct rnn_param *rnn_param_find(const struct rnn_params *ps, const char *name); /* NULL when absent */
double rnn_noise_sd(const struct rnn_spec *s); /* after scaling, by spec.alpha */
double rnn_noise_factor(const struct rnn_spec *s, double alpha); /* the scaling alone, for a unit with this alpha */
void rnn_spec_default(struct rnn_spec *s);     /* elman tanh linear, after, all biases, zero h0, dt 1, tau 1 */

enum rnn_net_status { RNN_NET_TRAINED, RNN_NET_NOT_LEARNED, RNN_NET_UNSTABLE, RNN_NET_DIVERGED, RNN_NET_UNTRAINED, RNN_NET_BUILT };
extern const char *const rnn_net_status_names[];

struct rnn_net {
    char *id;              /* unique within a segment, e.g. "net-0003" */
    char *task;            /* id of its task frame, or NULL */
    uint64_t index;        /* number within the ensemble: its random address */
    struct rnn_kvs labels; /* --label, and what distinguishes it (seed, task parameters) */
    struct rnn_spec spec;
    struct rnn_params params;
    double *theta;         /* [params.total] values; float32 training gives exactly representable ones */
    double *theta0;        /* initial values, or NULL */
    int precision_bits;    /* 32 or 64: how theta is written */
    enum rnn_net_status status;
    char *reason;          /* why, when status is not trained; or NULL */
    struct rnn_kvs summary; /* training summary: updates, final loss, seed, ... */
    size_t n_received;     /* codec only: numbers of theta, then theta0, that came in `param` frames so far */
    struct rnn_kvs training; /* snapshot facts and anything an analysis may want by name */
};

int rnn_net_new(struct rnn_net **net, const struct rnn_spec *s, struct rnn_err *err); /* zero parameters, status untrained */
int rnn_net_copy(struct rnn_net **out, const struct rnn_net *in, struct rnn_err *err);
void rnn_net_free(struct rnn_net *net);
double *rnn_net_param(const struct rnn_net *net, const char *name);  /* pointer into theta, NULL when absent */
double *rnn_net_param0(const struct rnn_net *net, const char *name);
/* W [N][N] (gru: [3N][N]) as used in the dynamics: W_rec, or s m n formed. */
int rnn_net_W(const struct rnn_net *net, double *W, struct rnn_err *err);
bool rnn_net_finite(const struct rnn_net *net);
bool rnn_net_can_run(const struct rnn_net *net); /* finite, and training did not end in divergence */

/* ---- laws of the initial parameters: depend on (seed, law, net index, parameter) only ---- */
enum rnn_init { RNN_INIT_UNIFORM, RNN_INIT_GAUSS, RNN_INIT_XAVIER, RNN_INIT_ORTHOGONAL, RNN_INIT_ZERO };
/* uniform: U(-1/sqrt(fan_in), +) (PyTorch Linear; for the recurrent cell's blocks fan_in = N as nn.RNN does when rnn_fan);
 * gauss:g N(0, g^2/fan_in); xavier U(+-g sqrt(6/(fan_in+fan_out))); orthogonal:g. */
struct rnn_init_law { enum rnn_init kind; double gain; };
int rnn_init_parse(const char *text, struct rnn_init_law *out, struct rnn_err *err); /* "uniform", "gauss:1.2", ... */
struct rnn_init_plan {
    struct rnn_init_law W_rec, W_in, W_out, bias; /* factors m, n use `factor` */
    struct rnn_init_law factor;
    double h0_sd;           /* trained or fixed h0: N(0, h0_sd^2) */
    bool zero_diagonal;     /* of W_rec at the start */
    bool rnn_fan;           /* nn.RNN's rule: every recurrent-cell block uses 1/sqrt(N) */
    double b_out_sd;        /* >= 0: b_out ~ N(0, b_out_sd^2) instead of `bias` (rank-2 study); < 0: off */
};
/* Sets theta and theta0 (rounded to float32 when precision_bits is 32); addresses by net->index. Biases take uniform, gauss and zero. */
int rnn_net_init(struct rnn_net *net, const struct rnn_init_plan *plan, uint64_t seed, struct rnn_err *err);

#endif
