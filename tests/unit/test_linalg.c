/* Dense linear algebra: residuals, canonical order and sign, closed-form spectra, and what must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "num/linalg.h"
#include "num/rng.h"

static struct rnn_err err;

static void assert_near(double got, double want, double tol)
{
    if (!(fabs(got - want) <= tol)) fail_msg("got %.17g, expected %.17g (tolerance %.2g)", got, want, tol);
}

static double *random_matrix(size_t m, size_t n, uint64_t item)
{
    struct rnn_rng g;
    double *A = malloc((m * n + 1) * sizeof *A);
    assert_non_null(A);
    assert_int_equal(rnn_rng_at(&g, 7, RNN_RNG_TEST, 0, item, 0, &err), RNN_OK);
    rnn_rng_normals_f64(&g, m * n, A);
    return A;
}

static double max_diff(size_t n, const double *a, const double *b)
{
    double d = 0;
    for (size_t i = 0; i < n; i++) d = fmax(d, fabs(a[i] - b[i]));
    return d;
}

static void check_svd(size_t m, size_t n)
{
    const size_t k = m < n ? m : n;
    double *A = random_matrix(m, n, m * 100 + n), *U = malloc(m * k * 8), *s = malloc(k * 8), *Vt = malloc(k * n * 8);
    double *back = malloc(m * n * 8), *s2 = malloc(k * 8), *U2 = malloc(m * k * 8);
    assert_int_equal(rnn_svd(m, n, A, U, s, Vt, &err), RNN_OK);
    assert_int_equal(rnn_svd(m, n, A, U2, s2, NULL, &err), RNN_OK);
    assert_true(max_diff(m * k, U, U2) < 1e-13);
    assert_int_equal(rnn_svd(m, n, A, NULL, s2, NULL, &err), RNN_OK);
    assert_true(max_diff(k, s, s2) < 1e-12);
    for (size_t i = 0; i < k; i++) {
        double top = 0;
        if (i) assert_true(s[i] <= s[i - 1]);
        for (size_t j = 0; j < n; j++)
            if (fabs(Vt[i * n + j]) > fabs(top)) top = Vt[i * n + j];
        assert_true(top > 0);
        for (size_t j = 0; j < m; j++) U2[j * k + i] = U[j * k + i] * s[i];
    }
    rnn_gemm(0, 0, m, n, k, 1, U2, Vt, 0, back);
    assert_true(max_diff(m * n, A, back) < 1e-13 * s[0] * (double) (m + n));
    assert_near(rnn_spectral_norm(m, n, A, &err), s[0], 1e-12 * s[0]);
    free(A), free(U), free(s), free(Vt), free(back), free(s2), free(U2);
}

static void svd_multiplies_back(void **state)
{
    (void) state;
    const size_t sizes[] = {1, 2, 7, 40};
    for (size_t i = 0; i < 4; i++)
        for (size_t j = 0; j < 4; j++) check_svd(sizes[i], sizes[j]);
}

/* The cyclic shift of n has the n-th roots of unity: all moduli tie, so the order is by argument. */
static void roots_of_unity_in_canonical_order(void **state)
{
    (void) state;
    for (size_t n = 2; n <= 9; n++) {
        double A[81] = {0};
        double _Complex w[9], VR[81], VL[81];
        for (size_t i = 0; i < n; i++) A[i * n + (i + 1) % n] = 1;
        assert_int_equal(rnn_eig(n, A, w, VR, VL, &err), RNN_OK);
        for (size_t i = 0; i < n; i++) {
            const double angle = 2 * M_PI * (double) ((i + 1) / 2) / (double) n * (i % 2 ? 1 : -1);
            assert_near(cabs(w[i] - cexp(I * angle)), 0, 1e-13);
            for (size_t j = 0; j < n; j++) { /* columns (1, w, w^2, ...) / sqrt n: all entries tie, the first is positive */
                assert_near(cabs(VR[j * n + i] - cexp(I * angle * (double) j) / sqrt((double) n)), 0, 1e-12);
                double _Complex dot = 0;
                for (size_t l = 0; l < n; l++) dot += conj(VL[l * n + i]) * VR[l * n + j];
                assert_near(cabs(dot - (i == j)), 0, 1e-12);
            }
        }
    }
}

