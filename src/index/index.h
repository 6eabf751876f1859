/* SPDX-License-Identifier: Apache-2.0
 * index - nearest vectors by cosine.
 *
 * Two searches over three kinds of storage behind one interface:
 *   SCAN   looks at every vector, many queries at a time, and misses none
 *   GRAPH  walks a hierarchical navigable small world (Malkov, Yashunin 2016): looks at a few
 *          thousand of a million, and misses a few; espy_index_choose() says when it pays
 * F32 keeps vectors as they are; BF16 and INT8 (kern/near.h) take a half and a quarter of the
 * memory and of the time.  With `keep` the f32 vectors stay beside them, and put the best
 * candidates in order: then INT8 answers as F32 does.
 *
 * Bytes of a vector of d values, d a multiple of 64, with 8 of its id and about 8 of the table that
 * finds the id while the index changes:
 *            SCAN             GRAPH with M links
 *   F32      4d               4d + 8M + 8, rounded up to 64, and 4(M + 1)/(M - 1)
 *   BF16     2d (+ 4d kept)   2d + ...
 *   INT8     d + 4 (+ 4d)     d + 4 + ...
 *
 * Threads: search from many at once, or change from one.  The same calls give the same index and
 * the same hits, bit by bit, on any number of threads.
 * File: docs/formats/index.md. */
#ifndef ESPY_INDEX_INDEX_H
#define ESPY_INDEX_INDEX_H

#include "base/ctx.h"
#include "kern/near.h"

#define ESPY_INDEX_DIM 65536         /* most values of a vector */
#define ESPY_INDEX_MOST (1u << 31)   /* most vectors */
#define ESPY_INDEX_LINKS 128         /* most links of a vector to be asked for */
#define ESPY_INDEX_EFFORT (1u << 20) /* most candidates of a walk */

typedef struct espy_index espy_index;

typedef enum espy_index_method { ESPY_INDEX_SCAN, ESPY_INDEX_GRAPH } espy_index_method;

typedef struct espy_index_options {
    espy_near_kind kind;
    espy_index_method method;
    bool keep;       /* BF16, INT8: keep the f32 vectors too */
    uint32_t links;  /* GRAPH: M, links that a vector gets in each layer, twice that in the lowest;
                        0: 16; 2..ESPY_INDEX_LINKS */
    uint32_t effort; /* GRAPH: efConstruction, candidates while it is built; 0: 200 */
} espy_index_options;

typedef struct espy_hit {
    int64_t id;
    float cosine; /* -1..1 but for rounding */
} espy_hit;

typedef struct espy_index_query {
    size_t k;      /* hits wanted; at least 1 */
    size_t effort; /* GRAPH: ef, candidates of the walk, at least k is taken; 0: 64 */
    /* Whether a vector may be a hit, asked from several threads; NULL: all may. */
    bool (*allowed)(const void *self, int64_t id);
    const void *self;
} espy_index_query;

/* The method that costs less CPU time, building included, for n vectors of `dim` values that are
 * asked for the nearest `queries` times until they are built anew, where 99 of 100 nearest ones are
 * to be found: docs/decisions/014-index-choice.md. */
espy_index_method espy_index_choose(size_t n, size_t dim, size_t queries);

/* An empty index.  Errors: ARG (dim, options), NOMEM. */
espy_err espy_index_create(espy_ctx *cx, size_t dim, const espy_index_options *options,
                           espy_index **out) ESPY_NODISCARD;
void espy_index_destroy(espy_ctx *cx, espy_index **index);

size_t espy_index_count(const espy_index *index); /* vectors that can be found */
size_t espy_index_dim(const espy_index *index);
espy_index_options espy_index_settings(const espy_index *index); /* options, zeros replaced */

/* Adds n vectors (n x dim, of any length but 0).  A graph is built on the pool of the context, and
 * sooner for many vectors in one call.  An opened index is copied into memory first, as for every
 * change.
 * Errors: EXISTS (an id that is there or comes twice), DATA (not finite, all zero), LIMIT: nothing
 * was added.  NOMEM, CANCELLED: espy_index_count() tells how many of the first were. */
espy_err espy_index_add(espy_ctx *cx, espy_index *index, const int64_t *ids, const float *vectors,
                        size_t n) ESPY_NODISCARD;

/* Takes a vector out.  In a graph its values stay to lead others by, also in the file, until
 * espy_index_compact(), which builds the graph anew without them: call it when a third is gone, or
 * when it must be forgotten.  Errors: NOT_FOUND; NOMEM. */
espy_err espy_index_remove(espy_ctx *cx, espy_index *index, int64_t id) ESPY_NODISCARD;
espy_err espy_index_compact(espy_ctx *cx, espy_index *index) ESPY_NODISCARD;

/* The nearest vectors of each of n queries (n x dim, of any length but 0), on the pool of the
 * context.
 *   hits   n x k; of query i from i * k on, the nearest first
 *   found  n: how many there are; fewer than k only when fewer may be hits, or in a graph cannot be
 *          reached
 * Errors: DATA (a query that is not finite or all zero), ARG, NOMEM, CANCELLED. */
espy_err espy_index_search(espy_ctx *cx, const espy_index *index, const float *queries, size_t n,
                           const espy_index_query *query, espy_hit *hits,
                           size_t *found) ESPY_NODISCARD;

/* Writes a file, complete or not at all (espy_file_write).  Errors: IO, NOMEM. */
espy_err espy_index_save(espy_ctx *cx, const espy_index *index, const char *path) ESPY_NODISCARD;

/* Opens a file where it lies: it is mapped, looked through once for damage, and read as searches
 * need it.  Replace the file by renaming, as espy_index_save() does; never write into it.
 * Errors: NOT_FOUND, IO, FORMAT (not an index, cut, damaged), NOMEM. */
espy_err espy_index_open(espy_ctx *cx, const char *path, espy_index **out) ESPY_NODISCARD;

#endif
