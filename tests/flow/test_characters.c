/* SPDX-License-Identifier: Apache-2.0
 * flow/characters: the described system's four groups of tests (components, training,
 * identification, persistence), what must not go wrong, and answers while it is trained. */
#include "flow_case.h"
#include "support/support.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "artifact/npy.h"
#include "base/pool.h"
#include "base/text.h"
#include "flow/character_intake.h"

static espy_ctx cx;
static test_memory memory;
static flow_case people, more;
static const espy_character_options usual = {0};

static espy_character_data data_of(const flow_case *c)
{
    return (espy_character_data){.rows = c->rows, .names = c->names, .encoder = "pack"};
}

static const char *new_folder(void)
{
    static char path[512];
    static int number;
    snprintf(path, sizeof path, "%s/cache%d", test_folder(), number++);
    return path;
}

static const char *file_in(const char *folder, const char *name)
{
    static char path[2][1024];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static espy_characters *object(const char *folder)
{
    espy_characters *c = NULL;
    assert_int_equal(espy_characters_create(&cx, folder, &c), ESPY_E_OK);
    return c;
}

static espy_character_metrics trained(espy_characters *c, const flow_case *p)
{
    espy_character_metrics m;
    const espy_character_data d = data_of(p);
    if (espy_characters_train(&cx, c, &d, &usual, &m) != ESPY_E_OK)
        fail_msg("%s", cx.text);
    return m;
}

static espy_character_answer asked(espy_characters *c, const float *x)
{
    espy_character_answer a = {0};
    if (espy_characters_identify(&cx, c, x, FLOW_DIM, -1, &a) != ESPY_E_OK)
        fail_msg("%s", cx.text);
    return a;
}

/* ---- components ---- */

static void test_collects(void **state)
{
    espy_sk_characters c;
    espy_character_metrics m;
    (void)state;
    flow_make(&people, 3, 5, 0.7, 1);
    const espy_character_data d = data_of(&people);
    assert_int_equal(espy_characters_fit(&cx, &d, &usual, &c, &m), ESPY_E_OK);
    assert_int_equal(m.embeddings, 15);
    assert_int_equal(m.characters, 3);
    assert_int_equal(c.n, 15);
    assert_int_equal(c.model->classes, 3);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(c.names[i], people.names[i]);
    espy_sk_characters_free(&cx, &c);
}

static void test_scaler(void **state)
{
    espy_sk_characters c;
    espy_character_metrics m;
    float x[15 * FLOW_DIM];
    (void)state;
    flow_make(&people, 3, 5, 0.7, 1);
    const espy_character_data d = data_of(&people);
    assert_int_equal(espy_characters_fit(&cx, &d, &usual, &c, &m), ESPY_E_OK);
    espy_scaler_apply(&c.scaler, people.x, 15, x);
    for (size_t k = 0; k < FLOW_DIM; k++) {
        double mean = 0, square = 0;
        for (size_t i = 0; i < 15; i++)
            mean += (double)x[i * FLOW_DIM + k] / 15;
        for (size_t i = 0; i < 15; i++)
            square += ((double)x[i * FLOW_DIM + k] - mean) * ((double)x[i * FLOW_DIM + k] - mean);
        assert_float_equal(mean, 0, 1e-6);
        assert_float_equal(sqrt(square / 15), 1, 1e-6);
    }
    espy_sk_characters_free(&cx, &c);
}

/* n = 1, 2, 3, 7 give 1, 2, 3, 3 centres; with a limit of 5 the last gives 5. */
static void test_clusters(void **state)
{
    const size_t each[] = {1, 2, 3, 7};
    espy_sk_characters c;
    espy_character_metrics m;
    uint32_t y[13];
    size_t n = 0;
    (void)state;
    flow_make(&people, 13, 1, 0.5, 2);
    for (uint32_t l = 0; l < 4; l++)
        for (size_t i = 0; i < each[l]; i++)
            y[n++] = l;
    espy_character_data d = data_of(&people);
    d.rows.y = y;
    d.rows.classes = 4;
    for (size_t limit = 0; limit <= 5; limit += 5) {
        const espy_character_options o = {.clusters = limit};
        assert_int_equal(espy_characters_fit(&cx, &d, &o, &c, &m), ESPY_E_OK);
        for (size_t l = 0; l < 4; l++) {
            size_t most = limit ? limit : 3;
            assert_int_equal(c.model->start[l + 1] - c.model->start[l],
                             each[l] < most ? each[l] : most);
        }
        assert_int_equal(m.asked, 12); /* the first has nothing left without its only one */
        espy_sk_characters_free(&cx, &c);
    }
}

/* ---- training ---- */

/* Two characters of two vectors, computed by hand (numpy agrees). */
static void test_metrics(void **state)
{
    const float x[] = {1, 1, 3, 1, 1, 3, 3, 5};
    const uint32_t y[] = {0, 0, 1, 1};
    const char *const names[] = {"A", "B"};
    const espy_character_data d = {.rows = {x, y, 4, 2, 2, NULL}, .names = names};
    espy_sk_characters c;
    espy_character_metrics m;
    (void)state;
    assert_int_equal(espy_characters_fit(&cx, &d, &usual, &c, &m), ESPY_E_OK);
    assert_float_equal(m.intra, 0.40283122, 1e-6);
    assert_float_equal(m.inter, -0.37633308, 1e-6);
    assert_float_equal(m.ratio, -1.07041142, 1e-6);
    assert_float_equal(m.intra_raw, 0.93530713, 1e-6);
    assert_float_equal(m.inter_raw, 0.80595657, 1e-6);
    assert_float_equal(m.separation, 0.12935055, 1e-6);
    assert_int_equal(m.characters, 2);
    assert_int_equal(m.embeddings, 4);
    assert_int_equal(m.right + m.unknown + m.wrong, m.asked);
    espy_sk_characters_free(&cx, &c);
}

/* The ratio is -1 for two equal characters whatever the data; the separation tells (C-21). */
static void test_separation(void **state)
{
    const double spread[] = {20, 2, 1, 0.3};
    double before = -1;
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        espy_sk_characters c;
        espy_character_metrics m;
        flow_make(&people, 2, 40, spread[i], 3);
        const espy_character_data d = data_of(&people);
        assert_int_equal(espy_characters_fit(&cx, &d, &usual, &c, &m), ESPY_E_OK);
        assert_float_equal(m.ratio, -1, 0.05);
        assert_true(m.separation > before);
        before = m.separation;
        espy_sk_characters_free(&cx, &c);
    }
    assert_true(before > 0.8);
}

