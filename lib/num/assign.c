#include "num/linalg.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

/* Shortest augmenting paths with row and column potentials (Kuhn-Munkres in the form of Jonker & Volgenant 1987).  Column m
 * is a root that stands outside: row i is "assigned" to it while its path is sought. */
struct assignment {
    size_t n, m;
    const double *cost;
    double *u, *v, *dist;    /* potentials of rows, columns; reduced distance to columns */
    size_t *row_of, *before; /* row_of[j] = row assigned to column j, or n */
    char *done;
};

static size_t shortest_path(struct assignment *a, size_t row)
{
    for (size_t j = 0; j <= a->m; j++) {
        a->dist[j] = INFINITY;
        a->done[j] = 0;
    }
    size_t j0 = a->m;
    a->row_of[j0] = row;
    do {
        const size_t i = a->row_of[j0];
        double delta = INFINITY;
        size_t j1 = a->m;
        a->done[j0] = 1;
        for (size_t j = 0; j < a->m; j++) {
            if (a->done[j]) continue;
            const double reduced = a->cost[i * a->m + j] - a->u[i] - a->v[j];
            if (reduced < a->dist[j]) {
                a->dist[j] = reduced;
                a->before[j] = j0;
            }
            if (a->dist[j] < delta) {
                delta = a->dist[j];
                j1 = j;
            }
        }
        for (size_t j = 0; j <= a->m; j++) {
            if (a->done[j]) {
                a->u[a->row_of[j]] += delta;
                a->v[j] -= delta;
            } else {
                a->dist[j] -= delta;
            }
        }
        j0 = j1;
    } while (a->row_of[j0] != a->n);
    return j0;
}

static int assignment_alloc(struct assignment *a, struct rnn_err *err)
{
    RNN_TRY(rnn_alloc_into(&a->u, a->n + 1, sizeof *a->u, err));
    RNN_TRY(rnn_alloc_into(&a->v, a->m + 1, sizeof *a->v, err));
    RNN_TRY(rnn_alloc_into(&a->dist, a->m + 1, sizeof *a->dist, err));
    RNN_TRY(rnn_alloc_into(&a->row_of, a->m + 1, sizeof *a->row_of, err));
    RNN_TRY(rnn_alloc_into(&a->before, a->m + 1, sizeof *a->before, err));
    return rnn_alloc_into(&a->done, a->m + 1, sizeof *a->done, err);
}

int rnn_assign(size_t n, size_t m, const double *cost, size_t *match, double *total, struct rnn_err *err)
{
    if (n > m) return rnn_fail(err, RNN_ERR_ARG, "assignment: %zu rows cannot all have one of %zu columns", n, m);
    for (size_t i = 0; i < n * m; i++)
        if (!(fabs(cost[i]) < 1e300))
            return rnn_fail(err, RNN_ERR_NUMERIC, "assignment: cost (%zu, %zu) is not finite", i / m, i % m);
    struct assignment a = {.n = n, .m = m, .cost = cost};
    const int rc = assignment_alloc(&a, err);
    if (rc == RNN_OK) {
        double sum = 0;
        for (size_t j = 0; j <= m; j++) a.row_of[j] = n;
        for (size_t i = 0; i < n; i++) {
            for (size_t j = shortest_path(&a, i); j != m; j = a.before[j]) a.row_of[j] = a.row_of[a.before[j]];
            a.row_of[m] = n;
        }
        for (size_t j = 0; j < m; j++)
            if (a.row_of[j] != n) match[a.row_of[j]] = j;
        for (size_t i = 0; i < n; i++) sum += cost[i * m + match[i]];
        if (total) *total = sum;
    }
    free(a.u);
    free(a.v);
    free(a.dist);
    free(a.row_of);
    free(a.before);
    free(a.done);
    return rc;
}
