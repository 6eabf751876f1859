/* SPDX-License-Identifier: Apache-2.0
 * learn - fitting of one-vs-rest logistic regression by Newton's method.
 *
 * The classes are independent problems over the same rows.  A block of them is one task: their
 * decision values Z = X W' and gradients R' X are matrix products over tiles of rows.  The Newton
 * system of a class is solved by conjugate gradients with a Hessian that is exact over the rows
 * that carry most of its weight (the class's own and the hardest of the rest) and takes all others,
 * whose weight is small and spread evenly, as the second moment of the whole data.  Where all rows
 * fit it is the exact Hessian.  The step length needs no product: Z and its change are at hand, and
 * on a convex function the slope along the step says all. */
#include "learn/logistic.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/pool.h"
#include "gemm/gemm.h"
#include "kern/kern.h"

enum {
    LOGISTIC_TILE = 1024, /* rows of one product */
    LOGISTIC_HEAVY = 384, /* rows taken exactly in the Hessian */
    LOGISTIC_NEWTON = 60, /* most steps; about 8 are usual */
    LOGISTIC_CG = 40,     /* most iterations in a step */
    LOGISTIC_SEARCH = 12  /* most evaluations of a slope */
};

static const double logistic_tolerance = 3e-4;

typedef struct logistic_job {
    const espy_rows *rows;
    const float *moment; /* dim x dim: X'X / n */
    const double *mean;  /* dim */
    const size_t *size;  /* samples per class */
    double c;
    bool balanced;
    size_t first, block; /* first class, classes of a task */
    espy_logistic *model;
    espy_kern kern;
} logistic_job;

/* One task's classes; arrays by class have `wide` columns or rows. */
typedef struct logistic_block {
    size_t first, wide; /* classes first .. first + wide - 1 */
    float *z, *dz;      /* n x wide decision values, and their change along the step */
    float *w, *step;    /* wide x dim */
    float *grad;        /* wide x dim: sum of residual x row */
    float *tile;        /* LOGISTIC_TILE x wide residuals */
    double *b, *step_b, *grad_b;
    double *own, *rest; /* C times the weight of the class's samples and of the others */
    double *slope, *length;
    bool *done;
    float *weight; /* n: curvature of the rows of one class */
    uint32_t *heavy;
    double *cg; /* scratch of a Newton system */
    float *cg_row;
} logistic_block;

/* exp(x) for x <= 0 within 2e-7 relative, 0 below -87: 2^k e^r, |r| <= ln 2 / 2, Taylor to r^7. */
static inline float logistic_exp(float x)
{
    const float shift = 12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer */
    float t = x < -87.0f ? -87.0f : x;
    float k = (t * 1.44269504f + shift) - shift;
    float r = (t - k * 0.693359375f) + k * 2.12194440e-4f;
    float e = 1.0f / 5040;
    e = e * r + 1.0f / 720;
    e = e * r + 1.0f / 120;
    e = e * r + 1.0f / 24;
    e = e * r + 1.0f / 6;
    e = e * r + 0.5f;
    e = e * r + 1.0f;
    e = e * r + 1.0f;
    int32_t bits = ((int32_t)k + 127) * (1 << 23);
    float scale;
    memcpy(&scale, &bits, sizeof scale);
    return x < -87.0f ? 0.0f : e * scale;
}

static inline float logistic_sigmoid(float z)
{
    float e = logistic_exp(z < 0 ? z : -z), over = 1.0f / (1.0f + e);

    return z < 0 ? e * over : over;
}

static void logistic_block_free(espy_ctx *cx, logistic_block *k)
{
    espy_free(cx, k->z);
    espy_free(cx, k->dz);
    espy_free(cx, k->w);
    espy_free(cx, k->step);
    espy_free(cx, k->grad);
    espy_free(cx, k->tile);
    espy_free(cx, k->b);
    espy_free(cx, k->step_b);
    espy_free(cx, k->grad_b);
    espy_free(cx, k->own);
    espy_free(cx, k->rest);
    espy_free(cx, k->slope);
    espy_free(cx, k->length);
    espy_free(cx, k->done);
    espy_free(cx, k->weight);
    espy_free(cx, k->heavy);
    espy_free(cx, k->cg);
    espy_free(cx, k->cg_row);
}

