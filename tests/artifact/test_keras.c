/* SPDX-License-Identifier: Apache-2.0
 * artifact: Keras files.  Keras opens ours and answers the same, and ours reads what Keras saved;
 * numpy with h5py is the second opinion.  Keras: the Python in $ESPY_KERAS_PYTHON, else python3.
 * Small files made without Keras are in fuzz/corpus/keras (fuzz/seeds.py). */
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "artifact/hdf5.h"
#include "artifact/keras.h"
#include "artifact/npy.h"
#include "base/random.h"
#include "base/zip.h"
#include "nn/nn.h"

#define TOLERANCE 1e-6
#define PYTHON "/usr/bin/python3"

static char keras_command[512]; /* runs the Python that has Keras; "" without one */

static int keras_run(const char *python, const char *arguments)
{
    char command[1024];
    snprintf(command, sizeof command, "%s '%s' %s '%s'", python,
             test_source("tests/artifact/keras_interop.py"), arguments, test_path("", ""));
    fflush(stdout);
    return system(command);
}

/* S4's shape in small, or without normalisation; weights at random. */
static espy_mlp *keras_sample(espy_ctx *cx, bool normalised)
{
    static const size_t widths[] = {16, 8, 6, 5, 3};
    static const float dropout[] = {0.5f, 0.4f, 0.3f, 0.2f, 0};
    espy_mlp *m;
    espy_random r;
    espy_random_seed(&r, 11, 1);
    assert_int_equal(espy_mlp_create(cx, 6, widths, 5, normalised, dropout, &m), ESPY_E_OK);
    for (size_t i = 0; i < m->n; i++) {
        espy_mlp_layer *l = &m->at[i];
        for (size_t k = 0; k < l->in * l->out; k++)
            l->weights[k] = (float)espy_random_normal(&r);
        for (size_t k = 0; k < l->out; k++) {
            l->bias[k] = (float)espy_random_normal(&r);
            if (!l->gamma)
                continue;
            l->gamma[k] = (float)espy_random_normal(&r);
            l->beta[k] = (float)espy_random_normal(&r);
            l->mean[k] = (float)espy_random_normal(&r);
            l->variance[k] = k ? (float)fabs(espy_random_normal(&r)) : 0;
        }
    }
    return m;
}

static void keras_same(const float *a, const float *b, size_t n)
{
    assert_true((a == NULL) == (b == NULL));
    if (a)
        assert_memory_equal(a, b, n * sizeof *a);
}

static void keras_same_network(const espy_mlp *a, const espy_mlp *b)
{
    assert_int_equal(a->dim, b->dim);
    assert_int_equal(a->classes, b->classes);
    assert_int_equal(a->n, b->n);
    for (size_t i = 0; i < a->n; i++) {
        const espy_mlp_layer *k = &a->at[i], *l = &b->at[i];
        assert_int_equal(k->in, l->in);
        assert_int_equal(k->out, l->out);
        assert_true(k->dropout == l->dropout);
        keras_same(k->weights, l->weights, k->in * k->out);
        keras_same(k->bias, l->bias, k->out);
        keras_same(k->gamma, l->gamma, k->out);
        keras_same(k->beta, l->beta, k->out);
        keras_same(k->mean, l->mean, k->out);
        keras_same(k->variance, l->variance, k->out);
    }
}

static const char *const keras_labels[] = {"clips", "dog_bark", "J\u00fcrgen"};
static const espy_keras_facts keras_facts = {
    .labels = keras_labels, .mean = 0.25, .std = 1.5, .encoder = "yamnet", .date = 1.7e9};

static espy_err keras_write(espy_ctx *cx, const espy_mlp *m, espy_buf *out)
{
    espy_buf_init(out, 1 << 22);
    espy_err e = espy_keras_write(cx, m, &keras_facts, out);
    if (e)
        espy_buf_free(cx, out);
    return e;
}

/* Leaves nothing but the code and its text. */
static espy_err keras_read(espy_ctx *cx, espy_span file)
{
    espy_mlp *m = NULL;
    espy_json *notes = NULL;
    espy_err e = espy_keras_read(cx, file, &m, &notes);
    espy_mlp_destroy(cx, &m);
    espy_json_free(notes);
    return e;
}

