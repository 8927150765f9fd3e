/* Sizes, arrays and named values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/array.h"
#include "base/kv.h"
#include "base/mem.h"

static struct rnn_err err;

static void ok(int rc)
{
    if (rc != RNN_OK) fail_msg("%s: %s", rnn_rc_name(rc), err.msg);
}

static void messages_can_be_built_from_messages(void **state)
{
    (void)state;
    char longer[1000];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_int_equal(rnn_fail(&err, RNN_ERR_ARG, "rank %d", 3), RNN_ERR_ARG);
    rnn_fail(&err, RNN_ERR_FORMAT, "net: %s", err.msg);
    assert_string_equal(err.msg, "net: rank 3");
    assert_int_equal(err.code, RNN_ERR_FORMAT);
    rnn_fail_sys(&err, RNN_ERR_IO, ENOSPC, "writing %s failed", "a.rnn");
    assert_string_equal(err.msg, "writing a.rnn failed: No space left on device");
    assert_int_equal(err.sys, ENOSPC);
    rnn_fail_sys(&err, RNN_ERR_IO, ENOSPC, "%s", longer);
    assert_int_equal(strlen(err.msg), sizeof err.msg - 1);
    assert_string_equal(strrchr(err.msg, 'x') + 1, ": No space left on device");
    rnn_fail(&err, RNN_ERR_ARG, "x");
    assert_int_equal(err.sys, 0);
    for (int code = RNN_ERR_NUMERIC; code <= RNN_NOT_CONVERGED; code++) assert_string_not_equal(rnn_rc_name(code), "unknown");
    assert_string_equal(rnn_rc_name(-99), "unknown");
}

static void sizes_are_checked(void **state)
{
    (void)state;
    size_t v = 7;
    assert_false(rnn_mul_size(SIZE_MAX / 2, 3, &v));
    assert_false(rnn_add_size(SIZE_MAX, 1, &v));
    assert_int_equal(v, 7);
    assert_true(rnn_mul_size(SIZE_MAX / 2, 2, &v));
    assert_true(v == SIZE_MAX - 1);
    assert_null(rnn_alloc(SIZE_MAX / 2, 3));
    assert_null(rnn_alloc(SIZE_MAX, 1));
    void *p;
    assert_int_equal(rnn_alloc_into(&p, SIZE_MAX / 8, 16, &err), RNN_ERR_NOMEM);
    for (size_t n = 0; n < 200; n += 13) {
        unsigned char *q = rnn_alloc(n, 3);
        assert_int_equal((uintptr_t)q % RNN_ALIGN, 0);
        for (size_t i = 0; i < 3 * n; i++) assert_int_equal(q[i], 0);
        free(q);
    }
}

static void buffers_grow_and_keep_their_contents(void **state)
{
    (void)state;
    int *v = NULL;
    size_t cap = 0, grown = 0;
    for (int i = 0; i < 10000; i++) {
        size_t before = cap;
        ok(rnn_grow(&v, &cap, (size_t)i + 1, sizeof *v, &err));
        grown += cap != before;
        v[i] = i;
    }
    for (int i = 0; i < 10000; i++) assert_int_equal(v[i], i);
    assert_true(grown < 20);
    assert_int_equal(rnn_grow(&v, &cap, SIZE_MAX / 2, sizeof *v, &err), RNN_ERR_NOMEM);
    assert_int_equal(v[9999], 9999); /* the old buffer stays */
    free(v);
}

static void every_dtype_round_trips(void **state)
{
    (void)state;
    const size_t size[] = {4, 8, 4, 8, 1, 8, 1, 16};
    for (int t = 0; t < RNN_N_DTYPES; t++) {
        enum rnn_dtype back;
        const char *name = rnn_dtype_name((enum rnn_dtype)t);
        assert_int_equal(rnn_dtype_size((enum rnn_dtype)t), size[t]);
        assert_true(rnn_dtype_from_name(name, strlen(name), &back));
        assert_int_equal(back, t);
        assert_false(rnn_dtype_from_name(name, strlen(name) - 1, &back));
    }
    struct rnn_array a;
    ok(rnn_array_new(&a, RNN_U64, 2, (size_t[]){2, 2}, &err));
    ((uint64_t *)a.data)[3] = UINT64_MAX;
    assert_true(rnn_array_get(&a, 3) == 0x1p64);
    rnn_array_release(&a);
    ok(rnn_array_new(&a, RNN_C128, 1, (size_t[]){2}, &err));
    ((double *)a.data)[2] = -1.5;
    ((double *)a.data)[3] = 9;
    double out[2];
    rnn_array_to_f64(&a, out);
    assert_true(out[0] == 0 && out[1] == -1.5);
    rnn_array_release(&a);
    ok(rnn_array_new(&a, RNN_F32, 0, NULL, &err)); /* a scalar */
    assert_int_equal(rnn_array_count(&a), 1);
    rnn_array_release(&a);
    ok(rnn_array_new(&a, RNN_F32, 2, (size_t[]){0, 5}, &err));
    assert_int_equal(rnn_array_bytes(&a), 0);
    rnn_array_release(&a);
    assert_int_equal(rnn_array_new(&a, RNN_F64, 2, (size_t[]){SIZE_MAX, 2}, &err), RNN_ERR_NOMEM);
    assert_int_equal(rnn_array_new(&a, RNN_F64, 9, NULL, &err), RNN_ERR_ARG);
}

