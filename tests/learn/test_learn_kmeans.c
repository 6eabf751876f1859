/* SPDX-License-Identifier: Apache-2.0
 * k-means and the prototypes of labels: counts, centres, cosines, threads, failing allocations.
 * check_kmeans.py compares with scikit-learn. */
#include <math.h>
#include <string.h>

#include "base/pool.h"
#include "learn/prototypes.h"
#include "learn_case.h"
#include "support/support.h"

static espy_ctx cx;
static test_memory memory;

static espy_kmeans cluster(const float *x, size_t n, size_t dim, size_t clusters)
{
    espy_kmeans m = {0};
    const espy_kmeans_options o = {.clusters = clusters};
    if (espy_kmeans_fit(&cx, x, n, dim, &o, &m) != ESPY_E_OK)
        fail_msg("%s", cx.text);
    return m;
}

static void test_two_clusters(void **state)
{
    const float x[] = {0, 0, 0, 2, 10, 10, 10, 14};
    (void)state;
    espy_kmeans m = cluster(x, 4, 2, 2);
    assert_int_equal(m.clusters, 2);
    assert_int_equal(m.cluster[0], m.cluster[1]);
    assert_int_equal(m.cluster[2], m.cluster[3]);
    assert_int_not_equal(m.cluster[0], m.cluster[2]);
    const double *low = m.centers + 2 * m.cluster[0], *high = m.centers + 2 * m.cluster[2];
    assert_float_equal(low[0], 0, 1e-12);
    assert_float_equal(low[1], 1, 1e-12);
    assert_float_equal(high[0], 10, 1e-12);
    assert_float_equal(high[1], 12, 1e-12);
    assert_float_equal(m.inertia, 1 + 1 + 4 + 4, 1e-12);
    assert_true(m.iterations >= 1);
    espy_kmeans_free(&cx, &m);
    m = cluster(x, 4, 2, 1);
    assert_float_equal(m.centers[0], 5, 1e-12);
    assert_float_equal(m.centers[1], 6.5, 1e-12);
    espy_kmeans_free(&cx, &m);
}

/* No more clusters than rows: every row is its own centre, and nothing is left over. */
static void test_few_rows(void **state)
{
    const float x[] = {1, 2, 3, -1, 0, 5};
    (void)state;
    espy_kmeans m = cluster(x, 2, 3, 3);
    assert_int_equal(m.clusters, 2);
    assert_float_equal(m.inertia, 0, 0);
    for (size_t i = 0; i < 2; i++)
        for (size_t d = 0; d < 3; d++)
            assert_float_equal(m.centers[m.cluster[i] * 3 + d], x[i * 3 + d], 0);
    espy_kmeans_free(&cx, &m);
}

static void test_equal_rows(void **state)
{
    const float x[] = {1, 2, 1, 2, 1, 2, 1, 2, 3, 3};
    (void)state;
    espy_kmeans m = cluster(x, 5, 2, 3);
    assert_int_equal(m.clusters, 3);
    assert_float_equal(m.inertia, 0, 1e-12);
    for (size_t i = 0; i < 3 * 2; i++)
        assert_true(isfinite(m.centers[i]));
    espy_kmeans_free(&cx, &m);
}

static void test_refused(void **state)
{
    const float x[] = {1, 2};
    espy_kmeans m = {0};
    (void)state;
    assert_int_equal(espy_kmeans_fit(&cx, x, 0, 2, &(espy_kmeans_options){.clusters = 3}, &m),
                     ESPY_E_ARG);
    espy_clear(&cx);
    assert_int_equal(espy_kmeans_fit(&cx, x, 1, 2, &(espy_kmeans_options){0}, &m), ESPY_E_ARG);
    espy_clear(&cx);
    assert_int_equal(
        espy_kmeans_fit(&cx, x, SIZE_MAX / 2, 4, &(espy_kmeans_options){.clusters = 3}, &m),
        ESPY_E_LIMIT);
    espy_clear(&cx);
    assert_null(m.centers);
    atomic_bool stop = true;
    cx.cancel = &stop;
    assert_int_equal(espy_kmeans_fit(&cx, x, 1, 2, &(espy_kmeans_options){.clusters = 1}, &m),
                     ESPY_E_CANCELLED);
    cx.cancel = NULL;
    espy_clear(&cx);
}

enum { MANY = 300, DIM = 33, LABELS = 12 };
static float many[MANY * DIM];
static uint32_t labels[MANY];

/* The same bits on any number of threads, other ones for another seed. */
static void test_threads(void **state)
{
    const unsigned threads[] = {2, 3, 5};
    const espy_rows rows = {many, labels, MANY, DIM, LABELS, NULL};
    espy_prototypes *want = NULL;
    (void)state;
    case_make(many, labels, MANY, DIM, LABELS, 1.5, 9);
    assert_int_equal(espy_prototypes_fit(&cx, &rows, 4, 7, NULL, &want), ESPY_E_OK);
    espy_kmeans flat = cluster(many, MANY, DIM, 8);
    for (size_t t = 0; t < 3; t++) {
        espy_pool *pool = NULL;
        espy_prototypes *got = NULL;
        assert_int_equal(espy_pool_create(&cx, threads[t], &pool), ESPY_E_OK);
        cx.pool = pool;
        assert_int_equal(espy_prototypes_fit(&cx, &rows, 4, 7, NULL, &got), ESPY_E_OK);
        assert_int_equal(got->n, want->n);
        assert_memory_equal(got->centers, want->centers, want->n * DIM * sizeof(double));
        espy_prototypes_destroy(&cx, &got);
        espy_kmeans m = cluster(many, MANY, DIM, 8);
        assert_memory_equal(m.centers, flat.centers, 8 * DIM * sizeof(double));
        assert_memory_equal(m.cluster, flat.cluster, MANY * sizeof(uint32_t));
        espy_kmeans_free(&cx, &m);
        cx.pool = NULL;
        espy_pool_destroy(&cx, &pool);
    }
    espy_kmeans_free(&cx, &flat);
    espy_prototypes_destroy(&cx, &want);
}

