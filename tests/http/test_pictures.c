/* SPDX-License-Identifier: Apache-2.0
 * http/pictures: one decoding for many, however many threads ask; what is beyond the room goes, and
 * what cannot be decoded is told to everybody who asked. */
#include "support/support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "http/pictures.h"

#define LARGE "tests/media/data/large.jpg" /* 128 x 96 */
#define GREY "tests/media/data/grey.png"
#define WHOLE ((size_t)128 * 96 * 3)

typedef struct album {
    espy_ctx cx;
    test_memory m;
    espy_store *st;
    int64_t collection;
    char large[ESPY_DIGEST_HEX], grey[ESPY_DIGEST_HEX], broken[ESPY_DIGEST_HEX];
    espy_pictures *pictures;
} album;

static void file(album *a, espy_span bytes, char digest[ESPY_DIGEST_HEX])
{
    int64_t id;
    espy_digest(bytes.data, bytes.size, digest);
    assert_int_equal(espy_store_media(&a->cx, a->st, a->collection, bytes, digest, "x", &id),
                     ESPY_E_OK);
}

static void open_album(album *a, size_t room)
{
    const espy_collection c = {0,
                               (char *)(uintptr_t) "faces",
                               (char *)(uintptr_t) "face",
                               (char *)(uintptr_t) "pack",
                               (char *)(uintptr_t) "enc",
                               (char *)(uintptr_t) "f32"};
    *a = (album){0};
    test_memory_init(&a->cx, &a->m);
    assert_int_equal(espy_store_open(&a->cx, test_folder(), &a->st), ESPY_E_OK);
    assert_int_equal(espy_store_collection_create(&a->cx, a->st, &c, &a->collection), ESPY_E_OK);
    espy_buf b = test_read(&a->cx, test_source(LARGE));
    file(a, espy_span_of(&b), a->large);
    b.size /= 2;
    b.data[0] = 0;
    file(a, espy_span_of(&b), a->broken);
    espy_buf_free(&a->cx, &b);
    b = test_read(&a->cx, test_source(GREY));
    file(a, espy_span_of(&b), a->grey);
    espy_buf_free(&a->cx, &b);
    assert_int_equal(espy_pictures_create(&a->cx, room, &a->pictures), ESPY_E_OK);
}

static void close_album(album *a)
{
    espy_pictures_destroy(&a->cx, &a->pictures);
    espy_store_close(&a->cx, &a->st);
    assert_int_equal(a->m.live, 0);
}

static const espy_picture *get(album *a, const char *digest, int reduction)
{
    const espy_picture *p = NULL;
    if (espy_pictures_get(&a->cx, a->pictures, a->st, digest, reduction, &p) != ESPY_E_OK)
        fail_msg("%s", a->cx.text);
    return p;
}

/* Where the pixels of a picture lie while it is held. */
static const uint8_t *look(album *a, const char *digest, int reduction)
{
    const espy_picture *p = get(a, digest, reduction);
    const uint8_t *px = p->image.px;
    espy_pictures_put(&a->cx, a->pictures, &p);
    assert_null(p);
    return px;
}

static void test_reductions(void **state)
{
    (void)state;
    album a;
    open_album(&a, 4 * WHOLE);
    assert_int_equal(espy_picture_reduction(0), 1);
    assert_int_equal(espy_picture_reduction(1.99), 1);
    assert_int_equal(espy_picture_reduction(4), 4);
    assert_int_equal(espy_picture_reduction(1000), 8);
    for (int by = 1; by <= 8; by *= 2) {
        const espy_picture *p = get(&a, a.large, by);
        assert_true(p->image.width == 128 / by && p->image.height == 96 / by);
        assert_true(p->image.full_width == 128 && p->image.full_height == 96);
        espy_pictures_put(&a.cx, a.pictures, &p);
    }
    assert_ptr_equal(look(&a, a.large, 2), look(&a, a.large, 2));
    /* what cannot be reduced is decoded once for all */
    assert_ptr_equal(look(&a, a.grey, 4), look(&a, a.grey, 2));
    assert_ptr_equal(look(&a, a.grey, 8), look(&a, a.grey, 1));
    close_album(&a);
}

