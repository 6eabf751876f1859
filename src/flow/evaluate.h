/* SPDX-License-Identifier: Apache-2.0
 * flow - how good an encoder and a head are on labelled data: cross-validated, closed and open set;
 * and on pairs, as the Labeled Faces in the Wild protocol does. */
#ifndef ESPY_FLOW_EVALUATE_H
#define ESPY_FLOW_EVALUATE_H

#include "flow/fit.h"

/* Sums over all folds.  "Known" means the decision rule said so with the version's own threshold
 * and floor, as `identify` would. */
typedef struct espy_evaluation {
    size_t samples, right;           /* closed set: held-out samples, argmax right */
    size_t accepted, accepted_right; /* of them known; known and right */
    size_t ambiguous;
    size_t strangers, named; /* stranger x fold: asked, named as somebody known */
    double threshold, floor; /* means over folds */
} espy_evaluation;

/* k-fold cross-validation over rows; strangers: n x dim unit rows of people who are in no fold.
 * answer: rows->n, the label that each row got when it was held out; or NULL.
 * Errors: as espy_flow_fit. */
espy_err espy_flow_evaluate(espy_ctx *cx, const espy_rows *rows, const char *const *names,
                            const float *strangers, size_t n, size_t folds,
                            const espy_fit_options *options, uint32_t *answer,
                            espy_evaluation *out) ESPY_NODISCARD;

/* What became of samples of labels that were not learned. */
typedef struct espy_strangers {
    size_t asked, named; /* named: taken for somebody known */
    float
        *top;      /* room for `asked`: the best probability of those whom the floor and the margins
                      let    pass, so that at the threshold t all of them with top >= t would be named */
    size_t passed; /* how many these are */
} espy_strangers;
void espy_strangers_free(espy_ctx *cx, espy_strangers *s);

/* Learns every label but one, and asks that one's samples, which are added to *sum.  names: of all
 * labels.  Errors: as espy_flow_fit; nothing is counted then. */
espy_err espy_flow_leave_out(espy_ctx *cx, const espy_rows *rows, const char *const *names,
                             uint32_t label, const espy_fit_options *options,
                             espy_strangers *sum) ESPY_NODISCARD;

#endif
