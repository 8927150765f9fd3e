/* What rnn-fixedpts found, as tables and arrays. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/match.h"
#include "base/mem.h"
#include "io/table.h"
#include "num/linalg.h"
#include "model/engine.h"
#include "tool/fp.h"
#include "tool/theory.h"

const char *const tool_fp_array_names[] = {"states", "eigenvalues", "eigenvectors", "input-jacobian", "outputs", "pca", "orbits", "starts", NULL};

static const struct tool_column point_columns[] = {
    {"point", RNN_KV_INT, NULL, "number among the points of this network and input"},
    {"input", RNN_KV_STR, NULL, "the constant input"},
    {"space", RNN_KV_STR, NULL, "units, or kappa for the reduced dynamics"},
    {"status", RNN_KV_STR, NULL, "fixed, slow, or why there is no point"},
    {"kind", RNN_KV_STR, NULL, "stable, saddle or unstable under the map; slow for slow points"},
    {"speed", RNN_KV_REAL, "1/tau", "|F(x) - x| / alpha"},
    {"residual", RNN_KV_REAL, NULL, "largest entry of |F(x) - x|"},
    {"q", RNN_KV_REAL, NULL, "|F(x) - x|^2 / 2, summed over units, of one step"},
    {"gradient", RNN_KV_REAL, NULL, "|dq/dx|"},
    {"radius", RNN_KV_REAL, NULL, "exactly one fixed point lies within this distance, by proof; missing: not provable"},
    {"unique", RNN_KV_REAL, NULL, "and no other within this one"},
    {"hits", RNN_KV_INT, NULL, "starts that led here"},
    {"start", RNN_KV_INT, NULL, "the first of them; missing: found by enumeration"},
    {"n_unstable", RNN_KV_INT, NULL, "multipliers outside the unit circle: saddle index of the map"},
    {"n_unstable_flow", RNN_KV_INT, NULL, "multipliers of real part above 1: saddle index of the flow"},
    {"n_near_neutral", RNN_KV_INT, NULL, "multipliers within the margin of the unit circle"},
    {"margin", RNN_KV_REAL, NULL, "that margin"},
    {"modulus_max", RNN_KV_REAL, NULL, "largest modulus of a multiplier"},
    {"lambda_re", RNN_KV_REAL, NULL, "that multiplier"},
    {"lambda_im", RNN_KV_REAL, NULL, NULL},
    {"time_constant", RNN_KV_REAL, "ms", "of the mode that decays or grows most slowly, -dt / ln |multiplier|; negative: it grows"},
    {"norm", RNN_KV_REAL, NULL, "|x|"},
    {0}};
static const struct tool_column coverage_columns[] = {
    {"input", RNN_KV_STR, NULL, "the constant input"},
    {"space", RNN_KV_STR, NULL, "units, or kappa"},
    {"starts", RNN_KV_INT, NULL, "starts tried"},
    {"failed", RNN_KV_INT, NULL, "of these, led to no fixed or slow point"},
    {"n_fixed", RNN_KV_INT, NULL, "distinct fixed points"},
    {"n_stable", RNN_KV_INT, NULL, "of these, stable under the map"},
    {"n_slow", RNN_KV_INT, NULL, "distinct slow points"},
    {"hit_once", RNN_KV_INT, NULL, "points that one start led to"},
    {"unseen", RNN_KV_REAL, NULL, "Good-Turing estimate: probability that the next successful start finds a new point"},
    {"n_points_lower", RNN_KV_REAL, NULL, "Chao's lower bound on the number of points, from those hit once and twice"},
    {"complete", RNN_KV_BOOL, NULL, "all regions were enumerated"},
    {"n_input", RNN_KV_INT, NULL, "number of the input"},
    {0}};
static const struct tool_column cycle_columns[] = {
    {"cycle", RNN_KV_INT, NULL, "number among the cycles of this network and input"},
    {"input", RNN_KV_STR, NULL, "the constant input"},
    {"of", RNN_KV_STR, NULL, "map, or flow"},
    {"status", RNN_KV_STR, NULL, "cycle; or how the search for a cycle of the flow ended"},
    {"steps", RNN_KV_INT, "steps", "least period of a cycle of the map"},
    {"period", RNN_KV_REAL, "ms", NULL},
    {"period_error", RNN_KV_REAL, "ms", "of the integration"},
    {"frequency", RNN_KV_REAL, "Hz", NULL},
    {"amplitude", RNN_KV_REAL, NULL, "largest difference of a unit between two states of the cycle"},
    {"multiplier_max", RNN_KV_REAL, NULL, "largest modulus of a multiplier (flow: without the trivial one)"},
    {"multiplier_re", RNN_KV_REAL, NULL, "that multiplier"},
    {"multiplier_im", RNN_KV_REAL, NULL, NULL},
    {"stable", RNN_KV_BOOL, NULL, NULL},
    {"residual", RNN_KV_REAL, NULL, "by how much the orbit fails to close"},
    {"hits", RNN_KV_INT, NULL, "starts or guesses that led here"},
    {0}};
static const struct tool_column exponent_columns[] = {
    {"mode", RNN_KV_INT, NULL, "0 is the largest"},
    {"input", RNN_KV_STR, NULL, "the constant input"},
    {"exponent", RNN_KV_REAL, "1/step", "Lyapunov exponent"},
    {"error", RNN_KV_REAL, "1/step", "standard error over ten blocks"},
    {"exponent_per_second", RNN_KV_REAL, "1/s", NULL},
    {"dimension", RNN_KV_REAL, NULL, "Kaplan-Yorke dimension of the attractor; missing: more exponents are needed"},
    {0}};
static const struct tool_column match_columns[] = {
    {"from", RNN_KV_STR, NULL, "the earlier snapshot"},
    {"from_point", RNN_KV_INT, NULL, "missing: a birth"},
    {"to_point", RNN_KV_INT, NULL, "missing: a death"},
    {"event", RNN_KV_STR, NULL, "same, birth or death"},
    {"distance", RNN_KV_REAL, NULL, "that the point moved"},
    {0}};

static const char *space(const struct tool_fp_found *f)
{
    return f->map.form == RNN_MAP_REDUCED ? "kappa" : "units";
}

/* ---- arrays ---- */

