/* SPDX-License-Identifier: Apache-2.0
 * flow - embed: samples that the store has get vectors under another encoder than the one that
 * found them, so that a collection can be grouped and assigned by either. */
#ifndef ESPY_FLOW_EMBED_H
#define ESPY_FLOW_EMBED_H

#include "base/progress.h"
#include "flow/workspace.h"

typedef struct espy_embedded {
    size_t samples; /* that have an embedding now and had none */
    size_t errors;  /* whose media cannot be read any more; why is logged */
} espy_embedded;

/* Embeds what has no embedding under the encoder; boxes and points are those of the store, nothing
 * is detected again.  session NULL: the whole collection. Errors: NOT_FOUND (session), UNSUPPORTED
 * (sounds), ARG (an encoder of another modality), STORE, NOMEM, CANCELLED. */
espy_err espy_flow_embed(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                         const espy_encoder *encoder, const char *session,
                         const espy_progress *progress, espy_embedded *out) ESPY_NODISCARD;

/* The same for faces that were only found (images that were looked through and no more); nothing to
 * do for sounds. */
espy_err espy_flow_embed_found(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                               const espy_encoder *encoder,
                               const espy_progress *progress) ESPY_NODISCARD;

/* The pack that AttendanSee's name of a model means: "facenet" (128 values), "arcface" (512
 * values). espy.conf's `facenet` and `arcface` say which; else face-api, and the first pack of 512
 * values that is installed.  Errors: ARG (another name), NOT_FOUND (says which pack to get), DATA
 * (the pack has another dimension).  *pack: the caller's. */
espy_err espy_flow_model(espy_ctx *cx, const espy_workspace *ws, const char *name,
                         char **pack) ESPY_NODISCARD;

#endif
