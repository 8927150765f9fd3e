#include "base/pool.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum slot_state { SLOT_WAITING, SLOT_RUNNING, SLOT_DONE, SLOT_FAILED };

struct slot {
    void *item, *result;
    enum slot_state state;
    struct rnn_err err;
};

struct worker {
    struct rnn_pool *pool;
    size_t index;
    pthread_t thread;
};

/* A ring: item number k lives in slots[k % window].  emitted <= taken <= pushed <= emitted + window.  Workers take items
 * in order, so the first failure in order is always found before anything after it could be emitted. */
struct rnn_pool {
    struct rnn_pool_calls calls;
    size_t jobs, window, n_threads;
    struct slot *slots;
    struct worker *workers;
    uint64_t pushed, taken, emitted;
    bool is_closing;  /* no item will be pushed any more */
    bool is_stopping; /* no item is to be taken any more */
    int failure;      /* as returned to the caller; sticks */
    struct rnn_err err;
    pthread_mutex_t lock;
    pthread_cond_t has_work, has_result;
};

static struct slot *slot_of(struct rnn_pool *p, uint64_t k)
{
    return &p->slots[k % p->window];
}

static void work_on(struct rnn_pool *p, struct slot *s, size_t worker)
{
    s->result = NULL;
    s->err = (struct rnn_err){ 0 };
    const int rc = p->calls.work(s->item, worker, p->calls.user, &s->result, &s->err);
    s->state = rc < 0 ? SLOT_FAILED : SLOT_DONE;
    if (rc < 0) s->err.code = rc;
}

/* Items after a failed one need not be begun: they would not be emitted. */
static bool can_take(const struct rnn_pool *p)
{
    return !p->is_stopping && p->taken < p->pushed;
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    struct rnn_pool *p = w->pool;
    if (p->calls.thread_begin) p->calls.thread_begin(p->calls.user);
    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (!can_take(p) && !p->is_closing && !p->is_stopping) pthread_cond_wait(&p->has_work, &p->lock);
        if (!can_take(p)) break;
        struct slot *s = slot_of(p, p->taken++);
        if (s->state != SLOT_WAITING) continue; /* passed through: needs no work */
        s->state = SLOT_RUNNING;
        pthread_mutex_unlock(&p->lock);
        struct slot mine = { .item = s->item };
        work_on(p, &mine, w->index);
        pthread_mutex_lock(&p->lock);
        *s = mine;
        if (s->state == SLOT_FAILED) p->is_stopping = true;
        pthread_cond_broadcast(&p->has_result);
        if (p->is_stopping) pthread_cond_broadcast(&p->has_work);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

static int fail(struct rnn_pool *p, const struct rnn_err *why, int code)
{
    p->failure = code;
    p->err = *why;
    p->is_stopping = true;
    pthread_cond_broadcast(&p->has_work);
    return code;
}

/* Called with the lock held, which is given up while emit runs. */
static int emit_oldest(struct rnn_pool *p)
{
    struct slot *s = slot_of(p, p->emitted);
    if (s->state == SLOT_FAILED) return fail(p, &s->err, s->err.code);
    struct rnn_err err = { 0 };
    struct slot now = *s;
    pthread_mutex_unlock(&p->lock);
    const int rc = p->calls.emit(now.item, now.result, p->calls.user, &err);
    pthread_mutex_lock(&p->lock);
    p->emitted++;
    if (p->taken < p->emitted) p->taken = p->emitted; /* one that was passed through before a worker came by */
    return rc < 0 ? fail(p, &err, rc) : RNN_OK;
}

static bool oldest_is_ready(struct rnn_pool *p)
{
    const enum slot_state s = slot_of(p, p->emitted)->state;
    return s == SLOT_DONE || s == SLOT_FAILED;
}

/* Emits until at most `keep` items are unemitted, and whatever else is ready.  Lock held. */
static int drain(struct rnn_pool *p, uint64_t keep)
{
    while (!p->failure && p->emitted < p->pushed) {
        if (oldest_is_ready(p)) emit_oldest(p);
        else if (p->pushed - p->emitted <= keep) break;
        else pthread_cond_wait(&p->has_result, &p->lock);
    }
    return p->failure;
}

static int make_threads(struct rnn_pool *p, struct rnn_err *err)
{
    for (size_t i = 0; i < p->jobs && p->jobs > 1; i++) {
        p->workers[i] = (struct worker){ .pool = p, .index = i };
        const int rc = pthread_create(&p->workers[i].thread, NULL, worker_main, &p->workers[i]);
        if (rc) return rnn_fail(err, RNN_ERR_NOMEM, "cannot start worker %zu of %zu: %s", i + 1, p->jobs, strerror(rc));
        p->n_threads++;
    }
    return RNN_OK;
}

int rnn_pool_start(struct rnn_pool **out, size_t jobs, size_t window, const struct rnn_pool_calls *calls, struct rnn_err *err)
{
    *out = NULL;
    if (!jobs) return rnn_fail(err, RNN_ERR_ARG, "a pool needs at least one worker");
    if (!window) window = 4 * jobs;
    if (window < jobs) window = jobs;
    struct rnn_pool *p = calloc(1, sizeof *p);
    if (p) p->slots = calloc(window, sizeof *p->slots);
    if (p) p->workers = calloc(jobs, sizeof *p->workers);
    if (!p || !p->slots || !p->workers) {
        if (p) free(p->slots), free(p->workers);
        free(p);
        return rnn_fail(err, RNN_ERR_NOMEM, "out of memory for %zu workers", jobs);
    }
    p->calls = *calls;
    p->jobs = jobs;
    p->window = window;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->has_work, NULL);
    pthread_cond_init(&p->has_result, NULL);
    const int rc = make_threads(p, err);
    if (rc < 0) {
        struct rnn_err ignored;
        rnn_pool_finish(p, &ignored);
        return rc;
    }
    *out = p;
    return RNN_OK;
}