static void text_is_typed_as_a_person_means_it(void **state)
{
    (void)state;
    const struct {
        const char *text;
        enum rnn_kv_type type;
    } cases[] = {
        {"3", RNN_KV_INT}, {"-3", RNN_KV_INT}, {"0", RNN_KV_INT}, {"0.5", RNN_KV_REAL}, {".5", RNN_KV_REAL}, {"1e-3", RNN_KV_REAL},
        {"true", RNN_KV_BOOL}, {"false", RNN_KV_BOOL}, {"True", RNN_KV_STR}, {"abc", RNN_KV_STR}, {"", RNN_KV_STR},
        {"007", RNN_KV_STR}, {"0x10", RNN_KV_STR}, {"inf", RNN_KV_STR}, {"nan", RNN_KV_STR}, {" 3", RNN_KV_STR}, {"3 ", RNN_KV_STR},
        {"1e999", RNN_KV_STR}, {"1-2", RNN_KV_STR}, {"-", RNN_KV_STR}, {"9223372036854775807", RNN_KV_INT},
        {"9223372036854775808", RNN_KV_UINT}, {"18446744073709551615", RNN_KV_UINT}, {"18446744073709551616", RNN_KV_REAL},
    };
    for (size_t k = 0; k < RNN_LEN(cases); k++) {
        struct rnn_kvs m = {0};
        ok(rnn_kvs_from_text(&m, "x", cases[k].text, &err));
        if (m.v[0].type != cases[k].type) fail_msg("'%s' became type %d", cases[k].text, m.v[0].type);
        if (m.v[0].type == RNN_KV_STR || m.v[0].type == RNN_KV_BOOL) {
            char *t = rnn_kv_text(&m.v[0]);
            assert_string_equal(t, cases[k].text);
            free(t);
        }
        rnn_kvs_release(&m);
    }
}

static void reals_print_short_and_read_back_equal(void **state)
{
    (void)state;
    const struct {
        double r;
        const char *text;
    } cases[] = {{0.1, "0.1"}, {1e-3, "0.001"}, {3, "3"}, {1e22, "1e+22"}, {100, "100"}, {20000, "20000"}, {-0.0, "-0"}, {NAN, "nan"},
                 {-NAN, "nan"}, {INFINITY, "inf"}, {0.1 + 0.2, "0.30000000000000004"}};
    struct rnn_kvs m = {0};
    for (size_t k = 0; k < RNN_LEN(cases); k++) {
        ok(rnn_kvs_real(&m, "x", cases[k].r, &err));
        char *t = rnn_kv_text(&m.v[0]);
        assert_string_equal(t, cases[k].text);
        free(t);
    }
    uint64_t bits = 0x9e3779b97f4a7c15u;
    for (int k = 0; k < 20000; k++, bits = bits * 6364136223846793005u + 1442695040888963407u) {
        double r;
        memcpy(&r, &bits, sizeof r);
        if (!isfinite(r)) continue;
        ok(rnn_kvs_real(&m, "x", r, &err));
        char *t = rnn_kv_text(&m.v[0]);
        assert_true(strtod(t, NULL) == r);
        free(t);
    }
    ok(rnn_kvs_reals(&m, "x", (double[]){1, 0.5, -2e-9}, 3, &err));
    char *t = rnn_kv_text(&m.v[0]);
    assert_string_equal(t, "1,0.5,-2e-09");
    free(t);
    rnn_kvs_release(&m);
}

static void keys_are_unique_and_keep_their_place(void **state)
{
    (void)state;
    struct rnn_kvs m = {0}, copy = {0};
    ok(rnn_kvs_str(&m, "task", "dms", &err));
    ok(rnn_kvs_reals(&m, "list", (double[]){1, 2}, 2, &err));
    ok(rnn_kvs_uint(&m, "seed", UINT64_MAX, &err));
    ok(rnn_kvs_int(&m, "task", 4, &err));
    ok(rnn_kvs_bool(&m, "list", true, &err));
    assert_int_equal(m.n, 3);
    assert_string_equal(m.v[0].key, "task");
    assert_int_equal(rnn_kvs_get_int(&m, "task", 0), 4);
    assert_true(rnn_kvs_get_uint(&m, "seed", 0) == UINT64_MAX);
    assert_int_equal(rnn_kvs_get_int(&m, "seed", -1), -1); /* does not fit */
    ok(rnn_kvs_str(&m, "name", "a", &err));
    ok(rnn_kvs_str(&m, "name", rnn_kvs_get_str(&m, "name", NULL), &err)); /* itself */
    assert_string_equal(rnn_kvs_get_str(&m, "name", ""), "a");
    ok(rnn_kvs_null(&copy, "name", &err));
    ok(rnn_kvs_merge(&copy, &m, &err));
    ok(rnn_kvs_merge(&copy, &copy, &err));
    assert_int_equal(copy.n, 4);
    assert_string_equal(copy.v[0].key, "name");
    assert_string_equal(copy.v[0].s, "a");
    assert_ptr_not_equal(copy.v[0].s, m.v[3].s);
    ok(rnn_kvs_real(&m, "r", 2.0, &err));
    assert_int_equal(rnn_kvs_get_int(&m, "r", 0), 2);
    ok(rnn_kvs_real(&m, "r", 2.5, &err));
    assert_int_equal(rnn_kvs_get_int(&m, "r", -1), -1);
    assert_true(rnn_kvs_get_real(&m, "absent", 7) == 7);
    assert_true(rnn_kvs_get_real(&m, "list", 7) == 1);
    assert_null(rnn_kvs_find(&m, "absent"));
    rnn_kvs_release(&m);
    rnn_kvs_release(&copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_can_be_built_from_messages), cmocka_unit_test(sizes_are_checked),
        cmocka_unit_test(buffers_grow_and_keep_their_contents), cmocka_unit_test(every_dtype_round_trips),
        cmocka_unit_test(text_is_typed_as_a_person_means_it), cmocka_unit_test(reals_print_short_and_read_back_equal),
        cmocka_unit_test(keys_are_unique_and_keep_their_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
