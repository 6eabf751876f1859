/* SPDX-License-Identifier: Apache-2.0
 * http - AttendanSee: students. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/attendansee.h"
#include "store/attendance.h"

/* -- names ------------------------------------------------------------------------------------- */
char *espy_see_name(espy_ctx *cx, const char *first, const char *last)
{
    return espy_sprintf(cx, "%s%s%s", first, *last ? " " : "", last);
}

/* Whether another student of the class has the name. */
static espy_err student_name_taken(espy_call *call, int64_t class, int64_t but, const char *name,
                                   bool *taken)
{
    espy_label *at = NULL;
    size_t n = 0;
    ESPY_TRY(espy_store_labels(call->cx, call->ws->store, class, &at, &n));
    *taken = false;
    for (size_t i = 0; i < n; i++)
        *taken |= !at[i].deleted && at[i].id != but && strcmp(at[i].name, name) == 0;
    espy_labels_free(call->cx, at, n);
    return ESPY_E_OK;
}

/* Whether a living student of the class has the number. */
static espy_err student_number_taken(espy_call *call, int64_t class, const char *number,
                                     bool *taken)
{
    espy_label l = {0};
    espy_err e = espy_store_label_find(call->cx, call->ws->store, class, number, &l);
    espy_label_free(call->cx, &l);
    *taken = e == ESPY_E_OK;
    if (e == ESPY_E_NOT_FOUND) {
        espy_clear(call->cx);
        return ESPY_E_OK;
    }
    return e;
}

/* A number for a student who has none: the name with underscores, and a count where that is taken.
 */
static espy_err student_number(espy_call *call, int64_t class, const char *name, char **out)
{
    espy_ctx *cx = call->cx;
    char *base = espy_strdup(cx, name);
    bool taken = true;
    espy_err e = base ? ESPY_E_OK : cx->code;
    for (char *p = base; p && *p; p++)
        if (*p == ' ')
            *p = '_';
    *out = NULL;
    for (size_t i = 1; e == ESPY_E_OK && taken; i++) {
        espy_free(cx, *out);
        *out = i == 1 ? espy_strdup(cx, base) : espy_sprintf(cx, "%s_%zu", base, i);
        e = *out ? espy_store_code_meant(cx, call->ws->store, class, *out, &taken) : cx->code;
    }
    espy_free(cx, base);
    if (e != ESPY_E_OK) {
        espy_free(cx, *out);
        *out = NULL;
    }
    return e;
}

/* Files the student; the label may be one that was deleted and comes back. */
static espy_err student_file(espy_call *call, int64_t class, const char *number, const char *name,
                             const char *email, int64_t *id)
{
    espy_ctx *cx = call->cx;
    espy_store *st = call->ws->store;
    espy_label l = {0};
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_store_label_make(cx, st, class, number, name, id));
    ESPY_GO(espy_store_label_get(cx, st, class, *id, &l));
    if (strcmp(l.name, name) != 0)
        ESPY_GO(espy_store_label_rename(cx, st, class, *id, NULL, name, "user"));
    if (email && *email)
        ESPY_GO(espy_store_label_edit(cx, st, class, *id, &(espy_label_change){.email = email},
                                      "user"));
out:
    espy_label_free(cx, &l);
    return e;
}

/* Within a transaction, so that of two at once of one name or number one is made. */
static espy_err student_make(espy_call *call, const espy_collection *c, const char *name,
                             const char *number, const char *email, int64_t *id, const char **field)
{
    espy_ctx *cx = call->cx;
    char *made = NULL;
    bool taken = false;
    espy_err e = ESPY_E_OK;
    *field = "non_field_errors";
    ESPY_GO(student_name_taken(call, c->id, 0, name, &taken));
    if (taken)
        ESPY_GO(espy_fail(cx, ESPY_E_EXISTS,
                          "The fields first_name, last_name, class_enrolled must make a unique "
                          "set."));
    *field = "student_id";
    if (!number || !*number) {
        ESPY_GO(student_number(call, c->id, name, &made));
        number = made;
    } else {
        ESPY_GO(student_number_taken(call, c->id, number, &taken));
    }
    if (taken)
        ESPY_GO(espy_fail(cx, ESPY_E_EXISTS, "Another student of the class has this number."));
    e = student_file(call, c->id, number, name, email, id);
out:
    espy_free(cx, made);
    return e;
}

