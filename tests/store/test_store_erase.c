/* SPDX-License-Identifier: Apache-2.0
 * Erasing a label for good, and media that were kept long enough. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "pg_server.h"
#include "store/collection.h"
#include "store/erase.h"
#include "store/gallery.h"
#include "store/group.h"
#include "store/label.h"
#include "store/setting.h"
#include "store_case.h"
#include "support/support.h"

#define STARTED(cx, st, dir)                  \
    espy_ctx cx;                              \
    espy_ctx_init(&cx);                       \
    espy_store *st = NULL;                    \
    const char *dir = backend_begin(&cx, on); \
    CASE_OK(&cx, on->open(&cx, dir, &st))
#define ENDED(cx, st)           \
    espy_store_close(&cx, &st); \
    backend_end(&cx)

/* "blanked", and how many samples were to be blanked. */
static espy_err blank(espy_ctx *cx, void *self, espy_span media, const float (*boxes)[4], size_t n,
                      espy_buf *out)
{
    int *calls = self;
    assert_true(media.size > 0 && boxes[0][2] > 0);
    ++*calls;
    espy_buf_init(out, 1000);
    return espy_buf_printf(cx, out, "blanked %zu of %zu bytes", n, media.size);
}

static int64_t count(const espy_json *receipt, const char *key)
{
    return espy_json_int(espy_json_get(receipt, key), -1);
}

/* Whether the bytes of a media can still be had. */
static bool media_there(espy_ctx *cx, espy_store *st, const char *digest)
{
    espy_buf b = {0};
    espy_err e = espy_store_media_bytes(cx, st, digest, 1 << 20, &b);
    espy_buf_free(cx, &b);
    espy_clear(cx);
    return e == ESPY_E_OK;
}

/* Whether any file below the folder holds the text. */
static bool files_hold(const char *dir, const char *text)
{
    char command[1000];
    snprintf(command, sizeof command, "grep -rqaF -- '%s' '%s'", text, dir);
    return system(command) == 0;
}

/* Collection c: ADA alone in media 1, with BOB in media 2; collection d holds media 1 as well. */
typedef struct erase_case {
    int64_t c, d, ada, bob, alone, group[2], other;
    char one[ESPY_DIGEST_HEX], two[ESPY_DIGEST_HEX];
} erase_case;

static erase_case prepare(espy_ctx *cx, espy_store *st)
{
    erase_case k = {.c = case_collection(cx, st, "c"), .d = case_collection(cx, st, "d")};
    k.alone = case_sample(cx, st, k.c, 1, k.one);
    espy_scan s = case_scan(cx, 2, 4, 7);
    int64_t media = case_media(cx, st, k.c, 2, k.two);
    CASE_OK(cx, espy_store_scan_put(cx, st, media, "all", "enc", "det", &s));
    k.group[0] = s.at[0].id;
    k.group[1] = s.at[1].id;
    espy_scan_free(cx, &s);
    k.other = case_sample(cx, st, k.d, 1, NULL);
    CASE_OK(cx, espy_store_label(cx, st, k.c, "ADA", "Ada Lovelace", &k.ada));
    CASE_OK(cx, espy_store_label(cx, st, k.c, "BOB", "Bob \"B\" Stone", &k.bob));
    const int64_t hers[] = {k.alone, k.group[0]};
    CASE_OK(cx, espy_store_label_set(cx, st, k.c, k.ada, hers, 2));
    CASE_OK(cx, espy_store_label_set(cx, st, k.c, k.bob, &k.group[1], 1));
    return k;
}

