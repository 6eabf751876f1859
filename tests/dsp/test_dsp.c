/* SPDX-License-Identifier: Apache-2.0
 * Picture arithmetic against values worked out by hand; compare_opencv.py holds it against OpenCV.
 */
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dsp/dsp.h"

static espy_image made(espy_ctx *cx, int width, int height)
{
    espy_image im;
    assert_int_equal(espy_image_create(cx, width, height, &im), ESPY_E_OK);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            uint8_t *p = im.px + (y * width + x) * 3;
            p[0] = (uint8_t)(x * 7 + y);
            p[1] = (uint8_t)(y * 5);
            p[2] = (uint8_t)(x * y);
        }
    return im;
}

static const uint8_t *at(const espy_image *im, int x, int y)
{
    return im->px + (y * im->width + x) * 3;
}

static void test_resize(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    espy_image in, out;
    assert_int_equal(espy_image_create(&cx, 2, 1, &in), ESPY_E_OK);
    memset(in.px + 3, 200, 3);
    /* Centres: -0.25, 0.25, 0.75, 1.25 source pixels, clamped at the edges. */
    assert_int_equal(espy_image_resize(&cx, &in, 4, 3, &out), ESPY_E_OK);
    const int want[4] = {0, 50, 150, 200};
    for (int y = 0; y < 3; y++)
        for (int x = 0; x < 4; x++)
            assert_int_equal(at(&out, x, y)[1], want[x]);
    espy_image_free(&cx, &out);
    espy_image_free(&cx, &in);

    in = made(&cx, 37, 29);
    assert_int_equal(espy_image_resize(&cx, &in, 37, 29, &out), ESPY_E_OK);
    assert_memory_equal(in.px, out.px, 37 * 29 * 3);
    espy_image_free(&cx, &out);
    /* A flat picture stays flat at any size. */
    memset(in.px, 255, 37 * 29 * 3);
    for (int w = 1; w < 80; w += 13)
        for (int h = 1; h < 80; h += 11) {
            assert_int_equal(espy_image_resize(&cx, &in, w, h, &out), ESPY_E_OK);
            for (int i = 0; i < w * h * 3; i++)
                assert_int_equal(out.px[i], 255);
            espy_image_free(&cx, &out);
        }
    assert_int_equal(espy_image_resize(&cx, &in, 0, 5, &out), ESPY_E_ARG);
    espy_clear(&cx);
    assert_int_equal(espy_image_resize(&cx, &in, 2000000, 5, &out), ESPY_E_LIMIT);
    espy_clear(&cx);
    espy_image_free(&cx, &in);
}

static void test_shrink(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    espy_image in = made(&cx, 12, 9), out;
    assert_int_equal(espy_image_shrink(&cx, &in, 4, 3, &out), ESPY_E_OK);
    for (int y = 0; y < 3; y++)
        for (int x = 0; x < 4; x++)
            for (int c = 0; c < 3; c++) {
                int sum = 0;
                for (int i = 0; i < 9; i++)
                    sum += at(&in, 3 * x + i % 3, 3 * y + i / 3)[c];
                assert_int_equal(at(&out, x, y)[c], (int)(sum / 9.0 + 0.5));
            }
    espy_image_free(&cx, &out);
    /* 3 columns to 2: weights 1, 1/2 | 1/2, 1 over 1.5 */
    for (int i = 0; i < 12 * 9; i++)
        memset(in.px + 3 * i, i % 3 * 90, 3);
    assert_int_equal(espy_image_shrink(&cx, &in, 8, 9, &out), ESPY_E_OK);
    assert_int_equal(at(&out, 0, 4)[0], 30);
    assert_int_equal(at(&out, 1, 4)[0], 150);
    espy_image_free(&cx, &out);
    assert_int_equal(espy_image_shrink(&cx, &in, 13, 4, &out), ESPY_E_ARG);
    espy_clear(&cx);
    espy_image_free(&cx, &in);
}