espy_err espy_see_student_make(espy_call *call, const espy_collection *c, const char *first,
                               const char *last, const char *number, const char *email, int64_t *id,
                               const char **field)
{
    espy_ctx *cx = call->cx;
    espy_store *st = call->ws->store;
    char *name = espy_see_name(cx, first, last);
    espy_err e = name ? espy_store_begin(cx, st) : cx->code;
    if (e == ESPY_E_OK) {
        e = student_make(call, c, name, number, email, id, field);
        if (e == ESPY_E_OK)
            e = espy_store_commit(cx, st);
        if (e != ESPY_E_OK)
            espy_store_rollback(cx, st);
    }
    espy_free(cx, name);
    return e;
}

/* -- CRUD -------------------------------------------------------------------------------------- */
static espy_err student_list(espy_call *call)
{
    espy_ctx *cx = call->cx;
    const espy_label_filter f = {.collection = espy_see_scope(call, "class_id"),
                                 .owner = espy_see_owner(call),
                                 .modality = "face",
                                 .search = espy_call_text(call, "search")};
    const espy_page page = espy_see_page(call);
    espy_label_info *at = NULL;
    size_t n = 0;
    int64_t total = 0;
    ESPY_TRY(espy_store_label_page(cx, call->ws->store, &f, &page, &at, &n, &total));
    espy_err e = espy_see_reply_page(call, espy_see_student_json, at, sizeof *at, n, total);
    espy_label_infos_free(cx, at, n);
    return e;
}

static espy_err student_reply(espy_call *call, int status, int64_t id)
{
    espy_label_info l = {0};
    ESPY_TRY(espy_see_student(call, id, &l, NULL));
    espy_err e = espy_see_reply(call, status, espy_see_student_json, &l);
    espy_label_info_free(call->cx, &l);
    return e;
}

/* A class that a field of the body names: 400 with the field's name when it is not the caller's. */
static espy_err student_class(espy_call *call, espy_collection *c)
{
    espy_err e = espy_see_class(call, espy_call_int(call, "class_enrolled"), c);
    if (e != ESPY_E_NOT_FOUND)
        return e;
    espy_clear(call->cx);
    return espy_refuse_field(call, "class_enrolled", "Invalid pk \"%lld\" - object does not exist.",
                             (long long)espy_call_int(call, "class_enrolled"));
}

static espy_err student_create(espy_call *call)
{
    espy_collection c = {0};
    int64_t id = 0;
    const char *field;
    ESPY_TRY(student_class(call, &c));
    espy_err e = espy_see_student_make(
        call, &c, espy_call_text(call, "first_name"), espy_call_text(call, "last_name"),
        espy_call_text(call, "student_id"), espy_call_text(call, "email"), &id, &field);
    espy_collection_free(call->cx, &c);
    if (e == ESPY_E_EXISTS) {
        char text[256];
        snprintf(text, sizeof text, "%s", call->cx->text);
        espy_clear(call->cx);
        return espy_refuse_field(call, field, "%s", text);
    }
    ESPY_TRY(e);
    return student_reply(call, 201, id);
}

static espy_err student_get(espy_call *call)
{
    return student_reply(call, 200, espy_call_int(call, "id"));
}