static void run_erase(void **state)
{
    (void)state;
    STARTED(cx, st, dir);
    erase_case k = prepare(&cx, st);
    const int64_t both[] = {k.alone, k.group[1]};
    int64_t live = 0, b1 = k.bob;
    espy_json *r = NULL;
    int calls = 0;
    char after[2000];
    /* a name that was hers before, and one that only looks alike */
    CASE_OK(&cx, espy_store_label_rename(&cx, st, k.c, k.ada, "AUGUSTA", "Augusta King", "user"));
    CASE_OK(&cx, espy_store_sample_source(&cx, st, k.group[0], "/photos/ADA and BOB/CANADA.jpg"));
    assert_int_equal(case_version(&cx, st, k.c, "of both", both, 2), 1);
    assert_int_equal(case_version(&cx, st, k.c, "of bob", &k.group[1], 1), 2);
    CASE_OK(&cx, espy_store_promote(&cx, st, k.c, 2, "good"));
    CASE_OK(&cx, espy_store_promote(&cx, st, k.c, 1, "with Augusta King"));

    /* where else her name may stand: beside other labels, sessions, the collection; in answers kept
     */
    int64_t session = 0;
    espy_once_word word;
    const espy_once once = {.owner = 1, .key = "k", .route = "POST /v1/labels", .request = "sha"};
    int status = 0;
    char *body = NULL;
    CASE_OK(&cx, espy_store_label_edit(
                     &cx, st, k.c, k.bob,
                     &(espy_label_change){.detail = "{\"sits by\":\"Ada Lovelace\"}"}, "user"));
    CASE_OK(&cx, espy_store_session_add(&cx, st,
                                        &(espy_session){.collection = k.c,
                                                        .name = (char *)"s",
                                                        .detail = (char *)"{\"led\":\"ADA\"}"},
                                        &session));
    CASE_OK(&cx, espy_store_collection_update(
                     &cx, st, k.c, &(espy_collection_change){.description = "of Augusta King"}));
    CASE_OK(&cx, espy_store_once_begin(&cx, st, &once, &word, &status, &body));
    CASE_OK(&cx, espy_store_once_finish(&cx, st, &once, 201, "{\"name\":\"Ada Lovelace\"}"));
    /* a photo of hers that was taken away is forgotten like the others */
    espy_media_info info = {0};
    espy_sample_info alone = {0};
    CASE_OK(&cx, espy_store_sample_get(&cx, st, k.alone, &alone));
    CASE_OK(&cx, espy_store_media_delete(&cx, st, k.c, &alone.media, 1, "user"));

    CASE_OK(&cx, espy_store_erase(&cx, st, k.c, k.ada, blank, &calls, &r));
    assert_int_equal(count(r, "samples"), 3); /* one of them in the other collection */
    assert_int_equal(count(r, "media_removed"), 1);
    assert_int_equal(count(r, "media_blanked"), 1);
    assert_int_equal(count(r, "versions_removed"), 1);
    assert_int_equal(count(r, "leftovers"), 0);
    assert_true(calls == 1 && count(r, "texts_changed") >= 5);
    espy_json_free(r);
    CASE_OK(&cx, espy_store_once_begin(&cx, st, &once, &word, &status, &body));
    assert_int_equal(word, ESPY_ONCE_FRESH);
    espy_label_info seat = {0};
    CASE_OK(&cx, espy_store_label_info(&cx, st, k.bob, &seat));
    assert_non_null(strstr(seat.detail, "\"sits by\":\"erased-"));
    espy_label_info_free(&cx, &seat);

    /* BOB is as he was; the version that was his alone stays, and nothing answers for the other */
    case_picture(&cx, st, k.c, after, sizeof after);
    char want[200];
    snprintf(want, sizeof want, "BOB=Bob \"B\" Stone(1) %lld:%llduser ", (long long)k.group[1],
             (long long)b1);
    assert_string_equal(after, want);
    CASE_OK(&cx, espy_store_alias(&cx, st, k.c, "live", &live));
    assert_true(live == 0);
    CASE_OK(&cx, espy_store_alias(&cx, st, k.c, "previous", &live));
    assert_true(live == 2);
    case_picture(&cx, st, k.d, after, sizeof after);
    assert_string_equal(after, "");

    /* the media: gone, and blanked under another digest; the source lost only her name */
    char digest[ESPY_DIGEST_HEX], *source = NULL;
    assert_false(media_there(&cx, st, k.one));
    assert_false(media_there(&cx, st, k.two));
    CASE_OK(&cx, espy_store_sample_media(&cx, st, k.group[1], digest));
    assert_true(strcmp(digest, k.two) != 0 && media_there(&cx, st, digest));
    CASE_OK(&cx, espy_store_sample_origin(&cx, st, k.group[1], &source));
    assert_true(strncmp(source, "/photos/erased-", 15) == 0);
    assert_non_null(strstr(source, " and BOB/CANADA.jpg"));
    espy_free(&cx, source);

    /* the events tell what happened, but not to whom */
    espy_event *ev = NULL;
    size_t n = 0;
    CASE_OK(&cx, espy_store_events(&cx, st, k.c, 0, 1000, &ev, &n));
    assert_string_equal(ev[n - 1].action, "label.erase");
    for (size_t i = 0; i < n; i++)
        if (ev[i].detail != NULL &&
            (strstr(ev[i].detail, "ADA") || strstr(ev[i].detail, "Augusta")))
            fail_msg("%s: %s", ev[i].action, ev[i].detail);
    espy_events_free(&cx, ev, n);

    espy_finding *f = NULL;
    CASE_OK(&cx, espy_store_check(&cx, st, &f, &n));
    for (size_t i = 0; i < n; i++)
        fail_msg("%s: %s", f[i].item, f[i].text);
    espy_findings_free(&cx, f, n);
    espy_label l = {0};
    CASE_FAILS(&cx, NOT_FOUND, espy_store_label_get(&cx, st, k.c, k.ada, &l));
    CASE_FAILS(&cx, NOT_FOUND, espy_store_erase(&cx, st, k.c, k.ada, blank, &calls, &r));
    /* what took her photo away cannot bring it back */
    espy_undone undone = {0};
    CASE_OK(&cx, espy_store_undo(&cx, st, k.c, 0, "user", &undone));
    assert_true(strcmp(undone.action, "media.delete") == 0 && undone.kept == 1);
    espy_free(&cx, undone.action);
    CASE_FAILS(&cx, NOT_FOUND, espy_store_media_get(&cx, st, alone.media, &info));
    espy_sample_info_free(&cx, &alone);
    espy_store_close(&cx, &st);
    /* not even the free pages of the file hold a name */
    if (!on->server)
        assert_false(files_hold(dir, "Augusta") || files_hold(dir, "Lovelace"));
    backend_end(&cx);
}

