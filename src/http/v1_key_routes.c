/* SPDX-License-Identifier: Apache-2.0
 * http - /v1: keys for programs, and webhooks. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "http/keys.h"
#include "http/make.h"
#include "http/serving.h"
#include "http/shapes.h"
#include "http/webhook.h"
#include "store/webhook.h"

#define DAY 86400.0

/* Whose keys or webhooks are meant: the caller's; administrators may name somebody, or with 0 all
 * accounts. */
static espy_err owner_asked(espy_call *call, int64_t *owner)
{
    *owner = call->who.user;
    if (espy_call_has(call, "owner")) {
        *owner = espy_call_int(call, "owner");
        if (*owner != call->who.user)
            ESPY_TRY(espy_call_may(call, ESPY_MAY_ADMIN));
    }
    return ESPY_E_OK;
}

static espy_err owner_needed(espy_call *call, int64_t *owner)
{
    ESPY_TRY(owner_asked(call, owner));
    return *owner ? ESPY_E_OK
                  : espy_refuse_field(call, "owner", "this request is of no account: name one");
}

/* One reply of a list that is told as a whole. */
static espy_err reply_items(espy_call *call, espy_made *list)
{
    espy_made m = espy_make_object(call->cx);
    espy_json *v = NULL;
    espy_put_made(&m, "items", list);
    ESPY_TRY(espy_made_end(&m, &v));
    return espy_reply_json(call, 200, v);
}

/* -- keys -------------------------------------------------------------------------------------- */
/* text: of a key that was made now, else NULL. */
static espy_err key_json(espy_ctx *cx, const espy_key *k, const char *text, espy_json **out)
{
    espy_json *scopes = NULL;
    ESPY_TRY(espy_scopes_json(cx, k->scopes, &scopes));
    espy_made m = espy_make_object(cx);
    espy_put_int(&m, "id", k->id);
    espy_put_int(&m, "owner", k->owner);
    espy_put_text(&m, "name", k->name);
    espy_put(&m, "scopes", scopes);
    espy_put_id(&m, "collection", k->collection);
    espy_put_time(&m, "created", k->created);
    espy_put_time(&m, "used", k->used);
    espy_put_time(&m, "expires", k->expires);
    if (text)
        espy_put_text(&m, "key", text);
    return espy_made_end(&m, out);
}

static espy_err keys_list(espy_call *call)
{
    espy_ctx *cx = call->cx;
    int64_t owner;
    espy_key *keys = NULL;
    espy_json *v = NULL;
    size_t n = 0;
    ESPY_TRY(owner_asked(call, &owner));
    ESPY_TRY(espy_store_keys(cx, call->ws->store, owner, &keys, &n));
    espy_made list = espy_make_array(cx);
    for (size_t i = 0; i < n && list.e == ESPY_E_OK; i++) {
        list.e = key_json(cx, &keys[i], NULL, &v);
        if (list.e == ESPY_E_OK)
            espy_put(&list, NULL, v);
    }
    espy_keys_free(cx, keys, n);
    return reply_items(call, &list);
}

static espy_err scopes_asked(espy_call *call, int64_t *scopes)
{
    const espy_json *names = espy_call_json(call, "scopes");
    char shown[64];
    *scopes = 0;
    for (size_t i = 0; i < espy_json_count(names); i++) {
        const char *name = espy_json_string(espy_json_at(names, i), "");
        int64_t scope = espy_scope_find(name, strlen(name));
        if (!scope)
            return espy_refuse_field(call, "scopes", "\"%s\" is none of: %s",
                                     espy_text_shown(name, shown, sizeof shown), ESPY_SCOPE_LIST);
        *scopes |= scope;
    }
    return ESPY_E_OK;
}

static espy_err key_add(espy_call *call)
{
    espy_ctx *cx = call->cx;
    char text[ESPY_KEY_TEXT];
    espy_json *v = NULL;
    espy_key k = {.name = (char *)(uintptr_t)espy_call_text(call, "name"),
                  .created = espy_time_now()};
    ESPY_TRY(owner_needed(call, &k.owner));
    ESPY_TRY(scopes_asked(call, &k.scopes));
    ESPY_TRY(espy_collection_asked(call, &k.collection));
    if (espy_call_has(call, "expires_days"))
        k.expires = k.created + DAY * espy_call_real(call, "expires_days");
    ESPY_TRY(espy_key_make(cx, call->ws->store, &k, text, &k.id));
    ESPY_TRY(key_json(cx, &k, text, &v));
    return espy_reply_secret(call, 201, v, "key");
}