/* The name as it is to be: the parts that were sent, and those that were there. */
static espy_err student_renamed(espy_call *call, const espy_label_info *l, char **name)
{
    espy_ctx *cx = call->cx;
    size_t n = strcspn(l->label.name, " ");
    char *first = espy_strndup(cx, l->label.name, n);
    const char *last = l->label.name[n] ? l->label.name + n + 1 : "";
    const char *to_first = espy_call_text(call, "first_name");
    const char *to_last = espy_call_text(call, "last_name");
    *name = first ? espy_see_name(cx, to_first ? to_first : first, to_last ? to_last : last) : NULL;
    espy_free(cx, first);
    return *name ? ESPY_E_OK : cx->code;
}

static espy_err student_change(espy_call *call, const espy_label_info *l, const char *name)
{
    espy_ctx *cx = call->cx;
    espy_store *st = call->ws->store;
    const char *number = espy_call_text(call, "student_id");
    const char *email = espy_call_null(call, "email") ? "" : espy_call_text(call, "email");
    bool taken = false;
    if (strcmp(name, l->label.name) == 0)
        name = NULL;
    if (number && (!*number || strcmp(number, l->label.code) == 0))
        number = NULL;
    if (name) {
        ESPY_TRY(student_name_taken(call, l->collection, l->label.id, name, &taken));
        if (taken)
            return espy_refuse_field(call, "non_field_errors",
                                     "The fields first_name, last_name, class_enrolled must make a "
                                     "unique set.");
    }
    if (name || number) {
        espy_err e =
            espy_store_label_rename(cx, st, l->collection, l->label.id, number, name, "user");
        if (e == ESPY_E_EXISTS) {
            espy_clear(cx);
            return espy_refuse_field(call, "student_id",
                                     "Another student of the class has or had this number.");
        }
        ESPY_TRY(e);
    }
    return email ? espy_store_label_edit(cx, st, l->collection, l->label.id,
                                         &(espy_label_change){.email = email}, "user")
                 : ESPY_E_OK;
}

static espy_err student_update(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_label_info l = {0};
    char *name = NULL;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_see_student(call, espy_call_int(call, "id"), &l, NULL));
    if (espy_call_has(call, "class_enrolled") &&
        espy_call_int(call, "class_enrolled") != l.collection)
        ESPY_GO(espy_refuse_field(call, "class_enrolled",
                                  "A student stays in the class: make another one there."));
    ESPY_GO(student_renamed(call, &l, &name));
    ESPY_GO(student_change(call, &l, name));
    e = student_reply(call, 200, l.label.id);
out:
    espy_free(cx, name);
    espy_label_info_free(cx, &l);
    return e;
}

static espy_err student_delete(espy_call *call)
{
    espy_label_info l = {0};
    ESPY_TRY(espy_see_student(call, espy_call_int(call, "id"), &l, NULL));
    espy_err e =
        espy_store_label_delete(call->cx, call->ws->store, l.collection, l.label.id, "user");
    espy_label_info_free(call->cx, &l);
    ESPY_TRY(e);
    return espy_reply_empty(call, 204);
}

/* -- merge ------------------------------------------------------------------------------------- */
static espy_err student_merge_run(espy_call *call, const espy_label_info *from,
                                  const espy_label_info *into)
{
    espy_ctx *cx = call->cx;
    espy_label_info after = {0};
    espy_json *target = NULL;
    size_t moved = 0, left = 0;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_store_label_merge(cx, call->ws->store, from->collection, from->label.id,
                                    into->label.id, "user", &moved, &left));
    ESPY_TRY(espy_store_label_info(cx, call->ws->store, into->label.id, &after));
    espy_see see = {.call = call};
    ESPY_GO(espy_see_student_json(&see, &after, &target));
    espy_made m = espy_see_status(call, "success");
    espy_made source = espy_make_object(cx), numbers = espy_make_object(cx);
    espy_put_text(&m, "message", "Successfully merged students");
    espy_put_int(&source, "id", from->label.id);
    espy_put_text(&source, "full_name", from->label.name);
    espy_put_text(&source, "student_id", from->label.code);
    espy_put_made(&m, "source_student", &source);
    espy_put(&m, "target_student", target);
    espy_put_int(&numbers, "face_crops_transferred", (int64_t)moved);
    espy_put_int(&numbers, "face_crops_left_unidentified", (int64_t)left);
    espy_put_int(&numbers, "target_crops_before_merge", (int64_t)into->label.samples);
    espy_put_int(&numbers, "target_crops_after_merge", (int64_t)after.label.samples);
    espy_put_made(&m, "statistics", &numbers);
    e = espy_see_end(call, 200, &m);
