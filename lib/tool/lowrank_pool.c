/* What an ensemble says together: bands of spectra, and what its nets share in common coordinates.
 * Held per net: its singular values, and the leading block of its rotated matrices; everything else is summed. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "num/linalg.h"
#include "num/stats.h"
#include "tool/lowrank.h"

struct spectrum { char param[16]; enum rnn_part part; size_t n, n_nets, cap; double *s; }; /* s [n_nets][n] */
struct group {
    char *key;
    struct rnn_kvs labels;
    struct spectrum *spectra; size_t n_spectra, cap_spectra;
    /* aligned nets */
    size_t n_aligned, N, n_in, n_out, n_block;
    double *plain, *W, *W_in, *W_out, *b;   /* sums */
    double *blocks; size_t cap_blocks;      /* [n_aligned][n_block] */
    double *own; size_t cap_own;            /* [n_aligned][N] singular values of each W */
};
struct tool_pooled { struct group **v; size_t n, cap; };

int tool_pooled_new(struct tool_pooled **p, struct rnn_err *err)
{
    return rnn_alloc_into(p, 1, sizeof **p, err);
}

static void free_group(struct group *g)
{
    if (!g) return;
    for (size_t i = 0; i < g->n_spectra; i++) free(g->spectra[i].s);
    free(g->spectra);
    free(g->key);
    rnn_kvs_release(&g->labels);
    free(g->plain);
    free(g->W);
    free(g->W_in);
    free(g->W_out);
    free(g->b);
    free(g->blocks);
    free(g->own);
    free(g);
}

void tool_pooled_free(struct tool_pooled *p)
{
    for (size_t i = 0; p && i < p->n; i++) free_group(p->v[i]);
    if (p) free(p->v);
    free(p);
}

/* Labels as text, so that equal ones compare equal. */
static char *key_of(const struct rnn_kvs *labels)
{
    char *key = rnn_strdup("");
    for (size_t i = 0; key && i < labels->n; i++) {
        char *value = rnn_kv_text(&labels->v[i]);
        char *longer = value ? rnn_asprintf("%s%s=%s\n", key, labels->v[i].key, value) : NULL;
        free(value);
        free(key);
        key = longer;
    }
    return key;
}

static struct group *find_group(const struct tool_pooled *p, const char *key)
{
    for (size_t i = 0; i < p->n; i++)
        if (!strcmp(p->v[i]->key, key)) return p->v[i];
    return NULL;
}

/* The group of this net's labels, made when it is not there. */
static int group_of(struct tool_pooled *p, const struct rnn_net *net, struct group **out, struct rnn_err *err)
{
    char *key = key_of(&net->labels);
    if (!key) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    *out = find_group(p, key);
    if (*out) {
        free(key);
        return RNN_OK;
    }
    struct group *g = NULL;
    int rc = rnn_grow(&p->v, &p->cap, p->n + 1, sizeof *p->v, err);
    if (rc >= 0) rc = rnn_alloc_into(&g, 1, sizeof *g, err);
    if (rc < 0) {
        free(key);
        return rc;
    }
    g->key = key;
    p->v[p->n++] = *out = g;
    return rnn_kvs_merge(&g->labels, &net->labels, err);
}

int tool_pooled_spectra(struct tool_pooled *p, const struct rnn_net *net, const struct tool_net_spectra *s, struct rnn_err *err)
{
    struct group *g;
    if (!s->n) return RNN_OK;
    RNN_TRY(group_of(p, net, &g, err));
    for (size_t i = 0; i < s->n; i++) {
        const struct tool_spectrum *one = &s->v[i];
        struct spectrum *to = NULL;
        for (size_t k = 0; k < g->n_spectra && !to; k++) {
            struct spectrum *q = &g->spectra[k];
            if (!strcmp(q->param, one->param) && q->part == one->part && q->n == one->n) to = q;
        }
        if (!to) {
            RNN_TRY(rnn_grow(&g->spectra, &g->cap_spectra, g->n_spectra + 1, sizeof *g->spectra, err));
            to = &g->spectra[g->n_spectra++];
            *to = (struct spectrum){ .part = one->part, .n = one->n };
            memcpy(to->param, one->param, sizeof to->param);
        }
        RNN_TRY(rnn_grow(&to->s, &to->cap, (to->n_nets + 1) * to->n, sizeof *to->s, err));
        memcpy(to->s + to->n_nets++ * to->n, one->s, one->n * sizeof *one->s);
    }
    return RNN_OK;
}

