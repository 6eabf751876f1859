/* SPDX-License-Identifier: Apache-2.0
 * http - /v1: labels, and what people say about samples. */
#include <stdio.h>
#include <string.h>

#include "flow/erase.h"
#include "http/make.h"
#include "http/serving.h"
#include "http/shapes.h"
#include "store/label.h"

static espy_err label_json(espy_ctx *cx, const void *item, espy_json **out)
{
    const espy_label_info *l = item;
    espy_made m = espy_make_object(cx);
    espy_put_int(&m, "id", l->label.id);
    espy_put_int(&m, "collection", l->collection);
    espy_put_text(&m, "code", l->label.code);
    espy_put_text(&m, "name", l->label.name);
    espy_put_int(&m, "samples", (int64_t)l->label.samples);
    espy_put_int(&m, "sessions", (int64_t)l->sessions);
    espy_put_bool(&m, "grouped", l->label.grouped);
    espy_put_bool(&m, "learned", l->label.learned);
    espy_put_text(&m, "email", l->email);
    espy_put_raw(&m, "detail", l->detail);
    espy_put_id(&m, "account", l->account);
    espy_put_time(&m, "created", l->created);
    return espy_made_end(&m, out);
}

/* The label of the path, if it is the caller's. */
static espy_err label_asked(espy_call *call, espy_label_info *out)
{
    ESPY_TRY(espy_store_label_info(call->cx, call->ws->store, espy_call_int(call, "label"), out));
    espy_err e = espy_call_owns(call, out->collection);
    if (e != ESPY_E_OK)
        espy_label_info_free(call->cx, out);
    return e;
}

static espy_err label_read(espy_call *call, int64_t id, espy_json **out)
{
    espy_label_info l = {0};
    ESPY_TRY(espy_store_label_info(call->cx, call->ws->store, id, &l));
    espy_err e = label_json(call->cx, &l, out);
    espy_label_info_free(call->cx, &l);
    return e;
}

static espy_err reply_label(espy_call *call, int status, int64_t id)
{
    espy_json *o = NULL;
    ESPY_TRY(label_read(call, id, &o));
    return espy_reply_json(call, status, o);
}

/* The label as it is now, and the event by which that can be undone; 0: none. */
static espy_err reply_changed(espy_call *call, int status, int64_t id, int64_t event)
{
    espy_json *o = NULL;
    ESPY_TRY(label_read(call, id, &o));
    espy_made m = {call->cx, o, ESPY_E_OK};
    espy_put_id(&m, "event", event);
    ESPY_TRY(espy_made_end(&m, &o));
    return espy_reply_json(call, status, o);
}

static espy_err list(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_page page;
    espy_label_info *all = NULL;
    size_t n = 0;
    int64_t total = 0;
    espy_label_filter f = {.search = espy_call_text(call, "search"),
                           .grouped = !espy_call_has(call, "grouped")   ? ESPY_ANY
                                      : espy_call_bool(call, "grouped") ? ESPY_YES
                                                                        : ESPY_NO};
    ESPY_TRY(espy_collection_asked(call, &f.collection));
    ESPY_TRY(espy_page_asked(call, &page));
    ESPY_TRY(espy_store_label_page(cx, call->ws->store, &f, &page, &all, &n, &total));
    const espy_page_items items = {all, sizeof *all, n, total, label_json};
    espy_err e = espy_reply_page(call, &page, &items);
    espy_label_infos_free(cx, all, n);
    return e;
}

static espy_err edit(espy_call *call, int64_t collection, int64_t label)
{
    espy_buf detail;
    espy_err e = espy_detail_asked(call, &detail);
    const espy_label_change to = {.email = espy_call_text(call, "email"),
                                  .detail = (const char *)detail.data};
    if (e == ESPY_E_OK && (to.email || to.detail))
        e = espy_store_label_edit(call->cx, call->ws->store, collection, label, &to, "user");
    espy_buf_free(call->cx, &detail);
    return e;
}

