#include "report/claims.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "num/rng.h"
#include "num/stats.h"

/* ---- the file ---- */

static const char *const HEADERS[] = {"id", "statement", "basis", "table", "filter", "value", "statistic", "against", "pair", "scale", "lo", "hi"};
enum { H_LO = 10, H_HI = 11 };
static const char *const STATISTICS[] = {"mean", "median", "min", "max", "count", "share", "sum", "difference", "ratio", "row", NULL};
static const char *const SCALES[] = {"demo", "reduced", "full", NULL};

static int index_of(const char *const *names, const char *name)
{
    for (int i = 0; names[i]; i++)
        if (!strcmp(names[i], name)) return i;
    return -1;
}

static char **field_of(struct rnn_claim *c, int h)
{
    char **const all[] = {&c->id, &c->statement, &c->basis, &c->table, &c->filter, &c->value, &c->statistic, &c->against, &c->pair, &c->scale};
    return all[h];
}

/* Splits a line at tabs; cells [max]. */
static size_t split(char *line, char **cells, size_t max)
{
    size_t n = 0;
    line[strcspn(line, "\r\n")] = 0;
    for (char *cell; n < max && (cell = strsep(&line, "\t"));) cells[n++] = cell;
    return n;
}

static int parse_bound(const char *text, double *out)
{
    char *end;
    *out = NAN;
    if (!*text) return 0;
    *out = strtod(text, &end);
    return *end ? -1 : 0;
}

static int read_claim(struct rnn_claims *c, char *line, const int *columns, size_t n_columns, const char *where, struct rnn_err *err)
{
    char *cells[32];
    const size_t n = split(line, cells, RNN_LEN(cells));
    if (n > n_columns) return rnn_fail(err, RNN_ERR_FORMAT, "%s: %zu cells under %zu headers", where, n, n_columns);
    RNN_TRY(rnn_grow(&c->v, &c->cap, c->n + 1, sizeof *c->v, err));
    struct rnn_claim *k = &c->v[c->n++];
    *k = (struct rnn_claim){.expected_lo = NAN, .expected_hi = NAN, .measured = NAN, .lo = NAN, .hi = NAN, .verdict = "not-tested"};
    for (size_t i = 0; i < n; i++) {
        double *bound = columns[i] == H_LO ? &k->expected_lo : &k->expected_hi;
        if (columns[i] < H_LO) *field_of(k, columns[i]) = rnn_strdup(cells[i]);
        else if (parse_bound(cells[i], bound) < 0) return rnn_fail(err, RNN_ERR_FORMAT, "%s: '%s' is not a number", where, cells[i]);
    }
    for (int h = 0; h < H_LO; h++)
        if (!*field_of(k, h) && !(*field_of(k, h) = rnn_strdup(""))) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    if (!*k->id || !*k->statement || !*k->basis) return rnn_fail(err, RNN_ERR_FORMAT, "%s: a claim needs id, statement and basis", where);
    if (*k->table && index_of(STATISTICS, k->statistic) < 0) return rnn_fail(err, RNN_ERR_FORMAT, "%s: no statistic '%s'", where, k->statistic);
    static const char *const paired[] = {"mean", "share", "difference", "ratio", NULL};
    if (*k->pair && index_of(paired, k->statistic) < 0)
        return rnn_fail(err, RNN_ERR_FORMAT, "%s: pair has no effect on %s", where, *k->statistic ? k->statistic : "a claim without a statistic");
    if (*k->scale && index_of(SCALES, k->scale) < 0) return rnn_fail(err, RNN_ERR_FORMAT, "%s: no scale '%s'", where, k->scale);
    return RNN_OK;
}

