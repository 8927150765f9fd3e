/* One network in training: what happens around an update. */
#include "model/train.h"

#include <complex.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "model/run.h"
#include "model/train_state.h"
#include "num/linalg.h"
#include "num/rng.h"

#define EVAL_BLOCK 64 /* trials per evaluation block: a constant, since GEMM results depend on it */

const struct rnn_core_ops *rnn_train_core_ops(const struct rnn_train_config *c)
{
    if (c->reduced) return c->precision_bits == 64 ? &rnn_core_reduced_f64 : &rnn_core_reduced_f32;
    return c->precision_bits == 64 ? &rnn_core_f64 : &rnn_core_f32;
}

const char *const *rnn_train_metrics(const struct rnn_task *task)
{
    return rnn_task_metrics(task) ? rnn_task_metrics(task) : rnn_generic_metrics;
}

static size_t count_metrics(const struct rnn_task *task)
{
    size_t n = 0;
    while (rnn_train_metrics(task)[n] && n < RNN_TRAIN_METRICS) n++;
    return n;
}

bool rnn_train_evaluates_set(const struct rnn_train_config *c, const struct rnn_train_data *d)
{
    return (rnn_train_set_size(c, d) > c->batch || c->rollout > 1) && count_metrics(d->task) > 0;
}

size_t rnn_train_rule_metrics(const struct rnn_train_config *c, const struct rnn_train_data *d)
{
    if (isnan(c->learned_at) || rnn_train_evaluates_set(c, d) || !count_metrics(d->task)) return 0;
    return c->learned_stable ? 2 : 1;
}

size_t rnn_train_batch(const struct rnn_train_config *c, const struct rnn_train_data *d)
{
    const uint64_t set = rnn_train_set_size(c, d);
    return set && set < c->batch ? (size_t)set : c->batch;
}

void rnn_train_sizes(const struct rnn_train_config *c, const struct rnn_train_data *d, struct rnn_core_setup *s)
{
    size_t longest = 0;
    for (size_t i = 0; i < c->n_curriculum; i++) longest = c->curriculum[i] > longest ? c->curriculum[i] : longest;
    const size_t given = d->train ? d->train->T : 0;
    s->T = longest ? rnn_task_steps(d->task, longest) : given ? given : d->task->steps;
    s->B = rnn_train_batch(c, d) * rnn_rollout_rows(c, s->T);
    const bool set = rnn_train_evaluates_set(c, d);
    if (!set && !c->validate_every) return;
    s->eval_B = EVAL_BLOCK;
    s->eval_T = set ? (given ? given : d->task->steps) : 0;
    const size_t val = !c->validate_every ? 0 : d->validation ? d->validation->T : d->task->steps;
    if (val > s->eval_T) s->eval_T = val;
}

/* ---- rows of the learning curve ---- */

size_t rnn_train_columns(const struct rnn_task *task, char (*names)[32])
{
    static const char *const first[] = { "update", "epoch", "loss", "loss_mean" }, *const last[] = { "horizon", "lr", "grad_norm", "modes" };
    const size_t m = count_metrics(task);
    size_t n = 0;
    for (size_t i = 0; i < RNN_LEN(first); i++, n++) {
        if (names) snprintf(names[n], sizeof *names, "%s", first[i]);
    }
    for (size_t i = 0; i < m; i++, n++) {
        if (names) snprintf(names[n], sizeof *names, "%s", rnn_train_metrics(task)[i]);
    }
    if (names) snprintf(names[n], sizeof *names, "val_loss");
    n++;
    for (size_t i = 0; i < m; i++, n++) {
        if (names) snprintf(names[n], sizeof *names, "val_%.27s", rnn_train_metrics(task)[i]);
    }
    for (size_t i = 0; i < RNN_LEN(last); i++, n++) {
        if (names) snprintf(names[n], sizeof *names, "%s", last[i]);
    }
    return n;
}

static uint64_t next_row(const struct rnn_train_config *c, const struct rnn_train_data *d, uint64_t total, uint64_t update)
{
    uint64_t every = c->log_every;
    if (c->log_spaced) {
        for (int i = 0; i < 220; i++) { /* 20 per decade, distinct whole numbers */
            const uint64_t u = (uint64_t)llround(pow(10, i / 20.0));
            if (u > update) return u;
        }
        return UINT64_MAX;
    }
    if (!every) every = c->epochs ? rnn_train_epoch_updates(c, d) : (total + 199) / 200;
    if (!every) every = 1;
    return (update / every + 1) * every;
}

