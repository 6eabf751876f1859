/* SPDX-License-Identifier: Apache-2.0
 * What every store must do, whatever database is below: known cases, and long random sequences of
 * operations (transactions, rollbacks and reopening among them) against a model in memory.
 * Another backend joins by a line in pg_server.c. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/random.h"
#include "base/text.h"
#include "pg_server.h"
#include "store/store.h"
#include "store_case.h"
#include "support/support.h"

/* Behind the store's back: media get other bytes, NULL: are gone. */
static void spoil_media(espy_ctx *cx, espy_store *st, const char *digest, const char *content)
{
    char sql[256];
    if (on->rows) {
        if (content == NULL)
            snprintf(sql, sizeof sql, "DELETE FROM media_bytes WHERE digest = '%s'", digest);
        else
            snprintf(sql, sizeof sql, "UPDATE media_bytes SET bytes = '%s' WHERE digest = '%s'",
                     content, digest);
        pg_sql(pg_schema(on_dir), sql);
        return;
    }
    char *path = espy_store_media_path(cx, st, digest);
    if (content == NULL)
        assert_int_equal(unlink(path), 0);
    else
        CASE_OK(cx, espy_file_write(cx, path, content, strlen(content)));
    espy_free(cx, path);
}

/* -- known cases ------------------------------------------------------------------------------- */
static void test_collections(espy_ctx *cx, espy_store *st)
{
    espy_collection c = {0}, *list = NULL;
    size_t n = 0;
    int64_t b = case_collection(cx, st, "b"), a = case_collection(cx, st, "a");
    assert_true(a > 0 && b > 0 && a != b);
    CASE_FAILS(cx, EXISTS, espy_store_collection_create(cx, st, &case_template("a"), &a));
    CASE_FAILS(cx, ARG, espy_store_collection_create(cx, st, &case_template(""), &a));
    CASE_FAILS(cx, ARG, espy_store_collection_create(cx, st, &case_template("line\nbreak"), &a));
    CASE_FAILS(cx, NOT_FOUND, espy_store_collection(cx, st, "c", &c));
    CASE_OK(cx, espy_store_collection(cx, st, "a", &c));
    assert_true(c.id == a);
    assert_string_equal(c.modality, "face");
    assert_string_equal(c.encoder, "pack");
    assert_string_equal(c.precision, "f32");
    espy_collection_free(cx, &c);
    CASE_OK(cx, espy_store_collections(cx, st, &list, &n));
    assert_int_equal(n, 2);
    assert_string_equal(list[0].name, "a");
    for (size_t i = 0; i < n; i++)
        espy_collection_free(cx, &list[i]);
    espy_free(cx, list);
}

static void test_labels(espy_ctx *cx, espy_store *st)
{
    int64_t c = case_collection(cx, st, "c"), one = 0, two = 0, again = 0;
    espy_label *l = NULL;
    espy_event *ev = NULL;
    size_t n = 0;
    CASE_OK(cx, espy_store_label(cx, st, c, "STU002", "Max", &two));
    CASE_OK(cx, espy_store_label(cx, st, c, "STU001", NULL, &one));
    CASE_OK(cx, espy_store_label(cx, st, c, "STU002", NULL, &again));
    assert_true(again == two);
    CASE_OK(cx, espy_store_label(cx, st, c, "STU002", "Möritz", &again));
    assert_true(again == two);
    CASE_FAILS(cx, ARG, espy_store_label(cx, st, c, "", "x", &again));
    CASE_FAILS(cx, ARG, espy_store_label(cx, st, c, "bad\xff", "x", &again));
    assert_int_not_equal(espy_store_label(cx, st, c + 77, "X", "x", &again), ESPY_E_OK);
    espy_clear(cx);
    CASE_OK(cx, espy_store_labels(cx, st, c, &l, &n));
    assert_int_equal(n, 2);
    assert_string_equal(l[0].code, "STU001");
    assert_string_equal(l[0].name, "STU001");
    assert_string_equal(l[1].name, "Möritz");
    espy_labels_free(cx, l, n);
    CASE_OK(cx, espy_store_events(cx, st, c, 0, 100, &ev, &n));
    assert_int_equal(n, 4); /* collection.create, label.create twice, label.rename */
    assert_string_equal(ev[3].action, "label.rename");
    assert_true(ev[3].label == two);
    assert_non_null(strstr(ev[3].detail, "\"Max\""));
    espy_events_free(cx, ev, n);
}

static void test_media(espy_ctx *cx, espy_store *st)
{
    int64_t c = case_collection(cx, st, "c"), m = 0, again = 0;
    char digest[ESPY_DIGEST_HEX];
    espy_span bytes = {(const uint8_t *)"photo", 5};
    espy_buf b;
    espy_digest(bytes.data, bytes.size, digest);
    CASE_OK(cx, espy_store_media(cx, st, c, bytes, digest, "a/photo.jpg", &m));
    CASE_OK(cx, espy_store_media(cx, st, c, bytes, digest, "b/photo.jpg", &again));
    assert_true(m == again);
    CASE_OK(cx, espy_store_media_bytes(cx, st, digest, 100, &b));
    assert_int_equal(b.size, 5);
    assert_memory_equal(b.data, "photo", 5);
    espy_buf_free(cx, &b);
    CASE_FAILS(cx, LIMIT, espy_store_media_bytes(cx, st, digest, 4, &b));

    /* a file that was cut off is written again, a changed one is told */
    spoil_media(cx, st, digest, "pho");
    CASE_FAILS(cx, DIGEST, espy_store_media_bytes(cx, st, digest, 100, &b));
    CASE_OK(cx, espy_store_media(cx, st, c, bytes, digest, "a/photo.jpg", &again));
    CASE_OK(cx, espy_store_media_bytes(cx, st, digest, 100, &b));
    espy_buf_free(cx, &b);
    spoil_media(cx, st, digest, NULL);
    CASE_FAILS(cx, NOT_FOUND, espy_store_media_bytes(cx, st, digest, 100, &b));

    digest[0] = digest[0] == '0' ? '1' : '0';
    CASE_FAILS(cx, DIGEST, espy_store_media(cx, st, c, bytes, digest, "x", &again));
    CASE_FAILS(cx, ARG, espy_store_media(cx, st, c, bytes, "../../etc/passwd", "x", &again));
}

