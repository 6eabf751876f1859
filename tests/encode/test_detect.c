/* SPDX-License-Identifier: Apache-2.0
 * Post-processing of the detectors on raw outputs of the networks, without running any network. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "encode/detect.h"
#include "support/support.h"

/* A raw output as a tensor that borrows the array. */
static espy_tensor tensor_of(const test_array *a)
{
    espy_tensor t = {.data = a->data, .rank = a->rank};
    for (int d = 0; d < a->rank; d++)
        t.dims[d] = (int64_t)a->dims[d];
    return t;
}

static float overlap(const float a[4], const float b[4])
{
    float w = fminf(a[2], b[2]) - fmaxf(a[0], b[0]), h = fminf(a[3], b[3]) - fmaxf(a[1], b[1]);
    if (w <= 0 || h <= 0)
        return 0;
    return w * h / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - w * h);
}

/* The golden detections of one picture by one detector, as faces. */
static espy_faces golden_faces(espy_ctx *cx, const char *picture, const char *detector)
{
    espy_json *all = NULL;
    espy_faces f = {0};
    const char *path = test_shared("golden/detections.json");
    assert_int_equal(espy_json_load(cx, path, (size_t)1 << 24, &all), ESPY_E_OK);
    const espy_json *list =
        espy_json_get(espy_json_get(espy_json_get(all, "images"), picture), detector);
    assert_true(espy_json_is_array(list));
    for (size_t i = 0; i < espy_json_count(list); i++) {
        const espy_json *o = espy_json_at(list, i);
        espy_face a = {.score = (float)espy_json_number(espy_json_get(o, "score"), 0),
                       .has_points = true};
        for (size_t k = 0; k < 4; k++)
            a.box[k] = (float)espy_json_number(espy_json_at(espy_json_get(o, "box"), k), 0);
        for (size_t k = 0; k < 10; k++)
            a.points[k / 2][k % 2] = (float)espy_json_number(
                espy_json_at(espy_json_at(espy_json_get(o, "points"), k / 2), k % 2), 0);
        assert_int_equal(espy_faces_add(cx, &f, &a), ESPY_E_OK);
    }
    espy_json_free(all);
    return f;
}

static void check_scrfd(const char *net)
{
    espy_ctx cx;
    test_memory m;
    test_memory_init(&cx, &m);
    test_array a[9];
    espy_tensor t[9];
    espy_faces got = {0}, want = golden_faces(&cx, "faces/groups/deepinsight_t1.jpg", net);
    for (int i = 0; i < 9; i++) {
        char name[80];
        snprintf(name, sizeof name, "golden/raw/%s_out%d.npy", net, i);
        a[i] = test_npy(test_shared(name));
        t[i] = tensor_of(&a[i]);
    }
    assert_int_equal(espy_scrfd_decode(&cx, t, 9, 640, 640, 0.5f, &got), ESPY_E_OK);
    const espy_fit fit = {{1280.0f / 640, 886.0f / 443}, {0, 0}, 640, 640};
    espy_fit_back(&fit, &got, 0);
    espy_faces_suppress(&got, 0.4f, ESPY_OVERLAP_UNION, 1.0f);
    assert_int_equal(got.n, want.n);
    for (size_t i = 0; i < got.n; i++) {
        assert_float_equal(got.at[i].score, want.at[i].score, 2e-5);
        for (int k = 0; k < 4; k++)
            assert_float_equal(got.at[i].box[k], want.at[i].box[k], 0.01);
        for (int k = 0; k < 10; k++)
            assert_float_equal(got.at[i].points[k / 2][k % 2], want.at[i].points[k / 2][k % 2],
                               0.01);
    }
    /* outputs of another family, or cut short, are named, not read beyond */
    assert_int_equal(espy_scrfd_decode(&cx, t, 6, 640, 640, 0.5f, &got), ESPY_E_OK);
    assert_int_equal(espy_scrfd_decode(&cx, t, 3, 640, 640, 0.5f, &got), ESPY_E_FORMAT);
    espy_clear(&cx);
    assert_int_equal(espy_scrfd_decode(&cx, t, 9, 320, 640, 0.5f, &got), ESPY_E_OK);
    assert_int_equal(espy_scrfd_decode(&cx, t, 9, 672, 640, 0.5f, &got), ESPY_E_FORMAT);
    espy_clear(&cx);
    for (int i = 0; i < 9; i++)
        test_array_free(&a[i]);
    espy_faces_free(&cx, &got);
    espy_faces_free(&cx, &want);
    assert_int_equal(m.live, 0);
}

static void test_scrfd(void **state)
{
    (void)state;
    if (!test_shared("golden/raw"))
        skip();
    check_scrfd("scrfd_500m_kps");
    check_scrfd("scrfd_2.5g_kps");
}

