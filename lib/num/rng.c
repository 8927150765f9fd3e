#include "num/rng.h"

#include <math.h>
#include <string.h>

#include <Random123/philox.h>

#include "num/kernels.h"

enum { NET_BITS = 26 };

void rnn_philox4x32_10(const uint32_t ctr[4], const uint32_t key[2], uint32_t out[4])
{
    philox4x32_ctr_t c = {{ctr[0], ctr[1], ctr[2], ctr[3]}};
    philox4x32_key_t k = {{key[0], key[1]}};
    c = philox4x32_R(10, c, k);
    memcpy(out, c.v, sizeof c.v);
}

int rnn_rng_at(struct rnn_rng *g, uint64_t seed, enum rnn_rng_purpose purpose, uint64_t net, uint64_t item, uint64_t step,
               struct rnn_err *err)
{
    if ((unsigned) purpose >= 64) return rnn_fail(err, RNN_ERR_LIMIT, "random purpose %u is not below 64", (unsigned) purpose);
    if (net >> NET_BITS)
        return rnn_fail(err, RNN_ERR_LIMIT, "network number %llu is not below 2^26", (unsigned long long) net);
    if (item >> 32)
        return rnn_fail(err, RNN_ERR_LIMIT, "random item %llu is not below 2^32", (unsigned long long) item);
    if (step >> 32)
        return rnn_fail(err, RNN_ERR_LIMIT, "random step %llu is not below 2^32", (unsigned long long) step);
    *g = (struct rnn_rng){
        .key = {(uint32_t) seed, (uint32_t) (seed >> 32)},
        .ctr = {0, (uint32_t) step, (uint32_t) item, (uint32_t) purpose << NET_BITS | (uint32_t) net},
    };
    return RNN_OK;
}

int rnn_rng_ok(const struct rnn_rng *g)
{
    return !g->exhausted;
}

static void refill(struct rnn_rng *g)
{
    rnn_philox4x32_10(g->ctr, g->key, g->out);
    g->left = 4;
    if (++g->ctr[0] == 0) {
        /* Never the first block again: that would repeat numbers in silence.  The caller learns of it from rnn_rng_ok. */
        g->exhausted = 1;
        g->key[1] ^= 0x9e3779b9u;
    }
}

uint32_t rnn_rng_u32(struct rnn_rng *g)
{
    if (g->left == 0) refill(g);
    return g->out[4 - g->left--];
}

uint64_t rnn_rng_u64(struct rnn_rng *g)
{
    uint64_t lo = rnn_rng_u32(g);
    return lo | (uint64_t) rnn_rng_u32(g) << 32;
}

double rnn_rng_uniform(struct rnn_rng *g)
{
    return (double) (rnn_rng_u64(g) >> 11) * 0x1p-53;
}

/* The high half of a 64 x 64 bit product. */
static uint64_t mul_high(uint64_t a, uint64_t b, uint64_t *low)
{
    const uint64_t a0 = (uint32_t) a, a1 = a >> 32, b0 = (uint32_t) b, b1 = b >> 32;
    const uint64_t mid = a1 * b0 + (a0 * b0 >> 32), mid2 = a0 * b1 + (uint32_t) mid;
    *low = a * b;
    return a1 * b1 + (mid >> 32) + (mid2 >> 32);
}

/* Multiply and reject (Lemire 2019): the division is met only when a draw might be biased. */
uint64_t rnn_rng_below(struct rnn_rng *g, uint64_t n)
{
    if (n <= 1) return 0;
    uint64_t low, high = mul_high(rnn_rng_u64(g), n, &low);
    if (low < n) {
        const uint64_t threshold = (0 - n) % n; /* 2^64 mod n */
        while (low < threshold) high = mul_high(rnn_rng_u64(g), n, &low);
    }
    return high;
}

double rnn_rng_normal(struct rnn_rng *g)
{
    const double u = ((double) (rnn_rng_u64(g) >> 11) + 0.5) * 0x1p-53;
    return sqrt(-2 * log(u)) * cos(6.283185307179586477 * rnn_rng_uniform(g));
}

void rnn_rng_shuffle(struct rnn_rng *g, size_t n, size_t *index)
{
    for (size_t i = n; i > 1; i--) {
        const size_t j = (size_t) rnn_rng_below(g, i), t = index[i - 1];
        index[i - 1] = index[j];
        index[j] = t;
    }
}

void rnn_rng_normals_f32(const struct rnn_rng *g, size_t n, float *out)
{
    const uint32_t start[4] = {0, g->ctr[1], g->ctr[2], g->ctr[3]};
    rnn_kernels()->normal_f32(g->key, start, n, out);
}

void rnn_rng_normals_f64(const struct rnn_rng *g, size_t n, double *out)
{
    const uint32_t start[4] = {0, g->ctr[1], g->ctr[2], g->ctr[3]};
    rnn_kernels()->normal_f64(g->key, start, n, out);
}
