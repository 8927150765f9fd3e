/* repeat-copy, compose-copy, history: s inputs u(1..s), then the network goes on by itself with
 * u(t) = sum_m C_m u(t-s-1+m), every output a signed element of the last s values.
 * Source: Karuvally, DelMastro, Siegelmann 2023, eqs 5 and 9; steps t are from 1 there, from 0 in the code.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/operator.h"
#include "model/task_impl.h"

enum values { PM1, BINARY, UNIFORM, GAUSS };
/* Real values: an output counts as right within this distance of its target. */
#define REAL_TOLERANCE 0.1

struct history {
    enum values values;
    bool has_minus;
    struct rnn_select *sel; /* [dims] */
};

static const struct rnn_task_param repeat_params[] = {
    {"length", RNN_KV_UINT, "8", 1, 65536, NULL, "steps", "inputs to remember (s)"},
    {"dims", RNN_KV_UINT, "8", 1, 65536, NULL, "channels", "dimensions of each input (kappa)"},
    {"horizon", RNN_KV_UINT, "100", 1, 1e6, NULL, "steps", "steps of output"},
    {"values", RNN_KV_STR, "pm1", 0, 0, "pm1|binary|uniform|gauss", NULL,
     "inputs: fair +-1, fair 0/1, uniform between -1 and 1, or standard normal"},
    {NULL, RNN_KV_NULL, NULL, 0, 0, NULL, NULL, NULL}};

static const struct rnn_task_param compose_params[] = {
    {"length", RNN_KV_UINT, "8", 1, 65536, NULL, "steps", "inputs to remember (s)"},
    {"dims", RNN_KV_UINT, "0", 0, 65536, NULL, "channels",
     "dimensions of each input (kappa); 0: as many as --length"},
    {"horizon", RNN_KV_UINT, "100", 1, 1e6, NULL, "steps", "steps of output"},
    {"values", RNN_KV_STR, "pm1", 0, 0, "pm1|binary|uniform|gauss", NULL,
     "inputs: fair +-1, fair 0/1, uniform between -1 and 1, or standard normal"},
    {NULL, RNN_KV_NULL, NULL, 0, 0, NULL, NULL, NULL}};

static const struct rnn_task_param history_params[] = {
    {"ids", RNN_KV_STR, "", 0, 0, NULL, NULL,
     "the operator as a published triple of numbers, such as 255,0,0"},
    {"operator", RNN_KV_STR, "", 0, 0, NULL, NULL,
     "the operator as text: per output a line (or piece ended by ;) 'sign variable dim', variable 1 the "
     "oldest; @FILE reads a file"},
    {"length", RNN_KV_UINT, "0", 0, 65536, NULL, "steps",
     "inputs to remember (s); 0: 8 with --ids, the largest variable with --operator"},
    {"dims", RNN_KV_UINT, "0", 0, 65536, NULL, "channels",
     "dimensions (kappa); 0: 8 with --ids, the lines of --operator"},
    {"horizon", RNN_KV_UINT, "100", 1, 1e6, NULL, "steps", "steps of output"},
    {"values", RNN_KV_STR, "pm1", 0, 0, "pm1|binary|uniform|gauss", NULL,
     "inputs: fair +-1, fair 0/1, uniform between -1 and 1, or standard normal"},
    {NULL, RNN_KV_NULL, NULL, 0, 0, NULL, NULL, NULL}};

static const char *const metrics[] = {"accuracy", "r2", NULL};

static int check_size(size_t lags, size_t dims, size_t horizon, struct rnn_err *err)
{
    if ((double)lags * (double)dims > 65536 || (double)lags * (double)dims * (double)dims > 4e6)
        return rnn_fail(err, RNN_ERR_LIMIT,
                        "a history of %zu x %zu is more than 65536 elements, or its operator more than 4e6",
                        lags, dims);
    if ((double)(lags + horizon) * (double)dims > 1e9)
        return rnn_fail(err, RNN_ERR_LIMIT, "a trial of %zu steps x %zu is too long", lags + horizon, dims);
    return RNN_OK;
}

/* What the three tasks have in common, once lags, dims and sel are known. */
static int finish(struct rnn_task *t, struct rnn_err *err)
{
    struct history *h = t->priv;
    const size_t s = t->lags, kappa = t->dims;
    h->values = (enum values)task_choice(t, "values");
    for (size_t k = 0; k < kappa; k++) h->has_minus |= h->sel[k].sign < 0;
    RNN_TRY(rnn_alloc_into(&t->F, kappa * s * kappa, sizeof *t->F, err));
    rnn_operator_matrix(s, kappa, h->sel, t->F);
    t->n_in = t->n_out = kappa;
    t->horizon_base = s;
    t->horizon = task_size(t, "horizon");
    t->steps = s + t->horizon;
    t->loss = RNN_LOSS_MSE;
    t->norm = RNN_NORM_WEIGHTS;
    t->readout = RNN_HINT_LINEAR;
    t->n_emit[RNN_VALIDATION] = 128;
    t->n_emit[RNN_TEST] = 640;
    RNN_TRY(task_channels(&t->channel_in, "u", kappa, err));
    RNN_TRY(task_channels(&t->channel_out, "y", kappa, err));
    RNN_TRY(task_period(t, "input", 0, s, err));
    return task_period(t, "output", s, t->steps, err);
}

