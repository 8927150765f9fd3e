/* Every gradient against central differences in double: cells x activations x read-outs x losses x ranks, and each option that
 * changes the path of a gradient. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "every_kernel.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/engine.h"
#include "num/kernels.h"
#include "num/rng.h"

enum { B = 3, K = 2, T = 5, N = 4, N_IN = 2, N_OUT = 3 };
#define TOLERANCE 1e-6

struct problem {
    struct rnn_spec s;
    enum rnn_loss loss;
    enum rnn_loss_norm norm;
    struct rnn_pass pass;
    struct rnn_penalty pen;
    struct rnn_trials tr;
    struct rnn_params ps;
    double *theta, *grad, *numeric;
    struct rnn_engine_f64 *e;
    uint64_t start;    /* which start values */
    struct rnn_err err;
};

static double uniform(struct rnn_rng *g)
{
    return 2 * rnn_rng_uniform(g) - 1;
}

static void fill_trials(struct rnn_trials *tr, size_t n_in, enum rnn_loss loss)
{
    struct rnn_err err;
    struct rnn_rng g;
    assert_int_equal(rnn_rng_at(&g, 3, RNN_RNG_TEST, 0, 1, 0, &err), 0);
    *tr = (struct rnn_trials){.K = K, .T = T, .n_in = n_in, .n_out = N_OUT};
    tr->u = calloc(K * T * (n_in + 1), sizeof *tr->u);
    tr->y = calloc(K * T * N_OUT, sizeof *tr->y);
    tr->w = calloc(K * T, sizeof *tr->w);
    for (size_t i = 0; i < K * T * n_in; i++) tr->u[i] = i / n_in % T == 3 ? 0 : (float) uniform(&g);
    for (size_t i = 0; i < K * T; i++) {
        double sum = 0;
        tr->w[i] = i % T == 1 ? 0 : 0.5 + rnn_rng_uniform(&g); /* one step without weight */
        for (size_t c = 0; c < N_OUT; c++) sum += tr->y[i * N_OUT + c] = (float) rnn_rng_uniform(&g);
        for (size_t c = 0; c < N_OUT && loss == RNN_LOSS_CE; c++) tr->y[i * N_OUT + c] /= (float) (sum * 1.1);
    }
}

static void set_up(struct problem *p)
{
    struct rnn_rng g;
    if (rnn_spec_params(&p->s, &p->ps, &p->err) < 0) fail_msg("%s", p->err.msg);
    p->theta = calloc(3 * p->ps.total, sizeof(double));
    p->grad = p->theta + p->ps.total;
    p->numeric = p->grad + p->ps.total;
    assert_int_equal(rnn_rng_at(&g, 1, RNN_RNG_TEST, 0, p->start, 0, &p->err), 0);
    for (size_t i = 0; i < p->ps.total; i++) p->theta[i] = 0.7 * uniform(&g);
    const struct rnn_param *alpha = rnn_param_find(&p->ps, "alpha");
    for (size_t i = 0; alpha && i < alpha->rows; i++) p->theta[alpha->offset + i] = 0.2 + 0.15 * (double) i;
    fill_trials(&p->tr, p->s.n_in, p->loss);
    if (rnn_engine_new_f64(&p->e, &p->s, B, T + 2, true, &p->err) < 0) fail_msg("%s", p->err.msg);
    assert_int_equal(rnn_engine_batch_f64(p->e, &p->tr, &p->err), 0);
}

static void tear_down(struct problem *p)
{
    rnn_engine_free_f64(p->e);
    free(p->theta);
    free(p->tr.u);
    free(p->tr.y);
    free(p->tr.w);
}

static double sum_power(const struct problem *p, const char *m_name, double l1, double l2)
{
    const struct rnn_param *W = rnn_param_find(&p->ps, m_name);
    double sum = 0;
    for (size_t i = 0; W && i < W->rows * W->cols; i++) {
        const double x = p->theta[W->offset + i];
        sum += l1 * fabs(x) + l2 * x * x;
    }
    return sum;
}

