/* SPDX-License-Identifier: Apache-2.0
 * http - AttendanSee: sessions, and who was there. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "http/attend.h"
#include "http/attendansee.h"
#include "store/attendance.h"

static const espy_page session_all = {.limit = SIZE_MAX};

/* -- CRUD -------------------------------------------------------------------------------------- */
static espy_err session_list(espy_call *call)
{
    espy_ctx *cx = call->cx;
    const espy_session_filter f = {.collection = espy_see_scope(call, "class_id"),
                                   .mine = espy_see_owner(call),
                                   .modality = "face",
                                   .search = espy_call_text(call, "search"),
                                   .from = espy_call_text(call, "date_from"),
                                   .to = espy_call_text(call, "date_to")};
    const espy_page page = espy_see_page(call);
    espy_session *at = NULL;
    size_t n = 0;
    int64_t total = 0;
    ESPY_TRY(espy_store_session_page(cx, call->ws->store, &f, &page, &at, &n, &total));
    espy_err e = espy_see_reply_page(call, espy_see_session_json, at, sizeof *at, n, total);
    espy_sessions_free(cx, at, n);
    return e;
}

static espy_err session_reply(espy_call *call, int status, int64_t id)
{
    espy_session s = {0};
    ESPY_TRY(espy_see_session(call, id, &s, NULL));
    espy_err e = espy_see_reply(call, status, espy_see_session_json, &s);
    espy_session_free(call->cx, &s);
    return e;
}

static bool session_is_date(const char *s)
{
    int64_t y, m, d;
    char text[11];
    if (strlen(s) != 10 || s[4] != '-' || s[7] != '-')
        return false;
    memcpy(text, s, sizeof text);
    text[4] = text[7] = 0;
    return espy_parse_int(text, 1, 9999, &y) && espy_parse_int(text + 5, 1, 12, &m) &&
           espy_parse_int(text + 8, 1, 31, &d);
}

/* HH:MM or HH:MM:SS. */
static bool session_is_time(const char *s)
{
    size_t n = strlen(s);
    int64_t v;
    char text[9];
    if ((n != 5 && n != 8) || s[2] != ':' || (n == 8 && s[5] != ':'))
        return false;
    memcpy(text, s, n + 1);
    text[2] = text[5] = 0;
    return espy_parse_int(text, 0, 23, &v) && espy_parse_int(text + 3, 0, 59, &v) &&
           (n == 5 || espy_parse_int(text + 6, 0, 59, &v));
}

/* A text that was sent, "" where it was sent as null, NULL where it was not sent. */
static const char *session_text(const espy_call *call, const char *field)
{
    return espy_call_null(call, field) ? "" : espy_call_text(call, field);
}

static espy_err session_check(espy_call *call)
{
    static const char *const times[] = {"start_time", "end_time"};
    const char *date = session_text(call, "date");
    if (date && !session_is_date(date))
        return espy_refuse_field(call, "date",
                                 "Date has wrong format. Use one of these formats instead: "
                                 "YYYY-MM-DD.");
    for (size_t i = 0; i < 2; i++) {
        const char *t = session_text(call, times[i]);
        if (t && *t && !session_is_time(t))
            return espy_refuse_field(call, times[i],
                                     "Time has wrong format. Use one of these formats instead: "
                                     "hh:mm[:ss].");
    }
    return ESPY_E_OK;
}

/* The detail with what was sent of SmartAttendance's fields; the caller's. */
static espy_err session_detail(espy_call *call, const char *was, espy_buf *out)
{
    static const char *const keys[] = {"course", "section_id", "year", "session_type",
                                       "time_block"};
    espy_ctx *cx = call->cx;
    espy_json *o = NULL;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_json_parse(cx, was, strlen(was), &o));
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *text = session_text(call, keys[i]);
        if (text)
            ESPY_GO(espy_json_set(cx, o, keys[i], espy_json_of_string(*text ? text : NULL)));
    }
    e = espy_json_print(cx, o, 0, out);
out:
    espy_json_free(o);
    return e;
}

static espy_err session_twice(espy_call *call)
{
    espy_clear(call->cx);
    return espy_refuse_field(call, "non_field_errors",
                             "The fields class_session, name, date must make a unique set.");
}

