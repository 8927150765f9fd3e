/* Stock msgpack and msgpack-numpy read what we write, and we read what they write (tests/interop/stream_numpy.py). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/mem.h"
#include "io/reader.h"
#include "io/table.h"

static struct rnn_err err;
static char path[600];

static void ok(int rc)
{
    if (rc != RNN_OK) fail_msg("%s: %s", rnn_rc_name(rc), err.msg);
}

static int name_file(void **state)
{
    const char *dir = getenv("TMPDIR");
    (void)state;
    snprintf(path, sizeof path, "%s/interop-%ld.rnn", dir ? dir : P_tmpdir, (long)getpid());
    return 0;
}

static int remove_file(void **state)
{
    (void)state;
    remove(path);
    return 0;
}

/* Runs the script (quiet: a failure is wanted), which lies beside this file's folder (tests run from the top of the tree). */
static int python(const char *mode, bool quiet)
{
    const char *interpreter = getenv("PYTHON") ? getenv("PYTHON") : "/usr/bin/python3";
    const char *slash = strrchr(__FILE__, '/');
    char *script = rnn_asprintf("%.*s/../interop/stream_numpy.py", (int)(slash - __FILE__), __FILE__);
    pid_t pid = fork();
    if (pid == 0) {
        if (quiet && !freopen("/dev/null", "w", stderr)) _exit(127);
        execl(interpreter, interpreter, script, mode, path, (char *)NULL);
        _exit(127);
    }
    int status = -1;
    waitpid(pid, &status, 0);
    free(script);
    return status;
}

/* 0..5 as [2][3] of one dtype; the largest element has 16 bytes. */
static void put_count(struct rnn_body *b, enum rnn_dtype t)
{
    union {
        float f4[6];
        double f8[12];
        int32_t i4[6];
        int64_t i8[6];
        uint8_t u1[6];
        uint64_t u8[6];
    } v;
    memset(&v, 0, sizeof v);
    for (int i = 0; i < 6; i++) {
        switch (t) {
        case RNN_F32: v.f4[i] = (float)i; break;
        case RNN_F64: v.f8[i] = i; break;
        case RNN_I32: v.i4[i] = i; break;
        case RNN_I64: v.i8[i] = i; break;
        case RNN_U8: v.u1[i] = (uint8_t)i; break;
        case RNN_U64: v.u8[i] = (uint64_t)i; break;
        case RNN_BOOL: v.u1[i] = i != 0; break;
        case RNN_C128: v.f8[2 * i] = i; break;
        case RNN_N_DTYPES: break;
        }
    }
    rnn_put_array(b, rnn_dtype_name(t), t, 2, (size_t[]){2, 3}, &v);
}

static void put_net(struct rnn_body *b)
{
    static const int64_t codes[] = {-33, -32, -1, 0, 127, 128, 255, 256, 65535, 65536, UINT32_MAX, (int64_t)1 << 32};
    char text[601] = "";
    for (int k = 0; k < 100; k++) strcat(text, "gr\xc3\xbc\xc3\x9f");
    rnn_body_start(b);
    rnn_put_uint(b, "seed", UINT64_MAX);
    rnn_put_int(b, "low", INT64_MIN);
    rnn_put_real(b, "lr", 0.1);
    rnn_put_nil(b, "note");
    rnn_put_str(b, "text", text);
    rnn_put_list(b, "codes");
    for (size_t k = 0; k < RNN_LEN(codes); k++) rnn_put_int(b, NULL, codes[k]);
    rnn_put_close(b);
    rnn_put_map(b, "params");
    for (int t = 0; t < RNN_N_DTYPES; t++) put_count(b, (enum rnn_dtype)t);
    rnn_put_close(b);
    rnn_put_map(b, "wide");
    for (int k = 0; k < 40; k++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", k);
        rnn_put_int(b, key, k);
    }
    rnn_put_close(b);
}

