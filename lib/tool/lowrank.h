/* The tables of rnn-lowrank: what one network says, and what an ensemble says together. */
#ifndef RNN_TOOL_LOWRANK_H
#define RNN_TOOL_LOWRANK_H

#include "analysis/lowrank.h"
#include "io/table.h"
#include "io/writer.h"
#include "model/run.h"
#include "tool/sets.h"

enum tool_align { TOOL_ALIGN_NONE, TOOL_ALIGN_HIDDEN, TOOL_ALIGN_WEIGHTS };
extern const char *const tool_align_names[]; /* "none", "hidden", "weights" */

struct tool_lowrank {
    /* spectra */
    const struct cli_strs *params;  /* which parameters */
    bool parts[3];                  /* by enum rnn_part */
    size_t n_modes;                 /* rows per spectrum; 0: all */
    bool eigenvalues;               /* of W_rec, too */
    /* performance of changed nets */
    const char *target;             /* the parameter that is changed */
    enum rnn_part part;             /* value or change */
    bool truncation, ablation;
    const struct tool_sets *ranks, *components, *units; /* empty: the usual ones that exist */
    size_t n_random;
    uint64_t seed;
    enum rnn_split split;
    const char *selective;          /* trial parameter whose classes units may prefer, or NULL */
    double selective_least;
    /* directions */
    bool overlaps;
    size_t overlap_rank;
    /* across nets */
    enum tool_align align;
    size_t n_signed, block;
    enum rnn_split align_split;
};

/* Trials of a job: those of `split`, and those of `align_split`; NULL where not needed. */
struct tool_lowrank_trials { const struct rnn_task *task; const struct rnn_trials *tr, *align; const struct rnn_trials *train; };

/* ---- of one net (each appends to out) ---- */
struct tool_net_spectra { struct tool_spectrum { char param[16]; enum rnn_part part; size_t n; double *s; } *v; size_t n; };
void tool_net_spectra_release(struct tool_net_spectra *s);
/* Tables lowrank and singular; a net that cannot be analysed gets one row that says so. */
int tool_lowrank_spectra(const struct tool_lowrank *c, const struct rnn_net *net, struct rnn_bytes *out, struct tool_net_spectra *keep, struct rnn_err *err);
/* Table and arrays eigenvalues of the parts of W_rec that are asked for; RNN_ERR_ARG: a gru, whose W_rec is not square. */
int tool_lowrank_eigenvalues(const struct tool_lowrank *c, const struct rnn_net *net, struct rnn_bytes *out, struct rnn_err *err);
int tool_lowrank_truncation(const struct tool_lowrank *c, const struct rnn_net *net, const struct tool_lowrank_trials *t,
                            struct rnn_bytes *out, struct rnn_err *err);
int tool_lowrank_ablation(const struct tool_lowrank *c, const struct rnn_net *net, const struct tool_lowrank_trials *t,
                          struct rnn_bytes *out, struct rnn_err *err);
int tool_lowrank_overlaps(const struct tool_lowrank *c, const struct rnn_net *net, struct rnn_bytes *out, struct rnn_err *err);
/* Units by the class they prefer (table selectivity) and the loss of each class without the units of each (table selectivity_ablation). */
int tool_lowrank_selectivity(const struct tool_lowrank *c, const struct rnn_net *net, const struct tool_lowrank_trials *t,
                             struct rnn_bytes *out, struct rnn_err *err);

/* R [N][N] of the net in the chosen way; the caller frees.  RNN_ERR_NUMERIC: its states are not finite. */
int tool_rotation(const struct tool_lowrank *c, const struct rnn_net *net, const struct tool_lowrank_trials *t, double **R, struct rnn_err *err);

/* ---- of an ensemble: nets with the same labels ---- */
struct tool_pooled;
int tool_pooled_new(struct tool_pooled **p, struct rnn_err *err);
void tool_pooled_free(struct tool_pooled *p);
/* Takes the spectra over (copies). */
int tool_pooled_spectra(struct tool_pooled *p, const struct rnn_net *net, const struct tool_net_spectra *s, struct rnn_err *err);
/* Adds W (own coordinates, [N][N]) and the rotated net; appends the net's aligned_block arrays to out. */
int tool_pooled_aligned(struct tool_pooled *p, const struct tool_lowrank *c, const struct rnn_net *net, const double *W, const struct rnn_rotated *r,
                        struct rnn_err *err);
int tool_lowrank_block(const struct tool_lowrank *c, const struct rnn_net *net, const struct rnn_rotated *r, struct rnn_bytes *out, struct rnn_err *err);
/* Mean W' [N][N] of the nets with the labels of this one; NULL when there are none. */
int tool_pooled_mean(const struct tool_pooled *p, const struct rnn_net *net, double **W_bar, struct rnn_err *err);
/* Tables singular_band, shared_spectrum, alignment and arrays aligned_mean, for everything pooled. */
int tool_pooled_append(const struct tool_pooled *p, const struct tool_lowrank *c, struct rnn_bytes *out, struct rnn_err *err);

#endif