static espy_err session_create(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_collection c = {0};
    espy_buf detail;
    int64_t id = 0;
    espy_buf_init(&detail, ESPY_DETAIL_MAX);
    ESPY_TRY(session_check(call));
    espy_err e = espy_see_class(call, espy_call_int(call, "class_session"), &c);
    if (e == ESPY_E_NOT_FOUND) {
        espy_clear(cx);
        return espy_refuse_field(call, "class_session",
                                 "Invalid pk \"%lld\" - object does not exist.",
                                 (long long)espy_call_int(call, "class_session"));
    }
    ESPY_GO(e);
    ESPY_GO(session_detail(call, "{}", &detail));
    const espy_session s = {.collection = c.id,
                            .owner = call->who.user,
                            .name = (char *)(uintptr_t)espy_call_text(call, "name"),
                            .date = (char *)(uintptr_t)espy_call_text(call, "date"),
                            .start_time = (char *)(uintptr_t)espy_call_text(call, "start_time"),
                            .end_time = (char *)(uintptr_t)espy_call_text(call, "end_time"),
                            .notes = (char *)(uintptr_t)espy_call_text(call, "notes"),
                            .detail = (char *)detail.data};
    e = espy_store_session_add(cx, call->ws->store, &s, &id);
    if (e == ESPY_E_EXISTS)
        ESPY_GO(session_twice(call));
    ESPY_GO(e);
    e = session_reply(call, 201, id);
out:
    espy_buf_free(cx, &detail);
    espy_collection_free(cx, &c);
    return e;
}

/* A session that the caller opened in another owner's class (SmartAttendance's) is told, too. */
static espy_err session_get(espy_call *call)
{
    espy_session s = {0};
    espy_err e = session_reply(call, 200, espy_call_int(call, "id"));
    if (e != ESPY_E_NOT_FOUND || !call->who.user || call->who.collection)
        return e;
    e = espy_store_session_get(call->cx, call->ws->store, espy_call_int(call, "id"), &s);
    if (e == ESPY_E_OK && s.owner == call->who.user) {
        espy_clear(call->cx);
        e = espy_see_reply(call, 200, espy_see_session_json, &s);
    } else if (e == ESPY_E_OK) {
        e = ESPY_E_NOT_FOUND; /* noted already */
    }
    espy_session_free(call->cx, &s);
    return e;
}

static espy_err session_update(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_session s = {0};
    espy_buf detail;
    espy_err e = ESPY_E_OK;
    espy_buf_init(&detail, ESPY_DETAIL_MAX);
    ESPY_TRY(session_check(call));
    ESPY_TRY(espy_see_session(call, espy_call_int(call, "id"), &s, NULL));
    if (espy_call_has(call, "class_session") &&
        espy_call_int(call, "class_session") != s.collection)
        ESPY_GO(espy_refuse_field(call, "class_session",
                                  "A session stays in its class: make another one there."));
    ESPY_GO(session_detail(call, s.detail, &detail));
    const espy_session_change change = {.name = espy_call_text(call, "name"),
                                        .date = espy_call_text(call, "date"),
                                        .start_time = session_text(call, "start_time"),
                                        .end_time = session_text(call, "end_time"),
                                        .notes = session_text(call, "notes"),
                                        .detail = (const char *)detail.data};
    e = espy_store_session_update(cx, call->ws->store, s.id, &change);
    if (e == ESPY_E_EXISTS)
        ESPY_GO(session_twice(call));
    ESPY_GO(e);
    e = session_reply(call, 200, s.id);
out:
    espy_buf_free(cx, &detail);
    espy_session_free(cx, &s);
    return e;
}

static espy_err session_delete(espy_call *call)
{
    espy_session s = {0};
    ESPY_TRY(espy_see_session(call, espy_call_int(call, "id"), &s, NULL));
    espy_err e = espy_store_session_delete(call->cx, call->ws->store, s.id, "user");
    espy_session_free(call->cx, &s);
    ESPY_TRY(e);
    return espy_reply_empty(call, 204);
}

/* -- what a session has ------------------------------------------------------------------------ */
static espy_err session_images(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_session s = {0};
    espy_media_info *at = NULL;
    espy_json *v = NULL;
    size_t n = 0;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_see_session(call, espy_call_int(call, "id"), &s, NULL));
    ESPY_GO(espy_store_media_page(cx, call->ws->store, &(espy_media_filter){.session = s.id},
                                  &session_all, &at, &n, NULL));
    ESPY_GO(espy_see_array(call, espy_see_image_json, at, sizeof *at, n, &v));
    e = espy_reply_json(call, 200, v);