static int start(struct rnn_task *t, size_t lags, size_t dims, struct rnn_err *err)
{
    RNN_TRY(check_size(lags, dims, task_size(t, "horizon"), err));
    t->lags = lags;
    t->dims = dims;
    struct history *h;
    RNN_TRY(rnn_alloc_into(&h, 1, sizeof *h, err));
    t->priv = h;
    return rnn_alloc_into(&h->sel, dims, sizeof *h->sel, err);
}

/* C_1 = I: every output is the oldest value of its own dimension. */
static int prepare_repeat(struct rnn_task *t, struct rnn_err *err)
{
    RNN_TRY(start(t, task_size(t, "length"), task_size(t, "dims"), err));
    struct history *h = t->priv;
    for (size_t k = 0; k < t->dims; k++) h->sel[k] = (struct rnn_select){1, 1, k + 1};
    return finish(t, err);
}

/* Output j is dimension j of variable ((j-1) mod s) + 1. */
static int prepare_compose(struct rnn_task *t, struct rnn_err *err)
{
    const size_t s = task_size(t, "length"), dims = task_size(t, "dims") ? task_size(t, "dims") : s;
    RNN_TRY(start(t, s, dims, err));
    RNN_TRY(rnn_kvs_uint(&t->params, "dims", dims, err));
    struct history *h = t->priv;
    for (size_t k = 0; k < dims; k++) h->sel[k] = (struct rnn_select){1, k % s + 1, k + 1};
    return finish(t, err);
}

static int operator_by_text(struct rnn_task *t, const char *text, struct rnn_err *err)
{
    size_t lags, lines;
    struct rnn_select *sel;
    RNN_TRY(rnn_operator_from_text(text, &lags, &lines, &sel, err));
    const size_t s = task_size(t, "length") ? task_size(t, "length") : lags, dims = task_size(t, "dims");
    int rc = RNN_OK;
    if (dims && dims != lines)
        rc = rnn_fail(err, RNN_ERR_ARG, "--dims (%zu) must be the number of outputs in --operator (%zu)",
                      dims, lines);
    else if (s < lags)
        rc = rnn_fail(err, RNN_ERR_ARG, "--length (%zu) must reach the largest variable in --operator (%zu)",
                      s, lags);
    if (rc >= 0) rc = start(t, s, lines, err);
    if (rc >= 0) memcpy(((struct history *)t->priv)->sel, sel, lines * sizeof *sel);
    free(sel);
    RNN_TRY(rc);
    char *canonical = rnn_operator_text(lines, ((struct history *)t->priv)->sel);
    if (!canonical) return rnn_fail(err, RNN_ERR_NOMEM, "no memory for an operator of %zu outputs", lines);
    rc = rnn_kvs_str(&t->params, "operator", canonical, err);
    free(canonical);
    return rc;
}

static int prepare_history(struct rnn_task *t, struct rnn_err *err)
{
    const char *ids = task_str(t, "ids"), *text = task_str(t, "operator");
    if (!*ids == !*text)
        return rnn_fail(err, RNN_ERR_ARG, "history needs %s of --ids and --operator",
                        *ids ? "only one" : "one");
    if (*ids) {
        uint64_t id[3];
        RNN_TRY(rnn_operator_parse_ids(ids, id, err));
        const size_t s = task_size(t, "length") ? task_size(t, "length") : 8,
                     dims = task_size(t, "dims") ? task_size(t, "dims") : 8;
        RNN_TRY(start(t, s, dims, err));
        RNN_TRY(rnn_operator_from_ids(id, s, dims, ((struct history *)t->priv)->sel, err));
    } else {
        RNN_TRY(operator_by_text(t, text, err));
    }
    RNN_TRY(rnn_kvs_uint(&t->params, "length", t->lags, err));
    RNN_TRY(rnn_kvs_uint(&t->params, "dims", t->dims, err));
    return finish(t, err);
}

static void release(struct rnn_task *t)
{
    struct history *h = t->priv;
    if (h) free(h->sel);
    free(h);
}

