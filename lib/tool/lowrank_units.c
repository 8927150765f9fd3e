/* What needs a network's activity: rotations, and the classes that units prefer. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "tool/lowrank.h"

/* ---- last rates ---- */

struct last { size_t N; double *H; };

static int keep_last(void *arg, const struct rnn_run_seen *seen, struct rnn_err *err)
{
    const struct last *l = arg;
    (void)err;
    for (size_t k = 0; k < seen->K; k++) {
        const float *h = seen->x + (k * seen->n_steps + seen->n_steps - 1) * l->N;
        for (size_t i = 0; i < l->N; i++) l->H[(seen->first + k) * l->N + i] = (double)h[i];
    }
    return RNN_OK;
}

static int run_last(const struct rnn_net *net, const struct rnn_task *task, const struct rnn_trials *tr, bool open_loop, double **H,
                    struct rnn_run_result *r, struct rnn_err *err)
{
    struct rnn_run_opts opts = RNN_RUN_DEFAULT;
    struct last l = { .N = net->spec.N };
    RNN_TRY(rnn_alloc_into(&l.H, tr->K * l.N, sizeof *l.H, err));
    opts.sink = keep_last;
    opts.sink_arg = &l;
    opts.open_loop = open_loop;
    const int rc = rnn_run_score(net, task, tr, &opts, r, err);
    if (rc < 0) free(l.H);
    else *H = l.H;
    return rc;
}

static int last_rates(const struct rnn_net *net, const struct rnn_task *task, const struct rnn_trials *tr, double **H, struct rnn_err *err)
{
    struct rnn_run_result r = { 0 };
    const int rc = run_last(net, task, tr, true, H, &r, err);
    rnn_run_release(&r);
    return rc;
}

int tool_rotation(const struct tool_lowrank *c, const struct rnn_net *net, const struct tool_lowrank_trials *t, double **R, struct rnn_err *err)
{
    const size_t N = net->spec.N;
    double *H = NULL, *W = NULL;
    *R = NULL;
    if (net->spec.cell == RNN_GRU) return rnn_fail(err, RNN_ERR_ARG, "--align: a gru has no single recurrent matrix");
    int rc = last_rates(net, t->task, t->align, &H, err);
    for (size_t i = 0; rc >= 0 && i < t->align->K * N; i++)
        if (!isfinite(H[i])) rc = rnn_fail(err, RNN_ERR_NUMERIC, "unit %zu ends trial %zu at no finite number", i % N, i / N);
    if (rc >= 0) rc = rnn_alloc_into(R, N * N, sizeof **R, err);
    if (rc >= 0 && c->align == TOOL_ALIGN_HIDDEN) {
        rc = rnn_rotation_hidden(t->align->K, N, H, H, c->n_signed, *R, err);
    } else if (rc >= 0) {
        rc = rnn_alloc_into(&W, N * N, sizeof *W, err);
        if (rc >= 0) rc = rnn_net_W(net, W, err);
        if (rc >= 0) rc = rnn_rotation_weights(N, W, H, c->n_signed, *R, err);
    }
    free(H);
    free(W);
    if (rc < 0) {
        free(*R);
        *R = NULL;
    }
    return rc;
}

/* ---- classes of trials ---- */

struct classes { size_t n, *of; double *value; char **name; }; /* of [K]; value or name per class, in order of first appearance */

static void release_classes(struct classes *c)
{
    free(c->of);
    free(c->value);
    free(c->name);
}

static const struct rnn_trial_col *find_col(const struct rnn_trials *tr, const char *name)
{
    for (size_t i = 0; i < tr->n_cols; i++)
        if (!strcmp(tr->cols[i].name, name)) return &tr->cols[i];
    return NULL;
}

static bool is_class(const struct classes *c, size_t i, const struct rnn_trial_col *col, size_t k)
{
    return col->s ? !strcmp(c->name[i], col->s[k]) : c->value[i] == col->v[k];
}

static int read_classes(const struct rnn_trials *tr, const char *by, struct classes *c, struct rnn_err *err)
{
    const struct rnn_trial_col *col = find_col(tr, by);
    *c = (struct classes){ 0 };
    if (!col) return rnn_fail(err, RNN_ERR_ARG, "--selective: the trials have no parameter '%s'", by);
    RNN_TRY(rnn_alloc_into(&c->of, tr->K, sizeof *c->of, err));
    RNN_TRY(rnn_alloc_into(&c->value, tr->K, sizeof *c->value, err));
    RNN_TRY(rnn_alloc_into(&c->name, tr->K, sizeof *c->name, err));
    for (size_t k = 0; k < tr->K; k++) {
        size_t i = 0;
        while (i < c->n && !is_class(c, i, col, k)) i++;
        if (i == c->n) {
            c->value[i] = col->s ? NAN : col->v[k];
            c->name[i] = col->s ? col->s[k] : NULL;
            c->n++;
        }
        c->of[k] = i;
    }
    return RNN_OK;
}

