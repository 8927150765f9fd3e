/* What one network says: spectra, performance of changed nets, overlaps. */
#include <complex.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "num/linalg.h"
#include "tool/lowrank.h"

struct col { const char *name; enum rnn_kv_type type; const char *unit, *doc; };

static int declare(struct rnn_table *t, const struct col *cols, size_t n, struct rnn_err *err)
{
    for (size_t i = 0; i < n; i++) RNN_TRY(rnn_table_col(t, cols[i].name, cols[i].type, cols[i].unit, cols[i].doc, err));
    return RNN_OK;
}

static int close_table(struct rnn_table *t, int rc, const struct rnn_net *net, struct rnn_bytes *out, struct rnn_err *err)
{
    if (rc >= 0) rc = rnn_table_append(t, out, &net->labels, net->id, err);
    rnn_table_free(t);
    return rc;
}

/* ---- spectra ---- */

void tool_net_spectra_release(struct tool_net_spectra *s)
{
    for (size_t i = 0; i < s->n; i++) free(s->v[i].s);
    free(s->v);
    *s = (struct tool_net_spectra){ 0 };
}

static const struct col singular_cols[] = {
    { "index", RNN_KV_INT, NULL, "number of the network within its ensemble" },
    { "matrix", RNN_KV_STR, NULL, "parameter that was decomposed" },
    { "part", RNN_KV_STR, NULL, "value: as it is; change: since initialisation; initial: before training" },
    { "mode", RNN_KV_INT, NULL, "1 has the largest singular value" },
    { "value", RNN_KV_REAL, NULL, "singular value" },
    { "share", RNN_KV_REAL, NULL, "its square's part of the sum of squares" },
};

static const struct col lowrank_cols[] = {
    { "index", RNN_KV_INT, NULL, "number of the network within its ensemble" },
    { "status", RNN_KV_STR, NULL, "status of the network after training" },
    { "matrix", RNN_KV_STR, NULL, "parameter that was decomposed" },
    { "part", RNN_KV_STR, NULL, "value, change or initial" },
    { "rows", RNN_KV_INT, NULL, NULL },
    { "cols", RNN_KV_INT, NULL, NULL },
    { "s1", RNN_KV_REAL, NULL, "largest singular value" },
    { "s2", RNN_KV_REAL, NULL, "second singular value" },
    { "ratio", RNN_KV_REAL, NULL, "s1 / s2" },
    { "norm", RNN_KV_REAL, NULL, "Frobenius norm" },
    { "participation", RNN_KV_REAL, NULL, "(sum s^2)^2 / sum s^4" },
    { "stable_rank", RNN_KV_REAL, NULL, "sum s^2 / s1^2" },
};

static void put_spectrum(struct rnn_table *t, const struct rnn_net *net, const struct rnn_modes *m, size_t limit)
{
    const double norm = rnn_norm2(m->n, m->s);
    for (size_t k = 0; k < m->n && (!limit || k < limit); k++) {
        rnn_table_set_int(t, "index", (int64_t)net->index);
        rnn_table_set_str(t, "matrix", m->param);
        rnn_table_set_str(t, "part", rnn_part_names[m->part]);
        rnn_table_set_int(t, "mode", (int64_t)k + 1);
        rnn_table_set(t, "value", m->s[k]);
        rnn_table_set(t, "share", norm > 0 ? m->s[k] / norm * (m->s[k] / norm) : NAN);
        rnn_table_row(t);
    }
}

static void put_summary(struct rnn_table *t, const struct rnn_net *net, const char *param, enum rnn_part part, const struct rnn_modes *m)
{
    rnn_table_set_int(t, "index", (int64_t)net->index);
    rnn_table_set_str(t, "status", rnn_net_status_names[net->status]);
    rnn_table_set_str(t, "matrix", param);
    rnn_table_set_str(t, "part", rnn_part_names[part]);
    if (m) {
        const double norm = rnn_norm2(m->n, m->s);
        rnn_table_set_int(t, "rows", (int64_t)m->rows);
        rnn_table_set_int(t, "cols", (int64_t)m->cols);
        rnn_table_set(t, "s1", m->s[0]);
        if (m->n > 1) rnn_table_set(t, "s2", m->s[1]);
        if (m->n > 1) rnn_table_set(t, "ratio", m->s[0] / m->s[1]);
        rnn_table_set(t, "norm", norm);
        rnn_table_set(t, "participation", rnn_modes_participation(m->n, m->s));
        rnn_table_set(t, "stable_rank", norm / m->s[0] * (norm / m->s[0]));
    }
    rnn_table_row(t);
}

