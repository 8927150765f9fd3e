#include "tool/activity.h"

#include <stdlib.h>
#include <string.h>
#include "base/mem.h"

int tool_activity_sink(void *arg, const struct rnn_run_seen *seen, struct rnn_err *err)
{
    const struct tool_activity *a = arg;
    const size_t total = a->count && a->count < a->tr->K ? a->count : a->tr->K;
    const size_t n = rnn_run_width(&a->net->spec, a->opts), n_out = a->tr->n_out, N = a->net->spec.N;
    if (seen->first >= total) return RNN_OK;
    const size_t K = seen->K < total - seen->first ? seen->K : total - seen->first;
    const size_t block = rnn_rows_per_frame((seen->n_steps * n + N + seen->T * n_out) * sizeof(float));
    struct rnn_body b = { 0 };
    char *id = rnn_asprintf("%s-%s", a->net->id, a->trials_id);
    int rc = id ? RNN_OK : rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    for (size_t k = 0; k < K && rc >= 0; k += block) {
        const struct rnn_activity frame = {
            .id = id, .net = a->net->id, .trials = (char *)a->trials_id, .first = a->tr->first + seen->first + k,
            .K = block < K - k ? block : K - k, .T = seen->n_steps, .n = n, .n_out = n_out, .thin = a->opts->thin,
            .value = (float *)seen->x + k * seen->n_steps * n, .outputs = (float *)seen->o + k * seen->T * n_out, .T_out = seen->T,
            .state0 = (float *)seen->r0 + k * N, .n_state0 = N, .what = (int)a->opts->see,
            .units = (size_t *)a->opts->units, .split = a->tr->split,
        };
        rc = rnn_activity_encode(&frame, total, &b, err);
        if (rc >= 0) rc = rnn_frame_append(a->out, "activity", &b, err);
    }
    free(id);
    rnn_body_release(&b);
    return rc;
}

int tool_own_activity(const struct rnn_net *net, const struct rnn_frame *f, struct rnn_activity *a, struct rnn_err *err)
{
    RNN_TRY(rnn_activity_decode(f->body, a, err));
    if (net && !strcmp(a->net, net->id)) return RNN_OK;
    rnn_fail(err, RNN_ERR_FORMAT, "activity of network '%s' does not stand between it and the next network", a->net);
    rnn_activity_release(a);
    return err->code;
}

/* Trials k .. k+K of tr, borrowed; cols [tr->n_cols] is scratch. */
static struct rnn_trials part_of(const struct rnn_trials *tr, size_t k, size_t K, struct rnn_trial_col *cols)
{
    struct rnn_trials part = *tr;
    part.K = K;
    part.first = tr->first + k;
    part.u = tr->u + k * tr->T * tr->n_in;
    part.y = tr->y + k * tr->T * tr->n_out;
    part.w = tr->w + k * tr->T;
    part.cols = cols;
    for (size_t c = 0; c < tr->n_cols; c++) {
        cols[c] = tr->cols[c];
        if (cols[c].v) cols[c].v += k;
        if (cols[c].s) cols[c].s += k;
    }
    return part;
}

int tool_trials_append(struct rnn_bytes *out, const struct rnn_trials *tr, const char *id, const char *task_id, struct rnn_err *err)
{
    const size_t block = rnn_rows_per_frame(tr->T * ((tr->n_in + tr->n_out) * sizeof(float) + sizeof(double)));
    struct rnn_body b = { 0 };
    struct rnn_trial_col *cols;
    int rc = rnn_alloc_into(&cols, tr->n_cols, sizeof *cols, err);
    for (size_t k = 0; k < tr->K && rc >= 0; k += block) {
        const struct rnn_trials part = part_of(tr, k, block < tr->K - k ? block : tr->K - k, cols);
        rc = rnn_trials_encode(&part, id, task_id, tr->K, &b, err);
        if (rc >= 0) rc = rnn_frame_append(out, "trials", &b, err);
    }
    free(cols);
    rnn_body_release(&b);
    return rc;
}
