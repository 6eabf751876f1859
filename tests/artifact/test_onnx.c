/* SPDX-License-Identifier: Apache-2.0
 * artifact: heads as ONNX models, answered by src/nn, by ONNX Runtime (the Python in
 * $ESPY_KERAS_PYTHON, else python3) and looked at by onnx.checker (python3-onnx). */
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "artifact/npy.h"
#include "artifact/onnx_write.h"
#include "base/random.h"
#include "nn/nn.h"

#define TOLERANCE 1e-5
#define DIM 32
#define EACH 12

static const char *const onnx_labels[] = {"A0", "J\u00fcrgen", "A2", "A3", "A4", "A5", "A6", "A7"};
static const espy_onnx_facts onnx_facts = {onnx_labels, "yamnet"};

static int onnx_run(const char *python, const char *mode)
{
    char command[1024];
    snprintf(command, sizeof command, "'%s' '%s' %s '%s'", python,
             test_source("tests/artifact/onnx_interop.py"), mode, test_path("", ""));
    fflush(stdout);
    return system(command);
}

static void onnx_file(espy_ctx *cx, const char *name, const char *suffix, espy_buf *b)
{
    assert_int_equal(espy_file_write(cx, test_path(name, suffix), b->data, b->size), ESPY_E_OK);
    espy_buf_free(cx, b);
}

/* Leaves the model with inputs and answers for the other side. */
static void onnx_leave(espy_ctx *cx, const char *name, espy_buf *model, const float *x,
                       const float *p, size_t n, size_t classes)
{
    espy_buf b;
    onnx_file(cx, name, ".onnx", model);
    espy_buf_init(&b, 1 << 20);
    assert_int_equal(espy_npy_put_f32(cx, &b, x, 2, (const size_t[]){n, DIM}), ESPY_E_OK);
    onnx_file(cx, name, ".x.npy", &b);
    espy_buf_init(&b, 1 << 20);
    assert_int_equal(espy_npy_put_f32(cx, &b, p, 2, (const size_t[]){n, classes}), ESPY_E_OK);
    onnx_file(cx, name, ".p.npy", &b);
}

/* Largest difference of what src/nn answers with both executors. */
static double onnx_own(espy_ctx *cx, espy_span model, const float *x, const float *p, size_t n,
                       size_t classes)
{
    static const espy_executor executors[] = {ESPY_EXEC_REFERENCE, ESPY_EXEC_ONEDNN};
    double worst = 0;
    for (int i = 0; i < 2; i++) {
        const espy_net_options options = {.executor = executors[i]};
        espy_net *net;
        espy_tensor in = {(float *)x, 2, {(int64_t)n, DIM}}, out;
        if (espy_net_load(cx, model, &options, &net) != ESPY_E_OK ||
            espy_net_run(cx, net, &in, 1, &out, 1) != ESPY_E_OK)
            fail_msg("%s", cx->text);
        assert_string_equal(espy_net_input(net, 0)->name, "embedding");
        assert_string_equal(espy_net_output(net, 0)->name, "probabilities");
        assert_int_equal(out.dims[1], classes);
        for (size_t k = 0; k < n * classes; k++)
            worst = fmax(worst, fabs((double)out.data[k] - p[k]));
        espy_free(cx, out.data);
        espy_net_destroy(cx, &net);
    }
    return worst;
}

/* Unit vectors around one random direction per class. */
static void onnx_data(uint64_t seed, size_t classes, float *x, uint32_t *y)
{
    espy_random centre, r;
    espy_random_seed(&r, seed, 2);
    for (size_t c = 0; c < classes; c++)
        for (size_t i = 0; i < EACH; i++) {
            float *row = x + (c * EACH + i) * DIM;
            double norm = 0;
            espy_random_seed(&centre, c, 1);
            for (size_t d = 0; d < DIM; d++) {
                row[d] = (float)(espy_random_normal(&centre) + 1.2 * espy_random_normal(&r));
                norm += (double)row[d] * row[d];
            }
            for (size_t d = 0; d < DIM; d++)
                row[d] = (float)(row[d] / sqrt(norm));
            y[c * EACH + i] = (uint32_t)c;
        }
}

