/* SPDX-License-Identifier: Apache-2.0
 * learn - the loop of smo.h, compiled once per CPU level.  The including file defines
 *   LOOP_NAME   the function
 *   LANES       floats in a vector; LANES divides ESPY_SMO_LANES
 *   vec, LOAD(p) STORE(p, a) SET(x) ADD SUB MUL DIV MAX(a, b)
 *   TOP(a)      largest lane
 *   EQ(a, b)    bit l set where lane l is equal
 *   LAST(bits)  number of the highest bit set
 * Only element-wise operations and maxima are used, so every level gives the same bits.  Among
 * equals the last sample is chosen. */
#include <math.h>

#include "learn/smo.h"

/* Index of the last element of x[0..n) equal to `value`, which is known to be there. */
static size_t smo_find(const float *x, size_t n, float value)
{
    vec want = SET(value);

    for (size_t t = n; t > 0; t -= LANES) {
        unsigned bits = EQ(LOAD(x + t - LANES), want);
        if (bits)
            return t - LANES + LAST(bits);
    }
    return 0;
}

/* Index of the last largest v[t] + open[t]. */
static size_t smo_top(const float *v, const float *open, float *gain, size_t n, float *top)
{
    vec best = SET(-INFINITY);

    for (size_t t = 0; t < n; t += LANES) {
        vec x = ADD(LOAD(v + t), LOAD(open + t));
        STORE(gain + t, x);
        best = MAX(best, x);
    }
    *top = TOP(best);
    return smo_find(gain, n, *top);
}

bool LOOP_NAME(espy_smo *s, float tolerance, size_t budget, size_t *steps)
{
    const float tiny = 1e-12f; /* stands in for a curvature that is not positive */
    const size_t n = s->padded;
    const vec least = SET(tiny), none = SET(-INFINITY), zero = SET(0);

    while (budget-- > 0) {
        float vi, gap, best;
        size_t i = smo_top(s->v, s->up, s->gain, n, &vi);
        if (!(vi > -INFINITY))
            return true;
        const float *ki = espy_smo_row(s, i);
        const vec top = SET(vi), kii = SET(s->diag[i]), two = SET(2);
        vec far = none, most = none;
        for (size_t t = 0; t < n; t += LANES) {
            /* b of the paper; -infinity where beta_t cannot shrink, <= 0 where t does not violate.
             */
            vec b = ADD(SUB(top, LOAD(s->v + t)), LOAD(s->low + t));
            vec a = MAX(SUB(ADD(kii, LOAD(s->diag + t)), MUL(two, LOAD(ki + t))), least);
            far = MAX(far, b);
            vec positive = MAX(b, zero);
            vec g = DIV(MUL(positive, positive), a);
            STORE(s->gain + t, g);
            most = MAX(most, g);
        }
        gap = TOP(far);
        if (!(gap >= tolerance))
            return true;
        best = TOP(most);
        size_t j = smo_find(s->gain, n, best);
        const float *kj = espy_smo_row(s, j);

        double a = (double)s->diag[i] + s->diag[j] - 2 * (double)ki[j];
        double step = ((double)s->v[i] - s->v[j]) / (a > tiny ? a : tiny);
        double room_i = s->hi[i] - s->beta[i], room_j = s->beta[j] - s->lo[j];
        bool full_i = step >= room_i, full_j = step >= room_j;
        if (full_i)
            step = room_i;
        if (step >= room_j)
            step = room_j;
        full_i = full_i && step >= room_i;
        full_j = full_j && step >= room_j;
        s->beta[i] = full_i ? s->hi[i] : s->beta[i] + step;
        s->beta[j] = full_j ? s->lo[j] : s->beta[j] - step;
        s->up[i] = s->beta[i] < s->hi[i] ? 0 : -INFINITY;
        s->low[i] = s->beta[i] > s->lo[i] ? 0 : -INFINITY;
        s->up[j] = s->beta[j] < s->hi[j] ? 0 : -INFINITY;
        s->low[j] = s->beta[j] > s->lo[j] ? 0 : -INFINITY;
        const vec d = SET((float)step);
        for (size_t t = 0; t < n; t += LANES)
            STORE(s->v + t, SUB(LOAD(s->v + t), MUL(d, SUB(LOAD(ki + t), LOAD(kj + t)))));
        ++*steps;
    }
    return false;
}
