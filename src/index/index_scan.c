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

/* n scores of one query; first: the slot of the first of them. */
static void scan_offer(const index_hunt *hunt, index_heap *heap, const float *scores, size_t n,
                       size_t first, uint32_t *at)
{
    const espy_index *ix = hunt->ix;
    const espy_index_query *q = hunt->query;
    const float limit = heap->n < hunt->want ? -INFINITY : index_key_score(heap->at[0]);
    const size_t found = ix->kern.reach(scores, n, limit, at);

    for (size_t i = 0; i < found; i++) {
        const size_t slot = first + at[i];
        const uint64_t key = index_key(scores[at[i]], (uint32_t)slot);
        if (heap->n == hunt->want && key < heap->at[0])
            continue;
        if (!q->allowed || q->allowed(q->self, ix->ids[slot]))
            index_heap_keep(heap, key, hunt->want);
    }
}

static espy_err scan_item(espy_ctx *cx, void *self, size_t item, unsigned worker)
{
    (void)cx;
    const scan_job *job = self;
    const index_hunt *hunt = job->hunt;
    const espy_index *ix = hunt->ix;
    scan_worker *w = &job->workers[worker];
    uint32_t at[SCAN_TILE * ESPY_NEAR_ROWS];
    size_t end = (item + 1) * SCAN_ITEM < job->blocks ? (item + 1) * SCAN_ITEM : job->blocks;

    for (size_t b = item * SCAN_ITEM; b < end; b += SCAN_TILE) {
        size_t n = end - b < SCAN_TILE ? end - b : SCAN_TILE;
        ix->near.tile(ix->codes + b * ESPY_NEAR_ROWS * ix->record, n, hunt->codes, hunt->n,
                      ix->words, w->scores);
        const size_t first = b * ESPY_NEAR_ROWS, rows = n * ESPY_NEAR_ROWS;
        const size_t there = ix->n - first < rows ? ix->n - first : rows;
        for (size_t q = 0; q < hunt->n; q++)
            scan_offer(hunt, &w->heaps[q], w->scores + q * rows, there, first, at);
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
