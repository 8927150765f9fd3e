/* Ordered parallel work: items are done by worker threads, and what they give is handed on in the order of the items, from
 * the calling thread.  Finished results that wait for their turn are bounded by a window, so memory does not grow with
 * the number of items. */
#ifndef RNN_BASE_POOL_H
#define RNN_BASE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"

struct rnn_pool_calls {
    /* Runs on worker `worker` (0 .. jobs-1; one call at a time per worker, so it may index scratch memory).  Stores what it
     * made into *result.  Negative: the item failed; *result must then own nothing. */
    int (*work)(void *item, size_t worker, void *user, void **result, struct rnn_err *err);
    /* Runs on the calling thread, in the order of the items; takes the result over, whatever it returns. */
    int (*emit)(void *item, void *result, void *user, struct rnn_err *err);
    /* Frees what belongs to an item that will not be emitted because an earlier one failed; result is NULL when its work
     * was not begun.  May be NULL. */
    void (*discard)(void *item, void *result, void *user);
    /* Once per worker thread before its first item (rnn_flush_denormals, say).  May be NULL. */
    void (*thread_begin)(void *user);
    void *user;
};

struct rnn_pool;

/* jobs >= 1 workers; window >= jobs: the most items pushed and not yet emitted, 0 meaning 4 * jobs.  With one job the work
 * is done inside rnn_pool_push on the calling thread, and no thread is made. */
int rnn_pool_start(struct rnn_pool **p, size_t jobs, size_t window, const struct rnn_pool_calls *calls, struct rnn_err *err);
/* Adds an item (borrowed until emitted or discarded).  Emits whatever is ready; when the window is full, waits for the
 * oldest item.  Returns the failure of the first item, in order, that failed; items before it have been emitted, items
 * after it never are: the outcome is the same for every `jobs`.  After a failure only rnn_pool_finish may follow. */
int rnn_pool_push(struct rnn_pool *p, void *item, struct rnn_err *err);
/* Adds an item that needs no work: emit gets it with result NULL, in its turn. */
int rnn_pool_pass(struct rnn_pool *p, void *item, struct rnn_err *err);
/* Waits for and emits everything pushed, ends the threads, frees p.  Returns the first failure. */
int rnn_pool_finish(struct rnn_pool *p, struct rnn_err *err);

/* The common case: items 0 .. n-1, given to work and emit as (void *)(uintptr_t)index. */
int rnn_pool_run(size_t n, size_t jobs, size_t window, const struct rnn_pool_calls *calls, struct rnn_err *err);

#endif
