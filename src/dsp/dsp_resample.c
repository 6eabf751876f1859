/* SPDX-License-Identifier: Apache-2.0
 * dsp - another sample rate, by libsoxr. */
#include <soxr.h>
#include <string.h>

#include "dsp/sound.h"

struct espy_resampler {
    soxr_t soxr; /* NULL: the rates are equal */
};

/* Half of the lower rate is 1.  The way from passing to stopping is as wide as ffmpeg's
 * libswresample makes it, which most recordings and the reference scores of YAMNet went through
 * (docs/decisions/017). */
#define RESAMPLE_PASS 0.75
#define RESAMPLE_STOP 1.2

espy_err espy_resampler_create(espy_ctx *cx, int from, int to, espy_resampler **out)
{
    soxr_quality_spec_t quality = soxr_quality_spec(SOXR_HQ, 0);
    const soxr_runtime_spec_t runtime =
        soxr_runtime_spec(1); /* the pool is the source of threads */
    espy_resampler *r = espy_zalloc(cx, sizeof *r);
    if (!r)
        return cx->code;
    quality.passband_end = RESAMPLE_PASS;
    quality.stopband_begin = RESAMPLE_STOP;
    if (from != to) {
        soxr_error_t error = NULL;
        r->soxr = soxr_create(from, to, 1, &error, NULL, &quality, &runtime);
        if (!r->soxr) {
            espy_free(cx, r);
            return espy_fail(cx, ESPY_E_UNSUPPORTED, "%d values a second cannot become %d: %s",
                             from, to, soxr_strerror(error));
        }
    }
    *out = r;
    return ESPY_E_OK;
}

void espy_resampler_destroy(espy_ctx *cx, espy_resampler **r)
{
    if (*r)
        soxr_delete((*r)->soxr);
    espy_free(cx, *r);
    *r = NULL;
}

espy_err espy_resampler_run(espy_ctx *cx, espy_resampler *r, const float *in, size_t n,
                            size_t *taken, float *out, size_t room, size_t *made)
{
    if (!r->soxr) {
        *taken = *made = in ? (n < room ? n : room) : 0;
        if (*made)
            memcpy(out, in, *made * sizeof *out);
        return ESPY_E_OK;
    }
    soxr_error_t error = soxr_process(r->soxr, in, in ? n : 0, taken, out, room, made);
    if (error)
        return espy_fail(cx, ESPY_E_INTERNAL, "resampling failed: %s", soxr_strerror(error));
    return ESPY_E_OK;
}

espy_err espy_resample(espy_ctx *cx, const float *x, size_t n, int from, int to, float **out,
                       size_t *made)
{
    const size_t room = (size_t)((double)n * to / from) + 16;
    espy_resampler *r = NULL;
    espy_err e = ESPY_E_OK;
    size_t at = 0, have = 0;
    float *y = espy_floats(cx, room);
    if (!y)
        return cx->code;
    ESPY_GO(espy_resampler_create(cx, from, to, &r));
    for (bool more = true; more && have < room;) {
        size_t taken = 0, got = 0;
        ESPY_GO(espy_resampler_run(cx, r, at < n ? x + at : NULL, n - at, &taken, y + have,
                                   room - have, &got));
        more = at < n || got > 0;
        at += taken;
        have += got;
    }
    *out = y;
    *made = have;
    y = NULL;
out:
    espy_resampler_destroy(cx, &r);
    espy_free(cx, y);
    return e;
}
