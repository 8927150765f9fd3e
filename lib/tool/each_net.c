#include "tool/each_net.h"

#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "base/pool.h"
#include "cli/cli.h"
#include "codec/codec.h"
#include "tool/tool.h"

/* Something of the output in its turn: a network to work on, or a frame that only passes. */
struct turn {
    struct tool_each_item it;
    struct rnn_bytes raw; /* as it came, its param frames included */
    const struct tool_each *e;
};

struct loop {
    const struct tool_each *e;
    struct rnn_writer *w;
    struct rnn_pool *pool;
    struct tool_items seen;
    struct turn *open;    /* a network whose param frames are still coming, */
    struct rnn_net *partial; /* as far as they have come */
    struct turn *waiting; /* a complete one whose further frames are (e->after) */
    size_t n_pushed;      /* networks of this segment */
    bool any;             /* networks at all */
    struct turn **held;
    size_t n_held, cap_held; /* for e->second */
    bool is_second;
    double done;
};

static void free_turn(struct turn *t)
{
    if (!t) return;
    if (t->e->drop) t->e->drop(t->e->user, &t->it);
    rnn_net_free(t->it.net);
    rnn_bytes_release(&t->it.before);
    rnn_bytes_release(&t->it.out);
    free(t->it.note);
    rnn_bytes_release(&t->raw);
    free(t);
}

static int add_raw(struct turn *t, const struct rnn_frame *f, struct rnn_err *err)
{
    return rnn_bytes_append(&t->raw, f->raw, f->raw_len, err);
}

static int new_turn(const struct loop *l, struct turn **t, const struct rnn_frame *f, struct rnn_err *err)
{
    RNN_TRY(rnn_alloc_into(t, 1, sizeof **t, err));
    (*t)->e = l->e;
    const int rc = add_raw(*t, f, err);
    if (rc < 0) free_turn(*t);
    return rc;
}

/* ---- called by the pool ---- */

static int work(void *item, size_t worker, void *user, void **result, struct rnn_err *err)
{
    struct turn *t = item;
    const struct loop *l = user;
    (void)worker;
    t->it.raw = t->raw.p;
    t->it.raw_len = t->raw.len;
    const int rc = (l->is_second ? l->e->second : l->e->work)(l->e->user, &t->it, err);
    *result = rc < 0 ? NULL : t;
    if (rc >= 0) return RNN_OK;
    rnn_fail(err, rc, "%s: %s", t->it.net->id, err->msg);
    free_turn(t); /* the pool gives a failed item back to nobody */
    return rc;
}

static int hold(struct loop *l, struct turn *t, struct rnn_err *err)
{
    const int rc = rnn_grow(&l->held, &l->cap_held, l->n_held + 1, sizeof *l->held, err);
    if (rc < 0)
        free_turn(t);
    else
        l->held[l->n_held++] = t;
    return rc;
}

static int emit(void *item, void *result, void *user, struct rnn_err *err)
{
    struct turn *t = item;
    struct loop *l = user;
    int rc = RNN_OK;
    if (result && !l->is_second && l->e->emit) rc = l->e->emit(l->e->user, &t->it, err);
    if (rc >= 0 && l->e->second && !l->is_second) return hold(l, t, err);
    if (rc >= 0) rc = rnn_writer_raw(l->w, t->it.before.p, t->it.before.len, err);
    if (rc >= 0 && !(result && t->it.replaced)) rc = rnn_writer_raw(l->w, t->raw.p, t->raw.len, err);
    if (result) {
        if (t->it.note) cli_warn("%s: %s", t->it.net->id, t->it.note);
        if (rc >= 0) rc = rnn_writer_raw(l->w, t->it.out.p, t->it.out.len, err);
        if (rc >= 0) rc = rnn_writer_flush(l->w, err);
        if (t->it.failed) rnn_writer_count_failed(l->w, t->it.failed);
        cli_progress(++l->done, NULL);
    }
    free_turn(t);
    return rc;
}

static void discard(void *item, void *result, void *user)
{
    (void)result, (void)user;
    free_turn(item);
}

/* ---- called by the pipe ---- */

static int start_pool(struct loop *l, struct rnn_err *err)
{
    const struct rnn_pool_calls calls = {
        .work = work, .emit = emit, .discard = discard, .thread_begin = tool_thread_begin, .user = l};
    return rnn_pool_start(&l->pool, l->e->jobs, l->e->window, &calls, err);
}

static int start_segment(void *user, const msgpack_object *head, struct rnn_writer *w, struct rnn_err *err)
{
    struct loop *l = user;
    (void)head;
    l->w = w;
    l->is_second = false;
    return start_pool(l, err);
}

static int push(struct loop *l, struct turn *t, struct rnn_err *err)
{
    int rc = RNN_OK;
    if (t->it.net->task) t->it.task = tool_items_find(&l->seen, t->it.net->task);
    if (l->e->prepare) rc = l->e->prepare(l->e->user, &t->it, &l->seen, err);
    if (rc < 0) {
        free_turn(t);
        return rc;
    }
    l->n_pushed++;
    l->any = true;
    return rnn_pool_push(l->pool, t, err);
}

/* The frames of a network are all there: it can be worked on. */
static int release(struct loop *l, bool is_last, struct rnn_err *err)
{
    struct turn *t = l->waiting;
    l->waiting = NULL;
    if (!t) return RNN_OK;
    if (is_last && l->n_pushed == 0) t->it.jobs = l->e->jobs;
    return push(l, t, err);
}