size_t rnn_train_rows(const struct rnn_train_config *c, const struct rnn_train_data *d)
{
    const uint64_t total = rnn_train_updates(c, d);
    size_t n = 3; /* the first, the last, and the state at the end */
    for (uint64_t u = 0; u < total; u = next_row(c, d, total, u)) n++;
    if (c->validate_every) n += (size_t)(total / c->validate_every);
    return n;
}

/* NaN when an update overflowed: such a net has diverged, which is told at the next update or at the end. */
static int count_modes(struct rnn_trainer *t, double *out, struct rnn_err *err)
{
    const size_t N = t->model->spec.N;
    double *W = NULL;
    double _Complex *w = NULL;
    t->core->ops->theta(t->core, t->model->theta);
    *out = NAN;
    if (!rnn_net_finite(t->model)) return RNN_OK;
    int rc = rnn_alloc_into(&W, N * N, sizeof *W, err);
    if (rc >= 0) rc = rnn_alloc_into(&w, N, sizeof *w, err);
    if (rc >= 0) rc = rnn_net_W(t->model, W, err);
    if (rc >= 0) rc = rnn_eig(N, W, w, NULL, NULL, err);
    *out = 0;
    for (size_t i = 0; rc >= 0 && i < N; i++) *out += cabs(w[i]) >= t->c->modes_at;
    free(W);
    free(w);
    return rc;
}

static double *new_row(struct rnn_trainer *t, struct rnn_err *err)
{
    struct rnn_learning *l = &t->curve;
    if (rnn_grow(&l->v, &l->cap, (l->n_rows + 1) * l->n_cols, sizeof *l->v, err) < 0) return NULL;
    double *row = l->v + l->n_rows++ * l->n_cols;
    for (size_t i = 0; i < l->n_cols; i++) row[i] = NAN;
    return row;
}

/* A row about the parameters after `u` updates; step NULL: no batch was run on them (the end). */
static int log_row(struct rnn_trainer *t, uint64_t u, const struct rnn_step *step, bool validated, double modes, struct rnn_err *err)
{
    double *row = new_row(t, err);
    if (!row) return err->code;
    size_t at = 4;
    row[0] = (double)u;
    if (t->set) row[1] = (double)u / (double)t->per_epoch;
    if (step) {
        row[2] = step->loss;
        row[3] = t->now.loss_sum / (double)t->now.since_row;
        t->now.loss_sum = 0;
        t->now.since_row = 0;
    }
    for (size_t i = 0; i < t->n_metrics; i++) row[at + i] = step || t->evaluates_set ? t->now.metric[i] : NAN;
    at += t->n_metrics;
    if (validated) row[at] = t->now.val_loss;
    at++;
    for (size_t i = 0; i < t->n_metrics; i++) row[at + i] = validated ? t->now.val_metric[i] : NAN;
    at += t->n_metrics;
    const struct rnn_task *task = t->d->task;
    if (task->horizon_base) row[at] = (double)(rnn_feed_steps(t) - task->horizon_base);
    if (step) {
        row[at + 1] = step->lr;
        row[at + 2] = step->grad_norm;
    }
    row[at + 3] = modes;
    return RNN_OK;
}

/* ---- measuring ---- */

static int score(struct rnn_trainer *t, const struct rnn_trials *tr, double *metric, struct rnn_err *err)
{
    const struct rnn_task *task = t->d->task;
    double all[RNN_RUN_MAX_METRICS];
    if (task->def && task->def->metrics) RNN_TRY(task->def->score(task, tr, t->outputs, all, err));
    else rnn_generic_score(tr, t->outputs, all);
    memcpy(metric, all, t->n_metrics * sizeof *metric);
    return RNN_OK;
}

