/* Checked sizes and aligned memory.  Everything allocated here is released with free(). */
#ifndef RNN_BASE_MEM_H
#define RNN_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

#define RNN_ALIGN 64 /* bytes: one cache line, one AVX-512 vector */
#define RNN_LEN(a) (sizeof(a) / sizeof(*(a)))

/* *out = a * b (or a + b); false, with *out untouched, on overflow. */
bool rnn_mul_size(size_t a, size_t b, size_t *out);
bool rnn_add_size(size_t a, size_t b, size_t *out);

/* n elements of `size` bytes, zeroed, RNN_ALIGN-aligned; n = 0 gives a unique pointer.  NULL on overflow or exhaustion. */
void *rnn_alloc(size_t n, size_t size);
/* As rnn_alloc, but stores into *out and reports RNN_ERR_NOMEM with the size asked for. */
int rnn_alloc_into(void *out, size_t n, size_t size, struct rnn_err *err);
/* Grows *buf (malloc'd, capacity *cap elements of `size`) so that it holds `need`; doubles; contents kept, not zeroed. */
int rnn_grow(void *buf, size_t *cap, size_t need, size_t size, struct rnn_err *err);
/* Copies of a string (NULL only when memory is out). */
char *rnn_strdup(const char *s);
char *rnn_asprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
