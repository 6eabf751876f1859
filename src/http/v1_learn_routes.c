/* SPDX-License-Identifier: Apache-2.0
 * http - /v1: training, grouping, assignment as jobs; versions and aliases; jobs; events. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "flow/rollback.h"
#include "flow/trigger.h"
#include "http/make.h"
#include "http/serving.h"
#include "http/shapes.h"
#include "store/session.h"

/* -- ordering ---------------------------------------------------------------------------------- */
static espy_err reply_job(espy_call *call, int status, int64_t id)
{
    espy_job job = {0};
    espy_json *o = NULL;
    char place[48];
    ESPY_TRY(espy_store_job_get(call->cx, call->ws->store, id, &job));
    espy_err e = espy_job_json(call->cx, &job, &o);
    espy_job_free(call->cx, &job);
    ESPY_TRY(e);
    if (status == 202) {
        snprintf(place, sizeof place, "/v1/jobs/%lld", (long long)id);
        e = espy_reply_header(call, "Location", place);
        if (e != ESPY_E_OK) {
            espy_json_free(o);
            return e;
        }
    }
    return espy_reply_json(call, status, o);
}

/* The session that a job is about, by its id or its name: as name and day, which the job asks by.
 */
static espy_err order_session(espy_call *call, int64_t collection, espy_made *m)
{
    espy_ctx *cx = call->cx;
    espy_store *st = call->ws->store;
    const char *given = espy_call_text(call, "session"), *day = espy_call_text(call, "date");
    espy_session s = {0};
    int64_t id;
    if (!given)
        return ESPY_E_OK;
    espy_err e = espy_parse_int(given, 1, INT64_MAX, &id)
                     ? ESPY_E_OK
                     : espy_store_session_find(cx, st, collection, given, &id);
    if (e == ESPY_E_OK)
        e = espy_store_session_get(cx, st, id, &s);
    if (e == ESPY_E_NOT_FOUND || (e == ESPY_E_OK && s.collection != collection)) {
        espy_session_free(cx, &s);
        espy_clear(cx);
        return espy_fail(cx, ESPY_E_NOT_FOUND,
                         "the collection has no session \"%s\": give its id or its name", given);
    }
    ESPY_TRY(e);
    day = day ? day : s.date;
    espy_put_text(m, "session", s.name);
    if (day && *day)
        espy_put_text(m, "date", day);
    espy_session_free(cx, &s);
    return m->e;
}

/* The request of a job: what was sent, null included, and the collection's id. */
static espy_err order_text(espy_call *call, int64_t collection, espy_buf *text)
{
    espy_made m = espy_make_object(call->cx);
    espy_json *o = NULL;
    espy_put_id(&m, "collection", collection);
    for (const espy_field *f = call->route->fields; f->name; f++) {
        const espy_json *v = espy_call_json(call, f->name);
        bool when = strcmp(f->name, "session") == 0 || strcmp(f->name, "date") == 0;
        if (f->place != ESPY_IN_PATH && v && !when)
            espy_put(&m, f->name, espy_json_ref((espy_json *)(uintptr_t)v));
        if (espy_call_null(call, f->name) && !when)
            espy_put_null(&m, f->name);
    }
    if (m.e == ESPY_E_OK)
        m.e = order_session(call, collection, &m);
    ESPY_TRY(espy_made_end(&m, &o));
    espy_err e = espy_json_print(call->cx, o, 0, text);
    espy_json_free(o);
    return e;
}

