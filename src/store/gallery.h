/* SPDX-License-Identifier: Apache-2.0
 * store - looking at media and samples: one by its id, many in pages; taking media away.
 *
 * A media that was taken away is seen by no list, count, pool or search and not learned from again;
 * versions that learned from it stay as they are.  An upload of the same bytes brings it back. */
#ifndef ESPY_STORE_GALLERY_H
#define ESPY_STORE_GALLERY_H

#include "store/store.h"

/* -- media ------------------------------------------------------------------------------------- */
typedef struct espy_media_info {
    int64_t id, collection;
    int64_t session; /* 0: none */
    char digest[ESPY_DIGEST_HEX];
    int64_t bytes;
    char *source;          /* where it came from, for people */
    double created;        /* seconds since 1970 */
    bool probe;            /* it was only asked about */
    double scanned;        /* when it was last looked at; 0: not yet */
    char *error;           /* why it could not be used, or NULL */
    int64_t width, height; /* of the picture, pixels; 0: not yet.  Sounds: milliseconds and 0 */
    size_t samples, labelled;
} espy_media_info;
void espy_media_info_free(espy_ctx *cx, espy_media_info *m);
void espy_media_infos_free(espy_ctx *cx, espy_media_info *media, size_t n);

/* NOT_FOUND, noted in cx: also when it or its collection was taken away. */
espy_err espy_store_media_get(espy_ctx *cx, espy_store *st, int64_t id,
                              espy_media_info *out) ESPY_NODISCARD;

typedef struct espy_media_filter {
    int64_t collection, session; /* 0: all */
    int64_t owner;               /* of the collection; 0: all */
    const char *modality;        /* of the collection; NULL: all */
    espy_asked scanned;          /* whether it was looked at */
    espy_asked probe;
} espy_media_filter;
/* Newest first.  total: NULL, or how many there are in all pages. */
espy_err espy_store_media_page(espy_ctx *cx, espy_store *st, const espy_media_filter *f,
                               const espy_page *page, espy_media_info **out, size_t *n,
                               int64_t *total) ESPY_NODISCARD;

/* Takes media of one collection away: one event, "media.delete", that espy_store_undo() takes back.
 * What is there no more is passed over.  Errors: NOT_FOUND (one was never there, or is of another
 * collection). */
espy_err espy_store_media_delete(espy_ctx *cx, espy_store *st, int64_t collection,
                                 const int64_t *media, size_t n, const char *actor) ESPY_NODISCARD;

/* -- samples ----------------------------------------------------------------------------------- */
typedef struct espy_sample_info {
    int64_t id, collection, media;
    int64_t session;              /* of its media; 0: none */
    int64_t label;                /* 0: nobody's */
    char digest[ESPY_DIGEST_HEX]; /* of its media */
    float box[4], points[10], score, sharpness;
    bool has_points, whole;
    char *code, *name; /* of the label; NULL: none */
    char actor[8];     /* who labelled: "folder", "user", "job", or "" */
    bool grouped;      /* its label is a group that nobody has named */
    double confidence; /* of the job that labelled it; NaN: none */
    double created;    /* seconds since 1970 */
} espy_sample_info;
void espy_sample_info_free(espy_ctx *cx, espy_sample_info *s);
void espy_sample_infos_free(espy_ctx *cx, espy_sample_info *samples, size_t n);

/* NOT_FOUND, noted in cx: also when its media or collection was taken away. */
espy_err espy_store_sample_get(espy_ctx *cx, espy_store *st, int64_t id,
                               espy_sample_info *out) ESPY_NODISCARD;

typedef enum espy_sample_sort {
    ESPY_SAMPLES_OLDEST, /* by id */
    ESPY_SAMPLES_NEWEST,
    ESPY_SAMPLES_SCORE /* best first */
} espy_sample_sort;
typedef struct espy_sample_filter {
    int64_t collection, session, media, label; /* 0: all */
    int64_t owner;                             /* of the collection; 0: all */
    const char *modality;                      /* of the collection; NULL: all */
    espy_asked identified;                     /* whether it has a label */
    espy_asked probe;                          /* whether its media was only asked about */
    espy_sample_sort sort;
} espy_sample_filter;
/* total: NULL, or how many there are in all pages. */
espy_err espy_store_sample_page(espy_ctx *cx, espy_store *st, const espy_sample_filter *f,
                                const espy_page *page, espy_sample_info **out, size_t *n,
                                int64_t *total) ESPY_NODISCARD;

/* Takes a sample away, and its label off: what a detector took for one and is none.  One event,
 * "sample.delete", that espy_store_undo() takes back.  Its media stays, and no scan finds it
 * again unless it asks for that; versions that learned from it keep their lineage.
 * Errors: NOT_FOUND (or of another collection), EXISTS (a person labelled it, and actor is none).
 */
espy_err espy_store_sample_delete(espy_ctx *cx, espy_store *st, int64_t collection, int64_t sample,
                                  const char *actor) ESPY_NODISCARD;

/* The embedding of one sample under an encoder, *dim numbers; the caller's, espy_free().
 * NOT_FOUND (not noted as a failure in cx) when it has none. */
espy_err espy_store_sample_vector(espy_ctx *cx, espy_store *st, int64_t sample,
                                  const char *encoder_digest, float **x,
                                  size_t *dim) ESPY_NODISCARD;

/* The encoders that a sample has embeddings of, by digest. */
typedef struct espy_sample_encoder {
    char *encoder_digest;
    size_t dim;
} espy_sample_encoder;
void espy_sample_encoders_free(espy_ctx *cx, espy_sample_encoder *encoders, size_t n);
espy_err espy_store_sample_encoders(espy_ctx *cx, espy_store *st, int64_t sample,
                                    espy_sample_encoder **out, size_t *n) ESPY_NODISCARD;

#endif
