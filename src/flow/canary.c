/* SPDX-License-Identifier: Apache-2.0
 * flow - canaries go the way of every recording: a file in memory, found and embedded. */
#include "flow/canary.h"

#include <math.h>
#include <string.h>

#include "base/random.h"
#include "encode/listen.h"
#include "flow/scan.h"

enum { CANARY_RATE = 16000, CANARY_HEADER = 44 };
#define CANARY_NOISE 0.1 /* deviation; full scale is 1 */

static void canary_put(uint8_t *to, uint32_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        to[i] = (uint8_t)(value >> 8 * i);
}

/* A WAV file of 16-bit values (Microsoft, IBM 1991), `deviation` of white noise. */
static espy_err canary_wav(espy_ctx *cx, double seconds, double deviation, espy_buf *out)
{
    const uint32_t n = (uint32_t)(seconds * CANARY_RATE);
    uint8_t header[CANARY_HEADER] = "RIFF....WAVEfmt ", value[2];
    espy_random random;
    espy_random_seed(&random, 1, 1);
    canary_put(header + 4, CANARY_HEADER - 8 + 2 * n, 4);
    canary_put(header + 16, 16, 4);
    canary_put(header + 20, 1, 2);
    canary_put(header + 22, 1, 2);
    canary_put(header + 24, CANARY_RATE, 4);
    canary_put(header + 28, 2 * CANARY_RATE, 4);
    canary_put(header + 32, 2, 2);
    canary_put(header + 34, 16, 2);
    memcpy(header + 36, "data", 4);
    canary_put(header + 40, 2 * n, 4);
    ESPY_TRY(espy_buf_append(cx, out, header, sizeof header));
    for (uint32_t i = 0; i < n; i++) {
        const double x = deviation > 0 ? deviation * espy_random_normal(&random) : 0;
        canary_put(value, (uint32_t)(int32_t)(fmax(-1, fmin(1, x)) * 32767), 2);
        ESPY_TRY(espy_buf_append(cx, out, value, sizeof value));
    }
    return ESPY_E_OK;
}

espy_err espy_canaries_make(espy_ctx *cx, const espy_encoder *encoder, espy_canaries *out)
{
    static const struct {
        const char *name;
        double deviation;
        bool warning; /* rain, wind and engines are like white noise; nothing is like silence */
    } kinds[ESPY_CANARIES] = {{"silence", 0, false}, {"noise", CANARY_NOISE, true}};
    const espy_find_options find = {0};
    const size_t dim = espy_encoder_dim(encoder);
    espy_canaries c = {0};
    espy_scan scan = {0};
    espy_buf wav;
    espy_err e = ESPY_E_OK;
    espy_buf_init(&wav, (size_t)1 << 24);
    *out = c;
    if (strcmp(espy_encoder_modality(encoder)->name, "sound") != 0)
        return ESPY_E_OK;
    c.vectors = espy_floats(cx, ESPY_CANARIES * dim);
    if (!c.vectors)
        return cx->code;
    for (size_t i = 0; i < ESPY_CANARIES; i++) {
        espy_buf_free(cx, &wav);
        espy_scan_free(cx, &scan);
        ESPY_GO(canary_wav(cx, espy_encoder_times(encoder).clip, kinds[i].deviation, &wav));
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
