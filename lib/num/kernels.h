/* Element-wise kernels, chosen once at start (rnn_kernels_select) among plain C, AVX2 and AVX-512.  Plain C is the
 * reference: the fast ones agree with it within the stated tolerance for every n (0 too) and alignment.  No kernel
 * allocates.  Arrays are [n]; output may be the very same array as an input, never a shifted overlap. */
#ifndef RNN_NUM_KERNELS_H
#define RNN_NUM_KERNELS_H

#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

/* Largest error of tanh, sigmoid and softplus in ulp against the correctly rounded value, in either precision.  NaN gives
 * NaN; infinities give the limits; results below the smallest normal number may be zero. */
#define RNN_TANH_ULP 4

struct rnn_kernels {
    const char *name; /* "ref", "avx2", "avx512" */

    /* --- float32 --- */
    void (*tanh_f32)(size_t n, const float *z, float *out);
    void (*sigmoid_f32)(size_t n, const float *z, float *out);
    void (*softplus_f32)(size_t n, const float *z, float *out);
    void (*normal_f32)(const uint32_t key[2], const uint32_t ctr[4], size_t n, float *out); /* see num/rng.h */
    /* t = tanh(z + s xi);  r_next = (1-a) r + a t.  t is kept for the backward pass; xi may be NULL; t may be z. */
    void (*leak_tanh_f32)(size_t n, float a, const float *r, const float *z, float s, const float *xi, float *t, float *r_next);
    /* Adam and AdamW (num/optim.h) with the bias corrections folded in: lr_t = lr / (1-beta1^t), inv_sqrt_bc2 =
     * 1 / sqrt(1-beta2^t); decay = lr * weight_decay of AdamW, 0 for Adam; l2 = weight decay of Adam.  The betas are double
     * because 1-beta must be formed before rounding (1-0.999f is wrong by 1e-5). */
    void (*adam_f32)(size_t n, float *p, const float *g, float *m, float *v, float lr_t, double beta1, double beta2,
                     float eps, float inv_sqrt_bc2, float l2, double decay);
    /* vel may be NULL when momentum is 0; first: vel starts as the gradient. */
    void (*sgd_f32)(size_t n, float *p, const float *g, float *vel, float lr, float momentum, float l2, int first);
    double (*sumsq_f32)(size_t n, const float *x); /* accumulated in double */

    /* --- float64: the same, for --precision double and for analyses --- */
    void (*tanh_f64)(size_t n, const double *z, double *out);
    void (*sigmoid_f64)(size_t n, const double *z, double *out);
    void (*softplus_f64)(size_t n, const double *z, double *out);
    void (*normal_f64)(const uint32_t key[2], const uint32_t ctr[4], size_t n, double *out);
    void (*leak_tanh_f64)(size_t n, double a, const double *r, const double *z, double s, const double *xi, double *t,
                          double *r_next);
    void (*adam_f64)(size_t n, double *p, const double *g, double *m, double *v, double lr_t, double beta1, double beta2,
                     double eps, double inv_sqrt_bc2, double l2, double decay);
    void (*sgd_f64)(size_t n, double *p, const double *g, double *vel, double lr, double momentum, double l2, int first);
    double (*sumsq_f64)(size_t n, const double *x);
};

/* The sets this build holds. */
extern const struct rnn_kernels rnn_kernels_ref;
#if defined(__x86_64__)
extern const struct rnn_kernels rnn_kernels_avx2, rnn_kernels_avx512;
#endif

/* name NULL, "" or "auto": the best this processor runs; "ref", "avx2", "avx512" force one (RNN_ERR_ARG when it cannot run).
 * Call before any thread starts. */
int rnn_kernels_select(const char *name, struct rnn_err *err);
const struct rnn_kernels *rnn_kernels(void); /* "ref" until selected */
/* Sets flush-to-zero and denormals-are-zero in the calling thread; every thread that computes calls it. */
void rnn_flush_denormals(void);

#endif