/* One character alone has nothing between, and nobody to be a stranger. */
static void test_one_character(void **state)
{
    espy_characters *c = object(new_folder());
    (void)state;
    flow_make(&people, 1, 4, 0.3, 4);
    espy_character_metrics m = trained(c, &people);
    assert_float_equal(m.inter, 0, 0);
    assert_float_equal(m.ratio, 0, 0);
    assert_true(isnan(m.separation));
    assert_int_equal(m.strangers, 0);
    assert_float_equal(m.suggested, 0, 0);
    assert_true(espy_characters_trained(c));
    espy_characters_destroy(&cx, &c);
}

/* 0 or 1 embedding: a failure, and the earlier model stays. */
static void test_too_few(void **state)
{
    const char *folder = new_folder();
    espy_characters *c = object(folder);
    (void)state;
    flow_make(&people, 5, 6, 0.4, 5);
    trained(c, &people);
    espy_buf before = test_read(&cx, file_in(folder, ESPY_CHARACTERS_MODEL));
    for (size_t n = 0; n < 2; n++) {
        espy_character_data d = data_of(&people);
        d.rows.n = d.rows.classes = n;
        assert_int_equal(espy_characters_train(&cx, c, &d, &usual, NULL), ESPY_E_DATA);
        assert_non_null(strstr(cx.text, "at least two embeddings"));
        espy_clear(&cx);
    }
    float x[2 * FLOW_DIM] = {NAN};
    espy_character_data d = data_of(&people);
    d.rows.x = x;
    d.rows.n = 2;
    d.rows.classes = 1;
    assert_int_equal(espy_characters_train(&cx, c, &d, &usual, NULL), ESPY_E_DATA);
    espy_clear(&cx);
    espy_buf after = test_read(&cx, file_in(folder, ESPY_CHARACTERS_MODEL));
    assert_int_equal(before.size, after.size);
    assert_memory_equal(before.data, after.data, before.size);
    espy_character_answer a = asked(c, people.x);
    assert_true(a.known);
    espy_character_answer_free(&cx, &a);
    espy_buf_free(&cx, &before);
    espy_buf_free(&cx, &after);
    espy_characters_destroy(&cx, &c);
}

/* Characters of an earlier training are gone after the next. */
static void test_forgets(void **state)
{
    espy_characters *c = object(new_folder());
    (void)state;
    flow_make(&people, 5, 6, 0.3, 6);
    trained(c, &people);
    people.rows.n = 12;
    people.rows.classes = 2;
    trained(c, &people);
    espy_character_answer a = asked(c, people.x + 20 * FLOW_DIM); /* of the fourth */
    assert_false(a.known);
    espy_character_answer_free(&cx, &a);
    espy_characters_destroy(&cx, &c);
}

