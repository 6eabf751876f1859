/* SPDX-License-Identifier: Apache-2.0
 * http - SmartAttendance's interface: a classifier's files, trained elsewhere, are uploaded. */
#include <string.h>

#include "flow/adopt.h"
#include "http/smart.h"
#include "http/token.h"
#include "store/setting.h"

/* Label encoder and class list wait here for the classifier that they belong to. */
#define MODEL_ENCODER "smart.upload_encoder"
#define MODEL_CLASSES "smart.upload_classes"
#define MODEL_WAITING ((size_t)512 << 10) /* bytes of such a file */

typedef espy_err model_parse_fn(espy_ctx *cx, espy_span bytes, espy_sk_model *m);

/* Read once, so that nothing waits that cannot be read. */
static espy_err model_try(espy_call *call, espy_span bytes, model_parse_fn *parse)
{
    espy_sk_model none = {0};
    espy_err e = parse(call->cx, bytes, &none);
    espy_sk_free(call->cx, &none);
    return espy_smart_unread(call, e, "the file");
}

static espy_err model_keep(espy_call *call, const char *setting, espy_span bytes,
                           model_parse_fn *parse)
{
    espy_buf text;
    if (bytes.size > MODEL_WAITING)
        return espy_fail(call->cx, ESPY_E_LIMIT, "a list of classes has at most %zu bytes",
                         MODEL_WAITING);
    ESPY_TRY(model_try(call, bytes, parse));
    espy_buf_init(&text, 2 * MODEL_WAITING);
    ESPY_TRY(espy_base64(call->cx, bytes, false, &text));
    espy_err e =
        espy_store_setting_set(call->cx, call->ws->store, setting, (const char *)text.data);
    espy_buf_free(call->cx, &text);
    ESPY_TRY(e);
    return espy_smart_reply_message(
        call, 200, "Kept; it names the classes of the classifier that is uploaded next");
}

/* What waits is read into the model, if there is any. */
static espy_err model_waiting(espy_call *call, const char *setting, model_parse_fn *parse,
                              espy_sk_model *m)
{
    char *text = NULL;
    espy_buf bytes;
    espy_buf_init(&bytes, MODEL_WAITING);
    ESPY_TRY(espy_store_setting(call->cx, call->ws->store, setting, &text));
    if (!text)
        return ESPY_E_OK;
    espy_err e = espy_base64_decode(call->cx, text, strlen(text), &bytes);
    if (e == ESPY_E_OK)
        e = parse(call->cx, espy_span_of(&bytes), m);
    espy_buf_free(call->cx, &bytes);
    espy_free(call->cx, text);
    return e;
}

static espy_err model_parse(espy_call *call, espy_span bytes, espy_sk_model *m)
{
    ESPY_TRY(espy_sk_parse(call->cx, bytes, m));
    ESPY_TRY(model_waiting(call, MODEL_ENCODER, espy_sk_parse_label_encoder, m));
    return m->labels ? ESPY_E_OK : model_waiting(call, MODEL_CLASSES, espy_sk_parse_classes, m);
}

static espy_err model_reply(espy_call *call, const espy_collection *c, const espy_sk_model *m,
                            int64_t version)
{
    espy_made o = espy_make_object(call->cx);
    espy_json *v = NULL;
    espy_put_text(&o, "message", "The classifier answers from now on");
    espy_put_int(&o, "version", version);
    espy_put_text(&o, "collection", c->name);
    espy_put_int(&o, "classes", (int64_t)m->classes);
    ESPY_TRY(espy_made_end(&o, &v));
    return espy_reply_json(call, 200, v);
}

static espy_err model_adopt(espy_call *call, espy_span bytes)
{
    espy_ctx *cx = call->cx;
    espy_store *st = call->ws->store;
    const espy_encoder *encoder;
    espy_collection c = {0};
    espy_sk_model m = {0};
    int64_t version = 0;
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_smart_unread(call, model_parse(call, bytes, &m), "the file"));
    ESPY_GO(espy_smart_collection(call, &c));
    ESPY_GO(espy_models_encoder(cx, call->serving->models, call->ws, &c, &encoder));
    ESPY_GO(espy_flow_adopt(cx, call->ws, &c, encoder, &m, "upload-model", &version));
    ESPY_GO(espy_store_setting_set(cx, st, MODEL_ENCODER, NULL));
    ESPY_GO(espy_store_setting_set(cx, st, MODEL_CLASSES, NULL));
    e = model_reply(call, &c, &m, version);
out:
    espy_sk_free(cx, &m);
    espy_collection_free(cx, &c);
    return e;
}

static espy_err upload_model(espy_call *call)
{
    const char *type = espy_call_text(call, "type");
    espy_span bytes = espy_call_file(call, "file", 0)->bytes;
    if (strcmp(type, "encoder") == 0)
        return model_keep(call, MODEL_ENCODER, bytes, espy_sk_parse_label_encoder);
    if (strcmp(type, "classes") == 0)
        return model_keep(call, MODEL_CLASSES, bytes, espy_sk_parse_classes);
    return model_adopt(call, bytes);
}

static const espy_field upload_fields[] = {
    {"file", ESPY_IN_BODY, ESPY_FIELD_FILE, 1, 1, true, NULL, NULL,
     "face_classifier_v1.pkl, label_encoder.pkl or label_encoder_classes.npy; read without running "
     "anything in it"},
    {"type", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 16, true, NULL, "classifier|encoder|classes",
     "which of them; a classifier that names its classes needs no other file, else these come "
     "first"},
    {0}};

const espy_route espy_routes_smart_model[] = {
    {"POST", "/api/admin/upload-model", &espy_service_smartattendance, ESPY_MAY_ADMIN,
     ESPY_LANE_LONG, upload_fields, "Let a classifier answer that was trained elsewhere",
     "200 SmartUpload|422", upload_model},
    {0}};

const espy_schema espy_schemas_smart_model[] = {
    {"SmartUpload",
     "{\"type\":\"object\",\"required\":[\"message\"],\"properties\":{\"message\":{\"type\":"
     "\"string\"},\"version\":{\"type\":\"integer\"},\"collection\":{\"type\":\"string\"},"
     "\"classes\":{\"type\":\"integer\"}}}"},
    {0}};
