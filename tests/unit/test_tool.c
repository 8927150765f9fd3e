/* tool: shards are contiguous blocks that cover everything once, and differ by at most one item. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tool/tool.h"

static void shards_cover_all_once(void **unused)
{
    (void)unused;
    for (uint64_t n = 0; n < 40; n++) {
        for (uint64_t N = 1; N < 50; N++) {
            uint64_t at = 0, lo, hi;
            for (uint64_t i = 0; i < N; i++) {
                tool_shard_range(n, i, N, &lo, &hi);
                assert_int_equal(lo, at);
                assert_true(hi - lo == n / N || hi - lo == n / N + 1);
                at = hi;
            }
            assert_int_equal(at, n);
        }
    }
}

static void large_counts_do_not_overflow(void **unused)
{
    (void)unused;
    uint64_t lo, hi;
    tool_shard_range(UINT64_MAX, 2, 3, &lo, &hi);
    assert_true(lo == UINT64_MAX / 3 * 2);
    assert_true(hi == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shards_cover_all_once),
        cmocka_unit_test(large_counts_do_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