/* The same bytes on any number of threads. */
static void test_threads(void **state)
{
    const char *folder[3] = {0};
    espy_buf bytes[3];
    (void)state;
    flow_make(&people, 9, 7, 0.8, 7);
    for (unsigned t = 0; t < 3; t++) {
        espy_pool *pool = NULL;
        assert_int_equal(espy_pool_create(&cx, 2 * t + 1, &pool), ESPY_E_OK);
        cx.pool = pool;
        folder[t] = new_folder();
        espy_characters *c = object(folder[t]);
        trained(c, &people);
        espy_characters_destroy(&cx, &c);
        bytes[t] = test_read(&cx, file_in(folder[t], ESPY_CHARACTERS_MODEL));
        cx.pool = NULL;
        espy_pool_destroy(&cx, &pool);
        assert_int_equal(bytes[t].size, bytes[0].size);
        assert_memory_equal(bytes[t].data, bytes[0].data, bytes[0].size);
    }
    for (unsigned t = 0; t < 3; t++)
        espy_buf_free(&cx, &bytes[t]);
}

/* ---- identification ---- */

/* Held-out vectors of five characters get their names; a stranger gets none. */
static void test_names(void **state)
{
    espy_characters *c = object(new_folder());
    size_t right = 0;
    (void)state;
    flow_make(&people, 8, 10, 0.4, 8); /* five are learned from, three are strangers */
    more = people;
    more.rows.n = 0;
    for (size_t i = 0; i < 50; i++)
        if (i % 10 < 8) {
            memcpy(more.x + more.rows.n * FLOW_DIM, people.x + i * FLOW_DIM,
                   sizeof(float) * FLOW_DIM);
            more.y[more.rows.n++] = people.y[i];
        }
    more.rows.x = more.x;
    more.rows.y = more.y;
    more.rows.classes = 5;
    assert_false(espy_characters_trained(c));
    espy_character_metrics m = trained(c, &more);
    assert_true(espy_characters_trained(c));
    assert_int_equal(m.asked, 40);
    for (size_t i = 0; i < 80; i++) {
        if (i < 50 && i % 10 < 8)
            continue;
        espy_character_answer a = asked(c, people.x + i * FLOW_DIM);
        assert_int_equal(a.path, ESPY_CHARACTER_MODEL);
        assert_float_equal(a.threshold, 0.6, 1e-12);
        assert_int_equal(a.known, a.name && a.similarity >= 0.6f);
        if (i < 50) {
            right += a.known && strcmp(a.name, people.names[people.y[i]]) == 0;
        } else {
            assert_false(a.known);
        }
        espy_character_answer_free(&cx, &a);
    }
    assert_int_equal(right, 10);
    espy_characters_destroy(&cx, &c);
}

/* Thresholds: the model's own, or the one that is asked for; what points away is nobody even at 0.
 */
static void test_threshold(void **state)
{
    espy_characters *c = object(new_folder());
    espy_character_answer a;
    float away[FLOW_DIM];
    const espy_character_options strict = {.threshold = 0.999};
    (void)state;
    flow_make(&people, 2, 6, 0.5, 9);
    const espy_character_data d = data_of(&people);
    assert_int_equal(espy_characters_train(&cx, c, &d, &strict, NULL), ESPY_E_OK);
    for (size_t k = 0; k < FLOW_DIM; k++)
        away[k] = people.x[k] + 0.1f * people.x[FLOW_DIM + k];
    a = asked(c, away);
    assert_float_equal(a.threshold, 0.999, 1e-12);
    assert_false(a.known);
    assert_string_equal(a.name, "L000");
    espy_character_answer_free(&cx, &a);
    assert_int_equal(espy_characters_identify(&cx, c, away, FLOW_DIM, 0.3, &a), ESPY_E_OK);
    assert_true(a.known);
    espy_character_answer_free(&cx, &a);
    espy_characters_destroy(&cx, &c);

    /* one character in one direction: its opposite has a negative cosine */
    const float x[] = {1, 0, 3, 0}, opposite[] = {-9, 0};
    const uint32_t y[] = {0, 0};
    const char *const names[] = {"A"};
    const espy_character_data one = {.rows = {x, y, 2, 2, 1, NULL}, .names = names};
    const espy_character_options single = {.clusters = 1};
    const float middle[] = {2, 0};
    c = object(new_folder());
    assert_int_equal(espy_characters_train(&cx, c, &one, &single, NULL), ESPY_E_OK);
    assert_int_equal(espy_characters_identify(&cx, c, opposite, 2, 0, &a), ESPY_E_OK);
    assert_false(a.known);
    assert_null(a.name);
    assert_int_equal(espy_characters_identify(&cx, c, middle, 2, 0, &a), ESPY_E_OK);
    assert_false(a.known);
    assert_int_equal(espy_characters_identify(&cx, c, middle, 3, 0, &a), ESPY_E_ARG);
    espy_clear(&cx);
    const float odd[] = {NAN, 0};
    assert_int_equal(espy_characters_identify(&cx, c, odd, 2, 0, &a), ESPY_E_DATA);
    espy_clear(&cx);
    espy_characters_destroy(&cx, &c);
}

