/* What a body must be beyond well-formed msgpack; the reader asks before it gives a frame. */
#ifndef RNN_IO_CHECK_H
#define RNN_IO_CHECK_H

#include "io/frame.h"

/* Every map: keys are str, none twice (msgpack-numpy's own five may be bin).  Every str is UTF-8.  Every array has a known
 * dtype, no pickled objects, and as much data as its shape says.  RNN_ERR_FORMAT otherwise. */
int rnn_check_body(const msgpack_object *body, struct rnn_err *err);

/* Whether a key (str or bin) is this name. */
bool rnn_key_is(const msgpack_object *key, const char *name);

#endif