static espy_head *onnx_fit(espy_ctx *cx, const char *kind, size_t classes, bool scale)
{
    float x[8 * EACH * DIM];
    uint32_t y[8 * EACH];
    espy_head *head;
    onnx_data(1, classes, x, y);
    const espy_gallery g = {.x = x, .y = y, .n = classes * EACH, .dim = DIM, .classes = classes};
    const espy_head_options o = {.balanced = true, .scale = scale};
    assert_int_equal(espy_head_find(kind)->fit(cx, &g, &o, &head), ESPY_E_OK);
    return head;
}

static espy_err onnx_write(espy_ctx *cx, const espy_head *head, espy_buf *out)
{
    espy_buf_init(out, 1 << 20);
    espy_err e = espy_onnx_write(cx, head, &onnx_facts, out);
    if (e)
        espy_buf_free(cx, out);
    return e;
}

static void onnx_head(espy_ctx *cx, const char *name, const char *kind, size_t classes, bool scale)
{
    float x[8 * EACH * DIM], p[8 * EACH * 8];
    uint32_t y[8 * EACH];
    espy_buf b, again;
    size_t n = classes * EACH;
    espy_head *head = onnx_fit(cx, kind, classes, scale);
    onnx_data(2, classes, x, y);
    assert_int_equal(head->ops->probabilities(cx, head, x, n, p), ESPY_E_OK);
    assert_int_equal(onnx_write(cx, head, &b), ESPY_E_OK);
    assert_int_equal(onnx_write(cx, head, &again), ESPY_E_OK);
    assert_int_equal(b.size, again.size);
    assert_memory_equal(b.data, again.data, b.size);
    espy_buf_free(cx, &again);
    if (strcmp(kind, "svm") != 0) { /* src/nn has no SVMClassifier */
        double worst = onnx_own(cx, espy_span_of(&b), x, p, n, classes);
        print_message("%-14s worst difference %.2e in src/nn\n", name, worst);
        assert_true(worst <= TOLERANCE);
    }
    onnx_leave(cx, name, &b, x, p, n, classes);
    espy_head_destroy(cx, &head);
}

static void test_heads(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    test_memory_init(&cx, &m);
    onnx_head(&cx, "logistic2", "logistic", 2, true);
    onnx_head(&cx, "logistic8", "logistic", 8, true);
    onnx_head(&cx, "logistic_plain", "logistic", 4, false);
    onnx_head(&cx, "svm2", "svm", 2, true);
    onnx_head(&cx, "svm8", "svm", 8, true);
    onnx_head(&cx, "svm_plain", "svm", 3, false);
    onnx_head(&cx, "prototypes2", "prototypes", 2, true);
    onnx_head(&cx, "prototypes8", "prototypes", 8, true);
    onnx_head(&cx, "prototypes_plain", "prototypes", 3, false);
    assert_int_equal(m.live, 0);
}

/* S4's shape in small, weights at random. */
static espy_mlp *onnx_mlp(espy_ctx *cx, bool normalised)
{
    static const size_t widths[] = {24, 16, 12, 8, 4};
    espy_mlp *m;
    espy_random r;
    espy_random_seed(&r, 11, 1);
    assert_int_equal(espy_mlp_create(cx, DIM, widths, 5, normalised, NULL, &m), ESPY_E_OK);
    for (size_t i = 0; i < m->n; i++) {
        espy_mlp_layer *l = &m->at[i];
        for (size_t k = 0; k < l->in * l->out; k++)
            l->weights[k] = (float)(0.4 * espy_random_normal(&r));
        for (size_t k = 0; k < l->out; k++) {
            l->bias[k] = (float)(0.4 * espy_random_normal(&r));
            if (!l->gamma)
                continue;
            l->gamma[k] = (float)(0.4 * espy_random_normal(&r));
            l->beta[k] = (float)(0.4 * espy_random_normal(&r));
            l->mean[k] = (float)(0.4 * espy_random_normal(&r));
            l->variance[k] = k ? (float)fabs(espy_random_normal(&r)) : 0;
        }
    }
    return m;
}

static espy_err onnx_write_network(espy_ctx *cx, const espy_mlp *m, espy_buf *out)
{
    const espy_head_network network = {.mlp = m, .mean = 0.015, .std = 0.17};
    espy_buf_init(out, 1 << 20);
    espy_err e = espy_onnx_write_network(cx, &network, &onnx_facts, out);
    if (e)
        espy_buf_free(cx, out);
    return e;
}

