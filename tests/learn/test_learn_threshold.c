/* SPDX-License-Identifier: Apache-2.0
 * Threshold table, recommendation and percentile rules. */
#include <string.h>

#include "learn/threshold.h"
#include "support/support.h"

static espy_ctx cx;
static test_memory memory;

static void test_table_lines(void **state)
{
    const float top[] = {0.49f, 0.5f, 0.6f, 0.75f, 0.99f};
    const uint8_t right[] = {1, 0, 1, 1, 1};
    espy_threshold_row r[ESPY_THRESHOLD_ROWS];
    (void)state;

    espy_threshold_table(top, right, 5, r);
    assert_true(r[0].threshold == 0.50 && r[4].threshold == 0.70 && r[9].threshold == 0.95);
    assert_true(r[10].threshold == 0.98);
    assert_int_equal(r[0].accepted, 4);
    assert_float_equal(r[0].accuracy, 0.75, 1e-12);
    assert_float_equal(r[0].coverage, 0.8, 1e-12);
    assert_int_equal(r[5].accepted, 2); /* 0.75 itself is accepted */
    assert_float_equal(r[5].accuracy, 1, 1e-12);
    for (size_t i = 0; i < ESPY_THRESHOLD_ROWS; i++)
        assert_true(r[i].score == r[i].accuracy * r[i].coverage);
    espy_threshold_table(top, right, 0, r);
    assert_true(r[0].accuracy == 0 && r[0].coverage == 0 && r[0].score == 0);
    assert_true(espy_threshold_recommend(r) == ESPY_THRESHOLD_DEFAULT);
}

/* The document's example: 0.50 has accuracy 0.98 at full coverage, 0.75 accuracy 1 at coverage
 * 0.92; the recommendation it prints is 0.75 (C-02). */
static void test_recommend_example(void **state)
{
    float top[100];
    uint8_t right[100];
    espy_threshold_row r[ESPY_THRESHOLD_ROWS];
    (void)state;

    for (size_t i = 0; i < 100; i++) {
        top[i] = i < 6 ? 0.72f : i < 8 ? 0.74f : i < 15 ? 0.78f : 0.99f;
        right[i] = i != 6 && i != 7;
    }
    espy_threshold_table(top, right, 100, r);
    assert_float_equal(r[0].accuracy, 0.98, 1e-12);
    assert_float_equal(r[0].coverage, 1, 1e-12);
    assert_float_equal(r[5].accuracy, 1, 1e-12);
    assert_float_equal(r[5].coverage, 0.92, 1e-12);
    assert_float_equal(r[5].score, 0.92, 1e-12);
    assert_true(espy_threshold_recommend(r) == 0.75);
}

static void test_recommend_coverage(void **state)
{
    float top[100];
    uint8_t right[100];
    espy_threshold_row r[ESPY_THRESHOLD_ROWS];
    (void)state;

    /* perfect above 0.85, but too few are: the best within reach is the lowest threshold */
    for (size_t i = 0; i < 100; i++) {
        top[i] = i < 80 ? 0.9f : 0.72f;
        right[i] = 1;
    }
    espy_threshold_table(top, right, 100, r);
    assert_true(espy_threshold_recommend(r) == 0.70);
    for (size_t i = 0; i < 100; i++)
        top[i] = 0.6f;
    espy_threshold_table(top, right, 100, r);
    assert_true(espy_threshold_recommend(r) == ESPY_THRESHOLD_DEFAULT);
}

