/* Element-wise kernels, chosen once at start (rnn_kernels_select) among plain C, AVX2 and AVX-512.  Plain C is the
 * reference: the fast ones agree with it within the stated tolerance for every n and alignment.  No kernel allocates. */
#ifndef RNN_NUM_KERNELS_H
#define RNN_NUM_KERNELS_H

#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

#define RNN_TANH_ULP 4 /* float32 tanh, sigmoid: largest error in ulp against the correctly rounded value */

struct rnn_kernels {
    const char *name; /* "ref", "avx2", "avx512" */

    /* --- float32 --- */
    void (*tanh_f32)(size_t n, const float *z, float *out);            /* in place allowed */
    void (*sigmoid_f32)(size_t n, const float *z, float *out);
    void (*softplus_f32)(size_t n, const float *z, float *out);
    void (*normal_f32)(const uint32_t key[2], const uint32_t ctr[4], size_t n, float *out); /* see num/rng.h */
    /* r_next = (1-a) r + a tanh(z + s xi);  t = tanh(...) is stored for the backward pass; xi may be NULL; arrays [n]. */
    void (*leak_tanh_f32)(size_t n, float a, const float *r, const float *z, float s, const float *xi, float *t, float *r_next);
    /* Adam / AdamW / SGD on a flat vector [n]; PyTorch's formulas (num/optim.h). */
    void (*adam_f32)(size_t n, float *p, const float *g, float *m, float *v, float lr_t, float beta1, float beta2,
                     float eps, float inv_sqrt_bc2, float l2, float decay);
    void (*sgd_f32)(size_t n, float *p, const float *g, float *vel, float lr, float momentum, float l2, int first);
    /* Rank-one gradient fused with Adam (batch 1): g_ij = d_i h_j is never stored. p, m, v are [rows][cols] with stride ld. */
    void (*adam_outer_f32)(size_t rows, size_t cols, size_t ld, float *p, const float *d, const float *h, float *m, float *v,
                           float lr_t, float beta1, float beta2, float eps, float inv_sqrt_bc2);
    double (*sumsq_f32)(size_t n, const float *x); /* accumulated in double */
};

/* name NULL or "auto": the best this processor runs; "ref", "avx2", "avx512" force one (RNN_ERR_ARG when it cannot run).
 * Call before any thread starts. */
int rnn_kernels_select(const char *name, struct rnn_err *err);
const struct rnn_kernels *rnn_kernels(void); /* "ref" until selected */
/* Sets flush-to-zero and denormals-are-zero in the calling thread; every thread that computes calls it. */
void rnn_flush_denormals(void);

#endif