/* A scan without an error, one that says why not, one without embeddings, nonsense. */
static void test_scans(espy_ctx *cx, espy_store *st)
{
    int64_t c = case_collection(cx, st, "c");
    char digest[ESPY_DIGEST_HEX];
    int64_t m = case_media(cx, st, c, 1, digest);
    espy_scan s, got = {0};
    assert_int_equal(espy_store_scan_get(cx, st, c, digest, "all", "enc", &got), ESPY_E_NOT_FOUND);
    assert_int_equal(cx->code, ESPY_E_OK); /* not noted */

    s = case_scan(cx, 2, 4, 7);
    s.at[0].has_points = true;
    s.at[0].points[9] = 12.25f;
    s.at[1].whole = true;
    CASE_OK(cx, espy_store_scan_put(cx, st, m, "all", "enc", "det", &s));
    assert_true(s.media == m && s.at[0].id > 0 && s.at[1].id > 0 && s.at[0].id != s.at[1].id);
    CASE_OK(cx, espy_store_scan_get(cx, st, c, digest, "all", "enc", &got));
    assert_true(got.media == m && got.width == 640 && got.height == 480 && got.n == 2 &&
                got.dim == 4);
    assert_null(got.error);
    for (size_t i = 0; i < 2; i++) {
        assert_true(got.at[i].id == s.at[i].id && got.at[i].label == 0);
        assert_memory_equal(got.at[i].box, s.at[i].box, sizeof s.at[i].box);
        assert_memory_equal(got.at[i].embedding, s.at[i].embedding, 4 * sizeof(float));
        assert_true(got.at[i].whole == s.at[i].whole);
        assert_true(got.at[i].has_points == s.at[i].has_points);
        assert_true(got.at[i].score == s.at[i].score && got.at[i].sharpness == s.at[i].sharpness);
    }
    assert_true(got.at[0].points[9] == 12.25f);
    espy_scan_free(cx, &got);

    /* the same faces under a second encoder: the same samples, one more embedding each */
    espy_scan t = case_scan(cx, 2, 6, 8);
    t.at[1].whole = true;
    CASE_OK(cx, espy_store_scan_put(cx, st, m, "all", "other", "det", &t));
    assert_true(t.at[0].id == s.at[0].id && t.at[1].id == s.at[1].id);
    espy_scan_free(cx, &t);
    espy_scan_free(cx, &s);

    s = (espy_scan){.error = espy_strdup(cx, "no face was found"), .width = 10, .height = 20};
    CASE_OK(cx, espy_store_scan_put(cx, st, m, "largest", "enc", "det", &s));
    espy_scan_free(cx, &s);
    CASE_OK(cx, espy_store_scan_get(cx, st, c, digest, "largest", "enc", &got));
    assert_string_equal(got.error, "no face was found");
    assert_int_equal(got.n, 0);
    espy_scan_free(cx, &got);

    s = case_scan(cx, 1, 4, 9);
    s.at[0].embedding = NULL; /* detected only */
    CASE_OK(cx, espy_store_scan_put(cx, st, m, "detect", "enc9", "det9", &s));
    CASE_OK(cx, espy_store_scan_get(cx, st, c, digest, "detect", "enc9", &got));
    assert_int_equal(got.dim, 0);
    assert_null(got.at[0].embedding);
    espy_scan_free(cx, &got);
    s.at[0].score = NAN;
    CASE_FAILS(cx, ARG, espy_store_scan_put(cx, st, m, "all", "enc9", "det9", &s));
    s.at[0].score = 1;
    CASE_FAILS(cx, NOT_FOUND, espy_store_scan_put(cx, st, m + 9, "all", "enc9", "det9", &s));
    espy_scan_free(cx, &s);
}

/* A scan made in one collection serves another, without its labels. */
static void test_scan_shared(espy_ctx *cx, espy_store *st)
{
    int64_t a = case_collection(cx, st, "a"), b = case_collection(cx, st, "b"), label = 0;
    char digest[ESPY_DIGEST_HEX];
    espy_counts counts;
    espy_scan got = {0};
    int64_t sample = case_sample(cx, st, a, 3, digest);
    CASE_OK(cx, espy_store_label(cx, st, a, "A", NULL, &label));
    CASE_OK(cx, espy_store_sample_label(cx, st, sample, label, "user"));
    CASE_OK(cx, espy_store_scan_get(cx, st, b, digest, "all", "enc", &got));
    assert_int_equal(got.n, 1);
    assert_int_equal(got.dim, 4);
    assert_true(got.at[0].id != sample && got.at[0].label == 0);
    espy_scan_free(cx, &got);
    CASE_OK(cx, espy_store_counts(cx, st, b, &counts));
    assert_true(counts.media == 1 && counts.samples == 1 && counts.embeddings == 1);
    CASE_OK(cx, espy_store_counts(cx, st, a, &counts));
    assert_true(counts.media == 1 && counts.samples == 1 && counts.labelled == 1);
}

