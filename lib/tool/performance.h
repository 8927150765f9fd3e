/* The `performance` table: one row per network and run. */
#ifndef RNN_TOOL_PERFORMANCE_H
#define RNN_TOOL_PERFORMANCE_H

#include "io/table.h"
#include "model/run.h"

struct tool_run_facts { /* what was run, beside the result */
    const struct rnn_task *task;
    enum rnn_split split;
    size_t n, steps; /* trials; steps of a trial without extra ones */
    bool has_horizon; size_t horizon;
};

/* Appends the table of one network to out; result NULL: the network cannot be run (diverged), and the row says so. */
int tool_performance_append(struct rnn_bytes *out, const struct rnn_net *net, const struct tool_run_facts *facts,
                            const struct rnn_run_result *result, struct rnn_err *err);

#endif