static espy_err create(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_store *st = call->ws->store;
    const char *code = espy_call_text(call, "code");
    int64_t collection, id;
    bool meant = false;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_collection_asked(call, &collection));
    ESPY_TRY(espy_store_begin(cx, st));
    ESPY_GO(espy_store_code_meant(cx, st, collection, code, &meant));
    if (meant)
        ESPY_GO(espy_fail(cx, ESPY_E_EXISTS, "there is a label \"%s\" already", code));
    ESPY_GO(espy_store_label_make(cx, st, collection, code, espy_call_text(call, "name"), &id));
    ESPY_GO(edit(call, collection, id));
    ESPY_GO(espy_store_commit(cx, st));
    return reply_label(call, 201, id);
out:
    espy_store_rollback(cx, st);
    return e;
}

static espy_err show(espy_call *call)
{
    espy_label_info l = {0};
    ESPY_TRY(label_asked(call, &l));
    espy_label_info_free(call->cx, &l);
    return reply_label(call, 200, espy_call_int(call, "label"));
}

static espy_err change(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_store *st = call->ws->store;
    espy_label_info l = {0};
    const char *code = espy_call_text(call, "code"), *name = espy_call_text(call, "name");
    espy_err e = ESPY_E_OK;
    ESPY_TRY(label_asked(call, &l));
    int64_t collection = l.collection, id = l.label.id, event = 0;
    espy_label_info_free(cx, &l);
    ESPY_TRY(espy_store_begin(cx, st));
    if (code || name) {
        ESPY_GO(espy_store_label_rename(cx, st, collection, id, code, name, "user"));
        event = espy_store_event(st);
    }
    ESPY_GO(edit(call, collection, id));
    ESPY_GO(espy_store_commit(cx, st));
    return reply_changed(call, 200, id, event);
out:
    espy_store_rollback(cx, st);
    return e;
}

static espy_err drop(espy_call *call)
{
    espy_label_info l = {0};
    ESPY_TRY(label_asked(call, &l));
    espy_err e =
        espy_store_label_delete(call->cx, call->ws->store, l.collection, l.label.id, "user");
    espy_label_info_free(call->cx, &l);
    ESPY_TRY(e);
    return espy_reply_gone(call);
}

static espy_err merge(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_label_info l = {0};
    size_t moved = 0, left = 0;
    int64_t into = espy_call_int(call, "into");
    espy_json *o = NULL;
    ESPY_TRY(label_asked(call, &l));
    espy_err e = espy_store_label_merge(cx, call->ws->store, l.collection, l.label.id, into, "user",
                                        &moved, &left);
    espy_label_info_free(cx, &l);
    ESPY_TRY(e);
    espy_made m = espy_make_object(cx);
    espy_put_int(&m, "label", into);
    espy_put_int(&m, "moved", (int64_t)moved);
    espy_put_int(&m, "left", (int64_t)left);
    espy_put_id(&m, "event", espy_store_event(call->ws->store));
    ESPY_TRY(espy_made_end(&m, &o));
    return espy_reply_json(call, 200, o);
}

static espy_err split(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_label_info l = {0};
    int64_t *ids = NULL, made = 0;
    size_t n = 0;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(label_asked(call, &l));
    ESPY_GO(espy_call_ids(call, "samples", &ids, &n));
    ESPY_GO(espy_store_label_split(cx, call->ws->store, l.collection, l.label.id, ids, n,
                                   espy_call_text(call, "code"), espy_call_text(call, "name"),
                                   "user", &made));
    e = reply_changed(call, 201, made, espy_store_event(call->ws->store));
out:
    espy_free(cx, ids);
    espy_label_info_free(cx, &l);
    return e;
}

