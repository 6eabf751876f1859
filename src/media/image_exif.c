/* SPDX-License-Identifier: Apache-2.0
 * media - the orientation tag of an EXIF block, by libexif. */
#include <libexif/exif-data.h>
#include <string.h>

#include "media/image_loader.h"

/* libexif keeps lengths in unsigned int, and in a JPEG the block has at most 64 KiB; PNG and WebP
 * set no bound of their own.  The orientation stands in the first directory, so more is not read.
 */
#define EXIF_MAX (64u << 10)

static const uint8_t exif_prefix[6] = {'E', 'x', 'i', 'f', 0, 0};

/* The block must begin with its prefix for libexif; PNG and newer WebP files leave it out. */
static espy_err exif_load(espy_ctx *cx, ExifData *data, const uint8_t *p, size_t n)
{
    if (n >= sizeof(exif_prefix) && memcmp(p, exif_prefix, sizeof(exif_prefix)) == 0) {
        exif_data_load_data(data, p, (unsigned)n);
        return ESPY_E_OK;
    }
    uint8_t *copy = espy_alloc(cx, sizeof(exif_prefix) + n);
    if (copy == NULL)
        return ESPY_E_NOMEM;
    memcpy(copy, exif_prefix, sizeof(exif_prefix));
    memcpy(copy + sizeof(exif_prefix), p, n);
    exif_data_load_data(data, copy, (unsigned)(sizeof(exif_prefix) + n));
    espy_free(cx, copy);
    return ESPY_E_OK;
}

espy_err espy_image_exif(espy_ctx *cx, const uint8_t *p, size_t n, int *orientation)
{
    *orientation = 1;
    if (p == NULL || n == 0)
        return ESPY_E_OK;
    if (n > EXIF_MAX)
        n = EXIF_MAX;
    ExifData *data = exif_data_new();
    if (data == NULL)
        return espy_fail(cx, ESPY_E_NOMEM, "out of memory while reading EXIF data");
    /* Adding the tags that the specification demands is for writers. */
    exif_data_unset_option(data, EXIF_DATA_OPTION_FOLLOW_SPECIFICATION);
    espy_err e = exif_load(cx, data, p, n);
    if (e == ESPY_E_OK) {
        const ExifEntry *entry =
            exif_content_get_entry(data->ifd[EXIF_IFD_0], EXIF_TAG_ORIENTATION);
        if (entry != NULL && entry->format == EXIF_FORMAT_SHORT && entry->components >= 1 &&
            entry->size >= 2 && entry->data != NULL) {
            int value = exif_get_short(entry->data, exif_data_get_byte_order(data));
            if (value >= 1 && value <= 8)
                *orientation = value;
        }
    }
    exif_data_unref(data);
    return e;
}
