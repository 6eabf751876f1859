/* SPDX-License-Identifier: Apache-2.0
 * learn - training of one two-class machine and its sigmoid.
 *
 * A held-out sample is one whose box is empty (smo.h), so the folds need no copy of the Gram matrix
 * and SMO gives the decision value of held-out samples without more work.
 *
 * Folds start near their solution.  Let A be the samples strictly inside their boxes on all
 * samples, and every other beta 0.  Then K_AA beta + b 1 = y_A, sum beta = 0, that is beta = M y_A
 * with M = K_AA^-1 - h h' / s, h = K_AA^-1 1, s = 1'h; and without the samples of a set Z it is
 *   beta - M_:Z u,   M_ZZ u = beta_Z,
 * a system of the size of Z: those held out, and those whose beta leaves its box without them.  SMO
 * goes on from there until its own criterion is met, so a bad start costs time, never accuracy. */
#include "learn/svm_machine.h"

#include <math.h>
#include <string.h>

#include "base/random.h"
#include "learn/platt.h"
#include "learn/split.h"

enum {
    MACHINE_FOLDS = 5,
    MACHINE_FIXED = 64, /* most samples of Z */
    MACHINE_ROUNDS = 3  /* of fixing what left its box */
};

/* As libsvm.  The exact solution is up to 1e-3 away from where this stops, so the machine on all
 * samples takes libsvm's own road: from zero, by the same choices, to the same place wherever the
 * choices are not closer than rounding.  The folds only feed the sigmoid and may start near. */
static const double machine_tolerance = 1e-3;

/* How far beyond the margin a sample may be that a fold might need after all. */
static const double machine_near = 0.02;

static size_t machine_min(size_t a, size_t b)
{
    return a < b ? a : b;
}

void espy_machine_free(espy_ctx *cx, espy_machine *m)
{
    espy_free(cx, m->gram);
    espy_free(cx, m->diag);
    espy_free(cx, m->inverse);
    espy_free(cx, m->near);
    espy_free(cx, m->y);
    espy_free(cx, m->best);
    espy_free(cx, m->f);
    espy_free(cx, m->kept);
    espy_free(cx, m->box_lo);
    espy_free(cx, m->box_hi);
    espy_free(cx, m->start);
    espy_free(cx, m->ones);
    espy_free(cx, m->block);
    espy_free(cx, m->shift);
    espy_free(cx, m->first);
    espy_free(cx, m->fixed);
    espy_free(cx, m->fold);
    espy_free(cx, m->group);
    espy_free(cx, m->place);
    espy_free(cx, m->member);
    espy_free(cx, m->smo.lo);
    espy_free(cx, m->smo.hi);
    espy_free(cx, m->smo.beta);
    espy_free(cx, m->smo.v);
    espy_free(cx, m->smo.up);
    espy_free(cx, m->smo.low);
    espy_free(cx, m->smo.gain);
    *m = (espy_machine){0};
}

