/* Where searches start: states of activity that came along or is made here, and constant inputs. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "model/run.h"
#include "num/linalg.h"
#include "num/rng.h"
#include "tool/fp.h"


void tool_fp_own_free(struct tool_fp_own *own)
{
    if (!own) return;
    for (size_t i = 0; i < own->n_frames; i++) {
        rnn_activity_release(&own->frames[i]);
        if (own->wanted) free(own->wanted[i]);
    }
    free(own->frames);
    free(own->wanted);
    free(own->points);
    free(own);
}

/* ---- states ---- */

/* The steps [*start, *stop) of the plan's period in trials of T steps. */
static int period_steps(const struct tool_fp_job *j, size_t T, size_t *start, size_t *stop, struct rnn_err *err)
{
    *start = 0, *stop = T;
    if (!j->plan->period) return RNN_OK;
    if (!j->own->arena) return rnn_fail(err, RNN_ERR_ARG, "no task in the stream, hence no period '%s'", j->plan->period);
    const struct rnn_task *t = j->own->arena->of->task;
    for (size_t i = 0; i < t->n_periods; i++)
        if (!strcmp(t->periods[i].name, j->plan->period)) {
            rnn_run_period(t, i, T, start, stop);
            if (*start < *stop) return RNN_OK;
        }
    return rnn_fail(err, RNN_ERR_ARG, "task '%s' has no period '%s'", t->name, j->plan->period);
}

static int keep_state(struct tool_fp_job *j, size_t *cap, const float *x, struct rnn_err *err)
{
    const size_t N = j->net->spec.N;
    if (!rnn_all_finite_f32(N, x)) return RNN_OK; /* a network that leaves the finite numbers has finite states before that */
    RNN_TRY(rnn_grow(&j->states, cap, (j->n_states + 1) * N, sizeof *j->states, err));
    memcpy(j->states + j->n_states++ * N, x, N * sizeof *x);
    return RNN_OK;
}

static int from_activity(struct tool_fp_job *j, size_t *cap, struct rnn_err *err)
{
    const size_t N = j->net->spec.N;
    for (size_t i = 0; i < j->own->n_frames; i++) {
        const struct rnn_activity *a = &j->own->frames[i];
        const size_t thin = a->thin ? a->thin : 1;
        size_t start, stop;
        if (a->units || a->n != N) return rnn_fail(err, RNN_ERR_ARG, "its activity holds %zu of %zu units: states need all (no --units)", a->n, N);
        if (a->what == 0 && j->net->spec.cell == RNN_LEAKY_CURRENT)
            return rnn_fail(err, RNN_ERR_ARG, "its activity holds rates; the state of a leaky-current cell is its current: rnn-run --what states");
        RNN_TRY(period_steps(j, a->T_out ? a->T_out : a->T * thin, &start, &stop, err));
        for (size_t k = 0; k < a->K; k++)
            for (size_t t = 0; t < a->T; t++)
                if (t * thin >= start && t * thin < stop && (!j->own->wanted || !j->own->wanted[i] || j->own->wanted[i][k]))
                    RNN_TRY(keep_state(j, cap, a->value + (k * a->T + t) * N, err));
        j->trial_steps = (stop - start + thin - 1) / thin; /* the periods begin at kept steps when thin is 1 */
        if (thin > 1 && (start || stop < a->T * thin)) j->trial_steps = 0;
    }
    return RNN_OK;
}

struct run_sink { struct tool_fp_job *j; size_t *cap; const unsigned char *wanted; };

static int keep_run(void *arg, const struct rnn_run_seen *seen, struct rnn_err *err)
{
    const struct run_sink *s = arg;
    const size_t N = s->j->net->spec.N;
    size_t start, stop;
    RNN_TRY(period_steps(s->j, seen->T, &start, &stop, err));
    s->j->trial_steps = stop - start;
    for (size_t k = 0; k < seen->K; k++)
        for (size_t t = start; t < stop && t < seen->n_steps; t++)
            if (!s->wanted || s->wanted[seen->first + k]) RNN_TRY(keep_state(s->j, s->cap, seen->x + (k * seen->n_steps + t) * N, err));
    return RNN_OK;
}

/* wanted [K] (malloc'd): the trials with the plan's parameter; NULL when all are. */
static int choose_trials(const struct tool_fp_plan *plan, const struct rnn_trials *tr, unsigned char **wanted, struct rnn_err *err)
{
    *wanted = NULL;
    if (!plan->where_key) return RNN_OK;
    for (size_t c = 0; c < tr->n_cols; c++) {
        const struct rnn_trial_col *col = &tr->cols[c];
        if (strcmp(col->name, plan->where_key)) continue;
        RNN_TRY(rnn_alloc_into(wanted, tr->K, 1, err));
        char *end;
        const double value = strtod(plan->where_value, &end);
        for (size_t k = 0; k < tr->K; k++) (*wanted)[k] = col->s ? !strcmp(col->s[k], plan->where_value) : !*end && col->v[k] == value;
        return RNN_OK;
    }
    return rnn_fail(err, RNN_ERR_ARG, "--where: its trials have no parameter '%s'", plan->where_key);
}