/* Orders a job.  Of those with one `alone` one runs: a second one is 409. */
static espy_err order_alone(espy_call *call, int64_t collection, const char *kind,
                            const char *alone)
{
    espy_ctx *cx = call->cx;
    espy_buf text;
    int64_t id = 0;
    bool fresh = false;
    espy_err e = ESPY_E_OK;
    espy_buf_init(&text, (size_t)1 << 20);
    ESPY_GO(order_text(call, collection, &text));
    const espy_job_order o = {.collection = collection,
                              .kind = kind,
                              .request = (const char *)text.data,
                              .exclusive = alone};
    ESPY_GO(espy_jobs_order(cx, call->serving, call->ws->store, &o, true, &id, &fresh));
    if (!fresh)
        ESPY_GO(espy_refuse(call, 409, "busy", "job %lld does that already", (long long)id));
    e = reply_job(call, 202, id);
out:
    espy_buf_free(cx, &text);
    return e;
}

/* The same over the collection of the path. */
static espy_err order(espy_call *call, const char *kind, const char *exclusive)
{
    espy_collection c = {0};
    char alone[64];
    ESPY_TRY(espy_call_collection(call, espy_call_text(call, "collection"), &c));
    snprintf(alone, sizeof alone, "%s:%lld", exclusive, (long long)c.id);
    espy_err e = order_alone(call, c.id, kind, alone);
    espy_collection_free(call->cx, &c);
    return e;
}

static espy_err train(espy_call *call)
{
    return order(call, "train", "train");
}

static espy_err cluster(espy_call *call)
{
    return order(call, "cluster", "group");
}

static espy_err assign(espy_call *call)
{
    return order(call, "assign", "group");
}

static espy_err embed(espy_call *call)
{
    espy_pack *pack = NULL;
    if (strpbrk(espy_call_text(call, "pack"), "/."))
        return espy_refuse_field(call, "pack", "the name of a pack is expected");
    ESPY_TRY(espy_pack_open(call->cx, espy_call_text(call, "pack"), call->ws->dir, &pack));
    espy_pack_destroy(call->cx, &pack);
    return order(call, "embed", "embed");
}

/* Without an age nothing would go. */
static espy_err expire(espy_call *call)
{
    if (call->who.collection)
        return espy_refuse(call, 403, NULL, "this key is for one collection");
    if (!espy_call_has(call, "probes") && !espy_call_has(call, "unknowns") &&
        !espy_call_has(call, "deleted"))
        return espy_refuse_field(call, "probes", "give the days of probes, unknowns or deleted");
    return order_alone(call, 0, "expire", "expire");
}

/* -- versions ---------------------------------------------------------------------------------- */
static espy_err version_json(espy_ctx *cx, const espy_version *v, espy_json **out)
{
    espy_made m = espy_make_object(cx);
    espy_put_int(&m, "version", v->number);
    espy_put_text(&m, "head", v->head);
    espy_put_text(&m, "digest", v->digest);
    espy_put_time(&m, "created", v->created);
    espy_put(&m, "detail", espy_json_ref(v->json));
    return espy_made_end(&m, out);
}

static espy_err versions(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_collection c = {0};
    espy_version *all = NULL;
    size_t n = 0;
    int64_t live = 0, previous = 0;
    espy_json *v = NULL;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_call_collection(call, espy_call_text(call, "collection"), &c));
    ESPY_GO(espy_store_versions(cx, call->ws->store, c.id, &all, &n));
    ESPY_GO(espy_store_alias(cx, call->ws->store, c.id, "live", &live));
    ESPY_GO(espy_store_alias(cx, call->ws->store, c.id, "previous", &previous));
    espy_made m = espy_make_object(cx), list = espy_make_array(cx);
    for (size_t i = 0; i < n && list.e == ESPY_E_OK; i++) {
        list.e = version_json(cx, &all[i], &v);
        if (list.e == ESPY_E_OK)
            espy_put(&list, NULL, v);
    }
    espy_put_made(&m, "items", &list);
    espy_put_id(&m, "live", live);
    espy_put_id(&m, "previous", previous);
    ESPY_GO(espy_made_end(&m, &v));
    e = espy_reply_json(call, 200, v);
out:
    espy_versions_free(cx, all, n);
    espy_collection_free(cx, &c);
    return e;
}