static int evaluate(struct rnn_trainer *t, const struct rnn_trials *tr, double *loss, double *metric, struct rnn_err *err)
{
    const struct rnn_pass pass = { .seed = t->c->seed, .net = t->net, .running = true, .noise = t->c->spec.noise_rec > 0 };
    const struct rnn_heads *heads = &t->d->task->heads;
    RNN_TRY(t->core->ops->eval(t->core, tr, &pass, t->loss_kind, t->norm, loss, t->outputs, err));
    if (heads->n) *loss = rnn_heads_loss(heads, tr, t->outputs, 0, tr->T); /* means over all trials do not follow from those of blocks */
    return score(t, tr, metric, err);
}

static int validate(struct rnn_trainer *t, struct rnn_err *err)
{
    return evaluate(t, &t->validation, &t->now.val_loss, t->now.val_metric, err);
}

static int evaluate_set(struct rnn_trainer *t, struct rnn_err *err)
{
    double loss;
    return evaluate(t, t->set_trials, &loss, t->now.metric, err);
}

/* ---- making and freeing ---- */

void rnn_trainer_free(struct rnn_trainer *t)
{
    if (!t) return;
    if (t->core) t->core->ops->release(t->core);
    rnn_feed_release(t);
    rnn_net_free(t->model);
    free(t->history);
    free(t->curve.names);
    free(t->curve.v);
    free(t->snapshots);
    free(t->outputs);
    free(t);
}

/* Copies the donor's blocks.  All that were asked for must be there and fit; where none were, all that it has must find a place. */
static int load_donor(struct rnn_trainer *t, const struct rnn_net *donor, struct rnn_err *err)
{
    const struct rnn_train_config *c = t->c;
    for (size_t i = 0; i < donor->params.n && c->n_load == 0; i++) {
        const char *name = donor->params.p[i].name;
        if (!rnn_param_find(&t->model->params, name))
            return rnn_fail(err, RNN_ERR_ARG, "donor net '%s' has %s, which this network lacks: say with --load what it is to take",
                            donor->id ? donor->id : "", name);
    }
    for (size_t i = 0; i < t->model->params.n; i++) {
        const struct rnn_param *p = &t->model->params.p[i], *q = rnn_param_find(&donor->params, p->name);
        bool wanted = c->n_load == 0 && q;
        for (size_t j = 0; j < c->n_load; j++) wanted |= !strcmp(c->load[j], p->name);
        if (!wanted) continue;
        if (!q) return rnn_fail(err, RNN_ERR_ARG, "donor net '%s' has no parameter %s", donor->id ? donor->id : "", p->name);
        if (p->rows != q->rows || p->cols != q->cols) {
            return rnn_fail(err, RNN_ERR_ARG, "donor net '%s': %s is %zu x %zu, not %zu x %zu", donor->id ? donor->id : "", p->name, q->rows,
                            q->cols, p->rows, p->cols);
        }
        memcpy(t->model->theta + p->offset, donor->theta + q->offset, p->rows * p->cols * sizeof(double));
    }
    return RNN_OK;
}

static size_t n_excitatory(const struct rnn_train_config *c, const struct rnn_param *p)
{
    return c->dale < 0 ? 0 : (size_t)floor(c->dale * (double)p->cols + 0.5);
}

/* Signs alone make the mean of all weights other than zero, which is an eigenvalue far outside the others: the network starts, and
 * often stays, with all units saturated.  A donor's weights are past this. */
static void balance_dale(struct rnn_trainer *t)
{
    const struct rnn_param *p = &t->model->params.p[0];
    double *W = t->model->theta + p->offset;
    const size_t n_exc = n_excitatory(t->c, p), n_inh = p->cols - n_exc;
    if (!t->c->dale_balance || !n_exc || !n_inh) return;
    const double f = sqrt((double)n_inh / (double)n_exc);
    for (size_t i = 0; i < p->rows * p->cols; i++) W[i] *= i % p->cols < n_exc ? f : 1 / f;
}

