/* SPDX-License-Identifier: Apache-2.0
 * index: what is found, against all cosines in double precision. */
#include "index_case.h"

#include <pthread.h>

#include "base/pool.h"

static const struct {
    espy_near_kind kind;
    bool keep;
    double off, recall; /* of a scan */
} kinds[] = {
    {ESPY_NEAR_F32, false, 1e-5, 0.999}, {ESPY_NEAR_BF16, false, 4e-3, 0.95},
    {ESPY_NEAR_INT8, false, 1e-2, 0.93}, {ESPY_NEAR_BF16, true, 1e-5, 0.999},
    {ESPY_NEAR_INT8, true, 1e-5, 0.999},
};
#define KINDS (sizeof kinds / sizeof *kinds)
static const espy_index_method methods[] = {ESPY_INDEX_SCAN, ESPY_INDEX_GRAPH};

static void context(espy_ctx *cx, test_memory *m, unsigned threads)
{
    test_memory_init(cx, m);
    assert_int_equal(espy_pool_create(cx, threads, &cx->pool), ESPY_E_OK);
}

static void context_end(espy_ctx *cx, const test_memory *m)
{
    espy_pool_destroy(cx, &cx->pool);
    assert_int_equal(m->live, 0);
}

/* The row of FEATURES: recall@5 >= 0.95 on 20,000 vectors against brute force. */
static void test_recall(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    index_case c = case_make(TEST_SLOW ? 2000 : 20000, 128, TEST_SLOW ? 20 : 30);
    context(&cx, &m, 2);
    for (size_t i = 0; i < KINDS; i++)
        for (size_t method = 0; method < 2; method++) {
            if (methods[method] == ESPY_INDEX_GRAPH && kinds[i].kind == ESPY_NEAR_BF16)
                continue; /* smaller ones below */
            espy_index *ix = case_index(&cx, &c, kinds[i].kind, methods[method], kinds[i].keep);
            case_answer a = case_ask(&cx, ix, &c, &(espy_index_query){.k = 5});
            const double recall = case_recall(&c, &a, NULL, kinds[i].off);
            const double want = method && kinds[i].recall > 0.95 ? 0.95 : kinds[i].recall;
            if (recall < want)
                fail_msg("kind %zu, method %zu: recall %.4f", i, method, recall);
            case_answer_free(&a);
            espy_index_destroy(&cx, &ix);
        }
    case_free(&c);
    context_end(&cx, &m);
}

/* Dimensions that do not fill words, blocks that are not full, one vector, and more wanted than
 * there are. */
static void test_small(void **state)
{
    (void)state;
    static const size_t dims[] = {1, 3, 17, 64, 100}, counts[] = {0, 1, 2, 31, 32, 33, 65};
    espy_ctx cx;
    test_memory m;
    context(&cx, &m, 2);
    for (size_t d = 0; d < sizeof dims / sizeof *dims; d++)
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
            for (size_t kind = 0; kind < KINDS; kind++)
                for (size_t method = 0; method < 2; method++) {
                    index_case c = case_make(counts[i], dims[d], 7);
                    espy_index *ix =
                        case_index(&cx, &c, kinds[kind].kind, methods[method], kinds[kind].keep);
                    case_answer a = case_ask(&cx, ix, &c, &(espy_index_query){.k = 70});
                    assert_int_equal(espy_index_count(ix), counts[i]);
                    assert_int_equal(espy_index_dim(ix), dims[d]);
                    for (size_t q = 0; q < a.n; q++)
                        if (methods[method] == ESPY_INDEX_SCAN || dims[d] > 3)
                            assert_int_equal(a.found[q], counts[i]);
                    if (counts[i] && methods[method] == ESPY_INDEX_SCAN)
                        assert_true(case_recall(&c, &a, NULL, 2e-2) > 0.999);
                    case_answer_free(&a);
                    espy_index_destroy(&cx, &ix);
                    case_free(&c);
                }
    context_end(&cx, &m);
}