static void class_text(const struct classes *c, size_t i, char out[48])
{
    if (c->name[i]) snprintf(out, 48, "%.47s", c->name[i]);
    else snprintf(out, 48, "%.10g", c->value[i]);
}

/* Every class that training has must be there. */
static int all_present(const struct rnn_trials *train, const struct classes *c, const struct tool_lowrank *o, struct rnn_err *err)
{
    const struct rnn_trial_col *col = train ? find_col(train, o->selective) : NULL;
    for (size_t k = 0; col && k < train->K; k++) {
        size_t i = 0;
        while (i < c->n && !is_class(c, i, col, k)) i++;
        if (i < c->n) continue;
        if (col->s) return rnn_fail(err, RNN_ERR_ARG, "--selective: %s %s has no %s trials", o->selective, col->s[k], rnn_split_names[o->split]);
        return rnn_fail(err, RNN_ERR_ARG, "--selective: %s %.10g has no %s trials", o->selective, col->v[k], rnn_split_names[o->split]);
    }
    return RNN_OK;
}

/* ---- scores of some trials ---- */

/* Rows of the trials for which pick says so, with their outputs, scored together. */
struct some { struct rnn_trials tr; float *o; };

static void release_some(struct some *s)
{
    free(s->tr.u);
    free(s->tr.y);
    free(s->tr.w);
    for (size_t i = 0; i < s->tr.n_cols; i++) {
        free(s->tr.cols[i].v);
        free(s->tr.cols[i].s); /* the strings are borrowed */
    }
    free(s->tr.cols);
    free(s->o);
    *s = (struct some){ 0 };
}

static int room(const struct rnn_trials *tr, struct some *s, struct rnn_err *err)
{
    const size_t n = tr->K * tr->T;
    *s = (struct some){ .tr = *tr };
    s->tr.u = s->tr.y = NULL;
    s->tr.w = NULL;
    s->tr.cols = NULL;
    s->tr.n_cols = 0;
    int rc = rnn_alloc_into(&s->tr.u, n * tr->n_in, sizeof *s->tr.u, err);
    if (rc >= 0) rc = rnn_alloc_into(&s->tr.y, n * tr->n_out, sizeof *s->tr.y, err);
    if (rc >= 0) rc = rnn_alloc_into(&s->tr.w, n, sizeof *s->tr.w, err);
    if (rc >= 0) rc = rnn_alloc_into(&s->o, n * tr->n_out, sizeof *s->o, err);
    if (rc >= 0) rc = rnn_alloc_into(&s->tr.cols, tr->n_cols, sizeof *s->tr.cols, err);
    for (size_t i = 0; rc >= 0 && i < tr->n_cols; i++, s->tr.n_cols++) {
        s->tr.cols[i].name = tr->cols[i].name;
        rc = tr->cols[i].s ? rnn_alloc_into(&s->tr.cols[i].s, tr->K, sizeof(char *), err) : rnn_alloc_into(&s->tr.cols[i].v, tr->K, sizeof(double), err);
    }
    return rc;
}

static void take(const struct rnn_trials *tr, const float *o, struct some *s, size_t k)
{
    const size_t to = s->tr.K++, T = tr->T, n_in = T * tr->n_in, n_out = T * tr->n_out;
    memcpy(s->tr.u + to * n_in, tr->u + k * n_in, n_in * sizeof *tr->u);
    memcpy(s->tr.y + to * n_out, tr->y + k * n_out, n_out * sizeof *tr->y);
    memcpy(s->tr.w + to * T, tr->w + k * T, T * sizeof *tr->w);
    memcpy(s->o + to * n_out, o + k * n_out, n_out * sizeof *o);
    for (size_t i = 0; i < s->tr.n_cols; i++) {
        if (s->tr.cols[i].s) s->tr.cols[i].s[to] = tr->cols[i].s[k];
        else s->tr.cols[i].v[to] = tr->cols[i].v[k];
    }
}

static int score_some(const struct rnn_task *task, const struct some *s, double *accuracy, struct rnn_err *err)
{
    double all[RNN_RUN_MAX_METRICS];
    if (task->def && task->def->score) RNN_TRY(task->def->score(task, &s->tr, s->o, all, err));
    else rnn_generic_score(&s->tr, s->o, all);
    *accuracy = all[0];
    return RNN_OK;
}

