/* rnn-fixedpts' job for one network, from states to tables. */
#include "tool/fp.h"

#include <stdlib.h>
#include <string.h>
#include "base/mem.h"

/* The points of the first input, for the next snapshot. */
static int remember_points(struct tool_fp_own *own, const struct tool_fp_found *f, struct rnn_err *err)
{
    RNN_TRY(rnn_alloc_into(&own->points, f->set.n * f->map.N, sizeof *own->points, err));
    own->n_points = f->set.n, own->N = f->map.N;
    for (size_t i = 0; i < f->set.n; i++) memcpy(own->points + i * f->map.N, f->set.p[i].x, f->map.N * sizeof *own->points);
    return RNN_OK;
}

static int skip(struct tool_fp_job *j, const char *status, struct rnn_err *err)
{
    RNN_TRY(tool_fp_report_skipped(j, status, err));
    return j->plan->phase ? tool_fp_phase(j, false, NULL, err) : RNN_OK;
}

/* The search without input, which is what happens after a trial; NULL when none was asked for. */
static const struct tool_fp_found *without_input(const struct tool_fp_job *j, const struct tool_fp_found *f, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        size_t i = 0;
        while (i < j->net->spec.n_in && f[k].u[i] == 0) i++;
        if (i == j->net->spec.n_in) return &f[k];
    }
    return NULL;
}

static int search_all(struct tool_fp_job *j, struct rnn_err *err)
{
    const size_t n = j->plan->n_inputs ? j->plan->n_inputs : 1;
    struct tool_fp_found *f;
    RNN_TRY(rnn_alloc_into(&f, n, sizeof *f, err));
    int rc = RNN_OK;
    for (size_t i = 0; i < n && rc >= 0; i++) {
        f[i].input = i;
        rc = tool_fp_search(j, &f[i], err);
        if (rc >= 0) rc = tool_fp_report(j, &f[i], err);
    }
    if (rc >= 0 && j->plan->array[TOOL_FP_PCA]) rc = tool_fp_pca(j, f, n, err);
    if (rc >= 0 && j->plan->phase) rc = tool_fp_phase(j, true, without_input(j, f, n), err);
    if (rc >= 0 && j->plan->match > 0) rc = remember_points(j->own, &f[0], err);
    for (size_t i = 0; i < n; i++) tool_fp_found_release(&f[i]);
    free(f);
    return rc;
}

int tool_fp_analyse(const struct tool_fp_plan *plan, struct tool_each_item *it, struct rnn_err *err)
{
    struct tool_fp_job j = {.plan = plan, .it = it, .own = it->made, .net = it->net};
    if (it->net->status == RNN_NET_DIVERGED) return skip(&j, "diverged", err);
    if (!rnn_net_finite(it->net)) {
        it->failed++;
        if (!(it->note = rnn_strdup("its weights are not finite: no points"))) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
        return skip(&j, "not-finite", err);
    }
    int rc = tool_fp_states(&j, err);
    if (rc >= 0) rc = search_all(&j, err);
    free(j.states);
    return rc;
}
