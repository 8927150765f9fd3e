/* The variable-memory basis in its variants. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/varmem.h"
#include "base/mem.h"
#include "num/linalg.h"
#include "num/rng.h"

const char *const rnn_vm_variant_names[] = {"input", "mixed", "code", "dual", "backward", NULL};
const char *const rnn_vm_norm_names[] = {"none", "unit", "activity", NULL};

static const double PINV_RTOL = 1e-10; /* relative: an absolute cutoff depends on the scale of the weights */

/* B [N][s d] with block k (0-based) = A^(power of k) start, start [N][d]; power s-1-k, or k+1 when `from_first`. */
static int power_blocks(size_t N, size_t s, size_t d, const double *A, int transpose, const double *start, bool from_first, double *B,
                        struct rnn_err *err)
{
    double *X = NULL;
    RNN_TRY(rnn_alloc_into(&X, 2 * N * d, sizeof *X, err));
    double *Y = X + N * d;
    memcpy(X, start, N * d * sizeof *X);
    if (from_first) rnn_gemm(transpose, 0, N, d, N, 1, A, X, 0, Y), memcpy(X, Y, N * d * sizeof *X);
    for (size_t p = 0; p < s; p++) {
        const size_t k = from_first ? p : s - 1 - p;
        for (size_t u = 0; u < N; u++) memcpy(B + u * s * d + k * d, X + u * d, d * sizeof *B);
        rnn_gemm(transpose, 0, N, d, N, 1, A, X, 0, Y);
        memcpy(X, Y, N * d * sizeof *X);
    }
    free(X);
    return RNN_OK;
}

/* R+ [N][d], the dual of the read-out weights. */
static int readout_dual(const struct rnn_linear *lin, double *Rp, struct rnn_err *err)
{
    size_t rank;
    RNN_TRY(rnn_pinv(lin->d, lin->N, lin->R, PINV_RTOL, Rp, &rank, NULL, err));
    if (rank < lin->d) return rnn_fail(err, RNN_ERR_NUMERIC, "read-out weights have rank %zu of %zu", rank, lin->d);
    return RNN_OK;
}

/* All s d columns of the variants that give Psi, before selection and projection. */
static int raw_columns(const struct rnn_linear *lin, const struct rnn_operator *op, const struct rnn_vm_options *opt, double *B,
                       struct rnn_err *err)
{
    const size_t N = lin->N, n = op->s * op->d;
    if (opt->variant == RNN_VM_INPUT) return power_blocks(N, op->s, op->d, lin->J, 0, lin->D, false, B, err);
    double *Rp = NULL, *C = NULL;
    RNN_TRY(rnn_alloc_into(&Rp, N * op->d, sizeof *Rp, err));
    int rc = readout_dual(lin, Rp, err);
    if (rc >= 0 && opt->variant == RNN_VM_CODE) rc = power_blocks(N, op->s, op->d, lin->J, 0, Rp, false, B, err);
    if (rc >= 0 && opt->variant == RNN_VM_BACKWARD) rc = power_blocks(N, op->s, op->d, lin->J, 1, Rp, false, B, err);
    if (rc >= 0 && opt->variant == RNN_VM_MIXED) {
        rc = rnn_alloc_into(&C, N * n, sizeof *C, err);
        if (rc >= 0) rc = power_blocks(N, op->s, op->d, lin->J, 0, lin->D, false, B, err);
        if (rc >= 0) rc = power_blocks(N, op->s, op->d, lin->J, 1, Rp, true, C, err);
        /* eq 15: the newest variable takes R+ itself, older ones (J')^k R+ */
        for (size_t u = 0; rc >= 0 && u < N; u++)
            for (size_t j = 0; j < n; j++) {
                const double back = j >= n - op->d ? Rp[u * op->d + j - (n - op->d)] : C[u * n + j];
                B[u * n + j] = opt->alpha * B[u * n + j] + (1 - opt->alpha) * back;
            }
    }
    free(Rp);
    free(C);
    return rc;
}

static double column_norm(size_t N, size_t kept, const double *Psi, size_t c)
{
    double sum = 0;
    for (size_t u = 0; u < N; u++) sum += Psi[u * kept + c] * Psi[u * kept + c];
    return sqrt(sum);
}

static int need_rank(const struct rnn_vm_basis *b, const struct rnn_projector *proj, bool project, struct rnn_err *err)
{
    if (b->rank == b->kept) return RNN_OK;
    return rnn_fail(err, RNN_ERR_NUMERIC, "%zu variable elements but only %zu independent directions%s (%zu long-term modes)", b->kept,
                    b->rank, project ? " in the long-term subspace" : "", proj->k);
}

