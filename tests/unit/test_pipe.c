/* Typed bodies, tables in blocks, references by id, and the loop that filters run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "io/ids.h"
#include "io/pipe.h"
#include "io/table.h"

static struct rnn_err err;

static void ok(int rc)
{
    if (rc != RNN_OK) fail_msg("%s: %s", rnn_rc_name(rc), err.msg);
}

static struct rnn_bytes take(struct rnn_writer *w)
{
    struct rnn_bytes b = {0};
    size_t n;
    const unsigned char *p = rnn_writer_mem(w, &n);
    ok(rnn_grow(&b.p, &b.cap, n + 1, 1, &err));
    memcpy(b.p, p, n);
    b.len = n;
    ok(rnn_writer_close(w, &err));
    return b;
}

static struct rnn_writer *begin(void)
{
    struct rnn_writer *w;
    ok(rnn_writer_open_mem(&w, &err));
    ok(rnn_writer_head(w, NULL, "taskgen", NULL, NULL, &err));
    return w;
}

/* Ends w, and opens a reader of its bytes just past the head. */
static struct rnn_reader *reread(struct rnn_writer *w, struct rnn_bytes *bytes)
{
    struct rnn_reader *r;
    struct rnn_frame f;
    ok(rnn_writer_end(w, 0, &err));
    *bytes = take(w);
    ok(rnn_reader_open_mem(&r, bytes->p, bytes->len, 0, &err));
    ok(rnn_reader_next(r, &f, &err));
    return r;
}

static void put_values(struct rnn_body *b, const struct rnn_kvs *m)
{
    rnn_body_start(b);
    rnn_put_int(b, "neg", INT64_MIN);
    rnn_put_uint(b, "big", UINT64_MAX);
    rnn_put_real(b, "real", 0.1);
    rnn_put_bool(b, "yes", true);
    rnn_put_str(b, "name", "gr\xc3\xbc\xc3\x9f");
    rnn_put_nil(b, "none");
    rnn_put_kvs(b, "labels", m);
    rnn_put_map(b, "many"); /* more keys than a one-byte header holds */
    for (int i = 0; i < 70000; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", i);
        rnn_put_int(b, key, i);
    }
    rnn_put_close(b);
}

