/* Arithmetic on the columns of a row: recursive descent, one function per precedence. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "report/claims.h"

struct parser {
    const struct rnn_gtable *t;
    const char *text, *at;
    size_t row;
    int depth;
    struct rnn_err *err;
};

static int comparison(struct parser *p, double *v);

static void skip(struct parser *p)
{
    while (isspace((unsigned char)*p->at)) p->at++;
}

static bool eat(struct parser *p, const char *token)
{
    skip(p);
    const size_t n = strlen(token);
    if (strncmp(p->at, token, n)) return false;
    p->at += n;
    return true;
}

static int call(struct parser *p, const char *name, double *v)
{
    RNN_TRY(comparison(p, v));
    if (!eat(p, ")")) return rnn_fail(p->err, RNN_ERR_ARG, "'%s': ) is missing", p->text);
    if (!strcmp(name, "abs")) return *v = fabs(*v), RNN_OK;
    if (!strcmp(name, "log")) return *v = log(*v), RNN_OK;
    if (!strcmp(name, "sqrt")) return *v = sqrt(*v), RNN_OK;
    return rnn_fail(p->err, RNN_ERR_ARG, "'%s': no function %s (abs, log, sqrt)", p->text, name);
}

/* A column's value; text reads as a number where it is one, else it is 1 when compared equal below. */
static int name_value(struct parser *p, double *v)
{
    char name[64];
    size_t n = 0;
    while ((isalnum((unsigned char)*p->at) || *p->at == '_' || *p->at == '.') && n + 1 < sizeof name) name[n++] = *p->at++;
    name[n] = 0;
    if (eat(p, "(")) return call(p, name, v);
    const struct rnn_gcol *c = rnn_gtable_col(p->t, name);
    if (!c) return rnn_gtable_fail_col(p->t, name, p->err);
    if (!c->is_text) return *v = c->v[p->row], RNN_OK;
    skip(p);
    const bool negate = p->at[0] == '!' && p->at[1] == '=';
    if (!negate && !(p->at[0] == '=' && p->at[1] == '='))
        return rnn_fail(p->err, RNN_ERR_ARG, "column '%s' is text: compare it, as in %s == word", name, name);
    p->at += 2;
    skip(p);
    n = strcspn(p->at, " )");
    *v = (strlen(c->s[p->row]) == n && !strncmp(c->s[p->row], p->at, n)) != negate;
    p->at += n;
    return RNN_OK;
}

static int primary(struct parser *p, double *v)
{
    skip(p);
    if (++p->depth > 100) return rnn_fail(p->err, RNN_ERR_ARG, "'%s' is nested too deeply", p->text);
    int rc = RNN_OK;
    if (eat(p, "-")) {
        rc = primary(p, v);
        *v = -*v;
    } else if (eat(p, "(")) {
        rc = comparison(p, v);
        if (rc >= 0 && !eat(p, ")")) rc = rnn_fail(p->err, RNN_ERR_ARG, "'%s': ) is missing", p->text);
    } else if (isdigit((unsigned char)*p->at) || *p->at == '.') {
        char *end;
        *v = strtod(p->at, &end);
        p->at = end;
    } else if (isalpha((unsigned char)*p->at) || *p->at == '_') {
        rc = name_value(p, v);
    } else {
        rc = rnn_fail(p->err, RNN_ERR_ARG, "'%s': a number or column is missing at '%.10s'", p->text, p->at);
    }
    p->depth--;
    return rc;
}

static int product(struct parser *p, double *v)
{
    double w;
    RNN_TRY(primary(p, v));
    for (;;) {
        if (eat(p, "*")) {
            RNN_TRY(primary(p, &w));
            *v *= w;
        } else if (eat(p, "/")) {
            RNN_TRY(primary(p, &w));
            *v /= w;
        } else {
            return RNN_OK;
        }
    }
}

static int sum(struct parser *p, double *v)
{
    double w;
    RNN_TRY(product(p, v));
    for (;;) {
        if (eat(p, "+")) {
            RNN_TRY(product(p, &w));
            *v += w;
        } else if (eat(p, "-")) {
            RNN_TRY(product(p, &w));
            *v -= w;
        } else {
            return RNN_OK;
        }
    }
}

static int comparison(struct parser *p, double *v)
{
    double w;
    RNN_TRY(sum(p, v));
    const double a = *v;
    /* a comparison with a missing number stays missing: it is no evidence */
    if (eat(p, "<=")) { RNN_TRY(sum(p, &w)); *v = a <= w; }
    else if (eat(p, ">=")) { RNN_TRY(sum(p, &w)); *v = a >= w; }
    else if (eat(p, "==")) { RNN_TRY(sum(p, &w)); *v = a == w; }
    else if (eat(p, "!=")) { RNN_TRY(sum(p, &w)); *v = a != w; }
    else if (eat(p, "<")) { RNN_TRY(sum(p, &w)); *v = a < w; }
    else if (eat(p, ">")) { RNN_TRY(sum(p, &w)); *v = a > w; }
    else return RNN_OK;
    if (isnan(a) || isnan(w)) *v = NAN;
    return RNN_OK;
}

int rnn_expression(const struct rnn_gtable *t, const char *text, size_t row, double *value, struct rnn_err *err)
{
    struct parser p = {t, text, text, row, 0, err};
    *value = NAN;
    RNN_TRY(comparison(&p, value));
    skip(&p);
    return *p.at ? rnn_fail(err, RNN_ERR_ARG, "'%s': what is '%.10s'?", text, p.at) : RNN_OK;
}
