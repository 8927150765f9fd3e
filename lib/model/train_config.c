/* Configurations of training: defaults, checks against a task, learning-rate schedules, memory. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "model/reduced.h"
#include "model/train_core.h"
#include "model/train_state.h"

const char *const rnn_schedule_names[] = { "constant", "step", "exponential", "cosine", "linear", NULL };
const char *const rnn_optim_names[] = { "sgd", "adam", "adamw", NULL };

void rnn_train_config_default(struct rnn_train_config *c)
{
    *c = (struct rnn_train_config){
        .init = { .W_rec = { RNN_INIT_UNIFORM, 1 }, .W_in = { RNN_INIT_UNIFORM, 1 }, .W_out = { RNN_INIT_UNIFORM, 1 },
                  .bias = { RNN_INIT_UNIFORM, 1 }, .factor = { RNN_INIT_UNIFORM, 1 }, .b_out_sd = -1 },
        .optim = { .kind = RNN_ADAM, .momentum = 0, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8 },
        .lr = 1e-3, .lr_gamma = 0.1, .lr_every = 1000, .batch = 64, .updates = 1000, .shuffle = true, .loss = -1, .norm = -1,
        .rollout = 1, .curriculum_at = 0.96, .dale = -1, .dale_balance = true, .stop_accuracy = NAN, .diverged_at = INFINITY, .learned_at = NAN, .learned_ratio = NAN,
        .modes_at = 0.95, .precision_bits = 32,
    };
    rnn_spec_default(&c->spec);
    c->spec.N = 64;
}

void rnn_train_config_release(struct rnn_train_config *c)
{
    for (size_t i = 0; i < c->n_freeze; i++) free(c->freeze[i]);
    for (size_t i = 0; i < c->n_load; i++) free(c->load[i]);
    free(c->freeze);
    free(c->load);
    free(c->curriculum);
    free(c->snapshots);
    memset(c, 0, sizeof *c);
}

bool rnn_is_frozen(const struct rnn_train_config *c, const struct rnn_param *p)
{
    if (p->is_fixed) return true;
    for (size_t i = 0; i < c->n_freeze; i++) {
        if (!strcmp(c->freeze[i], p->name)) return true;
    }
    return false;
}

void rnn_trainable_runs(const struct rnn_train_config *c, const struct rnn_params *ps, struct rnn_runs *out)
{
    out->n = 0;
    for (size_t i = 0; i < ps->n; i++) {
        const struct rnn_param *p = &ps->p[i];
        if (rnn_is_frozen(c, p)) continue;
        if (out->n && out->run[out->n - 1].at + out->run[out->n - 1].n == p->offset) {
            out->run[out->n - 1].n += p->rows * p->cols;
        } else {
            out->run[out->n].at = p->offset;
            out->run[out->n++].n = p->rows * p->cols;
        }
    }
}

bool rnn_train_is_fused(const struct rnn_train_config *c)
{
    const struct rnn_penalty *p = &c->penalty;
    if (c->reduced || c->precision_bits != 32 || c->clip > 0 || c->bptt > 0 || c->rollout > 1 || c->sparsity > 0 || c->dale >= 0) return false;
    if (p->l1_rec > 0 || p->l2_rec > 0 || p->l2_rate > 0) return false;
    return rnn_fused_applies(&c->spec, c->batch, &c->optim);
}

uint64_t rnn_train_set_size(const struct rnn_train_config *c, const struct rnn_train_data *d)
{
    (void)c;
    return d->train ? d->train->K : d->task->n_split[RNN_TRAIN];
}

uint64_t rnn_train_epoch_updates(const struct rnn_train_config *c, const struct rnn_train_data *d)
{
    const uint64_t n = rnn_train_set_size(c, d);
    if (!n) return 0;
    return c->drop_last ? n / c->batch : (n + c->batch - 1) / c->batch;
}

uint64_t rnn_train_updates(const struct rnn_train_config *c, const struct rnn_train_data *d)
{
    return c->updates ? c->updates : c->epochs * rnn_train_epoch_updates(c, d);
}

double rnn_train_lr(const struct rnn_train_config *c, uint64_t total, uint64_t update)
{
    const double u = (double)update, share = total ? u / (double)total : 0, every = (double)(c->lr_every ? c->lr_every : 1);
    double f = 1;
    switch (c->schedule) {
    case RNN_LR_STEP: f = pow(c->lr_gamma, floor(u / every)); break;
    case RNN_LR_EXPONENTIAL: f = pow(c->lr_gamma, u / every); break;
    case RNN_LR_COSINE: f = c->lr_end + (1 - c->lr_end) * (1 + cos(M_PI * share)) / 2; break;
    case RNN_LR_LINEAR: f = 1 - (1 - c->lr_end) * share; break;
    default: break;
    }
    if (update < c->warmup) f *= (u + 1) / (double)c->warmup;
    return c->lr * f;
}

static int check_names(const char *option, char *const *names, size_t n, const struct rnn_params *ps, struct rnn_err *err)
{
    for (size_t i = 0; i < n; i++) {
        if (rnn_param_find(ps, names[i])) continue;
        char known[RNN_MAX_PARAMS * 18] = "";
        for (size_t j = 0; j < ps->n; j++) {
            strcat(known, j ? ", " : "");
            strcat(known, ps->p[j].name);
        }
        return rnn_fail(err, RNN_ERR_ARG, "--%s: '%s': this network's parameters are %s", option, names[i], known);
    }
    return RNN_OK;
}

static int check_length(const struct rnn_train_config *c, const struct rnn_train_data *d, struct rnn_err *err)
{
    const uint64_t n = rnn_train_set_size(c, d);
    if (c->updates && c->epochs) return rnn_fail(err, RNN_ERR_ARG, "--updates and --epochs contradict each other");
    if (c->epochs && !n) {
        return rnn_fail(err, RNN_ERR_ARG, "--epochs: task '%s' draws its trials afresh, so it has no epochs: say --updates", d->task->name);
    }
    if (n && !rnn_train_epoch_updates(c, d)) {
        return rnn_fail(err, RNN_ERR_ARG, "--batch (%zu) must not exceed the %llu training trials when --drop-last is given", c->batch,
                        (unsigned long long)n);
    }
    const uint64_t updates = rnn_train_updates(c, d);
    if (updates >= UINT32_MAX) return rnn_fail(err, RNN_ERR_ARG, "more than 2^32 updates");
    if (!n && !d->task->is_static && (double)updates * (double)c->batch > 0x1p32) {
        return rnn_fail(err, RNN_ERR_ARG, "%llu updates with --batch %zu need more than the 2^32 trials that a task has",
                        (unsigned long long)updates, c->batch);
    }
    return RNN_OK;
}

/* PyTorch's ranges, but for eps = 0: where the gradient is zero, as on masked weights and silent inputs, a step would be 0/0. */
static int check_optimiser(const struct rnn_train_config *c, struct rnn_err *err)
{
    const struct rnn_optim *o = &c->optim;
    const double least = c->precision_bits == 64 ? DBL_MIN : (double)FLT_MIN; /* smaller ones are flushed to zero */
    if (o->kind == RNN_SGD) return RNN_OK;
    if (!(o->beta1 < 1)) return rnn_fail(err, RNN_ERR_ARG, "--beta1 (%g) must be below 1", o->beta1);
    if (!(o->beta2 < 1)) return rnn_fail(err, RNN_ERR_ARG, "--beta2 (%g) must be below 1", o->beta2);
    if (!(o->eps >= least)) return rnn_fail(err, RNN_ERR_ARG, "--eps (%g) must be at least %.2g", o->eps, least);
    return RNN_OK;
}

