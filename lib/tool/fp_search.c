/* The searches of rnn-fixedpts under one input: points by rounds of starts, cycles, exponents. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/lyapunov.h"
#include "analysis/pwl.h"
#include "base/mem.h"
#include "base/pool.h"
#include "tool/fp.h"
#include "tool/tool.h"

void tool_fp_found_release(struct tool_fp_found *f)
{
    free(f->label);
    free(f->u);
    free(f->exponent);
    rnn_map_release(&f->map);
    rnn_fp_set_release(&f->set);
    rnn_cycle_set_release(&f->cycles);
    rnn_limit_cycle_release(&f->flow);
    memset(f, 0, sizeof *f);
}

/* ---- fixed and slow points ---- */

struct round {
    const struct tool_fp_job *j;
    const struct rnn_fp_problem *p;
    struct rnn_fp_set *into;
    struct rnn_fp_set *known; /* what the first batch found; others look there too */
    uint64_t first;
    size_t count;
};

static int copy_set(const struct rnn_fp_set *s, struct rnn_fp_set *out, struct rnn_err *err)
{
    rnn_fp_set_init(out, s->N);
    out->merge = s->merge;
    for (size_t i = 0; i < s->n; i++) {
        struct rnn_fp_point p = s->p[i];
        RNN_TRY(rnn_alloc_into(&p.x, s->N, sizeof *p.x, err));
        memcpy(p.x, s->p[i].x, s->N * sizeof *p.x);
        RNN_TRY(rnn_fp_set_add(out, &p, err));
    }
    return RNN_OK;
}

static int search_batch(void *item, size_t worker, void *user, void **result, struct rnn_err *err)
{
    const struct round *r = user;
    const size_t at = (size_t)(uintptr_t)item * r->j->plan->batch, N = r->p->map->N, left = r->count - at;
    const size_t B = left < r->j->plan->batch ? left : r->j->plan->batch;
    struct rnn_fp_set *set;
    double *x = NULL;
    (void)worker;
    RNN_TRY(rnn_alloc_into(&set, 1, sizeof *set, err));
    rnn_fp_set_init(set, N);
    set->merge = r->into->merge;
    int rc = rnn_alloc_into(&x, B * N, sizeof *x, err);
    for (size_t k = 0; k < B && rc >= 0; k++) rc = tool_fp_start(r->j, r->p->map, r->first + at + k, x + k * N, err);
    if (rc >= 0) rc = rnn_fp_from_starts(r->p, B, x, (size_t)r->first + at, r->known, set, err);
    free(x);
    if (rc < 0) rnn_fp_set_release(set), free(set);
    else *result = set;
    return rc;
}

static int take_batch(void *item, void *result, void *user, struct rnn_err *err)
{
    const struct round *r = user;
    struct rnn_fp_set *set = result;
    (void)item;
    const int rc = rnn_fp_set_merge(r->into, set, err);
    rnn_fp_set_release(set);
    free(set);
    return rc;
}

static void drop_batch(void *item, void *result, void *user)
{
    (void)item, (void)user;
    if (result) rnn_fp_set_release(result);
    free(result);
}

/* `count` further starts, by batches that all know what was found before and nothing of each other: the same for every number of
 * threads.  Batches are merged in their order. */
static int run_round(struct round *r, size_t count, struct rnn_err *err)
{
    const struct rnn_pool_calls calls = {.work = search_batch, .emit = take_batch, .discard = drop_batch, .thread_begin = tool_thread_begin, .user = r};
    const size_t batch = r->j->plan->batch;
    struct rnn_fp_set known;
    int rc = copy_set(r->into, &known, err);
    r->known = &known;
    r->count = count;
    if (rc >= 0) rc = rnn_pool_run((count + batch - 1) / batch, r->j->it->jobs, 0, &calls, err);
    rnn_fp_set_release(&known);
    r->first += count;
    return rc;
}

