/* cue-discrimination: hold which of two cues came over a delay, then answer.  Sources: Kurtkaya et al. 2025
 * (task, weights, metrics) and their released code (window of the metrics). */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "model/task_impl.h"

struct cue {
    size_t cue, delay, response, post; /* steps */
    bool no_memory;
    double w_early, w_late;
    size_t score_from, score_to; /* steps that the metrics look at */
    bool published;
};

static const struct rnn_task_param params[] = {
    {"cue-ms", RNN_KV_REAL, "30", 0, INFINITY, NULL, "ms", "duration of the cue"},
    {"delay-ms", RNN_KV_REAL, "nan", 0, INFINITY, NULL, "ms",
     "delay between cue and response; default 100, and 0 with --no-memory"},
    {"response-ms", RNN_KV_REAL, "50", 0, INFINITY, NULL, "ms", "duration of the response"},
    {"post-ms", RNN_KV_REAL, "0", 0, INFINITY, NULL, "ms",
     "silent period after the response, output 0 (30 in the study)"},
    {"dt-ms", RNN_KV_REAL, "5", 1e-6, 1e6, NULL, "ms", "one step"},
    {"no-memory", RNN_KV_BOOL, "false", 0, 1, NULL, NULL,
     "control: no delay, the cue's answer is due at every step of the trial"},
    {"published-window", RNN_KV_BOOL, "false", 0, 1, NULL, NULL,
     "score the window of the study's code: one step early, truncated in floating point, rounded to 4 "
     "decimals"},
    {NULL, RNN_KV_NULL, NULL, 0, 0, NULL, NULL, NULL}};

static const char *const metrics[] = {"accuracy", "reliability", NULL};

/* The slice [from, to) that the study's code scores: times in seconds, divided and truncated as doubles.  At
 * delays of 300, 320 and 440 ms this gives windows other than the nominal ones; without a delay the end lies
 * beyond the trial. */
static void published_window(struct cue *c, double held_ms, double response_ms, double cue_ms, double dt_ms,
                             size_t T)
{
    const double held = cue_ms / 1000 + held_ms / 1000, dt = dt_ms / 1000;
    const double from = held / dt - 1, to = (held + response_ms / 1000) / dt - 1;
    c->score_from = from > 0 ? (size_t)from : 0;
    c->score_to = to > 0 ? (size_t)to : 0;
    if (c->score_to > T) c->score_to = T;
}

static int durations(struct rnn_task *t, struct cue *c, struct rnn_err *err)
{
    const double dt = t->dt_ms;
    RNN_TRY(task_steps_of(t, "cue-ms", task_real(t, "cue-ms"), dt, &c->cue, err));
    RNN_TRY(task_steps_of(t, "delay-ms", task_real(t, "delay-ms"), dt, &c->delay, err));
    RNN_TRY(task_steps_of(t, "response-ms", task_real(t, "response-ms"), dt, &c->response, err));
    RNN_TRY(task_steps_of(t, "post-ms", task_real(t, "post-ms"), dt, &c->post, err));
    if (!c->cue) return rnn_fail(err, RNN_ERR_ARG, "--cue-ms (0) must be at least one step");
    if (!c->response) return rnn_fail(err, RNN_ERR_ARG, "--response-ms (0) must be at least one step");
    return RNN_OK;
}

