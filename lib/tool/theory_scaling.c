/* rnn-theory scaling: boundaries between behaviours in a sweep, and their exponents. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "io/table.h"
#include "report/gather.h"
#include "report/plot.h"
#include "theory/scaling_grid.h"
#include "tool/theory.h"
#include "tool/tool.h"

static struct options {
    char *table, *category, *rate, *delay, *seed_column, *fraction, *filter;
    struct cli_strs boundaries;
    struct cli_reals start;
    double skip_below, level, step_ms;
    size_t draws;
    bool along_rate;
} opt = {.skip_below = 0.1, .level = 0.1, .step_ms = 1, .draws = 1000};

static const struct cli_opt options[] = {
    {.name = "Input", .type = CLI_SECTION},
    {0, "table", CLI_STR, &opt.table, "NAME", 0, 0, "the table to read [phase]", 0, NULL},
    {0, "category", CLI_STR, &opt.category, "COLUMN", 0, 0, "column that names each network's behaviour [mechanism]", 0, NULL},
    {0, "fraction", CLI_STR, &opt.fraction, "COLUMN", 0, 0, "fractions are given: this column has them, --category names which", 0, NULL},
    {0, "rate", CLI_STR, &opt.rate, "COLUMN", 0, 0, "learning rate [learning_rate]", 0, NULL},
    {0, "delay", CLI_STR, &opt.delay, "COLUMN", 0, 0, "delay in ms [delay_ms, else delay-ms]", 0, NULL},
    {0, "seed-column", CLI_STR, &opt.seed_column, "COLUMN", 0, 0, "what networks of different cells share, and is resampled [index]", 0, NULL},
    {0, "filter", CLI_STR, &opt.filter, "COLUMN=VALUE,...", 0, 0, "use these rows only", 0, NULL},
    {.name = "Boundaries", .type = CLI_SECTION},
    {0, "boundary", CLI_STRS, &opt.boundaries, "NAME=CATEGORY[+...]:FIT", 0, 0,
     "a behaviour, the categories it pools, and onset, onset-global, logistic or crossing; may be repeated", 0, NULL},
    {0, "along-rate", CLI_FLAG, &opt.along_rate, NULL, 0, 0, "a curve against ln rate for every delay, instead of against delay for every rate", 0, NULL},
    {0, "start", CLI_REALS, &opt.start, "A,B", 0, 0, "where onset and logistic start: position, steepness [0.1,0.1]", 0, NULL},
    {0, "skip-below", CLI_REAL, &opt.skip_below, "X", 0, 1, "curves that never reach this fraction have no boundary", 0, NULL},
    {0, "level", CLI_REAL, &opt.level, "X", 0, 1, "fraction at which a crossing is read off", 0, NULL},
    {0, "step", CLI_REAL, &opt.step_ms, "MS", 0, 1e6, "grid of onset-global", CLI_EXCL_MIN, NULL},
    {0, "draws", CLI_SIZE, &opt.draws, "N", 0, 1e6, "resamples of seeds for intervals; 0: none", 0, NULL},
    CLI_LAST};

static const struct tool_column boundary_columns[] = {
    {"boundary", RNN_KV_STR, NULL, "name of the behaviour"},
    {"fit", RNN_KV_STR, NULL, "how the boundary was found"},
    {"learning_rate", RNN_KV_REAL, NULL, "learning rate (critical one, along rate)"},
    {"delay_ms", RNN_KV_REAL, "ms", "critical delay (the delay, along rate)"},
    {"lo", RNN_KV_REAL, NULL, "95 % interval of what was fitted, by resampling seeds"},
    {"hi", RNN_KV_REAL, NULL, "95 % interval of what was fitted, by resampling seeds"},
    {"steepness", RNN_KV_REAL, NULL, "second parameter of the fit"},
    {"largest", RNN_KV_REAL, NULL, "largest fraction on the curve"},
    {NULL, RNN_KV_NULL, NULL, NULL}};
static const struct tool_column exponent_columns[] = {
    {"boundary", RNN_KV_STR, NULL, "name of the behaviour"},
    {"fit", RNN_KV_STR, NULL, "how the boundary was found"},
    {"beta", RNN_KV_REAL, NULL, "learning rate ~ delay^-beta on the boundary"},
    {"se", RNN_KV_REAL, NULL, "standard error of the least-squares line"},
    {"lo", RNN_KV_REAL, NULL, "95 % interval by resampling seeds"},
    {"hi", RNN_KV_REAL, NULL, "95 % interval by resampling seeds"},
    {"r2", RNN_KV_REAL, NULL, "share of variance explained"},
    {"n", RNN_KV_INT, NULL, "boundaries on the line"},
    {"seeds", RNN_KV_INT, NULL, "seeds that were resampled"},
    {"draws", RNN_KV_INT, NULL, "resamples that have an exponent; lo and hi are of these"},
    {"determined", RNN_KV_STR, NULL, "yes: 95 % of resamples have one, and lo and hi have one sign; no: beta means nothing; empty: no resamples"},
    {NULL, RNN_KV_NULL, NULL, NULL}};
static const struct tool_column order_columns[] = {
    {"above", RNN_KV_STR, NULL, "boundary whose exponent is said to be larger"},
    {"below", RNN_KV_STR, NULL, "than this one's"},
    {"difference", RNN_KV_REAL, NULL, "beta of the first minus beta of the second"},
    {"share", RNN_KV_REAL, NULL, "share of resamples in which it is positive"},
    {"n", RNN_KV_INT, NULL, "resamples that have both"},
    {NULL, RNN_KV_NULL, NULL, NULL}};

/* One --boundary, cut apart. */
struct wanted { char *name, *categories; enum rnn_boundary_fit fit; };

