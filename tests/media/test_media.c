/* SPDX-License-Identifier: Apache-2.0
 * Every format against known pixels, and what bad files get.  data/ is made by make_data.py, which
 * says what each picture holds. */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "base/text.h"
#include "media/media.h"

#define DATA "tests/media/data/"

typedef enum content { GRADIENT, GREY, CHECKER, ALPHA, WHITE, GRADIENT_X4, SMOOTH } content;

typedef struct sample {
    const char *name, *format;
    content content;
    int tolerance; /* largest difference allowed, 0 where the file is lossless */
    int orientation;
} sample;

static const sample samples[] = {
    {"gradient.jpg", "jpeg", GRADIENT, 6, 1},
    {"subsampled.jpg", "jpeg", GRADIENT, 14, 1},
    {"progressive.jpg", "jpeg", GRADIENT, 6, 1},
    {"grey.jpg", "jpeg", GREY, 3, 1},
    {"cmyk.jpg", "jpeg", GRADIENT, 6, 1},
    {"large.jpg", "jpeg", SMOOTH, 10, 1},
    {"orient1.jpg", "jpeg", GRADIENT, 6, 1},
    {"orient2.jpg", "jpeg", GRADIENT, 6, 2},
    {"orient3.jpg", "jpeg", GRADIENT, 6, 3},
    {"orient4.jpg", "jpeg", GRADIENT, 6, 4},
    {"orient5.jpg", "jpeg", GRADIENT, 6, 5},
    {"orient6.jpg", "jpeg", GRADIENT, 6, 6},
    {"orient7.jpg", "jpeg", GRADIENT, 6, 7},
    {"orient8.jpg", "jpeg", GRADIENT, 6, 8},
    {"gradient.png", "png", GRADIENT, 0, 1},
    {"grey.png", "png", GREY, 0, 1},
    {"grey16.png", "png", GREY, 0, 1},
    {"bit1.png", "png", CHECKER, 0, 1},
    {"alpha.png", "png", ALPHA, 0, 1},
    {"alpha16.png", "png", ALPHA, 0, 1},
    {"palette.png", "png", CHECKER, 0, 1},
    {"palette_clear.png", "png", WHITE, 0, 1},
    {"adam7.png", "png", GRADIENT, 0, 1},
    {"orient6.png", "png", GRADIENT, 0, 6},
    {"lossless.webp", "webp", GRADIENT, 0, 1},
    {"lossy.webp", "webp", GRADIENT, 24, 1},
    {"alpha.webp", "webp", ALPHA, 0, 1},
    {"orient6.webp", "webp", GRADIENT, 0, 6},
    {"animated.webp", "webp", GRADIENT, 0, 1},
    {"large.heic", "heic", GRADIENT_X4, 16, 1},
    {"turned.heic", "heic", GRADIENT_X4, 16, 1},
    {"gradient.bmp", "bmp", GRADIENT, 0, 1},
    {"grey.bmp", "bmp", GREY, 0, 1},
    {"bit1.bmp", "bmp", CHECKER, 0, 1},
    {"topdown.bmp", "bmp", GRADIENT, 0, 1},
    {"p1.pbm", "pnm", CHECKER, 0, 1},
    {"p2.pgm", "pnm", GREY, 0, 1},
    {"p3.ppm", "pnm", GRADIENT, 0, 1},
    {"p4.pbm", "pnm", CHECKER, 0, 1},
    {"p5.pgm", "pnm", GREY, 0, 1},
    {"p5wide.pgm", "pnm", GREY, 0, 1},
    {"p6.ppm", "pnm", GRADIENT, 0, 1},
};
#define SAMPLES (sizeof(samples) / sizeof(samples[0]))

static void sample_size(content c, int *width, int *height)
{
    *width = c == GRADIENT_X4 ? 96 : c == SMOOTH ? 128 : 24;
    *height = c == GRADIENT_X4 ? 64 : c == SMOOTH ? 96 : 16;
}

