/* SPDX-License-Identifier: Apache-2.0
 * http - /v1: sessions and attendance. */
#include <math.h>

#include "http/attend.h"
#include "http/make.h"
#include "http/serving.h"
#include "http/shapes.h"
#include "store/attendance.h"
#include "store/label.h"
#include "store/session.h"

static espy_err session_json(espy_ctx *cx, const void *item, espy_json **out)
{
    const espy_session *s = item;
    espy_made m = espy_make_object(cx);
    espy_put_int(&m, "id", s->id);
    espy_put_int(&m, "collection", s->collection);
    espy_put_text(&m, "name", s->name);
    espy_put_text(&m, "date", s->date && s->date[0] ? s->date : NULL);
    espy_put_text(&m, "start_time", s->start_time);
    espy_put_text(&m, "end_time", s->end_time);
    espy_put_text(&m, "notes", s->notes);
    espy_put_raw(&m, "detail", s->detail);
    espy_put_text(&m, "state", s->closed ? "closed" : "open");
    espy_put_id(&m, "owner", s->owner);
    espy_put_int(&m, "media", (int64_t)s->media);
    espy_put_int(&m, "samples", (int64_t)s->samples);
    espy_put_int(&m, "labelled", (int64_t)s->labelled);
    espy_put_time(&m, "created", s->created);
    espy_put_time(&m, "ended", s->ended);
    return espy_made_end(&m, out);
}

static espy_err session_asked(espy_call *call, espy_session *out)
{
    ESPY_TRY(
        espy_store_session_get(call->cx, call->ws->store, espy_call_int(call, "session"), out));
    espy_err e = espy_call_owns(call, out->collection);
    if (e != ESPY_E_OK)
        espy_session_free(call->cx, out);
    return e;
}

static espy_err reply_session(espy_call *call, int status, int64_t id)
{
    espy_session s = {0};
    espy_json *o = NULL;
    ESPY_TRY(espy_store_session_get(call->cx, call->ws->store, id, &s));
    espy_err e = session_json(call->cx, &s, &o);
    espy_session_free(call->cx, &s);
    ESPY_TRY(e);
    return espy_reply_json(call, status, o);
}

static espy_err list(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_page page;
    espy_session *all = NULL;
    size_t n = 0;
    int64_t total = 0;
    espy_session_filter f = {.state = espy_call_text(call, "state"),
                             .from = espy_call_text(call, "from"),
                             .to = espy_call_text(call, "to"),
                             .search = espy_call_text(call, "search")};
    ESPY_TRY(espy_collection_asked(call, &f.collection));
    ESPY_TRY(espy_page_asked(call, &page));
    ESPY_TRY(espy_store_session_page(cx, call->ws->store, &f, &page, &all, &n, &total));
    const espy_page_items items = {all, sizeof *all, n, total, session_json};
    espy_err e = espy_reply_page(call, &page, &items);
    espy_sessions_free(cx, all, n);
    return e;
}

static espy_err create(espy_call *call)
{
    espy_ctx *cx = call->cx;
    int64_t collection, id = 0;
    espy_buf detail;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_collection_asked(call, &collection));
    ESPY_GO(espy_detail_asked(call, &detail));
    const espy_session s = {.collection = collection,
                            .owner = call->who.user,
                            .name = (char *)(uintptr_t)espy_call_text(call, "name"),
                            .date = (char *)(uintptr_t)espy_call_text(call, "date"),
                            .start_time = (char *)(uintptr_t)espy_call_text(call, "start_time"),
                            .end_time = (char *)(uintptr_t)espy_call_text(call, "end_time"),
                            .notes = (char *)(uintptr_t)espy_call_text(call, "notes"),
                            .detail = (char *)detail.data};
    ESPY_GO(espy_store_session_add(cx, call->ws->store, &s, &id));
    e = reply_session(call, 201, id);
out:
    espy_buf_free(cx, &detail);
    return e;
}

static espy_err show(espy_call *call)
{
    espy_session s = {0};
    ESPY_TRY(session_asked(call, &s));
    espy_session_free(call->cx, &s);
    return reply_session(call, 200, espy_call_int(call, "session"));
}

static espy_err change(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_session s = {0};
    espy_buf detail;
    const char *state = espy_call_text(call, "state");
    const bool closed = state && state[0] == 'c';
    espy_err e = ESPY_E_OK;
    ESPY_TRY(session_asked(call, &s));
    int64_t id = s.id;
    espy_session_free(cx, &s);
    ESPY_GO(espy_detail_asked(call, &detail));
    const espy_session_change to = {.name = espy_call_text(call, "name"),
                                    .date = espy_call_text(call, "date"),
                                    .start_time = espy_call_text(call, "start_time"),
                                    .end_time = espy_call_text(call, "end_time"),
                                    .notes = espy_call_text(call, "notes"),
                                    .detail = (const char *)detail.data,
                                    .closed = state ? &closed : NULL};
    ESPY_GO(espy_store_session_update(cx, call->ws->store, id, &to));
    e = reply_session(call, 200, id);
out:
    espy_buf_free(cx, &detail);
    return e;
}

