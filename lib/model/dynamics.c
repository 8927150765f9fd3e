/* One network, one state, float64: what the analyses iterate, linearise and read. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/activation.h"
#include "model/engine.h"
#include "num/linalg.h"

size_t rnn_spec_n_state(const struct rnn_spec *s)
{
    return s->N;
}

/* Room for one evaluation: rec, in [GN] are the two parts of the pre-activations, r [N] the rates, kappa [GR]. */
struct work { double *rec, *in, *r, *kappa; };

static int work_new(const struct rnn_spec *s, struct work *w, struct rnn_err *err)
{
    const size_t G = s->cell == RNN_GRU ? 3 : 1;
    RNN_TRY(rnn_alloc_into(&w->rec, (2 * G + 1) * s->N + G * s->rank + 1, sizeof *w->rec, err));
    w->in = w->rec + G * s->N;
    w->r = w->in + G * s->N;
    w->kappa = w->r + s->N;
    return RNN_OK;
}

static void add_vector(const struct rnn_net *net, const char *name, size_t n, double *x)
{
    const double *b = rnn_net_param(net, name);
    for (size_t i = 0; b && i < n; i++) x[i] += b[i];
}

/* rec = W r + b_rec, in = W_in u + b_in; for cells without gates rec holds the sum. */
static void drive(const struct rnn_net *net, const double *x, const double *u, struct work *w)
{
    const struct rnn_spec *s = &net->spec;
    const size_t N = s->N, R = s->rank, G = s->cell == RNN_GRU ? 3 : 1;
    for (size_t i = 0; i < N; i++) w->r[i] = s->cell == RNN_LEAKY_CURRENT ? rnn_activate(s->act, x[i]) : x[i];
    memset(w->rec, 0, 2 * G * N * sizeof *w->rec);
    if (R == 0) {
        rnn_gemv(0, G * N, N, 1, rnn_net_param(net, "W_rec"), w->r, 0, w->rec);
    } else {
        const double scale = s->rank_scale == RNN_RANK_PER_UNIT ? 1.0 / (double) N : 1;
        rnn_gemv(0, G * R, N, 1, rnn_net_param(net, "n"), w->r, 0, w->kappa);
        for (size_t g = 0; g < G; g++)
            rnn_gemv(0, N, R, scale, rnn_net_param(net, "m") + g * N * R, w->kappa + g * R, 0, w->rec + g * N);
    }
    add_vector(net, "b_rec", G * N, w->rec);
    if (u && s->n_in) rnn_gemv(0, G * N, s->n_in, 1, rnn_net_param(net, "W_in"), u, 0, w->in);
    add_vector(net, "b_in", G * N, w->in);
    for (size_t i = 0; G == 1 && i < N; i++) w->rec[i] += w->in[i];
}

static double alpha_of(const struct rnn_net *net, const double *alpha, size_t i)
{
    return net->spec.cell == RNN_ELMAN ? 1 : alpha ? alpha[i] : net->spec.alpha;
}

int rnn_net_step(const struct rnn_net *net, const double *x, const double *u, double *x_next, struct rnn_err *err)
{
    const struct rnn_spec *s = &net->spec;
    const size_t N = s->N;
    const double *alpha = rnn_net_param(net, "alpha");
    struct work w;
    RNN_TRY(work_new(s, &w, err));
    drive(net, x, u, &w);
    for (size_t i = 0; i < N; i++) {
        if (s->cell == RNN_GRU) {
            const double g = rnn_sigmoid(w.rec[i] + w.in[i]), z = rnn_sigmoid(w.rec[N + i] + w.in[N + i]);
            x_next[i] = (1 - z) * rnn_activate(s->act, w.in[2 * N + i] + g * w.rec[2 * N + i]) + z * x[i];
        } else {
            const double a = alpha_of(net, alpha, i);
            x_next[i] = (1 - a) * x[i] + a * (s->cell == RNN_LEAKY_CURRENT ? w.rec[i] : rnn_activate(s->act, w.rec[i]));
        }
    }
    free(w.rec);
    return RNN_OK;
}

