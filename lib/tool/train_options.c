#include "tool/train_options.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"

struct train_options train_opt = { .init = (char *)"uniform", .init_in = (char *)"uniform", .init_out = (char *)"uniform",
                                   .init_bias = (char *)"uniform", .init_factor = (char *)"uniform", .tau = 10, .init_b_out_sd = -1, .dale = -1 };
#define C train_opt.c
#define O train_opt
#define ENUM(x) ((int *)&(x)) /* enumerations here are stored as unsigned int */
#define MAX_UPDATES 1e15
#define NOT_SAID UINT64_MAX /* out of range, which the option table shows as "not set" */

const struct cli_opt train_opt_table[] = {
    { .name = "Recipe", .type = CLI_SECTION },
    { 0, "preset", CLI_STR, &O.preset, "NAME", 0, 0, "schemas, short-term-memory, variable-memory[-fast], flip-flop, none; unsaid: the task's own", 0, NULL },
    { .name = "Network", .type = CLI_SECTION },
    { 0, "cell", CLI_CHOICE, ENUM(C.spec.cell), "elman|leaky|leaky-current|gru", 0, 0, "update rule", 0, NULL },
    { 0, "activation", CLI_CHOICE, ENUM(C.spec.act), "tanh|relu|sigmoid|softplus|linear", 0, 0, "nonlinearity of the units", 0, NULL },
    { 'N', "hidden", CLI_SIZE, &C.spec.N, "N", 1, 65536, "recurrent units", 0, NULL },
    { 0, "rank", CLI_SIZE, &C.spec.rank, "R", 0, 65536, "factorise the recurrent weights, W = m n; 0: full", 0, NULL },
    { 0, "rank-scale", CLI_CHOICE, ENUM(C.spec.rank_scale), "plain|per-unit", 0, 0, "W = m n, or m n / N", 0, NULL },
    { 0, "read-latent", CLI_FLAG, &C.spec.read_latent, NULL, 0, 0, "read out from the latent state n r instead of the units", 0, NULL },
    { 0, "readout", CLI_CHOICE, &O.readout, "auto|linear|sigmoid|softmax", 0, 0, "nonlinearity of the outputs; auto: the task's", 0, NULL },
    { 0, "read", CLI_CHOICE, ENUM(C.spec.read), "after|before", 0, 0, "read out after or before the update of the step", 0, NULL },
    { 0, "decoder", CLI_SIZE, &C.spec.n_latent, "LATENT", 0, 65536, "a second network gives the outputs, from so many latent variables read at the end; 0: none", 0, NULL },
    { 0, "bias-rec", CLI_FLAG, &C.spec.bias_rec, NULL, 0, 0, "recurrent bias", 0, NULL },
    { 0, "bias-in", CLI_FLAG, &C.spec.bias_in, NULL, 0, 0, "a second, input bias", 0, NULL },
    { 0, "bias-out", CLI_FLAG, &C.spec.bias_out, NULL, 0, 0, "output bias", 0, NULL },
    { 0, "dt", CLI_REAL, &O.dt, "MS", 0, 1e6, "time step of leaky cells; 0: the task's", 0, NULL },
    { 0, "tau", CLI_REAL, &O.tau, "MS", 1e-6, 1e9, "time constant of leaky cells", 0, NULL },
    { 0, "tau-to", CLI_REAL, &O.tau_to, "MS", 0, 1e9, "time constants log-spaced over the units from --tau to this; 0: all equal", 0, NULL },
    { 0, "alpha", CLI_REAL, &O.alpha, "A", 0, 1, "leak dt/tau, instead of --tau; 0: from --tau", 0, NULL },
    { 0, "noise", CLI_REAL, &C.spec.noise_rec, "SIGMA", 0, 1e6, "recurrent noise", 0, NULL },
    { 0, "noise-where", CLI_CHOICE, ENUM(C.spec.noise_where), "inside|outside", 0, 0, "within the nonlinearity, or added to the new state", 0, NULL },
    { 0, "noise-scale", CLI_CHOICE, ENUM(C.spec.noise_scale), "plain|sqrt-2-over-alpha|sqrt-2-alpha|sqrt-dt", 0, 0, "factor on sigma", 0, NULL },
    { 0, "h0", CLI_CHOICE, ENUM(C.spec.h0), "zero|fixed|trained|normal", 0, 0, "law of the initial state; normal: drawn for each trial", 0, NULL },
    { 0, "h0-sd", CLI_REAL, &C.spec.h0_sd, "SD", 0, 1e6, "standard deviation per trial", 0, NULL },
    { 0, "h0-transform", CLI_CHOICE, ENUM(C.spec.h0_transform), "plain|tanh", 0, 0, "applied to the initial state", 0, NULL },
    { .name = "Initial weights", .type = CLI_SECTION },
    { 0, "init", CLI_STR, &O.init, "LAW", 0, 0, "of W_rec: uniform, gauss, xavier or orthogonal, each with a gain as in gauss:1.5, or zero", 0, NULL },
    { 0, "init-in", CLI_STR, &O.init_in, "LAW", 0, 0, "of W_in", 0, NULL },
    { 0, "init-out", CLI_STR, &O.init_out, "LAW", 0, 0, "of W_out", 0, NULL },
    { 0, "init-bias", CLI_STR, &O.init_bias, "LAW", 0, 0, "of the biases", 0, NULL },
    { 0, "init-factor", CLI_STR, &O.init_factor, "LAW", 0, 0, "of the factors m and n", 0, NULL },
    { 0, "init-b-out-sd", CLI_REAL, &O.init_b_out_sd, "SD", -1, 1e6, "output bias normal with this standard deviation; -1: --init-bias", 0, NULL },
    { 0, "init-h0-sd", CLI_REAL, &C.init.h0_sd, "SD", 0, 1e6, "of a fixed or trained initial state", 0, NULL },
    { 0, "zero-diagonal", CLI_FLAG, &C.init.zero_diagonal, NULL, 0, 0, "no self-connections at the start", 0, NULL },
    { 0, "rnn-fan", CLI_FLAG, &C.init.rnn_fan, NULL, 0, 0, "laws of input weights count N inputs too, as nn.RNN", 0, NULL },
    { 0, "load", CLI_STRS, &O.load, "NAMES", 0, 0, "parameters taken from --init-from; unsaid: all it has", CLI_COMMA, NULL },
    { .name = "Optimiser", .type = CLI_SECTION },
    { 0, "optimizer", CLI_CHOICE, ENUM(C.optim.kind), "sgd|adam|adamw", 0, 0, "update rule, with PyTorch's formulas", 0, NULL },
    { 0, "lr", CLI_REAL, &C.lr, "LR", 0, 1e6, "learning rate", 0, NULL },
    { 0, "momentum", CLI_REAL, &C.optim.momentum, "M", 0, 1, "of sgd", 0, NULL },
    { 0, "beta1", CLI_REAL, &C.optim.beta1, "B", 0, 1, "of adam", 0, NULL },
    { 0, "beta2", CLI_REAL, &C.optim.beta2, "B", 0, 1, "of adam", 0, NULL },
    { 0, "eps", CLI_REAL, &C.optim.eps, "E", 0, 1, "of adam", 0, NULL },
    { 0, "weight-decay", CLI_REAL, &C.optim.weight_decay, "D", 0, 1e6, "decay times the parameter joins the gradient (adamw: the step)", 0, NULL },
    { 0, "lr-schedule", CLI_CHOICE, ENUM(C.schedule), "constant|step|exponential|cosine|linear", 0, 0, "course of the learning rate", 0, NULL },
    { 0, "lr-gamma", CLI_REAL, &C.lr_gamma, "G", 0, 1e3, "factor of step and exponential", 0, NULL },
    { 0, "lr-every", CLI_UINT64, &C.lr_every, "UPDATES", 1, MAX_UPDATES, "updates per factor", 0, NULL },
    { 0, "lr-end", CLI_REAL, &C.lr_end, "SHARE", 0, 1, "share of the learning rate that cosine and linear end with", 0, NULL },
    { 0, "warmup", CLI_UINT64, &C.warmup, "UPDATES", 0, 0, "rise linearly to the learning rate over these", 0, NULL },
    { 0, "clip", CLI_REAL, &C.clip, "NORM", 0, 1e9, "bound on the global gradient norm; 0: none", 0, NULL },
    { 0, "l1", CLI_REAL, &C.penalty.l1_rec, "C", 0, 1e9, "penalty on the absolute recurrent weights", 0, NULL },
    { 0, "l2", CLI_REAL, &C.penalty.l2_rec, "C", 0, 1e9, "penalty on the squared recurrent weights", 0, NULL },
    { 0, "l2-rate", CLI_REAL, &C.penalty.l2_rate, "C", 0, 1e9, "penalty on the mean squared rate", 0, NULL },
    { .name = "Course", .type = CLI_SECTION },
    { 0, "batch", CLI_SIZE, &C.batch, "TRIALS", 0, 1e7, "trials per update; 0: the whole training set", 0, NULL },
    { 0, "updates", CLI_UINT64, &O.updates, "N", 0, MAX_UPDATES, "parameter updates", 0, NULL },
    { 0, "epochs", CLI_UINT64, &O.epochs, "N", 0, MAX_UPDATES, "passes over a finite training set, instead", 0, NULL },
    { 0, "lr-budget", CLI_REAL, &O.lr_budget, "X", 0, 1e9, "updates = max(1000, X / lr), instead; 0: no", 0, NULL },
    { 0, "bptt", CLI_SIZE, &C.bptt, "STEPS", 0, 1e7, "propagate gradients back over this many steps; 0: the whole trial", 0, NULL },
    { 0, "shuffle", CLI_FLAG, &C.shuffle, NULL, 0, 0, "a fresh order each epoch", 0, NULL },
    { 0, "drop-last", CLI_FLAG, &C.drop_last, NULL, 0, 0, "leave out an epoch's incomplete last batch", 0, NULL },
    { 0, "same-trials", CLI_FLAG, &C.same_trials, NULL, 0, 0, "every net sees the same trials in the same order", 0, NULL },
    { 0, "loss", CLI_CHOICE, &O.loss, "auto|mse|cross-entropy", 0, 0, "auto: the task's", 0, NULL },
    { 0, "loss-norm", CLI_CHOICE, &O.norm, "auto|positions|weights", 0, 0, "divide the weighted errors by their number, or by the weights", 0, NULL },
    { 0, "loss-steps", CLI_CHOICE, ENUM(C.loss_steps), "task|last|all", 0, 0, "steps that count", 0, NULL },
    { 0, "curriculum", CLI_REALS, &O.curriculum, "H,H,...", 1, 1e7, "horizons, each until a batch passes --curriculum-at", CLI_WHOLE, NULL },
    { 0, "curriculum-at", CLI_REAL, &C.curriculum_at, "ACC", 0, 1, "accuracy above which the next horizon begins", 0, NULL },
    { 0, "rollout", CLI_SIZE, &C.rollout, "K", 1, 1e6, "closed-loop tasks: predict K tokens in a row, all but the first after tokens drawn from the network", 0, NULL },
    { 0, "rollout-schedule", CLI_CHOICE, ENUM(C.rollout_schedule), "constant|linear", 0, 0, "K throughout, or 1 + floor(K epoch / epochs)", 0, NULL },
    { 0, "sparsity", CLI_REAL, &C.sparsity, "SHARE", 0, 1, "share of recurrent weights held at zero", 0, NULL },
    { 0, "dale", CLI_REAL, &O.dale, "SHARE", -1, 1, "share of excitatory units, signs kept; -1: no signs", 0, NULL },
    { 0, "dale-balance", CLI_FLAG, &C.dale_balance, NULL, 0, 0, "excitation and inhibition of the initial weights cancel in the mean", 0, NULL },
    { 0, "freeze", CLI_STRS, &O.freeze, "NAMES", 0, 0, "parameters that are not trained", CLI_COMMA, NULL },
    { 0, "reduced", CLI_FLAG, &C.reduced, NULL, 0, 0, "exact reduced form of low-rank networks without input", 0, NULL },
    { 0, "precision", CLI_CHOICE, &O.precision, "single|double", 0, 0, "arithmetic of training", 0, NULL },
    { .name = "End", .type = CLI_SECTION },
    { 0, "stop-accuracy", CLI_REAL, &O.stop_accuracy, "ACC", 0, 1, "stop at this accuracy (validation, else training batch); 0: off", 0, NULL },
    { 0, "stop-loss", CLI_REAL, &C.stop_loss, "LOSS", 0, 1e9, "stop at this loss; 0: off", 0, NULL },
    { 0, "stop-ratio", CLI_REAL, &C.stop_ratio, "R", 0, 1, "stop when the loss is below R times the first; 0: off", 0, NULL },
    { 0, "stop-patience", CLI_UINT64, &C.stop_patience, "UPDATES", 0, 0, "stop when the loss has not improved over these; 0: off", 0, NULL },
    { 0, "stop-min-delta", CLI_REAL, &C.stop_min_delta, "SHARE", 0, 1, "least relative improvement that counts", 0, NULL },
    { 0, "diverged-at", CLI_REAL, &C.diverged_at, "LOSS", 0, INFINITY, "a loss above this ends the net as diverged", 0, NULL },
    { 0, "learned-at", CLI_REAL, &O.learned_at, "ACC", 0, 1, "mean accuracy over the last tenth that counts as learned; 0: no rule", 0, NULL },
    { 0, "learned-stable", CLI_FLAG, &C.learned_stable, NULL, 0, 0, "and it must not collapse after the first success (second metric too)", 0, NULL },
    { 0, "learned-ratio", CLI_REAL, &O.learned_ratio, "R", 0, 1, "last loss over the first that counts as learned; 0: no rule", 0, NULL },
    { .name = "Records", .type = CLI_SECTION },
    { 0, "log-every", CLI_UINT64, &C.log_every, "UPDATES", 0, 0, "updates between rows of the learning curve; 0: every epoch, or 200 rows", 0, NULL },
    { 0, "log-spaced", CLI_FLAG, &C.log_spaced, NULL, 0, 0, "20 rows per decade of updates", 0, NULL },
    { 0, "snapshots", CLI_REALS, &O.snapshots, "U,U,...", 0, 4e9, "write the net as it is after these numbers of updates, too", CLI_WHOLE, NULL },
    { 0, "snapshots-spaced", CLI_SIZE, &O.snapshots_spaced, "N", 0, 1e4, "snapshots at 0 and N log-spaced updates up to the last", 0, NULL },
    { 0, "count-modes", CLI_FLAG, &C.count_modes, NULL, 0, 0, "with every row, count eigenvalues of W_rec of large modulus", 0, NULL },
    { 0, "modes-at", CLI_REAL, &C.modes_at, "R", 0, 1e6, "modulus from which they count", 0, NULL },
    { 0, "validate-every", CLI_UINT64, &C.validate_every, "UPDATES", 0, 0, "measure validation trials; 0: never", 0, NULL },
    { 0, "validate-trials", CLI_SIZE, &C.validate_trials, "N", 0, 1e7, "validation trials, where none are given", 0, NULL },
    CLI_LAST
};
const size_t train_opt_count = RNN_LEN(train_opt_table) - 1;

