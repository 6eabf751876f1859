/* SPDX-License-Identifier: Apache-2.0
 * Every network of ../shared/models against the raw outputs in ../shared/golden, on each executor.
 * Preprocessing as models/MANIFEST.md gives it. */
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "media/media.h"
#include "nn/nn.h"

enum { MODEL_OUTPUTS = 9, MODEL_FACES = 3 };
#define MODEL_TOLERANCE 1e-4f /* of the largest output, at least of 1 */

typedef enum model_source {
    FROM_ARRAY,   /* an .npy, as it is */
    FROM_PICTURE, /* a .png, one sample */
    FROM_FACES,   /* the first MODEL_FACES aligned faces, u8 */
    FROM_PATCH    /* log-mel [frames, 64] as patches of 96 frames, 48 apart */
} model_source;

typedef struct model_case {
    const char *model, *input;
    model_source source;
    bool bgr;
    float mean[3], scale[3]; /* (x - mean) * scale, per channel as fed */
    const char
        *outputs[MODEL_OUTPUTS]; /* golden arrays in the order of the file; NULL: not compared */
    bool slow;                   /* left out with the reference executor */
} model_case;

#define SAME(v) \
    {           \
        v, v, v \
    }
#define SCRFD(n)                                                                                \
    {                                                                                           \
        "raw/" n "_out0.npy", "raw/" n "_out1.npy", "raw/" n "_out2.npy", "raw/" n "_out3.npy", \
            "raw/" n "_out4.npy", "raw/" n "_out5.npy", "raw/" n "_out6.npy",                   \
            "raw/" n "_out7.npy", "raw/" n "_out8.npy"                                          \
    }

static const model_case model_cases[] = {
    {"scrfd_500m_kps", "raw/t1_letterbox640.png", FROM_PICTURE, false, SAME(127.5f),
     SAME(1 / 128.0f), SCRFD("scrfd_500m_kps"), false},
    {"det_500m", "raw/t1_letterbox640.png", FROM_PICTURE, false, SAME(127.5f), SAME(1 / 128.0f),
     SCRFD("scrfd_500m_kps"), false},
    {"scrfd_2.5g_kps", "raw/t1_letterbox640.png", FROM_PICTURE, false, SAME(127.5f),
     SAME(1 / 128.0f), SCRFD("scrfd_2.5g_kps"), true},
    {"version-RFB-320",
     "raw/t1_320x240.png",
     FROM_PICTURE,
     false,
     SAME(127),
     SAME(1 / 128.0f),
     {"raw/rfb320_scores.npy", "raw/rfb320_boxes.npy"},
     false},
    {"face_detection_yunet_120x160",
     "raw/t1_160x120.png",
     FROM_PICTURE,
     true,
     SAME(0),
     SAME(1),
     {"raw/yunet_loc.npy", "raw/yunet_conf.npy", "raw/yunet_iou.npy"},
     false},
    {"pnet",
     "raw/pnet_input.npy",
     FROM_ARRAY,
     false,
     SAME(0),
     SAME(1),
     {"raw/pnet_reg.npy", "raw/pnet_prob.npy"},
     false},
    {"rnet",
     "raw/rnet_input.npy",
     FROM_ARRAY,
     false,
     SAME(0),
     SAME(1),
     {"raw/rnet_reg.npy", "raw/rnet_prob.npy"},
     false},
    {"onet",
     "raw/onet_input.npy",
     FROM_ARRAY,
     false,
     SAME(0),
     SAME(1),
     {"raw/onet_reg.npy", "raw/onet_landmarks.npy", "raw/onet_prob.npy"},
     false},
    {"mobilefacenet",
     "embeddings/lfw10_aligned_rgb_u8.npy",
     FROM_FACES,
     false,
     {123.675f, 116.28f, 103.53f},
     {1 / 58.395f, 1 / 57.12f, 1 / 57.375f},
     {"embeddings/lfw10_mobilefacenet_raw.npy"},
     false},
    {"mobilefacenet_ncnn",
     "embeddings/lfw10_aligned_rgb_u8.npy",
     FROM_FACES,
     false,
     SAME(0),
     SAME(1),
     {"embeddings/lfw10_mobilefacenet_ncnn_raw.npy"},
     false},
    {"edgeface_xxs_deq",
     "embeddings/lfw10_aligned_rgb_u8.npy",
     FROM_FACES,
     false,
     SAME(127.5f),
     SAME(1 / 127.5f),
     {"embeddings/lfw10_edgeface_xxs_raw.npy"},
     false},
    {"yamnet_patch_f32",
     "yamnet/yamnet_examples__baby_5000ms_logmel.npy",
     FROM_PATCH,
     false,
     SAME(0),
     SAME(1),
     {"yamnet/yamnet_examples__baby_5000ms_scores.npy",
      "yamnet/yamnet_examples__baby_5000ms_embedding.npy"},
     false},
    {"yamnet_patch_dq8",
     "yamnet/yamnet_examples__dog_975ms_logmel.npy",
     FROM_PATCH,
     false,
     SAME(0),
     SAME(1),
     {"yamnet/yamnet_examples__dog_975ms_scores.npy",
      "yamnet/yamnet_examples__dog_975ms_embedding.npy"},
     false},
};

