/* SPDX-License-Identifier: Apache-2.0
 * store - what the workspace knows: collections, labels, media, samples, embeddings, versions,
 * events. Depends on: base.  Thread use: one connection per thread at a time; the caller
 * serialises.
 *
 * The store is the truth: head bytes live in it, media are content-addressed files beside it
 * (media/ab/abcd...) or in it, versions/ on disk is a cache.  The schema is numbered; opening an
 * older SQLite store copies the file first and then migrates forward.  Human labels are events
 * (table events). Formats: docs/formats/store.md, docs/formats/version.md.  Invariants: top of
 * store_internal.h.
 *
 * Arrays that are handed out belong to the caller; each has its free function.  A call that changes
 * something is a transaction of its own, or part of the one that is open. */
#ifndef ESPY_STORE_STORE_H
#define ESPY_STORE_STORE_H

#include "base/digest.h"
#include "base/json.h"

/* Ids are positive; 0 says "none".  An id is never given out twice. */

typedef struct espy_store espy_store;

#define ESPY_DETAIL_MAX ((size_t)64 << 10) /* of a JSON object that belongs to a row */

/* A part of a list: at most `limit` elements (0: none, to be told the total alone), from the one on
 * that follows the element with the id `cursor` in the list's order (0: from its beginning), of
 * which `offset` are passed over.  An element that is gone from the list is still a cursor, unless
 * it was removed for good and the order is not that of ids: then nothing follows it. */
typedef struct espy_page {
    int64_t cursor;
    size_t offset, limit;
} espy_page;

/* What a list is asked of something that is so or not. */
typedef enum espy_asked { ESPY_ANY, ESPY_YES, ESPY_NO } espy_asked;

/* Opens or creates the store of a workspace folder ("DIR/store.db"; the folder is made as well).
 * Errors: STORE, IO, FORMAT (not a store, or newer than this program), NOMEM. */
espy_err espy_store_open(espy_ctx *cx, const char *dir, espy_store **out) ESPY_NODISCARD;

/* Where a store is. */
typedef struct espy_store_place {
    const char *dir;   /* the workspace folder: made; with a url it holds the version cache only */
    const char *url;   /* "postgresql://..." (docs/postgresql.md); NULL: the file DIR/store.db */
    const char *media; /* folder of the media files, shared by all who use the url; NULL: DIR/media,
                          with a url the database itself */
} espy_store_place;
/* The same for any place.  Also ARG (url).  A connection that is lost later fails what is under way
 * with STORE and is made anew by the next call outside a transaction. */
espy_err espy_store_open_at(espy_ctx *cx, const espy_store_place *place,
                            espy_store **out) ESPY_NODISCARD;
bool espy_store_url(const char *s); /* whether it begins like the address of a server */
void espy_store_close(espy_ctx *cx, espy_store **store);

/* The workspace folder as it was given; belongs to the store. */
const char *espy_store_dir(const espy_store *st);
/* Where the rows are, for people: the file store.db, or the url without its password. */
const char *espy_store_shown(const espy_store *st);
bool espy_store_on_server(const espy_store *st);

/* Transactions nest: inner ones are savepoints.  Rollback cannot fail.  A commit that failed leaves
 * the transaction open for rollback.  Another process that wants to write waits for the outermost
 * one (10 s, then STORE): commit every few hundred media in long work. */
espy_err espy_store_begin(espy_ctx *cx, espy_store *st) ESPY_NODISCARD;
espy_err espy_store_commit(espy_ctx *cx, espy_store *st) ESPY_NODISCARD;
void espy_store_rollback(espy_ctx *cx, espy_store *st);

/* Outside a transaction: waits at most so many seconds until some other connection may have let
 * another version answer, and tells whether one may have since the last call.  The first call says
 * yes; so may any that cannot tell.  Errors: STORE, CANCELLED. */
espy_err espy_store_changed(espy_ctx *cx, espy_store *st, double seconds,
                            bool *changed) ESPY_NODISCARD;

/* -- collections: labels recognised together, of one modality and one encoder ------------------ */
typedef struct espy_collection {
    int64_t id;
    char *name, *modality, *encoder /* pack name */, *encoder_digest, *precision;
    char *description; /* text, or "" */
    int64_t owner;     /* a user; 0: nobody's, which is the admins' */
    bool active;
    double created; /* seconds since 1970 */
} espy_collection;
void espy_collection_free(espy_ctx *cx, espy_collection *c);
/* NOT_FOUND, noted in cx, when there is none. */
espy_err espy_store_collection(espy_ctx *cx, espy_store *st, const char *name,
                               espy_collection *out) ESPY_NODISCARD;
/* id, active and created are not read: a new one is active; description may be NULL.  modality:
 * "face" or "sound".  EXISTS when the name is taken, NOT_FOUND when there is no such owner. */
