/* SPDX-License-Identifier: Apache-2.0
 * learn - the decision over one sample: known, ambiguous, poor quality or unknown.
 *
 * A probability alone is closed-set: it is shared among the known labels and names strangers.  So a
 * sample is known only when it is also near to a training sample of the label. */
#ifndef ESPY_LEARN_DECISION_H
#define ESPY_LEARN_DECISION_H

#include <math.h>

#include "base/ctx.h"

typedef struct espy_decision_rule {
    double threshold;          /* least probability of the best label */
    double floor;              /* least cosine to that label's nearest training sample */
    double margin_probability; /* a second label this close makes it ambiguous; 0.05 */
    double margin_cosine;      /* 0.03 */
    float min_side;            /* least shorter box side in pixels; 32 */
    float min_score;           /* least detector score of the pack; 0: any */
    float min_sharpness;       /* least sharpness of the pack; 0: any */
    bool no_floor; /* the described systems' literal rule: the threshold alone decides */
} espy_decision_rule;

/* How good the sample is; quality unknown (sounds, vectors): all at ESPY_QUALITY_UNKNOWN. */
#define ESPY_QUALITY_UNKNOWN INFINITY
typedef struct espy_quality {
    float side, score, sharpness;
} espy_quality;

typedef struct espy_verdict {
    espy_decision decision;
    uint32_t label;    /* the best label, whatever the decision */
    float probability; /* its probability */
    float similarity;  /* its nearest cosine; NaN without a gallery */
} espy_verdict;

/* Starting values: threshold, floor, margins 0.05 and 0.03, side 32 px. */
espy_decision_rule espy_decision_rule_make(double threshold, double floor);

/* The floor of a gallery: the pack's default, raised by the largest cosine between samples of
 * different labels (espy_gallery_between), so that nobody is accepted at a likeness that strangers
 * to each other reach; but never above `most`, beyond which too many of a label's own samples would
 * be lost: one mislabelled photo must not make everybody unknown. */
double espy_decision_floor(double pack_floor, double largest_between, double most);

/* p: probabilities of the labels; cosine: nearest cosine per label (NULL: no_floor is taken as
 * set). quality NULL: unknown.  In order: no_floor       known iff p of the best label >=
 * threshold, else unknown poor_quality   side, score or sharpness below its limit known          p
 * >= threshold and cosine >= floor, unless ambiguous      a second label is within a margin in
 * probability or in cosine unknown        everything else */
espy_verdict espy_decide(const espy_decision_rule *rule, const float *p, const float *cosine,
                         size_t classes, const espy_quality *quality);

#endif