static void test_human_labels(espy_ctx *cx, espy_store *st)
{
    int64_t c = case_collection(cx, st, "c"), d = case_collection(cx, st, "d"), a, b, foreign;
    int64_t s = case_sample(cx, st, c, 4, NULL);
    espy_counts before, after;
    espy_labelled *list = NULL;
    size_t n = 0;
    CASE_OK(cx, espy_store_label(cx, st, c, "A", NULL, &a));
    CASE_OK(cx, espy_store_label(cx, st, c, "B", NULL, &b));
    CASE_OK(cx, espy_store_label(cx, st, d, "A", NULL, &foreign));
    CASE_OK(cx, espy_store_sample_label(cx, st, s, 0, "folder")); /* nothing to take off */
    CASE_OK(cx, espy_store_counts(cx, st, c, &before));
    CASE_OK(cx, espy_store_sample_label(cx, st, s, a, "folder"));
    CASE_OK(cx, espy_store_sample_label(cx, st, s, a, "folder")); /* the same again: no event */
    CASE_OK(cx, espy_store_sample_label(cx, st, s, b, "job"));
    CASE_OK(cx, espy_store_sample_label(cx, st, s, b, "user")); /* confirmed: an event */
    CASE_OK(cx, espy_store_counts(cx, st, c, &after));
    assert_int_equal(after.events - before.events, 3);
    CASE_FAILS(cx, EXISTS, espy_store_sample_label(cx, st, s, a, "folder"));
    CASE_FAILS(cx, EXISTS, espy_store_sample_label(cx, st, s, 0, "job"));
    CASE_OK(cx, espy_store_sample_label(cx, st, s, b, "folder")); /* agrees: fine, still human */
    CASE_OK(cx, espy_store_labelled(cx, st, c, NULL, &list, &n));
    assert_int_equal(n, 1);
    assert_true(list[0].sample == s && list[0].label == b);
    assert_string_equal(list[0].actor, "user");
    espy_free(cx, list);
    CASE_OK(cx, espy_store_sample_label(cx, st, s, 0, "user"));
    CASE_FAILS(cx, EXISTS,
               espy_store_sample_label(cx, st, s, a, "folder")); /* "nobody" is kept too */
    CASE_OK(cx, espy_store_sample_label(cx, st, s, a, "user"));
    CASE_FAILS(cx, ARG, espy_store_sample_label(cx, st, s, foreign, "user"));
    CASE_FAILS(cx, ARG, espy_store_sample_label(cx, st, s, a, "robot"));
    CASE_FAILS(cx, NOT_FOUND, espy_store_sample_label(cx, st, s + 99, a, "user"));
}

static void test_versions(espy_ctx *cx, espy_store *st)
{
    int64_t c = case_collection(cx, st, "c"), a = 0, live = -1, previous = -1;
    int64_t s[2] = {case_sample(cx, st, c, 5, NULL), case_sample(cx, st, c, 6, NULL)};
    espy_vectors v = {0};
    espy_version got, *list = NULL;
    size_t n = 0;
    CASE_OK(cx, espy_store_label(cx, st, c, "A", NULL, &a));
    CASE_OK(cx, espy_store_vectors(cx, st, c, 0, "enc", &v));
    assert_true(v.n == 0 && v.dim == 0);
    espy_vectors_free(cx, &v);
    CASE_OK(cx, espy_store_sample_label(cx, st, s[0], a, "folder"));
    assert_int_equal(case_version(cx, st, c, "one", s, 2), -1); /* the second has no label */
    CASE_OK(cx, espy_store_sample_label(cx, st, s[1], a, "folder"));
    int64_t twice[2] = {s[0], s[0]};
    assert_int_equal(case_version(cx, st, c, "one", twice, 2), -1);
    assert_int_equal(case_version(cx, st, c, "one", s, 2), 1);
    assert_int_equal(case_version(cx, st, c, "two", s, 1), 2);
    assert_int_equal(case_version(cx, st, c + 50, "two", s, 1), -1);

    CASE_OK(cx, espy_store_alias(cx, st, c, "live", &live));
    assert_int_equal(live, 0);
    CASE_FAILS(cx, NOT_FOUND, espy_store_promote(cx, st, c, 3, "no such"));
    CASE_OK(cx, espy_store_promote(cx, st, c, 1, "first"));
    CASE_OK(cx, espy_store_promote(cx, st, c, 2, NULL));
    CASE_OK(cx, espy_store_promote(cx, st, c, 2, "again: nothing"));
    CASE_OK(cx, espy_store_alias(cx, st, c, "live", &live));
    CASE_OK(cx, espy_store_alias(cx, st, c, "previous", &previous));
    assert_true(live == 2 && previous == 1);

    CASE_OK(cx, espy_store_version(cx, st, c, 1, &got));
    assert_true(got.number == 1 && got.created > 1e9 && got.bytes.size == 3);
    assert_string_equal(got.head, "svm");
    assert_memory_equal(got.bytes.data, "one", 3);
    assert_string_equal(espy_json_string(espy_json_get(got.json, "head_sha256"), ""), got.digest);
    assert_int_equal(espy_json_int(espy_json_get(got.json, "version"), 0), 1);
    assert_string_equal(espy_json_string(espy_json_get(got.json, "note"), ""), "test");
    espy_version_free(cx, &got);
    CASE_FAILS(cx, NOT_FOUND, espy_store_version(cx, st, c, 9, &got));
    CASE_OK(cx, espy_store_versions(cx, st, c, &list, &n));
    assert_int_equal(n, 2);
    assert_true(list[0].number == 2 && list[1].number == 1 && list[0].bytes.size == 0);
    espy_versions_free(cx, list, n);

    /* the lineage keeps the labels of then */
    CASE_OK(cx, espy_store_sample_label(cx, st, s[0], 0, "user"));
    CASE_OK(cx, espy_store_vectors(cx, st, c, 1, "enc", &v));
    assert_true(v.n == 2 && v.dim == 4 && v.label[0] == a && v.sample[0] == s[0]);
    espy_vectors_free(cx, &v);
    CASE_OK(cx, espy_store_vectors(cx, st, c, 0, "enc", &v));
    assert_true(v.n == 1 && v.sample[0] == s[1]);
    espy_vectors_free(cx, &v);
    CASE_FAILS(cx, DATA, espy_store_vectors(cx, st, c, 1, "another", &v));
    CASE_FAILS(cx, NOT_FOUND, espy_store_vectors(cx, st, c, 3, "enc", &v));
}