static int check_curriculum(const struct rnn_train_config *c, const struct rnn_train_data *d, struct rnn_err *err)
{
    const struct rnn_task *task = d->task;
    if (!c->n_curriculum) return RNN_OK;
    if (!task->horizon_base) return rnn_fail(err, RNN_ERR_ARG, "--curriculum: task '%s' has no horizon", task->name);
    for (size_t i = 0; i < c->n_curriculum; i++) {
        if (c->curriculum[i] < 1) return rnn_fail(err, RNN_ERR_ARG, "--curriculum: horizons must be at least 1");
        if (d->train && task->horizon_base + c->curriculum[i] > d->train->T) {
            return rnn_fail(err, RNN_ERR_ARG, "--curriculum: horizon %zu exceeds the %zu output steps of the given trials", c->curriculum[i],
                            d->train->T - task->horizon_base);
        }
    }
    return RNN_OK;
}

static int check_masks(const struct rnn_train_config *c, struct rnn_err *err)
{
    const bool any = c->sparsity > 0 || c->dale >= 0;
    const char *option = c->sparsity > 0 ? "sparsity" : "dale";
    if (c->sparsity < 0 || c->sparsity > 1) return rnn_fail(err, RNN_ERR_ARG, "--sparsity must lie between 0 and 1");
    if (c->dale > 1) return rnn_fail(err, RNN_ERR_ARG, "--dale must lie between 0 and 1");
    if (any && c->spec.rank) return rnn_fail(err, RNN_ERR_ARG, "--%s has no meaning for factorised weights (--rank %zu)", option, c->spec.rank);
    if (c->penalty.l1_rec > 0 && c->spec.rank) {
        return rnn_fail(err, RNN_ERR_ARG, "--l1 has no meaning for factorised weights (--rank %zu), whose product is never formed: use --l2", c->spec.rank);
    }
    if (c->dale >= 0 && c->spec.cell == RNN_GRU) return rnn_fail(err, RNN_ERR_ARG, "--dale has no meaning for the gates of a gru");
    if (c->count_modes && c->spec.cell == RNN_GRU) {
        return rnn_fail(err, RNN_ERR_ARG, "--count-modes: a gru has no one recurrent matrix");
    }
    return RNN_OK;
}

