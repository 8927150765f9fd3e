/* Where the trials of an update come from: a finite set in shuffled order, or fresh draws from the task. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "model/train_state.h"
#include "num/rng.h"

static size_t stage_horizon(const struct rnn_trainer *t)
{
    return t->c->n_curriculum ? t->c->curriculum[t->now.stage] : 0;
}

size_t rnn_feed_steps(const struct rnn_trainer *t)
{
    if (t->set_trials && !t->c->n_curriculum) return t->set_trials->T;
    return rnn_task_steps(t->d->task, stage_horizon(t));
}

/* Weights under --loss-steps, from the task's own.  A trial without a scored step has no last one. */
static void set_weights(const struct rnn_trainer *t, struct rnn_trials *b)
{
    if (t->c->loss_steps == RNN_STEPS_TASK) return;
    for (size_t k = 0; k < b->K; k++) {
        double *w = b->w + k * b->T;
        size_t last = b->T - 1;
        while (last > 0 && w[last] == 0) last--;
        for (size_t s = 0; s < b->T; s++) w[s] = t->c->loss_steps == RNN_STEPS_ALL || (s == last && w[s] != 0);
    }
}

/* Only one stage's steps of the set's trials are looked at, in order or singly: no copy is needed. */
static bool views_suffice(const struct rnn_trainer *t)
{
    return t->c->loss_steps == RNN_STEPS_TASK && !t->c->n_curriculum && (t->c->batch == 1 || t->c->batch >= t->set);
}

static int alloc_batch(struct rnn_trainer *t, struct rnn_err *err)
{
    const struct rnn_trials *set = t->set_trials;
    struct rnn_trials *b = &t->batch;
    *b = *set;
    b->cols = NULL;
    b->n_cols = 0;
    b->K = rnn_train_batch(t->c, t->d);
    b->u = b->y = NULL;
    b->w = NULL;
    RNN_TRY(rnn_alloc_into(&b->u, b->K * set->T * b->n_in, sizeof *b->u, err));
    RNN_TRY(rnn_alloc_into(&b->y, b->K * set->T * b->n_out, sizeof *b->y, err));
    return rnn_alloc_into(&b->w, b->K * set->T, sizeof *b->w, err);
}

static int prepare_set(struct rnn_trainer *t, struct rnn_err *err)
{
    if (t->d->train) {
        t->set_trials = t->d->train;
    } else {
        RNN_TRY(rnn_task_trials(t->d->task, RNN_TRAIN, t->c->same_trials ? 0 : t->net, NULL, 0, (size_t)t->set, 0, &t->set_own, err));
        t->set_trials = &t->set_own;
    }
    RNN_TRY(rnn_alloc_into(&t->order, (size_t)t->set, sizeof *t->order, err));
    t->order_epoch = UINT64_MAX;
    t->batch_is_view = views_suffice(t);
    return t->batch_is_view ? RNN_OK : alloc_batch(t, err);
}

static int prepare_validation(struct rnn_trainer *t, struct rnn_err *err)
{
    const struct rnn_task *task = t->d->task;
    if (t->d->validation) {
        t->validation = *t->d->validation;
        return RNN_OK;
    }
    uint64_t n = t->c->validate_trials;
    const uint64_t have = task->n_split[RNN_VALIDATION];
    if (have && n > have) n = have;
    t->validation_is_own = true;
    return rnn_task_trials(task, RNN_VALIDATION, 0, NULL, 0, (size_t)n, 0, &t->validation, err);
}

int rnn_feed_stage(struct rnn_trainer *t, struct rnn_err *err)
{
    if (t->set_trials) {
        if (!t->batch_is_view) t->batch.T = rnn_feed_steps(t);
        return RNN_OK;
    }
    rnn_trials_release(&t->batch);
    RNN_TRY(rnn_task_trials(t->d->task, RNN_TRAIN, t->c->same_trials ? 0 : t->net, NULL, t->now.update * t->c->batch, t->c->batch,
                            stage_horizon(t), &t->batch, err));
    set_weights(t, &t->batch);
    return RNN_OK;
}

/* One head at a time, drawn for every update. */
static bool draws_head(const struct rnn_trainer *t)
{
    return t->d->task->heads.n > 1;
}

