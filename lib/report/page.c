#include "report/page.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/mem.h"
#include "convert/named.h"
#include "report/figures.h"
#include "report/text.h"

void rnn_page_text(FILE *out, const char *s)
{
    for (; s && *s; s++) {
        const unsigned char c = (unsigned char)*s;
        if (c == '<') fputs("&lt;", out);
        else if (c == '>') fputs("&gt;", out);
        else if (c == '&') fputs("&amp;", out);
        else if (c == '"') fputs("&quot;", out);
        else if (c >= ' ' || c == '\n' || c == '\t') putc(c, out);
    }
}

/* ---- head and style ---- */

static const char STYLE[] =
    "body{font:17px/1.55 Georgia,'Times New Roman',serif;color:#1a1a1a;background:#fff;max-width:54rem;margin:0 auto;padding:1rem 1.2rem 4rem}\n"
    "h1{font-size:1.75rem;line-height:1.2;margin:1.2rem 0 .4rem}h2{font-size:1.3rem;margin:2.4rem 0 .5rem;border-bottom:1px solid #ccc;padding-bottom:.2rem}\n"
    ".question{font-size:1.15rem;font-style:italic;color:#333}.paper,.small{font-size:.85rem;color:#555}\n"
    "figure{margin:1.4rem 0;overflow-x:auto}figure svg{width:100%;height:auto;display:block}\n"
    "figcaption{font-size:.88rem;color:#333;margin-top:.3rem}figcaption a{white-space:nowrap}\n"
    ".missing{border:1px dashed #999;padding:.6rem .8rem;color:#555;font-size:.9rem}\n"
    ".claim{border-left:6px solid #888;padding:.35rem .8rem;margin:.7rem 0;background:#f6f6f4;break-inside:avoid}\n"
    ".claim p{margin:.1rem 0}.claim .what{font-size:.86rem;color:#444}.pass{border-color:#009E73}.measured{border-color:#0072B2}.fail{border-color:#D55E00}\n"
    ".verdict{font-weight:bold;font-variant:small-caps;margin-right:.4rem}.pass .verdict{color:#00694d}.fail .verdict{color:#a34700}.measured .verdict{color:#005a8e}.not-tested .verdict{color:#555}\n"
    "pre{background:#f6f6f4;padding:.7rem;overflow-x:auto;font-size:.78rem;line-height:1.4;white-space:pre-wrap;overflow-wrap:anywhere}\n"
    "table{border-collapse:collapse;font-size:.88rem}td,th{text-align:left;padding:.2rem .8rem .2rem 0;border-bottom:1px solid #ddd;vertical-align:top}\n"
    ".wide{overflow-x:auto}a{color:#005a8e}summary{cursor:pointer;overflow-wrap:anywhere}details details{margin-left:1.2rem}\n"
    "figcaption{position:sticky;left:0}.whole,.legible{display:none}\n"
    "@media(max-width:600px){body{font-size:16px;padding:.6rem .8rem 3rem}h1{font-size:1.35rem}figure svg{min-width:calc(var(--w,0px)*.75)}.whole{display:inline}"
    "figure:target svg{min-width:0}figure:target .whole{display:none}figure:target .legible{display:inline}}\n"
    "@media(min-width:1100px){figure{width:min(1260px,92vw);margin-left:calc(50% - min(630px,46vw))}figure svg{margin:0 auto}figcaption{max-width:54rem;margin:.3rem auto 0}}\n"
    "@media print{body{max-width:none;font-size:10.5pt;padding:0}figure{break-inside:avoid;overflow:visible;width:auto;margin:1rem 0}figure svg{min-width:0}h2{break-after:avoid}"
    "pre{white-space:pre-wrap}a{color:inherit}details>*{display:block}}\n";

static int finish(FILE *out, struct rnn_err *err)
{
    errno = 0;
    return fflush(out) || ferror(out) ? rnn_fail(err, RNN_ERR_IO, "cannot write the page: %s", strerror(errno ? errno : EIO)) : RNN_OK;
}

static void put_head(FILE *out, const char *title, const char *style)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>", out);
    rnn_page_text(out, title);
    fprintf(out, "</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>\n%s%s</style>\n</head>\n<body>\n", STYLE, style);
}

/* ---- the story ---- */

struct story { char **line; size_t n, cap; };

