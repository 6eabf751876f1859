/* SPDX-License-Identifier: Apache-2.0
 * index - vectors come in, change into codes and take their places; queries are answered. */
#include "index/index.h"

#include <math.h>
#include <string.h>
#include <sys/mman.h>

#include "base/pool.h"
#include "index/index_parts.h"

enum {
    INDEX_SLAB = 128, /* queries that are answered together */
    INDEX_SPARE = 16, /* candidates looked at again beyond twice the hits wanted */
    INDEX_LINKS_DEFAULT = 16,
    INDEX_BUILD_DEFAULT = 200,
    INDEX_WALK_DEFAULT = 64
};

/* --- making ----------------------------------------------------------------------------------- */

espy_err espy_index_shape(espy_ctx *cx, size_t dim, const espy_index_options *options,
                          espy_index *out)
{
    espy_index ix = {.opt = *options, .dim = dim};
    espy_near near[ESPY_NEAR_KINDS];
    static const size_t values[ESPY_NEAR_KINDS] = {1, 2, 4}; /* of a word */

    if (dim < 1 || dim > ESPY_INDEX_DIM)
        return espy_fail(cx, ESPY_E_ARG, "vectors of %zu values: an index takes 1 to %d", dim,
                         ESPY_INDEX_DIM);
    if ((unsigned)ix.opt.kind >= ESPY_NEAR_KINDS || (unsigned)ix.opt.method > ESPY_INDEX_GRAPH)
        return espy_fail(cx, ESPY_E_ARG, "an index has no kind %d with method %d", (int)ix.opt.kind,
                         (int)ix.opt.method);
    ix.opt.keep = ix.opt.keep && ix.opt.kind != ESPY_NEAR_F32;
    if (ix.opt.method == ESPY_INDEX_SCAN)
        ix.opt.links = ix.opt.effort = 0;
    else {
        ix.opt.links = ix.opt.links ? ix.opt.links : INDEX_LINKS_DEFAULT;
        ix.opt.effort = ix.opt.effort ? ix.opt.effort : INDEX_BUILD_DEFAULT;
        if (ix.opt.links < 2 || ix.opt.links > ESPY_INDEX_LINKS ||
            ix.opt.effort > ESPY_INDEX_EFFORT)
            return espy_fail(cx, ESPY_E_ARG,
                             "a graph of %u links and effort %u: 2 to %d, and at most %u",
                             ix.opt.links, ix.opt.effort, ESPY_INDEX_LINKS, ESPY_INDEX_EFFORT);
    }
    size_t words = (dim + values[ix.opt.kind] - 1) / values[ix.opt.kind];
    ix.words = (words + ESPY_NEAR_ALIGN - 1) / ESPY_NEAR_ALIGN * ESPY_NEAR_ALIGN;
    ix.stride = espy_near_stride(ix.opt.kind, ix.words);
    ix.record = ix.opt.method == ESPY_INDEX_SCAN ? ix.stride : espy_index_graph_record(&ix);
    espy_kern_init(&ix.kern, espy_cpu_detect());
    espy_near_init(near, espy_cpu_detect());
    ix.near = near[ix.opt.kind];
    *out = ix;
    return ESPY_E_OK;
}

espy_err espy_index_create(espy_ctx *cx, size_t dim, const espy_index_options *options,
                           espy_index **out)
{
    espy_index *ix = espy_alloc(cx, sizeof *ix);
    if (!ix)
        return cx->code;
    espy_err e = espy_index_shape(cx, dim, options, ix);
    if (e == ESPY_E_OK)
        *out = ix;
    else
        espy_free(cx, ix);
    return e;
}

/* Gives back what an index holds, but not itself. */
static void index_empty(espy_ctx *cx, espy_index *ix)
{
    if (ix->map)
        munmap(ix->map, ix->map_bytes);
    if (!ix->borrowed) {
        espy_free(cx, ix->codes);
        espy_free(cx, ix->ids);
        espy_free(cx, ix->rows);
        espy_free(cx, ix->upper);
    }
    espy_free(cx, ix->table.at);
}

void espy_index_destroy(espy_ctx *cx, espy_index **index)
{
    if (!*index)
        return;
    index_empty(cx, *index);
    espy_free(cx, *index);
    *index = NULL;
}

