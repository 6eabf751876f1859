/* SPDX-License-Identifier: Apache-2.0
 * What the tests of the encoders share. */
#ifndef ESPY_TEST_ENCODE_CASE_H
#define ESPY_TEST_ENCODE_CASE_H

#include "encode/encode.h"

/* Embeds crops as they are. */
static inline espy_err case_embed(espy_ctx *cx, const espy_encoder *en, const espy_image *crops,
                                  size_t n, float *out)
{
    espy_samples s = {.at = espy_array(cx, n, sizeof *s.at), .n = n};
    for (size_t i = 0; s.at && i < n; i++)
        s.at[i].crop = crops[i];
    espy_err e = s.at ? espy_encoder_embed(cx, en, &s, out) : ESPY_E_NOMEM;
    espy_free(cx, s.at);
    return e;
}

#endif
