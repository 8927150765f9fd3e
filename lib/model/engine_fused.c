/* Batch-1 training of an elman network (the schemas study: one sequence an update, four steps), where Adam's walk over
 * parameters and moments is nearly all of the time.  The gradient of W_rec is a sum of T outer products d_t h_t'; a few rows of
 * it at a time are worked out in a buffer that stays in the first-level cache and spent at once, so that the walk is the only
 * traffic.  A row without gradient is walked all the same: its moments decay and its weights still move, as in PyTorch. */
#include <math.h>
#include <string.h>

#define RNN_REAL_BITS 32
#include "model/engine_real.h"
#include "num/optim.h"

bool rnn_fused_applies(const struct rnn_spec *s, size_t B, const struct rnn_optim *o)
{
    return B == 1 && s->cell == RNN_ELMAN && s->rank == 0 && s->noise_rec == 0 && s->h0_sd == 0 && s->n_latent == 0 &&
           (o->kind == RNN_ADAM || o->kind == RNN_ADAMW);
}

/* Adam on one block, `rows` rows of the gradient at a time: G [rows][cols] = X' Y, X [T][all rows], Y [T][cols]. */
struct walk {
    const struct rnn_engine_f32 *e;
    const struct rnn_optim *o;
    float *theta, *m, *v, *buffer;
    size_t room; /* numbers that buffer holds, at least a row */
    uint64_t t;
    double lr;
    const unsigned char *frozen;
};

static const struct rnn_param *trained(const struct walk *w, const char *name)
{
    const struct rnn_param *p = rnn_param_find(&w->e->ps, name);
    if (!p || p->is_fixed || (w->frozen && w->frozen[p - w->e->ps.p])) return NULL;
    return p;
}

static void walk_block(const struct walk *w, const char *name, size_t T, const float *X, const float *Y)
{
    const struct rnn_param *p = trained(w, name);
    if (!p) return;
    const size_t at_once = w->room / p->cols;
    for (size_t i = 0; i < p->rows; i += at_once) {
        const size_t rows = p->rows - i < at_once ? p->rows - i : at_once, at = p->offset + i * p->cols;
        w->e->k->gemm_f32(rows, p->cols, T, X + i, 1, p->rows, Y, p->cols, NULL, 0, w->buffer, p->cols);
        rnn_optim_step_f32(w->o, w->t, w->lr, rows * p->cols, w->theta + at, w->buffer, w->m + at, w->v + at);
    }
}

/* A vector whose gradient is the sum of X [T][n] over T. */
static void walk_vector(const struct walk *w, const char *name, size_t T, const float *X)
{
    const struct rnn_param *p = trained(w, name);
    if (!p) return;
    for (size_t i = 0; i < p->rows; i += w->room) {
        const size_t n = p->rows - i < w->room ? p->rows - i : w->room, at = p->offset + i;
        memset(w->buffer, 0, n * sizeof *w->buffer);
        for (size_t t = 0; t < T; t++)
            for (size_t j = 0; j < n; j++) w->buffer[j] += X[t * p->rows + i + j];
        rnn_optim_step_f32(w->o, w->t, w->lr, n, w->theta + at, w->buffer, w->m + at, w->v + at);
    }
}

/* dstate [N] += W_out' dout of the step; false when its loss has no weight. */
static bool read_backward(struct rnn_engine_f32 *e, size_t t, bool flows)
{
    const size_t N = e->s.N, n = e->s.n_out;
    if (!e->has_w[t]) return flows;
    e->k->gemm_f32(1, N, n, e->dout + t * n, n, 1, e->th.W_out, N, flows ? e->dstate : NULL, N, e->dstate, N);
    return true;
}

/* dL/d(pre-activation) of every step into dpre [T][N]; dstate ends as dL/d(state 0). */
static void steps_backward(struct rnn_engine_f32 *e)
{
    const size_t N = e->s.N;
    const bool after = e->s.read == RNN_READ_AFTER;
    bool flows = false; /* until the first step with a loss nothing does */
    for (size_t t = e->T; t-- > 0;) {
        float *d = e->dpre + t * N;
        if (after) flows = read_backward(e, t, flows);
        if (!flows) {
            memset(d, 0, N * sizeof *d);
        } else {
            engine_slope_f32(e->s.act, N, e->state + (t + 1) * N, 1, e->dstate, d);
            if (t || e->s.h0 == RNN_H0_TRAINED) e->k->gemm_f32(1, N, N, d, N, 1, e->th.W_rec, N, NULL, 0, e->dstate, N);
        }
        if (!after) flows = read_backward(e, t, flows);
    }
    if (!flows) memset(e->dstate, 0, N * sizeof *e->dstate);
    if (e->s.h0_transform == RNN_H0_TANH) engine_slope_f32(RNN_TANH, N, e->state, 1, e->dstate, e->dstate);
}

int rnn_fused_update_f32(struct rnn_engine_f32 *e, float *theta, float *m, float *v, const struct rnn_optim *o, uint64_t t, double lr,
                         const unsigned char *frozen, enum rnn_loss loss_kind, enum rnn_loss_norm norm, double *loss,
                         struct rnn_err *err)
{
    const struct rnn_pass pass = {0};
    double L;
    if (!e->train || !rnn_fused_applies(&e->s, e->B, o))
        return rnn_fail(err, RNN_ERR_ARG, "the fused update is for one trial, elman cells without noise, and Adam");
    RNN_TRY(rnn_engine_forward_f32(e, theta, &pass, loss_kind, norm, &L, err));
    if (loss) *loss = L;
    if (!isfinite(L)) return RNN_OK; /* diverged: the parameters stay what they were */
    steps_backward(e);
    const struct walk w = {.e = e, .o = o, .theta = theta, .m = m, .v = v, .buffer = e->buffer, .room = e->room,
                           .t = t, .lr = lr, .frozen = frozen};
    const size_t first_read = e->s.read == RNN_READ_AFTER;
    walk_block(&w, "W_rec", e->T, e->dpre, e->rate);
    if (e->s.n_in) walk_block(&w, "W_in", e->T, e->dpre, e->u);
    walk_vector(&w, "b_rec", e->T, e->dpre);
    walk_vector(&w, "b_in", e->T, e->dpre);
    walk_vector(&w, "h0", 1, e->dstate);
    walk_block(&w, "W_out", e->T, e->dout, e->rate + first_read * e->s.N);
    walk_vector(&w, "b_out", e->T, e->dout);
    return RNN_OK;
}
