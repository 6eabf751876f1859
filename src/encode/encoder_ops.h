/* SPDX-License-Identifier: Apache-2.0
 * encode - what the encoders of a modality bring: one file each, encoder_<modality>.c, which ends
 * with its record, and a line in encoder.c.  Private to src/encode. */
#ifndef ESPY_ENCODE_ENCODER_OPS_H
#define ESPY_ENCODE_ENCODER_OPS_H

#include "encode/encode.h"

typedef struct espy_encoder_ops {
    espy_modality modality;
    /* Makes the encoder of begun->pack, which begins with a copy of `begun`; sets both digests. */
    espy_err (*open)(espy_ctx *cx, const espy_encoder *begun, unsigned threads, espy_encoder **out);
    espy_err (*find)(espy_ctx *cx, const espy_encoder *encoder, espy_span file,
                     const espy_find_options *options, espy_samples *out);
    /* NULL: the modality's samples belong to one encoder. */
    espy_err (*cut)(espy_ctx *cx, const espy_encoder *encoder, espy_span file, espy_samples *s);
    espy_err (*embed)(espy_ctx *cx, const espy_encoder *encoder, const espy_samples *samples,
                      float *out);
    void (*destroy)(espy_ctx *cx, espy_encoder *encoder);
} espy_encoder_ops;

extern const espy_encoder_ops espy_encoder_face, espy_encoder_sound;

/* Every encoder starts with this. */
struct espy_encoder {
    const espy_encoder_ops *ops;
    espy_pack *pack; /* freed by encoder.c */
    espy_precision precision, detector_precision;
    char digest[ESPY_DIGEST_HEX], detector_digest[ESPY_DIGEST_HEX];
};

const char *espy_precision_word(espy_precision p); /* "f32", "bf16" */

/* SHA-256 of an object's canonical text. */
espy_err espy_encoder_hash(espy_ctx *cx, const espy_json *o,
                           char out[ESPY_DIGEST_HEX]) ESPY_NODISCARD;

#endif
