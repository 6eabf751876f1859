/* SPDX-License-Identifier: Apache-2.0
 * http - AttendanSee: classes, and reports of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "artifact/csv.h"
#include "base/text.h"
#include "encode/encode.h"
#include "http/attendansee.h"
#include "http/serving.h"
#include "store/attendance.h"

#define CLASS_SAME 1000                /* classes of one name, in a workspace */
#define CLASS_UPLOAD ((size_t)5 << 20) /* bytes of a list of students */
#define CLASS_UPLOAD_STUDENTS 1000

static const espy_page class_all = {.limit = SIZE_MAX};

/* -- CRUD -------------------------------------------------------------------------------------- */
static espy_err class_list(espy_call *call)
{
    espy_ctx *cx = call->cx;
    const espy_collection_filter f = {.owner = espy_see_owner(call),
                                      .modality = "face",
                                      .search = espy_call_text(call, "search")};
    const espy_page page = espy_see_page(call);
    espy_collection *at = NULL;
    size_t n = 0;
    int64_t total = 0;
    if (call->who.collection) { /* a key that opens one */
        espy_collection one = {0};
        ESPY_TRY(espy_see_class(call, call->who.collection, &one));
        espy_err e =
            espy_see_reply_page(call, espy_see_class_json, &one, sizeof one, page.offset == 0, 1);
        espy_collection_free(cx, &one);
        return e;
    }
    ESPY_TRY(espy_store_collection_page(cx, call->ws->store, &f, &page, &at, &n, &total));
    espy_err e = espy_see_reply_page(call, espy_see_class_json, at, sizeof *at, n, total);
    espy_collections_free(cx, at, n);
    return e;
}

static espy_err class_reply(espy_call *call, int status, int64_t id)
{
    espy_collection c = {0};
    ESPY_TRY(espy_see_class(call, id, &c));
    espy_err e = espy_see_reply(call, status, espy_see_class_json, &c);
    espy_collection_free(call->cx, &c);
    return e;
}

/* Class names need not be unique, collections' names are: number `i` of a name that is taken. */
static char *class_name(espy_ctx *cx, const char *name, size_t i)
{
    return i == 1 ? espy_strdup(cx, name) : espy_sprintf(cx, "%s (%zu)", name, i);
}

static espy_err class_make(espy_call *call, const espy_encoder *encoder, int64_t *id)
{
    espy_ctx *cx = call->cx;
    espy_err e = ESPY_E_EXISTS;
    for (size_t i = 1; e == ESPY_E_EXISTS && i <= CLASS_SAME; i++) {
        char *name = class_name(cx, espy_call_text(call, "name"), i);
        if (!name)
            return cx->code;
        const espy_collection c = {
            .name = name,
            .modality = (char *)(uintptr_t) "face",
            .encoder = espy_encoder_pack(encoder)->name,
            .encoder_digest = (char *)(uintptr_t)espy_encoder_digest(encoder),
            .precision = (char *)(uintptr_t)espy_encoder_precision_name(encoder),
            .description = (char *)(uintptr_t)espy_call_text(call, "description"),
            .owner = call->who.user};
        espy_clear(cx);
        e = espy_store_collection_create(cx, call->ws->store, &c, id);
        espy_free(cx, name);
    }
    return e;
}

static espy_err class_create(espy_call *call)
{
    espy_ctx *cx = call->cx;
    const espy_encoder *encoder;
    char *pack = NULL;
    int64_t id = 0;
    const bool active = !espy_call_has(call, "is_active") || espy_call_bool(call, "is_active");
    if (call->who.collection)
        return espy_refuse(call, 403, NULL, "this key is for one class and makes no other");
    ESPY_TRY(espy_workspace_default_pack(cx, call->ws, espy_modality_find("face"), &pack));
    espy_err e = espy_models_pack(cx, call->serving->models, call->ws, pack, &encoder);
    espy_free(cx, pack);
    ESPY_TRY(e);
    ESPY_TRY(class_make(call, encoder, &id));
    if (!active)
        ESPY_TRY(espy_store_collection_update(cx, call->ws->store, id,
                                              &(espy_collection_change){.active = &active}));
    return class_reply(call, 201, id);
}

static espy_err class_get(espy_call *call)
{
    return class_reply(call, 200, espy_call_int(call, "id"));
}

/* A name that is taken is numbered, as that of a new class. */
static espy_err class_rename(espy_call *call, const espy_collection *c, const char *to)
{
    espy_ctx *cx = call->cx;
    espy_err e = ESPY_E_EXISTS;
    for (size_t i = 1; e == ESPY_E_EXISTS && i <= CLASS_SAME; i++) {
        char *name = class_name(cx, to, i);
        if (!name)
            return cx->code;
        espy_clear(cx);
        e = espy_store_collection_update(cx, call->ws->store, c->id,
                                         &(espy_collection_change){.name = name});
        espy_free(cx, name);
    }
    return e;
}

