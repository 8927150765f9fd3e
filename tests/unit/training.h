/* What tests of training share. */
#ifndef TESTS_TRAINING_H
#define TESTS_TRAINING_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "model/train.h"

static struct rnn_err err;

static void ok(int rc)
{
    if (rc < 0) fail_msg("%s", err.msg);
}

static struct rnn_task *make_task(const char *name, const char *const *kv)
{
    struct rnn_kvs p = { 0 };
    struct rnn_task *t;
    for (; kv && *kv; kv += 2) ok(rnn_kvs_from_text(&p, kv[0], kv[1], &err));
    ok(rnn_task_make(&t, name, &p, 0, &err));
    rnn_kvs_release(&p);
    return t;
}
#define TASK(name, ...) make_task(name, (const char *const[]){ __VA_ARGS__, NULL })

/* Runs to the end in calls of `chunk` updates. */
static void run(struct rnn_trainer *t, uint64_t chunk)
{
    int rc;
    while ((rc = rnn_trainer_advance(t, chunk, &err)) == RNN_OK) {}
    ok(rc);
    assert_int_equal(rc, RNN_EOS);
}

/* The cell of the learning curve in the row of that update. */
static double cell_at(const struct rnn_trainer *t, uint64_t update, const char *column)
{
    const struct rnn_learning *l = rnn_trainer_learning(t);
    for (size_t j = 0; j < l->n_cols; j++) {
        for (size_t i = 0; !strcmp(l->names[j], column) && i < l->n_rows; i++) {
            if (l->v[i * l->n_cols] == (double)update) return l->v[i * l->n_cols + j];
        }
    }
    fail_msg("no %s at update %llu", column, (unsigned long long)update);
    return NAN;
}

#endif
