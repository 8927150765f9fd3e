/* base/pool: order, window and failure, for several numbers of workers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include <pthread.h>
#include "base/pool.h"

#define N_ITEMS 200

struct state {
    pthread_mutex_t lock;
    size_t begun, emitted, discarded, most_open, fail_at, fail_emit_at;
    bool out_of_order;
};

static int work(void *item, size_t worker, void *user, void **result, struct rnn_err *err)
{
    struct state *s = user;
    const size_t i = (size_t)(uintptr_t)item;
    (void)worker;
    pthread_mutex_lock(&s->lock);
    s->begun++;
    if (s->begun - s->emitted > s->most_open) s->most_open = s->begun - s->emitted;
    pthread_mutex_unlock(&s->lock);
    if (i % 7 == 3) usleep(2000); /* so that later items finish first */
    if (i >= s->fail_at) return rnn_fail(err, RNN_ERR_NUMERIC, "item %zu", i);
    size_t *square = malloc(sizeof *square);
    *square = i * i;
    *result = square;
    return RNN_OK;
}

static int emit(void *item, void *result, void *user, struct rnn_err *err)
{
    struct state *s = user;
    const size_t i = (size_t)(uintptr_t)item, square = *(size_t *)result;
    free(result);
    pthread_mutex_lock(&s->lock);
    if (i != s->emitted || square != i * i) s->out_of_order = true;
    s->emitted++;
    pthread_mutex_unlock(&s->lock);
    if (i == s->fail_emit_at) return rnn_fail(err, RNN_ERR_IO, "emit %zu", i);
    return RNN_OK;
}

static void discard(void *item, void *result, void *user)
{
    struct state *s = user;
    (void)item;
    free(result);
    s->discarded++;
}

static int run(struct state *s, size_t jobs, size_t window, struct rnn_err *err)
{
    const struct rnn_pool_calls calls = { work, emit, discard, NULL, s };
    pthread_mutex_init(&s->lock, NULL);
    return rnn_pool_run(N_ITEMS, jobs, window, &calls, err);
}

static const size_t jobs_tried[] = { 1, 2, 3, 8 };
#define STATE { .fail_at = SIZE_MAX, .fail_emit_at = SIZE_MAX }

static void emits_in_order_within_the_window(void **unused)
{
    (void)unused;
    for (size_t k = 0; k < 4; k++) {
        struct rnn_err err;
        struct state s = STATE;
        const size_t window = 2 * jobs_tried[k];
        assert_int_equal(run(&s, jobs_tried[k], window, &err), RNN_OK);
        assert_int_equal(s.emitted, N_ITEMS);
        assert_false(s.out_of_order);
        assert_true(s.most_open <= window);
    }
}

static void a_failure_is_the_first_in_order(void **unused)
{
    (void)unused;
    for (size_t k = 0; k < 4; k++) {
        struct rnn_err err;
        struct state s = STATE;
        s.fail_at = 45; /* a slow one (45 mod 7 = 3): its faster successors fail before it does */
        assert_int_equal(run(&s, jobs_tried[k], 0, &err), RNN_ERR_NUMERIC);
        assert_string_equal(err.msg, "item 45");
        assert_int_equal(s.emitted, 45);
        assert_false(s.out_of_order);
    }
}

static void a_failing_emit_ends_the_work(void **unused)
{
    (void)unused;
    for (size_t k = 0; k < 4; k++) {
        struct rnn_err err;
        struct state s = STATE;
        s.fail_emit_at = 10;
        assert_int_equal(run(&s, jobs_tried[k], 0, &err), RNN_ERR_IO);
        assert_string_equal(err.msg, "emit 10");
        assert_int_equal(s.emitted, 11);
        assert_true(s.begun < N_ITEMS);
    }
}

static int emit_any(void *item, void *result, void *user, struct rnn_err *err)
{
    size_t *order = user;
    (void)err;
    if ((size_t)(uintptr_t)item != *order) return rnn_fail(err, RNN_ERR_ARG, "out of order");
    if (!result != ((uintptr_t)item % 3 == 0)) return rnn_fail(err, RNN_ERR_ARG, "wrong result");
    ++*order;
    return RNN_OK;
}

static char work_any_token;

static int work_any(void *item, size_t worker, void *user, void **result, struct rnn_err *err)
{
    (void)worker, (void)user, (void)err;
    if ((uintptr_t)item % 5 == 1) usleep(1000);
    *result = &work_any_token;
    return RNN_OK;
}

static void what_needs_no_work_keeps_its_place(void **unused)
{
    (void)unused;
    for (size_t k = 0; k < 4; k++) {
        struct rnn_err err = { 0 };
        struct rnn_pool *p;
        size_t order = 0;
        const struct rnn_pool_calls calls = { work_any, emit_any, NULL, NULL, &order };
        assert_int_equal(rnn_pool_start(&p, jobs_tried[k], 0, &calls, &err), RNN_OK);
        for (uintptr_t i = 0; i < 300; i++) {
            const int rc = i % 3 ? rnn_pool_push(p, (void *)i, &err) : rnn_pool_pass(p, (void *)i, &err);
            assert_int_equal(rc, RNN_OK);
        }
        assert_int_equal(rnn_pool_finish(p, &err), RNN_OK);
        assert_int_equal(order, 300);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(emits_in_order_within_the_window),   cmocka_unit_test(a_failure_is_the_first_in_order),
        cmocka_unit_test(a_failing_emit_ends_the_work),
        cmocka_unit_test(what_needs_no_work_keeps_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
