/* Random numbers as addresses: Philox4x32-10 (Salmon et al. 2011, Random123), key = seed, counter = {block, step, item,
 * purpose and net}.  The same address gives the same numbers on every machine, whatever was drawn before. */
#ifndef RNN_NUM_RNG_H
#define RNN_NUM_RNG_H

#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

/* What a stream of numbers is for.  Append only: a number here is part of every published seed. */
enum rnn_rng_purpose {
    RNN_RNG_TEST = 0,
    RNN_RNG_INIT = 1,        /* initial parameters; step = parameter index */
    RNN_RNG_TASK = 2,        /* structure of a task (splits, suffixes, ...) */
    RNN_RNG_TRIAL = 3,       /* contents of trial `item` */
    RNN_RNG_NOISE_REC = 4,   /* recurrent noise at `step` of update `item` */
    RNN_RNG_STATE0 = 5,      /* initial states of update `item` */
    RNN_RNG_ORDER = 6,       /* presentation order of epoch `item` */
    RNN_RNG_RUN_NOISE = 7,   /* recurrent noise outside training */
    RNN_RNG_RUN_STATE0 = 8,
    RNN_RNG_ANALYSIS = 9,    /* starts, bootstrap, permutations, random controls */
    RNN_RNG_MASK = 10,       /* sparsity and sign masks */
    RNN_RNG_TOKEN_NOISE = 11,
    RNN_RNG_TRANSFER = 12,
    RNN_RNG_RUN_KICK = 13,   /* perturbation of trial `item` before `step` */
    RNN_RNG_ROLLOUT = 14,    /* tokens drawn while training; item = update, step = (trial T + start) T + step */
    RNN_RNG_HEAD = 15,       /* which head update `item` trains (multi-task networks) */
    RNN_RNG_N_PURPOSES
};

struct rnn_rng {
    uint32_t key[2], ctr[4];
    uint32_t out[4];
    int left;      /* unused words of out */
    int exhausted; /* 2^32 blocks were drawn: see rnn_rng_ok */
};

/* purpose < 64, net < 2^26, item and step < 2^32, else RNN_ERR_LIMIT (never wraps). */
int rnn_rng_at(struct rnn_rng *g, uint64_t seed, enum rnn_rng_purpose purpose, uint64_t net, uint64_t item,
               uint64_t step, struct rnn_err *err);
/* False once more than 2^32 blocks (2^34 words) were drawn from one address.  Like ferror(3) it is sticky: the numbers go on,
 * from a key of their own rather than from the first block again, and who might draw so many asks. */
int rnn_rng_ok(const struct rnn_rng *g);
uint32_t rnn_rng_u32(struct rnn_rng *g);
uint64_t rnn_rng_u64(struct rnn_rng *g);
double rnn_rng_uniform(struct rnn_rng *g);                       /* [0, 1), 53 bits */
uint64_t rnn_rng_below(struct rnn_rng *g, uint64_t n);           /* unbiased, 0..n-1; n = 0 gives 0 */
double rnn_rng_normal(struct rnn_rng *g);                        /* N(0,1), double accuracy (Box-Muller) */
void rnn_rng_shuffle(struct rnn_rng *g, size_t n, size_t *index); /* Fisher-Yates */

/* n normal numbers from the start of the address (key, ctr of g; what was drawn from g before does not matter; g unchanged):
 * out[i] depends on the address and i only, never on n.  Vectorised; every kernel set gives results within RNN_NORMAL_TOL
 * (float32; 1e-14 in float64) of the plain one.  Limit: the 2^32 blocks of an address hold 2^34 float32, 2^33 float64.
 *   float32: Box-Muller on word pairs (w0,w1), (w2,w3) of each Philox block:  u = ((w>>1) + 1/2) 2^-31,  r = sqrt(-2 ln u),
 *   and the other word w' = sign bit, swap bit, 30 bits f in [-1,1):  (x,y) = (-1)^sign r (cos, sin)(pi f / 4), exchanged when
 *   swap is set; |x| reaches 6.6.  The pair's x and y come 16 numbers apart: number 64 G + 32 p + 16 k + l is
 *   component k of pair p of block 16 G + l, so that 16 blocks are computed side by side.
 *   float64: one pair per block, u = (b + 1/2) 2^-52 with b the upper 52 bits of w1:w0, angle = 2 pi b' 2^-52 from w3:w2; number 16 G + 8 k + l is component k
 *   of block 8 G + l. */
#define RNN_NORMAL_TOL 2e-6
#define RNN_NORMAL_TOL_F64 1e-14
void rnn_rng_normals_f32(const struct rnn_rng *g, size_t n, float *out);
void rnn_rng_normals_f64(const struct rnn_rng *g, size_t n, double *out);

/* The raw block function, for known-answer tests. */
void rnn_philox4x32_10(const uint32_t ctr[4], const uint32_t key[2], uint32_t out[4]);

#endif