static int read_header(char *line, int *columns, size_t *n, const char *where, struct rnn_err *err)
{
    char *cells[32];
    *n = split(line, cells, RNN_LEN(cells));
    for (size_t i = 0; i < *n; i++) {
        columns[i] = -1;
        for (int h = 0; h < (int)RNN_LEN(HEADERS); h++)
            if (!strcmp(cells[i], HEADERS[h])) columns[i] = h;
        if (columns[i] < 0) return rnn_fail(err, RNN_ERR_FORMAT, "%s: no column is called '%s'", where, cells[i]);
    }
    return RNN_OK;
}

int rnn_claims_read(const char *path, struct rnn_claims *c, struct rnn_err *err)
{
    FILE *f = fopen(path, "r");
    if (!f) return rnn_fail(err, RNN_ERR_IO, "cannot open '%s': %s", path, strerror(errno));
    char *line = NULL, where[300];
    size_t cap = 0, n_columns = 0, number = 0;
    int columns[32], rc = RNN_OK;
    while (rc >= 0 && getline(&line, &cap, f) >= 0) {
        snprintf(where, sizeof where, "%s:%zu", path, ++number);
        if (*line == '#' || *line == '\n') continue;
        rc = n_columns ? read_claim(c, line, columns, n_columns, where, err) : read_header(line, columns, &n_columns, where, err);
    }
    if (rc >= 0 && ferror(f)) rc = rnn_fail(err, RNN_ERR_IO, "cannot read '%s': %s", path, strerror(errno));
    if (rc >= 0 && !n_columns) rc = rnn_fail(err, RNN_ERR_FORMAT, "%s: no header line", path);
    free(line);
    fclose(f);
    return rc;
}

void rnn_claims_release(struct rnn_claims *c)
{
    for (size_t i = 0; i < c->n; i++) {
        for (int h = 0; h < H_LO; h++) free(*field_of(&c->v[i], h));
        free(c->v[i].why);
    }
    free(c->v);
    memset(c, 0, sizeof *c);
}

/* ---- measuring ---- */

struct sample { double *v; size_t n; size_t *row; };

static int collect(const struct rnn_gtable *t, const char *filter, const char *value, struct sample *s, struct rnn_err *err)
{
    bool *keep = NULL;
    int rc = rnn_alloc_into(&keep, t->rows + 1, sizeof *keep, err);
    if (rc >= 0) rc = rnn_alloc_into(&s->v, t->rows + 1, sizeof *s->v, err);
    if (rc >= 0) rc = rnn_alloc_into(&s->row, t->rows + 1, sizeof *s->row, err);
    if (rc >= 0) rc = rnn_gtable_filter(t, filter, keep, err);
    for (size_t i = 0; rc >= 0 && i < t->rows; i++) {
        double v = 1;
        if (!keep[i]) continue;
        if (*value) rc = rnn_expression(t, value, i, &v, err);
        if (rc >= 0 && !isnan(v)) s->v[s->n] = v, s->row[s->n++] = i;
    }
    free(keep);
    return rc;
}

static bool same_key(const struct rnn_gtable *t, const char *pair, size_t a, size_t b, bool *known)
{
    char *text = rnn_strdup(pair), *rest = text, bufa[40], bufb[40];
    bool same = text != NULL;
    *known = same;
    for (char *name; same && (name = strsep(&rest, "+"));) {
        const struct rnn_gcol *c = rnn_gtable_col(t, name);
        if (!c) same = *known = false;
        else same = !strcmp(rnn_gcol_text(c, a, bufa), rnn_gcol_text(c, b, bufb));
    }
    free(text);
    return same;
}

/* a - b (or a / b) over pairs with equal keys; a key that is missing on one side is left out. */
static int pair_up(const struct rnn_gtable *t, const struct rnn_claim *c, const struct sample *a, const struct sample *b, bool ratio, double *d,
                   size_t *n, struct rnn_err *err)
{
    *n = 0;
    for (size_t i = 0; i < a->n; i++)
        for (size_t j = 0; j < b->n; j++) {
            bool known;
            const bool same = same_key(t, c->pair, a->row[i], b->row[j], &known);
            if (!known) return rnn_fail(err, RNN_ERR_ARG, "claim %s: table %s lacks a column of '%s'", c->id, t->name, c->pair);
            if (!same) continue;
            d[(*n)++] = ratio ? a->v[i] / b->v[j] : a->v[i] - b->v[j];
            break;
        }
    return RNN_OK;
}

