/* Trees, dendrograms, principal components and sequences of one network's states as rows and arrays: see geometry_job.h. */
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "num/linalg.h"
#include "num/stats.h"
#include "tool/geometry_job.h"

/* ---- trees ---- */

static int distance_rows(struct geometry_job *j, const struct geometry_step *at, struct rnn_err *err)
{
    const size_t L = at->step + 1 < j->depth ? at->step + 1 : j->depth;
    double *mean = NULL;
    size_t *count = NULL;
    char text[40];
    int rc = rnn_alloc_into(&mean, L, sizeof *mean, err);
    if (rc >= 0) rc = rnn_alloc_into(&count, L, sizeof *count, err);
    if (rc >= 0) rc = rnn_tree_distances(j->K, j->n, at->X, at->path.g, at->path.G, at->path.name, L, mean, count, err);
    for (size_t l = 0; rc >= 0 && l < L; l++) {
        struct geometry_value v = GEOMETRY_VALUE(mean[l]);
        if (!count[l]) continue;
        v.n = count[l];
        snprintf(text, sizeof text, "parts at letter %zu", l + 1);
        geometry_row(j, "tree_distance", at->path.by, text, -1, (long)at->step, v);
    }
    free(mean);
    free(count);
    return rc;
}

/* The rows of D [n][n] that belong to group c, packed into E; returns how many. */
static size_t part_of(size_t n, const double *D, const size_t *g, size_t c, double *E)
{
    size_t m = 0, a = 0;
    for (size_t i = 0; i < n; i++) m += g[i] == c;
    for (size_t i = 0; i < n; i++) {
        size_t b = 0;
        if (g[i] != c) continue;
        for (size_t k = 0; k < n; k++)
            if (g[k] == c) E[a * m + b++] = D[i * n + k];
        a++;
    }
    return m;
}

/* Median over the groups of the content within each. */
static int content_within(struct geometry_job *j, const struct tool_groups *g, const char *condition, size_t item, size_t step, double gauss,
                          const double *D, double *E, struct rnn_err *err)
{
    size_t *h = NULL;
    double *uc = NULL;
    struct geometry_value v = GEOMETRY_VALUE(NAN);
    int rc = geometry_sampled(j, NULL, g->g, NULL, &h, err);
    if (rc >= 0) rc = rnn_alloc_into(&uc, g->G, sizeof *uc, err);
    for (size_t c = 0; rc >= 0 && c < g->G; c++) {
        double x;
        const size_t m = part_of(j->n_sample, D, h, c, E);
        rc = rnn_ultrametric_content(m, E, &x, NULL, err);
        if (isnan(x)) continue;
        uc[v.n++] = x;
        v.lo = fmin(v.lo, x);
        v.hi = fmax(v.hi, x);
    }
    if (rc >= 0 && v.n) {
        v.value = rnn_quantile(v.n, uc, 0.5, err);
        v.reference = gauss;
        geometry_row(j, "ultrametric", g->by, condition, (long)item, (long)step, v);
    }
    free(h);
    free(uc);
    return rc;
}

/* Content of the sampled states Y [m][d]; item: how many modes they are seen through, 0 for the whole space. */
static int content_rows(struct geometry_job *j, const struct geometry_step *at, size_t d, const double *Y, size_t item, double *D,
                        double *E, struct rnn_err *err)
{
    struct geometry_value v = GEOMETRY_VALUE(NAN);
    RNN_TRY(rnn_distances(j->n_sample, d, Y, j->o->metric, D, err));
    RNN_TRY(rnn_ultrametric_content(j->n_sample, D, &v.value, &v.n, err));
    RNN_TRY(rnn_gaussian_ultrametric(d, j->o->triplets, j->o->seed, &v.reference, err));
    geometry_row(j, "ultrametric", NULL, "all", (long)item, (long)at->step, v);
    if (!at->has_path) return RNN_OK;
    RNN_TRY(content_within(j, &at->path, "within path", item, at->step, v.reference, D, E, err));
    return at->parent.G ? content_within(j, &at->parent, "within parent", item, at->step, v.reference, D, E, err) : RNN_OK;
}

