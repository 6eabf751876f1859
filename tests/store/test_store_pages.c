/* SPDX-License-Identifier: Apache-2.0
 * What a server shows and changes: collections, sessions, media, samples, labels and attendance in
 * pages; what was taken away is nowhere, and comes back. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "pg_server.h"
#include "store/attendance.h"
#include "store/collection.h"
#include "store/erase.h"
#include "store/gallery.h"
#include "store/group.h"
#include "store/job.h"
#include "store/label.h"
#include "store/near.h"
#include "store/session.h"
#include "store/setting.h"
#include "store/store_internal.h"
#include "store/user.h"
#include "store/webhook.h"
#include "support/support.h"

static const espy_page all = {.limit = 100};

static int64_t add_user(espy_ctx *cx, espy_store *st, const char *name)
{
    int64_t id = 0;
    CASE_OK(cx, espy_store_user_add(cx, st,
                                    &(espy_user){.name = (char *)(uintptr_t)name,
                                                 .password = (char *)"hash",
                                                 .role = (char *)"instructor"},
                                    &id));
    return id;
}

/* -- collections ------------------------------------------------------------------------------- */
static void test_collections(espy_ctx *cx, espy_store *st)
{
    int64_t ada = add_user(cx, st, "ada"), a = 0, b = 0, again = 0, total = 0, nobody = 0;
    espy_collection c = case_template("algebra"), got = {0}, *list = NULL;
    size_t n = 0;
    const bool off = false;
    c.owner = ada;
    c.description = (char *)"sets, 100% rings";
    CASE_OK(cx, espy_store_collection_create(cx, st, &c, &a));
    c = case_template("biology");
    CASE_OK(cx, espy_store_collection_create(cx, st, &c, &b));
    c.name = (char *)"x";
    c.owner = 99;
    CASE_FAILS(cx, NOT_FOUND, espy_store_collection_create(cx, st, &c, &again));
    CASE_OK(cx, espy_store_collection_get(cx, st, a, &got));
    assert_true(got.owner == ada && got.active && got.created > 1e9);
    assert_string_equal(got.description, "sets, 100% rings");
    espy_collection_free(cx, &got);

    espy_collection_filter f = {.owner = ada};
    CASE_OK(cx, espy_store_collection_page(cx, st, &f, &all, &list, &n, &total));
    assert_true(n == 1 && total == 1 && list[0].id == a);
    espy_collections_free(cx, list, n);
    f = (espy_collection_filter){.search = "0% RI"}; /* no wildcard, case ignored */
    CASE_OK(cx, espy_store_collection_page(cx, st, &f, &all, &list, &n, &total));
    assert_true(n == 1 && list[0].id == a);
    espy_collections_free(cx, list, n);
    f.search = "%_%";
    CASE_OK(cx, espy_store_collection_page(cx, st, &f, &all, &list, &n, &total));
    assert_true(n == 0 && total == 0);
    espy_collections_free(cx, list, n);
    f = (espy_collection_filter){0};
    CASE_OK(cx,
            espy_store_collection_page(cx, st, &f, &(espy_page){.limit = 1}, &list, &n, &total));
    assert_true(n == 1 && total == 2 && list[0].id == b); /* newest first */
    espy_collections_free(cx, list, n);
    CASE_OK(cx, espy_store_collection_page(cx, st, &f, &(espy_page){.cursor = b, .limit = 9}, &list,
                                           &n, NULL));
    assert_true(n == 1 && list[0].id == a);
    espy_collections_free(cx, list, n);

    CASE_FAILS(cx, EXISTS,
               espy_store_collection_update(cx, st, b, &(espy_collection_change){"algebra"}));
    CASE_OK(cx, espy_store_collection_update(
                    cx, st, a, &(espy_collection_change){.active = &off, .owner = &nobody}));
    CASE_OK(cx, espy_store_collection(cx, st, "algebra", &got));
    assert_true(!got.active && got.owner == 0);
    espy_collection_free(cx, &got);

    /* deleted: nowhere; its name is free; it comes back, by undo too */
    CASE_OK(cx, espy_store_collection_delete(cx, st, a, "user"));
    CASE_FAILS(cx, NOT_FOUND, espy_store_collection_get(cx, st, a, &got));
    CASE_FAILS(cx, NOT_FOUND, espy_store_collection(cx, st, "algebra", &got));
    CASE_FAILS(cx, NOT_FOUND, espy_store_collection_delete(cx, st, a, "user"));
    f = (espy_collection_filter){.deleted = true};
    CASE_OK(cx, espy_store_collection_page(cx, st, &f, &all, &list, &n, &total));
    assert_true(n == 1 && total == 1 && list[0].id == a);
    espy_collections_free(cx, list, n);
    f.owner = ada; /* it is nobody's by now */
    CASE_OK(cx, espy_store_collection_page(cx, st, &f, &all, &list, &n, &total));
    assert_true(n == 0 && total == 0);
    espy_collections_free(cx, list, n);
    CASE_OK(cx, espy_store_collections(cx, st, &list, &n));
    assert_int_equal(n, 1);
    espy_collections_free(cx, list, n);
    again = case_collection(cx, st, "algebra");
    CASE_FAILS(cx, EXISTS, espy_store_collection_restore(cx, st, a, "user"));
    CASE_OK(cx, espy_store_collection_update(cx, st, again, &(espy_collection_change){"other"}));
    CASE_OK(cx, espy_store_collection_restore(cx, st, a, "user"));
    CASE_FAILS(cx, NOT_FOUND, espy_store_collection_restore(cx, st, a, "user"));
    CASE_OK(cx, espy_store_collection(cx, st, "algebra", &got));
    assert_int_equal(got.id, a);
    espy_collection_free(cx, &got);
    CASE_OK(cx, espy_store_collection_delete(cx, st, a, "user"));
    espy_undone u = {0};
    CASE_OK(cx, espy_store_undo(cx, st, a, 0, "user", &u));
    assert_string_equal(u.action, "collection.delete");
    espy_free(cx, u.action);
    CASE_OK(cx, espy_store_collection_get(cx, st, a, &got));
    espy_collection_free(cx, &got);
}

