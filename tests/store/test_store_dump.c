/* SPDX-License-Identifier: Apache-2.0
 * Copies between all databases, backups and their restoring: everything arrives, ids go on where
 * they were; files that are cut off, changed or made by somebody hostile leave an empty store. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/tar.h"
#include "pg_server.h"
#include "store/group.h"
#include "store/job.h"
#include "store/label.h"
#include "store/session.h"
#include "store/setting.h"
#include "store/store_dump.h"
#include "store/user.h"
#include "store/webhook.h"
#include "store_case.h"
#include "support/support.h"

/* -- something of everything ------------------------------------------------------------------- */
static void fill(espy_ctx *cx, espy_store *st)
{
    static const char odd[] = "a \"quoted\" name\\ with \xc3\xa4\xe2\x82\xac";
    int64_t c = case_collection(cx, st, "c"), d = case_collection(cx, st, odd);
    int64_t label = 0, other = 0, session = 0, s[12], media = 0, gone = 0;
    bool there;
    char digest[ESPY_DIGEST_HEX];
    CASE_OK(cx, espy_store_label(cx, st, c, "ADA", odd, &label));
    CASE_OK(cx, espy_store_label(cx, st, c, "BOB", NULL, &other));
    CASE_OK(cx, espy_store_session(cx, st, c, "monday", "2026-11-23", &session));
    for (int i = 0; i < 12; i++)
        s[i] = case_sample(cx, st, i < 10 ? c : d, i, NULL);
    media = case_media(cx, st, c, 99, NULL);
    CASE_OK(cx, espy_store_media_session(cx, st, media, session, &there));
    for (int i = 0; i < 8; i++)
        CASE_OK(cx, espy_store_sample_label(cx, st, s[i], i % 2 ? label : other, "folder"));
    CASE_OK(cx, espy_store_sample_recording(cx, st, s[0], "tape 1", true));
    espy_scan points = case_scan(cx, 2, 3, 5);
    points.at[0].has_points = true;
    points.at[0].points[3] = -0.1f;
    points.at[0].score = 1.0f / 3;
    points.vectors[0] = -0.0f;
    CASE_OK(cx, espy_store_scan_put(cx, st, media, "largest", "enc2", "det2", &points));
    espy_scan_free(cx, &points);
    assert_int_equal(case_version(cx, st, c, "head one", s, 8), 1);
    assert_int_equal(case_version(cx, st, c, "head two", s, 4), 2);
    CASE_OK(cx, espy_store_promote(cx, st, c, 1, "first"));
    CASE_OK(cx, espy_store_promote(cx, st, c, 2, odd));
    CASE_OK(cx, espy_store_sample_source(cx, st, s[1], "/photos/line\tand \x01 odd"));
    /* what the server stands on */
    int64_t user = 0, id = 0, closed = 0;
    const bool yes = true;
    espy_once_word word;
    int status;
    char *body;
    const espy_once once = {.key = odd, .route = "POST /x", .request = "sha"};
    CASE_OK(cx, espy_store_user_add(cx, st,
                                    &(espy_user){.name = (char *)"ada",
                                                 .password = (char *)"h",
                                                 .role = (char *)"admin",
                                                 .detail = (char *)"{\"a\":1}"},
                                    &user));
    espy_key key = {.owner = user, .collection = c, .name = (char *)"k", .scopes = 5};
    espy_digest("key", 3, key.digest);
    CASE_OK(cx, espy_store_key_add(cx, st, &key, &id));
    CASE_OK(cx, espy_store_webhook_add(cx, st,
                                       &(espy_webhook){.owner = user,
                                                       .url = (char *)"http://x",
                                                       .events = (char *)"*",
                                                       .secret = (char *)"s"},
                                       &id));
    CASE_OK(cx, espy_store_setting_set(cx, st, "jwt", odd));
    CASE_OK(cx, espy_store_once_begin(cx, st, &once, &word, &status, &body));
    CASE_OK(cx, espy_store_once_finish(cx, st, &once, 201, odd));
    CASE_OK(cx, espy_store_session_add(cx, st,
                                       &(espy_session){.collection = d,
                                                       .owner = user,
                                                       .name = (char *)"tuesday",
                                                       .start_time = (char *)"09:00"},
                                       &closed));
    CASE_OK(cx, espy_store_session_update(cx, st, closed, &(espy_session_change){.closed = &yes}));
    CASE_OK(cx,
            espy_store_label_edit(cx, st, c, label,
                                  &(espy_label_change){.detail = "{}", .account = &user}, "user"));
    CASE_OK(cx, espy_store_job_order(cx, st,
                                     &(espy_job_order){.kind = "train",
                                                       .request = "{}",
                                                       .exclusive = "train:1",
                                                       .not_before = 1.5},
                                     &id));
    CASE_OK(cx, espy_store_session(cx, st, d, "taken away", NULL, &closed));
    CASE_OK(cx, espy_store_session_delete(cx, st, closed, "user"));
    CASE_OK(cx, espy_store_session(cx, st, d, "taken away", NULL, &closed));
    /* what was given out and is gone again */
    CASE_OK(cx, espy_store_begin(cx, st));
    CASE_OK(cx, espy_store_label(cx, st, c, "GONE", NULL, &gone));
    espy_store_rollback(cx, st);
    /* a photo that is larger than a part */
    espy_buf big;
    espy_buf_init(&big, (size_t)4 << 20);
    for (uint32_t i = 0; i < 400000; i++)
        CASE_OK(cx, espy_buf_append(cx, &big, &i, 4));
    espy_digest(big.data, big.size, digest);
    CASE_OK(cx, espy_store_media(cx, st, d, espy_span_of(&big), digest, "big.png", &media));
    espy_buf_free(cx, &big);
}

