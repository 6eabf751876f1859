/* SPDX-License-Identifier: Apache-2.0
 * http - /v1: collections. */
#include <string.h>

#include "http/make.h"
#include "http/serving.h"
#include "http/shapes.h"
#include "store/collection.h"

static espy_err collection_json(espy_ctx *cx, const void *item, espy_json **out)
{
    const espy_collection *c = item;
    espy_made m = espy_make_object(cx);
    espy_put_int(&m, "id", c->id);
    espy_put_text(&m, "name", c->name);
    espy_put_text(&m, "modality", c->modality);
    espy_put_text(&m, "encoder", c->encoder);
    espy_put_text(&m, "encoder_digest", c->encoder_digest);
    espy_put_text(&m, "precision", c->precision);
    espy_put_text(&m, "description", c->description);
    espy_put_id(&m, "owner", c->owner);
    espy_put_bool(&m, "active", c->active);
    espy_put_time(&m, "created", c->created);
    return espy_made_end(&m, out);
}

/* What a collection holds, and what answers. */
static espy_err collection_full_json(espy_call *call, const espy_collection *c, espy_json **out)
{
    espy_ctx *cx = call->cx;
    espy_counts n;
    int64_t live = 0, previous = 0;
    espy_json *o = NULL;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_store_counts(cx, call->ws->store, c->id, &n));
    ESPY_TRY(espy_store_alias(cx, call->ws->store, c->id, "live", &live));
    ESPY_TRY(espy_store_alias(cx, call->ws->store, c->id, "previous", &previous));
    ESPY_TRY(collection_json(cx, c, &o));
    espy_made counts = espy_make_object(cx), m = {cx, o, ESPY_E_OK};
    espy_put_int(&counts, "labels", n.labels);
    espy_put_int(&counts, "media", n.media);
    espy_put_int(&counts, "samples", n.samples);
    espy_put_int(&counts, "labelled", n.labelled);
    espy_put_int(&counts, "versions", n.versions);
    espy_put_made(&m, "counts", &counts);
    espy_put_id(&m, "live", live);
    espy_put_id(&m, "previous", previous);
    e = espy_made_end(&m, out);
    return e;
}

static espy_err reply_collection(espy_call *call, int status, int64_t id)
{
    espy_collection c = {0};
    espy_json *o = NULL;
    ESPY_TRY(espy_store_collection_get(call->cx, call->ws->store, id, &c));
    espy_err e = collection_full_json(call, &c, &o);
    espy_collection_free(call->cx, &c);
    ESPY_TRY(e);
    return espy_reply_json(call, status, o);
}

/* A key for one collection sees that one, as long as it is its owner's. */
static espy_err list_one(espy_call *call, const espy_page *page, const espy_collection_filter *f)
{
    espy_ctx *cx = call->cx;
    espy_collection c = {0};
    espy_err e = espy_call_owns(call, call->who.collection);
    bool there = e == ESPY_E_OK && page->cursor == 0;
    if (e == ESPY_E_NOT_FOUND)
        espy_clear(cx);
    else
        ESPY_TRY(e);
    if (there)
        ESPY_TRY(espy_store_collection_get(cx, call->ws->store, call->who.collection, &c));
    there = there && (!f->modality || strcmp(f->modality, c.modality) == 0) &&
            (!f->search || strcasestr(c.name, f->search) ||
             strcasestr(c.description ? c.description : "", f->search));
    const espy_page_items items = {&c, sizeof c, there, there, collection_json};
    e = espy_reply_page(call, page, &items);
    espy_collection_free(cx, &c);
    return e;
}

static int64_t list_owner(const espy_call *call)
{
    return call->who.role == ESPY_ADMIN ? 0 : call->who.user;
}

static espy_err list_page(espy_call *call, const espy_page *page, const espy_collection_filter *f)
{
    espy_ctx *cx = call->cx;
    espy_collection *all = NULL;
    size_t n = 0;
    int64_t total = 0;
    ESPY_TRY(espy_store_collection_page(cx, call->ws->store, f, page, &all, &n, &total));
    const espy_page_items items = {all, sizeof *all, n, total, collection_json};
    espy_err e = espy_reply_page(call, page, &items);
    espy_collections_free(cx, all, n);
    return e;
}

static espy_err list(espy_call *call)
{
    espy_page page;
    const espy_collection_filter f = {.owner = list_owner(call),
                                      .modality = espy_call_text(call, "modality"),
                                      .search = espy_call_text(call, "search")};
    ESPY_TRY(espy_page_asked(call, &page));
    return call->who.collection ? list_one(call, &page, &f) : list_page(call, &page, &f);
}