/* Without a model the embeddings beside it answer, and say so; damaged, the same. */
static void test_fallback(void **state)
{
    const char *folder = new_folder();
    const char *model = file_in(folder, ESPY_CHARACTERS_MODEL);
    espy_characters *c = object(folder);
    espy_buf bytes;
    (void)state;
    flow_make(&people, 4, 6, 0.4, 10);
    trained(c, &people);
    espy_characters_destroy(&cx, &c);
    bytes = test_read(&cx, model);
    for (int damaged = 0; damaged < 3; damaged++) {
        if (damaged)
            assert_int_equal(
                espy_file_write(&cx, model, bytes.data, damaged == 1 ? bytes.size / 2 : 0),
                ESPY_E_OK);
        else
            assert_int_equal(unlink(model), 0);
        c = object(folder);
        espy_character_answer a = asked(c, people.x + 7 * FLOW_DIM);
        assert_int_equal(a.path, ESPY_CHARACTER_FALLBACK);
        assert_true(a.known);
        assert_string_equal(a.name, "L001");
        assert_float_equal(a.similarity, 1, 1e-6);
        assert_false(espy_characters_trained(c));
        espy_character_answer_free(&cx, &a);
        espy_character_facts f;
        assert_int_equal(espy_characters_facts(&cx, c, &f), ESPY_E_OK);
        assert_int_equal(f.path, ESPY_CHARACTER_FALLBACK);
        assert_true(f.reason && strlen(f.reason) > 10);
        assert_string_equal(espy_json_string(espy_json_get(f.json, "encoder"), ""), "pack");
        espy_character_facts_free(&cx, &f);
        /* the next training makes a model again */
        trained(c, &people);
        a = asked(c, people.x);
        assert_int_equal(a.path, ESPY_CHARACTER_MODEL);
        espy_character_answer_free(&cx, &a);
        espy_characters_destroy(&cx, &c);
    }
    espy_buf_free(&cx, &bytes);
    c = object(new_folder());
    espy_character_answer a;
    assert_int_equal(espy_characters_identify(&cx, c, people.x, FLOW_DIM, -1, &a),
                     ESPY_E_NOT_FOUND);
    assert_non_null(strstr(cx.text, "espy retrain characters"));
    espy_clear(&cx);
    espy_characters_destroy(&cx, &c);
}

typedef struct training {
    espy_characters *c;
    atomic_bool done;
    espy_err e;
} training;

static void *train_beside(void *self)
{
    training *t = self;
    espy_ctx own = espy_ctx_child(&cx);
    const espy_character_data d = data_of(&more);
    const espy_character_options o = {.clusters = 8};
    t->e = espy_characters_train(&own, t->c, &d, &o, NULL);
    atomic_store(&t->done, true);
    return NULL;
}

