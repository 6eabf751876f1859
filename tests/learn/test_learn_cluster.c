/* SPDX-License-Identifier: Apache-2.0
 * Clustering: constraints, refusals, the same bits on any number of threads, agreement of
 * groupings. check_clusters.py compares partitions with scikit-learn. */
#include <math.h>
#include <string.h>

#include "base/pool.h"
#include "gemm/gemm.h"
#include "learn/cluster.h"
#include "learn/pairs.h"
#include "learn_case.h"
#include "support/support.h"

static espy_ctx cx;
static test_memory memory;

/* Rows at these angles in degrees: the cosine between two is that of their difference. */
static void angles(float *x, const double *degrees, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        x[2 * i] = (float)cos(degrees[i] * acos(-1) / 180);
        x[2 * i + 1] = (float)sin(degrees[i] * acos(-1) / 180);
    }
}

static void expect(const espy_clusters *c, const int32_t *label, size_t n)
{
    assert_int_equal(c->n, n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(c->label[i], label[i]);
}

static void test_threshold_and_count(void **state)
{
    const double degrees[] = {0, 10, 50, 62, 120};
    const int32_t by_threshold[] = {0, 0, 1, 1, 2}, by_count[] = {0, 0, 0, 0, 1};
    float x[10];
    espy_cluster_rows rows = {.x = x, .n = 5, .dim = 2};
    espy_clusters c;
    (void)state;

    angles(x, degrees, 5);
    assert_int_equal(espy_cluster_average(&cx, &rows, 0.9, 0, NULL, &c), ESPY_E_OK);
    expect(&c, by_threshold, 5);
    assert_int_equal(c.count, 3);
    assert_int_equal(c.size[0], 2);
    assert_int_equal(c.size[2], 1);
    espy_clusters_free(&cx, &c);
    /* more clusters are allowed than there are: the threshold stands */
    assert_int_equal(espy_cluster_average(&cx, &rows, 0.9, 4, NULL, &c), ESPY_E_OK);
    expect(&c, by_threshold, 5);
    espy_clusters_free(&cx, &c);
    assert_int_equal(espy_cluster_average(&cx, &rows, 0.9, 2, NULL, &c), ESPY_E_OK);
    expect(&c, by_count, 5);
    assert_false(c.too_many);
    espy_clusters_free(&cx, &c);
    /* nothing is nearer than the same */
    assert_int_equal(espy_cluster_average(&cx, &rows, 1, 0, NULL, &c), ESPY_E_OK);
    assert_int_equal(c.count, 5);
    espy_clusters_free(&cx, &c);
}

/* A photo shows a person once. */
static void test_photos(void **state)
{
    const double degrees[] = {0, 1, 2, 40};
    const uint64_t photo[] = {7, 7, 9, ESPY_CLUSTER_NO_PHOTO};
    const int32_t apart[] = {0, 1, 1, 2}, most[] = {0, 1, 1, 1};
    float x[8];
    espy_cluster_rows rows = {.x = x, .n = 4, .dim = 2, .photo = photo};
    espy_clusters c;
    (void)state;

    angles(x, degrees, 4);
    assert_int_equal(espy_cluster_average(&cx, &rows, 0.9, 0, NULL, &c), ESPY_E_OK);
    expect(&c, apart, 4);
    espy_clusters_free(&cx, &c);
    assert_int_equal(espy_cluster_average(&cx, &rows, 0.9, 1, NULL, &c), ESPY_E_OK);
    expect(&c, most, 4);
    assert_true(c.too_many);
    espy_clusters_free(&cx, &c);
}

static void test_pairs_apart(void **state)
{
    const double degrees[] = {0, 1, 2, 3};
    const espy_cluster_pair apart[] = {{0, 3}, {3, 1}}, wrong[] = {{0, 4}}, same[] = {{2, 2}};
    const int32_t want[] = {0, 0, 1, 1};
    float x[8];
    espy_cluster_rows rows = {.x = x, .n = 4, .dim = 2, .apart = apart, .apart_n = 2};
    espy_clusters c;
    (void)state;

    /* 0 and 1 are the same: they come first */
    angles(x, degrees, 4);
    x[2] = x[0];
    x[3] = x[1];
    assert_int_equal(espy_cluster_average(&cx, &rows, 0.5, 0, NULL, &c), ESPY_E_OK);
    expect(&c, want, 4);
    espy_clusters_free(&cx, &c);
    rows.apart_n = 1;
    rows.apart = wrong;
    assert_int_equal(espy_cluster_average(&cx, &rows, 0.5, 0, NULL, &c), ESPY_E_ARG);
    assert_non_null(strstr(cx.text, "0 and 4"));
    espy_clear(&cx);
    rows.apart = same;
    assert_int_equal(espy_cluster_average(&cx, &rows, 0.5, 0, NULL, &c), ESPY_E_ARG);
    espy_clear(&cx);
}

/* What a person said stands, whatever the cosine, the photo and the pairs. */
static void test_labels(void **state)
{
    const double degrees[] = {0, 90, 3, 91, 4, 1};
    const int32_t label[] = {5, 5, -1, 2, 2, -1}, want[] = {0, 0, 1, 1, 1, 1};
    const uint64_t photo[] = {1, 1, 2, 3, 4, 1};
    const espy_cluster_pair apart[] = {{0, 1}};
    float x[12];
    espy_cluster_rows rows = {.x = x, .n = 6, .dim = 2, .photo = photo, .label = label};
    espy_clusters c;
    (void)state;

    /* 5 is nearest to 0, but of one photo with it: it goes to 2, and the two to label 2 */
    rows.apart = apart;
    rows.apart_n = 1;
    angles(x, degrees, 6);
    assert_int_equal(espy_cluster_average(&cx, &rows, 0.5, 0, NULL, &c), ESPY_E_OK);
    expect(&c, want, 6);
    espy_clusters_free(&cx, &c);
    /* labels never come together */
    assert_int_equal(espy_cluster_average(&cx, &rows, 0, 1, NULL, &c), ESPY_E_OK);
    assert_true(c.count == 2 && c.too_many);
    espy_clusters_free(&cx, &c);
}

static void test_dbscan(void **state)
{
    /* Near is up to 10 degrees.  With four, 30 is no core and near two clusters: it goes to the one
     * that begins first.  80 is near nobody. */
    const double degrees[] = {20, 17, 30, 14, 10, 50, 46, 43, 40, 80};
    const double backwards[] = {80, 40, 43, 46, 50, 10, 14, 30, 17, 20};
    const int32_t want[] = {0, 0, 0, 0, 0, 1, 1, 1, 1, ESPY_CLUSTER_NOISE};
    const int32_t back[] = {ESPY_CLUSTER_NOISE, 0, 0, 0, 0, 1, 1, 0, 1, 1};
    const int32_t loose[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, ESPY_CLUSTER_NOISE};
    const double threshold = 0.98466;
    float x[20];
    espy_cluster_rows rows = {.x = x, .n = 10, .dim = 2};
    espy_clusters c;
    (void)state;

    angles(x, degrees, 10);
    assert_int_equal(espy_cluster_dbscan(&cx, &rows, threshold, 6, NULL, &c), ESPY_E_OK);
    assert_true(c.noise == 10 && c.count == 0);
    espy_clusters_free(&cx, &c);
    assert_int_equal(espy_cluster_dbscan(&cx, &rows, threshold, 2, NULL, &c), ESPY_E_OK);
    expect(&c, loose, 10);
    espy_clusters_free(&cx, &c);
    assert_int_equal(espy_cluster_dbscan(&cx, &rows, threshold, 4, NULL, &c), ESPY_E_OK);
    expect(&c, want, 10);
    assert_true(c.noise == 1 && c.count == 2 && c.size[0] == 5);
    espy_clusters_free(&cx, &c);
    angles(x, backwards, 10);
    assert_int_equal(espy_cluster_dbscan(&cx, &rows, threshold, 4, NULL, &c), ESPY_E_OK);
    expect(&c, back, 10);
    espy_clusters_free(&cx, &c);
    assert_int_equal(espy_cluster_dbscan(&cx, &rows, threshold, 1, NULL, &c), ESPY_E_ARG);
    espy_clear(&cx);
}

static void test_refusals(void **state)
{
    const double bad[] = {-0.01, 1.01, NAN};
    float x[] = {1, 0, 0, 1, 0.6F, 0.8F};
    espy_cluster_rows rows = {.x = x, .n = 3, .dim = 2}, none = {.dim = 2};
    espy_clusters c;
    (void)state;

    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(espy_cluster_average(&cx, &rows, bad[i], 0, NULL, &c), ESPY_E_ARG);
        espy_clear(&cx);
        assert_int_equal(espy_cluster_dbscan(&cx, &rows, bad[i], 2, NULL, &c), ESPY_E_ARG);
        espy_clear(&cx);
    }
    assert_int_equal(espy_cluster_average(&cx, &none, 0.5, 3, NULL, &c), ESPY_E_OK);
    assert_true(c.n == 0 && c.count == 0 && !c.too_many);
    espy_clusters_free(&cx, &c);
    assert_int_equal(espy_cluster_dbscan(&cx, &none, 0.5, 2, NULL, &c), ESPY_E_OK);
    espy_clusters_free(&cx, &c);
    for (size_t i = 0; i < 3; i++) {
        const float wrong[] = {NAN, INFINITY, 0};
        x[2] = 0;
        x[3] = wrong[i];
        assert_int_equal(espy_cluster_average(&cx, &rows, 0.5, 0, NULL, &c), ESPY_E_DATA);
        assert_non_null(strstr(cx.text, "sample 1"));
        espy_clear(&cx);
        assert_int_equal(espy_cluster_dbscan(&cx, &rows, 0.5, 2, NULL, &c), ESPY_E_DATA);
        espy_clear(&cx);
    }
    rows.dim = 0;
    assert_int_equal(espy_cluster_average(&cx, &rows, 0.5, 0, NULL, &c), ESPY_E_ARG);
    espy_clear(&cx);
}