static void expect_nothing(espy_ctx *cx, espy_store *st)
{
    espy_collection *list = NULL;
    size_t n = 1;
    CASE_OK(cx, espy_store_collections(cx, st, &list, &n));
    assert_int_equal(n, 0);
    espy_free(cx, list);
}

static void expect_same(espy_ctx *cx, espy_store *a, espy_store *b)
{
    espy_buf x, y;
    espy_finding *f = NULL;
    size_t n = 0;
    case_parts(cx, a, &x);
    case_parts(cx, b, &y);
    assert_true(x.size > 3000);
    case_same(&x, &y);
    espy_buf_free(cx, &x);
    espy_buf_free(cx, &y);
    CASE_OK(cx, espy_store_check(cx, b, &f, &n));
    for (size_t i = 0; i < n; i++)
        assert_false(f[i].harm);
    espy_findings_free(cx, f, n);
}

/* -- copies ------------------------------------------------------------------------------------ */
static void copy_pair(const backend *from, const backend *to)
{
    espy_ctx cx;
    espy_store *a = NULL, *b = NULL;
    espy_copied done, again;
    espy_vectors v;
    espy_version version;
    espy_ctx_init(&cx);
    const char *dir_a = case_dir(&cx), *dir_b = case_dir(&cx);
    CASE_OK(&cx, from->open(&cx, dir_a, &a));
    CASE_OK(&cx, to->open(&cx, dir_b, &b));
    fill(&cx, a);
    CASE_OK(&cx, espy_store_copy(&cx, a, b, NULL, &done));
    assert_true(done.rows > 60 && done.media == 14 && done.missing == 0);
    expect_same(&cx, a, b);
    CASE_FAILS(&cx, EXISTS, espy_store_copy(&cx, a, b, NULL, &again));
    /* and it works on: versions, vectors, and ids that go on where they were */
    CASE_OK(&cx, espy_store_vectors(&cx, b, 1, 1, "enc", &v));
    assert_int_equal(v.n, 8);
    espy_vectors_free(&cx, &v);
    CASE_OK(&cx, espy_store_version(&cx, b, 1, 2, &version));
    assert_memory_equal(version.bytes.data, "head two", 8);
    espy_version_free(&cx, &version);
    int64_t in_a = case_collection(&cx, a, "next"), in_b = case_collection(&cx, b, "next");
    assert_true(in_a == in_b);
    CASE_OK(&cx, espy_store_label(&cx, a, 1, "NEXT", NULL, &in_a));
    CASE_OK(&cx, espy_store_label(&cx, b, 1, "NEXT", NULL, &in_b));
    assert_true(in_a == in_b);
    espy_store_close(&cx, &a);
    espy_store_close(&cx, &b);
    CASE_OK(&cx, espy_dir_remove(&cx, dir_a));
    CASE_OK(&cx, espy_dir_remove(&cx, dir_b));
    if (from->server)
        pg_clear(dir_a);
    if (to->server)
        pg_clear(dir_b);
}

