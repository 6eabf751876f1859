/* SPDX-License-Identifier: Apache-2.0
 * exec_onednn - the steps that only move numbers, where oneDNN has nothing for it. */
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

/* Channels [first, first + taken) of a picture in any layout, as [N][H W][taken] f32. */
void espy_odn_pick(const espy_odn_step *s, const void *from, float *to)
{
    int64_t cells = s->at.pick.cells, channels = s->at.pick.channels;
    int64_t first = s->at.pick.first, taken = s->at.pick.taken;
    const float *f = from;
    const uint16_t *h = from;
    for (int64_t n = 0; n < s->at.pick.images; n++) {
        for (int64_t j = 0; j < taken; j++) {
            int64_t c = first + j;
            /* Where channel c begins, and from one cell to the next. */
            size_t at = 0, step = 1;
            switch (s->at.pick.layout) {
            case ESPY_ODN_BLOCKED:
                at = (size_t)((n * espy_odn_round(channels) + c / ESPY_ODN_BLOCK * ESPY_ODN_BLOCK) *
                                  cells +
                              c % ESPY_ODN_BLOCK);
                step = ESPY_ODN_BLOCK;
                break;
            case ESPY_ODN_NHWC:
                at = (size_t)(n * cells * channels + c);
                step = (size_t)channels;
                break;
            case ESPY_ODN_PLAIN:
            case ESPY_ODN_LAYOUTS:
                at = (size_t)((n * channels + c) * cells);
                break;
            }
            float *out = to + n * cells * taken + j;
            if (s->at.pick.type == ESPY_ODN_F32)
                for (int64_t i = 0; i < cells; i++)
                    out[i * taken] = f[at + (size_t)i * step];
            else
                for (int64_t i = 0; i < cells; i++)
                    out[i * taken] = copy_widen(h[at + (size_t)i * step]);
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
