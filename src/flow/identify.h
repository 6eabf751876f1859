/* SPDX-License-Identifier: Apache-2.0
 * flow - identify: the same encode step, then head and decision. */
#ifndef ESPY_FLOW_IDENTIFY_H
#define ESPY_FLOW_IDENTIFY_H

#include "flow/train.h"
#include "learn/decision.h"

#define ESPY_CANDIDATES 5 /* listed with every answer, fewer when there are fewer labels */

/* A version made ready to answer.  Immutable after opening; answers come from any thread. */
typedef struct espy_identifier {
    espy_collection collection;
    const espy_encoder *encoder; /* borrowed */
    espy_version version;        /* without bytes */
    espy_head *head;
    espy_training_set gallery; /* the version's training samples */
    espy_decision_rule rule;
} espy_identifier;

typedef struct espy_identify_options {
    double threshold; /* < 0: the version's own */
    double floor;     /* < -1: the version's own */
    bool no_floor;    /* the described systems' literal rule */
} espy_identify_options;

/* version 0: live.  encoder must be the collection's and outlive the identifier; NULL: only vectors
 * are asked, or the version is only to be proved, and a scan's quality has no limits of a pack.
 * Errors: NOT_FOUND (nothing trained yet; says how), DIGEST, FORMAT, DATA, STORE, NOMEM. */
espy_err espy_identifier_open(espy_ctx *cx, espy_workspace *ws, const char *collection,
                              int64_t version, const espy_encoder *encoder,
                              const espy_identify_options *options,
                              espy_identifier *out) ESPY_NODISCARD;
void espy_identifier_close(espy_ctx *cx, espy_identifier *id);

/* Answers to the samples of one scan; *out is the caller's, espy_result_free().  It owns
 * everything in it. */
espy_err espy_identify_scan(espy_ctx *cx, const espy_identifier *id, const espy_scan *scan,
                            espy_result **out) ESPY_NODISCARD;

/* The same from what the head and the gallery say of each sample: n x labels probabilities and
 * nearest cosines. */
espy_err espy_identify_answers(espy_ctx *cx, const espy_identifier *id, const espy_scan *scan,
                               const float *p, const float *cosine,
                               espy_result **out) ESPY_NODISCARD;

/* The verdict of one such answer: its label is the most probable one that is still there. */
espy_verdict espy_identify_verdict(const espy_decision_rule *rule, const espy_label *labels,
                                   size_t classes, const espy_scan_sample *s, const float *p,
                                   const float *cosine);

/* The public result (espy.h), filled here. */
struct espy_result {
    espy_answer *at;
    espy_candidate *candidates; /* n x ESPY_CANDIDATES */
    char *texts;                /* labels and names of the candidates */
    size_t n;
    espy_memory memory; /* to be freed without a context */
};

const char *espy_decision_name(
    espy_decision d); /* "known", "unknown", "ambiguous", "poor_quality" */

#endif
