/* Networks built by hand from the episodic-memory theory: W = Psi Phi Psi*, U = Psi_s, R = Psi*_s (Karuvally et al. 2023,
 * eqs 8-11), as elman networks without biases and with zero initial state; and the continuous model they come from. */
#ifndef RNN_THEORY_MEMORY_NET_H
#define RNN_THEORY_MEMORY_NET_H

#include "model/net.h"
#include "model/phi.h"

enum rnn_memory_form {
    RNN_MEMORY_LINEAR,   /* linear cell, Psi gaussian N(0, 1/N), Psi* = pinv Psi: exact for every real content when F acts on complete
                            histories only (repeat copy always; others when the state is preset) */
    RNN_MEMORY_TANH,     /* tanh, W = g S Phi S', U = w S_s, R = S_s'/a, g = atanh(a)/a, w = atanh(a): exact for +-1 contents, |lambda| = g */
    RNN_MEMORY_ROTATED,  /* tanh, W = g Q Phi Q', U = eps Q_s, R = Q_s'/eps, Q orthonormal: approximate, amplitude decays at g = 1 */
    RNN_MEMORY_OVERWRITE /* as TANH with input gain w >= 2: inputs overwrite what the operator writes while they arrive, exact for any
                            signed selection */
};
extern const char *const rnn_memory_form_names[];

struct rnn_memory_build {
    enum rnn_memory_form form;
    size_t N;             /* units, >= s d */
    double amplitude;     /* a in (0, 1): the stable activity of TANH and OVERWRITE */
    double input_gain;    /* w; NaN: atanh(a) for TANH, 3 for OVERWRITE */
    double epsilon, gain; /* ROTATED */
    uint64_t seed;        /* of Psi, S, Q; item: net index */
};

/* A new net (status built).  Psi [N][n] and its dual Psi* [n][N] in the order of the operator, row-major, when not NULL: the state
 * of variable element i is (Psi* h)_i.  RNN_ERR_ARG when N < s d, a outside (0,1), or the operator is no signed selection where the
 * form needs one. */
int rnn_memory_net(const struct rnn_operator *op, const struct rnn_memory_build *how, uint64_t index, struct rnn_net **net,
                   double *Psi, double *Psi_dual, struct rnn_err *err);

/* General sequential episodic memory model (their eqs 1-3), with Xi [Nf][Nh] and its pseudoinverse Xi+ [Nh][Nf]:
 *   T_f dVf/dt = sqrt(a_s) Xi s_h(Vh) - Vf,   T_h dVh/dt = sqrt(a_s) Xi+ s_f(Vf) + a_c Phi' Xi+ Vd - Vh,   T_d dVd/dt = s_f(Vf) - Vd
 * s_f = tanh, s_h = identity.  Phi' enters as the matrix M' with M = I + M'; time constants of zero are quasi-static. */
struct rnn_gsemm {
    size_t Nf, Nh;
    const double *Xi, *Xi_pinv, *Phi; /* Phi [Nh][Nh]: the full I + Phi'^T of the discrete limit */
    double T_f, T_h, T_d, alpha_s, alpha_c, dt;
};
/* Integrates `steps` Euler steps from Vf0 [Nf]; Vf [steps+1][Nf] gets the trajectory. Vh and Vd start at their quasi-static values.  Within a
 * step Vd moves first, then Vh by the new Vd, then Vf by the new Vh: first order, and right where T_d or T_h is 0. */
int rnn_gsemm_run(const struct rnn_gsemm *g, const double *Vf0, size_t steps, double *Vf, struct rnn_err *err);
/* Largest |tanh(Vf(t)) - h(t)| over `steps` steps of the discrete limit (T_h = T_d = 0, dt = T_f) against the Elman orbit
 * h' = tanh(M h), M = Xi Phi Xi+ (their appendix A). */
int rnn_gsemm_elman_gap(const struct rnn_gsemm *g, const double *Vf0, size_t steps, double *gap, struct rnn_err *err);

#endif
