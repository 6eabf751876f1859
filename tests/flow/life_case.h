/* SPDX-License-Identifier: Apache-2.0
 * A workspace whose collection holds synthetic vectors: no encoder, no pictures. */
#ifndef ESPY_TESTS_LIFE_CASE_H
#define ESPY_TESTS_LIFE_CASE_H

#include "flow_case.h"
#include "support/support.h"

#include <string.h>

#include "flow/train.h"

#define LIFE_OK(cx, expr)                          \
    do {                                           \
        if ((expr) != ESPY_E_OK)                   \
            fail_msg("%s: %s", #expr, (cx)->text); \
    } while (0)

/* A new workspace in a new folder with the collection "things", which has no samples. */
static inline void life_open(espy_ctx *cx, espy_workspace *ws, espy_collection *c)
{
    const espy_collection wanted = {
        0, (char *)"things", (char *)"sound", (char *)"pack", (char *)"enc", (char *)"f32"};
    int64_t id;
    char *dir = espy_path_join(cx, test_folder(), "w");
    LIFE_OK(cx, espy_workspace_open(cx, dir, true, ws));
    espy_free(cx, dir);
    LIFE_OK(cx, espy_store_collection_create(cx, ws->store, &wanted, &id));
    LIFE_OK(cx, espy_store_collection(cx, ws->store, "things", c));
}

static inline void life_close(espy_ctx *cx, espy_workspace *ws, espy_collection *c)
{
    espy_collection_free(cx, c);
    espy_workspace_close(cx, ws);
}

/* Files the rows [from, to) of the case as samples of a media each, called "`media` 0", 1, 2 ... */
static inline void life_add(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                            const flow_case *d, size_t from, size_t to, const char *media)
{
    LIFE_OK(cx, espy_store_begin(cx, ws->store));
    for (size_t i = from; i < to; i++) {
        char digest[ESPY_DIGEST_HEX], name[64];
        int64_t id, label;
        float vector[FLOW_DIM];
        espy_scan_sample at = {
            .box = {0, 0, 40, 40}, .score = 0.9f, .sharpness = 100, .embedding = vector};
        espy_scan s = {
            .width = 100, .height = 100, .n = 1, .dim = FLOW_DIM, .at = &at, .vectors = vector};
        memcpy(vector, d->x + i * FLOW_DIM, sizeof vector);
        int n = snprintf(name, sizeof name, "%s %zu", media, i - from);
        const espy_span bytes = {(const uint8_t *)name, (size_t)n};
        espy_digest(bytes.data, bytes.size, digest);
        LIFE_OK(cx, espy_store_media(cx, ws->store, c->id, bytes, digest, name, &id));
        LIFE_OK(cx, espy_store_scan_put(cx, ws->store, id, "all", "enc", "det", &s));
        LIFE_OK(cx, espy_store_label(cx, ws->store, c->id, d->names[d->y[i]], NULL, &label));
        LIFE_OK(cx, espy_store_sample_label(cx, ws->store, at.id, label, "folder"));
    }
    LIFE_OK(cx, espy_store_commit(cx, ws->store));
}

static inline int64_t life_alias(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                                 const char *alias)
{
    int64_t number;
    LIFE_OK(cx, espy_store_alias(cx, ws->store, c->id, alias, &number));
    return number;
}

#endif