espy_err espy_machine_make(espy_ctx *cx, size_t most, unsigned cpu, espy_machine *m)
{
    size_t n = (most + ESPY_SMO_LANES - 1) / ESPY_SMO_LANES * ESPY_SMO_LANES;
    size_t dense = machine_min(n, ESPY_MACHINE_DENSE), guess = machine_min(n, ESPY_SMO_INVERT);

    espy_smo_level(&m->smo, cpu);
    if (!(m->gram = espy_floats(cx, dense * dense)) || !(m->diag = espy_floats(cx, n)) ||
        !(m->inverse = espy_floats(cx, guess * guess)) || !(m->near = espy_floats(cx, guess)) ||
        !(m->y = espy_array(cx, n, sizeof *m->y)) ||
        !(m->best = espy_array(cx, n, sizeof *m->best)) ||
        !(m->f = espy_array(cx, n, sizeof *m->f)) ||
        !(m->kept = espy_array(cx, n, sizeof *m->kept)) ||
        !(m->box_lo = espy_array(cx, n, sizeof *m->box_lo)) ||
        !(m->box_hi = espy_array(cx, n, sizeof *m->box_hi)) ||
        !(m->start = espy_array(cx, guess, sizeof *m->start)) ||
        !(m->ones = espy_array(cx, guess, sizeof *m->ones)) ||
        !(m->block = espy_array(cx, MACHINE_FIXED * MACHINE_FIXED, sizeof *m->block)) ||
        !(m->shift = espy_array(cx, MACHINE_FIXED, sizeof *m->shift)) ||
        !(m->first = espy_array(cx, n, sizeof *m->first)) ||
        !(m->fixed = espy_array(cx, n, sizeof *m->fixed)) ||
        !(m->fold = espy_array(cx, n, sizeof *m->fold)) ||
        !(m->group = espy_array(cx, n, sizeof *m->group)) ||
        !(m->member = espy_array(cx, ESPY_SMO_INVERT, sizeof *m->member)) ||
        !(m->place = espy_array(cx, n, sizeof *m->place)) ||
        !(m->smo.lo = espy_array(cx, n, sizeof *m->smo.lo)) ||
        !(m->smo.hi = espy_array(cx, n, sizeof *m->smo.hi)) ||
        !(m->smo.beta = espy_array(cx, n, sizeof *m->smo.beta)) ||
        !(m->smo.v = espy_array(cx, n, sizeof *m->smo.v)) ||
        !(m->smo.up = espy_array(cx, n, sizeof *m->smo.up)) ||
        !(m->smo.low = espy_array(cx, n, sizeof *m->smo.low)) ||
        !(m->smo.gain = espy_array(cx, n, sizeof *m->smo.gain)))
        return ESPY_E_NOMEM;
    return ESPY_E_OK;
}

/* A class whose samples are all in one fold stays in training: without it a fold has nothing to
 * learn. */
static void machine_keep(uint32_t *fold, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (fold[i] != fold[0])
            return;
    for (size_t i = 0; i < n; i++)
        fold[i] = MACHINE_FOLDS;
}

/* Deals each class over the folds after a shuffle, the second going on where the first stopped;
 * where samples have sources, these are dealt as everywhere. */
static espy_err machine_deal(espy_ctx *cx, espy_machine *m, size_t na, size_t nb, uint64_t seed,
                             size_t pair)
{
    espy_random r;
    uint32_t next = 0;

    if (m->grouped) {
        for (size_t i = 0; i < na + nb; i++)
            m->place[i] = i >= na;
        ESPY_TRY(espy_split_folds(cx, m->place, m->group, na + nb, 2, MACHINE_FOLDS, seed + pair,
                                  m->fold));
        machine_keep(m->fold, na);
        machine_keep(m->fold + na, nb);
        return ESPY_E_OK;
    }
    espy_random_seed(&r, seed, pair);
    for (size_t i = 0; i < na + nb; i++)
        m->place[i] = (uint32_t)i;
    espy_random_shuffle(&r, m->place, na);
    espy_random_shuffle(&r, m->place + na, nb);
    for (size_t i = 0; i < na + nb; i++)
        m->fold[m->place[i]] = next++ % MACHINE_FOLDS;
    machine_keep(m->fold, na);
    machine_keep(m->fold + na, nb);
    return ESPY_E_OK;
}

/* A, the inverse of its Gram matrix and the solution on it; false where that is of no use: samples
 * at the upper bound, none or too many inside, hardly independent ones. */
static bool machine_prepare(espy_machine *m, double bias_all)
{
    const espy_smo *p = &m->smo;
    size_t n = 0, stride;
    double sum = 0, bias = 0;

    if (!p->gram)
        return false;
    for (size_t t = 0; t < p->m; t++) {
        if (m->best[t] == 0 && m->y[t] * (p->v[t] - bias_all) < -machine_near)
            continue;
        if (n == ESPY_SMO_INVERT || fabs(m->best[t]) == m->box_hi[t] - m->box_lo[t])
            return false;
        m->member[n++] = (uint32_t)t;
    }
    stride = (n + ESPY_SMO_LANES - 1) / ESPY_SMO_LANES * ESPY_SMO_LANES;
    for (size_t i = 0; i < n; i++) {
        const float *row = p->gram + m->member[i] * p->padded;
        for (size_t t = 0; t < n; t++)
            m->inverse[i * stride + t] = row[m->member[t]];
        memset(m->inverse + i * stride + n, 0, (stride - n) * sizeof *m->inverse);
        m->near[i] = m->diag[m->member[i]];
    }
    if (n == 0 || !p->ops->invert(m->inverse, m->near, n, stride))
        return false;
    for (size_t i = 0; i < n; i++) {
        const float *row = m->inverse + i * stride;
        double one = 0, y = 0;
        for (size_t t = 0; t < n; t++) {
            one += row[t];
            y += row[t] * m->y[m->member[t]];
        }
        m->ones[i] = one;
        m->start[i] = y;
        sum += one;
        bias += y;
    }
    if (!(sum > 0))
        return false;
    m->ones_sum = sum;
    for (size_t i = 0; i < n; i++)
        m->start[i] -= bias / sum * m->ones[i];
    m->members = n;
    return true;
}

