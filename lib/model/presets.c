/* Published training recipes, as options of rnn-train: `key=value` words, of which a later one overrides an earlier. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "model/train.h"

/* Algebraic-pattern classification and prediction: Elman ReLU, single sequences, Adam without schedule or clipping;
 * all nets of an ensemble see the same order and differ in their start only. */
static const char schemas[] =
    "cell=elman activation=relu hidden=160 bias-rec=true bias-in=false bias-out=true read=after h0=zero init=uniform init-in=uniform "
    "init-out=uniform init-bias=uniform optimizer=adam lr=1e-3 beta1=0.9 beta2=0.999 eps=1e-8 batch=1 epochs=25 shuffle=true drop-last=true "
    "same-trials=true";

/* Kurtkaya et al. 2025, full rank: read-out before the update, noise in the tanh, SGD with momentum, about 30/lr updates. */
static const char short_term_memory[] =
    "cell=leaky activation=tanh hidden=100 tau=10 bias-rec=true bias-in=true bias-out=true read=before noise=1e-3 noise-where=inside "
    "noise-scale=plain h0=normal h0-sd=0.1 h0-transform=tanh init=xavier init-in=xavier init-out=xavier init-bias=uniform zero-diagonal=true "
    "optimizer=sgd lr=0.01 momentum=0.9 weight-decay=1e-7 batch=128 lr-budget=30 learned-at=0.8 learned-stable=true log-spaced=true";

/* The same study's rank-2 networks, in the exact reduced form: plain gradient descent from one initial state. */
static const char short_term_memory_low_rank[] =
    "cell=leaky activation=tanh hidden=100 tau=10 rank=2 rank-scale=plain read-latent=true bias-rec=true bias-in=false bias-out=true read=after "
    "h0=fixed h0-sd=0 h0-transform=plain init-h0-sd=0.1 init-factor=gauss:1 init-bias=zero init-out=gauss:1 init-b-out-sd=1 reduced=true "
    "optimizer=sgd lr=0.005 momentum=0 batch=1 stop-ratio=1e-4 learned-ratio=0.1 log-spaced=true";

/* Karuvally et al. 2023: bias-free Elman tanh as nn.RNN starts it, Adam, norm clipped to 1, longer and longer horizons. */
static const char variable_memory[] =
    "cell=elman activation=tanh hidden=128 bias-rec=false bias-in=false bias-out=false read=after readout=linear h0=zero init=uniform "
    "init-in=uniform init-out=uniform rnn-fan=true optimizer=adam lr=1e-3 beta1=0.9 beta2=0.999 eps=1e-8 clip=1 batch=64 updates=20000 "
    "curriculum=10,20,40,60,100 curriculum-at=0.96 learned-at=0.9";
static const char variable_memory_fast[] = "updates=3000 curriculum=10,20,40";

/* Ours: memory of n bits to a mean squared error of 1e-4 within seconds. */
static const char flip_flop[] =
    "cell=elman activation=tanh hidden=16 bias-rec=true bias-in=false bias-out=true read=after readout=linear h0=zero init=gauss:1 "
    "init-in=uniform init-out=uniform optimizer=adam lr=1e-2 beta1=0.9 beta2=0.999 eps=1e-8 clip=1 batch=64 updates=6000 lr-schedule=cosine "
    "lr-end=0 learned-at=0.99";

const char *const rnn_preset_names[] = { "schemas", "short-term-memory", "variable-memory", "variable-memory-fast", "flip-flop", "none", NULL };

static int put_words(struct rnn_kvs *out, const char *words, struct rnn_err *err)
{
    while (*words) {
        const size_t n = strcspn(words, " "), k = strcspn(words, "=");
        char key[40], value[80];
        snprintf(key, sizeof key, "%.*s", (int)k, words);
        snprintf(value, sizeof value, "%.*s", (int)(n - k - 1), words + k + 1);
        RNN_TRY(rnn_kvs_str(out, key, value, err));
        words += n + (words[n] == ' ');
    }
    return RNN_OK;
}

static int misfit(const char *preset, const struct rnn_task *task, const char *why, struct rnn_err *err)
{
    return rnn_fail(err, RNN_ERR_ARG, "preset '%s' does not fit task '%s': %s", preset, task->name, why);
}