static espy_err drop(espy_call *call)
{
    espy_session s = {0};
    ESPY_TRY(session_asked(call, &s));
    espy_err e = espy_store_session_delete(call->cx, call->ws->store, s.id, "user");
    espy_session_free(call->cx, &s);
    ESPY_TRY(e);
    return espy_reply_gone(call);
}

/* -- attendance -------------------------------------------------------------------------------- */
static espy_err attendance_json(espy_ctx *cx, const void *item, espy_json **out)
{
    const espy_attendance *a = item;
    espy_made m = espy_make_object(cx);
    espy_put_int(&m, "id", a->id);
    espy_put_int(&m, "session", a->session);
    espy_put_text(&m, "session_name", a->session_name);
    espy_put_int(&m, "label", a->label);
    espy_put_text(&m, "code", a->code);
    espy_put_text(&m, "name", a->name);
    espy_put_text(&m, "day", a->day);
    espy_put_bool(&m, "present", a->present);
    espy_put_bool(&m, "manual", a->manual);
    espy_put_id(&m, "sample", a->sample);
    espy_put_real(&m, "confidence", a->confidence);
    espy_put_text(&m, "note", a->note);
    espy_put_time(&m, "time", a->time);
    return espy_made_end(&m, out);
}

static espy_err attendance_list(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_page page;
    espy_attendance *all = NULL;
    size_t n = 0;
    int64_t total = 0;
    espy_attendance_filter f = {.session = espy_call_int(call, "session"),
                                .code = espy_call_text(call, "code"),
                                .from = espy_call_text(call, "from"),
                                .to = espy_call_text(call, "to")};
    ESPY_TRY(espy_collection_asked(call, &f.collection));
    ESPY_TRY(espy_page_asked(call, &page));
    ESPY_TRY(espy_store_attendance_page(cx, call->ws->store, &f, &page, &all, &n, &total));
    const espy_page_items items = {all, sizeof *all, n, total, attendance_json};
    espy_err e = espy_reply_page(call, &page, &items);
    espy_attendance_free(cx, all, n);
    return e;
}

static espy_err mark(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_session s = {0};
    char day[11];
    int64_t id = 0;
    bool fresh = false, kept = false;
    espy_json *o = NULL;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(session_asked(call, &s));
    espy_attend_day(&s, day);
    const espy_mark word = {.session = s.id,
                            .label = espy_call_int(call, "label"),
                            .day = espy_call_has(call, "day") ? espy_call_text(call, "day") : day,
                            .present = espy_call_bool(call, "present"),
                            .manual = true,
                            .user = call->who.user,
                            .confidence = NAN,
                            .note = espy_call_text(call, "note")};
    ESPY_GO(espy_store_attendance_mark(cx, call->ws->store, &word, &id, &fresh, &kept));
    espy_made m = espy_make_object(cx);
    espy_put_int(&m, "id", id);
    espy_put_int(&m, "session", word.session);
    espy_put_int(&m, "label", word.label);
    espy_put_text(&m, "day", word.day);
    espy_put_bool(&m, "present", word.present);
    ESPY_GO(espy_made_end(&m, &o));
    e = espy_reply_json(call, fresh ? 201 : 200, o);
out:
    espy_session_free(cx, &s);
    return e;
}

static espy_err unmark(espy_call *call)
{
    espy_session s = {0};
    size_t removed = 0;
    ESPY_TRY(session_asked(call, &s));
    espy_err e =
        espy_store_attendance_unmark(call->cx, call->ws->store, s.id, espy_call_int(call, "label"),
                                     espy_call_text(call, "day"), true, &removed);
    espy_session_free(call->cx, &s);
    ESPY_TRY(e);
    if (!removed)
        return espy_fail(call->cx, ESPY_E_NOT_FOUND, "nobody has said anything about that");
    return espy_reply_empty(call, 204);
}

