/* What a tool prints about itself: --help, --version, --print-config and the machine-readable option table. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/mem.h"
#include "cli/internal.h"

#define HELP_WIDTH 80
#define HELP_COLUMN 28 /* where help texts begin */
#define KEEP_TOGETHER 36 /* longest text in brackets that is not broken */
#define CHOICE_INLINE 22 /* longer lists of choices go into the text */

#ifndef RNN_SUITE_VERSION
#define RNN_SUITE_VERSION "unknown"
#endif

/* The unit that an argument name stands for, as printed after a default; "" when it is not a unit. */
static const char *unit_of(const char *arg)
{
    static const char *const units[][2] = {
        { "MS", " ms" }, { "SECONDS", " s" }, { "HZ", " Hz" }, { "STEPS", " steps" }, { "EPOCHS", " epochs" },
        { "UPDATES", " updates" }, { "TRIALS", " trials" }, { "NETS", " nets" }, { "UNITS", " units" }, { "DEG", " deg" },
        { "RAD", " rad" }, { "TOKENS", " tokens" }, { "SYMBOLS", " symbols" }, { "POINTS", " points" }, { "BITS", " bits" },
    };
    for (size_t i = 0; arg && i < RNN_LEN(units); i++) {
        if (!strcmp(arg, units[i][0])) return units[i][1];
    }
    return "";
}

static bool is_long_choice(const struct cli_opt *o)
{
    return o->type == CLI_CHOICE && strlen(o->arg) > CHOICE_INLINE;
}

/* "-j, --jobs N"; a long list of choices is replaced by the last word of the option's name. */
static char *left_column(const struct cli_opt *o)
{
    char shorts[8] = "    ", arg[64] = "";
    if (o->short_name) snprintf(shorts, sizeof shorts, "-%c, ", o->short_name);
    if (is_long_choice(o)) {
        const char *dash = strrchr(o->name, '-');
        snprintf(arg, sizeof arg, " %s", dash ? dash + 1 : o->name);
        for (char *c = arg; *c; c++) *c = (char)toupper((unsigned char)*c);
    } else if (cli_has_value(o)) {
        snprintf(arg, sizeof arg, " %s", o->arg ? o->arg : "VALUE");
    }
    const bool on = o->type == CLI_FLAG && o->dst && *(const bool *)o->dst;
    return cli_oom(rnn_asprintf("  %s--%s%s%s", shorts, on ? "[no-]" : "", o->name, arg));
}

static char *right_column(const struct cli_opt *o)
{
    char *choices = is_long_choice(o) ? cli_oom(rnn_strdup(o->arg)) : NULL;
    char *dflt = o->type != CLI_FLAG && o->dst ? cli_text(o) : NULL;
    const bool on = o->type == CLI_FLAG && o->dst && *(const bool *)o->dst;
    char *list = cli_oom(calloc(1, choices ? 2 * strlen(choices) + 3 : 1));
    for (char *c = choices, *out = list; c && *c; c++) {
        if (c == choices) out = stpcpy(out, ": ");
        if (*c == '|') out = stpcpy(out, ", ");
        else *out++ = *c;
    }
    char range[CLI_RANGE];
    cli_range_text(o, range);
    char *text = cli_oom(rnn_asprintf("%s%s%s%s%s%s%s%s%s", o->help, list, *range ? " (" : "", range, *range ? ")" : "",
                                      dflt && *dflt ? " [" : on ? " [on" : "", dflt ? dflt : "",
                                      dflt && *dflt ? unit_of(o->arg) : "", (dflt && *dflt) || on ? "]" : ""));
    free(choices);
    free(list);
    free(dflt);
    return text;
}

/* Fills text to HELP_WIDTH, starting in column `at`, further lines indented by `indent`. */
static void print_filled(FILE *out, const char *text, size_t at, size_t indent)
{
    bool first = true;
    for (const char *c = text; *c;) {
        c += strspn(c, " ");
        size_t len = strcspn(c, " \n");
        const char *close = *c == '[' ? strchr(c, ']') : *c == '(' ? strchr(c, ')') : NULL; /* a range, or a default and its unit, stays together */
        if (close && (size_t)(close - c) < KEEP_TOGETHER) len = (size_t)(close - c) + 1;
        if (len && !first && at + 1 + len > HELP_WIDTH) {
            fprintf(out, "\n%*s", (int)indent, "");
            at = indent;
            first = true;
        }
        if (len) {
            fprintf(out, "%s%.*s", first ? "" : " ", (int)len, c);
            at += len + !first;
            first = false;
        }
        c += len;
        if (*c == '\n') {
            fprintf(out, "\n%*s", c[1] && c[1] != '\n' ? (int)indent : 0, "");
            at = indent;
            first = true;
            c++;
        }
    }
    fputc('\n', out);
}

static void print_option(FILE *out, const struct cli_opt *o)
{
    char *left = left_column(o), *right = right_column(o);
    const size_t n = strlen(left);
    if (n + 2 > HELP_COLUMN) fprintf(out, "%s\n%*s", left, HELP_COLUMN, "");
    else fprintf(out, "%-*s", HELP_COLUMN, left);
    print_filled(out, right, HELP_COLUMN, HELP_COLUMN);
    free(left);
    free(right);
}

