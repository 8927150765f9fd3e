/* Vector kernels that read the same in both precisions and every instruction set.  Included by kernels_avx2.c and
 * kernels_avx512.c, once with T = float and once with T = double, after they defined
 *   T, V(name) (the primitive `name` of that type), K(name) (the kernel's name), and V(vec), V(W) lanes,
 *   load store load_n store_n (first n < W lanes, others 0 and untouched), set1 fma fnma (a b + c, c - a b) sqrt,
 *   tanh sigmoid softplus (of m vectors in place, see kernels_simd_math.h; V(MANY) at once where there are so many), and sumsq
 *   (adds the squares of a vector to sums in double).
 * Tails use partial loads, so every element is computed by the same instructions whatever n and its place. */

/* A step function does one vector, `left` elements of it; full is a compile-time constant. */
#define LOAD(p) (full ? V(load)(p) : V(load_n)(p, left))
#define STORE(p, x)                                                                                                  \
    do {                                                                                                             \
        if (full) V(store)(p, x);                                                                                    \
        else V(store_n)(p, left, x);                                                                                 \
    } while (0)
#define FOR_VECTORS(n, STEP)                                                                                         \
    do {                                                                                                             \
        size_t i_ = 0;                                                                                               \
        for (; (n) - i_ >= V(W); i_ += V(W)) STEP(i_, 1, V(W));                                                      \
        if (i_ < (n)) STEP(i_, 0, (n) - i_);                                                                         \
    } while (0)

/* STEPS(group, i, m, full, left): m vectors from element i, or the last one, by the function `group` */
#define FOR_GROUPS(n, STEPS, group)                                                                                  \
    do {                                                                                                             \
        size_t i_ = 0;                                                                                               \
        for (; (n) - i_ >= V(MANY) * V(W); i_ += V(MANY) * V(W)) STEPS(group, i_, V(MANY), 1, V(W));                 \
        for (; (n) - i_ >= V(W); i_ += V(W)) STEPS(group, i_, 1, 1, V(W));                                           \
        if (i_ < (n)) STEPS(group, i_, 1, 0, (n) - i_);                                                              \
    } while (0)