static espy_err version_show(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_collection c = {0};
    espy_version v = {0};
    espy_json *o = NULL;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_call_collection(call, espy_call_text(call, "collection"), &c));
    ESPY_GO(espy_store_version(cx, call->ws->store, c.id, espy_call_int(call, "version"), &v));
    ESPY_GO(version_json(cx, &v, &o));
    e = espy_reply_json(call, 200, o);
out:
    espy_version_free(cx, &v);
    espy_collection_free(cx, &c);
    return e;
}

/* Another version answers, once it has proved that it can.  version 0: `previous`. */
static espy_err live(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_collection c = {0};
    int64_t from = 0, now = 0;
    espy_json *o = NULL;
    ESPY_TRY(espy_call_collection(call, espy_call_text(call, "collection"), &c));
    espy_err e = espy_flow_rollback(cx, call->ws, &c, espy_call_int(call, "version"),
                                    espy_call_text(call, "reason"), &from, &now);
    espy_collection_free(cx, &c);
    ESPY_TRY(e);
    espy_made m = espy_make_object(cx);
    espy_put_id(&m, "live", now);
    espy_put_id(&m, "previous", from);
    ESPY_TRY(espy_made_end(&m, &o));
    return espy_reply_json(call, 200, o);
}

static espy_err trigger(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_collection c = {0};
    espy_json *current = NULL, *last = NULL, *o = NULL;
    int64_t added = 0, least = espy_call_int(call, "min_new_samples");
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_call_collection(call, espy_call_text(call, "collection"), &c));
    ESPY_GO(espy_trigger_count_store(cx, call->ws, &c, &current));
    ESPY_GO(espy_trigger_last(cx, call->ws, &c, false, &last));
    bool retrain = espy_trigger_decide(current, last, least, &added);
    espy_made m = espy_make_object(cx);
    espy_put_bool(&m, "retrain", retrain);
    espy_put_int(&m, "new_samples", added);
    espy_put_int(&m, "min_new_samples", least);
    ESPY_GO(espy_made_end(&m, &o));
    e = espy_reply_json(call, 200, o);
out:
    espy_json_free(current);
    espy_json_free(last);
    espy_collection_free(cx, &c);
    return e;
}

/* -- jobs -------------------------------------------------------------------------------------- */
static espy_err job_item(espy_ctx *cx, const void *item, espy_json **out)
{
    return espy_job_json(cx, item, out);
}

/* A job of a collection is seen by whoever sees that; one of none by administrators. */
static espy_err job_asked(espy_call *call, espy_job *out)
{
    ESPY_TRY(espy_store_job_get(call->cx, call->ws->store, espy_call_int(call, "job"), out));
    espy_err e = out->collection ? espy_call_owns(call, out->collection)
                 : call->who.role == ESPY_ADMIN && !call->who.collection
                     ? ESPY_E_OK
                     : espy_fail(call->cx, ESPY_E_NOT_FOUND, "not found");
    if (e != ESPY_E_OK)
        espy_job_free(call->cx, out);
    return e;
}

static espy_err jobs(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_page page;
    espy_job *all = NULL;
    size_t n = 0;
    int64_t total = 0;
    espy_job_filter f = {.collection = call->who.collection,
                         .collection_owner = call->who.role == ESPY_ADMIN ? 0 : call->who.user,
                         .kind = espy_call_text(call, "kind"),
                         .state = espy_call_text(call, "state")};
    if (espy_call_has(call, "collection")) {
        f.collection = espy_call_int(call, "collection");
        ESPY_TRY(espy_call_owns(call, f.collection));
    }
    ESPY_TRY(espy_page_asked(call, &page));
    ESPY_TRY(espy_store_job_page(cx, call->ws->store, &f, &page, &all, &n, &total));
    const espy_page_items items = {all, sizeof *all, n, total, job_item};
    espy_err e = espy_reply_page(call, &page, &items);
    espy_jobs_free(cx, all, n);
    return e;
}

