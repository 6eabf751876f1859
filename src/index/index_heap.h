/* SPDX-License-Identifier: Apache-2.0
 * index - a score and a place in one number, and heaps of such numbers.
 *
 * Keys are in order of score, the lower place first among equals, so that "the k best" is one set
 * whoever gathers it and in whatever order. */
#ifndef ESPY_INDEX_INDEX_HEAP_H
#define ESPY_INDEX_INDEX_HEAP_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t index_key(float score, uint32_t slot)
{
    uint32_t bits;
    memcpy(&bits, &score, sizeof bits);
    bits ^= bits >> 31 ? UINT32_MAX : UINT32_C(1) << 31; /* as unsigned in the order of floats */
    return (uint64_t)bits << 32 | (UINT32_MAX - slot);
}

static inline uint32_t index_key_slot(uint64_t key)
{
    return UINT32_MAX - (uint32_t)key;
}

static inline float index_key_score(uint64_t key)
{
    uint32_t bits = (uint32_t)(key >> 32);
    float score;
    bits ^= bits >> 31 ? UINT32_C(1) << 31 : UINT32_MAX;
    memcpy(&score, &bits, sizeof score);
    return score;
}

/* The least key is at[0].  Room is the owner's business. */
typedef struct index_heap {
    uint64_t *at;
    size_t n;
} index_heap;

static inline void index_heap_push(index_heap *h, uint64_t key)
{
    size_t i = h->n++;
    for (size_t up; i > 0 && h->at[up = (i - 1) / 2] > key; i = up)
        h->at[i] = h->at[up];
    h->at[i] = key;
}

/* Puts a key in the place of the least one. */
static inline void index_heap_replace(index_heap *h, uint64_t key)
{
    size_t i = 0;
    for (size_t down; (down = 2 * i + 1) < h->n; i = down) {
        down += down + 1 < h->n && h->at[down + 1] < h->at[down];
        if (h->at[down] >= key)
            break;
        h->at[i] = h->at[down];
    }
    h->at[i] = key;
}

static inline uint64_t index_heap_pop(index_heap *h)
{
    uint64_t least = h->at[0];
    if (--h->n > 0)
        index_heap_replace(h, h->at[h->n]);
    return least;
}

/* Keeps the `most` greatest keys. */
static inline void index_heap_keep(index_heap *h, uint64_t key, size_t most)
{
    if (h->n < most)
        index_heap_push(h, key);
    else if (key > h->at[0])
        index_heap_replace(h, key);
}

/* Empties the heap into its own array, the greatest first; returns how many. */
static inline size_t index_heap_sort(index_heap *h)
{
    size_t n = h->n;
    while (h->n > 0) {
        size_t last = h->n - 1;
        h->at[last] = index_heap_pop(h);
    }
    return n;
}

#endif