static void test_round_trip(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory mem;
    test_memory_init(&cx, &mem);
    for (int normalised = 0; normalised < 2; normalised++) {
        espy_buf b, again;
        espy_mlp *m = keras_sample(&cx, normalised), *back;
        espy_json *notes;
        assert_int_equal(keras_write(&cx, m, &b), ESPY_E_OK);
        assert_int_equal(keras_write(&cx, m, &again), ESPY_E_OK);
        assert_int_equal(b.size, again.size);
        assert_memory_equal(b.data, again.data, b.size);
        assert_int_equal(espy_keras_read(&cx, espy_span_of(&b), &back, &notes), ESPY_E_OK);
        keras_same_network(m, back);
        assert_true(espy_json_number(espy_json_get(notes, "mean"), 0) == 0.25);
        assert_true(espy_json_number(espy_json_get(notes, "std"), 0) == 1.5);
        assert_string_equal(espy_json_string(espy_json_get(notes, "encoder"), ""), "yamnet");
        const espy_json *labels = espy_json_get(notes, "labels");
        assert_int_equal(espy_json_count(labels), 3);
        assert_string_equal(espy_json_string(espy_json_at(labels, 2), ""), "J\u00fcrgen");
        espy_json_free(notes);
        espy_mlp_destroy(&cx, &m);
        espy_mlp_destroy(&cx, &back);
        espy_buf_free(&cx, &b);
        espy_buf_free(&cx, &again);
    }
    assert_int_equal(mem.live, 0);
}

/* Largest difference between what NAME.keras answers here and NAME.p.npy; inputs are NAME.x.npy. */
static double keras_worst(espy_ctx *cx, const espy_mlp *m, const char *name)
{
    espy_npy x, p;
    double worst = 0;
    assert_int_equal(espy_npy_load(cx, test_path(name, ".x.npy"), &x), ESPY_E_OK);
    assert_int_equal(espy_npy_load(cx, test_path(name, ".p.npy"), &p), ESPY_E_OK);
    assert_true(x.type == ESPY_NPY_F32 && p.type == ESPY_NPY_F64);
    assert_int_equal(x.dims[1], m->dim);
    assert_int_equal(p.dims[1], m->classes);
    float *got = espy_floats(cx, p.n);
    assert_int_equal(espy_mlp_probabilities(cx, m, x.data, x.dims[0], got), ESPY_E_OK);
    for (size_t i = 0; i < p.n; i++)
        worst = fmax(worst, fabs(got[i] - ((const double *)p.data)[i]));
    espy_free(cx, got);
    espy_npy_free(cx, &x);
    espy_npy_free(cx, &p);
    return worst;
}

/* A file of ours with inputs and answers, for the other side. */
static void keras_leave_ours(espy_ctx *cx)
{
    enum { ROWS = 16 };
    espy_mlp *m = keras_sample(cx, true);
    espy_buf b;
    espy_random r;
    float x[ROWS * 6], p[ROWS * 3];
    espy_random_seed(&r, 12, 1);
    for (size_t i = 0; i < ROWS * 6; i++)
        x[i] = (float)espy_random_normal(&r);
    assert_int_equal(espy_mlp_probabilities(cx, m, x, ROWS, p), ESPY_E_OK);
    assert_int_equal(keras_write(cx, m, &b), ESPY_E_OK);
    assert_int_equal(espy_file_write(cx, test_path("ours", ".keras"), b.data, b.size), ESPY_E_OK);
    espy_buf_free(cx, &b);
    espy_buf_init(&b, 65536);
    assert_int_equal(espy_npy_put_f32(cx, &b, x, 2, (const size_t[]){ROWS, 6}), ESPY_E_OK);
    assert_int_equal(espy_file_write(cx, test_path("ours", ".x.npy"), b.data, b.size), ESPY_E_OK);
    espy_buf_free(cx, &b);
    espy_buf_init(&b, 65536);
    assert_int_equal(espy_npy_put_f32(cx, &b, p, 2, (const size_t[]){ROWS, 3}), ESPY_E_OK);
    assert_int_equal(espy_file_write(cx, test_path("ours", ".p.npy"), b.data, b.size), ESPY_E_OK);
    espy_buf_free(cx, &b);
    espy_mlp_destroy(cx, &m);
}

static void test_numpy(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory mem;
    test_memory_init(&cx, &mem);
    if (system(PYTHON " -c 'import h5py, numpy' 2>/dev/null") != 0) {
        print_message("no python3-h5py\n");
        skip();
    }
    keras_leave_ours(&cx);
    assert_int_equal(keras_run(PYTHON, "numpy"), 0);
    assert_int_equal(mem.live, 0);
}