/* The matrix of people and sessions; pairs that are left out are absent. */
static espy_err presence(espy_call *call)
{
    espy_ctx *cx = call->cx;
    int64_t collection, *ids = NULL;
    size_t n_ids = 0, n = 0;
    espy_presence *all = NULL;
    espy_json *o = NULL;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_collection_asked(call, &collection));
    ESPY_GO(espy_call_ids(call, "sessions", &ids, &n_ids));
    ESPY_GO(espy_store_presence(cx, call->ws->store, collection, ids, n_ids, &all, &n));
    espy_made m = espy_make_object(cx), cells = espy_make_array(cx);
    for (size_t i = 0; i < n; i++) {
        espy_made cell = espy_make_object(cx);
        espy_put_int(&cell, "label", all[i].label);
        espy_put_int(&cell, "session", all[i].session);
        espy_put_int(&cell, "samples", (int64_t)all[i].samples);
        espy_put(&cell, "said",
                 all[i].said ? espy_json_of_bool(all[i].there) : espy_json_null_value());
        espy_put_bool(&cell, "present", all[i].present);
        espy_put_made(&cells, NULL, &cell);
    }
    espy_put_made(&m, "items", &cells);
    ESPY_GO(espy_made_end(&m, &o));
    e = espy_reply_json(call, 200, o);
out:
    espy_free(cx, all);
    espy_free(cx, ids);
    return e;
}

#define SESSION_FIELD ESPY_ID_FIELD("session", "id of the session")
#define WHEN_FIELDS                                                                         \
    {"date", ESPY_IN_BODY, ESPY_FIELD_TEXT, 0, 10, false, NULL, NULL, "YYYY-MM-DD"},        \
        {"start_time", ESPY_IN_BODY, ESPY_FIELD_TEXT, 0, 8, false, NULL, NULL, "HH:MM"},    \
        {"end_time", ESPY_IN_BODY, ESPY_FIELD_TEXT, 0, 8, false, NULL, NULL, "HH:MM"},      \
        {"notes", ESPY_IN_BODY, ESPY_FIELD_TEXT, 0, 4096, false, NULL, NULL, "for people"}, \
    {                                                                                       \
        "detail", ESPY_IN_BODY, ESPY_FIELD_OBJECT, 0, 0, false, NULL, NULL,                 \
            "anything: course, section, year"                                               \
    }
#define DAYS_FIELDS                                                                             \
    {"from", ESPY_IN_QUERY, ESPY_FIELD_DATE, 10, 10, false, NULL, NULL, "first day, included"}, \
    {                                                                                           \
        "to", ESPY_IN_QUERY, ESPY_FIELD_DATE, 10, 10, false, NULL, NULL, "last day, included"   \
    }

static const espy_field list_fields[] = {
    ESPY_COLLECTION_FIELD,
    ESPY_PAGE_FIELDS,
    {"state", ESPY_IN_QUERY, ESPY_FIELD_TEXT, 1, 8, false, NULL, "open|closed", "only such"},
    DAYS_FIELDS,
    {"search", ESPY_IN_QUERY, ESPY_FIELD_TEXT, 1, 256, false, NULL, NULL,
     "stands in name or notes"},
    {0}};
static const espy_field create_fields[] = {
    ESPY_COLLECTION_FIELD,
    {"name", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 255, true, NULL, NULL, "what it is called"},
    WHEN_FIELDS,
    {0}};
static const espy_field one_fields[] = {SESSION_FIELD, {0}};
static const espy_field change_fields[] = {
    SESSION_FIELD,
    {"name", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 255, false, NULL, NULL, "what it is called"},
    {"state", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 8, false, NULL, "open|closed",
     "closing tells when it ended"},
    WHEN_FIELDS,
    {0}};
static const espy_field attendance_fields[] = {
    ESPY_COLLECTION_FIELD,
    ESPY_PAGE_FIELDS,
    {"session", ESPY_IN_QUERY, ESPY_FIELD_INT, 1, 9007199254740991.0, false, NULL, NULL,
     "only of this session"},
    {"code", ESPY_IN_QUERY, ESPY_FIELD_TEXT, 1, 255, false, NULL, NULL, "only of this label"},
    DAYS_FIELDS,
    {0}};
static const espy_field mark_fields[] = {
    SESSION_FIELD,
    ESPY_ID_FIELD("label", "id of the label"),
    {"present", ESPY_IN_BODY, ESPY_FIELD_BOOL, 0, 1, false, "true", NULL,
     "whether they were there"},
    {"day", ESPY_IN_BODY, ESPY_FIELD_DATE, 10, 10, false, NULL, NULL,
     "YYYY-MM-DD; else the session's date, else today"},
    {"note", ESPY_IN_BODY, ESPY_FIELD_TEXT, 0, 1024, false, NULL, NULL, "why"},
    {0}};
static const espy_field unmark_fields[] = {
    SESSION_FIELD,
    ESPY_ID_FIELD("label", "id of the label"),
    {"day", ESPY_IN_QUERY, ESPY_FIELD_DATE, 10, 10, false, NULL, NULL, "only of this day"},
    {0}};
