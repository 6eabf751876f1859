/* SPDX-License-Identifier: Apache-2.0
 * learn - all pairs of rows in square tiles.
 *
 * With b blocks of rows, phase p holds the tiles (i, j) with i + j = p modulo b: every block is in
 * exactly one of them, so the tiles of a phase share nothing and need no lock, and after b phases
 * every pair of blocks has met (the schedule of a round-robin tournament). */
#include "learn/pairs.h"

#include <math.h>

#include "base/pool.h"
#include "gemm/gemm.h"

typedef struct pairs_job {
    const float *q, *x;
    size_t m, n, dim, blocks, phase;
    espy_pairs_visit *visit;
    void *self;
    float *scratch; /* a tile for each worker */
} pairs_job;

static size_t pairs_min(size_t a, size_t b)
{
    return a < b ? a : b;
}

static espy_err pairs_product(espy_ctx *cx, const pairs_job *job, espy_pairs_tile *t,
                              unsigned worker)
{
    float *v = job->scratch + (size_t)worker * ESPY_PAIRS_SIDE * ESPY_PAIRS_SIDE;

    t->v = v;
    ESPY_TRY(espy_gemm(cx, false, true, t->rows, t->columns, job->dim, 1,
                       job->q + t->row * job->dim, job->dim, job->x + t->column * job->dim,
                       job->dim, 0, v, t->columns));
    return job->visit(cx, job->self, t, worker);
}

/* The item-th pair i <= j of the phase: first those whose sum is the phase, i = 0 .. phase / 2,
 * then those whose sum is the phase + b, from i = phase + 1 on. */
static espy_err pairs_meet(espy_ctx *cx, void *self, size_t item, unsigned worker)
{
    const pairs_job *job = self;
    size_t low = job->phase / 2 + 1;
    size_t i = item, sum = job->phase;

    if (item >= low) {
        sum += job->blocks;
        i = job->phase + 1 + (item - low);
    }
    espy_pairs_tile t = {.row = i * ESPY_PAIRS_SIDE, .column = (sum - i) * ESPY_PAIRS_SIDE};
    t.rows = pairs_min(ESPY_PAIRS_SIDE, job->n - t.row);
    t.columns = pairs_min(ESPY_PAIRS_SIDE, job->n - t.column);
    t.diagonal = t.row == t.column;
    return pairs_product(cx, job, &t, worker);
}

espy_err espy_pairs_all(espy_ctx *cx, const float *x, size_t n, size_t dim, const char *stage,
                        const espy_progress *progress, espy_pairs_visit *visit, void *self)
{
    pairs_job job = {.q = x, .x = x, .m = n, .n = n, .dim = dim, .visit = visit, .self = self};
    espy_err e = ESPY_E_OK;

    job.blocks = (n + ESPY_PAIRS_SIDE - 1) / ESPY_PAIRS_SIDE;
    job.scratch =
        espy_floats(cx, (size_t)espy_pool_size(cx->pool) * ESPY_PAIRS_SIDE * ESPY_PAIRS_SIDE);
    if (!job.scratch)
        return ESPY_E_NOMEM;
    for (; job.phase < job.blocks && e == ESPY_E_OK; job.phase++) {
        size_t low = job.phase / 2 + 1, high = (job.blocks - job.phase) / 2;
        e = espy_parallel(cx, low + high, pairs_meet, &job);
        if (e == ESPY_E_OK)
            espy_progress_step(progress, stage, job.phase + 1, job.blocks);
    }
    espy_free(cx, job.scratch);
    return e;
}

static espy_err pairs_row(espy_ctx *cx, void *self, size_t item, unsigned worker)
{
    const pairs_job *job = self;
    espy_pairs_tile t = {.row = item * ESPY_PAIRS_SOME};

    t.rows = pairs_min(ESPY_PAIRS_SOME, job->m - t.row);
    for (; t.column < job->n; t.column += ESPY_PAIRS_SIDE) {
        t.columns = pairs_min(ESPY_PAIRS_SIDE, job->n - t.column);
        ESPY_TRY(pairs_product(cx, job, &t, worker));
    }
    return ESPY_E_OK;
}

espy_err espy_pairs_some(espy_ctx *cx, const float *q, size_t m, const float *x, size_t n,
                         size_t dim, espy_pairs_visit *visit, void *self)
{
    pairs_job job = {.q = q, .x = x, .m = m, .n = n, .dim = dim, .visit = visit, .self = self};

    job.scratch =
        espy_floats(cx, (size_t)espy_pool_size(cx->pool) * ESPY_PAIRS_SIDE * ESPY_PAIRS_SIDE);
    if (!job.scratch)
        return ESPY_E_NOMEM;
    espy_err e = espy_parallel(cx, (m + ESPY_PAIRS_SOME - 1) / ESPY_PAIRS_SOME, pairs_row, &job);
    espy_free(cx, job.scratch);
    return e;
}

double espy_pairs_error(size_t dim)
{
    return (double)(dim + 16) * 0x1p-24;
}

double espy_pairs_dot(const float *a, const float *b, size_t dim)
{
    double s[8] = {0};
    size_t i = 0;

    for (; i + 8 <= dim; i += 8)
        for (size_t j = 0; j < 8; j++)
            s[j] += (double)a[i + j] * (double)b[i + j];
    for (; i < dim; i++)
        s[0] += (double)a[i] * (double)b[i];
    return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
}

espy_err espy_pairs_lengths(espy_ctx *cx, const float *x, size_t n, size_t dim, double *scale,
                            bool *unit)
{
    *unit = true;
    for (size_t i = 0; i < n; i++) {
        double length = sqrt(espy_pairs_dot(x + i * dim, x + i * dim, dim));
        if (!isfinite(length))
            return espy_fail(cx, ESPY_E_DATA,
                             "sample %zu holds a value that is not a number: embed it again", i);
        if (length == 0)
            return espy_fail(cx, ESPY_E_DATA, "sample %zu has no direction: embed it again", i);
        scale[i] = 1 / length;
        if (fabs(length - 1) > 0x1p-20)
            *unit = false;
    }
    return ESPY_E_OK;
}
