/* The linear system about a fixed point, and its spectrum against theory. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/varmem.h"
#include "base/mem.h"
#include "model/activation.h"
#include "model/engine.h"
#include "num/linalg.h"

static double residual(const struct rnn_net *net, const double *x, double *f, struct rnn_err *err)
{
    double worst = 0;
    if (rnn_net_step(net, x, NULL, f, err) < 0) return NAN;
    for (size_t i = 0; i < net->spec.N; i++) f[i] -= x[i], worst = isnan(f[i]) ? NAN : fmax(worst, fabs(f[i]));
    return worst;
}

/* One damped Newton step of (I - J) delta = F(x) - x; halves until the residual falls. */
static int newton_step(const struct rnn_net *net, struct rnn_linear *l, double *f, double *A, double *work, double *res, struct rnn_err *err)
{
    const size_t N = l->N;
    double *delta = work, *trial = work + N;
    RNN_TRY(rnn_net_jacobian(net, l->x_star, NULL, l->J, NULL, err));
    for (size_t i = 0; i < N * N; i++) A[i] = -l->J[i];
    for (size_t i = 0; i < N; i++) A[i * N + i] += 1;
    RNN_TRY(rnn_solve(N, 1, A, f, delta, NULL, err));
    for (double step = 1; step > 1e-6; step /= 2) {
        for (size_t i = 0; i < N; i++) trial[i] = l->x_star[i] + step * delta[i];
        const double r = residual(net, trial, f, err);
        if (r < *res) {
            memcpy(l->x_star, trial, N * sizeof *trial);
            *res = r;
            return RNN_OK;
        }
    }
    return rnn_fail(err, RNN_ERR_NUMERIC, "Newton's method stalled at |F(x) - x| = %.3g: no fixed point near the start", *res);
}

/* R = do/dx before the read-out nonlinearity. */
static int readout_matrix(const struct rnn_net *net, struct rnn_linear *l, struct rnn_err *err)
{
    const struct rnn_spec *s = &net->spec;
    const double *W_out = rnn_net_param(net, "W_out");
    if (!W_out) return rnn_fail(err, RNN_ERR_ARG, "network has no W_out");
    if (s->read_latent) rnn_gemm(0, 0, l->d, l->N, s->rank, 1, W_out, rnn_net_param(net, "n"), 0, l->R);
    else memcpy(l->R, W_out, l->d * l->N * sizeof *l->R);
    for (size_t i = 0; s->cell == RNN_LEAKY_CURRENT && i < l->d; i++)
        for (size_t u = 0; u < l->N; u++) l->R[i * l->N + u] *= rnn_activation_slope(s->act, l->x_star[u]);
    return rnn_net_readout(net, l->x_star, l->r_star, l->o_star, err);
}

static int newton(const struct rnn_net *net, struct rnn_linear *l, struct rnn_err *err)
{
    const size_t N = l->N;
    double *A = NULL;
    RNN_TRY(rnn_alloc_into(&A, N * N + 3 * N, sizeof *A, err));
    double *f = A + N * N, *work = f + N;
    l->residual = residual(net, l->x_star, f, err);
    int rc = isnan(l->residual) ? rnn_fail(err, RNN_ERR_NUMERIC, "the dynamics are not finite at the starting state") : RNN_OK;
    /* 1e-12 is accepted; steps go on to 1e-15 while they still help. */
    while (rc >= 0 && l->residual > 1e-15 && l->iterations < 100) {
        struct rnn_err quiet;
        const int step = newton_step(net, l, f, A, work, &l->residual, l->residual > 1e-12 ? err : &quiet);
        if (step < 0) {
            if (l->residual > 1e-12) rc = step;
            break;
        }
        l->iterations++;
    }
    if (rc >= 0 && !(l->residual <= 1e-12))
        rc = rnn_fail(err, RNN_ERR_NUMERIC, "no fixed point found: |F(x) - x| = %.3g after %d steps", l->residual, l->iterations);
    free(A);
    return rc;
}

int rnn_linearise(const struct rnn_net *net, const double *start, struct rnn_linear *l, struct rnn_err *err)
{
    memset(l, 0, sizeof *l);
    const size_t N = l->N = net->spec.N, d = l->d = net->spec.n_out;
    if (net->spec.n_in != d)
        return rnn_fail(err, RNN_ERR_ARG, "variable memories need as many inputs as outputs, not %zu and %zu", net->spec.n_in, d);
    if (!rnn_net_finite(net)) return rnn_fail(err, RNN_ERR_NUMERIC, "network has non-finite weights");
    int rc = rnn_alloc_into(&l->J, N * N, sizeof *l->J, err);
    if (rc >= 0) rc = rnn_alloc_into(&l->D, N * d, sizeof *l->D, err);
    if (rc >= 0) rc = rnn_alloc_into(&l->R, d * N, sizeof *l->R, err);
    if (rc >= 0) rc = rnn_alloc_into(&l->x_star, N, sizeof *l->x_star, err);
    if (rc >= 0) rc = rnn_alloc_into(&l->r_star, N, sizeof *l->r_star, err);
    if (rc >= 0) rc = rnn_alloc_into(&l->o_star, d, sizeof *l->o_star, err);
    if (rc >= 0 && start) memcpy(l->x_star, start, N * sizeof *start);
    if (rc >= 0) rc = newton(net, l, err);
    if (rc >= 0) rc = rnn_net_jacobian(net, l->x_star, NULL, l->J, l->D, err);
    if (rc >= 0) rc = readout_matrix(net, l, err);
    if (rc < 0) rnn_linear_release(l);
    return rc < 0 ? rc : RNN_OK;
}

