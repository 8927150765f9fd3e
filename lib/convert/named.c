#include "convert/named.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"

void rnn_strs_free(char **s, size_t n)
{
    for (size_t i = 0; s && i < n; i++) free(s[i]);
    free(s);
}

static int add(struct rnn_named_list *l, const char *name, struct rnn_named e, struct rnn_err *err)
{
    int rc = rnn_grow(&l->v, &l->cap, l->n + 1, sizeof *l->v, err);
    e.name = rnn_strdup(name);
    if (rc >= 0 && !e.name) rc = rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    if (rc >= 0) {
        l->v[l->n++] = e;
        return RNN_OK;
    }
    free(e.name);
    rnn_array_release(&e.a);
    rnn_strs_free(e.s, e.n_s);
    free(e.why);
    return rc;
}

int rnn_named_add(struct rnn_named_list *l, const char *name, struct rnn_array *a, struct rnn_err *err)
{
    struct rnn_named e = {.a = *a};
    a->data = NULL;
    return add(l, name, e, err);
}

int rnn_named_add_strs(struct rnn_named_list *l, const char *name, char **s, size_t n, struct rnn_err *err)
{
    return add(l, name, (struct rnn_named){.s = s, .n_s = n}, err);
}

int rnn_named_add_unread(struct rnn_named_list *l, const char *name, const char *why, struct rnn_err *err)
{
    char *copy = rnn_strdup(why);
    if (!copy) return rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    return add(l, name, (struct rnn_named){.why = copy}, err);
}

const struct rnn_named *rnn_named_find(const struct rnn_named_list *l, const char *name)
{
    for (size_t i = 0; i < l->n; i++) {
        if (strcmp(l->v[i].name, name) == 0) return &l->v[i];
    }
    return NULL;
}

void rnn_named_release(struct rnn_named_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->v[i].name);
        rnn_array_release(&l->v[i].a);
        rnn_strs_free(l->v[i].s, l->v[i].n_s);
        free(l->v[i].why);
    }
    free(l->v);
    *l = (struct rnn_named_list){0};
}

int rnn_put_bytes(FILE *f, const void *p, size_t len, struct rnn_err *err)
{
    errno = 0;
    if (len == 0 || fwrite(p, 1, len, f) == len) return RNN_OK;
    return rnn_fail(err, RNN_ERR_IO, "cannot write: %s", strerror(errno ? errno : EIO));
}

int rnn_slurp(const char *path, unsigned char **p, size_t *len, struct rnn_err *err)
{
    const bool is_stdin = !path || strcmp(path, "-") == 0;
    FILE *f = is_stdin ? stdin : fopen(path, "rb");
    size_t cap = 0, n;
    int rc = RNN_OK;
    *p = NULL;
    *len = 0;
    if (!f) return rnn_fail(err, RNN_ERR_IO, "cannot open '%s': %s", path, strerror(errno));
    do {
        rc = rnn_grow(p, &cap, *len + (1 << 16), 1, err);
        if (rc < 0) break;
        n = fread(*p + *len, 1, cap - *len, f);
        *len += n;
    } while (n > 0);
    if (rc >= 0 && ferror(f)) rc = rnn_fail(err, RNN_ERR_IO, "cannot read '%s': %s", is_stdin ? "standard input" : path, strerror(errno));
    if (!is_stdin) fclose(f);
    if (rc < 0) {
        free(*p);
        *p = NULL;
    }
    return rc;
}