out:
    espy_see_free(&see);
    espy_label_info_free(cx, &after);
    return e;
}

static espy_err student_merge(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_label_info from = {0}, into = {0};
    espy_collection c = {0};
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_see_student(call, espy_call_int(call, "id"), &from, &c));
    if (espy_call_int(call, "target_student_id") == from.label.id)
        ESPY_GO(espy_refuse_field(call, "target_student_id",
                                  "A student cannot be merged into itself."));
    ESPY_GO(espy_see_student_of(call, &c, "target_student_id", &into));
    e = student_merge_run(call, &from, &into);
out:
    espy_label_info_free(cx, &from);
    espy_label_info_free(cx, &into);
    espy_collection_free(cx, &c);
    return e;
}

/* -- where they were --------------------------------------------------------------------------- */
/* What a student's report is made of. */
typedef struct student_times {
    espy_session *sessions; /* newest first */
    size_t n;
    espy_presence *there;
    size_t there_n, attended, crops;
} student_times;

static void student_times_free(espy_ctx *cx, student_times *t)
{
    espy_sessions_free(cx, t->sessions, t->n);
    espy_free(cx, t->there);
}

static espy_err student_times_read(espy_call *call, const espy_label_info *l, student_times *t)
{
    static const espy_page all = {.limit = SIZE_MAX};
    const espy_session_filter f = {.collection = l->collection};
    ESPY_TRY(
        espy_store_session_page(call->cx, call->ws->store, &f, &all, &t->sessions, &t->n, NULL));
    ESPY_TRY(espy_store_presence(call->cx, call->ws->store, l->collection, NULL, 0, &t->there,
                                 &t->there_n));
    for (size_t i = 0; i < t->n; i++) {
        const espy_presence *p =
            espy_presence_find(t->there, t->there_n, l->label.id, t->sessions[i].id);
        t->attended += p && p->present;
        t->crops += p ? p->samples : 0;
    }
    return ESPY_E_OK;
}

static void student_put_numbers(espy_made *m, const student_times *t, bool missed)
{
    espy_put_int(m, "total_sessions", (int64_t)t->n);
    espy_put_int(m, "attended_sessions", (int64_t)t->attended);
    if (missed)
        espy_put_int(m, "missed_sessions", (int64_t)(t->n - t->attended));
    espy_put_real(m, "attendance_rate", espy_see_percent(t->attended, t->n));
    espy_put_int(m, "total_detections", (int64_t)t->crops);
}

static espy_err student_attendance(espy_call *call)
{
    espy_label_info l = {0};
    student_times t = {0};
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_see_student(call, espy_call_int(call, "id"), &l, NULL));
    ESPY_GO(student_times_read(call, &l, &t));
    espy_made m = espy_make_object(call->cx);
    student_put_numbers(&m, &t, false);
    e = espy_see_end(call, 200, &m);
out:
    student_times_free(call->cx, &t);
    espy_label_info_free(call->cx, &l);
    return e;
}