static espy_err class_update(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_collection c = {0};
    const char *name = espy_call_text(call, "name");
    const bool active = espy_call_bool(call, "is_active");
    const espy_collection_change change = {.description = espy_call_text(call, "description"),
                                           .active =
                                               espy_call_has(call, "is_active") ? &active : NULL};
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_see_class(call, espy_call_int(call, "id"), &c));
    ESPY_GO(espy_store_collection_update(cx, call->ws->store, c.id, &change));
    if (name && strcmp(name, c.name) != 0)
        ESPY_GO(class_rename(call, &c, name));
    e = class_reply(call, 200, c.id);
out:
    espy_collection_free(cx, &c);
    return e;
}

static espy_err class_delete(espy_call *call)
{
    espy_collection c = {0};
    ESPY_TRY(espy_see_class(call, espy_call_int(call, "id"), &c));
    espy_err e = espy_store_collection_delete(call->cx, call->ws->store, c.id, "user");
    espy_collection_free(call->cx, &c);
    ESPY_TRY(e);
    return espy_reply_empty(call, 204);
}

/* -- what a class has -------------------------------------------------------------------------- */
static espy_err class_students(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_collection c = {0};
    espy_label_info *at = NULL;
    espy_json *v = NULL;
    size_t n = 0;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_see_class(call, espy_call_int(call, "id"), &c));
    ESPY_GO(espy_store_label_page(cx, call->ws->store, &(espy_label_filter){.collection = c.id},
                                  &class_all, &at, &n, NULL));
    ESPY_GO(espy_see_array(call, espy_see_student_json, at, sizeof *at, n, &v));
    e = espy_reply_json(call, 200, v);
out:
    espy_label_infos_free(cx, at, n);
    espy_collection_free(cx, &c);
    return e;
}

static espy_err class_sessions(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_collection c = {0};
    espy_session *at = NULL;
    espy_json *v = NULL;
    size_t n = 0;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_see_class(call, espy_call_int(call, "id"), &c));
    ESPY_GO(espy_store_session_page(cx, call->ws->store, &(espy_session_filter){.collection = c.id},
                                    &class_all, &at, &n, NULL));
    ESPY_GO(espy_see_array(call, espy_see_session_json, at, sizeof *at, n, &v));
    e = espy_reply_json(call, 200, v);
out:
    espy_sessions_free(cx, at, n);
    espy_collection_free(cx, &c);
    return e;
}

/* How many media or samples of the class answer to a question. */
static espy_err class_count(espy_call *call, int64_t class, bool samples, espy_asked so,
                            int64_t *total)
{
    static const espy_page none = {0};
    espy_ctx *cx = call->cx;
    espy_store *st = call->ws->store;
    espy_media_info *media = NULL;
    espy_sample_info *crops = NULL;
    size_t n = 0;
    espy_err e;
    if (samples) {
        const espy_sample_filter f = {.collection = class, .identified = so, .probe = ESPY_NO};
        e = espy_store_sample_page(cx, st, &f, &none, &crops, &n, total);
        espy_sample_infos_free(cx, crops, n);
    } else {
        const espy_media_filter f = {.collection = class, .scanned = so, .probe = ESPY_NO};
        e = espy_store_media_page(cx, st, &f, &none, &media, &n, total);
        espy_media_infos_free(cx, media, n);
    }
    return e;
}

static espy_err class_statistics(espy_call *call)
{
    static const struct {
        const char *key;
        bool samples;
        espy_asked so;
    } rows[] = {{"total_images", false, ESPY_ANY},
                {"processed_images", false, ESPY_YES},
                {"total_face_crops", true, ESPY_ANY},
                {"identified_faces", true, ESPY_YES}};
    espy_ctx *cx = call->cx;
    espy_collection c = {0};
    espy_see see = {.call = call};
    espy_json *class = NULL;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_see_class(call, espy_call_int(call, "id"), &c));
    ESPY_GO(espy_see_class_json(&see, &c, &class));
    espy_made m = espy_make_object(cx);
    espy_put_int(&m, "student_count", espy_json_int(espy_json_get(class, "student_count"), 0));
    espy_put_int(&m, "session_count", espy_json_int(espy_json_get(class, "session_count"), 0));
    for (size_t i = 0; i < sizeof rows / sizeof *rows && m.e == ESPY_E_OK; i++) {
        int64_t n = 0;
        m.e = class_count(call, c.id, rows[i].samples, rows[i].so, &n);
        espy_put_int(&m, rows[i].key, n);
    }
    e = espy_see_end(call, 200, &m);
