/* SPDX-License-Identifier: Apache-2.0
 * learn - grouping of unlabelled vectors: average linkage with constraints, DBSCAN, and how well a
 * grouping agrees with given labels.  docs/clustering.md tells how and why it is exact.
 *
 * Alike means the cosine; a distance is 1 - cosine.  Results do not depend on threads.  Nothing of
 * n x n is ever held: memory is O(n dim) beside the input, time at worst O(n^2 dim). */
#ifndef ESPY_LEARN_CLUSTER_H
#define ESPY_LEARN_CLUSTER_H

#include "base/mem.h"
#include "base/progress.h"

#define ESPY_CLUSTER_NO_PHOTO UINT64_MAX
#define ESPY_CLUSTER_NO_LABEL (-1)
#define ESPY_CLUSTER_NOISE (-1)

/* Two different rows. */
typedef struct espy_cluster_pair {
    uint32_t a, b;
} espy_cluster_pair;

/* Borrowed.  x: n x dim, row-major, finite and not all zero; what counts is the direction.
 * The rest says who may come together, and may be NULL:
 *   photo  n numbers: rows with the same one (two faces of one photo) never come together;
 *          ESPY_CLUSTER_NO_PHOTO: any may
 *   label  n numbers: rows with the same one >= 0 (a person said so) are one cluster from the
 * start, rows with different ones never come together; ESPY_CLUSTER_NO_LABEL: not known apart
 * apart_n pairs of rows that never come together Where they contradict each other the label wins:
 * rows of one label are together though they are of one photo or a pair of `apart`; towards all
 * other rows those still count. */
typedef struct espy_cluster_rows {
    const float *x;
    size_t n, dim;
    const uint64_t *photo;
    const int32_t *label;
    const espy_cluster_pair *apart;
    size_t apart_n;
} espy_cluster_rows;

typedef struct espy_clusters {
    int32_t *label; /* n: 0 .. count - 1, numbered by first appearance; ESPY_CLUSTER_NOISE */
    size_t *size;   /* count: rows of each */
    size_t n, count;
    size_t noise;  /* rows with ESPY_CLUSTER_NOISE; 0 from espy_cluster_average */
    bool too_many; /* the constraints left more clusters than max_clusters */
} espy_clusters;

/* Agglomerative clustering with average linkage (UPGMA; Sokal, Michener 1958): clusters whose mean
 * cosine over all pairs is largest come together, as long as it is > threshold.  Then, when more
 * than max_clusters (0: any number) are left, on until there are that many.  A union that holds a
 * forbidden pair is forbidden.  Without ties the partition is the one of the definition and of
 * scikit-learn's AgglomerativeClustering(linkage="average"), whose distance_threshold is
 * 1 - threshold; cosines that differ by less than 1e-12 are ties, decided the same way every time.
 * threshold: 0..1.  progress: NULL or whom to tell.
 * Errors: ARG (threshold, constraint out of range), DATA (zero or not finite), LIMIT, NOMEM,
 * CANCELLED. */
espy_err espy_cluster_average(espy_ctx *cx, const espy_cluster_rows *rows, double threshold,
                              size_t max_clusters, const espy_progress *progress,
                              espy_clusters *out) ESPY_NODISCARD;

/* DBSCAN (Ester et al. 1996): a row is a core when at least min_samples >= 2 rows, itself included,
 * have a cosine >= threshold to it; cores that near are one cluster; a row near a core goes to the
 * cluster that begins first; the others are noise.  Same as scikit-learn's DBSCAN with
 * eps = 1 - threshold.  Constraints are not looked at.  Errors as above. */
espy_err espy_cluster_dbscan(espy_ctx *cx, const espy_cluster_rows *rows, double threshold,
                             size_t min_samples, const espy_progress *progress,
                             espy_clusters *out) ESPY_NODISCARD;

void espy_clusters_free(espy_ctx *cx, espy_clusters *c);

typedef struct espy_cluster_score {
    double precision, recall, f; /* f: harmonic mean; 0 where both are */
} espy_cluster_score;

typedef struct espy_cluster_agreement {
    /* Over pairs of rows: of those together in the answer, the share that is together in truth, and
     * the other way round (Manning, Raghavan, Schuetze 2008, section 16.3).  Without any pair: 1.
     */
    espy_cluster_score pairs;
    /* The same share taken per row and averaged over rows (Bagga, Baldwin 1998; Amigo et al. 2009):
     * a large cluster counts as its rows, not as their pairs. */
    espy_cluster_score bcubed;
    double rand; /* adjusted Rand index (Hubert, Arabie 1985): 1 equal, about 0 by chance */
} espy_cluster_agreement;

/* truth, answer: n numbers, equal ones are one cluster; a row with a negative one stands alone.
 * Errors: DATA (n is 0), NOMEM. */
espy_err espy_cluster_agree(espy_ctx *cx, const int32_t *truth, const int32_t *answer, size_t n,
                            espy_cluster_agreement *out) ESPY_NODISCARD;

#endif