/* The cache of files: as documented, made again when missing or damaged, never believed. */
static void test_cache(espy_ctx *cx, espy_store *st)
{
    int64_t c = case_collection(cx, st, "c");
    char folder[512], json[600], head[600];
    espy_version got;
    espy_finding *f = NULL;
    size_t n = 0;
    assert_int_equal(case_version(cx, st, c, "bytes", NULL, 0), 1);
    snprintf(folder, sizeof folder, "%s/collections/%lld/versions/1", espy_store_dir(st),
             (long long)c);
    snprintf(json, sizeof json, "%s/version.json", folder);
    snprintf(head, sizeof head, "%s/head.safetensors", folder);
    for (int damage = 0; damage < 6; damage++) {
        assert_true(espy_file_exists(json) && espy_file_exists(head));
        CASE_OK(cx, espy_store_check(cx, st, &f, &n));
        assert_int_equal(n, 0);
        espy_findings_free(cx, f, n);
        switch (damage) {
        case 0:
            CASE_OK(cx, espy_file_write(cx, head, "BYTES", 5));
            break;
        case 1:
            CASE_OK(cx, espy_file_write(cx, head, "byte", 4));
            break;
        case 2:
            CASE_OK(cx, espy_file_write(cx, json, "{}", 2));
            break;
        case 3:
            assert_int_equal(unlink(head), 0);
            break;
        case 4:
            assert_int_equal(unlink(json), 0);
            CASE_OK(cx, espy_dir_make(cx, json)); /* a folder in its place */
            break;
        default:
            CASE_OK(cx, espy_dir_remove(cx, folder));
            break;
        }
        CASE_OK(cx, espy_store_check(cx, st, &f, &n));
        assert_int_equal(n, 1);
        assert_false(f[0].harm);
        espy_findings_free(cx, f, n);
        CASE_OK(cx, espy_store_version(cx, st, c, 1, &got));
        assert_memory_equal(got.bytes.data, "bytes", 5);
        espy_version_free(cx, &got);
    }
}

/* What is rolled back leaves no trace, a version's number and files included. */
static void test_transactions(espy_ctx *cx, espy_store *st)
{
    char path[512];
    espy_counts counts;
    CASE_OK(cx, espy_store_begin(cx, st));
    int64_t c = case_collection(cx, st, "c"), id = 0;
    CASE_OK(cx, espy_store_begin(cx, st));
    CASE_OK(cx, espy_store_label(cx, st, c, "gone", NULL, &id));
    assert_int_equal(case_version(cx, st, c, "gone", NULL, 0), 1);
    espy_store_rollback(cx, st);
    snprintf(path, sizeof path, "%s/collections/%lld/versions/1", espy_store_dir(st), (long long)c);
    CASE_OK(cx, espy_store_begin(cx, st));
    assert_int_equal(case_version(cx, st, c, "kept", NULL, 0), 1);
    CASE_OK(cx, espy_store_commit(cx, st));
    assert_false(espy_dir_exists(path)); /* not before the outermost commit */
    CASE_OK(cx, espy_store_commit(cx, st));
    assert_true(espy_dir_exists(path));
    CASE_OK(cx, espy_store_counts(cx, st, c, &counts));
    assert_true(counts.labels == 0 && counts.versions == 1);
    CASE_FAILS(cx, INTERNAL, espy_store_commit(cx, st));
    espy_store_rollback(cx, st); /* nothing is open: nothing happens */
}

static void test_check_finds(espy_ctx *cx, espy_store *st)
{
    int64_t c = case_collection(cx, st, "c");
    char digest[2][ESPY_DIGEST_HEX];
    espy_finding *f = NULL;
    size_t n = 0;
    for (int i = 0; i < 2; i++)
        case_media(cx, st, c, 20 + i, digest[i]);
    case_media(cx, st, c, 30, NULL);
    spoil_media(cx, st, digest[0], NULL);
    spoil_media(cx, st, digest[1], "other content");
    CASE_OK(cx, espy_store_check(cx, st, &f, &n));
    assert_int_equal(n, 2);
    for (size_t i = 0; i < n; i++) {
        assert_true(f[i].harm);
        bool is_gone = strstr(f[i].item, digest[0]) != NULL;
        assert_true(is_gone || strstr(f[i].item, digest[1]) != NULL);
        assert_non_null(strstr(f[i].text, is_gone ? "missing" : "damaged"));
    }
    espy_findings_free(cx, f, n);
}

