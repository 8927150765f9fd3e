/* What the parts of geometry.h share while one network is measured; not for use outside lib/tool/geometry*.c. */
#ifndef RNN_TOOL_GEOMETRY_JOB_H
#define RNN_TOOL_GEOMETRY_JOB_H

#include <math.h>
#include "tool/geometry.h"

struct geometry_job {
    struct rnn_bytes *out;
    const struct tool_geometry_opts *o;
    const struct rnn_net *net;
    const struct tool_states *s;
    struct rnn_table *t;
    size_t n, K, K_all;             /* units; trials measured; with those learned from */
    unsigned measures;              /* those that can be measured here */
    struct tool_groups *by; size_t n_by;
    char *prefix;                   /* the parameter that spells paths, or NULL */
    size_t depth;                   /* its longest text */
    unsigned char *half;            /* [n_by][K] which half of its group a trial is in, for decoders of one half that read the other, and for sequences */
    size_t *sample, n_sample;       /* rows among 0 .. K-1 for all that goes over pairs and triplets, ascending */
    double *V;                      /* [n][n] right singular vectors of the recurrent weights, rows; or NULL */
};

/* One step of the trials. */
struct geometry_step {
    size_t at, step;                /* position among the kept steps; step of the trial */
    double *X;                      /* [K_all][n] */
    bool has_path;
    struct tool_groups path;        /* by the letters up to this step */
    struct tool_groups parent;      /* by the letters up to the step before; has_path only, and empty at step 0 */
};

struct geometry_value { double value, lo, hi, reference; size_t n; };
#define GEOMETRY_VALUE(v) ((struct geometry_value){ .value = (v), .lo = NAN, .hi = NAN, .reference = NAN })
/* by, condition may be NULL; item and step < 0: not said. */
void geometry_row(struct geometry_job *j, const char *measure, const char *by, const char *condition, long item, long step,
                  struct geometry_value v);
/* The sampled rows of X and of groups g, packed; either may be NULL. */
int geometry_sampled(const struct geometry_job *j, const double *X, const size_t *g, double **Y, size_t **h, struct rnn_err *err);

int geometry_tree_rows(struct geometry_job *j, const struct geometry_step *at, struct rnn_err *err);
int geometry_modes_rows(struct geometry_job *j, const struct geometry_step *at, struct rnn_err *err);
int geometry_pca_rows(struct geometry_job *j, const struct geometry_step *at, struct rnn_err *err);
int geometry_sequence_rows(struct geometry_job *j, struct rnn_err *err);
/* Arrays of one step [1][..] each, labelled by the step. */
int geometry_dendrogram(struct geometry_job *j, const struct geometry_step *at, struct rnn_err *err);
int geometry_cosine_array(struct geometry_job *j, const struct geometry_step *at, struct rnn_err *err);
int geometry_projections_array(struct geometry_job *j, const struct geometry_step *at, struct rnn_err *err);
int geometry_trials_table(struct geometry_job *j, struct rnn_err *err);

#endif
