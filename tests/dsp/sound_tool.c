/* SPDX-License-Identifier: Apache-2.0
 * Lets a script see what espy makes of raw floats (32 bits, native order) on standard input; the
 * result goes to standard output likewise.
 *   sound_tool mel                  YAMNet's log-mel frames of 16 kHz values
 *   sound_tool resample FROM TO */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "dsp/sound.h"

static espy_err tool_mel(espy_ctx *cx, const float *x, size_t n)
{
    const espy_mel_options o = {16000, 400, 160, 512, 64, 125, 7500, 0.001f};
    const size_t frames = n < 400 ? 0 : 1 + (n - 400) / 160;
    espy_mel *m = NULL;
    ESPY_TRY(espy_mel_create(cx, &o, &m));
    float *out = espy_floats(cx, frames * 64);
    espy_err e = out ? espy_mel_frames(cx, m, x, frames, out) : cx->code;
    if (e == ESPY_E_OK)
        fwrite(out, sizeof *out, frames * 64, stdout);
    espy_free(cx, out);
    espy_mel_destroy(cx, &m);
    return e;
}

static espy_err tool_resample(espy_ctx *cx, const float *x, size_t n, int from, int to)
{
    espy_resampler *r = NULL;
    ESPY_TRY(espy_resampler_create(cx, from, to, &r));
    espy_err e = ESPY_E_OK;
    for (size_t made = 1; e == ESPY_E_OK && (n || made);) {
        float out[4096];
        size_t taken;
        e = espy_resampler_run(cx, r, n ? x : NULL, n, &taken, out, 4096, &made);
        if (e == ESPY_E_OK)
            fwrite(out, sizeof *out, made, stdout);
        x += taken;
        n -= taken;
    }
    espy_resampler_destroy(cx, &r);
    return e;
}

int main(int argc, char **argv)
{
    espy_ctx cx;
    espy_buf in;
    espy_ctx_init(&cx);
    espy_buf_init(&in, (size_t)1 << 30);
    espy_err e = espy_file_read(&cx, "-", in.max, &in);
    float *x = e == ESPY_E_OK ? espy_floats(&cx, in.size / sizeof *x + 1) : NULL;
    if (x && in.size)
        memcpy(x, in.data, in.size / sizeof *x * sizeof *x);
    if (x && argc == 2)
        e = tool_mel(&cx, x, in.size / sizeof *x);
    else if (x && argc == 4)
        e = tool_resample(&cx, x, in.size / sizeof *x, atoi(argv[2]), atoi(argv[3]));
    espy_free(&cx, x);
    espy_buf_free(&cx, &in);
    if (e != ESPY_E_OK)
        fprintf(stderr, "%s\n", cx.text);
    return e != ESPY_E_OK;
}
