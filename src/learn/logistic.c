/* SPDX-License-Identifier: Apache-2.0
 * learn - fitting of one-vs-rest logistic regression by Newton's method.
 *
 * The classes are independent problems over the same rows; a block of them is one task.  Decision
 * values Z = W X' + b and gradients R X of a block are matrix products; everything else is done
 * class by class on rows of Z that fit the second level of cache.
 *
 * The Newton system of a class is solved by conjugate gradients with a Hessian that is exact over
 * the rows that carry most of its weight (the class's own and the hardest of the rest) and takes
 * all others, whose weight is small and evenly spread, as the second moment of the whole data.
 * Where there are few rows it is the exact Hessian.  The step length needs no product: Z and its
 * change are at hand, and the slope of a convex function along the step says all.  After each step
 * the intercept is fitted alone: away from its best value the mass of the other classes grows like
 * exp(b), on which Newton's method creeps by one unit a step. */
#include "learn/logistic.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/pool.h"
#include "gemm/gemm.h"
#include "kern/kern.h"
#include "learn/logistic_sums.h"

enum {
    LOGISTIC_HEAVY = 256,    /* rows taken exactly in the Hessian */
    LOGISTIC_NEWTON = 60,    /* most steps; about 8 are usual */
    LOGISTIC_CG = 40,        /* most iterations in a step */
    LOGISTIC_SEARCH = 12,    /* most evaluations of a slope */
    LOGISTIC_INTERCEPTS = 4, /* most rounds on the intercept alone */
    LOGISTIC_MANY = 8192,    /* rows from which on a first round is made */
    LOGISTIC_SHARE = 8       /* of which it takes one in so many */
};

/* Of the gradient's length against that of the weights; in the first round. */
static const double logistic_tolerance = 1e-3, logistic_first_tolerance = 0.03;

/* Below this weight of the rows outside the heavy ones only the diagonal of their moment counts. */
static const double logistic_light = 0.05;

typedef struct logistic_job {
    const espy_rows *rows;
    const uint32_t *order; /* rows in order of class, class c from start[c] */
    const size_t *start;
    const float *moment; /* dim x dim: X'X / n */
    const double *mean;  /* dim */
    double c;
    bool balanced;
    size_t first, block; /* first class, classes of a task */
    espy_logistic *model;
    espy_kern kern;
    const espy_logistic_sums *sums;
} logistic_job;

/* The rows of a round; stride: n rounded up to ESPY_LOGISTIC_LANES. */
typedef struct logistic_round {
    const float *x;
    size_t n, stride;
    double tolerance;
} logistic_round;

/* One class of a task. */
typedef struct logistic_class {
    size_t label;
    const uint32_t *mine; /* its samples among the round's rows */
    size_t mine_n;
    double b, own, rest; /* intercept; C times the weights of its samples and of the others */
    double step_b, grad_b;
    double slope;  /* along the step, at its start */
    double last;   /* gradient times Newton step, of the step before; 0: there was none */
    double last_b; /* step_b of the step before */
    double left;   /* curvature outside the heavy rows */
    size_t heavy_n;
    float *w, *last_grad, *last_step; /* dim */
    float *z;                         /* stride: decision values */
    uint32_t *heavy;                  /* rows */
    float *weight;                    /* their curvatures */
} logistic_class;

/* A task.  The products work on the first `live` rows of step, grad and dz, one per unsolved class.
 */
typedef struct logistic_block {
    logistic_class *at;
    size_t wide, live;
    float *vectors; /* w, last_grad and last_step of all classes */
    float *z, *weight;
    uint32_t *heavy;
    float *step, *grad; /* wide x dim */
    float *dz;          /* wide x stride: change of z along the step, then residuals */
    float *curve;       /* stride */
    double *cg;         /* four vectors of dim + 1 */
    float *cg_row;      /* two of dim */
} logistic_block;

