/* The end of a page: the pipelines of its data, and the data themselves. */
#include "report/page.h"

#include <libdeflate.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "convert/npz.h"
#include "io/outfile.h"
#include "report/plot.h"
#include "report/text.h"

/* ---- methods ---- */

/* Every setting of a pipeline stands in single quotes, 'key = value'.  Writes those that differ from the same stage of `other`, a pipeline of
 * the same tools: what sets this one apart. */
static void put_apart(FILE *out, const char *mine, const char *other)
{
    size_t said = 0;
    while (*mine && *other) {
        const size_t n = strcspn(mine, "\n"), m = strcspn(other, "\n");
        char *line = rnn_asprintf("%.*s", (int)m, other);
        for (const char *at = mine, *end; line && (at = memchr(at, '\'', (size_t)(mine + n - at))); at = end + 1) {
            end = memchr(at + 1, '\'', (size_t)(mine + n - at - 1));
            if (!end) break;
            char *entry = rnn_asprintf("%.*s", (int)(end + 1 - at), at);
            if (entry && strstr(entry, " = ") && !strstr(line, entry)) {
                entry[strlen(entry) - 1] = 0;
                fputs(said++ ? ", " : ": ", out);
                rnn_page_text(out, entry + 1);
            }
            free(entry);
        }
        free(line);
        mine += n + (mine[n] == '\n');
        other += m + (other[m] == '\n');
    }
}

struct methods { const char **text; char **brief; size_t *group, n; };

static int list_methods(const struct rnn_gathered *g, struct methods *m, struct rnn_err *err)
{
    RNN_TRY(rnn_alloc_into(&m->text, g->n_segments + 1, sizeof *m->text, err));
    RNN_TRY(rnn_alloc_into(&m->brief, g->n_segments + 1, sizeof *m->brief, err));
    RNN_TRY(rnn_alloc_into(&m->group, g->n_segments + 1, sizeof *m->group, err));
    for (size_t i = 0; i < g->n_segments; i++) {
        const char *mine = g->segment[i].pipeline;
        bool known = !mine || !*mine;
        for (size_t j = 0; j < m->n && !known; j++) known = !strcmp(m->text[j], mine);
        if (known) continue;
        m->text[m->n] = mine;
        m->brief[m->n] = rnn_pipeline_brief(mine);
        if (!m->brief[m->n]) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
        m->group[m->n] = m->n;
        for (size_t j = 0; j < m->n; j++)
            if (!strcmp(m->brief[j], m->brief[m->n])) m->group[m->n] = m->group[j];
        m->n++;
    }
    return RNN_OK;
}

static void put_pipeline(FILE *out, const struct methods *m, size_t i, size_t number)
{
    fprintf(out, "<details><summary>Pipeline %zu", number);
    if (m->group[i] == i) fputs(": ", out), rnn_page_text(out, m->brief[i]);
    else put_apart(out, m->text[i], m->text[m->group[i]]);
    fputs("</summary>\n<pre>", out);
    rnn_page_text(out, m->text[i]);
    fputs("</pre></details>\n", out);
}

/* Pipelines of the same tools stand together, each named by the settings in which it differs from the first of them. */
int rnn_page_methods(const struct rnn_gathered *g, FILE *out, struct rnn_err *err)
{
    struct methods m = {0};
    int rc = list_methods(g, &m, err);
    fputs("<h2 id=\"methods\">Methods</h2>\n<p>Everything on this page was computed by the commands below, with every setting and every seed, defaults "
          "included.  To make the data again, paste them into a shell (bash) that has the tools on its path.</p>\n", out);
    for (size_t i = 0, number = 0; rc >= 0 && i < m.n; i++) {
        size_t alike = 0;
        if (m.group[i] != i) continue;
        put_pipeline(out, &m, i, ++number);
        for (size_t j = i + 1; j < m.n; j++) alike += m.group[j] == i;
        if (alike) fprintf(out, "<details><summary>and %zu more of these commands, by what differs from pipeline %zu</summary>\n", alike, number);
        for (size_t j = i + 1; alike && j < m.n; j++)
            if (m.group[j] == i) put_pipeline(out, &m, j, ++number);
        if (alike) fputs("</details>\n", out);
    }
    for (size_t i = 0; m.brief && i < m.n; i++) free(m.brief[i]);
    free(m.text);
    free(m.brief);
    free(m.group);
    return rc;
}

