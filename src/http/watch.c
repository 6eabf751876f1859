/* SPDX-License-Identifier: Apache-2.0
 * http - what the store tells to streams: events ("events:OWNER:COLLECTION", 0 for all), and jobs
 * ("job:ID") that any server on the store may run. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "http/serving.h"
#include "http/shapes.h"
#include "store/job.h"

#define WATCH_TOPICS 128
#define WATCH_EVENTS 256

static espy_err watch_events(espy_ctx *cx, espy_serving *s, espy_workspace *ws,
                             const espy_hub_topic *t, int64_t owner, int64_t collection)
{
    espy_event *events = NULL;
    size_t n = 0;
    espy_json *v = NULL;
    espy_err e =
        collection
            ? espy_store_events(cx, ws->store, collection, t->since, WATCH_EVENTS, &events, &n)
            : espy_store_events_of(cx, ws->store, owner, t->since, WATCH_EVENTS, &events, &n);
    for (size_t i = 0; e == ESPY_E_OK && i < n; i++) {
        e = espy_event_json(cx, &events[i], &v);
        if (e == ESPY_E_OK)
            e = espy_hub_publish(cx, s->hub, t->topic, "event", events[i].id, v);
        espy_json_free(v);
        v = NULL;
    }
    espy_events_free(cx, events, n);
    return e;
}

/* The state of a job, and the end of the stream with the job's. */
static espy_err watch_job(espy_ctx *cx, espy_serving *s, espy_workspace *ws,
                          const espy_hub_topic *t, int64_t id)
{
    espy_job job = {0};
    espy_json *v = NULL;
    espy_err e = espy_store_job_get(cx, ws->store, id, &job);
    if (e == ESPY_E_NOT_FOUND) {
        espy_clear(cx);
        espy_hub_end(s->hub, t->topic);
        return ESPY_E_OK;
    }
    ESPY_TRY(e);
    bool over = job.finished > 0;
    e = espy_job_json(cx, &job, &v);
    if (e == ESPY_E_OK)
        e = espy_hub_publish_state(cx, s->hub, t->topic, "state", v);
    if (over)
        espy_hub_end(s->hub, t->topic);
    espy_json_free(v);
    espy_job_free(cx, &job);
    return e;
}

void espy_watch_topics(espy_ctx *cx, espy_serving *serving, espy_workspace *ws)
{
    espy_hub_topic topics[WATCH_TOPICS];
    size_t n = espy_hub_topics(serving->hub, topics, WATCH_TOPICS);
    for (size_t i = 0; i < n; i++) {
        long long a = 0, b = 0;
        espy_err e = ESPY_E_OK;
        if (sscanf(topics[i].topic, "events:%lld:%lld", &a, &b) == 2)
            e = watch_events(cx, serving, ws, &topics[i], a, b);
        else if (sscanf(topics[i].topic, "job:%lld", &a) == 1)
            e = watch_job(cx, serving, ws, &topics[i], a);
        if (e != ESPY_E_OK)
            espy_log(cx, ESPY_LOG_WARN, "stream %s: %s", topics[i].topic, cx->text);
        espy_clear(cx);
    }
}