static int keep_spectrum(struct tool_net_spectra *keep, const struct rnn_modes *m, struct rnn_err *err)
{
    struct tool_spectrum *s = &keep->v[keep->n];
    memcpy(s->param, m->param, sizeof s->param);
    s->part = m->part;
    s->n = m->n;
    RNN_TRY(rnn_alloc_into(&s->s, m->n, sizeof *s->s, err));
    memcpy(s->s, m->s, m->n * sizeof *s->s);
    keep->n++;
    return RNN_OK;
}

static int spectra_rows(const struct tool_lowrank *c, const struct rnn_net *net, struct rnn_table *singular, struct rnn_table *summary,
                        struct tool_net_spectra *keep, struct rnn_err *err)
{
    const bool can = rnn_net_can_run(net);
    RNN_TRY(rnn_alloc_into(&keep->v, 3 * c->params->n, sizeof *keep->v, err));
    for (size_t i = 0; i < c->params->n; i++) {
        for (int part = 0; part < 3; part++) {
            struct rnn_modes m = { 0 };
            if (!c->parts[part]) continue;
            int rc = can ? rnn_modes_of(net, c->params->v[i], (enum rnn_part)part, &m, err) : RNN_OK;
            if (rc >= 0) put_summary(summary, net, c->params->v[i], (enum rnn_part)part, can ? &m : NULL);
            if (rc >= 0 && can) put_spectrum(singular, net, &m, c->n_modes);
            if (rc >= 0 && can) rc = keep_spectrum(keep, &m, err);
            rnn_modes_release(&m);
            RNN_TRY(rc);
        }
    }
    return RNN_OK;
}

int tool_lowrank_spectra(const struct tool_lowrank *c, const struct rnn_net *net, struct rnn_bytes *out, struct tool_net_spectra *keep, struct rnn_err *err)
{
    struct rnn_table *singular = NULL, *summary = NULL;
    int rc = rnn_table_new(&singular, "singular", err);
    if (rc >= 0) rc = rnn_table_new(&summary, "lowrank", err);
    if (rc >= 0) rc = declare(singular, singular_cols, RNN_LEN(singular_cols), err);
    if (rc >= 0) rc = declare(summary, lowrank_cols, RNN_LEN(lowrank_cols), err);
    if (rc >= 0) rc = spectra_rows(c, net, singular, summary, keep, err);
    if (rc >= 0) rc = rnn_table_append(summary, out, &net->labels, net->id, err);
    if (rc >= 0 && keep->n) rc = rnn_table_append(singular, out, &net->labels, net->id, err);
    rnn_table_free(singular);
    rnn_table_free(summary);
    return rc;
}

/* ---- eigenvalues ---- */

static const struct col eigenvalue_cols[] = {
    { "index", RNN_KV_INT, NULL, "number of the network within its ensemble" },
    { "part", RNN_KV_STR, NULL, "of W_rec: value: as it is; change: since initialisation; initial: before training" },
    { "mode", RNN_KV_INT, NULL, "1 has the largest modulus; conjugates follow each other" },
    { "re", RNN_KV_REAL, NULL, "real part" },
    { "im", RNN_KV_REAL, NULL, "imaginary part" },
    { "modulus", RNN_KV_REAL, NULL, NULL },
    { "angle", RNN_KV_REAL, "rad", "argument" },
};

static void put_eigenvalues(struct rnn_table *t, const struct rnn_net *net, enum rnn_part part, size_t n, const double _Complex *w, size_t limit)
{
    for (size_t k = 0; k < n && (!limit || k < limit); k++) {
        rnn_table_set_int(t, "index", (int64_t)net->index);
        rnn_table_set_str(t, "part", rnn_part_names[part]);
        rnn_table_set_int(t, "mode", (int64_t)k + 1);
        rnn_table_set(t, "re", creal(w[k]));
        rnn_table_set(t, "im", cimag(w[k]));
        rnn_table_set(t, "modulus", cabs(w[k]));
        rnn_table_set(t, "angle", carg(w[k]));
        rnn_table_row(t);
    }
}

