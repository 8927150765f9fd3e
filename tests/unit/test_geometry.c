/* The geometry of population states against micro vectors worked out by hand, closed forms, and what the measures must not change
 * under (rotations, order). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "analysis/geometry.h"
#include "base/mem.h"
#include "num/linalg.h"
#include "num/rng.h"

static struct rnn_err err;
#define OK(call) do { if ((call) < 0) fail_msg("%s", err.msg); } while (0)
#define NONE RNN_NO_GROUP

static void near(double got, double want, double tol)
{
    if (!(fabs(got - want) <= tol)) fail_msg("%.12g, not %.12g", got, want);
}

static void normals(uint64_t seed, size_t n, double *x)
{
    struct rnn_rng g;
    OK(rnn_rng_at(&g, seed, RNN_RNG_TEST, 0, 0, 0, &err));
    for (size_t i = 0; i < n; i++) x[i] = rnn_rng_normal(&g);
}

/* X [n][d] Q' with Q a random orthogonal matrix. */
static void rotate(size_t n, size_t d, const double *X, double *Y)
{
    double *A = rnn_alloc(d * d, sizeof *A), *Q = rnn_alloc(d * d, sizeof *Q);
    normals(99, d * d, A);
    OK(rnn_qr(d, d, A, Q, NULL, &err));
    rnn_gemm(0, 1, n, d, d, 1, X, Q, 0, Y);
    free(A);
    free(Q);
}

/* ---- dimensionality ---- */

static void dims_are_strict(void **state)
{
    (void)state;
    const double a[] = { 8, 1, 1 }, b[] = { 9.1, .5, .4 }, c[] = { 0, 0 }, tenth[] = { .5, .3, .1, .1 };
    assert_int_equal(rnn_dims_for_share(3, a, .9), 3);
    assert_int_equal(rnn_dims_for_share(3, b, .9), 1);
    assert_int_equal(rnn_dims_for_share(2, c, .9), 0);
    assert_int_equal(rnn_dims_for_share(0, NULL, .9), 0);
    assert_int_equal(rnn_dims_for_share(4, tenth, .9), 4); /* .5 + .3 + .1 is .9 or a hair more in binary: not larger */
    assert_int_equal(rnn_dims_for_share(3, a, 1), 3);
    near(rnn_participation_ratio(3, a), 100. / 66, 1e-15);
    assert_true(isnan(rnn_participation_ratio(2, c)));
}

/* Two orthogonal directions with sums of squares 2 * 16 and 2 * 4 about a mean of size 10: uncentred the mean is all. */
static void dimension_of_a_cross(void **state)
{
    (void)state;
    const double X[] = { 4, 0, 10, -4, 0, 10, 0, 2, 10, 0, -2, 10 };
    const size_t g[] = { 0, 0, 1, NONE };
    struct rnn_dimension d;
    OK(rnn_dimension(4, 3, X, NULL, NONE, .9, &d, &err));
    assert_int_equal(d.n, 4);
    assert_int_equal(d.dims, 1);         /* 400 of 440 */
    assert_int_equal(d.dims_centred, 2); /* 32 of 40 */
    near(d.participation, 40. * 40 / (32 * 32 + 8 * 8), 1e-12);
    OK(rnn_dimension(4, 3, X, g, 0, .9, &d, &err));
    assert_int_equal(d.n, 2);
    assert_int_equal(d.dims_centred, 1);
    OK(rnn_dimension(4, 3, X, g, 1, .9, &d, &err));
    assert_int_equal(d.dims, 1);
    assert_int_equal(d.dims_centred, 0); /* one state does not vary */
    assert_true(isnan(d.participation));
    OK(rnn_dimension(4, 3, X, g, 2, .9, &d, &err));
    assert_int_equal(d.n, 0);
}

