/* SPDX-License-Identifier: Apache-2.0
 * Nearest samples: exact on every database; with `pgvector` as argument through the index, which
 * must find nearly all of them, in the same order, and follow what is added, labelled and deleted.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/random.h"
#include "pg_server.h"
#include "store/label.h"
#include "store/near.h"
#include "support/support.h"

enum { SAMPLES = 600, LABELS = 7, K = 10 };

/* A store of samples around some centres; every 5th has no label. */
typedef struct near_case {
    int64_t c, sample[SAMPLES], label[LABELS];
    size_t dim;
    float *x;
} near_case;

static void near_add(espy_ctx *cx, espy_store *st, near_case *k, espy_random *r, int i)
{
    espy_scan s = case_scan(cx, 1, k->dim, 1);
    int64_t media = case_media(cx, st, k->c, i, NULL);
    for (size_t d = 0; d < k->dim; d++) {
        double centre = sin((double)(d + 1) * (1 + i % LABELS));
        k->x[(size_t)i * k->dim + d] = (float)(centre + 0.8 * espy_random_normal(r));
    }
    memcpy(s.vectors, k->x + (size_t)i * k->dim, k->dim * sizeof(float));
    CASE_OK(cx, espy_store_scan_put(cx, st, media, "all", "enc", "det", &s));
    k->sample[i] = s.at[0].id;
    espy_scan_free(cx, &s);
    if (i % 5 != 0)
        CASE_OK(cx, espy_store_sample_label(cx, st, k->sample[i], k->label[i % LABELS], "folder"));
}

static near_case near_prepare(espy_ctx *cx, espy_store *st, size_t dim, espy_random *r, int n)
{
    near_case k = {.c = case_collection(cx, st, "c"), .dim = dim};
    k.x = espy_floats(cx, SAMPLES * dim);
    for (int i = 0; i < LABELS; i++) {
        char code[8];
        snprintf(code, sizeof code, "L%d", i);
        CASE_OK(cx, espy_store_label(cx, st, k.c, code, NULL, &k.label[i]));
    }
    CASE_OK(cx, espy_store_begin(cx, st));
    for (int i = 0; i < n; i++)
        near_add(cx, st, &k, r, i);
    CASE_OK(cx, espy_store_commit(cx, st));
    return k;
}

static double cosine(const near_case *k, int a, const float *q)
{
    double xy = 0, xx = 0, yy = 0;
    for (size_t d = 0; d < k->dim; d++) {
        double x = (double)k->x[(size_t)a * k->dim + d], y = (double)q[d];
        xy += x * y;
        xx += x * x;
        yy += y * y;
    }
    return xy / sqrt(xx * yy);
}

/* How many of the K nearest were found, by looking at every labelled sample; what was found is
 * right and in order. */
static int near_found(espy_ctx *cx, espy_store *st, const near_case *k, int n, const bool *labelled,
                      const float *q, int but)
{
    espy_near got[K];
    size_t found = 0;
    int hits = 0;
    CASE_OK(cx, espy_store_nearest(cx, st, k->c, "enc", q, k->dim, K, but < 0 ? 0 : k->sample[but],
                                   got, &found));
    assert_int_equal(found, K);
    double least = 2;
    for (size_t i = 0; i < found; i++) {
        int at = -1, better = 0;
        for (int s = 0; s < n; s++)
            at = k->sample[s] == got[i].sample ? s : at;
        assert_true(at >= 0 && at != but && labelled[at] && got[i].label == k->label[at % LABELS]);
        double sim = cosine(k, at, q);
        assert_true(fabs(sim - (double)got[i].similarity) < 1e-5 && sim <= least + 1e-6);
        least = sim;
        for (int s = 0; s < n; s++)
            better += s != but && labelled[s] && cosine(k, s, q) > sim + 1e-7;
        hits += better < K;
    }
    return hits;
}

static double near_recall(espy_ctx *cx, espy_store *st, const near_case *k, int n,
                          const bool *labelled)
{
    int hits = 0, asked = 0;
    for (int q = 0; q < n; q += n / 20, asked++)
        hits += near_found(cx, st, k, n, labelled, k->x + (size_t)q * k->dim, q % 2 ? q : -1);
    return (double)hits / (asked * K);
}

