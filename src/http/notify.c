/* SPDX-License-Identifier: Apache-2.0
 * http - from what happens to deliveries. */
#include "http/notify.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "http/make.h"
#include "http/serving.h"
#include "http/shapes.h"
#include "store/collection.h"
#include "store/setting.h"
#include "store/user.h"
#include "store/webhook.h"

#define NOTIFY_SEEN "webhook_events" /* setting: the last event that became deliveries */
#define NOTIFY_EVENTS 256            /* events looked at in one transaction */
#define NOTIFY_BODY ((size_t)1 << 20)

/* -- who wants it ------------------------------------------------------------------------------ */
static bool notify_listed(const char *events, const char *action)
{
    size_t n = strlen(action);
    for (const char *p = events; *p; p += strcspn(p, " "), p += strspn(p, " ")) {
        size_t m = strcspn(p, " ");
        if ((m == 1 && *p == '*') || (m == n && memcmp(p, action, n) == 0))
            return true;
    }
    return false;
}

/* Administrators hear of everything, others of their own collections. */
static espy_err notify_entitled(espy_ctx *cx, espy_store *st, int64_t owner, int64_t collection_of,
                                bool *yes)
{
    espy_user user = {0};
    espy_err e = espy_store_user_get(cx, st, owner, &user);
    *yes = e == ESPY_E_OK && user.enabled &&
           (owner == collection_of || strcmp(user.role, "admin") == 0);
    espy_user_free(cx, &user);
    if (e == ESPY_E_NOT_FOUND) {
        espy_clear(cx);
        return ESPY_E_OK;
    }
    return e;
}

/* Whose a collection is; 0: nobody's, or it is gone. */
static espy_err notify_owner(espy_ctx *cx, espy_store *st, int64_t collection, int64_t *owner)
{
    espy_collection c = {0};
    *owner = 0;
    if (!collection)
        return ESPY_E_OK;
    espy_err e = espy_store_collection_get(cx, st, collection, &c);
    *owner = c.owner;
    espy_collection_free(cx, &c);
    if (e == ESPY_E_NOT_FOUND) {
        espy_clear(cx);
        return ESPY_E_OK;
    }
    return e;
}

/* -- deliveries -------------------------------------------------------------------------------- */
static espy_err notify_order(espy_ctx *cx, espy_serving *serving, espy_store *st, int64_t webhook,
                             const char *action, espy_json *body)
{
    char exclusive[40];
    espy_made m = espy_make_object(cx);
    espy_json *request = NULL;
    espy_buf text;
    int64_t id;
    bool fresh;
    espy_put_int(&m, "webhook", webhook);
    espy_put_text(&m, "event", action);
    espy_put(&m, "body", espy_json_ref(body));
    ESPY_TRY(espy_made_end(&m, &request));
    espy_buf_init(&text, NOTIFY_BODY);
    espy_err e = espy_json_print(cx, request, 0, &text);
    espy_json_free(request);
    ESPY_TRY(e);
    snprintf(exclusive, sizeof exclusive, "webhook:%lld", (long long)webhook);
    const espy_job_order order = {
        .kind = "webhook", .request = (const char *)text.data, .exclusive = exclusive};
    e = espy_jobs_order(cx, serving, st, &order, false, &id, &fresh);
    espy_buf_free(cx, &text);
    return e;
}

static espy_err notify_body(espy_ctx *cx, int64_t collection, const char *action, double time,
                            const espy_json *data, espy_json **out)
{
    espy_made m = espy_make_object(cx);
    espy_put_text(&m, "event", action);
    espy_put_time(&m, "time", time);
    espy_put_id(&m, "collection", collection);
    espy_put(&m, "data", espy_json_ref((espy_json *)(uintptr_t)data));
    return espy_made_end(&m, out);
}

/* Those of the webhooks that want it and were there when it happened. */
static espy_err notify_all(espy_ctx *cx, espy_serving *serving, espy_store *st,
                           const espy_webhook *hooks, size_t n, int64_t collection,
                           const char *action, double time, const espy_json *data)
{
    espy_json *body = NULL;
    int64_t owner = 0;
    bool known = false;
    espy_err e = ESPY_E_OK;
    for (size_t i = 0; i < n; i++) {
        const espy_webhook *h = &hooks[i];
        bool yes = false;
        if (!h->enabled || time < h->created || !notify_listed(h->events, action) ||
            (h->collection && h->collection != collection))
            continue;
        if (!known)
            ESPY_GO(notify_owner(cx, st, collection, &owner));
        known = true;
        ESPY_GO(notify_entitled(cx, st, h->owner, owner, &yes));
        if (yes && !body)
            ESPY_GO(notify_body(cx, collection, action, time, data, &body));
        if (yes)
            ESPY_GO(notify_order(cx, serving, st, h->id, action, body));
    }
out:
    espy_json_free(body);
    return e;
}

espy_err espy_notify(espy_ctx *cx, espy_serving *serving, espy_store *st, int64_t collection,
                     const char *action, double time, const espy_json *data)
{
    espy_webhook *hooks = NULL;
    size_t n = 0;
    ESPY_TRY(espy_store_webhooks(cx, st, 0, &hooks, &n));
    espy_err e = notify_all(cx, serving, st, hooks, n, collection, action, time, data);
    espy_webhooks_free(cx, hooks, n);
    return e;
}

