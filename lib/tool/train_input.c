#include "tool/train_input.h"

#include <stdlib.h>
#include <string.h>
#include "codec/codec.h"
#include "io/pipe.h"

int tool_train_input(struct tool_train_input *in, const struct tool_items *items, struct rnn_err *err)
{
    const char *id;
    bool is_one;
    *in = (struct tool_train_input){ 0 };
    if (items->n != 1) return rnn_fail(err, RNN_ERR_FORMAT, "a segment of the input holds %zu tasks, where training needs one", items->n);
    in->task = items->v[0];
    RNN_TRY(tool_given_trials(in->task, RNN_TRAIN, 0, &in->train, &id, &is_one, err));
    RNN_TRY(tool_given_trials(in->task, RNN_VALIDATION, 0, &in->validation, &id, &is_one, err));
    in->data = (struct rnn_train_data){ .task = in->task->task, .train = in->train.K ? &in->train : NULL,
                                        .validation = in->validation.K ? &in->validation : NULL };
    return RNN_OK;
}

void tool_train_input_release(struct tool_train_input *in)
{
    rnn_trials_release(&in->train);
    rnn_trials_release(&in->validation);
}

int tool_refuse_numbered_net(const struct rnn_frame *f, const char *option, struct rnn_err *err)
{
    char *id;
    if (strcmp(f->kind, "net") != 0) return RNN_OK;
    RNN_TRY(rnn_want_str(f->body, "id", &id, err));
    const bool is_numbered = !strncmp(id, "net-", 4) && id[4] >= '0' && id[4] <= '9';
    int rc = RNN_OK;
    if (is_numbered) {
        rc = rnn_fail(err, RNN_ERR_FORMAT, "the input holds net '%s' already: %s starts from it; 'rnn-cat select --kind task' takes the task alone", id, option);
    }
    free(id);
    return rc;
}

_Noreturn void tool_relay(struct cli_parse *p, const struct cli_common *c, struct rnn_reader *r, struct rnn_writer *w,
                          const struct rnn_kvs *build, const struct rnn_frame *error, int rc, struct rnn_err *err)
{
    const struct rnn_kvs none = { 0 };
    struct rnn_err second; /* that telling failed too adds nothing to what went wrong first */
    cli_apply(p, NULL);
    if (!w) w = tool_open_output(c);
    if (error) {
        struct rnn_frame f;
        rnn_writer_head(w, rnn_reader_head(r), cli_tool_name, &none, build, &second);
        rnn_writer_copy(w, error, &second);
        rc = rnn_reader_next(r, &f, err); /* says what the frame said */
    }
    rnn_pipe_relay(r, w, cli_tool_name, &none, build, rc, err);
    tool_fail(w, NULL, err);
}
