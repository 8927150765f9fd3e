/* Hierarchical clustering: see geometry.h.  The nearest-neighbour chain (Benzecri 1982; Murtagh 1983) joins clusters out of order, so
 * that the joins are sorted by height and renumbered afterwards, as SciPy does. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/geometry.h"
#include "base/mem.h"

struct join { size_t a, b, at; double height; }; /* two leaves that stand for clusters; which join it was */

struct chain {
    double *D;     /* [n][n], distances between the clusters that the leaves stand for */
    size_t *size;  /* leaves of the cluster; 0: joined into another */
    size_t *link, n_link;
    struct join *joins;
    size_t *parent, *number; /* of the forest of leaves, and the cluster a root stands for */
};

static void chain_release(struct chain *c)
{
    free(c->D);
    free(c->size);
    free(c->link);
    free(c->joins);
    free(c->parent);
    free(c->number);
}

static int chain_new(struct chain *c, size_t n, const double *D, struct rnn_err *err)
{
    *c = (struct chain){ 0 };
    RNN_TRY(rnn_alloc_into(&c->D, n * n, sizeof *c->D, err));
    RNN_TRY(rnn_alloc_into(&c->size, n, sizeof *c->size, err));
    RNN_TRY(rnn_alloc_into(&c->link, n, sizeof *c->link, err));
    RNN_TRY(rnn_alloc_into(&c->joins, n, sizeof *c->joins, err));
    RNN_TRY(rnn_alloc_into(&c->parent, n, sizeof *c->parent, err));
    RNN_TRY(rnn_alloc_into(&c->number, n, sizeof *c->number, err));
    memcpy(c->D, D, n * n * sizeof *D);
    for (size_t i = 0; i < n; i++) c->size[i] = 1;
    return RNN_OK;
}

/* Nearest other cluster of x; the one before x in the chain wins a tie, else the chain would not end. */
static size_t neighbour(const struct chain *c, size_t n, size_t x, size_t before, double *least)
{
    size_t best = before;
    *least = before == RNN_NO_GROUP ? INFINITY : c->D[x * n + before];
    for (size_t i = 0; i < n; i++) {
        if (i == x || !c->size[i] || !(c->D[x * n + i] < *least)) continue;
        *least = c->D[x * n + i];
        best = i;
    }
    if (best != RNN_NO_GROUP) return best;
    for (size_t i = 0; i < n; i++) /* every distance is infinite */
        if (i != x && c->size[i]) return i;
    return best;
}

static double joined(enum rnn_linkage law, double dx, double dy, size_t nx, size_t ny)
{
    if (law == RNN_COMPLETE) return fmax(dx, dy);
    if (law == RNN_SINGLE) return fmin(dx, dy);
    return ((double)nx * dx + (double)ny * dy) / (double)(nx + ny);
}

/* Joins x into y. */
static void join(struct chain *c, size_t n, size_t x, size_t y, enum rnn_linkage law)
{
    const size_t nx = c->size[x], ny = c->size[y];
    c->size[x] = 0;
    c->size[y] = nx + ny;
    for (size_t i = 0; i < n; i++) {
        if (i == y || !c->size[i]) continue;
        c->D[i * n + y] = c->D[y * n + i] = joined(law, c->D[i * n + x], c->D[i * n + y], nx, ny);
    }
}

static void run_chain(struct chain *c, size_t n, enum rnn_linkage law)
{
    for (size_t k = 0; k + 1 < n; k++) {
        size_t x, y;
        double least;
        if (!c->n_link)
            for (size_t i = 0; i < n && !c->n_link; i++)
                if (c->size[i]) c->link[c->n_link++] = i;
        for (;;) {
            x = c->link[c->n_link - 1];
            const size_t before = c->n_link > 1 ? c->link[c->n_link - 2] : RNN_NO_GROUP;
            y = neighbour(c, n, x, before, &least);
            if (y == before) break;
            c->link[c->n_link++] = y;
        }
        c->n_link -= 2; /* both were in the chain */
        if (x > y) { const size_t t = x; x = y; y = t; }
        c->joins[k] = (struct join){ x, y, k, least };
        join(c, n, x, y, law);
    }
}

static int by_height(const void *p, const void *q)
{
    const struct join *a = p, *b = q;
    if (a->height != b->height) return a->height < b->height ? -1 : 1;
    return (a->at > b->at) - (a->at < b->at);
}

static size_t root_of(size_t *parent, size_t i)
{
    while (parent[i] != i) i = parent[i] = parent[parent[i]];
    return i;
}

int rnn_linkage(size_t n, const double *D, enum rnn_linkage law, double *Z, struct rnn_err *err)
{
    struct chain c;
    if (n < 2) return RNN_OK;
    for (size_t i = 0; i < n * n; i++)
        if (isnan(D[i])) return rnn_fail(err, RNN_ERR_NUMERIC, "linkage: the distance between %zu and %zu is undefined", i / n, i % n);
    const int rc = chain_new(&c, n, D, err);
    if (rc < 0) { chain_release(&c); return rc; }
    run_chain(&c, n, law);
    qsort(c.joins, n - 1, sizeof *c.joins, by_height);
    for (size_t i = 0; i < n; i++) {
        c.parent[i] = c.number[i] = i;
        c.size[i] = 1;
    }
    for (size_t k = 0; k + 1 < n; k++) {
        const size_t x = root_of(c.parent, c.joins[k].a), y = root_of(c.parent, c.joins[k].b);
        const size_t a = c.number[x], b = c.number[y];
        c.size[y] += c.size[x];
        c.parent[x] = y;
        c.number[y] = n + k;
        Z[4 * k] = (double)(a < b ? a : b);
        Z[4 * k + 1] = (double)(a < b ? b : a);
        Z[4 * k + 2] = c.joins[k].height;
        Z[4 * k + 3] = (double)c.size[y];
    }
    chain_release(&c);
    return RNN_OK;
}

int rnn_linkage_order(size_t n, const double *Z, size_t *order, struct rnn_err *err)
{
    size_t *stack, depth = 0, at = 0;
    if (!n) return RNN_OK;
    RNN_TRY(rnn_alloc_into(&stack, 2 * n, sizeof *stack, err));
    stack[depth++] = 2 * n - 2; /* the last cluster; leaf 0 when it is the only one */
    while (depth) {
        const size_t c = stack[--depth];
        if (c < n) { order[at++] = c; continue; }
        stack[depth++] = (size_t)Z[4 * (c - n) + 1];
        stack[depth++] = (size_t)Z[4 * (c - n)];
    }
    free(stack);
    return RNN_OK;
}
