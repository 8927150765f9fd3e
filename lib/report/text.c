#include "report/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "num/stats.h"
#include "report/conditions.h"
#include "report/plot.h"

/* What the tables of each tool are about: the columns that make groups of rows for a summary, "" for none besides labels. */
static const struct { const char *subject, *table, *keys; } TABLES[] = {
    {"train", "learning", ""},
    {"run", "performance", "split horizon status"},
    {"varmem", "spectrum", "stage state"},
    {"varmem", "direction", "stage angle"},
    {"varmem", "basis", "variant norm state"},
    {"varmem", "phi", "variant norm state"},
    {"varmem", "decode", "variant norm variable"},
    {"varmem", "ports", "stage"},
    {"varmem", "impulse", "tau"},
    {"varmem", "control", "control"},
    {"fixedpts", "fixedpoints", "kind"},
    {"fixedpts", "cycles", "stable"},
    {"fixedpts", "phase", "mechanism"},
    {"fixedpts", "phases", "mechanism"},
    {"fixedpts", "boundary", ""},
    {"fixedpts", "exponent", "family"},
    {"fixedpts", "lyapunov", ""},
    {"lowrank", "lowrank", "matrix part"},
    {"lowrank", "singular", "matrix part mode"},
    {"lowrank", "singular_band", "matrix part"},
    {"lowrank", "eigenvalues", "part"},
    {"lowrank", "truncation", "rank"},
    {"lowrank", "ablation", "what mode set"},
    {"lowrank", "selectivity_ablation", "class"},
    {"lowrank", "overlap", "a b"},
    {"lowrank", "principal_angle", "a b k"},
    {"lowrank", "shared_spectrum", "source"},
    {"lowrank", "alignment", "param"},
    {"geometry", "geometry", "measure by condition step"},
    {"geometry", "states", ""},
    {"transfer", "transfer", "donor recipient blocks control"},
    {"rollout", "rollout", "group"},
    {"rollout", "rollout_mean", "group"},
    {"rollout", "alike", "group_a group_b start"},
    {"rollout", "alike_mean", "group_a group_b start what"},
    {"rollout", "apart", "group_a group_b"},
    {"theory", "boundary", "family"},
    {"theory", "exponent", "family"},
};

const char *rnn_text_subject_table(const char *subject, size_t i)
{
    for (size_t k = 0; k < RNN_LEN(TABLES); k++)
        if (!strcmp(TABLES[k].subject, subject) && i-- == 0) return TABLES[k].table;
    return NULL;
}

const char *rnn_text_maker(const char *table)
{
    static const char *const tools[][2] = {{"train", "rnn-train"}, {"run", "rnn-run"}, {"varmem", "rnn-varmem"}, {"fixedpts", "rnn-fixedpts"},
                                           {"lowrank", "rnn-lowrank"}, {"geometry", "rnn-geometry"}, {"transfer", "rnn-transfer"}, {"rollout", "rnn-rollout"}, {"theory", "rnn-theory"}};
    if (!strcmp(table, "claims")) return "rnn-report claims";
    for (size_t k = 0; k < RNN_LEN(TABLES); k++)
        for (size_t i = 0; !strcmp(TABLES[k].table, table) && i < RNN_LEN(tools); i++)
            if (!strcmp(TABLES[k].subject, tools[i][0])) return tools[i][1];
    return NULL;
}

/* ---- aligned tables ---- */

