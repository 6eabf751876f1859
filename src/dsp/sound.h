/* SPDX-License-Identifier: Apache-2.0
 * dsp - arithmetic on sound: another sample rate, log-mel spectrograms.
 * Depends on: base. */
#ifndef ESPY_DSP_SOUND_H
#define ESPY_DSP_SOUND_H

#include "base/mem.h"

/* ---- sample rate --------------------------------------------------------------------------- */

/* One stream on its way to another rate (libsoxr, 20 bits); equal rates pass unchanged.  With half
 * of the lower rate as 1, frequencies up to 0.75 pass, those from 1.2 on do not; what lies between
 * is damped, and folded from 1 on.  What comes out does not depend on how the input is cut into
 * pieces. */
typedef struct espy_resampler espy_resampler;

espy_err espy_resampler_create(espy_ctx *cx, int from, int to, espy_resampler **out) ESPY_NODISCARD;
void espy_resampler_destroy(espy_ctx *cx, espy_resampler **r);

/* Takes up to n values of `in` and makes up to `room` of `out`.  in NULL: the stream has ended, the
 * rest comes; *made 0 then says that it was all. */
espy_err espy_resampler_run(espy_ctx *cx, espy_resampler *r, const float *in, size_t n,
                            size_t *taken, float *out, size_t room, size_t *made) ESPY_NODISCARD;

/* n values at another rate, all at once; *out is new, espy_free(). */
espy_err espy_resample(espy_ctx *cx, const float *x, size_t n, int from, int to, float **out,
                       size_t *made) ESPY_NODISCARD;

/* ---- alterations, for training on more than there is ---------------------------------------- */

/* The same sound `factor` times as long at the same pitch (0.5 .. 2), by overlap and add of frames
 * of 64 ms, each taken where it goes on best from the one before (WSOLA: Verhelst, Roelands 1993).
 * *out is new, espy_free(). */
espy_err espy_sound_stretch(espy_ctx *cx, const float *x, size_t n, int rate, double factor,
                            float **out, size_t *made) ESPY_NODISCARD;

/* The same length at another pitch, `semitones` higher (-12 .. 12): stretched, then resampled. */
espy_err espy_sound_pitch(espy_ctx *cx, const float *x, size_t n, int rate, double semitones,
                          float **out, size_t *made) ESPY_NODISCARD;

/* ---- log-mel spectrogram ------------------------------------------------------------------- */

/* log(M |FFT(w x)| + offset) for each frame of `window` values: periodic Hann window w, magnitudes,
 * and triangles M whose corners are equally spaced on the mel scale 1127 ln(1 + f / 700)
 * (O'Shaughnessy 1987, as HTK and YAMNet use it); the lowest magnitude (0 Hz) is left out. */
typedef struct espy_mel_options {
    int rate;        /* values a second */
    int window, hop; /* length of a frame and steps between them, in values */
    int fft;         /* length of the transform, even, at least window */
    int bands;       /* triangles */
    float low, high; /* where the first begins and the last ends, Hz */
    float offset;    /* added before the logarithm */
} espy_mel_options;

#define ESPY_MEL_FFT 8192 /* longest transform */
#define ESPY_MEL_BANDS 512

typedef struct espy_mel espy_mel; /* immutable: any number of threads at once */

/* Errors: ARG (which number is out of range), NOMEM. */
espy_err espy_mel_create(espy_ctx *cx, const espy_mel_options *options,
                         espy_mel **out) ESPY_NODISCARD;
void espy_mel_destroy(espy_ctx *cx, espy_mel **mel);

/* Frame i begins at x + i * hop.  out: frames x bands. */
espy_err espy_mel_frames(espy_ctx *cx, const espy_mel *mel, const float *x, size_t frames,
                         float *out) ESPY_NODISCARD;

/* Weight of a magnitude (0 .. fft / 2) in a band; for tests. */
float espy_mel_weight(const espy_mel *mel, int band, int magnitude);

#endif
