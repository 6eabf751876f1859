/* SPDX-License-Identifier: Apache-2.0
 * Synthetic embeddings for tests: unit vectors around one random centre per label. */
#ifndef ESPY_TESTS_LEARN_CASE_H
#define ESPY_TESTS_LEARN_CASE_H

#include <math.h>

#include "base/mem.h"
#include "base/random.h"

/* x: n x dim, y: n; label i % classes.  noise: length of what is added to a centre of length 1. */
static inline void case_make(float *x, uint32_t *y, size_t n, size_t dim, size_t classes,
                             double noise, uint64_t seed)
{
    for (size_t i = 0; i < n; i++) {
        espy_random centre, own;
        double norm = 0;
        y[i] = (uint32_t)(i % classes);
        espy_random_seed(&centre, seed, 1000 + y[i]);
        espy_random_seed(&own, seed + 1, i);
        for (size_t d = 0; d < dim; d++) {
            double v = espy_random_normal(&centre) + noise * espy_random_normal(&own);
            x[i * dim + d] = (float)v;
            norm += v * v;
        }
        for (size_t d = 0; d < dim; d++)
            x[i * dim + d] = (float)(x[i * dim + d] / sqrt(norm));
    }
}

#endif
