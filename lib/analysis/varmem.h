/* Does a trained network hold its task's variable memories?  (Karuvally, DelMastro & Siegelmann 2023, section 5 and algorithm 1.)
 *
 * Everything is linear algebra about one fixed point x* of the autonomous network: J = dF/dx, D = dF/du there and R = do/dx.  For the
 * bias-free tanh networks of the paper x* = 0, J = W_rec, D = W_in, R = W_out; networks with biases and the other cells are
 * linearised (appendix C).  N units, operator with s variables of d dimensions, n = s d elements, element (m, i) at index m d + i
 * (0-based, variable 0 the oldest).  All matrices row-major. */
#ifndef RNN_ANALYSIS_VARMEM_H
#define RNN_ANALYSIS_VARMEM_H

#include <complex.h>
#include <stdbool.h>
#include "model/net.h"
#include "model/task.h"
#include "num/schur.h"
#include "model/phi.h"

/* ---- the linear system ---- */
struct rnn_linear {
    size_t N, d;          /* units; n_in = n_out = d */
    double *J, *D, *R;    /* [N][N], [N][d], [d][N] */
    double *x_star, *r_star, *o_star; /* [N] state, [N] rates, [d] output at x* */
    double residual;      /* |F(x*) - x*|_inf */
    int iterations;
};
/* x* by Newton from the origin, or from start [N]; RNN_ERR_NUMERIC when it does not converge to 1e-12 in 100 damped steps. */
int rnn_linearise(const struct rnn_net *net, const double *start, struct rnn_linear *out, struct rnn_err *err);
void rnn_linear_release(struct rnn_linear *l);

/* ---- the spectrum against theory ---- */
struct rnn_spectrum_match {
    size_t n_theory, n_ge_one, n_ge_theta;
    bool counts_agree;             /* n_ge_theta == n_theory: the comparison the theory asks for */
    double angle_mean, angle_max;  /* rad, optimal assignment of unit-modulus eigenvalues; of the n_theory largest when counts differ */
    double angle_greedy;           /* rad, the released code's greedy matching, list order */
    double modulus_min, modulus_max; /* of the matched modes */
    double next_modulus;           /* largest one left over */
    /* Directions: the distinct arguments of the theory, ascending in [0, 2 pi) (repeat copy: the s-th roots of unity).  found counts
     * modes |lambda| >= theta by their nearest direction, expected those of the theory. */
    size_t n_directions;
    double *direction;             /* [n_directions], rad */
    size_t *found, *expected;      /* [n_directions] */
    bool directions_agree;         /* found == expected everywhere */
};
/* w [N] eigenvalues of J ordered by modulus (rnn_eig); theory [n_theory].  With n_theory > N the counts are given, and the angles and
 * moduli are NaN. */
int rnn_spectrum_compare(size_t N, const double _Complex *w, size_t n_theory, const double _Complex *theory, double theta,
                         struct rnn_spectrum_match *out, struct rnn_err *err);
void rnn_spectrum_match_release(struct rnn_spectrum_match *m);

/* ---- the basis ---- */
enum rnn_vm_variant {
    RNN_VM_INPUT,    /* Psi_k = P J^(s-k) D, Psi* = Psi+ P */
    RNN_VM_MIXED,    /* Psi_k = P [a J^(s-k) D + (1-a) (J')^k R+] (eq 15), Psi* = Psi+ P */
    RNN_VM_CODE,     /* released code: Psi_k = J^(s-k) R+, unit columns, no projector, Psi* = Psi+ */
    RNN_VM_DUAL,     /* Psi*_k = R P J_L^-(s-k), Psi = P (Psi*)+: exact for every permuting operator */
    RNN_VM_BACKWARD, /* control: MIXED at a = 0 with the wrong power, (J')^(s-k) R+ */
    RNN_VM_N_VARIANTS
};
enum rnn_vm_norm { RNN_VM_NORM_NONE, RNN_VM_NORM_UNIT, RNN_VM_NORM_ACTIVITY };
extern const char *const rnn_vm_variant_names[], *const rnn_vm_norm_names[];

struct rnn_vm_basis {
    enum rnn_vm_variant variant;
    enum rnn_vm_norm norm;
    size_t N, n, kept;        /* elements in all, and essential ones (columns of Psi) */
    size_t *element;          /* [kept] index m d + i of each column */
    double *Psi, *dual;       /* [N][kept], [kept][N]; dual Psi = I */
    double cond;              /* of Psi (pinv) or of Psi* (dual) */
    size_t rank;
};
struct rnn_vm_options {
    enum rnn_vm_variant variant;
    enum rnn_vm_norm norm;
    double alpha;             /* MIXED */
    bool project;             /* false: without the spectral projector */
};
/* proj: of J at the chosen theta.  activity_sd [kept]: only for NORM_ACTIVITY (first call with NORM_NONE, measure, call again), else
 * NULL.  RNN_ERR_ARG when the variant does not apply (DUAL on an operator that neither permutes dimensions nor keeps all elements;
 * N < kept);
 * RNN_ERR_NUMERIC when the long-term subspace is smaller than needed (rank is reported in the message). */
int rnn_vm_basis_make(const struct rnn_linear *lin, const struct rnn_operator *op, const struct rnn_projector *proj,
                      const struct rnn_vm_options *opt, const double *activity_sd, struct rnn_vm_basis *out, struct rnn_err *err);
void rnn_vm_basis_release(struct rnn_vm_basis *b);