/* -- sessions ---------------------------------------------------------------------------------- */
static void test_sessions(espy_ctx *cx, espy_store *st)
{
    int64_t ada = add_user(cx, st, "ada"), c = case_collection(cx, st, "c"), id = 0, other = 0;
    int64_t total = 0;
    espy_session s = {.collection = c,
                      .owner = ada,
                      .name = (char *)"monday",
                      .date = (char *)"2026-03-02",
                      .start_time = (char *)"09:00",
                      .detail = (char *)"{\"course\":\"x\"}"},
                 got = {0}, *list = NULL;
    size_t n = 0;
    const bool yes = true, no = false;
    CASE_OK(cx, espy_store_session_add(cx, st, &s, &id));
    CASE_FAILS(cx, EXISTS, espy_store_session_add(cx, st, &s, &other));
    static const struct {
        const char *date, *start, *detail;
    } bad[] = {{"2026-02-30", NULL, NULL}, {NULL, "9:00", NULL},    {NULL, "24:00", NULL},
               {NULL, "09:00:6", NULL},    {NULL, NULL, "nothing"}, {NULL, "09:60", NULL}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        espy_session t = {.collection = c,
                          .name = (char *)"bad",
                          .date = (char *)(uintptr_t)bad[i].date,
                          .start_time = (char *)(uintptr_t)bad[i].start,
                          .detail = (char *)(uintptr_t)bad[i].detail};
        CASE_FAILS(cx, ARG, espy_store_session_add(cx, st, &t, &other));
    }
    CASE_OK(cx, espy_store_session_get(cx, st, id, &got));
    assert_true(got.owner == ada && !got.closed && got.opened > 1e9 && got.ended == 0);
    assert_string_equal(got.start_time, "09:00");
    assert_null(got.end_time);
    assert_string_equal(got.detail, "{\"course\":\"x\"}");
    espy_session_free(cx, &got);
    CASE_OK(cx, espy_store_session_update(cx, st, id,
                                          &(espy_session_change){.closed = &yes,
                                                                 .start_time = "",
                                                                 .end_time = "10:30:00",
                                                                 .notes = "line\n"}));
    CASE_OK(cx, espy_store_session_get(cx, st, id, &got));
    assert_true(got.closed && got.ended >= got.opened && got.start_time == NULL);
    assert_string_equal(got.end_time, "10:30:00");
    assert_string_equal(got.name, "monday");
    espy_session_free(cx, &got);

    CASE_OK(cx, espy_store_session(cx, st, c, "no date", NULL, &other));
    espy_session_filter f = {.collection = c};
    CASE_OK(cx, espy_store_session_page(cx, st, &f, &all, &list, &n, &total));
    assert_true(n == 2 && total == 2 && list[0].id == other && list[1].id == id);
    espy_sessions_free(cx, list, n);
    const espy_session_filter one[] = {{.owner = ada},         {.state = "closed"},
                                       {.from = "2026-03-02"}, {.to = "2026-03-02"},
                                       {.search = "MON"},      {.search = "line"}};
    for (size_t i = 0; i < sizeof one / sizeof one[0]; i++) {
        CASE_OK(cx, espy_store_session_page(cx, st, &one[i], &all, &list, &n, &total));
        assert_true(n == 1 && total == 1 && list[0].id == id);
        espy_sessions_free(cx, list, n);
    }
    const espy_session_filter none[] = {{.owner = ada + 1},
                                        {.collection_owner = ada},
                                        {.from = "2026-03-03"},
                                        {.to = "2026-03-01"},
                                        {.collection = c + 1}};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        CASE_OK(cx, espy_store_session_page(cx, st, &none[i], &all, &list, &n, &total));
        assert_true(n == 0 && total == 0);
    }
    CASE_OK(cx, espy_store_session_update(cx, st, id, &(espy_session_change){.closed = &no}));
    CASE_OK(cx, espy_store_session_get(cx, st, id, &got));
    assert_true(!got.closed && got.ended == 0);
    espy_session_free(cx, &got);
}

/* -- media and samples ------------------------------------------------------------------------- */
/* Media k with `faces` samples; the first one's id. */
static int64_t add_photo(espy_ctx *cx, espy_store *st, int64_t c, int k, size_t faces,
                         int64_t session, int64_t *media, char *digest)
{
    espy_scan s = case_scan(cx, faces, 4, k);
    bool there = false;
    *media = case_media(cx, st, c, k, digest);
    for (size_t i = 0; i < faces; i++)
        s.at[i].score = 0.1f * (float)(k + 3 * (int)i);
    CASE_OK(cx, espy_store_scan_put(cx, st, *media, "all", "enc", "det", &s));
    if (session != 0)
        CASE_OK(cx, espy_store_media_session(cx, st, *media, session, &there));
    int64_t id = s.at[0].id;
    espy_scan_free(cx, &s);
    return id;
}

static void test_gallery(espy_ctx *cx, espy_store *st)
{
    int64_t ada = add_user(cx, st, "ada"), c = case_collection(cx, st, "c"), s = 0, m1 = 0, m2 = 0;
    int64_t total = 0, label = 0, bare;
    espy_media_info m = {0}, *list = NULL;
    espy_sample_info p = {0}, *samples = NULL;
    size_t n = 0;
    char digest[ESPY_DIGEST_HEX];
    CASE_OK(cx, espy_store_session(cx, st, c, "monday", NULL, &s));
    int64_t a = add_photo(cx, st, c, 1, 2, s, &m1, digest);
    int64_t b = add_photo(cx, st, c, 2, 1, 0, &m2, NULL);
    bare = case_media(cx, st, c, 3, NULL);
    CASE_OK(cx, espy_store_label(cx, st, c, "STU001", "Ada Lovelace", &label));
    CASE_OK(cx, espy_store_label_set(cx, st, c, label, &a, 1));

    CASE_OK(cx, espy_store_media_get(cx, st, m1, &m));
    assert_true(m.collection == c && m.session == s && m.samples == 2 && m.labelled == 1 &&
                m.scanned > 1e9 && m.width == 640 && m.height == 480 && !m.probe && m.bytes == 7);
    assert_string_equal(m.digest, digest);
    assert_string_equal(m.source, "folder/photo.jpg");
    espy_media_info_free(cx, &m);
    const struct {
        espy_media_filter f;
        int64_t first, total;
    } asked[] = {{{.collection = c}, bare, 3},    {{.session = s}, m1, 1},
                 {{.scanned = ESPY_NO}, bare, 1}, {{.scanned = ESPY_YES}, m2, 2},
                 {{.owner = ada}, 0, 0},          {{.collection = c + 1}, 0, 0},
                 {{.probe = ESPY_YES}, 0, 0},     {{.probe = ESPY_NO}, bare, 3}};
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        CASE_OK(cx, espy_store_media_page(cx, st, &asked[i].f, &(espy_page){.limit = 1}, &list, &n,
                                          &total));
        assert_int_equal(total, asked[i].total);
        assert_true(n == (asked[i].total > 0) && (n == 0 || list[0].id == asked[i].first));
        espy_media_infos_free(cx, list, n);
    }
    CASE_OK(cx, espy_store_sample_get(cx, st, a, &p));
    assert_true(p.media == m1 && p.session == s && p.label == label && isnan(p.confidence) &&
                p.box[3] == 60.5f && !p.has_points && !p.grouped);
    assert_string_equal(p.code, "STU001");
    assert_string_equal(p.actor, "user");
    espy_sample_info_free(cx, &p);
    CASE_OK(cx, espy_store_sample_get(cx, st, b, &p));
    assert_true(p.label == 0 && p.code == NULL && p.actor[0] == '\0');
    espy_sample_info_free(cx, &p);
    const struct {
        espy_sample_filter f;
        int64_t order[3];
        size_t n;
    } wanted[] = {{{.collection = c}, {a, a + 1, b}, 3},
                  {{.collection = c, .sort = ESPY_SAMPLES_NEWEST}, {b, a + 1, a}, 3},
                  {{.collection = c, .sort = ESPY_SAMPLES_SCORE}, {a + 1, b, a}, 3},
                  {{.identified = ESPY_YES}, {a}, 1},
                  {{.identified = ESPY_NO}, {a + 1, b}, 2},
                  {{.session = s}, {a, a + 1}, 2},
                  {{.media = m2}, {b}, 1},
                  {{.label = label}, {a}, 1},
                  {{.owner = ada}, {0}, 0}};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        int64_t cursor = 0;
        CASE_OK(cx, espy_store_sample_page(cx, st, &wanted[i].f, &all, &samples, &n, &total));
        assert_true(n == wanted[i].n && total == (int64_t)n);
        for (size_t k = 0; k < n; k++)
            assert_int_equal(samples[k].id, wanted[i].order[k]);
        espy_sample_infos_free(cx, samples, n);
        for (size_t k = 0; k < wanted[i].n; k++) { /* one by one */
            CASE_OK(cx, espy_store_sample_page(cx, st, &wanted[i].f,
                                               &(espy_page){.cursor = cursor, .limit = 1}, &samples,
                                               &n, NULL));
            assert_true(n == 1 && samples[0].id == wanted[i].order[k]);
            cursor = samples[0].id;
            espy_sample_infos_free(cx, samples, n);
        }
    }
    float *x = NULL;
    size_t dim = 0;
    espy_sample_encoder *encoders = NULL;
    const float other[2] = {1, 0};
    CASE_OK(cx, espy_store_embed(cx, st, a, "second", other, 2));
    CASE_OK(cx, espy_store_sample_vector(cx, st, a, "enc", &x, &dim));
    assert_true(dim == 4 && x[0] == 100 && x[1] == 100.0625f);
    espy_free(cx, x);
    assert_int_equal(espy_store_sample_vector(cx, st, a, "no", &x, &dim), ESPY_E_NOT_FOUND);
    assert_int_equal(espy_store_sample_vector(cx, st, 999, "enc", &x, &dim), ESPY_E_NOT_FOUND);
    assert_int_equal(cx->code, ESPY_E_OK);
    CASE_OK(cx, espy_store_sample_encoders(cx, st, a, &encoders, &n));
    assert_true(n == 2 && encoders[0].dim == 4 && encoders[1].dim == 2);
    assert_string_equal(encoders[1].encoder_digest, "second");
    espy_sample_encoders_free(cx, encoders, n);
}