static void values_round_trip(void **state)
{
    (void)state;
    struct rnn_kvs m = {0}, back = {0};
    struct rnn_body b = {0}, copy = {0};
    struct rnn_writer *w = begin();
    struct rnn_bytes s;
    struct rnn_frame f;
    ok(rnn_kvs_uint(&m, "seed", UINT64_MAX, &err));
    ok(rnn_kvs_int(&m, "i", -5, &err));
    ok(rnn_kvs_real(&m, "r", 3.0, &err));
    ok(rnn_kvs_bool(&m, "b", false, &err));
    ok(rnn_kvs_str(&m, "s", "x", &err));
    ok(rnn_kvs_null(&m, "n", &err));
    ok(rnn_kvs_reals(&m, "l", (double[]){1, 2.5}, 2, &err));
    put_values(&b, &m);
    ok(rnn_writer_frame(w, "x", &b, &err));
    struct rnn_reader *r = reread(w, &s);
    ok(rnn_reader_next(r, &f, &err));

    int64_t i;
    uint64_t u;
    double v;
    bool yes;
    char *text;
    ok(rnn_want_int(f.body, "neg", &i, &err));
    assert_true(i == INT64_MIN);
    ok(rnn_want_uint(f.body, "big", &u, &err));
    assert_true(u == UINT64_MAX);
    ok(rnn_want_real(f.body, "real", &v, &err));
    assert_true(v == 0.1);
    ok(rnn_want_real(f.body, "neg", &v, &err));
    assert_true(v == -0x1p63);
    ok(rnn_want_bool(f.body, "yes", &yes, &err));
    assert_true(yes);
    ok(rnn_want_str(f.body, "name", &text, &err));
    assert_string_equal(text, "gr\xc3\xbc\xc3\x9f");
    free(text);
    ok(rnn_get_int(f.body, "absent", &i, 9, &err));
    assert_int_equal(i, 9);
    ok(rnn_get_real(f.body, "none", &v, 9, &err)); /* nil says nothing */
    assert_true(v == 9);
    ok(rnn_get_str(f.body, "absent", &text, NULL, &err));
    assert_null(text);
    assert_int_equal(rnn_want_int(f.body, "big", &i, &err), RNN_ERR_FORMAT);
    assert_int_equal(rnn_want_uint(f.body, "neg", &u, &err), RNN_ERR_FORMAT);
    assert_int_equal(rnn_get_bool(f.body, "name", &yes, true, &err), RNN_ERR_FORMAT);
    assert_int_equal(rnn_want_int(f.body, "absent", &i, &err), RNN_ERR_FORMAT);
    assert_non_null(strstr(err.msg, "'absent'"));
    ok(rnn_want_kvs(f.body, "labels", &back, &err));
    assert_int_equal(back.n, m.n);
    for (size_t k = 0; k < m.n; k++) {
        assert_string_equal(back.v[k].key, m.v[k].key);
        assert_int_equal(back.v[k].type, m.v[k].type);
        char *p = rnn_kv_text(&m.v[k]), *q = rnn_kv_text(&back.v[k]);
        assert_string_equal(p, q);
        free(p);
        free(q);
    }
    /* copying the object gives the same bytes */
    rnn_body_start(&copy);
    for (uint32_t k = 0; k < f.body->via.map.size; k++) {
        const msgpack_object_kv *e = &f.body->via.map.ptr[k];
        char *key = strndup(e->key.via.str.ptr, e->key.via.str.size);
        rnn_put_object(&copy, key, &e->val);
        free(key);
    }
    ok(rnn_body_finish(&copy, &err));
    assert_int_equal(copy.len, b.len);
    assert_memory_equal(copy.p, b.p, b.len);
    rnn_reader_close(r);
    rnn_bytes_release(&s);
    rnn_body_release(&b);
    rnn_body_release(&copy);
    rnn_kvs_release(&m);
    rnn_kvs_release(&back);
}

static void arrays_of_every_dtype_round_trip(void **state)
{
    (void)state;
    struct rnn_body b = {0};
    struct rnn_writer *w = begin();
    struct rnn_bytes s;
    struct rnn_frame f;
    unsigned char data[6 * 16];
    for (size_t i = 0; i < sizeof data; i++) data[i] = (unsigned char)(i % 2);
    rnn_body_start(&b);
    for (int t = 0; t < RNN_N_DTYPES; t++) rnn_put_array(&b, rnn_dtype_name((enum rnn_dtype)t), (enum rnn_dtype)t, 2, (size_t[]){3, 2}, data);
    rnn_put_array(&b, "scalar", RNN_F64, 0, NULL, data);
    rnn_put_array(&b, "empty", RNN_F64, 2, (size_t[]){0, 4}, NULL);
    ok(rnn_writer_frame(w, "x", &b, &err));
    struct rnn_reader *r = reread(w, &s);
    ok(rnn_reader_next(r, &f, &err));
    struct rnn_array a;
    for (int t = 0; t < RNN_N_DTYPES; t++) {
        ok(rnn_want_array(f.body, rnn_dtype_name((enum rnn_dtype)t), &a, &err));
        assert_int_equal(a.dtype, t);
        assert_int_equal((uintptr_t)a.data % RNN_ALIGN, 0);
        assert_memory_equal(a.data, data, rnn_array_bytes(&a));
        rnn_array_release(&a);
    }
    ok(rnn_want_array(f.body, "scalar", &a, &err));
    assert_int_equal(a.ndim, 0);
    rnn_array_release(&a);
    ok(rnn_want_array(f.body, "empty", &a, &err));
    assert_int_equal(rnn_array_count(&a), 0);
    rnn_array_release(&a);
    assert_int_equal(rnn_want_array(f.body, "nothing", &a, &err), RNN_ERR_FORMAT);
    rnn_reader_close(r);
    rnn_bytes_release(&s);
    rnn_body_release(&b);
}

