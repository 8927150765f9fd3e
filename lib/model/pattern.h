/* Abstract patterns: strings over m letters in canonical form (the first letter is a, the next new one b,
 * ...), such as abba. Order: partitions of the length n into m parts from the most uneven, (1, .., n-m+1), to
 * the most even; for each the words whose letter i occurs part-i times, in lexicographic order, renamed to
 * canonical form, repetitions left out.  For n = 4, m = 2 this is the order of Boboeva et al. 2026 (released
 * code): abbb abaa aaba aaab aabb abab abba; for n = 3 abb aba aab. */
#ifndef RNN_MODEL_PATTERN_H
#define RNN_MODEL_PATTERN_H

#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

#define RNN_PATTERN_MAX 24      /* longest pattern */
#define RNN_PATTERN_LIMIT 65536 /* most patterns */

struct rnn_pattern {
    char s[RNN_PATTERN_MAX + 1];
};

/* All patterns of length n over exactly m letters: S(n, m) of them (Stirling, second kind; 2^(n-1) - 1 for m
 * = 2). *out is malloc'd.  RNN_ERR_ARG unless 1 <= m <= n <= RNN_PATTERN_MAX; RNN_ERR_LIMIT beyond
 * RNN_PATTERN_LIMIT. */
int rnn_patterns(size_t n, size_t m, struct rnn_pattern **out, size_t *count, struct rnn_err *err);
/* S where a letter equals the one before it, D where it differs: out gets strlen(p) - 1 characters and a NUL.
 */
void rnn_pattern_code(const char *p, char *out);

/* Number of k-subsets of n things; 0 when it exceeds 2^64 - 1. */
uint64_t rnn_subsets(size_t n, size_t k);
/* The subset with a given rank in lexicographic order (Python's itertools.combinations): out [k], ascending.
 */
void rnn_subset_unrank(size_t n, size_t k, uint64_t rank, size_t *out);
/* Which m of n things, in which order: the permutation with a given rank in lexicographic order; out [m]. */
void rnn_tuple_unrank(size_t n, size_t m, uint64_t rank, size_t *out);

#endif
