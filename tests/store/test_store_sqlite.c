/* SPDX-License-Identifier: Apache-2.0
 * What only SQLite has: migrations and the copy before them, files that are not ours or damaged,
 * triggers, query plans, its own memory running out, the sqlite3 shell. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/store_sqlite.c" /* to reach its statics: the migrations are a parameter there */

#include "store/session.h"
#include "store_case.h"
#include "support/support.h"

/* -- SQLite's own allocator -------------------------------------------------------------------- */
static sqlite3_mem_methods memory_real;
static struct {
    long countdown; /* 1: the next one fails; 0: none */
    bool sticky, hit;
} memory;

static bool memory_fails(void)
{
    if (memory.countdown == 0 || --memory.countdown > 0)
        return false;
    memory.hit = true;
    if (memory.sticky)
        memory.countdown = 1;
    return true;
}

static void *memory_malloc(int n)
{
    return memory_fails() ? NULL : memory_real.xMalloc(n);
}

static void *memory_realloc(void *p, int n)
{
    return memory_fails() ? NULL : memory_real.xRealloc(p, n);
}

static void memory_install(void)
{
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &memory_real), SQLITE_OK);
    sqlite3_mem_methods m = memory_real;
    m.xMalloc = memory_malloc;
    m.xRealloc = memory_realloc;
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_MALLOC, &m), SQLITE_OK);
    /* small things from the general allocator too, so that each can fail */
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0), SQLITE_OK);
}

static void run_memory(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    test_memory_init(&cx, &m);
    const char *dir = case_dir(&cx);
    memory.countdown = LONG_MAX; /* how many there are */
    CASE_OK(&cx, case_life(&cx, espy_store_open, dir));
    const long all = LONG_MAX - memory.countdown;
    for (int sticky = 0; sticky < 2; sticky++) {
        long failed = 0, step = 1;
        for (long n = 1;; n += step) {
            memory.countdown = n;
            memory.sticky = sticky;
            memory.hit = false;
            espy_err e = case_life(&cx, espy_store_open, dir);
            memory.countdown = 0;
            if (e != ESPY_E_OK) {
                if (!memory.hit || e != ESPY_E_NOMEM)
                    fail_msg("allocation %ld: %s", n, cx.text);
                failed++;
            }
            espy_clear(&cx);
            assert_int_equal(m.live, 0);
            if (!memory.hit)
                break;
            step = n < 300 ? 1 : all / 1500 | 1; /* first opening; the rest repeats itself */
        }
        assert_true(failed > 100);
    }
    CASE_OK(&cx, espy_dir_remove(&cx, dir));
}

/* -- small helpers ----------------------------------------------------------------------------- */
static void shell(const char *dir, const char *sql)
{
    sqlite3 *h = NULL;
    char path[400];
    char *text = NULL;
    snprintf(path, sizeof path, "%s/store.db", dir);
    assert_int_equal(sqlite3_open(path, &h), SQLITE_OK);
    if (sqlite3_exec(h, sql, NULL, NULL, &text) != SQLITE_OK)
        fail_msg("%s: %s", sql, text);
    sqlite3_close(h);
}

