/* numpy's .npy and .npz files.  Source: numpy.lib.format, versions 1.0 to 3.0 of the header. */
#ifndef RNN_CONVERT_NPZ_H
#define RNN_CONVERT_NPZ_H

#include "convert/named.h"

/* One .npy image.  Little- and big-endian numbers, C and Fortran order are read; integers of 1, 2 and 4 bytes that streams lack become
 * "<i8", complex64 becomes "<c16".  RNN_ERR_FORMAT: not .npy, fewer data than its shape says, or a dtype that is none of these (strings,
 * objects, float16). */
int rnn_npy_parse(const unsigned char *p, size_t len, struct rnn_array *a, struct rnn_err *err);
/* Header of an entry (malloc'd): magic, version 1.0 dict, padded to 64 bytes.  *width: bytes of one element, strings
 * being '<U'. */
int rnn_npy_header(const struct rnn_named *e, char **header, size_t *len, size_t *width, struct rnn_err *err);
/* Strings as numpy holds them: rows of `width` bytes of UTF-32, padded with zeros (rnn_alloc). */
int rnn_npy_strings(const struct rnn_named *e, size_t width, void **data, struct rnn_err *err);
int rnn_npy_write(FILE *f, const struct rnn_named *e, struct rnn_err *err);

/* Every array of a zip archive in memory; entries that rnn_npy_parse refuses are there with `why`. */
int rnn_npz_parse(const void *p, size_t len, struct rnn_named_list *out, struct rnn_err *err);
/* An archive as numpy.savez makes it (stored, NAME.npy), built in memory and then written. */
int rnn_npz_write(FILE *f, const struct rnn_named_list *l, struct rnn_err *err);

#endif