int tool_fp_mask(const struct tool_fp_plan *plan, struct tool_fp_own *own, const struct tool_task *task, struct rnn_err *err)
{
    if (!plan->where_key || !own->n_frames) return RNN_OK;
    if (!task) return rnn_fail(err, RNN_ERR_ARG, "--where: no trials in the stream");
    RNN_TRY(rnn_alloc_into(&own->wanted, own->n_frames, sizeof *own->wanted, err));
    for (size_t i = 0; i < own->n_frames; i++) {
        const struct rnn_activity *a = &own->frames[i];
        RNN_TRY(rnn_alloc_into(&own->wanted[i], a->K, 1, err));
        size_t known = 0;
        for (size_t b = 0; b < task->n_blocks; b++) {
            const struct rnn_trials *tr = &task->blocks[b].tr;
            unsigned char *wanted;
            if (strcmp(task->blocks[b].id, a->trials)) continue;
            RNN_TRY(choose_trials(plan, tr, &wanted, err));
            for (size_t k = 0; k < a->K; k++)
                if (a->first + k >= tr->first && a->first + k < tr->first + tr->K) own->wanted[i][k] = wanted[a->first + k - tr->first], known++;
            free(wanted);
        }
        if (known < a->K) return rnn_fail(err, RNN_ERR_ARG, "--where: the trials '%s' of its activity are not in the stream", a->trials);
    }
    return RNN_OK;
}

static int from_run(struct tool_fp_job *j, size_t *cap, struct rnn_err *err)
{
    const struct tool_arena *a = j->own->arena;
    struct run_sink sink = {j, cap, NULL};
    unsigned char *wanted;
    RNN_TRY(choose_trials(j->plan, &a->tr, &wanted, err));
    sink.wanted = wanted;
    struct rnn_run_opts o = RNN_RUN_DEFAULT;
    struct rnn_run_result r = {0};
    o.seed = j->plan->seed, o.sink = keep_run, o.sink_arg = &sink, o.see = RNN_SEE_STATES, o.open_loop = true;
    const int rc = rnn_run_score(j->net, NULL, &a->tr, &o, &r, err);
    rnn_run_release(&r);
    free(wanted);
    return rc;
}

int tool_fp_states(struct tool_fp_job *j, struct rnn_err *err)
{
    size_t cap = 0;
    const bool must = j->plan->starts == TOOL_FP_TRAJECTORY || j->plan->period || j->plan->where_key;
    if (j->own->n_frames) RNN_TRY(from_activity(j, &cap, err));
    else if (j->own->arena && (must || j->plan->array[TOOL_FP_PCA])) RNN_TRY(from_run(j, &cap, err));
    if (j->n_states || !must) return RNN_OK;
    if (!j->own->n_frames && !j->own->arena)
        return rnn_fail(err, RNN_ERR_ARG, "no state to start from: the stream has neither its activity nor its task: say --task FILE or --starts uniform");
    return rnn_fail(err, RNN_ERR_ARG, "no state to start from: no finite state of its trials is left by --period and --where");
}

/* ---- inputs ---- */

static int mean_input(const struct tool_fp_job *j, const char *name, double *u, struct rnn_err *err)
{
    const struct tool_arena *a = j->own->arena;
    if (!a) return rnn_fail(err, RNN_ERR_ARG, "--input @%s: no task in the stream", name);
    const struct rnn_task *t = a->of->task;
    const struct rnn_trials *tr = &a->tr;
    size_t start = 0, stop = 0, n = 0;
    unsigned char *wanted;
    for (size_t i = 0; i < t->n_periods; i++)
        if (!strcmp(t->periods[i].name, name)) rnn_run_period(t, i, tr->T, &start, &stop);
    if (start >= stop) return rnn_fail(err, RNN_ERR_ARG, "--input @%s: task '%s' has no such period", name, t->name);
    RNN_TRY(choose_trials(j->plan, tr, &wanted, err));
    for (size_t k = 0; k < tr->K; k++)
        for (size_t s = start; s < stop; s++) {
            if (wanted && !wanted[k]) continue;
            for (size_t i = 0; i < tr->n_in; i++) u[i] += tr->u[(k * tr->T + s) * tr->n_in + i];
            n++;
        }
    for (size_t i = 0; n && i < tr->n_in; i++) u[i] /= (double)n;
    free(wanted);
    return n ? RNN_OK : rnn_fail(err, RNN_ERR_ARG, "--input @%s: no trial is left by --where", name);
}