/* What was deleted is erased too; undoing what came before does not stumble over it. */
static void run_deleted(void **state)
{
    (void)state;
    STARTED(cx, st, dir);
    (void)dir;
    erase_case k = prepare(&cx, st);
    espy_json *r = NULL;
    espy_undone u = {0};
    int calls = 0, undone = 0;
    CASE_OK(&cx, espy_store_label_reject(&cx, st, k.c, k.ada, &k.group[1], 1));
    CASE_OK(&cx, espy_store_sample_delete(&cx, st, k.c, k.alone, "user")); /* and its like in d */
    CASE_OK(&cx, espy_store_label_delete(&cx, st, k.c, k.ada, "user"));
    CASE_OK(&cx, espy_store_erase(&cx, st, k.c, k.ada, blank, &calls, &r));
    assert_int_equal(count(r, "samples"), 3);
    assert_int_equal(count(r, "leftovers"), 0);
    espy_json_free(r);
    while (espy_store_undo(&cx, st, k.c, 0, "user", &u) == ESPY_E_OK) {
        espy_free(&cx, u.action);
        undone++;
    }
    assert_int_equal(cx.code, ESPY_E_NOT_FOUND);
    espy_clear(&cx);
    assert_int_equal(undone, 1); /* what was said of the other one; hers is no more */
    ENDED(cx, st);
}

/* Samples that were taken away: those of labels that were merged into it, and not those that went
 * as somebody else's. */
