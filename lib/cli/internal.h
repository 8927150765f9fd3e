/* Shared by the files of lib/cli only. */
#ifndef RNN_CLI_INTERNAL_H
#define RNN_CLI_INTERNAL_H

#include "cli/cli.h"

enum cli_source { CLI_FROM_CONFIG, CLI_FROM_ARGV };

/* One thing the user said: option `opt` (index into opts) is `text`. */
struct cli_word {
    size_t opt;
    char *text;
    enum cli_source source;
    size_t line; /* in the config file */
};

/* Everything known about one command line.  opts holds the tool's own options, then the common ones; headings kept. */
struct cli_parse {
    const struct cli_tool *tool;
    struct cli_common *common;
    struct cli_opt *opts;
    size_t n_opts, cap_opts, n_own;
    struct cli_word *words;
    size_t n_words, cap_words;
    const char **args;
    size_t n_args, cap_args;
    bool *given; /* [n_opts], valid once applied */
    bool *mine;  /* [n_opts]: what dst holds was allocated here */
    bool applied, jobs_auto, verbose;
    char *shard;
};

/* value.c */
#define CLI_WHY 160
/* Stores text into *o->dst.  append: lists grow, otherwise they start anew; mine: the old value was allocated here and is
 * freed.  false: nothing changed, and why says what is wrong with the text ("must be at least 1"). */
bool cli_store(const struct cli_opt *o, const char *text, bool append, bool mine, char why[CLI_WHY]);
/* What *o->dst holds, in the form that cli_store reads back equal; NULL when unset.  The caller frees. */
char *cli_text(const struct cli_opt *o);
void cli_real_text(double x, char out[32]);
/* The numbers that an option takes, "0 to 1e6", "above 0, up to 1", "from 1"; empty for other types and where any will do. */
#define CLI_RANGE 72
void cli_range_text(const struct cli_opt *o, char out[CLI_RANGE]);
void cli_bytes_text(size_t n, char out[32]);
bool cli_has_value(const struct cli_opt *o); /* false: flags and headings */
void *cli_oom(void *p); /* p, or death when it is NULL */

/* config.c */
void cli_read_config(struct cli_parse *p, const char *path);
/* text as the right-hand side of a config line, quoted when it has to be; the caller frees */
char *cli_config_quote(const char *text);

/* parse.c */
size_t cli_find(const struct cli_parse *p, const char *name, size_t len); /* n_opts when there is none */
void cli_add_word(struct cli_parse *p, size_t opt, const char *text, enum cli_source source, size_t line);
const char *cli_nearest(const struct cli_parse *p, const char *name, size_t len); /* a name close to a misspelt one, or NULL */

/* help.c */
void cli_print_help(const struct cli_parse *p, FILE *out);
void cli_print_version(const struct cli_parse *p, FILE *out);
void cli_print_complete(const struct cli_parse *p, FILE *out);

/* message.c, progress.c */
void cli_message_setup(bool quiet, bool verbose);
void cli_progress_setup(int mode);
/* Both are called with the message lock held: remove the bar from the line / draw it again. */
size_t cli_progress_erase(char *out, size_t cap);
void cli_lock(void);
void cli_unlock(void);
void cli_write_stderr(const char *s, size_t n);
_Noreturn void cli_finish_stdout(void); /* exit 0, or 1 when stdout could not be written */

#endif
