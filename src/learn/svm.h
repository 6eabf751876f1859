/* SPDX-License-Identifier: Apache-2.0
 * learn - support vector machine for many classes: linear kernel, one machine per pair of classes,
 * probabilities by Platt scaling of out-of-fold decision values and pairwise coupling.
 *
 * The layout of what was learned is libsvm's (Chang, Lin 2011), so that it can be written to and
 * read from scikit-learn's SVC without change: support vectors are ordered by class; coef row j - 1
 * holds, for the vectors of a class i < j, and row i, for those of class j, the value y alpha of
 * the machine (i, j), with y = +1 for class i; pairs are ordered (0,1) (0,2) ... (1,2) ...; f > 0
 * votes for the first class of the pair. SVC's raw attributes are _dual_coef_ = coef, _intercept_ =
 * intercept, _n_support = count, support_ = index, _probA = prob_a, _probB = prob_b; with two
 * classes its public dual_coef_ and intercept_ have the opposite sign. */
#ifndef ESPY_LEARN_SVM_H
#define ESPY_LEARN_SVM_H

#include "learn/rows.h"

/* Pairs grow with the square of the classes; logistic regression and k-NN do not have them. */
#define ESPY_SVM_CLASSES 1000

typedef struct espy_svm_options {
    double c;      /* penalty; 0: 1.0 */
    bool balanced; /* C of a class times n / (classes * n_c) */
    uint64_t seed; /* of the folds for Platt scaling */
} espy_svm_options;

typedef struct espy_svm {
    size_t dim, classes, n, pairs; /* n: support vectors; pairs: classes (classes - 1) / 2 */
    float *x;                      /* n x dim support vectors */
    float *coef;                   /* (classes - 1) x n */
    uint32_t *count;               /* support vectors per class */
    uint32_t *index;               /* their rows in the training data; NULL when not known */
    double *intercept;             /* pairs: b in f = sum coef K + b */
    double *prob_a, *prob_b;       /* pairs: p(first | f) = 1 / (1 + exp(a f + b)) */
} espy_svm;

/* Rows are taken as they are: scale them first (scaler.h).
 * Folds for Platt scaling: 5, stratified, seeded per pair, no source parted; a class with one
 * source keeps it in every fold's training part.  Same rows, options and CPU: same bits on any
 * number of threads. Errors: DATA (what espy_rows_check refuses; more than ESPY_SVM_CLASSES
 * classes; one sample of every class), NOMEM, CANCELLED. */
espy_err espy_svm_fit(espy_ctx *cx, const espy_rows *rows, const espy_svm_options *options,
                      espy_svm **out) ESPY_NODISCARD;

/* Decision values: n x pairs.  x: n x dim in double precision. */
espy_err espy_svm_decide(espy_ctx *cx, const espy_svm *svm, const double *x, size_t n,
                         double *f) ESPY_NODISCARD;

/* Probabilities: n x classes. */
espy_err espy_svm_probabilities(espy_ctx *cx, const espy_svm *svm, const double *x, size_t n,
                                double *p) ESPY_NODISCARD;

/* An empty machine with room for what is to be read into it. */
espy_err espy_svm_create(espy_ctx *cx, size_t dim, size_t classes, size_t n,
                         espy_svm **out) ESPY_NODISCARD;
void espy_svm_destroy(espy_ctx *cx, espy_svm **svm);

#endif
