/* SPDX-License-Identifier: Apache-2.0
 * http - SmartAttendance's interface: collection, settings, students, accounts, sessions. */
#include "http/smart.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "flow/dataset.h"
#include "http/attend.h"
#include "http/auth.h"
#include "store/collection.h"
#include "store/setting.h"

#define SMART_COLLECTION "collection" /* setting: the one that was decided on */
#define SMART_THRESHOLD_USUAL 0.60    /* the described system's, where nothing else is known */

const char *const espy_smart_student_fields[] = {"department", "year", "section", NULL};
const char *const espy_smart_instructor_fields[] = {"department", "course_name", "session_types",
                                                    "sections", NULL};
const char *const espy_smart_session_fields[] = {"course",       "section_id", "year",
                                                 "session_type", "time_block", NULL};

/* -- where it happens -------------------------------------------------------------------------- */
static espy_err collection_make(espy_call *call, const char *name, espy_collection *out)
{
    espy_ctx *cx = call->cx;
    char text[256];
    char *pack = NULL;
    const espy_encoder *encoder;
    espy_err e = espy_workspace_default_pack(cx, call->ws, espy_modality_find("face"), &pack);
    if (e == ESPY_E_NOT_FOUND) {
        snprintf(text, sizeof text, "%s", cx->text);
        espy_clear(cx);
        return espy_refuse(call, 503, "no_pack", "%s", text);
    }
    ESPY_TRY(e);
    e = espy_models_pack(cx, call->serving->models, call->ws, pack, &encoder);
    espy_free(cx, pack);
    ESPY_TRY(e);
    return espy_workspace_collection(cx, call->ws, name, encoder, out);
}

/* Whether a read found a collection of faces; of another kind it is let go. */
static espy_err collection_read(espy_call *call, espy_err e, espy_collection *out, bool *found)
{
    *found = e == ESPY_E_OK && strcmp(out->modality, "face") == 0;
    if (e == ESPY_E_OK && !*found)
        espy_collection_free(call->cx, out);
    if (e != ESPY_E_NOT_FOUND)
        return e;
    espy_clear(call->cx);
    return ESPY_E_OK;
}

/* The one that espy.conf names, whosever it is: espy_smart_collection() says what is wrong. */
static espy_err collection_named(espy_call *call, espy_collection *out, bool *found)
{
    const char *name = espy_workspace_setting(call->ws, "collection");
    *found = false;
    if (!name)
        return ESPY_E_OK;
    espy_err e = espy_store_collection(call->cx, call->ws->store, name, out);
    return collection_read(call, e, out, found);
}

/* Whether a collection has been decided on before, and is nobody's still; once it answers, another
 * that is made beside it changes nothing. */
static espy_err collection_kept(espy_call *call, espy_collection *out, bool *kept)
{
    double id;
    *kept = false;
    ESPY_TRY(espy_smart_setting(call, SMART_COLLECTION, 0, &id));
    if (id < 1)
        return ESPY_E_OK;
    espy_err e = espy_store_collection_get(call->cx, call->ws->store, (int64_t)id, out);
    ESPY_TRY(collection_read(call, e, out, kept));
    if (*kept && out->owner) {
        espy_collection_free(call->cx, out);
        *kept = false;
    }
    return ESPY_E_OK;
}

/* Of nobody's face collections the only one that has a live version, which is what a trainer left,
 * whatever it is called, and the only one at all; 0: there is none, or there are several. */
static espy_err collection_only(espy_call *call, int64_t *trained, int64_t *only)
{
    espy_ctx *cx = call->cx;
    espy_collection *all = NULL;
    size_t n = 0, with_live = 0, fit = 0;
    *trained = *only = 0;
    ESPY_TRY(espy_store_collections(cx, call->ws->store, &all, &n));
    espy_err e = ESPY_E_OK;
    for (size_t i = 0; i < n; i++) {
        int64_t live = 0;
        if (e == ESPY_E_OK && !all[i].owner && strcmp(all[i].modality, "face") == 0) {
            *only = fit++ ? 0 : all[i].id;
            e = espy_store_alias(cx, call->ws->store, all[i].id, "live", &live);
        }
        if (live)
            *trained = with_live++ ? 0 : all[i].id;
        espy_collection_free(cx, &all[i]);
    }
    espy_free(cx, all);
    return e;
}

