/* SPDX-License-Identifier: Apache-2.0
 * http - the OpenAPI document. */
#include "http/openapi.h"

#include <float.h>
#include <stdio.h>
#include <string.h>

#include "http/call.h"

/* -- building blocks --------------------------------------------------------------------------- */
static espy_err set_text(espy_ctx *cx, espy_json *o, const char *key, const char *text)
{
    return espy_json_set(cx, o, key, espy_json_of_string(text));
}

/* A new object inside another; borrowed. */
static espy_err set_object(espy_ctx *cx, espy_json *o, const char *key, espy_json **inner)
{
    *inner = espy_json_object();
    return espy_json_set(cx, o, key, *inner);
}

/* The object inside another that may be there; borrowed. */
static espy_err get_object(espy_ctx *cx, espy_json *o, const char *key, espy_json **inner)
{
    *inner = (espy_json *)(uintptr_t)espy_json_get(o, key);
    return *inner ? ESPY_E_OK : set_object(cx, o, key, inner);
}

static espy_err set_json(espy_ctx *cx, espy_json *o, const char *key, const char *text)
{
    espy_json *v = NULL;
    char wrapped[512];
    snprintf(wrapped, sizeof wrapped, "[%s]", text);
    ESPY_TRY(espy_json_parse(cx, wrapped, strlen(wrapped), &v));
    espy_err e =
        espy_json_set(cx, o, key, espy_json_ref((espy_json *)(uintptr_t)espy_json_at(v, 0)));
    espy_json_free(v);
    return e;
}

/* -- fields ------------------------------------------------------------------------------------ */
static espy_err schema_enum(espy_ctx *cx, espy_json *schema, const char *list)
{
    espy_json *texts = espy_json_array();
    ESPY_TRY(espy_json_set(cx, schema, "enum", texts));
    for (const char *p = list; *p; p += strcspn(p, "|"), p += *p == '|') {
        char one[64];
        snprintf(one, sizeof one, "%.*s", (int)strcspn(p, "|"), p);
        ESPY_TRY(espy_json_append(cx, texts, espy_json_of_string(one)));
    }
    return ESPY_E_OK;
}

static espy_err schema_range(espy_ctx *cx, espy_json *schema, const char *least, const char *most,
                             double lo, double hi)
{
    ESPY_TRY(espy_json_set(cx, schema, least, espy_json_of_number(lo)));
    return espy_json_set(cx, schema, most, espy_json_of_number(hi));
}

static espy_err schema_counts(espy_ctx *cx, espy_json *schema, const char *least, const char *most,
                              double lo, double hi)
{
    if (lo > 0)
        ESPY_TRY(espy_json_set(cx, schema, least, espy_json_of_int((int64_t)lo)));
    if (hi > 0 && hi < 9e15)
        ESPY_TRY(espy_json_set(cx, schema, most, espy_json_of_int((int64_t)hi)));
    return ESPY_E_OK;
}

static espy_err schema_list(espy_ctx *cx, espy_json *schema, const espy_field *f, const char *type)
{
    espy_json *items;
    ESPY_TRY(set_text(cx, schema, "type", "array"));
    ESPY_TRY(set_object(cx, schema, "items", &items));
    ESPY_TRY(set_text(cx, items, "type", type));
    if (f->type == ESPY_FIELD_IDS)
        ESPY_TRY(schema_range(cx, items, "minimum", "maximum", 1, 9007199254740991.0));
    return schema_counts(cx, schema, "minItems", "maxItems", f->lo, f->hi);
}