static const espy_field presence_fields[] = {ESPY_COLLECTION_FIELD,
                                             {"sessions", ESPY_IN_QUERY, ESPY_FIELD_IDS, 1, 1000,
                                              false, NULL, NULL, "only of these sessions"},
                                             {0}};

const espy_route espy_routes_v1_sessions[] = {
    {"GET", "/v1/collections/{collection}/sessions", &espy_service_v1, ESPY_MAY_READ,
     ESPY_LANE_QUICK, list_fields, "Sessions of a collection, newest first", "200 SessionPage|404",
     list},
    {"POST", "/v1/collections/{collection}/sessions", &espy_service_v1, ESPY_MAY_ENROLL,
     ESPY_LANE_QUICK, create_fields, "A new session", "201 Session|404|409", create},
    {"GET", "/v1/sessions/{session}", &espy_service_v1, ESPY_MAY_READ, ESPY_LANE_QUICK, one_fields,
     "One session", "200 Session|404", show},
    {"PATCH", "/v1/sessions/{session}", &espy_service_v1, ESPY_MAY_ENROLL, ESPY_LANE_QUICK,
     change_fields, "Change, close or open again", "200 Session|404|409", change},
    {"DELETE", "/v1/sessions/{session}", &espy_service_v1, ESPY_MAY_ENROLL, ESPY_LANE_QUICK,
     one_fields, "The session and its media go out of sight; can be undone", "204|404", drop},
    {"GET", "/v1/collections/{collection}/attendance", &espy_service_v1, ESPY_MAY_READ,
     ESPY_LANE_QUICK, attendance_fields, "Who was marked when, the last first",
     "200 AttendancePage|404", attendance_list},
    {"PUT", "/v1/sessions/{session}/attendance/{label}", &espy_service_v1, ESPY_MAY_ENROLL,
     ESPY_LANE_QUICK, mark_fields, "Say that somebody was there, or was not",
     "200 Marked|201 Marked|404", mark},
    {"DELETE", "/v1/sessions/{session}/attendance/{label}", &espy_service_v1, ESPY_MAY_ENROLL,
     ESPY_LANE_QUICK, unmark_fields, "Take back what was said", "204|404", unmark},
    {"GET", "/v1/collections/{collection}/presence", &espy_service_v1, ESPY_MAY_READ,
     ESPY_LANE_QUICK, presence_fields, "The matrix of people and sessions",
     "200 PresenceMatrix|404", presence},
    {0}};

const espy_schema espy_schemas_v1_sessions[] = {
    {"Session",
     "{\"type\":\"object\",\"required\":[\"id\",\"collection\",\"name\",\"state\"],\"properties\":{"
     "\"id\":{\"type\":\"integer\"},\"collection\":{\"type\":\"integer\"},\"name\":{\"type\":"
     "\"string\"},\"date\":{\"type\":[\"string\",\"null\"]},\"start_time\":{\"type\":[\"string\","
     "\"null\"]},\"end_time\":{\"type\":[\"string\",\"null\"]},\"notes\":{\"type\":\"string\"},"
     "\"detail\":{\"type\":[\"object\",\"null\"]},\"state\":{\"enum\":[\"open\",\"closed\"]},"
     "\"owner\":{\"type\":[\"integer\",\"null\"]},\"media\":{\"type\":\"integer\"},\"samples\":{"
     "\"type\":\"integer\"},\"labelled\":{\"type\":\"integer\"},\"created\":{\"type\":[\"string\","
     "\"null\"]},\"ended\":{\"type\":[\"string\",\"null\"]}}}"},
    {"SessionPage", ESPY_PAGE_SCHEMA("Session")},
    {"Attendance",
     "{\"type\":\"object\",\"required\":[\"id\",\"session\",\"label\",\"day\",\"present\"],"
     "\"properties\":{\"id\":{\"type\":\"integer\"},\"session\":{\"type\":\"integer\"},\"label\":{"
     "\"type\":\"integer\"},\"day\":{\"type\":\"string\"},\"present\":{\"type\":\"boolean\"}}}"},
    {"AttendancePage", ESPY_PAGE_SCHEMA("Attendance")},
    {"Marked", "{\"type\":\"object\",\"required\":[\"id\",\"session\",\"label\",\"day\","
               "\"present\"]}"},
    {"PresenceMatrix", "{\"type\":\"object\",\"required\":[\"items\"],\"properties\":{\"items\":{"
                       "\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"label\","
                       "\"session\",\"samples\",\"said\",\"present\"]}}}}"},
    {0}};
