/* SPDX-License-Identifier: Apache-2.0
 * learn - the element-wise work of the perceptron per CPU level.  All of it goes down the columns
 * of a window: m rows of w values, `stride` apart; what belongs to a column is an array of w. */
#ifndef ESPY_LEARN_MLP_COLUMNS_H
#define ESPY_LEARN_MLP_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Dropout of a window whose first value is the column `first` of a layer of `width`. */
typedef struct espy_mlp_drop {
    uint32_t key;   /* of the step and the layer */
    uint32_t below; /* share dropped, of 2^32 */
    float times;    /* what is kept grows by: 1 / (1 - share) */
    size_t width, first;
} espy_mlp_drop;

/* Whether value i (row x width + column) is kept: a hash, so that the way back finds again what the
 * way there dropped, in any order and any number of threads ("lowbias32", Wellons 2018). */
static inline bool espy_mlp_keeps(uint32_t key, uint32_t below, uint32_t i)
{
    uint32_t x = i * 0x9e3779b9u + key;

    x = (x ^ x >> 16) * 0x7feb352du;
    x = (x ^ x >> 15) * 0x846ca68bu;
    return (x ^ x >> 16) >= below;
}

/* Batch normalisation of a window's columns: (r - mean) * inverse * gamma + beta. */
typedef struct espy_mlp_norm {
    const float *mean, *inverse; /* inverse: 1 / sqrt(variance + epsilon) */
    const float *gamma, *beta;
} espy_mlp_norm;

typedef struct espy_mlp_columns {
    /* r = max(r + bias, 0); sum: of each column */
    void (*rectify)(float *r, const float *bias, float *sum, size_t m, size_t w, size_t stride);
    /* sum of (r - mean)^2 of each column */
    void (*variance)(const float *r, const float *mean, float *sum, size_t m, size_t w,
                     size_t stride);
    /* a = dropout(normalised r) */
    void (*normalise)(const float *r, const espy_mlp_norm *n, const espy_mlp_drop *d, float *a,
                      size_t m, size_t w, size_t stride);
    /* The way back: d, the gradient of a, becomes that of r + bias; g_*: gradients of the
     * parameters. */
    void (*back)(float *d, const float *r, const espy_mlp_norm *n, const espy_mlp_drop *drop,
                 float *g_bias, float *g_gamma, float *g_beta, size_t m, size_t w, size_t stride);
    /* z = max(z + bias, 0) * scale + shift */
    void (*infer)(float *z, const float *bias, const float *scale, const float *shift, size_t m,
                  size_t w, size_t stride);
    /* One step of Adam on n parameters; alpha: rate * sqrt(1 - beta2^t) / (1 - beta1^t), so epsilon
     * stands beside the uncorrected root, as in Keras. */
    void (*adam)(float *p, float *first, float *second, const float *gradient, float alpha,
                 size_t n);
} espy_mlp_columns;

extern const espy_mlp_columns espy_mlp_columns_plain;
extern const espy_mlp_columns espy_mlp_columns_avx2;
extern const espy_mlp_columns espy_mlp_columns_avx512;

/* The fastest that this CPU has. */
const espy_mlp_columns *espy_mlp_columns_pick(void);

#endif
