/* SPDX-License-Identifier: Apache-2.0
 * base - PCG-XSH-RR 64/32. */
#include "base/random.h"

#include <math.h>

void espy_random_seed(espy_random *r, uint64_t seed, uint64_t stream)
{
    r->state = 0;
    r->inc = stream << 1 | 1;
    (void)espy_random_u32(r);
    r->state += seed;
    (void)espy_random_u32(r);
}

uint32_t espy_random_u32(espy_random *r)
{
    uint64_t old = r->state;
    r->state = old * 6364136223846793005ULL + r->inc;
    uint32_t x = (uint32_t)((old >> 18 ^ old) >> 27);
    uint32_t turn = (uint32_t)(old >> 59);
    return x >> turn | x << (-turn & 31);
}

/* Values under the threshold 2^32 mod n are drawn again, so that every result is equally likely. */
uint32_t espy_random_below(espy_random *r, uint32_t n)
{
    uint32_t least = -n % n;
    for (;;) {
        uint32_t x = espy_random_u32(r);
        if (x >= least)
            return x % n;
    }
}

double espy_random_unit(espy_random *r)
{
    uint64_t hi = espy_random_u32(r) >> 5, lo = espy_random_u32(r) >> 6;
    return (double)(hi << 26 | lo) / 9007199254740992.0;
}

/* Box and Muller 1958; one of the pair is dropped to keep the generator without further state. */
double espy_random_normal(espy_random *r)
{
    double u = 1.0 - espy_random_unit(r), v = espy_random_unit(r);
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}

void espy_random_shuffle(espy_random *r, uint32_t *at, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = espy_random_below(r, (uint32_t)i);
        uint32_t t = at[i - 1];
        at[i - 1] = at[j];
        at[j] = t;
    }
}
