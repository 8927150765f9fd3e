/* One precision of a vector set; included by dense_avx2.c and dense_avx512.c with
 *   T element, S suffix, VEC vector, IVEC its comparisons, W numbers in a vector, MASK and the functions
 *   load(p), store(p, v), mask_of(n) for the first n lanes, load_mask(p, mask), store_mask(p, mask, v), spread(x), fma(a, b, c), sum_lanes(v), and
 *   FEW_COLUMNS(as gemm): products of less than a vector of columns, for the first rows; how many rows it did (0: none),
 *   TILES(X): the register tiles X(rows, vectors), NR_MAX, ROWS_OF: rows of the tallest tile of each width,
 *   MASKS_COST where a masked move costs more than a plain one: tiles are then made both ways.
 * Loops over tiles are unrolled by the compiler into registers; the sizes must be literals for that. */

#define CAT_(a, b) a##_##b
#define CAT(a, b) CAT_(a, b)
#define FN(name) CAT(name, S)
#define EACH RNN_UNROLL

/* C [MR][NR W] = init + A B over k; the last vector has only the lanes of `mask`, and is moved by LD and ST. */
#define TILE(MR, NR, KIND, LD, ST)                                                                                   \
    static void FN(KIND##_##MR##_##NR)(size_t k, const T *A, size_t rs, size_t cs, const T *B, size_t ldb, const T *init, \
                                       size_t ldi, T *C, size_t ldc, MASK mask)                                      \
    {                                                                                                                \
        VEC acc[MR][NR];                                                                                             \
        EACH for (size_t i = 0; i < MR; i++) {                                                                       \
            EACH for (size_t j = 0; j < NR; j++) {                                                                   \
                const T *p = init + i * ldi + j * W;                                                                 \
                acc[i][j] = !init ? spread(0) : j == NR - 1 ? LD(p, mask) : load(p);                                 \
            }                                                                                                        \
        }                                                                                                            \
        for (size_t p = 0; p < k; p++) {                                                                             \
            VEC b[NR];                                                                                               \
            EACH for (size_t j = 0; j < NR; j++)                                                                     \
                b[j] = j == NR - 1 ? LD(B + p * ldb + j * W, mask) : load(B + p * ldb + j * W);                      \
            EACH for (size_t i = 0; i < MR; i++) {                                                                   \
                const VEC a = spread(A[i * rs + p * cs]);                                                            \
                EACH for (size_t j = 0; j < NR; j++) acc[i][j] = fma(a, b[j], acc[i][j]);                            \
            }                                                                                                        \
        }                                                                                                            \
        EACH for (size_t i = 0; i < MR; i++) {                                                                       \
            EACH for (size_t j = 0; j < NR; j++) {                                                                   \
                if (j == NR - 1) ST(C + i * ldc + j * W, mask, acc[i][j]);                                           \
                else store(C + i * ldc + j * W, acc[i][j]);                                                          \
            }                                                                                                        \
        }                                                                                                            \
    }
typedef void (*FN(tile_fn))(size_t k, const T *A, size_t rs, size_t cs, const T *B, size_t ldb, const T *init, size_t ldi, T *C,
                            size_t ldc, MASK mask);

#define MASKED_TILE(MR, NR) TILE(MR, NR, tile, load_mask, store_mask)
#define MASKED_ENTRY(MR, NR) [NR][MR] = FN(tile_##MR##_##NR),
TILES(MASKED_TILE)
static const FN(tile_fn) FN(tiles)[NR_MAX + 1][ROWS_MAX + 1] = {TILES(MASKED_ENTRY)};
#ifdef MASKS_COST
#define load_whole(p, mask) ((void) (mask), load(p))
#define store_whole(p, mask, v) ((void) (mask), store(p, v))
#define WHOLE_TILE(MR, NR) TILE(MR, NR, whole, load_whole, store_whole)
#define WHOLE_ENTRY(MR, NR) [NR][MR] = FN(whole_##MR##_##NR),
TILES(WHOLE_TILE)
static const FN(tile_fn) FN(whole_tiles)[NR_MAX + 1][ROWS_MAX + 1] = {TILES(WHOLE_ENTRY)};
#else
static const FN(tile_fn) (*const FN(whole_tiles))[ROWS_MAX + 1] = FN(tiles);
#endif

