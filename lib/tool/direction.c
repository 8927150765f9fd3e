#include "tool/direction.h"

#include <stdlib.h>
#include <string.h>
#include "analysis/lowrank.h"
#include "num/linalg.h"

static const char *const kinds[] = { "read", "write", "input", "output", "unit", NULL };

int tool_direction_parse(const char *text, struct tool_direction *d, struct rnn_err *err)
{
    *d = (struct tool_direction){ .text = text, .is_minus = *text == '-' };
    const char *word = text + d->is_minus, *colon = strchr(word, ':');
    const size_t letters = colon ? (size_t)(colon - word) : 0;
    int kind = 0;
    while (kinds[kind] && (strlen(kinds[kind]) != letters || strncmp(kinds[kind], word, letters))) kind++;
    const bool is_number = colon && colon[1] && strlen(colon + 1) <= 9 && strspn(colon + 1, "0123456789") == strlen(colon + 1);
    if (!kinds[kind] || !is_number || (kind != TOOL_DIR_UNIT && !strtoul(colon + 1, NULL, 10)))
        return rnn_fail(err, RNN_ERR_ARG, "'%s': must be read:K, write:K, input:K or output:K, counted from 1, or unit:K, from 0", text);
    d->kind = (enum tool_direction_kind)kind;
    d->k = strtoul(colon + 1, NULL, 10) - (kind != TOOL_DIR_UNIT);
    return RNN_OK;
}

static int too_few(const struct tool_direction *d, size_t have, struct rnn_err *err)
{
    return rnn_fail(err, RNN_ERR_ARG, "direction '%s': the network has %zu %s", d->text, have,
                    d->kind == TOOL_DIR_UNIT ? "units" : d->kind == TOOL_DIR_INPUT ? "inputs" : d->kind == TOOL_DIR_OUTPUT ? "outputs" : "modes");
}

static int of_mode(const struct tool_direction *d, const struct rnn_net *net, double *v, struct rnn_err *err)
{
    const size_t N = net->spec.N;
    struct rnn_modes m = { 0 };
    int rc = rnn_modes_of(net, "W_rec", RNN_PART_VALUE, &m, err);
    if (rc >= 0 && d->kind == TOOL_DIR_WRITE && m.rows != N)
        rc = rnn_fail(err, RNN_ERR_ARG, "direction '%s': a gru writes to its gates, not to its units", d->text);
    if (rc >= 0 && d->k >= m.n) rc = too_few(d, m.n, err);
    for (size_t i = 0; rc >= 0 && i < N; i++) v[i] = d->kind == TOOL_DIR_READ ? m.Vt[d->k * N + i] : m.U[i * m.n + d->k];
    rnn_modes_release(&m);
    return rc;
}

static int of_weights(const struct tool_direction *d, const struct rnn_net *net, double *v, struct rnn_err *err)
{
    const bool is_in = d->kind == TOOL_DIR_INPUT;
    const size_t N = net->spec.N;
    const struct rnn_param *p = rnn_param_find(&net->params, is_in ? "W_in" : "W_out");
    const size_t have = !p ? 0 : is_in ? p->cols : p->rows;
    const bool is_of_units = is_in ? net->spec.cell != RNN_GRU : !net->spec.read_latent; /* which sizes do not tell: rank may be N */
    if (d->k >= have) return too_few(d, have, err);
    if (!is_of_units) return rnn_fail(err, RNN_ERR_ARG, "direction '%s': %s is not one of units", d->text, p->name);
    for (size_t i = 0; i < N; i++) v[i] = net->theta[p->offset + (is_in ? i * have + d->k : d->k * N + i)];
    return RNN_OK;
}

int tool_direction_of(const struct tool_direction *d, const struct rnn_net *net, double *v, struct rnn_err *err)
{
    const size_t N = net->spec.N;
    if (d->kind == TOOL_DIR_UNIT) {
        if (d->k >= N) return too_few(d, N, err);
        for (size_t i = 0; i < N; i++) v[i] = i == d->k;
    } else if (d->kind == TOOL_DIR_READ || d->kind == TOOL_DIR_WRITE) {
        RNN_TRY(of_mode(d, net, v, err));
    } else {
        RNN_TRY(of_weights(d, net, v, err));
    }
    const double norm = rnn_norm2(N, v);
    if (!(norm > 0)) return rnn_fail(err, RNN_ERR_ARG, "direction '%s' is zero", d->text);
    for (size_t i = 0; i < N; i++) v[i] /= d->is_minus ? -norm : norm;
    return RNN_OK;
}
