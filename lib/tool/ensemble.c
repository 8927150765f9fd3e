#include "tool/ensemble.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/mem.h"
#include "base/pool.h"
#include "cli/cli.h"
#include "codec/codec.h"
#include "io/table.h"
#include "tool/tool.h"

#define CHUNK_S 0.05 /* aimed-at seconds between looks at the clock */

struct run {
    const struct tool_ensemble *e;
    struct rnn_writer *w;
    pthread_mutex_t lock; /* of the three below */
    double updates_done;
    uint64_t nets_done;
    double last_loss;
    uint64_t per_net;
};

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void report(struct run *r, double updates, bool is_net, double loss)
{
    char note[80];
    pthread_mutex_lock(&r->lock);
    r->updates_done += updates;
    r->nets_done += is_net;
    if (!isnan(loss)) r->last_loss = loss;
    snprintf(note, sizeof note, "%llu of %llu nets, loss %.3g", (unsigned long long)r->nets_done, (unsigned long long)(r->e->hi - r->e->lo),
             r->last_loss);
    /* the last update of all is told with the net that it finishes */
    if (is_net || r->updates_done < (double)(r->e->hi - r->e->lo) * (double)r->per_net) cli_progress(r->updates_done, note);
    pthread_mutex_unlock(&r->lock);
}

/* ---- frames of a finished net ---- */

int tool_net_labels(const struct rnn_train_config *c, const struct rnn_task *task, const struct rnn_kvs *labels, struct rnn_net *net,
                    struct rnn_err *err)
{
    struct rnn_kvs own = { 0 };
    int rc = rnn_kvs_merge(&own, &net->labels, err); /* of a snapshot */
    rnn_kvs_release(&net->labels);
    memset(&net->labels, 0, sizeof net->labels);
    if (rc >= 0) rc = rnn_kvs_merge(&net->labels, &task->params, err);
    if (rc >= 0) rc = rnn_kvs_uint(&net->labels, "task_seed", task->seed, err);
    if (rc >= 0) rc = rnn_kvs_uint(&net->labels, "seed", c->seed, err);
    if (rc >= 0) rc = rnn_kvs_uint(&net->labels, "hidden", c->spec.N, err);
    if (rc >= 0) rc = rnn_kvs_uint(&net->labels, "rank", c->spec.rank, err);
    if (rc >= 0) rc = rnn_kvs_real(&net->labels, "learning_rate", c->lr, err);
    if (rc >= 0) rc = rnn_kvs_merge(&net->labels, &own, err);
    if (rc >= 0 && labels) rc = rnn_kvs_merge(&net->labels, labels, err);
    rnn_kvs_release(&own);
    return rc;
}

static int curve_columns(struct rnn_table *t, const struct rnn_learning *l, struct rnn_err *err)
{
    static const struct { const char *name, *unit, *doc; } known[] = {
        { "update", "updates", "updates done when this was measured" },
        { "epoch", "epochs", "the same in passes over the training set" },
        { "loss", NULL, "loss of the batch, before its update" },
        { "loss_mean", NULL, "mean loss of the batches since the row before" },
        { "val_loss", NULL, "loss of the validation trials" },
        { "horizon", "steps", "horizon of the curriculum" },
        { "lr", NULL, "scheduled learning rate" },
        { "grad_norm", NULL, "global norm of the gradient before clipping" },
        { "modes", NULL, "eigenvalues of W_rec with modulus at least --modes-at" },
    };
    RNN_TRY(rnn_table_col(t, "index", RNN_KV_INT, NULL, "number of the net within its ensemble", err));
    for (size_t i = 0; i < l->n_cols; i++) {
        const char *unit = NULL, *doc = NULL;
        for (size_t j = 0; j < RNN_LEN(known); j++) {
            if (strcmp(known[j].name, l->names[i]) != 0) continue;
            unit = known[j].unit;
            doc = known[j].doc;
        }
        RNN_TRY(rnn_table_col(t, l->names[i], i == 0 ? RNN_KV_INT : RNN_KV_REAL, unit, doc, err));
    }
    return RNN_OK;
}

