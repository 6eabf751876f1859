/* SPDX-License-Identifier: Apache-2.0
 * flow - stored: what a version says of samples that are in the store, from their vectors.
 *
 * A sample that the version learned from is left out of the nearest cosines, and of the neighbours
 * of a knn head: else it would find itself.  Other heads remember what they learned from. */
#ifndef ESPY_FLOW_STORED_H
#define ESPY_FLOW_STORED_H

#include "flow/identify.h"
#include "store/group.h"

#define ESPY_STORED_NEWEST 5000 /* samples that are asked at most */

/* One sample's answer. */
typedef struct espy_stored {
    const espy_pool_sample *sample;
    espy_scan_sample scan;   /* what its quality is judged by */
    const float *p, *cosine; /* of each label of the version */
} espy_stored;

/* What a version has said already: its answer about a sample never changes.  Thread-safe, for one
 * version; holds at most ESPY_STORED_BYTES and then begins anew. */
#define ESPY_STORED_BYTES ((size_t)32 << 20)
typedef struct espy_stored_memory espy_stored_memory;
espy_err espy_stored_memory_create(espy_ctx *cx, espy_stored_memory **out) ESPY_NODISCARD;
void espy_stored_memory_destroy(espy_ctx *cx, espy_stored_memory **memory);

/* A version with what it said before. */
typedef struct espy_asked_version {
    const espy_identifier *id;
    espy_stored_memory *memory; /* or NULL */
} espy_asked_version;

/* Asks all samples of a pool in their order; tell() hears of each, in the calling thread.
 * Errors: those of tell(); CANCELLED, NOMEM. */
espy_err espy_stored_ask(espy_ctx *cx, espy_asked_version version, const espy_sample_pool *pool,
                         espy_err (*tell)(espy_ctx *cx, void *self, size_t i, const espy_stored *s),
                         void *self) ESPY_NODISCARD;

/* As quality has it of a sample of a pool. */
espy_scan_sample espy_stored_scan(const espy_pool_sample *s);

#endif
