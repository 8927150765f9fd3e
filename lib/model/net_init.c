/* Initial parameters.  Every block draws from an address of its own, numbered by its name, so that leaving one block out
 * (a bias, say) or changing its law leaves the numbers of all others as they are. */
#include "model/net.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "num/linalg.h"
#include "num/rng.h"

/* Address of a block; part of every published seed: append only. */
static const char *const block_names[] = {"W_rec", "m", "n", "W_in", "b_rec", "b_in", "h0", "alpha", "W_out", "b_out"};
enum { FIRST_OUT_BLOCK = 8, DECODER = RNN_LEN(block_names) }; /* a decoder's block b has address DECODER + b */

static const char *const law_names[] = {"uniform", "gauss", "xavier", "orthogonal", "zero", NULL};

int rnn_init_parse(const char *text, struct rnn_init_law *out, struct rnn_err *err)
{
    const char *colon = strchr(text, ':');
    const size_t len = colon ? (size_t) (colon - text) : strlen(text);
    for (int i = 0; law_names[i]; i++) {
        if (strlen(law_names[i]) != len || strncmp(text, law_names[i], len) != 0) continue;
        double gain = 1;
        if (colon) {
            char *end;
            errno = 0;
            gain = strtod(colon + 1, &end);
            if (i == RNN_INIT_ZERO || end == colon + 1 || *end || errno || !isfinite(gain) || gain < 0)
                return rnn_fail(err, RNN_ERR_ARG, "init law '%s': the gain must be a number >= 0%s", text,
                                i == RNN_INIT_ZERO ? ", and zero has none" : "");
        }
        *out = (struct rnn_init_law){.kind = (enum rnn_init) i, .gain = gain};
        return RNN_OK;
    }
    return rnn_fail(err, RNN_ERR_ARG, "unknown init law '%s' (uniform, gauss:G, xavier, orthogonal:G, zero)", text);
}

static void fill_uniform(struct rnn_rng *g, double half, size_t n, double *x)
{
    for (size_t i = 0; i < n; i++) x[i] = half * (2 * rnn_rng_uniform(g) - 1);
}

static void fill_normal(struct rnn_rng *g, double sd, size_t n, double *x)
{
    for (size_t i = 0; i < n; i++) x[i] = sd * rnn_rng_normal(g);
}

/* gain times a matrix with orthonormal rows or columns, whichever fit (Saxe, McClelland and Ganguli 2014): the Q of a Gaussian
 * matrix, with R's diagonal positive, is uniform over such matrices. */
static int fill_orthogonal(struct rnn_rng *g, double gain, size_t rows, size_t cols, double *x, struct rnn_err *err)
{
    const size_t tall = rows > cols ? rows : cols, thin = rows > cols ? cols : rows;
    double *A;
    RNN_TRY(rnn_alloc_into(&A, 2 * tall * thin, sizeof *A, err));
    double *Q = A + tall * thin;
    fill_normal(g, 1, tall * thin, A);
    const int rc = rnn_qr(tall, thin, A, Q, NULL, err);
    for (size_t i = 0; i < rows && rc == RNN_OK; i++)
        for (size_t j = 0; j < cols; j++) x[i * cols + j] = gain * (rows >= cols ? Q[i * thin + j] : Q[j * thin + i]);
    free(A);
    return rc;
}

/* One gate's block [rows][cols] of a matrix, or a vector whose layer receives from fan_in units. */
static int fill(struct rnn_rng *g, const struct rnn_init_law *law, bool is_vector, double fan_in, size_t rows, size_t cols,
                double *x, struct rnn_err *err)
{
    const size_t n = rows * cols;
    switch (law->kind) {
    case RNN_INIT_UNIFORM: fill_uniform(g, law->gain / sqrt(fan_in), n, x); return RNN_OK;
    case RNN_INIT_GAUSS: fill_normal(g, law->gain / sqrt(fan_in), n, x); return RNN_OK;
    case RNN_INIT_ZERO: memset(x, 0, n * sizeof *x); return RNN_OK;
    case RNN_INIT_XAVIER:
        if (is_vector) break;
        fill_uniform(g, law->gain * sqrt(6.0 / (double) (rows + cols)), n, x);
        return RNN_OK;
    case RNN_INIT_ORTHOGONAL:
        if (is_vector) break;
        return fill_orthogonal(g, law->gain, rows, cols, x, err);
    }
    return rnn_fail(err, RNN_ERR_ARG, "init law %s is for matrices, not for biases", law_names[law->kind]);
}

