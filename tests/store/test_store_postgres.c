/* SPDX-License-Identifier: Apache-2.0
 * What only PostgreSQL has: migrations, databases that are not ours, lost connections, locks, rows
 * that are read ahead, triggers, views, addresses with passwords. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/store_postgres.c" /* to reach its statics: the migrations are a parameter there */

#include "pg_server.h"
#include "store/session.h"
#include "support/support.h"

#define STARTED(cx, dir, url) \
    espy_ctx cx;              \
    espy_ctx_init(&cx);       \
    begin_rows(&cx);          \
    const char *dir = on_dir; \
    const char *url = pg_schema(dir)

static void begin_rows(espy_ctx *cx)
{
    const backend *b = backend_next(NULL);
    while (!b->rows)
        b = backend_next(b);
    backend_begin(cx, b);
}

static void fill(espy_ctx *cx, espy_store *st)
{
    int64_t label = 0, c = case_collection(cx, st, "c"), s = case_sample(cx, st, c, 1, NULL);
    CASE_OK(cx, espy_store_label(cx, st, c, "STU001", "Ada Lovelace", &label));
    CASE_OK(cx, espy_store_sample_label(cx, st, s, label, "folder"));
    assert_int_equal(case_version(cx, st, c, "head", &s, 1), 1);
    CASE_OK(cx, espy_store_promote(cx, st, c, 1, "first"));
}

/* -- migrations and strangers ------------------------------------------------------------------ */
static void run_migration(void **state)
{
    (void)state;
    STARTED(cx, dir, url);
    static const pg_step next[] = {{3, pg_schema_3},
                                   {4, pg_schema_4},
                                   {5, pg_schema_5},
                                   {6, "ALTER TABLE labels ADD COLUMN note TEXT;"
                                       "UPDATE labels SET note = 'was ' || name"}};
    static const pg_step broken[] = {{3, pg_schema_3},
                                     {4, pg_schema_4},
                                     {5, pg_schema_5},
                                     {6, "ALTER TABLE labels ADD COLUMN note TEXT;"
                                         "ALTER TABLE nothing ADD COLUMN x TEXT"}};
    static const char columns[] =
        "SELECT count(*) FROM information_schema.columns"
        " WHERE table_schema = current_schema() AND table_name = 'labels'";
    espy_db *db = NULL;
    espy_store *st = NULL;
    CASE_OK(&cx, on->open(&cx, dir, &st));
    fill(&cx, st);
    espy_store_close(&cx, &st);
    /* a step that fails changes nothing, and the old program still opens it */
    CASE_FAILS(&cx, STORE, pg_open_schema(&cx, url, broken, 4, &db));
    assert_string_equal(pg_sql(url, columns), "11");
    CASE_OK(&cx, on->open(&cx, dir, &st));
    espy_store_close(&cx, &st);
    CASE_OK(&cx, pg_open_schema(&cx, url, next, 4, &db));
    pg_close(&cx, db);
    assert_string_equal(pg_sql(url, "SELECT version FROM espy_schema"), "6");
    assert_string_equal(pg_sql(url, "SELECT note FROM labels"), "was Ada Lovelace");
    CASE_OK(&cx, pg_open_schema(&cx, url, next, 4, &db)); /* again: nothing happens */
    pg_close(&cx, db);
    espy_err e = on->open(&cx, dir, &st); /* the older program refuses it */
    assert_int_equal(e, ESPY_E_FORMAT);
    assert_non_null(strstr(cx.text, "newer espy"));
    espy_clear(&cx);
    backend_end(&cx);
}

