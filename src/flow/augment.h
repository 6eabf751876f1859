/* SPDX-License-Identifier: Apache-2.0
 * flow - altered copies of training sounds: longer, higher, noisier, later, louder.  They are made
 * after the split and of the training part only, so nothing measured has a copy in what was
 * learned. Depends on media in the store: a clip's file is read again, altered, and embedded like
 * any other. */
#ifndef ESPY_FLOW_AUGMENT_H
#define ESPY_FLOW_AUGMENT_H

#include "flow/train.h"

#define ESPY_AUGMENT_KINDS 11 /* S4's (SPEC 6.7); copy i of a clip is of kind i */

typedef struct espy_augmenter {
    espy_workspace *ws;          /* borrowed */
    const espy_encoder *encoder; /* borrowed; of sounds */
    const espy_training_set *set;
    size_t copies; /* of each clip, 1 .. ESPY_AUGMENT_KINDS */
    uint64_t seed;
} espy_augmenter;

/* An espy_fit_more_fn: copies of the rows at[0 .. n) of the set, with the label and the group of
 * what they were made from.  Clips whose media are gone or silent when altered have no copies.
 * Errors: NOMEM, CANCELLED, STORE. */
espy_err espy_augment(espy_ctx *cx, void *augmenter, const uint32_t *at, size_t n,
                      espy_fit_more *out) ESPY_NODISCARD;

/* One alteration (kind 0 .. ESPY_AUGMENT_KINDS - 1) of n values; *out is new, espy_free(). */
espy_err espy_augment_sound(espy_ctx *cx, const float *x, size_t n, int rate, size_t kind,
                            uint64_t seed, float **out, size_t *made) ESPY_NODISCARD;

#endif