static void test_refused(void **state)
{
    (void)state;
    static const espy_index_options bad[] = {
        {.kind = ESPY_NEAR_KINDS},
        {.method = (espy_index_method)7},
        {.method = ESPY_INDEX_GRAPH, .links = 1},
        {.method = ESPY_INDEX_GRAPH, .links = ESPY_INDEX_LINKS + 1},
        {.method = ESPY_INDEX_GRAPH, .effort = ESPY_INDEX_EFFORT + 1},
    };
    espy_ctx cx;
    test_memory m;
    espy_index *ix = NULL;
    espy_hit hits[4];
    size_t found[2];
    float vectors[3][4] = {{1, 2, 3, 4}, {1, 0, 0, 0}, {0, 0, 0, 0}};
    const int64_t ids[] = {1, 2, 1};
    test_memory_init(&cx, &m);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++, espy_clear(&cx))
        assert_int_equal(espy_index_create(&cx, 4, &bad[i], &ix), ESPY_E_ARG);
    assert_int_equal(espy_index_create(&cx, 0, &(espy_index_options){0}, &ix), ESPY_E_ARG);
    for (size_t method = 0; method < 2; method++) {
        const espy_index_query q = {.k = 2};
        espy_clear(&cx);
        assert_int_equal(
            espy_index_create(&cx, 4, &(espy_index_options){.method = methods[method]}, &ix),
            ESPY_E_OK);
        vectors[2][1] = 0;
        assert_int_equal(espy_index_add(&cx, ix, ids, *vectors, 3), ESPY_E_DATA);
        espy_clear(&cx);
        vectors[2][1] = NAN;
        assert_int_equal(espy_index_add(&cx, ix, ids, *vectors, 3), ESPY_E_DATA);
        espy_clear(&cx);
        vectors[2][1] = INFINITY;
        assert_int_equal(espy_index_add(&cx, ix, ids, *vectors, 3), ESPY_E_DATA);
        espy_clear(&cx);
        vectors[2][1] = 1;
        assert_int_equal(espy_index_add(&cx, ix, ids, *vectors, 3),
                         ESPY_E_EXISTS); /* in the call */
        espy_clear(&cx);
        assert_int_equal(espy_index_count(ix), 0);
        assert_int_equal(espy_index_remove(&cx, ix, 1), ESPY_E_NOT_FOUND);
        espy_clear(&cx);
        assert_int_equal(espy_index_add(&cx, ix, ids, *vectors, 2), ESPY_E_OK);
        assert_int_equal(espy_index_add(&cx, ix, ids, *vectors, 1), ESPY_E_EXISTS);
        espy_clear(&cx);
        assert_int_equal(espy_index_count(ix), 2);
        assert_int_equal(
            espy_index_search(&cx, ix, *vectors, 1, &(espy_index_query){0}, hits, found),
            ESPY_E_ARG);
        espy_clear(&cx);
        vectors[2][1] = NAN;
        assert_int_equal(espy_index_search(&cx, ix, vectors[2], 1, &q, hits, found), ESPY_E_DATA);
        espy_clear(&cx);
        vectors[2][1] = 0;
        assert_int_equal(espy_index_search(&cx, ix, vectors[2], 1, &q, hits, found), ESPY_E_DATA);
        espy_clear(&cx);
        /* length does not matter, and the smallest and greatest numbers have a direction */
        const float far[2][4] = {{3e38f, 0, 0, 0}, {1e-40f, 0, 0, 0}};
        assert_int_equal(espy_index_search(&cx, ix, *far, 2, &q, hits, found), ESPY_E_OK);
        assert_true(hits[0].id == 2 && hits[0].cosine == 1 && hits[2].id == 2 &&
                    hits[2].cosine == 1);
        espy_index_destroy(&cx, &ix);
        espy_index_destroy(&cx, &ix);
    }
    assert_int_equal(m.live, 0);
}

static void check_left(espy_ctx *cx, const espy_index *ix, const index_case *c, const bool *out,
                       double least)
{
    case_answer a = case_ask(cx, ix, c, &(espy_index_query){.k = 5, .effort = 100});
    assert_true(case_recall(c, &a, out, 1e-5) >= least);
    case_answer_free(&a);
}