espy_err espy_store_collection_create(espy_ctx *cx, espy_store *st, const espy_collection *c,
                                      int64_t *id) ESPY_NODISCARD;
espy_err espy_store_collections(espy_ctx *cx, espy_store *st, espy_collection **out,
                                size_t *n) ESPY_NODISCARD; /* by name; free each, then the array */

/* How much a collection holds; media that were taken away and their samples are not counted. */
typedef struct espy_counts {
    int64_t labels, media, scans, samples, labelled, embeddings, versions, events;
} espy_counts;
espy_err espy_store_counts(espy_ctx *cx, espy_store *st, int64_t collection,
                           espy_counts *out) ESPY_NODISCARD;

/* -- labels ------------------------------------------------------------------------------------ */
/* Finds or creates the label; a non-NULL name that differs replaces the old one (an event).  A new
 * label without a name is named by its code.  What people said holds: a code that a label had
 * before it was renamed or merged finds that label, and a name that a person gave stays.  EXISTS
 * when a person has deleted the label. */
espy_err espy_store_label(espy_ctx *cx, espy_store *st, int64_t collection, const char *code,
                          const char *name, int64_t *id) ESPY_NODISCARD;
typedef struct espy_label {
    int64_t id;
    char *code, *name;
    size_t samples;
    bool grouped; /* grouping made it, and nobody has named it yet */
    bool deleted; /* it can come back (espy_store_undo) */
    bool named;   /* a person gave it this name */
    bool learned; /* a version has learned it */
} espy_label;
void espy_label_free(espy_ctx *cx, espy_label *label);
/* Sorted by code, deleted ones included: versions may have learned them. */
espy_err espy_store_labels(espy_ctx *cx, espy_store *st, int64_t collection, espy_label **out,
                           size_t *n) ESPY_NODISCARD;
void espy_labels_free(espy_ctx *cx, espy_label *labels, size_t n);
/* One label by its id, and one that is not deleted by its code.  NOT_FOUND, noted in cx. */
espy_err espy_store_label_get(espy_ctx *cx, espy_store *st, int64_t collection, int64_t id,
                              espy_label *out) ESPY_NODISCARD;
espy_err espy_store_label_find(espy_ctx *cx, espy_store *st, int64_t collection, const char *code,
                               espy_label *out) ESPY_NODISCARD;

/* -- media and samples ------------------------------------------------------------------------- */
/* Files the bytes under their digest (when not there) and finds or creates the media row of this
 * collection.  The file has its name once the outermost transaction is committed; those of one
 * transaction are synced together, which is faster than one by one.  source: where it came from,
 * for people (the first source is kept).  A media that was taken away is there again, without its
 * session if that is gone (an event, "media.restore"). DIGEST when the bytes do not have this
 * digest. */
espy_err espy_store_media(espy_ctx *cx, espy_store *st, int64_t collection, espy_span bytes,
                          const char *digest, const char *source, int64_t *id) ESPY_NODISCARD;

/* The file of a media ("DIR/media/ab/abcd...", caller owns); NULL with ARG noted where the database
 * holds the media.  And its bytes, checked against the digest.
 * Errors: NOT_FOUND, LIMIT (more than max bytes), DIGEST (damaged), IO, STORE, NOMEM. */
char *espy_store_media_path(espy_ctx *cx, const espy_store *st, const char *digest);
espy_err espy_store_media_bytes(espy_ctx *cx, espy_store *st, const char *digest, size_t max,
                                espy_buf *out) ESPY_NODISCARD;

/* Intersection over union of two boxes (x, y, width, height), or where neither has a height of two
 * stretches: 0..1. */
float espy_box_overlap(const float a[4], const float b[4]);

/* What an encoder found in a media, kept so that nothing is encoded twice.
 * mode: the find options in short ("largest", "largest+whole", "all"). */
typedef struct espy_scan_sample {
    float box[4];
    float points[10];
    bool has_points, whole;
    float score, sharpness;
    const float *embedding; /* dim floats inside the scan's vectors; NULL: detected only */
    int64_t id;             /* sample id, set on read and by espy_store_scan_put */
    int64_t label;          /* 0: none; set like id */
} espy_scan_sample;
typedef struct espy_scan {
    int64_t media;
    int width, height;
    char *error; /* why the media could not be used, or NULL */
    espy_scan_sample *at;
    size_t n, dim;
    float *vectors; /* n x dim, owned; NULL when there are no embeddings */
    size_t gone;    /* how many more were taken away: a person said that they are none */
    bool again;     /* espy_store_scan_put(): these come back, without a label */
} espy_scan;
/* Frees error, at and vectors and leaves an empty scan. */
void espy_scan_free(espy_ctx *cx, espy_scan *s);

