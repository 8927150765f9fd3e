#include "tool/ranges.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "model/net.h"

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

static void mark(const char *option, const char *word, bool is_only, const char *const *names, bool all_or_none, bool *chosen)
{
    int k;
    if (rnn_name_index(names, word, &k)) chosen[k] = true;
    else if (all_or_none && !strcmp(word, "all")) for (k = 0; names[k]; k++) chosen[k] = true;
    else if (!all_or_none || strcmp(word, "none") || !is_only) {
        char known[400] = "";
        for (size_t i = 0, at = 0; names[i] && at < sizeof known; i++)
            at += (size_t)snprintf(known + at, sizeof known - at, "%s%s", i ? ", " : "", names[i]);
        cli_die(2, "--%s: '%s': must be of %s", option, word, known);
    }
}

void tool_pick(const char *option, const struct cli_strs *words, const char *const *names, bool all_or_none, bool *chosen)
{
    for (size_t i = 0; i < words->n; i++) mark(option, words->v[i], words->n == 1, names, all_or_none, chosen);
}

size_t tool_splits(const struct cli_strs *words, enum rnn_split out[RNN_N_SPLITS])
{
    size_t n = 0;
    for (size_t i = 0; i < words->n; i++) {
        int split;
        if (!rnn_name_index(rnn_split_names, words->v[i], &split)) cli_die(2, "--split: '%s': must be train, validation or test", words->v[i]);
        for (size_t k = 0; k < n; k++)
            if ((int)out[k] == split) cli_die(2, "--split: '%s' is listed twice", words->v[i]);
        out[n++] = (enum rnn_split)split;
    }
    return n;
}
