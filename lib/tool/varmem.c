#include "tool/varmem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "model/run.h"
#include "num/linalg.h"
#include "tool/operator.h"
#include "tool/varmem_tables.h"

const char *const tool_vm_array_names[] = {"eigenvalues", "basis", "phi", "full", "linear", NULL};

/* ---- what the networks of a task share ---- */

void tool_vm_task_free(struct tool_vm_task *t)
{
    if (!t) return;
    free(t->keep);
    free(t->theory);
    free(t->full);
    free(t->picture);
    rnn_trials_release(&t->tr);
    free(t);
}

static int contents(struct tool_vm_task *t, struct rnn_err *err)
{
    const struct rnn_trials *tr = &t->tr;
    const size_t d = t->op.d, s = t->op.s;
    RNN_TRY(rnn_alloc_into(&t->full, tr->K * tr->T * d, sizeof *t->full, err));
    for (size_t k = 0; k < tr->K; k++)
        for (size_t i = 0; i < tr->T * d; i++)
            t->full[k * tr->T * d + i] = (i < s * d ? tr->u : tr->y)[k * tr->T * d + i];
    t->threshold = strcmp(rnn_kvs_get_str(&t->task->params, "values", "pm1"), "binary") ? 0 : 0.5;
    return RNN_OK;
}

static int theory(struct tool_vm_task *t, struct rnn_err *err)
{
    const size_t n = t->op.s * t->op.d;
    RNN_TRY(rnn_alloc_into(&t->keep, n, sizeof *t->keep, err));
    RNN_TRY(rnn_alloc_into(&t->theory, n, sizeof *t->theory, err));
    RNN_TRY(rnn_operator_essential(&t->op, t->keep, &t->kept, err));
    return rnn_operator_spectrum(&t->op, t->theory, &t->n_theory, &t->exact, err);
}

static int picture(const struct tool_vm_plan *plan, struct tool_vm_task *t, struct rnn_err *err)
{
    if (!plan->picture) return RNN_OK;
    RNN_TRY(rnn_alloc_into(&t->picture, t->op.s * t->op.d, sizeof *t->picture, err));
    return (plan->picture_is_text ? rnn_vm_picture_text : rnn_vm_picture)(plan->picture, t->op.s, t->op.d,
                                                                          t->picture, err);
}

int tool_vm_task_make(const struct tool_vm_plan *plan, const struct tool_task *of, struct tool_vm_task **out,
                      struct rnn_err *err)
{
    struct tool_vm_task *t;
    const struct tool_choice want = {.split = RNN_TEST, .count = plan->count, .horizon = plan->horizon};
    const char *given;
    RNN_TRY(rnn_alloc_into(&t, 1, sizeof *t, err));
    t->task = of->task;
    int rc = tool_operator_of(of->task, &t->op)
                 ? RNN_OK
                 : rnn_fail(err, RNN_ERR_ARG, "task '%s' has no history operator: say it with --operator",
                            of->task->name);
    if (rc >= 0) rc = theory(t, err);
    if (rc >= 0) rc = tool_choose_trials(of, &want, &t->tr, &given, err);
    if (rc >= 0) rc = contents(t, err);
    if (rc >= 0) rc = picture(plan, t, err);
    if (rc < 0)
        tool_vm_task_free(t);
    else
        *out = t;
    return rc < 0 ? rc : RNN_OK;
}

/* ---- one network ---- */

static int collect(void *arg, const struct rnn_run_seen *seen, struct rnn_err *err)
{
    struct vm_job *j = arg;
    const size_t n = seen->n_steps * j->net->spec.N;
    (void)err;
    for (size_t i = 0; i < seen->K * n; i++) j->h[seen->first * n + i] = seen->x[i];
    return RNN_OK;
}

/* The score of the first `horizon` outputs alone. */
static int score_until(const struct vm_job *j, size_t horizon, const float *o, double *accuracy,
                       struct rnn_err *err)
{
    struct rnn_trials tr = j->t->tr;
    double all[RNN_RUN_MAX_METRICS] = {NAN};
    const size_t stop = j->t->op.s + horizon;
    *accuracy = NAN;
    if (!j->t->task->def || stop > tr.T) return RNN_OK;
    RNN_TRY(rnn_alloc_into(&tr.w, tr.K * tr.T, sizeof *tr.w, err));
    for (size_t i = 0; i < tr.K * tr.T; i++) tr.w[i] = i % tr.T < stop ? j->t->tr.w[i] : 0;
    const int rc = j->t->task->def->score(j->t->task, &tr, o, all, err);
    *accuracy = all[0];
    free(tr.w);
    return rc;
}