static void run_copies(void **state)
{
    (void)state;
    for (const backend *a = backend_next(NULL); a != NULL; a = backend_next(a)) {
        for (const backend *b = backend_next(NULL); b != NULL; b = backend_next(b))
            copy_pair(a, b);
    }
}

/* -- backups ----------------------------------------------------------------------------------- */
static void run_backup(void **state)
{
    (void)state;
    for (const backend *b = backend_next(NULL); b != NULL; b = backend_next(b)) {
        espy_ctx cx;
        test_memory m;
        espy_store *a = NULL, *c = NULL;
        espy_copied out, in;
        char file[400];
        test_memory_init(&cx, &m);
        const char *dir = backend_begin(&cx, b);
        snprintf(file, sizeof file, "%s/all.espy.tar", dir);
        CASE_OK(&cx, b->open(&cx, dir, &a));
        fill(&cx, a);
        CASE_OK(&cx, espy_store_backup(&cx, a, file, NULL, &out));
        CASE_OK(&cx, espy_store_backup(&cx, a, file, NULL, &out)); /* in place of the other */
        assert_false(espy_file_exists(case_path(dir, "all.espy.tar.part")));
        const char *restored = case_path(dir, "restored");
        CASE_OK(&cx, espy_store_open(&cx, restored, &c));
        CASE_OK(&cx, espy_store_restore(&cx, c, file, NULL, &in));
        assert_string_equal(in.digest, out.digest);
        expect_same(&cx, a, c);
        CASE_FAILS(&cx, EXISTS, espy_store_restore(&cx, c, file, NULL, &in));

        /* what is missing is told, and the rest is kept */
        char digest[ESPY_DIGEST_HEX];
        case_media(&cx, c, 1, 99, digest);
        char *media = espy_store_media_path(&cx, c, digest);
        assert_int_equal(unlink(media), 0);
        espy_free(&cx, media);
        CASE_OK(&cx, espy_store_backup(&cx, c, file, NULL, &out));
        assert_int_equal(out.missing, 1);
        espy_store_close(&cx, &c);
        CASE_OK(&cx, espy_store_open(&cx, case_path(dir, "again"), &c));
        CASE_OK(&cx, espy_store_restore(&cx, c, file, NULL, &in));
        assert_true(in.missing == 1 && in.media == out.media);
        espy_store_close(&cx, &c);
        espy_store_close(&cx, &a);
        backend_end(&cx);
        assert_int_equal(m.live, 0);
    }
}

#define STARTED(cx, dir, st, file)                     \
    espy_ctx cx;                                       \
    espy_ctx_init(&cx);                                \
    on = backend_next(NULL);                           \
    const char *dir = backend_begin(&cx, on);          \
    espy_store *st = NULL;                             \
    char file[400];                                    \
    snprintf(file, sizeof file, "%s/backup.tar", dir); \
    CASE_OK(&cx, espy_store_open(&cx, dir, &st))

/* A small backup, and the store that it is of. */
static espy_buf small_backup(espy_ctx *cx, espy_store *st, const char *file, espy_copied *done)
{
    int64_t c = case_collection(cx, st, "c"), label = 0, s = case_sample(cx, st, c, 1, NULL);
    CASE_OK(cx, espy_store_label(cx, st, c, "A", NULL, &label));
    CASE_OK(cx, espy_store_sample_label(cx, st, s, label, "user"));
    assert_int_equal(case_version(cx, st, c, "head", &s, 1), 1);
    CASE_OK(cx, espy_store_backup(cx, st, file, NULL, done));
    return test_read(cx, file);
}