/* The one of the usual name, or one that is made; the names that accounts have taken are passed
 * over: "faces", "faces-2", ... */
static espy_err collection_usual(espy_call *call, espy_collection *out)
{
    enum { MOST = 1000 };
    const char *usual = espy_modality_find("face")->collection;
    char name[64];
    bool found;
    for (int k = 1; k <= MOST; k++) {
        if (k == 1)
            snprintf(name, sizeof name, "%s", usual);
        else
            snprintf(name, sizeof name, "%s-%d", usual, k);
        espy_err e = espy_store_collection(call->cx, call->ws->store, name, out);
        if (e == ESPY_E_NOT_FOUND) {
            espy_clear(call->cx);
            return collection_make(call, name, out);
        }
        ESPY_TRY(collection_read(call, e, out, &found));
        if (found && !out->owner)
            return ESPY_E_OK;
        if (found)
            espy_collection_free(call->cx, out);
    }
    return espy_refuse(call, 503, "no_collection",
                       "accounts have taken all names from %s on; name a collection in espy.conf",
                       usual);
}

static espy_err collection_choose(espy_call *call, espy_collection *out)
{
    bool found;
    int64_t trained, only;
    ESPY_TRY(collection_named(call, out, &found));
    if (found)
        return ESPY_E_OK;
    ESPY_TRY(collection_kept(call, out, &found));
    if (found)
        return ESPY_E_OK;
    ESPY_TRY(collection_only(call, &trained, &only));
    if (trained)
        ESPY_TRY(espy_smart_setting_put(call, SMART_COLLECTION, (double)trained));
    else if (!only)
        return collection_usual(call, out);
    return espy_store_collection_get(call->cx, call->ws->store, trained ? trained : only, out);
}

/* Its students are seen by every instructor, and whoever registers comes into it: an account's own
 * collection is not for that. */
espy_err espy_smart_collection(espy_call *call, espy_collection *out)
{
    ESPY_TRY(collection_choose(call, out));
    const bool owned = out->owner != 0;
    if (!owned && (!call->who.collection || call->who.collection == out->id))
        return ESPY_E_OK;
    espy_collection_free(call->cx, out);
    if (owned)
        return espy_refuse(call, 503, "no_collection",
                           "the collection that espy.conf names is an account's own; name one that "
                           "is nobody's");
    return espy_fail(call->cx, ESPY_E_NOT_FOUND, "the key is for another collection");
}

espy_err espy_smart_collection_id(espy_call *call, int64_t *id)
{
    espy_collection c = {0};
    ESPY_TRY(espy_smart_collection(call, &c));
    *id = c.id;
    espy_collection_free(call->cx, &c);
    return ESPY_E_OK;
}

espy_err espy_smart_unread(espy_call *call, espy_err e, const char *what)
{
    char text[sizeof call->cx->text];
    if (e != ESPY_E_FORMAT && e != ESPY_E_LIMIT && e != ESPY_E_UNSUPPORTED)
        return e;
    memcpy(text, call->cx->text, sizeof text);
    espy_clear(call->cx);
    return espy_refuse(call, 400, NULL, "%s cannot be read: %.300s", what, text);
}

espy_err espy_smart_reply_message(espy_call *call, int status, const char *text)
{
    espy_made m = espy_make_object(call->cx);
    espy_json *v = NULL;
    espy_put_text(&m, "message", text);
    ESPY_TRY(espy_made_end(&m, &v));
    return espy_reply_json(call, status, v);
}

/* -- settings ---------------------------------------------------------------------------------- */
#define SETTING "smart."

espy_err espy_smart_setting(espy_call *call, const char *name, double usual, double *out)
{
    char key[64];
    char *text = NULL;
    snprintf(key, sizeof key, SETTING "%s", name);
    ESPY_TRY(espy_store_setting(call->cx, call->ws->store, key, &text));
    if (!text || !espy_parse_real(text, -1e9, 1e9, out))
        *out = usual;
    espy_free(call->cx, text);
    return ESPY_E_OK;
}

espy_err espy_smart_setting_put(espy_call *call, const char *name, double value)
{
    char key[64], text[32];
    snprintf(key, sizeof key, SETTING "%s", name);
    snprintf(text, sizeof text, "%.9g", value);
    return espy_store_setting_set(call->cx, call->ws->store, key, text);
}

