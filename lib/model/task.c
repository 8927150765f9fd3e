/* The registry of tasks, their parameters, and blocks of trials. */
#include "model/task.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/task_impl.h"

#define MAX_TRIAL 268435456.0 /* numbers in one trial: 1 GiB of float32 */

const char *const rnn_split_names[] = {"train", "validation", "test", NULL};
const char *const rnn_loss_names[] = {"mse", "cross-entropy", NULL};
const char *const rnn_loss_norm_names[] = {"positions", "weights", NULL};

static const struct rnn_task_def *const defs[] = {
    &rnn_task_sequence,     &rnn_task_cue,     &rnn_task_activation, &rnn_task_repeat_copy,
    &rnn_task_compose_copy, &rnn_task_history, &rnn_task_flipflop,
};

const struct rnn_task_def *const *rnn_task_defs(size_t *n)
{
    *n = RNN_LEN(defs);
    return defs;
}

const struct rnn_task_def *rnn_task_def_find(const char *name)
{
    for (size_t i = 0; i < RNN_LEN(defs); i++)
        if (!strcmp(defs[i]->name, name)) return defs[i];
    return NULL;
}

/* ---- parameters ---- */

/* Place of `value` in "a|b|c", or -1. */
static int choice_index(const char *choices, const char *value)
{
    const size_t len = strlen(value);
    int i = 0;
    for (const char *c = choices;; i++) {
        const size_t n = strcspn(c, "|");
        if (n == len && !memcmp(c, value, n)) return i;
        if (!c[n]) return -1;
        c += n + 1;
    }
}

static int out_of_range(const struct rnn_task_param *p, const char *text, struct rnn_err *err)
{
    if (isinf(p->max))
        return rnn_fail(err, RNN_ERR_ARG, "--%s (%s) must be at least %.15g", p->name, text, p->min);
    return rnn_fail(err, RNN_ERR_ARG, "--%s (%s) must lie between %.15g and %.15g", p->name, text, p->min,
                    p->max);
}

static int not_a(const struct rnn_task_param *p, const char *text, const char *what, struct rnn_err *err)
{
    return rnn_fail(err, RNN_ERR_ARG, "--%s (%s) is not %s", p->name, text, what);
}

/* Parameter p from its text, checked against its range. */
static int set_param(struct rnn_kvs *m, const struct rnn_task_param *p, const char *text, struct rnn_err *err)
{
    char *end;
    errno = 0;
    switch (p->type) {
    case RNN_KV_BOOL:
        if (!strcmp(text, "true") || !strcmp(text, "1")) return rnn_kvs_bool(m, p->name, true, err);
        if (!strcmp(text, "false") || !strcmp(text, "0")) return rnn_kvs_bool(m, p->name, false, err);
        return not_a(p, text, "true or false", err);
    case RNN_KV_REAL: {
        const double v = strtod(text, &end);
        const bool is_open = !strcmp(text, "nan") && !strcmp(p->dflt, "nan");
        if (end == text || *end || (isnan(v) && !is_open)) return not_a(p, text, "a number", err);
        if (!is_open && !(v >= p->min && v <= p->max)) return out_of_range(p, text, err);
        return rnn_kvs_real(m, p->name, v, err);
    }
    case RNN_KV_INT: {
        const long long v = strtoll(text, &end, 10);
        if (end == text || *end || errno) return not_a(p, text, "a whole number", err);
        if ((double)v < p->min || (double)v > p->max) return out_of_range(p, text, err);
        return rnn_kvs_int(m, p->name, v, err);
    }
    case RNN_KV_UINT: {
        const unsigned long long v = strtoull(text, &end, 0);
        if (end == text || *end || errno || strchr(text, '-'))
            return not_a(p, text, "a whole number that is not negative", err);
        if ((double)v < p->min || (double)v > p->max) return out_of_range(p, text, err);
        return rnn_kvs_uint(m, p->name, v, err);
    }
    default:
        if (p->choices && choice_index(p->choices, text) < 0)
            return rnn_fail(err, RNN_ERR_ARG, "--%s (%s) must be one of %s", p->name, text, p->choices);
        return rnn_kvs_str(m, p->name, text, err);
    }
}

static const struct rnn_task_param *find_param(const struct rnn_task_def *d, const char *name)
{
    for (const struct rnn_task_param *p = d->params; p->name; p++)
        if (!strcmp(p->name, name)) return p;
    return NULL;
}

/* Every parameter of the definition, in its order: the given value or the default. */
static int fill_params(struct rnn_task *t, const struct rnn_kvs *given, struct rnn_err *err)
{
    for (size_t i = 0; given && i < given->n; i++)
        if (!find_param(t->def, given->v[i].key))
            return rnn_fail(err, RNN_ERR_ARG, "--%s: task '%s' has no such parameter", given->v[i].key,
                            t->name);
    for (const struct rnn_task_param *p = t->def->params; p->name; p++) {
        const struct rnn_kv *e = given ? rnn_kvs_find(given, p->name) : NULL;
        if (!e) {
            RNN_TRY(set_param(&t->params, p, p->dflt, err));
            continue;
        }
        char *text = rnn_kv_text(e);
        if (!text) return rnn_fail(err, RNN_ERR_NOMEM, "no memory for parameter --%s", p->name);
        const int rc = set_param(&t->params, p, text, err);
        free(text);
        RNN_TRY(rc);
    }
    return RNN_OK;
}