/* -- taken away -------------------------------------------------------------------------------- */
/* What is to be seen of a collection, in numbers. */
static void expect_seen(espy_ctx *cx, espy_store *st, int64_t c, int64_t media, int64_t samples,
                        size_t vectors, size_t pool, size_t near)
{
    espy_counts k;
    espy_vectors v = {0};
    espy_sample_pool p = {0};
    espy_near at[9];
    espy_media_info *list = NULL;
    size_t n = 0;
    int64_t total = 0;
    const float x[4] = {1, 1, 1, 1};
    CASE_OK(cx, espy_store_counts(cx, st, c, &k));
    assert_int_equal(k.media, media);
    assert_int_equal(k.samples, samples);
    assert_int_equal(k.embeddings, samples);
    assert_int_equal(k.labelled, vectors);
    CASE_OK(cx, espy_store_vectors(cx, st, c, 0, "enc", &v));
    assert_int_equal(v.n, vectors);
    espy_vectors_free(cx, &v);
    CASE_OK(cx, espy_store_pool(cx, st, c, 0, "enc", &p));
    assert_int_equal(p.n, pool);
    espy_sample_pool_free(cx, &p);
    CASE_OK(cx, espy_store_nearest(cx, st, c, "enc", x, 4, 9, 0, at, &n));
    assert_int_equal(n, near);
    CASE_OK(cx, espy_store_media_page(cx, st, &(espy_media_filter){.collection = c}, &all, &list,
                                      &n, &total));
    assert_true(total == media && n == (size_t)media);
    espy_media_infos_free(cx, list, n);
    espy_sample_info *shown = NULL;
    CASE_OK(cx, espy_store_sample_page(cx, st, &(espy_sample_filter){.collection = c}, &all, &shown,
                                       &n, &total));
    assert_true(total == samples && n == (size_t)samples);
    espy_sample_infos_free(cx, shown, n);
}

static void test_away(espy_ctx *cx, espy_store *st)
{
    int64_t c = case_collection(cx, st, "c"), s = 0, m[3], p[3], label = 0, id = 0;
    char digest[3][ESPY_DIGEST_HEX];
    espy_media_info info = {0};
    espy_session session = {0};
    espy_vectors v = {0};
    espy_undone u = {0};
    espy_scan scan = {0};
    bool own = true, there = false;
    size_t removed = 0;
    CASE_OK(cx, espy_store_session(cx, st, c, "monday", NULL, &s));
    CASE_OK(cx, espy_store_label(cx, st, c, "A", NULL, &label));
    for (int i = 0; i < 3; i++) {
        p[i] = add_photo(cx, st, c, i, 1, i > 0 ? s : 0, &m[i], digest[i]);
        CASE_OK(cx, espy_store_sample_label(cx, st, p[i], label, "folder"));
    }
    assert_int_equal(case_version(cx, st, c, "head", p, 3), 1);
    expect_seen(cx, st, c, 3, 3, 3, 3, 3);

    CASE_OK(cx, espy_store_media_delete(cx, st, c, &m[1], 1, "user"));
    CASE_OK(cx, espy_store_media_delete(cx, st, c, &m[1], 1, "user")); /* no second event */
    id = 999;
    CASE_FAILS(cx, NOT_FOUND, espy_store_media_delete(cx, st, c, &id, 1, "user"));
    CASE_FAILS(cx, NOT_FOUND, espy_store_media_delete(cx, st, c + 1, &m[0], 1, "user"));
    expect_seen(cx, st, c, 2, 2, 2, 2, 2);
    CASE_FAILS(cx, NOT_FOUND, espy_store_media_get(cx, st, m[1], &info));
    espy_sample_info sample = {0};
    CASE_FAILS(cx, NOT_FOUND, espy_store_sample_get(cx, st, p[1], &sample));
    CASE_FAILS(cx, NOT_FOUND, espy_store_media_session(cx, st, m[1], s, &there));
    CASE_OK(cx, espy_store_scan_read(cx, st, c, digest[1], "all", "enc", &own, &scan));
    assert_true(!own && scan.at[0].id == 0 && scan.at[0].label == 0);
    espy_scan_free(cx, &scan);
    CASE_OK(cx, espy_store_vectors(cx, st, c, 1, "enc", &v)); /* lineage */
    assert_int_equal(v.n, 3);
    espy_vectors_free(cx, &v);

    /* the session, with the media that are left in it; undone in the other order */
    CASE_OK(cx, espy_store_session_delete(cx, st, s, "user"));
    CASE_FAILS(cx, NOT_FOUND, espy_store_session_get(cx, st, s, &session));
    CASE_FAILS(cx, NOT_FOUND, espy_store_session_delete(cx, st, s, "user"));
    CASE_FAILS(cx, NOT_FOUND, espy_store_session_find(cx, st, c, "monday", &id));
    expect_seen(cx, st, c, 1, 1, 1, 1, 1);
    CASE_OK(cx, espy_store_undo(cx, st, c, 0, "user", &u));
    assert_string_equal(u.action, "session.delete");
    assert_true(u.media == 1 && u.kept == 0);
    espy_free(cx, u.action);
    CASE_OK(cx, espy_store_session_get(cx, st, s, &session));
    assert_true(session.media == 1 && session.labelled == 1);
    espy_session_free(cx, &session);
    expect_seen(cx, st, c, 2, 2, 2, 2, 2);
    CASE_OK(cx, espy_store_undo(cx, st, c, 0, "user", &u));
    assert_string_equal(u.action, "media.delete");
    assert_int_equal(u.media, 1);
    espy_free(cx, u.action);
    expect_seen(cx, st, c, 3, 3, 3, 3, 3);

    /* another session has taken the name */
    CASE_OK(cx, espy_store_session_delete(cx, st, s, "user"));
    CASE_OK(cx, espy_store_session(cx, st, c, "monday", NULL, &id));
    assert_int_not_equal(id, s);
    CASE_FAILS(cx, EXISTS, espy_store_undo(cx, st, c, 0, "user", &u));
    expect_seen(cx, st, c, 1, 1, 1, 1, 1);

    /* uploaded again, by its bytes or by its scan: there again, without the session that is gone */
    assert_int_equal(case_media(cx, st, c, 1, NULL), m[1]);
    CASE_OK(cx, espy_store_scan_get(cx, st, c, digest[2], "all", "enc", &scan));
    assert_true(scan.media == m[2] && scan.at[0].id == p[2]);
    espy_scan_free(cx, &scan);
    expect_seen(cx, st, c, 3, 3, 3, 3, 3);
    CASE_OK(cx, espy_store_media_get(cx, st, m[1], &info));
    assert_int_equal(info.session, 0);
    espy_media_info_free(cx, &info);

    /* the bytes go with age; what a version learned from stays */
    double later = espy_time_now() + 10;
    int64_t extra = 0;
    char hex[ESPY_DIGEST_HEX];
    espy_buf bytes;
    (void)add_photo(cx, st, c, 7, 1, 0, &extra, hex);
    CASE_OK(cx, espy_store_media_delete(cx, st, c, (int64_t[]){extra, m[0]}, 2, "user"));
    CASE_OK(cx, espy_store_expire(cx, st, &(espy_expiry){.deleted = 1.0}, &removed));
    assert_int_equal(removed, 0);
    CASE_OK(cx, espy_store_expire(cx, st, &(espy_expiry){.deleted = later}, &removed));
    assert_int_equal(removed, 1);
    CASE_FAILS(cx, NOT_FOUND, espy_store_media_bytes(cx, st, hex, 100, &bytes));
    CASE_OK(cx, espy_store_undo(cx, st, c, 0, "user", &u));
    assert_true(u.media == 1 && u.kept == 1);
    espy_free(cx, u.action);
    expect_seen(cx, st, c, 3, 3, 3, 3, 3);

    /* a whole collection: what is in it is not found by its own id either */
    CASE_OK(cx, espy_store_collection_delete(cx, st, c, "user"));
    CASE_FAILS(cx, NOT_FOUND, espy_store_media_get(cx, st, m[0], &info));
    CASE_FAILS(cx, NOT_FOUND, espy_store_sample_get(cx, st, p[0], &sample));
    CASE_FAILS(cx, NOT_FOUND, espy_store_session_get(cx, st, id, &session));
    espy_label_info l = {0};
    CASE_FAILS(cx, NOT_FOUND, espy_store_label_info(cx, st, label, &l));
}

