/* Running networks on trials and scoring them: see run.h. */
#include "model/run.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "model/heads.h"
#include "model/run_piece.h"

/* States of one piece stay below this many numbers (16 MiB of float32): depends on N only, never on memory or count. */
#define PIECE_NUMBERS ((size_t)1 << 22)
#define PIECE_STEPS ((size_t)1024)

const char *const rnn_generic_metrics[] = { "accuracy", "mse", "r2", NULL };

/* ---- loss ---- */

/* Probabilities that rounded to 0 or 1 count as the nearest number that did not. */
static double log_p(double p)
{
    return log(p < 0x1p-126 ? 0x1p-126 : p);
}

static double log_not_p(double p)
{
    return log1p(-(p > 1 - 0x1p-25 ? 1 - 0x1p-25 : p));
}

static double cross_entropy(const float *o, const float *y, size_t n, enum rnn_readout readout)
{
    double sum = 0;
    if (readout == RNN_OUT_LINEAR) return rnn_softmax_loss(n, o, y);
    for (size_t c = 0; c < n; c++) {
        if (readout == RNN_OUT_SIGMOID) sum -= y[c] * log_p(o[c]) + (1 - y[c]) * log_not_p(o[c]);
        else if (y[c] != 0) sum -= y[c] * log_p(o[c]);
    }
    return sum;
}

static double square_error(const float *o, const float *y, size_t n)
{
    double sum = 0;
    for (size_t c = 0; c < n; c++) sum += ((double)o[c] - y[c]) * ((double)o[c] - y[c]);
    return sum;
}

double rnn_run_loss(const struct rnn_trials *tr, const float *o, enum rnn_loss loss, enum rnn_loss_norm norm, enum rnn_readout readout,
                    size_t start, size_t stop)
{
    double sum = 0, weight = 0;
    for (size_t k = 0; k < tr->K; k++)
        for (size_t t = start; t < stop; t++) {
            const size_t at = k * tr->T + t;
            const double w = tr->w[at];
            if (w == 0) continue;
            const float *y = tr->y + at * tr->n_out, *out = o + at * tr->n_out;
            sum += w * (loss == RNN_LOSS_MSE ? square_error(out, y, tr->n_out) : cross_entropy(out, y, tr->n_out, readout));
            weight += w;
        }
    if (norm == RNN_NORM_POSITIONS) weight = (double)tr->K * (double)(stop - start);
    if (loss == RNN_LOSS_MSE || readout == RNN_OUT_SIGMOID) weight *= (double)tr->n_out;
    return sum / weight; /* NaN when nothing is scored */
}

void rnn_run_period(const struct rnn_task *task, size_t i, size_t T, size_t *start, size_t *stop)
{
    const struct rnn_period *p = &task->periods[i];
    *stop = p->stop == task->steps || p->stop > T ? T : p->stop;
    *start = p->start < *stop ? p->start : *stop;
}

/* ---- generic metrics ---- */

/* Position of the largest of n numbers; *is_unique tells whether no other equals it. */
static size_t largest(const float *v, size_t n, bool *is_unique)
{
    size_t best = 0, ties = 0;
    for (size_t c = 1; c < n; c++) {
        if (v[c] > v[best]) { best = c; ties = 0; }
        else if (v[c] == v[best]) ties++;
    }
    *is_unique = ties == 0;
    return best;
}

static double middle_of_targets(const struct rnn_trials *tr)
{
    double lo = INFINITY, hi = -INFINITY;
    for (size_t i = 0; i < tr->K * tr->T; i++)
        if (tr->w[i] != 0) {
            if (tr->y[i] < lo) lo = tr->y[i];
            if (tr->y[i] > hi) hi = tr->y[i];
        }
    return lo < hi ? 0.5 * (lo + hi) : NAN;
}

