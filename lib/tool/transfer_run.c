/* One recipient: its start, its training by the trainer of rnn-train, and its curve. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "codec/codec.h"
#include "io/table.h"
#include "model/run.h"
#include "tool/ensemble.h"
#include "tool/transfer.h"

void tool_outcome_free(struct tool_outcome *o)
{
    if (!o) return;
    rnn_bytes_release(&o->out);
    free(o->curve.epoch);
    free(o->curve.update);
    free(o->curve.train_loss);
    free(o->curve.train_accuracy);
    free(o->curve.test_loss);
    free(o->curve.test_accuracy);
    free(o);
}

/* ---- the start ---- */

static int control_of(const struct tool_donor *d, const struct rnn_net *net, uint64_t seed, struct rnn_net **out, struct rnn_err *err)
{
    if (d->control == TOOL_CONTROL_ROTATED) return rnn_transfer_rotated(net, seed, out, err);
    if (d->control == TOOL_CONTROL_SPECTRUM) return rnn_transfer_spectrum_matched(net, seed, out, err);
    return rnn_net_copy(out, net, err);
}

/* The donor in the recipient's shape: the fresh start of this recipient with the donor's parameters where they go. */
static int shaped_donor(const struct tool_transfer *t, const struct tool_condition *c, const struct rnn_net *donor, uint64_t index, struct rnn_net **out,
                        struct rnn_err *err)
{
    struct rnn_net *from = NULL, *to = NULL;
    int rc = control_of(&t->donors->v[c->donor], donor, t->seed, &from, err);
    if (rc >= 0) rc = rnn_net_new(&to, &c->config.spec, err);
    if (rc >= 0) {
        to->index = index;
        to->precision_bits = c->config.precision_bits;
        to->id = rnn_strdup(donor->id ? donor->id : "");
        rc = rnn_net_init(to, &c->config.init, c->config.seed, err);
    }
    if (rc >= 0) rc = rnn_transfer_load(to, from, c->load, c->n_load, t->has_map ? &t->map : NULL, err);
    rnn_net_free(from);
    if (rc < 0) rnn_net_free(to);
    else *out = to;
    return rc;
}

/* ---- the curve ---- */

static int grow_curve(struct tool_curve *c, struct rnn_err *err)
{
    double **cols[] = { &c->epoch, &c->update, &c->train_loss, &c->train_accuracy, &c->test_loss, &c->test_accuracy };
    size_t cap = c->cap;
    for (size_t i = 0; i < RNN_LEN(cols); i++) {
        cap = c->cap;
        RNN_TRY(rnn_grow(cols[i], &cap, c->n + 1, sizeof(double), err));
    }
    c->cap = cap;
    return RNN_OK;
}

/* Teacher-forced: the first metric, whole trials without error, is that of the free run (model/task.h). */
static int score(struct rnn_runner *r, const struct tool_transfer *t, const double *theta, uint64_t index, const struct rnn_trials *tr, double *loss,
                 double *accuracy, struct rnn_err *err)
{
    struct rnn_run_opts opts = RNN_RUN_DEFAULT;
    struct rnn_run_result got = { 0 };
    *loss = *accuracy = NAN;
    if (!tr || !tr->K) return RNN_OK;
    opts.seed = t->seed;
    opts.open_loop = true;
    RNN_TRY(rnn_runner_score(r, theta, index, t->data->task, tr, &opts, &got, err));
    *loss = got.loss;
    if (got.n_metrics) *accuracy = got.metric[0];
    rnn_run_release(&got);
    return RNN_OK;
}

static int measure(struct rnn_runner *r, const struct tool_transfer *t, const struct rnn_trainer *trainer, double *theta, uint64_t index,
                   struct tool_curve *c, struct rnn_err *err)
{
    RNN_TRY(grow_curve(c, err));
    const size_t i = c->n++;
    rnn_trainer_theta(trainer, theta);
    c->update[i] = (double)rnn_trainer_update(trainer);
    c->epoch[i] = c->update[i] / t->per_epoch;
    RNN_TRY(score(r, t, theta, index, t->train, &c->train_loss[i], &c->train_accuracy[i], err));
    return score(r, t, theta, index, t->test, &c->test_loss[i], &c->test_accuracy[i], err);
}