/* Entries held at zero are drawn per net; with Dale's law the first columns are made >= 0 and the others <= 0. */
static int apply_masks(struct rnn_trainer *t, unsigned char **mask, struct rnn_err *err)
{
    const struct rnn_train_config *c = t->c;
    const struct rnn_param *p = &t->model->params.p[0];
    double *W = t->model->theta + p->offset;
    const size_t n_exc = n_excitatory(c, p);
    for (size_t i = 0; c->dale >= 0 && i < p->rows * p->cols; i++) W[i] = i % p->cols < n_exc ? fabs(W[i]) : -fabs(W[i]);
    if (!(c->sparsity > 0)) return RNN_OK;
    struct rnn_rng g;
    RNN_TRY(rnn_alloc_into(mask, p->rows * p->cols, 1, err));
    RNN_TRY(rnn_rng_at(&g, c->seed, RNN_RNG_MASK, t->net, 0, 0, err));
    for (size_t i = 0; i < p->rows * p->cols; i++) {
        (*mask)[i] = rnn_rng_uniform(&g) >= c->sparsity;
        if (!(*mask)[i]) W[i] = 0;
    }
    return RNN_OK;
}

static int make_model(struct rnn_trainer *t, const struct rnn_net *donor, unsigned char **mask, struct rnn_err *err)
{
    const struct rnn_train_config *c = t->c;
    RNN_TRY(rnn_net_new(&t->model, &c->spec, err));
    struct rnn_net *m = t->model;
    m->index = t->net;
    m->precision_bits = c->precision_bits;
    RNN_TRY(rnn_net_init(m, &c->init, c->seed, err));
    for (size_t i = 0; c->tau_to > 0 && i < c->spec.N; i++) {
        const double share = c->spec.N > 1 ? (double)i / (double)(c->spec.N - 1) : 0;
        rnn_net_param(m, "alpha")[i] = c->spec.dt_ms / (c->spec.tau_ms * pow(c->tau_to / c->spec.tau_ms, share));
    }
    balance_dale(t);
    if (donor) RNN_TRY(load_donor(t, donor, err));
    RNN_TRY(apply_masks(t, mask, err));
    for (size_t i = 0; c->precision_bits == 32 && i < m->params.total; i++) m->theta[i] = (float)m->theta[i];
    memcpy(m->theta0, m->theta, m->params.total * sizeof(double)); /* rnn_net_init made room for it */
    return RNN_OK;
}

static int make_records(struct rnn_trainer *t, struct rnn_err *err)
{
    const size_t n_out = t->d->task->n_out;
    struct rnn_core_setup s = { 0 };
    rnn_train_sizes(t->c, t->d, &s);
    size_t outputs = s.B * s.T * n_out;
    if (t->evaluates_set && t->set * t->set_trials->T * n_out > outputs) outputs = (size_t)t->set * t->set_trials->T * n_out;
    const size_t val = t->validation.K * t->validation.T * n_out;
    if (val > outputs) outputs = val;
    RNN_TRY(rnn_alloc_into(&t->outputs, outputs, sizeof *t->outputs, err));
    RNN_TRY(rnn_alloc_into(&t->history, (size_t)t->total * t->rule_metrics, sizeof *t->history, err));
    RNN_TRY(rnn_alloc_into(&t->snapshots, t->c->n_snapshots * t->model->params.total, sizeof *t->snapshots, err));
    t->curve.n_cols = rnn_train_columns(t->d->task, NULL);
    RNN_TRY(rnn_alloc_into(&t->curve.names, t->curve.n_cols, sizeof *t->curve.names, err));
    rnn_train_columns(t->d->task, t->curve.names);
    return RNN_OK;
}

static void start_counters(struct rnn_trainer *t)
{
    t->now = (struct rnn_train_counters){ .loss = NAN, .loss_0 = NAN, .best_loss = INFINITY, .grad_norm = NAN, .val_loss = NAN };
    for (size_t i = 0; i < RNN_TRAIN_METRICS; i++) t->now.metric[i] = t->now.val_metric[i] = NAN;
}

static int fill(struct rnn_trainer *t, const struct rnn_net *donor, unsigned char **mask, struct rnn_err *err)
{
    const struct rnn_train_config *c = t->c;
    t->set = rnn_train_set_size(c, t->d);
    t->per_epoch = rnn_train_epoch_updates(c, t->d);
    t->total = rnn_train_updates(c, t->d);
    t->loss_kind = c->loss >= 0 ? (enum rnn_loss)c->loss : t->d->task->loss;
    t->norm = c->norm >= 0 ? (enum rnn_loss_norm)c->norm : t->d->task->norm;
    t->n_metrics = count_metrics(t->d->task);
    t->evaluates_set = rnn_train_evaluates_set(c, t->d);
    t->rule_metrics = rnn_train_rule_metrics(c, t->d);
    t->score_batches = t->n_metrics && (!t->evaluates_set || c->n_curriculum);
    start_counters(t);
    RNN_TRY(make_model(t, donor, mask, err));
    RNN_TRY(rnn_feed_prepare(t, err));
    RNN_TRY(make_records(t, err));
    struct rnn_core_setup s = { .c = c, .params = &t->model->params, .theta = t->model->theta0, .mask = *mask };
    rnn_train_sizes(c, t->d, &s);
    return rnn_train_core_ops(c)->make(&t->core, &s, err);
}

