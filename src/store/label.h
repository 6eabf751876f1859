/* SPDX-License-Identifier: Apache-2.0
 * store - what people say about labels: rename, merge, split, delete, set, reject, undo.
 *
 * Each call is one transaction and one event that can be undone; espy_store_event() tells its id.
 * `actor` says who: "user" for a person, whose word no job changes. */
#ifndef ESPY_STORE_LABEL_H
#define ESPY_STORE_LABEL_H

#include "store/store.h"

/* Another code, another name, or both (NULL: stays).  A group that gets a name is a group no more.
 * Errors: NOT_FOUND, EXISTS (the code is taken: merge instead), ARG (name, code). */
espy_err espy_store_label_rename(espy_ctx *cx, espy_store *st, int64_t collection, int64_t label,
                                 const char *code, const char *name,
                                 const char *actor) ESPY_NODISCARD;

/* Whether a code means a label, as that label's code or as one that it had before it was renamed or
 * merged. */
espy_err espy_store_code_meant(espy_ctx *cx, espy_store *st, int64_t collection, const char *code,
                               bool *meant) ESPY_NODISCARD;

/* Finds the label of that code, which comes back if it was deleted, or makes it: a person wants it
 * to be there.  name: of a new one; NULL: its code.  Errors: ARG (code, name). */
espy_err espy_store_label_make(espy_ctx *cx, espy_store *st, int64_t collection, const char *code,
                               const char *name, int64_t *id) ESPY_NODISCARD;

/* Everything of label `from` becomes that of `into`; `from` is deleted.  What was refused to either
 * is refused to `into`: samples of `from` that were refused to `into` are left without a label.
 * moved, left: how many.  Errors: NOT_FOUND, ARG (both are the same). */
espy_err espy_store_label_merge(espy_ctx *cx, espy_store *st, int64_t collection, int64_t from,
                                int64_t into, const char *actor, size_t *moved,
                                size_t *left) ESPY_NODISCARD;

/* These samples of a label become another, new label, and are refused to the old one.
 * Errors: NOT_FOUND (label; sample that is not of it), EXISTS (code), ARG (none, or all of them).
 */
espy_err espy_store_label_split(espy_ctx *cx, espy_store *st, int64_t collection, int64_t label,
                                const int64_t *samples, size_t n, const char *code,
                                const char *name, const char *actor, int64_t *made) ESPY_NODISCARD;

/* The label goes; its samples are nobody's again. */
espy_err espy_store_label_delete(espy_ctx *cx, espy_store *st, int64_t collection, int64_t label,
                                 const char *actor) ESPY_NODISCARD;

/* A person says whose these samples are; label 0: nobody's that is known.  An earlier refusal of
 * the same is taken back.  Errors: NOT_FOUND. */
espy_err espy_store_label_set(espy_ctx *cx, espy_store *st, int64_t collection, int64_t label,
                              const int64_t *samples, size_t n) ESPY_NODISCARD;

/* A person takes the labels of these samples back: they are as if nobody had said anything of them,
 * and grouping and assignment may label them again.  Errors: NOT_FOUND. */
espy_err espy_store_label_clear(espy_ctx *cx, espy_store *st, int64_t collection,
                                const int64_t *samples, size_t n) ESPY_NODISCARD;

/* A person says that these samples are not of the label: they lose it if they have it, and neither
 * grouping nor assignment will give it to them again.  Errors: NOT_FOUND. */
espy_err espy_store_label_reject(espy_ctx *cx, espy_store *st, int64_t collection, int64_t label,
                                 const int64_t *samples, size_t n) ESPY_NODISCARD;

/* All refusals of a collection, by sample, then label; espy_free(). */
typedef struct espy_rejection {
    int64_t sample, label;
} espy_rejection;
espy_err espy_store_rejections(espy_ctx *cx, espy_store *st, int64_t collection,
                               espy_rejection **out, size_t *n) ESPY_NODISCARD;

/* -- labels in pages, and whose account they are ----------------------------------------------- */
typedef struct espy_label_info {
    espy_label label; /* samples: those that are to be seen */
    int64_t collection;
    int64_t account; /* the user who is this; 0: none */
    char *email;     /* "" none */
    char *detail;    /* a JSON object: department, year, section ... */
    double created;  /* seconds since 1970 */
    size_t sessions; /* in how many it has samples */
} espy_label_info;
void espy_label_info_free(espy_ctx *cx, espy_label_info *l);
void espy_label_infos_free(espy_ctx *cx, espy_label_info *labels, size_t n);

typedef struct espy_label_filter {
    int64_t collection, owner; /* owner: of the collection; 0: all */
    const char *modality;      /* of the collection; NULL: all */
    int64_t account;           /* labels of this user's; 0: all */
    const char *search;        /* in code, name or e-mail, ASCII case ignored; NULL: all */
    espy_asked grouped;        /* whether grouping made it and nobody named it */
} espy_label_filter;
/* Those that are not deleted, by code within their collection.  total: NULL, or how many there are
 * in all pages. */
espy_err espy_store_label_page(espy_ctx *cx, espy_store *st, const espy_label_filter *f,
                               const espy_page *page, espy_label_info **out, size_t *n,
                               int64_t *total) ESPY_NODISCARD;
/* By the id alone.  NOT_FOUND, noted in cx: also when it or its collection was deleted. */
espy_err espy_store_label_info(espy_ctx *cx, espy_store *st, int64_t id,
                               espy_label_info *out) ESPY_NODISCARD;

/* What becomes of what is kept about a label beside code and name; NULL leaves what is there. */
typedef struct espy_label_change {
    const char *email, *detail;
    const int64_t *account; /* 0: none */
} espy_label_change;
/* An event, "label.edit", that tells no values and cannot be undone.  Errors: NOT_FOUND (label,
 * account), ARG. */
espy_err espy_store_label_edit(espy_ctx *cx, espy_store *st, int64_t collection, int64_t label,
                               const espy_label_change *change, const char *actor) ESPY_NODISCARD;

/* -- undo -------------------------------------------------------------------------------------- */
/* What an undo did. */
typedef struct espy_undone {
    int64_t event;  /* which one was undone */
    char *action;   /* what it was; espy_free() */
    size_t samples; /* samples that are again what they were */
    size_t media;   /* media that are there again */
    size_t kept;    /* samples that were changed since, and stay; media that cannot come back */
} espy_undone;

/* Undoes an event by its id, or with 0 the last one that can be: rename, merge, split, delete, set,
 * reject, group, assign, and taking away samples, media, a session or the collection.  A sample
 * whose label is deleted by now gets the one that this was merged into, its group back, or none.
 * The event stays; the undo is another one.
 * Errors: NOT_FOUND (nothing to undo, or undone already), EXISTS (a code or name is taken by now).
 */
espy_err espy_store_undo(espy_ctx *cx, espy_store *st, int64_t collection, int64_t event,
                         const char *actor, espy_undone *out) ESPY_NODISCARD;

#endif