static void test_pad_crop(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    espy_image in = made(&cx, 11, 7), padded, back;
    const uint8_t colour[3] = {9, 8, 7};
    assert_int_equal(espy_image_pad(&cx, &in, 3, 2, 1, 4, colour, &padded), ESPY_E_OK);
    assert_int_equal(padded.width, 15);
    assert_int_equal(padded.height, 13);
    assert_memory_equal(at(&padded, 2, 5), colour, 3);
    assert_memory_equal(at(&padded, 14, 12), colour, 3);
    assert_memory_equal(at(&padded, 3, 2), at(&in, 0, 0), 11 * 3);
    assert_int_equal(espy_image_crop(&cx, &padded, 3, 2, 11, 7, &back), ESPY_E_OK);
    assert_memory_equal(back.px, in.px, 11 * 7 * 3);
    espy_image_free(&cx, &back);
    espy_image_free(&cx, &padded);
    /* Reaching outside: black there; wholly outside, at the ends of the number range too. */
    assert_int_equal(espy_image_crop(&cx, &in, -2, -1, 5, 4, &back), ESPY_E_OK);
    assert_int_equal(at(&back, 1, 3)[0] + at(&back, 4, 0)[0], 0);
    assert_memory_equal(at(&back, 2, 1), at(&in, 0, 0), 9);
    espy_image_free(&cx, &back);
    const int ends[] = {INT32_MIN, -100, 100, INT32_MAX};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(espy_image_crop(&cx, &in, ends[i], ends[3 - i], 5, 4, &back), ESPY_E_OK);
        for (int k = 0; k < 5 * 4 * 3; k++)
            assert_int_equal(back.px[k], 0);
        espy_image_free(&cx, &back);
    }
    assert_int_equal(espy_image_pad(&cx, &in, -1, 0, 0, 0, colour, &back), ESPY_E_ARG);
    espy_clear(&cx);
    assert_int_equal(espy_image_pad(&cx, &in, INT32_MAX, 0, INT32_MAX, 0, colour, &back),
                     ESPY_E_LIMIT);
    espy_clear(&cx);
    espy_image_free(&cx, &in);
}

static void test_warp(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    espy_image in = made(&cx, 20, 10), out;
    const double same[6] = {1, 0, 0, 0, 1, 0}, half[6] = {1, 0, 0.5, 0, 1, 0};
    assert_int_equal(espy_image_warp(&cx, &in, same, 20, 10, &out), ESPY_E_OK);
    assert_memory_equal(in.px, out.px, 20 * 10 * 3);
    espy_image_free(&cx, &out);
    assert_int_equal(espy_image_warp(&cx, &in, half, 21, 10, &out), ESPY_E_OK);
    for (int y = 0; y < 10; y++) {
        assert_int_equal(at(&out, 0, y)[0], (at(&in, 0, y)[0] + 1) / 2);
        for (int x = 1; x < 20; x++)
            assert_int_equal(at(&out, x, y)[1], at(&in, x, y)[1]);
        assert_int_equal(at(&out, 20, y)[1], (at(&in, 19, y)[1] + 1) / 2);
    }
    espy_image_free(&cx, &out);
    /* Maps that lead far outside or flatten everything. */
    const double bad[][6] = {{0, 0, 0, 0, 0, 0}, {1, 2, 0, 2, 4, 0}, {NAN, 0, 0, 0, 1, 0}};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(espy_image_warp(&cx, &in, bad[i], 4, 4, &out), ESPY_E_ARG);
        espy_clear(&cx);
    }
    const double far[][6] = {
        {1e-30, 0, 0, 0, 1e-30, 0}, {1, 0, 1e300, 0, 1, -1e300}, {1e-300, 0, 5, 0, 1, 5}};
    for (int i = 0; i < 3; i++) {
        espy_err e = espy_image_warp(&cx, &in, far[i], 4, 4, &out);
        if (e == ESPY_E_OK)
            espy_image_free(&cx, &out);
        else
            assert_int_equal(e, ESPY_E_ARG);
        espy_clear(&cx);
    }
    espy_image_free(&cx, &in);
}

