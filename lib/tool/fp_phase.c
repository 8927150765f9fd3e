/* What a network does after its trial: table `phase`. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/phase.h"
#include "base/mem.h"
#include "io/table.h"
#include "model/run.h"
#include "num/linalg.h"
#include "tool/fp.h"
#include "tool/theory.h"

static const struct tool_column columns[] = {
    {"index", RNN_KV_INT, NULL, "number of the network within its ensemble"},
    {"status", RNN_KV_STR, NULL, "of its training"},
    {"mechanism", RNN_KV_STR, NULL, "not-learned, unstable or diverged by training; else the verdict of the points: slow-point, limit-cycle or irregular"},
    {"class", RNN_KV_STR, NULL, "as published: not-learned, unstable or diverged by training, else class_index"},
    {"class_index", RNN_KV_STR, NULL, "by the published index: below 0.5 limit-cycle, else slow-point"},
    {"class_index_flipped", RNN_KV_STR, NULL, "the same with the sign of the second axis flipped, which is as good"},
    {"class_rollout", RNN_KV_STR, NULL, "by the speed of a long roll-out without noise and input"},
    {"class_points", RNN_KV_STR, NULL, "by where the roll-out ends: a fixed or slow point, a closed orbit, or neither"},
    {"mechanism_index", RNN_KV_REAL, NULL, "share of power at low frequencies of the sign of p1 - p2 over nine trials"},
    {"mechanism_index_flipped", RNN_KV_REAL, NULL, NULL},
    {"rollout_speed", RNN_KV_REAL, "1/step", "largest change of a rate in a step, over the end of the roll-out"},
    {"rollout_steps", RNN_KV_INT, "steps", NULL},
    {"period", RNN_KV_REAL, "ms", "of the closed orbit"},
    {"settles_speed", RNN_KV_REAL, "1/tau", "speed of the point that the roll-out settles at"},
    {"settles_distance", RNN_KV_REAL, NULL, "distance of the roll-out's last state from it"},
    {"settles_status", RNN_KV_STR, NULL, "fixed or slow"},
    {"n_fixed", RNN_KV_INT, NULL, "fixed points found without input"},
    {"n_slow", RNN_KV_INT, NULL, "slow points found without input"},
    {0}};

struct phase {
    double index[2], speed, period, settles_speed, settles_distance;
    const char *points, *settles;
};

struct rates { double *R; size_t N, n; };

static int keep_rates(void *arg, const struct rnn_run_seen *seen, struct rnn_err *err)
{
    struct rates *r = arg;
    (void)err;
    r->n = seen->n_steps;
    for (size_t i = 0; i < r->n * r->N; i++) r->R[i] = seen->x[i];
    return RNN_OK;
}

/* Trial 0 as the study rolls it out: without the post-response period. */
static size_t trial_steps(const struct rnn_task *t, size_t T)
{
    for (size_t i = 0; i < t->n_periods; i++)
        if (!strcmp(t->periods[i].name, "post")) return t->periods[i].start;
    return T;
}

/* Nine trial lengths with the network's noise, the index of their rates; x [N] gets the last state. */
static int nine_trials(struct tool_fp_job *j, struct phase *ph, double *x, struct rnn_err *err)
{
    const struct tool_arena *a = j->own->arena;
    struct rnn_trials first = a->tr; /* trial 0 comes first in every array */
    struct rnn_run_opts o = RNN_RUN_DEFAULT;
    struct rnn_run_result r = {0};
    struct rates keep = {.N = j->net->spec.N};
    first.K = 1, first.T = trial_steps(a->of->task, a->tr.T);
    RNN_TRY(rnn_alloc_into(&keep.R, 9 * first.T * keep.N, sizeof *keep.R, err));
    o.seed = j->plan->seed, o.extra_steps = 8 * first.T, o.open_loop = true, o.sink = keep_rates, o.sink_arg = &keep;
    int rc = rnn_run_score(j->net, NULL, &first, &o, &r, err);
    if (rc >= 0) memcpy(x, r.last, keep.N * sizeof *x);
    if (rc >= 0 && keep.N >= 2 && keep.n >= 7) rc = rnn_phase_index(keep.n, keep.N, keep.R, ph->index, err);
    rnn_run_release(&r);
    free(keep.R);
    return rc;
}