/* ---- the learned interaction matrix ---- */
struct rnn_vm_phi {
    size_t kept;
    double *learned, *theory; /* [kept][kept] */
    double relative_error;    /* |learned - theory|_F / |theory|_F */
    double on_min, on_mean, on_max, off_max; /* entries (times the theoretical sign) on the structure; modulus off it */
    double match;             /* share of entries equal to theory after rounding at 0.5 with sign */
    double informative_error, informative_norm; /* the block that is not exact by construction: first block column (INPUT), last
                                                   block row (DUAL), the whole matrix otherwise; Frobenius, and that of the theory */
    double exact_error;       /* largest deviation in the blocks that are exact by construction; NaN when there are none (they are there
                                 in INPUT and DUAL as long as columns keep their scale) */
    double leak;              /* |J Psi - Psi Phi_l| / |J Psi| */
};
int rnn_vm_phi_make(const struct rnn_linear *lin, const struct rnn_operator *op, const struct rnn_vm_basis *b, struct rnn_vm_phi *out,
                    struct rnn_err *err);
void rnn_vm_phi_release(struct rnn_vm_phi *p);

/* Vacuity control: the INPUT construction without projector on a random gaussian W (N(0, 1/N)) and the same D: error of the shift
 * blocks (zero by construction) and of the informative block. */
int rnn_vm_vacuity(const struct rnn_linear *lin, const struct rnn_operator *op, uint64_t seed, uint64_t index, double *shift_error,
                   double *informative_error, double *informative_norm, struct rnn_err *err);

/* ---- the complement and W in the complete basis ---- */
/* h [count][N] rates about x*.  perp [N][N-kept]: principal components of the residual h - Psi Psi* h made orthogonal to span(Psi),
 * completed to a basis; variance [N-kept] explained (zero for the completion). */
int rnn_vm_complement(const struct rnn_vm_basis *b, size_t count, const double *h, double *perp, double *variance, struct rnn_err *err);
/* J in [Psi perp]: out [N][N]; block Frobenius norms norms[2][2] (memory, rest). */
int rnn_vm_full_matrix(const struct rnn_linear *lin, const struct rnn_vm_basis *b, const double *perp, double *out, double norms[2][2],
                       struct rnn_err *err);

/* ---- ports: is the input written where the output is read? (A11) ---- */
struct rnn_vm_ports {
    double RU_diag_mean, RU_off_max, RPU_diag_min, RPU_diag_max, RPU_off_max;
    double angle_U_R_min, angle_U_R_max;   /* degrees, span(D) against span(R'); NaN where a span has fewer than d dimensions */
    double angle_PU_PR_min, angle_PU_PR_max; /* span(P D) against span(P R+); NaN with fewer than d long-term modes */
};
int rnn_vm_ports_make(const struct rnn_linear *lin, const struct rnn_projector *proj, struct rnn_vm_ports *out, struct rnn_err *err);

/* ---- decoding along trajectories ---- */
struct rnn_vm_trajectories {
    size_t K, T;
    const double *h;    /* [K][T][N] states about x* */
    const double *full; /* [K][T][d] inputs followed by targets */
    double threshold;   /* a content counts as + from here on: 0 for +-1, 1/2 for 0/1 */
};
/* Variable m (0-based) holds full[t+m] after step s-1+t.  accuracy [s] per variable at output offset t (t-s in the paper): agreement
 * of sides of the threshold over trials and kept elements (NaN where a variable has none); r2 [s] (NULL ok): 1 - residual / total, NaN
 * where its contents are the same in all trials. */
int rnn_vm_decode(const struct rnn_vm_basis *b, const struct rnn_operator *op, const struct rnn_vm_trajectories *tr, size_t offset,
                  double *accuracy, double *r2, struct rnn_err *err);
/* The linear reduced model c' = Phi_l c from c(s) = Psi* h(s): share of right sides of the newest variable against full, over the
 * steps that follow. */
int rnn_vm_reduced_accuracy(const struct rnn_vm_basis *b, const struct rnn_vm_phi *phi, const struct rnn_operator *op,
                            const struct rnn_vm_trajectories *tr, double *accuracy, struct rnn_err *err);
/* Standard deviation of each kept variable element's contents Psi* h over trials at output offset t: sd [kept]. */
int rnn_vm_activity(const struct rnn_vm_basis *b, const struct rnn_operator *op, const struct rnn_vm_trajectories *tr, size_t offset,
                    double *sd, struct rnn_err *err);

/* Impulse response G(tau) = R J^tau D, tau = 1 .. n_tau: mean of its diagonal, largest modulus off it, [n_tau] each. */
int rnn_vm_impulse(const struct rnn_linear *lin, size_t n_tau, double *diag_mean, double *off_max, struct rnn_err *err);

/* ---- pictures: contents that the eye can follow ---- */
/* Digits as +-1, u [s][d]: a column of pixels a step, rows from dimension (d-5+1)/2 on; glyphs of 3x5 with an empty column after
 * each where 4 steps a digit are there, else of 2x5 ("315" over 8 steps is the released code's picture).  RNN_ERR_ARG when the text is
 * no digits, does not fit, or has a digit without a narrow form (0, 8). */
int rnn_vm_picture(const char *digits, size_t s, size_t d, double *u, struct rnn_err *err);
/* The same from text: a line per dimension, either s characters, # on and . off, or s numbers separated by blanks. */
int rnn_vm_picture_text(const char *text, size_t s, size_t d, double *u, struct rnn_err *err);

#endif