/* A schema 3 with rows comes forward with all of them. */
static void run_migration_from_3(void **state)
{
    (void)state;
    STARTED(cx, dir, url);
    static const pg_step three[] = {{3, pg_schema_3}};
    static const char hold[] =
        "INSERT INTO users (name, password, role, created) VALUES ('ada', 'h', 'admin', 1);"
        "INSERT INTO keys (owner, name, digest, created) VALUES (1, 'k', 'd', 1);"
        "INSERT INTO collections (name, modality, encoder, encoder_digest, precision, created, "
        "owner)"
        " VALUES ('c', 'face', 'pack', 'enc', 'f32', 1.5, 1);"
        "INSERT INTO labels (collection, code, name, created) VALUES (1, 'A', 'Ada Lovelace', 1);"
        "INSERT INTO sessions (collection, name, date, created) VALUES (1, 'm', '2026-03-02', 2.5);"
        "INSERT INTO media (collection, digest, bytes, source, created, session)"
        " VALUES (1, 'digest', 5, 'a.jpg', 1, 1);"
        "INSERT INTO attendance (session, label, day, present, source, time)"
        " VALUES (1, 1, '2026-03-02', 1, 'manual', 1);"
        "INSERT INTO jobs (collection, kind, state, request, created)"
        " VALUES (1, 'train', 'queued', '{}', 1)";
    espy_db *db = NULL;
    espy_store *st = NULL;
    int64_t id = 0;
    CASE_OK(&cx, pg_open_schema(&cx, url, three, 1, &db));
    CASE_OK(&cx, pg_run(&cx, (pg_db *)db, hold));
    pg_close(&cx, db);
    CASE_OK(&cx, on->open(&cx, dir, &st));
    assert_int_equal(case_collection(&cx, st, "next"), 2);
    CASE_OK(&cx, espy_store_session(&cx, st, 1, "m", "2026-03-02", &id));
    assert_int_equal(id, 1);
    espy_store_close(&cx, &st);
    static const char *const one[] = {
        "SELECT count(*) FROM collections WHERE id = 1 AND created = 1.5 AND deleted IS NULL",
        "SELECT count(*) FROM sessions WHERE state = 'open' AND opened = 2.5 AND detail = '{}'",
        "SELECT count(*) FROM keys WHERE scopes = 0 AND collection IS NULL",
        "SELECT count(*) FROM jobs WHERE exclusive = '' AND not_before IS NULL AND released = 0",
        "SELECT count(*) FROM attendansee_students WHERE first_name = 'Ada'",
        "SELECT count(*) FROM attendansee_sessions WHERE created_at = '1970-01-01 00:00:02'",
        "SELECT count(*) FROM attendansee_images WHERE session = 1 AND NOT is_processed",
        "SELECT count(*) FROM attendansee_manual_attendance WHERE is_present"};
    for (size_t i = 0; i < sizeof one / sizeof one[0]; i++)
        assert_string_equal(pg_sql(url, one[i]), "1");
    backend_end(&cx);
}

static void run_strangers(void **state)
{
    (void)state;
    STARTED(cx, dir, url);
    espy_store *st = NULL;
    static const char *const theirs[] = {
        "CREATE TABLE users (x TEXT)", "CREATE VIEW v AS SELECT 1", "CREATE SEQUENCE s",
        "CREATE TABLE espy_schema (version BIGINT)",
        "CREATE TABLE espy_schema (application TEXT, version TEXT)"};
    for (size_t i = 0; i < sizeof theirs / sizeof theirs[0]; i++) {
        pg_clear(dir);
        url = pg_schema(dir);
        pg_sql(url, theirs[i]);
        CASE_FAILS(&cx, FORMAT, on->open(&cx, dir, &st));
        assert_string_equal(pg_sql(url, "SELECT count(*) FROM pg_class WHERE relnamespace ="
                                        " current_schema()::regnamespace AND relkind <> 'i'"),
                            "1");
    }
    pg_clear(dir);
    url = pg_schema(dir);
    CASE_OK(&cx, on->open(&cx, dir, &st));
    espy_store_close(&cx, &st);
    pg_sql(url, "UPDATE espy_schema SET version = -3");
    CASE_FAILS(&cx, FORMAT, on->open(&cx, dir, &st));
    /* a schema that is not there, a database in another encoding, none at all */
    char other[400];
    snprintf(other, sizeof other, "%s%soptions=-csearch_path%%3Dnowhere", pg_server(),
             strchr(pg_server(), '?') != NULL ? "&" : "?");
    espy_db *db = NULL;
    CASE_FAILS(&cx, STORE, pg_open(&cx, other, &db));
    backend_end(&cx);
}

