#include "tool/items.h"

#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "cli/cli.h"
#include "codec/codec.h"
#include "io/reader.h"

void tool_items_clear(struct tool_items *m)
{
    for (size_t i = 0; i < m->n; i++) {
        for (size_t b = 0; b < m->v[i]->n_blocks; b++) {
            free(m->v[i]->blocks[b].id);
            rnn_trials_release(&m->v[i]->blocks[b].tr);
        }
        free(m->v[i]->blocks);
        rnn_task_free(m->v[i]->task);
        free(m->v[i]);
    }
    free(m->v);
    *m = (struct tool_items){ 0 };
}

struct tool_task *tool_items_find(const struct tool_items *m, const char *id)
{
    for (size_t i = 0; i < m->n; i++)
        if (!strcmp(m->v[i]->task->id, id)) return m->v[i];
    return NULL;
}

static int take_task(struct tool_items *m, const msgpack_object *body, struct rnn_err *err)
{
    struct rnn_task *task;
    struct tool_task *t;
    RNN_TRY(rnn_task_decode(body, &task, err));
    int rc = rnn_grow(&m->v, &m->cap, m->n + 1, sizeof *m->v, err);
    if (rc >= 0) rc = rnn_alloc_into(&t, 1, sizeof *t, err);
    if (rc < 0) { rnn_task_free(task); return rc; }
    t->task = task;
    m->v[m->n++] = t;
    return RNN_OK;
}

static int take_trials(struct tool_items *m, const msgpack_object *body, struct rnn_err *err)
{
    struct tool_block b = { 0 };
    char *of = NULL;
    int rc = rnn_want_str(body, "task", &of, err);
    struct tool_task *t = rc < 0 ? NULL : tool_items_find(m, of);
    if (rc >= 0 && !t) rc = rnn_fail(err, RNN_ERR_FORMAT, "trials of a task '%s' that has not come before", of);
    if (rc >= 0) rc = rnn_want_str(body, "id", &b.id, err);
    if (rc >= 0) rc = rnn_trials_decode(body, &b.tr, err);
    if (rc >= 0) rc = rnn_grow(&t->blocks, &t->cap_blocks, t->n_blocks + 1, sizeof *t->blocks, err);
    if (rc >= 0) t->blocks[t->n_blocks++] = b;
    else {
        free(b.id);
        rnn_trials_release(&b.tr);
    }
    free(of);
    return rc;
}

int tool_items_frame(struct tool_items *m, const struct rnn_frame *f, struct rnn_err *err)
{
    if (!strcmp(f->kind, "task")) return take_task(m, f->body, err);
    if (!strcmp(f->kind, "trials")) return take_trials(m, f->body, err);
    return RNN_OK;
}

/* ---- given trials ---- */

static int make_cols(const struct rnn_trials *like, size_t K, struct rnn_trials *out, struct rnn_err *err)
{
    RNN_TRY(rnn_alloc_into(&out->cols, like->n_cols, sizeof *out->cols, err));
    for (size_t c = 0; c < like->n_cols; c++) {
        struct rnn_trial_col *col = &out->cols[c];
        out->n_cols = c + 1; /* so that a failure releases it */
        if (!(col->name = rnn_strdup(like->cols[c].name))) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
        if (like->cols[c].s) RNN_TRY(rnn_alloc_into(&col->s, K, sizeof *col->s, err));
        else RNN_TRY(rnn_alloc_into(&col->v, K, sizeof *col->v, err));
    }
    return RNN_OK;
}

static int make_trials(const struct rnn_trials *like, size_t K, struct rnn_trials *out, struct rnn_err *err)
{
    size_t n;
    *out = (struct rnn_trials){ .T = like->T, .n_in = like->n_in, .n_out = like->n_out, .first = like->first, .split = like->split,
                                .stream = like->stream };
    if (!rnn_mul_size(K, like->T, &n)) return rnn_fail(err, RNN_ERR_LIMIT, "%zu trials are too many", K);
    RNN_TRY(rnn_alloc_into(&out->u, n * like->n_in, sizeof *out->u, err));
    RNN_TRY(rnn_alloc_into(&out->y, n * like->n_out, sizeof *out->y, err));
    RNN_TRY(rnn_alloc_into(&out->w, n, sizeof *out->w, err));
    return make_cols(like, K, out, err);
}

/* Appends the first K trials of `in`. */
static int append(struct rnn_trials *out, const struct rnn_trials *in, size_t K, struct rnn_err *err)
{
    const size_t rows = out->K * out->T, n = K * out->T;
    if (in->T != out->T || in->n_in != out->n_in || in->n_out != out->n_out || in->n_cols != out->n_cols)
        return rnn_fail(err, RNN_ERR_FORMAT, "blocks of trials differ in shape");
    memcpy(out->u + rows * out->n_in, in->u, n * out->n_in * sizeof *out->u);
    memcpy(out->y + rows * out->n_out, in->y, n * out->n_out * sizeof *out->y);
    memcpy(out->w + rows, in->w, n * sizeof *out->w);
    for (size_t c = 0; c < out->n_cols; c++) {
        const struct rnn_trial_col *from = &in->cols[c];
        struct rnn_trial_col *to = &out->cols[c];
        if (strcmp(from->name, to->name) || !from->s != !to->s)
            return rnn_fail(err, RNN_ERR_FORMAT, "blocks of trials differ in their parameter '%s'", to->name);
        for (size_t k = 0; k < K; k++) {
            if (to->v) to->v[out->K + k] = from->v[k];
            else if (!(to->s[out->K + k] = rnn_strdup(from->s[k]))) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
        }
    }
    out->K += K;
    return RNN_OK;
}