static size_t logistic_stride(size_t n)
{
    return (n + ESPY_LOGISTIC_LANES - 1) / ESPY_LOGISTIC_LANES * ESPY_LOGISTIC_LANES;
}

static void logistic_block_free(espy_ctx *cx, logistic_block *k)
{
    espy_free(cx, k->at);
    espy_free(cx, k->vectors);
    espy_free(cx, k->z);
    espy_free(cx, k->weight);
    espy_free(cx, k->heavy);
    espy_free(cx, k->step);
    espy_free(cx, k->grad);
    espy_free(cx, k->dz);
    espy_free(cx, k->curve);
    espy_free(cx, k->cg);
    espy_free(cx, k->cg_row);
}

static espy_err logistic_block_make(espy_ctx *cx, const logistic_job *job, size_t first,
                                    size_t wide, logistic_block *k)
{
    size_t dim = job->rows->dim, stride = logistic_stride(job->rows->n);

    if (!(k->at = espy_array(cx, wide, sizeof *k->at)) ||
        !(k->vectors = espy_floats(cx, 3 * wide * dim)) ||
        !(k->z = espy_floats(cx, wide * stride)) ||
        !(k->weight = espy_floats(cx, wide * LOGISTIC_HEAVY)) ||
        !(k->heavy = espy_array(cx, wide * LOGISTIC_HEAVY, sizeof *k->heavy)) ||
        !(k->step = espy_floats(cx, wide * dim)) || !(k->grad = espy_floats(cx, wide * dim)) ||
        !(k->dz = espy_floats(cx, wide * stride)) || !(k->curve = espy_floats(cx, stride)) ||
        !(k->cg = espy_array(cx, 4 * (dim + 1), sizeof *k->cg)) ||
        !(k->cg_row = espy_floats(cx, 2 * dim)))
        return ESPY_E_NOMEM; /* the caller frees the block */
    k->wide = wide;
    for (size_t i = 0; i < wide; i++)
        k->at[i] = (logistic_class){.label = first + i,
                                    .w = k->vectors + i * dim,
                                    .last_grad = k->vectors + (wide + i) * dim,
                                    .last_step = k->vectors + (2 * wide + i) * dim,
                                    .heavy = k->heavy + i * LOGISTIC_HEAVY,
                                    .weight = k->weight + i * LOGISTIC_HEAVY};
    return ESPY_E_OK;
}

static double logistic_sigmoid(double z)
{
    return z < 0 ? exp(z) / (1 + exp(z)) : 1 / (1 + exp(-z));
}

/* Weights of a class for a round whose rows outside the class stand for all `others` of them. */
static void logistic_weigh(const logistic_job *job, const logistic_round *round, logistic_class *c)
{
    double n = (double)job->rows->n, own = (double)c->mine_n, others = n - own;

    c->own = job->c * (job->balanced ? n / (2 * own) : 1);
    c->rest = job->c * (job->balanced ? n / (2 * others) : 1);
    c->rest *= others / ((double)round->n - own);
}

/* Curvature and gradient where all decision values are the intercept, the log odds of the class: no
 * product is needed. */
static void logistic_begin(const logistic_job *job, const logistic_round *round, logistic_block *k)
{
    size_t dim = job->rows->dim;

    for (size_t a = 0; a < k->live; a++) {
        logistic_class *c = &k->at[a];
        float *g = k->grad + a * dim;
        double own = (double)c->mine_n, rest = (double)round->n - own;
        c->b = log(c->own * own) - log(c->rest * rest);
        for (size_t i = 0; i < round->stride; i++)
            c->z[i] = i < round->n ? (float)c->b : ESPY_LOGISTIC_PAD;
        double p = logistic_sigmoid(c->b), all = c->rest * p, pull = all + c->own * (1 - p);
        for (size_t d = 0; d < dim; d++)
            g[d] = (float)(all * (double)round->n * job->mean[d]);
        for (size_t i = 0; i < c->mine_n; i++)
            job->kern.axpy((float)-pull, round->x + c->mine[i] * dim, g, dim);
        c->grad_b = all * (double)round->n - pull * own;
        c->heavy_n = 0;
        c->left = p * (1 - p) * (c->rest * rest + c->own * own);
    }
}