static void test_similarity(void **state)
{
    (void)state;
    const double from[10] = {1, 2, 30, 4, 15, 20, 5, 33, 28, 31};
    const double turn = 0.7, scale = 1.9, dx = -12, dy = 40;
    double to[10], m[6];
    for (int i = 0; i < 5; i++) {
        double x = from[2 * i], y = from[2 * i + 1];
        to[2 * i] = scale * (cos(turn) * x - sin(turn) * y) + dx;
        to[2 * i + 1] = scale * (sin(turn) * x + cos(turn) * y) + dy;
    }
    assert_true(espy_fit_similarity(from, to, 5, m));
    assert_true(fabs(m[0] - scale * cos(turn)) < 1e-12 && fabs(m[3] - scale * sin(turn)) < 1e-12);
    assert_true(fabs(m[2] - dx) < 1e-10 && fabs(m[5] - dy) < 1e-10);
    assert_true(m[0] == m[4] && m[1] == -m[3]);
    /* Noisy points: no small change of the four numbers is better. */
    to[0] += 3;
    to[5] -= 2;
    to[8] += 1;
    assert_true(espy_fit_similarity(from, to, 5, m));
    double best = INFINITY;
    for (int k = -1; k < 8; k++) {
        const double d = k % 2 == 0 ? 1e-4 : -1e-4;
        double a = m[0] + (k / 2 == 0 && k >= 0 ? d : 0), b = m[3] + (k / 2 == 1 ? d : 0);
        double u = m[2] + (k / 2 == 2 ? d : 0), v = m[5] + (k / 2 == 3 ? d : 0), sum = 0;
        for (int i = 0; i < 5; i++) {
            double ex = a * from[2 * i] - b * from[2 * i + 1] + u - to[2 * i];
            double ey = b * from[2 * i] + a * from[2 * i + 1] + v - to[2 * i + 1];
            sum += ex * ex + ey * ey;
        }
        if (k < 0)
            best = sum;
        assert_true(sum >= best);
    }
    const double point[6] = {4, 4, 4, 4, 4, 4}, wild[6] = {1, 2, NAN, 4, 5, 6};
    assert_false(espy_fit_similarity(point, from, 3, m));
    assert_false(espy_fit_similarity(from, point, 3, m));
    assert_false(espy_fit_similarity(wild, from, 3, m));
    assert_false(espy_fit_similarity(from, wild, 3, m));
    assert_false(espy_fit_similarity(from, to, 1, m));
}

static void test_sharpness(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    espy_image im;
    assert_int_equal(espy_image_create(&cx, 700, 40, &im), ESPY_E_OK);
    assert_true(espy_image_sharpness(&im, 0, 0, 700, 40) == 0);
    /* One white pixel: Laplacian -4 v there and v at its four neighbours. */
    memset(im.px + (20 * 700 + 300) * 3, 100, 3);
    double n = 698.0 * 38, sum = 0, squares = 16e4 + 4e4;
    double want = squares / n - sum / n * (sum / n);
    assert_true(fabs(espy_image_sharpness(&im, 0, 0, 700, 40) - want) < 1e-9);
    assert_true(fabs(espy_image_sharpness(&im, -50, -3, 5000, 4000) - want) < 1e-9);
    assert_true(espy_image_sharpness(&im, 310, 0, 100, 40) == 0);
    assert_true(espy_image_sharpness(&im, 299, 19, 2, 9) == 0);
    assert_true(espy_image_sharpness(&im, 299, 19, 3, 3) == 0); /* one value has no variance */
    assert_true(espy_image_sharpness(&im, 900, 10, 50, 50) == 0);
    assert_true(espy_image_sharpness(&im, INT32_MIN, INT32_MIN, INT32_MAX, INT32_MAX) == 0);
    espy_image_free(&cx, &im);
}

static void test_planes(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    espy_image im = made(&cx, 13, 5);
    const float mean[3] = {127.5f, 100, 3}, scale[3] = {1 / 128.0f, 0.5f, 2};
    float out[13 * 5 * 3];
    for (int bgr = 0; bgr < 2; bgr++) {
        espy_image_to_planes(&im, mean, scale, bgr, out);
        for (int i = 0; i < 13 * 5; i++)
            for (int c = 0; c < 3; c++) {
                float v = im.px[3 * i + (bgr ? 2 - c : c)];
                assert_true(out[c * 13 * 5 + i] == (v - mean[c]) * scale[c]);
            }
    }
    espy_image_free(&cx, &im);
}

static int inked(const espy_image *im)
{
    int n = 0;
    for (int i = 0; i < im->width * im->height; i++)
        n += im->px[3 * i] > 127;
    return n;
}

