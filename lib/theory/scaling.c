#include "theory/scaling.h"

#include <cminpack.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include "base/mem.h"

struct curve {
    size_t n;
    const double *x, *y;
    double (*value)(double x, const double p[2]);
};

static double onset(double T, const double p[2])
{
    return T < p[0] ? 0 : 1 - exp(-p[1] * (T - p[0]));
}

static double logistic(double x, const double p[2])
{
    return 1 / (1 + exp(-p[1] * (x - p[0])));
}

static int residuals(void *data, int m, int n, const double *p, double *f, int flag)
{
    (void)n;
    (void)flag;
    const struct curve *c = data;
    /* An overflowing trial step is passed on as it is: MINPACK then shrinks its region less than for a large finite value, and the
     * published local minima are reached only along that path. */
    for (int i = 0; i < m; i++) f[i] = c->value(c->x[i], p) - c->y[i];
    return 0;
}

static double cost_of(struct curve *c, const double p[2])
{
    double sum = 0;
    for (size_t i = 0; i < c->n; i++) {
        const double e = c->value(c->x[i], p) - c->y[i];
        sum += e * e;
    }
    return sum;
}

static int least_squares(struct curve *c, const double start[2], struct rnn_curve_fit *out, struct rnn_err *err)
{
    if (c->n < 3) return rnn_fail(err, RNN_ERR_ARG, "a curve of two parameters needs at least three points, not %zu", c->n);
    double *work = NULL, p[2] = {start[0], start[1]}, diag[2], qtf[2], w1[2], w2[2], w3[2];
    int pivot[2];
    RNN_TRY(rnn_alloc_into(&work, 4 * c->n, sizeof *work, err));
    const double tol = 1.49012e-8;
    const int info = lmdif(residuals, c, (int)c->n, 2, p, work, tol, tol, 0, 600, DBL_EPSILON, diag, 1, 100, 0, &out->evaluations,
                           work + c->n, (int)c->n, pivot, qtf, w1, w2, w3, work + 3 * c->n);
    free(work);
    out->at = p[0];
    out->steep = p[1];
    out->cost = cost_of(c, p);
    out->converged = info >= 1 && info <= 4;
    return out->converged ? RNN_OK : RNN_NOT_CONVERGED;
}

int rnn_fit_onset(size_t n, const double *T, const double *y, const double start[2], struct rnn_curve_fit *out, struct rnn_err *err)
{
    struct curve c = {n, T, y, onset};
    return least_squares(&c, start, out, err);
}

int rnn_fit_logistic(size_t n, const double *x, const double *y, const double start[2], struct rnn_curve_fit *out, struct rnn_err *err)
{
    struct curve c = {n, x, y, logistic};
    return least_squares(&c, start, out, err);
}

/* Golden-section search of the steepness at fixed T0, in its logarithm. */
static double best_steepness(struct curve *c, double T0, double *cost)
{
    const double ratio = (sqrt(5) - 1) / 2;
    double lo = log(1e-6), hi = log(10), a = hi - ratio * (hi - lo), b = lo + ratio * (hi - lo);
    double fa = cost_of(c, (double[]){T0, exp(a)}), fb = cost_of(c, (double[]){T0, exp(b)});
    while (hi - lo > 1e-10) {
        if (fa < fb) hi = b, b = a, fb = fa, a = hi - ratio * (hi - lo), fa = cost_of(c, (double[]){T0, exp(a)});
        else lo = a, a = b, fa = fb, b = lo + ratio * (hi - lo), fb = cost_of(c, (double[]){T0, exp(b)});
    }
    *cost = fmin(fa, fb);
    return exp((lo + hi) / 2);
}

int rnn_fit_onset_global(size_t n, const double *T, const double *y, double step_ms, struct rnn_curve_fit *out, struct rnn_err *err)
{
    if (n < 3 || !(step_ms > 0)) return rnn_fail(err, RNN_ERR_ARG, "a global fit needs three points and a positive step");
    struct curve c = {n, T, y, onset};
    double lo = T[0], hi = T[0];
    for (size_t i = 1; i < n; i++) lo = fmin(lo, T[i]), hi = fmax(hi, T[i]);
    out->cost = INFINITY;
    out->evaluations = 0;
    /* Two passes: the grid, then a hundred times finer about its best point. */
    for (int pass = 0; pass < 2; pass++) {
        const double from = pass ? out->at - step_ms : lo, to = pass ? out->at + step_ms : hi, step = pass ? step_ms / 100 : step_ms;
        for (double T0 = from; T0 <= to; T0 += step) {
            double cost;
            const double steep = best_steepness(&c, T0, &cost);
            out->evaluations++;
            if (cost < out->cost) out->cost = cost, out->at = T0, out->steep = steep;
        }
    }
    out->converged = true;
    return RNN_OK;
}

double rnn_first_crossing(size_t n, const double *x, const double *y, double level)
{
    for (size_t i = 0; i < n; i++) {
        if (!(y[i] >= level)) continue;
        if (i == 0) return NAN;
        return x[i - 1] + (x[i] - x[i - 1]) * (level - y[i - 1]) / (y[i] - y[i - 1]);
    }
    return NAN;
}

int rnn_fit_exponent(size_t n, const double *T, const double *lr, struct rnn_line *out, struct rnn_err *err)
{
    double *work = NULL;
    size_t used = 0;
    RNN_TRY(rnn_alloc_into(&work, 2 * n, sizeof *work, err));
    for (size_t i = 0; i < n; i++)
        if (T[i] > 0 && lr[i] > 0 && isfinite(T[i]) && isfinite(lr[i])) work[used] = log(T[i]), work[n + used++] = log(lr[i]);
    const int rc = rnn_fit_line(used, work, work + n, out, err);
    free(work);
    return rc;
}