/* The rows that carry most curvature, their number and what is left for all others.  Curvatures are
 * counted by powers of two, so that no sort is needed; the last bucket is taken in order of row. */
static void logistic_heavy(const float *curve, size_t n, logistic_class *c)
{
    size_t count[256] = {0}, bucket = 256, sum = 0, kept = 0;
    double all = 0, top = 0;
    uint32_t bits, floor;

    for (size_t i = 0; i < n; i++) {
        memcpy(&bits, &curve[i], sizeof bits);
        count[bits >> 23 & 255]++;
        all += curve[i];
    }
    while (bucket > 0 && sum + count[bucket - 1] <= LOGISTIC_HEAVY)
        sum += count[--bucket];
    floor = bucket > 0 ? (uint32_t)(bucket - 1) << 23 : 0;
    for (size_t i = 0; i < n; i++) {
        memcpy(&bits, &curve[i], sizeof bits);
        if (bits < floor)
            continue;
        if (bits >> 23 < bucket) {
            if (sum >= LOGISTIC_HEAVY)
                continue;
            sum++;
        }
        c->heavy[kept] = (uint32_t)i;
        c->weight[kept++] = curve[i];
        top += curve[i];
    }
    c->heavy_n = kept;
    c->left = kept < n ? fmax(0, all - top) : 0;
}

typedef struct logistic_masses {
    double own, own_curve, rest, rest_curve; /* 1 - p of its samples, p of the others; p (1 - p) */
} logistic_masses;

static logistic_masses logistic_mass(const logistic_job *job, const logistic_round *round,
                                     const logistic_class *c, float shift)
{
    logistic_masses m = {0};

    job->sums->mass(c->z, shift, round->stride, &m.rest, &m.rest_curve);
    for (size_t i = 0; i < c->mine_n; i++) {
        double z = (double)(c->z[c->mine[i]] + shift), p = logistic_sigmoid(z);
        m.own += logistic_sigmoid(-z);
        m.own_curve += p * (1 - p);
        m.rest -= p;
        m.rest_curve -= p * (1 - p);
    }
    return m;
}

/* The shift of the intercept that balances the two masses, found on their logarithms, where it is
 * nearly a line. */
static float logistic_shift(const logistic_job *job, const logistic_round *round,
                            const logistic_class *c)
{
    float shift = 0;

    for (int it = 0; it < LOGISTIC_INTERCEPTS; it++) {
        logistic_masses m = logistic_mass(job, round, c, shift);
        double slope = m.own_curve / m.own + m.rest_curve / m.rest;
        double t = (log(c->own * m.own) - log(c->rest * m.rest)) / slope;
        if (!isfinite(t))
            break;
        shift += (float)fmin(fmax(t, -4), 4);
        if (fabs(t) < 1e-3)
            break;
    }
    return shift;
}

/* Length of the step at which the slope has fallen to a tenth.  1 is tried first. */
static float logistic_search(const logistic_job *job, const logistic_round *round,
                             const logistic_class *c, const float *step, const float *dz)
{
    size_t dim = job->rows->dim;
    double ws = 0, ss = 0, lo = 0, hi = 4, slope_lo = c->slope, slope_hi = -1, at = 1;

    for (size_t d = 0; d < dim; d++) {
        ws += (double)c->w[d] * step[d];
        ss += (double)step[d] * step[d];
    }
    for (int it = 0; it < LOGISTIC_SEARCH; it++) {
        float length = (float)at;
        double slope = job->sums->slope(c->z, dz, length, round->stride) * c->rest;
        for (size_t i = 0; i < c->mine_n; i++) {
            float d = dz[c->mine[i]];
            double z = c->z[c->mine[i]] + length * d;
            slope -= (c->rest * logistic_sigmoid(z) + c->own * logistic_sigmoid(-z)) * d;
        }
        slope += ws + at * ss;
        if (fabs(slope) <= -0.1 * c->slope)
            break;
        if (slope < 0) {
            lo = at;
            slope_lo = slope;
        } else {
            hi = at;
            slope_hi = slope;
        }
        /* Where the line between the two crosses zero, or runs on to it, but never too close to
         * either end. */
        if (slope_hi >= 0)
            at = lo + fmin(fmax(slope_lo / (slope_lo - slope_hi), 0.1), 0.9) * (hi - lo);
        else if (at >= hi)
            break;
        else
            at = fmin(hi, fmax(1.5 * lo, lo * c->slope / (c->slope - slope_lo)));
    }
    return (float)at;
}