/* One panel of columns, w vectors wide, `lanes` in the last, rows in tiles of nearly equal height. */
static void FN(panel)(size_t m, size_t w, size_t lanes, size_t k, const T *A, size_t rs, size_t cs, const T *B, size_t ldb,
                      const T *init, size_t ldi, T *C, size_t ldc)
{
    static const unsigned char rows_of[] = ROWS_OF;
    const FN(tile_fn) *const tile = lanes == W ? FN(whole_tiles)[w] : FN(tiles)[w];
    const MASK mask = mask_of(lanes);
    const size_t tiles = (m + rows_of[w] - 1) / rows_of[w];
    for (size_t q = 0, i = 0; q < tiles; q++) {
        const size_t rows = m / tiles + (q < m % tiles);
        tile[rows](k, A + i * rs, rs, cs, B, ldb, init ? init + i * ldi : NULL, ldi, C + i * ldc, ldc, mask);
        i += rows;
    }
}

/* A panel of B of K_BLOCK rows stays near the first-level cache (64 KiB: half as much goes through C twice as often, which costs 6 %
 * of an update at 1024 units), M_BLOCK rows of A in the second.  Blocks change no bit of the result: an element's chain goes on where
 * it stopped. */
enum { FN(K_BLOCK) = 1024 / sizeof(T), FN(M_BLOCK) = 512, FN(PANEL) = NR_MAX * W };

/* Rows far apart fall into the same few sets of the first-level cache (a multiple of 4096 bytes is the worst), and one read is then
 * never there for the next: such a panel is copied together, if enough rows of A use it.  At 256 x 1024 x 1024 this lifts
 * 165 GFLOP/s to 205; below 1 KiB between rows it gains nothing. */
static int FN(wants_copy)(size_t m, size_t k, size_t ldb)
{
    return m >= 32 && k >= 16 && ldb * sizeof(T) >= 1024;
}

static void FN(copy_panel)(size_t k, size_t n, const T *B, size_t ldb, T *out)
{
    for (size_t p = 0; p < k; p++) memcpy(out + p * FN(PANEL), B + p * ldb, n * sizeof(T));
}

/* C = init + A B for at most K_BLOCK deep, column panel by column panel. */
static void FN(panels)(size_t m, size_t n, size_t k, const T *A, size_t rs, size_t cs, const T *B, size_t ldb, const T *init,
                       size_t ldi, T *C, size_t ldc)
{
    T copy[FN(K_BLOCK) * FN(PANEL)] __attribute__((aligned(64)));
    const size_t vectors = (n + W - 1) / W;
    const int copies = FN(wants_copy)(m, k, ldb);
    for (size_t v = 0, w; v < vectors; v += w) {
        const size_t left = vectors - v;
        w = left <= NR_MAX ? left : left < 2 * NR_MAX ? (left + 1) / 2 : NR_MAX;
        const size_t lanes = v + w == vectors ? n - (vectors - 1) * W : W;
        const T *panel = B + v * W;
        if (copies) FN(copy_panel)(k, (w - 1) * W + lanes, panel, ldb, copy);
        FN(panel)(m, w, lanes, k, A, rs, cs, copies ? copy : panel, copies ? FN(PANEL) : ldb, init ? init + v * W : NULL, ldi, C + v * W,
                  ldc);
    }
}