/* Questions are answered by the old model until the new one is there, and never wait. */
static void test_answers_while_trained(void **state)
{
    espy_characters *c = object(new_folder());
    training t = {.c = c};
    pthread_t thread;
    size_t before = 0;
    double longest = 0;
    (void)state;
    flow_make(&people, 2, 8, 0.4, 11);
    flow_make(&more, 4, TEST_SLOW ? 60 : 200, 0.9, 12);
    trained(c, &people);
    assert_int_equal(pthread_create(&thread, NULL, train_beside, &t), 0);
    while (!atomic_load(&t.done)) {
        double began = espy_time_monotonic();
        espy_character_answer a = asked(c, people.x);
        double took = espy_time_monotonic() - began;
        longest = took > longest ? took : longest;
        before += !atomic_load(&t.done);
        assert_int_equal(a.path, ESPY_CHARACTER_MODEL);
        espy_character_answer_free(&cx, &a);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(t.e, ESPY_E_OK);
    print_message("%zu answers during one training, the longest took %.1f ms\n", before,
                  1000 * longest);
    assert_true(before > 10);
    espy_character_answer a = asked(c, more.x + (more.rows.n - 1) * FLOW_DIM);
    assert_string_equal(a.name, "L003"); /* the new model's fourth */
    espy_character_answer_free(&cx, &a);
    espy_characters_destroy(&cx, &c);
}

/* ---- persistence ---- */

static void test_reload(void **state)
{
    const char *folder = new_folder();
    espy_characters *c = object(folder), *again;
    (void)state;
    flow_make(&people, 6, 7, 0.8, 13);
    trained(c, &people);
    again = object(folder);
    for (size_t i = 0; i < people.rows.n; i++) {
        espy_character_answer a = asked(c, people.x + i * FLOW_DIM),
                              b = asked(again, people.x + i * FLOW_DIM);
        assert_int_equal(a.known, b.known);
        assert_string_equal(a.name, b.name);
        assert_float_equal(a.similarity, b.similarity, 0);
        espy_character_answer_free(&cx, &a);
        espy_character_answer_free(&cx, &b);
    }
    espy_characters_destroy(&cx, &c);
    espy_characters_destroy(&cx, &again);
}

static int opened;

static int counting_open(const char *path, int flags, unsigned mode)
{
    opened += strstr(path, ESPY_CHARACTERS_MODEL) && !strstr(path, "metadata");
    return espy_io_posix.open(path, flags, mode);
}

/* Nothing is read before the first question, and the model once after it. */
static void test_lazy(void **state)
{
    const char *folder = new_folder();
    espy_characters *c = object(folder);
    espy_io io = espy_io_posix;
    (void)state;
    flow_make(&people, 3, 4, 0.4, 14);
    trained(c, &people);
    espy_characters_destroy(&cx, &c);
    io.open = counting_open;
    cx.io = &io;
    opened = 0;
    c = object(folder);
    assert_false(espy_characters_trained(c));
    assert_int_equal(opened, 0);
    for (int i = 0; i < 3; i++) {
        espy_character_answer a = asked(c, people.x);
        espy_character_answer_free(&cx, &a);
        assert_int_equal(opened, 1);
    }
    assert_true(espy_characters_trained(c));
    assert_int_equal(espy_characters_load(&cx, c), ESPY_E_OK);
    assert_int_equal(opened, 1);
    cx.io = &espy_io_posix;
    espy_characters_destroy(&cx, &c);
}

static void test_metadata(void **state)
{
    static const char *const five[] = {"intra_character_similarity", "inter_character_similarity",
                                       "discrimination_ratio", "n_characters", "n_embeddings"};
    static const char *const added[] = {"intra_raw", "inter_raw", "separation",
                                        "leave_one_out_accuracy"};
    const char *folder = new_folder();
    espy_characters *c = object(folder);
    espy_json *o = NULL;
    (void)state;
    flow_make(&people, 3, 5, 0.4, 15);
    double before = espy_time_now();
    espy_character_metrics m = trained(c, &people);
    const char *path = file_in(folder, ESPY_CHARACTERS_METADATA);
    assert_int_equal(espy_json_load(&cx, path, 1 << 20, &o), ESPY_E_OK);
    espy_buf text = test_read(&cx, path);
    assert_non_null(strstr((const char *)text.data, "{\n  \"model_trained\": true,\n"));
    espy_buf_free(&cx, &text);
    const espy_json *metrics = espy_json_get(o, "training_metrics");
    for (size_t i = 0; i < 5; i++) {
        assert_true(espy_json_is_number(espy_json_get(metrics, five[i])));
        assert_int_equal(espy_json_is_int(espy_json_get(metrics, five[i])), i >= 3);
    }
    for (size_t i = 0; i < 4; i++)
        assert_true(espy_json_is_number(espy_json_get(metrics, added[i])));
    assert_float_equal(espy_json_number(espy_json_get(metrics, five[0]), 0), m.intra, 1e-12);
    assert_int_equal(espy_json_int(espy_json_get(metrics, "n_embeddings"), 0), 15);
    double t = espy_json_number(espy_json_get(o, "timestamp"), 0);
    assert_true(t >= before - 1 && t <= espy_time_now() + 1 && t != floor(t));
    assert_string_equal(espy_json_string(espy_json_get(o, "model_version"), ""), "1.0");
    assert_int_equal(espy_json_count(espy_json_get(o, "threshold_table")),
                     ESPY_CHARACTER_THRESHOLDS);
    espy_json_free(o);
    espy_characters_destroy(&cx, &c);
}

/* 2.x is refused, in the metadata and in the pickle; 1.9 is not. */
static void test_version(void **state)
{
    static const char good[] = "{\"model_version\": \"1.9\"}",
                      bad[] = "{\"model_version\": \"2.0\"}", torn[] = "{\"model_ver";
    const char *folder = new_folder();
    espy_characters *c = object(folder);
    espy_character_facts f;
    (void)state;
    flow_make(&people, 3, 5, 0.4, 16);
    trained(c, &people);
    espy_characters_destroy(&cx, &c);
    const struct {
        const char *text;
        espy_character_path path;
    } cases[] = {
        {good, ESPY_CHARACTER_MODEL}, {torn, ESPY_CHARACTER_MODEL}, {bad, ESPY_CHARACTER_FALLBACK}};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(espy_file_write(&cx, file_in(folder, ESPY_CHARACTERS_METADATA),
                                         cases[i].text, strlen(cases[i].text)),
                         ESPY_E_OK);
        c = object(folder);
        assert_int_equal(espy_characters_facts(&cx, c, &f), ESPY_E_OK);
        assert_int_equal(f.path, cases[i].path);
        if (f.reason)
            assert_non_null(strstr(f.reason, "model_version 2.0"));
        espy_character_facts_free(&cx, &f);
        espy_characters_destroy(&cx, &c);
    }
    /* without the embeddings the refusal is the answer */
    assert_int_equal(unlink(file_in(folder, ESPY_CHARACTERS_EMBEDDINGS)), 0);
    c = object(folder);
    assert_int_equal(espy_characters_load(&cx, c), ESPY_E_UNSUPPORTED);
    assert_non_null(strstr(cx.text, "model_version 2.0"));
    assert_non_null(strstr(cx.text, "train again"));
    espy_clear(&cx);
    espy_characters_destroy(&cx, &c);
    /* in the pickle itself */
    assert_int_equal(unlink(file_in(folder, ESPY_CHARACTERS_METADATA)), 0);
    espy_buf b = test_read(&cx, file_in(folder, ESPY_CHARACTERS_MODEL));
    for (size_t i = 0; i + 3 <= b.size; i++)
        if (memcmp(b.data + i, "1.0", 3) == 0)
            b.data[i] = '2';
    assert_int_equal(espy_file_write(&cx, file_in(folder, ESPY_CHARACTERS_MODEL), b.data, b.size),
                     ESPY_E_OK);
    espy_buf_free(&cx, &b);
    c = object(folder);
    assert_int_equal(espy_characters_load(&cx, c), ESPY_E_UNSUPPORTED);
    assert_non_null(strstr(cx.text, "model_version 2.0"));
    espy_clear(&cx);
    espy_characters_destroy(&cx, &c);
}

