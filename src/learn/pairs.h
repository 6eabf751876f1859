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
    bool diagonal;                     /* row == column: only what is above the diagonal counts */
} espy_pairs_tile;

typedef espy_err espy_pairs_visit(espy_ctx *cx, void *self, const espy_pairs_tile *t,
                                  unsigned worker);

/* Every pair i < j of n rows, in exactly one tile.  No two visits at a time share a row or a
 * column, and what is noted for a row is noted in the same order on any number of threads. */
espy_err espy_pairs_all(espy_ctx *cx, const float *x, size_t n, size_t dim, const char *stage,
                        const espy_progress *progress, espy_pairs_visit *visit,
                        void *self) ESPY_NODISCARD;

/* Every one of m rows q with every one of n rows x.  No two visits at a time share a row. */
espy_err espy_pairs_some(espy_ctx *cx, const float *q, size_t m, const float *x, size_t n,
                         size_t dim, espy_pairs_visit *visit, void *self) ESPY_NODISCARD;

/* How far a product of two rows of length at most 1 may be from the exact one of the rows before
 * they were rounded to f32: (dim + 16) 2^-24 (Higham 2002, section 3.1), whatever the order of the
 * sum. */
double espy_pairs_error(size_t dim);

/* Sum of a[i]*b[i] in double precision; the same bits with a and b exchanged. */
double espy_pairs_dot(const float *a, const float *b, size_t dim);

/* scale[i] = 1 / length of row i.  *unit: whether the rows are of length 1 to 2^-20, so that they
 * can be used as they are.  Errors: DATA (zero or not finite, with the row's number). */
espy_err espy_pairs_lengths(espy_ctx *cx, const float *x, size_t n, size_t dim, double *scale,
                            bool *unit) ESPY_NODISCARD;

/* What espy_pairs_error leaves out when rows of length 1 to 2^-20 are used as they are. */
#define ESPY_PAIRS_UNIT_ERROR 0x1p-18

#endif
