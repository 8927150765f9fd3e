/* The plain kernels.  Element functions are computed in double and rounded once, so these are also the yardstick for the
 * fast ones: kernels_simd.h must agree with what stands here. */
#include "num/kernels.h"

#include <math.h>

#include "num/rng.h"

static const double QUARTER_PI = 0.78539816339744830962, TWO_PI = 6.28318530717958647693;

static double sigmoid(double z)
{
    const double e = exp(-fabs(z));
    return z >= 0 ? 1 / (1 + e) : e / (1 + e);
}

static double softplus(double z)
{
    return (z > 0 ? z : 0) + log1p(exp(-fabs(z)));
}

static void tanh_f32(size_t n, const float *z, float *out)
{
    for (size_t i = 0; i < n; i++) out[i] = (float) tanh((double) z[i]);
}

static void sigmoid_f32(size_t n, const float *z, float *out)
{
    for (size_t i = 0; i < n; i++) out[i] = (float) sigmoid((double) z[i]);
}

static void softplus_f32(size_t n, const float *z, float *out)
{
    for (size_t i = 0; i < n; i++) out[i] = (float) softplus((double) z[i]);
}

static void tanh_f64(size_t n, const double *z, double *out)
{
    for (size_t i = 0; i < n; i++) out[i] = tanh(z[i]);
}

static void sigmoid_f64(size_t n, const double *z, double *out)
{
    for (size_t i = 0; i < n; i++) out[i] = sigmoid(z[i]);
}

static void softplus_f64(size_t n, const double *z, double *out)
{
    for (size_t i = 0; i < n; i++) out[i] = softplus(z[i]);
}

/* Components x, y of one Box-Muller pair, as num/rng.h defines them.  The words are rounded to float32 first, as the vector
 * kernels do: what follows is then the same function, only more exact. */
static void normal_pair_f32(uint32_t w, uint32_t angle, float xy[2])
{
    const float u = (float) (((double) (float) (int32_t) (w >> 1) + 0.5) * 0x1p-31);
    const double f = (double) (float) (int32_t) (angle << 2) * 0x1p-31;
    const double r = (angle >> 31 ? -1 : 1) * sqrt(-2 * log((double) u));
    const int swap = angle >> 30 & 1;
    xy[swap] = (float) (r * cos(QUARTER_PI * f));
    xy[!swap] = (float) (r * sin(QUARTER_PI * f));
}

static void normal_f32(const uint32_t key[2], const uint32_t ctr[4], size_t n, float *out)
{
    for (size_t start = 0; start < n; start += 64) {
        for (size_t l = 0; l < 16 && start + l < n; l++) {
            const uint32_t c[4] = {ctr[0] + (uint32_t) (start / 4 + l), ctr[1], ctr[2], ctr[3]};
            uint32_t w[4];
            float x[4];
            rnn_philox4x32_10(c, key, w);
            normal_pair_f32(w[0], w[1], x);
            normal_pair_f32(w[2], w[3], x + 2);
            for (size_t k = 0; k < 4 && start + 16 * k + l < n; k++) out[start + 16 * k + l] = x[k];
        }
    }
}

static void normal_f64(const uint32_t key[2], const uint32_t ctr[4], size_t n, double *out)
{
    for (size_t start = 0; start < n; start += 16) {
        for (size_t l = 0; l < 8 && start + l < n; l++) {
            const uint32_t c[4] = {ctr[0] + (uint32_t) (start / 2 + l), ctr[1], ctr[2], ctr[3]};
            uint32_t w[4];
            rnn_philox4x32_10(c, key, w);
            const double u = ((double) ((w[0] | (uint64_t) w[1] << 32) >> 12) + 0.5) * 0x1p-52;
            const double angle = TWO_PI * (double) ((w[2] | (uint64_t) w[3] << 32) >> 12) * 0x1p-52;
            const double r = sqrt(-2 * log(u));
            out[start + l] = r * cos(angle);
            if (start + 8 + l < n) out[start + 8 + l] = r * sin(angle);
        }
    }
}

/* What follows reads the same in both precisions. */
#define DEFINE_LEAK_TANH(T, S)                                                                                       \
    static void leak_tanh_##S(size_t n, T a, const T *r, const T *z, T s, const T *xi, T *t, T *r_next)              \
    {                                                                                                                \
        const T keep = 1 - a;                                                                                        \
        for (size_t i = 0; i < n; i++) {                                                                             \
            const T th = (T) tanh((double) (xi ? z[i] + s * xi[i] : z[i]));                                          \
            r_next[i] = keep * r[i] + a * th;                                                                        \
            t[i] = th;                                                                                               \
        }                                                                                                            \
    }

#define DEFINE_ADAM(T, S)                                                                                            \
    static void adam_##S(size_t n, T *p, const T *g, T *m, T *v, T lr_t, double beta1, double beta2, T eps,          \
                         T inv_sqrt_bc2, T l2, double decay)                                                         \
    {                                                                                                                \
        const T b1 = (T) beta1, c1 = (T) (1 - beta1), b2 = (T) beta2, c2 = (T) (1 - beta2), keep = (T) (1 - decay);  \
        for (size_t i = 0; i < n; i++) {                                                                             \
            const T gi = g[i] + l2 * p[i];                                                                           \
            m[i] = b1 * m[i] + c1 * gi;                                                                              \
            v[i] = b2 * v[i] + c2 * gi * gi;                                                                         \
            p[i] = keep * p[i] - lr_t * (m[i] / ((T) sqrt((double) v[i]) * inv_sqrt_bc2 + eps));                     \
        }                                                                                                            \
    }

#define DEFINE_SGD(T, S)                                                                                             \
    static void sgd_##S(size_t n, T *p, const T *g, T *vel, T lr, T momentum, T l2, int first)                       \
    {                                                                                                                \
        for (size_t i = 0; i < n; i++) {                                                                             \
            T step = g[i] + l2 * p[i];                                                                               \
            if (vel) step = vel[i] = first ? step : momentum * vel[i] + step;                                        \
            p[i] -= lr * step;                                                                                       \
        }                                                                                                            \
    }

#define DEFINE_SUMSQ(T, S)                                                                                           \
    static double sumsq_##S(size_t n, const T *x)                                                                    \
    {                                                                                                                \
        double sum = 0;                                                                                              \
        for (size_t i = 0; i < n; i++) sum += (double) x[i] * (double) x[i];                                         \
        return sum;                                                                                                  \
    }

#define DEFINE_BOTH(DEFINE) DEFINE(float, f32) DEFINE(double, f64)
DEFINE_BOTH(DEFINE_LEAK_TANH)
DEFINE_BOTH(DEFINE_ADAM)
DEFINE_BOTH(DEFINE_SGD)
DEFINE_BOTH(DEFINE_SUMSQ)

const struct rnn_kernels rnn_kernels_ref = {
    .name = "ref",
    .tanh_f32 = tanh_f32,
    .sigmoid_f32 = sigmoid_f32,
    .softplus_f32 = softplus_f32,
    .normal_f32 = normal_f32,
    .leak_tanh_f32 = leak_tanh_f32,
    .adam_f32 = adam_f32,
    .sgd_f32 = sgd_f32,
    .sumsq_f32 = sumsq_f32,
    .tanh_f64 = tanh_f64,
    .sigmoid_f64 = sigmoid_f64,
    .softplus_f64 = softplus_f64,
    .normal_f64 = normal_f64,
    .leak_tanh_f64 = leak_tanh_f64,
    .adam_f64 = adam_f64,
    .sgd_f64 = sgd_f64,
    .sumsq_f64 = sumsq_f64,
};
