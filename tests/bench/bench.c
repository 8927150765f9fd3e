/* One measurement a run: `bench train SHAPE SECONDS` updates/s of rnn-train's inner loop; `bench roof SHAPE SECONDS` the rate
 * in updates/s that CBLAS's sgemm alone would allow on the shape's three products (forward, backward, weight gradient);
 * `bench run SHAPE SECONDS` and `bench run-roof` the same for forward passes; `bench list`; `bench crc MIB` seconds for zlib's
 * crc32; `bench read` reads standard input to its end and does nothing else.  Seconds are processor seconds of the one thread, and the best of several short rounds is printed: what the machine can
 * do when nothing disturbs it. */
#include <cblas.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "base/mem.h"
#include "model/train.h"
#include "num/dense.h"
#include "num/kernels.h"

struct shape {
    const char *name, *task;
    enum rnn_cell cell;
    enum rnn_act act;
    size_t N, B, T, rank;
    double noise, lr, clip;
    enum rnn_optim_kind optim;
    const char *params; /* of the task, "key=value ..." */
};

static const struct shape shapes[] = {
    {"short-term-memory-36", "cue-discrimination", RNN_LEAKY, RNN_TANH, 100, 128, 36, 0, 1e-3, 0.01, 0, RNN_SGD, "delay-ms=100"},
    {"short-term-memory-96", "cue-discrimination", RNN_LEAKY, RNN_TANH, 100, 128, 96, 0, 1e-3, 0.01, 0, RNN_SGD, "delay-ms=400"},
    {"variable-memory", "repeat-copy", RNN_ELMAN, RNN_TANH, 128, 64, 48, 0, 0, 1e-3, 1, RNN_ADAM, "length=8 dims=4 horizon=40"},
    {"variable-memory-small", "repeat-copy", RNN_ELMAN, RNN_TANH, 64, 64, 40, 0, 0, 1e-3, 1, RNN_ADAM, "length=4 dims=3 horizon=36"},
    {"schemas", "sequence", RNN_ELMAN, RNN_RELU, 160, 1, 4, 0, 0, 1e-3, 0, RNN_ADAM, ""},
    {"low-rank", "cue-discrimination", RNN_LEAKY, RNN_TANH, 512, 32, 75, 2, 1e-3, 0.01, 0, RNN_SGD, "delay-ms=295"},
    {"large", "cue-discrimination", RNN_LEAKY, RNN_TANH, 1024, 256, 100, 0, 1e-3, 0.01, 0, RNN_SGD, "delay-ms=420"},
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

static void must(int rc, const struct rnn_err *err)
{
    if (rc >= 0) return;
    fprintf(stderr, "bench: %s\n", err->msg);
    exit(1);
}

static struct rnn_task *make_task(const struct shape *s)
{
    struct rnn_err err;
    struct rnn_kvs params = {0};
    struct rnn_task *task;
    char *words = rnn_strdup(s->params);
    for (char *save, *word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        char *eq = strchr(word, '=');
        *eq = 0;
        must(rnn_kvs_from_text(&params, word, eq + 1, &err), &err);
    }
    must(rnn_task_make(&task, s->task, &params, 1, &err), &err);
    rnn_kvs_release(&params);
    free(words);
    return task;
}

static void configure(const struct shape *s, const struct rnn_task *task, struct rnn_train_config *c)
{
    rnn_train_config_default(c);
    rnn_spec_default(&c->spec);
    c->spec.cell = s->cell;
    c->spec.act = s->act;
    c->spec.N = s->N;
    c->spec.n_in = task->n_in;
    c->spec.n_out = task->n_out;
    c->spec.rank = s->rank;
    c->spec.noise_rec = s->noise;
    c->spec.readout = (enum rnn_readout) task->readout;
    c->spec.bias_in = s->cell == RNN_LEAKY;
    if (s->cell == RNN_LEAKY) {
        c->spec.alpha = 0.5;
        c->spec.dt_ms = 5;
        c->spec.tau_ms = 10;
        c->spec.read = RNN_READ_BEFORE;
        c->spec.h0 = RNN_H0_NORMAL;
        c->spec.h0_sd = 0.1;
        c->spec.h0_transform = RNN_H0_TANH;
    }
    if (s->optim == RNN_ADAM && s->B > 1) c->spec.bias_rec = c->spec.bias_out = false;
    c->init.b_out_sd = -1;
    c->optim = (struct rnn_optim){.kind = s->optim, .momentum = s->optim == RNN_SGD ? 0.9 : 0, .beta1 = 0.9, .beta2 = 0.999,
                                  .eps = 1e-8, .weight_decay = s->optim == RNN_SGD ? 1e-7 : 0};
    c->lr = s->lr;
    c->clip = s->clip;
    c->batch = s->B;
    c->updates = 1u << 24; /* more than a measurement makes; a task has 2^32 trials */
    c->epochs = 0;
    c->log_every = 1u << 24; /* records are not what is measured */
    c->precision_bits = 32;
    c->seed = 1;
}

/* Calls `work` for rounds of about a tenth of the time; the best rate seen. */
static double best_rate(void (*work)(void *arg, size_t n), void *arg, double seconds)
{
    double best = 0;
    size_t n = 1;
    const double end = now() + seconds;
    do {
        const double start = now();
        work(arg, n);
        const double took = now() - start;
        if ((double) n / took > best) best = (double) n / took;
        if (took < seconds / 20) n *= 2;
    } while (now() < end);
    return best;
}

static void advance(void *arg, size_t n)
{
    struct rnn_err err;
    must(rnn_trainer_advance(arg, n, &err), &err);
}

static double train_rate(const struct shape *s, double seconds)
{
    struct rnn_err err;
    struct rnn_task *task = make_task(s);
    struct rnn_train_config c;
    struct rnn_trainer *t;
    const struct rnn_train_data d = {.task = task};
    configure(s, task, &c);
    must(rnn_train_resolve(&c, &d, &err), &err);
    must(rnn_trainer_new(&t, &c, &d, NULL, 0, &err), &err);
    const double rate = best_rate(advance, t, seconds);
    rnn_trainer_free(t);
    rnn_task_free(task);
    return rate;
}

struct forward { struct rnn_engine_f32 *e; float *theta; struct rnn_pass pass; };

static void forward(void *arg, size_t n)
{
    struct forward *f = arg;
    struct rnn_err err;
    double L;
    for (; n; n--, f->pass.update++)
        must(rnn_engine_forward_f32(f->e, f->theta, &f->pass, RNN_LOSS_MSE, RNN_NORM_POSITIONS, &L, &err), &err);
}

static double run_rate(const struct shape *s, double seconds)
{
    struct rnn_err err;
    struct rnn_task *task = make_task(s);
    struct rnn_train_config c;
    struct rnn_trials tr = {0};
    struct rnn_net *net;
    struct forward f = {.pass = {.running = true, .noise = true}};
    configure(s, task, &c);
    must(rnn_net_new(&net, &c.spec, &err), &err);
    must(rnn_net_init(net, &c.init, 1, &err), &err);
    must(rnn_alloc_into(&f.theta, net->params.total, sizeof *f.theta, &err), &err);
    for (size_t i = 0; i < net->params.total; i++) f.theta[i] = (float) net->theta[i];
    must(rnn_task_trials(task, RNN_TEST, 0, NULL, 0, s->B, 0, &tr, &err), &err);
    must(rnn_engine_new_f32(&f.e, &c.spec, s->B, tr.T, false, &err), &err);
    must(rnn_engine_batch_f32(f.e, &tr, &err), &err);
    return best_rate(forward, &f, seconds);
}

struct product { size_t m, n, k; int ta, tb; float *A, *B, *C; };

static void multiply(void *arg, size_t n)
{
    const struct product *p = arg;
    for (; n; n--)
        cblas_sgemm(CblasRowMajor, p->ta ? CblasTrans : CblasNoTrans, p->tb ? CblasTrans : CblasNoTrans, (int) p->m, (int) p->n,
                    (int) p->k, 1, p->A, (int) (p->ta ? p->m : p->k), p->B, (int) (p->tb ? p->k : p->n), 0, p->C, (int) p->n);
}

static double seconds_per_product(size_t m, size_t n, size_t k, int ta, int tb, double seconds)
{
    struct product p = {m, n, k, ta, tb, rnn_alloc(m * k, 4), rnn_alloc(k * n, 4), rnn_alloc(m * n, 4)};
    for (size_t i = 0; i < m * k; i++) p.A[i] = (float) (i % 17) - 8;
    for (size_t i = 0; i < k * n; i++) p.B[i] = (float) (i % 13) - 6;
    const double rate = best_rate(multiply, &p, seconds);
    free(p.A);
    free(p.B);
    free(p.C);
    return 1 / rate;
}

/* The products of one update: each step forward and backward, and the weight gradient over steps, whichever of the two
 * usual ways of cutting it is faster here: chunks of four steps, or the whole trial. */
static double roof_rate(const struct shape *s, double seconds, int forward_only)
{
    const size_t N = s->N, B = s->B, T = s->T;
    const double fwd = seconds_per_product(B, N, N, 0, 1, seconds / 4);
    if (forward_only) return 1 / (fwd * (double) T);
    const double bwd = seconds_per_product(B, N, N, 0, 0, seconds / 4);
    const double chunk = seconds_per_product(N, N, 4 * B, 1, 0, seconds / 4) / 4;
    const double whole = seconds_per_product(N, N, T * B, 1, 0, seconds / 4) / (double) T;
    return 1 / ((double) T * (fwd + bwd + (chunk < whole ? chunk : whole)));
}

static double crc_seconds(size_t mib)
{
    const size_t n = mib << 20;
    unsigned char *x = rnn_alloc(n, 1);
    double best = 1e9;
    for (size_t i = 0; i < n; i++) x[i] = (unsigned char) (i * 2654435761u >> 24);
    for (int r = 0; r < 5; r++) {
        const double start = now();
        volatile uLong c = crc32_z(0, x, n);
        (void) c;
        if (now() - start < best) best = now() - start;
    }
    free(x);
    return best;
}

/* As rnn-cat reads: a pipe of 1 MiB, 256 KiB at a time. */
static int read_only(void)
{
    enum { CHUNK = 256 << 10 };
    char *x = rnn_alloc(CHUNK, 1);
    ssize_t n;
    fcntl(STDIN_FILENO, F_SETPIPE_SZ, 1 << 20);
    while ((n = read(STDIN_FILENO, x, CHUNK)) > 0) continue;
    free(x);
    return n < 0;
}

static int usage(void)
{
    fputs("usage: bench list | about | read | crc MIB | {train|roof|run|run-roof} SHAPE SECONDS\n", stderr);
    return 2;
}

int main(int argc, char **argv)
{
    struct rnn_err err;
    openblas_set_num_threads(1);
    rnn_flush_denormals();
    must(rnn_kernels_select(getenv("RNN_KERNEL"), &err), &err);
    if (argc == 2 && !strcmp(argv[1], "list"))
        for (size_t i = 0; i < RNN_LEN(shapes); i++)
            printf("%s\t%zu\t%zu\t%zu\t%zu\n", shapes[i].name, shapes[i].N, shapes[i].B, shapes[i].T, shapes[i].rank);
    if (argc == 2 && !strcmp(argv[1], "about")) printf("%s kernels, OpenBLAS core %s\n", rnn_kernels()->name, openblas_get_corename());
    if (argc == 2 && !strcmp(argv[1], "read")) return read_only();
    if (argc == 2) return 0;
    if (argc == 3 && !strcmp(argv[1], "crc")) return printf("%.6f\n", crc_seconds((size_t) atoi(argv[2]))) < 0;
    if (argc != 4) return usage();
    for (size_t i = 0; i < RNN_LEN(shapes); i++) {
        const struct shape *s = &shapes[i];
        const double seconds = atof(argv[3]);
        if (strcmp(s->name, argv[2])) continue;
        if (!strcmp(argv[1], "train")) return printf("%.6g\n", train_rate(s, seconds)) < 0;
        if (!strcmp(argv[1], "run")) return printf("%.6g\n", run_rate(s, seconds)) < 0;
        if (!strcmp(argv[1], "roof")) return printf("%.6g\n", roof_rate(s, seconds, 0)) < 0;
        if (!strcmp(argv[1], "run-roof")) return printf("%.6g\n", roof_rate(s, seconds, 1)) < 0;
    }
    return usage();
}
