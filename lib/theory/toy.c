#include "theory/toy.h"

#include <math.h>
#include <stdbool.h>

const char *const rnn_toy_names[] = {"slow-point", "limit-cycle", NULL};
static const double HALF_PI = M_PI / 2;

int rnn_toy_check(const struct rnn_toy *t, struct rnn_err *err)
{
    if (!(t->T_d > 0) || !(t->T_r > 0) || !isfinite(t->T_d) || !isfinite(t->T_r))
        return rnn_fail(err, RNN_ERR_ARG, "delay %g and response %g must be positive", t->T_d, t->T_r);
    if (t->T_r > t->T_d) return rnn_fail(err, RNN_ERR_ARG, "response %g must not be longer than the delay %g", t->T_r, t->T_d);
    return RNN_OK;
}

double rnn_toy_optimum(const struct rnn_toy *t)
{
    return t->kind == RNN_TOY_SLOW_POINT ? HALF_PI * HALF_PI / (t->T_d * t->T_d) : 1 / (2 * t->T_d);
}

double rnn_toy_no_learning(const struct rnn_toy *t)
{
    const double T = t->T_d + t->T_r;
    return t->kind == RNN_TOY_SLOW_POINT ? HALF_PI * HALF_PI / (T * T) : 1 / (2 * T);
}

static double slow_loss(const struct rnn_toy *t, double r, double *slope)
{
    if (r <= rnn_toy_no_learning(t)) return *slope = 0, 1;
    const double root = sqrt(r), steep = HALF_PI / (2 * r * root);
    if (r < rnn_toy_optimum(t)) return *slope = -steep / t->T_r, HALF_PI / (t->T_r * root) - t->T_d / t->T_r;
    return *slope = steep / t->T_d, 1 - HALF_PI / (t->T_d * root);
}

static double measure(double lo, double hi)
{
    return hi > lo ? hi - lo : 0;
}

/* r >= 0: active while the phase r t is in the second half of a turn.  Beyond 1/T_d further turns fit into the trial; summing the overlap of
 * every half turn with delay and response covers all branches. */
static double cycle_loss(const struct rnn_toy *t, double r, double *slope)
{
    *slope = 0;
    if (r <= rnn_toy_no_learning(t)) return 1;
    const double T = t->T_d + t->T_r;
    double in_delay = 0, in_response = 0, d_delay = 0, d_response = 0;
    for (size_t k = 0;; k++) {
        const double on = (2 * (double)k + 1) / (2 * r), off = (double)(k + 1) / r;
        if (on >= T) break;
        in_delay += measure(on, fmin(off, t->T_d));
        in_response += measure(fmax(on, t->T_d), fmin(off, T));
        /* d(on)/dr = -on/r; right derivative: an edge exactly at a border moves inwards. */
        if (on <= t->T_d) d_delay += on / r;
        if (off <= t->T_d) d_delay -= off / r;
        if (on > t->T_d && on <= T) d_response += on / r;
        if (off > t->T_d && off <= T) d_response -= off / r;
    }
    *slope = d_delay / t->T_d - d_response / t->T_r;
    return in_delay / t->T_d + 1 - in_response / t->T_r;
}

double rnn_toy_loss(const struct rnn_toy *t, double r)
{
    double slope;
    if (t->kind == RNN_TOY_SLOW_POINT) return slow_loss(t, r, &slope);
    /* Turning the other way exchanges active and silent at every moment. */
    return r < 0 ? 2 - cycle_loss(t, -r, &slope) : cycle_loss(t, r, &slope);
}

double rnn_toy_gradient(const struct rnn_toy *t, double r)
{
    double slope;
    if (t->kind == RNN_TOY_SLOW_POINT) return slow_loss(t, r, &slope), slope;
    cycle_loss(t, fabs(r), &slope); /* d/dr of 2 - L(-r) is L'(-r) */
    return slope;
}

double rnn_toy_loss_numeric(const struct rnn_toy *t, double r, double dt)
{
    const size_t n_delay = (size_t)llround(t->T_d / dt), n_all = (size_t)llround((t->T_d + t->T_r) / dt);
    const double t_switch = r > 0 ? HALF_PI / sqrt(r) : INFINITY;
    double early = 0, late = 0;
    for (size_t i = 0; i < n_all; i++) {
        const double now = (double)i * dt;
        const bool active = t->kind == RNN_TOY_SLOW_POINT ? now > t_switch : sin(2 * M_PI * r * now) < 0;
        if (i < n_delay) early += active;
        else late += !active;
    }
    return early * dt / t->T_d + late * dt / t->T_r;
}

void rnn_toy_velocity(enum rnn_toy_kind kind, double r, const double x[2], double v[2])
{
    const double pull = 1 - x[0] * x[0] - x[1] * x[1], turn = 2 * M_PI * r;
    v[0] = kind == RNN_TOY_SLOW_POINT ? x[0] * x[0] + r : pull * x[0] - turn * x[1];
    v[1] = kind == RNN_TOY_SLOW_POINT ? 0 : pull * x[1] + turn * x[0];
}

double rnn_toy_critical_lr(const struct rnn_toy *t)
{
    const double gap = rnn_toy_optimum(t) - rnn_toy_no_learning(t), r = rnn_toy_optimum(t);
    if (t->kind == RNN_TOY_SLOW_POINT) return gap / (HALF_PI / (2 * t->T_d * r * sqrt(r)));
    return t->T_r < t->T_d ? gap / (2 * t->T_d) : gap / (6 * t->T_d);
}

double rnn_toy_critical_lr_asymptotic(const struct rnn_toy *t)
{
    const double pi4 = M_PI * M_PI * M_PI * M_PI;
    if (t->kind == RNN_TOY_SLOW_POINT) return t->T_r < t->T_d ? pi4 / 4 * t->T_r * pow(t->T_d, -5) : 3 * pi4 / 32 * pow(t->T_d, -4);
    return t->T_r < t->T_d ? t->T_r * pow(t->T_d, -3) / 4 : pow(t->T_d, -2) / 24;
}

static bool descent_survives(const struct rnn_toy *t, double lr, size_t n_starts, double spread, size_t n_steps)
{
    for (size_t k = 1; k <= n_starts; k++) {
        double r = rnn_toy_optimum(t) * (1 + spread * (double)k / (double)n_starts);
        for (size_t i = 0; i < n_steps; i++) {
            const double g = rnn_toy_gradient(t, r);
            if (g == 0 || !isfinite(r)) return false;
            r -= lr * g;
        }
    }
    return true;
}

double rnn_toy_critical_lr_descent(const struct rnn_toy *t, size_t n_starts, double spread, size_t n_steps)
{
    /* Upwards from a rate that surely works: far above the critical one a step can leap over the whole no-learning zone. */
    double lo = log(rnn_toy_critical_lr(t)) - 3, hi = lo + 0.1;
    for (int i = 0; i < 60 && descent_survives(t, exp(hi), n_starts, spread, n_steps); i++) lo = hi, hi += 0.1;
    while (hi - lo > 1e-9) {
        const double mid = (lo + hi) / 2;
        if (descent_survives(t, exp(mid), n_starts, spread, n_steps)) lo = mid;
        else hi = mid;
    }
    return exp(lo);
}

size_t rnn_toy_euler_switch(double r, double dt, double threshold, size_t max_steps)
{
    double x = 0;
    for (size_t i = 1; i <= max_steps; i++) {
        x += dt * (x * x + r);
        if (x > threshold) return i;
    }
    return 0;
}