/* Nothing that is said tells a password, whatever the address looks like. */
static void run_passwords(void **state)
{
    (void)state;
    STARTED(cx, dir, url);
    (void)dir;
    (void)url;
    static const char *const bad[] = {"postgresql://me:hunter2@localhost:1/none",
                                      "postgresql://me:hunter2@localhost:99999999/x",
                                      "postgresql://me:hunter2@[::1/x",
                                      "postgresql://me:hunt%er2@localhost/x",
                                      "postgresql://me:hunter2@localhost/x?hunter2=1",
                                      "postgresql://localhost:1/x?password=hunter2",
                                      "postgresql://me:hunter2@no-such-host.invalid/x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        espy_db *db = NULL;
        espy_err e = pg_open(&cx, bad[i], &db);
        if ((e != ESPY_E_STORE && e != ESPY_E_ARG) || strstr(cx.text, "hunt") != NULL ||
            strchr(cx.text, '\n') != NULL || strlen(cx.text) < 20)
            fail_msg("%s: %s", bad[i], cx.text);
        espy_clear(&cx);
    }
    char *shown = NULL;
    CASE_OK(&cx,
            pg_show(&cx, "postgresql://me:hunter2@db.example:5433/espy?sslmode=require", &shown));
    assert_string_equal(shown, "postgresql://me@db.example:5433/espy");
    espy_free(&cx, shown);
    espy_store *st = NULL;
    CASE_FAILS(&cx, ARG,
               espy_store_open_at(&cx, &(espy_store_place){.dir = dir, .url = "mysql://x"}, &st));
    backend_end(&cx);
}