/* form: as part of a multipart body. */
static espy_err field_schema(espy_ctx *cx, espy_json *schema, const espy_field *f, bool form)
{
    switch (f->type) {
    case ESPY_FIELD_TEXT:
        ESPY_TRY(set_text(cx, schema, "type", "string"));
        if (f->one_of)
            ESPY_TRY(schema_enum(cx, schema, f->one_of));
        else
            ESPY_TRY(schema_counts(cx, schema, "minLength", "maxLength", f->lo, f->hi));
        break;
    case ESPY_FIELD_DATE:
        ESPY_TRY(set_text(cx, schema, "type", "string"));
        ESPY_TRY(set_text(cx, schema, "format", "date"));
        break;
    case ESPY_FIELD_INT:
        ESPY_TRY(set_text(cx, schema, "type", "integer"));
        ESPY_TRY(espy_json_set(cx, schema, "minimum", espy_json_of_int((int64_t)f->lo)));
        ESPY_TRY(espy_json_set(cx, schema, "maximum",
                               espy_json_of_int(f->hi >= 9.2e18 ? INT64_MAX : (int64_t)f->hi)));
        break;
    case ESPY_FIELD_REAL:
        ESPY_TRY(set_text(cx, schema, "type", "number"));
        ESPY_TRY(schema_range(cx, schema, "minimum", "maximum", f->lo, f->hi));
        break;
    case ESPY_FIELD_BOOL:
        ESPY_TRY(set_text(cx, schema, "type", "boolean"));
        break;
    case ESPY_FIELD_IDS:
        ESPY_TRY(schema_list(cx, schema, f, "integer"));
        break;
    case ESPY_FIELD_NUMBERS:
        ESPY_TRY(schema_list(cx, schema, f, "number"));
        break;
    case ESPY_FIELD_TEXTS:
        ESPY_TRY(schema_list(cx, schema, f, "string"));
        break;
    case ESPY_FIELD_OBJECT:
        ESPY_TRY(set_text(cx, schema, "type", "object"));
        break;
    case ESPY_FIELD_FILE:
        if (f->hi > 1) {
            ESPY_TRY(schema_list(cx, schema, f, "string"));
        } else {
            ESPY_TRY(set_text(cx, schema, "type", "string"));
            ESPY_TRY(set_text(cx, schema, form ? "format" : "contentEncoding",
                              form ? "binary" : "base64"));
        }
        break;
    }
    if (f->fallback)
        ESPY_TRY(set_json(cx, schema, "default", f->fallback));
    return set_text(cx, schema, "description", f->help);
}

static espy_err parameter(espy_ctx *cx, espy_json *list, const espy_field *f)
{
    espy_json *p = espy_json_object(), *schema;
    ESPY_TRY(espy_json_append(cx, list, p));
    ESPY_TRY(set_text(cx, p, "name", f->name));
    ESPY_TRY(set_text(cx, p, "in", f->place == ESPY_IN_PATH ? "path" : "query"));
    ESPY_TRY(set_text(cx, p, "description", f->help));
    ESPY_TRY(espy_json_set(cx, p, "required",
                           espy_json_of_bool(f->place == ESPY_IN_PATH || f->required)));
    if (f->type == ESPY_FIELD_IDS || f->type == ESPY_FIELD_TEXTS) {
        ESPY_TRY(espy_json_set(cx, p, "explode", espy_json_of_bool(false)));
    }
    ESPY_TRY(set_object(cx, p, "schema", &schema));
    return field_schema(cx, schema, f, false);
}

static espy_err body_media(espy_ctx *cx, espy_json *content, const espy_route *r, const char *type,
                           bool form)
{
    espy_json *media, *schema, *properties, *required = espy_json_array();
    espy_err e = ESPY_E_OK;
    ESPY_GO(set_object(cx, content, type, &media));
    ESPY_GO(set_object(cx, media, "schema", &schema));
    ESPY_GO(set_text(cx, schema, "type", "object"));
    ESPY_GO(set_object(cx, schema, "properties", &properties));
    for (const espy_field *f = r->fields; f->name; f++) {
        espy_json *one;
        if (f->place != ESPY_IN_BODY && f->place != ESPY_IN_EITHER)
            continue;
        ESPY_GO(set_object(cx, properties, f->name, &one));
        ESPY_GO(field_schema(cx, one, f, form));
        if (f->required)
            ESPY_GO(espy_json_append(cx, required, espy_json_of_string(f->name)));
    }
    if (espy_json_count(required))
        ESPY_GO(espy_json_set(cx, schema, "required", espy_json_ref(required)));
    if (r->service->strict)
        ESPY_GO(espy_json_set(cx, schema, "additionalProperties", espy_json_of_bool(false)));
out:
    espy_json_free(required);
    return e;
}

