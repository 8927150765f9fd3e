/* Networks with heads or a decoder (net.h, heads.h): from the encoder's read-out to outputs and loss, and back.
 *
 * The encoder is an ordinary engine whose last n_latent read-outs are z; the decoder is another, fed z [B][n_latent] of the encoder's
 * last step at every step of its own.  Since its input does not change, the gradient with respect to it is a single product,
 *   dL/dz = (sum_t dL/d(input part of the pre-activation at t)) W_in_dec,
 * and stands in the encoder's dout at the last step as if a loss on z had put it there: the encoder then goes back as always. */
#include <math.h>
#include <string.h>

#include "model/engine_real.h"

bool RN(engine_is_composed)(const struct RN(rnn_engine) *e)
{
    return e->dec || e->s.heads.n;
}

/* Read-outs of the encoder that are outputs themselves. */
static size_t n_direct(const struct RN(rnn_engine) *e)
{
    return e->dec ? e->s.n_out - e->dec->s.n_in : e->s.n_out;
}

/* Splits targets [K][T][n_given] between the two; a decoded head that is not asked at a step has no weight there. */
void RN(engine_decoder_batch)(struct RN(rnn_engine) *e, const struct rnn_trials *tr)
{
    struct RN(rnn_engine) *d = e->dec;
    const size_t own = n_direct(e), n = d->s.n_out, T = e->T, B = e->B;
    const bool by_head = e->n_given > n;
    d->K = e->K;
    d->T = T;
    d->weight_sum = 0;
    memset(d->y, 0, T * B * n * sizeof *d->y);
    for (size_t t = 0; t < T; t++) {
        d->has_u[t] = true;
        d->has_w[t] = false;
        for (size_t k = 0; k < B; k++) {
            const float *y = tr->y && k < e->K ? tr->y + (k * T + t) * e->n_given : NULL;
            real *y_own = e->y + (t * B + k) * e->s.n_out, *y_dec = d->y + (t * B + k) * n, asked = 0;
            for (size_t c = 0; y && c < own; c++) y_own[c] = y[c];
            for (size_t c = 0; y && c < n; c++) {
                y_dec[c] = y[own + c];
                asked = y_dec[c] != 0 ? 1 : asked;
            }
            const real w = by_head && asked == 0 ? 0 : e->w[t * B + k];
            d->w[t * B + k] = w;
            d->weight_sum += (double) w;
            d->has_w[t] |= w != 0;
        }
        e->has_w[t] = t + 1 == T || (own && e->has_w[t]); /* what the backward pass must look at: z is read at the last step */
    }
}

/* z of the last step into the inputs of every step of the decoder. */
static void hand_over(struct RN(rnn_engine) *e)
{
    struct RN(rnn_engine) *d = e->dec;
    const size_t m = d->s.n_in, own = n_direct(e), block = e->B * m;
    const real *last = e->out + (e->T - 1) * e->B * e->s.n_out;
    memset(d->u, 0, block * sizeof *d->u); /* rows without a trial stay zero */
    for (size_t k = 0; k < e->K; k++) memcpy(d->u + k * m, last + k * e->s.n_out + own, m * sizeof *d->u);
    for (size_t t = 1; t < e->T; t++) memcpy(d->u + t * block, d->u, block * sizeof *d->u);
}

static bool is_asked(size_t n, const real *y)
{
    for (size_t c = 0; c < n; c++)
        if (y[c] != 0) return true;
    return false;
}

/* Sum of weights where head [at, at + n) of the encoder is asked. */
static double head_weight(const struct RN(rnn_engine) *e, size_t at, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < e->T * e->B; i++)
        if (is_asked(n, e->y + i * e->s.n_out + at)) sum += (double) e->w[i];
    return sum;
}

/* Loss of one head of the encoder, and its gradient into dout times `share`. */
static double head_loss(struct RN(rnn_engine) *e, size_t at, size_t n, double weight, double share)
{
    double L = 0;
    for (size_t i = 0; i < e->T * e->B; i++) {
        const size_t p = i * e->s.n_out + at;
        const double w = (double) e->w[i] / weight;
        if (w == 0 || !is_asked(n, e->y + p)) continue;
        L += w * RN(engine_cross_entropy)(n, e->out + p, e->y + p, w * share, e->dout ? e->dout + p : NULL);
    }
    return L;
}

/* The heads of the encoder, and that of the decoder, whose loss is L_dec: see heads.h. */
static double heads_loss(struct RN(rnn_engine) *e, double L_dec)
{
    const struct rnn_heads *h = &e->s.heads;
    struct RN(rnn_engine) *d = e->dec;
    double weight[RNN_MAX_HEADS], sum = 0;
    const bool decodes = d && d->weight_sum > 0;
    size_t n_asked = decodes, at = 0;
    for (size_t i = 0; i < h->n; at += h->v[i++].size) n_asked += (weight[i] = head_weight(e, at, h->v[i].size)) > 0;
    const double share = n_asked ? 1.0 / (double) n_asked : 0;
    at = 0;
    for (size_t i = 0; i < h->n; at += h->v[i++].size)
        if (weight[i] > 0) sum += head_loss(e, at, h->v[i].size, weight[i], share);
    if (!decodes) return share * sum;
    for (size_t i = 0; d->dout && share != 1 && i < e->T * e->B * d->s.n_out; i++) d->dout[i] *= (real) share;
    return share * (sum + L_dec);
}

int RN(engine_decoder_forward)(struct RN(rnn_engine) *e, const real *theta, enum rnn_loss kind, enum rnn_loss_norm norm, double *loss,
                               struct rnn_err *err)
{
    const bool by_head = e->s.heads.n || (e->dec && e->dec->s.n_out < e->n_given);
    double L = 0;
    if (e->dout) memset(e->dout, 0, e->T * e->B * e->s.n_out * sizeof *e->dout);
    if (e->dec) {
        const struct rnn_pass pass = { .seed = e->pass.seed, .net = e->pass.net, .update = e->pass.update, .running = e->pass.running };
        hand_over(e);
        RNN_TRY(RN(rnn_engine_forward)(e->dec, theta + e->dec_at, &pass, kind, by_head ? RNN_NORM_WEIGHTS : norm, &L, err));
    }
    if (!by_head) *loss = L; /* a head of its own or not, the decoder gives all there is */
    else if (kind == RNN_LOSS_CE) *loss = heads_loss(e, L);
    else *loss = NAN;
    return RNN_OK;
}

int RN(engine_decoder_backward)(struct RN(rnn_engine) *e, const real *theta, const struct rnn_penalty *pen, real *grad, struct rnn_err *err)
{
    struct RN(rnn_engine) *d = e->dec;
    const size_t B = e->B, m = d->s.n_in, n = e->s.n_out, GN = d->GN;
    real *dz = e->dout + (e->T - 1) * B * n + n_direct(e);
    RNN_TRY(RN(rnn_engine_backward)(d, theta + e->dec_at, pen, grad + e->dec_at, err));
    e->k->RN(gemm)(B, m, GN, d->drive_sum, GN, 1, d->th.W_in, m, NULL, 0, dz, n);
    return RNN_OK;
}