static void sample_pixel(content c, int x, int y, int rgb[3])
{
    if (c == GRADIENT_X4) {
        x /= 4;
        y /= 4;
    }
    rgb[0] = 10 * x;
    rgb[1] = 16 * y;
    rgb[2] = 200 - 4 * x;
    for (int i = 0; i < 3; i++) {
        if (c == GREY)
            rgb[i] = 10 * x;
        else if (c == CHECKER)
            rgb[i] = ((x / 4 + y / 4) & 1) * 255;
        else if (c == WHITE)
            rgb[i] = 255;
        else if (c == ALPHA)
            rgb[i] = (rgb[i] * 17 * y + 255 * (255 - 17 * y) + 127) / 255;
    }
    if (c == SMOOTH) {
        rgb[0] = x;
        rgb[1] = 2 * y;
        rgb[2] = 255 - x - y / 2;
    }
}

static espy_buf sample_read(espy_ctx *cx, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, DATA "%s", name);
    return test_read(cx, test_source(path));
}

static void test_pixels(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    for (size_t i = 0; i < SAMPLES; i++) {
        const sample *s = &samples[i];
        espy_buf file = sample_read(&cx, s->name);
        espy_image_info info;
        espy_image im;
        int width, height, worst = 0;
        sample_size(s->content, &width, &height);
        if (espy_image_probe(&cx, espy_span_of(&file), &info) != ESPY_E_OK ||
            espy_image_decode(&cx, espy_span_of(&file), 0, &im) != ESPY_E_OK)
            fail_msg("%s: %s", s->name, cx.text);
        assert_string_equal(info.format, s->format);
        assert_int_equal(info.orientation, s->orientation);
        assert_int_equal(info.width, width);
        assert_int_equal(info.height, height);
        assert_int_equal(im.width, width);
        assert_int_equal(im.height, height);
        assert_int_equal(im.full_width, width);
        assert_int_equal(im.full_height, height);
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++) {
                int want[3];
                sample_pixel(s->content, x, y, want);
                for (int c = 0; c < 3; c++) {
                    int d = abs(im.px[(y * width + x) * 3 + c] - want[c]);
                    worst = d > worst ? d : worst;
                }
            }
        if (worst > s->tolerance)
            fail_msg("%s: differs by %d, allowed %d", s->name, worst, s->tolerance);
        espy_image_free(&cx, &im);
        espy_buf_free(&cx, &file);
    }
}

/* Reduction only in JPEG, only while the longer side stays large enough, and turned with the rest.
 */
static void test_reduced(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    const struct {
        const char *name;
        int least, width, height;
    } cases[] = {
        {"large.jpg", 0, 128, 96}, {"large.jpg", 128, 128, 96}, {"large.jpg", 65, 128, 96},
        {"large.jpg", 64, 64, 48}, {"large.jpg", 33, 64, 48},   {"large.jpg", 32, 32, 24},
        {"large.jpg", 16, 16, 12}, {"large.jpg", 1, 16, 12},    {"orient6.jpg", 12, 12, 8},
        {"orient6.jpg", 3, 3, 2},  {"gradient.png", 1, 24, 16}, {"p5.pgm", 1, 24, 16},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        espy_buf file = sample_read(&cx, cases[i].name);
        espy_image im;
        assert_int_equal(espy_image_decode(&cx, espy_span_of(&file), cases[i].least, &im),
                         ESPY_E_OK);
        assert_int_equal(im.width, cases[i].width);
        assert_int_equal(im.height, cases[i].height);
        int shrink = im.full_width / im.width;
        for (int y = 0; y < im.height && strcmp(cases[i].name, "large.jpg") == 0; y++)
            for (int x = 0; x < im.width; x++) {
                int want[3];
                sample_pixel(SMOOTH, x * shrink + shrink / 2, y * shrink + shrink / 2, want);
                for (int c = 0; c < 3; c++)
                    assert_true(abs(im.px[(y * im.width + x) * 3 + c] - want[c]) <= 12);
            }
        espy_image_free(&cx, &im);
        espy_buf_free(&cx, &file);
    }
}

static void test_names(void **state)
{
    (void)state;
    assert_true(espy_image_name("a/b.JPG"));
    assert_true(espy_image_name("x.jpeg"));
    assert_true(espy_image_name("x.heic"));
    assert_true(espy_image_name("x.Pgm"));
    assert_false(espy_image_name("x.txt"));
    assert_false(espy_image_name("jpg"));
    assert_false(espy_image_name(""));
    for (size_t i = 0; i < SAMPLES; i++)
        assert_true(espy_image_name(samples[i].name));
}