static int train(const struct tool_transfer *t, const struct tool_condition *c, struct rnn_trainer *trainer, uint64_t index, struct tool_curve *curve,
                 struct rnn_err *err)
{
    struct rnn_runner *runner = NULL;
    struct rnn_params ps;
    double *theta = NULL;
    RNN_TRY(rnn_spec_params(&c->config.spec, &ps, err));
    int rc = rnn_alloc_into(&theta, ps.total, sizeof *theta, err);
    if (rc >= 0) rc = rnn_runner_new(&runner, &c->config.spec, c->config.precision_bits, err);
    if (rc >= 0) rc = measure(runner, t, trainer, theta, index, curve, err);
    while (rc >= 0 && (rc = rnn_trainer_advance(trainer, t->eval_every, err)) >= 0) {
        const bool is_end = rc == RNN_EOS, moved = (double)rnn_trainer_update(trainer) > curve->update[curve->n - 1];
        if (moved) rc = measure(runner, t, trainer, theta, index, curve, err);
        if (is_end) break;
    }
    rnn_runner_free(runner);
    free(theta);
    return rc < 0 ? rc : RNN_OK;
}

/* ---- forgetting ---- */

/* The donor with what was loaded replaced by what became of it, on the donor's own task.  A control never learned one. */
static int forgetting(const struct tool_condition *c, const struct rnn_net *donor, bool is_control, const struct tool_donor_segment *seg,
                      const struct rnn_net *recipient, double *before, double *after, struct rnn_err *err)
{
    struct rnn_run_opts opts = RNN_RUN_DEFAULT;
    struct rnn_run_result r = { 0 };
    struct rnn_net *mixed;
    *before = *after = NAN;
    if (is_control || !seg->test.K || !rnn_net_finite(recipient) || !donor->task || strcmp(donor->task, seg->task->id) != 0) return RNN_OK;
    for (size_t i = 0; i < c->n_load; i++) { /* in the donor's own shapes only */
        const struct rnn_param *p = rnn_param_find(&recipient->params, c->load[i]), *q = rnn_param_find(&donor->params, c->load[i]);
        if (!p || !q || p->rows != q->rows || p->cols != q->cols) return RNN_OK;
    }
    opts.open_loop = true;
    RNN_TRY(rnn_run_score(donor, seg->task, &seg->test, &opts, &r, err));
    *before = r.n_metrics ? r.metric[0] : NAN;
    rnn_run_release(&r);
    RNN_TRY(rnn_net_copy(&mixed, donor, err));
    for (size_t i = 0; i < c->n_load; i++) {
        const struct rnn_param *p = rnn_param_find(&recipient->params, c->load[i]);
        memcpy(rnn_net_param(mixed, c->load[i]), recipient->theta + p->offset, p->rows * p->cols * sizeof(double));
    }
    const int rc = rnn_run_score(mixed, seg->task, &seg->test, &opts, &r, err);
    if (rc >= 0 && r.n_metrics) *after = r.metric[0];
    rnn_run_release(&r);
    rnn_net_free(mixed);
    return rc;
}

/* ---- frames ---- */

static const char *donor_name(const struct tool_transfer *t, const struct tool_condition *c)
{
    return c->donor == TOOL_SCRATCH ? "" : t->donors->v[c->donor].name;
}

static int key_columns(struct rnn_table *t, struct rnn_err *err)
{
    RNN_TRY(rnn_table_col(t, "index", RNN_KV_INT, NULL, "number of the pair: same start and data in every condition", err));
    RNN_TRY(rnn_table_col(t, "condition", RNN_KV_STR, NULL, "donor/blocks, or scratch", err));
    RNN_TRY(rnn_table_col(t, "donor", RNN_KV_STR, NULL, NULL, err));
    RNN_TRY(rnn_table_col(t, "control", RNN_KV_STR, NULL, "spectrum or rotated: made from the first donor", err));
    RNN_TRY(rnn_table_col(t, "blocks", RNN_KV_STR, NULL, "loaded from the donor", err));
    return rnn_table_col(t, "frozen", RNN_KV_STR, NULL, "not trained", err);
}

static void put_keys(struct rnn_table *table, const struct tool_transfer *t, const struct tool_condition *c, uint64_t index)
{
    static const char *const controls[] = { "", "spectrum", "rotated" };
    rnn_table_set_int(table, "index", (int64_t)index);
    rnn_table_set_str(table, "condition", c->name);
    rnn_table_set_str(table, "donor", donor_name(t, c));
    rnn_table_set_str(table, "control", c->donor == TOOL_SCRATCH ? "" : controls[t->donors->v[c->donor].control]);
    rnn_table_set_str(table, "blocks", c->blocks);
    rnn_table_set_str(table, "frozen", c->frozen);
}

