/* SPDX-License-Identifier: Apache-2.0
 * dsp - log-mel spectrograms, on kissfft's real transform. */
#include <kiss_fftr.h>
#include <math.h>

#include "dsp/sound.h"

/* A magnitude lies under the falling side of one triangle and the rising side of the next. */
typedef struct mel_share {
    int band;         /* whose rising side it is: 0 .. bands; falls in band - 1 */
    float rise, fall; /* weights in the two */
} mel_share;

struct espy_mel {
    espy_mel_options o;
    int first, end; /* magnitudes with a share */
    float *window;
    mel_share *share; /* fft / 2 + 1 */
};

static double mel_of(double hz)
{
    return 1127.0 * log(1.0 + hz / 700.0);
}

static espy_err mel_check(espy_ctx *cx, const espy_mel_options *o)
{
    if (o->rate < 1000 || o->rate > 768000)
        return espy_fail(cx, ESPY_E_ARG, "a spectrogram of %d values a second: 1000 to 768000",
                         o->rate);
    if (o->fft < 16 || o->fft > ESPY_MEL_FFT || o->fft % 2 || o->window < 2 || o->window > o->fft ||
        o->hop < 1 || o->hop > ESPY_MEL_FFT)
        return espy_fail(
            cx, ESPY_E_ARG,
            "a spectrogram with window %d, hop %d, transform %d: the transform is even "
            "and at most %d, the window no longer than it",
            o->window, o->hop, o->fft, ESPY_MEL_FFT);
    if (o->bands < 1 || o->bands > ESPY_MEL_BANDS || !(o->low >= 0) || !(o->high > o->low) ||
        !(o->high <= (float)o->rate / 2) || !(o->offset > 0) || !(o->offset <= 1))
        return espy_fail(cx, ESPY_E_ARG,
                         "a spectrogram of %d bands from %g to %g Hz, offset %g: at most %d bands "
                         "below half the rate, offset above 0 and at most 1",
                         o->bands, (double)o->low, (double)o->high, (double)o->offset,
                         ESPY_MEL_BANDS);
    return ESPY_E_OK;
}

/* The triangles' corners are at mel low + i (high - low) / (bands + 1). */
static void mel_shares(espy_mel *m)
{
    const espy_mel_options *o = &m->o;
    const double low = mel_of((double)o->low);
    const double step = (mel_of((double)o->high) - low) / (o->bands + 1);
    m->first = m->end = 0;
    for (int k = 1; k <= o->fft / 2; k++) { /* 0 Hz is left out */
        const double at = (mel_of((double)k * o->rate / o->fft) - low) / step;
        if (!(at > 0 && at < o->bands + 1))
            continue;
        const int band = (int)at;
        m->share[k] = (mel_share){band, (float)(at - band), (float)(1 - (at - band))};
        if (!m->first)
            m->first = k;
        m->end = k + 1;
    }
}

espy_err espy_mel_create(espy_ctx *cx, const espy_mel_options *options, espy_mel **out)
{
    espy_err e = ESPY_E_OK;
    espy_mel *m = NULL;
    ESPY_TRY(mel_check(cx, options));
    m = espy_zalloc(cx, sizeof *m);
    if (!m)
        return cx->code;
    m->o = *options;
    m->window = espy_floats(cx, (size_t)options->window);
    m->share = espy_array(cx, (size_t)options->fft / 2 + 1, sizeof *m->share);
    if (!m->window || !m->share)
        ESPY_GO(cx->code);
    for (int i = 0; i < options->window; i++)
        m->window[i] = (float)(0.5 - 0.5 * cos(2 * acos(-1.0) * i / options->window));
    mel_shares(m);
    *out = m;
    m = NULL;
out:
    espy_mel_destroy(cx, &m);
    return e;
}

void espy_mel_destroy(espy_ctx *cx, espy_mel **mel)
{
    espy_mel *m = *mel;
    if (!m)
        return;
    espy_free(cx, m->window);
    espy_free(cx, m->share);
    espy_free(cx, m);
    *mel = NULL;
}

float espy_mel_weight(const espy_mel *m, int band, int magnitude)
{
    const mel_share *s = &m->share[magnitude];
    if (s->rise == 0 && s->fall == 0)
        return 0;
    return s->band == band ? s->rise : s->band == band + 1 ? s->fall : 0;
}

/* sum has a place before the first band and one behind the last, for triangles that are not. */
static void mel_frame(const espy_mel *m, const kiss_fft_cpx *spectrum, float *magnitude, float *sum,
                      float *out)
{
    const int bands = m->o.bands;
    for (int k = m->first; k < m->end; k++)
        magnitude[k] = sqrtf(spectrum[k].r * spectrum[k].r + spectrum[k].i * spectrum[k].i);
    for (int b = 0; b < bands + 2; b++)
        sum[b] = 0;
    for (int k = m->first; k < m->end; k++) {
        const mel_share *s = &m->share[k];
        sum[s->band] += s->fall * magnitude[k];
        sum[s->band + 1] += s->rise * magnitude[k];
    }
    for (int b = 0; b < bands; b++)
        out[b] = logf(sum[b + 1] + m->o.offset);
}

espy_err espy_mel_frames(espy_ctx *cx, const espy_mel *m, const float *x, size_t frames, float *out)
{
    const espy_mel_options *o = &m->o;
    espy_err e = ESPY_E_OK;
    size_t plan_bytes = 0;
    const size_t half = (size_t)o->fft / 2 + 1, bands = (size_t)o->bands;
    (void)kiss_fftr_alloc(o->fft, 0, NULL,
                          &plan_bytes); /* a plan holds scratch, so each call has one */
    void *memory = espy_alloc(cx, plan_bytes);
    kiss_fft_cpx *spectrum = espy_array(cx, half, sizeof *spectrum);
    float *frame = espy_floats(cx, (size_t)o->fft + half + bands + 2);
    if (!memory || !spectrum || !frame)
        ESPY_GO(cx->code);
    kiss_fftr_cfg plan = kiss_fftr_alloc(o->fft, 0, memory, &plan_bytes);
    float *magnitude = frame + o->fft, *sum = magnitude + half;
    for (size_t i = 0; i < frames; i++) {
        const float *at = x + i * (size_t)o->hop;
        for (int k = 0; k < o->window; k++)
            frame[k] = at[k] * m->window[k];
        kiss_fftr(plan, frame, spectrum);
        mel_frame(m, spectrum, magnitude, sum, out + i * bands);
    }
out:
    espy_free(cx, memory);
    espy_free(cx, spectrum);
    espy_free(cx, frame);
    return e;
}
