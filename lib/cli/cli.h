/* What every command line here has in common: option tables, messages, progress.  Sees lib/base only.
 * One table says everything about a tool's options; parsing, --help, --config, --print-config, provenance, the man page
 * check and shell completion are all made from it, so they cannot drift apart. */
#ifndef RNN_CLI_CLI_H
#define RNN_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "base/err.h"
#include "base/kv.h"

enum cli_type {
    CLI_FLAG,    /* bool *: --name sets, --no-name clears */
    CLI_INT,     /* int64_t *, min..max */
    CLI_SIZE,    /* size_t *, min..max; accepts suffixes k M G (1024) only when CLI_BYTES */
    CLI_UINT64,  /* uint64_t *, 0x accepted */
    CLI_REAL,    /* double *, min..max; "inf" only when max is infinite */
    CLI_STR,     /* char ** (malloc'd) */
    CLI_CHOICE,  /* int *: index into choices "a|b|c" */
    CLI_REALS,   /* struct cli_reals *: comma-separated, each min..max */
    CLI_STRS,    /* struct cli_strs *: may be given several times, and as a comma-separated list when CLI_COMMA */
    CLI_KVS,     /* struct rnn_kvs *: key=value, may be given several times */
    CLI_SECTION, /* a heading in --help; name is its text */
    CLI_END
};

struct cli_reals { double *v; size_t n; };
struct cli_strs { char **v; size_t n; };

enum cli_flags {
    CLI_NEUTRAL = 1,   /* cannot change a number (-j, -o, -q, file names): never in provenance */
    CLI_BYTES = 2,
    CLI_COMMA = 4,
    CLI_HIDDEN = 8,    /* not in --help */
    CLI_FILE = 16,     /* a file name (completion); implies CLI_NEUTRAL */
    CLI_NO_CONFIG = 32,
    CLI_EXCL_MIN = 64, /* min itself is excluded */
    CLI_WHOLE = 128    /* CLI_REALS: whole numbers only */
};

/* One option.  Defaults are what *dst holds when parsing starts. */
struct cli_opt {
    char short_name;       /* or 0 */
    const char *name;      /* long option, without dashes */
    enum cli_type type;
    void *dst;
    const char *arg;       /* "MS", "N", "FILE"; for CLI_CHOICE "a|b|c" */
    double min, max;       /* numbers only; INFINITY allowed; both 0: no bounds.  A default outside them means "not set" */
    const char *help;      /* one line, lower case, unit included */
    int flags;
    bool *seen;            /* optional: set when cli_given (below) or set by a preset */
};

#define CLI_LAST { .type = CLI_END }

struct cli_tool {
    const char *name;            /* "rnn-train" */
    const char *synopsis;        /* "[options] [FILE]" */
    const char *summary;         /* one sentence */
    const char *details;         /* optional paragraph(s) after the options in --help */
    const struct cli_opt *opts;
    size_t min_args, max_args;   /* positional arguments */
    /* Called for --version after the first line (build facts); may be NULL. */
    void (*version)(FILE *out);
    const char *hint;            /* optional: what to do about an option that is not in opts, instead of a word about --help */
};

/* The options every tool has: -q -v --progress -o -f/--force --config --print-config --help --version --max-frame, and -j, --seed,
 * --label, --shard where asked for.  Prepended to the tool's own. */
struct cli_common {
    bool quiet, force, print_config;
    int verbose, progress;             /* CLI_PROGRESS_* */
    size_t jobs;                       /* 0 = number of processors */
    uint64_t seed;
    struct rnn_kvs labels;
    size_t shard_i, shard_n;           /* 0/1 = all */
    char *output, *config;
    size_t max_frame;
};
enum { CLI_PROGRESS_AUTO, CLI_PROGRESS_BAR, CLI_PROGRESS_PLAIN, CLI_PROGRESS_NONE };
enum { CLI_WITH_JOBS = 1, CLI_WITH_SEED = 2, CLI_WITH_LABEL = 4, CLI_WITH_SHARD = 8, CLI_NO_OUTPUT = 16 };
#define CLI_COMMON_DEFAULT { .jobs = 1, .shard_n = 1 }

/* Parses argv in two steps, so that a preset can sit between defaults and the user's words.
 * cli_begin reads argv without touching any dst and dies (exit 2) on unknown options or missing values; --help and --version
 * print on stdout and exit 0.  cli_given/cli_value look at what was said.  cli_apply then writes: preset entries (a kvs whose
 * keys are long option names) over defaults, --config over them, the command line over all. */
struct cli_parse;
struct cli_parse *cli_begin(const struct cli_tool *t, int with, struct cli_common *c, int argc, char **argv);
/* True when said on the command line, or in --config with another value than would hold anyway: the output of
 * --print-config states every option, and reading it back must not look as if each had been asked for. */
bool cli_given(const struct cli_parse *p, const char *name);
const char *cli_value(const struct cli_parse *p, const char *name);   /* its last text, or NULL */
void cli_apply(struct cli_parse *p, const struct rnn_kvs *preset);    /* dies on bad values, naming where each came from; a second call does nothing */
/* After cli_apply, for options that do not go together; both exit 2 with a line that names the options. */
void cli_exclusive(const struct cli_parse *p, const char *a, const char *b);      /* both were given */
void cli_refuse(const struct cli_parse *p, const char *name, const char *why);    /* given: "has no effect " why */
size_t cli_n_args(const struct cli_parse *p);
const char *cli_arg(const struct cli_parse *p, size_t i);             /* positional */
/* Every option that can change a number, defaults included, with its final value (for provenance).  Key-value pairs, and strings
 * that are not comma lists, are one text with a line for each time they were given. */
int cli_options(const struct cli_parse *p, struct rnn_kvs *out, struct rnn_err *err);
/* --print-config: `key = value` lines, each with its help as a comment; ends the program when asked for. */
void cli_print_config_if_asked(struct cli_parse *p);
/* Frees the strings and lists that cli_apply allocated into dst, and clears those dst.  Without it they are the tool's. */
void cli_release_values(struct cli_parse *p);
void cli_end(struct cli_parse *p); /* p itself; never a dst */
/* Hidden `--complete` support: prints "name\ttype\targ\thelp\tshort\tdefault\trange" per option; used by completion and the page check. */

/* Messages: `tool: what: subject: reason`, one write(2) each, never interleaved with a progress bar. */
void cli_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));   /* silent with -q */
void cli_verbose(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* with -v only */
void cli_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void cli_die(int status, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* status from the code: RNN_ERR_ARG is 2, everything else 1 */
int cli_status_of(int code);
_Noreturn void cli_die_err(const struct rnn_err *err);
/* Called by cli_die* before exit (to remove temporaries). */
void cli_at_die(void (*fn)(void *), void *arg);
extern const char *cli_tool_name;
extern const char *cli_one_thread; /* why --jobs must stay 1 here; NULL: it need not.  Set before cli_apply, which then warns */

/* Progress on stderr: a bar with rate and time left on a terminal; else a plain line every 10 % or every minute.
 * Thread-safe.  total 0: unknown. what: "nets", unit of the count. */
void cli_progress_start(const char *what, double total);
void cli_progress(double done, const char *note); /* note: e.g. "loss 0.0123", or NULL */
void cli_progress_end(void);

#endif
