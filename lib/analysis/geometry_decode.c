/* What can be read from population states: see geometry.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/geometry.h"
#include "base/mem.h"
#include "num/linalg.h"

static int check_finite(size_t n, const double *X, struct rnn_err *err)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(X[i])) return rnn_fail(err, RNN_ERR_NUMERIC, "a state is not finite");
    return RNN_OK;
}

void rnn_group_means(size_t n, size_t d, const double *X, const size_t *g, size_t G, double *C, size_t *count)
{
    memset(C, 0, G * d * sizeof *C);
    memset(count, 0, G * sizeof *count);
    for (size_t i = 0; i < n; i++) {
        if (g[i] == RNN_NO_GROUP) continue;
        count[g[i]]++;
        for (size_t u = 0; u < d; u++) C[g[i] * d + u] += X[i * d + u];
    }
    for (size_t c = 0; c < G; c++)
        for (size_t u = 0; u < d; u++) C[c * d + u] = count[c] ? C[c * d + u] / (double)count[c] : NAN;
}

/* ---- share of variance ---- */

static double variance_share(size_t n, size_t d, const double *X, const size_t *g, size_t G, const double *C, const size_t *count,
                             double *mean)
{
    size_t n_all = 0, n_groups = 0;
    double between = 0, total = 0, size = 0;
    for (size_t c = 0; c < G; c++) {
        n_all += count[c];
        n_groups += count[c] > 0;
        for (size_t u = 0; u < d && count[c]; u++) mean[u] += (double)count[c] * C[c * d + u];
    }
    for (size_t u = 0; u < d; u++) mean[u] /= (double)n_all;
    for (size_t c = 0; c < G; c++)
        for (size_t u = 0; u < d && count[c]; u++) between += (double)count[c] * (C[c * d + u] - mean[u]) * (C[c * d + u] - mean[u]);
    for (size_t i = 0; i < n; i++)
        for (size_t u = 0; u < d && g[i] != RNN_NO_GROUP; u++) {
            total += (X[i * d + u] - mean[u]) * (X[i * d + u] - mean[u]);
            size += X[i * d + u] * X[i * d + u];
        }
    return n_groups < 2 || !(total > 1e-28 * size) ? NAN : between / total;
}

int rnn_eta2(size_t n, size_t d, const double *X, const size_t *g, size_t G, double *eta2, struct rnn_err *err)
{
    double *C = NULL;
    size_t *count = NULL;
    RNN_TRY(check_finite(n * d, X, err));
    int rc = rnn_alloc_into(&C, (G + 1) * d, sizeof *C, err); /* the last row: the mean of all */
    if (rc >= 0) rc = rnn_alloc_into(&count, G, sizeof *count, err);
    if (rc >= 0) {
        rnn_group_means(n, d, X, g, G, C, count);
        *eta2 = variance_share(n, d, X, g, G, C, count, C + G * d);
    }
    free(C);
    free(count);
    return rc < 0 ? rc : RNN_OK;
}

/* ---- counting right answers ---- */

struct tally { size_t *n, *right, G; };

static int tally_new(struct tally *t, size_t G, struct rnn_err *err)
{
    *t = (struct tally){ .G = G };
    RNN_TRY(rnn_alloc_into(&t->n, 2 * G, sizeof *t->n, err));
    t->right = t->n + G;
    return RNN_OK;
}

static void tally_close(struct tally *t, struct rnn_decoded *out)
{
    size_t n = 0, right = 0, groups = 0;
    double shares = 0;
    for (size_t c = 0; c < t->G; c++) {
        n += t->n[c];
        right += t->right[c];
        if (!t->n[c]) continue;
        groups++;
        shares += (double)t->right[c] / (double)t->n[c];
    }
    *out = (struct rnn_decoded){ .n = n, .accuracy = n ? (double)right / (double)n : NAN, .balanced = groups ? shares / (double)groups : NAN };
    free(t->n);
}

/* ---- nearest class mean ---- */

static size_t nearest(size_t d, const double *x, size_t G, const double *C, const size_t *count)
{
    size_t best = RNN_NO_GROUP;
    double least = INFINITY;
    for (size_t c = 0; c < G; c++) {
        double dist = 0;
        if (!count[c]) continue;
        for (size_t u = 0; u < d; u++) dist += (x[u] - C[c * d + u]) * (x[u] - C[c * d + u]);
        if (dist < least) { least = dist; best = c; }
    }
    return best;
}