int tool_fp_put(struct tool_fp_job *j, const struct tool_fp_found *f, const char *name, const char *const *dims, enum rnn_dtype t, int ndim,
                const size_t *shape, const void *data, struct rnn_err *err)
{
    struct rnn_kvs labels = {0};
    int rc = rnn_kvs_merge(&labels, &j->net->labels, err);
    if (rc >= 0 && f) rc = rnn_kvs_str(&labels, "input", f->label, err);
    if (rc >= 0) rc = rnn_array_append(&j->it->out, name, dims, NULL, t, ndim, shape, data, &labels, j->net->id, err);
    rnn_kvs_release(&labels);
    return rc;
}

static int put_states(struct tool_fp_job *j, struct tool_fp_found *f, struct rnn_err *err)
{
    static const char *const dims[] = {"point", "unit"}, *const kappa[] = {"point", "kappa"};
    const size_t N = f->map.N, n = f->set.n, U = f->map.units;
    const bool reduced = f->map.form == RNN_MAP_REDUCED;
    double *x;
    RNN_TRY(rnn_alloc_into(&x, n * (N + U), sizeof *x, err));
    for (size_t i = 0; i < n; i++) {
        memcpy(x + i * N, f->set.p[i].x, N * sizeof *x);
        if (reduced) rnn_map_lift(&f->map, j->net, f->set.p[i].x, x + n * N + i * U);
    }
    int rc = tool_fp_put(j, f, reduced ? "fixedpoint_kappas" : "fixedpoint_states", reduced ? kappa : dims, RNN_F64, 2, (size_t[]){n, N}, x, err);
    if (rc >= 0 && reduced) rc = tool_fp_put(j, f, "fixedpoint_states", dims, RNN_F64, 2, (size_t[]){n, U}, x + n * N, err);
    free(x);
    return rc;
}