/* The same; what is left of the columns goes first, where the set has a way of its own with them. */
static void FN(block)(size_t m, size_t n, size_t k, const T *A, size_t rs, size_t cs, const T *B, size_t ldb, const T *init,
                      size_t ldi, T *C, size_t ldc)
{
    const size_t rest = n % W, whole = n - rest;
    const size_t done = rest ? FEW_COLUMNS(m, rest, k, A, rs, cs, B + whole, ldb, init ? init + whole : NULL, ldi, C + whole, ldc) : 0;
    FN(panels)(m, done ? whole : n, k, A, rs, cs, B, ldb, init, ldi, C, ldc);
    if (done)
        FN(panels)(m - done, rest, k, A + done * rs, rs, cs, B + whole, ldb, init ? init + done * ldi + whole : NULL, ldi,
                   C + done * ldc + whole, ldc);
}

static void FN(gemm)(size_t m, size_t n, size_t k, const T *A, size_t rs, size_t cs, const T *B, size_t ldb, const T *init, size_t ldi,
                     T *C, size_t ldc)
{
    for (size_t i = 0; i < m; i += FN(M_BLOCK)) {
        const size_t rows = m - i < FN(M_BLOCK) ? m - i : FN(M_BLOCK);
        T *Ci = C + i * ldc;
        size_t p = 0;
        do { /* once for k = 0 too: C = init */
            const size_t depth = k - p < FN(K_BLOCK) ? k - p : FN(K_BLOCK);
            if (p) FN(block)(rows, n, depth, A + i * rs + p * cs, rs, cs, B + p * ldb, ldb, Ci, ldc, Ci, ldc);
            else FN(block)(rows, n, depth, A + i * rs, rs, cs, B, ldb, init ? init + i * ldi : NULL, ldi, Ci, ldc);
            p += depth;
        } while (p < k);
    }
}

