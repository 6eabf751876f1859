/* SPDX-License-Identifier: Apache-2.0
 * learn - checks and grouping of labelled vectors. */
#include "learn/rows.h"

#include <math.h>

bool espy_rows_finite(const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return false;
    return true;
}

void espy_rows_spread(const espy_rows *rows, double *mean, double *std)
{
    size_t n = rows->n * rows->dim;
    double sum = 0, square = 0;

    for (size_t i = 0; i < n; i++)
        sum += (double)rows->x[i];
    *mean = sum / (double)n;
    for (size_t i = 0; i < n; i++)
        square += ((double)rows->x[i] - *mean) * ((double)rows->x[i] - *mean);
    *std = sqrt(square / (double)n);
}

espy_err espy_rows_check(espy_ctx *cx, const espy_rows *rows)
{
    size_t cells;

    if (rows->n == 0 || rows->dim == 0)
        return espy_fail(cx, ESPY_E_DATA, "nothing to learn from: add labelled samples first");
    if (rows->classes < 2)
        return espy_fail(cx, ESPY_E_DATA,
                         "training needs at least two labels, got %zu: add samples of another one",
                         rows->classes);
    if (!espy_mul_size(rows->n, rows->dim, &cells) || rows->n > INT32_MAX || rows->dim > INT32_MAX)
        return espy_fail(cx, ESPY_E_LIMIT, "%zu samples of %zu values are too many to learn from",
                         rows->n, rows->dim);
    if (rows->classes > rows->n)
        return espy_fail(cx, ESPY_E_DATA, "%zu labels but only %zu samples: every label needs one",
                         rows->classes, rows->n);
    for (size_t i = 0; i < rows->n; i++)
        if (!espy_rows_finite(rows->x + i * rows->dim, rows->dim))
            return espy_fail(cx, ESPY_E_DATA,
                             "sample %zu holds a value that is not a number: embed it again", i);

    uint8_t *seen = espy_array(cx, rows->classes, 1);
    if (!seen)
        return ESPY_E_NOMEM;
    espy_err e = ESPY_E_OK;
    for (size_t i = 0; i < rows->n && e == ESPY_E_OK; i++) {
        if (rows->y[i] >= rows->classes)
            e = espy_fail(cx, ESPY_E_DATA, "sample %zu has label %lu, but there are %zu labels", i,
                          (unsigned long)rows->y[i], rows->classes);
        else
            seen[rows->y[i]] = 1;
    }
    for (size_t c = 0; c < rows->classes && e == ESPY_E_OK; c++)
        if (!seen[c])
            e = espy_fail(cx, ESPY_E_DATA,
                          "label number %zu has no samples: add some or leave the label out", c);
    espy_free(cx, seen);
    return e;
}

espy_err espy_rows_group(espy_ctx *cx, const espy_rows *rows, uint32_t **order, size_t **start)
{
    espy_err e = ESPY_E_NOMEM;
    uint32_t *at = NULL;
    size_t *begin = NULL, *next = NULL;

    if (!(at = espy_array(cx, rows->n, sizeof *at)) ||
        !(begin = espy_array(cx, rows->classes + 1, sizeof *begin)) ||
        !(next = espy_array(cx, rows->classes, sizeof *next)))
        goto out;
    for (size_t i = 0; i < rows->n; i++)
        begin[rows->y[i] + 1]++;
    for (size_t c = 0; c < rows->classes; c++) {
        next[c] = begin[c];
        begin[c + 1] += begin[c];
    }
    for (size_t i = 0; i < rows->n; i++)
        at[next[rows->y[i]]++] = (uint32_t)i;
    *order = at;
    *start = begin;
    at = NULL;
    begin = NULL;
    e = ESPY_E_OK;
out:
    espy_free(cx, at);
    espy_free(cx, begin);
    espy_free(cx, next);
    return e;
}