/* The same many times over: links overflow with ties, and rounding must not go round in circles. */
static void test_copies(void **state)
{
    enum { N = 300, DIM = 24 };
    float *x = espy_floats(&cx, (size_t)N * DIM);
    uint32_t *y = espy_array(&cx, N, sizeof *y);
    espy_cluster_rows rows = {.x = x, .n = N, .dim = DIM};
    espy_clusters c;
    (void)state;

    case_make(x, y, N, DIM, 3, 0, 5);
    for (int all = 0; all < 2; all++) {
        assert_int_equal(espy_cluster_average(&cx, &rows, 0.999, all ? 1 : 0, NULL, &c), ESPY_E_OK);
        assert_int_equal(c.count, all ? 1 : 3);
        for (size_t i = 0; i < N; i++)
            assert_int_equal(c.label[i], all ? 0 : i % 3);
        espy_clusters_free(&cx, &c);
    }
    espy_free(&cx, x);
    espy_free(&cx, y);
}

typedef struct told {
    size_t calls;
    atomic_bool stop;
} told;

static void tell(void *self, const char *stage, size_t done, size_t total)
{
    told *t = self;

    assert_non_null(stage);
    assert_true(done <= total);
    if (++t->calls == 2)
        atomic_store(&t->stop, true);
}

