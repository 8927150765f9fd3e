/* rnn-theory variable-memory: networks built by hand for the operator of a history task. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "codec/codec.h"
#include "io/pipe.h"
#include "io/table.h"
#include "theory/memory_net.h"
#include "tool/operator.h"
#include "tool/theory.h"
#include "tool/tool.h"

static struct options {
    int form;
    char *operator;
    uint64_t length;
    size_t units, nets;
    double amplitude, input_gain, epsilon, gain;
    bool basis;
} opt = {.nets = 1, .amplitude = 0.9, .epsilon = 0.1, .gain = 1};

static const struct cli_opt options[] = {
    {.name = "Network", .type = CLI_SECTION},
    {0, "form", CLI_CHOICE, &opt.form, "linear|tanh|rotated|overwrite", 0, 0, "which construction", 0, NULL},
    {'H', "units", CLI_SIZE, &opt.units, "N", 0, 1e5, "units; 0: twice the elements of the operator", 0,
     NULL},
    {'n', "nets", CLI_SIZE, &opt.nets, "N", 1, 1e6, "networks per operator", 0, NULL},
    {0, "amplitude", CLI_REAL, &opt.amplitude, "A", 0, 1,
     "stable activity of tanh and overwrite, between 0 and 1", CLI_EXCL_MIN, NULL},
    {0, "input-gain", CLI_REAL, &opt.input_gain, "W", 0, 1e6,
     "gain of the input in tanh and overwrite; 0: artanh of the amplitude, and 3", 0, NULL},
    {0, "epsilon", CLI_REAL, &opt.epsilon, "E", 0, 1e6, "input scale of rotated", CLI_EXCL_MIN, NULL},
    {0, "gain", CLI_REAL, &opt.gain, "G", 0, 1e6, "recurrent gain of rotated", CLI_EXCL_MIN, NULL},
    {0, "basis", CLI_FLAG, &opt.basis, NULL, 0, 0, "write Psi, its dual and Phi as arrays too", 0, NULL},
    {.name = "Operator, instead of the tasks of the input", .type = CLI_SECTION},
    {0, "operator", CLI_STR, &opt.operator, "TEXT|@FILE", 0, 0,
     "a piece 'sign variable dim' per output; @FILE reads a file", 0, NULL},
    {0, "length", CLI_UINT64, &opt.length, "N", 0, 65536, "its variables; 0: the largest that it names", 0,
     NULL},
    CLI_LAST};

static void check(const struct cli_parse *p, const struct cli_common *c)
{
    const bool saturates = opt.form == RNN_MEMORY_TANH || opt.form == RNN_MEMORY_OVERWRITE;
    (void)c;
    if (!saturates)
        cli_refuse(p, "amplitude", "on the forms linear and rotated"),
            cli_refuse(p, "input-gain", "on the forms linear and rotated");
    if (opt.form != RNN_MEMORY_ROTATED)
        cli_refuse(p, "epsilon", "on any form but rotated"), cli_refuse(p, "gain", "on any form but rotated");
    if (!opt.operator) cli_refuse(p, "length", "without --operator");
    if (saturates && !(opt.amplitude < 1))
        cli_die(2, "--amplitude (%g): must be below 1, which tanh never reaches", opt.amplitude);
}

static int basis_arrays(struct rnn_writer *w, const struct rnn_net *net, const struct rnn_operator *op,
                        const double *Psi, const double *dual, struct rnn_err *err)
{
    static const char *const ue[] = {"unit", "element"}, *const eu[] = {"element", "unit"},
                             *const ee[] = {"element", "element"};
    const size_t n = op->s * op->d, N = net->spec.N;
    double *Phi = NULL;
    RNN_TRY(rnn_alloc_into(&Phi, n * n, sizeof *Phi, err));
    rnn_operator_phi(op, Phi);
    int rc = rnn_array_write(w, "Psi_built", ue, NULL, RNN_F64, 2, (size_t[]){N, n}, Psi, &net->labels,
                             net->id, err);
    if (rc >= 0)
        rc = rnn_array_write(w, "Psi_dual_built", eu, NULL, RNN_F64, 2, (size_t[]){n, N}, dual, &net->labels,
                             net->id, err);
    if (rc >= 0)
        rc = rnn_array_write(w, "Phi_built", ee, NULL, RNN_F64, 2, (size_t[]){n, n}, Phi, &net->labels,
                             net->id, err);
    free(Phi);
    return rc;
}

static int label(struct rnn_net *net, const struct rnn_task *t, const struct rnn_kvs *extra,
                 struct rnn_err *err)
{
    struct rnn_kvs own = net->labels;
    net->labels = (struct rnn_kvs){0};
    int rc = rnn_kvs_merge(&net->labels, &t->params, err);
    if (rc >= 0) rc = rnn_kvs_uint(&net->labels, "task_seed", t->seed, err);
    if (rc >= 0) rc = rnn_kvs_uint(&net->labels, "hidden", net->spec.N, err);
    if (rc >= 0) rc = rnn_kvs_merge(&net->labels, &own, err);
    if (rc >= 0) rc = rnn_kvs_merge(&net->labels, &t->labels, err);
    if (rc >= 0) rc = rnn_kvs_merge(&net->labels, extra, err);
    rnn_kvs_release(&own);
    if (rc >= 0 && !(net->task = rnn_strdup(t->id))) rc = rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    return rc;
}

static int build_one(struct rnn_writer *w, const struct rnn_task *t, const struct cli_common *c,
                     uint64_t index, struct rnn_err *err)
{
    struct rnn_operator op;
    struct rnn_net *net = NULL;
    double *Psi = NULL, *dual = NULL;
    if (!tool_operator_of(t, &op))
        return rnn_fail(err, RNN_ERR_ARG, "task '%s' has no history operator", t->name);
    const size_t n = op.s * op.d;
    const struct rnn_memory_build how = {.form = (enum rnn_memory_form)opt.form,
                                         .N = opt.units ? opt.units : 2 * n,
                                         .amplitude = opt.amplitude,
                                         .input_gain = opt.input_gain > 0 ? opt.input_gain : NAN,
                                         .epsilon = opt.epsilon,
                                         .gain = opt.gain,
                                         .seed = c->seed};
    int rc = rnn_alloc_into(&Psi, how.N * n, sizeof *Psi, err);
    if (rc >= 0) rc = rnn_alloc_into(&dual, how.N * n, sizeof *dual, err);
    if (rc >= 0) rc = rnn_memory_net(&op, &how, index, &net, Psi, dual, err);
    if (rc >= 0) rc = label(net, t, &c->labels, err);
    if (rc >= 0) rc = rnn_net_write(w, net, err);
    if (rc >= 0 && opt.basis) rc = basis_arrays(w, net, &op, Psi, dual, err);
    free(Psi);
    free(dual);
    rnn_net_free(net);
    return rc;
}

struct filter {
    const struct cli_common *c;
    uint64_t next;
    bool any;
};

static int build_all(struct filter *f, struct rnn_writer *w, const struct rnn_task *t, struct rnn_err *err)
{
    for (size_t i = 0; i < opt.nets; i++) RNN_TRY(build_one(w, t, f->c, f->next++, err));
    return RNN_OK;
}

static int take_frame(void *user, const struct rnn_frame *fr, struct rnn_writer *w, struct rnn_err *err)
{
    struct filter *f = user;
    struct rnn_task *t;
    RNN_TRY(rnn_writer_copy(w, fr, err));
    if (strcmp(fr->kind, "task")) return RNN_OK;
    RNN_TRY(rnn_task_decode(fr->body, &t, err));
    const int rc = build_all(f, w, t, err);
    f->any = true;
    rnn_task_free(t);
    return rc;
}

static int end_segment(void *user, struct rnn_writer *w, struct rnn_err *err)
{
    struct filter *f = user;
    (void)w;
    if (!f->any)
        return rnn_fail(err, RNN_ERR_ARG, "no task in the stream, hence no operator: say --operator TEXT");
    *f = (struct filter){.c = f->c};
    return RNN_OK;
}

static void filter(const struct tool_theory *m, const struct cli_parse *p, const struct cli_common *c,
                   const char *file)
{
    static const struct rnn_pipe_ops ops = {.frame = take_frame, .segment_end = end_segment};
    const struct cli_tool shown = {.name = "rnn-theory",
                                   .synopsis = "variable-memory [options] [FILE]",
                                   .summary = m->summary,
                                   .opts = m->opts};
    struct rnn_kvs given = {0}, build = {0};
    struct filter f = {.c = c};
    struct rnn_err err;
    if (tool_theory_options(m, p, &given, &err) < 0 || tool_build(&build, "double", &err) < 0) cli_die_err(&err);
    struct rnn_reader *r = tool_open_input(&shown, file, c);
    struct rnn_writer *w = tool_open_output(c);
    if (rnn_pipe_run(r, w, "rnn-theory", &given, &build, &ops, &f, &err) < 0) tool_fail(w, NULL, &err);
    tool_close_output(w);
    rnn_reader_close(r);
    rnn_kvs_release(&given);
    rnn_kvs_release(&build);
}

static void run(const struct tool_theory *m, const struct cli_parse *p, const struct cli_common *c,
                const char *file)
{
    struct rnn_task *t;
    struct rnn_err err;
    struct rnn_body b = {0};
    struct filter f = {.c = c};
    struct rnn_kvs resolved = {0};
    if (!opt.operator) {
        filter(m, p, c, file);
        return;
    }
    if (file) cli_die(2, "'%s': a stream has no effect with --operator", file);
    if (tool_operator_task(opt.operator, opt.length, c->seed, &t, &err) < 0)
        cli_die(cli_status_of(err.code), "--operator: %s", err.msg);
    if (tool_operator_prov(t, &resolved, &err) < 0) cli_die_err(&err);
    struct rnn_writer *w = tool_theory_open_with(m, p, c, &resolved, &err);
    rnn_kvs_release(&resolved);
    int rc = rnn_task_encode(t, &b, &err);
    if (rc >= 0) rc = rnn_writer_frame(w, "task", &b, &err);
    if (rc >= 0) rc = build_all(&f, w, t, &err);
    rnn_body_release(&b);
    rnn_task_free(t);
    tool_theory_close(w, rc, &err);
}

const struct tool_theory tool_theory_variable_memory = {
    .name = "variable-memory",
    .summary = "networks that hold the variables of a history task, built by hand",
    .details = "Reads a stream with the task of a history operator, or takes --operator, and writes networks "
               "W = Psi Phi Psi*, U = Psi_s, "
               "R = Psi*_s after it.  linear is exact where the operator acts on complete histories; tanh is "
               "exact for +-1 and repeat copy; "
               "overwrite for every signed selection; rotated is approximate.",
    .opts = options,
    .with = CLI_WITH_SEED | CLI_WITH_LABEL,
    .max_files = 1,
    .check = check,
    .run = run};
