/* SPDX-License-Identifier: Apache-2.0
 * Accounts, keys, settings, requests done once, webhooks: on everything that a store can stand on.
 */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "pg_server.h"
#include "store/setting.h"
#include "store/store_internal.h"
#include "store/user.h"
#include "store/webhook.h"
#include "support/support.h"

#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde"

static int64_t add_user(espy_ctx *cx, espy_store *st, const char *name, const char *role)
{
    int64_t id = 0;
    CASE_OK(cx, espy_store_user_add(cx, st,
                                    &(espy_user){.name = (char *)(uintptr_t)name,
                                                 .password = (char *)"hash",
                                                 .role = (char *)(uintptr_t)role},
                                    &id));
    return id;
}

static void test_users(espy_ctx *cx, espy_store *st)
{
    espy_user u = {0}, *list = NULL;
    size_t n = 0;
    int64_t total = 0, id = 0;
    const bool off = false;
    int64_t ada = add_user(cx, st, "ada", "admin"), ben = add_user(cx, st, "ben", "student");
    CASE_OK(cx, espy_store_user_get(cx, st, ada, &u));
    assert_string_equal(u.full_name, "");
    assert_string_equal(u.detail, "{}");
    assert_true(u.email == NULL && u.enabled && u.created > 1e9);
    espy_user_free(cx, &u);

    /* what cannot be */
    espy_user bad = {.name = (char *)"ada", .password = (char *)"h", .role = (char *)"student"};
    CASE_FAILS(cx, EXISTS, espy_store_user_add(cx, st, &bad, &id));
    bad.name = (char *)"x";
    bad.role = (char *)"god";
    CASE_FAILS(cx, ARG, espy_store_user_add(cx, st, &bad, &id));
    bad.role = (char *)"student";
    bad.detail = (char *)"[1]";
    CASE_FAILS(cx, ARG, espy_store_user_add(cx, st, &bad, &id));
    bad.detail = (char *)"{";
    CASE_FAILS(cx, ARG, espy_store_user_add(cx, st, &bad, &id));
    CASE_FAILS(cx, NOT_FOUND, espy_store_user_get(cx, st, 99, &u));
    CASE_FAILS(cx, NOT_FOUND, espy_store_user_find(cx, st, "Ada", &u));

    /* changes: what is not told stays */
    CASE_OK(cx,
            espy_store_user_update(
                cx, st, ben, &(espy_user_change){.email = "ben@x.org", .detail = "{\"year\": 2}"}));
    CASE_FAILS(cx, EXISTS,
               espy_store_user_update(cx, st, ada, &(espy_user_change){.email = "ben@x.org"}));
    CASE_OK(cx, espy_store_user_get(cx, st, ben, &u));
    assert_true(u.id == ben && u.enabled);
    assert_string_equal(u.email, "ben@x.org");
    assert_string_equal(u.detail, "{\"year\": 2}");
    assert_string_equal(u.password, "hash");
    espy_user_free(cx, &u);
    CASE_OK(cx, espy_store_user_update(cx, st, ben, &(espy_user_change){.email = "", .name = "b"}));
    CASE_OK(cx, espy_store_user_find(cx, st, "b", &u));
    assert_null(u.email);
    espy_user_free(cx, &u);

    /* the last enabled admin stays */
    CASE_FAILS(cx, EXISTS,
               espy_store_user_update(cx, st, ada, &(espy_user_change){.enabled = &off}));
    CASE_FAILS(cx, EXISTS,
               espy_store_user_update(cx, st, ada, &(espy_user_change){.role = "student"}));
    CASE_FAILS(cx, EXISTS, espy_store_user_delete(cx, st, ada));
    int64_t cy = add_user(cx, st, "cy", "admin");
    CASE_OK(cx, espy_store_user_update(cx, st, ada, &(espy_user_change){.enabled = &off}));
    CASE_FAILS(cx, EXISTS, espy_store_user_delete(cx, st, cy));
    CASE_OK(cx, espy_store_user_delete(cx, st, ada)); /* disabled: not the last one */
    CASE_FAILS(cx, NOT_FOUND, espy_store_user_delete(cx, st, ada));
    CASE_FAILS(cx, NOT_FOUND, espy_store_user_update(cx, st, ada, &(espy_user_change){0}));

    /* pages */
    for (int i = 0; i < 5; i++) {
        char name[8];
        snprintf(name, sizeof name, "s%d", i);
        (void)add_user(cx, st, name, "student");
    }
    CASE_OK(cx, espy_store_users(cx, st, "student", &(espy_page){.limit = 2}, &list, &n, &total));
    assert_true(n == 2 && total == 6 && list[0].id == ben);
    id = list[1].id;
    espy_users_free(cx, list, n);
    CASE_OK(cx, espy_store_users(cx, st, "student", &(espy_page){.cursor = id, .limit = 9}, &list,
                                 &n, NULL));
    assert_true(n == 4 && list[0].id > id);
    espy_users_free(cx, list, n);
    CASE_OK(cx, espy_store_users(cx, st, NULL, &(espy_page){.offset = 5, .limit = 9}, &list, &n,
                                 &total));
    assert_true(n == 2 && total == 7);
    espy_users_free(cx, list, n);
}

