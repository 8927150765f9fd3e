/* MATLAB .mat files (version 5; 7.3 when an array needs it), written with matio. */
#ifndef RNN_CONVERT_MAT_H
#define RNN_CONVERT_MAT_H

#include "convert/named.h"

/* A variable per entry, column-major as MATLAB has it; vectors are columns, strings a cell array.  What cannot stand in a MATLAB name
 * becomes '_', a leading digit or '_' gets an 'x' before it, and a name that then came before gets a number.  Booleans are logical. */
int rnn_mat_write(const char *path, const struct rnn_named_list *l, struct rnn_err *err);

#endif
