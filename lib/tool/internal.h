/* Shared by the files of lib/tool only. */
#ifndef RNN_TOOL_INTERNAL_H
#define RNN_TOOL_INTERNAL_H

#include <signal.h>
#include "tool/tool.h"

void tool_catch_signals(void);
void tool_block_signals(bool block, sigset_t *old); /* around making a temporary and remembering it */
void tool_remember_temp(const char *temp); /* a signal, or cli_die, unlinks it */
void tool_forget_temp(const char *temp);   /* it is gone, or was renamed */
void tool_remove_temps(void *unused);
/* A temporary file in $TMPDIR, for libraries that know files by name only: open for reading and writing; removed by tool_end_temp,
 * which frees the name, by a signal and by cli_die. */
int tool_make_temp(char **temp);
void tool_end_temp(char *temp);

#endif
