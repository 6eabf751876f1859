/* SPDX-License-Identifier: Apache-2.0
 * media - HEIC (phones) by libheif: the primary picture.  libheif applies the container's rotation
 * and mirroring itself, and the standard says that an EXIF orientation then is to be ignored. */
#include <limits.h>
#include <string.h>

#include <libheif/heif.h>

#include "media/image_loader.h"

typedef struct heic_file {
    struct heif_context *context;
    struct heif_image_handle *handle;
} heic_file;

static espy_err heic_error(espy_ctx *cx, struct heif_error error)
{
    if (error.code == heif_error_Ok)
        return ESPY_E_OK;
    const char *text = error.message != NULL ? error.message : "damaged";
    if (error.subcode == heif_suberror_Security_limit_exceeded)
        return espy_fail(cx, ESPY_E_LIMIT, "heic: %s", text);
    if (error.code == heif_error_Memory_allocation_error)
        return espy_fail(cx, ESPY_E_NOMEM, "heic: out of memory");
    if (error.subcode == heif_suberror_End_of_data)
        return espy_fail(cx, ESPY_E_FORMAT,
                         "heic: truncated: the file ends before its picture does");
    if (error.code == heif_error_Unsupported_filetype ||
        error.code == heif_error_Unsupported_feature)
        return espy_fail(cx, ESPY_E_UNSUPPORTED, "heic: %s", text);
    return espy_fail(cx, ESPY_E_FORMAT, "heic: %s", text);
}

static void heic_close(heic_file *f)
{
    heif_image_handle_release(f->handle);
    heif_context_free(f->context);
}

static espy_err heic_open(espy_ctx *cx, espy_span file, heic_file *out)
{
    heic_file f = {.context = heif_context_alloc()};
    if (f.context == NULL)
        return espy_fail(cx, ESPY_E_NOMEM, "heic: out of memory");
    espy_err e;
    size_t side = cx->max.image_side < INT_MAX ? cx->max.image_side : INT_MAX;
    heif_context_set_maximum_image_size_limit(f.context, (int)side);
    heif_context_set_max_decoding_threads(f.context, 0); /* the threads are ours to give */
    ESPY_GO(heic_error(
        cx, heif_context_read_from_memory_without_copy(f.context, file.data, file.size, NULL)));
    ESPY_GO(heic_error(cx, heif_context_get_primary_image_handle(f.context, &f.handle)));
    *out = f;
    return ESPY_E_OK;
out:
    heic_close(&f);
    return e;
}

static bool heic_probe(espy_span file)
{
    static const char brands[][5] = {"heic", "heix", "heim", "heis",
                                     "hevc", "hevx", "mif1", "msf1"};
    if (!espy_image_starts(file, 4, "ftyp", 4))
        return false;
    for (size_t i = 0; i < sizeof(brands) / sizeof(brands[0]); i++)
        if (espy_image_starts(file, 8, brands[i], 4))
            return true;
    return false;
}

static espy_err heic_header(espy_ctx *cx, espy_span file, espy_image_header *h)
{
    heic_file f;
    ESPY_TRY(heic_open(cx, file, &f));
    int width = heif_image_handle_get_width(f.handle);
    int height = heif_image_handle_get_height(f.handle);
    h->width = width > 0 ? (size_t)width : 0;
    h->height = height > 0 ? (size_t)height : 0;
    heic_close(&f);
    return ESPY_E_OK;
}

static espy_err heic_pixels(espy_ctx *cx, espy_span file, const espy_image_header *h, uint8_t *rgb)
{
    heic_file f = {0};
    struct heif_image *image = NULL;
    ESPY_TRY(heic_open(cx, file, &f));
    espy_err e;
    bool alpha = heif_image_handle_has_alpha_channel(f.handle);
    ESPY_GO(heic_error(
        cx, heif_decode_image(f.handle, &image, heif_colorspace_RGB,
                              alpha ? heif_chroma_interleaved_RGBA : heif_chroma_interleaved_RGB,
                              NULL)));
    int pitch = 0;
    const uint8_t *px = heif_image_get_plane_readonly(image, heif_channel_interleaved, &pitch);
    int width = heif_image_get_width(image, heif_channel_interleaved);
    int height = heif_image_get_height(image, heif_channel_interleaved);
    if (px == NULL || width < 1 || height < 1 || (size_t)width != h->width ||
        (size_t)height != h->height) {
        e = espy_fail(cx, ESPY_E_FORMAT, "heic: %dx%d pixels where the header says %zux%zu", width,
                      height, h->width, h->height);
        goto out;
    }
    for (int y = 0; y < height; y++) {
        const uint8_t *from = px + (ptrdiff_t)y * pitch;
        uint8_t *to = rgb + (size_t)y * h->width * 3;
        if (alpha)
            espy_image_over_white(from, h->width, to);
        else
            memcpy(to, from, h->width * 3);
    }
out:
    heif_image_release(image);
    heic_close(&f);
    return e;
}

static const char *const heic_suffixes[] = {".heic", ".heif", ".hif", NULL};

const espy_image_loader espy_image_heic = {
    .name = "heic",
    .suffixes = heic_suffixes,
    .probe = heic_probe,
    .header = heic_header,
    .pixels = heic_pixels,
};
