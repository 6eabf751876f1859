/* SPDX-License-Identifier: Apache-2.0
 * learn - standard scaler, sums in double precision and two passes. */
#include "learn/scaler.h"

#include <float.h>
#include <math.h>

espy_err espy_scaler_fit(espy_ctx *cx, const float *x, size_t n, size_t dim, espy_scaler *out)
{
    double *mean = espy_array(cx, dim, sizeof *mean);
    double *scale = espy_array(cx, dim, sizeof *scale);

    if (!mean || !scale) {
        espy_free(cx, mean);
        espy_free(cx, scale);
        return ESPY_E_NOMEM;
    }
    for (size_t i = 0; i < n; i++)
        for (size_t d = 0; d < dim; d++)
            mean[d] += x[i * dim + d];
    for (size_t d = 0; d < dim; d++)
        mean[d] /= (double)n;
    for (size_t i = 0; i < n; i++)
        for (size_t d = 0; d < dim; d++) {
            double t = x[i * dim + d] - mean[d];
            scale[d] += t * t;
        }
    for (size_t d = 0; d < dim; d++) {
        double var = scale[d] / (double)n;
        /* Rounding alone leaves this much in a constant column (Chan, Golub, LeVeque 1983). */
        double noise = (double)n * DBL_EPSILON * fabs(mean[d]);
        scale[d] = var <= (double)n * DBL_EPSILON * var + noise * noise ? 1.0 : sqrt(var);
    }
    *out = (espy_scaler){.mean = mean, .scale = scale, .dim = dim, .n = n};
    return ESPY_E_OK;
}

void espy_scaler_apply(const espy_scaler *s, const float *x, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++)
        for (size_t d = 0; d < s->dim; d++) {
            float v = x[i * s->dim + d];
            out[i * s->dim + d] = s->mean ? (float)((v - s->mean[d]) / s->scale[d]) : v;
        }
}

void espy_scaler_apply_row(const espy_scaler *s, const float *x, double *out)
{
    for (size_t d = 0; d < s->dim; d++)
        out[d] = s->mean ? (x[d] - s->mean[d]) / s->scale[d] : (double)x[d];
}

void espy_scaler_free(espy_ctx *cx, espy_scaler *s)
{
    if (!s)
        return;
    espy_free(cx, s->mean);
    espy_free(cx, s->scale);
    *s = (espy_scaler){0};
}
