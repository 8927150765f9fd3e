#include "tool/ranges.h"

#include <stdlib.h>
#include "base/mem.h"

#define LARGEST (1ul << 24)

size_t *tool_ranges(const char *option, const char *what, const struct cli_strs *s, size_t *n)
{
    size_t cap = 0, *v = NULL;
    struct rnn_err err;
    *n = 0;
    for (size_t i = 0; i < s->n; i++) {
        char *end;
        const char *text = s->v[i];
        const unsigned long lo = strtoul(text, &end, 10);
        unsigned long hi = lo;
        if (end != text && *end == '-' && end[1] >= '0' && end[1] <= '9') hi = strtoul(end + 1, &end, 10);
        if (end == text || *end || *text < '0' || *text > '9' || hi < lo || hi >= LARGEST)
            cli_die(2, "--%s: '%s' is neither the number of a %s nor a range such as 8-15", option, text, what);
        for (unsigned long u = lo; u <= hi; u++) {
            if (rnn_grow(&v, &cap, *n + 1, sizeof *v, &err) < 0) cli_die_err(&err);
            v[(*n)++] = u;
        }
    }
    return v;
}
