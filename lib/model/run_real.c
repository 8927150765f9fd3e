/* One block of trials through the engine, compiled for both precisions: see run_piece.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "model/run_piece.h"
#include "num/rng.h"

#if RNN_REAL_BITS == 32
typedef float real;
#define S(name) name##_f32
#define ENGINE(r) ((r)->e32)
#else
typedef double real;
#define S(name) name##_f64
#define ENGINE(r) ((r)->e64)
#endif

int S(rnn_run_engine)(struct rnn_runner *r, struct rnn_err *err)
{
    RNN_TRY(rnn_alloc_into(&r->theta, r->params.total, sizeof(real), err));
    RNN_TRY(rnn_alloc_into(&r->step_x, RNN_RUN_BLOCK * r->n_state, sizeof(real), err));
    RNN_TRY(rnn_alloc_into(&r->step_u, RNN_RUN_BLOCK * r->spec.n_in, sizeof(real), err));
    RNN_TRY(rnn_alloc_into(&r->step_o, RNN_RUN_BLOCK * r->spec.n_out, sizeof(real), err));
    return S(rnn_engine_new)(&ENGINE(r), &r->spec, RNN_RUN_BLOCK, r->steps, false, err);
}

void S(rnn_run_theta)(struct rnn_runner *r, const double *theta)
{
    real *t = r->theta;
    for (size_t i = 0; i < r->params.total; i++) t[i] = (real)theta[i];
}

/* Steps [t0, t0+T) of the block's trials into the runner's buffers; beyond the trial the input is zero. */
static void cut_piece(const struct rnn_run_job *job, size_t t0, struct rnn_trials *piece)
{
    const struct rnn_trials *tr = job->tr;
    const size_t T = piece->T, n_in = tr->n_in;
    const size_t have = t0 >= tr->T ? 0 : tr->T - t0 < T ? tr->T - t0 : T;
    for (size_t k = 0; k < job->K; k++) {
        float *u = piece->u + k * T * n_in;
        if (have) memcpy(u, tr->u + ((job->row0 + k) * tr->T + t0) * n_in, have * n_in * sizeof *u);
        memset(u + have * n_in, 0, (T - have) * n_in * sizeof *u);
    }
}

/* The same kick for a trial whatever the block it runs in. */
static int kick(const struct rnn_run_job *job, size_t t, double *state, struct rnn_err *err)
{
    const double *along = job->opts->kick_along;
    for (size_t k = 0; k < job->K; k++) {
        struct rnn_rng g;
        for (size_t i = 0; along && i < job->r->n_state; i++) state[k * job->r->n_state + i] += job->opts->kick_sd * along[i];
        if (along) continue;
        RNN_TRY(rnn_rng_at(&g, job->opts->seed, RNN_RNG_RUN_KICK, job->net, job->tr->first + job->row0 + k, t, err));
        for (size_t i = 0; i < job->r->n_state; i++) state[k * job->r->n_state + i] += job->opts->kick_sd * rnn_rng_normal(&g);
    }
    return RNN_OK;
}

/* Outputs, and the wanted steps of the wanted units, of the piece that begins at step t0. */
static void collect(const struct rnn_run_job *job, size_t t0, size_t T)
{
    struct rnn_runner *r = job->r;
    const size_t n_out = r->spec.n_out, thin = job->opts->thin ? job->opts->thin : 1;
    S(rnn_engine_outputs)(ENGINE(r), r->o);
    for (size_t k = 0; k < job->K; k++)
        memcpy(job->o + ((job->row0 + k) * job->T + t0) * n_out, r->o + k * T * n_out, T * n_out * sizeof *r->o);
    if (!job->x) return;
    const size_t n = rnn_run_width(&r->spec, job->opts), n_kept = (job->T + thin - 1) / thin;
    S(rnn_engine_states)(ENGINE(r), job->opts->see, job->opts->units, n, 1, r->x);
    for (size_t k = 0; k < job->K; k++)
        for (size_t t = 0; t < T; t++)
            if ((t0 + t) % thin == 0)
                memcpy(job->x + (k * n_kept + (t0 + t) / thin) * n, r->x + (k * T + t) * n, n * sizeof *r->x);
}

