#include "tool/rollout.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "io/table.h"
#include "model/run.h"
#include "num/linalg.h"
#include "num/stats.h"
#include "tool/theory.h"

enum { AXES = 3 };

static int keep_rates(void *arg, const struct rnn_run_seen *seen, struct rnn_err *err)
{
    struct tool_rollout_net *n = arg;
    (void)err;
    memcpy(n->r + seen->first * n->L * n->N, seen->x, seen->K * n->L * n->N * sizeof *n->r);
    return RNN_OK;
}

double tool_rms(size_t N, const float *a, const float *b)
{
    double sum = 0;
    for (size_t i = 0; i < N; i++) sum += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
    return sqrt(sum / (double)N);
}

static void measure(struct tool_rollout_net *n)
{
    n->speed[n->L - 1] = NAN;
    for (size_t k = 0; k < n->K; k++) {
        const float *r = n->r + k * n->L * n->N;
        for (size_t t = 0; t < n->L; t++) {
            if (t + 1 < n->L) n->speed[t] += tool_rms(n->N, r + (t + 1) * n->N, r + t * n->N) / (double)n->K;
            n->distance[t] += tool_rms(n->N, r + t * n->N, r + (n->T - 1) * n->N) / (double)n->K;
        }
        for (size_t i = 0; i < n->N; i++) {
            size_t best = 0;
            for (size_t t = 1; t < n->T; t++)
                if (fabsf(r[t * n->N + i]) > fabsf(r[best * n->N + i])) best = t;
            n->peak[k * n->N + i] = (double)best;
        }
    }
}

static void see_latent(struct tool_rollout_net *n, const struct rnn_net *net)
{
    const double *row = rnn_net_param(net, "n"); /* [rank][N] */
    for (size_t s = 0; row && s < n->K * n->L; s++)
        for (size_t q = 0; q < n->rank; q++) {
            double sum = 0;
            for (size_t i = 0; i < n->N; i++) sum += row[q * n->N + i] * n->r[s * n->N + i];
            n->latent[s * n->rank + q] = (float)sum;
        }
}

static int make_room(struct tool_rollout_net *n, const struct rnn_net *net, struct rnn_err *err)
{
    const size_t steps = n->K * n->L;
    if (!(n->id = rnn_strdup(net->id)) || !(n->group = rnn_strdup(rnn_net_status_names[net->status]))) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    RNN_TRY(rnn_kvs_merge(&n->labels, &net->labels, err));
    RNN_TRY(rnn_alloc_into(&n->r, steps * n->N, sizeof *n->r, err));
    RNN_TRY(rnn_alloc_into(&n->o, steps * n->n_out, sizeof *n->o, err));
    if (n->rank) RNN_TRY(rnn_alloc_into(&n->latent, steps * n->rank, sizeof *n->latent, err));
    RNN_TRY(rnn_alloc_into(&n->speed, 2 * n->L, sizeof *n->speed, err));
    n->distance = n->speed + n->L;
    return rnn_alloc_into(&n->peak, n->K * n->N, sizeof *n->peak, err);
}

static void release_net(struct tool_rollout_net *n)
{
    rnn_kvs_release(&n->labels);
    free(n->id), free(n->group), free(n->r), free(n->o), free(n->latent), free(n->speed), free(n->peak);
}

int tool_rollout_run(struct tool_rollout_nets *all, const struct rnn_net *net, const struct rnn_trials *tr, size_t lengths, uint64_t seed,
                     struct rnn_err *err)
{
    struct rnn_run_opts o = RNN_RUN_DEFAULT;
    struct rnn_run_result r = {0};
    RNN_TRY(rnn_grow(&all->v, &all->cap, all->n + 1, sizeof *all->v, err));
    struct tool_rollout_net *n = &all->v[all->n++];
    *n = (struct tool_rollout_net){.index = net->index, .seed = rnn_kvs_get_int(&net->labels, "seed", 0), .K = tr->K, .T = tr->T, .L = lengths * tr->T,
                                   .N = net->spec.N, .n_out = net->spec.n_out, .rank = net->spec.rank, .dt_ms = net->spec.dt_ms};
    RNN_TRY(make_room(n, net, err));
    o.seed = seed, o.extra_steps = n->L - n->T, o.open_loop = true, o.sink = keep_rates, o.sink_arg = n;
    int rc = rnn_run_score(net, NULL, tr, &o, &r, err);
    if (rc >= 0 && !(rnn_all_finite_f32(n->K * n->L * n->N, n->r) && rnn_all_finite_f32(n->K * n->L * n->n_out, r.o))) {
        release_net(n);
        all->n--;
        rc = RNN_NOT_CONVERGED;
    } else if (rc >= 0) {
        memcpy(n->o, r.o, n->K * n->L * n->n_out * sizeof *n->o);
        measure(n);
        see_latent(n, net);
        rc = RNN_OK;
    }
    rnn_run_release(&r);
    return rc;
}

void tool_rollout_release(struct tool_rollout_nets *all)
{
    for (size_t i = 0; i < all->n; i++) release_net(&all->v[i]);
    free(all->v);
    *all = (struct tool_rollout_nets){0};
}

