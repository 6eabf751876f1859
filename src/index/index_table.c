/* SPDX-License-Identifier: Apache-2.0
 * index - slots by id: open addressing, linear probing, at most half full. */
#include "index/index_parts.h"

enum { TABLE_FREE = 0, TABLE_GIVEN_UP = 1, TABLE_FIRST = 2, TABLE_LEAST = 64 };

static size_t table_start(const index_table *t, int64_t id)
{
    uint64_t h = (uint64_t)id * UINT64_C(0x9e3779b97f4a7c15); /* Fibonacci hashing */
    return (size_t)(h ^ h >> 32) & (t->size - 1);
}

/* The cell of an id; SIZE_MAX when there is none, then *spare, if asked for, is where it may go. */
static size_t table_cell(const espy_index *ix, int64_t id, size_t *spare)
{
    const index_table *t = &ix->table;
    if (!t->size)
        return SIZE_MAX;
    size_t i = table_start(t, id);
    for (; t->at[i] != TABLE_FREE; i = (i + 1) & (t->size - 1))
        if (t->at[i] != TABLE_GIVEN_UP && ix->ids[t->at[i] - TABLE_FIRST] == id)
            return i;
    if (spare)
        *spare = i;
    return SIZE_MAX;
}

uint32_t espy_index_find(const espy_index *ix, int64_t id)
{
    size_t i = table_cell(ix, id, NULL);
    return i == SIZE_MAX ? ESPY_INDEX_NONE : ix->table.at[i] - TABLE_FIRST;
}

bool espy_index_table_put(espy_index *ix, uint32_t slot)
{
    size_t spare = 0;
    if (table_cell(ix, ix->ids[slot], &spare) != SIZE_MAX)
        return false;
    ix->table.at[spare] = slot + TABLE_FIRST;
    ix->table.used++;
    return true;
}

void espy_index_table_drop(espy_index *ix, int64_t id)
{
    size_t i = table_cell(ix, id, NULL);
    if (i != SIZE_MAX)
        ix->table.at[i] = TABLE_GIVEN_UP;
}

void espy_index_table_move(espy_index *ix, int64_t id, uint32_t slot)
{
    size_t i = table_cell(ix, id, NULL);
    if (i != SIZE_MAX)
        ix->table.at[i] = slot + TABLE_FIRST;
}

espy_err espy_index_table_reserve(espy_ctx *cx, espy_index *ix, size_t more)
{
    size_t size = TABLE_LEAST;
    if (ix->table.size && (ix->table.used + more) * 2 <= ix->table.size)
        return ESPY_E_OK;
    while (size < (ix->n + more) * 2)
        size *= 2;
    index_table old = ix->table;
    uint32_t *at = espy_array(cx, size, sizeof *at);
    if (!at)
        return cx->code;
    ix->table = (index_table){at, size, 0};
    for (uint32_t slot = 0; slot < ix->n; slot++)
        if (!espy_index_graph_gone(ix, slot) && !espy_index_table_put(ix, slot)) {
            espy_free(cx, at);
            ix->table = old;
            return espy_fail(cx, ESPY_E_FORMAT, "the index holds the id %lld twice; build it again",
                             (long long)ix->ids[slot]);
        }
    espy_free(cx, old.at);
    return ESPY_E_OK;
}
