/* SPDX-License-Identifier: Apache-2.0
 * flow - a model folder as the described trainers leave it, made ready to answer (S1's tester). */
#ifndef ESPY_FLOW_TESTER_H
#define ESPY_FLOW_TESTER_H

#include "artifact/sk_model.h"
#include "encode/encode.h"
#include "learn/decision.h"
#include "learn/rows.h"
#include "store/store.h"

typedef struct espy_tester {
    espy_sk_model model;
    float *x; /* X.npy, when it and y.npy are there and fit: the gallery for the floor */
    uint32_t *y;
    espy_rows gallery; /* n = 0: none */
    espy_decision_rule rule;
} espy_tester;

typedef struct espy_tester_options {
    double threshold; /* < 0: the model's own, else ESPY_THRESHOLD_DEFAULT */
    double floor;     /* the pack's; raised by the gallery */
    bool no_floor;
} espy_tester_options;

/* Reads the classifier.  Errors: NOT_FOUND, FORMAT, UNSUPPORTED, NOMEM. */
espy_err espy_tester_load(espy_ctx *cx, const char *folder, espy_tester *out) ESPY_NODISCARD;

/* The pack that the model was trained with, by its metadata; NULL when they do not tell. */
const char *espy_tester_encoder(const espy_tester *t);

/* A plain entry of the metadata, or else of the classifier's dictionary; or NULL. */
const espy_json *espy_tester_fact(const espy_tester *t, const char *key);

/* Makes the loaded model ready for samples of this encoder.
 * Errors: ARG (it was trained with another one, or on another dimension), FORMAT, NOMEM. */
espy_err espy_tester_ready(espy_ctx *cx, const char *folder, const espy_encoder *encoder,
                           const espy_tester_options *options, espy_tester *t) ESPY_NODISCARD;
void espy_tester_close(espy_ctx *cx, espy_tester *t);

/* Answers one sample.  p: classes probabilities, filled. */
espy_err espy_tester_answer(espy_ctx *cx, const espy_tester *t, const espy_scan_sample *s, float *p,
                            espy_verdict *out) ESPY_NODISCARD;

#endif