/* Decodes bytes whose end is guarded by the sanitizer; the picture must not be set on failure. */
static espy_err decode_exact(espy_ctx *cx, const uint8_t *p, size_t n)
{
    uint8_t *copy = malloc(n + (n == 0));
    espy_image im = {.width = -7};
    espy_image_info info;
    memcpy(copy, p, n);
    espy_clear(cx);
    espy_err probe = espy_image_probe(cx, (espy_span){copy, n}, &info);
    espy_clear(cx);
    espy_err e = espy_image_decode(cx, (espy_span){copy, n}, 0, &im);
    if (e == ESPY_E_OK) {
        assert_int_equal(probe, ESPY_E_OK);
        assert_int_equal(im.width, info.width);
        assert_int_equal(im.height, info.height);
        espy_image_free(cx, &im);
    } else {
        assert_int_equal(im.width, -7);
        assert_true(cx->text[0] != '\0');
    }
    free(copy);
    return e;
}

/* How many bytes may be missing without harm: the check sum of PNG's empty last chunk, a digit of
 * the last number of a plain PNM. */
static size_t sample_spare(const sample *s)
{
    if (strcmp(s->format, "png") == 0)
        return 4;
    return strcmp(s->name, "p2.pgm") == 0 || strcmp(s->name, "p3.ppm") == 0 ? 2 : 0;
}

/* Whatever else is missing at the end, the file is refused. */
static void test_truncated(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    test_memory_init(&cx, &m);
    for (size_t i = 0; i < SAMPLES; i++) {
        espy_buf file = sample_read(&cx, samples[i].name);
        long live = m.live;
        for (size_t n = 0; n < file.size; n++) {
            espy_err e = decode_exact(&cx, file.data, n);
            if (e == ESPY_E_OK && file.size - n > sample_spare(&samples[i]))
                fail_msg("%s is accepted with %zu of %zu bytes", samples[i].name, n, file.size);
            assert_true(e == ESPY_E_OK || e == ESPY_E_FORMAT || e == ESPY_E_UNSUPPORTED ||
                        e == ESPY_E_LIMIT);
            assert_int_equal(m.live, live);
        }
        espy_buf_free(&cx, &file);
    }
    assert_int_equal(m.live, 0);
}

/* Garbled files: any answer but a crash, a leak or a picture of another size than announced. */
static void test_garbled(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    espy_random r;
    test_memory_init(&cx, &m);
    cx.max.image_pixels = 1 << 20;
    espy_random_seed(&r, 1, 1);
    for (size_t i = 0; i < SAMPLES; i++) {
        espy_buf file = sample_read(&cx, samples[i].name);
        long live = m.live;
        for (int turn = 0; turn < 300; turn++) {
            size_t at = espy_random_below(&r, (uint32_t)file.size);
            uint8_t old = file.data[at];
            file.data[at] ^= (uint8_t)(1u << espy_random_below(&r, 8));
            if (turn % 3 == 0)
                file.data[at] = (uint8_t)espy_random_u32(&r);
            decode_exact(&cx, file.data, file.size);
            file.data[at] = old;
            assert_int_equal(m.live, live);
        }
        espy_buf_free(&cx, &file);
    }
    uint8_t noise[512];
    for (int turn = 0; turn < 500; turn++) {
        for (size_t i = 0; i < sizeof noise; i++)
            noise[i] = (uint8_t)espy_random_u32(&r);
        assert_int_not_equal(decode_exact(&cx, noise, turn), ESPY_E_OK);
    }
    assert_int_equal(m.live, 0);
}

/* Sizes beyond the limits are refused before anything is allocated: the first allocation would fail
 * here, and the answer still is LIMIT. */
