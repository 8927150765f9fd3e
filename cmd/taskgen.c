/* taskgen TASK: states a task and emits its trials. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/cli.h"
#include "codec/codec.h"
#include "model/task.h"
#include "tool/operator.h"
#include "tool/ranges.h"
#include "tool/tool.h"

/* Everything the user can say, apart from the task's own parameters. */
struct config {
    struct cli_common common;
    bool list, fresh, print_operator;
    uint64_t trials[RNN_N_SPLITS], first;
    struct cli_strs splits;
};

enum { MAX_PARAMS = 40 };
#define MAX_TRIALS 4294967296.0 /* a trial's number has 32 bits */
#define NOT_SET UINT64_MAX
static const char *const count_options[RNN_N_SPLITS] = {"trials", "validation", "test"};
union value {
    bool b;
    int64_t i;
    uint64_t u;
    double r;
    char *s;
    int choice;
};

static char *or_die(char *s)
{
    if (!s) cli_die(1, "out of memory");
    return s;
}

static char *task_names(void)
{
    size_t n;
    const struct rnn_task_def *const *defs = rnn_task_defs(&n);
    char *names = or_die(rnn_strdup(""));
    for (size_t i = 0; i < n; i++) {
        char *longer = or_die(rnn_asprintf("%s%s%s", names, i ? ", " : "", defs[i]->name));
        free(names);
        names = longer;
    }
    return names;
}

/* What stands for a parameter's value in --help: its unit where it is one word, else its kind. */
static const char *arg_name(const struct rnn_task_param *p)
{
    if (p->unit && !strcmp(p->unit, "ms")) return "MS";
    if (p->unit && !strcmp(p->unit, "steps")) return "STEPS";
    if (p->type == RNN_KV_STR) return p->choices ? p->choices : "TEXT";
    return p->type == RNN_KV_REAL ? "X" : "N";
}

/* The option of one task parameter: its default goes into v, which the option will fill. */
static struct cli_opt param_option(const struct rnn_task_param *p, union value *v)
{
    struct cli_opt o = {
        .name = p->name, .dst = v, .arg = arg_name(p), .min = p->min, .max = p->max, .help = p->help};
    switch (p->type) {
    case RNN_KV_BOOL:
        o.type = CLI_FLAG;
        v->b = !strcmp(p->dflt, "true");
        break;
    case RNN_KV_INT:
        o.type = CLI_INT;
        v->i = strtoll(p->dflt, NULL, 10);
        break;
    case RNN_KV_UINT:
        o.type = CLI_UINT64;
        v->u = strtoull(p->dflt, NULL, 0);
        break;
    case RNN_KV_REAL:
        o.type = CLI_REAL;
        v->r = strtod(p->dflt, NULL);
        break;
    default:
        o.type = p->choices ? CLI_CHOICE : CLI_STR;
        if (!p->choices) v->s = *p->dflt ? or_die(rnn_strdup(p->dflt)) : NULL;
        for (const char *c = p->choices; c && strncmp(c, p->dflt, strlen(p->dflt)); c = strchr(c, '|') + 1)
            v->choice++;
    }
    return o;
}

/* The tool's options, then those of the task (def may be NULL). */
static void option_table(struct config *cfg, const struct rnn_task_def *def, union value *values,
                         struct cli_opt *out)
{
    const int look = CLI_NO_CONFIG | CLI_NEUTRAL;
    uint64_t *n_of = cfg->trials;
    const struct cli_opt own[] = {
        {0, "list", CLI_FLAG, &cfg->list, NULL, 0, 0, "print every task with a line about it, and stop", look, NULL},
        {.name = "What is emitted", .type = CLI_SECTION},
        {0, "fresh", CLI_FLAG, &cfg->fresh, NULL, 0, 0,
         "the task only, no trials: whoever reads it draws its own", 0, NULL},
        {0, "trials", CLI_UINT64, &n_of[RNN_TRAIN], "N", 0, MAX_TRIALS,
         "training trials to emit; default all of a finite task, else none", 0, NULL},
        {0, "validation", CLI_UINT64, &n_of[RNN_VALIDATION], "N", 0, MAX_TRIALS,
         "validation trials to emit; default the task's", 0, NULL},
        {0, "test", CLI_UINT64, &n_of[RNN_TEST], "N", 0, MAX_TRIALS,
         "test trials to emit; default the task's", 0, NULL},
        {0, "split", CLI_STRS, &cfg->splits, "NAME,...", 0, 0,
         "emit these splits only: train, validation, test", CLI_COMMA, NULL},
        {0, "first", CLI_UINT64, &cfg->first, "N", 0, MAX_TRIALS - 1, "number of the first trial of each split",
         0, NULL},
        {0, "print-operator", CLI_FLAG, &cfg->print_operator, NULL, 0, 0,
         "print a history task's operator as TSV, and stop", look, NULL},
    };
    const size_t from = def ? 1 : 0; /* --list goes without a task, the others with one */
    size_t n = def ? RNN_LEN(own) - 1 : 1, i = 0;
    memcpy(out, own + from, n * sizeof *own);
    if (def) out[n++] = (struct cli_opt){.name = "Task", .type = CLI_SECTION};
    for (; def && def->params[i].name; i++) {
        if (i == MAX_PARAMS) cli_die(1, "task '%s' has more than %d parameters", def->name, MAX_PARAMS);
        out[n++] = param_option(&def->params[i], &values[i]);
    }
    out[n] = (struct cli_opt)CLI_LAST;
}