/* The array as rnn-varmem names and labels it, for the same figure. */
static int append_eigenvalues(struct rnn_bytes *out, const struct rnn_net *net, enum rnn_part part, size_t n, const double _Complex *w, struct rnn_err *err)
{
    static const char *const dims[] = { "mode" }, *const stages[] = { "trained", "change", "initial" };
    struct rnn_kvs labels = { 0 };
    int rc = rnn_kvs_merge(&labels, &net->labels, err);
    if (rc >= 0) rc = rnn_kvs_str(&labels, "stage", stages[part], err);
    if (rc >= 0) rc = rnn_array_append(out, "eigenvalues", dims, NULL, RNN_C128, 1, &n, w, &labels, net->id, err);
    rnn_kvs_release(&labels);
    return rc;
}

static int eigenvalues_of(const struct tool_lowrank *c, const struct rnn_net *net, enum rnn_part part, struct rnn_table *t, struct rnn_bytes *out,
                          struct rnn_err *err)
{
    struct rnn_modes m = { 0 };
    double _Complex *w = NULL;
    int rc = rnn_modes_of(net, "W_rec", part, &m, err);
    if (rc >= 0) rc = rnn_alloc_into(&w, m.rows, sizeof *w, err);
    if (rc >= 0) rc = rnn_eig(m.rows, m.A, w, NULL, NULL, err);
    if (rc >= 0) put_eigenvalues(t, net, part, m.rows, w, c->n_modes);
    if (rc >= 0) rc = append_eigenvalues(out, net, part, m.rows, w, err);
    free(w);
    rnn_modes_release(&m);
    return rc;
}

int tool_lowrank_eigenvalues(const struct tool_lowrank *c, const struct rnn_net *net, struct rnn_bytes *out, struct rnn_err *err)
{
    struct rnn_bytes arrays = { 0 };
    struct rnn_table *t;
    if (net->spec.cell == RNN_GRU) return rnn_fail(err, RNN_ERR_ARG, "--eigenvalues: W_rec of a gru is not square");
    RNN_TRY(rnn_table_new(&t, "eigenvalues", err));
    int rc = declare(t, eigenvalue_cols, RNN_LEN(eigenvalue_cols), err);
    for (int part = 0; part < 3 && rc >= 0; part++)
        if (c->parts[part]) rc = eigenvalues_of(c, net, (enum rnn_part)part, t, &arrays, err);
    rc = close_table(t, rc, net, out, err);
    if (rc >= 0) rc = rnn_bytes_append(out, arrays.p, arrays.len, err);
    rnn_bytes_release(&arrays);
    return rc;
}

/* ---- performance of changed nets ---- */

static const char *const *metrics_of(const struct rnn_task *task)
{
    return rnn_task_metrics(task) ? rnn_task_metrics(task) : rnn_generic_metrics;
}

static int score_cols(struct rnn_table *t, const struct rnn_task *task, struct rnn_err *err)
{
    static const struct col cols[] = {
        { "matrix", RNN_KV_STR, NULL, "parameter whose modes were changed" },
        { "part", RNN_KV_STR, NULL, "modes of its value, or of its change since initialisation" },
        { "split", RNN_KV_STR, NULL, "which trials were run" },
        { "n", RNN_KV_INT, "trials", "trials that were run" },
    };
    RNN_TRY(declare(t, cols, RNN_LEN(cols), err));
    for (size_t i = 0; metrics_of(task)[i]; i++) RNN_TRY(rnn_table_col(t, metrics_of(task)[i], RNN_KV_REAL, NULL, NULL, err));
    return rnn_table_col(t, "loss", RNN_KV_REAL, NULL, "loss of the task with true inputs, without penalties", err);
}