/* Characters that a terminal shows (UTF-8 continuation bytes take no place). */
static size_t shown(const char *s)
{
    size_t n = 0;
    for (; *s; s++) n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

static void pad(FILE *out, const char *s, size_t width, bool right)
{
    const size_t n = shown(s), gap = n < width ? width - n : 0;
    fprintf(out, "%*s%s", right ? (int)gap : 0, "", s);
    if (!right) fprintf(out, "%*s", (int)gap, "");
}

static const char *for_eye(const struct rnn_gcol *c, size_t row, char buf[40])
{
    if (c->is_text) return *c->s[row] ? c->s[row] : "-";
    if (isnan(c->v[row])) return "-";
    if (c->v[row] == rint(c->v[row]) && fabs(c->v[row]) < 1e9) snprintf(buf, 40, "%.0f", c->v[row]);
    else snprintf(buf, 40, "%.4g", c->v[row]);
    return buf;
}

static bool is_constant(const struct rnn_gcol *c, const size_t *row, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        if (c->is_text ? strcmp(c->s[row[i]], c->s[row[0]]) : !(c->v[row[i]] == c->v[row[0]] || (isnan(c->v[row[i]]) && isnan(c->v[row[0]])))) return false;
    }
    return true;
}

static int kept_rows(const struct rnn_gtable *t, const bool *keep, size_t **row, size_t *n, struct rnn_err *err)
{
    RNN_TRY(rnn_alloc_into(row, t->rows + 1, sizeof **row, err));
    *n = 0;
    for (size_t i = 0; i < t->rows; i++)
        if (!keep || keep[i]) (*row)[(*n)++] = i;
    return RNN_OK;
}

/* Networks, snapshots and changed copies not told apart; 0 where rows belong to none. */
static int distinct_nets(const struct rnn_gtable *t, const size_t *row, size_t n, size_t *nets, struct rnn_err *err)
{
    struct rnn_net_count count = {0};
    bool *keep = NULL;
    int rc = rnn_alloc_into(&keep, t->rows + 1, sizeof *keep, err);
    for (size_t i = 0; rc >= 0 && i < n; i++) keep[row[i]] = true;
    if (rc >= 0) rc = rnn_count_nets(t, keep, &count, err);
    *nets = count.nets;
    free(keep);
    return rc;
}

static int put_heading(FILE *out, const struct rnn_gtable *t, const size_t *row, size_t n, struct rnn_err *err)
{
    size_t nets;
    RNN_TRY(distinct_nets(t, row, n, &nets, err));
    fprintf(out, "%s: %zu row%s", t->name, n, n == 1 ? "" : "s");
    if (nets) fprintf(out, " of %zu network%s", nets, nets == 1 ? "" : "s");
    putc('\n', out);
    return RNN_OK;
}

/* Says once what all rows share (missing values not at all), in lines of the given width. */
static void put_constants(FILE *out, const struct rnn_gtable *t, const size_t *row, size_t n, size_t width)
{
    size_t used = 0;
    char buf[40];
    for (size_t c = 0; c < t->n_cols; c++) {
        const struct rnn_gcol *col = &t->col[c];
        if (n < 2 || !is_constant(col, row, n)) continue;
        const char *words = for_eye(col, row[0], buf);
        if (!strcmp(words, "-")) continue;
        const size_t need = shown(col->name) + shown(words) + shown(col->unit) + 4;
        if (used && width && used + need > width) fputs("\n", out), used = 0;
        used += (size_t)fprintf(out, "%s%s=%s%s%s", used ? ", " : "  ", col->name, words, *col->unit ? " " : "", col->unit);
    }
    if (used) putc('\n', out);
}

static size_t column_width(const struct rnn_gcol *c, const size_t *row, size_t n)
{
    char buf[40];
    size_t w = shown(c->name), u = *c->unit ? shown(c->unit) + 2 : 0;
    w = u > w ? u : w;
    for (size_t i = 0; i < n; i++) {
        const size_t k = shown(for_eye(c, row[i], buf));
        w = k > w ? k : w;
    }
    return w;
}