/* The rows of both tables agree; an own threshold stands once, in its place. */
static void test_fine(void **state)
{
    const float top[] = {0.12f, 0.27f, 0.5f, 0.6f, 0.75f, 0.99f};
    const uint8_t right[] = {0, 1, 0, 1, 1, 1};
    const struct {
        double own;
        size_t n, at;
    } cases[] = {{0.27, 21, 5},  {0.7, 20, 13},  {0.01, 21, 0}, {0.05, 20, 0},
                 {0.97, 21, 19}, {0.98, 20, 19}, {1, 21, 20}};
    espy_threshold_row coarse[ESPY_THRESHOLD_ROWS], r[ESPY_THRESHOLD_FINE_ROWS];
    (void)state;

    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        size_t n = espy_threshold_fine(top, right, 6, cases[k].own, r);
        assert_int_equal(n, cases[k].n);
        assert_true(r[cases[k].at].threshold == cases[k].own);
        for (size_t i = 1; i < n; i++)
            assert_true(r[i - 1].threshold < r[i].threshold && r[i - 1].accepted >= r[i].accepted);
    }
    espy_threshold_table(top, right, 6, coarse);
    espy_threshold_fine(top, right, 6, 0.98, r);
    assert_memory_equal(coarse, r + 9, sizeof coarse);
    espy_threshold_fine(top, right, 6, 0.27, r);
    assert_int_equal(r[5].accepted, 5); /* 0.27 itself is accepted */
    assert_float_equal(r[5].accuracy, 0.8, 1e-12);
    assert_int_equal(r[6].accepted, 4); /* 0.30 */
    assert_int_equal(espy_threshold_fine(top, right, 0, 0.27, r), 21);
    assert_true(r[5].total == 0 && r[5].accuracy == 0 && r[5].coverage == 0);
}

static void test_percentile_numbers(void **state)
{
    /* numpy.percentile([.1, .2, .4, .8, .9], [0, 5, 50, 95, 100]) */
    const float v[] = {0.9f, 0.1f, 0.8f, 0.4f, 0.2f};
    const double p[] = {0, 5, 50, 95, 100}, want[] = {0.1, 0.12, 0.4, 0.88, 0.9};
    double got;
    (void)state;

    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(espy_percentile(&cx, v, 5, p[i], &got), ESPY_E_OK);
        assert_float_equal(got, want[i], 1e-7);
    }
    assert_int_equal(espy_percentile(&cx, v, 1, 37, &got), ESPY_E_OK);
    assert_true(got == (double)v[0]);
    assert_int_equal(espy_percentile(&cx, v, 0, 50, &got), ESPY_E_DATA);
    espy_clear(&cx);
    assert_int_equal(espy_percentile(&cx, v, 5, 101, &got), ESPY_E_ARG);
    espy_clear(&cx);
    TEST_FAULT_LOOP(&cx, &memory, espy_percentile(&cx, v, 5, 50, &got), (void)0);
}

/* 90 is stricter, 98 more lenient, and about that share of the correct ones is accepted (C-01); the
 * literal rule refuses them instead. */
static void test_percentile_rules(void **state)
{
    float top[1000];
    uint8_t right[1000];
    double t[3], literal;
    const double percent[] = {90, 95, 98};
    (void)state;

    for (size_t i = 0; i < 1000; i++) {
        top[i] = (float)i / 1000;
        right[i] = i >= 500; /* half of all, with 0.5 .. 0.999 */
    }
    for (size_t i = 0; i < 3; i++) {
        size_t accepted = 0;
        assert_int_equal(espy_threshold_accept(&cx, top, right, 1000, percent[i], &t[i]),
                         ESPY_E_OK);
        for (size_t k = 500; k < 1000; k++)
            accepted += top[k] >= t[i];
        assert_float_equal((double)accepted / 500, percent[i] / 100, 0.005);
    }
    assert_true(t[0] > t[1] && t[1] > t[2]);
    assert_int_equal(espy_threshold_literal(&cx, top, 1000, 95, &literal), ESPY_E_OK);
    assert_float_equal(literal, 0.94905, 1e-6);
    memset(right, 0, sizeof right);
    assert_int_equal(espy_threshold_accept(&cx, top, right, 1000, 95, &t[0]), ESPY_E_OK);
    assert_true(t[0] == ESPY_THRESHOLD_DEFAULT);
    assert_int_equal(espy_threshold_accept(&cx, top, right, 1000, 0, &t[0]), ESPY_E_ARG);
    assert_non_null(strstr(cx.text, "1 to 100"));
    espy_clear(&cx);
    right[3] = 1;
    TEST_FAULT_LOOP(&cx, &memory, espy_threshold_accept(&cx, top, right, 1000, 95, &t[0]), (void)0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_lines),        cmocka_unit_test(test_recommend_example),
        cmocka_unit_test(test_recommend_coverage), cmocka_unit_test(test_percentile_numbers),
        cmocka_unit_test(test_percentile_rules),   cmocka_unit_test(test_fine),
    };

    test_memory_init(&cx, &memory);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
