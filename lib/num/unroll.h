/* RNN_UNROLL before a loop of a few turns, known when compiled: it becomes straight code, and arrays it runs over become registers. */
#ifndef RNN_NUM_UNROLL_H
#define RNN_NUM_UNROLL_H

#if defined(__clang__)
#if __has_feature(address_sanitizer)
#define RNN_UNROLL /* it takes minutes to watch so much straight code */
#else
#define RNN_UNROLL _Pragma("clang loop unroll(full)")
#endif
#else
#define RNN_UNROLL _Pragma("GCC unroll 16")
#endif

#endif