int rnn_trainer_new(struct rnn_trainer **out, const struct rnn_train_config *c, const struct rnn_train_data *d, const struct rnn_net *donor,
                    uint64_t net, struct rnn_err *err)
{
    struct rnn_trainer *t = NULL;
    unsigned char *mask = NULL;
    RNN_TRY(rnn_alloc_into(&t, 1, sizeof *t, err));
    t->c = c;
    t->d = d;
    t->net = net;
    const int rc = fill(t, donor, &mask, err);
    free(mask);
    if (rc < 0) {
        rnn_trainer_free(t);
        return rc;
    }
    *out = t;
    return RNN_OK;
}

/* ---- one update ---- */

static void take_snapshots(struct rnn_trainer *t)
{
    const size_t n = t->model->params.total;
    while (t->now.n_snapshots < t->c->n_snapshots && t->c->snapshots[t->now.n_snapshots] == t->now.update) {
        t->core->ops->theta(t->core, t->snapshots + t->now.n_snapshots++ * n);
    }
}

static bool stops_on_batches(const struct rnn_train_config *c)
{
    return c->stop_accuracy > 0 && !c->validate_every;
}

/* Why training ends after this update, judged on what was measured before it. */
static enum rnn_stop stop_reason(struct rnn_trainer *t, bool measured, bool validated)
{
    const struct rnn_train_config *c = t->c;
    const bool last_stage = (!c->n_curriculum || t->now.stage + 1 == c->n_curriculum) &&
                            rnn_rollout_depth(c, t->per_epoch, t->total, t->now.update) == c->rollout;
    const bool by_val = c->validate_every > 0, current = by_val ? validated : measured;
    const double loss = by_val ? t->now.val_loss : t->now.loss;
    const double accuracy = by_val ? t->now.val_metric[0] : t->now.metric[0];
    if (last_stage && current && c->stop_accuracy > 0 && accuracy >= c->stop_accuracy) return RNN_STOP_ACCURACY;
    if (last_stage && (!by_val || validated) && c->stop_loss > 0 && loss <= c->stop_loss) return RNN_STOP_LOSS;
    if (c->stop_ratio > 0 && t->now.loss / t->now.loss_0 < c->stop_ratio) return RNN_STOP_RATIO;
    if (c->stop_patience && last_stage && (!by_val || validated)) {
        if (loss < t->now.best_loss * (1 - c->stop_min_delta)) {
            t->now.best_loss = loss;
            t->now.best_update = t->now.update;
        } else if (t->now.update - t->now.best_update >= c->stop_patience) {
            return RNN_STOP_PLATEAU;
        }
    }
    return RNN_STOP_NONE;
}

/* Passing to a longer horizon makes earlier losses incomparable: patience starts anew. */
static int advance_stage(struct rnn_trainer *t, double accuracy, struct rnn_err *err)
{
    const struct rnn_train_config *c = t->c;
    if (t->now.stage + 1 >= c->n_curriculum || !(accuracy > c->curriculum_at)) return RNN_OK;
    t->now.stage++;
    t->now.best_loss = INFINITY;
    t->now.best_update = t->now.update;
    return rnn_feed_stage(t, err);
}

