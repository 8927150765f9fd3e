/* What the frame codecs share; not for use outside lib/codec. */
#ifndef RNN_CODEC_INTERNAL_H
#define RNN_CODEC_INTERNAL_H

#include "codec/codec.h"
#include "io/check.h" /* rnn_key_is */

#define RNN_ANY ((size_t)-1) /* in a wanted shape: any extent; filled in with what was found */
#define RNN_SHAPE_TEXT 200

/* "[3, 4]" of a shape, for messages. */
const char *rnn_shape_text(int ndim, const size_t *shape, char out[RNN_SHAPE_TEXT]);

/* Array `key` of a map as float32 or float64 in C order, converted when its dtype is another real one.  shape[ndim] is what is
 * wanted, RNN_ANY extents being filled in.  *out is made with rnn_alloc; complex numbers and other shapes are RNN_ERR_FORMAT. */
int rnn_take_f32(const msgpack_object *map, const char *key, int ndim, size_t *shape, float **out, struct rnn_err *err);
int rnn_take_f64(const msgpack_object *map, const char *key, int ndim, size_t *shape, double **out, struct rnn_err *err);
/* An array object as float64 into out[count], whose shape must be the given one; what: its name in messages. */
int rnn_view_into_f64(const msgpack_object *o, const char *what, int ndim, const size_t *shape, double *out, struct rnn_err *err);

/* A whole number that fits size_t, with a default when absent (want: absence is an error). */
int rnn_want_size(const msgpack_object *map, const char *key, size_t *v, struct rnn_err *err);
int rnn_get_size(const msgpack_object *map, const char *key, size_t *v, size_t dflt, struct rnn_err *err);
/* Index of a name in a NULL-terminated list; absent: dflt, or an error when dflt < 0. */
int rnn_get_name(const msgpack_object *map, const char *key, const char *const *names, int dflt, int *v, struct rnn_err *err);
/* The map under key; *out NULL when it is absent or nil. */
int rnn_get_map(const msgpack_object *map, const char *key, const msgpack_object **out, struct rnn_err *err);
/* A time of a step or a constant: finite and above 0; absent: dflt as it is. */
int rnn_get_ms(const msgpack_object *map, const char *key, double *v, double dflt, struct rnn_err *err);
/* Puts "KIND 'ID': " before the message that err holds, and returns its code. */
int rnn_blame(struct rnn_err *err, const char *kind, const char *id);
/* A str of 1 to size - 1 bytes. */
int rnn_take_short(const msgpack_object *body, const char *key, char *out, size_t size, struct rnn_err *err);
/* heads: [{name, n}], left out when there are none. */
void rnn_put_heads(struct rnn_body *b, const struct rnn_heads *h);
int rnn_get_heads(const msgpack_object *map, struct rnn_heads *h, struct rnn_err *err);
bool rnn_is_nil(const msgpack_object *o); /* absent or nil */

#endif
