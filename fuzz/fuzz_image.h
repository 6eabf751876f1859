/* SPDX-License-Identifier: Apache-2.0
 * The body of the picture targets: one target per format, so that each keeps its own corpus. */
#ifndef ESPY_FUZZ_IMAGE_H
#define ESPY_FUZZ_IMAGE_H

#include <stdlib.h>
#include <string.h>

#include "media/media.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What espy writes it must read back: PNG exactly, JPEG in the same size. */
static inline void fuzz_image_write(espy_ctx *cx, const espy_image *im)
{
    espy_buf file;
    espy_image back;
    if (espy_image_to_png(cx, im, &file) != ESPY_E_OK ||
        espy_image_decode(cx, espy_span_of(&file), 0, &back) != ESPY_E_OK)
        abort();
    if (back.width != im->width || back.height != im->height ||
        memcmp(back.px, im->px, (size_t)im->width * (size_t)im->height * 3) != 0)
        abort();
    espy_image_free(cx, &back);
    espy_buf_free(cx, &file);
    if (espy_image_to_jpeg(cx, im, 80, &file) != ESPY_E_OK ||
        espy_image_decode(cx, espy_span_of(&file), 0, &back) != ESPY_E_OK)
        abort();
    if (back.width != im->width || back.height != im->height)
        abort();
    espy_image_free(cx, &back);
    espy_buf_free(cx, &file);
}

/* A file of this format is refused with a reason, or gives a picture of the size its header says.
 */
static inline int fuzz_image(const uint8_t *data, size_t size, const char *format)
{
    const espy_span file = {data, size};
    espy_ctx cx;
    espy_image_info info;
    espy_image im;
    espy_ctx_init(&cx);
    cx.max.image_pixels = 1 << 18;
    cx.max.image_side = 1 << 12;
    if (espy_image_probe(&cx, file, &info) != ESPY_E_OK || strcmp(info.format, format) != 0)
        return 0;
    int least = (int)(size % 3) * 16;
    espy_err e = espy_image_decode(&cx, file, least, &im);
    if (e != ESPY_E_OK) {
        if (cx.text[0] == '\0' || e != cx.code)
            abort();
        return 0;
    }
    if (im.full_width != info.width || im.full_height != info.height || im.width > info.width)
        abort();
    if (least == 0 && (im.width != info.width || im.height != info.height))
        abort();
    if (least > 0 && im.width < least && im.height < least && im.width != info.width)
        abort();
    if (im.width * im.height <= 1024)
        fuzz_image_write(&cx, &im);
    espy_image_free(&cx, &im);
    return 0;
}

#endif