static void components_of_a_cross(void **state)
{
    (void)state;
    const double X[] = { 4, 0, 10, -4, 0, 10, 0, 2, 10, 0, -2, 10 };
    double share[2], axes[6], scores[8];
    OK(rnn_pca(4, 3, X, 2, share, axes, scores, &err));
    near(share[0], .8, 1e-12);
    near(share[1], .2, 1e-12);
    near(axes[0], 1, 1e-12);
    near(axes[4], 1, 1e-12);
    near(scores[0], 4, 1e-12);
    near(scores[7], -2, 1e-12);
    assert_int_equal(rnn_pca(4, 3, X, 4, share, NULL, NULL, &err), RNN_ERR_ARG);
}

/* ---- separability ---- */

static void eta2_micro(void **state)
{
    (void)state;
    const double X[] = { 0, 1, 2, 3 }, same[] = { 7, 7, 7 };
    const size_t a[] = { 0, 0, 1, 1 }, b[] = { 0, 1, 0, 1 }, c[] = { 0, 0, 1, NONE }, one[] = { 0, 0, 0 }, two[] = { 0, 1, 1 };
    double e;
    OK(rnn_eta2(4, 1, X, a, 2, &e, &err));
    near(e, .8, 1e-15);
    OK(rnn_eta2(4, 1, X, b, 2, &e, &err));
    near(e, .2, 1e-15);
    OK(rnn_eta2(4, 1, X, c, 2, &e, &err)); /* 0, 1 | 2: between 1.5, total 2 */
    near(e, .75, 1e-15);
    OK(rnn_eta2(3, 1, X, one, 1, &e, &err));
    assert_true(isnan(e));
    OK(rnn_eta2(3, 1, same, two, 2, &e, &err));
    assert_true(isnan(e));
    const double bad[] = { 0, NAN, 1 };
    assert_int_equal(rnn_eta2(3, 1, bad, two, 2, &e, &err), RNN_ERR_NUMERIC);
}

static void eta2_survives_rotation(void **state)
{
    (void)state;
    enum { n = 30, d = 6 };
    double X[n * d], Y[n * d], a, b;
    size_t g[n];
    normals(1, n * d, X);
    for (size_t i = 0; i < n; i++) g[i] = i % 3;
    rotate(n, d, X, Y);
    OK(rnn_eta2(n, d, X, g, 3, &a, &err));
    OK(rnn_eta2(n, d, Y, g, 3, &b, &err));
    near(a, b, 1e-13);
    assert_true(a > .01 && a < .5);
}

static void nearest_mean_by_hand(void **state)
{
    (void)state;
    const double X[] = { 0, 2, 10, 12 }, Xt[] = { 5, 7, 5.9, 6.1, 6, 11 };
    const size_t g[] = { 0, 0, 1, 1 }, gt[] = { 0, 0, 0, 1, 0, NONE };
    struct rnn_decoded r;
    OK(rnn_nearest_mean(1, 4, X, g, 6, Xt, gt, 2, &r, &err)); /* means 1 and 11, threshold 6 goes to the first */
    assert_int_equal(r.n, 5);
    near(r.accuracy, 4. / 5, 1e-15);
    near(r.balanced, (3. / 4 + 1) / 2, 1e-15);
    const size_t unseen[] = { 2, 2, 2, 2, 2, 2 };
    OK(rnn_nearest_mean(1, 4, X, g, 6, Xt, unseen, 3, &r, &err));
    assert_int_equal(r.n, 0);
    assert_true(isnan(r.accuracy));
}

/* One unit, labels -1 at -1 and +1 at +1 (n = 2): w = (1) / (1 + lambda) and b = 0.  Shifted data move the threshold with them; the
 * class that is rare weighs as much as the other. */
static void ridge_balances(void **state)
{
    (void)state;
    const double X[] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 }, Xt[] = { .4, .6, .49, .51 };
    const size_t g[] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 }, gt[] = { 0, 1, 0, 1 };
    struct rnn_decoded r;
    OK(rnn_ridge_decode(1, 10, X, g, 4, Xt, gt, 2, .01, &r, &err));
    near(r.accuracy, 1, 0);
    const size_t swapped[] = { 1, 0, 1, 0 };
    OK(rnn_ridge_decode(1, 10, X, g, 4, Xt, swapped, 2, .01, &r, &err));
    near(r.balanced, 0, 0);
    OK(rnn_ridge_decode(1, 9, X, g, 4, Xt, gt, 2, .01, &r, &err)); /* one class only: nothing is learned */
    assert_int_equal(r.n, 0);
    assert_true(isnan(r.balanced));
}