out:
    espy_media_infos_free(cx, at, n);
    espy_session_free(cx, &s);
    return e;
}

/* By name, those without one last; equal ones stay newest first. */
static int session_by_name(const void *a, const void *b)
{
    const espy_sample_info *x = a, *y = b;
    if (!x->name != !y->name)
        return x->name ? -1 : 1;
    int by = x->name ? strcmp(x->name, y->name) : 0;
    return by ? by : (x->id < y->id) - (x->id > y->id);
}

static int session_by_name_down(const void *a, const void *b)
{
    const espy_sample_info *x = a, *y = b;
    return !x->name != !y->name ? session_by_name(a, b) : session_by_name(b, a);
}

static int session_by_identified(const void *a, const void *b)
{
    const espy_sample_info *x = a, *y = b;
    if (!x->label != !y->label)
        return x->label ? 1 : -1;
    return (x->id < y->id) - (x->id > y->id);
}

static int session_by_identified_down(const void *a, const void *b)
{
    const espy_sample_info *x = a, *y = b;
    if (!x->label != !y->label)
        return x->label ? -1 : 1;
    return (x->id < y->id) - (x->id > y->id);
}

static void session_sort(espy_sample_info *at, size_t n, const char *by)
{
    static const struct {
        const char *name;
        int (*order)(const void *a, const void *b);
    } orders[] = {{"name", session_by_name},
                  {"-name", session_by_name_down},
                  {"identified", session_by_identified},
                  {"-identified", session_by_identified_down}};
    for (size_t i = 0; n && i < sizeof orders / sizeof *orders; i++)
        if (strcmp(by, orders[i].name) == 0)
            qsort(at, n, sizeof *at, orders[i].order);
}

static espy_err session_face_crops(espy_call *call)
{
    espy_ctx *cx = call->cx;
    const char *by = espy_call_text(call, "sort_by");
    espy_session s = {0};
    espy_sample_info *at = NULL;
    espy_json *crops = NULL;
    size_t n = 0, identified = 0;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_see_session(call, espy_call_int(call, "id"), &s, NULL));
    const espy_sample_filter f = {.session = s.id,
                                  .label = espy_call_int(call, "student_id"),
                                  .identified = !espy_call_has(call, "is_identified")   ? ESPY_ANY
                                                : espy_call_bool(call, "is_identified") ? ESPY_YES
                                                                                        : ESPY_NO,
                                  .sort = strcmp(by, "created") == 0 ? ESPY_SAMPLES_OLDEST
                                                                     : ESPY_SAMPLES_NEWEST};
    ESPY_GO(espy_store_sample_page(cx, call->ws->store, &f, &session_all, &at, &n, NULL));
    session_sort(at, n, by);
    for (size_t i = 0; i < n; i++)
        identified += at[i].label != 0;
    ESPY_GO(espy_see_array(call, espy_see_crop_json, at, sizeof *at, n, &crops));
    espy_made m = espy_make_object(cx);
    espy_put_int(&m, "session_id", s.id);
    espy_put_text(&m, "session_name", s.name);
    espy_put_int(&m, "total_crops", (int64_t)n);
    espy_put_int(&m, "identified_crops", (int64_t)identified);
    espy_put_int(&m, "unidentified_crops", (int64_t)(n - identified));
    espy_put(&m, "face_crops", crops);
    e = espy_see_end(call, 200, &m);
out:
    espy_sample_infos_free(cx, at, n);
    espy_session_free(cx, &s);
    return e;
}

/* -- who was there ----------------------------------------------------------------------------- */
static const espy_presence *session_there(const espy_presence *at, size_t n, int64_t label)
{
    for (size_t i = 0; i < n; i++)
        if (at[i].label == label)
            return &at[i];
    return NULL;
}

