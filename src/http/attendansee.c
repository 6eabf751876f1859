/* SPDX-License-Identifier: Apache-2.0
 * http - AttendanSee's interface: what is the caller's, how things look, pages. */
#include "http/attendansee.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "http/serving.h"
#include "store/attendance.h"
#include "store/user.h"

/* -- things of the caller ---------------------------------------------------------------------- */
static espy_err see_nothing(espy_call *call)
{
    espy_clear(call->cx);
    return espy_fail(call->cx, ESPY_E_NOT_FOUND, "Not found.");
}

espy_err espy_see_class(espy_call *call, int64_t id, espy_collection *out)
{
    char text[24];
    espy_collection c = {0};
    snprintf(text, sizeof text, "%lld", (long long)id);
    espy_err e = espy_call_collection(call, text, &c);
    if (e == ESPY_E_OK && strcmp(c.modality, "face") != 0)
        e = ESPY_E_NOT_FOUND;
    if (e != ESPY_E_OK) {
        espy_collection_free(call->cx, &c);
        return e == ESPY_E_NOT_FOUND ? see_nothing(call) : e;
    }
    *out = c;
    return ESPY_E_OK;
}

/* The class of something that was read (e: with which success). */
static espy_err see_of(espy_call *call, espy_err e, int64_t collection, espy_collection *of)
{
    espy_collection c = {0};
    if (e == ESPY_E_NOT_FOUND)
        return see_nothing(call);
    ESPY_TRY(e);
    ESPY_TRY(espy_see_class(call, collection, &c));
    if (of)
        *of = c;
    else
        espy_collection_free(call->cx, &c);
    return ESPY_E_OK;
}

espy_err espy_see_student(espy_call *call, int64_t id, espy_label_info *out, espy_collection *of)
{
    espy_label_info l = {0};
    espy_err e = espy_store_label_info(call->cx, call->ws->store, id, &l);
    e = see_of(call, e, l.collection, of);
    if (e == ESPY_E_OK)
        *out = l;
    else
        espy_label_info_free(call->cx, &l);
    return e;
}

espy_err espy_see_session(espy_call *call, int64_t id, espy_session *out, espy_collection *of)
{
    espy_session s = {0};
    espy_err e = espy_store_session_get(call->cx, call->ws->store, id, &s);
    e = see_of(call, e, s.collection, of);
    if (e == ESPY_E_OK)
        *out = s;
    else
        espy_session_free(call->cx, &s);
    return e;
}

espy_err espy_see_image(espy_call *call, int64_t id, espy_media_info *out, espy_collection *of)
{
    espy_media_info m = {0};
    espy_err e = espy_store_media_get(call->cx, call->ws->store, id, &m);
    e = see_of(call, e, m.collection, of);
    if (e == ESPY_E_OK)
        *out = m;
    else
        espy_media_info_free(call->cx, &m);
    return e;
}

espy_err espy_see_crop(espy_call *call, int64_t id, espy_sample_info *out, espy_collection *of)
{
    espy_sample_info s = {0};
    espy_err e = espy_store_sample_get(call->cx, call->ws->store, id, &s);
    e = see_of(call, e, s.collection, of);
    if (e == ESPY_E_OK)
        *out = s;
    else
        espy_sample_info_free(call->cx, &s);
    return e;
}

espy_err espy_see_student_of(espy_call *call, const espy_collection *c, const char *field,
                             espy_label_info *out)
{
    int64_t id = espy_call_int(call, field);
    espy_err e = espy_see_student(call, id, out, NULL);
    if (e == ESPY_E_OK && out->collection != c->id) {
        espy_label_info_free(call->cx, out);
        return espy_refuse_field(call, field, "Student must belong to the same class.");
    }
    if (e != ESPY_E_NOT_FOUND)
        return e;
    espy_clear(call->cx);
    return espy_refuse_field(call, field, "Invalid pk \"%lld\" - object does not exist.",
                             (long long)id);
}

int64_t espy_see_owner(const espy_call *call)
{
    return call->who.role == ESPY_ADMIN ? 0 : call->who.user;
}

int64_t espy_see_scope(const espy_call *call, const char *field)
{
    int64_t asked = espy_call_int(call, field), only = call->who.collection;
    if (!only)
        return asked;
    return asked && asked != only ? INT64_MAX /* of which there is none */ : only;
}

/* -- small things ------------------------------------------------------------------------------ */
void espy_put_some(espy_made *m, const char *key, const char *s)
{
    espy_put_text(m, key, s && *s ? s : NULL);
}

