/* SPDX-License-Identifier: Apache-2.0
 * flow/scan: files are told in order and once, bad ones do not stop the rest, on any number of
 * threads; failures and cancelling end it. */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/pool.h"
#include "flow/scan.h"
#include "flow/workspace.h"
#include "store/group.h"

#define SCAN_FILES 130 /* more than wait for each other at a time */

static espy_encoder *encoder;
static char *paths[SCAN_FILES];

/* Photos at some places, what is no picture at the others, and one file that is not there.  The
 * first is slow, so that the quick ones behind it must wait for room. */
static bool is_photo(size_t i)
{
    return i % 60 == 0;
}

static void make_files(espy_ctx *cx, const char *dir)
{
    static const char *const names[] = {"Tony_Blair", "Hugo_Chavez", "Tony_Blair"};
    for (size_t i = 0; i < SCAN_FILES; i++) {
        char relative[128];
        if (!is_photo(i)) {
            paths[i] = espy_sprintf(cx, "%s/%03zu.jpg", dir, i);
            if (i != 7)
                assert_int_equal(espy_file_write(cx, paths[i], paths[i], strlen(paths[i])),
                                 ESPY_E_OK);
            continue;
        }
        snprintf(relative, sizeof relative, "data/faces/lfw10/%s/%s_0001.jpg", names[i / 60],
                 names[i / 60]);
        const char *photo = test_shared(relative);
        assert_non_null(photo);
        paths[i] = espy_strdup(cx, photo);
    }
}

typedef struct listener {
    size_t next, fresh;
    size_t fail_at;     /* this file's telling fails; SIZE_MAX: none */
    atomic_bool cancel; /* set when file 20 is told, if cancel_at is */
    bool cancel_at;
    float first[3]; /* of the embedding of each photo */
} listener;

static espy_err told(espy_ctx *cx, void *self, size_t i, const espy_scan *scan, bool fresh)
{
    listener *l = self;
    assert_int_equal(i, l->next++);
    l->fresh += fresh;
    if (i == l->fail_at)
        return espy_fail(cx, ESPY_E_DATA, "file %zu is not wanted", i);
    if (l->cancel_at && i == 20)
        atomic_store(&l->cancel, true);
    if (is_photo(i)) {
        assert_null(scan->error);
        assert_true(scan->n == 1 && scan->vectors);
        l->first[i / 60] = scan->vectors[0];
    } else {
        assert_non_null(scan->error);
        assert_int_equal(scan->n, 0);
        assert_true(i != 7 || strstr(scan->error, "007.jpg"));
    }
    return ESPY_E_OK;
}

static espy_err scan_first(espy_ctx *cx, unsigned threads, espy_store *store, int64_t collection,
                           size_t n, listener *l)
{
    const espy_scan_job job = {.encoder = encoder,
                               .find = {.largest = true},
                               .store = store,
                               .collection = collection,
                               .stage = "test"};
    cx->pool = NULL;
    if (threads)
        assert_int_equal(espy_pool_create(cx, threads, &cx->pool), ESPY_E_OK);
    espy_err e = espy_flow_scan(cx, &job, (const char *const *)paths, n, told, l);
    espy_pool_destroy(cx, &cx->pool);
    return e;
}

static espy_err scan(espy_ctx *cx, unsigned threads, espy_store *store, int64_t collection,
                     listener *l)
{
    return scan_first(cx, threads, store, collection, SCAN_FILES, l);
}

static void test_any_number_of_threads(void **state)
{
    (void)state;
    static const unsigned sizes[] = {0, 1, 2, 3, 64};
    espy_ctx cx;
    float want[3] = {0};
    espy_ctx_init(&cx);
    for (size_t s = 0; s < 5; s++) {
        listener l = {.fail_at = SIZE_MAX};
        assert_int_equal(scan(&cx, sizes[s], NULL, 0, &l), ESPY_E_OK);
        assert_int_equal(l.next, SCAN_FILES);
        if (!s)
            memcpy(want, l.first, sizeof want);
        assert_memory_equal(l.first, want, sizeof want);
        assert_true(want[0] == want[2]); /* the same photo */
    }
}

/* Near the number of files that wait for each other: nobody may wait for room that nobody makes. */
static void test_any_number_of_files(void **state)
{
    (void)state;
    static const size_t counts[] = {0, 1, 2, 24, 25, 47, 48, 49, 50, 60, 97};
    espy_ctx cx;
    espy_ctx_init(&cx);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        for (unsigned threads = 1; threads <= 64; threads *= 8) {
            listener l = {.fail_at = SIZE_MAX};
            assert_int_equal(scan_first(&cx, threads + 1, NULL, 0, counts[i], &l), ESPY_E_OK);
            assert_int_equal(l.next, counts[i]);
        }
}

/* The second of two equal photos is not fresh, whichever thread was quicker; nor is any later. */
static void test_kept(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_workspace ws;
    espy_collection c;
    espy_ctx_init(&cx);
    char *dir = espy_sprintf(&cx, "%s/w", getenv("SCAN_FOLDER"));
    for (unsigned threads = 0; threads < 4; threads++) {
        assert_int_equal(espy_dir_remove(&cx, dir), ESPY_E_OK);
        assert_int_equal(espy_workspace_open(&cx, dir, true, &ws), ESPY_E_OK);
        assert_int_equal(espy_workspace_collection(&cx, &ws, NULL, encoder, &c), ESPY_E_OK);
        listener first = {.fail_at = SIZE_MAX}, second = {.fail_at = SIZE_MAX};
        assert_int_equal(scan(&cx, threads, ws.store, c.id, &first), ESPY_E_OK);
        assert_int_equal(first.fresh, SCAN_FILES - 1); /* all but the twin */
        assert_int_equal(scan(&cx, threads, ws.store, c.id, &second), ESPY_E_OK);
        assert_memory_equal(first.first, second.first, sizeof first.first);
        espy_collection_free(&cx, &c);
        espy_workspace_close(&cx, &ws);
    }
    espy_free(&cx, dir);
}

