/* SPDX-License-Identifier: Apache-2.0
 * store - who was there: one row for each session, label and day.
 *
 * A row comes from a sample (somebody was recognised) or from a person, whose word no sample
 * changes.  Rows of deleted sessions, labels and collections are seen by nobody. */
#ifndef ESPY_STORE_ATTENDANCE_H
#define ESPY_STORE_ATTENDANCE_H

#include "store/store.h"

typedef struct espy_mark {
    int64_t session, label;
    const char *day;   /* YYYY-MM-DD */
    bool present;      /* false: a person says that they were not there */
    bool manual;       /* a person says so; else a sample shows it */
    int64_t sample;    /* which one; 0: none */
    int64_t user;      /* who marked it; 0: nobody known */
    double confidence; /* 0..1; NaN: none */
    const char *note;  /* NULL: stays, of a new row "" */
} espy_mark;

/* *fresh: the row is new; else it was there and has the new time, sample and confidence.  A row
 * that a person wrote stays as it is when a sample comes: *kept.  What a person says is an event,
 * "attendance.mark".  Errors: ARG (day, note, not of one collection, a sample that says absent),
 * NOT_FOUND (session, label, sample, user). */
espy_err espy_store_attendance_mark(espy_ctx *cx, espy_store *st, const espy_mark *mark,
                                    int64_t *id, bool *fresh, bool *kept) ESPY_NODISCARD;
/* Takes the rows of a session and label away; day NULL: all days; manual: only what a person said.
 * *removed: how many; an event when there were any. */
espy_err espy_store_attendance_unmark(espy_ctx *cx, espy_store *st, int64_t session, int64_t label,
                                      const char *day, bool manual, size_t *removed) ESPY_NODISCARD;

typedef struct espy_attendance {
    int64_t id, collection, session, label;
    char *session_name, *code, *name; /* code and name: of the label */
    char day[11];                     /* YYYY-MM-DD */
    bool present, manual;
    int64_t sample, user; /* 0: none */
    double confidence;    /* NaN: none */
    char *note;
    double time; /* seconds since 1970: when it was last marked */
} espy_attendance;
void espy_attendance_free(espy_ctx *cx, espy_attendance *rows, size_t n);

typedef struct espy_attendance_filter {
    int64_t collection, session, label; /* 0: all */
    int64_t session_owner;              /* whose sessions; 0: all */
    int64_t collection_owner;           /* whose collections; 0: all */
    int64_t account;                    /* the labels of this user's; 0: all */
    const char *code;                   /* of the label, in any collection; NULL: all */
    const char *from, *to;              /* days, both included; NULL: no end */
} espy_attendance_filter;
/* The last marked first; cursor: an id, as in every page.  total: NULL, or how many there are. */
espy_err espy_store_attendance_page(espy_ctx *cx, espy_store *st, const espy_attendance_filter *f,
                                    const espy_page *page, espy_attendance **out, size_t *n,
                                    int64_t *total) ESPY_NODISCARD;

/* One label in one session. */
typedef struct espy_presence {
    int64_t label, session;
    size_t samples;   /* of the label in the session's media */
    bool said, there; /* whether a person said anything, and what */
    bool present;     /* what holds: the person's word, else a sample or a row that one left */
} espy_presence;
/* Of a collection, or with n_sessions > 0 of these sessions of it (collection 0: of any); by label,
 * then session.  Pairs of which nothing is known are left out: absent.  espy_free(). */
espy_err espy_store_presence(espy_ctx *cx, espy_store *st, int64_t collection,
                             const int64_t *sessions, size_t n_sessions, espy_presence **out,
                             size_t *n) ESPY_NODISCARD;
/* One of them; NULL: absent. */
const espy_presence *espy_presence_find(const espy_presence *at, size_t n, int64_t label,
                                        int64_t session);
/* How many labels were present in each of n different sessions, one number for each; 0 of what is
 * not there. */
espy_err espy_store_present(espy_ctx *cx, espy_store *st, const int64_t *sessions, size_t n,
                            int64_t *present) ESPY_NODISCARD;

#endif