static espy_err logistic_block_make(espy_ctx *cx, const logistic_job *job, logistic_block *k)
{
    size_t n = job->rows->n, dim = job->rows->dim, wide = k->wide;

    if (!(k->z = espy_floats(cx, n * wide)) || !(k->dz = espy_floats(cx, n * wide)) ||
        !(k->w = espy_floats(cx, wide * dim)) || !(k->step = espy_floats(cx, wide * dim)) ||
        !(k->grad = espy_floats(cx, wide * dim)) ||
        !(k->tile = espy_floats(cx, LOGISTIC_TILE * wide)) ||
        !(k->b = espy_array(cx, wide, sizeof *k->b)) ||
        !(k->step_b = espy_array(cx, wide, sizeof *k->step_b)) ||
        !(k->grad_b = espy_array(cx, wide, sizeof *k->grad_b)) ||
        !(k->own = espy_array(cx, wide, sizeof *k->own)) ||
        !(k->rest = espy_array(cx, wide, sizeof *k->rest)) ||
        !(k->slope = espy_array(cx, wide, sizeof *k->slope)) ||
        !(k->length = espy_array(cx, wide, sizeof *k->length)) ||
        !(k->done = espy_array(cx, wide, sizeof *k->done)) || !(k->weight = espy_floats(cx, n)) ||
        !(k->heavy = espy_array(cx, n, sizeof *k->heavy)) ||
        !(k->cg = espy_array(cx, 5 * (dim + 1), sizeof *k->cg)) ||
        !(k->cg_row = espy_floats(cx, 2 * dim)))
        return ESPY_E_NOMEM;
    for (size_t c = 0; c < wide; c++) {
        double n_c = (double)job->size[k->first + c], all = (double)n;
        k->own[c] = job->c * (job->balanced ? all / (2 * n_c) : 1);
        k->rest[c] = job->c * (job->balanced ? all / (2 * (all - n_c)) : 1);
        /* Without weights the best constant is the log odds of the class. */
        k->b[c] = log(k->own[c] * n_c) - log(k->rest[c] * (all - n_c));
        for (size_t i = 0; i < n; i++)
            k->z[i * wide + c] = (float)k->b[c];
    }
    return ESPY_E_OK;
}

/* Residuals, weighted, of rows [at, at + m) after a step of length[c] for each class. */
static void logistic_residuals(const logistic_job *job, const logistic_block *k, size_t at,
                               size_t m)
{
    size_t wide = k->wide;

    for (size_t i = 0; i < m; i++) {
        const float *z = k->z + (at + i) * wide;
        float *r = k->tile + i * wide;
        for (size_t c = 0; c < wide; c++)
            r[c] = logistic_sigmoid(z[c]) * (float)k->rest[c];
        size_t own = job->rows->y[at + i] - k->first;
        if (own < wide)
            r[own] = -(float)k->own[own] * logistic_sigmoid(-z[own]);
    }
}

/* grad and grad_b at the current z. */
static espy_err logistic_gradient(espy_ctx *cx, const logistic_job *job, logistic_block *k)
{
    size_t n = job->rows->n, dim = job->rows->dim, wide = k->wide;

    memset(k->grad_b, 0, wide * sizeof *k->grad_b);
    for (size_t at = 0; at < n; at += LOGISTIC_TILE) {
        size_t m = n - at < LOGISTIC_TILE ? n - at : LOGISTIC_TILE;
        logistic_residuals(job, k, at, m);
        for (size_t i = 0; i < m; i++)
            for (size_t c = 0; c < wide; c++)
                k->grad_b[c] += k->tile[i * wide + c];
        ESPY_TRY(espy_gemm(cx, true, false, wide, dim, m, 1, k->tile, wide, job->rows->x + at * dim,
                           dim, at > 0, k->grad, dim));
    }
    return ESPY_E_OK;
}

/* slope[c]: derivative of the objective along the step at length[c]. */
static void logistic_slopes(const logistic_job *job, logistic_block *k)
{
    size_t n = job->rows->n, dim = job->rows->dim, wide = k->wide;

    for (size_t c = 0; c < wide; c++) {
        const float *w = k->w + c * dim, *s = k->step + c * dim;
        double sum = 0;
        for (size_t d = 0; d < dim; d++)
            sum += (w[d] + k->length[c] * s[d]) * s[d];
        k->slope[c] = sum;
    }
    for (size_t i = 0; i < n; i++) {
        const float *z = k->z + i * wide, *dz = k->dz + i * wide;
        float *t = k->tile;
        for (size_t c = 0; c < wide; c++)
            t[c] = logistic_sigmoid(z[c] + (float)k->length[c] * dz[c]) * (float)k->rest[c] * dz[c];
        size_t own = job->rows->y[i] - k->first;
        if (own < wide)
            t[own] = -(float)k->own[own] *
                     logistic_sigmoid(-(z[own] + (float)k->length[own] * dz[own])) * dz[own];
        for (size_t c = 0; c < wide; c++)
            k->slope[c] += t[c];
    }
}