/* For good.  The code is asked for again, for nothing brings it back. */
static espy_err erase(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_label_info l = {0};
    espy_collection c = {0};
    espy_json *receipt = NULL;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(label_asked(call, &l));
    if (strcmp(espy_call_text(call, "confirm"), l.label.code) != 0)
        ESPY_GO(espy_refuse_field(call, "confirm", "give the label's code: this is final"));
    char id[24];
    snprintf(id, sizeof id, "%lld", (long long)l.collection);
    ESPY_GO(espy_call_collection(call, id, &c));
    ESPY_GO(espy_flow_erase(cx, call->ws, &c, l.label.id, &receipt));
    espy_models_forget(cx, call->serving->models);
    espy_pictures_forget(cx, call->serving->pictures);
    e = espy_reply_json(call, 200, receipt);
out:
    espy_collection_free(cx, &c);
    espy_label_info_free(cx, &l);
    return e;
}

/* -- what people say about samples ------------------------------------------------------------- */
/* The label that a request means by code: made when it is not there, unless it is to be refused; 0:
 * nobody's. */
static espy_err said_label(espy_call *call, int64_t collection, bool refuse, int64_t *id)
{
    espy_ctx *cx = call->cx;
    espy_label label = {0};
    const char *code = espy_call_text(call, "label");
    *id = 0;
    if (!code)
        return ESPY_E_OK;
    if (!refuse)
        return espy_store_label_make(cx, call->ws->store, collection, code,
                                     espy_call_text(call, "name"), id);
    ESPY_TRY(espy_store_label_find(cx, call->ws->store, collection, code, &label));
    *id = label.id;
    espy_label_free(cx, &label);
    return ESPY_E_OK;
}

static espy_err say(espy_call *call, bool refuse)
{
    espy_ctx *cx = call->cx;
    espy_store *st = call->ws->store;
    int64_t collection, label = 0, *ids = NULL;
    size_t n = 0;
    espy_json *o = NULL;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_collection_asked(call, &collection));
    ESPY_TRY(espy_call_ids(call, "samples", &ids, &n));
    ESPY_GO(espy_store_begin(cx, st));
    e = said_label(call, collection, refuse, &label);
    if (e == ESPY_E_OK)
        e = refuse ? espy_store_label_reject(cx, st, collection, label, ids, n)
                   : espy_store_label_set(cx, st, collection, label, ids, n);
    if (e == ESPY_E_OK)
        e = espy_store_commit(cx, st);
    if (e != ESPY_E_OK)
        espy_store_rollback(cx, st);
    ESPY_GO(e);
    espy_made m = espy_make_object(cx);
    espy_put_id(&m, "label", label);
    espy_put_int(&m, "samples", (int64_t)n);
    espy_put_id(&m, "event", espy_store_event(st));
    ESPY_GO(espy_made_end(&m, &o));
    e = espy_reply_json(call, 200, o);
out:
    espy_free(cx, ids);
    return e;
}

static espy_err set(espy_call *call)
{
    return say(call, false);
}

static espy_err reject(espy_call *call)
{
    return say(call, true);
}

static espy_err undo(espy_call *call)
{
    espy_ctx *cx = call->cx;
    int64_t collection;
    espy_undone u = {0};
    espy_json *o = NULL;
    ESPY_TRY(espy_collection_asked(call, &collection));
    ESPY_TRY(
        espy_store_undo(cx, call->ws->store, collection, espy_call_int(call, "event"), "user", &u));
    espy_made m = espy_make_object(cx);
    espy_put_int(&m, "event", u.event);
    espy_put_text(&m, "action", u.action);
    espy_put_int(&m, "samples", (int64_t)u.samples);
    espy_put_int(&m, "media", (int64_t)u.media);
    espy_put_int(&m, "kept", (int64_t)u.kept);
    espy_free(cx, u.action);
    ESPY_TRY(espy_made_end(&m, &o));
    return espy_reply_json(call, 200, o);
}

#define LABEL_FIELD ESPY_ID_FIELD("label", "id of the label")
#define EDIT_FIELDS                                                                       \
    {"email", ESPY_IN_BODY, ESPY_FIELD_TEXT, 0, 254, false, NULL, NULL, "of the person"}, \
    {                                                                                     \
        "detail", ESPY_IN_BODY, ESPY_FIELD_OBJECT, 0, 0, false, NULL, NULL,               \
            "anything: department, year, section"                                         \
    }
