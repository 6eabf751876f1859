/* SPDX-License-Identifier: Apache-2.0
 * base/pool: every item once, failures and cancelling, pools that several threads share. */
#include "support/support.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/pool.h"

#define POOL_ITEMS 1000

static espy_pool *pool_of(espy_ctx *cx, unsigned threads)
{
    espy_pool *pool = NULL;
    assert_int_equal(espy_pool_create(cx, threads, &pool), ESPY_E_OK);
    assert_int_equal(espy_pool_size(pool), threads ? threads : espy_cpu_count());
    return pool;
}

typedef struct counts {
    atomic_uint taken[POOL_ITEMS];
    double value[POOL_ITEMS];
    unsigned size;        /* workers there may be */
    atomic_bool bad;      /* a worker number out of range */
    atomic_uint busy[16]; /* tasks running as this worker: never two */
} counts;

static espy_err count_item(espy_ctx *cx, void *self, size_t item, unsigned worker)
{
    counts *c = self;
    if (cx->code != ESPY_E_OK || worker >= c->size || atomic_fetch_add(&c->busy[worker], 1) != 0)
        atomic_store(&c->bad, true);
    atomic_fetch_add(&c->taken[item], 1);
    double v = (double)item;
    for (int i = 0; i < 50; i++)
        v = v * 0.999 + 1.0 / (1 + v);
    c->value[item] = v;
    if (worker < c->size)
        atomic_fetch_sub(&c->busy[worker], 1);
    return ESPY_E_OK;
}

static void test_every_item_once(void **state)
{
    (void)state;
    static const unsigned sizes[] = {1, 2, 3, 8};
    static counts want, c;
    espy_ctx cx;
    test_memory m;
    test_memory_init(&cx, &m);
    want.size = 1;
    assert_int_equal(espy_parallel(&cx, POOL_ITEMS, count_item, &want), ESPY_E_OK); /* no pool */
    for (size_t s = 0; s < 4; s++) {
        cx.pool = pool_of(&cx, sizes[s]);
        static const size_t items[] = {0, 1, 2, 7, POOL_ITEMS};
        for (size_t k = 0; k < 5; k++) {
            memset(&c, 0, sizeof c);
            c.size = sizes[s];
            assert_int_equal(espy_parallel(&cx, items[k], count_item, &c), ESPY_E_OK);
            assert_false(atomic_load(&c.bad));
            for (size_t i = 0; i < POOL_ITEMS; i++)
                assert_int_equal(atomic_load(&c.taken[i]), i < items[k]);
        }
        assert_memory_equal(c.value, want.value, sizeof c.value); /* the same bits */
        espy_pool_destroy(&cx, &cx.pool);
        assert_null(cx.pool);
    }
    assert_int_equal(m.live, 0);
}

static espy_err fail_some(espy_ctx *cx, void *self, size_t item, unsigned worker)
{
    (void)worker;
    atomic_uint *ran = self;
    atomic_fetch_add(ran, 1);
    if (item % 100 == 99)
        return espy_fail(cx, ESPY_E_DATA, "item %zu is bad", item);
    return ESPY_E_OK;
}

static void test_failure_is_carried(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    for (unsigned threads = 1; threads <= 8; threads *= 2) {
        cx.pool = pool_of(&cx, threads);
        for (int round = 0; round < 50; round++) {
            atomic_uint ran = 0;
            assert_int_equal(espy_parallel(&cx, POOL_ITEMS, fail_some, &ran), ESPY_E_DATA);
            assert_int_equal(cx.code, ESPY_E_DATA);
            assert_non_null(strstr(cx.text, "99 is bad"));
            if (threads == 1)
                assert_int_equal(atomic_load(&ran), 100); /* the rest was left */
            espy_clear(&cx);
        }
        espy_pool_destroy(&cx, &cx.pool);
    }
}

typedef struct stopper {
    atomic_bool cancel;
    atomic_uint ran;
} stopper;

static espy_err cancel_at_ten(espy_ctx *cx, void *self, size_t item, unsigned worker)
{
    (void)cx;
    (void)item;
    (void)worker;
    stopper *s = self;
    if (atomic_fetch_add(&s->ran, 1) == 10)
        atomic_store(&s->cancel, true);
    return ESPY_E_OK;
}

static void test_cancelling(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    for (unsigned threads = 1; threads <= 4; threads++) {
        stopper s = {0};
        cx.cancel = &s.cancel;
        cx.pool = pool_of(&cx, threads);
        assert_int_equal(espy_parallel(&cx, 1000000, cancel_at_ten, &s), ESPY_E_CANCELLED);
        assert_true(atomic_load(&s.ran) < 1000000);
        espy_clear(&cx);
        unsigned before = atomic_load(&s.ran);
        assert_int_equal(espy_parallel(&cx, 100, cancel_at_ten, &s), ESPY_E_CANCELLED);
        assert_int_equal(atomic_load(&s.ran), before); /* nothing starts any more */
        espy_clear(&cx);
        espy_pool_destroy(&cx, &cx.pool);
    }
}

static espy_err inner_item(espy_ctx *cx, void *self, size_t item, unsigned worker)
{
    (void)cx;
    (void)item;
    pthread_t *me = self;
    return worker == 0 && pthread_equal(*me, pthread_self())
               ? ESPY_E_OK
               : espy_fail(cx, ESPY_E_INTERNAL, "a nested item left its thread");
}