static void eigenvectors_satisfy_their_equations(void **state)
{
    (void) state;
    enum { n = 30 };
    double *A = random_matrix(n, n, 3);
    double _Complex w[n], VR[n * n], VL[n * n], only[n];
    assert_int_equal(rnn_eig(n, A, w, VR, VL, &err), RNN_OK);
    assert_int_equal(rnn_eig(n, A, only, NULL, NULL, &err), RNN_OK);
    for (size_t k = 0; k < n; k++) {
        assert_near(cabs(w[k] - only[k]), 0, 1e-12);
        if (k) assert_true(cabs(w[k]) <= cabs(w[k - 1]) * (1 + 1e-10));
        if (cimag(w[k]) > 0) assert_true(w[k + 1] == conj(w[k]));
        for (size_t i = 0; i < n; i++) {
            double _Complex right = -w[k] * VR[i * n + k], left = -w[k] * conj(VL[i * n + k]);
            for (size_t j = 0; j < n; j++) {
                right += A[i * n + j] * VR[j * n + k];
                left += conj(VL[j * n + k]) * A[j * n + i];
            }
            assert_near(cabs(right), 0, 1e-12);
            assert_near(cabs(left), 0, 1e-11);
        }
    }
    free(A);
}

/* diag(2,2,2,-2,0) turned by random bases: a repeated eigenvalue that is not defective stays biorthogonal. */
static void repeated_eigenvalues_stay_biorthogonal(void **state)
{
    (void) state;
    enum { n = 5 };
    const double d[n] = {2, 2, 2, -2, 0};
    for (uint64_t item = 0; item < 100; item++) {
        double *S = random_matrix(n, n, 1000 + item), Si[n * n], SD[n * n], A[n * n], cond;
        double _Complex w[n], VR[n * n], VL[n * n];
        assert_int_equal(rnn_inverse(n, S, Si, &cond, &err), RNN_OK);
        for (size_t i = 0; i < n * n; i++) SD[i] = S[i] * d[i % n];
        rnn_gemm(0, 0, n, n, n, 1, SD, Si, 0, A);
        free(S);
        if (cond < .01) continue;
        assert_int_equal(rnn_eig(n, A, w, VR, VL, &err), RNN_OK);
        for (size_t i = 0; i < n; i++) {
            assert_near(cabs(w[i] - d[i]), 0, 1e-11);
            for (size_t j = 0; j < n; j++) {
                double _Complex dot = 0;
                for (size_t l = 0; l < n; l++) dot += conj(VL[l * n + i]) * VR[l * n + j];
                assert_near(cabs(dot - (i == j)), 0, 1e-9);
            }
        }
    }
}

static void defective_matrix_gives_finite_vectors(void **state)
{
    (void) state;
    const double A[9] = {3, 1, 0, 0, 3, 1, 0, 0, 3};
    double _Complex w[3], VR[9], VL[9];
    assert_int_equal(rnn_eig(3, A, w, VR, VL, &err), RNN_OK);
    for (size_t i = 0; i < 9; i++) assert_true(isfinite(cabs(VR[i])) && isfinite(cabs(VL[i])));
    for (size_t i = 0; i < 3; i++) assert_near(cabs(w[i]), 3, 1e-4);
}

