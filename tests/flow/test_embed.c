/* SPDX-License-Identifier: Apache-2.0
 * Samples that one encoder has found, embedded by another; what the described model names mean. */
#include "life_case.h"

#include "flow/collect.h"
#include "flow/embed.h"
#include "store/group.h"

static const char *const photos[] = {"data/faces/groups/deepinsight_t1.jpg",
                                     "data/faces/groups/davisking_bald_guys.jpg"};

static espy_encoder *open_pack(espy_ctx *cx, const char *name)
{
    espy_encoder *en = NULL;
    LIFE_OK(cx, espy_encoder_open(cx, name, NULL, "f32", 1, &en));
    return en;
}

/* What the first encoder found is cut and embedded again: nothing may depend on who found it. */
static void test_cut(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    espy_encoder *en = open_pack(&cx, "mobilefacenet");
    const size_t dim = espy_encoder_dim(en);
    for (size_t p = 0; p < 2; p++) {
        espy_samples found = {0}, cut = {0};
        espy_buf file;
        espy_buf_init(&file, cx.max.file_bytes);
        LIFE_OK(&cx, espy_file_read(&cx, test_shared(photos[p]), file.max, &file));
        LIFE_OK(&cx, espy_encoder_find(&cx, en, espy_span_of(&file), NULL, &found));
        assert_true(found.n >= 4);
        float *a = espy_floats(&cx, found.n * dim), *b = espy_floats(&cx, found.n * dim);
        cut.at = espy_array(&cx, found.n, sizeof *cut.at);
        cut.n = found.n;
        for (size_t i = 0; i < found.n; i++) {
            cut.at[i] = found.at[i];
            cut.at[i].crop = (espy_image){0};
            cut.at[i].sharpness = 0;
        }
        LIFE_OK(&cx, espy_encoder_cut(&cx, en, espy_span_of(&file), &cut));
        assert_true(cut.width == found.width && cut.height == found.height);
        LIFE_OK(&cx, espy_encoder_embed(&cx, en, &found, a));
        LIFE_OK(&cx, espy_encoder_embed(&cx, en, &cut, b));
        for (size_t i = 0; i < found.n; i++) {
            double dot = 0;
            for (size_t d = 0; d < dim; d++)
                dot += (double)a[i * dim + d] * (double)b[i * dim + d];
            assert_true(dot > 0.9999);
            assert_true(cut.at[i].sharpness == found.at[i].sharpness);
        }
        espy_free(&cx, a);
        espy_free(&cx, b);
        espy_samples_free(&cx, &found);
        espy_samples_free(&cx, &cut);
        espy_buf_free(&cx, &file);
    }
    espy_encoder_destroy(&cx, &en);
}