static int check_rules(const struct rnn_train_config *c, const struct rnn_train_data *d, struct rnn_err *err)
{
    size_t metrics = 0;
    while (rnn_train_metrics(d->task)[metrics]) metrics++;
    if (c->learned_stable && (isnan(c->learned_at) || metrics < 2)) {
        return rnn_fail(err, RNN_ERR_ARG, "--learned-stable needs --learned-at and a task with two metrics, accuracy and reliability");
    }
    if (c->learned_stable && rnn_train_set_size(c, d)) {
        return rnn_fail(err, RNN_ERR_ARG, "--learned-stable is defined for trials that are drawn afresh only");
    }
    for (size_t i = 1; i < c->n_snapshots; i++) {
        if (c->snapshots[i] <= c->snapshots[i - 1]) return rnn_fail(err, RNN_ERR_ARG, "--snapshots must ascend");
    }
    if (c->validate_every && !d->validation && d->task->is_finite && !d->task->n_split[RNN_VALIDATION]) {
        return rnn_fail(err, RNN_ERR_ARG, "--validate-every: task '%s' sets no trials aside for validation", d->task->name);
    }
    if (c->validate_every && !d->validation && !d->task->def) {
        return rnn_fail(err, RNN_ERR_ARG, "--validate-every: the stream holds no validation trials");
    }
    if (c->validate_every && !c->validate_trials && !d->validation) return rnn_fail(err, RNN_ERR_ARG, "--validate-trials must be at least 1");
    return RNN_OK;
}

/* Cross-entropy takes targets for probabilities: +-1 or a real value would be trained on without a word. */
static int check_probabilities(const struct rnn_task *task, const struct rnn_trials *tr, struct rnn_err *err)
{
    const size_t per_trial = tr->T * tr->n_out;
    for (size_t i = 0; i < tr->K * per_trial; i++) {
        if (tr->w[i / tr->n_out] == 0 || (tr->y[i] >= 0 && tr->y[i] <= 1)) continue;
        return rnn_fail(err, RNN_ERR_ARG, "--loss cross-entropy needs targets between 0 and 1, probabilities of the outputs: task '%s' wants %g of "
                        "output %zu in step %zu of trial %llu: say --loss mse", task->name, (double)tr->y[i], i % tr->n_out,
                        i % per_trial / tr->n_out, (unsigned long long)(tr->first + i / per_trial));
    }
    return RNN_OK;
}