/* Labels that a column of the table says better are left out (horizon). */
static int table_labels(const struct rnn_kvs *labels, const struct rnn_learning *l, struct rnn_kvs *out, struct rnn_err *err)
{
    RNN_TRY(rnn_kvs_merge(out, labels, err));
    size_t n = 0;
    for (size_t i = 0; i < out->n; i++) {
        bool is_column = false;
        for (size_t j = 0; j < l->n_cols; j++) is_column |= !strcmp(l->names[j], out->v[i].key);
        if (is_column) {
            free(out->v[i].key);
            free(out->v[i].s);
            free(out->v[i].list);
        } else {
            out->v[n++] = out->v[i];
        }
    }
    out->n = n;
    return RNN_OK;
}

static int append_curve(struct rnn_bytes *out, const struct rnn_learning *l, const struct rnn_net *net, struct rnn_err *err)
{
    struct rnn_table *t;
    struct rnn_kvs labels = { 0 };
    RNN_TRY(rnn_table_new(&t, "learning", err));
    int rc = curve_columns(t, l, err);
    for (size_t i = 0; rc >= 0 && i < l->n_rows; i++) {
        const double *row = l->v + i * l->n_cols;
        rnn_table_set_int(t, "index", (int64_t)net->index);
        rnn_table_set_int(t, "update", (int64_t)row[0]);
        for (size_t j = 1; j < l->n_cols; j++) rnn_table_set(t, l->names[j], row[j]);
        rnn_table_row(t);
    }
    if (rc >= 0) rc = table_labels(&net->labels, l, &labels, err);
    if (rc >= 0) rc = rnn_table_append(t, out, &labels, net->id, err);
    rnn_kvs_release(&labels);
    rnn_table_free(t);
    return rc;
}

static int append_net(const struct run *r, struct rnn_bytes *out, struct rnn_net *net, struct rnn_err *err)
{
    RNN_TRY(tool_net_labels(r->e->config, r->e->data->task, r->e->labels, net, err));
    return rnn_net_append(out, net, err);
}

static int append_result(const struct run *r, const struct rnn_trainer *t, struct rnn_bytes *out, struct rnn_err *err)
{
    struct rnn_net *net = NULL;
    int rc;
    for (size_t i = 0; (rc = rnn_trainer_snapshot(t, i, &net, err)) == RNN_OK; i++) {
        rc = append_net(r, out, net, err);
        rnn_net_free(net);
        if (rc < 0) return rc;
    }
    if (rc < 0) return rc;
    RNN_TRY(rnn_trainer_finish(t, &net, err));
    rc = append_net(r, out, net, err);
    if (rc >= 0) rc = append_curve(out, rnn_trainer_learning(t), net, err);
    rnn_net_free(net);
    return rc;
}

/* ---- one net, on a worker ---- */

static const struct rnn_net *donor_of(const struct tool_ensemble *e, uint64_t net)
{
    if (e->n_donors == 1) return e->donors[0];
    for (size_t i = 0; i < e->n_donors; i++) {
        if (e->donors[i]->index == net) return e->donors[i];
    }
    return NULL;
}

static int save_state(const struct run *r, const struct rnn_trainer *t, uint64_t net, unsigned char **buf, size_t *cap, struct rnn_err *err)
{
    size_t len;
    RNN_TRY(rnn_trainer_save(t, buf, cap, &len, err));
    return tool_checkpoint_save(r->e->checkpoint, net, *buf, len, err);
}

