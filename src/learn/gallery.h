/* SPDX-License-Identifier: Apache-2.0
 * learn - cosines between samples and a gallery of labelled unit vectors. */
#ifndef ESPY_LEARN_GALLERY_H
#define ESPY_LEARN_GALLERY_H

#include "learn/rows.h"

/* best[i * classes + c]: cosine of query i to the nearest gallery row of label c; -2 where the
 * label has no rows.  q: n x dim unit rows. */
espy_err espy_gallery_nearest(espy_ctx *cx, const espy_rows *gallery, const float *q, size_t n,
                              float *best) ESPY_NODISCARD;

/* score[i * classes + c]: mean of the k >= 1 largest cosines of query i to rows of label c, of all
 * of them where there are fewer; -2 where there are none. */
espy_err espy_gallery_top(espy_ctx *cx, const espy_rows *gallery, const float *q, size_t n,
                          size_t k, float *score) ESPY_NODISCARD;

/* The same for queries that may be rows of the gallery: query i does not find row own[i].
 * own: n; SIZE_MAX: it is none; NULL: none is. */
espy_err espy_gallery_others(espy_ctx *cx, const espy_rows *gallery, const float *q,
                             const size_t *own, size_t n, size_t k, float *score) ESPY_NODISCARD;

typedef struct espy_gallery_spread {
    float largest;   /* largest cosine between samples of different labels; -1 without any pair */
    double mean, sd; /* of all of them */
    double pairs;    /* how many there are */
} espy_gallery_spread;

/* Over all pairs of samples with different labels. */
espy_err espy_gallery_between(espy_ctx *cx, const espy_rows *gallery,
                              espy_gallery_spread *out) ESPY_NODISCARD;

#endif
