/* Claims and their arithmetic against values worked out by hand or published: expressions, filters, statistics, intervals, pairs. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "io/table.h"
#include "num/stats.h"
#include "report/claims.h"
#include "report/text.h"

static struct rnn_err err;
static struct rnn_gathered g;

static void ok(int rc)
{
    if (rc < 0) fail_msg("%s", err.msg);
}

/* Table `t`: x 1..4 and 5 missing, arm a or b, seed 1 1 2 2 3.  Table `m`: a value with its interval and count. */
static int setup(void **state)
{
    (void)state;
    static const double x[] = {1, 2, 3, 4, NAN}, seed[] = {1, 1, 2, 2, 3};
    static const char *const arm[] = {"a", "b", "a", "b", "a"};
    struct rnn_table *t;
    struct rnn_writer *w;
    struct rnn_reader *r;
    size_t len;
    struct rnn_kvs labels = {0};
    ok(rnn_writer_open_mem(&w, &err));
    ok(rnn_writer_head(w, NULL, "probe", &labels, &labels, &err));
    ok(rnn_table_new(&t, "t", &err));
    ok(rnn_table_col(t, "x", RNN_KV_REAL, "ms", "what was measured", &err));
    ok(rnn_table_col(t, "arm", RNN_KV_STR, NULL, NULL, &err));
    ok(rnn_table_col(t, "seed", RNN_KV_INT, NULL, NULL, &err));
    for (int i = 0; i < 5; i++) {
        rnn_table_set(t, "x", x[i]);
        rnn_table_set_str(t, "arm", arm[i]);
        rnn_table_set_int(t, "seed", (int64_t)seed[i]);
        rnn_table_row(t);
    }
    ok(rnn_table_write(t, w, NULL, NULL, &err));
    rnn_table_free(t);
    static const char *const columns[] = {"value", "lo", "hi", "n"};
    static const double measured[] = {7, 6, 9, 12};
    ok(rnn_table_new(&t, "m", &err));
    ok(rnn_table_col(t, "arm", RNN_KV_STR, NULL, NULL, &err));
    for (int i = 0; i < 4; i++) ok(rnn_table_col(t, columns[i], RNN_KV_REAL, NULL, NULL, &err));
    ok(rnn_table_col(t, "determined", RNN_KV_STR, NULL, NULL, &err));
    for (int row = 0; row < 2; row++) {
        rnn_table_set_str(t, "arm", row ? "open" : "a");
        for (int i = 0; i < 4; i++) rnn_table_set(t, columns[i], measured[i]);
        rnn_table_set_str(t, "determined", row ? "no" : "yes");
        rnn_table_row(t);
    }
    ok(rnn_table_write(t, w, NULL, NULL, &err));
    ok(rnn_writer_end(w, 0, &err));
    rnn_table_free(t);
    const unsigned char *p = rnn_writer_mem(w, &len);
    ok(rnn_reader_open_mem(&r, p, len, 0, &err));
    ok(rnn_gather(&g, r, NULL, &err));
    rnn_reader_close(r);
    rnn_writer_abandon(w);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rnn_gathered_release(&g);
    return 0;
}

static double value(const char *text, size_t row)
{
    double v;
    ok(rnn_expression(rnn_gathered_table(&g, "t"), text, row, &v, &err));
    return v;
}

static void arithmetic_has_the_usual_precedence(void **state)
{
    (void)state;
    assert_true(value("1 + 2 * 3", 0) == 7);
    assert_true(value("(1 + 2) * 3 - 4 / 8", 0) == 8.5);
    assert_true(value("-x * x", 2) == -9);
    assert_true(value("8 / 2 / 2", 0) == 2);
    assert_true(value("abs(1 - x) + sqrt(x * 4)", 3) == 7);
    assert_true(fabs(value("log(x)", 1) - 0.6931471805599453) < 1e-15);
    assert_true(value("x >= 3", 2) == 1 && value("x > 3", 2) == 0 && value("x == 3", 2) == 1 && value("x != 3", 2) == 0);
    assert_true(value("arm == a", 0) == 1 && value("arm == a", 1) == 0 && value("arm != a", 1) == 1);
    assert_true(value("(arm == a) + (arm == b)", 1) == 1);
    assert_true(isnan(value("x", 4)) && isnan(value("x > 0", 4)));
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "1 +", "(1", "1 2", "y", "arm", "arm + 1", "cos(1)", "1 = 1", "*", "abs(1", "x x"};
    double v;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (rnn_expression(rnn_gathered_table(&g, "t"), bad[i], 0, &v, &err) != RNN_ERR_ARG) fail_msg("'%s' was taken", bad[i]);
    char deep[1000];
    memset(deep, '(', sizeof deep - 1);
    deep[sizeof deep - 1] = 0;
    assert_int_equal(rnn_expression(rnn_gathered_table(&g, "t"), deep, 0, &v, &err), RNN_ERR_ARG);
}

