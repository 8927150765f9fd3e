/* The learned interaction matrix, the complement, ports and decoding. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/lowrank.h"
#include "analysis/varmem.h"
#include "base/mem.h"
#include "num/linalg.h"

/* Column (m, i) is J Psi_(m-1, i) by construction of INPUT when that element is kept too; rows likewise for DUAL with (m+1, i). */
static bool exact_by_construction(const struct rnn_vm_basis *b, size_t d, size_t row, size_t col)
{
    const size_t e = b->variant == RNN_VM_DUAL ? b->element[row] : b->element[col];
    if (b->variant == RNN_VM_INPUT && e < d) return false;
    if (b->variant == RNN_VM_DUAL && e + d >= b->n) return false;
    if ((b->variant != RNN_VM_INPUT && b->variant != RNN_VM_DUAL) || b->norm != RNN_VM_NORM_NONE) return false;
    const size_t partner = b->variant == RNN_VM_DUAL ? e + d : e - d;
    for (size_t c = 0; c < b->kept; c++)
        if (b->element[c] == partner) return true;
    return false;
}

static void compare_phi(const struct rnn_vm_basis *b, size_t d, struct rnn_vm_phi *p)
{
    double diff = 0, norm = 0, on_sum = 0, info = 0, info_norm = 0;
    size_t on = 0, equal = 0;
    p->on_min = INFINITY, p->on_max = -INFINITY, p->exact_error = NAN;
    for (size_t r = 0; r < p->kept; r++)
        for (size_t c = 0; c < p->kept; c++) {
            const double l = p->learned[r * p->kept + c], t = p->theory[r * p->kept + c], e = l - t;
            diff += e * e, norm += t * t;
            if (exact_by_construction(b, d, r, c)) p->exact_error = fmax(p->exact_error, fabs(e));
            else info += e * e, info_norm += t * t;
            if (t != 0) {
                const double v = t > 0 ? l : -l;
                p->on_min = fmin(p->on_min, v), p->on_max = fmax(p->on_max, v), on_sum += v, on++;
            } else {
                p->off_max = fmax(p->off_max, fabs(l));
            }
            const int rounded = l >= 0.5 ? 1 : l <= -0.5 ? -1 : 0, target = t >= 0.5 ? 1 : t <= -0.5 ? -1 : 0;
            equal += rounded == target;
        }
    p->relative_error = sqrt(diff / norm);
    p->on_mean = on_sum / (double)on;
    p->match = (double)equal / (double)(p->kept * p->kept);
    p->informative_error = sqrt(info);
    p->informative_norm = sqrt(info_norm);
}

int rnn_vm_phi_make(const struct rnn_linear *lin, const struct rnn_operator *op, const struct rnn_vm_basis *b, struct rnn_vm_phi *p,
                    struct rnn_err *err)
{
    memset(p, 0, sizeof *p);
    const size_t N = b->N, k = p->kept = b->kept;
    double *Phi = NULL, *JPsi = NULL;
    int rc = rnn_alloc_into(&p->learned, k * k, sizeof *p->learned, err);
    if (rc >= 0) rc = rnn_alloc_into(&p->theory, k * k, sizeof *p->theory, err);
    if (rc >= 0) rc = rnn_alloc_into(&Phi, b->n * b->n, sizeof *Phi, err);
    if (rc >= 0) rc = rnn_alloc_into(&JPsi, N * k, sizeof *JPsi, err);
    if (rc >= 0) {
        rnn_operator_phi(op, Phi);
        for (size_t i = 0; i < k; i++)
            for (size_t j = 0; j < k; j++) p->theory[i * k + j] = Phi[b->element[i] * b->n + b->element[j]];
        rnn_gemm(0, 0, N, k, N, 1, lin->J, b->Psi, 0, JPsi);
        rnn_gemm(0, 0, k, k, N, 1, b->dual, JPsi, 0, p->learned);
        compare_phi(b, op->d, p);
        const double whole = rnn_norm2(N * k, JPsi);
        rnn_gemm(0, 0, N, k, k, -1, b->Psi, p->learned, 1, JPsi);
        p->leak = rnn_norm2(N * k, JPsi) / whole;
    }
    free(Phi);
    free(JPsi);
    if (rc < 0) rnn_vm_phi_release(p);
    return rc < 0 ? rc : RNN_OK;
}

void rnn_vm_phi_release(struct rnn_vm_phi *p)
{
    free(p->learned);
    free(p->theory);
    p->learned = p->theory = NULL;
}

