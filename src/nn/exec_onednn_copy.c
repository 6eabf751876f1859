/* SPDX-License-Identifier: Apache-2.0
 * exec_onednn - the steps for which oneDNN has nothing, or nothing fast: moving numbers, and one
 * vector times a matrix, which is bound by reading the matrix. */
#include "nn/exec_onednn.h"

#include <string.h>

void espy_odn_copy(const espy_odn_step *s, const void *from, void *to)
{
    const uint8_t *a = from;
    uint8_t *b = to;
    for (size_t i = 0; i < s->at.copy.count; i++)
        memcpy(b + i * s->at.copy.to_step, a + i * s->at.copy.from_step, s->at.copy.bytes);
}

/* bf16 is the upper half of an f32. */
static float copy_widen(uint16_t h)
{
    uint32_t u = (uint32_t)h << 16;
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

/* `n` neighbouring channels of each cell, from a picture whose cells are `step` elements apart. */
static void copy_run(const espy_odn_step *s, const void *from, size_t at, size_t step, float *to,
                     int64_t n)
{
    size_t cells = (size_t)s->at.pick.cells, taken = (size_t)s->at.pick.taken;
    const float *f = (const float *)from + at;
    const uint16_t *h = (const uint16_t *)from + at;
    if (s->at.pick.type == ESPY_ODN_F32) {
        for (size_t i = 0; i < cells; i++)
            for (int64_t c = 0; c < n; c++)
                to[i * taken + (size_t)c] = f[i * step + (size_t)c];
    } else {
        for (size_t i = 0; i < cells; i++)
            for (int64_t c = 0; c < n; c++)
                to[i * taken + (size_t)c] = copy_widen(h[i * step + (size_t)c]);
    }
}

/* Channels [first, first + taken) of a picture in any layout, as [N][H W][taken] f32. */
void espy_odn_pick(const espy_odn_step *s, const void *from, float *to)
{
    int64_t cells = s->at.pick.cells, channels = s->at.pick.channels;
    int64_t first = s->at.pick.first, taken = s->at.pick.taken;
    for (int64_t n = 0; n < s->at.pick.images; n++) {
        float *out = to + n * cells * taken;
        for (int64_t j = 0, run; j < taken; j += run) {
            int64_t c = first + j, lane = c % ESPY_ODN_BLOCK;
            run = 1;
            switch (s->at.pick.layout) {
            case ESPY_ODN_BLOCKED:
                run = ESPY_ODN_BLOCK - lane < taken - j ? ESPY_ODN_BLOCK - lane : taken - j;
                copy_run(s, from,
                         (size_t)((n * espy_odn_round(channels) + c - lane) * cells + lane),
                         ESPY_ODN_BLOCK, out + j, run);
                break;
            case ESPY_ODN_NHWC:
                run = taken;
                copy_run(s, from, (size_t)(n * cells * channels + c), (size_t)channels, out, run);
                break;
            case ESPY_ODN_PLAIN:
            case ESPY_ODN_LAYOUTS:
                copy_run(s, from, (size_t)((n * channels + c) * cells), 1, out + j, run);
                break;
            }
        }
    }
}

/* Rounds to the nearest bf16, ties to even; not for NaN. */
static uint16_t copy_narrow(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return (uint16_t)((u + 0x7fffu + (u >> 16 & 1u)) >> 16);
}

/* A function oneDNN lacks, in place. */
void espy_odn_apply(const espy_odn_step *s, void *data)
{
    float *f = data;
    uint16_t *h = data;
    if (s->at.apply.type == ESPY_ODN_F32)
        for (size_t i = 0; i < s->at.apply.count; i++)
            f[i] = espy_act_apply(s->at.apply.act, f[i]);
    else
        for (size_t i = 0; i < s->at.apply.count; i++)
            h[i] = copy_narrow(espy_act_apply(s->at.apply.act, copy_widen(h[i])));
}

void espy_odn_dots(const espy_kern *k, const espy_odn_step *s, const float *x, const float *rows,
                   const float *bias, float *y)
{
    size_t n = s->at.dots.columns;
    for (size_t i = 0; i < s->at.dots.rows; i++)
        y[i] = k->dot(x, rows + i * n, n) + (bias ? bias[i] : 0);
}
