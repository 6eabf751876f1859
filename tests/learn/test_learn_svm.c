/* SPDX-License-Identifier: Apache-2.0
 * The support vector machine: known solutions, optimality, equality of CPU levels and threads,
 * Platt scaling and coupling.  The comparison with scikit-learn is tests/head/check_sklearn.py. */
#include <math.h>
#include <string.h>

#include "base/pool.h"
#include "learn/platt.h"
#include "learn/svm.h"
#include "learn/svm_machine.h"
#include "learn_case.h"
#include "support/support.h"

static espy_ctx cx;
static test_memory memory;

static void test_two_points(void **state)
{
    /* w is (x1 - x0) * 2 / |x1 - x0|^2 = (-1, 0), the plane half way: f(x) = -(x[0] - 1) for class
     * 0 */
    const float x[] = {0, 0, 2, 0, 0, 0, 2, 0};
    const uint32_t y[] = {0, 1, 0, 1};
    const double q[] = {0, 0, 2, 0, 1, 5, -3, 0}, want[] = {1, -1, 0, 4};
    double f[4], p[8];
    espy_svm *svm = NULL;
    (void)state;

    assert_int_equal(
        espy_svm_fit(&cx, &(espy_rows){x, y, 4, 2, 2}, &(espy_svm_options){.c = 10}, &svm),
        ESPY_E_OK);
    assert_int_equal(espy_svm_decide(&cx, svm, q, 4, f), ESPY_E_OK);
    for (size_t i = 0; i < 4; i++)
        assert_float_equal(f[i], want[i], 1e-4);
    assert_int_equal(espy_svm_probabilities(&cx, svm, q, 4, p), ESPY_E_OK);
    assert_true(p[0] > 0.5 && p[3] > 0.5 && p[6] > p[0]);
    assert_float_equal(p[4], 0.5, 1e-3);
    espy_svm_destroy(&cx, &svm);
}

/* Largest violation of the optimality conditions of one machine, computed in double from scratch.
 */
static double machine_violation(const espy_svm *s, const float *x, const uint32_t *y, size_t n,
                                double c, uint32_t i, uint32_t j)
{
    double up = -INFINITY, low = INFINITY, total = 0;
    size_t at[3] = {0, 0, 0};

    for (uint32_t k = 0; k < j; k++) {
        at[0] += k < i ? s->count[k] : 0;
        at[1] += s->count[k];
    }
    for (size_t t = 0; t < n; t++) {
        if (y[t] != i && y[t] != j)
            continue;
        double sign = y[t] == i ? 1 : -1, f = 0, beta = 0, most = (float)c;
        for (size_t k = 0; k < s->n; k++) {
            bool of_i = k >= at[0] && k < at[0] + s->count[i];
            bool of_j = k >= at[1] && k < at[1] + s->count[j];
            if (!of_i && !of_j)
                continue;
            double b = s->coef[(of_i ? j - 1 : i) * s->n + k], dot = 0;
            for (size_t d = 0; d < s->dim; d++)
                dot += (double)s->x[k * s->dim + d] * x[t * s->dim + d];
            f += b * dot;
            if (s->index[k] == t)
                beta = b;
        }
        double v = sign - f, lo = sign > 0 ? 0 : -most, hi = sign > 0 ? most : 0;
        assert_true(beta >= lo && beta <= hi);
        if (beta < hi)
            up = fmax(up, v);
        if (beta > lo)
            low = fmin(low, v);
        total += beta;
    }
    assert_float_equal(total, 0, 1e-4);
    return up - low;
}

enum { SVM_N = 150, SVM_DIM = 40, SVM_LABELS = 5 };

static void check_optimal(double noise, double c, double scale)
{
    static float x[SVM_N * SVM_DIM];
    static uint32_t y[SVM_N];
    espy_svm *svm = NULL;

    case_make(x, y, SVM_N, SVM_DIM, SVM_LABELS, noise, 11);
    for (size_t i = 0; i < SVM_N * SVM_DIM; i++)
        x[i] *= (float)scale;
    assert_int_equal(espy_svm_fit(&cx, &(espy_rows){x, y, SVM_N, SVM_DIM, SVM_LABELS},
                                  &(espy_svm_options){.c = c}, &svm),
                     ESPY_E_OK);
    for (uint32_t i = 0; i < SVM_LABELS; i++)
        for (uint32_t j = i + 1; j < SVM_LABELS; j++)
            assert_true(machine_violation(svm, x, y, SVM_N, c, i, j) < 1e-3);
    espy_svm_destroy(&cx, &svm);
}

