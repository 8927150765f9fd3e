/* Reading the command line, and writing what was said into the tool's variables: default < preset < config < command line. */
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "cli/internal.h"

static void *grow(void *v, size_t *cap, size_t need, size_t size)
{
    if (need <= *cap) return v;
    *cap = need + *cap + 8;
    return cli_oom(realloc(v, *cap * size));
}

static void add_opt(struct cli_parse *p, const struct cli_opt *o)
{
    p->opts = grow(p->opts, &p->cap_opts, p->n_opts + 1, sizeof *p->opts);
    p->opts[p->n_opts++] = *o;
}

static void add_common(struct cli_parse *p, int with)
{
    struct cli_common *c = p->common;
    const int once = CLI_NEUTRAL | CLI_NO_CONFIG;
    const struct { int when; struct cli_opt o; } table[] = {
        { with & (CLI_WITH_JOBS | CLI_WITH_SEED | CLI_WITH_LABEL | CLI_WITH_SHARD), { .name = "Running", .type = CLI_SECTION } },
        { with & CLI_WITH_JOBS, { 'j', "jobs", CLI_SIZE, &c->jobs, "N", 0, 4096, "worker threads; 0: one per processor", CLI_NEUTRAL, NULL } },
        { with & CLI_WITH_SEED, { 's', "seed", CLI_UINT64, &c->seed, "N", 0, 0, "address of every random number", 0, NULL } },
        { with & CLI_WITH_LABEL, { 0, "label", CLI_KVS, &c->labels, "KEY=VALUE", 0, 0, "mark what is written; may be repeated", 0, NULL } },
        { with & CLI_WITH_SHARD, { 0, "shard", CLI_STR, &p->shard, "I/N", 0, 0, "do the I-th of N contiguous blocks of the work, I from 0", once, NULL } },
        { 1, { .name = "Files and messages", .type = CLI_SECTION } },
        { !(with & CLI_NO_OUTPUT), { 'o', "output", CLI_STR, &c->output, "FILE", 0, 0, "write here when all is done, not to standard output", once | CLI_FILE, NULL } },
        { !(with & CLI_NO_OUTPUT), { 'f', "force", CLI_FLAG, &c->force, NULL, 0, 0, "write binary frames even to a terminal", once, NULL } },
        { 1, { 0, "max-frame", CLI_SIZE, &c->max_frame, "BYTES", 1024, 1ull << 40, "refuse larger frames", CLI_NEUTRAL | CLI_BYTES, NULL } },
        { 1, { 0, "config", CLI_STR, &c->config, "FILE", 0, 0, "read options from a file of 'name = value' lines", once | CLI_FILE, NULL } },
        { 1, { 0, "print-config", CLI_FLAG, &c->print_config, NULL, 0, 0, "print every option as a config file, and stop", once, NULL } },
        { 1, { 0, "progress", CLI_CHOICE, &c->progress, "auto|bar|plain|none", 0, 0, "how to show progress", CLI_NEUTRAL, NULL } },
        { 1, { 'q', "quiet", CLI_FLAG, &c->quiet, NULL, 0, 0, "only errors and warnings", CLI_NEUTRAL, NULL } },
        { 1, { 'v', "verbose", CLI_FLAG, &p->verbose, NULL, 0, 0, "say more", CLI_NEUTRAL, NULL } },
        { 1, { 0, "help", CLI_FLAG, NULL, NULL, 0, 0, "print this, and stop", once, NULL } },
        { 1, { 0, "version", CLI_FLAG, NULL, NULL, 0, 0, "print versions of suite, stream, libraries and kernels, and stop", once, NULL } },
        { 1, { 0, "complete", CLI_FLAG, NULL, NULL, 0, 0, "print the option table", once | CLI_HIDDEN, NULL } },
    };
    for (size_t i = 0; i < RNN_LEN(table); i++) {
        if (table[i].when) add_opt(p, &table[i].o);
    }
}

