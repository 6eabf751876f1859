/* SPDX-License-Identifier: Apache-2.0
 * index - the graph: hierarchical navigable small world (Malkov, Yashunin 2016, "Efficient and
 * robust approximate nearest neighbor search using hierarchical navigable small world graphs").
 *
 * A record is one vector's code, where its upper links begin, and its links of the lowest layer,
 * rounded up to lines of the cache, so that one look at a vector and one step from it are few
 * lines side by side:
 *     code (stride words) | upper | count, GRAPH_GONE | 2 M slots
 * The links of layer l >= 1 are M + 1 words, count and slots, at upper + (l - 1)(M + 1).
 *
 * It differs from the paper in how it grows: vectors come in batches.  Each of a batch walks the
 * graph as it was before the batch, and knows the others of the batch by looking at all of them;
 * then the links back are put in, each vector's by one worker.  So there are no locks, and the
 * graph does not depend on the number of threads.
 *
 *   G1  the highest layer of a slot is a function of the slot alone (graph_level)
 *   G2  a link of layer l leads to a slot < n whose highest layer is l or more
 *   G3  a list has no slot twice and not its own
 *   G4  while a batch walks, the lists of the slots before it do not change; while it is linked
 *       back, each list is changed by one worker and read by no other */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "index/index_parts.h"

#define GRAPH_GONE (UINT32_C(1) << 31) /* in the count of the lowest layer: never a hit */

enum { GRAPH_LAYERS = 16, GRAPH_VISITED = 1024, GRAPH_LINE = 16 /* words */ };

#if defined(__GNUC__)
#define GRAPH_PREFETCH(p) __builtin_prefetch(p)
#else
#define GRAPH_PREFETCH(p) ((void)(p))
#endif

/* --- records ---------------------------------------------------------------------------------- */

size_t espy_index_graph_record(const espy_index *ix)
{
    size_t words = ix->stride + 2 + 2 * (size_t)ix->opt.links;
    return (words + GRAPH_LINE - 1) / GRAPH_LINE * GRAPH_LINE;
}

uint32_t *espy_index_graph_code(const espy_index *ix, uint32_t slot)
{
    return ix->codes + slot * ix->record;
}

/* Layer l or more has one slot of M^l (the paper's m_L = 1 / ln M), by splitmix64 (Steele, Lea,
 * Flood 2014) of the slot. */
static unsigned graph_level(const espy_index *ix, uint32_t slot)
{
    uint64_t x = slot;
    for (unsigned l = 0;; l++) {
        x += UINT64_C(0x9e3779b97f4a7c15);
        uint64_t h = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        h = (h ^ h >> 27) * UINT64_C(0x94d049bb133111eb);
        if (l == GRAPH_LAYERS - 1 || (h ^ h >> 31) % ix->opt.links != 0)
            return l;
        x = h ^ h >> 31;
    }
}

static size_t graph_level_words(const espy_index *ix)
{
    return (size_t)ix->opt.links + 1;
}

size_t espy_index_graph_upper(const espy_index *ix, size_t from, size_t to)
{
    size_t words = 0;
    for (size_t slot = from; slot < to; slot++)
        words += graph_level(ix, (uint32_t)slot) * graph_level_words(ix);
    return words;
}

/* Count and slots. */
static uint32_t *graph_links(const espy_index *ix, uint32_t slot, unsigned level)
{
    uint32_t *upper = espy_index_graph_code(ix, slot) + ix->stride;
    return level ? ix->upper + *upper + (level - 1) * graph_level_words(ix) : upper + 1;
}

static uint32_t graph_most(const espy_index *ix, unsigned level)
{
    return level ? ix->opt.links : 2 * ix->opt.links;
}

bool espy_index_graph_gone(const espy_index *ix, uint32_t slot)
{
    return ix->gone && *graph_links(ix, slot, 0) & GRAPH_GONE;
}

void espy_index_graph_drop(espy_index *ix, uint32_t slot)
{
    *graph_links(ix, slot, 0) |= GRAPH_GONE;
    ix->gone++;
}