static espy_err key_delete(espy_call *call)
{
    int64_t owner = call->who.role == ESPY_ADMIN ? 0 : call->who.user;
    ESPY_TRY(espy_store_key_delete(call->cx, call->ws->store, owner, espy_call_int(call, "key")));
    return espy_reply_empty(call, 204);
}

/* -- webhooks ---------------------------------------------------------------------------------- */
static void put_events(espy_made *m, const char *events)
{
    espy_made list = espy_make_array(m->cx);
    char one[128];
    for (const char *p = events; *p; p += strspn(p, " ")) {
        size_t n = strcspn(p, " ");
        if (n && n < sizeof one) {
            memcpy(one, p, n);
            one[n] = 0;
            espy_put_text(&list, NULL, one);
        }
        p += n;
    }
    espy_put_made(m, "events", &list);
}

static espy_err webhook_json(espy_ctx *cx, const espy_webhook *w, bool secret, espy_json **out)
{
    espy_made m = espy_make_object(cx);
    espy_put_int(&m, "id", w->id);
    espy_put_int(&m, "owner", w->owner);
    espy_put_text(&m, "url", w->url);
    put_events(&m, w->events);
    espy_put_id(&m, "collection", w->collection);
    espy_put_bool(&m, "enabled", w->enabled);
    espy_put_time(&m, "created", w->created);
    if (secret)
        espy_put_text(&m, "secret", w->secret);
    return espy_made_end(&m, out);
}

/* A key for one collection sees those of this one. */
static bool webhook_seen(const espy_call *call, const espy_webhook *w)
{
    const espy_caller *who = &call->who;
    bool own = w->owner == who->user || (who->may & ESPY_MAY_ADMIN);
    return own && (!who->collection || w->collection == who->collection);
}

static espy_err webhooks_list(espy_call *call)
{
    espy_ctx *cx = call->cx;
    int64_t owner;
    espy_webhook *hooks = NULL;
    espy_json *v = NULL;
    size_t n = 0;
    ESPY_TRY(owner_asked(call, &owner));
    ESPY_TRY(espy_store_webhooks(cx, call->ws->store, owner, &hooks, &n));
    espy_made list = espy_make_array(cx);
    for (size_t i = 0; i < n && list.e == ESPY_E_OK; i++) {
        if (!webhook_seen(call, &hooks[i]))
            continue;
        list.e = webhook_json(cx, &hooks[i], false, &v);
        if (list.e == ESPY_E_OK)
            espy_put(&list, NULL, v);
    }
    espy_webhooks_free(cx, hooks, n);
    return reply_items(call, &list);
}

/* Names of events with blanks between: letters, digits, '.', '_', or "*". */
static espy_err events_asked(espy_call *call, espy_buf *out)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz._*";
    const espy_json *names = espy_call_json(call, "events");
    espy_buf_init(out, 1024);
    if (!names)
        return espy_buf_text(call->cx, out, "*");
    for (size_t i = 0; i < espy_json_count(names); i++) {
        const char *name = espy_json_string(espy_json_at(names, i), "");
        size_t n = strlen(name);
        if (n == 0 || n > 60 || strspn(name, allowed) != n) {
            espy_buf_free(call->cx, out);
            return espy_refuse_field(call, "events",
                                     "names such as version.publish, or \"*\", are expected");
        }
        ESPY_TRY(espy_buf_printf(call->cx, out, "%s%s", i ? " " : "", name));
    }
    return ESPY_E_OK;
}

static espy_err webhook_url(espy_call *call, const char *url)
{
    espy_err e = espy_webhook_check(call->cx, url, call->serving->options->private_hooks);
    char text[200];
    if (e != ESPY_E_ARG)
        return e;
    memcpy(text, call->cx->text, sizeof text);
    text[sizeof text - 1] = 0;
    espy_clear(call->cx);
    return espy_refuse_field(call, "url", "%s", text);
}

static espy_err webhook_add(espy_call *call)
{
    espy_ctx *cx = call->cx;
    char token[ESPY_TOKEN_TEXT];
    const char *secret = espy_call_text(call, "secret");
    espy_webhook w = {.url = (char *)(uintptr_t)espy_call_text(call, "url"),
                      .enabled = true,
                      .created = espy_time_now()};
    espy_buf events;
    espy_json *v = NULL;
    ESPY_TRY(owner_needed(call, &w.owner));
    ESPY_TRY(espy_collection_asked(call, &w.collection));
    ESPY_TRY(webhook_url(call, w.url));
    if (!secret)
        ESPY_TRY(espy_token_text(cx, token));
    w.secret = secret ? (char *)(uintptr_t)secret : token;
    ESPY_TRY(events_asked(call, &events));
    w.events = (char *)events.data;
    espy_err e = espy_store_webhook_add(cx, call->ws->store, &w, &w.id);
    if (e == ESPY_E_OK)
        e = webhook_json(cx, &w, true, &v);
    espy_buf_free(cx, &events);
    ESPY_TRY(e);
    return espy_reply_secret(call, 201, v, "secret");
}

