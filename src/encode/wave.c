/* SPDX-License-Identifier: Apache-2.0
 * encode - reading, mixing and resampling in a row. */
#include "encode/wave.h"

#include <math.h>

#include "dsp/sound.h"

#define WAVE_PIECE 4096 /* values read at a time */

struct espy_wave {
    espy_sound_file *file;
    espy_resampler *resampler;
    float *piece;
    size_t at, have; /* of the piece */
    size_t left;     /* values still to be given */
    bool ended;      /* the file has no more */
};

espy_err espy_wave_open(espy_ctx *cx, const char *path, espy_span file, int rate, double start,
                        double most, espy_wave **out)
{
    espy_err e = ESPY_E_OK;
    espy_wave *w = espy_zalloc(cx, sizeof *w);
    if (!w)
        return cx->code;
    ESPY_GO(path ? espy_sound_open(cx, path, &w->file)
                 : espy_sound_open_memory(cx, file, &w->file));
    if (start > 0)
        ESPY_GO(espy_sound_seek(cx, w->file, start));
    w->left = most > 0 ? (size_t)fmin(floor(most * rate + 0.5), 9e15) : SIZE_MAX;
    ESPY_GO(espy_resampler_create(cx, espy_sound_info_of(w->file)->rate, rate, &w->resampler));
    w->piece = espy_floats(cx, WAVE_PIECE);
    if (!w->piece)
        ESPY_GO(cx->code);
    *out = w;
    w = NULL;
out:
    espy_wave_close(cx, &w);
    return e;
}

void espy_wave_close(espy_ctx *cx, espy_wave **wave)
{
    espy_wave *w = *wave;
    if (!w)
        return;
    espy_sound_close(cx, &w->file);
    espy_resampler_destroy(cx, &w->resampler);
    espy_free(cx, w->piece);
    espy_free(cx, w);
    *wave = NULL;
}

espy_err espy_wave_read(espy_ctx *cx, espy_wave *w, float *out, size_t n, size_t *got)
{
    *got = 0;
    if (n > w->left)
        n = w->left;
    while (*got < n) {
        size_t taken = 0, made = 0;
        if (w->at == w->have && !w->ended) {
            w->at = 0;
            ESPY_TRY(espy_sound_read(cx, w->file, w->piece, WAVE_PIECE, &w->have));
            w->ended = w->have < WAVE_PIECE;
        }
        const bool more = w->at < w->have;
        ESPY_TRY(espy_resampler_run(cx, w->resampler, more ? w->piece + w->at : NULL,
                                    w->have - w->at, &taken, out + *got, n - *got, &made));
        w->at += taken;
        *got += made;
        if (!more && made == 0)
            break;
    }
    w->left -= *got;
    return ESPY_E_OK;
}