static int64_t ask_file(const char *path, const char *sql)
{
    sqlite3 *h = NULL;
    sqlite3_stmt *s = NULL;
    assert_int_equal(sqlite3_open_v2(path, &h, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(h, sql, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    int64_t v = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    sqlite3_close(h);
    return v;
}

static void fill(espy_ctx *cx, const char *dir)
{
    espy_store *st = NULL;
    int64_t label = 0;
    CASE_OK(cx, espy_store_open(cx, dir, &st));
    int64_t c = case_collection(cx, st, "c"), s = case_sample(cx, st, c, 1, NULL);
    CASE_OK(cx, espy_store_label(cx, st, c, "STU001", "Ada", &label));
    CASE_OK(cx, espy_store_sample_label(cx, st, s, label, "folder"));
    assert_int_equal(case_version(cx, st, c, "head", &s, 1), 1);
    CASE_OK(cx, espy_store_promote(cx, st, c, 1, "first"));
    espy_store_close(cx, &st);
}

#define STARTED(cx, dir) \
    espy_ctx cx;         \
    espy_ctx_init(&cx);  \
    const char *dir = case_dir(&cx)

/* -- migrations -------------------------------------------------------------------------------- */
static void run_migration(void **state)
{
    (void)state;
    STARTED(cx, dir);
    static const char *const next[] = {sqlite_schema_1,
                                       sqlite_schema_2,
                                       sqlite_schema_3,
                                       sqlite_schema_4,
                                       sqlite_schema_5,
                                       "ALTER TABLE labels ADD COLUMN note TEXT;"
                                       "UPDATE labels SET note = 'was ' || name;"};
    static const char *const broken[] = {sqlite_schema_1,
                                         sqlite_schema_2,
                                         sqlite_schema_3,
                                         sqlite_schema_4,
                                         sqlite_schema_5,
                                         "ALTER TABLE labels ADD COLUMN note TEXT;"
                                         "ALTER TABLE nothing ADD COLUMN x TEXT;"};
    char path[400], copy[400];
    espy_db *db = NULL;
    fill(&cx, dir);
    snprintf(path, sizeof path, "%s/store.db", dir);
    snprintf(copy, sizeof copy, "%s/store.db.v%d.bak", dir, (int)SCHEMA_NEWEST);

    /* a step that fails changes nothing, and the old program still opens it */
    CASE_FAILS(&cx, STORE, sqlite_open_schema(&cx, dir, broken, SCHEMA_NEWEST + 1, &db));
    assert_int_equal(ask_file(path, "PRAGMA user_version"), SCHEMA_NEWEST);
    assert_int_equal(ask_file(path, "SELECT count(*) FROM pragma_table_info('labels')"), 11);
    assert_int_equal(unlink(copy), 0);
    espy_store *st = NULL;
    CASE_OK(&cx, espy_store_open(&cx, dir, &st));
    espy_store_close(&cx, &st);
    assert_false(espy_file_exists(copy));

    CASE_OK(&cx, sqlite_open_schema(&cx, dir, next, SCHEMA_NEWEST + 1, &db));
    sqlite_close(&cx, db);
    assert_int_equal(ask_file(path, "PRAGMA user_version"), SCHEMA_NEWEST + 1);
    assert_int_equal(ask_file(path, "PRAGMA application_id"), SCHEMA_APPLICATION);
    assert_int_equal(ask_file(path, "SELECT count(*) FROM labels WHERE note = 'was Ada'"), 1);
    /* the copy is the old store, whole */
    assert_int_equal(ask_file(copy, "PRAGMA user_version"), SCHEMA_NEWEST);
    assert_int_equal(ask_file(copy, "SELECT count(*) FROM samples WHERE label = 1"), 1);
    assert_int_equal(ask_file(copy, "SELECT count(*) FROM versions"), 1);
    assert_int_equal(ask_file(copy, "SELECT count(*) FROM pragma_integrity_check"
                                    " WHERE integrity_check = 'ok'"),
                     1);
    /* opening it again migrates and copies nothing; the older program refuses it */
    assert_int_equal(unlink(copy), 0);
    CASE_OK(&cx, sqlite_open_schema(&cx, dir, next, SCHEMA_NEWEST + 1, &db));
    sqlite_close(&cx, db);
    assert_false(espy_file_exists(copy));
    assert_int_equal(espy_store_open(&cx, dir, &st), ESPY_E_FORMAT);
    assert_non_null(strstr(cx.text, "newer espy"));
    espy_clear(&cx);
    CASE_OK(&cx, espy_dir_remove(&cx, dir));
}

/* A copy that cannot be made stops the migration before it begins. */
static int no_rename(const char *from, const char *to)
{
    (void)from;
    (void)to;
    return -1;
}

static void run_migration_without_copy(void **state)
{
    (void)state;
    STARTED(cx, dir);
    static const char *const next[] = {sqlite_schema_1, sqlite_schema_2,
                                       sqlite_schema_3, sqlite_schema_4,
                                       sqlite_schema_5, "ALTER TABLE labels ADD COLUMN note TEXT"};
    char path[400];
    espy_db *db = NULL;
    fill(&cx, dir);
    snprintf(path, sizeof path, "%s/store.db", dir);
    espy_io io = espy_io_posix;
    io.rename = no_rename;
    cx.io = &io;
    CASE_FAILS(&cx, IO, sqlite_open_schema(&cx, dir, next, SCHEMA_NEWEST + 1, &db));
    cx.io = &espy_io_posix;
    assert_int_equal(ask_file(path, "PRAGMA user_version"), SCHEMA_NEWEST);
    CASE_OK(&cx, espy_dir_remove(&cx, dir));
}

/* Stores that older schemas left, filled: brought forward with everything that they hold. */
static void run_migration_from_old(void **state)
{
    (void)state;
    static const char *const steps[] = {sqlite_schema_1, sqlite_schema_2, sqlite_schema_3,
                                        sqlite_schema_4};
    static const char hold[] =
        "INSERT INTO collections (id, name, modality, encoder, encoder_digest, precision,"
        " last_version, created) VALUES (1, 'c', 'face', 'pack', 'enc', 'f32', 1, 1.0);"
        "INSERT INTO labels (id, collection, code, name, created)"
        " VALUES (1, 1, 'ADA', 'Ada Lovelace', 1.0);"
        "INSERT INTO media (id, collection, digest, bytes, source, created)"
        " VALUES (1, 1, 'digest', 5, 'a.jpg', 1.0);"
        "INSERT INTO scans VALUES (1, 1, 'all', 'enc', 'det', 8, 8, NULL, 1.0);"
        "INSERT INTO samples (id, media, detector_digest, box_x, box_y, box_w, box_h, points, "
        "whole,"
        " score, sharpness, label, labelled_by, created)"
        " VALUES (1, 1, 'det', 1, 2, 3, 4, NULL, 0, 0.9, 5, 1, 'user', 1.0);"
        "INSERT INTO scan_samples VALUES (1, 0, 1);"
        "INSERT INTO embeddings VALUES (1, 'enc', zeroblob(512));"
        "INSERT INTO versions VALUES (1, 1, 1, 'svm', 'd', 1.0, '{}', x'00');"
        "INSERT INTO version_samples VALUES (1, 1, 1);"
        "INSERT INTO aliases VALUES (1, 'live', 1);"
        "INSERT INTO events VALUES (1, 1.0, 1, 'user', 'sample.label', 1, 1, NULL, NULL);";
    for (size_t old = 1; old <= sizeof steps / sizeof steps[0]; old++) {
        STARTED(cx, dir);
        char path[400];
        espy_db *db = NULL;
        espy_store *st = NULL;
        snprintf(path, sizeof path, "%s/store.db", dir);
        CASE_OK(&cx, espy_dir_make(&cx, dir));
        CASE_OK(&cx, sqlite_open_schema(&cx, dir, steps, old, &db));
        assert_int_equal(sqlite3_exec(((sqlite_db *)db)->handle, hold, NULL, NULL, NULL),
                         SQLITE_OK);
        sqlite_close(&cx, db);
        CASE_OK(&cx, espy_store_open(&cx, dir, &st));
        espy_store_close(&cx, &st);
        assert_int_equal(ask_file(path, "PRAGMA user_version"), SCHEMA_NEWEST);
        assert_int_equal(ask_file(path, "SELECT count(*) FROM media WHERE source = 'a.jpg'"
                                        " AND recording IS NULL AND session IS NULL AND probe = 0"),
                         1);
        assert_int_equal(ask_file(path, "SELECT count(*) FROM attendansee_face_crops f"
                                        " JOIN attendansee_students s ON s.id = f.student"
                                        " WHERE f.coordinates = '1,2,3,4' AND f.is_identified = 1"
                                        " AND f.embedding_model = 'facenet'"
                                        " AND s.first_name = 'Ada' AND s.last_name = 'Lovelace'"),
                         1);
        assert_int_equal(ask_file(path,
                                  "SELECT count(*) FROM versions v JOIN aliases a"
                                  " ON a.number = v.number JOIN version_samples x"
                                  " ON x.version = v.id JOIN events e ON e.sample = x.sample"),
                         1);
        CASE_OK(&cx, espy_dir_remove(&cx, dir));
    }
}

/* Schema 4 makes two tables anew: their rows stay, ids that were given out are not given again, and
 * a name is free once its row was deleted. */
static void run_migration_from_3(void **state)
{
    (void)state;
    STARTED(cx, dir);
    static const char *const three[] = {sqlite_schema_1, sqlite_schema_2, sqlite_schema_3};
    static const char hold[] =
        "INSERT INTO users (id, name, password, role, created) VALUES (4, 'ada', 'h', 'admin', 1);"
        "INSERT INTO keys (owner, name, digest, created) VALUES (4, 'k', 'd', 1);"
        "INSERT INTO collections (id, name, modality, encoder, encoder_digest, precision,"
        " last_version, created, owner, description, active)"
        " VALUES (2, 'c', 'face', 'pack', 'enc', 'f32', 7, 1.5, 4, 'about', 0);"
        "INSERT INTO collections (id, name, modality, encoder, encoder_digest, precision, created)"
        " VALUES (9, 'gone', 'face', 'p', 'e', 'f32', 1);"
        "DELETE FROM collections WHERE id = 9;"
        "INSERT INTO labels (id, collection, code, name, created) VALUES (1, 2, 'A', 'Ada', 1);"
        "INSERT INTO sessions (id, collection, name, date, start_time, notes, created)"
        " VALUES (3, 2, 'monday', '2026-03-02', '09:00:00', 'text', 2.5);"
        "INSERT INTO sessions (id, collection, name, created) VALUES (8, 2, 'gone', 1);"
        "DELETE FROM sessions WHERE id = 8;"
        "INSERT INTO media (id, collection, digest, bytes, source, created, session)"
        " VALUES (1, 2, printf('%064d', 1), 5, 'a.jpg', 1, 3);"
        "INSERT INTO attendance (session, label, day, present, source, time)"
        " VALUES (3, 1, '2026-03-02', 1, 'manual', 1);"
        "INSERT INTO jobs (collection, kind, state, request, created)"
        " VALUES (2, 'train', 'queued', '{}', 1);";
    char path[400];
    espy_db *db = NULL;
    espy_store *st = NULL;
    int64_t id = 0;
    snprintf(path, sizeof path, "%s/store.db", dir);
    CASE_OK(&cx, espy_dir_make(&cx, dir));
    CASE_OK(&cx, sqlite_open_schema(&cx, dir, three, 3, &db));
    assert_int_equal(sqlite3_exec(((sqlite_db *)db)->handle, hold, NULL, NULL, NULL), SQLITE_OK);
    sqlite_close(&cx, db);
    CASE_OK(&cx, espy_store_open(&cx, dir, &st));
    assert_int_equal(case_collection(&cx, st, "next"), 10);
    CASE_OK(&cx, espy_store_session(&cx, st, 2, "tuesday", NULL, &id));
    assert_int_equal(id, 9);
    CASE_OK(&cx, espy_store_session(&cx, st, 2, "monday", "2026-03-02", &id));
    assert_int_equal(id, 3);
    espy_finding *findings = NULL;
    size_t n = 0;
    CASE_OK(&cx, espy_store_check(&cx, st, &findings, &n));
    for (size_t i = 0; i < n; i++) /* the made-up media has no file */
        assert_null(strstr(findings[i].item, "store.db"));
    espy_findings_free(&cx, findings, n);
    espy_store_close(&cx, &st);
    static const char *const one[] = {
        ("SELECT count(*) FROM collections WHERE id = 2 AND name = 'c' AND last_version = 7"
         " AND created = 1.5 AND owner = 4 AND description = 'about' AND active = 0"
         " AND deleted IS NULL"),
        ("SELECT count(*) FROM sessions WHERE id = 3 AND date = '2026-03-02' AND notes = 'text'"
         " AND start_time = '09:00:00' AND state = 'open' AND opened = 2.5 AND closed IS NULL"),
        "SELECT count(*) FROM media WHERE session = 3 AND deleted IS NULL",
        "SELECT count(*) FROM keys WHERE owner = 4 AND scopes = 0 AND collection IS NULL",
        "SELECT count(*) FROM jobs WHERE exclusive = '' AND not_before IS NULL AND released = 0",
        "SELECT count(*) FROM attendansee_manual_attendance WHERE session = 3 AND is_present = 1",
        "SELECT count(*) FROM attendansee_sessions WHERE id = 3 AND class_session = 2",
        "SELECT count(*) = 0 FROM pragma_foreign_key_check"};
    for (size_t i = 0; i < sizeof one / sizeof one[0]; i++)
        assert_int_equal(ask_file(path, one[i]), 1);
    CASE_OK(&cx, espy_dir_remove(&cx, dir));
}

/* -- files that are not a store, or no longer -------------------------------------------------- */
static void refuse(espy_ctx *cx, const char *dir, const char *word)
{
    espy_store *st = NULL;
    espy_err e = espy_store_open(cx, dir, &st);
    if (e != ESPY_E_FORMAT || strstr(cx->text, word) == NULL || strstr(cx->text, dir) == NULL)
        fail_msg("wanted '%s', got %s: %s", word, espy_err_text(e), cx->text);
    assert_null(st);
    espy_clear(cx);
}

static void run_strangers(void **state)
{
    (void)state;
    STARTED(cx, dir);
    char path[400];
    snprintf(path, sizeof path, "%s/store.db", dir);
    CASE_OK(&cx, espy_dir_make(&cx, dir));
    char text[2048];
    memset(text, 'x', sizeof text);
    CASE_OK(&cx, espy_file_write(&cx, path, text, sizeof text));
    refuse(&cx, dir, "is not an espy store");
    espy_buf b = test_read(&cx, path); /* and is left as it was */
    assert_true(b.size == sizeof text && memcmp(b.data, text, sizeof text) == 0);
    espy_buf_free(&cx, &b);

    assert_int_equal(unlink(path), 0);
    shell(dir, "CREATE TABLE theirs (x)");
    refuse(&cx, dir, "another program");
    assert_int_equal(ask_file(path, "SELECT count(*) FROM sqlite_schema"), 1);
    shell(dir, "DROP TABLE theirs; PRAGMA application_id=7");
    refuse(&cx, dir, "another program");
    shell(dir, "PRAGMA application_id=0x45535059; PRAGMA user_version=-3");
    refuse(&cx, dir, "damaged");

    assert_int_equal(unlink(path), 0);
    CASE_OK(&cx, espy_file_write(&cx, path, "", 0)); /* an empty file becomes a store */
    fill(&cx, dir);
    CASE_OK(&cx, espy_dir_remove(&cx, dir));
}

/* Every page of a store spoilt in turn: opening, reading and checking say so or are right. */
static void run_damage(void **state)
{
    (void)state;
    STARTED(cx, dir);
    char path[400], text[600];
    fill(&cx, dir);
    snprintf(path, sizeof path, "%s/store.db", dir);
    espy_buf good = test_read(&cx, path);
    long said = 0, pages = (long)(good.size / 8192);
    for (long page = 0; page < pages; page++) {
        espy_store *st = NULL;
        espy_counts n;
        espy_vectors v = {0};
        espy_version version = {0};
        espy_finding *f = NULL;
        size_t findings = 0;
        uint8_t *p = good.data + page * 8192 + (page == 0 ? 100 : 0), kept[64];
        memcpy(kept, p, sizeof kept);
        for (size_t i = 0; i < sizeof kept; i++)
            p[i] ^= (uint8_t)(i * 37 + 5);
        CASE_OK(&cx, espy_file_write(&cx, path, good.data, good.size));
        memcpy(p, kept, sizeof kept);
        espy_err e = espy_store_open(&cx, dir, &st);
        if (e == ESPY_E_OK)
            e = espy_store_check(&cx, st, &f, &findings);
        if (e == ESPY_E_OK)
            e = espy_store_counts(&cx, st, 1, &n);
        if (e == ESPY_E_OK)
            e = espy_store_vectors(&cx, st, 1, 0, "enc", &v);
        if (e == ESPY_E_OK)
            e = espy_store_version(&cx, st, 1, 1, &version);
        if (e != ESPY_E_OK)
            assert_true(cx.code == e && strlen(cx.text) > 10);
        said += e != ESPY_E_OK || findings > 0;
        snprintf(text, sizeof text, "%s-wal", path);
        espy_clear(&cx);
        espy_vectors_free(&cx, &v);
        espy_version_free(&cx, &version);
        espy_findings_free(&cx, f, findings);
        espy_store_close(&cx, &st);
        (void)unlink(text);
    }
    printf("%ld of %ld damaged pages were found\n", said, pages);
    assert_int_equal(said, pages);
    CASE_OK(&cx, espy_file_write(&cx, path, good.data, good.size / 2)); /* cut off */
    espy_store *st = NULL;
    espy_finding *f = NULL;
    size_t findings = 0;
    espy_err e = espy_store_open(&cx, dir, &st);
    if (e == ESPY_E_OK)
        e = espy_store_check(&cx, st, &f, &findings);
    assert_true(e == ESPY_E_FORMAT || findings > 0);
    espy_findings_free(&cx, f, findings);
    espy_store_close(&cx, &st);
    espy_buf_free(&cx, &good);
    espy_clear(&cx);
    CASE_OK(&cx, espy_dir_remove(&cx, dir));
}

/* A head that was changed behind the store's back is refused where no file of it is left. */
static void run_spoilt_head(void **state)
{
    (void)state;
    STARTED(cx, dir);
    char path[400];
    espy_store *st = NULL;
    espy_version v;
    espy_finding *f = NULL;
    size_t n = 0;
    fill(&cx, dir);
    shell(dir, "DROP TRIGGER versions_fixed; UPDATE versions SET bytes = x'00112233'");
    snprintf(path, sizeof path, "%s/collections", dir);
    CASE_OK(&cx, espy_dir_remove(&cx, path));
    CASE_OK(&cx, espy_store_open(&cx, dir, &st));
    CASE_FAILS(&cx, DIGEST, espy_store_version(&cx, st, 1, 1, &v));
    CASE_OK(&cx, espy_store_check(&cx, st, &f, &n));
    assert_int_equal(n, 1);
    assert_true(f[0].harm);
    espy_findings_free(&cx, f, n);
    shell(dir, "UPDATE versions SET json = '{\"version\": 1'");
    CASE_FAILS(&cx, FORMAT, espy_store_version(&cx, st, 1, 1, &v));
    espy_store_close(&cx, &st);
    CASE_OK(&cx, espy_dir_remove(&cx, dir));
}

/* -- rules that live in the file --------------------------------------------------------------- */
static void run_triggers(void **state)
{
    (void)state;
    STARTED(cx, dir);
    static const char *const forbidden[] = {
        "UPDATE events SET actor = 'somebody'", "DELETE FROM events",
        "UPDATE versions SET head = 'knn'", "UPDATE samples SET labelled_by = 'robot'",
        "UPDATE embeddings SET vector = x'001122'"};
    char path[400];
    fill(&cx, dir);
    snprintf(path, sizeof path, "%s/store.db", dir);
    sqlite3 *h = NULL;
    assert_int_equal(sqlite3_open(path, &h), SQLITE_OK);
    for (size_t i = 0; i < sizeof forbidden / sizeof forbidden[0]; i++)
        assert_int_equal(sqlite3_exec(h, forbidden[i], NULL, NULL, NULL), SQLITE_CONSTRAINT);
    sqlite3_close(h);
    CASE_OK(&cx, espy_dir_remove(&cx, dir));
}

/* A transaction that SQLite ended by itself (here: no room) takes nothing more. */
static void run_ended_transaction(void **state)
{
    (void)state;
    STARTED(cx, dir);
    espy_store *st = NULL;
    espy_counts n;
    int64_t id = 0;
    fill(&cx, dir);
    CASE_OK(&cx, espy_store_open(&cx, dir, &st));
    sqlite_db *db = (sqlite_db *)st->db;
    CASE_OK(&cx, sqlite_run(&cx, db, "PRAGMA max_page_count=1")); /* no larger than it is */
    CASE_OK(&cx, espy_store_begin(&cx, st));
    CASE_OK(&cx, espy_store_label(&cx, st, 1, "lost", NULL, &id));
    espy_scan s = case_scan(&cx, 40, 4096, 1);
    CASE_FAILS(&cx, IO, espy_store_scan_put(&cx, st, 1, "big", "enc2", "det2", &s));
    espy_scan_free(&cx, &s);
    if (sqlite3_get_autocommit(db->handle)) {
        CASE_FAILS(&cx, STORE, espy_store_label(&cx, st, 1, "alone", NULL, &id));
        CASE_FAILS(&cx, STORE, espy_store_commit(&cx, st));
    }
    espy_store_rollback(&cx, st);
    CASE_OK(&cx, sqlite_run(&cx, db, "PRAGMA max_page_count=100000"));
    CASE_OK(&cx, espy_store_counts(&cx, st, 1, &n));
    assert_int_equal(n.labels, 1);
    CASE_OK(&cx, espy_store_label(&cx, st, 1, "again", NULL, &id));

    /* the same, ended under its feet */
    CASE_OK(&cx, espy_store_begin(&cx, st));
    CASE_OK(&cx, espy_store_begin(&cx, st));
    CASE_OK(&cx, sqlite_run(&cx, db, "ROLLBACK"));
    CASE_FAILS(&cx, STORE, espy_store_label(&cx, st, 1, "alone", NULL, &id));
    espy_store_rollback(&cx, st);
    CASE_FAILS(&cx, STORE, espy_store_begin(&cx, st));
    espy_store_rollback(&cx, st);
    CASE_OK(&cx, espy_store_counts(&cx, st, 1, &n));
    assert_int_equal(n.labels, 2);
    espy_store_close(&cx, &st);
    CASE_OK(&cx, espy_dir_remove(&cx, dir));
}

/* Settings that durability and safety rest on. */
static void run_settings(void **state)
{
    (void)state;
    STARTED(cx, dir);
    espy_store *st = NULL;
    int64_t v = -1;
    fill(&cx, dir);
    CASE_OK(&cx, espy_store_open(&cx, dir, &st));
    sqlite_db *db = (sqlite_db *)st->db;
    const struct {
        const char *sql;
        int64_t want;
    } asked[] = {{"PRAGMA synchronous", 2},
                 {"PRAGMA foreign_keys", 1},
                 {"PRAGMA trusted_schema", 0},
                 {"PRAGMA page_size", 8192},
                 {"PRAGMA user_version", SCHEMA_NEWEST},
                 {"PRAGMA busy_timeout", STEP_WAIT_MS},
                 {"PRAGMA cell_size_check", 1},
                 {"PRAGMA application_id", SCHEMA_APPLICATION},
                 {"SELECT journal_mode = 'wal' FROM pragma_journal_mode", 1}};
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        CASE_OK(&cx, sqlite_ask(&cx, db, asked[i].sql, &v));
        if (v != asked[i].want)
            fail_msg("%s: %lld", asked[i].sql, (long long)v);
    }
    espy_store_close(&cx, &st);
    CASE_OK(&cx, espy_dir_remove(&cx, dir));
}

/* Vectors come in order without sorting, every step through an index. */
static void run_plans(void **state)
{
    (void)state;
    STARTED(cx, dir);
    espy_store *st = NULL;
    espy_vectors v;
    sqlite3_stmt *s = NULL;
    fill(&cx, dir);
    CASE_OK(&cx, espy_store_open(&cx, dir, &st));
    for (int64_t version = 0; version < 2; version++) {
        CASE_OK(&cx, espy_store_vectors(&cx, st, 1, version, "enc", &v));
        espy_vectors_free(&cx, &v);
    }
    sqlite_db *db = (sqlite_db *)st->db;
    int seen = 0;
    for (const espy_db_rows *r = db->cache; r != NULL; r = r->next) {
        char sql[1024];
        if (strstr(r->sql, "e.vector") == NULL || strstr(r->sql, "ORDER BY l.code") == NULL)
            continue;
        seen++;
        snprintf(sql, sizeof sql, "EXPLAIN QUERY PLAN %s", r->sql);
        assert_int_equal(sqlite3_prepare_v2(db->handle, sql, -1, &s, NULL), SQLITE_OK);
        while (sqlite3_step(s) == SQLITE_ROW) {
            const char *step = (const char *)sqlite3_column_text(s, 3);
            if (strstr(step, "TEMP B-TREE") != NULL || strncmp(step, "SCAN", 4) == 0)
                fail_msg("%s: %s", r->sql, step);
        }
        sqlite3_finalize(s);
    }
    assert_int_equal(seen, 2);
    espy_store_close(&cx, &st);
    CASE_OK(&cx, espy_dir_remove(&cx, dir));
}

/* -- a second opinion -------------------------------------------------------------------------- */
static void run_shell(void **state)
{
    (void)state;
    if (access("/usr/bin/sqlite3", X_OK) != 0) {
        printf("SKIP: no sqlite3 shell\n");
        skip();
    }
    STARTED(cx, dir);
    char command[1200], line[256] = "";
    fill(&cx, dir);
    snprintf(command, sizeof command,
             "/usr/bin/sqlite3 %s/store.db \"SELECT c.name, l.code, l.name, s.labelled_by,"
             " length(e.vector), v.number, v.head, a.alias, (SELECT count(*) FROM events)"
             " FROM collections c, labels l, samples s, embeddings e, versions v, aliases a\"",
             dir);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof line, f));
    pclose(f);
    assert_string_equal(line, "c|STU001|Ada|folder|16|1|svm|live|5\n");
    CASE_OK(&cx, espy_dir_remove(&cx, dir));
}

