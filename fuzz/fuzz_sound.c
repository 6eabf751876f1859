/* SPDX-License-Identifier: Apache-2.0
 * Sound files from memory: refused with one line, or read within the bounds that the header of
 * media/sound.h promises, whatever the size of the pieces; seeking anywhere is an error or works.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "media/sound.h"

#define FUZZ_VALUES 30000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* libsndfile 1.2 forgets some memory of libvorbis and libopus when a file is damaged. */
const char *__lsan_default_suppressions(void);
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void)
{
    return "leak:libvorbis\nleak:libopus\nleak:libsndfile\n";
}

static void fuzz_refused(espy_ctx *cx)
{
    if (cx->text[0] == '\0' || strchr(cx->text, '\n'))
        abort();
    espy_clear(cx);
}

/* Up to `most` values in pieces; returns how many, `*e` what ended it. */
static size_t fuzz_read(espy_ctx *cx, espy_sound_file *f, float *out, size_t most, size_t piece,
                        espy_err *e)
{
    size_t n = 0;
    *e = ESPY_E_OK;
    while (n < most) {
        const size_t want = most - n < piece ? most - n : piece;
        size_t got;
        *e = espy_sound_read(cx, f, out + n, want, &got);
        if (got > want)
            abort();
        if (*e != ESPY_E_OK) {
            fuzz_refused(cx);
            break;
        }
        n += got;
        if (got < want)
            break;
    }
    for (size_t i = 0; i < n; i++)
        if (!(fabsf(out[i]) <= 1e3f))
            abort();
    return n;
}

static espy_sound_file *fuzz_open(espy_ctx *cx, espy_span file)
{
    espy_sound_file *f = NULL;
    if (espy_sound_open_memory(cx, file, &f) != ESPY_E_OK) {
        if (f)
            abort();
        fuzz_refused(cx);
        return NULL;
    }
    const espy_sound_info *info = espy_sound_info_of(f);
    if (info->rate < ESPY_SOUND_RATE_LEAST || info->rate > ESPY_SOUND_RATE_MOST ||
        info->channels < 1 || info->channels > ESPY_SOUND_CHANNELS || !info->format ||
        !(info->seconds >= 0 || info->seconds == -1))
        abort();
    return f;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static float a[FUZZ_VALUES], b[FUZZ_VALUES];
    const espy_span file = {data, size};
    espy_ctx cx;
    espy_err e;
    espy_ctx_init(&cx);
    espy_sound_file *f = fuzz_open(&cx, file);
    if (!f)
        return 0;
    const size_t n = fuzz_read(&cx, f, a, FUZZ_VALUES, 4096, &e);
    const double seconds[] = {(double)(size % 97) / 50, 0, 1e8, (double)(size % 7) / 10};
    for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++) {
        if (espy_sound_seek(&cx, f, seconds[i]) != ESPY_E_OK)
            fuzz_refused(&cx);
        else
            (void)fuzz_read(&cx, f, b, 3000, 1000, &e);
    }
    espy_sound_close(&cx, &f);
    f = fuzz_open(&cx, file);
    if (!f) /* it was opened before */
        abort();
    if (n < FUZZ_VALUES && fuzz_read(&cx, f, b, FUZZ_VALUES, 999, &e) == n &&
        memcmp(a, b, n * sizeof *a) != 0)
        abort();
    espy_sound_close(&cx, &f);
    return 0;
}