static void test_keys(espy_ctx *cx, espy_store *st)
{
    int64_t ada = add_user(cx, st, "ada", "admin"), ben = add_user(cx, st, "ben", "instructor");
    int64_t c = case_collection(cx, st, "c"), id = 0, other = 0;
    espy_key k = {.owner = ben,
                  .collection = c,
                  .name = (char *)"lab",
                  .digest = SHA "0",
                  .scopes = ESPY_SCOPE_IDENTIFY},
             got = {0}, *list = NULL;
    espy_user owner = {0};
    size_t n = 0;
    const bool off = false, on_again = true;
    CASE_OK(cx, espy_store_key_add(cx, st, &k, &id));
    CASE_FAILS(cx, EXISTS, espy_store_key_add(cx, st, &k, &other));
    CASE_OK(cx, espy_store_key_find(cx, st, SHA "0", &got, &owner));
    assert_true(got.id == id && got.owner == ben && got.collection == c &&
                got.scopes == ESPY_SCOPE_IDENTIFY && got.expires == 0 && got.used > 1e9);
    assert_string_equal(owner.name, "ben");
    double used = got.used;
    espy_key_free(cx, &got);
    espy_user_free(cx, &owner);
    CASE_OK(cx, espy_store_key_find(cx, st, SHA "0", &got, &owner)); /* not noted again so soon */
    assert_true(got.used == used);
    espy_key_free(cx, &got);
    espy_user_free(cx, &owner);
    assert_int_equal(espy_store_key_find(cx, st, SHA "1", &got, &owner), ESPY_E_NOT_FOUND);
    assert_int_equal(espy_store_key_find(cx, st, "' OR 1=1", &got, &owner), ESPY_E_NOT_FOUND);
    assert_int_equal(cx->code, ESPY_E_OK);

    CASE_OK(cx, espy_store_user_update(cx, st, ben, &(espy_user_change){.enabled = &off}));
    assert_int_equal(espy_store_key_find(cx, st, SHA "0", &got, &owner), ESPY_E_NOT_FOUND);
    CASE_OK(cx, espy_store_user_update(cx, st, ben, &(espy_user_change){.enabled = &on_again}));

    memcpy(k.digest, SHA "2", sizeof k.digest);
    k.expires = 5; /* long ago */
    k.owner = ada;
    k.collection = 0;
    CASE_OK(cx, espy_store_key_add(cx, st, &k, &other));
    assert_int_equal(espy_store_key_find(cx, st, SHA "2", &got, &owner), ESPY_E_NOT_FOUND);
    k.scopes = 16;
    CASE_FAILS(cx, ARG, espy_store_key_add(cx, st, &k, &other));
    k.scopes = ESPY_SCOPES;
    k.digest[0] = 'x';
    CASE_FAILS(cx, ARG, espy_store_key_add(cx, st, &k, &other));
    memcpy(k.digest, SHA "3", sizeof k.digest);
    k.owner = 99;
    CASE_FAILS(cx, NOT_FOUND, espy_store_key_add(cx, st, &k, &other));
    k.owner = ada;
    k.collection = 99;
    CASE_FAILS(cx, NOT_FOUND, espy_store_key_add(cx, st, &k, &other));

    CASE_OK(cx, espy_store_keys(cx, st, 0, &list, &n));
    assert_true(n == 2 && list[0].id == id);
    espy_keys_free(cx, list, n);
    CASE_OK(cx, espy_store_keys(cx, st, ada, &list, &n));
    assert_true(n == 1 && list[0].expires == 5 && list[0].used == 0);
    espy_keys_free(cx, list, n);
    CASE_FAILS(cx, NOT_FOUND, espy_store_key_delete(cx, st, ada, id)); /* it is ben's */
    CASE_OK(cx, espy_store_key_delete(cx, st, ben, id));
    CASE_FAILS(cx, NOT_FOUND, espy_store_key_delete(cx, st, 0, id));
    CASE_OK(cx, espy_store_user_delete(cx, st, ben));
    add_user(cx, st, "cy", "admin");
    CASE_OK(cx, espy_store_user_delete(cx, st, ada)); /* its keys go, too */
    CASE_OK(cx, espy_store_keys(cx, st, 0, &list, &n));
    assert_int_equal(n, 0);
}