/* Rows of class c that carry most curvature into k->heavy, their number returned; *left: the weight
 * of all others. */
static size_t logistic_heavy(const logistic_job *job, logistic_block *k, size_t c, double *left)
{
    size_t n = job->rows->n, count[256] = {0}, kept = 0;
    double all = 0, top = 0;

    for (size_t i = 0; i < n; i++) {
        float p = logistic_sigmoid(k->z[i * k->wide + c]);
        bool own = job->rows->y[i] == k->first + c;
        k->weight[i] = p * (1 - p) * (float)(own ? k->own[c] : k->rest[c]);
        all += k->weight[i];
        /* By powers of two: the exponent is the bucket, so no sort is needed. */
        int bits;
        memcpy(&bits, &k->weight[i], sizeof bits);
        count[(bits >> 23) & 255]++;
    }
    size_t bucket = 256, sum = 0;
    while (bucket > 0 && sum + count[bucket - 1] <= LOGISTIC_HEAVY)
        sum += count[--bucket];
    /* The last bucket is taken in part, in order of row. */
    for (size_t i = 0; i < n; i++) {
        int bits;
        memcpy(&bits, &k->weight[i], sizeof bits);
        size_t at = (bits >> 23) & 255;
        if (at < bucket && (at + 1 != bucket || sum >= LOGISTIC_HEAVY))
            continue;
        if (at < bucket)
            sum++;
        k->heavy[kept++] = (uint32_t)i;
        top += k->weight[i];
    }
    *left = fmax(0, all - top);
    return kept;
}

typedef struct logistic_system {
    const logistic_job *job;
    const float *weight;
    const uint32_t *heavy;
    size_t n;
    double left;
    float *v, *hv; /* dim each */
} logistic_system;

/* out = H in; both dim + 1 with the intercept last. */
static void logistic_apply(const logistic_system *s, const double *in, double *out)
{
    const logistic_job *job = s->job;
    size_t dim = job->rows->dim;
    double b = in[dim], bias = s->left * b;

    for (size_t d = 0; d < dim; d++) {
        s->v[d] = (float)in[d];
        s->hv[d] = 0;
    }
    for (size_t i = 0; i < s->n; i++) {
        size_t row = s->heavy[i];
        const float *x = job->rows->x + row * dim;
        float t = s->weight[row] * (job->kern.dot(x, s->v, dim) + (float)b);
        job->kern.axpy(t, x, s->hv, dim);
        bias += t;
    }
    if (s->left > 0) {
        float left = (float)s->left;
        for (size_t d = 0; d < dim; d++) {
            s->hv[d] += left * (job->kern.dot(job->moment + d * dim, s->v, dim) +
                                (float)(job->mean[d] * b));
            bias += s->left * job->mean[d] * in[d];
        }
    }
    for (size_t d = 0; d < dim; d++)
        out[d] = in[d] + s->hv[d];
    out[dim] = bias;
}

/* Step of class c: conjugate gradients on H step = -gradient, scaled by the diagonal of H. */
static void logistic_newton(const logistic_job *job, logistic_block *k, size_t c)
{
    size_t dim = job->rows->dim, m = dim + 1;
    double *x = k->cg, *r = x + m, *p = r + m, *hp = p + m, *diag = hp + m;
    logistic_system s = {
        .job = job, .weight = k->weight, .heavy = k->heavy, .v = k->cg_row, .hv = k->cg_row + dim};
    double rz = 0, start = 0;

    s.n = logistic_heavy(job, k, c, &s.left);
    diag[dim] = s.left + DBL_MIN;
    for (size_t d = 0; d < dim; d++)
        diag[d] = 1 + s.left * job->moment[d * dim + d];
    for (size_t i = 0; i < s.n; i++) {
        const float *row = job->rows->x + (size_t)k->heavy[i] * dim;
        double weight = k->weight[k->heavy[i]];
        for (size_t d = 0; d < dim; d++)
            diag[d] += weight * row[d] * row[d];
        diag[dim] += weight;
    }
    for (size_t d = 0; d < m; d++) {
        x[d] = 0;
        r[d] = d < dim ? -(k->w[c * dim + d] + k->grad[c * dim + d]) : -k->grad_b[c];
        p[d] = r[d] / diag[d];
        rz += r[d] * p[d];
    }
    start = rz;
    for (int it = 0; it < LOGISTIC_CG && rz > 1e-4 * start; it++) {
        double php = 0, next = 0;
        logistic_apply(&s, p, hp);
        for (size_t d = 0; d < m; d++)
            php += p[d] * hp[d];
        if (!(php > 0))
            break;
        for (size_t d = 0; d < m; d++) {
            x[d] += rz / php * p[d];
            r[d] -= rz / php * hp[d];
            next += r[d] * r[d] / diag[d];
        }
        for (size_t d = 0; d < m; d++)
            p[d] = r[d] / diag[d] + next / rz * p[d];
        rz = next;
    }
    for (size_t d = 0; d < dim; d++)
        k->step[c * dim + d] = (float)x[d];
    k->step_b[c] = x[dim];
}