/* A reader in another language, written from the documents, finds what was put in. */
static void run_reader(void **state)
{
    (void)state;
    if (access("/usr/bin/python3", X_OK) != 0) {
        printf("SKIP: no python3\n");
        skip();
    }
    STARTED(cx, dir);
    char command[1200], line[512] = "";
    fill(&cx, dir);
    snprintf(command, sizeof command, "/usr/bin/python3 %s %s enc",
             test_source("tests/store/store_reader.py"), dir);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof line, f));
    assert_int_equal(pclose(f), 0);
    /* case_scan(): 100 + 0, 1, 2, 3 sixteenths */
    assert_string_equal(line, "{\"counts\": {\"collections\": 1, \"labels\": 1, \"media\": 1,"
                              " \"samples\": 1, \"embeddings\": 1, \"events\": 5}, \"versions\":"
                              " [[1, \"svm\", 1, 400.375]], \"live\": [1]}\n");
    CASE_OK(&cx, espy_dir_remove(&cx, dir));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(run_migration),
                                       cmocka_unit_test(run_migration_without_copy),
                                       cmocka_unit_test(run_migration_from_old),
                                       cmocka_unit_test(run_migration_from_3),
                                       cmocka_unit_test(run_strangers),
                                       cmocka_unit_test(run_damage),
                                       cmocka_unit_test(run_spoilt_head),
                                       cmocka_unit_test(run_triggers),
                                       cmocka_unit_test(run_ended_transaction),
                                       cmocka_unit_test(run_settings),
                                       cmocka_unit_test(run_plans),
                                       cmocka_unit_test(run_shell),
                                       cmocka_unit_test(run_reader),
                                       cmocka_unit_test(run_memory)};
    memory_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
