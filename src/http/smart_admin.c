/* SPDX-License-Identifier: Apache-2.0
 * http - SmartAttendance's interface: what administrators do. */
#include <string.h>

#include "base/text.h"
#include "http/attend.h"
#include "http/smart.h"
#include "store/attendance.h"

/* -- instructors ------------------------------------------------------------------------------- */
static espy_err reply_instructor(espy_call *call, int status, const char *message, int64_t id)
{
    espy_user u = {0};
    espy_json *v = NULL;
    ESPY_TRY(espy_store_user_get(call->cx, call->ws->store, id, &u));
    espy_err e = espy_smart_user_json(call, &u, &v);
    espy_user_free(call->cx, &u);
    ESPY_TRY(e);
    espy_made m = espy_make_object(call->cx);
    espy_put_text(&m, "message", message);
    espy_put(&m, "instructor", v);
    ESPY_TRY(espy_made_end(&m, &v));
    return espy_reply_json(call, status, v);
}

static espy_err add_instructor(espy_call *call)
{
    char hash[ESPY_PASSWORD_HASH];
    int64_t id = 0;
    ESPY_TRY(espy_smart_hash(call, hash));
    ESPY_TRY(espy_smart_user_make(call, ESPY_INSTRUCTOR, espy_smart_instructor_fields, hash, &id));
    return reply_instructor(call, 201, "Instructor added", id);
}

static espy_err instructors(espy_call *call)
{
    enum { PAGE = 1000 };
    espy_ctx *cx = call->cx;
    espy_page page = {.limit = PAGE};
    espy_json *v = NULL;
    size_t n = 0;
    espy_made list = espy_make_array(cx), m = espy_make_object(cx);
    do {
        espy_user *users = NULL;
        n = 0;
        if (list.e == ESPY_E_OK)
            list.e = espy_store_users(cx, call->ws->store, "instructor", &page, &users, &n, NULL);
        for (size_t i = 0; i < n && list.e == ESPY_E_OK; i++) {
            page.cursor = users[i].id;
            list.e = espy_smart_user_json(call, &users[i], &v);
            if (list.e == ESPY_E_OK)
                espy_put(&list, NULL, v);
        }
        espy_users_free(cx, users, n);
    } while (n == PAGE);
    espy_put_int(&m, "count", (int64_t)espy_json_count(list.v));
    espy_put_made(&m, "instructors", &list);
    ESPY_TRY(espy_made_end(&m, &v));
    return espy_reply_json(call, 200, v);
}

/* The instructor of the path. */
static espy_err instructor_asked(espy_call *call, int64_t *id, bool *enabled)
{
    espy_user u = {0};
    *id = espy_call_int(call, "id");
    ESPY_TRY(espy_store_user_get(call->cx, call->ws->store, *id, &u));
    bool is = strcmp(u.role, "instructor") == 0;
    *enabled = u.enabled;
    espy_user_free(call->cx, &u);
    return is ? ESPY_E_OK : espy_fail(call->cx, ESPY_E_NOT_FOUND, "there is no such instructor");
}

static espy_err instructor_put(espy_call *call)
{
    char hash[ESPY_PASSWORD_HASH];
    int64_t id;
    bool enabled;
    ESPY_TRY(instructor_asked(call, &id, &enabled));
    ESPY_TRY(espy_smart_hash(call, hash));
    ESPY_TRY(espy_smart_user_change(call, id, espy_smart_instructor_fields, hash));
    return reply_instructor(call, 200, "Instructor changed", id);
}

static espy_err instructor_delete(espy_call *call)
{
    int64_t id;
    bool enabled;
    ESPY_TRY(instructor_asked(call, &id, &enabled));
    ESPY_TRY(espy_store_user_delete(call->cx, call->ws->store, id));
    return espy_smart_reply_message(call, 200, "Instructor deleted");
}

