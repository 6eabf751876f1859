/* SPDX-License-Identifier: Apache-2.0
 * learn - labelled vectors, the input of everything that learns, and the checks they all need. */
#ifndef ESPY_LEARN_ROWS_H
#define ESPY_LEARN_ROWS_H

#include "base/mem.h"

/* Borrowed.  x: n x dim, row-major; y: n labels, 0..classes-1.
 * group: rows of one source (the clips cut from one recording) carry the same number, which is the
 * same in every run, and no split parts them; NULL: every row is a source of its own. */
typedef struct espy_rows {
    const float *x;
    const uint32_t *y;
    size_t n, dim, classes;
    const uint64_t *group;
} espy_rows;

/* Refuses what cannot be learned from: nothing, one label, a label without samples, a label out of
 * range, a value that is not finite.  Errors: DATA, LIMIT. */
espy_err espy_rows_check(espy_ctx *cx, const espy_rows *rows) ESPY_NODISCARD;

/* Rows in order of label, order of input kept within each: order[start[c] .. start[c + 1]) are the
 * indices of label c.  order: n, start: classes + 1, both owned by the caller. */
espy_err espy_rows_group(espy_ctx *cx, const espy_rows *rows, uint32_t **order,
                         size_t **start) ESPY_NODISCARD;

/* Mean and population deviation of all values together. */
void espy_rows_spread(const espy_rows *rows, double *mean, double *std);

/* Whether n values are all finite. */
bool espy_rows_finite(const float *x, size_t n);

#endif
