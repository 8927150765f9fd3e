/* The items of one segment that others may refer to: net.task, trials.task, activity.net, activity.trials, param.net. */
#ifndef RNN_IO_IDS_H
#define RNN_IO_IDS_H

#include "io/frame.h"

struct rnn_ids {
    char **slot; /* open addressing; "kind:id" or "kind:id:first" */
    size_t n, cap;
};

/* Forgets all ids: a segment begins. */
void rnn_ids_clear(struct rnn_ids *ids);
void rnn_ids_release(struct rnn_ids *ids);

/* Checks the references of a frame and registers its own id.  An id is a str or an integer under the key `id`; a `head`
 * clears the set.  Blocks of one item (same kind and id, other `first`) are one item.
 * RNN_ERR_FORMAT: a reference to an item that has not come before in this segment, an item that came twice, or an id that
 * is neither str nor integer. */
int rnn_ids_frame(struct rnn_ids *ids, const struct rnn_frame *f, struct rnn_err *err);

#endif