/* One resample's statistic of what `of` points to; room: as many numbers as were asked for. */
typedef double draw_fn(const void *of, struct rnn_rng *g, double *room, struct rnn_err *err);

/* Percentile interval (95 %) over resamples; every kind of resample has numbers of its own. */
enum resample { OF_TWO = 1, OF_MEDIAN = 2, OF_CLUSTERS = 4 };
static int bootstrap(draw_fn *draw, const void *of, size_t room, enum resample kind, uint64_t seed, uint64_t item, struct rnn_claim *c,
                     struct rnn_err *err)
{
    enum { RESAMPLES = 2000 };
    double *d = NULL;
    struct rnn_rng g;
    RNN_TRY(rnn_rng_at(&g, seed, RNN_RNG_ANALYSIS, kind, item, 0, err));
    RNN_TRY(rnn_alloc_into(&d, RESAMPLES + room, sizeof *d, err));
    for (size_t r = 0; r < RESAMPLES; r++) d[r] = draw(of, &g, d + RESAMPLES, err);
    c->lo = rnn_quantile(RESAMPLES, d, 0.025, err);
    c->hi = rnn_quantile(RESAMPLES, d, 0.975, err);
    free(d);
    return RNN_OK;
}

struct two { const struct sample *a, *b; bool ratio; };

static double draw_two(const void *of, struct rnn_rng *g, double *room, struct rnn_err *err)
{
    const struct two *t = of;
    const double na = (double)t->a->n, nb = (double)t->b->n;
    double sa = 0, sb = 0;
    (void)room, (void)err;
    for (size_t i = 0; i < t->a->n; i++) sa += t->a->v[rnn_rng_below(g, t->a->n)];
    for (size_t i = 0; i < t->b->n; i++) sb += t->b->v[rnn_rng_below(g, t->b->n)];
    return t->ratio ? sa / na / (sb / nb) : sa / na - sb / nb;
}

static int measure_two(struct rnn_claim *c, const struct rnn_gtable *t, const struct sample *a, uint64_t seed, uint64_t item, struct rnn_err *err)
{
    const bool ratio = !strcmp(c->statistic, "ratio");
    struct sample b = {0};
    double *d = NULL;
    int rc = collect(t, c->against, c->value, &b, err);
    if (rc >= 0) rc = rnn_alloc_into(&d, a->n + 1, sizeof *d, err);
    if (rc >= 0 && *c->pair) {
        rc = pair_up(t, c, a, &b, ratio, d, &c->n, err);
        if (rc >= 0 && c->n) c->measured = rnn_mean(c->n, d);
        if (rc >= 0 && c->n > 1) rc = rnn_bootstrap_mean(c->n, d, 2000, 0.95, seed, item, &c->lo, &c->hi, err);
    } else if (rc >= 0 && b.n) {
        const double ma = rnn_mean(a->n, a->v), mb = rnn_mean(b.n, b.v);
        c->measured = ratio ? ma / mb : ma - mb;
        c->n = a->n < b.n ? a->n : b.n;
        if (c->n > 1) rc = bootstrap(draw_two, &(struct two){a, &b, ratio}, 0, OF_TWO, seed, item, c, err);
    }
    free(d);
    free(b.v);
    free(b.row);
    return rc;
}

static double draw_median(const void *of, struct rnn_rng *g, double *room, struct rnn_err *err)
{
    const struct sample *s = of;
    for (size_t i = 0; i < s->n; i++) room[i] = s->v[rnn_rng_below(g, s->n)];
    return rnn_quantile(s->n, room, 0.5, err);
}