#define DOTS(MR, NR)                                                                                                 \
    static void FN(dots_##MR##_##NR)(size_t k, const T *A, size_t lda, const T *B, size_t ldb, const T *bias, T *C, size_t ldc) \
    {                                                                                                                \
        VEC acc[MR][NR];                                                                                             \
        EACH for (size_t i = 0; i < MR; i++) {                                                                       \
            EACH for (size_t j = 0; j < NR; j++) acc[i][j] = spread(0);                                              \
        }                                                                                                            \
        size_t p = 0;                                                                                                \
        for (; p + W <= k; p += W) {                                                                                 \
            VEC b[NR];                                                                                               \
            EACH for (size_t j = 0; j < NR; j++) b[j] = load(B + j * ldb + p);                                       \
            EACH for (size_t i = 0; i < MR; i++) {                                                                   \
                const VEC a = load(A + i * lda + p);                                                                 \
                EACH for (size_t j = 0; j < NR; j++) acc[i][j] = fma(a, b[j], acc[i][j]);                            \
            }                                                                                                        \
        }                                                                                                            \
        if (p < k) {                                                                                                 \
            const MASK mask = mask_of(k - p);                                                                        \
            VEC b[NR];                                                                                               \
            EACH for (size_t j = 0; j < NR; j++) b[j] = load_mask(B + j * ldb + p, mask);                            \
            EACH for (size_t i = 0; i < MR; i++) {                                                                   \
                const VEC a = load_mask(A + i * lda + p, mask);                                                      \
                EACH for (size_t j = 0; j < NR; j++) acc[i][j] = fma(a, b[j], acc[i][j]);                            \
            }                                                                                                        \
        }                                                                                                            \
        EACH for (size_t i = 0; i < MR; i++) {                                                                       \
            EACH for (size_t j = 0; j < NR; j++) C[i * ldc + j] = sum_lanes(acc[i][j]) + (bias ? bias[j] : 0);       \
        }                                                                                                            \
    }
#define ALL_DOTS(X)                                                                                                  \
    X(1, 1) X(1, 2) X(1, 3) X(1, 4) X(2, 1) X(2, 2) X(2, 3) X(2, 4) X(3, 1) X(3, 2) X(3, 3) X(3, 4)
ALL_DOTS(DOTS)

typedef void (*FN(dots_fn))(size_t k, const T *A, size_t lda, const T *B, size_t ldb, const T *bias, T *C, size_t ldc);
#define DOTS_ENTRY(MR, NR) [MR][NR] = FN(dots_##MR##_##NR),
static const FN(dots_fn) FN(dots_table)[4][5] = {ALL_DOTS(DOTS_ENTRY)};

static void FN(dots)(size_t m, size_t n, size_t k, const T *A, size_t lda, const T *B, size_t ldb, const T *bias, T *C, size_t ldc)
{
    for (size_t i = 0; i < m; i += 3) {
        const size_t rows = m - i < 3 ? m - i : 3;
        for (size_t j = 0; j < n; j += 4) {
            const size_t cols = n - j < 4 ? n - j : 4;
            FN(dots_table)[rows][cols](k, A + i * lda, lda, B + j * ldb, ldb, bias ? bias + j : NULL, C + i * ldc + j, ldc);
        }
    }
}

/* Columns in groups of eight vectors, whose sums stay in registers. */
static void FN(add_rows)(size_t rows, size_t n, const T *d, T *x)
{
    size_t j = 0;
    for (; j + 4 * W <= n; j += 4 * W) {
        VEC sum[4];
        EACH for (size_t c = 0; c < 4; c++) sum[c] = spread(0);
        for (size_t i = 0; i < rows; i++) {
            EACH for (size_t c = 0; c < 4; c++) sum[c] += load(d + i * n + j + c * W);
        }
        EACH for (size_t c = 0; c < 4; c++) store(x + j + c * W, load(x + j + c * W) + sum[c]);
    }
    for (; j < n; j += W) {
        const MASK mask = mask_of(n - j < W ? n - j : W);
        VEC sum = spread(0);
        for (size_t i = 0; i < rows; i++) sum += load_mask(d + i * n + j, mask);
        store_mask(x + j, mask, load_mask(x + j, mask) + sum);
    }
}

/* Element-wise loops: whole vectors, then one with a mask. */
#define MAP(BODY)                                                                                                    \
    size_t i = 0;                                                                                                    \
    for (; i + W <= n; i += W) { BODY(load, store_all) }                                                             \
    if (i < n) {                                                                                                     \
        const MASK mask = mask_of(n - i);                                                                            \
        BODY(load_tail, store_tail)                                                                                  \
    }
#define load_tail(p) load_mask(p, mask)
#define store_all(p, v) store(p, v)
#define store_tail(p, v) store_mask(p, mask, v)

static void FN(slope_tanh)(size_t n, T a, const T *value, const T *ds, T *d)
{
    const VEC va = spread(a), one = spread(1);
#define BODY(LD, ST) const VEC f = LD(value + i); ST(d + i, va * LD(ds + i) * (one - f * f));
    MAP(BODY)
#undef BODY
}

static void FN(slope_relu)(size_t n, T a, const T *value, const T *ds, T *d)
{
    const VEC va = spread(a), zero = spread(0);
#define BODY(LD, ST) const IVEC on = LD(value + i) > zero; ST(d + i, (VEC) ((IVEC) (va * LD(ds + i)) & on));
    MAP(BODY)
#undef BODY
}

static void FN(axpby)(size_t n, T a, const T *x, T b, T *y)
{
    const VEC va = spread(a), vb = spread(b);
#define BODY(LD, ST) ST(y + i, va * LD(x + i) + vb * LD(y + i));
    MAP(BODY)
#undef BODY
}

static void FN(relu)(size_t n, const T *z, T *out)
{
    const VEC zero = spread(0);
#define BODY(LD, ST) const VEC x = LD(z + i); ST(out + i, (VEC) ((IVEC) x & ~(x < zero)));
    MAP(BODY)
#undef BODY
}

#undef MAP
#undef load_tail
#undef store_all
#undef store_tail
#undef TILE
#undef MASKED_TILE
#undef MASKED_ENTRY
#undef load_whole
#undef store_whole
#undef WHOLE_TILE
#undef WHOLE_ENTRY
#undef DOTS
#undef DOTS_ENTRY
#undef ALL_DOTS
#undef EACH
#undef FN
#undef CAT
#undef CAT_