/* ---- tables and arrays in blocks ---- */

static struct rnn_table *learning(size_t rows)
{
    struct rnn_table *t;
    ok(rnn_table_new(&t, "learning", &err));
    ok(rnn_table_col(t, "update", RNN_KV_INT, NULL, "parameter update", &err));
    ok(rnn_table_col(t, "loss", RNN_KV_REAL, "1", "mean squared error", &err));
    ok(rnn_table_col(t, "status", RNN_KV_STR, NULL, NULL, &err));
    ok(rnn_table_col(t, "clipped", RNN_KV_BOOL, NULL, NULL, &err));
    assert_int_equal(rnn_table_col(t, "loss", RNN_KV_REAL, NULL, NULL, &err), RNN_ERR_ARG);
    for (size_t k = 0; k < rows; k++) {
        rnn_table_set_int(t, "update", (int64_t)k);
        if (k != 5) rnn_table_set(t, "loss", 1.0 / (double)(k + 1));
        if (k % 2) rnn_table_set_str(t, "status", "odd");
        if (k != 8) rnn_table_set(t, "clipped", k % 3 == 0);
        rnn_table_row(t);
    }
    return t;
}

static void check_learning_block(const struct rnn_frame *f, size_t *row)
{
    const msgpack_object *cols, *strs;
    struct rnn_array update, loss, clipped;
    uint64_t first, total;
    ok(rnn_want_uint(f->body, "first", &first, &err));
    ok(rnn_want_uint(f->body, "total", &total, &err));
    assert_int_equal(first, *row);
    assert_int_equal(total, 20);
    ok(rnn_want_map(f->body, "columns", &cols, &err));
    ok(rnn_want_array(cols, "update", &update, &err));
    ok(rnn_want_array(cols, "loss", &loss, &err));
    ok(rnn_want_array(cols, "clipped", &clipped, &err));
    strs = rnn_find(cols, "status");
    size_t n = update.shape[0];
    assert_int_equal(update.dtype, RNN_I64);
    assert_int_equal(strs->via.array.size, n);
    bool hole = false;
    for (size_t k = 0; k < n; k++, (*row)++) {
        assert_true(rnn_array_get(&update, k) == (double)*row);
        if (*row == 5) assert_true(isnan(rnn_array_get(&loss, k)));
        else assert_true(rnn_array_get(&loss, k) == 1.0 / (double)(*row + 1));
        assert_int_equal(strs->via.array.ptr[k].via.str.size, *row % 2 ? 3 : 0);
        if (*row == 8) assert_true(isnan(rnn_array_get(&clipped, k)));
        else assert_true(rnn_array_get(&clipped, k) == (*row % 3 == 0));
        hole = hole || *row == 8;
    }
    assert_int_equal(clipped.dtype, hole ? RNN_F64 : RNN_BOOL);
    rnn_array_release(&update);
    rnn_array_release(&loss);
    rnn_array_release(&clipped);
}

static void tables_are_cut_into_blocks(void **state)
{
    (void)state;
    const struct {
        size_t bytes, frames;
    } cases[] = {{0, 1}, {100, 7}, {1, 20}}; /* a row takes 29 or 32 bytes */
    for (size_t c = 0; c < RNN_LEN(cases); c++) {
        struct rnn_table *t = learning(20);
        struct rnn_writer *w = begin();
        struct rnn_bytes s;
        struct rnn_frame f;
        rnn_writer_set_block(w, cases[c].bytes);
        ok(rnn_table_write(t, w, NULL, "n0", &err));
        assert_int_equal(rnn_table_rows(t), 0);
        struct rnn_reader *r = reread(w, &s);
        size_t row = 0;
        for (size_t k = 0; k < cases[c].frames; k++) {
            ok(rnn_reader_next(r, &f, &err));
            assert_string_equal(f.kind, "table");
            check_learning_block(&f, &row);
        }
        assert_int_equal(row, 20);
        ok(rnn_reader_next(r, &f, &err));
        assert_string_equal(f.kind, "end");
        rnn_reader_close(r);
        rnn_bytes_release(&s);
        rnn_table_free(t);
    }
}

