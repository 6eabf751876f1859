/* SPDX-License-Identifier: Apache-2.0
 * artifact: EcoSight's files, key by key (SPEC 6.5), the log under crashes, and the history's
 * pickle in both directions with Python. */
#include "support/support.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "artifact/ecosight.h"
#include "artifact/sk_model.h"

static const char *const eco_classes[] = {"clips", "dog_bark", "engine_idling", "gun_shot"};
static const size_t eco_counts[] = {700, 1200, 1200, 950};
static const uint32_t eco_truth[] = {0, 0, 1, 1, 2, 2, 3, 3, 3, 1};
static const uint32_t eco_answer[] = {0, 1, 1, 1, 2, 2, 3, 3, 0, 1};
static espy_mlp_epoch eco_epochs[] = {{1.5f, 0.4f, 1.2f, 0.5f, 1e-3f},
                                      {0.8f, 0.7f, 0.7f, 0.9403569f, 1e-3f},
                                      {0.6f, 0.8f, 0.75f, 0.9f, 5e-4f}};
static const espy_mlp_history eco_history = {eco_epochs, 3, 1};

/* What a report borrows. */
typedef struct eco_sample {
    espy_mlp *mlp;
    espy_metrics metrics;
    uint32_t confusion[16];
} eco_sample;

static espy_ecosight_report eco_make(espy_ctx *cx, eco_sample *s)
{
    static const size_t widths[] = {512, 256, 128, 64, 4};
    static const float dropout[] = {0.5f, 0.4f, 0.3f, 0.2f, 0};
    assert_int_equal(espy_mlp_create(cx, 1024, widths, 5, true, dropout, &s->mlp), ESPY_E_OK);
    assert_int_equal(espy_metrics_compute(cx, eco_truth, eco_answer, 10, 4, &s->metrics),
                     ESPY_E_OK);
    espy_metrics_confusion(eco_truth, eco_answer, 10, 4, s->confusion);
    return (espy_ecosight_report){
        .date = 1.7e9,
        .model_name = "retrained_model_x",
        .model_path = "models/retrained_model_x.keras",
        .classes = eco_classes,
        .counts = eco_counts,
        .n_classes = 4,
        .encoder = "yamnet",
        .sample_rate = 16000,
        .mean = 0.0125,
        .std = 0.75,
        .mlp = s->mlp,
        .history = &eco_history,
        .epochs = 100,
        .batch = 64,
        .rate = 0.001,
        .train = 2651,
        .validation = 468,
        .test = 551,
        .test_loss = 0.03125,
        .metrics = &s->metrics,
        .confusion = s->confusion,
        .trigger_reason = "Manual trigger",
        .min_accuracy = 0.95,
        .promoted = true,
        .previous_model = "yamnet_classifier_v2.keras",
    };
}

static void eco_free(espy_ctx *cx, eco_sample *s)
{
    espy_mlp_destroy(cx, &s->mlp);
    espy_metrics_free(cx, &s->metrics);
}

/* The value at a path of keys and numbers: "architecture.layers.0". */
static const espy_json *eco_at(const espy_json *v, const char *path)
{
    char key[64];
    while (*path) {
        size_t n = strcspn(path, ".");
        assert_true(n < sizeof key);
        memcpy(key, path, n);
        key[n] = '\0';
        v = espy_json_is_array(v) ? espy_json_at(v, (size_t)atoi(key)) : espy_json_get(v, key);
        path += path[n] ? n + 1 : n;
    }
    return v;
}

typedef struct eco_want {
    const char *path;
    const char *text; /* as JSON */
} eco_want;

static void eco_expect(espy_ctx *cx, const espy_json *v, const eco_want *want, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        espy_buf b;
        const espy_json *at = eco_at(v, want[i].path);
        if (!at)
            fail_msg("%s is missing", want[i].path);
        espy_buf_init(&b, 65536);
        assert_int_equal(espy_json_print(cx, at, 0, &b), ESPY_E_OK);
        if (strcmp((const char *)b.data, want[i].text) != 0)
            fail_msg("%s is %s, not %s", want[i].path, (const char *)b.data, want[i].text);
        espy_buf_free(cx, &b);
    }
}
#define EXPECT(cx, v, want) eco_expect(cx, v, want, sizeof want / sizeof want[0])