/* The webhook that the path names, when the caller may see it. */
static espy_err webhook_asked(espy_call *call, espy_webhook *out)
{
    ESPY_TRY(
        espy_store_webhook_get(call->cx, call->ws->store, espy_call_int(call, "webhook"), out));
    if (webhook_seen(call, out))
        return ESPY_E_OK;
    espy_webhook_free(call->cx, out);
    return espy_fail(call->cx, ESPY_E_NOT_FOUND, "there is no such webhook");
}

static espy_err webhook_change(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_webhook w = {0};
    espy_webhook_change to = {.url = espy_call_text(call, "url")};
    const bool enabled = espy_call_bool(call, "enabled");
    char name[32];
    espy_buf events;
    espy_json *v = NULL;
    espy_err e = ESPY_E_OK;
    espy_buf_init(&events, 0);
    if (to.url)
        ESPY_TRY(webhook_url(call, to.url));
    if (espy_call_has(call, "enabled"))
        to.enabled = &enabled;
    ESPY_TRY(webhook_asked(call, &w));
    if (espy_call_has(call, "events"))
        ESPY_GO(events_asked(call, &events));
    to.events = (const char *)events.data;
    ESPY_GO(espy_store_webhook_update(cx, call->ws->store, w.id, &to));
    snprintf(name, sizeof name, "%lld", (long long)w.id);
    espy_rate_passed(call->serving->hooks, name, ""); /* its silence is forgotten */
    espy_webhook_free(cx, &w);
    ESPY_GO(webhook_asked(call, &w));
    ESPY_GO(webhook_json(cx, &w, false, &v));
    e = espy_reply_json(call, 200, v);
out:
    espy_buf_free(cx, &events);
    espy_webhook_free(cx, &w);
    return e;
}

static espy_err webhook_delete(espy_call *call)
{
    espy_webhook w = {0};
    ESPY_TRY(webhook_asked(call, &w));
    const int64_t id = w.id;
    espy_webhook_free(call->cx, &w);
    ESPY_TRY(espy_store_webhook_delete(call->cx, call->ws->store, id));
    return espy_reply_empty(call, 204);
}

/* -- tables ------------------------------------------------------------------------------------ */
#define OWNER_FIELD                                                        \
    {                                                                      \
        "owner", ESPY_IN_BODY, ESPY_FIELD_INT, 1, 9e15, false, NULL, NULL, \
            "for administrators: whose; else the caller's own"             \
    }
#define COLLECTION_FIELD                                                         \
    {                                                                            \
        "collection", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 1024, false, NULL, NULL, \
            "id or name of the only collection that it is for"                   \
    }

static const espy_field list_fields[] = {
    {"owner", ESPY_IN_QUERY, ESPY_FIELD_INT, 0, 9e15, false, NULL, NULL,
     "for administrators: whose, 0: all accounts'; else the caller's own"},
    {0}};

static const espy_field key_add_fields[] = {
    {"name", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 256, true, NULL, NULL, "for people: what uses it"},
    {"scopes", ESPY_IN_BODY, ESPY_FIELD_TEXTS, 1, 8, true, NULL, NULL,
     "what it may: any of " ESPY_SCOPE_LIST "; never more than its owner"},
    COLLECTION_FIELD,
    {"expires_days", ESPY_IN_BODY, ESPY_FIELD_REAL, 0.001, 36500, false, NULL, NULL,
     "how long it is good; else until it is deleted"},
    OWNER_FIELD,
    {0}};

static const espy_field key_fields[] = {
    {"key", ESPY_IN_PATH, ESPY_FIELD_INT, 1, 9e15, true, NULL, NULL, "id of the key"}, {0}};

static const espy_field webhook_add_fields[] = {
    {"url", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 2048, true, NULL, NULL,
     "http or https; addresses of this machine and network only where the server allows them"},
    {"events", ESPY_IN_BODY, ESPY_FIELD_TEXTS, 1, 32, false, NULL, NULL,
     "what it is told of; else everything"},
    COLLECTION_FIELD,
    {"secret", ESPY_IN_BODY, ESPY_FIELD_TEXT, 16, 256, false, NULL, NULL,
     "what deliveries are signed with; else one is made and told this once"},
    OWNER_FIELD,
    {0}};

#define WEBHOOK_ID                                                                              \
    {                                                                                           \
        "webhook", ESPY_IN_PATH, ESPY_FIELD_INT, 1, 9e15, true, NULL, NULL, "id of the webhook" \
    }