static void write_table(struct rnn_writer *w)
{
    struct rnn_table *t;
    ok(rnn_table_new(&t, "learning", &err));
    ok(rnn_table_col(t, "update", RNN_KV_INT, NULL, NULL, &err));
    ok(rnn_table_col(t, "loss", RNN_KV_REAL, "1", NULL, &err));
    ok(rnn_table_col(t, "status", RNN_KV_STR, NULL, NULL, &err));
    for (int k = 0; k < 20; k++) {
        rnn_table_set_int(t, "update", k);
        if (k != 7) rnn_table_set(t, "loss", 0.5 * k);
        if (k % 2) rnn_table_set_str(t, "status", "trained");
        rnn_table_row(t);
    }
    ok(rnn_table_write(t, w, NULL, NULL, &err));
    rnn_table_free(t);
}

static void numpy_reads_us(void **state)
{
    (void)state;
    struct rnn_writer *w;
    struct rnn_body b = {0};
    double v[12];
    for (int i = 0; i < 12; i++) v[i] = i;
    ok(rnn_writer_open(&w, path, &err));
    ok(rnn_writer_head(w, NULL, "test", NULL, NULL, &err));
    put_net(&b);
    ok(rnn_writer_frame(w, "net", &b, &err));
    write_table(w);
    rnn_writer_set_block(w, 48);
    ok(rnn_array_write(w, "V", (const char *const[]){"mode", "unit"}, NULL, RNN_F64, 2, (size_t[]){4, 3}, v, NULL, NULL, &err));
    ok(rnn_writer_end(w, 0, &err));
    ok(rnn_writer_close(w, &err));
    rnn_body_release(&b);
    assert_int_equal(python("expect", false), 0);
}

static void want_values(const msgpack_object *map, const char *key, int ndim, const double *v, size_t n)
{
    struct rnn_array a;
    ok(rnn_want_array(map, key, &a, &err));
    assert_int_equal(a.ndim, ndim);
    assert_int_equal(rnn_array_count(&a), n);
    for (size_t i = 0; i < n; i++) assert_true(rnn_array_get(&a, i) == v[i]);
    rnn_array_release(&a);
}

static void we_read_numpy(void **state)
{
    (void)state;
    static const double count[] = {0, 1, 2, 3, 4, 5}, truth[] = {0, 1, 1, 1, 1, 1}, even[] = {0, 2, 4, 6, 8, 10}, axisless[] = {1.5};
    struct rnn_reader *r;
    struct rnn_frame f;
    const msgpack_object *params;
    double real;
    int64_t n;
    bool yes;
    assert_int_equal(python("write", false), 0);
    ok(rnn_reader_open(&r, path, 0, &err));
    ok(rnn_reader_next(r, &f, &err));
    ok(rnn_reader_next(r, &f, &err));
    ok(rnn_want_map(f.body, "params", &params, &err));
    for (int t = 0; t < RNN_N_DTYPES; t++) want_values(params, rnn_dtype_name((enum rnn_dtype)t), 2, t == RNN_BOOL ? truth : count, 6);
    want_values(f.body, "fortran", 2, count, 6); /* column order there, C order in the stream */
    want_values(f.body, "strided", 1, even, 6);
    want_values(f.body, "axisless", 0, axisless, 1);
    ok(rnn_want_real(f.body, "scalar", &real, &err));
    assert_true(real == 0.25);
    ok(rnn_want_int(f.body, "count", &n, &err));
    assert_int_equal(n, -3);
    ok(rnn_want_bool(f.body, "yes", &yes, &err));
    assert_true(yes);
    ok(rnn_reader_next(r, &f, &err));
    assert_string_equal(f.kind, "my-own-kind");
    ok(rnn_reader_next(r, &f, &err));
    assert_int_equal(rnn_reader_next(r, &f, &err), RNN_EOS);
    rnn_reader_close(r);
    assert_int_not_equal(python("expect", true), 0); /* the script can tell: this file is not the sample */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(numpy_reads_us, name_file, remove_file),
        cmocka_unit_test_setup_teardown(we_read_numpy, name_file, remove_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