static void test_files(void **state)
{
    (void)state;
    static const eco_want names[] = {
        {"", "[\"clips\",\"dog_bark\",\"engine_idling\",\"gun_shot\"]"}};
    static const eco_want metadata[] = {
        {"model_name", "\"retrained_model_x\""},
        {"model_type", "\"Sequential (Dense, BatchNormalization, Dropout)\""},
        {"num_classes", "4"},
        {"classes.3", "\"gun_shot\""},
        {"input_shape", "[1024]"},
        {"test_accuracy", "0.8"},
        {"test_loss", "0.03125"},
        {"sample_rate", "16000"},
        {"architecture.layers", "[512,256,128,64]"},
        {"architecture.activation", "\"relu\""},
        {"architecture.dropout_rates", "[0.5,0.4,0.3,0.2]"},
        {"architecture.optimizer", "\"adam\""},
        {"architecture.learning_rate", "0.001"},
        {"architecture.parameters", "{\"total\":701380,\"trainable\":699460,\"dense\":697540}"},
        {"training_config.epochs", "100"},
        {"training_config.batch_size", "64"},
        {"training_config.train_samples", "2651"},
        {"training_config.val_samples", "468"},
        {"training_config.test_samples", "551"},
        {"mean", "0.0125"},
        {"std", "0.75"},
        {"encoder", "\"yamnet\""},
        {"software_version", "\"espy " ESPY_VERSION "\""},
    };
    static const eco_want metrics[] = {
        {"precision", "[0.5,0.75,1.0,1.0]"},
        {"recall.0", "0.5"},
        {"f1_score.2", "1.0"},
        {"confusion_matrix", "[[1,1,0,0],[0,3,0,0],[0,0,2,0],[1,0,0,2]]"},
        {"per_class_metrics.dog_bark",
         "{\"precision\":0.75,\"recall\":1.0,\"f1_score\":0.857142857142857,\"support\":3}"},
        {"per_class_metrics.gun_shot.support", "3"},
        {"classes.0", "\"clips\""},
        {"test_accuracy", "0.8"},
    };
    static const eco_want history[] = {
        {"accuracy", "[0.4,0.7,0.8]"},
        {"loss", "[1.5,0.8,0.6]"},
        {"val_accuracy.1", "0.9403569"},
        {"val_loss", "[1.2,0.7,0.75]"},
        {"learning_rate", "[0.001,0.001,0.0005]"},
    };
    espy_ctx cx;
    test_memory mem;
    eco_sample s;
    test_memory_init(&cx, &mem);
    espy_ecosight_report r = eco_make(&cx, &s);
    const struct {
        const char *name;
        const eco_want *want;
        size_t n;
    } files[] = {
        {ESPY_ECOSIGHT_CLASSES, names, sizeof names / sizeof names[0]},
        {ESPY_ECOSIGHT_METADATA, metadata, sizeof metadata / sizeof metadata[0]},
        {ESPY_ECOSIGHT_METRICS, metrics, sizeof metrics / sizeof metrics[0]},
        {ESPY_ECOSIGHT_HISTORY, history, sizeof history / sizeof history[0]},
    };
    const char *folder = test_folder();
    assert_int_equal(espy_ecosight_write(&cx, &r, folder), ESPY_E_OK);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        espy_json *v;
        char path[128];
        snprintf(path, sizeof path, "%s/%s", folder, files[i].name);
        assert_int_equal(espy_json_load(&cx, path, 65536, &v), ESPY_E_OK);
        eco_expect(&cx, v, files[i].want, files[i].n);
        if (i == 1)
            assert_int_equal(strlen(espy_json_string(espy_json_get(v, "training_date"), "")), 19);
        espy_json_free(v);
    }
    eco_free(&cx, &s);
    assert_int_equal(mem.live, 0);
}