int tool_given_trials(const struct tool_task *t, enum rnn_split split, size_t count, struct rnn_trials *out, const char **id,
                      bool *is_one, struct rnn_err *err)
{
    const struct tool_block *like = NULL;
    size_t K = 0;
    *out = (struct rnn_trials){ 0 };
    *is_one = true;
    for (size_t b = 0; b < t->n_blocks; b++) {
        if (t->blocks[b].tr.split != split) continue;
        if (!like) like = &t->blocks[b];
        else if (strcmp(like->id, t->blocks[b].id)) *is_one = false;
        K += t->blocks[b].tr.K;
    }
    if (!like) return RNN_OK;
    if (count && count < K) K = count;
    *id = like->id;
    int rc = make_trials(&like->tr, K, out, err);
    for (size_t b = 0; b < t->n_blocks && rc >= 0 && out->K < K; b++) {
        const struct rnn_trials *in = &t->blocks[b].tr;
        if (in->split == split) rc = append(out, in, in->K < K - out->K ? in->K : K - out->K, err);
    }
    if (rc < 0) {
        out->K = K; /* releases every string that may have been made */
        rnn_trials_release(out);
    }
    return rc;
}

static int draw(const struct rnn_task *t, const struct tool_choice *want, struct rnn_trials *out, struct rnn_err *err)
{
    const char *split = rnn_split_names[want->split];
    const uint64_t have = t->n_split[want->split];
    uint64_t count = want->count ? want->count : t->n_emit[want->split] ? t->n_emit[want->split] : have;
    if (!t->def) return rnn_fail(err, RNN_ERR_ARG, "task '%s' is not one of ours: its %s trials must be given (--trials FILE)", t->name, split);
    if (!have && t->is_finite) return rnn_fail(err, RNN_ERR_ARG, "task '%s' has no %s trials", t->name, split);
    if (!count) return rnn_fail(err, RNN_ERR_ARG, "task '%s' has no %s trials of its own accord: say how many (--count)", t->name, split);
    if (have && count > have) {
        if (want->count) return rnn_fail(err, RNN_ERR_ARG, "task '%s' has %llu %s trials, not %zu", t->name, (unsigned long long)have, split, want->count);
        count = have;
    }
    return rnn_task_trials(t, want->split, 0, NULL, 0, count, want->horizon, out, err);
}

int tool_choose_trials(const struct tool_task *t, const struct tool_choice *want, struct rnn_trials *out, const char **given_id,
                       struct rnn_err *err)
{
    const char *id = NULL;
    bool is_one = false;
    *given_id = NULL;
    *out = (struct rnn_trials){ 0 };
    if (want->horizon && !t->task->horizon_base) return rnn_fail(err, RNN_ERR_ARG, "task '%s' has no horizon to change", t->task->name);
    if (!want->horizon) RNN_TRY(tool_given_trials(t, want->split, want->count, out, &id, &is_one, err));
    if (out->K && out->K >= want->count) {
        if (is_one) *given_id = id;
        return RNN_OK;
    }
    const size_t given = out->K;
    rnn_trials_release(out);
    if (given && !t->task->def) return rnn_fail(err, RNN_ERR_ARG, "%zu trials were asked for, %zu are given", want->count, given);
    return draw(t->task, want, out, err);
}

/* ---- files beside the main stream ---- */

static _Noreturn void die_of_side(const struct tool_side *s, const char *path, const char *why)
{
    cli_die(1, "--%s: %s: %s", s->prov.option, path, why);
}

static void read_side(struct tool_side *s, const char *path)
{
    struct rnn_frame f;
    struct rnn_err err;
    int rc;
    while ((rc = rnn_reader_next(s->reader, &f, &err)) == RNN_OK) {
        if (!strcmp(f.kind, "end")) rc = rnn_want_uint(f.body, "digest", &s->prov.digest, &err);
        else rc = tool_items_frame(&s->items, &f, &err);
        if (rc < 0) die_of_side(s, path, err.msg);
    }
    if (rc < 0) cli_die(1, "--%s: %s", s->prov.option, err.msg); /* names the file */
}

void tool_side_open(struct tool_side *s, const char *task, const char *trials, size_t max_frame)
{
    const char *path = task ? task : trials;
    struct rnn_err err;
    size_t n_blocks = 0;
    *s = (struct tool_side){ 0 };
    if (!path) return;
    s->prov.option = task ? "task" : "trials";
    if (rnn_reader_open(&s->reader, path, max_frame, &err) < 0) cli_die(1, "--%s: %s", s->prov.option, err.msg);
    read_side(s, path);
    for (size_t i = 0; i < s->items.n; i++) n_blocks += s->items.v[i]->n_blocks;
    if (!s->items.n) die_of_side(s, path, "holds no task");
    if (!task && !n_blocks) die_of_side(s, path, "holds no trials: --task takes a task alone");
    s->prov.head = rnn_reader_head(s->reader);
}

void tool_side_close(struct tool_side *s)
{
    tool_items_clear(&s->items);
    if (s->reader) rnn_reader_close(s->reader);
    *s = (struct tool_side){ 0 };
}