static espy_ctx cx;

static const char *model_path(const char *folder, const char *name, const char *suffix)
{
    static char relative[256];
    snprintf(relative, sizeof relative, "%s/%s%s", folder, name, suffix);
    const char *path = test_shared(relative);
    if (!path)
        fail_msg("%s is missing", relative);
    return path;
}

/* Interleaved u8 RGB to planar floats. */
static void model_planes(const model_case *c, const uint8_t *px, size_t pixels, float *to)
{
    for (size_t k = 0; k < 3; k++)
        for (size_t i = 0; i < pixels; i++)
            to[k * pixels + i] =
                ((float)px[3 * i + (c->bgr ? 2 - k : k)] - c->mean[k]) * c->scale[k];
}

static espy_tensor model_picture(const model_case *c, const char *path)
{
    espy_buf b = test_read(&cx, path);
    espy_image im;
    assert_int_equal(espy_image_decode(&cx, espy_span_of(&b), 0, &im), ESPY_E_OK);
    espy_tensor t = {.rank = 4, .dims = {1, 3, im.height, im.width}};
    size_t pixels = (size_t)im.width * (size_t)im.height;
    t.data = espy_floats(&cx, 3 * pixels);
    model_planes(c, im.px, pixels, t.data);
    espy_image_free(&cx, &im);
    espy_buf_free(&cx, &b);
    return t;
}

static espy_tensor model_input(const model_case *c)
{
    const char *path = model_path("golden", c->input, "");
    espy_tensor t = {.rank = 4};
    if (c->source == FROM_PICTURE)
        return model_picture(c, path);
    test_array a = test_npy(path);
    if (c->source == FROM_ARRAY) {
        for (int i = 0; i < 4; i++)
            t.dims[i] = (int64_t)a.dims[i];
        t.data = espy_floats(&cx, a.n);
        memcpy(t.data, a.data, a.n * sizeof(float));
    } else if (c->source == FROM_FACES) {
        const size_t pixels = 112 * 112;
        assert_int_equal(a.kind, 'u');
        t = (espy_tensor){.rank = 4, .dims = {MODEL_FACES, 3, 112, 112}};
        t.data = espy_floats(&cx, MODEL_FACES * 3 * pixels);
        for (size_t i = 0; i < MODEL_FACES; i++)
            model_planes(c, (const uint8_t *)a.data + i * 3 * pixels, pixels,
                         t.data + i * 3 * pixels);
    } else {
        size_t patches = (a.dims[0] - 96) / 48 + 1;
        t = (espy_tensor){.rank = 4, .dims = {(int64_t)patches, 1, 96, 64}};
        t.data = espy_floats(&cx, patches * 96 * 64);
        for (size_t i = 0; i < patches; i++)
            memcpy(t.data + i * 96 * 64, (const float *)a.data + i * 48 * 64,
                   96 * 64 * sizeof(float));
    }
    test_array_free(&a);
    return t;
}

static float model_difference(const float *have, const float *want, size_t n)
{
    float top = 1, most = 0;
    for (size_t i = 0; i < n; i++) {
        top = fmaxf(top, fabsf(want[i]));
        most = fmaxf(most, fabsf(have[i] - want[i]));
        if (isnan(have[i]))
            return INFINITY;
    }
    return most / top;
}

static espy_net *model_load(const char *name, espy_executor executor)
{
    const espy_net_options options = {.executor = executor, .threads = 1};
    espy_buf b = test_read(&cx, model_path("models", name, ".onnx"));
    espy_net *net = NULL;
    espy_clear(&cx);
    if (espy_net_load(&cx, espy_span_of(&b), &options, &net) != ESPY_E_OK)
        fail_msg("%s: %s", name, cx.text);
    espy_buf_free(&cx, &b);
    return net;
}

static void model_run(const model_case *c, espy_executor executor)
{
    espy_tensor in = model_input(c), out[MODEL_OUTPUTS];
    espy_net *net = model_load(c->model, executor);
    size_t n = espy_net_output_count(net);
    assert_in_range(n, 1, MODEL_OUTPUTS);
    if (espy_net_run(&cx, net, &in, 1, out, n) != ESPY_E_OK)
        fail_msg("%s: %s", c->model, cx.text);
    for (size_t i = 0; i < n; i++) {
        test_array want = test_npy(model_path("golden", c->outputs[i], ""));
        size_t have = 1;
        for (int d = 0; d < out[i].rank; d++)
            have *= (size_t)out[i].dims[d];
        assert_true(have <= want.n);
        if (c->source != FROM_FACES) /* there the golden array has more faces */
            assert_int_equal(have, want.n);
        float d = model_difference(out[i].data, want.data, have);
        if (!(d <= MODEL_TOLERANCE))
            fail_msg("%s: output %zu (%s) differs by %g", c->model, i, c->outputs[i], d);
        test_array_free(&want);
        espy_free(&cx, out[i].data);
    }
    espy_free(&cx, in.data);
    espy_net_destroy(&cx, &net);
}

