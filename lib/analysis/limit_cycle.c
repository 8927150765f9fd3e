#include "analysis/limit_cycle.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "num/linalg.h"

const char *const rnn_limit_cycle_status_names[] = {"cycle", "settles", "no-return", "not-converged", NULL};

void rnn_limit_cycle_options_default(struct rnn_limit_cycle_options *o)
{
    *o = (struct rnn_limit_cycle_options){.transient = 200, .patience = 500, .step = 0.05, .steps_per_period = 1000, .still = 1e-6, .tolerance = 1e-9};
}

/* ---- the flow, with or without its linearisation ---- */

struct flow {
    const struct rnn_map *map;
    size_t N;
    double dt, fastest, slowest;          /* of the map's step; time constants */
    double *k, *at, *sum, *next, *work;   /* [N] each */
    double *J, *Phi, *kPhi, *atPhi, *sumPhi; /* [N][N] each; only for the linearisation */
};

static int flow_new(struct flow *f, const struct rnn_map *map, bool with_linear, struct rnn_err *err)
{
    const size_t N = map->N, matrices = with_linear ? 5 : 0;
    const bool is_leaky = map->form != RNN_MAP_GRU && isfinite(map->dt_ms) && map->dt_ms > 0;
    double low = INFINITY, high = 0;
    for (size_t i = 0; i < N; i++) low = fmin(low, map->alpha[i]), high = fmax(high, map->alpha[i]);
    if (!(low > 0)) return rnn_fail(err, RNN_ERR_ARG, "a flow needs positive alpha, not %g", low);
    *f = (struct flow){.map = map, .N = N, .dt = is_leaky ? map->dt_ms : 1};
    f->fastest = f->dt / high, f->slowest = f->dt / low;
    int rc = rnn_alloc_into(&f->k, 4 * N + matrices * N * N, sizeof *f->k, err);
    if (rc >= 0) rc = rnn_alloc_into(&f->work, rnn_map_work(map, 1), sizeof *f->work, err);
    if (rc < 0) return rc;
    f->at = f->k + N, f->sum = f->at + N, f->next = f->sum + N;
    f->J = f->next + N, f->Phi = f->J + N * N, f->kPhi = f->Phi + N * N, f->atPhi = f->kPhi + N * N, f->sumPhi = f->atPhi + N * N;
    return RNN_OK;
}

static void flow_free(struct flow *f)
{
    free(f->k);
    free(f->work);
}

static void velocity(struct flow *f, const double *x, double *v)
{
    rnn_map_step(f->map, 1, x, v, f->work);
    for (size_t i = 0; i < f->N; i++) v[i] = (v[i] - x[i]) / f->dt;
}

/* out = (dF/dx - I) / dt times Phi */
static void tangent(struct flow *f, const double *x, const double *Phi, double *out)
{
    const size_t N = f->N;
    rnn_map_jacobian(f->map, x, f->J, f->work);
    for (size_t i = 0; i < N; i++) f->J[i * N + i] -= 1;
    rnn_gemm(0, 0, N, N, N, 1 / f->dt, f->J, Phi, 0, out);
}

/* One step h of classical Runge-Kutta for x, and for Phi when it is carried along. */
static void rk4(struct flow *f, double *x, double h, bool with_linear)
{
    static const double ahead[4] = {0, 0.5, 0.5, 1}, weight[4] = {1. / 6, 1. / 3, 1. / 3, 1. / 6};
    const size_t N = f->N;
    memset(f->sum, 0, N * sizeof *f->sum);
    if (with_linear) memset(f->sumPhi, 0, N * N * sizeof *f->sumPhi);
    for (int s = 0; s < 4; s++) {
        for (size_t i = 0; i < N; i++) f->at[i] = x[i] + (s ? ahead[s] * h * f->k[i] : 0);
        if (with_linear) {
            for (size_t i = 0; i < N * N; i++) f->atPhi[i] = f->Phi[i] + (s ? ahead[s] * h * f->kPhi[i] : 0);
            tangent(f, f->at, f->atPhi, f->kPhi);
            for (size_t i = 0; i < N * N; i++) f->sumPhi[i] += weight[s] * f->kPhi[i];
        }
        velocity(f, f->at, f->k);
        for (size_t i = 0; i < N; i++) f->sum[i] += weight[s] * f->k[i];
    }
    for (size_t i = 0; i < N; i++) x[i] += h * f->sum[i];
    for (size_t i = 0; with_linear && i < N * N; i++) f->Phi[i] += h * f->sumPhi[i];
}

