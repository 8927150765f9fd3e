/* rnn-report: tables, claims, figures and pages out of streams. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/mem.h"
#include "cli/cli.h"
#include "io/table.h"
#include "report/claims.h"
#include "report/figures.h"
#include "report/gather.h"
#include "report/page.h"
#include "report/text.h"
#include "tool/tool.h"

enum mode { TEXT, SUBJECT, TSV, CLAIMS, LIST, FIGURE, PLOT, PAGE, INDEX };
/* The commands, whether a word follows that is no file, and what it is. */
static const struct { const char *name; enum mode mode; const char *word; } commands[] = {
    {"text", TEXT, NULL}, {"tsv", TSV, "the name of a table"}, {"claims", CLAIMS, "a file of claims"}, {"figures", LIST, NULL},
    {"figure", FIGURE, "the name of a figure (rnn-report figures lists them)"}, {"plot", PLOT, NULL},
    {"page", PAGE, "a file that tells the story"}, {"index", INDEX, NULL}};

static struct options {
    char *table, *filter, *x, *y, *z, *group, *facet, *title, *claims, *link, *data;
    size_t rows, width, bins;
    int style, format, scale, require;
    bool log_x, log_y, text;
} opt = {.rows = 20, .width = 120, .bins = 40};
enum { FORMAT_AUTO };
enum { MOST_NETS = 400 }; /* that a page looks at for what it shows in motion */
enum { REQUIRE_NONE, REQUIRE_PASS, REQUIRE_ALL };

static struct cli_common common = CLI_COMMON_DEFAULT;

static const struct cli_opt options[] = {
    {.name = "Which rows", .type = CLI_SECTION},
    {0, "table", CLI_STR, &opt.table, "NAME", 0, 0, "text: only this table; plot: the table to draw", CLI_NEUTRAL, NULL},
    {0, "filter", CLI_STR, &opt.filter, "COL=VALUE,...", 0, 0, "rows for which all hold; also != < <= > >=", CLI_NEUTRAL, NULL},
    {.name = "Text", .type = CLI_SECTION},
    {0, "rows", CLI_SIZE, &opt.rows, "N", 0, 1e12, "at most so many rows (or groups of rows) of a table; 0: all", CLI_NEUTRAL, NULL},
    {0, "width", CLI_SIZE, &opt.width, "CHARACTERS", 0, 1e6, "break wider tables; 0: never", CLI_NEUTRAL, NULL},
    {.name = "Claims", .type = CLI_SECTION},
    {0, "scale", CLI_CHOICE, &opt.scale, "demo|reduced|full", 0, 0, "claims that need a larger scale are not tested", 0, NULL},
    {0, "require", CLI_CHOICE, &opt.require, "none|pass|all", 0, 0, "exit 3 when a claim fails (pass), or is not tested either (all)", CLI_NEUTRAL, NULL},
    {0, "text", CLI_FLAG, &opt.text, NULL, 0, 0, "verdicts in words instead of a table in a stream", CLI_NEUTRAL, NULL},
    {.name = "Page", .type = CLI_SECTION},
    {0, "claims", CLI_STR, &opt.claims, "FILE.tsv", 0, 0, "claims to hold the study to", CLI_FILE, NULL},
    {0, "link", CLI_STR, &opt.link, "URL", 0, 0, "of the page of all studies", CLI_NEUTRAL, NULL},
    {0, "data", CLI_STR, &opt.data, "FOLDER", 0, 0, "where data that are too large for the page go; made if need be", CLI_FILE, NULL},
    {.name = "Figures", .type = CLI_SECTION},
    {0, "format", CLI_CHOICE, &opt.format, "auto|svg|pdf|png", 0, 0, "auto: as the name of the output ends, else svg", CLI_NEUTRAL, NULL},
    {0, "title", CLI_STR, &opt.title, "TEXT", 0, 0, "over the figure", CLI_NEUTRAL, NULL},
    {.name = "Plot", .type = CLI_SECTION},
    {0, "style", CLI_CHOICE, &opt.style, "lines|points|bars|shares|heat|histogram", 0, 0, "how rows become marks", CLI_NEUTRAL, NULL},
    {0, "x", CLI_STR, &opt.x, "COLUMN", 0, 0, "abscissa; bars: the category", CLI_NEUTRAL, NULL},
    {0, "y", CLI_STR, &opt.y, "COLUMN", 0, 0, "ordinate; histogram: what is counted; shares: the category", CLI_NEUTRAL, NULL},
    {0, "z", CLI_STR, &opt.z, "COLUMN", 0, 0, "heat: the colour", CLI_NEUTRAL, NULL},
    {0, "group", CLI_STR, &opt.group, "COLUMN", 0, 0, "a line, or a set of marks, for each of its values", CLI_NEUTRAL, NULL},
    {0, "facet", CLI_STR, &opt.facet, "COLUMN", 0, 0, "a panel for each of its values", CLI_NEUTRAL, NULL},
    {0, "log-x", CLI_FLAG, &opt.log_x, NULL, 0, 0, "logarithmic abscissa", CLI_NEUTRAL, NULL},
    {0, "log-y", CLI_FLAG, &opt.log_y, NULL, 0, 0, "logarithmic ordinate", CLI_NEUTRAL, NULL},
    {0, "bins", CLI_SIZE, &opt.bins, "N", 1, 10000, "of a histogram", CLI_NEUTRAL, NULL},
    CLI_LAST};

