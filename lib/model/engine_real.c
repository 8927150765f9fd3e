/* The engine's memory, its batch, and what can be read from it after a pass. */
#include "model/engine_real.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Bytes of states and gradients whose weight gradient is formed by one product: less than half of a second-level cache of 512 KiB. */
enum { CHUNK_BYTES = 220 << 10 };

/* Takes n elements of the arena: p advances when base is NULL too, so that the same walk counts and assigns. */
struct carve { char *base; size_t used; bool overflow; };

static void *take(struct carve *c, size_t n, size_t size)
{
    size_t bytes, end;
    if (n == 0) return NULL;
    if (!rnn_mul_size(n, size, &bytes) || !rnn_add_size(bytes, RNN_ALIGN - 1, &bytes) ||
        !rnn_add_size(c->used, bytes & ~(size_t) (RNN_ALIGN - 1), &end)) {
        c->overflow = true;
        return NULL;
    }
    char *p = c->base ? c->base + c->used : NULL;
    c->used = end;
    return p;
}

static size_t mul3(struct carve *c, size_t a, size_t b, size_t d)
{
    size_t n;
    if (rnn_mul_size(a, b, &n) && rnn_mul_size(n, d, &n)) return n;
    c->overflow = true;
    return 0;
}

#define TAKE(field, a, b, d) (field) = take(c, mul3(c, a, b, d), sizeof *(field))

static void carve_batch(struct RN(rnn_engine) *e, struct carve *c)
{
    const size_t B = e->B, T = e->T_max, n_in = e->s.n_in, n_out = e->s.n_out;
    TAKE(e->u, T, B, n_in);
    TAKE(e->y, T, B, n_out);
    TAKE(e->w, T, B, 1);
    TAKE(e->has_u, T, 1, 1);
    TAKE(e->has_w, T, 1, 1);
    TAKE(e->out, T, B, n_out);
    if (e->train) TAKE(e->dout, T, B, n_out);
}

static void carve_forward(struct RN(rnn_engine) *e, struct carve *c)
{
    const size_t B = e->B, T = e->T_max, N = e->s.N;
    const bool gru = e->s.cell == RNN_GRU;
    TAKE(e->state, T + 1, B, N);
    e->rate = e->state;
    if (e->split_rates) TAKE(e->rate, T + 1, B, N);
    if (e->keeps_act) TAKE(e->act, T, B, N);
    if (gru) TAKE(e->gates, e->train ? T : 1, B, 3 * N);
    if (gru) TAKE(e->hn, e->train ? T : 1, B, N);
    TAKE(e->kappa, T + 1, B, e->GR);
    TAKE(e->pre, B, e->GN, 1);
    if (gru) TAKE(e->pre_in, B, e->GN, 1);
    if (e->has_noise) TAKE(e->xi, B, N, 1);
    TAKE(e->th.bias, e->GN, 1, 1);
    if (gru) TAKE(e->th.bias_in, e->GN, 1, 1);
    if (B >= RN(TURN_FROM)) TAKE(e->th.W_in_t, e->s.n_in, e->GN, 1);
    if (!e->GR && B >= RN(TURN_FROM)) TAKE(e->th.W_rec_t, N, e->GN, 1);
    TAKE(e->th.m_t, e->GR, N, 1);
    if (e->has_noise && e->s.alpha_per_unit) TAKE(e->th.sd, N, 1, 1);
}

static void carve_backward(struct RN(rnn_engine) *e, struct carve *c)
{
    const size_t B = e->B, N = e->s.N;
    const bool gru = e->s.cell == RNN_GRU;
    TAKE(e->dstate, B, N, 1);
    if (e->split_rates) TAKE(e->drate, B, N, 1);
    TAKE(e->dpre, e->C, B, e->GN);
    if (gru) TAKE(e->dpre_in, e->C, B, e->GN);
    TAKE(e->dkappa, e->C + 1, B, e->GR);
    TAKE(e->dW_in_t, e->s.n_in, e->GN, 1);
    TAKE(e->db, e->GN, 1, 1);
    if (gru) TAKE(e->db_in, e->GN, 1, 1);
    TAKE(e->dm_t, e->GR, N, 1);
    TAKE(e->gram, e->s.rank, e->s.rank, 1);
    if (e->is_decoder) TAKE(e->drive_sum, B, e->GN, 1);
    TAKE(e->buffer, e->room, 1, 1);
}

/* Numbers of a gradient that the fused update of one trial holds at a time: at least a row of any parameter. */
static size_t fused_room(const struct RN(rnn_engine) *e)
{
    enum { LEVEL_1 = (16 << 10) / sizeof(real) };
    size_t room = LEVEL_1;
    for (size_t i = 0; i < e->ps.n; i++)
        if (e->ps.p[i].cols > room) room = e->ps.p[i].cols;
    return e->B == 1 && e->train && e->s.cell == RNN_ELMAN ? room : 0;
}

