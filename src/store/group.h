/* SPDX-License-Identifier: Apache-2.0
 * store - what grouping and assignment stand on: the pool of samples, and filing what they found.
 */
#ifndef ESPY_STORE_GROUP_H
#define ESPY_STORE_GROUP_H

#include "store/session.h"

/* -- probes --------------------------------------------------------------------------------------
 */
/* Says that a media was only asked about (a probe: grouping does not see it, and it may be removed
 * when it is old) or belongs to the collection.  One that has a session, a label or another scan is
 * no probe. */
espy_err espy_store_media_probe(espy_ctx *cx, espy_store *st, int64_t media,
                                bool probe) ESPY_NODISCARD;

/* -- the pool ---------------------------------------------------------------------------------- */
typedef struct espy_pool_sample {
    int64_t sample, media, label; /* label 0: nobody's */
    char actor[8];                /* who labelled: "folder", "user", "job", or "" */
    bool grouped;                 /* its label is a group that nobody has named */
    bool whole;                   /* it is a picture taken whole */
    float box[4], score, sharpness;
} espy_pool_sample;

/* Samples with their embeddings, by sample id. */
typedef struct espy_sample_pool {
    espy_pool_sample *at;
    float *x; /* n x dim */
    size_t n, dim;
} espy_sample_pool;
void espy_sample_pool_free(espy_ctx *cx, espy_sample_pool *p);

/* All samples of a collection, or with session != 0 of one session, that have an embedding under
 * the encoder; probes left out.  None: success with n and dim 0.  Errors: FORMAT, STORE, NOMEM. */
espy_err espy_store_pool(espy_ctx *cx, espy_store *st, int64_t collection, int64_t session,
                         const char *encoder_digest, espy_sample_pool *out) ESPY_NODISCARD;

/* Some of them. */
typedef struct espy_pool_filter {
    int64_t collection, session; /* session 0: all */
    bool waiting;  /* only those about which nobody has said anything: without a label, unless a
                      person took it off, or with one that a job gave, groups left out */
    size_t newest; /* so many at most, those with the largest ids; 0: all */
} espy_pool_filter;
/* total: NULL, or how many there are without `newest`. */
espy_err espy_store_pool_some(espy_ctx *cx, espy_store *st, const espy_pool_filter *f,
                              const char *encoder_digest, espy_sample_pool *out,
                              size_t *total) ESPY_NODISCARD;

/* A sample that an encoder has not embedded yet, with where it lies. */
typedef struct espy_bare_sample {
    int64_t sample;
    char digest[ESPY_DIGEST_HEX]; /* of its media */
    float box[4], points[10], score;
    bool has_points, whole;
} espy_bare_sample;
/* Those of a collection, or with session != 0 of one session, by media, then by id; espy_free(). */
espy_err espy_store_bare_samples(espy_ctx *cx, espy_store *st, int64_t collection, int64_t session,
                                 const char *encoder_digest, espy_bare_sample **out,
                                 size_t *n) ESPY_NODISCARD;
/* Adds an embedding; one that is there stays.  Errors: ARG (not finite), NOT_FOUND (sample). */
espy_err espy_store_embed(espy_ctx *cx, espy_store *st, int64_t sample, const char *encoder_digest,
                          const float *x, size_t dim) ESPY_NODISCARD;

/* -- filing ------------------------------------------------------------------------------------ */
typedef struct espy_filing {
    int64_t sample, label;
    double confidence;            /* NaN: none */
    const espy_pool_sample *seen; /* as it was when it was looked at */
    bool filed;                   /* set by espy_store_file() */
} espy_filing;
typedef struct espy_new_label {
    const char *code, *name;
    int64_t id; /* set by espy_store_file() */
} espy_new_label;

/* Makes the new labels (groups) and gives samples their labels, as one event that can be undone.
 * A filing whose label is -1 - i means new label i.  A sample that is not what was seen any more (a
 * person, a folder or another run labelled it, its group got a name, the label was refused to it,
 * or it is gone) is left as it is; *filed counts the others.  Groups that lose their last sample
 * are deleted.  action: "group" or "assign". Errors: EXISTS (another run made the same groups
 * meanwhile), STORE, NOMEM. */
espy_err espy_store_file(espy_ctx *cx, espy_store *st, int64_t collection, const char *action,
                         espy_new_label *fresh, size_t fresh_n, espy_filing *filings, size_t n,
                         size_t *filed) ESPY_NODISCARD;

#endif