/* ---- data ---- */

enum { MOST_EMBEDDED = 1 << 18 }; /* bytes of one file within the page */

struct file {
    const char *name, *suffix, *type;
    const void *p;
    size_t n;
    const char *instead; /* how to get it where it can stand nowhere, as HTML */
};

static void put_base64(FILE *out, const unsigned char *p, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        const unsigned v = (unsigned)p[i] << 16 | (i + 1 < n ? (unsigned)p[i + 1] << 8 : 0) | (i + 2 < n ? p[i + 2] : 0);
        putc(digits[v >> 18], out);
        putc(digits[v >> 12 & 63], out);
        putc(i + 1 < n ? digits[v >> 6 & 63] : '=', out);
        putc(i + 2 < n ? digits[v & 63] : '=', out);
    }
}

static int write_beside(const char *folder, const struct file *f, struct rnn_err *err)
{
    char *path = rnn_asprintf("%s/%s.%s", folder, f->name, f->suffix);
    const int rc = path ? rnn_outfile_put(path, f->p, f->n, err) : rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    free(path);
    return rc;
}

/* Within the page when it is small, beside it when there is a folder for that, else a word about how to make it. */
static int put_file(const struct rnn_page *page, FILE *out, const struct file *f, struct rnn_err *err)
{
    const double mb = (double)f->n / 1e6;
    if (f->n <= MOST_EMBEDDED) {
        fprintf(out, "<a download=\"%s.%s\" href=\"data:%s;base64,", f->name, f->suffix, f->type);
        put_base64(out, f->p, f->n);
        fprintf(out, "\">%s.%s</a> (%.0f kB)", f->name, f->suffix, ceil((double)f->n / 1e3));
    } else if (page->data) {
        RNN_TRY(write_beside(page->data, f, err));
        fputs("<a href=\"", out);
        rnn_page_text(out, page->data_link);
        fprintf(out, "/%s.%s\">%s.%s</a> (%.1f MB, a file beside this page)", f->name, f->suffix, f->name, f->suffix, mb);
    } else {
        fprintf(out, "%.1f MB: %s", mb, f->instead);
    }
    return RNN_OK;
}

/* Text shrinks to a tenth, so what is too large goes compressed; R, pandas and every decompressor read it. */
static int put_text_file(const struct rnn_page *page, FILE *out, struct file f, struct rnn_err *err)
{
    if (f.n <= MOST_EMBEDDED) return put_file(page, out, &f, err);
    struct libdeflate_compressor *z = libdeflate_alloc_compressor(6);
    const size_t most = z ? libdeflate_gzip_compress_bound(z, f.n) : 0;
    void *packed = z ? malloc(most) : NULL;
    char *suffix = rnn_asprintf("%s.gz", f.suffix);
    int rc = packed && suffix ? RNN_OK : rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    if (rc >= 0) {
        f.n = libdeflate_gzip_compress(z, f.p, f.n, packed, most);
        f.p = packed, f.suffix = suffix, f.type = "application/gzip";
        rc = put_file(page, out, &f, err);
    }
    if (z) libdeflate_free_compressor(z);
    free(packed);
    free(suffix);
    return rc;
}