static int read_story(const char *path, struct story *s, struct rnn_err *err)
{
    FILE *f = fopen(path, "r");
    if (!f) return rnn_fail(err, RNN_ERR_IO, "cannot open '%s': %s", path, strerror(errno));
    char *line = NULL;
    size_t cap = 0;
    int rc = RNN_OK;
    while (rc >= 0 && getline(&line, &cap, f) >= 0) {
        line[strcspn(line, "\r\n")] = 0;
        rc = rnn_grow(&s->line, &s->cap, s->n + 1, sizeof *s->line, err);
        if (rc >= 0 && !(s->line[s->n++] = rnn_strdup(line))) rc = rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    }
    if (rc >= 0 && ferror(f)) rc = rnn_fail(err, RNN_ERR_IO, "cannot read '%s': %s", path, strerror(errno));
    free(line);
    fclose(f);
    return rc;
}

static void release_story(struct story *s)
{
    for (size_t i = 0; i < s->n; i++) free(s->line[i]);
    free(s->line);
}

/* What follows "@word " on the first line that begins so; "" when there is none. */
static const char *said(const struct story *s, const char *word)
{
    const size_t len = strlen(word);
    for (size_t i = 0; i < s->n; i++)
        if (s->line[i][0] == '@' && !strncmp(s->line[i] + 1, word, len) && s->line[i][1 + len] == ' ') return s->line[i] + len + 2;
    return "";
}

struct context {
    const struct rnn_page *p;
    const struct rnn_gathered *g;
    FILE *out, *style; /* body, and what its figures add to the style sheet */
    size_t figures, missing;
    bool open; /* a paragraph */
};

static void end_paragraph(struct context *c)
{
    if (c->open) fputs("</p>\n", c->out);
    c->open = false;
}

/* ---- figures ---- */

static bool has_data(const struct rnn_gathered *g, const char *kind, const char *name)
{
    if (!strcmp(kind, "table")) return rnn_gathered_table(g, name) != NULL;
    for (size_t i = 0; !strcmp(kind, "array") && i < g->n_arrays; i++)
        if (!strcmp(g->array[i].name, name)) return true;
    return false;
}

/* needs: "KIND NAME[|NAME...], ..." as in report/figures.h; of alternatives the first that is there. */
static void put_data_links(struct context *c, const char *needs)
{
    size_t said = 0;
    for (const char *at = needs; *at;) {
        char kind[16] = "", names[64] = "", *rest = names;
        sscanf(at, "%15s %63[^,]", kind, names);
        for (char *name; (name = strsep(&rest, "|"));) {
            if (!has_data(c->g, kind, name)) continue;
            fprintf(c->out, "%s<a href=\"#data-%s\">%s</a>", said++ ? ", " : " Data: ", name, name);
            break;
        }
        at += strcspn(at, ",");
        at += *at == ',';
    }
    if (said) putc('.', c->out);
}

static void put_missing(struct context *c, const char *name, const char *why)
{
    c->missing++;
    fputs("<p class=\"missing\">Figure ", c->out);
    rnn_page_text(c->out, name);
    fputs(" is not here: ", c->out);
    rnn_page_text(c->out, why);
    fputs(".</p>\n", c->out);
}

static double width_of(const char *svg)
{
    const char *box = strstr(svg, "viewBox=\"0 0 ");
    return box ? strtod(box + 13, NULL) : 0;
}

enum { PHONE = 480 }; /* what is wider is drawn at three quarters of its size there, where words can be read, and goes over the edge */

static void put_size_links(FILE *out, size_t figure, double width)
{
    if (width > PHONE)
        fprintf(out, "<span class=\"whole\"> Wider than the screen: scroll, or <a href=\"#figure-%zu\">see it whole</a>.</span>"
                "<span class=\"legible\"> <a href=\"#caption-%zu\">See it larger</a>.</span>", figure, figure);
}

/* The SVG without its XML head, so that it can stand within HTML, and with a name for those who cannot see it.  Returns its width. */
static double put_svg(FILE *out, const char *svg, const char *label)
{
    const char *at = strstr(svg, "<svg");
    const double width = width_of(svg);
    if (!at) return width;
    if (width > 0) fprintf(out, "<svg style=\"max-width:%.0fpx;--w:%.0fpx\" role=\"img\" aria-label=\"", width, width);
    else fputs("<svg role=\"img\" aria-label=\"", out);
    rnn_page_text(out, label);
    putc('"', out);
    fputs(at + 4, out);
    return width;
}

