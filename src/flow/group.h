/* SPDX-License-Identifier: Apache-2.0
 * flow - group: unlabelled samples become people (SPEC 5.5).
 *
 * Samples that are alike form groups; each group becomes a label, "Unknown Class_X_Session_Y_
 * Cluster_N", until a person names it.  What people said stays: a label that a person or a folder
 * gave holds its samples together and apart from those of other labels, a sample is not put where
 * it was refused, and two faces of one photo are two people.  A group keeps its label from run to
 * run by the samples that it shares. */
#ifndef ESPY_FLOW_GROUP_H
#define ESPY_FLOW_GROUP_H

#include "base/progress.h"
#include "flow/workspace.h"
#include "store/group.h"

#define ESPY_GROUP_CLUSTERS_MAX 200 /* largest max_clusters */
#define ESPY_GROUP_ANY_NUMBER                                                             \
    SIZE_MAX                   /* a max_clusters that joins nothing against the threshold \
                                */
#define ESPY_GROUP_NOBODY (-1) /* a sample in no group: noise, or left out */

typedef enum espy_group_method {
    ESPY_GROUP_AVERAGE, /* agglomerative, average linkage */
    ESPY_GROUP_DBSCAN   /* with noise; clusters that hold what must stay apart are taken apart */
} espy_group_method;

typedef struct espy_group_options {
    const char *session; /* of one session; NULL: of the whole collection */
    const char *date;    /* of the session; NULL: the newest of that name */
    espy_group_method method;
    double threshold;        /* cosine 0..1: higher makes more and smaller groups */
    size_t max_clusters;     /* 1..200: go on until there are no more; ESPY_GROUP_ANY_NUMBER */
    size_t min_samples;      /* DBSCAN: at least 2 */
    bool include_identified; /* also samples that have a name; in a session all are looked at */
    bool create_labels;      /* file the groups as labels */
    bool assign;             /* and give their samples these labels */
    const espy_progress *progress;
} espy_group_options;
espy_group_options espy_group_defaults(void); /* SPEC 5.4: 0.5, 50, create and assign */

/* The threshold that suits a pack with this floor: about what one pair of strangers in 10,000
 * reaches (docs/decisions/019). */
double espy_group_cosine(double floor);

typedef struct espy_group {
    int64_t label;     /* 0: it has none */
    char *code, *name; /* of the label, or what it would be called */
    bool fresh;        /* the label is (or would be) new */
    size_t size;       /* samples */
} espy_group;

typedef struct espy_grouping {
    espy_sample_pool pool; /* what was looked at */
    int32_t *group;        /* of each sample of the pool; ESPY_GROUP_NOBODY */
    espy_group *at;
    size_t n;
    size_t noise;  /* DBSCAN: samples that are like no other */
    size_t filed;  /* samples that got a label now */
    int64_t event; /* what filed them, to be undone; 0: nothing was filed */
    bool too_many; /* what must stay apart left more groups than max_clusters */
} espy_grouping;
void espy_grouping_free(espy_ctx *cx, espy_grouping *g);

/* Groups what the collection (or the session) holds.  No sample: success with n 0.
 * Errors: ARG (an option out of range, says which), NOT_FOUND (session), STORE, NOMEM, CANCELLED.
 */
espy_err espy_flow_group(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                         const espy_group_options *options, espy_grouping *out) ESPY_NODISCARD;

#endif