static void test_no_validation(void **state)
{
    (void)state;
    static const espy_mlp_history none = {NULL, 0, 0};
    espy_mlp_epoch epoch = {1.5f, 0.4f, NAN, NAN, 1e-3f};
    const espy_mlp_history one = {&epoch, 1, 0};
    espy_ctx cx;
    test_memory mem;
    eco_sample s;
    espy_json *v;
    test_memory_init(&cx, &mem);
    espy_ecosight_report r = eco_make(&cx, &s);
    r.history = &one;
    assert_int_equal(espy_ecosight_history(&cx, &r, &v), ESPY_E_OK);
    assert_null(espy_json_get(v, "val_loss"));
    assert_int_equal(espy_json_count(v), 3);
    espy_json_free(v);
    r.history = &none;
    assert_int_equal(espy_ecosight_history(&cx, &r, &v), ESPY_E_OK);
    assert_int_equal(espy_json_count(espy_json_get(v, "loss")), 0);
    espy_json_free(v);
    eco_free(&cx, &s);
    assert_int_equal(mem.live, 0);
}

/* Python opens the pickle, and finds in it what the JSON says. */
static void test_pickle(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory mem;
    eco_sample s;
    espy_json *v;
    char command[512];
    test_memory_init(&cx, &mem);
    espy_ecosight_report r = eco_make(&cx, &s);
    const char *folder = test_folder();
    assert_int_equal(espy_ecosight_write(&cx, &r, folder), ESPY_E_OK);
    eco_free(&cx, &s);
    snprintf(command, sizeof command, "%s/%s", folder, ESPY_ECOSIGHT_HISTORY_PICKLE);
    espy_buf b = test_read(&cx, command);
    assert_int_equal(espy_sk_parse_plain(&cx, espy_span_of(&b), &v), ESPY_E_OK);
    espy_buf_free(&cx, &b);
    static const eco_want want[] = {{"val_accuracy", "[0.5,0.9403569,0.9]"}};
    EXPECT(&cx, v, want);
    espy_json_free(v);
    assert_int_equal(mem.live, 0);
    if (system("python3 -c 'import pickle' 2>/dev/null") != 0)
        skip();
    snprintf(command, sizeof command,
             "cd '%s' && python3 -c 'import json, pickle\n"
             "p = pickle.load(open(\"training_history.pkl\", \"rb\"))\n"
             "assert type(p) is dict and p == json.load(open(\"training_history.json\")), p\n"
             "assert all(type(x) is float for v in p.values() for x in v)'",
             folder);
    assert_int_equal(system(command), 0);
}

/* The history that came with the original. */
static void test_foreign_pickle(void **state)
{
    (void)state;
    static const char *const keys[] = {"accuracy", "loss", "val_accuracy", "val_loss",
                                       "learning_rate"};
    const char *path = test_shared("models/training_history.pkl");
    espy_ctx cx;
    test_memory mem;
    espy_json *v;
    test_memory_init(&cx, &mem);
    if (!path) {
        print_message("no ../shared\n");
        skip();
    }
    espy_buf b = test_read(&cx, path);
    assert_int_equal(espy_sk_parse_plain(&cx, espy_span_of(&b), &v), ESPY_E_OK);
    espy_buf_free(&cx, &b);
    assert_int_equal(espy_json_count(v), 5);
    size_t n = espy_json_count(espy_json_get(v, "loss"));
    print_message("%zu epochs\n", n);
    assert_true(n > 10);
    for (size_t i = 0; i < 5; i++) {
        const espy_json *list = espy_json_get(v, keys[i]);
        assert_int_equal(espy_json_count(list), n);
        for (size_t k = 0; k < n; k++)
            assert_true(espy_json_is_number(espy_json_at(list, k)));
    }
    assert_true(espy_json_number(eco_at(v, "accuracy.0"), 0) == 0.8917402029037476);
    espy_json_free(v);
    static const char *const bad[] = {"]q.", "N.", "cos\nsystem\n."};
    for (size_t i = 0; i < 3; i++) {
        espy_clear(&cx);
        assert_int_not_equal(
            espy_sk_parse_plain(&cx, (espy_span){(const uint8_t *)bad[i], strlen(bad[i])}, &v),
            ESPY_E_OK);
    }
    assert_int_equal(mem.live, 0);
}