/* Every face of ours lies over one of the golden list, and there are as many as expected. */
static void check_same_places(const espy_faces *got, const espy_faces *want, size_t n)
{
    assert_int_equal(got->n, n);
    for (size_t i = 0; i < got->n; i++) {
        float best = 0;
        for (size_t j = 0; j < want->n; j++)
            best = fmaxf(best, overlap(got->at[i].box, want->at[j].box));
        assert_true(best > 0.5f);
    }
}

static void test_rfb(void **state)
{
    (void)state;
    if (!test_shared("golden/raw"))
        skip();
    espy_ctx cx;
    espy_ctx_init(&cx);
    test_array s = test_npy(test_shared("golden/raw/rfb320_scores.npy"));
    test_array b = test_npy(test_shared("golden/raw/rfb320_boxes.npy"));
    const espy_tensor t[2] = {tensor_of(&s), tensor_of(&b)};
    espy_faces got = {0},
               want = golden_faces(&cx, "faces/groups/deepinsight_t1.jpg", "scrfd_2.5g_kps");
    assert_int_equal(espy_rfb_decode(&cx, t, 2, 320, 240, 0.7f, &got), ESPY_E_OK);
    const espy_fit fit = {{1280.0f / 320, 886.0f / 240}, {0, 0}, 320, 240};
    espy_fit_back(&fit, &got, 0);
    espy_faces_suppress(&got, 0.3f, ESPY_OVERLAP_UNION, 0.0f);
    check_same_places(&got, &want, 6);
    assert_int_equal(espy_rfb_decode(&cx, t, 1, 320, 240, 0.7f, &got), ESPY_E_FORMAT);
    espy_faces_free(&cx, &got);
    espy_faces_free(&cx, &want);
    test_array_free(&s);
    test_array_free(&b);
}

static void test_yunet_priors(void **state)
{
    (void)state;
    if (!test_shared("golden/raw"))
        skip();
    espy_ctx cx;
    espy_ctx_init(&cx);
    test_array a[3] = {test_npy(test_shared("golden/raw/yunet_loc.npy")),
                       test_npy(test_shared("golden/raw/yunet_conf.npy")),
                       test_npy(test_shared("golden/raw/yunet_iou.npy"))};
    const espy_tensor t[3] = {tensor_of(&a[0]), tensor_of(&a[1]), tensor_of(&a[2])};
    espy_faces got = {0},
               want = golden_faces(&cx, "faces/groups/deepinsight_t1.jpg", "scrfd_2.5g_kps");
    assert_int_equal(espy_yunet_decode_priors(&cx, t, 3, 160, 120, 0.6f, &got), ESPY_E_OK);
    const espy_fit fit = {{1280.0f / 160, 886.0f / 120}, {0, 0}, 160, 120};
    espy_fit_back(&fit, &got, 0);
    espy_faces_suppress(&got, 0.3f, ESPY_OVERLAP_UNION, 0.0f);
    check_same_places(&got, &want, 5); /* the sixth scores 0.27 at this size */
    for (size_t i = 0; i < got.n; i++)
        for (size_t j = 0; j < want.n; j++)
            if (overlap(got.at[i].box, want.at[j].box) > 0.5f)
                for (int k = 0; k < 10; k++) /* 160 pixels for 1280: within three of its pixels */
                    assert_float_equal(got.at[i].points[k / 2][k % 2],
                                       want.at[j].points[k / 2][k % 2], 24.0);
    assert_int_equal(espy_yunet_decode_priors(&cx, t, 3, 320, 240, 0.6f, &got), ESPY_E_FORMAT);
    espy_clear(&cx);
    assert_int_equal(espy_yunet_decode_priors(&cx, t, 3, 80, 120, 0.6f, &got), ESPY_E_FORMAT);
    espy_faces_free(&cx, &got);
    espy_faces_free(&cx, &want);
    for (int i = 0; i < 3; i++)
        test_array_free(&a[i]);
}

