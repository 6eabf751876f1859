/* SPDX-License-Identifier: Apache-2.0
 * learn - threshold table, recommendation and percentile rules. */
#include "learn/threshold.h"

#include <math.h>
#include <stdlib.h>

/* Percent, so that 0.70 is the nearest double to 0.70 and not a sum of steps. */
static const int threshold_grid[ESPY_THRESHOLD_ROWS] = {50, 55, 60, 65, 70, 75, 80, 85, 90, 95, 98};

/* The row of one threshold. */
static espy_threshold_row threshold_count(const float *top, const uint8_t *correct, size_t n,
                                          double threshold)
{
    espy_threshold_row t = {.threshold = threshold, .total = n};
    size_t right = 0;

    for (size_t i = 0; i < n; i++)
        if (top[i] >= (float)threshold) {
            t.accepted++;
            right += correct[i] != 0;
        }
    t.accuracy = t.accepted ? (double)right / (double)t.accepted : 0.0;
    t.coverage = n ? (double)t.accepted / (double)n : 0.0;
    t.score = t.accuracy * t.coverage;
    return t;
}

void espy_threshold_table(const float *top, const uint8_t *correct, size_t n,
                          espy_threshold_row rows[ESPY_THRESHOLD_ROWS])
{
    for (size_t r = 0; r < ESPY_THRESHOLD_ROWS; r++)
        rows[r] = threshold_count(top, correct, n, threshold_grid[r] / 100.0);
}

size_t espy_threshold_fine(const float *top, const uint8_t *correct, size_t n, double own,
                           espy_threshold_row rows[ESPY_THRESHOLD_FINE_ROWS])
{
    size_t m = 0;
    bool told = false;

    for (int percent = 5; percent <= 100; percent += 5) {
        double t = (percent < 100 ? percent : 98) / 100.0;
        if (!told && own < t)
            rows[m++] = threshold_count(top, correct, n, own);
        told = told || own <= t;
        rows[m++] = threshold_count(top, correct, n, t);
    }
    if (!told)
        rows[m++] = threshold_count(top, correct, n, own);
    return m;
}

double espy_threshold_recommend(const espy_threshold_row rows[ESPY_THRESHOLD_ROWS])
{
    const espy_threshold_row *best = NULL;

    for (size_t r = 0; r < ESPY_THRESHOLD_ROWS; r++) {
        const espy_threshold_row *t = &rows[r];
        if (threshold_grid[r] < 70 || threshold_grid[r] > 89 || t->coverage < 0.85)
            continue;
        if (!best || t->accuracy > best->accuracy)
            best = t;
    }
    return best ? best->threshold : ESPY_THRESHOLD_DEFAULT;
}

static int threshold_ascending(const void *a, const void *b)
{
    float p = *(const float *)a, q = *(const float *)b;

    return p < q ? -1 : p > q;
}

espy_err espy_percentile(espy_ctx *cx, const float *values, size_t n, double p, double *out)
{
    if (n == 0)
        return espy_fail(cx, ESPY_E_DATA, "a percentile needs at least one value");
    if (!(p >= 0 && p <= 100))
        return espy_fail(cx, ESPY_E_ARG, "percentile %g: give one from 0 to 100", p);
    float *sorted = espy_array(cx, n, sizeof *sorted);
    if (!sorted)
        return ESPY_E_NOMEM;
    for (size_t i = 0; i < n; i++)
        sorted[i] = values[i];
    qsort(sorted, n, sizeof *sorted, threshold_ascending);
    double at = p / 100 * (double)(n - 1);
    size_t lo = (size_t)at, hi = lo + 1 < n ? lo + 1 : lo;
    *out = sorted[lo] + (at - (double)lo) * ((double)sorted[hi] - sorted[lo]);
    espy_free(cx, sorted);
    return ESPY_E_OK;
}

static espy_err threshold_percent(espy_ctx *cx, double percent)
{
    if (percent >= 1 && percent <= 100)
        return ESPY_E_OK;
    return espy_fail(cx, ESPY_E_ARG, "threshold percentile %g: give one from 1 to 100", percent);
}

espy_err espy_threshold_accept(espy_ctx *cx, const float *top, const uint8_t *correct, size_t n,
                               double percent, double *out)
{
    size_t m = 0;

    ESPY_TRY(threshold_percent(cx, percent));
    float *right = espy_array(cx, n, sizeof *right);
    if (!right)
        return ESPY_E_NOMEM;
    for (size_t i = 0; i < n; i++)
        if (correct[i])
            right[m++] = top[i];
    espy_err e = ESPY_E_OK;
    if (m == 0)
        *out = ESPY_THRESHOLD_DEFAULT;
    else
        e = espy_percentile(cx, right, m, 100 - percent, out);
    espy_free(cx, right);
    return e;
}

espy_err espy_threshold_literal(espy_ctx *cx, const float *top, size_t n, double percent,
                                double *out)
{
    ESPY_TRY(threshold_percent(cx, percent));
    return espy_percentile(cx, top, n, percent, out);
}
