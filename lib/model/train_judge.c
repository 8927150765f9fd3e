/* What became of a net: learned, not learned, unstable, diverged, and why. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "model/train_state.h"

const char *const rnn_stop_names[] = { "none", "updates", "accuracy", "loss", "plateau", "ratio", "diverged", NULL };

/* Mean of rule metric i over the updates from the last tenth on, [floor(0.9 E), E). */
static double tail_mean(const struct rnn_trainer *t, size_t i)
{
    const uint64_t E = t->now.update, from = (uint64_t)(0.9 * (double)E);
    double sum = 0;
    for (uint64_t u = from; u < E; u++) sum += t->history[u * t->rule_metrics + i];
    return E > from ? sum / (double)(E - from) : NAN;
}

/* Kurtkaya et al. 2025, their code: from the first update where both metrics exceed 0.8 on, few updates may lie below 0.6. */
static bool is_stable(const struct rnn_trainer *t)
{
    const uint64_t E = t->now.update;
    uint64_t u = 0, below = 0, above = 0;
    while (u < E && !(t->history[2 * u] > 0.8f && t->history[2 * u + 1] > 0.8f)) u++;
    if (u == E) return true;
    for (; u < E; u++) {
        for (size_t i = 0; i < 2; i++) {
            below += t->history[2 * u + i] < 0.6f;
            above += t->history[2 * u + i] > 0.6f;
        }
    }
    return (double)below < 0.1 * (double)above;
}

static int say(struct rnn_net *net, enum rnn_net_status status, char *reason, struct rnn_err *err)
{
    net->status = status;
    free(net->reason);
    net->reason = reason;
    if (!reason && status != RNN_NET_TRAINED) return rnn_fail(err, RNN_ERR_NOMEM, "no memory for a reason");
    return RNN_OK;
}

static int judge_metrics(const struct rnn_trainer *t, struct rnn_net *net, struct rnn_err *err)
{
    const struct rnn_train_config *c = t->c;
    const char *const *names = rnn_train_metrics(t->d->task);
    bool good = true;
    char low[160] = "";
    const size_t n = t->rule_metrics ? t->rule_metrics : 1;
    for (size_t i = 0; i < n; i++) {
        const double m = t->rule_metrics ? tail_mean(t, i) : t->now.metric[i];
        if (m > c->learned_at) continue;
        const size_t at = strlen(low);
        snprintf(low + at, sizeof low - at, "%s%s %.4g", good ? "" : ", ", names[i], m);
        good = false;
    }
    const bool stable = !c->learned_stable || is_stable(t);
    if (good && stable) return say(net, RNN_NET_TRAINED, NULL, err);
    if (!stable) {
        return say(net, RNN_NET_UNSTABLE,
                   rnn_asprintf("metrics fell below 0.6 too often after first success%s%s", good ? "" : "; at the end: ", low), err);
    }
    return say(net, RNN_NET_NOT_LEARNED, rnn_asprintf("%s at the end, not above %.4g", low, c->learned_at), err);
}

int rnn_train_judge(const struct rnn_trainer *t, struct rnn_net *net, struct rnn_err *err)
{
    const struct rnn_train_config *c = t->c;
    if (t->now.update == 0 && t->now.stop != RNN_STOP_DIVERGED) {
        return say(net, RNN_NET_UNTRAINED, rnn_strdup("no updates"), err);
    }
    if (t->now.stop == RNN_STOP_DIVERGED) {
        const char *what = !isfinite(t->now.loss)         ? "loss not finite"
                           : t->now.loss > c->diverged_at ? "loss above the bound"
                           : !rnn_net_finite(net)         ? "parameters not finite"
                                                          : "gradient not finite";
        return say(net, RNN_NET_DIVERGED, rnn_asprintf("%s at update %llu", what, (unsigned long long)t->now.update), err);
    }
    const double ratio = t->now.loss / t->now.loss_0;
    if (!isnan(c->learned_ratio) && !(ratio <= c->learned_ratio)) {
        return say(net, RNN_NET_NOT_LEARNED, rnn_asprintf("loss is still %.4g of the first", ratio), err);
    }
    if (!isnan(c->learned_at) && t->n_metrics) return judge_metrics(t, net, err);
    return say(net, RNN_NET_TRAINED, NULL, err);
}
