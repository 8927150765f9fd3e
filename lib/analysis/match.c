#include "analysis/match.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include "base/mem.h"
#include "num/linalg.h"

static double gap(size_t N, const double *a, const double *b)
{
    double sum = 0;
    for (size_t i = 0; i < N; i++) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sqrt(sum);
}

int rnn_match_points(size_t N, size_t n_a, const double *A, size_t n_b, const double *B, double reach, size_t *match, double *distance,
                     struct rnn_err *err)
{
    const size_t m = n_b + n_a; /* every point of A may also choose to stay alone */
    double *cost, total;
    if (!(reach > 0)) return rnn_fail(err, RNN_ERR_ARG, "points are matched within a positive distance, not %g", reach);
    if (n_a == 0) return RNN_OK;
    RNN_TRY(rnn_alloc_into(&cost, n_a * m, sizeof *cost, err));
    /* a pair at distance d saves the price of two lonely points: worth it when d < reach */
    for (size_t i = 0; i < n_a; i++)
        for (size_t j = 0; j < m; j++) cost[i * m + j] = j < n_b ? fmin(gap(N, A + i * N, B + j * N), 2 * reach) : reach;
    const int rc = rnn_assign(n_a, m, cost, match, &total, err);
    for (size_t i = 0; i < n_a && rc >= 0; i++) {
        const double d = match[i] < n_b ? cost[i * m + match[i]] : NAN;
        if (!(d < reach)) match[i] = SIZE_MAX;
        if (distance) distance[i] = d < reach ? d : NAN;
    }
    free(cost);
    return rc < 0 ? rc : RNN_OK;
}
