/* SPDX-License-Identifier: Apache-2.0
 * flow/workspace and flow/identify: workspaces are found, made and read; a version that was trained
 * on synthetic vectors answers; every allocation may fail.  The encoder only lends its digest: its
 * networks are not run. */
#include "flow_case.h"
#include "support/support.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flow/identify.h"

static void test_find(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    char *dir, *here = getcwd(NULL, 0);
    test_memory_init(&cx, &m);
    const char *at = test_folder();
    char *inner = espy_path_join(&cx, at, "a/b"), *mark = espy_path_join(&cx, at, ".espy");
    assert_int_equal(espy_dir_make(&cx, inner), ESPY_E_OK);
    unsetenv("ESPY_WORKSPACE");
    assert_int_equal(chdir(inner), 0);
    TEST_FAULT_LOOP(&cx, &m, espy_workspace_find(&cx, "given", &dir), espy_free(&cx, dir));
    TEST_FAULT_LOOP(&cx, &m, espy_workspace_find(&cx, NULL, &dir), espy_free(&cx, dir));
    assert_int_equal(espy_workspace_find(&cx, NULL, &dir), ESPY_E_OK);
    assert_string_equal(dir, ".espy");
    espy_free(&cx, dir);
    assert_int_equal(espy_dir_make(&cx, mark), ESPY_E_OK);
    assert_int_equal(espy_workspace_find(&cx, NULL, &dir), ESPY_E_OK);
    assert_string_equal(dir, mark); /* upwards */
    espy_free(&cx, dir);
    setenv("ESPY_WORKSPACE", "/from/environment", 1);
    assert_int_equal(espy_workspace_find(&cx, NULL, &dir), ESPY_E_OK);
    assert_string_equal(dir, "/from/environment");
    espy_free(&cx, dir);
    assert_int_equal(espy_workspace_find(&cx, "given", &dir), ESPY_E_OK);
    assert_string_equal(dir, "given");
    espy_free(&cx, dir);
    unsetenv("ESPY_WORKSPACE");
    assert_int_equal(chdir(here), 0);
    free(here);
    espy_free(&cx, inner);
    espy_free(&cx, mark);
    assert_int_equal(m.live, 0);
}

static void test_settings(void **state)
{
    (void)state;
    static const char good[] = "\xef\xbb\xbf; a comment\nthreshold = 0.5\n[web]\nport=80 ; why\n"
                               "[]\nthreshold = 0.6\nempty =\n";
    espy_ctx cx;
    test_memory m;
    espy_workspace ws;
    test_memory_init(&cx, &m);
    char *at = espy_path_join(&cx, test_folder(), "w"),
         *conf = espy_path_join(&cx, at, "espy.conf");
    assert_int_equal(espy_workspace_open(&cx, at, false, &ws), ESPY_E_NOT_FOUND);
    assert_non_null(strstr(cx.text, "espy init"));
    assert_false(espy_dir_exists(at));
    espy_clear(&cx);
    TEST_FAULT_LOOP(&cx, &m, espy_workspace_open(&cx, at, true, &ws),
                    espy_workspace_close(&cx, &ws));
    assert_int_equal(espy_workspace_open(&cx, at, false, &ws), ESPY_E_OK);
    assert_false(ws.created);
    assert_int_equal(ws.n_settings, 0); /* all of the template is comment */
    espy_workspace_close(&cx, &ws);
    assert_int_equal(espy_file_write(&cx, conf, good, sizeof good - 1), ESPY_E_OK);
    TEST_FAULT_LOOP(&cx, &m, espy_workspace_open(&cx, at, false, &ws),
                    espy_workspace_close(&cx, &ws));
    assert_int_equal(espy_workspace_open(&cx, at, false, &ws), ESPY_E_OK);
    assert_string_equal(espy_workspace_setting(&ws, "threshold"), "0.6"); /* the last one */
    assert_string_equal(espy_workspace_setting(&ws, "web.port"), "80");
    assert_string_equal(espy_workspace_setting(&ws, "empty"), "");
    assert_null(espy_workspace_setting(&ws, "port"));
    espy_workspace_close(&cx, &ws);
    assert_int_equal(espy_file_write(&cx, conf, "a = 1\nwhat is this\n", 19), ESPY_E_OK);
    assert_int_equal(espy_workspace_open(&cx, at, false, &ws), ESPY_E_FORMAT);
    assert_non_null(strstr(cx.text, "line 2"));
    espy_free(&cx, at);
    espy_free(&cx, conf);
    assert_int_equal(m.live, 0);
}

