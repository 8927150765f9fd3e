/* All vector kernels in both precisions from the primitives of the including file, and the table that names them. */
#include "num/unroll.h"

#define INLINE static inline __attribute__((always_inline))
#define EACH(m) RNN_UNROLL for (int j = 0; j < (m); j++)

#include "num/kernels_simd_math.h"

#define T float
#define V(name) f32_##name
#define K(name) name##_f32
#include "num/kernels_simd.h"
#undef T
#undef V
#undef K

#define T double
#define V(name) f64_##name
#define K(name) name##_f64
#include "num/kernels_simd.h"
#undef T
#undef V
#undef K

#define RNN_KERNEL_SET(set_name)                                                                                     \
    {                                                                                                                \
        .name = set_name, .tanh_f32 = tanh_f32, .sigmoid_f32 = sigmoid_f32, .softplus_f32 = softplus_f32,            \
        .normal_f32 = normal_f32, .leak_tanh_f32 = leak_tanh_f32, .adam_f32 = adam_f32, .sgd_f32 = sgd_f32,          \
        .sumsq_f32 = sumsq_f32, .tanh_f64 = tanh_f64, .sigmoid_f64 = sigmoid_f64, .softplus_f64 = softplus_f64,      \
        .normal_f64 = normal_f64, .leak_tanh_f64 = leak_tanh_f64, .adam_f64 = adam_f64, .sgd_f64 = sgd_f64,          \
        .sumsq_f64 = sumsq_f64,                                                                                      \
    }
