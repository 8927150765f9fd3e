#include "report/figure.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/mem.h"

static const size_t COLUMNS[] = {
    [RNN_LAYER_LINES] = 2,     [RNN_LAYER_POINTS] = 2, [RNN_LAYER_LINEPOINTS] = 2, [RNN_LAYER_BAND] = 3, [RNN_LAYER_ERRORBARS] = 4,
    [RNN_LAYER_BARS] = 2,      [RNN_LAYER_IMAGE] = 3,  [RNN_LAYER_COLORED] = 3,    [RNN_LAYER_RGB] = 5,  [RNN_LAYER_ARROWS] = 4,
    [RNN_LAYER_SEGMENTS] = 4,  [RNN_LAYER_TEXT] = 2,   [RNN_LAYER_STEPS] = 2};

void rnn_figure_init(struct rnn_figure *f, const char *name)
{
    *f = (struct rnn_figure){.name = rnn_strdup(name)};
}

static void release_layer(struct rnn_layer *l)
{
    for (size_t i = 0; l->words && i < l->n; i++) free(l->words[i]);
    free(l->words);
    free(l->label);
    free(l->data);
}

static void release_words(char **w)
{
    for (size_t i = 0; w && w[i]; i++) free(w[i]);
    free(w);
}

void rnn_figure_release(struct rnn_figure *f)
{
    for (size_t i = 0; i < f->n; i++) {
        struct rnn_panel *p = &f->panel[i];
        for (size_t k = 0; k < p->n; k++) release_layer(&p->layer[k]);
        free(p->layer);
        free(p->title);
        free(p->xlabel);
        free(p->ylabel);
        free(p->cblabel);
        release_words(p->xtic);
        release_words(p->ytic);
    }
    free(f->panel);
    free(f->name);
    free(f->title);
    free(f->caption);
    memset(f, 0, sizeof *f);
}

static void set_words(char **to, const char *fmt, va_list args)
{
    free(*to);
    if (vasprintf(to, fmt, args) < 0) *to = NULL;
}

void rnn_figure_title(struct rnn_figure *f, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    set_words(&f->title, fmt, args);
    va_end(args);
}

void rnn_figure_caption(struct rnn_figure *f, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    set_words(&f->caption, fmt, args);
    va_end(args);
}

struct rnn_panel *rnn_figure_panel(struct rnn_figure *f, const char *title, const char *xlabel, const char *ylabel)
{
    struct rnn_err err;
    if (rnn_grow(&f->panel, &f->cap, f->n + 1, sizeof *f->panel, &err) < 0) return NULL;
    struct rnn_panel *p = &f->panel[f->n++];
    *p = (struct rnn_panel){.title = rnn_strdup(title ? title : ""), .xlabel = rnn_strdup(xlabel ? xlabel : ""),
                            .ylabel = rnn_strdup(ylabel ? ylabel : ""), .x_min = NAN, .x_max = NAN, .y_min = NAN, .y_max = NAN,
                            .c_min = NAN, .c_max = NAN};
    return p;
}

struct rnn_layer *rnn_panel_layer(struct rnn_panel *p, enum rnn_layer_kind kind, const char *label, int color)
{
    struct rnn_err err;
    if (rnn_grow(&p->layer, &p->cap, p->n + 1, sizeof *p->layer, &err) < 0) return NULL;
    struct rnn_layer *l = &p->layer[p->n++];
    *l = (struct rnn_layer){.kind = kind, .label = label ? rnn_strdup(label) : NULL, .color = color, .cols = COLUMNS[kind]};
    return l;
}

int rnn_layer_add(struct rnn_layer *l, const double *row, struct rnn_err *err)
{
    RNN_TRY(rnn_grow(&l->data, &l->cap, (l->n + 1) * l->cols, sizeof *l->data, err));
    memcpy(l->data + l->n++ * l->cols, row, l->cols * sizeof *row);
    return RNN_OK;
}

int rnn_layer_word(struct rnn_layer *l, double x, double y, const char *word, struct rnn_err *err)
{
    RNN_TRY(rnn_grow(&l->words, &l->cap_words, l->n + 1, sizeof *l->words, err));
    l->words[l->n] = rnn_strdup(word);
    return rnn_layer_add(l, (double[]){x, y}, err);
}

