/* SPDX-License-Identifier: Apache-2.0
 * learn - all pairs of rows in square tiles.
 *
 * With b blocks of rows, phase p holds the tiles (i, j) with i + j = p modulo b: every block is in
 * exactly one of them, so the tiles of a phase share nothing and need no lock, and after b phases
 * every pair of blocks has met (the schedule of a round-robin tournament).  Whether bytes are
 * multiplied is decided between phases, from counts that no order of work changes. */
#include "learn/pairs.h"

#include <math.h>

#include "base/pool.h"
#include "gemm/gemm.h"
#include "kern/kern.h"

/* Of how many products one may be made exactly before products of bytes do not pay. */
#define PAIRS_PAY 64

/* Rows as bytes: row i is about step[i] * q, by at most `off` in length. */
typedef struct pairs_bytes {
    int8_t *q;
    float *step;
    double off;
} pairs_bytes;

typedef struct pairs_job {
    const float *q, *x;
    size_t m, n, dim, blocks, phase;
    espy_pairs_visit *visit;
    void *self;
    double error;   /* of products in f32 */
    float *scratch; /* a tile for each worker */
    pairs_bytes bytes;
    int32_t *sums; /* likewise, of bytes; NULL: products in f32 */
    atomic_size_t looked;
} pairs_job;

