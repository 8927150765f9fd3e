#include "num/optim.h"

#include <math.h>

#include "num/kernels.h"

size_t rnn_optim_slots(const struct rnn_optim *o)
{
    if (o->kind == RNN_SGD) return o->momentum != 0 ? 1 : 0;
    return 2;
}

void rnn_optim_adam_coef(const struct rnn_optim *o, uint64_t t, double lr, double *lr_t, double *inv_sqrt_bc2)
{
    *lr_t = lr / (1 - pow(o->beta1, (double) t));
    *inv_sqrt_bc2 = 1 / sqrt(1 - pow(o->beta2, (double) t));
}

void rnn_optim_step_f32(const struct rnn_optim *o, uint64_t t, double lr, size_t n, float *p, const float *g, float *m, float *v)
{
    const struct rnn_kernels *k = rnn_kernels();
    if (o->kind == RNN_SGD) {
        k->sgd_f32(n, p, g, o->momentum != 0 ? m : NULL, (float) lr, (float) o->momentum, (float) o->weight_decay, t == 1);
        return;
    }
    double lr_t, inv_sqrt_bc2;
    rnn_optim_adam_coef(o, t, lr, &lr_t, &inv_sqrt_bc2);
    const int decoupled = o->kind == RNN_ADAMW;
    k->adam_f32(n, p, g, m, v, (float) lr_t, o->beta1, o->beta2, (float) o->eps, (float) inv_sqrt_bc2,
                decoupled ? 0 : (float) o->weight_decay, decoupled ? lr * o->weight_decay : 0);
}

void rnn_optim_step_f64(const struct rnn_optim *o, uint64_t t, double lr, size_t n, double *p, const double *g, double *m, double *v)
{
    const struct rnn_kernels *k = rnn_kernels();
    if (o->kind == RNN_SGD) {
        k->sgd_f64(n, p, g, o->momentum != 0 ? m : NULL, lr, o->momentum, o->weight_decay, t == 1);
        return;
    }
    double lr_t, inv_sqrt_bc2;
    rnn_optim_adam_coef(o, t, lr, &lr_t, &inv_sqrt_bc2);
    const int decoupled = o->kind == RNN_ADAMW;
    k->adam_f64(n, p, g, m, v, lr_t, o->beta1, o->beta2, o->eps, inv_sqrt_bc2, decoupled ? 0 : o->weight_decay,
                decoupled ? lr * o->weight_decay : 0);
}