/* phi_T(x) into end, with the monodromy in f->Phi when asked; orbit [n][N] or NULL gets the n states 0, T/n, ... */
static void shoot(struct flow *f, const double *x, double T, size_t n, bool with_linear, double *end, double *orbit)
{
    const size_t N = f->N;
    memcpy(end, x, N * sizeof *end);
    if (with_linear) {
        memset(f->Phi, 0, N * N * sizeof *f->Phi);
        for (size_t i = 0; i < N; i++) f->Phi[i * N + i] = 1;
    }
    for (size_t t = 0; t < n; t++) {
        if (orbit) memcpy(orbit + t * N, end, N * sizeof *end);
        rk4(f, end, T / (double)n, with_linear);
    }
}

/* ---- a first guess: the time of return ---- */

static double dot(size_t n, const double *a, const double *b)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

/* Follows x through the plane through itself, across its velocity v; a return is a crossing in the same direction, near x as
 * measured by the widest excursion.  The first that misses x by less than `close` of it decides; 0 when there was none. */
static double first_return(struct flow *f, double *x, const double *v, const struct rnn_limit_cycle_options *o, double *point)
{
    const size_t N = f->N;
    const double h = o->step * f->fastest, speed2 = dot(N, v, v), close = 0.02;
    double *start = point, before = 0, widest = 0;
    memcpy(start, x, N * sizeof *x);
    const size_t limit = (size_t)(o->patience * f->slowest / h);
    for (size_t t = 1; t <= limit; t++) {
        memcpy(f->next, x, N * sizeof *x);
        rk4(f, x, h, false);
        double side = 0, gap = 0;
        for (size_t i = 0; i < N; i++) side += v[i] * (x[i] - start[i]), gap += (x[i] - start[i]) * (x[i] - start[i]);
        widest = fmax(widest, gap);
        if (t > 3 && before < 0 && side >= 0) {
            const double part = before / (before - side); /* linear between the two states */
            double miss = 0;
            for (size_t i = 0; i < N; i++) {
                const double cross = f->next[i] + part * (x[i] - f->next[i]) - start[i];
                miss += cross * cross;
            }
            if (miss <= close * close * widest && speed2 > 0) return h * ((double)t - 1 + part);
        }
        before = side;
        if (!isfinite(side)) return 0;
    }
    return 0;
}

/* ---- Newton's method on (x, T) ---- */

/* [Phi - I, v(end); v(x)', 0] (dx, dT) = (x - end, 0).  Returns the residual before the step; Newton's step is made when it is finite. */
static int newton(struct flow *f, double *x, double *T, size_t n, double *residual, struct rnn_err *err)
{
    const size_t N = f->N, M = N + 1;
    double *A, *rhs, *end;
    RNN_TRY(rnn_alloc_into(&A, M * M + 2 * M + 2 * N, sizeof *A, err));
    rhs = A + M * M;
    double *step = rhs + M;
    end = step + M;
    shoot(f, x, *T, n, true, end, NULL);
    *residual = 0;
    for (size_t i = 0; i < N; i++) {
        rhs[i] = x[i] - end[i];
        *residual = fmax(*residual, fabs(rhs[i]));
        for (size_t j = 0; j < N; j++) A[i * M + j] = f->Phi[i * N + j] - (i == j);
    }
    velocity(f, end, end + N);
    for (size_t i = 0; i < N; i++) A[i * M + N] = end[N + i];
    velocity(f, x, end + N);
    for (size_t i = 0; i < N; i++) A[N * M + i] = end[N + i];
    int rc = isfinite(*residual) ? rnn_solve(M, 1, A, rhs, step, NULL, err) : RNN_ERR_NUMERIC;
    if (rc >= 0) {
        for (size_t i = 0; i < N; i++) x[i] += step[i];
        *T += step[N];
    }
    free(A);
    return rc == RNN_ERR_NUMERIC ? RNN_NOT_CONVERGED : rc;
}

static int converge(struct flow *f, double *x, double *T, size_t n, double tolerance, double *residual, struct rnn_err *err)
{
    const double T0 = *T;
    double last = INFINITY;
    for (int i = 0; i < 25; i++) {
        const int rc = newton(f, x, T, n, residual, err);
        if (rc != RNN_OK) return rc;
        if (!(*T > 0.2 * T0 && *T < 5 * T0)) return RNN_NOT_CONVERGED;
        if (*residual <= tolerance && (*residual >= last / 4 || *residual < 1e-13)) return RNN_OK;
        last = *residual;
    }
    return *residual <= tolerance ? RNN_OK : RNN_NOT_CONVERGED;
}

/* ---- what is told of a cycle ---- */

