/* SPDX-License-Identifier: Apache-2.0
 * artifact: the two sets of files, their names, order and contents, and what is left when writing
 * fails. */
#include "support/support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "artifact/npy.h"
#include "artifact/smartattendance.h"

static char smart_folder[64], smart_out[96], smart_embeds[96];
static char smart_lines[4096]; /* what was said to be saved */

static void smart_saved(void *self, const char *what, const char *path)
{
    (void)self;
    size_t n = strlen(smart_lines);
    snprintf(smart_lines + n, sizeof smart_lines - n, "%s=%s\n", what, espy_path_name(path));
}

static const float smart_x[4 * 3] = {1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0};
static const uint32_t smart_y[4] = {0, 1, 2, 0};
static const espy_training_student smart_students[] = {
    {"A0", "Ann, the first", 3, 2}, {"A1", "Bob \"B\"", 1, 1}, {"A2", "J\u00fcrgen", 1, 1}};
static const espy_training_threshold smart_thresholds[] = {{0.5, 0.98, 50, 50}, {0.75, 1, 46, 50}};
static espy_training_skip smart_skips[60];

static espy_training_facts smart_facts(const espy_sk_model *model)
{
    for (size_t i = 0; i < 60; i++)
        smart_skips[i] = (espy_training_skip){"A0_Ann/x.jpg", "No face detected"};
    return (espy_training_facts){
        .out_dir = smart_out,
        .embeds_out = smart_embeds,
        .model = model,
        .x = smart_x,
        .y = smart_y,
        .n = 4,
        .students = smart_students,
        .student_count = 3,
        .images_found = 64,
        .skipped = smart_skips,
        .skipped_count = 60,
        .accuracy = 0.98,
        .report = "REPORT TEXT\n",
        .confusion_matrix = "MATRIX TEXT\n",
        .thresholds = smart_thresholds,
        .threshold_count = 2,
        .threshold = 0.75,
        .date = 1.7e9,
        .device = "CPU, 2 threads",
        .detector = "SCRFD",
        .alignment = "5 points",
        .embedder = "InceptionResnetV1",
        .pretrained = "vggface2",
        .classifier = "SVM, linear kernel, balanced",
        .saved = smart_saved,
    };
}

static void smart_model(espy_ctx *cx, espy_sk_model *m)
{
    espy_buf b = test_read(cx, test_source("fuzz/corpus/pickle/svc3-old-4.pkl"));
    assert_int_equal(espy_sk_parse(cx, espy_span_of(&b), m), ESPY_E_OK);
    espy_buf_free(cx, &b);
}