/* Runs the net and writes the columns above; *accuracy gets the first metric. */
static int put_score(struct rnn_table *t, const struct tool_lowrank *c, const struct rnn_net *net, const struct tool_lowrank_trials *on,
                     const struct tool_set *silent, double *accuracy, struct rnn_err *err)
{
    struct rnn_run_opts opts = RNN_RUN_DEFAULT;
    struct rnn_run_result r = { 0 };
    opts.seed = c->seed;
    if (silent) {
        opts.silent = silent->v;
        opts.n_silent = silent->n;
    }
    RNN_TRY(rnn_run_score(net, on->task, on->tr, &opts, &r, err));
    rnn_table_set_str(t, "matrix", c->target);
    rnn_table_set_str(t, "part", rnn_part_names[c->part]);
    rnn_table_set_str(t, "split", rnn_split_names[c->split]);
    rnn_table_set_int(t, "n", (int64_t)on->tr->K);
    for (size_t i = 0; i < r.n_metrics; i++) rnn_table_set(t, r.metrics[i], r.metric[i]);
    rnn_table_set(t, "loss", r.loss);
    *accuracy = r.n_metrics ? r.metric[0] : NAN;
    rnn_run_release(&r);
    return RNN_OK;
}

static int truncated_row(struct rnn_table *t, const struct tool_lowrank *c, const struct rnn_net *net, const struct rnn_modes *m, size_t rank, bool *keep,
                         const struct tool_lowrank_trials *on, struct rnn_err *err)
{
    struct rnn_net *changed;
    double accuracy;
    for (size_t k = 0; k < m->n; k++) keep[k] = k < rank;
    RNN_TRY(rnn_net_keep_modes(net, m, keep, &changed, err));
    rnn_table_set_int(t, "index", (int64_t)net->index);
    rnn_table_set_int(t, "rank", (int64_t)rank);
    rnn_table_set(t, "share", rnn_modes_share(m, keep));
    const int rc = put_score(t, c, changed, on, NULL, &accuracy, err);
    rnn_net_free(changed);
    if (rc >= 0) rnn_table_row(t);
    return rc;
}

static int too_large(const struct rnn_modes *m, const char *what, size_t k, struct rnn_err *err)
{
    return rnn_fail(err, RNN_ERR_ARG, "%s (%zu) must not exceed the %zu modes of %s", what, k, m->n, m->param);
}

static int truncation_rows(struct rnn_table *t, const struct tool_lowrank *c, const struct rnn_net *net, const struct rnn_modes *m, bool *keep,
                           const struct tool_lowrank_trials *on, struct rnn_err *err)
{
    static const size_t usual[] = { 0, 1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 40, 80, 160, 320, 640 };
    if (tool_sets_max(c->ranks) > m->n) return too_large(m, "--ranks", tool_sets_max(c->ranks), err);
    for (size_t i = 0; i < c->ranks->n; i++) RNN_TRY(truncated_row(t, c, net, m, c->ranks->v[i].v[0], keep, on, err));
    if (c->ranks->n) return RNN_OK;
    for (size_t i = 0; i < RNN_LEN(usual) && usual[i] < m->n; i++) RNN_TRY(truncated_row(t, c, net, m, usual[i], keep, on, err));
    return truncated_row(t, c, net, m, m->n, keep, on, err);
}

int tool_lowrank_truncation(const struct tool_lowrank *c, const struct rnn_net *net, const struct tool_lowrank_trials *on,
                            struct rnn_bytes *out, struct rnn_err *err)
{
    static const struct col cols[] = {
        { "index", RNN_KV_INT, NULL, "number of the network within its ensemble" },
        { "rank", RNN_KV_INT, NULL, "leading modes that were kept" },
        { "share", RNN_KV_REAL, NULL, "their part of the sum of squared singular values" },
    };
    struct rnn_table *t;
    struct rnn_modes m = { 0 };
    bool *keep = NULL;
    RNN_TRY(rnn_table_new(&t, "truncation", err));
    int rc = declare(t, cols, RNN_LEN(cols), err);
    if (rc >= 0) rc = score_cols(t, on->task, err);
    if (rc >= 0) rc = rnn_modes_of(net, c->target, c->part, &m, err);
    if (rc >= 0) rc = rnn_alloc_into(&keep, m.n, sizeof *keep, err);
    if (rc >= 0) rc = truncation_rows(t, c, net, &m, keep, on, err);
    free(keep);
    rnn_modes_release(&m);
    return close_table(t, rc, net, out, err);
}

