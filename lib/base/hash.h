/* A hash of bytes for tables in memory: fast on long ones, the same on one machine only, and never written down. */
#ifndef RNN_BASE_HASH_H
#define RNN_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t rnn_hash(const void *bytes, size_t n, uint64_t seed);

#endif
