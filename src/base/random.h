/* SPDX-License-Identifier: Apache-2.0
 * base - reproducible random numbers: PCG-XSH-RR 64/32 (O'Neill 2014).  Same seed and stream, same
 * numbers everywhere. */
#ifndef ESPY_BASE_RANDOM_H
#define ESPY_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

typedef struct espy_random {
    uint64_t state, inc;
} espy_random;

void espy_random_seed(espy_random *r, uint64_t seed, uint64_t stream);
uint32_t espy_random_u32(espy_random *r);
uint32_t espy_random_below(espy_random *r, uint32_t n);           /* 0..n-1 without bias; n > 0 */
double espy_random_unit(espy_random *r);                          /* [0, 1) */
double espy_random_normal(espy_random *r);                        /* mean 0, deviation 1 */
void espy_random_shuffle(espy_random *r, uint32_t *at, size_t n); /* Fisher-Yates */

#endif