/* One step's input of the free run: the true one while the cue lasts, then the network's own choice, one-hot. */
static void next_input(const struct rnn_run_job *job, size_t t, real *u, const real *o)
{
    const size_t n_in = job->tr->n_in, n_out = job->r->spec.n_out;
    for (size_t k = 0; k < job->K; k++, u += n_in, o += n_out) {
        if (t < job->cue_steps) {
            const float *given = job->tr->u + ((job->row0 + k) * job->tr->T + t) * n_in;
            for (size_t i = 0; i < n_in; i++) u[i] = given[i];
            continue;
        }
        size_t best = 0;
        for (size_t i = 1; i < n_out; i++)
            if (o[i] > o[best]) best = i;
        for (size_t i = 0; i < n_in; i++) u[i] = i == best;
    }
}

/* Starts from the states that the pass before it started from (r->state). */
static int free_run(const struct rnn_run_job *job, struct rnn_err *err)
{
    struct rnn_runner *r = job->r;
    const size_t n_out = r->spec.n_out, T = job->tr->T;
    real *x = r->step_x, *u = r->step_u, *o = r->step_o;
    for (size_t i = 0; i < RNN_RUN_BLOCK * r->n_state; i++) x[i] = (real)r->state[i];
    memset(u, 0, RNN_RUN_BLOCK * job->tr->n_in * sizeof *u);
    for (size_t t = 0; t < T; t++) {
        next_input(job, t, u, o);
        RNN_TRY(S(rnn_engine_step)(ENGINE(r), r->theta, x, u, o, err));
        for (size_t k = 0; k < job->K; k++)
            for (size_t c = 0; c < n_out; c++) job->o_free[((job->row0 + k) * T + t) * n_out + c] = (float)o[k * n_out + c];
    }
    return RNN_OK;
}

int S(rnn_run_block)(const struct rnn_run_job *job, struct rnn_err *err)
{
    struct rnn_runner *r = job->r;
    const struct rnn_run_opts *o = job->opts;
    const size_t ns = r->n_state;
    struct rnn_trials piece = { .K = job->K, .n_in = job->tr->n_in, .n_out = r->spec.n_out, .u = r->u, .y = r->y, .w = r->w };
    struct rnn_pass pass = { .seed = o->seed, .net = job->net, .running = true, .noise = r->spec.noise_rec > 0 };
    pass.update = (uint64_t)job->tr->split << 30 | (job->tr->first + job->row0) / RNN_RUN_BLOCK;
    double *start = NULL, ignored;
    int rc = RNN_OK;
    if (o->state0) {
        memset(r->state, 0, RNN_RUN_BLOCK * ns * sizeof *r->state);
        memcpy(r->state, o->state0 + job->row0 * ns, job->K * ns * sizeof *r->state);
        pass.state0 = r->state;
    }
    if (job->o_free && (rc = rnn_alloc_into(&start, RNN_RUN_BLOCK * ns, sizeof *start, err)) < 0) return rc;
    for (size_t t = 0; t < job->T && rc >= 0; t += piece.T) {
        const bool kicked = o->kick_sd > 0 && o->kick_step == t;
        piece.T = job->T - t < r->steps ? job->T - t : r->steps;
        if (o->kick_sd > 0 && o->kick_step > t && o->kick_step - t < piece.T) piece.T = o->kick_step - t;
        cut_piece(job, t, &piece);
        if ((rc = S(rnn_engine_batch)(ENGINE(r), &piece, err)) < 0) break;
        if (kicked && t == 0 && !pass.state0) { /* the law's own states are needed before they can be kicked */
            if ((rc = S(rnn_engine_forward)(ENGINE(r), r->theta, &pass, RNN_LOSS_MSE, RNN_NORM_POSITIONS, &ignored, err)) < 0) break;
            S(rnn_engine_first)(ENGINE(r), r->state);
            pass.state0 = r->state;
        }
        if (kicked && (rc = kick(job, t, r->state, err)) < 0) break;
        pass.step0 = t;
        if ((rc = S(rnn_engine_forward)(ENGINE(r), r->theta, &pass, RNN_LOSS_MSE, RNN_NORM_POSITIONS, &ignored, err)) < 0) break;
        if (t == 0 && start) S(rnn_engine_first)(ENGINE(r), start);
        if (t == 0 && job->r0) S(rnn_engine_state0)(ENGINE(r), job->r0);
        collect(job, t, piece.T);
        S(rnn_engine_last)(ENGINE(r), r->state);
        pass.state0 = r->state;
    }
    if (rc >= 0) memcpy(job->last + job->row0 * ns, r->state, job->K * ns * sizeof *r->state);
    if (rc >= 0 && job->o_free) {
        memcpy(r->state, start, RNN_RUN_BLOCK * ns * sizeof *start);
        rc = free_run(job, err);
    }
    free(start);
    return rc;
}