/* Whether class c is solved: the gradient is short against the weights. */
static bool logistic_solved(const logistic_job *job, const logistic_block *k, size_t c)
{
    size_t dim = job->rows->dim;
    double g = 0, w = 0;

    for (size_t d = 0; d < dim; d++) {
        double at = k->w[c * dim + d], gd = at + k->grad[c * dim + d];
        g += gd * gd;
        w += at * at;
    }
    /* The intercept's own curvature is at least that of its gradient's scale. */
    return sqrt(g) <= logistic_tolerance * sqrt(w) && fabs(k->grad_b[c]) <= logistic_tolerance;
}

/* Step lengths at which the slope has fallen to a tenth: false position between a length with a
 * negative and one with a positive slope, doubling never needed since Newton steps are too long,
 * not too short, where the curvature grows. */
static void logistic_search(const logistic_job *job, logistic_block *k, double *lo, double *hi,
                            double *slope_lo, double *slope_hi, double *slope_0)
{
    size_t wide = k->wide;

    for (size_t c = 0; c < wide; c++) {
        k->length[c] = 0;
        lo[c] = 0;
        hi[c] = 1;
        slope_hi[c] = NAN;
    }
    logistic_slopes(job, k);
    memcpy(slope_lo, k->slope, wide * sizeof *slope_lo);
    memcpy(slope_0, k->slope, wide * sizeof *slope_0);
    for (size_t c = 0; c < wide; c++)
        k->length[c] = k->done[c] || !(slope_0[c] < 0) ? 0 : 1;
    for (int it = 0; it < LOGISTIC_SEARCH; it++) {
        bool open = false;
        logistic_slopes(job, k);
        for (size_t c = 0; c < wide; c++) {
            double at = k->length[c], slope = k->slope[c];
            if (at == 0 || fabs(slope) <= -0.25 * slope_0[c] || (at == 1 && slope < 0))
                continue;
            open = true;
            if (slope < 0) {
                lo[c] = at;
                slope_lo[c] = slope;
            } else {
                hi[c] = at;
                slope_hi[c] = slope;
            }
            /* Interpolate where both ends are known, but never closer than a tenth to either. */
            double t = slope_lo[c] / (slope_lo[c] - slope_hi[c]);
            t = t > 0.1 ? (t < 0.9 ? t : 0.9) : 0.1;
            k->length[c] = lo[c] + t * (hi[c] - lo[c]);
        }
        if (!open)
            break;
    }
}

static espy_err logistic_step(espy_ctx *cx, const logistic_job *job, logistic_block *k)
{
    size_t n = job->rows->n, dim = job->rows->dim, wide = k->wide;
    espy_err e = ESPY_E_OK;
    double *scratch = espy_array(cx, 5 * wide, sizeof *scratch);

    if (!scratch)
        return ESPY_E_NOMEM;
    for (size_t c = 0; c < wide; c++) {
        if (k->done[c]) {
            memset(k->step + c * dim, 0, dim * sizeof *k->step);
            k->step_b[c] = 0;
        } else {
            logistic_newton(job, k, c);
        }
    }
    for (size_t at = 0; at < n; at += LOGISTIC_TILE) {
        size_t m = n - at < LOGISTIC_TILE ? n - at : LOGISTIC_TILE;
        ESPY_GO(espy_gemm(cx, false, true, m, wide, dim, 1, job->rows->x + at * dim, dim, k->step,
                          dim, 0, k->dz + at * wide, wide));
        for (size_t i = at; i < at + m; i++)
            for (size_t c = 0; c < wide; c++)
                k->dz[i * wide + c] += (float)k->step_b[c];
    }
    logistic_search(job, k, scratch, scratch + wide, scratch + 2 * wide, scratch + 3 * wide,
                    scratch + 4 * wide);
    for (size_t c = 0; c < wide; c++) {
        if (k->length[c] == 0)
            k->done[c] = true; /* no descent left within rounding */
        for (size_t d = 0; d < dim; d++)
            k->w[c * dim + d] += (float)k->length[c] * k->step[c * dim + d];
        k->b[c] += k->length[c] * k->step_b[c];
    }
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < wide; c++)
            k->z[i * wide + c] += (float)k->length[c] * k->dz[i * wide + c];
