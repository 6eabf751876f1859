/* SPDX-License-Identifier: Apache-2.0
 * learn - cosines to a gallery in blocks of one matrix product each, so that memory stays small
 * whatever the gallery.  Blocks have fixed sizes: results do not depend on threads. */
#include "learn/gallery.h"

#include <math.h>
#include <string.h>

#include "base/pool.h"
#include "gemm/gemm.h"
#include "kern/kern.h"

enum {
    GALLERY_QUERIES = 64,  /* rows of a block */
    GALLERY_COLUMNS = 2048 /* gallery rows of a block */
};

static size_t gallery_min(size_t a, size_t b)
{
    return a < b ? a : b;
}

typedef struct gallery_job {
    const espy_rows *gallery;
    const float *q;
    const size_t *own; /* the row that is the query itself; NULL: none is */
    size_t n, k, queries;
    float *score;
    espy_gallery_spread *part; /* one per block of rows */
} gallery_job;

/* Keeps the k largest of a label in descending order; the first unused place holds -2. */
static void gallery_insert(float *top, size_t k, float v)
{
    if (v <= top[k - 1])
        return;
    size_t at = k - 1;
    for (; at > 0 && top[at - 1] < v; at--)
        top[at] = top[at - 1];
    top[at] = v;
}

static espy_err gallery_block(espy_ctx *cx, void *self, size_t item, unsigned worker)
{
    const gallery_job *job = self;
    const espy_rows *g = job->gallery;
    size_t first = item * job->queries, rows = gallery_min(job->queries, job->n - first);
    size_t room, k = job->k;
    espy_err e = ESPY_E_NOMEM;
    float *cosine = NULL, *top = NULL;
    (void)worker;

    if (!espy_mul_size(rows * k, g->classes, &room))
        return espy_fail(cx, ESPY_E_LIMIT, "%zu labels are too many", g->classes);
    if (!(cosine = espy_floats(cx, rows * gallery_min(GALLERY_COLUMNS, g->n))) ||
        !(top = espy_array(cx, room, sizeof *top)))
        goto out;
    for (size_t i = 0; i < room; i++)
        top[i] = -2;
    for (size_t at = 0; at < g->n; at += GALLERY_COLUMNS) {
        size_t cols = gallery_min(GALLERY_COLUMNS, g->n - at);
        ESPY_GO(espy_gemm(cx, false, true, rows, cols, g->dim, 1, job->q + first * g->dim, g->dim,
                          g->x + at * g->dim, g->dim, 0, cosine, cols));
        for (size_t i = 0; job->own && i < rows; i++)
            if (job->own[first + i] >= at && job->own[first + i] - at < cols)
                cosine[i * cols + job->own[first + i] - at] = -2;
        for (size_t i = 0; i < rows; i++)
            for (size_t j = 0; j < cols; j++)
                gallery_insert(top + (i * g->classes + g->y[at + j]) * k, k, cosine[i * cols + j]);
    }
    for (size_t i = 0; i < rows * g->classes; i++) {
        double sum = 0;
        size_t m = 0;
        for (; m < k && top[i * k + m] > -2; m++)
            sum += top[i * k + m];
        job->score[first * g->classes + i] = m ? (float)(sum / (double)m) : -2;
    }
    e = ESPY_E_OK;
out:
    espy_free(cx, cosine);
    espy_free(cx, top);
    return e;
}

espy_err espy_gallery_others(espy_ctx *cx, const espy_rows *gallery, const float *q,
                             const size_t *own, size_t n, size_t k, float *score)
{
    /* A label cannot give more than it has; the cap keeps the scratch small. */
    gallery_job job = {.gallery = gallery, .q = q, .own = own, .n = n, .score = score};

    job.k = k < 1 ? 1 : gallery_min(k, gallery->n);
    job.queries = GALLERY_QUERIES;
    while (job.queries > 1 && job.queries * job.k * gallery->classes > 4u << 20)
        job.queries /= 2;
    return espy_parallel(cx, (n + job.queries - 1) / job.queries, gallery_block, &job);
}

espy_err espy_gallery_top(espy_ctx *cx, const espy_rows *gallery, const float *q, size_t n,
                          size_t k, float *score)
{
    return espy_gallery_others(cx, gallery, q, NULL, n, k, score);
}

espy_err espy_gallery_nearest(espy_ctx *cx, const espy_rows *gallery, const float *q, size_t n,
                              float *best)
{
    return espy_gallery_top(cx, gallery, q, n, 1, best);
}

static espy_err gallery_pairs(espy_ctx *cx, void *self, size_t item, unsigned worker)
{
    const gallery_job *job = self;
    const espy_rows *g = job->gallery;
    size_t first = item * GALLERY_QUERIES, rows = gallery_min(GALLERY_QUERIES, g->n - first);
    espy_gallery_spread *part = &job->part[item];
    double sum = 0, squares = 0;
    espy_err e = ESPY_E_OK;
    (void)worker;

    float *cosine = espy_floats(cx, rows * gallery_min(GALLERY_COLUMNS, g->n));
    if (!cosine)
        return ESPY_E_NOMEM;
    *part = (espy_gallery_spread){.largest = -1};
    for (size_t at = first; at < g->n; at += GALLERY_COLUMNS) {
        size_t cols = gallery_min(GALLERY_COLUMNS, g->n - at);
        ESPY_GO(espy_gemm(cx, false, true, rows, cols, g->dim, 1, g->x + first * g->dim, g->dim,
                          g->x + at * g->dim, g->dim, 0, cosine, cols));
        for (size_t i = 0; i < rows; i++)
            for (size_t j = 0; j < cols; j++) {
                if (at + j <= first + i || g->y[at + j] == g->y[first + i])
                    continue;
                float v = cosine[i * cols + j];
                if (v > part->largest)
                    part->largest = v;
                sum += v;
                squares += (double)v * v;
                part->pairs++;
            }
    }
    /* Sums for now; the caller turns them into moments. */
    part->mean = sum;
    part->sd = squares;
out:
    espy_free(cx, cosine);
    return e;
}

espy_err espy_gallery_between(espy_ctx *cx, const espy_rows *gallery, espy_gallery_spread *out)
{
    size_t blocks = (gallery->n + GALLERY_QUERIES - 1) / GALLERY_QUERIES;
    gallery_job job = {.gallery = gallery};
    espy_gallery_spread all = {.largest = -1};

    job.part = espy_array(cx, blocks, sizeof *job.part);
    if (!job.part)
        return ESPY_E_NOMEM;
    espy_err e = espy_parallel(cx, blocks, gallery_pairs, &job);
    if (e == ESPY_E_OK) {
        for (size_t b = 0; b < blocks; b++) {
            all.largest = fmaxf(all.largest, job.part[b].largest);
            all.mean += job.part[b].mean;
            all.sd += job.part[b].sd;
            all.pairs += job.part[b].pairs;
        }
        if (all.pairs > 0) {
            all.mean /= all.pairs;
            all.sd = sqrt(fmax(0, all.sd / all.pairs - all.mean * all.mean));
        }
        if (all.largest > 1)
            all.largest = 1;
        *out = all;
    }
    espy_free(cx, job.part);
    return e;
}