int tool_fp_input(const struct tool_fp_job *j, size_t i, double *u, char **label, struct rnn_err *err)
{
    const char *text = i < j->plan->n_inputs ? j->plan->inputs[i] : "zero";
    const size_t n_in = j->net->spec.n_in;
    size_t n = 0;
    memset(u, 0, n_in * sizeof *u);
    if (!(*label = rnn_strdup(text))) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    if (!strcmp(text, "zero")) return RNN_OK;
    if (*text == '@') return mean_input(j, text + 1, u, err);
    for (const char *p = text;; p++, n++) {
        char *end;
        const double v = strtod(p, &end);
        if (end == p || (*end && *end != ',')) return rnn_fail(err, RNN_ERR_ARG, "--input: '%s' is neither zero, @PERIOD nor a list of numbers", text);
        if (n < n_in) u[n] = v;
        p = end;
        if (!*p) break;
    }
    n++;
    return n == n_in ? RNN_OK : rnn_fail(err, RNN_ERR_ARG, "--input: '%s' has %zu numbers, the network %zu inputs", text, n, n_in);
}

/* ---- starts ---- */

int tool_fp_count(const struct tool_fp_plan *plan, size_t N, size_t *count, struct rnn_err *err)
{
    *count = plan->starts == TOOL_FP_FILE ? plan->file_rows : plan->count;
    if (plan->starts != TOOL_FP_GRID) return RNN_OK;
    *count = 1;
    for (size_t i = 0; i < N; i++)
        if (!rnn_mul_size(*count, plan->levels, count) || *count > (size_t)1 << 28)
            return rnn_fail(err, RNN_ERR_LIMIT, "a grid of %zu levels in %zu dimensions has too many points", plan->levels, N);
    return RNN_OK;
}

/* From a kept state [units]: itself, or kappa. */
static int project(const struct tool_fp_job *j, const struct rnn_map *map, const float *state, double *x, struct rnn_err *err)
{
    const size_t U = j->net->spec.N;
    if (map->form != RNN_MAP_REDUCED) {
        for (size_t i = 0; i < U; i++) x[i] = state[i];
        return RNN_OK;
    }
    double *r;
    RNN_TRY(rnn_alloc_into(&r, 2 * U, sizeof *r, err));
    for (size_t i = 0; i < U; i++) r[U + i] = state[i];
    const int rc = rnn_net_readout(j->net, r + U, r, NULL, err);
    for (size_t k = 0; k < map->N; k++) {
        x[k] = 0;
        for (size_t i = 0; i < U; i++) x[k] += map->W[k * U + i] * r[i];
    }
    free(r);
    return rc;
}

/* Blends of 1, 2, 4, ... up to `blend` states take turns. */
static size_t blends(const struct tool_fp_plan *p)
{
    size_t n = 1;
    while (((size_t)1 << n) <= p->blend) n++;
    return n;
}

/* A blend of m kept states with weights uniform on the simplex (spacings of exponentials): saddles lie between attractors, where no
 * trajectory stays. */
static int blend(const struct tool_fp_job *j, const struct rnn_map *map, size_t m, struct rnn_rng *g, double *x, struct rnn_err *err)
{
    const size_t N = map->N;
    double *one, total = 0;
    if (m == 1) return project(j, map, j->states + rnn_rng_below(g, j->n_states) * j->net->spec.N, x, err);
    RNN_TRY(rnn_alloc_into(&one, N, sizeof *one, err));
    memset(x, 0, N * sizeof *x);
    int rc = RNN_OK;
    for (size_t s = 0; s < m && rc >= 0; s++) {
        const double weight = -log1p(-rnn_rng_uniform(g));
        rc = project(j, map, j->states + rnn_rng_below(g, j->n_states) * j->net->spec.N, one, err);
        for (size_t i = 0; i < N; i++) x[i] += weight * one[i];
        total += weight;
    }
    for (size_t i = 0; i < N && total > 0; i++) x[i] /= total;
    free(one);
    return rc;
}

int tool_fp_start(const struct tool_fp_job *j, const struct rnn_map *map, uint64_t k, double *x, struct rnn_err *err)
{
    const struct tool_fp_plan *p = j->plan;
    const size_t N = map->N;
    struct rnn_rng g;
    if (p->starts == TOOL_FP_GRID) {
        uint64_t rest = k;
        for (size_t i = 0; i < N; i++, rest /= p->levels)
            x[i] = p->levels > 1 ? p->reach * (2 * (double)(rest % p->levels) / (double)(p->levels - 1) - 1) : 0;
        return RNN_OK;
    }
    if (p->starts == TOOL_FP_FILE) {
        if (p->file_cols != N) return rnn_fail(err, RNN_ERR_ARG, "--starts-file: %zu numbers a line, the state has %zu", p->file_cols, N);
        memcpy(x, p->file + k * N, N * sizeof *x);
        return RNN_OK;
    }
    /* step 0: the starts of rnn-fixedpts */
    RNN_TRY(rnn_rng_at(&g, p->seed, RNN_RNG_ANALYSIS, j->net->index, k, 0, err));
    if (p->starts == TOOL_FP_UNIFORM) {
        for (size_t i = 0; i < N; i++) x[i] = p->reach * (2 * rnn_rng_uniform(&g) - 1);
        return RNN_OK;
    }
    RNN_TRY(blend(j, map, (size_t)1 << k % blends(p), &g, x, err));
    for (size_t i = 0; p->noise > 0 && i < N; i++) x[i] += p->noise * rnn_rng_normal(&g);
    return RNN_OK;
}
