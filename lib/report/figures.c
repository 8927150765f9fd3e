#include "report/figures.h"

#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "report/figures_draw.h"

/* ---- those that one table and a few words describe ---- */

#define PLOT(id, ...) static const struct rnn_plot id = {__VA_ARGS__}
PLOT(singular, .name = "singular-spectrum", .title = "Singular values (mean, 5 to 95 % of networks)", .table = "singular", .x = "mode", .y = "value", .group = "part", .facet = "matrix", .log_x = true, .ylabel = "singular value", .optional = true);
PLOT(index_histogram, .name = "index-histogram", .title = "Mechanism discrimination index; below 0.5 is a limit cycle", .table = "phase", .y = "mechanism_index", .group = "mechanism",
     .style = RNN_PLOT_HISTOGRAM, .bins = 50, .bin_lo = 0, .bin_hi = 1, .optional = true);
PLOT(toy_loss, .name = "toy-loss", .title = "Loss of the toy models", .table = "toy_loss", .x = "r", .y = "loss", .group = "delay", .facet = "model", .optional = true,
     .xlabel = "r, the model's parameter");
PLOT(toy_phase, .name = "toy-phase", .title = "Critical learning rate of the toy models", .table = "toy_critical", .x = "delay", .y = "lr_exact", .group = "model", .log_x = true, .log_y = true,
     .ylabel = "critical learning rate");
PLOT(multipliers, .name = "time-constants", .title = "Time constants of fixed and slow points", .table = "fixedpoints", .y = "time_constant", .group = "kind", .style = RNN_PLOT_HISTOGRAM,
     .xlabel = "time constant (ms; negative: states move away)");

#define CURVES(id, word) \
    static int id(const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err) { return rnn_draw_curves(word, g, f, err); }
CURVES(loss_curves, "learning-curves")
CURVES(accuracy_curves, "accuracy-curves")
CURVES(truncation, "truncation")
CURVES(performance, "performance")
CURVES(impulse, "impulse")

static const struct rnn_named_figure FIGURES[] = {
    {"trials", "The task: input, target, weight in the loss, periods", "frame task", "taskgen", NULL, rnn_draw_trials},
    {"learning-curves", "Loss while learning: mean of networks, 5 to 95 % band", "table learning", "rnn-train", NULL, loss_curves},
    {"accuracy-curves", "Accuracy while learning: mean of networks, 5 to 95 % band", "table learning", "rnn-train", NULL, accuracy_curves},
    {"performance", "Accuracy of networks, by condition where labels tell them apart", "table performance", "rnn-run", NULL, performance},
    {"weights", "Weights of the first network", "frame net", "rnn-train", NULL, rnn_draw_weights},
    {"spectrum", "Eigenvalues on the complex plane, and where there is a theory, its own and counts per direction", "array eigenvalues", "rnn-varmem or rnn-lowrank --eigenvalues", NULL, rnn_draw_spectrum},
    {"interaction", "Interaction matrix of variable memories: theory and learned", "array Phi_learned", "rnn-varmem --arrays phi", NULL, rnn_draw_phi},
    {"weights-in-basis", "Recurrent weights in the basis of variable memories", "array W_full", "rnn-varmem --arrays full", NULL, rnn_draw_weights_in_basis},
    {"memories", "Hidden state, and the same as contents of variables", "array projection_states,array projection", "rnn-varmem --input DIGITS", NULL, rnn_draw_memories},
    {"decoding", "Contents of variables read out of the state", "table decode", "rnn-varmem", NULL, rnn_draw_decoding},
    {"impulse", "Outputs after an impulse at the inputs", "table impulse", "rnn-varmem", NULL, impulse},
    {"singular-spectrum", "Singular values of the weights", "table singular", "rnn-lowrank", &singular, NULL},
    {"shared-spectrum", "Singular values of what networks share", "table shared_spectrum", "rnn-lowrank --align hidden", NULL, rnn_draw_shared},
    {"aligned-weights", "Weights in the coordinates that networks share", "array aligned_block", "rnn-lowrank --align hidden", NULL, rnn_draw_aligned},
    {"truncation", "Performance with the leading modes only", "table truncation", "rnn-lowrank --truncation", NULL, truncation},
    {"ablation", "Performance without single modes", "table ablation", "rnn-lowrank --ablation", NULL, rnn_draw_ablation},
    {"dimension", "D90: dimensions that states fill, step by step", "table geometry", "rnn-geometry", NULL, rnn_draw_dimension},
    {"separability", "Share of variance between groups, step by step", "table geometry", "rnn-geometry", NULL, rnn_draw_separability},
    {"ultrametric", "Ultrametric content, step by step", "table geometry", "rnn-geometry", NULL, rnn_draw_ultrametric},
    {"similarity", "Cosines between states", "array cosine", "rnn-geometry --arrays", NULL, rnn_draw_similarity},
    {"dendrogram", "Tree of states", "array linkage", "rnn-geometry -m dendrogram --leaves groups", NULL, rnn_draw_dendrogram},
    {"projections", "States on the leading read directions, by path", "array projections,table states", "rnn-geometry --arrays", NULL, rnn_draw_projections},
    {"tree", "Tree of prefixes in state space", "array projections,table states", "rnn-geometry --arrays", NULL, rnn_draw_tree},
    {"raster", "Units in the order of their peaks", "array raster", "rnn-geometry -m sequence", NULL, rnn_draw_raster},
    {"transfer", "Learning of recipients, by donor and control", "table transfer", "rnn-transfer", NULL, rnn_draw_transfer},
    {"fixedpoints", "Fixed points among trajectories in the plane of most variance, with unstable directions", "array pca_points", "rnn-fixedpts --arrays pca", NULL, rnn_draw_fixedpoints},
    {"time-constants", "Time constants of fixed and slow points", "table fixedpoints", "rnn-fixedpts", &multipliers, NULL},
    {"flow", "Flow field of reduced dynamics", "table flow_field", "rnn-fixedpts --field", NULL, rnn_draw_flow},
    {"phase-diagram", "Share of networks in each category over two labels", "table phase|performance", "rnn-fixedpts --phase or rnn-run", NULL, rnn_draw_phase_diagram},
    {"fractions", "Share of each mechanism against the delay", "table phase", "rnn-fixedpts --phase", NULL, rnn_draw_fractions},
    {"index-histogram", "Mechanism discrimination index", "table phase", "rnn-fixedpts --phase", &index_histogram, NULL},
    {"loss-by-class", "Loss while learning, by mechanism", "table learning,table phase", "rnn-fixedpts --phase", NULL, rnn_draw_loss_by_class},
    {"scaling-law", "Critical learning rate against the delay, with exponents", "table boundary", "rnn-theory scaling", NULL, rnn_draw_scaling},
    {"toy-loss", "Loss of the toy models", "table toy_loss", "rnn-theory slow-point or limit-cycle", &toy_loss, NULL},
    {"toy-phase", "Critical learning rate of the toy models", "table toy_critical", "rnn-theory slow-point or limit-cycle", &toy_phase, NULL},
    {"claims", "Claims and their verdicts", "table claims", "rnn-report claims", NULL, rnn_draw_claims},
};