/* -- taking back ------------------------------------------------------------------------------- */
static void test_clear_and_delete(espy_ctx *cx, espy_store *st)
{
    static const espy_sample_filter sounds = {.modality = "sound"};
    int64_t c = case_collection(cx, st, "c"), d = case_collection(cx, st, "d"), m = 0, a = 0;
    int64_t total = 0;
    espy_sample_info s = {0}, *list = NULL;
    espy_undone undone = {0};
    size_t n = 0;
    int64_t p = add_photo(cx, st, c, 1, 3, 0, &m, NULL);
    CASE_OK(cx, espy_store_label(cx, st, c, "STU001", "Ada L", &a));
    CASE_OK(cx, espy_store_label_set(cx, st, c, a, (int64_t[]){p, p + 1}, 2));
    CASE_FAILS(cx, NOT_FOUND, espy_store_label_clear(cx, st, d, &p, 1));
    CASE_OK(cx, espy_store_label_clear(cx, st, c, &p, 1));
    CASE_OK(cx, espy_store_sample_get(cx, st, p, &s));
    assert_true(s.label == 0);
    assert_string_equal(s.actor, ""); /* nobody said anything: a job may label it again */
    espy_sample_info_free(cx, &s);
    CASE_OK(cx, espy_store_sample_label(cx, st, p, a, "job"));
    CASE_OK(cx, espy_store_label_clear(cx, st, c, &p, 1));
    CASE_OK(cx, espy_store_undo(cx, st, c, 0, "user", &undone));
    assert_true(undone.samples == 1);
    espy_free(cx, undone.action);
    CASE_OK(cx, espy_store_sample_get(cx, st, p, &s));
    assert_true(s.label == a);
    espy_sample_info_free(cx, &s);

    CASE_OK(cx, espy_store_sample_page(cx, st, &sounds, &all, &list, &n, &total));
    assert_true(n == 0 && total == 0);
    espy_sample_infos_free(cx, list, n);
    CASE_OK(cx, espy_store_sample_page(cx, st, &(espy_sample_filter){.modality = "face"}, &all,
                                       &list, &n, &total));
    assert_true(n == 3 && total == 3);
    espy_sample_infos_free(cx, list, n);
}

/* -- samples that are none --------------------------------------------------------------------- */
/* A photo of three with a version learned from its first, and what is counted of it. */
typedef struct none_case {
    int64_t c, d, media, ada, session, p;
} none_case;

static void none_counts(espy_ctx *cx, espy_store *st, const none_case *k, int64_t samples,
                        int64_t labelled)
{
    espy_counts of = {0};
    espy_media_info m = {0};
    espy_session s = {0};
    espy_sample_pool pool = {0};
    espy_vectors v = {0};
    espy_scan scan = {0};
    bool own = false;
    CASE_OK(cx, espy_store_counts(cx, st, k->c, &of));
    assert_true(of.samples == samples && of.embeddings == samples && of.labelled == labelled);
    CASE_OK(cx, espy_store_media_get(cx, st, k->media, &m));
    assert_true(m.samples == (size_t)samples && m.labelled == (size_t)labelled);
    CASE_OK(cx, espy_store_session_get(cx, st, k->session, &s));
    assert_true(s.samples == (size_t)samples && s.labelled == (size_t)labelled);
    CASE_OK(cx, espy_store_pool(cx, st, k->c, 0, "enc", &pool));
    assert_int_equal(pool.n, samples);
    CASE_OK(cx, espy_store_vectors(cx, st, k->c, 0, "enc", &v));
    assert_int_equal(v.n, labelled);
    espy_vectors_free(cx, &v);
    CASE_OK(cx, espy_store_vectors(cx, st, k->c, 1, "enc", &v)); /* as it was learned */
    assert_int_equal(v.n, 1);
    CASE_OK(cx, espy_store_scan_read(cx, st, k->c, m.digest, "all", "enc", &own, &scan));
    assert_true(own && scan.n == (size_t)samples && scan.n + scan.gone == 3);
    espy_scan_free(cx, &scan);
    espy_vectors_free(cx, &v);
    espy_sample_pool_free(cx, &pool);
    espy_session_free(cx, &s);
    espy_media_info_free(cx, &m);
}

static void none_undo(espy_ctx *cx, espy_store *st, const none_case *k, int64_t event,
                      size_t samples, size_t kept)
{
    espy_undone u = {0};
    CASE_OK(cx, espy_store_undo(cx, st, k->c, event, "user", &u));
    assert_true(u.samples == samples && u.kept == kept);
    espy_free(cx, u.action);
}

static void test_none(espy_ctx *cx, espy_store *st)
{
    none_case k = {.c = case_collection(cx, st, "c"), .d = case_collection(cx, st, "d")};
    espy_sample_info s = {0};
    espy_label_info l = {0};
    CASE_OK(cx, espy_store_session(cx, st, k.c, "monday", NULL, &k.session));
    k.p = add_photo(cx, st, k.c, 1, 3, k.session, &k.media, NULL);
    CASE_OK(cx, espy_store_label(cx, st, k.c, "ADA", "Ada L", &k.ada));
    CASE_OK(cx, espy_store_label_set(cx, st, k.c, k.ada, (int64_t[]){k.p, k.p + 1}, 2));
    const int64_t set = espy_store_event(st);
    assert_int_equal(case_version(cx, st, k.c, "head", &k.p, 1), 1);
    none_counts(cx, st, &k, 3, 2);

    /* one that a version learned from goes as well, and is nowhere */
    CASE_FAILS(cx, NOT_FOUND, espy_store_sample_delete(cx, st, k.d, k.p, "user"));
    CASE_OK(cx, espy_store_sample_delete(cx, st, k.c, k.p, "user"));
    const int64_t gone = espy_store_event(st);
    CASE_FAILS(cx, NOT_FOUND, espy_store_sample_delete(cx, st, k.c, k.p, "user"));
    CASE_FAILS(cx, NOT_FOUND, espy_store_sample_get(cx, st, k.p, &s));
    CASE_FAILS(cx, NOT_FOUND, espy_store_sample_label(cx, st, k.p, k.ada, "user"));
    CASE_FAILS(cx, NOT_FOUND, espy_store_label_set(cx, st, k.c, k.ada, &k.p, 1));
    none_counts(cx, st, &k, 2, 1);
    CASE_OK(cx, espy_store_label_info(cx, st, k.ada, &l));
    assert_int_equal(l.label.samples, 1);
    espy_label_info_free(cx, &l);

    /* what was said before it went is not said of it behind its back */
    none_undo(cx, st, &k, set, 1, 1);
    none_counts(cx, st, &k, 2, 0);
    CASE_OK(cx, espy_store_label_set(cx, st, k.c, k.ada, (int64_t[]){k.p + 1}, 1));
    none_undo(cx, st, &k, gone, 1, 0);
    none_counts(cx, st, &k, 3, 2);
    CASE_OK(cx, espy_store_sample_get(cx, st, k.p, &s));
    assert_int_equal(s.label, k.ada);
    assert_string_equal(s.actor, "user");
    espy_sample_info_free(cx, &s);

    /* one of nobody's */
    CASE_OK(cx, espy_store_sample_delete(cx, st, k.c, k.p + 2, "user"));
    none_counts(cx, st, &k, 2, 2);
    none_undo(cx, st, &k, 0, 1, 0);
    CASE_OK(cx, espy_store_sample_get(cx, st, k.p + 2, &s));
    assert_string_equal(s.actor, "");
    espy_sample_info_free(cx, &s);

    /* a new scan does not find it again, unless it is to; undo gives it its label all the same */
    CASE_OK(cx, espy_store_sample_delete(cx, st, k.c, k.p, "user"));
    espy_scan scan = case_scan(cx, 3, 4, 1);
    CASE_OK(cx, espy_store_scan_put(cx, st, k.media, "largest", "enc", "det", &scan));
    assert_true(scan.n == 2 && scan.gone == 1);
    assert_true(scan.at[0].id == k.p + 1 && scan.at[0].label == k.ada);
    for (size_t i = 0; i < scan.n; i++)
        assert_true(scan.at[i].embedding == scan.vectors + i * scan.dim);
    espy_scan_free(cx, &scan);
    none_counts(cx, st, &k, 2, 1);
    scan = case_scan(cx, 3, 4, 1);
    scan.again = true;
    CASE_OK(cx, espy_store_scan_put(cx, st, k.media, "all", "enc", "det", &scan));
    assert_true(scan.n == 3 && scan.at[0].id == k.p && scan.at[0].label == 0);
    espy_scan_free(cx, &scan);
    none_counts(cx, st, &k, 3, 1);
    CASE_OK(cx, espy_store_sample_get(cx, st, k.p, &s));
    assert_string_equal(s.actor, "");
    espy_sample_info_free(cx, &s);
    none_undo(cx, st, &k, 0, 1, 0);
    none_counts(cx, st, &k, 3, 2);

    /* another collection has its own opinion of the photo */
    espy_media_info m = {0};
    CASE_OK(cx, espy_store_sample_delete(cx, st, k.c, k.p, "user"));
    CASE_OK(cx, espy_store_media_get(cx, st, k.media, &m));
    CASE_OK(cx, espy_store_scan_get(cx, st, k.d, m.digest, "all", "enc", &scan));
    assert_int_equal(scan.n, 3);
    espy_scan_free(cx, &scan);
    espy_media_info_free(cx, &m);
}