/* Runs before main, so that every default stands in its variable when options are parsed. */
__attribute__((constructor)) static void set_defaults(void)
{
    rnn_train_config_default(&C);
    O.updates = C.updates;
    O.epochs = NOT_SAID;
    C.validate_trials = 256;
    C.spec.bias_in = false;
    C.stop_loss = C.stop_ratio = 0;
}

static void refuse_unless(const struct cli_parse *p, bool used, const char *why, const char *const *names)
{
    for (; !used && *names; names++) cli_refuse(p, *names, why);
}
#define REFUSE(used, why, ...) refuse_unless(p, used, why, (const char *const[]){ __VA_ARGS__, NULL })

static bool uses_dt(void)
{
    return C.spec.cell == RNN_LEAKY || C.spec.cell == RNN_LEAKY_CURRENT || (C.spec.noise_rec > 0 && C.spec.noise_scale == RNN_NOISE_SQRT_DT);
}

/* Whether an initial law counts the inputs of the network. */
static bool uses_fan_in(const struct rnn_task *task)
{
    const enum rnn_init in = C.init.W_in.kind, bias = C.init.bias.kind;
    const bool W_in = task->n_in > 0 && (in == RNN_INIT_UNIFORM || in == RNN_INIT_GAUSS);
    return W_in || (C.spec.bias_in && (bias == RNN_INIT_UNIFORM || bias == RNN_INIT_GAUSS));
}

