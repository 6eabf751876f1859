/* SPDX-License-Identifier: Apache-2.0
 * http - streams of server-sent events.
 *
 * One mutex for the hub and all its streams: what is done under it is copying a few hundred bytes.
 *   H1  a stream is in the hub's list until its client is gone; the client's thread frees it
 *   H2  `wake` is called at most once for each time that a reader found nothing */
#include "http/hub.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "http/serving.h"

struct espy_stream {
    espy_hub *hub;
    espy_stream *next;
    char topic[ESPY_TOPIC];
    int64_t since;
    uint64_t state; /* hash of the last state it was told */
    uint8_t *data;  /* ESPY_STREAM_ROOM */
    size_t from, to;
    bool ended;
    void (*wake)(void *self); /* of a reader that found nothing */
    void *wake_self;
};

struct espy_hub {
    espy_ctx cx; /* for what belongs to no call: the allocator */
    pthread_mutex_t lock;
    espy_stream *first;
    size_t n, most;
    bool closed;
};

espy_err espy_hub_create(espy_ctx *cx, size_t most, espy_hub **out)
{
    espy_hub *hub = espy_zalloc(cx, sizeof *hub);
    if (!hub)
        return cx->code;
    hub->cx = espy_ctx_child(cx);
    hub->most = most;
    pthread_mutex_init(&hub->lock, NULL);
    *out = hub;
    return ESPY_E_OK;
}

static void stream_free(espy_stream *s)
{
    espy_ctx *cx = &s->hub->cx;
    espy_free(cx, s->data);
    espy_free(cx, s);
}

void espy_hub_destroy(espy_ctx *cx, espy_hub **hub)
{
    if (!*hub)
        return;
    while ((*hub)->first) {
        espy_stream *s = (*hub)->first;
        (*hub)->first = s->next;
        stream_free(s);
    }
    pthread_mutex_destroy(&(*hub)->lock);
    espy_free(cx, *hub);
    *hub = NULL;
}

/* With the lock held. */
static void stream_wake(espy_stream *s)
{
    void (*wake)(void *) = s->wake;
    s->wake = NULL;
    if (wake)
        wake(s->wake_self);
}

/* With the lock held.  A client that is so slow that its room is full is cut off. */
static void stream_put(espy_stream *s, const void *p, size_t n)
{
    if (s->ended)
        return;
    if (s->from > 0 && s->to + n > ESPY_STREAM_ROOM) {
        memmove(s->data, s->data + s->from, s->to - s->from);
        s->to -= s->from;
        s->from = 0;
    }
    if (s->to + n > ESPY_STREAM_ROOM) {
        s->ended = true;
    } else {
        memcpy(s->data + s->to, p, n);
        s->to += n;
    }
    stream_wake(s);
}

espy_err espy_reply_stream(espy_call *call, const char *topic, int64_t since)
{
    espy_hub *hub = call->serving->hub;
    espy_ctx *cx = call->cx;
    espy_stream *s = espy_zalloc(cx, sizeof *s);
    if (!s)
        return cx->code;
    s->hub = hub;
    s->since = since;
    snprintf(s->topic, sizeof s->topic, "%s", topic);
    s->data = espy_alloc(cx, ESPY_STREAM_ROOM);
    if (!s->data) {
        espy_free(cx, s);
        return cx->code;
    }
    pthread_mutex_lock(&hub->lock);
    bool room = !hub->closed && hub->n < hub->most;
    if (room) {
        s->next = hub->first;
        hub->first = s;
        hub->n++;
        stream_put(s, ": hello\n\n", 9);
    }
    pthread_mutex_unlock(&hub->lock);
    if (!room) {
        stream_free(s);
        return espy_refuse(call, 503, "busy", "there are %zu event streams open; close one",
                           hub->most);
    }
    call->reply.status = 200;
    call->reply.type = "text/event-stream";
    call->reply.stream = s;
    return ESPY_E_OK;
}

ptrdiff_t espy_stream_read(espy_stream *s, char *out, size_t room, void (*pause)(void *self),
                           void (*wake)(void *self), void *self)
{
    ptrdiff_t n = 0;
    pthread_mutex_lock(&s->hub->lock);
    size_t there = s->to - s->from;
    if (there) {
        n = (ptrdiff_t)(there < room ? there : room);
        memcpy(out, s->data + s->from, (size_t)n);
        s->from += (size_t)n;
        if (s->from == s->to)
            s->from = s->to = 0;
    } else if (s->ended) {
        n = -1;
    } else {
        s->wake = wake;
        s->wake_self = self;
        pause(self);
    }
    pthread_mutex_unlock(&s->hub->lock);
    return n;
}

