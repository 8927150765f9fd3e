/* The reduced form of model/reduced.h, in either precision.  Vectors over units are padded with zeros to whole blocks of 64 bytes
 * and worked on in GCC's vector types: the same operations in the same order whatever the instruction set, so the numbers are, too.
 * m is held transposed, [R][P], so that every loop runs along the units. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "model/reduced.h"
#include "model/train_core.h"
#include "num/kernels.h"

#if RNN_REAL_BITS == 32
typedef float real;
#define NAME(x) x##_f32
#define EXP expf
#else
typedef double real;
#define NAME(x) x##_f64
#define EXP exp
#endif
typedef real vec __attribute__((vector_size(64), may_alias));
#define LANES (64 / sizeof(real))

/* The two passes are compiled for AVX-512, too, and chosen when the program is loaded (2.4 instead of 6.3 us for 17 steps at N = 100, R = 2);
 * AVX2 gained nothing.  No operation is reordered or fused, so RNN_KERNEL need not cover the choice. */
#if defined(__x86_64__) && defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)
#define FOR_EACH_ISA __attribute__((target_clones("avx512f", "default")))
#else
#define FOR_EACH_ISA
#endif
#define INLINE static inline __attribute__((always_inline))

/* One parameter in the layout of this file: rows of `stride` numbers, of which `cols` count. */
struct block { size_t at, rows, cols, stride; bool transposed, is_trained; };

struct core {
    struct rnn_core base;
    const struct rnn_train_config *c;
    struct rnn_params ps;
    struct block b[RNN_MAX_PARAMS];
    size_t total, N, P, R, n_out, T; /* P: N padded; total: numbers of theta here, padding included */
    size_t m, n, b_rec, b_in, h0, W_out, b_out; /* offsets into theta; SIZE_MAX when absent */
    real a, s;
    real *theta, *grad, *mom, *var;
    real *bias, *x0, *t, *d; /* [P], [P], [T][P] activations and their derivatives */
    real *kappa, *delta, *e; /* [T+1][R], [2][R], [T][n_out] */
};

static size_t padded(size_t n)
{
    return (n + LANES - 1) / LANES * LANES;
}

static void release(struct rnn_core *base)
{
    struct core *k = (struct core *)base;
    if (!k) return;
    real *const all[] = { k->theta, k->grad, k->mom, k->var, k->bias, k->x0, k->t, k->d, k->kappa, k->delta, k->e };
    for (size_t i = 0; i < RNN_LEN(all); i++) free(all[i]);
    free(k);
}

static void lay_out(struct core *k)
{
    size_t *const at[] = { &k->m, &k->n, &k->b_rec, &k->b_in, &k->h0, &k->W_out, &k->b_out };
    const char *const name[] = { "m", "n", "b_rec", "b_in", "h0", "W_out", "b_out" };
    for (size_t j = 0; j < RNN_LEN(at); j++) *at[j] = SIZE_MAX;
    for (size_t i = 0; i < k->ps.n; i++) {
        const struct rnn_param *p = &k->ps.p[i];
        struct block *b = &k->b[i];
        const bool is_m = !strcmp(p->name, "m"), is_out = !strcmp(p->name, "W_out") || !strcmp(p->name, "b_out");
        b->transposed = is_m || (p->is_vector && !is_out);
        b->rows = b->transposed ? p->cols : p->rows;
        b->cols = b->transposed ? p->rows : p->cols;
        b->stride = is_out ? b->cols : padded(b->cols);
        b->at = k->total;
        b->is_trained = !rnn_is_frozen(k->c, p);
        k->total += padded(b->rows * b->stride);
        for (size_t j = 0; j < RNN_LEN(at); j++) {
            if (!strcmp(p->name, name[j])) *at[j] = b->at;
        }
    }
}

static void from_flat(struct core *k, const double *flat)
{
    for (size_t i = 0; i < k->ps.n; i++) {
        const struct block *b = &k->b[i];
        const double *p = flat + k->ps.p[i].offset;
        for (size_t r = 0; r < b->rows; r++) {
            for (size_t c = 0; c < b->cols; c++) {
                k->theta[b->at + r * b->stride + c] = (real)(b->transposed ? p[c * b->rows + r] : p[r * b->cols + c]);
            }
        }
    }
}

