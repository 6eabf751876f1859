/* SPDX-License-Identifier: Apache-2.0
 * The decision over one sample and the cosines to a gallery it rests on. */
#include <math.h>
#include <string.h>

#include "base/pool.h"
#include "learn/decision.h"
#include "learn/gallery.h"
#include "learn_case.h"
#include "support/support.h"

static espy_ctx cx;
static test_memory memory;

static espy_decision decide(const espy_decision_rule *rule, float p, float p2, float c, float c2,
                            const espy_quality *q)
{
    const float probability[] = {1 - p - p2, p, p2}, cosine[] = {-0.2f, c, c2};
    espy_verdict v = espy_decide(rule, probability, cosine, 3, q);

    assert_int_equal(v.label, 1);
    assert_true(v.probability == p && v.similarity == c);
    return v.decision;
}

static void test_rule(void **state)
{
    espy_decision_rule r = espy_decision_rule_make(0.7, 0.4);
    const espy_quality good = {120, 0.9f, 80}, tiny = {31.5f, 0.9f, 80}, blurred = {120, 0.9f, 3};
    const espy_quality hardly = {120, 0.3f, 80};
    (void)state;

    assert_int_equal(decide(&r, 0.9f, 0.05f, 0.6f, 0.1f, &good), ESPY_KNOWN);
    assert_int_equal(decide(&r, 0.9f, 0.05f, 0.6f, 0.1f, NULL), ESPY_KNOWN);
    assert_int_equal(decide(&r, 0.69f, 0.05f, 0.6f, 0.1f, &good), ESPY_UNKNOWN);
    assert_int_equal(decide(&r, 0.9f, 0.05f, 0.39f, 0.1f, &good), ESPY_UNKNOWN);
    /* another label as near, or nearer */
    assert_int_equal(decide(&r, 0.9f, 0.05f, 0.6f, 0.58f, &good), ESPY_AMBIGUOUS);
    assert_int_equal(decide(&r, 0.9f, 0.05f, 0.6f, 0.8f, &good), ESPY_AMBIGUOUS);
    assert_int_equal(decide(&r, 0.9f, 0.05f, 0.6f, 0.56f, &good), ESPY_KNOWN);
    r.threshold = 0.45;
    assert_int_equal(decide(&r, 0.48f, 0.44f, 0.6f, 0.1f, &good), ESPY_AMBIGUOUS);
    assert_int_equal(decide(&r, 0.48f, 0.42f, 0.6f, 0.1f, &good), ESPY_KNOWN);
    r.threshold = 0.7;
    /* poor samples are never named */
    r.min_score = 0.5f;
    r.min_sharpness = 10;
    assert_int_equal(decide(&r, 0.9f, 0.05f, 0.6f, 0.1f, &tiny), ESPY_POOR_QUALITY);
    assert_int_equal(decide(&r, 0.9f, 0.05f, 0.6f, 0.1f, &blurred), ESPY_POOR_QUALITY);
    assert_int_equal(decide(&r, 0.9f, 0.05f, 0.6f, 0.1f, &hardly), ESPY_POOR_QUALITY);
    /* the literal rule looks at the threshold alone */
    r.no_floor = true;
    assert_int_equal(decide(&r, 0.7f, 0.05f, -0.6f, 0.1f, &tiny), ESPY_KNOWN);
    assert_int_equal(decide(&r, 0.6f, 0.05f, 0.6f, 0.1f, &good), ESPY_UNKNOWN);
    const float p[] = {0.1f, 0.9f};
    espy_verdict v = espy_decide(&r, p, NULL, 2, NULL);
    assert_int_equal(v.decision, ESPY_KNOWN);
    assert_true(isnan(v.similarity));
}

static void test_floor(void **state)
{
    (void)state;
    assert_true(espy_decision_floor(0.3, 0.2, 0.8) == 0.3);
    assert_true(espy_decision_floor(0.3, 0.5, 0.8) == 0.5);
    assert_true(espy_decision_floor(0.3, 0.99, 0.8) == 0.8);
}

/* More rows than a block of either side of the product. */
enum { GALLERY_N = 2500, GALLERY_DIM = 24, GALLERY_LABELS = 7, GALLERY_QUERIES = 70 };

static double plain_cosine(const float *a, const float *b)
{
    double sum = 0;

    for (size_t d = 0; d < GALLERY_DIM; d++)
        sum += (double)a[d] * b[d];
    return sum;
}

