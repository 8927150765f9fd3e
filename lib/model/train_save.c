/* What leaves a trainer: finished nets, snapshots, and its whole state as bytes. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "model/train_state.h"

static int put_id(struct rnn_net *net, const struct rnn_trainer *t, char *id, struct rnn_err *err)
{
    free(net->id);
    free(net->task);
    net->id = id;
    net->task = rnn_strdup(t->d->task->id);
    if (!net->id || !net->task) return rnn_fail(err, RNN_ERR_NOMEM, "no memory for a net's id");
    net->index = t->net;
    return RNN_OK;
}

static int summarise(const struct rnn_trainer *t, struct rnn_net *net, struct rnn_err *err)
{
    const struct rnn_train_config *c = t->c;
    struct rnn_kvs *s = &net->summary;
    RNN_TRY(rnn_kvs_uint(s, "updates", t->now.update, err));
    if (t->set) RNN_TRY(rnn_kvs_real(s, "epochs", (double)t->now.update / (double)t->per_epoch, err));
    RNN_TRY(rnn_kvs_str(s, "stop", rnn_stop_names[t->now.stop], err));
    RNN_TRY(rnn_kvs_real(s, "loss_0", t->now.loss_0, err));
    RNN_TRY(rnn_kvs_real(s, "loss", t->now.loss, err));
    for (size_t i = 0; i < t->n_metrics; i++) RNN_TRY(rnn_kvs_real(s, rnn_train_metrics(t->d->task)[i], t->now.metric[i], err));
    if (t->d->task->horizon_base) RNN_TRY(rnn_kvs_uint(s, "horizon", rnn_feed_steps(t) - t->d->task->horizon_base, err));
    RNN_TRY(rnn_kvs_str(s, "optimizer", rnn_optim_names[c->optim.kind], err));
    RNN_TRY(rnn_kvs_real(s, "lr", c->lr, err));
    RNN_TRY(rnn_kvs_uint(s, "batch", c->batch, err));
    return rnn_kvs_uint(s, "seed", c->seed, err);
}

static int fill_net(const struct rnn_trainer *t, struct rnn_net *net, struct rnn_err *err)
{
    RNN_TRY(put_id(net, t, rnn_asprintf("net-%04llu", (unsigned long long)t->net), err));
    t->core->ops->theta(t->core, net->theta);
    RNN_TRY(summarise(t, net, err));
    return rnn_train_judge(t, net, err);
}

int rnn_trainer_finish(const struct rnn_trainer *t, struct rnn_net **out, struct rnn_err *err)
{
    struct rnn_net *net = NULL;
    RNN_TRY(rnn_net_copy(&net, t->model, err));
    const int rc = fill_net(t, net, err);
    if (rc < 0) rnn_net_free(net);
    else *out = net;
    return rc;
}

static int fill_snapshot(const struct rnn_trainer *t, size_t i, struct rnn_net *net, struct rnn_err *err)
{
    const uint64_t u = t->c->snapshots[i];
    RNN_TRY(put_id(net, t, rnn_asprintf("net-%04llu@%llu", (unsigned long long)t->net, (unsigned long long)u), err));
    memcpy(net->theta, t->snapshots + i * net->params.total, net->params.total * sizeof(double));
    net->status = RNN_NET_UNTRAINED;
    free(net->reason);
    if (!(net->reason = rnn_strdup("snapshot"))) return rnn_fail(err, RNN_ERR_NOMEM, "no memory for a reason");
    RNN_TRY(rnn_kvs_uint(&net->labels, "snapshot", u, err));
    return rnn_kvs_uint(&net->training, "snapshot", u, err);
}

int rnn_trainer_snapshot(const struct rnn_trainer *t, size_t i, struct rnn_net **out, struct rnn_err *err)
{
    if (i >= t->now.n_snapshots) return RNN_EOS;
    struct rnn_net *net = NULL;
    RNN_TRY(rnn_net_copy(&net, t->model, err));
    const int rc = fill_snapshot(t, i, net, err);
    if (rc < 0) rnn_net_free(net);
    else *out = net;
    return rc;
}

/* ---- state ----
 * magic, net, planned updates, parameters, columns | counters | core | history [update][rule_metrics] | rows | snapshots.
 * Native numbers: the state is read back by the same build on the same kind of machine only. */
