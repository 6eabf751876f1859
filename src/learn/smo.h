/* SPDX-License-Identifier: Apache-2.0
 * learn - the dual of one two-class support vector machine, solved by sequential minimal
 * optimisation with second-order choice of the working set (Fan, Chen, Lin 2005, "Working set
 * selection using second order information for training support vector machines", WSS 2).
 *
 * Written in beta_t = y_t alpha_t, which lies in the box [lo_t, hi_t] = [0, C] or [-C, 0] and sums
 * to zero, and in v_t = y_t - sum_s beta_s K_st.  At the optimum v_t = b for every beta strictly
 * inside its box, and the decision value of sample t is y_t - v_t + b, also for samples whose box
 * is empty (held out of the training): they take no part, yet their v_t is kept up to date. */
#ifndef ESPY_LEARN_SMO_H
#define ESPY_LEARN_SMO_H

#include "base/mem.h"
#include "kern/kern.h"

#define ESPY_SMO_INVERT 128 /* largest matrix that is inverted */
#define ESPY_SMO_LANES 16   /* arrays are padded to a multiple of this; pads have empty boxes */

typedef struct espy_smo_cache espy_smo_cache;

typedef struct espy_smo {
    size_t m, padded;  /* samples, and rounded up to ESPY_SMO_LANES */
    const float *gram; /* m rows of `padded` values, pads zero; NULL: rows come from the cache */
    espy_smo_cache *cache;
    const float *diag; /* K_tt */
    const double *y;   /* +1 or -1 */
    double *lo, *hi;   /* boxes */
    double *beta;
    double *v;
    double *up, *low; /* 0 where beta may still grow / shrink, else -infinity */
    double *gain;     /* scratch */
    espy_kern kern;
    const struct espy_smo_ops *ops;
} espy_smo;

/* Sets the level and its kernels. */
void espy_smo_level(espy_smo *s, unsigned cpu); /* kern.h */

/* Fills up, low and v from beta, lo and hi. */
void espy_smo_refresh(espy_smo *s);

/* Improves beta until the largest violation is below `tolerance`; returns the number of steps.
 * v, up and low must be current.  *bias: b.
 * Errors: CANCELLED. */
espy_err espy_smo_solve(espy_ctx *cx, espy_smo *s, double tolerance, size_t *steps,
                        double *bias) ESPY_NODISCARD;

/* Rows of the Gram matrix of two blocks of vectors, computed when asked for and kept in `bytes` of
 * memory, least recently used out first: for pairs too large for a whole matrix.
 * a: na x dim, b: nb x dim; borrowed. */
espy_err espy_smo_cache_create(espy_ctx *cx, const float *a, size_t na, const float *b, size_t nb,
                               size_t dim, size_t bytes, espy_smo_cache **out) ESPY_NODISCARD;
void espy_smo_cache_destroy(espy_ctx *cx, espy_smo_cache **cache);

/* Row i of the Gram matrix; valid until the second next call. */
const float *espy_smo_row(espy_smo *s, size_t i);

/* What is compiled per CPU level. */
typedef struct espy_smo_ops {
    /* One bounded run of the loop: true when the tolerance is met. */
    bool (*loop)(espy_smo *s, double tolerance, size_t budget, size_t *steps);
    /* v -= by * row */
    void (*subtract)(double *v, double by, const float *row, size_t n);
    /* Inverts the symmetric positive definite m x m matrix, m <= ESPY_SMO_INVERT, in place, rows
     * `stride` apart (a multiple of ESPY_SMO_LANES, pads are scratch); diag: a copy of its
     * diagonal.  False, and the matrix is lost, when a pivot falls below 1e-4 of that: too near to
     * singular to be of use. */
    bool (*invert)(float *a, const float *diag, size_t m, size_t stride);
} espy_smo_ops;

extern const espy_smo_ops espy_smo_plain, espy_smo_avx2, espy_smo_avx512;

#endif
