/* SPDX-License-Identifier: Apache-2.0
 * dsp - arithmetic on pictures: resize, warp, alignment, sharpness, drawing.
 * Depends on: base.  Pixel coordinates: the centre of pixel (i, j) is (i, j) for warps, as in
 * OpenCV; resize maps centres as (x + 0.5) * scale - 0.5, as OpenCV's INTER_LINEAR does. */
#ifndef ESPY_DSP_DSP_H
#define ESPY_DSP_DSP_H

#include "base/image.h"

/* Bilinear without prefilter (OpenCV INTER_LINEAR; within 1 grey level of it). */
espy_err espy_image_resize(espy_ctx *cx, const espy_image *in, int width, int height,
                           espy_image *out) ESPY_NODISCARD;

/* Averages the source area under each target pixel (OpenCV INTER_AREA, for shrinking).  Enlarging
 * both sides is bilinear; enlarging one is ARG. */
espy_err espy_image_shrink(espy_ctx *cx, const espy_image *in, int width, int height,
                           espy_image *out) ESPY_NODISCARD;

/* Picture with borders of the given colour (r, g, b) around it. */
espy_err espy_image_pad(espy_ctx *cx, const espy_image *in, int left, int top, int right,
                        int bottom, const uint8_t rgb[3], espy_image *out) ESPY_NODISCARD;

/* A rectangle, which may reach outside (filled black). */
espy_err espy_image_crop(espy_ctx *cx, const espy_image *in, int x, int y, int width, int height,
                         espy_image *out) ESPY_NODISCARD;

/* out(x, y) = in(M^-1 (x, y)) with bilinear weights, black outside (OpenCV warpAffine,
 * BORDER_CONSTANT 0; positions rounded to 1/32 pixel as there).  m: 2x3 row-major, maps source to
 * target; ARG when it has no inverse. */
espy_err espy_image_warp(espy_ctx *cx, const espy_image *in, const double m[6], int width,
                         int height, espy_image *out) ESPY_NODISCARD;

/* Least-squares similarity (rotation, one scale, shift) from n point pairs (x, y):
 * Umeyama 1991, eqs. 34-43, without reflection.  False when the points coincide. */
bool espy_fit_similarity(const double *from, const double *to, int n, double m[6]);

/* Variance of the 3x3 Laplacian of luma over a rectangle, the usual sharpness measure; 0 when the
 * rectangle holds fewer than 3x3 pixels. */
double espy_image_sharpness(const espy_image *im, int x, int y, int width, int height);

/* Planar float tensor (3 x height x width) out of a picture: (p - mean[c]) * scale[c].
 * bgr: channel order of the target; mean and scale are in that order too. */
void espy_image_to_planes(const espy_image *im, const float mean[3], const float scale[3], bool bgr,
                          float *out);

/* Drawing for annotated pictures, clipped to them.  Text is a built-in bitmap font for printable
 * ASCII; Latin letters with marks show as their base letter, other code points as a box.  `size` is
 * the text height in pixels, `paper` fills its rectangle. */
void espy_draw_box(espy_image *im, int x, int y, int width, int height, int thickness,
                   const uint8_t rgb[3]);
void espy_draw_text(espy_image *im, int x, int y, int size, const char *utf8, const uint8_t ink[3],
                    const uint8_t paper[3]);
int espy_draw_text_width(int size, const char *utf8);
/* Copies `from` into `to` with its top left corner at (x, y), clipped. */
void espy_draw_image(espy_image *to, const espy_image *from, int x, int y);

#endif