/* ---- each network, and the mean of its group ---- */

static const struct tool_column step_columns[] = {
    {"index", RNN_KV_INT, NULL, "number of the network within its ensemble"},
    {"group", RNN_KV_STR, NULL, "what networks are compared by"},
    {"step", RNN_KV_INT, "steps", "from the start of the trial"},
    {"time", RNN_KV_REAL, "ms", "the same in time"},
    {"trials", RNN_KV_REAL, NULL, "the same in trial lengths"},
    {"speed", RNN_KV_REAL, "1/step", "root mean square change of a rate in the next step"},
    {"distance", RNN_KV_REAL, NULL, "root mean square distance of a rate from its value at the end of the trial"},
    {0}};
static const struct tool_column mean_columns[] = {
    {"group", RNN_KV_STR, NULL, "networks with one mechanism, say"},
    {"step", RNN_KV_INT, "steps", "from the start of the trial"},
    {"time", RNN_KV_REAL, "ms", "the same in time"},
    {"trials", RNN_KV_REAL, NULL, "the same in trial lengths"},
    {"n", RNN_KV_INT, NULL, "networks"},
    {"speed", RNN_KV_REAL, "1/step", "mean over networks"},
    {"speed_lo", RNN_KV_REAL, "1/step", "95 % interval, bootstrap over networks"},
    {"speed_hi", RNN_KV_REAL, "1/step", NULL},
    {"distance", RNN_KV_REAL, NULL, "mean over networks"},
    {"distance_lo", RNN_KV_REAL, NULL, "95 % interval, bootstrap over networks"},
    {"distance_hi", RNN_KV_REAL, NULL, NULL},
    {0}};

static void put_time(struct rnn_table *t, const struct tool_rollout_net *n, size_t step)
{
    rnn_table_set_int(t, "step", (int64_t)step);
    rnn_table_set(t, "time", n->dt_ms > 0 ? (double)step * n->dt_ms : NAN);
    rnn_table_set(t, "trials", (double)step / (double)n->T);
}

static int write_steps(struct rnn_writer *w, const struct tool_rollout_net *n, struct rnn_err *err)
{
    struct rnn_table *t;
    RNN_TRY(tool_table_new(&t, "rollout", step_columns, err));
    for (size_t s = 0; s < n->L; s++) {
        rnn_table_set_int(t, "index", (int64_t)n->index);
        rnn_table_set_str(t, "group", n->group);
        put_time(t, n, s);
        rnn_table_set(t, "speed", n->speed[s]);
        rnn_table_set(t, "distance", n->distance[s]);
        rnn_table_row(t);
    }
    const int rc = rnn_table_write(t, w, &n->labels, NULL, err);
    rnn_table_free(t);
    return rc;
}

/* One row: the group of network `first`, of trials as long as its own, at one step; x is scratch for all networks. */
static int mean_row(struct rnn_table *t, const struct tool_rollout_nets *all, size_t first, size_t step, size_t draws, uint64_t seed, double *x,
                    struct rnn_err *err)
{
    const struct tool_rollout_net *of = &all->v[first];
    static const char *const names[2][3] = {{"speed", "speed_lo", "speed_hi"}, {"distance", "distance_lo", "distance_hi"}};
    rnn_table_set_str(t, "group", of->group);
    put_time(t, of, step);
    for (size_t what = 0; what < 2; what++) {
        size_t m = 0;
        double lo = NAN, hi = NAN;
        for (size_t i = first; i < all->n; i++) {
            const struct tool_rollout_net *n = &all->v[i];
            if (!strcmp(n->group, of->group) && n->T == of->T && n->L == of->L) x[m++] = (what ? n->distance : n->speed)[step];
        }
        if (m > 1 && draws) RNN_TRY(rnn_bootstrap_mean(m, x, draws, 0.95, seed, first * 65536 + step * 2 + what, &lo, &hi, err));
        rnn_table_set_int(t, "n", (int64_t)m);
        rnn_table_set(t, names[what][0], rnn_mean(m, x));
        rnn_table_set(t, names[what][1], lo);
        rnn_table_set(t, names[what][2], hi);
    }
    rnn_table_row(t);
    return RNN_OK;
}

static bool is_first(const struct tool_rollout_nets *all, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (!strcmp(all->v[k].group, all->v[i].group) && all->v[k].T == all->v[i].T && all->v[k].L == all->v[i].L) return false;
    return true;
}

int tool_rollout_write(struct rnn_writer *w, const struct tool_rollout_nets *all, size_t draws, uint64_t seed, struct rnn_err *err)
{
    struct rnn_table *t = NULL;
    double *x = NULL;
    int rc = RNN_OK;
    for (size_t i = 0; rc >= 0 && i < all->n; i++) rc = write_steps(w, &all->v[i], err);
    if (rc >= 0) rc = tool_table_new(&t, "rollout_mean", mean_columns, err);
    if (rc >= 0) rc = rnn_alloc_into(&x, all->n, sizeof *x, err);
    for (size_t i = 0; rc >= 0 && i < all->n; i++)
        for (size_t s = 0; rc >= 0 && is_first(all, i) && s < all->v[i].L; s++) rc = mean_row(t, all, i, s, draws, seed, x, err);
    if (rc >= 0) rc = rnn_table_write(t, w, NULL, NULL, err);
    rnn_table_free(t);
    free(x);
    return rc;
}

