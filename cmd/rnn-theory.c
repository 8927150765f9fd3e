/* rnn-theory MODEL: what mathematics predicts, as networks and tables to hold networks against. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "cli/cli.h"
#include "tool/theory.h"
#include "tool/tool.h"

static char *or_die(char *s)
{
    if (!s) cli_die(1, "out of memory");
    return s;
}

static const struct tool_theory *find(const char *name)
{
    const struct tool_theory *const *m = tool_theory_models();
    while (*m && strcmp((*m)->name, name)) m++;
    return *m;
}

static char *names(void)
{
    char *all = or_die(rnn_strdup(""));
    for (const struct tool_theory *const *m = tool_theory_models(); *m; m++) {
        char *longer = or_die(rnn_asprintf("%s%s%s", all, *all ? ", " : "", (*m)->name));
        free(all);
        all = longer;
    }
    return all;
}

static const struct tool_theory *model_of(int argc, char **argv, const char *all)
{
    if (argc < 2) cli_die(2, "no model given: usage: rnn-theory MODEL [options]: models are %s", all);
    const struct tool_theory *m = *argv[1] == '-' ? NULL : find(argv[1]);
    if (*argv[1] != '-' && !m) cli_die(2, "unknown model '%s': models are %s", argv[1], all);
    for (int i = 2; i < argc && !m; i++)
        if (find(argv[i])) cli_die(2, "the model comes first: usage: rnn-theory %s [options]", argv[i]);
    return m;
}

static void print_list(const struct cli_common *c)
{
    FILE *out = tool_open_text(c);
    for (const struct tool_theory *const *m = tool_theory_models(); *m; m++)
        fprintf(out, "%s\t%s\n", (*m)->name, (*m)->summary);
    tool_close_text(out);
}

int main(int argc, char **argv)
{
    static bool list;
    static const struct cli_opt look[] = {{0, "list", CLI_FLAG, &list, NULL, 0, 0,
                                           "print every model with a line about it, and stop",
                                           CLI_NO_CONFIG | CLI_NEUTRAL, NULL},
                                          CLI_LAST};
    struct cli_common common = CLI_COMMON_DEFAULT;
    tool_begin("rnn-theory");
    char *all = names();
    const struct tool_theory *m = model_of(argc, argv, all);
    char *synopsis = or_die(m ? rnn_asprintf("%s [options]%s", m->name, m->max_files ? " [FILE]" : "")
                              : rnn_strdup("MODEL [options]"));
    char *details =
        or_die(m ? rnn_strdup(m->details)
                 : rnn_asprintf("Models: %s.\n`rnn-theory MODEL --help` shows a model's options.", all));
    const struct cli_tool tool = {.name = "rnn-theory",
                                  .synopsis = synopsis,
                                  .details = details,
                                  .opts = m ? m->opts : look,
                                  .version = tool_version,
                                  .summary = m ? m->summary : "Networks and numbers that theory predicts.",
                                  .hint = m ? NULL : "options of a model come after it: rnn-theory MODEL [options]",
                                  .min_args = m ? 1 : 0,
                                  .max_args = m ? 1 + m->max_files : 0};
    struct cli_parse *p = cli_begin(&tool, m ? m->with : 0, &common, argc, argv);
    cli_apply(p, NULL);
    cli_print_config_if_asked(p);
    if (m && m->check) m->check(p, &common);
    if (m)
        m->run(m, p, &common, cli_arg(p, 1));
    else if (list)
        print_list(&common);
    else
        cli_die(2, "no model given: usage: rnn-theory MODEL [options]: models are %s", all);
    cli_release_values(p);
    cli_end(p);
    free(synopsis);
    free(details);
    free(all);
    return tool_end(0);
}