/* ---- the log ---- */

static void test_log(void **state)
{
    (void)state;
    static const char old[] =
        "{\"version\":7,\"retraining_history\":[{\"timestamp\":\"20251118_143045\",\"datetime\":"
        "\"2025-11-18 14:30:45\",\"test_accuracy\":0.9930,\"num_classes\":4,\"sample_counts\":{"
        "\"dog_bark\":1200,\"gun_shot\":950},\"total_samples\":4050,\"epochs_trained\":65},"
        "{\"what\":\"not known here\",\"deep\":[1,{\"a\":null}]}]}";
    static const eco_want want[] = {
        {"version", "7"},
        {"retraining_history.0.test_accuracy", "0.993"},
        {"retraining_history.0.sample_counts", "{\"dog_bark\":1200,\"gun_shot\":950}"},
        {"retraining_history.1", "{\"what\":\"not known here\",\"deep\":[1,{\"a\":null}]}"},
        {"retraining_history.2.test_accuracy", "0.8"},
        {"retraining_history.2.num_classes", "4"},
        {"retraining_history.2.sample_counts",
         "{\"clips\":700,\"dog_bark\":1200,\"engine_idling\":1200,\"gun_shot\":950}"},
        {"retraining_history.2.total_samples", "4050"},
        {"retraining_history.2.epochs_trained", "3"},
        {"retraining_history.2.model_path", "\"models/retrained_model_x.keras\""},
        {"retraining_history.2.test_loss", "0.03125"},
        {"retraining_history.2.classes.0", "\"clips\""},
        {"retraining_history.2.metrics.precision", "[0.5,0.75,1.0,1.0]"},
        {"retraining_history.2.metrics.recall.0", "0.5"},
        {"retraining_history.2.metrics.f1_score.3", "0.8"},
        {"retraining_history.2.trigger_reason", "\"Manual trigger\""},
        {"retraining_history.2.min_accuracy", "0.95"},
        {"retraining_history.2.promoted", "true"},
        {"retraining_history.2.previous_model", "\"yamnet_classifier_v2.keras\""},
        {"retraining_history.3.min_accuracy", "null"},
        {"retraining_history.3.promoted", "false"},
        {"retraining_history.3.previous_model", "null"},
    };
    espy_ctx cx;
    test_memory mem;
    eco_sample s;
    espy_json *v, *log;
    char path[128];
    test_memory_init(&cx, &mem);
    espy_ecosight_report r = eco_make(&cx, &s);
    snprintf(path, sizeof path, "%s/%s", test_folder(), ESPY_ECOSIGHT_LOG);
    assert_int_equal(espy_ecosight_log_load(&cx, path, &log), ESPY_E_OK);
    assert_int_equal(espy_json_count(espy_ecosight_log_entries(log)), 0);
    assert_true(espy_json_is_array(espy_ecosight_log_entries(log)));
    espy_json_free(log);
    assert_int_equal(espy_file_write(&cx, path, old, sizeof old - 1), ESPY_E_OK);
    assert_int_equal(espy_ecosight_entry(&cx, &r, &v), ESPY_E_OK);
    assert_int_equal(strlen(espy_json_string(espy_json_get(v, "timestamp"), "")), 15);
    assert_int_equal(strlen(espy_json_string(espy_json_get(v, "datetime"), "")), 19);
    assert_int_equal(espy_ecosight_log_append(&cx, path, v), ESPY_E_OK);
    r.min_accuracy = NAN;
    r.promoted = false;
    r.previous_model = NULL;
    assert_int_equal(espy_ecosight_entry(&cx, &r, &v), ESPY_E_OK);
    assert_int_equal(espy_ecosight_log_append(&cx, path, v), ESPY_E_OK);
    assert_int_equal(espy_ecosight_log_load(&cx, path, &log), ESPY_E_OK);
    assert_int_equal(espy_json_count(espy_ecosight_log_entries(log)), 4);
    EXPECT(&cx, log, want);
    espy_json_free(log);
    eco_free(&cx, &s);
    assert_int_equal(mem.live, 0);
}