/* ---- ablation ---- */

struct ablation { struct rnn_table *t; const struct tool_lowrank *c; const struct rnn_net *net; const struct rnn_modes *m;
                  const struct tool_lowrank_trials *on; double intact; bool *keep; };

/* One row: `changed` with units held silent (or NULL); number 0 where there is none. */
static int ablation_row(struct ablation *a, const char *what, size_t number, const char *set, const struct rnn_net *changed, const struct tool_set *silent,
                        struct rnn_err *err)
{
    double accuracy;
    rnn_table_set_int(a->t, "index", (int64_t)a->net->index);
    rnn_table_set_str(a->t, "what", what);
    rnn_table_set_int(a->t, "mode", (int64_t)number);
    rnn_table_set_str(a->t, "set", set);
    RNN_TRY(put_score(a->t, a->c, changed, a->on, silent, &accuracy, err));
    if (!strcmp(what, "intact")) a->intact = accuracy;
    rnn_table_set(a->t, "change", accuracy - a->intact);
    rnn_table_row(a->t);
    return RNN_OK;
}

static int without_components(struct ablation *a, const struct tool_set *set, struct rnn_err *err)
{
    struct rnn_net *changed;
    for (size_t k = 0; k < a->m->n; k++) a->keep[k] = true;
    for (size_t i = 0; i < set->n; i++) a->keep[set->v[i] - 1] = false;
    RNN_TRY(rnn_net_keep_modes(a->net, a->m, a->keep, &changed, err));
    const int rc = ablation_row(a, "component", set->v[0], set->text, changed, NULL, err);
    rnn_net_free(changed);
    return rc;
}

static int component_rows(struct ablation *a, struct rnn_err *err)
{
    static const size_t usual[] = { 1, 2, 3, 4, 5, 10, 20 };
    const struct tool_sets *given = a->c->components;
    struct tool_sets some = { 0 };
    int rc = RNN_OK;
    if (tool_sets_max(given) > a->m->n) return too_large(a->m, "--components", tool_sets_max(given), err);
    for (size_t i = 0; !given->n && i < RNN_LEN(usual) && usual[i] <= a->m->n && rc >= 0; i++) rc = tool_sets_add(&some, usual[i], err);
    if (!given->n) given = &some;
    for (size_t i = 0; i < given->n && rc >= 0; i++) rc = without_components(a, &given->v[i], err);
    tool_sets_release(&some);
    return rc;
}

static int random_rows(struct ablation *a, struct rnn_err *err)
{
    for (size_t i = 0; i < a->c->n_random; i++) {
        struct rnn_net *changed;
        int rc = rnn_net_minus_random(a->net, a->m, a->c->seed, i, &changed, err);
        if (rc == RNN_ERR_ARG) return rnn_fail(err, rc, "%s; --random 0 leaves this control out", err->msg);
        RNN_TRY(rc);
        rc = ablation_row(a, "random", i + 1, "", changed, NULL, err);
        rnn_net_free(changed);
        RNN_TRY(rc);
    }
    return RNN_OK;
}

static int ablation_rows(struct ablation *a, struct rnn_err *err)
{
    const struct tool_sets *units = a->c->units;
    RNN_TRY(ablation_row(a, "intact", 0, "", a->net, NULL, err));
    RNN_TRY(component_rows(a, err));
    RNN_TRY(random_rows(a, err));
    if (units->n && tool_sets_max(units) >= a->net->spec.N)
        return rnn_fail(err, RNN_ERR_ARG, "--units (%zu) must be below its %zu units", tool_sets_max(units), a->net->spec.N);
    for (size_t i = 0; i < units->n; i++) RNN_TRY(ablation_row(a, "units", units->v[i].v[0], units->v[i].text, a->net, &units->v[i], err));
    return RNN_OK;
}