/* Orthonormal basis C [N][N-k] of the orthogonal complement of span(Psi): the unit eigenvectors of I - Q Q'. */
static int complement_of(size_t N, size_t k, const double *Psi, double *C, struct rnn_err *err)
{
    double *Q = NULL, *M = NULL, *V = NULL, *w = NULL;
    int rc = rnn_alloc_into(&Q, N * k, sizeof *Q, err);
    if (rc >= 0) rc = rnn_alloc_into(&M, N * N, sizeof *M, err);
    if (rc >= 0) rc = rnn_alloc_into(&V, N * N, sizeof *V, err);
    if (rc >= 0) rc = rnn_alloc_into(&w, N, sizeof *w, err);
    if (rc >= 0) rc = rnn_qr(N, k, Psi, Q, NULL, err);
    if (rc >= 0) {
        for (size_t i = 0; i < N; i++) M[i * N + i] = 1;
        double *Qt = V; /* scratch */
        for (size_t i = 0; i < N; i++)
            for (size_t j = 0; j < k; j++) Qt[j * N + i] = Q[i * k + j];
        rnn_gemm(0, 0, N, N, k, -1, Q, Qt, 1, M);
        double *U = NULL;
        rc = rnn_alloc_into(&U, N * N, sizeof *U, err);
        if (rc >= 0) rc = rnn_eig_sym(N, M, w, U, err);
        for (size_t i = 0; rc >= 0 && i < N - k; i++)
            for (size_t u = 0; u < N; u++) C[u * (N - k) + i] = U[i * N + u];
        free(U);
    }
    free(Q);
    free(M);
    free(V);
    free(w);
    return rc;
}

/* Covariance [q][q] of the residuals in the complement's coordinates. Orthogonal coordinates remove span(Psi) whatever Psi* is, so
 * h itself serves: its part along Psi does not show. */
static int residual_covariance(size_t N, size_t q, size_t count, const double *h, const double *C, double *cov, struct rnn_err *err)
{
    double *Y = NULL;
    RNN_TRY(rnn_alloc_into(&Y, count * q, sizeof *Y, err));
    rnn_gemm(0, 0, count, q, N, 1, h, C, 0, Y);
    for (size_t j = 0; j < q; j++) {
        double mean = 0;
        for (size_t i = 0; i < count; i++) mean += Y[i * q + j];
        mean /= (double)count;
        for (size_t i = 0; i < count; i++) Y[i * q + j] -= mean;
    }
    rnn_gemm(1, 0, q, q, count, 1 / (double)(count > 1 ? count - 1 : 1), Y, Y, 0, cov);
    free(Y);
    return RNN_OK;
}

int rnn_vm_complement(const struct rnn_vm_basis *b, size_t count, const double *h, double *perp, double *variance, struct rnn_err *err)
{
    const size_t N = b->N, q = N - b->kept;
    if (!q) return RNN_OK;
    double *C = NULL, *cov = NULL, *V = NULL;
    int rc = rnn_alloc_into(&C, N * q, sizeof *C, err);
    if (rc >= 0) rc = rnn_alloc_into(&cov, q * q, sizeof *cov, err);
    if (rc >= 0) rc = rnn_alloc_into(&V, q * q, sizeof *V, err);
    if (rc >= 0) rc = complement_of(N, b->kept, b->Psi, C, err);
    if (rc >= 0) rc = residual_covariance(N, q, count, h, C, cov, err);
    if (rc >= 0) rc = rnn_eig_sym(q, cov, variance, V, err);
    if (rc >= 0) rnn_gemm(0, 1, N, q, q, 1, C, V, 0, perp);
    for (size_t i = 0; rc >= 0 && i < q; i++) variance[i] = fmax(variance[i], 0);
    free(C);
    free(cov);
    free(V);
    return rc < 0 ? rc : RNN_OK;
}

int rnn_vm_full_matrix(const struct rnn_linear *lin, const struct rnn_vm_basis *b, const double *perp, double *out, double norms[2][2],
                       struct rnn_err *err)
{
    const size_t N = b->N, k = b->kept, q = N - k;
    double *B = NULL, *Bi = NULL, *tmp = NULL;
    int rc = rnn_alloc_into(&B, N * N, sizeof *B, err);
    if (rc >= 0) rc = rnn_alloc_into(&Bi, N * N, sizeof *Bi, err);
    if (rc >= 0) rc = rnn_alloc_into(&tmp, N * N, sizeof *tmp, err);
    /* perp is orthonormal and orthogonal to Psi, so the inverse basis is [Psi+; perp']. */
    if (rc >= 0) rc = rnn_pinv(N, k, b->Psi, 1e-10, Bi, NULL, NULL, err);
    for (size_t u = 0; rc >= 0 && u < N; u++) {
        memcpy(B + u * N, b->Psi + u * k, k * sizeof *B);
        memcpy(B + u * N + k, perp + u * q, q * sizeof *B);
        for (size_t j = 0; j < q; j++) Bi[(k + j) * N + u] = perp[u * q + j];
    }
    if (rc >= 0) {
        rnn_gemm(0, 0, N, N, N, 1, lin->J, B, 0, tmp);
        rnn_gemm(0, 0, N, N, N, 1, Bi, tmp, 0, out);
        double sum[2][2] = {{0}};
        for (size_t i = 0; i < N; i++)
            for (size_t j = 0; j < N; j++) sum[i >= k][j >= k] += out[i * N + j] * out[i * N + j];
        for (int i = 0; i < 4; i++) norms[i / 2][i % 2] = sqrt(sum[i / 2][i % 2]);
    }
    free(B);
    free(Bi);
    free(tmp);
    return rc < 0 ? rc : RNN_OK;
}

