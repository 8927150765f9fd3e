/* Whether population states lie like the leaves of a tree: see geometry.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/geometry.h"
#include "base/mem.h"
#include "num/rng.h"

#define TRIANGLES 0x67656f32u /* the step of our random addresses, apart from those of other analyses */

/* ---- the tree metric ---- */

static size_t parting(const char *a, const char *b)
{
    size_t i = 0;
    while (a[i] && a[i] == b[i]) i++;
    return i;
}

int rnn_tree_distances(size_t n, size_t d, const double *X, const size_t *g, size_t G, char *const *name, size_t L, double *mean,
                       size_t *count, struct rnn_err *err)
{
    double *C = NULL;
    size_t *members = NULL;
    int rc = rnn_alloc_into(&C, G * d, sizeof *C, err);
    if (rc >= 0) rc = rnn_alloc_into(&members, G, sizeof *members, err);
    if (rc >= 0) {
        rnn_group_means(n, d, X, g, G, C, members);
        memset(mean, 0, L * sizeof *mean);
        memset(count, 0, L * sizeof *count);
        for (size_t a = 0; a < G; a++) {
            for (size_t b = a + 1; b < G; b++) {
                const size_t at = parting(name[a], name[b]);
                double s = 0;
                if (!members[a] || !members[b] || at >= L) continue;
                for (size_t u = 0; u < d; u++) s += (C[a * d + u] - C[b * d + u]) * (C[a * d + u] - C[b * d + u]);
                mean[at] += sqrt(s);
                count[at]++;
            }
        }
        for (size_t l = 0; l < L; l++) mean[l] = count[l] ? mean[l] / (double)count[l] : NAN;
    }
    free(C);
    free(members);
    return rc < 0 ? rc : RNN_OK;
}

/* ---- ultrametric content ---- */

/* From logarithms of distances, or of any common power of them: the factor cancels. */
static double lambda_of_logs(double x, double y, double z)
{
    const double lo = fmin(x, fmin(y, z)), hi = fmax(x, fmax(y, z)), mid = fmax(fmin(x, y), fmin(fmax(x, y), z));
    if (!isfinite(lo) || lo == hi) return NAN; /* a zero distance; an equilateral triangle */
    return (mid - lo) / ((hi - lo) + (hi - mid));
}

double rnn_ultrametricity(double a, double b, double c)
{
    if (!(a > 0) || !(b > 0) || !(c > 0)) return NAN;
    return lambda_of_logs(log(a), log(b), log(c));
}

int rnn_ultrametric_content(size_t n, const double *D, double *content, size_t *triplets, struct rnn_err *err)
{
    double *logs, sum = 0;
    size_t m = 0;
    RNN_TRY(rnn_alloc_into(&logs, n * n, sizeof *logs, err));
    for (size_t i = 0; i < n * n; i++) logs[i] = log(D[i]);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = i + 1; j < n; j++) {
            const double ij = logs[i * n + j];
            double row = 0; /* summed by rows, so that millions of triplets lose no digits */
            if (!isfinite(ij)) continue;
            for (size_t k = j + 1; k < n; k++) {
                const double l = lambda_of_logs(ij, logs[i * n + k], logs[j * n + k]);
                if (isnan(l)) continue;
                row += l;
                m++;
            }
            sum += row;
        }
    }
    free(logs);
    *content = m ? sum / (double)m : NAN;
    if (triplets) *triplets = m;
    return RNN_OK;
}

/* ---- what a Gaussian cloud gives ---- */

/* Gamma(shape, 1) for shape >= 1 by squeeze-free rejection (Marsaglia and Tsang 2000); about 1.05 trials. */
static double gamma_number(struct rnn_rng *g, double shape)
{
    const double d = shape - 1.0 / 3, c = 1 / sqrt(9 * d);
    for (;;) {
        const double x = rnn_rng_normal(g), v = pow(1 + c * x, 3), u = 1 - rnn_rng_uniform(g);
        if (v > 0 && log(u) < x * x / 2 + d - d * v + d * log(v)) return d * v;
    }
}

/* chi-square with d degrees of freedom. */
static double chi_square(struct rnn_rng *g, size_t d)
{
    if (d == 0) return 0;
    if (d == 1) { const double x = rnn_rng_normal(g); return x * x; }
    return 2 * gamma_number(g, (double)d / 2);
}

int rnn_gaussian_ultrametric(size_t d, size_t triplets, uint64_t seed, double *content, struct rnn_err *err)
{
    /* Sides p = x1 - x3 and q = x2 - x3 have, in every dimension, covariance [[2,1],[1,2]] = A A', A = [[s,0],[1/s,t]]. */
    const double s = sqrt(2.0), t = sqrt(1.5);
    struct rnn_rng g;
    double sum = 0;
    size_t m = 0;
    *content = NAN;
    if (d == 0) return RNN_OK;
    RNN_TRY(rnn_rng_at(&g, seed, RNN_RNG_ANALYSIS, 0, d, TRIANGLES, err));
    for (size_t i = 0; i < triplets; i++) {
        const double l11 = sqrt(chi_square(&g, d)), l22 = sqrt(chi_square(&g, d - 1)), l21 = rnn_rng_normal(&g);
        const double p1 = s * l11, q1 = l11 / s + t * l21, q2 = t * l22; /* rows of A L: p = (p1, 0), q = (q1, q2) */
        const double l = rnn_ultrametricity(fabs(p1), hypot(q1, q2), hypot(p1 - q1, q2));
        if (isnan(l)) continue;
        sum += l;
        m++;
    }
    *content = m ? sum / (double)m : NAN;
    return RNN_OK;
}