static const struct cli_tool tool = {
    .name = "rnn-report",
    .synopsis = "[options] [text | SUBJECT | tsv TABLE | claims FILE.tsv | figures | figure NAME | plot | page STORY | index] [FILE ...]",
    .summary = "Turns streams into tables for the eye, TSV, verdicts on claims, and figures.",
    .details = "SUBJECT is a tool without its rnn- (varmem, fixedpts, lowrank, geometry, transfer, rollout, run, train): its tables, summed up over networks.\n"
               "Several FILEs are taken together.",
    .opts = options, .max_args = SIZE_MAX, .version = tool_version,
};

/* Options that belong to some modes only; 1 << mode. */
#define M(x) (1u << (x))
static const struct { const char *name; unsigned modes; const char *why; } belongs[] = {
    {"table", M(TEXT) | M(PLOT), "outside text and plot"}, {"filter", M(TEXT) | M(TSV) | M(PLOT) | M(FIGURE), "outside text, tsv, plot and figure"},
    {"rows", M(TEXT) | M(SUBJECT), "outside text"}, {"width", M(TEXT) | M(SUBJECT), "outside text"},
    {"claims", M(PAGE), "without page"}, {"link", M(PAGE), "without page"}, {"data", M(PAGE), "without page"}, {"scale", M(CLAIMS) | M(PAGE), "without claims or page"}, {"require", M(CLAIMS), "without claims"}, {"text", M(CLAIMS), "without claims"}, {"seed", M(CLAIMS) | M(PAGE), "without claims or page"},
    {"format", M(FIGURE) | M(PLOT), "without figure or plot"}, {"title", M(FIGURE) | M(PLOT), "without figure or plot"},
    {"style", M(PLOT), "without plot"}, {"x", M(PLOT), "without plot"}, {"y", M(PLOT), "without plot"}, {"z", M(PLOT), "without plot"},
    {"group", M(PLOT), "without plot"}, {"facet", M(PLOT), "without plot"}, {"log-x", M(PLOT), "without plot"}, {"log-y", M(PLOT), "without plot"},
    {"bins", M(PLOT), "without plot"}};

/* Reads the first words; *first: the first argument that is a file. */
static enum mode choose_mode(const struct cli_parse *p, const char **word, size_t *first)
{
    enum mode mode = TEXT;
    const char *given = cli_n_args(p) ? cli_arg(p, 0) : "";
    *first = 0;
    *word = given;
    if (rnn_text_subject_table(given, 0)) mode = SUBJECT, *first = 1;
    for (size_t i = 0; i < RNN_LEN(commands); i++) {
        if (strcmp(given, commands[i].name)) continue;
        mode = commands[i].mode;
        *first = 1;
        if (!commands[i].word) continue;
        if (cli_n_args(p) < 2) cli_die(2, "%s: which? It takes %s", given, commands[i].word);
        *word = cli_arg(p, 1);
        *first = 2;
    }
    if (!*first && *given) tool_file_or_word(given, "text, tsv, claims, figures, figure, plot, page, index, or a tool without its rnn-");
    for (size_t i = 0; i < RNN_LEN(belongs); i++)
        if (!(belongs[i].modes & M(mode))) cli_refuse(p, belongs[i].name, belongs[i].why);
    if (mode == TEXT && !opt.table) cli_refuse(p, "filter", "without --table");
    return mode;
}

