/* SPDX-License-Identifier: Apache-2.0
 * flow - adopt: a classifier that was trained elsewhere and came as scikit-learn's files becomes a
 * version of a collection. */
#ifndef ESPY_FLOW_ADOPT_H
#define ESPY_FLOW_ADOPT_H

#include "artifact/sk_model.h"
#include "flow/train.h"

/* The version has the classifier's labels, and as lineage the samples that the collection holds of
 * them, which the floor is measured on; it answers at once.  The threshold is the one in the
 * classifier's metadata, else ESPY_THRESHOLD_DEFAULT.
 * Errors: ARG (no label names; another encoder or dimension), DATA (a label that the collection has
 * no samples of; it recognises fewer than half of these, so that it was trained on other
 * embeddings), UNSUPPORTED, STORE, NOMEM, CANCELLED. */
espy_err espy_flow_adopt(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                         const espy_encoder *encoder, const espy_sk_model *model,
                         const char *reason, int64_t *number) ESPY_NODISCARD;

#endif