static void test_optimal(void **state)
{
    (void)state;
    check_optimal(0.5, 1, 6); /* separable */
    check_optimal(3, 1, 6);   /* overlapping, some at the bound */
    check_optimal(3, 1, 1);   /* nearly all at the bound */
    check_optimal(3, 0.01, 6);
}

static void test_levels_agree(void **state)
{
    static float x[SVM_N * SVM_DIM], gram[SVM_N * 160];
    static uint32_t y[SVM_N];
    const unsigned has = espy_cpu_detect(), levels[] = {0, ESPY_CPU_AVX2, ESPY_CPU_AVX512};
    double first[SVM_N], bias[3], a[3], b[3];
    (void)state;

    case_make(x, y, SVM_N, SVM_DIM, 2, 4, 5);
    /* small pairs start from the inverse, large ones from nothing */
    for (size_t na = 20; na <= SVM_N / 2; na += 55)
        for (size_t l = 0; l < 3; l++) {
            espy_machine m = {0};
            size_t n = 2 * na;
            if ((has & levels[l]) != levels[l])
                continue;
            assert_int_equal(espy_machine_make(&cx, n, levels[l], &m), ESPY_E_OK);
            m.smo.m = n;
            m.smo.padded = (n + 15) / 16 * 16;
            for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j < n; j++) {
                    const float *p = x + (i < na ? 2 * i : 2 * (i - na) + 1) * SVM_DIM;
                    const float *q = x + (j < na ? 2 * j : 2 * (j - na) + 1) * SVM_DIM;
                    double sum = 0;
                    for (size_t d = 0; d < SVM_DIM; d++)
                        sum += (double)p[d] * q[d];
                    gram[i * m.smo.padded + j] = (float)(30 * sum);
                }
            memcpy(m.gram, gram, n * m.smo.padded * sizeof *gram);
            for (size_t i = 0; i < n; i++)
                m.diag[i] = m.gram[i * m.smo.padded + i];
            m.smo.gram = m.gram;
            /* the kernels differ by rounding between levels: take the same ones */
            espy_kern_init(&m.smo.kern, 0);
            assert_int_equal(
                espy_machine_train(&cx, &m, na, na, 1, 1, 9, 4, &bias[l], &a[l], &b[l]), ESPY_E_OK);
            if (l == 0)
                memcpy(first, m.best, n * sizeof *first);
            assert_memory_equal(first, m.best, n * sizeof *first);
            assert_true(bias[l] == bias[0] && a[l] == a[0] && b[l] == b[0]);
            espy_machine_free(&cx, &m);
        }
}

/* A pair beyond the largest Gram matrix goes through the row cache and gives the same machine. */
static void test_large_pair(void **state)
{
    enum { LARGE_N = 4400, LARGE_DIM = 6 };
    static float x[LARGE_N * LARGE_DIM];
    static uint32_t y[LARGE_N];
    espy_svm *svm = NULL;
    (void)state;

    case_make(x, y, LARGE_N, LARGE_DIM, 2, 0.3, 2);
    assert_int_equal(espy_svm_fit(&cx, &(espy_rows){x, y, LARGE_N, LARGE_DIM, 2},
                                  &(espy_svm_options){.c = 1}, &svm),
                     ESPY_E_OK);
    assert_true(machine_violation(svm, x, y, LARGE_N, 1, 0, 1) < 1e-3);
    espy_svm_destroy(&cx, &svm);
}

static void test_duplicates(void **state)
{
    /* equal rows in both classes: no machine can part them, the answer is a coin */
    float x[32];
    uint32_t y[16];
    double p[2];
    const double q[] = {1, 0};
    espy_svm *svm = NULL;
    (void)state;

    for (size_t i = 0; i < 16; i++) {
        x[2 * i] = 1;
        x[2 * i + 1] = 0;
        y[i] = i % 2;
    }
    assert_int_equal(
        espy_svm_fit(&cx, &(espy_rows){x, y, 16, 2, 2}, &(espy_svm_options){.c = 1}, &svm),
        ESPY_E_OK);
    assert_int_equal(espy_svm_probabilities(&cx, svm, q, 1, p), ESPY_E_OK);
    assert_float_equal(p[0], 0.5, 0.01);
    espy_svm_destroy(&cx, &svm);
}