static int complete(struct loop *l, struct turn *t, struct rnn_err *err)
{
    t->it.jobs = 1;
    if (!l->e->after) return push(l, t, err);
    l->waiting = t;
    return RNN_OK;
}

/* A `net` frame, or what comes while the rest of one is missing. */
static int take_net(struct loop *l, const struct rnn_frame *f, struct rnn_err *err)
{
    if (l->open) RNN_TRY(add_raw(l->open, f, err));
    else RNN_TRY(new_turn(l, &l->open, f, err));
    struct turn *t = l->open;
    RNN_TRY(rnn_net_take(&l->partial, f, &t->it.net, err));
    if (!t->it.net) return RNN_OK;
    l->open = NULL;
    return complete(l, t, err);
}

static int take_frame(void *user, const struct rnn_frame *f, struct rnn_writer *w, struct rnn_err *err)
{
    struct loop *l = user;
    struct turn *t;
    (void)w;
    if (l->open) return take_net(l, f, err);
    const bool is_net = !strcmp(f->kind, "net");
    if (is_net || !strcmp(f->kind, "task")) RNN_TRY(release(l, false, err));
    if (is_net) return take_net(l, f, err);
    RNN_TRY(tool_items_frame(&l->seen, f, err));
    const int passes = l->e->after ? l->e->after(l->e->user, l->waiting ? &l->waiting->it : NULL, f, err) : RNN_OK;
    if (passes != RNN_OK) return passes < 0 ? passes : RNN_OK;
    if (l->waiting) return add_raw(l->waiting, f, err);
    RNN_TRY(new_turn(l, &t, f, err));
    return rnn_pool_pass(l->pool, t, err);
}

static int settle(void *user, struct rnn_writer *w, struct rnn_err *err)
{
    struct loop *l = user;
    struct rnn_pool *pool = l->pool;
    (void)w;
    if (!pool) return RNN_OK;
    const int rc = release(l, true, err);
    struct rnn_err second_failure;
    l->pool = NULL;
    const int finished = rnn_pool_finish(pool, rc < 0 ? &second_failure : err);
    return rc < 0 ? rc : finished;
}

static void forget(struct loop *l)
{
    if (l->e->forget) l->e->forget(l->e->user);
    tool_items_clear(&l->seen);
    free_turn(l->open);
    rnn_net_free(l->partial);
    l->partial = NULL;
    free_turn(l->waiting);
    l->open = l->waiting = NULL;
    l->n_pushed = 0;
    for (size_t i = 0; i < l->n_held; i++) free_turn(l->held[i]);
    l->n_held = 0;
}

/* Everything that was held goes through the second pass, in its order. */
static int second_pass(struct loop *l, struct rnn_err *err)
{
    int rc = RNN_OK;
    size_t i = 0;
    l->is_second = true;
    RNN_TRY(start_pool(l, err));
    while (i < l->n_held && rc >= 0) {
        struct turn *t = l->held[i++]; /* the pool's from here on */
        rc = t->it.net ? rnn_pool_push(l->pool, t, err) : rnn_pool_pass(l->pool, t, err);
    }
    memmove(l->held, l->held + i, (l->n_held - i) * sizeof *l->held);
    l->n_held -= i;
    if (rc < 0) return rc;
    return settle(l, l->w, err);
}

static int end_segment(void *user, struct rnn_writer *w, struct rnn_err *err)
{
    struct loop *l = user;
    if (l->open) return rnn_fail(err, RNN_ERR_FORMAT, "%s: the rest of its parameters does not follow", l->partial->id);
    RNN_TRY(settle(l, w, err));
    if (l->e->second) RNN_TRY(second_pass(l, err));
    if (l->e->finish) RNN_TRY(l->e->finish(l->e->user, w, err));
    forget(l);
    return RNN_OK;
}

uint64_t tool_each_net(const struct cli_tool *tool, const struct cli_common *c, const char *file,
                       const struct rnn_kvs *options, const struct tool_each *e)
{
    struct loop l = {.e = e};
    struct rnn_pipe_ops ops = {
        .segment_start = start_segment, .frame = take_frame, .segment_end = end_segment, .settle = settle};
    struct rnn_kvs build = {0};
    struct rnn_err err;
    if (e->side && e->side->reader) ops.inputs = &e->side->prov, ops.n_inputs = 1;
    if (tool_build(&build, e->precision ? e->precision : "double", &err) < 0) cli_die_err(&err);
    struct rnn_reader *r = tool_open_input(tool, file, c);
    struct rnn_writer *w = tool_open_output(c);
    cli_progress_start("nets", 0);
    const int rc = rnn_pipe_run(r, w, tool->name, options, &build, &ops, &l, &err);
    cli_progress_end();
    if (l.pool) settle(&l, w, &(struct rnn_err){0}); /* a failed flush leaves it at work on what forget frees */
    forget(&l);
    free(l.held);
    rnn_kvs_release(&build);
    if (rc < 0) tool_fail(w, NULL, &err);
    if (!l.any) cli_warn("no networks in the input: nothing was done");
    const uint64_t failed = rnn_writer_failed(w);
    tool_close_output(w);
    rnn_reader_close(r);
    return failed;
}