static void ridge_reads_what_means_do_not(void **state)
{
    (void)state; /* the label is a small component beside a large one: nearest means fail, a linear decoder does not */
    enum { n = 200 };
    double X[n * 2], noise[n];
    size_t g[n];
    struct rnn_decoded m, r;
    normals(2, n, noise);
    for (size_t i = 0; i < n; i++) {
        g[i] = i % 2;
        X[2 * i] = 30 * noise[i];
        X[2 * i + 1] = 30 * noise[i] + (g[i] ? 1 : -1);
    }
    OK(rnn_nearest_mean(2, n / 2, X, g, n / 2, X + n, g + n / 2, 2, &m, &err));
    OK(rnn_ridge_decode(2, n / 2, X, g, n / 2, X + n, g + n / 2, 2, 1e-6, &r, &err));
    assert_true(m.balanced < .7);
    near(r.balanced, 1, 0);
}

/* lambda against the closed form in one dimension: w = cov / (var + lambda var). */
static void regression_in_one_dimension(void **state)
{
    (void)state;
    const double x[] = { -1, 0, 1 }, y[] = { 1, 3, 5 }, xt[] = { -2, 2 }, yt[] = { -1, 7 };
    double r2;
    OK(rnn_ridge_regress(1, 3, x, y, 2, xt, yt, 0, &r2, &err));
    near(r2, 1, 1e-12);
    OK(rnn_ridge_regress(1, 3, x, y, 2, xt, yt, 1, &r2, &err)); /* slope 1 instead of 2: errors of 2 about a spread of 4 */
    near(r2, 1 - 4. / 16, 1e-12);
}

/* ---- similarity ---- */

static void distances_and_cosines(void **state)
{
    (void)state;
    const double X[] = { 1, 0, 3, 0, 0, 2, 0, 0 }, half = acos(0);
    double D[16], C[16];
    struct rnn_pair_means m;
    OK(rnn_distances(4, 2, X, RNN_EUCLIDEAN, D, &err));
    near(D[1], 2, 0);
    near(D[2], sqrt(5), 1e-15);
    near(D[15], 0, 0);
    OK(rnn_distances(4, 2, X, RNN_ANGLE, D, &err));
    near(D[1], 0, 0);
    near(D[2], half, 1e-15);
    assert_true(isnan(D[3]));
    OK(rnn_distances(4, 2, X, RNN_COSINE, D, &err));
    near(D[2], 1, 1e-15);
    OK(rnn_cosines(4, 2, X, C, &err));
    near(C[1], 1, 1e-15);
    near(C[6], 0, 1e-15);
    assert_true(isnan(C[3]));
    const size_t g[] = { 0, 0, 1, 1 };
    rnn_pair_means(4, C, g, &m); /* pairs with the zero state do not count */
    near(m.within, 1, 1e-15);
    near(m.between, 0, 1e-15);
    assert_int_equal(m.n_within, 1);
    assert_int_equal(m.n_between, 2);
}

/* ---- trees ---- */

static void lambda_micro(void **state)
{
    (void)state;
    near(rnn_ultrametricity(1, 2, 3), .460845, 5e-7);
    near(rnn_ultrametricity(3, 1, 2), .460845, 5e-7);
    near(rnn_ultrametricity(1, 2, 2), 1, 0);
    near(rnn_ultrametricity(1, 1, 2), 0, 0);
    assert_true(isnan(rnn_ultrametricity(1, 1, 1)));
    assert_true(isnan(rnn_ultrametricity(0, 1, 1)));
    near(rnn_ultrametricity(10, 20, 30), .460845, 5e-7);
}