/* Fits the intercept of a class at its z and leaves its residuals in r. */
static void logistic_refresh(const logistic_job *job, const logistic_round *round,
                             logistic_class *c, float *r, float *curve)
{
    const espy_logistic_sums *sums = job->sums;
    float shift = logistic_shift(job, round, c);

    sums->move(c->z, c->z, 0, shift, round->stride);
    c->b += shift;
    c->grad_b = sums->residual(c->z, (float)c->rest, round->stride, r, curve);
    for (size_t i = 0; i < c->mine_n; i++) {
        size_t row = c->mine[i];
        double p = logistic_sigmoid(c->z[row]),
               own = -c->own * logistic_sigmoid(-(double)c->z[row]);
        c->grad_b += own - r[row];
        r[row] = (float)own;
        curve[row] = (float)(c->own * p * (1 - p));
    }
    logistic_heavy(curve, round->n, c);
}

/* Takes the step of a class. */
static void logistic_advance(const logistic_job *job, const logistic_round *round,
                             logistic_class *c, const float *step, float *dz)
{
    job->sums->move(dz, dz, 0, (float)c->step_b, round->stride);
    float length = logistic_search(job, round, c, step, dz);
    job->sums->move(c->z, dz, length, 0, round->stride);
    job->kern.axpy(length, step, c->w, job->rows->dim);
    c->b += (double)length * c->step_b;
}

/* out = H in, both dim + 1 long with the intercept last. */
static void logistic_apply(const logistic_job *job, const logistic_round *round,
                           const logistic_class *c, float *rows, const double *in, double *out)
{
    size_t dim = job->rows->dim;
    float *v = rows, *hv = rows + dim;
    double b = in[dim], bias = c->left * b;

    for (size_t d = 0; d < dim; d++) {
        v[d] = (float)in[d];
        hv[d] = 0;
    }
    for (size_t i = 0; i < c->heavy_n; i++) {
        const float *x = round->x + (size_t)c->heavy[i] * dim;
        float t = c->weight[i] * (job->kern.dot(x, v, dim) + (float)b);
        job->kern.axpy(t, x, hv, dim);
        bias += t;
    }
    for (size_t d = 0; d < dim && c->left > 0; d++) {
        double m = c->left > logistic_light ? job->kern.dot(job->moment + d * dim, v, dim)
                                            : job->moment[d * dim + d] * v[d];
        hv[d] += (float)(c->left * (m + job->mean[d] * b));
        bias += c->left * job->mean[d] * in[d];
    }
    for (size_t d = 0; d < dim; d++)
        out[d] = in[d] + hv[d];
    out[dim] = bias;
}

/* Newton step of a class: conjugate gradients on H step = -gradient.  The intercept, whose
 * curvature is of another size than the weights', is scaled by its own. */
