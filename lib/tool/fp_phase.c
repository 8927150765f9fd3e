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
    {"mechanism", RNN_KV_STR, NULL, "not-learned, unstable or diverged by training; else the verdict of the points: slow-point, limit-cycle, irregular, or diverged where it runs away"},
    {"mechanism_all", RNN_KV_STR, NULL, "the same after every trial that was followed, one of each cue: mixed when they end differently"},
    {"trials", RNN_KV_INT, NULL, "trials that were followed; all else is about the first"},
    {"class", RNN_KV_STR, NULL, "as published: not-learned, unstable or diverged by training, else class_index"},
    {"class_index", RNN_KV_STR, NULL, "by the published index: below 0.5 limit-cycle, else slow-point; diverged: no index"},
    {"class_index_flipped", RNN_KV_STR, NULL, "the same with the sign of the second axis flipped, which is as good"},
    {"class_rollout", RNN_KV_STR, NULL, "by the speed of a long roll-out without noise and input"},
    {"class_points", RNN_KV_STR, NULL, "by where the roll-out ends: at a fixed or slow point, on a limit cycle, or turning irregularly"},
    {"mechanism_index", RNN_KV_REAL, NULL, "share of power at low frequencies of the sign of p1 - p2 over nine trials"},
    {"mechanism_index_flipped", RNN_KV_REAL, NULL, NULL},
    {"rollout_speed", RNN_KV_REAL, "1/step", "largest change of a rate in a step, over the end of the roll-out"},
    {"rollout_steps", RNN_KV_INT, "steps", NULL},
    {"period", RNN_KV_REAL, "ms", "of an orbit that goes on turning"},
    {"exponent", RNN_KV_REAL, "1/step", "its largest Lyapunov exponent: 0 or less on a limit cycle"},
    {"exponent_error", RNN_KV_REAL, "1/step", NULL},
    {"settles_speed", RNN_KV_REAL, "1/tau", "speed of the point that the roll-out settles at"},
    {"settles_distance", RNN_KV_REAL, NULL, "distance of the roll-out's last state from it"},
    {"settles_status", RNN_KV_STR, NULL, "fixed or slow"},
    {"n_fixed", RNN_KV_INT, NULL, "fixed points found without input; missing: searched under other inputs only"},
    {"n_slow", RNN_KV_INT, NULL, "slow points found without input; missing as well"},
    {0}};

