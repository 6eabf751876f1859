/* SPDX-License-Identifier: Apache-2.0
 * http - encoders and versions that are open, shared by all workers.
 *
 * An encoder stays open.  A version stays open until another one answers or its labels change; who
 * is answering with it goes on until he is done. */
#ifndef ESPY_HTTP_MODELS_H
#define ESPY_HTTP_MODELS_H

#include "flow/stored.h"

typedef struct espy_models espy_models;
espy_err espy_models_create(espy_ctx *cx, espy_models **out) ESPY_NODISCARD;
void espy_models_destroy(espy_ctx *cx, espy_models **models); /* nobody holds a model any more */

/* Thread-safe.  The encoder of a collection, or of a pack (with precision "auto"); it stays the
 * cache's.  Errors: NOT_FOUND (the pack is not installed; says how), DIGEST, FORMAT, NOMEM. */
espy_err espy_models_encoder(espy_ctx *cx, espy_models *m, espy_workspace *ws,
                             const espy_collection *c, const espy_encoder **out) ESPY_NODISCARD;
espy_err espy_models_pack(espy_ctx *cx, espy_models *m, espy_workspace *ws, const char *pack,
                          const espy_encoder **out) ESPY_NODISCARD;

/* A version ready to answer; give it back with espy_models_put(). */
typedef struct espy_model {
    espy_identifier id; /* immutable: to answer with another threshold, copy it and set rule */
    espy_stored_memory *memory; /* its answers to samples of the store */
    /* of models.c: */
    int64_t seen; /* the last event that it knows of */
    size_t users;
    bool stale, live;
    struct espy_model *next;
} espy_model;

/* version 0: the one that is live now.  The store is asked each time, so a promotion, a rollback or
 * a renamed label counts from the next request on, on every machine.  Errors: NOT_FOUND (nothing
 * trained yet), and espy_identifier_open()'s. */
espy_err espy_models_get(espy_ctx *cx, espy_models *m, espy_workspace *ws, const espy_collection *c,
                         int64_t version, espy_model **out) ESPY_NODISCARD;
void espy_models_put(espy_ctx *cx, espy_models *m, espy_model **model);

/* Closes the versions that nobody uses, the others with their last user; encoders stay. */
void espy_models_forget(espy_ctx *cx, espy_models *m);

#endif