static bool is_task(const struct rnn_task *task, const char *name)
{
    return task->def && !strcmp(task->def->name, name);
}

static int preset_schemas(const struct rnn_task *task, size_t rank, struct rnn_kvs *out, struct rnn_err *err)
{
    if (!is_task(task, "sequence")) return misfit("schemas", task, "it is the recipe of 'sequence'", err);
    RNN_TRY(put_words(out, schemas, err));
    const char *objective = rnn_kvs_get_str(&task->params, "objective", "classify");
    if (!strcmp(objective, "classify")) RNN_TRY(put_words(out, "learned-at=0.9", err));
    if (!strcmp(objective, "autoencode")) RNN_TRY(put_words(out, "decoder=10 epochs=100", err));
    if (!strcmp(objective, "multi")) RNN_TRY(put_words(out, "decoder=10 epochs=50", err));
    return rank ? put_words(out, "init-factor=uniform epochs=50", err) : RNN_OK;
}

/* Rank-2 runs are given 500,000 epochs up to 8 steps of delay and 1,500,000 beyond. */
static int preset_short_term(const struct rnn_task *task, size_t rank, struct rnn_kvs *out, struct rnn_err *err)
{
    if (is_task(task, "delayed-activation")) {
        RNN_TRY(put_words(out, short_term_memory_low_rank, err));
        const double delay = rnn_kvs_get_real(&task->params, "delay-ms", 0);
        return put_words(out, delay <= 8 * task->dt_ms ? "updates=500000" : "updates=1500000", err);
    }
    if (!is_task(task, "cue-discrimination")) {
        return misfit("short-term-memory", task, "it is the recipe of 'cue-discrimination' and 'delayed-activation'", err);
    }
    RNN_TRY(put_words(out, short_term_memory, err));
    if (rank) RNN_TRY(put_words(out, "zero-diagonal=false init-factor=gauss:1", err));
    const struct rnn_kv *no_memory = rnn_kvs_find(&task->params, "no-memory");
    if (no_memory && no_memory->b) return put_words(out, "lr-budget=0 updates=3000 diverged-at=100 learned-stable=false", err);
    return rnn_kvs_get_real(&task->params, "post-ms", 0) > 0 ? put_words(out, "lr-budget=100", err) : RNN_OK;
}

static int preset_variable_memory(const struct rnn_task *task, size_t rank, struct rnn_kvs *out, struct rnn_err *err)
{
    if (!task->horizon_base || !task->def) return misfit("variable-memory", task, "it needs a task with a horizon to lengthen", err);
    if (rank) RNN_TRY(put_words(out, "init-factor=uniform", err));
    return put_words(out, variable_memory, err);
}

static int fill(const char *name, const struct rnn_task *task, size_t rank, struct rnn_kvs *out, struct rnn_err *err)
{
    if (!strcmp(name, "none")) return RNN_OK;
    if (!strcmp(name, "schemas")) return preset_schemas(task, rank, out, err);
    if (!strcmp(name, "short-term-memory")) return preset_short_term(task, rank, out, err);
    if (!strcmp(name, "variable-memory")) return preset_variable_memory(task, rank, out, err);
    if (!strcmp(name, "variable-memory-fast")) {
        RNN_TRY(preset_variable_memory(task, rank, out, err));
        return put_words(out, variable_memory_fast, err);
    }
    if (!is_task(task, "flip-flop")) return misfit("flip-flop", task, "it is the recipe of 'flip-flop'", err);
    return put_words(out, flip_flop, err);
}

int rnn_preset(const char *name, const struct rnn_task *task, size_t given_rank, struct rnn_kvs *out, const char **chosen, struct rnn_err *err)
{
    const bool unsaid = !name || !*name;
    if (unsaid) name = task->def && task->def->preset ? task->def->preset : "none";
    for (size_t i = 0; rnn_preset_names[i]; i++) {
        if (strcmp(rnn_preset_names[i], name) != 0) continue;
        if (chosen) *chosen = rnn_preset_names[i];
        return fill(rnn_preset_names[i], task, given_rank, out, err);
    }
    char known[160] = "";
    for (size_t i = 0; rnn_preset_names[i]; i++) {
        snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", i ? ", " : "", rnn_preset_names[i]);
    }
    return rnn_fail(err, RNN_ERR_ARG, "unknown preset '%s' (%s)", name, known);
}
