#include "base/hash.h"

#include <string.h>

uint64_t rnn_hash(const void *bytes, size_t n, uint64_t seed)
{
    const unsigned char *p = bytes;
    uint64_t h = seed ^ n, word = 0;
    for (; n >= sizeof word; p += sizeof word, n -= sizeof word) {
        memcpy(&word, p, sizeof word);
        h = (h ^ word) * 0x9e3779b97f4a7c15u; /* odd: a bijection of h at every step */
        h ^= h >> 32;
    }
    for (; n; n--) h = (h ^ *p++) * 0x9e3779b97f4a7c15u, h ^= h >> 32;
    return h;
}
