/* SPDX-License-Identifier: Apache-2.0
 * encode - how pixels become a network's input, and small helpers for reading manifest blocks. */
#include "encode/prep.h"

#include <math.h>
#include <string.h>

#include "dsp/dsp.h"

espy_err espy_json_only(espy_ctx *cx, const espy_json *block, const char *where,
                        const char *const *keys)
{
    if (!espy_json_is_object(block))
        return espy_fail(cx, ESPY_E_FORMAT, "\"%s\" must be an object {...}; see docs/packs.md",
                         where);
    void *it = NULL;
    const char *key;
    const espy_json *v;
    while (espy_json_next(block, &it, &key, &v)) {
        size_t i = 0;
        while (keys[i] && strcmp(keys[i], key) != 0)
            i++;
        if (!keys[i])
            return espy_fail(
                cx, ESPY_E_FORMAT,
                "\"%s\" has an unknown key \"%.40s\"; remove it or correct its spelling "
                "(docs/packs.md lists all keys)",
                where, key);
    }
    return ESPY_E_OK;
}

espy_err espy_json_may_number(espy_ctx *cx, const espy_json *block, const char *key, double lo,
                              double hi, double otherwise, double *out)
{
    *out = otherwise;
    return espy_json_get(block, key) ? espy_json_need_number(cx, block, key, lo, hi, out)
                                     : ESPY_E_OK;
}

espy_err espy_json_may_bool(espy_ctx *cx, const espy_json *block, const char *key, bool otherwise,
                            bool *out)
{
    const espy_json *v = espy_json_get(block, key);
    *out = espy_json_bool(v, otherwise);
    /* a value that is not boolean follows the default both ways */
    if (v && espy_json_bool(v, true) != espy_json_bool(v, false))
        return espy_fail(cx, ESPY_E_FORMAT, "\"%s\" must be true or false", key);
    return ESPY_E_OK;
}

/* One number for all channels, or three. */
static espy_err prep_channels(espy_ctx *cx, const espy_json *block, const char *where,
                              const char *key, double lo, double hi, float otherwise, float out[3])
{
    const espy_json *v = espy_json_get(block, key);
    for (size_t c = 0; c < 3; c++) {
        const espy_json *x = espy_json_is_array(v) ? espy_json_at(v, c) : v;
        double d = espy_json_number(x, v ? NAN : (double)otherwise);
        if (!(d >= lo && d <= hi) || (espy_json_is_array(v) && espy_json_count(v) != 3))
            return espy_fail(
                cx, ESPY_E_FORMAT,
                "\"%s.%s\" must be one number or three from %g to %g (pixels are 0..255)", where,
                key, lo, hi);
        out[c] = (float)d;
    }
    return ESPY_E_OK;
}

/* One of two words; the first is the default. */
static espy_err prep_word(espy_ctx *cx, const espy_json *block, const char *where, const char *key,
                          const char *first, const char *second, bool *is_second)
{
    const espy_json *v = espy_json_get(block, key);
    const char *s = espy_json_string(v, v ? "" : first);
    *is_second = strcmp(s, second) == 0;
    if (!*is_second && strcmp(s, first) != 0)
        return espy_fail(cx, ESPY_E_FORMAT, "\"%s.%s\" must be \"%s\" or \"%s\"", where, key, first,
                         second);
    return ESPY_E_OK;
}

espy_err espy_prep_read(espy_ctx *cx, const espy_json *block, const char *where, espy_prep *out)
{
    const espy_json *size = espy_json_get(block, "input");
    int64_t w = espy_json_int(espy_json_at(size, 0), 0),
            h = espy_json_int(espy_json_at(size, 1), 0);
    if (!espy_json_is_array(size) || espy_json_count(size) != 2 || w < 8 || h < 8 ||
        w > ESPY_PREP_SIDE || h > ESPY_PREP_SIDE)
        return espy_fail(cx, ESPY_E_FORMAT, "\"%s.input\" must be [width, height], each 8 to %d",
                         where, ESPY_PREP_SIDE);
    *out = (espy_prep){.width = (int)w, .height = (int)h};
    ESPY_TRY(prep_channels(cx, block, where, "mean", -1e4, 1e4, 0.0f, out->mean));
    ESPY_TRY(prep_channels(cx, block, where, "std", 1e-3, 1e4, 1.0f, out->std));
    ESPY_TRY(prep_word(cx, block, where, "order", "rgb", "bgr", &out->bgr));
    return prep_word(cx, block, where, "layout", "nchw", "nhwc", &out->nhwc);
}

