/* Text to value and back, one pair of functions per option type. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "cli/internal.h"

bool cli_has_value(const struct cli_opt *o)
{
    return o->type != CLI_FLAG && o->type != CLI_SECTION && o->type != CLI_END;
}

void *cli_oom(void *p)
{
    if (!p) cli_die(1, "out of memory");
    return p;
}

static bool bad(char why[CLI_WHY], const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static bool bad(char why[CLI_WHY], const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, CLI_WHY, fmt, ap);
    va_end(ap);
    return false;
}

/* A table row that leaves both bounds 0 has none. */
static bool is_bounded(const struct cli_opt *o)
{
    return o->min != 0 || o->max != 0;
}

static bool in_range(const struct cli_opt *o, double x)
{
    if (!is_bounded(o)) return true;
    return x <= o->max && (o->flags & CLI_EXCL_MIN ? x > o->min : x >= o->min);
}

static bool check_range(const struct cli_opt *o, double x, char why[CLI_WHY])
{
    char lo[32], hi[32];
    if (in_range(o, x)) return true;
    if (o->flags & CLI_BYTES) {
        cli_bytes_text((size_t)o->min, lo);
        if (isfinite(o->max)) cli_bytes_text((size_t)o->max, hi);
    } else {
        cli_real_text(o->min, lo);
        cli_real_text(o->max, hi);
    }
    const bool strict = o->flags & CLI_EXCL_MIN;
    if (isinf(o->max)) return bad(why, strict ? "must be greater than %s" : "must be at least %s", lo);
    if (isinf(o->min)) return bad(why, "must be at most %s", hi);
    return bad(why, strict ? "must be greater than %s and at most %s" : "must lie between %s and %s", lo, hi);
}

/* Skips a K, M or G after a count of bytes; 0 when what follows is anything else. */
static uint64_t byte_factor(const char **end)
{
    static const char suffix[] = "kKmMgG";
    if (!**end) return 1;
    const char *s = strchr(suffix, **end);
    if (!s || (*end)[1]) return 0;
    ++*end;
    return (uint64_t)1 << 10 * ((s - suffix) / 2 + 1);
}

static bool parse_uint(const struct cli_opt *o, const char *text, uint64_t *out, char why[CLI_WHY])
{
    const bool hex = o->type == CLI_UINT64 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    char *stop;
    if (text[0] == '-' && text[1] >= '0' && text[1] <= '9') return bad(why, "must not be negative");
    if (text[0] < '0' || text[0] > '9') return bad(why, "not a whole number");
    errno = 0;
    const uint64_t v = strtoumax(text, &stop, hex ? 16 : 10);
    const int range = errno;
    const char *end = stop;
    const uint64_t factor = o->flags & CLI_BYTES ? byte_factor(&end) : 1;
    if (*end || !factor) {
        return bad(why, o->flags & CLI_BYTES ? "not a size (a whole number, with k, M or G)" : "not a whole number");
    }
    if (range || v > UINT64_MAX / factor) return bad(why, "too large");
    *out = v * factor;
    return true;
}

static bool parse_int(const char *text, int64_t *out, char why[CLI_WHY])
{
    char *end;
    const char *digits = text + (*text == '-' || *text == '+');
    if (*digits < '0' || *digits > '9') return bad(why, "not a whole number");
    errno = 0;
    *out = strtoimax(text, &end, 10);
    if (*end) return bad(why, "not a whole number");
    return errno ? bad(why, "too large") : true;
}

/* text[0..len) as a number; neither blanks nor nan; infinity only where the table lets it in. */
static bool parse_real(const struct cli_opt *o, const char *text, size_t len, double *out, char why[CLI_WHY])
{
    char buf[64], *end;
    if (!len || len >= sizeof buf || !strchr("+-.0123456789i", *text)) return bad(why, "not a number");
    memcpy(buf, text, len);
    buf[len] = '\0';
    const double v = strtod(buf, &end);
    if (*end || isnan(v)) return bad(why, "not a number");
    if (isinf(v)) {
        if (!strchr(buf, 'i')) return bad(why, "too large");
        if (is_bounded(o) && (v > 0 ? isfinite(o->max) : isfinite(o->min))) return bad(why, "must be finite");
    }
    if (o->flags & CLI_WHOLE && v != floor(v)) return bad(why, "not a whole number");
    *out = v;
    return check_range(o, v, why);
}

static bool parse_flag(const char *text, bool *out, char why[CLI_WHY])
{
    static const char *const words[] = { "false", "true", "no", "yes", "off", "on", "0", "1" };
    for (size_t i = 0; i < RNN_LEN(words); i++) {
        if (!strcmp(text, words[i])) {
            *out = i % 2;
            return true;
        }
    }
    return bad(why, "must be true or false");
}