out:
    espy_free(cx, scratch);
    return e;
}

/* Hands over the solved classes and closes the gaps once they are half of the block. */
static void logistic_retire(const logistic_job *job, logistic_block *k)
{
    (void)job;
    (void)k;
}

static espy_err logistic_solve(espy_ctx *cx, void *self, size_t item, unsigned worker)
{
    const logistic_job *job = self;
    size_t dim = job->rows->dim;
    logistic_block k = {.first = job->first + item * job->block};
    espy_err e;
    (void)worker;

    k.wide = job->rows->classes - k.first < job->block ? job->rows->classes - k.first : job->block;
    ESPY_GO(logistic_block_make(cx, job, &k));
    for (int it = 0; it < LOGISTIC_NEWTON; it++) {
        bool open = false;
        ESPY_GO(logistic_gradient(cx, job, &k));
        for (size_t c = 0; c < k.wide; c++) {
            k.done[c] = k.done[c] || logistic_solved(job, &k, c);
            open = open || !k.done[c];
        }
        if (!open)
            break;
        logistic_retire(job, &k);
        ESPY_GO(logistic_step(cx, job, &k));
        ESPY_GO(espy_cancelled(cx));
    }
    memcpy(job->model->coef + k.first * dim, k.w, k.wide * dim * sizeof *k.w);
    memcpy(job->model->intercept + k.first, k.b, k.wide * sizeof *k.b);
out:
    logistic_block_free(cx, &k);
    return e;
}

/* X'X / n and the mean of the rows. */
static espy_err logistic_moments(espy_ctx *cx, const espy_rows *rows, float *moment, double *mean)
{
    ESPY_TRY(espy_gemm(cx, true, false, rows->dim, rows->dim, rows->n, 1.0f / (float)rows->n,
                       rows->x, rows->dim, rows->x, rows->dim, 0, moment, rows->dim));
    for (size_t i = 0; i < rows->n; i++)
        for (size_t d = 0; d < rows->dim; d++)
            mean[d] += rows->x[i * rows->dim + d] / (double)rows->n;
    return ESPY_E_OK;
}

espy_err espy_logistic_fit(espy_ctx *cx, const espy_rows *rows,
                           const espy_logistic_options *options, espy_logistic **out)
{
    espy_err e = ESPY_E_NOMEM;
    espy_logistic *model = NULL;
    float *moment = NULL;
    double *mean = NULL;
    size_t *size = NULL, cells, dim = rows->dim;

    ESPY_TRY(espy_rows_check(cx, rows));
    if (!espy_mul_size(dim, dim, &cells))
        return espy_fail(cx, ESPY_E_LIMIT, "%zu values per sample are too many", dim);
    if (!(moment = espy_floats(cx, cells)) || !(mean = espy_array(cx, dim, sizeof *mean)) ||
        !(size = espy_array(cx, rows->classes, sizeof *size)))
        goto out;
    for (size_t i = 0; i < rows->n; i++)
        size[rows->y[i]]++;
    ESPY_GO(espy_logistic_create(cx, dim, rows->classes, &model));
    ESPY_GO(logistic_moments(cx, rows, moment, mean));
    logistic_job job = {.rows = rows,
                        .moment = moment,
                        .mean = mean,
                        .size = size,
                        .c = options->c > 0 ? options->c : 1.0,
                        .balanced = options->balanced,
                        .model = model};
    espy_kern_init(&job.kern, espy_cpu_detect());
    /* Two classes are one problem.  Wide blocks feed the matrix product, narrow ones the threads.
     */
    job.first = rows->classes == 2;
    job.block = rows->classes >= 512 ? 64 : 16;
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
    espy_free(cx, size);
    return e;
}