static espy_err job_show(espy_call *call)
{
    espy_job job = {0};
    ESPY_TRY(job_asked(call, &job));
    espy_job_free(call->cx, &job);
    return reply_job(call, 200, espy_call_int(call, "job"));
}

static espy_err job_log(espy_call *call)
{
    espy_job job = {0};
    ESPY_TRY(job_asked(call, &job));
    espy_err e = espy_reply_text(call, 200, "text/plain; charset=utf-8", job.log ? job.log : "");
    espy_job_free(call->cx, &job);
    return e;
}

static espy_err job_cancel(espy_call *call)
{
    espy_job job = {0};
    ESPY_TRY(job_asked(call, &job));
    espy_job_free(call->cx, &job);
    ESPY_TRY(espy_store_job_cancel(call->cx, call->ws->store, espy_call_int(call, "job")));
    return reply_job(call, 200, espy_call_int(call, "job"));
}

static espy_err job_stream(espy_call *call)
{
    espy_job job = {0};
    char topic[48];
    ESPY_TRY(job_asked(call, &job));
    snprintf(topic, sizeof topic, "job:%lld", (long long)job.id);
    espy_job_free(call->cx, &job);
    return espy_reply_stream(call, topic, 0);
}

/* -- events ------------------------------------------------------------------------------------ */
static espy_err event_item(espy_ctx *cx, const void *item, espy_json **out)
{
    return espy_event_json(cx, item, out);
}

/* Whose events: of one collection, or of all of the caller's. */
static espy_err events_asked(espy_call *call, int64_t *owner, int64_t *collection)
{
    *owner = call->who.role == ESPY_ADMIN ? 0 : call->who.user;
    *collection = call->who.collection;
    if (!espy_call_has(call, "collection"))
        return ESPY_E_OK;
    *collection = espy_call_int(call, "collection");
    return espy_call_owns(call, *collection);
}

static espy_err events(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_page page;
    espy_event *all = NULL;
    size_t n = 0;
    espy_event_filter f = {.undoable = espy_call_bool(call, "undoable"),
                           .newest = strcmp(espy_call_text(call, "order"), "newest") == 0};
    ESPY_TRY(events_asked(call, &f.owner, &f.collection));
    ESPY_TRY(espy_page_asked(call, &page));
    ESPY_TRY(espy_store_events_page(cx, call->ws->store, &f, page.cursor, page.limit, &all, &n));
    const espy_page_items items = {all, sizeof *all, n, -1, event_item};
    espy_err e = espy_reply_page(call, &page, &items);
    espy_events_free(cx, all, n);
    return e;
}

/* From now on, or from the event on that the client saw last. */
static espy_err events_stream(espy_call *call)
{
    int64_t owner, collection, since = 0;
    char topic[64];
    const char *seen = espy_call_header(call, "Last-Event-ID");
    ESPY_TRY(events_asked(call, &owner, &collection));
    if (!seen || !espy_parse_int(seen, 0, INT64_MAX, &since))
        ESPY_TRY(espy_store_events_last(call->cx, call->ws->store, &since));
    snprintf(topic, sizeof topic, "events:%lld:%lld", (long long)owner, (long long)collection);
    return espy_reply_stream(call, topic, since);
}

#define ONLY_COLLECTION                                                                        \
    {                                                                                          \
        "collection", ESPY_IN_QUERY, ESPY_FIELD_INT, 1, 9007199254740991.0, false, NULL, NULL, \
            "id of the collection; else all of the caller's"                                   \
    }
#define SESSION_NAME_FIELDS                                                            \
    {"session", ESPY_IN_BODY, ESPY_FIELD_TEXT,                                         \
     1,         255,          false,                                                   \
     NULL,      NULL,         "id or name of one session; else the whole collection"}, \
    {                                                                                  \
        "date", ESPY_IN_BODY, ESPY_FIELD_DATE, 10, 10, false, NULL, NULL,              \
            "its day, where several have the name"                                     \
    }