static void table_mistakes_are_told_once(void **state)
{
    (void)state;
    struct rnn_table *t = learning(3);
    struct rnn_bytes out = {0};
    rnn_table_set(t, "los", 1);
    rnn_table_row(t);
    assert_int_equal(rnn_table_append(t, &out, NULL, NULL, &err), RNN_ERR_ARG);
    assert_non_null(strstr(err.msg, "'los'"));
    assert_int_equal(out.len, 0);
    rnn_table_set_str(t, "loss", "low");
    assert_int_equal(rnn_table_append(t, &out, NULL, NULL, &err), RNN_ERR_ARG);
    rnn_table_set(t, "update", 0.5);
    assert_int_equal(rnn_table_append(t, &out, NULL, NULL, &err), RNN_ERR_ARG);
    ok(rnn_table_append(t, &out, NULL, NULL, &err)); /* a table without rows still shows its columns */
    assert_true(out.len > 0);
    rnn_bytes_release(&out);
    rnn_table_free(t);
}

static void arrays_are_cut_along_the_first_axis(void **state)
{
    (void)state;
    float v[7 * 3];
    for (size_t i = 0; i < RNN_LEN(v); i++) v[i] = (float)i;
    const size_t shape[] = {7, 3}, block[] = {0, 24, 35, 1}, frames[] = {1, 4, 4, 7};
    const char *const dims[] = {"mode", "unit"};
    for (size_t c = 0; c < RNN_LEN(block); c++) {
        struct rnn_writer *w = begin();
        struct rnn_bytes s;
        struct rnn_frame f;
        struct rnn_array a;
        rnn_writer_set_block(w, block[c]);
        ok(rnn_array_write(w, "V", dims, NULL, RNN_F32, 2, shape, v, NULL, NULL, &err));
        struct rnn_reader *r = reread(w, &s);
        size_t row = 0;
        for (size_t k = 0; k < frames[c]; k++) {
            uint64_t first;
            ok(rnn_reader_next(r, &f, &err));
            ok(rnn_want_uint(f.body, "first", &first, &err));
            assert_int_equal(first, row);
            ok(rnn_want_array(f.body, "value", &a, &err));
            for (size_t i = 0; i < rnn_array_count(&a); i++) assert_true(rnn_array_get(&a, i) == (double)(3 * row + i));
            row += a.shape[0];
            rnn_array_release(&a);
        }
        assert_int_equal(row, 7);
        ok(rnn_reader_next(r, &f, &err));
        assert_string_equal(f.kind, "end");
        rnn_reader_close(r);
        rnn_bytes_release(&s);
    }
}

/* ---- references ---- */

struct item {
    const char *kind, *id, *ref_key, *ref;
    int first; /* -1: none */
};

static int read_items(const struct item *v, size_t n, bool check)
{
    struct rnn_writer *w = begin();
    struct rnn_body b = {0};
    struct rnn_bytes s;
    struct rnn_frame f;
    for (size_t k = 0; k < n; k++) {
        rnn_body_start(&b);
        if (v[k].id) rnn_put_str(&b, "id", v[k].id);
        if (v[k].ref) rnn_put_str(&b, v[k].ref_key, v[k].ref);
        if (v[k].first >= 0) rnn_put_int(&b, "first", v[k].first);
        ok(rnn_writer_frame(w, v[k].kind, &b, &err));
    }
    struct rnn_reader *r = reread(w, &s);
    int rc;
    rnn_reader_check_ids(r, check);
    while ((rc = rnn_reader_next(r, &f, &err)) == RNN_OK) {}
    rnn_reader_close(r);
    rnn_bytes_release(&s);
    rnn_body_release(&b);
    return rc;
}

