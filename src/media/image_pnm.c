/* SPDX-License-Identifier: Apache-2.0
 * media - PBM, PGM and PPM, plain and raw (netpbm's pbm(5), pgm(5), ppm(5); P1..P6).  Read here
 * because stb_image knows neither the plain forms nor a short file.  Of a file with several
 * pictures the first is taken. */
#include <string.h>

#include "media/image_loader.h"

#define PNM_MAX_SAMPLE 65535u /* largest maxval the format allows */
#define PNM_MAX_NUMBER 99999999u

typedef struct pnm_reader {
    espy_ctx *cx;
    espy_span file;
    size_t at;
    int channels;     /* 1 or 3 */
    bool plain;       /* samples as decimal text */
    bool bitmap;      /* one bit a pixel, 1 is black */
    uint32_t maximum; /* the sample that is full light */
} pnm_reader;

static bool pnm_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static espy_err pnm_truncated(espy_ctx *cx)
{
    return espy_fail(cx, ESPY_E_FORMAT, "pnm: truncated: the file ends before its picture does");
}

/* White space and comments ("#" to the end of the line). */
static void pnm_skip(pnm_reader *r)
{
    while (r->at < r->file.size) {
        uint8_t c = r->file.data[r->at];
        if (c == '#')
            while (r->at < r->file.size && r->file.data[r->at] != '\n' &&
                   r->file.data[r->at] != '\r')
                r->at++;
        else if (pnm_space(c))
            r->at++;
        else
            break;
    }
}

static espy_err pnm_number(pnm_reader *r, uint32_t *out)
{
    pnm_skip(r);
    if (r->at >= r->file.size)
        return pnm_truncated(r->cx);
    uint32_t value = 0;
    size_t start = r->at;
    while (r->at < r->file.size && r->file.data[r->at] >= '0' && r->file.data[r->at] <= '9') {
        value = value * 10 + (r->file.data[r->at] - '0');
        if (value > PNM_MAX_NUMBER)
            return espy_fail(r->cx, ESPY_E_LIMIT, "pnm: a number is larger than %u",
                             PNM_MAX_NUMBER);
        r->at++;
    }
    if (r->at == start)
        return espy_fail(r->cx, ESPY_E_FORMAT, "pnm: byte %zu is not part of a number", r->at);
    *out = value;
    return ESPY_E_OK;
}

static bool pnm_probe(espy_span file)
{
    return file.size >= 3 && file.data[0] == 'P' && file.data[1] >= '1' && file.data[1] <= '6' &&
           (pnm_space(file.data[2]) || file.data[2] == '#');
}

/* Leaves the reader at the first sample. */
static espy_err pnm_open(pnm_reader *r, espy_image_header *h)
{
    static const uint8_t channels[6] = {1, 1, 3, 1, 1, 3};
    int kind = r->file.data[1] - '1';
    uint32_t width, height;
    r->at = 2;
    r->channels = channels[kind];
    r->plain = kind < 3;
    r->bitmap = kind % 3 == 0;
    r->maximum = 1;
    ESPY_TRY(pnm_number(r, &width));
    ESPY_TRY(pnm_number(r, &height));
    if (!r->bitmap)
        ESPY_TRY(pnm_number(r, &r->maximum));
    if (r->maximum < 1 || r->maximum > PNM_MAX_SAMPLE)
        return espy_fail(r->cx, ESPY_E_FORMAT, "pnm: maximum %u is not within 1..65535",
                         r->maximum);
    if (r->at >= r->file.size)
        return pnm_truncated(r->cx);
    if (!pnm_space(r->file.data[r->at]))
        return espy_fail(r->cx, ESPY_E_FORMAT, "pnm: no white space before the samples");
    r->at++;
    h->width = width;
    h->height = height;
    return ESPY_E_OK;
}

static espy_err pnm_header(espy_ctx *cx, espy_span file, espy_image_header *h)
{
    pnm_reader r = {.cx = cx, .file = file};
    return pnm_open(&r, h);
}

static espy_err pnm_plain_sample(pnm_reader *r, uint32_t *out)
{
    if (!r->bitmap)
        return pnm_number(r, out);
    pnm_skip(r); /* the digits of a plain bitmap need no space between them */
    if (r->at >= r->file.size)
        return pnm_truncated(r->cx);
    uint8_t c = r->file.data[r->at++];
    if (c != '0' && c != '1')
        return espy_fail(r->cx, ESPY_E_FORMAT, "pnm: byte %zu is neither 0 nor 1", r->at - 1);
    *out = c - '0';
    return ESPY_E_OK;
}

/* One row of samples in 0..255, `n` of them. */
static espy_err pnm_row(pnm_reader *r, size_t n, uint8_t *to)
{
    const uint8_t *p = r->file.data + r->at;
    size_t left = r->file.size - r->at;
    if (r->plain) {
        for (size_t i = 0; i < n; i++) {
            uint32_t v;
            ESPY_TRY(pnm_plain_sample(r, &v));
            if (v > r->maximum)
                return espy_fail(r->cx, ESPY_E_FORMAT, "pnm: sample %u is larger than %u", v,
                                 r->maximum);
            to[i] =
                (uint8_t)(r->bitmap ? (v != 0 ? 0 : 255) : (v * 255 + r->maximum / 2) / r->maximum);
        }
        return ESPY_E_OK;
    }
    size_t bytes = r->bitmap ? (n + 7) / 8 : r->maximum > 255 ? n * 2 : n;
    if (bytes > left)
        return pnm_truncated(r->cx);
    if (r->bitmap) {
        for (size_t i = 0; i < n; i++)
            to[i] = (p[i / 8] >> (7 - i % 8) & 1) != 0 ? 0 : 255;
    } else if (r->maximum == 255) {
        memcpy(to, p, n);
    } else {
        for (size_t i = 0; i < n; i++) {
            uint32_t v = r->maximum > 255 ? (uint32_t)p[2 * i] << 8 | p[2 * i + 1] : p[i];
            v = v < r->maximum ? v : r->maximum;
            to[i] = (uint8_t)((v * 255 + r->maximum / 2) / r->maximum);
        }
    }
    r->at += bytes;
    return ESPY_E_OK;
}

static espy_err pnm_pixels(espy_ctx *cx, espy_span file, const espy_image_header *h, uint8_t *rgb)
{
    pnm_reader r = {.cx = cx, .file = file};
    espy_image_header same = {0};
    ESPY_TRY(pnm_open(&r, &same));
    for (size_t y = 0; y < h->height; y++) {
        uint8_t *row = rgb + y * h->width * 3;
        if (r.channels == 3) {
            ESPY_TRY(pnm_row(&r, h->width * 3, row));
            continue;
        }
        /* Grey goes to the last third of the row, and is spread from there to the front: what is
         * written at 3x never passes what is still to be read at 2w + x. */
        const uint8_t *grey = row + h->width * 2;
        ESPY_TRY(pnm_row(&r, h->width, row + h->width * 2));
        for (size_t x = 0; x < h->width; x++) {
            uint8_t v = grey[x];
            row[3 * x] = row[3 * x + 1] = row[3 * x + 2] = v;
        }
    }
    return ESPY_E_OK;
}

static const char *const pnm_suffixes[] = {".pgm", ".ppm", ".pbm", ".pnm", NULL};

const espy_image_loader espy_image_pnm = {
    .name = "pnm",
    .suffixes = pnm_suffixes,
    .probe = pnm_probe,
    .header = pnm_header,
    .pixels = pnm_pixels,
};