/* Period of a turning map: mean time between upward passages of the widest unit through its mean. */
static double passages(const struct rnn_map *map, const double *start, size_t steps, double *work, double *x)
{
    const size_t N = map->N;
    double *next = x + N, *low = next + N, *high = low + N;
    for (size_t i = 0; i < N; i++) low[i] = INFINITY, high[i] = -INFINITY;
    memcpy(x, start, N * sizeof *x);
    for (size_t t = 0; t < steps; t++) {
        rnn_map_iterate(map, 1, 1, x, next, work);
        for (size_t i = 0; i < N; i++) low[i] = fmin(low[i], x[i]), high[i] = fmax(high[i], x[i]);
    }
    size_t lead = 0, n = 0;
    for (size_t i = 1; i < N; i++)
        if (high[i] - low[i] > high[lead] - low[lead]) lead = i;
    const double middle = (low[lead] + high[lead]) / 2;
    double first = NAN, last = NAN;
    memcpy(x, start, N * sizeof *x);
    for (size_t t = 0; t < steps; t++) {
        const double before = x[lead] - middle;
        rnn_map_iterate(map, 1, 1, x, next, work);
        const double after = x[lead] - middle;
        if (!(before < 0 && after >= 0)) continue;
        last = (double)t + before / (before - after);
        if (n++ == 0) first = last;
    }
    return n > 1 ? (last - first) / (double)(n - 1) * map->dt_ms : NAN;
}

/* The orbit goes on turning: does it close? */
static int turning(struct tool_fp_job *j, const struct rnn_map *map, const double *x, struct phase *ph, struct rnn_err *err)
{
    const bool is_flow = j->net->spec.cell == RNN_LEAKY || j->net->spec.cell == RNN_LEAKY_CURRENT;
    struct rnn_limit_cycle_options o;
    struct rnn_limit_cycle lc = {.status = RNN_LC_NO_RETURN};
    rnn_limit_cycle_options_default(&o);
    o.transient = 20, o.steps_per_period = 400;
    /* a map of large steps turns where its flow may not: only leaky cells are asked for a closed orbit */
    if (is_flow) RNN_TRY(rnn_limit_cycle_find(map, x, &o, &lc, err));
    ph->points = is_flow ? "irregular" : "limit-cycle";
    if (lc.status == RNN_LC_CYCLE) ph->points = "limit-cycle", ph->period = lc.period;
    rnn_limit_cycle_release(&lc);
    if (!isnan(ph->period)) return RNN_OK;
    double *work, *scratch;
    RNN_TRY(rnn_alloc_into(&work, rnn_map_work(map, 1) + 4 * map->N, sizeof *work, err));
    scratch = work + rnn_map_work(map, 1);
    ph->period = passages(map, x, j->plan->rollout, work, scratch);
    /* the flow's orbit did not close, but the map's passages are evenly spaced or not: say what is known */
    free(work);
    return RNN_OK;
}

/* The orbit comes to rest: at what? */
static int resting(struct tool_fp_job *j, const struct rnn_map *map, const double *x, struct phase *ph, struct rnn_err *err)
{
    struct rnn_fp_problem p;
    struct rnn_fp_set set;
    struct rnn_fp_options o = j->plan->search;
    o.slow_speed = INFINITY;
    RNN_TRY(rnn_fp_problem_make(map, 1, &o, &p, err));
    rnn_fp_set_init(&set, map->N);
    const int rc = rnn_fp_from_starts(&p, 1, x, 0, NULL, &set, err);
    ph->points = "slow-point";
    if (rc >= 0 && set.n) {
        double gap = 0;
        for (size_t i = 0; i < map->N; i++) gap += (x[i] - set.p[0].x[i]) * (x[i] - set.p[0].x[i]);
        ph->settles = rnn_fp_status_names[set.p[0].status];
        ph->settles_speed = set.p[0].speed, ph->settles_distance = sqrt(gap);
    }
    rnn_fp_set_release(&set);
    return rc;
}

