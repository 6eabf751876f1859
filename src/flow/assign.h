/* SPDX-License-Identifier: Apache-2.0
 * flow - assign: samples get the labels of the identified samples that they are most like (SPEC
 * 5.6, C-03).
 *
 * The neighbours of a sample are the k identified samples of its collection with the largest
 * cosine.  Those below the threshold do not count.  With voting the label of most of the rest wins,
 * when it has at least half of them; of two with as many the one with the larger mean.  Without,
 * the nearest decides.  The answer is `ambiguous`, and nothing is assigned, when another label's
 * nearest sample is not at least `margin` farther away than the winner's.
 *
 * A label that a person refused to a sample is not among its neighbours; nor, for faces, is a label
 * that another face of the same photo has.  All samples of one run see the pool as it was when the
 * run began. */
#ifndef ESPY_FLOW_ASSIGN_H
#define ESPY_FLOW_ASSIGN_H

#include "base/progress.h"
#include "flow/workspace.h"
#include "store/group.h"

#define ESPY_ASSIGN_K_MAX 20

typedef enum espy_assign_status {
    ESPY_ASSIGNED,           /* the sample has the label now */
    ESPY_MATCH_FOUND,        /* it would have: commit was off */
    ESPY_NO_MATCH,           /* nobody that is known */
    ESPY_ASSIGN_AMBIGUOUS,   /* two labels are too close to choose */
    ESPY_ALREADY_IDENTIFIED, /* it has a label, or a person said that it is nobody's */
    ESPY_NO_REFERENCE_DATA   /* nobody is identified yet */
} espy_assign_status;
/* "assigned", "match_found", "no_match", "ambiguous", "already_identified", "no_reference_data" */
const char *espy_assign_status_name(espy_assign_status s);

typedef struct espy_assign_options {
    const char *session;    /* samples of one session; NULL: of the whole collection */
    const char *date;       /* of the session; NULL: the newest of that name */
    const int64_t *samples; /* only these, ascending; NULL: all that have no label */
    size_t samples_n;
    size_t k;         /* 1..20 neighbours */
    double threshold; /* cosine 0..1 */
    double margin;    /* cosine 0..1; 0: never ambiguous */
    bool voting;
    bool average; /* a label is the mean of its samples: one neighbour each */
    bool commit;  /* give the labels; else only tell */
    const espy_progress *progress;
} espy_assign_options;
espy_assign_options espy_assign_defaults(void); /* SPEC 5.4: 5, 0.6, voting, commit */

/* The threshold that suits a pack with this floor: a sample is compared with many, so it is above
 * that of grouping (docs/decisions/019). */
double espy_assign_cosine(double floor);

typedef struct espy_neighbour {
    int64_t label, sample; /* sample 0: the mean of the label */
    float similarity;
} espy_neighbour;

typedef struct espy_assignment {
    int64_t sample, media;
    espy_assign_status status;
    int64_t label;    /* of the winner, also when it was ambiguous; 0: none */
    float confidence; /* mean cosine of the winner's neighbours that count; 0: no winner */
    float margin;     /* the winner's nearest less the rivals' nearest; 2 without rivals */
    size_t nearest_n; /* at most k, best first */
    espy_neighbour nearest[ESPY_ASSIGN_K_MAX];
} espy_assignment;

typedef struct espy_assignments {
    espy_assignment *at; /* by sample id */
    size_t n;
    size_t assigned, matched, no_match, ambiguous, skipped; /* skipped: had a label, no reference */
    size_t references;                                      /* identified samples of the pool */
    int64_t event; /* what gave the labels, to be undone; 0: none was given */
} espy_assignments;
void espy_assignments_free(espy_ctx *cx, espy_assignments *a);

/* Errors: ARG (an option out of range, says which), NOT_FOUND (session; a sample of `samples` that
 * is not there or has no embedding), STORE, NOMEM, CANCELLED. */
espy_err espy_flow_assign(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                          const espy_assign_options *options, espy_assignments *out) ESPY_NODISCARD;

/* The decision alone, for one list of neighbours (best first): what espy_flow_assign() does with
 * each.  Fills status (MATCH_FOUND, NO_MATCH or AMBIGUOUS), label, confidence, margin. */
void espy_assign_decide(const espy_assign_options *o, espy_assignment *a);

#endif
