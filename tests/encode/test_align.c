/* SPDX-License-Identifier: Apache-2.0
 * Alignment: transforms and crops against the golden ones, and what must not depend on the scale at
 * which a picture was decoded. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dsp/dsp.h"
#include "encode/align.h"
#include "media/media.h"
#include "support/support.h"

static const float points[5][2] = {
    {106.5f, 111.0f}, {147.8f, 116.5f}, {126.1f, 140.6f}, {101.8f, 150.1f}, {140.7f, 155.0f}};

/* Mean absolute difference of two pictures, leaving out a border. */
static double difference(const uint8_t *a, const uint8_t *b, int side, int border)
{
    double sum = 0;
    int n = 0;
    for (int y = border; y < side - border; y++)
        for (int x = border; x < side - border; x++)
            for (int c = 0; c < 3; c++, n++)
                sum += abs(a[(y * side + x) * 3 + c] - b[(y * side + x) * 3 + c]);
    return sum / n;
}

static void test_golden(void **state)
{
    (void)state;
    if (!test_shared("golden/embeddings/lfw10_affine.npy"))
        skip();
    espy_ctx cx;
    espy_ctx_init(&cx);
    test_array p = test_npy(test_shared("golden/embeddings/lfw10_points.npy"));
    test_array affine = test_npy(test_shared("golden/embeddings/lfw10_affine.npy"));
    test_array crops = test_npy(test_shared("golden/embeddings/lfw10_aligned_rgb_u8.npy"));
    espy_buf list = test_read(&cx, test_shared("golden/embeddings/lfw10_files.txt"));
    const espy_align_ops *arcface = espy_align_find("arcface");
    char *line = strtok((char *)list.data, "\n");
    for (size_t i = 0; i < p.dims[0]; i++, line = strtok(NULL, "\n")) {
        float five[5][2];
        double m[6];
        espy_image im, crop;
        char path[300];
        assert_non_null(line);
        memcpy(five, (const float *)p.data + 10 * i, sizeof five);
        const espy_align_face face = {
            .points = (const float(*)[2])five, .width = 250, .height = 250};
        espy_align_fit(arcface, &face, 112, 112, m);
        for (int k = 0; k < 6; k++) {
            const float want = ((const float *)affine.data)[6 * i + (size_t)k];
            assert_float_equal(m[k], want, (k % 3 == 2 ? 2e-3 : 2e-5));
        }
        snprintf(path, sizeof path, "data/%s", line);
        espy_buf file = test_read(&cx, test_shared(path));
        assert_int_equal(espy_image_decode(&cx, espy_span_of(&file), 0, &im), ESPY_E_OK);
        assert_int_equal(espy_align_warp(&cx, &im, m, 112, 112, &crop), ESPY_E_OK);
        assert_true(difference(crop.px, (uint8_t *)crops.data + i * 112 * 112 * 3, 112, 0) < 0.5);
        espy_image_free(&cx, &im);
        espy_image_free(&cx, &crop);
        espy_buf_free(&cx, &file);
    }
    espy_buf_free(&cx, &list);
    test_array_free(&p);
    test_array_free(&affine);
    test_array_free(&crops);
}

/* A smooth picture: what survives being decoded smaller. */
static void draw(espy_image *im)
{
    for (int y = 0; y < im->height; y++)
        for (int x = 0; x < im->width; x++)
            for (int c = 0; c < 3; c++)
                im->px[3 * (y * im->width + x) + c] =
                    (uint8_t)(127.5 + 60 * sin(x * 0.02 + c) + 60 * cos(y * 0.03 - c));
}

static void test_reduced(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory mem;
    test_memory_init(&cx, &mem);
    espy_image full, half, a = {0}, b = {0};
    assert_int_equal(espy_image_create(&cx, 960, 640, &full), ESPY_E_OK);
    full.full_width = 960;
    full.full_height = 640;
    draw(&full);
    assert_int_equal(espy_image_shrink(&cx, &full, 480, 320, &half), ESPY_E_OK);
    half.full_width = 960;
    half.full_height = 640;
    float far[5][2];
    for (int k = 0; k < 10; k++)
        far[k / 2][k % 2] = 4.0f * points[k / 2][k % 2];
    for (size_t i = 0; espy_aligns[i]; i++) {
        const espy_align_face face = {.points = (const float(*)[2])far,
                                      .box = {360, 380, 260, 310},
                                      .width = 960,
                                      .height = 640};
        double m[6];
        espy_align_fit(espy_aligns[i], &face, 112, 112, m);
        assert_true(espy_align_scale(m) < 1.0);
        assert_int_equal(espy_align_warp(&cx, &full, m, 112, 112, &a), ESPY_E_OK);
        assert_int_equal(espy_align_warp(&cx, &half, m, 112, 112, &b), ESPY_E_OK);
        assert_true(difference(a.px, b.px, 112, 30) < 1.0);
        espy_image_free(&cx, &a);
        espy_image_free(&cx, &b);
    }
    espy_image_free(&cx, &full);
    espy_image_free(&cx, &half);
    assert_int_equal(mem.live, 0);
}