/* Options without effect in the given mode are errors, never ignored. */
static void refuse_idle(const struct cli_parse *p, const struct rnn_train_data *d)
{
    const bool leaky = C.spec.cell == RNN_LEAKY || C.spec.cell == RNN_LEAKY_CURRENT, finite = rnn_train_set_size(&C, d) > 0;
    const bool sgd = C.optim.kind == RNN_SGD;
    REFUSE(leaky, "on cells without a leak (--cell leaky, leaky-current)", "tau", "tau-to", "alpha");
    REFUSE(uses_dt(), "on cells without a leak", "dt");
    REFUSE(C.spec.noise_rec > 0, "without --noise", "noise-where", "noise-scale");
    REFUSE(C.spec.h0 != RNN_H0_ZERO, "with --h0 zero", "h0-sd", "h0-transform");
    REFUSE(C.spec.h0 == RNN_H0_FIXED || C.spec.h0 == RNN_H0_TRAINED, "without --h0 fixed or trained", "init-h0-sd");
    REFUSE(C.spec.bias_out, "without --bias-out", "init-b-out-sd");
    REFUSE(C.spec.bias_rec || C.spec.bias_in || C.spec.bias_out, "without biases", "init-bias");
    REFUSE(d->task->n_in > 0, "on a task without inputs", "init-in");
    REFUSE(uses_fan_in(d->task), "unless the law of W_in or b_in is uniform or gauss", "rnn-fan");
    REFUSE(C.spec.rank > 0, "without --rank", "rank-scale", "init-factor");
    REFUSE(C.spec.rank > 0 || !C.spec.read_latent, "without --rank", "read-latent");
    REFUSE(C.spec.rank > 0 || !C.reduced, "without --rank", "reduced");
    REFUSE(C.spec.rank == 0, "on factorised weights (--rank)", "init", "zero-diagonal");
    REFUSE(sgd, "without --optimizer sgd", "momentum");
    REFUSE(!sgd, "with --optimizer sgd", "beta1", "beta2", "eps");
    REFUSE(C.schedule == RNN_LR_STEP || C.schedule == RNN_LR_EXPONENTIAL, "without --lr-schedule step or exponential", "lr-gamma", "lr-every");
    REFUSE(C.schedule == RNN_LR_COSINE || C.schedule == RNN_LR_LINEAR, "without --lr-schedule cosine or linear", "lr-end");
    REFUSE(finite, "on trials that are drawn afresh", "shuffle", "drop-last");
    REFUSE(O.curriculum.n > 0, "without --curriculum", "curriculum-at");
    REFUSE(C.dale >= 0, "without --dale", "dale-balance");
    REFUSE(C.rollout > 1, "without --rollout of at least 2", "rollout-schedule");
    REFUSE(C.stop_patience > 0, "without --stop-patience", "stop-min-delta");
    REFUSE(C.count_modes, "without --count-modes", "modes-at");
    REFUSE(C.validate_every > 0 && !d->validation, C.validate_every ? "on validation trials that are given" : "without --validate-every", "validate-trials");
    REFUSE(!C.log_spaced, "with --log-spaced", "log-every");
}