static const espy_field train_fields[] = {
    ESPY_COLLECTION_FIELD,
    {"head", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 32, false, NULL, "svm|logistic|knn|mlp|prototypes",
     "what learns; else what is usual for the modality"},
    {"epochs", ESPY_IN_BODY, ESPY_FIELD_INT, 1, 100000, false, NULL, NULL, "mlp: most epochs"},
    {"seed", ESPY_IN_BODY, ESPY_FIELD_INT, 0, 4294967295.0, false, NULL, NULL,
     "of splits and starts"},
    {"threshold", ESPY_IN_BODY, ESPY_FIELD_REAL, 0, 1, false, NULL, NULL,
     "least probability to be known; else as chosen for the version that answers, or found; null: "
     "found anew"},
    {"min_accuracy", ESPY_IN_BODY, ESPY_FIELD_REAL, 0, 1, false, NULL, NULL,
     "least accuracy to answer"},
    {"force", ESPY_IN_BODY, ESPY_FIELD_BOOL, 0, 1, false, "false", NULL,
     "answer whatever the gate finds"},
    {"reason", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 255, false, NULL, NULL, "for the history"},
    {0}};
static const espy_field cluster_fields[] = {
    ESPY_COLLECTION_FIELD,
    SESSION_NAME_FIELDS,
    {"method", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 16, false, "\"average\"", "average|dbscan",
     "average linkage, or DBSCAN with noise"},
    {"threshold", ESPY_IN_BODY, ESPY_FIELD_REAL, 0, 1, false, NULL, NULL,
     "cosine; higher makes more and smaller groups; else what suits the pack"},
    {"max_clusters", ESPY_IN_BODY, ESPY_FIELD_INT, 1, 200, false, NULL, NULL,
     "join on until there are no more"},
    {"include_identified", ESPY_IN_BODY, ESPY_FIELD_BOOL, 0, 1, false, "false", NULL,
     "also samples that have a name"},
    {0}};
static const espy_field assign_fields[] = {
    ESPY_COLLECTION_FIELD,
    SESSION_NAME_FIELDS,
    {"k", ESPY_IN_BODY, ESPY_FIELD_INT, 1, 20, false, "5", NULL, "neighbours"},
    {"threshold", ESPY_IN_BODY, ESPY_FIELD_REAL, 0, 1, false, NULL, NULL,
     "least cosine; else what suits the pack"},
    {"use_voting", ESPY_IN_BODY, ESPY_FIELD_BOOL, 0, 1, false, "true", NULL,
     "the most votes win; else the nearest"},
    {"commit", ESPY_IN_BODY, ESPY_FIELD_BOOL, 0, 1, false, "true", NULL,
     "give the labels; else only tell"},
    {0}};
static const espy_field embed_fields[] = {ESPY_COLLECTION_FIELD,
                                          {"pack", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 64, true, NULL,
                                           NULL,
                                           "whose vectors are wanted beside the collection's own"},
                                          SESSION_NAME_FIELDS,
                                          {0}};
#define DAYS_FIELD(name, help)                                                     \
    {                                                                              \
        name, ESPY_IN_BODY, ESPY_FIELD_REAL, 0.001, 36500, false, NULL, NULL, help \
    }
static const espy_field expire_fields[] = {
    DAYS_FIELD("probes", "days after which media that were only asked about go"),
    DAYS_FIELD("unknowns", "days after which media go that show nobody who was named"),
    DAYS_FIELD("deleted", "days after which what was taken away goes for good"),
    {0}};
static const espy_field one_fields[] = {ESPY_COLLECTION_FIELD, {0}};
static const espy_field version_fields[] = {
    ESPY_COLLECTION_FIELD, ESPY_ID_FIELD("version", "number of the version"), {0}};
static const espy_field live_fields[] = {
    ESPY_COLLECTION_FIELD,
    {"version", ESPY_IN_BODY, ESPY_FIELD_INT, 0, 1e9, false, "0", NULL,
     "number of the version; 0: the one that answered before"},
    {"reason", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 255, false, NULL, NULL, "for the history"},
    {0}};