static int put_outputs(struct tool_fp_job *j, struct tool_fp_found *f, struct rnn_err *err)
{
    static const char *const dims[] = {"point", "channel"};
    const size_t n = f->set.n, n_out = rnn_spec_n_read(&j->net->spec), U = f->map.units;
    double *o;
    int rc = RNN_OK;
    RNN_TRY(rnn_alloc_into(&o, n * n_out + U, sizeof *o, err));
    for (size_t i = 0; i < n && rc >= 0; i++) {
        if (f->map.form == RNN_MAP_REDUCED) rnn_map_lift(&f->map, j->net, f->set.p[i].x, o + n * n_out);
        else memcpy(o + n * n_out, f->set.p[i].x, U * sizeof *o);
        rc = rnn_net_readout(j->net, o + n * n_out, NULL, o + i * n_out, err);
    }
    if (rc >= 0) rc = tool_fp_put(j, f, "fixedpoint_outputs", dims, RNN_F64, 2, (size_t[]){n, n_out}, o, err);
    free(o);
    return rc;
}

static int put_input_jacobians(struct tool_fp_job *j, struct tool_fp_found *f, struct rnn_err *err)
{
    static const char *const dims[] = {"point", "unit", "input"};
    const size_t n = f->set.n, N = f->map.units, n_in = j->net->spec.n_in;
    if (f->map.form == RNN_MAP_REDUCED || !n_in) return RNN_OK;
    double *Ju;
    int rc = RNN_OK;
    RNN_TRY(rnn_alloc_into(&Ju, n * N * n_in, sizeof *Ju, err));
    for (size_t i = 0; i < n && rc >= 0; i++) rc = rnn_net_jacobian(j->net, f->set.p[i].x, f->u, NULL, Ju + i * N * n_in, err);
    if (rc >= 0) rc = tool_fp_put(j, f, "fixedpoint_input_jacobians", dims, RNN_F64, 3, (size_t[]){n, N, n_in}, Ju, err);
    free(Ju);
    return rc;
}

/* ---- points ---- */

static const char *kind_of(const struct rnn_fp_point *p, const struct rnn_fp_stability *s)
{
    if (p->status == RNN_FP_SLOW) return "slow";
    return s->n_unstable == 0 ? "stable" : s->n_unstable == s->N ? "unstable" : "saddle";
}

/* dt / -ln|lambda| of largest modulus */
static double slowest(const struct rnn_fp_stability *s, double dt)
{
    double longest = 0;
    for (size_t i = 0; i < s->N; i++) {
        const double tau = -dt / log(cabs(s->lambda[i]));
        if (fabs(tau) > fabs(longest)) longest = tau;
    }
    return longest;
}

static void put_point(struct rnn_table *t, const struct tool_fp_found *f, size_t i, const struct rnn_fp_stability *s)
{
    const struct rnn_fp_point *p = &f->set.p[i];
    rnn_table_set_int(t, "point", (int64_t)i);
    rnn_table_set_str(t, "input", f->label);
    rnn_table_set_str(t, "space", space(f));
    rnn_table_set_str(t, "status", rnn_fp_status_names[p->status]);
    rnn_table_set_str(t, "kind", kind_of(p, s));
    rnn_table_set(t, "speed", p->speed);
    rnn_table_set(t, "residual", p->residual);
    rnn_table_set(t, "q", p->q);
    rnn_table_set(t, "gradient", p->gradient);
    rnn_table_set(t, "radius", p->radius);
    rnn_table_set(t, "unique", p->unique);
    rnn_table_set_int(t, "hits", (int64_t)p->hits);
    if (p->start != SIZE_MAX) rnn_table_set_int(t, "start", (int64_t)p->start);
    rnn_table_set_int(t, "n_unstable", (int64_t)s->n_unstable);
    rnn_table_set_int(t, "n_unstable_flow", (int64_t)s->n_unstable_flow);
    rnn_table_set_int(t, "n_near_neutral", (int64_t)s->n_near_neutral);
    rnn_table_set(t, "margin", s->margin);
    rnn_table_set(t, "modulus_max", cabs(s->lambda[0]));
    rnn_table_set(t, "lambda_re", creal(s->lambda[0]));
    rnn_table_set(t, "lambda_im", cimag(s->lambda[0]));
    rnn_table_set(t, "time_constant", slowest(s, f->map.dt_ms));
    rnn_table_set(t, "norm", rnn_norm2(f->map.N, p->x));
    rnn_table_row(t);
}

