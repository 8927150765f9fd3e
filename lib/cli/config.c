/* Config files: `key = value` lines, keys named as the long options.  `#` begins a comment at the start of a line or after
 * a blank; a value in double quotes keeps its blanks and '#', with \" \\ and \n inside. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "cli/internal.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static char *trim(char *s)
{
    while (is_blank(*s)) s++;
    size_t n = strlen(s);
    while (n && is_blank(s[n - 1])) n--;
    s[n] = '\0';
    return s;
}

static void drop_comment(char *s)
{
    for (size_t i = 0; s[i]; i++) {
        if (s[i] == '#' && (i == 0 || is_blank(s[i - 1]))) s[i] = '\0';
        if (!s[i]) return;
    }
}

/* Takes the quotes off in place; false when the closing one is missing or followed by anything but a comment. */
static bool unquote(char *s)
{
    char *out = s, *in = s + 1;
    for (; *in && *in != '"'; in++) {
        if (*in == '\\' && in[1]) {
            in++;
            *out++ = *in == 'n' ? '\n' : *in;
        } else {
            *out++ = *in;
        }
    }
    if (*in != '"') return false;
    char *rest = in + 1;
    drop_comment(rest);
    const bool clean = !*trim(rest);
    *out = '\0';
    return clean;
}

char *cli_config_quote(const char *text)
{
    const size_t n = strlen(text);
    const bool plain = n && !is_blank(text[0]) && !is_blank(text[n - 1]) && text[0] != '"' && !strpbrk(text, "#\n");
    char *out = cli_oom(malloc(2 * n + 3)), *o = out;
    if (!plain) *o++ = '"';
    for (const char *c = text; *c; c++) {
        if (!plain && (*c == '"' || *c == '\\' || *c == '\n')) *o++ = '\\';
        *o++ = !plain && *c == '\n' ? 'n' : *c;
    }
    if (!plain) *o++ = '"';
    *o = '\0';
    return out;
}

static void reject_second(const struct cli_parse *p, const char *path, size_t line, size_t opt)
{
    const enum cli_type t = p->opts[opt].type;
    if (t == CLI_STRS || t == CLI_KVS) return;
    for (size_t i = 0; i < p->n_words; i++) {
        if (p->words[i].opt == opt && p->words[i].source == CLI_FROM_CONFIG) {
            cli_die(2, "%s:%zu: %s: already set in line %zu", path, line, p->opts[opt].name, p->words[i].line);
        }
    }
}

static void read_line(struct cli_parse *p, const char *path, size_t line, char *s)
{
    s = trim(s);
    if (!*s || *s == '#') return;
    char *eq = strchr(s, '=');
    if (!eq) cli_die(2, "%s:%zu: '%s': not a line of the form key = value", path, line, s);
    *eq = '\0';
    char *key = trim(s), *value = trim(eq + 1);
    if (*value == '"') {
        if (!unquote(value)) cli_die(2, "%s:%zu: %s: the quotes do not match", path, line, key);
    } else {
        drop_comment(value);
        value = trim(value);
    }
    const size_t opt = cli_find(p, key, strlen(key));
    if (opt == p->n_opts) {
        const char *near = cli_nearest(p, key, strlen(key));
        cli_die(2, "%s:%zu: %s: unknown option%s%s%s", path, line, key, near ? " (did you mean '" : "", near ? near : "",
                near ? "'?)" : "");
    }
    if (p->opts[opt].flags & CLI_NO_CONFIG) cli_die(2, "%s:%zu: %s: belongs on the command line", path, line, key);
    reject_second(p, path, line, opt);
    cli_add_word(p, opt, value, CLI_FROM_CONFIG, line);
}

void cli_read_config(struct cli_parse *p, const char *path)
{
    FILE *f = fopen(path, "r");
    char *s = NULL;
    size_t cap = 0, line = 0;
    if (!f) cli_die(1, "cannot open config: %s: %s", path, strerror(errno));
    for (ssize_t n; errno = 0, (n = getline(&s, &cap, f)) >= 0;) {
        line++;
        if (strlen(s) != (size_t)n) cli_die(2, "%s:%zu: a NUL byte: not a text file", path, line);
        read_line(p, path, line, s);
    }
    if (ferror(f)) cli_die(1, "cannot read config: %s: %s", path, strerror(errno));
    free(s);
    fclose(f);
}