/* ---- the input ---- */

static struct input {
    struct rnn_gathered g;
    struct rnn_reader **r; /* kept open until the end: provenance asks them for heads and digests */
    size_t n, cap;
} in;

static void read_input(const struct cli_parse *p, size_t first, const struct rnn_gather_want *want)
{
    struct rnn_err err;
    const size_t n_args = cli_n_args(p);
    for (size_t i = first; i < n_args || i == first; i++) {
        if (rnn_grow(&in.r, &in.cap, in.n + 1, sizeof *in.r, &err) < 0) cli_die_err(&err);
        struct rnn_reader *r = in.r[in.n++] = tool_open_input(&tool, i < n_args ? cli_arg(p, i) : NULL, &common);
        const int rc = rnn_gather(&in.g, r, want, &err);
        const char *culprit = rnn_reader_last_tool(r);
        if (rc == RNN_ERR_TRUNCATED && *culprit) cli_die(1, "%s: %s stopped early", err.msg, culprit);
        if (rc < 0) cli_die_err(&err);
    }
}

static void release_input(void)
{
    for (size_t i = 0; i < in.n; i++) rnn_reader_close(in.r[i]);
    free(in.r);
    rnn_gathered_release(&in.g);
}

static const struct rnn_gtable *find_table(const char *name)
{
    const struct rnn_gtable *t = rnn_gathered_table(&in.g, name);
    const char *maker = rnn_text_maker(name);
    if (!t && maker) cli_die(1, "no table '%s' in the input: %s writes it", name, maker);
    if (!t) cli_die(1, "no table '%s' in the input: 'rnn-cat info' lists what is there", name);
    return t;
}

static bool *filtered(const struct rnn_gtable *t)
{
    struct rnn_err err;
    bool *keep = rnn_alloc(t->rows + 1, sizeof *keep);
    if (!keep) cli_die(1, "out of memory");
    if (rnn_gtable_filter(t, opt.filter, keep, &err) < 0) cli_die(2, "--filter: %s", err.msg);
    return keep;
}

/* ---- text ---- */

static void put_arrays(FILE *out)
{
    for (size_t i = 0; i < in.g.n_arrays; i++) {
        const struct rnn_garray *a = &in.g.array[i];
        size_t same = 1;
        while (i + same < in.g.n_arrays && !strcmp(in.g.array[i + same].name, a->name)) same++;
        fprintf(out, "array %s:", a->name);
        for (int k = 0; k < a->value.ndim; k++) fprintf(out, " %s %zu", a->dims[k] ? a->dims[k] : "axis", a->value.shape[k]);
        fprintf(out, same > 1 ? "; %zu of them\n" : "%.0zu\n", same > 1 ? same : (size_t)0);
        i += same - 1;
    }
}

static int run_text(const char *only, bool summary)
{
    FILE *out = tool_open_text(&common);
    const struct rnn_text_style style = {.rows = opt.rows, .width = opt.width};
    struct rnn_err err;
    size_t shown = 0;
    for (size_t i = 0; i < in.g.n_tables; i++) {
        const struct rnn_gtable *t = &in.g.table[i];
        if ((only && strcmp(only, t->name)) || !t->rows) continue;
        bool *keep = only ? filtered(t) : NULL;
        if (shown++) putc('\n', out);
        if ((summary ? rnn_text_summary : rnn_text_table)(out, t, keep, &style, &err) < 0) cli_die_err(&err);
        free(keep);
    }
    if (!only && !summary) put_arrays(out);
    if (only && !shown) find_table(only);
    if (!shown && !in.g.n_arrays) cli_die(1, "no tables and no arrays in the input: nothing to show (rnn-cat info lists what is there)");
    tool_close_text(out);
    return 0;
}

static int run_subject(const char *subject)
{
    FILE *out = tool_open_text(&common);
    const struct rnn_text_style style = {.rows = opt.rows, .width = opt.width};
    struct rnn_err err;
    const char *name;
    size_t shown = 0;
    for (size_t i = 0; (name = rnn_text_subject_table(subject, i)); i++) {
        const struct rnn_gtable *t = rnn_gathered_table(&in.g, name);
        if (!t) continue;
        if (shown++) putc('\n', out);
        if (rnn_text_summary(out, t, NULL, &style, &err) < 0) cli_die_err(&err);
    }
    if (!shown) cli_die(1, "%s: none of its tables is in the input: %s writes them", subject, rnn_text_maker(rnn_text_subject_table(subject, 0)));
    tool_close_text(out);
    return 0;
}