static int append_curve(const struct tool_transfer *t, const struct tool_condition *c, const struct rnn_net *net, const struct tool_curve *v,
                        struct rnn_bytes *out, struct rnn_err *err)
{
    struct rnn_table *table;
    RNN_TRY(rnn_table_new(&table, "transfer", err));
    int rc = key_columns(table, err);
    if (rc >= 0) rc = rnn_table_col(table, "update", RNN_KV_INT, "updates", "updates done", err);
    if (rc >= 0) rc = rnn_table_col(table, "epoch", RNN_KV_REAL, "epochs", "the same in passes over the training set (updates, where there is none)", err);
    if (rc >= 0) rc = rnn_table_col(table, "train_loss", RNN_KV_REAL, NULL, "loss of the training trials", err);
    if (rc >= 0) rc = rnn_table_col(table, "train_accuracy", RNN_KV_REAL, NULL, "first metric of the task on them", err);
    if (rc >= 0) rc = rnn_table_col(table, "loss", RNN_KV_REAL, NULL, "loss of the test trials", err);
    if (rc >= 0) rc = rnn_table_col(table, "accuracy", RNN_KV_REAL, NULL, "first metric of the task on them", err);
    for (size_t i = 0; rc >= 0 && i < v->n; i++) {
        put_keys(table, t, c, net->index);
        rnn_table_set_int(table, "update", (int64_t)v->update[i]);
        rnn_table_set(table, "epoch", v->epoch[i]);
        rnn_table_set(table, "train_loss", v->train_loss[i]);
        rnn_table_set(table, "train_accuracy", v->train_accuracy[i]);
        rnn_table_set(table, "loss", v->test_loss[i]);
        rnn_table_set(table, "accuracy", v->test_accuracy[i]);
        rnn_table_row(table);
    }
    if (rc >= 0) rc = rnn_table_append(table, out, &net->labels, t->keep_nets ? net->id : NULL, err);
    rnn_table_free(table);
    return rc;
}

static const struct { const char *name, *unit, *doc; } summary_cols[] = {
    { "epochs_to_criterion", "epochs", "first measurement with the training accuracy of --criterion; NaN: never" },
    { "jump_start", NULL, "test accuracy before training" },
    { "area", NULL, "mean test accuracy over the course (trapezoids)" },
    { "train_accuracy", NULL, "at the end" },
    { "accuracy", NULL, "of the test trials at the end" },
    { "loss", NULL, "of the test trials at the end" },
    { "donor_accuracy", NULL, "of the donor on its own task; controls have none" },
    { "forgetting", NULL, "how much of it is lost when the loaded parameters are as training left them" },
};

static int append_summary(const struct tool_transfer *t, const struct tool_condition *c, const struct rnn_net *net, const char *status,
                          const struct tool_curve *v, const double donor[2], struct rnn_bytes *out, struct rnn_err *err)
{
    const size_t last = v->n ? v->n - 1 : 0;
    const double values[] = { rnn_curve_first_at_least(v->n, v->epoch, v->train_accuracy, t->criterion), v->n ? v->test_accuracy[0] : NAN,
                              rnn_curve_area(v->n, v->epoch, v->test_accuracy), v->n ? v->train_accuracy[last] : NAN,
                              v->n ? v->test_accuracy[last] : NAN, v->n ? v->test_loss[last] : NAN, donor[0], donor[0] - donor[1] };
    struct rnn_table *table;
    RNN_TRY(rnn_table_new(&table, "transfer_summary", err));
    int rc = key_columns(table, err);
    if (rc >= 0) rc = rnn_table_col(table, "status", RNN_KV_STR, NULL, "of the recipient, or why it was not trained", err);
    for (size_t i = 0; rc >= 0 && i < RNN_LEN(summary_cols); i++)
        rc = rnn_table_col(table, summary_cols[i].name, RNN_KV_REAL, summary_cols[i].unit, summary_cols[i].doc, err);
    if (rc >= 0) {
        put_keys(table, t, c, net->index);
        rnn_table_set_str(table, "status", status);
        for (size_t i = 0; i < RNN_LEN(summary_cols); i++) rnn_table_set(table, summary_cols[i].name, values[i]);
        rnn_table_row(table);
        rc = rnn_table_append(table, out, &net->labels, t->keep_nets && v->n ? net->id : NULL, err);
    }
    rnn_table_free(table);
    return rc;
}