static void test_removed(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    index_case c = case_make(TEST_SLOW ? 600 : 3000, 32, 40);
    bool *out = calloc(c.n, sizeof *out);
    context(&cx, &m, 2);
    for (size_t method = 0; method < 2; method++)
        for (size_t kind = 0; kind < KINDS; kind++) {
            const double least = method ? 0.95 : 0.999;
            if (!kinds[kind].keep && kinds[kind].kind != ESPY_NEAR_F32)
                continue;
            espy_index *ix =
                case_index(&cx, &c, kinds[kind].kind, methods[method], kinds[kind].keep);
            size_t gone = 0;
            memset(out, 0, c.n);
            /* whole people and parts of others, the first and the last vector among them */
            for (size_t i = 0; i < c.n; i++)
                if (i / CASE_PERSON % 3 == 0 || i % 4 == 3) {
                    assert_int_equal(espy_index_remove(&cx, ix, c.ids[i]), ESPY_E_OK);
                    out[i] = true;
                    gone++;
                }
            assert_int_equal(espy_index_remove(&cx, ix, c.ids[0]), ESPY_E_NOT_FOUND);
            espy_clear(&cx);
            assert_int_equal(espy_index_count(ix), c.n - gone);
            check_left(&cx, ix, &c, out, least);
            assert_int_equal(espy_index_compact(&cx, ix), ESPY_E_OK);
            assert_int_equal(espy_index_count(ix), c.n - gone);
            check_left(&cx, ix, &c, out, least);
            for (size_t i = 0; i < c.n; i++)
                if (out[i])
                    assert_int_equal(espy_index_add(&cx, ix, &c.ids[i], c.vectors + i * c.dim, 1),
                                     ESPY_E_OK);
            assert_int_equal(espy_index_count(ix), c.n);
            check_left(&cx, ix, &c, NULL, least);
            for (size_t i = 0; i < c.n; i++)
                assert_int_equal(espy_index_remove(&cx, ix, c.ids[i]), ESPY_E_OK);
            case_answer a = case_ask(&cx, ix, &c, &(espy_index_query){.k = 5});
            for (size_t q = 0; q < a.n; q++)
                assert_int_equal(a.found[q], 0);
            case_answer_free(&a);
            assert_int_equal(espy_index_compact(&cx, ix), ESPY_E_OK);
            assert_int_equal(espy_index_add(&cx, ix, c.ids, c.vectors, c.n), ESPY_E_OK);
            check_left(&cx, ix, &c, NULL, least);
            espy_index_destroy(&cx, &ix);
        }
    free(out);
    case_free(&c);
    context_end(&cx, &m);
}

/* Many vectors in one place hide neither each other nor the rest. */
static void test_duplicates(void **state)
{
    (void)state;
    enum { COPIES = 100 };
    espy_ctx cx;
    test_memory m;
    index_case c = case_make(1000, 32, 30);
    context(&cx, &m, 2);
    for (size_t i = 0; i < COPIES; i++)
        memcpy(c.vectors + (i * 9) * c.dim, c.vectors, c.dim * sizeof *c.vectors);
    memcpy(c.queries, c.vectors, c.dim * sizeof *c.queries);
    for (size_t method = 0; method < 2; method++)
        for (size_t kind = 0; kind < KINDS; kind++) {
            espy_index *ix =
                case_index(&cx, &c, kinds[kind].kind, methods[method], kinds[kind].keep);
            case_answer a = case_ask(&cx, ix, &c, &(espy_index_query){.k = COPIES, .effort = 200});
            assert_int_equal(a.found[0], COPIES);
            for (size_t i = 0; i < COPIES; i++)
                assert_int_equal(a.hits[i].id, c.ids[i * 9]); /* among equals in order of adding */
            assert_true(case_recall(&c, &a, NULL, 2e-2) >= 0.93);
            case_answer_free(&a);
            espy_index_destroy(&cx, &ix);
        }
    case_free(&c);
    context_end(&cx, &m);
}

static bool none(const void *self, int64_t id)
{
    (void)self;
    (void)id;
    return false;
}

static bool only(const void *self, int64_t id)
{
    return id == *(const int64_t *)self;
}

static bool every_tenth(const void *self, int64_t id)
{
    (void)self;
    return (id - 3) / 7 % 10 == 0;
}

static void test_filter(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    index_case c = case_make(TEST_SLOW ? 500 : 2000, 32, 10);
    bool *out = malloc(c.n * sizeof *out);
    context(&cx, &m, 2);
    for (size_t i = 0; i < c.n; i++)
        out[i] = !every_tenth(NULL, c.ids[i]);
    for (size_t method = 0; method < 2; method++) {
        espy_index *ix = case_index(&cx, &c, ESPY_NEAR_INT8, methods[method], true);
        const int64_t last = c.ids[c.n - 1];
        case_answer a = case_ask(&cx, ix, &c, &(espy_index_query){.k = 5, .allowed = none});
        case_answer b =
            case_ask(&cx, ix, &c, &(espy_index_query){.k = 5, .allowed = only, .self = &last});
        case_answer t = case_ask(&cx, ix, &c, &(espy_index_query){.k = 5, .allowed = every_tenth});
        for (size_t q = 0; q < a.n; q++) {
            assert_int_equal(a.found[q], 0);
            assert_int_equal(b.found[q], 1);
            assert_int_equal(b.hits[q * b.k].id, last);
        }
        assert_true(case_recall(&c, &t, out, 1e-5) >= 0.95);
        case_answer_free(&a);
        case_answer_free(&b);
        case_answer_free(&t);
        espy_index_destroy(&cx, &ix);
    }
    free(out);
    case_free(&c);
    context_end(&cx, &m);
}