static const char *or_default(const char *given, const char *dflt)
{
    return given ? given : dflt;
}

static bool parse_boundary(char *text, struct wanted *w)
{
    char *equals = strchr(text, '='), *colon = equals ? strrchr(equals, ':') : NULL;
    if (!colon || equals == text || colon == equals + 1) return false;
    *equals = *colon = 0;
    *w = (struct wanted){.name = text, .categories = equals + 1};
    for (int i = 0; rnn_boundary_fit_names[i]; i++)
        if (!strcmp(colon + 1, rnn_boundary_fit_names[i])) return w->fit = (enum rnn_boundary_fit)i, true;
    *equals = '=', *colon = ':';
    return false;
}

/* Options that no boundary asked for makes use of. */
static void refuse_idle(const struct cli_parse *p, unsigned fits)
{
    if (!(fits & (1u << RNN_FIT_ONSET | 1u << RNN_FIT_LOGISTIC))) cli_refuse(p, "start", "without a boundary by onset or logistic");
    if (!(fits & 1u << RNN_FIT_CROSSING)) cli_refuse(p, "level", "without a boundary by crossing");
    if (!(fits & 1u << RNN_FIT_ONSET_GLOBAL)) cli_refuse(p, "step", "without a boundary by onset-global");
}

static void check(const struct cli_parse *p, const struct cli_common *c)
{
    unsigned fits = 0;
    (void)c;
    if (!opt.boundaries.n) cli_die(2, "--boundary: say which: NAME=CATEGORY[+CATEGORY...]:FIT");
    if (opt.start.n && opt.start.n != 2) cli_die(2, "--start: two numbers, position and steepness, not %zu", opt.start.n);
    if (opt.fraction) cli_refuse(p, "seed-column", "with --fraction"), cli_refuse(p, "draws", "with --fraction, where there are no seeds to resample");
    for (size_t i = 0; i < opt.boundaries.n; i++) {
        struct wanted w;
        char *copy = rnn_strdup(opt.boundaries.v[i]);
        const bool ok = copy && parse_boundary(copy, &w);
        if (ok) fits |= 1u << w.fit;
        free(copy);
        if (!ok) cli_die(2, "--boundary: '%s': must be NAME=CATEGORY[+CATEGORY...]:FIT with FIT onset, onset-global, logistic or crossing", opt.boundaries.v[i]);
    }
    refuse_idle(p, fits);
}