size_t espy_index_count(const espy_index *ix)
{
    return ix->n - ix->gone;
}

size_t espy_index_dim(const espy_index *ix)
{
    return ix->dim;
}

espy_index_options espy_index_settings(const espy_index *ix)
{
    return ix->opt;
}

/* --- room ------------------------------------------------------------------------------------- */

size_t espy_index_code_bytes(const espy_index *ix, size_t n)
{
    if (ix->opt.method == ESPY_INDEX_SCAN)
        n = (n + ESPY_NEAR_ROWS - 1) / ESPY_NEAR_ROWS * ESPY_NEAR_ROWS;
    return n * ix->record * sizeof *ix->codes;
}

/* A copy of `used` bytes with room for `bytes`, on a line of the cache, the rest zero; bytes are a
 * multiple of 4. */
static void *index_copy(espy_ctx *cx, const void *from, size_t used, size_t bytes)
{
    void *to = espy_floats(cx, bytes / sizeof(float));
    if (to && used)
        memcpy(to, from, used);
    return to;
}

/* Storage of its own for `room` slots and `upper` words of links. */
static espy_err index_move(espy_ctx *cx, espy_index *ix, size_t room, size_t upper)
{
    const size_t row = ix->dim * sizeof *ix->rows, word = sizeof *ix->upper;
    uint32_t *codes = index_copy(cx, ix->codes, espy_index_code_bytes(ix, ix->n),
                                 espy_index_code_bytes(ix, room));
    int64_t *ids = codes ? index_copy(cx, ix->ids, ix->n * sizeof *ids, room * sizeof *ids) : NULL;
    uint32_t *links = ids ? index_copy(cx, ix->upper, ix->upper_n * word, upper * word) : NULL;
    float *rows = NULL;
    if (links && ix->opt.keep)
        rows = index_copy(cx, ix->rows, ix->n * row, room * row);
    if (!links || (ix->opt.keep && !rows)) {
        espy_free(cx, codes);
        espy_free(cx, ids);
        espy_free(cx, links);
        return cx->code;
    }
    index_table table = ix->table;
    ix->table.at = NULL;
    index_empty(cx, ix);
    ix->table = table;
    ix->codes = codes;
    ix->ids = ids;
    ix->rows = rows;
    ix->upper = links;
    ix->room = room;
    ix->upper_room = upper;
    ix->borrowed = false;
    ix->map = NULL;
    ix->map_bytes = 0;
    return ESPY_E_OK;
}

/* Room for `more` vectors, in memory of the index's own. */
static espy_err index_reserve(espy_ctx *cx, espy_index *ix, size_t more)
{
    if (more > ESPY_INDEX_MOST - ix->n)
        return espy_fail(cx, ESPY_E_LIMIT, "an index takes at most %u vectors", ESPY_INDEX_MOST);
    size_t need = ix->n + more, upper = ix->upper_n;
    if (ix->opt.method == ESPY_INDEX_GRAPH)
        upper += espy_index_graph_upper(ix, ix->n, need);
    if (upper > UINT32_MAX)
        return espy_fail(cx, ESPY_E_LIMIT, "a graph of %zu vectors needs more links", need);
    if (ix->borrowed || need > ix->room || upper > ix->upper_room) {
        size_t room = need <= ix->room ? ix->room : ix->n ? need + need / 2 : need;
        room = (room + ESPY_NEAR_ROWS - 1) / ESPY_NEAR_ROWS * ESPY_NEAR_ROWS;
        ESPY_TRY(index_move(cx, ix, room, ix->upper_n ? upper + upper / 2 : upper));
    }
    return espy_index_table_reserve(cx, ix, more);
}

/* --- codes ------------------------------------------------------------------------------------ */

/* Brings x to length 1. */
static espy_err index_unit(espy_ctx *cx, const float *x, size_t dim, size_t number, float *unit)
{
    double sum = 0;
    for (size_t i = 0; i < dim; i++)
        sum += (double)x[i] * (double)x[i];
    if (!(sum > 0 && sum < (double)INFINITY))
        return espy_fail(cx, ESPY_E_DATA,
                         "vector %zu has no direction: its values are all zero or not finite",
                         number);
    double length = sqrt(sum);
    for (size_t i = 0; i < dim; i++)
        unit[i] = (float)((double)x[i] / length);
    return ESPY_E_OK;
}

