/* SPDX-License-Identifier: Apache-2.0
 * media - what all picture formats have in common: the table of loaders, limits, orientation. */
#include "media/media.h"

#include <limits.h>
#include <string.h>

#include "base/text.h"
#include "media/image_loader.h"

static const espy_image_loader *const media_loaders[] = {
    &espy_image_jpeg, &espy_image_png, &espy_image_webp,
    &espy_image_heic, &espy_image_bmp, &espy_image_pnm,
};
#define MEDIA_LOADERS (sizeof(media_loaders) / sizeof(media_loaders[0]))

/* Orientations 5..8 exchange rows and columns (Exif 2.32, tag 0x0112). */
static bool media_turned(int orientation)
{
    return orientation >= 5;
}

/* Finds the loader and reads the header.  After it, sizes are within cx->max and fit an int. */
static espy_err media_open(espy_ctx *cx, espy_span file, const espy_image_loader **loader,
                           espy_image_header *h)
{
    if (file.size == 0)
        return espy_fail(cx, ESPY_E_FORMAT, "the file is empty");
    if (file.size > cx->max.file_bytes)
        return espy_fail(cx, ESPY_E_LIMIT,
                         "the picture file has %zu bytes, more than the %zu allowed", file.size,
                         cx->max.file_bytes);
    *loader = NULL;
    for (size_t i = 0; i < MEDIA_LOADERS && *loader == NULL; i++)
        if (media_loaders[i]->probe(file))
            *loader = media_loaders[i];
    if (*loader == NULL)
        return espy_fail(cx, ESPY_E_FORMAT,
                         "not a picture espy can read: give JPEG, PNG, WebP, HEIC, BMP or PNM");
    *h = (espy_image_header){.orientation = 1, .shrink = 1};
    ESPY_TRY((*loader)->header(cx, file, h));
    if (h->width == 0 || h->height == 0)
        return espy_fail(cx, ESPY_E_FORMAT, "%s: a picture without pixels", (*loader)->name);
    size_t pixels;
    if (h->width > cx->max.image_side || h->height > cx->max.image_side || h->width > INT_MAX ||
        h->height > INT_MAX || !espy_mul_size(h->width, h->height, &pixels) ||
        pixels > cx->max.image_pixels)
        return espy_fail(cx, ESPY_E_LIMIT,
                         "%s: %zux%zu pixels are more than allowed (%zu on a side, %zu in all)",
                         (*loader)->name, h->width, h->height, cx->max.image_side,
                         cx->max.image_pixels);
    return ESPY_E_OK;
}

espy_err espy_image_probe(espy_ctx *cx, espy_span file, espy_image_info *out)
{
    const espy_image_loader *loader = NULL;
    espy_image_header h;
    ESPY_TRY(media_open(cx, file, &loader, &h));
    bool turned = media_turned(h.orientation);
    *out = (espy_image_info){
        .format = loader->name,
        .width = (int)(turned ? h.height : h.width),
        .height = (int)(turned ? h.width : h.height),
        .orientation = h.orientation,
    };
    return ESPY_E_OK;
}

/* Copies a picture so that what the orientation names as top and left comes to stand there. Walking
 * the target in small squares keeps both sides in cache when rows become columns. */
static void media_orient(const espy_image *in, int orientation, espy_image *out)
{
    enum { SQUARE = 32 };
    const ptrdiff_t pixel = 3, row = (ptrdiff_t)in->width * 3;
    const ptrdiff_t right = ((ptrdiff_t)in->width - 1) * pixel;
    const ptrdiff_t bottom = ((ptrdiff_t)in->height - 1) * row;
    /* Where the upright picture's first pixel lies in `in`, and the steps to its right and below.
     */
    const struct {
        ptrdiff_t first, along, down;
    } walks[9] = {
        [1] = {0, pixel, row},
        [2] = {right, -pixel, row},
        [3] = {right + bottom, -pixel, -row},
        [4] = {bottom, pixel, -row},
        [5] = {0, row, pixel},
        [6] = {bottom, -row, pixel},
        [7] = {right + bottom, -row, -pixel},
        [8] = {right, row, -pixel},
    };
    const ptrdiff_t first = walks[orientation].first;
    const ptrdiff_t along = walks[orientation].along, down = walks[orientation].down;
    for (int top = 0; top < out->height; top += SQUARE)
        for (int left = 0; left < out->width; left += SQUARE)
            for (int y = top; y < out->height && y < top + SQUARE; y++) {
                const uint8_t *from = in->px + first + y * down + left * along;
                uint8_t *to = out->px + ((size_t)y * (size_t)out->width + (size_t)left) * 3;
                for (int x = left; x < out->width && x < left + SQUARE; x++) {
                    to[0] = from[0];
                    to[1] = from[1];
                    to[2] = from[2];
                    to += 3;
                    from += along;
                }
            }
}

/* The largest reduction that leaves the longer side at least at least_side. */
static int media_shrink(const espy_image_loader *loader, const espy_image_header *h, int least_side)
{
    size_t longer = h->width > h->height ? h->width : h->height;
    if (!loader->shrinks || least_side <= 0)
        return 1;
    int shrink = 1;
    while (shrink < 8 && longer / ((size_t)shrink * 2) >= (size_t)least_side)
        shrink *= 2;
    return shrink;
}

espy_err espy_image_decode(espy_ctx *cx, espy_span file, int least_side, espy_image *out)
{
    const espy_image_loader *loader = NULL;
    espy_image_header h;
    espy_image stored = {0}, upright = {0};
    ESPY_TRY(media_open(cx, file, &loader, &h));
    h.shrink = media_shrink(loader, &h, least_side);
    size_t shrink = (size_t)h.shrink;
    espy_err e;
    ESPY_GO(espy_image_create(cx, (int)((h.width + shrink - 1) / shrink),
                              (int)((h.height + shrink - 1) / shrink), &stored));
    ESPY_GO(loader->pixels(cx, file, &h, stored.px));
    bool turned = media_turned(h.orientation);
    if (h.orientation == 1) {
        upright = stored;
        stored.px = NULL;
    } else {
        ESPY_GO(espy_image_create(cx, turned ? stored.height : stored.width,
                                  turned ? stored.width : stored.height, &upright));
        media_orient(&stored, h.orientation, &upright);
    }
    upright.full_width = (int)(turned ? h.height : h.width);
    upright.full_height = (int)(turned ? h.width : h.height);
    *out = upright;
out:
    espy_image_free(cx, &stored);
    return e;
}

bool espy_image_name(const char *path)
{
    for (size_t i = 0; i < MEDIA_LOADERS; i++)
        for (const char *const *suffix = media_loaders[i]->suffixes; *suffix != NULL; suffix++)
            if (espy_ends_with_nocase(path, *suffix))
                return true;
    return false;
}

void espy_image_over_white(const uint8_t *rgba, size_t n, uint8_t *rgb)
{
    for (size_t i = 0; i < n; i++, rgba += 4, rgb += 3) {
        unsigned a = rgba[3];
        for (int c = 0; c < 3; c++)
            rgb[c] = (uint8_t)((rgba[c] * a + 255 * (255 - a) + 127) / 255);
    }
}