/* From where nearness is seen.  Among equals (one vector many times) the lower of slot ^ salt comes
 * first: were it the lower slot, all would link to the same few and the others could not be
 * reached. */
typedef struct graph_eye {
    const uint32_t *code;
    uint32_t salt;
} graph_eye;

static uint64_t graph_key(const espy_index *ix, graph_eye eye, uint32_t slot)
{
    return index_key(ix->near.one(espy_index_graph_code(ix, slot), eye.code, ix->words),
                     slot ^ eye.salt);
}

static uint32_t graph_slot(graph_eye eye, uint64_t key)
{
    return index_key_slot(key) ^ eye.salt;
}

static graph_eye graph_eye_of(const espy_index *ix, uint32_t slot)
{
    return (graph_eye){espy_index_graph_code(ix, slot), slot * UINT32_C(2654435769)};
}

/* --- a walk ----------------------------------------------------------------------------------- */

/* What one worker needs. */
typedef struct graph_scratch {
    uint32_t *visited; /* open addressing, slot + 1; 0: free */
    size_t visited_size, visited_n;
    index_heap todo; /* inverted keys: the nearest is the least */
    size_t todo_room;
    index_heap best;
    size_t best_room;
    uint32_t *fresh; /* links of one slot that are new to the walk */
} graph_scratch;

static void graph_scratch_free(espy_ctx *cx, graph_scratch *s, size_t n)
{
    for (size_t i = 0; s && i < n; i++) {
        espy_free(cx, s[i].visited);
        espy_free(cx, s[i].todo.at);
        espy_free(cx, s[i].best.at);
        espy_free(cx, s[i].fresh);
    }
    espy_free(cx, s);
}

static espy_err graph_scratch_ready(espy_ctx *cx, const espy_index *ix, graph_scratch *s,
                                    size_t most)
{
    if (!s->fresh) {
        s->fresh = espy_array(cx, 2 * (size_t)ix->opt.links, sizeof *s->fresh);
        if (!s->fresh)
            return cx->code;
    }
    if (s->best_room < most) {
        uint64_t *at = espy_resize(cx, s->best.at, most, sizeof *at);
        if (!at)
            return cx->code;
        s->best.at = at;
        s->best_room = most;
    }
    return ESPY_E_OK;
}

/* Whether the slot is new; there is room. */
static bool graph_visit(graph_scratch *s, uint32_t slot)
{
    const size_t mask = s->visited_size - 1;
    size_t i = (size_t)(slot * UINT64_C(0x9e3779b97f4a7c15) >> 32) & mask; /* Fibonacci hashing */
    for (; s->visited[i]; i = (i + 1) & mask)
        if (s->visited[i] == slot + 1)
            return false;
    s->visited[i] = slot + 1;
    s->visited_n++;
    return true;
}

/* Room for `more` visits and tasks. */
static espy_err graph_reserve(espy_ctx *cx, graph_scratch *s, size_t more)
{
    if (s->todo.n + more > s->todo_room) {
        size_t room = 2 * (s->todo.n + more);
        uint64_t *at = espy_resize(cx, s->todo.at, room, sizeof *at);
        if (!at)
            return cx->code;
        s->todo.at = at;
        s->todo_room = room;
    }
    if ((s->visited_n + more) * 2 <= s->visited_size)
        return ESPY_E_OK;
    size_t size = s->visited_size ? s->visited_size : GRAPH_VISITED, old = s->visited_size;
    while (size < (s->visited_n + more) * 2)
        size *= 2;
    uint32_t *at = espy_array(cx, size, sizeof *at), *from = s->visited;
    if (!at)
        return cx->code;
    s->visited = at;
    s->visited_size = size;
    s->visited_n = 0;
    for (size_t i = 0; i < old; i++)
        if (from[i])
            graph_visit(s, from[i] - 1);
    espy_free(cx, from);
    return ESPY_E_OK;
}

