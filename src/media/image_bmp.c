/* SPDX-License-Identifier: Apache-2.0
 * media - BMP by stb_image, compiled here for this one format.  The header is read by us first:
 * stb fills what is missing with zeros, and we want truncated files refused. */
#include <limits.h>
#include <string.h>

#include "media/image_loader.h"

/* stb's allocation hooks carry no user pointer, so the context of the call under way stands here.
 * It is set in bmp_pixels() alone and only for the duration of the decode. */
static _Thread_local espy_ctx *bmp_cx;

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_BMP
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#define STBI_NO_FAILURE_STRINGS
#define STBI_ASSERT(condition) ((void)sizeof(condition))
#define STBI_MALLOC(n) espy_alloc(bmp_cx, (n))
#define STBI_REALLOC(p, n) espy_resize(bmp_cx, (p), (n), 1)
#define STBI_FREE(p) espy_free(bmp_cx, (p))
#if defined(__GNUC__)
/* Not popped: functions that stay unused are reported at the end of the file. */
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wunused-variable"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wundef"
#pragma GCC diagnostic ignored "-Wswitch-enum"
#pragma GCC diagnostic ignored "-Wpedantic"
#endif
#include <stb_image.h>
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

static uint32_t bmp_u32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static bool bmp_probe(espy_span file)
{
    return espy_image_starts(file, 0, "BM", 2);
}

/* File header of 14 bytes, then a bitmap header that begins with its own length: 12 (OS/2) or at
 * least 40 (Windows; a negative height means rows from the top). */
static espy_err bmp_header(espy_ctx *cx, espy_span file, espy_image_header *h)
{
    if (file.size < 14 + 12)
        return espy_fail(cx, ESPY_E_FORMAT, "bmp: truncated header");
    const uint8_t *p = file.data;
    uint32_t length = bmp_u32(p + 14), compression = 0, bits;
    int64_t width, height;
    if (length == 12) {
        width = p[18] | p[19] << 8;
        height = p[20] | p[21] << 8;
        bits = p[24] | (uint32_t)p[25] << 8;
    } else if (length >= 40 && file.size >= 14 + 40) {
        width = (int32_t)bmp_u32(p + 18);
        height = (int32_t)bmp_u32(p + 22);
        height = height < 0 ? -height : height;
        bits = p[28] | (uint32_t)p[29] << 8;
        compression = bmp_u32(p + 30);
    } else {
        return espy_fail(cx, ESPY_E_FORMAT, "bmp: damaged header of %u bytes", length);
    }
    if (width < 1 || height < 1)
        return espy_fail(cx, ESPY_E_FORMAT, "bmp: width or height is not positive");
    if (compression != 0 && compression != 3)
        return espy_fail(cx, ESPY_E_UNSUPPORTED,
                         "bmp: compression %u is not supported; save it uncompressed", compression);
    if (bits != 1 && bits != 4 && bits != 8 && bits != 16 && bits != 24 && bits != 32)
        return espy_fail(cx, ESPY_E_FORMAT, "bmp: %u bits per pixel", bits);
    h->width = (size_t)width;
    h->height = (size_t)height;
    /* A row has at most 2^33 bytes; their number is compared by division, so
     * that no product can overflow. */
    uint64_t row = ((uint64_t)width * bits + 31) / 32 * 4;
    uint64_t start = bmp_u32(p + 10);
    uint64_t room = start < file.size ? file.size - start : 0;
    if ((uint64_t)height > room / row)
        return espy_fail(cx, ESPY_E_FORMAT,
                         "bmp: truncated: %lldx%lld pixels do not fit in %zu bytes",
                         (long long)width, (long long)height, file.size);
    return ESPY_E_OK;
}

static espy_err bmp_pixels(espy_ctx *cx, espy_span file, const espy_image_header *h, uint8_t *rgb)
{
    int width = 0, height = 0, channels = 0;
    if (file.size > INT_MAX)
        return espy_fail(cx, ESPY_E_LIMIT, "bmp: larger than 2 GiB");
    bmp_cx = cx;
    uint8_t *rgba = stbi_load_from_memory(file.data, (int)file.size, &width, &height, &channels, 4);
    espy_err e = ESPY_E_OK;
    if (rgba == NULL && cx->code == ESPY_E_NOMEM)
        e = ESPY_E_NOMEM;
    else if (rgba == NULL)
        e = espy_fail(cx, ESPY_E_FORMAT, "bmp: damaged or of a rare kind; save it as PNG");
    else if ((size_t)width != h->width || (size_t)height != h->height)
        e = espy_fail(cx, ESPY_E_FORMAT, "bmp: damaged header");
    else
        espy_image_over_white(rgba, h->width * h->height, rgb);
    stbi_image_free(rgba);
    bmp_cx = NULL;
    return e;
}

static const char *const bmp_suffixes[] = {".bmp", ".dib", NULL};

const espy_image_loader espy_image_bmp = {
    .name = "bmp",
    .suffixes = bmp_suffixes,
    .probe = bmp_probe,
    .header = bmp_header,
    .pixels = bmp_pixels,
};
