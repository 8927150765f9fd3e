/* A tool that does nothing but what every tool does, for tests/cli/common.bats: it has an option of each type and prints
 * what they ended up as. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli/cli.h"

struct config {
    bool bias, sparse;
    int64_t offset;
    size_t hidden, limit;
    uint64_t id;
    double tau_ms, noise, clip;
    char *preset, *name, *task;
    int cell;
    struct cli_reals gains;
    struct cli_strs param, kinds;
    bool hidden_seen;
    int64_t work_ms;
    size_t steps;
};

static void version(FILE *out)
{
    fprintf(out, "stream 1.0\n");
}

static void print(struct cli_parse *p, const struct config *c)
{
    struct rnn_kvs options = { 0 };
    struct rnn_err err;
    if (cli_options(p, &options, &err) < 0) cli_die_err(&err);
    for (size_t i = 0; i < options.n; i++) {
        char *text = rnn_kv_text(&options.v[i]);
        for (char *s = text; *s; s++) *s = *s == '\n' ? '|' : *s; /* an option given several times */
        printf("%s %s%s\n", options.v[i].key, text, cli_given(p, options.v[i].key) ? " given" : "");
        free(text);
    }
    rnn_kvs_release(&options);
    if (c->hidden_seen) printf("seen hidden\n");
    for (size_t i = 0; i < cli_n_args(p); i++) printf("arg %s\n", cli_arg(p, i));
}

static void work(const struct config *c)
{
    if (!c->work_ms) return;
    cli_progress_start("nets", (double)c->steps);
    for (size_t i = 0; i < c->steps; i++) {
        usleep((useconds_t)(1000 * c->work_ms));
        cli_progress((double)i + 1, "loss 0.5");
        if (i == 1) cli_say("half way");
    }
    cli_progress_end();
}

int main(int argc, char **argv)
{
    struct config c = { .bias = true, .hidden = 100, .tau_ms = 100, .noise = 0, .clip = NAN, .id = 7, .limit = 1 << 20, .steps = 10 };
    struct cli_common common = CLI_COMMON_DEFAULT;
    const struct cli_opt opts[] = {
        { .type = CLI_SECTION, .name = "Network" },
        { 'H', "hidden", CLI_SIZE, &c.hidden, "UNITS", 1, 1e6, "recurrent units", 0, &c.hidden_seen },
        { 'c', "cell", CLI_CHOICE, &c.cell, "elman|leaky|leaky-current|gru", 0, 0, "equation of the units", 0, NULL },
        { 0, "bias", CLI_FLAG, &c.bias, NULL, 0, 0, "recurrent biases", 0, NULL },
        { 'S', "sparse", CLI_FLAG, &c.sparse, NULL, 0, 0, "mask some weights", 0, NULL },
        { 0, "tau", CLI_REAL, &c.tau_ms, "MS", 0, INFINITY, "neuronal time constant, as long as it takes to see how a longer help text is filled", CLI_EXCL_MIN, NULL },
        { 0, "noise", CLI_REAL, &c.noise, "X", 0, 10, "standard deviation of the noise", 0, NULL },
        { 0, "clip", CLI_REAL, &c.clip, "X", 0, INFINITY, "largest gradient norm", 0, NULL },
        { 0, "offset", CLI_INT, &c.offset, "N", -5, 5, "a whole number", 0, NULL },
        { 0, "id", CLI_UINT64, &c.id, "N", 0, 0, "a name of 64 bits", 0, NULL },
        { 0, "limit", CLI_SIZE, &c.limit, "BYTES", 1, 1ull << 40, "memory to use", CLI_BYTES, NULL },
        { 0, "gains", CLI_REALS, &c.gains, "G,...", 0, 5, "gains to try", 0, NULL },
        { 'p', "param", CLI_STRS, &c.param, "NAME", 0, 0, "may be repeated", 0, NULL },
        { 0, "kinds", CLI_STRS, &c.kinds, "KIND,...", 0, 0, "a list", CLI_COMMA, NULL },
        { 0, "name", CLI_STR, &c.name, "TEXT", 0, 0, "any text", 0, NULL },
        { 0, "task", CLI_STR, &c.task, "FILE", 0, 0, "a second input", CLI_FILE, NULL },
        { 0, "preset", CLI_STR, &c.preset, "NAME", 0, 0, "a recipe", 0, NULL },
        { 0, "work", CLI_INT, &c.work_ms, "MS", 0, 10000, "sleep in steps", CLI_NEUTRAL, NULL },
        { 0, "steps", CLI_SIZE, &c.steps, "STEPS", 1, 10000, "how many", CLI_NEUTRAL, NULL },
        CLI_LAST
    };
    const struct cli_tool tool = { "cli_probe", "[options] [FILE...]", "Shows what it was told.", "Nothing more to say.", opts, 0, 3, version, NULL };
    struct rnn_kvs preset = { 0 };
    struct rnn_err err;
    const double gains[] = { 0.5, 1.5 };
    struct cli_parse *p = cli_begin(&tool, CLI_WITH_JOBS | CLI_WITH_SEED | CLI_WITH_LABEL | CLI_WITH_SHARD, &common, argc, argv);
    const char *recipe = cli_value(p, "preset");
    if (recipe) {
        if (rnn_kvs_int(&preset, "hidden", strcmp(recipe, "bad") ? 64 : 0, &err) < 0 || rnn_kvs_real(&preset, "tau", 20, &err) < 0 ||
            rnn_kvs_reals(&preset, "gains", gains, 2, &err) < 0 || rnn_kvs_bool(&preset, "bias", false, &err) < 0) {
            cli_die_err(&err);
        }
    }
    cli_apply(p, &preset);
    rnn_kvs_release(&preset);
    cli_exclusive(p, "noise", "sparse");
    if (c.cell == 0) cli_refuse(p, "clip", "with --cell elman");
    cli_print_config_if_asked(p);
    work(&c);
    print(p, &c);
    if (fflush(stdout) || ferror(stdout)) cli_die(1, "cannot write: standard output: %s", strerror(28));
    cli_release_values(p);
    cli_end(p);
    return 0;
}
