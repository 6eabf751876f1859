/* SPDX-License-Identifier: Apache-2.0
 * base - pictures in memory. */
#include "base/image.h"

espy_err espy_image_create(espy_ctx *cx, int width, int height, espy_image *out)
{
    if (width <= 0 || height <= 0)
        return espy_fail(cx, ESPY_E_ARG, "a picture of %d x %d pixels cannot be made", width,
                         height);
    if ((size_t)width > cx->max.image_side || (size_t)height > cx->max.image_side ||
        (size_t)width > cx->max.image_pixels / (size_t)height)
        return espy_fail(cx, ESPY_E_LIMIT,
                         "the picture has %d x %d pixels; the limit is %zu pixels and %zu a side",
                         width, height, cx->max.image_pixels, cx->max.image_side);
    uint8_t *px = espy_zalloc(cx, (size_t)width * (size_t)height * 3);
    if (!px)
        return cx->code;
    *out = (espy_image){px, width, height, width, height};
    return ESPY_E_OK;
}

void espy_image_free(espy_ctx *cx, espy_image *im)
{
    espy_free(cx, im->px);
    *im = (espy_image){0};
}