static void run_removed(void **state)
{
    (void)state;
    STARTED(cx, st, dir);
    erase_case k = prepare(&cx, st);
    espy_json *r = NULL;
    espy_undone u = {0};
    int64_t eve = 0;
    size_t n = 0, marks = 0;
    int calls = 0;
    CASE_OK(&cx, espy_store_label(&cx, st, k.c, "EVE", NULL, &eve));
    CASE_OK(&cx, espy_store_label_set(&cx, st, k.c, eve, &k.group[1], 1)); /* by mistake */
    CASE_OK(&cx, espy_store_sample_delete(&cx, st, k.c, k.group[1], "user"));
    CASE_OK(&cx, espy_store_undo(&cx, st, k.c, 0, "user", &u));
    espy_free(&cx, u.action);
    CASE_OK(&cx, espy_store_label_set(&cx, st, k.c, k.bob, &k.group[1], 1));
    CASE_OK(&cx, espy_store_sample_delete(&cx, st, k.c, k.group[1], "user"));
    CASE_OK(&cx, espy_store_erase(&cx, st, k.c, eve, blank, &calls, &r));
    assert_int_equal(count(r, "samples"), 0);
    espy_json_free(r);
    CASE_OK(&cx, espy_store_undo(&cx, st, k.c, 0, "user", &u));
    assert_true(u.samples == 1 && u.kept == 0);
    espy_free(&cx, u.action);

    /* sessions of one day that bear her names stay two */
    int64_t session[2];
    CASE_OK(&cx, espy_store_session(&cx, st, k.c, "ADA", "2026-03-02", &session[0]));
    CASE_OK(&cx, espy_store_session(&cx, st, k.c, "Ada Lovelace", "2026-03-02", &session[1]));
    CASE_OK(&cx, espy_store_sample_delete(&cx, st, k.c, k.alone, "user"));
    const int64_t gone = espy_store_event(st);
    CASE_OK(&cx, espy_store_label_merge(&cx, st, k.c, k.ada, k.bob, "user", &n, &marks));
    CASE_OK(&cx, espy_store_erase(&cx, st, k.c, k.bob, blank, &calls, &r));
    if (!on->rows)
        assert_false(files_hold(dir, "ADA") || files_hold(dir, "Lovelace"));
    assert_int_equal(count(r, "samples"), 4); /* hers alone and its like in d; two in the group */
    espy_json_free(r);
    assert_false(media_there(&cx, st, k.one) || media_there(&cx, st, k.two));
    CASE_FAILS(&cx, NOT_FOUND, espy_store_undo(&cx, st, k.c, gone, "user", &u));
    CASE_FAILS(&cx, NOT_FOUND, espy_store_erase(&cx, st, k.c, k.ada, blank, &calls, &r));
    ENDED(cx, st);
}

/* Labels that are two again: each is erased alone, also when the other one was deleted since. */
static void run_unmerged(void **state)
{
    (void)state;
    STARTED(cx, st, dir);
    (void)dir;
    erase_case k = prepare(&cx, st);
    espy_json *r = NULL;
    espy_undone u = {0};
    espy_label ada = {0};
    size_t n = 0, marks = 0;
    int calls = 0;
    CASE_OK(&cx, espy_store_label_merge(&cx, st, k.c, k.ada, k.bob, "user", &n, &marks));
    CASE_OK(&cx, espy_store_undo(&cx, st, k.c, 0, "user", &u));
    espy_free(&cx, u.action);
    CASE_OK(&cx, espy_store_label_delete(&cx, st, k.c, k.ada, "user"));
    CASE_OK(&cx, espy_store_erase(&cx, st, k.c, k.bob, blank, &calls, &r));
    assert_int_equal(count(r, "samples"), 1);
    espy_json_free(r);
    CASE_OK(&cx, espy_store_undo(&cx, st, k.c, 0, "user", &u));
    espy_free(&cx, u.action);
    CASE_OK(&cx, espy_store_label_find(&cx, st, k.c, "ADA", &ada));
    assert_int_equal(ada.samples, 2);
    espy_label_free(&cx, &ada);
    ENDED(cx, st);
}

/* A blank that fails leaves everything as it was. */
static espy_err cannot_blank(espy_ctx *cx, void *self, espy_span media, const float (*boxes)[4],
                             size_t n, espy_buf *out)
{
    (void)self;
    (void)media;
    (void)boxes;
    (void)n;
    (void)out;
    return espy_fail(cx, ESPY_E_CANCELLED, "interrupted");
}

