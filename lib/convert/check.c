/* Bodies of known kinds, looked at closely. */
#include <string.h>
#include "codec/codec.h"
#include "convert/look.h"
#include "convert/tidy.h"

static int check_task(struct rnn_checker *c, const msgpack_object *body, struct rnn_err *err)
{
    struct rnn_task *t;
    c->n_task++;
    RNN_TRY(rnn_task_decode(body, &t, err));
    rnn_task_free(t);
    return RNN_OK;
}

static int check_trials(struct rnn_checker *c, const msgpack_object *body, struct rnn_err *err)
{
    struct rnn_trials t;
    c->n_trials++;
    RNN_TRY(rnn_trials_decode(body, &t, err));
    rnn_trials_release(&t);
    return RNN_OK;
}

static int check_net(struct rnn_checker *c, const struct rnn_frame *f, struct rnn_err *err)
{
    struct rnn_net *whole;
    c->n_net += strcmp(f->kind, "net") == 0;
    RNN_TRY(rnn_net_take(&c->open, f, &whole, err));
    rnn_net_free(whole);
    return RNN_OK;
}

static int check_activity(struct rnn_checker *c, const msgpack_object *body, struct rnn_err *err)
{
    struct rnn_activity a;
    c->n_other++;
    RNN_TRY(rnn_activity_decode(body, &a, err));
    rnn_activity_release(&a);
    return RNN_OK;
}

static int check_table(struct rnn_checker *c, const msgpack_object *body, struct rnn_err *err)
{
    struct rnn_tidies t = {0};
    c->n_table++;
    const int rc = rnn_tidies_add(&t, body, err);
    rnn_tidies_release(&t);
    return rc;
}

int rnn_checker_frame(struct rnn_checker *c, const struct rnn_frame *f, struct rnn_err *err)
{
    if (strcmp(f->kind, "head") == 0) {
        rnn_checker_release(c);
        *c = (struct rnn_checker){0};
        return RNN_OK;
    }
    if (c->open || strcmp(f->kind, "net") == 0 || strcmp(f->kind, "param") == 0) return check_net(c, f, err);
    if (strcmp(f->kind, "task") == 0) return check_task(c, f->body, err);
    if (strcmp(f->kind, "trials") == 0) return check_trials(c, f->body, err);
    if (strcmp(f->kind, "activity") == 0) return check_activity(c, f->body, err);
    if (strcmp(f->kind, "table") == 0) return check_table(c, f->body, err);
    c->n_other += strcmp(f->kind, "end") != 0;
    return RNN_OK;
}

void rnn_checker_release(struct rnn_checker *c)
{
    rnn_net_free(c->open);
    c->open = NULL;
}