double espy_see_percent(size_t n, size_t of)
{
    return of ? round(10000.0 * (double)n / (double)of) / 100 : 0;
}

char *espy_see_url(espy_call *call, const char *path)
{
    const char *host = espy_call_header(call, "Host");
    const char *proto = espy_call_header(call, "X-Forwarded-Proto");
    bool tls = call->serving->options->certificate || (proto && strcmp(proto, "https") == 0);
    return espy_sprintf(call->cx, "%s%s%s", host ? (tls ? "https://" : "http://") : "",
                        host ? host : "", path);
}

static void see_put_url(espy_call *call, espy_made *m, const char *key, const char *kind,
                        int64_t id, const char *what)
{
    char path[96];
    snprintf(path, sizeof path, "/api/attendance/%s/%lld/%s/", kind, (long long)id, what);
    char *url = espy_see_url(call, path);
    if (!url)
        m->e = m->e ? m->e : call->cx->code;
    else
        espy_put_text(m, key, url);
    espy_free(call->cx, url);
}

/* "09:30" as "09:30:00", as Django tells times. */
static void see_put_clock(espy_made *m, const char *key, const char *s)
{
    char text[16];
    snprintf(text, sizeof text, "%s%s", s ? s : "", s && strlen(s) == 5 ? ":00" : "");
    espy_put_some(m, key, text);
}

const char *espy_see_model(size_t dim, const char *pack)
{
    return dim == 128 ? "facenet" : dim == 512 ? "arcface" : pack;
}

/* -- what rows of a list have in common -------------------------------------------------------- */
void espy_see_free(espy_see *see)
{
    espy_ctx *cx = see->call->cx;
    espy_collection_free(cx, &see->class);
    espy_session_free(cx, &see->session);
    espy_free(cx, see->owner);
    espy_free(cx, see->present);
    *see = (espy_see){.call = see->call};
}

static espy_err see_need_class(espy_see *see, int64_t id)
{
    espy_ctx *cx = see->call->cx;
    if (see->class.id == id)
        return ESPY_E_OK;
    espy_collection_free(cx, &see->class);
    espy_free(cx, see->owner);
    see->owner = NULL;
    see->class = (espy_collection){0};
    return espy_store_collection_get(cx, see->call->ws->store, id, &see->class);
}

/* Images of sessions that are gone have none. */
static espy_err see_need_session(espy_see *see, int64_t id)
{
    espy_ctx *cx = see->call->cx;
    if (see->session.id == id)
        return ESPY_E_OK;
    espy_session_free(cx, &see->session);
    see->session = (espy_session){0};
    if (!id)
        return ESPY_E_OK;
    espy_err e = espy_store_session_get(cx, see->call->ws->store, id, &see->session);
    if (e == ESPY_E_NOT_FOUND) {
        espy_clear(cx);
        return ESPY_E_OK;
    }
    return e;
}

static espy_err see_need_owner(espy_see *see)
{
    espy_ctx *cx = see->call->cx;
    espy_user u = {0};
    if (see->owner || !see->class.owner)
        return ESPY_E_OK;
    ESPY_TRY(espy_store_user_get(cx, see->call->ws->store, see->class.owner, &u));
    see->owner = espy_strdup(cx, u.name);
    espy_user_free(cx, &u);
    return see->owner ? ESPY_E_OK : cx->code;
}

/* -- shapes ------------------------------------------------------------------------------------ */
espy_err espy_see_class_json(espy_see *see, const void *item, espy_json **out)
{
    static const espy_page none = {0};
    espy_ctx *cx = see->call->cx;
    espy_store *st = see->call->ws->store;
    const espy_collection *c = item;
    espy_label_info *labels = NULL;
    espy_session *sessions = NULL;
    size_t n;
    int64_t students = 0, times = 0;
    ESPY_TRY(see_need_class(see, c->id));
    ESPY_TRY(see_need_owner(see));
    ESPY_TRY(espy_store_label_page(cx, st, &(espy_label_filter){.collection = c->id}, &none,
                                   &labels, &n, &students));
    espy_label_infos_free(cx, labels, n);
    ESPY_TRY(espy_store_session_page(cx, st, &(espy_session_filter){.collection = c->id}, &none,
                                     &sessions, &n, &times));
    espy_sessions_free(cx, sessions, n);
    espy_made m = espy_make_object(cx);
    espy_put_int(&m, "id", c->id);
    espy_put_text(&m, "owner", see->owner);
    espy_put_id(&m, "owner_id", c->owner);
    espy_put_text(&m, "name", c->name);
    espy_put_text(&m, "description", c->description ? c->description : "");
    espy_put_bool(&m, "is_active", c->active);
    espy_put_time(&m, "created_at", c->created);
    espy_put_time(&m, "updated_at", c->created);
    espy_put_int(&m, "student_count", students);
    espy_put_int(&m, "session_count", times);
    return espy_made_end(&m, out);
}

