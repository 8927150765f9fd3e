/* MATLAB .mat files (version 5; 7.3 when an array needs it), written and read with matio. */
#ifndef RNN_CONVERT_MAT_H
#define RNN_CONVERT_MAT_H

#include "convert/named.h"

/* A variable per entry, column-major as MATLAB has it; vectors are columns, strings a cell array.  What cannot stand in a MATLAB name
 * becomes '_', a leading digit or '_' gets an 'x' before it, and a name that then came before gets a number.  Booleans are logical. */
int rnn_mat_write(const char *path, const struct rnn_named_list *l, struct rnn_err *err);
/* Every variable of the file `path`, whose bytes are p[0..len), of version 5 or 7.3, in C order: single stays single, other real numbers become double.  What is
 * neither (text, cells, structs, sparse or complex matrices) is there with `why`.  A name params0_X, as rnn_mat_write makes it, is
 * params0/X again.  A file that is cut short is refused, because matio reads it as if the rest were zeros. */
int rnn_mat_read(const char *path, const unsigned char *p, size_t len, struct rnn_named_list *l, struct rnn_err *err);

#endif
