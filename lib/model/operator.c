/* Signed selection operators: by number, by text, as a matrix. */
#include "model/operator.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

int rnn_operator_parse_ids(const char *text, uint64_t id[3], struct rnn_err *err)
{
    const char *p = text;
    for (int i = 0; i < 3; i++) {
        char *end;
        errno = 0;
        const unsigned long long v = strtoull(p, &end, 0);
        if (!isdigit((unsigned char)*p) || errno || *end != (i < 2 ? ',' : '\0'))
            return rnn_fail(err, RNN_ERR_ARG, "'%s' is not three unsigned 64-bit numbers separated by commas",
                            text);
        id[i] = v;
        p = end + 1;
    }
    return RNN_OK;
}

int rnn_operator_from_ids(const uint64_t id[3], size_t lags, size_t dims, struct rnn_select *out,
                          struct rnn_err *err)
{
    const size_t n = lags * dims;
    if (!lags || !dims || lags > 64 || dims > 64 || n > 64)
        return rnn_fail(
            err, RNN_ERR_ARG,
            "ids number operators of at most 64 history elements, not %zu x %zu: give the operator as text",
            lags, dims);
    size_t col[64], found = 0;
    for (size_t i = 0; i < 64; i++)
        if (id[0] >> i & 1) {
            if (i >= n)
                return rnn_fail(err, RNN_ERR_ARG, "first id selects element %zu of a history of %zu", i + 1,
                                n);
            col[found++] = i;
        }
    if (found != dims)
        return rnn_fail(err, RNN_ERR_ARG,
                        "first id selects %zu history elements where %zu dimensions need one each", found,
                        dims);
    uint64_t left = id[1];
    for (size_t k = 0; left && dims > 1; k++, left /= dims) {
        const size_t g = (size_t)(left % dims);
        if (!g) continue;
        if (k >= dims || g >= dims - k)
            return rnn_fail(err, RNN_ERR_ARG, "second id swaps output %zu beyond the last, %zu", k + 1, dims);
        const size_t tmp = col[k];
        col[k] = col[k + g];
        col[k + g] = tmp;
    }
    if (left) return rnn_fail(err, RNN_ERR_ARG, "second id must be 0 for one dimension");
    if (dims < 64 && id[2] >> dims)
        return rnn_fail(err, RNN_ERR_ARG, "third id gives signs to more than %zu outputs", dims);
    for (size_t k = 0; k < dims; k++)
        out[k] = (struct rnn_select){id[2] >> k & 1 ? -1 : 1, col[k] / dims + 1, col[k] % dims + 1};
    return RNN_OK;
}

/* A whole number from 1 at *p; 0 when there is none. */
static size_t read_number(const char **p)
{
    while (**p == ' ' || **p == '\t') ++*p;
    if (!isdigit((unsigned char)**p)) return 0;
    char *end;
    errno = 0;
    const unsigned long long v = strtoull(*p, &end, 10);
    *p = end;
    return errno || v > 1u << 20 ? 0 : (size_t)v;
}

/* One piece [p, end): empty gives 0 in sel->sign. */
static int read_piece(const char *p, size_t len, size_t number, struct rnn_select *sel, struct rnn_err *err)
{
    char line[96];
    const char *hash = memchr(p, '#', len);
    if (hash) len = (size_t)(hash - p);
    while (len && isspace((unsigned char)*p)) p++, len--;
    while (len && isspace((unsigned char)p[len - 1])) len--;
    *sel = (struct rnn_select){0};
    if (!len) return RNN_OK;
    snprintf(line, sizeof line, "%.*s", (int)(len < sizeof line ? len : sizeof line - 1), p);
    const char *q = line;
    const int sign = *q == '+' ? 1 : *q == '-' ? -1 : 0;
    if (sign) q++;
    const size_t v = read_number(&q), d = read_number(&q);
    if (!sign || !v || !d || *q)
        return rnn_fail(err, RNN_ERR_ARG,
                        "operator: output %zu: '%s' is not 'sign variable dim', such as '- 2 1'", number,
                        line);
    *sel = (struct rnn_select){sign, v, d};
    return RNN_OK;
}

int rnn_operator_from_text(const char *text, size_t *lags, size_t *dims, struct rnn_select **out,
                           struct rnn_err *err)
{
    struct rnn_select *sel = NULL;
    size_t cap = 0, n = 0, oldest = 0;
    int rc = RNN_OK;
    for (const char *p = text; rc == RNN_OK;) {
        /* a comment runs to the end of its line, whatever it contains */
        const char *stop = p + strcspn(p, ";\n#");
        if (*stop == '#') stop += strcspn(stop, "\n");
        struct rnn_select one;
        if ((rc = read_piece(p, (size_t)(stop - p), n + 1, &one, err)) < 0) break;
        if (one.sign) {
            if ((rc = rnn_grow(&sel, &cap, n + 1, sizeof *sel, err)) < 0) break;
            sel[n++] = one;
            if (one.variable > oldest) oldest = one.variable;
        }
        if (!*stop) break;
        p = stop + 1;
    }
    for (size_t k = 0; k < n && rc == RNN_OK; k++)
        if (sel[k].dim > n)
            rc = rnn_fail(err, RNN_ERR_ARG,
                          "operator: output %zu reads dimension %zu of %zu (one line per dimension)", k + 1,
                          sel[k].dim, n);
    if (rc == RNN_OK && !n) rc = rnn_fail(err, RNN_ERR_ARG, "operator: no outputs in it");
    if (rc < 0) {
        free(sel);
        return rc;
    }
    *lags = oldest;
    *dims = n;
    *out = sel;
    return RNN_OK;
}

char *rnn_operator_text(size_t dims, const struct rnn_select *sel)
{
    char *text = malloc(dims * 48 + 1);
    if (!text) return NULL;
    size_t at = 0;
    text[0] = '\0';
    for (size_t k = 0; k < dims; k++)
        at += (size_t)sprintf(text + at, "%s%c %zu %zu", k ? "; " : "", sel[k].sign < 0 ? '-' : '+',
                              sel[k].variable, sel[k].dim);
    return text;
}

void rnn_operator_matrix(size_t lags, size_t dims, const struct rnn_select *sel, double *F)
{
    memset(F, 0, lags * dims * dims * sizeof *F);
    for (size_t k = 0; k < dims; k++)
        F[k * lags * dims + (sel[k].variable - 1) * dims + sel[k].dim - 1] = sel[k].sign;
}
