/* SPDX-License-Identifier: Apache-2.0
 * learn - which clusters must not come together, kept up while they grow. */
#ifndef ESPY_LEARN_APART_H
#define ESPY_LEARN_APART_H

#include "learn/cluster.h"

/* Numbers; of a photo set in ascending order, each once. */
typedef struct espy_apart_set {
    uint32_t *at;
    size_t n;
} espy_apart_set;

/* Clusters are named by places, 0 .. places - 1. */
typedef struct espy_apart {
    size_t places;
    const uint32_t *into;  /* place that took a place in, itself while it stands; the caller's */
    int32_t *label;        /* of each place, or ESPY_CLUSTER_NO_LABEL; NULL without labels */
    espy_apart_set *photo; /* photos in it that are elsewhere too; NULL without photos */
    espy_apart_set *foe;   /* places, as they were at the start; NULL without pairs */
} espy_apart;

/* The place that holds now what `place` held at the start. */
static inline uint32_t espy_apart_find(const uint32_t *into, uint32_t place)
{
    while (into[place] != place)
        place = into[place];
    return place;
}

/* place: of each row.  into: places, each itself, borrowed until espy_apart_free().
 * Errors: ARG (a pair out of range or of one row), NOMEM. */
espy_err espy_apart_build(espy_ctx *cx, const espy_cluster_rows *rows, const uint32_t *place,
                          size_t places, const uint32_t *into, espy_apart *out) ESPY_NODISCARD;

/* Whether two standing places must not come together.  May be called from many threads. */
bool espy_apart_forbids(const espy_apart *a, uint32_t p, uint32_t q);

/* What was forbidden to q is forbidden to p too; to be called before into[q] is set. */
espy_err espy_apart_merge(espy_ctx *cx, espy_apart *a, uint32_t p, uint32_t q) ESPY_NODISCARD;

void espy_apart_free(espy_ctx *cx, espy_apart *a);

#endif