/* The first name is the name up to the first blank, the last name the rest. */
static void see_put_name(espy_ctx *cx, espy_made *m, const char *name)
{
    size_t n = strcspn(name, " ");
    char *first = espy_strndup(cx, name, n);
    if (!first && m->e == ESPY_E_OK)
        m->e = cx->code;
    espy_put_text(m, "first_name", first ? first : "");
    espy_put_text(m, "last_name", name[n] ? name + n + 1 : "");
    espy_put_text(m, "full_name", name);
    espy_free(cx, first);
}

espy_err espy_see_student_json(espy_see *see, const void *item, espy_json **out)
{
    const espy_label_info *l = item;
    ESPY_TRY(see_need_class(see, l->collection));
    espy_made m = espy_make_object(see->call->cx);
    espy_put_int(&m, "id", l->label.id);
    espy_put_int(&m, "class_enrolled", l->collection);
    espy_put_text(&m, "class_name", see->class.name);
    see_put_name(see->call->cx, &m, l->label.name);
    espy_put_text(&m, "student_id", l->label.code);
    espy_put_text(&m, "email", l->email);
    espy_put_time(&m, "created_at", l->created);
    return espy_made_end(&m, out);
}

/* What SmartAttendance tells of the same session beside (SPEC C-28): kept in its detail. */
static espy_err see_put_smart(espy_see *see, espy_made *m, const espy_session *s)
{
    static const char *const keys[] = {"course", "section_id", "year", "session_type",
                                       "time_block"};
    espy_ctx *cx = see->call->cx;
    espy_json *detail = NULL;
    int64_t present = 0;
    if (see->present)
        present = see->present[see->row];
    else
        ESPY_TRY(espy_store_present(cx, see->call->ws->store, &s->id, 1, &present));
    if (espy_json_parse(cx, s->detail, strlen(s->detail), &detail) != ESPY_E_OK)
        espy_clear(cx);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const espy_json *v = espy_json_get(detail, keys[i]);
        espy_put(m, keys[i], v ? espy_json_ref((espy_json *)(uintptr_t)v) : espy_json_null_value());
    }
    espy_put_text(m, "status", s->closed ? "ended" : "active");
    espy_put_int(m, "attendance_count", present);
    espy_json_free(detail);
    return ESPY_E_OK;
}

espy_err espy_see_session_json(espy_see *see, const void *item, espy_json **out)
{
    const espy_session *s = item;
    ESPY_TRY(see_need_class(see, s->collection));
    espy_made m = espy_make_object(see->call->cx);
    espy_put_int(&m, "id", s->id);
    espy_put_int(&m, "class_session", s->collection);
    espy_put_text(&m, "class_name", see->class.name);
    espy_put_text(&m, "name", s->name);
    espy_put_some(&m, "date", s->date);
    see_put_clock(&m, "start_time", s->start_time);
    see_put_clock(&m, "end_time", s->end_time);
    espy_put_text(&m, "notes", s->notes);
    espy_put_bool(&m, "is_processed", s->media > 0 && s->scanned == s->media);
    espy_put_time(&m, "created_at", s->created);
    espy_put_time(&m, "updated_at", fmax(s->created, fmax(s->opened, s->ended)));
    espy_put_int(&m, "image_count", (int64_t)s->media);
    espy_put_int(&m, "identified_faces_count", (int64_t)s->labelled);
    espy_put_int(&m, "total_faces_count", (int64_t)s->samples);
    espy_err e = see_put_smart(see, &m, s);
    if (e != ESPY_E_OK && m.e == ESPY_E_OK)
        m.e = e;
    return espy_made_end(&m, out);
}