/* ---- aligned nets ---- */

/* Sizes of the leading blocks that are compared: W [p][p], W_out [n_out][p], W_in [q][n_in], q = min(3, p). */
struct block_sizes { size_t p, q, W, W_out, W_in, all; };

static struct block_sizes sizes_of(size_t block, size_t N, size_t n_in, size_t n_out)
{
    struct block_sizes s = { .p = block < N ? block : N };
    s.q = s.p < 3 ? s.p : 3;
    s.W = s.p * s.p;
    s.W_out = n_out * s.p;
    s.W_in = s.q * n_in;
    s.all = s.W + s.W_out + s.W_in;
    return s;
}

static void read_block(const struct rnn_rotated *r, const struct block_sizes *s, double *out)
{
    for (size_t i = 0; i < s->p; i++)
        for (size_t j = 0; j < s->p; j++) *out++ = r->W[i * r->N + j];
    for (size_t i = 0; i < r->n_out; i++)
        for (size_t j = 0; j < s->p; j++) *out++ = r->W_out[i * r->N + j];
    for (size_t i = 0; i < s->q * r->n_in; i++) *out++ = r->W_in[i];
}

static int array_labels(const struct rnn_kvs *labels, const char *param, struct rnn_kvs *out, struct rnn_err *err)
{
    *out = (struct rnn_kvs){ 0 };
    RNN_TRY(rnn_kvs_merge(out, labels, err));
    return rnn_kvs_str(out, "param", param, err);
}

static int put_matrix(struct rnn_bytes *out, const char *name, const char *param, const char *rows, const char *cols, size_t n, size_t m, const double *A,
                      const struct rnn_kvs *labels, const char *net, struct rnn_err *err)
{
    const char *dims[] = { rows, cols }, *units[] = { "", "" };
    const size_t shape[] = { n, m };
    struct rnn_kvs own;
    int rc = array_labels(labels, param, &own, err);
    if (rc >= 0) rc = rnn_array_append(out, name, dims, units, RNN_F64, 2, shape, A, &own, net, err);
    rnn_kvs_release(&own);
    return rc;
}

int tool_lowrank_block(const struct tool_lowrank *c, const struct rnn_net *net, const struct rnn_rotated *r, struct rnn_bytes *out, struct rnn_err *err)
{
    const struct block_sizes s = sizes_of(c->block, r->N, r->n_in, r->n_out);
    double *block;
    RNN_TRY(rnn_alloc_into(&block, s.all, sizeof *block, err));
    read_block(r, &s, block);
    int rc = put_matrix(out, "aligned_block", "W_rec", "to", "from", s.p, s.p, block, &net->labels, net->id, err);
    if (rc >= 0) rc = put_matrix(out, "aligned_block", "W_out", "output", "from", r->n_out, s.p, block + s.W, &net->labels, net->id, err);
    if (rc >= 0) rc = put_matrix(out, "aligned_block", "W_in", "to", "input", s.q, r->n_in, block + s.W + s.W_out, &net->labels, net->id, err);
    free(block);
    return rc;
}

static int start_sums(struct group *g, const struct tool_lowrank *c, const struct rnn_rotated *r, struct rnn_err *err)
{
    g->N = r->N;
    g->n_in = r->n_in;
    g->n_out = r->n_out;
    g->n_block = sizes_of(c->block, r->N, r->n_in, r->n_out).all;
    RNN_TRY(rnn_alloc_into(&g->plain, g->N * g->N, sizeof(double), err));
    RNN_TRY(rnn_alloc_into(&g->W, g->N * g->N, sizeof(double), err));
    RNN_TRY(rnn_alloc_into(&g->W_in, g->N * g->n_in, sizeof(double), err));
    RNN_TRY(rnn_alloc_into(&g->W_out, g->N * g->n_out, sizeof(double), err));
    return rnn_alloc_into(&g->b, g->N, sizeof(double), err);
}