static int put_row(struct tool_fp_job *j, const struct phase *ph, const struct tool_fp_found *f, struct rnn_err *err)
{
    static const char *const name[2] = {"slow-point", "limit-cycle"};
    const struct rnn_net *net = j->net;
    const bool is_learned = net->status != RNN_NET_NOT_LEARNED && net->status != RNN_NET_UNSTABLE && net->status != RNN_NET_DIVERGED;
    struct rnn_table *t;
    size_t fixed = 0;
    RNN_TRY(tool_table_new(&t, "phase", columns, err));
    rnn_table_set_int(t, "index", (int64_t)net->index);
    rnn_table_set_str(t, "status", rnn_net_status_names[net->status]);
    rnn_table_set_str(t, "mechanism", is_learned && ph ? ph->points : rnn_net_status_names[net->status]);
    rnn_table_set_str(t, "class", is_learned && ph ? name[ph->index[0] < 0.5] : rnn_net_status_names[net->status]);
    if (ph) {
        rnn_table_set_str(t, "class_index", name[ph->index[0] < 0.5]); /* NaN counts as slow point, as published */
        rnn_table_set_str(t, "class_index_flipped", name[ph->index[1] < 0.5]);
        rnn_table_set_str(t, "class_rollout", name[ph->speed > j->plan->rollout_speed]);
        rnn_table_set_str(t, "class_points", ph->points);
        rnn_table_set(t, "mechanism_index", ph->index[0]);
        rnn_table_set(t, "mechanism_index_flipped", ph->index[1]);
        rnn_table_set(t, "rollout_speed", ph->speed);
        rnn_table_set_int(t, "rollout_steps", (int64_t)j->plan->rollout);
        rnn_table_set(t, "period", ph->period);
        rnn_table_set(t, "settles_speed", ph->settles_speed);
        rnn_table_set(t, "settles_distance", ph->settles_distance);
        rnn_table_set_str(t, "settles_status", ph->settles);
    }
    for (size_t i = 0; f && i < f->set.n; i++) fixed += f->set.p[i].status == RNN_FP_FIXED;
    if (f) rnn_table_set_int(t, "n_fixed", (int64_t)fixed), rnn_table_set_int(t, "n_slow", (int64_t)(f->set.n - fixed));
    rnn_table_row(t);
    const int rc = rnn_table_append(t, &j->it->out, &net->labels, net->id, err);
    rnn_table_free(t);
    return rc;
}

int tool_fp_phase(struct tool_fp_job *j, const struct tool_fp_found *f, struct rnn_err *err)
{
    struct phase ph = {.index = {NAN, NAN}, .speed = NAN, .period = NAN, .settles_speed = NAN, .settles_distance = NAN, .points = "", .settles = ""};
    struct rnn_map map = {0};
    double *x;
    if (!j->own->arena) return rnn_fail(err, RNN_ERR_ARG, "--phase needs its task, to know what a trial is: say --task FILE");
    if (!f) return put_row(j, NULL, NULL, err);
    RNN_TRY(rnn_alloc_into(&x, j->net->spec.N, sizeof *x, err));
    int rc = nine_trials(j, &ph, x, err);
    bool finite = true;
    for (size_t i = 0; rc >= 0 && i < j->net->spec.N; i++) finite &= isfinite(x[i]) != 0;
    if (rc >= 0 && !finite) ph.points = "diverged";
    if (rc >= 0 && finite) rc = rnn_phase_speed(j->net, x, j->plan->rollout, j->plan->rollout_tail, &ph.speed, err);
    if (rc >= 0 && finite) rc = rnn_map_of_net(j->net, NULL, &map, err);
    if (rc >= 0 && finite) rc = (ph.speed > j->plan->rollout_speed ? turning : resting)(j, &map, x, &ph, err);
    if (rc >= 0) rc = put_row(j, &ph, f, err);
    rnn_map_release(&map);
    free(x);
    return rc;
}

/* ---- the view along principal axes ---- */

enum { AXES = 3, MOST_ROWS = 4096, MOST_TRIALS = 32 };

