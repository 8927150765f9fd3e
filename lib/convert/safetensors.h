/* safetensors files: eight bytes of header length, a JSON header {name: {dtype, shape, data_offsets}}, the numbers.
 * Source: the format's README (Hugging Face).  Complex numbers and strings have no place in it. */
#ifndef RNN_CONVERT_SAFETENSORS_H
#define RNN_CONVERT_SAFETENSORS_H

#include "convert/named.h"

/* F32, F64, I32, I64, U8, U64 and BOOL are read; entries of other types are there with `why`. */
int rnn_safetensors_parse(const void *p, size_t len, struct rnn_named_list *out, struct rnn_err *err);
/* RNN_ERR_FORMAT names the first complex array.  Strings are skipped; *skipped counts them. */
int rnn_safetensors_write(FILE *f, const struct rnn_named_list *l, size_t *skipped, struct rnn_err *err);

#endif