/* ---- running gnuplot ---- */

static int read_file(FILE *in, unsigned char **bytes, size_t *len, struct rnn_err *err)
{
    size_t cap = 0;
    *bytes = NULL;
    *len = 0;
    for (;;) {
        RNN_TRY(rnn_grow(bytes, &cap, *len + 65536, 1, err));
        const size_t got = fread(*bytes + *len, 1, 65536, in);
        *len += got;
        if (got < 65536) break;
    }
    return ferror(in) ? rnn_fail(err, RNN_ERR_IO, "reading gnuplot's output failed") : RNN_OK;
}

/* Cuts the comment that names gnuplot's version, gives ids and references of this figure a prefix of their own, keeps rasters sharp. */
static int tidy_svg(const struct rnn_figure *f, unsigned char **bytes, size_t *len, struct rnn_err *err)
{
    char *text = NULL, *from = (char *)*bytes;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    const char *end = from + *len;
    while (from < end) {
        char *stop;
        if (!strncmp(from, "<desc>", 6) && (stop = strstr(from, "</desc>"))) {
            from = stop + 7;
        } else if (!strncmp(from, " id='", 5) || !strncmp(from, " id=\"", 5)) {
            fprintf(out, " id=%c%s-", from[4], f->name), from += 5;
        } else if (!strncmp(from, "href='#", 7) || !strncmp(from, "href=\"#", 7)) {
            fprintf(out, "href=%c#%s-", from[5], f->name), from += 7;
        } else if (!strncmp(from, "url(#", 5)) {
            fprintf(out, "url(#%s-", f->name), from += 5;
        } else if (!strncmp(from, "<image ", 7)) { /* cells keep their edges when enlarged */
            fputs("<image style='image-rendering:pixelated' ", out), from += 7;
        } else {
            putc(*from++, out);
        }
    }
    fclose(out);
    free(*bytes);
    *bytes = (unsigned char *)text;
    *len = size;
    return RNN_OK;
}

int rnn_figure_render(const struct rnn_figure *f, enum rnn_figure_format format, unsigned char **bytes, size_t *len, struct rnn_err *err)
{
    FILE *script = tmpfile(), *picture = tmpfile(), *words = tmpfile();
    int status = -1, rc = RNN_OK;
    *bytes = NULL;
    if (!script || !picture || !words) rc = rnn_fail(err, RNN_ERR_IO, "no temporary file: %s", strerror(errno));
    if (rc >= 0) rc = rnn_figure_script(f, format, NULL, script, err);
    if (rc >= 0 && (fflush(script) || fseek(script, 0, SEEK_SET))) rc = rnn_fail(err, RNN_ERR_IO, "temporary file: %s", strerror(errno));
    if (rc >= 0) {
        const pid_t pid = fork();
        if (pid == 0) {
            dup2(fileno(script), 0), dup2(fileno(picture), 1), dup2(fileno(words), 2);
            execlp("gnuplot", "gnuplot", (char *)NULL);
            _exit(127);
        }
        if (pid < 0 || waitpid(pid, &status, 0) < 0) rc = rnn_fail(err, RNN_ERR_IO, "cannot run gnuplot: %s", strerror(errno));
    }
    if (rc >= 0 && WIFEXITED(status) && WEXITSTATUS(status) == 127) rc = rnn_fail(err, RNN_ERR_IO, "gnuplot is not installed (package gnuplot-nox)");
    if (rc >= 0) {
        rewind(picture);
        rc = read_file(picture, bytes, len, err);
    }
    if (rc >= 0 && (status != 0 || !*len)) {
        char line[200] = "";
        rewind(words);
        while (fgets(line, sizeof line, words) && strspn(line, " \t\n^") == strlen(line)) {}
        line[strcspn(line, "\n")] = 0;
        rc = rnn_fail(err, RNN_ERR_IO, "gnuplot could not draw %s: %s", f->name, line);
    }
    if (rc >= 0 && format == RNN_FIGURE_SVG) rc = tidy_svg(f, bytes, len, err);
    if (script) fclose(script);
    if (picture) fclose(picture);
    if (words) fclose(words);
    if (rc < 0) free(*bytes), *bytes = NULL;
    return rc;
}
