/* Lists of whole numbers and ranges as options take them: 3,8-15. */
#ifndef RNN_TOOL_RANGES_H
#define RNN_TOOL_RANGES_H

#include "cli/cli.h"

/* The numbers in the order they were said, malloc'd (NULL when s is empty); ends the program (exit 2) on anything else.  what: "unit",
 * for the message. */
size_t *tool_ranges(const char *option, const char *what, const struct cli_strs *s, size_t *n);

#endif