/* The encoder is opened: its digest belongs to the collection. */
static espy_err create(espy_call *call)
{
    espy_ctx *cx = call->cx;
    const espy_modality *m = espy_modality_find(espy_call_text(call, "modality"));
    const char *given = espy_call_text(call, "encoder");
    char *pack = NULL;
    const espy_encoder *encoder = NULL;
    int64_t id = 0;
    espy_err e = ESPY_E_OK;
    if (call->who.collection)
        return espy_refuse(call, 403, NULL, "this key is for one collection");
    if (given)
        pack = espy_strdup(cx, given);
    else
        ESPY_TRY(espy_workspace_default_pack(cx, call->ws, m, &pack));
    if (!pack)
        return cx->code;
    e = strchr(pack, '/') || strchr(pack, '.')
            ? ESPY_E_NOT_FOUND
            : espy_models_pack(cx, call->serving->models, call->ws, pack, &encoder);
    if (e == ESPY_E_NOT_FOUND) {
        espy_clear(cx);
        ESPY_GO(espy_refuse_field(call, "encoder",
                                  "pack %s is not installed; see: espy models list",
                                  given ? given : m->name));
    }
    ESPY_GO(e);
    if (espy_encoder_modality(encoder) != m)
        ESPY_GO(espy_refuse_field(call, "encoder", "pack %s is for %ss", pack,
                                  espy_encoder_modality(encoder)->sample));
    const espy_collection c = {.name = (char *)(uintptr_t)espy_call_text(call, "name"),
                               .modality = (char *)(uintptr_t)m->name,
                               .encoder = pack,
                               .encoder_digest = (char *)(uintptr_t)espy_encoder_digest(encoder),
                               .precision = (char *)(uintptr_t)espy_encoder_precision_name(encoder),
                               .description =
                                   (char *)(uintptr_t)espy_call_text(call, "description"),
                               .owner = call->who.user};
    ESPY_GO(espy_store_collection_create(cx, call->ws->store, &c, &id));
    e = reply_collection(call, 201, id);
out:
    espy_free(cx, pack);
    return e;
}

static espy_err show(espy_call *call)
{
    espy_collection c = {0};
    espy_json *o = NULL;
    ESPY_TRY(espy_call_collection(call, espy_call_text(call, "collection"), &c));
    espy_err e = collection_full_json(call, &c, &o);
    espy_collection_free(call->cx, &c);
    ESPY_TRY(e);
    return espy_reply_json(call, 200, o);
}

static espy_err change(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_collection c = {0};
    const bool active = espy_call_bool(call, "active");
    const int64_t owner = espy_call_int(call, "owner");
    ESPY_TRY(espy_call_collection(call, espy_call_text(call, "collection"), &c));
    int64_t id = c.id;
    espy_collection_free(cx, &c);
    if (espy_call_has(call, "owner"))
        ESPY_TRY(espy_call_may(call, ESPY_MAY_ADMIN));
    const espy_collection_change to = {.name = espy_call_text(call, "name"),
                                       .description = espy_call_text(call, "description"),
                                       .active = espy_call_has(call, "active") ? &active : NULL,
                                       .owner = espy_call_has(call, "owner") ? &owner : NULL};
    ESPY_TRY(espy_store_collection_update(cx, call->ws->store, id, &to));
    return reply_collection(call, 200, id);
}

static espy_err drop(espy_call *call)
{
    espy_collection c = {0};
    ESPY_TRY(espy_call_collection(call, espy_call_text(call, "collection"), &c));
    espy_err e = espy_store_collection_delete(call->cx, call->ws->store, c.id, "user");
    espy_collection_free(call->cx, &c);
    ESPY_TRY(e);
    return espy_reply_empty(call, 204);
}

/* A key for one collection sees none: its own is there. */
static espy_err deleted(espy_call *call)
{
    espy_page page;
    const espy_collection_filter f = {.owner = list_owner(call), .deleted = true};
    const espy_page_items none = {0};
    ESPY_TRY(espy_page_asked(call, &page));
    return call->who.collection ? espy_reply_page(call, &page, &none) : list_page(call, &page, &f);
}

static espy_err restore(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_store *st = call->ws->store;
    int64_t id = espy_call_int(call, "id");
    ESPY_TRY(espy_store_begin(cx, st));
    espy_err e = espy_store_collection_restore(cx, st, id, "user");
    if (e == ESPY_E_OK) /* whose it is shows when it is back */
        e = espy_call_owns(call, id);
    if (e == ESPY_E_OK)
        e = espy_store_commit(cx, st);
    if (e != ESPY_E_OK)
        espy_store_rollback(cx, st);
    ESPY_TRY(e);
    return reply_collection(call, 200, id);
}

static const espy_field list_fields[] = {ESPY_PAGE_FIELDS,
                                         {"modality", ESPY_IN_QUERY, ESPY_FIELD_TEXT, 1, 16, false,
                                          NULL, "face|sound", "only of this modality"},
                                         {"search", ESPY_IN_QUERY, ESPY_FIELD_TEXT, 1, 256, false,
                                          NULL, NULL, "stands in name or description"},
                                         {0}};
