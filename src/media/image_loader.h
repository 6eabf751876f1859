/* SPDX-License-Identifier: Apache-2.0
 * media - what a picture format brings: one record per format, each in its own file.  media.c does
 * everything that is common (probing, limits, allocation, orientation) and owns the table of
 * records. Private to src/media. */
#ifndef ESPY_MEDIA_IMAGE_LOADER_H
#define ESPY_MEDIA_IMAGE_LOADER_H

#include "media/media.h"

/* What the header of a file says; nothing in it has been checked against limits. */
typedef struct espy_image_header {
    size_t width, height; /* as stored, before the orientation is applied */
    int orientation; /* EXIF value still to be applied; 1 when none, or when the decoder does it */
    int shrink;      /* set by media.c before pixels(): 1, or 2, 4, 8 where `shrinks` is true */
} espy_image_header;

typedef struct espy_image_loader {
    const char *name;
    const char *const *suffixes; /* with dot, lower case, NULL-terminated */
    bool shrinks;                /* can decode at 1/2, 1/4 and 1/8 */
    bool (*probe)(espy_span file);
    /* Reads the size and the orientation, decoding nothing. */
    espy_err (*header)(espy_ctx *cx, espy_span file, espy_image_header *h);
    /* Fills rgb, ceil(width / shrink) x ceil(height / shrink) pixels without padding; `h` has
     * passed the limits.  Fails when the file's content does not have the size its header gave. */
    espy_err (*pixels)(espy_ctx *cx, espy_span file, const espy_image_header *h, uint8_t *rgb);
} espy_image_loader;

extern const espy_image_loader espy_image_jpeg;
extern const espy_image_loader espy_image_png;
extern const espy_image_loader espy_image_webp;
extern const espy_image_loader espy_image_heic;
extern const espy_image_loader espy_image_bmp;
extern const espy_image_loader espy_image_pnm;

/* Lays n RGBA pixels (alpha not premultiplied) over white.  rgb may not overlap rgba. */
void espy_image_over_white(const uint8_t *rgba, size_t n, uint8_t *rgb);

/* The orientation in an EXIF block (a TIFF header, with or without "Exif\0\0" before it); 1 when
 * there is none or the block is damaged, since a bad tag does not make a picture unreadable. */
espy_err espy_image_exif(espy_ctx *cx, const uint8_t *p, size_t n, int *orientation) ESPY_NODISCARD;

static inline bool espy_image_starts(espy_span file, size_t at, const char *magic, size_t n)
{
    if (file.size < at + n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (file.data[at + i] != (uint8_t)magic[i])
            return false;
    return true;
}

#endif