/* One claim out of a file of one line. */
static struct rnn_claims one(const char *line, int scale)
{
    char path[] = "/tmp/claims-XXXXXX";
    const int fd = mkstemp(path);
    FILE *f = fdopen(fd, "w");
    struct rnn_claims c = {0};
    fprintf(f, "# a comment\nid\tstatement\tbasis\ttable\tfilter\tvalue\tstatistic\tagainst\tpair\tscale\tlo\thi\n%s\n", line);
    fclose(f);
    ok(rnn_claims_read(path, &c, &err));
    ok(rnn_claims_measure(&c, &g, scale, 1, &err));
    unlink(path);
    assert_int_equal(c.n, 1);
    return c;
}

static void check(const char *line, double measured, size_t n, const char *verdict)
{
    struct rnn_claims c = one(line, 0);
    if (!(isnan(measured) ? isnan(c.v->measured) : fabs(c.v->measured - measured) < 1e-12)) fail_msg("%s: measured %g, not %g", line, c.v->measured, measured);
    assert_int_equal(c.v->n, n);
    assert_string_equal(c.v->verdict, verdict);
    rnn_claims_release(&c);
}

static void statistics_are_those_of_the_rows(void **state)
{
    (void)state;
    check("A\ts\tpaper\tt\t\tx\tmean\t\t\t\t2.5\t2.5", 2.5, 4, "pass");
    check("A\ts\tpaper\tt\t\tx\tmedian\t\t\t\t\t2", 2.5, 4, "fail");
    check("A\ts\tpaper\tt\tarm=b\tx\tmin\t\t\t\t2\t", 2, 2, "pass");
    check("A\ts\tpaper\tt\tx>1,x<=3\tx * 2\tmax\t\t\t\t7\t", 6, 2, "fail");
    check("A\ts\tpaper\tt\t\tx\tsum\t\t\t\t\t", 10, 4, "measured");
    check("A\ts\tpaper\tt\tarm!=b\t\tcount\t\t\t\t3\t3", 3, 3, "pass");
    check("A\ts\tpaper\tt\t\tx > 1\tshare\t\t\t\t0.7\t0.8", 0.75, 4, "pass");
    check("A\ts\tpaper\tt\tarm=b\tx\tdifference\tarm=a\t\t\t\t", 1, 2, "measured");
    check("A\ts\tpaper\tt\tarm=b\tx\tdifference\tarm=a\tseed\t\t1\t1", 1, 2, "pass");
    check("A\ts\tpaper\tt\tarm=b\tx\tratio\tarm=a\tseed\t\t\t", (2 + 4.0 / 3) / 2, 2, "measured");
    check("A\ts\tpaper\tnone\t\tx\tmean\t\t\t\t1\t2", NAN, 0, "not-tested");
    check("A\ts\tpaper\tt\tarm=c\tx\tmean\t\t\t\t1\t2", NAN, 0, "not-tested");
    check("A\ts\tpaper\tt\t\tx\tmean\t\t\tfull\t1\t2", NAN, 0, "not-tested");
}