static const espy_field webhook_fields[] = {WEBHOOK_ID, {0}};

static const espy_field webhook_change_fields[] = {
    WEBHOOK_ID,
    {"url", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 2048, false, NULL, NULL,
     "http or https; addresses of this machine and network only where the server allows them"},
    {"events", ESPY_IN_BODY, ESPY_FIELD_TEXTS, 1, 32, false, NULL, NULL, "what it is told of"},
    {"enabled", ESPY_IN_BODY, ESPY_FIELD_BOOL, 0, 0, false, NULL, NULL,
     "whether it is told anything; what waits for it meanwhile is dropped"},
    {0}};

const espy_route espy_routes_v1_key[] = {
    {"GET", "/v1/keys", &espy_service_v1, ESPY_MAY_SELF, ESPY_LANE_QUICK, list_fields,
     "The keys, without their secrets", "200 Keys", keys_list},
    {"POST", "/v1/keys", &espy_service_v1, ESPY_MAY_SELF, ESPY_LANE_QUICK, key_add_fields,
     "Make a key; it is told in this answer alone", "201 KeyMade|404", key_add},
    {"DELETE", "/v1/keys/{key}", &espy_service_v1, ESPY_MAY_SELF, ESPY_LANE_QUICK, key_fields,
     "Revoke a key", "204|404", key_delete},
    {"GET", "/v1/webhooks", &espy_service_v1, ESPY_MAY_ENROLL, ESPY_LANE_QUICK, list_fields,
     "Who is told of events", "200 Webhooks", webhooks_list},
    {"POST", "/v1/webhooks", &espy_service_v1, ESPY_MAY_ENROLL, ESPY_LANE_QUICK, webhook_add_fields,
     "Have a URL told of events", "201 WebhookMade|404", webhook_add},
    {"PATCH", "/v1/webhooks/{webhook}", &espy_service_v1, ESPY_MAY_ENROLL, ESPY_LANE_QUICK,
     webhook_change_fields, "Change a webhook", "200 Webhook|404", webhook_change},
    {"DELETE", "/v1/webhooks/{webhook}", &espy_service_v1, ESPY_MAY_ENROLL, ESPY_LANE_QUICK,
     webhook_fields, "Tell a URL no more", "204|404", webhook_delete},
    {0}};

#define KEY_PROPERTIES                                                                        \
    "\"id\":{\"type\":\"integer\"},\"owner\":{\"type\":\"integer\"},\"name\":{\"type\":"      \
    "\"string\"},\"scopes\":{\"type\":\"array\",\"items\":{\"enum\":[\"read\",\"identify\","  \
    "\"enroll\",\"admin\"]}},\"collection\":{\"type\":[\"integer\",\"null\"]},\"created\":{"  \
    "\"type\":[\"string\",\"null\"]},\"used\":{\"type\":[\"string\",\"null\"]},\"expires\":{" \
    "\"type\":[\"string\",\"null\"]}"
#define WEBHOOK_PROPERTIES                                                                 \
    "\"id\":{\"type\":\"integer\"},\"owner\":{\"type\":\"integer\"},\"url\":{\"type\":"    \
    "\"string\"},\"events\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"         \
    "\"collection\":{\"type\":[\"integer\",\"null\"]},\"enabled\":{\"type\":\"boolean\"}," \
    "\"created\":{\"type\":[\"string\",\"null\"]}"
#define ITEMS_OF(name)                                                                   \
    "{\"type\":\"object\",\"required\":[\"items\"],\"properties\":{\"items\":{\"type\":" \
    "\"array\",\"items\":{\"$ref\":\"#/components/schemas/" name "\"}}}}"

const espy_schema espy_schemas_v1_key[] = {
    {"Key", "{\"type\":\"object\",\"required\":[\"id\",\"name\",\"scopes\"],\"properties\":"
            "{" KEY_PROPERTIES "}}"},
    {"KeyMade", "{\"type\":\"object\",\"required\":[\"id\",\"key\"],\"properties\":{" KEY_PROPERTIES
                ",\"key\":{\"type\":[\"string\",\"null\"]}}}"},
    {"Keys", ITEMS_OF("Key")},
    {"Webhook", "{\"type\":\"object\",\"required\":[\"id\",\"url\",\"events\"],\"properties\":"
                "{" WEBHOOK_PROPERTIES "}}"},
    {"WebhookMade", "{\"type\":\"object\",\"required\":[\"id\",\"secret\"],\"properties\":{" //
     WEBHOOK_PROPERTIES ",\"secret\":{\"type\":[\"string\",\"null\"]}}}"},
    {"Webhooks", ITEMS_OF("Webhook")},
    {0}};
