#include "num/kernels.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

static const struct rnn_kernels *selected = &rnn_kernels_ref;

const struct rnn_kernels *rnn_kernels(void)
{
    return selected;
}

#if defined(__x86_64__)
static int has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static int has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
}
#endif

static int always(void)
{
    return 1;
}

/* Best first: "auto" takes the first that runs. */
static const struct {
    const struct rnn_kernels *set;
    int (*runs)(void);
} sets[] = {
#if defined(__x86_64__)
    {&rnn_kernels_avx512, has_avx512},
    {&rnn_kernels_avx2, has_avx2},
#endif
    {&rnn_kernels_ref, always},
};

int rnn_kernels_select(const char *name, struct rnn_err *err)
{
    const int automatic = !name || !*name || strcmp(name, "auto") == 0;
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        if (!automatic && strcmp(name, sets[i].set->name) != 0) continue;
        if (sets[i].runs()) {
            selected = sets[i].set;
            return RNN_OK;
        }
        if (!automatic) return rnn_fail(err, RNN_ERR_ARG, "this processor cannot run the kernels '%s'", name);
    }
    return rnn_fail(err, RNN_ERR_ARG, "no kernels named '%s' (auto, ref, avx2, avx512)", name);
}

void rnn_flush_denormals(void)
{
#if defined(__x86_64__)
    _mm_setcsr(_mm_getcsr() | 0x8040); /* FTZ, DAZ */
#elif defined(__aarch64__)
    uint64_t fpcr;
    __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
    __asm__ volatile("msr fpcr, %0" : : "r"(fpcr | UINT64_C(1) << 24)); /* FZ covers inputs and outputs */
#endif
}