/* J = diag(c) W diag(f'(x) in the current form) + diag(1-a), Ju = diag(c) W_in, c = a f'(z) (current form: a). */
static void leaky_jacobian(const struct rnn_net *net, const double *x, const struct work *w, const double *W, double *J, double *Ju)
{
    const struct rnn_spec *s = &net->spec;
    const size_t N = s->N, n_in = s->n_in;
    const double *alpha = rnn_net_param(net, "alpha"), *W_in = rnn_net_param(net, "W_in");
    const bool current = s->cell == RNN_LEAKY_CURRENT;
    for (size_t i = 0; i < N; i++) {
        const double a = alpha_of(net, alpha, i), c = current ? a : a * rnn_activation_slope(s->act, w->rec[i]);
        for (size_t j = 0; J && j < N; j++)
            J[i * N + j] = c * W[i * N + j] * (current ? rnn_activation_slope(s->act, x[j]) : 1) + (i == j ? 1 - a : 0);
        for (size_t j = 0; Ju && j < n_in; j++) Ju[i * n_in + j] = c * W_in[i * n_in + j];
    }
}

static void gru_jacobian(const struct rnn_net *net, const double *x, const struct work *w, const double *W, double *J, double *Ju)
{
    const struct rnn_spec *s = &net->spec;
    const size_t N = s->N, n_in = s->n_in;
    const double *W_in = rnn_net_param(net, "W_in");
    for (size_t i = 0; i < N; i++) {
        const double g = rnn_sigmoid(w->rec[i] + w->in[i]), z = rnn_sigmoid(w->rec[N + i] + w->in[N + i]);
        const double hn = w->rec[2 * N + i], pre = w->in[2 * N + i] + g * hn;
        const double dn = (1 - z) * rnn_activation_slope(s->act, pre), dg = dn * hn * g * (1 - g);
        const double dz = (x[i] - rnn_activate(s->act, pre)) * z * (1 - z);
        for (size_t j = 0; J && j < N; j++)
            J[i * N + j] = dg * W[i * N + j] + dz * W[(N + i) * N + j] + dn * g * W[(2 * N + i) * N + j] + (i == j ? z : 0);
        for (size_t j = 0; Ju && j < n_in; j++)
            Ju[i * n_in + j] = dg * W_in[i * n_in + j] + dz * W_in[(N + i) * n_in + j] + dn * W_in[(2 * N + i) * n_in + j];
    }
}

int rnn_net_jacobian(const struct rnn_net *net, const double *x, const double *u, double *J, double *Ju, struct rnn_err *err)
{
    const struct rnn_spec *s = &net->spec;
    const size_t G = s->cell == RNN_GRU ? 3 : 1;
    const double *W = rnn_net_param(net, "W_rec");
    double *formed = NULL;
    struct work w;
    if (s->rank && J) {
        RNN_TRY(rnn_alloc_into(&formed, G * s->N * s->N, sizeof *formed, err));
        W = formed;
    }
    int rc = formed ? rnn_net_W(net, formed, err) : RNN_OK;
    if (rc == RNN_OK) rc = work_new(s, &w, err);
    if (rc == RNN_OK) {
        drive(net, x, u, &w);
        if (s->cell == RNN_GRU) gru_jacobian(net, x, &w, W, J, Ju);
        else leaky_jacobian(net, x, &w, W, J, Ju);
        free(w.rec);
    }
    free(formed);
    return rc;
}

static void finish_readout(enum rnn_readout readout, size_t n, double *o)
{
    double top = o[0], sum = 0;
    if (readout == RNN_OUT_SIGMOID)
        for (size_t c = 0; c < n; c++) o[c] = rnn_sigmoid(o[c]);
    if (readout != RNN_OUT_SOFTMAX) return;
    for (size_t c = 1; c < n; c++) top = o[c] > top ? o[c] : top;
    for (size_t c = 0; c < n; c++) sum += o[c] = exp(o[c] - top);
    for (size_t c = 0; c < n; c++) o[c] /= sum;
}

int rnn_net_readout(const struct rnn_net *net, const double *x, double *r, double *o, struct rnn_err *err)
{
    const struct rnn_spec *s = &net->spec;
    const size_t Q = s->read_latent ? s->rank : s->N;
    struct work w;
    RNN_TRY(work_new(s, &w, err));
    for (size_t i = 0; i < s->N; i++) w.r[i] = s->cell == RNN_LEAKY_CURRENT ? rnn_activate(s->act, x[i]) : x[i];
    if (r) memcpy(r, w.r, s->N * sizeof *r);
    if (o) {
        const double *q = w.r;
        if (s->read_latent) {
            rnn_gemv(0, s->rank, s->N, 1, rnn_net_param(net, "n"), w.r, 0, w.kappa);
            q = w.kappa;
        }
        const size_t n = rnn_spec_n_read(s);
        rnn_gemv(0, n, Q, 1, rnn_net_param(net, "W_out"), q, 0, o);
        add_vector(net, "b_out", n, o);
        if (!s->n_latent) finish_readout(s->readout, n, o); /* z is linear; so are heads beside it */
    }
    free(w.rec);
    return RNN_OK;
}