static void theta(const struct rnn_core *base, double *flat)
{
    const struct core *k = (const struct core *)base;
    for (size_t i = 0; i < k->ps.n; i++) {
        const struct block *b = &k->b[i];
        double *p = flat + k->ps.p[i].offset;
        for (size_t r = 0; r < b->rows; r++) {
            for (size_t c = 0; c < b->cols; c++) {
                p[b->transposed ? c * b->rows + r : r * b->cols + c] = k->theta[b->at + r * b->stride + c];
            }
        }
    }
}

static int fill(struct core *k, const struct rnn_core_setup *s, struct rnn_err *err)
{
    const size_t slots = rnn_optim_slots(&s->c->optim);
    RNN_TRY(rnn_alloc_into(&k->theta, k->total, sizeof(real), err));
    RNN_TRY(rnn_alloc_into(&k->grad, k->total, sizeof(real), err));
    if (slots > 0) RNN_TRY(rnn_alloc_into(&k->mom, k->total, sizeof(real), err));
    if (slots > 1) RNN_TRY(rnn_alloc_into(&k->var, k->total, sizeof(real), err));
    RNN_TRY(rnn_alloc_into(&k->bias, k->P, sizeof(real), err));
    RNN_TRY(rnn_alloc_into(&k->x0, k->P, sizeof(real), err));
    RNN_TRY(rnn_alloc_into(&k->t, k->T * k->P, sizeof(real), err));
    RNN_TRY(rnn_alloc_into(&k->d, k->T * k->P, sizeof(real), err));
    RNN_TRY(rnn_alloc_into(&k->kappa, (k->T + 1) * k->R, sizeof(real), err));
    RNN_TRY(rnn_alloc_into(&k->delta, 2 * k->R, sizeof(real), err));
    RNN_TRY(rnn_alloc_into(&k->e, k->T * k->n_out, sizeof(real), err));
    from_flat(k, s->theta);
    return RNN_OK;
}

static int make(struct rnn_core **out, const struct rnn_core_setup *s, struct rnn_err *err)
{
    const struct rnn_spec *spec = &s->c->spec;
    struct core *k = NULL;
    RNN_TRY(rnn_alloc_into(&k, 1, sizeof *k, err));
    k->base.ops = &NAME(rnn_core_reduced);
    k->c = s->c;
    k->ps = *s->params;
    k->N = spec->N;
    k->P = padded(spec->N);
    k->R = spec->rank;
    k->n_out = spec->n_out;
    k->T = s->T > s->eval_T ? s->T : s->eval_T;
    k->a = spec->cell == RNN_LEAKY ? (real)spec->alpha : 1;
    k->s = spec->rank_scale == RNN_RANK_PER_UNIT ? (real)(1 / (double)spec->N) : 1;
    lay_out(k);
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
    const size_t P = padded(s->c->spec.N), T = s->T > s->eval_T ? s->T : s->eval_T;
    return sizeof(real) * (2 * P + 2 * T * P + (T + 3) * s->c->spec.rank + T * s->c->spec.n_out);
}

static size_t bytes(const struct rnn_core_setup *s)
{
    const size_t P = padded(s->c->spec.N);
    size_t total = 0;
    for (size_t i = 0; i < s->params->n; i++) total += padded(s->params->p[i].rows * s->params->p[i].cols) + P;
    return (2 + rnn_optim_slots(&s->c->optim)) * total * sizeof(real);
}

INLINE real lane_sum(const vec *v)
{
    real x[LANES];
    memcpy(x, v, sizeof x);
    for (size_t half = LANES / 2; half > 0; half /= 2) {
        for (size_t i = 0; i < half; i++) x[i] += x[i + half];
    }
    return x[0];
}

INLINE real dot(size_t P, const real *x, const real *y)
{
    const vec *u = (const vec *)x, *v = (const vec *)y;
    vec sum = { 0 };
    for (size_t i = 0; i < P / LANES; i++) sum += u[i] * v[i];
    return lane_sum(&sum);
}

/* x0 after its transform, and the sum of the biases. */
static void prepare(struct core *k, const double *state0)
{
    for (size_t i = 0; i < k->N; i++) {
        const double h = state0 ? state0[i] : k->h0 == SIZE_MAX ? 0 : (double)k->theta[k->h0 + i];
        k->x0[i] = (real)(!state0 && k->c->spec.h0_transform == RNN_H0_TANH ? tanh(h) : h);
        k->bias[i] = (k->b_rec == SIZE_MAX ? 0 : k->theta[k->b_rec + i]) + (k->b_in == SIZE_MAX ? 0 : k->theta[k->b_in + i]);
    }
}

