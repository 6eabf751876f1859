/* SPDX-License-Identifier: Apache-2.0
 * dsp - pictures of another size: bilinear, area average, borders, rectangles. */
#include <math.h>
#include <string.h>

#include "dsp/dsp.h"

/* Bilinear weights are fractions of 2^11.  A row resampled across drops 4 of those bits, so that it
 * fits 16; each product with a weight down then drops 16, which is one multiply-high per sample,
 * and the sum the last 2.  OpenCV rounds at the same places, and its results are the same. */
#define RESIZE_BITS 11
#define RESIZE_ONE (1 << RESIZE_BITS)
#define RESIZE_DROP_ACROSS 4
#define RESIZE_DROP_DOWN 16
#define RESIZE_DROP_LAST 2

/* Between which two source positions a target position lies. */
typedef struct resize_tap {
    uint32_t at, next; /* equal at the edges */
    uint32_t weight;   /* of `next`, 0..RESIZE_ONE */
} resize_tap;

static resize_tap resize_tap_of(int target, int from, int to)
{
    const uint32_t last = (uint32_t)from - 1;
    float at = (float)((target + 0.5) * ((double)from / to) - 0.5);
    if (at < 0)
        return (resize_tap){0, 0, 0};
    const uint32_t low = (uint32_t)at;
    if (low >= last)
        return (resize_tap){last, last, 0};
    return (resize_tap){low, low + 1, (uint32_t)lrintf((at - (float)low) * RESIZE_ONE)};
}

/* taps: positions in bytes */
static void resize_across(const uint8_t *restrict row, const resize_tap *restrict taps, int width,
                          uint16_t *restrict out)
{
    for (int x = 0; x < width; x++, out += 3) {
        const uint8_t *a = row + taps[x].at, *b = row + taps[x].next;
        const uint32_t wb = taps[x].weight, wa = RESIZE_ONE - wb;
        uint32_t first = a[0] * wa + b[0] * wb, second = a[1] * wa + b[1] * wb;
        uint32_t third = a[2] * wa + b[2] * wb;
        out[0] = (uint16_t)(first >> RESIZE_DROP_ACROSS);
        out[1] = (uint16_t)(second >> RESIZE_DROP_ACROSS);
        out[2] = (uint16_t)(third >> RESIZE_DROP_ACROSS);
    }
}

static void resize_down(const uint16_t *restrict a, const uint16_t *restrict b, uint32_t weight,
                        size_t n, uint8_t *restrict out)
{
    const uint16_t wb = (uint16_t)weight, wa = (uint16_t)(RESIZE_ONE - weight);
    for (size_t i = 0; i < n; i++) {
        uint16_t high = (uint16_t)((uint32_t)a[i] * wa >> RESIZE_DROP_DOWN);
        uint16_t low = (uint16_t)((uint32_t)b[i] * wb >> RESIZE_DROP_DOWN);
        out[i] = (uint8_t)((high + low + (1 << (RESIZE_DROP_LAST - 1))) >> RESIZE_DROP_LAST);
    }
}

/* The same size: a copy. */
static espy_err resize_copy(espy_ctx *cx, const espy_image *in, espy_image *out)
{
    espy_image im;
    ESPY_TRY(espy_image_create(cx, in->width, in->height, &im));
    memcpy(im.px, in->px, (size_t)in->width * (size_t)in->height * 3);
    *out = im;
    return ESPY_E_OK;
}

espy_err espy_image_resize(espy_ctx *cx, const espy_image *in, int width, int height,
                           espy_image *out)
{
    espy_image im = {0};
    resize_tap *taps = NULL;
    uint16_t *rows[2] = {NULL, NULL};
    uint32_t held[2] = {UINT32_MAX, UINT32_MAX}; /* which source row each of them holds */
    espy_err e;
    if (width == in->width && height == in->height)
        return resize_copy(cx, in, out);
    ESPY_GO(espy_image_create(cx, width, height, &im));
    const size_t n = (size_t)width * 3;
    taps = espy_array(cx, (size_t)width, sizeof(*taps));
    rows[0] = espy_array(cx, n, sizeof(*rows[0]));
    rows[1] = espy_array(cx, n, sizeof(*rows[1]));
    if (taps == NULL || rows[0] == NULL || rows[1] == NULL) {
        e = cx->code;
        goto out;
    }
    for (int x = 0; x < width; x++) {
        resize_tap tap = resize_tap_of(x, in->width, width);
        taps[x] = (resize_tap){tap.at * 3, tap.next * 3, tap.weight};
    }
    for (int y = 0; y < height; y++) {
        resize_tap tap = resize_tap_of(y, in->height, height);
        const uint32_t need[2] = {tap.at, tap.next};
        int slot[2];
        for (int i = 0; i < 2; i++) {
            /* Rows come in order, so the one that may be dropped is the one not needed now. */
            slot[i] = held[0] == need[i] ? 0 : held[1] == need[i] ? 1 : -1;
            if (slot[i] < 0) {
                slot[i] = held[0] == need[1 - i] ? 1 : 0;
                resize_across(in->px + (size_t)need[i] * (size_t)in->width * 3, taps, width,
                              rows[slot[i]]);
                held[slot[i]] = need[i];
            }
        }
        resize_down(rows[slot[0]], rows[slot[1]], tap.weight, n, im.px + (size_t)y * n);
    }
    *out = im;
    im.px = NULL;
    e = ESPY_E_OK;
out:
    espy_free(cx, taps);
    espy_free(cx, rows[0]);
    espy_free(cx, rows[1]);
    espy_free(cx, im.px);
    return e;
}

