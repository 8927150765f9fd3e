/* The tables of rnn-varmem, one row each at a time.  Shared by lib/tool/varmem*.c only. */
#ifndef RNN_TOOL_VARMEM_TABLES_H
#define RNN_TOOL_VARMEM_TABLES_H

#include "io/table.h"
#include "tool/varmem.h"

enum vm_table {
    VM_SPECTRUM,
    VM_DIRECTION,
    VM_BASIS,
    VM_PHI,
    VM_DECODE,
    VM_PORTS,
    VM_IMPULSE,
    VM_CONTROL,
    VM_N_TABLES
};

/* One network under analysis. */
struct vm_job {
    const struct tool_vm_plan *plan;
    const struct tool_vm_task *t;
    const struct rnn_net *net;
    struct rnn_bytes *out;
    struct rnn_table *table[VM_N_TABLES]; /* rows of all variants gather here */
    struct rnn_linear lin;
    struct rnn_projector proj;
    double *h; /* [K][T][N] states about x* */
    struct rnn_vm_trajectories tr;
    double accuracy, accuracy_trained,
        loss;                /* over all outputs; over the horizon of the training; NaN when not run */
    int64_t trained_horizon; /* 0: not known */
};

/* The next row of a table, begun with what every row has (index, status, accuracy); close it with
 * rnn_table_row. */
int vm_row(struct vm_job *j, enum vm_table which, struct rnn_table **t, struct rnn_err *err);
/* Appends every table that has rows to j->out. */
int vm_tables_out(struct vm_job *j, struct rnn_err *err);
void vm_tables_free(struct vm_job *j);

/* stage: "trained", "weights" or "initial"; m NULL: why says what is missing. */
int vm_spectrum_rows(struct vm_job *j, const char *stage, const struct rnn_linear *lin,
                     const struct rnn_spectrum_match *m, const char *state, const char *why,
                     struct rnn_err *err);
int vm_ports_rows(struct vm_job *j, struct rnn_err *err);
int vm_control_rows(struct vm_job *j, struct rnn_err *err);

/* An array of the network with one label more (or none). */
int vm_array(struct vm_job *j, const char *name, const char *const *dims, enum rnn_dtype type, int ndim,
             const size_t *shape, const void *data, const struct rnn_vm_basis *of, const char *stage,
             struct rnn_err *err);

/* Everything that one variant in one norm gives. */
int vm_variant(struct vm_job *j, enum rnn_vm_variant variant, enum rnn_vm_norm norm, bool decode,
               struct rnn_err *err);
/* The network's run on the chosen input; its states and outputs, and with project (below) its contents in a
 * basis. */
int vm_picture(struct vm_job *j, struct rnn_err *err);

#endif