static void keras_check_saved(espy_ctx *cx, const char *name)
{
    espy_mlp *m;
    espy_json *notes;
    espy_buf b = test_read(cx, test_path(name, ".keras"));
    espy_err e = espy_keras_read(cx, espy_span_of(&b), &m, &notes);
    if (e)
        fail_msg("%s: %s", name, cx->text);
    espy_buf_free(cx, &b);
    assert_null(notes);
    double worst = keras_worst(cx, m, name);
    print_message("%s: worst difference %.2e\n", name, worst);
    assert_true(worst <= TOLERANCE);
    espy_mlp_destroy(cx, &m);
}

static void test_keras(void **state)
{
    (void)state;
    static const char *const read[] = {"plain", "ours", "before", "epsilon", "halves", "named"};
    static const struct {
        const char *name, *text;
    } refused[] = {
        {"tanh", "dense"},         {"sigmoid", "relu, softmax and linear"},
        {"lambda", "(Lambda)"},    {"layernorm", "(LayerNormalization)"},
        {"linear", "end in relu"}, {"leaky", "slope"},
        {"first", "behind its"},   {"functional", "class Functional"},
    };
    espy_ctx cx;
    test_memory mem;
    test_memory_init(&cx, &mem);
    if (!keras_command[0]) {
        print_message("no Python with Keras (ESPY_KERAS_PYTHON, tools/python-env.sh)\n");
        skip();
    }
    assert_int_equal(keras_run(keras_command, "make"), 0);
    for (size_t i = 0; i < sizeof read / sizeof read[0]; i++)
        keras_check_saved(&cx, read[i]);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        char name[64];
        snprintf(name, sizeof name, "refused-%s", refused[i].name);
        espy_buf b = test_read(&cx, test_path(name, ".keras"));
        espy_clear(&cx);
        assert_int_equal(keras_read(&cx, espy_span_of(&b)), ESPY_E_UNSUPPORTED);
        if (!strstr(cx.text, refused[i].text))
            fail_msg("%s: %s", name, cx.text);
        espy_buf_free(&cx, &b);
    }
    keras_leave_ours(&cx);
    assert_int_equal(keras_run(keras_command, "check"), 0);
    assert_int_equal(mem.live, 0);
}

/* The same network as ONNX, run here. */
static double four_onnx(espy_ctx *cx, const espy_mlp *m, const float *x, size_t rows)
{
    const espy_net_options options = {.executor = ESPY_EXEC_REFERENCE};
    espy_net *net;
    double worst = 0;
    espy_buf b = test_read(cx, test_shared("models/yamnet_classifier_v2.onnx"));
    assert_int_equal(espy_net_load(cx, espy_span_of(&b), &options, &net), ESPY_E_OK);
    espy_buf_free(cx, &b);
    espy_tensor in = {(float *)x, 2, {(int64_t)rows, (int64_t)m->dim}}, out;
    float *p = espy_floats(cx, rows * m->classes);
    assert_int_equal(espy_net_run(cx, net, &in, 1, &out, 1), ESPY_E_OK);
    assert_int_equal(espy_mlp_probabilities(cx, m, x, rows, p), ESPY_E_OK);
    for (size_t i = 0; i < rows * m->classes; i++)
        worst = fmax(worst, fabs((double)p[i] - out.data[i]));
    espy_free(cx, out.data);
    espy_free(cx, p);
    espy_net_destroy(cx, &net);
    return worst;
}

static void test_four_classes(void **state)
{
    (void)state;
    static const size_t sizes[] = {512, 256, 128, 64, 4};
    static const float dropout[] = {0.5f, 0.4f, 0.3f, 0.2f, 0};
    const char *path = test_shared("models/yamnet_classifier_v2.keras");
    espy_ctx cx;
    test_memory mem;
    espy_mlp *m;
    espy_json *notes;
    espy_npy x;
    char arguments[1200];
    test_memory_init(&cx, &mem);
    if (!path || system(PYTHON " -c 'import h5py, numpy' 2>/dev/null") != 0) {
        print_message("no ../shared, or no python3-h5py\n");
        skip();
    }
    snprintf(arguments, sizeof arguments, "answer '%s'", path);
    espy_buf b = test_read(&cx, path);
    assert_int_equal(espy_keras_read(&cx, espy_span_of(&b), &m, &notes), ESPY_E_OK);
    espy_buf_free(&cx, &b);
    assert_null(notes);
    assert_int_equal(m->dim, 1024);
    assert_int_equal(m->n, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(m->at[i].out, sizes[i]);
        assert_true(m->at[i].dropout == dropout[i]);
        assert_null(m->at[i].gamma);
    }
    assert_int_equal(keras_run(PYTHON, arguments), 0);
    double worst = keras_worst(&cx, m, "answer");
    assert_int_equal(espy_npy_load(&cx, test_path("answer", ".x.npy"), &x), ESPY_E_OK);
    double onnx = four_onnx(&cx, m, x.data, x.dims[0]);
    print_message("four classes: worst difference %.2e to numpy, %.2e to its ONNX form\n", worst,
                  onnx);
    assert_true(worst <= TOLERANCE && onnx <= TOLERANCE);
    espy_npy_free(&cx, &x);
    espy_mlp_destroy(&cx, &m);
    assert_int_equal(mem.live, 0);
}

