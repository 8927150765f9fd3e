/* What rnn-geometry measures on one network: see geometry.h. */
#include "tool/geometry.h"

#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "num/linalg.h"
#include "num/rng.h"
#include "tool/geometry_job.h"

#define SAMPLING 0x67656f33u /* the step of our random addresses, apart from those of other analyses */

/* ---- the table ---- */

static int columns(struct rnn_table *t, struct rnn_err *err)
{
    static const struct { const char *name; enum rnn_kv_type type; const char *unit, *doc; } cols[] = {
        { "index", RNN_KV_INT, NULL, "number of the network within its ensemble" },
        { "split", RNN_KV_STR, NULL, "which trials were measured" },
        { "measure", RNN_KV_STR, NULL, "what was measured; see rnn-geometry(1)" },
        { "by", RNN_KV_STR, NULL, "trial parameter that makes the groups" },
        { "condition", RNN_KV_STR, NULL, "which group, pair of groups or variant" },
        { "item", RNN_KV_INT, NULL, "number of a mode or component, from 1; of modes in all, 0 being the whole space" },
        { "step", RNN_KV_INT, "steps", "step of the trial, counted from 0" },
        { "value", RNN_KV_REAL, NULL, NULL },
        { "lo", RNN_KV_REAL, NULL, "least of what value is a mean or median of" },
        { "hi", RNN_KV_REAL, NULL, "largest of it" },
        { "reference", RNN_KV_REAL, NULL, "what chance or a Gaussian cloud would give" },
        { "n", RNN_KV_INT, NULL, "states, pairs, triplets or groups that value rests on" },
    };
    for (size_t i = 0; i < RNN_LEN(cols); i++) RNN_TRY(rnn_table_col(t, cols[i].name, cols[i].type, cols[i].unit, cols[i].doc, err));
    return RNN_OK;
}

void geometry_row(struct geometry_job *j, const char *measure, const char *by, const char *condition, long item, long step,
                  struct geometry_value v)
{
    rnn_table_set_int(j->t, "index", (int64_t)j->net->index);
    rnn_table_set_str(j->t, "split", rnn_split_names[j->o->split]);
    rnn_table_set_str(j->t, "measure", measure);
    if (by) rnn_table_set_str(j->t, "by", by);
    if (condition) rnn_table_set_str(j->t, "condition", condition);
    if (item >= 0) rnn_table_set_int(j->t, "item", item);
    if (step >= 0) rnn_table_set_int(j->t, "step", step);
    rnn_table_set(j->t, "value", v.value);
    rnn_table_set(j->t, "lo", v.lo);
    rnn_table_set(j->t, "hi", v.hi);
    rnn_table_set(j->t, "reference", v.reference);
    rnn_table_set_int(j->t, "n", (int64_t)v.n);
    rnn_table_row(j->t);
}

int tool_geometry_skip(struct rnn_bytes *out, const struct tool_geometry_opts *opts, const struct rnn_net *net, const char *why,
                       struct rnn_err *err)
{
    struct geometry_job j = { .o = opts, .net = net };
    RNN_TRY(rnn_table_new(&j.t, "geometry", err));
    int rc = columns(j.t, err);
    if (rc >= 0) {
        geometry_row(&j, "skipped", NULL, why, -1, -1, GEOMETRY_VALUE(NAN));
        rc = rnn_table_append(j.t, out, &net->labels, net->id, err);
    }
    rnn_table_free(j.t);
    return rc;
}

/* ---- preparation ---- */

static int choose_prefix(struct geometry_job *j, struct rnn_err *err)
{
    const char *name = *j->o->prefix ? j->o->prefix : "string";
    bool is_text = false;
    if (!strcmp(j->o->prefix, "none")) return RNN_OK;
    const bool has = tool_states_have(j->s, name, &is_text);
    if (*j->o->prefix && !(has && is_text))
        return rnn_fail(err, RNN_ERR_ARG, "--prefix %s: the trials have no parameter of that name that is text", name);
    if (!has || !is_text) return RNN_OK;
    struct tool_groups whole;
    RNN_TRY(tool_groups_prefix(j->s, name, 1 << 20, &whole, err));
    for (size_t c = 0; c < whole.G; c++) {
        const size_t len = strlen(whole.name[c]);
        if (len > j->depth) j->depth = len;
    }
    tool_groups_release(&whole);
    j->prefix = rnn_strdup(name);
    return j->prefix ? RNN_OK : rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
}