/* Second difference matrix: eigenvalues 2 - 2 cos(k pi / (n+1)), eigenvectors sines. */
static void second_difference_has_its_known_spectrum(void **state)
{
    (void) state;
    enum { n = 12 };
    double A[n * n] = {0}, w[n], V[n * n];
    for (size_t i = 0; i < n; i++) {
        A[i * n + i] = 2;
        if (i) A[i * n + i - 1] = A[(i - 1) * n + i] = -1;
    }
    assert_int_equal(rnn_eig_sym(n, A, w, V, &err), RNN_OK);
    for (size_t k = 0; k < n; k++) {
        const double theta = M_PI * (double) (n - k) / (n + 1);
        double dot = 0, lead = 0;
        assert_near(w[k], 2 - 2 * cos(theta), 1e-13);
        for (size_t i = 0; i < n; i++) {
            dot += V[k * n + i] * sqrt(2. / (n + 1)) * sin((double) (i + 1) * theta);
            if (fabs(V[k * n + i]) > fabs(lead) + 1e-9) lead = V[k * n + i];
        }
        assert_near(fabs(dot), 1, 1e-12);
        assert_true(lead > 0);
    }
}

static void solve_inverse_and_singularity(void **state)
{
    (void) state;
    const double A[4] = {4, 7, 2, 6}, want[4] = {.6, -.7, -.2, .4}, b[2] = {1, 2}, one[4] = {1, 2, 2, 4};
    double Ai[4], x[2], rcond;
    assert_int_equal(rnn_inverse(2, A, Ai, &rcond, &err), RNN_OK);
    assert_true(max_diff(4, Ai, want) < 1e-14);
    assert_near(rcond, 1 / (13 * 1.1), 1e-12); /* 1-norms: of A 13, of its inverse 1.1 */
    assert_int_equal(rnn_solve(2, 1, A, b, x, NULL, &err), RNN_OK);
    assert_near(x[0], -.8, 1e-14);
    assert_near(x[1], .6, 1e-14);
    assert_int_equal(rnn_solve(2, 1, one, b, x, &rcond, &err), RNN_ERR_NUMERIC);
    assert_true(rcond < 1e-15);
}

static void check_penrose(size_t m, size_t n, const double *A, const double *P)
{
    double *AP = malloc(m * m * 8), *PA = malloc(n * n * 8), *X = malloc(m * n * 8);
    rnn_gemm(0, 0, m, m, n, 1, A, P, 0, AP);
    rnn_gemm(0, 0, n, n, m, 1, P, A, 0, PA);
    rnn_gemm(0, 0, m, n, m, 1, AP, A, 0, X);
    assert_true(max_diff(m * n, X, A) < 1e-11);
    rnn_gemm(0, 0, n, m, n, 1, PA, P, 0, X);
    assert_true(max_diff(m * n, X, P) < 1e-11);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < m; j++) assert_near(AP[i * m + j], AP[j * m + i], 1e-11);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) assert_near(PA[i * n + j], PA[j * n + i], 1e-11);
    free(AP), free(PA), free(X);
}

static void pinv_meets_the_penrose_conditions(void **state)
{
    (void) state;
    const size_t shapes[][3] = {{8, 5, 5}, {5, 8, 5}, {9, 7, 3}};
    for (size_t c = 0; c < 3; c++) {
        const size_t m = shapes[c][0], n = shapes[c][1], r = shapes[c][2];
        double *B = random_matrix(m, r, 50 + c), *C = random_matrix(r, n, 60 + c), A[80], P[80], cond;
        size_t rank;
        rnn_gemm(0, 0, m, n, r, 1, B, C, 0, A);
        assert_int_equal(rnn_pinv(m, n, A, 1e-12, P, &rank, &cond, &err), RNN_OK);
        assert_int_equal(rank, r);
        assert_true(cond >= 1 && cond < 1e4);
        check_penrose(m, n, A, P);
        free(B), free(C);
    }
}