static bool listed(const char *categories, const char *word)
{
    const size_t n = strlen(word);
    for (const char *s = categories; s; s = strchr(s, '+') ? strchr(s, '+') + 1 : NULL)
        if (!strncmp(s, word, n) && (s[n] == '+' || !s[n])) return true;
    return false;
}

/* The sweep as a grid of cells and seeds. */
struct sweep {
    const struct rnn_gtable *t;
    const struct rnn_gcol *rate, *delay, *category, *seed, *fraction;
    bool *keep;
    size_t *rates, *delays, *seeds, n_rates, n_delays, n_seeds;
    double *rate_v, *delay_v, *hit;
};

static int column(const struct rnn_gtable *t, const char *name, const struct rnn_gcol **out, struct rnn_err *err)
{
    *out = rnn_gtable_col(t, name);
    return *out ? RNN_OK : rnn_fail(err, RNN_ERR_ARG, "table %s has no column '%s'", t->name, name);
}

static int find_sweep(struct sweep *s, const struct rnn_gathered *g, struct rnn_err *err)
{
    const char *table = or_default(opt.table, "phase");
    s->t = rnn_gathered_table(g, table);
    if (!s->t) return rnn_fail(err, RNN_ERR_ARG, "no table '%s' in the input", table);
    RNN_TRY(column(s->t, or_default(opt.rate, "learning_rate"), &s->rate, err));
    /* a label of the study's own, or the task's parameter */
    const char *delay = rnn_gtable_col(s->t, "delay_ms") ? "delay_ms" : "delay-ms";
    RNN_TRY(column(s->t, or_default(opt.delay, delay), &s->delay, err));
    RNN_TRY(column(s->t, or_default(opt.category, "mechanism"), &s->category, err));
    if (s->rate->is_text || s->delay->is_text) return rnn_fail(err, RNN_ERR_ARG, "learning rate and delay must be numbers");
    if (!s->category->is_text) return rnn_fail(err, RNN_ERR_ARG, "column '%s' must name behaviours in words", s->category->name);
    if (opt.fraction) RNN_TRY(column(s->t, opt.fraction, &s->fraction, err));
    else RNN_TRY(column(s->t, or_default(opt.seed_column, "index"), &s->seed, err));
    RNN_TRY(rnn_alloc_into(&s->keep, s->t->rows + 1, sizeof *s->keep, err));
    RNN_TRY(rnn_gtable_filter(s->t, opt.filter, s->keep, err));
    RNN_TRY(rnn_distinct(s->rate, s->t->rows, s->keep, &s->rates, &s->n_rates, err));
    RNN_TRY(rnn_distinct(s->delay, s->t->rows, s->keep, &s->delays, &s->n_delays, err));
    s->n_seeds = 1;
    if (s->seed) RNN_TRY(rnn_distinct(s->seed, s->t->rows, s->keep, &s->seeds, &s->n_seeds, err));
    if (!s->n_rates || !s->n_delays || !s->n_seeds) return rnn_fail(err, RNN_ERR_ARG, "table %s: no rows are left", table);
    RNN_TRY(rnn_alloc_into(&s->rate_v, s->n_rates, sizeof *s->rate_v, err));
    RNN_TRY(rnn_alloc_into(&s->delay_v, s->n_delays, sizeof *s->delay_v, err));
    for (size_t i = 0; i < s->n_rates; i++) s->rate_v[i] = s->rate->v[s->rates[i]];
    for (size_t i = 0; i < s->n_delays; i++) s->delay_v[i] = s->delay->v[s->delays[i]];
    return rnn_alloc_into(&s->hit, s->n_rates * s->n_delays * s->n_seeds, sizeof *s->hit, err);
}

static size_t rank_of(const struct rnn_gcol *c, const size_t *value, size_t n, size_t row)
{
    for (size_t i = 0; i < n; i++)
        if (c->is_text ? !strcmp(c->s[value[i]], c->s[row]) : c->v[value[i]] == c->v[row]) return i;
    return n;
}