/* l2 * sum of squares of the product of factors, formed here by brute force */
static double factored_l2(const struct problem *p)
{
    const struct rnn_param *m = rnn_param_find(&p->ps, "m"), *n = rnn_param_find(&p->ps, "n");
    const size_t R = p->s.rank;
    const double s = p->s.rank_scale == RNN_RANK_PER_UNIT ? 1.0 / N : 1;
    double sum = 0;
    if (!m) return 0;
    for (size_t i = 0; i < m->rows; i++) {
        for (size_t j = 0; j < N; j++) {
            double w = 0;
            for (size_t k = 0; k < R; k++)
                w += s * p->theta[m->offset + i * R + k] * p->theta[n->offset + (i / N * R + k) * N + j];
            sum += w * w;
        }
    }
    return p->pen.l2_rec * sum;
}

static double loss_at(struct problem *p)
{
    double L;
    float r[K * T * N];
    assert_int_equal(rnn_engine_forward_f64(p->e, p->theta, &p->pass, p->loss, p->norm, &L, &p->err), 0);
    L += sum_power(p, "W_rec", p->pen.l1_rec, p->pen.l2_rec) + factored_l2(p);
    if (p->pen.l2_rate != 0) { /* float32 copies of the rates: fine for the tolerance used where this is set */
        double sum = 0;
        rnn_engine_states_f64(p->e, 0, NULL, 0, 1, r);
        for (size_t i = 0; i < K * T * N; i++) sum += (double) r[i] * (double) r[i];
        L += p->pen.l2_rate * sum / (K * T * N);
    }
    return L;
}

/* Largest difference over the largest gradient, by Richardson's extrapolation of central differences.  *rough: the two step
 * sizes disagree, as they do across the kink of relu and nowhere else. */
static double gradient_error(struct problem *p, double h, bool *rough)
{
    double worst = 0, scale = 0, bend = 0;
    loss_at(p);
    if (rnn_engine_backward_f64(p->e, p->theta, &p->pen, p->grad, &p->err) < 0) fail_msg("%s", p->err.msg);
    for (size_t b = 0; b < p->ps.n; b++) {
        const struct rnn_param *q = &p->ps.p[b];
        for (size_t i = q->offset; i < q->offset + q->rows * q->cols && !q->is_fixed; i++) {
            double d[2];
            const double x = p->theta[i];
            for (int k = 0; k < 2; k++) {
                const double step = h * (k + 1);
                p->theta[i] = x + step;
                d[k] = loss_at(p);
                p->theta[i] = x - step;
                d[k] = (d[k] - loss_at(p)) / (2 * step);
            }
            p->theta[i] = x;
            p->numeric[i] = (4 * d[0] - d[1]) / 3;
            bend = fmax(bend, fabs(d[0] - d[1]));
            worst = fmax(worst, fabs(p->numeric[i] - p->grad[i]));
            scale = fmax(scale, fabs(p->numeric[i]));
        }
    }
    assert_true(scale > 1e-5); /* a gradient that vanishes would agree with anything */
    *rough = bend > 1e-4 * scale;
    return worst / scale;
}

static void check(struct problem *p, double h, double tolerance)
{
    bool rough;
    set_up(p);
    const double error = gradient_error(p, h, &rough);
    if (rough && p->s.act == RNN_RELU && p->start < 100) { /* a start away from the kink; no other function may have one */
        tear_down(p);
        p->start++;
        check(p, h, tolerance);
        return;
    }
    if (!(error <= tolerance))
        fail_msg("%s %s read-out %s %s loss %d norm %d rank %zu: relative error %g", rnn_cell_names[p->s.cell],
                 rnn_act_names[p->s.act], rnn_readout_names[p->s.readout], rnn_read_when_names[p->s.read], (int) p->loss,
                 (int) p->norm, p->s.rank, error);
    tear_down(p);
}

static struct rnn_spec base_spec(enum rnn_cell cell)
{
    struct rnn_spec s;
    rnn_spec_default(&s);
    s.cell = cell;
    s.N = N;
    s.n_in = N_IN;
    s.n_out = N_OUT;
    if (cell == RNN_LEAKY || cell == RNN_LEAKY_CURRENT) s.alpha = 0.3;
    s.h0 = RNN_H0_TRAINED;
    return s;
}

