/* Optimisers against PyTorch's formulas written out, and a published micro-reference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "num/kernels.h"
#include "num/optim.h"

static struct rnn_err err;

static void assert_near(double got, double want, double tol)
{
    if (!(fabs(got - want) <= tol)) fail_msg("got %.17g, expected %.17g (tolerance %.2g)", got, want, tol);
}

/* lr 1e-2, theta 1, gradients 0.5, -0.3, PyTorch's defaults: theta after each step. */
static void adam_micro_reference(void **state)
{
    (void) state;
    const struct rnn_optim o = {RNN_ADAM, 0, .9, .999, 1e-8, 0};
    const double g[2] = {.5, -.3}, want[2] = {0.9900000002, 0.988085019894178};
    double p = 1, m = 0, v = 0;
    float p32 = 1, m32 = 0, v32 = 0;
    for (uint64_t t = 1; t <= 2; t++) {
        const float g32 = (float) g[t - 1];
        rnn_optim_step_f64(&o, t, 1e-2, 1, &p, &g[t - 1], &m, &v);
        rnn_optim_step_f32(&o, t, 1e-2, 1, &p32, &g32, &m32, &v32);
        assert_near(p, want[t - 1], t == 1 ? 1e-13 : 1e-14);
        assert_near((double) p32, want[t - 1], 1.2e-7);
    }
}

/* torch.optim, word for word in scalar arithmetic, 30 steps of a moving gradient. */
static void torch_step(const struct rnn_optim *o, int t, double lr, double g, double *p, double *m, double *v)
{
    if (o->kind == RNN_SGD) {
        g += o->weight_decay * *p;
        if (o->momentum != 0) {
            *m = t == 1 ? g : o->momentum * *m + g;
            g = *m;
        }
        *p -= lr * g;
        return;
    }
    if (o->kind == RNN_ADAMW) *p *= 1 - lr * o->weight_decay;
    else g += o->weight_decay * *p;
    *m = o->beta1 * *m + (1 - o->beta1) * g;
    *v = o->beta2 * *v + (1 - o->beta2) * g * g;
    const double denom = sqrt(*v) / sqrt(1 - pow(o->beta2, t)) + o->eps;
    *p -= lr / (1 - pow(o->beta1, t)) * *m / denom;
}

static void follows_torch(const struct rnn_optim *o)
{
    enum { N = 37 };
    double p[N], m[N] = {0}, v[N] = {0}, g[N], want[N], wm[N] = {0}, wv[N] = {0};
    float p32[N], m32[N] = {0}, v32[N] = {0}, g32[N];
    for (int i = 0; i < N; i++) p32[i] = (float) (want[i] = p[i] = (double) (float) sin(i));
    for (int t = 1; t <= 30; t++) {
        const double lr = .01 / t;
        for (int i = 0; i < N; i++) {
            g32[i] = (float) (g[i] = (double) (float) (cos(i + .3 * t) + .2));
            torch_step(o, t, lr, g[i], &want[i], &wm[i], &wv[i]);
        }
        rnn_optim_step_f64(o, (uint64_t) t, lr, N, p, g, m, v);
        rnn_optim_step_f32(o, (uint64_t) t, lr, N, p32, g32, m32, v32);
        for (int i = 0; i < N; i++) {
            assert_near(p[i], want[i], 2e-15);
            assert_near((double) p32[i], want[i], 1e-6);
        }
    }
}

static void every_optimiser_follows_torch(void **state)
{
    (void) state;
    const struct rnn_optim all[] = {
        {RNN_SGD, 0, 0, 0, 0, 0},           {RNN_SGD, .9, 0, 0, 0, .01},
        {RNN_ADAM, 0, .9, .999, 1e-8, 0},   {RNN_ADAM, 0, .5, .99, 1e-4, .05},
        {RNN_ADAMW, 0, .9, .999, 1e-8, .1}, {RNN_ADAMW, 0, .9, .98, 1e-6, 0},
    };
    const size_t slots[] = {0, 1, 2, 2, 2, 2};
    const char *names[] = {"ref", "avx2", "avx512"};
    for (size_t k = 0; k < 3; k++) {
        if (rnn_kernels_select(names[k], &err) != RNN_OK) continue;
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
            follows_torch(&all[i]);
            assert_int_equal(rnn_optim_slots(&all[i]), slots[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adam_micro_reference),
        cmocka_unit_test(every_optimiser_follows_torch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
