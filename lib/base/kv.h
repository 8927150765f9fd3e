/* Named values: labels, options, task parameters.  The common tongue of option tables, provenance and specs. */
#ifndef RNN_BASE_KV_H
#define RNN_BASE_KV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

enum rnn_kv_type { RNN_KV_NULL, RNN_KV_BOOL, RNN_KV_INT, RNN_KV_UINT, RNN_KV_REAL, RNN_KV_STR, RNN_KV_REALS };

struct rnn_kv {
    char *key;
    enum rnn_kv_type type;
    bool b;
    int64_t i;
    uint64_t u;      /* RNN_KV_UINT: values that may exceed int64 (seeds, published task ids) */
    double r;
    char *s;         /* RNN_KV_STR */
    double *list;    /* RNN_KV_REALS: n numbers */
    size_t n;
};

/* An ordered set of named values; keys are unique, setting an existing key replaces its value in place.  Owns copies. */
struct rnn_kvs {
    struct rnn_kv *v;
    size_t n, cap;
};

int rnn_kvs_bool(struct rnn_kvs *m, const char *key, bool b, struct rnn_err *err);
int rnn_kvs_int(struct rnn_kvs *m, const char *key, int64_t i, struct rnn_err *err);
int rnn_kvs_uint(struct rnn_kvs *m, const char *key, uint64_t u, struct rnn_err *err);
int rnn_kvs_real(struct rnn_kvs *m, const char *key, double r, struct rnn_err *err);
int rnn_kvs_str(struct rnn_kvs *m, const char *key, const char *s, struct rnn_err *err);
int rnn_kvs_reals(struct rnn_kvs *m, const char *key, const double *list, size_t n, struct rnn_err *err);
int rnn_kvs_null(struct rnn_kvs *m, const char *key, struct rnn_err *err);
/* Copies every entry of src into dst (replacing). */
int rnn_kvs_merge(struct rnn_kvs *dst, const struct rnn_kvs *src, struct rnn_err *err);
const struct rnn_kv *rnn_kvs_find(const struct rnn_kvs *m, const char *key); /* NULL when absent */
/* Numeric value of any numeric kind (bool too), or dflt when absent or not numeric. */
double rnn_kvs_get_real(const struct rnn_kvs *m, const char *key, double dflt);
int64_t rnn_kvs_get_int(const struct rnn_kvs *m, const char *key, int64_t dflt);
uint64_t rnn_kvs_get_uint(const struct rnn_kvs *m, const char *key, uint64_t dflt);
const char *rnn_kvs_get_str(const struct rnn_kvs *m, const char *key, const char *dflt);
/* Text of a value as a user would type it (reals in the shortest form that reads back equal); caller frees; NULL: memory. */
char *rnn_kv_text(const struct rnn_kv *e);
/* A value guessed from text "3", "0.5", "true", "abc" (labels are typed so that they sort and plot as numbers). */
int rnn_kvs_from_text(struct rnn_kvs *m, const char *key, const char *text, struct rnn_err *err);
void rnn_kvs_release(struct rnn_kvs *m);

#endif