static int put_table_data(const struct rnn_page *page, const struct rnn_gtable *t, FILE *out, struct rnn_err *err)
{
    char *tsv = NULL;
    size_t len;
    FILE *into = open_memstream(&tsv, &len);
    if (!into) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    int rc = rnn_text_tsv(into, t, NULL, err);
    fclose(into);
    char *instead = rnn_asprintf("<code>rnn-report tsv %s FILE.rnn</code> writes it", t->name);
    fprintf(out, "<tr id=\"data-%s\"><td>%s</td><td>table</td><td>%zu rows</td><td>", t->name, t->name, t->rows);
    if (rc >= 0) rc = put_text_file(page, out, (struct file){t->name, "tsv", "text/tab-separated-values", tsv, len, instead ? instead : ""}, err);
    fputs("</td></tr>\n", out);
    free(instead);
    free(tsv);
    return rc;
}

/* Copies of all arrays of one name: NET/NAME, or NAME when it is alone; a number after it where that is not enough. */
static int list_arrays(const struct rnn_gathered *g, size_t first, size_t n, struct rnn_named_list *list, struct rnn_err *err)
{
    const char *name = g->array[first].name;
    int rc = RNN_OK;
    for (size_t i = first, k = 0; rc >= 0 && i < g->n_arrays; i++) {
        const struct rnn_garray *a = &g->array[i];
        struct rnn_array copy = {0};
        if (strcmp(a->name, name)) continue;
        char *own = n == 1 ? rnn_strdup(name) : rnn_asprintf("%s/%s~%zu", a->net ? a->net : "all", name, ++k);
        rc = own ? rnn_array_new(&copy, a->value.dtype, a->value.ndim, a->value.shape, err) : rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
        if (rc >= 0) memcpy(copy.data, a->value.data, rnn_array_bytes(&copy));
        if (rc >= 0) rc = rnn_named_add(list, own, &copy, err);
        free(own);
    }
    return rc;
}

static int put_array_data(const struct rnn_page *page, const struct rnn_gathered *g, size_t first, FILE *out, struct rnn_err *err)
{
    const char *name = g->array[first].name;
    struct rnn_named_list list = {0};
    size_t n = 0, len = 0;
    char *npz = NULL;
    for (size_t i = first; i < g->n_arrays; i++) n += !strcmp(g->array[i].name, name);
    int rc = list_arrays(g, first, n, &list, err);
    FILE *into = rc >= 0 ? open_memstream(&npz, &len) : NULL;
    if (rc >= 0 && !into) rc = rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    if (rc >= 0) rc = rnn_npz_write(into, &list, err);
    if (into) fclose(into);
    if (rc >= 0) {
        fprintf(out, "<tr id=\"data-%s\"><td>%s</td><td>array</td><td>%zu of them</td><td>", name, name, n);
        rc = put_file(page, out, &(struct file){name, "npz", "application/octet-stream", npz, len,
                                                "<code>rnn-cat select --kind array FILE.rnn | rnn-cat --to npz</code> writes it"}, err);
        fputs("</td></tr>\n", out);
    }
    free(npz);
    rnn_named_release(&list);
    return rc;
}

int rnn_page_data(const struct rnn_page *page, const struct rnn_gathered *g, FILE *out, struct rnn_err *err)
{
    fputs("<h2 id=\"data\">Data behind the figures</h2>\n<div class=\"wide\" role=\"region\" aria-label=\"Data behind the figures\" tabindex=\"0\"><table>\n"
          "<thead><tr><th>name</th><th>kind</th><th>size</th><th>download</th></tr></thead>\n<tbody>\n", out);
    size_t rows = 0;
    for (size_t i = 0; i < g->n_tables; i++) {
        if (!g->table[i].rows) continue;
        RNN_TRY(put_table_data(page, &g->table[i], out, err));
        rows++;
    }
    for (size_t i = 0; i < g->n_arrays; i++) {
        bool known = rnn_gathered_table(g, g->array[i].name) != NULL;
        for (size_t j = 0; j < i && !known; j++) known = !strcmp(g->array[j].name, g->array[i].name);
        if (!known) RNN_TRY(put_array_data(page, g, i, out, err));
        rows++;
    }
    if (!rows) fputs("<tr><td colspan=\"4\">none</td></tr>\n", out);
    fputs("</tbody>\n</table></div>\n", out);
    return RNN_OK;
}
