/* SPDX-License-Identifier: Apache-2.0
 * Checks of labelled vectors, the scaler and splits. */
#include <math.h>
#include <string.h>

#include "learn/likeness.h"
#include "learn/rows.h"
#include "learn/scaler.h"
#include "learn/split.h"
#include "learn_case.h"
#include "support/support.h"

static espy_ctx cx;
static test_memory memory;

static void refused(const espy_rows *rows, const char *text)
{
    assert_int_equal(espy_rows_check(&cx, rows), ESPY_E_DATA);
    assert_non_null(strstr(cx.text, text));
    assert_null(strchr(cx.text, '\n'));
    espy_clear(&cx);
}

static void test_rows_refuse(void **state)
{
    float x[] = {1, 2, 3, 4, 5, 6};
    uint32_t y[] = {0, 1, 1};
    espy_rows rows = {x, y, 3, 2, 2};
    (void)state;

    assert_int_equal(espy_rows_check(&cx, &rows), ESPY_E_OK);
    refused(&(espy_rows){x, y, 0, 2, 2}, "nothing to learn from");
    refused(&(espy_rows){x, y, 3, 2, 1}, "at least two labels");
    refused(&(espy_rows){x, y, 3, 2, 3}, "label number 2 has no samples");
    refused(&(espy_rows){x, y, 2, 2, 4}, "every label needs one");
    y[2] = 7;
    refused(&rows, "sample 2 has label 7");
    y[2] = 1;
    x[3] = NAN;
    refused(&rows, "sample 1 holds a value that is not a number");
    x[3] = INFINITY;
    refused(&rows, "sample 1 holds a value that is not a number");
}

static void test_scaler_numbers(void **state)
{
    /* column 0: mean 2, population variance 2/3; column 1: constant, whose mean is not exact */
    const float x[] = {1, 0.1f, 2, 0.1f, 3, 0.1f};
    float out[6];
    double row[2];
    espy_scaler s;
    (void)state;

    assert_int_equal(espy_scaler_fit(&cx, x, 3, 2, &s), ESPY_E_OK);
    assert_float_equal(s.mean[0], 2, 1e-12);
    assert_float_equal(s.scale[0], sqrt(2.0 / 3), 1e-12);
    assert_true(s.scale[1] == 1.0);
    espy_scaler_apply(&s, x, 3, out);
    assert_float_equal(out[0], -sqrt(1.5), 1e-6);
    assert_float_equal(out[1], 0, 1e-7);
    assert_float_equal(out[4], sqrt(1.5), 1e-6);
    espy_scaler_apply_row(&s, x + 4, row);
    assert_float_equal(row[0], sqrt(1.5), 1e-12);
    espy_scaler_free(&cx, &s);
    TEST_FAULT_LOOP(&cx, &memory, espy_scaler_fit(&cx, x, 3, 2, &s), espy_scaler_free(&cx, &s));
    espy_scaler_free(&cx, &(espy_scaler){0});
}

/* 3 labels of 25, 10 and 5 samples and one of a single sample, interleaved. */
enum { SPLIT_N = 41 };

static void split_labels(uint32_t *y)
{
    const size_t size[] = {25, 10, 5, 1};
    size_t left[4];

    memcpy(left, size, sizeof left);
    for (size_t i = 0, c = 0; i < SPLIT_N; c = (c + 1) % 4)
        if (left[c] > 0) {
            y[i++] = (uint32_t)c;
            left[c]--;
        }
}

static void test_split_shares(void **state)
{
    uint32_t y[SPLIT_N];
    size_t test[4] = {0}, seen[SPLIT_N] = {0};
    espy_split s, again, other;
    (void)state;

    split_labels(y);
    assert_int_equal(espy_split_stratified(&cx, y, NULL, SPLIT_N, 4, 0.2, 42, &s), ESPY_E_OK);
    assert_int_equal(s.test_n, 8); /* ceil(40 * 0.2): one of the 41 is alone with its label */
    assert_int_equal(s.train_n, SPLIT_N - 8);
    for (size_t i = 0; i < s.test_n; i++) {
        test[y[s.test[i]]]++;
        seen[s.test[i]]++;
        assert_true(i == 0 || s.test[i - 1] < s.test[i]);
    }
    for (size_t i = 0; i < s.train_n; i++)
        seen[s.train[i]]++;
    for (size_t i = 0; i < SPLIT_N; i++)
        assert_int_equal(seen[i], 1);
    /* 8 x (25, 10, 5) / 40 = 5, 2, 1 */
    assert_int_equal(test[0], 5);
    assert_int_equal(test[1], 2);
    assert_int_equal(test[2], 1);
    assert_int_equal(test[3], 0);
    assert_int_equal(s.single_n, 1);
    assert_int_equal(s.single[0], 3);

    assert_int_equal(espy_split_stratified(&cx, y, NULL, SPLIT_N, 4, 0.2, 42, &again), ESPY_E_OK);
    assert_memory_equal(s.test, again.test, s.test_n * sizeof *s.test);
    assert_int_equal(espy_split_stratified(&cx, y, NULL, SPLIT_N, 4, 0.2, 43, &other), ESPY_E_OK);
    assert_memory_not_equal(s.test, other.test, s.test_n * sizeof *s.test);
    espy_split_free(&cx, &s);
    espy_split_free(&cx, &again);
    espy_split_free(&cx, &other);
    TEST_FAULT_LOOP(&cx, &memory, espy_split_stratified(&cx, y, NULL, SPLIT_N, 4, 0.2, 42, &s),
                    espy_split_free(&cx, &s));
}