/* The 2023 outputs with one face written into them by the inverse of the decoding. */
static void test_yunet_grid(void **state)
{
    (void)state;
    enum { W = 96, H = 64 };
    espy_ctx cx;
    espy_ctx_init(&cx);
    static float zero[12][(W / 8) * (H / 8) * 10];
    espy_tensor t[12];
    const int columns[4] = {1, 1, 4, 10};
    memset(zero, 0, sizeof zero);
    for (int i = 0; i < 12; i++) {
        const int stride = 8 << (i % 3);
        t[i] = (espy_tensor){zero[i], 3, {1, (W / stride) * (H / stride), columns[i / 3]}};
    }
    const float box[4] = {20, 10, 60, 58},
                points[5][2] = {{30, 25}, {50, 26}, {40, 35}, {32, 47}, {49, 46}};
    const int level = 1, stride = 16, column = 2, line = 2, cell = line * (W / stride) + column;
    zero[level][cell] = 0.81f;
    zero[3 + level][cell] = 1.5f; /* beyond 1 by the network's rounding: counts as 1 */
    zero[6 + level][4 * cell] = (box[0] + box[2]) / 2 / stride - column;
    zero[6 + level][4 * cell + 1] = (box[1] + box[3]) / 2 / stride - line;
    zero[6 + level][4 * cell + 2] = logf((box[2] - box[0]) / stride);
    zero[6 + level][4 * cell + 3] = logf((box[3] - box[1]) / stride);
    for (int k = 0; k < 5; k++) {
        zero[9 + level][10 * cell + 2 * k] = points[k][0] / stride - column;
        zero[9 + level][10 * cell + 2 * k + 1] = points[k][1] / stride - line;
    }
    espy_faces got = {0};
    assert_int_equal(espy_yunet_decode_grid(&cx, t, 12, W, H, 0.6f, &got), ESPY_E_OK);
    assert_int_equal(got.n, 1);
    assert_float_equal(got.at[0].score, 0.9, 1e-6);
    for (int k = 0; k < 4; k++)
        assert_float_equal(got.at[0].box[k], box[k], 1e-4);
    for (int k = 0; k < 10; k++)
        assert_float_equal(got.at[0].points[k / 2][k % 2], points[k / 2][k % 2], 1e-4);
    assert_int_equal(espy_yunet_decode_grid(&cx, t, 12, W, W, 0.6f, &got), ESPY_E_FORMAT);
    espy_clear(&cx);
    assert_int_equal(espy_yunet_decode_grid(&cx, t, 9, W, H, 0.6f, &got), ESPY_E_FORMAT);
    espy_faces_free(&cx, &got);
}

static void test_faces(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    test_memory_init(&cx, &m);
    espy_faces f = {0};
    const espy_face bad[] = {
        {.box = {0, 0, NAN, 4}, .score = 1},
        {.box = {0, 0, INFINITY, 4}, .score = 1},
        {.box = {5, 0, 5, 4}, .score = 1},
        {.box = {0, 0, 4, 4}, .score = NAN},
        {.box = {0, 0, 4, 4}, .score = 1, .has_points = true, .points = {{NAN, 0}}}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(espy_faces_add(&cx, &f, &bad[i]), ESPY_E_OK);
    assert_int_equal(f.n, 0);
    const espy_face good[] = {{.box = {0, 0, 10, 10}, .score = 0.6f},
                              {.box = {1, 1, 11, 11}, .score = 0.9f},
                              {.box = {2, 2, 5, 5}, .score = 0.7f},
                              {.box = {20, 20, 30, 30}, .score = 0.8f}};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(espy_faces_add(&cx, &f, &good[i]), ESPY_E_OK);
    espy_faces_suppress(&f, 0.5f, ESPY_OVERLAP_UNION, 0.0f);
    assert_int_equal(f.n, 3); /* 0.6 overlaps 0.9 by 81/119 */
    assert_float_equal(f.at[0].score, 0.9, 1e-6);
    assert_float_equal(f.at[2].score, 0.7, 1e-6);
    espy_faces_suppress(&f, 0.5f, ESPY_OVERLAP_LEAST, 0.0f);
    assert_int_equal(f.n, 2); /* the small one lies inside the 0.9 */
    /* no more than the limit, whatever is given */
    for (int i = 0; i < ESPY_FACES_MAX + 10; i++)
        assert_int_equal(espy_faces_add(&cx, &f, &good[i % 4]), ESPY_E_OK);
    assert_int_equal(f.n, ESPY_FACES_MAX);
    espy_faces_free(&cx, &f);
    TEST_FAULT_LOOP(&cx, &m, espy_faces_add(&cx, &f, &good[0]), espy_faces_free(&cx, &f));
    assert_int_equal(m.live, 0);
}

static void test_registry(void **state)
{
    (void)state;
    for (size_t i = 0; espy_detectors[i]; i++) {
        const espy_detector_ops *o = espy_detectors[i];
        assert_non_null(o->name);
        assert_non_null(o->help);
        assert_non_null(o->roles[0]);
        assert_true(o->open && o->detect && o->close);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(o->name, espy_detectors[j]->name);
        o->close(NULL, NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scrfd),        cmocka_unit_test(test_rfb),
        cmocka_unit_test(test_yunet_priors), cmocka_unit_test(test_yunet_grid),
        cmocka_unit_test(test_faces),        cmocka_unit_test(test_registry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