static void add(size_t n, const double *x, double *sum)
{
    for (size_t i = 0; i < n; i++) sum[i] += x[i];
}

int tool_pooled_aligned(struct tool_pooled *p, const struct tool_lowrank *c, const struct rnn_net *net, const double *W, const struct rnn_rotated *r,
                        struct rnn_err *err)
{
    struct group *g;
    RNN_TRY(group_of(p, net, &g, err));
    if (!g->n_aligned) RNN_TRY(start_sums(g, c, r, err));
    if (g->N != r->N || g->n_in != r->n_in || g->n_out != r->n_out)
        return rnn_fail(err, RNN_ERR_ARG, "%s has other dimensions than the nets before it: they cannot be averaged", net->id);
    const struct block_sizes s = sizes_of(c->block, g->N, g->n_in, g->n_out);
    RNN_TRY(rnn_grow(&g->blocks, &g->cap_blocks, (g->n_aligned + 1) * g->n_block, sizeof(double), err));
    RNN_TRY(rnn_grow(&g->own, &g->cap_own, (g->n_aligned + 1) * g->N, sizeof(double), err));
    RNN_TRY(rnn_svd(g->N, g->N, W, NULL, g->own + g->n_aligned * g->N, NULL, err));
    read_block(r, &s, g->blocks + g->n_aligned * g->n_block);
    add(g->N * g->N, W, g->plain);
    add(g->N * g->N, r->W, g->W);
    add(g->N * g->n_in, r->W_in, g->W_in);
    add(g->N * g->n_out, r->W_out, g->W_out);
    add(g->N, r->b, g->b);
    g->n_aligned++;
    return RNN_OK;
}

static int mean_of(size_t n, const double *sum, size_t count, double **out, struct rnn_err *err)
{
    RNN_TRY(rnn_alloc_into(out, n, sizeof **out, err));
    for (size_t i = 0; i < n; i++) (*out)[i] = sum[i] / (double)count;
    return RNN_OK;
}

int tool_pooled_mean(const struct tool_pooled *p, const struct rnn_net *net, double **W_bar, struct rnn_err *err)
{
    char *key = key_of(&net->labels);
    *W_bar = NULL;
    if (!key) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    const struct group *g = find_group(p, key);
    free(key);
    return g && g->n_aligned ? mean_of(g->N * g->N, g->W, g->n_aligned, W_bar, err) : RNN_OK;
}

/* ---- tables ---- */

/* Mean and 5th and 95th percentile of column k of s [n_nets][n]. */
static int band(const double *s, size_t n_nets, size_t n, size_t k, double out[3], struct rnn_err *err)
{
    double *x;
    RNN_TRY(rnn_alloc_into(&x, n_nets, sizeof *x, err));
    for (size_t i = 0; i < n_nets; i++) x[i] = s[i * n + k];
    out[0] = rnn_mean(n_nets, x);
    out[1] = rnn_quantile(n_nets, x, 0.05, err);
    out[2] = rnn_quantile(n_nets, x, 0.95, err);
    free(x);
    return RNN_OK;
}

static int band_table(const struct group *g, const struct tool_lowrank *c, struct rnn_bytes *out, struct rnn_err *err)
{
    struct rnn_table *t;
    double v[3];
    RNN_TRY(rnn_table_new(&t, "singular_band", err));
    int rc = rnn_table_col(t, "matrix", RNN_KV_STR, NULL, "parameter that was decomposed", err);
    if (rc >= 0) rc = rnn_table_col(t, "part", RNN_KV_STR, NULL, "value, change or initial", err);
    if (rc >= 0) rc = rnn_table_col(t, "mode", RNN_KV_INT, NULL, "1 has the largest singular value", err);
    if (rc >= 0) rc = rnn_table_col(t, "n", RNN_KV_INT, "nets", "networks with these labels", err);
    if (rc >= 0) rc = rnn_table_col(t, "mean", RNN_KV_REAL, NULL, "of the singular value over them", err);
    if (rc >= 0) rc = rnn_table_col(t, "lo", RNN_KV_REAL, NULL, "5th percentile", err);
    if (rc >= 0) rc = rnn_table_col(t, "hi", RNN_KV_REAL, NULL, "95th percentile", err);
    for (size_t i = 0; rc >= 0 && i < g->n_spectra; i++) {
        const struct spectrum *s = &g->spectra[i];
        for (size_t k = 0; rc >= 0 && k < s->n && (!c->n_modes || k < c->n_modes); k++) {
            rc = band(s->s, s->n_nets, s->n, k, v, err);
            rnn_table_set_str(t, "matrix", s->param);
            rnn_table_set_str(t, "part", rnn_part_names[s->part]);
            rnn_table_set_int(t, "mode", (int64_t)k + 1);
            rnn_table_set_int(t, "n", (int64_t)s->n_nets);
            rnn_table_set(t, "mean", v[0]);
            rnn_table_set(t, "lo", v[1]);
            rnn_table_set(t, "hi", v[2]);
            rnn_table_row(t);
        }
    }
    if (rc >= 0) rc = rnn_table_append(t, out, &g->labels, NULL, err);
    rnn_table_free(t);
    return rc;
}