void espy_stream_close(espy_stream *s)
{
    espy_hub *hub = s->hub;
    pthread_mutex_lock(&hub->lock);
    for (espy_stream **at = &hub->first; *at; at = &(*at)->next)
        if (*at == s) {
            *at = s->next;
            hub->n--;
            break;
        }
    pthread_mutex_unlock(&hub->lock);
    stream_free(s);
}

/* FNV-1a (Fowler, Noll, Vo): tells one state from the next. */
static uint64_t line_hash(const espy_buf *line)
{
    uint64_t h = 14695981039346656037ULL;
    for (size_t i = 0; i < line->size; i++)
        h = (h ^ line->data[i]) * 1099511628211ULL;
    return h;
}

static espy_err hub_publish(espy_ctx *cx, espy_hub *hub, const char *topic, const char *event,
                            int64_t id, const espy_json *data, bool changed)
{
    espy_buf line;
    espy_err e = ESPY_E_OK;
    if (!espy_hub_heard(hub, topic))
        return ESPY_E_OK;
    espy_buf_init(&line, ESPY_STREAM_ROOM);
    ESPY_GO(espy_buf_printf(cx, &line, "event: %s\n", event));
    if (id)
        ESPY_GO(espy_buf_printf(cx, &line, "id: %lld\n", (long long)id));
    ESPY_GO(espy_buf_text(cx, &line, "data: "));
    ESPY_GO(espy_json_print(cx, data, 0, &line));
    ESPY_GO(espy_buf_text(cx, &line, "\n\n"));
    const uint64_t hash = changed ? line_hash(&line) : 0;
    pthread_mutex_lock(&hub->lock);
    for (espy_stream *s = hub->first; s; s = s->next) {
        if (strcmp(s->topic, topic) != 0 || (id && id <= s->since) || (changed && hash == s->state))
            continue;
        stream_put(s, line.data, line.size);
        s->since = id ? id : s->since;
        s->state = changed ? hash : s->state;
    }
    pthread_mutex_unlock(&hub->lock);
out:
    espy_buf_free(cx, &line);
    return e;
}

espy_err espy_hub_publish(espy_ctx *cx, espy_hub *hub, const char *topic, const char *event,
                          int64_t id, const espy_json *data)
{
    return hub_publish(cx, hub, topic, event, id, data, false);
}

espy_err espy_hub_publish_state(espy_ctx *cx, espy_hub *hub, const char *topic, const char *event,
                                const espy_json *data)
{
    return hub_publish(cx, hub, topic, event, 0, data, true);
}

/* topic NULL: all. */
static void hub_end(espy_hub *hub, const char *topic)
{
    for (espy_stream *s = hub->first; s; s = s->next)
        if (!topic || strcmp(s->topic, topic) == 0) {
            s->ended = true;
            stream_wake(s);
        }
}

void espy_hub_end(espy_hub *hub, const char *topic)
{
    pthread_mutex_lock(&hub->lock);
    hub_end(hub, topic);
    pthread_mutex_unlock(&hub->lock);
}

void espy_hub_close(espy_hub *hub)
{
    pthread_mutex_lock(&hub->lock);
    hub->closed = true;
    hub_end(hub, NULL);
    pthread_mutex_unlock(&hub->lock);
}

bool espy_hub_heard(espy_hub *hub, const char *topic)
{
    bool heard = false;
    pthread_mutex_lock(&hub->lock);
    for (espy_stream *s = hub->first; s && !heard; s = s->next)
        heard = !s->ended && strcmp(s->topic, topic) == 0;
    pthread_mutex_unlock(&hub->lock);
    return heard;
}

size_t espy_hub_topics(espy_hub *hub, espy_hub_topic *out, size_t room)
{
    size_t n = 0;
    pthread_mutex_lock(&hub->lock);
    for (espy_stream *s = hub->first; s; s = s->next) {
        size_t i = 0;
        while (i < n && strcmp(out[i].topic, s->topic) != 0)
            i++;
        if (s->ended || i == room)
            continue;
        if (i == n) {
            memcpy(out[n].topic, s->topic, sizeof s->topic);
            out[n++].since = s->since;
        } else if (s->since < out[i].since) {
            out[i].since = s->since;
        }
    }
    pthread_mutex_unlock(&hub->lock);
    return n;
}

void espy_hub_beat(espy_hub *hub)
{
    pthread_mutex_lock(&hub->lock);
    for (espy_stream *s = hub->first; s; s = s->next)
        stream_put(s, ": \n\n", 4);
    pthread_mutex_unlock(&hub->lock);
}