static espy_err session_attendance_of(espy_call *call, const espy_session *s,
                                      const espy_label_info *students, size_t n,
                                      const espy_presence *there, size_t there_n)
{
    espy_ctx *cx = call->cx;
    espy_see see = {.call = call};
    espy_json *session = NULL;
    size_t present = 0;
    espy_err e = espy_see_session_json(&see, s, &session);
    espy_see_free(&see);
    ESPY_TRY(e);
    espy_made m = espy_make_object(cx), list = espy_make_array(cx);
    for (size_t i = 0; i < n; i++) {
        const espy_presence *p = session_there(there, there_n, students[i].label.id);
        espy_made o = espy_make_object(cx);
        present += p && p->present;
        espy_put_int(&o, "id", students[i].label.id);
        espy_put_text(&o, "name", students[i].label.name);
        espy_put_text(&o, "student_id", students[i].label.code);
        espy_put_bool(&o, "present", p && p->present);
        espy_put_int(&o, "detection_count", p ? (int64_t)p->samples : 0);
        espy_put_bool(&o, "is_manual", p && p->said);
        espy_put_made(&list, NULL, &o);
    }
    espy_put(&m, "session", session);
    espy_put_int(&m, "total_students", (int64_t)n);
    espy_put_int(&m, "present_count", (int64_t)present);
    espy_put_int(&m, "absent_count", (int64_t)(n - present));
    espy_put_made(&m, "attendance", &list);
    return espy_see_end(call, 200, &m);
}

static espy_err session_attendance(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_session s = {0};
    espy_label_info *students = NULL;
    espy_presence *there = NULL;
    size_t n = 0, there_n = 0;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_see_session(call, espy_call_int(call, "id"), &s, NULL));
    ESPY_GO(espy_store_label_page(cx, call->ws->store,
                                  &(espy_label_filter){.collection = s.collection}, &session_all,
                                  &students, &n, NULL));
    ESPY_GO(espy_store_presence(cx, call->ws->store, s.collection, &s.id, 1, &there, &there_n));
    e = session_attendance_of(call, &s, students, n, there, there_n);
out:
    espy_free(cx, there);
    espy_label_infos_free(cx, students, n);
    espy_session_free(cx, &s);
    return e;
}

static void session_put_mark(espy_made *m, const espy_session *s, const espy_label_info *l)
{
    espy_put_int(m, "session_id", s->id);
    espy_put_text(m, "session_name", s->name);
    espy_put_int(m, "student_id", l->label.id);
    espy_put_text(m, "student_name", l->label.name);
}

static espy_err session_mark(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_session s = {0};
    espy_collection c = {0};
    espy_label_info l = {0};
    char day[11];
    int64_t id = 0;
    bool fresh, kept;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_see_session(call, espy_call_int(call, "id"), &s, &c));
    ESPY_GO(espy_see_student_of(call, &c, "student_id", &l));
    espy_attend_day(&s, day);
    const espy_mark mark = {.session = s.id,
                            .label = l.label.id,
                            .day = day,
                            .present = espy_call_bool(call, "is_present"),
                            .manual = true,
                            .user = call->who.user,
                            .confidence = (double)NAN,
                            .note = espy_call_text(call, "note")};
    ESPY_GO(espy_store_attendance_mark(cx, call->ws->store, &mark, &id, &fresh, &kept));
    espy_made m = espy_see_status(call, "success");
    espy_put_int(&m, "id", id);
    session_put_mark(&m, &s, &l);
    espy_put_bool(&m, "is_present", mark.present);
    espy_put_bool(&m, "created", fresh);
    e = espy_see_end(call, 200, &m);
out:
    espy_label_info_free(cx, &l);
    espy_collection_free(cx, &c);
    espy_session_free(cx, &s);
    return e;
}

static espy_err session_unmark(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_session s = {0};
    espy_collection c = {0};
    espy_label_info l = {0};
    size_t removed = 0;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_see_session(call, espy_call_int(call, "id"), &s, &c));
    ESPY_GO(espy_see_student_of(call, &c, "student_id", &l));
    ESPY_GO(
        espy_store_attendance_unmark(cx, call->ws->store, s.id, l.label.id, NULL, true, &removed));
    espy_made m = espy_see_status(call, "success");
    session_put_mark(&m, &s, &l);
    espy_put_int(&m, "removed", (int64_t)removed);
    e = espy_see_end(call, 200, &m);
out:
    espy_label_info_free(cx, &l);
    espy_collection_free(cx, &c);
    espy_session_free(cx, &s);
    return e;
}

