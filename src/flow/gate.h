/* SPDX-License-Identifier: Apache-2.0
 * flow - the quality gate: whether a fit may answer in place of the live version.
 * Why it judges so: docs/decisions/012-quality-gate.md. */
#ifndef ESPY_FLOW_GATE_H
#define ESPY_FLOW_GATE_H

#include "flow/train.h"

/* Something that nobody is: digital silence, hiss, white noise. */
typedef struct espy_canary {
    const char *name; /* of its check: "silence" */
    const float *x;   /* dim values, a unit row, borrowed */
    bool poor;        /* its quality is too poor to be named, whatever it is like */
    bool warning;     /* told only: some label may rightly be like it, as rain is like noise */
} espy_canary;

#define ESPY_GATE_LEFT_OUT 3 /* labels that are left out in turn */
#define ESPY_GATE_NAMED 0.2  /* share of their samples that may be named as somebody known */

typedef struct espy_gate_options {
    double min_accuracy; /* least accuracy on the held-out part; 0: not asked */
    const espy_canary *canaries;
    size_t n_canaries;
    size_t left_out; /* most labels left out in turn, one more fit each; 0: none */
    double named;    /* see ESPY_GATE_NAMED */
    bool force;      /* promoted all the same */
} espy_gate_options;

typedef struct espy_gate_check {
    char name[32]; /* "min_accuracy", "live", "left_out", or a canary's */
    bool passed;
    bool warning;        /* did not pass, but is told only */
    double value, limit; /* NaN: none */
    char note[192];      /* why it did not pass, or why it could not be made; "" */
} espy_gate_check;

typedef struct espy_gate {
    espy_gate_check *at; /* all that were made, passed or not */
    size_t n;
    bool passed;              /* no check that refuses failed */
    bool promote;             /* passed, or forced */
    char text[512];           /* why it did not pass, one line; "" */
    espy_strangers strangers; /* what the check left_out asked */
} espy_gate;

/* Asks every check; all of them are made, whatever the first one says.
 *   min_accuracy  accuracy on the held-out part >= options->min_accuracy (when that is given)
 *   live          not worse than the live version: on the held-out samples that live did not learn
 *                 from and whose label it knows, or, where these are too few, by the accuracies as
 *                 measured: one that was not fails against a live version that was; not made
 *                 without a live version
 *   a canary's    the decision on it is not "known"; only a warning where the canary says so
 *   left_out      the same recipe without a label names few of that label's samples; only a warning
 *                 where nobody knows how many the live version names
 * live: its number, 0: none.  Errors: NOMEM, CANCELLED, STORE; a live version that cannot be read
 * is none, for it must not stand in the way of its successor. */
espy_err espy_flow_gate(espy_ctx *cx, espy_workspace *ws, const espy_collection *c, int64_t live,
                        const espy_training_set *data, const espy_fit *fit,
                        const espy_fit_options *recipe, const espy_gate_options *options,
                        espy_gate *out) ESPY_NODISCARD;
void espy_gate_free(espy_ctx *cx, espy_gate *g);

/* version.json's "gate" (docs/formats/version.md); the caller's. */
espy_err espy_gate_json(espy_ctx *cx, const espy_gate *g, espy_json **out) ESPY_NODISCARD;

#endif
