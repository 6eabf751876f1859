/* SPDX-License-Identifier: Apache-2.0
 * learn - from decision values to probabilities: Platt's sigmoid for one pair of classes, and the
 * coupling of all pairs into one distribution. */
#ifndef ESPY_LEARN_PLATT_H
#define ESPY_LEARN_PLATT_H

#include "base/ctx.h"

/* Fits p(first class | f) = 1 / (1 + exp(a f + b)) to n decision values, target[i] true for the
 * first class, by Newton's method with backtracking on the regularised likelihood (Lin, Lin, Weng
 * 2007, "A note on Platt's probabilistic outputs for support vector machines", algorithm 1). Each
 * iteration works on all values; scratch: n doubles. */
void espy_platt_fit(const double *f, const bool *first, size_t n, double *scratch, double *a,
                    double *b);

/* The sigmoid, computed without overflow. */
double espy_platt_probability(double f, double a, double b);

/* r[i * k + j]: probability of class i against class j, r[j * k + i] = 1 - r[i * k + j], diagonal
 * unused.  p: k probabilities that sum to 1 (Wu, Lin, Weng 2004, "Probability estimates for
 * multi-class classification by pairwise coupling", second method, algorithm 2).
 * q: scratch of k * k, qp: scratch of k. */
void espy_platt_couple(const double *r, size_t k, double *q, double *qp, double *p);

#endif
