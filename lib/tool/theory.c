#include "tool/theory.h"

#include "io/table.h"
#include "tool/tool.h"

const struct tool_theory *const *tool_theory_models(void)
{
    static const struct tool_theory *const models[] = {&tool_theory_variable_memory, &tool_theory_gsemm,
                                                       &tool_theory_slow_point,      &tool_theory_limit_cycle,
                                                       &tool_theory_scaling,         &tool_theory_mean_field,
                                                       NULL};
    return models;
}

int tool_theory_options(const struct tool_theory *m, const struct cli_parse *p, struct rnn_kvs *options,
                        struct rnn_err *err)
{
    RNN_TRY(rnn_kvs_str(options, "model", m->name, err));
    return cli_options(p, options, err);
}

struct rnn_writer *tool_theory_open_with(const struct tool_theory *m, const struct cli_parse *p,
                                         const struct cli_common *c, const struct rnn_kvs *resolved,
                                         struct rnn_err *err)
{
    struct rnn_kvs options = {0}, build = {0};
    int rc = tool_theory_options(m, p, &options, err);
    if (rc >= 0) rc = tool_build(&build, "double", err);
    if (rc >= 0 && resolved) rc = rnn_kvs_merge(&options, resolved, err);
    if (rc < 0) cli_die_err(err);
    struct rnn_writer *w = tool_open_output(c);
    rc = rnn_writer_head(w, NULL, "rnn-theory", &options, &build, err);
    if (rc < 0) tool_fail(w, NULL, err);
    rnn_kvs_release(&options);
    rnn_kvs_release(&build);
    return w;
}

struct rnn_writer *tool_theory_open(const struct tool_theory *m, const struct cli_parse *p,
                                    const struct cli_common *c, struct rnn_err *err)
{
    return tool_theory_open_with(m, p, c, NULL, err);
}

void tool_theory_close(struct rnn_writer *w, int rc, struct rnn_err *err)
{
    if (rc >= 0) rc = rnn_writer_end(w, 0, err);
    if (rc < 0) tool_fail(w, NULL, err);
    tool_close_output(w);
}

int tool_table_new(struct rnn_table **t, const char *name, const struct tool_column *columns,
                   struct rnn_err *err)
{
    RNN_TRY(rnn_table_new(t, name, err));
    for (const struct tool_column *c = columns; c->name; c++) {
        const int rc = rnn_table_col(*t, c->name, c->type, c->unit, c->doc, err);
        if (rc < 0) return rnn_table_free(*t), rc;
    }
    return RNN_OK;
}
