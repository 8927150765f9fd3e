#include "model/heads.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "model/net.h"
#include "model/task.h"

int rnn_heads_check(const struct rnn_heads *h, size_t n_out, struct rnn_err *err)
{
    size_t sum = 0;
    if (h->n > RNN_MAX_HEADS) return rnn_fail(err, RNN_ERR_LIMIT, "%zu heads are more than %d", h->n, RNN_MAX_HEADS);
    for (size_t i = 0; i < h->n; i++) {
        if (!h->v[i].name[0]) return rnn_fail(err, RNN_ERR_ARG, "head %zu has no name", i);
        for (size_t j = 0; j < i; j++)
            if (!strcmp(h->v[i].name, h->v[j].name)) return rnn_fail(err, RNN_ERR_ARG, "two heads are called '%s'", h->v[i].name);
        if (h->v[i].size == 0 || h->v[i].size > n_out - sum)
            return rnn_fail(err, RNN_ERR_ARG, "head '%s' has %zu outputs, with %zu left of %zu", h->v[i].name, h->v[i].size, n_out - sum, n_out);
        sum += h->v[i].size;
    }
    if (h->n && sum != n_out) return rnn_fail(err, RNN_ERR_ARG, "the heads have %zu outputs together, not %zu", sum, n_out);
    return RNN_OK;
}

void rnn_heads_add(struct rnn_heads *h, const char *name, size_t size)
{
    struct rnn_head *v = &h->v[h->n++];
    snprintf(v->name, sizeof v->name, "%s", name);
    v->size = size;
}

double rnn_softmax_loss(size_t n, const float *o, const float *y)
{
    double sum = 0, top = o[0], z = 0;
    for (size_t c = 1; c < n; c++)
        if (o[c] > top) top = o[c];
    for (size_t c = 0; c < n; c++) z += exp(o[c] - top);
    for (size_t c = 0; c < n; c++) sum -= y[c] * (o[c] - top - log(z));
    return sum;
}

bool rnn_chooses(const float *o, size_t n, size_t want)
{
    size_t best = 0;
    for (size_t c = 0; c < n; c++) {
        if (isnan(o[c])) return false;
        if (o[c] > o[best]) best = c;
    }
    return best == want;
}

static bool is_asked(size_t n, const float *y)
{
    for (size_t c = 0; c < n; c++)
        if (y[c] != 0) return true;
    return false;
}

double rnn_heads_loss(const struct rnn_heads *h, const struct rnn_trials *tr, const float *o, size_t start, size_t stop)
{
    double total = 0;
    size_t n_asked = 0, at = 0;
    for (size_t i = 0; i < h->n; at += h->v[i++].size) {
        const size_t n = h->v[i].size;
        double sum = 0, weight = 0;
        for (size_t k = 0; k < tr->K; k++) {
            for (size_t t = start; t < stop; t++) {
                const size_t p = k * tr->T + t;
                const float *y = tr->y + p * tr->n_out + at;
                const double w = tr->w ? tr->w[p] : 1;
                if (w == 0 || !is_asked(n, y)) continue;
                sum += w * rnn_softmax_loss(n, o + p * tr->n_out + at, y);
                weight += w;
            }
        }
        if (weight == 0) continue;
        total += sum / weight;
        n_asked++;
    }
    return n_asked ? total / (double)n_asked : NAN;
}

/* ---- the decoder ---- */

size_t rnn_spec_n_decoded(const struct rnn_spec *s)
{
    if (s->n_latent == 0) return 0;
    return s->heads.n ? s->heads.v[s->heads.n - 1].size : s->n_out;
}

size_t rnn_spec_n_read(const struct rnn_spec *s)
{
    return s->n_out - rnn_spec_n_decoded(s) + s->n_latent;
}

void rnn_spec_decoder(const struct rnn_spec *s, struct rnn_spec *out)
{
    *out = *s;
    out->n_in = s->n_latent;
    out->n_out = rnn_spec_n_decoded(s);
    out->n_latent = 0;
    out->heads.n = 0;
    out->h0 = RNN_H0_ZERO;
    out->h0_sd = 0;
    out->h0_transform = RNN_H0_PLAIN;
}
