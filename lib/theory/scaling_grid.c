#include "theory/scaling_grid.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "num/rng.h"

const char *const rnn_boundary_fit_names[] = {"onset", "onset-global", "logistic", "crossing", NULL};
const char *const rnn_determined_names[] = {"", "no", "yes", NULL};

void rnn_boundary_method_default(struct rnn_boundary_method *m, enum rnn_boundary_fit fit)
{
    *m = (struct rnn_boundary_method){.fit = fit, .start = {0.1, 0.1}, .skip_below = 0.1, .level = 0.1, .step_ms = 1};
}

/* Fraction of one cell, seeds counted `times`; NaN when the cell is empty. */
static double fraction(const struct rnn_scaling_grid *g, size_t r, size_t d, const size_t *times)
{
    const double *hit = g->hit + (r * g->n_delays + d) * g->n_seeds;
    double sum = 0, n = 0;
    for (size_t s = 0; s < g->n_seeds; s++)
        if (!isnan(hit[s]) && times[s]) sum += (double)times[s] * hit[s], n += (double)times[s];
    return n > 0 ? sum / n : NAN;
}

/* The curve of index c: x, y without empty cells. */
static size_t curve_of(const struct rnn_scaling_grid *g, bool along_rate, size_t c, const size_t *times, double *x, double *y)
{
    size_t n = 0;
    for (size_t k = 0; k < (along_rate ? g->n_rates : g->n_delays); k++) {
        const double f = along_rate ? fraction(g, k, c, times) : fraction(g, c, k, times);
        if (!isnan(f)) x[n] = along_rate ? log(g->rate[k]) : g->delay[k], y[n++] = f;
    }
    return n;
}

static double boundary_of(const struct rnn_boundary_method *m, size_t n, const double *x, const double *y, double *steep, double *largest)
{
    struct rnn_curve_fit fit = {.at = NAN, .steep = NAN};
    struct rnn_err ignored;
    int rc = RNN_OK;
    *steep = NAN;
    *largest = n ? 0 : NAN;
    for (size_t i = 0; i < n; i++) *largest = fmax(*largest, y[i]);
    if (n < 3 || *largest < m->skip_below) return NAN;
    switch (m->fit) {
    case RNN_FIT_ONSET: rc = rnn_fit_onset(n, x, y, m->start, &fit, &ignored); break;
    case RNN_FIT_ONSET_GLOBAL: rc = rnn_fit_onset_global(n, x, y, m->step_ms, &fit, &ignored); break;
    case RNN_FIT_LOGISTIC: rc = rnn_fit_logistic(n, x, y, m->start, &fit, &ignored); break;
    case RNN_FIT_CROSSING: fit.at = rnn_first_crossing(n, x, y, m->level); break;
    }
    if (rc < 0 || !isfinite(fit.at)) return NAN;
    *steep = fit.steep;
    return fit.at;
}

