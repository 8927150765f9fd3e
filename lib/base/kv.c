#include "base/kv.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"

/* The entry of `key`, made when absent, emptied when present (so that a new value replaces it in place). */
static int slot(struct rnn_kvs *m, const char *key, enum rnn_kv_type type, struct rnn_kv **out, struct rnn_err *err)
{
    struct rnn_kv *e = NULL;
    for (size_t i = 0; i < m->n && !e; i++) {
        if (strcmp(m->v[i].key, key) == 0) e = &m->v[i];
    }
    if (e) {
        char *keep = e->key;
        free(e->s);
        free(e->list);
        *e = (struct rnn_kv){.key = keep};
    } else {
        RNN_TRY(rnn_grow(&m->v, &m->cap, m->n + 1, sizeof *m->v, err));
        char *k = rnn_strdup(key);
        if (!k) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
        e = &m->v[m->n++];
        *e = (struct rnn_kv){.key = k};
    }
    e->type = type;
    *out = e;
    return RNN_OK;
}

int rnn_kvs_null(struct rnn_kvs *m, const char *key, struct rnn_err *err)
{
    struct rnn_kv *e;
    return slot(m, key, RNN_KV_NULL, &e, err);
}

int rnn_kvs_bool(struct rnn_kvs *m, const char *key, bool b, struct rnn_err *err)
{
    struct rnn_kv *e;
    RNN_TRY(slot(m, key, RNN_KV_BOOL, &e, err));
    e->b = b;
    return RNN_OK;
}

int rnn_kvs_int(struct rnn_kvs *m, const char *key, int64_t i, struct rnn_err *err)
{
    struct rnn_kv *e;
    RNN_TRY(slot(m, key, RNN_KV_INT, &e, err));
    e->i = i;
    return RNN_OK;
}

int rnn_kvs_uint(struct rnn_kvs *m, const char *key, uint64_t u, struct rnn_err *err)
{
    struct rnn_kv *e;
    RNN_TRY(slot(m, key, RNN_KV_UINT, &e, err));
    e->u = u;
    return RNN_OK;
}

int rnn_kvs_real(struct rnn_kvs *m, const char *key, double r, struct rnn_err *err)
{
    struct rnn_kv *e;
    RNN_TRY(slot(m, key, RNN_KV_REAL, &e, err));
    e->r = r;
    return RNN_OK;
}

int rnn_kvs_str(struct rnn_kvs *m, const char *key, const char *s, struct rnn_err *err)
{
    char *copy = rnn_strdup(s); /* first: s may be the value that is replaced */
    struct rnn_kv *e;
    if (!copy) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    int rc = slot(m, key, RNN_KV_STR, &e, err);
    if (rc < 0) {
        free(copy);
        return rc;
    }
    e->s = copy;
    return RNN_OK;
}

int rnn_kvs_reals(struct rnn_kvs *m, const char *key, const double *list, size_t n, struct rnn_err *err)
{
    double *copy;
    struct rnn_kv *e;
    RNN_TRY(rnn_alloc_into(&copy, n, sizeof *copy, err));
    if (n) memcpy(copy, list, n * sizeof *copy);
    int rc = slot(m, key, RNN_KV_REALS, &e, err);
    if (rc < 0) {
        free(copy);
        return rc;
    }
    e->list = copy;
    e->n = n;
    return RNN_OK;
}

static int set_copy(struct rnn_kvs *m, const struct rnn_kv *e, struct rnn_err *err)
{
    switch (e->type) {
    case RNN_KV_NULL: return rnn_kvs_null(m, e->key, err);
    case RNN_KV_BOOL: return rnn_kvs_bool(m, e->key, e->b, err);
    case RNN_KV_INT: return rnn_kvs_int(m, e->key, e->i, err);
    case RNN_KV_UINT: return rnn_kvs_uint(m, e->key, e->u, err);
    case RNN_KV_REAL: return rnn_kvs_real(m, e->key, e->r, err);
    case RNN_KV_STR: return rnn_kvs_str(m, e->key, e->s, err);
    case RNN_KV_REALS: return rnn_kvs_reals(m, e->key, e->list, e->n, err);
    }
    return rnn_fail(err, RNN_ERR_ARG, "value '%s' has no known type", e->key);
}

int rnn_kvs_merge(struct rnn_kvs *dst, const struct rnn_kvs *src, struct rnn_err *err)
{
    if (dst == src) return RNN_OK;
    for (size_t i = 0; i < src->n; i++) RNN_TRY(set_copy(dst, &src->v[i], err));
    return RNN_OK;
}

const struct rnn_kv *rnn_kvs_find(const struct rnn_kvs *m, const char *key)
{
    for (size_t i = 0; i < m->n; i++) {
        if (strcmp(m->v[i].key, key) == 0) return &m->v[i];
    }
    return NULL;
}

double rnn_kvs_get_real(const struct rnn_kvs *m, const char *key, double dflt)
{
    const struct rnn_kv *e = rnn_kvs_find(m, key);
    if (!e) return dflt;
    switch (e->type) {
    case RNN_KV_BOOL: return e->b;
    case RNN_KV_INT: return (double)e->i;
    case RNN_KV_UINT: return (double)e->u;
    case RNN_KV_REAL: return e->r;
    default: return dflt;
    }
}