static int run_tsv(const char *name)
{
    struct rnn_err err;
    const struct rnn_gtable *t = find_table(name);
    bool *keep = filtered(t);
    FILE *out = tool_open_text(&common);
    if (rnn_text_tsv(out, t, keep, &err) < 0) cli_die_err(&err);
    free(keep);
    tool_close_text(out);
    return 0;
}

/* ---- claims ---- */

static int claims_table(const struct rnn_claims *c, struct rnn_table **t, struct rnn_err *err)
{
    static const char *const texts[] = {"id", "statement", "basis"}, *const numbers[] = {"measured", "lo", "hi", "expected_lo", "expected_hi"};
    RNN_TRY(rnn_table_new(t, "claims", err));
    for (size_t i = 0; i < RNN_LEN(texts); i++) RNN_TRY(rnn_table_col(*t, texts[i], RNN_KV_STR, NULL, NULL, err));
    for (size_t i = 0; i < RNN_LEN(numbers); i++) RNN_TRY(rnn_table_col(*t, numbers[i], RNN_KV_REAL, NULL, NULL, err));
    RNN_TRY(rnn_table_col(*t, "n", RNN_KV_INT, NULL, "rows or pairs it rests on", err));
    RNN_TRY(rnn_table_col(*t, "verdict", RNN_KV_STR, NULL, "pass, fail, measured, not-tested", err));
    RNN_TRY(rnn_table_col(*t, "why", RNN_KV_STR, NULL, "why it was not tested", err));
    for (size_t i = 0; i < c->n; i++) {
        const struct rnn_claim *k = &c->v[i];
        const char *const words[] = {k->id, k->statement, k->basis};
        const double values[] = {k->measured, k->lo, k->hi, k->expected_lo, k->expected_hi};
        for (size_t j = 0; j < RNN_LEN(texts); j++) rnn_table_set_str(*t, texts[j], words[j]);
        for (size_t j = 0; j < RNN_LEN(numbers); j++) rnn_table_set(*t, numbers[j], values[j]);
        rnn_table_set_int(*t, "n", (int64_t)k->n);
        rnn_table_set_str(*t, "verdict", k->verdict);
        rnn_table_set_str(*t, "why", k->why ? k->why : "");
        rnn_table_row(*t);
    }
    return RNN_OK;
}

/* A segment of its own: the first input's chain, the others named as further inputs. */
static void write_claims(const struct cli_parse *p, const struct rnn_claims *c)
{
    struct rnn_err err;
    struct rnn_kvs given = {0}, build = {0};
    struct rnn_prov_input *more = rnn_alloc(in.n + 1, sizeof *more);
    struct rnn_table *t = NULL;
    struct rnn_writer *w = tool_open_output(&common);
    if (!more || cli_options(p, &given, &err) < 0 || tool_build(&build, "double", &err) < 0) cli_die_err(&err);
    for (size_t i = 1; i < in.n; i++) more[i - 1] = (struct rnn_prov_input){"input", rnn_reader_digest(in.r[i]), rnn_reader_head(in.r[i])};
    if (rnn_writer_head_inputs(w, rnn_reader_head(in.r[0]), tool.name, &given, &build, more, in.n - 1, &err) < 0) tool_fail(w, NULL, &err);
    if (claims_table(c, &t, &err) < 0 || rnn_table_write(t, w, NULL, NULL, &err) < 0 || rnn_writer_end(w, 0, &err) < 0) tool_fail(w, NULL, &err);
    rnn_table_free(t);
    tool_close_output(w);
    rnn_kvs_release(&given);
    rnn_kvs_release(&build);
    free(more);
}

static int run_claims(const struct cli_parse *p, const char *path)
{
    struct rnn_claims c = {0};
    struct rnn_err err;
    uint64_t missed = 0;
    if (rnn_claims_read(path, &c, &err) < 0) cli_die(1, "claims: %s", err.msg);
    if (rnn_claims_measure(&c, &in.g, opt.scale, common.seed, &err) < 0) cli_die(1, "%s: %s", path, err.msg);
    for (size_t i = 0; i < c.n; i++)
        missed += (opt.require != REQUIRE_NONE && !strcmp(c.v[i].verdict, "fail")) || (opt.require == REQUIRE_ALL && !strcmp(c.v[i].verdict, "not-tested"));
    if (opt.text) {
        FILE *out = tool_open_text(&common);
        if (rnn_text_claims(out, &c, &err) < 0) cli_die_err(&err);
        tool_close_text(out);
    } else {
        write_claims(p, &c);
    }
    if (missed) cli_warn("--require: %" PRIu64 " of %zu claims do not hold", missed, c.n);
    rnn_claims_release(&c);
    return tool_end(missed);
}