static espy_err outer_item(espy_ctx *cx, void *self, size_t item, unsigned worker)
{
    (void)item;
    (void)worker;
    atomic_fetch_add((atomic_uint *)self, 1);
    pthread_t me = pthread_self();
    return espy_parallel(cx, 20, inner_item, &me);
}

static void test_nested_runs_alone(void **state)
{
    (void)state;
    espy_ctx cx;
    atomic_uint ran = 0;
    espy_ctx_init(&cx);
    cx.pool = pool_of(&cx, 4);
    if (espy_parallel(&cx, 200, outer_item, &ran) != ESPY_E_OK)
        fail_msg("%s", cx.text);
    assert_int_equal(atomic_load(&ran), 200);
    espy_pool_destroy(&cx, &cx.pool);
}

typedef struct caller {
    const espy_ctx *cx;
    int bad;
} caller;

static espy_err tick(espy_ctx *cx, void *self, size_t item, unsigned worker)
{
    (void)cx;
    (void)item;
    (void)worker;
    atomic_fetch_add((atomic_uint *)self, 1);
    return ESPY_E_OK;
}

static void *caller_main(void *self)
{
    caller *c = self;
    for (int round = 0; round < 400; round++) {
        espy_ctx cx = espy_ctx_child(c->cx);
        bool failing = round % 5 == 4;
        atomic_uint ran = 0;
        espy_err e = espy_parallel(&cx, failing ? 100 : 7, failing ? fail_some : tick, &ran);
        c->bad += e != (failing ? ESPY_E_DATA : ESPY_E_OK);
        c->bad += !failing && atomic_load(&ran) != 7;
    }
    return NULL;
}

/* Jobs of several threads take turns on one pool; none is lost, none waits for ever, and none sees
 * another's failure. */
static void test_several_callers(void **state)
{
    (void)state;
    enum { CALLERS = 4 };
    espy_ctx cx;
    pthread_t id[CALLERS];
    caller c[CALLERS];
    espy_ctx_init(&cx);
    for (unsigned threads = 2; threads <= 4; threads++) {
        cx.pool = pool_of(&cx, threads);
        for (int i = 0; i < CALLERS; i++) {
            c[i] = (caller){.cx = &cx};
            assert_int_equal(pthread_create(&id[i], NULL, caller_main, &c[i]), 0);
        }
        for (int i = 0; i < CALLERS; i++) {
            assert_int_equal(pthread_join(id[i], NULL), 0);
            assert_int_equal(c[i].bad, 0);
        }
        espy_pool_destroy(&cx, &cx.pool);
    }
}

/* The caller's own items end long before the worker's. */
static espy_err slow_worker(espy_ctx *cx, void *self, size_t item, unsigned worker)
{
    (void)cx;
    (void)item;
    atomic_fetch_add((atomic_uint *)self, 1);
    usleep(worker ? 400 : 40);
    return ESPY_E_OK;
}

static void *waiter_main(void *self)
{
    caller *c = self;
    for (int round = 0; round < 100; round++) {
        espy_ctx cx = espy_ctx_child(c->cx);
        atomic_uint ran = 0;
        c->bad += espy_parallel(&cx, 3, slow_worker, &ran) != ESPY_E_OK || atomic_load(&ran) != 3;
    }
    return NULL;
}

/* A caller that waits for its last worker and callers that wait for their turn wait on one
 * condition: the right one must wake. */
static void test_callers_wait_in_turn(void **state)
{
    (void)state;
    espy_ctx cx;
    pthread_t id[3];
    caller c[3];
    espy_ctx_init(&cx);
    cx.pool = pool_of(&cx, 2);
    for (int i = 0; i < 3; i++) {
        c[i] = (caller){.cx = &cx};
        assert_int_equal(pthread_create(&id[i], NULL, waiter_main, &c[i]), 0);
    }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pthread_join(id[i], NULL), 0);
        assert_int_equal(c[i].bad, 0);
    }
    espy_pool_destroy(&cx, &cx.pool);
}

static void test_create_and_destroy(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    espy_pool *pool = NULL;
    test_memory_init(&cx, &m);
    assert_true(espy_cpu_count() >= 1);
    assert_int_equal(espy_pool_size(NULL), 1);
    for (unsigned threads = 0; threads < 6; threads++) { /* without any work */
        pool = pool_of(&cx, threads);
        espy_pool_destroy(&cx, &pool);
        espy_pool_destroy(&cx, &pool); /* NULL is fine */
    }
    assert_int_equal(espy_pool_create(&cx, 1025, &pool), ESPY_E_ARG);
    assert_null(pool);
    TEST_FAULT_LOOP(&cx, &m, espy_pool_create(&cx, 3, &pool), espy_pool_destroy(&cx, &pool));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_item_once),    cmocka_unit_test(test_failure_is_carried),
        cmocka_unit_test(test_cancelling),         cmocka_unit_test(test_nested_runs_alone),
        cmocka_unit_test(test_several_callers),    cmocka_unit_test(test_callers_wait_in_turn),
        cmocka_unit_test(test_create_and_destroy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
