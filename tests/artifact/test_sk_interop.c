/* SPDX-License-Identifier: Apache-2.0
 * artifact: scikit-learn opens what we write and answers the same, and we open what it writes. Runs
 * with every Python that has scikit-learn: $ESPY_PYTHON, python3 of the path, /usr/bin/python3. */
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "artifact/npy.h"
#include "artifact/sk_model.h"
#include "base/random.h"

#define TOLERANCE 1e-6

static char interop_folder[64];
static char interop_python[3][256];
static int interop_pythons;

static int interop_run(const char *python, const char *mode)
{
    char command[1024];
    snprintf(command, sizeof command, "'%s' '%s' %s '%s'", python,
             test_source("tests/artifact/sk_interop.py"), mode, interop_folder);
    fflush(stdout);
    return system(command);
}

static const char *interop_path(const char *name, const char *suffix)
{
    static char path[4][256];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s%s", interop_folder, name, suffix);
    return path[turn];
}

/* Largest difference of the answers to those that were saved. */
static double interop_worst(espy_ctx *cx, const espy_sk_model *m, const char *name)
{
    espy_npy x, p;
    double worst = 0;
    assert_int_equal(espy_npy_load(cx, interop_path(name, ".x.npy"), &x), ESPY_E_OK);
    assert_int_equal(espy_npy_load(cx, interop_path(name, ".p.npy"), &p), ESPY_E_OK);
    assert_int_equal(x.type, ESPY_NPY_F32);
    assert_int_equal(p.type, ESPY_NPY_F64);
    assert_int_equal(x.dims[1], m->dim);
    assert_int_equal(p.dims[1], m->classes);
    double *got = espy_array(cx, p.n, sizeof *got);
    assert_int_equal(espy_sk_probabilities(cx, m, x.data, x.dims[0], got), ESPY_E_OK);
    for (size_t i = 0; i < p.n; i++)
        worst = fmax(worst, fabs(got[i] - ((const double *)p.data)[i]));
    espy_free(cx, got);
    espy_npy_free(cx, &x);
    espy_npy_free(cx, &p);
    return worst;
}

static void interop_write(espy_ctx *cx, const char *name, const char *suffix, espy_buf *b)
{
    assert_int_equal(espy_file_write(cx, interop_path(name, suffix), b->data, b->size), ESPY_E_OK);
    espy_buf_free(cx, b);
}

/* Writes a model that was read, for Python to open. */
static void interop_back(espy_ctx *cx, const espy_sk_model *m, const char *name, bool clean)
{
    espy_buf b;
    espy_buf_init(&b, 1 << 26);
    if (clean)
        assert_int_equal(espy_sk_put_clean(cx, m, m->extra, &b), ESPY_E_OK);
    else
        assert_int_equal(espy_sk_put_production(cx, m, m->metadata, &b), ESPY_E_OK);
    interop_write(cx, name, ".ours.pkl", &b);
    espy_buf_init(&b, 1 << 26);
    assert_int_equal(espy_sk_put_scaler(cx, m, &b), ESPY_E_OK);
    interop_write(cx, "ours", ".scaler.pkl", &b);
    espy_buf_init(&b, 1 << 26);
    assert_int_equal(espy_sk_put_label_encoder(cx, m, &b), ESPY_E_OK);
    interop_write(cx, "ours", ".encoder.pkl", &b);
}

static void interop_read(espy_ctx *cx, const char *name, int protocol)
{
    char suffix[16];
    espy_sk_model m = {0};
    snprintf(suffix, sizeof suffix, ".%d.pkl", protocol);
    espy_buf b = test_read(cx, interop_path(name, suffix));
    espy_err e = espy_sk_parse(cx, espy_span_of(&b), &m);
    if (e)
        print_error("%s%s: %s\n", name, suffix, cx->text);
    assert_int_equal(e, ESPY_E_OK);
    espy_buf_free(cx, &b);
    double worst = interop_worst(cx, &m, name);
    if (worst > TOLERANCE)
        print_error("%s%s: %g\n", name, suffix, worst);
    assert_true(worst <= TOLERANCE);
    assert_string_equal(m.labels[0], "J\u00fcrgen \U0001f600");
    if (strncmp(name, "bare", 4) != 0) {
        assert_true(espy_json_number(espy_json_get(m.metadata, "threshold"), 0) == 0.75);
        assert_true(espy_json_number(espy_json_get(m.metadata, "accuracy"), 0) == 0.98);
        assert_int_equal(espy_json_count(espy_json_get(m.metadata, "classes")), m.classes);
        assert_int_equal(espy_json_int(espy_json_get(m.extra, "embedding_dim"), 0), m.dim);
        interop_back(cx, &m, name, protocol == 0);
    }
    espy_sk_free(cx, &m);
}