/* Units a block receives from, as the uniform and Gaussian laws count them.  Both factors count N: a product of factors with
 * entries of order 1/sqrt(N) is what the studies start from. */
static double fan_in(const struct rnn_spec *s, const struct rnn_init_plan *plan, size_t block)
{
    const double N = (double) s->N;
    if (block >= FIRST_OUT_BLOCK) return s->read_latent ? (double) s->rank : N;
    const bool is_input = block == 3 || block == 5;
    return is_input && !plan->rnn_fan ? (double) s->n_in : N;
}

/* Parameter p of a network, or of its decoder, with specification s: values x. */
static int init_block(const struct rnn_spec *s, const struct rnn_init_plan *plan, size_t block, const struct rnn_param *p, double *x,
                      struct rnn_rng *g, struct rnn_err *err)
{
    const struct rnn_init_law *laws[] = {&plan->W_rec, &plan->factor, &plan->factor, &plan->W_in, &plan->bias,
                                         &plan->bias,  NULL,          NULL,          &plan->W_out, &plan->bias};
    if (block == 6) {
        fill_normal(g, plan->h0_sd, p->rows, x);
        return RNN_OK;
    }
    if (block == 7) {
        for (size_t i = 0; i < p->rows; i++) x[i] = s->alpha;
        return RNN_OK;
    }
    if (block == 9 && plan->b_out_sd >= 0) {
        fill_normal(g, plan->b_out_sd, p->rows, x);
        return RNN_OK;
    }
    const size_t gates = s->cell == RNN_GRU && block < FIRST_OUT_BLOCK ? 3 : 1, rows = p->rows / gates;
    for (size_t k = 0; k < gates; k++)
        RNN_TRY(fill(g, laws[block], p->is_vector, fan_in(s, plan, block), rows, p->cols, x + k * rows * p->cols, err));
    if (block == 0 && plan->zero_diagonal)
        for (size_t i = 0; i < p->rows; i++) x[i * p->cols + i % s->N] = 0;
    return RNN_OK;
}

/* The blocks whose names end in `suffix`, at addresses from `first` on. */
static int init_blocks(struct rnn_net *net, const struct rnn_spec *s, const char *suffix, size_t first, const struct rnn_init_plan *plan,
                       uint64_t seed, struct rnn_err *err)
{
    for (size_t block = 0; block < RNN_LEN(block_names); block++) {
        char name[sizeof net->params.p[0].name];
        struct rnn_rng g;
        snprintf(name, sizeof name, "%s%s", block_names[block], suffix);
        const struct rnn_param *p = rnn_param_find(&net->params, name);
        if (!p) continue;
        RNN_TRY(rnn_rng_at(&g, seed, RNN_RNG_INIT, net->index, 0, first + block, err));
        RNN_TRY(init_block(s, plan, block, p, net->theta + p->offset, &g, err));
    }
    return RNN_OK;
}

int rnn_net_init(struct rnn_net *net, const struct rnn_init_plan *plan, uint64_t seed, struct rnn_err *err)
{
    if (plan->zero_diagonal && net->spec.rank)
        return rnn_fail(err, RNN_ERR_ARG, "factorised weights have no diagonal to set to zero");
    if (!(isfinite(plan->h0_sd) && plan->h0_sd >= 0))
        return rnn_fail(err, RNN_ERR_ARG, "initial state: %g is not a standard deviation", plan->h0_sd);
    RNN_TRY(init_blocks(net, &net->spec, "", 0, plan, seed, err));
    if (net->spec.n_latent) {
        struct rnn_spec decoder;
        rnn_spec_decoder(&net->spec, &decoder);
        RNN_TRY(init_blocks(net, &decoder, "_dec", DECODER, plan, seed, err));
    }
    const size_t n = net->params.total;
    if (net->precision_bits == 32)
        for (size_t i = 0; i < n; i++) net->theta[i] = (float) net->theta[i];
    if (!net->theta0) RNN_TRY(rnn_alloc_into(&net->theta0, n, sizeof *net->theta0, err));
    memcpy(net->theta0, net->theta, n * sizeof *net->theta);
    return RNN_OK;
}
