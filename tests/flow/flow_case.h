/* SPDX-License-Identifier: Apache-2.0
 * Synthetic galleries: labels are random directions, samples lie around them. */
#ifndef ESPY_TESTS_FLOW_CASE_H
#define ESPY_TESTS_FLOW_CASE_H

#include <math.h>
#include <stdio.h>

#include "base/random.h"
#include "flow/fit.h"

#define FLOW_DIM 32
#define FLOW_MOST 800 /* samples */

typedef struct flow_case {
    float x[FLOW_MOST * FLOW_DIM];
    uint32_t y[FLOW_MOST];
    char text[FLOW_MOST][8];
    const char *names[FLOW_MOST]; /* of the labels */
    espy_rows rows;
} flow_case;

static inline void flow_unit(float *x)
{
    double sum = 0;
    for (int d = 0; d < FLOW_DIM; d++)
        sum += (double)x[d] * (double)x[d];
    for (int d = 0; d < FLOW_DIM; d++)
        x[d] = (float)((double)x[d] / sqrt(sum));
}

static inline void flow_direction(espy_random *r, float *x)
{
    for (int d = 0; d < FLOW_DIM; d++)
        x[d] = (float)espy_random_normal(r);
    flow_unit(x);
}

/* spread: length of what is added to the label's direction; samples of one label have a cosine of
 * about 1 / (1 + spread^2). */
static inline void flow_make(flow_case *c, size_t labels, size_t per_label, double spread,
                             uint64_t seed)
{
    espy_random r;
    float center[FLOW_DIM];
    size_t n = 0;
    espy_random_seed(&r, seed, 11);
    for (uint32_t l = 0; l < labels; l++) {
        flow_direction(&r, center);
        snprintf(c->text[l], sizeof c->text[l], "L%03u", (unsigned)l);
        c->names[l] = c->text[l];
        for (size_t i = 0; i < per_label; i++, n++) {
            float *x = c->x + n * FLOW_DIM;
            flow_direction(&r, x);
            for (int d = 0; d < FLOW_DIM; d++)
                x[d] = center[d] + (float)spread * x[d];
            flow_unit(x);
            c->y[n] = l;
        }
    }
    c->rows = (espy_rows){c->x, c->y, n, FLOW_DIM, labels};
}

#endif
