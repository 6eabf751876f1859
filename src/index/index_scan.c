/* SPDX-License-Identifier: Apache-2.0
 * index - the exact search: scores of whole blocks, of which few enter the heaps.
 *
 * Each worker has a heap per query, and whichever takes which blocks, the best of all heaps
 * together are the same. */
#include <math.h>

#include "base/pool.h"
#include "index/index_parts.h"

enum {
    SCAN_TILE = 4,  /* blocks whose scores are at hand at once */
    SCAN_ITEM = 64, /* blocks of a piece of work */
};

typedef struct scan_worker {
    index_heap *heaps; /* one per query */
    float *scores;     /* queries x SCAN_TILE blocks */
} scan_worker;

typedef struct scan_job {
    const index_hunt *hunt;
    size_t blocks;
    scan_worker *workers;
} scan_job;

static bool scan_any(const float *scores, float limit)
{
    int any = 0;
    for (size_t r = 0; r < ESPY_NEAR_ROWS; r++)
        any |= scores[r] >= limit;
    return any;
}

/* The scores of one block and one query; first: the slot of the block's first row. */
static void scan_offer(const index_hunt *hunt, index_heap *heap, const float *scores, size_t first)
{
    const espy_index *ix = hunt->ix;
    const espy_index_query *q = hunt->query;
    float limit = heap->n < hunt->want ? -INFINITY : index_key_score(heap->at[0]);

    if (!scan_any(scores, limit))
        return;
    for (size_t r = 0; r < ESPY_NEAR_ROWS && first + r < ix->n; r++) {
        if (!(scores[r] >= limit))
            continue;
        uint64_t key = index_key(scores[r], (uint32_t)(first + r));
        if (heap->n == hunt->want && key < heap->at[0])
            continue;
        if (q->allowed && !q->allowed(q->self, ix->ids[first + r]))
            continue;
        index_heap_keep(heap, key, hunt->want);
        if (heap->n == hunt->want)
            limit = index_key_score(heap->at[0]);
    }
}

static espy_err scan_item(espy_ctx *cx, void *self, size_t item, unsigned worker)
{
    (void)cx;
    const scan_job *job = self;
    const index_hunt *hunt = job->hunt;
    const espy_index *ix = hunt->ix;
    scan_worker *w = &job->workers[worker];
    size_t end = (item + 1) * SCAN_ITEM < job->blocks ? (item + 1) * SCAN_ITEM : job->blocks;

    for (size_t b = item * SCAN_ITEM; b < end; b += SCAN_TILE) {
        size_t n = end - b < SCAN_TILE ? end - b : SCAN_TILE;
        ix->near.tile(ix->codes + b * ESPY_NEAR_ROWS * ix->record, n, hunt->codes, hunt->n,
                      ix->words, w->scores);
        for (size_t q = 0; q < hunt->n; q++)
            for (size_t i = 0; i < n; i++)
                scan_offer(hunt, &w->heaps[q], w->scores + (q * n + i) * ESPY_NEAR_ROWS,
                           (b + i) * ESPY_NEAR_ROWS);
    }
    return ESPY_E_OK;
}

/* The best of all workers' heaps become the hunt's keys. */
static void scan_merge(const scan_job *job, size_t workers)
{
    const index_hunt *hunt = job->hunt;
    for (size_t q = 0; q < hunt->n; q++) {
        index_heap all = {hunt->keys + q * hunt->want, 0};
        for (size_t w = 0; w < workers; w++)
            for (size_t i = 0; i < job->workers[w].heaps[q].n; i++)
                index_heap_keep(&all, job->workers[w].heaps[q].at[i], hunt->want);
        hunt->counts[q] = index_heap_sort(&all);
    }
}

espy_err espy_index_scan(espy_ctx *cx, const index_hunt *hunt)
{
    const size_t workers = espy_pool_size(cx->pool), n = hunt->n;
    scan_job job = {hunt, (hunt->ix->n + ESPY_NEAR_ROWS - 1) / ESPY_NEAR_ROWS, NULL};
    espy_err e = ESPY_E_OK;
    index_heap *heaps = espy_array(cx, workers * n, sizeof *heaps);
    uint64_t *keys = heaps ? espy_array(cx, workers * n * hunt->want, sizeof *keys) : NULL;
    float *scores = keys ? espy_floats(cx, workers * n * SCAN_TILE * ESPY_NEAR_ROWS) : NULL;
    job.workers = scores ? espy_array(cx, workers, sizeof *job.workers) : NULL;
    if (!job.workers) {
        e = cx->code;
        goto out;
    }
    for (size_t i = 0; i < workers * n; i++)
        heaps[i].at = keys + i * hunt->want;
    for (size_t w = 0; w < workers; w++)
        job.workers[w] = (scan_worker){heaps + w * n, scores + w * n * SCAN_TILE * ESPY_NEAR_ROWS};
    ESPY_GO(espy_parallel(cx, (job.blocks + SCAN_ITEM - 1) / SCAN_ITEM, scan_item, &job));
    scan_merge(&job, workers);
out:
    espy_free(cx, job.workers);
    espy_free(cx, scores);
    espy_free(cx, keys);
    espy_free(cx, heaps);
    return e;
}