size_t cli_find(const struct cli_parse *p, const char *name, size_t len)
{
    for (size_t i = 0; i < p->n_opts; i++) {
        if (p->opts[i].type == CLI_SECTION) continue;
        if (strlen(p->opts[i].name) == len && !memcmp(p->opts[i].name, name, len)) return i;
    }
    return p->n_opts;
}

static size_t find_named(const struct cli_parse *p, const char *name)
{
    const size_t i = cli_find(p, name, strlen(name));
    if (i == p->n_opts) cli_die(1, "internal error: no option '%s' in the table", name);
    return i;
}

static size_t find_short(const struct cli_parse *p, char c)
{
    for (size_t i = 0; i < p->n_opts; i++) {
        if (p->opts[i].short_name == c) return i;
    }
    return p->n_opts;
}

/* Two rows of one name would make the second unreachable. */
static void check_table(const struct cli_parse *p)
{
    for (size_t i = 0; i < p->n_opts; i++) {
        const struct cli_opt *o = &p->opts[i];
        if (o->type == CLI_SECTION) continue;
        if (cli_find(p, o->name, strlen(o->name)) != i || (o->short_name && find_short(p, o->short_name) != i)) {
            cli_die(1, "internal error: option '%s' is in the table twice", o->name);
        }
    }
}

/* Edit distance (insertions, deletions, substitutions), given up above 40 letters. */
static size_t distance(const char *a, size_t n, const char *b)
{
    const size_t m = strlen(b);
    size_t row[41];
    if (n > 40 || m > 40) return 41;
    for (size_t j = 0; j <= m; j++) row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            const size_t swap = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = 1 + (row[j] < row[j - 1] ? row[j] : row[j - 1]);
            if (swap < row[j]) row[j] = swap;
        }
    }
    return row[m];
}

const char *cli_nearest(const struct cli_parse *p, const char *name, size_t len)
{
    const char *best = NULL;
    size_t best_distance = len < 5 ? 2 : len / 3 + 2; /* two letters of four are another word */
    for (size_t i = 0; i < p->n_opts; i++) {
        const struct cli_opt *o = &p->opts[i];
        if (o->type == CLI_SECTION || o->flags & CLI_HIDDEN) continue;
        const size_t d = len >= 3 && !strncmp(o->name, name, len) ? 1 : distance(name, len, o->name);
        if (d < best_distance) {
            best_distance = d;
            best = o->name;
        }
    }
    return best;
}

void cli_add_word(struct cli_parse *p, size_t opt, const char *text, enum cli_source source, size_t line)
{
    p->words = grow(p->words, &p->cap_words, p->n_words + 1, sizeof *p->words);
    p->words[p->n_words++] = (struct cli_word){ opt, cli_oom(rnn_strdup(text)), source, line };
}

/* --help and its like act where they stand. */
static void act(struct cli_parse *p, size_t opt, const char *text)
{
    const struct cli_opt *o = &p->opts[opt];
    if (o->dst) {
        cli_add_word(p, opt, text, CLI_FROM_ARGV, 0);
        return;
    }
    if (!strcmp(o->name, "help")) cli_print_help(p, stdout);
    if (!strcmp(o->name, "version")) cli_print_version(p, stdout);
    if (!strcmp(o->name, "complete")) cli_print_complete(p, stdout);
    cli_finish_stdout();
}

static _Noreturn void die_unknown(const struct cli_parse *p, const char *word, size_t len)
{
    const char *near = cli_nearest(p, word + 2, len - 2);
    if (near) cli_die(2, "unknown option: %.*s: did you mean --%s?", (int)len, word, near);
    if (p->tool->hint) cli_die(2, "unknown option: %.*s: %s", (int)len, word, p->tool->hint);
    cli_die(2, "unknown option: %.*s: '%s --help' lists them", (int)len, word, p->tool->name);
}

