/* SPDX-License-Identifier: Apache-2.0
 * flow/retrain: the cleanup before a retrain deletes what it names and never the dataset. */
#include "support/support.h"

#include <string.h>
#include <unistd.h>

#include "flow/retrain.h"

typedef struct told {
    size_t n;
    char last[512];
} told;

static void deleted(void *self, const char *path)
{
    told *t = self;
    t->n++;
    strncpy(t->last, path, sizeof t->last - 1);
}

/* DIR/NAME with its folders and some content; the path is the caller's. */
static char *put(espy_ctx *cx, const char *dir, const char *name)
{
    char *path = espy_path_join(cx, dir, name);
    char *folder = espy_strndup(cx, path, (size_t)(espy_path_name(path) - path));
    assert_int_equal(espy_dir_make(cx, folder), ESPY_E_OK);
    assert_int_equal(espy_file_write(cx, path, "x", 1), ESPY_E_OK);
    espy_free(cx, folder);
    return path;
}

static espy_err clean(espy_ctx *cx, const char *data, const char *out, told *t)
{
    size_t count = 0;
    *t = (told){0};
    espy_err e = espy_retrain_cleanup(cx, data, out, out, deleted, t, &count);
    assert_int_equal(count, t->n);
    return e;
}

static void test_named_items_only(void **state)
{
    (void)state;
    static const char *const gone[] = {"face_classifier_v1.pkl", "scaler.pkl", "X.npy",
                                       "temp/deep/er/file"};
    static const char *const kept[] = {"notes.txt", "X.npy.bak", "photos/a/X.npy", "temporary/f"};
    espy_ctx cx;
    test_memory m;
    told t;
    char *paths[8];
    test_memory_init(&cx, &m);
    const char *out = test_folder();
    char *data = espy_path_join(&cx, out, "photos");
    for (size_t i = 0; i < 4; i++) {
        paths[i] = put(&cx, out, gone[i]);
        paths[4 + i] = put(&cx, out, kept[i]);
    }
    assert_int_equal(clean(&cx, data, out, &t), ESPY_E_OK);
    assert_int_equal(t.n, 4);
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(espy_file_exists(paths[i]), i >= 4);
        espy_free(&cx, paths[i]);
    }
    assert_int_equal(clean(&cx, data, out, &t), ESPY_E_OK);
    assert_int_equal(t.n, 0);
    espy_free(&cx, data);
    assert_int_equal(m.live, 0);
}

static void test_dataset_survives(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    told t;
    test_memory_init(&cx, &m);
    const char *out = test_folder();
    char *photo = put(&cx, out, "temp/photos/a/1.jpg"), *array = put(&cx, out, "data/X.npy");
    char *temp = espy_path_join(&cx, out, "temp"), *photos = espy_path_join(&cx, temp, "photos");
    char *data = espy_path_join(&cx, out, "data");
    const struct {
        const char *data, *out, *text;
    } t_bad[] = {
        {temp, out, "lies inside"},  /* the folder itself */
        {photos, out, "holds the"},  /* the folder holds it */
        {data, data, "lies inside"}, /* an array among the photos */
    };
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(clean(&cx, t_bad[i].data, t_bad[i].out, &t), ESPY_E_ARG);
        assert_non_null(strstr(cx.text, t_bad[i].text));
        assert_true(espy_file_exists(photo));
        assert_true(espy_file_exists(array));
        espy_clear(&cx);
    }
    /* a link is taken away, what it leads to stays; one that leads to the dataset is refused */
    char *other = espy_path_join(&cx, out, "other"), *link = espy_path_join(&cx, other, "temp");
    assert_int_equal(espy_dir_make(&cx, other), ESPY_E_OK);
    assert_int_equal(symlink(temp, link), 0);
    assert_int_equal(clean(&cx, photos, other, &t), ESPY_E_ARG);
    espy_clear(&cx);
    assert_int_equal(clean(&cx, data, other, &t), ESPY_E_OK);
    assert_int_equal(t.n, 1);
    assert_false(espy_dir_exists(link));
    assert_true(espy_file_exists(photo));
    espy_free(&cx, photo);
    espy_free(&cx, array);
    espy_free(&cx, temp);
    espy_free(&cx, photos);
    espy_free(&cx, data);
    espy_free(&cx, other);
    espy_free(&cx, link);
    assert_int_equal(m.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_named_items_only),
                                       cmocka_unit_test(test_dataset_survives)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