int rnn_nearest_mean(size_t d, size_t n, const double *X, const size_t *g, size_t nt, const double *Xt, const size_t *gt, size_t G,
                     struct rnn_decoded *out, struct rnn_err *err)
{
    double *C = NULL;
    size_t *count = NULL;
    struct tally t = { 0 };
    RNN_TRY(check_finite(n * d, X, err));
    RNN_TRY(check_finite(nt * d, Xt, err));
    int rc = rnn_alloc_into(&C, G * d, sizeof *C, err);
    if (rc >= 0) rc = rnn_alloc_into(&count, G, sizeof *count, err);
    if (rc >= 0) rc = tally_new(&t, G, err);
    if (rc >= 0) {
        rnn_group_means(n, d, X, g, G, C, count);
        for (size_t i = 0; i < nt; i++) {
            if (gt[i] == RNN_NO_GROUP || !count[gt[i]]) continue;
            t.n[gt[i]]++;
            t.right[gt[i]] += nearest(d, Xt + i * d, G, C, count) == gt[i];
        }
        tally_close(&t, out);
    }
    free(C);
    free(count);
    return rc < 0 ? rc : RNN_OK;
}

/* ---- ridge ---- */

/* A weighted least-squares problem about one design and k targets: W [d][k] and the intercepts b [k]. */
struct ridge { size_t d, k; double *W, *b, *mean; };

static void ridge_release(struct ridge *r)
{
    free(r->W);
    free(r->b);
    free(r->mean);
}

/* Mean squared distance from the (unweighted) mean state, per unit: the scale of lambda. */
static double spread(size_t n, size_t d, const double *X, double *mean)
{
    double s = 0;
    for (size_t u = 0; u < d; u++) {
        mean[u] = 0;
        for (size_t i = 0; i < n; i++) mean[u] += X[i * d + u];
        mean[u] /= (double)n;
        for (size_t i = 0; i < n; i++) s += (X[i * d + u] - mean[u]) * (X[i * d + u] - mean[u]);
    }
    return s / (double)n / (double)d;
}

/* The free intercept takes the weighted means out of states and targets: Y [n][k] is centred in place, A = sum c x x' + lambda s. */
static int ridge_fit(size_t n, size_t d, size_t k, const double *X, const double *c, double *Y, double lambda, struct ridge *r,
                     struct rnn_err *err)
{
    double *Xc = NULL, *A = NULL, *B = NULL;
    *r = (struct ridge){ .d = d, .k = k };
    int rc = rnn_alloc_into(&r->W, d * k, sizeof *r->W, err);
    if (rc >= 0) rc = rnn_alloc_into(&r->b, k, sizeof *r->b, err);
    if (rc >= 0) rc = rnn_alloc_into(&r->mean, d, sizeof *r->mean, err);
    if (rc >= 0) rc = rnn_alloc_into(&Xc, n * d, sizeof *Xc, err);
    if (rc >= 0) rc = rnn_alloc_into(&A, d * d, sizeof *A, err);
    if (rc >= 0) rc = rnn_alloc_into(&B, d * k, sizeof *B, err);
    if (rc >= 0) {
        const double s = spread(n, d, X, r->mean), penalty = lambda * s;
        memset(r->mean, 0, d * sizeof *r->mean);
        for (size_t i = 0; i < n; i++) {
            for (size_t u = 0; u < d; u++) r->mean[u] += c[i] * X[i * d + u];
            for (size_t j = 0; j < k; j++) r->b[j] += c[i] * Y[i * k + j];
        }
        for (size_t i = 0; i < n; i++) {
            const double root = sqrt(c[i]);
            for (size_t u = 0; u < d; u++) Xc[i * d + u] = root * (X[i * d + u] - r->mean[u]);
            for (size_t j = 0; j < k; j++) Y[i * k + j] = root * (Y[i * k + j] - r->b[j]);
        }
        rnn_gemm(1, 0, d, d, n, 1, Xc, Xc, 0, A);
        rnn_gemm(1, 0, d, k, n, 1, Xc, Y, 0, B);
        for (size_t u = 0; u < d; u++) A[u * d + u] += penalty;
        /* Without variance there is nothing to read, and with lambda 0 the least-norm solution is meant. */
        if (!(s > 0)) memset(r->W, 0, d * k * sizeof *r->W);
        else if (lambda > 0) rc = rnn_solve(d, k, A, B, r->W, NULL, err);
        else rc = rnn_lstsq(n, d, k, Xc, Y, r->W, err);
    }
    free(Xc);
    free(A);
    free(B);
    if (rc < 0) ridge_release(r);
    return rc < 0 ? rc : RNN_OK;
}

static double ridge_score(const struct ridge *r, const double *x, size_t j)
{
    double s = r->b[j];
    for (size_t u = 0; u < r->d; u++) s += r->W[u * r->k + j] * (x[u] - r->mean[u]);
    return s;
}

/* The states that count, packed, with the compact number of their group; present[c] is that number or RNN_NO_GROUP. */
struct labelled { double *X; size_t *g, *present, *size, n, G; };

static void labelled_release(struct labelled *l)
{
    free(l->X);
    free(l->g);
    free(l->present);
    free(l->size);
}