size_t rnn_figures_n(void)
{
    return RNN_LEN(FIGURES);
}

const struct rnn_named_figure *rnn_figures_at(size_t i)
{
    return &FIGURES[i];
}

const struct rnn_named_figure *rnn_figures_find(const char *name)
{
    for (size_t i = 0; i < RNN_LEN(FIGURES); i++)
        if (!strcmp(FIGURES[i].name, name)) return &FIGURES[i];
    return NULL;
}

static bool has_array(const struct rnn_gathered *g, const char *name)
{
    for (size_t i = 0; i < g->n_arrays; i++)
        if (!strcmp(g->array[i].name, name)) return true;
    return false;
}

/* "table phase|performance": any of the names will do. */
static bool is_there(const struct rnn_gathered *g, const char *thing)
{
    char kind[16] = "", names[64] = "", *rest = names;
    sscanf(thing, "%15s %63s", kind, names);
    for (char *name; (name = strsep(&rest, "|"));) {
        if (!strcmp(kind, "table") && rnn_gathered_table(g, name)) return true;
        if (!strcmp(kind, "array") && has_array(g, name)) return true;
        if (!strcmp(kind, "frame") && (!strcmp(name, "task") ? g->n_tasks > 0 : g->n_nets > 0)) return true;
    }
    return false;
}

bool rnn_figures_possible(const struct rnn_named_figure *n, const struct rnn_gathered *g, char missing[80])
{
    for (const char *at = n->needs; *at;) {
        char thing[80];
        const size_t len = strcspn(at, ",");
        snprintf(thing, sizeof thing, "%.*s", (int)len, at);
        if (!is_there(g, thing)) {
            if (missing) snprintf(missing, 80, "%s", thing);
            return false;
        }
        at += len + (at[len] == ',');
    }
    return true;
}

int rnn_figures_draw(const struct rnn_named_figure *n, const struct rnn_gathered *g, struct rnn_figure *f, struct rnn_err *err)
{
    char missing[80];
    rnn_figure_init(f, n->name);
    if (!rnn_figures_possible(n, g, missing)) return rnn_fail(err, RNN_ERR_ARG, "figure %s: no %s in the input: %s makes it", n->name, missing, n->maker);
    if (!n->plot) return n->make(g, f, err);
    return n->plot->style == RNN_PLOT_HISTOGRAM ? rnn_plot_draw(n->plot, g, f, err) : rnn_draw_by_condition(n->plot, g, f, err); /* distributions are of all */
}