espy_err espy_notify_job(espy_ctx *cx, espy_serving *serving, espy_store *st, const espy_job *job,
                         const char *state, const char *error)
{
    char action[32];
    espy_json *data = NULL;
    espy_made m = espy_make_object(cx);
    espy_put_int(&m, "job", job->id);
    espy_put_text(&m, "kind", job->kind);
    espy_put_text(&m, "state", state);
    espy_put_text(&m, "error", error);
    ESPY_TRY(espy_made_end(&m, &data));
    snprintf(action, sizeof action, "job.%s", state);
    espy_err e = espy_notify(cx, serving, st, job->collection, action, espy_time_now(), data);
    espy_json_free(data);
    return e;
}

/* -- the store's events ------------------------------------------------------------------------ */
static espy_err notify_seen_set(espy_ctx *cx, espy_store *st, int64_t id)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)id);
    return espy_store_setting_set(cx, st, NOTIFY_SEEN, text);
}

static espy_err notify_seen(espy_ctx *cx, espy_store *st, int64_t *id)
{
    char *text = NULL;
    ESPY_TRY(espy_store_setting(cx, st, NOTIFY_SEEN, &text));
    if (!text || !espy_parse_int(text, 0, INT64_MAX, id))
        *id = 0;
    espy_free(cx, text);
    return ESPY_E_OK;
}

espy_err espy_notify_begin(espy_ctx *cx, espy_store *st)
{
    espy_webhook *hooks = NULL;
    size_t n = 0;
    int64_t last = 0;
    ESPY_TRY(espy_store_webhooks(cx, st, 0, &hooks, &n));
    espy_webhooks_free(cx, hooks, n);
    if (n > 0)
        return ESPY_E_OK;
    ESPY_TRY(espy_store_events_last(cx, st, &last));
    return notify_seen_set(cx, st, last);
}

static espy_err notify_event(espy_ctx *cx, espy_serving *serving, espy_store *st,
                             const espy_webhook *hooks, size_t n, const espy_event *event)
{
    espy_json *data = NULL;
    ESPY_TRY(espy_event_json(cx, event, &data));
    espy_err e =
        notify_all(cx, serving, st, hooks, n, event->collection, event->action, event->time, data);
    espy_json_free(data);
    return e;
}

/* What is the event's own fault, and would fail again: it is passed by, for the others' sake. */
static bool notify_passes(espy_err e)
{
    return e == ESPY_E_LIMIT || e == ESPY_E_FORMAT || e == ESPY_E_ARG || e == ESPY_E_DATA;
}

/* Within a transaction, so that of several servers one does it. */
static espy_err notify_some(espy_ctx *cx, espy_serving *serving, espy_store *st,
                            const espy_webhook *hooks, size_t n_hooks, bool *more)
{
    espy_event *events = NULL;
    size_t n = 0;
    int64_t seen = 0;
    espy_err e = ESPY_E_OK;
    ESPY_GO(notify_seen(cx, st, &seen));
    ESPY_GO(espy_store_events_of(cx, st, 0, seen, NOTIFY_EVENTS, &events, &n));
    for (size_t i = 0; i < n; i++) {
        e = notify_event(cx, serving, st, hooks, n_hooks, &events[i]);
        if (notify_passes(e)) {
            espy_log(cx, ESPY_LOG_ERROR, "webhooks: event %lld (%s) cannot be told: %s",
                     (long long)events[i].id, events[i].action, cx->text);
            espy_clear(cx);
            e = ESPY_E_OK;
        }
        ESPY_GO(e);
    }
    *more = n == NOTIFY_EVENTS;
    if (n > 0)
        ESPY_GO(notify_seen_set(cx, st, events[n - 1].id));
out:
    espy_events_free(cx, events, n);
    return e;
}

/* Whether there is anything to do, asked without a transaction: that is the usual answer. */
static espy_err notify_behind(espy_ctx *cx, espy_store *st, bool *yes)
{
    int64_t seen = 0, last = 0;
    ESPY_TRY(notify_seen(cx, st, &seen));
    ESPY_TRY(espy_store_events_last(cx, st, &last));
    *yes = last > seen;
    return ESPY_E_OK;
}

espy_err espy_notify_events(espy_ctx *cx, espy_serving *serving, espy_store *st)
{
    espy_webhook *hooks = NULL;
    size_t n = 0;
    bool more = false;
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_store_webhooks(cx, st, 0, &hooks, &n));
    if (n > 0)
        ESPY_GO(notify_behind(cx, st, &more));
    while (more && e == ESPY_E_OK) {
        ESPY_GO(espy_store_begin(cx, st));
        e = notify_some(cx, serving, st, hooks, n, &more);
        if (e == ESPY_E_OK)
            e = espy_store_commit(cx, st);
        if (e != ESPY_E_OK)
            espy_store_rollback(cx, st);
    }
out:
    espy_webhooks_free(cx, hooks, n);
    return e;
}