out:
    espy_json_free(class);
    espy_see_free(&see);
    espy_collection_free(cx, &c);
    return e;
}

/* -- the report -------------------------------------------------------------------------------- */
typedef struct class_report {
    espy_collection c;
    espy_label_info *students;
    size_t students_n;
    espy_session *all; /* sessions, of which some are looked at */
    size_t all_n;
    const espy_session **sessions; /* oldest first */
    size_t n;
    espy_presence *there; /* by label, then session */
    size_t there_n;
} class_report;

static void class_report_free(espy_ctx *cx, class_report *r)
{
    espy_collection_free(cx, &r->c);
    espy_label_infos_free(cx, r->students, r->students_n);
    espy_sessions_free(cx, r->all, r->all_n);
    espy_free(cx, r->sessions);
    espy_free(cx, r->there);
}

static int class_session_order(const void *a, const void *b)
{
    const espy_session *x = *(const espy_session *const *)a, *y = *(const espy_session *const *)b;
    int by = strcmp(x->date, y->date);
    return by ? by : (x->id > y->id) - (x->id < y->id);
}

/* Whether a session counts: its photos are processed, or a person said who was there. */
static bool class_counts(const class_report *r, const espy_session *s, bool unprocessed)
{
    if (unprocessed || (s->media > 0 && s->scanned == s->media))
        return true;
    for (size_t i = 0; i < r->there_n; i++)
        if (r->there[i].session == s->id && r->there[i].said)
            return true;
    return false;
}

static espy_err class_report_read(espy_call *call, class_report *r)
{
    espy_ctx *cx = call->cx;
    espy_store *st = call->ws->store;
    ESPY_TRY(espy_see_class(call, espy_call_int(call, "id"), &r->c));
    const espy_session_filter f = {.collection = r->c.id,
                                   .from = espy_call_text(call, "date_from"),
                                   .to = espy_call_text(call, "date_to")};
    ESPY_TRY(espy_store_label_page(cx, st, &(espy_label_filter){.collection = r->c.id}, &class_all,
                                   &r->students, &r->students_n, NULL));
    ESPY_TRY(espy_store_session_page(cx, st, &f, &class_all, &r->all, &r->all_n, NULL));
    ESPY_TRY(espy_store_presence(cx, st, r->c.id, NULL, 0, &r->there, &r->there_n));
    r->sessions = espy_array(cx, r->all_n, sizeof *r->sessions);
    if (!r->sessions)
        return cx->code;
    for (size_t i = 0; i < r->all_n; i++)
        if (class_counts(r, &r->all[i], espy_call_bool(call, "include_unprocessed")))
            r->sessions[r->n++] = &r->all[i];
    if (r->n)
        qsort(r->sessions, r->n, sizeof *r->sessions, class_session_order);
    return ESPY_E_OK;
}

static void class_put_head(espy_made *m, const class_report *r)
{
    espy_made range = espy_make_object(m->cx);
    espy_put_int(m, "class_id", r->c.id);
    espy_put_text(m, "class_name", r->c.name);
    espy_put_int(m, "total_students", (int64_t)r->students_n);
    espy_put_int(m, "total_sessions", (int64_t)r->n);
    espy_put_some(&range, "from", r->n ? r->sessions[0]->date : NULL);
    espy_put_some(&range, "to", r->n ? r->sessions[r->n - 1]->date : NULL);
    espy_put_made(m, "date_range", &range);
}

/* In how many of the sessions a student was, and how many crops show it. */
static size_t class_attended(const class_report *r, int64_t label, size_t *crops)
{
    size_t n = 0;
    *crops = 0;
    for (size_t i = 0; i < r->n; i++) {
        const espy_presence *p =
            espy_presence_find(r->there, r->there_n, label, r->sessions[i]->id);
        n += p && p->present;
        *crops += p ? p->samples : 0;
    }
    return n;
}

static void class_put_session(espy_made *list, const class_report *r, const espy_session *s)
{
    size_t present = 0;
    for (size_t i = 0; i < r->students_n; i++) {
        const espy_presence *p =
            espy_presence_find(r->there, r->there_n, r->students[i].label.id, s->id);
        present += p && p->present;
    }
    espy_made o = espy_make_object(list->cx);
    espy_put_int(&o, "id", s->id);
    espy_put_text(&o, "name", s->name);
    espy_put_some(&o, "date", s->date);
    espy_put_some(&o, "start_time", s->start_time);
    espy_put_some(&o, "end_time", s->end_time);
    espy_put_bool(&o, "is_processed", s->media > 0 && s->scanned == s->media);
    espy_put_int(&o, "present_count", (int64_t)present);
    espy_put_int(&o, "total_students", (int64_t)r->students_n);
    espy_put_real(&o, "attendance_rate", espy_see_percent(present, r->students_n));
    espy_put_made(list, NULL, &o);
}

