/* The options by which a training is described, shared by the tools that train. */
#ifndef RNN_TOOL_TRAIN_OPTIONS_H
#define RNN_TOOL_TRAIN_OPTIONS_H

#include "cli/cli.h"
#include "model/train.h"

/* What the table below writes; `c` takes most values directly. */
struct train_options {
    struct rnn_train_config c;
    char *preset;
    int readout, loss, norm, precision; /* readout, loss, norm: 0 auto, else 1 + enum */
    double dt, tau, alpha;              /* dt 0: the task's; alpha 0: dt / tau */
    double tau_to;
    char *init, *init_in, *init_out, *init_bias, *init_factor;
    double init_b_out_sd;
    uint64_t updates, epochs; /* UINT64_MAX where the other one, or lr_budget, decides */
    double lr_budget;
    struct cli_reals curriculum, snapshots;
    size_t snapshots_spaced;
    struct cli_strs freeze, load;
    double dale, stop_accuracy, learned_at, learned_ratio;
};

extern struct train_options train_opt;        /* defaults until cli_apply */
extern const struct cli_opt train_opt_table[]; /* ends with CLI_LAST */
extern const size_t train_opt_count;          /* without CLI_LAST */

/* A tool's own options, those above but the one named `without` (NULL: all), and CLI_LAST; the caller frees. */
struct cli_opt *train_options_with(const struct cli_opt *own, size_t n_own, const char *without);

/* The options for the next segment's task and data.  True for the first segment: the preset and the options are applied, and
 * train_options_resolve is to follow.  Later ones are trained as the first was: exit 2 when their preset is another one. */
bool train_options_apply(struct cli_parse *p, const struct rnn_train_data *d);
/* Completes train_opt.c for this task and data, checks it, and writes what was left to the task ("auto") back into the options, so
 * that --print-config and provenance show every number.  Dies (exit 2) on what contradicts itself or has no effect. */
void train_options_resolve(const struct cli_parse *p, const struct cli_common *common, const struct rnn_train_data *d);
void train_options_release(void);

/* Prints what training will hold in memory, as comment lines: formula and bytes, for `nets` nets on `jobs` workers. */
void train_options_print_memory(FILE *out, const struct rnn_train_data *d, size_t jobs);

#endif