static espy_err instructor_toggle(espy_call *call)
{
    int64_t id;
    bool enabled;
    ESPY_TRY(instructor_asked(call, &id, &enabled));
    enabled = !enabled;
    ESPY_TRY(espy_store_user_update(call->cx, call->ws->store, id,
                                    &(espy_user_change){.enabled = &enabled}));
    return reply_instructor(call, 200, enabled ? "Instructor enabled" : "Instructor disabled", id);
}

/* -- students ---------------------------------------------------------------------------------- */
/* With username and password the student can log in, too. */
static espy_err add_both(espy_call *call, const char *hash, int64_t *label)
{
    espy_store *st = call->ws->store;
    int64_t account = 0;
    ESPY_TRY(espy_store_begin(call->cx, st));
    espy_err e = espy_call_has(call, "username")
                     ? espy_smart_user_make(call, ESPY_STUDENT, NULL, hash, &account)
                     : ESPY_E_OK;
    if (e == ESPY_E_OK)
        e = espy_smart_student_make(call, account, false, label);
    if (e == ESPY_E_OK)
        e = espy_store_commit(call->cx, st);
    if (e != ESPY_E_OK)
        espy_store_rollback(call->cx, st);
    return e;
}

static espy_err add_student(espy_call *call)
{
    char hash[ESPY_PASSWORD_HASH];
    int64_t label = 0, collection;
    if (espy_call_has(call, "username") != espy_call_has(call, "password"))
        return espy_refuse_field(call, "password", "username and password belong together");
    ESPY_TRY(espy_smart_collection_id(call, &collection)); /* made outside the transaction */
    ESPY_TRY(espy_smart_hash(call, hash));
    ESPY_TRY(add_both(call, hash, &label));
    return espy_smart_reply_student(call, 201, "Student added", label);
}

/* What the account and the label have in common is changed in both. */
static espy_err student_change(espy_call *call, const espy_label_info *l, const char *detail,
                               const char *hash)
{
    espy_ctx *cx = call->cx;
    espy_store *st = call->ws->store;
    const char *code = espy_call_text(call, "student_id"), *name = espy_call_text(call, "name");
    const espy_label_change change = {.email = espy_call_text(call, "email"), .detail = detail};
    if (code || name)
        ESPY_TRY(espy_store_label_rename(cx, st, l->collection, l->label.id, code, name, "user"));
    ESPY_TRY(espy_store_label_edit(cx, st, l->collection, l->label.id, &change, "user"));
    return l->account ? espy_smart_user_change(call, l->account, NULL, hash) : ESPY_E_OK;
}

static espy_err student_change_all(espy_call *call, const espy_label_info *l, const char *detail,
                                   const char *hash)
{
    espy_store *st = call->ws->store;
    ESPY_TRY(espy_store_begin(call->cx, st));
    espy_err e = student_change(call, l, detail, hash);
    if (e == ESPY_E_OK)
        e = espy_store_commit(call->cx, st);
    if (e != ESPY_E_OK)
        espy_store_rollback(call->cx, st);
    return e;
}

static espy_err student_put(espy_call *call)
{
    espy_ctx *cx = call->cx;
    char hash[ESPY_PASSWORD_HASH];
    espy_label_info l = {0};
    espy_buf detail = {0};
    int64_t id = espy_call_int(call, "id");
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_smart_student(call, id, &l));
    ESPY_GO(espy_smart_hash(call, hash));
    ESPY_GO(espy_smart_detail_sent(call, l.detail, espy_smart_student_fields, &detail));
    ESPY_GO(student_change_all(call, &l, (const char *)detail.data, hash));
    e = espy_smart_reply_student(call, 200, "Student changed", id);
out:
    espy_buf_free(cx, &detail);
    espy_label_info_free(cx, &l);
    return e;
}