/* What an instructor set for their sessions; 0: nothing. */
static espy_err threshold_of(espy_call *call, int64_t user, double *out)
{
    espy_user u = {0};
    espy_json *detail = NULL;
    *out = 0;
    if (!user)
        return ESPY_E_OK;
    espy_err e = espy_store_user_get(call->cx, call->ws->store, user, &u);
    if (e == ESPY_E_NOT_FOUND) {
        espy_clear(call->cx);
        return ESPY_E_OK;
    }
    ESPY_TRY(e);
    e = espy_smart_detail(call->cx, u.detail, &detail);
    espy_user_free(call->cx, &u);
    ESPY_TRY(e);
    *out = espy_json_number(espy_json_get(detail, "confidence_threshold"), 0);
    espy_json_free(detail);
    return ESPY_E_OK;
}

espy_err espy_smart_threshold(espy_call *call, int64_t owner, double *out)
{
    ESPY_TRY(threshold_of(call, owner, out));
    if (*out > 0)
        return ESPY_E_OK;
    return espy_smart_setting(call, ESPY_SMART_THRESHOLD, call->serving->options->threshold, out);
}

espy_err espy_smart_threshold_now(espy_call *call, int64_t owner, double *out)
{
    espy_ctx *cx = call->cx;
    espy_collection c = {0};
    espy_model *model = NULL;
    ESPY_TRY(espy_smart_threshold(call, owner, out));
    if (*out >= 0)
        return ESPY_E_OK;
    *out = SMART_THRESHOLD_USUAL;
    ESPY_TRY(espy_smart_collection(call, &c));
    espy_err e = espy_models_get(cx, call->serving->models, call->ws, &c, 0, &model);
    espy_collection_free(cx, &c);
    if (e == ESPY_E_NOT_FOUND) {
        espy_clear(cx);
        return ESPY_E_OK;
    }
    ESPY_TRY(e);
    *out = model->id.rule.threshold;
    espy_models_put(cx, call->serving->models, &model);
    return ESPY_E_OK;
}

/* -- details ----------------------------------------------------------------------------------- */
espy_err espy_smart_detail(espy_ctx *cx, const char *text, espy_json **out)
{
    espy_json *v = NULL;
    if (text && *text)
        ESPY_TRY(espy_json_parse(cx, text, strlen(text), &v));
    if (!espy_json_is_object(v)) {
        espy_json_free(v);
        v = espy_json_object();
    }
    *out = v;
    return v ? ESPY_E_OK : espy_fail(cx, ESPY_E_NOMEM, "out of memory");
}

espy_err espy_smart_detail_sent(espy_call *call, const char *old, const char *const *fields,
                                espy_buf *out)
{
    espy_ctx *cx = call->cx;
    espy_json *v = NULL;
    espy_err e = ESPY_E_OK;
    espy_buf_init(out, ESPY_DETAIL_MAX);
    ESPY_TRY(espy_smart_detail(cx, old, &v));
    for (size_t i = 0; fields && fields[i]; i++) {
        const espy_json *sent = espy_call_json(call, fields[i]);
        if (sent)
            ESPY_GO(espy_json_set(cx, v, fields[i], espy_json_ref((espy_json *)(uintptr_t)sent)));
    }
    e = espy_json_print(cx, v, 0, out);
out:
    espy_json_free(v);
    return e;
}

void espy_smart_put_detail(espy_made *m, const char *text, const char *const *fields)
{
    espy_json *v = NULL;
    espy_ctx cx = espy_ctx_child(m->cx);
    espy_ignore(espy_smart_detail(&cx, text, &v));
    for (size_t i = 0; fields[i]; i++) {
        const espy_json *one = espy_json_get(v, fields[i]);
        espy_put(m, fields[i],
                 one ? espy_json_ref((espy_json *)(uintptr_t)one) : espy_json_null_value());
    }
    espy_json_free(v);
}

/* -- students ---------------------------------------------------------------------------------- */
espy_err espy_smart_student(espy_call *call, int64_t id, espy_label_info *out)
{
    int64_t collection;
    ESPY_TRY(espy_smart_collection_id(call, &collection));
    ESPY_TRY(espy_store_label_info(call->cx, call->ws->store, id, out));
    if (out->collection == collection)
        return ESPY_E_OK;
    espy_label_info_free(call->cx, out);
    return espy_fail(call->cx, ESPY_E_NOT_FOUND, "there is no such student");
}