double task_real(const struct rnn_task *t, const char *name)
{
    return rnn_kvs_get_real(&t->params, name, NAN);
}

size_t task_size(const struct rnn_task *t, const char *name)
{
    return (size_t)rnn_kvs_get_uint(&t->params, name, 0);
}

bool task_bool(const struct rnn_task *t, const char *name)
{
    const struct rnn_kv *e = rnn_kvs_find(&t->params, name);
    return e && e->b;
}

const char *task_str(const struct rnn_task *t, const char *name)
{
    return rnn_kvs_get_str(&t->params, name, "");
}

int task_choice(const struct rnn_task *t, const char *name)
{
    return choice_index(find_param(t->def, name)->choices, task_str(t, name));
}

/* ---- making tasks ---- */

int rnn_task_make(struct rnn_task **out, const char *name, const struct rnn_kvs *params, uint64_t seed,
                  struct rnn_err *err)
{
    *out = NULL;
    const struct rnn_task_def *def = rnn_task_def_find(name);
    if (!def) return rnn_fail(err, RNN_ERR_ARG, "unknown task '%s'", name);
    struct rnn_task *t;
    RNN_TRY(rnn_alloc_into(&t, 1, sizeof *t, err));
    t->def = def;
    snprintf(t->name, sizeof t->name, "%s", name);
    t->seed = seed;
    t->dt_ms = NAN;
    int rc = fill_params(t, params, err);
    if (rc >= 0) rc = def->prepare(t, err);
    if (rc >= 0 && (double)t->steps * (double)(t->n_in + t->n_out) > MAX_TRIAL)
        rc = rnn_fail(err, RNN_ERR_LIMIT,
                      "a trial of %zu steps, %zu inputs and %zu outputs is more than %.0f numbers", t->steps,
                      t->n_in, t->n_out, MAX_TRIAL);
    if (rc < 0) {
        rnn_task_free(t);
        return rc;
    }
    *out = t;
    return RNN_OK;
}

static void free_names(char **names, size_t n)
{
    for (size_t i = 0; names && i < n; i++) free(names[i]);
    free(names);
}

void rnn_task_free(struct rnn_task *t)
{
    if (!t) return;
    if (t->def && t->def->release) t->def->release(t);
    rnn_kvs_release(&t->params);
    rnn_kvs_release(&t->labels);
    free(t->periods);
    free(t->F);
    free_names(t->channel_in, t->n_in);
    free_names(t->channel_out, t->n_out);
    free(t);
}

int task_steps_of(const struct rnn_task *t, const char *name, double ms, double dt_ms, size_t *steps,
                  struct rnn_err *err)
{
    (void)t;
    const double n = nearbyint(ms / dt_ms);
    if (fabs(n * dt_ms - ms) > 1e-9 * fmax(ms, dt_ms))
        return rnn_fail(err, RNN_ERR_ARG, "--%s (%.15g) is not a multiple of --dt-ms (%.15g)", name, ms,
                        dt_ms);
    if (n > 1e6)
        return rnn_fail(err, RNN_ERR_LIMIT, "--%s (%.15g) is more than a million steps of %.15g ms", name, ms,
                        dt_ms);
    *steps = (size_t)n;
    return RNN_OK;
}

int task_period(struct rnn_task *t, const char *name, size_t start, size_t stop, struct rnn_err *err)
{
    if (start >= stop) return RNN_OK;
    struct rnn_period *p = realloc(t->periods, (t->n_periods + 1) * sizeof *p);
    if (!p) return rnn_fail(err, RNN_ERR_NOMEM, "no memory for a period");
    t->periods = p;
    p += t->n_periods++;
    memset(p, 0, sizeof *p);
    snprintf(p->name, sizeof p->name, "%s", name);
    p->start = start;
    p->stop = stop;
    return RNN_OK;
}

int task_channels(char ***names, const char *prefix, size_t n, struct rnn_err *err)
{
    RNN_TRY(rnn_alloc_into(names, n, sizeof **names, err));
    for (size_t i = 0; i < n; i++)
        if (!((*names)[i] = rnn_asprintf("%s-%zu", prefix, i)))
            return rnn_fail(err, RNN_ERR_NOMEM, "no memory for channel names");
    return RNN_OK;
}

const char *const *rnn_task_metrics(const struct rnn_task *t)
{
    return t->metrics ? t->metrics : t->def ? t->def->metrics : NULL;
}

size_t rnn_task_steps(const struct rnn_task *t, size_t horizon)
{
    return t->horizon_base && horizon ? t->horizon_base + horizon : t->steps;
}

/* ---- blocks of trials ---- */