static void parse_law(const char *option, const char *text, struct rnn_init_law *out)
{
    struct rnn_err err;
    if (text && rnn_init_parse(text, out, &err) < 0) cli_die(2, "--%s: %s", option, err.msg);
}

/* What the first task decided ("auto"): the tasks of later segments must decide likewise. */
static struct { bool readout, dt, batch, loss, norm; } left;

static int readout_of(const struct rnn_task *task) /* as --readout counts */
{
    static const enum rnn_readout hints[] = { RNN_OUT_LINEAR, RNN_OUT_SIGMOID, RNN_OUT_SOFTMAX };
    return 1 + (int)hints[task->readout];
}

static double dt_of(const struct rnn_task *task)
{
    return isfinite(task->dt_ms) ? task->dt_ms : 1;
}

static void refuse_other_kind(const struct rnn_train_data *d)
{
    const struct rnn_task *t = d->task;
    const struct { bool differs; const char *option; } of[] = {
        { left.readout && readout_of(t) != O.readout, "readout" },       { left.dt && uses_dt() && dt_of(t) != C.spec.dt_ms, "dt" },
        { left.batch && rnn_train_set_size(&C, d) != C.batch, "batch" }, { left.loss && 1 + (int)t->loss != O.loss, "loss" },
        { left.norm && 1 + (int)t->norm != O.norm, "loss-norm" },
    };
    for (size_t i = 0; i < RNN_LEN(of); i++)
        if (of[i].differs) cli_die(2, "the segments of the input decide differently on --%s: train them one by one, or say it", of[i].option);
}