static void none_is(espy_ctx *cx, espy_store *st, int64_t sample, int64_t label, const char *actor)
{
    espy_sample_info s = {0};
    CASE_OK(cx, espy_store_sample_get(cx, st, sample, &s));
    assert_int_equal(s.label, label);
    assert_string_equal(s.actor, actor);
    espy_sample_info_free(cx, &s);
}

/* What comes back to a label that is deleted by now. */
static void test_none_later(espy_ctx *cx, espy_store *st)
{
    none_case k = {.c = case_collection(cx, st, "c")};
    int64_t bob = 0;
    size_t moved = 0, moved_marks = 0, filed = 0;
    k.p = add_photo(cx, st, k.c, 1, 4, 0, &k.media, NULL);
    CASE_OK(cx, espy_store_label(cx, st, k.c, "ADA", "Ada L", &k.ada));
    CASE_OK(cx, espy_store_label(cx, st, k.c, "BOB", "Bob S", &bob));
    CASE_OK(cx, espy_store_label_set(cx, st, k.c, k.ada, (int64_t[]){k.p, k.p + 1}, 2));

    /* merged: it is the other one's */
    CASE_OK(cx, espy_store_sample_delete(cx, st, k.c, k.p, "user"));
    int64_t first = espy_store_event(st);
    CASE_OK(cx, espy_store_label_merge(cx, st, k.c, k.ada, bob, "user", &moved, &moved_marks));
    none_undo(cx, st, &k, first, 1, 0);
    none_is(cx, st, k.p, bob, "user");

    /* deleted: it waits for a word */
    CASE_OK(cx, espy_store_sample_delete(cx, st, k.c, k.p, "user"));
    first = espy_store_event(st);
    CASE_OK(cx, espy_store_label_delete(cx, st, k.c, bob, "user"));
    none_undo(cx, st, &k, first, 1, 0);
    none_is(cx, st, k.p, 0, "");

    /* a group that lost its last one: it is there again, and takes the other one too */
    const espy_pool_sample seen[] = {{.sample = k.p + 2}, {.sample = k.p + 3}};
    espy_new_label fresh = {.code = "cluster_1", .name = "Unknown"};
    espy_filing filings[] = {{k.p + 2, -1, (double)NAN, &seen[0], false},
                             {k.p + 3, -1, (double)NAN, &seen[1], false}};
    espy_label l = {0};
    CASE_OK(cx, espy_store_file(cx, st, k.c, "group", &fresh, 1, filings, 2, &filed));
    CASE_OK(cx, espy_store_sample_delete(cx, st, k.c, k.p + 2, "user"));
    first = espy_store_event(st);
    CASE_OK(cx, espy_store_sample_delete(cx, st, k.c, k.p + 3, "user"));
    CASE_FAILS(cx, NOT_FOUND, espy_store_label_find(cx, st, k.c, "cluster_1", &l));
    none_undo(cx, st, &k, first, 1, 0);
    CASE_OK(cx, espy_store_label_find(cx, st, k.c, "cluster_1", &l));
    assert_true(l.id == fresh.id && l.samples == 1);
    espy_label_free(cx, &l);
    none_undo(cx, st, &k, 0, 1, 0);
    CASE_OK(cx, espy_store_label_find(cx, st, k.c, "cluster_1", &l));
    assert_int_equal(l.samples, 2);
    espy_label_free(cx, &l);
}

/* -- labels ------------------------------------------------------------------------------------ */
static void test_labels(espy_ctx *cx, espy_store *st)
{
    int64_t ada = add_user(cx, st, "ada"), c = case_collection(cx, st, "c"), s = 0, m = 0, a = 0;
    int64_t b = 0, total = 0, gone = 0, nobody = 99;
    espy_label_info l = {0}, *list = NULL;
    size_t n = 0;
    CASE_OK(cx, espy_store_session(cx, st, c, "monday", NULL, &s));
    int64_t p = add_photo(cx, st, c, 1, 2, s, &m, NULL);
    CASE_OK(cx, espy_store_label(cx, st, c, "STU002", "Ben B", &b));
    CASE_OK(cx, espy_store_label(cx, st, c, "STU001", "Ada L", &a));
    CASE_OK(cx, espy_store_label(cx, st, c, "STU003", "Cy", &gone));
    CASE_OK(cx, espy_store_label_delete(cx, st, c, gone, "user"));
    CASE_OK(cx, espy_store_label_set(cx, st, c, a, (int64_t[]){p, p + 1}, 2));
    espy_label_change change = {"ada@x.org", "{\"year\":2}", &ada};
    CASE_OK(cx, espy_store_label_edit(cx, st, c, a, &change, "user"));
    CASE_FAILS(cx, NOT_FOUND, espy_store_label_edit(cx, st, c + 1, a, &change, "user"));
    change = (espy_label_change){.account = &nobody};
    CASE_FAILS(cx, NOT_FOUND, espy_store_label_edit(cx, st, c, a, &change, "user"));
    change = (espy_label_change){.detail = "2"};
    CASE_FAILS(cx, ARG, espy_store_label_edit(cx, st, c, a, &change, "user"));
    CASE_OK(cx, espy_store_label_info(cx, st, a, &l));
    assert_true(l.collection == c && l.account == ada && l.label.samples == 2 && l.sessions == 1);
    assert_string_equal(l.email, "ada@x.org");
    assert_string_equal(l.detail, "{\"year\":2}");
    espy_label_info_free(cx, &l);
    const struct {
        espy_label_filter f;
        int64_t first, total;
    } asked[] = {{{.collection = c}, a, 2},     {{.search = "ben"}, b, 1},
                 {{.search = "X.ORG"}, a, 1},   {{.search = "stu00_"}, 0, 0},
                 {{.account = ada}, a, 1},      {{.owner = ada}, 0, 0},
                 {{.grouped = ESPY_YES}, 0, 0}, {{.grouped = ESPY_NO}, a, 2}};
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        CASE_OK(cx, espy_store_label_page(cx, st, &asked[i].f, &all, &list, &n, &total));
        assert_true(total == asked[i].total && n == (size_t)total);
        assert_true(n == 0 || list[0].label.id == asked[i].first);
        espy_label_infos_free(cx, list, n);
    }
    CASE_OK(cx, espy_store_label_page(cx, st, &asked[0].f, &(espy_page){.cursor = a, .limit = 5},
                                      &list, &n, NULL));
    assert_true(n == 1 && list[0].label.id == b);
    espy_label_infos_free(cx, list, n);
    CASE_OK(cx, espy_store_media_delete(cx, st, c, &m, 1, "user"));
    CASE_OK(cx, espy_store_label_info(cx, st, a, &l));
    assert_true(l.label.samples == 0 && l.sessions == 0);
    espy_label_info_free(cx, &l);
    CASE_OK(cx, espy_store_user_delete(cx, st, ada)); /* the label stays */
    CASE_OK(cx, espy_store_label_info(cx, st, a, &l));
    assert_int_equal(l.account, 0);
    espy_label_info_free(cx, &l);
}