/* Smallest and largest principal angle in degrees; NaN unless both spans have all d dimensions: of a poorer one the rest would be made up. */
static int angle_range(size_t N, size_t d, const double *A, const double *B, double *lo, double *hi, struct rnn_err *err)
{
    double *angle = NULL;
    size_t n = 0;
    RNN_TRY(rnn_alloc_into(&angle, d, sizeof *angle, err));
    const int rc = rnn_principal_angles(N, d, A, d, B, angle, &n, err);
    *lo = n == d ? angle[0] * 180 / M_PI : NAN;
    *hi = n == d ? angle[d - 1] * 180 / M_PI : NAN;
    free(angle);
    return rc;
}

int rnn_vm_ports_make(const struct rnn_linear *lin, const struct rnn_projector *proj, struct rnn_vm_ports *out, struct rnn_err *err)
{
    const size_t N = lin->N, d = lin->d;
    double *work = NULL;
    RNN_TRY(rnn_alloc_into(&work, 4 * N * d + 2 * d * d, sizeof *work, err));
    double *PU = work, *Rt = PU + N * d, *Rp = Rt + N * d, *PR = Rp + N * d, *RU = PR + N * d, *RPU = RU + d * d;
    rnn_gemm(0, 0, d, d, N, 1, lin->R, lin->D, 0, RU);
    rnn_gemm(0, 0, N, d, N, 1, proj->P, lin->D, 0, PU);
    rnn_gemm(0, 0, d, d, N, 1, lin->R, PU, 0, RPU);
    for (size_t i = 0; i < d; i++)
        for (size_t u = 0; u < N; u++) Rt[u * d + i] = lin->R[i * N + u];
    int rc = rnn_pinv(d, N, lin->R, 1e-10, Rp, NULL, NULL, err);
    if (rc >= 0) rnn_gemm(0, 0, N, d, N, 1, proj->P, Rp, 0, PR);
    *out = (struct rnn_vm_ports){.RPU_diag_min = INFINITY, .RPU_diag_max = -INFINITY};
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j < d; j++) {
            const double a = RU[i * d + j], p = RPU[i * d + j];
            if (i == j) {
                out->RU_diag_mean += a / (double)d;
                out->RPU_diag_min = fmin(out->RPU_diag_min, p), out->RPU_diag_max = fmax(out->RPU_diag_max, p);
            } else {
                out->RU_off_max = fmax(out->RU_off_max, fabs(a)), out->RPU_off_max = fmax(out->RPU_off_max, fabs(p));
            }
        }
    if (rc >= 0) rc = angle_range(N, d, lin->D, Rt, &out->angle_U_R_min, &out->angle_U_R_max, err);
    if (rc >= 0) rc = angle_range(N, d, PU, PR, &out->angle_PU_PR_min, &out->angle_PU_PR_max, err);
    free(work);
    return rc < 0 ? rc : RNN_OK;
}

/* Contents c [kept] after output step `offset` of trial k. */
static void contents(const struct rnn_vm_basis *b, const struct rnn_operator *op, const struct rnn_vm_trajectories *tr, size_t k,
                     size_t offset, double *c)
{
    rnn_gemv(0, b->kept, b->N, 1, b->dual, tr->h + (k * tr->T + op->s - 1 + offset) * b->N, 0, c);
}

static int check_offset(const struct rnn_operator *op, const struct rnn_vm_trajectories *tr, size_t offset, struct rnn_err *err)
{
    /* the newest variable holds full[offset + s - 1], which is the last thing looked up */
    if (op->s - 1 + offset < tr->T) return RNN_OK;
    return rnn_fail(err, RNN_ERR_ARG, "offset %zu lies beyond the trial of %zu steps", offset, tr->T);
}