static int put_spectra(struct tool_fp_job *j, struct tool_fp_found *f, const double _Complex *lambda, const double _Complex *right,
                       const double _Complex *left, struct rnn_err *err)
{
    static const char *const modes[] = {"point", "mode"}, *const vectors[] = {"point", "unit", "mode"};
    const size_t N = f->map.N, n = f->set.n, shape[3] = {n, N, N};
    if (j->plan->array[TOOL_FP_EIGENVALUES]) RNN_TRY(tool_fp_put(j, f, "fixedpoint_eigenvalues", modes, RNN_C128, 2, shape, lambda, err));
    if (!right) return RNN_OK;
    RNN_TRY(tool_fp_put(j, f, "fixedpoint_right_vectors", vectors, RNN_C128, 3, shape, right, err));
    return tool_fp_put(j, f, "fixedpoint_left_vectors", vectors, RNN_C128, 3, shape, left, err);
}

/* Rows of all points, and their spectra; *n_stable counts. */
static int put_points(struct tool_fp_job *j, struct tool_fp_found *f, size_t *n_stable, struct rnn_err *err)
{
    const size_t N = f->map.N, n = f->set.n;
    const bool vectors = j->plan->array[TOOL_FP_EIGENVECTORS];
    struct rnn_table *t = NULL;
    double _Complex *lambda = NULL, *right = NULL, *left = NULL;
    int rc = tool_table_new(&t, "fixedpoints", point_columns, err);
    if (rc >= 0) rc = rnn_alloc_into(&lambda, n * N, sizeof *lambda, err);
    if (rc >= 0 && vectors) rc = rnn_alloc_into(&right, n * N * N, sizeof *right, err);
    if (rc >= 0 && vectors) rc = rnn_alloc_into(&left, n * N * N, sizeof *left, err);
    *n_stable = 0;
    for (size_t i = 0; i < n && rc >= 0; i++) {
        struct rnn_fp_stability s;
        rc = rnn_fp_stability(&f->map, 1, f->set.p[i].x, j->plan->margin, vectors, &s, err);
        if (rc < 0) break;
        put_point(t, f, i, &s);
        *n_stable += s.stable && f->set.p[i].status == RNN_FP_FIXED;
        memcpy(lambda + i * N, s.lambda, N * sizeof *lambda);
        if (vectors) memcpy(right + i * N * N, s.right, N * N * sizeof *right), memcpy(left + i * N * N, s.left, N * N * sizeof *left);
        rnn_fp_stability_release(&s);
    }
    if (rc >= 0) rc = rnn_table_append(t, &j->it->out, &j->net->labels, j->net->id, err);
    if (rc >= 0) rc = put_spectra(j, f, lambda, right, left, err);
    rnn_table_free(t);
    free(lambda), free(right), free(left);
    return rc;
}

static int put_coverage(struct tool_fp_job *j, struct tool_fp_found *f, size_t n_stable, struct rnn_err *err)
{
    struct rnn_table *t;
    size_t fixed = 0, once = 0, twice = 0;
    RNN_TRY(tool_table_new(&t, "coverage", coverage_columns, err));
    for (size_t i = 0; i < f->set.n; i++) {
        fixed += f->set.p[i].status == RNN_FP_FIXED;
        once += f->set.p[i].hits == 1;
        twice += f->set.p[i].hits == 2;
    }
    rnn_table_set_str(t, "input", f->label);
    rnn_table_set_str(t, "space", space(f));
    rnn_table_set_int(t, "starts", (int64_t)f->set.starts);
    rnn_table_set_int(t, "failed", (int64_t)f->set.failed);
    rnn_table_set_int(t, "n_fixed", (int64_t)fixed);
    rnn_table_set_int(t, "n_stable", (int64_t)n_stable);
    rnn_table_set_int(t, "n_slow", (int64_t)(f->set.n - fixed));
    rnn_table_set_int(t, "hit_once", (int64_t)once);
    rnn_table_set(t, "unseen", f->is_complete ? 0 : rnn_fp_unseen(&f->set));
    /* Chao (1984), bias-corrected */
    rnn_table_set(t, "n_points_lower", (double)f->set.n + (f->is_complete ? 0 : (double)once * ((double)once - 1) / (2 * ((double)twice + 1))));
    rnn_table_set_int(t, "complete", f->is_complete);
    rnn_table_set_int(t, "n_input", (int64_t)f->input);
    rnn_table_row(t);
    const int rc = rnn_table_append(t, &j->it->out, &j->net->labels, j->net->id, err);
    rnn_table_free(t);
    return rc;
}

