/* SPDX-License-Identifier: Apache-2.0
 * learn - logistic regression, one class against the rest, L2 penalty, for few or thousands of
 * classes. */
#ifndef ESPY_LEARN_LOGISTIC_H
#define ESPY_LEARN_LOGISTIC_H

#include "learn/rows.h"

typedef struct espy_logistic_options {
    double c;      /* inverse of the penalty; 0: 1.0 */
    bool balanced; /* in each problem, weight the class by n / (2 n_c), the rest by n / (2 (n -
                      n_c)) */
} espy_logistic_options;

/* scikit-learn's coef_ and intercept_; with two classes it keeps only the row of the second, of
 * which the first is the negative. */
typedef struct espy_logistic {
    size_t dim, classes;
    float *coef;       /* classes x dim */
    double *intercept; /* classes */
} espy_logistic;

/* Minimises, for each class c, |w|^2 / 2 + C sum_i s_i log(1 + exp(-t_i (w x_i + b))), t_i = +1 for
 * samples of c and -1 else, until the gradient's length is below 3e-4 of that of w; as the
 * objective's curvature is at least 1, w is then within that distance of the optimum.
 * Rows are taken as they are: scale them first.  Same bits on any number of threads.
 * Errors: DATA, NOMEM, CANCELLED. */
espy_err espy_logistic_fit(espy_ctx *cx, const espy_rows *rows,
                           const espy_logistic_options *options,
                           espy_logistic **out) ESPY_NODISCARD;

/* p: n x classes; sigmoid of each class divided by their sum. */
espy_err espy_logistic_probabilities(espy_ctx *cx, const espy_logistic *m, const float *x, size_t n,
                                     float *p) ESPY_NODISCARD;

/* All zero, to be filled. */
espy_err espy_logistic_create(espy_ctx *cx, size_t dim, size_t classes,
                              espy_logistic **out) ESPY_NODISCARD;
void espy_logistic_destroy(espy_ctx *cx, espy_logistic **m);

#endif