static void class_put_student(espy_made *list, const class_report *r, const espy_label_info *l)
{
    size_t crops, attended = class_attended(r, l->label.id, &crops);
    size_t first = strcspn(l->label.name, " ");
    char *name = espy_strndup(list->cx, l->label.name, first);
    espy_made o = espy_make_object(list->cx), cells = espy_make_array(list->cx);
    espy_put_int(&o, "student_id", l->label.id);
    espy_put_text(&o, "first_name", name);
    espy_put_text(&o, "last_name", l->label.name[first] ? l->label.name + first + 1 : "");
    espy_put_text(&o, "full_name", l->label.name);
    espy_put_text(&o, "student_number", l->label.code);
    espy_put_text(&o, "email", l->email);
    espy_put_int(&o, "attended_sessions", (int64_t)attended);
    espy_put_int(&o, "total_sessions", (int64_t)r->n);
    espy_put_real(&o, "attendance_rate", espy_see_percent(attended, r->n));
    for (size_t i = 0; i < r->n; i++) {
        const espy_presence *p =
            espy_presence_find(r->there, r->there_n, l->label.id, r->sessions[i]->id);
        espy_made cell = espy_make_object(list->cx);
        espy_put_int(&cell, "session_id", r->sessions[i]->id);
        espy_put_bool(&cell, "present", p && p->present);
        espy_put_int(&cell, "detection_count", p ? (int64_t)p->samples : 0);
        espy_put_bool(&cell, "is_manual", p && p->said);
        espy_put_made(&cells, NULL, &cell);
    }
    espy_put_made(&o, "session_attendance", &cells);
    espy_put_made(list, NULL, &o);
    if (!name && list->e == ESPY_E_OK)
        list->e = list->cx->code;
    espy_free(list->cx, name);
}

static espy_err class_attendance_report(espy_call *call)
{
    espy_ctx *cx = call->cx;
    class_report r = {0};
    espy_err e = ESPY_E_OK;
    ESPY_GO(class_report_read(call, &r));
    espy_made m = espy_make_object(cx), sessions = espy_make_array(cx);
    espy_made matrix = espy_make_array(cx);
    class_put_head(&m, &r);
    for (size_t i = 0; i < r.n; i++)
        class_put_session(&sessions, &r, r.sessions[i]);
    espy_put_made(&m, "sessions", &sessions);
    for (size_t i = 0; i < r.students_n; i++)
        class_put_student(&matrix, &r, &r.students[i]);
    espy_put_made(&m, "attendance_matrix", &matrix);
    e = espy_see_end(call, 200, &m);
out:
    class_report_free(cx, &r);
    return e;
}

static espy_err class_aggregate(espy_call *call)
{
    espy_ctx *cx = call->cx;
    class_report r = {0};
    espy_err e = ESPY_E_OK;
    ESPY_GO(class_report_read(call, &r));
    espy_made m = espy_make_object(cx), list = espy_make_array(cx);
    class_put_head(&m, &r);
    for (size_t i = 0; i < r.students_n; i++) {
        const espy_label_info *l = &r.students[i];
        size_t crops, attended = class_attended(&r, l->label.id, &crops);
        espy_made o = espy_make_object(cx);
        espy_put_int(&o, "student_id", l->label.id);
        espy_put_text(&o, "name", l->label.name);
        espy_put_text(&o, "student_number", l->label.code);
        espy_put_int(&o, "total_sessions", (int64_t)r.n);
        espy_put_int(&o, "attended_sessions", (int64_t)attended);
        espy_put_real(&o, "attendance_rate", espy_see_percent(attended, r.n));
        espy_put_int(&o, "total_detections", (int64_t)crops);
        espy_put_made(&list, NULL, &o);
    }
    espy_put_made(&m, "student_statistics", &list);
    espy_put_text(&m, "message", "Class aggregation completed successfully.");
    e = espy_see_end(call, 200, &m);
out:
    class_report_free(cx, &r);
    return e;
}

/* -- a list of students ------------------------------------------------------------------------ */
typedef struct class_row {
    char *first, *last, *number;
} class_row;

typedef struct class_upload {
    espy_call *call;
    bool header; /* the first row is one */
    size_t rows;
    class_row *at;
    size_t n, room;
} class_upload;

static void class_upload_free(espy_ctx *cx, class_upload *u)
{
    for (size_t i = 0; i < u->n; i++) {
        espy_free(cx, u->at[i].first);
        espy_free(cx, u->at[i].last);
        espy_free(cx, u->at[i].number);
    }
    espy_free(cx, u->at);
}