/* Leaves of a binary tree with one unit per edge are an exact ultrametric; points on a line evenly spaced are its opposite where they
 * are equidistant. */
static void content_of_a_tree(void **state)
{
    (void)state;
    double X[8 * 14] = { 0 }, D[64], c, E[9];
    const double line[] = { 0, 1, 2 };
    size_t m;
    for (size_t i = 0; i < 8; i++) {
        X[i * 14 + i / 4] = 4;
        X[i * 14 + 2 + i / 2] = 2;
        X[i * 14 + 6 + i] = 1;
    }
    OK(rnn_distances(8, 14, X, RNN_EUCLIDEAN, D, &err));
    OK(rnn_ultrametric_content(8, D, &c, &m, &err));
    near(c, 1, 1e-12);
    assert_int_equal(m, 56);
    OK(rnn_distances(3, 1, line, RNN_EUCLIDEAN, E, &err));
    OK(rnn_ultrametric_content(3, E, &c, &m, &err));
    near(c, 0, 0);
    OK(rnn_ultrametric_content(2, D, &c, &m, &err));
    assert_true(isnan(c));
    assert_int_equal(m, 0);
}

static void first_parting(void **state)
{
    (void)state; /* aaab and aabb part at letter 3, aaba and aabb at 4, abab and aaab at 2: transitions 3, 4, 2 */
    const double X[] = { 0, 1, 1, 4, 4, 16, 16 };
    const size_t g[] = { 0, 1, 1, 2, 2, 3, 3 };
    char path[][5] = { "aaab", "aaba", "aabb", "abab" }, *name[] = { path[0], path[1], path[2], path[3] };
    double mean[4];
    size_t count[4];
    OK(rnn_tree_distances(7, 1, X, g, 4, name, 4, mean, count, &err));
    assert_int_equal(count[0], 0);
    assert_true(isnan(mean[0]));
    near(mean[1], (16 + 15 + 12) / 3., 1e-12);
    assert_int_equal(count[1], 3);
    near(mean[2], (1 + 4) / 2., 1e-12);
    near(mean[3], 3, 1e-12);
}

/* The Wishart shortcut against Gaussian points that are really drawn, and the published references of both. */
static void gaussian_reference(void **state)
{
    (void)state;
    enum { n = 60 };
    const struct { size_t d; double published; } ref[] = { { 2, .52 }, { 3, .50 }, { 4, .48 }, { 6, .46 }, { 10, .435 }, { 160, .39 } };
    double *X = rnn_alloc(n * 160, sizeof *X), *D = rnn_alloc(n * n, sizeof *D), c, drawn;
    for (size_t i = 0; i < RNN_LEN(ref); i++) {
        OK(rnn_gaussian_ultrametric(ref[i].d, 100000, 5, &c, &err));
        near(c, ref[i].published, .012);
        drawn = 0;
        for (uint64_t rep = 0; rep < 8; rep++) {
            double one;
            normals(100 + rep, n * ref[i].d, X);
            OK(rnn_distances(n, ref[i].d, X, RNN_EUCLIDEAN, D, &err));
            OK(rnn_ultrametric_content(n, D, &one, NULL, &err));
            drawn += one / 8;
        }
        near(c, drawn, .012);
    }
    OK(rnn_gaussian_ultrametric(1, 1000, 5, &c, &err));
    assert_true(c > .4 && c < .8);
    free(X);
    free(D);
}

/* ---- dendrograms ---- */