/* ---- pages ---- */

/* Length of the output's folder with its slash; 0: this one. */
static size_t output_folder(void)
{
    const char *slash = common.output ? strrchr(common.output, '/') : NULL;
    return slash ? (size_t)(slash - common.output) + 1 : 0;
}

/* A path as the output can link to it, when both were given from the same place. */
static const char *beside_output(const char *path)
{
    const size_t folder = output_folder();
    return path + (folder && !strncmp(path, common.output, folder) ? folder : 0);
}

static int run_page(const char *story)
{
    static const char *const scales[] = {"demo", "reduced", "full"};
    struct rnn_claims c = {0};
    struct rnn_err err;
    size_t missing;
    if (opt.claims && rnn_claims_read(opt.claims, &c, &err) < 0) cli_die(1, "--claims: %s", err.msg);
    if (opt.claims && rnn_claims_measure(&c, &in.g, opt.scale, common.seed, &err) < 0) cli_die(1, "%s: %s", opt.claims, err.msg);
    if (opt.data && mkdir(opt.data, 0777) && errno != EEXIST) cli_die(1, "--data: cannot make '%s': %s", opt.data, strerror(errno));
    const size_t folder = output_folder();
    char *const at = folder ? rnn_asprintf("%.*s", (int)folder, common.output) : NULL;
    const struct rnn_page page = {.story = story, .claims = opt.claims ? &c : NULL, .scale = scales[opt.scale], .index = opt.link,
                                  .folder = at, .data = opt.data, .data_link = opt.data ? beside_output(opt.data) : NULL};
    FILE *out = tool_open_text(&common);
    if (rnn_page_write(&page, &in.g, out, &missing, &err) < 0) cli_die_err(&err);
    tool_close_text(out);
    if (missing) cli_warn("%s: %zu of its figures and claims are not on the page, which says why", story, missing);
    rnn_claims_release(&c);
    free(at);
    return 0;
}

/* Links go from the folder of the output, which holds the pages or their folders: names as they were given. */
static int run_index(const struct cli_parse *p, size_t first)
{
    const size_t n = cli_n_args(p) - first;
    const char **pages = rnn_alloc(n + 1, sizeof *pages), **links = rnn_alloc(n + 1, sizeof *links);
    struct rnn_err err;
    if (!pages || !links) cli_die(1, "out of memory");
    if (!n) cli_die(2, "index: of which pages?");
    for (size_t i = 0; i < n; i++) {
        pages[i] = cli_arg(p, first + i);
        links[i] = beside_output(pages[i]);
    }
    FILE *out = tool_open_text(&common);
    if (rnn_page_index(pages, links, n, out, &err) < 0) cli_die_err(&err);
    tool_close_text(out);
    free(pages);
    free(links);
    return 0;
}

/* ---- figures ---- */

static enum rnn_figure_format format_of(void)
{
    static const char *const ends[] = {"svg", "pdf", "png"};
    if (opt.format != FORMAT_AUTO) return (enum rnn_figure_format)(opt.format - 1);
    const char *dot = common.output ? strrchr(common.output, '.') : NULL;
    for (int i = 0; dot && i < 3; i++)
        if (!strcmp(dot + 1, ends[i])) return (enum rnn_figure_format)i;
    if (dot && !strchr(dot, '/')) cli_die(2, "-o: '%s' ends in none of .svg .pdf .png: say --format", common.output);
    return RNN_FIGURE_SVG;
}

static int write_figure(struct rnn_figure *f)
{
    const enum rnn_figure_format format = format_of();
    unsigned char *bytes = NULL;
    size_t len;
    struct rnn_err err;
    if (opt.title) rnn_figure_title(f, "%s", opt.title);
    if (format != RNN_FIGURE_SVG && !common.output && !common.force && isatty(STDOUT_FILENO)) cli_die(2, "standard output is a terminal: give -o FILE (or -f)");
    if (rnn_figure_render(f, format, &bytes, &len, &err) < 0) cli_die_err(&err);
    FILE *out = tool_open_text(&common);
    fwrite(bytes, 1, len, out);
    tool_close_text(out);
    free(bytes);
    rnn_figure_release(f);
    return 0;
}