static void run_refused(void **state)
{
    (void)state;
    STARTED(cx, st, dir);
    (void)dir;
    erase_case k = prepare(&cx, st);
    const int64_t hers[] = {k.alone, k.group[0]};
    char before[2000], after[2000];
    espy_version v = {0};
    espy_json *r = NULL;
    assert_int_equal(case_version(&cx, st, k.c, "hers", hers, 2), 1);
    case_picture(&cx, st, k.c, before, sizeof before);
    CASE_FAILS(&cx, CANCELLED, espy_store_erase(&cx, st, k.c, k.ada, cannot_blank, NULL, &r));
    case_picture(&cx, st, k.c, after, sizeof after);
    assert_string_equal(after, before);
    assert_true(media_there(&cx, st, k.one) && media_there(&cx, st, k.two));
    CASE_OK(&cx, espy_store_version(&cx, st, k.c, 1, &v));
    espy_version_free(&cx, &v);
    ENDED(cx, st);
}

/* Everybody else keeps what is theirs: names that hold hers, labels and vectors of a photo that
 * cannot be read any more, history. */
static void run_others(void **state)
{
    (void)state;
    STARTED(cx, st, dir);
    (void)dir;
    erase_case k = prepare(&cx, st);
    int64_t lee = 0, ann = 0, sample = case_sample(&cx, st, k.c, 5, NULL);
    espy_json *r = NULL;
    espy_undone u = {0};
    espy_label l = {0};
    int calls = 0;
    char *source = NULL;
    CASE_OK(&cx, espy_store_label(&cx, st, k.c, "lee", "Ann Lee", &lee));
    CASE_OK(&cx, espy_store_label_set(&cx, st, k.c, lee, &sample, 1));
    CASE_OK(&cx, espy_store_sample_source(&cx, st, sample, "/p/Ann_Lee/ann.jpg"));
    CASE_OK(&cx, espy_store_label_rename(&cx, st, k.c, lee, "L2", "Ann Lee", "user"));
    assert_int_equal(case_version(&cx, st, k.c, "hers alone", &sample, 1), 1);
    CASE_OK(&cx, espy_store_label(&cx, st, k.c, "ann", "D\"Arcy", &ann));
    CASE_OK(&cx, espy_store_label_rename(&cx, st, k.c, ann, "X9", NULL, "user"));
    CASE_OK(&cx, espy_store_erase(&cx, st, k.c, ann, blank, &calls, &r));
    assert_int_equal(count(r, "leftovers"), 0);
    assert_int_equal(count(r, "versions_removed"), 0);
    espy_json_free(r);
    CASE_OK(&cx, espy_store_sample_origin(&cx, st, sample, &source));
    assert_true(strncmp(source, "/p/Ann_Lee/erased-", 18) == 0); /* the folder is Ann Lee's */
    espy_free(&cx, source);
    espy_event *ev = NULL;
    size_t n = 0;
    CASE_OK(&cx, espy_store_events(&cx, st, k.c, 0, 1000, &ev, &n));
    int64_t renamed = 0;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(ev[i].action, "label.rename") == 0 && ev[i].label == lee)
            renamed = ev[i].id;
        if (ev[i].detail != NULL && strstr(ev[i].detail, "Arcy") != NULL)
            fail_msg("%s", ev[i].detail);
    }
    espy_events_free(&cx, ev, n);
    CASE_OK(&cx, espy_store_undo(&cx, st, k.c, renamed, "user", &u));
    espy_free(&cx, u.action);
    CASE_OK(&cx, espy_store_label_find(&cx, st, k.c, "lee", &l));
    assert_string_equal(l.name, "Ann Lee");
    espy_label_free(&cx, &l);
    ENDED(cx, st);
}