/* The options keep what has no effect as it was said, so that a printed configuration can be read back. */
static void set_time(const struct cli_parse *p, const struct rnn_task *task)
{
    const bool leaky = C.spec.cell == RNN_LEAKY || C.spec.cell == RNN_LEAKY_CURRENT;
    left.dt = !(O.dt > 0);
    const double dt = left.dt ? dt_of(task) : O.dt, tau = O.alpha > 0 ? dt / O.alpha : O.tau;
    C.spec.dt_ms = C.spec.tau_ms = dt;
    C.spec.alpha = 1;
    if (uses_dt()) O.dt = dt;
    if (!leaky) return;
    cli_exclusive(p, "alpha", "tau");
    cli_exclusive(p, "alpha", "tau-to");
    if (tau < dt) cli_die(2, "--tau (%g ms) must be at least the time step, %g ms", tau, dt);
    if (O.tau_to > 0 && O.tau_to < dt) cli_die(2, "--tau-to (%g ms) must be at least the time step, %g ms", O.tau_to, dt);
    C.spec.tau_ms = tau;
    C.spec.alpha = O.alpha > 0 ? O.alpha : dt / tau;
    C.spec.alpha_per_unit = O.tau_to > 0;
    C.tau_to = O.tau_to;
}

static void set_network(const struct cli_parse *p, const struct rnn_task *task)
{
    left.readout = O.readout == 0;
    if (left.readout) O.readout = readout_of(task);
    C.spec.readout = (enum rnn_readout)(O.readout - 1);
    set_time(p, task);
    parse_law("init", O.init, &C.init.W_rec);
    parse_law("init-in", O.init_in, &C.init.W_in);
    parse_law("init-out", O.init_out, &C.init.W_out);
    parse_law("init-bias", O.init_bias, &C.init.bias);
    parse_law("init-factor", O.init_factor, &C.init.factor);
    const enum rnn_init bias = C.init.bias.kind;
    if (bias == RNN_INIT_XAVIER || bias == RNN_INIT_ORTHOGONAL) cli_die(2, "--init-bias: '%s' is a law for matrices", O.init_bias);
    if (C.spec.h0 == RNN_H0_NORMAL && C.spec.h0_sd == 0) cli_die(2, "--h0 normal needs --h0-sd: without it every trial begins at zero");
    if (O.init_b_out_sd < 0 && O.init_b_out_sd != -1) cli_die(2, "--init-b-out-sd: must be at least 0, or -1");
    C.init.b_out_sd = O.init_b_out_sd;
}