static const char *smart_path(const char *folder, const char *name)
{
    static char path[2][256];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

/* Every word must come after the one before it. */
static void smart_in_order(const espy_buf *b, const char *const *words, size_t n)
{
    const char *at = (const char *)b->data;
    for (size_t i = 0; i < n; i++) {
        const char *found = strstr(at, words[i]);
        if (!found)
            print_error("\"%s\" is missing or out of order\n", words[i]);
        assert_non_null(found);
        at = found + strlen(words[i]);
    }
}
#define IN_ORDER(b, words) smart_in_order(b, words, sizeof words / sizeof words[0])

static void test_clean(void **state)
{
    (void)state;
    static const char *const report[] = {"====",
                                         "REPORT",
                                         "Date:",
                                         "Device:",
                                         "CPU, 2 threads",
                                         "Detector:",
                                         "SCRFD",
                                         "Alignment:",
                                         "Embedder:",
                                         "dimension:",
                                         "Normalisation:",
                                         "Scaling:",
                                         "Classifier:",
                                         "Images found:",
                                         "64",
                                         "Embeddings extracted: 4",
                                         "skipped:       60",
                                         "Students:             3",
                                         "(4, 3)",
                                         "1. A0",
                                         "2 samples of 3 images",
                                         "3. A2",
                                         "Test Accuracy: 0.9800",
                                         "REPORT TEXT",
                                         "MATRIX TEXT",
                                         "THRESHOLD",
                                         "0.50    0.9800        0.00  50/50",
                                         "0.75    1.0000        8.00  46/50",
                                         "Recommended threshold: 0.75",
                                         "Default threshold:     0.70",
                                         "SKIPPED",
                                         "No face detected",
                                         "and 10 more",
                                         "ERROR LOG",
                                         "none",
                                         "END OF REPORT"};
    static const char *const readme[] = {
        "Pipeline", "face_classifier_v1.pkl", "Dataset",   "STU001_John_Doe", "Retraining",
        "**0.75**", "RECOGNITION_",           "Inference", "unit length",     "Notes"};
    espy_ctx cx;
    test_memory mem;
    espy_sk_model m, again;
    espy_npy a;
    test_memory_init(&cx, &mem);
    smart_model(&cx, &m);
    espy_training_facts f = smart_facts(&m);
    smart_lines[0] = '\0';
    assert_int_equal(espy_artifact_write_clean(&cx, &f), ESPY_E_OK);
    assert_string_equal(smart_lines,
                        "classifier=face_classifier_v1.pkl\nlabel encoder=label_encoder.pkl\n"
                        "label encoder classes=label_encoder_classes.npy\nscaler=scaler.pkl\n"
                        "embeddings=X.npy\nlabels=y.npy\nstudent metadata=labels.csv\n"
                        "training report=training_report.txt\nmodel README=MODEL_README.md\n");
    espy_buf b = test_read(&cx, smart_path(smart_embeds, "labels.csv"));
    assert_string_equal((char *)b.data, "student_id,student_name,num_images\n"
                                        "A0,\"Ann, the first\",3\nA1,\"Bob \"\"B\"\"\",1\n"
                                        "A2,J\u00fcrgen,1\n");
    espy_buf_free(&cx, &b);
    b = test_read(&cx, smart_path(smart_embeds, "training_report.txt"));
    IN_ORDER(&b, report);
    assert_int_equal(strspn((char *)b.data, "="), 80);
    espy_buf_free(&cx, &b);
    b = test_read(&cx, smart_path(smart_embeds, "MODEL_README.md"));
    IN_ORDER(&b, readme);
    espy_buf_free(&cx, &b);
    assert_int_equal(espy_npy_load(&cx, smart_path(smart_embeds, "y.npy"), &a), ESPY_E_OK);
    assert_int_equal(a.type, ESPY_NPY_TEXT);
    assert_string_equal(((char **)a.data)[3], "A0");
    espy_npy_free(&cx, &a);
    assert_int_equal(espy_npy_load(&cx, smart_path(smart_embeds, "X.npy"), &a), ESPY_E_OK);
    assert_memory_equal(a.data, smart_x, sizeof smart_x);
    espy_npy_free(&cx, &a);
    assert_int_equal(espy_sk_load(&cx, smart_out, &again), ESPY_E_OK);
    assert_null(again.metadata); /* so that the threshold comes from the configuration */
    assert_int_equal(espy_json_int(espy_json_get(again.extra, "embedding_dim"), 0), 3);
    assert_string_equal(espy_json_string(espy_json_get(again.extra, "model_type"), ""), "SVM");
    assert_string_equal(espy_json_string(espy_json_get(again.extra, "detector"), ""), "SCRFD");
    assert_non_null(espy_json_get(again.extra, "training_date"));
    assert_string_equal(again.labels[2], "A2");
    espy_sk_free(&cx, &again);
    espy_sk_free(&cx, &m);
    assert_int_equal(mem.live, 0);
}

static void test_production(void **state)
{
    (void)state;
    static const char *const summary[] = {
        "====",  "date:",       "InceptionResnetV1", "vggface2",         "dimension: 3",
        "SVC",   "students: 3", "samples: 4",        "accuracy: 0.9800", "threshold: 0.7500",
        "1. A0", "3. A2"};
    static const char *const keys[] = {"embedding_model",     "pretrained_on", "embedding_dim",
                                       "num_classes",         "classes",       "threshold",
                                       "classifier_type",     "accuracy",      "training_date",
                                       "python_version",      "torch_version", "software_version",
                                       "num_training_samples"};
    espy_ctx cx;
    test_memory mem;
    espy_sk_model m, again;
    espy_npy a;
    espy_json *json = NULL;
    test_memory_init(&cx, &mem);
    smart_model(&cx, &m);
    espy_training_facts f = smart_facts(&m);
    smart_lines[0] = '\0';
    assert_int_equal(espy_artifact_write_production(&cx, &f), ESPY_E_OK);
    assert_string_equal(smart_lines,
                        "model=face_classifier_v1.pkl\nlabel encoder classes="
                        "label_encoder_classes.npy\nembeddings=X.npy\nlabels=y.npy\n"
                        "metadata=training_metadata.json\nsummary=training_summary.txt\n");
    espy_buf b = test_read(&cx, smart_path(smart_out, "training_summary.txt"));
    IN_ORDER(&b, summary);
    assert_int_equal(strspn((char *)b.data, "="), 60);
    espy_buf_free(&cx, &b);
    assert_int_equal(
        espy_json_load(&cx, smart_path(smart_out, "training_metadata.json"), 65536, &json),
        ESPY_E_OK);
    assert_int_equal(espy_json_count(json), sizeof keys / sizeof keys[0]);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        assert_non_null(espy_json_get(json, keys[i]));
    assert_int_equal(espy_npy_load(&cx, smart_path(smart_out, "y.npy"), &a), ESPY_E_OK);
    assert_int_equal(a.type, ESPY_NPY_I64);
    assert_int_equal(((int64_t *)a.data)[2], 2);
    espy_npy_free(&cx, &a);
    assert_int_equal(espy_sk_load(&cx, smart_out, &again), ESPY_E_OK);
    espy_buf x, y;
    espy_buf_init(&x, 65536);
    espy_buf_init(&y, 65536);
    assert_int_equal(espy_json_print(&cx, json, 2, &x), ESPY_E_OK);
    assert_int_equal(espy_json_print(&cx, again.metadata, 2, &y), ESPY_E_OK);
    assert_string_equal((char *)x.data, (char *)y.data);
    espy_buf_free(&cx, &x);
    espy_buf_free(&cx, &y);
    espy_json_free(json);
    espy_sk_free(&cx, &again);
    espy_sk_free(&cx, &m);
    assert_int_equal(mem.live, 0);
}

/* FEATURES 60-62: files that are missing from the folder. */
static void test_load(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory mem;
    espy_sk_model m, again;
    test_memory_init(&cx, &mem);
    smart_model(&cx, &m);
    espy_training_facts f = smart_facts(&m);
    assert_int_equal(espy_artifact_write_clean(&cx, &f), ESPY_E_OK);
    espy_sk_free(&cx, &m);
    assert_int_equal(unlink(smart_path(smart_out, "label_encoder.pkl")), 0);
    assert_int_equal(espy_sk_load(&cx, smart_out, &again), ESPY_E_OK);
    assert_string_equal(again.labels[0], "A0");
    espy_sk_free(&cx, &again);
    /* The classifier alone, trained on names: no scaler inside, the one beside it is used. */
    espy_buf b = test_read(&cx, test_source("fuzz/corpus/pickle/bare-old.pkl"));
    assert_int_equal(
        espy_file_write(&cx, smart_path(smart_out, "face_classifier_v1.pkl"), b.data, b.size),
        ESPY_E_OK);
    espy_buf_free(&cx, &b);
    assert_int_equal(espy_sk_load(&cx, smart_out, &again), ESPY_E_OK);
    assert_non_null(again.scaler.mean);
    assert_null(again.metadata);
    espy_sk_free(&cx, &again);
    assert_int_equal(unlink(smart_path(smart_out, "scaler.pkl")), 0);
    assert_int_equal(espy_sk_load(&cx, smart_out, &again), ESPY_E_OK);
    assert_null(again.scaler.mean);
    espy_sk_free(&cx, &again);
    assert_int_equal(unlink(smart_path(smart_out, "face_classifier_v1.pkl")), 0);
    assert_int_equal(espy_sk_load(&cx, smart_out, &again), ESPY_E_NOT_FOUND);
    assert_non_null(strstr(cx.text, "label_encoder_classes.npy"));
    espy_clear(&cx);
    assert_int_equal(espy_sk_load(&cx, "/nonexistent", &again), ESPY_E_NOT_FOUND);
    assert_int_equal(mem.live, 0);
}

/* File operations of which the n-th write or rename fails. */
static int smart_countdown;
static ssize_t smart_write(int fd, const void *p, size_t n)
{
    if (--smart_countdown == 0) {
        errno = ENOSPC;
        return -1;
    }
    return write(fd, p, n);
}
static int smart_rename(const char *from, const char *to)
{
    if (--smart_countdown == 0) {
        errno = EIO;
        return -1;
    }
    return rename(from, to);
}

static void test_full_disk(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory mem;
    espy_sk_model m;
    test_memory_init(&cx, &mem);
    espy_io io = *cx.io;
    io.write = smart_write;
    io.rename = smart_rename;
    smart_model(&cx, &m);
    espy_training_facts f = smart_facts(&m);
    f.saved = NULL;
    cx.io = &io;
    espy_err e;
    int n = 1;
    do {
        espy_clear(&cx);
        smart_countdown = n++;
        e = espy_artifact_write_clean(&cx, &f);
        assert_true(e == ESPY_E_IO || (e == ESPY_E_OK && smart_countdown > 0));
    } while (e);
    assert_true(n >= 18); /* nine files, each written and renamed */
    espy_dir_list list;
    assert_int_equal(espy_dir_read(&cx, smart_out, &list), ESPY_E_OK);
    assert_int_equal(list.n, 8); /* four, and four that S1 left: no temporary file */
    espy_dir_list_free(&cx, &list);
    espy_sk_free(&cx, &m);
    assert_int_equal(mem.live, 0);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory mem;
    espy_sk_model m;
    test_memory_init(&cx, &mem);
    smart_model(&cx, &m);
    espy_training_facts f = smart_facts(&m);
    f.saved = NULL;
    TEST_FAULT_LOOP(&cx, &mem, espy_artifact_write_clean(&cx, &f), (void)0);
    TEST_FAULT_LOOP(&cx, &mem, espy_artifact_write_production(&cx, &f), (void)0);
    espy_sk_model again;
    TEST_FAULT_LOOP(&cx, &mem, espy_sk_load(&cx, smart_out, &again), espy_sk_free(&cx, &again));
    espy_sk_free(&cx, &m);
    assert_int_equal(mem.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clean),         cmocka_unit_test(test_production),
        cmocka_unit_test(test_load),          cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_out_of_memory),
    };
    strcpy(smart_folder, "/tmp/espy-smart-XXXXXX");
    if (!mkdtemp(smart_folder))
        return 1;
    snprintf(smart_out, sizeof smart_out, "%s/Classifier", smart_folder);
    snprintf(smart_embeds, sizeof smart_embeds, "%s/models", smart_folder);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    espy_ctx cx;
    espy_ctx_init(&cx);
    return espy_dir_remove(&cx, smart_folder) ? 1 : failed;
}
