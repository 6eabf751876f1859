/* SPDX-License-Identifier: Apache-2.0
 * learn - how good answers were: per label, in all, as the usual text report; and for pairs of
 * samples, how well a similarity tells "same" from "different". */
#ifndef ESPY_LEARN_METRICS_H
#define ESPY_LEARN_METRICS_H

#include "base/mem.h"

/* What divides by zero is 0. */
typedef struct espy_class_metrics {
    double precision, recall, f1;
    size_t support; /* true samples of the label */
} espy_class_metrics;

typedef struct espy_metrics {
    espy_class_metrics *per_class; /* classes */
    espy_class_metrics macro;      /* plain mean over labels */
    espy_class_metrics weighted;   /* mean over labels weighted by support */
    double accuracy;
    size_t n, correct, classes;
} espy_metrics;

/* truth, answer: n labels below classes. */
espy_err espy_metrics_compute(espy_ctx *cx, const uint32_t *truth, const uint32_t *answer, size_t n,
                              size_t classes, espy_metrics *out) ESPY_NODISCARD;
void espy_metrics_free(espy_ctx *cx, espy_metrics *m);

/* matrix[t * classes + a]: samples of label t answered as a.  matrix: classes x classes, zeroed by
 * the callee. */
void espy_metrics_confusion(const uint32_t *truth, const uint32_t *answer, size_t n, size_t classes,
                            uint32_t *matrix);

/* Appends the report: two decimals, labels right-aligned to the longest (at least "weighted avg"),
 * figures right-aligned in 9, one row per label, blank, accuracy, macro avg, weighted avg.
 * names: one UTF-8 name per label. */
espy_err espy_metrics_report(espy_ctx *cx, const espy_metrics *m, const char *const *names,
                             espy_buf *out) ESPY_NODISCARD;

/* label of the largest of each row's p; ties to the lower label (C-26: the answer everywhere). */
void espy_metrics_argmax(const float *p, size_t n, size_t classes, uint32_t *answer);

typedef struct espy_verification {
    double accuracy;  /* best over all thresholds */
    double threshold; /* that reaches it: same iff score >= threshold */
    double eer;       /* where false accepts = false rejects, interpolated */
    double eer_threshold;
    double auc; /* area under the ROC curve; ties count half */
} espy_verification;

/* score: larger is more alike; same: 1 when both are of one label.  Needs both kinds.
 * Errors: DATA, NOMEM. */
espy_err espy_metrics_verify(espy_ctx *cx, const float *score, const uint8_t *same, size_t n,
                             espy_verification *out) ESPY_NODISCARD;

#endif