/* -- the model --------------------------------------------------------------------------------- */
enum { COLLECTIONS = 2, MEDIA = 6, MODES = 2, ENCODERS = 3, PLACES = 4, LABELS = 5, VERSIONS = 24 };
enum { SAMPLES = COLLECTIONS * MEDIA * 2 * PLACES }; /* two detectors */
static const char *const encoder_name[ENCODERS] = {"enc-a", "enc-b", "enc-c"};
static const char *const detector_name[ENCODERS] = {"det-1", "det-1", "det-2"};
static const size_t encoder_dim[ENCODERS] = {4, 6, 3};
static const char *const mode_name[MODES] = {"all", "largest"};
static const char *const actor_name[3] = {"folder", "user", "job"};

typedef struct model_sample {
    int64_t id;
    int collection, media, detector, place;
    int label, actor;     /* label -1 none; actor -1 nobody */
    int serial[ENCODERS]; /* 0: no embedding; else what its numbers are made of */
} model_sample;

typedef struct model_scan {
    bool there, error;
    int n, sample[PLACES];
} model_scan;

typedef struct model {
    int64_t collection[COLLECTIONS], events[COLLECTIONS];
    int64_t media[COLLECTIONS][MEDIA];
    int64_t label[COLLECTIONS][LABELS];
    int rename[COLLECTIONS][LABELS];
    model_scan scan[COLLECTIONS][MEDIA][MODES][ENCODERS];
    model_sample sample[SAMPLES];
    int samples;
    int versions[COLLECTIONS];
    int lineage[COLLECTIONS][VERSIONS][SAMPLES], lineage_n[COLLECTIONS][VERSIONS];
    int lineage_label[COLLECTIONS][VERSIONS][SAMPLES];
    int live[COLLECTIONS], previous[COLLECTIONS];
} model;

typedef struct model_run {
    espy_ctx *cx;
    espy_store *st;
    const backend *b;
    const char *dir;
    espy_random random;
    model now, outer, inner; /* outer, inner: what a rollback brings back */
    int depth, serial;
} model_run;

static int model_below(model_run *r, int n)
{
    return (int)espy_random_below(&r->random, (uint32_t)n);
}

static float model_number(int serial, size_t k)
{
    return (float)(serial * 31 + (int)k) / 7.0f;
}

static void model_digest(int media, char out[ESPY_DIGEST_HEX])
{
    char text[32];
    int n = snprintf(text, sizeof text, "model media %d", media);
    espy_digest(text, (size_t)n, out);
}

/* Finds or makes the model's sample; mirrors "the same detector at the same place". */
static int model_sample_at(model *m, const model_scan *s, int c, int media, int detector, int place)
{
    for (int i = 0; i < m->samples; i++) {
        model_sample *p = &m->sample[i];
        bool used = false;
        for (int k = 0; k < s->n; k++)
            used = used || s->sample[k] == i;
        if (!used && p->collection == c && p->media == media && p->detector == detector &&
            p->place == place)
            return i;
    }
    m->sample[m->samples] = (model_sample){0, c, media, detector, place, -1, -1, {0}};
    return m->samples++;
}

static void model_scan_file(model *m, int c, int media, int mode, int enc, int n, const int *place,
                            const int *serial)
{
    model_scan s = {.there = true, .error = n == 0};
    for (int i = 0; i < n; i++) {
        int at = model_sample_at(m, &s, c, media, enc == 2, place[i]);
        if (m->sample[at].serial[enc] == 0)
            m->sample[at].serial[enc] = serial[i];
        s.sample[s.n++] = at;
    }
    m->scan[c][media][mode][enc] = s;
}

static void do_label(model_run *r)
{
    model *m = &r->now;
    int c = model_below(r, COLLECTIONS), l = model_below(r, LABELS), name = 1 + model_below(r, 3);
    char code[16], text[32];
    int64_t id = 0;
    snprintf(code, sizeof code, "L%d", l);
    snprintf(text, sizeof text, "name %d", name);
    CASE_OK(r->cx, espy_store_label(r->cx, r->st, m->collection[c], code, text, &id));
    if (m->label[c][l] != 0)
        assert_true(m->label[c][l] == id);
    m->events[c] += m->rename[c][l] != name; /* 0: created */
    m->label[c][l] = id;
    m->rename[c][l] = name;
}

static void do_media(model_run *r)
{
    model *m = &r->now;
    int c = model_below(r, COLLECTIONS), k = model_below(r, MEDIA);
    char digest[ESPY_DIGEST_HEX], text[32];
    int64_t id = 0;
    int n = snprintf(text, sizeof text, "model media %d", k);
    model_digest(k, digest);
    espy_span bytes = {(const uint8_t *)text, (size_t)n};
    CASE_OK(r->cx,
            espy_store_media(r->cx, r->st, m->collection[c], bytes, digest, "somewhere", &id));
    if (m->media[c][k] != 0)
        assert_true(m->media[c][k] == id);
    m->media[c][k] = id;
}

