/* Activations of single numbers in float64, for whatever looks at one state at a time.  The engine's vectors go through
 * num/kernels.h, which computes the same functions. */
#ifndef RNN_MODEL_ACTIVATION_H
#define RNN_MODEL_ACTIVATION_H

#include <math.h>
#include "model/net.h"

/* 1 / (1 + e^-z) without overflow. */
static inline double rnn_sigmoid(double z)
{
    const double e = exp(-fabs(z));
    return z >= 0 ? 1 / (1 + e) : e / (1 + e);
}

/* f(z); NaN stays NaN. */
static inline double rnn_activate(enum rnn_act f, double z)
{
    switch (f) {
    case RNN_TANH: return tanh(z);
    case RNN_RELU: return z < 0 ? 0 : z;
    case RNN_SIGMOID: return rnn_sigmoid(z);
    case RNN_SOFTPLUS: return (z > 0 ? z : 0) + log1p(exp(-fabs(z)));
    case RNN_LINEAR:
    case RNN_N_ACTS: break;
    }
    return z;
}

/* f'(z); relu'(0) = 0. */
static inline double rnn_activation_slope(enum rnn_act f, double z)
{
    switch (f) {
    case RNN_TANH: {
        const double t = tanh(z);
        return 1 - t * t;
    }
    case RNN_RELU: return z > 0;
    case RNN_SIGMOID: {
        const double p = rnn_sigmoid(z);
        return p * (1 - p);
    }
    case RNN_SOFTPLUS: return rnn_sigmoid(z);
    case RNN_LINEAR:
    case RNN_N_ACTS: break;
    }
    return 1;
}

#endif