static void qr_has_positive_diagonal(void **state)
{
    (void) state;
    const size_t shapes[][2] = {{9, 4}, {4, 9}, {6, 6}};
    for (size_t c = 0; c < 3; c++) {
        const size_t m = shapes[c][0], n = shapes[c][1], k = m < n ? m : n;
        double *A = random_matrix(m, n, 70 + c), Q[81], R[81], back[81];
        assert_int_equal(rnn_qr(m, n, A, Q, R, &err), RNN_OK);
        rnn_gemm(0, 0, m, n, k, 1, Q, R, 0, back);
        assert_true(max_diff(m * n, A, back) < 1e-13);
        rnn_gemm(1, 0, k, k, m, 1, Q, Q, 0, back);
        for (size_t i = 0; i < k; i++) {
            assert_true(R[i * n + i] > 0);
            for (size_t j = 0; j < k; j++) assert_near(back[i * k + j], i == j, 1e-14);
            for (size_t j = 0; j < i; j++) assert_true(R[i * n + j] == 0);
        }
        free(A);
    }
}

/* Longley (1967) is the classic, but a parabola through integers has a simple answer: y = 1 + 2 x - 3 x^2 is found exactly;
 * a column doubled makes the fit rank deficient, and the minimum norm solution shares the weight equally. */
static void least_squares(void **state)
{
    (void) state;
    double A[5 * 4], y[5], c[4], P[20], want[4];
    for (int i = 0; i < 5; i++) {
        const double x = i - 1;
        memcpy(A + 4 * i, (double[]){1, x, x * x, x}, 4 * sizeof *A);
        y[i] = 1 + 2 * x - 3 * x * x;
    }
    assert_int_equal(rnn_lstsq(5, 4, 1, A, y, c, &err), RNN_OK);
    assert_true(max_diff(4, c, (double[]){1, 1, -3, 1}) < 1e-12);
    assert_int_equal(rnn_pinv(5, 4, A, 1e-12, P, NULL, NULL, &err), RNN_OK);
    rnn_gemv(0, 4, 5, 1, P, y, 0, want);
    assert_true(max_diff(4, c, want) < 1e-12);
    assert_int_equal(rnn_lstsq(1, 2, 1, (double[]){3, 4}, (double[]){25}, c, &err), RNN_OK); /* underdetermined */
    assert_true(max_diff(2, c, (double[]){3, 4}) < 1e-13);
}

static double best_by_enumeration(size_t n, size_t m, const double *cost, size_t i, unsigned used)
{
    if (i == n) return 0;
    double best = INFINITY;
    for (size_t j = 0; j < m; j++)
        if (!(used >> j & 1))
            best = fmin(best, cost[i * m + j] + best_by_enumeration(n, m, cost, i + 1, used | 1u << j));
    return best;
}

static void assignment_is_optimal(void **state)
{
    (void) state;
    for (size_t n = 0; n <= 6; n++) {
        for (size_t m = n; m <= 7; m++) {
            double *cost = random_matrix(n, m, 900 + 10 * n + m), total, sum = 0;
            size_t match[6];
            unsigned used = 0;
            assert_int_equal(rnn_assign(n, m, cost, match, &total, &err), RNN_OK);
            for (size_t i = 0; i < n; i++) {
                assert_false(used >> match[i] & 1);
                used |= 1u << match[i];
                sum += cost[i * m + match[i]];
            }
            assert_near(sum, best_by_enumeration(n, m, cost, 0, 0), 1e-12);
            assert_near(total, sum, 1e-12);
            free(cost);
        }
    }
    size_t match[2];
    assert_int_equal(rnn_assign(2, 1, (double[]){1, 2}, match, NULL, &err), RNN_ERR_ARG);
}