static int run_trials(struct vm_job *j, struct rnn_err *err)
{
    const struct rnn_trials *tr = &j->t->tr;
    const struct rnn_run_opts opts = {.thin = 1,
                                      .use_double = true,
                                      .see = RNN_SEE_STATES,
                                      .replace_noise = true,
                                      .sink = collect,
                                      .sink_arg = j};
    struct rnn_run_result r = {0};
    RNN_TRY(rnn_alloc_into(&j->h, tr->K * tr->T * j->net->spec.N, sizeof *j->h, err));
    int rc = rnn_run_score(j->net, j->t->task, tr, &opts, &r, err);
    if (rc >= 0) {
        j->accuracy = r.metric[0];
        j->loss = r.loss;
        j->trained_horizon = rnn_kvs_get_int(&j->net->summary, "horizon", 0);
        if (j->trained_horizon > 0)
            rc = score_until(j, (size_t)j->trained_horizon, r.o, &j->accuracy_trained, err);
    }
    rnn_run_release(&r);
    j->tr = (struct rnn_vm_trajectories){tr->K, tr->T, j->h, j->t->full, j->t->threshold};
    return rc;
}

/* Where Newton's method starts: the mean state of the output phase. */
static void mean_output_state(const struct vm_job *j, double *x)
{
    const size_t N = j->net->spec.N, s = j->t->op.s, T = j->tr.T;
    for (size_t k = 0; k < j->tr.K; k++)
        for (size_t t = s; t < T; t++)
            for (size_t u = 0; u < N; u++) x[u] += j->h[(k * T + t) * N + u] / (double)(j->tr.K * (T - s));
}

/* The origin where it is a fixed point (networks without biases), else the one near the states of the output
 * phase. */
static int linearise(struct vm_job *j, struct rnn_err *err)
{
    const size_t N = j->net->spec.N;
    double *x = NULL, *f = NULL;
    bool at_origin = true;
    RNN_TRY(rnn_alloc_into(&x, N, sizeof *x, err));
    int rc = rnn_alloc_into(&f, N, sizeof *f, err);
    if (rc >= 0) rc = rnn_net_step(j->net, x, NULL, f, err);
    for (size_t u = 0; rc >= 0 && u < N; u++) at_origin &= f[u] == 0;
    if (rc >= 0 && !at_origin) mean_output_state(j, x);
    if (rc >= 0) rc = rnn_linearise(j->net, x, &j->lin, err);
    for (size_t i = 0; rc >= 0 && i < j->tr.K * j->tr.T * N; i++) j->h[i] -= j->lin.x_star[i % N];
    free(x);
    free(f);
    return rc;
}

static int eigenvalue_arrays(struct vm_job *j, const char *stage, size_t N, const double _Complex *w,
                             struct rnn_err *err)
{
    static const char *const dims[] = {"mode"};
    if (!j->plan->array[TOOL_VM_EIGENVALUES]) return RNN_OK;
    RNN_TRY(vm_array(j, "eigenvalues", dims, RNN_C128, 1, &N, w, NULL, stage, err));
    if (strcmp(stage, "trained")) return RNN_OK;
    return vm_array(j, "eigenvalues_theory", dims, RNN_C128, 1, &j->t->n_theory, j->t->theory, NULL, NULL,
                    err);
}

static int spectrum_of(struct vm_job *j, const char *stage, const struct rnn_linear *lin, struct rnn_err *err)
{
    const bool fits = j->t->kept <= lin->N;
    double _Complex *w = NULL;
    struct rnn_spectrum_match m;
    RNN_TRY(rnn_alloc_into(&w, lin->N, sizeof *w, err));
    int rc = rnn_eig(lin->N, lin->J, w, NULL, NULL, err);
    if (rc >= 0) rc = rnn_spectrum_compare(lin->N, w, j->t->n_theory, j->t->theory, j->plan->theta, &m, err);
    if (rc >= 0) {
        rc = vm_spectrum_rows(j, stage, lin, &m, fits ? "ok" : "too-small",
                              fits ? NULL : "fewer units than the operator has essential elements", err);
        rnn_spectrum_match_release(&m);
    }
    if (rc >= 0) rc = eigenvalue_arrays(j, stage, lin->N, w, err);
    free(w);
    return rc;
}

/* The network before training; one without initial values has no such row. */
static int initial_spectrum(struct vm_job *j, struct rnn_err *err)
{
    struct rnn_net before = *j->net;
    struct rnn_linear lin;
    struct rnn_err why;
    if (!before.theta0) return RNN_OK;
    before.theta = before.theta0;
    const int rc = rnn_linearise(&before, NULL, &lin, &why);
    if (rc == RNN_ERR_NUMERIC) return vm_spectrum_rows(j, "initial", NULL, NULL, "failed", why.msg, err);
    if (rc < 0) return *err = why, rc;
    const int done = spectrum_of(j, "initial", &lin, err);
    rnn_linear_release(&lin);
    return done;
}

/* With biases, what W_rec alone would say (an error that linearising avoids): its spectrum, beside the
 * Jacobian's. */
