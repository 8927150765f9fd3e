/* Low-rank networks without input or noise, trained in their latent coordinates (exact, not an approximation).
 * With W_rec = s m n (m [N][R], n [R][N]; s = 1, or 1/N), leak a and x_0 the initial state, kappa = n x obeys
 *     kappa_0 = n x_0,    t_k = f(s m kappa_k + b),    kappa_{k+1} = (1-a) kappa_k + a n t_k,    o_k = g(W_out kappa + b_out)
 * with kappa = kappa_{k+1} (read after) or kappa_k (before).  With e_k = dL/d(W_out kappa) and delta_k = dL/dkappa_k:
 *     q_k = a (n' delta_{k+1}) o f'(t_k),    delta_k = (1-a) delta_{k+1} + s m' q_k  [+ W_out' e]
 *     dL/dm = sum_k s q_k kappa_k',   dL/dn = sum_k a delta_{k+1} t_k' + delta_0 x_0',   dL/db = sum_k q_k,   dL/dx_0 = n' delta_0,
 * so forward and backward need kappa and the activation vectors only: 4-6 us for 17 steps at N = 100, R = 2.
 * Source: the reduction of rank-2 networks studied by Kurtkaya et al. 2025 (short-term memory), section on low rank. */
#ifndef RNN_MODEL_REDUCED_H
#define RNN_MODEL_REDUCED_H

#include "model/train.h"

/* RNN_OK when the configuration has the exact reduced form; else RNN_ERR_ARG saying what stands against it: full rank, read-out
 * not from the latent state, input, noise, per-unit leak, cells other than elman and leaky, cross-entropy, random initial
 * states, penalties, truncation, masks. */
int rnn_reduced_check(const struct rnn_train_config *c, const struct rnn_task *task, struct rnn_err *err);

#endif
