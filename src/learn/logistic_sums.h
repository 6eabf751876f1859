/* SPDX-License-Identifier: Apache-2.0
 * learn - the loops of logistic regression per CPU level.  All rows are taken as samples of the
 * other classes; the caller corrects the few of the class itself. */
#ifndef ESPY_LEARN_LOGISTIC_SUMS_H
#define ESPY_LEARN_LOGISTIC_SUMS_H

#include <stddef.h>
#include <stdint.h>

#define ESPY_LOGISTIC_LANES 16
#define ESPY_LOGISTIC_PAD (-1e30f) /* decision value of a row that is not there: sigmoid 0 */

typedef struct espy_logistic_sums {
    /* sum of sigmoid(z + length dz) dz */
    double (*slope)(const float *z, const float *dz, float length, size_t n);
    /* z += length dz + shift */
    void (*move)(float *z, const float *dz, float length, float shift, size_t n);
    /* sums of p and of p (1 - p), p = sigmoid(z + shift) */
    void (*mass)(const float *z, float shift, size_t n, double *mass, double *curve);
    /* r = weight p, w = weight p (1 - p); returns the sum of r */
    double (*residual)(const float *z, float weight, size_t n, float *r, float *w);
} espy_logistic_sums;

extern const espy_logistic_sums espy_logistic_sums_plain;
extern const espy_logistic_sums espy_logistic_sums_avx2;
extern const espy_logistic_sums espy_logistic_sums_avx512;

#endif