/* Cut off anywhere, or one bit different anywhere: refused, and the store stays empty; or, where
 * the bit means nothing (filling, the dates of a header are under its sum), everything is there. */
static void run_damage(void **state)
{
    (void)state;
    STARTED(cx, dir, st, file);
    espy_copied whole, got;
    espy_store *fresh = NULL;
    espy_buf good = small_backup(&cx, st, file, &whole);
    long refused = 0, kept = 0;
    CASE_OK(&cx, espy_store_open(&cx, case_path(dir, "fresh"), &fresh));
    for (size_t n = 0; n < good.size - 512; n += n < 2048 ? 1 : 97) {
        CASE_OK(&cx, espy_file_write(&cx, file, good.data, n));
        CASE_FAILS(&cx, FORMAT, espy_store_restore(&cx, fresh, file, NULL, &got));
    }
    expect_nothing(&cx, fresh);
    for (size_t at = 0; at < good.size; at += 13) {
        good.data[at] ^= (uint8_t)(1u << at % 8);
        CASE_OK(&cx, espy_file_write(&cx, file, good.data, good.size));
        good.data[at] ^= (uint8_t)(1u << at % 8);
        espy_err e = espy_store_restore(&cx, fresh, file, NULL, &got);
        if (e == ESPY_E_OK) {
            assert_string_equal(got.digest, whole.digest);
            kept++;
            espy_store_close(&cx, &fresh);
            CASE_OK(&cx, espy_dir_remove(&cx, case_path(dir, "fresh")));
            CASE_OK(&cx, espy_store_open(&cx, case_path(dir, "fresh"), &fresh));
            continue;
        }
        assert_true(e == ESPY_E_FORMAT || e == ESPY_E_DIGEST || e == ESPY_E_LIMIT);
        assert_non_null(strstr(cx.text, file));
        espy_clear(&cx);
        expect_nothing(&cx, fresh);
        refused++;
    }
    printf("%ld changed bits were refused, %ld mean nothing\n", refused, kept);
    assert_true(refused > kept);
    espy_store_close(&cx, &fresh);
    espy_store_close(&cx, &st);
    espy_buf_free(&cx, &good);
    backend_end(&cx);
}

/* An archive of these parts with right sums. */
static void forge(espy_ctx *cx, const char *file, const char *const (*parts)[2], size_t n)
{
    espy_tar t;
    espy_dump_list l;
    espy_dump_list_init(&l);
    CASE_OK(cx, espy_tar_create(cx, file, &t));
    for (size_t i = 0; i < n; i++) {
        espy_span s = {(const uint8_t *)parts[i][1], strlen(parts[i][1])};
        CASE_OK(cx, espy_tar_add(cx, &t, parts[i][0], s));
        CASE_OK(cx, espy_dump_note(cx, &l, parts[i][0], s));
    }
    CASE_OK(cx, espy_tar_add(cx, &t, "SHA256SUMS", espy_span_of(&l.sums)));
    CASE_OK(cx, espy_tar_finish(cx, &t));
    espy_tar_close(cx, &t);
    espy_buf_free(cx, &l.sums);
}

static espy_err keep_head(espy_ctx *cx, void *self, const char *name, espy_span bytes)
{
    if (strcmp(name, DUMP_HEAD) == 0)
        return espy_buf_append(cx, self, bytes.data, bytes.size);
    return ESPY_E_OK;
}

