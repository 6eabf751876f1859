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
    const char *odd = test_folder();
    put(&cx, odd, "STU001_A", "x.jpg");
    put(&cx, odd, "no\x1bmedia", NULL);
    put(&cx, odd, "STU002_J\xff", "x.jpg");
    refused(&cx, odd, ESPY_E_DATA, "STU002_J\\xff is not UTF-8; rename it");
    const char *control = test_folder();
    put(&cx, control, "a\x1b[1m", "x.jpg");
    refused(&cx, control, ESPY_E_DATA, "a\\x1b[1m has a control character; rename it");
    assert_int_equal(m.live, 0);
}

/* Recordings by class: what counts, what is said when there is nothing, and the folder of the
 * unknown. */
static void test_sounds(void **state)
{
    (void)state;
    const espy_modality *sound = espy_modality_find("sound");
    espy_ctx cx;
    test_memory m;
    espy_dataset d;
    test_memory_init(&cx, &m);
    const char *dir = test_folder();
    assert_int_equal(espy_dataset_read(&cx, dir, ESPY_FOLDER_CODE, sound, NULL, &d), ESPY_E_DATA);
    assert_non_null(strstr(cx.text, "No class directories found"));
    espy_clear(&cx);
    put(&cx, dir, "dog_bark", "notes.txt");
    put(&cx, dir, "dog_bark", "cover.jpg");
    assert_int_equal(espy_dataset_read(&cx, dir, ESPY_FOLDER_CODE, sound, NULL, &d), ESPY_E_DATA);
    assert_non_null(strstr(cx.text, "No recordings found"));
    assert_non_null(strstr(cx.text, "wav, flac, ogg, opus or mp3"));
    espy_clear(&cx);
    put(&cx, dir, "dog_bark", "a.wav");
    put(&cx, dir, "dog_bark", "b.OGG");
    put(&cx, dir, "siren", "c.flac");
    put(&cx, dir, "siren", "d.mp3");
    put(&cx, dir, "siren", "e.opus");
    put(&cx, dir, "siren", "f.aiff");
    put(&cx, dir, "unknown", "g.wav");
    put(&cx, dir, "quiet", NULL);
    TEST_FAULT_LOOP(&cx, &m, espy_dataset_read(&cx, dir, ESPY_FOLDER_CODE, sound, NULL, &d),
                    espy_dataset_free(&cx, &d));
    assert_int_equal(espy_dataset_read(&cx, dir, ESPY_FOLDER_CODE, sound, NULL, &d), ESPY_E_OK);
    assert_int_equal(d.n, 2);
    assert_int_equal(d.files, 6);
    assert_string_equal(d.at[0].code, "dog_bark");
    assert_string_equal(d.at[0].name, "dog bark");
    assert_int_equal(d.at[0].n_files, 2);
    assert_int_equal(d.n_empty, 1);
    assert_string_equal(espy_path_name(d.unknown), "unknown");
    espy_dataset_free(&cx, &d);
    put(&cx, dir, "UNKNOWN", "h.wav"); /* in any case of letters, and twice */
    assert_int_equal(espy_dataset_read(&cx, dir, ESPY_FOLDER_CODE, sound, NULL, &d), ESPY_E_OK);
    assert_int_equal(d.files, 6);
    assert_non_null(d.unknown);
    espy_dataset_free(&cx, &d);
    /* S0 and S1 know no such folder */
    assert_int_equal(espy_dataset_read(&cx, dir, ESPY_FOLDER_FIRST, sound, NULL, &d), ESPY_E_OK);
    assert_int_equal(d.files, 8);
    assert_null(d.unknown);
    espy_dataset_free(&cx, &d);
    /* nothing but the unknown is nothing */
    dir = test_folder();
    put(&cx, dir, "unknown", "g.wav");
    assert_int_equal(espy_dataset_read(&cx, dir, ESPY_FOLDER_CODE, sound, NULL, &d), ESPY_E_DATA);
    espy_clear(&cx);
    assert_int_equal(m.live, 0);
}