static espy_err request_body(espy_ctx *cx, espy_json *operation, const espy_route *r)
{
    bool any = false, required = false, file = false;
    espy_json *body, *content;
    for (const espy_field *f = r->fields; f && f->name; f++) {
        if (f->place != ESPY_IN_BODY && f->place != ESPY_IN_EITHER)
            continue;
        any = true;
        required = required || f->required;
        file = file || f->type == ESPY_FIELD_FILE;
    }
    if (!any)
        return ESPY_E_OK;
    ESPY_TRY(set_object(cx, operation, "requestBody", &body));
    ESPY_TRY(espy_json_set(cx, body, "required", espy_json_of_bool(required)));
    ESPY_TRY(set_object(cx, body, "content", &content));
    if (file)
        ESPY_TRY(body_media(cx, content, r, "multipart/form-data", true));
    return body_media(cx, content, r, "application/json", false);
}

/* -- answers ----------------------------------------------------------------------------------- */
static bool schema_there(const char *name)
{
    for (const espy_schema *const *table = espy_schemas; *table; table++)
        for (const espy_schema *s = *table; s->name; s++)
            if (strcmp(s->name, name) == 0)
                return true;
    return false;
}

/* what: a schema's name, a content type, or "" for no body.  Of one status there may be several. */
static espy_err answer(espy_ctx *cx, espy_json *responses, const espy_route *r, int status,
                       const char *what)
{
    char key[8], ref[96];
    espy_json *response, *content, *media, *schema;
    snprintf(key, sizeof key, "%d", status);
    ESPY_TRY(get_object(cx, responses, key, &response));
    ESPY_TRY(
        set_text(cx, response, "description", status < 400 ? "what was asked for" : "refused"));
    if (status >= 400 && !*what)
        what = r->service->error;
    if (!*what)
        return ESPY_E_OK;
    ESPY_TRY(get_object(cx, response, "content", &content));
    ESPY_TRY(set_object(cx, content, strchr(what, '/') ? what : "application/json", &media));
    ESPY_TRY(set_object(cx, media, "schema", &schema));
    if (strchr(what, '/'))
        return ESPY_E_OK;
    if (!schema_there(what))
        return espy_fail(cx, ESPY_E_INTERNAL, "%s %s names the schema %s, which is not there",
                         r->method, r->path, what);
    snprintf(ref, sizeof ref, "#/components/schemas/%s", what);
    return set_text(cx, schema, "$ref", ref);
}

static espy_err answers(espy_ctx *cx, espy_json *operation, const espy_route *r)
{
    static const int usual[] = {400, 413, 415, 500, 503};
    espy_json *responses;
    char item[128], what[96];
    int status;
    ESPY_TRY(set_object(cx, operation, "responses", &responses));
    for (const char *p = r->answers; *p; p += strcspn(p, "|"), p += *p == '|') {
        what[0] = 0;
        snprintf(item, sizeof item, "%.*s", (int)strcspn(p, "|"), p);
        if (sscanf(item, "%d %95s", &status, what) < 1)
            return espy_fail(cx, ESPY_E_INTERNAL, "%s %s: \"%s\" is no answer", r->method, r->path,
                             item);
        ESPY_TRY(answer(cx, responses, r, status, what));
    }
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        char key[8];
        snprintf(key, sizeof key, "%d", usual[i]);
        if (!espy_json_get(responses, key))
            ESPY_TRY(answer(cx, responses, r, usual[i], ""));
    }
    if (r->may == ESPY_ANYONE)
        return ESPY_E_OK;
    if (!espy_json_get(responses, "401"))
        ESPY_TRY(answer(cx, responses, r, 401, ""));
    return espy_json_get(responses, "403") ? ESPY_E_OK : answer(cx, responses, r, 403, "");
}