static void not_a_number_is_refused(void **state)
{
    (void) state;
    const double bad[2] = {NAN, INFINITY};
    for (int k = 0; k < 2; k++) {
        double A[4] = {1, 2, bad[k], 4}, s[2], V[4];
        double _Complex w[2];
        size_t match[2];
        assert_int_equal(rnn_svd(2, 2, A, NULL, s, V, &err), RNN_ERR_NUMERIC);
        assert_int_equal(rnn_eig(2, A, w, NULL, NULL, &err), RNN_ERR_NUMERIC);
        assert_int_equal(rnn_eig_sym(2, A, s, V, &err), RNN_ERR_NUMERIC);
        assert_int_equal(rnn_inverse(2, A, V, NULL, &err), RNN_ERR_NUMERIC);
        assert_int_equal(rnn_pinv(2, 2, A, 0, V, NULL, NULL, &err), RNN_ERR_NUMERIC);
        assert_int_equal(rnn_qr(2, 2, A, V, NULL, &err), RNN_ERR_NUMERIC);
        assert_int_equal(rnn_lstsq(2, 2, 1, A, s, V, &err), RNN_ERR_NUMERIC);
        assert_int_equal(rnn_assign(2, 2, A, match, NULL, &err), RNN_ERR_NUMERIC);
        assert_true(isnan(rnn_spectral_norm(2, 2, A, &err)));
    }
}

/* Networks are worked on side by side: the same product and the same decomposition in every thread, to the last bit.  (A serial build of
 * OpenBLAS hands one buffer to all threads, and products come out wrong.) */
enum { SIDE = 40, ROUNDS = 3000 };
struct side { const double *A, *product, *Vt; size_t wrong; };

static void *work_beside(void *arg)
{
    struct side *w = arg;
    struct rnn_err own;
    double *P = malloc(3 * SIDE * SIDE * sizeof *P), *U = P + SIDE * SIDE, *Vt = U + SIDE * SIDE, s[SIDE];
    for (size_t i = 0; P && i < ROUNDS; i++) {
        rnn_gemm(0, 0, SIDE, SIDE, SIDE, 1, w->A, w->A, 0, P);
        w->wrong += memcmp(P, w->product, SIDE * SIDE * sizeof *P) != 0;
        w->wrong += rnn_svd(SIDE, SIDE, w->A, U, s, Vt, &own) < 0 || memcmp(Vt, w->Vt, SIDE * SIDE * sizeof *Vt);
    }
    w->wrong += !P;
    free(P);
    return NULL;
}

static void threads_do_not_disturb_each_other(void **state)
{
    (void)state;
    rnn_blas_set_threads(1);
    double *A = random_matrix(SIDE, SIDE, 77), *P = malloc(3 * SIDE * SIDE * sizeof *P), *U = P + SIDE * SIDE, *Vt = U + SIDE * SIDE, s[SIDE];
    assert_non_null(P);
    rnn_gemm(0, 0, SIDE, SIDE, SIDE, 1, A, A, 0, P);
    assert_int_equal(rnn_svd(SIDE, SIDE, A, U, s, Vt, &err), RNN_OK);
    struct side w[4];
    pthread_t t[4];
    for (size_t i = 0; i < 4; i++) {
        w[i] = (struct side){ A, P, Vt, 0 };
        assert_int_equal(pthread_create(&t[i], NULL, work_beside, &w[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) pthread_join(t[i], NULL);
    for (size_t i = 0; i < 4; i++) assert_int_equal(w[i].wrong, 0);
    free(A);
    free(P);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(svd_multiplies_back),
        cmocka_unit_test(roots_of_unity_in_canonical_order),
        cmocka_unit_test(eigenvectors_satisfy_their_equations),
        cmocka_unit_test(repeated_eigenvalues_stay_biorthogonal),
        cmocka_unit_test(defective_matrix_gives_finite_vectors),
        cmocka_unit_test(second_difference_has_its_known_spectrum),
        cmocka_unit_test(solve_inverse_and_singularity),
        cmocka_unit_test(pinv_meets_the_penrose_conditions),
        cmocka_unit_test(qr_has_positive_diagonal),
        cmocka_unit_test(least_squares),
        cmocka_unit_test(assignment_is_optimal),
        cmocka_unit_test(not_a_number_is_refused),
        cmocka_unit_test(threads_do_not_disturb_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