/* Rows that share what `pair` names (networks of one seed, steps of one network) are drawn together: their sums and counts, one entry each. */
struct clusters { double *sum, *n; size_t *first; size_t count; };

static int cluster(const struct rnn_claim *c, const struct rnn_gtable *t, const struct sample *s, struct clusters *k, struct rnn_err *err)
{
    RNN_TRY(rnn_alloc_into(&k->sum, s->n, sizeof *k->sum, err));
    RNN_TRY(rnn_alloc_into(&k->n, s->n, sizeof *k->n, err));
    RNN_TRY(rnn_alloc_into(&k->first, s->n, sizeof *k->first, err));
    for (size_t i = 0; i < s->n; i++) {
        size_t j = 0;
        bool known = true;
        while (j < k->count && !same_key(t, c->pair, s->row[k->first[j]], s->row[i], &known)) j++;
        if (!known) return rnn_fail(err, RNN_ERR_ARG, "claim %s: table %s lacks a column of '%s'", c->id, t->name, c->pair);
        if (j == k->count) k->first[k->count++] = i;
        k->sum[j] += s->v[i], k->n[j]++;
    }
    return RNN_OK;
}

static double draw_clusters(const void *of, struct rnn_rng *g, double *room, struct rnn_err *err)
{
    const struct clusters *k = of;
    double sum = 0, n = 0;
    (void)room, (void)err;
    for (size_t i = 0; i < k->count; i++) {
        const size_t j = (size_t)rnn_rng_below(g, k->count);
        sum += k->sum[j], n += k->n[j];
    }
    return sum / n;
}

/* Mean or share whose rows come in clusters.  A share of 0 or 1 does not vary between resamples: Wilson's interval stands for it, with as many
 * trials as there are clusters. */
static int measure_clustered(struct rnn_claim *c, const struct rnn_gtable *t, const struct sample *s, bool is_share, uint64_t seed, uint64_t item,
                             struct rnn_err *err)
{
    struct clusters k = {0};
    int rc = cluster(c, t, s, &k, err);
    if (rc >= 0 && is_share && (c->measured == 0 || c->measured == 1))
        rnn_wilson(c->measured > 0 ? k.count : 0, k.count, 1.959964, &c->lo, &c->hi);
    else if (rc >= 0 && k.count > 1)
        rc = bootstrap(draw_clusters, &k, 0, OF_CLUSTERS, seed, item, c, err);
    free(k.sum), free(k.n), free(k.first);
    return rc;
}

static int skip_claim(struct rnn_claim *c, char *why, struct rnn_err *err)
{
    c->why = why;
    return why ? RNN_OK : rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
}

/* A row that some tool has measured already, with its own interval and count, and maybe its word that the number says nothing. */
static int measure_row(struct rnn_claim *c, const struct rnn_gtable *t, const struct sample *s, struct rnn_err *err)
{
    const struct rnn_gcol *lo = rnn_gtable_col(t, "lo"), *hi = rnn_gtable_col(t, "hi"), *n = rnn_gtable_col(t, "n");
    const struct rnn_gcol *determined = rnn_gtable_col(t, "determined");
    if (s->n > 1) return rnn_fail(err, RNN_ERR_ARG, "claim %s: %zu rows of table %s are left where one is meant", c->id, s->n, t->name);
    c->measured = s->v[0], c->n = 1;
    if (lo && hi && !lo->is_text && !hi->is_text) c->lo = lo->v[*s->row], c->hi = hi->v[*s->row];
    if (n && !n->is_text && n->v[*s->row] >= 0) c->n = (size_t)n->v[*s->row];
    if (determined && determined->is_text && !strcmp(determined->s[*s->row], "no"))
        return skip_claim(c, rnn_strdup("not determined by these networks: the interval is all that can be said"), err);
    return RNN_OK;
}