static espy_err told_any(espy_ctx *cx, void *self, size_t i, const espy_scan *scan, bool fresh)
{
    (void)cx;
    assert_int_equal(i, (*(size_t *)self)++);
    assert_false(fresh);
    assert_int_equal(scan->n, 1);
    return ESPY_E_OK;
}

/* What another collection has is copied in the order of the files, on any number of threads: the
 * numbers of samples decide in which order a head learns them. */
static void test_copied_in_order(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_workspace ws;
    espy_collection from, to;
    char *names[SCAN_FILES];
    espy_ctx_init(&cx);
    char *dir = espy_sprintf(&cx, "%s/w", getenv("SCAN_FOLDER"));
    assert_int_equal(espy_dir_remove(&cx, dir), ESPY_E_OK);
    assert_int_equal(espy_workspace_open(&cx, dir, true, &ws), ESPY_E_OK);
    assert_int_equal(espy_workspace_collection(&cx, &ws, "from", encoder, &from), ESPY_E_OK);
    for (size_t i = 0; i < SCAN_FILES; i++) {
        char digest[ESPY_DIGEST_HEX];
        int64_t media;
        float vector[2] = {1, (float)i};
        espy_scan_sample at = {.box = {0, 0, 50, 50}, .score = 1, .embedding = vector};
        espy_scan s = {.width = 60, .height = 60, .n = 1, .dim = 2, .at = &at, .vectors = vector};
        names[i] = espy_sprintf(&cx, "%s/copy %03zu.jpg", getenv("SCAN_FOLDER"), i);
        const espy_span bytes = {(const uint8_t *)names[i], strlen(names[i])};
        espy_digest(bytes.data, bytes.size, digest);
        assert_int_equal(espy_file_write(&cx, names[i], bytes.data, bytes.size), ESPY_E_OK);
        assert_int_equal(espy_store_media(&cx, ws.store, from.id, bytes, digest, names[i], &media),
                         ESPY_E_OK);
        assert_int_equal(espy_store_scan_put(&cx, ws.store, media, "largest",
                                             espy_encoder_digest(encoder), "det", &s),
                         ESPY_E_OK);
    }
    for (unsigned threads = 0; threads <= 16; threads += 4) {
        espy_sample_pool pool;
        size_t next = 0;
        char name[16];
        snprintf(name, sizeof name, "to %u", threads);
        assert_int_equal(espy_workspace_collection(&cx, &ws, name, encoder, &to), ESPY_E_OK);
        const espy_scan_job job = {
            .encoder = encoder, .find = {.largest = true}, .store = ws.store, .collection = to.id};
        if (threads)
            assert_int_equal(espy_pool_create(&cx, threads, &cx.pool), ESPY_E_OK);
        assert_int_equal(
            espy_flow_scan(&cx, &job, (const char *const *)names, SCAN_FILES, told_any, &next),
            ESPY_E_OK);
        espy_pool_destroy(&cx, &cx.pool);
        assert_int_equal(espy_store_pool(&cx, ws.store, to.id, 0, to.encoder_digest, &pool),
                         ESPY_E_OK);
        assert_int_equal(pool.n, SCAN_FILES);
        for (size_t i = 0; i < pool.n; i++)
            assert_true(pool.x[2 * i + 1] == (float)i);
        espy_sample_pool_free(&cx, &pool);
        espy_collection_free(&cx, &to);
    }
    for (size_t i = 0; i < SCAN_FILES; i++)
        espy_free(&cx, names[i]);
    espy_collection_free(&cx, &from);
    espy_workspace_close(&cx, &ws);
    espy_free(&cx, dir);
}

static void test_ended(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    for (unsigned threads = 0; threads < 4; threads++) {
        listener l = {.fail_at = 33};
        assert_int_equal(scan(&cx, threads, NULL, 0, &l), ESPY_E_DATA);
        assert_non_null(strstr(cx.text, "file 33 is not wanted"));
        assert_int_equal(l.next, 34);
        espy_clear(&cx);
        listener c = {.fail_at = SIZE_MAX, .cancel_at = true};
        cx.cancel = &c.cancel;
        assert_int_equal(scan(&cx, threads, NULL, 0, &c), ESPY_E_CANCELLED);
        assert_true(c.next >= 21 && c.next < SCAN_FILES);
        cx.cancel = NULL;
        espy_clear(&cx);
    }
    const espy_scan_job job = {.encoder = encoder};
    assert_int_equal(espy_flow_scan(&cx, &job, NULL, 0, told, NULL), ESPY_E_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_number_of_threads), cmocka_unit_test(test_any_number_of_files),
        cmocka_unit_test(test_kept), cmocka_unit_test(test_copied_in_order),
        cmocka_unit_test(test_ended)};
    espy_ctx cx;
    espy_ctx_init(&cx);
    if (!test_shared("models/mobilefacenet.onnx") || !test_shared("data/faces/lfw10"))
        test_skip_all("needs ../shared/models and ../shared/data/faces");
    if (espy_encoder_open(&cx, "mobilefacenet", NULL, "f32", 1, &encoder) != ESPY_E_OK)
        fail_msg("%s", cx.text);
    const char *dir = test_folder();
    setenv("SCAN_FOLDER", dir, 1);
    make_files(&cx, dir);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    for (size_t i = 0; i < SCAN_FILES; i++)
        espy_free(&cx, paths[i]);
    espy_encoder_destroy(&cx, &encoder);
    return failed;
}