/* One that was deleted, and whose samples grouping has taken since; one that was merged. */
static void run_taken(void **state)
{
    (void)state;
    STARTED(cx, st, dir);
    (void)dir;
    erase_case k = prepare(&cx, st);
    espy_json *r = NULL;
    espy_sample_pool p = {0};
    espy_new_label fresh = {.code = "cluster_1", .name = "Unknown"};
    size_t n = 0, m = 0;
    int calls = 0;
    CASE_OK(&cx, espy_store_label_delete(&cx, st, k.c, k.ada, "user"));
    CASE_OK(&cx, espy_store_pool(&cx, st, k.c, 0, "enc", &p));
    espy_filing f = {p.at[0].sample, -1, (double)NAN, &p.at[0], false};
    CASE_OK(&cx, espy_store_file(&cx, st, k.c, "group", &fresh, 1, &f, 1, &n));
    assert_int_equal(n, 1);
    espy_sample_pool_free(&cx, &p);
    CASE_OK(&cx, espy_store_erase(&cx, st, k.c, k.ada, blank, &calls, &r));
    assert_int_equal(count(r, "samples"), 3);
    espy_json_free(r);
    CASE_OK(&cx, espy_store_label_merge(&cx, st, k.c, fresh.id, k.bob, "user", &n, &m));
    CASE_FAILS(&cx, ARG, espy_store_erase(&cx, st, k.c, fresh.id, blank, &calls, &r));
    ENDED(cx, st);
}

/* The same photo, blanked once, comes again; and one whose bytes are gone. */
static void run_again(void **state)
{
    (void)state;
    STARTED(cx, st, dir);
    (void)dir;
    erase_case k = prepare(&cx, st);
    espy_json *r = NULL;
    int64_t again = 0;
    int calls = 0;
    char now[2000];
    CASE_OK(&cx, espy_store_erase(&cx, st, k.c, k.ada, blank, &calls, &r));
    espy_json_free(r);
    espy_scan s = case_scan(&cx, 2, 4, 7);
    int64_t media = case_media(&cx, st, k.c, 2, NULL);
    CASE_OK(&cx, espy_store_scan_put(&cx, st, media, "all", "enc", "det", &s));
    CASE_OK(&cx, espy_store_label(&cx, st, k.c, "EVE", NULL, &again));
    CASE_OK(&cx, espy_store_label_set(&cx, st, k.c, again, &s.at[0].id, 1));
    CASE_OK(&cx, espy_store_label_set(&cx, st, k.c, k.bob, &s.at[1].id, 1));
    espy_scan_free(&cx, &s);
    CASE_OK(&cx, espy_store_erase(&cx, st, k.c, again, blank, &calls, &r));
    assert_int_equal(count(r, "media_blanked"), 1);
    assert_int_equal(count(r, "leftovers"), 0);
    espy_json_free(r);

    s = case_scan(&cx, 2, 4, 9);
    char digest[ESPY_DIGEST_HEX];
    media = case_media(&cx, st, k.c, 6, digest);
    CASE_OK(&cx, espy_store_scan_put(&cx, st, media, "all", "enc", "det", &s));
    CASE_OK(&cx, espy_store_label(&cx, st, k.c, "IDA", NULL, &again));
    CASE_OK(&cx, espy_store_label_set(&cx, st, k.c, again, &s.at[0].id, 1));
    CASE_OK(&cx, espy_store_label_set(&cx, st, k.c, k.bob, &s.at[1].id, 1));
    espy_scan_free(&cx, &s);
    if (!on->rows) {
        char *path = espy_store_media_path(&cx, st, digest);
        assert_int_equal(remove(path), 0);
        espy_free(&cx, path);
        CASE_OK(&cx, espy_store_erase(&cx, st, k.c, again, blank, &calls, &r));
        assert_int_equal(count(r, "media_removed"), 1);
        espy_json_free(r);
        case_picture(&cx, st, k.c, now, sizeof now);
        assert_non_null(strstr(now, "BOB=Bob \"B\" Stone(3)"));
    }
    ENDED(cx, st);
}