static int label(size_t n, size_t d, const double *X, const size_t *g, size_t G, struct labelled *l, struct rnn_err *err)
{
    *l = (struct labelled){ 0 };
    int rc = rnn_alloc_into(&l->X, n * d, sizeof *l->X, err);
    if (rc >= 0) rc = rnn_alloc_into(&l->g, n, sizeof *l->g, err);
    if (rc >= 0) rc = rnn_alloc_into(&l->present, G, sizeof *l->present, err);
    if (rc >= 0) rc = rnn_alloc_into(&l->size, G, sizeof *l->size, err);
    if (rc < 0) { labelled_release(l); return rc; }
    for (size_t i = 0; i < n; i++)
        if (g[i] != RNN_NO_GROUP) l->size[g[i]]++;
    for (size_t c = 0; c < G; c++) {
        l->present[c] = l->size[c] ? l->G : RNN_NO_GROUP;
        if (l->size[c]) l->size[l->G++] = l->size[c];
    }
    for (size_t i = 0; i < n; i++) {
        if (g[i] == RNN_NO_GROUP) continue;
        memcpy(l->X + l->n * d, X + i * d, d * sizeof *X);
        l->g[l->n++] = l->present[g[i]];
    }
    return RNN_OK;
}

static int fit_labels(const struct labelled *l, size_t d, double lambda, struct ridge *r, struct rnn_err *err)
{
    const size_t k = l->G == 2 ? 1 : l->G;
    double *Y = NULL, *c = NULL;
    int rc = rnn_alloc_into(&Y, l->n * k, sizeof *Y, err);
    if (rc >= 0) rc = rnn_alloc_into(&c, l->n, sizeof *c, err);
    for (size_t i = 0; rc >= 0 && i < l->n; i++) {
        c[i] = k == 1 ? 0.5 / (double)l->size[l->g[i]] : 1 / (double)l->n;
        for (size_t j = 0; j < k; j++) Y[i * k + j] = (k == 1 ? l->g[i] == 1 : l->g[i] == j) ? 1 : -1;
    }
    if (rc >= 0) rc = ridge_fit(l->n, d, k, l->X, c, Y, lambda, r, err);
    free(Y);
    free(c);
    return rc;
}

static size_t ridge_answer(const struct ridge *r, const double *x)
{
    size_t best = 0;
    double most = -INFINITY;
    if (r->k == 1) return ridge_score(r, x, 0) > 0;
    for (size_t j = 0; j < r->k; j++) {
        const double s = ridge_score(r, x, j);
        if (s > most) { most = s; best = j; }
    }
    return best;
}

int rnn_ridge_decode(size_t d, size_t n, const double *X, const size_t *g, size_t nt, const double *Xt, const size_t *gt, size_t G,
                     double lambda, struct rnn_decoded *out, struct rnn_err *err)
{
    struct labelled l;
    struct ridge r;
    struct tally t = { 0 };
    *out = (struct rnn_decoded){ .accuracy = NAN, .balanced = NAN };
    RNN_TRY(check_finite(n * d, X, err));
    RNN_TRY(check_finite(nt * d, Xt, err));
    RNN_TRY(label(n, d, X, g, G, &l, err));
    if (l.G < 2) { labelled_release(&l); return RNN_OK; }
    int rc = fit_labels(&l, d, lambda, &r, err);
    if (rc < 0) { labelled_release(&l); return rc; }
    rc = tally_new(&t, l.G, err);
    for (size_t i = 0; rc >= 0 && i < nt; i++) {
        const size_t is = gt[i] == RNN_NO_GROUP ? RNN_NO_GROUP : l.present[gt[i]];
        if (is == RNN_NO_GROUP) continue;
        t.n[is]++;
        t.right[is] += ridge_answer(&r, Xt + i * d) == is;
    }
    if (rc >= 0) tally_close(&t, out);
    ridge_release(&r);
    labelled_release(&l);
    return rc < 0 ? rc : RNN_OK;
}

int rnn_ridge_regress(size_t d, size_t n, const double *X, const double *y, size_t nt, const double *Xt, const double *yt,
                      double lambda, double *r2, struct rnn_err *err)
{
    struct ridge r;
    double *Y = NULL, *c = NULL, mean = 0, left = 0, total = 0;
    *r2 = NAN;
    RNN_TRY(check_finite(n * d, X, err));
    RNN_TRY(check_finite(nt * d, Xt, err));
    if (!n || !nt) return RNN_OK;
    int rc = rnn_alloc_into(&Y, n, sizeof *Y, err);
    if (rc >= 0) rc = rnn_alloc_into(&c, n, sizeof *c, err);
    for (size_t i = 0; rc >= 0 && i < n; i++) {
        c[i] = 1 / (double)n;
        Y[i] = y[i];
    }
    if (rc >= 0) rc = ridge_fit(n, d, 1, X, c, Y, lambda, &r, err);
    free(Y);
    free(c);
    RNN_TRY(rc);
    for (size_t i = 0; i < nt; i++) mean += yt[i] / (double)nt;
    for (size_t i = 0; i < nt; i++) {
        const double miss = yt[i] - ridge_score(&r, Xt + i * d, 0);
        left += miss * miss;
        total += (yt[i] - mean) * (yt[i] - mean);
    }
    if (total > 0) *r2 = 1 - left / total;
    ridge_release(&r);
    return RNN_OK;
}
