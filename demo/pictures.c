/* SPDX-License-Identifier: Apache-2.0
 * The demo's darkroom: altered copies of a photo, and a contact sheet of many.
 *
 *   pictures turn DEGREES IN OUT     rotated about its centre, same size, black corners
 *   pictures dim FACTOR IN OUT       every channel multiplied
 *   pictures scale FACTOR IN OUT     smaller
 *   pictures sheet COLUMNS OUT IN... thumbnails side by side */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "dsp/dsp.h"
#include "media/media.h"

#define THUMB 480 /* width of a thumbnail in pixels */
#define GAP 8

static espy_err load(espy_ctx *cx, const char *path, espy_image *out)
{
    espy_buf b;
    espy_buf_init(&b, cx->max.file_bytes);
    ESPY_TRY(espy_file_read(cx, path, b.max, &b));
    espy_err e = espy_image_decode(cx, espy_span_of(&b), 0, out);
    espy_buf_free(cx, &b);
    return e;
}

static espy_err save(espy_ctx *cx, const espy_image *im, const char *path)
{
    espy_buf b;
    espy_buf_init(&b, (size_t)1 << 28);
    espy_err e = espy_image_to_jpeg(cx, im, 92, &b);
    if (e == ESPY_E_OK)
        e = espy_file_write(cx, path, b.data, b.size);
    espy_buf_free(cx, &b);
    return e;
}

static espy_err turn(espy_ctx *cx, const espy_image *in, double degrees, espy_image *out)
{
    double c = cos(degrees * 3.14159265358979 / 180), s = sin(degrees * 3.14159265358979 / 180);
    double x = in->width / 2.0, y = in->height / 2.0;
    double m[6] = {c, -s, x - c * x + s * y, s, c, y - s * x - c * y};
    return espy_image_warp(cx, in, m, in->width, in->height, out);
}

static espy_err dim(espy_ctx *cx, const espy_image *in, double factor, espy_image *out)
{
    size_t n = (size_t)in->width * (size_t)in->height * 3;
    ESPY_TRY(espy_image_create(cx, in->width, in->height, out));
    for (size_t i = 0; i < n; i++) {
        double v = in->px[i] * factor;
        out->px[i] = (uint8_t)(v > 255 ? 255 : v + 0.5);
    }
    return ESPY_E_OK;
}

static espy_err alter(espy_ctx *cx, const char *how, double amount, const char *from,
                      const char *to)
{
    espy_image in = {0}, out = {0};
    espy_err e = ESPY_E_OK;
    ESPY_GO(load(cx, from, &in));
    if (strcmp(how, "turn") == 0)
        ESPY_GO(turn(cx, &in, amount, &out));
    else if (strcmp(how, "dim") == 0)
        ESPY_GO(dim(cx, &in, amount, &out));
    else
        ESPY_GO(
            espy_image_shrink(cx, &in, (int)(in.width * amount), (int)(in.height * amount), &out));
    ESPY_GO(save(cx, &out, to));
out:
    espy_image_free(cx, &in);
    espy_image_free(cx, &out);
    return e;
}

static espy_err sheet(espy_ctx *cx, int columns, const char *to, char **from, int n)
{
    espy_image page = {0}, in = {0}, small = {0};
    espy_err e = ESPY_E_OK;
    int row = THUMB * 3 / 4, rows = (n + columns - 1) / columns;
    ESPY_GO(espy_image_create(cx, columns * (THUMB + GAP) + GAP, rows * (row + GAP) + GAP, &page));
    memset(page.px, 255, (size_t)page.width * (size_t)page.height * 3);
    for (int i = 0; i < n; i++) {
        ESPY_GO(load(cx, from[i], &in));
        double shrink = fmin((double)THUMB / in.width, (double)row / in.height);
        ESPY_GO(espy_image_shrink(cx, &in, (int)(in.width * shrink), (int)(in.height * shrink),
                                  &small));
        espy_draw_image(&page, &small,
                        GAP + i % columns * (THUMB + GAP) + (THUMB - small.width) / 2,
                        GAP + i / columns * (row + GAP) + (row - small.height) / 2);
        espy_image_free(cx, &in);
        espy_image_free(cx, &small);
    }
    ESPY_GO(save(cx, &page, to));
out:
    espy_image_free(cx, &in);
    espy_image_free(cx, &small);
    espy_image_free(cx, &page);
    return e;
}

int main(int argc, char **argv)
{
    espy_ctx cx;
    double amount = 0;
    espy_ctx_init(&cx);
    bool is_sheet = argc > 4 && strcmp(argv[1], "sheet") == 0;
    bool is_copy = argc == 5 && (strcmp(argv[1], "turn") == 0 || strcmp(argv[1], "dim") == 0 ||
                                 strcmp(argv[1], "scale") == 0);
    if (!(is_sheet || is_copy) || !espy_parse_real(argv[2], -360, 360, &amount) ||
        (!(is_copy && argv[1][0] == 't') && amount <= 0)) {
        fprintf(
            stderr,
            "usage: pictures turn|dim|scale AMOUNT IN OUT | pictures sheet COLUMNS OUT IN...\n");
        return 2;
    }
    espy_err e = is_sheet ? sheet(&cx, (int)amount, argv[3], argv + 4, argc - 4)
                          : alter(&cx, argv[1], amount, argv[3], argv[4]);
    if (e != ESPY_E_OK)
        fprintf(stderr, "pictures: %s\n", cx.text);
    return e == ESPY_E_OK ? 0 : 1;
}
