/* Contents that the eye can follow through the variables: digits as pixels. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/varmem.h"
#include "base/mem.h"

enum { ROWS = 5 };
/* Rows from the top, the leftmost pixel of a glyph is its highest bit. */
static const unsigned char wide[10][ROWS] = {
    {7, 5, 5, 5, 7}, {2, 6, 2, 2, 7}, {7, 1, 7, 4, 7}, {7, 1, 7, 1, 7}, {5, 5, 7, 1, 1},
    {7, 4, 7, 1, 7}, {7, 4, 7, 5, 7}, {7, 1, 1, 1, 1}, {7, 5, 7, 5, 7}, {7, 5, 7, 1, 7}};
/* Two columns cannot tell 0 from 8; a 1 takes one column. */
static const unsigned char narrow[10][ROWS] = {{0},
                                               {1, 1, 1, 1, 1},
                                               {3, 1, 3, 2, 3},
                                               {3, 1, 3, 1, 3},
                                               {2, 2, 3, 1, 1},
                                               {3, 2, 3, 1, 3},
                                               {2, 2, 3, 3, 3},
                                               {3, 1, 1, 1, 1},
                                               {0},
                                               {3, 3, 3, 1, 1}};

static size_t narrow_width(int digit)
{
    return digit == 1 ? 1 : 2;
}

static void draw(const unsigned char glyph[ROWS], size_t width, size_t at, size_t top, size_t d, double *u)
{
    for (size_t x = 0; x < width; x++)
        for (size_t y = 0; y < ROWS; y++)
            if (glyph[y] >> (width - 1 - x) & 1) u[(at + x) * d + top + y] = 1;
}

int rnn_vm_picture(const char *digits, size_t s, size_t d, double *u, struct rnn_err *err)
{
    const size_t n = strlen(digits);
    size_t narrow_steps = n ? n - 1 : 0;
    if (!n || strspn(digits, "0123456789") != n)
        return rnn_fail(err, RNN_ERR_ARG, "picture '%.40s': digits are what can be drawn", digits);
    if (d < ROWS)
        return rnn_fail(err, RNN_ERR_ARG, "picture '%.40s' needs %d dimensions, not %zu", digits, ROWS, d);
    for (size_t i = 0; i < n; i++) narrow_steps += narrow_width(digits[i] - '0');
    const bool is_wide = 4 * n <= s;
    if (!is_wide && narrow_steps > s)
        return rnn_fail(err, RNN_ERR_ARG, "picture '%.40s' needs at least %zu steps, not %zu", digits,
                        narrow_steps, s);
    if (!is_wide && strpbrk(digits, "08"))
        return rnn_fail(err, RNN_ERR_ARG,
                        "picture '%.40s' needs %zu steps, not %zu: 0 and 8 have no narrow form", digits,
                        4 * n, s);
    const size_t top = (d - ROWS + 1) / 2;
    for (size_t i = 0; i < s * d; i++) u[i] = -1;
    for (size_t i = 0, at = 0; i < n; i++) {
        const int g = digits[i] - '0';
        const size_t width = is_wide ? 3 : narrow_width(g);
        draw(is_wide ? wide[g] : narrow[g], width, at, top, d, u);
        at += width + 1;
    }
    return RNN_OK;
}

/* One line [p, end) as s pixels or s numbers, into column i of u. */
static int read_line(const char *p, size_t len, size_t i, size_t s, size_t d, double *u, struct rnn_err *err)
{
    const char *const end = p + len;
    if (len == s && strspn(p, "#.") == len) {
        for (size_t t = 0; t < s; t++) u[t * d + i] = p[t] == '#' ? 1 : -1;
        return RNN_OK;
    }
    size_t t = 0;
    for (;; t++) {
        while (p < end && isspace((unsigned char)*p)) p++;
        if (p >= end || t == s) break;
        char *stop;
        u[t * d + i] = strtod(p, &stop);
        if (stop == p || stop > end || !isfinite(u[t * d + i]))
            return rnn_fail(err, RNN_ERR_ARG, "picture: line %zu: neither pixels (# and .) nor numbers",
                            i + 1);
        p = stop;
    }
    if (t == s && p >= end) return RNN_OK;
    return rnn_fail(err, RNN_ERR_ARG, "picture: line %zu has not the %zu values that a dimension needs",
                    i + 1, s);
}

int rnn_vm_picture_text(const char *text, size_t s, size_t d, double *u, struct rnn_err *err)
{
    size_t i = 0;
    for (const char *p = text; *p;) {
        const size_t len = strcspn(p, "\n");
        if (len && i == d)
            return rnn_fail(err, RNN_ERR_ARG, "picture: more lines than the %zu dimensions", d);
        if (len) RNN_TRY(read_line(p, len, i++, s, d, u, err));
        p += len + (p[len] == '\n');
    }
    return i == d ? RNN_OK
                  : rnn_fail(err, RNN_ERR_ARG, "picture: %zu lines where %zu dimensions need one each", i, d);
}