static bool section_is_empty(const struct cli_parse *p, size_t i)
{
    for (i++; i < p->n_opts && p->opts[i].type != CLI_SECTION; i++) {
        if (!(p->opts[i].flags & CLI_HIDDEN)) return false;
    }
    return true;
}

void cli_print_help(const struct cli_parse *p, FILE *out)
{
    fprintf(out, "Usage: %s %s\n", p->tool->name, p->tool->synopsis);
    print_filled(out, p->tool->summary, 0, 0);
    if (p->n_own && p->opts[0].type != CLI_SECTION) fprintf(out, "\nOptions\n");
    for (size_t i = 0; i < p->n_opts; i++) {
        const struct cli_opt *o = &p->opts[i];
        if (o->type == CLI_SECTION) {
            if (!section_is_empty(p, i)) fprintf(out, "\n%s\n", o->name);
        } else if (!(o->flags & CLI_HIDDEN)) {
            print_option(out, o);
        }
    }
    if (p->tool->details) {
        fputc('\n', out);
        print_filled(out, p->tool->details, 0, 0);
    }
    fprintf(out, "\nRanges are in parentheses, defaults in brackets.  More: man %s\n", p->tool->name);
}

void cli_print_version(const struct cli_parse *p, FILE *out)
{
    fprintf(out, "%s (rnn-suite) %s\n", p->tool->name, RNN_SUITE_VERSION);
    if (p->tool->version) p->tool->version(out);
}

void cli_print_complete(const struct cli_parse *p, FILE *out)
{
    static const char *const types[] = {
        [CLI_FLAG] = "flag", [CLI_INT] = "int", [CLI_SIZE] = "size", [CLI_UINT64] = "uint64", [CLI_REAL] = "real",
        [CLI_STR] = "str", [CLI_CHOICE] = "choice", [CLI_REALS] = "reals", [CLI_STRS] = "strs", [CLI_KVS] = "key=value",
    };
    for (size_t i = 0; i < p->n_opts; i++) {
        const struct cli_opt *o = &p->opts[i];
        const char shorts[] = { o->short_name, '\0' };
        if (o->type == CLI_SECTION || o->flags & CLI_HIDDEN) continue;
        char *dflt = o->dst ? cli_text(o) : NULL, range[CLI_RANGE];
        const bool off = o->type == CLI_FLAG && dflt && !strcmp(dflt, "false");
        cli_range_text(o, range);
        fprintf(out, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", o->name, o->flags & CLI_FILE ? "file" : types[o->type],
                cli_has_value(o) && o->arg ? o->arg : "", o->help, shorts, off || !dflt ? "" : o->type == CLI_FLAG ? "on" : dflt, range);
        free(dflt);
    }
}

static void print_entry(FILE *out, const struct cli_opt *o, const char *text)
{
    if (text) {
        char *quoted = cli_config_quote(text);
        fprintf(out, "%s = %s\n", o->name, quoted);
        free(quoted);
    } else {
        fprintf(out, "#%s =\n", o->name); /* not set */
    }
}

static void print_config_option(FILE *out, const struct cli_opt *o, const char *text)
{
    fprintf(out, "# %s%s%s%s\n", o->help, o->type == CLI_CHOICE ? " (" : "", o->type == CLI_CHOICE ? o->arg : "",
            o->type == CLI_CHOICE ? ")" : "");
    if (o->type == CLI_KVS) {
        const struct rnn_kvs *m = o->dst;
        for (size_t i = 0; i < m->n; i++) {
            char *v = cli_oom(rnn_kv_text(&m->v[i])), *pair = cli_oom(rnn_asprintf("%s=%s", m->v[i].key, v));
            print_entry(out, o, pair);
            free(v);
            free(pair);
        }
        if (!m->n) print_entry(out, o, NULL);
    } else if (o->type == CLI_STRS && !(o->flags & CLI_COMMA)) {
        const struct cli_strs *l = o->dst;
        for (size_t i = 0; i < l->n; i++) print_entry(out, o, l->v[i]);
        if (!l->n) print_entry(out, o, NULL);
    } else {
        print_entry(out, o, text);
    }
}

void cli_print_config_if_asked(struct cli_parse *p)
{
    if (!p->common->print_config) return;
    printf("# %s (rnn-suite) %s\n", p->tool->name, RNN_SUITE_VERSION);
    for (size_t i = 0; i < p->n_opts; i++) {
        const struct cli_opt *o = &p->opts[i];
        if (o->type == CLI_SECTION) {
            if (!section_is_empty(p, i)) printf("\n# ---- %s\n", o->name);
            continue;
        }
        if (!o->dst || o->flags & CLI_NO_CONFIG) continue;
        char *text = o->dst == &p->common->jobs && p->jobs_auto ? cli_oom(rnn_strdup("0")) : cli_text(o);
        print_config_option(stdout, o, text);
        free(text);
    }
    cli_finish_stdout();
}

_Noreturn void cli_finish_stdout(void)
{
    if (fflush(stdout) || ferror(stdout)) cli_die(1, "cannot write: standard output: %s", strerror(errno));
    _exit(0);
}
