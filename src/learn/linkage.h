/* SPDX-License-Identifier: Apache-2.0
 * learn - average linkage over mean vectors, without a matrix of distances. */
#ifndef ESPY_LEARN_LINKAGE_H
#define ESPY_LEARN_LINKAGE_H

#include "kern/kern.h"
#include "learn/apart.h"

enum { ESPY_LINKAGE_LINKS = 32 }; /* neighbours a place remembers */

/* A neighbour.  Its cosine is exact while its stamp is the place's; else the cosine is at most this
 * or at most the `rest` of whose link it is. */
typedef struct espy_linkage_link {
    double cosine;
    uint32_t to, stamp; /* place, and its stamp when the cosine was computed; 0: a bound */
} espy_linkage_link;

/* Where a cluster stands.  Its mean is scale * row, or scale * sum. */
typedef struct espy_linkage_place {
    const float *row; /* its one row, borrowed; or */
    double *sum;      /* sum of its rows, each of length 1 */
    double scale;
    double rest;    /* no place that is not linked has a larger mean cosine; -INFINITY: none has one
                       that is wanted */
    uint32_t size;  /* rows */
    uint32_t stamp; /* counts the changes, from 1 */
    uint32_t links;
    uint32_t held; /* round in which its chain was put aside */
    bool done;     /* no place is near enough any more, nor can one come to be */
} espy_linkage_place;

/* Two clusters that came together, by the places they stood at. */
typedef struct espy_linkage_merge {
    double cosine;
    uint32_t p, q;
} espy_linkage_merge;

typedef struct espy_linkage {
    size_t places, dim, standing;
    espy_kern kern;
    espy_linkage_place *place;
    uint32_t *into; /* see apart.h */
    espy_apart apart;
    espy_linkage_link *link; /* places x ESPY_LINKAGE_LINKS, descending */
    double *scale;           /* of the rows: 1 / length */
    const float *x;   /* the rows in order of places, when all are of length 1 and every place
                         holds one; else NULL */
    double threshold; /* wanted is a cosine above it */
    espy_linkage_merge *merge;
    size_t merges;
    const espy_progress *progress;
} espy_linkage;

/* One place for each label given and one for each other row, in order of first appearance.
 * place_of: n, filled.  Rows are borrowed until espy_linkage_free().  *l: zeroed or freed. */
espy_err espy_linkage_start(espy_ctx *cx, const espy_cluster_rows *rows, uint32_t *place_of,
                            espy_linkage *l) ESPY_NODISCARD;

/* Lets the nearest places come together while their mean cosine is above l->threshold; notes each
 * union in l->merge from l->merges on, in an order in which the parts come before the whole, but
 * not by cosine. */
espy_err espy_linkage_run(espy_ctx *cx, espy_linkage *l) ESPY_NODISCARD;

void espy_linkage_free(espy_ctx *cx, espy_linkage *l);

#endif