/* ---- arrays ---- */

struct place { double peak; size_t unit; };

static int by_peak(const void *a, const void *b)
{
    const struct place *p = a, *q = b;
    if (p->peak != q->peak) return p->peak < q->peak ? -1 : 1;
    return (p->unit > q->unit) - (p->unit < q->unit);
}

static int put(struct rnn_writer *w, const struct tool_rollout_net *n, const char *name, const char *const *dims, enum rnn_dtype type, int ndim,
               const size_t *shape, const void *data, struct rnn_err *err)
{
    struct rnn_kvs labels = {0};
    int rc = rnn_kvs_merge(&labels, &n->labels, err);
    if (rc >= 0) rc = rnn_kvs_str(&labels, "group", n->group, err);
    if (rc >= 0) rc = rnn_kvs_int(&labels, "index", (int64_t)n->index, err);
    if (rc >= 0) rc = rnn_array_write(w, name, dims, NULL, type, ndim, shape, data, &labels, NULL, err);
    rnn_kvs_release(&labels);
    return rc;
}

static int put_raster(struct rnn_writer *w, const struct tool_rollout_net *n, struct rnn_err *err)
{
    static const char *const dims[] = {"position", "step"};
    struct place *place = NULL;
    double *raster = NULL, *units = NULL;
    int rc = rnn_alloc_into(&place, n->N, sizeof *place, err);
    if (rc >= 0) rc = rnn_alloc_into(&raster, n->N * n->L, sizeof *raster, err);
    if (rc >= 0) rc = rnn_alloc_into(&units, n->N, sizeof *units, err);
    for (size_t i = 0; rc >= 0 && i < n->N; i++) place[i] = (struct place){n->peak[i], i};
    if (rc >= 0) qsort(place, n->N, sizeof *place, by_peak);
    for (size_t p = 0; rc >= 0 && p < n->N; p++) {
        units[p] = (double)place[p].unit;
        for (size_t t = 0; t < n->L; t++) raster[p * n->L + t] = n->r[t * n->N + place[p].unit];
    }
    if (rc >= 0) rc = put(w, n, "raster", dims, RNN_F64, 2, (size_t[]){n->N, n->L}, raster, err);
    if (rc >= 0) rc = put(w, n, "raster_units", dims, RNN_F64, 1, (size_t[]){n->N}, units, err);
    free(place), free(raster), free(units);
    return rc;
}

/* Scores of all rates on their three leading principal axes (of the covariance about their mean). */
static int put_orbit(struct rnn_writer *w, const struct tool_rollout_net *n, struct rnn_err *err)
{
    static const char *const dims[] = {"trial", "step", "axis"};
    const size_t rows = n->K * n->L, N = n->N, axes = N < AXES ? N : AXES;
    double *X = NULL, *C = NULL, *V = NULL, *p = NULL;
    int rc = rnn_alloc_into(&X, rows * N, sizeof *X, err);
    if (rc >= 0) rc = rnn_alloc_into(&C, N * N + N, sizeof *C, err);
    if (rc >= 0) rc = rnn_alloc_into(&V, N * N, sizeof *V, err);
    if (rc >= 0) rc = rnn_alloc_into(&p, rows * axes, sizeof *p, err);
    for (size_t i = 0; rc >= 0 && i < N; i++) {
        double mean = 0;
        for (size_t s = 0; s < rows; s++) mean += n->r[s * N + i] / (double)rows;
        for (size_t s = 0; s < rows; s++) X[s * N + i] = n->r[s * N + i] - mean;
    }
    if (rc >= 0) rnn_gemm(1, 0, N, N, rows, 1 / (double)rows, X, X, 0, C), rc = rnn_eig_sym(N, C, C + N * N, V, err);
    if (rc >= 0) rnn_gemm(0, 1, rows, axes, N, 1, X, V, 0, p), rc = put(w, n, "orbit", dims, RNN_F64, 3, (size_t[]){n->K, n->L, axes}, p, err);
    free(X), free(C), free(V), free(p);
    return rc;
}

int tool_rollout_arrays(struct rnn_writer *w, const struct tool_rollout_net *n, struct rnn_err *err)
{
    static const char *const out[] = {"trial", "step", "channel"}, *const kappa[] = {"trial", "step", "kappa"};
    RNN_TRY(put_raster(w, n, err));
    RNN_TRY(put(w, n, "outputs", out, RNN_F32, 3, (size_t[]){n->K, n->L, n->n_out}, n->o, err));
    if (n->latent) RNN_TRY(put(w, n, "latent", kappa, RNN_F32, 3, (size_t[]){n->K, n->L, n->rank}, n->latent, err));
    return put_orbit(w, n, err);
}