/* The same hits, bit by bit, on any number of threads, in one call or one by one. */
static void test_threads_agree(void **state)
{
    (void)state;
    index_case c = case_make(TEST_SLOW ? 700 : 2000, 48, 150);
    const espy_index_query q = {.k = 7};
    for (size_t method = 0; method < 2; method++)
        for (size_t kind = 0; kind < KINDS; kind++) {
            case_answer first = {0};
            for (unsigned threads = 1; threads <= 3; threads++) {
                espy_ctx cx;
                test_memory m;
                context(&cx, &m, threads);
                espy_index *ix =
                    case_index(&cx, &c, kinds[kind].kind, methods[method], kinds[kind].keep);
                case_answer a = case_ask(&cx, ix, &c, &q);
                if (threads == 1) {
                    first = a;
                    case_answer one = {calloc(q.k, sizeof(espy_hit)), calloc(1, sizeof(size_t)),
                                       q.k, 1};
                    for (size_t i = 0; i < c.queries_n; i++) {
                        const case_answer part = {a.hits + i * q.k, a.found + i, q.k, 1};
                        assert_int_equal(espy_index_search(&cx, ix, c.queries + i * c.dim, 1, &q,
                                                           one.hits, one.found),
                                         ESPY_E_OK);
                        assert_true(case_same(&one, &part));
                    }
                    case_answer_free(&one);
                } else {
                    assert_true(case_same(&a, &first));
                    case_answer_free(&a);
                }
                espy_index_destroy(&cx, &ix);
                context_end(&cx, &m);
            }
            case_answer_free(&first);
        }
    case_free(&c);
}

typedef struct searcher {
    const espy_index *ix;
    const index_case *c;
    const case_answer *want;
    bool same;
} searcher;

static void *search_in_thread(void *self)
{
    searcher *s = self;
    espy_ctx cx;
    espy_ctx_init(&cx);
    s->same = true;
    for (int round = 0; round < 3; round++) {
        case_answer a = case_ask(&cx, s->ix, s->c, &(espy_index_query){.k = 4});
        s->same = s->same && case_same(&a, s->want);
        case_answer_free(&a);
    }
    return NULL;
}

static void test_two_search_at_once(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    index_case c = case_make(600, 32, 30);
    test_memory_init(&cx, &m);
    for (size_t method = 0; method < 2; method++) {
        espy_index *ix = case_index(&cx, &c, ESPY_NEAR_INT8, methods[method], true);
        case_answer want = case_ask(&cx, ix, &c, &(espy_index_query){.k = 4});
        searcher s[2] = {{ix, &c, &want, false}, {ix, &c, &want, false}};
        pthread_t t[2];
        for (size_t i = 0; i < 2; i++)
            assert_int_equal(pthread_create(&t[i], NULL, search_in_thread, &s[i]), 0);
        for (size_t i = 0; i < 2; i++) {
            pthread_join(t[i], NULL);
            assert_true(s[i].same);
        }
        case_answer_free(&want);
        espy_index_destroy(&cx, &ix);
    }
    case_free(&c);
    assert_int_equal(m.live, 0);
}

