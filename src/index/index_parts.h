/* SPDX-License-Identifier: Apache-2.0
 * index - what its files share.  A vector has a slot, 0..n-1, by which everything is found. */
#ifndef ESPY_INDEX_INDEX_PARTS_H
#define ESPY_INDEX_INDEX_PARTS_H

#include "base/mem.h"
#include "index/index.h"
#include "index/index_heap.h"
#include "kern/kern.h"

/* Slots by id: open addressing, filled while the index changes. */
typedef struct index_table {
    uint32_t *at; /* size cells: 0 never used, 1 given up, else slot + 2 */
    size_t size;  /* a power of two, or 0 */
    size_t used;  /* cells that are not 0 */
} index_table;

struct espy_index {
    espy_index_options opt;
    size_t dim;
    size_t words, stride; /* of a code (kern/near.h) */
    size_t record;        /* words that a vector takes in codes */
    espy_kern kern;
    espy_near near; /* of opt.kind */

    size_t n, room;  /* slots used and there */
    size_t gone;     /* slots of a graph whose vectors were taken out */
    uint32_t *codes; /* SCAN: blocks; GRAPH: a record per slot (index_graph.c) */
    int64_t *ids;
    float *rows;     /* room x dim vectors of length 1, or NULL */
    uint32_t *upper; /* GRAPH: links of all layers but the lowest */
    size_t upper_n, upper_room;
    uint32_t entry, top; /* GRAPH: where walks begin, in the highest layer */

    index_table table;
    bool borrowed; /* codes, ids, rows and upper point into a file's bytes */
    void *map;     /* those bytes where they are mapped, else NULL */
    size_t map_bytes;
};

/* --- index.c --- */

/* An index of n vectors without any array; what options and dim say is checked. */
espy_err espy_index_shape(espy_ctx *cx, size_t dim, const espy_index_options *options,
                          espy_index *out) ESPY_NODISCARD;

/* Bytes that n vectors take in codes. */
size_t espy_index_code_bytes(const espy_index *ix, size_t n);

/* --- index_table.c --- */

#define ESPY_INDEX_NONE UINT32_MAX
uint32_t espy_index_find(const espy_index *ix, int64_t id); /* slot or NONE */
espy_err espy_index_table_reserve(espy_ctx *cx, espy_index *ix, size_t more) ESPY_NODISCARD;
bool espy_index_table_put(espy_index *ix, uint32_t slot); /* by ids[slot]; false: it is there */
void espy_index_table_drop(espy_index *ix, int64_t id);
void espy_index_table_move(espy_index *ix, int64_t id, uint32_t slot);

/* --- searches: of each query the best keys, in order ---
 *   codes  n codes of queries
 *   want   most keys of a query
 *   keys   n x want; counts: n, how many there are of each */
typedef struct index_hunt {
    const espy_index *ix;
    const espy_index_query *query;
    const uint32_t *codes;
    size_t n, want;
    uint64_t *keys;
    size_t *counts;
} index_hunt;

espy_err espy_index_scan(espy_ctx *cx, const index_hunt *hunt) ESPY_NODISCARD;
espy_err espy_index_walk(espy_ctx *cx, const index_hunt *hunt) ESPY_NODISCARD;

/* --- index_graph.c --- */

size_t espy_index_graph_record(const espy_index *ix); /* words of a record */
uint32_t *espy_index_graph_code(const espy_index *ix, uint32_t slot);
size_t espy_index_graph_upper(const espy_index *ix, size_t from, size_t to); /* words of slots */
bool espy_index_graph_gone(const espy_index *ix, uint32_t slot);
void espy_index_graph_drop(espy_index *ix, uint32_t slot); /* takes it out */

/* Links the `count` slots behind the last, whose codes are in place and whose storage is there, and
 * counts them in; at most ESPY_INDEX_BATCH.  On failure the index is as it was. */
#define ESPY_INDEX_BATCH 512
espy_err espy_index_graph_link(espy_ctx *cx, espy_index *ix, size_t count) ESPY_NODISCARD;

/* Whether all links lead to where there is something; FORMAT. */
espy_err espy_index_graph_check(espy_ctx *cx, const espy_index *ix) ESPY_NODISCARD;

/* --- index_file.c --- */

/* An index over the bytes of a file, which must stay and begin at a multiple of 8.  Everything but
 * the digests is checked. */
espy_err espy_index_parse(espy_ctx *cx, espy_span file, espy_index **out) ESPY_NODISCARD;

#endif