/* A group that decoders learn about but are never asked about would flatter them in silence. */
static int check_tested(const struct geometry_job *j, const struct tool_groups *g, struct rnn_err *err)
{
    for (size_t k = j->K; k < j->K_all && g->G; k++) {
        size_t i = 0;
        while (i < j->K && g->g[i] != g->g[k]) i++;
        if (i == j->K && g->g[k] != RNN_NO_GROUP)
            return rnn_fail(err, RNN_ERR_ARG, "--by %s: '%s' has no %s trials", g->by, g->name[g->g[k]], rnn_split_names[j->o->split]);
    }
    return RNN_OK;
}

static int choose_groups(struct geometry_job *j, struct rnn_err *err)
{
    if (!j->o->n_by) return tool_groups_all(j->s, j->o->max_levels, &j->by, &j->n_by, err);
    RNN_TRY(rnn_alloc_into(&j->by, j->o->n_by, sizeof *j->by, err));
    while (j->n_by < j->o->n_by) {
        struct tool_groups *g = &j->by[j->n_by];
        RNN_TRY(tool_groups_by(j->s, j->o->by[j->n_by], j->o->max_levels, g, err));
        j->n_by++;
        if (j->measures & (TOOL_SEPARABILITY | TOOL_MODES)) RNN_TRY(check_tested(j, g, err));
    }
    return RNN_OK;
}

/* Halves within every group, its first trial in one and its second in the other: a task whose conditions take turns would else be learned from
 * one condition and tested on another. */
static int choose_halves(struct geometry_job *j, struct rnn_err *err)
{
    size_t *seen;
    RNN_TRY(rnn_alloc_into(&j->half, j->n_by * j->K, sizeof *j->half, err));
    for (size_t b = 0; b < j->n_by; b++) {
        const struct tool_groups *g = &j->by[b];
        RNN_TRY(rnn_alloc_into(&seen, g->G + 1, sizeof *seen, err)); /* the last: trials of no group, and of a number */
        for (size_t k = 0; k < j->K; k++) {
            const size_t c = g->G && g->g[k] != RNN_NO_GROUP ? g->g[k] : g->G;
            j->half[b * j->K + k] = seen[c]++ % 2;
        }
        free(seen);
    }
    return RNN_OK;
}

static int by_number(const void *p, const void *q)
{
    const size_t a = *(const size_t *)p, b = *(const size_t *)q;
    return (a > b) - (a < b);
}

/* At most per_group trials of each path (or of each level of the first grouping, or of all trials), drawn without repetition. */
static int choose_sample(struct geometry_job *j, struct rnn_err *err)
{
    struct tool_groups whole = { 0 };
    const size_t *g = NULL;
    size_t *order = NULL, *taken = NULL, G = 1;
    struct rnn_rng rng;
    if (j->prefix) {
        RNN_TRY(tool_groups_prefix(j->s, j->prefix, j->depth, &whole, err));
        g = whole.g;
        G = whole.G;
    } else if (j->n_by && j->by[0].G) {
        g = j->by[0].g;
        G = j->by[0].G;
    }
    int rc = rnn_rng_at(&rng, j->o->seed, RNN_RNG_ANALYSIS, j->net->index, 0, SAMPLING, err);
    if (rc >= 0) rc = rnn_alloc_into(&order, j->K, sizeof *order, err);
    if (rc >= 0) rc = rnn_alloc_into(&taken, G, sizeof *taken, err);
    if (rc >= 0) rc = rnn_alloc_into(&j->sample, j->K, sizeof *j->sample, err);
    for (size_t k = 0; rc >= 0 && k < j->K; k++) order[k] = k;
    if (rc >= 0) rnn_rng_shuffle(&rng, j->K, order);
    for (size_t i = 0; rc >= 0 && i < j->K; i++) {
        const size_t c = g ? g[order[i]] : 0;
        if (c == RNN_NO_GROUP || (j->o->per_group && taken[c] >= j->o->per_group)) continue;
        taken[c]++;
        j->sample[j->n_sample++] = order[i];
    }
    if (rc >= 0) qsort(j->sample, j->n_sample, sizeof *j->sample, by_number);
    tool_groups_release(&whole);
    free(order);
    free(taken);
    return rc;
}