static espy_encoder *encoder;
static flow_case data;

/* Puts the gallery into a store as one media with one sample per vector, labelled. */
static void store_gallery(espy_ctx *cx, espy_workspace *ws, const espy_collection *c, size_t dim,
                          const float *wide)
{
    char digest[ESPY_DIGEST_HEX];
    int64_t media, label;
    espy_scan scan = {.width = 100, .height = 100, .n = data.rows.n, .dim = dim};
    espy_digest("picture", 7, digest);
    assert_int_equal(espy_store_media(cx, ws->store, c->id,
                                      (espy_span){(const uint8_t *)"picture", 7}, digest, "x",
                                      &media),
                     ESPY_E_OK);
    scan.at = espy_array(cx, scan.n, sizeof *scan.at);
    scan.vectors = espy_floats(cx, scan.n * dim);
    memcpy(scan.vectors, wide, scan.n * dim * sizeof *wide);
    for (size_t i = 0; i < scan.n; i++) {
        espy_scan_sample *s = &scan.at[i];
        s->box[0] = (float)i * 50;
        s->box[2] = s->box[3] = 40;
        s->score = 0.9f;
        s->sharpness = 100;
        s->embedding = scan.vectors + i * dim;
    }
    assert_int_equal(espy_store_scan_put(cx, ws->store, media, "all", espy_encoder_digest(encoder),
                                         espy_encoder_detector_digest(encoder), &scan),
                     ESPY_E_OK);
    for (size_t i = 0; i < scan.n; i++) {
        const char *name = data.names[data.y[i]];
        assert_int_equal(espy_store_label(cx, ws->store, c->id, name, "Some Name", &label),
                         ESPY_E_OK);
        assert_int_equal(espy_store_sample_label(cx, ws->store, scan.at[i].id, label, "user"),
                         ESPY_E_OK);
    }
    espy_scan_free(cx, &scan);
}

/* The synthetic vectors in the encoder's dimension, the rest zero. */
static float *widen(espy_ctx *cx, size_t dim)
{
    float *wide = espy_floats(cx, data.rows.n * dim);
    for (size_t i = 0; i < data.rows.n; i++)
        memcpy(wide + i * dim, data.x + i * FLOW_DIM, FLOW_DIM * sizeof *wide);
    return wide;
}

static void check_answers(const espy_result *r)
{
    assert_int_equal(espy_result_count(r), 3);
    const espy_answer *known = espy_result_at(r, 0), *stranger = espy_result_at(r, 1);
    assert_int_equal(known->decision, ESPY_KNOWN);
    assert_string_equal(known->label, "L001");
    assert_string_equal(known->name, "Some Name");
    assert_true(known->similarity > 0.9f && known->probability > 0.4f);
    assert_int_equal(known->candidate_count, 4);
    assert_string_equal(known->candidates[0].label, "L001");
    for (size_t k = 1; k < 4; k++)
        assert_true(known->candidates[k].probability <= known->candidates[k - 1].probability);
    assert_int_equal(stranger->decision, ESPY_UNKNOWN);
    assert_null(stranger->label);
    assert_null(stranger->name);
    assert_int_equal(espy_result_at(r, 2)->decision, ESPY_POOR_QUALITY); /* ten pixels */
    assert_null(espy_result_at(r, 3));
}