static void test_refuses(void **state)
{
    static float x[2 * (ESPY_SVM_CLASSES + 1)];
    static uint32_t y[2 * (ESPY_SVM_CLASSES + 1)];
    size_t n = 2 * (ESPY_SVM_CLASSES + 1);
    espy_svm *svm = NULL;
    (void)state;

    for (size_t i = 0; i < n; i++) {
        x[i] = (float)i;
        y[i] = (uint32_t)(i / 2);
    }
    assert_int_equal(espy_svm_fit(&cx, &(espy_rows){x, y, n, 1, ESPY_SVM_CLASSES + 1},
                                  &(espy_svm_options){.c = 1}, &svm),
                     ESPY_E_DATA);
    assert_non_null(strstr(cx.text, "up to 1000 labels, got 1001"));
    assert_non_null(strstr(cx.text, "logistic"));
    assert_non_null(strstr(cx.text, "knn"));
    espy_clear(&cx);
    for (size_t i = 0; i < 3; i++)
        y[i] = (uint32_t)i;
    assert_int_equal(
        espy_svm_fit(&cx, &(espy_rows){x, y, 3, 1, 3}, &(espy_svm_options){.c = 1}, &svm),
        ESPY_E_DATA);
    assert_non_null(strstr(cx.text, "--head knn"));
    espy_clear(&cx);
    /* one label with a single sample is fine */
    y[0] = 0;
    y[1] = y[2] = 1;
    assert_int_equal(
        espy_svm_fit(&cx, &(espy_rows){x, y, 3, 1, 2}, &(espy_svm_options){.c = 1}, &svm),
        ESPY_E_OK);
    espy_svm_destroy(&cx, &svm);
    assert_null(svm);
}

static void test_faults(void **state)
{
    float x[24 * 6];
    uint32_t y[24];
    double q[6] = {1}, p[3];
    espy_svm *svm = NULL;
    (void)state;

    case_make(x, y, 24, 6, 3, 1, 1);
    espy_rows rows = {x, y, 24, 6, 3};
    espy_svm_options o = {.c = 1};
    TEST_FAULT_LOOP(&cx, &memory, espy_svm_fit(&cx, &rows, &o, &svm), espy_svm_destroy(&cx, &svm));
    assert_int_equal(espy_svm_fit(&cx, &rows, &o, &svm), ESPY_E_OK);
    TEST_FAULT_LOOP(&cx, &memory, espy_svm_probabilities(&cx, svm, q, 1, p), (void)0);
    espy_svm_destroy(&cx, &svm);
}

/* The sigmoid's likelihood is stationary: the gradient with the paper's targets is zero. */
static void test_platt(void **state)
{
    enum { PLATT_N = 60 };
    double f[PLATT_N], scratch[PLATT_N], a, b, ga = 0, gb = 0;
    bool first[PLATT_N];
    espy_random r;
    size_t pos = 0;
    (void)state;

    espy_random_seed(&r, 1, 1);
    for (size_t i = 0; i < PLATT_N; i++) {
        first[i] = i % 3 == 0;
        pos += first[i];
        f[i] = (first[i] ? 0.8 : -0.8) + espy_random_normal(&r);
    }
    espy_platt_fit(f, first, PLATT_N, scratch, &a, &b);
    assert_true(a < 0);
    for (size_t i = 0; i < PLATT_N; i++) {
        double target = first[i] ? (pos + 1.0) / (pos + 2.0) : 1 / (PLATT_N - pos + 2.0);
        double d = target - espy_platt_probability(f[i], a, b);
        ga += f[i] * d;
        gb += d;
    }
    assert_float_equal(ga, 0, 1e-4);
    assert_float_equal(gb, 0, 1e-4);
    assert_float_equal(espy_platt_probability(1e6, a, b), 1, 1e-9);
    assert_float_equal(espy_platt_probability(-1e6, a, b), 0, 1e-9);
}

/* Pairwise probabilities r_ij = p_i / (p_i + p_j) couple back to p. */
static void test_couple(void **state)
{
    enum { COUPLE_K = 12 };
    double p[COUPLE_K], r[COUPLE_K * COUPLE_K], q[COUPLE_K * COUPLE_K], qp[COUPLE_K], got[COUPLE_K];
    double sum = 0;
    (void)state;

    for (size_t i = 0; i < COUPLE_K; i++) {
        p[i] = (double)(i + 1);
        sum += p[i];
    }
    for (size_t i = 0; i < COUPLE_K; i++)
        for (size_t j = 0; j < COUPLE_K; j++)
            r[i * COUPLE_K + j] = p[i] / (p[i] + p[j]);
    espy_platt_couple(r, COUPLE_K, q, qp, got);
    for (size_t i = 0; i < COUPLE_K; i++)
        assert_float_equal(got[i], p[i] / sum, 2e-3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_points),   cmocka_unit_test(test_optimal),
        cmocka_unit_test(test_levels_agree), cmocka_unit_test(test_large_pair),
        cmocka_unit_test(test_duplicates),   cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_faults),       cmocka_unit_test(test_platt),
        cmocka_unit_test(test_couple),
    };

    test_memory_init(&cx, &memory);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