static void put_block(FILE *out, const struct rnn_gtable *t, const size_t *row, size_t n, const size_t *col, const size_t *width, size_t n_cols)
{
    char buf[40], unit[80];
    bool units = false;
    for (size_t k = 0; k < n_cols; k++) units |= *t->col[col[k]].unit != 0;
    for (size_t k = 0; k < n_cols; k++) fputs("  ", out), pad(out, t->col[col[k]].name, width[k], !t->col[col[k]].is_text);
    for (size_t k = 0; units && k < n_cols; k++) {
        snprintf(unit, sizeof unit, *t->col[col[k]].unit ? "(%s)" : "%s", t->col[col[k]].unit);
        fputs(k ? "  " : "\n  ", out), pad(out, unit, width[k], !t->col[col[k]].is_text);
    }
    putc('\n', out);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < n_cols; k++) fputs("  ", out), pad(out, for_eye(&t->col[col[k]], row[i], buf), width[k], !t->col[col[k]].is_text);
        putc('\n', out);
    }
}

int rnn_text_table(FILE *out, const struct rnn_gtable *t, const bool *keep, const struct rnn_text_style *style, struct rnn_err *err)
{
    size_t *row = NULL, *col = NULL, *width = NULL, n = 0, n_cols = 0;
    int rc = kept_rows(t, keep, &row, &n, err);
    if (rc >= 0) rc = rnn_alloc_into(&col, t->n_cols + 2, sizeof *col, err);
    if (rc >= 0) rc = rnn_alloc_into(&width, t->n_cols + 2, sizeof *width, err);
    if (rc >= 0) rc = put_heading(out, t, row, n, err);
    if (rc >= 0) {
        put_constants(out, t, row, n, style->width);
        const size_t m = style->rows && n > style->rows ? style->rows : n;
        size_t used = 0, net = t->n_cols;
        for (size_t c = 0; c < t->n_cols; c++)
            if (!strcmp(t->col[c].name, "net") && !(n > 1 && is_constant(&t->col[c], row, n))) net = c;
        for (size_t pass = 0; pass < t->n_cols + 1; pass++) { /* the network comes first, whatever the order of labels */
            const size_t c = pass ? pass - 1 : net;
            if (c >= t->n_cols || (pass && c == net) || (n > 1 && is_constant(&t->col[c], row, n))) continue;
            const size_t w = column_width(&t->col[c], row, m);
            if (style->width && n_cols > 1 && used + w + 2 > style->width) {
                put_block(out, t, row, m, col, width, n_cols);
                putc('\n', out);
                n_cols = 1, used = width[0] + 2;
            }
            col[n_cols] = c, width[n_cols++] = w, used += w + 2;
        }
        if (n_cols) put_block(out, t, row, m, col, width, n_cols);
        if (m < n) fprintf(out, "  ... %zu rows more\n", n - m);
    }
    free(row);
    free(col);
    free(width);
    return rc < 0 ? rc : RNN_OK;
}

/* ---- TSV ---- */

static void put_escaped(FILE *out, const char *s)
{
    for (; *s; s++) {
        const char *from = "\t\n\r\\", *to = "tnr\\", *at = strchr(from, *s);
        if (at) putc('\\', out), putc(to[at - from], out);
        else putc(*s, out);
    }
}

int rnn_text_tsv(FILE *out, const struct rnn_gtable *t, const bool *keep, struct rnn_err *err)
{
    char buf[40];
    for (size_t c = 0; c < t->n_cols; c++) {
        if (c) putc('\t', out);
        put_escaped(out, t->col[c].name);
    }
    putc('\n', out);
    for (size_t i = 0; i < t->rows; i++) {
        if (keep && !keep[i]) continue;
        for (size_t c = 0; c < t->n_cols; c++) {
            if (c) putc('\t', out);
            put_escaped(out, rnn_gcol_text(&t->col[c], i, buf));
        }
        putc('\n', out);
    }
    return ferror(out) ? rnn_fail(err, RNN_ERR_IO, "writing table %s failed", t->name) : RNN_OK;
}

/* ---- summaries ---- */

static bool listed(const char *words, const char *name)
{
    const size_t len = strlen(name);
    for (const char *at = words; at && (at = strstr(at, name)); at += len)
        if ((at == words || at[-1] == ' ') && (!at[len] || at[len] == ' ')) return true;
    return false;
}