static void test_models(void **state)
{
    (void)state;
    static const char *const names[] = {"svc2",  "svc3",   "svc7",     "rest2", "rest3",
                                        "rest7", "plain2", "softmax4", "ovr4",  "bare3"};
    espy_ctx cx;
    test_memory m;
    test_memory_init(&cx, &m);
    for (int i = 0; i < interop_pythons; i++) {
        assert_int_equal(interop_run(interop_python[i], "make"), 0);
        int read = 0;
        for (size_t k = 0; k < sizeof names / sizeof names[0]; k++)
            for (int protocol = 5; protocol >= 0; protocol--) {
                char suffix[16];
                snprintf(suffix, sizeof suffix, ".%d.pkl", protocol);
                if (!espy_file_exists(interop_path(names[k], suffix)))
                    continue;
                interop_read(&cx, names[k], protocol);
                read++;
            }
        assert_true(read >= 50);
        /* What one release wrote and we wrote again is opened by all. */
        for (int k = 0; k < interop_pythons; k++)
            assert_int_equal(interop_run(interop_python[k], "check"), 0);
        espy_clear(&cx);
        assert_int_equal(espy_dir_remove(&cx, interop_folder), ESPY_E_OK);
        assert_int_equal(espy_dir_make(&cx, interop_folder), ESPY_E_OK);
    }
    assert_int_equal(m.live, 0);
}

#define HEAD_DIM 64
#define HEAD_EACH 12

/* Unit vectors around one random direction per class. */
static void heads_data(uint64_t seed, size_t classes, float *x, uint32_t *y)
{
    espy_random centre, r;
    espy_random_seed(&r, seed, 2);
    for (size_t c = 0; c < classes; c++)
        for (size_t i = 0; i < HEAD_EACH; i++) {
            float *row = x + (c * HEAD_EACH + i) * HEAD_DIM;
            double norm = 0;
            espy_random_seed(&centre, c, 1);
            for (size_t d = 0; d < HEAD_DIM; d++) {
                row[d] = (float)(espy_random_normal(&centre) + 1.2 * espy_random_normal(&r));
                norm += (double)row[d] * row[d];
            }
            for (size_t d = 0; d < HEAD_DIM; d++)
                row[d] = (float)(row[d] / sqrt(norm));
            y[c * HEAD_EACH + i] = (uint32_t)c;
        }
}

/* A classifier, as it is and read from its own pickle, is a head again that answers the same: x has
 * n rows, p what the first head said. */
static void heads_again(espy_ctx *cx, const espy_sk_model *m, const float *x, size_t n,
                        const float *p)
{
    float *q = espy_floats(cx, n * m->classes);
    espy_sk_model read = {0};
    espy_buf b;
    assert_non_null(q);
    espy_buf_init(&b, 1 << 26);
    assert_int_equal(espy_sk_put_production(cx, m, NULL, &b), ESPY_E_OK);
    assert_int_equal(espy_sk_parse(cx, espy_span_of(&b), &read), ESPY_E_OK);
    const espy_sk_model *const both[] = {m, &read};
    for (int k = 0; k < 2; k++) {
        espy_head *head = NULL;
        assert_int_equal(espy_sk_to_head(cx, both[k], &head), ESPY_E_OK);
        assert_int_equal(head->classes, m->classes);
        assert_int_equal(head->ops->probabilities(cx, head, x, n, q), ESPY_E_OK);
        for (size_t i = 0; i < n * m->classes; i++)
            assert_true(fabsf(q[i] - p[i]) <= TOLERANCE);
        espy_head_destroy(cx, &head);
    }
    read.logistic.softmax = true;
    if (read.kind == ESPY_SK_LOGISTIC) {
        espy_head *head = NULL;
        assert_int_equal(espy_sk_to_head(cx, &read, &head), ESPY_E_UNSUPPORTED);
        espy_clear(cx);
    }
    espy_buf_free(cx, &b);
    espy_sk_free(cx, &read);
    espy_free(cx, q);
}