static bool parse_choice(const struct cli_opt *o, const char *text, int *out, char why[CLI_WHY])
{
    const size_t len = strlen(text);
    int index = 0;
    for (const char *c = o->arg;; index++) {
        const size_t n = strcspn(c, "|");
        if (n == len && !memcmp(c, text, n)) {
            *out = index;
            return true;
        }
        if (!c[n]) break;
        c += n + 1;
    }
    return bad(why, "must be one of %s", o->arg);
}

static bool store_reals(const struct cli_opt *o, const char *text, bool mine, char why[CLI_WHY])
{
    struct cli_reals *dst = o->dst;
    size_t n = *text ? 1 : 0;
    for (const char *c = text; *c; c++) n += *c == ',';
    double *v = cli_oom(calloc(n ? n : 1, sizeof *v));
    const char *c = text;
    for (size_t i = 0; i < n; i++) {
        const size_t len = strcspn(c, ",");
        if (!parse_real(o, c, len, &v[i], why)) {
            free(v);
            return false;
        }
        c += len + 1;
    }
    if (mine) free(dst->v);
    *dst = (struct cli_reals){ v, n };
    return true;
}

static void push_str(struct cli_strs *list, const char *text, size_t len)
{
    list->v = cli_oom(realloc(list->v, (list->n + 1) * sizeof *list->v));
    list->v[list->n++] = cli_oom(strndup(text, len));
}

static void store_strs(const struct cli_opt *o, const char *text, bool append, bool mine)
{
    struct cli_strs *dst = o->dst, list = { 0 };
    if (append && mine) {
        list = *dst;
    } else if (mine) {
        for (size_t i = 0; i < dst->n; i++) free(dst->v[i]);
        free(dst->v);
    }
    if (!(o->flags & CLI_COMMA)) {
        push_str(&list, text, strlen(text));
    } else if (*text) {
        for (const char *c = text;; c++) {
            const size_t len = strcspn(c, ",");
            push_str(&list, c, len);
            c += len;
            if (!*c) break;
        }
    }
    *dst = list;
}

/* key=value pairs add up over all sources: a later one replaces the value of its key only. */
static bool store_kv(const struct cli_opt *o, const char *text, char why[CLI_WHY])
{
    const char *eq = strchr(text, '=');
    struct rnn_err err;
    if (!eq || eq == text) return bad(why, "must look like key=value");
    char *key = cli_oom(strndup(text, (size_t)(eq - text)));
    const int rc = rnn_kvs_from_text(o->dst, key, eq + 1, &err);
    free(key);
    return rc < 0 ? bad(why, "%.*s", CLI_WHY - 1, err.msg) : true;
}

bool cli_store(const struct cli_opt *o, const char *text, bool append, bool mine, char why[CLI_WHY])
{
    uint64_t u = 0;
    int64_t i = 0;
    switch (o->type) {
    case CLI_FLAG: return parse_flag(text, o->dst, why);
    case CLI_INT:
        if (!parse_int(text, &i, why) || !check_range(o, (double)i, why)) return false;
        *(int64_t *)o->dst = i;
        return true;
    case CLI_SIZE:
        if (!parse_uint(o, text, &u, why) || !check_range(o, (double)u, why)) return false;
        *(size_t *)o->dst = u;
        return true;
    case CLI_UINT64:
        if (!parse_uint(o, text, &u, why) || !check_range(o, (double)u, why)) return false;
        *(uint64_t *)o->dst = u;
        return true;
    case CLI_REAL: {
        double x;
        if (!parse_real(o, text, strlen(text), &x, why)) return false;
        *(double *)o->dst = x;
        return true;
    }
    case CLI_STR:
        if (mine) free(*(char **)o->dst);
        *(char **)o->dst = cli_oom(rnn_strdup(text));
        return true;
    case CLI_CHOICE: return parse_choice(o, text, o->dst, why);
    case CLI_REALS: return store_reals(o, text, mine, why);
    case CLI_STRS: store_strs(o, text, append, mine); return true;
    case CLI_KVS: return store_kv(o, text, why);
    default: return bad(why, "not an option");
    }
}

/* ---- value to text ---- */

void cli_real_text(double x, char out[32])
{
    for (int digits = 15; digits <= 17; digits++) { /* 17 always read back equal, most numbers need fewer */
        snprintf(out, 32, "%.*g", digits, x);
        if (strtod(out, NULL) == x) return;
    }
}

void cli_bytes_text(size_t n, char out[32])
{
    int unit = 0;
    while (n && n % 1024 == 0 && unit < 3) n /= 1024, unit++;
    snprintf(out, 32, "%zu%.1s", n, &"\0kMG"[unit]);
}

