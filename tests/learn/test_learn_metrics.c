/* SPDX-License-Identifier: Apache-2.0
 * Metrics of classification and verification. */
#include <math.h>
#include <string.h>

#include "learn/metrics.h"
#include "support/support.h"

static espy_ctx cx;
static test_memory memory;

static const uint32_t truth[] = {0, 0, 0, 1, 1, 2, 2, 2, 2, 1};
static const uint32_t answer[] = {0, 0, 1, 1, 1, 2, 2, 0, 2, 2};
#define LONG_NAME                  \
    ("STU002_J\xc3\xb6rg_\xc3\x9c" \
     "berlang")
static const char *const names[] = {"STU001", LONG_NAME, "STU003"};

/* sklearn.metrics.classification_report(truth, answer, target_names=names, digits=2), 1.2.1 */
static const char report[] = "                      precision    recall  f1-score   support\n\n"
                             "              STU001       0.67      0.67      0.67         3\n"
                             "STU002_J\xc3\xb6rg_\xc3\x9c"
                             "berlang       0.67      0.67      0.67         3\n"
                             "              STU003       0.75      0.75      0.75         4\n\n"
                             "            accuracy                           0.70        10\n"
                             "           macro avg       0.69      0.69      0.69        10\n"
                             "        weighted avg       0.70      0.70      0.70        10\n";

static espy_err print_report(espy_buf *out)
{
    espy_metrics m = {0};
    espy_err e;

    espy_buf_init(out, 1 << 16);
    ESPY_GO(espy_metrics_compute(&cx, truth, answer, 10, 3, &m));
    ESPY_GO(espy_metrics_report(&cx, &m, names, out));
out:
    espy_metrics_free(&cx, &m);
    return e;
}

static void test_report(void **state)
{
    espy_buf out;
    (void)state;

    assert_int_equal(print_report(&out), ESPY_E_OK);
    assert_string_equal((const char *)out.data, report);
    espy_buf_free(&cx, &out);
    TEST_FAULT_LOOP(&cx, &memory, print_report(&out), espy_buf_free(&cx, &out));
}

static void test_short_names(void **state)
{
    const char *const n[] = {"a", "b", "c"};
    espy_metrics m;
    espy_buf out;
    (void)state;

    espy_buf_init(&out, 1 << 16);
    assert_int_equal(espy_metrics_compute(&cx, truth, answer, 10, 3, &m), ESPY_E_OK);
    assert_int_equal(espy_metrics_report(&cx, &m, n, &out), ESPY_E_OK);
    /* never narrower than "weighted avg" */
    assert_non_null(strstr((const char *)out.data, "\n           a       0.67"));
    assert_non_null(strstr((const char *)out.data, "\nweighted avg       0.70"));
    espy_metrics_free(&cx, &m);
    espy_buf_free(&cx, &out);
}

static void test_zero_divisions(void **state)
{
    /* label 1 is never answered, label 2 never true */
    const uint32_t t[] = {0, 0, 1}, a[] = {0, 2, 0};
    espy_metrics m;
    (void)state;

    assert_int_equal(espy_metrics_compute(&cx, t, a, 3, 3, &m), ESPY_E_OK);
    assert_true(m.per_class[1].precision == 0 && m.per_class[1].recall == 0);
    assert_true(m.per_class[1].f1 == 0 && m.per_class[2].recall == 0 && m.per_class[2].f1 == 0);
    assert_int_equal(m.per_class[1].support, 1);
    assert_float_equal(m.accuracy, 1.0 / 3, 1e-12);
    assert_float_equal(m.per_class[0].f1, 0.5, 1e-12);
    espy_metrics_free(&cx, &m);
    assert_int_equal(espy_metrics_compute(&cx, t, a, 0, 3, &m), ESPY_E_OK);
    assert_true(m.accuracy == 0 && m.weighted.f1 == 0);
    espy_metrics_free(&cx, &m);
}

static void test_confusion(void **state)
{
    const uint32_t want[] = {2, 1, 0, 0, 2, 1, 1, 0, 3};
    uint32_t got[9];
    (void)state;

    espy_metrics_confusion(truth, answer, 10, 3, got);
    assert_memory_equal(got, want, sizeof want);
}

static void test_argmax(void **state)
{
    const float p[] = {0.2f, 0.4f, 0.4f, 0.5f, 0.1f, 0.4f};
    uint32_t got[2];
    (void)state;

    espy_metrics_argmax(p, 2, 3, got);
    assert_int_equal(got[0], 1);
    assert_int_equal(got[1], 0);
}

static void test_verify(void **state)
{
    /* sklearn.metrics.roc_auc_score: 0.90625; the tie at 0.7 counts half */
    const float s[] = {0.1f, 0.8f, 0.7f, 0.9f, 0.4f, 0.35f, 0.3f, 0.7f};
    const uint8_t y[] = {0, 1, 0, 1, 1, 0, 0, 1};
    const uint8_t same[] = {1, 1, 1, 1, 1, 1, 1, 1};
    const float perfect[] = {0, 1, 0, 1, 1, 0, 0, 1};
    const float wrong[] = {0, NAN, 0, 1, 1, 0, 0, 1};
    espy_verification v;
    (void)state;

    assert_int_equal(espy_metrics_verify(&cx, s, y, 8, &v), ESPY_E_OK);
    assert_float_equal(v.auc, 0.90625, 1e-12);
    assert_float_equal(v.accuracy, 0.875, 1e-12);
    /* between (0, 0.5) and (0.25, 0.25) in (false accepts, false rejects) */
    assert_float_equal(v.eer, 0.25, 1e-12);
    assert_int_equal(espy_metrics_verify(&cx, perfect, y, 8, &v), ESPY_E_OK);
    assert_true(v.auc == 1 && v.accuracy == 1 && v.threshold == 1);
    assert_float_equal(v.eer, 0, 1e-12);
    assert_int_equal(espy_metrics_verify(&cx, s, same, 8, &v), ESPY_E_DATA);
    espy_clear(&cx);
    assert_int_equal(espy_metrics_verify(&cx, wrong, y, 8, &v), ESPY_E_DATA);
    espy_clear(&cx);
    TEST_FAULT_LOOP(&cx, &memory, espy_metrics_verify(&cx, s, y, 8, &v), (void)0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_report),         cmocka_unit_test(test_short_names),
        cmocka_unit_test(test_zero_divisions), cmocka_unit_test(test_confusion),
        cmocka_unit_test(test_argmax),         cmocka_unit_test(test_verify),
    };

    test_memory_init(&cx, &memory);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