/* A head of ours with what it answers, for scikit-learn to open and answer the same. */
static void heads_write(espy_ctx *cx, const char *name, const char *kind, size_t classes)
{
    static const char *const labels[] = {"A0", "A1", "A2", "A3", "A4", "A5", "A6", "A7"};
    static const char metadata[] = "{\"threshold\":0.75}";
    const size_t n = classes * HEAD_EACH;
    float *x = espy_floats(cx, n * HEAD_DIM), *p = espy_floats(cx, n * classes);
    double *exact = espy_array(cx, n * classes, sizeof *exact);
    uint32_t *y = espy_array(cx, n, sizeof *y);
    espy_head *head = NULL;
    espy_sk_model m;
    espy_buf b;
    assert_non_null(x && p && y && exact ? x : NULL);
    heads_data(1, classes, x, y);
    espy_gallery g = {x, y, n, HEAD_DIM, classes};
    espy_head_options o = {.balanced = true, .scale = true};
    assert_int_equal(espy_head_find(kind)->fit(cx, &g, &o, &head), ESPY_E_OK);
    assert_int_equal(espy_sk_from_head(cx, head, labels, &m), ESPY_E_OK);
    m.balanced = true;
    heads_data(2, classes, x, y);
    assert_int_equal(head->ops->probabilities(cx, head, x, n, p), ESPY_E_OK);
    assert_int_equal(espy_sk_probabilities(cx, &m, x, n, exact), ESPY_E_OK);
    for (size_t i = 0; i < n * classes; i++)
        assert_true(fabs(exact[i] - p[i]) <= TOLERANCE);
    heads_again(cx, &m, x, n, p);
    espy_buf_init(&b, 1 << 26);
    assert_int_equal(espy_npy_put_f32(cx, &b, x, 2, (const size_t[]){n, HEAD_DIM}), ESPY_E_OK);
    interop_write(cx, name, ".x.npy", &b);
    espy_buf_init(&b, 1 << 26);
    assert_int_equal(espy_npy_put_f32(cx, &b, p, 2, (const size_t[]){n, classes}), ESPY_E_OK);
    interop_write(cx, name, ".p.npy", &b);
    assert_int_equal(espy_json_parse(cx, metadata, sizeof metadata - 1, &m.metadata), ESPY_E_OK);
    interop_back(cx, &m, name, false);
    espy_sk_free(cx, &m);
    espy_head_destroy(cx, &head);
    espy_free(cx, x);
    espy_free(cx, p);
    espy_free(cx, y);
    espy_free(cx, exact);
}

static void test_heads(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    test_memory_init(&cx, &m);
    heads_write(&cx, "head-svm2", "svm", 2);
    heads_write(&cx, "head-svm8", "svm", 8);
    heads_write(&cx, "head-logistic2", "logistic", 2);
    heads_write(&cx, "head-logistic8", "logistic", 8);
    for (int k = 0; k < interop_pythons; k++)
        assert_int_equal(interop_run(interop_python[k], "check"), 0);
    assert_int_equal(espy_dir_remove(&cx, interop_folder), ESPY_E_OK);
    assert_int_equal(espy_dir_make(&cx, interop_folder), ESPY_E_OK);
    assert_int_equal(m.live, 0);
}

static void test_arrays(void **state)
{
    (void)state;
    static const float f[6] = {1, 2, 3, 4, 5, 6};
    static const int64_t n[3] = {-1, 0, INT64_MAX};
    static const char *const text[3] = {"STU001", "", "J\u00fcrgen \U0001f600"};
    espy_ctx cx;
    test_memory m;
    espy_buf b;
    test_memory_init(&cx, &m);
    espy_buf_init(&b, 65536);
    assert_int_equal(espy_npy_put_f32(&cx, &b, f, 2, (const size_t[]){2, 3}), ESPY_E_OK);
    interop_write(&cx, "f32", ".npy", &b);
    espy_buf_init(&b, 65536);
    assert_int_equal(espy_npy_put_i64(&cx, &b, n, 3), ESPY_E_OK);
    interop_write(&cx, "i64", ".npy", &b);
    espy_buf_init(&b, 65536);
    assert_int_equal(espy_npy_put_text(&cx, &b, text, 3), ESPY_E_OK);
    interop_write(&cx, "text", ".npy", &b);
    for (int i = 0; i < interop_pythons; i++)
        assert_int_equal(interop_run(interop_python[i], "npy"), 0);
}

/* Adds a Python when it has scikit-learn and is not known yet. */
static void interop_add(const char *python)
{
    char command[512];
    if (!python || strlen(python) >= sizeof interop_python[0] || strchr(python, '\''))
        return;
    snprintf(command, sizeof command, "'%s' -c 'import sklearn' 2>/dev/null", python);
    for (int i = 0; i < interop_pythons; i++)
        if (strcmp(interop_python[i], python) == 0)
            return;
    if (system(command) == 0)
        strcpy(interop_python[interop_pythons++], python);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arrays),
        cmocka_unit_test(test_models),
        cmocka_unit_test(test_heads),
    };
    interop_add(getenv("ESPY_PYTHON"));
    interop_add("/usr/bin/python3");
    if (interop_pythons == 0)
        interop_add("python3");
    if (interop_pythons == 0)
        test_skip_all("no Python with scikit-learn (python3-sklearn, or ESPY_PYTHON)");
    strcpy(interop_folder, "/tmp/espy-sk-XXXXXX");
    if (!mkdtemp(interop_folder))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    espy_ctx cx;
    espy_ctx_init(&cx);
    if (failed == 0 && espy_dir_remove(&cx, interop_folder))
        return 1;
    return failed;
}