/* A collection gets vectors of a second encoder for the same samples, once. */
static void test_second(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_workspace ws;
    espy_collection c;
    espy_collected got;
    espy_embedded done;
    espy_sample_pool first = {0}, second = {0};
    char *path[2];
    espy_ctx_init(&cx);
    espy_encoder *own = open_pack(&cx, "mobilefacenet"), *other = open_pack(&cx, "edgeface");
    LIFE_OK(&cx, espy_workspace_open(&cx, test_folder(), true, &ws));
    LIFE_OK(&cx, espy_workspace_collection(&cx, &ws, NULL, own, &c));
    for (int i = 0; i < 2; i++)
        path[i] = espy_strdup(&cx, test_shared(photos[i]));
    const espy_collect_options o = {.session = "one"};
    LIFE_OK(&cx, espy_flow_collect(&cx, &ws, &c, own, (const char *const *)path, 1, &o, &got));
    const espy_collect_options none = {0};
    LIFE_OK(&cx,
            espy_flow_collect(&cx, &ws, &c, own, (const char *const *)path + 1, 1, &none, &got));
    LIFE_OK(&cx, espy_store_pool(&cx, ws.store, c.id, 0, c.encoder_digest, &first));

    LIFE_OK(&cx, espy_flow_embed(&cx, &ws, &c, other, "one", NULL, &done));
    size_t in_session = done.samples;
    assert_true(in_session > 0 && in_session < first.n && done.errors == 0);
    LIFE_OK(&cx, espy_flow_embed(&cx, &ws, &c, other, NULL, NULL, &done));
    assert_int_equal(done.samples + in_session, first.n);
    LIFE_OK(&cx, espy_flow_embed(&cx, &ws, &c, other, NULL, NULL, &done));
    assert_int_equal(done.samples, 0); /* what is there is not computed again */
    LIFE_OK(&cx, espy_store_pool(&cx, ws.store, c.id, 0, espy_encoder_digest(other), &second));
    assert_int_equal(second.n, first.n);
    assert_int_equal(first.dim, 128);
    assert_int_equal(second.dim, 512);
    for (size_t i = 0; i < first.n; i++)
        assert_true(first.at[i].sample == second.at[i].sample);
    assert_int_equal(espy_flow_embed(&cx, &ws, &c, other, "nowhere", NULL, &done),
                     ESPY_E_NOT_FOUND);
    espy_clear(&cx);

    /* a photo that is gone is counted and told, the others are embedded */
    espy_encoder *third = open_pack(&cx, "mobilefacenet-mtcnn");
    if (strcmp(espy_encoder_digest(third), c.encoder_digest) != 0) {
        char digest[ESPY_DIGEST_HEX];
        LIFE_OK(&cx, espy_store_sample_media(&cx, ws.store, first.at[0].sample, digest));
        char *file = espy_store_media_path(&cx, ws.store, digest);
        assert_int_equal(remove(file), 0);
        espy_free(&cx, file);
        LIFE_OK(&cx, espy_flow_embed(&cx, &ws, &c, third, NULL, NULL, &done));
        assert_true(done.errors > 0 && done.samples + done.errors == first.n);
    }
    for (int i = 0; i < 2; i++)
        espy_free(&cx, path[i]);
    espy_sample_pool_free(&cx, &first);
    espy_sample_pool_free(&cx, &second);
    espy_encoder_destroy(&cx, &own);
    espy_encoder_destroy(&cx, &other);
    espy_encoder_destroy(&cx, &third);
    life_close(&cx, &ws, &c);
}

static void test_names(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_workspace ws = {.dir = (char *)"."};
    espy_setting setting = {(char *)"arcface", (char *)"mobilefacenet"};
    char *pack = NULL;
    espy_ctx_init(&cx);
    assert_int_equal(espy_flow_model(&cx, &ws, "vgg-face", &pack), ESPY_E_ARG);
    assert_non_null(strstr(cx.text, "facenet or arcface"));
    espy_clear(&cx);
    LIFE_OK(&cx, espy_flow_model(&cx, &ws, "arcface", &pack));
    assert_non_null(pack);
    espy_free(&cx, pack);
    ws.settings = &setting; /* 128 values where 512 are meant */
    ws.n_settings = 1;
    assert_int_equal(espy_flow_model(&cx, &ws, "arcface", &pack), ESPY_E_DATA);
    espy_clear(&cx);
    setting.value = (char *)"edgeface";
    LIFE_OK(&cx, espy_flow_model(&cx, &ws, "arcface", &pack));
    assert_string_equal(pack, "edgeface");
    espy_free(&cx, pack);
}

static void test_sounds(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_samples s = {0};
    espy_ctx_init(&cx);
    espy_encoder *en = open_pack(&cx, "melstats");
    assert_int_equal(espy_encoder_cut(&cx, en, (espy_span){0}, &s), ESPY_E_UNSUPPORTED);
    espy_encoder_destroy(&cx, &en);
}

int main(void)
{
    const struct CMUnitTest alone[] = {cmocka_unit_test(test_sounds)};
    const struct CMUnitTest with_packs[] = {
        cmocka_unit_test(test_cut), cmocka_unit_test(test_second), cmocka_unit_test(test_names)};
    int failed = cmocka_run_group_tests(alone, NULL, NULL);
    if (failed)
        return failed;
    if (!test_shared(photos[0]) || !test_shared("models/mobilefacenet.onnx"))
        test_skip_all("faces need ../shared (the rest has passed)");
    return cmocka_run_group_tests(with_packs, NULL, NULL);
}