/* -- the document ------------------------------------------------------------------------------ */
static espy_err operation(espy_ctx *cx, espy_json *item, const espy_route *r)
{
    espy_json *o, *tags = espy_json_array(), *parameters = espy_json_array();
    char id[160], method[8];
    size_t n = 0;
    espy_err e = ESPY_E_OK;
    for (; r->method[n] && n + 1 < sizeof method; n++)
        method[n] = (char)(r->method[n] | 0x20);
    method[n] = 0;
    ESPY_GO(set_object(cx, item, method, &o));
    snprintf(id, sizeof id, "%s%s", method, r->path);
    for (char *p = id; *p; p++)
        *p = *p == '/' || *p == '{' || *p == '}' || *p == '-' || *p == '.' ? '_' : *p;
    ESPY_GO(set_text(cx, o, "operationId", id));
    ESPY_GO(set_text(cx, o, "summary", r->summary));
    ESPY_GO(espy_json_append(cx, tags, espy_json_of_string(r->service->title)));
    ESPY_GO(espy_json_set(cx, o, "tags", espy_json_ref(tags)));
    for (const espy_field *f = r->fields; f && f->name; f++)
        if (f->place == ESPY_IN_PATH || f->place == ESPY_IN_QUERY)
            ESPY_GO(parameter(cx, parameters, f));
    if (espy_json_count(parameters))
        ESPY_GO(espy_json_set(cx, o, "parameters", espy_json_ref(parameters)));
    ESPY_GO(request_body(cx, o, r));
    ESPY_GO(answers(cx, o, r));
    if (r->may == ESPY_ANYONE)
        ESPY_GO(espy_json_set(cx, o, "security", espy_json_array()));
out:
    espy_json_free(tags);
    espy_json_free(parameters);
    return e;
}

static espy_err paths(espy_ctx *cx, espy_json *doc)
{
    espy_json *all, *item;
    ESPY_TRY(set_object(cx, doc, "paths", &all));
    for (const espy_route *const *table = espy_routes; *table; table++)
        for (const espy_route *r = *table; r->method; r++) {
            item = (espy_json *)(uintptr_t)espy_json_get(all, r->path);
            if (!item)
                ESPY_TRY(set_object(cx, all, r->path, &item));
            ESPY_TRY(operation(cx, item, r));
        }
    return ESPY_E_OK;
}

static espy_err components(espy_ctx *cx, espy_json *doc)
{
    static const char security[] =
        "{\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\",\"description\":\"a login's token or "
        "an API key\"},\"key\":{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"X-Api-Key\"}}";
    espy_json *c, *schemas, *v = NULL;
    ESPY_TRY(set_object(cx, doc, "components", &c));
    ESPY_TRY(espy_json_parse(cx, security, sizeof security - 1, &v));
    ESPY_TRY(espy_json_set(cx, c, "securitySchemes", v));
    ESPY_TRY(set_object(cx, c, "schemas", &schemas));
    for (const espy_schema *const *table = espy_schemas; *table; table++)
        for (const espy_schema *s = *table; s->name; s++) {
            ESPY_TRY(espy_json_parse(cx, s->json, strlen(s->json), &v));
            ESPY_TRY(espy_json_set(cx, schemas, s->name, v));
        }
    return ESPY_E_OK;
}

espy_err espy_openapi(espy_ctx *cx, espy_json **out)
{
    espy_json *doc = espy_json_object(), *info;
    espy_err e = ESPY_E_OK;
    ESPY_GO(set_text(cx, doc, "openapi", "3.1.0"));
    ESPY_GO(set_object(cx, doc, "info", &info));
    ESPY_GO(set_text(cx, info, "title", "espy"));
    ESPY_GO(set_text(cx, info, "version", espy_library_version()));
    ESPY_GO(set_text(cx, info, "description",
                     "Recognises faces and sounds from a few labelled examples.  /v1 is the "
                     "product's own interface; the others are those of the described systems."));
    ESPY_GO(set_json(cx, doc, "security", "[{\"bearer\":[]},{\"key\":[]}]"));
    ESPY_GO(paths(cx, doc));
    ESPY_GO(components(cx, doc));
    *out = doc;
    return ESPY_E_OK;
out:
    espy_json_free(doc);
    return e;
}