/* Every cut and many flipped bits of both files: an answer or an error in one line, never more. */
static void test_damage(void **state)
{
    static const char *const names[] = {ESPY_CHARACTERS_MODEL, ESPY_CHARACTERS_EMBEDDINGS};
    const char *folder = new_folder();
    espy_characters *c = object(folder);
    size_t answers = 0, errors = 0;
    (void)state;
    flow_make(&people, 2, 2, 0.4, 17);
    trained(c, &people);
    espy_characters_destroy(&cx, &c);
    for (size_t f = 0; f < 2; f++) {
        const char *path = file_in(folder, names[f]);
        espy_buf b = test_read(&cx, path);
        size_t step = TEST_SLOW ? 97 : 11;
        if (f == 1)
            assert_int_equal(unlink(file_in(folder, ESPY_CHARACTERS_MODEL)), 0);
        for (size_t i = 0; i < 2 * b.size; i += step) {
            size_t size = i < b.size ? i : b.size, at = i % b.size;
            uint8_t flip = i < b.size ? 0 : (uint8_t)(1u << i % 8);
            b.data[at] ^= flip;
            FILE *out = fopen(file_in(folder, names[f]), "wb");
            assert_non_null(out);
            assert_int_equal(fwrite(b.data, 1, size, out), size);
            assert_int_equal(fclose(out), 0);
            b.data[at] ^= flip;
            espy_character_answer a;
            c = object(folder);
            if (espy_characters_identify(&cx, c, people.x, FLOW_DIM, -1, &a) == ESPY_E_OK) {
                answers++;
                espy_character_answer_free(&cx, &a);
            } else {
                errors++;
                assert_true(cx.text[0] && !strchr(cx.text, '\n'));
                espy_clear(&cx);
            }
            espy_characters_destroy(&cx, &c);
        }
        espy_buf_free(&cx, &b);
    }
    print_message("%zu answers, %zu errors\n", answers, errors);
    assert_true(answers && errors);
}

static int io_left;

static int failing(int result)
{
    return io_left > 0 && --io_left == 0 ? -1 : result;
}

static int failing_open(const char *path, int flags, unsigned mode)
{
    return failing(0) < 0 ? -1 : espy_io_posix.open(path, flags, mode);
}

static ssize_t failing_write(int fd, const void *p, size_t n)
{
    return failing(0) < 0 ? -1 : espy_io_posix.write(fd, p, n);
}

static int failing_sync(int fd)
{
    return failing(0) < 0 ? -1 : espy_io_posix.sync(fd);
}

static int failing_rename(const char *from, const char *to)
{
    return failing(0) < 0 ? -1 : espy_io_posix.rename(from, to);
}

/* Whatever of the disk fails: the earlier model answers, here and after a restart, or the new one
 * is in place; nothing is left lying about. */