INLINE void preactivation(const struct core *k, const real *kappa, real *z)
{
    const vec *b = (const vec *)k->bias, *m = (const vec *)(k->theta + k->m);
    const size_t n = k->P / LANES;
    vec *out = (vec *)z;
    if (k->R == 2) { /* the published case, kept in registers */
        const real k0 = k->s * kappa[0], k1 = k->s * kappa[1];
        for (size_t i = 0; i < n; i++) out[i] = b[i] + k0 * m[i] + k1 * m[n + i];
        return;
    }
    for (size_t i = 0; i < n; i++) out[i] = b[i];
    for (size_t r = 0; r < k->R; r++) {
        const real kr = k->s * kappa[r];
        for (size_t i = 0; i < n; i++) out[i] += kr * m[r * n + i];
    }
}

static void activate(const struct core *k, real *t, real *d)
{
    const struct rnn_kernels *kernel = rnn_kernels();
    vec *x = (vec *)t, *y = (vec *)d;
    const size_t n = k->P / LANES;
    switch (k->c->spec.act) {
    case RNN_TANH:
        kernel->NAME(tanh)(k->P, t, t);
        for (size_t i = 0; i < n; i++) y[i] = 1 - x[i] * x[i];
        break;
    case RNN_SIGMOID:
        kernel->NAME(sigmoid)(k->P, t, t);
        for (size_t i = 0; i < n; i++) y[i] = x[i] * (1 - x[i]);
        break;
    case RNN_SOFTPLUS:
        kernel->NAME(sigmoid)(k->P, t, d);
        kernel->NAME(softplus)(k->P, t, t);
        break;
    case RNN_RELU:
        for (size_t i = 0; i < k->P; i++) {
            d[i] = t[i] > 0 ? 1 : 0;
            t[i] = t[i] > 0 ? t[i] : 0;
        }
        break;
    default:
        for (size_t i = 0; i < k->P; i++) d[i] = 1;
    }
    for (size_t i = k->N; i < k->P; i++) t[i] = d[i] = 0; /* f(0) need not be 0, and padding must stay out of the gradient */
}

/* Fills kappa, t, d and, from target y and weights w, the loss and e = dL/d(read-out's input). */
FOR_EACH_ISA static double forward(struct core *k, const struct rnn_trials *tr, enum rnn_loss_norm norm, float *outputs)
{
    const size_t R = k->R, lag = k->c->spec.read == RNN_READ_AFTER;
    const real *W_out = k->theta + k->W_out;
    double sum = 0, weights = 0;
    for (size_t r = 0; r < R; r++) k->kappa[r] = dot(k->P, k->theta + k->n + r * k->P, k->x0);
    for (size_t t = 0; t < tr->T; t++) {
        preactivation(k, k->kappa + t * R, k->t + t * k->P);
        activate(k, k->t + t * k->P, k->d + t * k->P);
        for (size_t r = 0; r < R; r++) {
            k->kappa[(t + 1) * R + r] = (1 - k->a) * k->kappa[t * R + r] + k->a * dot(k->P, k->theta + k->n + r * k->P, k->t + t * k->P);
        }
        for (size_t c = 0; c < k->n_out; c++) {
            real z = k->b_out == SIZE_MAX ? 0 : k->theta[k->b_out + c];
            for (size_t r = 0; r < R; r++) z += W_out[c * R + r] * k->kappa[(t + lag) * R + r];
            const bool squashed = k->c->spec.readout == RNN_OUT_SIGMOID;
            const real o = squashed ? 1 / (1 + EXP(-z)) : z, diff = o - (real)tr->y[t * k->n_out + c];
            sum += tr->w[t] * (double)diff * (double)diff;
            k->e[t * k->n_out + c] = 2 * (real)tr->w[t] * diff * (squashed ? o * (1 - o) : 1);
            if (outputs) outputs[t * k->n_out + c] = (float)o;
        }
        weights += tr->w[t];
    }
    const double count = (double)k->n_out * (norm == RNN_NORM_POSITIONS ? (double)tr->T : weights);
    if (count == 0) return 0; /* nothing is scored: e is zero, too */
    for (size_t i = 0; i < tr->T * k->n_out; i++) k->e[i] /= (real)count;
    return sum / count;
}