static void test_modality(void **state)
{
    (void)state;
    const espy_modality *found;
    espy_ctx cx;
    test_memory m;
    test_memory_init(&cx, &m);
    assert_int_equal(espy_dataset_modality(&cx, "/nowhere/at/all", &found), ESPY_E_NOT_FOUND);
    espy_clear(&cx);
    const char *dir = test_folder();
    put(&cx, dir, "", "loose.wav");
    put(&cx, dir, "a", "notes.txt");
    assert_int_equal(espy_dataset_modality(&cx, dir, &found), ESPY_E_OK);
    assert_null(found);
    put(&cx, dir, "a", "x.wav");
    put(&cx, dir, "b", "y.MP3");
    TEST_FAULT_LOOP(&cx, &m, espy_dataset_modality(&cx, dir, &found), (void)0);
    assert_int_equal(espy_dataset_modality(&cx, dir, &found), ESPY_E_OK);
    assert_ptr_equal(found, espy_modality_find("sound"));
    put(&cx, dir, "b", "z.png");
    assert_int_equal(espy_dataset_modality(&cx, dir, &found), ESPY_E_DATA);
    assert_non_null(strstr(cx.text, "both pictures and recordings"));
    espy_clear(&cx);
    dir = test_folder();
    put(&cx, dir, "a", "x.jpeg");
    assert_int_equal(espy_dataset_modality(&cx, dir, &found), ESPY_E_OK);
    assert_ptr_equal(found, espy_modality_find("face"));
    assert_int_equal(m.live, 0);
}

/* What a recording was cut from, by the names of the sets that people have. */
static void test_recording(void **state)
{
    (void)state;
    static const struct {
        const char *path, *source;
    } t[] = {
        {"esc/5-210540-A-13.wav", "210540"},
        {"5-210540-B-13.ogg", "210540"},
        {"1-100032-A.ogg", "100032"},
        {"4-99644-C-4", "99644"},
        {"us8k/fold1/102871-8-0-1.wav", "102871"},
        {"102871-8-0-12.wav", "102871"},
        {"7383-3-0-0.wav", "7383"},
        {"1-100032-A_aug3.wav", "100032"},
        {"102871-8-0-1_aug12_pitch.wav", "102871"},
        {"barking_aug1.wav", "barking"},
        {"barking_aug1_noise.wav", "barking"},
        {"a_augmented.wav", "a_augmented"},
        {"_aug1.wav", "_aug1"},
        {"barking.wav", "barking"},
        {"2024-05-17-1.wav", "2024-05-17-1"}, /* a date */
        {"2024-5-1-12.wav", "2024-5-1-12"},
        {"1999-1-A.wav", "1999-1-A"},
        {"102871-88-0-1.wav", "102871-88-0-1"}, /* UrbanSound8K has ten classes */
        {"102871-8-0.wav", "102871-8-0"},
        {"1-2-a-3.wav", "1-2-a-3"},
        {"1-2-AB-3.wav", "1-2-AB-3"},
        {"x1-2-A.wav", "x1-2-A"},
        {"1--A.wav", "1--A"},
        {"", ""},
        {".wav", ".wav"},
        {"-", "-"},
        {"in/dog/001.wav", "dog/001"}, /* 001 is taken in every folder */
        {"/dog/001_aug2.wav", "dog/001"},
        {"a_aug1_b_aug2.wav", "a_aug1_b"},
        {"20261125_233000_102871-8-0-1.wav", "102871"}, /* as uploads are named */
        {"20261125_233000_1-100032-A_aug1.wav", "100032"},
        {"20261125_2330_1-2-A.wav", "20261125_2330_1-2-A"},
        {"20261125_233000_a.wav", "20261125_233000_a"},
    };
    espy_ctx cx;
    test_memory m;
    char *source;
    test_memory_init(&cx, &m);
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        assert_int_equal(espy_recording_of(&cx, t[i].path, &source), ESPY_E_OK);
        if (strcmp(source, t[i].source) != 0)
            fail_msg("%s: %s, not %s", t[i].path, source, t[i].source);
        espy_free(&cx, source);
    }
    TEST_FAULT_LOOP(&cx, &m, espy_recording_of(&cx, "1-100032-A.ogg", &source),
                    espy_free(&cx, source));
    assert_int_equal(m.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),    cmocka_unit_test(test_two_levels),
        cmocka_unit_test(test_refused),  cmocka_unit_test(test_sounds),
        cmocka_unit_test(test_modality), cmocka_unit_test(test_recording)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