static int run_figure(const char *name)
{
    const struct rnn_named_figure *n = rnn_figures_find(name);
    struct rnn_figure f;
    struct rnn_err err;
    struct rnn_gathered some = {0};
    if (opt.filter && rnn_gathered_filter(&in.g, opt.filter, &some, &err) < 0) cli_die(2, "--filter: %s", err.msg);
    if (rnn_figures_draw(n, opt.filter ? &some : &in.g, &f, &err) < 0) cli_die(1, "%s", err.msg);
    const int status = write_figure(&f);
    rnn_gathered_unfilter(&some);
    return status;
}

static int run_plot(void)
{
    const struct rnn_plot plot = {.name = "plot", .title = opt.title ? opt.title : opt.table, .table = opt.table, .x = opt.x, .y = opt.y, .z = opt.z, .group = opt.group,
                                  .facet = opt.facet, .filter = opt.filter, .style = (enum rnn_plot_style)opt.style, .log_x = opt.log_x, .log_y = opt.log_y,
                                  .bins = opt.bins};
    struct rnn_figure f;
    struct rnn_err err;
    find_table(opt.table);
    rnn_figure_init(&f, "plot");
    if (rnn_plot_draw(&plot, &in.g, &f, &err) < 0) cli_die(2, "%s", err.msg);
    return write_figure(&f);
}

/* Without files: all names.  With them: also whether the figure can be drawn from them. */
static int run_list(bool from_input)
{
    FILE *out = tool_open_text(&common);
    for (size_t i = 0; i < rnn_figures_n(); i++) {
        const struct rnn_named_figure *n = rnn_figures_at(i);
        char missing[80];
        if (!from_input) fprintf(out, "%-24s %s (%s; %s)\n", n->name, n->title, n->needs, n->maker);
        else if (rnn_figures_possible(n, &in.g, missing)) fprintf(out, "%-24s yes  %s\n", n->name, n->title);
        else fprintf(out, "%-24s no   no %s: %s makes it\n", n->name, missing, n->maker);
    }
    tool_close_text(out);
    return 0;
}

static void check_words(enum mode mode, const char *word)
{
    if (mode == FIGURE && !rnn_figures_find(word)) cli_die(2, "figure: there is none called '%s': 'rnn-report figures' lists them", word);
    if (mode == PLOT && !opt.table) cli_die(2, "plot: of what? Give --table, and --x and --y");
    if (mode == PLOT && !opt.y) cli_die(2, "plot: --y is missing");
}

int main(int argc, char **argv)
{
    tool_begin(tool.name);
    struct cli_parse *p = cli_begin(&tool, CLI_WITH_SEED, &common, argc, argv);
    const char *word;
    size_t first;
    cli_apply(p, NULL);
    const enum mode mode = choose_mode(p, &word, &first);
    cli_print_config_if_asked(p);
    check_words(mode, word);
    const char *const one[] = {mode == TSV ? word : opt.table, NULL}, *const none[] = {NULL};
    const bool single = mode == TSV || mode == PLOT || (mode == TEXT && opt.table);
    const bool draws = mode == FIGURE || mode == LIST || mode == PAGE;
    const struct rnn_gather_want want = {single ? one : NULL, single ? none : NULL, mode == PAGE ? MOST_NETS : draws, draws};
    const bool has_input = mode != INDEX && (mode != LIST || cli_n_args(p) > first);
    if (has_input) read_input(p, first, &want);
    int status = 0;
    switch (mode) {
    case TEXT: status = run_text(opt.table, false); break;
    case SUBJECT: status = run_subject(word); break;
    case TSV: status = run_tsv(word); break;
    case CLAIMS: status = run_claims(p, word); break;
    case LIST: status = run_list(has_input); break;
    case FIGURE: status = run_figure(word); break;
    case PLOT: status = run_plot(); break;
    case PAGE: status = run_page(word); break;
    case INDEX: status = run_index(p, first); break;
    }
    release_input();
    cli_release_values(p);
    cli_end(p);
    return status ? status : tool_end(0);
}