/* The value of an option that stands in its own word.  One that looks like a long option is more likely a forgotten value. */
static const char *next_word(const struct cli_opt *o, const char *option, int argc, char **argv, int *i)
{
    if (*i + 1 >= argc) cli_die(2, "%s: needs a value (%s)", option, o->arg);
    const char *value = argv[*i + 1];
    if (value[0] == '-' && value[1] == '-') {
        cli_die(2, "%s: needs a value (%s) but is followed by '%s'; to mean that, write --%s=%s", option, o->arg, value,
                o->name, value);
    }
    ++*i;
    return value;
}

static void read_long(struct cli_parse *p, int argc, char **argv, int *i)
{
    const char *word = argv[*i], *eq = strchr(word, '=');
    const size_t len = eq ? (size_t)(eq - word) : strlen(word);
    size_t opt = cli_find(p, word + 2, len - 2);
    bool negated = false;
    if (opt == p->n_opts && len > 5 && !memcmp(word, "--no-", 5)) {
        opt = cli_find(p, word + 5, len - 5);
        negated = opt < p->n_opts;
        if (negated && (p->opts[opt].type != CLI_FLAG || !p->opts[opt].dst)) die_unknown(p, word, len);
    }
    if (opt == p->n_opts) die_unknown(p, word, len);
    const struct cli_opt *o = &p->opts[opt];
    if (o->type == CLI_FLAG) {
        if (eq) cli_die(2, "--%s: takes no value; to switch it off, write --no-%s", o->name, o->name);
        act(p, opt, negated ? "false" : "true");
    } else {
        char option[80];
        snprintf(option, sizeof option, "--%s", o->name);
        act(p, opt, eq ? eq + 1 : next_word(o, option, argc, argv, i));
    }
}

/* -qj4, -j 4, -vq: flags may be joined, the last may have its value attached. */
static void read_cluster(struct cli_parse *p, int argc, char **argv, int *i)
{
    for (const char *c = argv[*i] + 1; *c; c++) {
        const char option[] = { '-', *c, '\0' };
        const size_t opt = find_short(p, *c);
        if (opt == p->n_opts) {
            cli_die(2, "unknown option: %s%s%s: '%s --help' lists them", option, c[1] || c > argv[*i] + 1 ? " in " : "",
                    c[1] || c > argv[*i] + 1 ? argv[*i] : "", p->tool->name);
        }
        if (!cli_has_value(&p->opts[opt])) {
            act(p, opt, "true");
        } else if (c[1]) {
            act(p, opt, c + 1 + (c[1] == '='));
            return;
        } else {
            act(p, opt, next_word(&p->opts[opt], option, argc, argv, i));
            return;
        }
    }
}

static void add_arg(struct cli_parse *p, const char *arg)
{
    if (p->n_args >= p->tool->max_args) cli_die(2, "too many arguments: '%s': usage: %s %s", arg, p->tool->name, p->tool->synopsis);
    for (size_t i = 0; i < p->n_args; i++)
        if (!strcmp(arg, "-") && !strcmp(p->args[i], "-")) cli_die(2, "'-' is given twice: standard input can be read only once");
    p->args = grow(p->args, &p->cap_args, p->n_args + 1, sizeof *p->args);
    p->args[p->n_args++] = arg;
}

struct cli_parse *cli_begin(const struct cli_tool *t, int with, struct cli_common *c, int argc, char **argv)
{
    struct cli_parse *p = cli_oom(calloc(1, sizeof *p));
    cli_tool_name = t->name;
    p->tool = t;
    p->common = c;
    if (!c->max_frame) c->max_frame = (size_t)1 << 30;
    for (const struct cli_opt *o = t->opts; o && o->type != CLI_END; o++) add_opt(p, o);
    p->n_own = p->n_opts;
    add_common(p, with);
    check_table(p);
    p->given = cli_oom(calloc(p->n_opts, sizeof *p->given));
    p->mine = cli_oom(calloc(p->n_opts, sizeof *p->mine));
    bool only_args = false;
    for (int i = 1; i < argc; i++) {
        if (only_args || argv[i][0] != '-' || !argv[i][1]) add_arg(p, argv[i]);
        else if (!strcmp(argv[i], "--")) only_args = true;
        else if (argv[i][1] == '-') read_long(p, argc, argv, &i);
        else read_cluster(p, argc, argv, &i);
    }
    if (p->n_args < t->min_args) cli_die(2, "too few arguments: usage: %s %s", t->name, t->synopsis);
    const char *config = cli_value(p, "config");
    if (config) cli_read_config(p, config);
    return p;
}

