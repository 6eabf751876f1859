/* SPDX-License-Identifier: Apache-2.0
 * flow - collect: photos (all their faces) or recordings come into a collection without labels, to
 * be grouped and assigned. */
#ifndef ESPY_FLOW_COLLECT_H
#define ESPY_FLOW_COLLECT_H

#include "base/progress.h"
#include "flow/workspace.h"

typedef struct espy_collect_options {
    const char *session; /* the occasion: found or made; NULL: none */
    const char *date;    /* of the session, YYYY-MM-DD, or NULL */
    const espy_progress *progress;
    /* Told of each file that could not be used; NULL: nobody. */
    void (*skipped)(void *self, size_t file, const char *why);
    void *self;
} espy_collect_options;

typedef struct espy_collected {
    size_t media, samples; /* files that could be read, what was found in them */
    size_t fresh;          /* files encoded now and not known before */
    size_t errors;         /* files that could not be read */
    size_t elsewhere;      /* files that are in another session, and stay there */
} espy_collected;

/* Errors: ARG (session, date), STORE, NOMEM, CANCELLED; a bad file is only counted. */
espy_err espy_flow_collect(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                           const espy_encoder *encoder, const char *const *paths, size_t n,
                           const espy_collect_options *options, espy_collected *out) ESPY_NODISCARD;

/* The session of that name and date; date NULL: the newest of that name.  Errors: NOT_FOUND. */
espy_err espy_flow_session(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                           const char *name, const char *date, int64_t *id) ESPY_NODISCARD;

#endif
