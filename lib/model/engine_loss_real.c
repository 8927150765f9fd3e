/* Outputs, losses, and the gradient where both begin: dL/dz, z the read-out before its nonlinearity.
 *   MSE:  sum w (o - y)^2 / n,  n counts trials x steps x channels (or sums weights x channels)
 *   CE:   sigmoid read-out: sum w [softplus(z) - y z] / n, n as for MSE (a mean over elements, as PyTorch's binary loss);
 *         linear and softmax read-out: sum w (-sum_c y_c log softmax(z)_c) / n, n counts trials x steps (or sums weights). */
#include <math.h>
#include <string.h>

#include "model/engine_real.h"

void RN(engine_sigmoid)(size_t n, const real *z, real *p)
{
    rnn_kernels()->RN(sigmoid)(n, z, p);
}

/* log sum exp of z [n], and its terms relative to the largest */
static double log_sum_exp(size_t n, const real *z, double *top)
{
    double sum = 0;
    *top = (double) z[0];
    for (size_t c = 1; c < n; c++)
        if (z[c] > *top) *top = (double) z[c];
    for (size_t c = 0; c < n; c++) sum += exp((double) z[c] - *top);
    return *top + log(sum);
}

void RN(engine_softmax)(size_t rows, size_t n, const real *z, real *p)
{
    for (size_t k = 0; k < rows; k++, z += n, p += n) {
        double top;
        const double lse = log_sum_exp(n, z, &top);
        for (size_t c = 0; c < n; c++) p[c] = (real) exp((double) z[c] - lse);
    }
}

double RN(engine_cross_entropy)(size_t n, const real *z, const real *y, double g, real *d)
{
    double top, L = 0, mass = 0;
    const double lse = log_sum_exp(n, z, &top);
    for (size_t c = 0; c < n; c++) {
        mass += (double) y[c];
        if (y[c] != 0) L += (double) y[c] * (lse - (double) z[c]);
    }
    for (size_t c = 0; d && c < n; c++) d[c] = (real) (g * (exp((double) z[c] - lse) * mass - (double) y[c]));
    return L;
}

static double binary_cross_entropy(size_t n, const real *z, const real *y, double g, real *d)
{
    double L = 0;
    for (size_t c = 0; c < n; c++) {
        const double x = (double) z[c], e = exp(-fabs(x));
        L += (x > 0 ? x : 0) + log1p(e) - (double) y[c] * x;
        if (d) d[c] = (real) (g * ((x >= 0 ? 1 : e) / (1 + e) - (double) y[c]));
    }
    return L;
}

/* sum (o - y)^2, in eight sums side by side */
static double sum_of_squares(size_t n, const real *o, const real *y)
{
    double part[8] = {0};
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        for (size_t j = 0; j < 8; j++) {
            const double x = (double) o[i + j] - (double) y[i + j];
            part[j] += x * x;
        }
    }
    for (; i < n; i++) part[0] += ((double) o[i] - (double) y[i]) * ((double) o[i] - (double) y[i]);
    return ((part[0] + part[1]) + (part[2] + part[3])) + ((part[4] + part[5]) + (part[6] + part[7]));
}

/* d = g (o - y) o'(z) of one position, o after the nonlinearity */
static void squared_error_slope(enum rnn_readout readout, size_t n, const real *o, const real *y, real g, real *d)
{
    for (size_t c = 0; c < n; c++) {
        const real x = o[c] - y[c];
        d[c] = readout == RNN_OUT_SIGMOID ? g * x * (o[c] * (1 - o[c])) : g * x;
    }
    if (readout == RNN_OUT_SOFTMAX) {
        real mean = 0;
        for (size_t c = 0; c < n; c++) mean += d[c] * o[c];
        for (size_t c = 0; c < n; c++) d[c] = o[c] * (d[c] - mean);
    }
}

static void nonlinearity(struct RN(rnn_engine) *e)
{
    const size_t rows = e->T * e->B, n = e->s.n_out;
    if (e->s.readout == RNN_OUT_SIGMOID) RN(engine_sigmoid)(rows * n, e->out, e->out);
    if (e->s.readout == RNN_OUT_SOFTMAX) RN(engine_softmax)(rows, n, e->out, e->out);
}

/* One step's share of the loss sum, over its K trials; out is what the kind of loss starts from. */
static double squares_of_step(const struct RN(rnn_engine) *e, size_t t, double unit)
{
    const size_t n = e->s.n_out, at = t * e->B;
    const real *w = e->w + at, *o = e->out + at * n, *y = e->y + at * n;
    double L = 0;
    for (size_t k = 0, same; k < e->K; k += same) { /* trials of one weight together: mostly all */
        for (same = 1; k + same < e->K && w[k + same] == w[k];) same++;
        if (w[k] != 0) L += (double) w[k] * sum_of_squares(same * n, o + k * n, y + k * n);
    }
    for (size_t k = 0; e->dout && k < e->B; k++) {
        real *d = e->dout + (at + k) * n;
        if (w[k] != 0) squared_error_slope(e->s.readout, n, o + k * n, y + k * n, (real) (2 * (double) w[k] * unit), d);
        else memset(d, 0, n * sizeof *d); /* whatever o and y are there */
    }
    return L;
}

static double cross_entropy_of_step(const struct RN(rnn_engine) *e, size_t t, double unit)
{
    const size_t n = e->s.n_out;
    double L = 0;
    for (size_t k = t * e->B; k < (t + 1) * e->B; k++) {
        const double w = (double) e->w[k];
        const real *z = e->out + k * n, *y = e->y + k * n;
        real *d = e->dout ? e->dout + k * n : NULL;
        if (w == 0) {
            for (size_t c = 0; d && c < n; c++) d[c] = 0;
        } else if (e->s.readout == RNN_OUT_SIGMOID) {
            L += w * binary_cross_entropy(n, z, y, w * unit, d);
        } else {
            L += w * RN(engine_cross_entropy)(n, z, y, w * unit, d);
        }
    }
    return L;
}

double RN(engine_loss)(struct RN(rnn_engine) *e, enum rnn_loss kind, enum rnn_loss_norm norm)
{
    const size_t per_step = e->B * e->s.n_out;
    const bool by_channel = kind == RNN_LOSS_MSE || e->s.readout == RNN_OUT_SIGMOID;
    const double positions = norm == RNN_NORM_WEIGHTS ? e->weight_sum : (double) (e->K * e->T);
    const double unit = positions == 0 ? 0 : 1 / (positions * (by_channel ? (double) e->s.n_out : 1));
    double L = 0;
    if (kind == RNN_LOSS_MSE) nonlinearity(e);
    for (size_t t = 0; t < e->T; t++) {
        if (e->has_w[t]) L += kind == RNN_LOSS_MSE ? squares_of_step(e, t, unit) : cross_entropy_of_step(e, t, unit);
        else if (e->dout) memset(e->dout + t * per_step, 0, per_step * sizeof *e->dout);
    }
    if (kind != RNN_LOSS_MSE) nonlinearity(e);
    return L * unit;
}