static int put_figure(struct context *c, struct rnn_figure *f, const char *needs, const char *words, struct rnn_err *err)
{
    unsigned char *svg = NULL;
    size_t len;
    char *own = rnn_asprintf("fig%zu-%s", ++c->figures, f->name);
    if (!own) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    free(f->name);
    f->name = own;
    RNN_TRY(rnn_figure_render(f, RNN_FIGURE_SVG, &svg, &len, err));
    char *text = rnn_asprintf("%.*s", (int)len, (const char *)svg);
    free(svg);
    if (!text) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    fprintf(c->out, "<figure id=\"figure-%zu\">\n", c->figures);
    const double width = put_svg(c->out, text, f->title ? f->title : f->name);
    fprintf(c->out, "<figcaption id=\"caption-%zu\"><strong>Figure %zu.</strong> ", c->figures, c->figures);
    rnn_page_text(c->out, *words ? words : f->title);
    put_data_links(c, needs);
    put_size_links(c->out, c->figures, width);
    fputs("</figcaption>\n</figure>\n", c->out);
    free(text);
    return RNN_OK;
}

/* NAME [filter=...] [WORDS] */
static int put_named(struct context *c, const char *line, struct rnn_err *err)
{
    char name[64] = "", filter[256] = "";
    int used = 0, more = 0;
    sscanf(line, "%63s%n filter=%255s%n", name, &used, filter, &more);
    if (more) used = more;
    const struct rnn_named_figure *n = rnn_figures_find(name);
    if (!n) return rnn_fail(err, RNN_ERR_FORMAT, "%s: there is no figure '%s'", c->p->story, name);
    struct rnn_figure f;
    struct rnn_gathered some = {0};
    int rc = *filter ? rnn_gathered_filter(c->g, filter, &some, err) : RNN_OK;
    if (rc < 0) rnn_figure_init(&f, name);
    else rc = rnn_figures_draw(n, *filter ? &some : c->g, &f, err);
    const char *words = line + used + strspn(line + used, " ");
    if (rc == RNN_ERR_ARG) put_missing(c, name, err->msg), rc = RNN_OK;
    else if (rc >= 0) rc = put_figure(c, &f, n->needs, words, err);
    rnn_figure_release(&f);
    if (*filter) rnn_gathered_unfilter(&some);
    return rc;
}

/* "key=value" words until " : "; values hold no spaces but for title, which goes on to the next key or the end. */
static int parse_plot(struct context *c, char *text, struct rnn_plot *plot, struct rnn_err *err)
{
    static const char *const styles[] = {"lines", "points", "bars", "shares", "heat", "histogram"};
    const struct { const char *key; const char **to; } keys[] = {{"table", &plot->table}, {"x", &plot->x}, {"y", &plot->y}, {"z", &plot->z}, {"group", &plot->group},
        {"facet", &plot->facet}, {"filter", &plot->filter}, {"xlabel", &plot->xlabel}, {"ylabel", &plot->ylabel}, {"title", &plot->title}};
    for (char *word; (word = strsep(&text, " "));) {
        char *value = strchr(word, '=');
        bool known = !*word;
        if (!strcmp(word, "log-x")) plot->log_x = known = true;
        if (!strcmp(word, "log-y")) plot->log_y = known = true;
        if (value) *value++ = 0;
        for (size_t i = 0; value && i < RNN_LEN(keys); i++)
            if (!strcmp(word, keys[i].key)) *keys[i].to = value, known = true;
        for (size_t i = 0; value && !strcmp(word, "style") && i < RNN_LEN(styles); i++)
            if (!strcmp(value, styles[i])) plot->style = (enum rnn_plot_style)i, known = true;
        for (char *u = value; value && *u && (!strcmp(word, "title") || !strcmp(word, "xlabel") || !strcmp(word, "ylabel")); u++)
            if (*u == '_') *u = ' ';
        if (!known) return rnn_fail(err, RNN_ERR_FORMAT, "%s: @plot: what is '%s'?", c->p->story, word);
    }
    return plot->table && plot->y ? RNN_OK : rnn_fail(err, RNN_ERR_FORMAT, "%s: @plot needs table= and y=", c->p->story);
}