static void every_combination(void **state)
{
    (void) state;
    for (int cell = 0; cell < RNN_N_CELLS; cell++)
        for (int act = 0; act < RNN_N_ACTS; act++)
            for (int readout = 0; readout < RNN_N_READOUTS; readout++)
                for (int loss = 0; loss < 2; loss++)
                    for (size_t rank = 0; rank < 3; rank++)
                        for (int variant = 0; variant < 4; variant++) {
                            struct problem p = {.s = base_spec((enum rnn_cell) cell), .loss = (enum rnn_loss) loss};
                            p.s.act = (enum rnn_act) act;
                            p.s.readout = (enum rnn_readout) readout;
                            p.s.rank = rank;
                            p.s.read = variant & 1 ? RNN_READ_BEFORE : RNN_READ_AFTER;
                            p.s.rank_scale = variant & 1 ? RNN_RANK_PER_UNIT : RNN_RANK_PLAIN;
                            p.norm = variant & 2 ? RNN_NORM_WEIGHTS : RNN_NORM_POSITIONS;
                            p.s.read_latent = rank && (variant & 2) && cell != RNN_GRU;
                            check(&p, 2e-4, TOLERANCE);
                        }
}

static void noise_inside_and_outside(void **state)
{
    (void) state;
    for (int cell = 0; cell < RNN_N_CELLS; cell++)
        for (int act = 0; act < RNN_N_ACTS; act++)
            for (int where = 0; where < 2; where++)
                for (int scale = 0; scale < 4; scale++) {
                    if (cell == RNN_GRU && (scale == 1 || scale == 2)) continue;
                    struct problem p = {.s = base_spec((enum rnn_cell) cell), .pass = {.noise = true, .seed = 5, .update = 2}};
                    p.s.act = (enum rnn_act) act;
                    p.s.noise_rec = 0.2;
                    p.s.noise_where = (enum rnn_noise_where) where;
                    p.s.noise_scale = (enum rnn_noise_scale) scale;
                    p.s.alpha_per_unit = (cell == RNN_LEAKY || cell == RNN_LEAKY_CURRENT) && act % 2;
                    check(&p, 2e-4, TOLERANCE);
                }
}

static void initial_states_and_time_constants(void **state)
{
    (void) state;
    for (int cell = 0; cell < RNN_N_CELLS; cell++)
        for (int law = 0; law < 4; law++)
            for (int transform = 0; transform < 2; transform++)
                for (size_t rank = 0; rank < 2; rank++) {
                    struct problem p = {.s = base_spec((enum rnn_cell) cell)};
                    p.s.h0 = (enum rnn_h0_law) law;
                    p.s.h0_sd = law == RNN_H0_ZERO ? 0 : 0.4;
                    p.s.h0_transform = (enum rnn_h0_transform) transform;
                    p.s.alpha_per_unit = cell == RNN_LEAKY || cell == RNN_LEAKY_CURRENT;
                    p.s.rank = rank;
                    check(&p, 2e-4, TOLERANCE);
                }
}

static void without_biases_and_without_input(void **state)
{
    (void) state;
    for (int cell = 0; cell < RNN_N_CELLS; cell++)
        for (int biases = 0; biases < 8; biases++)
            for (size_t n_in = 0; n_in < 2; n_in++) {
                struct problem p = {.s = base_spec((enum rnn_cell) cell)};
                p.s.bias_rec = biases & 1;
                p.s.bias_in = biases >> 1 & 1;
                p.s.bias_out = biases >> 2;
                p.s.n_in = n_in * 30; /* more inputs than are added one by one */
                check(&p, 2e-4, TOLERANCE);
            }
}

static void penalties(void **state)
{
    (void) state;
    for (int cell = 0; cell < RNN_N_CELLS; cell++)
        for (size_t rank = 0; rank < 3; rank += 2) {
            struct problem p = {.s = base_spec((enum rnn_cell) cell), .pen = {.l1_rec = rank ? 0 : 0.01, .l2_rec = 0.3}};
            p.s.rank = rank;
            p.s.rank_scale = RNN_RANK_PER_UNIT;
            check(&p, 2e-4, TOLERANCE);
            struct problem q = {.s = base_spec((enum rnn_cell) cell), .pen = {.l2_rate = 0.5}};
            q.s.rank = rank;
            check(&q, 2e-2, 1e-5); /* rates come out in float32, so a wide step */
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_combination),
        cmocka_unit_test(noise_inside_and_outside),
        cmocka_unit_test(initial_states_and_time_constants),
        cmocka_unit_test(without_biases_and_without_input),
        cmocka_unit_test(penalties),
    };
    return EVERY_KERNEL(tests);
}