static int raw_spectrum(struct vm_job *j, struct rnn_err *err)
{
    struct rnn_linear raw = j->lin;
    bool at_origin = true;
    for (size_t u = 0; u < raw.N; u++) at_origin &= raw.x_star[u] == 0;
    if (at_origin || j->net->spec.cell != RNN_ELMAN) return RNN_OK;
    RNN_TRY(rnn_alloc_into(&raw.J, raw.N * raw.N, sizeof *raw.J, err));
    int rc = rnn_net_W(j->net, raw.J, err);
    if (rc >= 0) rc = spectrum_of(j, "weights", &raw, err);
    free(raw.J);
    return rc;
}

static int linear_arrays(struct vm_job *j, struct rnn_err *err)
{
    static const char *const uu[] = {"unit", "unit"}, *const ui[] = {"unit", "input"},
                             *const ou[] = {"output", "unit"};
    const size_t N = j->lin.N, d = j->lin.d;
    if (!j->plan->array[TOOL_VM_LINEAR]) return RNN_OK;
    RNN_TRY(vm_array(j, "J", uu, RNN_F64, 2, (size_t[]){N, N}, j->lin.J, NULL, NULL, err));
    RNN_TRY(vm_array(j, "D", ui, RNN_F64, 2, (size_t[]){N, d}, j->lin.D, NULL, NULL, err));
    RNN_TRY(vm_array(j, "R", ou, RNN_F64, 2, (size_t[]){d, N}, j->lin.R, NULL, NULL, err));
    RNN_TRY(vm_array(j, "x_star", uu, RNN_F64, 1, &N, j->lin.x_star, NULL, NULL, err));
    return vm_array(j, "projector", uu, RNN_F64, 2, (size_t[]){N, N}, j->proj.P, NULL, NULL, err);
}

/* A network of which nothing can be said: a row that says why, counted and told unless the row is a result.
 */
static int give_up(struct vm_job *j, struct tool_each_item *it, const char *state, const char *why,
                   bool is_failure, struct rnn_err *err)
{
    RNN_TRY(vm_spectrum_rows(j, "trained", NULL, NULL, state, why, err));
    if (!is_failure) return RNN_OK;
    it->failed++;
    free(it->note);
    return (it->note = rnn_strdup(why)) ? RNN_OK : rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
}

static int bases(struct vm_job *j, struct rnn_err *err)
{
    for (int v = 0; v < RNN_VM_N_VARIANTS; v++) {
        bool is_first = true;
        for (int n = 0; j->plan->variant[v] && n <= RNN_VM_NORM_ACTIVITY; n++) {
            /* the released code has one scale only */
            if (v == RNN_VM_CODE ? !is_first : !j->plan->norm[n]) continue;
            RNN_TRY(
                vm_variant(j, v, v == RNN_VM_CODE ? RNN_VM_NORM_UNIT : (enum rnn_vm_norm)n, is_first, err));
            is_first = false;
        }
    }
    return RNN_OK;
}

static int whole(struct vm_job *j, struct tool_each_item *it, struct rnn_err *err)
{
    struct rnn_err why;
    RNN_TRY(run_trials(j, err));
    const int fixed = linearise(j, &why);
    if (fixed == RNN_ERR_NUMERIC) return give_up(j, it, "failed", why.msg, true, err);
    if (fixed < 0) return *err = why, fixed;
    RNN_TRY(spectrum_of(j, "trained", &j->lin, err));
    RNN_TRY(raw_spectrum(j, err));
    RNN_TRY(initial_spectrum(j, err));
    if (j->t->kept > j->lin.N) {
        it->failed++;
        it->note =
            rnn_asprintf("%zu units cannot hold %zu variable elements: no basis", j->lin.N, j->t->kept);
        return RNN_OK;
    }
    const int split = rnn_projector_make(j->lin.N, j->lin.J, j->plan->theta, &j->proj, &why);
    if (split == RNN_ERR_NUMERIC) {
        it->failed++;
        it->note = rnn_strdup(why.msg);
        return RNN_OK;
    }
    if (split < 0) return *err = why, split;
    if (j->proj.k) RNN_TRY(vm_ports_rows(j, err));
    RNN_TRY(bases(j, err));
    RNN_TRY(vm_control_rows(j, err));
    RNN_TRY(linear_arrays(j, err));
    return vm_picture(j, err);
}

int tool_vm_analyse(const struct tool_vm_plan *plan, const struct tool_vm_task *t, struct tool_each_item *it,
                    struct rnn_err *err)
{
    struct vm_job j = {.plan = plan,
                       .t = t,
                       .net = it->net,
                       .out = &it->out,
                       .accuracy = NAN,
                       .accuracy_trained = NAN,
                       .loss = NAN};
    int rc;
    if (it->net->status == RNN_NET_DIVERGED)
        rc = give_up(&j, it, "skipped", "the network diverged while it was trained", false, err);
    else if (!rnn_net_finite(it->net))
        rc = give_up(&j, it, "failed", "network has non-finite weights", true, err);
    else
        rc = whole(&j, it, err);
    if (rc >= 0) rc = vm_tables_out(&j, err);
    vm_tables_free(&j);
    rnn_projector_release(&j.proj);
    rnn_linear_release(&j.lin);
    free(j.h);
    return rc;
}