/* RNN_ERR_ARG: no rows to draw. */
static int any_rows(const struct rnn_gathered *g, const struct rnn_plot *plot, struct rnn_err *err)
{
    const struct rnn_gtable *t = rnn_gathered_table(g, plot->table);
    bool *keep = NULL, any = !t || !plot->filter;
    if (any) return RNN_OK;
    RNN_TRY(rnn_alloc_into(&keep, t->rows, sizeof *keep, err));
    const int rc = rnn_gtable_filter(t, plot->filter, keep, err);
    for (size_t i = 0; i < t->rows; i++) any |= keep[i];
    free(keep);
    return rc < 0 ? rc : any ? RNN_OK : rnn_fail(err, RNN_ERR_ARG, "table %s has no rows with %s here", t->name, plot->filter);
}

static int put_plot(struct context *c, const char *line, struct rnn_err *err)
{
    struct rnn_plot plot = {.name = "plot"};
    struct rnn_figure f;
    char *text = rnn_strdup(line), *words = text ? strstr(text, " : ") : NULL, needs[80];
    if (!text) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    if (words) *words = 0, words += 3;
    int rc = parse_plot(c, text, &plot, err);
    rnn_figure_init(&f, "plot");
    if (rc >= 0) {
        snprintf(needs, sizeof needs, "table %s", plot.table);
        if (!plot.title) plot.title = plot.table;
        rc = any_rows(c->g, &plot, err);
        if (rc >= 0) rc = rnn_plot_draw(&plot, c->g, &f, err);
        if (rc == RNN_ERR_ARG) put_missing(c, plot.table, err->msg), rc = RNN_OK;
        else if (rc >= 0) rc = put_figure(c, &f, needs, words ? words : "", err);
    }
    rnn_figure_release(&f);
    free(text);
    return rc;
}

static int put_moving(struct context *c, const char *words, struct rnn_err *err)
{
    char *html = NULL;
    size_t len;
    FILE *into = open_memstream(&html, &len);
    if (!into) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    int rc = rnn_page_behaviours(c->g, into, c->style, err);
    fclose(into);
    if (rc == RNN_ERR_ARG) put_missing(c, "behaviours", err->msg), rc = RNN_OK;
    else if (rc >= 0) {
        const size_t number = ++c->figures;
        fprintf(c->out, "<figure class=\"behaviours\" id=\"figure-%zu\">\n%s<figcaption id=\"caption-%zu\"><strong>Figure %zu.</strong> ", number, html, number, number);
        rnn_page_text(c->out, words);
        put_size_links(c->out, number, width_of(html));
        fputs("</figcaption>\n</figure>\n", c->out);
    }
    free(html);
    return rc;
}

/* ---- claims ---- */

static void put_expected(FILE *out, const struct rnn_claim *k)
{
    const bool lo = !isnan(k->expected_lo), hi = !isnan(k->expected_hi);
    if (lo && hi) fprintf(out, "expected %.4g to %.4g", k->expected_lo, k->expected_hi);
    else if (lo) fprintf(out, "expected at least %.4g", k->expected_lo);
    else if (hi) fprintf(out, "expected at most %.4g", k->expected_hi);
    else fputs("no expectation stated", out);
}

static void put_claim(FILE *out, const struct rnn_claim *k)
{
    fprintf(out, "<div class=\"claim %s\">\n<p><span class=\"verdict\">%s</span>", k->verdict, !strcmp(k->verdict, "not-tested") ? "not tested" : k->verdict);
    rnn_page_text(out, k->statement);
    fputs("</p>\n<p class=\"what\">", out);
    rnn_page_text(out, k->id);
    fputs(": ", out);
    if (!isnan(k->measured)) {
        fprintf(out, "measured %.4g", k->measured);
        if (!isnan(k->lo)) fprintf(out, " (95 %% interval %.4g to %.4g)", k->lo, k->hi);
        fprintf(out, ", n = %zu; ", k->n);
    }
    if (k->why) {
        rnn_page_text(out, k->why);
        fputs("; ", out);
    }
    put_expected(out, k);
    fputs("; rests on: ", out);
    rnn_page_text(out, k->basis);
    fputs("</p>\n</div>\n", out);
}