/* ---- from options to a task ---- */

/* The contents of FILE for a value "@FILE". */
static char *from_file(const char *option, char *text)
{
    char *all;
    struct rnn_err err;
    if (!text || *text != '@') return text;
    if (tool_read_text(text + 1, &all, &err) < 0) cli_die(1, "--%s: %s", option, err.msg);
    free(text);
    return all;
}

static int one_param(struct rnn_kvs *m, const struct rnn_task_param *p, const union value *v,
                     struct rnn_err *err)
{
    switch (p->type) {
    case RNN_KV_BOOL:
        return rnn_kvs_bool(m, p->name, v->b, err);
    case RNN_KV_INT:
        return rnn_kvs_int(m, p->name, v->i, err);
    case RNN_KV_UINT:
        return rnn_kvs_uint(m, p->name, v->u, err);
    case RNN_KV_REAL:
        return isnan(v->r) ? RNN_OK : rnn_kvs_real(m, p->name, v->r, err);
    default:
        break;
    }
    if (!p->choices) return rnn_kvs_str(m, p->name, v->s ? v->s : "", err);
    const char *c = p->choices;
    for (int i = 0; i < v->choice; i++) c = strchr(c, '|') + 1;
    char word[64];
    snprintf(word, sizeof word, "%.*s", (int)strcspn(c, "|"), c);
    return rnn_kvs_str(m, p->name, word, err);
}

static struct rnn_task *make_task(const struct config *cfg, const struct rnn_task_def *def,
                                  union value *values)
{
    struct rnn_kvs params = {0};
    struct rnn_err err = {0};
    struct rnn_task *t;
    int rc = RNN_OK;
    for (size_t i = 0; def->params[i].name && rc >= 0; i++) {
        if (def->params[i].type == RNN_KV_STR && !def->params[i].choices)
            values[i].s = from_file(def->params[i].name, values[i].s);
        rc = one_param(&params, &def->params[i], &values[i], &err);
    }
    if (rc >= 0) rc = rnn_task_make(&t, def->name, &params, cfg->common.seed, &err);
    if (rc >= 0) rc = rnn_kvs_merge(&t->labels, &cfg->common.labels, &err);
    if (rc < 0)
        cli_die(rc == RNN_ERR_NOMEM ? 1 : 2, "%s", err.msg); /* what a task refuses, the user has said */
    rnn_kvs_release(&params);
    rnn_task_set_id(t);
    return t;
}

/* ---- what is emitted ---- */

static bool wants_split(const struct config *cfg, int split)
{
    for (size_t i = 0; i < cfg->splits.n; i++)
        if (!strcmp(cfg->splits.v[i], rnn_split_names[split])) return true;
    return cfg->splits.n == 0;
}

static void check_splits(const struct cli_parse *p, const struct config *cfg)
{
    enum rnn_split unused[RNN_N_SPLITS];
    tool_splits(&cfg->splits, unused);
    for (int s = 0; s < RNN_N_SPLITS; s++)
        if (cli_given(p, count_options[s]) && !wants_split(cfg, s))
            cli_die(2, "--%s: has no effect when --split leaves %s out", count_options[s],
                    rnn_split_names[s]);
    static const char *const others[] = {"fresh", "trials", "validation", "test", "split", "first"};
    for (size_t i = 0; i < RNN_LEN(others); i++) {
        if (i > 0) cli_exclusive(p, "fresh", others[i]);
        cli_exclusive(p, "print-operator", others[i]);
    }
}

