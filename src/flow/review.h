/* SPDX-License-Identifier: Apache-2.0
 * flow - review: the samples that wait for somebody's word, most useful first.
 *
 * These are the newest ESPY_STORED_NEWEST samples without a label and those that a job labelled,
 * groups and probes left out.  Each is answered by the live version from its vector, or, where
 * nothing was learned yet, by the nearest sample that a person or a folder labelled; labels that a
 * person refused to it are no answer.  Order:
 *   ambiguous     smallest margin first
 *   border        nearest to the threshold or the floor first
 *   confirm       known, the most probable first
 *   unknown       the most similar first
 *   poor_quality  the most similar first */
#ifndef ESPY_FLOW_REVIEW_H
#define ESPY_FLOW_REVIEW_H

#include "flow/stored.h"

#define ESPY_REVIEW_CANDIDATES 3

typedef enum espy_review_reason {
    ESPY_REVIEW_AMBIGUOUS,
    ESPY_REVIEW_BORDER,
    ESPY_REVIEW_CONFIRM,
    ESPY_REVIEW_UNKNOWN,
    ESPY_REVIEW_POOR
} espy_review_reason;
const char *espy_review_reason_name(espy_review_reason r); /* "ambiguous", ... */

typedef struct espy_review_candidate {
    const espy_label *label;
    float probability; /* NaN without a version, and of a label that it does not know */
    float similarity; /* cosine to the nearest sample that the version learned from; NaN likewise */
    int64_t reference; /* the nearest sample that a person or a folder gave this label; 0: none */
} espy_review_candidate;

typedef struct espy_review_item {
    int64_t sample;
    espy_decision decision;
    espy_review_reason reason;
    float margin; /* probability of the best label less that of the second; NaN without a version or
                     a second */
    /* the label that the sample has, then the answer's, best first, without the refused ones */
    espy_review_candidate candidates[ESPY_REVIEW_CANDIDATES];
    size_t n;
    double order; /* within its reason, ascending */
    size_t place; /* in the pool */
} espy_review_item;

typedef struct espy_review {
    espy_review_item *at;
    size_t n;                /* at most `limit` */
    size_t total;            /* all that wait */
    double threshold, floor; /* threshold NaN without a version */
    espy_training_set references;
    espy_label *labels; /* of the collection */
    size_t labels_n;
} espy_review;
void espy_review_free(espy_ctx *cx, espy_review *r);

/* Samples whose most probable ESPY_REVIEW_CANDIDATES labels were all refused to them do not wait.
 *   live     the version that answers, which must outlive the result; id NULL: none
 *   session  only of this session; 0: all
 * Errors: FORMAT, STORE, NOMEM, CANCELLED. */
espy_err espy_flow_review(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                          espy_asked_version live, int64_t session, size_t limit,
                          espy_review *out) ESPY_NODISCARD;

#endif
