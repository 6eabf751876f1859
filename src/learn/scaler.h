/* SPDX-License-Identifier: Apache-2.0
 * learn - standard scaler: each column minus its mean, divided by its population deviation. */
#ifndef ESPY_LEARN_SCALER_H
#define ESPY_LEARN_SCALER_H

#include "base/mem.h"

/* mean and scale: dim values each, owned; both NULL: rows pass unchanged. */
typedef struct espy_scaler {
    double *mean, *scale;
    size_t dim, n; /* n: rows it was fitted on */
} espy_scaler;

/* Fits on n > 0 rows.  A column without spread gets scale 1.
 * *out is written on success only; free with espy_scaler_free(). */
espy_err espy_scaler_fit(espy_ctx *cx, const float *x, size_t n, size_t dim,
                         espy_scaler *out) ESPY_NODISCARD;

/* out may be x. */
void espy_scaler_apply(const espy_scaler *s, const float *x, size_t n, float *out);

/* One row in double precision. */
void espy_scaler_apply_row(const espy_scaler *s, const float *x, double *out);

void espy_scaler_free(espy_ctx *cx, espy_scaler *s);

#endif
