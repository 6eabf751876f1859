/* SPDX-License-Identifier: Apache-2.0
 * store - what the workspace knows: collections, labels, media, samples, embeddings, versions, events.
 * Depends on: base.  Thread use: one connection per thread at a time; the caller serialises.
 *
 * The store is the truth: head bytes live in it, media are content-addressed files beside it
 * (media/ab/abcd...), versions/ on disk is a cache.  The schema is numbered; opening an older store
 * copies the file first and then migrates forward.  Human labels are events (table events). */
#ifndef ESPY_STORE_STORE_H
#define ESPY_STORE_STORE_H

#include "base/digest.h"
#include "base/json.h"

typedef struct espy_store espy_store;

/* Opens or creates the store of a workspace folder ("DIR/store.db").
 * Errors: STORE, IO, FORMAT (not a store, or newer than this program), NOMEM. */
espy_err espy_store_open(espy_ctx *cx, const char *dir, espy_store **out) ESPY_NODISCARD;
void espy_store_close(espy_ctx *cx, espy_store **store);

/* Transactions nest: inner ones are savepoints.  Rollback cannot fail. */
espy_err espy_store_begin(espy_ctx *cx, espy_store *st) ESPY_NODISCARD;
espy_err espy_store_commit(espy_ctx *cx, espy_store *st) ESPY_NODISCARD;
void espy_store_rollback(espy_ctx *cx, espy_store *st);

/* -- collections: labels recognised together, of one modality and one encoder ------------------ */
typedef struct espy_collection {
    int64_t id;
    char *name, *modality, *encoder /* pack name */, *encoder_digest, *precision;
} espy_collection;
void espy_collection_free(espy_ctx *cx, espy_collection *c);
/* NOT_FOUND when there is none. */
espy_err espy_store_collection(espy_ctx *cx, espy_store *st, const char *name, espy_collection *out)
    ESPY_NODISCARD;
espy_err espy_store_collection_create(espy_ctx *cx, espy_store *st, const espy_collection *c,
                                      int64_t *id) ESPY_NODISCARD;
espy_err espy_store_collections(espy_ctx *cx, espy_store *st, espy_collection **out, size_t *n)
    ESPY_NODISCARD; /* by name; free each, then the array */

/* -- labels ------------------------------------------------------------------------------------ */
/* Finds or creates the label; a non-NULL name that differs replaces the old one (an event). */
espy_err espy_store_label(espy_ctx *cx, espy_store *st, int64_t collection, const char *code,
                          const char *name, int64_t *id) ESPY_NODISCARD;
typedef struct espy_label {
    int64_t id;
    char *code, *name;
    size_t samples;
} espy_label;
espy_err espy_store_labels(espy_ctx *cx, espy_store *st, int64_t collection, espy_label **out, size_t *n)
    ESPY_NODISCARD; /* sorted by code */
void espy_labels_free(espy_ctx *cx, espy_label *labels, size_t n);

/* -- media and samples ------------------------------------------------------------------------- */
/* Files the bytes under their digest (when not there) and finds or creates the media row of this
 * collection.  source: where it came from, for people. */
espy_err espy_store_media(espy_ctx *cx, espy_store *st, int64_t collection, espy_span bytes,
                          const char *digest, const char *source, int64_t *id) ESPY_NODISCARD;

/* What an encoder found in a media, kept so that nothing is encoded twice.
 * mode: the find options in short ("largest", "largest+whole", "all"). */
typedef struct espy_scan_sample {
    float box[4];
    float points[10];
    bool has_points, whole;
    float score, sharpness;
    const float *embedding; /* dim floats inside the scan's vectors; NULL: detected only */
    int64_t id;             /* sample id, set on read and by espy_store_scan_put */
    int64_t label;          /* 0: none */
} espy_scan_sample;
typedef struct espy_scan {
    int64_t media;
    int width, height;
    char *error; /* why the media could not be used, or NULL */
    espy_scan_sample *at;
    size_t n, dim;
    float *vectors; /* n x dim, owned; NULL when there are no embeddings */
} espy_scan;
/* Frees error, at and vectors and leaves an empty scan. */
void espy_scan_free(espy_ctx *cx, espy_scan *s);

/* NOT_FOUND (not noted as a failure in cx: check the code) when this collection has not scanned the
 * digest in this mode under this encoder. */
espy_err espy_store_scan_get(espy_ctx *cx, espy_store *st, int64_t collection, const char *media_digest,
                             const char *mode, const char *encoder_digest, espy_scan *out)
    ESPY_NODISCARD;
espy_err espy_store_scan_put(espy_ctx *cx, espy_store *st, int64_t media, const char *mode,
                             const char *encoder_digest, const char *detector_digest, espy_scan *scan)
    ESPY_NODISCARD;

/* Who labelled: actor "folder", "user", "job".  label 0 takes the label off.  Writes an event. */
espy_err espy_store_sample_label(espy_ctx *cx, espy_store *st, int64_t sample, int64_t label,
                                 const char *actor) ESPY_NODISCARD;

/* Embeddings of labelled samples.  version 0: all labelled samples of the collection; else the
 * lineage of that version number.  Ordered by label code, then sample id. */
typedef struct espy_vectors {
    float *x;          /* n x dim */
    int64_t *sample;   /* n sample ids */
    int64_t *label;    /* n label ids */
    size_t n, dim;
} espy_vectors;
espy_err espy_store_vectors(espy_ctx *cx, espy_store *st, int64_t collection, int64_t version,
                            const char *encoder_digest, espy_vectors *out) ESPY_NODISCARD;
void espy_vectors_free(espy_ctx *cx, espy_vectors *v);

/* -- versions ---------------------------------------------------------------------------------- */
typedef struct espy_version {
    int64_t number;       /* 1, 2, ... within the collection */
    char *head;           /* head name */
    espy_json *json;      /* version.json */
    espy_buf bytes;       /* head.safetensors */
    char digest[ESPY_DIGEST_HEX]; /* of bytes */
    double created;
} espy_version;
void espy_version_free(espy_ctx *cx, espy_version *v);

/* Adds an immutable version with its lineage and returns its number; then writes the cache
 * collections/<id>/versions/<n>/{version.json,head.safetensors} crash-safe.
 * json is completed with "version", "created" and "head_sha256". */
espy_err espy_store_version_add(espy_ctx *cx, espy_store *st, int64_t collection, const char *head,
                                espy_json *json, espy_span bytes, const int64_t *samples, size_t n,
                                int64_t *number) ESPY_NODISCARD;
/* Reads and checks against the digest. NOT_FOUND, DIGEST. */
espy_err espy_store_version(espy_ctx *cx, espy_store *st, int64_t collection, int64_t number,
                            espy_version *out) ESPY_NODISCARD;
espy_err espy_store_versions(espy_ctx *cx, espy_store *st, int64_t collection, espy_version **out,
                             size_t *n) ESPY_NODISCARD; /* newest first, without bytes */
/* alias "live" or "previous" -> number; 0 when not set.  Moving "live" sets "previous" in the same
 * transaction and writes an event. */
espy_err espy_store_alias(espy_ctx *cx, espy_store *st, int64_t collection, const char *alias,
                          int64_t *number) ESPY_NODISCARD;
espy_err espy_store_promote(espy_ctx *cx, espy_store *st, int64_t collection, int64_t number,
                            const char *reason) ESPY_NODISCARD;

#endif
