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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(renders_alike), cmocka_unit_test(titles_are_text)};
    return cmocka_run_group_tests_name("figure", tests, NULL, NULL);
}