static void test_gallery(void **state)
{
    static float x[GALLERY_N * GALLERY_DIM], q[GALLERY_QUERIES * GALLERY_DIM];
    static float best[GALLERY_QUERIES * GALLERY_LABELS], top[GALLERY_QUERIES * GALLERY_LABELS];
    static uint32_t y[GALLERY_N], qy[GALLERY_QUERIES];
    espy_gallery_spread spread;
    espy_pool *pool = NULL;
    double largest = -1, sum = 0, squares = 0, pairs = 0;
    (void)state;

    case_make(x, y, GALLERY_N, GALLERY_DIM, GALLERY_LABELS, 0.8, 3);
    case_make(q, qy, GALLERY_QUERIES, GALLERY_DIM, GALLERY_LABELS, 1.5, 3);
    espy_rows g = {x, y, GALLERY_N, GALLERY_DIM, GALLERY_LABELS + 1};
    g.classes = GALLERY_LABELS;
    assert_int_equal(espy_pool_create(&cx, 3, &pool), ESPY_E_OK);
    cx.pool = pool;
    assert_int_equal(espy_gallery_nearest(&cx, &g, q, GALLERY_QUERIES, best), ESPY_E_OK);
    assert_int_equal(espy_gallery_top(&cx, &g, q, GALLERY_QUERIES, 2, top), ESPY_E_OK);
    for (size_t i = 0; i < GALLERY_QUERIES; i++)
        for (uint32_t c = 0; c < GALLERY_LABELS; c++) {
            double one = -2, two = -2;
            for (size_t j = 0; j < GALLERY_N; j++) {
                double v = plain_cosine(q + i * GALLERY_DIM, x + j * GALLERY_DIM);
                if (y[j] == c && v > one) {
                    two = one;
                    one = v;
                } else if (y[j] == c && v > two) {
                    two = v;
                }
            }
            assert_float_equal(best[i * GALLERY_LABELS + c], one, 1e-5);
            assert_float_equal(top[i * GALLERY_LABELS + c], (one + two) / 2, 1e-5);
        }
    static size_t own[GALLERY_QUERIES];
    for (size_t i = 0; i < GALLERY_QUERIES; i++) /* rows of the gallery, but for the last one */
        own[i] = i + 1 < GALLERY_QUERIES ? i * 35 : SIZE_MAX;
    for (size_t i = 0; i + 1 < GALLERY_QUERIES; i++)
        memcpy(q + i * GALLERY_DIM, x + own[i] * GALLERY_DIM, GALLERY_DIM * sizeof *q);
    assert_int_equal(espy_gallery_others(&cx, &g, q, own, GALLERY_QUERIES, 1, best), ESPY_E_OK);
    for (size_t i = 0; i < GALLERY_QUERIES; i++)
        for (uint32_t c = 0; c < GALLERY_LABELS; c++) {
            double one = -2;
            for (size_t j = 0; j < GALLERY_N; j++)
                if (y[j] == c && j != own[i])
                    one = fmax(one, plain_cosine(q + i * GALLERY_DIM, x + j * GALLERY_DIM));
            assert_float_equal(best[i * GALLERY_LABELS + c], one, 1e-5);
        }
    assert_int_equal(espy_gallery_between(&cx, &g, &spread), ESPY_E_OK);
    for (size_t i = 0; i < GALLERY_N; i++)
        for (size_t j = i + 1; j < GALLERY_N; j++)
            if (y[i] != y[j]) {
                double v = plain_cosine(x + i * GALLERY_DIM, x + j * GALLERY_DIM);
                largest = fmax(largest, v);
                sum += v;
                squares += v * v;
                pairs++;
            }
    assert_float_equal(spread.largest, largest, 1e-5);
    assert_true(spread.pairs == pairs);
    assert_float_equal(spread.mean, sum / pairs, 1e-6);
    assert_float_equal(spread.sd, sqrt(squares / pairs - sum / pairs * sum / pairs), 1e-6);
    cx.pool = NULL;
    espy_pool_destroy(&cx, &pool);
}

static void test_gallery_few(void **state)
{
    const float x[] = {1, 0, 0, 1}, q[] = {0.6f, 0.8f};
    const uint32_t y[] = {0, 2};
    espy_rows g = {x, y, 2, 2, 3};
    float best[3];
    espy_gallery_spread spread;
    (void)state;

    assert_int_equal(espy_gallery_top(&cx, &g, q, 1, 9, best), ESPY_E_OK);
    assert_float_equal(best[0], 0.6, 1e-6);
    assert_true(best[1] == -2); /* no rows */
    assert_float_equal(best[2], 0.8, 1e-6);
    TEST_FAULT_LOOP(&cx, &memory, espy_gallery_top(&cx, &g, q, 1, 2, best), (void)0);
    TEST_FAULT_LOOP(&cx, &memory, espy_gallery_between(&cx, &g, &spread), (void)0);
    assert_true(spread.pairs == 1 && spread.largest == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rule),
        cmocka_unit_test(test_floor),
        cmocka_unit_test(test_gallery),
        cmocka_unit_test(test_gallery_few),
    };

    test_memory_init(&cx, &memory);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
