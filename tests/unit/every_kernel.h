/* A program's tests, once with each set of kernels that this processor runs: EVERY_KERNEL(tests) is how many failed.  After <cmocka.h>. */
#ifndef EVERY_KERNEL_H
#define EVERY_KERNEL_H

#include "base/mem.h"
#include "num/kernels.h"

static int every_kernel(const struct CMUnitTest *tests, size_t n)
{
    static const char *const sets[] = {"ref", "avx2", "avx512"};
    int failed = 0;
    for (size_t i = 0; i < RNN_LEN(sets); i++) {
        struct rnn_err err;
        if (rnn_kernels_select(sets[i], &err) == RNN_OK) failed += _cmocka_run_group_tests(sets[i], tests, n, NULL, NULL);
    }
    return failed;
}
#define EVERY_KERNEL(tests) every_kernel(tests, RNN_LEN(tests))

#endif
