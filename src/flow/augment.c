/* SPDX-License-Identifier: Apache-2.0
 * flow - altered copies. */
#include "flow/augment.h"

#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/pool.h"
#include "base/random.h"
#include "dsp/sound.h"
#include "encode/listen.h"
#include "encode/wave.h"
#include "flow/scan.h"
#include "media/sound.h"

/* What is done to a copy, in this order; 0 (gain: 1) does nothing. */
typedef struct augment_kind {
    double stretch; /* times as long */
    double pitch;   /* semitones */
    double shift;   /* share of the length that it begins later, at most; the end comes first */
    double noise;   /* deviation of white noise; full scale is 1 */
    double gain;
} augment_kind;

static const augment_kind augment_kinds[ESPY_AUGMENT_KINDS] = {
    {.stretch = 1.1, .gain = 1},
    {.pitch = 2, .gain = 1},
    {.noise = 0.005, .gain = 1},
    {.shift = 0.15, .gain = 1},
    {.gain = 0.8},
    {.stretch = 0.9, .gain = 1},
    {.pitch = -2, .gain = 1},
    {.noise = 0.002, .gain = 1},
    {.gain = 1.2},
    {.stretch = 1.1, .noise = 0.002, .gain = 1},
    {.pitch = 2, .shift = 0.15, .gain = 0.8}};

espy_err espy_augment_sound(espy_ctx *cx, const float *x, size_t n, int rate, size_t kind,
                            uint64_t seed, float **out, size_t *made)
{
    const augment_kind *k = &augment_kinds[kind];
    espy_random random;
    espy_err e = ESPY_E_OK;
    float *y = NULL, *z = NULL;
    size_t m = n;
    espy_random_seed(&random, seed, kind + 1);
    if (k->stretch > 0)
        ESPY_GO(espy_sound_stretch(cx, x, n, rate, k->stretch, &y, &m));
    else if (k->pitch != 0)
        ESPY_GO(espy_sound_pitch(cx, x, n, rate, k->pitch, &y, &m));
    z = espy_floats(cx, m);
    if (!z)
        ESPY_GO(cx->code);
    const size_t shift = (size_t)(k->shift * espy_random_unit(&random) * (double)m);
    for (size_t i = 0; i < m; i++) {
        double v = (double)(y ? y : x)[(i + m - shift) % m];
        if (k->noise > 0)
            v += k->noise * espy_random_normal(&random);
        z[i] = (float)fmax(-1, fmin(1, v * k->gain));
    }
    *out = z;
    *made = m;
    z = NULL;
out:
    espy_free(cx, y);
    espy_free(cx, z);
    return e;
}

enum { AUGMENT_BATCH = 64 }; /* recordings that are in memory at once */

typedef struct augment_job {
    const espy_augmenter *a;
    const uint32_t *at;
    espy_buf files[AUGMENT_BATCH]; /* recordings first, first + 1 ...; empty: gone or damaged */
    size_t first;
    float *x;      /* n x copies x dim */
    uint8_t *made; /* n x copies */
} augment_job;

/* The first seconds of a recording, at the encoder's rate. */
static espy_err augment_read(espy_ctx *cx, const espy_encoder *encoder, espy_span file, float **x,
                             size_t *n)
{
    const int rate = espy_encoder_rate(encoder);
    const double clip = espy_encoder_times(encoder).clip;
    const size_t room = (size_t)(clip * rate);
    espy_wave *wave = NULL;
    float *values = espy_floats(cx, room);
    espy_err e = ESPY_E_OK;
    if (!values)
        return cx->code;
    ESPY_GO(espy_wave_open(cx, NULL, file, rate, 0, clip, &wave));
    ESPY_GO(espy_wave_read(cx, wave, values, room, n));
    *x = values;
    values = NULL;
out:
    espy_wave_close(cx, &wave);
    espy_free(cx, values);
    return e;
}

/* Alters, and goes the way of every recording. */
static espy_err augment_copy(espy_ctx *cx, const augment_job *j, const float *x, size_t n,
                             size_t place, size_t copy)
{
    const espy_find_options find = {.largest = true};
    const espy_encoder *encoder = j->a->encoder;
    const size_t dim = espy_encoder_dim(encoder), to = place * j->a->copies + copy;
    const uint64_t seed = j->a->seed + (uint64_t)j->a->set->vectors.sample[j->at[place]];
    espy_scan scan = {0};
    espy_buf wav;
    float *altered = NULL;
    size_t made = 0;
    espy_err e = ESPY_E_OK;
    espy_buf_init(&wav, (size_t)1 << 28);
    ESPY_GO(espy_augment_sound(cx, x, n, espy_encoder_rate(encoder), copy, seed, &altered, &made));
    ESPY_GO(espy_sound_to_wav(cx, altered, made, espy_encoder_rate(encoder), &wav));
    ESPY_GO(espy_flow_scan_memory(cx, encoder, &find, espy_span_of(&wav), &scan));
    if (scan.n) {
        memcpy(j->x + to * dim, scan.vectors, dim * sizeof *j->x);
        j->made[to] = 1;
    }
out:
    espy_scan_free(cx, &scan);
    espy_buf_free(cx, &wav);
    espy_free(cx, altered);
    return e;
}

