/* Figures: the same figure gives the same SVG bytes, every layer kind is drawn, words cannot break the script. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "report/figure.h"

static struct rnn_err err;

static void make(struct rnn_figure *f, const char *title)
{
    rnn_figure_init(f, "sample");
    rnn_figure_title(f, "%s", title);
    for (int kind = 0; kind <= RNN_LAYER_STEPS; kind++) {
        struct rnn_panel *p = rnn_figure_panel(f, "it's", "x (ms)", "y");
        struct rnn_layer *l = rnn_panel_layer(p, (enum rnn_layer_kind)kind, "a 'quoted' label", kind);
        for (int i = 0; i < 9; i++) {
            const double row[5] = {i % 3, i / 3, i, i + 1, 2};
            if (kind == RNN_LAYER_TEXT) rnn_layer_word(l, i, i, "w\"o\\rd", &err);
            else rnn_layer_add(l, row, &err);
        }
    }
    rnn_figure_panel(f, "empty", "x", "y");
}

static void renders_alike(void **state)
{
    (void)state;
    unsigned char *a, *b;
    size_t na, nb;
    struct rnn_figure f;
    make(&f, "one");
    assert_int_equal(rnn_figure_render(&f, RNN_FIGURE_SVG, &a, &na, &err), RNN_OK);
    assert_int_equal(rnn_figure_render(&f, RNN_FIGURE_SVG, &b, &nb, &err), RNN_OK);
    assert_int_equal(na, nb);
    assert_memory_equal(a, b, na);
    assert_null(strstr((char *)a, "Gnuplot"));
    assert_non_null(strstr((char *)a, "no data"));
    free(a), free(b);
    assert_int_equal(rnn_figure_render(&f, RNN_FIGURE_PDF, &a, &na, &err), RNN_OK);
    assert_memory_equal(a, "%PDF", 4);
    free(a);
    rnn_figure_release(&f);
}

static void titles_are_text(void **state)
{
    (void)state;
    unsigned char *a;
    size_t n;
    struct rnn_figure f;
    make(&f, "'; system 'touch was-here'; '");
    assert_int_equal(rnn_figure_render(&f, RNN_FIGURE_SVG, &a, &n, &err), RNN_OK);
    assert_non_null(strstr((char *)a, "touch"));
    free(a);
    rnn_figure_release(&f);
}

static char *script_of(const struct rnn_figure *f)
{
    char *text;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    assert_int_equal(rnn_figure_script(f, RNN_FIGURE_SVG, NULL, out, &err), RNN_OK);
    fclose(out);
    return text;
}

/* gnuplot's images need two cells each way and no holes: else they stay empty without a word. */
static void thin_images_are_boxes(void **state)
{
    (void)state;
    const double wide[] = {0, 1, 2, 0, 1, 2}, two[] = {0, 0, 0, 5, 5, 5};
    for (int which = 0; which < 3; which++) { /* a grid, the same with a hole, one row of it */
        struct rnn_figure f;
        rnn_figure_init(&f, "image");
        struct rnn_layer *l = rnn_panel_layer(rnn_figure_panel(&f, "", "x", "y"), RNN_LAYER_IMAGE, NULL, 0);
        for (int i = 0; i < (which == 2 ? 3 : 6); i++) rnn_layer_add(l, (double[]){wide[i], two[i], which == 1 && i == 4 ? NAN : i}, &err);
        char *script = script_of(&f);
        if (which) assert_non_null(strstr(script, which == 1 ? "($2-2.5):($2+2.5):3 with boxxyerror" : "($1-0.5):($1+0.5):($2-0.5):($2+0.5):3 with boxxyerror"));
        else assert_non_null(strstr(script, "with image"));
        free(script);
        rnn_figure_release(&f);
    }
}

static double number_behind(const char *script, const char *word)
{
    const char *at = strstr(script, word);
    assert_non_null(at);
    return strtod(at + strlen(word), NULL);
}

/* Ranges hold all data, also one value alone and intervals; long tics and a key get room. */
static void ranges_and_margins(void **state)
{
    (void)state;
    struct rnn_figure f;
    rnn_figure_init(&f, "ranges");
    struct rnn_panel *p = rnn_figure_panel(&f, "", "x", "y");
    struct rnn_layer *l = rnn_panel_layer(p, RNN_LAYER_ERRORBARS, NULL, 0);
    rnn_layer_add(l, (double[]){3, 1, 1, 1}, &err);
    char *script = script_of(&f);
    assert_true(number_behind(script, "set xrange [") < 3 && number_behind(script, "set yrange [") < 1);
    const double narrow = number_behind(script, "margins ");
    free(script);
    rnn_layer_add(rnn_panel_layer(p, RNN_LAYER_POINTS, NULL, 1), (double[]){4, 0.5}, &err);
    rnn_layer_add(&p->layer[0], (double[]){4, 1, -1e-5, 2}, &err);
    p->ytic = calloc(2, sizeof *p->ytic);
    p->ytic[0] = strdup("a name of some length");
    script = script_of(&f);
    assert_true(number_behind(script, "set yrange [") < -1e-5 && number_behind(strstr(script, "set yrange ["), ":") > 2);
    assert_true(number_behind(script, "margins ") > 2 * narrow);
    free(script);
    rnn_figure_release(&f);
}

/* One key serves panels in which a label looks alike; panels that disagree keep their own. */
static void keys_are_shared(void **state)
{
    (void)state;
    for (int color = 0; color < 2; color++) {
        struct rnn_figure f;
        size_t keys = 0;
        rnn_figure_init(&f, "keys");
        f.columns = 2;
        for (int i = 0; i < 3; i++) {
            struct rnn_panel *p = rnn_figure_panel(&f, "panel", "x", "y");
            rnn_layer_add(rnn_panel_layer(p, RNN_LAYER_LINES, "everywhere", i * color), (double[]){0, 1}, &err);
            if (i == 2) rnn_layer_add(rnn_panel_layer(p, RNN_LAYER_LINES, "only in the last", 5), (double[]){0, 1}, &err);
        }
        char *script = script_of(&f);
        for (const char *at = script; (at = strstr(at, "title \"everywhere\"")); at++) keys++;
        assert_int_equal(keys, color ? 3 : 1);
        assert_non_null(strstr(script, "title \"only in the last\""));
        free(script);
        rnn_figure_release(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(renders_alike), cmocka_unit_test(titles_are_text), cmocka_unit_test(thin_images_are_boxes),
                                       cmocka_unit_test(ranges_and_margins), cmocka_unit_test(keys_are_shared)};
    return cmocka_run_group_tests_name("figure", tests, NULL, NULL);
}
