/* SPDX-License-Identifier: Apache-2.0
 * learn - from which probability on an answer is believed: the table and recommendation of the
 * clean retrain, the percentile rule of the production trainer. */
#ifndef ESPY_LEARN_THRESHOLD_H
#define ESPY_LEARN_THRESHOLD_H

#include "base/mem.h"

#define ESPY_THRESHOLD_ROWS 11      /* 0.50, 0.55 ... 0.95, 0.98 */
#define ESPY_THRESHOLD_FINE_ROWS 21 /* at most: 0.05, 0.10 ... 0.95, 0.98 and one more */
#define ESPY_THRESHOLD_DEFAULT 0.70 /* where no rule finds one */

/* Accepted: top probability >= threshold. */
typedef struct espy_threshold_row {
    double threshold;
    double accuracy; /* among the accepted; 0 when there are none */
    double coverage; /* accepted / all */
    double score;    /* accuracy x coverage */
    size_t accepted, total;
} espy_threshold_row;

/* top: n probabilities of the best label; correct: whether that label was right.  n may be 0. */
void espy_threshold_table(const float *top, const uint8_t *correct, size_t n,
                          espy_threshold_row rows[ESPY_THRESHOLD_ROWS]);

/* The same from 0.05 on, for probabilities are shared among the labels: with ten of them and few
 * samples none may reach 0.50.  `own`, a threshold that is in use, has a row in its place, and no
 * second one where it is in the table.  Returns how many rows there are, ascending. */
size_t espy_threshold_fine(const float *top, const uint8_t *correct, size_t n, double own,
                           espy_threshold_row rows[ESPY_THRESHOLD_FINE_ROWS]);

/* Among 0.70 .. 0.89 with coverage of at least 0.85 the one of highest accuracy, lowest threshold
 * on a tie; ESPY_THRESHOLD_DEFAULT when there is none. */
double espy_threshold_recommend(const espy_threshold_row rows[ESPY_THRESHOLD_ROWS]);

/* The value below which p percent of n > 0 values lie, linear between neighbours (position
 * p/100 * (n - 1)).  0 <= p <= 100. */
espy_err espy_percentile(espy_ctx *cx, const float *values, size_t n, double p,
                         double *out) ESPY_NODISCARD;

/* The threshold that accepts `percent` (1..100) of the correctly classified known samples, held-out
 * ones at best: percentile(100 - percent) of their top probabilities; ESPY_THRESHOLD_DEFAULT when
 * none was right. */
espy_err espy_threshold_accept(espy_ctx *cx, const float *top, const uint8_t *correct, size_t n,
                               double percent, double *out) ESPY_NODISCARD;

/* The described literal rule: percentile(percent) of the top probabilities of the training samples.
 * It refuses about `percent` percent of known faces. */
espy_err espy_threshold_literal(espy_ctx *cx, const float *top, size_t n, double percent,
                                double *out) ESPY_NODISCARD;

#endif
