/* SPDX-License-Identifier: Apache-2.0
 * encode - from a face in a picture to the embedder's crop: one similarity transform per method.
 *
 * Everything is computed in pixels of the full upright picture, whatever scale the picture in
 * memory was decoded at, so a crop does not depend on how the decoder was asked. */
#ifndef ESPY_ENCODE_ALIGN_H
#define ESPY_ENCODE_ALIGN_H

#include "base/image.h"

/* Part of the encoder digest: raise it with every change that moves a pixel of a crop. */
#define ESPY_ALIGN_REVISION 1

#define ESPY_DENSE_POINTS 68

/* What is known about a face, in pixels of the full picture. */
typedef struct espy_align_face {
    float box[4];             /* x, y, width, height */
    const float (*points)[2]; /* five, or NULL */
    const float (*dense)[2];  /* ESPY_DENSE_POINTS in the usual order, or NULL */
    int width, height;        /* of the full picture */
} espy_align_face;

typedef struct espy_align_ops {
    const char *name; /* "align" in a manifest */
    const char *help;
    /* m: 2x3, full picture to a crop of width x height.  False when the face lacks what the method
     * needs; the box method then stands in. */
    bool (*fit)(const espy_align_face *face, int width, int height, double m[6]);
} espy_align_ops;

/* All methods, NULL-terminated. */
extern const espy_align_ops *const espy_aligns[];
const espy_align_ops *espy_align_find(const char *name); /* NULL when there is none */

/* The method's transform, or that of the padded square around the box. */
void espy_align_fit(const espy_align_ops *ops, const espy_align_face *face, int width, int height,
                    double m[6]);

/* Crop pixels per picture pixel of a transform. */
double espy_align_scale(const double m[6]);

/* Cuts a crop out of a picture that may have been decoded at reduced scale.  Where the crop shrinks
 * the picture by 2 or more, the source area is averaged first, so nothing is aliased. */
espy_err espy_align_warp(espy_ctx *cx, const espy_image *im, const double m[6], int width,
                         int height, espy_image *out) ESPY_NODISCARD;

/* Variance of the Laplacian over a box (full picture: x, y, width, height) drawn so that its longer
 * side has 112 pixels: comparable between faces of different size. */
espy_err espy_align_sharpness(espy_ctx *cx, const espy_image *im, const float box[4],
                              float *out) ESPY_NODISCARD;

#endif