static void do_scan_put(model_run *r)
{
    model *m = &r->now;
    int c = model_below(r, COLLECTIONS), k = model_below(r, MEDIA), mode = model_below(r, MODES);
    int enc = model_below(r, ENCODERS), n = model_below(r, PLACES + 1);
    int place[PLACES] = {0}, serial[PLACES] = {0};
    uint32_t order[PLACES] = {0, 1, 2, 3};
    if (m->media[c][k] == 0)
        return;
    espy_random_shuffle(&r->random, order, PLACES);
    espy_scan s = case_scan(r->cx, (size_t)n, encoder_dim[enc], 1);
    for (int i = 0; i < n; i++) {
        place[i] = (int)order[i];
        serial[i] = ++r->serial;
        s.at[i].box[0] = 100.0f * (float)place[i] + 0.1f * (float)model_below(r, 4);
        for (size_t d = 0; d < s.dim; d++)
            s.vectors[(size_t)i * s.dim + d] = model_number(serial[i], d);
    }
    if (n == 0)
        s.error = espy_strdup(r->cx, "no face");
    CASE_OK(r->cx, espy_store_scan_put(r->cx, r->st, m->media[c][k], mode_name[mode],
                                       encoder_name[enc], detector_name[enc], &s));
    model_scan_file(m, c, k, mode, enc, n, place, serial);
    const model_scan *f = &m->scan[c][k][mode][enc];
    for (int i = 0; i < n; i++) {
        model_sample *p = &m->sample[f->sample[i]];
        if (p->id == 0)
            p->id = s.at[i].id;
        assert_true(p->id == s.at[i].id);
        assert_true(s.at[i].label == (p->label < 0 ? 0 : m->label[c][p->label]));
    }
    espy_scan_free(r->cx, &s);
}

/* Which collection serves a scan, or -1; the lowest scan id is the first that was made, which the
 * model does not track, so with two collections there is one other. */
static void do_scan_get(model_run *r)
{
    model *m = &r->now;
    int c = model_below(r, COLLECTIONS), k = model_below(r, MEDIA), mode = model_below(r, MODES);
    int enc = model_below(r, ENCODERS), o = 1 - c;
    char digest[ESPY_DIGEST_HEX];
    espy_scan s = {0};
    model_digest(k, digest);
    espy_err e = espy_store_scan_get(r->cx, r->st, m->collection[c], digest, mode_name[mode],
                                     encoder_name[enc], &s);
    const model_scan *own = &m->scan[c][k][mode][enc], *other = &m->scan[o][k][mode][enc];
    if (!own->there && !other->there) {
        assert_int_equal(e, ESPY_E_NOT_FOUND);
        assert_int_equal(r->cx->code, ESPY_E_OK);
        return;
    }
    assert_int_equal(e, ESPY_E_OK);
    if (!own->there) { /* copied: a media row, samples, embeddings */
        int place[PLACES] = {0}, serial[PLACES] = {0};
        for (int i = 0; i < other->n; i++) {
            place[i] = m->sample[other->sample[i]].place;
            serial[i] = m->sample[other->sample[i]].serial[enc];
        }
        m->media[c][k] = s.media;
        model_scan_file(m, c, k, mode, enc, other->n, place, serial);
    }
    assert_true(s.media == m->media[c][k]);
    assert_int_equal(s.n, own->n);
    assert_true((s.error != NULL) == own->error);
    for (int i = 0; i < own->n; i++) {
        model_sample *p = &m->sample[own->sample[i]];
        if (p->id == 0)
            p->id = s.at[i].id;
        assert_true(p->id == s.at[i].id);
        assert_true(s.at[i].label == (p->label < 0 ? 0 : m->label[c][p->label]));
        /* the embedding of a sample is the first that it got */
        assert_int_equal(s.dim, encoder_dim[enc]);
        for (size_t d = 0; d < s.dim; d++)
            assert_true(s.at[i].embedding[d] == model_number(p->serial[enc], d));
    }
    espy_scan_free(r->cx, &s);
}

static void do_sample_label(model_run *r)
{
    model *m = &r->now;
    if (m->samples == 0)
        return;
    model_sample *p = &m->sample[model_below(r, m->samples)];
    int l = model_below(r, LABELS + 1) - 1, actor = model_below(r, 3), c = p->collection;
    if (l >= 0 && m->label[c][l] == 0)
        return;
    espy_err e =
        espy_store_sample_label(r->cx, r->st, p->id, l < 0 ? 0 : m->label[c][l], actor_name[actor]);
    bool human = p->actor == 1;
    if (human && actor != 1 && l != p->label) {
        assert_int_equal(e, ESPY_E_EXISTS);
        assert_true(strlen(r->cx->text) > 10);
        espy_clear(r->cx);
        return;
    }
    assert_int_equal(e, ESPY_E_OK);
    bool changed = l != p->label || (actor == 1 && !human);
    if (changed) {
        m->events[c]++;
        p->label = l;
        p->actor = actor;
    }
}

/* Samples of a collection in the order of espy_store_vectors(). */
static int model_training(const model *m, int c, int version, int enc, int *at, int *label)
{
    int n = 0;
    for (int l = 0; l < LABELS; l++) {
        for (int64_t last = 0;;) { /* by id, which need not be the model's order */
            int best = -1;
            int total = version < 0 ? m->samples : m->lineage_n[c][version];
            for (int j = 0; j < total; j++) {
                int i = version < 0 ? j : m->lineage[c][version][j];
                int of = version < 0 ? m->sample[i].label : m->lineage_label[c][version][j];
                const model_sample *p = &m->sample[i];
                if (p->collection == c && of == l && p->serial[enc] != 0 && p->id > last &&
                    (best < 0 || p->id < m->sample[best].id))
                    best = i;
            }
            if (best < 0)
                break;
            last = m->sample[best].id;
            label[n] = l;
            at[n++] = best;
        }
    }
    return n;
}

