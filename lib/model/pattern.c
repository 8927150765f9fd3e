/* Enumeration of abstract patterns, subsets and tuples. */
#include "model/pattern.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct listing {
    size_t n, m;
    size_t part[RNN_PATTERN_MAX],
        left[RNN_PATTERN_MAX]; /* of the current partition: sizes, and letters not yet placed */
    size_t word[RNN_PATTERN_MAX];
    struct rnn_pattern *out;
    size_t count, cap;
};

static int add(struct listing *l, struct rnn_err *err)
{
    if (l->count == RNN_PATTERN_LIMIT)
        return rnn_fail(err, RNN_ERR_LIMIT, "patterns of length %zu over %zu symbols are more than %d", l->n,
                        l->m, RNN_PATTERN_LIMIT);
    RNN_TRY(rnn_grow(&l->out, &l->cap, l->count + 1, sizeof *l->out, err));
    char name[RNN_PATTERN_MAX] = {0}, next = 'a';
    struct rnn_pattern *p = &l->out[l->count++];
    memset(p, 0, sizeof *p);
    for (size_t i = 0; i < l->n; i++) {
        if (!name[l->word[i]]) name[l->word[i]] = next++;
        p->s[i] = name[l->word[i]];
    }
    return RNN_OK;
}

/* Words of the current partition from position `at` on, lexicographically.  Letters of equal count are
 * interchangeable, and of the words that rename to one pattern the first has them appear in order: only that
 * one is followed. */
static int words(struct listing *l, size_t at, struct rnn_err *err)
{
    if (at == l->n) return add(l, err);
    for (size_t c = 0; c < l->m; c++) {
        if (!l->left[c]) continue;
        const bool is_new = l->left[c] == l->part[c];
        if (is_new && c > 0 && l->part[c - 1] == l->part[c] && l->left[c - 1] == l->part[c - 1]) continue;
        l->word[at] = c;
        l->left[c]--;
        const int rc = words(l, at + 1, err);
        l->left[c]++;
        RNN_TRY(rc);
    }
    return RNN_OK;
}

/* Non-decreasing partitions: parts `i`.. of what is left, each at least `min`. */
static int partitions(struct listing *l, size_t i, size_t left, size_t min, struct rnn_err *err)
{
    if (i + 1 == l->m) {
        l->part[i] = left;
        memcpy(l->left, l->part, sizeof l->left);
        return words(l, 0, err);
    }
    for (size_t p = min; p * (l->m - i) <= left; p++) {
        l->part[i] = p;
        RNN_TRY(partitions(l, i + 1, left - p, p, err));
    }
    return RNN_OK;
}

int rnn_patterns(size_t n, size_t m, struct rnn_pattern **out, size_t *count, struct rnn_err *err)
{
    if (m < 1 || m > n || n > RNN_PATTERN_MAX)
        return rnn_fail(err, RNN_ERR_ARG,
                        "no patterns of length %zu over exactly %zu symbols (length at most %d)", n, m,
                        RNN_PATTERN_MAX);
    struct listing l = {.n = n, .m = m};
    const int rc = partitions(&l, 0, n, 1, err);
    if (rc < 0) {
        free(l.out);
        return rc;
    }
    *out = l.out;
    *count = l.count;
    return RNN_OK;
}

void rnn_pattern_code(const char *p, char *out)
{
    for (; *p && p[1]; p++) *out++ = p[1] == p[0] ? 'S' : 'D';
    *out = '\0';
}

uint64_t rnn_subsets(size_t n, size_t k)
{
    if (k > n) return 0;
    if (k > n - k) k = n - k;
    uint64_t c = 1;
    for (size_t i = 1; i <= k; i++) { /* c * (n-k+i) / i is exact at every step */
        const unsigned __int128 wide = (unsigned __int128)c * (n - k + i) / i;
        if (wide > UINT64_MAX) return 0;
        c = (uint64_t)wide;
    }
    return c;
}

void rnn_subset_unrank(size_t n, size_t k, uint64_t rank, size_t *out)
{
    size_t next = 0;
    for (size_t i = 0; i < k; i++, next++) {
        for (;; next++) { /* how many subsets have `next` as element i */
            const uint64_t with = rnn_subsets(n - next - 1, k - i - 1);
            if (rank < with) break;
            rank -= with;
        }
        out[i] = next;
    }
}

void rnn_tuple_unrank(size_t n, size_t m, uint64_t rank, size_t *out)
{
    uint64_t below = 1; /* tuples per choice of the element at hand */
    for (size_t i = 1; i < m; i++) below *= n - i;
    for (size_t i = 0; i < m; i++) {
        const size_t skip = (size_t)(rank / below);
        rank %= below;
        if (i + 1 < m) below /= n - i - 1;
        /* the thing that has `skip` smaller ones which no earlier element took */
        size_t pick = skip, taken = 0;
        do {
            taken = 0;
            for (size_t j = 0; j < i; j++) taken += out[j] <= pick;
        } while (pick != skip + taken && (pick = skip + taken, true));
        out[i] = pick;
    }
}