static void test_room(void **state)
{
    (void)state;
    album a;
    open_album(&a, WHOLE / 4);
    const espy_picture *held = get(&a, a.large, 1); /* beyond the room, and in use */
    look(&a, a.large, 2);
    const long live = a.m.live;
    look(&a, a.large, 4); /* in its place */
    assert_int_equal(a.m.live, live);
    assert_int_equal(held->image.px[0], held->image.px[0]); /* still there */
    espy_pictures_forget(&a.cx, a.pictures);
    const espy_picture *fresh = get(&a, a.large, 1);
    assert_ptr_not_equal(fresh, held);
    espy_pictures_put(&a.cx, a.pictures, &fresh);
    espy_pictures_put(&a.cx, a.pictures, &held);
    espy_pictures_put(&a.cx, a.pictures, &held); /* nothing */
    close_album(&a);
}

static void test_failing(void **state)
{
    (void)state;
    album a;
    const espy_picture *p = NULL;
    open_album(&a, WHOLE);
    assert_int_equal(espy_pictures_get(&a.cx, a.pictures, a.st, a.broken, 1, &p), ESPY_E_FORMAT);
    espy_clear(&a.cx);
    assert_null(p);
    TEST_FAULT_LOOP(
        &a.cx, &a.m, espy_pictures_get(&a.cx, a.pictures, a.st, a.large, 2, &p),
        (espy_pictures_put(&a.cx, a.pictures, &p), espy_pictures_forget(&a.cx, a.pictures)));
    close_album(&a);
}

/* -- many at once ------------------------------------------------------------------------------ */
typedef struct visitor {
    pthread_t thread;
    espy_ctx cx;
    espy_store *st;
    const album *a;
    unsigned bad, failed;
} visitor;

static void *visit(void *self)
{
    visitor *v = self;
    for (int i = 0; i < 60; i++) {
        const espy_picture *p = NULL;
        const int by = 1 << i % 4;
        if (i % 20 == 19)
            espy_pictures_forget(&v->cx, v->a->pictures);
        if (espy_pictures_get(&v->cx, v->a->pictures, v->st, v->a->large, by, &p) != ESPY_E_OK ||
            p->image.width != 128 / by)
            v->bad++;
        espy_pictures_put(&v->cx, v->a->pictures, &p);
        v->failed +=
            espy_pictures_get(&v->cx, v->a->pictures, v->st, v->a->broken, by, &p) == ESPY_E_FORMAT;
        espy_clear(&v->cx);
    }
    return NULL;
}

static void test_many(void **state)
{
    (void)state;
    static visitor v[4];
    album a;
    open_album(&a, WHOLE);
    espy_ctx plain;
    espy_ctx_init(&plain);
    espy_pictures *counted = a.pictures;
    assert_int_equal(espy_pictures_create(&plain, WHOLE, &a.pictures), ESPY_E_OK);
    for (size_t i = 0; i < 4; i++) {
        v[i] = (visitor){.cx = espy_ctx_child(&plain), .a = &a};
        assert_int_equal(espy_store_open(&v[i].cx, espy_store_dir(a.st), &v[i].st), ESPY_E_OK);
    }
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&v[i].thread, NULL, visit, &v[i]), 0);
    for (size_t i = 0; i < 4; i++) {
        pthread_join(v[i].thread, NULL);
        assert_true(v[i].bad == 0 && v[i].failed == 60);
        espy_store_close(&v[i].cx, &v[i].st);
    }
    espy_pictures_destroy(&plain, &a.pictures);
    a.pictures = counted;
    close_album(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reductions),
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_failing),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