static void check_vectors(model_run *r, int c, int version, int enc)
{
    const model *m = &r->now;
    int at[SAMPLES], label[SAMPLES];
    espy_vectors v = {0};
    int n = model_training(m, c, version, enc, at, label);
    espy_err e =
        espy_store_vectors(r->cx, r->st, m->collection[c], version + 1, encoder_name[enc], &v);
    if (version >= 0 && n != m->lineage_n[c][version]) {
        assert_int_equal(e, ESPY_E_DATA);
        espy_clear(r->cx);
        return;
    }
    assert_int_equal(e, ESPY_E_OK);
    assert_int_equal(v.n, n);
    for (int i = 0; i < n; i++) {
        assert_true(v.sample[i] == m->sample[at[i]].id);
        assert_true(v.label[i] == m->label[c][label[i]]);
        for (size_t d = 0; d < v.dim; d++)
            assert_true(v.x[(size_t)i * v.dim + d] ==
                        model_number(m->sample[at[i]].serial[enc], d));
    }
    espy_vectors_free(r->cx, &v);
}

static void do_version(model_run *r)
{
    model *m = &r->now;
    int c = model_below(r, COLLECTIONS), enc = model_below(r, ENCODERS);
    int at[SAMPLES], label[SAMPLES];
    int64_t ids[SAMPLES];
    char bytes[32];
    if (m->versions[c] == VERSIONS)
        return;
    int n = model_training(m, c, -1, enc, at, label);
    for (int i = 0; i < n; i++)
        ids[i] = m->sample[at[i]].id;
    int number = m->versions[c]++;
    snprintf(bytes, sizeof bytes, "head of version %d", number + 1);
    assert_int_equal(case_version(r->cx, r->st, m->collection[c], bytes, ids, (size_t)n),
                     number + 1);
    memcpy(m->lineage[c][number], at, sizeof at);
    memcpy(m->lineage_label[c][number], label, sizeof label);
    m->lineage_n[c][number] = n;
    m->events[c]++;
}

static void do_promote(model_run *r)
{
    model *m = &r->now;
    int c = model_below(r, COLLECTIONS), n = 1 + model_below(r, VERSIONS);
    espy_err e = espy_store_promote(r->cx, r->st, m->collection[c], n, "model");
    if (n > m->versions[c]) {
        assert_int_equal(e, ESPY_E_NOT_FOUND);
        espy_clear(r->cx);
        return;
    }
    assert_int_equal(e, ESPY_E_OK);
    if (m->live[c] != n) {
        if (m->live[c] != 0)
            m->previous[c] = m->live[c];
        m->live[c] = n;
        m->events[c]++;
    }
}

static void do_transaction(model_run *r)
{
    int what = model_below(r, 3);
    if (what == 0 && r->depth < 2) {
        CASE_OK(r->cx, espy_store_begin(r->cx, r->st));
        *(r->depth++ == 0 ? &r->outer : &r->inner) = r->now;
    } else if (what == 1 && r->depth > 0) {
        CASE_OK(r->cx, espy_store_commit(r->cx, r->st));
        r->depth--;
    } else if (what == 2 && r->depth > 0) {
        espy_store_rollback(r->cx, r->st);
        r->now = --r->depth == 0 ? r->outer : r->inner;
    }
}

/* Closing drops what was not committed. */
static void do_reopen(model_run *r)
{
    if (r->depth > 0)
        r->now = r->outer;
    r->depth = 0;
    espy_store_close(r->cx, &r->st);
    CASE_OK(r->cx, r->b->open(r->cx, r->dir, &r->st));
}

static void check_versions(model_run *r, int c)
{
    const model *m = &r->now;
    int64_t number = -1;
    char bytes[32];
    espy_version v;
    CASE_OK(r->cx, espy_store_alias(r->cx, r->st, m->collection[c], "live", &number));
    assert_int_equal(number, m->live[c]);
    CASE_OK(r->cx, espy_store_alias(r->cx, r->st, m->collection[c], "previous", &number));
    assert_int_equal(number, m->previous[c]);
    for (int i = 0; i < m->versions[c]; i++) {
        int n = snprintf(bytes, sizeof bytes, "head of version %d", i + 1);
        CASE_OK(r->cx, espy_store_version(r->cx, r->st, m->collection[c], i + 1, &v));
        assert_int_equal(v.bytes.size, n);
        assert_memory_equal(v.bytes.data, bytes, v.bytes.size);
        espy_version_free(r->cx, &v);
        for (int enc = 0; enc < ENCODERS; enc++)
            check_vectors(r, c, i, enc);
    }
}