static void test_identifier(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    espy_workspace ws;
    espy_collection c;
    espy_training_set set;
    espy_fit f;
    espy_identifier id;
    espy_result *r = NULL;
    int64_t number;
    test_memory_init(&cx, &m);
    const espy_fit_options fit_options = {.test_share = 0.2,
                                          .refit = true,
                                          .floor = 0.3,
                                          .rule = ESPY_THRESHOLD_FIXED,
                                          .threshold = 0.4};
    const espy_identify_options options = {.threshold = -1, .floor = -2};
    const size_t dim = espy_encoder_dim(encoder);
    flow_make(&data, 4, 8, 0.2, 12);
    float *wide = widen(&cx, dim);
    assert_int_equal(espy_workspace_open(&cx, test_folder(), true, &ws), ESPY_E_OK);
    assert_int_equal(espy_identifier_open(&cx, &ws, NULL, 0, encoder, &options, &id),
                     ESPY_E_NOT_FOUND);
    assert_non_null(strstr(cx.text, "espy train"));
    espy_clear(&cx);
    assert_int_equal(espy_workspace_collection(&cx, &ws, NULL, encoder, &c), ESPY_E_OK);
    assert_int_equal(espy_identifier_open(&cx, &ws, NULL, 0, encoder, &options, &id),
                     ESPY_E_NOT_FOUND);
    assert_non_null(strstr(cx.text, "learned nothing yet"));
    espy_clear(&cx);
    store_gallery(&cx, &ws, &c, dim, wide);
    /* once without failures: the store keeps its prepared statements */
    assert_int_equal(espy_training_set_load(&cx, ws.store, &c, 0, &set), ESPY_E_OK);
    espy_training_set_free(&cx, &set);
    TEST_FAULT_LOOP(&cx, &m, espy_training_set_load(&cx, ws.store, &c, 0, &set),
                    espy_training_set_free(&cx, &set));
    assert_int_equal(espy_training_set_load(&cx, ws.store, &c, 0, &set), ESPY_E_OK);
    assert_int_equal(set.rows.n, 32);
    assert_int_equal(set.n_labels, 4);
    assert_int_equal(espy_flow_fit(&cx, &set.rows, set.codes, &fit_options, &f), ESPY_E_OK);
    assert_int_equal(espy_flow_publish(&cx, &ws, &c, &set, &f, &fit_options, "test", &number),
                     ESPY_E_OK);
    assert_int_equal(number, 1);
    espy_fit_free(&cx, &f);
    espy_training_set_free(&cx, &set);
    assert_int_equal(espy_identifier_open(&cx, &ws, NULL, 0, encoder, &options, &id), ESPY_E_OK);
    espy_identifier_close(&cx, &id);
    TEST_FAULT_LOOP(&cx, &m, espy_identifier_open(&cx, &ws, NULL, 0, encoder, &options, &id),
                    espy_identifier_close(&cx, &id));
    assert_int_equal(espy_identifier_open(&cx, &ws, NULL, 7, encoder, &options, &id),
                     ESPY_E_NOT_FOUND);
    espy_clear(&cx);

    assert_int_equal(espy_identifier_open(&cx, &ws, NULL, 0, encoder, &options, &id), ESPY_E_OK);
    assert_true(id.rule.threshold == 0.4);
    espy_scan_sample samples[3] = {{.box = {0, 0, 50, 50}, .score = 0.9f, .sharpness = 100}};
    float *q = espy_floats(&cx, 3 * dim);
    samples[1] = samples[2] = samples[0];
    samples[2].box[3] = 10;
    memcpy(q, wide + 9 * dim, dim * sizeof *q); /* the second label's second sample */
    q[dim + FLOW_DIM] = 1;                      /* a direction that no sample has */
    memcpy(q + 2 * dim, wide, dim * sizeof *q);
    const espy_scan scan = {.at = samples, .n = 3, .dim = dim, .vectors = q}, none = {.dim = dim};
    TEST_FAULT_LOOP(&cx, &m, espy_identify_scan(&cx, &id, &scan, &r), espy_result_free(r));
    assert_int_equal(espy_identify_scan(&cx, &id, &none, &r), ESPY_E_OK);
    assert_int_equal(espy_result_count(r), 0);
    espy_result_free(r);
    assert_int_equal(espy_identify_scan(&cx, &id, &scan, &r), ESPY_E_OK);
    espy_identifier_close(&cx, &id);
    espy_collection_free(&cx, &c);
    espy_workspace_close(&cx, &ws);
    check_answers(r); /* the result outlives them */
    espy_result_free(r);
    espy_free(&cx, q);
    espy_free(&cx, wide);
    assert_int_equal(m.live, 0);
}

static int open_encoder(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    return test_shared("models/mobilefacenet.onnx") &&
                   espy_encoder_open(&cx, "mobilefacenet", NULL, "f32", 1, &encoder) == ESPY_E_OK
               ? 0
               : -1;
}

static int close_encoder(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    espy_encoder_destroy(&cx, &encoder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest alone[] = {cmocka_unit_test(test_find),
                                       cmocka_unit_test(test_settings)};
    const struct CMUnitTest with_encoder[] = {cmocka_unit_test(test_identifier)};
    int failed = cmocka_run_group_tests(alone, NULL, NULL);
    if (failed)
        return failed;
    if (!test_shared("models/mobilefacenet.onnx"))
        test_skip_all("the identifier needs ../shared/models (the rest has passed)");
    return cmocka_run_group_tests(with_encoder, open_encoder, close_encoder);
}