static void test_limits(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    test_memory_init(&cx, &m);
    /* 65535 x 65535 RGB in 57 bytes, with a right check sum: little to read, 12 GiB to write */
    static const uint8_t png[57] = {
        0x89, 'P',  'N',  'G',  '\r', '\n', 0x1A, '\n', 0,    0,    0,    13,   'I',  'H',  'D',
        'R',  0,    0,    0xFF, 0xFF, 0,    0,    0xFF, 0xFF, 8,    2,    0,    0,    0,    0x39,
        0x67, 0x4E, 0x07, 0,    0,    0,    0,    'I',  'D',  'A',  'T',  0x35, 0xAF, 0x06, 0x1E,
        0,    0,    0,    0,    'I',  'E',  'N',  'D',  0xAE, 0x42, 0x60, 0x82};
    static const char *const pnm[] = {"P5 65535 65535 255\n", "P6 99999999 99999999 255\n",
                                      "P1 40000 1\n0"};
    m.countdown = 1;
    m.sticky = 1;
    assert_int_equal(decode_exact(&cx, png, sizeof png), ESPY_E_LIMIT);
    for (size_t i = 0; i < sizeof(pnm) / sizeof(pnm[0]); i++)
        assert_int_equal(decode_exact(&cx, (const uint8_t *)pnm[i], strlen(pnm[i])), ESPY_E_LIMIT);
    assert_int_equal(m.hit, 0);
    m.countdown = 0;

    espy_buf jpeg = sample_read(&cx, "gradient.jpg");
    uint8_t *frame = memmem(jpeg.data, jpeg.size, "\xFF\xC0\x00\x11\x08", 5);
    assert_non_null(frame);
    memcpy(frame + 5, "\x75\x31\x75\x31", 4); /* 30001 x 30001 */
    m.countdown = 1;
    assert_int_equal(decode_exact(&cx, jpeg.data, jpeg.size), ESPY_E_LIMIT);
    memcpy(frame + 5, "\xFF\xFF\xFF\xFF", 4); /* more than libjpeg itself takes */
    assert_int_equal(decode_exact(&cx, jpeg.data, jpeg.size), ESPY_E_LIMIT);
    m.countdown = 0;
    espy_buf_free(&cx, &jpeg);

    for (size_t i = 0; i < SAMPLES; i++) {
        espy_buf file = sample_read(&cx, samples[i].name);
        espy_limits max = cx.max;
        cx.max.image_pixels = 24 * 16 - 1;
        assert_int_equal(decode_exact(&cx, file.data, file.size), ESPY_E_LIMIT);
        cx.max = max;
        cx.max.image_side = 23;
        assert_int_equal(decode_exact(&cx, file.data, file.size), ESPY_E_LIMIT);
        cx.max = max;
        cx.max.file_bytes = file.size - 1;
        assert_int_equal(decode_exact(&cx, file.data, file.size), ESPY_E_LIMIT);
        cx.max = max;
        espy_buf_free(&cx, &file);
    }
    assert_int_equal(m.live, 0);
}

/* A progressive file that repeats one scan: cheap to write, a pass over the picture each to read.
 */
static void test_scan_bomb(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    espy_buf file = sample_read(&cx, "progressive.jpg"), bomb;
    uint8_t *scan = memmem(file.data, file.size, "\xFF\xDA", 2);
    assert_non_null(scan);
    uint8_t *next = scan + 2;
    while (!(next[0] == 0xFF && next[1] != 0))
        next++;
    espy_buf_init(&bomb, 1 << 20);
    assert_int_equal(espy_buf_append(&cx, &bomb, file.data, (size_t)(scan - file.data)), 0);
    for (int i = 0; i < 300; i++)
        assert_int_equal(espy_buf_append(&cx, &bomb, scan, (size_t)(next - scan)), 0);
    assert_int_equal(espy_buf_append(&cx, &bomb, next, file.size - (size_t)(next - file.data)), 0);
    assert_int_equal(decode_exact(&cx, bomb.data, bomb.size), ESPY_E_LIMIT);
    assert_non_null(strstr(cx.text, "scans"));
    espy_buf_free(&cx, &bomb);
    espy_buf_free(&cx, &file);
}