static int student_crop_order(const void *a, const void *b)
{
    const espy_sample_info *x = a, *y = b;
    if (x->session != y->session)
        return x->session < y->session ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

/* The student's crops of all sessions, by session, then the oldest first. */
static espy_err student_crops(espy_call *call, const espy_label_info *l, espy_sample_info **out,
                              size_t *n)
{
    static const espy_page all = {.limit = SIZE_MAX};
    const espy_sample_filter f = {
        .collection = l->collection, .label = l->label.id, .probe = ESPY_NO};
    ESPY_TRY(espy_store_sample_page(call->cx, call->ws->store, &f, &all, out, n, NULL));
    if (*n > 0)
        qsort(*out, *n, sizeof **out, student_crop_order);
    return ESPY_E_OK;
}

/* Those of a session, of crops in that order. */
static const espy_sample_info *student_crops_of(const espy_sample_info *crops, size_t n,
                                                int64_t session, size_t *of)
{
    size_t first = 0, end = n;
    while (first < end) { /* the first one not before the session */
        const size_t middle = first + (end - first) / 2;
        if (crops[middle].session < session)
            first = middle + 1;
        else
            end = middle;
    }
    while (end < n && crops[end].session == session)
        end++;
    *of = end - first;
    return *of ? crops + first : NULL;
}

/* One session of the report, with the student's crops in it. */
static void student_put_session(espy_see *see, espy_made *list, const espy_session *s,
                                const espy_presence *p, const espy_sample_info *crops, size_t n)
{
    espy_made o = espy_make_object(list->cx), shown = espy_make_array(list->cx);
    espy_json *crop = NULL;
    for (size_t i = 0; i < n && shown.e == ESPY_E_OK; i++) {
        shown.e = espy_see_crop_json(see, &crops[i], &crop);
        if (shown.e == ESPY_E_OK)
            espy_put(&shown, NULL, crop);
    }
    espy_put_int(&o, "session_id", s->id);
    espy_put_text(&o, "session_name", s->name);
    espy_put_some(&o, "date", s->date);
    espy_put_some(&o, "start_time", s->start_time);
    espy_put_some(&o, "end_time", s->end_time);
    espy_put_bool(&o, "was_present", p && p->present);
    espy_put_bool(&o, "is_manual", p && p->said);
    espy_put_int(&o, "detection_count", (int64_t)n);
    espy_put_made(&o, "face_crops", &shown);
    espy_put_made(list, NULL, &o);
}

static espy_err student_detail_report(espy_call *call)
{
    espy_label_info l = {0};
    student_times t = {0};
    espy_json *student = NULL;
    espy_sample_info *crops = NULL;
    size_t n = 0;
    espy_see see = {.call = call};
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_see_student(call, espy_call_int(call, "id"), &l, NULL));
    ESPY_GO(student_times_read(call, &l, &t));
    ESPY_GO(student_crops(call, &l, &crops, &n));
    ESPY_GO(espy_see_student_json(&see, &l, &student));
    espy_made m = espy_make_object(call->cx), numbers = espy_make_object(call->cx);
    espy_made sessions = espy_make_array(call->cx);
    espy_put(&m, "student", student);
    student_put_numbers(&numbers, &t, true);
    espy_put_made(&m, "statistics", &numbers);
    for (size_t i = 0; i < t.n && sessions.e == ESPY_E_OK; i++) {
        const int64_t id = t.sessions[i].id;
        size_t of = 0;
        const espy_sample_info *in = student_crops_of(crops, n, id, &of);
        student_put_session(&see, &sessions, &t.sessions[i],
                            espy_presence_find(t.there, t.there_n, l.label.id, id), in, of);
    }
    espy_put_made(&m, "sessions", &sessions);
    e = espy_see_end(call, 200, &m);
out:
    espy_see_free(&see);
    espy_sample_infos_free(call->cx, crops, n);
    student_times_free(call->cx, &t);
    espy_label_info_free(call->cx, &l);
    return e;
}