static char *choice_text(const struct cli_opt *o)
{
    const char *c = o->arg;
    for (int i = *(const int *)o->dst; i > 0 && c; i--) {
        c = strchr(c, '|');
        if (c) c++;
    }
    return c && *(const int *)o->dst >= 0 ? cli_oom(strndup(c, strcspn(c, "|"))) : NULL;
}

static char *join(char *list, const char *item)
{
    char *out = cli_oom(list ? rnn_asprintf("%s,%s", list, item) : rnn_strdup(item));
    free(list);
    return out;
}

static char *list_text(const struct cli_opt *o)
{
    char *out = NULL, num[32];
    if (o->type == CLI_REALS) {
        const struct cli_reals *l = o->dst;
        for (size_t i = 0; i < l->n; i++) {
            cli_real_text(l->v[i], num);
            out = join(out, num);
        }
    } else if (o->type == CLI_STRS) {
        const struct cli_strs *l = o->dst;
        for (size_t i = 0; i < l->n; i++) out = join(out, l->v[i]);
    } else {
        const struct rnn_kvs *m = o->dst;
        for (size_t i = 0; i < m->n; i++) {
            char *v = cli_oom(rnn_kv_text(&m->v[i])), *pair = cli_oom(rnn_asprintf("%s=%s", m->v[i].key, v));
            out = join(out, pair);
            free(v);
            free(pair);
        }
    }
    return out;
}

/* A bound as a reader wants it: 1e9, not 1000000000. */
static void bound_text(const struct cli_opt *o, double x, char out[32])
{
    char short_form[32];
    if (o->flags & CLI_BYTES) {
        cli_bytes_text((size_t)x, out);
        return;
    }
    cli_real_text(x, out);
    snprintf(short_form, sizeof short_form, "%.0e", x);
    if (strtod(short_form, NULL) != x || (strlen(out) < 6 && !strchr(out, 'e'))) return;
    const char *e = strchr(short_form, 'e');
    snprintf(out, 32, "%.*se%d", (int)(e - short_form), short_form, atoi(e + 1)); /* 1e6 for 1e+06 */
}

void cli_range_text(const struct cli_opt *o, char out[CLI_RANGE])
{
    const bool strict = o->flags & CLI_EXCL_MIN;
    const bool is_number = o->type == CLI_INT || o->type == CLI_SIZE || o->type == CLI_UINT64 || o->type == CLI_REAL || o->type == CLI_REALS;
    char lo[32], hi[32];
    *out = '\0';
    if (!is_number) return;
    if (!is_bounded(o)) {
        if (o->type == CLI_SIZE) snprintf(out, CLI_RANGE, "from 0");
        return;
    }
    if (isfinite(o->min)) bound_text(o, o->min, lo);
    if (isfinite(o->max)) bound_text(o, o->max, hi);
    if (isinf(o->max)) snprintf(out, CLI_RANGE, "%s %s", strict ? "above" : "from", lo);
    else if (isinf(o->min)) snprintf(out, CLI_RANGE, "up to %s", hi);
    else snprintf(out, CLI_RANGE, strict ? "above %s, up to %s" : "%s to %s", lo, hi);
}

char *cli_text(const struct cli_opt *o)
{
    char num[32];
    double x;
    switch (o->type) {
    case CLI_FLAG: return cli_oom(rnn_strdup(*(const bool *)o->dst ? "true" : "false"));
    case CLI_INT:
        snprintf(num, sizeof num, "%" PRId64, *(const int64_t *)o->dst);
        x = (double)*(const int64_t *)o->dst;
        break;
    case CLI_SIZE:
        if (o->flags & CLI_BYTES) cli_bytes_text(*(const size_t *)o->dst, num);
        else snprintf(num, sizeof num, "%zu", *(const size_t *)o->dst);
        x = (double)*(const size_t *)o->dst;
        break;
    case CLI_UINT64:
        snprintf(num, sizeof num, "%" PRIu64, *(const uint64_t *)o->dst);
        x = (double)*(const uint64_t *)o->dst;
        break;
    case CLI_REAL:
        x = *(const double *)o->dst;
        if (isnan(x)) return NULL;
        cli_real_text(x, num);
        break;
    case CLI_STR: {
        const char *s = *(char *const *)o->dst;
        return s ? cli_oom(rnn_strdup(s)) : NULL;
    }
    case CLI_CHOICE: return choice_text(o);
    case CLI_REALS:
    case CLI_STRS:
    case CLI_KVS: return list_text(o);
    default: return NULL;
    }
    /* A default outside the range is a table's way to say "not set". */
    return in_range(o, x) ? cli_oom(rnn_strdup(num)) : NULL;
}