/* Solves the symmetric positive definite n x n system, of which the upper triangle is given, in
 * place by elimination. */
static bool machine_eliminate(double *a, size_t n, double *x)
{
    for (size_t k = 0; k < n; k++) {
        const double *row = a + k * n;
        if (!(row[k] > 0))
            return false;
        double over = 1 / row[k];
        for (size_t i = k + 1; i < n; i++) {
            double f = row[i] * over, *to = a + i * n;
            for (size_t j = i; j < n; j++)
                to[j] -= f * row[j];
            x[i] -= f * x[k];
        }
    }
    for (size_t i = n; i-- > 0;) {
        for (size_t j = i + 1; j < n; j++)
            x[i] -= a[i * n + j] * x[j];
        x[i] /= a[i * n + i];
    }
    return true;
}

/* m->near: beta on A without the first `fixed` members of m->place. */
static bool machine_fix(espy_machine *m, size_t fixed)
{
    size_t n = m->members, stride = (n + ESPY_SMO_LANES - 1) / ESPY_SMO_LANES * ESPY_SMO_LANES;
    double ones = 0;

    for (size_t i = 0; i < fixed; i++) {
        size_t z = m->place[i];
        const float *row = m->inverse + z * stride;
        double scale = m->ones[z] / m->ones_sum;
        for (size_t j = i; j < fixed; j++)
            m->block[i * fixed + j] = row[m->place[j]] - scale * m->ones[m->place[j]];
        m->shift[i] = m->start[z];
    }
    if (!machine_eliminate(m->block, fixed, m->shift))
        return false;
    for (size_t i = 0; i < fixed; i++)
        ones += m->shift[i] * m->ones[m->place[i]];
    for (size_t t = 0; t < n; t++)
        m->near[t] = (float)(m->start[t] + ones / m->ones_sum * m->ones[t]);
    for (size_t i = 0; i < fixed; i++)
        m->smo.kern.axpy((float)-m->shift[i], m->inverse + m->place[i] * stride, m->near, n);
    return true;
}

/* Frees the members of Z that pull away from 0: the solution of the system is y - f - b of each, by
 * which beta wants to move.  *fixed: how many are left. */
static bool machine_release(espy_machine *m, size_t *fixed)
{
    size_t kept = 0;

    for (size_t i = 0; i < *fixed; i++) {
        size_t z = m->place[i], t = m->member[z];
        bool out = m->smo.lo[t] == m->smo.hi[t];
        if (!out && m->y[t] * m->shift[i] > 0) {
            m->fixed[z] = false;
            m->near[z] = (float)(m->y[t] * 1e-30); /* of the right sign until it is solved for */
        } else {
            m->place[kept++] = (uint32_t)z;
        }
    }
    bool moved = kept < *fixed;
    *fixed = kept;
    return moved;
}