static void run_hostile(void **state)
{
    (void)state;
    STARTED(cx, dir, st, file);
    espy_copied got;
    espy_buf head;
    espy_buf_init(&head, 1 << 20);
    CASE_OK(&cx, espy_store_dump(&cx, st, NULL, keep_head, &head));
    char nul[80];
    snprintf(nul, sizeof nul, "media/%064d", 0);
    static const char user[] = "[1,\"a\",\"\",null,\"x\",\"admin\",1,1.0,\"{}\"]\n";
    static const char collection[] =
        "[1,\"c\",\"face\",\"p\",\"e\",\"f32\",0,1.0,null,\"\",1,null]\n";
    static const char media[] = "[1,1,\"../../../../etc/passwd\",5,\"\",1.0,null,null,0,null]\n";
    const char *const bad[][2] = {
        {"../../escape", "x"},
        {"/tmp/espy-escape", "x"},
        {"media/../../escape", "x"},
        {"media/ab", "x"},
        {nul, "not these bytes"},
        {"missing/ab", ""},
        {"rows/01-users/../../x", "[]\n"},
        {"rows/99-secrets/000001.jsonl", "[]\n"},
        {"rows/01-users/000001.jsonl", "[1]\n"},
        {"rows/01-users/000001.jsonl", "{}\n"},
        {"rows/01-users/000001.jsonl", "[1,\"a\""},
        {"rows/01-users/000001.jsonl", user + 1},
        {"rows/01-users/000001.jsonl", "[0,\"a\",\"\",null,\"x\",\"admin\",1,1.0,\"{}\"]\n"},
        {"rows/01-users/000001.jsonl", "[1,2,\"\",null,\"x\",\"admin\",1,1.0,\"{}\"]\n"},
        {"rows/01-users/000001.jsonl", "[1,\"a\",\"\",null,\"x\",\"god\",1,1.0,\"{}\"]\n"},
        {"rows/03-keys/000001.jsonl", "[1,77,\"k\",\"d\",1.0,null,null,1,null]\n"},
        {"rows/10-embeddings/000001.jsonl", "[1,\"e\",\"????\"]\n"},
        {"rows/10-embeddings/000001.jsonl", "[1,\"e\",\"AAA\"]\n"},
        {"store.json", "{}"},
        {"store.json", "[[[["}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *const parts[][2] = {{DUMP_HEAD, (const char *)head.data},
                                        {bad[i][0], bad[i][1]}};
        forge(&cx, file, parts, 2);
        espy_err e = espy_store_restore(&cx, st, file, NULL, &got);
        if (e == ESPY_E_OK || strstr(cx.text, file) == NULL || strchr(cx.text, '\n') != NULL)
            fail_msg("%s: %s, %s", bad[i][0], espy_err_text(e), cx.text);
        espy_clear(&cx);
        expect_nothing(&cx, st);
    }
    /* rows that name media that are not there, by no name of a media at all */
    const char *const parts[][2] = {{DUMP_HEAD, (const char *)head.data},
                                    {"rows/02-collections/000001.jsonl", collection},
                                    {"rows/06-media/000001.jsonl", media}};
    forge(&cx, file, parts, 3);
    CASE_FAILS(&cx, FORMAT, espy_store_restore(&cx, st, file, NULL, &got));
    forge(&cx, file, parts + 1, 2); /* no head */
    CASE_FAILS(&cx, FORMAT, espy_store_restore(&cx, st, file, NULL, &got));
    char *newer = strstr((char *)head.data, "\"schema\": 5");
    assert_non_null(newer);
    newer[10] = '9';
    forge(&cx, file, parts, 1);
    CASE_FAILS(&cx, FORMAT, espy_store_restore(&cx, st, file, NULL, &got));
    expect_nothing(&cx, st);
    assert_false(espy_file_exists("/tmp/espy-escape"));
    CASE_FAILS(&cx, NOT_FOUND, espy_store_restore(&cx, st, case_path(dir, "no"), NULL, &got));
    CASE_FAILS(&cx, IO, espy_store_backup(&cx, st, case_path(dir, "no/such"), NULL, &got));
    espy_store_close(&cx, &st);
    espy_buf_free(&cx, &head);
    backend_end(&cx);
}