static void test_disk(void **state)
{
    const char *folder = new_folder();
    espy_characters *c = object(folder);
    espy_io io = espy_io_posix;
    int failures = 0;
    (void)state;
    flow_make(&people, 2, 4, 0.3, 18);
    flow_make(&more, 3, 4, 0.3, 19);
    const espy_character_data d = data_of(&more);
    trained(c, &people);
    io.open = failing_open;
    io.write = failing_write;
    io.sync = failing_sync;
    io.rename = failing_rename;
    for (int n = 1;; n++) {
        espy_dir_list list;
        cx.io = &io;
        io_left = n;
        espy_err e = espy_characters_train(&cx, c, &d, &usual, NULL);
        bool hit = io_left == 0;
        cx.io = &espy_io_posix;
        if (e == ESPY_E_OK && !hit)
            break;
        failures += e != ESPY_E_OK;
        assert_true(e == ESPY_E_OK || e == ESPY_E_IO);
        espy_clear(&cx);
        if (e == ESPY_E_OK)
            trained(c, &people);
        espy_characters *again = object(folder);
        espy_character_answer a = asked(c, people.x), b = asked(again, people.x);
        assert_int_equal(a.path, ESPY_CHARACTER_MODEL);
        assert_true(a.known);
        assert_int_equal(b.path, ESPY_CHARACTER_MODEL);
        espy_character_answer_free(&cx, &a);
        espy_character_answer_free(&cx, &b);
        espy_characters_destroy(&cx, &again);
        assert_int_equal(espy_dir_read(&cx, folder, &list), ESPY_E_OK);
        assert_int_equal(list.n, 3);
        espy_dir_list_free(&cx, &list);
        trained(c, &people);
    }
    assert_true(failures > 10);
    espy_characters_destroy(&cx, &c);
}

static espy_err load_and_ask(const char *folder)
{
    espy_characters *c = NULL;
    espy_character_answer a = {0};
    espy_character_facts f = {0};
    espy_err e = espy_characters_create(&cx, folder, &c);
    if (e == ESPY_E_OK)
        e = espy_characters_identify(&cx, c, people.x, FLOW_DIM, -1, &a);
    if (e == ESPY_E_OK)
        e = espy_characters_facts(&cx, c, &f);
    espy_character_facts_free(&cx, &f);
    espy_character_answer_free(&cx, &a);
    if (c)
        espy_characters_destroy(&cx, &c);
    return e;
}

static void test_faults(void **state)
{
    const char *folder = new_folder();
    espy_characters *c = object(folder);
    (void)state;
    flow_make(&people, 2, 3, 0.4, 20);
    const espy_character_data d = data_of(&people);
    espy_sk_characters fit;
    espy_character_metrics m;
    TEST_FAULT_LOOP(&cx, &memory, espy_characters_fit(&cx, &d, &usual, &fit, &m),
                    espy_sk_characters_free(&cx, &fit));
    trained(c, &people);
    espy_characters_destroy(&cx, &c);
    TEST_FAULT_LOOP(&cx, &memory, load_and_ask(folder), (void)0);
    assert_int_equal(unlink(file_in(folder, ESPY_CHARACTERS_MODEL)), 0);
    TEST_FAULT_LOOP(&cx, &memory, load_and_ask(folder), (void)0);
}

/* ---- what comes in ---- */

static void put_npy(const char *dir, const char *name, const float *x, int rank, size_t n,
                    size_t dim)
{
    espy_buf b;
    const size_t dims[2] = {rank == 1 ? dim : n, dim};
    espy_buf_init(&b, 1 << 20);
    assert_int_equal(espy_dir_make(&cx, dir), ESPY_E_OK);
    assert_int_equal(espy_npy_put_f32(&cx, &b, x, rank, dims), ESPY_E_OK);
    assert_int_equal(espy_file_write(&cx, file_in(dir, name), b.data, b.size), ESPY_E_OK);
    espy_buf_free(&cx, &b);
}