static int search_points(struct tool_fp_job *j, struct tool_fp_found *f, struct rnn_err *err)
{
    struct rnn_fp_problem p;
    struct round r = {.j = j, .p = &p, .into = &f->set};
    const bool repeats = !isnan(j->plan->until);
    const size_t most = j->plan->max_starts;
    size_t count;
    RNN_TRY(rnn_fp_problem_make(&f->map, 1, &j->plan->search, &p, err));
    RNN_TRY(tool_fp_count(j->plan, f->map.N, &count, err));
    /* the first batch alone: what it finds, it finds and proves for all others */
    const size_t lead = count < j->plan->batch ? count : j->plan->batch;
    RNN_TRY(run_round(&r, lead, err));
    if (count > lead) RNN_TRY(run_round(&r, count - lead, err));
    while (repeats && r.first < most && !(rnn_fp_unseen(&f->set) <= j->plan->until))
        RNN_TRY(run_round(&r, count < most - r.first ? count : most - (size_t)r.first, err));
    return RNN_OK;
}

/* Fixed points of a piecewise-linear map, from region iteration or complete enumeration, join those of the descent. */
static int add_exact(struct tool_fp_job *j, struct tool_fp_found *f, struct rnn_err *err)
{
    struct rnn_cycle_set exact;
    struct rnn_pwl_options o;
    const double alpha = f->map.alpha_scale;
    double *work;
    RNN_TRY(rnn_alloc_into(&work, rnn_map_work(&f->map, 1), sizeof *work, err));
    rnn_cycle_set_init(&exact, f->map.N);
    rnn_pwl_options_default(&o);
    o.seed = j->plan->seed, o.net = j->net->index, o.reach = j->plan->reach;
    int rc = j->plan->exhaustive ? rnn_pwl_enumerate(&f->map, 1, &exact, NULL, err) : rnn_pwl_cycles(&f->map, 1, &o, &exact, NULL, err);
    for (size_t i = 0; i < exact.n && rc >= 0; i++) {
        const struct rnn_cycle *c = &exact.c[i];
        const double reach = rnn_map_affine_radius(&f->map, c->x, work);
        struct rnn_fp_point p = {.status = RNN_FP_FIXED, .residual = c->residual, .radius = fmin(c->residual * 1e3 + 1e-14, reach), .unique = reach,
                                 .basin = reach, .start = SIZE_MAX, .gradient = NAN}; /* which was not looked at */
        rc = rnn_alloc_into(&p.x, f->map.N, sizeof *p.x, err);
        if (rc < 0) break;
        memcpy(p.x, c->x, f->map.N * sizeof *p.x);
        p.q = c->residual * c->residual / 2, p.speed = c->residual / alpha;
        rc = rnn_fp_set_add(&f->set, &p, err);
    }
    f->is_complete = j->plan->exhaustive;
    free(work);
    rnn_cycle_set_release(&exact);
    return rc < 0 ? rc : RNN_OK;
}

/* ---- cycles ---- */

static int search_cycles(struct tool_fp_job *j, struct tool_fp_found *f, struct rnn_err *err)
{
    const size_t N = f->map.N;
    const bool exact = rnn_pwl_applies(&f->map);
    size_t count;
    double *x;
    RNN_TRY(tool_fp_count(j->plan, N, &count, err));
    if (count > 4096) count = 4096; /* cycles cost k times as much a start */
    RNN_TRY(rnn_alloc_into(&x, count * N, sizeof *x, err));
    int rc = RNN_OK;
    for (size_t k = 0; k < count && rc >= 0; k++) rc = tool_fp_start(j, &f->map, k, x + k * N, err);
    struct rnn_pwl_options o;
    rnn_pwl_options_default(&o);
    o.seed = j->plan->seed, o.net = j->net->index, o.starts = x, o.n_starts = count, o.tries = count;
    for (size_t k = 2; k <= j->plan->cycles && rc >= 0; k++) {
        if (exact && j->plan->exhaustive) rc = rnn_pwl_enumerate(&f->map, k, &f->cycles, NULL, err);
        else if (exact) rc = rnn_pwl_cycles(&f->map, k, &o, &f->cycles, NULL, err);
        for (size_t at = 0; !exact && at < count && rc >= 0; at += j->plan->batch) {
            const size_t B = count - at < j->plan->batch ? count - at : j->plan->batch;
            rc = rnn_cycles_from_starts(&f->map, k, &j->plan->search, B, x + at * N, &f->cycles, err);
        }
    }
    free(x);
    rnn_cycle_set_sort(&f->cycles);
    return rc < 0 ? rc : RNN_OK;
}

