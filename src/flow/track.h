/* SPDX-License-Identifier: Apache-2.0
 * flow - tracks: the same face in frame after frame, and what its frames agree on.
 *
 * A face belongs to the track whose last box it overlaps most (at least TRACK_OVERLAP), else to the
 * one whose last vector it is most like (at least the floor that is given).  A track that was not
 * seen for TRACK_PATIENCE frames ends.
 *
 * One frame may be wrong; of the last ESPY_TRACK_LOOKS that were good enough to judge, a label must
 * have at least three and more than half to be the track's.  Three without such a label make it
 * unknown; fewer looks than three leave it undecided. */
#ifndef ESPY_FLOW_TRACK_H
#define ESPY_FLOW_TRACK_H

#include "flow/identify.h"

#define ESPY_TRACK_LOOKS 7
#define ESPY_TRACK_LEAST 3
#define ESPY_TRACKS 64 /* faces followed at once; more are answered, but not followed */

typedef struct espy_track {
    int64_t id; /* 1, 2, ... within the tracker */
    float box[4];
    float *x;                      /* dim: the last vector */
    int64_t last;                  /* frame in which it was seen last */
    size_t frames;                 /* in which it was seen */
    char *looks[ESPY_TRACK_LOOKS]; /* labels of the last good looks, "" for none; a ring */
    size_t looked;                 /* good looks in all */
    int64_t told[2]; /* for the user of the tracker: what it was told for last; 0: nothing */
} espy_track;

typedef struct espy_tracker {
    espy_track at[ESPY_TRACKS];
    size_t n, dim;
    int64_t frame, given; /* frames seen; ids given out */
} espy_tracker;

void espy_tracker_free(espy_ctx *cx, espy_tracker *t); /* leaves an empty one */

/* A frame's samples with their answers.  tracks: room for scan->n; the track of each sample, valid
 * until the next call, NULL where it is not followed.  floor: least cosine between two frames of
 * one face.  Errors: ARG (another dimension than before), NOMEM. */
espy_err espy_tracker_frame(espy_ctx *cx, espy_tracker *t, const espy_scan *scan,
                            const espy_result *r, double floor, espy_track **tracks) ESPY_NODISCARD;

/* What the track's frames agree on. */
typedef enum espy_consensus {
    ESPY_CONSENSUS_UNDECIDED,
    ESPY_CONSENSUS_KNOWN,
    ESPY_CONSENSUS_UNKNOWN
} espy_consensus;
/* *label: of KNOWN, else NULL; belongs to the track. */
espy_consensus espy_track_consensus(const espy_track *track, const char **label);
const char *espy_consensus_name(espy_consensus c); /* "undecided", "known", "unknown" */

#endif