/* Which columns make groups: those of the list above, varying labels, and in unknown tables every text of two to twelve values. */
static int group_columns(const struct rnn_gtable *t, const bool *in, bool *is_key, struct rnn_err *err)
{
    const char *keys = NULL;
    for (size_t k = 0; k < RNN_LEN(TABLES); k++)
        if (!keys && !strcmp(TABLES[k].table, t->name)) keys = TABLES[k].keys;
    for (size_t c = 0; c < t->n_cols; c++) {
        const struct rnn_gcol *col = &t->col[c];
        size_t *value = NULL, n = 0;
        RNN_TRY(rnn_distinct(col, t->rows, in, &value, &n, err));
        free(value);
        const bool few = n > 1 && n <= 12;
        is_key[c] = keys && listed(keys, col->name) ? n > 0 : col->is_label ? few : !keys && col->is_text && few;
        if (!strcmp(col->name, "net") || !strcmp(col->name, "reason")) is_key[c] = false;
    }
    return RNN_OK;
}

static bool same_group(const struct rnn_gtable *t, const bool *is_key, size_t a, size_t b)
{
    for (size_t c = 0; c < t->n_cols; c++) {
        const struct rnn_gcol *col = &t->col[c];
        if (!is_key[c]) continue;
        if (col->is_text ? strcmp(col->s[a], col->s[b]) : !(col->v[a] == col->v[b] || (isnan(col->v[a]) && isnan(col->v[b])))) return false;
    }
    return true;
}

static int put_measure(FILE *out, const struct rnn_gcol *c, const size_t *row, size_t n, size_t name_width, double *v, struct rnn_err *err)
{
    size_t m = 0;
    double lo = INFINITY, hi = -INFINITY;
    for (size_t i = 0; i < n; i++)
        if (!isnan(c->v[row[i]])) v[m++] = c->v[row[i]], lo = fmin(lo, v[m - 1]), hi = fmax(hi, v[m - 1]);
    if (!m) return RNN_OK;
    const double median = rnn_quantile(m, v, 0.5, err);
    char value[24], range[64] = "", of[32];
    snprintf(value, sizeof value, "%.4g", median);
    if (hi > lo) snprintf(range, sizeof range, "%.4g .. %.4g", lo, hi);
    snprintf(of, sizeof of, m == n ? "%.0zu" : "(n = %zu)", m == n ? (size_t)0 : m);
    fputs("    ", out);
    pad(out, c->name, name_width, false);
    fprintf(out, "  %10s %-6s %-24s", value, c->unit, range);
    fprintf(out, "%s%s%s\n", of, *of ? " " : "", c->doc);
    return RNN_OK;
}

static void put_group_name(FILE *out, const struct rnn_gtable *t, const bool *is_key, size_t row, size_t n)
{
    char buf[40];
    bool any = false;
    fputs("  ", out);
    for (size_t c = 0; c < t->n_cols; c++) {
        if (!is_key[c]) continue;
        const char *words = for_eye(&t->col[c], row, buf);
        if (!strcmp(words, "-")) continue;
        fprintf(out, "%s%s %s%s%s", any ? ", " : "", t->col[c].name, words, *t->col[c].unit ? " " : "", t->col[c].unit);
        any = true;
    }
    fprintf(out, "%s%zu row%s: median, least .. largest\n", any ? "; " : "", n, n == 1 ? "" : "s");
}