static double draw(struct rnn_rng *g, enum values v)
{
    switch (v) {
    case PM1:
        return rnn_rng_u32(g) >> 31 ? 1 : -1;
    case BINARY:
        return rnn_rng_u32(g) >> 31;
    case UNIFORM:
        return 2 * rnn_rng_uniform(g) - 1;
    default:
        return rnn_rng_normal(g);
    }
}

/* One trial: u [T][kappa] holds the inputs, y [T][kappa] the continuation; both are zeroed. */
static void one_trial(const struct rnn_task *t, size_t T, struct rnn_rng *g, float *u, float *y, double *w)
{
    const struct history *h = t->priv;
    const size_t s = t->lags, kappa = t->dims;
    for (size_t i = 0; i < s * kappa; i++) u[i] = (float)draw(g, h->values);
    for (size_t step = s; step < T; step++) {
        w[step] = 1;
        for (size_t k = 0; k < kappa; k++) {
            const size_t from = step - s + h->sel[k].variable - 1, d = h->sel[k].dim - 1;
            const float *src = from < s ? u : y;
            y[step * kappa + k] = (float)h->sel[k].sign * src[from * kappa + d];
        }
    }
}

static int trials(const struct rnn_task *t, enum rnn_split split, uint64_t stream, const uint64_t *index,
                  struct rnn_trials *out, struct rnn_err *err)
{
    for (size_t k = 0; k < out->K; k++) {
        struct rnn_rng g;
        RNN_TRY(task_trial_rng(&g, t, split, stream, task_row(out, index, k), err));
        one_trial(t, out->T, &g, out->u + k * out->T * t->dims, out->y + k * out->T * t->dims,
                  out->w + k * out->T);
    }
    return RNN_OK;
}

/* Is output o right for target y?  pm1: the sign (0 counts as +); binary: the nearest of the values that
 * targets can take. */
static bool is_right(const struct history *h, double o, double y)
{
    if (isnan(o)) return false;
    switch (h->values) {
    case PM1:
        return (o >= 0) == (y >= 0);
    case BINARY:
        return (o >= 0.5) - (h->has_minus && o < -0.5) == (int)y;
    default:
        return fabs(o - y) <= REAL_TOLERANCE;
    }
}

/* accuracy: share of scored (trial, step, dimension) that are right; r2: 1 - residual / total sum of squares
 * over them. */
static int score(const struct rnn_task *t, const struct rnn_trials *tr, const float *o, double *out,
                 struct rnn_err *err)
{
    (void)err;
    const struct history *h = t->priv;
    double n = 0, right = 0, sum = 0, sq = 0, res = 0;
    for (size_t i = 0; i < tr->K * tr->T; i++) {
        if (!(tr->w[i] > 0)) continue;
        for (size_t k = 0; k < tr->n_out; k++) {
            const double y = tr->y[i * tr->n_out + k], d = o[i * tr->n_out + k] - y;
            n++;
            right += is_right(h, o[i * tr->n_out + k], y);
            sum += y;
            sq += y * y;
            res += d * d;
        }
    }
    out[0] = n > 0 ? right / n : NAN;
    const double total = sq - sum * sum / n;
    out[1] = total > 0 ? 1 - res / total : NAN;
    return RNN_OK;
}

const struct rnn_task_def rnn_task_repeat_copy = {
    .name = "repeat-copy",
    .summary = "repeat a remembered sequence of vectors again and again",
    .about = "--length vectors of --dims values arrive one a step; then, without input, the network gives "
             "them back in order, over and "
             "over, for --horizon steps.  Only the output phase is scored.  The simplest of the "
             "variable-binding tasks: its operator is a "
             "cyclic shift.",
    .params = repeat_params,
    .preset = "variable-memory",
    .metrics = metrics,
    .prepare = prepare_repeat,
    .release = release,
    .trials = trials,
    .score = score};

const struct rnn_task_def rnn_task_compose_copy = {
    .name = "compose-copy",
    .summary = "compose each output from a different remembered vector",
    .about = "As repeat-copy, but dimension j of every output is dimension j of variable ((j-1) mod s) + 1 "
             "of the last s vectors, so that "
             "outputs are composed across time and re-enter the history.",
    .params = compose_params,
    .preset = "variable-memory",
    .metrics = metrics,
    .prepare = prepare_compose,
    .release = release,
    .trials = trials,
    .score = score};

const struct rnn_task_def rnn_task_history = {
    .name = "history",
    .summary = "continue a sequence by any signed selection from its recent history",
    .about = "As repeat-copy, with any operator that makes every output plus or minus one element of the "
             "last s vectors.  The operator is "
             "given by its published triple of numbers or as text.  Variable 1 is the oldest vector, "
             "variable s the newest.",
    .params = history_params,
    .preset = "variable-memory",
    .metrics = metrics,
    .prepare = prepare_history,
    .release = release,
    .trials = trials,
    .score = score};