/* How many trials of each split to write: what was asked for, or the task's default. */
static void count_trials(const struct cli_parse *p, const struct config *cfg, const struct rnn_task *t,
                         uint64_t n[RNN_N_SPLITS])
{
    for (int s = 0; s < RNN_N_SPLITS; s++) {
        const bool given = cli_given(p, count_options[s]);
        const uint64_t have = t->n_split[s];
        n[s] = 0;
        if (cfg->fresh || !wants_split(cfg, s)) continue;
        n[s] = given ? cfg->trials[s] : t->n_emit[s];
        if (!given && cfg->splits.n && !n[s] && !t->is_finite)
            cli_die(2, "--split %s: task '%s' is drawn afresh: say how many with --%s", rnn_split_names[s],
                    t->name, count_options[s]);
        if (!t->is_finite && (double)cfg->first + (double)n[s] > MAX_TRIALS)
            cli_die(2, "--first (%llu): the last %s trial would be beyond number %.0f",
                    (unsigned long long)cfg->first, rnn_split_names[s], MAX_TRIALS - 1);
        if (!t->is_finite) continue;
        if (cfg->first && cfg->first >= have && (given || cfg->splits.n))
            cli_die(2, "--first (%llu) is beyond the %llu %s trials of this task",
                    (unsigned long long)cfg->first, (unsigned long long)have, rnn_split_names[s]);
        const uint64_t left = cfg->first < have ? have - cfg->first : 0;
        if (given && n[s] > left)
            cli_die(2, "--%s (%llu) is more than the %llu %s trials%s", count_options[s],
                    (unsigned long long)n[s], (unsigned long long)left, rnn_split_names[s],
                    cfg->first ? " from --first on" : " of this task");
        if (!given) n[s] = left;
    }
}

/* One split, in blocks that fit a frame. */
static int emit(struct rnn_writer *w, const struct rnn_task *t, int split, uint64_t first, uint64_t n,
                struct rnn_err *err)
{
    const size_t row = t->steps * ((t->n_in + t->n_out) * sizeof(float) + sizeof(double) + 8) + 256;
    const uint64_t block = rnn_rows_per_frame(row);
    struct rnn_body b = {0};
    struct rnn_trials tr = {0};
    int rc = RNN_OK;
    for (uint64_t done = 0; done < n && rc >= 0; done += block) {
        const size_t K = (size_t)(n - done < block ? n - done : block);
        if (tr.K == K) rc = rnn_task_refill(t, NULL, first + done, &tr, err);
        else rnn_trials_release(&tr), rc = rnn_task_trials(t, (enum rnn_split)split, 0, NULL, first + done, K, 0, &tr, err);
        if (rc >= 0) rc = rnn_trials_encode(&tr, rnn_split_names[split], t->id, n, &b, err);
        if (rc >= 0) rc = rnn_writer_frame(w, "trials", &b, err);
    }
    rnn_trials_release(&tr);
    rnn_body_release(&b);
    return rc;
}

static void write_stream(struct cli_parse *p, const struct config *cfg, const struct rnn_task *t,
                         const uint64_t n[RNN_N_SPLITS])
{
    struct rnn_kvs options = {0}, build = {0};
    struct rnn_err err = {0};
    struct rnn_body b = {0};
    struct rnn_writer *w = tool_open_output(&cfg->common);
    int rc = rnn_kvs_str(&options, "task", t->name, &err);
    if (rc >= 0) rc = cli_options(p, &options, &err);
    if (rc >= 0)
        rc = rnn_kvs_merge(&options, &t->params, &err); /* as resolved, whether typed or read from a file */
    if (rc >= 0) rc = tool_build(&build, "single", &err);
    if (rc >= 0) rc = rnn_writer_head(w, NULL, "taskgen", &options, &build, &err);
    if (rc >= 0) rc = rnn_task_encode(t, &b, &err);
    if (rc >= 0) rc = rnn_writer_frame(w, "task", &b, &err);
    for (int s = 0; s < RNN_N_SPLITS && rc >= 0; s++) rc = emit(w, t, s, cfg->first, n[s], &err);
    if (rc >= 0) rc = rnn_writer_end(w, 0, &err);
    if (rc < 0) tool_fail(w, NULL, &err);
    tool_close_output(w);
    rnn_body_release(&b);
    rnn_kvs_release(&options);
    rnn_kvs_release(&build);
}

/* ---- texts ---- */

static void print_list(const struct config *cfg)
{
    size_t n;
    const struct rnn_task_def *const *defs = rnn_task_defs(&n);
    FILE *out = tool_open_text(&cfg->common);
    for (size_t i = 0; i < n; i++) fprintf(out, "%s\t%s\n", defs[i]->name, defs[i]->summary);
    tool_close_text(out);
}

/* Nonzero elements of F, numbered from 1: output <- weight * dimension `dim` of variable `variable`, which
 * lies `lag` steps back. */