static double generic_accuracy(const struct rnn_trials *tr, const float *o)
{
    const size_t n = tr->n_out;
    const double middle = n == 1 ? middle_of_targets(tr) : 0;
    size_t right = 0, told = 0;
    for (size_t i = 0; i < tr->K * tr->T; i++) {
        bool tells;
        if (tr->w[i] == 0) continue;
        if (n == 1) {
            tells = !isnan(middle) && tr->y[i] != middle;
            right += tells && !isnan(o[i]) && (o[i] > middle) == (tr->y[i] > middle);
        } else {
            const size_t want = largest(tr->y + i * n, n, &tells);
            right += tells && rnn_chooses(o + i * n, n, want);
        }
        told += tells;
    }
    return told ? (double)right / (double)told : NAN;
}

void rnn_generic_score(const struct rnn_trials *tr, const float *o, double out[RNN_N_GENERIC])
{
    const size_t n = tr->n_out;
    double residual = 0, total = 0, weight = 0;
    for (size_t c = 0; c < n; c++) {
        double w_sum = 0, mean = 0;
        for (size_t i = 0; i < tr->K * tr->T; i++) {
            w_sum += tr->w[i];
            mean += tr->w[i] * tr->y[i * n + c];
        }
        mean /= w_sum;
        for (size_t i = 0; i < tr->K * tr->T; i++) {
            if (tr->w[i] == 0) continue;
            const double e = (double)o[i * n + c] - tr->y[i * n + c], d = tr->y[i * n + c] - mean;
            residual += tr->w[i] * e * e;
            total += tr->w[i] * d * d;
        }
        weight += w_sum;
    }
    out[RNN_GENERIC_ACCURACY] = generic_accuracy(tr, o);
    out[RNN_GENERIC_MSE] = residual / weight;
    out[RNN_GENERIC_R2] = total > 0 ? 1 - residual / total : NAN;
}

/* ---- the runner ---- */

int rnn_runner_new(struct rnn_runner **out, const struct rnn_spec *spec, int precision_bits, struct rnn_err *err)
{
    struct rnn_runner *r;
    *out = NULL;
    RNN_TRY(rnn_alloc_into(&r, 1, sizeof *r, err));
    r->spec = *spec;
    r->bits = precision_bits;
    r->n_state = rnn_spec_n_state(spec);
    const int rc = rnn_spec_params(spec, &r->params, err);
    if (rc < 0) { rnn_runner_free(r); return rc; }
    *out = r;
    return RNN_OK;
}

static void free_buffers(struct rnn_runner *r)
{
    if (r->e32) rnn_engine_free_f32(r->e32);
    if (r->e64) rnn_engine_free_f64(r->e64);
    free(r->theta);
    free(r->u); free(r->y); free(r->o); free(r->x);
    free(r->w); free(r->state);
    free(r->step_x); free(r->step_u); free(r->step_o);
    *r = (struct rnn_runner){ .spec = r->spec, .params = r->params, .bits = r->bits, .n_state = r->n_state };
}

/* Room for runs of T steps, in pieces where T is large. */
static int make_room(struct rnn_runner *r, size_t T, struct rnn_err *err)
{
    const struct rnn_spec *s = &r->spec;
    size_t row, limit;
    if (!rnn_mul_size(RNN_RUN_BLOCK, s->N, &row)) return rnn_fail(err, RNN_ERR_LIMIT, "%zu units are too many", s->N);
    limit = PIECE_NUMBERS / row ? PIECE_NUMBERS / row : 1;
    if (limit > PIECE_STEPS) limit = PIECE_STEPS;
    if (s->n_latent) limit = T; /* a decoder waits for the last step: no pieces */
    const size_t steps = T < limit ? T : limit;
    if (steps <= r->steps) return RNN_OK;
    free_buffers(r);
    r->steps = steps;
    const size_t BT = RNN_RUN_BLOCK * steps;
    RNN_TRY(rnn_alloc_into(&r->u, BT * s->n_in, sizeof *r->u, err));
    RNN_TRY(rnn_alloc_into(&r->y, BT * s->n_out, sizeof *r->y, err));
    RNN_TRY(rnn_alloc_into(&r->o, BT * s->n_out, sizeof *r->o, err));
    RNN_TRY(rnn_alloc_into(&r->w, BT, sizeof *r->w, err));
    RNN_TRY(rnn_alloc_into(&r->state, RNN_RUN_BLOCK * r->n_state, sizeof *r->state, err));
    const int rc = r->bits == 64 ? rnn_run_engine_f64(r, err) : rnn_run_engine_f32(r, err);
    if (rc < 0) r->steps = 0;
    return rc;
}

