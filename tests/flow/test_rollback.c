/* SPDX-License-Identifier: Apache-2.0
 * flow/train's versions and flow/rollback: what a version records, that adding one does not move
 * `live`, that going back gives the old answers bit by bit, and that a damaged version is refused.
 */
#include "life_case.h"

#include <sqlite3.h>

#include "flow/identify.h"
#include "flow/rollback.h"

static flow_case data; /* too large for a stack */

static const espy_fit_options usual = {.test_share = 0.2,
                                       .rule = ESPY_THRESHOLD_FIXED,
                                       .threshold = 0.4,
                                       .floor = 0.3,
                                       .settings = {.seed = 42}};

/* Fits what is labelled; a new version, live or not. */
static int64_t learn(espy_ctx *cx, espy_workspace *ws, const espy_collection *c, const char *head,
                     const espy_publication *how)
{
    espy_training_set set;
    espy_fit f;
    espy_fit_options o = usual;
    int64_t number;
    o.head = head;
    LIFE_OK(cx, espy_training_set_load(cx, ws->store, c, 0, &set));
    LIFE_OK(cx, espy_flow_fit(cx, &set.rows, set.codes, &o, &f));
    LIFE_OK(cx, espy_flow_add(cx, ws, c, &set, &f, &o, how, &number));
    espy_fit_free(cx, &f);
    espy_training_set_free(cx, &set);
    return number;
}

/* What the live version says of the first rows of the case. */
enum { ASKED = 24, MOST = 8 };
static void answers(espy_ctx *cx, espy_workspace *ws, int64_t version, float p[ASKED * MOST])
{
    const espy_identify_options own = {.threshold = -1, .floor = -2};
    espy_identifier id;
    LIFE_OK(cx, espy_identifier_open(cx, ws, "things", 0, NULL, &own, &id));
    assert_int_equal(id.version.number, version);
    memset(p, 0, ASKED * MOST * sizeof *p);
    LIFE_OK(cx, id.head->ops->probabilities(cx, id.head, data.x, ASKED, p));
    espy_identifier_close(cx, &id);
}

static void test_record(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    espy_workspace ws;
    espy_collection c;
    espy_version v;
    test_memory_init(&cx, &m);
    flow_make(&data, 4, 6, 0.2, 1);
    life_open(&cx, &ws, &c);
    life_add(&cx, &ws, &c, &data, 0, 23, "one"); /* L003 has five */
    espy_json *gate = espy_json_object(), *files = espy_json_object();
    LIFE_OK(&cx, espy_json_set(&cx, gate, "passed", espy_json_of_bool(false)));
    LIFE_OK(&cx, espy_json_set(&cx, files, "L000", espy_json_of_int(9)));
    const espy_publication stored = {.reason = "weekly", .gate = gate, .file_counts = files};
    assert_int_equal(learn(&cx, &ws, &c, "svm", &stored), 1);
    espy_json_free(gate);
    espy_json_free(files);
    assert_int_equal(life_alias(&cx, &ws, &c, "live"), 0); /* added, not promoted */
    LIFE_OK(&cx, espy_store_version(&cx, ws.store, c.id, 1, &v));
    const espy_json *counts = espy_json_get(v.json, "sample_counts");
    assert_int_equal(espy_json_count(counts), 4);
    assert_int_equal(espy_json_int(espy_json_get(counts, "L000"), 0), 6);
    assert_int_equal(espy_json_int(espy_json_get(counts, "L003"), 0), 5);
    assert_int_equal(espy_json_int(espy_json_get(espy_json_get(v.json, "file_counts"), "L000"), 0),
                     9);
    assert_string_equal(espy_json_string(espy_json_get(v.json, "reason"), ""), "weekly");
    assert_false(espy_json_bool(espy_json_get(espy_json_get(v.json, "gate"), "passed"), true));
    espy_version_free(&cx, &v);
    const espy_publication live = {.reason = "train", .promote = true};
    assert_int_equal(learn(&cx, &ws, &c, "svm", &live), 2);
    assert_int_equal(life_alias(&cx, &ws, &c, "live"), 2);
    assert_int_equal(life_alias(&cx, &ws, &c, "previous"), 0);
    LIFE_OK(&cx, espy_store_version(&cx, ws.store, c.id, 2, &v));
    assert_null(espy_json_get(v.json, "gate"));
    assert_null(espy_json_get(v.json, "file_counts"));
    espy_version_free(&cx, &v);
    life_close(&cx, &ws, &c);
    assert_int_equal(m.live, 0);
}

