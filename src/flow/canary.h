/* SPDX-License-Identifier: Apache-2.0
 * flow - canaries: sounds that are nobody's, which a version must not name before it may answer. */
#ifndef ESPY_FLOW_CANARY_H
#define ESPY_FLOW_CANARY_H

#include "flow/gate.h"

#define ESPY_CANARIES 3

typedef struct espy_canaries {
    espy_canary at[ESPY_CANARIES];
    size_t n;
    float *vectors; /* n x dim */
} espy_canaries;

/* Digital silence, and white noise at -70 and at -20 dBFS (seeded), as long as a clip, embedded by
 * the encoder, whose own limit of loudness already refuses silence where it has one; none for an
 * encoder of faces.  Free with espy_canaries_free(). */
espy_err espy_canaries_make(espy_ctx *cx, const espy_encoder *encoder,
                            espy_canaries *out) ESPY_NODISCARD;
void espy_canaries_free(espy_ctx *cx, espy_canaries *c);

#endif