void rnn_runner_free(struct rnn_runner *r)
{
    if (!r) return;
    free_buffers(r);
    free(r);
}

/* A unit whose rate is held at zero sends nothing: its columns of the recurrent and read-out weights are zero.  A read-out from
 * latent variables hears units through n alone. */
static int silence(const struct rnn_runner *r, const struct rnn_run_opts *opts, double *theta, struct rnn_err *err)
{
    static const char *const listeners[] = { "W_rec", "n", "W_out" };
    for (size_t i = 0; i < opts->n_silent; i++) {
        if (opts->silent[i] >= r->spec.N)
            return rnn_fail(err, RNN_ERR_ARG, "unit %zu cannot be silenced: the network has units 0 to %zu", opts->silent[i], r->spec.N - 1);
        for (size_t l = 0; l < RNN_LEN(listeners); l++) {
            const struct rnn_param *p = rnn_param_find(&r->params, listeners[l]);
            if (!p || (r->spec.read_latent && !strcmp(p->name, "W_out"))) continue;
            for (size_t row = 0; row < p->rows; row++) theta[p->offset + row * p->cols + opts->silent[i]] = 0;
        }
    }
    return RNN_OK;
}

static int load_theta(struct rnn_runner *r, const double *theta, const struct rnn_run_opts *opts, struct rnn_err *err)
{
    double *t;
    RNN_TRY(rnn_alloc_into(&t, r->params.total, sizeof *t, err));
    memcpy(t, theta, r->params.total * sizeof *t);
    const int rc = silence(r, opts, t, err);
    if (rc >= 0) r->bits == 64 ? rnn_run_theta_f64(r, t) : rnn_run_theta_f32(r, t);
    free(t);
    return rc;
}

static int check_fit(const struct rnn_spec *s, const struct rnn_trials *tr, const struct rnn_run_opts *o, struct rnn_err *err)
{
    if (tr->n_in != s->n_in) return rnn_fail(err, RNN_ERR_ARG, "the network takes %zu inputs, the trials have %zu", s->n_in, tr->n_in);
    if (tr->n_out != s->n_out) return rnn_fail(err, RNN_ERR_ARG, "the network gives %zu outputs, the trials want %zu", s->n_out, tr->n_out);
    if (!tr->K || !tr->T) return rnn_fail(err, RNN_ERR_ARG, "no trials to run");
    if (o->kick_sd > 0 && o->kick_step >= tr->T + o->extra_steps)
        return rnn_fail(err, RNN_ERR_ARG, "no step %zu to perturb: the run has steps 0 to %zu", o->kick_step, tr->T + o->extra_steps - 1);
    if (s->n_latent && ((o->kick_sd > 0 && o->kick_step > 0) || o->extra_steps))
        return rnn_fail(err, RNN_ERR_ARG, "a decoder starts after the last step of a trial: such a network is neither perturbed on the way (step %zu)"
                        " nor run on (%zu steps)", o->kick_step, o->extra_steps);
    if (o->see == RNN_SEE_LATENT && !s->n_latent) return rnn_fail(err, RNN_ERR_ARG, "no latent variables to look at: the network has no decoder");
    const size_t width = o->see == RNN_SEE_LATENT ? s->n_latent : s->N;
    for (size_t i = 0; i < o->n_units; i++)
        if (o->units && o->units[i] >= width)
            return rnn_fail(err, RNN_ERR_ARG, "no unit %zu: the network has units 0 to %zu", o->units[i], width - 1);
    return RNN_OK;
}

size_t rnn_run_width(const struct rnn_spec *s, const struct rnn_run_opts *o)
{
    return o->units ? o->n_units : o->see == RNN_SEE_LATENT ? s->n_latent : s->N;
}