/* A copy without blanks at either end. */
static char *class_cell(espy_ctx *cx, const char *s)
{
    size_t n;
    s += strspn(s, " \t");
    for (n = strlen(s); n && strchr(" \t\r\n", s[n - 1]); n--)
        ;
    return espy_strndup(cx, s, n);
}

static espy_err class_upload_row(espy_ctx *cx, void *self, size_t line, char *const *cells,
                                 size_t n)
{
    class_upload *u = self;
    bool empty = true;
    if (u->rows++ == 0 && u->header)
        return ESPY_E_OK;
    for (size_t i = 0; i < n; i++)
        empty = empty && cells[i][strspn(cells[i], " \t")] == 0;
    if (empty)
        return ESPY_E_OK;
    if (n < 2)
        return espy_fail(cx, ESPY_E_FORMAT,
                         "Row %zu: Insufficient columns. Expected at least 2 (first_name, "
                         "last_name)",
                         line);
    if (u->n == CLASS_UPLOAD_STUDENTS)
        return espy_fail(cx, ESPY_E_FORMAT, "Too many students in file. Maximum allowed: %d",
                         CLASS_UPLOAD_STUDENTS);
    if (u->n == u->room) {
        size_t room = u->room ? 2 * u->room : 64;
        class_row *more = espy_resize(cx, u->at, room, sizeof *more);
        if (!more)
            return cx->code;
        u->at = more;
        u->room = room;
    }
    class_row *r = &u->at[u->n++];
    *r = (class_row){class_cell(cx, cells[0]), class_cell(cx, cells[1]),
                     class_cell(cx, n > 2 ? cells[2] : "")};
    if (!r->first || !r->last || !r->number)
        return cx->code;
    if (!*r->first || !*r->last)
        return espy_fail(cx, ESPY_E_FORMAT, "Row %zu: First name and last name cannot be empty",
                         line);
    return ESPY_E_OK;
}

static espy_err class_upload_read(espy_call *call, class_upload *u)
{
    espy_ctx *cx = call->cx;
    const espy_upload *file = espy_call_file(call, "file", 0);
    espy_buf text;
    if (espy_ends_with_nocase(file->file, ".xlsx") || espy_ends_with_nocase(file->file, ".xls") ||
        (file->bytes.size > 4 && memcmp(file->bytes.data, "PK\3\4", 4) == 0))
        return espy_fail(cx, ESPY_E_UNSUPPORTED,
                         "Excel files are not read here; save the sheet as CSV (UTF-8) and send "
                         "that");
    if (!espy_ends_with_nocase(file->file, ".csv") && file->file[0])
        return espy_refuse_field(call, "file", "A file that ends in .csv is expected.");
    if (file->bytes.size > CLASS_UPLOAD)
        return espy_refuse_field(call, "file", "File size exceeds maximum allowed size of 5MB");
    if (!espy_utf8_valid((const char *)file->bytes.data, file->bytes.size))
        return espy_refuse_field(call, "file",
                                 "File encoding error. Please ensure the file is UTF-8 encoded");
    espy_buf_init(&text, CLASS_UPLOAD + 1);
    espy_err e = espy_buf_append(cx, &text, file->bytes.data, file->bytes.size);
    if (e == ESPY_E_OK)
        e = espy_csv_read(cx, &text, class_upload_row, u);
    espy_buf_free(cx, &text);
    ESPY_TRY(e);
    return u->n ? ESPY_E_OK : espy_fail(cx, ESPY_E_FORMAT, "No valid student data found in file");
}

/* Makes one student, or tells why not; those that are there are passed over. */
static espy_err class_upload_one(espy_call *call, const espy_collection *c, const class_row *row,
                                 espy_see *see, espy_made *created, espy_made *skipped)
{
    espy_ctx *cx = call->cx;
    espy_label_info l = {0};
    espy_json *v = NULL;
    int64_t id;
    const char *field;
    espy_err e =
        espy_see_student_make(call, c, row->first, row->last, row->number, NULL, &id, &field);
    if (e == ESPY_E_EXISTS) {
        espy_made o = espy_make_object(cx);
        espy_clear(cx);
        espy_put_text(&o, "first_name", row->first);
        espy_put_text(&o, "last_name", row->last);
        espy_put_text(&o, "student_id", row->number);
        espy_put_text(&o, "reason",
                      strcmp(field, "student_id") == 0
                          ? "Another student of the class has this number"
                          : "Student already exists in this class");
        espy_put_made(skipped, NULL, &o);
        return skipped->e;
    }
    ESPY_TRY(e);
    ESPY_TRY(espy_store_label_info(cx, call->ws->store, id, &l));
    e = espy_see_student_json(see, &l, &v);
    espy_label_info_free(cx, &l);
    ESPY_TRY(e);
    espy_put(created, NULL, v);
    return created->e;
}