static int add_col(struct rnn_trials *tr, const char *name, struct rnn_trial_col **out, struct rnn_err *err)
{
    struct rnn_trial_col *c = realloc(tr->cols, (tr->n_cols + 1) * sizeof *c);
    if (!c) return rnn_fail(err, RNN_ERR_NOMEM, "no memory for column '%s'", name);
    tr->cols = c;
    c += tr->n_cols;
    memset(c, 0, sizeof *c);
    if (!(c->name = rnn_strdup(name))) return rnn_fail(err, RNN_ERR_NOMEM, "no memory for column '%s'", name);
    tr->n_cols++;
    *out = c;
    return RNN_OK;
}

int task_col_num(struct rnn_trials *tr, const char *name, struct rnn_err *err)
{
    struct rnn_trial_col *c;
    RNN_TRY(add_col(tr, name, &c, err));
    return rnn_alloc_into(&c->v, tr->K, sizeof *c->v, err);
}

int task_col_str(struct rnn_trials *tr, const char *name, size_t len, struct rnn_err *err)
{
    struct rnn_trial_col *c;
    RNN_TRY(add_col(tr, name, &c, err));
    RNN_TRY(rnn_alloc_into(&c->s, tr->K, sizeof *c->s, err));
    for (size_t k = 0; k < tr->K; k++)
        if (!(c->s[k] = calloc(len + 1, 1)))
            return rnn_fail(err, RNN_ERR_NOMEM, "no memory for column '%s'", name);
    return RNN_OK;
}

void rnn_trials_release(struct rnn_trials *tr)
{
    for (size_t i = 0; i < tr->n_cols; i++) {
        struct rnn_trial_col *c = &tr->cols[i];
        free(c->name);
        free(c->v);
        free_names(c->s, tr->K);
    }
    free(tr->cols);
    free(tr->u);
    free(tr->y);
    free(tr->w);
    memset(tr, 0, sizeof *tr);
}

static int alloc_trials(const struct rnn_task *t, struct rnn_trials *tr, struct rnn_err *err)
{
    size_t steps, n;
    if (!rnn_mul_size(tr->K, tr->T, &steps) || !rnn_mul_size(steps, tr->n_in + tr->n_out, &n))
        return rnn_fail(err, RNN_ERR_LIMIT, "%zu trials of %zu steps are too many to address", tr->K, tr->T);
    RNN_TRY(rnn_alloc_into(&tr->u, steps * tr->n_in, sizeof *tr->u, err));
    RNN_TRY(rnn_alloc_into(&tr->y, steps * tr->n_out, sizeof *tr->y, err));
    RNN_TRY(rnn_alloc_into(&tr->w, steps, sizeof *tr->w, err));
    return t->def->columns ? t->def->columns(t, tr, err) : RNN_OK;
}

int rnn_task_trials(const struct rnn_task *t, enum rnn_split split, uint64_t stream, const uint64_t *index,
                    uint64_t first, size_t K, size_t horizon, struct rnn_trials *out, struct rnn_err *err)
{
    memset(out, 0, sizeof *out);
    if (!t->def)
        return rnn_fail(err, RNN_ERR_ARG, "task '%s' is not one this suite can draw trials of", t->name);
    if (horizon && !t->horizon_base)
        return rnn_fail(err, RNN_ERR_ARG, "task '%s' has no horizon to set", t->name);
    out->K = K;
    out->T = rnn_task_steps(t, horizon);
    out->n_in = t->n_in;
    out->n_out = t->n_out;
    out->split = split;
    out->stream = stream;
    int rc = alloc_trials(t, out, err);
    if (rc >= 0) rc = rnn_task_refill(t, index, first, out, err);
    if (rc < 0) rnn_trials_release(out);
    return rc;
}

int rnn_task_refill(const struct rnn_task *t, const uint64_t *index, uint64_t first, struct rnn_trials *tr,
                    struct rnn_err *err)
{
    const uint64_t n = t->n_split[tr->split];
    tr->first = index && tr->K ? index[0] : first;
    for (size_t k = 0; (n || t->is_finite) && k < tr->K; k++) {
        const uint64_t at = task_row(tr, index, k);
        if (at >= n)
            return rnn_fail(err, RNN_ERR_ARG, "trial %llu is beyond the %llu %s trials of task '%s'",
                            (unsigned long long)at, (unsigned long long)n, rnn_split_names[tr->split],
                            t->name);
    }
    memset(tr->u, 0, tr->K * tr->T * tr->n_in * sizeof *tr->u);
    memset(tr->y, 0, tr->K * tr->T * tr->n_out * sizeof *tr->y);
    memset(tr->w, 0, tr->K * tr->T * sizeof *tr->w);
    return t->def->trials(t, tr->split, tr->stream, index, tr, err);
}

int task_trial_rng(struct rnn_rng *g, const struct rnn_task *t, enum rnn_split split, uint64_t stream,
                   uint64_t k, struct rnn_err *err)
{
    return rnn_rng_at(g, t->seed, RNN_RNG_TRIAL, stream, k, split, err);
}

int task_structure_rng(struct rnn_rng *g, const struct rnn_task *t, enum task_structure what, uint64_t step,
                       struct rnn_err *err)
{
    return rnn_rng_at(g, t->seed, RNN_RNG_TASK, 0, what, step, err);
}

size_t task_argmax(const float *v, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (v[i] > v[best]) best = i;
    return best;
}
