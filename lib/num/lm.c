#include "num/solve.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "num/linalg.h"

/* The damped step solves  [J; sqrt(mu) D] h = [-f; 0]  in the least squares sense, D = largest norm each column of J has had
 * (Marquardt's scaling): the answer does not depend on the units of the parameters, and J'J, which squares the condition, is
 * never formed. */
struct lm {
    size_t n, m;
    double *x, *trial, *f, *f_trial, *J, *D, *step, *A, *rhs, *s, *Vt;
    rnn_residual_fn *residual;
    rnn_jacobian_fn *jacobian;
    void *ctx;
    size_t n_eval;
};

static double half_square(size_t n, const double *f)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += f[i] * f[i];
    return sum / 2;
}

/* 0 and *cost, a positive number where there is no finite value, or a failure. */
static int evaluate(struct lm *s, const double *x, double *f, double *cost)
{
    s->n_eval++;
    const int rc = s->residual(s->n, x, s->m, f, s->ctx);
    if (rc != 0) return rc;
    *cost = half_square(s->m, f);
    return isfinite(*cost) ? 0 : 1;
}

static int differentiate(struct lm *s, struct rnn_err *err)
{
    if (s->jacobian) {
        const int rc = s->jacobian(s->n, s->x, s->m, s->J, s->ctx);
        return rc > 0 ? rnn_fail(err, RNN_ERR_NUMERIC, "fit: no finite Jacobian") : rc;
    }
    for (size_t j = 0; j < s->n; j++) {
        double h = sqrt(DBL_EPSILON) * fmax(fabs(s->x[j]), 1e-3), ignored;
        int rc = 1;
        memcpy(s->trial, s->x, s->n * sizeof *s->x);
        for (int side = 0; side < 2 && rc > 0; side++, h = -h) { /* backward where forward leaves the domain */
            s->trial[j] = s->x[j] + h;
            rc = evaluate(s, s->trial, s->f_trial, &ignored);
            s->n_eval--;
        }
        if (rc > 0) return rnn_fail(err, RNN_ERR_NUMERIC, "fit: no finite value beside parameter %zu", j);
        if (rc < 0) return rc;
        const double taken = s->trial[j] - s->x[j]; /* as rounded */
        for (size_t i = 0; i < s->m; i++) s->J[i * s->n + j] = (s->f_trial[i] - s->f[i]) / taken;
    }
    return RNN_OK;
}

/* Column norms into D (kept at their largest); returns the largest cosine between f and a column, 0 at a stationary point. */
static double scale_columns(struct lm *s)
{
    const double f_norm = rnn_norm2(s->m, s->f);
    double worst = 0;
    for (size_t j = 0; j < s->n; j++) {
        double norm = 0, dot = 0;
        for (size_t i = 0; i < s->m; i++) {
            norm += s->J[i * s->n + j] * s->J[i * s->n + j];
            dot += s->J[i * s->n + j] * s->f[i];
        }
        norm = sqrt(norm);
        s->D[j] = fmax(s->D[j], norm);
        if (norm > 0 && f_norm > 0) worst = fmax(worst, fabs(dot) / norm / f_norm);
    }
    return worst;
}

static int damped_step(struct lm *s, double mu, struct rnn_err *err)
{
    const size_t n = s->n, m = s->m;
    memcpy(s->A, s->J, m * n * sizeof *s->A);
    memset(s->A + m * n, 0, n * n * sizeof *s->A);
    memset(s->rhs + m, 0, n * sizeof *s->rhs);
    for (size_t i = 0; i < m; i++) s->rhs[i] = -s->f[i];
    for (size_t j = 0; j < n; j++) s->A[(m + j) * n + j] = sqrt(mu) * (s->D[j] > 0 ? s->D[j] : 1);
    return rnn_lstsq(m + n, n, 1, s->A, s->rhs, s->step, err);
}

/* What the linear model promises: cost(x) - model(x + step) = 1/2 |J step|^2 + mu |D step|^2. */
static double predicted_fall(const struct lm *s, double mu)
{
    double fall = 0;
    for (size_t i = 0; i < s->m; i++) {
        double Jh = 0;
        for (size_t j = 0; j < s->n; j++) Jh += s->J[i * s->n + j] * s->step[j];
        fall += Jh * Jh / 2;
    }
    for (size_t j = 0; j < s->n; j++) {
        const double d = (s->D[j] > 0 ? s->D[j] : 1) * s->step[j];
        fall += mu * d * d;
    }
    return fall;
}

static int small_step(const struct lm *s, double xtol)
{
    double step = 0, x = 0;
    for (size_t j = 0; j < s->n; j++) {
        const double d = s->D[j] > 0 ? s->D[j] : 1;
        step += d * s->step[j] * d * s->step[j];
        x += d * s->x[j] * d * s->x[j];
    }
    return sqrt(step) <= xtol * (sqrt(x) + xtol);
}