/* The reference points land where their template says, and the box stands in for missing points. */
static void test_methods(void **state)
{
    (void)state;
    double m[6], box[6];
    const espy_align_face face = {
        .points = points, .box = {90, 80, 70, 90}, .width = 250, .height = 250};
    const espy_align_face none = {.box = {90, 80, 70, 90}, .width = 250, .height = 250};
    float same[5][2];
    for (int k = 0; k < 10; k++)
        same[k / 2][k % 2] = 7.0f;
    const espy_align_face point = {
        .points = (const float(*)[2])same, .box = {90, 80, 70, 90}, .width = 250, .height = 250};
    espy_align_fit(espy_align_find("box"), &face, 112, 112, box);
    /* the box's centre goes to the crop's centre (pixel centres are whole numbers) */
    assert_float_equal(box[0] * 124.5 + box[2], 55.5, 1e-9);
    assert_float_equal(box[4] * 124.5 + box[5], 55.5, 1e-9);
    assert_float_equal(espy_align_scale(box), 112 / (90 * 1.3), 1e-9);
    for (size_t i = 0; espy_aligns[i]; i++) {
        const espy_align_ops *o = espy_aligns[i];
        assert_ptr_equal(espy_align_find(o->name), o);
        assert_non_null(o->help);
        espy_align_fit(o, &none, 112, 112, m);
        assert_memory_equal(m, box, sizeof m);
        espy_align_fit(o, &face, 112, 112, m);
        /* eyes above the mouth, the left one left, all inside */
        double at[5][2];
        for (int k = 0; k < 5; k++)
            for (int c = 0; c < 2; c++) {
                at[k][c] = m[3 * c] * points[k][0] + m[3 * c + 1] * points[k][1] + m[3 * c + 2];
                assert_true(at[k][c] > 5 && at[k][c] < 107);
            }
        assert_true(at[0][0] < at[1][0] && at[0][1] < at[3][1] && at[1][1] < at[4][1]);
    }
    espy_align_fit(espy_align_find("arcface"), &point, 112, 112, m);
    assert_memory_equal(m, box, sizeof m);
    assert_null(espy_align_find("nothing"));
}

static void test_sharpness(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    espy_image im, blurred, back;
    float sharp, soft;
    assert_int_equal(espy_image_create(&cx, 224, 224, &im), ESPY_E_OK);
    for (int i = 0; i < 224 * 224; i++)
        memset(im.px + 3 * i, (i % 224 / 8 + i / 224 / 8) % 2 ? 200 : 50, 3);
    im.full_width = im.full_height = 224;
    assert_int_equal(espy_image_shrink(&cx, &im, 40, 40, &blurred), ESPY_E_OK);
    assert_int_equal(espy_image_resize(&cx, &blurred, 224, 224, &back), ESPY_E_OK);
    back.full_width = back.full_height = 224;
    const float box[4] = {-10, -10, 300, 300}, off[4] = {300, 300, 20, 20};
    assert_int_equal(espy_align_sharpness(&cx, &im, box, &sharp), ESPY_E_OK);
    assert_int_equal(espy_align_sharpness(&cx, &back, box, &soft), ESPY_E_OK);
    assert_true(sharp > 4 * soft);
    assert_int_equal(espy_align_sharpness(&cx, &im, off, &sharp), ESPY_E_OK);
    assert_float_equal(sharp, 0, 0);
    espy_image_free(&cx, &im);
    espy_image_free(&cx, &blurred);
    espy_image_free(&cx, &back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_reduced),
        cmocka_unit_test(test_methods),
        cmocka_unit_test(test_sharpness),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