/* ---- cycles and exponents ---- */

static void put_map_cycle(struct rnn_table *t, const struct tool_fp_found *f, size_t i)
{
    const struct rnn_cycle *c = &f->cycles.c[i];
    const size_t N = f->map.N;
    const double period = (double)c->period * f->map.dt_ms;
    double amplitude = 0;
    for (size_t u = 0; u < N; u++) {
        double low = INFINITY, high = -INFINITY;
        for (size_t a = 0; a < c->period; a++) low = fmin(low, c->x[a * N + u]), high = fmax(high, c->x[a * N + u]);
        amplitude = fmax(amplitude, high - low);
    }
    rnn_table_set_str(t, "of", "map");
    rnn_table_set_str(t, "status", "cycle");
    rnn_table_set_int(t, "steps", (int64_t)c->period);
    rnn_table_set(t, "period", period);
    rnn_table_set(t, "frequency", 1000 / period);
    rnn_table_set(t, "amplitude", amplitude);
    rnn_table_set(t, "multiplier_max", cabs(c->lambda[0]));
    rnn_table_set(t, "multiplier_re", creal(c->lambda[0]));
    rnn_table_set(t, "multiplier_im", cimag(c->lambda[0]));
    rnn_table_set_int(t, "stable", c->stable);
    rnn_table_set(t, "residual", c->residual);
    rnn_table_set_int(t, "hits", (int64_t)c->hits);
}

static void put_flow_cycle(struct rnn_table *t, const struct tool_fp_found *f)
{
    const struct rnn_limit_cycle *c = &f->flow;
    rnn_table_set_str(t, "of", "flow");
    rnn_table_set_str(t, "status", rnn_limit_cycle_status_names[c->status]);
    if (c->status != RNN_LC_CYCLE) return;
    size_t lead = c->trivial == 0 && f->map.N > 1;
    double amplitude = 0;
    for (size_t u = 0; u < f->map.N; u++) amplitude = fmax(amplitude, c->high[u] - c->low[u]);
    rnn_table_set(t, "period", c->period);
    rnn_table_set(t, "period_error", c->period_error);
    rnn_table_set(t, "frequency", 1000 / c->period);
    rnn_table_set(t, "amplitude", amplitude);
    rnn_table_set(t, "multiplier_max", cabs(c->floquet[lead]));
    rnn_table_set(t, "multiplier_re", creal(c->floquet[lead]));
    rnn_table_set(t, "multiplier_im", cimag(c->floquet[lead]));
    rnn_table_set_int(t, "stable", c->stable);
    rnn_table_set(t, "residual", c->residual);
}

static int put_cycles(struct tool_fp_job *j, struct tool_fp_found *f, struct rnn_err *err)
{
    struct rnn_table *t;
    RNN_TRY(tool_table_new(&t, "cycles", cycle_columns, err));
    size_t row = 0;
    for (size_t i = 0; i < f->cycles.n; i++) {
        if (f->cycles.c[i].period == 1) continue;
        rnn_table_set_int(t, "cycle", (int64_t)row++);
        rnn_table_set_str(t, "input", f->label);
        put_map_cycle(t, f, i);
        rnn_table_row(t);
    }
    if (f->has_flow) {
        rnn_table_set_int(t, "cycle", (int64_t)row);
        rnn_table_set_str(t, "input", f->label);
        put_flow_cycle(t, f);
        rnn_table_row(t);
    }
    int rc = rnn_table_append(t, &j->it->out, &j->net->labels, j->net->id, err);
    rnn_table_free(t);
    static const char *const dims[] = {"time", "unit"};
    if (rc >= 0 && j->plan->array[TOOL_FP_ORBITS] && f->has_flow && f->flow.status == RNN_LC_CYCLE)
        rc = tool_fp_put(j, f, "flow_orbit", dims, RNN_F64, 2, (size_t[]){f->flow.n_orbit, f->map.N}, f->flow.orbit, err);
    return rc;
}