void rnn_linear_release(struct rnn_linear *l)
{
    free(l->J);
    free(l->D);
    free(l->R);
    free(l->x_star);
    free(l->r_star);
    free(l->o_star);
    memset(l, 0, sizeof *l);
}

/* |angle| between two non-zero complex numbers, safe where arccos of a dot product is not. */
static double angle_between(double _Complex a, double _Complex b)
{
    return fabs(carg(a * conj(b)));
}

static int match_angles(size_t n, const double _Complex *w, const double _Complex *theory, struct rnn_spectrum_match *m, struct rnn_err *err)
{
    double *cost = NULL;
    size_t *match = NULL;
    RNN_TRY(rnn_alloc_into(&cost, n * n, sizeof *cost, err));
    int rc = rnn_alloc_into(&match, n, sizeof *match, err);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) cost[i * n + j] = angle_between(w[i], theory[j]);
    if (rc >= 0) rc = rnn_assign(n, n, cost, match, NULL, err);
    double sum = 0, greedy = 0;
    m->angle_max = 0;
    for (size_t i = 0; rc >= 0 && i < n; i++) {
        sum += cost[i * n + match[i]];
        m->angle_max = fmax(m->angle_max, cost[i * n + match[i]]);
    }
    for (size_t i = 0; rc >= 0 && i < n; i++) { /* the released code: in list order, the nearest still free */
        size_t best = 0;
        for (size_t j = 1; j < n; j++)
            if (cost[i * n + j] < cost[i * n + best]) best = j;
        greedy += cost[i * n + best];
        for (size_t k = 0; k < n; k++) cost[k * n + best] = INFINITY;
    }
    m->angle_mean = sum / (double)n;
    m->angle_greedy = greedy / (double)n;
    free(cost);
    free(match);
    return rc;
}

/* An argument in [0, 2 pi), where rounding below zero is zero. */
static double turn(double _Complex w)
{
    const double a = carg(w) < 0 ? carg(w) + 2 * M_PI : carg(w);
    return a > 2 * M_PI - 1e-7 ? 0 : a;
}

static int compare_double(const void *pa, const void *pb)
{
    const double a = *(const double *)pa, b = *(const double *)pb;
    return (a > b) - (a < b);
}

static size_t nearest_direction(const struct rnn_spectrum_match *m, double _Complex w)
{
    size_t best = 0;
    for (size_t k = 1; k < m->n_directions; k++)
        if (angle_between(w, cexp(I * m->direction[k])) < angle_between(w, cexp(I * m->direction[best]))) best = k;
    return best;
}

/* The distinct arguments of the theory, and how many modes of either side belong to each. */
static int directions(size_t N, const double _Complex *w, size_t n, const double _Complex *theory, double theta,
                      struct rnn_spectrum_match *m, struct rnn_err *err)
{
    RNN_TRY(rnn_alloc_into(&m->direction, n, sizeof *m->direction, err));
    RNN_TRY(rnn_alloc_into(&m->found, n, sizeof *m->found, err));
    RNN_TRY(rnn_alloc_into(&m->expected, n, sizeof *m->expected, err));
    for (size_t i = 0; i < n; i++) m->direction[i] = turn(theory[i]);
    qsort(m->direction, n, sizeof *m->direction, compare_double);
    for (size_t i = 0; i < n; i++)
        if (!i || m->direction[i] - m->direction[m->n_directions - 1] > 1e-7) m->direction[m->n_directions++] = m->direction[i];
    for (size_t i = 0; n && i < N; i++)
        if (cabs(w[i]) >= theta) m->found[nearest_direction(m, w[i])]++;
    for (size_t i = 0; i < n; i++) m->expected[nearest_direction(m, theory[i])]++;
    m->directions_agree = true;
    for (size_t k = 0; k < m->n_directions; k++) m->directions_agree &= m->found[k] == m->expected[k];
    return RNN_OK;
}

int rnn_spectrum_compare(size_t N, const double _Complex *w, size_t n_theory, const double _Complex *theory, double theta,
                         struct rnn_spectrum_match *m, struct rnn_err *err)
{
    *m = (struct rnn_spectrum_match){.n_theory = n_theory, .angle_mean = NAN, .angle_max = NAN, .angle_greedy = NAN, .modulus_min = NAN,
                                     .modulus_max = NAN, .next_modulus = NAN};
    for (size_t i = 0; i < N; i++) {
        m->n_ge_one += cabs(w[i]) >= 1;
        m->n_ge_theta += cabs(w[i]) >= theta;
    }
    m->counts_agree = m->n_ge_theta == n_theory;
    int rc = directions(N, w, n_theory, theory, theta, m, err);
    if (rc >= 0 && n_theory && n_theory <= N) {
        m->modulus_max = cabs(w[0]);
        m->modulus_min = cabs(w[n_theory - 1]);
        if (n_theory < N) m->next_modulus = cabs(w[n_theory]);
        rc = match_angles(n_theory, w, theory, m, err);
    }
    if (rc < 0) rnn_spectrum_match_release(m);
    return rc < 0 ? rc : RNN_OK;
}

void rnn_spectrum_match_release(struct rnn_spectrum_match *m)
{
    free(m->direction);
    free(m->found);
    free(m->expected);
    m->direction = NULL;
    m->found = m->expected = NULL;
}