int rnn_vm_decode(const struct rnn_vm_basis *b, const struct rnn_operator *op, const struct rnn_vm_trajectories *tr, size_t offset,
                  double *accuracy, double *r2, struct rnn_err *err)
{
    const size_t s = op->s, d = op->d;
    double *sums = NULL; /* per variable: right, total, squared error, sum, sum of squares; then the contents */
    RNN_TRY(check_offset(op, tr, offset, err));
    RNN_TRY(rnn_alloc_into(&sums, 5 * s + b->kept, sizeof *sums, err));
    double *x = sums + 5 * s;
    for (size_t k = 0; k < tr->K; k++) {
        contents(b, op, tr, k, offset, x);
        for (size_t c = 0; c < b->kept; c++) {
            const size_t m = b->element[c] / d, i = b->element[c] % d;
            const double truth = tr->full[(k * tr->T + offset + m) * d + i], v = x[c];
            double *a = sums + 5 * m;
            a[0] += (v >= tr->threshold) == (truth >= tr->threshold), a[1] += 1;
            a[2] += (v - truth) * (v - truth), a[3] += truth, a[4] += truth * truth;
        }
    }
    for (size_t m = 0; m < s; m++) {
        const double *a = sums + 5 * m;
        accuracy[m] = a[1] ? a[0] / a[1] : NAN;
        const double total = a[1] ? a[4] - a[3] * a[3] / a[1] : 0;
        if (r2) r2[m] = total > 1e-12 * a[4] ? 1 - a[2] / total : NAN;
    }
    free(sums);
    return RNN_OK;
}

int rnn_vm_activity(const struct rnn_vm_basis *b, const struct rnn_operator *op, const struct rnn_vm_trajectories *tr, size_t offset,
                    double *sd, struct rnn_err *err)
{
    double *x = NULL;
    RNN_TRY(check_offset(op, tr, offset, err));
    if (tr->K < 2) return rnn_fail(err, RNN_ERR_ARG, "activities need at least 2 trials");
    RNN_TRY(rnn_alloc_into(&x, 2 * b->kept, sizeof *x, err));
    double *mean = x + b->kept;
    for (int pass = 0; pass < 2; pass++)
        for (size_t k = 0; k < tr->K; k++) {
            contents(b, op, tr, k, offset, x);
            for (size_t c = 0; c < b->kept; c++) {
                if (!pass) mean[c] += x[c] / (double)tr->K, sd[c] = 0;
                else sd[c] += (x[c] - mean[c]) * (x[c] - mean[c]) / (double)(tr->K - 1);
            }
        }
    for (size_t c = 0; c < b->kept; c++) sd[c] = sqrt(sd[c]);
    free(x);
    return RNN_OK;
}

int rnn_vm_reduced_accuracy(const struct rnn_vm_basis *b, const struct rnn_vm_phi *phi, const struct rnn_operator *op,
                            const struct rnn_vm_trajectories *tr, double *accuracy, struct rnn_err *err)
{
    const size_t s = op->s, d = op->d, kept = b->kept;
    double *c = NULL;
    RNN_TRY(check_offset(op, tr, 0, err));
    RNN_TRY(rnn_alloc_into(&c, 2 * kept, sizeof *c, err));
    double *next = c + kept, right = 0, total = 0;
    for (size_t k = 0; k < tr->K; k++) {
        contents(b, op, tr, k, 0, c);
        for (size_t t = s; t < tr->T; t++) {
            rnn_gemv(0, kept, kept, 1, phi->learned, c, 0, next);
            memcpy(c, next, kept * sizeof *c);
            for (size_t e = 0; e < kept; e++) {
                if (b->element[e] / d != s - 1) continue;
                right += (c[e] >= tr->threshold) == (tr->full[(k * tr->T + t) * d + b->element[e] % d] >= tr->threshold);
                total += 1;
            }
        }
    }
    *accuracy = total ? right / total : NAN;
    free(c);
    return RNN_OK;
}

int rnn_vm_impulse(const struct rnn_linear *lin, size_t n_tau, double *diag_mean, double *off_max, struct rnn_err *err)
{
    const size_t N = lin->N, d = lin->d;
    double *X = NULL;
    RNN_TRY(rnn_alloc_into(&X, 2 * N * d + d * d, sizeof *X, err));
    double *Y = X + N * d, *G = Y + N * d;
    memcpy(X, lin->D, N * d * sizeof *X);
    for (size_t tau = 0; tau < n_tau; tau++) {
        rnn_gemm(0, 0, N, d, N, 1, lin->J, X, 0, Y);
        memcpy(X, Y, N * d * sizeof *X);
        rnn_gemm(0, 0, d, d, N, 1, lin->R, X, 0, G);
        diag_mean[tau] = off_max[tau] = 0;
        for (size_t i = 0; i < d * d; i++) {
            if (i % (d + 1) == 0) diag_mean[tau] += G[i] / (double)d;
            else off_max[tau] = fmax(off_max[tau], fabs(G[i]));
        }
    }
    free(X);
    return RNN_OK;
}
