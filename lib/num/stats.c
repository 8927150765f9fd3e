#include "num/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "num/rng.h"

enum { EXACT_FLIPS = 20 }; /* 2^20 sign patterns are enumerated, more are drawn */

double rnn_mean(size_t n, const double *x)
{
    if (n == 0) return NAN;
    double sum = 0, rest = 0;
    for (size_t i = 0; i < n; i++) sum += x[i];
    const double mean = sum / (double) n;
    for (size_t i = 0; i < n; i++) rest += x[i] - mean; /* what rounding left */
    return isfinite(rest) ? mean + rest / (double) n : mean;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *) a, y = *(const double *) b;
    return (x > y) - (x < y);
}

static double quantile_sorted(size_t n, const double *x, double p)
{
    const double at = p * (double) (n - 1);
    const size_t low = (size_t) at;
    if (low + 1 >= n) return x[n - 1];
    return x[low] + (at - (double) low) * (x[low + 1] - x[low]);
}

double rnn_quantile(size_t n, const double *x, double p, struct rnn_err *err)
{
    if (n == 0 || !(p >= 0 && p <= 1)) return NAN;
    double *copy;
    for (size_t i = 0; i < n; i++)
        if (isnan(x[i])) return NAN;
    if (rnn_alloc_into(&copy, n, sizeof *copy, err) != RNN_OK) return NAN;
    memcpy(copy, x, n * sizeof *copy);
    qsort(copy, n, sizeof *copy, ascending);
    const double q = quantile_sorted(n, copy, p);
    free(copy);
    return q;
}

void rnn_wilson(uint64_t k, uint64_t n, double z, double *lo, double *hi)
{
    *lo = 0;
    *hi = 1;
    if (n == 0) return;
    const double N = (double) n, p = (double) k / N, z2 = z * z / N;
    const double centre = (p + z2 / 2) / (1 + z2), half = z / (1 + z2) * sqrt(p * (1 - p) / N + z2 / (4 * N));
    *lo = k == 0 ? 0 : fmax(0, centre - half); /* exact at the ends, where rounding may leave 1e-17 */
    *hi = k == n ? 1 : fmin(1, centre + half);
}

int rnn_bootstrap_mean(size_t n, const double *x, size_t B, double level, uint64_t seed, uint64_t item, double *lo,
                       double *hi, struct rnn_err *err)
{
    struct rnn_rng g;
    double *means = NULL;
    if (n == 0 || B == 0) return rnn_fail(err, RNN_ERR_ARG, "bootstrap: nothing to resample (n %zu, B %zu)", n, B);
    if (!(level > 0 && level < 1)) return rnn_fail(err, RNN_ERR_ARG, "bootstrap: level %g is not between 0 and 1", level);
    *lo = *hi = NAN;
    for (size_t i = 0; i < n; i++)
        if (isnan(x[i])) return RNN_OK; /* means of some resamples would be NaN, which no order has a place for */
    RNN_TRY(rnn_alloc_into(&means, B, sizeof *means, err));
    for (size_t b = 0; b < B; b++) { /* resample b has its own step, so that B does not move the earlier ones */
        double sum = 0;
        const int rc = rnn_rng_at(&g, seed, RNN_RNG_ANALYSIS, 0, item, b, err);
        if (rc != RNN_OK) {
            free(means);
            return rc;
        }
        for (size_t i = 0; i < n; i++) sum += x[rnn_rng_below(&g, n)];
        means[b] = sum / (double) n;
    }
    qsort(means, B, sizeof *means, ascending);
    *lo = quantile_sorted(B, means, (1 - level) / 2);
    *hi = quantile_sorted(B, means, (1 + level) / 2);
    free(means);
    return RNN_OK;
}

/* Sums that differ by rounding alone count as equal. */
static int as_extreme(double sum, double observed, double scale)
{
    return fabs(sum) >= observed - 1e-12 * scale;
}

int rnn_paired_permutation(size_t n, const double *d, size_t B, uint64_t seed, uint64_t item, double *p, struct rnn_err *err)
{
    double observed = 0, scale = 0;
    uint64_t extreme = 0;
    if (n == 0) return rnn_fail(err, RNN_ERR_ARG, "permutation test: no differences");
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(d[i])) return rnn_fail(err, RNN_ERR_NUMERIC, "permutation test: difference %zu is not finite", i);
        observed += d[i];
        scale += fabs(d[i]);
    }
    observed = fabs(observed);
    if (n <= EXACT_FLIPS) {
        const uint64_t all = UINT64_C(1) << n;
        double sum = 0;
        for (size_t i = 0; i < n; i++) sum -= d[i];
        for (uint64_t k = 1;; k++) { /* Gray code: one sign changes at a time */
            extreme += (uint64_t) as_extreme(sum, observed, scale);
            if (k == all) break;
            const int bit = __builtin_ctzll(k);
            const uint64_t gray = k ^ k >> 1;
            sum += (gray >> bit & 1 ? 2 : -2) * d[bit];
        }
        *p = (double) extreme / (double) all;
        return RNN_OK;
    }
    if (B == 0) return rnn_fail(err, RNN_ERR_ARG, "permutation test: no random flips asked for");
    for (size_t b = 0; b < B; b++) {
        struct rnn_rng g;
        double sum = 0;
        uint64_t bits = 0;
        RNN_TRY(rnn_rng_at(&g, seed, RNN_RNG_ANALYSIS, 0, item, b, err));
        for (size_t i = 0; i < n; i++, bits >>= 1) {
            if (i % 64 == 0) bits = rnn_rng_u64(&g);
            sum += bits & 1 ? d[i] : -d[i];
        }
        extreme += (uint64_t) as_extreme(sum, observed, scale);
    }
    *p = (double) (extreme + 1) / (double) (B + 1); /* the observed one is among the equally likely ones */
    return RNN_OK;
}