/* NOT_FOUND (not noted as a failure in cx: check the code) when nobody has scanned the digest in
 * this mode under this encoder.  A scan of another collection is copied into this one (media row,
 * samples without labels, embeddings) and then served from here.  A media of this one that was
 * taken away is there again. */
espy_err espy_store_scan_get(espy_ctx *cx, espy_store *st, int64_t collection,
                             const char *media_digest, const char *mode, const char *encoder_digest,
                             espy_scan *out) ESPY_NODISCARD;
/* The same without copying: *own tells whether the scan is of this collection; the ids and labels
 * of another one, and of a media that was taken away, are left out. */
espy_err espy_store_scan_read(espy_ctx *cx, espy_store *st, int64_t collection,
                              const char *media_digest, const char *mode,
                              const char *encoder_digest, bool *own, espy_scan *out) ESPY_NODISCARD;
/* Files a scan, in place of an earlier one of the same media, mode and encoder.  A sample that this
 * detector has found before at the same place (each edge within half a pixel) keeps its row, id and
 * label, and the embedding that it has under this encoder; one that was taken away stays so, and is
 * left out of the scan.  Errors: ARG (a number that is not finite), NOT_FOUND (media), STORE,
 * NOMEM. */
espy_err espy_store_scan_put(espy_ctx *cx, espy_store *st, int64_t media, const char *mode,
                             const char *encoder_digest, const char *detector_digest,
                             espy_scan *scan) ESPY_NODISCARD;

/* Who labelled: actor "folder", "user", "job".  label 0 takes the label off.  Writes an event,
 * unless nothing changes.  What a user decided, no label included, only a user changes: EXISTS
 * otherwise. NOT_FOUND (sample), ARG (label of another collection, or deleted). */
espy_err espy_store_sample_label(espy_ctx *cx, espy_store *st, int64_t sample, int64_t label,
                                 const char *actor) ESPY_NODISCARD;

/* Where a sample's media was last seen; espy_store_media() keeps the first place it came from. */
espy_err espy_store_sample_source(espy_ctx *cx, espy_store *st, int64_t sample,
                                  const char *source) ESPY_NODISCARD;

/* Where a sample's media came from, for people; the caller owns it.  Errors: NOT_FOUND. */
espy_err espy_store_sample_origin(espy_ctx *cx, espy_store *st, int64_t sample,
                                  char **source) ESPY_NODISCARD;

/* The digest of a sample's media.  Errors: NOT_FOUND. */
espy_err espy_store_sample_media(espy_ctx *cx, espy_store *st, int64_t sample,
                                 char digest[ESPY_DIGEST_HEX]) ESPY_NODISCARD;

/* What a sample's media was cut from: a name that its siblings share.  Splits for measuring keep
 * siblings together.  replace: else the name that is there already stays. */
espy_err espy_store_sample_recording(espy_ctx *cx, espy_store *st, int64_t sample,
                                     const char *recording, bool replace) ESPY_NODISCARD;

/* The labelled samples of a collection, by sample id; with `under` only those whose media's source
 * begins with this text: lets a folder take its labels off photos that are gone. */
typedef struct espy_labelled {
    int64_t sample, label, media;
    char actor[8]; /* "folder", "user", "job" */
} espy_labelled;
espy_err espy_store_labelled(espy_ctx *cx, espy_store *st, int64_t collection, const char *under,
                             espy_labelled **out, size_t *n) ESPY_NODISCARD; /* espy_free() */

/* Embeddings of labelled samples.  version 0: all labelled samples of the collection but those of
 * groups that nobody has named, for these are unknowns; else the
 * lineage of that version number, with the labels of then.  Ordered by label code, then sample id.
 * None: success with n and dim 0.  Errors: NOT_FOUND (version), DATA (the version has samples
 * without an embedding under this encoder), NOMEM. */
typedef struct espy_vectors {
    float *x;        /* n x dim */
    int64_t *sample; /* n sample ids */
    int64_t *label;  /* n label ids */
    uint64_t *group; /* n numbers that samples of one recording (or one media) share */
    size_t n, dim;
} espy_vectors;
espy_err espy_store_vectors(espy_ctx *cx, espy_store *st, int64_t collection, int64_t version,
                            const char *encoder_digest, espy_vectors *out) ESPY_NODISCARD;
void espy_vectors_free(espy_ctx *cx, espy_vectors *v);

/* -- versions ---------------------------------------------------------------------------------- */
typedef struct espy_version {
    int64_t number;               /* 1, 2, ... within the collection */
    char *head;                   /* head name */
    espy_json *json;              /* version.json */
    espy_buf bytes;               /* head.safetensors */
    char digest[ESPY_DIGEST_HEX]; /* of bytes */
    double created;
} espy_version;
void espy_version_free(espy_ctx *cx, espy_version *v);

