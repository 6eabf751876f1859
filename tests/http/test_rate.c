/* SPDX-License-Identifier: Apache-2.0
 * http/rate: waits grow, are forgotten, stay apart, and hold against many at once. */
#include "support/support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "http/rate.h"

static const espy_rate_rules rate_rules = {.free = 3, .first = 2, .most = 10, .forget = 100};

static void check_wait(double is, double want)
{
    assert_true(is > want - 1e-9 && is < want + 1e-9);
}

static void test_waits(void **state)
{
    (void)state;
    espy_rate *r = NULL;
    espy_ctx cx;
    test_memory m;
    test_memory_init(&cx, &m);
    TEST_FAULT_LOOP(&cx, &m, espy_rate_create(&cx, &rate_rules, 100, &r),
                    espy_rate_destroy(&cx, &r));
    assert_int_equal(espy_rate_create(&cx, &rate_rules, 100, &r), ESPY_E_OK);
    for (int i = 0; i < 4; i++)
        check_wait(espy_rate_try(r, "eva", "10.0.0.1", 50), 0);
    check_wait(espy_rate_try(r, "eva", "10.0.0.1", 50), 2);
    check_wait(espy_rate_try(r, "eva", "10.0.0.1", 51.5), 0.5);
    check_wait(espy_rate_try(r, "eva", "10.0.0.2", 51.5), 0); /* another address, another name */
    check_wait(espy_rate_try(r, "ev", "a10.0.0.1", 51.5), 0);
    check_wait(espy_rate_try(r, "eva", "10.0.0.1", 52), 0); /* the fifth failure: 4 s */
    check_wait(espy_rate_try(r, "eva", "10.0.0.1", 53), 3);
    check_wait(espy_rate_try(r, "eva", "10.0.0.1", 56), 0);
    check_wait(espy_rate_try(r, "eva", "10.0.0.1", 56), 8);
    for (double now = 64; now < 1000; now += 10) { /* 10 s is the most */
        check_wait(espy_rate_try(r, "eva", "10.0.0.1", now), 0);
        check_wait(espy_rate_try(r, "eva", "10.0.0.1", now), 10);
    }
    espy_rate_passed(r, "eva", "10.0.0.1");
    for (int i = 0; i < 4; i++)
        check_wait(espy_rate_try(r, "eva", "10.0.0.1", 2000), 0);
    check_wait(espy_rate_try(r, "eva", "10.0.0.1", 2000), 2);
    for (int i = 0; i < 4; i++) /* forgotten */
        check_wait(espy_rate_try(r, "eva", "10.0.0.1", 2100), 0);
    check_wait(espy_rate_try(r, "eva", "10.0.0.1", 2100), 2);
    for (int i = 0; i < 20; i++) { /* taken back, it was no failure */
        check_wait(espy_rate_try(r, "ann", "10.0.0.1", 2100), 0);
        espy_rate_back(r, "ann", "10.0.0.1");
    }
    espy_rate_back(r, "ann", "10.0.0.1");
    for (int i = 0; i < 4; i++)
        check_wait(espy_rate_try(r, "ann", "10.0.0.1", 2100), 0);
    espy_rate_back(r, "ann", "10.0.0.1");
    check_wait(espy_rate_try(r, "ann", "10.0.0.1", 2100), 0);
    check_wait(espy_rate_try(r, "ann", "10.0.0.1", 2100), 2);
    espy_rate_passed(r, "nobody", "");
    espy_rate_destroy(&cx, &r);
    espy_rate_destroy(&cx, &r);
    assert_int_equal(m.live, 0);
}

/* Whom many failures made wait is not pushed out by a flood of others. */
static void test_flood(void **state)
{
    (void)state;
    espy_rate *r = NULL;
    espy_ctx cx;
    espy_ctx_init(&cx);
    assert_int_equal(espy_rate_create(&cx, &rate_rules, 16, &r), ESPY_E_OK);
    for (int i = 0; i < 4; i++)
        check_wait(espy_rate_try(r, "eva", "a", 0), 0);
    for (int i = 0; i < 10000; i++) {
        char name[32];
        snprintf(name, sizeof name, "other%d", i);
        check_wait(espy_rate_try(r, name, "a", 1), 0);
    }
    check_wait(espy_rate_try(r, "eva", "a", 1), 1);
    espy_rate_destroy(&cx, &r);
}

static void test_rules(void **state)
{
    (void)state;
    static const espy_rate_rules bad[] = {{3, 0, 10, 100}, {3, 2, 1, 100}, {3, 2, 10, 9}};
    espy_rate *r = NULL;
    espy_ctx cx;
    espy_ctx_init(&cx);
    for (size_t i = 0; i < 3; i++) {
        espy_clear(&cx);
        assert_int_equal(espy_rate_create(&cx, &bad[i], 8, &r), ESPY_E_ARG);
    }
    espy_clear(&cx);
    assert_int_equal(espy_rate_create(&cx, &espy_rate_login, 0, &r), ESPY_E_ARG);
    espy_clear(&cx);
    assert_int_equal(espy_rate_create(&cx, &espy_rate_login, 1, &r), ESPY_E_OK);
    espy_rate_destroy(&cx, &r);
}

typedef struct rate_crowd {
    espy_rate *rate;
    atomic_int let_in;
} rate_crowd;

static void *rate_crowd_run(void *self)
{
    rate_crowd *c = self;
    for (int i = 0; i < 1000; i++) {
        if (espy_rate_try(c->rate, "eva", "a", 5) == 0)
            atomic_fetch_add(&c->let_in, 1);
        espy_rate_try(c->rate, "eva", i % 2 ? "b" : "c", 5);
        espy_rate_passed(c->rate, "eva", "b");
    }
    return NULL;
}

/* Tries at the same time do not slip through before the first of them has failed. */
static void test_crowd(void **state)
{
    (void)state;
    pthread_t threads[8];
    rate_crowd c = {0};
    espy_ctx cx;
    espy_ctx_init(&cx);
    assert_int_equal(espy_rate_create(&cx, &rate_rules, 64, &c.rate), ESPY_E_OK);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, rate_crowd_run, &c), 0);
    for (size_t i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&c.let_in), 4);
    espy_rate_destroy(&cx, &c.rate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_waits),
        cmocka_unit_test(test_flood),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_crowd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