struct ranked {
    double value;
    size_t index;
};

static int by_value(const void *pa, const void *pb)
{
    const struct ranked *a = pa, *b = pb;
    if (a->value != b->value) return a->value < b->value ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

static int rank_by_value(size_t n, const double *x, struct ranked **out, struct rnn_err *err)
{
    RNN_TRY(rnn_alloc_into(out, n, sizeof **out, err));
    for (size_t i = 0; i < n; i++) (*out)[i] = (struct ranked){x[i], i};
    qsort(*out, n, sizeof **out, by_value);
    return RNN_OK;
}

int rnn_holm(size_t n, const double *p, double *out, struct rnn_err *err)
{
    struct ranked *order;
    double running = 0;
    for (size_t i = 0; i < n; i++)
        if (!(p[i] >= 0 && p[i] <= 1)) return rnn_fail(err, RNN_ERR_ARG, "Holm: p[%zu] = %g is no probability", i, p[i]);
    RNN_TRY(rank_by_value(n, p, &order, err));
    for (size_t k = 0; k < n; k++) {
        running = fmax(running, fmin(1, (double) (n - k) * order[k].value));
        out[order[k].index] = running;
    }
    free(order);
    return RNN_OK;
}

int rnn_fit_line(size_t n, const double *x, const double *y, struct rnn_line *out, struct rnn_err *err)
{
    if (n < 2) return rnn_fail(err, RNN_ERR_ARG, "line fit: %zu points", n);
    const double mx = rnn_mean(n, x), my = rnn_mean(n, y);
    double sxx = 0, sxy = 0, syy = 0, rss = 0;
    for (size_t i = 0; i < n; i++) {
        sxx += (x[i] - mx) * (x[i] - mx);
        sxy += (x[i] - mx) * (y[i] - my);
        syy += (y[i] - my) * (y[i] - my);
    }
    if (!isfinite(sxx) || !isfinite(sxy) || !isfinite(syy))
        return rnn_fail(err, RNN_ERR_NUMERIC, "line fit: values that are not finite");
    if (sxx == 0) return rnn_fail(err, RNN_ERR_NUMERIC, "line fit: all %zu abscissae are equal", n);
    *out = (struct rnn_line){.slope = sxy / sxx, .n = n};
    out->intercept = my - out->slope * mx;
    for (size_t i = 0; i < n; i++) {
        const double r = y[i] - my - out->slope * (x[i] - mx);
        rss += r * r;
    }
    const double s2 = n > 2 ? rss / (double) (n - 2) : NAN; /* two points leave no residual to judge by */
    out->se_slope = sqrt(s2 / sxx);
    out->se_intercept = sqrt(s2 * (1 / (double) n + mx * mx / sxx));
    out->r2 = syy > 0 ? 1 - rss / syy : NAN;
    return RNN_OK;
}

double rnn_pearson(size_t n, const double *x, const double *y)
{
    if (n < 2) return NAN;
    const double mx = rnn_mean(n, x), my = rnn_mean(n, y);
    double sxx = 0, sxy = 0, syy = 0;
    for (size_t i = 0; i < n; i++) {
        sxx += (x[i] - mx) * (x[i] - mx);
        sxy += (x[i] - mx) * (y[i] - my);
        syy += (y[i] - my) * (y[i] - my);
    }
    if (!(sxx > 0 && syy > 0)) return NAN;
    return fmax(-1, fmin(1, sxy / sqrt(sxx) / sqrt(syy)));
}

/* Ranks from 1; those that tie share their mean. */
static int ranks(size_t n, const double *x, double *out, struct rnn_err *err)
{
    struct ranked *order;
    RNN_TRY(rank_by_value(n, x, &order, err));
    for (size_t i = 0, j; i < n; i = j) {
        for (j = i + 1; j < n && order[j].value == order[i].value;) j++;
        for (size_t k = i; k < j; k++) out[order[k].index] = (double) (i + 1 + j) / 2;
    }
    free(order);
    return RNN_OK;
}

double rnn_spearman(size_t n, const double *x, const double *y, struct rnn_err *err)
{
    double *r, rho = NAN;
    for (size_t i = 0; i < n; i++)
        if (isnan(x[i]) || isnan(y[i])) return NAN;
    if (n < 2 || rnn_alloc_into(&r, 2 * n, sizeof *r, err) != RNN_OK) return NAN;
    if (ranks(n, x, r, err) == RNN_OK && ranks(n, y, r + n, err) == RNN_OK) rho = rnn_pearson(n, r, r + n);
    free(r);
    return rho;
}