#define SAMPLES_FIELD                                                                         \
    {                                                                                         \
        "samples", ESPY_IN_BODY, ESPY_FIELD_IDS, 1, 10000, true, NULL, NULL, "ids of samples" \
    }

static const espy_field list_fields[] = {
    ESPY_COLLECTION_FIELD,
    ESPY_PAGE_FIELDS,
    {"search", ESPY_IN_QUERY, ESPY_FIELD_TEXT, 1, 256, false, NULL, NULL,
     "stands in code, name or e-mail"},
    {"grouped", ESPY_IN_QUERY, ESPY_FIELD_BOOL, 0, 1, false, NULL, NULL,
     "only groups that nobody has named (true), or only others (false)"},
    {0}};
static const espy_field create_fields[] = {
    ESPY_COLLECTION_FIELD,
    {"code", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 255, true, NULL, NULL, "STU001"},
    {"name", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 255, false, NULL, NULL, "for people; else the code"},
    EDIT_FIELDS,
    {0}};
static const espy_field one_fields[] = {LABEL_FIELD, {0}};
static const espy_field change_fields[] = {
    LABEL_FIELD,
    {"code", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 255, false, NULL, NULL, "STU001"},
    {"name", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 255, false, NULL, NULL, "for people"},
    EDIT_FIELDS,
    {0}};
static const espy_field merge_fields[] = {LABEL_FIELD,
                                          {"into", ESPY_IN_BODY, ESPY_FIELD_INT, 1,
                                           9007199254740991.0, true, NULL, NULL,
                                           "id of the label that stays"},
                                          {0}};
static const espy_field split_fields[] = {
    LABEL_FIELD,
    SAMPLES_FIELD,
    {"code", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 255, true, NULL, NULL, "code of the new label"},
    {"name", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 255, false, NULL, NULL, "its name"},
    {0}};
static const espy_field erase_fields[] = {
    LABEL_FIELD,
    {"confirm", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 255, true, NULL, NULL, "the label's code"},
    {0}};
static const espy_field set_fields[] = {
    ESPY_COLLECTION_FIELD,
    SAMPLES_FIELD,
    {"label", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 255, false, NULL, NULL,
     "code, made when it is not there; without it the samples are nobody's that is known"},
    {"name", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 255, false, NULL, NULL, "of a label that is new"},
    {0}};
static const espy_field reject_fields[] = {
    ESPY_COLLECTION_FIELD,
    SAMPLES_FIELD,
    {"label", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 255, true, NULL, NULL, "code of who it is not"},
    {0}};
static const espy_field undo_fields[] = {ESPY_COLLECTION_FIELD,
                                         {"event", ESPY_IN_BODY, ESPY_FIELD_INT, 0,
                                          9007199254740991.0, false, "0", NULL,
                                          "id of the event; 0: the last one that can be undone"},
                                         {0}};

