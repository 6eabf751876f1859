/* SPDX-License-Identifier: Apache-2.0
 * learn - one two-class machine of the support vector machine with its sigmoid: the work of svm.c
 * on one pair of classes. */
#ifndef ESPY_LEARN_SVM_MACHINE_H
#define ESPY_LEARN_SVM_MACHINE_H

#include "learn/smo.h"

#define ESPY_MACHINE_DENSE 4096 /* largest pair with a whole Gram matrix (64 MiB) */

/* What a worker needs for pairs of at most the given size; reused from pair to pair. */
typedef struct espy_machine {
    espy_smo smo;
    float *gram, *diag; /* of the pair, set by the caller: rows of smo.padded, first class first */
    double *y, *best, *f, *kept, *box_lo, *box_hi;
    bool *first, *fixed;
    uint32_t *fold, *place;
    uint64_t *group; /* sources of the pair's samples, set by the caller where `grouped` */
    bool grouped;
    /* Of the samples inside their boxes, `members` of them: */
    uint32_t *member; /* which they are */
    size_t members;
    float *inverse, *near; /* of their Gram matrix; beta as it changes */
    double *start, *ones;  /* beta on all samples; row sums of the inverse */
    double ones_sum;
    double *block, *shift; /* system of those fixed at 0, and its solution */
} espy_machine;

/* On failure what was made is there to be freed. */
espy_err espy_machine_make(espy_ctx *cx, size_t most, unsigned cpu, espy_machine *m) ESPY_NODISCARD;
void espy_machine_free(espy_ctx *cx, espy_machine *m);

/* Trains on na + nb samples whose Gram matrix or cache and diagonal are set, with penalties ca and
 * cb. m->best: beta of each sample; *bias; sigmoid a, b from 5 folds dealt by seed and pair, which
 * part no source. */
espy_err espy_machine_train(espy_ctx *cx, espy_machine *m, size_t na, size_t nb, double ca,
                            double cb, uint64_t seed, size_t pair, double *bias, double *a,
                            double *b) ESPY_NODISCARD;

#endif