/* The label can come back (undo); the account cannot. */
static espy_err student_delete(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_store *st = call->ws->store;
    espy_label_info l = {0};
    ESPY_TRY(espy_smart_student(call, espy_call_int(call, "id"), &l));
    espy_err e = espy_store_begin(cx, st);
    if (e == ESPY_E_OK) {
        e = espy_store_label_delete(cx, st, l.collection, l.label.id, "user");
        if (e == ESPY_E_OK && l.account)
            e = espy_store_user_delete(cx, st, l.account);
        if (e == ESPY_E_OK)
            e = espy_store_commit(cx, st);
        if (e != ESPY_E_OK)
            espy_store_rollback(cx, st);
    }
    espy_label_info_free(cx, &l);
    ESPY_TRY(e);
    return espy_smart_reply_message(call, 200, "Student deleted");
}

/* Whoever is switched off cannot log in and is marked present no more. */
static espy_err student_switch(espy_call *call, const espy_label_info *l, bool enabled)
{
    espy_ctx *cx = call->cx;
    espy_json *detail = NULL;
    espy_buf text;
    espy_err e = ESPY_E_OK;
    espy_buf_init(&text, ESPY_DETAIL_MAX);
    ESPY_TRY(espy_smart_detail(cx, l->detail, &detail));
    ESPY_GO(espy_json_set(cx, detail, "enabled", espy_json_of_bool(enabled)));
    ESPY_GO(espy_json_print(cx, detail, 0, &text));
    const espy_label_change change = {.detail = (const char *)text.data};
    ESPY_GO(
        espy_store_label_edit(cx, call->ws->store, l->collection, l->label.id, &change, "user"));
    if (l->account)
        e = espy_store_user_update(cx, call->ws->store, l->account,
                                   &(espy_user_change){.enabled = &enabled});
out:
    espy_buf_free(cx, &text);
    espy_json_free(detail);
    return e;
}

static espy_err student_toggle(espy_call *call)
{
    espy_label_info l = {0};
    int64_t id = espy_call_int(call, "id");
    ESPY_TRY(espy_smart_student(call, id, &l));
    bool enabled = !espy_attend_enabled(call->cx, &l);
    espy_err e = student_switch(call, &l, enabled);
    espy_label_info_free(call->cx, &l);
    ESPY_TRY(e);
    return espy_smart_reply_student(call, 200, enabled ? "Student enabled" : "Student disabled",
                                    id);
}

/* -- attendance and sessions ------------------------------------------------------------------- */
static espy_err attendance_all(espy_call *call)
{
    return espy_smart_reply_records(call, "records", false);
}

/* How many were in each session; the caller's. */
static espy_err count_present(espy_call *call, const espy_session *sessions, size_t n,
                              int64_t **out)
{
    espy_ctx *cx = call->cx;
    int64_t *ids = espy_array(cx, n, sizeof *ids), *present = espy_array(cx, n, sizeof *present);
    espy_err e = ids && present ? ESPY_E_OK : cx->code;
    for (size_t i = 0; i < n && e == ESPY_E_OK; i++)
        ids[i] = sessions[i].id;
    if (e == ESPY_E_OK)
        e = espy_store_present(cx, call->ws->store, ids, n, present);
    espy_free(cx, ids);
    if (e == ESPY_E_OK)
        *out = present;
    else
        espy_free(cx, present);
    return e;
}

static espy_err reply_sessions(espy_call *call, const char *state, size_t most)
{
    espy_ctx *cx = call->cx;
    const espy_page page = {.limit = most};
    espy_session_filter f = {.state = state};
    espy_session *all = NULL, s = {0};
    espy_json *v = NULL;
    int64_t *present = NULL;
    size_t n = 0;
    ESPY_TRY(espy_smart_collection_id(call, &f.collection));
    ESPY_TRY(espy_store_session_page(cx, call->ws->store, &f, &page, &all, &n, NULL));
    espy_made list = espy_make_array(cx), m = espy_make_object(cx);
    list.e = count_present(call, all, n, &present);
    for (size_t i = 0; i < n && list.e == ESPY_E_OK; i++) {
        list.e = espy_smart_session(call, all[i].id, &s); /* those whose time is over end */
        if (list.e != ESPY_E_OK)
            break;
        if (!state || !s.closed)
            list.e = espy_smart_session_json(call, &s, present[i], &v);
        if (list.e == ESPY_E_OK && (!state || !s.closed))
            espy_put(&list, NULL, v);
        espy_session_free(cx, &s);
    }
    espy_sessions_free(cx, all, n);
    espy_free(cx, present);
    espy_put_int(&m, "count", (int64_t)espy_json_count(list.v));
    espy_put_made(&m, "sessions", &list);
    ESPY_TRY(espy_made_end(&m, &v));
    return espy_reply_json(call, 200, v);
}