const espy_route espy_routes_v1_labels[] = {
    {"GET", "/v1/collections/{collection}/labels", &espy_service_v1, ESPY_MAY_READ, ESPY_LANE_QUICK,
     list_fields, "Labels of a collection, by code", "200 LabelPage|404", list},
    {"POST", "/v1/collections/{collection}/labels", &espy_service_v1, ESPY_MAY_ENROLL,
     ESPY_LANE_QUICK, create_fields, "A new label", "201 Label|404|409", create},
    {"GET", "/v1/labels/{label}", &espy_service_v1, ESPY_MAY_READ, ESPY_LANE_QUICK, one_fields,
     "One label", "200 Label|404", show},
    {"PATCH", "/v1/labels/{label}", &espy_service_v1, ESPY_MAY_ENROLL, ESPY_LANE_QUICK,
     change_fields, "Another code, name, e-mail or detail", "200 Label|404|409", change},
    {"DELETE", "/v1/labels/{label}", &espy_service_v1, ESPY_MAY_ENROLL, ESPY_LANE_QUICK, one_fields,
     "The label goes, its samples are nobody's again; can be undone", "204|404", drop},
    {"POST", "/v1/labels/{label}/merge", &espy_service_v1, ESPY_MAY_ENROLL, ESPY_LANE_QUICK,
     merge_fields, "Everything of this label becomes another's", "200 Merged|404", merge},
    {"POST", "/v1/labels/{label}/split", &espy_service_v1, ESPY_MAY_ENROLL, ESPY_LANE_QUICK,
     split_fields, "Some of its samples become a new label", "201 Label|404|409", split},
    {"POST", "/v1/labels/{label}/erase", &espy_service_v1, ESPY_MAY_ADMIN, ESPY_LANE_LONG,
     erase_fields, "Forget a person for good, with what was learned from them",
     "200 Receipt|404|422", erase},
    {"POST", "/v1/collections/{collection}/samples/label", &espy_service_v1, ESPY_MAY_ENROLL,
     ESPY_LANE_QUICK, set_fields, "Say whose samples these are", "200 Said|404", set},
    {"POST", "/v1/collections/{collection}/samples/reject", &espy_service_v1, ESPY_MAY_ENROLL,
     ESPY_LANE_QUICK, reject_fields, "Say that these samples are not of a label", "200 Said|404",
     reject},
    {"POST", "/v1/collections/{collection}/undo", &espy_service_v1, ESPY_MAY_ENROLL,
     ESPY_LANE_QUICK, undo_fields, "Take back what was said or done", "200 Undone|404|409", undo},
    {0}};

const espy_schema espy_schemas_v1_labels[] = {
    {"Label", "{\"type\":\"object\",\"required\":[\"id\",\"collection\",\"code\",\"name\"],"
              "\"properties\":{\"id\":{\"type\":\"integer\"},\"collection\":{\"type\":\"integer\"},"
              "\"code\":{\"type\":\"string\"},\"name\":{\"type\":\"string\"},\"samples\":{\"type\":"
              "\"integer\"},\"sessions\":{\"type\":\"integer\"},\"grouped\":{\"type\":\"boolean\"},"
              "\"learned\":{\"type\":\"boolean\"},\"email\":{\"type\":[\"string\",\"null\"]},"
              "\"detail\":{\"type\":[\"object\",\"null\"]},\"account\":{\"type\":[\"integer\","
              "\"null\"]},\"created\":{\"type\":[\"string\",\"null\"]},\"event\":{\"type\":["
              "\"integer\",\"null\"]}}}"},
    {"LabelPage", ESPY_PAGE_SCHEMA("Label")},
    {"Merged", "{\"type\":\"object\",\"required\":[\"label\",\"moved\",\"left\",\"event\"],"
               "\"properties\":{\"label\":{\"type\":\"integer\"},\"moved\":{\"type\":\"integer\"},"
               "\"left\":{\"type\":\"integer\"},\"event\":{\"type\":[\"integer\",\"null\"]}}}"},
    {"Said", "{\"type\":\"object\",\"required\":[\"label\",\"samples\",\"event\"],\"properties\":{"
             "\"label\":{\"type\":[\"integer\",\"null\"]},\"samples\":{\"type\":\"integer\"},"
             "\"event\":{\"type\":[\"integer\",\"null\"]}}}"},
    {"Undone", "{\"type\":\"object\",\"required\":[\"event\",\"action\"],\"properties\":{"
               "\"event\":{\"type\":\"integer\"},\"action\":{\"type\":\"string\"},\"samples\":{"
               "\"type\":\"integer\"},\"media\":{\"type\":\"integer\"},\"kept\":{\"type\":"
               "\"integer\"}}}"},
    {"Receipt", "{\"type\":\"object\",\"required\":[\"token\"],\"properties\":{\"token\":{\"type\":"
                "\"string\"}}}"},
    {0}};