/* Points 0, 1, 3, 7 on a line.  Single: 1, 2, 4.  Complete: 1, 3, 7.  Average: 1, 2.5, 17/3. */
static void linkage_by_hand(void **state)
{
    (void)state;
    const double X[] = { 7, 0, 3, 1 };
    const double heights[3][3] = { { 1, 3, 7 }, { 1, 2.5, 17. / 3 }, { 1, 2, 4 } };
    double D[16], Z[12];
    size_t order[4];
    OK(rnn_distances(4, 1, X, RNN_EUCLIDEAN, D, &err));
    for (int law = 0; law < 3; law++) {
        const double want[] = { 1, 3, heights[law][0], 2, 2, 4, heights[law][1], 3, 0, 5, heights[law][2], 4 };
        OK(rnn_linkage(4, D, (enum rnn_linkage)law, Z, &err));
        for (size_t i = 0; i < 12; i++) near(Z[i], want[i], 1e-12);
        OK(rnn_linkage_order(4, Z, order, &err));
        const size_t left[] = { 0, 2, 1, 3 };
        assert_memory_equal(order, left, sizeof left);
    }
    D[1] = D[4] = NAN;
    assert_int_equal(rnn_linkage(4, D, RNN_COMPLETE, Z, &err), RNN_ERR_NUMERIC);
    assert_int_equal(rnn_linkage(1, D, RNN_COMPLETE, Z, &err), RNN_OK);
}

/* The greedy definition, O(n^3), on random points: heights, sizes and members of every join. */
static void linkage_is_greedy(void **state)
{
    (void)state;
    enum { n = 40 };
    double X[n * 3], D[n * n], Z[(n - 1) * 4];
    normals(3, n * 3, X);
    OK(rnn_distances(n, 3, X, RNN_EUCLIDEAN, D, &err));
    for (int law = 0; law < 3; law++) {
        double E[n * n];
        size_t id[n], size[n];
        memcpy(E, D, sizeof E);
        for (size_t i = 0; i < n; i++) { id[i] = i; size[i] = 1; }
        OK(rnn_linkage(n, D, (enum rnn_linkage)law, Z, &err));
        for (size_t k = 0; k + 1 < n; k++) {
            size_t a = 0, b = 0;
            double least = INFINITY;
            for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j < i; j++)
                    if (size[i] && size[j] && E[i * n + j] < least) { least = E[i * n + j]; a = i; b = j; }
            near(Z[4 * k + 2], least, 1e-12);
            near(Z[4 * k], (double)(id[a] < id[b] ? id[a] : id[b]), 0);
            near(Z[4 * k + 1], (double)(id[a] < id[b] ? id[b] : id[a]), 0);
            near(Z[4 * k + 3], (double)(size[a] + size[b]), 0);
            for (size_t i = 0; i < n; i++) {
                const double x = E[i * n + a], y = E[i * n + b];
                const double w = (double)size[a] / (double)(size[a] + size[b]);
                E[i * n + a] = E[a * n + i] = law == RNN_COMPLETE ? fmax(x, y) : law == RNN_SINGLE ? fmin(x, y) : w * x + (1 - w) * y;
            }
            size[a] += size[b];
            size[b] = 0;
            id[a] = n + k;
        }
    }
}

/* ---- sequences ---- */

static void sequence_extremes(void **state)
{
    (void)state;
    enum { n = 8 };
    double R[n * n] = { 0 };
    struct rnn_sequence s;
    size_t peak[n], order[n];
    for (size_t i = 0; i < n; i++) R[i * n + (n - 1 - i)] = 3; /* one unit a step, last unit first */
    rnn_peak_order(n, n, R, peak, order);
    assert_int_equal(order[0], n - 1);
    assert_int_equal(peak[0], n - 1);
    OK(rnn_sequence_index(n, n, R, 0, &s, &err));
    near(s.index, 1, 1e-12);
    near(s.ridge, log(1.005 / .005), 1e-12);
    for (size_t i = 0; i < n * n; i++) R[i] = i % n == 3; /* all at once */
    OK(rnn_sequence_index(n, n, R, 0, &s, &err));
    near(s.peak_entropy, 0, 0);
    near(s.sparsity, 0, 1e-12);
    memset(R, 0, sizeof R);
    OK(rnn_sequence_index(n, n, R, 0, &s, &err)); /* nobody changes */
    assert_int_equal(s.n_active, 0);
    assert_true(isnan(s.index));
}

