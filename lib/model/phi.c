#include "model/phi.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "num/linalg.h"

void rnn_operator_phi(const struct rnn_operator *op, double *Phi)
{
    const size_t n = op->s * op->d, shift = n - op->d;
    memset(Phi, 0, n * n * sizeof *Phi);
    for (size_t i = 0; i < shift; i++) Phi[i * n + i + op->d] = 1;
    memcpy(Phi + shift * n, op->F, op->d * n * sizeof *Phi);
}

bool rnn_operator_selection(const struct rnn_operator *op, size_t *var, size_t *dim, int *sign)
{
    const size_t n = op->s * op->d;
    for (size_t i = 0; i < op->d; i++) {
        size_t found = 0, at = 0;
        for (size_t j = 0; j < n; j++)
            if (op->F[i * n + j] != 0) found++, at = j;
        if (found != 1 || fabs(op->F[i * n + at]) != 1) return false;
        if (var) var[i] = at / op->d;
        if (dim) dim[i] = at % op->d;
        if (sign) sign[i] = op->F[i * n + at] > 0 ? 1 : -1;
    }
    return true;
}

bool rnn_operator_permutes(const struct rnn_operator *op)
{
    size_t *dim = rnn_alloc(2 * op->d, sizeof *dim);
    if (!dim) return false;
    bool ok = rnn_operator_selection(op, NULL, dim, NULL);
    for (size_t i = 0; ok && i < op->d; i++) ok = dim[op->d + dim[i]]++ == 0;
    free(dim);
    return ok;
}

/* The L roots of lambda^L = g, exact at the quarter turns. */
static size_t roots_of(size_t L, int g, double _Complex *w)
{
    for (size_t k = 0; k < L; k++) {
        const size_t num = 2 * k + (g < 0); /* angle = pi * num / L */
        double re = cos(M_PI * (double)num / (double)L), im = sin(M_PI * (double)num / (double)L);
        if (2 * num == L || 2 * num == 3 * L) re = 0;
        if (num == 0 || num == L) im = 0;
        w[k] = re + im * I;
    }
    return L;
}

static int compare_argument(const void *pa, const void *pb)
{
    const double a = carg(*(const double _Complex *)pa), b = carg(*(const double _Complex *)pb);
    return (a > b) - (a < b);
}

static int cycle_rule(const struct rnn_operator *op, double _Complex *w, size_t *count, struct rnn_err *err)
{
    size_t *var = NULL;
    int *sign = NULL;
    RNN_TRY(rnn_alloc_into(&var, 3 * op->d, sizeof *var, err));
    if (rnn_alloc_into(&sign, op->d, sizeof *sign, err) < 0) return free(var), err->code;
    size_t *dim = var + op->d, *seen = var + 2 * op->d;
    rnn_operator_selection(op, var, dim, sign);
    *count = 0;
    for (size_t start = 0; start < op->d; start++) {
        /* Walk from `start`, marking with start+1: meeting our own mark closes a new cycle, an older mark ends a known walk. */
        size_t i = start;
        while (!seen[i]) seen[i] = start + 1, i = dim[i];
        if (seen[i] != start + 1) continue;
        size_t L = 0, j = i;
        int g = 1;
        do {
            L += op->s - var[j];
            g *= sign[j];
            j = dim[j];
        } while (j != i);
        *count += roots_of(L, g, w + *count);
    }
    free(var);
    free(sign);
    qsort(w, *count, sizeof *w, compare_argument);
    return RNN_OK;
}

static int numeric_spectrum(const struct rnn_operator *op, double _Complex *w, size_t *count, struct rnn_err *err)
{
    const size_t n = op->s * op->d;
    double *Phi = NULL;
    double _Complex *all = NULL;
    RNN_TRY(rnn_alloc_into(&Phi, n * n, sizeof *Phi, err));
    if (rnn_alloc_into(&all, n, sizeof *all, err) < 0) return free(Phi), err->code;
    rnn_operator_phi(op, Phi);
    const double floor_ = 1e-9 * (1 + rnn_norm2(op->d * n, op->F));
    const int rc = rnn_eig(n, Phi, all, NULL, NULL, err);
    *count = 0;
    for (size_t i = 0; rc >= 0 && i < n; i++)
        if (cabs(all[i]) > floor_) w[(*count)++] = all[i];
    qsort(w, *count, sizeof *w, compare_argument);
    free(Phi);
    free(all);
    return rc;
}

int rnn_operator_spectrum(const struct rnn_operator *op, double _Complex *w, size_t *count, bool *exact, struct rnn_err *err)
{
    if (!op->s || !op->d) return rnn_fail(err, RNN_ERR_ARG, "operator: needs at least one variable and one dimension");
    const bool selection = rnn_operator_selection(op, NULL, NULL, NULL);
    if (exact) *exact = selection;
    return selection ? cycle_rule(op, w, count, err) : numeric_spectrum(op, w, count, err);
}

int rnn_operator_essential(const struct rnn_operator *op, bool *keep, size_t *count, struct rnn_err *err)
{
    /* An element counts when arbitrarily long walks end in it and start from it.  Trimming elements without kept incoming or
     * outgoing edges until nothing changes leaves exactly those, and cannot overflow as powers of |Phi| would. */
    const size_t n = op->s * op->d;
    double *Phi = NULL;
    RNN_TRY(rnn_alloc_into(&Phi, n * n, sizeof *Phi, err));
    rnn_operator_phi(op, Phi);
    for (size_t i = 0; i < n; i++) keep[i] = true;
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t i = 0; i < n; i++) {
            bool in = false, out = false;
            for (size_t j = 0; keep[i] && j < n; j++) {
                in |= keep[j] && Phi[i * n + j] != 0;
                out |= keep[j] && Phi[j * n + i] != 0;
            }
            if (keep[i] && !(in && out)) keep[i] = false, changed = true;
        }
    }
    *count = 0;
    for (size_t i = 0; i < n; i++) *count += keep[i];
    free(Phi);
    return RNN_OK;
}