/* One road through everything; nothing is left behind when it fails. */
static espy_err whole_road(espy_ctx *cx, const index_case *c, espy_index_method method,
                           espy_index **out)
{
    espy_index *ix = NULL;
    espy_hit hits[2 * 3];
    size_t found[2];
    const espy_index_options o = {ESPY_NEAR_INT8, method, true, 4, 10};
    espy_err e = espy_index_create(cx, c->dim, &o, &ix);
    if (e != ESPY_E_OK)
        return e;
    ESPY_GO(espy_index_add(cx, ix, c->ids, c->vectors, 70));
    ESPY_GO(espy_index_add(cx, ix, c->ids + 70, c->vectors + 70 * c->dim, 30));
    ESPY_GO(espy_index_remove(cx, ix, c->ids[3]));
    ESPY_GO(espy_index_compact(cx, ix));
    ESPY_GO(espy_index_search(cx, ix, c->queries, 2, &(espy_index_query){.k = 3}, hits, found));
    *out = ix;
    ix = NULL;
out:
    espy_index_destroy(cx, &ix);
    return e;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    index_case c = case_make(100, 8, 2);
    espy_index *ix = NULL;
    test_memory_init(&cx, &m);
    for (size_t method = 0; method < 2; method++)
        TEST_FAULT_LOOP(&cx, &m, whole_road(&cx, &c, methods[method], &ix),
                        espy_index_destroy(&cx, &ix));
    /* an addition that fails leaves an index that answers and takes the rest later */
    for (size_t method = 0; method < 2; method++)
        for (long fail = 1; fail < 40; fail++) {
            const espy_index_options o = {ESPY_NEAR_F32, methods[method], false, 4, 10};
            assert_int_equal(espy_index_create(&cx, c.dim, &o, &ix), ESPY_E_OK);
            assert_int_equal(espy_index_add(&cx, ix, c.ids, c.vectors, 50), ESPY_E_OK);
            m.countdown = fail;
            espy_err e = espy_index_add(&cx, ix, c.ids + 50, c.vectors + 50 * c.dim, 50);
            m.countdown = 0;
            espy_clear(&cx);
            assert_true(e == ESPY_E_OK || e == ESPY_E_NOMEM);
            const size_t have = espy_index_count(ix);
            assert_true(have == (e == ESPY_E_OK ? 100 : 50));
            assert_int_equal(
                espy_index_add(&cx, ix, c.ids + have, c.vectors + have * c.dim, c.n - have),
                ESPY_E_OK);
            case_answer a = case_ask(&cx, ix, &c, &(espy_index_query){.k = 100});
            assert_true(case_recall(&c, &a, NULL, 1e-5) > 0.95);
            case_answer_free(&a);
            espy_index_destroy(&cx, &ix);
        }
    case_free(&c);
    assert_int_equal(m.live, 0);
}

static void test_cancelled(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    atomic_bool stop = true;
    index_case c = case_make(200, 8, 2);
    espy_index *ix = NULL;
    const espy_index_options o = {.method = ESPY_INDEX_GRAPH};
    test_memory_init(&cx, &m);
    assert_int_equal(espy_index_create(&cx, c.dim, &o, &ix), ESPY_E_OK);
    cx.cancel = &stop;
    assert_int_equal(espy_index_add(&cx, ix, c.ids, c.vectors, c.n), ESPY_E_CANCELLED);
    cx.cancel = NULL;
    espy_clear(&cx);
    assert_int_equal(espy_index_count(ix), 0);
    assert_int_equal(espy_index_add(&cx, ix, c.ids, c.vectors, c.n), ESPY_E_OK);
    espy_index_destroy(&cx, &ix);
    case_free(&c);
    assert_int_equal(m.live, 0);
}

static void test_choice(void **state)
{
    (void)state;
    /* few vectors, or too few questions for what a graph costs to build */
    assert_int_equal(espy_index_choose(0, 512, 1000), ESPY_INDEX_SCAN);
    assert_int_equal(espy_index_choose(1000, 128, 1000), ESPY_INDEX_SCAN);
    assert_int_equal(espy_index_choose(20000, 512, 20000), ESPY_INDEX_SCAN);
    assert_int_equal(espy_index_choose(10000000, 512, 1), ESPY_INDEX_SCAN);
    /* every vector of many is asked about; few of them, but again and again */
    assert_int_equal(espy_index_choose(1000000, 128, 1000000), ESPY_INDEX_GRAPH);
    assert_int_equal(espy_index_choose(1000000, 1024, 1000000), ESPY_INDEX_GRAPH);
    assert_int_equal(espy_index_choose(50000, 128, 10000000), ESPY_INDEX_GRAPH);
    /* once a graph pays it goes on to */
    size_t first = 1000;
    while (espy_index_choose(first, 256, first) == ESPY_INDEX_SCAN)
        first += first / 4;
    for (size_t n = first; n < 1u << 30; n += n / 4)
        assert_int_equal(espy_index_choose(n, 256, n), ESPY_INDEX_GRAPH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recall),        cmocka_unit_test(test_small),
        cmocka_unit_test(test_refused),       cmocka_unit_test(test_removed),
        cmocka_unit_test(test_duplicates),    cmocka_unit_test(test_filter),
        cmocka_unit_test(test_threads_agree), cmocka_unit_test(test_two_search_at_once),
        cmocka_unit_test(test_out_of_memory), cmocka_unit_test(test_cancelled),
        cmocka_unit_test(test_choice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
