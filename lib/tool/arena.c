#include "tool/arena.h"

#include <stdlib.h>
#include "base/mem.h"

void tool_arenas_clear(struct tool_arenas *a)
{
    for (size_t i = 0; i < a->n; i++) {
        rnn_trials_release(&a->v[i]->tr);
        free(a->v[i]);
    }
    free(a->v);
    a->v = NULL;
    a->n = a->cap = 0;
}

void tool_arenas_release(struct tool_arenas *a)
{
    tool_arenas_clear(a);
    tool_side_close(&a->side);
}

int tool_arena_task(const struct tool_arenas *a, const struct rnn_net *net, const struct tool_task **out, struct rnn_err *err)
{
    const struct tool_items *m = a->side.reader ? &a->side.items : a->seen;
    *out = net->task ? tool_items_find(m, net->task) : NULL;
    if (!*out && m->n == 1 && (a->side.reader || !net->task)) *out = m->v[0];
    if (*out) return RNN_OK;
    if (a->side.reader) return rnn_fail(err, RNN_ERR_ARG, "%s: the file of --%s holds %zu tasks and none of them is its own", net->id, a->side.prov.option, m->n);
    return rnn_fail(err, RNN_ERR_ARG, "%s has no task in the stream: say --task FILE", net->id);
}

static bool same(const struct tool_choice *a, const struct tool_choice *b)
{
    return a->split == b->split && a->count == b->count && a->horizon == b->horizon;
}

int tool_arena_for(struct tool_arenas *a, const struct rnn_net *net, const struct tool_choice *want, const struct tool_arena **out,
                   struct rnn_err *err)
{
    const struct tool_task *of;
    struct tool_arena *made;
    RNN_TRY(tool_arena_task(a, net, &of, err));
    for (size_t i = 0; i < a->n; i++) {
        if (a->v[i]->of != of || !same(&a->v[i]->want, want)) continue;
        *out = a->v[i];
        return RNN_OK;
    }
    RNN_TRY(rnn_grow(&a->v, &a->cap, a->n + 1, sizeof *a->v, err));
    RNN_TRY(rnn_alloc_into(&made, 1, sizeof *made, err));
    a->v[a->n++] = made;
    *made = (struct tool_arena){ .of = of, .want = *want };
    RNN_TRY(tool_choose_trials(of, want, &made->tr, &made->given_id, err));
    if (!made->tr.K) return rnn_fail(err, RNN_ERR_ARG, "task '%s' has no %s trials", of->task->name, rnn_split_names[want->split]);
    *out = made;
    return RNN_OK;
}