static void near_labelled(bool *out)
{
    for (int i = 0; i < SAMPLES; i++)
        out[i] = i % 5 != 0;
}

static void run_exact(void **state)
{
    (void)state;
    for (const backend *b = backend_next(NULL); b != NULL; b = backend_next(b)) {
        espy_ctx cx;
        espy_store *st = NULL;
        espy_random r;
        espy_near got[3];
        bool labelled[SAMPLES];
        size_t n = 9;
        float x[8] = {1};
        espy_ctx_init(&cx);
        espy_random_seed(&r, 3, 1);
        near_labelled(labelled);
        CASE_OK(&cx, b->open(&cx, backend_begin(&cx, b), &st));
        near_case k = near_prepare(&cx, st, 8, &r, SAMPLES);
        assert_true(near_recall(&cx, st, &k, SAMPLES, labelled) == 1);
        CASE_OK(&cx, espy_store_nearest(&cx, st, k.c, "other", x, 8, 3, 0, got, &n));
        assert_int_equal(n, 0);
        CASE_OK(&cx, espy_store_nearest(&cx, st, k.c + 5, "enc", x, 8, 3, 0, got, &n));
        assert_int_equal(n, 0);
        CASE_OK(&cx, espy_store_nearest(&cx, st, k.c, "enc", x, 8, 0, 0, got, &n));
        assert_int_equal(n, 0);
        CASE_FAILS(&cx, ARG, espy_store_nearest(&cx, st, k.c, "enc", x, 0, 3, 0, got, &n));
        CASE_FAILS(&cx, FORMAT, espy_store_nearest(&cx, st, k.c, "enc", x, 7, 3, 0, got, &n));
        x[2] = NAN;
        CASE_FAILS(&cx, ARG, espy_store_nearest(&cx, st, k.c, "enc", x, 8, 3, 0, got, &n));
        espy_free(&cx, k.x);
        espy_store_close(&cx, &st);
        backend_end(&cx);
    }
}

/* -- the index --------------------------------------------------------------------------------- */
static void near_through_index(size_t dim, const char *type)
{
    espy_ctx cx;
    espy_store *st = NULL, *other = NULL;
    espy_random r;
    bool labelled[SAMPLES];
    char sql[200];
    enum { FIRST = 400 };
    espy_ctx_init(&cx);
    espy_random_seed(&r, 5, dim);
    near_labelled(labelled);
    const backend *b = backend_next(NULL);
    while (!b->rows)
        b = backend_next(b);
    const char *dir = backend_begin(&cx, b), *url = pg_schema(dir);
    CASE_OK(&cx, b->open(&cx, dir, &st));
    near_case k = near_prepare(&cx, st, dim, &r, FIRST);
    double first = near_recall(&cx, st, &k, FIRST, labelled);
    snprintf(sql, sizeof sql,
             "SELECT count(*) FROM pg_index WHERE indrelid = to_regclass('near_%zu')"
             " AND pg_get_indexdef(indexrelid) LIKE '%%hnsw%%%s_cosine_ops%%'",
             dim, type);
    assert_string_equal(pg_sql(url, sql), "1");
    /* what comes later, by others too */
    CASE_OK(&cx, b->open(&cx, dir, &other));
    for (int i = FIRST; i < SAMPLES; i++)
        near_add(&cx, other, &k, &r, i);
    assert_string_equal(pg_sql(url, "SELECT count(*) FROM near_queue"), "200");
    double later = near_recall(&cx, st, &k, SAMPLES, labelled);
    assert_string_equal(pg_sql(url, "SELECT count(*) FROM near_queue"), "0");
    /* labels are asked for when they are needed */
    for (int i = 1; i < SAMPLES; i += 10) {
        CASE_OK(&cx, espy_store_sample_label(&cx, other, k.sample[i], 0, "user"));
        labelled[i] = false;
    }
    double less = near_recall(&cx, st, &k, SAMPLES, labelled);
    /* with one label left the index has to look far */
    for (int i = 0; i < SAMPLES; i++) {
        if (labelled[i] && i % LABELS != 3) {
            CASE_OK(&cx, espy_store_sample_label(&cx, other, k.sample[i], 0, "user"));
            labelled[i] = false;
        }
    }
    double one = near_recall(&cx, st, &k, SAMPLES, labelled);
    printf("%zu dimensions, %s: %.3f of the nearest at first, %.3f after adding, %.3f after taking"
           " labels off, %.3f with one label in seven\n",
           dim, type, first, later, less, one);
    assert_true(first > 0.9 && later > 0.9 && less > 0.9 && one > 0.8);
    /* the candidates came from the index indeed */
    espy_store_close(&cx, &st);
    snprintf(sql, sizeof sql,
             "SELECT idx_scan > 50 FROM pg_stat_user_indexes WHERE indexrelname = 'near_%zu_v'"
             " AND schemaname = current_schema()",
             dim);
    for (int i = 0; i < 100 && strcmp(pg_sql(url, sql), "t") != 0; i++)
        usleep(100000); /* the server counts a while after */
    assert_string_equal(pg_sql(url, sql), "t");
    /* what is deleted is in the index no more */
    pg_sql(url, "DELETE FROM version_samples; DELETE FROM samples");
    snprintf(sql, sizeof sql, "SELECT count(*) FROM near_%zu", dim);
    assert_string_equal(pg_sql(url, sql), "0");
    espy_free(&cx, k.x);
    espy_store_close(&cx, &other);
    backend_end(&cx);
}

