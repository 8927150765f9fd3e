#include "tool/performance.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static int columns(struct rnn_table *t, const struct tool_run_facts *f, const char *const *metrics, struct rnn_err *err)
{
    const struct { const char *name; enum rnn_kv_type type; const char *unit, *doc; } fixed[] = {
        { "index", RNN_KV_INT, NULL, "number of the network within its ensemble" },
        { "status", RNN_KV_STR, NULL, "status of the network after training" },
        { "split", RNN_KV_STR, NULL, "which trials were run" },
        { "horizon", RNN_KV_INT, "steps", "steps that were asked for after the input of a history task" },
        { "steps", RNN_KV_INT, "steps", "length of a trial" },
        { "n", RNN_KV_INT, "trials", "trials that were run" },
        { "noise", RNN_KV_REAL, NULL, "sigma of the recurrent noise" },
    };
    char name[64];
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        RNN_TRY(rnn_table_col(t, fixed[i].name, fixed[i].type, fixed[i].unit, fixed[i].doc, err));
    for (size_t i = 0; metrics[i]; i++) RNN_TRY(rnn_table_col(t, metrics[i], RNN_KV_REAL, NULL, NULL, err));
    RNN_TRY(rnn_table_col(t, "loss", RNN_KV_REAL, NULL, "loss of the task with true inputs, without penalties", err));
    for (size_t i = 0; i < f->task->n_periods; i++) {
        snprintf(name, sizeof name, "loss_%s", f->task->periods[i].name);
        RNN_TRY(rnn_table_col(t, name, RNN_KV_REAL, NULL, "loss within this period of the trial", err));
    }
    return RNN_OK;
}

static void fill(struct rnn_table *t, const struct rnn_net *net, const struct tool_run_facts *f, const struct rnn_run_result *r)
{
    char name[64];
    rnn_table_set_int(t, "index", (int64_t)net->index);
    rnn_table_set_str(t, "status", rnn_net_status_names[net->status]);
    rnn_table_set_str(t, "split", rnn_split_names[f->split]);
    if (f->has_horizon) rnn_table_set_int(t, "horizon", (int64_t)f->horizon);
    rnn_table_set_int(t, "steps", (int64_t)f->steps);
    rnn_table_set_int(t, "n", r ? (int64_t)f->n : 0);
    if (r) {
        rnn_table_set(t, "noise", r->noise);
        for (size_t i = 0; i < r->n_metrics; i++) rnn_table_set(t, r->metrics[i], r->metric[i]);
        rnn_table_set(t, "loss", r->loss);
        for (size_t i = 0; i < f->task->n_periods; i++) {
            snprintf(name, sizeof name, "loss_%s", f->task->periods[i].name);
            rnn_table_set(t, name, r->period_loss[i]);
        }
    }
    rnn_table_row(t);
}

int tool_performance_append(struct rnn_bytes *out, const struct rnn_net *net, const struct tool_run_facts *facts,
                            const struct rnn_run_result *result, struct rnn_err *err)
{
    const char *const *metrics = rnn_task_metrics(facts->task) ? rnn_task_metrics(facts->task) : rnn_generic_metrics;
    struct rnn_table *t;
    RNN_TRY(rnn_table_new(&t, "performance", err));
    int rc = columns(t, facts, metrics, err);
    if (rc >= 0) {
        fill(t, net, facts, result);
        rc = rnn_table_append(t, out, &net->labels, net->id, err);
    }
    rnn_table_free(t);
    return rc;
}