static void logistic_newton(const logistic_job *job, const logistic_round *round, logistic_block *k,
                            logistic_class *c, const float *grad, float *step)
{
    size_t dim = job->rows->dim, m = dim + 1;
    double *x = k->cg, *r = x + m, *p = r + m, *hp = p + m;
    double scale = c->left + DBL_MIN, rz = 0, start;

    for (size_t i = 0; i < c->heavy_n; i++)
        scale += c->weight[i];
    for (size_t d = 0; d < m; d++) {
        x[d] = 0;
        r[d] = d < dim ? -((double)c->w[d] + grad[d]) : -c->grad_b;
        p[d] = d < dim ? r[d] : r[d] / scale;
        rz += r[d] * p[d];
    }
    start = rz;
    for (int it = 0; it < LOGISTIC_CG && rz > 1e-4 * start; it++) {
        double php = 0, next = 0;
        logistic_apply(job, round, c, k->cg_row, p, hp);
        for (size_t d = 0; d < m; d++)
            php += p[d] * hp[d];
        if (!(php > 0))
            break;
        for (size_t d = 0; d < m; d++) {
            x[d] += rz / php * p[d];
            r[d] -= rz / php * hp[d];
            next += d < dim ? r[d] * r[d] : r[d] * r[d] / scale;
        }
        for (size_t d = 0; d < m; d++)
            p[d] = (d < dim ? r[d] : r[d] / scale) + next / rz * p[d];
        rz = next;
    }
    for (size_t d = 0; d < dim; d++)
        step[d] = (float)x[d];
    c->step_b = x[dim];
}

static double logistic_slope(const logistic_class *c, const float *grad, const float *step,
                             size_t dim)
{
    double sum = c->grad_b * c->step_b;

    for (size_t d = 0; d < dim; d++)
        sum += ((double)c->w[d] + grad[d]) * step[d];
    return sum;
}

/* Bends the Newton step towards the step before, by Polak and Ribiere's rule with the Newton system
 * as preconditioner. */
static void logistic_bend(logistic_class *c, const float *grad, float *step, size_t dim)
{
    double now = logistic_slope(c, grad, step, dim), across = 0;

    for (size_t d = 0; d < dim; d++)
        across += (double)c->last_grad[d] * step[d];
    double beta = c->last < 0 ? (now - across) / c->last : 0;
    c->last = now;
    c->slope = now;
    for (size_t d = 0; d < dim; d++)
        c->last_grad[d] = c->w[d] + grad[d];
    if (beta > 0 && beta < 1) {
        for (size_t d = 0; d < dim; d++)
            step[d] += (float)beta * c->last_step[d];
        c->step_b += beta * c->last_b;
        c->slope = logistic_slope(c, grad, step, dim);
        if (!(c->slope < 0.1 * now)) {
            /* Hardly a descent any more: back to the plain step. */
            for (size_t d = 0; d < dim; d++)
                step[d] -= (float)beta * c->last_step[d];
            c->step_b -= beta * c->last_b;
            c->slope = now;
        }
    }
    memcpy(c->last_step, step, dim * sizeof *step);
    c->last_b = c->step_b;
}

/* Whether the gradient is short against the weights. */
static bool logistic_solved(const logistic_class *c, const float *grad, size_t dim,
                            double tolerance)
{
    double g = c->grad_b * c->grad_b, w = 0;

    for (size_t d = 0; d < dim; d++) {
        double gd = (double)c->w[d] + grad[d];
        g += gd * gd;
        w += (double)c->w[d] * c->w[d];
    }
    return sqrt(g) <= tolerance * sqrt(w);
}

/* Directions for the classes that are not solved, which move to the front. */
static void logistic_directions(const logistic_job *job, const logistic_round *round,
                                logistic_block *k)
{
    size_t dim = job->rows->dim, live = 0;

    for (size_t a = 0; a < k->live; a++) {
        logistic_class c = k->at[a];
        const float *grad = k->grad + a * dim;
        float *step = k->step + live * dim;
        if (logistic_solved(&c, grad, dim, round->tolerance))
            continue;
        logistic_newton(job, round, k, &c, grad, step);
        logistic_bend(&c, grad, step, dim);
        if (!(c.slope < 0)) {
            k->at[a] = c; /* as near as single precision comes */
            continue;
        }
        k->at[a] = k->at[live];
        k->at[live++] = c;
    }
    k->live = live;
}