/* -- connections ------------------------------------------------------------------------------- */
static void hang_up(const char *url)
{
    pg_sql(url, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE application_name = 'espy'");
    usleep(50000);
}

static void run_lost(void **state)
{
    (void)state;
    STARTED(cx, dir, url);
    espy_store *st = NULL;
    espy_counts n;
    int64_t label = 0;
    CASE_OK(&cx, on->open(&cx, dir, &st));
    fill(&cx, st);
    /* outside a transaction the next begin makes a new one, unnoticed */
    hang_up(url);
    CASE_OK(&cx, espy_store_label(&cx, st, 1, "B", NULL, &label));
    CASE_OK(&cx, espy_store_begin(&cx, st));
    CASE_OK(&cx, espy_store_label(&cx, st, 1, "LOST", NULL, &label));
    hang_up(url);
    CASE_FAILS(&cx, STORE, espy_store_label(&cx, st, 1, "LOST2", NULL, &label));
    CASE_FAILS(&cx, STORE, espy_store_label(&cx, st, 1, "LOST3", NULL, &label));
    CASE_FAILS(&cx, STORE, espy_store_commit(&cx, st));
    espy_store_rollback(&cx, st);
    CASE_OK(&cx, espy_store_counts(&cx, st, 1, &n));
    assert_int_equal(n.labels, 2);
    CASE_OK(&cx, espy_store_begin(&cx, st));
    CASE_OK(&cx, espy_store_label(&cx, st, 1, "C", NULL, &label));
    hang_up(url);
    CASE_FAILS(&cx, STORE, espy_store_commit(&cx, st));
    espy_store_rollback(&cx, st);
    /* a single statement: told once, then all is well */
    CASE_OK(&cx, espy_store_counts(&cx, st, 1, &n));
    hang_up(url);
    assert_int_equal(espy_store_counts(&cx, st, 1, &n), ESPY_E_STORE);
    espy_clear(&cx);
    CASE_OK(&cx, espy_store_counts(&cx, st, 1, &n));
    assert_int_equal(n.labels, 2);
    espy_store_close(&cx, &st);
    backend_end(&cx);
}

/* A failure inside a transaction: nothing of it can be stored by what follows. */
static void run_ended(void **state)
{
    (void)state;
    STARTED(cx, dir, url);
    espy_store *st = NULL;
    espy_counts n;
    int64_t label = 0;
    (void)url;
    CASE_OK(&cx, on->open(&cx, dir, &st));
    fill(&cx, st);
    CASE_OK(&cx, espy_store_begin(&cx, st));
    CASE_OK(&cx, espy_store_label(&cx, st, 1, "LOST", NULL, &label));
    CASE_FAILS(&cx, STORE, pg_run(&cx, (pg_db *)st->db, "SELECT 1/0"));
    CASE_FAILS(&cx, STORE, espy_store_label(&cx, st, 1, "LOST2", NULL, &label));
    CASE_FAILS(&cx, STORE, espy_store_commit(&cx, st));
    espy_store_rollback(&cx, st);
    /* in an inner one: the outer goes on */
    CASE_OK(&cx, espy_store_begin(&cx, st));
    CASE_OK(&cx, espy_store_label(&cx, st, 1, "KEPT", NULL, &label));
    CASE_OK(&cx, espy_store_begin(&cx, st));
    CASE_FAILS(&cx, STORE, pg_run(&cx, (pg_db *)st->db, "SELECT 1/0"));
    espy_store_rollback(&cx, st);
    CASE_OK(&cx, espy_store_label(&cx, st, 1, "KEPT2", NULL, &label));
    CASE_OK(&cx, espy_store_commit(&cx, st));
    CASE_OK(&cx, espy_store_counts(&cx, st, 1, &n));
    assert_int_equal(n.labels, 3);
    /* reading ones may not write */
    CASE_OK(&cx, st->db->ops->begin(&cx, st->db, false));
    CASE_FAILS(&cx, STORE, espy_store_label(&cx, st, 1, "NO", NULL, &label));
    espy_store_rollback(&cx, st);
    espy_store_close(&cx, &st);
    backend_end(&cx);
}

/* Two writers: the second waits, and says so when it takes too long; readers and jobs do not wait.
 */
static void run_locks(void **state)
{
    (void)state;
    STARTED(cx, dir, url);
    espy_store *a = NULL, *b = NULL;
    espy_counts n;
    int64_t label = 0;
    (void)url;
    CASE_OK(&cx, on->open(&cx, dir, &a));
    CASE_OK(&cx, on->open(&cx, dir, &b));
    fill(&cx, a);
    CASE_OK(&cx, pg_run(&cx, (pg_db *)b->db, "SET lock_timeout = '300ms'"));
    CASE_OK(&cx, espy_store_begin(&cx, a));
    CASE_OK(&cx, espy_store_label(&cx, a, 1, "A", NULL, &label));
    CASE_FAILS(&cx, STORE, espy_store_begin(&cx, b));
    CASE_OK(&cx, espy_store_counts(&cx, b, 1, &n));
    assert_int_equal(n.labels, 1);
    CASE_OK(&cx, espy_store_commit(&cx, a));
    CASE_OK(&cx, espy_store_label(&cx, b, 1, "B", NULL, &label));
    /* a reading transaction sees one moment */
    CASE_OK(&cx, a->db->ops->begin(&cx, a->db, false));
    CASE_OK(&cx, espy_store_counts(&cx, a, 1, &n));
    CASE_OK(&cx, espy_store_label(&cx, b, 1, "C", NULL, &label));
    CASE_OK(&cx, espy_store_counts(&cx, a, 1, &n));
    assert_int_equal(n.labels, 3);
    espy_store_rollback(&cx, a);
    CASE_OK(&cx, espy_store_counts(&cx, a, 1, &n));
    assert_int_equal(n.labels, 4);
    espy_store_close(&cx, &a);
    espy_store_close(&cx, &b);
    backend_end(&cx);
}

static void run_settings(void **state)
{
    (void)state;
    STARTED(cx, dir, url);
    espy_store *st = NULL;
    char text[64];
    (void)url;
    CASE_OK(&cx, on->open(&cx, dir, &st));
    const char *const asked[][2] = {{"SHOW synchronous_commit", "on"},
                                    {"SHOW lock_timeout", PG_WAIT},
                                    {"SHOW client_encoding", "UTF8"},
                                    {"SHOW application_name", "espy"}};
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        CASE_OK(&cx, pg_ask(&cx, (pg_db *)st->db, asked[i][0], text, sizeof text));
        assert_string_equal(text, asked[i][1]);
    }
    espy_store_close(&cx, &st);
    backend_end(&cx);
}