static void test_messages(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    assert_int_equal(decode_exact(&cx, (const uint8_t *)"", 0), ESPY_E_FORMAT);
    assert_string_equal(cx.text, "the file is empty");
    assert_int_equal(decode_exact(&cx, (const uint8_t *)"hello", 5), ESPY_E_FORMAT);
    assert_non_null(strstr(cx.text, "not a picture"));
    espy_buf file = sample_read(&cx, "gradient.jpg");
    assert_int_equal(decode_exact(&cx, file.data, file.size / 2), ESPY_E_FORMAT);
    assert_non_null(strstr(cx.text, "truncated"));
    atomic_bool cancel = true;
    espy_image im;
    espy_clear(&cx);
    cx.cancel = &cancel;
    assert_int_equal(espy_image_decode(&cx, espy_span_of(&file), 0, &im), ESPY_E_CANCELLED);
    cx.cancel = NULL;
    espy_buf_free(&cx, &file);
}

static void test_faults(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    test_memory_init(&cx, &m);
    for (size_t i = 0; i < SAMPLES; i++) {
        espy_buf file = sample_read(&cx, samples[i].name), out;
        espy_image im;
        for (m.sticky = 0; m.sticky < 2; m.sticky++)
            TEST_FAULT_LOOP(&cx, &m, espy_image_decode(&cx, espy_span_of(&file), 0, &im),
                            espy_image_free(&cx, &im));
        m.sticky = 0;
        assert_int_equal(espy_image_decode(&cx, espy_span_of(&file), 0, &im), ESPY_E_OK);
        if (i == 0) {
            TEST_FAULT_LOOP(&cx, &m, espy_image_to_jpeg(&cx, &im, 90, &out),
                            espy_buf_free(&cx, &out));
            TEST_FAULT_LOOP(&cx, &m, espy_image_to_png(&cx, &im, &out), espy_buf_free(&cx, &out));
        }
        espy_image_free(&cx, &im);
        espy_buf_free(&cx, &file);
    }
    assert_int_equal(m.live, 0);
}

static void test_round_trip(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    espy_image im, back;
    espy_buf file;
    assert_int_equal(espy_image_create(&cx, 203, 157, &im), ESPY_E_OK);
    for (int i = 0; i < 203 * 157; i++) {
        im.px[3 * i] = (uint8_t)(i % 203);
        im.px[3 * i + 1] = (uint8_t)(i / 203);
        im.px[3 * i + 2] = (uint8_t)(i % 203 / 2 + i / 203 / 2);
    }
    assert_int_equal(espy_image_to_png(&cx, &im, &file), ESPY_E_OK);
    assert_int_equal(espy_image_decode(&cx, espy_span_of(&file), 0, &back), ESPY_E_OK);
    assert_int_equal(back.width, 203);
    assert_memory_equal(back.px, im.px, 203 * 157 * 3);
    espy_image_free(&cx, &back);
    espy_buf_free(&cx, &file);

    size_t sizes[2];
    for (int q = 0; q < 2; q++) {
        assert_int_equal(espy_image_to_jpeg(&cx, &im, q == 0 ? 40 : 95, &file), ESPY_E_OK);
        assert_int_equal(espy_image_decode(&cx, espy_span_of(&file), 0, &back), ESPY_E_OK);
        assert_int_equal(back.height, 157);
        long long total = 0;
        for (int i = 0; i < 203 * 157 * 3; i++)
            total += abs(back.px[i] - im.px[i]);
        assert_true(total < 203 * 157 * 3 * (q == 0 ? 8 : 3));
        sizes[q] = file.size;
        espy_image_free(&cx, &back);
        espy_buf_free(&cx, &file);
    }
    assert_true(sizes[0] < sizes[1]);
    assert_int_equal(espy_image_to_jpeg(&cx, &im, 0, &file), ESPY_E_ARG);
    espy_clear(&cx);
    assert_int_equal(espy_image_to_jpeg(&cx, &im, 101, &file), ESPY_E_ARG);
    espy_clear(&cx);
    espy_image none = {0};
    assert_int_equal(espy_image_to_png(&cx, &none, &file), ESPY_E_ARG);
    espy_image_free(&cx, &im);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pixels),    cmocka_unit_test(test_reduced),
        cmocka_unit_test(test_names),     cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_garbled),   cmocka_unit_test(test_limits),
        cmocka_unit_test(test_scan_bomb), cmocka_unit_test(test_messages),
        cmocka_unit_test(test_faults),    cmocka_unit_test(test_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