static void check_all(model_run *r)
{
    const model *m = &r->now;
    for (int c = 0; c < COLLECTIONS; c++) {
        espy_counts n, want = {.versions = m->versions[c], .events = m->events[c]};
        for (int l = 0; l < LABELS; l++)
            want.labels += m->label[c][l] != 0;
        for (int k = 0; k < MEDIA; k++) {
            want.media += m->media[c][k] != 0;
            for (int i = 0; i < MODES * ENCODERS; i++)
                want.scans += m->scan[c][k][i / ENCODERS][i % ENCODERS].there;
        }
        for (int i = 0; i < m->samples; i++) {
            if (m->sample[i].collection != c)
                continue;
            want.samples++;
            want.labelled += m->sample[i].label >= 0;
            for (int e = 0; e < ENCODERS; e++)
                want.embeddings += m->sample[i].serial[e] != 0;
        }
        CASE_OK(r->cx, espy_store_counts(r->cx, r->st, m->collection[c], &n));
        assert_memory_equal(&n, &want, sizeof n);
        check_versions(r, c);
        for (int enc = 0; enc < ENCODERS; enc++)
            check_vectors(r, c, -1, enc);
    }
}

/* The same hour for every backend, so that what they hold can be compared (linked with --wrap). */
static double clock_now = 1.7e9;
double __wrap_espy_time_now(void);
double __wrap_espy_time_now(void)
{
    return clock_now += 1.0 / 3;
}

/* *held: what the store holds at the end. */
static void model_sequence(espy_ctx *cx, const backend *b, const char *dir, uint64_t seed,
                           int steps, espy_buf *held)
{
    static void (*const operation[])(model_run *) = {
        do_label,    do_media,    do_media,        do_scan_put,     do_scan_put,
        do_scan_get, do_scan_get, do_sample_label, do_sample_label, do_sample_label,
        do_version,  do_promote,  do_transaction,  do_transaction};
    model_run *r = calloc(1, sizeof *r);
    *r = (model_run){.cx = cx, .b = b, .dir = dir};
    espy_random_seed(&r->random, seed, 1);
    CASE_OK(cx, b->open(cx, dir, &r->st));
    for (int c = 0; c < COLLECTIONS; c++) {
        r->now.collection[c] = case_collection(cx, r->st, c == 0 ? "one" : "two");
        r->now.events[c] = 1;
    }
    for (int i = 0; i < steps; i++) {
        operation[model_below(r, sizeof operation / sizeof operation[0])](r);
        if (i % 50 == 49)
            check_all(r);
        if (model_below(r, 60) == 0)
            do_reopen(r);
    }
    check_all(r);
    do_reopen(r);
    check_all(r);
    espy_finding *f = NULL;
    size_t n = 0;
    CASE_OK(cx, espy_store_check(cx, r->st, &f, &n));
    for (size_t i = 0; i < n; i++)
        assert_false(f[i].harm);
    espy_findings_free(cx, f, n);
    case_parts(cx, r->st, held);
    espy_store_close(cx, &r->st);
    free(r);
}

/* -- running ----------------------------------------------------------------------------------- */
static void run_contract(void **state)
{
    (void)state;
    static void (*const cases[])(espy_ctx *, espy_store *) = {
        test_collections,  test_labels,   test_media, test_scans,        test_scan_shared,
        test_human_labels, test_versions, test_cache, test_transactions, test_check_finds};
    for (const backend *b = backend_next(NULL); b != NULL; b = backend_next(b)) {
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            espy_ctx cx;
            test_memory m;
            espy_store *st = NULL;
            test_memory_init(&cx, &m);
            CASE_OK(&cx, b->open(&cx, backend_begin(&cx, b), &st));
            cases[i](&cx, st);
            espy_store_close(&cx, &st);
            espy_store_close(&cx, &st); /* NULL-safe */
            backend_end(&cx);
            assert_int_equal(m.live, 0);
        }
    }
}

static void run_model(void **state)
{
    (void)state;
    enum { SEEDS = 6 };
    espy_ctx keep;
    espy_buf first[SEEDS];
    espy_ctx_init(&keep);
    for (const backend *b = backend_next(NULL); b != NULL; b = backend_next(b)) {
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            espy_ctx cx;
            test_memory m;
            espy_buf held, *same = &first[seed - 1];
            test_memory_init(&cx, &m);
            clock_now = 1.7e9;
            model_sequence(&cx, b, backend_begin(&cx, b), seed, 400, &held);
            backend_end(&cx);
            if (b == backend_next(NULL)) {
                espy_buf_init(same, held.size);
                CASE_OK(&keep, espy_buf_append(&keep, same, held.data, held.size));
            }
            /* after the same steps every database holds the same */
            case_same(&held, same);
            espy_buf_free(&cx, &held);
            assert_int_equal(m.live, 0);
        }
    }
    for (size_t i = 0; i < SEEDS; i++) {
        printf("sequence %zu: %zu bytes alike\n", i + 1, first[i].size);
        espy_buf_free(&keep, &first[i]);
    }
}

/* From an empty store, whatever the life before has left in it. */
static espy_err open_empty(espy_ctx *cx, const char *dir, espy_store **out)
{
    if (on->server)
        pg_clear(dir);
    return on->open(cx, dir, out);
}

static void run_faults(void **state)
{
    (void)state;
    for (const backend *b = backend_next(NULL); b != NULL; b = backend_next(b)) {
        espy_ctx cx;
        test_memory m;
        test_memory_init(&cx, &m);
        if (b->server && !b->rows)
            continue; /* nothing that the other two do not have */
        const char *dir = backend_begin(&cx, b);
        for (m.sticky = 0; m.sticky < 2; m.sticky++)
            TEST_FAULT_LOOP(&cx, &m, case_life(&cx, open_empty, dir), (void)0);
        backend_end(&cx);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(run_contract), cmocka_unit_test(run_model),
                                       cmocka_unit_test(run_faults)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
