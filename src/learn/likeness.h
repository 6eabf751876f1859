/* SPDX-License-Identifier: Apache-2.0
 * learn - how alike vectors are within their labels and between them. */
#ifndef ESPY_LEARN_LIKENESS_H
#define ESPY_LEARN_LIKENESS_H

#include "learn/rows.h"

/* Means of means over labels, so that a label with many vectors weighs no more than another.
 * NAN where there is no pair to look at. */
typedef struct espy_likeness {
    double within;      /* cosines of a label's vectors, over labels with two at least */
    double within_self; /* the same with each vector's cosine to itself, which is 1, among them */
    double between;     /* cosines of a label's vectors to all vectors of other labels */
} espy_likeness;

/* Vectors of any length; one of zeros has cosine 0 to everything, itself included.  Sums of unit
 * vectors stand for the sums of cosines, so the work is n x dim.  Errors: NOMEM. */
espy_err espy_likeness_of(espy_ctx *cx, const espy_rows *rows, espy_likeness *out) ESPY_NODISCARD;

#endif