static void dangling_and_doubled_ids_are_refused(void **state)
{
    (void)state;
    const struct item good[] = {{"task", "t", NULL, NULL, -1}, {"trials", "k", "task", "t", 0}, {"trials", "k", "task", "t", 64},
                                {"net", "n", "task", "t", -1}, {"param", NULL, "net", "n", 0}, {"activity", "a", "net", "n", -1},
                                {"activity", "b", "trials", "k", -1}};
    assert_int_equal(read_items(good, RNN_LEN(good), true), RNN_EOS);
    for (size_t k = 0; k < RNN_LEN(good); k++) { /* referring to what does not exist */
        struct item bad[RNN_LEN(good)];
        memcpy(bad, good, sizeof bad);
        if (!bad[k].ref) continue;
        bad[k].ref = "z";
        assert_int_equal(read_items(bad, RNN_LEN(good), true), RNN_ERR_FORMAT);
        assert_int_equal(read_items(bad, RNN_LEN(good), false), RNN_EOS);
    }
    const struct item late[] = {{"net", "n", "task", "t", -1}, {"task", "t", NULL, NULL, -1}};
    assert_int_equal(read_items(late, 2, true), RNN_ERR_FORMAT);
    const struct item twice[] = {{"net", "n", NULL, NULL, -1}, {"net", "n", NULL, NULL, -1}};
    assert_int_equal(read_items(twice, 2, true), RNN_ERR_FORMAT);
    const struct item block_twice[] = {{"trials", "k", NULL, NULL, 0}, {"trials", "k", NULL, NULL, 4}, {"trials", "k", NULL, NULL, 4}};
    assert_int_equal(read_items(block_twice, 2, true), RNN_EOS);
    assert_int_equal(read_items(block_twice, 3, true), RNN_ERR_FORMAT);
    struct item *many = calloc(5000, sizeof *many);
    char (*name)[16] = calloc(5000, sizeof *name);
    for (int k = 0; k < 5000; k++) {
        snprintf(name[k], sizeof name[k], "n%d", k);
        many[k] = (struct item){"net", name[k], NULL, NULL, -1};
    }
    assert_int_equal(read_items(many, 5000, true), RNN_EOS);
    many[4999].id = "n17";
    assert_int_equal(read_items(many, 5000, true), RNN_ERR_FORMAT);
    free(many);
    free(name);
}

/* ---- the filter loop ---- */

static int add_after_net(void *user, const struct rnn_frame *f, struct rnn_writer *w, struct rnn_err *e)
{
    int *fail_at = user;
    if (*fail_at >= 0 && f->index == (uint64_t)*fail_at) return rnn_fail(e, RNN_ERR_NUMERIC, "no finite answer");
    RNN_TRY(rnn_writer_copy(w, f, e));
    if (strcmp(f->kind, "net") != 0) return RNN_OK;
    struct rnn_body b = {0};
    rnn_body_start(&b);
    rnn_writer_count_failed(w, 1);
    int rc = rnn_writer_frame(w, "table", &b, e);
    rnn_body_release(&b);
    return rc;
}

static struct rnn_bytes two_segments(void)
{
    struct rnn_writer *w = begin();
    struct rnn_body b = {0};
    for (int seg = 0; seg < 2; seg++) {
        if (seg) ok(rnn_writer_head(w, NULL, "rnn-train", NULL, NULL, &err));
        const char *const kinds[] = {"net", "unheard-of", "net"};
        for (int k = 0; k < 3; k++) {
            rnn_body_start(&b);
            rnn_put_str(&b, "id", k ? "n1" : "n0");
            rnn_put_str(&b, "unknown", "kept");
            ok(rnn_writer_frame(w, kinds[k], &b, &err));
        }
        ok(rnn_writer_end(w, 5, &err));
    }
    rnn_body_release(&b);
    return take(w);
}

