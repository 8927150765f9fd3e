/* Choosing frames of a stream so that what is chosen is a stream again: a frame brings along those it refers to. */
#ifndef RNN_CONVERT_SELECT_H
#define RNN_CONVERT_SELECT_H

#include "base/kv.h"
#include "io/frame.h"
#include "io/writer.h"

struct rnn_select_range { uint64_t lo, hi; }; /* both included */

/* What to choose; everything that is set must hold. */
struct rnn_select_rule {
    char *const *kinds; size_t n_kinds;   /* any of these kinds */
    char *const *names; size_t n_names;   /* `name` is any of these */
    struct rnn_kvs labels;                /* all of these, in the frame's labels or those of its net; 1 and 1.0 are equal */
    const struct rnn_select_range *index; size_t n_index; /* `index` of the net, or of the net the frame belongs to */
    uint64_t head_frames, head_nets;      /* > 0: only the first so many frames, or the first nets with what comes between */
};

struct rnn_selector;
/* The rule is borrowed. */
int rnn_selector_new(struct rnn_selector **s, const struct rnn_select_rule *rule, struct rnn_err *err);
void rnn_selector_segment(struct rnn_selector *s); /* at each head */
/* Looks at a frame other than head, end and error; appends to out what is to be written because of it: nothing, the frame, or frames it
 * refers to that were held back and then the frame.  param frames go with their net and are not counted. */
int rnn_selector_frame(struct rnn_selector *s, const struct rnn_frame *f, struct rnn_bytes *out, struct rnn_err *err);
void rnn_selector_free(struct rnn_selector *s);

#endif
