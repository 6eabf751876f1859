/* SPDX-License-Identifier: Apache-2.0
 * flow - changes: which answers about stored samples differ between two versions. */
#ifndef ESPY_FLOW_CHANGES_H
#define ESPY_FLOW_CHANGES_H

#include "flow/stored.h"

/* What one of the versions says. */
typedef struct espy_changed_side {
    espy_verdict verdict;
    const espy_label *label; /* of a known answer; NULL: none; the identifier's */
} espy_changed_side;

typedef enum espy_change_kind {
    ESPY_TURNED_WRONG, /* it was answered with the label that it has, and is no more */
    ESPY_TURNED_RIGHT,
    ESPY_TURNED_OTHER /* it has no label that anybody gave, or both are wrong */
} espy_change_kind;

typedef struct espy_change {
    int64_t sample, media;
    int64_t label; /* that a person or a folder gave; 0: none */
    espy_change_kind kind;
    espy_changed_side before, after;
} espy_change;

typedef struct espy_changes {
    espy_change *at; /* what turned wrong, then what turned right, then others; newest first */
    size_t n;
    size_t asked; /* the newest ESPY_STORED_NEWEST that are no probes */
    size_t labelled, right_before, right_after; /* of those with a label that somebody gave */
} espy_changes;
void espy_changes_free(espy_ctx *cx, espy_changes *c);

/* before and after: versions of one collection, which must outlive the result.  Errors: STORE,
 * NOMEM, CANCELLED. */
espy_err espy_flow_changes(espy_ctx *cx, espy_workspace *ws, espy_asked_version before,
                           espy_asked_version after, espy_changes *out) ESPY_NODISCARD;

#endif
