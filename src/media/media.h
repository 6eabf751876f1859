/* SPDX-License-Identifier: Apache-2.0
 * media - picture files to pixels and back.
 * Depends on: base.  Thread use: any number of calls at once.
 *
 * Formats are found by their first bytes, never by the file's name.  Sizes are read from the header
 * and checked against cx->max before anything is allocated; the EXIF orientation (1..8) is applied,
 * so callers see the picture upright.  A truncated or lying file is an error, never a crash. */
#ifndef ESPY_MEDIA_MEDIA_H
#define ESPY_MEDIA_MEDIA_H

#include "base/image.h"

typedef struct espy_image_info {
    const char *format; /* "jpeg", "png", "webp", "heic", "bmp", "pnm" */
    int width, height;  /* upright, in pixels */
    int orientation;    /* EXIF value that was (or will be) applied, 1 when there is none */
} espy_image_info;

/* Reads the header only.  Errors: FORMAT (not a picture we know, or damaged), LIMIT, NOMEM. */
espy_err espy_image_probe(espy_ctx *cx, espy_span file, espy_image_info *out) ESPY_NODISCARD;

/* Decodes to upright RGB; grey becomes RGB, 16 bit becomes 8, alpha is laid over white.
 *   least_side  0: full size.  Otherwise the decoder may return the picture reduced by 2, 4 or 8
 *               (JPEG only) as long as its longer side stays >= least_side; out->full_width and
 *               full_height say the size in the file.
 * Errors: FORMAT, LIMIT, NOMEM. */
espy_err espy_image_decode(espy_ctx *cx, espy_span file, int least_side,
                           espy_image *out) ESPY_NODISCARD;

/* JPEG at quality 1..100, or PNG.  *out on success: new, the caller frees it (what it held before
 * is not looked at); on failure: not written.  Errors: ARG, NOMEM. */
espy_err espy_image_to_jpeg(espy_ctx *cx, const espy_image *im, int quality,
                            espy_buf *out) ESPY_NODISCARD;
espy_err espy_image_to_png(espy_ctx *cx, const espy_image *im, espy_buf *out) ESPY_NODISCARD;

/* True when the name's suffix is one of a picture we can read; for walking folders. */
bool espy_image_name(const char *path);

#endif