/* Silent units among the n in `units` (NULL: units 0 to n-1), x [rows][n]. */
static void zero_silent(const struct rnn_run_opts *o, const size_t *units, size_t n, size_t rows, float *x)
{
    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i < o->n_silent; i++)
            if (o->silent[i] == (units ? units[j] : j))
                for (size_t row = 0; row < rows; row++) x[row * n + j] = 0;
}

static int make_sink_room(const struct rnn_run_opts *o, struct rnn_runner *r, struct rnn_run_job *job, size_t kept, struct rnn_err *err)
{
    size_t rows, numbers;
    if (!rnn_mul_size(RNN_RUN_BLOCK, kept, &rows) || !rnn_mul_size(rows, rnn_run_width(&r->spec, o), &numbers))
        return rnn_fail(err, RNN_ERR_LIMIT, "too many states to collect");
    RNN_TRY(rnn_alloc_into(&job->x, numbers, sizeof *job->x, err));
    RNN_TRY(rnn_alloc_into(&job->r0, RNN_RUN_BLOCK * r->spec.N, sizeof *job->r0, err));
    const size_t most = r->spec.n_latent > r->spec.N ? r->spec.n_latent : r->spec.N;
    return r->x ? RNN_OK : rnn_alloc_into(&r->x, RNN_RUN_BLOCK * r->steps * most, sizeof *r->x, err);
}

static int run_blocks(struct rnn_runner *r, struct rnn_run_job *job, struct rnn_err *err)
{
    const struct rnn_run_opts *o = job->opts;
    const size_t thin = o->thin ? o->thin : 1, kept = (job->T + thin - 1) / thin;
    int rc = o->sink ? make_sink_room(o, r, job, kept, err) : RNN_OK;
    for (job->row0 = 0; job->row0 < job->tr->K && rc >= 0; job->row0 += RNN_RUN_BLOCK) {
        job->K = job->tr->K - job->row0 < RNN_RUN_BLOCK ? job->tr->K - job->row0 : RNN_RUN_BLOCK;
        rc = r->bits == 64 ? rnn_run_block_f64(job, err) : rnn_run_block_f32(job, err);
        if (rc < 0 || !o->sink) continue;
        if (o->see == RNN_SEE_RATES) zero_silent(o, o->units, rnn_run_width(&r->spec, o), job->K * kept, job->x);
        zero_silent(o, NULL, r->spec.N, job->K, job->r0);
        const struct rnn_run_seen seen = { .first = job->row0, .K = job->K, .n_steps = kept, .T = job->T, .x = job->x, .r0 = job->r0,
                                           .o = job->o + job->row0 * job->T * r->spec.n_out };
        rc = o->sink(o->sink_arg, &seen, err);
    }
    free(job->x);
    free(job->r0);
    return rc;
}

/* Outputs of the trials proper, without the extra steps: out->o itself when there are none, else a copy in *copy. */
static int trial_outputs(const struct rnn_trials *tr, const struct rnn_run_result *out, float **copy, const float **o, struct rnn_err *err)
{
    *copy = NULL;
    *o = out->o;
    if (out->T == tr->T) return RNN_OK;
    RNN_TRY(rnn_alloc_into(copy, tr->K * tr->T * tr->n_out, sizeof **copy, err));
    for (size_t k = 0; k < tr->K; k++)
        memcpy(*copy + k * tr->T * tr->n_out, out->o + k * out->T * tr->n_out, tr->T * tr->n_out * sizeof **copy);
    *o = *copy;
    return RNN_OK;
}

/* A network that is run on a task with heads has their outputs; whether it was trained on them does not matter. */
static double task_loss(const struct rnn_spec *spec, const struct rnn_task *task, const struct rnn_trials *tr, const float *o, size_t start,
                        size_t stop)
{
    if (task->heads.n) return rnn_heads_loss(&task->heads, tr, o, start, stop);
    return rnn_run_loss(tr, o, task->loss, task->norm, spec->readout, start, stop);
}