/* 1,300 rows are three blocks; noise makes lists overflow and searches repeat. */
static void test_threads(void **state)
{
    enum { N = 1300, DIM = 40 };
    float *x = espy_floats(&cx, (size_t)N * DIM);
    uint32_t *y = espy_array(&cx, N, sizeof *y);
    uint64_t *photo = espy_array(&cx, N, sizeof *photo);
    espy_cluster_rows rows = {.x = x, .n = N, .dim = DIM, .photo = photo};
    espy_clusters want[3] = {{0}}, got;
    told t = {0};
    espy_progress progress = {tell, &t};
    (void)state;

    case_make(x, y, N, DIM, 20, 1.5, 3);
    for (size_t i = 0; i < N; i++)
        photo[i] = i * 7 % 411;
    for (unsigned threads = 1; threads <= 5; threads++) {
        assert_int_equal(espy_pool_create(&cx, threads, &cx.pool), ESPY_E_OK);
        for (int k = 0; k < 3; k++) {
            assert_int_equal(
                k < 2 ? espy_cluster_average(&cx, &rows, k ? 0.5 : 0.1, k ? 25 : 0, NULL, &got)
                      : espy_cluster_dbscan(&cx, &rows, 0.55, 4, NULL, &got),
                ESPY_E_OK);
            if (threads == 1) {
                want[k] = got;
                continue;
            }
            assert_memory_equal(got.label, want[k].label, N * sizeof *got.label);
            assert_memory_equal(got.size, want[k].size, got.count * sizeof *got.size);
            espy_clusters_free(&cx, &got);
        }
        espy_pool_destroy(&cx, &cx.pool);
        cx.pool = NULL;
    }
    cx.cancel = &t.stop;
    assert_int_equal(espy_cluster_average(&cx, &rows, 0.1, 0, &progress, &got), ESPY_E_CANCELLED);
    assert_int_equal(t.calls, 2);
    espy_clear(&cx);
    assert_int_equal(espy_cluster_dbscan(&cx, &rows, 0.1, 3, &progress, &got), ESPY_E_CANCELLED);
    espy_clear(&cx);
    cx.cancel = NULL;
    for (int k = 0; k < 3; k++)
        espy_clusters_free(&cx, &want[k]);
    espy_free(&cx, x);
    espy_free(&cx, y);
    espy_free(&cx, photo);
}