/* n = 1, 2, 3, 7 rows give 1, 2, 3, 3 centres; with a limit of 5 the last gives 5. */
static void test_counts(void **state)
{
    const size_t each[] = {1, 2, 3, 7};
    float x[13 * 4];
    uint32_t y[13], within[13];
    size_t n = 0;
    espy_prototypes *p = NULL;
    (void)state;
    case_make(x, y, 13, 4, 13, 0, 3);
    for (uint32_t c = 0; c < 4; c++)
        for (size_t i = 0; i < each[c]; i++)
            y[n++] = c;
    const espy_rows rows = {x, y, n, 4, 5, NULL}; /* the fifth label has none */
    for (size_t limit = 3; limit <= 5; limit += 2) {
        assert_int_equal(espy_prototypes_fit(&cx, &rows, limit, 42, within, &p), ESPY_E_OK);
        for (size_t c = 0; c < 4; c++)
            assert_int_equal(p->start[c + 1] - p->start[c], each[c] < limit ? each[c] : limit);
        assert_int_equal(p->start[5], p->start[4]);
        for (size_t i = 0; i < n; i++)
            assert_true(within[i] < limit);
        /* one row is its own centre */
        for (size_t d = 0; d < 4; d++)
            assert_float_equal(p->centers[d], (double)x[d], 0);
        float score[5];
        assert_int_equal(espy_prototypes_score(&cx, p, x, 1, score), ESPY_E_OK);
        assert_float_equal(score[0], 1, 1e-6);
        assert_float_equal(score[4], -2, 0);
        espy_prototypes_destroy(&cx, &p);
    }
}

/* One person seen from the front and from the side: each gets a cluster of its own. */
static void test_two_modes(void **state)
{
    float x[8 * 16];
    uint32_t mode[8], y[8] = {0}, within[8];
    espy_prototypes *p = NULL;
    (void)state;
    case_make(x, mode, 8, 16, 2, 0.2, 5);
    const espy_rows rows = {x, y, 8, 16, 1, NULL};
    assert_int_equal(espy_prototypes_fit(&cx, &rows, 2, 42, within, &p), ESPY_E_OK);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(within[i] == within[0], mode[i] == mode[0]);
    espy_prototypes_destroy(&cx, &p);
}

static void test_score(void **state)
{
    const size_t count[] = {2, 1};
    const double centers[] = {3, 0, 0, 2, -1, -1};
    const float q[] = {5, 0, 3, 4, 0, 0, -1, 1};
    const float want[] = {1, -0.70710678f, 0.8f, -0.98994949f, 0, 0, 0.70710678f, 0};
    float score[8];
    espy_prototypes *p = NULL;
    (void)state;
    assert_int_equal(espy_prototypes_create(&cx, 2, 2, count, &p), ESPY_E_OK);
    memcpy(p->centers, centers, sizeof centers);
    espy_prototypes_finish(p);
    assert_int_equal(espy_prototypes_score(&cx, p, q, 4, score), ESPY_E_OK);
    for (size_t i = 0; i < 8; i++)
        assert_float_equal(score[i], want[i], 1e-6);
    espy_prototypes_destroy(&cx, &p);
    espy_prototypes_destroy(&cx, &p);
    const size_t huge[] = {SIZE_MAX, 2};
    assert_int_equal(espy_prototypes_create(&cx, 2, 2, huge, &p), ESPY_E_LIMIT);
    espy_clear(&cx);
}

static void test_faults(void **state)
{
    const espy_rows rows = {many, labels, 40, DIM, LABELS, NULL};
    espy_prototypes *p = NULL;
    float score[40 * LABELS];
    (void)state;
    TEST_FAULT_LOOP(&cx, &memory, espy_prototypes_fit(&cx, &rows, 3, 42, NULL, &p),
                    espy_prototypes_destroy(&cx, &p));
    assert_int_equal(espy_prototypes_fit(&cx, &rows, 3, 42, NULL, &p), ESPY_E_OK);
    TEST_FAULT_LOOP(&cx, &memory, espy_prototypes_score(&cx, p, many, 40, score), (void)0);
    espy_prototypes_destroy(&cx, &p);
}

static int setup(void **state)
{
    (void)state;
    test_memory_init(&cx, &memory);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(memory.live, 0);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_clusters), cmocka_unit_test(test_few_rows),
        cmocka_unit_test(test_equal_rows),   cmocka_unit_test(test_refused),
        cmocka_unit_test(test_threads),      cmocka_unit_test(test_counts),
        cmocka_unit_test(test_two_modes),    cmocka_unit_test(test_score),
        cmocka_unit_test(test_faults),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
