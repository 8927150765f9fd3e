/* One frame of a stream, [kind, body, crc], and building the bytes of a body.  Format: rnn-stream(5). */
#ifndef RNN_IO_FRAME_H
#define RNN_IO_FRAME_H

#include <msgpack/object.h>
#include <stddef.h>
#include <stdint.h>
#include "base/array.h"
#include "base/err.h"
#include "base/kv.h"

#define RNN_FORMAT "rnn-stream"
#define RNN_FORMAT_MAJOR 1
#define RNN_FORMAT_MINOR 0
#define RNN_MAX_DEPTH 16
#define RNN_FRAME_TARGET ((size_t)60 << 20)   /* writers keep frames below 64 MiB: block arrays along the first axis */
#define RNN_BLOCK_TARGET ((size_t)2 << 20)    /* trials and activity come in blocks of this: memory that is used again costs no new pages, and
                                                 one block stays in the cache from the writer's crc to the pipe */
#define RNN_FRAME_MAX_DEFAULT ((size_t)1 << 30) /* readers refuse larger frames (--max-frame) */

/* A frame as a reader gives it.  `body` and `raw` point into the reader and live until its next call. */
struct rnn_frame {
    const char *kind;             /* NUL-terminated copy of the kind string */
    const msgpack_object *body;   /* a map */
    const unsigned char *raw;     /* the frame's bytes exactly as read, crc included */
    size_t raw_len;
    uint32_t crc;
    uint64_t index;               /* within the segment; head is 0 */
    uint64_t segment;             /* from 0 */
};

/* Growing byte buffer that holds one msgpack map under construction.  Every rnn_put_* adds one key.
 * Errors stick: after a failure every call is a no-op and rnn_body_finish reports the first one. */
struct rnn_body {
    unsigned char *p;
    size_t len, cap;
    size_t open[RNN_MAX_DEPTH + 2]; /* offsets of the open containers' headers */
    uint32_t count[RNN_MAX_DEPTH + 2];
    bool is_list[RNN_MAX_DEPTH + 2];
    int depth;
    struct rnn_err err;
};

void rnn_body_start(struct rnn_body *b);          /* an empty map; reuses memory of an earlier body */
int rnn_body_finish(struct rnn_body *b, struct rnn_err *err); /* closes the map; b->p[0..len) is the body */
void rnn_body_release(struct rnn_body *b);

void rnn_put_nil(struct rnn_body *b, const char *key);
void rnn_put_bool(struct rnn_body *b, const char *key, bool v);
void rnn_put_int(struct rnn_body *b, const char *key, int64_t v);
void rnn_put_uint(struct rnn_body *b, const char *key, uint64_t v);
void rnn_put_real(struct rnn_body *b, const char *key, double v); /* always float64 */
void rnn_put_str(struct rnn_body *b, const char *key, const char *s);
void rnn_put_strn(struct rnn_body *b, const char *key, const char *s, size_t len);
/* An array in the msgpack-numpy map (design golden bytes).  `data` is C order. */
void rnn_put_array(struct rnn_body *b, const char *key, enum rnn_dtype t, int ndim, const size_t *shape, const void *data);
/* The same for n strings (a list of str). */
void rnn_put_strs(struct rnn_body *b, const char *key, const char *const *s, size_t n);
void rnn_put_kvs(struct rnn_body *b, const char *key, const struct rnn_kvs *m); /* a map of named values */
void rnn_put_object(struct rnn_body *b, const char *key, const msgpack_object *o); /* copies any value, byte-stable */
/* Nested containers: keys inside a list are NULL. */
void rnn_put_map(struct rnn_body *b, const char *key);
void rnn_put_list(struct rnn_body *b, const char *key);
void rnn_put_close(struct rnn_body *b);

/* ---- typed access to a received body; each names the key and the expected type in its message ---- */
const msgpack_object *rnn_find(const msgpack_object *map, const char *key); /* NULL when absent or not a map */
int rnn_want_int(const msgpack_object *map, const char *key, int64_t *v, struct rnn_err *err);
int rnn_want_uint(const msgpack_object *map, const char *key, uint64_t *v, struct rnn_err *err);
int rnn_want_real(const msgpack_object *map, const char *key, double *v, struct rnn_err *err);   /* ints accepted */
int rnn_want_bool(const msgpack_object *map, const char *key, bool *v, struct rnn_err *err);
int rnn_want_str(const msgpack_object *map, const char *key, char **v, struct rnn_err *err);     /* malloc'd copy */
int rnn_want_map(const msgpack_object *map, const char *key, const msgpack_object **v, struct rnn_err *err);
/* A copy of an array (any dtype) in aligned memory; release with rnn_array_release. */
int rnn_want_array(const msgpack_object *map, const char *key, struct rnn_array *a, struct rnn_err *err);
int rnn_want_kvs(const msgpack_object *map, const char *key, struct rnn_kvs *m, struct rnn_err *err); /* merges into m */
/* The same with a default when the key is absent; a wrong type is still an error. */
int rnn_get_int(const msgpack_object *map, const char *key, int64_t *v, int64_t dflt, struct rnn_err *err);
int rnn_get_uint(const msgpack_object *map, const char *key, uint64_t *v, uint64_t dflt, struct rnn_err *err);
int rnn_get_real(const msgpack_object *map, const char *key, double *v, double dflt, struct rnn_err *err);
int rnn_get_bool(const msgpack_object *map, const char *key, bool *v, bool dflt, struct rnn_err *err);
int rnn_get_str(const msgpack_object *map, const char *key, char **v, const char *dflt, struct rnn_err *err);
/* Reads an object that is itself an array (an element of `columns`, say) without copying: data points into the frame
 * (may be unaligned: read with memcpy or rnn_array_get). */
int rnn_view_array(const msgpack_object *o, struct rnn_array *view, struct rnn_err *err);
bool rnn_is_array(const msgpack_object *o); /* looks like a msgpack-numpy map */

#endif