/* -- statements -------------------------------------------------------------------------------- */
/* Other statements in between, a transaction too: the first keeps its place. */
static void run_read_ahead(void **state)
{
    (void)state;
    STARTED(cx, dir, url);
    espy_store *st = NULL;
    espy_db_rows *outer = NULL, *inner = NULL;
    int64_t label = 0, sum = 0;
    bool more = false;
    (void)url;
    CASE_OK(&cx, on->open(&cx, dir, &st));
    fill(&cx, st);
    static const char numbers[] = "SELECT x FROM generate_series(1, $1) AS x";
    static const char labels[] = "SELECT id FROM labels ORDER BY id";
    CASE_OK(&cx, pg_query(&cx, st->db, numbers, DB_ARGS(DB_INT(1000)), &outer));
    for (int i = 1; i <= 1000; i++) {
        CASE_OK(&cx, pg_next(&cx, outer, &more));
        assert_true(more);
        sum += pg_integer(outer, 0);
        if (i == 3)
            CASE_OK(&cx, espy_store_label(&cx, st, 1, "IN BETWEEN", NULL, &label));
        if (i % 100 == 0) {
            CASE_OK(&cx, pg_query(&cx, st->db, labels, NULL, 0, &inner));
            CASE_OK(&cx, pg_next(&cx, inner, &more));
            assert_int_equal(pg_integer(inner, 0), 1);
            pg_done(inner); /* before its end */
        }
    }
    CASE_OK(&cx, pg_next(&cx, outer, &more));
    assert_false(more);
    pg_done(outer);
    assert_int_equal(sum, 500500);
    /* a failure that comes after rows is told */
    static const char late[] = "SELECT 10 / ($1 - x) FROM generate_series(1, 2000) AS x";
    CASE_OK(&cx, pg_query(&cx, st->db, late, DB_ARGS(DB_INT(1500)), &outer));
    espy_err e = ESPY_E_OK;
    for (more = true; e == ESPY_E_OK && more;)
        e = pg_next(&cx, outer, &more);
    assert_int_equal(e, ESPY_E_STORE);
    espy_clear(&cx);
    pg_done(outer);
    /* numbers of all types, NULL among the arguments first, then a value */
    static const char types[] =
        "SELECT CAST(-7 AS SMALLINT), -70000, CAST(-1 AS BIGINT),"
        " sum(x), avg(x), CAST(0.5 AS REAL), CAST($1 AS BIGINT) IS NULL, COALESCE($1, 5),"
        " CAST(123456789012345 AS NUMERIC), -12345.0625"
        " FROM generate_series(1, 4) AS x";
    for (int i = 0; i < 3; i++) {
        espy_db_value v = i == 1 ? DB_INT(9) : DB_NONE;
        CASE_OK(&cx, pg_query(&cx, st->db, types, &v, 1, &outer));
        CASE_OK(&cx, pg_next(&cx, outer, &more));
        assert_true(pg_integer(outer, 0) == -7 && pg_integer(outer, 1) == -70000 &&
                    pg_integer(outer, 2) == -1 && pg_integer(outer, 3) == 10);
        assert_true(pg_real(outer, 4) == 2.5 && pg_real(outer, 5) == 0.5);
        assert_true(pg_integer(outer, 6) == (i != 1) && pg_integer(outer, 7) == (i == 1 ? 9 : 5));
        assert_true(pg_integer(outer, 8) == 123456789012345);
        assert_true(pg_real(outer, 9) > -12345.0626 && pg_real(outer, 9) < -12345.0624);
        pg_done(outer);
    }
    espy_store_close(&cx, &st);
    backend_end(&cx);
}

/* Paths that are not UTF-8 are mended; they are for people. */
static void run_bad_text(void **state)
{
    (void)state;
    STARTED(cx, dir, url);
    espy_store *st = NULL;
    espy_labelled *l = NULL;
    size_t n = 0;
    CASE_OK(&cx, on->open(&cx, dir, &st));
    fill(&cx, st);
    CASE_OK(&cx, espy_store_sample_source(&cx, st, 1, "photos/caf\xe9.jpg"));
    assert_string_equal(pg_sql(url, "SELECT source FROM media"), "photos/caf?.jpg");
    CASE_OK(&cx, espy_store_labelled(&cx, st, 1, "photos/caf\xe9", &l, &n));
    assert_int_equal(n, 1);
    espy_free(&cx, l);
    espy_store_close(&cx, &st);
    backend_end(&cx);
}

/* -- rules and views that live in the database ------------------------------------------------- */
static void run_triggers(void **state)
{
    (void)state;
    STARTED(cx, dir, url);
    static const char *const forbidden[] = {"UPDATE events SET actor = 'somebody'",
                                            "DELETE FROM events",
                                            "TRUNCATE events",
                                            "UPDATE versions SET head = 'knn'",
                                            "UPDATE samples SET labelled_by = 'robot'",
                                            "UPDATE embeddings SET vector = '\\x001122'"};
    espy_store *st = NULL;
    CASE_OK(&cx, on->open(&cx, dir, &st));
    fill(&cx, st);
    espy_store_close(&cx, &st);
    for (size_t i = 0; i < sizeof forbidden / sizeof forbidden[0]; i++) {
        const char *code = pg_sql_fails(url, forbidden[i]);
        if (strncmp(code, "23", 2) != 0)
            fail_msg("%s: %s", forbidden[i], code);
    }
    pg_sql(url, "BEGIN; INSERT INTO erasures (collection, token, created) VALUES (1, 't', 1);"
                "UPDATE events SET detail = NULL; UPDATE erasures SET done = 2; COMMIT");
    assert_string_equal(pg_sql_fails(url, "UPDATE events SET detail = NULL"), "23000");
    backend_end(&cx);
}