/* One of --updates, --epochs and --lr-budget decides: what was said over what a preset holds.  The other two are left unset, so that the
 * options, printed and read back, say the same again. */
static void set_length(const struct cli_parse *p)
{
    const bool updates = cli_given(p, "updates"), epochs = cli_given(p, "epochs");
    cli_exclusive(p, "updates", "epochs");
    if (O.lr_budget > 0) {
        cli_exclusive(p, "updates", "lr-budget");
        cli_exclusive(p, "epochs", "lr-budget");
    }
    if (updates || epochs) O.lr_budget = 0;
    if (O.lr_budget > 0) {
        O.updates = C.lr > 0 ? (uint64_t)fmax(1000, fmin(O.lr_budget / C.lr, 4e9)) : 1000;
        O.lr_budget = 0;
        O.epochs = NOT_SAID;
    } else if (updates || O.epochs == NOT_SAID) {
        O.epochs = NOT_SAID;
    } else {
        O.updates = NOT_SAID;
    }
    C.updates = O.updates == NOT_SAID ? 0 : O.updates;
    C.epochs = O.epochs == NOT_SAID ? 0 : O.epochs;
}

static char **copy_names(const struct cli_strs *from)
{
    char **out = calloc(from->n + 1, sizeof *out);
    for (size_t i = 0; out && i < from->n; i++) out[i] = rnn_strdup(from->v[i]);
    return out;
}