/* V', and signs such that the first trial ends on the positive side of every mode. */
static int find_modes(struct geometry_job *j, struct rnn_err *err)
{
    const size_t N = j->net->spec.N, rows = j->net->spec.cell == RNN_GRU ? 3 * N : N;
    double *W = NULL, *s = NULL;
    int rc = rnn_alloc_into(&W, rows * N, sizeof *W, err);
    if (rc >= 0) rc = rnn_alloc_into(&s, N, sizeof *s, err);
    if (rc >= 0) rc = rnn_alloc_into(&j->V, N * N, sizeof *j->V, err);
    if (rc >= 0) rc = rnn_net_W(j->net, W, err);
    if (rc >= 0) rc = rnn_svd(rows, N, W, NULL, s, j->V, err);
    const float *h = j->s->x + (j->s->T - 1) * N;
    for (size_t k = 0; rc >= 0 && k < N; k++) {
        double q = 0;
        for (size_t u = 0; u < N; u++) q += j->V[k * N + u] * (double)h[u];
        for (size_t u = 0; u < N && q < 0; u++) j->V[k * N + u] = -j->V[k * N + u];
    }
    free(W);
    free(s);
    return rc;
}

/* What cannot be measured is left out, or refused when it was asked for by name. */
static int can_measure(struct geometry_job *j, unsigned what, bool can, const char *why, struct rnn_err *err)
{
    if (can || !(j->measures & what)) return RNN_OK;
    if (j->o->wanted & what) return rnn_fail(err, RNN_ERR_ARG, "%s", why);
    j->measures &= ~what;
    return RNN_OK;
}

static int prepare(struct geometry_job *j, struct rnn_err *err)
{
    RNN_TRY(choose_prefix(j, err));
    RNN_TRY(choose_groups(j, err));
    RNN_TRY(choose_halves(j, err));
    RNN_TRY(choose_sample(j, err));
    RNN_TRY(can_measure(j, TOOL_SEPARABILITY, j->n_by, "separability: the trials have no parameter that makes groups", err));
    RNN_TRY(can_measure(j, TOOL_TREE, j->prefix, "tree: the trials have no text that spells paths: name one with --prefix", err));
    RNN_TRY(can_measure(j, TOOL_SIMILARITY, j->prefix || j->n_by, "similarity: the trials have no parameter that makes groups", err));
    RNN_TRY(can_measure(j, TOOL_MODES, j->s->is_all_units && j->s->is_rates, "modes: recurrent weights act on the rates of all units: rnn-run without --units and --what states", err));
    RNN_TRY(can_measure(j, TOOL_SEQUENCE, j->K >= 2 && j->s->T >= 2, "sequence: fewer than two trials or steps", err));
    const bool needs_V = j->measures & (TOOL_MODES | TOOL_ULTRAMETRIC) && j->s->is_all_units && j->s->is_rates;
    return needs_V ? find_modes(j, err) : RNN_OK;
}

/* ---- one step ---- */

int geometry_sampled(const struct geometry_job *j, const double *X, const size_t *g, double **Y, size_t **h, struct rnn_err *err)
{
    if (X) RNN_TRY(rnn_alloc_into(Y, j->n_sample * j->n, sizeof **Y, err));
    if (g) RNN_TRY(rnn_alloc_into(h, j->n_sample, sizeof **h, err));
    for (size_t i = 0; i < j->n_sample; i++) {
        if (X) memcpy(*Y + i * j->n, X + j->sample[i] * j->n, j->n * sizeof *X);
        if (g) (*h)[i] = g[j->sample[i]];
    }
    return RNN_OK;
}

