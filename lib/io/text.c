#include "io/text.h"

/* Length of the sequence that begins with lead byte b, and the range its second byte must lie in; 0: not a lead byte. */
static size_t sequence(unsigned char b, unsigned char *lo, unsigned char *hi)
{
    *lo = 0x80;
    *hi = 0xbf;
    if (b >= 0xc2 && b <= 0xdf) return 2;
    if (b == 0xe0) *lo = 0xa0;      /* shorter forms exist below */
    else if (b == 0xed) *hi = 0x9f; /* surrogates above */
    else if (b == 0xf0) *lo = 0x90;
    else if (b == 0xf4) *hi = 0x8f; /* U+10FFFF */
    if (b >= 0xe0 && b <= 0xef) return 3;
    if (b >= 0xf0 && b <= 0xf4) return 4;
    return 0;
}

bool rnn_is_text(const char *s, size_t len)
{
    const unsigned char *p = (const unsigned char *)s, *end = p + len;
    while (p < end) {
        unsigned char lo, hi;
        if (*p < 0x80) {
            if (!*p++) return false;
            continue;
        }
        size_t n = sequence(*p, &lo, &hi);
        if (n == 0 || (size_t)(end - p) < n || p[1] < lo || p[1] > hi) return false;
        for (size_t i = 2; i < n; i++) {
            if ((p[i] & 0xc0) != 0x80) return false;
        }
        p += n;
    }
    return true;
}
