/* What every str of a stream must be: UTF-8, since stock msgpack readers refuse anything else, without NUL, since half of the world would cut it. */
#ifndef RNN_IO_TEXT_H
#define RNN_IO_TEXT_H

#include <stdbool.h>
#include <stddef.h>

bool rnn_is_text(const char *s, size_t len); /* no NUL, no overlong forms, no surrogates, nothing above U+10FFFF */

#endif