static void test_split_keeps_one(void **state)
{
    /* a share of 90 % would take both samples of a label */
    const uint32_t y[] = {0, 0, 1, 1, 2, 2};
    espy_split s;
    (void)state;

    assert_int_equal(espy_split_stratified(&cx, y, NULL, 6, 3, 0.9, 1, &s), ESPY_E_OK);
    assert_int_equal(s.test_n, 3);
    for (size_t c = 0; c < 3; c++) {
        size_t kept = 0;
        for (size_t i = 0; i < s.train_n; i++)
            kept += y[s.train[i]] == c;
        assert_int_equal(kept, 1);
    }
    espy_split_free(&cx, &s);
}

static void test_split_refuses(void **state)
{
    const uint32_t single[] = {0, 1, 2}, few[] = {0, 0, 1, 1, 2, 2};
    espy_split s;
    (void)state;

    assert_int_equal(espy_split_stratified(&cx, single, NULL, 3, 3, 0.2, 1, &s), ESPY_E_DATA);
    assert_non_null(strstr(cx.text, "knn"));
    espy_clear(&cx);
    assert_int_equal(espy_split_stratified(&cx, few, NULL, 6, 3, 0.2, 1, &s), ESPY_E_DATA);
    assert_non_null(strstr(cx.text, "2 test samples cannot cover 3 labels"));
    espy_clear(&cx);
    assert_int_equal(espy_split_stratified(&cx, few, NULL, 6, 3, 0, 1, &s), ESPY_E_ARG);
    espy_clear(&cx);
    assert_int_equal(espy_split_stratified(&cx, few, NULL, 6, 3, NAN, 1, &s), ESPY_E_ARG);
    espy_clear(&cx);
}

static void test_folds(void **state)
{
    uint32_t y[SPLIT_N], fold[SPLIT_N];
    size_t all[5] = {0}, of_0[5] = {0};
    (void)state;

    split_labels(y);
    assert_int_equal(espy_split_folds(&cx, y, NULL, SPLIT_N, 4, 5, 7, fold), ESPY_E_OK);
    for (size_t i = 0; i < SPLIT_N; i++) {
        assert_true(fold[i] < 5);
        all[fold[i]]++;
        of_0[fold[i]] += y[i] == 0;
    }
    for (size_t f = 0; f < 5; f++) {
        assert_int_equal(of_0[f], 5);
        assert_true(all[f] == 8 || all[f] == 9);
    }
    assert_int_equal(espy_split_folds(&cx, y, NULL, SPLIT_N, 4, 1, 7, fold), ESPY_E_ARG);
    espy_clear(&cx);
}

static double cosine(const float *a, const float *b, size_t dim)
{
    double ab = 0, aa = 0, bb = 0;
    for (size_t d = 0; d < dim; d++) {
        ab += (double)a[d] * (double)b[d];
        aa += (double)a[d] * (double)a[d];
        bb += (double)b[d] * (double)b[d];
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
}

/* The sums against every pair, looked at one by one; one label has one row, one row is zero. */
static void test_likeness(void **state)
{
    enum { N = 17, DIM = 6, LABELS = 4 };
    float x[N * DIM];
    uint32_t y[N];
    double within = 0, within_self = 0, between = 0;
    espy_likeness got;
    (void)state;

    case_make(x, y, N, DIM, LABELS, 0.8, 4);
    for (size_t i = 0; i < N; i++) {
        y[i] = i == 0 ? 3 : (uint32_t)(i % 3);
        for (size_t d = 0; d < DIM; d++)
            x[i * DIM + d] *= i == 5 ? 0 : (float)(i + 1); /* of any length */
    }
    for (uint32_t c = 0; c < LABELS; c++) {
        double in = 0, self = 0, out = 0;
        size_t n = 0, pairs = 0, far = 0;
        for (size_t i = 0; i < N; i++)
            for (size_t j = 0; y[i] == c && j < N; j++) {
                double v = cosine(x + i * DIM, x + j * DIM, DIM);
                n += i == j;
                self += y[j] == c ? v : 0;
                in += y[j] == c && i != j ? v : 0;
                pairs += y[j] == c && i != j;
                out += y[j] != c ? v : 0;
                far += y[j] != c;
            }
        within += n > 1 ? in / (double)pairs / 3 : 0;
        within_self += n > 1 ? self / (double)(n * n) / 3 : 0;
        between += out / (double)far / 4;
    }
    const espy_rows rows = {x, y, N, DIM, LABELS, NULL};
    TEST_FAULT_LOOP(&cx, &memory, espy_likeness_of(&cx, &rows, &got), (void)0);
    assert_float_equal(got.within, within, 1e-9);
    assert_float_equal(got.within_self, within_self, 1e-9);
    assert_float_equal(got.between, between, 1e-9);
    for (size_t i = 0; i < N; i++)
        y[i] = 0;
    const espy_rows one = {x, y, 1, DIM, 1, NULL}, alone = {x, y, N, DIM, 1, NULL};
    assert_int_equal(espy_likeness_of(&cx, &one, &got), ESPY_E_OK);
    assert_true(isnan(got.within) && isnan(got.within_self) && isnan(got.between));
    assert_int_equal(espy_likeness_of(&cx, &alone, &got), ESPY_E_OK);
    assert_true(isfinite(got.within) && isnan(got.between));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_refuse),   cmocka_unit_test(test_scaler_numbers),
        cmocka_unit_test(test_split_shares),  cmocka_unit_test(test_split_keeps_one),
        cmocka_unit_test(test_split_refuses), cmocka_unit_test(test_folds),
        cmocka_unit_test(test_likeness),
    };

    test_memory_init(&cx, &memory);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