static int measure_one(struct rnn_claim *c, const struct rnn_gtable *t, const struct sample *s, uint64_t seed, uint64_t item, struct rnn_err *err)
{
    const char *what = c->statistic;
    double sum = 0, lo = INFINITY, hi = -INFINITY;
    for (size_t i = 0; i < s->n; i++) sum += s->v[i], lo = fmin(lo, s->v[i]), hi = fmax(hi, s->v[i]);
    if (!strcmp(what, "row")) return measure_row(c, t, s, err);
    c->n = s->n;
    if (!strcmp(what, "min")) return c->measured = lo, RNN_OK;
    if (!strcmp(what, "max")) return c->measured = hi, RNN_OK;
    if (!strcmp(what, "sum")) return c->measured = sum, RNN_OK;
    if (!strcmp(what, "count")) return c->measured = (double)s->n, RNN_OK;
    if (!strcmp(what, "share")) {
        if (lo < 0 || hi > 1) return rnn_fail(err, RNN_ERR_ARG, "claim %s: a share needs values of 0 or 1", c->id);
        c->measured = sum / (double)s->n;
        if (*c->pair) return measure_clustered(c, t, s, true, seed, item, err);
        rnn_wilson((uint64_t)llround(sum), s->n, 1.959964, &c->lo, &c->hi);
        return RNN_OK;
    }
    if (!strcmp(what, "median")) {
        c->measured = rnn_quantile(s->n, s->v, 0.5, err);
        return s->n > 1 ? bootstrap(draw_median, s, s->n, OF_MEDIAN, seed, item, c, err) : RNN_OK;
    }
    c->measured = rnn_mean(s->n, s->v);
    if (*c->pair) return measure_clustered(c, t, s, false, seed, item, err);
    return s->n > 1 ? rnn_bootstrap_mean(s->n, s->v, 2000, 0.95, seed, item, &c->lo, &c->hi, err) : RNN_OK;
}

static int measure(struct rnn_claim *c, const struct rnn_gathered *g, int scale, uint64_t seed, uint64_t item, struct rnn_err *err)
{
    if (*c->scale && index_of(SCALES, c->scale) > scale) return skip_claim(c, rnn_asprintf("needs scale %s", c->scale), err);
    if (!*c->table) return skip_claim(c, rnn_strdup("no measurement is defined"), err);
    const struct rnn_gtable *t = rnn_gathered_table(g, c->table);
    if (!t) return skip_claim(c, rnn_asprintf("no table %s in the input", c->table), err);
    struct sample s = {0};
    int rc = collect(t, c->filter, c->value, &s, err);
    const bool two = !strcmp(c->statistic, "difference") || !strcmp(c->statistic, "ratio");
    if (rc >= 0 && s.n) rc = two ? measure_two(c, t, &s, seed, item, err) : measure_one(c, t, &s, seed, item, err);
    free(s.v);
    free(s.row);
    if (rc < 0) {
        char *words = rnn_strdup(err->msg);
        rc = rnn_fail(err, rc, "claim %s: %s", c->id, words ? words : "");
        free(words);
        return rc;
    }
    if (c->why) return RNN_OK;
    if (isnan(c->measured)) return skip_claim(c, rnn_asprintf("no rows of table %s for it", c->table), err);
    const bool low = !isnan(c->expected_lo) && !(c->measured >= c->expected_lo), high = !isnan(c->expected_hi) && !(c->measured <= c->expected_hi);
    c->verdict = isnan(c->expected_lo) && isnan(c->expected_hi) ? "measured" : low || high ? "fail" : "pass";
    return RNN_OK;
}

int rnn_claims_measure(struct rnn_claims *c, const struct rnn_gathered *g, int scale, uint64_t seed, struct rnn_err *err)
{
    for (size_t i = 0; i < c->n; i++) RNN_TRY(measure(&c->v[i], g, scale, seed, 100000 + i, err));
    return RNN_OK;
}
