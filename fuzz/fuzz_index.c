/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: an index file from anybody, whose digests are taken for right, or mutations would
 * end there.  It is refused with one line of text, or can be searched and changed. */
#include <stdlib.h>
#include <string.h>

#include "index/index_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FUZZ_DIM = 64, FUZZ_HITS = 5 };

static bool fuzz_odd(const void *self, int64_t id)
{
    (void)self;
    return id % 2 != 0;
}

static void fuzz_search(espy_ctx *cx, const espy_index *ix, const float *query,
                        bool (*allowed)(const void *self, int64_t id))
{
    const espy_index_query q = {.k = FUZZ_HITS, .allowed = allowed};
    espy_hit hits[FUZZ_HITS];
    size_t found = 0;
    if (espy_index_search(cx, ix, query, 1, &q, hits, &found) != ESPY_E_OK || found > FUZZ_HITS)
        abort();
    for (size_t i = 0; i < found; i++)
        if (allowed && !allowed(NULL, hits[i].id))
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    espy_ctx cx;
    espy_index *ix = NULL;
    float query[FUZZ_DIM];
    espy_ctx_init(&cx);
    uint8_t *file = espy_alloc(&cx, size); /* aligned as a map is */
    if (!file)
        abort();
    if (size)
        memcpy(file, data, size);
    espy_err e = espy_index_parse(&cx, (espy_span){file, size}, &ix);
    if (e != ESPY_E_OK) {
        if (!cx.text[0] || strchr(cx.text, '\n') || e != cx.code)
            abort();
    } else if (espy_index_dim(ix) <= FUZZ_DIM) {
        for (size_t i = 0; i < FUZZ_DIM; i++)
            query[i] = (float)(i % 3) - 0.5f;
        fuzz_search(&cx, ix, query, NULL);
        fuzz_search(&cx, ix, query, fuzz_odd);
        /* ids may come twice in such a file: then changes are refused */
        const size_t before = espy_index_count(ix);
        e = espy_index_add(&cx, ix, &(int64_t){77}, query, 1);
        if (espy_index_count(ix) != before + (e == ESPY_E_OK))
            abort();
        if (e == ESPY_E_OK && espy_index_remove(&cx, ix, 77) != ESPY_E_OK)
            abort();
        if (e == ESPY_E_OK)
            fuzz_search(&cx, ix, query, NULL);
    }
    espy_index_destroy(&cx, &ix);
    espy_free(&cx, file);
    return 0;
}