const char *const tool_align_names[] = { "none", "hidden", "weights", NULL };

static void shared_row(struct rnn_table *t, const struct tool_lowrank *c, const char *source, size_t k, size_t n, const double v[3])
{
    rnn_table_set_str(t, "align", tool_align_names[c->align]);
    rnn_table_set_str(t, "source", source);
    rnn_table_set_int(t, "mode", (int64_t)k + 1);
    rnn_table_set_int(t, "n", (int64_t)n);
    rnn_table_set(t, "value", v[0]);
    rnn_table_set(t, "lo", v[1]);
    rnn_table_set(t, "hi", v[2]);
    rnn_table_row(t);
}

/* Spectra of the nets, of the plain mean, and of the mean in common coordinates. */
static int shared_rows(const struct group *g, const struct tool_lowrank *c, struct rnn_table *t, double *s, struct rnn_err *err)
{
    const size_t N = g->N, n = c->n_modes && c->n_modes < N ? c->n_modes : N;
    const struct { const char *name; const double *sum; } means[] = { { "plain-mean", g->plain }, { "aligned-mean", g->W } };
    double v[3];
    for (size_t k = 0; k < n; k++) {
        RNN_TRY(band(g->own, g->n_aligned, N, k, v, err));
        shared_row(t, c, "mean-of-spectra", k, g->n_aligned, v);
    }
    for (size_t i = 0; i < RNN_LEN(means); i++) {
        RNN_TRY(rnn_svd(N, N, means[i].sum, NULL, s, NULL, err));
        for (size_t k = 0; k < n; k++) {
            const double one[3] = { s[k] / (double)g->n_aligned, NAN, NAN };
            shared_row(t, c, means[i].name, k, g->n_aligned, one);
        }
    }
    return RNN_OK;
}

static int shared_table(const struct group *g, const struct tool_lowrank *c, struct rnn_bytes *out, struct rnn_err *err)
{
    struct rnn_table *t;
    double *s = NULL;
    RNN_TRY(rnn_table_new(&t, "shared_spectrum", err));
    int rc = rnn_table_col(t, "align", RNN_KV_STR, NULL, "what gave the common coordinates: hidden or weights", err);
    if (rc >= 0) rc = rnn_table_col(t, "source", RNN_KV_STR, NULL, "mean-of-spectra, or the spectrum of a mean: plain-mean, aligned-mean", err);
    if (rc >= 0) rc = rnn_table_col(t, "mode", RNN_KV_INT, NULL, NULL, err);
    if (rc >= 0) rc = rnn_table_col(t, "n", RNN_KV_INT, "nets", NULL, err);
    if (rc >= 0) rc = rnn_table_col(t, "value", RNN_KV_REAL, NULL, "singular value", err);
    if (rc >= 0) rc = rnn_table_col(t, "lo", RNN_KV_REAL, NULL, "5th percentile over nets", err);
    if (rc >= 0) rc = rnn_table_col(t, "hi", RNN_KV_REAL, NULL, "95th percentile over nets", err);
    if (rc >= 0) rc = rnn_alloc_into(&s, g->N, sizeof *s, err);
    if (rc >= 0) rc = shared_rows(g, c, t, s, err);
    if (rc >= 0) rc = rnn_table_append(t, out, &g->labels, NULL, err);
    free(s);
    rnn_table_free(t);
    return rc;
}

