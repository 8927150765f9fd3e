/* Walking untrusted msgpack bytes without allocating.  The walk keeps its place, so bytes that arrive piecemeal through
 * a pipe are looked at once, and every answer "not yet" says how many bytes there must be at least. */
#ifndef RNN_IO_WALK_H
#define RNN_IO_WALK_H

#include "io/frame.h"

/* Values in one frame.  msgpack-c spends 24 bytes on each, so this bounds what unpacking can ask for (384 MiB). */
#define RNN_MAX_VALUES ((uint64_t)1 << 24)

struct rnn_walker {
    size_t pos;                          /* bytes accepted */
    uint64_t owed;                       /* values still to come: a lower bound on the bytes still to come */
    uint64_t values;                     /* values seen or announced */
    int depth;
    uint64_t left[RNN_MAX_DEPTH + 1];    /* values still to come in each open container */
    bool is_map[RNN_MAX_DEPTH + 1];
};

/* A zeroed walker starts a value.  RNN_OK: it is whole and w->pos bytes long.  RNN_EOS: *need bytes or more are needed;
 * call again with more bytes at the same start.  RNN_ERR_FORMAT: not msgpack, a map key that is neither str nor bin, or
 * nested deeper than RNN_MAX_DEPTH.  RNN_ERR_LIMIT: needs more than max bytes, or more than RNN_MAX_VALUES values. */
int rnn_walk_more(struct rnn_walker *w, const unsigned char *p, size_t len, size_t max, size_t *need, struct rnn_err *err);

/* The same for a whole frame [kind, body, crc]; zeroed to start.  The crc is not compared here. */
struct rnn_scan {
    struct rnn_walker body;
    char kind[32]; /* set once the kind is in */
    size_t at;     /* where the body starts; 0 before the kind is in */
    size_t len;    /* the frame's length, set with RNN_OK */
    uint32_t crc;  /* as written, set with RNN_OK */
};
int rnn_scan_frame(struct rnn_scan *s, const unsigned char *p, size_t len, size_t max, size_t *need, struct rnn_err *err);

#endif