static uint16_t index_bf16(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16); /* to nearest, ties to even */
}

static void index_encode_int8(const float *unit, size_t dim, size_t words, uint32_t *code)
{
    float most = 0;
    for (size_t i = 0; i < dim; i++)
        most = fabsf(unit[i]) > most ? fabsf(unit[i]) : most;
    const float scale = most / 127;
    for (size_t i = 0; i < dim; i++)
        code[i / 4] |= (uint32_t)(uint8_t)(int8_t)lrintf(unit[i] / scale) << 8 * (i % 4);
    memcpy(code + words, &scale, sizeof scale);
}

static void index_encode(const espy_index *ix, const float *unit, uint32_t *code)
{
    memset(code, 0, ix->stride * sizeof *code);
    switch (ix->opt.kind) {
    case ESPY_NEAR_BF16:
        for (size_t i = 0; i < ix->dim; i++)
            code[i / 2] |= (uint32_t)index_bf16(unit[i]) << 16 * (i % 2);
        break;
    case ESPY_NEAR_INT8:
        index_encode_int8(unit, ix->dim, ix->words, code);
        break;
    case ESPY_NEAR_F32:
    case ESPY_NEAR_KINDS:
        memcpy(code, unit, ix->dim * sizeof *unit);
        break;
    }
}

/* The first word of a code in blocks; the next is ESPY_NEAR_ROWS words further. */
static uint32_t *index_lane(const espy_index *ix, size_t slot)
{
    return ix->codes + slot / ESPY_NEAR_ROWS * ESPY_NEAR_ROWS * ix->record + slot % ESPY_NEAR_ROWS;
}

/* --- changes ---------------------------------------------------------------------------------- */

static void index_place(espy_index *ix, size_t slot, const float *unit, uint32_t *code)
{
    index_encode(ix, unit, code);
    if (ix->opt.method == ESPY_INDEX_GRAPH)
        memcpy(espy_index_graph_code(ix, (uint32_t)slot), code, ix->stride * sizeof *code);
    else
        for (size_t w = 0; w < ix->stride; w++)
            index_lane(ix, slot)[w * ESPY_NEAR_ROWS] = code[w];
    if (ix->rows)
        memcpy(ix->rows + slot * ix->dim, unit, ix->dim * sizeof *unit);
}

/* Counts in `count` vectors whose codes are in place behind the last. */
static espy_err index_commit(espy_ctx *cx, espy_index *ix, size_t count)
{
    if (ix->opt.method == ESPY_INDEX_GRAPH)
        return espy_index_graph_link(cx, ix, count);
    ix->n += count;
    return ESPY_E_OK;
}

/* Takes note of the ids of n vectors to come; all or none. */
static espy_err index_announce(espy_ctx *cx, espy_index *ix, const int64_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ix->ids[ix->n + i] = ids[i];
        if (espy_index_table_put(ix, (uint32_t)(ix->n + i)))
            continue;
        for (size_t put = 0; put < i; put++)
            espy_index_table_drop(ix, ids[put]);
        return espy_fail(cx, ESPY_E_EXISTS, "the id %lld is there already; remove it first",
                         (long long)ids[i]);
    }
    return ESPY_E_OK;
}

espy_err espy_index_add(espy_ctx *cx, espy_index *ix, const int64_t *ids, const float *vectors,
                        size_t n)
{
    espy_err e = ESPY_E_OK;
    size_t done = 0;
    float *unit = espy_floats(cx, ix->dim);
    uint32_t *code = unit ? espy_array(cx, ix->stride, sizeof *code) : NULL;
    if (!code) {
        e = cx->code;
        goto out;
    }
    for (size_t i = 0; i < n; i++)
        ESPY_GO(index_unit(cx, vectors + i * ix->dim, ix->dim, i, unit));
    ESPY_GO(index_reserve(cx, ix, n));
    ESPY_GO(index_announce(cx, ix, ids, n));
    while (done < n && e == ESPY_E_OK) {
        size_t count = n - done < ESPY_INDEX_BATCH ? n - done : ESPY_INDEX_BATCH;
        for (size_t i = 0; i < count && e == ESPY_E_OK; i++) {
            e = index_unit(cx, vectors + (done + i) * ix->dim, ix->dim, done + i, unit);
            index_place(ix, ix->n + i, unit, code);
        }
        if (e == ESPY_E_OK)
            e = index_commit(cx, ix, count);
        if (e == ESPY_E_OK)
            done += count;
    }
    for (; done < n; done++)
        espy_index_table_drop(ix, ids[done]);
out:
    espy_free(cx, unit);
    espy_free(cx, code);
    return e;
}

