/* SPDX-License-Identifier: Apache-2.0
 * store - collections one by one and in pages: whose they are, changing and deleting them.
 *
 * A deleted collection is found by no name, id or list but that of the deleted ones, and neither is
 * what it holds by its own id; its name is free again.  It can be restored. */
#ifndef ESPY_STORE_COLLECTION_H
#define ESPY_STORE_COLLECTION_H

#include "store/store.h"

/* NOT_FOUND, noted in cx. */
espy_err espy_store_collection_get(espy_ctx *cx, espy_store *st, int64_t id,
                                   espy_collection *out) ESPY_NODISCARD;

typedef struct espy_collection_filter {
    int64_t owner;        /* 0: everybody's and nobody's */
    const char *modality; /* NULL: all */
    const char *search;   /* stands in name or description, ASCII case ignored; NULL: all */
    bool deleted;         /* those that are, alone; else those that are not */
} espy_collection_filter;
/* Newest first.  total: NULL, or how many there are in all pages. */
espy_err espy_store_collection_page(espy_ctx *cx, espy_store *st, const espy_collection_filter *f,
                                    const espy_page *page, espy_collection **out, size_t *n,
                                    int64_t *total) ESPY_NODISCARD;
void espy_collections_free(espy_ctx *cx, espy_collection *collections, size_t n);

/* What becomes of a collection; NULL leaves what is there. */
typedef struct espy_collection_change {
    const char *name, *description;
    const bool *active;
    const int64_t *owner; /* 0: nobody's, which is the admins' */
} espy_collection_change;
/* Errors: NOT_FOUND (collection, owner), ARG, EXISTS (name). */
espy_err espy_store_collection_update(espy_ctx *cx, espy_store *st, int64_t id,
                                      const espy_collection_change *change) ESPY_NODISCARD;

/* An event, "collection.delete", that espy_store_undo() takes back, too.  Jobs of it that wait are
 * cancelled, those that run are asked to stop.  Errors: NOT_FOUND. */
espy_err espy_store_collection_delete(espy_ctx *cx, espy_store *st, int64_t id,
                                      const char *actor) ESPY_NODISCARD;
/* Errors: NOT_FOUND (no deleted one of that id), EXISTS (its name is taken by now). */
espy_err espy_store_collection_restore(espy_ctx *cx, espy_store *st, int64_t id,
                                       const char *actor) ESPY_NODISCARD;

#endif