static espy_err active_sessions(espy_call *call)
{
    return reply_sessions(call, "open", 1000);
}

static espy_err recent_sessions(espy_call *call)
{
    return reply_sessions(call, NULL, (size_t)espy_call_int(call, "limit"));
}

/* -- totals ------------------------------------------------------------------------------------ */
static espy_err stats_people(espy_call *call, espy_made *m)
{
    static const espy_page none = {0};
    espy_user *users = NULL;
    espy_label_info *labels = NULL;
    size_t n = 0;
    int64_t total = 0;
    espy_label_filter f = {0};
    ESPY_TRY(espy_smart_collection_id(call, &f.collection));
    ESPY_TRY(espy_store_label_page(call->cx, call->ws->store, &f, &none, &labels, &n, &total));
    espy_label_infos_free(call->cx, labels, n);
    espy_put_int(m, "total_students", total);
    ESPY_TRY(espy_store_users(call->cx, call->ws->store, "instructor", &none, &users, &n, &total));
    espy_users_free(call->cx, users, n);
    espy_put_int(m, "total_instructors", total);
    return ESPY_E_OK;
}

static espy_err stats_sessions(espy_call *call, const char *key, const char *state, espy_made *m)
{
    static const espy_page none = {0};
    espy_session_filter f = {.state = state};
    espy_session *all = NULL;
    size_t n = 0;
    int64_t total = 0;
    ESPY_TRY(espy_smart_collection_id(call, &f.collection));
    ESPY_TRY(espy_store_session_page(call->cx, call->ws->store, &f, &none, &all, &n, &total));
    espy_sessions_free(call->cx, all, n);
    espy_put_int(m, key, total);
    return ESPY_E_OK;
}

static espy_err stats_attendance(espy_call *call, const char *key, const char *day, espy_made *m)
{
    static const espy_page none = {0};
    espy_attendance_filter f = {.from = day, .to = day};
    espy_attendance *rows = NULL;
    size_t n = 0;
    int64_t total = 0;
    ESPY_TRY(espy_smart_collection_id(call, &f.collection));
    ESPY_TRY(espy_store_attendance_page(call->cx, call->ws->store, &f, &none, &rows, &n, &total));
    espy_attendance_free(call->cx, rows, n);
    espy_put_int(m, key, total);
    return ESPY_E_OK;
}

static espy_err stats(espy_call *call)
{
    char today[32];
    int64_t collection, live = 0;
    espy_json *v = NULL;
    espy_made m = espy_make_object(call->cx);
    espy_err e = ESPY_E_OK;
    espy_time_local(espy_time_now(), today);
    today[10] = 0;
    ESPY_GO(stats_people(call, &m));
    ESPY_GO(stats_sessions(call, "total_sessions", NULL, &m));
    ESPY_GO(stats_sessions(call, "active_sessions", "open", &m));
    ESPY_GO(stats_attendance(call, "total_attendance", NULL, &m));
    ESPY_GO(stats_attendance(call, "today_attendance", today, &m));
    ESPY_GO(espy_smart_collection_id(call, &collection));
    ESPY_GO(espy_store_alias(call->cx, call->ws->store, collection, "live", &live));
    espy_put_bool(&m, "model_loaded", live > 0);
    ESPY_GO(espy_made_end(&m, &v));
    return espy_reply_json(call, 200, v);
out:
    espy_json_free(m.v);
    return e;
}