static int ultrametric_rows(struct geometry_job *j, const struct geometry_step *at, struct rnn_err *err)
{
    const size_t m = j->n_sample;
    double *Y = NULL, *Q = NULL, *D = NULL, *E = NULL;
    int rc = geometry_sampled(j, at->X, NULL, &Y, NULL, err);
    if (rc >= 0) rc = rnn_alloc_into(&Q, m * j->n, sizeof *Q, err);
    if (rc >= 0) rc = rnn_alloc_into(&D, m * m, sizeof *D, err);
    if (rc >= 0) rc = rnn_alloc_into(&E, m * m, sizeof *E, err);
    for (size_t i = 0; rc >= 0 && j->V && i < j->o->n_dims; i++) {
        const size_t k = j->o->dims[i];
        if (k > j->n) continue; /* fewer units than modes asked for: the whole space below says it all */
        rnn_gemm(0, 1, m, k, j->n, 1, Y, j->V, 0, Q);
        rc = content_rows(j, at, k, Q, k, D, E, err);
    }
    if (rc >= 0) rc = content_rows(j, at, j->n, Y, 0, D, E, err);
    free(Y);
    free(Q);
    free(D);
    free(E);
    return rc;
}

int geometry_tree_rows(struct geometry_job *j, const struct geometry_step *at, struct rnn_err *err)
{
    if (j->measures & TOOL_TREE && at->has_path) RNN_TRY(distance_rows(j, at, err));
    return j->measures & TOOL_ULTRAMETRIC ? ultrametric_rows(j, at, err) : RNN_OK;
}

/* ---- arrays ---- */

/* One array of one step, value [1][a][b] (b 0: [1][a]). */
static int put_array(struct geometry_job *j, const struct geometry_step *at, const char *name, const char *dim_a, const char *dim_b,
                     size_t a, size_t b, const double *value, struct rnn_err *err)
{
    const char *dims[3] = { "step", dim_a, dim_b }, *units[3] = { "", "", "" };
    const size_t shape[3] = { 1, a, b };
    struct rnn_kvs labels = { 0 };
    int rc = rnn_kvs_merge(&labels, &j->net->labels, err);
    if (rc >= 0) rc = rnn_kvs_str(&labels, "split", rnn_split_names[j->o->split], err);
    if (rc >= 0 && at) rc = rnn_kvs_int(&labels, "step", (int64_t)at->step, err);
    if (rc >= 0)
        rc = rnn_array_append(j->out, name, at ? dims : dims + 1, units, RNN_F64, (b ? 3 : 2) - !at, at ? shape : shape + 1, value, &labels,
                              j->net->id, err);
    rnn_kvs_release(&labels);
    return rc;
}

int geometry_cosine_array(struct geometry_job *j, const struct geometry_step *at, struct rnn_err *err)
{
    const size_t m = j->n_sample;
    double *Y = NULL, *C = NULL;
    int rc = geometry_sampled(j, at->X, NULL, &Y, NULL, err);
    if (rc >= 0) rc = rnn_alloc_into(&C, m * m, sizeof *C, err);
    if (rc >= 0) rc = rnn_cosines(m, j->n, Y, C, err);
    if (rc >= 0) rc = put_array(j, at, "cosine", "row", "row", m, m, C, err);
    free(Y);
    free(C);
    return rc;
}

int geometry_projections_array(struct geometry_job *j, const struct geometry_step *at, struct rnn_err *err)
{
    const size_t k = j->o->n_modes < j->n ? j->o->n_modes : j->n;
    double *Q;
    RNN_TRY(rnn_alloc_into(&Q, j->K * k, sizeof *Q, err));
    rnn_gemm(0, 1, j->K, k, j->n, 1, at->X, j->V, 0, Q);
    const int rc = put_array(j, at, "projections", "trial", "mode", j->K, k, Q, err);
    free(Q);
    return rc;
}

/* Which trials the rows of arrays are: every trial measured has a line; `row` numbers the sampled ones. */
int geometry_trials_table(struct geometry_job *j, struct rnn_err *err)
{
    struct rnn_table *t;
    struct tool_groups path = { 0 };
    RNN_TRY(rnn_table_new(&t, "states", err));
    int rc = rnn_table_col(t, "row", RNN_KV_INT, NULL, "row in arrays over sampled trials; empty when not sampled", err);
    if (rc >= 0) rc = rnn_table_col(t, "trial", RNN_KV_INT, NULL, "number of the trial within its split", err);
    if (rc >= 0) rc = rnn_table_col(t, "path", RNN_KV_STR, NULL, "the text that spells its path through the tree", err);
    for (size_t b = 0; rc >= 0 && b < j->n_by; b++) rc = rnn_table_col(t, j->by[b].by, j->by[b].G ? RNN_KV_STR : RNN_KV_REAL, NULL, NULL, err);
    if (rc >= 0 && j->prefix) rc = tool_groups_prefix(j->s, j->prefix, j->depth, &path, err);
    size_t at = 0;
    for (size_t k = 0; rc >= 0 && k < j->K; k++) {
        if (at < j->n_sample && j->sample[at] == k) rnn_table_set_int(t, "row", (int64_t)at++);
        rnn_table_set_int(t, "trial", (int64_t)j->s->trial[k]);
        if (path.G && path.g[k] != RNN_NO_GROUP) rnn_table_set_str(t, "path", path.name[path.g[k]]);
        for (size_t b = 0; b < j->n_by; b++) {
            const struct tool_groups *g = &j->by[b];
            if (!g->G) rnn_table_set(t, g->by, g->y[k]);
            else if (g->g[k] != RNN_NO_GROUP) rnn_table_set_str(t, g->by, g->name[g->g[k]]);
        }
        rnn_table_row(t);
    }
    if (rc >= 0) rc = rnn_table_append(t, j->out, &j->net->labels, j->net->id, err);
    tool_groups_release(&path);
    rnn_table_free(t);
    return rc;
}