/* Psi from columns: select, project, (code: unit columns), Psi* = Psi+ [P]. */
static int from_columns(const struct rnn_linear *lin, const struct rnn_operator *op, const struct rnn_projector *proj,
                        const struct rnn_vm_options *opt, struct rnn_vm_basis *b, struct rnn_err *err)
{
    const size_t N = lin->N, n = b->n, kept = b->kept;
    const bool project = opt->project && opt->variant != RNN_VM_CODE;
    double *B = NULL, *S = NULL, *pinv = NULL;
    int rc = rnn_alloc_into(&B, N * n, sizeof *B, err);
    if (rc >= 0) rc = rnn_alloc_into(&S, N * kept, sizeof *S, err);
    if (rc >= 0) rc = rnn_alloc_into(&pinv, N * kept, sizeof *pinv, err);
    if (rc >= 0) rc = raw_columns(lin, op, opt, B, err);
    for (size_t u = 0; rc >= 0 && u < N; u++)
        for (size_t c = 0; c < kept; c++) S[u * kept + c] = B[u * n + b->element[c]];
    if (rc >= 0 && project) rnn_gemm(0, 0, N, kept, N, 1, proj->P, S, 0, b->Psi);
    else if (rc >= 0) memcpy(b->Psi, S, N * kept * sizeof *S);
    for (size_t c = 0; rc >= 0 && opt->variant == RNN_VM_CODE && c < kept; c++) {
        const double norm = column_norm(N, kept, b->Psi, c);
        for (size_t u = 0; norm > 0 && u < N; u++) b->Psi[u * kept + c] /= norm;
    }
    if (rc >= 0) rc = rnn_pinv(N, kept, b->Psi, PINV_RTOL, pinv, &b->rank, &b->cond, err);
    if (rc >= 0) rc = need_rank(b, proj, project, err);
    if (rc >= 0 && project) rnn_gemm(0, 0, kept, N, N, 1, pinv, proj->P, 0, b->dual);
    else if (rc >= 0) memcpy(b->dual, pinv, N * kept * sizeof *pinv);
    free(B);
    free(S);
    free(pinv);
    return rc;
}

/* Psi*_k = R P J_L^-(s-1-k) = (R Q) T^-(s-1-k) dual_P, Psi = P (Psi*)+. */
static int from_rows(const struct rnn_linear *lin, const struct rnn_operator *op, const struct rnn_projector *proj, struct rnn_vm_basis *b,
                     struct rnn_err *err)
{
    const size_t N = lin->N, d = op->d, k = proj->k, kept = b->kept;
    b->rank = k;
    if (k < kept) return need_rank(b, proj, true, err);
    double *X = NULL, *Ti = NULL, *rows = NULL, *pinv = NULL;
    int rc = rnn_alloc_into(&X, 2 * d * k, sizeof *X, err);
    if (rc >= 0) rc = rnn_alloc_into(&Ti, k * k, sizeof *Ti, err);
    if (rc >= 0) rc = rnn_alloc_into(&rows, b->n * k, sizeof *rows, err);
    if (rc >= 0) rc = rnn_alloc_into(&pinv, N * kept, sizeof *pinv, err);
    if (rc >= 0) rc = rnn_inverse(k, proj->T, Ti, NULL, err);
    if (rc >= 0) {
        rnn_gemm(0, 0, d, k, N, 1, lin->R, proj->Q, 0, X);
        for (size_t m = op->s; m-- > 0;) {
            memcpy(rows + m * d * k, X, d * k * sizeof *X);
            rnn_gemm(0, 0, d, k, k, 1, X, Ti, 0, X + d * k);
            memcpy(X, X + d * k, d * k * sizeof *X);
        }
        for (size_t c = 0; c < kept; c++) rnn_gemv(1, k, N, 1, proj->dual, rows + b->element[c] * k, 0, b->dual + c * N);
        rc = rnn_pinv(kept, N, b->dual, PINV_RTOL, pinv, &b->rank, &b->cond, err);
    }
    if (rc >= 0) rc = need_rank(b, proj, true, err);
    if (rc >= 0) rnn_gemm(0, 0, N, kept, N, 1, proj->P, pinv, 0, b->Psi);
    free(X);
    free(Ti);
    free(rows);
    free(pinv);
    return rc;
}

static void rescale(struct rnn_vm_basis *b, const double *activity_sd)
{
    for (size_t c = 0; c < b->kept; c++) {
        double f = 1;
        if (b->norm == RNN_VM_NORM_UNIT) f = 1 / column_norm(b->N, b->kept, b->Psi, c);
        if (b->norm == RNN_VM_NORM_ACTIVITY) f = activity_sd[c];
        if (!(f > 0) || !isfinite(f)) continue; /* a variable that never moves keeps its scale */
        for (size_t u = 0; u < b->N; u++) b->Psi[u * b->kept + c] *= f, b->dual[c * b->N + u] /= f;
    }
}