static const espy_field trigger_fields[] = {ESPY_COLLECTION_FIELD,
                                            {"min_new_samples", ESPY_IN_QUERY, ESPY_FIELD_INT, 0,
                                             1e9, false, "100", NULL,
                                             "new samples that are enough"},
                                            {0}};
static const espy_field jobs_fields[] = {
    ESPY_PAGE_FIELDS,
    ONLY_COLLECTION,
    {"kind", ESPY_IN_QUERY, ESPY_FIELD_TEXT, 1, 32, false, NULL, NULL, "only of this kind"},
    {"state", ESPY_IN_QUERY, ESPY_FIELD_TEXT, 1, 16, false, NULL,
     "queued|running|done|failed|cancelled", "only in this state"},
    {0}};
static const espy_field job_fields[] = {ESPY_ID_FIELD("job", "id of the job"), {0}};
static const espy_field events_fields[] = {ESPY_PAGE_FIELDS,
                                           ONLY_COLLECTION,
                                           {"order", ESPY_IN_QUERY, ESPY_FIELD_TEXT, 1, 16, false,
                                            "\"oldest\"", "oldest|newest",
                                            "what comes first, and which way a cursor goes on"},
                                           {"undoable", ESPY_IN_QUERY, ESPY_FIELD_BOOL, 0, 1, false,
                                            "false", NULL, "only those that can be undone"},
                                           {0}};
static const espy_field stream_fields[] = {ONLY_COLLECTION, {0}};

const espy_route espy_routes_v1_learn[] = {
    {"POST", "/v1/collections/{collection}/train", &espy_service_v1, ESPY_MAY_ENROLL,
     ESPY_LANE_QUICK, train_fields, "Learn anew from what has a label", "202 Job|404|409", train},
    {"POST", "/v1/collections/{collection}/cluster", &espy_service_v1, ESPY_MAY_ENROLL,
     ESPY_LANE_QUICK, cluster_fields, "Samples without a label become groups", "202 Job|404|409",
     cluster},
    {"POST", "/v1/collections/{collection}/assign", &espy_service_v1, ESPY_MAY_ENROLL,
     ESPY_LANE_QUICK, assign_fields, "Samples without a label get those they are most like",
     "202 Job|404|409", assign},
    {"POST", "/v1/collections/{collection}/embed", &espy_service_v1, ESPY_MAY_ENROLL,
     ESPY_LANE_QUICK, embed_fields, "Faces get vectors under another pack too", "202 Job|404|409",
     embed},
    {"POST", "/v1/expire", &espy_service_v1, ESPY_MAY_ADMIN, ESPY_LANE_QUICK, expire_fields,
     "Media that were kept long enough go for good", "202 Job|409", expire},
    {"GET", "/v1/collections/{collection}/trigger", &espy_service_v1, ESPY_MAY_READ,
     ESPY_LANE_QUICK, trigger_fields, "Whether enough is new for a training", "200 Trigger|404",
     trigger},
    {"GET", "/v1/collections/{collection}/versions", &espy_service_v1, ESPY_MAY_READ,
     ESPY_LANE_QUICK, one_fields, "Versions, newest first", "200 Versions|404", versions},
    {"GET", "/v1/collections/{collection}/versions/{version}", &espy_service_v1, ESPY_MAY_READ,
     ESPY_LANE_QUICK, version_fields, "One version", "200 Version|404", version_show},
    {"PUT", "/v1/collections/{collection}/aliases/live", &espy_service_v1, ESPY_MAY_ENROLL,
     ESPY_LANE_QUICK, live_fields, "Another version answers: promotion and rollback",
     "200 Aliases|404|422", live},
    {"GET", "/v1/jobs", &espy_service_v1, ESPY_MAY_READ, ESPY_LANE_QUICK, jobs_fields,
     "Jobs, newest first, without request and result (null): one by itself has them",
     "200 JobPage|404", jobs},
    {"GET", "/v1/jobs/{job}", &espy_service_v1, ESPY_MAY_READ, ESPY_LANE_QUICK, job_fields,
     "One job", "200 Job|404", job_show},
    {"GET", "/v1/jobs/{job}/log", &espy_service_v1, ESPY_MAY_READ, ESPY_LANE_QUICK, job_fields,
     "What it said", "200 text/plain|404", job_log},
    {"POST", "/v1/jobs/{job}/cancel", &espy_service_v1, ESPY_MAY_ENROLL, ESPY_LANE_QUICK,
     job_fields, "Ask it to stop", "200 Job|404|409", job_cancel},
    {"GET", "/v1/jobs/{job}/stream", &espy_service_v1, ESPY_MAY_READ, ESPY_LANE_QUICK, job_fields,
     "Progress, log and end as server-sent events", "200 text/event-stream|404", job_stream},
    {"GET", "/v1/events", &espy_service_v1, ESPY_MAY_READ, ESPY_LANE_QUICK, events_fields,
     "What happened, oldest or newest first", "200 EventPage|404", events},
    {"GET", "/v1/events/stream", &espy_service_v1, ESPY_MAY_READ, ESPY_LANE_QUICK, stream_fields,
     "What happens, as server-sent events", "200 text/event-stream|404", events_stream},
    {0}};

