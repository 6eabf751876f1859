/* SPDX-License-Identifier: Apache-2.0
 * http - SmartAttendance's interface: trying it out, and which model answers. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "http/asked.h"
#include "http/smart.h"

/* What arrived, without its content. */
static espy_err echo(espy_call *call)
{
    espy_made m = espy_make_object(call->cx), files = espy_make_array(call->cx);
    espy_json *v = NULL;
    for (size_t i = 0; i < espy_call_files(call, "image"); i++) {
        const espy_upload *u = espy_call_file(call, "image", i);
        espy_made one = espy_make_object(call->cx);
        espy_put_text(&one, "file", u->file);
        espy_put_text(&one, "content_type", u->type);
        espy_put_int(&one, "bytes", (int64_t)u->bytes.size);
        espy_put_made(&files, NULL, &one);
    }
    espy_put_text(&m, "status", "ok");
    espy_put_text(&m, "method", call->method);
    espy_put_text(&m, "content_type", espy_call_header(call, "Content-Type"));
    espy_put_text(&m, "message", espy_call_text(call, "message"));
    espy_put_made(&m, "files", &files);
    espy_put_time(&m, "timestamp", espy_time_now());
    ESPY_TRY(espy_made_end(&m, &v));
    return espy_reply_json(call, 200, v);
}

static espy_err recognition_test(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_smart_seen seen;
    espy_label l = {0};
    espy_json *v = NULL;
    int64_t collection;
    ESPY_TRY(espy_smart_look(call, call->who.user, &seen));
    if (seen.word != ESPY_SMART_RECOGNIZED)
        return espy_smart_reply_word(call, &seen);
    ESPY_TRY(espy_smart_collection_id(call, &collection));
    espy_err e = espy_store_label_find(cx, call->ws->store, collection, seen.code, &l);
    if (e == ESPY_E_NOT_FOUND) { /* learned, but no student any more */
        espy_clear(cx);
        seen.word = ESPY_SMART_UNKNOWN;
        return espy_smart_reply_word(call, &seen);
    }
    ESPY_TRY(e);
    espy_made m = espy_make_object(cx);
    espy_put_text(&m, "status", "recognized");
    espy_put_text(&m, "message", "Recognized; nothing was recorded");
    espy_put_text(&m, "student_id", l.code);
    espy_put_text(&m, "student_name", l.name);
    espy_put_real(&m, "confidence", seen.probability);
    espy_smart_put_box(&m, "bbox", seen.box);
    espy_label_free(cx, &l);
    ESPY_TRY(espy_made_end(&m, &v));
    return espy_reply_json(call, 200, v);
}

/* -- the model --------------------------------------------------------------------------------- */
static void put_files(espy_made *m, bool loaded)
{
    static const char *const names[] = {"classifier", "label_encoder", "label_classes"};
    espy_made o = espy_make_object(m->cx);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        espy_put_bool(&o, names[i], loaded);
    espy_put_made(m, "files", &o);
}

static void put_model(espy_made *m, const espy_model *model)
{
    char path[96];
    const espy_version *v = &model->id.version;
    snprintf(path, sizeof path, "collections/%lld/versions/%lld",
             (long long)model->id.collection.id, (long long)v->number);
    espy_put_text(m, "model_path", path);
    espy_put_int(m, "version", v->number);
    espy_put_text(m, "classifier_type", v->head);
    espy_put_time(m, "training_date", v->created);
    espy_put_int(m, "classes", (int64_t)model->id.gallery.n_labels);
    espy_put_text(m, "embedding_model", model->id.collection.encoder);
}