const char *cli_value(const struct cli_parse *p, const char *name)
{
    const size_t opt = find_named(p, name);
    const char *text = NULL;
    for (int source = CLI_FROM_CONFIG; source <= CLI_FROM_ARGV; source++) {
        for (size_t i = 0; i < p->n_words; i++) {
            if (p->words[i].opt == opt && p->words[i].source == (enum cli_source)source) text = p->words[i].text;
        }
    }
    return text;
}

/* Before cli_apply the defaults still stand in *dst, so that a config line can be compared with them. */
bool cli_given(const struct cli_parse *p, const char *name)
{
    const size_t opt = find_named(p, name);
    if (p->applied) return p->given[opt];
    for (size_t i = 0; i < p->n_words; i++) {
        const struct cli_word *w = &p->words[i];
        if (w->opt != opt) continue;
        if (w->source == CLI_FROM_ARGV || !p->opts[opt].dst) return true;
        char *dflt = cli_text(&p->opts[opt]);
        const bool differs = !dflt || strcmp(dflt, w->text) != 0;
        free(dflt);
        if (differs) return true;
    }
    return false;
}

static _Noreturn void die_value(const struct cli_parse *p, const struct cli_word *w, const char *why)
{
    const struct cli_opt *o = &p->opts[w->opt];
    if (w->source == CLI_FROM_CONFIG) cli_die(2, "%s:%zu: %s: '%s': %s", p->common->config, w->line, o->name, w->text, why);
    cli_die(2, "--%s: '%s': %s", o->name, w->text, why);
}

static void store(struct cli_parse *p, size_t opt, const char *text, bool append, const struct cli_word *w)
{
    char why[CLI_WHY];
    if (!cli_store(&p->opts[opt], text, append, p->mine[opt], why)) {
        if (w) die_value(p, w, why);
        cli_die(2, "preset: %s: '%s': %s", p->opts[opt].name, text, why);
    }
    p->mine[opt] = true;
}

static char *preset_text(const struct rnn_kv *e)
{
    char num[32], *out = NULL;
    if (e->type != RNN_KV_REALS) return cli_oom(rnn_kv_text(e));
    for (size_t i = 0; i < e->n; i++) {
        cli_real_text(e->list[i], num);
        char *longer = cli_oom(rnn_asprintf("%s%s%s", out ? out : "", out ? "," : "", num));
        free(out);
        out = longer;
    }
    return cli_oom(out ? out : rnn_strdup(""));
}

static void apply_preset(struct cli_parse *p, const struct rnn_kvs *preset)
{
    for (size_t i = 0; i < preset->n; i++) {
        const struct rnn_kv *e = &preset->v[i];
        if (e->type == RNN_KV_NULL) continue; /* says nothing */
        const size_t opt = find_named(p, e->key);
        char *text = preset_text(e);
        store(p, opt, text, false, NULL);
        if (p->opts[opt].seen) *p->opts[opt].seen = true;
        free(text);
    }
}

/* A config line that says what holds anyway does not count as said: the output of --print-config states every option,
 * and reading it back must not make a mode out of one that was only printed. */
