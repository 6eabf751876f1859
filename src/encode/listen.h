/* SPDX-License-Identifier: Apache-2.0
 * encode - listening to a recording of any length patch by patch, in memory that does not grow.
 *
 * A patch is what a sound encoder looks at at once (YAMNet: 0.96 s); the next begins a step later
 * (0.48 s).  A recording of n values, patches of p and steps of s values, has one patch when n <=
 * p, else 1 + ceil((n - p) / s): the last is filled up with silence. */
#ifndef ESPY_ENCODE_LISTEN_H
#define ESPY_ENCODE_LISTEN_H

#include "encode/encode.h"

typedef struct espy_listener espy_listener;

/* path NULL: the file's bytes, which must outlive the listener.  start, most: seconds; most 0: to
 * the end.  Errors: ARG (the encoder is not for sounds), as espy_sound_open(). */
espy_err espy_listener_open(espy_ctx *cx, const espy_encoder *encoder, const char *path,
                            espy_span file, double start, double most,
                            espy_listener **out) ESPY_NODISCARD;
void espy_listener_close(espy_ctx *cx, espy_listener **l); /* NULL-safe */

/* What was heard of a patch. */
typedef struct espy_patch {
    float level; /* largest magnitude of a mel band; a tone of amplitude a has about 100 a */
    bool silent; /* below the encoder's limit */
} espy_patch;

#define ESPY_LISTEN_BLOCK 64 /* most patches at a time */

/* The next patches, at most `most` (1 .. ESPY_LISTEN_BLOCK); *n is 0 at the end.
 *   vectors  most x dim, as the encoder gives them, not of unit length
 *   scores   most x espy_encoder_scores(), or NULL
 * Runs on the context's pool.  Errors: FORMAT (damaged), NOMEM, CANCELLED. */
espy_err espy_listener_next(espy_ctx *cx, espy_listener *l, size_t most, float *vectors,
                            float *scores, espy_patch *patches, size_t *n) ESPY_NODISCARD;

/* Seconds that were read so far. */
double espy_listener_heard(const espy_listener *l);

/* Lengths in seconds: of a patch, of the step to the next, and of the stretch at the beginning of a
 * recording that stands for it in training and in answers about clips. */
typedef struct espy_listen_times {
    double patch, step, clip;
} espy_listen_times;
espy_listen_times espy_encoder_times(const espy_encoder *encoder);
int espy_encoder_rate(const espy_encoder *encoder); /* values a second that it hears */

/* The classes that the network itself knows (AudioSet's of YAMNet): how many, 0 for none, and their
 * names. */
size_t espy_encoder_scores(const espy_encoder *encoder);
const char *espy_encoder_score_name(const espy_encoder *encoder, size_t i);

/* Mean of the patches that are not silent, nor 30 dB below the loudest, scaled to unit length; of
 * all when all are silent: the embedding of a stretch of n patches (docs/decisions/013). */
espy_err espy_patches_mean(espy_ctx *cx, const float *vectors, const espy_patch *patches, size_t n,
                           size_t dim, float *out) ESPY_NODISCARD;

#endif
