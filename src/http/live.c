/* SPDX-License-Identifier: Apache-2.0
 * http - live streams. */
#include "http/live.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/text.h"

#define LIVE_PATIENCE 2 /* seconds that a frame waits for the one before */

/* L1  a slot is changed under the lock; its stream belongs to whoever set `taken` */
typedef struct live_slot {
    espy_live_stream stream; /* first */
    int64_t collection, user;
    char name[65];
    double used; /* monotonic seconds */
    bool taken;
} live_slot;

struct espy_live {
    pthread_mutex_t lock;
    pthread_cond_t given;
    live_slot *slots[ESPY_LIVE_STREAMS];
};

espy_err espy_live_create(espy_ctx *cx, espy_live **out)
{
    espy_live *live = espy_zalloc(cx, sizeof *live);
    if (!live)
        return cx->code;
    pthread_mutex_init(&live->lock, NULL);
    pthread_cond_init(&live->given, NULL);
    *out = live;
    return ESPY_E_OK;
}

static void slot_free(espy_ctx *cx, live_slot **slot)
{
    espy_tracker_free(cx, &(*slot)->stream.tracker);
    espy_free(cx, (*slot)->stream.wave);
    espy_free(cx, *slot);
    *slot = NULL;
}

void espy_live_destroy(espy_ctx *cx, espy_live **live)
{
    if (!*live)
        return;
    for (size_t i = 0; i < ESPY_LIVE_STREAMS; i++)
        if ((*live)->slots[i])
            slot_free(cx, &(*live)->slots[i]);
    pthread_cond_destroy(&(*live)->given);
    pthread_mutex_destroy(&(*live)->lock);
    espy_free(cx, *live);
    *live = NULL;
}

static live_slot *live_find(espy_live *live, int64_t collection, int64_t user, const char *name)
{
    for (size_t i = 0; i < ESPY_LIVE_STREAMS; i++) {
        live_slot *s = live->slots[i];
        if (s && s->collection == collection && s->user == user && strcmp(s->name, name) == 0)
            return s;
    }
    return NULL;
}

/* With the lock held: a new slot, where need be in the place of one that was forgotten. */
static espy_err live_new(espy_ctx *cx, espy_live *live, double now, live_slot **out)
{
    live_slot **place = NULL;
    for (size_t i = 0; i < ESPY_LIVE_STREAMS; i++) {
        live_slot **at = &live->slots[i];
        if (*at && !(*at)->taken && now - (*at)->used > ESPY_LIVE_SECONDS)
            slot_free(cx, at);
        if (!*at && !place)
            place = at;
    }
    if (!place)
        return espy_fail(cx, ESPY_E_LIMIT, "%d live streams are open; let one rest for %.0f s",
                         ESPY_LIVE_STREAMS, ESPY_LIVE_SECONDS);
    *out = *place = espy_zalloc(cx, sizeof **place);
    return *out ? ESPY_E_OK : cx->code;
}

espy_err espy_live_take(espy_ctx *cx, espy_live *live, int64_t collection, int64_t user,
                        const char *name, espy_live_stream **out)
{
    double now = espy_time_monotonic();
    espy_err e = ESPY_E_OK;
    pthread_mutex_lock(&live->lock);
    live_slot *s = live_find(live, collection, user, name);
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += LIVE_PATIENCE;
    while (s && s->taken && pthread_cond_timedwait(&live->given, &live->lock, &until) == 0)
        s = live_find(live, collection, user, name);
    s = live_find(live, collection, user, name);
    if (s && s->taken) {
        pthread_mutex_unlock(&live->lock);
        return espy_fail(cx, ESPY_E_EXISTS,
                         "the frame before is still being looked at; send the next one when its "
                         "answer has come");
    }
    if (s && now - s->used > ESPY_LIVE_SECONDS) { /* it begins anew */
        for (size_t i = 0; i < ESPY_LIVE_STREAMS; i++)
            if (live->slots[i] == s)
                slot_free(cx, &live->slots[i]);
        s = NULL;
    }
    if (!s) {
        e = live_new(cx, live, now, &s);
        if (e == ESPY_E_OK) {
            s->collection = collection;
            s->user = user;
            snprintf(s->name, sizeof s->name, "%s", name);
        }
    }
    if (e == ESPY_E_OK) {
        s->taken = true;
        s->used = now;
        *out = &s->stream;
    }
    pthread_mutex_unlock(&live->lock);
    return e;
}

void espy_live_give(espy_live *live, espy_live_stream *stream)
{
    pthread_mutex_lock(&live->lock);
    ((live_slot *)stream)->taken = false;
    pthread_cond_broadcast(&live->given);
    pthread_mutex_unlock(&live->lock);
}