static int train(struct run *r, struct rnn_trainer *t, uint64_t net, struct rnn_err *err)
{
    uint64_t shown = 0;
    struct tool_checkpoint *keep = r->e->checkpoint;
    unsigned char *buf = NULL;
    size_t cap = 0;
    double saved = now_s(), then = saved;
    uint64_t chunk = 1;
    int rc;
    while ((rc = rnn_trainer_advance(t, chunk, err)) == RNN_OK) {
        const double now = now_s(), took = now - then;
        then = now;
        report(r, (double)(rnn_trainer_update(t) - shown), false, rnn_trainer_loss(t));
        shown = rnn_trainer_update(t);
        if (took < CHUNK_S / 2 && chunk < 1u << 24) chunk *= 2;
        else if (took > CHUNK_S * 2 && chunk > 1) chunk /= 2;
        if (keep && tool_checkpoint_due(keep, &saved) && (rc = save_state(r, t, net, &buf, &cap, err)) < 0) break;
    }
    free(buf);
    /* what an early stop leaves undone counts as done: the bar is to end where the work does */
    report(r, (double)(r->per_net - shown), false, rnn_trainer_loss(t));
    return rc < 0 ? rc : RNN_OK;
}

static int train_net(struct run *r, uint64_t net, struct rnn_bytes *out, struct rnn_err *err)
{
    const struct tool_ensemble *e = r->e;
    struct rnn_trainer *t = NULL;
    size_t len;
    RNN_TRY(rnn_trainer_new(&t, e->config, e->data, donor_of(e, net), net, err));
    const unsigned char *state = e->checkpoint ? tool_checkpoint_state(e->checkpoint, net, &len) : NULL;
    int rc = state ? rnn_trainer_load(t, state, len, err) : RNN_OK;
    if (rc >= 0) rc = train(r, t, net, err);
    if (rc >= 0) rc = append_result(r, t, out, err);
    if (rc >= 0 && e->checkpoint) rc = tool_checkpoint_done(e->checkpoint, net, out, err);
    rnn_trainer_free(t);
    return rc;
}

static int work(void *item, size_t worker, void *user, void **result, struct rnn_err *err)
{
    struct run *r = user;
    const uint64_t net = r->e->lo + (uintptr_t)item;
    struct rnn_bytes *out;
    bool found = false;
    (void)worker;
    RNN_TRY(rnn_alloc_into(&out, 1, sizeof *out, err));
    int rc = r->e->checkpoint ? tool_checkpoint_find(r->e->checkpoint, net, out, &found, err) : RNN_OK;
    if (rc >= 0 && found) report(r, (double)r->per_net, false, NAN);
    if (rc >= 0 && !found) rc = train_net(r, net, out, err);
    if (rc < 0) {
        rnn_bytes_release(out);
        free(out);
        return rc;
    }
    *result = out;
    return RNN_OK;
}

static void discard(void *item, void *result, void *user)
{
    (void)item;
    (void)user;
    if (result) rnn_bytes_release(result);
    free(result);
}

static int emit(void *item, void *result, void *user, struct rnn_err *err)
{
    struct run *r = user;
    struct rnn_bytes *out = result;
    int rc = rnn_writer_raw(r->w, out->p, out->len, err);
    if (rc >= 0) rc = rnn_writer_flush(r->w, err);
    discard(item, result, user);
    report(r, 0, true, NAN);
    return rc;
}

int tool_ensemble_run(const struct tool_ensemble *e, struct rnn_writer *w, struct rnn_err *err)
{
    struct run r = { .e = e, .w = w, .last_loss = NAN, .per_net = rnn_train_updates(e->config, e->data) };
    const struct rnn_pool_calls calls = { .work = work, .emit = emit, .discard = discard, .thread_begin = tool_thread_begin, .user = &r };
    if (e->n_donors > 1) {
        for (uint64_t n = e->lo; n < e->hi; n++) {
            if (!donor_of(e, n)) return rnn_fail(err, RNN_ERR_ARG, "--init-from holds several nets, but none with index %llu", (unsigned long long)n);
        }
    }
    pthread_mutex_init(&r.lock, NULL);
    cli_progress_start("updates", (double)(e->hi - e->lo) * (double)r.per_net);
    const int rc = rnn_pool_run((size_t)(e->hi - e->lo), e->jobs, 0, &calls, err);
    cli_progress_end();
    pthread_mutex_destroy(&r.lock);
    return rc;
}