static int put_exponents(struct tool_fp_job *j, struct tool_fp_found *f, struct rnn_err *err)
{
    const size_t m = j->plan->exponents < f->map.N ? j->plan->exponents : f->map.N;
    struct rnn_table *t;
    RNN_TRY(tool_table_new(&t, "lyapunov", exponent_columns, err));
    for (size_t i = 0; i < m; i++) {
        rnn_table_set_int(t, "mode", (int64_t)i);
        rnn_table_set_str(t, "input", f->label);
        rnn_table_set(t, "exponent", f->exponent[i]);
        rnn_table_set(t, "error", f->exponent_error[i]);
        rnn_table_set(t, "exponent_per_second", f->exponent[i] / f->map.dt_ms * 1000);
        rnn_table_set(t, "dimension", f->dimension);
        rnn_table_row(t);
    }
    const int rc = rnn_table_append(t, &j->it->out, &j->net->labels, j->net->id, err);
    rnn_table_free(t);
    return rc;
}

/* The reduced flow (F(kappa) - kappa) / alpha on a grid of the first one or two kappas, the others at zero. */
static int put_field(struct tool_fp_job *j, struct tool_fp_found *f, struct rnn_err *err)
{
    static const struct tool_column columns[] = {{"input", RNN_KV_STR, NULL, "the constant input"}, {"kappa_1", RNN_KV_REAL, NULL, NULL},
        {"kappa_2", RNN_KV_REAL, NULL, NULL}, {"flow_1", RNN_KV_REAL, "1/tau", "d kappa_1 / dt tau"}, {"flow_2", RNN_KV_REAL, "1/tau", NULL},
        {"speed", RNN_KV_REAL, "1/tau", "of all kappas together"}, {0}};
    const size_t R = f->map.N, L = j->plan->field, rows = R > 1 ? L : 1;
    struct rnn_table *t;
    double *k, *work = NULL;
    RNN_TRY(rnn_alloc_into(&k, 2 * R, sizeof *k, err));
    int rc = rnn_alloc_into(&work, rnn_map_work(&f->map, 1), sizeof *work, err);
    if (rc >= 0) rc = tool_table_new(&t, "flow_field", columns, err);
    for (size_t b = 0; rc >= 0 && b < rows; b++)
        for (size_t a = 0; a < L; a++) {
            double speed = 0, *next = k + R;
            memset(k, 0, 2 * R * sizeof *k);
            k[0] = L > 1 ? j->plan->reach * (2 * (double)a / (double)(L - 1) - 1) : 0;
            if (R > 1) k[1] = L > 1 ? j->plan->reach * (2 * (double)b / (double)(L - 1) - 1) : 0;
            rnn_map_step(&f->map, 1, k, next, work);
            for (size_t i = 0; i < R; i++) next[i] = (next[i] - k[i]) / f->map.alpha_scale, speed += next[i] * next[i];
            rnn_table_set_str(t, "input", f->label);
            rnn_table_set(t, "kappa_1", k[0]);
            rnn_table_set(t, "flow_1", next[0]);
            if (R > 1) rnn_table_set(t, "kappa_2", k[1]), rnn_table_set(t, "flow_2", next[1]);
            rnn_table_set(t, "speed", sqrt(speed));
            rnn_table_row(t);
        }
    if (rc >= 0) {
        rc = rnn_table_append(t, &j->it->out, &j->net->labels, j->net->id, err);
        rnn_table_free(t);
    }
    free(k);
    free(work);
    return rc;
}