#define LOOKED_AT 16 /* trials of a task that draws them: its targets are of one kind */

static int check_targets(const struct rnn_train_data *d, struct rnn_err *err)
{
    struct rnn_trials drawn = { 0 };
    const uint64_t have = d->task->n_split[RNN_TRAIN];
    if (d->train) return check_probabilities(d->task, d->train, err);
    RNN_TRY(rnn_task_trials(d->task, RNN_TRAIN, 0, NULL, 0, have && have < LOOKED_AT ? (size_t)have : LOOKED_AT, 0, &drawn, err));
    const int rc = check_probabilities(d->task, &drawn, err);
    rnn_trials_release(&drawn);
    return rc;
}

/* What a decoder, and heads, do without. */
static int check_decoder(const struct rnn_train_config *c, const struct rnn_task *task, struct rnn_err *err)
{
    const struct { bool is_said; const char *option, *why; } no[] = {
        { c->reduced, "reduced", "the reduced form has no decoder" },
        { c->bptt > 0, "bptt", "the decoder starts where the trial ends: gradients flow through all of it" },
        { c->sparsity > 0, "sparsity", "the mask knows one recurrent matrix, a network with a decoder has two" },
        { c->dale >= 0, "dale", "the signs are of one recurrent matrix, a network with a decoder has two" },
        { c->spec.noise_rec > 0, "noise", "a network with a decoder runs without recurrent noise" },
        { c->tau_to > 0, "tau-to", "a network with a decoder has one time constant" },
        { c->spec.read == RNN_READ_BEFORE, "read before", "the decoder gets what is read after the last step" },
    };
    if (task->is_decoded && !c->spec.n_latent) {
        return rnn_fail(err, RNN_ERR_ARG, "task '%s' asks for what the network is being shown: say --decoder LATENT, the latent variables that a second "
                        "network answers from", task->name);
    }
    if (c->spec.n_latent && task->closed_loop) {
        return rnn_fail(err, RNN_ERR_ARG, "--decoder: task '%s' is scored on a network's own output, step by step; a decoder answers at the end", task->name);
    }
    for (size_t i = 0; c->spec.n_latent && i < RNN_LEN(no); i++)
        if (no[i].is_said) return rnn_fail(err, RNN_ERR_ARG, "--%s with --decoder: %s", no[i].option, no[i].why);
    if (!task->heads.n) return RNN_OK;
    if ((c->loss >= 0 ? (enum rnn_loss)c->loss : task->loss) != RNN_LOSS_CE) return rnn_fail(err, RNN_ERR_ARG, "--loss: heads have cross-entropies");
    if (c->norm == RNN_NORM_POSITIONS) return rnn_fail(err, RNN_ERR_ARG, "--loss-norm positions: every head's loss is a mean over its own targets");
    if (c->loss_steps != RNN_STEPS_TASK) return rnn_fail(err, RNN_ERR_ARG, "--loss-steps: the heads are asked at different steps");
    return RNN_OK;
}