struct phase {
    double index[2], speed, period, exponent, exponent_error, settles_speed, settles_distance;
    const char *points, *settles;
    const char *all; size_t trials; /* over the trials that were followed */
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

/* A trial as the study rolls it out: without the post-response period. */
static size_t trial_steps(const struct rnn_task *t, size_t T)
{
    for (size_t i = 0; i < t->n_periods; i++)
        if (!strcmp(t->periods[i].name, "post")) return t->periods[i].start;
    return T;
}

/* Trial k alone, as rnn_run_score takes it: each starts from the same state and meets the same noise. */
static struct rnn_trials one_trial(const struct rnn_trials *all, size_t k, size_t T)
{
    struct rnn_trials one = *all;
    one.K = 1, one.T = T, one.n_cols = 0;
    one.u += k * all->T * all->n_in, one.y += k * all->T * all->n_out, one.w += k * all->T;
    return one;
}

/* Nine trial lengths with the network's noise, the index of their rates unless these left the finite numbers; x [N] gets the last state. */
static int nine_trials(struct tool_fp_job *j, size_t k, struct phase *ph, double *x, struct rnn_err *err)
{
    const struct tool_arena *a = j->own->arena;
    const struct rnn_trials tr = one_trial(&a->tr, k, trial_steps(a->of->task, a->tr.T));
    struct rnn_run_opts o = RNN_RUN_DEFAULT;
    struct rnn_run_result r = {0};
    struct rates keep = {.N = j->net->spec.N};
    RNN_TRY(rnn_alloc_into(&keep.R, 9 * tr.T * keep.N, sizeof *keep.R, err));
    o.seed = j->plan->seed, o.extra_steps = 8 * tr.T, o.open_loop = true, o.sink = keep_rates, o.sink_arg = &keep;
    int rc = rnn_run_score(j->net, NULL, &tr, &o, &r, err);
    if (rc >= 0) memcpy(x, r.last, keep.N * sizeof *x);
    if (rc >= 0 && k == 0 && keep.N >= 2 && keep.n >= 7 && rnn_all_finite(keep.n * keep.N, keep.R)) rc = rnn_phase_index(keep.n, keep.N, keep.R, ph->index, err);
    rnn_run_release(&r);
    free(keep.R);
    return rc;
}

/* The orbit goes on turning: in an orderly way, or do neighbours part? */
static int turning(struct tool_fp_job *j, const struct rnn_map *map, const double *x, struct phase *ph, struct rnn_err *err)
{
    enum { FEWEST = 100 };
    struct rnn_phase_turn turn;
    RNN_TRY(rnn_phase_turning(map, x, j->plan->rollout_tail > FEWEST ? j->plan->rollout_tail : FEWEST, &turn, err));
    ph->points = turn.is_chaotic ? "irregular" : "limit-cycle";
    ph->period = turn.period * (map->dt_ms > 0 ? map->dt_ms : 1);
    ph->exponent = turn.exponent, ph->exponent_error = turn.error;
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

static const char *const name[2] = {"slow-point", "limit-cycle"};
static const char DIVERGED[] = "diverged";

/* An index that is not a number counts as slow point, as published; a run without index never came to be judged. */
static const char *class_of_index(const struct phase *ph, int flipped)
{
    return isnan(ph->index[0]) && ph->points == DIVERGED ? DIVERGED : name[ph->index[flipped] < 0.5];
}

static int put_row(struct tool_fp_job *j, const struct phase *ph, const struct tool_fp_found *f, struct rnn_err *err)
{
    const struct rnn_net *net = j->net;
    const bool is_learned = net->status != RNN_NET_NOT_LEARNED && net->status != RNN_NET_UNSTABLE && net->status != RNN_NET_DIVERGED;
    struct rnn_table *t;
    size_t fixed = 0;
    RNN_TRY(tool_table_new(&t, "phase", columns, err));
    rnn_table_set_int(t, "index", (int64_t)net->index);
    rnn_table_set_str(t, "status", rnn_net_status_names[net->status]);
    rnn_table_set_str(t, "mechanism", is_learned && ph ? ph->points : rnn_net_status_names[net->status]);
    rnn_table_set_str(t, "mechanism_all", is_learned && ph ? ph->all : rnn_net_status_names[net->status]);
    rnn_table_set_str(t, "class", is_learned && ph ? class_of_index(ph, 0) : rnn_net_status_names[net->status]);
    if (ph) {
        rnn_table_set_int(t, "trials", (int64_t)ph->trials);
        rnn_table_set_str(t, "class_index", class_of_index(ph, 0));
        rnn_table_set_str(t, "class_index_flipped", class_of_index(ph, 1));
        rnn_table_set_str(t, "class_rollout", isfinite(ph->speed) ? name[ph->speed > j->plan->rollout_speed] : DIVERGED);
        rnn_table_set_str(t, "class_points", ph->points);
        rnn_table_set(t, "mechanism_index", ph->index[0]);
        rnn_table_set(t, "mechanism_index_flipped", ph->index[1]);
        rnn_table_set(t, "rollout_speed", ph->speed);
        rnn_table_set_int(t, "rollout_steps", (int64_t)j->plan->rollout);
        rnn_table_set(t, "period", ph->period);
        rnn_table_set(t, "exponent", ph->exponent);
        rnn_table_set(t, "exponent_error", ph->exponent_error);
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

/* What the network does after trial k. */
static int follow(struct tool_fp_job *j, const struct rnn_map *map, size_t k, struct phase *ph, double *x, struct rnn_err *err)
{
    *ph = (struct phase){.index = {NAN, NAN}, .speed = NAN, .period = NAN, .exponent = NAN, .exponent_error = NAN, .settles_speed = NAN,
                         .settles_distance = NAN, .points = DIVERGED, .settles = ""};
    RNN_TRY(nine_trials(j, k, ph, x, err));
    if (!rnn_all_finite(j->net->spec.N, x)) return RNN_OK;
    RNN_TRY(rnn_phase_speed(j->net, x, j->plan->rollout, j->plan->rollout_tail, &ph->speed, err));
    for (size_t i = 0; i < j->net->spec.N; i++)
        if (!(fabs(x[i]) <= j->plan->search.max_norm)) ph->speed = INFINITY; /* on its way: its growth is no chaos */
    if (!isfinite(ph->speed)) return RNN_OK;
    return (ph->speed > j->plan->rollout_speed ? turning : resting)(j, map, x, ph, err);
}

int tool_fp_phase(struct tool_fp_job *j, bool can_run, const struct tool_fp_found *f, struct rnn_err *err)
{
    struct phase ph, other;
    struct rnn_map map = {0};
    double *x;
    if (!j->own->arena) return rnn_fail(err, RNN_ERR_ARG, "--phase needs its task, to know what a trial is: say --task FILE");
    if (!can_run) return put_row(j, NULL, NULL, err);
    const size_t trials = j->plan->phase_trials < j->own->arena->tr.K ? j->plan->phase_trials : j->own->arena->tr.K;
    RNN_TRY(rnn_alloc_into(&x, j->net->spec.N, sizeof *x, err));
    int rc = rnn_map_of_net(j->net, NULL, &map, err);
    if (rc >= 0) rc = follow(j, &map, 0, &ph, x, err);
    ph.all = ph.points, ph.trials = 1;
    for (size_t k = 1; rc >= 0 && k < trials; k++, ph.trials++) {
        rc = follow(j, &map, k, &other, x, err);
        if (rc >= 0 && strcmp(other.points, ph.points)) ph.all = "mixed";
    }
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