static int score(const struct rnn_spec *spec, const struct rnn_task *task, const struct rnn_trials *tr, struct rnn_run_result *out,
                 struct rnn_err *err)
{
    float *copy;
    const float *o;
    RNN_TRY(trial_outputs(tr, out, &copy, &o, err));
    int rc = RNN_OK;
    out->loss = NAN;
    if (task) {
        out->loss = task_loss(spec, task, tr, o, 0, tr->T);
        if (task->n_periods) rc = rnn_alloc_into(&out->period_loss, task->n_periods, sizeof *out->period_loss, err);
        for (size_t i = 0; rc >= 0 && i < task->n_periods; i++) {
            size_t start, stop;
            rnn_run_period(task, i, tr->T, &start, &stop);
            out->period_loss[i] = start < stop ? task_loss(spec, task, tr, o, start, stop) : NAN;
        }
    }
    const bool has_own = task && task->def && task->def->score;
    out->metrics = has_own ? rnn_task_metrics(task) : rnn_generic_metrics;
    for (out->n_metrics = 0; out->metrics[out->n_metrics]; out->n_metrics++) {}
    if (rc >= 0 && out->n_metrics > RNN_RUN_MAX_METRICS) rc = rnn_fail(err, RNN_ERR_LIMIT, "task %s has too many metrics", task->name);
    if (rc >= 0 && has_own) rc = task->def->score(task, tr, out->o_free ? out->o_free : o, out->metric, err);
    else if (rc >= 0) rnn_generic_score(tr, o, out->metric);
    free(copy);
    return rc;
}

int rnn_runner_score(struct rnn_runner *r, const double *theta, uint64_t index, const struct rnn_task *task, const struct rnn_trials *tr,
                     const struct rnn_run_opts *opts, struct rnn_run_result *out, struct rnn_err *err)
{
    struct rnn_run_job job = { .r = r, .tr = tr, .opts = opts, .net = index, .cue_steps = task ? task->cue_steps : 0 };
    size_t rows, numbers;
    memset(out, 0, sizeof *out);
    RNN_TRY(check_fit(&r->spec, tr, opts, err));
    if (!rnn_add_size(tr->T, opts->extra_steps, &out->T) || !rnn_mul_size(tr->K, out->T, &rows) || !rnn_mul_size(rows, tr->n_out, &numbers))
        return rnn_fail(err, RNN_ERR_LIMIT, "%zu trials of %zu + %zu steps are too many", tr->K, tr->T, opts->extra_steps);
    out->K = tr->K;
    out->n_out = tr->n_out;
    out->noise = r->spec.noise_rec;
    const bool is_free = task && task->closed_loop && !opts->open_loop;
    int rc = make_room(r, out->T, err);
    if (rc >= 0) rc = load_theta(r, theta, opts, err);
    if (rc >= 0) rc = rnn_alloc_into(&out->o, numbers, sizeof *out->o, err);
    if (rc >= 0) rc = rnn_alloc_into(&out->last, tr->K * r->n_state, sizeof *out->last, err);
    if (rc >= 0 && is_free) rc = rnn_alloc_into(&out->o_free, tr->K * tr->T * tr->n_out, sizeof *out->o_free, err);
    job.T = out->T;
    job.o = out->o;
    job.o_free = out->o_free;
    job.last = out->last;
    if (rc >= 0) rc = run_blocks(r, &job, err);
    if (rc >= 0) rc = score(&r->spec, task, tr, out, err);
    if (rc < 0) rnn_run_release(out);
    return rc;
}

int rnn_run_score(const struct rnn_net *net, const struct rnn_task *task, const struct rnn_trials *tr, const struct rnn_run_opts *opts,
                  struct rnn_run_result *out, struct rnn_err *err)
{
    struct rnn_spec spec = net->spec;
    struct rnn_runner *r;
    memset(out, 0, sizeof *out);
    if (opts->replace_noise) spec.noise_rec = opts->noise;
    RNN_TRY(rnn_runner_new(&r, &spec, opts->use_double ? 64 : net->precision_bits, err));
    const int rc = rnn_runner_score(r, net->theta, net->index, task, tr, opts, out, err);
    rnn_runner_free(r);
    return rc;
}

void rnn_run_release(struct rnn_run_result *r)
{
    free(r->o);
    free(r->o_free);
    free(r->last);
    free(r->period_loss);
    memset(r, 0, sizeof *r);
}