/* beta near the solution in the boxes at hand; false leaves it as it was. */
static bool machine_guess(espy_machine *m)
{
    espy_smo *p = &m->smo;
    size_t n = m->members, fixed = 0;

    for (size_t i = 0; i < n; i++) {
        size_t t = m->member[i];
        m->fixed[i] = p->lo[t] == p->hi[t] || m->best[t] == 0;
        m->near[i] = (float)m->start[i];
        if (!m->fixed[i])
            continue;
        if (fixed == MACHINE_FIXED)
            return false;
        m->place[fixed++] = (uint32_t)i;
    }
    for (int round = 0; round < MACHINE_ROUNDS; round++) {
        bool moved = false;
        if (fixed > 0 && !machine_fix(m, fixed))
            return false;
        if (round + 1 < MACHINE_ROUNDS)
            moved = machine_release(m, &fixed);
        for (size_t i = 0; i < n; i++) {
            /* Its sign is that of its class: 0 is the wall it can only leave. */
            if (m->fixed[i] || (m->near[i] > 0) == (m->y[m->member[i]] > 0))
                continue;
            if (fixed == MACHINE_FIXED)
                return false;
            m->fixed[i] = moved = true;
            m->place[fixed++] = (uint32_t)i;
        }
        if (!moved)
            break;
    }
    for (size_t i = 0; i < n; i++) {
        size_t t = m->member[i];
        double near = m->fixed[i] ? 0 : m->near[i];
        p->beta[t] = near < p->lo[t] ? p->lo[t] : near > p->hi[t] ? p->hi[t] : near;
    }
    return true;
}

/* Scales the heavier side of beta down until both weigh the same, as the sum of beta must be zero.
 */
static void machine_balance(espy_machine *m, size_t na)
{
    double plus = 0, minus = 0, *beta = m->smo.beta;

    for (size_t t = 0; t < m->smo.m; t++) {
        if (t < na)
            plus += beta[t];
        else
            minus -= beta[t];
    }
    double a = plus > minus ? minus / plus : 1, b = minus > plus ? plus / minus : 1;
    for (size_t t = 0; t < m->smo.m; t++)
        beta[t] *= t < na ? a : b;
}

/* Solves a fold from the solution on all samples, which is in beta without those held out. */
static espy_err machine_solve(espy_ctx *cx, espy_machine *m, size_t na, bool inverse, double *bias)
{
    size_t steps;

    if (inverse)
        (void)machine_guess(m);
    machine_balance(m, na);
    espy_smo_refresh(&m->smo);
    return espy_smo_solve(cx, &m->smo, machine_tolerance, &steps, bias);
}

espy_err espy_machine_train(espy_ctx *cx, espy_machine *m, size_t na, size_t nb, double ca,
                            double cb, uint64_t seed, size_t pair, double *bias, double *a,
                            double *b)
{
    espy_smo *p = &m->smo;
    size_t n = na + nb;
    double fold_bias;
    size_t steps;

    p->diag = m->diag;
    p->y = m->y;
    for (size_t t = 0; t < p->padded; t++) {
        bool plus = t < na, real = t < n;
        m->y[t] = plus ? 1 : -1;
        m->first[t] = plus;
        m->box_lo[t] = p->lo[t] = !real || plus ? 0 : -cb;
        m->box_hi[t] = p->hi[t] = real && plus ? ca : 0;
        p->beta[t] = 0;
    }
    espy_smo_refresh(p);
    ESPY_TRY(espy_smo_solve(cx, p, machine_tolerance, &steps, bias));
    memcpy(m->best, p->beta, n * sizeof *m->best);
    bool inverse = machine_prepare(m, *bias);
    for (size_t t = 0; t < n; t++)
        m->f[t] = m->y[t] - p->v[t] + *bias; /* of those never held out */
    ESPY_TRY(machine_deal(cx, m, na, nb, seed, pair));
    for (uint32_t fold = 0; fold < MACHINE_FOLDS; fold++) {
        bool any = false;
        for (size_t t = 0; t < n; t++) {
            bool out = m->fold[t] == fold;
            p->lo[t] = out ? 0 : m->box_lo[t];
            p->hi[t] = out ? 0 : m->box_hi[t];
            p->beta[t] = out ? 0 : m->best[t];
            any = any || out;
        }
        if (!any)
            continue;
        ESPY_TRY(machine_solve(cx, m, na, inverse, &fold_bias));
        for (size_t t = 0; t < n; t++)
            if (m->fold[t] == fold)
                m->f[t] = m->y[t] - p->v[t] + fold_bias;
    }
    espy_platt_fit(m->f, m->first, n, m->kept, a, b);
    return ESPY_E_OK;
}
