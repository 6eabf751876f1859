/* SPDX-License-Identifier: Apache-2.0
 * http - things of the store as the JSON of /v1 (the tables of routes have the schemas), and pages
 * of them.  *out: the caller's. */
#ifndef ESPY_HTTP_SHAPES_H
#define ESPY_HTTP_SHAPES_H

#include "http/call.h"
#include "store/gallery.h"
#include "store/job.h"
#include "store/near.h"

espy_err espy_event_json(espy_ctx *cx, const espy_event *event, espy_json **out) ESPY_NODISCARD;
espy_err espy_sample_info_json(espy_ctx *cx, const espy_sample_info *s,
                               espy_json **out) ESPY_NODISCARD;
espy_err espy_job_json(espy_ctx *cx, const espy_job *job, espy_json **out) ESPY_NODISCARD;

/* {"items": [{"sample", "label", "code", "name", "similarity"}, ...]}: what espy_store_nearest()
 * found, best first. */
espy_err espy_near_json(espy_call *call, const espy_near *near, size_t n,
                        espy_json **out) ESPY_NODISCARD;

/* 204; the header X-Espy-Event tells the event that the store's last change became, for an undo. */
espy_err espy_reply_gone(espy_call *call) ESPY_NODISCARD;

/* -- fields that many routes have -------------------------------------------------------------- */
#define ESPY_COLLECTION_FIELD                                                   \
    {                                                                           \
        "collection", ESPY_IN_PATH, ESPY_FIELD_TEXT, 1, 1024, true, NULL, NULL, \
            "id or name of the collection"                                      \
    }
#define ESPY_ID_FIELD(name, help)                                                         \
    {                                                                                     \
        name, ESPY_IN_PATH, ESPY_FIELD_INT, 1, 9007199254740991.0, true, NULL, NULL, help \
    }

/* The id of the collection that the field `collection` names; without it the key's, or 0: none.
 * NOT_FOUND. */
espy_err espy_collection_asked(espy_call *call, int64_t *id) ESPY_NODISCARD;
/* What the fields `media` and `sample` name; the caller's.  NOT_FOUND: also when it belongs to
 * somebody else. */
espy_err espy_media_asked(espy_call *call, espy_media_info *out) ESPY_NODISCARD;
espy_err espy_sample_asked(espy_call *call, espy_sample_info *out) ESPY_NODISCARD;
/* The object `detail` as a text, empty where none was sent; text is the caller's, also after a
 * failure.  Refused: 400 (too long). */
espy_err espy_detail_asked(espy_call *call, espy_buf *text) ESPY_NODISCARD;

/* -- pages of /v1 ------------------------------------------------------------------------------ */
/* {"items": [...], "next_cursor": "..." or null, "total": n}.  A cursor is opaque to the client. */
#define ESPY_PAGE_FIELDS                                                                         \
    {"limit", ESPY_IN_QUERY, ESPY_FIELD_INT, 1, 1000, false, "50", NULL, "items in one answer"}, \
    {                                                                                            \
        "cursor", ESPY_IN_QUERY, ESPY_FIELD_TEXT, 1, 32, false, NULL, NULL,                      \
            "next_cursor of the answer before"                                                   \
    }

#define ESPY_PAGE_SCHEMA(item)                                                                  \
    "{\"type\":\"object\",\"required\":[\"items\",\"next_cursor\"],\"properties\":{\"items\":{" \
    "\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/" item                       \
    "\"}},\"next_cursor\":{\"type\":[\"string\",\"null\"]},\"total\":{\"type\":\"integer\"}}}"

/* What the fields ask for, and one more: whether there is a next page.  400 for a cursor that is
 * none. */
espy_err espy_page_asked(espy_call *call, espy_page *page) ESPY_NODISCARD;

/* The items read: n structs of `size` bytes that begin with their id; one more than asked for is
 * not told. */
typedef struct espy_page_items {
    const void *at;
    size_t size, n;
    int64_t total; /* < 0: not told */
    espy_err (*shape)(espy_ctx *cx, const void *item, espy_json **out);
} espy_page_items;
espy_err espy_reply_page(espy_call *call, const espy_page *page,
                         const espy_page_items *items) ESPY_NODISCARD;

#endif