static void test_settings(espy_ctx *cx, espy_store *st)
{
    char *v = NULL;
    CASE_OK(cx, espy_store_setting(cx, st, "a", &v));
    assert_null(v);
    CASE_OK(cx, espy_store_setting_set(cx, st, "a", "1"));
    CASE_OK(cx, espy_store_setting_set(cx, st, "a", "2"));
    CASE_OK(cx, espy_store_setting_first(cx, st, "a", "3", &v));
    assert_string_equal(v, "2");
    espy_free(cx, v);
    CASE_OK(cx, espy_store_setting_set(cx, st, "a", NULL));
    CASE_OK(cx, espy_store_setting_first(cx, st, "a", "3", &v));
    assert_string_equal(v, "3");
    espy_free(cx, v);
    CASE_FAILS(cx, ARG, espy_store_setting_set(cx, st, "", "x"));
    CASE_FAILS(cx, ARG, espy_store_setting_set(cx, st, "b", "\xff"));
}

static void test_once(espy_ctx *cx, espy_store *st)
{
    espy_once o = {.owner = 7, .key = "k", .route = "POST /v1/x", .request = SHA "0"}, p = o;
    espy_once_word word;
    char *body = NULL;
    int status = 0;
    CASE_OK(cx, espy_store_once_begin(cx, st, &o, &word, &status, &body));
    assert_int_equal(word, ESPY_ONCE_FRESH);
    CASE_OK(cx, espy_store_once_begin(cx, st, &o, &word, &status, &body));
    assert_int_equal(word, ESPY_ONCE_BUSY);
    p.request = SHA "1";
    CASE_FAILS(cx, EXISTS, espy_store_once_begin(cx, st, &p, &word, &status, &body));
    p = o;
    p.route = "POST /v1/y";
    CASE_FAILS(cx, EXISTS, espy_store_once_begin(cx, st, &p, &word, &status, &body));
    p = o;
    p.owner = 8; /* another one's keys are his */
    CASE_OK(cx, espy_store_once_begin(cx, st, &p, &word, &status, &body));
    assert_int_equal(word, ESPY_ONCE_FRESH);
    CASE_OK(cx, espy_store_once_finish(cx, st, &o, 201, "{\"id\":3}"));
    CASE_OK(cx, espy_store_once_forget(cx, st, &o)); /* what was done stays */
    CASE_OK(cx, espy_store_once_begin(cx, st, &o, &word, &status, &body));
    assert_true(word == ESPY_ONCE_DONE && status == 201);
    assert_string_equal(body, "{\"id\":3}");
    espy_free(cx, body);
    CASE_OK(cx, espy_store_once_forget(cx, st, &p));
    CASE_OK(cx, espy_store_once_begin(cx, st, &p, &word, &status, &body));
    assert_int_equal(word, ESPY_ONCE_FRESH);
    /* one whose server died is not waited for for ever, and an answer not kept for ever */
    static const char age[] = "UPDATE idempotency SET created = created - $1";
    CASE_OK(cx, espy_db_exec(cx, st, age, DB_ARGS(DB_REAL(ESPY_ONCE_RUNNING + 1))));
    CASE_OK(cx, espy_store_once_begin(cx, st, &p, &word, &status, &body));
    assert_int_equal(word, ESPY_ONCE_FRESH);
    CASE_OK(cx, espy_store_once_begin(cx, st, &o, &word, &status, &body));
    assert_int_equal(word, ESPY_ONCE_DONE);
    espy_free(cx, body);
    CASE_OK(cx, espy_db_exec(cx, st, age, DB_ARGS(DB_REAL(ESPY_ONCE_KEPT))));
    CASE_OK(cx, espy_store_once_sweep(cx, st));
    CASE_OK(cx, espy_store_once_begin(cx, st, &o, &word, &status, &body));
    assert_int_equal(word, ESPY_ONCE_FRESH);
}

