/* SPDX-License-Identifier: Apache-2.0
 * learn - the loops of smo.h, compiled once per CPU level.  The including file defines
 *   LANES       doubles in a vector; LANES divides ESPY_SMO_LANES
 *   vec, LOAD(p) STORE(p, a) SET(x) ADD SUB MUL DIV MAX(a, b)
 *   WIDEN(p)    vector of the floats at p
 *   TOP(a)      largest lane
 *   EQ(a, b)    bit l set where lane l is equal
 *   FLANES, fvec, FLOAD FSTORE FSET FSUB FMUL   the same of floats
 * Only element-wise operations and maxima are used, so every level gives the same bits.  Among
 * equals the last sample is chosen, as in libsvm. */
#include <math.h>

#include "learn/smo.h"

/* Index of the last element of x[0..n) equal to `value`, which is known to be there.  Where it lies
 * is chance, so short arrays are searched without a branch on it. */
static size_t smo_find(const double *x, size_t n, double value)
{
    const vec want = SET(value);

    if (n <= 64) {
        uint64_t bits = 0;
        for (size_t t = 0; t < n; t += LANES)
            bits |= (uint64_t)EQ(LOAD(x + t), want) << t;
        return bits ? (size_t)(63 - __builtin_clzll(bits)) : 0;
    }
    for (size_t t = n; t > 0; t -= LANES) {
        unsigned bits = EQ(LOAD(x + t - LANES), want);
        if (bits)
            return t - LANES + (size_t)(31 - __builtin_clz(bits));
    }
    return 0;
}

/* Index of the last largest v[t] + open[t]. */
static size_t smo_top(const double *v, const double *open, double *gain, size_t n, double *top)
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

/* v -= by * row */
static void smo_subtract(double *v, double by, const float *row, size_t n)
{
    const vec f = SET(by);

    for (size_t t = 0; t < n; t += LANES)
        STORE(v + t, SUB(LOAD(v + t), MUL(f, WIDEN(row + t))));
}

/* Written only when it changes: a store would stall the load of its vector that follows. */
static inline void smo_gate(double *gate, bool open)
{
    if ((*gate == 0) != open)
        *gate = open ? 0 : -INFINITY;
}

static inline const float *smo_row(espy_smo *s, size_t i)
{
    return s->gram ? s->gram + i * s->padded : espy_smo_row(s, i);
}

/* Moves beta_i up and beta_j down by the step that is best for the pair, or to the wall of a box.
 */
static void smo_step(espy_smo *s, size_t i, size_t j, const float *ki, const float *kj, double tiny)
{
    double a = (double)s->diag[i] + s->diag[j] - 2 * (double)ki[j];
    double step = (s->v[i] - s->v[j]) / (a > tiny ? a : tiny);
    double room_i = s->hi[i] - s->beta[i], room_j = s->beta[j] - s->lo[j];
    double room = room_i < room_j ? room_i : room_j;

    step = step < room ? step : room;
    s->beta[i] = step >= room_i ? s->hi[i] : s->beta[i] + step;
    s->beta[j] = step >= room_j ? s->lo[j] : s->beta[j] - step;
    smo_gate(&s->up[i], s->beta[i] < s->hi[i]);
    smo_gate(&s->low[i], s->beta[i] > s->lo[i]);
    smo_gate(&s->up[j], s->beta[j] < s->hi[j]);
    smo_gate(&s->low[j], s->beta[j] > s->lo[j]);
    const vec d = SET(step);
    for (size_t t = 0; t < s->padded; t += LANES)
        STORE(s->v + t, SUB(LOAD(s->v + t), MUL(d, SUB(WIDEN(ki + t), WIDEN(kj + t)))));
}

static bool smo_loop(espy_smo *s, double tolerance, size_t budget, size_t *steps)
{
    const double tiny = 1e-12; /* stands in for a curvature that is not positive */
    const size_t n = s->padded;
    const vec least = SET(tiny), none = SET(-INFINITY), zero = SET(0), two = SET(2);

    while (budget-- > 0) {
        double vi;
        size_t i = smo_top(s->v, s->up, s->gain, n, &vi);
        if (!(vi > -INFINITY))
            return true;
        const float *ki = smo_row(s, i);
        const vec top = SET(vi), kii = SET((double)s->diag[i]);
        vec far = none, most = none;
        for (size_t t = 0; t < n; t += LANES) {
            /* b of the paper; -infinity where beta_t cannot shrink, <= 0 where t does not violate.
             */
            vec b = ADD(SUB(top, LOAD(s->v + t)), LOAD(s->low + t));
            vec a = SUB(ADD(kii, WIDEN(s->diag + t)), MUL(two, WIDEN(ki + t)));
            vec positive = MAX(b, zero);
            vec g = DIV(MUL(positive, positive), MAX(a, least));
            far = MAX(far, b);
            STORE(s->gain + t, g);
            most = MAX(most, g);
        }
        if (!(TOP(far) >= tolerance))
            return true;
        size_t j = smo_find(s->gain, n, TOP(most));
        smo_step(s, i, j, ki, smo_row(s, j), tiny);
        ++*steps;
    }
    return false;
}

/* Clears column k of a row with the pivot's row; `over` is the pivot's reciprocal.  The element of
 * the column is set last: written first, it would stall the load of its vector. */
static inline void smo_clear(float *to, size_t k, const fvec *row, size_t vectors, float over)
{
    const float by = to[k];
    const fvec f = FSET(by);

    for (size_t v = 0; v < vectors; v++)
        FSTORE(to + v * FLANES, FSUB(FLOAD(to + v * FLANES), FMUL(f, row[v])));
    to[k] = -(by * over);
}

/* Gauss-Jordan elimination without exchange of rows, which positive definite matrices do not need.
 * With a constant number of vectors the pivot's row stays in registers. */
static inline bool smo_eliminate(float *a, const float *diag, size_t m, size_t stride,
                                 size_t vectors)
{
    const float singular = 1e-4f;
    fvec row[ESPY_SMO_INVERT / FLANES];

    for (size_t k = 0; k < m; k++) {
        float *at = a + k * stride, over = 1.0f / at[k];
        if (!(at[k] > singular * diag[k]) || !(diag[k] > 0))
            return false;
        const fvec scale = FSET(over);
        for (size_t v = 0; v < vectors; v++) {
            row[v] = FMUL(FLOAD(at + v * FLANES), scale);
            FSTORE(at + v * FLANES, row[v]);
        }
        at[k] = over;
        for (size_t i = 0; i < k; i++)
            smo_clear(a + i * stride, k, row, vectors, over);
        for (size_t i = k + 1; i < m; i++)
            smo_clear(a + i * stride, k, row, vectors, over);
    }
    return true;
}

static bool smo_invert(float *a, const float *diag, size_t m, size_t stride)
{
    size_t vectors = (m + FLANES - 1) / FLANES;

    switch (vectors) {
    case 1:
        return smo_eliminate(a, diag, m, stride, 1);
    case 2:
        return smo_eliminate(a, diag, m, stride, 2);
    case 3:
        return smo_eliminate(a, diag, m, stride, 3);
    case 4:
        return smo_eliminate(a, diag, m, stride, 4);
    case 5:
        return smo_eliminate(a, diag, m, stride, 5);
    case 6:
        return smo_eliminate(a, diag, m, stride, 6);
    default:
        return smo_eliminate(a, diag, m, stride, vectors);
    }
}
