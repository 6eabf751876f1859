/* SPDX-License-Identifier: Apache-2.0
 * A workspace whose collection of faces holds synthetic vectors, several to a photo where asked. */
#ifndef ESPY_TESTS_PEOPLE_CASE_H
#define ESPY_TESTS_PEOPLE_CASE_H

#include "flow_case.h"
#include "support/support.h"

#include <stdlib.h>
#include <string.h>

#include "flow/workspace.h"
#include "store/group.h"
#include "store/label.h"

#define PEOPLE_OK(p, expr)                           \
    do {                                             \
        if ((expr) != ESPY_E_OK)                     \
            fail_msg("%s: %s", #expr, (p)->cx.text); \
    } while (0)
#define PEOPLE_FAILS(p, name, expr)                                                \
    do {                                                                           \
        espy_err people_e_ = (expr);                                               \
        if (people_e_ != ESPY_E_##name)                                            \
            fail_msg("%s: %s, %s", #expr, espy_err_text(people_e_), (p)->cx.text); \
        espy_clear(&(p)->cx);                                                      \
    } while (0)

typedef struct people {
    espy_ctx cx;
    test_memory memory;
    espy_workspace ws;
    espy_collection c;
    int photos; /* so far */
} people;

/* A new workspace in a new folder with a collection of faces of that name, which is empty. */
static inline void people_open(people *p, const char *collection)
{
    const espy_collection wanted = {0,
                                    (char *)(uintptr_t)collection,
                                    (char *)"face",
                                    (char *)"pack",
                                    (char *)"enc",
                                    (char *)"f32"};
    int64_t id;
    *p = (people){0};
    test_memory_init(&p->cx, &p->memory);
    char *dir = espy_path_join(&p->cx, test_folder(), "w");
    PEOPLE_OK(p, espy_workspace_open(&p->cx, dir, true, &p->ws));
    espy_free(&p->cx, dir);
    PEOPLE_OK(p, espy_store_collection_create(&p->cx, p->ws.store, &wanted, &id));
    PEOPLE_OK(p, espy_store_collection(&p->cx, p->ws.store, collection, &p->c));
}

static inline void people_close(people *p)
{
    espy_collection_free(&p->cx, &p->c);
    espy_workspace_close(&p->cx, &p->ws);
    assert_int_equal(p->memory.live, 0);
}

/* One photo with n faces (x: n x dim), in a session where one is named; their sample numbers. */
static inline void people_photo(people *p, const char *session, const float *x, size_t n,
                                size_t dim, int64_t *samples)
{
    espy_ctx *cx = &p->cx;
    char digest[ESPY_DIGEST_HEX], name[32];
    int64_t media, of;
    bool there;
    espy_scan_sample at[8];
    espy_scan s = {.width = 1000, .height = 100, .n = n, .dim = dim, .at = at};
    assert_true(n <= sizeof at / sizeof *at);
    for (size_t i = 0; i < n; i++)
        at[i] = (espy_scan_sample){.box = {100.0f * (float)i, 0, 50, 60},
                                   .score = 0.9f,
                                   .sharpness = 100,
                                   .embedding = x + i * dim};
    s.vectors = (float *)(uintptr_t)x;
    int length = snprintf(name, sizeof name, "photo %d", p->photos++);
    const espy_span bytes = {(const uint8_t *)name, (size_t)length};
    espy_digest(bytes.data, bytes.size, digest);
    PEOPLE_OK(p, espy_store_media(cx, p->ws.store, p->c.id, bytes, digest, name, &media));
    PEOPLE_OK(p, espy_store_scan_put(cx, p->ws.store, media, "all", "enc", "det", &s));
    for (size_t i = 0; i < n && samples; i++)
        samples[i] = at[i].id;
    if (!session)
        return;
    PEOPLE_OK(p, espy_store_session(cx, p->ws.store, p->c.id, session, NULL, &of));
    PEOPLE_OK(p, espy_store_media_session(cx, p->ws.store, media, of, &there));
}

/* A photo of each row [from, to) of the case. */
static inline void people_rows(people *p, const char *session, const flow_case *d, size_t from,
                               size_t to, int64_t *samples)
{
    PEOPLE_OK(p, espy_store_begin(&p->cx, p->ws.store));
    for (size_t i = from; i < to; i++)
        people_photo(p, session, d->x + i * FLOW_DIM, 1, FLOW_DIM,
                     samples ? samples + (i - from) : NULL);
    PEOPLE_OK(p, espy_store_commit(&p->cx, p->ws.store));
}

/* Labels by hand; a code that is new makes the label. */
static inline int64_t people_set(people *p, const char *code, const int64_t *samples, size_t n)
{
    int64_t id;
    PEOPLE_OK(p, espy_store_label(&p->cx, p->ws.store, p->c.id, code, NULL, &id));
    PEOPLE_OK(p, espy_store_label_set(&p->cx, p->ws.store, p->c.id, id, samples, n));
    return id;
}

/* The label that a sample has, 0 for none. */
static inline int64_t people_label(people *p, int64_t sample)
{
    espy_sample_pool pool = {0};
    int64_t label = -1;
    PEOPLE_OK(p, espy_store_pool(&p->cx, p->ws.store, p->c.id, 0, "enc", &pool));
    for (size_t i = 0; i < pool.n; i++)
        if (pool.at[i].sample == sample)
            label = pool.at[i].label;
    espy_sample_pool_free(&p->cx, &pool);
    return label;
}

/* Everything that a run may change, as one text: labels, whose the samples are, refusals, and the
 * number of events.  free(). */
static inline char *people_picture(people *p, bool events)
{
    enum { ROOM = 1 << 20 };
    espy_ctx *cx = &p->cx;
    espy_label *l = NULL;
    espy_sample_pool pool = {0};
    espy_rejection *r = NULL;
    espy_event *ev = NULL;
    size_t n = 0, m = 0, k = 0, at = 0;
    char *out = malloc(ROOM);
    assert_non_null(out);
    PEOPLE_OK(p, espy_store_labels(cx, p->ws.store, p->c.id, &l, &n));
    PEOPLE_OK(p, espy_store_pool(cx, p->ws.store, p->c.id, 0, "enc", &pool));
    PEOPLE_OK(p, espy_store_rejections(cx, p->ws.store, p->c.id, &r, &m));
    PEOPLE_OK(p, espy_store_events(cx, p->ws.store, p->c.id, 0, 100000, &ev, &k));
    if (events)
        at += (size_t)snprintf(out + at, ROOM - at, "events %zu\n", k);
    for (size_t i = 0; i < n; i++)
        if (!l[i].deleted)
            at += (size_t)snprintf(out + at, ROOM - at, "%lld %s=%s%s (%zu)\n", (long long)l[i].id,
                                   l[i].code, l[i].name, l[i].grouped ? "*" : "", l[i].samples);
    for (size_t i = 0; i < pool.n; i++)
        at += (size_t)snprintf(out + at, ROOM - at, "%lld:%lld%s ", (long long)pool.at[i].sample,
                               (long long)pool.at[i].label, pool.at[i].actor);
    for (size_t i = 0; i < m; i++)
        at += (size_t)snprintf(out + at, ROOM - at, "!%lld/%lld ", (long long)r[i].sample,
                               (long long)r[i].label);
    assert_true(at < ROOM - 1);
    espy_labels_free(cx, l, n);
    espy_sample_pool_free(cx, &pool);
    espy_free(cx, r);
    espy_events_free(cx, ev, k);
    return out;
}

/* Demands that nothing has changed since the picture, which is freed. */
static inline void people_same(people *p, char *before, bool events)
{
    char *now = people_picture(p, events);
    assert_string_equal(now, before);
    free(now);
    free(before);
}

/* Undoes the last event. */
static inline espy_undone people_undo(people *p, const char *action)
{
    espy_undone u = {0};
    PEOPLE_OK(p, espy_store_undo(&p->cx, p->ws.store, p->c.id, 0, "user", &u));
    assert_string_equal(u.action, action);
    espy_free(&p->cx, u.action);
    return u;
}

#endif