/* ---- dendrograms ---- */

/* The leaves: sampled trials, or the means of the groups of the path (else of the first parameter) that have any. */
static int leaves(struct geometry_job *j, const struct geometry_step *at, double **Y, size_t *m, struct rnn_err *err)
{
    const struct tool_groups *g = at->has_path ? &at->path : j->n_by && j->by[0].G ? &j->by[0] : NULL;
    size_t *count;
    *m = j->n_sample;
    if (!j->o->leaves_are_groups) return geometry_sampled(j, at->X, NULL, Y, NULL, err);
    if (!g) return rnn_fail(err, RNN_ERR_ARG, "--leaves groups: the trials have no parameter that makes groups");
    RNN_TRY(rnn_alloc_into(Y, g->G * j->n, sizeof **Y, err));
    RNN_TRY(rnn_alloc_into(&count, g->G, sizeof *count, err));
    rnn_group_means(j->K, j->n, at->X, g->g, g->G, *Y, count);
    *m = 0;
    for (size_t c = 0; c < g->G; c++) {
        if (!count[c]) continue;
        memmove(*Y + *m * j->n, *Y + c * j->n, j->n * sizeof **Y);
        struct geometry_value v = GEOMETRY_VALUE((double)*m);
        v.n = count[c];
        geometry_row(j, "leaf", g->by, g->name[c], -1, (long)at->step, v);
        ++*m;
    }
    free(count);
    return RNN_OK;
}

int geometry_dendrogram(struct geometry_job *j, const struct geometry_step *at, struct rnn_err *err)
{
    double *Y = NULL, *D = NULL, *Z = NULL, *order = NULL;
    size_t m = 0, *leaf = NULL;
    int rc = leaves(j, at, &Y, &m, err);
    if (rc >= 0 && m < 2) { free(Y); return RNN_OK; }
    if (rc >= 0) rc = rnn_alloc_into(&D, m * m, sizeof *D, err);
    if (rc >= 0) rc = rnn_alloc_into(&Z, (m - 1) * 4, sizeof *Z, err);
    if (rc >= 0) rc = rnn_alloc_into(&leaf, m, sizeof *leaf, err);
    if (rc >= 0) rc = rnn_alloc_into(&order, m, sizeof *order, err);
    if (rc >= 0) rc = rnn_distances(m, j->n, Y, j->o->metric, D, err);
    if (rc >= 0) rc = rnn_linkage(m, D, j->o->linkage, Z, err);
    if (rc >= 0) rc = rnn_linkage_order(m, Z, leaf, err);
    for (size_t i = 0; rc >= 0 && i < m; i++) order[i] = (double)leaf[i];
    if (rc >= 0) rc = put_array(j, at, "linkage", "join", "column", m - 1, 4, Z, err);
    if (rc >= 0) rc = put_array(j, at, "leaf_order", "position", NULL, m, 0, order, err);
    free(Y);
    free(D);
    free(Z);
    free(leaf);
    free(order);
    return rc;
}

/* ---- principal components ---- */

int geometry_pca_rows(struct geometry_job *j, const struct geometry_step *at, struct rnn_err *err)
{
    const size_t most = j->K < j->n ? j->K : j->n, k = j->o->n_components < most ? j->o->n_components : most;
    double *share = NULL, *axes = NULL, *scores = NULL;
    int rc = rnn_alloc_into(&share, k, sizeof *share, err);
    if (rc >= 0) rc = rnn_alloc_into(&axes, k * j->n, sizeof *axes, err);
    if (rc >= 0) rc = rnn_alloc_into(&scores, j->K * k, sizeof *scores, err);
    if (rc >= 0) rc = rnn_pca(j->K, j->n, at->X, k, share, axes, scores, err);
    for (size_t i = 0; rc >= 0 && i < k; i++) {
        struct geometry_value v = GEOMETRY_VALUE(share[i]);
        v.n = j->K;
        geometry_row(j, "explained", NULL, "all", (long)i + 1, (long)at->step, v);
    }
    if (rc >= 0 && k) rc = put_array(j, at, "pca_axes", "component", "unit", k, j->n, axes, err);
    if (rc >= 0 && k) rc = put_array(j, at, "pca_scores", "trial", "component", j->K, k, scores, err);
    free(share);
    free(axes);
    free(scores);
    return rc;
}

