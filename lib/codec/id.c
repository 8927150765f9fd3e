#include <stdio.h>
#include "codec/codec.h"

/* FNV-1a, 64 bits: any language reproduces it in three lines, and an id guards against mixing up, not against malice. */
void rnn_id_of(const void *bytes, size_t len, char out[RNN_ID_SIZE])
{
    const unsigned char *p = bytes;
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < len; i++) h = (h ^ p[i]) * 0x100000001b3u;
    snprintf(out, RNN_ID_SIZE, "%016llx", (unsigned long long)h);
}