/* Mean correlation of a block (n numbers from `at` on) over all pairs of nets. */
static double agreement(const struct group *g, size_t at, size_t n)
{
    double sum = 0, pairs = 0;
    for (size_t a = 0; a < g->n_aligned; a++) {
        for (size_t b = 0; b < a; b++) {
            sum += rnn_pearson(n, g->blocks + a * g->n_block + at, g->blocks + b * g->n_block + at);
            pairs++;
        }
    }
    return sum / pairs; /* NaN for one net */
}

static int alignment_table(const struct group *g, const struct tool_lowrank *c, struct rnn_bytes *out, struct rnn_err *err)
{
    const struct block_sizes s = sizes_of(c->block, g->N, g->n_in, g->n_out);
    const struct { const char *param; size_t rows, cols, at; } blocks[] = {
        { "W_rec", s.p, s.p, 0 }, { "W_out", g->n_out, s.p, s.W }, { "W_in", s.q, g->n_in, s.W + s.W_out } };
    struct rnn_table *t;
    RNN_TRY(rnn_table_new(&t, "alignment", err));
    int rc = rnn_table_col(t, "align", RNN_KV_STR, NULL, "what gave the common coordinates: hidden or weights", err);
    if (rc >= 0) rc = rnn_table_col(t, "param", RNN_KV_STR, NULL, "leading block of this rotated parameter", err);
    if (rc >= 0) rc = rnn_table_col(t, "rows", RNN_KV_INT, NULL, NULL, err);
    if (rc >= 0) rc = rnn_table_col(t, "cols", RNN_KV_INT, NULL, NULL, err);
    if (rc >= 0) rc = rnn_table_col(t, "n", RNN_KV_INT, "nets", NULL, err);
    if (rc >= 0) rc = rnn_table_col(t, "correlation", RNN_KV_REAL, NULL, "of its entries, mean over all pairs of nets", err);
    for (size_t i = 0; rc >= 0 && i < RNN_LEN(blocks); i++) {
        rnn_table_set_str(t, "align", tool_align_names[c->align]);
        rnn_table_set_str(t, "param", blocks[i].param);
        rnn_table_set_int(t, "rows", (int64_t)blocks[i].rows);
        rnn_table_set_int(t, "cols", (int64_t)blocks[i].cols);
        rnn_table_set_int(t, "n", (int64_t)g->n_aligned);
        rnn_table_set(t, "correlation", agreement(g, blocks[i].at, blocks[i].rows * blocks[i].cols));
        rnn_table_row(t);
    }
    if (rc >= 0) rc = rnn_table_append(t, out, &g->labels, NULL, err);
    rnn_table_free(t);
    return rc;
}

static int mean_arrays(const struct group *g, struct rnn_bytes *out, struct rnn_err *err)
{
    const struct { const char *param, *rows, *cols; size_t n, m; const double *sum; } all[] = {
        { "W_rec", "to", "from", g->N, g->N, g->W }, { "W_in", "to", "input", g->N, g->n_in, g->W_in },
        { "W_out", "output", "from", g->n_out, g->N, g->W_out }, { "b", "to", "one", g->N, 1, g->b } };
    for (size_t i = 0; i < RNN_LEN(all); i++) {
        double *mean;
        RNN_TRY(mean_of(all[i].n * all[i].m, all[i].sum, g->n_aligned, &mean, err));
        const int rc = put_matrix(out, "aligned_mean", all[i].param, all[i].rows, all[i].cols, all[i].n, all[i].m, mean, &g->labels, NULL, err);
        free(mean);
        RNN_TRY(rc);
    }
    return RNN_OK;
}

int tool_pooled_append(const struct tool_pooled *p, const struct tool_lowrank *c, struct rnn_bytes *out, struct rnn_err *err)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct group *g = p->v[i];
        if (g->n_spectra) RNN_TRY(band_table(g, c, out, err));
        if (!g->n_aligned) continue;
        RNN_TRY(shared_table(g, c, out, err));
        RNN_TRY(alignment_table(g, c, out, err));
        RNN_TRY(mean_arrays(g, out, err));
    }
    return RNN_OK;
}
