/* SPDX-License-Identifier: Apache-2.0
 * flow - a collection learns anew from the samples that it has: fit, gate, version, promotion. */
#ifndef ESPY_FLOW_RENEW_H
#define ESPY_FLOW_RENEW_H

#include "flow/gate.h"

typedef struct espy_renewal espy_renewal;

typedef struct espy_renew_options {
    const espy_fit_options *fit;
    const espy_gate_options *gate; /* NULL: nobody is asked, the version answers at once */
    const char *reason;            /* one line for the history: "train" */
    espy_json *file_counts;        /* of the folder learned from (trigger.h), borrowed; or NULL */
    const espy_encoder *encoder;   /* must be the collection's; NULL only without copies */
    bool measured;                 /* DATA when nothing could be held back to measure: nothing is
                                      stored then, and live stays */
    size_t copies; /* altered copies of each clip learned from (augment.h); 0: none */
    /* Called within the transaction that stores the version, so that the two are one: what fails
     * here undoes the version.  NULL: nobody. */
    espy_err (*stored)(espy_ctx *cx, void *self, const espy_renewal *r);
    void *self;
} espy_renew_options;

/* What came of it.  A version that the gate refused is stored all the same; `live` stays. */
struct espy_renewal {
    espy_training_set set;
    espy_fit fit; /* looks into set */
    espy_gate gate;
    int64_t version, live; /* the new one; what answers now (0: nothing) */
    bool promoted;
};

/* The same in two steps: what is learned and judged, then the version and its promotion, one
 * transaction or a part of the caller's.  Between them `out` has no version yet and gate.promote
 * tells what will be. */
espy_err espy_flow_renew_fit(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                             const espy_renew_options *options, espy_renewal *out) ESPY_NODISCARD;
espy_err espy_flow_renew_store(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                               const espy_renew_options *options, espy_renewal *r) ESPY_NODISCARD;

/* Errors: ARG (the encoder is not the collection's), as espy_flow_fit, espy_flow_gate and
 * espy_flow_add; nothing is stored then. */
espy_err espy_flow_renew(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                         const espy_renew_options *options, espy_renewal *out) ESPY_NODISCARD;
void espy_renewal_free(espy_ctx *cx, espy_renewal *r);

#endif