/* What was learned lies in one version: its files are there together, or none is. */
static espy_err status_reply(espy_call *call, const char *message)
{
    espy_ctx *cx = call->cx;
    espy_collection c = {0};
    espy_model *model = NULL;
    espy_json *v = NULL;
    double threshold;
    ESPY_TRY(espy_smart_threshold_now(call, 0, &threshold));
    ESPY_TRY(espy_smart_collection(call, &c));
    espy_err e = espy_models_get(cx, call->serving->models, call->ws, &c, 0, &model);
    espy_collection_free(cx, &c);
    if (e == ESPY_E_NOT_FOUND)
        espy_clear(cx);
    else
        ESPY_TRY(e);
    espy_made m = espy_make_object(cx);
    if (message)
        espy_put_text(&m, "message", message);
    espy_put_bool(&m, "model_loaded", model != NULL);
    if (model)
        put_model(&m, model);
    else
        espy_put_null(&m, "model_path");
    put_files(&m, model != NULL);
    espy_put_real(&m, "threshold", threshold);
    espy_models_put(cx, call->serving->models, &model);
    ESPY_TRY(espy_made_end(&m, &v));
    return espy_reply_json(call, 200, v);
}

static espy_err model_status(espy_call *call)
{
    return status_reply(call, NULL);
}

static espy_err reload_models(espy_call *call)
{
    espy_models_forget(call->cx, call->serving->models);
    return status_reply(call, "Models reloaded");
}

static const espy_field echo_fields[] = {
    {"message", ESPY_IN_EITHER, ESPY_FIELD_TEXT, 0, 1024, false, NULL, NULL, "comes back"},
    {"image", ESPY_IN_BODY, ESPY_FIELD_FILE, 0, 10, false, NULL, NULL, "is measured"},
    {0}};

static const espy_field image_fields[] = {ESPY_SMART_IMAGE, {0}};

const espy_route espy_routes_smart_debug[] = {
    {"GET", "/api/debug/echo", &espy_service_smartattendance, ESPY_ANYONE, ESPY_LANE_QUICK,
     echo_fields, "What arrives at the server", "200 SmartEcho", echo},
    {"POST", "/api/debug/echo", &espy_service_smartattendance, ESPY_ANYONE, ESPY_LANE_QUICK,
     echo_fields, "What arrives at the server", "200 SmartEcho", echo},
    {"POST", "/api/debug/recognition-test", &espy_service_smartattendance, ESPY_MAY_IDENTIFY,
     ESPY_LANE_INFER, image_fields, "Recognise without recording anything", "200 SmartRecognition",
     recognition_test},
    {"GET", "/api/debug/model-status", &espy_service_smartattendance, ESPY_MAY_READ,
     ESPY_LANE_INFER, NULL, "Which model answers", "200 SmartModel", model_status},
    {"POST", "/api/debug/reload-models", &espy_service_smartattendance, ESPY_MAY_ADMIN,
     ESPY_LANE_INFER, NULL, "Open the model anew", "200 SmartModel", reload_models},
    {0}};

const espy_schema espy_schemas_smart_debug[] = {
    {"SmartEcho", "{\"type\":\"object\",\"required\":[\"status\",\"method\",\"files\"],"
                  "\"properties\":{\"status\":{\"type\":\"string\"},\"method\":{\"type\":"
                  "\"string\"},\"content_type\":{\"type\":[\"string\",\"null\"]},\"message\":{"
                  "\"type\":[\"string\",\"null\"]},\"files\":{\"type\":\"array\"},\"timestamp\":{"
                  "\"type\":\"string\"}}}"},
    {"SmartModel",
     "{\"type\":\"object\",\"required\":[\"model_loaded\",\"model_path\",\"files\",\"threshold\"],"
     "\"properties\":{\"message\":{\"type\":\"string\"},\"model_loaded\":{\"type\":\"boolean\"},"
     "\"model_path\":{\"type\":[\"string\",\"null\"]},\"version\":{\"type\":\"integer\"},"
     "\"classifier_type\":{\"type\":\"string\"},\"training_date\":{\"type\":\"string\"},"
     "\"classes\":{\"type\":\"integer\"},\"embedding_model\":{\"type\":\"string\"},\"files\":{"
     "\"type\":\"object\",\"properties\":{\"classifier\":{\"type\":\"boolean\"},\"label_encoder\":{"
     "\"type\":\"boolean\"},\"label_classes\":{\"type\":\"boolean\"}}},\"threshold\":{\"type\":"
     "\"number\"}}}"},
    {0}};