static void model_all(espy_executor executor)
{
    for (size_t i = 0; i < sizeof model_cases / sizeof model_cases[0]; i++)
        if (executor != ESPY_EXEC_REFERENCE || !model_cases[i].slow)
            model_run(&model_cases[i], executor);
}

static void test_reference(void **state)
{
    (void)state;
    model_all(ESPY_EXEC_REFERENCE);
}

static void test_onednn(void **state)
{
    (void)state;
    model_all(ESPY_EXEC_ONEDNN);
}

/* The anti-spoofing networks, whose logits stand in a JSON file. */
static void model_antispoof(espy_executor executor, const char *model, const char *key)
{
    espy_buf b = test_read(&cx, model_path("golden", "antispoof", ".json"));
    static const char *const pictures[] = {"image_F1", "image_F2", "image_T1"};
    espy_json *root;
    espy_net *net = model_load(model, executor);
    assert_int_equal(espy_json_parse(&cx, b.data, b.size, &root), ESPY_E_OK);
    for (size_t i = 0; i < 3; i++) {
        const model_case c = {.bgr = true, .scale = SAME(1)};
        char name[64], image[64];
        float want[3];
        espy_tensor out;
        snprintf(name, sizeof name, "raw/%s_%s_crop80", pictures[i], key);
        snprintf(image, sizeof image, "faces/antispoof/%s.jpg", pictures[i]);
        const espy_json *logits = espy_json_get(
            espy_json_get(espy_json_get(espy_json_get(root, "images"), image), key), "logits");
        for (size_t k = 0; k < 3; k++)
            want[k] = (float)espy_json_number(espy_json_at(logits, k), NAN);
        espy_tensor in = model_picture(&c, model_path("golden", name, ".png"));
        assert_int_equal(espy_net_run(&cx, net, &in, 1, &out, 1), ESPY_E_OK);
        float d = model_difference(out.data, want, 3);
        if (!(d <= MODEL_TOLERANCE))
            fail_msg("%s: %s differs by %g", model, pictures[i], d);
        espy_free(&cx, in.data);
        espy_free(&cx, out.data);
    }
    espy_json_free(root);
    espy_net_destroy(&cx, &net);
    espy_buf_free(&cx, &b);
}

static void test_antispoof(void **state)
{
    (void)state;
    for (int e = ESPY_EXEC_ONEDNN; e <= ESPY_EXEC_REFERENCE; e++) {
        model_antispoof((espy_executor)e, "2.7_80x80_MiniFASNetV2", "MiniFASNetV2");
        model_antispoof((espy_executor)e, "4_0_0_80x80_MiniFASNetV1SE", "MiniFASNetV1SE");
    }
}

/* The head of the sound classifier has no golden array of its own: executors agree, rows sum to 1.
 */
static void test_classifier(void **state)
{
    (void)state;
    test_array a =
        test_npy(model_path("golden", "yamnet/yamnet_examples__baby_5000ms_embedding", ".npy"));
    espy_tensor in = {a.data, 2, {10, 1024}}, out[2];
    for (int e = ESPY_EXEC_ONEDNN; e <= ESPY_EXEC_REFERENCE; e++) {
        espy_net *net = model_load("yamnet_classifier_v2", (espy_executor)e);
        assert_int_equal(espy_net_run(&cx, net, &in, 1, &out[e], 1), ESPY_E_OK);
        assert_int_equal(out[e].dims[1], 4);
        espy_net_destroy(&cx, &net);
    }
    for (size_t i = 0; i < 10; i++) {
        const float *p = out[0].data + 4 * i;
        assert_true(fabsf(p[0] + p[1] + p[2] + p[3] - 1) < 1e-5f);
    }
    assert_true(model_difference(out[0].data, out[1].data, 40) < 1e-5f);
    espy_free(&cx, out[0].data);
    espy_free(&cx, out[1].data);
    test_array_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_onednn),
        cmocka_unit_test(test_antispoof),
        cmocka_unit_test(test_classifier),
        cmocka_unit_test(test_reference),
    };
    if (!test_shared("golden/raw") || !test_shared("models/MANIFEST.md"))
        test_skip_all("needs ../shared/models and ../shared/golden (or $ESPY_SHARED)");
    espy_ctx_init(&cx);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
