/* One update of the general path: forward, backward, masks, clipping, optimiser, projection.  Compiled twice. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "model/train_core.h"
#include "num/kernels.h"

#if RNN_REAL_BITS == 32
typedef float real;
#define NAME(x) x##_f32
#else
typedef double real;
#define NAME(x) x##_f64
#endif

struct core {
    struct rnn_core base;
    const struct rnn_train_config *c;
    struct rnn_params ps;
    struct rnn_runs runs;
    struct NAME(rnn_engine) *train, *eval;
    real *theta, *grad, *m, *v; /* [total]; m, v NULL when the optimiser has none; grad NULL on the fused path */
    unsigned char *mask;        /* [W_rec] or NULL */
    unsigned char frozen[RNN_MAX_PARAMS];
    size_t eval_B, eval_T;
    bool is_fused;
};

static void release(struct rnn_core *base)
{
    struct core *k = (struct core *)base;
    if (!k) return;
    NAME(rnn_engine_free)(k->train);
    NAME(rnn_engine_free)(k->eval);
    free(k->theta);
    free(k->grad);
    free(k->m);
    free(k->v);
    free(k->mask);
    free(k);
}

static void start_values(struct core *k, const struct rnn_core_setup *s)
{
    for (size_t i = 0; i < k->ps.total; i++) k->theta[i] = (real)s->theta[i];
}

static int fill(struct core *k, const struct rnn_core_setup *s, struct rnn_err *err)
{
    const size_t total = s->params->total, slots = rnn_optim_slots(&s->c->optim);
    RNN_TRY(rnn_alloc_into(&k->theta, total, sizeof *k->theta, err));
    if (!k->is_fused) RNN_TRY(rnn_alloc_into(&k->grad, total, sizeof *k->grad, err));
    if (slots > 0) RNN_TRY(rnn_alloc_into(&k->m, total, sizeof *k->m, err));
    if (slots > 1) RNN_TRY(rnn_alloc_into(&k->v, total, sizeof *k->v, err));
    if (s->mask) {
        const size_t n = s->params->p[0].rows * s->params->p[0].cols;
        RNN_TRY(rnn_alloc_into(&k->mask, n, 1, err));
        memcpy(k->mask, s->mask, n);
    }
    start_values(k, s);
    RNN_TRY(NAME(rnn_engine_new)(&k->train, &s->c->spec, s->B, s->T, true, err));
    if (s->eval_B) RNN_TRY(NAME(rnn_engine_new)(&k->eval, &s->c->spec, s->eval_B, s->eval_T, false, err));
    return RNN_OK;
}

static int make(struct rnn_core **out, const struct rnn_core_setup *s, struct rnn_err *err)
{
    struct core *k = NULL;
    RNN_TRY(rnn_alloc_into(&k, 1, sizeof *k, err));
    k->base.ops = &NAME(rnn_core);
    k->c = s->c;
    k->ps = *s->params;
    k->eval_B = s->eval_B;
    k->eval_T = s->eval_T;
    k->is_fused = RNN_REAL_BITS == 32 && rnn_train_is_fused(s->c);
    rnn_trainable_runs(s->c, s->params, &k->runs);
    for (size_t i = 0; i < k->ps.n; i++) k->frozen[i] = rnn_is_frozen(s->c, &k->ps.p[i]);
    const int rc = fill(k, s, err);
    if (rc < 0) {
        release(&k->base);
        return rc;
    }
    *out = &k->base;
    return RNN_OK;
}

static size_t engine_bytes(const struct rnn_core_setup *s)
{
    size_t n = NAME(rnn_engine_bytes)(&s->c->spec, s->B, s->T, true);
    if (s->eval_B) n += NAME(rnn_engine_bytes)(&s->c->spec, s->eval_B, s->eval_T, false);
    return n;
}

static size_t bytes(const struct rnn_core_setup *s)
{
    const size_t vectors = (rnn_train_is_fused(s->c) && RNN_REAL_BITS == 32 ? 1 : 2) + rnn_optim_slots(&s->c->optim);
    return vectors * s->params->total * sizeof(real) + (s->mask ? s->params->p[0].rows * s->params->p[0].cols : 0);
}

/* Gradients of entries that a mask holds at zero do not count, in the norm neither. */
static void mask_gradient(struct core *k)
{
    if (!k->mask) return;
    const struct rnn_param *p = &k->ps.p[0];
    real *g = k->grad + p->offset;
    for (size_t i = 0; i < p->rows * p->cols; i++) g[i] = k->mask[i] ? g[i] : 0;
}

static double gradient_norm(const struct core *k)
{
    double sum = 0;
    for (size_t i = 0; i < k->runs.n; i++) sum += rnn_kernels()->NAME(sumsq)(k->runs.run[i].n, k->grad + k->runs.run[i].at);
    return sqrt(sum);
}

static void clip(struct core *k, double norm)
{
    const double f = k->c->clip / (norm + 1e-6);
    if (!(k->c->clip > 0) || f >= 1) return;
    for (size_t i = 0; i < k->runs.n; i++) {
        real *g = k->grad + k->runs.run[i].at;
        for (size_t j = 0; j < k->runs.run[i].n; j++) g[j] = (real)(g[j] * (real)f);
    }
}