#define DEFINE_MAP(name)                                                                                             \
    INLINE void K(name##_group)(int m, int full, size_t left, const T *z, T *out)                                    \
    {                                                                                                                \
        V(vec) x[V(MANY)];                                                                                           \
        EACH(m) x[j] = LOAD(z + j * V(W));                                                                           \
        V(name)(m, x);                                                                                               \
        EACH(m) STORE(out + j * V(W), x[j]);                                                                         \
    }                                                                                                                \
    static void K(name)(size_t n, const T *z, T *out)                                                                \
    {                                                                                                                \
        FOR_GROUPS(n, MAP_STEPS, K(name##_group));                                                                   \
    }
#define MAP_STEPS(group, i, m, full, left) group(m, full, left, z + i, out + i)
DEFINE_MAP(tanh)
DEFINE_MAP(sigmoid)
DEFINE_MAP(softplus)
#undef DEFINE_MAP
#undef MAP_STEPS

INLINE void K(leak_group)(int m, int full, size_t left, T a, const T *r, const T *z, T s, const T *xi, T *t, T *r_next)
{
    const V(vec) va = V(set1)(a), keep = V(set1)(1 - a), vs = V(set1)(s);
    V(vec) x[V(MANY)];
    EACH(m) x[j] = LOAD(z + j * V(W));
    if (xi) EACH(m) x[j] = V(fma)(vs, LOAD(xi + j * V(W)), x[j]);
    V(tanh)(m, x);
    EACH(m) {
        const V(vec) next = V(fma)(va, x[j], keep * LOAD(r + j * V(W)));
        STORE(t + j * V(W), x[j]);
        STORE(r_next + j * V(W), next);
    }
}

static void K(leak_tanh)(size_t n, T a, const T *r, const T *z, T s, const T *xi, T *t, T *r_next)
{
#define NOISY(group, i, m, full, left) group(m, full, left, a, r + i, z + i, s, xi + i, t + i, r_next + i)
#define QUIET(group, i, m, full, left) group(m, full, left, a, r + i, z + i, s, NULL, t + i, r_next + i)
    if (xi) FOR_GROUPS(n, NOISY, K(leak_group));
    else FOR_GROUPS(n, QUIET, K(leak_group));
#undef NOISY
#undef QUIET
}

struct K(adam) {
    V(vec) b1, c1, b2, c2, lr, isb, eps, l2, keep;
};

INLINE void K(adam_step)(int full, size_t left, const struct K(adam) *c, T *p, const T *g, T *m, T *v)
{
    const V(vec) p0 = LOAD(p), gi = V(fma)(c->l2, p0, LOAD(g));
    const V(vec) m1 = V(fma)(c->b1, LOAD(m), c->c1 * gi), v1 = V(fma)(c->b2, LOAD(v), c->c2 * gi * gi);
    const V(vec) p1 = c->keep * p0 - c->lr * (m1 / V(fma)(V(sqrt)(v1), c->isb, c->eps));
    STORE(m, m1);
    STORE(v, v1);
    STORE(p, p1);
}

static void K(adam)(size_t n, T *p, const T *g, T *m, T *v, T lr_t, double beta1, double beta2, T eps, T inv_sqrt_bc2, T l2,
                    double decay)
{
    const struct K(adam) c = {V(set1)((T) beta1),       V(set1)((T) (1 - beta1)), V(set1)((T) beta2),
                              V(set1)((T) (1 - beta2)), V(set1)(lr_t),            V(set1)(inv_sqrt_bc2),
                              V(set1)(eps),             V(set1)(l2),              V(set1)((T) (1 - decay))};
#define STEP(i, full, left) K(adam_step)(full, left, &c, p + i, g + i, m + i, v + i)
    FOR_VECTORS(n, STEP);
#undef STEP
}

INLINE void K(sgd_step)(int full, size_t left, V(vec) lr, V(vec) momentum, V(vec) l2, int first, T *p, const T *g, T *vel)
{
    const V(vec) p0 = LOAD(p);
    V(vec) step = V(fma)(l2, p0, LOAD(g));
    if (vel) {
        if (!first) step = V(fma)(momentum, LOAD(vel), step);
        STORE(vel, step);
    }
    STORE(p, V(fnma)(lr, step, p0));
}

static void K(sgd)(size_t n, T *p, const T *g, T *vel, T lr, T momentum, T l2, int first)
{
    const V(vec) vlr = V(set1)(lr), vmom = V(set1)(momentum), vl2 = V(set1)(l2);
#define PLAIN(i, full, left) K(sgd_step)(full, left, vlr, vmom, vl2, 0, p + i, g + i, NULL)
#define MOMENTUM(i, full, left) K(sgd_step)(full, left, vlr, vmom, vl2, first, p + i, g + i, vel + i)
    if (vel) FOR_VECTORS(n, MOMENTUM);
    else FOR_VECTORS(n, PLAIN);
#undef PLAIN
#undef MOMENTUM
}

/* The order of the sum is fixed by position alone. */
static double K(sumsq)(size_t n, const T *x)
{
    f64_vec acc[4] = {f64_set1(0), f64_set1(0), f64_set1(0), f64_set1(0)};
    size_t i = 0;
    for (; n - i >= 2 * V(W); i += 2 * V(W)) {
        V(sumsq)(acc, V(load)(x + i));
        V(sumsq)(acc + 2, V(load)(x + i + V(W)));
    }
    if (n - i >= V(W)) {
        V(sumsq)(acc, V(load)(x + i));
        i += V(W);
    }
    if (i < n) V(sumsq)(acc + 2, V(load_n)(x + i, n - i));
    double lane[f64_W], sum = 0;
    f64_store(lane, (acc[0] + acc[1]) + (acc[2] + acc[3]));
    for (size_t l = 0; l < f64_W; l++) sum += lane[l];
    return sum;
}

#undef LOAD
#undef STORE
#undef FOR_VECTORS
#undef FOR_GROUPS