/* Which trials were wholly right (accuracy 1, each by itself). */
static int right_ones(const struct rnn_task *task, const struct rnn_trials *tr, const float *o, bool *is_right, struct rnn_err *err)
{
    struct some s;
    double accuracy;
    int rc = room(tr, &s, err);
    for (size_t k = 0; rc >= 0 && k < tr->K; k++) {
        s.tr.K = 0;
        take(tr, o, &s, k);
        rc = score_some(task, &s, &accuracy, err);
        is_right[k] = rc >= 0 && accuracy >= 1;
    }
    release_some(&s);
    return rc;
}

/* Accuracy and loss over the trials of class c (within) or over all others. */
static int score_class(const struct tool_lowrank_trials *t, const struct rnn_run_result *r, enum rnn_readout readout, const struct classes *cls, size_t c,
                       bool within, double out[2], struct rnn_err *err)
{
    struct some s;
    double accuracy = NAN, loss = NAN;
    int rc = room(t->tr, &s, err);
    if (rc >= 0) {
        s.tr.K = 0;
        for (size_t k = 0; k < t->tr->K; k++)
            if ((cls->of[k] == c) == within) take(t->tr, r->o_free ? r->o_free : r->o, &s, k);
        if (s.tr.K) rc = score_some(t->task, &s, &accuracy, err);
        s.tr.K = 0;
        for (size_t k = 0; k < t->tr->K; k++)
            if ((cls->of[k] == c) == within) take(t->tr, r->o, &s, k);
        if (s.tr.K) loss = rnn_run_loss(&s.tr, s.o, t->task->loss, t->task->norm, readout, 0, s.tr.T);
    }
    release_some(&s);
    out[0] = accuracy;
    out[1] = loss;
    return rc;
}

/* ---- the tables ---- */

struct job { const struct tool_lowrank *c; const struct rnn_net *net; const struct tool_lowrank_trials *t; struct classes cls; double *var;
             size_t *preferred; };

static int prefer(struct job *j, const struct rnn_run_result *r, const double *H, struct rnn_err *err)
{
    const size_t K = j->t->tr->K, N = j->net->spec.N;
    bool *is_right;
    RNN_TRY(rnn_alloc_into(&is_right, K, sizeof *is_right, err));
    int rc = right_ones(j->t->task, j->t->tr, r->o_free ? r->o_free : r->o, is_right, err);
    if (rc >= 0) rc = rnn_alloc_into(&j->var, N * j->cls.n, sizeof *j->var, err);
    if (rc >= 0) rc = rnn_alloc_into(&j->preferred, N, sizeof *j->preferred, err);
    if (rc >= 0) rc = rnn_unit_preference(K, N, H, j->cls.n, j->cls.of, is_right, j->c->selective_least, j->var, j->preferred, err);
    free(is_right);
    return rc;
}

static int unit_table(const struct job *j, struct rnn_bytes *out, struct rnn_err *err)
{
    struct rnn_table *t;
    char text[48];
    RNN_TRY(rnn_table_new(&t, "selectivity", err));
    int rc = rnn_table_col(t, "index", RNN_KV_INT, NULL, "number of the network within its ensemble", err);
    if (rc >= 0) rc = rnn_table_col(t, "unit", RNN_KV_INT, NULL, "counted from 0", err);
    if (rc >= 0) rc = rnn_table_col(t, "class", RNN_KV_STR, NULL, "value of the trial parameter", err);
    if (rc >= 0) rc = rnn_table_col(t, "variance", RNN_KV_REAL, NULL, "of the last rate over right trials of the class", err);
    if (rc >= 0) rc = rnn_table_col(t, "relative", RNN_KV_REAL, NULL, "the same over the unit's largest", err);
    if (rc >= 0) rc = rnn_table_col(t, "preferred", RNN_KV_BOOL, NULL, "whether it is the largest (never for units that hardly vary)", err);
    for (size_t i = 0; rc >= 0 && i < j->net->spec.N; i++) {
        double max = 0;
        for (size_t c = 0; c < j->cls.n; c++) max = fmax(max, j->var[i * j->cls.n + c]);
        for (size_t c = 0; c < j->cls.n; c++) {
            class_text(&j->cls, c, text);
            rnn_table_set_int(t, "index", (int64_t)j->net->index);
            rnn_table_set_int(t, "unit", (int64_t)i);
            rnn_table_set_str(t, "class", text);
            rnn_table_set(t, "variance", j->var[i * j->cls.n + c]);
            rnn_table_set(t, "relative", max > 0 ? j->var[i * j->cls.n + c] / max : NAN);
            rnn_table_set_int(t, "preferred", j->preferred[i] == c);
            rnn_table_row(t);
        }
    }
    if (rc >= 0) rc = rnn_table_append(t, out, &j->net->labels, j->net->id, err);
    rnn_table_free(t);
    return rc;
}

