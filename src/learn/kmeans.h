/* SPDX-License-Identifier: Apache-2.0
 * learn - k-means (Lloyd 1982) from careful starts (Arthur, Vassilvitskii 2007, "k-means++"), each
 * polished by moving single rows (Hartigan, Wong 1979) so that it ends no higher than Lloyd's does.
 */
#ifndef ESPY_LEARN_KMEANS_H
#define ESPY_LEARN_KMEANS_H

#include "base/mem.h"

typedef struct espy_kmeans_options {
    size_t clusters;  /* at most; fewer where there are fewer rows */
    size_t restarts;  /* of which that with the lowest inertia wins; 0: 10 */
    size_t most;      /* iterations of one start; 0: 300 */
    double tolerance; /* of the centres' squared movement, in units of the columns' mean variance;
                         0: 1e-4 */
    uint64_t seed;    /* 0: 42 */
} espy_kmeans_options;

/* Everything owned, espy_kmeans_free(). */
typedef struct espy_kmeans {
    double *centers;   /* clusters x dim: the mean of each cluster's rows */
    uint32_t *cluster; /* n: the nearest centre of each row */
    size_t clusters, dim, n;
    size_t iterations; /* of the start that won */
    double inertia;    /* sum of squared distances of the rows to their centres */
} espy_kmeans;

/* Clusters n x dim rows into min(clusters, n).  Rows that are equal may leave centres that are
 * equal too.  Starts are dealt over the pool; the result does not depend on the threads.
 * *out is written on success only.  Errors: ARG (no rows, no clusters), LIMIT, NOMEM, CANCELLED. */
espy_err espy_kmeans_fit(espy_ctx *cx, const float *x, size_t n, size_t dim,
                         const espy_kmeans_options *options, espy_kmeans *out) ESPY_NODISCARD;
void espy_kmeans_free(espy_ctx *cx, espy_kmeans *m);

#endif