/* ---- by hand ---- */

#define LAYER(class, config) "{\"class_name\":\"" class "\",\"config\":{" config "}}"
#define MODEL(layers) "{\"class_name\":\"Sequential\",\"config\":{\"layers\":[" layers "]}}"
#define INPUT LAYER("InputLayer", "\"batch_shape\":[null,2]")
#define HIDDEN LAYER("Dense", "\"name\":\"h\",\"units\":3,\"activation\":\"relu\"")
#define LAST LAYER("Dense", "\"name\":\"o\",\"units\":2,\"activation\":\"softmax\"")

static const float hand_values[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4, 5, 6, 7};
static const float hand_infinite[3] = {1, INFINITY, 2};
static const float hand_negative[3] = {1, -1, 2};

/* An archive of this configuration and these arrays. */
static espy_err hand_read(espy_ctx *cx, const char *config, const espy_hdf5_item *items, size_t n)
{
    espy_buf weights, file;
    espy_buf_init(&weights, 1 << 20);
    espy_buf_init(&file, 1 << 20);
    assert_int_equal(espy_hdf5_write(cx, items, n, &weights), ESPY_E_OK);
    const espy_zip_member members[] = {{"metadata.json", {(const uint8_t *)"{}", 2}},
                                       {"config.json", {(const uint8_t *)config, strlen(config)}},
                                       {"model.weights.h5", espy_span_of(&weights)}};
    assert_int_equal(espy_zip_write(cx, members, 3, &file), ESPY_E_OK);
    espy_clear(cx);
    espy_err e = keras_read(cx, espy_span_of(&file));
    espy_buf_free(cx, &file);
    espy_buf_free(cx, &weights);
    return e;
}

