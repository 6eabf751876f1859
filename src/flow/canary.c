/* SPDX-License-Identifier: Apache-2.0
 * flow - canaries go the way of every recording: a file in memory, found and embedded. */
#include "flow/canary.h"

#include <math.h>
#include <string.h>

#include "base/random.h"
#include "encode/listen.h"
#include "flow/scan.h"
#include "media/sound.h"

#define CANARY_HISS 3e-4 /* deviations; full scale is 1 */
#define CANARY_NOISE 0.1

static espy_err canary_wav(espy_ctx *cx, const espy_encoder *encoder, double deviation,
                           espy_buf *out)
{
    const int rate = espy_encoder_rate(encoder);
    const size_t n = (size_t)(espy_encoder_times(encoder).clip * rate);
    espy_random random;
    float *x = espy_floats(cx, n);
    if (!x)
        return cx->code;
    espy_random_seed(&random, 1, 1);
    for (size_t i = 0; i < n && deviation > 0; i++)
        x[i] = (float)fmax(-1, fmin(1, deviation * espy_random_normal(&random)));
    espy_err e = espy_sound_to_wav(cx, x, n, rate, out);
    espy_free(cx, x);
    return e;
}

espy_err espy_canaries_make(espy_ctx *cx, const espy_encoder *encoder, espy_canaries *out)
{
    static const struct {
        const char *name;
        double deviation;
        bool warning; /* a quiet room may be a class, and rain is like white noise; nothing is like
                         silence */
    } kinds[ESPY_CANARIES] = {
        {"silence", 0, false}, {"hiss", CANARY_HISS, true}, {"noise", CANARY_NOISE, true}};
    const espy_find_options find = {0};
    const size_t dim = espy_encoder_dim(encoder);
    espy_canaries c = {0};
    espy_scan scan = {0};
    espy_buf wav;
    espy_err e = ESPY_E_OK;
    espy_buf_init(&wav, (size_t)1 << 28);
    *out = c;
    if (!espy_encoder_modality(encoder)->hears)
        return ESPY_E_OK;
    c.vectors = espy_floats(cx, ESPY_CANARIES * dim);
    if (!c.vectors)
        return cx->code;
    for (size_t i = 0; i < ESPY_CANARIES; i++) {
        espy_buf_free(cx, &wav);
        espy_scan_free(cx, &scan);
        ESPY_GO(canary_wav(cx, encoder, kinds[i].deviation, &wav));
        ESPY_GO(espy_flow_scan_memory(cx, encoder, &find, espy_span_of(&wav), &scan));
        memcpy(c.vectors + i * dim, scan.vectors, dim * sizeof *c.vectors);
        c.at[c.n++] = (espy_canary){kinds[i].name, c.vectors + i * dim,
                                    scan.at[0].score < espy_encoder_pack(encoder)->min_score,
                                    kinds[i].warning};
    }
    *out = c;
    c = (espy_canaries){0};
out:
    espy_buf_free(cx, &wav);
    espy_scan_free(cx, &scan);
    espy_canaries_free(cx, &c);
    return e;
}

void espy_canaries_free(espy_ctx *cx, espy_canaries *c)
{
    espy_free(cx, c->vectors);
    *c = (espy_canaries){0};
}
