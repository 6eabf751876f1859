/* SPDX-License-Identifier: Apache-2.0
 * artifact - characters as the described character system (S2) keeps them: a scaler, a few k-means
 * centres of each, what was measured.  Written as a pickle whose objects are scikit-learn's own,
 * and read from such pickles without running anything in them (pickle.h).
 * Depends on: base, learn.  Layout: docs/formats/characters.md. */
#ifndef ESPY_ARTIFACT_SK_CHARACTERS_H
#define ESPY_ARTIFACT_SK_CHARACTERS_H

#include "base/json.h"
#include "learn/prototypes.h"
#include "learn/scaler.h"

#define ESPY_SK_CHARACTERS_MOST 10000
#define ESPY_SK_CHARACTERS_VERSION "1.0"

typedef struct espy_sk_characters {
    char **names;           /* of the labels, one block; no two are equal */
    espy_scaler scaler;     /* with mean and scale */
    espy_prototypes *model; /* centres of scaled vectors, one at least for each name */
    float *x;               /* n x dim: the vectors it was trained on, not scaled */
    uint32_t *y;            /* n: their labels, ascending */
    uint32_t *cluster;      /* n: their clusters within the label; NULL when it was read */
    size_t n;               /* 0: the file has none */
    espy_json *facts;       /* the plain entries: training_metrics, n_characters, n_embeddings,
                               model_version and others */
} espy_sk_characters;

void espy_sk_characters_free(espy_ctx *cx, espy_sk_characters *c);

/* Whether a name may be one: not empty, no control characters, as it is shown on terminals. */
bool espy_sk_characters_name(const char *name);

/* Whether this program reads the layout: "1" or "1.<anything>". */
bool espy_sk_characters_version(const char *version);

/* Appends the pickle: {scaler: StandardScaler, character_clusters: {name: {kmeans: KMeans,
 * cluster_centers, n_clusters}}, raw_embeddings: {name: array}, and the facts}.  seed: what the
 * KMeans say they were started with.  cluster must be there.  Errors: NOMEM, LIMIT. */
espy_err espy_sk_put_characters(espy_ctx *cx, const espy_sk_characters *c, uint64_t seed,
                                espy_buf *out) ESPY_NODISCARD;

/* Errors: FORMAT (damaged, or the arrays disagree), UNSUPPORTED (another model_version; names the
 * class or function that the file asks for and espy does not run), LIMIT, NOMEM. */
espy_err espy_sk_parse_characters(espy_ctx *cx, espy_span bytes,
                                  espy_sk_characters *out) ESPY_NODISCARD;

#endif