/* Fixed by shape alone: the order in which a gradient is summed must not depend on the machine.  With one trial all steps are one
 * chunk, as the fused update needs them. */
static size_t chunk_steps(const struct RN(rnn_engine) *e)
{
    const size_t per_step = e->B * (e->s.N + e->GN) * sizeof(real);
    const size_t C = per_step ? CHUNK_BYTES / per_step : 1;
    if (C < 1) return 1;
    return C > e->T_max || e->B == 1 ? e->T_max : C;
}

static int describe(struct RN(rnn_engine) *e, const struct rnn_spec *s, size_t B, size_t T, bool train, struct rnn_err *err)
{
    memset(e, 0, sizeof *e);
    RNN_TRY(rnn_spec_params(s, &e->ps, err));
    if (B == 0 || T == 0) return rnn_fail(err, RNN_ERR_ARG, "an engine needs at least one trial and one step");
    e->s = *s;
    e->s.n_out = rnn_spec_n_read(s);
    if (s->n_latent && s->heads.n) e->s.heads.n--; /* the last one is the decoder's */
    e->n_given = s->n_out;
    e->B = B;
    e->T_max = T;
    e->G = s->cell == RNN_GRU ? 3 : 1;
    e->GN = e->G * s->N;
    e->GR = e->G * s->rank;
    e->Q = s->read_latent ? s->rank : s->N;
    e->train = train;
    e->has_noise = s->noise_rec > 0;
    e->split_rates = s->cell == RNN_LEAKY_CURRENT;
    e->keeps_act = train && (s->cell == RNN_LEAKY ||
                             (s->cell == RNN_ELMAN && e->has_noise && s->noise_where == RNN_NOISE_OUTSIDE));
    e->alpha = s->cell == RNN_ELMAN ? 1 : (real) s->alpha;
    e->rank_scale = s->rank_scale == RNN_RANK_PER_UNIT ? (real) (1.0 / (double) s->N) : 1;
    e->noise_sd = (real) rnn_noise_sd(s);
    e->C = chunk_steps(e);
    e->room = fused_room(e);
    e->k = rnn_dense();
    return RNN_OK;
}

static void carve_all(struct RN(rnn_engine) *e, struct carve *c)
{
    carve_batch(e, c);
    carve_forward(e, c);
    if (e->train) carve_backward(e, c);
}

static size_t bytes(const struct rnn_spec *s, size_t B, size_t T, bool train, bool is_decoder)
{
    struct RN(rnn_engine) e;
    struct rnn_err err;
    struct carve c = {0};
    if (describe(&e, s, B, T, train, &err) < 0) return 0;
    e.is_decoder = is_decoder;
    carve_all(&e, &c);
    return c.overflow ? SIZE_MAX : c.used + sizeof e;
}

size_t RN(rnn_engine_bytes)(const struct rnn_spec *s, size_t B, size_t T, bool train)
{
    struct rnn_spec decoder;
    size_t sum;
    const size_t own = bytes(s, B, T, train, false);
    if (s->n_latent == 0 || own == 0) return own;
    rnn_spec_decoder(s, &decoder);
    return rnn_add_size(own, bytes(&decoder, B, T, train, true), &sum) ? sum : SIZE_MAX;
}

static int new_engine(struct RN(rnn_engine) **out, const struct rnn_spec *s, size_t B, size_t T, bool train, bool is_decoder, struct rnn_err *err)
{
    struct RN(rnn_engine) d, *e;
    struct carve c = {0};
    *out = NULL;
    RNN_TRY(describe(&d, s, B, T, train, err));
    d.is_decoder = is_decoder;
    carve_all(&d, &c);
    if (c.overflow) return rnn_fail(err, RNN_ERR_LIMIT, "%zu trials of %zu steps and %zu units are too many", B, T, s->N);
    RNN_TRY(rnn_alloc_into(&e, 1, sizeof *e, err));
    *e = d;
    if (rnn_alloc_into(&e->arena, c.used, 1, err) < 0) {
        free(e);
        return err->code;
    }
    c = (struct carve){.base = e->arena};
    carve_all(e, &c);
    *out = e;
    return RNN_OK;
}

int RN(rnn_engine_new)(struct RN(rnn_engine) **out, const struct rnn_spec *s, size_t B, size_t T, bool train, struct rnn_err *err)
{
    struct rnn_spec decoder;
    RNN_TRY(new_engine(out, s, B, T, train, false, err));
    if (s->n_latent == 0) return RNN_OK;
    rnn_spec_decoder(s, &decoder);
    (*out)->dec_at = rnn_param_find(&(*out)->ps, s->rank ? "m_dec" : "W_rec_dec")->offset;
    const int rc = new_engine(&(*out)->dec, &decoder, B, T, train, true, err);
    if (rc < 0) {
        RN(rnn_engine_free)(*out);
        *out = NULL;
    }
    return rc;
}