static void need(const void *p)
{
    if (!p) cli_die(1, "out of memory");
}

/* Anew for every segment, whose updates depend on its training set. */
static void set_snapshots(const struct rnn_train_data *d)
{
    const uint64_t total = rnn_train_updates(&C, d);
    free(C.snapshots);
    C.snapshots = calloc(O.snapshots.n + O.snapshots_spaced + 2, sizeof *C.snapshots);
    need(C.snapshots);
    C.n_snapshots = 0;
    for (size_t i = 0; i < O.snapshots.n; i++) {
        if (O.snapshots.v[i] > (double)total) cli_die(2, "--snapshots: %.0f: there are only %llu updates", O.snapshots.v[i], (unsigned long long)total);
        C.snapshots[C.n_snapshots++] = (uint64_t)O.snapshots.v[i];
    }
    if (O.snapshots_spaced && O.snapshots.n) cli_die(2, "--snapshots and --snapshots-spaced contradict each other");
    for (size_t i = 0; O.snapshots_spaced && i <= O.snapshots_spaced; i++) {
        const double share = O.snapshots_spaced > 1 ? (double)(i - 1) / (double)(O.snapshots_spaced - 1) : 1;
        const uint64_t u = i == 0 ? 0 : (uint64_t)llround(pow((double)total, share));
        if (!C.n_snapshots || u > C.snapshots[C.n_snapshots - 1]) C.snapshots[C.n_snapshots++] = u;
    }
}

static void set_lists(const struct rnn_train_data *d)
{
    C.freeze = copy_names(&O.freeze);
    C.load = copy_names(&O.load);
    C.n_freeze = O.freeze.n;
    C.n_load = O.load.n;
    C.curriculum = calloc(O.curriculum.n + 1, sizeof *C.curriculum);
    C.n_curriculum = O.curriculum.n;
    need(C.freeze);
    need(C.load);
    need(C.curriculum);
    for (size_t i = 0; i < C.n_curriculum; i++) C.curriculum[i] = (size_t)O.curriculum.v[i];
    set_snapshots(d);
}

