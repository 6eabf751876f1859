/* SPDX-License-Identifier: Apache-2.0
 * flow/dataset: names of folders, which files count, what is refused. */
#include "support/support.h"

#include <string.h>

#include "flow/dataset.h"

static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *folder;
        espy_folder_rule rule;
        const char *code, *name;
    } t[] = {
        {"STU001_John_Doe", ESPY_FOLDER_CODE, "STU001", "John Doe"},
        {"a1_x", ESPY_FOLDER_CODE, "a1", "x"},
        {"John_Doe", ESPY_FOLDER_CODE, "John_Doe", "John Doe"}, /* no digits: no code */
        {"123_Doe", ESPY_FOLDER_CODE, "123_Doe", "123 Doe"},    /* no letters */
        {"STU001", ESPY_FOLDER_CODE, "STU001", "STU001"},
        {"STU001_", ESPY_FOLDER_CODE, "STU001_", "STU001 "},
        {"STU001a_x", ESPY_FOLDER_CODE, "STU001a_x", "STU001a x"},
        {"_x", ESPY_FOLDER_CODE, "_x", " x"},
        {"John_Doe", ESPY_FOLDER_FIRST, "John", "Doe"},
        {"123_Jane_Roe", ESPY_FOLDER_FIRST, "123", "Jane Roe"},
        {"plain", ESPY_FOLDER_FIRST, "plain", "plain"},
        {"_x", ESPY_FOLDER_FIRST, "_x", " x"},
        {"x_", ESPY_FOLDER_FIRST, "x_", "x "},
        {"STU1_J\xc3\xbcrgen", ESPY_FOLDER_CODE, "STU1", "J\xc3\xbcrgen"},
    };
    espy_ctx cx;
    test_memory m;
    char *code, *name;
    test_memory_init(&cx, &m);
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        assert_int_equal(espy_folder_name(&cx, t[i].folder, t[i].rule, &code, &name), ESPY_E_OK);
        assert_string_equal(code, t[i].code);
        assert_string_equal(name, t[i].name);
        espy_free(&cx, code);
        espy_free(&cx, name);
    }
    assert_int_equal(m.live, 0);
}

/* An empty file DIR/FOLDER/FILE; file NULL makes the folder only. */
static void put(espy_ctx *cx, const char *dir, const char *folder, const char *file)
{
    char *at = espy_path_join(cx, dir, folder);
    assert_int_equal(espy_dir_make(cx, at), ESPY_E_OK);
    char *path = file ? espy_path_join(cx, at, file) : NULL;
    if (path)
        assert_int_equal(espy_file_write(cx, path, "", 0), ESPY_E_OK);
    espy_free(cx, path);
    espy_free(cx, at);
}

static void test_two_levels(void **state)
{
    (void)state;
    static const char *const only_png[] = {".png", NULL};
    espy_ctx cx;
    test_memory m;
    espy_dataset d;
    test_memory_init(&cx, &m);
    const char *dir = test_folder();
    put(&cx, dir, "STU002_Jane_Roe", "b.JPG");
    put(&cx, dir, "STU002_Jane_Roe", "a.png");
    put(&cx, dir, "STU002_Jane_Roe", "notes.txt");
    put(&cx, dir, "STU002_Jane_Roe", ".hidden.jpg");
    put(&cx, dir, "STU002_Jane_Roe", "Thumbs.db");
    put(&cx, dir, "STU002_Jane_Roe/deeper", "c.jpg");
    put(&cx, dir, "STU001_John_Doe", "x.jpeg");
    put(&cx, dir, "empty", NULL);
    put(&cx, dir, "texts", "readme.txt");
    put(&cx, dir, ".git", "x.jpg");
    put(&cx, dir, "", "loose.jpg");
    TEST_FAULT_LOOP(
        &cx, &m,
        espy_dataset_read(&cx, dir, ESPY_FOLDER_CODE, espy_modality_find("face"), NULL, &d),
        espy_dataset_free(&cx, &d));
    assert_int_equal(
        espy_dataset_read(&cx, dir, ESPY_FOLDER_CODE, espy_modality_find("face"), NULL, &d),
        ESPY_E_OK);
    assert_int_equal(d.n, 2);
    assert_int_equal(d.files, 3);
    assert_string_equal(d.at[0].code, "STU001");
    assert_string_equal(d.at[0].name, "John Doe");
    assert_string_equal(d.at[1].code, "STU002");
    assert_int_equal(d.at[1].n_files, 2);
    assert_string_equal(espy_path_name(d.at[1].files[0]), "a.png");
    assert_string_equal(espy_path_name(d.at[1].files[1]), "b.JPG");
    assert_true(espy_file_exists(d.at[1].files[0]));
    assert_int_equal(d.n_empty, 2);
    assert_string_equal(espy_path_name(d.empty[0]), "empty");
    assert_string_equal(espy_path_name(d.empty[1]), "texts");
    espy_dataset_free(&cx, &d);
    assert_int_equal(
        espy_dataset_read(&cx, dir, ESPY_FOLDER_CODE, espy_modality_find("face"), only_png, &d),
        ESPY_E_OK);
    assert_int_equal(d.files, 1);
    espy_dataset_free(&cx, &d);
    espy_dataset_free(&cx, &d); /* again is fine */
    assert_int_equal(m.live, 0);
}

static void refused(espy_ctx *cx, const char *dir, espy_err want, const char *text)
{
    espy_dataset d;
    assert_int_equal(
        espy_dataset_read(cx, dir, ESPY_FOLDER_CODE, espy_modality_find("face"), NULL, &d), want);
    assert_non_null(strstr(cx->text, text));
    espy_clear(cx);
}

static void test_refused(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    test_memory_init(&cx, &m);
    refused(&cx, "/nowhere/at/all", ESPY_E_NOT_FOUND, "one folder per person");
    const char *dir = test_folder();
    refused(&cx, dir, ESPY_E_DATA, "No student directories found");
    put(&cx, dir, "", "loose.jpg");
    refused(&cx, dir, ESPY_E_DATA, "No student directories found");
    put(&cx, dir, "STU001_A", "x.txt");
    refused(&cx, dir, ESPY_E_DATA, "No images found");
    put(&cx, dir, "STU001_A", "x.jpg");
    put(&cx, dir, "STU001_B", "x.jpg");
    refused(&cx, dir, ESPY_E_DATA, "both carry the id STU001");
    assert_int_equal(m.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names),
                                       cmocka_unit_test(test_two_levels),
                                       cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