/* Fills hit for one behaviour.  With fractions the pooled categories add up; a network counted twice is an error. */
static int fill_hits(struct sweep *s, const char *categories, struct rnn_err *err)
{
    for (size_t i = 0; i < s->n_rates * s->n_delays * s->n_seeds; i++) s->hit[i] = NAN;
    for (size_t i = 0; i < s->t->rows; i++) {
        if (!s->keep[i]) continue;
        const size_t r = rank_of(s->rate, s->rates, s->n_rates, i), d = rank_of(s->delay, s->delays, s->n_delays, i);
        const size_t k = s->seed ? rank_of(s->seed, s->seeds, s->n_seeds, i) : 0;
        if (r == s->n_rates || d == s->n_delays || k >= s->n_seeds) continue;
        double *h = &s->hit[(r * s->n_delays + d) * s->n_seeds + k];
        const bool in = listed(categories, s->category->s[i]);
        if (s->fraction) {
            *h = (isnan(*h) ? 0 : *h) + (in ? s->fraction->v[i] : 0);
        } else if (!isnan(*h)) {
            return rnn_fail(err, RNN_ERR_FORMAT, "two networks with learning rate %g, delay %g and the same %s: choose --seed-column or --filter",
                            s->rate_v[r], s->delay_v[d], s->seed->name);
        } else {
            *h = in;
        }
    }
    return RNN_OK;
}

static void boundary_rows(struct rnn_table *t, const struct sweep *s, const struct wanted *w, const struct rnn_boundary *b)
{
    for (size_t c = 0; c < b->n_curves; c++) {
        rnn_table_set_str(t, "boundary", w->name);
        rnn_table_set_str(t, "fit", rnn_boundary_fit_names[w->fit]);
        rnn_table_set(t, "learning_rate", opt.along_rate ? exp(b->at[c]) : s->rate_v[c]);
        rnn_table_set(t, "delay_ms", opt.along_rate ? s->delay_v[c] : b->at[c]);
        rnn_table_set(t, "lo", opt.along_rate ? exp(b->lo[c]) : b->lo[c]);
        rnn_table_set(t, "hi", opt.along_rate ? exp(b->hi[c]) : b->hi[c]);
        rnn_table_set(t, "steepness", b->steep[c]);
        rnn_table_set(t, "largest", b->largest[c]);
        rnn_table_row(t);
    }
}

static void exponent_row(struct rnn_table *t, const struct sweep *s, const struct wanted *w, const struct rnn_boundary *b)
{
    rnn_table_set_str(t, "boundary", w->name);
    rnn_table_set_str(t, "fit", rnn_boundary_fit_names[w->fit]);
    rnn_table_set(t, "beta", -b->line.slope);
    rnn_table_set(t, "se", b->line.se_slope);
    rnn_table_set(t, "lo", b->beta_lo);
    rnn_table_set(t, "hi", b->beta_hi);
    rnn_table_set(t, "r2", b->line.r2);
    rnn_table_set_int(t, "n", (int64_t)b->line.n);
    rnn_table_set_int(t, "seeds", s->fraction ? 0 : (int64_t)s->n_seeds);
    rnn_table_set_int(t, "draws", (int64_t)b->n_beta);
    rnn_table_set_str(t, "determined", rnn_determined_names[b->determined]);
    rnn_table_row(t);
}

/* Every pair of behaviours: in how many resamples is one exponent above the other? */
static void order_rows(struct rnn_table *t, const struct wanted *w, const struct rnn_boundary *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            size_t both = 0, above = 0;
            for (size_t k = 0; i != j && k < b[i].n_draws; k++)
                if (isfinite(b[i].beta[k]) && isfinite(b[j].beta[k])) both++, above += b[i].beta[k] > b[j].beta[k];
            if (!both) continue;
            rnn_table_set_str(t, "above", w[i].name);
            rnn_table_set_str(t, "below", w[j].name);
            rnn_table_set(t, "difference", b[j].line.slope - b[i].line.slope);
            rnn_table_set(t, "share", (double)above / (double)both);
            rnn_table_set_int(t, "n", (int64_t)both);
            rnn_table_row(t);
        }
}