/* -- attendance -------------------------------------------------------------------------------- */
static void test_attendance(espy_ctx *cx, espy_store *st)
{
    int64_t ada = add_user(cx, st, "ada"), c = case_collection(cx, st, "c"), s[2] = {0}, m[2];
    int64_t d = case_collection(cx, st, "d"), foreign = 0, l[3] = {0}, id = 0, row = 0, total = 0;
    int64_t present[3];
    bool fresh = false, kept = true;
    size_t n = 0, removed = 0;
    espy_attendance *list = NULL;
    espy_presence *at = NULL;
    CASE_OK(cx, espy_store_session_add(
                    cx, st, &(espy_session){.collection = c, .owner = ada, .name = (char *)"one"},
                    &s[0]));
    CASE_OK(cx, espy_store_session(cx, st, c, "two", NULL, &s[1]));
    CASE_OK(cx, espy_store_label(cx, st, d, "F", NULL, &foreign));
    for (int i = 0; i < 3; i++) {
        char code[8];
        snprintf(code, sizeof code, "L%d", i);
        CASE_OK(cx, espy_store_label(cx, st, c, code, NULL, &l[i]));
    }
    int64_t p = add_photo(cx, st, c, 1, 2, s[0], &m[0], NULL);
    CASE_OK(cx, espy_store_label_set(cx, st, c, l[0], (int64_t[]){p, p + 1}, 2));

    espy_mark k = {.session = s[0],
                   .label = l[0],
                   .day = "2026-03-02",
                   .present = true,
                   .sample = p,
                   .confidence = 0.5};
    CASE_OK(cx, espy_store_attendance_mark(cx, st, &k, &id, &fresh, &kept));
    assert_true(fresh && !kept);
    k.confidence = 0.75;
    CASE_OK(cx, espy_store_attendance_mark(cx, st, &k, &row, &fresh, &kept));
    assert_true(row == id && !fresh && !kept);
    espy_mark said = {.session = s[0],
                      .label = l[0],
                      .day = "2026-03-02",
                      .manual = true,
                      .user = ada,
                      .confidence = (double)NAN,
                      .note = "left early"};
    CASE_OK(cx, espy_store_attendance_mark(cx, st, &said, &row, &fresh, &kept));
    assert_true(row == id && !fresh && !kept);
    CASE_OK(cx, espy_store_attendance_mark(cx, st, &k, &row, &fresh, &kept));
    assert_true(row == id && !fresh && kept); /* a person's word stays */
    espy_attendance_filter f = {.collection = c};
    CASE_OK(cx, espy_store_attendance_page(cx, st, &f, &all, &list, &n, &total));
    assert_true(n == 1 && total == 1 && !list[0].present && list[0].manual && list[0].user == ada &&
                isnan(list[0].confidence) && list[0].session == s[0] && list[0].label == l[0]);
    assert_string_equal(list[0].note, "left early");
    assert_string_equal(list[0].code, "L0");
    assert_string_equal(list[0].session_name, "one");
    assert_string_equal(list[0].day, "2026-03-02");
    espy_attendance_free(cx, list, n);

    /* what cannot be */
    espy_mark bad = k;
    bad.day = "2026-3-2";
    CASE_FAILS(cx, ARG, espy_store_attendance_mark(cx, st, &bad, &row, &fresh, &kept));
    bad = k;
    bad.present = false;
    CASE_FAILS(cx, ARG, espy_store_attendance_mark(cx, st, &bad, &row, &fresh, &kept));
    bad = k;
    bad.label = foreign;
    CASE_FAILS(cx, ARG, espy_store_attendance_mark(cx, st, &bad, &row, &fresh, &kept));
    bad.label = 999;
    CASE_FAILS(cx, NOT_FOUND, espy_store_attendance_mark(cx, st, &bad, &row, &fresh, &kept));
    bad = k;
    bad.session = 999;
    CASE_FAILS(cx, NOT_FOUND, espy_store_attendance_mark(cx, st, &bad, &row, &fresh, &kept));
    bad = k;
    bad.sample = 999;
    CASE_FAILS(cx, NOT_FOUND, espy_store_attendance_mark(cx, st, &bad, &row, &fresh, &kept));

    /* others: L1 was seen in session two without a photo being kept, L2 is said to be there */
    k = (espy_mark){.session = s[1],
                    .label = l[1],
                    .day = "2026-03-03",
                    .present = true,
                    .confidence = (double)NAN};
    CASE_OK(cx, espy_store_attendance_mark(cx, st, &k, &row, &fresh, &kept));
    k.label = l[2];
    k.manual = true;
    CASE_OK(cx, espy_store_attendance_mark(cx, st, &k, &row, &fresh, &kept));
    const struct {
        espy_attendance_filter f;
        int64_t total;
    } asked[] = {
        {{.session = s[1]}, 2},         {{.label = l[1]}, 1},      {{.code = "L2"}, 1},
        {{.from = "2026-03-03"}, 2},    {{.to = "2026-03-02"}, 1}, {{.session_owner = ada}, 1},
        {{.collection_owner = ada}, 0}, {{.account = ada}, 0},     {{0}, 3}};
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        CASE_OK(cx, espy_store_attendance_page(cx, st, &asked[i].f, &all, &list, &n, &total));
        assert_true(total == asked[i].total && n == (size_t)total);
        espy_attendance_free(cx, list, n);
    }
    int64_t cursor = 0, got = 0;
    do { /* one by one, the last marked first */
        CASE_OK(cx, espy_store_attendance_page(cx, st, &(espy_attendance_filter){0},
                                               &(espy_page){.cursor = cursor, .limit = 1}, &list,
                                               &n, NULL));
        if (n > 0) {
            assert_true(cursor != 0 || list[0].id == row);
            cursor = list[0].id;
            got++;
        }
        espy_attendance_free(cx, list, n);
    } while (n > 0);
    assert_int_equal(got, 3);

    /* the matrix */
    CASE_OK(cx, espy_store_presence(cx, st, c, NULL, 0, &at, &n));
    assert_int_equal(n, 3);
    assert_true(at[0].label == l[0] && at[0].session == s[0] && at[0].samples == 2 && at[0].said &&
                !at[0].there && !at[0].present);
    assert_true(at[1].label == l[1] && at[1].samples == 0 && !at[1].said && at[1].present);
    assert_true(at[2].label == l[2] && at[2].said && at[2].there && at[2].present);
    espy_free(cx, at);
    CASE_OK(cx, espy_store_attendance_unmark(cx, st, s[0], l[0], NULL, true, &removed));
    assert_int_equal(removed, 1);
    CASE_OK(cx, espy_store_attendance_unmark(cx, st, s[0], l[0], NULL, false, &removed));
    assert_int_equal(removed, 0);
    CASE_OK(cx, espy_store_presence(cx, st, c, &s[0], 1, &at, &n));
    assert_true(n == 1 && at[0].samples == 2 && !at[0].said && at[0].present);
    assert_ptr_equal(espy_presence_find(at, n, l[0], s[0]), at);
    assert_null(espy_presence_find(at, n, l[1], s[0]));
    espy_free(cx, at);
    CASE_OK(cx, espy_store_presence(cx, st, c + 99, &s[0], 1, &at, &n));
    assert_int_equal(n, 0); /* another one's */
    espy_free(cx, at);
    CASE_OK(cx, espy_store_present(cx, st, (int64_t[]){s[1], 9999, s[0]}, 3, present));
    assert_true(present[0] == 2 && present[1] == 0 && present[2] == 1);
    CASE_OK(cx, espy_store_attendance_unmark(cx, st, s[1], l[1], "2026-03-01", false, &removed));
    assert_int_equal(removed, 0);
    CASE_OK(cx, espy_store_session_delete(cx, st, s[1], "user"));
    CASE_OK(cx, espy_store_attendance_page(cx, st, &(espy_attendance_filter){0}, &all, &list, &n,
                                           &total));
    assert_int_equal(total, 0);
    espy_attendance_free(cx, list, n);
    CASE_OK(cx, espy_store_presence(cx, st, c, NULL, 0, &at, &n));
    assert_int_equal(n, 1);
    espy_free(cx, at);
}

