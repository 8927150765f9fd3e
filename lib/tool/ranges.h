/* Lists as options take them: whole numbers and ranges (3,8-15), and words out of a list of names. */
#ifndef RNN_TOOL_RANGES_H
#define RNN_TOOL_RANGES_H

#include "cli/cli.h"
#include "model/task.h"

/* The numbers in the order they were said, malloc'd (NULL when s is empty); ends the program (exit 2) on anything else.  what: "unit",
 * for the message. */
size_t *tool_ranges(const char *option, const char *what, const struct cli_strs *s, size_t *n);

/* Marks the words' places among names[] (ends with NULL) in chosen[]; with all_or_none, "all" marks every one and "none", alone,
 * nothing.  Ends the program (exit 2) on any other word. */
void tool_pick(const char *option, const struct cli_strs *words, const char *const *names, bool all_or_none, bool *chosen);
/* The splits of --split in their order; returns how many.  Ends the program (exit 2) on another word, and on one that comes twice. */
size_t tool_splits(const struct cli_strs *words, enum rnn_split out[RNN_N_SPLITS]);

#endif