/* An interruption before the transaction leaves no version. */
static void test_interrupted(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_workspace ws;
    espy_collection c;
    espy_training_set set;
    espy_fit f;
    espy_counts n;
    int64_t number;
    atomic_bool stop = false;
    const espy_publication how = {.reason = "train", .promote = true};
    espy_ctx_init(&cx);
    flow_make(&data, 3, 6, 0.2, 2);
    life_open(&cx, &ws, &c);
    life_add(&cx, &ws, &c, &data, 0, 18, "one");
    assert_int_equal(learn(&cx, &ws, &c, NULL, &how), 1);
    LIFE_OK(&cx, espy_training_set_load(&cx, ws.store, &c, 0, &set));
    LIFE_OK(&cx, espy_flow_fit(&cx, &set.rows, set.codes, &usual, &f));
    cx.cancel = &stop;
    stop = true;
    assert_int_equal(espy_flow_add(&cx, &ws, &c, &set, &f, &usual, &how, &number),
                     ESPY_E_CANCELLED);
    espy_clear(&cx);
    cx.cancel = NULL;
    LIFE_OK(&cx, espy_store_counts(&cx, ws.store, c.id, &n));
    assert_int_equal(n.versions, 1);
    assert_int_equal(life_alias(&cx, &ws, &c, "live"), 1);
    espy_fit_free(&cx, &f);
    espy_training_set_free(&cx, &set);
    life_close(&cx, &ws, &c);
}

static void test_back_and_forth(void **state)
{
    (void)state;
    static const char *const heads[] = {"svm", "logistic", "knn"};
    static float first[ASKED * MOST], second[ASKED * MOST], again[ASKED * MOST];
    espy_ctx cx;
    test_memory m;
    espy_workspace ws;
    espy_collection c;
    espy_event *events;
    size_t n;
    int64_t from, now;
    const espy_publication how = {.reason = "train", .promote = true};
    test_memory_init(&cx, &m);
    for (size_t h = 0; h < 3; h++) {
        flow_make(&data, 8, 8, 0.3, 3);
        life_open(&cx, &ws, &c);
        assert_int_equal(espy_flow_rollback(&cx, &ws, &c, 0, NULL, &from, &now), ESPY_E_NOT_FOUND);
        assert_non_null(strstr(cx.text, "no previous version"));
        espy_clear(&cx);
        life_add(&cx, &ws, &c, &data, 0, 40, "one"); /* five labels */
        assert_int_equal(learn(&cx, &ws, &c, heads[h], &how), 1);
        answers(&cx, &ws, 1, first);
        assert_int_equal(espy_flow_rollback(&cx, &ws, &c, 0, NULL, &from, &now), ESPY_E_NOT_FOUND);
        espy_clear(&cx);
        life_add(&cx, &ws, &c, &data, 40, 64, "two"); /* eight */
        assert_int_equal(learn(&cx, &ws, &c, heads[h], &how), 2);
        answers(&cx, &ws, 2, second);
        assert_memory_not_equal(first, second, sizeof first);
        LIFE_OK(&cx, espy_flow_rollback(&cx, &ws, &c, 0, "it mixes two people up", &from, &now));
        assert_true(from == 2 && now == 1);
        assert_int_equal(life_alias(&cx, &ws, &c, "previous"), 2);
        answers(&cx, &ws, 1, again);
        assert_memory_equal(again, first, sizeof first);
        LIFE_OK(&cx, espy_flow_rollback(&cx, &ws, &c, 0, NULL, &from, &now)); /* and back */
        answers(&cx, &ws, 2, again);
        assert_memory_equal(again, second, sizeof second);
        LIFE_OK(&cx, espy_flow_rollback(&cx, &ws, &c, 1, NULL, &from, &now)); /* by number */
        LIFE_OK(&cx, espy_flow_rollback(&cx, &ws, &c, 1, NULL, &from, &now)); /* no step */
        assert_true(from == 1 && now == 1);
        assert_int_equal(life_alias(&cx, &ws, &c, "previous"), 2);
        assert_int_equal(espy_flow_rollback(&cx, &ws, &c, 9, NULL, &from, &now), ESPY_E_NOT_FOUND);
        espy_clear(&cx);
        LIFE_OK(&cx, espy_store_events(&cx, ws.store, c.id, 0, 1000, &events, &n));
        assert_non_null(strstr(events[n - 1].detail, "\"rollback\""));
        assert_non_null(strstr(events[n - 3].detail, "rollback: it mixes two people up"));
        espy_events_free(&cx, events, n);
        life_close(&cx, &ws, &c);
    }
    assert_int_equal(m.live, 0);
}