static void graph_prefetch(const espy_index *ix, uint32_t slot)
{
    const uint32_t *p = espy_index_graph_code(ix, slot);
    for (size_t w = 0; w < ix->stride; w += GRAPH_LINE)
        GRAPH_PREFETCH(p + w);
}

/* Greedy descent within one layer (algorithm 2 with ef = 1): the key of the nearest. */
static uint64_t graph_descend(const espy_index *ix, graph_eye eye, uint64_t nearest, unsigned level)
{
    for (uint64_t before = 0; before != nearest;) {
        before = nearest;
        const uint32_t *links = graph_links(ix, graph_slot(eye, nearest), level);
        for (uint32_t i = 1; i <= links[0]; i++)
            graph_prefetch(ix, links[i]);
        for (uint32_t i = 1; i <= links[0]; i++) {
            uint64_t key = graph_key(ix, eye, links[i]);
            nearest = key > nearest ? key : nearest;
        }
    }
    return nearest;
}

static bool graph_allowed(const espy_index *ix, const espy_index_query *query, uint32_t slot)
{
    if (!query)
        return true;
    if (espy_index_graph_gone(ix, slot))
        return false;
    return !query->allowed || query->allowed(query->self, ix->ids[slot]);
}

/* Algorithm 2: the `most` nearest that the query allows are gathered in s->best; without a query
 * all are allowed. */
static espy_err graph_explore(espy_ctx *cx, const espy_index *ix, graph_scratch *s, graph_eye eye,
                              uint64_t start, unsigned level, size_t most,
                              const espy_index_query *query)
{
    if (s->visited)
        memset(s->visited, 0, s->visited_size * sizeof *s->visited);
    s->visited_n = s->todo.n = s->best.n = 0;
    ESPY_TRY(graph_reserve(cx, s, 1));
    graph_visit(s, graph_slot(eye, start));
    index_heap_push(&s->todo, ~start);
    if (graph_allowed(ix, query, graph_slot(eye, start)))
        index_heap_push(&s->best, start);
    while (s->todo.n) {
        const uint64_t nearest = ~index_heap_pop(&s->todo);
        if (s->best.n == most && nearest < s->best.at[0])
            break;
        const uint32_t *links = graph_links(ix, graph_slot(eye, nearest), level);
        const uint32_t count = links[0] & ~GRAPH_GONE;
        size_t n = 0;
        ESPY_TRY(graph_reserve(cx, s, count));
        for (uint32_t i = 1; i <= count; i++)
            if (graph_visit(s, links[i])) {
                graph_prefetch(ix, links[i]);
                s->fresh[n++] = links[i];
            }
        for (size_t i = 0; i < n; i++) {
            const uint64_t key = graph_key(ix, eye, s->fresh[i]);
            if (s->best.n == most && key < s->best.at[0])
                continue;
            index_heap_push(&s->todo, ~key);
            if (graph_allowed(ix, query, s->fresh[i]))
                index_heap_keep(&s->best, key, most);
        }
    }
    return ESPY_E_OK;
}

typedef struct graph_walk {
    const index_hunt *hunt;
    graph_scratch *scratch; /* one per worker */
} graph_walk;

static espy_err graph_walk_one(espy_ctx *cx, void *self, size_t item, unsigned worker)
{
    const graph_walk *walk = self;
    const index_hunt *hunt = walk->hunt;
    const espy_index *ix = hunt->ix;
    const graph_eye eye = {hunt->codes + item * ix->stride, 0};
    graph_scratch *s = &walk->scratch[worker];
    const size_t hits = hunt->query->k < hunt->want ? hunt->query->k : hunt->want;
    const size_t most = hunt->query->effort > hits ? hunt->query->effort : hits;
    uint64_t nearest = graph_key(ix, eye, ix->entry);

    ESPY_TRY(graph_scratch_ready(cx, ix, s, most));
    for (unsigned level = ix->top; level > 0; level--)
        nearest = graph_descend(ix, eye, nearest, level);
    ESPY_TRY(graph_explore(cx, ix, s, eye, nearest, 0, most, hunt->query));
    const size_t n = index_heap_sort(&s->best);
    hunt->counts[item] = n < hunt->want ? n : hunt->want;
    memcpy(hunt->keys + item * hunt->want, s->best.at, hunt->counts[item] * sizeof *s->best.at);
    return ESPY_E_OK;
}