static size_t pairs_min(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How far a product of two rows of length at most 1 may be from the exact one of the rows before
 * they were rounded to f32: (dim + 16) 2^-24 (Higham 2002, section 3.1), whatever the order of the
 * sum; and two lengths. */
static double pairs_error(size_t dim, bool unit)
{
    return (double)(dim + 16) * 0x1p-24 + (unit ? 0x1p-18 : 0);
}

/* Exact sums of bytes, scaled. */
static espy_err pairs_coarse(espy_ctx *cx, const pairs_job *job, const espy_pairs_tile *t, float *v,
                             unsigned worker)
{
    int32_t *sums = job->sums + (size_t)worker * ESPY_PAIRS_SIDE * ESPY_PAIRS_SIDE;
    const float *step = job->bytes.step + t->column;

    ESPY_TRY(espy_gemm_bytes(cx, t->rows, t->columns, job->dim, job->bytes.q + t->row * job->dim,
                             job->dim, job->bytes.q + t->column * job->dim, job->dim, sums,
                             t->columns));
    for (size_t r = 0; r < t->rows; r++) {
        float mine = job->bytes.step[t->row + r];
        for (size_t c = 0; c < t->columns; c++)
            v[r * t->columns + c] = (float)sums[r * t->columns + c] * (mine * step[c]);
    }
    return ESPY_E_OK;
}

static espy_err pairs_product(espy_ctx *cx, pairs_job *job, espy_pairs_tile *t, unsigned worker)
{
    float *v = job->scratch + (size_t)worker * ESPY_PAIRS_SIDE * ESPY_PAIRS_SIDE;
    double error = job->error;

    if (job->sums) {
        /* |xy - x'y'| <= |x - x'| |y| + |x'| |y - y'|; 2^-20 is for the roundings in f32 */
        error += job->bytes.off * (2.001 + job->bytes.off) + 0x1p-20;
        ESPY_TRY(pairs_coarse(cx, job, t, v, worker));
    } else {
        ESPY_TRY(espy_gemm(cx, false, true, t->rows, t->columns, job->dim, 1,
                           job->q + t->row * job->dim, job->dim, job->x + t->column * job->dim,
                           job->dim, 0, v, t->columns));
    }
    t->v = v;
    t->error = nextafterf((float)error, INFINITY);
    ESPY_TRY(job->visit(cx, job->self, t, worker));
    atomic_fetch_add(&job->looked, t->looked);
    return ESPY_E_OK;
}

/* The item-th pair i <= j of the phase: first those whose sum is the phase, i = 0 .. phase / 2,
 * then those whose sum is the phase + b, from i = phase + 1 on. */
static espy_err pairs_meet(espy_ctx *cx, void *self, size_t item, unsigned worker)
{
    pairs_job *job = self;
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

/* Rounds each row to bytes of its own step. */
static void pairs_round(const float *x, size_t n, size_t dim, pairs_bytes *b)
{
    b->off = 0;
    for (size_t i = 0; i < n; i++, x += dim) {
        int8_t *q = b->q + i * dim;
        float most = 0;
        double off = 0;
        for (size_t d = 0; d < dim; d++)
            most = fmaxf(most, fabsf(x[d]));
        float step = most > 0 ? most / 127 : 1;
        for (size_t d = 0; d < dim; d++) {
            int v = (int)(x[d] / step + (x[d] < 0 ? -0.5F : 0.5F));
            v = v > 127 ? 127 : v < -127 ? -127 : v;
            q[d] = (int8_t)v;
            off += ((double)x[d] - v * (double)step) * ((double)x[d] - v * (double)step);
        }
        b->step[i] = step;
        b->off = fmax(b->off, sqrt(off));
    }
}

static espy_err pairs_start(espy_ctx *cx, pairs_job *job, bool bytes)
{
    size_t tiles = (size_t)espy_pool_size(cx->pool) * ESPY_PAIRS_SIDE * ESPY_PAIRS_SIDE;

    job->scratch = espy_floats(cx, tiles);
    if (!job->scratch)
        return ESPY_E_NOMEM;
    if (!bytes)
        return ESPY_E_OK;
    if (!(job->bytes.q = espy_array(cx, job->n, job->dim)) ||
        !(job->bytes.step = espy_floats(cx, job->n)) ||
        !(job->sums = espy_array(cx, tiles, sizeof *job->sums)))
        return ESPY_E_NOMEM;
    pairs_round(job->x, job->n, job->dim, &job->bytes);
    return ESPY_E_OK;
}

static void pairs_no_bytes(espy_ctx *cx, pairs_job *job)
{
    espy_free(cx, job->bytes.q);
    espy_free(cx, job->bytes.step);
    espy_free(cx, job->sums);
    job->bytes = (pairs_bytes){0};
    job->sums = NULL;
}

espy_err espy_pairs_all(espy_ctx *cx, const float *x, size_t n, size_t dim, bool unit,
                        const char *stage, const espy_progress *progress, espy_pairs_visit *visit,
                        void *self)
{
    pairs_job job = {.q = x, .x = x, .m = n, .n = n, .dim = dim, .visit = visit, .self = self};
    espy_err e;

    job.error = pairs_error(dim, unit);
    job.blocks = (n + ESPY_PAIRS_SIDE - 1) / ESPY_PAIRS_SIDE;
    ESPY_GO(pairs_start(cx, &job, job.blocks > 1 && dim <= 1u << 16 && espy_gemm_bytes_ready()));
    for (; job.phase < job.blocks; job.phase++) {
        size_t low = job.phase / 2 + 1, high = (job.blocks - job.phase) / 2;
        atomic_store(&job.looked, 0);
        ESPY_GO(espy_parallel(cx, low + high, pairs_meet, &job));
        if (atomic_load(&job.looked) > n * ESPY_PAIRS_SIDE / 2 / PAIRS_PAY)
            pairs_no_bytes(cx, &job);
        espy_progress_step(progress, stage, job.phase + 1, job.blocks);
    }
out:
    pairs_no_bytes(cx, &job);
    espy_free(cx, job.scratch);
    return e;
}

static espy_err pairs_row(espy_ctx *cx, void *self, size_t item, unsigned worker)
{
    pairs_job *job = self;
    espy_pairs_tile t = {.row = item * ESPY_PAIRS_SOME};

    t.rows = pairs_min(ESPY_PAIRS_SOME, job->m - t.row);
    for (; t.column < job->n; t.column += ESPY_PAIRS_SIDE) {
        t.columns = pairs_min(ESPY_PAIRS_SIDE, job->n - t.column);
        ESPY_TRY(pairs_product(cx, job, &t, worker));
    }
    return ESPY_E_OK;
}

espy_err espy_pairs_some(espy_ctx *cx, const float *q, size_t m, const float *x, size_t n,
                         size_t dim, bool unit, espy_pairs_visit *visit, void *self)
{
    pairs_job job = {.q = q, .x = x, .m = m, .n = n, .dim = dim, .visit = visit, .self = self};
    espy_err e;

    job.error = pairs_error(dim, unit);
    ESPY_GO(pairs_start(cx, &job, false));
    ESPY_GO(espy_parallel(cx, (m + ESPY_PAIRS_SOME - 1) / ESPY_PAIRS_SOME, pairs_row, &job));
out:
    espy_free(cx, job.scratch);
    return e;
}

espy_err espy_pairs_lengths(espy_ctx *cx, const float *x, size_t n, size_t dim, double *scale,
                            bool *unit)
{
    espy_kern kern;

    espy_kern_init(&kern, espy_cpu_detect());
    *unit = true;
    for (size_t i = 0; i < n; i++) {
        double length = sqrt(kern.dot_double(x + i * dim, x + i * dim, dim));
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