/* A state on the attractor that the trial ends at: the last kept one, or the first start. */
static int final_state(const struct tool_fp_job *j, const struct rnn_map *map, double *x, struct rnn_err *err)
{
    struct tool_fp_job one = *j;
    struct tool_fp_plan quiet = *j->plan;
    if (!j->n_states) return tool_fp_start(j, map, 0, x, err);
    one.states = j->states + (j->n_states - 1) * j->net->spec.N, one.n_states = 1, one.plan = &quiet;
    quiet.noise = 0, quiet.starts = TOOL_FP_TRAJECTORY;
    return tool_fp_start(&one, map, 0, x, err);
}

static int search_flow(struct tool_fp_job *j, struct tool_fp_found *f, struct rnn_err *err)
{
    struct rnn_limit_cycle_options o;
    double *x;
    rnn_limit_cycle_options_default(&o);
    RNN_TRY(rnn_alloc_into(&x, f->map.N, sizeof *x, err));
    int rc = final_state(j, &f->map, x, err);
    if (rc >= 0) rc = rnn_limit_cycle_find(&f->map, x, &o, &f->flow, err);
    f->has_flow = rc >= 0;
    free(x);
    return rc;
}

/* What could not be computed of this network: counted, and said in its turn. */
static int note(struct tool_each_item *it, const char *words, struct rnn_err *err)
{
    it->failed++;
    free(it->note);
    return (it->note = rnn_strdup(words)) ? RNN_OK : rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
}

static int search_exponents(struct tool_fp_job *j, struct tool_fp_found *f, struct rnn_err *err)
{
    const size_t m = j->plan->exponents < f->map.N ? j->plan->exponents : f->map.N;
    double *x;
    RNN_TRY(rnn_alloc_into(&x, f->map.N, sizeof *x, err));
    int rc = rnn_alloc_into(&f->exponent, 2 * m, sizeof *f->exponent, err);
    f->exponent_error = f->exponent ? f->exponent + m : NULL;
    if (rc >= 0) rc = final_state(j, &f->map, x, err);
    if (rc >= 0) rc = rnn_lyapunov(&f->map, x, 1000, j->plan->exponent_steps, 1, m, f->exponent, f->exponent_error, err);
    f->dimension = rc >= 0 ? rnn_kaplan_yorke(m, f->exponent, f->map.N) : NAN;
    if (rc == RNN_ERR_NUMERIC) { /* relu units may run away */
        for (size_t i = 0; i < 2 * m; i++) f->exponent[i] = NAN;
        rc = note(j->it, "its orbit leaves the finite numbers: no Lyapunov exponents", err);
    }
    free(x);
    return rc < 0 ? rc : RNN_OK;
}

int tool_fp_search(struct tool_fp_job *j, struct tool_fp_found *f, struct rnn_err *err)
{
    const struct rnn_net *net = j->net;
    RNN_TRY(rnn_alloc_into(&f->u, net->spec.n_in ? net->spec.n_in : 1, sizeof *f->u, err));
    RNN_TRY(tool_fp_input(j, f->input, f->u, &f->label, err));
    RNN_TRY(j->plan->reduced ? rnn_map_reduced(net, f->u, &f->map, err) : rnn_map_of_net(net, f->u, &f->map, err));
    rnn_fp_set_init(&f->set, f->map.N);
    rnn_cycle_set_init(&f->cycles, f->map.N);
    f->set.merge = f->cycles.merge = j->plan->merge;
    if (j->plan->exhaustive && !rnn_pwl_applies(&f->map)) return rnn_fail(err, RNN_ERR_ARG, "--exhaustive: the network is not piecewise linear");
    if (!j->plan->exhaustive) RNN_TRY(search_points(j, f, err));
    if (rnn_pwl_applies(&f->map)) RNN_TRY(add_exact(j, f, err));
    rnn_fp_set_sort(&f->set);
    if (j->plan->cycles > 1) RNN_TRY(search_cycles(j, f, err));
    if (j->plan->flow_cycle) RNN_TRY(search_flow(j, f, err));
    if (j->plan->exponents) RNN_TRY(search_exponents(j, f, err));
    return RNN_OK;
}
