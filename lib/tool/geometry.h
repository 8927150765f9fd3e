/* What rnn-geometry measures on the activity of one network, as frames: rows of the table `geometry`, and arrays. */
#ifndef RNN_TOOL_GEOMETRY_H
#define RNN_TOOL_GEOMETRY_H

#include "analysis/geometry.h"
#include "cli/cli.h"
#include "codec/codec.h"
#include "io/table.h"
#include "tool/items.h"

enum tool_measure {
    TOOL_DIMENSION = 1, TOOL_PCA = 2, TOOL_SEPARABILITY = 4, TOOL_SIMILARITY = 8, TOOL_TREE = 16, TOOL_ULTRAMETRIC = 32,
    TOOL_MODES = 64, TOOL_DENDROGRAM = 128, TOOL_SEQUENCE = 256
};

struct tool_geometry_opts {
    unsigned measures;          /* of enum tool_measure */
    unsigned wanted;            /* those of them that were asked for by name: what cannot be measured is then an error */
    const char *const *by; size_t n_by;  /* trial parameters; 0: all that make groups */
    const char *prefix;         /* parameter whose letters spell the path through the tree; "": "string" where trials have it; "none" */
    const size_t *steps; size_t n_steps; /* steps of the trial; 0: all that there are */
    const size_t *dims; size_t n_dims;   /* leading modes for ultrametric content; the whole space comes besides */
    size_t n_modes, n_components, per_group, max_levels, triplets, shuffles, width;
    double share, lambda;
    enum rnn_metric metric;
    enum rnn_linkage linkage;
    bool leaves_are_groups, arrays;
    enum rnn_split split;
    uint64_t seed;
};

/* States of one network: rows 0 .. K-1 are the trials measured, rows K .. K+K_learn-1 those that decoders learn from (none: each half
 * of the trials is read by decoders of the other). */
struct tool_states {
    size_t K, K_learn, T, n, thin; /* n units, T kept steps, thin apart */
    float *x;                      /* [K + K_learn][T][n] */
    uint64_t *trial;               /* [K + K_learn] numbers of the trials within their split */
    const struct rnn_trials **tr; size_t *row; /* [K + K_learn] where their parameters stand; tr NULL: activity without trials */
    bool is_all_units, is_rates;
};
void tool_states_release(struct tool_states *s);

/* One way to divide the trials: by the levels of a parameter, or a number to regress. */
struct tool_groups {
    char *by;
    size_t G;             /* 0: a number with more levels than max_levels */
    char **name;          /* [G] levels, ascending */
    size_t *g;            /* [K + K_learn] */
    double *y;            /* [K + K_learn] when G is 0 */
};
void tool_groups_release(struct tool_groups *g);
/* The parameter `by` of the states; RNN_ERR_ARG when the trials have none of that name or a text has too many levels. */
int tool_groups_by(const struct tool_states *s, const char *by, size_t max_levels, struct tool_groups *out, struct rnn_err *err);
/* Every parameter of 2 .. max_levels levels among the measured trials, each partition once, by the first name that makes it. */
int tool_groups_all(const struct tool_states *s, size_t max_levels, struct tool_groups **out, size_t *n, struct rnn_err *err);
/* By the first `letters` letters of parameter `by`. */
int tool_groups_prefix(const struct tool_states *s, const char *by, size_t letters, struct tool_groups *out, struct rnn_err *err);
bool tool_states_have(const struct tool_states *s, const char *parameter, bool *is_text);

/* Appends everything measured of states that are all finite.  The net may lack parameters only when no measure needs them. */
int tool_geometry_append(struct rnn_bytes *out, const struct tool_geometry_opts *opts, const struct rnn_net *net,
                         const struct tool_states *s, struct rnn_err *err);
/* A row that says why a network was not measured. */
int tool_geometry_skip(struct rnn_bytes *out, const struct tool_geometry_opts *opts, const struct rnn_net *net, const char *why,
                       struct rnn_err *err);

#endif