static const espy_field create_fields[] = {
    {"name", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 255, true, NULL, NULL, "what it is called"},
    {"modality", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 16, false, "\"face\"", "face|sound",
     "faces in pictures or sounds in recordings"},
    {"encoder", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 64, false, NULL, NULL,
     "pack of networks; else the best one installed"},
    {"description", ESPY_IN_BODY, ESPY_FIELD_TEXT, 0, 4096, false, NULL, NULL, "for people"},
    {0}};
static const espy_field one_fields[] = {ESPY_COLLECTION_FIELD, {0}};
static const espy_field change_fields[] = {
    ESPY_COLLECTION_FIELD,
    {"name", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 255, false, NULL, NULL, "what it is called"},
    {"description", ESPY_IN_BODY, ESPY_FIELD_TEXT, 0, 4096, false, NULL, NULL, "for people"},
    {"active", ESPY_IN_BODY, ESPY_FIELD_BOOL, 0, 1, false, NULL, NULL, "whether it is in use"},
    {"owner", ESPY_IN_BODY, ESPY_FIELD_INT, 0, 9007199254740991.0, false, NULL, NULL,
     "administrators: whose it is; 0: the administrators'"},
    {0}};
static const espy_field deleted_fields[] = {ESPY_PAGE_FIELDS, {0}};
static const espy_field restore_fields[] = {ESPY_ID_FIELD("id", "id of the deleted collection"),
                                            {0}};

const espy_route espy_routes_v1_collections[] = {
    {"GET", "/v1/collections", &espy_service_v1, ESPY_MAY_READ, ESPY_LANE_QUICK, list_fields,
     "Collections, newest first", "200 CollectionPage", list},
    {"POST", "/v1/collections", &espy_service_v1, ESPY_MAY_ENROLL, ESPY_LANE_INFER, create_fields,
     "A new collection, the caller's", "201 CollectionFull|404|409|422", create},
    {"GET", "/v1/collections/{collection}", &espy_service_v1, ESPY_MAY_READ, ESPY_LANE_QUICK,
     one_fields, "One collection, with counts and what answers", "200 CollectionFull|404", show},
    {"PATCH", "/v1/collections/{collection}", &espy_service_v1, ESPY_MAY_ENROLL, ESPY_LANE_QUICK,
     change_fields, "Rename, describe, set aside, hand over", "200 CollectionFull|404|409", change},
    {"DELETE", "/v1/collections/{collection}", &espy_service_v1, ESPY_MAY_ENROLL, ESPY_LANE_QUICK,
     one_fields, "Put it out of sight; it can be restored", "204|404", drop},
    {"GET", "/v1/deleted-collections", &espy_service_v1, ESPY_MAY_ENROLL, ESPY_LANE_QUICK,
     deleted_fields, "Collections that were deleted and can be restored, newest first",
     "200 CollectionPage", deleted},
    {"POST", "/v1/deleted-collections/{id}/restore", &espy_service_v1, ESPY_MAY_ENROLL,
     ESPY_LANE_QUICK, restore_fields, "Bring a deleted collection back",
     "200 CollectionFull|404|409", restore},
    {0}};

#define COLLECTION_PROPERTIES                                                                   \
    "\"id\":{\"type\":\"integer\"},\"name\":{\"type\":\"string\"},\"modality\":{\"enum\":["     \
    "\"face\",\"sound\"]},\"encoder\":{\"type\":\"string\"},\"encoder_digest\":{\"type\":"      \
    "\"string\"},\"precision\":{\"type\":\"string\"},\"description\":{\"type\":[\"string\","    \
    "\"null\"]},\"owner\":{\"type\":[\"integer\",\"null\"]},\"active\":{\"type\":\"boolean\"}," \
    "\"created\":{\"type\":[\"string\",\"null\"]}"
const espy_schema espy_schemas_v1_collections[] = {
    {"Collection", "{\"type\":\"object\",\"required\":[\"id\",\"name\",\"modality\"],"
                   "\"properties\":{" COLLECTION_PROPERTIES "}}"},
    {"CollectionFull",
     "{\"type\":\"object\",\"required\":[\"id\",\"name\",\"modality\",\"counts\",\"live\","
     "\"previous\"],"
     "\"properties\":{" COLLECTION_PROPERTIES
     ",\"counts\":{\"type\":\"object\"},\"live\":{\"type\":[\"integer\",\"null\"]},\"previous\":{"
     "\"type\":[\"integer\",\"null\"]}}}"},
    {"CollectionPage", ESPY_PAGE_SCHEMA("Collection")},
    {0}};