/* The starts of the first round, as they are searched from. */
static int put_starts(struct tool_fp_job *j, struct tool_fp_found *f, struct rnn_err *err)
{
    static const char *const dims[] = {"start", "unit"};
    const size_t N = f->map.N;
    size_t n;
    double *x;
    RNN_TRY(tool_fp_count(j->plan, N, &n, err));
    RNN_TRY(rnn_alloc_into(&x, n * N, sizeof *x, err));
    int rc = RNN_OK;
    for (size_t k = 0; k < n && rc >= 0; k++) rc = tool_fp_start(j, &f->map, k, x + k * N, err);
    if (rc >= 0) rc = tool_fp_put(j, f, "starts", dims, RNN_F64, 2, (size_t[]){n, N}, x, err);
    free(x);
    return rc;
}

int tool_fp_report(struct tool_fp_job *j, struct tool_fp_found *f, struct rnn_err *err)
{
    size_t n_stable;
    RNN_TRY(put_points(j, f, &n_stable, err));
    RNN_TRY(put_coverage(j, f, n_stable, err));
    if (j->plan->array[TOOL_FP_STATES]) RNN_TRY(put_states(j, f, err));
    if (j->plan->array[TOOL_FP_GIVEN]) RNN_TRY(put_starts(j, f, err));
    if (j->plan->array[TOOL_FP_OUTPUTS] && j->net->spec.n_out) RNN_TRY(put_outputs(j, f, err));
    if (j->plan->array[TOOL_FP_INPUT_JACOBIAN]) RNN_TRY(put_input_jacobians(j, f, err));
    if (j->plan->cycles > 1 || j->plan->flow_cycle) RNN_TRY(put_cycles(j, f, err));
    if (j->plan->exponents) RNN_TRY(put_exponents(j, f, err));
    if (j->plan->field && f->map.form == RNN_MAP_REDUCED) RNN_TRY(put_field(j, f, err));
    return RNN_OK;
}

int tool_fp_report_skipped(struct tool_fp_job *j, const char *status, struct rnn_err *err)
{
    struct rnn_table *t;
    RNN_TRY(tool_table_new(&t, "fixedpoints", point_columns, err));
    rnn_table_set_str(t, "status", status);
    rnn_table_row(t);
    const int rc = rnn_table_append(t, &j->it->out, &j->net->labels, j->net->id, err);
    rnn_table_free(t);
    return rc;
}

int tool_fp_report_matches(const struct tool_fp_plan *plan, const char *from, const struct tool_fp_own *a, struct tool_each_item *it,
                           const struct tool_fp_own *b, struct rnn_err *err)
{
    struct rnn_table *t = NULL;
    size_t *match = NULL;
    double *distance = NULL;
    int rc = tool_table_new(&t, "matches", match_columns, err);
    if (rc >= 0) rc = rnn_alloc_into(&match, a->n_points + b->n_points, sizeof *match, err);
    if (rc >= 0) rc = rnn_alloc_into(&distance, a->n_points, sizeof *distance, err);
    if (rc >= 0) rc = rnn_match_points(a->N, a->n_points, a->points, b->n_points, b->points, plan->match, match, distance, err);
    size_t *taken = match ? match + a->n_points : NULL;
    for (size_t i = 0; i < a->n_points && rc >= 0; i++) {
        const bool lives = match[i] != SIZE_MAX;
        rnn_table_set_str(t, "from", from);
        rnn_table_set_int(t, "from_point", (int64_t)i);
        if (lives) rnn_table_set_int(t, "to_point", (int64_t)match[i]), taken[match[i]] = 1;
        rnn_table_set_str(t, "event", lives ? "same" : "death");
        rnn_table_set(t, "distance", distance[i]);
        rnn_table_row(t);
    }
    for (size_t i = 0; i < b->n_points && rc >= 0; i++) {
        if (taken[i]) continue;
        rnn_table_set_str(t, "from", from);
        rnn_table_set_int(t, "to_point", (int64_t)i);
        rnn_table_set_str(t, "event", "birth");
        rnn_table_row(t);
    }
    if (rc >= 0) rc = rnn_table_append(t, &it->out, &it->net->labels, it->net->id, err);
    rnn_table_free(t);
    free(match);
    free(distance);
    return rc;
}
