/* rnn-fixedpts' job for one network: where searches start, what they find, and the tables and arrays of it. */
#ifndef RNN_TOOL_FP_H
#define RNN_TOOL_FP_H

#include "analysis/cycles.h"
#include "analysis/fixedpts.h"
#include "analysis/limit_cycle.h"
#include "codec/codec.h"
#include "tool/arena.h"
#include "tool/each_net.h"

enum tool_fp_starts { TOOL_FP_TRAJECTORY, TOOL_FP_UNIFORM, TOOL_FP_GRID, TOOL_FP_FILE };
enum tool_fp_array { TOOL_FP_STATES, TOOL_FP_EIGENVALUES, TOOL_FP_EIGENVECTORS, TOOL_FP_INPUT_JACOBIAN, TOOL_FP_OUTPUTS, TOOL_FP_PCA, TOOL_FP_ORBITS, TOOL_FP_GIVEN,
                     TOOL_FP_N_ARRAYS };
extern const char *const tool_fp_array_names[];

struct tool_fp_plan {
    enum tool_fp_starts starts;
    size_t count, levels, run_trials, max_starts, batch;
    size_t blend;               /* starts are blends of 1, 2, 4, ... up to so many states of trials, in turns */
    double noise, reach, until; /* until: NaN without --until-coverage */
    const double *file; size_t file_rows, file_cols;
    const char *period;         /* only states of this period; NULL: all */
    char *where_key, *where_value; /* only trials with this parameter; NULL: all */
    char *const *inputs; size_t n_inputs; /* "zero", "0.5,-1", "@PERIOD"; none: zero */
    struct rnn_fp_options search;
    double merge, margin;
    bool reduced, exhaustive;
    size_t cycles, field;       /* longest period of map cycles, 0 or 1: none; points per axis of the flow field, 0: none */
    bool flow_cycle, phase;
    size_t exponents, exponent_steps;
    size_t phase_trials;        /* whose ends are compared */
    size_t rollout, rollout_tail; /* steps of the phase's roll-out, and those of them that are looked at */
    double rollout_speed;
    double match;               /* reach; 0: no matching of snapshots */
    bool array[TOOL_FP_N_ARRAYS];
    uint64_t seed;
};

/* What belongs to one network until its turn is over (it->made). */
struct tool_fp_own {
    struct rnn_activity *frames; size_t n_frames, cap_frames; /* its activity, when it came along */
    const struct tool_arena *arena;   /* trials of its task, to run it on and to take inputs from; NULL without a task */
    unsigned char **wanted;     /* per frame: which of its trials --where lets through; NULL: all */
    double *points; size_t n_points, N; /* fixed and slow points of the first input, for matching with the next snapshot */
};
void tool_fp_own_free(struct tool_fp_own *own);

struct tool_fp_job {
    const struct tool_fp_plan *plan;
    struct tool_each_item *it;
    struct tool_fp_own *own;
    const struct rnn_net *net;
    float *states; size_t n_states; /* [n_states][N] that starts are taken from */
    size_t trial_steps;             /* of them that belong to one trial, when every trial has as many; else 0 */
};

/* Before work, while trials stand still: which trials of its activity --where lets through. */
int tool_fp_mask(const struct tool_fp_plan *plan, struct tool_fp_own *own, const struct tool_task *task, struct rnn_err *err);
/* One kept state per row, from activity or from a run; none for starts that need none.  RNN_ERR_ARG: no state to start from. */
int tool_fp_states(struct tool_fp_job *j, struct rnn_err *err);
/* The input number i of the plan as u [n_in]; *label (malloc'd) names it.  RNN_ERR_ARG when it does not fit the network. */
int tool_fp_input(const struct tool_fp_job *j, size_t i, double *u, char **label, struct rnn_err *err);
/* Start k [N] of a map: net's units or kappa. */
int tool_fp_start(const struct tool_fp_job *j, const struct rnn_map *map, uint64_t k, double *x, struct rnn_err *err);
/* How many starts the first round has. */
int tool_fp_count(const struct tool_fp_plan *plan, size_t N, size_t *count, struct rnn_err *err);

/* Everything that is found under one input. */
struct tool_fp_found {
    size_t input;
    char *label;
    double *u;
    struct rnn_map map;         /* searched: the network's, or its reduced form */
    struct rnn_fp_set set;
    bool is_complete;           /* by enumeration */
    struct rnn_cycle_set cycles;
    struct rnn_limit_cycle flow; bool has_flow;
    double *exponent, *exponent_error; double dimension;
};
void tool_fp_found_release(struct tool_fp_found *f);
int tool_fp_search(struct tool_fp_job *j, struct tool_fp_found *f, struct rnn_err *err);

/* Tables and arrays of one input, appended to j->it->out. */
int tool_fp_report(struct tool_fp_job *j, struct tool_fp_found *f, struct rnn_err *err);
/* Table `phase`: what the network does after its trial; by the published index, by the roll-out, and by the points themselves.
 * can_run false: a row that says its status alone.  zero: what was found without input, to be counted; NULL: not searched. */
int tool_fp_phase(struct tool_fp_job *j, bool can_run, const struct tool_fp_found *zero, struct rnn_err *err);
/* Arrays pca_axes, pca_mean, pca_variance, pca_trajectories of the kept states, and pca_points of each input. */
int tool_fp_pca(struct tool_fp_job *j, const struct tool_fp_found *f, size_t n_found, struct rnn_err *err);
int tool_fp_report_skipped(struct tool_fp_job *j, const char *status, struct rnn_err *err);
/* Table `matches` between the points of two networks in a row. */
int tool_fp_report_matches(const struct tool_fp_plan *plan, const char *from, const struct tool_fp_own *a, struct tool_each_item *it,
                           const struct tool_fp_own *b, struct rnn_err *err);

/* An array of this network (labels: its own, and the input's when f is given), appended to j->it->out. */
int tool_fp_put(struct tool_fp_job *j, const struct tool_fp_found *f, const char *name, const char *const *dims, enum rnn_dtype t, int ndim,
                const size_t *shape, const void *data, struct rnn_err *err);

/* The whole job. */
int tool_fp_analyse(const struct tool_fp_plan *plan, struct tool_each_item *it, struct rnn_err *err);

#endif