static void run_index(void **state)
{
    (void)state;
    /* with so few rows the server would rather look at all of them */
    pg_sql(pg_server(), "ALTER ROLE CURRENT_USER SET enable_seqscan = off;"
                        "ALTER ROLE CURRENT_USER SET enable_sort = off");
    near_through_index(16, "vector");
    near_through_index(512, "vector");
}

static void run_halfvec(void **state)
{
    (void)state;
    if (atof(pg_sql(pg_server(), "SELECT substr(extversion, 3) FROM pg_extension"
                                 " WHERE extname = 'vector'")) < 7)
        skip();
    near_through_index(2048, "halfvec");
}

static espy_err ask_once(espy_ctx *cx, const char *dir, const float *x)
{
    espy_store *st = NULL;
    espy_near got[5];
    size_t n = 0;
    espy_err e = on->open(cx, dir, &st);
    if (e == ESPY_E_OK)
        e = espy_store_nearest(cx, st, 1, "enc", x, 4, 5, 0, got, &n);
    espy_store_close(cx, &st);
    return e;
}

static void run_faults(void **state)
{
    (void)state;
    for (const backend *b = backend_next(NULL); b != NULL; b = backend_next(b)) {
        espy_ctx cx;
        test_memory m;
        espy_store *st = NULL;
        const float x[4] = {1, 0, 0, 0};
        int64_t label = 0;
        if (b->server && !b->rows)
            continue;
        test_memory_init(&cx, &m);
        const char *dir = backend_begin(&cx, b);
        CASE_OK(&cx, b->open(&cx, dir, &st));
        int64_t c = case_collection(&cx, st, "c");
        CASE_OK(&cx, espy_store_label(&cx, st, c, "A", NULL, &label));
        for (int i = 0; i < 6; i++)
            CASE_OK(&cx, espy_store_sample_label(&cx, st, case_sample(&cx, st, c, i, NULL), label,
                                                 "folder"));
        espy_store_close(&cx, &st);
        for (m.sticky = 0; m.sticky < 2; m.sticky++)
            TEST_FAULT_LOOP(&cx, &m, ask_once(&cx, dir, x), (void)0);
        backend_end(&cx);
        assert_int_equal(m.live, 0);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(run_exact), cmocka_unit_test(run_faults)};
    const struct CMUnitTest indexed[] = {cmocka_unit_test(run_index), cmocka_unit_test(run_halfvec),
                                         cmocka_unit_test(run_faults)};
    if (argc < 2)
        return cmocka_run_group_tests(tests, NULL, NULL);
    if (strcmp(argv[1], "pgvector") != 0 || !pg_vector_server())
        test_skip_all("no PostgreSQL with pgvector");
    return cmocka_run_group_tests(indexed, NULL, NULL);
}