/* Ready embeddings, matrices and single ones; what is no array is skipped and told. */
static void test_ready(void **state)
{
    char dir[600], at[700];
    espy_dataset folders;
    espy_intake r;
    (void)state;
    flow_make(&people, 3, 4, 0.4, 21);
    snprintf(dir, sizeof dir, "%s", new_folder());
    snprintf(at, sizeof at, "%s/Anna_B", dir);
    put_npy(at, "all.npy", people.x, 2, 4, FLOW_DIM);
    snprintf(at, sizeof at, "%s/Ben", dir);
    put_npy(at, "one.npy", people.x + 4 * FLOW_DIM, 1, 1, FLOW_DIM);
    put_npy(at, "two.NPY", people.x + 5 * FLOW_DIM, 2, 2, FLOW_DIM);
    assert_int_equal(espy_file_write(&cx, file_in(at, "torn.npy"), "\x93NUMPY", 6), ESPY_E_OK);
    snprintf(at, sizeof at, "%s/Nobody", dir);
    assert_int_equal(espy_dir_make(&cx, at), ESPY_E_OK);
    assert_int_equal(espy_intake_folders(&cx, dir, &folders), ESPY_E_OK);
    assert_int_equal(folders.n_empty, 1);
    assert_false(espy_intake_needs_encoder(&folders));
    assert_int_equal(espy_intake_read(&cx, &folders, NULL, &(espy_intake_options){0}, &r),
                     ESPY_E_OK);
    assert_int_equal(r.data.rows.n, 7);
    assert_int_equal(r.data.rows.classes, 2);
    assert_string_equal(r.data.names[0], "Anna_B"); /* the whole name */
    assert_string_equal(r.data.names[1], "Ben");
    assert_int_equal(r.n_skipped, 1);
    assert_non_null(strstr(r.skipped[0].path, "torn.npy"));
    assert_memory_equal(r.x, people.x, 7 * FLOW_DIM * sizeof(float));
    espy_intake_free(&cx, &r);
    TEST_FAULT_LOOP(&cx, &memory,
                    espy_intake_read(&cx, &folders, NULL, &(espy_intake_options){0}, &r),
                    espy_intake_free(&cx, &r));
    espy_dataset_free(&cx, &folders);
    /* another encoder's among them */
    put_npy(at, "odd.npy", people.x, 1, 1, 5);
    assert_int_equal(espy_intake_folders(&cx, dir, &folders), ESPY_E_OK);
    assert_int_equal(espy_intake_read(&cx, &folders, NULL, &(espy_intake_options){0}, &r),
                     ESPY_E_DATA);
    assert_non_null(strstr(cx.text, "one encoder"));
    espy_clear(&cx);
    espy_dataset_free(&cx, &folders);
}

/* The formula by hand: a picture half black, half white, the face over all of it or a quarter. */
static void test_quality(void **state)
{
    espy_image im;
    (void)state;
    assert_int_equal(espy_image_create(&cx, 40, 40, &im), ESPY_E_OK);
    const float all[4] = {0, 0, 40, 40}, outside[4] = {50, 50, 9, 9}, wide[4] = {-10, 0, 50, 20};
    /* black: no light, no contrast, not sharp */
    assert_float_equal(espy_face_quality(&im, all, 0.5f), (0.3 + 0.1 + 0.5) / 2, 1e-6);
    memset(im.px, 128, 40 * 40 * 3);
    assert_float_equal(espy_face_quality(&im, all, 1), (0.3 + 0.2 + 0.1 + 1) / 2, 1e-6);
    /* 40 x 20 inside: w/h is 2, the area half */
    assert_float_equal(espy_face_quality(&im, wide, 1), (0.3 + 0.2 + 0.05 + 1) / 2, 1e-6);
    const float small[4] = {10, 10, 4, 4};
    assert_float_equal(espy_face_quality(&im, small, 0), (0.3 * 0.1 + 0.2 + 0.1) / 2, 1e-6);
    assert_float_equal(espy_face_quality(&im, outside, 1), 0, 0);
    /* stripes: sharp, full contrast, mean near 128 */
    for (size_t y = 0; y < 40; y++)
        memset(im.px + y * 120, y % 2 ? 255 : 0, 120);
    double q = espy_face_quality(&im, all, 1);
    assert_float_equal(q, (0.3 + 0.3 + 0.2 * (1 - 0.5 / 128) + 0.1 + 0.1 + 1) / 2, 1e-6);
    espy_image_free(&cx, &im);
}

static int setup(void **state)
{
    (void)state;
    test_memory_init(&cx, &memory);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(memory.live, 0);
    return 0;
}

int main(void)
{
    const struct CMUnitTest components[] = {
        cmocka_unit_test(test_collects), cmocka_unit_test(test_scaler),
        cmocka_unit_test(test_clusters), cmocka_unit_test(test_ready),
        cmocka_unit_test(test_quality)};
    const struct CMUnitTest learning[] = {
        cmocka_unit_test(test_metrics),       cmocka_unit_test(test_separation),
        cmocka_unit_test(test_one_character), cmocka_unit_test(test_too_few),
        cmocka_unit_test(test_forgets),       cmocka_unit_test(test_threads)};
    const struct CMUnitTest identification[] = {
        cmocka_unit_test(test_names), cmocka_unit_test(test_threshold),
        cmocka_unit_test(test_fallback), cmocka_unit_test(test_answers_while_trained)};
    const struct CMUnitTest persistence[] = {
        cmocka_unit_test(test_reload),   cmocka_unit_test(test_lazy),
        cmocka_unit_test(test_metadata), cmocka_unit_test(test_version),
        cmocka_unit_test(test_damage),   cmocka_unit_test(test_disk),
        cmocka_unit_test(test_faults)};
    int failed = cmocka_run_group_tests_name("components", components, setup, teardown);
    failed += cmocka_run_group_tests_name("training", learning, setup, teardown);
    failed += cmocka_run_group_tests_name("identification", identification, setup, teardown);
    failed += cmocka_run_group_tests_name("persistence", persistence, setup, teardown);
    return failed;
}
