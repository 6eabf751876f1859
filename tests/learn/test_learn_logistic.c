/* SPDX-License-Identifier: Apache-2.0
 * Logistic regression: the gradient at the solution, for few rows and for many, against the promise
 * of its header; answers.  The comparison with scikit-learn is tests/head/check_sklearn.py. */
#include <math.h>
#include <string.h>

#include "learn/logistic.h"
#include "learn_case.h"
#include "support/support.h"

static espy_ctx cx;
static test_memory memory;

/* Length of the gradient of class c's objective against that of its weights. */
static double relative_gradient(const espy_logistic *m, const espy_rows *r, double c_own,
                                double c_rest, uint32_t c)
{
    double g[64] = {0}, gb = 0, length = 0, weights = 0;

    assert_true(m->dim <= 64);
    for (size_t i = 0; i < r->n; i++) {
        double z = m->intercept[c], sign = r->y[i] == c ? 1 : -1;
        for (size_t d = 0; d < m->dim; d++)
            z += (double)m->coef[c * m->dim + d] * r->x[i * m->dim + d];
        double pull = -(sign > 0 ? c_own : c_rest) * sign / (1 + exp(sign * z));
        gb += pull;
        for (size_t d = 0; d < m->dim; d++)
            g[d] += pull * r->x[i * m->dim + d];
    }
    for (size_t d = 0; d < m->dim; d++) {
        double w = m->coef[c * m->dim + d];
        length += (w + g[d]) * (w + g[d]);
        weights += w * w;
    }
    return sqrt(length + gb * gb) / sqrt(weights);
}

static void check_solution(size_t n, size_t dim, size_t classes, double noise, bool balanced)
{
    float *x = espy_floats(&cx, n * dim);
    uint32_t *y = espy_array(&cx, n, sizeof *y);
    espy_logistic *m = NULL;

    assert_true(x && y);
    case_make(x, y, n, dim, classes, noise, 21);
    for (size_t i = 0; i < n * dim; i++)
        x[i] *= sqrtf((float)dim); /* as a scaler would */
    espy_rows rows = {x, y, n, dim, classes};
    assert_int_equal(
        espy_logistic_fit(&cx, &rows, &(espy_logistic_options){.balanced = balanced}, &m),
        ESPY_E_OK);
    for (uint32_t c = 0; c<classes; c += classes> 20 ? 13 : 1) {
        double own = 0;
        for (size_t i = 0; i < n; i++)
            own += y[i] == c;
        double all = (double)n;
        assert_true(relative_gradient(m, &rows, balanced ? all / (2 * own) : 1,
                                      balanced ? all / (2 * (all - own)) : 1, c) < 2e-3);
    }
    espy_logistic_destroy(&cx, &m);
    espy_free(&cx, x);
    espy_free(&cx, y);
}

static void test_few_rows(void **state)
{
    (void)state;
    check_solution(120, 30, 6, 1, false);
    check_solution(120, 30, 6, 1, true);
    check_solution(90, 8, 3, 4, false); /* not separable */
    check_solution(1200, 40, 70, 1.5, false);
}

static void test_many_rows(void **state)
{
    (void)state;
    check_solution(9000, 32, 300, 1, false);
}

static void test_two_labels(void **state)
{
    float x[40 * 5], p[80];
    uint32_t y[40];
    espy_logistic *m = NULL;
    (void)state;

    case_make(x, y, 40, 5, 2, 1, 4);
    espy_rows rows = {x, y, 40, 5, 2};
    assert_int_equal(espy_logistic_fit(&cx, &rows, &(espy_logistic_options){.c = 1}, &m),
                     ESPY_E_OK);
    for (size_t d = 0; d < 5; d++)
        assert_true(m->coef[d] == -m->coef[5 + d]);
    assert_true(m->intercept[0] == -m->intercept[1]);
    assert_int_equal(espy_logistic_probabilities(&cx, m, x, 40, p), ESPY_E_OK);
    for (size_t i = 0; i < 40; i++) {
        double z = m->intercept[1];
        for (size_t d = 0; d < 5; d++)
            z += (double)m->coef[5 + d] * x[i * 5 + d];
        assert_float_equal(p[2 * i + 1], 1 / (1 + exp(-z)), 1e-6);
        assert_float_equal(p[2 * i] + p[2 * i + 1], 1, 1e-6);
    }
    espy_logistic_destroy(&cx, &m);
}

/* Where every sigmoid is 0 the probabilities are still shares. */
static void test_far_away(void **state)
{
    espy_logistic *m = NULL;
    const float x[] = {1};
    float p[3];
    (void)state;

    assert_int_equal(espy_logistic_create(&cx, 1, 3, &m), ESPY_E_OK);
    m->intercept[0] = -2000;
    m->intercept[1] = -2001;
    m->intercept[2] = -2002;
    assert_int_equal(espy_logistic_probabilities(&cx, m, x, 1, p), ESPY_E_OK);
    assert_float_equal(p[0], 1 / (1 + exp(-1) + exp(-2)), 1e-6);
    assert_float_equal(p[0] + p[1] + p[2], 1, 1e-6);
    espy_logistic_destroy(&cx, &m);
}

static void test_faults(void **state)
{
    float x[30 * 4], p[30 * 3];
    uint32_t y[30];
    espy_logistic *m = NULL;
    (void)state;

    case_make(x, y, 30, 4, 3, 1, 8);
    espy_rows rows = {x, y, 30, 4, 3};
    espy_logistic_options o = {.c = 1};
    TEST_FAULT_LOOP(&cx, &memory, espy_logistic_fit(&cx, &rows, &o, &m),
                    espy_logistic_destroy(&cx, &m));
    assert_int_equal(espy_logistic_fit(&cx, &rows, &o, &m), ESPY_E_OK);
    TEST_FAULT_LOOP(&cx, &memory, espy_logistic_probabilities(&cx, m, x, 30, p), (void)0);
    espy_logistic_destroy(&cx, &m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_few_rows),   cmocka_unit_test(test_many_rows),
        cmocka_unit_test(test_two_labels), cmocka_unit_test(test_far_away),
        cmocka_unit_test(test_faults),
    };

    test_memory_init(&cx, &memory);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