/* Solves the block on the rows of a round, going on from its weights when there are any. */
static espy_err logistic_descend(espy_ctx *cx, const logistic_job *job, const logistic_round *round,
                                 logistic_block *k, bool fresh)
{
    size_t dim = job->rows->dim;

    k->live = k->wide;
    for (size_t a = 0; a < k->wide; a++) {
        logistic_class *c = &k->at[a];
        c->z = k->z + a * round->stride;
        c->last = 0;
        logistic_weigh(job, round, c);
        memcpy(k->step + a * dim, c->w, dim * sizeof *c->w);
    }
    if (fresh)
        logistic_begin(job, round, k);
    else
        ESPY_TRY(espy_gemm(cx, false, true, k->wide, round->n, dim, 1, k->step, dim, round->x, dim,
                           0, k->z, round->stride));
    for (int it = 0; it < LOGISTIC_NEWTON; it++) {
        if (it > 0 || fresh) {
            logistic_directions(job, round, k);
            if (k->live == 0)
                break;
            ESPY_TRY(espy_gemm(cx, false, true, k->live, round->n, dim, 1, k->step, dim, round->x,
                               dim, 0, k->dz, round->stride));
        }
        for (size_t a = 0; a < k->live; a++) {
            logistic_class *c = &k->at[a];
            float *dz = k->dz + a * round->stride;
            if (it > 0 || fresh)
                logistic_advance(job, round, c, k->step + a * dim, dz);
            else
                for (size_t i = 0; i < round->stride; i++)
                    c->z[i] = i < round->n ? c->z[i] + (float)c->b : ESPY_LOGISTIC_PAD;
            logistic_refresh(job, round, c, dz, k->curve);
        }
        ESPY_TRY(espy_gemm(cx, false, false, k->live, dim, round->n, 1, k->dz, round->stride,
                           round->x, dim, 0, k->grad, dim));
        ESPY_TRY(espy_cancelled(cx));
    }
    return ESPY_E_OK;
}

/* The first round's rows: all of the block's classes, then one in LOGISTIC_SHARE of the others. */
static espy_err logistic_first(espy_ctx *cx, const logistic_job *job, logistic_block *k)
{
    size_t dim = job->rows->dim, n = job->rows->n, first = k->at[0].label, m = 0;
    size_t from = job->start[first], to = job->start[first + k->wide];
    size_t most = to - from + n / LOGISTIC_SHARE + 1;
    uint32_t *own = espy_array(cx, to - from, sizeof *own);
    float *x = espy_floats(cx, most * dim);
    espy_err e = ESPY_E_NOMEM;

    if (!own || !x)
        goto out;
    for (; m < to - from; m++) {
        memcpy(x + m * dim, job->rows->x + (size_t)job->order[from + m] * dim, dim * sizeof *x);
        own[m] = (uint32_t)m;
    }
    for (size_t i = 0; i < n; i += LOGISTIC_SHARE)
        if (i < from || i >= to)
            memcpy(x + m++ * dim, job->rows->x + (size_t)job->order[i] * dim, dim * sizeof *x);
    for (size_t a = 0; a < k->wide; a++) {
        k->at[a].mine = own + (job->start[first + a] - from);
        k->at[a].mine_n = job->start[first + a + 1] - job->start[first + a];
    }
    logistic_round round = {x, m, logistic_stride(m), logistic_first_tolerance};
    e = logistic_descend(cx, job, &round, k, true);
out:
    espy_free(cx, own);
    espy_free(cx, x);
    return e;
}