int tool_lowrank_ablation(const struct tool_lowrank *c, const struct rnn_net *net, const struct tool_lowrank_trials *on,
                          struct rnn_bytes *out, struct rnn_err *err)
{
    static const struct col cols[] = {
        { "index", RNN_KV_INT, NULL, "number of the network within its ensemble" },
        { "what", RNN_KV_STR, NULL, "intact, component, random (s1 a b' taken away), or units (held silent)" },
        { "mode", RNN_KV_INT, NULL, "the component, control or unit; of a set the first" },
        { "set", RNN_KV_STR, NULL, "all of them, as asked for" },
    };
    struct rnn_modes m = { 0 };
    struct ablation a = { .c = c, .net = net, .m = &m, .on = on, .intact = NAN };
    RNN_TRY(rnn_table_new(&a.t, "ablation", err));
    int rc = declare(a.t, cols, RNN_LEN(cols), err);
    if (rc >= 0) rc = score_cols(a.t, on->task, err);
    if (rc >= 0) rc = rnn_table_col(a.t, "change", RNN_KV_REAL, NULL, "accuracy minus that of the intact net", err);
    if (rc >= 0) rc = rnn_modes_of(net, c->target, c->part, &m, err);
    if (rc >= 0) rc = rnn_alloc_into(&a.keep, m.n, sizeof *a.keep, err);
    if (rc >= 0) rc = ablation_rows(&a, err);
    free(a.keep);
    rnn_modes_release(&m);
    return close_table(a.t, rc, net, out, err);
}

/* ---- overlaps ---- */

/* n directions of the units' space as rows of v [n][N]. */
struct directions { const char *name; size_t n; double *v; };

static void put_overlap(struct rnn_table *t, const struct rnn_net *net, const struct directions *a, size_t i, const struct directions *b, size_t j)
{
    const size_t N = net->spec.N;
    rnn_table_set_int(t, "index", (int64_t)net->index);
    rnn_table_set_str(t, "a", a->name);
    rnn_table_set_int(t, "i", (int64_t)i + 1);
    rnn_table_set_str(t, "b", b->name);
    rnn_table_set_int(t, "j", (int64_t)j + 1);
    rnn_table_set(t, "cosine", rnn_cosine(N, a->v + i * N, b->v + j * N));
    rnn_table_set(t, "chance", 1 / sqrt((double)N));
    rnn_table_row(t);
}

static int put_angles(struct rnn_table *t, const struct rnn_net *net, const struct directions *a, const struct directions *b, struct rnn_err *err)
{
    const size_t N = net->spec.N, n = a->n < b->n ? a->n : b->n;
    double *A = NULL, *B = NULL, *angle = NULL;
    size_t n_angles = 0;
    int rc = rnn_alloc_into(&A, N * a->n, sizeof *A, err);
    if (rc >= 0) rc = rnn_alloc_into(&B, N * b->n, sizeof *B, err);
    if (rc >= 0) rc = rnn_alloc_into(&angle, n, sizeof *angle, err);
    for (size_t i = 0; rc >= 0 && i < N; i++) {
        for (size_t j = 0; j < a->n; j++) A[i * a->n + j] = a->v[j * N + i];
        for (size_t j = 0; j < b->n; j++) B[i * b->n + j] = b->v[j * N + i];
    }
    if (rc >= 0) rc = rnn_principal_angles(N, a->n, A, b->n, B, angle, &n_angles, err);
    for (size_t k = 0; rc >= 0 && k < n_angles; k++) {
        rnn_table_set_int(t, "index", (int64_t)net->index);
        rnn_table_set_str(t, "a", a->name);
        rnn_table_set_str(t, "b", b->name);
        rnn_table_set_int(t, "k", (int64_t)k + 1);
        rnn_table_set(t, "angle", angle[k]);
        rnn_table_row(t);
    }
    free(A);
    free(B);
    free(angle);
    return rc;
}