static void test_configurations(void **state)
{
    (void)state;
    static const espy_hdf5_item items[] = {
        {"layers/dense/vars/0", hand_values, 2, {2, 3}},
        {"layers/dense/vars/1", hand_values, 1, {3}},
        {"layers/dense_1/vars/0", hand_values, 2, {3, 2}},
        {"layers/dense_1/vars/1", hand_values, 1, {2}},
        {"layers/batch_normalization/vars/0", hand_values, 1, {3}},
        {"layers/batch_normalization/vars/1", hand_values, 1, {3}},
        {"layers/batch_normalization/vars/2", hand_values, 1, {3}},
        {"layers/batch_normalization/vars/3", hand_values, 1, {3}},
    };
    static const struct {
        const char *config;
        espy_err e;
        const char *text;
    } cases[] = {
        {MODEL(INPUT "," HIDDEN "," LAST), ESPY_E_OK, ""},
        {MODEL(HIDDEN "," LAST), ESPY_E_OK, ""}, /* the kernel tells the input's size */
        {MODEL(INPUT "," HIDDEN "," LAYER("BatchNormalization", "\"name\":\"b\"") "," LAST),
         ESPY_E_OK, ""},
        {MODEL(LAYER("InputLayer", "\"batch_input_shape\":[null,2]") "," HIDDEN "," LAST),
         ESPY_E_OK, ""},
        {MODEL(LAYER("InputLayer", "\"batch_shape\":[null,2,2]") "," HIDDEN "," LAST),
         ESPY_E_UNSUPPORTED, "(None, values)"},
        {MODEL(LAYER("InputLayer", "\"batch_shape\":[null,4]") "," HIDDEN "," LAST), ESPY_E_FORMAT,
         "layers/dense/vars/0 do not fit"},
        {MODEL(INPUT "," HIDDEN "," LAYER("Dense", "\"units\":3,\"activation\":\"softmax\"")),
         ESPY_E_FORMAT, "layers/dense_1/vars/0"},
        {MODEL(INPUT "," HIDDEN "," HIDDEN "," LAST), ESPY_E_FORMAT, "no weights for layer"},
        {MODEL(INPUT "," LAYER("Dense", "\"units\":8193,\"activation\":\"relu\"") "," LAST),
         ESPY_E_UNSUPPORTED, "8192"},
        {MODEL(INPUT "," HIDDEN "," LAYER("Lambda", "\"name\":\"run\\nme\"") "," LAST),
         ESPY_E_UNSUPPORTED, "\"run me\" (Lambda)"},
        {MODEL(INPUT "," HIDDEN), ESPY_E_UNSUPPORTED, "end in a Dense layer with softmax"},
        {MODEL(INPUT "," HIDDEN "," LAST "," LAYER("BatchNormalization", "")), ESPY_E_UNSUPPORTED,
         "behind its Dense"},
        {MODEL(INPUT "," HIDDEN "," LAST "," LAST), ESPY_E_UNSUPPORTED, "end in relu"},
        {MODEL(INPUT "," HIDDEN "," LAYER("ReLU", "") "," LAST), ESPY_E_UNSUPPORTED,
         "behind a Dense layer that has none"},
        {MODEL(INPUT "," HIDDEN "," LAYER("BatchNormalization", "\"axis\":0") "," LAST),
         ESPY_E_UNSUPPORTED, "last axis"},
        {MODEL(INPUT "," HIDDEN "," LAYER("BatchNormalization", "\"epsilon\":-1") "," LAST),
         ESPY_E_UNSUPPORTED, "epsilon"},
        {MODEL(INPUT "," HIDDEN "," LAYER("Dropout", "\"rate\":1") "," LAST), ESPY_E_UNSUPPORTED,
         "rate"},
        {MODEL(INPUT ",{\"module\":\"mine\",\"class_name\":\"Dense\",\"config\":{}}," LAST),
         ESPY_E_UNSUPPORTED, "is not read"},
        {MODEL(INPUT ",{\"registered_name\":\"mine>Dense\",\"class_name\":\"Dense\","
                     "\"config\":{}}," LAST),
         ESPY_E_UNSUPPORTED, "is not read"},
        {MODEL(INPUT
               "," LAYER("Dense", "\"units\":3,\"activation\":\"relu\",\"lora_rank\":4") "," LAST),
         ESPY_E_UNSUPPORTED, "LoRA"},
        {MODEL(INPUT "," HIDDEN "," LAYER("Dense", "\"units\":2,\"activation\":"
                                                   "{\"class_name\":\"function\",\"config\":"
                                                   "\"softmax\"}")),
         ESPY_E_OK, ""},
        {MODEL(INPUT "," HIDDEN "," LAYER("Dense", "\"units\":2,\"activation\":{}")),
         ESPY_E_UNSUPPORTED, "softmax"},
        {MODEL(""), ESPY_E_UNSUPPORTED, "softmax"},
        {"{\"class_name\":\"Functional\"}", ESPY_E_UNSUPPORTED, "Functional"},
        {"[]", ESPY_E_UNSUPPORTED, "Sequential"},
        {"{", ESPY_E_FORMAT, "config.json: not valid JSON"},
    };
    espy_ctx cx;
    test_memory mem;
    test_memory_init(&cx, &mem);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        espy_err e = hand_read(&cx, cases[i].config, items, sizeof items / sizeof items[0]);
        if (e != cases[i].e || !strstr(cx.text, cases[i].text))
            print_error("case %zu: %d \"%s\"\n", i, (int)e, cx.text);
        assert_int_equal(e, cases[i].e);
        assert_non_null(strstr(cx.text, cases[i].text));
        assert_null(strchr(cx.text, '\n'));
    }
    assert_int_equal(mem.live, 0);
}