void RN(rnn_engine_free)(struct RN(rnn_engine) *e)
{
    if (!e) return;
    RN(rnn_engine_free)(e->dec);
    free(e->arena);
    free(e);
}

/* [K][T][c] of a block of trials to [T][B][c]; rows from K on are zero.  Tells per step whether anything is not zero. */
static void to_steps(size_t K, size_t B, size_t T, size_t c, const float *in, real *out, bool *any)
{
    for (size_t t = 0; t < T; t++) {
        real *to = out + t * B * c;
        real seen = 0;
        for (size_t k = 0; k < K; k++) {
            const float *from = in + (k * T + t) * c;
            for (size_t i = 0; i < c; i++) {
                to[k * c + i] = from[i];
                seen = from[i] != 0 ? 1 : seen;
            }
        }
        memset(to + K * c, 0, (B - K) * c * sizeof *to);
        if (any) any[t] = seen != 0;
    }
}

int RN(rnn_engine_batch)(struct RN(rnn_engine) *e, const struct rnn_trials *tr, struct rnn_err *err)
{
    if (tr->K == 0 || tr->K > e->B || tr->T == 0 || tr->T > e->T_max)
        return rnn_fail(err, RNN_ERR_ARG, "%zu trials of %zu steps do not fit an engine for %zu of %zu", tr->K, tr->T, e->B, e->T_max);
    if (tr->n_in != e->s.n_in || tr->n_out != e->n_given)
        return rnn_fail(err, RNN_ERR_ARG, "trials have %zu inputs and %zu outputs, the network %zu and %zu", tr->n_in, tr->n_out,
                        e->s.n_in, e->n_given);
    const size_t K = tr->K, T = tr->T, B = e->B;
    e->K = K;
    e->T = T;
    if (e->s.n_in) to_steps(K, B, T, e->s.n_in, tr->u, e->u, e->has_u);
    else memset(e->has_u, 0, T);
    if (e->dec) memset(e->y, 0, T * B * e->s.n_out * sizeof *e->y); /* filled below */
    else if (tr->y) to_steps(K, B, T, e->s.n_out, tr->y, e->y, NULL);
    else memset(e->y, 0, T * B * e->s.n_out * sizeof *e->y);
    e->weight_sum = 0;
    for (size_t t = 0; t < T; t++) {
        e->has_w[t] = false;
        for (size_t k = 0; k < B; k++) {
            const double w = k >= K ? 0 : tr->w ? tr->w[k * T + t] : 1;
            e->w[t * B + k] = (real) w;
            e->weight_sum += w;
            e->has_w[t] |= w != 0;
        }
    }
    if (e->dec) RN(engine_decoder_batch)(e, tr);
    return RNN_OK;
}

void RN(rnn_engine_outputs)(const struct RN(rnn_engine) *e, float *o)
{
    const size_t n = e->s.n_out, own = e->dec ? n - e->dec->s.n_in : n, decoded = e->n_given - own;
    for (size_t k = 0; k < e->K; k++) {
        for (size_t t = 0; t < e->T; t++) {
            for (size_t c = 0; c < own; c++) *o++ = (float) e->out[(t * e->B + k) * n + c];
            for (size_t c = 0; c < decoded; c++) *o++ = (float) e->dec->out[(t * e->B + k) * decoded + c];
        }
    }
}

void RN(rnn_engine_states)(const struct RN(rnn_engine) *e, int what, const size_t *idx, size_t n, size_t thin, float *out)
{
    const bool latent = what == RNN_SEE_LATENT; /* the last columns of the encoder's read-out, which has no row for an initial state */
    const size_t width = latent ? e->s.n_out : e->s.N, N = latent ? e->s.n_latent : e->s.N, step = thin ? thin : 1;
    const real *from = latent ? e->out + (width - N) : (what == RNN_SEE_RATES ? e->rate : e->state) + e->B * width;
    for (size_t k = 0; k < e->K; k++) {
        for (size_t t = 0; t < e->T; t += step) {
            const real *row = from + (t * e->B + k) * width;
            for (size_t i = 0; i < (idx ? n : N); i++) *out++ = (float) row[idx ? idx[i] : i];
        }
    }
}

void RN(rnn_engine_state0)(const struct RN(rnn_engine) *e, float *out)
{
    for (size_t i = 0; i < e->K * e->s.N; i++) out[i] = (float) e->rate[i];
}

void RN(rnn_engine_first)(const struct RN(rnn_engine) *e, double *state)
{
    for (size_t i = 0; i < e->B * e->s.N; i++) state[i] = e->state[i];
}

void RN(rnn_engine_last)(const struct RN(rnn_engine) *e, double *state)
{
    const size_t n = e->B * e->s.N;
    for (size_t i = 0; i < n; i++) state[i] = e->state[e->T * n + i];
}