static int prepare(struct rnn_task *t, struct rnn_err *err)
{
    struct cue *c;
    RNN_TRY(rnn_alloc_into(&c, 1, sizeof *c, err));
    t->priv = c;
    c->no_memory = task_bool(t, "no-memory");
    c->published = task_bool(t, "published-window");
    t->dt_ms = task_real(t, "dt-ms");
    if (isnan(task_real(t, "delay-ms")))
        RNN_TRY(rnn_kvs_real(&t->params, "delay-ms", c->no_memory ? 0 : 100, err));
    if (c->no_memory && (task_real(t, "delay-ms") > 0 || task_real(t, "post-ms") > 0))
        return rnn_fail(
            err, RNN_ERR_ARG,
            "--no-memory has neither a delay nor a post period: leave out --delay-ms and --post-ms");
    RNN_TRY(durations(t, c, err));
    const size_t respond = c->cue + c->delay, T = respond + c->response + c->post, H = c->response + c->post;
    c->w_late = c->no_memory ? 1 : 1 - (double)H / (double)T;
    c->w_early = c->no_memory ? 1 : (double)H / (double)T;
    c->score_from = respond;
    c->score_to = respond + c->response;
    if (c->published) /* without memory the code's "delay" is the response: one window beyond the trial's end
                       */
        published_window(c, c->no_memory ? task_real(t, "response-ms") : task_real(t, "delay-ms"),
                         task_real(t, "response-ms"), task_real(t, "cue-ms"), t->dt_ms, T);
    t->n_in = t->n_out = 2;
    t->steps = T;
    t->loss = RNN_LOSS_MSE;
    t->norm = RNN_NORM_POSITIONS;
    t->readout = c->no_memory ? RNN_HINT_LINEAR : RNN_HINT_SIGMOID;
    t->is_static = true;
    t->n_emit[RNN_VALIDATION] = t->n_emit[RNN_TEST] = 128;
    RNN_TRY(task_channels(&t->channel_in, "cue", 2, err));
    RNN_TRY(task_channels(&t->channel_out, "answer", 2, err));
    RNN_TRY(task_period(t, "cue", 0, c->cue, err));
    RNN_TRY(task_period(t, "delay", c->cue, respond, err));
    RNN_TRY(task_period(t, "response", respond, respond + c->response, err));
    return task_period(t, "post", respond + c->response, T, err);
}

static void release(struct rnn_task *t)
{
    free(t->priv);
}

static int columns(const struct rnn_task *t, struct rnn_trials *out, struct rnn_err *err)
{
    (void)t;
    return task_col_num(out, "cue", err);
}

/* Even trials cue and answer on channel 1 (type A), odd ones on channel 0 (type B). */
static int trials(const struct rnn_task *t, enum rnn_split split, uint64_t stream, const uint64_t *index,
                  struct rnn_trials *out, struct rnn_err *err)
{
    (void)split, (void)stream, (void)err;
    const struct cue *c = t->priv;
    const size_t T = out->T, respond = c->cue + c->delay, early = T - c->response - c->post;
    for (size_t k = 0; k < out->K; k++) {
        const size_t ch = task_row(out, index, k) % 2 ? 0 : 1;
        float *u = out->u + k * T * 2, *y = out->y + k * T * 2;
        out->cols[0].v[k] = (double)ch;
        for (size_t s = 0; s < T; s++) {
            if (s < c->cue) u[s * 2 + ch] = 1;
            if (c->no_memory || (s >= respond && s < respond + c->response)) y[s * 2 + ch] = 1;
            out->w[k * T + s] = s < early ? c->w_early : c->w_late;
        }
    }
    return RNN_OK;
}

/* accuracy: share of (trial, step) in the window where argmax o = argmax y; reliability: mean of o_c / (o_0 +
 * o_1) with c = argmax y, 0/0 counting as 0.  The first of equals is the argmax, so that y = (0,0) names
 * channel 0. */
static int score(const struct rnn_task *t, const struct rnn_trials *tr, const float *o, double *out,
                 struct rnn_err *err)
{
    (void)err;
    const struct cue *c = t->priv;
    double right = 0, share = 0, n = 0;
    for (size_t k = 0; k < tr->K; k++)
        for (size_t s = c->score_from; s < c->score_to && s < tr->T; s++) {
            const size_t at = (k * tr->T + s) * 2, want = task_argmax(tr->y + at, 2);
            const double part = (double)o[at + want] / ((double)o[at] + (double)o[at + 1]);
            right += rnn_chooses(o + at, 2, want);
            share += isnan(part) ? 0 : part;
            n++;
        }
    out[0] = right / n;
    out[1] = share / n;
    for (int i = 0; i < 2 && c->published; i++) out[i] = nearbyint(out[i] * 1e4) / 1e4;
    return RNN_OK;
}

const struct rnn_task_def rnn_task_cue = {
    .name = "cue-discrimination",
    .summary = "remember which of two cues came, over a delay in ms, then answer",
    .about = "One of two channels is on for the cue; after the delay the same output channel must be on for "
             "the response, and both off at "
             "every other step, also in the post-response period where there is one.  Even trials cue "
             "channel 1, odd trials channel 0; "
             "trials of one kind are equal, and networks tell them apart by noise and initial state only.  "
             "Loss weights balance the "
             "response (and post) steps against the rest.  --no-memory is the control without a delay.",
    .params = params,
    .preset = "short-term-memory",
    .metrics = metrics,
    .prepare = prepare,
    .release = release,
    .columns = columns,
    .trials = trials,
    .score = score};