espy_err espy_index_walk(espy_ctx *cx, const index_hunt *hunt)
{
    const size_t workers = espy_pool_size(cx->pool);
    if (!hunt->want)
        return ESPY_E_OK;
    graph_walk walk = {hunt, espy_array(cx, workers, sizeof *walk.scratch)};
    espy_err e = walk.scratch ? espy_parallel(cx, hunt->n, graph_walk_one, &walk) : cx->code;
    graph_scratch_free(cx, walk.scratch, workers);
    return e;
}

/* --- growing ---------------------------------------------------------------------------------- */

typedef struct graph_batch {
    espy_index *ix;
    uint32_t first; /* slots first..first + n - 1 are new */
    size_t n;
    graph_scratch *scratch; /* one per worker */
    uint64_t *pairs;        /* links that are to be led back: graph_pair() */
    size_t pairs_n;
    size_t *runs; /* where the pairs of each list begin, and the end */
    size_t runs_n;
} graph_batch;

/* Algorithm 4: of candidates, the nearest first, those that are nearer to the eye than to any taken
 * before, until there are `most`.  Those that are as near to one taken, copies of it or of the eye,
 * fill half of the list, so that a heap of copies stays whole and keeps a way out. */
static void graph_select(const espy_index *ix, graph_eye eye, const uint64_t *keys, size_t n,
                         uint32_t most, uint32_t *links)
{
    uint32_t taken = 0, copies = 0;
    for (size_t i = 0; i < n && taken < most; i++) {
        const uint32_t slot = graph_slot(eye, keys[i]);
        const uint32_t *code = espy_index_graph_code(ix, slot);
        const float score = index_key_score(keys[i]);
        float nearest = -INFINITY;
        for (uint32_t t = 1; t <= taken && nearest <= score; t++) {
            const float x = ix->near.one(espy_index_graph_code(ix, links[t]), code, ix->words);
            nearest = x > nearest ? x : nearest;
        }
        if (nearest > score || (nearest == score && ++copies > most / 2))
            continue;
        links[++taken] = slot;
    }
    links[0] = taken;
}

static void graph_meet(const graph_batch *b, graph_scratch *s, uint32_t slot, unsigned level)
{
    const espy_index *ix = b->ix;
    const graph_eye eye = graph_eye_of(ix, slot);
    for (uint32_t peer = b->first; peer < b->first + b->n; peer++)
        if (peer != slot && (level == 0 || graph_level(ix, peer) >= level))
            index_heap_keep(&s->best, graph_key(ix, eye, peer), ix->opt.effort);
}

/* Finds the links of one new slot; the graph is as it was before the batch. */
static espy_err graph_place(espy_ctx *cx, void *self, size_t item, unsigned worker)
{
    const graph_batch *b = self;
    const espy_index *ix = b->ix;
    const uint32_t slot = b->first + (uint32_t)item;
    const graph_eye eye = graph_eye_of(ix, slot);
    const unsigned highest = graph_level(ix, slot);
    graph_scratch *s = &b->scratch[worker];
    uint64_t nearest = 0;

    if (ix->n) {
        nearest = graph_key(ix, eye, ix->entry);
        for (unsigned level = ix->top; level > highest; level--)
            nearest = graph_descend(ix, eye, nearest, level);
    }
    for (unsigned level = highest + 1; level-- > 0;) {
        s->best.n = 0;
        if (ix->n && level <= ix->top) {
            ESPY_TRY(graph_explore(cx, ix, s, eye, nearest, level, ix->opt.effort, NULL));
            for (size_t i = 0; i < s->best.n; i++)
                nearest = s->best.at[i] > nearest ? s->best.at[i] : nearest;
        }
        graph_meet(b, s, slot, level);
        graph_select(ix, eye, s->best.at, index_heap_sort(&s->best), ix->opt.links,
                     graph_links(ix, slot, level));
    }
    return ESPY_E_OK;
}