/* -- events ------------------------------------------------------------------------------------ */
/* Both orders tell the same, and pages join without gap or repetition. */
static void test_events_newest(espy_ctx *cx, espy_store *st, int64_t owner, int64_t collection)
{
    const int64_t whose[][2] = {{0, 0}, {owner, 0}, {0, collection}, {owner + 1, 0}};
    for (size_t k = 0; k < sizeof whose / sizeof *whose; k++) {
        espy_event *up = NULL, *down = NULL;
        size_t n = 0, m = 0;
        int64_t before = 0;
        if (whose[k][1])
            CASE_OK(cx, espy_store_events(cx, st, whose[k][1], 0, 100, &up, &n));
        else
            CASE_OK(cx, espy_store_events_of(cx, st, whose[k][0], 0, 100, &up, &n));
        assert_int_equal(n, k == 0 ? 5 : k == 3 ? 0 : 3);
        const espy_event_filter f = {
            .owner = whose[k][0], .collection = whose[k][1], .newest = true};
        for (size_t left = n; left; left -= m) {
            CASE_OK(cx, espy_store_events_page(cx, st, &f, before, 2, &down, &m));
            assert_int_equal(m, left < 2 ? left : 2);
            for (size_t i = 0; i < m; i++)
                assert_true(down[i].id == up[left - 1 - i].id);
            before = down[m - 1].id;
            espy_events_free(cx, down, m);
        }
        CASE_OK(cx, espy_store_events_page(cx, st, &f, n ? before : 0, 2, &down, &m));
        assert_int_equal(m, 0);
        espy_events_free(cx, up, n);
    }
}

/* Which of the events can be undone, as the list tells it, alone and by each one of them. */
static void expect_undoable(espy_ctx *cx, espy_store *st, int64_t collection, const int64_t *events,
                            size_t n)
{
    espy_event_filter f = {.collection = collection, .undoable = true};
    espy_event *list = NULL;
    size_t k = 0, told = 0;
    CASE_OK(cx, espy_store_events_page(cx, st, &f, 0, 100, &list, &k));
    assert_int_equal(k, n);
    for (size_t i = 0; i < n; i++)
        assert_true(list[i].id == events[i] && list[i].undoable);
    espy_events_free(cx, list, k);
    f.undoable = false;
    CASE_OK(cx, espy_store_events_page(cx, st, &f, 0, 100, &list, &k));
    for (size_t i = 0; i < k; i++)
        told += list[i].undoable;
    assert_int_equal(told, n);
    espy_events_free(cx, list, k);
}

/* An event is undoable before it is undone, and not after; then it tells that it was. */
static void test_events_undoable(espy_ctx *cx, espy_store *st)
{
    int64_t c = case_collection(cx, st, "c"), a = 0, events[3] = {0};
    espy_event *list = NULL;
    size_t n = 0;
    espy_undone u = {0};
    CASE_OK(cx, espy_store_label(cx, st, c, "A", NULL, &a));
    expect_undoable(cx, st, c, NULL, 0); /* a label was made */
    CASE_OK(cx, espy_store_label_rename(cx, st, c, a, "B", NULL, "user"));
    events[0] = espy_store_event(st);
    CASE_OK(cx, espy_store_label_delete(cx, st, c, a, "user"));
    events[1] = espy_store_event(st);
    expect_undoable(cx, st, c, events, 2);
    CASE_OK(cx, espy_store_undo(cx, st, c, events[0], "user", &u));
    espy_free(cx, u.action);
    expect_undoable(cx, st, c, &events[1], 1);
    CASE_OK(cx, espy_store_events(cx, st, c, events[0] - 1, 2, &list, &n));
    assert_true(n == 2 && list[0].undone && !list[1].undone);
    espy_events_free(cx, list, n);

    /* of a deleted collection nothing; once it was restored its deletion is no step to take back */
    CASE_OK(cx, espy_store_collection_delete(cx, st, c, "user"));
    events[2] = espy_store_event(st);
    expect_undoable(cx, st, c, NULL, 0);
    CASE_OK(cx, espy_store_collection_restore(cx, st, c, "user"));
    expect_undoable(cx, st, c, &events[1], 1);
    CASE_FAILS(cx, NOT_FOUND, espy_store_undo(cx, st, c, events[2], "user", &u));
    CASE_OK(cx, espy_store_undo(cx, st, c, events[1], "user", &u));
    espy_free(cx, u.action);
    expect_undoable(cx, st, c, NULL, 0);
}

static void test_events(espy_ctx *cx, espy_store *st)
{
    int64_t ada = add_user(cx, st, "ada"), a = 0, last = 0, id = 0;
    espy_collection c = case_template("hers");
    espy_event *list = NULL;
    size_t n = 0;
    CASE_OK(cx, espy_store_events_last(cx, st, &last));
    assert_int_equal(last, 0);
    c.owner = ada;
    CASE_OK(cx, espy_store_collection_create(cx, st, &c, &a));
    int64_t b = case_collection(cx, st, "others");
    CASE_OK(cx, espy_store_label(cx, st, a, "A", NULL, &id));
    CASE_OK(cx, espy_store_label(cx, st, b, "B", NULL, &id));
    CASE_OK(cx, espy_store_events_of(cx, st, 0, 0, 100, &list, &n));
    assert_true(n == 4 && list[1].collection == b);
    last = list[1].id;
    espy_events_free(cx, list, n);
    CASE_OK(cx, espy_store_events_of(cx, st, ada, last, 100, &list, &n));
    assert_true(n == 1 && list[0].collection == a);
    assert_string_equal(list[0].action, "label.create");
    espy_events_free(cx, list, n);
    CASE_OK(cx, espy_store_events_last(cx, st, &last));
    CASE_OK(cx, espy_store_collection_delete(cx, st, a, "user"));
    CASE_OK(cx, espy_store_events_of(cx, st, ada, last, 100, &list, &n));
    assert_true(n == 1 && strcmp(list[0].action, "collection.delete") == 0);
    espy_events_free(cx, list, n);
    test_events_newest(cx, st, ada, a);
}