/* All in one transaction: either the whole list comes in, or nothing of it. */
static espy_err class_upload_file(espy_call *call, const espy_collection *c, const class_upload *u,
                                  espy_made *created, espy_made *skipped)
{
    espy_store *st = call->ws->store;
    espy_see see = {.call = call};
    ESPY_TRY(espy_store_begin(call->cx, st));
    espy_err e = ESPY_E_OK;
    for (size_t i = 0; i < u->n && e == ESPY_E_OK; i++)
        e = class_upload_one(call, c, &u->at[i], &see, created, skipped);
    if (e == ESPY_E_OK)
        e = espy_store_commit(call->cx, st);
    if (e != ESPY_E_OK)
        espy_store_rollback(call->cx, st);
    espy_see_free(&see);
    return e;
}

static espy_err class_upload_students(espy_call *call)
{
    espy_ctx *cx = call->cx;
    char text[96];
    espy_collection c = {0};
    class_upload u = {.call = call, .header = espy_call_bool(call, "has_header")};
    espy_made created = espy_make_array(cx), skipped = espy_make_array(cx);
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_see_class(call, espy_call_int(call, "id"), &c));
    ESPY_GO(class_upload_read(call, &u));
    ESPY_GO(class_upload_file(call, &c, &u, &created, &skipped));
    size_t n = espy_json_count(created.v), passed = espy_json_count(skipped.v);
    snprintf(text, sizeof text, "Successfully created %zu students. Skipped %zu duplicates.", n,
             passed);
    espy_made m = espy_make_object(cx);
    espy_put_made(&m, "created", &created);
    espy_put_int(&m, "total_created", (int64_t)n);
    espy_put_int(&m, "total_skipped", (int64_t)passed);
    espy_put_made(&m, "skipped", &skipped);
    espy_put_text(&m, "message", text);
    e = espy_see_end(call, 201, &m);
out:
    espy_json_free(created.v);
    espy_json_free(skipped.v);
    class_upload_free(cx, &u);
    espy_collection_free(cx, &c);
    return e;
}

/* -- routes ------------------------------------------------------------------------------------ */
#define CLASS_FIELDS(required)                                                                    \
    {"name", ESPY_IN_BODY, ESPY_FIELD_TEXT,                                                       \
     1,      255,          required,                                                              \
     NULL,   NULL,         "name; one that is taken in the workspace gets a number"},             \
        {"description", ESPY_IN_BODY, ESPY_FIELD_TEXT, 0, 10000, false, NULL, NULL, "text"},      \
    {                                                                                             \
        "is_active", ESPY_IN_BODY, ESPY_FIELD_BOOL, 0, 0, false, NULL, NULL, "whether it goes on" \
    }
#define CLASS_DATES(place)                                                                         \
    {"include_unprocessed",                                                                        \
     place,                                                                                        \
     ESPY_FIELD_BOOL,                                                                              \
     0,                                                                                            \
     0,                                                                                            \
     false,                                                                                        \
     "false",                                                                                      \
     NULL,                                                                                         \
     "also sessions whose photos are not all processed and of which nobody said anything"},        \
        {"date_from", place, ESPY_FIELD_DATE, 10, 10, false, NULL, NULL, "first day, YYYY-MM-DD"}, \
    {                                                                                              \
        "date_to", place, ESPY_FIELD_DATE, 10, 10, false, NULL, NULL, "last day, YYYY-MM-DD"       \
    }

static const espy_field list_fields[] = {ESPY_SEE_PAGE(1000),
                                         {"search", ESPY_IN_QUERY, ESPY_FIELD_TEXT, 1, 200, false,
                                          NULL, NULL, "stands in name or description"},
                                         {0}};
static const espy_field create_fields[] = {CLASS_FIELDS(true), {0}};
static const espy_field id_fields[] = {ESPY_SEE_ID, {0}};
static const espy_field put_fields[] = {ESPY_SEE_ID, CLASS_FIELDS(true), {0}};
static const espy_field patch_fields[] = {ESPY_SEE_ID, CLASS_FIELDS(false), {0}};
static const espy_field report_fields[] = {ESPY_SEE_ID, CLASS_DATES(ESPY_IN_QUERY), {0}};
static const espy_field aggregate_fields[] = {ESPY_SEE_ID, CLASS_DATES(ESPY_IN_BODY), {0}};
static const espy_field upload_fields[] = {
    ESPY_SEE_ID,
    {"file", ESPY_IN_BODY, ESPY_FIELD_FILE, 1, 1, true, NULL, NULL,
     "CSV in UTF-8: first name, last name, number; at most 5 MB and 1000 students"},
    {"has_header", ESPY_IN_BODY, ESPY_FIELD_BOOL, 0, 0, false, "true", NULL,
     "whether the first row holds titles"},
    {0}};