static void apply_source(struct cli_parse *p, enum cli_source source)
{
    for (size_t opt = 0; opt < p->n_opts; opt++) {
        if (p->opts[opt].type == CLI_SECTION || !p->opts[opt].dst) continue;
        char *before = cli_text(&p->opts[opt]);
        bool any = false;
        for (size_t i = 0; i < p->n_words; i++) {
            const struct cli_word *w = &p->words[i];
            if (w->opt != opt || w->source != source) continue;
            store(p, opt, w->text, any, w);
            any = true;
        }
        char *after = any ? cli_text(&p->opts[opt]) : NULL;
        const bool changed = any && (!before != !after || (before && strcmp(before, after) != 0));
        if (any && (changed || source == CLI_FROM_ARGV)) {
            p->given[opt] = true;
            if (p->opts[opt].seen) *p->opts[opt].seen = true;
        }
        free(before);
        free(after);
    }
}

static void read_shard(struct cli_parse *p)
{
    struct cli_common *c = p->common;
    int end = 0;
    if (!p->shard) return;
    const bool shaped = strspn(p->shard, "0123456789/") == strlen(p->shard) &&
                        sscanf(p->shard, "%9zu/%9zu%n", &c->shard_i, &c->shard_n, &end) == 2 && !p->shard[end];
    if (!shaped || c->shard_i >= c->shard_n) cli_die(2, "--shard: '%s': must be I/N with 0 <= I < N", p->shard);
}

static size_t processors(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? (size_t)CPU_COUNT(&set) : 1;
}

/* Standard input can be one input: the FILE that a tool reads (or none of it), or a further file given as `-`. */
static void check_standard_input(const struct cli_parse *p)
{
    bool is_main = p->tool->max_args > 0 && p->n_args == 0;
    for (size_t i = 0; i < p->n_args; i++) is_main |= !strcmp(p->args[i], "-");
    const char *reader = NULL;
    for (size_t i = 0; i < p->n_words; i++) {
        const struct cli_word *w = &p->words[i];
        const struct cli_opt *o = &p->opts[w->opt];
        if (!(o->flags & CLI_FILE) || o->flags & CLI_NEUTRAL || strcmp(w->text, "-")) continue;
        if (is_main) cli_die(2, "--%s -: standard input is the main stream already: name a FILE for one of them", o->name);
        if (reader) cli_die(2, "--%s -: --%s reads standard input already: name a FILE for one of them", o->name, reader);
        reader = o->name;
    }
}

void cli_apply(struct cli_parse *p, const struct rnn_kvs *preset)
{
    struct cli_common *c = p->common;
    if (p->applied) return;
    c->config = cli_value(p, "config") ? cli_oom(rnn_strdup(cli_value(p, "config"))) : NULL; /* messages name it */
    p->mine[find_named(p, "config")] = c->config != NULL;
    if (preset) apply_preset(p, preset);
    apply_source(p, CLI_FROM_CONFIG);
    apply_source(p, CLI_FROM_ARGV);
    p->applied = true;
    c->verbose = p->verbose;
    if (c->quiet && c->verbose) cli_die(2, "--quiet and --verbose contradict each other");
    read_shard(p);
    check_standard_input(p);
    p->jobs_auto = c->jobs == 0;
    if (p->jobs_auto) c->jobs = processors();
    cli_message_setup(c->quiet, c->verbose);
    if (c->jobs > 1 && cli_one_thread) {
        cli_warn("--jobs: one thread works, not %zu: %s", c->jobs, cli_one_thread);
        c->jobs = 1;
    }
    cli_progress_setup(c->quiet ? CLI_PROGRESS_NONE : c->progress);
}

void cli_exclusive(const struct cli_parse *p, const char *a, const char *b)
{
    if (cli_given(p, a) && cli_given(p, b)) cli_die(2, "--%s and --%s contradict each other", a, b);
}

void cli_refuse(const struct cli_parse *p, const char *name, const char *why)
{
    if (cli_given(p, name)) cli_die(2, "--%s: has no effect %s", name, why);
}

size_t cli_n_args(const struct cli_parse *p)
{
    return p->n_args;
}

const char *cli_arg(const struct cli_parse *p, size_t i)
{
    return i < p->n_args ? p->args[i] : NULL;
}