/* ids: separated by spaces; "" for all. An id that ends in * stands for all that begin so. */
static int put_claims(struct context *c, const char *ids, struct rnn_err *err)
{
    const struct rnn_claims *all = c->p->claims;
    char *text = rnn_strdup(ids), *rest = text;
    if (!text) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    for (size_t i = 0; all && !*ids && i < all->n; i++) put_claim(c->out, &all->v[i]);
    for (char *id; *ids && (id = strsep(&rest, " "));) {
        const size_t len = strlen(id), stem = len && id[len - 1] == '*' ? len - 1 : 0;
        bool found = !*id || !all;
        for (size_t i = 0; *id && all && i < all->n; i++)
            if (stem ? !strncmp(all->v[i].id, id, stem) : !strcmp(all->v[i].id, id)) put_claim(c->out, &all->v[i]), found = true;
        if (found) continue;
        c->missing++;
        fputs("<p class=\"missing\">No claim is called ", c->out);
        rnn_page_text(c->out, id);
        fputs(".</p>\n", c->out);
    }
    free(text);
    return RNN_OK;
}

static size_t count_verdicts(const struct rnn_claims *c, const char *verdict)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++) n += !strcmp(c->v[i].verdict, verdict);
    return n;
}

/* ---- files beside the page ---- */

/* PATH [WORDS]: a link with the file's size. */
static int put_beside(struct context *c, const char *line, struct rnn_err *err)
{
    char name[256] = "";
    int used = 0;
    struct stat st;
    sscanf(line, "%255s%n", name, &used);
    char *path = rnn_asprintf("%s%s", c->p->folder ? c->p->folder : "", name);
    if (!path) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    const bool there = !stat(path, &st);
    free(path);
    fputs(there ? "<p><a href=\"" : "<p class=\"missing\">There is no file ", c->out);
    c->missing += !there;
    rnn_page_text(c->out, name);
    if (there) fputs("\">", c->out), rnn_page_text(c->out, name), fprintf(c->out, "</a> (%.1f MB, a file beside this page)", (double)st.st_size / 1e6);
    if (line[used]) fputs(": ", c->out);
    rnn_page_text(c->out, line + used + strspn(line + used, " "));
    fputs("</p>\n", c->out);
    return RNN_OK;
}

/* ---- the page ---- */

static int put_line(struct context *c, const char *line, struct rnn_err *err)
{
    const struct { const char *word; int (*put)(struct context *, const char *, struct rnn_err *); } words[] = {
        {"@figure ", put_named}, {"@plot ", put_plot}, {"@claims ", put_claims}, {"@file ", put_beside}};
    if (*line != '@') {
        if (!*line) return end_paragraph(c), RNN_OK;
        fputs(c->open ? "\n" : "<p>", c->out);
        c->open = true;
        rnn_page_text(c->out, line);
        return RNN_OK;
    }
    end_paragraph(c);
    if (!strncmp(line, "@title ", 7) || !strncmp(line, "@question ", 10) || !strncmp(line, "@paper ", 7)) return RNN_OK;
    if (!strncmp(line, "@section ", 9)) {
        fputs("<h2>", c->out);
        rnn_page_text(c->out, line + 9);
        fputs("</h2>\n", c->out);
        return RNN_OK;
    }
    if (!strcmp(line, "@claims")) return put_claims(c, "", err);
    if (!strncmp(line, "@behaviours", 11)) return put_moving(c, line + 11 + strspn(line + 11, " "), err);
    for (size_t i = 0; i < RNN_LEN(words); i++)
        if (!strncmp(line, words[i].word, strlen(words[i].word))) return words[i].put(c, line + strlen(words[i].word), err);
    return rnn_fail(err, RNN_ERR_FORMAT, "%s: what is '%.40s'?", c->p->story, line);
}

static void put_opening(struct context *c, const struct story *s)
{
    const struct rnn_claims *claims = c->p->claims;
    if (c->p->index) {
        fputs("<p class=\"small\"><a href=\"", c->out);
        rnn_page_text(c->out, c->p->index);
        fputs("\">all studies</a></p>\n", c->out);
    }
    fputs("<h1>", c->out);
    rnn_page_text(c->out, said(s, "title"));
    fputs("</h1>\n<p class=\"question\">", c->out);
    rnn_page_text(c->out, said(s, "question"));
    fputs("</p>\n<p class=\"paper\">", c->out);
    rnn_page_text(c->out, said(s, "paper"));
    fputs("</p>\n", c->out);
    if (!claims) return;
    fputs("<p class=\"verdicts\">", c->out);
    if (c->p->scale) fprintf(c->out, "This is the study at %s scale.  ", c->p->scale);
    fprintf(c->out, "Of %zu claims, %zu pass and %zu fail", claims->n, count_verdicts(claims, "pass"), count_verdicts(claims, "fail"));
    if (count_verdicts(claims, "measured")) fprintf(c->out, "; measured, with nothing expected: %zu", count_verdicts(claims, "measured"));
    fprintf(c->out, "; not tested%s: %zu.</p>\n", c->p->scale ? " at this scale" : "", count_verdicts(claims, "not-tested"));
}