static void test_damaged_log(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "{\"retraining_history\":[{\"a\":1},", "[]", "{}",
                                      "{\"retraining_history\":{}}"};
    espy_ctx cx;
    test_memory mem;
    espy_json *log;
    char path[128];
    test_memory_init(&cx, &mem);
    snprintf(path, sizeof path, "%s/%s", test_folder(), ESPY_ECOSIGHT_LOG);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        espy_clear(&cx);
        assert_int_equal(espy_file_write(&cx, path, bad[i], strlen(bad[i])), ESPY_E_OK);
        assert_int_equal(espy_ecosight_log_load(&cx, path, &log), ESPY_E_FORMAT);
        assert_non_null(strstr(cx.text, "damaged"));
        assert_non_null(strstr(cx.text, path));
        espy_clear(&cx);
        assert_int_equal(espy_ecosight_log_append(&cx, path, espy_json_object()), ESPY_E_FORMAT);
        espy_buf b = test_read(&cx, path);
        assert_int_equal(b.size, strlen(bad[i]));
        espy_buf_free(&cx, &b);
    }
    assert_int_equal(mem.live, 0);
}

/* File operations of which the n-th fails. */
static int eco_countdown;
static ssize_t eco_io_write(int fd, const void *p, size_t n)
{
    if (--eco_countdown == 0) {
        errno = ENOSPC;
        return -1;
    }
    return write(fd, p, n > 40 ? 40 : n);
}
static int eco_io_rename(const char *from, const char *to)
{
    if (--eco_countdown == 0) {
        errno = EIO;
        return -1;
    }
    return rename(from, to);
}
static int eco_io_sync(int fd)
{
    if (--eco_countdown == 0) {
        errno = EIO;
        return -1;
    }
    return fsync(fd);
}

/* Whatever call fails, the log is the one before or the one behind it. */
static void test_full_disk(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory mem;
    espy_json *log;
    char path[128];
    test_memory_init(&cx, &mem);
    snprintf(path, sizeof path, "%s/%s", test_folder(), ESPY_ECOSIGHT_LOG);
    assert_int_equal(espy_ecosight_log_append(&cx, path, espy_json_object()), ESPY_E_OK);
    espy_io io = *cx.io;
    const espy_io *real = cx.io;
    io.write = eco_io_write;
    io.rename = eco_io_rename;
    io.sync = eco_io_sync;
    size_t had = 1;
    espy_err e;
    int n = 1;
    do {
        espy_clear(&cx);
        cx.io = &io;
        eco_countdown = n++;
        e = espy_ecosight_log_append(&cx, path, espy_json_object());
        assert_true(e == ESPY_E_IO || (e == ESPY_E_OK && eco_countdown > 0));
        espy_clear(&cx);
        cx.io = real;
        assert_int_equal(espy_ecosight_log_load(&cx, path, &log), ESPY_E_OK);
        size_t has = espy_json_count(espy_ecosight_log_entries(log));
        assert_true(has == had + 1 || (e && has == had));
        had = has;
        espy_json_free(log);
    } while (e);
    assert_true(n > 4);
    assert_int_equal(mem.live, 0);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory mem;
    eco_sample s;
    char path[128];
    test_memory_init(&cx, &mem);
    espy_ecosight_report r = eco_make(&cx, &s);
    const char *folder = test_folder();
    snprintf(path, sizeof path, "%s/%s", folder, ESPY_ECOSIGHT_LOG);
    TEST_FAULT_LOOP(&cx, &mem, espy_ecosight_write(&cx, &r, folder), (void)0);
    TEST_FAULT_LOOP(&cx, &mem, espy_ecosight_log_append(&cx, path, espy_json_object()), (void)0);
    eco_free(&cx, &s);
    assert_int_equal(mem.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),     cmocka_unit_test(test_no_validation),
        cmocka_unit_test(test_pickle),    cmocka_unit_test(test_foreign_pickle),
        cmocka_unit_test(test_log),       cmocka_unit_test(test_damaged_log),
        cmocka_unit_test(test_full_disk), cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