static void intervals_hold_what_they_should(void **state)
{
    (void)state;
    struct rnn_claims c = one("A\ts\tpaper\tt\t\tx > 1\tshare\t\t\t\t\t", 0);
    /* Wilson 1927 for 3 of 4: centre (p + z^2/2n) / (1 + z^2/n), by hand */
    assert_true(fabs(c.v->lo - 0.300642) < 1e-5 && fabs(c.v->hi - 0.954413) < 1e-5);
    rnn_claims_release(&c);
    c = one("A\ts\tpaper\tt\t\tx\tmean\t\t\t\t\t", 0);
    assert_true(c.v->lo >= 1 && c.v->lo < 2.5 && c.v->hi > 2.5 && c.v->hi <= 4);
    rnn_claims_release(&c);
    c = one("A\ts\tpaper\tt\tarm=b\tx\tdifference\tarm=a\tseed\t\t\t", 0); /* both pairs differ by 1 */
    assert_true(c.v->lo == 1 && c.v->hi == 1);
    rnn_claims_release(&c);
    /* seeds 1 and 2 have means 1.5 and 3.5: two clusters drawn give 1.5, 2.5 or 3.5, each tail a quarter */
    c = one("A\ts\tpaper\tt\t\tx\tmean\t\tseed\t\t\t", 0);
    assert_true(c.v->measured == 2.5 && c.v->lo == 1.5 && c.v->hi == 3.5 && c.v->n == 4);
    rnn_claims_release(&c);
    c = one("A\ts\tpaper\tt\t\tx > 2\tshare\t\tseed\t\t\t", 0); /* all of one seed, none of the other */
    assert_true(c.v->measured == 0.5 && c.v->lo == 0 && c.v->hi == 1);
    rnn_claims_release(&c);
    c = one("A\ts\tpaper\tt\t\tx > 0\tshare\t\tseed\t\t\t", 0); /* all rows: Wilson for 2 of 2, n / (n + z^2) */
    assert_true(c.v->measured == 1 && fabs(c.v->lo - 2 / (2 + 1.959964 * 1.959964)) < 1e-12 && c.v->hi == 1);
    rnn_claims_release(&c);
    c = one("A\ts\tpaper\tm\tarm=a\tvalue\trow\t\t\t\t\t", 0); /* as its table has it */
    assert_true(c.v->measured == 7 && c.v->lo == 6 && c.v->hi == 9 && c.v->n == 12);
    rnn_claims_release(&c);
    c = one("A\ts\tpaper\tm\tarm=open\tvalue\trow\t\t\t\t6\t8", 0); /* within the band, but it says itself that it means nothing */
    assert_true(c.v->measured == 7 && c.v->lo == 6 && c.v->hi == 9);
    assert_string_equal(c.v->verdict, "not-tested");
    assert_non_null(strstr(c.v->why, "not determined"));
    rnn_claims_release(&c);
    c = one("A\ts\tpaper\tt\tx=3\tx\trow\t\t\t\t\t", 0); /* a table without intervals */
    assert_true(c.v->measured == 3 && isnan(c.v->lo) && c.v->n == 1);
    rnn_claims_release(&c);
    c = one("A\ts\tpaper\tt\t\tx\tmean\t\t\tfull\t\t", 2);
    assert_string_equal(c.v->verdict, "measured"); /* nothing is expected of it */
    rnn_claims_release(&c);
}

static void bad_files_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "# only words\n", "id\tstatement\n\n1\t2\t3\n", "id\tcolour\n", "id\tstatement\tbasis\nx\t\tpaper\n",
                                      "id\tstatement\tbasis\ttable\tstatistic\nx\ty\tz\tt\tmode\n", "id\tstatement\tbasis\tlo\nx\ty\tz\tmany\n",
                                      "id\tstatement\tbasis\tscale\nx\ty\tz\thuge\n", "id\tstatement\tbasis\ttable\tstatistic\tpair\nx\ty\tz\tt\tmax\tseed\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char path[] = "/tmp/claims-XXXXXX";
        const int fd = mkstemp(path);
        struct rnn_claims c = {0};
        assert_int_equal(write(fd, bad[i], strlen(bad[i])), strlen(bad[i]));
        close(fd);
        if (rnn_claims_read(path, &c, &err) != RNN_ERR_FORMAT) fail_msg("'%s' was taken", bad[i]);
        rnn_claims_release(&c);
        unlink(path);
    }
}

static void text_is_aligned_and_tsv_is_exact(void **state)
{
    (void)state;
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    const struct rnn_text_style style = {.rows = 2, .width = 80};
    ok(rnn_text_table(out, rnn_gathered_table(&g, "t"), NULL, &style, &err));
    fclose(out);
    assert_string_equal(text, "t: 5 rows\n"
                              "     x  arm  seed\n"
                              "  (ms)           \n"
                              "     1  a       1\n"
                              "     2  b       1\n"
                              "  ... 3 rows more\n");
    free(text);
    out = open_memstream(&text, &len);
    ok(rnn_text_tsv(out, rnn_gathered_table(&g, "t"), (bool[]){false, true, false, false, true}, &err));
    fclose(out);
    assert_string_equal(text, "x\tarm\tseed\n2\tb\t1\nNaN\ta\t3\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arithmetic_has_the_usual_precedence), cmocka_unit_test(nonsense_is_refused), cmocka_unit_test(statistics_are_those_of_the_rows),
        cmocka_unit_test(intervals_hold_what_they_should),     cmocka_unit_test(bad_files_are_refused), cmocka_unit_test(text_is_aligned_and_tsv_is_exact)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
