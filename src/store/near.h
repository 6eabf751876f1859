/* SPDX-License-Identifier: Apache-2.0
 * store - the labelled samples that are most like a vector. */
#ifndef ESPY_STORE_NEAR_H
#define ESPY_STORE_NEAR_H

#include "store/store.h"

typedef struct espy_near {
    int64_t sample, label;
    float similarity; /* cosine, -1..1 */
} espy_near;

/* The k labelled samples of a collection whose embeddings under the encoder have the largest cosine
 * to x, but for the sample `but` (0: none); best first, of equals the older sample.
 *   x     dim numbers
 *   out   room for k; *n tells how many there are
 * Every embedding is looked at.  On PostgreSQL with pgvector an index chooses candidates, of which
 * the cosines are then computed as without it; it is made by the first call for an encoder and may
 * miss some of the nearest.  Not inside a transaction.  Errors: ARG (x), FORMAT, STORE, NOMEM. */
espy_err espy_store_nearest(espy_ctx *cx, espy_store *st, int64_t collection,
                            const char *encoder_digest, const float *x, size_t dim, size_t k,
                            int64_t but, espy_near *out, size_t *n) ESPY_NODISCARD;

#endif
