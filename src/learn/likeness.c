/* SPDX-License-Identifier: Apache-2.0
 * learn - likeness.  With S the sum of a label's unit vectors, the sum of all their cosines is S.S,
 * and that of their cosines to all others is S.(T - S), T the sum over all labels. */
#include "learn/likeness.h"

#include <math.h>

/* Adds x at unit length to sum; whether it has a length. */
static bool likeness_add(const float *x, size_t dim, double *sum)
{
    double square = 0;
    for (size_t d = 0; d < dim; d++)
        square += (double)x[d] * (double)x[d];
    double scale = square > 0 ? 1 / sqrt(square) : 0;
    for (size_t d = 0; d < dim; d++)
        sum[d] += (double)x[d] * scale;
    return square > 0;
}

espy_err espy_likeness_of(espy_ctx *cx, const espy_rows *rows, espy_likeness *out)
{
    size_t dim = rows->dim, pairs = 0, others = 0, cells;
    double within = 0, within_self = 0, between = 0;
    espy_err e = ESPY_E_OK;
    if (!espy_mul_size(rows->classes, dim, &cells))
        return espy_fail(cx, ESPY_E_LIMIT, "%zu labels are too many", rows->classes);
    double *sum = espy_array(cx, cells, sizeof *sum), *total = espy_array(cx, dim, sizeof *total);
    size_t *n = espy_array(cx, rows->classes, sizeof *n),
           *long_ones = espy_array(cx, rows->classes, sizeof *long_ones);
    if (!sum || !total || !n || !long_ones)
        ESPY_GO(cx->code);
    for (size_t i = 0; i < rows->n; i++) {
        n[rows->y[i]]++;
        long_ones[rows->y[i]] += likeness_add(rows->x + i * dim, dim, sum + rows->y[i] * dim);
    }
    for (size_t i = 0; i < cells; i++)
        total[i % dim] += sum[i];
    for (size_t c = 0; c < rows->classes; c++) {
        const double *s = sum + c * dim;
        double own = 0, rest = 0, m = (double)n[c], far = (double)(rows->n - n[c]);
        for (size_t d = 0; d < dim; d++) {
            own += s[d] * s[d];
            rest += s[d] * (total[d] - s[d]);
        }
        if (n[c] > 1) {
            within_self += own / (m * m);
            within += (own - (double)long_ones[c]) / (m * (m - 1));
            pairs++;
        }
        if (n[c] && n[c] < rows->n) {
            between += rest / (m * far);
            others++;
        }
    }
    *out = (espy_likeness){.within = pairs ? within / (double)pairs : NAN,
                           .within_self = pairs ? within_self / (double)pairs : NAN,
                           .between = others ? between / (double)others : NAN};
out:
    espy_free(cx, sum);
    espy_free(cx, total);
    espy_free(cx, n);
    espy_free(cx, long_ones);
    return e;
}