/* dW_out, db_out of step t, and delta += W_out' e. */
INLINE void readout_backward(struct core *k, size_t t, const real *kappa, real *delta)
{
    const real *W_out = k->theta + k->W_out;
    for (size_t c = 0; c < k->n_out; c++) {
        const real e = k->e[t * k->n_out + c];
        if (k->b_out != SIZE_MAX) k->grad[k->b_out + c] += e;
        for (size_t r = 0; r < k->R; r++) {
            k->grad[k->W_out + c * k->R + r] += e * kappa[r];
            delta[r] += e * W_out[c * k->R + r];
        }
    }
}

/* One step back, rank 2: next = delta_{k+1}, out = delta_k without the leak's share; db accumulates in k->grad at `db`. */
INLINE void step_back_2(struct core *k, size_t t, const real *next, size_t db, real *out)
{
    const size_t v = k->P / LANES;
    const real *kappa = k->kappa + 2 * t;
    const vec *n = (const vec *)(k->theta + k->n), *m = (const vec *)(k->theta + k->m);
    const vec *x = (const vec *)(k->t + t * k->P), *d = (const vec *)(k->d + t * k->P);
    vec *dn = (vec *)(k->grad + k->n), *dm = (vec *)(k->grad + k->m), *b = db == SIZE_MAX ? NULL : (vec *)(k->grad + db);
    const real a0 = k->a * next[0], a1 = k->a * next[1], k0 = k->s * kappa[0], k1 = k->s * kappa[1];
    vec sum0 = { 0 }, sum1 = { 0 };
    for (size_t i = 0; i < v; i++) {
        const vec q = (a0 * n[i] + a1 * n[v + i]) * d[i];
        dn[i] += a0 * x[i];
        dn[v + i] += a1 * x[i];
        dm[i] += k0 * q;
        dm[v + i] += k1 * q;
        sum0 += m[i] * q;
        sum1 += m[v + i] * q;
        if (b) b[i] += q;
    }
    out[0] = k->s * lane_sum(&sum0);
    out[1] = k->s * lane_sum(&sum1);
}

/* The same for any rank; q overwrites the derivative of the step. */
INLINE void step_back(struct core *k, size_t t, const real *next, size_t db, real *out)
{
    const size_t v = k->P / LANES, R = k->R;
    const vec *n = (const vec *)(k->theta + k->n), *x = (const vec *)(k->t + t * k->P);
    vec *dn = (vec *)(k->grad + k->n), *dm = (vec *)(k->grad + k->m), *q = (vec *)(k->d + t * k->P);
    for (size_t i = 0; i < v; i++) {
        vec sum = { 0 };
        for (size_t r = 0; r < R; r++) sum += k->a * next[r] * n[r * v + i];
        q[i] *= sum;
    }
    for (size_t r = 0; r < R; r++) {
        const real ar = k->a * next[r], kr = k->s * k->kappa[t * R + r];
        for (size_t i = 0; i < v; i++) {
            dn[r * v + i] += ar * x[i];
            dm[r * v + i] += kr * q[i];
        }
        out[r] = k->s * dot(k->P, k->theta + k->m + r * k->P, k->d + t * k->P);
    }
    for (size_t i = 0; db != SIZE_MAX && i < v; i++) ((vec *)(k->grad + db))[i] += q[i];
}

INLINE void backward_start(struct core *k, const real *delta)
{
    for (size_t r = 0; r < k->R; r++) {
        real *dn = k->grad + k->n + r * k->P;
        for (size_t i = 0; i < k->P; i++) dn[i] += delta[r] * k->x0[i];
    }
    if (k->h0 == SIZE_MAX) return;
    const bool squashed = k->c->spec.h0_transform == RNN_H0_TANH;
    for (size_t i = 0; i < k->N; i++) {
        real sum = 0;
        for (size_t r = 0; r < k->R; r++) sum += delta[r] * k->theta[k->n + r * k->P + i];
        k->grad[k->h0 + i] = sum * (squashed ? 1 - k->x0[i] * k->x0[i] : 1);
    }
}