espy_err espy_see_image_json(espy_see *see, const void *item, espy_json **out)
{
    const espy_media_info *i = item;
    ESPY_TRY(see_need_class(see, i->collection));
    ESPY_TRY(see_need_session(see, i->session));
    espy_made m = espy_make_object(see->call->cx);
    espy_put_int(&m, "id", i->id);
    espy_put_id(&m, "session", see->session.id);
    espy_put_text(&m, "session_name", see->session.name);
    espy_put_text(&m, "class_name", see->class.name);
    see_put_url(see->call, &m, "original_image_path", "images", i->id, "original");
    if (i->scanned > 0)
        see_put_url(see->call, &m, "processed_image_path", "images", i->id, "processed");
    else
        espy_put_null(&m, "processed_image_path");
    espy_put_time(&m, "upload_date", i->created);
    espy_put_bool(&m, "is_processed", i->scanned > 0);
    espy_put_time(&m, "processing_date", i->scanned);
    espy_put_time(&m, "created_at", i->created);
    espy_put_time(&m, "updated_at", fmax(i->created, i->scanned));
    espy_put_int(&m, "face_crop_count", (int64_t)i->samples);
    return espy_made_end(&m, out);
}

/* Under which model the crop has a vector: that of the class's encoder before others; NULL: none.
 */
static espy_err see_embedding_model(espy_see *see, int64_t sample, const char **model)
{
    espy_ctx *cx = see->call->cx;
    espy_sample_encoder *at = NULL;
    size_t n = 0;
    *model = NULL;
    ESPY_TRY(espy_store_sample_encoders(cx, see->call->ws->store, sample, &at, &n));
    for (size_t i = 0; i < n; i++)
        if (!*model || strcmp(at[i].encoder_digest, see->class.encoder_digest) == 0)
            *model = espy_see_model(at[i].dim, see->class.encoder);
    espy_sample_encoders_free(cx, at, n);
    return ESPY_E_OK;
}

/* "x,y,width,height" in whole pixels, and the same as an object. */
static void see_put_place(espy_ctx *cx, espy_made *m, const float box[4])
{
    static const char *const keys[] = {"x", "y", "width", "height"};
    char text[64];
    espy_made place = espy_make_object(cx);
    snprintf(text, sizeof text, "%d,%d,%d,%d", (int)box[0], (int)box[1], (int)box[2], (int)box[3]);
    espy_put_text(m, "coordinates", text);
    for (size_t i = 0; i < 4; i++)
        espy_put_int(&place, keys[i], (int)box[i]);
    espy_put_made(m, "coordinates_dict", &place);
}

espy_err espy_see_crop_json(espy_see *see, const void *item, espy_json **out)
{
    const espy_sample_info *s = item;
    const char *model = NULL;
    ESPY_TRY(see_need_class(see, s->collection));
    ESPY_TRY(see_need_session(see, s->session));
    ESPY_TRY(see_embedding_model(see, s->id, &model));
    espy_made m = espy_make_object(see->call->cx);
    espy_put_int(&m, "id", s->id);
    espy_put_int(&m, "image", s->media);
    espy_put_int(&m, "image_id", s->media);
    espy_put_id(&m, "student", s->label);
    espy_put_text(&m, "student_name", s->name);
    see_put_url(see->call, &m, "crop_image_path", "face-crops", s->id, "picture");
    see_put_place(see->call->cx, &m, s->box);
    espy_put_real(&m, "confidence_score", isnan(s->confidence) ? (double)s->score : s->confidence);
    espy_put_bool(&m, "is_identified", s->label != 0);
    espy_put_text(&m, "embedding_model", model);
    espy_put_time(&m, "created_at", s->created);
    espy_put_time(&m, "updated_at", s->created);
    espy_put_id(&m, "session_id", see->session.id);
    espy_put_text(&m, "session_name", see->session.name);
    espy_put_int(&m, "class_id", s->collection);
    espy_put_text(&m, "class_name", see->class.name);
    return espy_made_end(&m, out);
}

/* -- answers ----------------------------------------------------------------------------------- */
espy_err espy_see_reply(espy_call *call, int status, espy_see_shape *shape, const void *item)
{
    espy_see see = {.call = call};
    espy_json *v = NULL;
    espy_err e = shape(&see, item, &v);
    espy_see_free(&see);
    ESPY_TRY(e);
    return espy_reply_json(call, status, v);
}

/* Of all sessions of a list at once. */
static espy_err see_count_present(espy_see *see, const espy_session *sessions, size_t n)
{
    espy_ctx *cx = see->call->cx;
    int64_t *ids = espy_array(cx, n, sizeof *ids);
    see->present = espy_array(cx, n, sizeof *see->present);
    if (!ids || !see->present) {
        espy_free(cx, ids);
        return cx->code;
    }
    for (size_t i = 0; i < n; i++)
        ids[i] = sessions[i].id;
    espy_err e = espy_store_present(cx, see->call->ws->store, ids, n, see->present);
    espy_free(cx, ids);
    return e;
}