/* Labels as rnn-train gives them; what is not scratch says so, and has an id of its own. */
static int identify(const struct tool_transfer *t, const struct tool_condition *c, struct rnn_net *net, struct rnn_err *err)
{
    RNN_TRY(tool_net_labels(&c->config, t->data->task, t->labels, net, err));
    if (!strcmp(c->name, "scratch")) return RNN_OK;
    char *id = rnn_asprintf("%s:%s", net->id, c->name);
    if (!id) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    free(net->id);
    net->id = id;
    return rnn_kvs_str(&net->labels, "transfer", c->name, err);
}

/* A row that says why nothing was trained; the net that it is about was never made. */
static int say_void(const struct tool_transfer *t, const struct tool_condition *c, uint64_t index, const char *why, struct tool_outcome *o, struct rnn_err *err)
{
    const double none[2] = { NAN, NAN };
    struct rnn_net *stand_in;
    RNN_TRY(rnn_net_new(&stand_in, &c->config.spec, err));
    stand_in->index = index;
    stand_in->id = rnn_asprintf("net-%04llu", (unsigned long long)index);
    int rc = identify(t, c, stand_in, err);
    if (rc >= 0) rc = append_summary(t, c, stand_in, why, &o->curve, none, &o->out, err);
    rnn_net_free(stand_in);
    o->is_void = true;
    return rc;
}

static int run(const struct tool_transfer *t, const struct tool_condition *c, const struct rnn_net *donor, const struct tool_donor_segment *seg,
               uint64_t index, struct tool_outcome *o, struct rnn_err *err)
{
    struct rnn_net *start = NULL, *net = NULL;
    struct rnn_trainer *trainer = NULL;
    double own[2] = { NAN, NAN };
    int rc = donor ? shaped_donor(t, c, donor, index, &start, err) : RNN_OK;
    if (rc >= 0) rc = rnn_trainer_new(&trainer, &c->config, t->data, start, index, err);
    if (rc >= 0) rc = train(t, c, trainer, index, &o->curve, err);
    if (rc >= 0) rc = rnn_trainer_finish(trainer, &net, err);
    if (rc >= 0) rc = identify(t, c, net, err);
    if (rc >= 0 && donor) rc = forgetting(c, donor, t->donors->v[c->donor].control, seg, net, &own[0], &own[1], err);
    if (rc >= 0 && t->keep_nets) rc = rnn_net_append(&o->out, net, err);
    if (rc >= 0) rc = append_curve(t, c, net, &o->curve, &o->out, err);
    if (rc >= 0) rc = append_summary(t, c, net, rnn_net_status_names[net->status], &o->curve, own, &o->out, err);
    rnn_trainer_free(trainer);
    rnn_net_free(start);
    rnn_net_free(net);
    return rc;
}

int tool_transfer_run(const struct tool_transfer *t, size_t condition, uint64_t index, struct tool_outcome **out, struct rnn_err *err)
{
    const struct tool_condition *c = &t->conditions->v[condition];
    const struct tool_donor_segment *seg = NULL;
    const struct rnn_net *donor = NULL;
    struct tool_outcome *o;
    RNN_TRY(rnn_alloc_into(&o, 1, sizeof *o, err));
    const uint64_t number = t->first + index;
    o->index = number;
    o->condition = condition;
    int rc = RNN_OK;
    if (c->donor != TOOL_SCRATCH) donor = tool_donor_net(t->donors, c->donor, t->segment, index, &seg);
    if (c->donor != TOOL_SCRATCH && !seg)
        rc = rnn_fail(err, RNN_ERR_ARG, "donors '%s' have several segments, but none for segment %zu of the input", donor_name(t, c), t->segment);
    else if (c->donor != TOOL_SCRATCH && !donor)
        rc = rnn_fail(err, RNN_ERR_ARG, "donors '%s' hold several nets, but none with index %llu", donor_name(t, c), (unsigned long long)index);
    else if (donor && !rnn_net_can_run(donor)) rc = say_void(t, c, number, "donor diverged", o, err);
    else rc = run(t, c, donor, seg, number, o, err);
    if (rc < 0) tool_outcome_free(o);
    else *out = o;
    return rc;
}