/* The part of [from, to) that lies in the unit cell at i. */
static double shrink_overlap(double from, double to, int i)
{
    double low = from > i ? from : i, high = to < i + 1.0 ? to : i + 1.0;
    return high > low ? high - low : 0;
}

/* sums += weight * row, over n samples. */
static void shrink_add(const uint8_t *restrict row, float weight, size_t n, float *restrict sums)
{
    for (size_t i = 0; i < n; i++)
        sums[i] += weight * (float)row[i];
}

/* Averages runs of columns of one row of sums; `scale` is source columns per target column. */
static void shrink_across(const float *sums, int from, int to, double area, uint8_t *out)
{
    const double scale = (double)from / to;
    for (int x = 0; x < to; x++, out += 3) {
        double left = x * scale, right = (x + 1) * scale;
        double total[3] = {0, 0, 0};
        for (int i = (int)left; i < from && i < right; i++) {
            double w = shrink_overlap(left, right, i);
            for (int c = 0; c < 3; c++)
                total[c] += w * (double)sums[(size_t)i * 3 + (size_t)c];
        }
        for (int c = 0; c < 3; c++) {
            double v = total[c] / area + 0.5;
            out[c] = (uint8_t)(v < 255 ? v : 255);
        }
    }
}

espy_err espy_image_shrink(espy_ctx *cx, const espy_image *in, int width, int height,
                           espy_image *out)
{
    espy_image im = {0};
    espy_err e;
    if (width >= in->width && height >= in->height)
        return espy_image_resize(cx, in, width, height, out);
    if (width > in->width || height > in->height)
        return espy_fail(cx, ESPY_E_ARG, "shrinking %dx%d to %dx%d would enlarge one side",
                         in->width, in->height, width, height);
    ESPY_TRY(espy_image_create(cx, width, height, &im));
    const size_t n = (size_t)in->width * 3;
    const double scale = (double)in->height / height;
    const double area = scale * ((double)in->width / width);
    float *sums = espy_floats(cx, n);
    if (sums == NULL) {
        e = cx->code;
        goto out;
    }
    for (int y = 0; y < height; y++) {
        double top = y * scale, bottom = (y + 1) * scale;
        memset(sums, 0, n * sizeof(*sums));
        for (int i = (int)top; i < in->height && i < bottom; i++)
            shrink_add(in->px + (size_t)i * n, (float)shrink_overlap(top, bottom, i), n, sums);
        shrink_across(sums, in->width, width, area, im.px + (size_t)y * (size_t)width * 3);
    }
    *out = im;
    im.px = NULL;
    e = ESPY_E_OK;
out:
    espy_free(cx, sums);
    espy_free(cx, im.px);
    return e;
}

espy_err espy_image_pad(espy_ctx *cx, const espy_image *in, int left, int top, int right,
                        int bottom, const uint8_t rgb[3], espy_image *out)
{
    espy_image im;
    const int64_t width = (int64_t)in->width + left + right;
    const int64_t height = (int64_t)in->height + top + bottom;
    if (left < 0 || top < 0 || right < 0 || bottom < 0)
        return espy_fail(cx, ESPY_E_ARG, "a border cannot be negative");
    if (width > INT32_MAX || height > INT32_MAX)
        return espy_fail(cx, ESPY_E_LIMIT, "the border is too wide");
    ESPY_TRY(espy_image_create(cx, (int)width, (int)height, &im));
    const size_t row = (size_t)width * 3;
    if (rgb[0] != 0 || rgb[1] != 0 || rgb[2] != 0) {
        for (size_t x = 0; x < (size_t)width; x++)
            memcpy(im.px + x * 3, rgb, 3);
        for (size_t y = 1; y < (size_t)height; y++)
            memcpy(im.px + y * row, im.px, row);
    }
    espy_draw_image(&im, in, left, top);
    *out = im;
    return ESPY_E_OK;
}

espy_err espy_image_crop(espy_ctx *cx, const espy_image *in, int x, int y, int width, int height,
                         espy_image *out)
{
    espy_image im;
    ESPY_TRY(espy_image_create(cx, width, height, &im));
    /* Shifted by (-x, -y), which must not overflow; outside of the picture nothing is drawn. */
    if (x > INT32_MIN && y > INT32_MIN)
        espy_draw_image(&im, in, -x, -y);
    *out = im;
    return ESPY_E_OK;
}