static espy_err session_manual(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_session s = {0};
    espy_attendance *at = NULL;
    size_t n = 0;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_see_session(call, espy_call_int(call, "id"), &s, NULL));
    ESPY_GO(espy_store_attendance_page(cx, call->ws->store,
                                       &(espy_attendance_filter){.session = s.id}, &session_all,
                                       &at, &n, NULL));
    espy_made m = espy_make_object(cx), list = espy_make_array(cx);
    for (size_t i = 0; i < n; i++) {
        if (!at[i].manual)
            continue;
        espy_made o = espy_make_object(cx);
        espy_put_int(&o, "id", at[i].id);
        espy_put_int(&o, "student", at[i].label);
        espy_put_text(&o, "student_name", at[i].name);
        espy_put_int(&o, "session", at[i].session);
        espy_put_bool(&o, "is_present", at[i].present);
        espy_put_id(&o, "marked_by", at[i].user);
        espy_put_time(&o, "marked_at", at[i].time);
        espy_put_text(&o, "note", at[i].note);
        espy_put_made(&list, NULL, &o);
    }
    espy_put_int(&m, "session_id", s.id);
    espy_put_text(&m, "session_name", s.name);
    espy_put_made(&m, "manual_attendance", &list);
    e = espy_see_end(call, 200, &m);
out:
    espy_attendance_free(cx, at, n);
    espy_session_free(cx, &s);
    return e;
}

/* -- routes ------------------------------------------------------------------------------------ */
#define SESSION_TEXT(name, most, help)                                        \
    {                                                                         \
        name, ESPY_IN_BODY, ESPY_FIELD_TEXT, 0, most, false, NULL, NULL, help \
    }
#define SESSION_FIELDS(required)                                                                \
    {"class_session", ESPY_IN_BODY, ESPY_FIELD_INT, 1,          9007199254740991.0,             \
     required,        NULL,         NULL,           "the class"},                               \
        {"name", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 255, required, NULL, NULL, "name"},          \
        {"date", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 10, required, NULL, NULL, "YYYY-MM-DD"},     \
        SESSION_TEXT("start_time", 8, "HH:MM or HH:MM:SS"),                                     \
        SESSION_TEXT("end_time", 8, "HH:MM or HH:MM:SS"), SESSION_TEXT("notes", 60000, "text"), \
        SESSION_TEXT("course", 255, "SmartAttendance's"),                                       \
        SESSION_TEXT("section_id", 64, "SmartAttendance's"),                                    \
        SESSION_TEXT("year", 64, "SmartAttendance's"),                                          \
        SESSION_TEXT("session_type", 16, "SmartAttendance's: lab, theory"),                     \
        SESSION_TEXT("time_block", 16, "SmartAttendance's: morning, afternoon")
#define SESSION_STUDENT                                                                      \
    {                                                                                        \
        "student_id", ESPY_IN_BODY, ESPY_FIELD_INT, 1, 9007199254740991.0, true, NULL, NULL, \
            "a student of the class, by id"                                                  \
    }

static const espy_field list_fields[] = {
    ESPY_SEE_PAGE(1000),
    ESPY_SEE_OF("class_id", "sessions of this class"),
    {"search", ESPY_IN_QUERY, ESPY_FIELD_TEXT, 1, 200, false, NULL, NULL,
     "stands in name or notes"},
    {"date_from", ESPY_IN_QUERY, ESPY_FIELD_DATE, 10, 10, false, NULL, NULL,
     "first day, YYYY-MM-DD"},
    {"date_to", ESPY_IN_QUERY, ESPY_FIELD_DATE, 10, 10, false, NULL, NULL, "last day, YYYY-MM-DD"},
    {0}};
static const espy_field create_fields[] = {SESSION_FIELDS(true), {0}};
static const espy_field id_fields[] = {ESPY_SEE_ID, {0}};
static const espy_field put_fields[] = {ESPY_SEE_ID, SESSION_FIELDS(true), {0}};
static const espy_field patch_fields[] = {ESPY_SEE_ID, SESSION_FIELDS(false), {0}};
static const espy_field crops_fields[] = {
    ESPY_SEE_ID,
    ESPY_SEE_WHETHER("is_identified", "a student is known, or is not"),
    ESPY_SEE_OF("student_id", "crops of this student"),
    {"sort_by", ESPY_IN_QUERY, ESPY_FIELD_TEXT, 0, 0, false, "\"-created\"",
     "name|-name|identified|-identified|created|-created|created_at|-created_at", "order"},
    {0}};