#define SEE(method, path, may, lane, fields, summary, answers, run)                            \
    {                                                                                          \
        method, "/api/attendance/classes/" path, &espy_service_attendansee, may, lane, fields, \
            summary, answers, run                                                              \
    }
const espy_route espy_routes_attendansee_classes[] = {
    SEE("GET", "", ESPY_MAY_READ, ESPY_LANE_QUICK, list_fields, "List classes",
        "200 SeeClasses|404", class_list),
    SEE("POST", "", ESPY_MAY_ENROLL, ESPY_LANE_INFER, create_fields, "Make a class", "201 SeeClass",
        class_create),
    SEE("GET", "{id}/", ESPY_MAY_READ, ESPY_LANE_QUICK, id_fields, "Tell of a class",
        "200 SeeClass|404", class_get),
    SEE("PUT", "{id}/", ESPY_MAY_ENROLL, ESPY_LANE_QUICK, put_fields, "Change a class",
        "200 SeeClass|404", class_update),
    SEE("PATCH", "{id}/", ESPY_MAY_ENROLL, ESPY_LANE_QUICK, patch_fields, "Change some of a class",
        "200 SeeClass|404", class_update),
    SEE("DELETE", "{id}/", ESPY_MAY_ENROLL, ESPY_LANE_QUICK, id_fields,
        "Take a class away, with all that it holds; it can be restored", "204|404", class_delete),
    SEE("GET", "{id}/students/", ESPY_MAY_READ, ESPY_LANE_QUICK, id_fields,
        "List all students of a class", "200 SeeStudentList|404", class_students),
    SEE("GET", "{id}/sessions/", ESPY_MAY_READ, ESPY_LANE_QUICK, id_fields,
        "List all sessions of a class", "200 SeeSessionList|404", class_sessions),
    SEE("GET", "{id}/statistics/", ESPY_MAY_READ, ESPY_LANE_QUICK, id_fields,
        "Count what a class holds", "200 SeeStatistics|404", class_statistics),
    SEE("GET", "{id}/attendance-report/", ESPY_MAY_READ, ESPY_LANE_QUICK, report_fields,
        "Tell who was when there: students and sessions", "200 SeeReport|404",
        class_attendance_report),
    SEE("POST", "{id}/aggregate-class/", ESPY_MAY_READ, ESPY_LANE_QUICK, aggregate_fields,
        "Count for each student of a class", "200 SeeAggregate|404", class_aggregate),
    SEE("POST", "{id}/bulk-upload-students/", ESPY_MAY_ENROLL, ESPY_LANE_LONG, upload_fields,
        "Make students of a table", "201 SeeUploaded|404|415", class_upload_students),
    {0}};

