/* SPDX-License-Identifier: Apache-2.0
 * dsp - what lies between a detected face and a network: similarity fit, affine warp, sharpness,
 * planar tensors. */
#include <math.h>
#include <string.h>

#include "dsp/dsp.h"

/* Source positions are kept in 1/1024 pixel and rounded to 1/32 for the weights, as OpenCV does:
 * the networks were trained and measured on pictures made that way. */
#define WARP_BITS 10
#define WARP_FRACTION 5
#define WARP_ONE (1 << WARP_FRACTION)

/* Positions farther out than this are outside of any picture; it also keeps the sums below in
 * range. */
#define WARP_FAR 1e12

/* The inverse of a 2x3 affine map; false when it has none. */
static bool warp_invert(const double m[6], double inv[6])
{
    double det = m[0] * m[4] - m[1] * m[3];
    if (!isfinite(det) || det == 0)
        return false;
    inv[0] = m[4] / det;
    inv[1] = -m[1] / det;
    inv[3] = -m[3] / det;
    inv[4] = m[0] / det;
    inv[2] = -inv[0] * m[2] - inv[1] * m[5];
    inv[5] = -inv[3] * m[2] - inv[4] * m[5];
    for (int i = 0; i < 6; i++)
        if (!isfinite(inv[i]))
            return false;
    return true;
}

static int64_t warp_fixed(double v)
{
    v *= 1 << WARP_BITS;
    return llrint(v > WARP_FAR ? WARP_FAR : v < -WARP_FAR ? -WARP_FAR : v);
}

static const uint8_t *warp_at(const espy_image *im, int64_t x, int64_t y)
{
    static const uint8_t black[3] = {0, 0, 0};
    if (x < 0 || y < 0 || x >= im->width || y >= im->height)
        return black;
    return im->px + ((size_t)y * (size_t)im->width + (size_t)x) * 3;
}

/* The pixel at (x, y), in 1/32 pixel. */
static void warp_pixel(const espy_image *in, int64_t x, int64_t y, uint8_t out[3])
{
    const int64_t left = x >> WARP_FRACTION, top = y >> WARP_FRACTION;
    const int fx = (int)(x & (WARP_ONE - 1)), fy = (int)(y & (WARP_ONE - 1));
    const uint8_t *a, *b, *c, *d;
    if (left >= 0 && top >= 0 && left < in->width - 1 && top < in->height - 1) {
        a = in->px + ((size_t)top * (size_t)in->width + (size_t)left) * 3;
        b = a + 3;
        c = a + (size_t)in->width * 3;
        d = c + 3;
    } else if (left < -1 || top < -1 || left >= in->width || top >= in->height) {
        out[0] = out[1] = out[2] = 0;
        return;
    } else {
        a = warp_at(in, left, top);
        b = warp_at(in, left + 1, top);
        c = warp_at(in, left, top + 1);
        d = warp_at(in, left + 1, top + 1);
    }
    const int wa = (WARP_ONE - fx) * (WARP_ONE - fy), wb = fx * (WARP_ONE - fy);
    const int wc = (WARP_ONE - fx) * fy, wd = fx * fy;
    const int half = 1 << (2 * WARP_FRACTION - 1);
    for (int i = 0; i < 3; i++)
        out[i] = (uint8_t)((a[i] * wa + b[i] * wb + c[i] * wc + d[i] * wd + half) >>
                           (2 * WARP_FRACTION));
}

espy_err espy_image_warp(espy_ctx *cx, const espy_image *in, const double m[6], int width,
                         int height, espy_image *out)
{
    espy_image im;
    double inv[6];
    if (!warp_invert(m, inv))
        return espy_fail(cx, ESPY_E_ARG, "the warp flattens the picture: it has no inverse");
    ESPY_TRY(espy_image_create(cx, width, height, &im));
    /* How far each column lies from the first one in the source, across and down. */
    int64_t *across = espy_array(cx, (size_t)width * 2, sizeof(*across));
    if (across == NULL) {
        espy_image_free(cx, &im);
        return cx->code;
    }
    int64_t *down = across + width;
    for (int x = 0; x < width; x++) {
        across[x] = warp_fixed(inv[0] * x);
        down[x] = warp_fixed(inv[3] * x);
    }
    uint8_t *to = im.px;
    const int64_t half = 1 << (WARP_BITS - WARP_FRACTION - 1);
    for (int y = 0; y < height; y++) {
        const int64_t x0 = warp_fixed(inv[1] * y + inv[2]) + half;
        const int64_t y0 = warp_fixed(inv[4] * y + inv[5]) + half;
        for (int x = 0; x < width; x++, to += 3)
            warp_pixel(in, (x0 + across[x]) >> (WARP_BITS - WARP_FRACTION),
                       (y0 + down[x]) >> (WARP_BITS - WARP_FRACTION), to);
    }
    espy_free(cx, across);
    *out = im;
    return ESPY_E_OK;
}