static int fill_directions(const struct rnn_net *net, const struct rnn_modes *m, struct directions d[4], struct rnn_err *err)
{
    const size_t N = net->spec.N;
    const double *in = rnn_net_param(net, "W_in"), *out = rnn_net_param(net, "W_out");
    for (size_t i = 0; i < 4; i++) RNN_TRY(rnn_alloc_into(&d[i].v, d[i].n * N, sizeof(double), err));
    for (size_t j = 0; j < d[0].n; j++)
        for (size_t i = 0; i < N; i++) d[0].v[j * N + i] = in[i * d[0].n + j];
    memcpy(d[1].v, out, d[1].n * N * sizeof *out);
    for (size_t j = 0; j < d[2].n; j++)
        for (size_t i = 0; i < N; i++) d[2].v[j * N + i] = m->U[i * m->n + j];
    memcpy(d[3].v, m->Vt, d[3].n * N * sizeof *m->Vt);
    return RNN_OK;
}

static int overlap_rows(const struct rnn_net *net, const struct directions d[4], struct rnn_table *cosines, struct rnn_table *angles, struct rnn_err *err)
{
    static const unsigned char pairs[][2] = { { 0, 3 }, { 0, 2 }, { 1, 2 }, { 1, 3 }, { 3, 2 }, { 0, 1 } };
    for (size_t p = 0; p < RNN_LEN(pairs); p++) {
        const struct directions *a = &d[pairs[p][0]], *b = &d[pairs[p][1]];
        for (size_t i = 0; i < a->n; i++)
            for (size_t j = 0; j < b->n; j++) put_overlap(cosines, net, a, i, b, j);
        RNN_TRY(put_angles(angles, net, a, b, err));
    }
    return RNN_OK;
}

int tool_lowrank_overlaps(const struct tool_lowrank *c, const struct rnn_net *net, struct rnn_bytes *out, struct rnn_err *err)
{
    static const struct col overlap[] = {
        { "index", RNN_KV_INT, NULL, "number of the network within its ensemble" },
        { "a", RNN_KV_STR, NULL, "input (columns of W_in), output (rows of W_out), write (u_k) or read (v_k) directions" },
        { "i", RNN_KV_INT, NULL, "which of them" },
        { "b", RNN_KV_STR, NULL, NULL },
        { "j", RNN_KV_INT, NULL, NULL },
        { "cosine", RNN_KV_REAL, NULL, NULL },
        { "chance", RNN_KV_REAL, NULL, "root mean square cosine of random directions, 1/sqrt(N)" },
    }, angle[] = {
        { "index", RNN_KV_INT, NULL, "number of the network within its ensemble" },
        { "a", RNN_KV_STR, NULL, "the two spans" },
        { "b", RNN_KV_STR, NULL, NULL },
        { "k", RNN_KV_INT, NULL, "1 is the smallest" },
        { "angle", RNN_KV_REAL, "rad", "principal angle" },
    };
    const size_t N = net->spec.N, R = c->overlap_rank < N ? c->overlap_rank : N;
    struct rnn_modes m = { 0 };
    struct rnn_table *cosines = NULL, *angles = NULL;
    struct directions d[4] = { { "input", net->spec.n_in, NULL }, { "output", rnn_spec_n_read(&net->spec), NULL }, { "write", R, NULL }, { "read", R, NULL } };
    if (net->spec.cell == RNN_GRU || net->spec.read_latent)
        return rnn_fail(err, RNN_ERR_ARG, "--overlaps: the net has no input, recurrent and read-out directions in one space");
    int rc = rnn_table_new(&cosines, "overlap", err);
    if (rc >= 0) rc = rnn_table_new(&angles, "principal_angle", err);
    if (rc >= 0) rc = declare(cosines, overlap, RNN_LEN(overlap), err);
    if (rc >= 0) rc = declare(angles, angle, RNN_LEN(angle), err);
    if (rc >= 0) rc = rnn_modes_of(net, "W_rec", c->part, &m, err);
    if (rc >= 0) rc = fill_directions(net, &m, d, err);
    if (rc >= 0) rc = overlap_rows(net, d, cosines, angles, err);
    for (size_t i = 0; i < 4; i++) free(d[i].v);
    rnn_modes_release(&m);
    if (rc >= 0) rc = rnn_table_append(cosines, out, &net->labels, net->id, err);
    if (rc >= 0) rc = rnn_table_append(angles, out, &net->labels, net->id, err);
    rnn_table_free(cosines);
    rnn_table_free(angles);
    return rc;
}