static void test_memory_runs_out(void **state)
{
    enum { N = 60, DIM = 8, BLOCKS = 600 };
    float x[BLOCKS * DIM];
    uint32_t y[BLOCKS];
    uint64_t photo[N];
    int32_t label[N];
    const espy_cluster_pair apart[] = {{3, 4}, {5, 40}};
    espy_cluster_rows rows = {.x = x, .n = N, .dim = DIM, .photo = photo, .label = label};
    espy_clusters c = {0};
    espy_cluster_agreement a;
    (void)state;

    case_make(x, y, BLOCKS, DIM, 4, 1, 3);
    for (size_t i = 0; i < N; i++) {
        photo[i] = i / 2;
        label[i] = i % 9 ? ESPY_CLUSTER_NO_LABEL : (int32_t)(i / 27);
    }
    rows.apart = apart;
    rows.apart_n = 2;
    TEST_FAULT_LOOP(&cx, &memory, espy_cluster_average(&cx, &rows, 0.3, 5, NULL, &c),
                    espy_clusters_free(&cx, &c));
    rows.n = BLOCKS; /* two blocks: products of bytes */
    TEST_FAULT_LOOP(&cx, &memory, espy_cluster_dbscan(&cx, &rows, 0.7, 3, NULL, &c),
                    espy_clusters_free(&cx, &c));
    TEST_FAULT_LOOP(&cx, &memory, espy_cluster_agree(&cx, label, label, N, &a), (void)0);
}

