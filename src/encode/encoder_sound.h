/* SPDX-License-Identifier: Apache-2.0
 * encode - what the files of the sound encoders share.  Private to src/encode. */
#ifndef ESPY_ENCODE_ENCODER_SOUND_H
#define ESPY_ENCODE_ENCODER_SOUND_H

#include "dsp/sound.h"
#include "encode/embed.h"
#include "encode/encoder_ops.h"
#include "encode/listen.h"

typedef struct encoder_sound {
    espy_encoder base;
    espy_mel_options spectrogram;
    espy_mel *mel;
    int frames, step;       /* of a patch, and to the next one */
    double clip;            /* seconds */
    espy_embedder embedder; /* without a network: statistics */
    char *text, **names;    /* of the scores; names point into text */
} encoder_sound;

/* Values in a patch's stretch of the recording, and from one patch to the next. */
size_t espy_patch_values(const encoder_sound *en);
size_t espy_patch_step(const encoder_sound *en);

/* Raise it with every change that moves a value, from mixing the channels to the mean of patches.
 */
#define ESPY_HEAR_REVISION 3

/* How loud a patch's spectrogram is. */
espy_patch espy_patch_hear(const encoder_sound *en, const float *patch);

/* Spectrograms become vectors, n x dim, on the pool; scores as in espy_listener_next(). */
espy_err espy_patches_embed(espy_ctx *cx, const encoder_sound *en, const float *patches, size_t n,
                            float *vectors, float *scores) ESPY_NODISCARD;

/* The next patches of a listener as spectrograms, n x frames x bands. */
espy_err espy_listener_patches(espy_ctx *cx, espy_listener *l, size_t most, float *patches,
                               espy_patch *heard, size_t *n) ESPY_NODISCARD;

/* A built-in embedding without a network: what a log-mel spectrogram looks like on average.  c_k(t)
 * is the orthonormal DCT-II over the bands of frame t (k = 0 .. 30): the vector holds the means
 * over t of c_1 .. c_30, the logarithms of the standard deviations of c_0 .. c_30 and of their
 * changes from frame to frame, each standardised by what is usual (sound_stats.c). Cepstral
 * statistics are the classic description of timbre (Tzanetakis, Cook 2002). */
#define ESPY_STATS_DIM 92
espy_err espy_stats_embed(espy_ctx *cx, const float *patch, int frames, int bands,
                          float *out) ESPY_NODISCARD;

#endif