/* -- routes ------------------------------------------------------------------------------------ */
#define STUDENT_FIELDS(required)                                                            \
    {"class_enrolled", ESPY_IN_BODY, ESPY_FIELD_INT, 1,          9007199254740991.0,        \
     required,         NULL,         NULL,           "the class"},                          \
        {"first_name",                                                                      \
         ESPY_IN_BODY,                                                                      \
         ESPY_FIELD_TEXT,                                                                   \
         1,                                                                                 \
         150,                                                                               \
         required,                                                                          \
         NULL,                                                                              \
         NULL,                                                                              \
         "up to the first blank of the name"},                                              \
        {"last_name", ESPY_IN_BODY, ESPY_FIELD_TEXT,       0, 150, required,                \
         NULL,        NULL,         "the rest of the name"},                                \
        {"student_id",                                                                      \
         ESPY_IN_BODY,                                                                      \
         ESPY_FIELD_TEXT,                                                                   \
         0,                                                                                 \
         50,                                                                                \
         false,                                                                             \
         NULL,                                                                              \
         NULL,                                                                              \
         "the student's number, unique in the class; else one is made from the name"},      \
    {                                                                                       \
        "email", ESPY_IN_BODY, ESPY_FIELD_TEXT, 0, 254, false, NULL, NULL, "e-mail address" \
    }

static const espy_field list_fields[] = {ESPY_SEE_PAGE(10000),
                                         ESPY_SEE_OF("class_id", "students of this class"),
                                         {"search", ESPY_IN_QUERY, ESPY_FIELD_TEXT, 1, 200, false,
                                          NULL, NULL, "stands in number, name or e-mail address"},
                                         {0}};
static const espy_field create_fields[] = {STUDENT_FIELDS(true), {0}};
static const espy_field id_fields[] = {ESPY_SEE_ID, {0}};
static const espy_field put_fields[] = {ESPY_SEE_ID, STUDENT_FIELDS(true), {0}};
static const espy_field patch_fields[] = {ESPY_SEE_ID, STUDENT_FIELDS(false), {0}};
static const espy_field merge_fields[] = {ESPY_SEE_ID,
                                          {"target_student_id", ESPY_IN_BODY, ESPY_FIELD_INT, 1,
                                           9007199254740991.0, true, NULL, NULL,
                                           "who stays; of the same class"},
                                          {0}};

#define SEE(method, path, may, fields, summary, answers, run)                                      \
    {                                                                                              \
        method, "/api/attendance/students/" path, &espy_service_attendansee, may, ESPY_LANE_QUICK, \
            fields, summary, answers, run                                                          \
    }
const espy_route espy_routes_attendansee_students[] = {
    SEE("GET", "", ESPY_MAY_READ, list_fields, "List students", "200 SeeStudents|404",
        student_list),
    SEE("POST", "", ESPY_MAY_ENROLL, create_fields, "Make a student", "201 SeeStudent",
        student_create),
    SEE("GET", "{id}/", ESPY_MAY_READ, id_fields, "Tell of a student", "200 SeeStudent|404",
        student_get),
    SEE("PUT", "{id}/", ESPY_MAY_ENROLL, put_fields, "Change a student", "200 SeeStudent|404",
        student_update),
    SEE("PATCH", "{id}/", ESPY_MAY_ENROLL, patch_fields, "Change some of a student",
        "200 SeeStudent|404", student_update),
    SEE("DELETE", "{id}/", ESPY_MAY_ENROLL, id_fields,
        "Take a student away; the crops are nobody's again", "204|404", student_delete),
    SEE("GET", "{id}/attendance/", ESPY_MAY_READ, id_fields, "Count where a student was",
        "200 SeeTimes|404", student_attendance),
    SEE("GET", "{id}/detail-report/", ESPY_MAY_READ, id_fields,
        "Tell where a student was, with the crops that show it", "200 SeeStudentReport|404",
        student_detail_report),
    SEE("POST", "{id}/merge/", ESPY_MAY_ENROLL, merge_fields,
        "Give all crops of a student to another one, who stays alone", "200 SeeMerged|404",
        student_merge),
    {0}};