/* Does what nobody does: changes a version's row. */
static void damage(espy_ctx *cx, const espy_workspace *ws, const char *sql)
{
    sqlite3 *db;
    char *why = NULL, *path = espy_path_join(cx, ws->dir, "store.db");
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, "DROP TRIGGER IF EXISTS versions_fixed", NULL, NULL, &why) != SQLITE_OK ||
        sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s", why);
    sqlite3_close(db);
    espy_free(cx, path);
}

static void test_damaged(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        espy_err want;
    } how[] = {
        {"UPDATE versions SET bytes = zeroblob(length(bytes)) WHERE number = 1", ESPY_E_DIGEST},
        {"UPDATE versions SET json = replace(json, '\"head\": \"svm\"', '\"head\": \"oak\"') "
         "WHERE number = 1",
         ESPY_E_UNSUPPORTED},
        {"UPDATE versions SET json = replace(json, '\"threshold\": 0.4', '\"threshold\": 4') WHERE "
         "number = 1",
         ESPY_E_FORMAT},
        {"UPDATE versions SET json = replace(json, '\"label_ids\": [', '\"label_ids\": [77,') "
         "WHERE number = 1",
         ESPY_E_DATA},
        {"UPDATE versions SET json = substr(json, 3) WHERE number = 1", ESPY_E_FORMAT},
        {"DELETE FROM embeddings WHERE sample = (SELECT max(sample) FROM version_samples WHERE "
         "version "
         "= 1)",
         ESPY_E_DATA},
    };
    espy_ctx cx;
    test_memory m;
    espy_workspace ws;
    espy_collection c;
    int64_t from = -1, now = -1;
    const espy_publication live = {.reason = "train", .promote = true};
    test_memory_init(&cx, &m);
    flow_make(&data, 3, 6, 0.2, 4);
    for (size_t i = 0; i < sizeof how / sizeof *how; i++) {
        life_open(&cx, &ws, &c);
        life_add(&cx, &ws, &c, &data, 0, 18, "one");
        learn(&cx, &ws, &c, "svm", &live);
        learn(&cx, &ws, &c, "knn", &live);
        damage(&cx, &ws, how[i].sql);
        espy_err e = espy_flow_rollback(&cx, &ws, &c, 0, NULL, &from, &now);
        if (e != how[i].want)
            fail_msg("%s: %s, %s", how[i].sql, espy_err_text(e), cx.text);
        assert_non_null(strstr(cx.text, "version 1"));
        assert_non_null(strstr(cx.text, "nothing was changed"));
        espy_clear(&cx);
        assert_true(from == -1 && now == -1);
        assert_int_equal(life_alias(&cx, &ws, &c, "live"), 2);
        assert_int_equal(life_alias(&cx, &ws, &c, "previous"), 1);
        life_close(&cx, &ws, &c);
    }
    assert_int_equal(m.live, 0);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    espy_workspace ws;
    espy_collection c;
    espy_training_set set;
    espy_fit f;
    int64_t number, from, now;
    const espy_publication live = {.reason = "train", .promote = true}, stored = {.reason = "x"};
    test_memory_init(&cx, &m);
    flow_make(&data, 3, 4, 0.2, 5);
    life_open(&cx, &ws, &c);
    life_add(&cx, &ws, &c, &data, 0, 12, "one");
    learn(&cx, &ws, &c, "svm", &live);
    learn(&cx, &ws, &c, "svm", &live);
    LIFE_OK(&cx, espy_training_set_load(&cx, ws.store, &c, 0, &set));
    LIFE_OK(&cx, espy_flow_fit(&cx, &set.rows, set.codes, &usual, &f));
    TEST_FAULT_LOOP(&cx, &m, espy_flow_add(&cx, &ws, &c, &set, &f, &usual, &stored, &number),
                    (void)0);
    espy_fit_free(&cx, &f);
    espy_training_set_free(&cx, &set);
    /* once without failures: the store keeps its prepared statements */
    LIFE_OK(&cx, espy_flow_rollback(&cx, &ws, &c, 0, "why", &from, &now));
    TEST_FAULT_LOOP(&cx, &m, espy_flow_rollback(&cx, &ws, &c, 0, "why", &from, &now), (void)0);
    life_close(&cx, &ws, &c);
    assert_int_equal(m.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record),         cmocka_unit_test(test_interrupted),
        cmocka_unit_test(test_back_and_forth), cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
