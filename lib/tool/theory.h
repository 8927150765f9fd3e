/* The models of rnn-theory: each is a word with options of its own.  A new one is a file lib/tool/theory_NAME.c that defines a
 * struct tool_theory, and a line in the registry of theory.c. */
#ifndef RNN_TOOL_THEORY_H
#define RNN_TOOL_THEORY_H

#include "cli/cli.h"
#include "io/writer.h"

struct tool_theory {
    const char *name, *summary, *details; /* as in cli_tool */
    const struct cli_opt *opts;           /* defaults stand in their dst; ends with CLI_LAST */
    int with;                             /* CLI_WITH_* */
    size_t max_files;                     /* 1: it may read a stream */
    /* After the options were applied: refuses (cli_die, exit 2) what does not go together.  NULL ok. */
    void (*check)(const struct cli_parse *p, const struct cli_common *c);
    /* Everything from opening streams to closing them; file: where a stream is to be read, NULL: standard input. */
    void (*run)(const struct tool_theory *m, const struct cli_parse *p, const struct cli_common *c, const char *file);
};
const struct tool_theory *const *tool_theory_models(void); /* ends with NULL */

/* For run of a model that writes a segment of its own: opens the output and writes the head (options include the model's name). */
struct rnn_writer *tool_theory_open(const struct tool_theory *m, const struct cli_parse *p, const struct cli_common *c, struct rnn_err *err);
/* The same with options that replace those whose text named a file. */
struct rnn_writer *tool_theory_open_with(const struct tool_theory *m, const struct cli_parse *p, const struct cli_common *c,
                                         const struct rnn_kvs *resolved, struct rnn_err *err);
/* Ends the segment and closes the output; rc < 0 fails the tool instead. */
void tool_theory_close(struct rnn_writer *w, int rc, struct rnn_err *err);
/* The options of a provenance entry, the model's name first; the caller releases them. */
int tool_theory_options(const struct tool_theory *m, const struct cli_parse *p, struct rnn_kvs *options, struct rnn_err *err);

/* Declares a table's columns from a list that ends with name NULL. */
struct tool_column { const char *name; enum rnn_kv_type type; const char *unit, *doc; };
struct rnn_table;
int tool_table_new(struct rnn_table **t, const char *name, const struct tool_column *columns, struct rnn_err *err);

extern const struct tool_theory tool_theory_variable_memory, tool_theory_gsemm, tool_theory_slow_point, tool_theory_limit_cycle, tool_theory_scaling, tool_theory_mean_field;

#endif