int rnn_train_resolve(struct rnn_train_config *c, const struct rnn_train_data *d, struct rnn_err *err)
{
    const struct rnn_task *task = d->task;
    struct rnn_params ps;
    if (!task->def && !d->train) {
        return rnn_fail(err, RNN_ERR_ARG, "task '%s' is not one that is built in: its training trials must be in the stream", task->name);
    }
    c->spec.n_in = task->n_in;
    c->spec.n_out = task->n_out;
    c->spec.heads = task->heads;
    if (c->spec.rank > c->spec.N) return rnn_fail(err, RNN_ERR_ARG, "--rank (%zu) must not exceed --hidden (%zu)", c->spec.rank, c->spec.N);
    if (!c->batch) {
        c->batch = (size_t)rnn_train_set_size(c, d);
        if (!c->batch) return rnn_fail(err, RNN_ERR_ARG, "--batch 0 means the whole training set, and task '%s' has none", task->name);
    }
    RNN_TRY(check_decoder(c, task, err));
    RNN_TRY(rnn_spec_params(&c->spec, &ps, err));
    if (c->reduced) RNN_TRY(rnn_reduced_check(c, task, err));
    RNN_TRY(check_names("freeze", c->freeze, c->n_freeze, &ps, err));
    RNN_TRY(check_names("load", c->load, c->n_load, &ps, err));
    RNN_TRY(check_length(c, d, err));
    RNN_TRY(check_optimiser(c, err));
    RNN_TRY(check_curriculum(c, d, err));
    RNN_TRY(check_masks(c, err));
    RNN_TRY(check_rules(c, d, err));
    RNN_TRY(rnn_rollout_check(c, d, err));
    if (d->state0 && rnn_train_is_fused(c)) return rnn_fail(err, RNN_ERR_ARG, "the fused update starts from the law of the initial state only");
    const enum rnn_loss loss = c->loss >= 0 ? (enum rnn_loss)c->loss : task->loss;
    if (loss == RNN_LOSS_CE && c->spec.readout == RNN_OUT_SIGMOID) {
        return rnn_fail(err, RNN_ERR_ARG, "--loss cross-entropy needs --readout softmax or linear (logits)");
    }
    return loss == RNN_LOSS_CE ? check_targets(d, err) : RNN_OK;
}

/* What the trainer of one net allocates, mirrored from rnn_trainer_new. */
int rnn_train_memory(const struct rnn_train_config *c, const struct rnn_train_data *d, struct rnn_train_memory *m, struct rnn_err *err)
{
    struct rnn_params ps;
    RNN_TRY(rnn_spec_params(&c->spec, &ps, err));
    const struct rnn_core_ops *ops = rnn_train_core_ops(c);
    struct rnn_core_setup s = { .c = c, .params = &ps };
    rnn_train_sizes(c, d, &s);
    unsigned char masked;
    if (c->sparsity > 0) s.mask = &masked;
    const struct rnn_task *task = d->task;
    const size_t per_step = (task->n_in + task->n_out) * sizeof(float) + sizeof(double);
    const uint64_t updates = rnn_train_updates(c, d), set = rnn_train_set_size(c, d);
    *m = (struct rnn_train_memory){ .params = ops->bytes(&s) + 2 * ps.total * sizeof(double), .engine = ops->engine_bytes(&s) };
    m->batch = s.B * s.T * (per_step + task->n_out * sizeof(float));
    if (c->rollout > 1) m->batch += rnn_train_batch(c, d) * s.T * per_step;
    if (set && !d->train) m->batch += (size_t)set * s.T * per_step;
    if (rnn_train_evaluates_set(c, d)) m->batch += (size_t)set * s.T * task->n_out * sizeof(float);
    if (task->heads.n > 1) m->batch += rnn_train_batch(c, d) * s.T * task->n_out * sizeof(float);
    if (c->validate_every) m->batch += c->validate_trials * s.eval_T * (per_step + task->n_out * sizeof(float));
    m->history = (size_t)updates * rnn_train_rule_metrics(c, d) * sizeof(float);
    m->log = rnn_train_rows(c, d) * rnn_train_columns(d->task, NULL) * sizeof(double);
    m->snapshots = c->n_snapshots * ps.total * sizeof(double);
    const size_t encoded = 2 * ps.total * (size_t)c->precision_bits / 8; /* params and params0 */
    m->result = 2 * ps.total * sizeof(double) + encoded + (1 + c->n_snapshots) * encoded;
    m->total = m->params + m->engine + m->batch + m->history + m->log + m->snapshots + m->result;
    return RNN_OK;
}