static int push(struct rnn_pool *p, void *item, enum slot_state state, struct rnn_err *err)
{
    pthread_mutex_lock(&p->lock);
    int rc = drain(p, p->window - 1);
    if (rc >= 0) {
        struct slot *s = slot_of(p, p->pushed++);
        *s = (struct slot){ .item = item, .state = state };
        if (p->n_threads) {
            pthread_cond_signal(&p->has_work);
        } else {
            p->taken++;
            pthread_mutex_unlock(&p->lock);
            if (state == SLOT_WAITING) work_on(p, s, 0);
            pthread_mutex_lock(&p->lock);
            rc = drain(p, 0);
        }
    }
    if (rc < 0) *err = p->err;
    pthread_mutex_unlock(&p->lock);
    return rc;
}

int rnn_pool_push(struct rnn_pool *p, void *item, struct rnn_err *err)
{
    return push(p, item, SLOT_WAITING, err);
}

int rnn_pool_pass(struct rnn_pool *p, void *item, struct rnn_err *err)
{
    return push(p, item, SLOT_DONE, err);
}

int rnn_pool_finish(struct rnn_pool *p, struct rnn_err *err)
{
    pthread_mutex_lock(&p->lock);
    const int rc = drain(p, 0);
    if (rc < 0) *err = p->err;
    p->is_closing = true;
    pthread_cond_broadcast(&p->has_work);
    pthread_mutex_unlock(&p->lock);
    for (size_t i = 0; i < p->n_threads; i++) pthread_join(p->workers[i].thread, NULL);
    for (uint64_t k = p->emitted; k < p->pushed; k++) {
        struct slot *s = slot_of(p, k);
        if (s->state != SLOT_FAILED && p->calls.discard) p->calls.discard(s->item, s->result, p->calls.user);
    }
    pthread_cond_destroy(&p->has_result);
    pthread_cond_destroy(&p->has_work);
    pthread_mutex_destroy(&p->lock);
    free(p->workers);
    free(p->slots);
    free(p);
    return rc;
}

int rnn_pool_run(size_t n, size_t jobs, size_t window, const struct rnn_pool_calls *calls, struct rnn_err *err)
{
    struct rnn_pool *p;
    struct rnn_err later;
    RNN_TRY(rnn_pool_start(&p, jobs, window, calls, err));
    int rc = RNN_OK;
    for (size_t i = 0; i < n && rc >= 0; i++) rc = rnn_pool_push(p, (void *)(uintptr_t)i, err);
    const int end = rnn_pool_finish(p, rc < 0 ? &later : err);
    return rc < 0 ? rc : end;
}