static const espy_field mark_fields[] = {
    ESPY_SEE_ID,
    SESSION_STUDENT,
    {"is_present", ESPY_IN_BODY, ESPY_FIELD_BOOL, 0, 0, false, "true", NULL,
     "false: was not there, whatever the photos show"},
    {"note", ESPY_IN_BODY, ESPY_FIELD_TEXT, 0, 2000, false, NULL, NULL, "text"},
    {0}};
static const espy_field unmark_fields[] = {ESPY_SEE_ID, SESSION_STUDENT, {0}};

#define SEE(method, path, may, fields, summary, answers, run)                                      \
    {                                                                                              \
        method, "/api/attendance/sessions/" path, &espy_service_attendansee, may, ESPY_LANE_QUICK, \
            fields, summary, answers, run                                                          \
    }
const espy_route espy_routes_attendansee_sessions[] = {
    SEE("GET", "", ESPY_MAY_READ, list_fields, "List sessions, newest first", "200 SeeSessions|404",
        session_list),
    SEE("POST", "", ESPY_MAY_ENROLL, create_fields, "Make a session", "201 SeeSession",
        session_create),
    SEE("GET", "{id}/", ESPY_MAY_READ, id_fields, "Tell of a session", "200 SeeSession|404",
        session_get),
    SEE("PUT", "{id}/", ESPY_MAY_ENROLL, put_fields, "Change a session", "200 SeeSession|404",
        session_update),
    SEE("PATCH", "{id}/", ESPY_MAY_ENROLL, patch_fields, "Change some of a session",
        "200 SeeSession|404", session_update),
    SEE("DELETE", "{id}/", ESPY_MAY_ENROLL, id_fields,
        "Take a session away, with its images; it can be restored", "204|404", session_delete),
    SEE("GET", "{id}/images/", ESPY_MAY_READ, id_fields, "List all images of a session",
        "200 SeeImageList|404", session_images),
    SEE("GET", "{id}/attendance/", ESPY_MAY_READ, id_fields, "Tell who was there",
        "200 SeeAttendance|404", session_attendance),
    SEE("GET", "{id}/face-crops/", ESPY_MAY_READ, crops_fields, "List all face crops of a session",
        "200 SeeSessionCrops|404", session_face_crops),
    SEE("POST", "{id}/mark-attendance/", ESPY_MAY_ENROLL, mark_fields,
        "Say that a student was there, or was not", "200 SeeMarked|404", session_mark),
    SEE("POST", "{id}/unmark-attendance/", ESPY_MAY_ENROLL, unmark_fields,
        "Take back what was said of a student: the photos count again", "200 SeeMarked|404",
        session_unmark),
    SEE("GET", "{id}/manual-attendance/", ESPY_MAY_READ, id_fields, "List what was said",
        "200 SeeManual|404", session_manual),
    SEE("POST", "{id}/manual-attendance/", ESPY_MAY_ENROLL, mark_fields,
        "Say that a student was there, or was not", "200 SeeMarked|404", session_mark),
    {0}};