static int one_update(struct rnn_trainer *t, struct rnn_err *err)
{
    const struct rnn_train_config *c = t->c;
    const uint64_t u = t->now.update;
    take_snapshots(t);
    const bool validated = c->validate_every && u % c->validate_every == 0;
    const bool row = u == t->next_row || u + 1 == t->total || validated;
    if (validated) RNN_TRY(validate(t, err));
    double modes = NAN;
    if (row && t->evaluates_set) RNN_TRY(evaluate_set(t, err));
    if (row && c->count_modes) RNN_TRY(count_modes(t, &modes, err));
    RNN_TRY(rnn_feed_next(t, err));
    const bool scored = t->score_batches && (row || t->rule_metrics || c->n_curriculum || stops_on_batches(c));
    struct rnn_step s = { .batch = rnn_feed_shown(t), .loss_kind = t->loss_kind, .norm = t->norm, .t = u + 1, .lr = rnn_train_lr(c, t->total, u),
                          .outputs = scored ? t->outputs : NULL };
    s.pass = (struct rnn_pass){ .seed = c->seed, .net = t->net, .update = u, .noise = c->spec.noise_rec > 0, .state0 = t->d->state0, .bptt = c->bptt };
    const size_t depth = rnn_rollout_depth(c, t->per_epoch, t->total, u);
    if (depth > 1) RNN_TRY(rnn_rollout_batch(t, depth, &s, err));
    RNN_TRY(t->core->ops->step(t->core, &s, err));
    double of_batch[RNN_TRAIN_METRICS], *metric = t->evaluates_set ? of_batch : t->now.metric; /* rows show the set where it is measured */
    if (scored) RNN_TRY(score(t, &t->batch, metric, err));
    t->now.loss = s.loss;
    t->now.grad_norm = s.grad_norm;
    if (u == 0) t->now.loss_0 = s.loss;
    t->now.loss_sum += s.loss;
    t->now.since_row++;
    for (size_t i = 0; i < t->rule_metrics; i++) t->history[u * t->rule_metrics + i] = (float)t->now.metric[i];
    if (!s.is_finite || s.loss > c->diverged_at) {
        t->now.stop = RNN_STOP_DIVERGED;
        return log_row(t, u, &s, validated, modes, err);
    }
    t->now.stop = stop_reason(t, t->evaluates_set ? row : scored, validated);
    if (row || t->now.stop) RNN_TRY(log_row(t, u, &s, validated, modes, err));
    if (u == t->next_row) t->next_row = next_row(c, t->d, t->total, u);
    t->now.update++;
    if (!t->now.stop && t->now.update == t->total) t->now.stop = RNN_STOP_UPDATES;
    if (!t->now.stop && c->n_curriculum) RNN_TRY(advance_stage(t, metric[0], err));
    return RNN_OK;
}

/* The parameters at the end get a row of their own where they are measured without a batch.  No update follows that would find
 * out whether the last one overflowed. */
static int at_end(struct rnn_trainer *t, struct rnn_err *err)
{
    double modes = NAN;
    take_snapshots(t);
    t->core->ops->theta(t->core, t->model->theta);
    if (!rnn_net_finite(t->model)) t->now.stop = RNN_STOP_DIVERGED;
    if (t->now.stop == RNN_STOP_DIVERGED) return RNN_OK;
    if (t->evaluates_set) RNN_TRY(evaluate_set(t, err));
    if (t->c->validate_every) RNN_TRY(validate(t, err));
    if (t->c->count_modes) RNN_TRY(count_modes(t, &modes, err));
    if (t->evaluates_set || t->c->validate_every || t->c->count_modes) {
        RNN_TRY(log_row(t, t->now.update, NULL, t->c->validate_every > 0, modes, err));
    }
    return RNN_OK;
}

int rnn_trainer_advance(struct rnn_trainer *t, uint64_t k, struct rnn_err *err)
{
    if (t->now.stop) return RNN_EOS;
    if (t->total == 0) {
        t->now.stop = RNN_STOP_UPDATES;
        RNN_TRY(at_end(t, err));
        return RNN_EOS;
    }
    for (; k > 0 && !t->now.stop; k--) RNN_TRY(one_update(t, err));
    if (!t->now.stop) return RNN_OK;
    RNN_TRY(at_end(t, err));
    return RNN_EOS;
}

uint64_t rnn_trainer_update(const struct rnn_trainer *t)
{
    return t->now.update;
}

double rnn_trainer_loss(const struct rnn_trainer *t)
{
    return t->now.loss;
}

const struct rnn_learning *rnn_trainer_learning(const struct rnn_trainer *t)
{
    return &t->curve;
}

void rnn_trainer_theta(const struct rnn_trainer *t, double *theta)
{
    t->core->ops->theta(t->core, theta);
}