const espy_schema espy_schemas_attendansee_classes[] = {
    {"SeeClass",
     "{\"type\":\"object\",\"required\":[\"id\",\"owner\",\"owner_id\",\"name\",\"description\",\"i"
     "s_active\",\"created_at\",\"updated_at\",\"student_count\",\"session_count\"],\"proper"
     "ties\":{\"id\":{\"type\":\"integer\"},\"owner\":{\"type\":[\"string\",\"null\"]},\"owner_id\""
     ":{\"type\":[\"integer\",\"null\"]},\"name\":{\"type\":\"string\"},\"description\":{\"type\":"
     "\"string\"},\"is_active\":{\"type\":\"boolean\"},\"created_at\":{\"type\":\"string\"},\"upd"
     "ated_at\":{\"type\":\"string\"},\"student_count\":{\"type\":\"integer\"},\"session_count"
     "\":{\"type\":\"integer\"}}}"},
    {"SeeClasses",
     "{\"type\":\"object\",\"required\":[\"count\",\"next\",\"previous\",\"results\"],\"propertie"
     "s\":{\"count\":{\"type\":\"integer\"},\"next\":{\"type\":[\"string\",\"null\"]},\"previous\":"
     "{\"type\":[\"string\",\"null\"]},\"results\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/comp"
     "onents/schemas/SeeClass\"}}}}"},
    {"SeeStatistics",
     "{\"type\":\"object\",\"required\":[\"student_count\",\"session_count\",\"total_images\","
     "\"processed_images\",\"total_face_crops\",\"identified_faces\"],\"properties\":{\"stu"
     "dent_count\":{\"type\":\"integer\"},\"session_count\":{\"type\":\"integer\"},\"total_ima"
     "ges\":{\"type\":\"integer\"},\"processed_images\":{\"type\":\"integer\"},\"total_face_cr"
     "ops\":{\"type\":\"integer\"},\"identified_faces\":{\"type\":\"integer\"}}}"},
    {"SeeReport",
     "{\"type\":\"object\",\"required\":[\"class_id\",\"class_name\",\"total_students\",\"total"
     "_sessions\",\"date_range\",\"sessions\",\"attendance_matrix\"],\"properties\":{\"class"
     "_id\":{\"type\":\"integer\"},\"class_name\":{\"type\":\"string\"},\"total_students\":{\"ty"
     "pe\":\"integer\"},\"total_sessions\":{\"type\":\"integer\"},\"date_range\":{\"type\":\"obj"
     "ect\",\"required\":[\"from\",\"to\"],\"properties\":{\"from\":{\"type\":[\"string\",\"null\"]"
     "},\"to\":{\"type\":[\"string\",\"null\"]}}},\"sessions\":{\"type\":\"array\",\"items\":{\"typ"
     "e\":\"object\",\"required\":[\"id\",\"name\",\"date\",\"start_time\",\"end_time\",\"is_proce"
     "ssed\",\"present_count\",\"total_students\",\"attendance_rate\"],\"properties\":{\"id\""
     ":{\"type\":\"integer\"},\"name\":{\"type\":\"string\"},\"date\":{\"type\":[\"string\","
     "\"null\""
     "]},\"start_time\":{\"type\":[\"string\",\"null\"]},\"end_time\":{\"type\":[\"string\",\"nul"
     "l\"]},\"is_processed\":{\"type\":\"boolean\"},\"present_count\":{\"type\":\"integer\"},\"t"
     "otal_students\":{\"type\":\"integer\"},\"attendance_rate\":{\"type\":\"number\"}}}},\"at"
     "tendance_matrix\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"stude"
     "nt_id\",\"first_name\",\"last_name\",\"full_name\",\"student_number\",\"email\",\"attend"
     "ed_sessions\",\"total_sessions\",\"attendance_rate\",\"session_attendance\"],\"prope"
     "rties\":{\"student_id\":{\"type\":\"integer\"},\"first_name\":{\"type\":\"string\"},\"last"
     "_name\":{\"type\":\"string\"},\"full_name\":{\"type\":\"string\"},\"student_number\":{\"ty"
     "pe\":\"string\"},\"email\":{\"type\":[\"string\",\"null\"]},\"attended_sessions\":{\"type\""
     ":\"integer\"},\"total_sessions\":{\"type\":\"integer\"},\"attendance_rate\":{\"type\":\"n"
     "umber\"},\"session_attendance\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"requi"
     "red\":[\"session_id\",\"present\",\"detection_count\",\"is_manual\"],\"properties\":{\"s"
     "ession_id\":{\"type\":\"integer\"},\"present\":{\"type\":\"boolean\"},\"detection_count\""
     ":{\"type\":\"integer\"},\"is_manual\":{\"type\":\"boolean\"}}}}}}}}}"},
    {"SeeAggregate",
     "{\"type\":\"object\",\"required\":[\"class_id\",\"class_name\",\"total_students\",\"total"
     "_sessions\",\"date_range\",\"student_statistics\",\"message\"],\"properties\":{\"class"
     "_id\":{\"type\":\"integer\"},\"class_name\":{\"type\":\"string\"},\"total_students\":{\"ty"
     "pe\":\"integer\"},\"total_sessions\":{\"type\":\"integer\"},\"date_range\":{\"type\":\"obj"
     "ect\"},\"student_statistics\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"require"
     "d\":[\"student_id\",\"name\",\"student_number\",\"total_sessions\",\"attended_sessions"
     "\",\"attendance_rate\",\"total_detections\"],\"properties\":{\"student_id\":{\"type\":\""
     "integer\"},\"name\":{\"type\":\"string\"},\"student_number\":{\"type\":\"string\"},\"total"
     "_sessions\":{\"type\":\"integer\"},\"attended_sessions\":{\"type\":\"integer\"},\"attend"
     "ance_rate\":{\"type\":\"number\"},\"total_detections\":{\"type\":\"integer\"}}}},\"messa"
     "ge\":{\"type\":\"string\"}}}"},
    {"SeeUploaded",
     "{\"type\":\"object\",\"required\":[\"created\",\"total_created\",\"total_skipped\",\"skip"
     "ped\",\"message\"],\"properties\":{\"created\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/c"
     "omponents/schemas/SeeStudent\"}},\"total_created\":{\"type\":\"integer\"},\"total_sk"
     "ipped\":{\"type\":\"integer\"},\"skipped\":{\"type\":\"array\",\"items\":{\"type\":\"object\""
     ",\"required\":[\"first_name\",\"last_name\",\"student_id\",\"reason\"],\"properties\":{\""
     "first_name\":{\"type\":\"string\"},\"last_name\":{\"type\":\"string\"},\"student_id\":{\"t"
     "ype\":\"string\"},\"reason\":{\"type\":\"string\"}}}},\"message\":{\"type\":\"string\"}}}"},
    {0}};