static int iterate(struct lm *s, const struct rnn_lm_options *o, struct rnn_lm_result *r, struct rnn_err *err)
{
    double mu = o->initial_damping, growth = 2, cost;
    int rc = evaluate(s, s->x, s->f, &r->cost);
    if (rc != 0) return rc > 0 ? rnn_fail(err, RNN_ERR_NUMERIC, "fit: no finite value at the starting point") : rc;
    RNN_TRY(differentiate(s, err));
    while (scale_columns(s) > o->gtol) {
        if (s->n_eval >= o->max_eval) return RNN_NOT_CONVERGED;
        RNN_TRY(damped_step(s, mu, err));
        if (small_step(s, o->xtol)) return RNN_OK;
        for (size_t j = 0; j < s->n; j++) s->trial[j] = s->x[j] + s->step[j];
        rc = evaluate(s, s->trial, s->f_trial, &cost);
        if (rc < 0) return rc;
        const double predicted = predicted_fall(s, mu), gain = rc == 0 ? (r->cost - cost) / predicted : -1;
        if (!(gain > 0)) {
            if (predicted <= o->ftol * r->cost) return RNN_OK; /* only rounding is left */
            mu *= growth;
            growth *= 2;
            if (!isfinite(mu)) return RNN_NOT_CONVERGED;
            continue;
        }
        const int settled = r->cost - cost <= o->ftol * r->cost && predicted <= o->ftol * r->cost;
        mu *= fmax(1. / 3, 1 - pow(2 * gain - 1, 3));
        mu = fmax(mu, DBL_MIN);
        growth = 2;
        memcpy(s->x, s->trial, s->n * sizeof *s->x);
        memcpy(s->f, s->f_trial, s->m * sizeof *s->f);
        r->cost = cost;
        r->n_iter++;
        if (settled || cost == 0) return RNN_OK;
        RNN_TRY(differentiate(s, err));
    }
    return RNN_OK;
}

/* rcond of the scaled J, and the covariance through its singular values: J = Js D, (J'J)^-1 = D^-1 V s^-2 V' D^-1. */
static int judge(struct lm *s, double *cov, struct rnn_lm_result *r, struct rnn_err *err)
{
    const size_t n = s->n, m = s->m;
    int empty = 0;
    RNN_TRY(differentiate(s, err));
    memset(s->D, 0, n * sizeof *s->D);
    scale_columns(s);
    for (size_t j = 0; j < n; j++) empty |= s->D[j] == 0;
    for (size_t i = 0; i < m * n; i++) s->A[i] = s->D[i % n] > 0 ? s->J[i] / s->D[i % n] : 0;
    RNN_TRY(rnn_svd(m, n, s->A, NULL, s->s, s->Vt, err));
    r->rcond = empty || s->s[0] == 0 ? 0 : s->s[n - 1] / s->s[0];
    if (!cov) return RNN_OK;
    const int defined = m > n && r->rcond > (double) m * DBL_EPSILON;
    for (size_t a = 0; a < n; a++) {
        for (size_t b = 0; b < n; b++) {
            double sum = 0;
            for (size_t k = 0; defined && k < n; k++) sum += s->Vt[k * n + a] * s->Vt[k * n + b] / (s->s[k] * s->s[k]);
            cov[a * n + b] = defined ? sum / s->D[a] / s->D[b] * 2 * r->cost / (double) (m - n) : NAN;
        }
    }
    return RNN_OK;
}

static int lm_alloc(struct lm *s, double **space, struct rnn_err *err)
{
    const size_t n = s->n, m = s->m, sizes[] = {n, m, m, m * n, n, n, (m + n) * n, m + n, n, n * n};
    double **parts[] = {&s->trial, &s->f, &s->f_trial, &s->J, &s->D, &s->step, &s->A, &s->rhs, &s->s, &s->Vt};
    size_t total = 0;
    for (size_t i = 0; i < RNN_LEN(sizes); i++) total += sizes[i];
    RNN_TRY(rnn_alloc_into(space, total, sizeof **space, err));
    double *at = *space;
    for (size_t i = 0; i < RNN_LEN(sizes); at += sizes[i], i++) *parts[i] = at;
    return RNN_OK;
}

int rnn_lm(size_t n, double *x, size_t m, rnn_residual_fn *f, rnn_jacobian_fn *jac, void *ctx, const struct rnn_lm_options *opt,
           double *cov, struct rnn_lm_result *result, struct rnn_err *err)
{
    static const struct rnn_lm_options defaults = RNN_LM_DEFAULT;
    if (n == 0 || m < n) return rnn_fail(err, RNN_ERR_ARG, "fit: %zu parameters from %zu residuals", n, m);
    struct lm s = {.n = n, .m = m, .x = x, .residual = f, .jacobian = jac, .ctx = ctx};
    double *space = NULL;
    *result = (struct rnn_lm_result){0};
    RNN_TRY(lm_alloc(&s, &space, err));
    int rc = iterate(&s, opt ? opt : &defaults, result, err);
    result->n_eval = s.n_eval;
    if (rc >= 0) {
        const int judged = judge(&s, cov, result, err);
        if (judged < 0) rc = judged;
    }
    free(space);
    return rc;
}
