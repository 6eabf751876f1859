/* SPDX-License-Identifier: Apache-2.0
 * flow/trigger: the described arithmetic with the described numbers, and where counts come from. */
#include "life_case.h"

#include "flow/renew.h"
#include "flow/trigger.h"

static flow_case data; /* too large for a stack */

static espy_json *counts(const char *text)
{
    espy_ctx cx;
    espy_json *v;
    espy_ctx_init(&cx);
    if (espy_json_parse(&cx, text, strlen(text), &v) != ESPY_E_OK)
        fail_msg("%s", cx.text);
    return v;
}

static void test_arithmetic(void **state)
{
    (void)state;
#define SEED "{\"dog_bark\": 1000, \"gun_shot\": 850, \"engine_idling\": 1000, \"clips\": 700}"
    static const struct {
        const char *current, *last;
        int64_t least, added;
        bool retrain;
    } cases[] = {
        /* rows 122 to 124 */
        {"{\"dog_bark\": 1200, \"gun_shot\": 950, \"engine_idling\": 1100, \"clips\": 800}", SEED,
         100, 500, true},
        {"{\"dog_bark\": 1045, \"gun_shot\": 850, \"engine_idling\": 1000, \"clips\": 700}", SEED,
         100, 45, false},
        {"{\"dog_bark\": 1120, \"gun_shot\": 850, \"engine_idling\": 1000, \"clips\": 700}", SEED,
         100, 120, true},
        {"{\"dog_bark\": 1120, \"gun_shot\": 850, \"engine_idling\": 1000, \"clips\": 700}", SEED,
         200, 120, false},
        {"{\"dog_bark\": 1045, \"gun_shot\": 850, \"engine_idling\": 1000, \"clips\": 700}", SEED,
         45, 45, true},
        {SEED, NULL, 100, 3550, true},
        {"{\"a\": 1}", "{}", 100, 1, true},
        {"{}", NULL, 100, 0, true},
        /* what was taken away counts against; a label that has gone does not count at all */
        {"{\"a\": 10, \"b\": 0}", "{\"a\": 20, \"b\": 5, \"c\": 1000}", 1, -15, false},
        {"{\"a\": 10, \"new\": 7}", "{\"a\": 5}", 12, 12, true},
        /* C-25 */
        {"{\"a\": 10, \"unknown\": 500, \"Unknown\": 3}", "{\"a\": 9, \"unknown\": 4}", 100, 1,
         false},
        {"{\"a\": 10}", "{\"a\": \"many\"}", 100, 10, false},
        {"{\"a\": 9223372036854775807, \"b\": 9223372036854775807}", "{\"a\": -5}", 100,
         (int64_t)1 << 41, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        espy_json *current = counts(cases[i].current);
        espy_json *last = cases[i].last ? counts(cases[i].last) : NULL;
        int64_t added = 77;
        bool retrain = espy_trigger_decide(current, last, cases[i].least, &added);
        if (retrain != cases[i].retrain || added != cases[i].added)
            fail_msg("case %zu: %d, %lld", i, retrain, (long long)added);
        espy_json_free(current);
        espy_json_free(last);
    }
}

static void put(espy_ctx *cx, const char *dir, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    LIFE_OK(cx, espy_dir_make(cx, path));
    *slash = '/';
    LIFE_OK(cx, espy_file_write(cx, path, "x", 1));
}

static int64_t of(const espy_json *v, const char *label)
{
    return espy_json_int(espy_json_get(v, label), -1);
}

static void test_folder_counts(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    espy_json *v;
    const espy_modality *faces = espy_modality_find("face"), *sounds = espy_modality_find("sound");
    test_memory_init(&cx, &m);
    char *dir = espy_path_join(&cx, test_folder(), "data");
    assert_int_equal(espy_trigger_count_folder(&cx, dir, faces, &v), ESPY_E_NOT_FOUND);
    espy_clear(&cx);
    put(&cx, dir, "STU001_John_Doe/1.jpg");
    put(&cx, dir, "STU001_John_Doe/2.PNG");
    put(&cx, dir, "STU001_John_Doe/notes.txt");
    put(&cx, dir, "STU001_John_Doe/deeper/3.jpg");
    put(&cx, dir, "STU001_Johnny/4.jpg"); /* the same label */
    put(&cx, dir, "dog_bark/1.webp");
    put(&cx, dir, "empty/.hidden.jpg");
    put(&cx, dir, "unknown/1.jpg");
    put(&cx, dir, "loose.jpg");
    put(&cx, dir, "dog_bark/1.wav");
    put(&cx, dir, "dog_bark/2.MP3");
    TEST_FAULT_LOOP(&cx, &m, espy_trigger_count_folder(&cx, dir, faces, &v), espy_json_free(v));
    LIFE_OK(&cx, espy_trigger_count_folder(&cx, dir, faces, &v));
    assert_int_equal(espy_json_count(v), 3);
    assert_int_equal(of(v, "STU001"), 3);
    assert_int_equal(of(v, "dog_bark"), 1);
    assert_int_equal(of(v, "empty"), 0);
    espy_json_free(v);
    LIFE_OK(&cx, espy_trigger_count_folder(&cx, dir, sounds, &v));
    assert_int_equal(of(v, "dog_bark"), 2);
    assert_int_equal(of(v, "STU001"), 0);
    espy_json_free(v);
    espy_free(&cx, dir);
    assert_int_equal(m.live, 0);
}

static void test_store_counts(void **state)
{
    (void)state;
    static const espy_fit_options usual = {.test_share = 0.2, .floor = 0.3};
    espy_ctx cx;
    test_memory m;
    espy_workspace ws;
    espy_collection c;
    espy_renewal r;
    espy_json *now, *last;
    int64_t added, label;
    test_memory_init(&cx, &m);
    flow_make(&data, 3, 10, 0.2, 1);
    life_open(&cx, &ws, &c);
    LIFE_OK(&cx, espy_trigger_last(&cx, &ws, &c, false, &last));
    assert_null(last);
    life_add(&cx, &ws, &c, &data, 0, 25, "one");
    LIFE_OK(&cx, espy_store_label(&cx, ws.store, c.id, "unknown", NULL, &label));
    LIFE_OK(&cx, espy_trigger_count_store(&cx, &ws, &c, &now));
    assert_int_equal(espy_json_count(now), 3);
    assert_int_equal(of(now, "L002"), 5);
    assert_true(espy_trigger_decide(now, last, 100, &added) && added == 25);
    espy_json_free(now);

    /* trained and refused by the gate: counted all the same */
    const espy_gate_options never = {.min_accuracy = 1.5};
    espy_renew_options how = {.fit = &usual, .gate = &never, .reason = "test"};
    LIFE_OK(&cx, espy_flow_renew(&cx, &ws, &c, &how, &r));
    assert_false(r.promoted);
    espy_renewal_free(&cx, &r);
    life_add(&cx, &ws, &c, &data, 25, 30, "two");
    TEST_FAULT_LOOP(&cx, &m, espy_trigger_count_store(&cx, &ws, &c, &now), espy_json_free(now));
    TEST_FAULT_LOOP(&cx, &m, espy_trigger_last(&cx, &ws, &c, true, &last), espy_json_free(last));
    LIFE_OK(&cx, espy_trigger_count_store(&cx, &ws, &c, &now));
    LIFE_OK(&cx, espy_trigger_last(&cx, &ws, &c, false, &last));
    assert_true(!espy_trigger_decide(now, last, 6, &added) && added == 5);
    assert_true(espy_trigger_decide(now, last, 5, &added));
    espy_json_free(last);

    /* files are compared with the files of the last training from a folder */
    espy_json *files = counts("{\"L000\": 40}");
    how.file_counts = files;
    LIFE_OK(&cx, espy_flow_renew(&cx, &ws, &c, &how, &r));
    espy_renewal_free(&cx, &r);
    how.file_counts = NULL;
    LIFE_OK(&cx, espy_flow_renew(&cx, &ws, &c, &how, &r));
    espy_renewal_free(&cx, &r);
    LIFE_OK(&cx, espy_trigger_last(&cx, &ws, &c, true, &last));
    assert_int_equal(of(last, "L000"), 40);
    espy_json_free(last);
    LIFE_OK(&cx, espy_trigger_last(&cx, &ws, &c, false, &last));
    assert_int_equal(of(last, "L000"), 10);
    espy_json_free(last);
    espy_json_free(files);
    espy_json_free(now);
    life_close(&cx, &ws, &c);
    assert_int_equal(m.live, 0);
}

static void test_log(void **state)
{
    (void)state;
    static const char good[] =
        "{\"retraining_history\": [{\"sample_counts\": {\"a\": 1}, \"epochs_trained\": 3},\n"
        "{\"timestamp\": \"20251118_143045\", \"sample_counts\": {\"a\": 7, \"b\": 2}}]}";
    static const char *const bad[] = {
        "", "[]", "{}", "{\"retraining_history\": [{}]}", "{", "{\"retraining_history\": [1, 2]}"};
    espy_ctx cx;
    test_memory m;
    espy_json *last;
    test_memory_init(&cx, &m);
    char *path = espy_path_join(&cx, test_folder(), "retraining_log.json");
    LIFE_OK(&cx, espy_trigger_last_of_log(&cx, path, &last));
    assert_null(last); /* nothing trained yet */
    LIFE_OK(&cx, espy_file_write(&cx, path, good, sizeof good - 1));
    TEST_FAULT_LOOP(&cx, &m, espy_trigger_last_of_log(&cx, path, &last), espy_json_free(last));
    LIFE_OK(&cx, espy_trigger_last_of_log(&cx, path, &last));
    assert_int_equal(of(last, "a"), 7);
    espy_json_free(last);
    LIFE_OK(&cx, espy_file_write(&cx, path, "{\"retraining_history\": []}", 26));
    LIFE_OK(&cx, espy_trigger_last_of_log(&cx, path, &last));
    assert_null(last);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        LIFE_OK(&cx, espy_file_write(&cx, path, bad[i], strlen(bad[i])));
        assert_int_equal(espy_trigger_last_of_log(&cx, path, &last), ESPY_E_FORMAT);
        assert_non_null(strstr(cx.text, "retraining_log.json"));
        espy_clear(&cx);
    }
    espy_free(&cx, path);
    assert_int_equal(m.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arithmetic),
        cmocka_unit_test(test_folder_counts),
        cmocka_unit_test(test_store_counts),
        cmocka_unit_test(test_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