/* Mean, variances and axes of at most MOST_ROWS evenly chosen states. */
static int principal_axes(const struct tool_fp_job *j, double *mean, double *variance, double *axes, struct rnn_err *err)
{
    const size_t N = j->net->spec.N, stride = j->n_states / MOST_ROWS + 1, n = (j->n_states + stride - 1) / stride;
    double *X, *C, *V, *w;
    RNN_TRY(rnn_alloc_into(&X, n * N + 2 * N * N + N, sizeof *X, err));
    C = X + n * N, V = C + N * N, w = V + N * N;
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < N; i++) X[k * N + i] = j->states[k * stride * N + i], mean[i] += X[k * N + i] / (double)n;
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < N; i++) X[k * N + i] -= mean[i];
    rnn_gemm(1, 0, N, N, n, 1 / (double)(n > 1 ? n - 1 : 1), X, X, 0, C);
    const int rc = rnn_eig_sym(N, C, w, V, err);
    const size_t kept = N < AXES ? N : AXES;
    if (rc >= 0) memcpy(axes, V, kept * N * sizeof *V), memcpy(variance, w, N * sizeof *w);
    free(X);
    return rc;
}

static void project(size_t N, const double *mean, const double *axes, const double *x, double *p)
{
    for (size_t a = 0; a < AXES; a++) {
        p[a] = 0;
        for (size_t i = 0; i < N; i++) p[a] += axes[a * N + i] * (x[i] - mean[i]);
    }
}

static int put_projections(struct tool_fp_job *j, const struct tool_fp_found *f, size_t n_found, const double *mean, const double *axes, struct rnn_err *err)
{
    static const char *const lines[] = {"trial", "step", "axis"}, *const points[] = {"point", "axis"};
    const size_t N = j->net->spec.N, steps = j->trial_steps, all = steps ? j->n_states / steps : 0, trials = all < MOST_TRIALS ? all : MOST_TRIALS;
    double *x, *p = NULL;
    size_t most = trials * steps;
    for (size_t k = 0; k < n_found; k++) most = f[k].set.n > most ? f[k].set.n : most;
    RNN_TRY(rnn_alloc_into(&x, N, sizeof *x, err));
    int rc = rnn_alloc_into(&p, most * AXES, sizeof *p, err);
    for (size_t s = 0; rc >= 0 && s < trials * steps; s++) {
        for (size_t i = 0; i < N; i++) x[i] = j->states[s * N + i];
        project(N, mean, axes, x, p + s * AXES);
    }
    if (rc >= 0 && trials && j->n_states % steps == 0) rc = tool_fp_put(j, NULL, "pca_trajectories", lines, RNN_F64, 3, (size_t[]){trials, steps, AXES}, p, err);
    for (size_t k = 0; rc >= 0 && k < n_found; k++) {
        for (size_t i = 0; i < f[k].set.n; i++) {
            if (f[k].map.form == RNN_MAP_REDUCED) rnn_map_lift(&f[k].map, j->net, f[k].set.p[i].x, x);
            else memcpy(x, f[k].set.p[i].x, N * sizeof *x);
            project(N, mean, axes, x, p + i * AXES);
        }
        rc = tool_fp_put(j, &f[k], "pca_points", points, RNN_F64, 2, (size_t[]){f[k].set.n, AXES}, p, err);
    }
    free(x);
    free(p);
    return rc;
}

int tool_fp_pca(struct tool_fp_job *j, const struct tool_fp_found *f, size_t n_found, struct rnn_err *err)
{
    static const char *const dims[] = {"axis", "unit"}, *const unit[] = {"unit"}, *const mode[] = {"mode"};
    const size_t N = j->net->spec.N;
    double *mean;
    if (!j->n_states) return RNN_OK; /* starts that need no states, and no task to make some */
    RNN_TRY(rnn_alloc_into(&mean, 2 * N + AXES * N, sizeof *mean, err));
    double *variance = mean + N, *axes = variance + N;
    int rc = principal_axes(j, mean, variance, axes, err);
    if (rc >= 0) rc = tool_fp_put(j, NULL, "pca_axes", dims, RNN_F64, 2, (size_t[]){AXES, N}, axes, err);
    if (rc >= 0) rc = tool_fp_put(j, NULL, "pca_mean", unit, RNN_F64, 1, (size_t[]){N}, mean, err);
    if (rc >= 0) rc = tool_fp_put(j, NULL, "pca_variance", mode, RNN_F64, 1, (size_t[]){N}, variance, err);
    if (rc >= 0) rc = put_projections(j, f, n_found, mean, axes, err);
    free(mean);
    return rc;
}