static espy_err augment_one(espy_ctx *cx, void *self, size_t item, unsigned worker)
{
    (void)worker;
    const augment_job *j = self;
    float *x = NULL;
    size_t n = 0;
    espy_scan excuse = {0};
    if (!j->files[item].size)
        return ESPY_E_OK;
    espy_err e = augment_read(cx, j->a->encoder, espy_span_of(&j->files[item]), &x, &n);
    for (size_t c = 0; e == ESPY_E_OK && n > 0 && c < j->a->copies; c++)
        e = augment_copy(cx, j, x, n, j->first + item, c);
    espy_free(cx, x);
    if (e == ESPY_E_OK)
        return e;
    e = espy_scan_excuse(cx, e, &excuse); /* media that are gone were learned from all the same */
    espy_scan_free(cx, &excuse);
    return e;
}

/* The copies that were made, behind each other. */
static espy_err augment_gather(espy_ctx *cx, const augment_job *j, size_t n, espy_fit_more *out)
{
    const espy_rows *rows = &j->a->set->rows;
    const size_t copies = j->a->copies;
    out->y = espy_array(cx, n * copies, sizeof *out->y);
    out->group = espy_array(cx, n * copies, sizeof *out->group);
    if (!out->y || !out->group)
        return cx->code;
    for (size_t i = 0; i < n * copies; i++) {
        if (!j->made[i])
            continue;
        const uint32_t from = j->at[i / copies];
        memmove(out->x + out->n * rows->dim, out->x + i * rows->dim, rows->dim * sizeof *out->x);
        out->y[out->n] = rows->y[from];
        out->group[out->n++] = rows->group ? rows->group[from] : from;
    }
    return ESPY_E_OK;
}

/* The recording of a row; empty when it is gone or damaged. */
static espy_err augment_fetch(espy_ctx *cx, const espy_augmenter *a, uint32_t row, espy_buf *out)
{
    char digest[ESPY_DIGEST_HEX];
    espy_scan excuse = {0};
    ESPY_TRY(espy_store_sample_media(cx, a->ws->store, a->set->vectors.sample[row], digest));
    espy_err e = espy_store_media_bytes(cx, a->ws->store, digest, cx->max.file_bytes, out);
    if (e == ESPY_E_OK)
        return e;
    if (e == ESPY_E_DIGEST) {
        espy_clear(cx);
        return ESPY_E_OK;
    }
    e = espy_scan_excuse(cx, e, &excuse);
    espy_scan_free(cx, &excuse);
    return e;
}

/* One batch: the store is read by this thread alone, the rest is everybody's. */
static espy_err augment_batch(espy_ctx *cx, augment_job *j, size_t n)
{
    espy_err e = ESPY_E_OK;
    for (size_t i = 0; i < n && e == ESPY_E_OK; i++)
        e = augment_fetch(cx, j->a, j->at[j->first + i], &j->files[i]);
    if (e == ESPY_E_OK)
        e = espy_parallel(cx, n, augment_one, j);
    for (size_t i = 0; i < n; i++)
        espy_buf_free(cx, &j->files[i]);
    return e;
}

espy_err espy_augment(espy_ctx *cx, void *augmenter, const uint32_t *at, size_t n,
                      espy_fit_more *out)
{
    const espy_augmenter *a = augmenter;
    augment_job j = {.a = a, .at = at};
    espy_fit_more more = {0};
    espy_err e = ESPY_E_OK;
    j.made = espy_array(cx, n * a->copies, sizeof *j.made);
    j.x = more.x = espy_floats(cx, n * a->copies * a->set->rows.dim);
    if (!j.made || !j.x)
        ESPY_GO(cx->code);
    for (; j.first < n; j.first += AUGMENT_BATCH)
        ESPY_GO(augment_batch(cx, &j, n - j.first < AUGMENT_BATCH ? n - j.first : AUGMENT_BATCH));
    ESPY_GO(augment_gather(cx, &j, n, &more));
    *out = more;
    more = (espy_fit_more){0};
out:
    espy_free(cx, j.made);
    espy_fit_more_free(cx, &more);
    return e;
}