static espy_err logistic_solve(espy_ctx *cx, void *self, size_t item, unsigned worker)
{
    const logistic_job *job = self;
    const espy_rows *rows = job->rows;
    size_t dim = rows->dim, first = job->first + item * job->block;
    size_t left = rows->classes - first;
    bool many = rows->n >= LOGISTIC_MANY;
    logistic_round round = {rows->x, rows->n, logistic_stride(rows->n), logistic_tolerance};
    logistic_block k = {0};
    espy_err e;
    (void)worker;

    ESPY_GO(logistic_block_make(cx, job, first, left < job->block ? left : job->block, &k));
    if (many)
        ESPY_GO(logistic_first(cx, job, &k));
    for (size_t a = 0; a < k.wide; a++) {
        size_t label = k.at[a].label;
        k.at[a].mine = job->order + job->start[label];
        k.at[a].mine_n = job->start[label + 1] - job->start[label];
    }
    ESPY_GO(logistic_descend(cx, job, &round, &k, !many));
    for (size_t a = 0; a < k.wide; a++) {
        memcpy(job->model->coef + k.at[a].label * dim, k.at[a].w, dim * sizeof *k.vectors);
        job->model->intercept[k.at[a].label] = k.at[a].b;
    }
out:
    logistic_block_free(cx, &k);
    return e;
}

/* X'X / n and the mean of the rows. */
static espy_err logistic_moments(espy_ctx *cx, const espy_rows *rows, float *moment, double *mean)
{
    size_t n = rows->n, dim = rows->dim;

    for (size_t i = 0; i < n; i++)
        for (size_t d = 0; d < dim; d++)
            mean[d] += rows->x[i * dim + d];
    for (size_t d = 0; d < dim; d++)
        mean[d] /= (double)n;
    return espy_gemm(cx, true, false, dim, dim, n, 1.0f / (float)n, rows->x, dim, rows->x, dim, 0,
                     moment, dim);
}

espy_err espy_logistic_fit(espy_ctx *cx, const espy_rows *rows,
                           const espy_logistic_options *options, espy_logistic **out)
{
    espy_err e = ESPY_E_NOMEM;
    espy_logistic *model = NULL;
    float *moment = NULL;
    double *mean = NULL;
    uint32_t *order = NULL;
    size_t *start = NULL, cells, dim = rows->dim;
    unsigned cpu = espy_cpu_detect();

    ESPY_TRY(espy_rows_check(cx, rows));
    if (!espy_mul_size(dim, dim, &cells))
        return espy_fail(cx, ESPY_E_LIMIT, "%zu values per sample are too many", dim);
    if (!(moment = espy_floats(cx, cells)) || !(mean = espy_array(cx, dim, sizeof *mean)))
        goto out;
    ESPY_GO(espy_rows_group(cx, rows, &order, &start));
    ESPY_GO(espy_logistic_create(cx, dim, rows->classes, &model));
    ESPY_GO(logistic_moments(cx, rows, moment, mean));
    logistic_job job = {.rows = rows,
                        .order = order,
                        .start = start,
                        .moment = moment,
                        .mean = mean,
                        .c = options->c > 0 ? options->c : 1.0,
                        .balanced = options->balanced,
                        .model = model};
    espy_kern_init(&job.kern, cpu);
    job.sums = cpu & ESPY_CPU_AVX512 ? &espy_logistic_sums_avx512
               : cpu & ESPY_CPU_AVX2 ? &espy_logistic_sums_avx2
                                     : &espy_logistic_sums_plain;
    /* Two classes are one problem.  Wide blocks feed the matrix product, narrow ones the threads.
     */
    job.first = rows->classes == 2;
    job.block = rows->classes >= 512 ? 64 : rows->classes >= 64 ? 16 : 4;
    ESPY_GO(espy_parallel(cx, (rows->classes - job.first + job.block - 1) / job.block,
                          logistic_solve, &job));
    if (rows->classes == 2) {
        for (size_t d = 0; d < dim; d++)
            model->coef[d] = -model->coef[dim + d];
        model->intercept[0] = -model->intercept[1];
    }
    *out = model;
    model = NULL;
out:
    espy_logistic_destroy(cx, &model);
    espy_free(cx, moment);
    espy_free(cx, mean);
    espy_free(cx, order);
    espy_free(cx, start);
    return e;
}