static int select_elements(const struct rnn_operator *op, struct rnn_vm_basis *b, struct rnn_err *err)
{
    bool *keep = NULL;
    RNN_TRY(rnn_alloc_into(&keep, b->n, sizeof *keep, err));
    int rc = rnn_operator_essential(op, keep, &b->kept, err);
    if (rc >= 0) rc = rnn_alloc_into(&b->element, b->kept, sizeof *b->element, err);
    for (size_t i = 0, c = 0; rc >= 0 && i < b->n; i++)
        if (keep[i]) b->element[c++] = i;
    free(keep);
    return rc;
}

int rnn_vm_basis_make(const struct rnn_linear *lin, const struct rnn_operator *op, const struct rnn_projector *proj,
                      const struct rnn_vm_options *opt, const double *activity_sd, struct rnn_vm_basis *b, struct rnn_err *err)
{
    memset(b, 0, sizeof *b);
    b->variant = opt->variant;
    b->norm = opt->variant == RNN_VM_CODE ? RNN_VM_NORM_UNIT : opt->norm;
    b->N = lin->N;
    b->n = op->s * op->d;
    if (op->d != lin->d) return rnn_fail(err, RNN_ERR_ARG, "operator has %zu dimensions, network %zu", op->d, lin->d);
    if (b->norm == RNN_VM_NORM_ACTIVITY && !activity_sd) return rnn_fail(err, RNN_ERR_ARG, "activity norm needs measured activities");
    int rc = select_elements(op, b, err);
    if (rc >= 0 && b->kept > b->N)
        rc = rnn_fail(err, RNN_ERR_ARG, "%zu units cannot hold %zu variable elements", b->N, b->kept);
    if (rc >= 0 && opt->variant == RNN_VM_DUAL && b->kept < b->n && !rnn_operator_permutes(op))
        rc = rnn_fail(err, RNN_ERR_ARG, "the dual basis needs an operator that permutes dimensions");
    if (rc >= 0 && !b->kept) rc = rnn_fail(err, RNN_ERR_ARG, "operator keeps nothing: no element lies on a cycle");
    if (rc >= 0) rc = rnn_alloc_into(&b->Psi, b->N * b->kept, sizeof *b->Psi, err);
    if (rc >= 0) rc = rnn_alloc_into(&b->dual, b->N * b->kept, sizeof *b->dual, err);
    if (rc >= 0) rc = opt->variant == RNN_VM_DUAL ? from_rows(lin, op, proj, b, err) : from_columns(lin, op, proj, opt, b, err);
    if (rc >= 0) rescale(b, activity_sd);
    if (rc < 0) rnn_vm_basis_release(b);
    return rc < 0 ? rc : RNN_OK;
}

void rnn_vm_basis_release(struct rnn_vm_basis *b)
{
    free(b->element);
    free(b->Psi);
    free(b->dual);
    memset(b, 0, sizeof *b);
}

/* W [N][N], entries N(0, 1/N): spectral radius about 1. */
static int random_matrix(size_t N, uint64_t seed, uint64_t index, double *W, struct rnn_err *err)
{
    struct rnn_rng g;
    RNN_TRY(rnn_rng_at(&g, seed, RNN_RNG_ANALYSIS, index, 0, 0, err));
    rnn_rng_normals_f64(&g, N * N, W);
    for (size_t i = 0; i < N * N; i++) W[i] /= sqrt((double)N);
    return RNN_OK;
}

int rnn_vm_vacuity(const struct rnn_linear *lin, const struct rnn_operator *op, uint64_t seed, uint64_t index, double *shift_error,
                   double *informative_error, double *informative_norm, struct rnn_err *err)
{
    struct rnn_linear random = *lin;
    const struct rnn_projector none = {.n = lin->N};
    const struct rnn_vm_options opt = {.variant = RNN_VM_INPUT, .project = false};
    struct rnn_vm_basis b = {0};
    struct rnn_vm_phi phi = {0};
    random.J = NULL;
    RNN_TRY(rnn_alloc_into(&random.J, lin->N * lin->N, sizeof *random.J, err));
    int rc = random_matrix(lin->N, seed, index, random.J, err);
    if (rc >= 0) rc = rnn_vm_basis_make(&random, op, &none, &opt, NULL, &b, err);
    if (rc >= 0) rc = rnn_vm_phi_make(&random, op, &b, &phi, err);
    if (rc >= 0) {
        *informative_error = phi.informative_error;
        *informative_norm = phi.informative_norm;
        *shift_error = phi.exact_error;
    }
    rnn_vm_phi_release(&phi);
    rnn_vm_basis_release(&b);
    free(random.J);
    return rc < 0 ? rc : RNN_OK;
}