static void run_views(void **state)
{
    (void)state;
    STARTED(cx, dir, url);
    espy_store *st = NULL;
    CASE_OK(&cx, on->open(&cx, dir, &st));
    fill(&cx, st);
    espy_store_close(&cx, &st);
    assert_string_equal(
        pg_sql(url, "SELECT f.coordinates || ' ' || s.first_name || ' ' || s.last_name || ' ' ||"
                    " f.is_identified || ' ' || length(f.embedding) || ' ' || f.embedding_model"
                    " FROM attendansee_face_crops f JOIN attendansee_students s"
                    " ON s.id = f.student"),
        "0,10,50,60 Ada Lovelace true 16 pack");
    pg_sql(url, "UPDATE labels SET created = 1.75; UPDATE collections SET active = 0");
    assert_string_equal(pg_sql(url, "SELECT created_at FROM attendansee_students"),
                        "1970-01-01 00:00:01");
    assert_string_equal(pg_sql(url, "SELECT is_active FROM attendansee_classes"), "f");
    static const char *const views[] = {"users",  "classes",    "students",         "sessions",
                                        "images", "face_crops", "manual_attendance"};
    for (size_t i = 0; i < sizeof views / sizeof views[0]; i++) {
        char sql[100];
        snprintf(sql, sizeof sql, "SELECT count(*) FROM attendansee_%s", views[i]);
        pg_sql(url, sql);
    }
    backend_end(&cx);
}

/* -- what others announce ---------------------------------------------------------------------- */
static void run_changed(void **state)
{
    (void)state;
    for (const backend *b = backend_next(NULL); b != NULL; b = backend_next(b)) {
        espy_ctx cx;
        espy_store *a = NULL, *c = NULL;
        bool changed = false;
        espy_ctx_init(&cx);
        const char *dir = backend_begin(&cx, b);
        CASE_OK(&cx, b->open(&cx, dir, &a));
        CASE_OK(&cx, b->open(&cx, dir, &c));
        fill(&cx, a);
        CASE_OK(&cx, espy_store_changed(&cx, c, 0, &changed));
        assert_true(changed); /* the first call cannot tell */
        CASE_OK(&cx, espy_store_changed(&cx, c, 0.05, &changed));
        assert_false(changed);
        assert_int_equal(case_version(&cx, a, 1, "two", NULL, 0), 2);
        CASE_OK(&cx, espy_store_promote(&cx, a, 1, 2, "second"));
        double began = espy_time_monotonic();
        CASE_OK(&cx, espy_store_changed(&cx, c, 20, &changed));
        assert_true(changed && espy_time_monotonic() - began < 10);
        CASE_OK(&cx, espy_store_changed(&cx, c, 0, &changed));
        assert_false(changed);
        CASE_OK(&cx, espy_store_promote(&cx, c, 1, 1, "its own"));
        CASE_OK(&cx, espy_store_changed(&cx, c, 0.05, &changed));
        assert_false(changed);
        espy_store_close(&cx, &a);
        espy_store_close(&cx, &c);
        backend_end(&cx);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(run_migration),  cmocka_unit_test(run_migration_from_3),
        cmocka_unit_test(run_strangers),  cmocka_unit_test(run_passwords),
        cmocka_unit_test(run_lost),       cmocka_unit_test(run_ended),
        cmocka_unit_test(run_locks),      cmocka_unit_test(run_settings),
        cmocka_unit_test(run_read_ahead), cmocka_unit_test(run_bad_text),
        cmocka_unit_test(run_triggers),   cmocka_unit_test(run_views),
        cmocka_unit_test(run_changed)};
    if (pg_server() == NULL)
        test_skip_all("no PostgreSQL");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