/* -- settings ---------------------------------------------------------------------------------- */
static espy_err settings_get(espy_call *call)
{
    double threshold, minutes, registration;
    espy_json *v = NULL;
    ESPY_TRY(espy_smart_threshold_now(call, 0, &threshold));
    ESPY_TRY(espy_smart_setting(call, ESPY_SMART_TIMEOUT, ESPY_SMART_TIMEOUT_USUAL, &minutes));
    ESPY_TRY(espy_smart_setting(call, ESPY_SMART_REGISTRATION, 1, &registration));
    espy_made m = espy_make_object(call->cx);
    espy_put_real(&m, ESPY_SMART_THRESHOLD, threshold);
    espy_put_real(&m, ESPY_SMART_TIMEOUT, minutes);
    espy_put_bool(&m, ESPY_SMART_REGISTRATION, registration != 0);
    ESPY_TRY(espy_made_end(&m, &v));
    return espy_reply_json(call, 200, v);
}

static espy_err settings_put(espy_call *call)
{
    static const char *const numbers[] = {ESPY_SMART_THRESHOLD, ESPY_SMART_TIMEOUT};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (espy_call_has(call, numbers[i]))
            ESPY_TRY(espy_smart_setting_put(call, numbers[i], espy_call_real(call, numbers[i])));
    if (espy_call_has(call, ESPY_SMART_REGISTRATION))
        ESPY_TRY(espy_smart_setting_put(call, ESPY_SMART_REGISTRATION,
                                        espy_call_bool(call, ESPY_SMART_REGISTRATION)));
    return settings_get(call);
}

/* -- tables ------------------------------------------------------------------------------------ */
#define ID_FIELD                                                               \
    {                                                                          \
        "id", ESPY_IN_PATH, ESPY_FIELD_INT, 1, 9e15, true, NULL, NULL, "whose" \
    }
#define TEXT_FIELD(name, lo, hi, required, help)                                \
    {                                                                           \
        name, ESPY_IN_BODY, ESPY_FIELD_TEXT, lo, hi, required, NULL, NULL, help \
    }
#define INSTRUCTOR_DETAILS                                                     \
    TEXT_FIELD("department", 0, 256, false, "department"),                     \
        TEXT_FIELD("course_name", 0, 256, false, "course"),                    \
        {"session_types",                                                      \
         ESPY_IN_BODY,                                                         \
         ESPY_FIELD_TEXTS,                                                     \
         0,                                                                    \
         8,                                                                    \
         false,                                                                \
         NULL,                                                                 \
         NULL,                                                                 \
         "kinds of session that they may hold; none: all"},                    \
    {                                                                          \
        "sections", ESPY_IN_BODY, ESPY_FIELD_TEXTS, 0, 200, false, NULL, NULL, \
            "sections that they may hold; none: all"                           \
    }
#define STUDENT_DETAILS                                    \
    TEXT_FIELD("department", 0, 256, false, "department"), \
        TEXT_FIELD("year", 0, 64, false, "year of study"), \
        TEXT_FIELD("section", 0, 64, false, "section")

static const espy_field add_instructor_fields[] = {
    TEXT_FIELD("username", 1, 256, true, "what one logs in with"),
    TEXT_FIELD("password", 1, 1024, true, "at least 8 bytes"),
    TEXT_FIELD("email", 0, 256, false, "of nobody else"),
    TEXT_FIELD("name", 1, 256, true, "full name"),
    INSTRUCTOR_DETAILS,
    {0}};

static const espy_field instructor_fields[] = {
    ID_FIELD,
    TEXT_FIELD("username", 1, 256, false, "what one logs in with"),
    TEXT_FIELD("password", 1, 1024, false, "a new one, at least 8 bytes"),
    TEXT_FIELD("email", 0, 256, false, "of nobody else; \"\": none"),
    TEXT_FIELD("name", 1, 256, false, "full name"),
    INSTRUCTOR_DETAILS,
    {0}};