const espy_schema espy_schemas_attendansee_sessions[] = {
    {"SeeSession",
     "{\"type\":\"object\",\"required\":[\"id\",\"class_session\",\"class_name\",\"name\",\"date\""
     ",\"start_time\",\"end_time\",\"notes\",\"is_processed\",\"created_at\",\"updated_at\",\"i"
     "mage_count\",\"identified_faces_count\",\"total_faces_count\",\"course\",\"section_i"
     "d\",\"year\",\"session_type\",\"time_block\",\"status\",\"attendance_count\"],\"properti"
     "es\":{\"id\":{\"type\":\"integer\"},\"class_session\":{\"type\":\"integer\"},\"class_name\""
     ":{\"type\":\"string\"},\"name\":{\"type\":\"string\"},\"date\":{\"type\":[\"string\","
     "\"null\"]"
     "},\"start_time\":{\"type\":[\"string\",\"null\"]},\"end_time\":{\"type\":[\"string\",\"null"
     "\"]},\"notes\":{\"type\":\"string\"},\"is_processed\":{\"type\":\"boolean\"},\"created_at\""
     ":{\"type\":\"string\"},\"updated_at\":{\"type\":\"string\"},\"image_count\":{\"type\":\"int"
     "eger\"},\"identified_faces_count\":{\"type\":\"integer\"},\"total_faces_count\":{\"typ"
     "e\":\"integer\"},\"course\":{},\"section_id\":{},\"year\":{},\"session_type\":{},\"time_"
     "block\":{},\"status\":{\"enum\":[\"active\",\"ended\"]},\"attendance_count\":{\"type\":\"i"
     "nteger\"}}}"},
    {"SeeSessions",
     "{\"type\":\"object\",\"required\":[\"count\",\"next\",\"previous\",\"results\"],\"propertie"
     "s\":{\"count\":{\"type\":\"integer\"},\"next\":{\"type\":[\"string\",\"null\"]},\"previous\":"
     "{\"type\":[\"string\",\"null\"]},\"results\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/comp"
     "onents/schemas/SeeSession\"}}}}"},
    {"SeeSessionList",
     "{\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/SeeSession\"}}"},
    {"SeeAttendance",
     "{\"type\":\"object\",\"required\":[\"session\",\"total_students\",\"present_count\",\"abs"
     "ent_count\",\"attendance\"],\"properties\":{\"session\":{\"$ref\":\"#/components/schem"
     "as/SeeSession\"},\"total_students\":{\"type\":\"integer\"},\"present_count\":{\"type\":"
     "\"integer\"},\"absent_count\":{\"type\":\"integer\"},\"attendance\":{\"type\":\"array\",\"i"
     "tems\":{\"type\":\"object\",\"required\":[\"id\",\"name\",\"student_id\",\"present\",\"detec"
     "tion_count\",\"is_manual\"],\"properties\":{\"id\":{\"type\":\"integer\"},\"name\":{\"type"
     "\":\"string\"},\"student_id\":{\"type\":\"string\"},\"present\":{\"type\":\"boolean\"},\"det"
     "ection_count\":{\"type\":\"integer\"},\"is_manual\":{\"type\":\"boolean\"}}}}}}"},
    {"SeeSessionCrops",
     "{\"type\":\"object\",\"required\":[\"session_id\",\"session_name\",\"total_crops\",\"iden"
     "tified_crops\",\"unidentified_crops\",\"face_crops\"],\"properties\":{\"session_id\":"
     "{\"type\":\"integer\"},\"session_name\":{\"type\":\"string\"},\"total_crops\":{\"type\":\"i"
     "nteger\"},\"identified_crops\":{\"type\":\"integer\"},\"unidentified_crops\":{\"type\":"
     "\"integer\"},\"face_crops\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schema"
     "s/SeeCrop\"}}}}"},
    {"SeeMarked",
     "{\"type\":\"object\",\"required\":[\"status\",\"session_id\",\"student_id\"],\"properties"
     "\":{\"status\":{\"type\":\"string\"},\"id\":{\"type\":\"integer\"},\"session_id\":{\"type\":"
     "\""
     "integer\"},\"session_name\":{\"type\":\"string\"},\"student_id\":{\"type\":\"integer\"},\""
     "student_name\":{\"type\":\"string\"},\"is_present\":{\"type\":\"boolean\"},\"created\":{\""
     "type\":\"boolean\"},\"removed\":{\"type\":\"integer\"}}}"},
    {"SeeManual",
     "{\"type\":\"object\",\"required\":[\"session_id\",\"session_name\",\"manual_attendance\""
     "],\"properties\":{\"session_id\":{\"type\":\"integer\"},\"session_name\":{\"type\":\"stri"
     "ng\"},\"manual_attendance\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\""
     ":[\"id\",\"student\",\"student_name\",\"session\",\"is_present\",\"marked_by\",\"marked_a"
     "t\",\"note\"],\"properties\":{\"id\":{\"type\":\"integer\"},\"student\":{\"type\":\"integer\""
     "},\"student_name\":{\"type\":\"string\"},\"session\":{\"type\":\"integer\"},\"is_present\""
     ":{\"type\":\"boolean\"},\"marked_by\":{\"type\":[\"integer\",\"null\"]},\"marked_at\":{\"ty"
     "pe\":\"string\"},\"note\":{\"type\":[\"string\",\"null\"]}}}}}}"},
    {0}};
