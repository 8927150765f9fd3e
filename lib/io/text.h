/* UTF-8, which every str of a stream must be: stock msgpack readers refuse anything else. */
#ifndef RNN_IO_TEXT_H
#define RNN_IO_TEXT_H

#include <stdbool.h>
#include <stddef.h>

bool rnn_is_utf8(const char *s, size_t len); /* no overlong forms, no surrogates, nothing above U+10FFFF */

#endif