static void test_weights(void **state)
{
    (void)state;
    static const char norm[] =
        MODEL(INPUT "," HIDDEN "," LAYER("BatchNormalization", "\"name\":\"b\"") "," LAST);
    espy_hdf5_item items[] = {
        {"layers/h/vars/0", hand_values, 2, {2, 3}}, {"layers/h/vars/1", hand_values, 1, {3}},
        {"layers/o/vars/0", hand_values, 2, {3, 2}}, {"layers/o/vars/1", hand_values, 1, {2}},
        {"layers/b/vars/0", hand_values, 1, {3}},    {"layers/b/vars/1", hand_values, 1, {3}},
        {"layers/b/vars/2", hand_values, 1, {3}},    {"layers/b/vars/3", hand_values, 1, {3}},
    };
    espy_ctx cx;
    test_memory mem;
    test_memory_init(&cx, &mem);
    /* groups by the layers' names */
    assert_int_equal(hand_read(&cx, norm, items, 8), ESPY_E_OK);
    items[7].data = hand_negative;
    assert_int_equal(hand_read(&cx, norm, items, 8), ESPY_E_FORMAT);
    assert_non_null(strstr(cx.text, "variance"));
    items[7].data = hand_infinite;
    assert_int_equal(hand_read(&cx, norm, items, 8), ESPY_E_FORMAT);
    assert_non_null(strstr(cx.text, "not finite"));
    assert_int_equal(hand_read(&cx, norm, items, 7), ESPY_E_FORMAT);
    assert_non_null(strstr(cx.text, "layers/b/vars/3"));
    assert_int_equal(hand_read(&cx, norm, items, 4), ESPY_E_FORMAT);
    assert_non_null(strstr(cx.text, "\"b\""));
    assert_int_equal(mem.live, 0);
}

/* Whatever byte is wrong and wherever the file ends: refused, or a network. */
static void test_damage(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory mem;
    test_memory_init(&cx, &mem);
    espy_buf b = test_read(&cx, test_source("fuzz/corpus/keras/small.keras"));
    for (size_t n = 0; n < b.size; n += 7) {
        espy_clear(&cx);
        assert_int_not_equal(keras_read(&cx, (espy_span){b.data, n}), ESPY_E_OK);
        assert_true(cx.text[0] != '\0' && !strchr(cx.text, '\n'));
    }
    for (size_t i = 0; i < b.size; i++) {
        b.data[i] ^= (uint8_t)(1u << i % 8);
        espy_clear(&cx);
        espy_err e = keras_read(&cx, espy_span_of(&b));
        assert_true(e == ESPY_E_OK || (cx.text[0] != '\0' && !strchr(cx.text, '\n')));
        b.data[i] ^= (uint8_t)(1u << i % 8);
    }
    assert_int_equal(keras_read(&cx, espy_span_of(&b)), ESPY_E_OK);
    espy_buf_free(&cx, &b);
    assert_int_equal(mem.live, 0);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory mem;
    espy_buf b;
    test_memory_init(&cx, &mem);
    espy_mlp *m = keras_sample(&cx, true);
    TEST_FAULT_LOOP(&cx, &mem, keras_write(&cx, m, &b), espy_buf_free(&cx, &b));
    assert_int_equal(keras_write(&cx, m, &b), ESPY_E_OK);
    TEST_FAULT_LOOP(&cx, &mem, keras_read(&cx, espy_span_of(&b)), (void)0);
    espy_buf_free(&cx, &b);
    b = test_read(&cx, test_source("fuzz/corpus/keras/before.keras"));
    TEST_FAULT_LOOP(&cx, &mem, keras_read(&cx, espy_span_of(&b)), (void)0);
    espy_buf_free(&cx, &b);
    espy_mlp_destroy(&cx, &m);
    assert_int_equal(mem.live, 0);
}

/* $ESPY_KERAS_PYTHON or python3, with the backend that it is set up for or one that it has. */
static void keras_find(void)
{
    static const char *const backends[] = {"", "KERAS_BACKEND=jax ", "KERAS_BACKEND=torch ",
                                           "KERAS_BACKEND=numpy "};
    const char *python = getenv("ESPY_KERAS_PYTHON");
    for (size_t i = 0; i < sizeof backends / sizeof backends[0]; i++) {
        char command[600];
        snprintf(keras_command, sizeof keras_command, "%s'%s'", backends[i],
                 python && !strchr(python, '\'') ? python : "python3");
        snprintf(command, sizeof command, "%s -c 'import keras' 2>/dev/null", keras_command);
        if (system(command) == 0)
            return;
    }
    keras_command[0] = '\0';
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),     cmocka_unit_test(test_numpy),
        cmocka_unit_test(test_keras),          cmocka_unit_test(test_four_classes),
        cmocka_unit_test(test_configurations), cmocka_unit_test(test_weights),
        cmocka_unit_test(test_damage),         cmocka_unit_test(test_out_of_memory),
    };
    keras_find();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