static void test_draw(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    espy_image im, small = made(&cx, 6, 4);
    const uint8_t ink[3] = {255, 255, 255}, paper[3] = {0, 0, 0};
    assert_int_equal(espy_image_create(&cx, 60, 40, &im), ESPY_E_OK);
    espy_draw_box(&im, 5, 6, 20, 10, 2, ink);
    assert_int_equal(inked(&im), 20 * 10 - 16 * 6);
    assert_int_equal(at(&im, 7, 8)[0], 0);
    espy_draw_box(&im, -10, -10, 1000, 1000, 3, ink); /* its edges right and below lie outside */
    espy_draw_box(&im, INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX, ink);
    espy_draw_box(&im, INT32_MIN, 3, INT32_MAX, 5, 1, ink);
    espy_draw_box(&im, 3, 3, -5, 8, 1, ink);
    assert_int_equal(inked(&im), 20 * 10 - 16 * 6);
    memset(im.px, 0, 60 * 40 * 3);

    /* At its own height of 10 the font is drawn pixel by pixel: "I" has 11, on a 6 x 10 cell. */
    assert_int_equal(espy_draw_text_width(10, "I"), 6);
    assert_int_equal(espy_draw_text_width(20, "abc"), 36);
    assert_int_equal(espy_draw_text_width(10, "J\xC3\xB6rg"), 24);
    assert_int_equal(espy_draw_text_width(0, "abc"), 0);
    espy_draw_text(&im, 0, 0, 10, "I", ink, paper);
    assert_int_equal(inked(&im), 11);
    assert_int_equal(at(&im, 2, 4)[0], 255);
    espy_draw_text(&im, 0, 0, 20, "I", ink, paper);
    assert_int_equal(inked(&im), 44);
    /* Accents go, an unknown code point and a broken byte are boxes, and nothing leaves the frame.
     */
    espy_image a, b;
    const char *pairs[][2] = {{"\xC3\x89\xC5\x99\xC3\xB1", "Ern"},
                              {"\xE4\xBD\xA0", "\xF0\x9F\x98\x80"},
                              {"\xFF", "\xE4\xBD\xA0"},
                              {"\xC3", "\xE4\xBD\xA0"}};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(espy_image_create(&cx, 60, 40, &a), ESPY_E_OK);
        assert_int_equal(espy_image_create(&cx, 60, 40, &b), ESPY_E_OK);
        espy_draw_text(&a, 3, 4, 17, pairs[i][0], ink, paper);
        espy_draw_text(&b, 3, 4, 17, pairs[i][1], ink, paper);
        assert_memory_equal(a.px, b.px, 60 * 40 * 3);
        assert_true(inked(&a) > 20);
        espy_image_free(&cx, &a);
        espy_image_free(&cx, &b);
    }
    const int ends[] = {INT32_MIN, -7, 0, 55, INT32_MAX};
    for (int i = 0; i < 25; i++) {
        espy_draw_text(&im, ends[i / 5], ends[i % 5], 33, "Quick brown fox", ink, paper);
        espy_draw_image(&im, &small, ends[i / 5], ends[i % 5]);
    }
    espy_draw_image(&im, &small, 10, 20);
    assert_memory_equal(at(&im, 10, 21), at(&small, 0, 1), 18);
    espy_image_free(&cx, &small);
    espy_image_free(&cx, &im);
}

static void test_faults(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    test_memory_init(&cx, &m);
    espy_image in = made(&cx, 30, 20), out;
    const double turned[6] = {0, 1, 0, -1, 0, 20};
    const uint8_t black[3] = {0, 0, 0};
    TEST_FAULT_LOOP(&cx, &m, espy_image_resize(&cx, &in, 11, 50, &out), espy_image_free(&cx, &out));
    TEST_FAULT_LOOP(&cx, &m, espy_image_shrink(&cx, &in, 11, 7, &out), espy_image_free(&cx, &out));
    TEST_FAULT_LOOP(&cx, &m, espy_image_pad(&cx, &in, 1, 2, 3, 4, black, &out),
                    espy_image_free(&cx, &out));
    TEST_FAULT_LOOP(&cx, &m, espy_image_crop(&cx, &in, 1, 2, 3, 4, &out),
                    espy_image_free(&cx, &out));
    TEST_FAULT_LOOP(&cx, &m, espy_image_warp(&cx, &in, turned, 9, 9, &out),
                    espy_image_free(&cx, &out));
    espy_image_free(&cx, &in);
    assert_int_equal(m.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resize),     cmocka_unit_test(test_shrink),
        cmocka_unit_test(test_pad_crop),   cmocka_unit_test(test_warp),
        cmocka_unit_test(test_similarity), cmocka_unit_test(test_sharpness),
        cmocka_unit_test(test_planes),     cmocka_unit_test(test_draw),
        cmocka_unit_test(test_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
