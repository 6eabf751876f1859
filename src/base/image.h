/* SPDX-License-Identifier: Apache-2.0
 * base - a picture in memory: 8-bit RGB, interleaved, rows top to bottom without padding.
 * Shared by media (which fills it) and dsp (which changes it). */
#ifndef ESPY_BASE_IMAGE_H
#define ESPY_BASE_IMAGE_H

#include "base/mem.h"

typedef struct espy_image {
    uint8_t *px;                 /* height x width x 3; owned, espy_image_free() */
    int width, height;           /* pixels, as stored here */
    int full_width, full_height; /* of the upright picture in the file; larger than width and height
                                    when it was decoded at reduced scale */
} espy_image;

/* Zeroed picture.  LIMIT when it exceeds cx->max. */
espy_err espy_image_create(espy_ctx *cx, int width, int height, espy_image *out) ESPY_NODISCARD;
void espy_image_free(espy_ctx *cx, espy_image *im); /* leaves an empty picture */

#endif