/* A link of a new slot, in the order of whose list is to lead back. */
static uint64_t graph_pair(unsigned level, uint32_t target, size_t item)
{
    return (uint64_t)level << 48 | (uint64_t)target << 16 | item;
}

static int graph_pair_order(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* Lists the links of the batch by the slots they lead to. */
static void graph_pairs(graph_batch *b)
{
    b->pairs_n = b->runs_n = 0;
    for (size_t item = 0; item < b->n; item++) {
        const uint32_t slot = b->first + (uint32_t)item;
        for (unsigned level = 0; level <= graph_level(b->ix, slot); level++) {
            const uint32_t *links = graph_links(b->ix, slot, level);
            for (uint32_t i = 1; i <= links[0]; i++)
                b->pairs[b->pairs_n++] = graph_pair(level, links[i], item);
        }
    }
    qsort(b->pairs, b->pairs_n, sizeof *b->pairs, graph_pair_order);
    for (size_t i = 0; i < b->pairs_n; i++)
        if (i == 0 || b->pairs[i] >> 16 != b->pairs[i - 1] >> 16)
            b->runs[b->runs_n++] = i;
    b->runs[b->runs_n] = b->pairs_n;
}

static bool graph_has(const uint32_t *links, uint32_t slot)
{
    for (uint32_t i = 1; i <= links[0]; i++)
        if (links[i] == slot)
            return true;
    return false;
}

/* Puts the links back into one list; where they do not fit, the list is selected anew. */
static espy_err graph_lead_back(espy_ctx *cx, void *self, size_t item, unsigned worker)
{
    (void)cx;
    const graph_batch *b = self;
    const espy_index *ix = b->ix;
    const uint32_t target = (uint32_t)(b->pairs[b->runs[item]] >> 16);
    const unsigned level = (unsigned)(b->pairs[b->runs[item]] >> 48);
    const uint32_t most = graph_most(ix, level);
    const graph_eye eye = graph_eye_of(ix, target);
    uint32_t *links = graph_links(ix, target, level);
    const uint32_t gone = level ? 0 : links[0] & GRAPH_GONE;
    index_heap all = {b->scratch[worker].best.at, 0};

    links[0] &= ~gone;
    for (size_t i = b->runs[item]; i < b->runs[item + 1]; i++) {
        const uint32_t slot = b->first + (uint32_t)(b->pairs[i] & 0xffff);
        if (graph_has(links, slot))
            continue;
        if (all.n == 0 && links[0] < most) {
            links[++links[0]] = slot;
            continue;
        }
        for (uint32_t l = 1; all.n == 0 && l <= links[0]; l++)
            all.at[l - 1] = graph_key(ix, eye, links[l]);
        all.n = all.n ? all.n : links[0];
        all.at[all.n++] = graph_key(ix, eye, slot);
    }
    if (all.n) {
        index_heap sorted = {all.at, 0};
        for (size_t i = 0; i < all.n; i++)
            index_heap_push(&sorted, all.at[i]);
        graph_select(ix, eye, all.at, index_heap_sort(&sorted), most, links);
    }
    links[0] |= gone;
    return ESPY_E_OK;
}

/* Words of upper links are handed out, and all lists of the new slots are empty. */
static void graph_prepare(espy_index *ix, size_t count)
{
    size_t upper = ix->upper_n;
    for (uint32_t slot = (uint32_t)ix->n; slot < ix->n + count; slot++) {
        const unsigned highest = graph_level(ix, slot);
        espy_index_graph_code(ix, slot)[ix->stride] = (uint32_t)upper;
        for (unsigned level = 0; level <= highest; level++)
            *graph_links(ix, slot, level) = 0;
        upper += highest * graph_level_words(ix);
    }
}

static void graph_count_in(espy_index *ix, size_t count)
{
    ix->upper_n += espy_index_graph_upper(ix, ix->n, ix->n + count);
    for (uint32_t slot = (uint32_t)ix->n; slot < ix->n + count; slot++) {
        const unsigned level = graph_level(ix, slot);
        if (slot == 0 || level > ix->top) {
            ix->top = level;
            ix->entry = slot;
        }
    }
    ix->n += count;
}

espy_err espy_index_graph_link(espy_ctx *cx, espy_index *ix, size_t count)
{
    const size_t workers = espy_pool_size(cx->pool);
    const size_t links =
        (espy_index_graph_upper(ix, ix->n, ix->n + count) / graph_level_words(ix) + count) *
        ix->opt.links;
    graph_batch b = {.ix = ix, .first = (uint32_t)ix->n, .n = count};
    espy_ctx calm = *cx;
    espy_err e = ESPY_E_OK;

    b.scratch = espy_array(cx, workers, sizeof *b.scratch);
    b.pairs = b.scratch ? espy_array(cx, links, sizeof *b.pairs) : NULL;
    b.runs = b.pairs ? espy_array(cx, links + 1, sizeof *b.runs) : NULL;
    if (!b.runs) {
        e = cx->code;
        goto out;
    }
    for (size_t w = 0; w < workers; w++)
        ESPY_GO(graph_scratch_ready(cx, ix, &b.scratch[w],
                                    ix->opt.effort + 2 * (size_t)ix->opt.links + count));
    graph_prepare(ix, count);
    ESPY_GO(espy_parallel(cx, count, graph_place, &b));
    graph_pairs(&b);
    calm.cancel = NULL; /* from here on nothing may fail */
    ESPY_GO(espy_parallel(&calm, b.runs_n, graph_lead_back, &b));
    graph_count_in(ix, count);
out:
    espy_free(cx, b.runs);
    espy_free(cx, b.pairs);
    graph_scratch_free(cx, b.scratch, workers);
    return e;
}

/* --- a graph from a file ---------------------------------------------------------------------- */

static espy_err graph_check_list(espy_ctx *cx, const espy_index *ix, uint32_t slot, unsigned level)
{
    const uint32_t *links = graph_links(ix, slot, level);
    const uint32_t count = level ? links[0] : links[0] & ~GRAPH_GONE;
    if (count > graph_most(ix, level))
        return espy_fail(cx, ESPY_E_FORMAT, "vector %u has %u links in layer %u", slot, count,
                         level);
    for (uint32_t i = 1; i <= count; i++)
        if (links[i] >= ix->n || (level && graph_level(ix, links[i]) < level)) /* G2 */
            return espy_fail(cx, ESPY_E_FORMAT, "a link of vector %u leads nowhere", slot);
    return ESPY_E_OK;
}

espy_err espy_index_graph_check(espy_ctx *cx, const espy_index *ix)
{
    size_t upper = 0, gone = 0;
    for (uint32_t slot = 0; slot < ix->n; slot++) {
        const unsigned highest = graph_level(ix, slot);
        const size_t words = highest * graph_level_words(ix);
        if (espy_index_graph_code(ix, slot)[ix->stride] != upper || words > ix->upper_n - upper)
            return espy_fail(cx, ESPY_E_FORMAT, "the links of vector %u are out of place", slot);
        for (unsigned level = 0; level <= highest; level++)
            ESPY_TRY(graph_check_list(cx, ix, slot, level));
        gone += *graph_links(ix, slot, 0) >> 31;
        upper += words;
    }
    if (upper != ix->upper_n || gone != ix->gone)
        return espy_fail(cx, ESPY_E_FORMAT, "its counts are not those of its vectors");
    if (ix->n && (ix->entry >= ix->n || graph_level(ix, ix->entry) != ix->top))
        return espy_fail(cx, ESPY_E_FORMAT, "its walks begin nowhere");
    return ESPY_E_OK;
}