/* The first label of an account; *n 0 or 1. */
static espy_err student_of(espy_call *call, int64_t user, espy_label_info **out, size_t *n)
{
    static const espy_page one = {.limit = 1};
    espy_label_filter f = {.account = user};
    ESPY_TRY(espy_smart_collection_id(call, &f.collection));
    return espy_store_label_page(call->cx, call->ws->store, &f, &one, out, n, NULL);
}

espy_err espy_smart_student_own(espy_call *call, espy_label_info *out)
{
    espy_label_info *at = NULL;
    size_t n = 0;
    if (call->who.user)
        ESPY_TRY(student_of(call, call->who.user, &at, &n));
    if (n == 0)
        return espy_fail(call->cx, ESPY_E_NOT_FOUND, "this account is no student's");
    *out = at[0];
    espy_free(call->cx, at);
    return ESPY_E_OK;
}

espy_err espy_smart_code_of(espy_call *call, int64_t user, char out[ESPY_SMART_CODE])
{
    espy_label_info *at = NULL;
    size_t n = 0;
    out[0] = 0;
    ESPY_TRY(student_of(call, user, &at, &n));
    if (n)
        snprintf(out, ESPY_SMART_CODE, "%s", at[0].label.code);
    espy_label_infos_free(call->cx, at, n);
    return ESPY_E_OK;
}

espy_err espy_smart_student_json(espy_ctx *cx, const void *label_info, espy_json **out)
{
    const espy_label_info *l = label_info;
    espy_made m = espy_make_object(cx);
    espy_put_int(&m, "id", l->label.id);
    espy_put_id(&m, "user_id", l->account);
    espy_put_text(&m, "student_id", l->label.code);
    espy_put_text(&m, "name", l->label.name);
    espy_put_text(&m, "email", l->email && l->email[0] ? l->email : NULL);
    espy_smart_put_detail(&m, l->detail, espy_smart_student_fields);
    espy_put_bool(&m, "enabled", espy_attend_enabled(cx, l));
    espy_put_bool(&m, "face_registered", l->label.samples > 0);
    espy_put_int(&m, "face_images_count", (int64_t)l->label.samples);
    return espy_made_end(&m, out);
}

static espy_err student_taken(espy_call *call)
{
    return espy_refuse(call, 409, NULL,
                       "this student_id is somebody's already; ask an administrator");
}

/* One who registers gets a student_id that never meant anybody, however little is known of whom it
 * means: an entry of the roster is not for whoever comes first. */
static espy_err student_new(espy_call *call, int64_t collection, const char *code)
{
    bool meant;
    ESPY_TRY(espy_store_code_meant(call->cx, call->ws->store, collection, code, &meant));
    return meant ? student_taken(call) : ESPY_E_OK;
}

static espy_err student_free(espy_call *call, int64_t id)
{
    espy_label_info l = {0};
    ESPY_TRY(espy_store_label_info(call->cx, call->ws->store, id, &l));
    bool taken = l.account != 0;
    espy_label_info_free(call->cx, &l);
    return taken ? student_taken(call) : ESPY_E_OK;
}

espy_err espy_smart_student_make(espy_call *call, int64_t account, bool claimed, int64_t *id)
{
    espy_ctx *cx = call->cx;
    espy_store *st = call->ws->store;
    const char *code = espy_call_text(call, "student_id"), *name = espy_call_text(call, "name");
    espy_label_info l = {0};
    int64_t collection;
    espy_buf detail = {0};
    espy_err e = ESPY_E_OK;
    if (espy_label_unknown(code))
        return espy_refuse_field(call, "student_id", "nobody can be called \"%s\"", code);
    ESPY_TRY(espy_smart_collection_id(call, &collection));
    if (claimed)
        ESPY_TRY(student_new(call, collection, code));
    ESPY_TRY(espy_store_label_make(cx, st, collection, code, name, id));
    ESPY_TRY(student_free(call, *id));
    ESPY_TRY(espy_store_label_info(cx, st, *id, &l));
    if (strcmp(l.label.name, name) != 0)
        ESPY_GO(espy_store_label_rename(cx, st, collection, *id, NULL, name, "user"));
    ESPY_GO(espy_smart_detail_sent(call, l.detail, espy_smart_student_fields, &detail));
    const espy_label_change change = {.email = espy_call_text(call, "email"),
                                      .detail = (const char *)detail.data,
                                      .account = account ? &account : NULL};
    e = espy_store_label_edit(cx, st, collection, *id, &change, "user");
out:
    espy_buf_free(cx, &detail);
    espy_label_info_free(cx, &l);
    return e;
}

