/* SPDX-License-Identifier: Apache-2.0
 * learn - prototypes: a few k-means centres stand for each label, and the cosine to the nearest of
 * them says how well a vector fits it. */
#ifndef ESPY_LEARN_PROTOTYPES_H
#define ESPY_LEARN_PROTOTYPES_H

#include "learn/kmeans.h"
#include "learn/rows.h"

#define ESPY_PROTOTYPES_CLUSTERS 3 /* of a label at most, when nothing else is asked for */

typedef struct espy_prototypes {
    size_t dim, classes, n; /* n: centres of all labels */
    size_t *start;          /* classes + 1: label c has centres start[c] .. start[c + 1) */
    double *centers;        /* n x dim */
    float *unit;            /* n x dim: the same at unit length; zero stays zero */
    /* What each label's clustering was; zero in prototypes that were read from a file. */
    double *inertia;    /* classes */
    size_t *iterations; /* classes */
} espy_prototypes;

/* Clusters the rows of each label, min(clusters, rows of the label) centres; a label without rows
 * gets none.  cluster: NULL, or n: the cluster of each row within its label.
 * Labels are dealt over the pool; a label's centres depend on its own rows alone.
 * Errors: LIMIT, NOMEM, CANCELLED. */
espy_err espy_prototypes_fit(espy_ctx *cx, const espy_rows *rows, size_t clusters, uint64_t seed,
                             uint32_t *cluster, espy_prototypes **out) ESPY_NODISCARD;

/* Prototypes with count[c] centres for each label, all zero, to be filled and then finished.
 * Errors: LIMIT, NOMEM. */
espy_err espy_prototypes_create(espy_ctx *cx, size_t dim, size_t classes, const size_t *count,
                                espy_prototypes **out) ESPY_NODISCARD;
void espy_prototypes_finish(espy_prototypes *p); /* unit, from centers */
void espy_prototypes_destroy(espy_ctx *cx, espy_prototypes **p);

/* score: n x classes, the largest cosine of each row to the centres of each label; -2 where it has
 * none.  x: n x dim of any length; a row of zeros has cosine 0 to everything. */
espy_err espy_prototypes_score(espy_ctx *cx, const espy_prototypes *p, const float *x, size_t n,
                               float *score) ESPY_NODISCARD;

#endif
