/* First-order optimisers on flat parameter vectors, with the formulas of torch.optim (SGD, Adam, AdamW).
 *   SGD:   g += l2 p;  v = momentum v + g  (v starts as g);  p -= lr v
 *   Adam:  g += l2 p;  m = b1 m + (1-b1) g;  v = b2 v + (1-b2) g^2;  p -= lr (m / (1-b1^t)) / (sqrt(v / (1-b2^t)) + eps)
 *   AdamW: p -= lr decay p first, then Adam without l2.
 * Both precisions: float32 goes through num/kernels.h. */
#ifndef RNN_NUM_OPTIM_H
#define RNN_NUM_OPTIM_H

#include <stddef.h>
#include <stdint.h>

enum rnn_optim_kind { RNN_SGD, RNN_ADAM, RNN_ADAMW };

struct rnn_optim {
    enum rnn_optim_kind kind;
    double momentum, beta1, beta2, eps, weight_decay;
};

/* Number of state vectors of length n: SGD 1 (0 without momentum), Adam and AdamW 2. */
size_t rnn_optim_slots(const struct rnn_optim *o);
/* Bias corrections of step t (from 1), as the Adam kernels take them: lr / (1-b1^t) and 1 / sqrt(1-b2^t). */
void rnn_optim_adam_coef(const struct rnn_optim *o, uint64_t t, double lr, double *lr_t, double *inv_sqrt_bc2);
/* One step, t counts from 1.  m, v [n] (v unused by SGD).  lr already scheduled. */
void rnn_optim_step_f32(const struct rnn_optim *o, uint64_t t, double lr, size_t n, float *p, const float *g, float *m, float *v);
void rnn_optim_step_f64(const struct rnn_optim *o, uint64_t t, double lr, size_t n, double *p, const double *g, double *m, double *v);

#endif