const espy_schema espy_schemas_v1_learn[] = {
    {"Job", "{\"type\":\"object\",\"required\":[\"id\",\"collection\",\"kind\",\"state\","
            "\"progress\"],\"properties\":{\"id\":{\"type\":\"integer\"},\"collection\":{\"type\":["
            "\"integer\",\"null\"]},\"kind\":{\"type\":\"string\"},\"state\":{\"enum\":[\"queued\","
            "\"running\",\"done\",\"failed\",\"cancelled\"]},\"progress\":{\"type\":\"number\"},"
            "\"error\":{\"type\":[\"string\",\"null\"]},\"request\":{\"type\":[\"object\","
            "\"null\"]},\"result\":{\"type\":[\"object\","
            "\"null\"]}}}"},
    {"JobPage", ESPY_PAGE_SCHEMA("Job")},
    {"Event",
     "{\"type\":\"object\",\"required\":[\"id\",\"time\",\"actor\",\"action\",\"undoable\","
     "\"undone\"],\"properties\":{\"id\":{\"type\":\"integer\"},\"action\":{\"type\":\"string\"},"
     "\"undoable\":{\"type\":\"boolean\",\"description\":\"whether POST "
     "/v1/collections/{collection}/undo takes it now\"},\"undone\":{\"type\":\"boolean\"}}}"},
    {"EventPage", ESPY_PAGE_SCHEMA("Event")},
    {"Trigger", "{\"type\":\"object\",\"required\":[\"retrain\",\"new_samples\"],\"properties\":{"
                "\"retrain\":{\"type\":\"boolean\"},\"new_samples\":{\"type\":\"integer\"}}}"},
    {"Version", "{\"type\":\"object\",\"required\":[\"version\",\"head\",\"digest\",\"detail\"],"
                "\"properties\":{\"version\":{\"type\":\"integer\"},\"head\":{\"type\":\"string\"},"
                "\"detail\":{\"type\":\"object\"}}}"},
    {"Versions", "{\"type\":\"object\",\"required\":[\"items\",\"live\",\"previous\"],"
                 "\"properties\":{\"items\":{\"type\":\"array\",\"items\":{\"$ref\":"
                 "\"#/components/schemas/Version\"}},\"live\":{\"type\":[\"integer\",\"null\"]},"
                 "\"previous\":{\"type\":[\"integer\",\"null\"]}}}"},
    {"Aliases", "{\"type\":\"object\",\"required\":[\"live\",\"previous\"]}"},
    {0}};