/* The last vector of a scan moves to where one was taken out. */
static void index_fill(espy_index *ix, uint32_t slot)
{
    const size_t last = --ix->n;
    uint32_t *to = index_lane(ix, slot), *from = index_lane(ix, last);
    for (size_t w = 0; w < ix->stride; w++) {
        to[w * ESPY_NEAR_ROWS] = from[w * ESPY_NEAR_ROWS];
        from[w * ESPY_NEAR_ROWS] = 0;
    }
    if (ix->rows)
        memmove(ix->rows + slot * ix->dim, ix->rows + last * ix->dim, ix->dim * sizeof *ix->rows);
    ix->ids[slot] = ix->ids[last];
    espy_index_table_move(ix, ix->ids[slot], slot);
}

espy_err espy_index_remove(espy_ctx *cx, espy_index *ix, int64_t id)
{
    ESPY_TRY(index_reserve(cx, ix, 0));
    uint32_t slot = espy_index_find(ix, id);
    if (slot == ESPY_INDEX_NONE)
        return espy_fail(cx, ESPY_E_NOT_FOUND, "the index has no id %lld", (long long)id);
    espy_index_table_drop(ix, id);
    if (ix->opt.method == ESPY_INDEX_GRAPH)
        espy_index_graph_drop(ix, slot);
    else
        index_fill(ix, slot);
    return ESPY_E_OK;
}

/* Copies what is left of a graph into an empty one. */
static espy_err index_rebuild(espy_ctx *cx, const espy_index *from, espy_index *to)
{
    uint32_t slot = 0;
    ESPY_TRY(index_reserve(cx, to, espy_index_count(from)));
    while (to->n < espy_index_count(from)) {
        size_t count = 0;
        for (; count < ESPY_INDEX_BATCH && slot < from->n; slot++) {
            if (espy_index_graph_gone(from, slot))
                continue;
            size_t at = to->n + count++;
            memcpy(espy_index_graph_code(to, (uint32_t)at), espy_index_graph_code(from, slot),
                   to->stride * sizeof *to->codes);
            if (to->rows)
                memcpy(to->rows + at * to->dim, from->rows + slot * to->dim,
                       to->dim * sizeof *to->rows);
            to->ids[at] = from->ids[slot];
            if (!espy_index_table_put(to, (uint32_t)at))
                return espy_fail(cx, ESPY_E_FORMAT, "the index holds the id %lld twice",
                                 (long long)to->ids[at]);
        }
        ESPY_TRY(index_commit(cx, to, count));
    }
    return ESPY_E_OK;
}

espy_err espy_index_compact(espy_ctx *cx, espy_index *ix)
{
    espy_index fresh;
    if (!ix->gone)
        return ESPY_E_OK;
    ESPY_TRY(espy_index_shape(cx, ix->dim, &ix->opt, &fresh));
    espy_err e = index_rebuild(cx, ix, &fresh);
    if (e == ESPY_E_OK) {
        espy_index old = *ix;
        *ix = fresh;
        fresh = old;
    }
    index_empty(cx, &fresh);
    return e;
}

/* --- search ----------------------------------------------------------------------------------- */

typedef struct index_slab {
    index_hunt hunt;
    float *units;   /* queries of length 1 */
    espy_hit *hits; /* the caller's */
    size_t *found;
} index_slab;