/* The row of class c: scores of it and of the others, intact and without the units that prefer it. */
static int class_row(const struct job *j, struct rnn_table *t, const struct rnn_run_result *intact, size_t c, size_t *units, struct rnn_err *err)
{
    static const char *const cols[2][2][2] = { { { "intact_accuracy_others", "intact_loss_others" }, { "intact_accuracy_class", "intact_loss_class" } },
                                               { { "accuracy_others", "loss_others" }, { "accuracy_class", "loss_class" } } };
    struct rnn_run_opts opts = RNN_RUN_DEFAULT;
    struct rnn_run_result without = { 0 };
    char text[48];
    double v[2];
    for (size_t i = 0; i < j->net->spec.N; i++)
        if (j->preferred[i] == c) units[opts.n_silent++] = i;
    opts.silent = units;
    int rc = rnn_run_score(j->net, j->t->task, j->t->tr, &opts, &without, err);
    class_text(&j->cls, c, text);
    rnn_table_set_int(t, "index", (int64_t)j->net->index);
    rnn_table_set_str(t, "class", text);
    rnn_table_set_int(t, "units", (int64_t)opts.n_silent);
    for (int ablated = 0; ablated < 2; ablated++) {
        for (int within = 0; within < 2 && rc >= 0; within++) {
            rc = score_class(j->t, ablated ? &without : intact, j->net->spec.readout, &j->cls, c, within, v, err);
            for (int i = 0; i < 2; i++) rnn_table_set(t, cols[ablated][within][i], v[i]);
        }
    }
    rnn_run_release(&without);
    if (rc >= 0) rnn_table_row(t);
    return rc;
}

static int class_table(const struct job *j, const struct rnn_run_result *intact, struct rnn_bytes *out, struct rnn_err *err)
{
    static const char *const real[] = { "intact_accuracy_class", "intact_loss_class", "intact_accuracy_others", "intact_loss_others",
                                        "accuracy_class", "loss_class", "accuracy_others", "loss_others" };
    struct rnn_table *t;
    size_t *units = NULL;
    RNN_TRY(rnn_table_new(&t, "selectivity_ablation", err));
    int rc = rnn_table_col(t, "index", RNN_KV_INT, NULL, "number of the network within its ensemble", err);
    if (rc >= 0) rc = rnn_table_col(t, "class", RNN_KV_STR, NULL, "value of the trial parameter", err);
    if (rc >= 0) rc = rnn_table_col(t, "units", RNN_KV_INT, "units", "how many prefer it; they are held silent", err);
    for (size_t i = 0; rc >= 0 && i < RNN_LEN(real); i++) rc = rnn_table_col(t, real[i], RNN_KV_REAL, NULL, NULL, err);
    if (rc >= 0) rc = rnn_alloc_into(&units, j->net->spec.N, sizeof *units, err);
    for (size_t c = 0; rc >= 0 && c < j->cls.n; c++) rc = class_row(j, t, intact, c, units, err);
    if (rc >= 0) rc = rnn_table_append(t, out, &j->net->labels, j->net->id, err);
    free(units);
    rnn_table_free(t);
    return rc;
}

int tool_lowrank_selectivity(const struct tool_lowrank *c, const struct rnn_net *net, const struct tool_lowrank_trials *t,
                             struct rnn_bytes *out, struct rnn_err *err)
{
    struct job j = { .c = c, .net = net, .t = t };
    struct rnn_run_result r = { 0 };
    double *H = NULL;
    int rc = read_classes(t->tr, c->selective, &j.cls, err);
    if (rc >= 0) rc = all_present(t->train, &j.cls, c, err);
    if (rc >= 0) rc = run_last(net, t->task, t->tr, false, &H, &r, err);
    if (rc >= 0) rc = prefer(&j, &r, H, err);
    if (rc >= 0) rc = unit_table(&j, out, err);
    if (rc >= 0) rc = class_table(&j, &r, out, err);
    rnn_run_release(&r);
    release_classes(&j.cls);
    free(j.var);
    free(j.preferred);
    free(H);
    return rc;
}