espy_err espy_smart_reply_student(espy_call *call, int status, const char *message, int64_t id)
{
    espy_label_info l = {0};
    espy_json *v = NULL;
    ESPY_TRY(espy_store_label_info(call->cx, call->ws->store, id, &l));
    espy_err e = espy_smart_student_json(call->cx, &l, &v);
    espy_label_info_free(call->cx, &l);
    ESPY_TRY(e);
    espy_made m = espy_make_object(call->cx);
    espy_put_text(&m, "message", message);
    espy_put(&m, "student", v);
    ESPY_TRY(espy_made_end(&m, &v));
    return espy_reply_json(call, status, v);
}

/* Whether the detail's section is this one; NULL: any is. */
static bool student_in(espy_ctx *cx, const espy_label_info *l, const char *section)
{
    espy_ctx own = espy_ctx_child(cx);
    espy_json *v = NULL;
    if (!section)
        return true;
    espy_ignore(espy_smart_detail(&own, l->detail, &v));
    bool in = strcmp(espy_json_string(espy_json_get(v, "section"), ""), section) == 0;
    espy_json_free(v);
    return in;
}

espy_err espy_smart_reply_students(espy_call *call)
{
    enum { PAGE = 1000 };
    espy_ctx *cx = call->cx;
    espy_page page = {.limit = PAGE};
    espy_label_filter f = {.search = espy_call_text(call, "search")};
    espy_json *v = NULL;
    size_t n = 0;
    int64_t told = 0;
    ESPY_TRY(espy_smart_collection_id(call, &f.collection));
    espy_made list = espy_make_array(cx), m = espy_make_object(cx);
    do {
        espy_label_info *at = NULL;
        n = 0;
        if (list.e == ESPY_E_OK)
            list.e = espy_store_label_page(cx, call->ws->store, &f, &page, &at, &n, NULL);
        for (size_t i = 0; i < n && list.e == ESPY_E_OK; i++) {
            page.cursor = at[i].label.id;
            if (!student_in(cx, &at[i], espy_call_text(call, "section")))
                continue;
            list.e = espy_smart_student_json(cx, &at[i], &v);
            if (list.e == ESPY_E_OK)
                espy_put(&list, NULL, v);
            told++;
        }
        espy_label_infos_free(cx, at, n);
    } while (n == PAGE);
    espy_put_made(&m, "students", &list);
    espy_put_int(&m, "count", told);
    ESPY_TRY(espy_made_end(&m, &v));
    return espy_reply_json(call, 200, v);
}

/* -- accounts ---------------------------------------------------------------------------------- */
espy_err espy_smart_user_json(espy_call *call, const espy_user *u, espy_json **out)
{
    char code[ESPY_SMART_CODE] = "";
    bool student = strcmp(u->role, "student") == 0;
    if (student)
        ESPY_TRY(espy_smart_code_of(call, u->id, code));
    espy_made m = espy_make_object(call->cx);
    espy_put_int(&m, "id", u->id);
    espy_put_text(&m, "username", u->name);
    espy_put_text(&m, "email", u->email);
    espy_put_text(&m, "role", u->role);
    espy_put_text(&m, "name", u->full_name && u->full_name[0] ? u->full_name : u->name);
    espy_put_bool(&m, "enabled", u->enabled);
    if (student)
        espy_put_text(&m, "student_id", *code ? code : NULL);
    else
        espy_smart_put_detail(&m, u->detail, espy_smart_instructor_fields);
    return espy_made_end(&m, out);
}

espy_err espy_smart_hash(espy_call *call, char hash[ESPY_PASSWORD_HASH])
{
    const char *password = espy_call_text(call, "password");
    hash[0] = 0;
    return password ? espy_auth_hash(call, "password", password, hash) : ESPY_E_OK;
}