/* -- what must not be forgotten ---------------------------------------------------------------- */
/* Every table is in the parts, with every column. */
static void run_complete(void **state)
{
    (void)state;
    STARTED(cx, dir, st, file);
    static const char tables[] =
        "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    static const char columns[] = "SELECT group_concat(name, ', ') FROM pragma_table_info($1)";
    int64_t n = 0;
    CASE_OK(&cx, espy_db_number(&cx, st, tables, NULL, 0, &n));
    assert_int_equal(n, espy_dump_tables_n + 1); /* unlinks */
    for (size_t i = 0; i < espy_dump_tables_n; i++) {
        const espy_dump_table *t = &espy_dump_tables[i];
        espy_db_rows *rows = NULL;
        char *names = NULL, text[400];
        bool more = false;
        CASE_OK(&cx, st->db->ops->query(&cx, st->db, columns, DB_ARGS(DB_TEXT(t->name)), &rows));
        CASE_OK(&cx, st->db->ops->next(&cx, rows, &more));
        CASE_OK(&cx, espy_db_text(&cx, st, rows, 0, &names));
        st->db->ops->done(rows);
        snprintf(text, sizeof text, "%s", t->columns);
        assert_string_equal(names, text);
        size_t commas = 0;
        for (const char *p = text; *p != '\0'; p++)
            commas += *p == ',';
        assert_int_equal(strlen(t->kinds), commas + 1);
        espy_free(&cx, names);
    }
    espy_store_close(&cx, &st);
    (void)file;
    backend_end(&cx);
}

static espy_err there_and_back(espy_ctx *cx, espy_store *st, const char *file, const char *dir)
{
    espy_store *to = NULL;
    espy_copied done;
    ESPY_TRY(espy_dir_remove(cx, dir));
    espy_err e = espy_store_backup(cx, st, file, NULL, &done);
    if (e == ESPY_E_OK)
        e = espy_store_open(cx, dir, &to);
    if (e == ESPY_E_OK)
        e = espy_store_restore(cx, to, file, NULL, &done);
    espy_store_close(cx, &to);
    return e;
}

static void run_faults(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    espy_store *st = NULL;
    espy_copied done;
    char file[400], to[400];
    test_memory_init(&cx, &m);
    const char *dir = backend_begin(&cx, backend_next(NULL));
    snprintf(file, sizeof file, "%s/backup.tar", dir);
    snprintf(to, sizeof to, "%s/to", dir);
    CASE_OK(&cx, espy_store_open(&cx, dir, &st));
    espy_buf b = small_backup(&cx, st, file, &done);
    espy_buf_free(&cx, &b);
    for (m.sticky = 0; m.sticky < 2; m.sticky++)
        TEST_FAULT_LOOP(&cx, &m, there_and_back(&cx, st, file, to), (void)0);
    espy_store_close(&cx, &st);
    backend_end(&cx);
    assert_int_equal(m.live, 0);
}

/* Others can open it: tar, sha256sum, and a reader in Python written from the documents. */
static void run_reader(void **state)
{
    (void)state;
    if (access("/usr/bin/python3", X_OK) != 0) {
        printf("SKIP: no python3\n");
        skip();
    }
    STARTED(cx, dir, st, file);
    espy_copied done;
    char command[1200], line[512] = "";
    fill(&cx, st);
    CASE_OK(&cx, espy_store_backup(&cx, st, file, NULL, &done));
    snprintf(command, sizeof command,
             "mkdir %s/x && tar -C %s/x -xf %s && (cd %s/x && sha256sum --quiet -c SHA256SUMS) &&"
             " /usr/bin/python3 %s %s",
             dir, dir, file, dir, test_source("tests/store/backup_reader.py"), file);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof line, f));
    assert_int_equal(pclose(f), 0);
    assert_string_equal(line, "{\"labels\": [\"a \\\"quoted\\\" name\\\\ with \\u00e4\\u20ac\","
                              " \"BOB\"], \"media\": 14, \"samples\": 14, \"sum\": 26404.5}\n");
    espy_store_close(&cx, &st);
    backend_end(&cx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(run_copies),  cmocka_unit_test(run_backup),   cmocka_unit_test(run_damage),
        cmocka_unit_test(run_hostile), cmocka_unit_test(run_complete), cmocka_unit_test(run_faults),
        cmocka_unit_test(run_reader)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
