#include "analysis/lyapunov.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "num/linalg.h"

enum { BLOCKS = 10 };

struct frame {
    const struct rnn_map *map;
    size_t N, m;
    double *x, *next, *J, *Q, *JQ, *R, *work;
};

/* `steps` steps of state and frame, then Q R: growth[i] += ln R_ii. */
static int advance(struct frame *f, size_t steps, double *growth, struct rnn_err *err)
{
    const size_t N = f->N, m = f->m;
    for (size_t t = 0; t < steps; t++) {
        rnn_map_jacobian(f->map, f->x, f->J, f->work);
        rnn_gemm(0, 0, N, m, N, 1, f->J, f->Q, 0, f->JQ);
        memcpy(f->Q, f->JQ, N * m * sizeof *f->Q);
        rnn_map_iterate(f->map, 1, 1, f->x, f->next, f->work);
    }
    for (size_t i = 0; i < N; i++)
        if (!isfinite(f->x[i])) return rnn_fail(err, RNN_ERR_NUMERIC, "the orbit left the finite numbers");
    RNN_TRY(rnn_qr(N, m, f->Q, f->JQ, f->R, err));
    memcpy(f->Q, f->JQ, N * m * sizeof *f->Q);
    for (size_t i = 0; growth && i < m; i++) growth[i] += log(fabs(f->R[i * m + i]));
    return RNN_OK;
}

static int align(struct frame *f, size_t transient, size_t every, struct rnn_err *err)
{
    rnn_map_iterate(f->map, transient - transient / 2, 1, f->x, f->next, f->work);
    memset(f->Q, 0, f->N * f->m * sizeof *f->Q);
    for (size_t i = 0; i < f->N; i++) /* a frame in general position */
        for (size_t j = 0; j < f->m; j++) f->Q[i * f->m + j] = (i == j) + 0.1 * sin(1 + (double)(i * f->m + j));
    for (size_t left = transient / 2; left > 0;) {
        const size_t n = left < every ? left : every;
        RNN_TRY(advance(f, n, NULL, err));
        left -= n;
    }
    return RNN_OK;
}

static int compare_descending(const void *pa, const void *pb)
{
    const double a = *(const double *)pa, b = *(const double *)pb;
    return a < b ? 1 : a > b ? -1 : 0;
}

/* Means over the blocks, and their scatter; sorted by mean.  row [m][2] is scratch. */
static void summarise(size_t m, const double *block, double *row, double *exponent, double *error)
{
    for (size_t i = 0; i < m; i++) {
        double sum = 0, square = 0;
        for (size_t b = 0; b < BLOCKS; b++) sum += block[b * m + i];
        row[2 * i] = sum / BLOCKS;
        for (size_t b = 0; b < BLOCKS; b++) square += (block[b * m + i] - row[2 * i]) * (block[b * m + i] - row[2 * i]);
        row[2 * i + 1] = sqrt(square / (BLOCKS * (BLOCKS - 1)));
    }
    qsort(row, m, 2 * sizeof *row, compare_descending); /* QR gives them nearly in order */
    for (size_t i = 0; i < m; i++) {
        exponent[i] = row[2 * i];
        if (error) error[i] = row[2 * i + 1];
    }
}

int rnn_lyapunov(const struct rnn_map *map, double *x, size_t transient, size_t steps, size_t every, size_t m, double *exponent,
                 double *error, struct rnn_err *err)
{
    const size_t N = map->N;
    struct frame f = {.map = map, .N = N, .m = m, .x = x};
    double *block = NULL;
    if (m < 1 || m > N) return rnn_fail(err, RNN_ERR_ARG, "%zu exponents of %zu dimensions", m, N);
    if (every < 1 || steps < BLOCKS * every) return rnn_fail(err, RNN_ERR_ARG, "exponents need at least %zu steps", BLOCKS * (every ? every : 1));
    int rc = rnn_alloc_into(&f.next, N + N * N + 2 * N * m + m * m, sizeof *f.next, err);
    if (rc >= 0) rc = rnn_alloc_into(&f.work, rnn_map_work(map, 1), sizeof *f.work, err);
    if (rc >= 0) rc = rnn_alloc_into(&block, (BLOCKS + 2) * m, sizeof *block, err);
    if (rc >= 0) {
        f.J = f.next + N, f.Q = f.J + N * N, f.JQ = f.Q + N * m, f.R = f.JQ + N * m;
        rc = align(&f, transient, every, err);
    }
    for (size_t b = 0; b < BLOCKS && rc >= 0; b++) {
        const size_t rounds = steps / every / BLOCKS;
        for (size_t i = 0; i < rounds && rc >= 0; i++) rc = advance(&f, every, block + b * m, err);
        for (size_t i = 0; i < m; i++) block[b * m + i] /= (double)(rounds * every);
    }
    if (rc >= 0) summarise(m, block, block + BLOCKS * m, exponent, error);
    free(f.next);
    free(f.work);
    free(block);
    return rc < 0 ? rc : RNN_OK;
}

double rnn_kaplan_yorke(size_t m, const double *exponent, size_t N)
{
    double sum = 0;
    for (size_t i = 0; i < m; i++) {
        if (sum + exponent[i] < 0) return (double)i + (i ? sum / fabs(exponent[i]) : 0);
        sum += exponent[i];
    }
    return m == N ? (double)N : NAN;
}