/* ---- sequences ---- */

enum { INDEX, ENTROPY, SPARSITY, RIDGE, RHO, N_SEQUENCE };
static const char *const sequence_names[N_SEQUENCE] = { "sequence_index", "peak_entropy", "sparsity", "ridge_to_background", "peak_correlation" };

static void sequence_values(const struct rnn_sequentiality *q, double *v, size_t stride)
{
    const double x[N_SEQUENCE] = { q->seen.index, q->seen.peak_entropy, q->seen.sparsity, q->seen.ridge, q->rho };
    for (int i = 0; i < N_SEQUENCE; i++) v[(size_t)i * stride] = x[i];
}

/* Halves of the first parameter that makes groups, so that conditions that take turns are in both; NULL, every other trial, where there is none
 * or its groups have one trial each. */
static const unsigned char *sequence_halves(const struct geometry_job *j)
{
    for (size_t b = 0; b < j->n_by; b++)
        if (j->by[b].G) return memchr(j->half + b * j->K, 1, j->K) ? j->half + b * j->K : NULL;
    return NULL;
}

/* shuffled [N_SEQUENCE][shuffles]: the indices of trials turned in time; one copy of them is in memory. */
static int control(struct geometry_job *j, double *shuffled, struct rnn_err *err)
{
    const struct tool_states *s = j->s;
    struct rnn_sequentiality q;
    float *W;
    int rc = RNN_OK;
    RNN_TRY(rnn_alloc_into(&W, j->K * s->T * j->n, sizeof *W, err));
    for (size_t i = 0; rc >= 0 && i < j->o->shuffles; i++) {
        rc = rnn_time_shuffle(j->K, s->T, j->n, s->x, j->o->seed, j->net->index, i, W, err);
        if (rc >= 0) rc = rnn_sequentiality(j->K, s->T, j->n, W, sequence_halves(j), j->o->width, NULL, NULL, &q, err);
        if (rc >= 0) sequence_values(&q, shuffled + i, j->o->shuffles);
    }
    free(W);
    return rc;
}

int geometry_sequence_rows(struct geometry_job *j, struct rnn_err *err)
{
    const size_t T = j->s->T, S = j->o->shuffles;
    double *raster = NULL, *shuffled = NULL, *units = NULL, seen[N_SEQUENCE];
    size_t *order = NULL;
    struct rnn_sequentiality q;
    int rc = rnn_alloc_into(&raster, j->n * T, sizeof *raster, err);
    if (rc >= 0) rc = rnn_alloc_into(&order, j->n, sizeof *order, err);
    if (rc >= 0) rc = rnn_alloc_into(&units, j->n, sizeof *units, err);
    if (rc >= 0) rc = rnn_alloc_into(&shuffled, N_SEQUENCE * S, sizeof *shuffled, err);
    if (rc >= 0) rc = rnn_sequentiality(j->K, T, j->n, j->s->x, sequence_halves(j), j->o->width, raster, order, &q, err);
    if (rc >= 0) rc = control(j, shuffled, err);
    if (rc >= 0) sequence_values(&q, seen, 1);
    for (int i = 0; rc >= 0 && i < N_SEQUENCE; i++) {
        const double *x = shuffled + (size_t)i * S;
        struct geometry_value v = GEOMETRY_VALUE(seen[i]);
        v.reference = rnn_mean(S, x);
        v.n = q.seen.n_active;
        geometry_row(j, sequence_names[i], NULL, "held-out half", -1, -1, v);
        const struct geometry_value c = { rnn_mean(S, x), rnn_quantile(S, x, 0.025, err), rnn_quantile(S, x, 0.975, err), NAN, S };
        geometry_row(j, sequence_names[i], NULL, "time-shuffled", -1, -1, c);
    }
    for (size_t i = 0; rc >= 0 && i < j->n; i++) units[i] = (double)order[i];
    if (rc >= 0) rc = put_array(j, NULL, "raster", "position", "step", j->n, T, raster, err);
    if (rc >= 0) rc = put_array(j, NULL, "raster_units", "position", NULL, j->n, 0, units, err);
    free(raster);
    free(order);
    free(units);
    free(shuffled);
    return rc;
}
