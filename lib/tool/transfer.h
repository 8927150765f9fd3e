/* rnn-transfer's work: donors, conditions, one recipient's training with its curve, and what the curves say together. */
#ifndef RNN_TOOL_TRANSFER_H
#define RNN_TOOL_TRANSFER_H

#include "analysis/transfer.h"
#include "cli/cli.h"
#include "io/reader.h"
#include "io/writer.h"
#include "model/train.h"
#include "tool/items.h"

/* ---- donors ---- */

enum tool_control { TOOL_CONTROL_NONE, TOOL_CONTROL_SPECTRUM, TOOL_CONTROL_ROTATED };

struct tool_donor_segment {
    struct rnn_net **nets; size_t n, cap;
    struct tool_items items;
    const struct rnn_task *task; /* of its nets, or NULL */
    struct rnn_trials test;      /* its held-out trials (else training ones), K 0 when there are none: for forgetting */
};
struct tool_donor {
    char *name;
    size_t of;                   /* controls: the donor they are made from (itself otherwise) */
    enum tool_control control;
    struct rnn_reader *reader;   /* its head stays valid */
    uint64_t digest;
    struct tool_donor_segment *segments; size_t n_segments, cap_segments;
};
struct tool_donors { struct tool_donor *v; size_t n, cap; };

/* Reads "NAME=FILE" (or FILE: named donor, donor2, ...). */
int tool_donors_add(struct tool_donors *d, const char *word, size_t max_frame, struct rnn_err *err);
/* A control made from donor 0, named NAME-rotated, NAME-spectrum. */
int tool_donors_control(struct tool_donors *d, enum tool_control control, struct rnn_err *err);
/* The net that donor i gives to recipient `index` of segment `segment`: the only one there is, or that of its index; NULL. */
const struct rnn_net *tool_donor_net(const struct tool_donors *d, size_t i, size_t segment, uint64_t index, const struct tool_donor_segment **seg);
void tool_donors_release(struct tool_donors *d);

/* ---- conditions ---- */

#define TOOL_SCRATCH SIZE_MAX
struct tool_condition {
    char *name, *blocks, *frozen;          /* "class/i2h+h2h", "i2h+h2h", "" */
    size_t donor;                          /* TOOL_SCRATCH: nothing is loaded */
    const char *load[RNN_MAX_PARAMS]; size_t n_load; /* names within ps below */
    char **freeze; size_t n_freeze;        /* with those that hold for all */
    struct rnn_train_config config;        /* shallow copy of the common one with these two */
};
struct tool_conditions { struct tool_condition *v; size_t n, cap; struct rnn_params ps; };

/* The first condition is always scratch.  words: [DONOR/]BLOCK[:frozen|:random][+...], for every donor unless one is named (":random": frozen at its own
 * start); factorial: blocks each of which is fresh, loaded, or loaded and frozen.  c: the resolved common configuration. */
int tool_conditions_make(struct tool_conditions *out, const struct rnn_train_config *c, const struct tool_donors *donors, const struct cli_strs *words,
                         const struct cli_strs *factorial, struct rnn_err *err);
void tool_conditions_release(struct tool_conditions *c);

/* ---- one recipient ---- */

struct tool_transfer {
    const struct tool_conditions *conditions;
    const struct tool_donors *donors;
    const struct rnn_train_data *data;
    const struct rnn_trials *train, *test; /* measured; NULL or K 0: not there */
    const struct rnn_kvs *labels;
    struct rnn_transfer_map map;
    bool has_map;
    size_t segment;
    uint64_t first;                        /* number of the segment's first recipient */
    uint64_t seed, eval_every;             /* updates between measurements */
    double per_epoch;                      /* updates per epoch; 1 where there are none: epochs are updates then */
    double criterion;                      /* of accuracy on the training trials */
    bool keep_nets;
};

struct tool_curve { size_t n, cap; double *epoch, *update, *train_loss, *train_accuracy, *test_loss, *test_accuracy; };
struct tool_outcome {
    struct rnn_bytes out;                  /* the net and its tables */
    struct tool_curve curve;
    bool is_void;                          /* its donor cannot be used: nothing was trained */
    uint64_t index;
    size_t condition;
};
/* index: of the pair within the segment, which chooses the donor; the recipient's own number is first + index. */
int tool_transfer_run(const struct tool_transfer *t, size_t condition, uint64_t index, struct tool_outcome **out, struct rnn_err *err);
void tool_outcome_free(struct tool_outcome *o);
/* An outcome as frames for a checkpoint, and back (without index and condition, which the checkpoint's key says).  input names what the recipient was
 * trained on: RNN_ERR_ARG when a kept outcome was made from another. */
int tool_outcome_keep(const struct tool_outcome *o, const char *input, struct rnn_bytes *out, struct rnn_err *err);
int tool_outcome_kept(const struct rnn_bytes *kept, const char *input, struct tool_outcome **o, struct rnn_err *err);

/* ---- all of them ---- */

struct tool_endpoints {
    const double *at; size_t n_at;         /* epochs */
    double criterion, level;
    size_t B;
    uint64_t seed;
    const char *primary;                   /* condition that is compared with scratch ... */
    double primary_at;                     /* ... in test accuracy at this epoch */
    bool secondary[7];                     /* by tool_endpoint_names: the family that Holm's correction is over */
};
extern const char *const tool_endpoint_names[]; /* ends with NULL */
struct tool_results; /* curves of every (pair, condition) */
int tool_results_new(struct tool_results **r, const struct tool_conditions *c, struct rnn_err *err);
/* Takes the curve; pairs are counted by (segment, index). */
int tool_results_add(struct tool_results *r, size_t segment, struct tool_outcome *o, struct rnn_err *err);
/* Table transfer_test: every condition against scratch, and every condition of the first donor against the same of the others.
 * labels: those that all recipients were given. */
int tool_results_append(const struct tool_results *r, const struct tool_conditions *c, const struct tool_endpoints *e,
                        const struct rnn_kvs *labels, struct rnn_bytes *out, struct rnn_err *err);
void tool_results_free(struct tool_results *r);

#endif