static const espy_field add_student_fields[] = {
    TEXT_FIELD("student_id", 1, 64, true, "such as STU001"),
    TEXT_FIELD("name", 1, 256, true, "full name"),
    TEXT_FIELD("email", 0, 256, false, "of nobody else"),
    TEXT_FIELD("username", 1, 256, false, "what one logs in with; none: without an account"),
    TEXT_FIELD("password", 1, 1024, false, "at least 8 bytes"),
    STUDENT_DETAILS,
    {0}};

static const espy_field student_fields[] = {
    ID_FIELD,
    TEXT_FIELD("student_id", 1, 64, false, "another one"),
    TEXT_FIELD("name", 1, 256, false, "full name"),
    TEXT_FIELD("email", 0, 256, false, "of nobody else; \"\": none"),
    TEXT_FIELD("username", 1, 256, false, "of the account"),
    TEXT_FIELD("password", 1, 1024, false, "of the account: a new one, at least 8 bytes"),
    STUDENT_DETAILS,
    {0}};

static const espy_field id_fields[] = {ID_FIELD, {0}};

static const espy_field list_fields[] = {
    {"search", ESPY_IN_QUERY, ESPY_FIELD_TEXT, 0, 256, false, NULL, NULL,
     "stands in student_id, name or e-mail"},
    {"section", ESPY_IN_QUERY, ESPY_FIELD_TEXT, 0, 64, false, NULL, NULL, "of this section alone"},
    {0}};

static const espy_field record_fields[] = {ESPY_SMART_RECORD_FIELDS, {0}};

static const espy_field recent_fields[] = {
    {"limit", ESPY_IN_QUERY, ESPY_FIELD_INT, 1, 1000, false, "20", NULL, "how many"}, {0}};

static const espy_field settings_fields[] = {
    {ESPY_SMART_THRESHOLD, ESPY_IN_BODY, ESPY_FIELD_REAL, 0.05, 0.99, false, NULL, NULL,
     "least probability to be recognised"},
    {ESPY_SMART_TIMEOUT, ESPY_IN_BODY, ESPY_FIELD_REAL, 1, 1e6, false, NULL, NULL,
     "a session that is open longer ends by itself"},
    {ESPY_SMART_REGISTRATION, ESPY_IN_BODY, ESPY_FIELD_BOOL, 0, 1, false, NULL, NULL,
     "whether students make their accounts themselves"},
    {0}};

#define SMART &espy_service_smartattendance, ESPY_MAY_ADMIN
#define XLSX "200 application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

