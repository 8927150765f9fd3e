#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool rnn_mul_size(size_t a, size_t b, size_t *out)
{
    size_t v;
    if (__builtin_mul_overflow(a, b, &v)) return false;
    *out = v;
    return true;
}

bool rnn_add_size(size_t a, size_t b, size_t *out)
{
    size_t v;
    if (__builtin_add_overflow(a, b, &v)) return false;
    *out = v;
    return true;
}

void *rnn_alloc(size_t n, size_t size)
{
    size_t bytes, padded;
    if (!rnn_mul_size(n, size, &bytes) || !rnn_add_size(bytes, RNN_ALIGN - 1, &padded)) return NULL;
    padded &= ~(size_t)(RNN_ALIGN - 1);
    if (padded == 0) padded = RNN_ALIGN;
    if (padded > PTRDIFF_MAX) return NULL;
    void *p = aligned_alloc(RNN_ALIGN, padded);
    if (p) memset(p, 0, padded);
    return p;
}

int rnn_alloc_into(void *out, size_t n, size_t size, struct rnn_err *err)
{
    void *p = rnn_alloc(n, size);
    if (!p) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory (%zu elements of %zu bytes)", n, size);
    memcpy(out, &p, sizeof p);
    return RNN_OK;
}

int rnn_grow(void *buf, size_t *cap, size_t need, size_t size, struct rnn_err *err)
{
    if (need <= *cap) return RNN_OK;
    size_t n = *cap < 8 ? 8 : *cap, bytes;
    while (n < need) {
        if (!rnn_mul_size(n, 2, &n)) n = need;
    }
    void *old, *p = NULL;
    memcpy(&old, buf, sizeof old); /* any pointer type may be behind buf */
    if (rnn_mul_size(n, size, &bytes) && bytes <= PTRDIFF_MAX) p = realloc(old, bytes);
    if (!p) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory (%zu elements of %zu bytes)", need, size);
    memcpy(buf, &p, sizeof p);
    *cap = n;
    return RNN_OK;
}

char *rnn_strdup(const char *s)
{
    return strdup(s);
}

char *rnn_asprintf(const char *fmt, ...)
{
    char *s;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&s, fmt, ap);
    va_end(ap);
    return n < 0 ? NULL : s;
}