/* In the plane, Umeyama's rotation and scale (eqs. 40-42) have a closed form: with centred points
 * taken as complex numbers z -> w, the factor is sum(conj(z) w) / sum(|z|^2), which minimises the
 * squared error over all rotations and scales and never reflects. */
bool espy_fit_similarity(const double *from, const double *to, int n, double m[6])
{
    double mean[4] = {0, 0, 0, 0};
    if (n < 2)
        return false;
    for (int i = 0; i < n; i++) {
        mean[0] += from[2 * i] / n;
        mean[1] += from[2 * i + 1] / n;
        mean[2] += to[2 * i] / n;
        mean[3] += to[2 * i + 1] / n;
    }
    double cosine = 0, sine = 0, spread = 0;
    for (int i = 0; i < n; i++) {
        double x = from[2 * i] - mean[0], y = from[2 * i + 1] - mean[1];
        double u = to[2 * i] - mean[2], v = to[2 * i + 1] - mean[3];
        cosine += x * u + y * v;
        sine += x * v - y * u;
        spread += x * x + y * y;
    }
    /* Below a thousandth of a pixel the points are one. */
    if (!isfinite(spread) || spread < 1e-6 * n || !isfinite(cosine) || !isfinite(sine))
        return false;
    cosine /= spread;
    sine /= spread;
    if (cosine == 0 && sine == 0)
        return false;
    m[0] = cosine;
    m[1] = -sine;
    m[2] = mean[2] - cosine * mean[0] + sine * mean[1];
    m[3] = sine;
    m[4] = cosine;
    m[5] = mean[3] - sine * mean[0] - cosine * mean[1];
    return true;
}

/* ITU-R BT.601 luma in 1/32768, rounded. */
static uint8_t warp_luma(const uint8_t *rgb)
{
    return (uint8_t)((rgb[0] * 9798 + rgb[1] * 19235 + rgb[2] * 3735 + (1 << 14)) >> 15);
}

double espy_image_sharpness(const espy_image *im, int x, int y, int width, int height)
{
    enum { STRIP = 256 }; /* columns at a time, so that three rows of luma fit on the stack */
    int64_t left = x, top = y, right = (int64_t)x + width, bottom = (int64_t)y + height;
    left = left > 0 ? left : 0;
    top = top > 0 ? top : 0;
    right = right < im->width ? right : im->width;
    bottom = bottom < im->height ? bottom : im->height;
    if (right - left < 3 || bottom - top < 3)
        return 0;
    uint8_t luma[3][STRIP + 2];
    int64_t sum = 0, squares = 0;
    for (int64_t from = left; from < right - 2; from += STRIP) {
        int n = (int)(right - from < STRIP + 2 ? right - from : STRIP + 2);
        for (int64_t row = top; row < bottom; row++) {
            uint8_t *below = luma[row % 3];
            const uint8_t *p = im->px + ((size_t)row * (size_t)im->width + (size_t)from) * 3;
            for (int i = 0; i < n; i++)
                below[i] = warp_luma(p + 3 * i);
            if (row < top + 2)
                continue;
            const uint8_t *above = luma[(row - 2) % 3], *here = luma[(row - 1) % 3];
            for (int i = 1; i < n - 1; i++) {
                int v = above[i] + below[i] + here[i - 1] + here[i + 1] - 4 * here[i];
                sum += v;
                squares += (int64_t)v * v;
            }
        }
    }
    double count = (double)(right - left - 2) * (double)(bottom - top - 2);
    double mean = (double)sum / count;
    return (double)squares / count - mean * mean;
}

void espy_image_to_planes(const espy_image *im, const float mean[3], const float scale[3], bool bgr,
                          float *out)
{
    const size_t n = (size_t)im->width * (size_t)im->height;
    float table[3][256]; /* a sample has 256 values: no arithmetic per pixel */
    for (int c = 0; c < 3; c++)
        for (int v = 0; v < 256; v++)
            table[c][v] = ((float)v - mean[c]) * scale[c];
    float *first = out, *second = out + n, *third = out + 2 * n;
    const uint8_t *p = im->px;
    const int r = bgr ? 2 : 0, b = 2 - r;
    for (size_t i = 0; i < n; i++, p += 3) {
        first[i] = table[0][p[r]];
        second[i] = table[1][p[1]];
        third[i] = table[2][p[b]];
    }
}
