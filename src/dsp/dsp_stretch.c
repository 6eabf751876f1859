/* SPDX-License-Identifier: Apache-2.0
 * dsp - longer or shorter at the same pitch, higher or lower at the same length. */
#include <math.h>
#include <string.h>

#include "dsp/sound.h"

#define STRETCH_FRAME 0.064 /* seconds */
#define STRETCH_SEEK 0.016  /* how far a frame may lie from where it is due, each way */

/* Where within `seek` of `due` the signal is most like what would have followed the last frame:
 * largest cross-correlation over half a frame. */
static size_t stretch_seek(const float *x, size_t n, size_t due, size_t follows, size_t seek,
                           size_t half)
{
    size_t best = due;
    double most = -INFINITY;
    const size_t from = due > seek ? due - seek : 0;
    for (size_t at = from; at <= due + seek && at + half <= n; at++) {
        float sum = 0;
        for (size_t i = 0; i < half; i++)
            sum += x[at + i] * x[follows + i];
        if ((double)sum > most) {
            most = (double)sum;
            best = at;
        }
    }
    return best;
}

espy_err espy_sound_stretch(espy_ctx *cx, const float *x, size_t n, int rate, double factor,
                            float **out, size_t *made)
{
    const size_t half = (size_t)(STRETCH_FRAME * rate / 2), frame = 2 * half;
    const size_t seek = (size_t)(STRETCH_SEEK * rate);
    if (!(factor >= 0.5 && factor <= 2))
        return espy_fail(cx, ESPY_E_ARG, "a stretch of %g: 0.5 to 2", factor);
    const size_t want = (size_t)((double)n * factor + 0.5);
    float *y = espy_floats(cx, want + frame), *padded = espy_floats(cx, n + 2 * frame + seek);
    if (!y || !padded) {
        espy_free(cx, y);
        espy_free(cx, padded);
        return cx->code;
    }
    memcpy(padded, x, n * sizeof *x);
    const size_t room = n + 2 * frame + seek;
    for (size_t at = 0, from = 0; at < want; at += half) {
        for (size_t i = 0; i < frame && at + i < want + frame; i++) {
            /* Hann windows half a frame apart sum to one; before the first there is nothing */
            const double w = 0.5 - 0.5 * cos(2 * acos(-1.0) * ((double)i + 0.5) / (double)frame);
            y[at + i] += (float)(at == 0 && i < half ? 1 : w) * padded[from + i];
        }
        size_t due = (size_t)((double)(at + half) / factor);
        if (due > n)
            due = n;
        from =
            stretch_seek(padded, room - half, due, from + half < n ? from + half : n, seek, half);
    }
    espy_free(cx, padded);
    *out = y;
    *made = want;
    return ESPY_E_OK;
}

espy_err espy_sound_pitch(espy_ctx *cx, const float *x, size_t n, int rate, double semitones,
                          float **out, size_t *made)
{
    const double ratio = pow(2, semitones / 12);
    float *longer = NULL, *y = NULL;
    size_t m = 0, k = 0;
    if (!(fabs(semitones) <= 12))
        return espy_fail(cx, ESPY_E_ARG, "a pitch of %g semitones: -12 to 12", semitones);
    ESPY_TRY(espy_sound_stretch(cx, x, n, rate, ratio, &longer, &m));
    espy_err e = espy_resample(cx, longer, m, (int)lround(rate * ratio), rate, &y, &k);
    espy_free(cx, longer);
    if (e == ESPY_E_OK) {
        *out = y;
        *made = k < n ? k : n;
    }
    return e;
}
