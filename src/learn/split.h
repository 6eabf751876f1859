/* SPDX-License-Identifier: Apache-2.0
 * learn - stratified splits: every label keeps its share in each part. */
#ifndef ESPY_LEARN_SPLIT_H
#define ESPY_LEARN_SPLIT_H

#include "base/mem.h"

typedef struct espy_split {
    uint32_t *train, *test; /* sample indices, ascending */
    size_t train_n, test_n;
    uint32_t *single; /* labels with one sample: it stays in training; say so to the user */
    size_t single_n;
} espy_split;

/* Holds back ceil(n * fraction) samples, taken from the labels that have at least two; each gives
 * its share, rounded by largest remainder to that total, but always keeps one sample for training.
 * Same seed, same split.  0 < fraction < 1.
 * Errors: DATA (every label has one sample; fewer test samples than labels), NOMEM. */
espy_err espy_split_stratified(espy_ctx *cx, const uint32_t *y, size_t n, size_t classes,
                               double fraction, uint64_t seed, espy_split *out) ESPY_NODISCARD;
void espy_split_free(espy_ctx *cx, espy_split *s);

/* Deals the samples of each label over k >= 2 folds after a seeded shuffle, going on where the
 * label before stopped, so that folds differ by at most one in size and per label.  fold: n. */
espy_err espy_split_folds(espy_ctx *cx, const uint32_t *y, size_t n, size_t classes, size_t k,
                          uint64_t seed, uint32_t *fold) ESPY_NODISCARD;

#endif
