/* Times the search for fixed points alone, on the network and the starts of a stream (rnn-fixedpts --arrays starts FILE).
 * usage: fixedpts FILE [COVERAGE]   prints seconds, starts used, distinct fixed points; with COVERAGE it ends once the Good-Turing
 * estimate of what is unseen is that small, else it uses every start. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "analysis/fixedpts.h"
#include "base/mem.h"
#include "codec/codec.h"
#include "io/reader.h"
#include "num/linalg.h"

static void must(int rc, const struct rnn_err *err)
{
    if (rc >= 0) return;
    fprintf(stderr, "fixedpts: %s\n", err->msg);
    exit(1);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double *take_starts(const struct rnn_frame *f, double *x, size_t *n)
{
    struct rnn_err err;
    struct rnn_array a;
    char *name;
    must(rnn_want_str(f->body, "name", &name, &err), &err);
    if (!strcmp(name, "starts")) {
        must(rnn_want_array(f->body, "value", &a, &err), &err);
        const size_t count = rnn_array_count(&a);
        if (!(x = realloc(x, (*n + count) * sizeof *x))) exit(1);
        rnn_array_to_f64(&a, x + *n);
        *n += count;
        rnn_array_release(&a);
    }
    free(name);
    return x;
}

static void search(const struct rnn_net *net, const double *x, size_t n, double coverage)
{
    enum { BATCH = 128 };
    struct rnn_err err;
    struct rnn_map map;
    struct rnn_fp_options o;
    struct rnn_fp_problem p;
    struct rnn_fp_set set;
    const double start = now();
    const size_t N = net->spec.N;
    size_t used = 0, fixed = 0;
    rnn_fp_options_default(&o);
    o.slow_speed = 0.1;
    must(rnn_map_of_net(net, NULL, &map, &err), &err);
    must(rnn_fp_problem_make(&map, 1, &o, &p, &err), &err);
    rnn_fp_set_init(&set, N);
    while (used < n && !(used > BATCH && rnn_fp_unseen(&set) <= coverage)) {
        const size_t B = n - used < BATCH ? n - used : BATCH;
        must(rnn_fp_from_starts(&p, B, x + used * N, used, &set, &set, &err), &err);
        used += B;
    }
    const double seconds = now() - start;
    for (size_t i = 0; i < set.n; i++) fixed += set.p[i].status == RNN_FP_FIXED && set.p[i].q <= 1e-24;
    printf("%.6f\t%zu\t%zu\n", seconds, used, fixed);
    rnn_fp_set_release(&set);
    rnn_map_release(&map);
}

int main(int argc, char **argv)
{
    struct rnn_err err;
    struct rnn_reader *r;
    struct rnn_frame f;
    struct rnn_net *net = NULL;
    double *x = NULL;
    size_t n = 0;
    bool missing;
    int rc;
    if (argc < 2) return fputs("usage: fixedpts FILE [COVERAGE]\n", stderr), 2;
    rnn_blas_set_threads(1);
    must(rnn_reader_open(&r, argv[1], RNN_FRAME_MAX_DEFAULT, &err), &err);
    while ((rc = rnn_reader_next(r, &f, &err)) == RNN_OK) {
        if (!strcmp(f.kind, "net") && !net) must(rnn_net_decode(f.body, &net, &missing, &err), &err);
        if (!strcmp(f.kind, "array")) x = take_starts(&f, x, &n);
    }
    must(rc, &err);
    if (!net || !n) return fputs("fixedpts: no network, or no starts\n", stderr), 1;
    search(net, x, n / net->spec.N, argc > 2 ? atof(argv[2]) : -1);
    rnn_net_free(net);
    free(x);
    rnn_reader_close(r);
    return 0;
}