/* What was given several times, a line each: joined by commas, `a=1,b=2` could not be told from one value with a comma. */
static int put_lines(struct rnn_kvs *out, const struct cli_opt *o, struct rnn_err *err)
{
    const struct rnn_kvs *m = o->type == CLI_KVS ? o->dst : NULL;
    const struct cli_strs *l = o->type == CLI_STRS ? o->dst : NULL;
    char *text = NULL;
    for (size_t i = 0; i < (m ? m->n : l->n); i++) {
        char *value = m ? rnn_kv_text(&m->v[i]) : NULL;
        char *more = m ? rnn_asprintf("%s%s%s=%s", text ? text : "", text ? "\n" : "", m->v[i].key, value ? value : "")
                       : rnn_asprintf("%s%s%s", text ? text : "", text ? "\n" : "", l->v[i]);
        free(value);
        free(text);
        text = cli_oom(more);
    }
    const int rc = text ? rnn_kvs_str(out, o->name, text, err) : rnn_kvs_null(out, o->name, err);
    free(text);
    return rc;
}

static int put_option(struct rnn_kvs *out, const struct cli_opt *o, const char *text, struct rnn_err *err)
{
    if (o->type == CLI_KVS || (o->type == CLI_STRS && !(o->flags & CLI_COMMA))) return put_lines(out, o, err);
    if (!text) return rnn_kvs_null(out, o->name, err);
    switch (o->type) {
    case CLI_FLAG: return rnn_kvs_bool(out, o->name, *(const bool *)o->dst, err);
    case CLI_INT: return rnn_kvs_int(out, o->name, *(const int64_t *)o->dst, err);
    case CLI_SIZE: return rnn_kvs_uint(out, o->name, *(const size_t *)o->dst, err);
    case CLI_UINT64: return rnn_kvs_uint(out, o->name, *(const uint64_t *)o->dst, err);
    case CLI_REAL: return rnn_kvs_real(out, o->name, *(const double *)o->dst, err);
    case CLI_REALS: {
        const struct cli_reals *l = o->dst;
        return rnn_kvs_reals(out, o->name, l->v, l->n, err);
    }
    default: return rnn_kvs_str(out, o->name, text, err);
    }
}

int cli_options(const struct cli_parse *p, struct rnn_kvs *out, struct rnn_err *err)
{
    for (size_t i = 0; i < p->n_opts; i++) {
        const struct cli_opt *o = &p->opts[i];
        if (o->type == CLI_SECTION || !o->dst || o->flags & (CLI_NEUTRAL | CLI_FILE)) continue;
        char *text = cli_text(o);
        const int rc = put_option(out, o, text, err);
        free(text);
        RNN_TRY(rc);
    }
    return RNN_OK;
}

static void release_value(const struct cli_opt *o)
{
    if (o->type == CLI_STR) {
        free(*(char **)o->dst);
        *(char **)o->dst = NULL;
    } else if (o->type == CLI_REALS) {
        free(((struct cli_reals *)o->dst)->v);
        *(struct cli_reals *)o->dst = (struct cli_reals){ 0 };
    } else if (o->type == CLI_STRS) {
        struct cli_strs *l = o->dst;
        for (size_t i = 0; i < l->n; i++) free(l->v[i]);
        free(l->v);
        *l = (struct cli_strs){ 0 };
    } else if (o->type == CLI_KVS) {
        rnn_kvs_release(o->dst);
        *(struct rnn_kvs *)o->dst = (struct rnn_kvs){ 0 };
    }
}

void cli_release_values(struct cli_parse *p)
{
    for (size_t i = 0; i < p->n_opts; i++) {
        if (p->mine[i]) release_value(&p->opts[i]);
        p->mine[i] = false;
    }
}

void cli_end(struct cli_parse *p)
{
    if (!p) return;
    for (size_t i = 0; i < p->n_words; i++) free(p->words[i].text);
    free(p->words);
    free(p->args);
    free(p->opts);
    free(p->given);
    free(p->mine);
    free(p->shard);
    free(p);
}
