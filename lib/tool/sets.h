/* Lists of numbers and of sets of numbers, as options of several tools take them: components, ranks, units. */
#ifndef RNN_TOOL_SETS_H
#define RNN_TOOL_SETS_H

#include <stddef.h>
#include "base/err.h"
#include "cli/cli.h"

struct tool_set { char *text; size_t *v; size_t n; }; /* ascending, none twice */
struct tool_sets { struct tool_set *v; size_t n, cap; };

/* Each word of `words` is a number (5), a range whose numbers stand each alone (1-5), a set (1+4+7), a set of a range (10:19), or
 * a set joined of these (0:9+20:29).  Numbers from `least` to 2^24.  RNN_ERR_ARG names the option. */
int tool_sets_parse(const char *option, const struct cli_strs *words, size_t least, struct tool_sets *out, struct rnn_err *err);
/* Appends the set of one number. */
int tool_sets_add(struct tool_sets *s, size_t number, struct rnn_err *err);
size_t tool_sets_max(const struct tool_sets *s); /* 0 when there are none */
void tool_sets_release(struct tool_sets *s);

#endif