/* Dale: the first round(dale N) columns keep entries >= 0, the others <= 0. */
static void project_dale(struct core *k)
{
    if (k->c->dale < 0) return;
    const struct rnn_param *p = &k->ps.p[0];
    const size_t n_exc = (size_t)floor(k->c->dale * (double)p->cols + 0.5);
    for (size_t i = 0; i < p->rows; i++) {
        real *w = k->theta + p->offset + i * p->cols;
        for (size_t j = 0; j < p->cols; j++) {
            if (j < n_exc ? w[j] < 0 : w[j] > 0) w[j] = 0;
        }
    }
}

static int step(struct rnn_core *base, struct rnn_step *s, struct rnn_err *err)
{
    struct core *k = (struct core *)base;
    const struct rnn_train_config *c = k->c;
    s->grad_norm = NAN;
    RNN_TRY(NAME(rnn_engine_batch)(k->train, s->batch, err));
#if RNN_REAL_BITS == 32
    if (k->is_fused) {
        RNN_TRY(rnn_fused_update_f32(k->train, k->theta, k->m, k->v, &c->optim, s->t, s->lr, k->frozen, s->loss_kind, s->norm,
                                     &s->loss, err));
        if (s->outputs) rnn_engine_outputs_f32(k->train, s->outputs);
        s->is_finite = isfinite(s->loss);
        return RNN_OK;
    }
#endif
    RNN_TRY(NAME(rnn_engine_forward)(k->train, k->theta, &s->pass, s->loss_kind, s->norm, &s->loss, err));
    if (s->outputs) NAME(rnn_engine_outputs)(k->train, s->outputs);
    if (s->outputs_only) return RNN_OK;
    s->is_finite = isfinite(s->loss);
    if (!s->is_finite) return RNN_OK;
    RNN_TRY(NAME(rnn_engine_backward)(k->train, k->theta, &c->penalty, k->grad, err));
    mask_gradient(k);
    s->grad_norm = gradient_norm(k);
    s->is_finite = isfinite(s->grad_norm);
    if (!s->is_finite) return RNN_OK;
    clip(k, s->grad_norm);
    for (size_t i = 0; i < k->runs.n; i++) {
        const size_t at = k->runs.run[i].at;
        NAME(rnn_optim_step)(&c->optim, s->t, s->lr, k->runs.run[i].n, k->theta + at, k->grad + at, k->m ? k->m + at : NULL,
                             k->v ? k->v + at : NULL);
    }
    project_dale(k);
    return RNN_OK;
}

/* Share of a block in the mean over all: positions, or the sum of its weights. */
static double block_weight(const struct rnn_trials *tr, enum rnn_loss_norm norm)
{
    if (norm == RNN_NORM_POSITIONS) return (double)tr->K;
    double sum = 0;
    for (size_t i = 0; i < tr->K * tr->T; i++) sum += tr->w[i];
    return sum;
}

static int eval(struct rnn_core *base, const struct rnn_trials *tr, const struct rnn_pass *pass, enum rnn_loss loss_kind,
                enum rnn_loss_norm norm, double *loss, float *outputs, struct rnn_err *err)
{
    struct core *k = (struct core *)base;
    double sum = 0, weight = 0;
    for (size_t at = 0; at < tr->K; at += k->eval_B) {
        struct rnn_trials block = *tr;
        struct rnn_pass p = *pass;
        p.update = at / k->eval_B;
        block.K = tr->K - at < k->eval_B ? tr->K - at : k->eval_B;
        block.first = tr->first + at;
        block.u += at * tr->T * tr->n_in;
        block.y += at * tr->T * tr->n_out;
        block.w += at * tr->T;
        double one;
        RNN_TRY(NAME(rnn_engine_batch)(k->eval, &block, err));
        RNN_TRY(NAME(rnn_engine_forward)(k->eval, k->theta, &p, loss_kind, norm, &one, err));
        const double share = block_weight(&block, norm);
        if (share > 0) sum += share * one;
        weight += share;
        if (outputs) NAME(rnn_engine_outputs)(k->eval, outputs + at * tr->T * tr->n_out);
    }
    *loss = weight > 0 ? sum / weight : NAN;
    return RNN_OK;
}

static void theta(const struct rnn_core *base, double *out)
{
    const struct core *k = (const struct core *)base;
    for (size_t i = 0; i < k->ps.total; i++) out[i] = k->theta[i];
}

static size_t state_bytes(const struct rnn_core *base)
{
    const struct core *k = (const struct core *)base;
    return (1 + (k->m != NULL) + (k->v != NULL)) * k->ps.total * sizeof(real);
}

static void save(const struct rnn_core *base, unsigned char *out)
{
    const struct core *k = (const struct core *)base;
    const size_t n = k->ps.total * sizeof(real);
    memcpy(out, k->theta, n);
    if (k->m) memcpy(out + n, k->m, n);
    if (k->v) memcpy(out + 2 * n, k->v, n);
}

static void load(struct rnn_core *base, const unsigned char *in)
{
    struct core *k = (struct core *)base;
    const size_t n = k->ps.total * sizeof(real);
    memcpy(k->theta, in, n);
    if (k->m) memcpy(k->m, in + n, n);
    if (k->v) memcpy(k->v, in + 2 * n, n);
}

const struct rnn_core_ops NAME(rnn_core) = { make, release, step, eval, theta, state_bytes, save, load, bytes, engine_bytes };