/* Noisy trials of a sequence: the halves agree, the raster runs along the diagonal, and turning every unit in time destroys it. */
static void sequentiality_against_shuffles(void **state)
{
    (void)state;
    enum { K = 40, T = 20, N = 20 };
    float *V = rnn_alloc(K * T * N, sizeof *V), *W = rnn_alloc(K * T * N, sizeof *W);
    double *noise = rnn_alloc(K * T * N, sizeof *noise), raster[N * T];
    struct rnn_sequentiality seen, turned;
    size_t order[N];
    normals(4, K * T * N, noise);
    for (size_t k = 0; k < K; k++)
        for (size_t t = 0; t < T; t++)
            for (size_t i = 0; i < N; i++) {
                const double z = (double)t - (double)((7 * i) % N);
                V[(k * T + t) * N + i] = (float)(exp(-z * z / 2) + .3 * noise[(k * T + t) * N + i]);
            }
    OK(rnn_sequentiality(K, T, N, V, NULL, 1, raster, order, &seen, &err));
    near(seen.rho, 1, .02);
    for (size_t p = 0; p < N; p++) {
        size_t best = 0;
        for (size_t t = 1; t < T; t++)
            if (raster[p * T + t] > raster[p * T + best]) best = t;
        assert_in_range(best + 1, p, p + 2);
    }
    OK(rnn_time_shuffle(K, T, N, V, 6, 0, 0, W, &err));
    double a = 0, b = 0;
    for (size_t i = 0; i < K * T * N; i++) { a += V[i]; b += W[i]; }
    near(a, b, 1e-3);
    OK(rnn_sequentiality(K, T, N, W, NULL, 1, NULL, NULL, &turned, &err));
    assert_true(fabs(turned.rho) < .6);
    assert_true(turned.seen.index < seen.seen.index - .1);
    assert_int_equal(rnn_sequentiality(1, T, N, V, NULL, 1, NULL, NULL, &seen, &err), RNN_ERR_ARG);
    /* two conditions that take turns, one running backwards at half the rate: every other trial compares them, halves of each agree */
    unsigned char half[K];
    for (size_t k = 0; k < K; k++) half[k] = k / 2 % 2;
    for (size_t k = 1; k < K; k += 2)
        for (size_t t = 0; t < T; t++)
            for (size_t i = 0; i < N; i++) W[(k * T + t) * N + i] = V[(k * T + T - 1 - t) * N + i] / 2;
    for (size_t k = 0; k < K; k += 2) memcpy(W + k * T * N, V + k * T * N, T * N * sizeof *W);
    OK(rnn_sequentiality(K, T, N, W, NULL, 1, NULL, NULL, &turned, &err));
    near(turned.rho, -1, .02);
    OK(rnn_sequentiality(K, T, N, W, half, 1, NULL, NULL, &turned, &err));
    near(turned.rho, 1, .02);
    memset(half, 1, K);
    assert_int_equal(rnn_sequentiality(K, T, N, W, half, 1, NULL, NULL, &turned, &err), RNN_ERR_ARG);
    free(V);
    free(W);
    free(noise);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dims_are_strict),
        cmocka_unit_test(dimension_of_a_cross),
        cmocka_unit_test(components_of_a_cross),
        cmocka_unit_test(eta2_micro),
        cmocka_unit_test(eta2_survives_rotation),
        cmocka_unit_test(nearest_mean_by_hand),
        cmocka_unit_test(ridge_balances),
        cmocka_unit_test(ridge_reads_what_means_do_not),
        cmocka_unit_test(regression_in_one_dimension),
        cmocka_unit_test(distances_and_cosines),
        cmocka_unit_test(lambda_micro),
        cmocka_unit_test(content_of_a_tree),
        cmocka_unit_test(first_parting),
        cmocka_unit_test(gaussian_reference),
        cmocka_unit_test(linkage_by_hand),
        cmocka_unit_test(linkage_is_greedy),
        cmocka_unit_test(sequence_extremes),
        cmocka_unit_test(sequentiality_against_shuffles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
