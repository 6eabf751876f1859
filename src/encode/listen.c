/* SPDX-License-Identifier: Apache-2.0
 * encode - from a stream of values to patches. */
#include "encode/listen.h"

#include <math.h>
#include <string.h>

#include "encode/encoder_sound.h"
#include "encode/wave.h"

#define LISTEN_FAINT 0.0316f /* -30 dB: what a patch has at least of the loudest one's level */

/* `values` holds the stream from where the next patch begins; `have` of them are there. */
struct espy_listener {
    const encoder_sound *en;
    espy_wave *wave;
    float *values, *rows; /* room for a block; its spectrogram */
    float *patches;       /* of a block, for the encoder */
    size_t have, room;
    size_t told;  /* patches given so far */
    size_t heard; /* values read so far */
    bool ended;
};

static size_t listen_values(const encoder_sound *en, size_t patches)
{
    return espy_patch_values(en) + (patches - 1) * espy_patch_step(en);
}

static size_t listen_rows(const encoder_sound *en, size_t patches)
{
    return (size_t)en->frames + (patches - 1) * (size_t)en->step;
}

espy_err espy_listener_open(espy_ctx *cx, const espy_encoder *encoder, const char *path,
                            espy_span file, double start, double most, espy_listener **out)
{
    const encoder_sound *en = (const encoder_sound *)encoder;
    espy_err e = ESPY_E_OK;
    if (encoder->ops != &espy_encoder_sound)
        return espy_fail(cx, ESPY_E_ARG, "pack %s is for %ss, not for recordings",
                         encoder->pack->name, encoder->ops->modality.media);
    espy_listener *l = espy_zalloc(cx, sizeof *l);
    if (!l)
        return cx->code;
    l->en = en;
    l->room = listen_values(en, ESPY_LISTEN_BLOCK);
    ESPY_GO(espy_wave_open(cx, path, file, en->spectrogram.rate, start, most, &l->wave));
    const size_t bands = (size_t)en->spectrogram.bands;
    l->values = espy_floats(cx, l->room);
    l->rows = espy_floats(cx, listen_rows(en, ESPY_LISTEN_BLOCK) * bands);
    l->patches = espy_floats(cx, ESPY_LISTEN_BLOCK * (size_t)en->frames * bands);
    if (!l->values || !l->rows || !l->patches)
        ESPY_GO(cx->code);
    *out = l;
    l = NULL;
out:
    espy_listener_close(cx, &l);
    return e;
}

void espy_listener_close(espy_ctx *cx, espy_listener **listener)
{
    espy_listener *l = *listener;
    if (!l)
        return;
    espy_wave_close(cx, &l->wave);
    espy_free(cx, l->values);
    espy_free(cx, l->rows);
    espy_free(cx, l->patches);
    espy_free(cx, l);
    *listener = NULL;
}

double espy_listener_heard(const espy_listener *l)
{
    return (double)l->heard / l->en->spectrogram.rate;
}

/* Reads until there is enough for `most` patches, or all. */
static espy_err listen_fill(espy_ctx *cx, espy_listener *l, size_t most)
{
    const size_t want = listen_values(l->en, most);
    size_t got;
    if (l->ended || l->have >= want)
        return ESPY_E_OK;
    ESPY_TRY(espy_wave_read(cx, l->wave, l->values + l->have, want - l->have, &got));
    l->ended = got < want - l->have;
    l->have += got;
    l->heard += got;
    return ESPY_E_OK;
}

/* How many patches begin in what is there.  After the first one, a patch is due only when values
 * follow that the one before did not reach. */
static size_t listen_due(const espy_listener *l, size_t most)
{
    const size_t values = espy_patch_values(l->en), step = espy_patch_step(l->en);
    const size_t reached = l->told ? values - step : 0;
    if (l->have <= reached)
        return 0;
    const size_t n = l->have <= values ? 1 : 1 + (l->have - values + step - 1) / step;
    return n < most ? n : most;
}

espy_err espy_listener_patches(espy_ctx *cx, espy_listener *l, size_t most, float *patches,
                               espy_patch *heard, size_t *n)
{
    const encoder_sound *en = l->en;
    const size_t bands = (size_t)en->spectrogram.bands, one = (size_t)en->frames * bands;
    ESPY_TRY(espy_cancelled(cx));
    ESPY_TRY(listen_fill(cx, l, most));
    *n = listen_due(l, most);
    if (*n == 0)
        return ESPY_E_OK;
    const size_t need = listen_values(en, *n), passed = *n * espy_patch_step(en);
    if (l->have < need)
        memset(l->values + l->have, 0, (need - l->have) * sizeof *l->values);
    ESPY_TRY(espy_mel_frames(cx, en->mel, l->values, listen_rows(en, *n), l->rows));
    for (size_t i = 0; i < *n; i++) {
        float *patch = memcpy(patches + i * one, l->rows + i * (size_t)en->step * bands,
                              one * sizeof *patches);
        heard[i] = espy_patch_hear(en, patch);
    }
    l->have = l->have > passed ? l->have - passed : 0;
    memmove(l->values, l->values + passed, l->have * sizeof *l->values);
    l->told += *n;
    return ESPY_E_OK;
}

espy_err espy_listener_next(espy_ctx *cx, espy_listener *l, size_t most, float *vectors,
                            float *scores, espy_patch *patches, size_t *n)
{
    if (most < 1 || most > ESPY_LISTEN_BLOCK)
        return espy_fail(cx, ESPY_E_ARG, "%zu patches at a time: 1 to %d", most, ESPY_LISTEN_BLOCK);
    ESPY_TRY(espy_listener_patches(cx, l, most, l->patches, patches, n));
    return espy_patches_embed(cx, l->en, l->patches, *n, vectors, scores);
}

espy_err espy_patches_mean(espy_ctx *cx, const float *vectors, const espy_patch *patches, size_t n,
                           size_t dim, float *out)
{
    bool all_silent = true;
    float loudest = 0;
    for (size_t i = 0; i < n; i++) {
        all_silent = all_silent && patches[i].silent;
        loudest = fmaxf(loudest, patches[i].level);
    }
    memset(out, 0, dim * sizeof *out);
    for (size_t i = 0; i < n; i++) {
        const bool faint = patches[i].silent || patches[i].level < LISTEN_FAINT * loudest;
        for (size_t k = 0; k < dim && (all_silent || !faint); k++)
            out[k] += vectors[i * dim + k];
    }
    return espy_embedder_unit(cx, out, 1, dim);
}