static void print_operator(const struct config *cfg, const struct rnn_task *t)
{
    if (!t->F) cli_die(2, "--print-operator: task '%s' has no history operator", t->name);
    FILE *out = tool_open_text(&cfg->common);
    fprintf(out, "output\tvariable\tdim\tlag\tweight\n");
    for (size_t i = 0; i < t->dims; i++)
        for (size_t c = 0; c < t->lags * t->dims; c++) {
            const double f = t->F[i * t->lags * t->dims + c];
            if (f != 0)
                fprintf(out, "%zu\t%zu\t%zu\t%zu\t%.17g\n", i + 1, c / t->dims + 1, c % t->dims + 1,
                        t->lags - c / t->dims, f);
        }
    tool_close_text(out);
}

static void say_sizes(const struct rnn_task *t, const uint64_t n[RNN_N_SPLITS])
{
    for (int s = 0; s < RNN_N_SPLITS; s++) {
        if (t->is_finite)
            cli_verbose("%s: %llu trials, %llu emitted", rnn_split_names[s],
                        (unsigned long long)t->n_split[s], (unsigned long long)n[s]);
        else
            cli_verbose("%s: drawn afresh, %llu emitted", rnn_split_names[s], (unsigned long long)n[s]);
    }
    cli_verbose("%zu steps, %zu inputs, %zu outputs, task %s", t->steps, t->n_in, t->n_out, t->id);
    if (!t->is_finite || !t->channel_out || t->n_out > 64 || t->closed_loop) return;
    char *classes = or_die(rnn_strdup("outputs:"));
    for (size_t i = 0; i < t->n_out; i++) {
        char *longer = or_die(rnn_asprintf("%s %s", classes, t->channel_out[i]));
        free(classes);
        classes = longer;
    }
    cli_verbose("%s", classes);
    free(classes);
}

/* ---- main ---- */

static const struct rnn_task_def *task_of(int argc, char **argv)
{
    char *names = task_names();
    if (argc < 2) cli_die(2, "no task given: usage: taskgen TASK [options]: tasks are %s", names);
    const struct rnn_task_def *def = *argv[1] == '-' ? NULL : rnn_task_def_find(argv[1]);
    if (*argv[1] != '-' && !def) cli_die(2, "unknown task '%s': tasks are %s", argv[1], names);
    for (int i = 2; i < argc && !def; i++)
        if (rnn_task_def_find(argv[i]))
            cli_die(2, "the task comes first: usage: taskgen %s [options]", argv[i]);
    free(names);
    return def;
}

int main(int argc, char **argv)
{
    tool_begin("taskgen");
    const struct rnn_task_def *def = task_of(argc, argv);
    struct config cfg = {.common = CLI_COMMON_DEFAULT, .trials = {NOT_SET, NOT_SET, NOT_SET}};
    union value values[MAX_PARAMS] = {{0}};
    struct cli_opt opts[MAX_PARAMS + 12];
    option_table(&cfg, def, values, opts);
    char *names = task_names();
    char *synopsis =
        def ? or_die(rnn_asprintf("%s [options]", def->name)) : or_die(rnn_strdup("TASK [options]"));
    char *details =
        def ? or_die(rnn_strdup(def->about))
            : or_die(rnn_asprintf("Tasks: %s.\n`taskgen TASK --help` shows a task's parameters.", names));
    const struct cli_tool tool = {
        .name = "taskgen",
        .synopsis = synopsis,
        .opts = opts,
        .details = details,
        .version = tool_version,
        .summary = def ? def->summary : "State a task for recurrent networks, and emit its trials.",
        .hint = def ? NULL : "options of a task come after it: taskgen TASK [options]",
        .min_args = def ? 1 : 0,
        .max_args = def ? 1 : 0};
    struct cli_parse *p = cli_begin(&tool, CLI_WITH_SEED | CLI_WITH_LABEL, &cfg.common, argc, argv);
    cli_apply(p, NULL);
    cli_print_config_if_asked(p);
    if (cfg.list) {
        print_list(&cfg);
    } else if (!def) {
        cli_die(2, "no task given: usage: taskgen TASK [options]: tasks are %s", names);
    } else {
        uint64_t n[RNN_N_SPLITS];
        check_splits(p, &cfg);
        struct rnn_task *t = make_task(&cfg, def, values);
        count_trials(p, &cfg, t, n);
        say_sizes(t, n);
        if (cfg.print_operator)
            print_operator(&cfg, t);
        else
            write_stream(p, &cfg, t, n);
        rnn_task_free(t);
    }
    cli_release_values(p);
    cli_end(p);
    free(names);
    free(synopsis);
    free(details);
    return tool_end(0);
}