static int measure_all(struct sweep *s, struct rnn_writer *out, const struct cli_common *c, struct rnn_err *err)
{
    const size_t n = opt.boundaries.n;
    struct rnn_table *bt = NULL, *et = NULL, *ot = NULL;
    struct rnn_boundary *b = NULL;
    struct wanted *w = NULL;
    int rc = rnn_alloc_into(&b, n, sizeof *b, err);
    if (rc >= 0) rc = rnn_alloc_into(&w, n, sizeof *w, err);
    if (rc >= 0) rc = tool_table_new(&bt, "boundary", boundary_columns, err);
    if (rc >= 0) rc = tool_table_new(&et, "exponent", exponent_columns, err);
    if (rc >= 0) rc = tool_table_new(&ot, "exponent_order", order_columns, err);
    for (size_t i = 0; rc >= 0 && i < n; i++) {
        struct rnn_boundary_method m;
        const struct rnn_scaling_grid g = {s->n_rates, s->n_delays, s->n_seeds, s->rate_v, s->delay_v, s->hit};
        parse_boundary(opt.boundaries.v[i], &w[i]);
        rnn_boundary_method_default(&m, w[i].fit);
        if (opt.start.n) m.start[0] = opt.start.v[0], m.start[1] = opt.start.v[1];
        m.along_rate = opt.along_rate, m.skip_below = opt.skip_below, m.level = opt.level, m.step_ms = opt.step_ms;
        rc = fill_hits(s, w[i].categories, err);
        if (rc >= 0) rc = rnn_boundary_measure(&g, &m, s->fraction ? 0 : opt.draws, c->seed, &b[i], err);
        if (rc >= 0) boundary_rows(bt, s, &w[i], &b[i]), exponent_row(et, s, &w[i], &b[i]);
    }
    if (rc >= 0) order_rows(ot, w, b, n);
    if (rc >= 0) rc = rnn_table_write(bt, out, &c->labels, NULL, err);
    if (rc >= 0) rc = rnn_table_write(et, out, &c->labels, NULL, err);
    if (rc >= 0 && rnn_table_rows(ot)) rc = rnn_table_write(ot, out, &c->labels, NULL, err);
    for (size_t i = 0; b && i < n; i++) rnn_boundary_release(&b[i]);
    free(b);
    free(w);
    rnn_table_free(bt);
    rnn_table_free(et);
    rnn_table_free(ot);
    return rc;
}

static void run(const struct tool_theory *m, const struct cli_parse *p, const struct cli_common *c, const char *file)
{
    struct rnn_err err;
    struct rnn_gathered g = {0};
    struct sweep s = {0};
    const char *const tables[] = {or_default(opt.table, "phase"), NULL}, *const none[] = {NULL};
    const struct rnn_gather_want want = {.tables = tables, .arrays = none};
    const struct cli_tool shown = {.name = "rnn-theory", .synopsis = "scaling [options] [FILE]"};
    struct rnn_reader *r = tool_open_input(&shown, file, c);
    int rc = rnn_gather(&g, r, &want, &err);
    if (rc < 0) tool_fail(NULL, r, &err);
    rc = find_sweep(&s, &g, &err);
    if (rc < 0) tool_fail(NULL, NULL, &err);
    struct rnn_writer *w = tool_theory_open(m, p, c, &err);
    rc = measure_all(&s, w, c, &err);
    rnn_reader_close(r);
    free(s.keep), free(s.rates), free(s.delays), free(s.seeds), free(s.rate_v), free(s.delay_v), free(s.hit);
    rnn_gathered_release(&g);
    tool_theory_close(w, rc, &err);
}

const struct tool_theory tool_theory_scaling = {
    .name = "scaling",
    .summary = "boundaries between behaviours in a sweep over learning rate and delay, and their exponents",
    .details = "Reads any table that has a learning rate, a delay and a category per network.  Fractions of networks per cell give a boundary "
               "for every learning rate; a line through the logarithms gives the exponent.  Networks of one seed share their initial weights in "
               "every cell, so intervals come from resampling seeds.  Tables boundary, exponent and exponent_order.",
    .opts = options, .with = CLI_WITH_SEED | CLI_WITH_LABEL, .max_files = 1, .check = check, .run = run};