static int show_head(struct rnn_trainer *t, struct rnn_err *err)
{
    const struct rnn_heads *h = &t->d->task->heads;
    float *y = t->shown.y;
    struct rnn_rng g;
    size_t at = 0;
    RNN_TRY(rnn_rng_at(&g, t->c->seed, RNN_RNG_HEAD, t->c->same_trials ? 0 : t->net, t->now.update, 0, err));
    const size_t head = (size_t)rnn_rng_below(&g, h->n), n = t->batch.n_out;
    for (size_t i = 0; i < head; i++) at += h->v[i].size;
    t->shown = t->batch;
    t->shown.y = y;
    memset(y, 0, t->batch.K * t->batch.T * n * sizeof *y);
    for (size_t i = 0; i < t->batch.K * t->batch.T; i++) memcpy(y + i * n + at, t->batch.y + i * n + at, h->v[head].size * sizeof *y);
    return RNN_OK;
}

const struct rnn_trials *rnn_feed_shown(const struct rnn_trainer *t)
{
    return draws_head(t) ? &t->shown : &t->batch;
}

int rnn_feed_prepare(struct rnn_trainer *t, struct rnn_err *err)
{
    if (t->set) RNN_TRY(prepare_set(t, err));
    if (t->c->validate_every) RNN_TRY(prepare_validation(t, err));
    RNN_TRY(rnn_rollout_prepare(t, err));
    RNN_TRY(rnn_feed_stage(t, err));
    if (!draws_head(t)) return RNN_OK;
    struct rnn_core_setup s = { 0 };
    rnn_train_sizes(t->c, t->d, &s);
    return rnn_alloc_into(&t->shown.y, s.B * s.T * t->d->task->n_out, sizeof *t->shown.y, err);
}

static int order_of(struct rnn_trainer *t, uint64_t epoch, struct rnn_err *err)
{
    struct rnn_rng g;
    if (t->order_epoch == epoch) return RNN_OK;
    for (size_t i = 0; i < t->set; i++) t->order[i] = i;
    if (t->c->shuffle && t->c->batch < t->set) {
        RNN_TRY(rnn_rng_at(&g, t->c->seed, RNN_RNG_ORDER, t->c->same_trials ? 0 : t->net, epoch, 0, err));
        rnn_rng_shuffle(&g, (size_t)t->set, t->order);
    }
    t->order_epoch = epoch;
    return RNN_OK;
}

static void view_one(struct rnn_trainer *t, size_t k)
{
    const struct rnn_trials *s = t->set_trials;
    t->batch = *s;
    t->batch.cols = NULL;
    t->batch.n_cols = 0;
    t->batch.K = 1;
    t->batch.first = s->first + k;
    t->batch.u = s->u + k * s->T * s->n_in;
    t->batch.y = s->y + k * s->T * s->n_out;
    t->batch.w = s->w + k * s->T;
}

static void gather(struct rnn_trainer *t, const size_t *index, size_t n)
{
    const struct rnn_trials *s = t->set_trials;
    struct rnn_trials *b = &t->batch;
    b->K = n;
    for (size_t i = 0; i < n; i++) {
        const size_t k = index[i];
        memcpy(b->u + i * b->T * b->n_in, s->u + k * s->T * s->n_in, b->T * b->n_in * sizeof *b->u);
        memcpy(b->y + i * b->T * b->n_out, s->y + k * s->T * s->n_out, b->T * b->n_out * sizeof *b->y);
        memcpy(b->w + i * b->T, s->w + k * s->T, b->T * sizeof *b->w);
    }
    set_weights(t, b);
}

static int next_batch(struct rnn_trainer *t, struct rnn_err *err)
{
    const size_t B = t->c->batch;
    const uint64_t u = t->now.update;
    if (!t->set_trials) {
        if (t->d->task->is_static) return RNN_OK; /* every batch is the same: made once */
        RNN_TRY(rnn_task_refill(t->d->task, NULL, u * B, &t->batch, err));
        set_weights(t, &t->batch);
        return RNN_OK;
    }
    if (t->batch_is_view && B >= t->set) {
        t->batch = *t->set_trials;
        return RNN_OK;
    }
    RNN_TRY(order_of(t, u / t->per_epoch, err));
    const size_t at = (size_t)(u % t->per_epoch) * B;
    if (t->batch_is_view) view_one(t, t->order[at]);
    else gather(t, t->order + at, t->set - at < B ? (size_t)t->set - at : B);
    return RNN_OK;
}

int rnn_feed_next(struct rnn_trainer *t, struct rnn_err *err)
{
    RNN_TRY(next_batch(t, err));
    return draws_head(t) ? show_head(t, err) : RNN_OK;
}

void rnn_feed_release(struct rnn_trainer *t)
{
    free(t->shown.y);
    if (t->batch_is_view) memset(&t->batch, 0, sizeof t->batch);
    rnn_trials_release(&t->batch);
    rnn_trials_release(&t->rollout);
    rnn_trials_release(&t->set_own);
    if (t->validation_is_own) rnn_trials_release(&t->validation);
    free(t->order);
}