/* Reals count as integers only when they are exactly one: 2.0 is, 2.5 and 1e300 are not. */
int64_t rnn_kvs_get_int(const struct rnn_kvs *m, const char *key, int64_t dflt)
{
    const struct rnn_kv *e = rnn_kvs_find(m, key);
    if (!e) return dflt;
    switch (e->type) {
    case RNN_KV_BOOL: return e->b;
    case RNN_KV_INT: return e->i;
    case RNN_KV_UINT: return e->u <= INT64_MAX ? (int64_t)e->u : dflt;
    case RNN_KV_REAL: return e->r == trunc(e->r) && fabs(e->r) < 0x1p63 ? (int64_t)e->r : dflt;
    default: return dflt;
    }
}

uint64_t rnn_kvs_get_uint(const struct rnn_kvs *m, const char *key, uint64_t dflt)
{
    const struct rnn_kv *e = rnn_kvs_find(m, key);
    if (!e) return dflt;
    switch (e->type) {
    case RNN_KV_BOOL: return e->b;
    case RNN_KV_INT: return e->i >= 0 ? (uint64_t)e->i : dflt;
    case RNN_KV_UINT: return e->u;
    case RNN_KV_REAL: return e->r == trunc(e->r) && e->r >= 0 && e->r < 0x1p64 ? (uint64_t)e->r : dflt;
    default: return dflt;
    }
}

const char *rnn_kvs_get_str(const struct rnn_kvs *m, const char *key, const char *dflt)
{
    const struct rnn_kv *e = rnn_kvs_find(m, key);
    return e && e->type == RNN_KV_STR ? e->s : dflt;
}

#define REAL_TEXT 32 /* bytes: longest "%.17g" and its NUL, with room */

static void real_text(double r, char out[REAL_TEXT])
{
    if (isnan(r)) { /* one spelling, whatever the sign bit */
        strcpy(out, "nan");
        return;
    }
    for (int digits = 15; digits <= 17; digits++) { /* %g drops zeros at the end; fewer digits would give 1e+02 for 100 */
        snprintf(out, REAL_TEXT, "%.*g", digits, r);
        if (strtod(out, NULL) == r) return;
    }
}

static char *reals_text(const double *list, size_t n)
{
    char *text = malloc(n * REAL_TEXT + 1), *p = text;
    if (!text) return NULL;
    *p = '\0';
    for (size_t i = 0; i < n; i++) {
        if (i) *p++ = ',';
        real_text(list[i], p);
        p += strlen(p);
    }
    return text;
}

char *rnn_kv_text(const struct rnn_kv *e)
{
    char buf[REAL_TEXT];
    switch (e->type) {
    case RNN_KV_NULL: return rnn_strdup("");
    case RNN_KV_BOOL: return rnn_strdup(e->b ? "true" : "false");
    case RNN_KV_INT: return rnn_asprintf("%" PRId64, e->i);
    case RNN_KV_UINT: return rnn_asprintf("%" PRIu64, e->u);
    case RNN_KV_REAL: real_text(e->r, buf); return rnn_strdup(buf);
    case RNN_KV_STR: return rnn_strdup(e->s);
    case RNN_KV_REALS: return reals_text(e->list, e->n);
    }
    return rnn_strdup("");
}

/* A decimal number as a person writes it: "-3", ".5", "1e-3"; not "0x10", "inf", " 3" nor "007" (a name, not a number). */
static bool looks_decimal(const char *t)
{
    const char *p = t + (*t == '-' || *t == '+');
    if (!isdigit((unsigned char)*p) && !(*p == '.' && isdigit((unsigned char)p[1]))) return false;
    if (p[0] == '0' && isdigit((unsigned char)p[1])) return false;
    return strspn(p, "0123456789.eE+-") == strlen(p);
}

int rnn_kvs_from_text(struct rnn_kvs *m, const char *key, const char *text, struct rnn_err *err)
{
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) return rnn_kvs_bool(m, key, *text == 't', err);
    if (looks_decimal(text)) {
        char *end;
        errno = 0;
        long long i = strtoll(text, &end, 10);
        if (*end == '\0' && errno == 0) return rnn_kvs_int(m, key, i, err);
        if (*end == '\0' && *text != '-') {
            errno = 0;
            unsigned long long u = strtoull(text, &end, 10);
            if (errno == 0) return rnn_kvs_uint(m, key, u, err);
        }
        double r = strtod(text, &end);
        if (*end == '\0' && isfinite(r)) return rnn_kvs_real(m, key, r, err);
    }
    return rnn_kvs_str(m, key, text, err);
}

void rnn_kvs_release(struct rnn_kvs *m)
{
    for (size_t i = 0; i < m->n; i++) {
        free(m->v[i].key);
        free(m->v[i].s);
        free(m->v[i].list);
    }
    free(m->v);
    *m = (struct rnn_kvs){0};
}