/* Dimensions of all states, of every group, and their mean over groups. */
static int dimension_rows(struct geometry_job *j, const struct geometry_step *at, struct rnn_err *err)
{
    static const char *const names[] = { "dims", "dims_centred", "participation" };
    struct rnn_dimension d;
    RNN_TRY(rnn_dimension(j->K, j->n, at->X, NULL, RNN_NO_GROUP, j->o->share, &d, err));
    for (int i = 0; i < 3; i++) {
        struct geometry_value v = GEOMETRY_VALUE(i == 0 ? (double)d.dims : i == 1 ? (double)d.dims_centred : d.participation);
        v.n = d.n;
        geometry_row(j, names[i], NULL, "all", -1, (long)at->step, v);
    }
    for (size_t b = 0; b < j->n_by; b++) {
        const struct tool_groups *g = &j->by[b];
        struct geometry_value mean[3] = { GEOMETRY_VALUE(0), GEOMETRY_VALUE(0), GEOMETRY_VALUE(0) };
        for (size_t c = 0; c < g->G; c++) {
            RNN_TRY(rnn_dimension(j->K, j->n, at->X, g->g, c, j->o->share, &d, err));
            if (!d.n) continue;
            const double x[3] = { (double)d.dims, (double)d.dims_centred, d.participation };
            for (int i = 0; i < 3; i++) {
                struct geometry_value v = GEOMETRY_VALUE(x[i]);
                v.n = d.n;
                geometry_row(j, names[i], g->by, g->name[c], -1, (long)at->step, v);
                if (isnan(x[i])) continue; /* a group without variance */
                mean[i] = (struct geometry_value){ mean[i].value + x[i], fmin(mean[i].lo, x[i]), fmax(mean[i].hi, x[i]), NAN, mean[i].n + 1 };
            }
        }
        for (int i = 0; i < 3 && g->G; i++) {
            mean[i].value /= (double)mean[i].n;
            geometry_row(j, names[i], g->by, "mean", -1, (long)at->step, mean[i]);
        }
    }
    return RNN_OK;
}

/* What one decoder reaches on the folds together. */
struct reading { double accuracy, balanced, r2; size_t n; };

/* Whether trial k (of all) is one that decoders of this fold learn from; else they are tested on it. */
static bool learns(const struct geometry_job *j, size_t b, int fold, size_t k)
{
    return j->s->K_learn ? k >= j->K : j->half[b * j->K + k] == fold;
}

static int read_fold(const struct geometry_job *j, size_t b, int fold, size_t d, const double *X, bool is_ridge, struct reading *sum,
                     struct rnn_err *err)
{
    const struct tool_groups *g = &j->by[b];
    double *XL = NULL, *XT = NULL, *y = NULL, r2 = NAN;
    size_t *gl = NULL, n_learn = 0, n_test = 0;
    struct rnn_decoded r = { 0 };
    for (size_t k = 0; k < j->K_all; k++) n_learn += learns(j, b, fold, k);
    int rc = rnn_alloc_into(&XL, n_learn * d, sizeof *XL, err);
    if (rc >= 0) rc = rnn_alloc_into(&XT, (j->K_all - n_learn) * d, sizeof *XT, err);
    if (rc >= 0) rc = rnn_alloc_into(&gl, j->K_all, sizeof *gl, err);
    if (rc >= 0) rc = rnn_alloc_into(&y, j->K_all, sizeof *y, err);
    for (size_t k = 0, l = 0; rc >= 0 && k < j->K_all; k++) {
        const bool is_learned = learns(j, b, fold, k);
        const size_t at = is_learned ? l++ : n_test++, row = is_learned ? at : n_learn + at;
        memcpy((is_learned ? XL : XT) + at * d, X + k * d, d * sizeof *X);
        if (g->G) gl[row] = g->g[k];
        else y[row] = g->y[k];
    }
    if (rc >= 0 && !g->G) rc = rnn_ridge_regress(d, n_learn, XL, y, n_test, XT, y + n_learn, j->o->lambda, &r2, err);
    else if (rc >= 0 && is_ridge) rc = rnn_ridge_decode(d, n_learn, XL, gl, n_test, XT, gl + n_learn, g->G, j->o->lambda, &r, err);
    else if (rc >= 0) rc = rnn_nearest_mean(d, n_learn, XL, gl, n_test, XT, gl + n_learn, g->G, &r, err);
    if (!g->G) r.n = n_test;
    if (rc >= 0 && r.n) {
        sum->accuracy += (double)r.n * r.accuracy;
        sum->balanced += (double)r.n * r.balanced;
        sum->r2 += (double)r.n * r2;
        sum->n += r.n;
    }
    free(XL);
    free(XT);
    free(gl);
    free(y);
    return rc;
}