const espy_route espy_routes_smart_admin[] = {
    {"POST", "/api/admin/add-instructor", SMART, ESPY_LANE_LOGIN, add_instructor_fields,
     "Make an instructor's account", "201 SmartInstructorMade|409", add_instructor},
    {"GET", "/api/admin/instructors", SMART, ESPY_LANE_QUICK, NULL, "The instructors",
     "200 SmartInstructors", instructors},
    {"PUT", "/api/admin/instructor/{id}", SMART, ESPY_LANE_LOGIN, instructor_fields,
     "Change an instructor", "200 SmartInstructorMade|404|409", instructor_put},
    {"DELETE", "/api/admin/instructor/{id}", SMART, ESPY_LANE_QUICK, id_fields,
     "Delete an instructor's account", "200 SmartMessage|404", instructor_delete},
    {"PUT", "/api/admin/instructor/{id}/toggle", SMART, ESPY_LANE_QUICK, id_fields,
     "Enable or disable an instructor", "200 SmartInstructorMade|404", instructor_toggle},
    {"POST", "/api/admin/instructor/{id}/toggle", SMART, ESPY_LANE_QUICK, id_fields,
     "Enable or disable an instructor", "200 SmartInstructorMade|404", instructor_toggle},
    {"POST", "/api/admin/add-student", SMART, ESPY_LANE_INFER, add_student_fields, "Add a student",
     "201 SmartStudentMade|409", add_student},
    {"GET", "/api/admin/students", SMART, ESPY_LANE_QUICK, list_fields, "The students",
     "200 SmartStudents", espy_smart_reply_students},
    {"PUT", "/api/admin/student/{id}", SMART, ESPY_LANE_LOGIN, student_fields, "Change a student",
     "200 SmartStudentMade|404|409", student_put},
    {"DELETE", "/api/admin/student/{id}", SMART, ESPY_LANE_QUICK, id_fields,
     "Delete a student and their account", "200 SmartMessage|404", student_delete},
    {"PUT", "/api/admin/student/{id}/toggle", SMART, ESPY_LANE_QUICK, id_fields,
     "Enable or disable a student", "200 SmartStudentMade|404", student_toggle},
    {"POST", "/api/admin/student/{id}/toggle", SMART, ESPY_LANE_QUICK, id_fields,
     "Enable or disable a student", "200 SmartStudentMade|404", student_toggle},
    {"GET", "/api/admin/attendance/all", SMART, ESPY_LANE_QUICK, record_fields,
     "All attendance, at most 1000 rows", "200 SmartRecords", attendance_all},
    {"GET", "/api/admin/attendance/export/csv", SMART, ESPY_LANE_LONG, record_fields,
     "The same as a CSV file", "200 text/csv", espy_smart_reply_csv},
    {"GET", "/api/admin/attendance/export/excel", SMART, ESPY_LANE_LONG, record_fields,
     "The same as a spreadsheet", XLSX, espy_smart_reply_excel},
    {"GET", "/api/admin/stats", SMART, ESPY_LANE_QUICK, NULL, "Totals", "200 SmartStats", stats},
    {"GET", "/api/admin/settings", SMART, ESPY_LANE_INFER, NULL, "The settings",
     "200 SmartSettings", settings_get},
    {"PUT", "/api/admin/settings", SMART, ESPY_LANE_INFER, settings_fields, "Change the settings",
     "200 SmartSettings", settings_put},
    {"GET", "/api/admin/active-sessions", SMART, ESPY_LANE_QUICK, NULL, "Sessions that are open",
     "200 SmartSessions", active_sessions},
    {"GET", "/api/admin/recent-sessions", SMART, ESPY_LANE_QUICK, recent_fields,
     "The newest sessions", "200 SmartSessions", recent_sessions},
    {0}};

const espy_schema espy_schemas_smart_admin[] = {
    {"SmartInstructorMade",
     "{\"type\":\"object\",\"required\":[\"message\",\"instructor\"],\"properties\":{\"message\":{"
     "\"type\":\"string\"},\"instructor\":{\"$ref\":\"#/components/schemas/SmartUser\"}}}"},
    {"SmartInstructors",
     "{\"type\":\"object\",\"required\":[\"instructors\",\"count\"],\"properties\":{"
     "\"instructors\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/SmartUser\"}},"
     "\"count\":{\"type\":\"integer\"}}}"},
    {"SmartSessions",
     "{\"type\":\"object\",\"required\":[\"sessions\",\"count\"],\"properties\":{\"sessions\":{"
     "\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/SmartSession\"}},\"count\":{"
     "\"type\":\"integer\"}}}"},
    {"SmartStats",
     "{\"type\":\"object\",\"required\":[\"total_students\",\"total_instructors\",\"total_"
     "sessions\",\"active_sessions\",\"total_attendance\",\"today_attendance\",\"model_loaded\"],"
     "\"properties\":{\"total_students\":{\"type\":\"integer\"},\"total_instructors\":{\"type\":"
     "\"integer\"},\"total_sessions\":{\"type\":\"integer\"},\"active_sessions\":{\"type\":"
     "\"integer\"},\"total_attendance\":{\"type\":\"integer\"},\"today_attendance\":{\"type\":"
     "\"integer\"},\"model_loaded\":{\"type\":\"boolean\"}}}"},
    {0}};