espy_err espy_smart_user_make(espy_call *call, espy_role role, const char *const *fields,
                              const char *hash, int64_t *id)
{
    espy_ctx *cx = call->cx;
    const char *email = espy_call_text(call, "email");
    espy_buf detail;
    ESPY_TRY(espy_smart_detail_sent(call, NULL, fields, &detail));
    const espy_user u = {.name = (char *)(uintptr_t)espy_call_text(call, "username"),
                         .full_name = (char *)(uintptr_t)espy_call_text(call, "name"),
                         .email = email && *email ? (char *)(uintptr_t)email : NULL,
                         .password = (char *)(uintptr_t)hash,
                         .role = (char *)(uintptr_t)espy_role_name(role),
                         .detail = (char *)detail.data};
    espy_err e = espy_store_user_add(cx, call->ws->store, &u, id);
    espy_buf_free(cx, &detail);
    return e;
}

espy_err espy_smart_user_change(espy_call *call, int64_t id, const char *const *fields,
                                const char *hash)
{
    espy_ctx *cx = call->cx;
    espy_user u = {0};
    espy_buf detail = {0};
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_store_user_get(cx, call->ws->store, id, &u));
    ESPY_GO(espy_smart_detail_sent(call, u.detail, fields, &detail));
    const espy_user_change change = {.full_name = espy_call_text(call, "name"),
                                     .name = espy_call_text(call, "username"),
                                     .email = espy_call_text(call, "email"),
                                     .password = *hash ? hash : NULL,
                                     .detail = (const char *)detail.data};
    e = espy_store_user_update(cx, call->ws->store, id, &change);
out:
    espy_buf_free(cx, &detail);
    espy_user_free(cx, &u);
    return e;
}

/* -- sessions ---------------------------------------------------------------------------------- */
bool espy_smart_session_own(const espy_call *call, const espy_session *s)
{
    return call->who.role == ESPY_ADMIN || (s->owner && s->owner == call->who.user);
}

espy_err espy_smart_session_close(espy_call *call, int64_t id)
{
    static const bool closed = true;
    char now[32];
    espy_time_local(espy_time_now(), now);
    const espy_session_change change = {.closed = &closed, .end_time = now + 11};
    return espy_store_session_update(call->cx, call->ws->store, id, &change);
}

/* Sessions of this interface end by themselves; those of others stay open until they are closed. */
static espy_err session_expire(espy_call *call, espy_session *s)
{
    espy_json *detail = NULL;
    double minutes;
    ESPY_TRY(espy_smart_detail(call->cx, s->detail, &detail));
    bool ours = espy_json_get(detail, "session_type") != NULL;
    espy_json_free(detail);
    if (s->closed || !ours)
        return ESPY_E_OK;
    ESPY_TRY(espy_smart_setting(call, ESPY_SMART_TIMEOUT, ESPY_SMART_TIMEOUT_USUAL, &minutes));
    if (espy_time_now() - s->opened < 60 * minutes)
        return ESPY_E_OK;
    ESPY_TRY(espy_smart_session_close(call, s->id));
    s->closed = true;
    s->ended = espy_time_now();
    return ESPY_E_OK;
}

espy_err espy_smart_session(espy_call *call, int64_t id, espy_session *out)
{
    int64_t collection;
    ESPY_TRY(espy_smart_collection_id(call, &collection));
    ESPY_TRY(espy_store_session_get(call->cx, call->ws->store, id, out));
    espy_err e = out->collection == collection
                     ? session_expire(call, out)
                     : espy_fail(call->cx, ESPY_E_NOT_FOUND, "there is no such session");
    if (e != ESPY_E_OK)
        espy_session_free(call->cx, out);
    return e;
}

espy_err espy_smart_session_json(espy_call *call, const espy_session *s, int64_t present,
                                 espy_json **out)
{
    static const char *const instructor[] = {"instructor_name", NULL};
    espy_made m = espy_make_object(call->cx);
    espy_put_int(&m, "id", s->id);
    espy_put_text(&m, "name", s->name);
    espy_smart_put_detail(&m, s->detail, espy_smart_session_fields);
    espy_put_id(&m, "instructor_id", s->owner);
    espy_smart_put_detail(&m, s->detail, instructor);
    espy_put_time(&m, "start_time", s->opened > 0 ? s->opened : s->created);
    espy_put_time(&m, "end_time", s->ended);
    espy_put_text(&m, "status", s->closed ? "ended" : "active");
    espy_put_int(&m, "attendance_count", present);
    return espy_made_end(&m, out);
}
