/* SPDX-License-Identifier: Apache-2.0
 * store - sessions: occasions on which media were collected. */
#ifndef ESPY_STORE_SESSION_H
#define ESPY_STORE_SESSION_H

#include "store/store.h"

typedef struct espy_session {
    int64_t id, collection;
    int64_t owner;               /* a user; 0: nobody's */
    char *name, *date;           /* date: YYYY-MM-DD, or "" */
    char *start_time, *end_time; /* HH:MM or HH:MM:SS; NULL: not told */
    char *notes;                 /* text, or "" */
    char *detail;                /* a JSON object of at most ESPY_DETAIL_MAX bytes */
    bool closed;                 /* it was open, and is so no more */
    double created, opened,
        ended;             /* seconds since 1970; ended: when it was closed, 0: it was not */
    size_t media, scanned; /* media in it, and how many of these were looked at */
    size_t samples, labelled;
} espy_session;
void espy_session_free(espy_ctx *cx, espy_session *s);
void espy_sessions_free(espy_ctx *cx, espy_session *sessions, size_t n);

/* Finds or creates the session; date NULL: none.  Errors: ARG (name, date), NOT_FOUND (collection).
 */
espy_err espy_store_session(espy_ctx *cx, espy_store *st, int64_t collection, const char *name,
                            const char *date, int64_t *id) ESPY_NODISCARD;
/* The session of that name, the newest where several dates have it.  NOT_FOUND, noted in cx. */
espy_err espy_store_session_find(espy_ctx *cx, espy_store *st, int64_t collection, const char *name,
                                 int64_t *id) ESPY_NODISCARD;
/* NOT_FOUND, noted in cx: also when it or its collection was deleted. */
espy_err espy_store_session_get(espy_ctx *cx, espy_store *st, int64_t id,
                                espy_session *out) ESPY_NODISCARD;
espy_err espy_store_sessions(espy_ctx *cx, espy_store *st, int64_t collection, espy_session **out,
                             size_t *n) ESPY_NODISCARD; /* oldest first */

typedef struct espy_session_filter {
    int64_t collection, owner;      /* the session's owner; 0: all */
    int64_t collection_owner;       /* whose collections; 0: all */
    int64_t mine;                   /* whose sessions or whose collections; 0: all */
    const char *modality;           /* of the collection; NULL: all */
    const char *state;              /* "open", "closed"; NULL: both */
    const char *from, *to, *search; /* dates, both included; in name or notes; NULL: all */
} espy_session_filter;
/* Newest first.  total: NULL, or how many there are in all pages. */
espy_err espy_store_session_page(espy_ctx *cx, espy_store *st, const espy_session_filter *f,
                                 const espy_page *page, espy_session **out, size_t *n,
                                 int64_t *total) ESPY_NODISCARD;

/* A new one, open.  Read are collection, owner, name, date, start_time, end_time, notes, detail
 * (NULL from date on: none).  Errors: ARG, NOT_FOUND (collection, owner), EXISTS (another one of
 * that collection, name and date). */
espy_err espy_store_session_add(espy_ctx *cx, espy_store *st, const espy_session *s,
                                int64_t *id) ESPY_NODISCARD;

/* What becomes of a session; NULL leaves what is there, "" takes date or time away. */
typedef struct espy_session_change {
    const char *name, *date, *start_time, *end_time, *notes, *detail;
    const int64_t *owner; /* 0: nobody's */
    const bool *closed; /* closing tells `ended`; opening again takes it away, and tells `opened` */
} espy_session_change;
/* Errors: NOT_FOUND (session, owner), ARG, EXISTS (name and date). */
espy_err espy_store_session_update(espy_ctx *cx, espy_store *st, int64_t id,
                                   const espy_session_change *change) ESPY_NODISCARD;

/* The session and its media go out of sight; an event, "session.delete", that espy_store_undo()
 * takes back.  Attendance of it is seen no more.  Errors: NOT_FOUND. */
espy_err espy_store_session_delete(espy_ctx *cx, espy_store *st, int64_t id,
                                   const char *actor) ESPY_NODISCARD;

/* Puts a media into a session.  One that is in another session stays there: *there false.
 * Errors: NOT_FOUND (media, or session of its collection). */
espy_err espy_store_media_session(espy_ctx *cx, espy_store *st, int64_t media, int64_t session,
                                  bool *there) ESPY_NODISCARD;

#endif
