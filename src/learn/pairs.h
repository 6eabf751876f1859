/* SPDX-License-Identifier: Apache-2.0
 * learn - products of all pairs of rows, tile by tile: each is made once, shown and forgotten. */
#ifndef ESPY_LEARN_PAIRS_H
#define ESPY_LEARN_PAIRS_H

#include "base/mem.h"
#include "base/progress.h"

enum {
    ESPY_PAIRS_SIDE = 512, /* most rows and columns of a tile */
    ESPY_PAIRS_SOME = 64   /* rows of a tile of espy_pairs_some */
};

typedef struct espy_pairs_tile {
    size_t row, rows, column, columns; /* first and number */
    const float *v;                    /* rows x columns products */
    float error;                       /* how far they may be from the exact ones */
    bool diagonal;                     /* row == column: only what is above the diagonal counts */
    size_t looked; /* to be set: for how many the visitor had to make the exact product */
} espy_pairs_tile;

typedef espy_err espy_pairs_visit(espy_ctx *cx, void *self, espy_pairs_tile *t, unsigned worker);

/* Every pair i < j of n rows of length at most 1, in exactly one tile.  No two visits at a time
 * share a row or a column, and what is noted for a row is noted in the same order on any number of
 * threads. Exact is the product of what the rows were before they were rounded to f32 or, as `unit`
 * says, before their lengths were off by 2^-20. Where the CPU multiplies bytes faster the products
 * are of rows rounded to bytes, as long as few of them must be made exactly; only `error` tells the
 * difference. */
espy_err espy_pairs_all(espy_ctx *cx, const float *x, size_t n, size_t dim, bool unit,
                        const char *stage, const espy_progress *progress, espy_pairs_visit *visit,
                        void *self) ESPY_NODISCARD;

/* Every one of m rows q with every one of n rows x.  No two visits at a time share a row. */
espy_err espy_pairs_some(espy_ctx *cx, const float *q, size_t m, const float *x, size_t n,
                         size_t dim, bool unit, espy_pairs_visit *visit, void *self) ESPY_NODISCARD;

/* scale[i] = 1 / length of row i.  *unit: whether the rows are of length 1 to 2^-20, so that they
 * can be used as they are.  Errors: DATA (zero or not finite, with the row's number). */
espy_err espy_pairs_lengths(espy_ctx *cx, const float *x, size_t n, size_t dim, double *scale,
                            bool *unit) ESPY_NODISCARD;

#endif
