/* rnn-varmem's job for one network: linearise, compare, find the basis, decode; everything as table and array
 * frames. */
#ifndef RNN_TOOL_VARMEM_H
#define RNN_TOOL_VARMEM_H

#include "analysis/varmem.h"
#include "tool/each_net.h"

/* Arrays that can be asked for. */
enum tool_vm_array {
    TOOL_VM_EIGENVALUES, /* eigenvalues [N] of each stage, eigenvalues_theory [n] */
    TOOL_VM_BASIS,  /* Psi [N][kept], Psi_dual [kept][N], complement [N][N-kept], complement_variance, per
                       variant and norm */
    TOOL_VM_PHI,    /* Phi_learned, Phi_theory [kept][kept] */
    TOOL_VM_FULL,   /* W_full [N][N] in [Psi complement] */
    TOOL_VM_LINEAR, /* J, D, R, x_star, projector */
    TOOL_VM_N_ARRAYS
};
extern const char *const tool_vm_array_names[];

struct tool_vm_plan {
    double theta, alpha;
    bool project;
    bool variant[RNN_VM_N_VARIANTS], norm[3], array[TOOL_VM_N_ARRAYS];
    size_t count, horizon;
    uint64_t seed;       /* of the random control */
    const char *picture; /* --input: digits, or text of a picture (see is_text); NULL: none */
    bool picture_is_text;
};

/* What all networks of one task share. */
struct tool_vm_task {
    const struct rnn_task *task;
    struct rnn_operator op;
    bool *keep; /* [n] essential elements */
    size_t kept;
    double _Complex *theory; /* [n_theory] */
    size_t n_theory;
    bool exact; /* by the cycle rule */
    struct rnn_trials tr;
    double *full; /* [K][T][d] contents: inputs, then targets */
    double threshold;
    double *picture; /* [s][d] chosen input, or NULL */
};
/* RNN_ERR_ARG when the task has no operator, or the picture does not fit it. */
int tool_vm_task_make(const struct tool_vm_plan *plan, const struct tool_task *of, struct tool_vm_task **out,
                      struct rnn_err *err);
void tool_vm_task_free(struct tool_vm_task *t);

/* Fills it->out.  What cannot be computed of a network stands in the tables by status, is counted in
 * it->failed and said in it->note; what a network merely does not have (too few slow modes) is a result. */
int tool_vm_analyse(const struct tool_vm_plan *plan, const struct tool_vm_task *t, struct tool_each_item *it,
                    struct rnn_err *err);

#endif
