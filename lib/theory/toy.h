/* The two one-parameter models of short-term memory (Kurtkaya et al. 2025): a slow point and a limit cycle that must stay silent for
 * T_d and active for T_r <= T_d, trained by gradient descent on
 *   L(r) = (time active during the delay) / T_d + (time silent during the response) / T_r.
 *
 * slow point:   dx/dt = x^2 + r from x = 0; active once x has diverged, at t* = c / sqrt(r), c = pi/2 (never for r <= 0).
 * limit cycle:  x = sin(2 pi r t); active while x < 0.
 * Times share any one unit; r has unit 1/time^2 (slow point) or 1/time (limit cycle). */
#ifndef RNN_THEORY_TOY_H
#define RNN_THEORY_TOY_H

#include <stddef.h>
#include "base/err.h"

enum rnn_toy_kind { RNN_TOY_SLOW_POINT, RNN_TOY_LIMIT_CYCLE };
extern const char *const rnn_toy_names[]; /* "slow-point", "limit-cycle" */

struct rnn_toy {
    enum rnn_toy_kind kind;
    double T_d, T_r;
};

/* 0 < T_r <= T_d, finite. */
int rnn_toy_check(const struct rnn_toy *t, struct rnn_err *err);
double rnn_toy_optimum(const struct rnn_toy *t);      /* r*: the switch falls exactly at the end of the delay, L = 0 */
double rnn_toy_no_learning(const struct rnn_toy *t);  /* r_z: at or below it (in modulus for the cycle) L = 1 and the gradient is zero */
double rnn_toy_loss(const struct rnn_toy *t, double r);
double rnn_toy_gradient(const struct rnn_toy *t, double r); /* right derivative at the kinks */
/* The loss by Riemann sums of step dt with a strict threshold (the cycle: as the authors' script does; the slow point by its closed
 * switch time). */
double rnn_toy_loss_numeric(const struct rnn_toy *t, double r, double dt);

/* Velocity v of the models at x, at parameter r.  Slow point: v[0] = x[0]^2 + r, v[1] = 0.  Limit cycle, in the plane, x[0] being the x above
 * and (0, -1) the start: d rho/dt = rho (1 - rho^2), d theta/dt = 2 pi r. */
void rnn_toy_velocity(enum rnn_toy_kind kind, double r, const double x[2], double v[2]);

/* Largest learning rate with which one step from just right of r* does not fall into the no-learning zone: (r* - r_z) / L'(r*+) on
 * the branch between delay and response (the next branch of the cycle, which binds for T_r near T_d, is left to bisection). */
double rnn_toy_critical_lr(const struct rnn_toy *t);
/* Its leading order: slow point (pi^4/4) T_r T_d^-5 for T_r << T_d and (3 pi^4/32) T_d^-4 for T_r = T_d; cycle T_r T_d^-3 / 4 and T_d^-2/24. */
double rnn_toy_critical_lr_asymptotic(const struct rnn_toy *t);
/* The same found by experiment: gradient descent from n_starts points within `spread` (relative) right of r*, n_steps steps; bisection
 * in ln lr for the largest rate at which no run meets a zero gradient. */
double rnn_toy_critical_lr_descent(const struct rnn_toy *t, size_t n_starts, double spread, size_t n_steps);
/* Steps of x <- x + dt (x^2 + r) from 0 until x > threshold; 0 if not within max_steps. */
size_t rnn_toy_euler_switch(double r, double dt, double threshold, size_t max_steps);

#endif