void train_options_resolve(const struct cli_parse *p, const struct cli_common *common, const struct rnn_train_data *d)
{
    struct rnn_err err;
    set_network(p, d->task);
    set_length(p);
    left.loss = O.loss == 0;
    left.norm = O.norm == 0;
    left.batch = C.batch == 0;
    C.loss = O.loss - 1;
    C.norm = O.norm - 1;
    C.precision_bits = O.precision ? 64 : 32;
    C.seed = common->seed;
    C.dale = O.dale;
    if (C.dale < 0 && C.dale != -1) cli_die(2, "--dale: must lie between 0 and 1, or be -1");
    C.stop_accuracy = O.stop_accuracy > 0 ? O.stop_accuracy : NAN;
    C.learned_at = O.learned_at > 0 ? O.learned_at : NAN;
    C.learned_ratio = O.learned_ratio > 0 ? O.learned_ratio : NAN;
    refuse_idle(p, d);
    if (C.spec.read_latent && !C.spec.rank) cli_die(2, "--read-latent: weights of full rank have no latent variables: add --no-read-latent --no-reduced");
    C.n_curriculum = 0;
    if (!C.batch) C.batch = (size_t)rnn_train_set_size(&C, d);
    if (C.batch) set_lists(d);
    if (rnn_train_resolve(&C, d, &err) < 0) cli_die_err(&err);
    O.loss = 1 + (C.loss >= 0 ? C.loss : (int)d->task->loss);
    O.norm = 1 + (C.norm >= 0 ? C.norm : (int)d->task->norm);
}

/* ---- options, once a task is known ---- */

struct cli_opt *train_options_with(const struct cli_opt *own, size_t n_own, const char *without)
{
    struct cli_opt *all = calloc(n_own + train_opt_count + 1, sizeof *all);
    size_t n = n_own;
    need(all);
    memcpy(all, own, n_own * sizeof *own);
    for (size_t i = 0; i < train_opt_count; i++)
        if (!without || strcmp(train_opt_table[i].name, without) != 0) all[n++] = train_opt_table[i];
    all[n].type = CLI_END;
    return all;
}

static struct rnn_kvs first_preset;

static bool is_first_preset(const struct rnn_kvs *p)
{
    bool same = p->n == first_preset.n;
    for (size_t i = 0; same && i < p->n; i++)
        same = !strcmp(p->v[i].key, first_preset.v[i].key) && !strcmp(p->v[i].s, first_preset.v[i].s);
    return same;
}

bool train_options_apply(struct cli_parse *p, const struct rnn_train_data *d)
{
    struct rnn_err err;
    struct rnn_kvs preset = { 0 };
    const char *rank = cli_value(p, "rank"), *chosen;
    if (rnn_preset(cli_value(p, "preset"), d->task, rank ? strtoul(rank, NULL, 10) : 0, &preset, &chosen, &err) < 0 ||
        rnn_kvs_str(&preset, "preset", chosen, &err) < 0) {
        cli_die_err(&err);
    }
    if (!first_preset.n) {
        cli_apply(p, &preset);
        first_preset = preset;
        return true;
    }
    if (!is_first_preset(&preset)) cli_die(2, "the segments of the input ask for different presets: train them one by one, or say --preset");
    rnn_kvs_release(&preset);
    refuse_other_kind(d);
    if (!uses_dt()) C.spec.dt_ms = C.spec.tau_ms = dt_of(d->task); /* a fact about the net, without effect */
    set_snapshots(d);
    if (rnn_train_resolve(&C, d, &err) < 0) cli_die_err(&err);
    return false;
}

void train_options_release(void)
{
    rnn_train_config_release(&C);
    rnn_kvs_release(&first_preset);
}

void train_options_print_memory(FILE *out, const struct rnn_train_data *d, size_t jobs)
{
    struct rnn_err err;
    struct rnn_train_memory m;
    if (rnn_train_memory(&C, d, &m, &err) < 0) cli_die_err(&err);
    fprintf(out, "# memory = nets in flight (%zu) x [parameters %zu + engine %zu + trials %zu + metrics %zu + curve %zu + snapshots %zu + "
                 "result %zu]\n", jobs, m.params, m.engine, m.batch, m.history, m.log, m.snapshots, m.result);
    fprintf(out, "# memory = %zu bytes at most, and a window of %zu finished nets\n", jobs * m.total, 4 * jobs);
}