static void run_cases(void **state)
{
    (void)state;
    static void (*const cases[])(espy_ctx *, espy_store *) = {
        test_collections,      test_sessions,   test_gallery,   test_away,
        test_labels,           test_attendance, test_events,    test_events_undoable,
        test_clear_and_delete, test_none,       test_none_later};
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

/* -- no memory --------------------------------------------------------------------------------- */
/* Every call once. */
static espy_err life(espy_ctx *cx, const char *dir)
{
    espy_store *st = NULL;
    int64_t user = 0, c = 0, s = 0, m = 0, label = 0, id = 0, total = 0;
    espy_user u = {0}, *users = NULL;
    espy_key key = {.name = (char *)"k", .scopes = 1}, *keys = NULL, found = {0};
    espy_webhook hook = {.url = (char *)"u", .events = (char *)"*", .secret = (char *)"s"};
    espy_webhook *hooks = NULL;
    espy_collection col = case_template("c"), *cols = NULL;
    espy_session *sessions = NULL;
    espy_media_info *media = NULL;
    espy_sample_info *samples = NULL;
    espy_label_info *labels = NULL;
    espy_attendance *rows = NULL;
    espy_presence *matrix = NULL;
    espy_sample_encoder *encoders = NULL;
    espy_job *jobs = NULL, job = {0};
    espy_event *events = NULL;
    espy_undone undone = {0};
    espy_once_word word;
    espy_job_word said;
    espy_scan scan = {.n = 1, .dim = 1};
    espy_scan_sample face = {.box = {0, 0, 9, 9}};
    float one = 1, *x = NULL;
    char *value = NULL, digest[ESPY_DIGEST_HEX];
    size_t n[11] = {0}, dim = 0;
    bool flag = false, other = false;
    int status = 0;
    const espy_once once = {.key = "k", .route = "r", .request = "q"};
    const espy_span photo = {(const uint8_t *)"photo", 5};
    espy_err e = ESPY_E_OK;
    espy_digest("key", 3, key.digest);
    espy_digest(photo.data, photo.size, digest);
    face.embedding = &one;
    scan.at = &face;
    scan.vectors = &one;
    ESPY_GO(espy_dir_remove(cx, dir));
    ESPY_GO(espy_store_open(cx, dir, &st));
    u = (espy_user){.name = (char *)"a", .password = (char *)"h", .role = (char *)"admin"};
    e = espy_store_user_add(cx, st, &u, &user);
    u = (espy_user){0};
    if (e != ESPY_E_OK)
        goto out;
    ESPY_GO(espy_store_user_update(cx, st, user, &(espy_user_change){.email = "e"}));
    ESPY_GO(espy_store_users(cx, st, NULL, &all, &users, &n[0], &total));
    key.owner = hook.owner = col.owner = user;
    ESPY_GO(espy_store_key_add(cx, st, &key, &id));
    ESPY_GO(espy_store_keys(cx, st, 0, &keys, &n[1]));
    ESPY_GO(espy_store_key_find(cx, st, key.digest, &found, &u));
    ESPY_GO(espy_store_webhook_add(cx, st, &hook, &id));
    ESPY_GO(espy_store_webhook_update(cx, st, id, &(espy_webhook_change){.events = "x"}));
    ESPY_GO(espy_store_webhooks(cx, st, user, &hooks, &n[2]));
    ESPY_GO(espy_store_setting_first(cx, st, "n", "v", &value));
    espy_free(cx, value);
    value = NULL;
    ESPY_GO(espy_store_once_begin(cx, st, &once, &word, &status, &value));
    ESPY_GO(espy_store_once_finish(cx, st, &once, 200, "body"));
    ESPY_GO(espy_store_once_begin(cx, st, &once, &word, &status, &value));
    ESPY_GO(espy_store_collection_create(cx, st, &col, &c));
    ESPY_GO(espy_store_collection_update(cx, st, c, &(espy_collection_change){.name = "d"}));
    ESPY_GO(espy_store_collection_page(cx, st, &(espy_collection_filter){.search = "d"}, &all,
                                       &cols, &n[3], &total));
    ESPY_GO(espy_store_session(cx, st, c, "s", NULL, &s));
    ESPY_GO(espy_store_session_update(cx, st, s, &(espy_session_change){.notes = "x"}));
    ESPY_GO(
        espy_store_session_page(cx, st, &(espy_session_filter){0}, &all, &sessions, &n[4], &total));
    ESPY_GO(espy_store_media(cx, st, c, photo, digest, "p.jpg", &m));
    ESPY_GO(espy_store_scan_put(cx, st, m, "all", "enc", "det", &scan));
    ESPY_GO(espy_store_media_session(cx, st, m, s, &flag));
    ESPY_GO(espy_store_label(cx, st, c, "A", NULL, &label));
    ESPY_GO(espy_store_label_set(cx, st, c, label, &face.id, 1));
    ESPY_GO(espy_store_label_edit(cx, st, c, label, &(espy_label_change){.email = "e"}, "user"));
    ESPY_GO(espy_store_label_page(cx, st, &(espy_label_filter){.search = "a"}, &all, &labels, &n[5],
                                  &total));
    ESPY_GO(espy_store_media_page(cx, st, &(espy_media_filter){0}, &all, &media, &n[6], &total));
    ESPY_GO(
        espy_store_sample_page(cx, st, &(espy_sample_filter){0}, &all, &samples, &n[7], &total));
    ESPY_GO(espy_store_sample_vector(cx, st, face.id, "enc", &x, &dim));
    ESPY_GO(espy_store_sample_encoders(cx, st, face.id, &encoders, &n[8]));
    ESPY_GO(espy_store_attendance_mark(
        cx, st,
        &(espy_mark){
            .session = s, .label = label, .manual = true, .day = "2026-03-02", .present = true},
        &id, &flag, &other));
    ESPY_GO(espy_store_attendance_page(cx, st, &(espy_attendance_filter){0}, &all, &rows, &n[9],
                                       &total));
    ESPY_GO(espy_store_presence(cx, st, c, &s, 1, &matrix, &n[10]));
    ESPY_GO(espy_store_job_order(
        cx, st, &(espy_job_order){.kind = "k", .request = "{}", .exclusive = "x"}, &id));
    ESPY_GO(espy_store_job_take(cx, st, NULL, "w", 60, &job, &flag));
    ESPY_GO(espy_store_job_release(cx, st, &job, false, 0, &said));
    ESPY_GO(espy_store_job_page(cx, st, &(espy_job_filter){0}, &all, &jobs, &dim, &total));
    espy_jobs_free(cx, jobs, dim);
    ESPY_GO(espy_store_media_delete(cx, st, c, &m, 1, "user"));
    ESPY_GO(espy_store_session_delete(cx, st, s, "user"));
    ESPY_GO(espy_store_undo(cx, st, c, 0, "user", &undone));
    ESPY_GO(espy_store_media(cx, st, c, photo, digest, "p.jpg", &m));
    ESPY_GO(espy_store_collection_delete(cx, st, c, "user"));
    ESPY_GO(espy_store_collection_restore(cx, st, c, "user"));
    ESPY_GO(espy_store_events_of(cx, st, user, 0, 100, &events, &dim));
    espy_events_free(cx, events, dim);
out:
    espy_user_free(cx, &u);
    espy_users_free(cx, users, n[0]);
    espy_keys_free(cx, keys, n[1]);
    espy_key_free(cx, &found);
    espy_webhooks_free(cx, hooks, n[2]);
    espy_collections_free(cx, cols, n[3]);
    espy_sessions_free(cx, sessions, n[4]);
    espy_label_infos_free(cx, labels, n[5]);
    espy_media_infos_free(cx, media, n[6]);
    espy_sample_infos_free(cx, samples, n[7]);
    espy_sample_encoders_free(cx, encoders, n[8]);
    espy_attendance_free(cx, rows, n[9]);
    espy_free(cx, matrix);
    espy_free(cx, x);
    espy_free(cx, value);
    espy_free(cx, undone.action);
    espy_job_free(cx, &job);
    espy_store_close(cx, &st);
    return e;
}

static void run_memory(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    test_memory_init(&cx, &m);
    const char *dir = case_dir(&cx);
    TEST_FAULT_LOOP(&cx, &m, life(&cx, dir), (void)0);
    CASE_OK(&cx, espy_dir_remove(&cx, dir));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(run_cases), cmocka_unit_test(run_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
