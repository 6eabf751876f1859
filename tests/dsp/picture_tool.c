/* SPDX-License-Identifier: Apache-2.0
 * Lets a script see what espy makes of a picture file: decodes it, applies one operation, and
 * writes width, height (32-bit, native order) and the pixels. picture_tool decode  FILE OUT
 * LEAST_SIDE picture_tool resize  FILE OUT WIDTH HEIGHT picture_tool shrink  FILE OUT WIDTH HEIGHT
 *   picture_tool warp    FILE OUT WIDTH HEIGHT m0 m1 m2 m3 m4 m5
 *   picture_tool sharp   FILE            prints the sharpness of the whole picture
 *   picture_tool time    FILE OUT LEAST_SIDE  prints the fastest of 5 decodes in milliseconds */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "dsp/dsp.h"
#include "media/media.h"

static espy_err tool_write(espy_ctx *cx, const char *path, const espy_image *im)
{
    espy_buf b;
    int32_t size[2] = {im->width, im->height};
    espy_buf_init(&b, SIZE_MAX);
    ESPY_TRY(espy_buf_append(cx, &b, size, sizeof(size)));
    ESPY_TRY(espy_buf_append(cx, &b, im->px, (size_t)im->width * (size_t)im->height * 3));
    espy_err e = espy_file_write(cx, path, b.data, b.size);
    espy_buf_free(cx, &b);
    return e;
}

static espy_err tool_time(espy_ctx *cx, espy_span file, int least_side)
{
    double best = 1e9;
    for (int i = 0; i < 5; i++) {
        espy_image im;
        double start = espy_time_monotonic();
        ESPY_TRY(espy_image_decode(cx, file, least_side, &im));
        double took = espy_time_monotonic() - start;
        best = took < best ? took : best;
        espy_image_free(cx, &im);
    }
    printf("%.3f\n", best * 1e3);
    return ESPY_E_OK;
}

static espy_err tool_run(espy_ctx *cx, int argc, char **argv, espy_image *in, espy_image *out)
{
    const char *verb = argv[1];
    int a = argc > 4 ? atoi(argv[4]) : 0, b = argc > 5 ? atoi(argv[5]) : 0;
    espy_buf file;
    ESPY_TRY(espy_file_read(cx, argv[2], cx->max.file_bytes, &file));
    espy_err e;
    bool decode = strcmp(verb, "decode") == 0;
    if (strcmp(verb, "time") == 0) {
        e = tool_time(cx, espy_span_of(&file), a);
        goto out;
    }
    ESPY_GO(espy_image_decode(cx, espy_span_of(&file), decode ? a : 0, in));
    if (strcmp(verb, "sharp") == 0) {
        printf("%.6f\n", espy_image_sharpness(in, 0, 0, in->width, in->height));
    } else if (decode) {
        *out = *in;
        *in = (espy_image){0};
    } else if (strcmp(verb, "resize") == 0) {
        ESPY_GO(espy_image_resize(cx, in, a, b, out));
    } else if (strcmp(verb, "shrink") == 0) {
        ESPY_GO(espy_image_shrink(cx, in, a, b, out));
    } else if (strcmp(verb, "warp") == 0 && argc == 12) {
        double m[6];
        for (int i = 0; i < 6; i++)
            m[i] = strtod(argv[6 + i], NULL);
        ESPY_GO(espy_image_warp(cx, in, m, a, b, out));
    } else {
        e = espy_fail(cx, ESPY_E_ARG, "unknown operation '%s'", verb);
        goto out;
    }
    e = out->px != NULL ? tool_write(cx, argv[3], out) : ESPY_E_OK;
out:
    espy_buf_free(cx, &file);
    return e;
}

int main(int argc, char **argv)
{
    espy_ctx cx;
    espy_image in = {0}, out = {0};
    espy_ctx_init(&cx);
    espy_err e = ESPY_E_ARG;
    if (argc >= 3)
        e = tool_run(&cx, argc, argv, &in, &out);
    if (e != ESPY_E_OK)
        fprintf(stderr, "%s\n", cx.text);
    espy_image_free(&cx, &in);
    espy_image_free(&cx, &out);
    return e == ESPY_E_OK ? 0 : 1;
}
