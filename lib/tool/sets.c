#include "tool/sets.h"

#include <stdlib.h>
#include <string.h>
#include "base/mem.h"

#define LARGEST ((size_t)1 << 24)

void tool_sets_release(struct tool_sets *s)
{
    for (size_t i = 0; i < s->n; i++) {
        free(s->v[i].text);
        free(s->v[i].v);
    }
    free(s->v);
    *s = (struct tool_sets){ 0 };
}

size_t tool_sets_max(const struct tool_sets *s)
{
    size_t max = 0;
    for (size_t i = 0; i < s->n; i++)
        if (s->v[i].n && s->v[i].v[s->v[i].n - 1] > max) max = s->v[i].v[s->v[i].n - 1];
    return max;
}

/* A number at *p, which moves behind it. */
static bool number(const char **p, size_t least, size_t *out)
{
    char *end;
    *out = 0;
    if (**p < '0' || **p > '9') return false;
    const unsigned long v = strtoul(*p, &end, 10);
    *p = end;
    *out = v;
    return v >= least && v < LARGEST;
}

static int compare(const void *a, const void *b)
{
    const size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

static int put(struct tool_set *s, size_t *cap, size_t lo, size_t hi, struct rnn_err *err)
{
    RNN_TRY(rnn_grow(&s->v, cap, s->n + hi - lo + 1, sizeof *s->v, err));
    for (size_t i = lo; i <= hi; i++) s->v[s->n++] = i;
    return RNN_OK;
}

static int push(struct tool_sets *out, struct tool_set *s, char *text, struct rnn_err *err)
{
    size_t n = 0;
    s->text = text;
    int rc = text ? rnn_grow(&out->v, &out->cap, out->n + 1, sizeof *out->v, err) : rnn_fail(err, RNN_ERR_NOMEM, "out of memory");
    if (rc < 0) {
        free(s->text);
        free(s->v);
        return rc;
    }
    qsort(s->v, s->n, sizeof *s->v, compare);
    for (size_t i = 0; i < s->n; i++)
        if (!n || s->v[n - 1] != s->v[i]) s->v[n++] = s->v[i];
    s->n = n;
    out->v[out->n++] = *s;
    return RNN_OK;
}

int tool_sets_add(struct tool_sets *s, size_t k, struct rnn_err *err)
{
    struct tool_set one = { 0 };
    size_t cap = 0;
    RNN_TRY(put(&one, &cap, k, k, err));
    return push(s, &one, rnn_asprintf("%zu", k), err);
}

/* A word without '-': one set. */
static int one_set(const char *option, const char *word, size_t least, struct tool_sets *out, struct rnn_err *err)
{
    struct tool_set s = { 0 };
    size_t cap = 0, lo, hi;
    int rc = RNN_OK;
    for (const char *p = word;; p++) {
        bool ok = number(&p, least, &lo);
        hi = lo;
        if (ok && *p == ':') {
            p++;
            ok = number(&p, least, &hi) && hi >= lo;
        }
        if (!ok || (*p && *p != '+'))
            rc = rnn_fail(err, RNN_ERR_ARG, "--%s: '%s': neither numbers from %zu, a range such as 3-8, nor a set such as 1+4 or 10:19", option, word, least);
        if (rc >= 0) rc = put(&s, &cap, lo, hi, err);
        if (rc < 0) {
            free(s.v);
            return rc;
        }
        if (!*p) break;
    }
    return push(out, &s, rnn_strdup(word), err);
}

int tool_sets_parse(const char *option, const struct cli_strs *words, size_t least, struct tool_sets *out, struct rnn_err *err)
{
    for (size_t i = 0; i < words->n; i++) {
        const char *p = words->v[i];
        size_t lo, hi;
        if (number(&p, least, &lo) && *p == '-') {
            p++;
            if (number(&p, least, &hi) && !*p && hi >= lo) {
                for (size_t k = lo; k <= hi; k++) RNN_TRY(tool_sets_add(out, k, err));
                continue;
            }
        }
        RNN_TRY(one_set(option, words->v[i], least, out, err));
    }
    return RNN_OK;
}