/* Runs the filter over bytes; the kinds it wrote as one string, "head net ...". */
static int run_filter(const struct rnn_bytes *in, size_t len, int fail_at, char kinds[512], struct rnn_bytes *out)
{
    struct rnn_reader *r;
    struct rnn_writer *w;
    struct rnn_frame f;
    struct rnn_err ignored;
    struct rnn_pipe_ops ops = {.frame = add_after_net};
    ok(rnn_reader_open_mem(&r, in->p, len, 0, &err));
    ok(rnn_writer_open_mem(&w, &err));
    int rc = rnn_pipe_run(r, w, "rnn-probe", NULL, NULL, &ops, &fail_at, &err);
    rnn_reader_close(r);
    *out = take(w);
    kinds[0] = '\0';
    ok(rnn_reader_open_mem(&r, out->p, out->len, 0, &ignored));
    while (rnn_reader_next(r, &f, &ignored) == RNN_OK) {
        strcat(strcat(kinds, f.kind), " ");
        if (strcmp(f.kind, "error") == 0) {
            char *tool, *item;
            ok(rnn_want_str(f.body, "tool", &tool, &ignored));
            ok(rnn_want_str(f.body, "item", &item, &ignored));
            strcat(strcat(kinds, tool), item);
            free(tool);
            free(item);
        }
    }
    rnn_reader_close(r);
    return rc;
}

static void the_filter_loop_keeps_every_promise(void **state)
{
    (void)state;
    struct rnn_bytes in = two_segments(), out, again;
    char kinds[512];
#define SEGMENT "head net table unheard-of net table end "
    ok(run_filter(&in, in.len, -1, kinds, &out));
    assert_string_equal(kinds, SEGMENT SEGMENT);
    assert_non_null(memmem(out.p, out.len, "unheard-of", 10));

    struct rnn_reader *r; /* failed items of input and filter add up; provenance grew */
    struct rnn_frame f;
    ok(rnn_reader_open_mem(&r, out.p, out.len, 0, &err));
    while (rnn_reader_next(r, &f, &err) == RNN_OK && strcmp(f.kind, "end") != 0) {}
    assert_int_equal(rnn_reader_failed(r), 7);
    assert_string_equal(rnn_reader_last_tool(r), "rnn-probe");
    rnn_reader_close(r);
    rnn_bytes_release(&out);

    assert_int_equal(run_filter(&in, in.len - 50, -1, kinds, &out), RNN_ERR_TRUNCATED);
    assert_string_equal(kinds, SEGMENT "head net table unheard-of error rnn-train");
    assert_non_null(strstr(err.msg, "rnn-train"));
    assert_int_equal(run_filter(&out, out.len, -1, kinds, &again), RNN_ERR_UPSTREAM); /* copied, none added */
    assert_string_equal(kinds, "head net table table unheard-of net table table end head net table table unheard-of error rnn-train");
    rnn_bytes_release(&again);
    assert_int_equal(run_filter(&out, out.len - 1, -1, kinds, &again), RNN_ERR_TRUNCATED);
    rnn_bytes_release(&again);
    rnn_bytes_release(&out);

    assert_int_equal(run_filter(&in, 0, -1, kinds, &out), RNN_ERR_TRUNCATED);
    assert_string_equal(kinds, "head error ");
    assert_non_null(memmem(out.p, out.len, "the command before wrote nothing", 32));
    rnn_bytes_release(&out);

    assert_int_equal(run_filter(&in, in.len, 3, kinds, &out), RNN_ERR_NUMERIC);
    assert_string_equal(kinds, "head net table unheard-of error rnn-proben1");
    assert_string_equal(err.msg, "no finite answer");
    rnn_bytes_release(&out);
    rnn_bytes_release(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_round_trip),
        cmocka_unit_test(arrays_of_every_dtype_round_trip),
        cmocka_unit_test(tables_are_cut_into_blocks),
        cmocka_unit_test(table_mistakes_are_told_once),
        cmocka_unit_test(arrays_are_cut_along_the_first_axis),
        cmocka_unit_test(dangling_and_doubled_ids_are_refused),
        cmocka_unit_test(the_filter_loop_keeps_every_promise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