#define STATE_MAGIC UINT64_C(0x31657461742d6e72) /* "rn-tate1" */

struct state_head { uint64_t magic, net, total, params, n_cols, n_rows, core_bytes; };

struct cursor { unsigned char *p; const unsigned char *q; size_t left; };

static void put(struct cursor *c, const void *data, size_t n)
{
    if (n) memcpy(c->p, data, n);
    c->p += n;
}

static bool take(struct cursor *c, void *data, size_t n)
{
    if (n > c->left) return false;
    if (n) memcpy(data, c->q, n);
    c->q += n;
    c->left -= n;
    return true;
}

static struct state_head head_of(const struct rnn_trainer *t)
{
    return (struct state_head){ STATE_MAGIC, t->net, t->total, t->model->params.total, t->curve.n_cols, t->curve.n_rows,
                                t->core->ops->state_bytes(t->core) };
}

int rnn_trainer_save(const struct rnn_trainer *t, unsigned char **buf, size_t *cap, size_t *len, struct rnn_err *err)
{
    const struct state_head h = head_of(t);
    const size_t history = (size_t)t->now.update * t->rule_metrics * sizeof(float);
    const size_t rows = t->curve.n_rows * t->curve.n_cols * sizeof(double);
    const size_t snaps = (size_t)t->now.n_snapshots * t->model->params.total * sizeof(double);
    const size_t need = sizeof h + sizeof t->now + sizeof t->next_row + (size_t)h.core_bytes + history + rows + snaps;
    RNN_TRY(rnn_grow(buf, cap, need, 1, err));
    struct cursor c = { .p = *buf };
    put(&c, &h, sizeof h);
    put(&c, &t->now, sizeof t->now);
    put(&c, &t->next_row, sizeof t->next_row);
    t->core->ops->save(t->core, c.p);
    c.p += h.core_bytes;
    put(&c, t->history, history);
    put(&c, t->curve.v, rows);
    put(&c, t->snapshots, snaps);
    *len = need;
    return RNN_OK;
}

static bool counters_fit(const struct rnn_trainer *t, const struct rnn_train_counters *n)
{
    return n->update <= t->total && n->stop <= RNN_STOP_DIVERGED && n->n_snapshots <= t->c->n_snapshots &&
           (n->stage == 0 || n->stage < t->c->n_curriculum);
}

static bool load_arrays(struct rnn_trainer *t, struct cursor *c, const struct state_head *h)
{
    if (h->core_bytes > c->left) return false;
    t->core->ops->load(t->core, c->q);
    c->q += h->core_bytes;
    c->left -= h->core_bytes;
    return take(c, t->history, (size_t)t->now.update * t->rule_metrics * sizeof(float)) &&
           take(c, t->curve.v, t->curve.n_rows * t->curve.n_cols * sizeof(double)) &&
           take(c, t->snapshots, (size_t)t->now.n_snapshots * t->model->params.total * sizeof(double)) && c->left == 0;
}

int rnn_trainer_load(struct rnn_trainer *t, const unsigned char *buf, size_t len, struct rnn_err *err)
{
    struct cursor c = { .q = buf, .left = len };
    struct state_head h, mine = head_of(t);
    struct rnn_train_counters now;
    const bool same = take(&c, &h, sizeof h) && h.magic == mine.magic && h.net == mine.net && h.total == mine.total &&
                      h.params == mine.params && h.n_cols == mine.n_cols && h.core_bytes == mine.core_bytes;
    if (!same || !take(&c, &now, sizeof now) || !take(&c, &t->next_row, sizeof t->next_row) || !counters_fit(t, &now) ||
        h.n_rows > len / (h.n_cols * sizeof(double))) {
        return rnn_fail(err, RNN_ERR_FORMAT, "the state of net %llu does not belong to this training", (unsigned long long)t->net);
    }
    RNN_TRY(rnn_grow(&t->curve.v, &t->curve.cap, h.n_rows * h.n_cols, sizeof *t->curve.v, err));
    t->now = now;
    t->curve.n_rows = h.n_rows;
    if (!load_arrays(t, &c, &h)) return rnn_fail(err, RNN_ERR_FORMAT, "the state of net %llu is cut short", (unsigned long long)t->net);
    return rnn_feed_stage(t, err);
}
