/* On which trials each network of a stream is run: made once per task, shared by the workers. */
#ifndef RNN_TOOL_ARENA_H
#define RNN_TOOL_ARENA_H

#include "model/net.h"
#include "tool/items.h"

struct tool_arena {
    const struct tool_task *of;
    struct tool_choice want;
    struct rnn_trials tr;
    const char *given_id; /* the id under which all of them stand in the segment (or the side), or NULL; borrowed */
};
struct tool_arenas {
    struct tool_arena **v; size_t n, cap;
    const struct tool_items *seen; /* of the segment */
    struct tool_side side;         /* of --task or --trials; when there is one, it decides for all nets */
};

/* The task of a net: its own, or the only one there is.  RNN_ERR_ARG when it has none. */
int tool_arena_task(const struct tool_arenas *a, const struct rnn_net *net, const struct tool_task **out, struct rnn_err *err);
/* Its trials of a split.  RNN_ERR_ARG, naming task and split, when there are none. */
int tool_arena_for(struct tool_arenas *a, const struct rnn_net *net, const struct tool_choice *want, const struct tool_arena **out,
                   struct rnn_err *err);
void tool_arenas_clear(struct tool_arenas *a); /* trials; seen and side stay */
void tool_arenas_release(struct tool_arenas *a);

#endif