int rnn_text_summary(FILE *out, const struct rnn_gtable *t, const bool *keep, const struct rnn_text_style *style, struct rnn_err *err)
{
    size_t *row = NULL, *mine = NULL, n = 0, groups = 0;
    bool *is_key = NULL, *done = NULL;
    double *v = NULL;
    int rc = kept_rows(t, keep, &row, &n, err);
    if (rc >= 0) rc = rnn_alloc_into(&mine, t->rows + 1, sizeof *mine, err);
    if (rc >= 0) rc = rnn_alloc_into(&is_key, t->n_cols + 1, sizeof *is_key, err);
    if (rc >= 0) rc = rnn_alloc_into(&done, t->rows + 1, sizeof *done, err);
    if (rc >= 0) rc = rnn_alloc_into(&v, t->rows + 1, sizeof *v, err);
    for (size_t i = 0; rc >= 0 && i < n; i++) done[row[i]] = true; /* for now: which rows there are */
    if (rc >= 0) rc = group_columns(t, done, is_key, err);
    if (rc >= 0) rc = put_heading(out, t, row, n, err);
    if (rc >= 0) memset(done, 0, t->rows), put_constants(out, t, row, n, style->width);
    size_t name_width = 0;
    for (size_t c = 0; c < t->n_cols; c++)
        if (!t->col[c].is_text && shown(t->col[c].name) > name_width) name_width = shown(t->col[c].name);
    for (size_t i = 0; rc >= 0 && i < n; i++) {
        size_t m = 0;
        if (done[row[i]]) continue;
        for (size_t k = i; k < n; k++)
            if (!done[row[k]] && same_group(t, is_key, row[i], row[k])) done[row[k]] = true, mine[m++] = row[k];
        if (style->rows && groups++ >= style->rows) continue;
        put_group_name(out, t, is_key, row[i], m);
        for (size_t c = 0; rc >= 0 && c < t->n_cols; c++)
            if (!is_key[c] && !t->col[c].is_text && !t->col[c].is_label && strcmp(t->col[c].name, "index") && (n < 2 || !is_constant(&t->col[c], row, n))) rc = put_measure(out, &t->col[c], mine, m, name_width, v, err);
    }
    if (rc >= 0 && style->rows && groups > style->rows) fprintf(out, "  ... %zu groups more\n", groups - style->rows);
    free(row);
    free(mine);
    free(is_key);
    free(done);
    free(v);
    return rc < 0 ? rc : RNN_OK;
}

/* ---- claims ---- */

static void put_expected(FILE *out, const struct rnn_claim *c)
{
    const bool lo = !isnan(c->expected_lo), hi = !isnan(c->expected_hi);
    if (lo && hi) fprintf(out, "expected %.4g to %.4g", c->expected_lo, c->expected_hi);
    else if (lo) fprintf(out, "expected at least %.4g", c->expected_lo);
    else if (hi) fprintf(out, "expected at most %.4g", c->expected_hi);
    else fputs("no expectation stated", out);
}

int rnn_text_claims(FILE *out, const struct rnn_claims *c, struct rnn_err *err)
{
    size_t pass = 0, fail = 0, measured = 0;
    for (size_t i = 0; i < c->n; i++) {
        const struct rnn_claim *k = &c->v[i];
        pass += !strcmp(k->verdict, "pass");
        fail += !strcmp(k->verdict, "fail");
        measured += !strcmp(k->verdict, "measured");
        fprintf(out, "%-10s  %s: %s\n            ", k->verdict, k->id, k->statement);
        if (!isnan(k->measured)) {
            fprintf(out, "measured %.4g", k->measured);
            if (!isnan(k->lo)) fprintf(out, " [%.4g, %.4g]", k->lo, k->hi);
            fprintf(out, ", n = %zu; ", k->n);
        }
        if (k->why) fprintf(out, "%s; ", k->why);
        put_expected(out, k);
        fprintf(out, " (%s)\n", k->basis);
    }
    fprintf(out, "%zu claim%s: %zu pass, %zu fail, %zu not tested", c->n, c->n == 1 ? "" : "s", pass, fail, c->n - pass - fail - measured);
    fprintf(out, measured ? ", %zu measured only\n" : "%.0zu\n", measured);
    return ferror(out) ? rnn_fail(err, RNN_ERR_IO, "writing claims failed") : RNN_OK;
}