/* All boundaries for one weighting of the seeds, and the line through them. */
static int one_pass(const struct rnn_scaling_grid *g, const struct rnn_boundary_method *m, const size_t *times, double *work, double *at,
                    double *steep, double *largest, struct rnn_line *line, struct rnn_err *err)
{
    const size_t curves = m->along_rate ? g->n_delays : g->n_rates;
    double *x = work, *y = x + g->n_rates + g->n_delays, *T = y + g->n_rates + g->n_delays, *lr = T + curves;
    size_t used = 0;
    for (size_t c = 0; c < curves; c++) {
        const size_t n = curve_of(g, m->along_rate, c, times, x, y);
        at[c] = boundary_of(m, n, x, y, &steep[c], &largest[c]);
        T[c] = m->along_rate ? g->delay[c] : at[c];
        lr[c] = m->along_rate ? exp(at[c]) : g->rate[c];
        used += T[c] > 0 && isfinite(T[c]) && isfinite(lr[c]);
    }
    *line = (struct rnn_line){NAN, NAN, NAN, NAN, NAN, used};
    if (used < 3) return RNN_NOT_CONVERGED;
    const int rc = rnn_fit_exponent(curves, T, lr, line, err);
    if (rc != RNN_ERR_NUMERIC) return rc;
    *line = (struct rnn_line){NAN, NAN, NAN, NAN, NAN, used}; /* one critical delay at every rate, as coarse grids have it: no line */
    return RNN_NOT_CONVERGED;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* 95 % interval of the finite values of every stride-th entry; returns how many there are. */
static size_t interval(const double *v, size_t n, size_t stride, double *scratch, double *lo, double *hi)
{
    size_t m = 0;
    for (size_t i = 0; i < n; i++)
        if (isfinite(v[i * stride])) scratch[m++] = v[i * stride];
    qsort(scratch, m, sizeof *scratch, compare);
    *lo = m > 1 ? scratch[(size_t)floor(0.025 * (double)(m - 1))] : NAN;
    *hi = m > 1 ? scratch[(size_t)ceil(0.975 * (double)(m - 1))] : NAN;
    return m;
}

static int resample(const struct rnn_scaling_grid *g, const struct rnn_boundary_method *m, uint64_t seed, size_t *times, double *work,
                    struct rnn_boundary *b, struct rnn_err *err)
{
    const size_t n = b->n_curves;
    double *all = NULL, *scratch = NULL;
    int rc = rnn_alloc_into(&all, b->n_draws * n, sizeof *all, err);
    if (rc >= 0) rc = rnn_alloc_into(&scratch, b->n_draws + 2 * n, sizeof *scratch, err);
    for (size_t k = 0; rc >= 0 && k < b->n_draws; k++) {
        struct rnn_rng r;
        struct rnn_line line;
        rc = rnn_rng_at(&r, seed, RNN_RNG_ANALYSIS, 3, k, 0, err);
        memset(times, 0, g->n_seeds * sizeof *times);
        for (size_t s = 0; rc >= 0 && s < g->n_seeds; s++) times[rnn_rng_below(&r, g->n_seeds)]++;
        if (rc >= 0) rc = one_pass(g, m, times, work, all + k * n, scratch + b->n_draws, scratch + b->n_draws + n, &line, err);
        if (rc >= 0) b->beta[k] = -line.slope;
    }
    for (size_t c = 0; rc >= 0 && c < n; c++) interval(all + c, b->n_draws, n, scratch, &b->lo[c], &b->hi[c]);
    if (rc >= 0) b->n_beta = interval(b->beta, b->n_draws, 1, scratch, &b->beta_lo, &b->beta_hi);
    const bool one_sided = b->beta_lo > 0 || b->beta_hi < 0, most = (double)b->n_beta >= 0.95 * (double)b->n_draws;
    b->determined = isfinite(b->line.slope) && one_sided && most ? RNN_DETERMINED : RNN_UNDETERMINED;
    free(all);
    free(scratch);
    return rc;
}

int rnn_boundary_measure(const struct rnn_scaling_grid *g, const struct rnn_boundary_method *m, size_t draws, uint64_t seed,
                         struct rnn_boundary *b, struct rnn_err *err)
{
    const size_t n = m->along_rate ? g->n_delays : g->n_rates;
    *b = (struct rnn_boundary){.n_curves = n, .n_draws = draws, .beta_lo = NAN, .beta_hi = NAN};
    size_t *times = NULL;
    double *work = NULL;
    int rc = rnn_alloc_into(&b->at, 5 * n, sizeof *b->at, err);
    if (rc >= 0) b->steep = b->at + n, b->largest = b->at + 2 * n, b->lo = b->at + 3 * n, b->hi = b->at + 4 * n;
    if (rc >= 0) rc = rnn_alloc_into(&b->beta, draws, sizeof *b->beta, err);
    if (rc >= 0) rc = rnn_alloc_into(&times, g->n_seeds, sizeof *times, err);
    if (rc >= 0) rc = rnn_alloc_into(&work, 2 * (g->n_rates + g->n_delays) + 2 * n, sizeof *work, err);
    for (size_t s = 0; rc >= 0 && s < g->n_seeds; s++) times[s] = 1;
    for (size_t c = 0; rc >= 0 && c < n; c++) b->lo[c] = b->hi[c] = NAN;
    if (rc >= 0) rc = one_pass(g, m, times, work, b->at, b->steep, b->largest, &b->line, err);
    const int outcome = rc;
    if (rc >= 0 && draws) rc = resample(g, m, seed, times, work, b, err);
    free(times);
    free(work);
    if (rc < 0) rnn_boundary_release(b);
    return rc < 0 ? rc : outcome;
}

void rnn_boundary_release(struct rnn_boundary *b)
{
    free(b->at);
    free(b->beta);
    memset(b, 0, sizeof *b);
}
