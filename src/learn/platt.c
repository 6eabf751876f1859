/* SPDX-License-Identifier: Apache-2.0
 * learn - Platt scaling and pairwise coupling. */
#include "learn/platt.h"

#include <math.h>

double espy_platt_probability(double f, double a, double b)
{
    double t = a * f + b;

    return t >= 0 ? exp(-t) / (1 + exp(-t)) : 1 / (1 + exp(t));
}

/* Negative log likelihood at (a, b); keeps exp(-|a f + b|) of each value, from which the caller
 * gets the probabilities without a second exponential.  The logarithms of 1 + that are taken
 * together, of products that stay far below the largest double. */
static double platt_loss(const double *f, const bool *first, size_t n, double hi, double lo,
                         double a, double b, double *kept)
{
    enum { PLATT_FACTORS = 512 };
    double loss = 0;

    for (size_t i = 0; i < n;) {
        size_t end = n - i < PLATT_FACTORS ? n : i + PLATT_FACTORS;
        double product = 1;
        for (; i < end; i++) {
            double t = a * f[i] + b, target = first[i] ? hi : lo, small = exp(-fabs(t));
            kept[i] = small;
            loss += t >= 0 ? target * t : (target - 1) * t;
            product *= 1 + small;
        }
        loss += log(product);
    }
    return loss;
}

void espy_platt_fit(const double *f, const bool *first, size_t n, double *scratch, double *a,
                    double *b)
{
    /* Constants of algorithm 1: iterations, shortest step, ridge of the Hessian, gradient at rest.
     */
    enum { PLATT_ITERATIONS = 100 };
    const double min_step = 1e-10, ridge = 1e-12, rest = 1e-5, decrease = 1e-4;
    double pos = 0;

    for (size_t i = 0; i < n; i++)
        pos += first[i];
    double neg = (double)n - pos;
    double hi = (pos + 1) / (pos + 2), lo = 1 / (neg + 2);
    double at = 0, bt = log((neg + 1) / (pos + 1));
    double loss = platt_loss(f, first, n, hi, lo, at, bt, scratch);
    for (int it = 0; it < PLATT_ITERATIONS; it++) {
        double h11 = ridge, h22 = ridge, h21 = 0, g1 = 0, g2 = 0;
        for (size_t i = 0; i < n; i++) {
            double small = scratch[i], over = 1 / (1 + small);
            double p = at * f[i] + bt >= 0 ? small * over : over; /* of the first class */
            double w = small * over * over, d = (first[i] ? hi : lo) - p;
            h11 += f[i] * f[i] * w;
            h22 += w;
            h21 += f[i] * w;
            g1 += f[i] * d;
            g2 += d;
        }
        if (fabs(g1) < rest && fabs(g2) < rest)
            break;
        double det = h11 * h22 - h21 * h21;
        double da = -(h22 * g1 - h21 * g2) / det, db = -(h11 * g2 - h21 * g1) / det;
        double slope = g1 * da + g2 * db, step = 1;
        while (step >= min_step) {
            double an = at + step * da, bn = bt + step * db;
            double next = platt_loss(f, first, n, hi, lo, an, bn, scratch);
            if (next < loss + decrease * step * slope) {
                at = an;
                bt = bn;
                loss = next;
                break;
            }
            step /= 2;
        }
        if (step < min_step)
            break;
    }
    *a = at;
    *b = bt;
}

void espy_platt_couple(const double *r, size_t k, double *q, double *qp, double *p)
{
    const size_t rounds = k > 100 ? k : 100;
    const double rest =
        0.005 / (double)k; /* largest deviation from the optimality condition (21) */

    /* Two classes go the same way, though r already answers: libsvm does, its loose stopping rule
     * moves the result by up to 0.004, and exported models must answer as ours do. */
    /* Q of equation (18): Q_tt = sum_s r_st^2, Q_tj = -r_jt r_tj. */
    for (size_t t = 0; t < k; t++) {
        double own = 0;
        for (size_t j = 0; j < k; j++)
            if (j != t)
                own += r[j * k + t] * r[j * k + t];
        q[t * k + t] = own;
        p[t] = 1 / (double)k;
    }
    for (size_t t = 0; t < k; t++)
        for (size_t j = 0; j < t; j++)
            q[t * k + j] = q[j * k + t] = -r[j * k + t] * r[t * k + j];
    for (size_t round = 0; round < rounds; round++) {
        double pqp = 0, worst = 0;
        for (size_t t = 0; t < k; t++) {
            double sum = 0;
            for (size_t j = 0; j < k; j++)
                sum += q[t * k + j] * p[j];
            qp[t] = sum;
            pqp += p[t] * sum;
        }
        for (size_t t = 0; t < k; t++)
            worst = fmax(worst, fabs(qp[t] - pqp));
        if (worst < rest)
            break;
        for (size_t t = 0; t < k; t++) {
            /* Move p_t to its optimum, then scale everything back to sum 1. */
            double d = (pqp - qp[t]) / q[t * k + t], scale = 1 / (1 + d);
            p[t] += d;
            pqp = (pqp + d * (d * q[t * k + t] + 2 * qp[t])) * scale * scale;
            for (size_t j = 0; j < k; j++) {
                qp[j] = (qp[j] + d * q[t * k + j]) * scale;
                p[j] *= scale;
            }
        }
    }
}