static void test_networks(void **state)
{
    (void)state;
    static const char *const names[] = {"mlp_plain", "mlp"};
    enum { N = 4 * EACH };
    espy_ctx cx;
    test_memory m;
    float x[N * DIM], z[N * DIM], p[N * 4];
    uint32_t y[N];
    test_memory_init(&cx, &m);
    onnx_data(2, 4, x, y);
    for (size_t i = 0; i < N * DIM; i++)
        z[i] = (float)((x[i] - 0.015) / 0.17);
    for (int normalised = 0; normalised < 2; normalised++) {
        espy_buf b;
        espy_mlp *mlp = onnx_mlp(&cx, normalised);
        assert_int_equal(espy_mlp_probabilities(&cx, mlp, z, N, p), ESPY_E_OK);
        assert_int_equal(onnx_write_network(&cx, mlp, &b), ESPY_E_OK);
        double worst = onnx_own(&cx, espy_span_of(&b), x, p, N, 4);
        print_message("%-14s worst difference %.2e in src/nn\n", names[normalised], worst);
        assert_true(worst <= TOLERANCE);
        onnx_leave(&cx, names[normalised], &b, x, p, N, 4);
        espy_mlp_destroy(&cx, &mlp);
    }
    assert_int_equal(m.live, 0);
}

static void test_knn(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    espy_buf b;
    float x[2 * EACH * DIM];
    uint32_t y[2 * EACH];
    espy_head *head;
    test_memory_init(&cx, &m);
    onnx_data(1, 2, x, y);
    const espy_gallery g = {.x = x, .y = y, .n = 2 * EACH, .dim = DIM, .classes = 2};
    const espy_head_options o = {0};
    assert_int_equal(espy_head_find("knn")->fit(&cx, &g, &o, &head), ESPY_E_OK);
    assert_int_equal(onnx_write(&cx, head, &b), ESPY_E_UNSUPPORTED);
    assert_non_null(strstr(cx.text, "knn head has no ONNX form"));
    espy_head_destroy(&cx, &head);
    assert_int_equal(m.live, 0);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    espy_buf b;
    test_memory_init(&cx, &m);
    espy_head *svm = onnx_fit(&cx, "svm", 3, true), *logistic = onnx_fit(&cx, "logistic", 3, true);
    espy_mlp *mlp = onnx_mlp(&cx, true);
    espy_head *prototypes = onnx_fit(&cx, "prototypes", 3, true);
    TEST_FAULT_LOOP(&cx, &m, onnx_write(&cx, prototypes, &b), espy_buf_free(&cx, &b));
    espy_head_destroy(&cx, &prototypes);
    TEST_FAULT_LOOP(&cx, &m, onnx_write(&cx, svm, &b), espy_buf_free(&cx, &b));
    TEST_FAULT_LOOP(&cx, &m, onnx_write(&cx, logistic, &b), espy_buf_free(&cx, &b));
    TEST_FAULT_LOOP(&cx, &m, onnx_write_network(&cx, mlp, &b), espy_buf_free(&cx, &b));
    espy_mlp_destroy(&cx, &mlp);
    espy_head_destroy(&cx, &svm);
    espy_head_destroy(&cx, &logistic);
    assert_int_equal(m.live, 0);
}

static void test_checker(void **state)
{
    (void)state;
    if (system("/usr/bin/python3 -c 'import numpy, onnx' 2>/dev/null") != 0) {
        print_message("no python3-onnx\n");
        skip();
    }
    assert_int_equal(onnx_run("/usr/bin/python3", "check"), 0);
}

static void test_runtime(void **state)
{
    (void)state;
    const char *python = getenv("ESPY_KERAS_PYTHON");
    char command[600];
    if (!python || strchr(python, '\''))
        python = "python3";
    snprintf(command, sizeof command, "'%s' -c 'import numpy, onnxruntime' 2>/dev/null", python);
    if (system(command) != 0) {
        print_message("no Python with ONNX Runtime (ESPY_KERAS_PYTHON, tools/python-env.sh)\n");
        skip();
    }
    assert_int_equal(onnx_run(python, "run"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heads),   cmocka_unit_test(test_networks),
        cmocka_unit_test(test_knn),     cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_checker), cmocka_unit_test(test_runtime),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