/* Adds an immutable version with its lineage (labelled samples of the collection) and returns its
 * number; once the outermost transaction is committed, writes the cache
 * collections/<id>/versions/<n>/{version.json,head.safetensors} crash-safe.  A cache that cannot be
 * written is logged, not an error: the store has the version.
 * json is completed with "version", "head", "created" and "head_sha256", also on failure.
 * Errors: NOT_FOUND (collection), DATA (a sample without a label), ARG (a sample twice), STORE. */
espy_err espy_store_version_add(espy_ctx *cx, espy_store *st, int64_t collection, const char *head,
                                espy_json *json, espy_span bytes, const int64_t *samples, size_t n,
                                int64_t *number) ESPY_NODISCARD;
/* Reads from the cache when it is as it should be, else from the store, and then makes the cache
 * again.  The bytes match the digest.  NOT_FOUND, DIGEST. */
espy_err espy_store_version(espy_ctx *cx, espy_store *st, int64_t collection, int64_t number,
                            espy_version *out) ESPY_NODISCARD;
/* Proves the store's own copy, which espy_store_version() does not read while the cache is good.
 * *cached: whether the cache is as it should be.  NOT_FOUND, DIGEST. */
espy_err espy_store_version_check(espy_ctx *cx, espy_store *st, int64_t collection, int64_t number,
                                  bool *cached) ESPY_NODISCARD;
espy_err espy_store_versions(espy_ctx *cx, espy_store *st, int64_t collection, espy_version **out,
                             size_t *n) ESPY_NODISCARD; /* newest first, without bytes */
void espy_versions_free(espy_ctx *cx, espy_version *versions, size_t n);
/* alias "live" or "previous" -> number; 0 when not set.  Moving "live" sets "previous" in the same
 * transaction and writes an event. */
espy_err espy_store_alias(espy_ctx *cx, espy_store *st, int64_t collection, const char *alias,
                          int64_t *number) ESPY_NODISCARD;
espy_err espy_store_promote(espy_ctx *cx, espy_store *st, int64_t collection, int64_t number,
                            const char *reason) ESPY_NODISCARD;

/* -- events and checking ----------------------------------------------------------------------- */
/* What happened.  Actions: docs/formats/store.md.  detail: one line of JSON, or NULL.
 */
typedef struct espy_event {
    int64_t id, collection;
    int64_t label, sample, version; /* 0: none; version is the number */
    double time;
    bool undoable; /* now; never what happened in a collection that is deleted */
    bool undone;
    char *actor, *action, *detail;
} espy_event;
/* Oldest first: events with an id above `after`, at most `max`. */
espy_err espy_store_events(espy_ctx *cx, espy_store *st, int64_t collection, int64_t after,
                           size_t max, espy_event **out, size_t *n) ESPY_NODISCARD;
/* The same of all collections of an owner, deleted ones too; owner 0: of every collection. */
espy_err espy_store_events_of(espy_ctx *cx, espy_store *st, int64_t owner, int64_t after,
                              size_t max, espy_event **out, size_t *n) ESPY_NODISCARD;
/* Which events, in which order. */
typedef struct espy_event_filter {
    int64_t owner, collection; /* of a collection; 0: of all of an owner's (0: of every one) */
    bool undoable;             /* only those that can be undone */
    bool newest;               /* comes first; else the oldest */
} espy_event_filter;
/* Those beyond `cursor` in that order, from the first one on with 0; at most `max`. */
espy_err espy_store_events_page(espy_ctx *cx, espy_store *st, const espy_event_filter *f,
                                int64_t cursor, size_t max, espy_event **out,
                                size_t *n) ESPY_NODISCARD;
/* The event that the last change through this connection became; 0: it changed nothing.  To be
 * asked right after a call that is one event, before the next one. */
int64_t espy_store_event(const espy_store *st);
/* The newest event's id, 0 when there is none: from there a stream goes on. */
espy_err espy_store_events_last(espy_ctx *cx, espy_store *st, int64_t *id) ESPY_NODISCARD;
void espy_events_free(espy_ctx *cx, espy_event *events, size_t n);

/* Something that is not as it should be. */
typedef struct espy_finding {
    bool harm;  /* something is lost or damaged; else it was or will be put right by itself */
    char *item; /* which file or table */
    char *text; /* what is wrong and what to do, one line */
} espy_finding;
/* Checks everything: the database, its references, every media file and version against its digest,
 * the version cache.  Reads all media.  No finding: n is 0. */
espy_err espy_store_check(espy_ctx *cx, espy_store *st, espy_finding **out,
                          size_t *n) ESPY_NODISCARD;
void espy_findings_free(espy_ctx *cx, espy_finding *findings, size_t n);

#endif