espy_err espy_prep_describe(espy_ctx *cx, const espy_prep *p, espy_json *into)
{
    ESPY_TRY(espy_json_set(cx, into, "width", espy_json_of_int(p->width)));
    ESPY_TRY(espy_json_set(cx, into, "height", espy_json_of_int(p->height)));
    const char *const names[2][3] = {{"mean0", "mean1", "mean2"}, {"std0", "std1", "std2"}};
    for (int c = 0; c < 3; c++) {
        ESPY_TRY(espy_json_set(cx, into, names[0][c], espy_json_of_float(p->mean[c])));
        ESPY_TRY(espy_json_set(cx, into, names[1][c], espy_json_of_float(p->std[c])));
    }
    ESPY_TRY(espy_json_set(cx, into, "order", espy_json_of_string(p->bgr ? "bgr" : "rgb")));
    return espy_json_set(cx, into, "layout", espy_json_of_string(p->nhwc ? "nhwc" : "nchw"));
}

static void prep_interleaved(const espy_prep *p, const uint8_t *px, size_t n, const int from[3],
                             float *out)
{
    /* One table per channel: 768 divisions instead of one per value. */
    float table[3][256];
    for (int c = 0; c < 3; c++)
        for (int v = 0; v < 256; v++)
            table[c][v] = ((float)v - p->mean[c]) / p->std[c];
    for (size_t i = 0; i < n; i++)
        for (int c = 0; c < 3; c++)
            out[3 * i + (size_t)c] = table[c][px[3 * i + (size_t)from[c]]];
}

/* In stretches that stay in cache: channels are parted first, since the arithmetic on what then
 * lies side by side is vectorised and quicker than a table. */
static void prep_planes(const espy_prep *p, const uint8_t *px, size_t n, const int from[3],
                        float *out)
{
    enum { STRETCH = 256 };
    uint8_t part[3][STRETCH];
    for (size_t at = 0; at < n; at += STRETCH, px += (size_t)3 * STRETCH) {
        const size_t m = n - at < STRETCH ? n - at : STRETCH;
        for (size_t i = 0; i < m; i++)
            for (int c = 0; c < 3; c++)
                part[c][i] = px[3 * i + (size_t)c];
        for (int c = 0; c < 3; c++) {
            const uint8_t *restrict v = part[from[c]];
            float *restrict plane = out + (size_t)c * n + at;
            const float mean = p->mean[c], std = p->std[c];
            for (size_t i = 0; i < m; i++)
                plane[i] = ((float)v[i] - mean) / std;
        }
    }
}

void espy_prep_fill(const espy_prep *p, const espy_image *im, float *out)
{
    const size_t n = (size_t)im->width * (size_t)im->height;
    const int from[3] = {p->bgr ? 2 : 0, 1, p->bgr ? 0 : 2};
    if (p->nhwc)
        prep_interleaved(p, im->px, n, from, out);
    else
        prep_planes(p, im->px, n, from, out);
}

void espy_tensors_release(espy_ctx *cx, espy_tensor *t, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        espy_free(cx, t[i].data);
        t[i].data = NULL;
    }
}

size_t espy_tensor_count(const espy_tensor *t)
{
    size_t n = 1;
    for (int d = 0; d < t->rank; d++)
        if (t->dims[d] <= 0 || !espy_mul_size(n, (size_t)t->dims[d], &n))
            return 0;
    return n;
}