static void test_agreement(void **state)
{
    /* By hand.  Pairs: truth 3 + 1 + 1, answer 1 + 3 + 1, both 1 (rows 0, 1) + 1 (rows 3, 4).
     * BCubed precision: (1 + 1 + 1/3 + 2/3 + 2/3 + 1/2 + 1/2) / 7, recall:
     * (2/3 + 2/3 + 1/3 + 1 + 1 + 1/2 + 1/2) / 7.
     * sklearn.metrics.adjusted_rand_score 1.2.1: 0.29530 */
    const int32_t truth[] = {4, 4, 4, 0, 0, 9, 9}, answer[] = {1, 1, 2, 2, 2, 3, 7};
    const int32_t noise[] = {1, 1, 2, 2, 2, -1, -1}, one[] = {3, 3, 3, 3, 3, 3, 3};
    const int32_t alone[] = {-1, -1, -1, -1, -1, -1, -1};
    espy_cluster_agreement a, b;
    (void)state;

    assert_int_equal(espy_cluster_agree(&cx, truth, answer, 7, &a), ESPY_E_OK);
    assert_float_equal(a.pairs.precision, 2.0 / 4, 1e-12);
    assert_float_equal(a.pairs.recall, 2.0 / 5, 1e-12);
    assert_float_equal(a.pairs.f, 4.0 / 9, 1e-12);
    assert_float_equal(a.bcubed.precision, (1 + 1 + 1.0 / 3 + 4.0 / 3 + 2) / 7, 1e-12);
    assert_float_equal(a.bcubed.recall, (4.0 / 3 + 1.0 / 3 + 2 + 1) / 7, 1e-12);
    /* (2 - 5 * 4 / 21) / (4.5 - 5 * 4 / 21) */
    assert_float_equal(a.rand, (2 - 20.0 / 21) / (4.5 - 20.0 / 21), 1e-12);
    assert_int_equal(espy_cluster_agree(&cx, truth, noise, 7, &b), ESPY_E_OK);
    assert_memory_equal(&a, &b, sizeof a);
    assert_int_equal(espy_cluster_agree(&cx, truth, truth, 7, &a), ESPY_E_OK);
    assert_true(a.pairs.f == 1 && a.bcubed.f == 1 && a.rand == 1);
    assert_int_equal(espy_cluster_agree(&cx, truth, one, 7, &a), ESPY_E_OK);
    assert_true(a.pairs.recall == 1 && a.bcubed.recall == 1 && a.rand == 0);
    assert_float_equal(a.pairs.precision, 5.0 / 21, 1e-12);
    assert_int_equal(espy_cluster_agree(&cx, truth, alone, 7, &a), ESPY_E_OK);
    assert_true(a.pairs.precision == 1 && a.pairs.recall == 0 && a.pairs.f == 0 && a.rand == 0);
    assert_int_equal(espy_cluster_agree(&cx, alone, alone, 7, &a), ESPY_E_OK);
    assert_true(a.pairs.f == 1 && a.bcubed.f == 1 && a.rand == 1);
    assert_int_equal(espy_cluster_agree(&cx, truth, truth, 1, &a), ESPY_E_OK);
    assert_true(a.rand == 1);
    assert_int_equal(espy_cluster_agree(&cx, truth, truth, 0, &a), ESPY_E_DATA);
    espy_clear(&cx);
}

/* Every pair in one tile, on any number of blocks, as near as is said, in bytes and, once that many
 * are looked at, in f32. */
typedef struct seen {
    size_t n;
    const float *x;
    bool look;
    float error; /* of the last tile */
    uint8_t *times;
} seen;

static espy_err see(espy_ctx *child, void *self, espy_pairs_tile *t, unsigned worker)
{
    seen *s = self;
    (void)child;
    (void)worker;

    for (size_t r = 0; r < t->rows; r++)
        for (size_t c = t->diagonal ? r + 1 : 0; c < t->columns; c++) {
            assert_true(t->row + r < t->column + c);
            assert_float_equal(t->v[r * t->columns + c],
                               s->x[2 * (t->row + r)] * s->x[2 * (t->column + c)] +
                                   s->x[2 * (t->row + r) + 1] * s->x[2 * (t->column + c) + 1],
                               t->error);
            s->times[(t->row + r) * s->n + t->column + c]++;
            t->looked += s->look;
        }
    s->error = t->error;
    return ESPY_E_OK;
}

static void test_every_pair_once(void **state)
{
    espy_random r;
    (void)state;

    espy_random_seed(&r, 3, 4);
    for (size_t n = 1; n <= 2600; n += n < 3 ? 1 : 433) {
        float *x = espy_floats(&cx, 2 * n);
        for (size_t i = 0; i < n; i++) {
            double angle = 7 * espy_random_unit(&r);
            x[2 * i] = (float)cos(angle);
            x[2 * i + 1] = (float)sin(angle);
        }
        for (int look = 0; look < 2; look++) {
            seen s = {n, x, look, 0, espy_array(&cx, n, n)};
            assert_int_equal(espy_pairs_all(&cx, x, n, 2, true, "", NULL, see, &s), ESPY_E_OK);
            for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j < n; j++)
                    assert_int_equal(s.times[i * n + j], i < j);
            assert_true(s.error < 1e-5 ||
                        (s.error < 0.02 && !look && n > 512 && espy_gemm_bytes_ready()));
            espy_free(&cx, s.times);
        }
        espy_free(&cx, x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threshold_and_count),
        cmocka_unit_test(test_photos),
        cmocka_unit_test(test_pairs_apart),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_dbscan),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_copies),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_memory_runs_out),
        cmocka_unit_test(test_agreement),
        cmocka_unit_test(test_every_pair_once),
    };

    test_memory_init(&cx, &memory);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