static void run_expire(void **state)
{
    (void)state;
    STARTED(cx, st, dir);
    (void)dir;
    int64_t c = case_collection(&cx, st, "c"), ada = 0, media = 0;
    char digest[4][ESPY_DIGEST_HEX];
    size_t removed = 99;
    int64_t labelled = case_sample(&cx, st, c, 0, digest[0]);
    int64_t learned = case_sample(&cx, st, c, 1, digest[1]);
    int64_t grouped = case_sample(&cx, st, c, 2, digest[2]); /* nobody's but a group's */
    espy_new_label fresh = {.code = "cluster_1", .name = "Unknown"};
    const espy_pool_sample seen = {.sample = grouped};
    espy_filing filing = {grouped, -1, (double)NAN, &seen, false};
    size_t filed = 0;
    CASE_OK(&cx, espy_store_file(&cx, st, c, "group", &fresh, 1, &filing, 1, &filed));
    (void)case_sample(&cx, st, c, 3, digest[3]); /* asked about */
    CASE_OK(&cx, espy_store_label(&cx, st, c, "ADA", NULL, &ada));
    const int64_t both[] = {labelled, learned};
    CASE_OK(&cx, espy_store_label_set(&cx, st, c, ada, both, 2));
    assert_int_equal(case_version(&cx, st, c, "hers", &learned, 1), 1);
    CASE_OK(&cx, espy_store_label_reject(&cx, st, c, ada, &learned, 1)); /* without a label now */
    media = case_media(&cx, st, c, 3, NULL);
    CASE_OK(&cx, espy_store_media_probe(&cx, st, media, true));
    media = case_media(&cx, st, c, 0, NULL);
    CASE_OK(&cx, espy_store_media_probe(&cx, st, media, true)); /* has a label: is none */

    double later = espy_time_now() + 1;
    CASE_OK(&cx, espy_store_expire(&cx, st, &(espy_expiry){1.0, 1.0, 1.0},
                                   &removed)); /* nothing is that old */
    assert_int_equal(removed, 0);
    CASE_OK(&cx, espy_store_expire(&cx, st, &(espy_expiry){.probes = later}, &removed));
    assert_int_equal(removed, 1);
    assert_false(media_there(&cx, st, digest[3]));
    CASE_OK(&cx, espy_store_expire(&cx, st, &(espy_expiry){.unknowns = later}, &removed));
    assert_int_equal(removed, 1);
    assert_true(media_there(&cx, st, digest[0]) && media_there(&cx, st, digest[1]));
    assert_false(media_there(&cx, st, digest[2]));
    espy_label l = {0};
    CASE_FAILS(&cx, NOT_FOUND, espy_store_label_find(&cx, st, c, "cluster_1", &l));

    /* samples that were taken away: for good, but for those that a version learned from */
    espy_undone u = {0};
    CASE_OK(&cx, espy_store_sample_delete(&cx, st, c, labelled, "user"));
    CASE_OK(&cx, espy_store_sample_delete(&cx, st, c, learned, "user"));
    const int64_t gone = espy_store_event(st);
    CASE_OK(&cx, espy_store_expire(&cx, st, &(espy_expiry){.deleted = later + 1}, &removed));
    assert_int_equal(removed, 0);
    CASE_OK(&cx, espy_store_undo(&cx, st, c, gone - 1, "user", &u));
    assert_true(u.samples == 0 && u.kept == 1);
    espy_free(&cx, u.action);
    CASE_OK(&cx, espy_store_undo(&cx, st, c, gone, "user", &u));
    assert_true(u.samples == 1 && u.kept == 0);
    espy_free(&cx, u.action);
    ENDED(cx, st);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(run_erase),   cmocka_unit_test(run_deleted),
                                       cmocka_unit_test(run_refused), cmocka_unit_test(run_others),
                                       cmocka_unit_test(run_taken),   cmocka_unit_test(run_again),
                                       cmocka_unit_test(run_expire),  cmocka_unit_test(run_removed),
                                       cmocka_unit_test(run_unmerged)};
    int failed = 0;
    for (on = backend_next(NULL); on != NULL; on = backend_next(on)) {
        printf("on %s\n", on->name);
        failed += cmocka_run_group_tests(tests, NULL, NULL);
    }
    return failed;
}