espy_err espy_see_array(espy_call *call, espy_see_shape *shape, const void *items, size_t size,
                        size_t n, espy_json **out)
{
    espy_see see = {.call = call};
    espy_made list = espy_make_array(call->cx);
    espy_json *v = NULL;
    if (shape == espy_see_session_json)
        list.e = see_count_present(&see, items, n);
    for (size_t i = 0; i < n && list.e == ESPY_E_OK; i++) {
        see.row = i;
        list.e = shape(&see, (const char *)items + i * size, &v);
        if (list.e == ESPY_E_OK)
            espy_put(&list, NULL, v);
    }
    espy_see_free(&see);
    return espy_made_end(&list, out);
}

espy_page espy_see_page(const espy_call *call)
{
    size_t size = (size_t)espy_call_int(call, "page_size");
    return (espy_page){.offset = (size_t)(espy_call_int(call, "page") - 1) * size, .limit = size};
}

static espy_err see_query_value(espy_call *call, const espy_field *f, espy_buf *out)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
    espy_ctx *cx = call->cx;
    if (f->type == ESPY_FIELD_INT)
        return espy_buf_printf(cx, out, "%lld", (long long)espy_call_int(call, f->name));
    if (f->type == ESPY_FIELD_BOOL)
        return espy_buf_text(cx, out, espy_call_bool(call, f->name) ? "true" : "false");
    for (const char *p = espy_call_text(call, f->name); p && *p; p++)
        if (strchr(plain, *p))
            ESPY_TRY(espy_buf_append(cx, out, p, 1));
        else
            ESPY_TRY(espy_buf_printf(cx, out, "%%%02X", (unsigned)(uint8_t)*p));
    return ESPY_E_OK;
}

/* The address of another page of this list, with the same filters. */
static espy_err see_page_url(espy_call *call, espy_made *m, const char *key, int64_t page)
{
    espy_ctx *cx = call->cx;
    char *url = NULL;
    espy_buf b;
    espy_err e = ESPY_E_OK;
    espy_buf_init(&b, 1 << 16);
    ESPY_GO(espy_buf_printf(cx, &b, "%s?page=%lld", call->route->path, (long long)page));
    for (const espy_field *f = call->route->fields; f->name; f++) {
        if (f->place != ESPY_IN_QUERY || strcmp(f->name, "page") == 0 ||
            !espy_call_has(call, f->name))
            continue;
        if (f->fallback && strcmp(f->name, "page_size") == 0 &&
            espy_call_int(call, f->name) == strtol(f->fallback, NULL, 10))
            continue;
        ESPY_GO(espy_buf_printf(cx, &b, "&%s=", f->name));
        ESPY_GO(see_query_value(call, f, &b));
    }
    url = espy_see_url(call, (const char *)b.data);
    e = url ? ESPY_E_OK : cx->code;
    espy_put_text(m, key, url);
out:
    espy_free(cx, url);
    espy_buf_free(cx, &b);
    return e;
}

espy_err espy_see_reply_page(espy_call *call, espy_see_shape *shape, const void *items, size_t size,
                             size_t n, int64_t total)
{
    espy_json *results = NULL;
    int64_t page = espy_call_int(call, "page"), most = espy_call_int(call, "page_size");
    espy_err e = ESPY_E_OK;
    if (page > 1 && n == 0)
        return espy_fail(call->cx, ESPY_E_NOT_FOUND, "Invalid page.");
    espy_made m = espy_make_object(call->cx);
    espy_put_int(&m, "count", total);
    if (page * most < total)
        e = see_page_url(call, &m, "next", page + 1);
    else
        espy_put_null(&m, "next");
    if (e == ESPY_E_OK && page > 1)
        e = see_page_url(call, &m, "previous", page - 1);
    else
        espy_put_null(&m, "previous");
    if (e == ESPY_E_OK)
        e = espy_see_array(call, shape, items, size, n, &results);
    if (e == ESPY_E_OK)
        espy_put(&m, "results", results);
    else if (m.e == ESPY_E_OK)
        m.e = e;
    return espy_see_end(call, 200, &m);
}

espy_made espy_see_status(espy_call *call, const char *status)
{
    espy_made m = espy_make_object(call->cx);
    espy_put_text(&m, "status", status);
    return m;
}

espy_err espy_see_end(espy_call *call, int status, espy_made *m)
{
    espy_json *v = NULL;
    ESPY_TRY(espy_made_end(m, &v));
    return espy_reply_json(call, status, v);
}