static void test_webhooks(espy_ctx *cx, espy_store *st)
{
    int64_t ada = add_user(cx, st, "ada", "instructor"), c = case_collection(cx, st, "c"), id = 0;
    int64_t other = 0;
    espy_webhook w = {.owner = ada,
                      .collection = c,
                      .url = (char *)"https://x.org/hook",
                      .events = (char *)"version.add label.merge",
                      .secret = (char *)"s"},
                 got = {0}, *list = NULL;
    size_t n = 0;
    const bool off = false;
    CASE_OK(cx, espy_store_webhook_add(cx, st, &w, &id));
    w.url = (char *)"";
    CASE_FAILS(cx, ARG, espy_store_webhook_add(cx, st, &w, &other));
    w.url = (char *)"http://y";
    w.owner = 99;
    CASE_FAILS(cx, NOT_FOUND, espy_store_webhook_add(cx, st, &w, &other));
    w.owner = ada;
    w.collection = 99;
    CASE_FAILS(cx, NOT_FOUND, espy_store_webhook_add(cx, st, &w, &other));
    CASE_OK(cx, espy_store_webhook_update(cx, st, id,
                                          &(espy_webhook_change){.events = "*", .enabled = &off}));
    CASE_OK(cx, espy_store_webhook_get(cx, st, id, &got));
    assert_true(got.owner == ada && got.collection == c && !got.enabled && got.created > 1e9);
    assert_string_equal(got.url, "https://x.org/hook");
    assert_string_equal(got.events, "*");
    espy_webhook_free(cx, &got);
    CASE_OK(cx, espy_store_webhooks(cx, st, ada, &list, &n));
    assert_int_equal(n, 1);
    espy_webhooks_free(cx, list, n);
    CASE_OK(cx, espy_store_webhooks(cx, st, ada + 1, &list, &n));
    assert_int_equal(n, 0);
    CASE_OK(cx, espy_store_webhook_delete(cx, st, id));
    CASE_FAILS(cx, NOT_FOUND, espy_store_webhook_delete(cx, st, id));
    CASE_FAILS(cx, NOT_FOUND, espy_store_webhook_update(cx, st, id, &(espy_webhook_change){0}));
}

static void run_cases(void **state)
{
    (void)state;
    static void (*const cases[])(espy_ctx *, espy_store *) = {test_users, test_keys, test_settings,
                                                              test_once, test_webhooks};
    for (const backend *b = backend_next(NULL); b != NULL; b = backend_next(b)) {
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            espy_ctx cx;
            test_memory m;
            espy_store *st = NULL;
            test_memory_init(&cx, &m);
            CASE_OK(&cx, b->open(&cx, backend_begin(&cx, b), &st));
            cases[i](&cx, st);
            espy_store_close(&cx, &st);
            backend_end(&cx);
            assert_int_equal(m.live, 0);
        }
    }
}

/* Many processes that start at once agree on one secret. */
enum { PROCESSES = 6 };
static void run_agree(void **state)
{
    (void)state;
    for (const backend *b = backend_next(NULL); b != NULL; b = backend_next(b)) {
        espy_ctx cx;
        espy_ctx_init(&cx);
        if (b->server && !b->rows)
            continue;
        const char *dir = backend_begin(&cx, b);
        espy_store *st = NULL;
        int words[2];
        CASE_OK(&cx, b->open(&cx, dir, &st));
        espy_store_close(&cx, &st);
        assert_int_equal(pipe(words), 0);
        fflush(stdout);
        for (int i = 0; i < PROCESSES; i++) {
            if (fork() == 0) {
                char mine[16] = {0}, *value = NULL;
                snprintf(mine, sizeof mine, "secret %d", i);
                CASE_OK(&cx, b->open(&cx, dir, &st));
                CASE_OK(&cx, espy_store_setting_first(&cx, st, "jwt", mine, &value));
                memset(mine, 0, sizeof mine);
                snprintf(mine, sizeof mine, "%s", value);
                _exit(write(words[1], mine, sizeof mine) == sizeof mine ? 0 : 1);
            }
        }
        close(words[1]);
        char first[16], next[16];
        assert_int_equal(read(words[0], first, sizeof first), sizeof first);
        for (int i = 1; i < PROCESSES; i++) {
            assert_int_equal(read(words[0], next, sizeof next), sizeof next);
            assert_string_equal(next, first);
        }
        close(words[0]);
        for (int i = 0; i < PROCESSES; i++)
            (void)wait(NULL);
        backend_end(&cx);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(run_cases), cmocka_unit_test(run_agree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