static int read_groups(const struct geometry_job *j, size_t b, size_t d, const double *X, bool is_ridge,
                       struct reading *out, struct rnn_err *err)
{
    *out = (struct reading){ 0 };
    for (int fold = 0; fold < (j->s->K_learn ? 1 : 2); fold++) RNN_TRY(read_fold(j, b, fold, d, X, is_ridge, out, err));
    out->accuracy = out->n ? out->accuracy / (double)out->n : NAN;
    out->balanced = out->n ? out->balanced / (double)out->n : NAN;
    out->r2 = out->n ? out->r2 / (double)out->n : NAN;
    return RNN_OK;
}

static int separability_rows(struct geometry_job *j, const struct geometry_step *at, struct rnn_err *err)
{
    const char *from = j->s->K_learn ? "train" : "halves";
    for (size_t b = 0; b < j->n_by; b++) {
        const struct tool_groups *g = &j->by[b];
        struct geometry_value v = GEOMETRY_VALUE(0);
        struct reading r;
        if (!g->G) {
            RNN_TRY(read_groups(j, b, j->n, at->X, true, &r, err));
            v = GEOMETRY_VALUE(r.r2);
            v.n = r.n;
            geometry_row(j, "ridge_r2", g->by, from, -1, (long)at->step, v);
            continue;
        }
        RNN_TRY(rnn_eta2(j->K, j->n, at->X, g->g, g->G, &v.value, err));
        v.n = j->K;
        geometry_row(j, "eta2", g->by, NULL, -1, (long)at->step, v);
        RNN_TRY(read_groups(j, b, j->n, at->X, false, &r, err));
        v = (struct geometry_value){ r.accuracy, NAN, NAN, NAN, r.n };
        geometry_row(j, "ncm", g->by, from, -1, (long)at->step, v);
        v = (struct geometry_value){ r.balanced, NAN, NAN, 1 / (double)g->G, r.n };
        geometry_row(j, "ncm_balanced", g->by, from, -1, (long)at->step, v);
        RNN_TRY(read_groups(j, b, j->n, at->X, true, &r, err));
        v = (struct geometry_value){ r.balanced, NAN, NAN, 1 / (double)g->G, r.n };
        geometry_row(j, "ridge", g->by, from, -1, (long)at->step, v);
    }
    return RNN_OK;
}

static int pair_rows(struct geometry_job *j, const struct geometry_step *at, const struct tool_groups *g, const double *cos,
                     const double *dist, struct rnn_err *err)
{
    size_t *h = NULL;
    struct rnn_pair_means m;
    if (!g->G) return RNN_OK;
    RNN_TRY(geometry_sampled(j, NULL, g->g, NULL, &h, err));
    for (int i = 0; i < 2; i++) {
        rnn_pair_means(j->n_sample, i ? dist : cos, h, &m);
        struct geometry_value in = GEOMETRY_VALUE(m.within), out = GEOMETRY_VALUE(m.between);
        in.n = m.n_within;
        out.n = m.n_between;
        geometry_row(j, i ? "distance" : "cosine", g->by, g == &at->path ? "within path" : "within", -1, (long)at->step, in);
        geometry_row(j, i ? "distance" : "cosine", g->by, g == &at->path ? "between paths" : "between", -1, (long)at->step, out);
    }
    free(h);
    return RNN_OK;
}

