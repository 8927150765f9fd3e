#include "report/figures.h"

#include <stdio.h>
#include <string.h>
#include "base/mem.h"

/* ---- those that one table and a few words describe ---- */

static const struct rnn_plot loss_curves = {.name = "learning-curves", .title = "Loss while learning", .table = "learning", .x = "update", .y = "loss", .log_y = true};
static const struct rnn_plot accuracy_curves = {.name = "accuracy-curves", .title = "Accuracy while learning", .table = "learning", .x = "update", .y = "accuracy"};

static const struct rnn_named_figure FIGURES[] = {
    {"learning-curves", "Loss while learning: mean of networks, 5 to 95 % band", "table learning", "rnn-train", &loss_curves, NULL},
    {"accuracy-curves", "Accuracy while learning: mean of networks, 5 to 95 % band", "table learning", "rnn-train", &accuracy_curves, NULL},
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

bool rnn_figures_possible(const struct rnn_named_figure *n, const struct rnn_gathered *g, char missing[80])
{
    for (const char *at = n->needs; at && *at;) {
        char thing[80], kind[16] = "", name[64] = "";
        const size_t len = strcspn(at, ",");
        snprintf(thing, sizeof thing, "%.*s", (int)len, at);
        sscanf(thing, "%15s %63s", kind, name);
        if (!strcmp(kind, "table") ? !rnn_gathered_table(g, name) : !has_array(g, name)) {
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
    return n->plot ? rnn_plot_draw(n->plot, g, f, err) : n->make(g, f, err);
}
