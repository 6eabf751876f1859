/* SPDX-License-Identifier: Apache-2.0
 * media - PNG by libspng.  16-bit samples keep their upper byte; the orientation comes from an eXIf
 * chunk before the pixels, where writers put it. */
#include <limits.h>
#include <spng.h>

#include "media/image_loader.h"

/* Bounds on ancillary chunks (colour profiles, text), one and all together, after inflation. */
#define PNG_CHUNK_MAX (8u << 20)
#define PNG_CHUNKS_MAX (32u << 20)

/* zlib's level for writing: on a photo 3 took a third of the time of the default 6 and
 * gave a file 6 % larger. */
#define PNG_LEVEL 3

static espy_err png_error(espy_ctx *cx, int code)
{
    if (code == SPNG_OK)
        return ESPY_E_OK;
    if (code == SPNG_EMEM)
        return espy_fail(cx, ESPY_E_NOMEM, "png: out of memory");
    if (code == SPNG_ECHUNK_LIMITS)
        return espy_fail(cx, ESPY_E_LIMIT, "png: chunks larger than %u MiB", PNG_CHUNK_MAX >> 20);
    if (code == SPNG_IO_EOF || code == SPNG_EIDAT_TOO_SHORT)
        return espy_fail(cx, ESPY_E_FORMAT,
                         "png: truncated: the file ends before its picture does");
    return espy_fail(cx, ESPY_E_FORMAT, "png: %s", spng_strerror(code));
}

static espy_err png_open(espy_ctx *cx, espy_span file, spng_ctx **out)
{
    spng_ctx *png = spng_ctx_new(0);
    if (png == NULL)
        return espy_fail(cx, ESPY_E_NOMEM, "png: out of memory");
    espy_err e;
    ESPY_GO(png_error(cx, spng_set_chunk_limits(png, PNG_CHUNK_MAX, PNG_CHUNKS_MAX)));
    /* A damaged comment is no reason to refuse a photo. */
    ESPY_GO(png_error(cx, spng_set_crc_action(png, SPNG_CRC_ERROR, SPNG_CRC_DISCARD)));
    ESPY_GO(png_error(cx, spng_set_png_buffer(png, file.data, file.size)));
    *out = png;
    png = NULL;
out:
    spng_ctx_free(png);
    return e;
}

static bool png_probe(espy_span file)
{
    return espy_image_starts(file, 0, "\x89PNG\r\n\x1a\n", 8);
}

static espy_err png_header(espy_ctx *cx, espy_span file, espy_image_header *h)
{
    spng_ctx *png = NULL;
    struct spng_ihdr ihdr;
    struct spng_exif exif;
    espy_err e;
    ESPY_GO(png_open(cx, file, &png));
    ESPY_GO(png_error(cx, spng_get_ihdr(png, &ihdr)));
    h->width = ihdr.width;
    h->height = ihdr.height;
    int code = spng_get_exif(png, &exif);
    if (code == SPNG_OK)
        ESPY_GO(espy_image_exif(cx, (const uint8_t *)exif.data, exif.length, &h->orientation));
    else if (code != SPNG_ECHUNKAVAIL)
        ESPY_GO(png_error(cx, code));
out:
    spng_ctx_free(png);
    return e;
}

static espy_err png_pixels(espy_ctx *cx, espy_span file, const espy_image_header *h, uint8_t *rgb)
{
    spng_ctx *png = NULL;
    uint8_t *rgba = NULL;
    struct spng_ihdr ihdr;
    struct spng_trns trns;
    espy_err e;
    ESPY_GO(png_open(cx, file, &png));
    ESPY_GO(png_error(cx, spng_get_ihdr(png, &ihdr)));
    size_t n = h->width * h->height;
    bool alpha = ihdr.color_type == SPNG_COLOR_TYPE_GRAYSCALE_ALPHA ||
                 ihdr.color_type == SPNG_COLOR_TYPE_TRUECOLOR_ALPHA ||
                 spng_get_trns(png, &trns) == SPNG_OK;
    if (alpha) {
        rgba = espy_alloc(cx, n * 4);
        if (rgba == NULL) {
            e = ESPY_E_NOMEM;
            goto out;
        }
        ESPY_GO(
            png_error(cx, spng_decode_image(png, rgba, n * 4, SPNG_FMT_RGBA8, SPNG_DECODE_TRNS)));
        espy_image_over_white(rgba, n, rgb);
    } else {
        ESPY_GO(png_error(cx, spng_decode_image(png, rgb, n * 3, SPNG_FMT_RGB8, 0)));
    }
    ESPY_GO(png_error(cx, spng_decode_chunks(png))); /* to the end: a missing one is a truncation */
out:
    espy_free(cx, rgba);
    spng_ctx_free(png);
    return e;
}

typedef struct png_writer {
    espy_ctx *cx;
    espy_buf *out;
    espy_err e;
} png_writer;

static int png_append(spng_ctx *png, void *self, void *p, size_t n)
{
    (void)png;
    png_writer *w = self;
    w->e = espy_buf_append(w->cx, w->out, p, n);
    return w->e == ESPY_E_OK ? 0 : SPNG_IO_ERROR;
}

espy_err espy_image_to_png(espy_ctx *cx, const espy_image *im, espy_buf *out)
{
    espy_buf bytes;
    espy_buf_init(&bytes, cx->max.file_bytes);
    if (im->width < 1 || im->height < 1)
        return espy_fail(cx, ESPY_E_ARG, "an empty picture cannot be written as PNG");
    spng_ctx *png = spng_ctx_new(SPNG_CTX_ENCODER);
    if (png == NULL)
        return espy_fail(cx, ESPY_E_NOMEM, "png: out of memory");
    png_writer w = {.cx = cx, .out = &bytes};
    struct spng_ihdr ihdr = {
        .width = (uint32_t)im->width,
        .height = (uint32_t)im->height,
        .bit_depth = 8,
        .color_type = SPNG_COLOR_TYPE_TRUECOLOR,
    };
    espy_err e;
    ESPY_GO(png_error(cx, spng_set_png_stream(png, png_append, &w)));
    ESPY_GO(png_error(cx, spng_set_ihdr(png, &ihdr)));
    ESPY_GO(png_error(cx, spng_set_option(png, SPNG_IMG_COMPRESSION_LEVEL, PNG_LEVEL)));
    int code = spng_encode_image(png, im->px, (size_t)im->width * (size_t)im->height * 3,
                                 SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE);
    ESPY_GO(w.e);
    ESPY_GO(png_error(cx, code));
    *out = bytes;
    espy_buf_init(&bytes, 0);
out:
    espy_buf_free(cx, &bytes);
    spng_ctx_free(png);
    return e;
}

static const char *const png_suffixes[] = {".png", NULL};

const espy_image_loader espy_image_png = {
    .name = "png",
    .suffixes = png_suffixes,
    .probe = png_probe,
    .header = png_header,
    .pixels = png_pixels,
};