static int similarity_rows(struct geometry_job *j, const struct geometry_step *at, struct rnn_err *err)
{
    const size_t m = j->n_sample;
    double *Y = NULL, *C = NULL, *D = NULL;
    int rc = geometry_sampled(j, at->X, NULL, &Y, NULL, err);
    if (rc >= 0) rc = rnn_alloc_into(&C, m * m, sizeof *C, err);
    if (rc >= 0) rc = rnn_alloc_into(&D, m * m, sizeof *D, err);
    if (rc >= 0) rc = rnn_cosines(m, j->n, Y, C, err);
    if (rc >= 0) rc = rnn_distances(m, j->n, Y, j->o->metric, D, err);
    if (rc >= 0 && at->has_path) rc = pair_rows(j, at, &at->path, C, D, err);
    for (size_t b = 0; rc >= 0 && b < j->n_by; b++) rc = pair_rows(j, at, &j->by[b], C, D, err);
    free(Y);
    free(C);
    free(D);
    return rc;
}

/* How well single modes tell groups apart: nearest mean of one number. */
static int mode_reading(struct geometry_job *j, const struct geometry_step *at, const double *q, size_t k, struct rnn_err *err)
{
    for (size_t b = 0; b < j->n_by; b++) {
        struct reading r;
        if (!j->by[b].G) continue;
        RNN_TRY(read_groups(j, b, 1, q, false, &r, err));
        const struct geometry_value v = { r.balanced, NAN, NAN, 1 / (double)j->by[b].G, r.n };
        geometry_row(j, "reading", j->by[b].by, j->s->K_learn ? "train" : "halves", (long)k + 1, (long)at->step, v);
    }
    return RNN_OK;
}

static void mode_projection(struct geometry_job *j, const struct geometry_step *at, const struct tool_groups *g, const double *q, size_t k)
{
    for (size_t c = 0; c < g->G; c++) {
        struct geometry_value v = GEOMETRY_VALUE(0);
        for (size_t i = 0; i < j->K; i++) {
            if (g->g[i] != c) continue;
            v.value += q[i];
            v.lo = fmin(v.lo, q[i]);
            v.hi = fmax(v.hi, q[i]);
            v.n++;
        }
        if (!v.n) continue;
        v.value /= (double)v.n;
        geometry_row(j, "projection", g->by, g->name[c], (long)k + 1, (long)at->step, v);
    }
}

int geometry_modes_rows(struct geometry_job *j, const struct geometry_step *at, struct rnn_err *err)
{
    double *q;
    int rc = RNN_OK;
    RNN_TRY(rnn_alloc_into(&q, j->K_all, sizeof *q, err));
    for (size_t k = 0; rc >= 0 && k < j->o->n_modes && k < j->n; k++) {
        rnn_gemv(0, j->K_all, j->n, 1, at->X, j->V + k * j->n, 0, q);
        rc = mode_reading(j, at, q, k, err);
        if (at->has_path) mode_projection(j, at, &at->path, q, k);
        else if (j->n_by) mode_projection(j, at, &j->by[0], q, k);
    }
    free(q);
    return rc;
}

/* ---- all steps ---- */

static int load_step(const struct geometry_job *j, size_t at, struct geometry_step *st, struct rnn_err *err)
{
    *st = (struct geometry_step){ .at = at, .step = at * j->s->thin };
    RNN_TRY(rnn_alloc_into(&st->X, j->K_all * j->n, sizeof *st->X, err));
    for (size_t k = 0; k < j->K_all; k++) {
        const float *x = j->s->x + (k * j->s->T + at) * j->n;
        for (size_t u = 0; u < j->n; u++) st->X[k * j->n + u] = (double)x[u];
    }
    if (!j->prefix) return RNN_OK;
    RNN_TRY(tool_groups_prefix(j->s, j->prefix, st->step + 1, &st->path, err));
    st->has_path = true;
    return st->step ? tool_groups_prefix(j->s, j->prefix, st->step, &st->parent, err) : RNN_OK;
}

