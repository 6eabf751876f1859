/* SPDX-License-Identifier: Apache-2.0
 * learn - stratified splits: every label keeps its share in each part, and no source is parted.
 *
 * group: n numbers, the same for rows of one source; NULL: every row is a source of its own, and
 * the seed alone shuffles.  With groups their order is that of a hash of group and seed, whatever
 * the rows' places: where rows are added later, a source mostly stays on the side it was on. */
#ifndef ESPY_LEARN_SPLIT_H
#define ESPY_LEARN_SPLIT_H

#include "base/mem.h"

typedef struct espy_split {
    uint32_t *train, *test; /* sample indices, ascending */
    size_t train_n, test_n;
    uint32_t *single; /* labels with one source: it stays in training; say so to the user */
    size_t single_n;
} espy_split;

/* Of the n samples of labels that have at least two sources holds back ceil(n * fraction); each
 * gives its share, rounded by largest remainder to that total, but always keeps one source for
 * training.  Same seed, same split.  0 < fraction < 1.
 * With groups each label gives the first of its sources that stay within its share, at least one:
 * sources of several samples make fewer or, where the first is large, more than its share; sources
 * of one sample the exact total.  A source of several labels counts for each of them; where such
 * sources tie labels together, one may be left without any held back.
 * Errors: DATA (every label has one source; fewer test samples than labels), NOMEM. */
espy_err espy_split_stratified(espy_ctx *cx, const uint32_t *y, const uint64_t *group, size_t n,
                               size_t classes, double fraction, uint64_t seed,
                               espy_split *out) ESPY_NODISCARD;
void espy_split_free(espy_ctx *cx, espy_split *s);

/* Deals the sources of each label over k >= 2 folds, going on where the label before stopped, so
 * that folds differ by at most one source in size and per label.  Without groups they are dealt
 * in turn after a shuffle; with groups each fold gets a stretch of their order, and a source of
 * several labels is dealt with those of the one that has the fewest.  fold: n. */
espy_err espy_split_folds(espy_ctx *cx, const uint32_t *y, const uint64_t *group, size_t n,
                          size_t classes, size_t k, uint64_t seed, uint32_t *fold) ESPY_NODISCARD;

#endif