const espy_schema espy_schemas_attendansee_students[] = {
    {"SeeStudent",
     "{\"type\":\"object\",\"required\":[\"id\",\"class_enrolled\",\"class_name\",\"first_name\""
     ",\"last_name\",\"full_name\",\"student_id\",\"email\",\"created_at\"],\"properties\":{\"i"
     "d\":{\"type\":\"integer\"},\"class_enrolled\":{\"type\":\"integer\"},\"class_name\":{\"typ"
     "e\":\"string\"},\"first_name\":{\"type\":\"string\"},\"last_name\":{\"type\":\"string\"},\"f"
     "ull_name\":{\"type\":\"string\"},\"student_id\":{\"type\":\"string\"},\"email\":{\"type\":["
     "\"string\",\"null\"]},\"created_at\":{\"type\":[\"string\",\"null\"]}}}"},
    {"SeeStudents",
     "{\"type\":\"object\",\"required\":[\"count\",\"next\",\"previous\",\"results\"],\"propertie"
     "s\":{\"count\":{\"type\":\"integer\"},\"next\":{\"type\":[\"string\",\"null\"]},\"previous\":"
     "{\"type\":[\"string\",\"null\"]},\"results\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/comp"
     "onents/schemas/SeeStudent\"}}}}"},
    {"SeeStudentList",
     "{\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/SeeStudent\"}}"},
    {"SeeTimes",
     "{\"type\":\"object\",\"required\":[\"total_sessions\",\"attended_sessions\",\"attendanc"
     "e_rate\",\"total_detections\"],\"properties\":{\"total_sessions\":{\"type\":\"integer\""
     "},\"attended_sessions\":{\"type\":\"integer\"},\"attendance_rate\":{\"type\":\"number\"}"
     ",\"total_detections\":{\"type\":\"integer\"}}}"},
    {"SeeStudentReport",
     "{\"type\":\"object\",\"required\":[\"student\",\"statistics\",\"sessions\"],\"properties\""
     ":{\"student\":{\"$ref\":\"#/components/schemas/SeeStudent\"},\"statistics\":{\"type\":"
     "\"object\",\"required\":[\"total_sessions\",\"attended_sessions\",\"missed_sessions\","
     "\"attendance_rate\",\"total_detections\"],\"properties\":{\"total_sessions\":{\"type\""
     ":\"integer\"},\"attended_sessions\":{\"type\":\"integer\"},\"missed_sessions\":{\"type\""
     ":\"integer\"},\"attendance_rate\":{\"type\":\"number\"},\"total_detections\":{\"type\":\""
     "integer\"}}},\"sessions\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":["
     "\"session_id\",\"session_name\",\"date\",\"start_time\",\"end_time\",\"was_present\",\"is"
     "_manual\",\"detection_count\",\"face_crops\"],\"properties\":{\"session_id\":{\"type\":"
     "\"integer\"},\"session_name\":{\"type\":\"string\"},\"date\":{\"type\":[\"string\",\"null\"]"
     "},\"start_time\":{\"type\":[\"string\",\"null\"]},\"end_time\":{\"type\":[\"string\",\"null"
     "\"]},\"was_present\":{\"type\":\"boolean\"},\"is_manual\":{\"type\":\"boolean\"},\"detecti"
     "on_count\":{\"type\":\"integer\"},\"face_crops\":{\"type\":\"array\",\"items\":{\"$ref\":\"#"
     "/components/schemas/SeeCrop\"}}}}}}}"},
    {"SeeMerged",
     "{\"type\":\"object\",\"required\":[\"status\",\"message\",\"source_student\",\"target_stu"
     "dent\",\"statistics\"],\"properties\":{\"status\":{\"type\":\"string\"},\"message\":{\"typ"
     "e\":\"string\"},\"source_student\":{\"type\":\"object\",\"required\":[\"id\",\"full_name\","
     "\"student_id\"],\"properties\":{\"id\":{\"type\":\"integer\"},\"full_name\":{\"type\":\"str"
     "ing\"},\"student_id\":{\"type\":\"string\"}}},\"target_student\":{\"$ref\":\"#/component"
     "s/schemas/SeeStudent\"},\"statistics\":{\"type\":\"object\"}}}"},
    {0}};