static int measure_step(struct geometry_job *j, const struct geometry_step *at, struct rnn_err *err)
{
    if (j->measures & TOOL_DIMENSION) RNN_TRY(dimension_rows(j, at, err));
    if (j->measures & TOOL_PCA) RNN_TRY(geometry_pca_rows(j, at, err));
    if (j->measures & TOOL_SEPARABILITY) RNN_TRY(separability_rows(j, at, err));
    if (j->measures & TOOL_SIMILARITY) RNN_TRY(similarity_rows(j, at, err));
    if (j->measures & (TOOL_TREE | TOOL_ULTRAMETRIC)) RNN_TRY(geometry_tree_rows(j, at, err));
    if (j->measures & TOOL_MODES) RNN_TRY(geometry_modes_rows(j, at, err));
    if (j->measures & TOOL_MODES && j->o->arrays) RNN_TRY(geometry_projections_array(j, at, err));
    if (j->measures & TOOL_DENDROGRAM) RNN_TRY(geometry_dendrogram(j, at, err));
    if (j->o->arrays && j->measures & TOOL_SIMILARITY) RNN_TRY(geometry_cosine_array(j, at, err));
    return RNN_OK;
}

static bool is_chosen(const struct tool_geometry_opts *o, size_t step)
{
    for (size_t i = 0; i < o->n_steps; i++)
        if (o->steps[i] == step) return true;
    return !o->n_steps;
}

static int check_steps(const struct geometry_job *j, struct rnn_err *err)
{
    for (size_t i = 0; i < j->o->n_steps; i++)
        if (j->o->steps[i] % j->s->thin || j->o->steps[i] / j->s->thin >= j->s->T)
            return rnn_fail(err, RNN_ERR_ARG, "--steps: the activity has no step %zu (it has %zu steps from 0, %zu apart)", j->o->steps[i], j->s->T, j->s->thin);
    return RNN_OK;
}

static int measure(struct geometry_job *j, struct rnn_err *err)
{
    RNN_TRY(check_steps(j, err));
    RNN_TRY(prepare(j, err));
    RNN_TRY(columns(j->t, err));
    const bool has_leaves = j->measures & TOOL_DENDROGRAM && !j->o->leaves_are_groups;
    if (has_leaves || j->measures & TOOL_PCA || (j->o->arrays && j->measures & (TOOL_SIMILARITY | TOOL_MODES))) RNN_TRY(geometry_trials_table(j, err));
    for (size_t i = 0; i < j->s->T; i++) {
        struct geometry_step at;
        if (!is_chosen(j->o, i * j->s->thin)) continue;
        int rc = load_step(j, i, &at, err);
        if (rc >= 0) rc = measure_step(j, &at, err);
        free(at.X);
        tool_groups_release(&at.path);
        tool_groups_release(&at.parent);
        RNN_TRY(rc);
    }
    if (j->measures & TOOL_SEQUENCE) RNN_TRY(geometry_sequence_rows(j, err));
    return rnn_table_rows(j->t) ? rnn_table_append(j->t, j->out, &j->net->labels, j->net->id, err) : RNN_OK;
}

int tool_geometry_append(struct rnn_bytes *out, const struct tool_geometry_opts *opts, const struct rnn_net *net,
                         const struct tool_states *s, struct rnn_err *err)
{
    struct geometry_job j = { .out = out, .o = opts, .net = net, .s = s, .n = s->n, .K = s->K, .K_all = s->K + s->K_learn, .measures = opts->measures };
    RNN_TRY(rnn_table_new(&j.t, "geometry", err));
    const int rc = measure(&j, err);
    rnn_table_free(j.t);
    for (size_t b = 0; b < j.n_by; b++) tool_groups_release(&j.by[b]);
    free(j.half);
    free(j.by);
    free(j.prefix);
    free(j.sample);
    free(j.V);
    return rc;
}