FOR_EACH_ISA static void backward(struct core *k, size_t T)
{
    const size_t R = k->R, db = k->b_rec != SIZE_MAX ? k->b_rec : k->b_in;
    const bool after = k->c->spec.read == RNN_READ_AFTER;
    real *next = k->delta, *now = k->delta + R;
    memset(k->grad, 0, k->total * sizeof(real));
    memset(k->delta, 0, 2 * R * sizeof(real));
    for (size_t t = T; t-- > 0;) {
        if (after) readout_backward(k, t, k->kappa + (t + 1) * R, next);
        if (R == 2) step_back_2(k, t, next, db, now);
        else step_back(k, t, next, db, now);
        for (size_t r = 0; r < R; r++) now[r] += (1 - k->a) * next[r];
        if (!after) readout_backward(k, t, k->kappa + t * R, now);
        real *swap = next;
        next = now;
        now = swap;
    }
    backward_start(k, next);
    if (k->b_rec != SIZE_MAX && k->b_in != SIZE_MAX) memcpy(k->grad + k->b_in, k->grad + k->b_rec, k->P * sizeof(real));
}

static int step(struct rnn_core *base, struct rnn_step *s, struct rnn_err *err)
{
    struct core *k = (struct core *)base;
    (void)err;
    prepare(k, s->pass.state0);
    s->grad_norm = NAN;
    s->loss = forward(k, s->batch, s->norm, s->outputs);
    s->is_finite = isfinite(s->loss);
    if (!s->is_finite) return RNN_OK;
    backward(k, s->batch->T);
    double sum = 0;
    for (size_t i = 0; i < k->ps.n; i++) {
        if (k->b[i].is_trained) sum += rnn_kernels()->NAME(sumsq)(k->b[i].rows * k->b[i].stride, k->grad + k->b[i].at);
    }
    s->grad_norm = sqrt(sum);
    s->is_finite = isfinite(s->grad_norm);
    if (!s->is_finite) return RNN_OK;
    const double f = k->c->clip / (s->grad_norm + 1e-6);
    for (size_t i = 0; i < k->total && k->c->clip > 0 && f < 1; i++) k->grad[i] *= (real)f;
    for (size_t i = 0; i < k->ps.n; i++) {
        const struct block *b = &k->b[i];
        if (!b->is_trained) continue;
        NAME(rnn_optim_step)(&k->c->optim, s->t, s->lr, b->rows * b->stride, k->theta + b->at, k->grad + b->at,
                             k->mom ? k->mom + b->at : NULL, k->var ? k->var + b->at : NULL);
    }
    return RNN_OK;
}

static int eval(struct rnn_core *base, const struct rnn_trials *tr, const struct rnn_pass *pass, enum rnn_loss loss_kind,
                enum rnn_loss_norm norm, double *loss, float *outputs, struct rnn_err *err)
{
    struct core *k = (struct core *)base;
    double sum = 0, weight = 0;
    (void)loss_kind;
    (void)err;
    prepare(k, pass->state0);
    for (size_t i = 0; i < tr->K; i++) {
        struct rnn_trials one = *tr;
        double share = norm == RNN_NORM_POSITIONS;
        one.y += i * tr->T * tr->n_out;
        one.w += i * tr->T;
        for (size_t t = 0; t < tr->T && norm == RNN_NORM_WEIGHTS; t++) share += one.w[t];
        sum += share * forward(k, &one, norm, outputs ? outputs + i * tr->T * tr->n_out : NULL);
        weight += share;
    }
    *loss = weight > 0 ? sum / weight : NAN;
    return RNN_OK;
}

static size_t state_bytes(const struct rnn_core *base)
{
    const struct core *k = (const struct core *)base;
    return (1 + (k->mom != NULL) + (k->var != NULL)) * k->total * sizeof(real);
}

static void save(const struct rnn_core *base, unsigned char *out)
{
    const struct core *k = (const struct core *)base;
    const size_t n = k->total * sizeof(real);
    memcpy(out, k->theta, n);
    if (k->mom) memcpy(out + n, k->mom, n);
    if (k->var) memcpy(out + 2 * n, k->var, n);
}

static void load(struct rnn_core *base, const unsigned char *in)
{
    struct core *k = (struct core *)base;
    const size_t n = k->total * sizeof(real);
    memcpy(k->theta, in, n);
    if (k->mom) memcpy(k->mom, in + n, n);
    if (k->var) memcpy(k->var, in + 2 * n, n);
}

const struct rnn_core_ops NAME(rnn_core_reduced) = { make, release, step, eval, theta, state_bytes, save, load, bytes, engine_bytes };