/* The hits of one query from its keys; where f32 vectors were kept these say the cosine. */
static espy_err index_finish(espy_ctx *cx, void *self, size_t item, unsigned worker)
{
    (void)cx;
    (void)worker;
    const index_slab *slab = self;
    const espy_index *ix = slab->hunt.ix;
    const size_t k = slab->hunt.query->k;
    uint64_t *keys = slab->hunt.keys + item * slab->hunt.want;
    size_t n = slab->hunt.counts[item];

    if (ix->rows) {
        index_heap again = {keys, 0};
        for (size_t i = 0; i < n; i++) {
            uint32_t slot = index_key_slot(keys[i]);
            float score =
                ix->kern.dot(ix->rows + slot * ix->dim, slab->units + item * ix->dim, ix->dim);
            index_heap_push(&again, index_key(score, slot));
        }
        n = index_heap_sort(&again);
    }
    slab->found[item] = n < k ? n : k;
    for (size_t i = 0; i < slab->found[item]; i++)
        slab->hits[item * k + i] =
            (espy_hit){ix->ids[index_key_slot(keys[i])], index_key_score(keys[i])};
    return ESPY_E_OK;
}

static espy_err index_search_slab(espy_ctx *cx, index_slab *slab, const float *queries,
                                  size_t first)
{
    index_hunt *hunt = &slab->hunt;
    const espy_index *ix = hunt->ix;
    espy_err e = ESPY_E_OK;
    uint32_t *codes = NULL;

    slab->units = espy_floats(cx, hunt->n * ix->dim);
    codes = slab->units ? espy_array(cx, hunt->n * ix->stride, sizeof *codes) : NULL;
    hunt->keys = codes ? espy_array(cx, hunt->n * hunt->want, sizeof *hunt->keys) : NULL;
    hunt->counts = hunt->keys ? espy_array(cx, hunt->n, sizeof *hunt->counts) : NULL;
    if (!hunt->counts) {
        e = cx->code;
        goto out;
    }
    for (size_t i = 0; i < hunt->n; i++) {
        float *unit = slab->units + i * ix->dim;
        ESPY_GO(index_unit(cx, queries + i * ix->dim, ix->dim, first + i, unit));
        index_encode(ix, unit, codes + i * ix->stride);
    }
    hunt->codes = codes;
    ESPY_GO(ix->opt.method == ESPY_INDEX_GRAPH ? espy_index_walk(cx, hunt)
                                               : espy_index_scan(cx, hunt));
    ESPY_GO(espy_parallel(cx, hunt->n, index_finish, slab));
out:
    espy_free(cx, hunt->counts);
    espy_free(cx, hunt->keys);
    espy_free(cx, codes);
    espy_free(cx, slab->units);
    return e;
}

espy_err espy_index_search(espy_ctx *cx, const espy_index *ix, const float *queries, size_t n,
                           const espy_index_query *query, espy_hit *hits, size_t *found)
{
    espy_index_query q = *query;
    const size_t there = espy_index_count(ix);
    if (q.k < 1 || q.effort > ESPY_INDEX_EFFORT)
        return espy_fail(cx, ESPY_E_ARG, "a search for %zu hits with effort %zu: from 1 on, to %u",
                         q.k, q.effort, ESPY_INDEX_EFFORT);
    q.effort = q.effort ? q.effort : INDEX_WALK_DEFAULT;
    size_t want = q.k < there ? q.k : there;
    if (ix->rows)
        want = want < (there - want) / 2 ? 2 * want + INDEX_SPARE : there;
    want = want < there ? want : there;
    for (size_t at = 0; at < n; at += INDEX_SLAB) {
        index_slab slab = {.hunt = {.ix = ix,
                                    .query = &q,
                                    .n = n - at < INDEX_SLAB ? n - at : INDEX_SLAB,
                                    .want = want},
                           .hits = hits + at * q.k,
                           .found = found + at};
        ESPY_TRY(index_search_slab(cx, &slab, queries + at * ix->dim, at));
    }
    return ESPY_E_OK;
}

/* --- choice ----------------------------------------------------------------------------------- */

espy_index_method espy_index_choose(size_t n, size_t dim, size_t queries)
{
    /* microseconds of CPU time, fitted to what was measured: docs/decisions/014-index-choice.md */
    const double vectors = (double)n, asked = (double)queries;
    const double scan = 8 + 7.5e-6 * vectors * (double)dim;
    const double walk = fmax(8, (2.5 * log2(vectors + 1) - 20) * (0.73 + (double)dim / 475));
    const double build = 9 * walk;

    return asked * scan > asked * walk + vectors * build ? ESPY_INDEX_GRAPH : ESPY_INDEX_SCAN;
}