static void extremes(struct rnn_limit_cycle *c, size_t N)
{
    const size_t n = c->n_orbit;
    for (size_t i = 0; i < N; i++) {
        c->low[i] = INFINITY, c->high[i] = -INFINITY;
        for (size_t t = 0; t < n; t++) {
            const double a = c->orbit[(t + n - 1) % n * N + i], b = c->orbit[t * N + i], e = c->orbit[(t + 1) % n * N + i];
            const double bend = a - 2 * b + e, tip = bend != 0 ? b - (e - a) * (e - a) / (8 * bend) : b;
            if (b <= a && b <= e) c->low[i] = fmin(c->low[i], tip);
            if (b >= a && b >= e) c->high[i] = fmax(c->high[i], tip);
        }
    }
}

static int describe(struct flow *f, const double *x, struct rnn_limit_cycle *c, size_t n, struct rnn_err *err)
{
    const size_t N = f->N;
    RNN_TRY(rnn_alloc_into(&c->orbit, (n + 1) * N, sizeof *c->orbit, err));
    RNN_TRY(rnn_alloc_into(&c->low, N, sizeof *c->low, err));
    RNN_TRY(rnn_alloc_into(&c->high, N, sizeof *c->high, err));
    RNN_TRY(rnn_alloc_into(&c->floquet, N, sizeof *c->floquet, err));
    c->n_orbit = n;
    double *end = c->orbit + n * N;
    shoot(f, x, c->period, n, true, end, c->orbit);
    c->residual = 0;
    for (size_t i = 0; i < N; i++) c->residual = fmax(c->residual, fabs(end[i] - x[i]));
    extremes(c, N);
    RNN_TRY(rnn_eig(N, f->Phi, c->floquet, NULL, NULL, err));
    for (size_t i = 1; i < N; i++)
        if (cabs(c->floquet[i] - 1) < cabs(c->floquet[c->trivial] - 1)) c->trivial = i;
    c->stable = true;
    for (size_t i = 0; i < N; i++) c->stable &= i == c->trivial || cabs(c->floquet[i]) < 1;
    return RNN_OK;
}

/* x after the transient, and its velocity; false when it ran away on the way. */
static bool settle(struct flow *f, const struct rnn_limit_cycle_options *o, double *x, double *v, struct rnn_limit_cycle *c)
{
    const double h = o->step * f->fastest;
    const size_t steps = (size_t)(o->transient * f->slowest / h);
    for (size_t t = 0; t < steps; t++) rk4(f, x, h, false);
    velocity(f, x, v);
    c->speed = sqrt(dot(f->N, v, v)) * f->slowest;
    return isfinite(c->speed);
}

int rnn_limit_cycle_find(const struct rnn_map *map, const double *start, const struct rnn_limit_cycle_options *o, struct rnn_limit_cycle *c,
                         struct rnn_err *err)
{
    struct flow f = {.N = 0};
    const size_t N = map->N, n = o->steps_per_period;
    double *x = NULL, residual;
    *c = (struct rnn_limit_cycle){.status = RNN_LC_SETTLES, .period = NAN, .period_error = NAN, .residual = NAN};
    if (n < 8) return rnn_fail(err, RNN_ERR_ARG, "a period needs at least 8 steps, not %zu", n);
    RNN_TRY(rnn_alloc_into(&x, 3 * N, sizeof *x, err));
    int rc = flow_new(&f, map, true, err);
    memcpy(x, start, N * sizeof *x);
    if (rc >= 0 && !settle(&f, o, x, x + N, c)) c->status = RNN_LC_NO_RETURN;
    else if (rc >= 0 && c->speed > o->still) {
        double T = first_return(&f, x, x + N, o, x + 2 * N), half_T;
        memcpy(x, x + 2 * N, N * sizeof *x);
        c->status = T > 0 ? RNN_LC_NOT_CONVERGED : RNN_LC_NO_RETURN;
        /* half the steps first: cheap, a better start, and the difference tells the error */
        if (T > 0) rc = converge(&f, x, &T, n / 2, o->tolerance, &residual, err);
        half_T = T;
        if (T > 0 && rc == RNN_OK) rc = converge(&f, x, &T, n, o->tolerance, &residual, err);
        if (T > 0 && rc == RNN_OK) {
            c->period = T, c->period_error = fabs(T - half_T) / 15;
            rc = describe(&f, x, c, n, err);
            velocity(&f, x, x + N);
            double widest = 0;
            for (size_t i = 0; rc >= 0 && i < N; i++) widest = fmax(widest, c->high[i] - c->low[i]);
            /* Newton may slide to a fixed point, which is a solution for every T */
            if (rc >= 0) c->status = widest > 1e-6 ? RNN_LC_CYCLE : RNN_LC_SETTLES;
        }
    }
    flow_free(&f);
    free(x);
    if (rc < 0) rnn_limit_cycle_release(c);
    return rc < 0 ? rc : RNN_OK;
}

void rnn_limit_cycle_release(struct rnn_limit_cycle *c)
{
    free(c->orbit);
    free(c->low);
    free(c->high);
    free(c->floquet);
    memset(c, 0, sizeof *c);
}