static int put_body(struct context *c, const struct story *s, struct rnn_err *err)
{
    put_opening(c, s);
    for (size_t i = 0; i < s->n; i++)
        if (s->line[i][0] != '#') RNN_TRY(put_line(c, s->line[i], err));
    end_paragraph(c);
    RNN_TRY(rnn_page_methods(c->g, c->out, err));
    return rnn_page_data(c->p, c->g, c->out, err);
}

int rnn_page_write(const struct rnn_page *p, const struct rnn_gathered *g, FILE *out, size_t *missing, struct rnn_err *err)
{
    struct story s = {0};
    char *body = NULL, *style = NULL;
    size_t len, style_len;
    struct context c = {.p = p, .g = g, .out = open_memstream(&body, &len), .style = open_memstream(&style, &style_len)};
    int rc = c.out && c.style ? read_story(p->story, &s, err) : rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    if (rc >= 0 && (!*said(&s, "title") || !*said(&s, "question"))) rc = rnn_fail(err, RNN_ERR_FORMAT, "%s: no @title or no @question", p->story);
    if (rc >= 0) rc = put_body(&c, &s, err);
    if (c.out) fclose(c.out);
    if (c.style) fclose(c.style);
    if (rc >= 0) {
        put_head(out, said(&s, "title"), style);
        fwrite(body, 1, len, out);
        fputs("</body>\n</html>\n", out);
        rc = finish(out, err);
    }
    *missing = c.missing;
    free(body);
    free(style);
    release_story(&s);
    return rc;
}

/* ---- the page of pages ---- */

/* What stands between `open` and the next `close` of a page of ours, as HTML; "" when it is not there (malloc'd). */
static char *between(const char *html, const char *open, const char *close)
{
    const char *at = strstr(html, open), *end = at ? strstr(at + strlen(open), close) : NULL;
    return end ? rnn_asprintf("%.*s", (int)(end - at - (ptrdiff_t)strlen(open)), at + strlen(open)) : rnn_strdup("");
}

int rnn_page_index(const char *const *pages, const char *const *links, size_t n, FILE *out, struct rnn_err *err)
{
    put_head(out, "Studies", "");
    fputs("<h1>Studies</h1>\n<p>Each page tells one study: its question, its figures, its claims with what was measured, the commands that made it, and the data.</p>\n", out);
    for (size_t i = 0; i < n; i++) {
        unsigned char *bytes = NULL;
        size_t len;
        RNN_TRY(rnn_slurp(pages[i], &bytes, &len, err));
        char *html = rnn_asprintf("%.*s", (int)len, (const char *)bytes);
        free(bytes);
        if (!html) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
        char *title = between(html, "<h1>", "</h1>"), *question = between(html, "<p class=\"question\">", "</p>");
        char *verdicts = between(html, "<p class=\"verdicts\">", "</p>"), *paper = between(html, "<p class=\"paper\">", "</p>");
        free(html);
        const bool ours = title && question && verdicts && paper && *title;
        if (ours) {
            fputs("<h2><a href=\"", out);
            rnn_page_text(out, links[i]);
            fprintf(out, "\">%s</a></h2>\n<p class=\"question\">%s</p>\n", title, question);
            if (*verdicts) fprintf(out, "<p>%s</p>\n", verdicts);
            if (*paper) fprintf(out, "<p class=\"paper\">%s</p>\n", paper);
        }
        free(title), free(question), free(verdicts), free(paper);
        if (!ours) return rnn_fail(err, RNN_ERR_FORMAT, "%s: not a page that rnn-report made", pages[i]);
    }
    fputs("</body>\n</html>\n", out);
    return finish(out, err);
}
